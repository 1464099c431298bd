//! What the metadata log says of one partition.

use protocol::{LeaderEpoch, NodeId, PartitionEpoch, Uuid};
use serde::Serialize;

use crate::directory_id;
use crate::record::{PartitionChangeRecord, PartitionRecord};

/// Whether the leader was elected without being in the ISR and has not yet said that it recovered (KIP-704).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum LeaderRecoveryState {
    #[default]
    Recovered,
    Recovering,
}

impl LeaderRecoveryState {
    /// The value on the wire: 0 recovered, 1 recovering.
    pub const fn value(self) -> i8 {
        self as i8
    }

    pub const fn of(value: i8) -> Option<Self> {
        match value {
            0 => Some(Self::Recovered),
            1 => Some(Self::Recovering),
            _ => None,
        }
    }

    pub const fn name(self) -> &'static str {
        match self {
            Self::Recovered => "RECOVERED",
            Self::Recovering => "RECOVERING",
        }
    }
}

/// State of a partition (`org.apache.kafka.metadata.PartitionRegistration`).
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct PartitionRegistration {
    /// In order of preference; while a reassignment runs, the target first and then what it removes.
    pub replicas: Vec<NodeId>,
    /// The directory of each replica, parallel to `replicas`.
    pub directories: Vec<Uuid>,
    pub isr: Vec<NodeId>,
    pub removing_replicas: Vec<NodeId>,
    pub adding_replicas: Vec<NodeId>,
    /// `NodeId::NONE` while there is none.
    pub leader: NodeId,
    pub leader_recovery_state: LeaderRecoveryState,
    pub leader_epoch: LeaderEpoch,
    pub partition_epoch: PartitionEpoch,
    /// Replicas outside the ISR that hold everything committed (KIP-966).
    pub elr: Vec<NodeId>,
    /// The leader that was the last when the partition lost its leader: at most one (KIP-966 as of 4.x).
    pub last_known_elr: Vec<NodeId>,
}

impl PartitionRegistration {
    /// A new partition: the first of the ISR leads, both epochs are 0.
    pub fn new(replicas: Vec<NodeId>, directories: Vec<Uuid>, isr: Vec<NodeId>) -> Self {
        Self {
            leader: isr.first().copied().unwrap_or(NodeId::NONE),
            replicas,
            directories,
            isr,
            removing_replicas: Vec::new(),
            adding_replicas: Vec::new(),
            leader_recovery_state: LeaderRecoveryState::Recovered,
            leader_epoch: LeaderEpoch(0),
            partition_epoch: PartitionEpoch(0),
            elr: Vec::new(),
            last_known_elr: Vec::new(),
        }
    }

    /// The partition that a record describes.
    pub fn from_record(record: &PartitionRecord) -> Self {
        Self {
            directories: directories_or_migrating(&record.directories, record.replicas.len()),
            replicas: record.replicas.clone(),
            isr: record.isr.clone(),
            removing_replicas: record.removing_replicas.clone(),
            adding_replicas: record.adding_replicas.clone(),
            leader: record.leader,
            leader_recovery_state: record.leader_recovery_state,
            leader_epoch: record.leader_epoch,
            partition_epoch: record.partition_epoch,
            elr: record.eligible_leader_replicas.clone().unwrap_or_default(),
            last_known_elr: record.last_known_elr.clone().unwrap_or_default(),
        }
    }

    /// The record that describes this partition; ELR fields only with `elr_enabled`, and only if they hold something.
    pub fn to_record(
        &self,
        topic_id: Uuid,
        partition_id: i32,
        elr_enabled: bool,
    ) -> PartitionRecord {
        let optional = |list: &Vec<NodeId>| (elr_enabled && !list.is_empty()).then(|| list.clone());
        PartitionRecord {
            partition_id,
            topic_id,
            replicas: self.replicas.clone(),
            isr: self.isr.clone(),
            removing_replicas: self.removing_replicas.clone(),
            adding_replicas: self.adding_replicas.clone(),
            leader: self.leader,
            leader_recovery_state: self.leader_recovery_state,
            leader_epoch: self.leader_epoch,
            partition_epoch: self.partition_epoch,
            directories: self.directories.clone(),
            eligible_leader_replicas: optional(&self.elr),
            last_known_elr: optional(&self.last_known_elr),
        }
    }

    /// The partition after a change: the partition epoch goes up by one, the leader epoch too iff the record names a
    /// leader, even the same one (`PartitionRegistration.merge`).
    #[must_use]
    pub fn merge(&self, change: &PartitionChangeRecord) -> Self {
        let list = |new: &Option<Vec<NodeId>>, old: &Vec<NodeId>| {
            new.clone().unwrap_or_else(|| old.clone())
        };
        let replicas = list(&change.replicas, &self.replicas);
        let directories = change.directories.as_ref().unwrap_or(&self.directories);
        Self {
            directories: directories_or_migrating(directories, replicas.len()),
            replicas,
            isr: list(&change.isr, &self.isr),
            removing_replicas: list(&change.removing_replicas, &self.removing_replicas),
            adding_replicas: list(&change.adding_replicas, &self.adding_replicas),
            leader: change.leader.unwrap_or(self.leader),
            leader_recovery_state: change
                .leader_recovery_state
                .unwrap_or(self.leader_recovery_state),
            leader_epoch: if change.leader.is_some() {
                self.leader_epoch.next()
            } else {
                self.leader_epoch
            },
            partition_epoch: self.partition_epoch.next(),
            elr: list(&change.eligible_leader_replicas, &self.elr),
            last_known_elr: list(&change.last_known_elr, &self.last_known_elr),
        }
    }

    pub fn has_leader(&self) -> bool {
        !self.leader.is_none()
    }

    /// The first replica.
    pub fn preferred_replica(&self) -> NodeId {
        self.replicas.first().copied().unwrap_or(NodeId::NONE)
    }

    pub fn has_preferred_leader(&self) -> bool {
        self.leader == self.preferred_replica()
    }

    pub fn is_reassigning(&self) -> bool {
        !self.removing_replicas.is_empty() || !self.adding_replicas.is_empty()
    }

    /// The directory of a broker's replica; None if it has no replica here.
    pub fn directory(&self, broker: NodeId) -> Option<Uuid> {
        let at = self.replicas.iter().position(|&r| r == broker)?;
        self.directories.get(at).copied()
    }
}

/// Records from before directory ids carry none, or only the mark for "not told yet".
fn directories_or_migrating(directories: &[Uuid], replicas: usize) -> Vec<Uuid> {
    if directories.iter().all(|&d| d == directory_id::MIGRATING) {
        vec![directory_id::MIGRATING; replicas]
    } else {
        directories.to_vec()
    }
}
