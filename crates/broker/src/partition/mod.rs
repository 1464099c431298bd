//! One broker's replica of a partition, as leader or follower (`kafka.cluster.Partition`).
//!
//! It decides by epochs, ISR and what followers fetched. The records are in the log, which is handed in with every step;
//! requests, waiting and networks are the replica manager's. It refuses to know other brokers except by what they sent.

mod follower;
mod high_watermark;
mod isr;
mod leader;
mod read;
mod replica;
mod report;
mod state;

pub use isr::AnswerOutcome;
pub(crate) use leader::FetchedBy;
pub use leader::{AppendFailure, LeaderAppend};
pub use read::{FetchIsolation, FoundOffset, LogReadInfo, OffsetAndEpoch, ReadRequest};
pub use replica::Replica;
pub use state::{Assignment, IsrChange, PartitionState, PendingChange, SentLeaderAndIsr};

pub(crate) use report::Marks;

use crate::view::{MetadataView, PartitionRegistration};
use log::UnifiedLog;
use protocol::{
    BrokerEpoch, Ctx, ErrorCode, LeaderEpoch, Ms, NodeId, Offset, PartitionEpoch, Protection,
    TopicPartition, Uuid,
};
use std::collections::{BTreeMap, BTreeSet};

/// The surroundings of one step of one partition.
pub(crate) struct Env<'a, 'c> {
    pub me: NodeId,
    pub broker_epoch: BrokerEpoch,
    pub lag_max_ms: Ms,
    pub metadata: &'a MetadataView,
    pub log: &'a mut UnifiedLog,
    pub ctx: &'a mut Ctx<'c>,
}

impl Env<'_, '_> {
    pub fn on(&self, protection: Protection) -> bool {
        self.ctx.protections.on(protection)
    }

    pub fn now_ms(&self) -> Ms {
        self.ctx.now.ms()
    }
}

/// State of the replica beside its log. Offsets of the log itself are asked of the log.
#[derive(Clone, Debug)]
pub struct Partition {
    topic_partition: TopicPartition,
    topic_id: Uuid,
    partition_epoch: PartitionEpoch,
    /// −1 before the first registration.
    leader_epoch: LeaderEpoch,
    /// Log end when the leader epoch began; defined on the leader.
    leader_epoch_start_offset: Option<Offset>,
    /// `None` until a registration was applied; `NodeId::NONE` when there is no leader.
    leader_replica_id: Option<NodeId>,
    state: PartitionState,
    assignment: Assignment,
    remote_replicas: BTreeMap<NodeId, Replica>,
}

impl Partition {
    /// A partition that no registration has reached (`LeaderAndIsr.INITIAL_PARTITION_EPOCH`, leader epoch one below the
    /// first).
    pub fn new(topic_partition: TopicPartition, topic_id: Uuid) -> Self {
        Self {
            topic_partition,
            topic_id,
            partition_epoch: PartitionEpoch(0),
            leader_epoch: LeaderEpoch(-1),
            leader_epoch_start_offset: None,
            leader_replica_id: None,
            state: PartitionState::default(),
            assignment: Assignment::default(),
            remote_replicas: BTreeMap::new(),
        }
    }

    pub fn topic_partition(&self) -> &TopicPartition {
        &self.topic_partition
    }

    pub fn topic_id(&self) -> Uuid {
        self.topic_id
    }

    pub fn partition_epoch(&self) -> PartitionEpoch {
        self.partition_epoch
    }

    pub fn leader_epoch(&self) -> LeaderEpoch {
        self.leader_epoch
    }

    pub fn leader_epoch_start_offset(&self) -> Option<Offset> {
        self.leader_epoch_start_offset
    }

    pub fn leader_replica_id(&self) -> Option<NodeId> {
        self.leader_replica_id
    }

    pub fn state(&self) -> &PartitionState {
        &self.state
    }

    pub fn assignment(&self) -> &Assignment {
        &self.assignment
    }

    pub fn remote_replicas(&self) -> &BTreeMap<NodeId, Replica> {
        &self.remote_replicas
    }

    pub fn is_leader(&self, me: NodeId) -> bool {
        self.leader_replica_id == Some(me)
    }

    pub fn is_adding_replica(&self, replica: NodeId) -> bool {
        self.assignment.adding.contains(&replica)
    }

    /// `min(min.insync.replicas, replicas)` (`Partition.effectiveMinIsr`); on the leader.
    pub fn effective_min_isr(&self, min_insync_replicas: i32) -> usize {
        let configured = usize::try_from(min_insync_replicas).unwrap_or(0);
        configured.min(self.remote_replicas.len() + 1)
    }

    fn is_under_min_isr(&self, env: &Env) -> bool {
        self.is_leader(env.me)
            && self.state.isr().len() < self.effective_min_isr(env.log.config().min_insync_replicas)
    }

    /// Leader epoch of a request against the own one; absent is unchecked (`checkCurrentLeaderEpoch`).
    fn check_current_leader_epoch(
        &self,
        requested: Option<LeaderEpoch>,
        env: &Env,
    ) -> Result<(), ErrorCode> {
        match requested {
            Some(epoch) if env.on(Protection::FetchEpochFencing) => {
                match epoch.cmp(&self.leader_epoch) {
                    std::cmp::Ordering::Less => Err(ErrorCode::FencedLeaderEpoch),
                    std::cmp::Ordering::Greater => Err(ErrorCode::UnknownLeaderEpoch),
                    std::cmp::Ordering::Equal => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }

    /// Epoch check, then role check (`localLogWithEpochOrThrow`).
    pub(crate) fn check_local(
        &self,
        current_leader_epoch: Option<LeaderEpoch>,
        only_from_leader: bool,
        env: &Env,
    ) -> Result<(), ErrorCode> {
        self.check_current_leader_epoch(current_leader_epoch, env)?;
        if only_from_leader && !self.is_leader(env.me) {
            return Err(ErrorCode::NotLeaderOrFollower);
        }
        Ok(())
    }

    /// `Partition.updateAssignmentAndIsr`: replicas that stay keep what is known of them; a pending change is dropped.
    fn update_assignment_and_isr(
        &mut self,
        registration: &PartitionRegistration,
        me: NodeId,
        isr: BTreeSet<NodeId>,
    ) {
        if registration.leader == me {
            let followers: BTreeSet<_> = registration
                .replicas
                .iter()
                .copied()
                .filter(|&r| r != me)
                .collect();
            self.remote_replicas.retain(|id, _| followers.contains(id));
            for id in followers {
                self.remote_replicas.entry(id).or_default();
            }
        } else {
            self.remote_replicas.clear();
        }
        self.assignment = Assignment {
            replicas: registration.replicas.clone(),
            adding: registration.adding_replicas.clone(),
            removing: registration.removing_replicas.clone(),
        };
        self.state = PartitionState::Committed(isr);
    }
}
