//! One step: the next thing that is due, worked on by one process, with everything that it brings out.

use super::slot::Job;
use super::{CONNECTIONS_MAX_IDLE_MS, Inbound, What, World};
use crate::actor::Actor;
use crate::chance::mix;
use crate::cost::Work;
use crate::ids::{ActorId, Direction, EventId};
use crate::trace::{CitedFact, EventKind, Handled, StepChanges};
use protocol::trace::{Change, Fact, Value};
use protocol::{ConnectionId, Ctx, Instant};
use std::sync::Arc;

impl World {
    /// Works on the next entry that is due by `until`. False, with the clock at `until`, if there is none.
    pub fn step_until(&mut self, until: Instant) -> bool {
        while let Some(at) = self.queue.next_at() {
            if at > until {
                break;
            }
            let (at, what) = self.queue.pop().expect("looked at");
            if at > self.now {
                self.now = at;
                self.handled_at_now = 0;
            }
            if self.work_on(what) {
                self.handled += 1;
                self.handled_at_now += 1;
                return true;
            }
        }
        if until > self.now {
            self.now = until;
            self.handled_at_now = 0;
        }
        false
    }

    /// Runs everything that is due by `until`, at most `budget` entries. True if it got there.
    pub fn run_until(&mut self, until: Instant, budget: u64) -> bool {
        for _ in 0..budget {
            if !self.step_until(until) {
                return true;
            }
        }
        false
    }

    /// False if the entry was stale.
    fn work_on(&mut self, what: What) -> bool {
        match what {
            What::Arrival(due) => {
                let Some(delivery) = self.network.deliver(due) else {
                    self.schedule_network();
                    return false;
                };
                self.schedule_network();
                self.arrive(delivery);
                true
            }
            What::Step(actor) => self.work_inbox(actor),
            What::Wake(actor) => self.wake(actor),
            What::Idle(conn) => self.idle(conn),
            What::Later(index) => {
                let command = self.later[index as usize].clone();
                // checked with the scenario; a client that has the name by now keeps it
                self.command(&command).is_ok()
            }
        }
    }

    /// Puts something into an actor's inbox; it is worked on at once if the actor is free.
    pub(crate) fn deliver_to(&mut self, actor: ActorId, inbound: Inbound) {
        let now = self.now;
        let slot = self.slot(actor);
        slot.inbox.push_back(inbound);
        if !slot.liveness.works() || slot.step_queued {
            return;
        }
        if slot.busy_until <= now && slot.inbox.len() == 1 {
            self.work_inbox(actor);
        } else {
            self.queue_step(actor);
        }
    }

    pub(crate) fn queue_step(&mut self, actor: ActorId) {
        let now = self.now;
        let slot = self.slot(actor);
        if !slot.step_queued {
            slot.step_queued = true;
            let at = slot.busy_until.max(now);
            self.queue.push(at, What::Step(actor));
        }
    }

    /// Works on the first thing in an inbox.
    fn work_inbox(&mut self, actor: ActorId) -> bool {
        let now = self.now;
        let slot = self.slot(actor);
        slot.step_queued = false;
        if !slot.liveness.works() || slot.inbox.is_empty() {
            return false;
        }
        if slot.busy_until > now {
            self.queue_step(actor);
            return false;
        }
        let inbound = slot.inbox.pop_front().expect("not empty");
        let handled = match (&inbound.message, &inbound.input) {
            (Some((message, what)), _) => Handled::Message {
                message: *message,
                what: *what,
            },
            (None, Job::Start) => Handled::Start,
            (None, Job::Command(_)) => Handled::Command,
            (None, Job::Input(protocol::wire::Input::Closed { conn })) => Handled::ConnectionLost {
                conn: *conn,
                direction: Direction::Backward,
            },
            (None, Job::Input(protocol::wire::Input::Disconnected { conn })) => {
                Handled::ConnectionLost {
                    conn: *conn,
                    direction: Direction::Forward,
                }
            }
            _ => Handled::Next,
        };
        let digest = inbound.message.map_or(1, |(m, _)| {
            (u64::from(m.conn.0) << 32) ^ u64::from(m.nth) ^ ((m.direction.index() as u64) << 31)
        });
        self.run(
            actor,
            inbound.cause,
            digest,
            || EventKind::Handled { input: handled },
            inbound.input,
        );
        if !self.slot(actor).inbox.is_empty() {
            self.queue_step(actor);
        }
        true
    }

    fn wake(&mut self, actor: ActorId) -> bool {
        let now = self.now;
        let slot = self.slot(actor);
        if slot.wake_queued != Some(now) {
            return false; // an earlier one took its place
        }
        slot.wake_queued = None;
        if !slot.liveness.works() {
            return false;
        }
        let Some(at) = slot.wake_at else { return false };
        if at > now || slot.busy_until > now {
            let at = at.max(slot.busy_until);
            slot.wake_queued = Some(at);
            self.queue.push(at, What::Wake(actor));
            return false;
        }
        let cause = slot.wake_cause;
        self.run(actor, cause, 2, || EventKind::Woke, Job::Poll);
        true
    }

    fn idle(&mut self, conn: ConnectionId) -> bool {
        let Some(c) = self.network.connection(conn) else {
            return false;
        };
        let ends_at = c.last_active + CONNECTIONS_MAX_IDLE_MS * 1_000;
        if ends_at > self.now {
            self.queue.push(ends_at, What::Idle(conn));
            return false;
        }
        let cause = self.last_event;
        self.lose_connection(conn, cause);
        true
    }

    /// Lets one process work, then carries out what it wants.
    fn run(
        &mut self,
        actor: ActorId,
        trigger: EventId,
        digest: u64,
        kind: impl FnOnce() -> EventKind,
        job: Job,
    ) {
        let event = self.record(Some(actor), Some(trigger), digest, kind);
        let now = self.now;
        let mut changes = StepChanges {
            listening: self.recorder.0.is_some(),
            changes: Vec::new(),
        };
        let mut out = std::mem::take(&mut self.scratch);
        let slot = &mut self.actors[actor.0 as usize];
        let Some(process) = slot.process.as_mut() else {
            return;
        };
        let process = Arc::make_mut(process);
        let mut draws = self.chance.of(actor.0);
        let mut ctx = Ctx {
            now,
            protections: self.protections,
            draws: &mut draws,
            trace: &mut changes,
        };
        match job {
            Job::Start => process.start(&mut ctx, &mut out),
            Job::Input(input) => process.handle(input, &mut ctx, &mut out),
            Job::Next => process.next(&mut ctx, &mut out),
            Job::Command(order) => process.order(&order, &mut ctx, &mut out),
            Job::Poll => {}
        }
        let wake = process.poll(&mut ctx, &mut out);
        let work = Work {
            requests: out.requests,
            bytes_appended: out.bytes_appended,
            flushes: out.flushes,
        };
        slot.busy_until = now + self.network.cost.work_us(work);
        if slot.wake_at != wake {
            slot.wake_at = wake;
            slot.wake_cause = event;
        }
        let busy_until = slot.busy_until;
        if let Some(at) = wake.map(|at| at.max(busy_until))
            && slot.wake_queued.is_none_or(|queued| at < queued)
        {
            slot.wake_queued = Some(at);
            self.queue.push(at, What::Wake(actor));
        }
        let told = match self.actors[actor.0 as usize].process.as_mut() {
            Some(process) if process.has_app_events() => Arc::make_mut(process).take_app_events(),
            _ => Vec::new(),
        };
        self.note_changes(actor, event, changes);
        if !told.is_empty() {
            if self.recorder.0.is_some() {
                self.app_log
                    .0
                    .extend(told.iter().map(|e| (event, e.clone())));
            }
            let slot = self.actor(actor);
            let client = slot.name.clone();
            let reader = slot
                .process
                .as_deref()
                .and_then(Actor::reader)
                .unwrap_or_else(|| client.clone());
            self.watch_app(&client, &reader, told, event);
        }
        if out.more {
            let inbound = Inbound {
                arrived_at: now,
                cause: event,
                message: None,
                input: Job::Next,
            };
            self.slot(actor).inbox.push_front(inbound);
            self.queue_step(actor);
        }
        self.carry_out(actor, event, &mut out);
        out.outputs.clear();
        (out.requests, out.bytes_appended, out.flushes, out.more) = (0, 0, 0, false);
        self.scratch = out;
    }

    fn note_changes(&mut self, actor: ActorId, step: EventId, changes: StepChanges) {
        for (change, facts) in changes.changes {
            let cited = self.cite(facts);
            let id = EventId(self.last_event.0 + 1);
            let number = self.facts.set(&change.key, id);
            let digest = mix(u64::from(number) ^ digest_of(&change));
            self.watch_change(&change, id);
            self.record(Some(actor), Some(step), digest, || EventKind::Changed {
                change,
                facts: cited,
            });
        }
    }

    fn cite(&self, facts: Vec<Fact>) -> Vec<CitedFact> {
        facts
            .into_iter()
            .map(|fact| CitedFact {
                set_by: self.facts.set_by(&fact.key),
                fact,
            })
            .collect()
    }
}

fn digest_of(change: &Change) -> u64 {
    match &change.to {
        Value::None => 3,
        Value::Int(v) => *v as u64,
        Value::Bool(v) => u64::from(*v) + 5,
        Value::Text(text) => text.bytes().fold(7, |h, b| mix(h ^ u64::from(b))),
        Value::Ids(ids) => ids.iter().fold(11, |h, id| mix(h ^ *id as u64)),
        Value::Partitions(all) => all.len() as u64 + 13,
    }
}
