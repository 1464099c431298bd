//! What a step brought out is put on the wire, at the moment at which its node has finished the work.

use super::{CONNECTIONS_MAX_IDLE_MS, What, World};
use crate::ids::{ActorId, Direction, EventId};
use crate::network::Body;
use crate::trace::EventKind;
use protocol::wire::{Input, Outbox, Output};
use protocol::{ConnectionId, Instant};

impl World {
    pub(super) fn carry_out(&mut self, actor: ActorId, cause: EventId, out: &mut Outbox) {
        let at = self.actor(actor).busy_until;
        for output in out.outputs.drain(..) {
            match output {
                Output::Connect { conn, node } => self.connect(at, actor, conn, node, cause),
                Output::Send {
                    conn,
                    header,
                    request,
                } => {
                    let expects_response =
                        !matches!(&request, protocol::messages::Request::Produce(p) if p.acks == 0);
                    if let Some(global) = self.actor(actor).global(conn) {
                        let body = Body::Request {
                            header,
                            expects_response,
                            request,
                        };
                        self.put(at, global, Direction::Forward, body, cause);
                    }
                }
                Output::Close { conn } => {
                    if let Some(global) = self.actor(actor).global(conn) {
                        self.slot(actor).forget_opened(global);
                        self.put(at, global, Direction::Forward, Body::Close, cause);
                    }
                }
                Output::Respond {
                    conn,
                    correlation_id,
                    response,
                } => {
                    self.put(
                        at,
                        conn,
                        Direction::Backward,
                        Body::Response {
                            correlation_id,
                            response,
                        },
                        cause,
                    );
                }
                Output::HangUp { conn } => {
                    self.put(at, conn, Direction::Backward, Body::Close, cause)
                }
                Output::Exit => self.exit(actor, cause),
            }
        }
        self.schedule_network();
    }

    fn connect(
        &mut self,
        at: Instant,
        actor: ActorId,
        local: ConnectionId,
        node: protocol::NodeId,
        cause: EventId,
    ) {
        let Some(acceptor) = self.actor_of(node) else {
            // no such host: the name does not resolve
            self.hand_in(actor, cause, None, Input::Disconnected { conn: local });
            return;
        };
        let global = self.network.open(at, actor, acceptor, cause);
        self.slot(actor).opened.push((local, global));
        let swallowed = self
            .network
            .connection(global)
            .is_some_and(|c| c.lane(Direction::Forward).dead);
        if swallowed {
            self.watch_idle(global);
        }
    }

    fn put(
        &mut self,
        at: Instant,
        conn: ConnectionId,
        direction: Direction,
        body: Body,
        cause: EventId,
    ) {
        let what = body.carried();
        let Some(sent) = self.network.send(at, conn, direction, body, cause) else {
            return;
        };
        let connection = self.network.connection(conn).expect("it took the message");
        let (from, to) = connection.ends(direction);
        let (message, arrives_at) = (sent.name, sent.arrives_at);
        let digest = (u64::from(conn.0) << 32) ^ u64::from(message.nth) ^ 17;
        let sent_kind = || EventKind::Sent {
            message,
            what,
            to,
            arrives_at,
        };
        self.record(Some(from), Some(cause), digest, sent_kind);
        if arrives_at.is_none() {
            self.watch_idle(conn);
        }
    }

    /// A connection that lost something is let go of at the latest when it has been idle for too long.
    pub(super) fn watch_idle(&mut self, conn: ConnectionId) {
        self.queue
            .push(self.now + CONNECTIONS_MAX_IDLE_MS * 1_000, What::Idle(conn));
    }
}
