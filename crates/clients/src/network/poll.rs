//! One pass of the network loop, in Kafka's order (`NetworkClient.poll`), and what a pass begins with: METADATA.

use super::connection::{Connection, ConnectionState, Purpose};
use super::{Completed, LeastLoaded, Network, NodeKey, Outcome, Output, Select};
use protocol::messages::{ApiVersionsRequest, Response};
use protocol::{ApiKey, Ms};

impl<C: Clone> Network<C> {
    /// `NetworkClient.leastLoadedNode`; the search starts at the first node.
    pub fn least_loaded(&self, now: Ms) -> LeastLoaded {
        let (mut ready, mut connecting, mut connectable) = (None, None, None::<(NodeKey, Ms)>);
        let mut fewest = usize::MAX;
        let mut any_ready = false;
        for key in self.metadata.snapshot().node_keys() {
            let connection = self.connections.get(&key);
            any_ready |= connection.is_some_and(|c| c.is_ready(now));
            if self.can_send_request(key, now) {
                let in_flight = self.in_flight_count_of(key);
                if in_flight == 0 {
                    return LeastLoaded {
                        node: Some(key),
                        any_ready: true,
                    };
                }
                if in_flight < fewest {
                    fewest = in_flight;
                    ready = Some(key);
                }
            } else if connection.is_some_and(|c| {
                matches!(
                    c.state,
                    ConnectionState::Connecting | ConnectionState::CheckingApiVersions
                )
            }) {
                connecting = Some(key);
            } else if self.can_connect(key, now) {
                let last = connection.map_or(0, |c| c.last_attempt_ms);
                if connectable.is_none_or(|(_, best)| best > last) {
                    connectable = Some((key, last));
                }
            }
        }
        LeastLoaded {
            node: ready.or(connecting).or(connectable.map(|(key, _)| key)),
            any_ready,
        }
    }

    /// `DefaultMetadataUpdater.maybeUpdate`: sends METADATA if it is due; answers how long the poll may wait.
    fn maybe_update_metadata(&mut self, now: Ms) -> Ms {
        let until_next = self.metadata.time_to_next_update(now);
        let until_answer = if self.metadata_in_progress {
            self.config.request_timeout_ms
        } else {
            0
        };
        let wait = until_next.max(until_answer);
        if wait > 0 {
            return wait;
        }
        self.metadata_attempt_start_ms.get_or_insert(now);
        let mut least = self.least_loaded(now);
        if self.config.rebootstrap && least.node.is_none() && !least.any_ready {
            self.rebootstrap(now);
            least = self.least_loaded(now);
        }
        let Some(key) = least.node else {
            return self.config.reconnect_backoff_ms;
        };
        if self.can_send_request(key, now) {
            let (request, request_version, partial) = self.metadata.new_request(now);
            self.metadata_in_progress = true;
            let timeout = self.config.request_timeout_ms;
            let version = ApiKey::Metadata.latest_version();
            let purpose = Purpose::Metadata {
                request_version,
                partial,
            };
            self.hand_over(key, version, request.into(), true, timeout, purpose, now);
            return timeout;
        }
        let connecting = |c: &Connection<C>| c.state == ConnectionState::Connecting;
        if self
            .metadata
            .snapshot()
            .node_keys()
            .any(|n| self.connections.get(&n).is_some_and(connecting))
        {
            return self.config.reconnect_backoff_ms;
        }
        if self.can_connect(key, now) {
            self.initiate_connect(key, now);
            return self.config.reconnect_backoff_ms;
        }
        Ms::MAX
    }

    fn rebootstrap(&mut self, now: Ms) {
        self.metadata.bootstrap(self.bootstrap.len());
        self.metadata_attempt_start_ms = Some(now);
    }

    /// First half of a pass: METADATA if due, then everything handed over is written, then the wait begins.
    pub fn begin_poll(&mut self, timeout_ms: Ms, now: Ms) {
        self.only_aborted = !self.aborted.is_empty();
        if self.only_aborted {
            self.select = Some(Select {
                deadline_ms: now,
                waits: false,
                shortened: false,
            });
            return;
        }
        let metadata_timeout = self.maybe_update_metadata(now);
        let mut wait = timeout_ms
            .min(metadata_timeout)
            .min(self.config.request_timeout_ms)
            .max(0);
        if self.write() {
            wait = 0;
        }
        let shortened = self.late && wait > 1;
        if shortened {
            wait = 1;
        }
        self.late &= wait == 0;
        self.select = Some(Select {
            deadline_ms: now.saturating_add(wait),
            waits: wait > 0,
            shortened,
        });
    }

    fn write(&mut self) -> bool {
        let wrote = !self.to_write.is_empty();
        for (key, correlation_id, version, request) in std::mem::take(&mut self.to_write) {
            let Some(connection) = self.connections.get_mut(&key) else {
                continue;
            };
            let conn = connection.id;
            let Some(sent) = connection
                .in_flight
                .iter_mut()
                .find(|r| r.correlation_id == correlation_id)
            else {
                continue; // its connection was lost before it could be written
            };
            sent.unwritten = false;
            let expects_response = sent.expects_response;
            self.outputs.push(Output::Send {
                conn,
                correlation_id,
                version,
                expects_response,
                request,
            });
        }
        wrote
    }

    /// When the wait ends by itself; `None` = the pass can be finished now.
    pub fn waits_until(&self, now: Ms) -> Option<Ms> {
        let select = self.select?;
        let event = self.woken
            || self
                .connections
                .values()
                .any(|c| !c.inbox.is_empty() || c.opened || c.lost);
        (!event && now < select.deadline_ms).then_some(select.deadline_ms)
    }

    pub fn is_polling(&self) -> bool {
        self.select.is_some()
    }

    /// Second half of a pass: answers (at most one a connection, connections ascending), lost connections, opened ones,
    /// time-outs. What ended is handed back in Kafka's order, to be worked on by its owner.
    pub fn finish_poll(&mut self, now: Ms) -> Vec<Completed<C>> {
        let select = self.select.take().expect("a poll was begun");
        self.woken = false;
        if self.only_aborted {
            return std::mem::take(&mut self.aborted);
        }
        let event = self
            .connections
            .values()
            .any(|c| !c.inbox.is_empty() || c.opened || c.lost);
        if select.waits {
            self.late = !event && now >= select.deadline_ms && !select.shortened;
        }
        let mut done = Vec::new();
        self.complete_sends(&mut done);
        self.receive(&mut done, now);
        for key in self.keys_where(|c| c.lost) {
            self.process_disconnection(&mut done, key, now, false);
        }
        for key in self.keys_where(|c| c.opened) {
            let c = self.connections.get_mut(&key).expect("listed");
            c.opened = false;
            c.wants_api_versions = true;
        }
        for key in self.keys_where(|c| c.wants_api_versions) {
            let backoffs = self.backoffs;
            self.connections
                .get_mut(&key)
                .expect("listed")
                .checking_api_versions(&backoffs);
            let request = ApiVersionsRequest::default().into();
            let timeout = self.config.request_timeout_ms;
            let version = ApiKey::ApiVersions.latest_version();
            self.hand_over(
                key,
                version,
                request,
                true,
                timeout,
                Purpose::ApiVersions,
                now,
            );
        }
        for key in self.keys_where(|c| {
            c.state == ConnectionState::Connecting && now - c.last_attempt_ms > c.setup_timeout_ms
        }) {
            self.close_connection(key);
            self.process_disconnection(&mut done, key, now, true);
        }
        for key in self.keys_where(|c| c.has_expired_request(now)) {
            self.close_connection(key);
            self.process_disconnection(&mut done, key, now, true);
        }
        self.maybe_rebootstrap(&mut done, now);
        done
    }

    pub(super) fn keys_where(&self, test: impl Fn(&Connection<C>) -> bool) -> Vec<NodeKey> {
        self.connections
            .iter()
            .filter(|(_, c)| test(c))
            .map(|(k, _)| *k)
            .collect()
    }

    fn complete_sends(&mut self, done: &mut Vec<Completed<C>>) {
        for (key, c) in &mut self.connections {
            while let Some(i) = c
                .in_flight
                .iter()
                .position(|r| !r.expects_response && !r.unwritten)
            {
                let request = c.in_flight.remove(i).expect("found");
                if let Purpose::Call(call) = request.purpose {
                    done.push(Completed {
                        node: *key,
                        correlation_id: request.correlation_id,
                        call,
                        outcome: Outcome::Written,
                    });
                }
            }
        }
    }

    fn receive(&mut self, done: &mut Vec<Completed<C>>, now: Ms) {
        for key in self.keys_where(|c| !c.inbox.is_empty()) {
            let c = self.connections.get_mut(&key).expect("listed");
            let (correlation_id, response) = c.inbox.pop_front().expect("listed");
            let Some(request) = c.in_flight.pop_front() else {
                continue;
            };
            assert_eq!(
                request.correlation_id, correlation_id,
                "answers come in the order of their requests"
            );
            let throttle_ms = Ms::from(throttle_time_ms(&response));
            if throttle_ms > 0 {
                for other in &mut c.in_flight {
                    other.throttle_ms += throttle_ms;
                }
                c.throttle_until_ms = c.throttle_until_ms.max(now + throttle_ms);
            }
            match (request.purpose, response) {
                (
                    Purpose::Metadata {
                        request_version,
                        partial,
                    },
                    Response::Metadata(response),
                ) => {
                    if response.brokers.is_empty() {
                        self.metadata.failed_update(now);
                    } else {
                        self.metadata
                            .update(request_version, &response, partial, now);
                        self.metadata_attempt_start_ms = None;
                    }
                    self.metadata_in_progress = false;
                }
                (Purpose::ApiVersions, Response::ApiVersions(response)) => {
                    let backoffs = self.backoffs;
                    self.connections
                        .get_mut(&key)
                        .expect("listed")
                        .ready(&backoffs);
                    let epoch = response.finalized_features_epoch;
                    if self
                        .finalized_features
                        .as_ref()
                        .is_none_or(|(known, _)| *known < epoch)
                    {
                        let levels = response
                            .finalized_features
                            .iter()
                            .map(|f| (f.name.to_string(), f.max_version_level))
                            .collect();
                        self.finalized_features = Some((epoch, levels));
                    }
                }
                (Purpose::Call(call), response) => {
                    done.push(Completed {
                        node: key,
                        correlation_id,
                        call,
                        outcome: Outcome::Response(response),
                    });
                }
                (_, other) => unreachable!("an answer of another kind: {:?}", other.api()),
            }
        }
    }

    pub(super) fn close_connection(&mut self, key: NodeKey) {
        let conn = self.connections[&key].id;
        self.outputs.push(Output::Close { conn });
    }

    /// `NetworkClient.cancelInFlightRequests`.
    pub(super) fn cancel_in_flight(
        &mut self,
        key: NodeKey,
        now: Ms,
        timed_out: bool,
    ) -> Vec<Completed<C>> {
        let requests =
            std::mem::take(&mut self.connections.get_mut(&key).expect("known").in_flight);
        let mut done = Vec::new();
        for request in requests {
            match request.purpose {
                Purpose::Metadata { .. } => self.metadata_failed(now),
                Purpose::ApiVersions => {}
                Purpose::Call(call) => done.push(Completed {
                    node: key,
                    correlation_id: request.correlation_id,
                    call,
                    outcome: Outcome::Disconnected { timed_out },
                }),
            }
        }
        done
    }

    fn metadata_failed(&mut self, now: Ms) {
        self.metadata.failed_update(now);
        self.metadata_in_progress = false;
    }

    fn process_disconnection(
        &mut self,
        done: &mut Vec<Completed<C>>,
        key: NodeKey,
        now: Ms,
        timed_out: bool,
    ) {
        let backoffs = self.backoffs;
        self.connections
            .get_mut(&key)
            .expect("known")
            .disconnected(now, &backoffs);
        done.extend(self.cancel_in_flight(key, now, timed_out));
        // An update that was due at this moment counts as failed; one is asked for in any case.
        if self.update_due(now) {
            self.metadata_failed(now);
        }
        self.metadata.request_update(false);
    }

    fn maybe_rebootstrap(&mut self, done: &mut Vec<Completed<C>>, now: Ms) {
        let since = self.metadata_attempt_start_ms;
        if !self.config.rebootstrap
            || since.is_none_or(|at| now - at <= self.config.rebootstrap_trigger_ms)
        {
            return;
        }
        for key in self.metadata.snapshot().node_keys().collect::<Vec<_>>() {
            if self
                .connections
                .get(&key)
                .is_some_and(|c| c.state != ConnectionState::Disconnected)
            {
                self.close_connection(key);
                self.process_disconnection(done, key, now, false);
            }
        }
        self.rebootstrap(now);
    }
}

/// How long the broker asks the client to be silent, in ms.
fn throttle_time_ms(response: &Response) -> i32 {
    match response {
        Response::Produce(r) => r.throttle_time_ms,
        Response::Fetch(r) => r.throttle_time_ms,
        Response::ListOffsets(r) => r.throttle_time_ms,
        Response::Metadata(r) => r.throttle_time_ms,
        Response::OffsetCommit(r) => r.throttle_time_ms,
        Response::OffsetFetch(r) => r.throttle_time_ms,
        Response::FindCoordinator(r) => r.throttle_time_ms,
        Response::JoinGroup(r) => r.throttle_time_ms,
        Response::Heartbeat(r) => r.throttle_time_ms,
        Response::LeaveGroup(r) => r.throttle_time_ms,
        Response::SyncGroup(r) => r.throttle_time_ms,
        Response::InitProducerId(r) => r.throttle_time_ms,
        Response::OffsetForLeaderEpoch(r) => r.throttle_time_ms,
        Response::AddPartitionsToTxn(r) => r.throttle_time_ms,
        Response::AddOffsetsToTxn(r) => r.throttle_time_ms,
        Response::EndTxn(r) => r.throttle_time_ms,
        Response::TxnOffsetCommit(r) => r.throttle_time_ms,
        Response::ConsumerGroupHeartbeat(r) => r.throttle_time_ms,
        Response::ApiVersions(r) => r.throttle_time_ms,
        // Administrators' answers are never throttled here.
        _ => 0,
    }
}
