//! Consumers as a test program drives them: polls by hand or in a loop, commits, seeks, what they were told.

use super::produce::{error_name, refused};
use super::records::payload_out;
use super::{PATIENCE_MS, Player};
use crate::Step;
use clients::consumer::{CallResult, CallbackKind, CommitOffset, ConsumerCall, RebalanceListener};
use clients::error::ClientError;
use protocol::{Offset, TopicPartition};
use serde_json::{Map, Value, json};
use sim::actor::{AppEvent, Order};
use sim::command::Command;
use sim::ids::EventId;
use sim::scenario::{App, CommitMode, Consumer, Scalar};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

/// What every consumer is given unless the step says otherwise.
const BASE: [(&str, &str); 4] = [
    ("enable.auto.commit", "false"),
    ("auto.offset.reset", "earliest"),
    ("max.poll.records", "10000"),
    ("metadata.max.age.ms", "2000"),
];
/// The same of those that use the classic protocol.
const CLASSIC: [(&str, &str); 2] = [
    ("session.timeout.ms", "4000"),
    ("heartbeat.interval.ms", "200"),
];
/// The time that each poll is given.
const POLL_MS: u32 = 50;

/// What a consumer's application was told.
#[derive(Debug, Default)]
pub struct Heard {
    /// Since last asked.
    got: BTreeMap<TopicPartition, Vec<Value>>,
    /// Records since it started.
    pub received: usize,
    /// Calls of the rebalance listener since last asked.
    events: Vec<Value>,
    called: VecDeque<Result<CallResult, ClientError>>,
}

impl Heard {
    pub fn hear(&mut self, event: AppEvent) {
        match event {
            AppEvent::Delivered {
                tp,
                offset,
                key,
                value,
            } => {
                let (key, value) = (payload_out(key.as_ref()), payload_out(value.as_ref()));
                let record = json!([offset.0, key, value]);
                self.got.entry(tp).or_default().push(record);
                self.received += 1;
            }
            AppEvent::Called { result, .. } => self.called.push_back(result),
            AppEvent::Rebalanced { kind, partitions } => {
                let name = match kind {
                    CallbackKind::Revoked => "revoked",
                    CallbackKind::Assigned => "assigned",
                    CallbackKind::Lost => "lost",
                };
                let sorted: BTreeSet<_> = partitions.iter().collect();
                let list: Vec<Value> = sorted.into_iter().map(tp_out).collect();
                self.events.push(json!({name: list}));
            }
            _ => {}
        }
    }

    fn take_records(&mut self) -> Value {
        let got = std::mem::take(&mut self.got).into_iter();
        got.map(|(tp, got)| json!({"partition": tp_out(&tp), "got": got}))
            .collect()
    }
}

pub(super) fn tp_out(tp: &TopicPartition) -> Value {
    json!([&*tp.topic, tp.partition])
}

pub(super) fn tps_in(list: &Value) -> Vec<TopicPartition> {
    let list = list.as_array().into_iter().flatten();
    list.map(|tp| {
        TopicPartition::new(
            tp[0].as_str().unwrap_or_default(),
            tp[1].as_i64().unwrap_or(0) as i32,
        )
    })
    .collect()
}

fn step_tp(step: &Step) -> TopicPartition {
    TopicPartition::new(
        step.str("topic").unwrap_or_default(),
        step.i64("partition").unwrap_or(0) as i32,
    )
}

impl Player {
    pub(super) fn consumer_step(&mut self, step: &Step) -> Result<Value, String> {
        let id = step.str("consumer").unwrap_or_default().to_owned();
        let call = match step.op.as_str() {
            "start_consumer" => return self.start_consumer(step, id),
            "poll" => return self.poll(step, &id),
            "received" => {
                self.hear();
                let heard = self.consumers.get_mut(&id).ok_or("no such consumer")?;
                return Ok(json!({"records": heard.take_records()}));
            }
            "rebalance_events" => {
                self.hear();
                let heard = self.consumers.get_mut(&id).ok_or("no such consumer")?;
                return Ok(json!({"events": std::mem::take(&mut heard.events)}));
            }
            "stop_polling" => return self.loop_order(&id, false),
            "start_polling" => return self.loop_order(&id, true),
            "close_consumer" => {
                self.command(Command::CloseConsumer {
                    consumer: id.clone(),
                })?;
                self.wait("the consumer to close", |w| w.consumer(&id).is_none())?;
                return Ok(json!({}));
            }
            "kill_consumer" => {
                self.command(Command::KillConsumer { consumer: id })?;
                return Ok(json!({}));
            }
            "subscribe" => {
                let topics = step.get("topics").as_array().into_iter().flatten();
                let topics = topics.filter_map(Value::as_str).map(Into::into);
                ConsumerCall::Subscribe {
                    topics: topics.collect(),
                    listener: RebalanceListener::default(),
                }
            }
            "assign" => ConsumerCall::Assign(tps_in(step.get("partitions"))),
            "commit" => ConsumerCall::CommitSync {
                offsets: step.has("offsets").then(|| offsets_in(step)),
                timeout_ms: None,
            },
            "seek" => match step.get("to") {
                Value::String(word) if word == "beginning" => {
                    ConsumerCall::SeekToBeginning(vec![step_tp(step)])
                }
                Value::String(_) => ConsumerCall::SeekToEnd(vec![step_tp(step)]),
                to => ConsumerCall::Seek {
                    tp: step_tp(step),
                    offset: Offset(to.as_i64().ok_or("to")?),
                    leader_epoch: None,
                },
            },
            "position" => ConsumerCall::Position(step_tp(step)),
            "committed" => ConsumerCall::Committed(BTreeSet::from([step_tp(step)])),
            "offsets_for_times" => {
                let at = step.i64("timestamp_ms").ok_or("timestamp_ms")?;
                ConsumerCall::OffsetsForTimes(BTreeMap::from([(step_tp(step), at)]))
            }
            "pause_partition" => ConsumerCall::Pause(vec![step_tp(step)]),
            "resume_partition" => ConsumerCall::Resume(vec![step_tp(step)]),
            other => return Err(format!("op {other} is not played")),
        };
        let answer = match self.call(&id, call)? {
            Err(error) => return Ok(json!({"error": error_name(&error)})),
            Ok(result) => result,
        };
        if step.bool("loop") == Some(true) {
            self.loop_order(&id, true)?;
        }
        let tp = step_tp(step);
        Ok(match answer {
            CallResult::Position(offset) => json!({"offset": offset.0}),
            CallResult::Committed(all) => {
                let mut out = Map::new();
                let found = all.get(&tp).and_then(Option::as_ref);
                out.insert("offset".into(), json!(found.map(|o| o.offset.0)));
                if let Some(found) = found.filter(|o| !o.metadata.is_empty()) {
                    out.insert("metadata".into(), json!(&*found.metadata));
                }
                Value::Object(out)
            }
            CallResult::Offsets(all) => match all.get(&tp) {
                Some(found) => json!({
                    "offset": found.offset.0,
                    "timestamp_ms": found.timestamp,
                    "leader_epoch": found.leader_epoch.map_or(-1, |e| e.0),
                }),
                None => json!({"offset": null}),
            },
            _ => json!({}),
        })
    }

    fn start_consumer(&mut self, step: &Step, id: String) -> Result<Value, String> {
        let given = step.get("config");
        let classic = given["group.protocol"].as_str() != Some("consumer");
        let base = BASE.iter().chain(CLASSIC.iter().filter(|_| classic));
        let mut config: BTreeMap<String, Scalar> = base
            .map(|(k, v)| ((*k).to_owned(), Scalar::Text((*v).to_owned())))
            .collect();
        for (k, v) in given.as_object().into_iter().flatten() {
            let text = v.as_str().map_or_else(|| v.to_string(), str::to_owned);
            config.insert(k.clone(), Scalar::Text(text));
        }
        let consumer = Consumer {
            id: id.clone(),
            group: step.str("group").map(str::to_owned),
            subscribe: Vec::new(),
            assign: Vec::new(),
            config,
            app: App {
                processing_ms: 0,
                poll_timeout_ms: POLL_MS,
                commit: CommitMode::Never,
            },
            from_ms: 0,
        };
        match self.world.command(&Command::StartConsumer(consumer)) {
            Ok(_) => {
                self.consumers.insert(id, Heard::default());
                Ok(json!({}))
            }
            Err(refusal) => Ok(refused(&refusal)),
        }
    }

    fn loop_order(&mut self, id: &str, on: bool) -> Result<Value, String> {
        let actor = self.world.actor_named(id).ok_or("no such consumer")?;
        let order = Arc::new(Order::SetLooping(on));
        self.world.order(actor, order, EventId::BEGINNING);
        Ok(json!({}))
    }

    /// Makes a call of the application and waits for its end.
    fn call(
        &mut self,
        id: &str,
        call: ConsumerCall,
    ) -> Result<Result<CallResult, ClientError>, String> {
        let actor = self.world.actor_named(id).ok_or("no such consumer")?;
        self.hear();
        let what = format!("{call:?}");
        let heard = self.consumers.get_mut(id).ok_or("no such consumer")?;
        heard.called.clear();
        let order = Arc::new(Order::Call(call));
        self.world.order(actor, order, EventId::BEGINNING);
        let until = self.now().after_ms(2 * PATIENCE_MS);
        loop {
            self.hear();
            let heard = self.consumers.get_mut(id).ok_or("no such consumer")?;
            if let Some(result) = heard.called.pop_front() {
                return Ok(result);
            }
            if !self.world.step_until(until) {
                return Err(format!("{what} did not return"));
            }
        }
    }

    fn poll(&mut self, step: &Step, id: &str) -> Result<Value, String> {
        let wanted = step.i64("records").map(|n| n as usize);
        let until = self.now().after_ms(step.i64("ms").unwrap_or(PATIENCE_MS));
        let before = self.consumers.get(id).ok_or("no such consumer")?.received;
        let mut out = Map::new();
        loop {
            let so_far = self.consumers[id].received - before;
            if wanted.is_some_and(|n| so_far >= n) || self.now() >= until {
                break;
            }
            let timeout_ms = POLL_MS.into();
            if let Err(error) = self.call(id, ConsumerCall::Poll { timeout_ms })? {
                out.insert("error".into(), error_name(&error));
                break;
            }
        }
        let heard = self.consumers.get_mut(id).ok_or("no such consumer")?;
        out.insert("records".into(), heard.take_records());
        Ok(Value::Object(out))
    }

    /// Conditions on one consumer: what it owns, has got, or threw.
    pub(super) fn consumer_holds(&self, step: &Step, id: &str) -> bool {
        let owned = self.owned(id);
        let app = self.world.consumer(id);
        let received = self.consumers.get(id).map_or(0, |h| h.received);
        let threw = || {
            app.filter(|a| a.is_stopped())
                .and_then(|a| a.last_error())
                .map(error_name)
        };
        (!step.has("assignment") || owned == tps_in(step.get("assignment")).into_iter().collect())
            && step.i64("assigned").is_none_or(|n| owned.len() as i64 == n)
            && step.i64("received").is_none_or(|n| received as i64 >= n)
            && (!step.has("error") || threw().as_ref() == Some(step.get("error")))
    }

    pub(super) fn owned(&self, id: &str) -> BTreeSet<TopicPartition> {
        let app = self.world.consumer(id);
        let owned = app.map(|a| a.client().view().subscriptions().assigned_partitions());
        owned.unwrap_or_default().into_iter().collect()
    }
}

fn offsets_in(step: &Step) -> BTreeMap<TopicPartition, CommitOffset> {
    let list = step.get("offsets").as_array().into_iter().flatten();
    list.map(|o| {
        let tp = TopicPartition::new(
            o[0].as_str().unwrap_or_default(),
            o[1].as_i64().unwrap_or(0) as i32,
        );
        let offset = CommitOffset {
            offset: Offset(o[2].as_i64().unwrap_or(-1)),
            leader_epoch: None,
            metadata: o[3].as_str().unwrap_or_default().into(),
        };
        (tp, offset)
    })
    .collect()
}
