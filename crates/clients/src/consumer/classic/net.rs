//! The network client that the application and the heartbeat thread share (`ConsumerNetworkClient`).

use super::frames::{Condition, Frame};
use super::machine::{Call, Completion, FutureId, Machine, Ret, Step, Unsent, Value};
use crate::error::ClientError;
use crate::network::{NodeKey, Outcome};
use protocol::messages::Request;
use protocol::{ApiKey, Ms, NodeId};
use std::collections::VecDeque;

/// `MAX_POLL_TIMEOUT_MS`
const MAX_POLL_TIMEOUT_MS: Ms = 5_000;

pub(super) const DISCONNECT: &str = "DisconnectException";

impl Machine {
    /// Queues a request for its connection.
    pub(super) fn send(&mut self, node: NodeKey, request: Request, call: Call, now: Ms) {
        let timeout = self.config.request_timeout_ms;
        self.send_with_timeout(node, request, call, timeout, now);
    }

    pub(super) fn send_with_timeout(
        &mut self,
        node: NodeKey,
        request: Request,
        call: Call,
        timeout_ms: Ms,
        now: Ms,
    ) {
        let version = match request.api() {
            // Clients name the topics of commits and of offset fetches; ids are for newer callers.
            ApiKey::OffsetCommit | ApiKey::OffsetFetch => 9,
            api => api.latest_version(),
        };
        let unsent = Unsent {
            call,
            version,
            request,
            created_ms: now,
            timeout_ms,
        };
        match self.unsent.iter_mut().find(|(key, _)| *key == node) {
            Some((_, queue)) => queue.push_back(unsent),
            None => self.unsent.push((node, VecDeque::from([unsent]))),
        }
        self.network.wakeup();
    }

    /// Hands over what its connection takes; how long a pass may wait because of what it does not.
    fn try_send(&mut self, now: Ms) -> Ms {
        let mut delay = self.config.heartbeat_interval_ms.min(MAX_POLL_TIMEOUT_MS);
        for at in 0..self.unsent.len() {
            let node = self.unsent[at].0;
            if !self.unsent[at].1.is_empty() {
                delay = delay.min(self.network.poll_delay(node, now));
            }
            while !self.unsent[at].1.is_empty() && self.network.ready(node, now) {
                let request = self.unsent[at].1.pop_front().expect("not empty");
                let Unsent {
                    call,
                    version,
                    request,
                    timeout_ms,
                    ..
                } = request;
                self.network
                    .send(node, version, request, true, timeout_ms, call, now);
            }
        }
        delay
    }

    fn fail_unsent(&mut self, node: NodeKey, error: &ClientError) {
        for (key, queue) in &mut self.unsent {
            if *key == node {
                for unsent in queue.drain(..) {
                    self.completions.push_back(Completion {
                        node,
                        call: unsent.call,
                        result: Err(error.clone()),
                    });
                }
            }
        }
    }

    fn handle_pending_disconnects(&mut self, now: Ms) {
        for node in std::mem::take(&mut self.disconnects) {
            self.fail_unsent(node, &ClientError::class(DISCONNECT));
            self.network.disconnect(node, now);
        }
    }

    fn check_disconnects(&mut self) {
        for node in self.unsent.iter().map(|(key, _)| *key).collect::<Vec<_>>() {
            if self.network.connection_failed(node) {
                self.fail_unsent(node, &ClientError::class(DISCONNECT));
            }
        }
    }

    fn fail_expired(&mut self, now: Ms) {
        for (node, queue) in &mut self.unsent {
            while queue
                .front()
                .is_some_and(|u| now - u.created_ms > u.timeout_ms)
            {
                let unsent = queue.pop_front().expect("not empty");
                let result = Err(ClientError::timeout());
                self.completions.push_back(Completion {
                    node: *node,
                    call: unsent.call,
                    result,
                });
            }
        }
    }

    pub(super) fn has_pending_requests(&self) -> bool {
        self.unsent.iter().any(|(_, queue)| !queue.is_empty()) || self.network.in_flight_count() > 0
    }

    pub(super) fn has_pending_requests_to(&self, node: NodeKey) -> bool {
        self.unsent
            .iter()
            .any(|(key, queue)| *key == node && !queue.is_empty())
            || self.network.in_flight_count_of(node) > 0
    }

    /// Lost, and its back-off is not over.
    pub(super) fn is_unavailable(&self, node: NodeKey, now: Ms) -> bool {
        self.network.connection_failed(node) && self.network.connection_delay(node, now) > 0
    }

    pub(super) fn is_broker_unavailable(&self, node: NodeId, now: Ms) -> bool {
        self.is_unavailable(node.0, now)
    }

    /// Keeps what metadata is asked about in step with the subscription.
    pub fn sync_interest(&mut self) {
        if let crate::network::metadata::Interest::Consumer(interest) =
            &mut self.network.metadata.interest
        {
            interest.topics = self.subscriptions.metadata_topics();
        }
    }

    pub(super) fn net(&mut self, frame: &mut Frame, now: Ms) -> Step {
        let Frame::Net {
            deadline_ms,
            condition,
            no_wakeup,
            transmit,
            pc,
        } = frame
        else {
            unreachable!("a pass")
        };
        loop {
            match *pc {
                0 => {
                    if self.must_yield(now) {
                        return Step::Block;
                    }
                    if !*transmit {
                        if let Some(child) = self.fire(now) {
                            return Step::Call(child);
                        }
                    }
                    *pc = 1;
                }
                1 => {
                    self.sync_interest();
                    let mut timeout = 0;
                    if !*transmit {
                        self.handle_pending_disconnects(now);
                    }
                    let delay = self.try_send(now);
                    let blocks = match *condition {
                        Condition::Always => true,
                        Condition::Until(future) => !self.is_done(future),
                        Condition::NoAvailableFetches => {
                            !self.fetcher.has_available(&self.subscriptions)
                        }
                    };
                    if !*transmit && self.completions.is_empty() && blocks {
                        timeout = (*deadline_ms - now).max(0).min(delay);
                        if self.network.in_flight_count() == 0 {
                            timeout = timeout.min(self.config.retry_backoff_ms);
                        }
                    }
                    self.network.begin_poll(timeout, now);
                    *pc = 2;
                    return Step::Block;
                }
                2 => {
                    for done in self.network.finish_poll(now) {
                        let result = match done.outcome {
                            Outcome::Response(response) => Ok(response),
                            Outcome::Disconnected { .. } => Err(ClientError::class(DISCONNECT)),
                            Outcome::Written => Err(ClientError::kafka()),
                        };
                        self.completions.push_back(Completion {
                            node: done.node,
                            call: done.call,
                            result,
                        });
                    }
                    if *transmit {
                        return Step::Return(Ok(Value::Unit));
                    }
                    self.check_disconnects();
                    if !*no_wakeup && self.take_wakeup() {
                        return Step::Return(Err(ClientError::class("WakeupException")));
                    }
                    self.try_send(now);
                    self.fail_expired(now);
                    self.unsent.retain(|(_, queue)| !queue.is_empty());
                    *pc = 3;
                }
                _ => {
                    if let Some(child) = self.fire(now) {
                        return Step::Call(child);
                    }
                    return Step::Return(match self.network.metadata.take_error(None) {
                        Some(error) => Err(error),
                        None => Ok(Value::Unit),
                    });
                }
            }
        }
    }

    /// A wakeup that was asked for is used up.
    pub(super) fn take_wakeup(&mut self) -> bool {
        !self.wakeup_disabled && std::mem::take(&mut self.wakeup)
    }

    /// Runs the listeners of requests that ended; a listener that must wait is the frame to call first.
    fn fire(&mut self, now: Ms) -> Option<Frame> {
        while let Some(completion) = self.completions.pop_front() {
            self.network.wakeup();
            if let Some(frame) = self.handle_completion(completion, now) {
                return Some(frame);
            }
        }
        None
    }

    pub(super) fn poll_future(&mut self, frame: &mut Frame, input: Option<Ret>, now: Ms) -> Step {
        let Frame::Future {
            future,
            deadline_ms,
            no_wakeup,
            pc,
        } = frame
        else {
            unreachable!("a future")
        };
        if let Some(Err(error)) = input {
            return Step::Return(Err(error));
        }
        let done = self.is_done(*future);
        if *pc == 1 && (done || now >= *deadline_ms) {
            return Step::Return(Ok(Value::Bool(done)));
        }
        *pc = 1;
        Step::Call(Frame::Net {
            deadline_ms: *deadline_ms,
            condition: Condition::Until(*future),
            no_wakeup: *no_wakeup,
            transmit: false,
            pc: 0,
        })
    }

    pub(super) fn await_metadata(
        &mut self,
        frame: &mut Frame,
        input: Option<Ret>,
        now: Ms,
    ) -> Step {
        let Frame::AwaitMetadata {
            deadline_ms,
            version,
        } = frame
        else {
            unreachable!("metadata")
        };
        if let Some(Err(error)) = input {
            return Step::Return(Err(error));
        }
        match *version {
            None => *version = Some(self.network.metadata.request_update(false)),
            Some(version) => {
                let updated = self.network.metadata.update_version() != version;
                if updated || now >= *deadline_ms {
                    return Step::Return(Ok(Value::Bool(updated)));
                }
            }
        }
        Step::Call(Frame::net(*deadline_ms, Condition::Always))
    }

    /// Sends what may go out to the coordinator's place in the queue of nodes.
    pub(super) fn least_loaded_node(&self, now: Ms) -> Option<NodeKey> {
        self.network.least_loaded(now).node
    }

    pub(super) fn complete(
        &mut self,
        future: FutureId,
        result: Result<super::machine::FutureValue, ClientError>,
    ) -> Option<Frame> {
        let failed = result.as_ref().err().cloned();
        self.futures.insert(future, Some(result));
        self.future_listeners(future, failed)
    }
}
