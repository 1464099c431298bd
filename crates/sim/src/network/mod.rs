//! A network like TCP: ordered inside a connection, lost only with the connection.
//!
//! It carries messages and knows when each arrives. It does not know what they say, who runs, or what a time-out is: the
//! world asks it to send, pops what is due, and tells the ends. Ways to disturb it by hand are in `hands`, cuts in `links`.

mod connection;
mod hands;
mod links;
#[cfg(test)]
mod tests;

pub use connection::{Body, Connection, Lane, Message, MessageName, MessageState};
pub use hands::HandError;
pub use links::{Link, LinkState};

use crate::cost::{CostTable, transfer_us};
use crate::ids::{ActorId, Direction, EventId};
use protocol::{ConnectionId, Instant};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A lane whose head is due at an instant. Stale ones (the head changed since) are recognised by their ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    pub at: Instant,
    pub conn: ConnectionId,
    pub direction: Direction,
    pub ticket: u32,
}

/// What happened to a message that was handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent {
    pub name: MessageName,
    /// `None`: it went into a cut or dead direction and will never arrive.
    pub arrives_at: Option<Instant>,
}

/// A message at its destination.
#[derive(Clone, Debug)]
pub struct Delivery {
    pub name: MessageName,
    pub from: ActorId,
    pub to: ActorId,
    pub message: Message,
}

/// All connections and links.
#[derive(Clone, Debug, Default)]
pub struct Network {
    pub cost: CostTable,
    connections: BTreeMap<ConnectionId, Connection>,
    links: BTreeMap<(ActorId, ActorId), Link>,
    next_connection: u32,
    due: Vec<Due>,
}

impl Network {
    pub fn new(cost: CostTable) -> Self {
        Self {
            cost,
            ..Self::default()
        }
    }

    pub fn connection(&self, conn: ConnectionId) -> Option<&Connection> {
        self.connections.get(&conn)
    }

    /// Every connection that at least one end still holds, in order of opening.
    pub fn connections(&self) -> impl Iterator<Item = (ConnectionId, &Connection)> {
        self.connections.iter().map(|(&id, c)| (id, c))
    }

    /// What has to be looked at and when; taken after every call that can change it.
    pub fn take_due(&mut self) -> std::vec::Drain<'_, Due> {
        self.due.drain(..)
    }

    /// Begins to open a connection: the first message on its way is [`Body::Open`].
    pub fn open(
        &mut self,
        now: Instant,
        opener: ActorId,
        acceptor: ActorId,
        cause: EventId,
    ) -> ConnectionId {
        self.next_connection += 1;
        let id = ConnectionId(self.next_connection);
        self.connections
            .insert(id, Connection::new(opener, acceptor, now));
        self.send(now, id, Direction::Forward, Body::Open, cause);
        id
    }

    /// Puts a message on its way at `now`. `None` if the connection is gone or this end has closed it.
    pub fn send(
        &mut self,
        now: Instant,
        conn: ConnectionId,
        direction: Direction,
        body: Body,
        cause: EventId,
    ) -> Option<Sent> {
        let c = self.connections.get_mut(&conn)?;
        if c.closed[direction.index()] {
            return None;
        }
        let (from, to) = c.ends(direction);
        let link = self.links.entry((from, to)).or_default();
        let bytes = body.size_bytes();
        let departs = now.max(link.busy_until);
        let bandwidth = link
            .bandwidth_bytes_s
            .unwrap_or(self.cost.bandwidth_bytes_s);
        let leaves = departs + transfer_us(bytes, bandwidth);
        let latency = link.latency_us.unwrap_or(self.cost.latency_us);
        let lane = &mut c.lanes[direction.index()];
        let nth = lane.sent;
        lane.sent += 1;
        let name = MessageName {
            conn,
            direction,
            nth,
        };
        if matches!(body, Body::Close | Body::Reset) {
            c.closed[direction.index()] = true;
        }
        c.last_active = now;
        if link.cut || lane.dead {
            lane.dead = true;
            c.lost_bytes |= link.cut;
            return Some(Sent {
                name,
                arrives_at: None,
            });
        }
        link.busy_until = leaves;
        let arrives_at = (leaves + latency).max(lane.last_arrival);
        lane.last_arrival = arrives_at;
        lane.queue.push_back(Arc::new(Message {
            nth,
            sent_at: now,
            arrives_at,
            cause,
            bytes,
            state: MessageState::Moving,
            body,
        }));
        if lane.queue.len() == 1 {
            self.due.push(lane.due(conn, direction, arrives_at));
        }
        Some(Sent {
            name,
            arrives_at: Some(arrives_at),
        })
    }

    /// The message at the head of a lane, if it is due as `due` says; the next one is scheduled.
    pub fn deliver(&mut self, due: Due) -> Option<Delivery> {
        let c = self.connections.get_mut(&due.conn)?;
        let (from, to) = c.ends(due.direction);
        let lane = &mut c.lanes[due.direction.index()];
        let head = lane.queue.front()?;
        if lane.ticket != due.ticket || head.state == MessageState::Held || head.arrives_at > due.at
        {
            return None;
        }
        let message = lane.queue.pop_front().expect("looked at");
        if let Some(next) = lane.schedule_head(due.conn, due.direction, due.at) {
            self.due.push(next);
        }
        Some(Delivery {
            name: MessageName {
                conn: due.conn,
                direction: due.direction,
                nth: message.nth,
            },
            from,
            to,
            message: Arc::unwrap_or_clone(message),
        })
    }

    /// Forgets a connection: nothing on it arrives any more. The world tells the ends.
    pub fn remove(&mut self, conn: ConnectionId) -> Option<Connection> {
        self.connections.remove(&conn)
    }

    /// One end does not listen any more: what is on its way to it is lost on arrival.
    pub fn forget_end(&mut self, conn: ConnectionId, end: Direction) {
        if let Some(c) = self.connections.get_mut(&conn) {
            c.closed[end.index()] = true;
        }
    }

    /// The opener has heard that the other host accepts.
    pub fn establish(&mut self, conn: ConnectionId) {
        if let Some(c) = self.connections.get_mut(&conn) {
            c.established = true;
        }
    }

    /// One end's machine has lost the connection without telling anybody.
    pub fn abandon(&mut self, conn: ConnectionId, end: Direction) {
        if let Some(c) = self.connections.get_mut(&conn) {
            c.closed[end.index()] = true;
            c.abandoned[end.index()] = true;
        }
    }

    /// One end's host answers with a reset: it is the last thing that comes from there.
    pub fn reset_from(&mut self, now: Instant, conn: ConnectionId, end: Direction, cause: EventId) {
        let Some(c) = self.connections.get_mut(&conn) else {
            return;
        };
        if c.closed[end.index()] && !c.abandoned[end.index()] {
            return;
        }
        c.closed[end.index()] = false;
        c.abandoned[end.index()] = false;
        self.send(now, conn, end, Body::Reset, cause);
    }

    /// Takes back what an end wanted to send later than `now`: its process died before.
    pub fn take_unsent(&mut self, now: Instant, conn: ConnectionId, end: Direction) {
        if let Some(c) = self.connections.get_mut(&conn) {
            let lane = &mut c.lanes[end.index()];
            while lane.queue.back().is_some_and(|m| m.sent_at > now) {
                lane.queue.pop_back();
            }
            let last = lane.queue.back().map_or(now, |m| m.arrives_at);
            lane.last_arrival = last;
            lane.ticket += u32::from(lane.queue.is_empty());
        }
    }

    /// The connections with an end at `actor`: id, and the direction in which that actor sends.
    pub fn connections_of(&self, actor: ActorId) -> Vec<(ConnectionId, Direction)> {
        self.connections
            .iter()
            .filter_map(|(&id, c)| Some((id, c.direction_from(actor)?)))
            .collect()
    }
}
