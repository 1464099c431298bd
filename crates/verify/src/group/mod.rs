//! Plays the recorded cases of the group coordinator against [`coordinator::group::Coordinator`].
//!
//! It feeds requests, time, topics and the fate of appends; it keeps the log that the coordinator writes. After each event
//! the high watermark follows, unless the case holds it. What is compared: answers, records to the byte, timers that had an
//! effect, and the whole state.

mod image;
mod json;
mod log;
mod state;

use crate::run::Played;
use crate::{Case, Outcome, Step as CaseStep, compare, diff, play_steps};
use coordinator::group::config::TABLE;
use coordinator::group::{
    Completion, Coordinator, Fired, GroupConfig, GroupCoordinatorConfig, GroupResponse,
    RequestContext, Status, Step, TimerKey, Token,
};
use coordinator::runtime::MetadataDelta;
use image::Image;
use log::Log;
use protocol::config::Configs;
use protocol::trace::Deaf;
use protocol::{Ctx, Draws, ErrorCode, Instant, Name, Uuid};
use serde_json::{Map, Value, json};

/// The UUID that the step hands in, half by half.
#[derive(Default)]
struct HandedIn {
    halves: Vec<u64>,
}

impl Draws for HandedIn {
    fn next_int(&mut self, _bound: u32, label: &'static str) -> u32 {
        panic!("the coordinator draws UUIDs only, not {label}")
    }

    fn next_u64(&mut self, _label: &'static str) -> u64 {
        assert!(!self.halves.is_empty(), "this step draws no UUID");
        self.halves.remove(0)
    }
}

struct Player {
    coordinator: Coordinator,
    now: Instant,
    image: Image,
    log: Log,
    draws: HandedIn,
    held: bool,
    /// Requests by token.
    labels: Vec<String>,
    /// Kafka's state, put together from its patches.
    kafka: Value,
}

/// What one event did.
#[derive(Default)]
struct Effects {
    records: Vec<Value>,
    completed: Vec<Completion>,
}

pub fn play(case: &Case) -> Outcome {
    let pairs = case.config.iter().map(|(k, v)| (k.as_str(), v.as_str()));
    let configs = match Configs::new(&[TABLE], pairs) {
        Ok(configs) => configs,
        Err(error) => return Outcome::NotModelled(format!("config {error}")),
    };
    let mut player = Player {
        coordinator: Coordinator::new(GroupCoordinatorConfig::new(&configs)),
        now: Instant::from_ms(
            case.init["now_ms"]
                .as_i64()
                .unwrap_or(protocol::time::EPOCH_MS),
        ),
        image: Image::new(&case.init["topics"]),
        log: Log::default(),
        draws: HandedIn::default(),
        held: false,
        labels: Vec::new(),
        kafka: json!({}),
    };
    player.load();
    play_steps(case, &compare, |step| Played::Compared(player.step(step)))
}

impl Player {
    /// Does one thing to the coordinator and lets the high watermark follow.
    fn event<T>(&mut self, work: impl FnOnce(&mut Coordinator, &mut Step) -> T) -> (T, Effects) {
        let mut completed = Vec::new();
        let from = self.log.len();
        let mut ctx = Ctx {
            now: self.now,
            protections: protocol::Protections::default(),
            draws: &mut self.draws,
            trace: &mut Deaf,
        };
        let mut step = Step {
            ctx: &mut ctx,
            writer: &mut self.log,
            metadata: &self.image,
            completed: &mut completed,
        };
        let result = work(&mut self.coordinator, &mut step);
        if !self.held {
            let mut step = Step {
                ctx: &mut ctx,
                writer: &mut self.log,
                metadata: &self.image,
                completed: &mut completed,
            };
            let end = step_end(&step);
            self.coordinator.on_high_watermark(end, &mut step);
        }
        let records = self.log.json_from(from);
        (result, Effects { records, completed })
    }

    fn load(&mut self) {
        self.coordinator.load_begin();
        self.load_end();
    }

    fn load_end(&mut self) {
        let loaded = self.log.loaded();
        let end = self.log.end();
        self.event(|c, step| c.load_end(loaded, end, end, step))
            .0
            .expect("the log holds what the coordinator wrote");
    }

    fn step(&mut self, step: &CaseStep) -> Option<diff::Mismatch> {
        let mut own: Option<Token> = None;
        let mut fired: Vec<Value> = Vec::new();
        let effects = match step.op.as_str() {
            "advance" => {
                self.advance(step.i64("ms").expect("ms"), &mut fired);
                Effects::default()
            }
            "create_topic" | "create_partitions" | "delete_topic" => {
                let delta = self
                    .image
                    .apply(&step.op, &Value::Object(step.input.clone()));
                self.publish(&delta)
            }
            "group_config" => {
                self.group_config(step);
                Effects::default()
            }
            "failover" => {
                let effects = self.event(|c, s| c.unload(s)).1;
                self.load();
                effects
            }
            "unload" => self.event(|c, s| c.unload(s)).1,
            "load" => {
                self.load();
                Effects::default()
            }
            "load_begin" => {
                self.coordinator.load_begin();
                Effects::default()
            }
            "load_end" => {
                self.load_end();
                Effects::default()
            }
            "hold_replication" => {
                self.held = true;
                Effects::default()
            }
            "release_replication" => {
                self.held = false;
                self.event(|_, _| ()).1
            }
            "fail_next_append" => {
                let name = step.str("error").expect("error");
                self.log.fail_next = ErrorCode::from_name(name);
                Effects::default()
            }
            _ => {
                let (token, effects) = self.request(step);
                own = Some(token);
                effects
            }
        };
        self.run_tasks(&mut fired);
        self.check(step, own, effects, fired)
    }

    fn publish(&mut self, delta: &MetadataDelta) -> Effects {
        self.event(|c, s| c.on_metadata_update(delta, s)).1
    }

    fn request(&mut self, step: &CaseStep) -> (Token, Effects) {
        let token = Token(self.labels.len() as u64);
        let label = step.str("request").expect("a request has a label");
        self.labels.push(label.into());
        self.draws.halves = step.str("uuid").map(halves).unwrap_or_default();
        let name = |field: &str| -> Name { step.str(field).unwrap_or_default().into() };
        let context = RequestContext {
            api_version: step.i64("version").unwrap_or(0) as i16,
            client_id: name("client_id"),
            client_host: name("client_host"),
        };
        let request = json::request(step);
        let effects = self.event(|c, s| c.handle(token, &context, request, s)).1;
        self.draws.halves.clear();
        (token, effects)
    }

    fn group_config(&mut self, step: &CaseStep) {
        let config = step.get("config").as_object().expect("config");
        let pairs: Vec<(String, String)> = config
            .iter()
            .map(|(k, v)| {
                (
                    k.clone(),
                    v.as_str().map_or_else(|| v.to_string(), str::to_owned),
                )
            })
            .collect();
        let pairs = pairs.iter().map(|(k, v)| (k.as_str(), v.as_str()));
        let config = GroupConfig::new(pairs, self.coordinator.config()).expect("a known config");
        let group_id = step.str("group_id").expect("group_id");
        self.coordinator
            .set_group_config(group_id.into(), Some(config));
    }

    fn advance(&mut self, ms: i64, fired: &mut Vec<Value>) {
        let end = self.now.ms() + ms;
        while let Some(due) = self.coordinator.next_due_ms(self.now.ms()) {
            if due > end {
                break;
            }
            self.now = Instant::from_ms(due.max(self.now.ms()));
            self.poll(fired);
        }
        self.now = Instant::from_ms(end);
    }

    /// Work for the background runs right after what asked for it.
    fn run_tasks(&mut self, fired: &mut Vec<Value>) {
        while self.coordinator.has_background_work() {
            self.poll(fired);
        }
    }

    fn poll(&mut self, fired: &mut Vec<Value>) {
        let before = state::groups(&self.coordinator, &self.image);
        let (what, effects) = self.event(|c, s| c.poll_one(s));
        let Some(what) = what else {
            return;
        };
        let changed = before != state::groups(&self.coordinator, &self.image);
        if !changed && effects.records.is_empty() && effects.completed.is_empty() {
            return;
        }
        let mut entry = Map::new();
        let at_ms = match what {
            Fired::Regex { group_id } => {
                entry.insert("task".into(), json!(format!("{group_id}-regex")));
                self.now.ms()
            }
            Fired::Timer { key, due_ms } => {
                entry.insert("timer".into(), json!(key.to_string()));
                due_ms
            }
        };
        entry.insert("at_ms".into(), json!(at_ms));
        self.put_effects(&mut entry, effects, None);
        fired.push(Value::Object(entry));
    }

    /// Puts records and answers into `into`; the answer to `own` is left out.
    fn put_effects(&self, into: &mut Map<String, Value>, effects: Effects, own: Option<Token>) {
        if !effects.records.is_empty() {
            into.insert("records".into(), Value::Array(effects.records));
        }
        let completed: Vec<Value> = effects
            .completed
            .into_iter()
            .filter(|c| Some(c.token) != own)
            .map(|c| {
                let label = &self.labels[c.token.0 as usize];
                json!({"request": label, "response": json::response(&c.result)})
            })
            .collect();
        if !completed.is_empty() {
            into.insert("completed".into(), Value::Array(completed));
        }
    }

    fn check(
        &mut self,
        step: &CaseStep,
        own: Option<Token>,
        effects: Effects,
        fired: Vec<Value>,
    ) -> Option<diff::Mismatch> {
        let mut ours = Map::new();
        let answer: Option<Result<GroupResponse, ErrorCode>> = effects
            .completed
            .iter()
            .find(|c| Some(c.token) == own)
            .map(|c| c.result.clone());
        match (own, answer) {
            (Some(_), Some(result)) => {
                ours.insert("response".into(), json::response(&result));
            }
            (Some(_), None) => {
                ours.insert("pending".into(), json!(true));
            }
            (None, _) => {}
        }
        self.put_effects(&mut ours, effects, own);
        if !fired.is_empty() {
            ours.insert("fired".into(), Value::Array(fired));
        }
        let mut kafka = step.expect.clone();
        let patch = kafka
            .as_object_mut()
            .and_then(|e| e.remove("state"))
            .unwrap_or_else(|| json!("unchanged"));
        // what a response says beyond Kafka's fields (names beside ids, throttle times) is ours
        let beyond = |path: &str, _: &str| path.contains("response");
        if let Some(found) = diff::compare_where(&Value::Object(ours), &kafka, &beyond) {
            return Some(found);
        }
        state::patch(&mut self.kafka, &patch);
        let ours = match self.coordinator.status() {
            Status::Active => state::whole(&self.coordinator, &self.image),
            Status::Loading | Status::Unloaded => Value::Null,
        };
        let found = compare(&ours, &self.kafka);
        found.map(|(field, ours, kafka)| (format!("state.{field}"), ours, kafka))
    }
}

fn step_end(step: &Step) -> protocol::Offset {
    step.writer.end_offset()
}

/// Both halves of a UUID in either of Kafka's forms.
fn halves(text: &str) -> Vec<u64> {
    let id = match Uuid::parse(text) {
        Some(id) => id.0,
        None => u128::from_str_radix(&text.replace('-', ""), 16).expect("a UUID"),
    };
    vec![(id >> 64) as u64, id as u64]
}

/// Timers of the shard, by Kafka's key.
fn shard_timers(coordinator: &Coordinator) -> impl Iterator<Item = (&TimerKey, i64)> {
    coordinator
        .timers()
        .filter(|(key, _)| key.is_of_shard())
        .map(|(key, timer)| (key, timer.due_ms))
}
