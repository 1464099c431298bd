//! Connections that a node opens to others: one a purpose, with requests that wait for it and answers that are overdue.
//!
//! It knows when a connection may be tried again and when a request has waited too long. What the requests say, and
//! whether a lost one is sent again, is its owner's business. Sources: `NetworkClient`, `InterBrokerSendThread`.
//! Simplified: no ApiVersions is exchanged first.

use protocol::messages::{Request, RequestHeader, Response};
use protocol::wire::{Input, Outbox, Output};
use protocol::{ConnectionId, CorrelationId, Instant, Ms, Name, NodeId};
use std::collections::{BTreeMap, VecDeque};

/// `reconnect.backoff.ms` of the clients inside a broker; doubled with each failure up to the maximum.
const RECONNECT_BACKOFF_MS: Ms = 50;
/// `reconnect.backoff.max.ms`
const RECONNECT_BACKOFF_MAX_MS: Ms = 1_000;

/// Gives out the numbers of the connections that one node opens.
#[derive(Clone, Copy, Debug, Default)]
pub struct ConnectionIds(u32);

impl ConnectionIds {
    fn next(&mut self) -> ConnectionId {
        self.0 += 1;
        ConnectionId(self.0)
    }
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum State {
    Down { retry_at: Instant },
    Connecting(ConnectionId),
    Ready(ConnectionId),
}

#[derive(Clone, Debug)]
struct Unsent {
    header: RequestHeader,
    request: Request,
    due: Instant,
}

#[derive(Clone, Debug)]
struct Channel {
    node: NodeId,
    state: State,
    failures: u32,
    unsent: VecDeque<Unsent>,
    in_flight: VecDeque<(CorrelationId, Instant)>,
}

/// How a request ended.
#[derive(Clone, Debug)]
pub enum Ended<K> {
    Answered {
        key: K,
        correlation_id: CorrelationId,
        response: Response,
    },
    /// The connection was lost, could not be opened, or nobody answered in time.
    Failed {
        key: K,
        correlation_id: CorrelationId,
    },
}

/// A connection, for those who look at it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelView<K> {
    pub key: K,
    pub node: NodeId,
    /// `None` while there is none.
    pub conn: Option<ConnectionId>,
    pub ready: bool,
    pub unsent: usize,
    pub in_flight: usize,
}

/// The connections of one node, by purpose.
#[derive(Clone, Debug)]
pub struct Channels<K> {
    client_id: Name,
    channels: BTreeMap<K, Channel>,
}

impl<K: Ord + Copy> Channels<K> {
    pub fn new(client_id: Name) -> Self {
        Self {
            client_id,
            channels: BTreeMap::new(),
        }
    }

    pub fn views(&self) -> impl Iterator<Item = ChannelView<K>> + '_ {
        self.channels.iter().map(|(&key, c)| ChannelView {
            key,
            node: c.node,
            conn: match c.state {
                State::Down { .. } => None,
                State::Connecting(conn) | State::Ready(conn) => Some(conn),
            },
            ready: matches!(c.state, State::Ready(_)),
            unsent: c.unsent.len(),
            in_flight: c.in_flight.len(),
        })
    }

    /// Requests that are neither answered nor given up.
    pub fn outstanding(&self, key: K) -> usize {
        self.channels
            .get(&key)
            .map_or(0, |c| c.unsent.len() + c.in_flight.len())
    }

    /// Hands a request over: it leaves at once if the connection is open, else as soon as it is. If the purpose had its
    /// connection to another node, that one is closed and what was on it fails.
    #[allow(clippy::too_many_arguments)]
    pub fn send(
        &mut self,
        key: K,
        node: NodeId,
        correlation_id: CorrelationId,
        request: Request,
        timeout_ms: Ms,
        now: Instant,
        ids: &mut ConnectionIds,
        out: &mut Outbox,
    ) -> Vec<Ended<K>> {
        let failed = if self.channels.get(&key).is_some_and(|c| c.node != node) {
            self.close(key, out)
        } else {
            Vec::new()
        };
        let header = RequestHeader {
            api_version: request.api().latest_version(),
            correlation_id,
            client_id: self.client_id.clone(),
        };
        let channel = self.channels.entry(key).or_insert_with(|| Channel {
            node,
            state: State::Down { retry_at: now },
            failures: 0,
            unsent: VecDeque::new(),
            in_flight: VecDeque::new(),
        });
        channel.unsent.push_back(Unsent {
            header,
            request,
            due: now.after_ms(timeout_ms),
        });
        channel.progress(now, ids, out);
        failed
    }

    /// Takes what concerns one of these connections; gives everything else back.
    pub fn handle(
        &mut self,
        input: Input,
        now: Instant,
        out: &mut Outbox,
    ) -> Result<Vec<Ended<K>>, Input> {
        let conn = match &input {
            Input::Connected { conn }
            | Input::Disconnected { conn }
            | Input::Response { conn, .. } => *conn,
            _ => return Err(input),
        };
        let mine =
            |c: &Channel| matches!(c.state, State::Connecting(id) | State::Ready(id) if id == conn);
        let Some((&key, channel)) = self.channels.iter_mut().find(|(_, c)| mine(c)) else {
            return Err(input);
        };
        Ok(match input {
            Input::Connected { .. } => {
                channel.state = State::Ready(conn);
                channel.failures = 0;
                channel.flush(conn, out);
                Vec::new()
            }
            Input::Response {
                correlation_id,
                response,
                ..
            } => {
                let Some(at) = channel.in_flight.iter().position(|f| f.0 == correlation_id) else {
                    return Ok(Vec::new());
                };
                channel.in_flight.remove(at);
                vec![Ended::Answered {
                    key,
                    correlation_id,
                    response,
                }]
            }
            _ => channel
                .lost(now)
                .into_iter()
                .map(|correlation_id| Ended::Failed {
                    key,
                    correlation_id,
                })
                .collect(),
        })
    }

    /// Opens what has to be opened, and gives up what is overdue.
    pub fn poll(
        &mut self,
        now: Instant,
        ids: &mut ConnectionIds,
        out: &mut Outbox,
    ) -> Vec<Ended<K>> {
        let mut ended = Vec::new();
        for (&key, channel) in &mut self.channels {
            let overdue = channel.in_flight.iter().any(|f| f.1 <= now)
                || channel.unsent.iter().any(|u| u.due <= now);
            if overdue {
                if let State::Connecting(conn) | State::Ready(conn) = channel.state {
                    out.push(Output::Close { conn });
                }
                ended.extend(
                    channel
                        .lost(now)
                        .into_iter()
                        .map(|correlation_id| Ended::Failed {
                            key,
                            correlation_id,
                        }),
                );
            }
            channel.progress(now, ids, out);
        }
        ended
    }

    pub fn next_wake_up(&self) -> Option<Instant> {
        self.channels
            .values()
            .filter_map(Channel::next_wake_up)
            .min()
    }

    /// Closes a connection; what was on it fails.
    pub fn close(&mut self, key: K, out: &mut Outbox) -> Vec<Ended<K>> {
        let Some(mut channel) = self.channels.remove(&key) else {
            return Vec::new();
        };
        if let State::Connecting(conn) | State::Ready(conn) = channel.state {
            out.push(Output::Close { conn });
        }
        channel
            .take_all()
            .into_iter()
            .map(|correlation_id| Ended::Failed {
                key,
                correlation_id,
            })
            .collect()
    }
}

impl Channel {
    fn progress(&mut self, now: Instant, ids: &mut ConnectionIds, out: &mut Outbox) {
        match self.state {
            State::Ready(conn) => self.flush(conn, out),
            State::Down { retry_at } if retry_at <= now && !self.unsent.is_empty() => {
                let conn = ids.next();
                self.state = State::Connecting(conn);
                out.push(Output::Connect {
                    conn,
                    node: self.node,
                });
            }
            _ => {}
        }
    }

    fn flush(&mut self, conn: ConnectionId, out: &mut Outbox) {
        while let Some(unsent) = self.unsent.pop_front() {
            self.in_flight
                .push_back((unsent.header.correlation_id, unsent.due));
            out.push(Output::Send {
                conn,
                header: unsent.header,
                request: unsent.request,
            });
        }
    }

    fn lost(&mut self, now: Instant) -> Vec<CorrelationId> {
        let backoff = (RECONNECT_BACKOFF_MS << self.failures.min(5)).min(RECONNECT_BACKOFF_MAX_MS);
        self.failures += 1;
        self.state = State::Down {
            retry_at: now.after_ms(backoff),
        };
        self.take_all()
    }

    fn take_all(&mut self) -> Vec<CorrelationId> {
        let sent = self.in_flight.drain(..).map(|f| f.0);
        sent.chain(self.unsent.drain(..).map(|u| u.header.correlation_id))
            .collect()
    }

    fn next_wake_up(&self) -> Option<Instant> {
        let overdue = self
            .in_flight
            .iter()
            .map(|f| f.1)
            .chain(self.unsent.iter().map(|u| u.due))
            .min();
        match self.state {
            State::Down { retry_at } if !self.unsent.is_empty() => {
                overdue.into_iter().chain([retry_at]).min()
            }
            _ => overdue,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::messages::{HeartbeatRequest, HeartbeatResponse};

    const TO: NodeId = NodeId(7);

    fn ms(n: i64) -> Instant {
        Instant::from_ms(n)
    }

    fn send(c: &mut Channels<u8>, n: i32, at: i64, ids: &mut ConnectionIds, out: &mut Outbox) {
        c.send(
            0,
            TO,
            CorrelationId(n),
            HeartbeatRequest::default().into(),
            100,
            ms(at),
            ids,
            out,
        );
    }

    #[test]
    fn requests_wait_for_the_connection_and_leave_in_order() {
        let (mut c, mut ids, mut out) = (
            Channels::new("c".into()),
            ConnectionIds::default(),
            Outbox::default(),
        );
        send(&mut c, 1, 0, &mut ids, &mut out);
        send(&mut c, 2, 0, &mut ids, &mut out);
        assert!(matches!(out.outputs[..], [Output::Connect { .. }]));
        c.handle(
            Input::Connected {
                conn: ConnectionId(1),
            },
            ms(2),
            &mut out,
        )
        .expect("mine");
        let sent = out.outputs[1..].iter().map(|o| match o {
            Output::Send { header, .. } => header.correlation_id.0,
            _ => -1,
        });
        assert_eq!(sent.collect::<Vec<_>>(), [1, 2]);
        let response = HeartbeatResponse::default().into();
        let answer = Input::Response {
            conn: ConnectionId(1),
            correlation_id: CorrelationId(1),
            response,
        };
        assert!(matches!(
            c.handle(answer, ms(3), &mut out).expect("mine")[..],
            [Ended::Answered { .. }]
        ));
        assert_eq!(c.outstanding(0), 1);
    }

    #[test]
    fn a_lost_connection_fails_everything_and_is_tried_again_after_a_growing_back_off() {
        let (mut c, mut ids, mut out) = (
            Channels::new("c".into()),
            ConnectionIds::default(),
            Outbox::default(),
        );
        send(&mut c, 1, 0, &mut ids, &mut out);
        let ended = c
            .handle(
                Input::Disconnected {
                    conn: ConnectionId(1),
                },
                ms(2),
                &mut out,
            )
            .expect("mine");
        assert!(matches!(ended[..], [Ended::Failed { .. }]));
        out.outputs.clear();
        send(&mut c, 2, 10, &mut ids, &mut out);
        assert!(out.outputs.is_empty());
        assert_eq!(c.next_wake_up(), Some(ms(52)));
        c.poll(ms(52), &mut ids, &mut out);
        assert!(matches!(out.outputs[..], [Output::Connect { .. }]));
    }

    #[test]
    fn a_request_that_nobody_answers_is_given_up_with_its_connection() {
        let (mut c, mut ids, mut out) = (
            Channels::new("c".into()),
            ConnectionIds::default(),
            Outbox::default(),
        );
        send(&mut c, 1, 0, &mut ids, &mut out);
        c.handle(
            Input::Connected {
                conn: ConnectionId(1),
            },
            ms(2),
            &mut out,
        )
        .expect("mine");
        assert_eq!(c.next_wake_up(), Some(ms(100)));
        let ended = c.poll(ms(100), &mut ids, &mut out);
        assert!(matches!(ended[..], [Ended::Failed { .. }]));
        assert!(matches!(out.outputs.last(), Some(Output::Close { .. })));
    }
}
