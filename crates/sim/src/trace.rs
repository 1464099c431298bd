//! What happened: events, their triggers, and the facts that each change rests on.
//!
//! The world counts events always and keeps, for each fact, the event that set it last. Descriptions are made only while
//! somebody listens; an interval can be listened to again from a checkpoint.

use crate::ids::{ActorId, Direction, EventId};
use crate::network::MessageName;
use protocol::trace::{Change, Fact, FactKey, TraceSink};
use protocol::{ApiKey, ConnectionId, Instant};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;

/// One thing that happened.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct TraceEvent {
    pub id: EventId,
    pub at: Instant,
    /// Where; `None` = nowhere in particular (a link, the beginning).
    pub node: Option<ActorId>,
    /// What made it happen; the beginning has none.
    pub trigger: Option<EventId>,
    pub kind: EventKind,
}

#[derive(Clone, PartialEq, Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum EventKind {
    /// The scenario begins (or its hidden pre-roll does).
    Began,
    /// A person or the script asked for something.
    Commanded { what: String },
    /// Something broke, or was mended.
    Fault { what: String },
    /// A node began to work on what had arrived.
    Handled { input: Handled },
    /// A timer of a node was due.
    Woke,
    /// A message left. `arrives_at` is `None` if the wire swallowed it.
    Sent {
        message: MessageName,
        what: Carried,
        to: ActorId,
        arrives_at: Option<Instant>,
    },
    /// Messages were lost: cut off, dropped by hand, or nobody was there any more.
    Lost { message: MessageName, what: Carried },
    /// A fact changed, by a rule that read other facts.
    Changed {
        #[serde(flatten)]
        change: Change,
        facts: Vec<CitedFact>,
    },
}

/// A fact that a rule read, and the event that had set it (`None`: it has been so from the beginning).
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct CitedFact {
    #[serde(flatten)]
    pub fact: Fact,
    pub set_by: Option<EventId>,
}

/// What a message carries, in short.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Carried {
    Open,
    Accepted,
    Refused,
    #[serde(serialize_with = "api_name")]
    Request(ApiKey),
    #[serde(serialize_with = "api_name")]
    Response(ApiKey),
    Close,
    Reset,
}

fn api_name<S: serde::Serializer>(api: &ApiKey, s: S) -> Result<S::Ok, S::Error> {
    s.serialize_str(api.name())
}

/// What a node began to work on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(tag = "input", rename_all = "snake_case")]
pub enum Handled {
    Message {
        message: MessageName,
        what: Carried,
    },
    /// A connection was lost without a message (a heal, an idle time-out).
    ConnectionLost {
        conn: ConnectionId,
        direction: Direction,
    },
    /// A request that had waited behind another on its connection.
    Next,
    Command,
    /// The process starts, from its files if it has some.
    Start,
}

/// Which event set each fact last. Keys are numbered in order of first change; clones share the numbering.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    numbers: Arc<BTreeMap<FactKey, u32>>,
    set_by: Vec<EventId>,
}

impl Facts {
    pub fn set_by(&self, key: &FactKey) -> Option<EventId> {
        self.numbers
            .get(key)
            .map(|&n| self.set_by[n as usize])
            .filter(|&e| e != EventId::BEGINNING)
    }

    /// Notes that `event` set `key`; answers the fact's number.
    pub fn set(&mut self, key: &FactKey, event: EventId) -> u32 {
        let number = match self.numbers.get(key) {
            Some(&number) => number,
            None => {
                let number = self.set_by.len() as u32;
                Arc::make_mut(&mut self.numbers).insert(key.clone(), number);
                self.set_by.push(event);
                number
            }
        };
        self.set_by[number as usize] = event;
        number
    }

    /// From now on, what is so has been so from the beginning.
    pub fn forget_setters(&mut self) {
        self.set_by.fill(EventId::BEGINNING);
    }

    /// Every fact that ever changed, with its last setter.
    pub fn iter(&self) -> impl Iterator<Item = (&FactKey, EventId)> {
        self.numbers
            .iter()
            .map(|(k, &n)| (k, self.set_by[n as usize]))
    }
}

/// Collects the changes of one step.
#[derive(Debug)]
pub struct StepChanges {
    pub listening: bool,
    pub changes: Vec<(Change, Vec<Fact>)>,
}

impl TraceSink for StepChanges {
    fn changed(&mut self, change: Change, read: &mut dyn FnMut() -> Vec<Fact>) {
        let facts = if self.listening { read() } else { Vec::new() };
        self.changes.push((change, facts));
    }
}
