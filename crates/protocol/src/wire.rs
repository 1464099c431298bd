//! What a node and the wire say to each other: connections opened and lost, requests, responses.
//!
//! Two kinds of connections meet at a node: those that others opened to it (it answers there) and those that it opened
//! itself (it asks there). Ids of the former are given by the wire, ids of the latter by the node; they never mix. Nothing
//! here knows how a message travels or what it means.

use crate::messages::{Request, RequestHeader, Response};
use crate::{ConnectionId, CorrelationId, NodeId};

/// What the wire tells a node.
#[derive(Clone, Debug)]
pub enum Input {
    /// Somebody has connected.
    Accepted { conn: ConnectionId },
    /// An accepted connection is gone, with all that was not answered on it.
    Closed { conn: ConnectionId },
    Request {
        conn: ConnectionId,
        header: RequestHeader,
        request: Request,
    },
    /// A connection that this node asked for is open.
    Connected { conn: ConnectionId },
    /// A connection that this node asked for was refused, reset or closed by the other end.
    Disconnected { conn: ConnectionId },
    Response {
        conn: ConnectionId,
        correlation_id: CorrelationId,
        response: Response,
    },
}

/// What a node asks of the wire.
#[derive(Clone, Debug)]
pub enum Output {
    Connect {
        conn: ConnectionId,
        node: NodeId,
    },
    Send {
        conn: ConnectionId,
        header: RequestHeader,
        request: Request,
    },
    /// Gives up a connection that this node opened.
    Close {
        conn: ConnectionId,
    },
    /// Answers on an accepted connection.
    Respond {
        conn: ConnectionId,
        correlation_id: CorrelationId,
        response: Response,
    },
    /// Closes an accepted connection.
    HangUp {
        conn: ConnectionId,
    },
    /// The process ends by itself: a controlled shutdown is over.
    Exit,
}

/// What a step brings out: messages, and the work that a cost model prices.
#[derive(Clone, Debug, Default)]
pub struct Outbox {
    pub outputs: Vec<Output>,
    /// Requests that were taken up.
    pub requests: u32,
    /// Bytes appended to logs.
    pub bytes_appended: u64,
    /// Times that something was forced to disk before going on.
    pub flushes: u32,
    /// A request waits on a connection that has just become free: the node wants another step at once.
    pub more: bool,
}

impl Outbox {
    pub fn push(&mut self, output: Output) {
        self.outputs.push(output);
    }
}
