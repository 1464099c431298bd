//! One connection: two lanes of messages, and what each end has done with it.

use super::Due;
use crate::ids::{ActorId, Direction, EventId};
use protocol::messages::{Request, RequestHeader, Response};
use protocol::{ApiKey, ConnectionId, CorrelationId, Instant};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::sync::Arc;

/// The name under which a person, a journal or a link speaks of a message: it survives replays.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct MessageName {
    pub conn: ConnectionId,
    pub direction: Direction,
    /// Counted from 0 in its direction.
    pub nth: u32,
}

/// What travels.
#[derive(Clone, Debug)]
pub enum Body {
    /// Asks the other host for a connection.
    Open,
    Accepted,
    /// Nobody listens there.
    Refused,
    Request {
        header: RequestHeader,
        expects_response: bool,
        request: Request,
    },
    Response {
        correlation_id: CorrelationId,
        response: Response,
    },
    /// This end has closed after everything that it sent before.
    Close,
    /// The connection is unknown or its process died.
    Reset,
}

impl Body {
    pub const fn api(&self) -> Option<ApiKey> {
        match self {
            Body::Request { request, .. } => Some(request.api()),
            Body::Response { response, .. } => Some(response.api()),
            _ => None,
        }
    }

    /// What it weighs on the wire: its records, and a flat amount for everything around them.
    pub fn size_bytes(&self) -> u64 {
        // a typical header plus a few fields; exact sizes would need encoders that nothing else needs
        const AROUND: u64 = 100;
        let records: usize = match self {
            Body::Request {
                request: Request::Produce(p),
                ..
            } => p
                .topic_data
                .iter()
                .flat_map(|t| &t.partition_data)
                .map(|p| p.records.size_bytes())
                .sum(),
            Body::Response {
                response: Response::Fetch(f),
                ..
            } => f
                .responses
                .iter()
                .flat_map(|t| &t.partitions)
                .map(|p| p.records.size_bytes())
                .sum(),
            _ => 0,
        };
        AROUND + records as u64
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MessageState {
    Moving,
    /// Stopped by hand; what follows on its connection waits behind it.
    Held,
}

/// One message on its way.
#[derive(Clone, Debug)]
pub struct Message {
    pub nth: u32,
    pub sent_at: Instant,
    /// Not before this; later if one ahead of it is held or delayed.
    pub arrives_at: Instant,
    /// The event whose work sent it.
    pub cause: EventId,
    pub bytes: u64,
    pub state: MessageState,
    pub body: Body,
}

/// One direction of a connection.
#[derive(Clone, Debug, Default)]
pub struct Lane {
    /// In order; only the head can arrive.
    pub queue: VecDeque<Arc<Message>>,
    /// How many were ever sent.
    pub sent: u32,
    /// Something was lost here: nothing that follows can ever be read.
    pub dead: bool,
    pub(super) last_arrival: Instant,
    pub(super) ticket: u32,
}

impl Lane {
    pub(super) fn due(&mut self, conn: ConnectionId, direction: Direction, at: Instant) -> Due {
        self.ticket += 1;
        Due {
            at,
            conn,
            direction,
            ticket: self.ticket,
        }
    }

    /// Makes the head's arrival due, if it moves; older dues are void.
    pub(super) fn schedule_head(
        &mut self,
        conn: ConnectionId,
        direction: Direction,
        now: Instant,
    ) -> Option<Due> {
        self.ticket += 1;
        let head = self.queue.front()?;
        let at = head.arrives_at.max(now);
        (head.state == MessageState::Moving).then_some(Due {
            at,
            conn,
            direction,
            ticket: self.ticket,
        })
    }
}

/// A connection between two actors.
#[derive(Clone, Debug)]
pub struct Connection {
    pub opener: ActorId,
    pub acceptor: ActorId,
    pub opened_at: Instant,
    /// The last time that either end sent something.
    pub last_active: Instant,
    /// Both ends have agreed; requests may be sent.
    pub established: bool,
    /// Forward, backward.
    pub lanes: [Lane; 2],
    /// By the direction in which an end sends: that end has let go of it.
    pub closed: [bool; 2],
    /// Like `closed`, but by a loss of power: its host does not know the connection any more.
    pub abandoned: [bool; 2],
    /// A cut link swallowed something: healing resets it.
    pub lost_bytes: bool,
}

impl Connection {
    pub(super) fn new(opener: ActorId, acceptor: ActorId, now: Instant) -> Self {
        Self {
            opener,
            acceptor,
            opened_at: now,
            last_active: now,
            established: false,
            lanes: [Lane::default(), Lane::default()],
            closed: [false; 2],
            abandoned: [false; 2],
            lost_bytes: false,
        }
    }

    /// Who sends and who receives in a direction.
    pub const fn ends(&self, direction: Direction) -> (ActorId, ActorId) {
        match direction {
            Direction::Forward => (self.opener, self.acceptor),
            Direction::Backward => (self.acceptor, self.opener),
        }
    }

    pub fn lane(&self, direction: Direction) -> &Lane {
        &self.lanes[direction.index()]
    }

    /// The direction in which an actor sends on it.
    pub fn direction_from(&self, actor: ActorId) -> Option<Direction> {
        if self.opener == actor {
            Some(Direction::Forward)
        } else if self.acceptor == actor {
            Some(Direction::Backward)
        } else {
            None
        }
    }
}
