//! State of one connection: attempts, back-offs, throttling and the queue of unanswered requests.
//!
//! Knows nothing of the wire; only what the client believes about it. Sources: `ClusterConnectionStates`, `InFlightRequests`.

use crate::backoff::ExponentialBackoff;
use protocol::messages::Response;
use protocol::{ConnectionId, CorrelationId, Ms, NodeId};
use std::collections::VecDeque;

/// `ConnectionState`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ConnectionState {
    Disconnected,
    Connecting,
    CheckingApiVersions,
    Ready,
}

/// What happens with an answer.
#[derive(Clone, Debug)]
pub(super) enum Purpose<C> {
    /// The network client's own METADATA request.
    Metadata {
        request_version: i32,
        partial: bool,
    },
    ApiVersions,
    /// Someone's request, with what that one wants to find again in the answer.
    Call(C),
}

/// `NetworkClient.InFlightRequest`.
#[derive(Clone, Debug)]
pub(super) struct InFlight<C> {
    pub correlation_id: CorrelationId,
    pub api: protocol::ApiKey,
    pub purpose: Purpose<C>,
    pub sent_ms: Ms,
    pub timeout_ms: Ms,
    pub throttle_ms: Ms,
    pub expects_response: bool,
    /// Handed over but not yet written: the connection takes nothing more until it is.
    pub unwritten: bool,
}

/// One node's connection, over all its attempts.
#[derive(Clone, Debug)]
pub(super) struct Connection<C> {
    /// The broker at the other end (the key may be a bootstrap or coordinator alias of it).
    pub broker: NodeId,
    pub state: ConnectionState,
    pub id: ConnectionId,
    pub last_attempt_ms: Ms,
    failed_attempts: u32,
    failed_connect_attempts: u32,
    pub reconnect_backoff_ms: Ms,
    pub setup_timeout_ms: Ms,
    pub throttle_until_ms: Ms,
    pub in_flight: VecDeque<InFlight<C>>,
    /// Answers that arrived and were not read yet.
    pub inbox: VecDeque<(CorrelationId, Response)>,
    pub opened: bool,
    pub lost: bool,
    pub wants_api_versions: bool,
}

/// The two back-offs of connections, from `reconnect.backoff.*` and `socket.connection.setup.timeout.*`.
#[derive(Clone, Copy, Debug)]
pub(super) struct ConnectionBackoffs {
    pub reconnect: ExponentialBackoff,
    pub setup: ExponentialBackoff,
}

impl<C> Connection<C> {
    pub fn new(broker: NodeId, backoffs: &ConnectionBackoffs) -> Self {
        Self {
            broker,
            state: ConnectionState::Disconnected,
            id: ConnectionId(0),
            last_attempt_ms: 0,
            failed_attempts: 0,
            failed_connect_attempts: 0,
            reconnect_backoff_ms: backoffs.reconnect.backoff(0),
            setup_timeout_ms: backoffs.setup.backoff(0),
            throttle_until_ms: 0,
            in_flight: VecDeque::new(),
            inbox: VecDeque::new(),
            opened: false,
            lost: false,
            wants_api_versions: false,
        }
    }

    pub fn is_connected(&self) -> bool {
        matches!(
            self.state,
            ConnectionState::CheckingApiVersions | ConnectionState::Ready
        )
    }

    pub fn is_ready(&self, now: Ms) -> bool {
        self.state == ConnectionState::Ready && self.throttle_until_ms <= now
    }

    /// `InFlightRequests.canSendMore`.
    pub fn can_send_more(&self, max_in_flight: usize) -> bool {
        self.in_flight
            .back()
            .is_none_or(|last| !last.unwritten && self.in_flight.len() < max_in_flight)
    }

    /// `ClusterConnectionStates.canConnect`.
    pub fn can_connect(&self, now: Ms) -> bool {
        self.state == ConnectionState::Disconnected
            && now - self.last_attempt_ms >= self.reconnect_backoff_ms
    }

    /// `ClusterConnectionStates.connecting`.
    pub fn connecting(&mut self, id: ConnectionId, now: Ms) {
        self.id = id;
        self.last_attempt_ms = now;
        self.state = ConnectionState::Connecting;
        self.opened = false;
        self.lost = false;
        self.wants_api_versions = false;
        self.inbox.clear();
    }

    /// `ClusterConnectionStates.disconnected`: counts the failure and starts the back-off.
    pub fn disconnected(&mut self, now: Ms, backoffs: &ConnectionBackoffs) {
        self.last_attempt_ms = now;
        self.reconnect_backoff_ms = backoffs.reconnect.backoff(self.failed_attempts);
        self.failed_attempts += 1;
        if self.state == ConnectionState::Connecting {
            self.failed_connect_attempts += 1;
            self.setup_timeout_ms = backoffs.setup.backoff(self.failed_connect_attempts);
        } else {
            self.reset_setup(backoffs);
        }
        self.state = ConnectionState::Disconnected;
        self.opened = false;
        self.lost = false;
        self.wants_api_versions = false;
        self.inbox.clear();
    }

    fn reset_setup(&mut self, backoffs: &ConnectionBackoffs) {
        self.failed_connect_attempts = 0;
        self.setup_timeout_ms = backoffs.setup.backoff(0);
    }

    /// `ClusterConnectionStates.checkingApiVersions`.
    pub fn checking_api_versions(&mut self, backoffs: &ConnectionBackoffs) {
        self.state = ConnectionState::CheckingApiVersions;
        self.wants_api_versions = false;
        self.reset_setup(backoffs);
    }

    /// `ClusterConnectionStates.ready`: the back-off starts anew.
    pub fn ready(&mut self, backoffs: &ConnectionBackoffs) {
        self.state = ConnectionState::Ready;
        self.failed_attempts = 0;
        self.reconnect_backoff_ms = backoffs.reconnect.backoff(0);
        self.reset_setup(backoffs);
    }

    /// `ClusterConnectionStates.connectionDelay`, in ms; `Ms::MAX` when connected.
    pub fn connection_delay(&self, now: Ms) -> Ms {
        match self.state {
            ConnectionState::Connecting => self.setup_timeout_ms,
            ConnectionState::Disconnected => {
                (self.reconnect_backoff_ms - (now - self.last_attempt_ms)).max(0)
            }
            _ => Ms::MAX,
        }
    }

    /// `ClusterConnectionStates.pollDelayMs`.
    pub fn poll_delay(&self, now: Ms) -> Ms {
        let throttled = self.throttle_until_ms - now;
        if self.is_connected() && throttled > 0 {
            throttled
        } else {
            self.connection_delay(now)
        }
    }

    /// `InFlightRequests.hasExpiredRequest`.
    pub fn has_expired_request(&self, now: Ms) -> bool {
        self.in_flight
            .iter()
            .any(|r| (now - r.sent_ms).max(0) - r.throttle_ms > r.timeout_ms)
    }
}
