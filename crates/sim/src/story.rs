//! The story of a branch: its pace and its marks, made by a scout that runs ahead of the reader.
//!
//! The scout is a world of its own that follows the same journal. It is dropped and sent out anew whenever a hand acts.

use crate::command::Command;
use crate::ids::{ActorId, EventId};
use crate::network::{Body, MessageState};
use crate::pace::{APPEND_MS, ASK_MS, COPY_MS, FLIGHT_MS, PROTOCOL_MS, Pace, STATE_MS};
use crate::session::{Driver, Journal};
use crate::trace::{EventKind, TraceEvent};
use crate::view::messages::{Gist, TopicRef, gist};
use crate::view::{FlightKind, Keys, Lane, MarkCard, MarkTone, Us, is_user_topic, us, visible};
use crate::world::World;
use protocol::Instant;
use protocol::trace::{FactKind, Subject, Value};

/// Marks beyond this are not kept: the timeline could not show them apart.
const MAX_MARKS: usize = 50_000;

pub struct Story {
    pace: Pace,
    marks: Vec<MarkCard>,
    scout: Driver<World>,
    /// Goes up when something was taken back.
    version: u32,
}

impl Story {
    /// Begins where `scout` stands.
    pub fn new(mut scout: Driver<World>) -> Self {
        begin(&mut scout);
        Self {
            pace: Pace::default(),
            marks: Vec::new(),
            scout,
            version: 1,
        }
    }

    pub const fn version(&self) -> u32 {
        self.version
    }

    pub fn pace(&self) -> &Pace {
        &self.pace
    }

    pub fn marks(&self) -> &[MarkCard] {
        &self.marks
    }

    /// The newest event that the story knows.
    pub fn event(&self) -> EventId {
        self.scout.machine.last_event()
    }

    pub fn now(&self) -> Instant {
        self.scout.machine.now()
    }

    /// Runs the scout on by at most `budget` steps, but not beyond `until`; true if something visible was found.
    pub fn look_ahead(
        &mut self,
        journal: &Journal,
        until: Instant,
        budget: u64,
        keys: &mut Keys,
    ) -> bool {
        let knots = self.pace.knots().len();
        for _ in 0..budget {
            if !self.scout.step(journal, until) {
                break;
            }
            let events = self.scout.machine.take_trace();
            self.feed(&events, keys);
        }
        self.pace.knots().len() > knots
    }

    /// A hand acted, or another branch is shown: what came after `scout`'s place is void.
    pub fn restart(&mut self, mut scout: Driver<World>, from_the_beginning: bool) {
        begin(&mut scout);
        self.version += 1;
        self.scout = scout;
        let world = &self.scout.machine;
        if from_the_beginning {
            self.pace = Pace::default();
            self.marks.clear();
            return;
        }
        let event = world.last_event().0;
        let flights = drawn_flights(world);
        self.pace
            .cut_after(event, us(world.now()), flights.into_iter());
        self.marks.retain(|m| m.event <= event);
    }

    /// A command was carried out by `scout`'s clone of the cursor: its events are told too.
    pub fn hear(&mut self, events: &[TraceEvent], keys: &mut Keys) {
        self.feed(events, keys);
    }

    fn feed(&mut self, events: &[TraceEvent], keys: &mut Keys) {
        let world = &self.scout.machine;
        for e in events {
            let at = us(e.at);
            if at < 0 {
                continue;
            }
            if let EventKind::Sent {
                message,
                arrives_at: Some(arrives),
                ..
            } = &e.kind
                && let Some(g) = gist_of(world, message)
                && is_drawn(world, &g)
            {
                self.pace
                    .flight(e.id.0, at, us(*arrives), flight_ms(g.kind));
            }
            if visible(e) {
                self.pace.change(e.id.0, at, screen_ms(e));
            }
            if self.marks.len() < MAX_MARKS
                && let Some(mark) = mark(world, e, keys)
            {
                self.marks.push(mark);
            }
        }
    }
}

fn begin(scout: &mut Driver<World>) {
    use crate::session::Machine;
    Machine::listen(&mut scout.machine);
    Machine::take_trace(&mut scout.machine);
}

const fn flight_ms(kind: FlightKind) -> f64 {
    match kind {
        FlightKind::Produce
        | FlightKind::ProduceAnswer
        | FlightKind::FollowerData
        | FlightKind::ConsumerData => FLIGHT_MS,
        FlightKind::FollowerFetch | FlightKind::Commit => ASK_MS,
        FlightKind::ConsumerFetch | FlightKind::Group | FlightKind::Control => PROTOCOL_MS,
        FlightKind::Noise => 0.0,
    }
}

fn screen_ms(e: &TraceEvent) -> f64 {
    match &e.kind {
        EventKind::Changed { change, .. } => match (&change.key.kind, &change.key.subject) {
            (FactKind::LogEndOffset, _) => {
                if matches!((&change.from, &change.to), (Value::Int(a), Value::Int(b)) if b < a) {
                    STATE_MS
                } else {
                    APPEND_MS
                }
            }
            (FactKind::Position | FactKind::Committed, _) => COPY_MS,
            (FactKind::ActiveSegment | FactKind::LogStartOffset, _) => COPY_MS,
            (FactKind::GroupState | FactKind::Generation | FactKind::ProducerIdAndEpoch, _) => {
                COPY_MS
            }
            _ => STATE_MS,
        },
        _ => STATE_MS,
    }
}

fn mark(world: &World, e: &TraceEvent, keys: &mut Keys) -> Option<MarkCard> {
    let card = |lane, tone, key, node| {
        Some(MarkCard {
            at_us: us(e.at),
            event: e.id.0,
            lane,
            key,
            tone,
            node,
        })
    };
    match &e.kind {
        EventKind::Commanded { .. } => card(Lane::You, MarkTone::Plain, 0, -1),
        EventKind::Fault { what } => {
            let command: Command = serde_json::from_str(what).ok()?;
            match command {
                Command::KillBroker { broker }
                | Command::PowerOffBroker { broker }
                | Command::PauseBroker { broker } => card(Lane::Fault, MarkTone::Killed, 0, broker),
                Command::RestartBroker { broker } | Command::ResumeBroker { broker } => {
                    card(Lane::Fault, MarkTone::Back, 0, broker)
                }
                Command::Heal { .. } => card(Lane::You, MarkTone::Plain, 0, -1),
                _ => card(Lane::Fault, MarkTone::Cut, 0, -1),
            }
        }
        EventKind::Changed { change, .. } => match (&change.key.kind, &change.key.subject) {
            (FactKind::LogEndOffset, Subject::Replica(node, tp)) if is_user_topic(&tp.topic) => {
                let (Value::Int(from), Value::Int(to)) = (&change.from, &change.to) else {
                    return None;
                };
                if to < from {
                    return card(Lane::Fault, MarkTone::Lost, 0, node.get());
                }
                let leader = crate::view::leads(world, *node, tp);
                let key = if leader {
                    crate::view::key_at(world, *node, tp, *from, keys)
                } else {
                    0
                };
                let lane = if leader { Lane::Produce } else { Lane::Copy };
                card(lane, MarkTone::Plain, key, node.get())
            }
            (FactKind::GroupState | FactKind::Assignment | FactKind::Committed, _) => {
                card(Lane::Group, MarkTone::Plain, 0, -1)
            }
            (FactKind::Fenced, Subject::Node(node)) => {
                let fenced = change.to == Value::Bool(true);
                let first = change.from == Value::None;
                let tone = if fenced {
                    MarkTone::Fenced
                } else {
                    MarkTone::Back
                };
                if first {
                    None
                } else {
                    card(Lane::Fault, tone, 0, node.get())
                }
            }
            _ => None,
        },
        _ => None,
    }
}

/// The message's gist, as long as it is on its way.
pub(crate) fn gist_of(world: &World, name: &crate::network::MessageName) -> Option<Gist> {
    let c = world.network().connection(name.conn)?;
    let lane = c.lane(name.direction);
    let message = lane.queue.iter().rev().find(|m| m.nth == name.nth)?;
    let (from, to) = c.ends(name.direction);
    Some(gist_between(world, &message.body, from, to))
}

pub(crate) fn gist_between(world: &World, body: &Body, from: ActorId, to: ActorId) -> Gist {
    gist(body, world.actor(from).role, world.actor(to).role)
}

/// Flights that get screen time: not noise, and not about Kafka's own topics.
pub(crate) fn is_drawn(world: &World, g: &Gist) -> bool {
    g.kind != FlightKind::Noise
        && match &g.topic {
            TopicRef::None => true,
            TopicRef::Named(name) => is_user_topic(name),
            TopicRef::Id(id) => {
                crate::view::topic_name(world, *id).is_none_or(|name| is_user_topic(&name))
            }
        }
}

/// (sent, arrives, screen ms) of every drawn message on its way.
fn drawn_flights(world: &World) -> Vec<(Us, Us, f64)> {
    use crate::ids::Direction;
    let mut out = Vec::new();
    for (_, c) in world.network().connections() {
        for direction in [Direction::Forward, Direction::Backward] {
            let (from, to) = c.ends(direction);
            for m in &c.lane(direction).queue {
                let g = gist_between(world, &m.body, from, to);
                if m.state == MessageState::Moving && is_drawn(world, &g) {
                    out.push((us(m.sent_at), us(m.arrives_at), flight_ms(g.kind)));
                }
            }
        }
    }
    out
}
