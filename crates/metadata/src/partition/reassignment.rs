//! Moving a partition to other brokers: what a reassignment adds and removes, when it is complete, how it is undone.

use protocol::NodeId;

use super::PartitionRegistration;

/// A reassignment, planned or under way (`PartitionReassignmentReplicas`).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PartitionReassignmentReplicas {
    /// Ascending when planned here.
    pub removing: Vec<NodeId>,
    /// Ascending when planned here.
    pub adding: Vec<NodeId>,
    /// The target in its own order, then what is removed.
    pub replicas: Vec<NodeId>,
}

fn without(list: &[NodeId], gone: &[NodeId]) -> Vec<NodeId> {
    list.iter().copied().filter(|r| !gone.contains(r)).collect()
}

fn sorted_set(mut list: Vec<NodeId>) -> Vec<NodeId> {
    list.sort();
    list.dedup();
    list
}

fn contains_all(list: &[NodeId], wanted: &[NodeId]) -> bool {
    wanted.iter().all(|r| list.contains(r))
}

impl PartitionReassignmentReplicas {
    /// From the replicas of now to `target`.
    pub fn plan(current: &[NodeId], target: &[NodeId]) -> Self {
        let removing = sorted_set(without(current, target));
        let adding = sorted_set(without(target, current));
        let mut replicas = target.to_vec();
        replicas.extend(&removing);
        Self {
            removing,
            adding,
            replicas,
        }
    }

    /// The reassignment that a partition is in, if any.
    pub fn ongoing(partition: &PartitionRegistration) -> Option<Self> {
        partition.is_reassigning().then(|| Self {
            removing: partition.removing_replicas.clone(),
            adding: partition.adding_replicas.clone(),
            replicas: partition.replicas.clone(),
        })
    }

    /// If the reassignment is complete with this ISR: the replicas and the ISR that remain.
    ///
    /// Since 4.3 it is complete when every added replica is in the ISR; a shrinking replication factor waits for the
    /// whole target, so that the ISR does not get smaller than it needs
    /// (`PartitionReassignmentReplicas.maybeCompleteReassignment`). Before, every reassignment waited for the whole target.
    pub fn maybe_complete(&self, target_isr: &[NodeId]) -> Option<(Vec<NodeId>, Vec<NodeId>)> {
        if self.removing.is_empty() && self.adding.is_empty() {
            return None;
        }
        let isr = without(target_isr, &self.removing);
        let replicas = without(&self.replicas, &self.removing);
        if !self.removing.is_empty() && (isr.is_empty() || replicas.is_empty()) {
            return None;
        }
        let shrinks = self.adding.len() < self.removing.len();
        let complete =
            contains_all(&isr, &self.adding) && (!shrinks || contains_all(&isr, &replicas));
        complete.then_some((replicas, isr))
    }
}

/// What cancelling a reassignment leads back to (`PartitionReassignmentRevert`).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PartitionReassignmentRevert {
    /// The replicas without those that were being added, in the order they have now, which need not be the order they
    /// had before the reassignment.
    pub replicas: Vec<NodeId>,
    pub isr: Vec<NodeId>,
    /// Only added replicas were in the ISR: the first of the others is put into it, without a check that it is alive.
    pub unclean: bool,
}

impl PartitionReassignmentRevert {
    /// None if nothing but added replicas is left.
    pub fn new(partition: &PartitionRegistration) -> Option<Self> {
        let replicas = without(&partition.replicas, &partition.adding_replicas);
        let isr = without(&partition.isr, &partition.adding_replicas);
        if !isr.is_empty() {
            return Some(Self {
                replicas,
                isr,
                unclean: false,
            });
        }
        let first = *replicas.first()?;
        Some(Self {
            replicas,
            isr: vec![first],
            unclean: true,
        })
    }
}
