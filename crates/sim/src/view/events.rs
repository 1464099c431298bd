//! Events as cards, and which of them are visible changes.

use super::cards::Us;
use super::event_cards::{EventCard, FactCard, FactValue, SubjectCard, What};
use crate::trace::{Carried, CitedFact, EventKind, Handled, TraceEvent};
use crate::world::World;
use protocol::trace::{FactKey, FactKind, Subject, Value};
use protocol::{ApiKey, Instant, Name, TopicPartition};

/// Microseconds since the scenario's start.
pub fn us(at: Instant) -> Us {
    at - Instant::start()
}

/// The instant of a card's time.
pub fn instant(us: Us) -> Instant {
    Instant::start() + us
}

/// Kafka's own topics are not drawn.
pub fn is_user_topic(topic: &str) -> bool {
    !topic.starts_with("__")
}

fn user_partition(tp: &TopicPartition) -> bool {
    is_user_topic(&tp.topic)
}

/// Whether an event alters something that is drawn, and more than a bar that drains.
pub fn visible(event: &TraceEvent) -> bool {
    match &event.kind {
        EventKind::Commanded { .. } | EventKind::Fault { .. } => true,
        EventKind::Changed { change, .. } => visible_fact(&change.key, &change.from),
        _ => false,
    }
}

fn visible_fact(key: &FactKey, from: &Value) -> bool {
    use FactKind as F;
    match (&key.kind, &key.subject) {
        (
            F::LogEndOffset | F::HighWatermark | F::LogStartOffset | F::ActiveSegment,
            Subject::Replica(_, tp),
        ) => user_partition(tp),
        (F::Isr | F::Leader | F::Elr, Subject::Partition(tp)) => user_partition(tp),
        (F::Liveness | F::Fenced, _) => true,
        (F::GroupState | F::Generation | F::Assignment, _) => true,
        (F::Committed, Subject::GroupPartition(_, tp)) => user_partition(tp),
        (F::Position, Subject::ClientPartition(_, tp)) => {
            user_partition(tp) && *from != Value::None
        }
        (F::ProducerIdAndEpoch, Subject::Client(_)) => true,
        _ => false,
    }
}

/// One of Kafka's many small events: the log folds them.
fn noise(kind: &EventKind) -> bool {
    match kind {
        EventKind::Changed { .. } | EventKind::Commanded { .. } | EventKind::Fault { .. } => false,
        EventKind::Began | EventKind::Lost { .. } => false,
        EventKind::Sent { what, .. } => quiet(*what),
        EventKind::Handled { input } => match input {
            Handled::Message { what, .. } => quiet(*what),
            _ => true,
        },
        EventKind::Woke => true,
    }
}

fn quiet(what: Carried) -> bool {
    match what {
        Carried::Request(api) | Carried::Response(api) => matches!(
            api,
            ApiKey::Fetch
                | ApiKey::Heartbeat
                | ApiKey::BrokerHeartbeat
                | ApiKey::Metadata
                | ApiKey::ApiVersions
        ),
        _ => true,
    }
}

/// `PascalCase` names of APIs, as Kafka's messages are called.
fn api(what: Carried) -> (Name, bool) {
    let spoken = |api: ApiKey| -> Name { camel(api.name()).into() };
    match what {
        Carried::Request(a) => (spoken(a), false),
        Carried::Response(a) => (spoken(a), true),
        Carried::Open => ("connect".into(), false),
        Carried::Accepted => ("connect".into(), true),
        Carried::Refused => ("refused".into(), true),
        Carried::Close => ("close".into(), false),
        Carried::Reset => ("reset".into(), true),
    }
}

/// `INIT_PRODUCER_ID` → `InitProducerId`.
fn camel(name: &str) -> String {
    let word = |w: &str| {
        let mut cs = w.chars();
        let first = cs.next().into_iter();
        first
            .chain(cs.flat_map(char::to_lowercase))
            .collect::<String>()
    };
    name.split('_').map(word).collect()
}

/// An event as a card.
pub fn card(world: &World, event: &TraceEvent) -> EventCard {
    let what = match &event.kind {
        EventKind::Began => What::Began,
        EventKind::Commanded { what } => What::Commanded {
            command: what.clone(),
        },
        EventKind::Fault { what } => What::Fault { text: what.clone() },
        EventKind::Handled { input } => match input {
            Handled::Message { what, .. } => {
                let (api, answer) = api(*what);
                What::Handled { api, answer }
            }
            Handled::ConnectionLost { .. } => took("connection_lost"),
            Handled::Next => took("next"),
            Handled::Command => took("command"),
            Handled::Start => took("start"),
        },
        EventKind::Woke => What::Woke,
        EventKind::Sent { what, to, .. } => {
            let (api, answer) = api(*what);
            What::Sent {
                api,
                answer,
                to: name_of(world, Some(*to)),
            }
        }
        EventKind::Lost { what, .. } => {
            let (api, answer) = api(*what);
            What::Lost { api, answer }
        }
        EventKind::Changed { change, facts } => What::Changed {
            fact: snake(change.key.kind),
            subject: subject(&change.key.subject),
            from: value(&change.from),
            to: value(&change.to),
            rule: change.rule.0.into(),
            facts: facts.iter().map(fact).collect(),
        },
    };
    EventCard {
        id: event.id.0,
        at_us: us(event.at),
        node: name_of(world, event.node),
        trigger: event.trigger.map(|t| t.0),
        visible: visible(event),
        noise: noise(&event.kind),
        what,
    }
}

fn took(input: &str) -> What {
    What::Took {
        input: input.into(),
    }
}

fn name_of(world: &World, actor: Option<crate::ids::ActorId>) -> Name {
    match actor.and_then(|id| world.actors().get(id.0 as usize)) {
        Some(slot) => match slot.node {
            Some(node) => node.get().to_string().into(),
            None => slot.name.clone(),
        },
        None => Name::from(""),
    }
}

/// The fact's name as serde writes it: one list of names for traces, journals and the page.
fn snake(kind: FactKind) -> Name {
    match serde_json::to_value(kind) {
        Ok(serde_json::Value::String(s)) => s.into(),
        _ => Name::from(""),
    }
}

fn fact(cited: &CitedFact) -> FactCard {
    FactCard {
        fact: snake(cited.fact.key.kind),
        subject: subject(&cited.fact.key.subject),
        value: value(&cited.fact.value),
        set_by: cited.set_by.map(|e| e.0),
    }
}

fn value(v: &Value) -> FactValue {
    match v {
        Value::None => FactValue::None,
        Value::Int(i) => FactValue::Int(*i),
        Value::Bool(b) => FactValue::Bool(*b),
        Value::Text(t) => FactValue::Text(t.clone()),
        Value::Ids(ids) => FactValue::Ids(ids.clone()),
        Value::Partitions(tps) => FactValue::Partitions(
            tps.iter()
                .map(|tp| format!("{}-{}", tp.topic, tp.partition))
                .collect(),
        ),
    }
}

fn subject(s: &Subject) -> SubjectCard {
    let mut card = SubjectCard {
        node: -1,
        other: -1,
        partition: -1,
        ..SubjectCard::default()
    };
    let place = |card: &mut SubjectCard, tp: &TopicPartition| {
        card.topic = tp.topic.clone();
        card.partition = tp.partition;
    };
    let kind = match s {
        Subject::Node(n) => {
            card.node = n.get();
            "node"
        }
        Subject::Partition(tp) => {
            place(&mut card, tp);
            "partition"
        }
        Subject::Replica(n, tp) => {
            card.node = n.get();
            place(&mut card, tp);
            "replica"
        }
        Subject::Remote(n, other, tp) => {
            card.node = n.get();
            card.other = other.get();
            place(&mut card, tp);
            "remote"
        }
        Subject::Peer(n, other) => {
            card.node = n.get();
            card.other = other.get();
            "peer"
        }
        Subject::Client(c) => {
            card.name = c.clone();
            "client"
        }
        Subject::ClientPartition(c, tp) => {
            card.name = c.clone();
            place(&mut card, tp);
            "client_partition"
        }
        Subject::Group(g) => {
            card.group = g.clone();
            "group"
        }
        Subject::Member(g, m) => {
            card.group = g.clone();
            card.name = m.clone();
            "member"
        }
        Subject::GroupPartition(g, tp) => {
            card.group = g.clone();
            place(&mut card, tp);
            "group_partition"
        }
        Subject::Transaction(t) => {
            card.name = t.clone();
            "transaction"
        }
    };
    card.kind = kind.into();
    card
}
