//! The next record about a partition.
//!
//! One order of decisions, whatever the occasion: complete a reassignment, keep the ELR, elect, bump the leader epoch,
//! then write down what differs. It does not know who asked.

use protocol::{NodeId, Uuid};
use std::collections::BTreeMap;

use super::election::Candidates;
use super::{
    Elected, Election, LeaderRecoveryState, PartitionReassignmentReplicas, PartitionRegistration,
};
use crate::hash_order;
use crate::metadata_version::MetadataVersion;
use crate::record::{ApiMessageAndVersion, PartitionChangeRecord};

/// Collects what is wanted of a partition and makes the record (`org.apache.kafka.controller.PartitionChangeBuilder`).
pub struct PartitionChangeBuilder<'a> {
    partition: &'a PartitionRegistration,
    topic_id: Uuid,
    partition_id: i32,
    around: Surroundings<'a>,
    election: Election,
    unclean_shutdown: Option<NodeId>,
    isr: Vec<NodeId>,
    replicas: Vec<NodeId>,
    removing: Vec<NodeId>,
    adding: Vec<NodeId>,
    elr: Vec<NodeId>,
    recovery_state: LeaderRecoveryState,
    directories: BTreeMap<NodeId, Uuid>,
}

/// What the builder has to be told of the topic and of the cluster.
#[derive(Clone, Copy)]
pub struct Surroundings<'a> {
    pub metadata_version: MetadataVersion,
    /// `min(min.insync.replicas, replication factor)` of the topic.
    pub min_isr: usize,
    pub elr_enabled: bool,
    /// May this replica lead: registered, unfenced, not shutting down, and its directory online.
    pub acceptable: &'a dyn Fn(NodeId) -> bool,
    /// The directory of a new replica on a broker.
    pub default_dir: &'a dyn Fn(NodeId) -> Uuid,
}

impl<'a> PartitionChangeBuilder<'a> {
    pub fn new(
        partition: &'a PartitionRegistration,
        topic_id: Uuid,
        partition_id: i32,
        around: Surroundings<'a>,
    ) -> Self {
        Self {
            partition,
            topic_id,
            partition_id,
            around,
            election: Election::Online,
            unclean_shutdown: None,
            isr: partition.isr.clone(),
            replicas: partition.replicas.clone(),
            removing: partition.removing_replicas.clone(),
            adding: partition.adding_replicas.clone(),
            elr: partition.elr.clone(),
            recovery_state: partition.leader_recovery_state,
            directories: partition
                .replicas
                .iter()
                .copied()
                .zip(partition.directories.iter().copied())
                .collect(),
        }
    }

    #[must_use]
    pub fn election(mut self, election: Election) -> Self {
        self.election = election;
        self
    }

    #[must_use]
    pub fn target_isr(mut self, isr: Vec<NodeId>) -> Self {
        self.isr = isr;
        self
    }

    #[must_use]
    pub fn target_replicas(mut self, replicas: Vec<NodeId>) -> Self {
        self.replicas = replicas;
        self
    }

    #[must_use]
    pub fn target_removing(mut self, removing: Vec<NodeId>) -> Self {
        self.removing = removing;
        self
    }

    #[must_use]
    pub fn target_adding(mut self, adding: Vec<NodeId>) -> Self {
        self.adding = adding;
        self
    }

    #[must_use]
    pub fn target_recovery_state(mut self, state: LeaderRecoveryState) -> Self {
        self.recovery_state = state;
        self
    }

    #[must_use]
    pub fn directory(mut self, broker: NodeId, dir: Uuid) -> Self {
        self.directories.insert(broker, dir);
        self
    }

    /// This broker may have lost records: it is no candidate for the ELR.
    #[must_use]
    pub fn unclean_shutdown(mut self, broker: NodeId) -> Self {
        self.unclean_shutdown = Some(broker);
        self
    }

    /// The record, or None if nothing would change (`PartitionChangeBuilder.build`).
    pub fn build(mut self) -> Option<ApiMessageAndVersion> {
        let mut record = PartitionChangeRecord::unchanged(self.topic_id, self.partition_id);
        self.complete_reassignment();
        self.populate_elr();
        self.try_election(&mut record);
        self.bump_leader_epoch_for_lost_replicas(&mut record);
        self.record_elr(&mut record);
        self.record_isr(&mut record);
        self.bump_leader_epoch_for_isr_shrink(&mut record);
        self.record_last_known_leader(&mut record);
        self.record_assignment(&mut record);
        if self.recovery_state != self.partition.leader_recovery_state {
            record.leader_recovery_state = Some(self.recovery_state);
        }
        let version = self
            .around
            .metadata_version
            .partition_change_record_version();
        (!record.is_no_op()).then(|| ApiMessageAndVersion::new(record, version))
    }

    fn complete_reassignment(&mut self) {
        let reassignment = PartitionReassignmentReplicas {
            removing: self.removing.clone(),
            adding: self.adding.clone(),
            replicas: self.replicas.clone(),
        };
        if let Some((replicas, isr)) = reassignment.maybe_complete(&self.isr) {
            self.replicas = replicas;
            self.isr = isr;
            self.removing.clear();
            self.adding.clear();
        }
    }

    /// Below the minimum, whoever leaves the ISR stays eligible, because the high watermark cannot pass it
    /// (`maybePopulateTargetElr`).
    fn populate_elr(&mut self) {
        if !self.around.elr_enabled {
            return;
        }
        if self.isr.len() >= self.around.min_isr {
            self.elr.clear();
            return;
        }
        let mut elr = std::mem::take(&mut self.elr);
        for replica in &self.partition.isr {
            if !elr.contains(replica) {
                elr.push(*replica);
            }
        }
        hash_order::sort(&mut elr, |r| r.0);
        elr.retain(|r| !self.isr.contains(r) && Some(*r) != self.unclean_shutdown);
        self.elr = elr;
    }

    fn elect(&self) -> Elected {
        let partition = self.partition;
        let nothing_else = self.isr.is_empty() && self.elr.is_empty();
        // Only one broker is ever remembered; more would come from a kind of recovery that 4.3 does not have.
        let last_known = match partition.last_known_elr[..] {
            [last] if self.around.elr_enabled && nothing_else => Some(last),
            _ => None,
        };
        Candidates {
            leader: partition.leader,
            replicas: &self.replicas,
            isr: &self.isr,
            elr: &self.elr,
            last_known,
            acceptable: self.around.acceptable,
        }
        .elect(self.election)
    }

    fn try_election(&mut self, record: &mut PartitionChangeRecord) {
        let elected = self.elect();
        let node = elected.node();
        if node == self.partition.leader {
            return;
        }
        if self.elr.contains(&node) {
            self.isr = vec![node];
            self.elr.retain(|&r| r != node);
        }
        record.leader = Some(node);
        if elected.is_unclean() {
            record.isr = Some(vec![node]);
            if self.partition.leader_recovery_state != LeaderRecoveryState::Recovering {
                record.leader_recovery_state = Some(LeaderRecoveryState::Recovering);
            }
        }
    }

    /// A replica that is dropped must learn of it: the same leader starts a new epoch.
    fn bump_leader_epoch_for_lost_replicas(&self, record: &mut PartitionChangeRecord) {
        let lost = self
            .partition
            .replicas
            .iter()
            .any(|r| !self.replicas.contains(r));
        if record.leader.is_none() && lost {
            record.leader = Some(self.partition.leader);
        }
    }

    fn record_elr(&mut self, record: &mut PartitionChangeRecord) {
        if record.isr.is_some() || !self.around.elr_enabled {
            self.elr.clear();
        }
        if self.elr != self.partition.elr {
            record.eligible_leader_replicas = Some(self.elr.clone());
        }
    }

    /// Without ELR an ISR never becomes empty on record: its last member stays, so that it can be elected again.
    fn record_isr(&self, record: &mut PartitionChangeRecord) {
        let may_record = self.around.elr_enabled || !self.isr.is_empty();
        if record.isr.is_none() && may_record && self.isr != self.partition.isr {
            record.isr = Some(self.isr.clone());
        }
    }

    /// Only before metadata version 3.6: brokers of that time could lose a follower's state without it (KAFKA-15021).
    fn bump_leader_epoch_for_isr_shrink(&self, record: &mut PartitionChangeRecord) {
        let required = self
            .around
            .metadata_version
            .is_leader_epoch_bump_required_on_isr_shrink();
        if let Some(isr) = &record.isr
            && required
            && record.leader.is_none()
            && self.partition.isr.iter().any(|r| !isr.contains(r))
        {
            record.leader = Some(self.partition.leader);
        }
    }

    /// Remembers the leader when the partition loses it for the first time, forgets it with the next leader.
    fn record_last_known_leader(&self, record: &mut PartitionChangeRecord) {
        let Some(leader) = record.leader else { return };
        if !self.around.elr_enabled {
            return;
        }
        let remembered = !self.partition.last_known_elr.is_empty();
        if leader.is_none() && !remembered {
            record.last_known_elr = Some(vec![self.partition.leader]);
        } else if leader.0 >= 0 && remembered {
            record.last_known_elr = Some(Vec::new());
        }
    }

    fn record_assignment(&self, record: &mut PartitionChangeRecord) {
        let partition = self.partition;
        if !self.replicas.is_empty() {
            if self
                .around
                .metadata_version
                .is_directory_assignment_supported()
            {
                let dir = |r: &NodeId| {
                    self.directories
                        .get(r)
                        .copied()
                        .unwrap_or_else(|| (self.around.default_dir)(*r))
                };
                let directories: Vec<Uuid> = self.replicas.iter().map(dir).collect();
                if directories != partition.directories {
                    record.directories = Some(directories);
                }
            }
            if self.replicas != partition.replicas {
                record.replicas = Some(self.replicas.clone());
            }
        }
        if self.removing != partition.removing_replicas {
            record.removing_replicas = Some(self.removing.clone());
        }
        if self.adding != partition.adding_replicas {
            record.adding_replicas = Some(self.adding.clone());
        }
    }
}
