//! Building fetches and working off their answers (`AbstractFetcherThread`).

use super::request::{
    FetcherRequest, FetcherRequestId, LookupKind, ReplicaFetch, ReplicaFetchAnswer,
    ReplicaFetchPartition, ReplicaLookup,
};
use super::state::{FetchPhase, Lookup, PartitionFetchState, SentPartition};
use crate::partition::OffsetAndEpoch;
use crate::replica_manager::{FetchPartitionData, ReplicaManager};
use crate::rules;
use log::LogError;
use protocol::trace::{FactKey, FactKind, RuleId, Value};
use protocol::{Ctx, ErrorCode, Instant, LeaderEpoch, NodeId, Offset, Protection, TopicPartition};

impl ReplicaManager {
    /// Requests that the fetchers send now: at most one each, none while one is out.
    pub fn poll_fetchers(&mut self, ctx: &mut Ctx) -> Vec<FetcherRequest> {
        let leaders: Vec<_> = self.fetchers.threads().map(|t| t.leader).collect();
        leaders
            .into_iter()
            .filter_map(|leader| self.poll_fetcher(leader, ctx))
            .collect()
    }

    /// The next request to one leader, if its fetcher may send one.
    pub fn poll_fetcher(&mut self, leader: NodeId, ctx: &mut Ctx) -> Option<FetcherRequest> {
        if self.fetchers.thread(leader)?.is_busy() {
            return None;
        }
        if let Some(lookup) = self.next_lookup(leader) {
            return Some(FetcherRequest::Lookup(lookup));
        }
        self.truncate_where_needed(leader, ctx);
        self.build_fetch(leader, ctx).map(FetcherRequest::Fetch)
    }

    /// When a fetcher that has nothing out wants to be polled: now, or at the end of the earliest back-off.
    pub(crate) fn fetchers_wake_up(&self, now: Instant) -> Option<Instant> {
        let idle = self.fetchers.threads().filter(|t| !t.is_busy());
        let at = |state: &PartitionFetchState| {
            state
                .delayed_until
                .filter(|until| *until > now)
                .unwrap_or(now)
        };
        idle.flat_map(|t| {
            t.partitions()
                .iter()
                .map(|(_, state)| at(state))
                .chain((!t.lookups.is_empty()).then_some(now))
        })
        .min()
    }

    fn next_lookup(&mut self, leader: NodeId) -> Option<ReplicaLookup> {
        let id = self.fetchers.next_request_id();
        let thread = self.fetchers.thread_mut(leader)?;
        // A question about a partition that is gone or changed is not asked any more.
        while let Some(lookup) = thread.lookups.front() {
            if let Some(state) = thread
                .get(&lookup.topic_partition)
                .filter(|s| lookup.asked.is_of(s))
            {
                let lookup = ReplicaLookup {
                    id,
                    leader,
                    topic_partition: lookup.topic_partition.clone(),
                    kind: lookup.kind,
                    current_leader_epoch: state.current_leader_epoch,
                };
                thread.lookup_sent = Some(id);
                return Some(lookup);
            }
            thread.lookups.pop_front();
        }
        None
    }

    /// `AbstractFetcherThread.maybeTruncate` for partitions that know no epoch: cut to where they begin.
    fn truncate_where_needed(&mut self, leader: NodeId, ctx: &mut Ctx) {
        let Some(thread) = self.fetchers.thread(leader) else {
            return;
        };
        let truncating: Vec<_> = thread
            .partitions()
            .iter()
            .filter(|(_, s)| s.phase == FetchPhase::Truncating)
            .map(|(tp, s)| (tp.clone(), s.fetch_offset))
            .collect();
        for (tp, offset) in truncating {
            self.truncate_and_go_on(leader, &tp, offset, rules::TRUNCATE_HIGH_WATERMARK, ctx);
        }
    }

    /// Cuts the log and fetches from there, with the epoch that is then the last.
    fn truncate_and_go_on(
        &mut self,
        leader: NodeId,
        tp: &TopicPartition,
        offset: Offset,
        rule: RuleId,
        ctx: &mut Ctx,
    ) {
        if self.cut(tp, offset, false, rule, ctx).is_err() {
            return self.fail_fetching(tp, ctx);
        }
        let last_fetched_epoch = self.last_fetched_epoch(tp, ctx);
        if let Some(state) = self.fetchers.thread_mut(leader).and_then(|t| t.get_mut(tp)) {
            state.fetch_offset = offset;
            state.phase = FetchPhase::Fetching;
            state.last_fetched_epoch = last_fetched_epoch;
        }
    }

    /// The last epoch of the log, as it is told to the leader.
    pub(crate) fn last_fetched_epoch(&self, tp: &TopicPartition, ctx: &Ctx) -> Option<LeaderEpoch> {
        let told = ctx.protections.on(Protection::LeaderEpochTruncation);
        self.log(tp)
            .and_then(|log| log.latest_epoch())
            .filter(|_| told)
    }

    fn build_fetch(&mut self, leader: NodeId, ctx: &mut Ctx) -> Option<ReplicaFetch> {
        let thread = self.fetchers.thread(leader)?;
        let partitions: Vec<_> = thread
            .partitions()
            .iter()
            .filter(|(_, state)| state.is_ready_for_fetch(ctx.now))
            .filter_map(|(tp, state)| {
                Some(ReplicaFetchPartition {
                    topic_partition: tp.clone(),
                    topic_id: state.topic_id,
                    fetch_offset: state.fetch_offset,
                    log_start_offset: self.log(tp)?.log_start_offset(),
                    current_leader_epoch: state.current_leader_epoch,
                    last_fetched_epoch: state.last_fetched_epoch,
                    max_bytes: self.config().replica_fetch_max_bytes,
                })
            })
            .collect();
        if partitions.is_empty() {
            return None;
        }
        let sent = partitions
            .iter()
            .map(|p| {
                let sent = SentPartition {
                    fetch_offset: p.fetch_offset,
                    leader_epoch: p.current_leader_epoch,
                };
                (p.topic_partition.clone(), sent)
            })
            .collect();
        let id = self.fetchers.next_request_id();
        let thread = self.fetchers.thread_mut(leader)?;
        let session = thread.session.build(&partitions);
        thread.sent = Some((id, sent));
        Some(ReplicaFetch {
            id,
            leader,
            replica: self.node_id(),
            replica_epoch: self.broker_epoch(),
            max_wait_ms: self.config().replica_fetch_wait_max_ms,
            min_bytes: self.config().replica_fetch_min_bytes,
            max_bytes: self.config().replica_fetch_response_max_bytes,
            partitions,
            session,
        })
    }

    /// The answer to a fetch (`AbstractFetcherThread.processFetchRequest`); `None` when the connection broke, timed out or
    /// the request failed as a whole: every partition of the fetcher backs off.
    pub fn on_replica_fetch_response(
        &mut self,
        leader: NodeId,
        id: FetcherRequestId,
        answer: Option<ReplicaFetchAnswer>,
        ctx: &mut Ctx,
    ) {
        let Some(thread) = self.fetchers.thread_mut(leader) else {
            return;
        };
        let Some((_, sent)) = thread.sent.take_if(|(sent_id, _)| *sent_id == id) else {
            return;
        };
        let Some(answer) = answer else {
            thread.session.handle_error();
            let all: Vec<_> = thread
                .partitions()
                .iter()
                .map(|(tp, _)| tp.clone())
                .collect();
            return self.back_off(leader, &all, ctx);
        };
        let told: Vec<_> = answer.partitions.iter().map(|(tp, _)| tp).collect();
        if !thread
            .session
            .handle_response(answer.error, answer.session_id, &told)
        {
            return;
        }
        let mut with_error = Vec::new();
        let mut diverging = Vec::new();
        let mut new_high_watermarks = Vec::new();
        for (tp, data) in answer.partitions {
            let Some(state) = self
                .fetchers
                .thread(leader)
                .and_then(|t| t.get(&tp))
                .cloned()
            else {
                continue;
            };
            // The partition may have been cut, or follow in a new epoch, since it was asked for.
            let Some(asked) = sent
                .get(&tp)
                .filter(|a| a.is_of(&state) && state.is_ready_for_fetch(ctx.now))
            else {
                continue;
            };
            match (data.error, data.diverging_epoch) {
                (ErrorCode::None, Some(end)) => diverging.push((tp, end)),
                (ErrorCode::None, None) => {
                    match self.process_partition_data(leader, &tp, &state, data, ctx) {
                        Ok(true) => new_high_watermarks.push(tp),
                        Ok(false) => {}
                        Err(Trouble::Corrupt) => with_error.push(tp),
                        Err(Trouble::Failed) => self.fail_fetching(&tp, ctx),
                    }
                }
                (ErrorCode::OffsetOutOfRange, _) => {
                    if let Some(thread) = self.fetchers.thread_mut(leader) {
                        let lookup = Lookup {
                            topic_partition: tp,
                            kind: LookupKind::Latest,
                            asked: *asked,
                            leader_end: None,
                        };
                        thread.lookups.push_back(lookup);
                    }
                }
                (ErrorCode::FencedLeaderEpoch, _) => {
                    if self.fenced(leader, &tp, asked.leader_epoch, ctx) {
                        with_error.push(tp);
                    }
                }
                _ => with_error.push(tp),
            }
        }
        for (tp, end) in diverging {
            self.truncate_on_divergence(leader, &tp, end, ctx);
        }
        self.back_off(leader, &with_error, ctx);
        for tp in new_high_watermarks {
            self.complete_delayed_fetches(&tp, ctx);
        }
    }

    /// Appends and takes over the leader's marks. Answers whether the high watermark changed.
    fn process_partition_data(
        &mut self,
        leader: NodeId,
        tp: &TopicPartition,
        state: &PartitionFetchState,
        data: FetchPartitionData,
        ctx: &mut Ctx,
    ) -> Result<bool, Trouble> {
        let (info, latest_epoch, hw_changed) = self
            .read_partition(tp, ctx, |partition, env| {
                if state.fetch_offset != env.log.log_end_offset() {
                    return Err(Trouble::Failed);
                }
                let epoch = state.current_leader_epoch;
                let info = partition.append_records_to_follower(&data.records, epoch, env)?;
                let hw_changed = partition
                    .follow_leader_marks(data.high_watermark, data.log_start_offset, env)
                    .map_err(|_| Trouble::Failed)?;
                Ok((info, env.log.latest_epoch(), hw_changed))
            })
            .map_err(|_| Trouble::Failed)??;
        let appended = info.valid_bytes > 0;
        if appended || state.lag.is_none() {
            let next = if appended {
                info.last_offset + 1
            } else {
                state.fetch_offset
            };
            let told = ctx.protections.on(Protection::LeaderEpochTruncation);
            // After an append the cache's last epoch is that of the last batch.
            let last_fetched_epoch = latest_epoch
                .filter(|_| told && appended)
                .or(state.last_fetched_epoch);
            let state = PartitionFetchState {
                fetch_offset: next,
                lag: Some((data.high_watermark - next).max(0)),
                delayed_until: None,
                phase: FetchPhase::Fetching,
                last_fetched_epoch,
                ..state.clone()
            };
            if let Some(thread) = self.fetchers.thread_mut(leader) {
                thread.update_and_move_to_end(tp, state);
            }
        }
        Ok(hw_changed)
    }

    /// `AbstractFetcherThread.getOffsetTruncationState`, then the cut.
    fn truncate_on_divergence(
        &mut self,
        leader: NodeId,
        tp: &TopicPartition,
        end: OffsetAndEpoch,
        ctx: &mut Ctx,
    ) {
        let Some(state) = self.fetchers.thread(leader).and_then(|t| t.get(tp)) else {
            return;
        };
        let Some(log) = self.log(tp) else { return };
        let own_end = log.log_end_offset();
        let target = if end.end_offset.is_none() {
            state.fetch_offset
        } else if end.epoch.is_none() {
            end.end_offset.min(own_end)
        } else {
            match log.end_offset_for_epoch(end.epoch) {
                None => end.end_offset.min(own_end),
                // The leader's epoch is unknown here: cut to the end of the one before it, and ask again (KIP-279).
                Some((epoch, own)) if epoch != end.epoch => own.min(own_end),
                Some((_, own)) => own.min(end.end_offset).min(own_end),
            }
        };
        self.truncate_and_go_on(leader, tp, target, rules::TRUNCATE_DIVERGENCE, ctx);
    }

    /// The answer to a question after OFFSET_OUT_OF_RANGE (`AbstractFetcherThread.fetchOffsetAndTruncate`).
    pub fn on_replica_lookup_response(
        &mut self,
        leader: NodeId,
        id: FetcherRequestId,
        answer: Result<Offset, ErrorCode>,
        ctx: &mut Ctx,
    ) {
        let Some(thread) = self.fetchers.thread_mut(leader) else {
            return;
        };
        if thread.lookup_sent.take_if(|sent| *sent == id).is_none() {
            return;
        }
        let Some(lookup) = thread.lookups.pop_front() else {
            return;
        };
        let tp = lookup.topic_partition.clone();
        if !thread
            .get(&tp)
            .is_some_and(|state| lookup.asked.is_of(state))
        {
            return;
        }
        let offset = match answer {
            Ok(offset) => offset,
            Err(ErrorCode::FencedLeaderEpoch) => {
                if self.fenced(leader, &tp, lookup.asked.leader_epoch, ctx) {
                    self.back_off(leader, &[tp], ctx);
                }
                return;
            }
            Err(_) => return self.back_off(leader, &[tp], ctx),
        };
        let Some(own_end) = self.log(&tp).map(|log| log.log_end_offset()) else {
            return;
        };
        let rule = rules::TRUNCATE_OUT_OF_RANGE;
        match lookup.kind {
            LookupKind::Latest if offset < own_end => {
                match self.cut(&tp, offset, false, rule, ctx) {
                    Ok(()) => self.resume_at(leader, &tp, offset, 0, ctx),
                    Err(_) => self.back_off(leader, &[tp], ctx),
                }
            }
            LookupKind::Latest => {
                let next = Lookup {
                    kind: LookupKind::Earliest,
                    leader_end: Some(offset),
                    ..lookup
                };
                if let Some(thread) = self.fetchers.thread_mut(leader) {
                    thread.lookups.push_front(next);
                }
            }
            LookupKind::Earliest => {
                if offset > own_end && self.cut(&tp, offset, true, rule, ctx).is_err() {
                    return self.back_off(leader, &[tp], ctx);
                }
                let next = offset.max(own_end);
                let leader_end = lookup
                    .leader_end
                    .expect("the earliest offset is asked after the latest");
                self.resume_at(leader, &tp, next, leader_end - next, ctx);
            }
        }
    }

    fn resume_at(
        &mut self,
        leader: NodeId,
        tp: &TopicPartition,
        offset: Offset,
        lag: i64,
        ctx: &Ctx,
    ) {
        let last_fetched_epoch = self.last_fetched_epoch(tp, ctx);
        let Some(thread) = self.fetchers.thread_mut(leader) else {
            return;
        };
        let Some(state) = thread.get(tp).cloned() else {
            return;
        };
        let state = PartitionFetchState {
            fetch_offset: offset,
            lag: Some(lag),
            delayed_until: None,
            phase: FetchPhase::Fetching,
            last_fetched_epoch,
            ..state
        };
        thread.update_and_move_to_end(tp, state);
    }

    /// Told that its epoch is old: in that very epoch it stops; after a newer one it tries again. Answers the latter.
    fn fenced(
        &mut self,
        leader: NodeId,
        tp: &TopicPartition,
        asked: LeaderEpoch,
        ctx: &mut Ctx,
    ) -> bool {
        let Some(state) = self.fetchers.thread(leader).and_then(|t| t.get(tp)) else {
            return false;
        };
        let stop = state.current_leader_epoch == asked;
        if stop {
            self.fail_fetching(tp, ctx);
        }
        !stop
    }

    fn fail_fetching(&mut self, tp: &TopicPartition, ctx: &mut Ctx) {
        let key = FactKey::replica(FactKind::FetcherState, self.node_id(), tp);
        ctx.changed(key, "fetching", "failed", rules::FETCHER_FAILED, Vec::new);
        self.fetchers.mark_failed(tp);
    }

    fn back_off(&mut self, leader: NodeId, partitions: &[TopicPartition], ctx: &mut Ctx) {
        let until = ctx.now.after_ms(self.config().replica_fetch_backoff_ms);
        let me = self.node_id();
        let Some(thread) = self.fetchers.thread_mut(leader) else {
            return;
        };
        for tp in partitions {
            let Some(state) = thread.get(tp).cloned() else {
                continue;
            };
            if !state.is_delayed(ctx.now) {
                let key = FactKey::replica(FactKind::FetcherState, me, tp);
                ctx.changed(
                    key,
                    Value::None,
                    "backing off",
                    rules::FETCHER_BACKOFF,
                    Vec::new,
                );
                thread.update_and_move_to_end(
                    tp,
                    PartitionFetchState {
                        delayed_until: Some(until),
                        ..state
                    },
                );
            }
        }
    }
}

impl SentPartition {
    /// The partition is still where it was when it was asked for: same offset, same leader epoch.
    fn is_of(&self, state: &PartitionFetchState) -> bool {
        self.fetch_offset == state.fetch_offset && self.leader_epoch == state.current_leader_epoch
    }
}

/// Why an answer could not be taken.
enum Trouble {
    /// Corrupt data: tried again after a back-off.
    Corrupt,
    /// Anything else: the partition stops fetching.
    Failed,
}

impl From<LogError> for Trouble {
    fn from(error: LogError) -> Self {
        match error.code() {
            ErrorCode::CorruptMessage | ErrorCode::InvalidRecord => Self::Corrupt,
            _ => Self::Failed,
        }
    }
}
