//! `NetworkClient`: connections, unanswered requests, time-outs, the least loaded node, and metadata on the way.
//!
//! One pass of the network loop has two halves. [`Network::begin_poll`] writes what was handed over and starts to wait;
//! [`Network::finish_poll`] reads what came. Between them the world may answer. The wire itself is not here: what leaves
//! is an [`Output`], what comes is an [`Input`].

mod connection;
pub mod metadata;
mod poll;
pub mod snapshot;
mod view;

use crate::backoff::ExponentialBackoff;
pub use connection::ConnectionState;
use connection::{Connection, ConnectionBackoffs, InFlight, Purpose};
use metadata::Metadata;
use protocol::messages::{Request, Response};
use protocol::{ConnectionId, CorrelationId, Ms, NodeId};
use std::collections::BTreeMap;
pub use view::{ConnectionView, InFlightView};

/// Key of a connection: a broker id; −1, −2 … for bootstrap servers; `i32::MAX − id` for a group coordinator.
pub type NodeKey = i32;

/// Key of the connection to a broker in its role as coordinator (`AbstractCoordinator`: a connection of its own).
pub const fn coordinator_key(broker: NodeId) -> NodeKey {
    i32::MAX - broker.0
}

/// What a client asks of the wire.
#[derive(Clone, Debug)]
pub enum Output {
    Connect {
        conn: ConnectionId,
        node: NodeId,
    },
    Send {
        conn: ConnectionId,
        correlation_id: CorrelationId,
        version: i16,
        expects_response: bool,
        request: Request,
    },
    Close {
        conn: ConnectionId,
    },
}

/// What the wire tells a client. Ids of earlier connections are ignored.
#[derive(Clone, Debug)]
pub enum Input {
    Connected {
        conn: ConnectionId,
    },
    /// The connection was refused, reset or closed by the other end.
    Disconnected {
        conn: ConnectionId,
    },
    Response {
        conn: ConnectionId,
        correlation_id: CorrelationId,
        response: Response,
    },
}

/// How a request ended.
#[derive(Clone, Debug)]
pub enum Outcome {
    Response(Response),
    /// Written, and no answer is expected (acks=0).
    Written,
    Disconnected {
        timed_out: bool,
    },
}

/// A request that ended (`ClientResponse`).
#[derive(Clone, Debug)]
pub struct Completed<C> {
    pub node: NodeKey,
    pub correlation_id: CorrelationId,
    pub call: C,
    pub outcome: Outcome,
}

/// Settings of the network client.
#[derive(Clone, Debug)]
pub struct NetworkConfig {
    pub reconnect_backoff_ms: Ms,
    pub reconnect_backoff_max_ms: Ms,
    pub setup_timeout_ms: Ms,
    pub setup_timeout_max_ms: Ms,
    pub request_timeout_ms: Ms,
    pub max_in_flight: usize,
    /// `metadata.recovery.strategy=rebootstrap`
    pub rebootstrap: bool,
    pub rebootstrap_trigger_ms: Ms,
}

/// `LeastLoadedNode`.
#[derive(Clone, Copy, Debug)]
pub struct LeastLoaded {
    pub node: Option<NodeKey>,
    pub any_ready: bool,
}

#[derive(Clone, Copy, Debug)]
struct Select {
    deadline_ms: Ms,
    /// The wait had a length, so that running into its end makes the next one short.
    waits: bool,
    shortened: bool,
}

/// The network client of one producer, consumer or admin client. `C` is what a caller wants back with its answer.
#[derive(Clone, Debug)]
pub struct Network<C> {
    config: NetworkConfig,
    backoffs: ConnectionBackoffs,
    bootstrap: Vec<NodeId>,
    pub metadata: Metadata,
    connections: BTreeMap<NodeKey, Connection<C>>,
    /// Written at the next poll, in the order of hand-over.
    to_write: Vec<(NodeKey, CorrelationId, i16, Request)>,
    /// Requests of connections that this client closed itself; the next poll hands them back and does nothing else.
    aborted: Vec<Completed<C>>,
    outputs: Vec<Output>,
    next_connection: u32,
    next_correlation: i32,
    metadata_in_progress: bool,
    metadata_attempt_start_ms: Option<Ms>,
    select: Option<Select>,
    /// The wait before ran into its end: a real wait ends slightly late, so that the next one lasts at most 1 ms.
    late: bool,
    woken: bool,
    only_aborted: bool,
    /// Finalized `transaction.version` as the newest connection told it.
    finalized_features: Option<(i64, BTreeMap<String, i16>)>,
    closed: bool,
}

impl<C: Clone> Network<C> {
    /// `bootstrap`: the brokers that `bootstrap.servers` names, in order.
    pub fn new(config: NetworkConfig, bootstrap: Vec<NodeId>, metadata: Metadata) -> Self {
        let backoffs = ConnectionBackoffs {
            reconnect: ExponentialBackoff::new(
                config.reconnect_backoff_ms,
                config.reconnect_backoff_max_ms,
            ),
            setup: ExponentialBackoff::new(config.setup_timeout_ms, config.setup_timeout_max_ms),
        };
        Self {
            config,
            backoffs,
            bootstrap,
            metadata,
            connections: BTreeMap::new(),
            to_write: Vec::new(),
            aborted: Vec::new(),
            outputs: Vec::new(),
            next_connection: 1,
            next_correlation: 0,
            metadata_in_progress: false,
            metadata_attempt_start_ms: None,
            select: None,
            late: false,
            woken: false,
            only_aborted: false,
            finalized_features: None,
            closed: false,
        }
    }

    /// Takes what the wire says; it is looked at in the next [`Network::finish_poll`].
    pub fn handle(&mut self, input: Input) {
        let conn = match &input {
            Input::Connected { conn }
            | Input::Disconnected { conn }
            | Input::Response { conn, .. } => *conn,
        };
        let Some(c) = self
            .connections
            .values_mut()
            .find(|c| c.id == conn && c.state != ConnectionState::Disconnected)
        else {
            return;
        };
        match input {
            Input::Connected { .. } => c.opened = true,
            Input::Disconnected { .. } => {
                c.lost = true;
                c.opened = false;
                c.inbox.clear();
            }
            Input::Response {
                correlation_id,
                response,
                ..
            } if !c.lost => c.inbox.push_back((correlation_id, response)),
            Input::Response { .. } => {}
        }
    }

    pub fn take_outputs(&mut self) -> Vec<Output> {
        std::mem::take(&mut self.outputs)
    }

    /// Ends the running wait at once (`Selector.wakeup`).
    pub fn wakeup(&mut self) {
        self.woken = true;
    }

    fn broker_of(&self, key: NodeKey) -> NodeId {
        match key {
            ..=-1 => self.bootstrap[(-1 - key) as usize],
            // Coordinator aliases count down from the top; brokers never reach the upper half.
            0x4000_0000.. => NodeId(i32::MAX - key),
            _ => NodeId(key),
        }
    }

    /// Whether a METADATA request must go out before anything else (`NetworkClient.isReady`).
    fn update_due(&mut self, now: Ms) -> bool {
        !self.metadata_in_progress && self.metadata.time_to_next_update(now) == 0
    }

    fn can_send_request(&self, key: NodeKey, now: Ms) -> bool {
        self.connections
            .get(&key)
            .is_some_and(|c| c.is_ready(now) && c.can_send_more(self.config.max_in_flight))
    }

    pub fn is_ready(&mut self, key: NodeKey, now: Ms) -> bool {
        !self.update_due(now) && self.can_send_request(key, now)
    }

    /// Whether a request may be sent now; otherwise begins to connect if that is allowed (`NetworkClient.ready`).
    pub fn ready(&mut self, key: NodeKey, now: Ms) -> bool {
        if self.is_ready(key, now) {
            return true;
        }
        if self.can_connect(key, now) {
            self.initiate_connect(key, now);
        }
        false
    }

    fn can_connect(&self, key: NodeKey, now: Ms) -> bool {
        self.connections
            .get(&key)
            .is_none_or(|c| c.can_connect(now))
    }

    fn initiate_connect(&mut self, key: NodeKey, now: Ms) {
        let id = ConnectionId(self.next_connection);
        self.next_connection += 1;
        let node = self.broker_of(key);
        let backoffs = self.backoffs;
        self.connections
            .entry(key)
            .or_insert_with(|| Connection::new(node, &backoffs))
            .connecting(id, now);
        self.outputs.push(Output::Connect { conn: id, node });
    }

    pub fn connection_failed(&self, key: NodeKey) -> bool {
        self.connections
            .get(&key)
            .is_some_and(|c| c.state == ConnectionState::Disconnected)
    }

    /// `NetworkClient.isUnavailable`: lost, and the back-off is not over.
    pub fn is_unavailable(&self, key: NodeKey, now: Ms) -> bool {
        self.connections
            .get(&key)
            .is_some_and(|c| c.state == ConnectionState::Disconnected && !c.can_connect(now))
    }

    pub fn poll_delay(&self, key: NodeKey, now: Ms) -> Ms {
        self.connections.get(&key).map_or(0, |c| c.poll_delay(now))
    }

    pub fn connection_delay(&self, key: NodeKey, now: Ms) -> Ms {
        self.connections
            .get(&key)
            .map_or(0, |c| c.connection_delay(now))
    }

    pub fn in_flight_count(&self) -> usize {
        self.connections.values().map(|c| c.in_flight.len()).sum()
    }

    pub fn in_flight_count_of(&self, key: NodeKey) -> usize {
        self.connections.get(&key).map_or(0, |c| c.in_flight.len())
    }

    /// Whether the node's versions are known: its connection is open and was asked.
    pub fn has_api_versions(&self, key: NodeKey) -> bool {
        self.connections
            .get(&key)
            .is_some_and(|c| c.state == ConnectionState::Ready)
    }

    pub fn has_ready_nodes(&self, now: Ms) -> bool {
        self.connections.values().any(|c| c.is_ready(now))
    }

    pub fn request_timeout_ms(&self) -> Ms {
        self.config.request_timeout_ms
    }

    /// Finalized features of the cluster as connections reported them: epoch and levels.
    pub fn finalized_features(&self) -> Option<&(i64, BTreeMap<String, i16>)> {
        self.finalized_features.as_ref()
    }

    /// Hands a request over; it is written at the next poll. Answers the correlation id. The caller made sure that the
    /// connection is ready.
    pub fn send(
        &mut self,
        key: NodeKey,
        version: i16,
        request: Request,
        expects_response: bool,
        timeout_ms: Ms,
        call: C,
        now: Ms,
    ) -> CorrelationId {
        self.hand_over(
            key,
            version,
            request,
            expects_response,
            timeout_ms,
            Purpose::Call(call),
            now,
        )
    }

    #[allow(clippy::too_many_arguments)]
    fn hand_over(
        &mut self,
        key: NodeKey,
        version: i16,
        request: Request,
        expects_response: bool,
        timeout_ms: Ms,
        purpose: Purpose<C>,
        now: Ms,
    ) -> CorrelationId {
        let correlation_id = CorrelationId(self.next_correlation);
        self.next_correlation = self.next_correlation.wrapping_add(1).max(0);
        let api = request.api();
        let connection = self
            .connections
            .get_mut(&key)
            .expect("a request goes to a connection that was opened");
        connection.in_flight.push_back(InFlight {
            correlation_id,
            api,
            purpose,
            sent_ms: now,
            timeout_ms,
            throttle_ms: 0,
            expects_response,
            unwritten: true,
        });
        self.to_write.push((key, correlation_id, version, request));
        correlation_id
    }

    /// `NetworkClient.disconnect`: gives the connection up; its requests come back in the next poll.
    pub fn disconnect(&mut self, key: NodeKey, now: Ms) {
        if self
            .connections
            .get(&key)
            .is_none_or(|c| c.state == ConnectionState::Disconnected)
        {
            return;
        }
        self.close_connection(key);
        let aborted = self.cancel_in_flight(key, now, false);
        self.aborted.extend(aborted);
        let backoffs = self.backoffs;
        self.connections
            .get_mut(&key)
            .expect("known")
            .disconnected(now, &backoffs);
    }

    /// Closes every connection; nothing comes or goes any more.
    pub fn close(&mut self) {
        for key in self.keys_where(|c| c.state != ConnectionState::Disconnected) {
            self.close_connection(key);
        }
        self.connections.clear();
        self.to_write.clear();
        self.select = None;
        self.metadata.close();
        self.closed = true;
    }

    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// The first instant at which a time-out of a connection or request would be noticed by a pass, if there was one.
    pub fn next_timeout(&self) -> Option<Ms> {
        let requests = self
            .connections
            .values()
            .flat_map(|c| c.in_flight.iter())
            .map(|r| {
                r.sent_ms
                    .saturating_add(r.timeout_ms)
                    .saturating_add(r.throttle_ms)
                    .saturating_add(1)
            });
        let setups = self
            .connections
            .values()
            .filter(|c| c.state == ConnectionState::Connecting)
            .map(|c| {
                c.last_attempt_ms
                    .saturating_add(c.setup_timeout_ms)
                    .saturating_add(1)
            });
        requests.chain(setups).min()
    }
}
