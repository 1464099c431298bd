//! The world: every process, the network between them, one queue of what is due, and nothing that is not in it.
//!
//! `(state, now, input) → (state', effects, trace)`: a clone is a checkpoint, the same seed and commands give the same trace.
//! The world knows no rule of Kafka; it lets processes work, carries what they say, and keeps who caused what.

mod arrive;
mod build;
mod command;
mod consumers;
mod evidence;
#[cfg(test)]
mod group_tests;
mod life;
mod look;
mod machine;
mod observe;
mod outputs;
#[cfg(test)]
mod session_tests;
mod slot;
mod step;
#[cfg(test)]
pub(crate) mod tests;
mod watch;
#[cfg(test)]
pub(crate) mod whole_tests;

pub use slot::{Inbound, Liveness, Slot};

use crate::actor::AppEvent;
use crate::chance::{Chance, mix};
use crate::command::Command;
use crate::cost::CostTable;
use crate::ids::{ActorId, EventId};
use crate::network::{Due, Network};
use crate::queue::Queue;
use crate::trace::{EventKind, Facts, TraceEvent};
use protocol::trace::FactKey;
use protocol::wire::Outbox;
use protocol::{ConnectionId, Instant, NodeId, Protections};
use std::collections::BTreeMap;
use std::sync::Arc;

/// How long an end keeps a connection on which nothing comes any more (`connections.max.idle.ms`).
pub const CONNECTIONS_MAX_IDLE_MS: i64 = 600_000;

/// What is due. Entries may be stale; each is checked when it comes up.
#[derive(Clone, Copy, Debug)]
pub(crate) enum What {
    Arrival(Due),
    /// A node has become free and something waits in its inbox.
    Step(ActorId),
    Wake(ActorId),
    /// A connection that lost something may have idled out at its accepting end.
    Idle(ConnectionId),
    /// A command of the scenario, by its place.
    Later(u32),
}

/// Collects events while somebody listens. A clone of a world does not listen.
#[derive(Debug, Default)]
pub(crate) struct Recorder(pub(crate) Option<Vec<TraceEvent>>);

impl Clone for Recorder {
    fn clone(&self) -> Self {
        Self(None)
    }
}

/// Application events with their step, kept only while somebody listens.
#[derive(Debug, Default)]
pub(crate) struct AppLog(Vec<(EventId, AppEvent)>);

impl Clone for AppLog {
    fn clone(&self) -> Self {
        Self(Vec::new())
    }
}

/// The whole deterministic value.
#[derive(Clone, Debug)]
pub struct World {
    now: Instant,
    queue: Queue<What>,
    network: Network,
    chance: Chance,
    protections: Protections,
    actors: Vec<Slot>,
    facts: Facts,
    last_event: EventId,
    /// Entries of the queue that were worked on.
    handled: u64,
    handled_at_now: u64,
    hash: u64,
    recorder: Recorder,
    /// Ledger and checks.
    watch: watch::Watch,
    /// Emptied after every step; kept for its memory.
    scratch: Outbox,
    /// Settings of every node, as the scenario gave them.
    cluster: Arc<BTreeMap<String, String>>,
    controllers: Vec<NodeId>,
    next_question: u64,
    /// Where the hidden pre-roll ends.
    begins: EventId,
    /// What applications did and were told, while somebody listens.
    app_log: AppLog,
    /// Commands of the scenario that wait for their time.
    later: Arc<Vec<Command>>,
}

impl World {
    /// An empty world at `start`.
    pub fn new(seed: u64, cost: CostTable, protections: Protections, start: Instant) -> Self {
        let mut world = Self {
            now: start,
            queue: Queue::default(),
            network: Network::new(cost),
            chance: Chance::new(seed),
            protections,
            actors: Vec::new(),
            facts: Facts::default(),
            last_event: EventId::BEGINNING,
            handled: 0,
            handled_at_now: 0,
            hash: mix(seed),
            recorder: Recorder::default(),
            watch: watch::Watch::default(),
            scratch: Outbox::default(),
            cluster: Arc::default(),
            controllers: Vec::new(),
            next_question: 0,
            begins: EventId::BEGINNING,
            app_log: AppLog::default(),
            later: Arc::default(),
        };
        world.record(None, None, 0, || EventKind::Began);
        world
    }

    pub const fn now(&self) -> Instant {
        self.now
    }

    /// How many entries of the queue were worked on since the world began.
    pub const fn handled(&self) -> u64 {
        self.handled
    }

    /// The same, within the current instant: with the instant it names a moment that survives replays.
    pub const fn handled_at_now(&self) -> u64 {
        self.handled_at_now
    }

    /// The newest event.
    pub const fn last_event(&self) -> EventId {
        self.last_event
    }

    /// A digest of everything that has happened: equal for equal runs.
    pub const fn trace_hash(&self) -> u64 {
        self.hash
    }

    pub const fn protections(&self) -> Protections {
        self.protections
    }

    pub const fn network(&self) -> &Network {
        &self.network
    }

    pub const fn facts(&self) -> &Facts {
        &self.facts
    }

    /// The event that set a fact last; `None` = it has been so from the beginning.
    pub fn set_by(&self, key: &FactKey) -> Option<EventId> {
        self.facts.set_by(key)
    }

    /// When the next entry is due.
    pub fn next_at(&self) -> Option<Instant> {
        self.queue.next_at()
    }

    /// Every participant, in order of appearance.
    pub fn actors(&self) -> &[Slot] {
        &self.actors
    }

    pub fn actor(&self, id: ActorId) -> &Slot {
        &self.actors[id.0 as usize]
    }

    pub fn actor_of(&self, node: NodeId) -> Option<ActorId> {
        self.actors
            .iter()
            .find(|s| s.node == Some(node))
            .map(|s| s.id)
    }

    pub fn actor_named(&self, name: &str) -> Option<ActorId> {
        // a client id can be used again after its first owner is gone: the newest counts
        self.actors
            .iter()
            .rev()
            .find(|s| &*s.name == name)
            .map(|s| s.id)
    }

    /// Begins to keep descriptions of events.
    pub fn listen(&mut self) {
        self.recorder.0.get_or_insert_with(Vec::new);
    }

    /// What was heard since the last call; goes on listening.
    pub fn take_trace(&mut self) -> Vec<TraceEvent> {
        match &mut self.recorder.0 {
            Some(events) => std::mem::take(events),
            None => Vec::new(),
        }
    }

    /// What applications did and were told since the last call, each with the step in which it was. Only what happened
    /// while somebody listened is here.
    pub fn take_app_log(&mut self) -> Vec<(EventId, AppEvent)> {
        std::mem::take(&mut self.app_log.0)
    }

    /// Counts an event and describes it if somebody listens. `digest` tells it apart in the trace hash.
    pub(crate) fn record(
        &mut self,
        node: Option<ActorId>,
        trigger: Option<EventId>,
        digest: u64,
        kind: impl FnOnce() -> EventKind,
    ) -> EventId {
        self.last_event.0 += 1;
        let place = node.map_or(0, |n| u64::from(n.0) + 1) << 48;
        self.hash = mix(self.hash ^ digest ^ place).wrapping_add(self.now.micros() as u64);
        if let Some(events) = &mut self.recorder.0 {
            events.push(TraceEvent {
                id: self.last_event,
                at: self.now,
                node,
                trigger,
                kind: kind(),
            });
        }
        self.last_event
    }

    pub(crate) fn slot(&mut self, id: ActorId) -> &mut Slot {
        &mut self.actors[id.0 as usize]
    }

    /// Puts what the network wants to be looked at into the queue.
    pub(crate) fn schedule_network(&mut self) {
        for due in self.network.take_due() {
            self.queue.push(due.at, What::Arrival(due));
        }
    }
}
