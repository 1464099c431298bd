//! Plays the recorded cases of a log directory against [`log::LogDir`].
//!
//! Feeds operations and time; compares results, the state of every log, and every byte of every file after each step.

mod files;
mod input;
mod ops;
mod state;

use crate::diff::{Mismatch, compare, shorten};
use crate::run::Played;
use crate::{Case, Outcome, Step, play_steps};
use files::Files;
use input::CaseConfig;
use log::{LogDir, LogError, VerificationGuard};
use protocol::{Ms, TopicPartition, Uuid};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// The driver could not understand a case.
#[derive(Debug)]
pub struct Failed(pub &'static str);

/// How an operation ended.
pub enum Ended {
    Done(Value),
    Refused(LogError),
    NotUnderstood(Failed),
}

impl From<LogError> for Ended {
    fn from(error: LogError) -> Self {
        Ended::Refused(error)
    }
}

impl From<Failed> for Ended {
    fn from(failed: Failed) -> Self {
        Ended::NotUnderstood(failed)
    }
}

struct Player {
    dir: LogDir,
    now: Ms,
    topic: String,
    topic_id: Uuid,
    partitions: i32,
    /// By partition, for topic settings may be altered one by one.
    configs: Vec<CaseConfig>,
    states: BTreeMap<i32, Map<String, Value>>,
    files: Files,
    guards: Vec<(i32, VerificationGuard)>,
    /// Bytes depend on the encoder: only what does not is compared.
    encoder_bytes: bool,
}

pub fn play(case: &Case) -> Outcome {
    let text = |name: &str| {
        case.init
            .get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let config = CaseConfig(case.config.clone());
    let broker = match config.broker() {
        Ok(broker) => broker,
        Err(failed) => return Outcome::NotModelled(failed.0.into()),
    };
    let partitions = case
        .init
        .get("partitions")
        .and_then(Value::as_i64)
        .unwrap_or(1) as i32;
    let now = protocol::time::EPOCH_MS;
    let mut player = Player {
        dir: LogDir::new(broker, now),
        now,
        topic: text("topic").into(),
        topic_id: Uuid::parse(text("topic_id")).unwrap_or_default(),
        partitions,
        configs: vec![config; partitions as usize],
        states: BTreeMap::new(),
        files: Files::new(),
        guards: Vec::new(),
        encoder_bytes: case
            .init
            .get("encoder_bytes")
            .and_then(Value::as_bool)
            .unwrap_or(false),
    };
    play_steps(case, &compare, |step| Played::Compared(player.step(step)))
}

impl Player {
    fn partition(&self, step: &Step) -> (i32, TopicPartition) {
        let number = step.i64("partition").unwrap_or(0) as i32;
        (number, TopicPartition::new(self.topic.as_str(), number))
    }

    fn step(&mut self, step: &Step) -> Option<Mismatch> {
        let ended = self.play(step);
        let mut ours = Map::new();
        match ended {
            Ended::Done(Value::Null) => {}
            Ended::Done(result) => {
                ours.insert("result".into(), result);
            }
            Ended::Refused(error) => {
                ours.insert("error".into(), json!(error.name()));
                match error {
                    LogError::Records(_, indexes) => {
                        ours.insert("record_errors".into(), json!(indexes));
                    }
                    LogError::UnexpectedAppendOffset {
                        first_offset,
                        last_offset,
                    } => {
                        ours.insert("first_offset".into(), json!(first_offset));
                        ours.insert("last_offset".into(), json!(last_offset));
                    }
                    _ => {}
                }
            }
            Ended::NotUnderstood(failed) => {
                return Some((step.op.clone(), failed.0.into(), "an answer".into()));
            }
        }
        let kafka = step.expect.as_object()?;
        let kafka_files = kafka.get("files").and_then(Value::as_object);
        if step.op == "files" {
            return kafka_files
                .and_then(|all| files::compare_all(&self.dir.files(), all, self.encoder_bytes));
        }
        self.add_states(kafka, &mut ours);
        let mut kafka_rest = kafka.clone();
        kafka_rest.remove("files");
        if self.encoder_bytes {
            forget_sizes(&mut ours);
            forget_sizes(&mut kafka_rest);
        }
        let found = compare(&Value::Object(ours), &Value::Object(kafka_rest));
        let new_files = self.dir.files();
        let old_files = std::mem::replace(&mut self.files, new_files);
        found.or_else(|| {
            files::compare_changes(&old_files, &self.files, kafka_files, self.encoder_bytes)
        })
    }

    /// What changed of every log's state; null while the directory is closed.
    fn add_states(&mut self, kafka: &Map<String, Value>, ours: &mut Map<String, Value>) {
        let name = if self.partitions > 1 {
            "states"
        } else {
            "state"
        };
        if !self.dir.is_open() {
            self.states.clear();
            let closed = ["state", "states"]
                .into_iter()
                .find(|name| kafka.contains_key(*name))
                .unwrap_or(name);
            ours.insert(closed.into(), Value::Null);
            return;
        }
        let mut all = Map::new();
        for number in 0..self.partitions {
            let Some(log) = self
                .dir
                .log(&TopicPartition::new(self.topic.as_str(), number))
            else {
                continue;
            };
            let new = state::log_state(log);
            let old = self.states.insert(number, new.clone()).unwrap_or_default();
            let changed = state::changed(&old, &new);
            if self.partitions == 1 {
                ours.insert(name.into(), Value::Object(changed));
                return;
            }
            if !changed.is_empty() {
                all.insert(number.to_string(), Value::Object(changed));
            }
        }
        ours.insert(name.into(), Value::Object(all));
    }

    fn play(&mut self, step: &Step) -> Ended {
        match self.run(step) {
            Ok(result) => Ended::Done(result),
            Err(ended) => ended,
        }
    }
}

/// Drops what depends on the encoder's bytes: sizes, positions, what a size limit lets through.
fn forget_sizes(answer: &mut Map<String, Value>) {
    if let Some(result) = answer.get_mut("result").and_then(Value::as_object_mut) {
        for name in [
            "valid_bytes",
            "bytes",
            "first_entry_incomplete",
            "clean_bytes",
            "cleanable_bytes",
            "bytes_read",
            "bytes_written",
        ] {
            result.remove(name);
        }
        // [offset, segment, position]
        forget_in(result.get_mut("fetch_offset"), 2);
        // [base, last, count, size]
        for batch in result
            .get_mut("batches")
            .and_then(Value::as_array_mut)
            .into_iter()
            .flatten()
        {
            forget_in(Some(batch), 3);
        }
    }
    // [base, size, timestamp, its offset]
    let segments = answer
        .get_mut("state")
        .and_then(|state| state.get_mut("segments"));
    for segment in segments.and_then(Value::as_array_mut).into_iter().flatten() {
        forget_in(Some(segment), 1);
    }
}

fn forget_in(list: Option<&mut Value>, at: usize) {
    if let Some(slot) = list.and_then(|list| list.get_mut(at)) {
        *slot = Value::Null;
    }
}

/// A value that should not be there, as text.
fn unexpected(value: &Value) -> Failed {
    debug_assert!(!shorten(value).is_empty());
    Failed("an input of another shape")
}
