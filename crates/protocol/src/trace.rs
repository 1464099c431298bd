//! Why things change: rules, facts, and the port through which a crate reports a change.
//!
//! A crate says *what* changed, by which rule, and which facts the rule read. Who triggered it and which event set each
//! fact last is known to the world, not here. Sentences are made on demand, never on the way.

use crate::ids::{Name, NodeId, TopicPartition};
use serde::Serialize;

/// Names a rule of the catalogue, such as `hw.strict-min-isr`. Each is a constant in its crate's `rules.rs`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
#[serde(transparent)]
pub struct RuleId(pub &'static str);

/// How far a rule is carried out.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fidelity {
    /// As Kafka does it.
    Modelled,
    /// Done, but simpler than Kafka; the sentence says how.
    Simplified,
    /// Not done.
    Absent,
}

/// One entry of the rule catalogue.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Rule {
    pub id: RuleId,
    /// One sentence in English.
    pub en: &'static str,
    /// The same in Korean.
    pub ko: &'static str,
    /// Dotted names of the configs that steer it.
    pub configs: &'static [&'static str],
    /// The KIP that brought it, such as `KIP-101`; empty where none did.
    pub kip: &'static str,
    /// Kafka's class and method, such as `Partition.maybeIncrementLeaderHW`.
    pub source: &'static str,
    pub fidelity: Fidelity,
}

/// Declares a crate's rules: one constant each, and `RULES` with all of them, in the order in which they are written.
#[macro_export]
macro_rules! rules {
    ($($name:ident = $id:literal, $en:literal, $ko:literal, $configs:expr, $kip:literal, $source:literal, $fidelity:ident;)*) => {
        $(pub const $name: $crate::trace::RuleId = $crate::trace::RuleId($id);)*

        /// Every rule of this crate.
        pub static RULES: &[$crate::trace::Rule] = &[$($crate::trace::Rule {
            id: $name,
            en: $en,
            ko: $ko,
            configs: &$configs,
            kip: $kip,
            source: $source,
            fidelity: $crate::trace::Fidelity::$fidelity,
        }),*];
    };
}

/// What a fact is about.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// A broker or controller.
    Node(NodeId),
    /// A partition as the control plane knows it.
    Partition(TopicPartition),
    /// One node's copy of a partition.
    Replica(NodeId, TopicPartition),
    /// What a node (leader or controller) knows of another node's copy: (who knows, whose copy, which partition).
    Remote(NodeId, NodeId, TopicPartition),
    /// What a node knows of another node.
    Peer(NodeId, NodeId),
    /// A producer, consumer or admin client, by its client id.
    Client(Name),
    /// What a client knows of, or does with, a partition.
    ClientPartition(Name, TopicPartition),
    Group(Name),
    /// (group, member id)
    Member(Name, Name),
    /// (group, partition)
    GroupPartition(Name, TopicPartition),
    /// A transactional id.
    Transaction(Name),
}

/// Which property of its subject a fact is. Names follow Kafka's words.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FactKind {
    // a replica
    LogEndOffset,
    HighWatermark,
    LastStableOffset,
    LogStartOffset,
    Role,
    Leader,
    LeaderEpoch,
    EpochStart,
    ActiveSegment,
    // a partition
    PartitionEpoch,
    Replicas,
    Isr,
    PendingIsr,
    Elr,
    LastKnownElr,
    MinInsyncReplicas,
    FetcherState,
    LastCaughtUp,
    LastFetch,
    // a node
    Liveness,
    Fenced,
    ShuttingDown,
    BrokerEpoch,
    MetadataOffset,
    QuorumEpoch,
    QuorumLeader,
    QuorumVote,
    // a client
    ClientState,
    Accumulator,
    InFlight,
    NextSequence,
    ProducerIdAndEpoch,
    Position,
    Committed,
    FetchBuffer,
    LastPoll,
    Paused,
    Processing,
    // a group, a member
    GroupState,
    GroupEpoch,
    Generation,
    GroupLeader,
    MemberState,
    MemberEpoch,
    Assignment,
    TargetAssignment,
    SessionDeadline,
    RebalanceDeadline,
    Coordinator,
    // a transaction
    TransactionState,
    TransactionPartitions,
    TransactionDeadline,
    // anything
    Config,
    Connection,
    Existence,
}

/// A fact's identity: one property of one subject.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
pub struct FactKey {
    pub kind: FactKind,
    pub subject: Subject,
}

impl FactKey {
    pub const fn new(kind: FactKind, subject: Subject) -> Self {
        Self { kind, subject }
    }

    pub fn replica(kind: FactKind, node: NodeId, tp: &TopicPartition) -> Self {
        Self::new(kind, Subject::Replica(node, tp.clone()))
    }

    pub fn partition(kind: FactKind, tp: &TopicPartition) -> Self {
        Self::new(kind, Subject::Partition(tp.clone()))
    }
}

/// A fact's value, small enough to keep.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(untagged)]
pub enum Value {
    None,
    Int(i64),
    Bool(bool),
    Text(Name),
    Ids(Vec<i32>),
    Partitions(Vec<TopicPartition>),
}

impl From<i64> for Value {
    fn from(v: i64) -> Self {
        Value::Int(v)
    }
}

impl From<bool> for Value {
    fn from(v: bool) -> Self {
        Value::Bool(v)
    }
}

impl From<&str> for Value {
    fn from(v: &str) -> Self {
        Value::Text(v.into())
    }
}

/// A fact that a rule read, with the value it had.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Fact {
    pub key: FactKey,
    pub value: Value,
}

impl Fact {
    pub fn new(key: FactKey, value: impl Into<Value>) -> Self {
        Self {
            key,
            value: value.into(),
        }
    }
}

/// A change of one fact: from what, to what, by which rule.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Change {
    pub key: FactKey,
    pub from: Value,
    pub to: Value,
    pub rule: RuleId,
}

/// Where a crate reports its changes. The world implements it; tests collect into a `Vec`.
pub trait TraceSink {
    /// `read` makes the facts that the rule read; it is only called while somebody listens, so that a run without a
    /// listener pays for the change alone.
    fn changed(&mut self, change: Change, read: &mut dyn FnMut() -> Vec<Fact>);
}

/// Listens to nothing.
#[derive(Default, Debug)]
pub struct Deaf;

impl TraceSink for Deaf {
    fn changed(&mut self, _: Change, _: &mut dyn FnMut() -> Vec<Fact>) {}
}

impl TraceSink for Vec<(Change, Vec<Fact>)> {
    fn changed(&mut self, change: Change, read: &mut dyn FnMut() -> Vec<Fact>) {
        self.push((change, read()));
    }
}
