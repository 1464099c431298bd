//! A scenario: everything that a world begins with, as versioned JSON.
//!
//! Config keys are Kafka's dotted names with the defaults of 4.3. An unknown key, a bad value, an impossible topology or a
//! value past a limit is refused here with where, why and the nearest right thing, before any world is touched. What the
//! words *do* is not known here.

mod check;
mod refusal;

pub use check::{Limits, Tables, check};
pub use refusal::Refusal;
pub(crate) use refusal::read as read_command;

use crate::command::Command;
use protocol::Protection;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The newest version of the format.
pub const VERSION: u32 = 1;

/// Config pairs as they would stand in a properties file; numbers and booleans may be written as such.
pub type Properties = BTreeMap<String, Scalar>;

/// A config value in JSON.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(ts_rs::TS))]
#[serde(untagged)]
pub enum Scalar {
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
}

impl Scalar {
    /// The value as it would stand in a properties file.
    pub fn text(&self) -> String {
        match self {
            Scalar::Bool(b) => b.to_string(),
            Scalar::Int(i) => i.to_string(),
            Scalar::Float(f) => f.to_string(),
            Scalar::Text(text) => text.clone(),
        }
    }
}

/// A sentence in both languages.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Words {
    pub en: String,
    pub ko: String,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    pub version: u32,
    pub id: String,
    #[serde(default)]
    pub title: Words,
    /// The Kafka whose rules are meant; only `4.3` so far.
    #[serde(default = "kafka_version")]
    pub kafka: String,
    #[serde(default)]
    pub seed: u64,
    #[serde(default)]
    pub cluster: Cluster,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub topics: Vec<Topic>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub producers: Vec<Producer>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub consumers: Vec<Consumer>,
    /// What happens by itself, in order of time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub script: Vec<ScriptStep>,
    #[serde(default)]
    pub view: View,
    /// Moments by name: each is where its predicate first holds.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub markers: BTreeMap<String, String>,
    /// Asked before the surprise; the right answer is computed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub predict: Option<Prediction>,
    /// One thing to change afterwards.
    #[serde(default, skip_serializing_if = "Option::is_none", rename = "try")]
    pub try_next: Option<Suggestion>,
    /// What must hold at a marker or at a time; `offsetscope check` fails otherwise.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub expect: Vec<Expectation>,
}

fn kafka_version() -> String {
    "4.3".into()
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Cluster {
    /// Node ids of the controllers. A quorum has 1, 3 or 5.
    pub controllers: Vec<i32>,
    pub brokers: Vec<Broker>,
    /// Settings of every node.
    pub config: Properties,
    /// Safety rules that are switched off.
    pub protections_off: Vec<Protection>,
    /// One way, in milliseconds, on every link.
    pub latency_ms: f64,
}

impl Default for Cluster {
    fn default() -> Self {
        Self {
            controllers: vec![101],
            brokers: (1..=3)
                .map(|id| Broker {
                    id,
                    rack: None,
                    config: Properties::new(),
                })
                .collect(),
            config: Properties::new(),
            protections_off: Vec::new(),
            latency_ms: 1.0,
        }
    }
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Broker {
    pub id: i32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rack: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub config: Properties,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct Topic {
    pub name: String,
    #[serde(default = "one")]
    pub partitions: i32,
    #[serde(default = "one_i16")]
    pub replication_factor: i16,
    /// Replicas of each partition; replaces `partitions` and `replication_factor`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assignment: Option<Vec<Vec<i32>>>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub config: Properties,
}

fn one() -> i32 {
    1
}

fn one_i16() -> i16 {
    1
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct Producer {
    /// Also its `client.id`.
    pub id: String,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub config: Properties,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub load: Option<Load>,
}

/// A stream of records that an application sends by itself.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct Load {
    pub topic: String,
    /// Milliseconds between two sends.
    pub every_ms: u32,
    /// Used in turn; null = no key. Empty = no keys at all.
    #[serde(default)]
    pub keys: Vec<Option<String>>,
    /// Used in turn; `{n}` is the number of the send.
    #[serde(default)]
    pub values: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partition: Option<i32>,
    /// Stops after so many; absent = goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// Milliseconds after the start of the scenario.
    #[serde(default)]
    pub from_ms: u64,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct Consumer {
    /// Also its `client.id`.
    pub id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub subscribe: Vec<String>,
    /// `topic-partition`, instead of `subscribe`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub assign: Vec<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub config: Properties,
    #[serde(default)]
    pub app: App,
    /// Milliseconds after the start of the scenario.
    #[serde(default)]
    pub from_ms: u64,
}

/// The application's loop: poll, process each record, commit.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(ts_rs::TS))]
#[serde(deny_unknown_fields, default)]
pub struct App {
    /// Time spent on one record.
    pub processing_ms: u32,
    /// The timeout given to `poll`.
    pub poll_timeout_ms: u32,
    pub commit: CommitMode,
}

impl Default for App {
    fn default() -> Self {
        Self {
            processing_ms: 0,
            poll_timeout_ms: 100,
            commit: CommitMode::Auto,
        }
    }
}

/// When the loop commits.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum CommitMode {
    /// `enable.auto.commit` decides; the loop itself never commits.
    #[default]
    Auto,
    /// `commitSync` after all records of a poll are processed: at least once.
    SyncAfter,
    /// `commitAsync` after all records of a poll are processed.
    AsyncAfter,
    /// `commitSync` before the records of a poll are processed: at most once.
    SyncBefore,
    /// `commitSync` after each record.
    PerRecord,
    Never,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScriptStep {
    /// Milliseconds after the start of the scenario.
    pub at_ms: f64,
    pub command: Command,
}

/// What is in view first.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct View {
    /// `log` and, once they exist, the other views.
    pub tab: Option<String>,
    pub topics: Vec<String>,
    pub focus: Option<String>,
    /// Story pace (default) or clock pace.
    pub pace: Option<String>,
    pub speed: Option<f64>,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prediction {
    /// Marker or predicate at which the question is asked.
    pub at: String,
    pub question: Words,
    pub choices: Vec<Choice>,
    /// Marker or predicate at which the answer is known.
    pub answered: String,
}

/// The right choice is the one whose predicate holds at the moment that answers.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Choice {
    pub text: Words,
    pub holds: String,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Suggestion {
    pub text: Words,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub commands: Vec<Command>,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expectation {
    /// Milliseconds after the start, or a marker's name.
    pub at: At,
    pub holds: String,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub enum At {
    Ms(f64),
    Marker(String),
}

impl Scenario {
    /// Reads a scenario and refuses what could not be played under `limits`.
    pub fn from_json(text: &str, limits: &Limits, tables: &Tables) -> Result<Self, Refusal> {
        if text.len() > limits.scenario_bytes {
            return Err(Refusal::at(
                "",
                format!(
                    "a scenario may have {} bytes; this one has {}",
                    limits.scenario_bytes,
                    text.len()
                ),
            ));
        }
        let scenario: Scenario = refusal::read(text)?;
        check(&scenario, limits, tables)?;
        Ok(scenario)
    }

    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("plain data")
    }
}

#[cfg(test)]
mod tests;
