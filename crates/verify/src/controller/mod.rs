//! Plays cases of kind `controller`: `metadata::Controller` with a log of records in the driver's hands.
//!
//! The driver does what a node would do around a controller: it hands out offsets, appends records and tells so, wakes
//! the controller when it asks for that, and loads a new one by replaying the log.

mod fields;
mod ops;
mod state;

use metadata::controller::{BootstrapMetadata, ControllerResult};
use metadata::record::ApiMessageAndVersion;
use metadata::{Controller, ControllerConfig, MetadataVersion};
use protocol::{Instant, NodeId, Offset};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

use crate::case::Case;
use crate::diff::{Difference, compare};
use crate::run::{Outcome, Played, play_steps};
use state::State;

/// The node id of the recorded controller.
const NODE_ID: NodeId = NodeId(3000);
const CLUSTER_ID: &str = "offsetscope-cluster";

struct Driver {
    controller: Controller,
    now: Instant,
    /// Every record of the metadata log with its offset.
    log: Vec<(Offset, ApiMessageAndVersion)>,
    next_offset: Offset,
    with_dirs: bool,
    state: State,
}

pub fn play(case: &Case) -> Outcome {
    let mut driver = Driver::new(case);
    let written = driver.activate();
    let ours = json!({"records": fields::records(&written), "next_offset": driver.next_offset.0});
    let kafka = json!({"records": case.init["records"], "next_offset": case.init["next_offset"]});
    if let Some((field, ours, kafka)) = compare(&ours, &kafka) {
        return Outcome::Different(Difference {
            step: 0,
            op: "init".into(),
            field,
            ours,
            kafka,
        });
    }
    driver.state = State::of(&driver.controller, driver.with_dirs);
    play_steps(case, &compare, |step| Played::Answer(driver.play(step)))
}

fn config(case: &Case) -> ControllerConfig {
    let properties = case.config.iter().map(|(k, v)| (k.clone(), v.clone()));
    let mut config = ControllerConfig::new(NODE_ID, CLUSTER_ID, properties)
        .expect("Kafka took the recorded configs");
    let features = case.init["features"].as_object().expect("init.features");
    let level = |v: &Value| v.as_i64().expect("a level") as i16;
    config.bootstrap = BootstrapMetadata {
        metadata_version: MetadataVersion(level(&features["metadata.version"])),
        features: features
            .iter()
            .filter(|(name, _)| *name != "metadata.version")
            .map(|(name, v)| (name.as_str().into(), level(v)))
            .collect(),
    };
    config
}

impl Driver {
    fn new(case: &Case) -> Self {
        Self {
            controller: Controller::new(config(case)),
            now: Instant::from_ms(case.init["now_ms"].as_i64().expect("init.now_ms")),
            log: Vec::new(),
            next_offset: Offset(1),
            with_dirs: case.init["dirs"].as_bool().unwrap_or(false),
            state: State::default(),
        }
    }

    fn activate(&mut self) -> Vec<ApiMessageAndVersion> {
        self.controller.claim(self.now, self.next_offset);
        let result = self.controller.complete_activation();
        self.append(&result)
    }

    /// Appends the records of a result, tells the controller, and commits at once.
    fn append<T>(&mut self, result: &ControllerResult<T>) -> Vec<ApiMessageAndVersion> {
        let base = self.next_offset;
        for record in &result.records {
            self.log.push((self.next_offset, record.clone()));
            self.next_offset = self.next_offset.next();
        }
        self.controller.appended(self.now, result, base);
        self.controller.handle_commit(self.next_offset);
        result.records.clone()
    }

    /// A fresh controller loads the log and becomes active; the quorum's LeaderChange takes one offset.
    fn new_controller(&mut self) {
        let config = self.controller.config().clone();
        self.controller = Controller::new(config);
        for (offset, record) in &self.log {
            self.controller.replay(&record.message, *offset);
        }
        self.next_offset = self.next_offset.next();
        self.activate();
    }

    /// Runs what is due until `ms` have passed.
    fn advance(&mut self, ms: i64) -> Value {
        let until = self.now.after_ms(ms);
        let mut fired = Vec::new();
        while let Some(at) = self.controller.next_wake_up().filter(|at| *at <= until) {
            self.now = at.max(self.now);
            let Some(result) = self.controller.poll(self.now) else {
                break;
            };
            let records = self.append(&result);
            if !records.is_empty() {
                fired.push(json!({
                    "at_ms": self.now.ms(),
                    "task": result.response.name(),
                    "records": fields::records(&records),
                    "next_offset": self.next_offset.0,
                }));
            }
        }
        self.now = until;
        json!({"now_ms": until.ms(), "fired": fired})
    }

    /// What changed since the last call, by key; `null` where something is gone.
    fn state_delta(&mut self) -> Option<Value> {
        let next = State::of(&self.controller, self.with_dirs);
        let delta = next.since(&self.state);
        self.state = next;
        (!delta.is_empty()).then(|| Value::Object(delta))
    }
}

/// Draws and ids as the case hands them in.
struct Recorded {
    draws: std::vec::IntoIter<(usize, usize)>,
    ids: BTreeMap<String, protocol::Uuid>,
}

impl metadata::controller::Chance for Recorded {
    fn next_int(&mut self, bound: usize) -> usize {
        let (value, recorded) = self
            .draws
            .next()
            .expect("the placer draws more often than Kafka's");
        assert_eq!(
            bound, recorded,
            "the placer draws below another bound than Kafka's"
        );
        value
    }

    fn topic_id(&mut self, name: &str) -> protocol::Uuid {
        self.ids[name]
    }
}

/// Fills in what every operation answers besides its own fields.
fn complete(
    mut answer: Map<String, Value>,
    records: &[ApiMessageAndVersion],
    next_offset: Offset,
) -> Map<String, Value> {
    if !records.is_empty() {
        answer.insert("records".into(), fields::records(records));
        answer.insert("next_offset".into(), json!(next_offset.0));
    }
    answer
}
