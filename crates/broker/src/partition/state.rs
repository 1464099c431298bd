//! What a leader holds about its ISR: committed, or with one change on its way to the controller.
//!
//! Values only; when a change may be proposed and what an answer does to it is in [`super::isr`].

use protocol::{BrokerEpoch, LeaderEpoch, NodeId, PartitionEpoch};
use std::collections::BTreeSet;

/// The change as it was put to the controller (`LeaderAndIsr` as sent).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentLeaderAndIsr {
    pub leader_epoch: LeaderEpoch,
    pub partition_epoch: PartitionEpoch,
    /// Ascending by broker id.
    pub isr: Vec<(NodeId, BrokerEpoch)>,
}

/// What a pending change would do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IsrChange {
    Expand(NodeId),
    Shrink(BTreeSet<NodeId>),
}

/// A change that the controller has not answered (`PendingPartitionChange`). Two are the same change if all is equal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingChange {
    pub change: IsrChange,
    pub sent: SentLeaderAndIsr,
    pub last_committed: BTreeSet<NodeId>,
}

/// `PartitionState`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PartitionState {
    Committed(BTreeSet<NodeId>),
    Pending(PendingChange),
}

impl Default for PartitionState {
    fn default() -> Self {
        Self::Committed(BTreeSet::new())
    }
}

impl PartitionState {
    /// The ISR that the controller is known to have.
    pub fn isr(&self) -> &BTreeSet<NodeId> {
        match self {
            Self::Committed(isr) => isr,
            Self::Pending(pending) => &pending.last_committed,
        }
    }

    /// The ISR including a replica whose admission is not confirmed. A shrink counts only once it is confirmed.
    pub fn maximal_isr(&self) -> BTreeSet<NodeId> {
        let mut isr = self.isr().clone();
        if let Some(IsrChange::Expand(replica)) = self.pending().map(|p| &p.change) {
            isr.insert(*replica);
        }
        isr
    }

    pub fn in_maximal_isr(&self, replica: NodeId) -> bool {
        self.isr().contains(&replica)
            || matches!(self.pending().map(|p| &p.change), Some(IsrChange::Expand(r)) if *r == replica)
    }

    pub fn maximal_isr_len(&self) -> usize {
        self.isr().len()
            + usize::from(matches!(
                self.pending().map(|p| &p.change),
                Some(IsrChange::Expand(_))
            ))
    }

    pub fn pending(&self) -> Option<&PendingChange> {
        match self {
            Self::Committed(_) => None,
            Self::Pending(pending) => Some(pending),
        }
    }

    pub fn is_in_flight(&self) -> bool {
        self.pending().is_some()
    }
}

/// The assigned replicas, in the controller's order (`AssignmentState`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Assignment {
    pub replicas: Vec<NodeId>,
    pub adding: Vec<NodeId>,
    pub removing: Vec<NodeId>,
}

impl Assignment {
    pub fn is_reassigning(&self) -> bool {
        !self.adding.is_empty() || !self.removing.is_empty()
    }
}
