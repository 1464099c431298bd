//! The operations that wait, and when each is done (`DelayedProduce`, `DelayedFetch`, `DelayedDeleteRecords`).

use super::ReplicaManager;
use super::requests::{
    Completed, DeleteRecordsResult, FetchInfo, FetchParams, ProducePartitionResponse, RequestToken,
    Response,
};
use crate::partition::FetchIsolation;
use crate::purgatory::{Kind, Ticket};
use log::LogOffsetMetadata;
use protocol::{Ctx, ErrorCode, Ms, Offset, TopicPartition};

/// `ProducePartitionStatus`.
#[derive(Clone, Debug)]
pub struct ProduceStatus {
    pub topic_partition: TopicPartition,
    /// The high watermark that acknowledges it.
    pub required_offset: Offset,
    pub response: ProducePartitionResponse,
    pub acks_pending: bool,
}

/// acks=all, not yet decided.
#[derive(Clone, Debug)]
pub struct DelayedProduce {
    pub token: RequestToken,
    pub statuses: Vec<ProduceStatus>,
}

impl DelayedProduce {
    /// What was appended waits, and has timed out unless it is decided before.
    pub(super) fn new(token: RequestToken, mut statuses: Vec<ProduceStatus>) -> Self {
        for status in &mut statuses {
            status.acks_pending = status.response.error == ErrorCode::None;
            if status.acks_pending {
                status.response.error = ErrorCode::RequestTimedOut;
            }
        }
        Self { token, statuses }
    }
}

/// A fetch with too little to return. Each partition with where its fetch offset lay when it was read.
#[derive(Clone, Debug)]
pub struct DelayedFetch {
    pub token: RequestToken,
    pub params: FetchParams,
    pub partitions: Vec<(FetchInfo, LogOffsetMetadata)>,
}

/// `DeleteRecordsPartitionStatus`.
#[derive(Clone, Debug)]
pub struct DeleteRecordsStatus {
    pub topic_partition: TopicPartition,
    pub required_offset: Offset,
    pub result: DeleteRecordsResult,
    pub acks_pending: bool,
}

/// DeleteRecords that not every alive replica has followed.
#[derive(Clone, Debug)]
pub struct DelayedDeleteRecords {
    pub token: RequestToken,
    pub statuses: Vec<DeleteRecordsStatus>,
}

/// A parked operation.
#[derive(Clone, Debug)]
pub enum Delayed {
    Produce(DelayedProduce),
    Fetch(DelayedFetch),
    DeleteRecords(DelayedDeleteRecords),
}

impl Delayed {
    pub fn token(&self) -> RequestToken {
        match self {
            Self::Produce(op) => op.token,
            Self::Fetch(op) => op.token,
            Self::DeleteRecords(op) => op.token,
        }
    }
}

impl ReplicaManager {
    /// `tryCompleteElseWatch`. A wait of 0 ms expires at the next poll of the same instant.
    pub(super) fn try_else_park(
        &mut self,
        kind: Kind,
        keys: Vec<TopicPartition>,
        wait_ms: Ms,
        mut operation: Delayed,
        ctx: &mut Ctx,
    ) {
        if self.try_complete(&mut operation, ctx) {
            self.finish(operation, ctx);
        } else {
            self.purgatory
                .park(kind, keys, ctx.now.after_ms(wait_ms), operation);
        }
    }

    /// `checkAndCompleteAll`: fetches, then produces, then DeleteRecords.
    pub(super) fn complete_delayed_requests(&mut self, tp: &TopicPartition, ctx: &mut Ctx) {
        self.check_and_complete(Kind::Fetch, tp, ctx);
        self.check_and_complete(Kind::Produce, tp, ctx);
        self.check_and_complete(Kind::DeleteRecords, tp, ctx);
    }

    pub(crate) fn complete_delayed_fetches(&mut self, tp: &TopicPartition, ctx: &mut Ctx) {
        self.check_and_complete(Kind::Fetch, tp, ctx);
    }

    /// `completeDelayedOperationsWhenNotPartitionLeader`.
    pub(super) fn complete_when_not_leader(&mut self, tp: &TopicPartition, ctx: &mut Ctx) {
        self.check_and_complete(Kind::Produce, tp, ctx);
        self.check_and_complete(Kind::Fetch, tp, ctx);
    }

    /// Tries the operations that watch a partition, in order of parking.
    pub(super) fn check_and_complete(&mut self, kind: Kind, tp: &TopicPartition, ctx: &mut Ctx) {
        for ticket in self.purgatory.watching(kind, tp) {
            let Some(mut operation) = self.purgatory.lend(ticket) else {
                continue;
            };
            if self.try_complete(&mut operation, ctx) {
                self.purgatory.remove(ticket);
                self.finish(operation, ctx);
            } else {
                self.purgatory.give_back(ticket, operation);
            }
        }
    }

    /// Its time is over: it is answered with what there is.
    pub(super) fn expire(&mut self, ticket: Ticket, ctx: &mut Ctx) {
        if let Some(operation) = self.purgatory.remove(ticket) {
            self.finish(operation, ctx);
        }
    }

    fn try_complete(&mut self, operation: &mut Delayed, ctx: &mut Ctx) -> bool {
        match operation {
            Delayed::Produce(op) => {
                for status in op.statuses.iter_mut().filter(|s| s.acks_pending) {
                    let required = status.required_offset;
                    let outcome =
                        self.read_partition(&status.topic_partition, ctx, |partition, env| {
                            partition.check_enough_replicas_reach_offset(required, env)
                        });
                    if let Some(error) = outcome.unwrap_or_else(Some) {
                        status.acks_pending = false;
                        status.response.error = error;
                    }
                }
                !op.statuses.iter().any(|s| s.acks_pending)
            }
            Delayed::Fetch(op) => self.fetch_is_done(op, ctx),
            Delayed::DeleteRecords(op) => {
                for status in op.statuses.iter_mut().filter(|s| s.acks_pending) {
                    let outcome =
                        self.read_partition(&status.topic_partition, ctx, |partition, env| {
                            if partition.is_leader(env.me) {
                                Ok(partition.low_watermark(env))
                            } else {
                                Err(ErrorCode::NotLeaderOrFollower)
                            }
                        });
                    // A partition that is gone is unknown here, wherever metadata says that it lives.
                    let outcome = outcome.unwrap_or(Err(ErrorCode::UnknownTopicOrPartition));
                    match outcome {
                        Ok(low_watermark) if low_watermark < status.required_offset => continue,
                        Ok(low_watermark) => {
                            status.result = DeleteRecordsResult {
                                error: ErrorCode::None,
                                low_watermark,
                            }
                        }
                        Err(error) => {
                            status.result = DeleteRecordsResult {
                                error,
                                low_watermark: Offset::NONE,
                            }
                        }
                    }
                    status.acks_pending = false;
                }
                !op.statuses.iter().any(|s| s.acks_pending)
            }
        }
    }

    /// `DelayedFetch.tryComplete`, cases A to H.
    fn fetch_is_done(&mut self, op: &DelayedFetch, ctx: &mut Ctx) -> bool {
        let only_from_leader = op.params.only_from_leader();
        let mut accumulated: i64 = 0;
        for (info, start) in &op.partitions {
            if start.offset < 0 {
                continue;
            }
            let epoch = info.current_leader_epoch;
            let looked = self.read_partition(&info.topic_partition, ctx, |partition, env| {
                let snapshot = partition.fetch_offset_snapshot(epoch, only_from_leader, env)?;
                let end = match op.params.isolation {
                    FetchIsolation::LogEnd => snapshot.log_end_offset,
                    FetchIsolation::HighWatermark => snapshot.high_watermark,
                    FetchIsolation::TxnCommitted => snapshot.last_stable_offset,
                };
                // On a truncated leader, or with the bound on a newer segment, there is nothing to wait for.
                if start.offset > end.offset
                    || (start.offset < end.offset && start.on_older_segment(&end))
                {
                    return Ok(None);
                }
                if let Some(last_fetched) = info.last_fetched_epoch {
                    let shared =
                        partition.last_offset_for_leader_epoch(epoch, last_fetched, false, env)?;
                    let diverges =
                        shared.epoch < last_fetched || shared.end_offset < info.fetch_offset;
                    if shared.is_undefined() || diverges {
                        return Ok(None);
                    }
                }
                let available = match (start.place, end.place) {
                    (Some((base, from)), Some((end_base, to)))
                        if base == end_base && start.offset < end.offset =>
                    {
                        to.saturating_sub(from).min(info.max_bytes) as i64
                    }
                    _ => 0,
                };
                Ok::<_, ErrorCode>(Some(available))
            });
            match looked {
                Ok(Ok(Some(available))) => accumulated += available,
                // Done, or leadership, epoch or the partition itself is gone.
                _ => return true,
            }
        }
        accumulated >= op.params.min_bytes
    }

    /// The answer leaves. A fetch reads again, with what is known now.
    fn finish(&mut self, operation: Delayed, ctx: &mut Ctx) {
        let (token, response) = match operation {
            Delayed::Produce(op) => {
                let parts = op
                    .statuses
                    .into_iter()
                    .map(|s| (s.topic_partition, s.response));
                (op.token, Response::Produce(parts.collect()))
            }
            Delayed::Fetch(op) => {
                let infos: Vec<_> = op.partitions.into_iter().map(|(info, _)| info).collect();
                let results = self.read_from_log(&op.params, &infos, true, ctx);
                (
                    op.token,
                    Response::Fetch(
                        results
                            .into_iter()
                            .map(|r| (r.topic_partition, r.data))
                            .collect(),
                    ),
                )
            }
            Delayed::DeleteRecords(op) => {
                let parts = op
                    .statuses
                    .into_iter()
                    .map(|s| (s.topic_partition, s.result));
                (op.token, Response::DeleteRecords(parts.collect()))
            }
        };
        self.completed.push(Completed { token, response });
    }

    pub(super) fn try_produce_else_park(
        &mut self,
        op: DelayedProduce,
        timeout_ms: Ms,
        ctx: &mut Ctx,
    ) {
        let keys = op
            .statuses
            .iter()
            .map(|s| s.topic_partition.clone())
            .collect();
        self.try_else_park(Kind::Produce, keys, timeout_ms, Delayed::Produce(op), ctx);
    }
}
