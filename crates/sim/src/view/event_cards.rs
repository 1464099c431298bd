//! Events as the page lists them: who, when, what triggered it, and for a change the fact, its values and its rule.
//!
//! No sentence is made here: the page has the words of both languages.

use super::cards::Us;
use protocol::ids::Name;
use serde::Serialize;

#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "types", derive(ts_rs::TS))]
pub struct EventCard {
    pub id: u64,
    pub at_us: Us,
    /// Node id or client id; empty: nowhere in particular.
    pub node: Name,
    pub trigger: Option<u64>,
    /// Alters something that is drawn: where "step by change" stops.
    pub visible: bool,
    /// One of Kafka's many: an empty fetch, a heartbeat.
    pub noise: bool,
    pub what: What,
}

#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "types", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case", tag = "is")]
pub enum What {
    /// The scenario begins.
    Began,
    /// A person or the script asked for it; `command` is the command as JSON.
    Commanded {
        command: String,
    },
    /// Something broke or was mended.
    Fault {
        text: String,
    },
    /// A node began to work on a message.
    Handled {
        api: Name,
        answer: bool,
    },
    /// A node began to work on something else: its start, a lost connection.
    Took {
        input: Name,
    },
    /// A timer of the node was due.
    Woke,
    Sent {
        api: Name,
        answer: bool,
        to: Name,
    },
    Lost {
        api: Name,
        answer: bool,
    },
    Changed {
        fact: Name,
        subject: SubjectCard,
        from: FactValue,
        to: FactValue,
        rule: Name,
        facts: Vec<FactCard>,
    },
}

/// What a fact is about; fields that do not apply are empty.
#[derive(Clone, Debug, Default, Serialize)]
#[cfg_attr(feature = "types", derive(ts_rs::TS))]
pub struct SubjectCard {
    /// `node`, `partition`, `replica`, `remote`, `peer`, `client`, `client_partition`, `group`, `member`, `group_partition`, `transaction`
    pub kind: Name,
    /// Node that has it or knows it; −1: none.
    pub node: i32,
    /// Node it is about, where another one knows it.
    pub other: i32,
    pub topic: Name,
    pub partition: i32,
    /// Client id, member id or transactional id.
    pub name: Name,
    pub group: Name,
}

#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "types", derive(ts_rs::TS))]
#[serde(untagged)]
pub enum FactValue {
    None,
    Int(i64),
    Bool(bool),
    Text(Name),
    Ids(Vec<i32>),
    /// `topic-partition`
    Partitions(Vec<String>),
}

/// A fact that a rule read, and the event that had set it.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "types", derive(ts_rs::TS))]
pub struct FactCard {
    pub fact: Name,
    pub subject: SubjectCard,
    pub value: FactValue,
    pub set_by: Option<u64>,
}

/// One event of a chain of causes, from the effect to its beginning.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "types", derive(ts_rs::TS))]
pub struct CauseCard {
    pub event: EventCard,
    /// How many further turns of a periodic timer are folded into this link.
    pub folded: u32,
}

/// A mark of the timeline.
#[derive(Clone, Copy, Debug, Serialize)]
#[cfg_attr(feature = "types", derive(ts_rs::TS))]
pub struct MarkCard {
    pub at_us: Us,
    pub event: u64,
    pub lane: Lane,
    /// Key id on the produce lane.
    pub key: u32,
    pub tone: MarkTone,
    /// Node it is about; −1: none.
    pub node: i32,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[cfg_attr(feature = "types", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Lane {
    You,
    Produce,
    Copy,
    Group,
    Fault,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[cfg_attr(feature = "types", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum MarkTone {
    Plain,
    Killed,
    Fenced,
    Back,
    Cut,
    Lost,
}

/// A knot of the pace: at this virtual time the screen has spent that much.
#[derive(Clone, Copy, Debug, Serialize)]
#[cfg_attr(feature = "types", derive(ts_rs::TS))]
pub struct KnotCard {
    pub at_us: Us,
    pub screen_ms: f64,
    /// The stretch before this knot was folded.
    pub folded: bool,
}

/// An old future.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "types", derive(ts_rs::TS))]
pub struct BranchCard {
    pub id: u32,
    pub current: bool,
    /// Where it left its parent; None for the first.
    pub left_at_us: Option<Us>,
    /// The branch that it left.
    pub from: Option<u32>,
    pub end_us: Us,
    /// Events of its own.
    pub events: u64,
    /// A person's commands in it.
    pub commands: u32,
}

/// The full description of one thing.
#[derive(Clone, Debug, Default, Serialize)]
#[cfg_attr(feature = "types", derive(ts_rs::TS))]
pub struct InspectCard {
    /// (name of the row, value); names are the page's, values Kafka's.
    pub rows: Vec<(String, String)>,
    /// A record's life, in the order of the run.
    pub life: Vec<StageCard>,
    /// The event that set what is shown last.
    pub set_by: Option<u64>,
}

#[derive(Clone, Debug, Default, Serialize)]
#[cfg_attr(feature = "types", derive(ts_rs::TS))]
pub struct StageCard {
    /// `sent`, `batched`, `left`, `appended`, `replicated`, `durable`, `acked`, `fetched`, `processed`, `committed`, `failed`, `lost`
    pub stage: String,
    pub done: bool,
    /// None: not yet, or over since a time that nobody noted.
    pub at_us: Option<Us>,
    pub event: Option<u64>,
    pub note: String,
}

/// What is said no to: why, where, and the nearest right thing.
#[derive(Clone, Debug, Default, Serialize)]
#[cfg_attr(feature = "types", derive(ts_rs::TS))]
pub struct RefusalCard {
    pub what: String,
    pub at: String,
    pub nearest: Option<String>,
}
