//! Appending for producers and coordinators, and what an append completes (`ReplicaManager.appendRecords`).

use super::ReplicaManager;
use super::delayed::{DelayedProduce, ProduceStatus};
use super::requests::{
    Completed, ProduceEntry, ProducePartitionResponse, REQUIRED_ACKS_ALL, RequestToken, Response,
};
use crate::partition::{AppendFailure, LeaderAppend};
use crate::purgatory::Kind;
use log::{AppendOrigin, LogAppendInfo};
use protocol::{Ctx, ErrorCode, Ms, Offset, TopicPartition};
use std::collections::BTreeMap;

/// Whether an append moved the high watermark: which waiting requests it may complete (`LeaderHwChange`).
type HwIncremented = bool;

/// How an append is asked for.
#[derive(Clone, Copy, Debug)]
pub struct AppendOptions {
    pub timeout_ms: Ms,
    pub required_acks: i16,
    pub internal_topics_allowed: bool,
    pub origin: AppendOrigin,
}

impl ReplicaManager {
    /// Appends to each partition and answers now, or, with acks=all, when all is decided.
    ///
    /// The answer leaves before those that the append completes.
    // Kafka's own parameters.
    #[allow(clippy::too_many_arguments)]
    pub fn append_records(
        &mut self,
        token: RequestToken,
        timeout_ms: Ms,
        required_acks: i16,
        internal_topics_allowed: bool,
        origin: AppendOrigin,
        entries: Vec<ProduceEntry>,
        ctx: &mut Ctx,
    ) {
        let options = AppendOptions {
            timeout_ms,
            required_acks,
            internal_topics_allowed,
            origin,
        };
        self.append_with(token, options, entries, &BTreeMap::new(), ctx);
    }

    /// As [`ReplicaManager::append_records`]; the partitions in `refused` are not tried and answered with their error.
    pub(super) fn append_with(
        &mut self,
        token: RequestToken,
        options: AppendOptions,
        entries: Vec<ProduceEntry>,
        refused: &BTreeMap<TopicPartition, ErrorCode>,
        ctx: &mut Ctx,
    ) {
        let AppendOptions {
            timeout_ms,
            required_acks,
            internal_topics_allowed,
            origin,
        } = options;
        if !(-1..=1).contains(&required_acks) {
            let response = entries.into_iter().map(|e| {
                let error = refused
                    .get(&e.topic_partition)
                    .copied()
                    .unwrap_or(ErrorCode::InvalidRequiredAcks);
                (e.topic_partition, Self::refused(error, Offset::NONE))
            });
            let response = Response::Produce(response.collect());
            self.completed.push(Completed { token, response });
            return;
        }
        let mut statuses = Vec::with_capacity(entries.len());
        let mut appended = Vec::new();
        for ProduceEntry {
            topic_partition: tp,
            records,
            guard,
            transaction_version,
        } in entries
        {
            let (response, required_offset) = if let Some(error) = refused.get(&tp) {
                (Self::refused(*error, Offset::NONE), Offset::ZERO)
            } else {
                let append = LeaderAppend {
                    records,
                    origin,
                    guard,
                    transaction_version,
                };
                let allowed = internal_topics_allowed || !is_internal(&tp.topic);
                let result = if allowed {
                    self.append_to_local_log(&tp, &append, required_acks, ctx)
                } else {
                    Err(ErrorCode::InvalidTopicException.into())
                };
                match result {
                    Ok((info, hw_incremented)) => {
                        appended.push((tp.clone(), hw_incremented));
                        (Self::accepted(&info), info.last_offset + 1)
                    }
                    Err(failure) => (self.failed(&tp, failure), Offset::ZERO),
                }
            };
            statuses.push(ProduceStatus {
                topic_partition: tp,
                required_offset,
                response,
                acks_pending: false,
            });
        }
        if required_acks == REQUIRED_ACKS_ALL && !appended.is_empty() {
            self.try_produce_else_park(DelayedProduce::new(token, statuses), timeout_ms, ctx);
        } else {
            let response = statuses
                .into_iter()
                .map(|s| (s.topic_partition, s.response))
                .collect();
            self.completed.push(Completed {
                token,
                response: Response::Produce(response),
            });
        }
        for (tp, hw_incremented) in appended {
            self.complete_after_append(&tp, hw_incremented, ctx);
        }
    }

    /// Appends to one partition with acks=1 and answers at once, for coordinators (`appendRecordsToLeader`).
    pub fn append_records_to_leader(
        &mut self,
        tp: &TopicPartition,
        append: &LeaderAppend,
        ctx: &mut Ctx,
    ) -> Result<LogAppendInfo, ErrorCode> {
        let result = self.append_to_local_log(tp, append, 1, ctx);
        let (info, hw_incremented) = result.map_err(|failure| failure.error)?;
        self.complete_after_append(tp, hw_incremented, ctx);
        Ok(info)
    }

    fn append_to_local_log(
        &mut self,
        tp: &TopicPartition,
        append: &LeaderAppend,
        required_acks: i16,
        ctx: &mut Ctx,
    ) -> Result<(LogAppendInfo, HwIncremented), AppendFailure> {
        self.read_partition(tp, ctx, |partition, env| {
            partition.append_records_to_leader(append, required_acks, env)
        })?
    }

    fn complete_after_append(
        &mut self,
        tp: &TopicPartition,
        hw_incremented: HwIncremented,
        ctx: &mut Ctx,
    ) {
        if hw_incremented {
            self.check_and_complete(Kind::Produce, tp, ctx);
            self.check_and_complete(Kind::Fetch, tp, ctx);
            self.check_and_complete(Kind::DeleteRecords, tp, ctx);
        } else {
            self.check_and_complete(Kind::Fetch, tp, ctx);
        }
    }

    fn accepted(info: &LogAppendInfo) -> ProducePartitionResponse {
        ProducePartitionResponse {
            error: ErrorCode::None,
            base_offset: info.first_offset,
            last_offset: info.last_offset,
            log_append_time_ms: info.log_append_time,
            log_start_offset: info.log_start_offset,
            bad_records: Vec::new(),
        }
    }

    /// Errors that say nothing of the log carry no log start; others carry the leader's.
    fn failed(&self, tp: &TopicPartition, failure: AppendFailure) -> ProducePartitionResponse {
        let known = matches!(
            failure.error,
            ErrorCode::UnknownTopicOrPartition
                | ErrorCode::NotLeaderOrFollower
                | ErrorCode::MessageTooLarge
                | ErrorCode::RecordListTooLarge
                | ErrorCode::CorruptMessage
                | ErrorCode::KafkaStorageError
                | ErrorCode::InvalidTopicException
        );
        let leads = self
            .partition(tp)
            .is_some_and(|p| p.is_leader(self.node_id));
        let start = if known || !leads {
            None
        } else {
            self.log(tp).map(|log| log.log_start_offset())
        };
        ProducePartitionResponse {
            bad_records: failure.bad_records,
            ..Self::refused(failure.error, start.unwrap_or(Offset::NONE))
        }
    }

    fn refused(error: ErrorCode, log_start_offset: Offset) -> ProducePartitionResponse {
        ProducePartitionResponse {
            error,
            base_offset: Offset::NONE,
            last_offset: Offset::NONE,
            log_append_time_ms: -1,
            log_start_offset,
            bad_records: Vec::new(),
        }
    }
}

/// `Topic.isInternal`.
pub fn is_internal(topic: &str) -> bool {
    matches!(
        topic,
        "__consumer_offsets" | "__transaction_state" | "__share_group_state"
    )
}
