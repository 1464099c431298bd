//! The connections that others opened to a node: one request in progress on each until it is answered.
//!
//! What comes meanwhile waits behind it, in order. It does not know what the requests are. Source: `SocketServer`
//! (a channel is muted from the receipt of a request until its answer is written).

use protocol::messages::{Request, RequestHeader, Response};
use protocol::wire::{Outbox, Output};
use protocol::{ConnectionId, CorrelationId};
use std::collections::{BTreeMap, VecDeque};

/// Requests that a connection may have in its socket buffer; a client sends at most as many as `max.in.flight` allows.
const MAX_WAITING: usize = 1_000;

/// One accepted connection.
#[derive(Clone, Debug, Default)]
pub struct Accepted {
    /// What is being worked on.
    pub in_progress: Option<CorrelationId>,
    pub waiting: VecDeque<(RequestHeader, Request)>,
}

/// All accepted connections of a node.
#[derive(Clone, Debug, Default)]
pub struct Server {
    connections: BTreeMap<ConnectionId, Accepted>,
    /// Free, with something waiting; in the order in which they became so.
    ready: VecDeque<ConnectionId>,
}

impl Server {
    pub fn accept(&mut self, conn: ConnectionId) {
        self.connections.insert(conn, Accepted::default());
    }

    /// Forgets a connection with everything that waits on it. Answers what was in progress.
    pub fn close(&mut self, conn: ConnectionId) -> Option<Accepted> {
        self.ready.retain(|&c| c != conn);
        self.connections.remove(&conn)
    }

    pub fn is_open(&self, conn: ConnectionId) -> bool {
        self.connections.contains_key(&conn)
    }

    pub fn connections(&self) -> impl Iterator<Item = (ConnectionId, &Accepted)> {
        self.connections.iter().map(|(&id, c)| (id, c))
    }

    /// A request has arrived. It is given back if it can be worked on now; else it waits.
    pub fn arrive(
        &mut self,
        conn: ConnectionId,
        header: RequestHeader,
        request: Request,
    ) -> Option<(RequestHeader, Request)> {
        let connection = self.connections.get_mut(&conn)?;
        if connection.in_progress.is_none() && connection.waiting.is_empty() {
            connection.in_progress = Some(header.correlation_id);
            return Some((header, request));
        }
        if connection.waiting.len() < MAX_WAITING {
            connection.waiting.push_back((header, request));
        }
        None
    }

    /// The request in progress is answered; the next one may be taken up. False if the connection is gone.
    pub fn answer(
        &mut self,
        conn: ConnectionId,
        correlation_id: CorrelationId,
        response: Response,
        out: &mut Outbox,
    ) -> bool {
        if !self.done(conn, correlation_id) {
            return false;
        }
        out.push(Output::Respond {
            conn,
            correlation_id,
            response,
        });
        out.more |= self.has_ready();
        true
    }

    /// The request in progress needs no answer. False if it was not in progress.
    pub fn done(&mut self, conn: ConnectionId, correlation_id: CorrelationId) -> bool {
        let Some(connection) = self.connections.get_mut(&conn) else {
            return false;
        };
        if connection.in_progress != Some(correlation_id) {
            return false;
        }
        connection.in_progress = None;
        if !connection.waiting.is_empty() {
            self.ready.push_back(conn);
        }
        true
    }

    pub fn has_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// Takes up a request that waited.
    pub fn next(&mut self) -> Option<(ConnectionId, RequestHeader, Request)> {
        let conn = self.ready.pop_front()?;
        let connection = self.connections.get_mut(&conn)?;
        let (header, request) = connection.waiting.pop_front()?;
        connection.in_progress = Some(header.correlation_id);
        Some((conn, header, request))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::messages::{HeartbeatRequest, HeartbeatResponse};

    fn header(n: i32) -> RequestHeader {
        RequestHeader {
            api_version: 0,
            correlation_id: CorrelationId(n),
            client_id: "c".into(),
        }
    }

    #[test]
    fn one_request_of_a_connection_is_in_progress_until_it_is_answered() {
        let (mut server, mut out) = (Server::default(), Outbox::default());
        let (a, b) = (ConnectionId(1), ConnectionId(2));
        server.accept(a);
        server.accept(b);
        let ask = |s: &mut Server, c, n| {
            s.arrive(c, header(n), HeartbeatRequest::default().into())
                .is_some()
        };
        assert!(ask(&mut server, a, 1));
        assert!(!ask(&mut server, a, 2), "waits behind the first");
        assert!(ask(&mut server, b, 1), "another connection is free");
        assert!(server.next().is_none());
        assert!(server.answer(
            a,
            CorrelationId(1),
            HeartbeatResponse::default().into(),
            &mut out
        ));
        assert!(out.more);
        assert_eq!(
            server.next().map(|(c, h, _)| (c, h.correlation_id)),
            Some((a, CorrelationId(2)))
        );
        assert!(!server.answer(
            a,
            CorrelationId(1),
            HeartbeatResponse::default().into(),
            &mut out
        ));
    }

    #[test]
    fn a_closed_connection_takes_what_waited_with_it() {
        let (mut server, mut out) = (Server::default(), Outbox::default());
        let a = ConnectionId(1);
        server.accept(a);
        for n in 1..=2 {
            server.arrive(a, header(n), HeartbeatRequest::default().into());
        }
        server.close(a);
        assert!(!server.answer(
            a,
            CorrelationId(1),
            HeartbeatResponse::default().into(),
            &mut out
        ));
        assert!(server.next().is_none() && out.outputs.is_empty());
    }
}
