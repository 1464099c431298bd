//! Finding the coordinator, and what every poll does with it
//! (`AbstractCoordinator.ensureCoordinatorReady`, `ConsumerCoordinator.poll`).

use super::frames::Frame;
use super::group::{GroupSnapshot, HeartbeatThread, HeartbeatWait};
use super::machine::{Call, FutureId, Machine, Ret, Step, Value};
use crate::error::ClientError;
use crate::network::coordinator_key;
use protocol::Ms;
use protocol::messages::{COORDINATOR_GROUP, FindCoordinatorRequest};

pub(super) fn bool_of(input: Option<Ret>) -> Result<bool, ClientError> {
    match input {
        Some(Ok(Value::Bool(value))) => Ok(value),
        Some(Err(error)) => Err(error),
        _ => Ok(true),
    }
}

pub(super) fn error_of(input: Option<Ret>) -> Option<ClientError> {
    input.and_then(Result::err)
}

impl Machine {
    pub(super) fn group(&mut self) -> &mut super::group::Coordinator {
        self.group
            .as_mut()
            .expect("only consumers with a group come here")
    }

    /// `coordinatorUnknown`: a coordinator that cannot be reached is forgotten.
    pub(super) fn coordinator_unknown(&mut self, now: Ms) -> bool {
        let Some(node) = self.group.as_ref().and_then(|g| g.node) else {
            return true;
        };
        if self.is_unavailable(coordinator_key(node), now) {
            self.mark_coordinator_unknown(true);
            return true;
        }
        false
    }

    /// `lookupCoordinator`
    pub(super) fn lookup_coordinator(&mut self, now: Ms) -> FutureId {
        if let Some(future) = self.group().find_future {
            return future;
        }
        let Some(node) = self.least_loaded_node(now) else {
            return self.failed_future(ClientError::class("NoAvailableBrokersException"));
        };
        let future = self.new_future();
        let key = self.group().group_id.clone();
        let request = FindCoordinatorRequest {
            key_type: COORDINATOR_GROUP,
            coordinator_keys: vec![key],
        };
        self.group().find_future = Some(future);
        self.send(node, request.into(), Call::FindCoordinator(future), now);
        future
    }

    pub(super) fn ensure_coordinator(
        &mut self,
        frame: &mut Frame,
        input: Option<Ret>,
        now: Ms,
    ) -> Step {
        let mut input = input;
        loop {
            let Frame::EnsureCoordinator {
                deadline_ms,
                no_wakeup,
                attempts,
                fatal,
                pc,
            } = frame
            else {
                unreachable!("a lookup")
            };
            match *pc {
                0 => {
                    if !self.coordinator_unknown(now) {
                        return Step::Return(Ok(Value::Bool(true)));
                    }
                    *pc = 1;
                }
                1 => {
                    if let Some(error) = self.group().fatal_find.take() {
                        return Step::Return(Err(error));
                    }
                    let future = self.lookup_coordinator(now);
                    *pc = 2;
                    let (deadline_ms, no_wakeup) = (*deadline_ms, *no_wakeup);
                    self.group().auto_find = Some(future);
                    return Step::Call(Frame::Future {
                        future,
                        deadline_ms,
                        no_wakeup,
                        pc: 0,
                    });
                }
                2 => {
                    let future = self.group().auto_find.expect("set before the wait");
                    match bool_of(input.take()) {
                        Err(error) => return Step::Return(Err(error)),
                        Ok(false) => {
                            let known = !self.coordinator_unknown(now);
                            return Step::Return(Ok(Value::Bool(known)));
                        }
                        Ok(true) => {}
                    }
                    *pc = 4;
                    let backoff = self.backoff(*attempts);
                    let until_ms = (now + backoff).min((*deadline_ms).max(now));
                    match self.result_of(future) {
                        Some(Err(error)) if error.is_retriable() => {
                            *attempts += 1;
                            *pc = 3;
                            return Step::Call(Frame::Sleep { until_ms });
                        }
                        Some(Err(error)) => *fatal = Some(error),
                        _ => {
                            let node = self.group().node;
                            if node.is_some_and(|n| self.is_unavailable(coordinator_key(n), now)) {
                                self.mark_coordinator_unknown(false);
                                *attempts += 1;
                                return Step::Call(Frame::Sleep { until_ms });
                            }
                        }
                    }
                }
                3 => {
                    *pc = 4;
                    return Step::Call(Frame::AwaitMetadata {
                        deadline_ms: *deadline_ms,
                        version: None,
                    });
                }
                _ => {
                    if let Some(error) = error_of(input.take()) {
                        return Step::Return(Err(error));
                    }
                    self.group().find_future = None;
                    if let Some(error) = fatal.take() {
                        self.group().fatal_find = None;
                        return Step::Return(Err(error));
                    }
                    let unknown = self.coordinator_unknown(now);
                    if !unknown || now >= *deadline_ms {
                        return Step::Return(Ok(Value::Bool(!unknown)));
                    }
                    *pc = 1;
                }
            }
        }
    }

    pub(super) fn backoff(&self, attempts: u32) -> Ms {
        let config = &self.config;
        crate::backoff::ExponentialBackoff::new(
            config.retry_backoff_ms,
            config.retry_backoff_max_ms,
        )
        .backoff(attempts)
    }

    /// `maybeUpdateSubscriptionMetadata`
    pub(super) fn maybe_update_subscription_metadata(&mut self) {
        let version = self.network.metadata.update_version();
        let cluster = self.network.metadata.snapshot().clone();
        let topics = self.subscriptions.metadata_topics();
        let group = self.group();
        if version > group.metadata_snapshot.version {
            group.metadata_snapshot = GroupSnapshot::new(&cluster, &topics, version);
        }
    }

    pub(super) fn coordinator_poll(
        &mut self,
        frame: &mut Frame,
        input: Option<Ret>,
        now: Ms,
    ) -> Step {
        let Frame::CoordinatorPoll { deadline_ms, pc } = frame else {
            unreachable!("a coordinator's poll")
        };
        let mut input = input;
        loop {
            match *pc {
                0 => {
                    if self.must_yield(now) {
                        return Step::Block;
                    }
                    self.maybe_update_subscription_metadata();
                    if let Err(error) = self.invoke_completed_commits(now) {
                        return Step::Return(Err(error));
                    }
                    if !self.subscriptions.has_auto_assigned_partitions() {
                        *pc = 5;
                        if self.network.metadata.update_requested()
                            && !self.network.has_ready_nodes(now)
                        {
                            return Step::Call(Frame::AwaitMetadata {
                                deadline_ms: *deadline_ms,
                                version: None,
                            });
                        }
                        continue;
                    }
                    if let Err(error) = self.poll_heartbeat(now) {
                        return Step::Return(Err(error));
                    }
                    *pc = 1;
                    if self.coordinator_unknown(now) {
                        return Step::Call(Frame::ensure_coordinator(*deadline_ms));
                    }
                }
                1 => {
                    match bool_of(input.take()) {
                        Ok(true) => {}
                        other => return Step::Return(other.map(Value::Bool)),
                    }
                    *pc = 7;
                    let subscriptions = &self.subscriptions;
                    let group = self.group.as_mut().expect("checked by the caller");
                    if group.rejoin_needed_or_pending(subscriptions) {
                        // The join itself never waits here: it goes on over polls.
                        *pc = 2;
                        return Step::Call(Frame::ensure_coordinator(now));
                    }
                }
                2 => {
                    match bool_of(input.take()) {
                        Ok(true) => {}
                        other => return Step::Return(other.map(Value::Bool)),
                    }
                    let group = self.group();
                    group.thread.get_or_insert(HeartbeatThread {
                        enabled: false,
                        failure: None,
                        wait: HeartbeatWait::Notified,
                    });
                    *pc = 3;
                    return Step::Call(Frame::JoinGroup {
                        deadline_ms: now,
                        pc: 0,
                    });
                }
                3 => match bool_of(input.take()) {
                    Ok(true) => *pc = 7,
                    other => return Step::Return(other.map(Value::Bool)),
                },
                5 => {
                    if let Some(error) = error_of(input.take()) {
                        return Step::Return(Err(error));
                    }
                    *pc = 7;
                    return Step::Call(Frame::net_no_wakeup(now));
                }
                7 => {
                    if let Some(error) = error_of(input.take()) {
                        return Step::Return(Err(error));
                    }
                    *pc = 8;
                    if let Some(commit) = self.maybe_auto_commit(now) {
                        return Step::Call(commit);
                    }
                }
                _ => {
                    if let Some(error) = error_of(input.take()) {
                        return Step::Return(Err(error));
                    }
                    return Step::Return(Ok(Value::Bool(true)));
                }
            }
        }
    }

    /// `pollHeartbeat`: notes that the application polls, and lets a due heartbeat go.
    fn poll_heartbeat(&mut self, now: Ms) -> Result<(), ClientError> {
        let group = self.group();
        let Some(thread) = &group.thread else {
            return Ok(());
        };
        if let Some(error) = thread.failure.clone() {
            group.thread = None;
            return Err(error);
        }
        if group.heartbeat.next_ms <= now {
            group.notify();
        }
        group.heartbeat.poll(now);
        Ok(())
    }
}
