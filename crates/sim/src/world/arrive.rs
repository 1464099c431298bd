//! What happens when a message reaches the other host: handshakes, closes and resets are the host's, the rest the process's.

use super::World;
use super::slot::{Inbound, Job, Liveness};
use crate::ids::{ActorId, Direction, EventId};
use crate::network::{Body, Delivery, MessageName};
use crate::trace::{Carried, EventKind};
use protocol::ConnectionId;
use protocol::wire::Input;

impl Body {
    /// In short.
    pub fn carried(&self) -> Carried {
        match self {
            Body::Open => Carried::Open,
            Body::Accepted => Carried::Accepted,
            Body::Refused => Carried::Refused,
            Body::Request { request, .. } => Carried::Request(request.api()),
            Body::Response { response, .. } => Carried::Response(response.api()),
            Body::Close => Carried::Close,
            Body::Reset => Carried::Reset,
        }
    }
}

impl World {
    pub(super) fn arrive(&mut self, delivery: Delivery) {
        let Delivery {
            name, to, message, ..
        } = delivery;
        let what = message.body.carried();
        let cause = message.cause;
        let liveness = self.actor(to).liveness;
        if liveness == Liveness::PoweredOff {
            self.record(None, Some(cause), 21, || EventKind::Lost {
                message: name,
                what,
            });
            return;
        }
        let receiver = name.direction.other();
        let connection = self.network.connection(name.conn).expect("it delivered");
        if connection.closed[receiver.index()] {
            self.arrive_at_closed_end(name, what, cause, receiver);
            return;
        }
        let as_message = Some((name, what));
        match message.body {
            Body::Open => {
                let answer = if liveness.exists() {
                    Body::Accepted
                } else {
                    Body::Refused
                };
                let accepted = liveness.exists();
                self.network
                    .send(self.now, name.conn, Direction::Backward, answer, cause);
                self.schedule_network();
                if accepted {
                    self.hand_in(to, cause, as_message, Input::Accepted { conn: name.conn });
                } else {
                    self.network.forget_end(name.conn, Direction::Backward);
                }
            }
            Body::Accepted => {
                self.network.establish(name.conn);
                if let Some(conn) = self.actor(to).local(name.conn) {
                    self.hand_in(to, cause, as_message, Input::Connected { conn });
                }
            }
            Body::Refused | Body::Close | Body::Reset => {
                self.network.remove(name.conn);
                self.tell_lost(to, name.conn, name.direction, cause, as_message);
            }
            Body::Request {
                header, request, ..
            } => {
                self.hand_in(
                    to,
                    cause,
                    as_message,
                    Input::Request {
                        conn: name.conn,
                        header,
                        request,
                    },
                );
            }
            Body::Response {
                correlation_id,
                response,
            } => {
                if let Some(conn) = self.actor(to).local(name.conn) {
                    self.hand_in(
                        to,
                        cause,
                        as_message,
                        Input::Response {
                            conn,
                            correlation_id,
                            response,
                        },
                    );
                }
            }
        }
    }

    /// The receiving end has let go of the connection. A host that came back without it answers with a reset.
    fn arrive_at_closed_end(
        &mut self,
        name: MessageName,
        what: Carried,
        cause: EventId,
        receiver: Direction,
    ) {
        let connection = self.network.connection(name.conn).expect("it delivered");
        if matches!(what, Carried::Close | Carried::Reset | Carried::Refused) {
            self.network.remove(name.conn);
        } else if connection.abandoned[receiver.index()] {
            self.network
                .reset_from(self.now, name.conn, receiver, cause);
            self.schedule_network();
        }
    }

    /// Tells an actor that a connection is gone. `direction`: in which the news travelled.
    pub(super) fn tell_lost(
        &mut self,
        to: ActorId,
        conn: ConnectionId,
        direction: Direction,
        cause: EventId,
        message: Option<(MessageName, Carried)>,
    ) {
        match direction {
            Direction::Forward => self.hand_in(to, cause, message, Input::Closed { conn }),
            Direction::Backward => {
                let slot = self.slot(to);
                if let Some(local) = slot.local(conn) {
                    slot.forget_opened(conn);
                    self.hand_in(to, cause, message, Input::Disconnected { conn: local });
                }
            }
        }
    }

    /// Takes a connection down at once; both ends that still hold it learn it now.
    pub(super) fn lose_connection(&mut self, conn: ConnectionId, cause: EventId) {
        let Some(c) = self.network.remove(conn) else {
            return;
        };
        self.tell_ends(conn, &c, cause);
    }

    pub(super) fn tell_ends(
        &mut self,
        conn: ConnectionId,
        c: &crate::network::Connection,
        cause: EventId,
    ) {
        for (end, actor) in [
            (Direction::Forward, c.opener),
            (Direction::Backward, c.acceptor),
        ] {
            if !c.closed[end.index()] && self.actor(actor).liveness.exists() {
                self.tell_lost(actor, conn, end.other(), cause, None);
            }
        }
    }

    pub(super) fn hand_in(
        &mut self,
        to: ActorId,
        cause: EventId,
        message: Option<(MessageName, Carried)>,
        input: Input,
    ) {
        let arrived_at = self.now;
        self.deliver_to(
            to,
            Inbound {
                arrived_at,
                cause,
                message,
                input: Job::Input(input),
            },
        );
    }
}
