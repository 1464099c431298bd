//! Commits: synchronous, asynchronous, automatic, and asking for what was committed
//! (`ConsumerCoordinator.commitOffsetsSync`, `commitOffsetsAsync`, `fetchCommittedOffsets`).

use super::frames::{Frame, Offsets};
use super::group_frames::{bool_of, error_of};
use super::machine::{Call, Callback, FutureId, FutureValue, Machine, Ret, Step, Value};
use crate::consumer::events::ConsumerEvent;
use crate::error::ClientError;
use crate::network::coordinator_key;
use protocol::messages::{
    OffsetCommitRequest, OffsetCommitRequestPartition, OffsetCommitRequestTopic,
    OffsetFetchRequest, OffsetFetchRequestGroup, OffsetFetchRequestTopic,
};
use protocol::{ErrorCode, LeaderEpoch, Ms, TopicPartition, Uuid};
use std::collections::BTreeSet;

impl Machine {
    /// Runs the callbacks of asynchronous commits that ended, in order.
    pub(super) fn invoke_completed_commits(&mut self, now: Ms) -> Result<(), ClientError> {
        let backoff = self.config.retry_backoff_ms;
        let Some(group) = &mut self.group else {
            return Ok(());
        };
        if group.async_fenced {
            return Err(ClientError::code(ErrorCode::FencedInstanceId));
        }
        while let Some(done) = group.completed_commits.pop_front() {
            match done.callback {
                Callback::User(call) => self.events.push(ConsumerEvent::Committed {
                    call,
                    offsets: done.offsets,
                    error: done.error,
                }),
                // A retriable failure brings the next automatic commit forward.
                Callback::Auto => {
                    if done
                        .error
                        .is_some_and(|e| e.is_class("RetriableCommitFailedException"))
                    {
                        group.next_auto_commit_ms = now + backoff;
                    }
                }
            }
        }
        Ok(())
    }

    /// The automatic commit if it is due (`maybeAutoCommitOffsetsAsync`).
    pub(super) fn maybe_auto_commit(&mut self, now: Ms) -> Option<Frame> {
        if !self.config.auto_commit {
            return None;
        }
        let interval = self.config.auto_commit_interval_ms;
        let group = self.group.as_mut()?;
        if now < group.next_auto_commit_ms {
            return None;
        }
        group.next_auto_commit_ms = now + interval;
        Some(Frame::commit_async(
            self.subscriptions.all_consumed(),
            Callback::Auto,
        ))
    }

    /// `sendOffsetCommitRequest`
    fn send_offset_commit(&mut self, offsets: &Offsets, now: Ms) -> FutureId {
        let future = self.new_future();
        if offsets.is_empty() {
            self.futures.insert(future, Some(Ok(FutureValue::Unit)));
            return future;
        }
        let fail = |m: &mut Self, error: ClientError| {
            m.futures.insert(future, Some(Err(error)));
            future
        };
        if self.coordinator_unknown(now) {
            return fail(self, ClientError::code(ErrorCode::CoordinatorNotAvailable));
        }
        if offsets.values().any(|o| o.offset.0 < 0) {
            return fail(self, ClientError::illegal_argument());
        }
        let dynamic = self.subscriptions.has_auto_assigned_partitions();
        let instance = self.config.group_instance_id.clone().filter(|_| dynamic);
        let group = self.group();
        let generation = if dynamic {
            match group.generation_if_stable() {
                Some(generation) => generation,
                None if group.rebalance_in_progress() => {
                    return fail(self, ClientError::code(ErrorCode::RebalanceInProgress));
                }
                None => return fail(self, ClientError::class("CommitFailedException")),
            }
        } else {
            Self::no_generation()
        };
        let mut topics: Vec<OffsetCommitRequestTopic> = Vec::new();
        for (tp, offset) in offsets {
            let partition = OffsetCommitRequestPartition {
                partition_index: tp.partition,
                committed_offset: offset.offset,
                committed_leader_epoch: offset.leader_epoch.unwrap_or(LeaderEpoch::NONE),
                committed_metadata: Some(offset.metadata.clone()),
            };
            match topics.last_mut() {
                Some(topic) if topic.name == tp.topic => topic.partitions.push(partition),
                _ => topics.push(OffsetCommitRequestTopic {
                    name: tp.topic.clone(),
                    topic_id: Uuid::ZERO,
                    partitions: vec![partition],
                }),
            }
        }
        let request = OffsetCommitRequest {
            group_id: group.group_id.clone(),
            generation_id_or_member_epoch: generation.id,
            member_id: generation.member_id.clone(),
            group_instance_id: instance,
            topics,
            ..OffsetCommitRequest::default()
        };
        let node = coordinator_key(group.node.expect("known, checked above"));
        let call = Call::Commit {
            future,
            offsets: offsets.clone(),
            sent: generation,
        };
        self.send(node, request.into(), call, now);
        future
    }

    /// `doCommitOffsetsAsync`
    pub(super) fn do_commit_async(&mut self, offsets: Offsets, callback: Callback) -> FutureId {
        let future = self.send_offset_commit(&offsets, self.last_now);
        self.group().in_flight_async += 1;
        self.commit_listeners.insert(future, (offsets, callback));
        if let Some(result) = self.result_of(future) {
            self.future_listeners(future, result.err());
        }
        future
    }

    pub(super) fn commit_async(&mut self, frame: &mut Frame, input: Option<Ret>, now: Ms) -> Step {
        let Frame::CommitAsync {
            offsets,
            callback,
            future,
            pc,
        } = frame
        else {
            unreachable!("a commit")
        };
        let mut input = input;
        loop {
            match *pc {
                0 => {
                    if let Err(error) = self.invoke_completed_commits(now) {
                        return Step::Return(Err(error));
                    }
                    *pc = 1;
                    if !offsets.is_empty() && self.coordinator_unknown(now) {
                        return Step::Call(Frame::EnsureCoordinator {
                            deadline_ms: now,
                            no_wakeup: true,
                            attempts: 0,
                            fatal: None,
                            pc: 0,
                        });
                    }
                }
                1 => {
                    match bool_of(input.take()) {
                        Err(error) => return Step::Return(Err(error)),
                        Ok(true) => {
                            *future = Some(self.do_commit_async(offsets.clone(), *callback))
                        }
                        Ok(false) => {
                            self.group().pending_async += 1;
                            self.waiting_commits.push((offsets.clone(), *callback));
                            let lookup = self.lookup_coordinator(now);
                            if let Some(result) = self.result_of(lookup) {
                                let find = self.group().find_future.replace(lookup);
                                self.future_listeners(lookup, result.err());
                                self.group().find_future = find;
                            }
                        }
                    }
                    *pc = 2;
                    return Step::Call(Frame::net_no_wakeup(now));
                }
                _ => {
                    return Step::Return(match error_of(input.take()) {
                        Some(error) => Err(error),
                        None => Ok(Value::Future(*future)),
                    });
                }
            }
        }
    }

    /// Bool = committed before the time was over.
    pub(super) fn commit_sync(&mut self, frame: &mut Frame, input: Option<Ret>, now: Ms) -> Step {
        let Frame::CommitSync {
            offsets,
            deadline_ms,
            attempts,
            future,
            pc,
        } = frame
        else {
            unreachable!("a commit")
        };
        let mut input = input;
        loop {
            match *pc {
                0 => {
                    if let Err(error) = self.invoke_completed_commits(now) {
                        return Step::Return(Err(error));
                    }
                    *pc = 1;
                    if offsets.is_empty() {
                        *pc = 9;
                        return Step::Call(Frame::PendingCommits {
                            deadline_ms: *deadline_ms,
                            attempts: 0,
                            pc: 0,
                        });
                    }
                }
                1 => {
                    if let Some(error) = error_of(input.take()) {
                        return Step::Return(Err(error));
                    }
                    *pc = 2;
                    if self.coordinator_unknown(now) {
                        return Step::Call(Frame::ensure_coordinator(*deadline_ms));
                    }
                }
                2 => {
                    match bool_of(input.take()) {
                        Ok(true) => {}
                        other => return Step::Return(other.map(Value::Bool)),
                    }
                    let sent = self.send_offset_commit(offsets, now);
                    *future = Some(sent);
                    *pc = 3;
                    return Step::Call(Frame::future(sent, *deadline_ms));
                }
                3 => {
                    if let Some(error) = error_of(input.take()) {
                        return Step::Return(Err(error));
                    }
                    if let Err(error) = self.invoke_completed_commits(now) {
                        return Step::Return(Err(error));
                    }
                    match future.and_then(|f| self.result_of(f)) {
                        Some(Ok(_)) => return Step::Return(Ok(Value::Bool(true))),
                        Some(Err(error)) if !error.is_retriable() => {
                            return Step::Return(Err(error));
                        }
                        _ => {}
                    }
                    let until_ms = (now + self.backoff(*attempts)).min((*deadline_ms).max(now));
                    *attempts += 1;
                    *pc = 4;
                    return Step::Call(Frame::Sleep { until_ms });
                }
                4 => {
                    if now >= *deadline_ms {
                        return Step::Return(Ok(Value::Bool(false)));
                    }
                    input = None;
                    *pc = 1;
                }
                _ => return Step::Return(bool_of(input.take()).map(Value::Bool)),
            }
        }
    }

    /// Waits for asynchronous commits in flight (`invokePendingAsyncCommits`).
    pub(super) fn pending_commits(
        &mut self,
        frame: &mut Frame,
        input: Option<Ret>,
        now: Ms,
    ) -> Step {
        let Frame::PendingCommits {
            deadline_ms,
            attempts,
            pc,
        } = frame
        else {
            unreachable!("a wait")
        };
        if let Some(error) = error_of(input) {
            return Step::Return(Err(error));
        }
        loop {
            match *pc {
                0 => {
                    if self.group().in_flight_async == 0 {
                        return Step::Return(Ok(Value::Bool(true)));
                    }
                    *pc = 1;
                }
                1 => {
                    *pc = 2;
                    return Step::Call(Frame::ensure_coordinator(*deadline_ms));
                }
                2 => {
                    *pc = 3;
                    return Step::Call(Self::pass(*deadline_ms));
                }
                3 => {
                    if let Err(error) = self.invoke_completed_commits(now) {
                        return Step::Return(Err(error));
                    }
                    if self.group().in_flight_async == 0 {
                        return Step::Return(Ok(Value::Bool(true)));
                    }
                    let until_ms = (now + self.backoff(*attempts)).min((*deadline_ms).max(now));
                    *attempts += 1;
                    *pc = 4;
                    return Step::Call(Frame::Sleep { until_ms });
                }
                _ => {
                    if now >= *deadline_ms {
                        return Step::Return(Ok(Value::Bool(false)));
                    }
                    *pc = 1;
                }
            }
        }
    }

    fn send_offset_fetch(&mut self, partitions: &BTreeSet<TopicPartition>, now: Ms) -> FutureId {
        if self.coordinator_unknown(now) {
            return self.failed_future(ClientError::code(ErrorCode::CoordinatorNotAvailable));
        }
        let future = self.new_future();
        let mut topics: Vec<OffsetFetchRequestTopic> = Vec::new();
        for tp in partitions {
            match topics.last_mut() {
                Some(topic) if topic.name == tp.topic => topic.partition_indexes.push(tp.partition),
                _ => topics.push(OffsetFetchRequestTopic {
                    name: tp.topic.clone(),
                    topic_id: Uuid::ZERO,
                    partition_indexes: vec![tp.partition],
                }),
            }
        }
        let group = self.group();
        let request = OffsetFetchRequest {
            groups: vec![OffsetFetchRequestGroup {
                group_id: group.group_id.clone(),
                topics: Some(topics),
                ..OffsetFetchRequestGroup::default()
            }],
            require_stable: true,
        };
        let node = coordinator_key(group.node.expect("known, checked above"));
        self.send(node, request.into(), Call::Committed(future), now);
        future
    }

    pub(super) fn fetch_committed(
        &mut self,
        frame: &mut Frame,
        input: Option<Ret>,
        now: Ms,
    ) -> Step {
        let Frame::FetchCommitted {
            partitions,
            deadline_ms,
            attempts,
            future,
            pc,
        } = frame
        else {
            unreachable!("committed offsets")
        };
        let mut input = input;
        loop {
            match *pc {
                0 => {
                    if partitions.is_empty() {
                        return Step::Return(Ok(Value::Committed(Some(
                            super::machine::CommittedOffsets::new(),
                        ))));
                    }
                    let group = self.group();
                    let generation = group.generation_if_stable();
                    let other = |p: &super::group::PendingCommitted| {
                        p.partitions != *partitions || p.generation != generation
                    };
                    if group.pending_committed.as_ref().is_some_and(other) {
                        group.pending_committed = None;
                    }
                    *pc = 1;
                }
                1 => {
                    *pc = 2;
                    return Step::Call(Frame::ensure_coordinator(*deadline_ms));
                }
                2 => {
                    match bool_of(input.take()) {
                        Ok(true) => {}
                        Ok(false) => return Step::Return(Ok(Value::Committed(None))),
                        Err(error) => return Step::Return(Err(error)),
                    }
                    let pending = self.group().pending_committed.as_ref().map(|p| p.future);
                    let asked = match pending {
                        Some(asked) => asked,
                        None => {
                            let generation = self.group().generation_if_stable();
                            let asked = self.send_offset_fetch(partitions, now);
                            self.group().pending_committed = Some(super::group::PendingCommitted {
                                partitions: partitions.clone(),
                                generation,
                                future: asked,
                            });
                            asked
                        }
                    };
                    *future = Some(asked);
                    *pc = 3;
                    return Step::Call(Frame::future(asked, *deadline_ms));
                }
                3 => {
                    match bool_of(input.take()) {
                        Ok(true) => {}
                        // The question stays open and is found again by the next call.
                        Ok(false) => return Step::Return(Ok(Value::Committed(None))),
                        Err(error) => return Step::Return(Err(error)),
                    }
                    self.group().pending_committed = None;
                    match future.and_then(|f| self.result_of(f)) {
                        Some(Ok(FutureValue::Offsets(offsets))) => {
                            return Step::Return(Ok(Value::Committed(Some(offsets))));
                        }
                        Some(Err(error)) if !error.is_retriable() => {
                            return Step::Return(Err(error));
                        }
                        _ => {}
                    }
                    let until_ms = (now + self.backoff(*attempts)).min((*deadline_ms).max(now));
                    *attempts += 1;
                    *pc = 4;
                    return Step::Call(Frame::Sleep { until_ms });
                }
                _ => {
                    input = None;
                    if now >= *deadline_ms {
                        return Step::Return(Ok(Value::Committed(None)));
                    }
                    *pc = 1;
                }
            }
        }
    }
}
