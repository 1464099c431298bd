//! Becoming leader, appending as leader, deleting records.

use super::{Env, Marks, Partition, Replica};
use crate::rules;
use crate::view::PartitionRegistration;
use log::{AppendOrigin, LogAppendInfo, LogError, LogOffsetMetadata, VerificationGuard};
use protocol::messages::Records;
use protocol::trace::{Fact, FactKey, FactKind, RuleId, Subject};
use protocol::{
    BrokerEpoch, ErrorCode, LeaderEpoch, Ms, NodeId, Offset, PartitionEpoch, Protection,
};
use std::collections::BTreeSet;

/// Outcome of a registration that names this broker leader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BecameLeader {
    pub hw_incremented: bool,
}

/// What a producer or coordinator appends to one partition.
#[derive(Clone, Debug)]
pub struct LeaderAppend {
    pub records: Records,
    pub origin: AppendOrigin,
    /// The proof that the records' transaction was verified (KIP-890).
    pub guard: Option<VerificationGuard>,
    /// Of a marker; 0 for anything else.
    pub transaction_version: i16,
}

/// Why nothing was appended: the code, and the index of each bad record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppendFailure {
    pub error: ErrorCode,
    pub bad_records: Vec<i32>,
}

impl From<ErrorCode> for AppendFailure {
    fn from(error: ErrorCode) -> Self {
        Self {
            error,
            bad_records: Vec::new(),
        }
    }
}

impl From<LogError> for AppendFailure {
    fn from(error: LogError) -> Self {
        let code = error.code();
        let bad_records = if let LogError::Records(_, indexes) = error {
            indexes
        } else {
            Vec::new()
        };
        Self {
            error: code,
            bad_records,
        }
    }
}

/// A DeleteRecords that was carried out (`LogDeleteRecordsResult`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DeletedRecords {
    pub requested: Offset,
    pub low_watermark: Offset,
}

impl Partition {
    /// `Partition.makeLeader`. The log exists. A registration with a lower partition epoch was already dropped.
    pub(crate) fn make_leader(
        &mut self,
        registration: &PartitionRegistration,
        env: &mut Env,
    ) -> BecameLeader {
        let is_new_leader = !self.is_leader(env.me);
        let is_new_epoch = registration.leader_epoch > self.leader_epoch;
        let isr: BTreeSet<NodeId> = registration.isr.iter().copied().collect();
        self.report_isr(&isr, rules::ISR_METADATA, env);
        self.update_assignment_and_isr(registration, env.me, isr.clone());
        if is_new_epoch {
            let start = env.log.log_end_offset();
            // Before any record of it: a follower of an earlier epoch must be told where that epoch ends.
            let now_ms = env.now_ms();
            env.log
                .assign_epoch_start_offset(registration.leader_epoch, start, now_ms)
                .expect("the controller gives no negative epoch");
            for (id, replica) in &mut self.remote_replicas {
                replica.reset(now_ms, start, is_new_leader, isr.contains(id));
            }
            self.set_leader_epoch(registration.leader_epoch, rules::LEADER_BECOME, env);
            self.set_epoch_start(Some(start), env);
        }
        self.set_partition_epoch(registration.partition_epoch, rules::PARTITION_EPOCH, env);
        self.set_leader(env.me, rules::LEADER_BECOME, env);
        BecameLeader {
            hw_incremented: self.maybe_increment_leader_hw(env),
        }
    }

    /// `Partition.appendRecordsToLeader`. Answers the append and whether the high watermark moved.
    pub(crate) fn append_records_to_leader(
        &self,
        append: &LeaderAppend,
        required_acks: i16,
        env: &mut Env,
    ) -> Result<(LogAppendInfo, bool), AppendFailure> {
        if !self.is_leader(env.me) {
            return Err(ErrorCode::NotLeaderOrFollower.into());
        }
        let min_isr = self.effective_min_isr(env.log.config().min_insync_replicas);
        if required_acks == -1 && self.state.isr().len() < min_isr {
            return Err(ErrorCode::NotEnoughReplicas.into());
        }
        let before = Marks::of(env.log);
        let now_ms = env.now_ms();
        let LeaderAppend {
            records,
            origin,
            guard,
            transaction_version,
        } = append;
        let appended = env.log.append_as_leader(
            records,
            self.leader_epoch,
            *origin,
            *guard,
            *transaction_version,
            now_ms,
        );
        self.report_marks(before, rules::APPEND_LEADER, env);
        let info = appended?;
        let hw_incremented = self.maybe_increment_leader_hw(env);
        Ok((info, hw_incremented))
    }

    /// `Partition.deleteRecordsOnLeader`. `offset` −1 stands for the high watermark.
    pub(crate) fn delete_records_on_leader(
        &self,
        offset: Offset,
        env: &mut Env,
    ) -> Result<DeletedRecords, ErrorCode> {
        if !self.is_leader(env.me) {
            return Err(ErrorCode::NotLeaderOrFollower);
        }
        let config = env.log.config();
        if config.compact && !config.delete {
            return Err(ErrorCode::PolicyViolation);
        }
        let requested = if offset.is_none() {
            env.log.high_watermark()
        } else {
            offset
        };
        if requested < Offset::ZERO {
            return Err(ErrorCode::OffsetOutOfRange);
        }
        let before = Marks::of(env.log);
        let now_ms = env.now_ms();
        env.log
            .maybe_increment_log_start_offset(requested, now_ms)
            .map_err(|e| e.code())?;
        self.report_marks(before, rules::DELETE_RECORDS, env);
        Ok(DeletedRecords {
            requested,
            low_watermark: self.low_watermark(env),
        })
    }

    /// Records what a fetch told of its sender (`Replica.updateFetchStateOrThrow`). Answers the replica's previous end, or
    /// NOT_LEADER_OR_FOLLOWER for an incarnation older than the registered one.
    pub(crate) fn update_follower_fetch_state(
        &mut self,
        follower: NodeId,
        fetched: FetchedBy,
        env: &mut Env,
    ) -> Result<Offset, ErrorCode> {
        let registered = env.metadata.alive_broker_epoch(follower);
        let stale = !fetched.broker_epoch.is_none()
            && registered.is_some_and(|epoch| epoch > fetched.broker_epoch);
        if stale && env.on(Protection::BrokerEpochInFetch) {
            return Err(ErrorCode::NotLeaderOrFollower);
        }
        let Some(replica) = self.remote_replicas.get_mut(&follower) else {
            return Err(ErrorCode::NotLeaderOrFollower);
        };
        let before = replica.clone();
        replica.fetched(
            fetched.end,
            fetched.log_start_offset,
            fetched.time_ms,
            fetched.leader_end_offset,
            fetched.broker_epoch,
        );
        let after = replica.clone();
        self.report_remote(follower, &before, &after, env);
        Ok(before.end_offset())
    }

    fn report_remote(&self, follower: NodeId, before: &Replica, after: &Replica, env: &mut Env) {
        let about = |kind| {
            FactKey::new(
                kind,
                Subject::Remote(env.me, follower, self.topic_partition.clone()),
            )
        };
        let (end, caught_up, start) = (
            about(FactKind::LogEndOffset),
            about(FactKind::LastCaughtUp),
            about(FactKind::LogStartOffset),
        );
        let leader_end = env.log.log_end_offset();
        let leo = FactKey::replica(FactKind::LogEndOffset, env.me, &self.topic_partition);
        env.ctx.changed(
            end,
            before.end_offset().0,
            after.end_offset().0,
            rules::FETCH_STATE,
            Vec::new,
        );
        env.ctx.changed(
            caught_up,
            before.last_caught_up_time_ms,
            after.last_caught_up_time_ms,
            rules::CAUGHT_UP,
            || vec![Fact::new(leo.clone(), leader_end.0)],
        );
        env.ctx.changed(
            start,
            before.log_start_offset.0,
            after.log_start_offset.0,
            rules::FETCH_STATE,
            Vec::new,
        );
    }

    pub(super) fn set_leader_epoch(&mut self, epoch: LeaderEpoch, rule: RuleId, env: &mut Env) {
        let key = FactKey::replica(FactKind::LeaderEpoch, env.me, &self.topic_partition);
        env.ctx.changed(
            key,
            i64::from(self.leader_epoch.0),
            i64::from(epoch.0),
            rule,
            || {
                vec![Fact::new(
                    FactKey::partition(FactKind::LeaderEpoch, &self.topic_partition),
                    i64::from(epoch.0),
                )]
            },
        );
        self.leader_epoch = epoch;
    }

    pub(super) fn set_partition_epoch(
        &mut self,
        epoch: PartitionEpoch,
        rule: RuleId,
        env: &mut Env,
    ) {
        let key = FactKey::replica(FactKind::PartitionEpoch, env.me, &self.topic_partition);
        env.ctx.changed(
            key,
            i64::from(self.partition_epoch.0),
            i64::from(epoch.0),
            rule,
            || {
                vec![Fact::new(
                    FactKey::partition(FactKind::PartitionEpoch, &self.topic_partition),
                    i64::from(epoch.0),
                )]
            },
        );
        self.partition_epoch = epoch;
    }

    pub(super) fn set_leader(&mut self, leader: NodeId, rule: RuleId, env: &mut Env) {
        let as_value = |id: Option<NodeId>| {
            id.map_or(protocol::trace::Value::None, |id| i64::from(id.0).into())
        };
        let key = FactKey::replica(FactKind::Leader, env.me, &self.topic_partition);
        env.ctx.changed(
            key,
            as_value(self.leader_replica_id),
            i64::from(leader.0),
            rule,
            || {
                vec![Fact::new(
                    FactKey::partition(FactKind::Leader, &self.topic_partition),
                    i64::from(leader.0),
                )]
            },
        );
        self.leader_replica_id = Some(leader);
    }

    pub(super) fn set_epoch_start(&mut self, start: Option<Offset>, env: &mut Env) {
        let as_value = |o: Option<Offset>| o.map_or(protocol::trace::Value::None, |o| o.0.into());
        let key = FactKey::replica(FactKind::EpochStart, env.me, &self.topic_partition);
        env.ctx.changed(
            key,
            as_value(self.leader_epoch_start_offset),
            as_value(start),
            rules::EPOCH_START,
            || {
                vec![Fact::new(
                    FactKey::replica(FactKind::LeaderEpoch, env.me, &self.topic_partition),
                    i64::from(self.leader_epoch.0),
                )]
            },
        );
        self.leader_epoch_start_offset = start;
    }
}

/// What one fetch tells of its sender.
#[derive(Clone, Debug)]
pub(crate) struct FetchedBy {
    pub end: LogOffsetMetadata,
    pub log_start_offset: Offset,
    pub time_ms: Ms,
    /// The leader's end before the read.
    pub leader_end_offset: Offset,
    pub broker_epoch: BrokerEpoch,
}
