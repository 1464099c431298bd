//! Fetches of followers and consumers (`ReplicaManager.fetchMessages`, `readFromLog`).

use super::ReplicaManager;
use super::delayed::{Delayed, DelayedFetch};
use super::requests::{
    Completed, FetchInfo, FetchParams, FetchPartitionData, RequestToken, Response,
};
use crate::partition::{Partition, ReadRequest};
use crate::purgatory::Kind;
use crate::selector::{ReplicaView, select_rack_aware};
use log::LogOffsetMetadata;
use protocol::{Ctx, ErrorCode, NodeId, Offset, TopicPartition, Uuid};

/// `LogReadResult`.
pub(super) struct LogReadResult {
    pub topic_partition: TopicPartition,
    pub data: FetchPartitionData,
    /// Where the fetch offset lies in the log; unknown after an error.
    pub fetch_offset: LogOffsetMetadata,
}

impl LogReadResult {
    fn error(tp: &TopicPartition, error: ErrorCode) -> Self {
        Self {
            topic_partition: tp.clone(),
            data: FetchPartitionData::error(error),
            fetch_offset: LogOffsetMetadata::only(-1),
        }
    }
}

impl ReplicaManager {
    /// Reads, and answers now or parks. A follower's fetch tells where it is, which may complete other requests first.
    pub fn fetch_messages(
        &mut self,
        token: RequestToken,
        params: FetchParams,
        infos: Vec<FetchInfo>,
        ctx: &mut Ctx,
    ) {
        let results = self.read_from_log(&params, &infos, false, ctx);
        let bytes: usize = results.iter().map(|r| r.data.records.size_bytes()).sum();
        let at_once = |r: &LogReadResult| {
            r.data.error != ErrorCode::None
                || r.data.diverging_epoch.is_some()
                || r.data.preferred_read_replica.is_some()
        };
        if params.max_wait_ms <= 0
            || infos.is_empty()
            || bytes as i64 >= params.min_bytes
            || results.iter().any(at_once)
        {
            let parts = results
                .into_iter()
                .map(|r| (r.topic_partition, r.data))
                .collect();
            self.completed.push(Completed {
                token,
                response: Response::Fetch(parts),
            });
            return;
        }
        let keys = infos.iter().map(|i| i.topic_partition.clone()).collect();
        let wait_ms = params.max_wait_ms;
        let partitions = infos
            .into_iter()
            .zip(results.into_iter().map(|r| r.fetch_offset))
            .collect();
        let operation = Delayed::Fetch(DelayedFetch {
            token,
            params,
            partitions,
        });
        self.try_else_park(Kind::Fetch, keys, wait_ms, operation, ctx);
    }

    /// Reads each partition within the limits: the first batch of the first partition with data may exceed them.
    /// Read again out of the purgatory, a fetch tells nothing new of its sender.
    pub(super) fn read_from_log(
        &mut self,
        params: &FetchParams,
        infos: &[FetchInfo],
        from_purgatory: bool,
        ctx: &mut Ctx,
    ) -> Vec<LogReadResult> {
        let mut limit = params.max_bytes;
        let mut min_one_message = true;
        let mut results = Vec::with_capacity(infos.len());
        for info in infos {
            let result = self.read_one(params, info, limit, min_one_message, from_purgatory, ctx);
            let size = result.data.records.size_bytes();
            min_one_message &= size == 0;
            limit = limit.saturating_sub(size);
            results.push(result);
        }
        results
    }

    fn read_one(
        &mut self,
        params: &FetchParams,
        info: &FetchInfo,
        limit: usize,
        min_one_message: bool,
        from_purgatory: bool,
        ctx: &mut Ctx,
    ) -> LogReadResult {
        let tp = &info.topic_partition;
        let Some(partition) = self.partitions.get(tp) else {
            return LogReadResult::error(tp, self.absent(tp));
        };
        if info.topic_id != Uuid::ZERO && partition.topic_id() != info.topic_id {
            return LogReadResult::error(tp, ErrorCode::InconsistentTopicId);
        }
        if let Some(preferred) = self.find_preferred_read_replica(partition, params, info, ctx) {
            return self.point_to_replica(info, preferred, ctx);
        }
        let request = ReadRequest {
            fetch_offset: info.fetch_offset,
            current_leader_epoch: info.current_leader_epoch,
            last_fetched_epoch: info.last_fetched_epoch,
            log_start_offset: info.log_start_offset,
            max_bytes: info.max_bytes.min(limit),
            min_one_message,
            isolation: params.isolation,
            only_from_leader: params.only_from_leader(),
            follower: params.replica,
        };
        let read = self.read_partition(tp, ctx, |partition, env| {
            partition.fetch_records(&request, env)
        });
        let read = match read.and_then(|read| read) {
            Ok(read) => read,
            Err(error) => return LogReadResult::error(tp, error),
        };
        let told = Partition::fetched_by(&request, &read, ctx.now.ms()).filter(|_| !from_purgatory);
        if let Some((follower, fetched)) = told
            && let Err(error) = self.update_follower_fetch_state(tp, follower, fetched, ctx)
        {
            return LogReadResult::error(tp, error);
        }
        let mut data = FetchPartitionData {
            high_watermark: read.high_watermark,
            log_start_offset: read.log_start_offset,
            diverging_epoch: read.diverging_epoch,
            last_stable_offset: Some(read.last_stable_offset),
            ..FetchPartitionData::error(ErrorCode::None)
        };
        let mut fetch_offset = LogOffsetMetadata::only(info.fetch_offset.get());
        if let Some(fetched) = read.fetched {
            fetch_offset = fetched.fetch_offset;
            // A first batch that the limits cut short is left out: the client could not use it.
            if !fetched.first_entry_incomplete {
                data.records = fetched.records;
                data.aborted_transactions = fetched.aborted;
            }
        }
        LogReadResult {
            topic_partition: tp.clone(),
            data,
            fetch_offset,
        }
    }

    /// No records, only the name of another replica (KIP-392).
    fn point_to_replica(
        &mut self,
        info: &FetchInfo,
        preferred: NodeId,
        ctx: &mut Ctx,
    ) -> LogReadResult {
        let tp = &info.topic_partition;
        let snapshot = self.read_partition(tp, ctx, |partition, env| {
            partition.fetch_offset_snapshot(info.current_leader_epoch, false, env)
        });
        match snapshot.and_then(|snapshot| snapshot) {
            Err(error) => LogReadResult::error(tp, error),
            Ok(snapshot) => LogReadResult {
                topic_partition: tp.clone(),
                data: FetchPartitionData {
                    high_watermark: Offset(snapshot.high_watermark.offset),
                    log_start_offset: snapshot.log_start_offset,
                    last_stable_offset: Some(Offset(snapshot.last_stable_offset.offset)),
                    preferred_read_replica: Some(preferred),
                    ..FetchPartitionData::error(ErrorCode::None)
                },
                fetch_offset: LogOffsetMetadata::only(-1),
            },
        }
    }

    /// `ReplicaManager.findPreferredReadReplica`: an in-sync follower that has the offset, if the selector takes one.
    fn find_preferred_read_replica(
        &self,
        partition: &Partition,
        params: &FetchParams,
        info: &FetchInfo,
        ctx: &Ctx,
    ) -> Option<NodeId> {
        let rack = params.client_metadata.as_ref()?.rack.as_deref()?;
        if !self.config.rack_aware_selector
            || params.replica.is_some()
            || !partition.is_leader(self.node_id)
        {
            return None;
        }
        let view = |id: NodeId, log_end_offset: Offset, time_since_last_caught_up_ms| ReplicaView {
            id,
            rack: self
                .metadata
                .broker(id)
                .filter(|b| !b.fenced)
                .and_then(|b| b.rack.clone()),
            log_end_offset,
            time_since_last_caught_up_ms,
        };
        let followers: Vec<_> = partition
            .remote_replicas()
            .iter()
            .filter(|&(id, r)| {
                partition.state().isr().contains(id)
                    && r.end_offset() >= info.fetch_offset
                    && r.log_start_offset <= info.fetch_offset
            })
            .map(|(&id, r)| view(id, r.end_offset(), ctx.now.ms() - r.last_caught_up_time_ms))
            .collect();
        let leader = view(
            self.node_id,
            self.log(&info.topic_partition)?.log_end_offset(),
            0,
        );
        let chosen = select_rack_aware(rack, &leader, &followers);
        (chosen != self.node_id).then_some(chosen)
    }
}
