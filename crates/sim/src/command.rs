//! Commands: the one tagged union through which a world is changed.
//!
//! Buttons, keys, menus, lessons, links, tests and embeds all say these. A command names what it is about by the names
//! that a person sees: node ids, topic names, client ids. Whether it can be done is decided where it is carried out.

use crate::scenario::{App, Load, Properties};
use serde::{Deserialize, Serialize};

/// A key, value or header as a person types it: what is hashed and stored are the bytes that this stands for.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(ts_rs::TS))]
#[serde(untagged)]
pub enum Payload {
    /// UTF-8.
    Text(String),
    Typed(Typed),
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Typed {
    /// Big-endian, as `IntegerSerializer`.
    Int32(i32),
    /// Big-endian, as `LongSerializer`.
    Int64(i64),
    /// Any bytes, as hex digits.
    Hex(String),
}

impl Payload {
    /// The bytes it stands for; an `Err` says what is wrong with the text.
    pub fn bytes(&self) -> Result<Vec<u8>, String> {
        match self {
            Payload::Text(text) => Ok(text.as_bytes().to_vec()),
            Payload::Typed(Typed::Int32(i)) => Ok(i.to_be_bytes().to_vec()),
            Payload::Typed(Typed::Int64(i)) => Ok(i.to_be_bytes().to_vec()),
            Payload::Typed(Typed::Hex(digits)) => protocol::messages::hex::decode(digits)
                .ok_or_else(|| format!("`{digits}` is not an even number of hex digits")),
        }
    }
}

/// One record to send.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(ts_rs::TS))]
#[serde(deny_unknown_fields, default)]
pub struct NewRecord {
    pub key: Option<Payload>,
    pub value: Option<Payload>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<(String, Payload)>,
    pub partition: Option<i32>,
    pub timestamp_ms: Option<i64>,
}

/// Two ends of a link: node ids or client ids, as text.
pub type End = String;

/// A message by its connection, the direction it goes, and its number on it (from 0).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct MessageRef {
    pub connection: u32,
    /// True: from the end that opened the connection (requests).
    pub forward: bool,
    pub number: u32,
}

/// How a leader is asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Election {
    Preferred,
    Unclean,
}

/// Where a seek or a reset goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum SeekTo {
    Earliest,
    Latest,
    Offset(i64),
    /// First record at or after this time.
    TimestampMs(i64),
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(ts_rs::TS))]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub enum Command {
    // cluster
    AddBroker {
        broker: i32,
        #[serde(default)]
        rack: Option<String>,
        #[serde(default)]
        config: Properties,
    },
    // topics
    CreateTopic(crate::scenario::Topic),
    DeleteTopic {
        topic: String,
    },
    CreatePartitions {
        topic: String,
        count: i32,
    },
    /// A null removes the key, so that the next level applies.
    AlterTopicConfig {
        topic: String,
        config: std::collections::BTreeMap<String, Option<crate::scenario::Scalar>>,
    },
    ReassignPartitions {
        topic: String,
        partition: i32,
        replicas: Option<Vec<i32>>,
    },
    ElectLeaders {
        topic: String,
        partition: i32,
        election: Election,
    },
    /// `before` −1 = up to the high watermark.
    DeleteRecords {
        topic: String,
        partition: i32,
        before: i64,
    },
    // producers
    StartProducer(crate::scenario::Producer),
    Produce {
        producer: String,
        topic: String,
        record: NewRecord,
        /// So many, `every_ms` apart (0 = at once).
        #[serde(default = "one")]
        count: u32,
        #[serde(default)]
        every_ms: u32,
    },
    Flush {
        producer: String,
    },
    /// Replaces the stream that the producer's application sends; null stops it.
    SetLoad {
        producer: String,
        load: Option<Load>,
    },
    CloseProducer {
        producer: String,
    },
    KillProducer {
        producer: String,
    },
    // consumers
    StartConsumer(crate::scenario::Consumer),
    Commit {
        consumer: String,
        #[serde(default)]
        sync: bool,
    },
    Seek {
        consumer: String,
        partition: String,
        to: SeekTo,
    },
    PausePartition {
        consumer: String,
        partition: String,
    },
    ResumePartition {
        consumer: String,
        partition: String,
    },
    SetProcessingTime {
        consumer: String,
        processing_ms: u32,
    },
    SetApp {
        consumer: String,
        app: App,
    },
    /// Leaves the group, commits if it auto-commits.
    CloseConsumer {
        consumer: String,
    },
    /// Gone without a word.
    KillConsumer {
        consumer: String,
    },
    /// The application hangs; the heartbeat thread goes on.
    FreezeConsumer {
        consumer: String,
    },
    ThawConsumer {
        consumer: String,
    },
    // any client
    /// Closes the client and starts it again with these on top.
    AlterClientConfig {
        client: String,
        config: Properties,
    },
    // brokers and controllers
    /// Controlled shutdown.
    StopBroker {
        broker: i32,
    },
    /// The process is gone; the page cache stays.
    KillBroker {
        broker: i32,
    },
    /// Only what was flushed stays.
    PowerOffBroker {
        broker: i32,
    },
    RestartBroker {
        broker: i32,
    },
    /// Frozen with its connections open.
    PauseBroker {
        broker: i32,
    },
    ResumeBroker {
        broker: i32,
    },
    /// Of a broker that does not run.
    WipeDisk {
        broker: i32,
    },
    // network
    /// Swallows what goes from `from` to `to`, and the other way too if `both`.
    CutLink {
        from: End,
        to: End,
        #[serde(default = "yes")]
        both: bool,
    },
    Heal {
        from: End,
        to: End,
    },
    SlowLink {
        from: End,
        to: End,
        latency_ms: f64,
        #[serde(default = "yes")]
        both: bool,
    },
    HoldMessage {
        message: MessageRef,
    },
    ReleaseMessage {
        message: MessageRef,
    },
    DelayMessage {
        message: MessageRef,
        by_ms: f64,
    },
    DropMessage {
        message: MessageRef,
    },
    // time
    /// Runs every broker's retention and cleaner now.
    RunRetention {},
}

fn one() -> u32 {
    1
}

fn yes() -> bool {
    true
}

impl Command {
    /// Reads one command; a refusal names the field and the nearest right word.
    pub fn from_json(text: &str) -> Result<Self, crate::scenario::Refusal> {
        crate::scenario::read_command(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_json_with_a_verb() {
        let text =
            r#"{"do":"produce","producer":"p1","topic":"orders","record":{"key":{"int32":42}}}"#;
        let Command::Produce { record, count, .. } = Command::from_json(text).expect("valid")
        else {
            panic!()
        };
        assert_eq!(
            (count, record.key.expect("key").bytes()),
            (1, Ok(vec![0, 0, 0, 42]))
        );
    }

    #[test]
    fn an_unknown_verb_is_refused_with_the_nearest() {
        let refusal = Command::from_json(r#"{"do":"kil_broker","broker":1}"#).expect_err("unknown");
        assert_eq!(refusal.nearest.as_deref(), Some("kill_broker"), "{refusal}");
    }
}
