//! Births and deaths: processes start, freeze, stop, are killed; machines lose power; links are cut and healed.

use super::World;
use super::slot::{Disk, Inbound, Job, Liveness, Slot};
use crate::actor::{Actor, Order, Role};
use crate::ids::{ActorId, EventId};
use crate::network::{HandError, MessageName};
use crate::trace::EventKind;
use protocol::{Name, NodeId};
use std::sync::Arc;

impl World {
    /// Adds a participant that does not run yet.
    pub fn add(&mut self, name: Name, role: Role, node: Option<NodeId>) -> ActorId {
        let id = ActorId(self.actors.len() as u32);
        self.actors.push(Slot::new(id, name, role, node));
        id
    }

    /// Starts a process in a participant's place.
    pub fn start(&mut self, actor: ActorId, process: Actor, cause: EventId) {
        let now = self.now;
        let slot = self.slot(actor);
        assert!(slot.process.is_none(), "one process at a time");
        slot.process = Some(Arc::new(process));
        slot.liveness = Liveness::Running;
        slot.busy_until = now;
        slot.life_event = cause;
        slot.inbox.clear();
        self.deliver_to(
            actor,
            Inbound {
                arrived_at: now,
                cause,
                message: None,
                input: Job::Start,
            },
        );
    }

    /// Hands an order to a process, as the person or program that runs it would.
    pub fn order(&mut self, actor: ActorId, order: Arc<Order>, cause: EventId) {
        let arrived_at = self.now;
        self.deliver_to(
            actor,
            Inbound {
                arrived_at,
                cause,
                message: None,
                input: Job::Command(order),
            },
        );
    }

    /// Ends a process at once. Its machine resets its connections; what it had not put on the wire is gone with it.
    pub fn kill(&mut self, actor: ActorId, cause: EventId) -> Option<Arc<Actor>> {
        let process = self.end_process(actor, Liveness::Down, cause)?;
        let now = self.now;
        for (conn, end) in self.network.connections_of(actor) {
            self.network.take_unsent(now, conn, end);
            self.network.reset_from(now, conn, end, cause);
        }
        self.schedule_network();
        Some(process)
    }

    /// The machine is gone: no connection is closed, nothing is answered.
    pub fn power_off(&mut self, actor: ActorId, cause: EventId) -> Option<Arc<Actor>> {
        let process = self.end_process(actor, Liveness::PoweredOff, cause)?;
        let now = self.now;
        for (conn, end) in self.network.connections_of(actor) {
            self.network.take_unsent(now, conn, end);
            self.network.abandon(conn, end);
            self.watch_idle(conn);
        }
        Some(process)
    }

    /// A process ends by itself: it closes its connections after what it sent.
    pub(super) fn exit(&mut self, actor: ActorId, cause: EventId) {
        let at = self.actor(actor).busy_until;
        for (conn, end) in self.network.connections_of(actor) {
            self.network
                .send(at, conn, end, crate::network::Body::Close, cause);
        }
        self.schedule_network();
        let now = self.now;
        let process = self.end_process(actor, Liveness::Down, cause);
        self.slot(actor).disk = process.and_then(|p| Disk::of(Arc::unwrap_or_clone(p), now));
        if let Some(spec) = self.slot(actor).reborn.take() {
            self.spawn_client(actor, spec, cause);
        }
    }

    fn end_process(
        &mut self,
        actor: ActorId,
        liveness: Liveness,
        cause: EventId,
    ) -> Option<Arc<Actor>> {
        let now = self.now;
        let slot = self.slot(actor);
        let process = slot.process.take()?;
        slot.liveness = liveness;
        slot.inbox.clear();
        slot.wake_at = None;
        slot.busy_until = now;
        slot.opened.clear();
        slot.life_event = cause;
        Some(process)
    }

    /// Freezes a process: its machine goes on taking messages.
    pub fn pause(&mut self, actor: ActorId, cause: EventId) -> bool {
        let slot = self.slot(actor);
        let pauses = slot.liveness.works();
        if pauses {
            slot.liveness = Liveness::Paused;
            slot.life_event = cause;
        }
        pauses
    }

    pub fn resume(&mut self, actor: ActorId, cause: EventId) -> bool {
        let now = self.now;
        let slot = self.slot(actor);
        if slot.liveness != Liveness::Paused {
            return false;
        }
        slot.liveness = Liveness::Running;
        slot.life_event = cause;
        if !slot.inbox.is_empty() {
            self.queue_step(actor);
        }
        let slot = self.slot(actor);
        if let Some(at) = slot.wake_at {
            let at = at.max(now);
            slot.wake_queued = Some(at);
            self.queue.push(at, super::What::Wake(actor));
        }
        true
    }

    /// Cuts both directions between two.
    pub fn cut_link(&mut self, a: ActorId, b: ActorId, cause: EventId) {
        for (from, to) in [(a, b), (b, a)] {
            self.cut_direction(from, to, cause);
        }
    }

    pub fn cut_direction(&mut self, from: ActorId, to: ActorId, cause: EventId) {
        for (conn, direction, message) in self.network.cut(from, to) {
            let name = MessageName {
                conn,
                direction,
                nth: message.nth,
            };
            let what = message.body.carried();
            self.record(None, Some(cause), 23, || EventKind::Lost {
                message: name,
                what,
            });
            self.watch_idle(conn);
        }
    }

    /// Heals both directions; every connection that lost something is reset at both ends.
    pub fn heal_link(&mut self, a: ActorId, b: ActorId, cause: EventId) {
        let mut broken = self.network.heal(a, b);
        broken.extend(self.network.heal(b, a));
        for (conn, connection) in broken {
            self.tell_ends(conn, &connection, cause);
        }
    }

    pub fn slow_direction(&mut self, from: ActorId, to: ActorId, latency_us: Option<i64>) {
        self.network.slow(from, to, latency_us, None);
    }

    pub fn hold_message(&mut self, name: MessageName) -> Result<(), HandError> {
        let now = self.now;
        self.network.hold(now, name)
    }

    pub fn release_message(&mut self, name: MessageName) -> Result<(), HandError> {
        let now = self.now;
        let done = self.network.release(now, name);
        self.schedule_network();
        done
    }

    pub fn delay_message(&mut self, name: MessageName, by_us: i64) -> Result<(), HandError> {
        let now = self.now;
        let done = self.network.delay(now, name, by_us);
        self.schedule_network();
        done
    }

    pub fn drop_message(&mut self, name: MessageName, cause: EventId) -> Result<(), HandError> {
        for message in self.network.drop_message(name)? {
            let lost = MessageName {
                nth: message.nth,
                ..name
            };
            let what = message.body.carried();
            self.record(None, Some(cause), 29, || EventKind::Lost {
                message: lost,
                what,
            });
        }
        self.watch_idle(name.conn);
        Ok(())
    }
}
