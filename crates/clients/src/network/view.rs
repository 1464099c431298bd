//! What can be seen of a network client.

use super::connection::ConnectionState;
use super::{Network, NodeKey};
use protocol::{ApiKey, ConnectionId, CorrelationId, Ms, NodeId};

/// An unanswered request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InFlightView {
    pub node: NodeKey,
    pub broker: NodeId,
    pub conn: ConnectionId,
    pub correlation_id: CorrelationId,
    pub api: ApiKey,
    pub sent_ms: Ms,
    /// When the client gives up, at the first pass after this.
    pub expires_ms: Ms,
}

/// A connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionView {
    pub node: NodeKey,
    pub broker: NodeId,
    pub conn: ConnectionId,
    pub state: ConnectionState,
    pub in_flight: usize,
    /// When a lost connection may be tried again.
    pub reconnect_ms: Option<Ms>,
    pub throttled_until_ms: Option<Ms>,
}

impl<C: Clone> Network<C> {
    pub fn in_flight(&self) -> impl Iterator<Item = InFlightView> + '_ {
        self.connections.iter().flat_map(|(node, c)| {
            c.in_flight.iter().map(move |r| InFlightView {
                node: *node,
                broker: c.broker,
                conn: c.id,
                correlation_id: r.correlation_id,
                api: r.api,
                sent_ms: r.sent_ms,
                expires_ms: r
                    .sent_ms
                    .saturating_add(r.timeout_ms)
                    .saturating_add(r.throttle_ms),
            })
        })
    }

    pub fn connections(&self, now: Ms) -> impl Iterator<Item = ConnectionView> + '_ {
        self.connections
            .iter()
            .map(move |(node, c)| ConnectionView {
                node: *node,
                broker: c.broker,
                conn: c.id,
                state: c.state,
                in_flight: c.in_flight.len(),
                reconnect_ms: (c.state == ConnectionState::Disconnected)
                    .then(|| c.last_attempt_ms.saturating_add(c.reconnect_backoff_ms)),
                throttled_until_ms: (c.throttle_until_ms > now).then_some(c.throttle_until_ms),
            })
    }
}
