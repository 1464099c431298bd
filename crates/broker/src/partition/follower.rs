//! Becoming follower, appending what the leader sent, cutting the log back.

use super::{Env, Marks, Partition};
use crate::rules;
use crate::view::PartitionRegistration;
use log::{LogAppendInfo, LogError};
use protocol::messages::Records;
use protocol::{ErrorCode, LeaderEpoch, Offset};
use std::collections::BTreeSet;

impl Partition {
    /// `Partition.makeFollower`. The log exists; a lower partition epoch was already dropped. Answers whether the leader
    /// epoch is new, which is when the fetcher must start anew.
    pub(crate) fn make_follower(
        &mut self,
        registration: &PartitionRegistration,
        env: &mut Env,
    ) -> bool {
        let is_new_epoch = registration.leader_epoch > self.leader_epoch;
        self.report_isr(&BTreeSet::new(), rules::FOLLOWER_BECOME, env);
        self.set_leader_epoch(registration.leader_epoch, rules::FOLLOWER_BECOME, env);
        self.set_leader(registration.leader, rules::FOLLOWER_BECOME, env);
        self.set_epoch_start(None, env);
        self.set_partition_epoch(registration.partition_epoch, rules::PARTITION_EPOCH, env);
        self.update_assignment_and_isr(registration, env.me, BTreeSet::new());
        is_new_epoch
    }

    /// Appends as follower. Into an empty log, a first batch that begins below its end but reaches it makes the log start
    /// there (`Partition.appendRecordsToFollowerOrFutureReplica`).
    pub(crate) fn append_records_to_follower(
        &self,
        records: &Records,
        leader_epoch: LeaderEpoch,
        env: &mut Env,
    ) -> Result<LogAppendInfo, LogError> {
        let (before, now_ms) = (Marks::of(env.log), env.now_ms());
        let mut result = env.log.append_as_follower(records, leader_epoch, now_ms);
        if let Err(LogError::UnexpectedAppendOffset {
            first_offset,
            last_offset,
        }) = result
        {
            let end = env.log.log_end_offset();
            if end == env.log.log_start_offset()
                && first_offset < end.get()
                && last_offset >= end.get()
            {
                env.log
                    .truncate_fully_and_start_at(Offset(first_offset), None, now_ms)?;
                result = env.log.append_as_follower(records, leader_epoch, now_ms);
            }
        }
        self.report_marks(before, rules::APPEND_FOLLOWER, env);
        result
    }

    /// Takes over the leader's high watermark and log start (`ReplicaFetcherThread.processPartitionData`). Answers whether
    /// the high watermark changed. A log start above the own high watermark is an error.
    pub(crate) fn follow_leader_marks(
        &self,
        high_watermark: Offset,
        log_start: Offset,
        env: &mut Env,
    ) -> Result<bool, ErrorCode> {
        let before = Marks::of(env.log);
        let changed = env
            .log
            .maybe_update_high_watermark(high_watermark)
            .is_some();
        self.report_marks(before, rules::HW_FOLLOWER, env);
        let before = Marks::of(env.log);
        let now_ms = env.now_ms();
        let raised = env.log.maybe_increment_log_start_offset(log_start, now_ms);
        self.report_marks(before, rules::LOG_START_FOLLOWER, env);
        raised.map(|_| changed).map_err(|e| e.code())
    }
}
