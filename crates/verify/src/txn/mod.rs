//! Plays the recorded cases of the transaction coordinator against [`coordinator::transaction::Coordinator`].
//!
//! Feeds requests, elections, answers of the log and of brokers, and time; compares answers, records byte for byte, marker requests and the
//! state in memory.

mod words;
mod world;

use crate::run::Played;
use crate::{Case, Outcome, Step, compare, play_steps};
use coordinator::transaction::*;
use protocol::messages::ListTransactionsRequest;
use protocol::{
    CoordinatorEpoch, ErrorCode, Instant, Name, NodeId, ProducerEpoch, ProducerId, TopicPartition,
};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use words::{partition, partitions, sorted_text};
use world::World;

pub fn play(case: &Case) -> Outcome {
    let mut world = World::new(case);
    play_steps(case, &compare, |step| Played::Answer(world.play(step)))
}

fn producer(step: &Step) -> TransactionOf {
    TransactionOf {
        transactional_id: name(step, "transactional_id"),
        producer_id: ProducerId(step.i64("producer_id").expect("a producer id")),
        producer_epoch: ProducerEpoch(step.i64("producer_epoch").expect("an epoch") as i16),
    }
}

fn name(step: &Step, field: &str) -> Name {
    step.str(field).expect("a text").into()
}

fn client_version(step: &Step) -> TransactionVersion {
    TransactionVersion(step.i64("client_transaction_version").expect("a version") as i16)
}

fn number(step: &Step, field: &str) -> i32 {
    step.i64(field).expect("a number") as i32
}

impl World {
    fn play(&mut self, step: &Step) -> Value {
        self.expect = Map::new();
        let before = self.states();
        self.op(step);
        self.settle();
        if matches!(step.op.as_str(), "advance" | "elect" | "load") {
            self.sort_appended();
        }
        let after = self.states();
        let mut changed = Map::new();
        for (id, state) in &after {
            if before.get(id) != Some(state) {
                changed.insert(id.clone(), state.clone());
            }
        }
        for id in before.keys().filter(|id| !after.contains_key(*id)) {
            changed.insert(id.clone(), Value::Null);
        }
        if !changed.is_empty() {
            self.expect.insert("state".into(), Value::Object(changed));
        }
        Value::Object(std::mem::take(&mut self.expect))
    }

    fn op(&mut self, step: &Step) {
        match step.op.as_str() {
            "elect" => {
                self.hold_loads = step.bool("hold_load").unwrap_or(false);
                let epoch = CoordinatorEpoch(number(step, "epoch"));
                self.coordinator
                    .on_election(number(step, "partition"), epoch);
                self.settle();
                self.hold_loads = false;
            }
            "load" => {
                for (partition, epoch) in std::mem::take(&mut self.held_loads) {
                    self.load(partition, epoch);
                }
            }
            "resign" => {
                let epoch = step
                    .i64("epoch")
                    .map(|epoch| CoordinatorEpoch(epoch as i32));
                self.coordinator
                    .on_resignation(number(step, "partition"), epoch);
            }
            "init_producer_id" => {
                let expected = step.i64("producer_id").map(|id| {
                    (
                        ProducerId(id),
                        ProducerEpoch(step.i64("producer_epoch").expect("both") as i16),
                    )
                });
                let request = InitProducerId {
                    transactional_id: step.str("transactional_id").map(Into::into),
                    timeout_ms: number(step, "timeout_ms"),
                    expected,
                    enable_2pc: step.bool("enable_2pc").unwrap_or(false),
                    keep_prepared_txn: step.bool("keep_prepared_txn").unwrap_or(false),
                };
                let token = self.token(step);
                self.with(|c, view, ctx| c.init_producer_id(token, request, view, ctx));
            }
            "add_partitions" | "add_offsets" => {
                let added: BTreeSet<TopicPartition> = if step.op == "add_offsets" {
                    [offsets_partition_for(
                        step.str("group").expect("a group"),
                        50,
                    )]
                    .into()
                } else {
                    partitions(step.get("partitions"))
                };
                let (token, of, version) = (self.token(step), producer(step), client_version(step));
                self.with(|c, view, ctx| {
                    c.add_partitions_to_txn(token, &of, &added, version, view, ctx)
                });
            }
            "verify_partitions" => {
                let token = self.token(step);
                self.coordinator.verify_partitions_in_txn(
                    token,
                    &producer(step),
                    &partitions(step.get("partitions")),
                );
            }
            "end_txn" => {
                let result = match step.str("result") {
                    Some("COMMIT") => TransactionResult::Commit,
                    _ => TransactionResult::Abort,
                };
                let (token, of, version) = (self.token(step), producer(step), client_version(step));
                self.with(|c, view, ctx| c.end_txn(token, &of, result, version, view, ctx));
            }
            "send_markers" => self.send_markers(),
            "markers_answer" => self.markers_answer(step),
            "log_mode" => self.log.mode = step.str("mode").expect("a mode").into(),
            "log_answer" => {
                let error =
                    ErrorCode::from_name(step.str("error").expect("an error")).expect("Kafka's");
                let held = self.log.held.pop_front().expect("a held append");
                if error == ErrorCode::None {
                    self.log.write(held.partition, &held.records);
                }
                self.with(|c, view, ctx| c.append_completed(held.token, error, view, ctx));
            }
            "leader" => {
                let tp = partition(step.str("partition").expect("a partition"));
                self.view.leaders.insert(tp, number(step, "leader"));
            }
            "producer_ids" => {
                self.coordinator.producer_ids_mut().fail = step.bool("fail").expect("a flag")
            }
            "describe" => self.describe(&name(step, "transactional_id")),
            "list" => self.list(step),
            "advance" => {
                let until = Instant::from_ms(self.now.ms() + step.i64("ms").expect("ms"));
                loop {
                    let mut next = until;
                    self.with(|c, view, ctx| next = c.poll(view, ctx));
                    self.settle();
                    if next > until {
                        break;
                    }
                    self.now = next;
                }
                self.now = until;
            }
            other => panic!("an op of the recorded cases, not {other}"),
        }
    }

    fn token(&mut self, step: &Step) -> RequestToken {
        self.refs.push(step.str("ref").expect("a ref").into());
        self.refs.len() as RequestToken - 1
    }

    fn send_markers(&mut self) {
        let mut requests = Vec::new();
        self.with(|c, view, ctx| requests = c.generate_marker_requests(view, ctx));
        requests.sort_by_key(|request| request.broker);
        let list: Vec<Value> = requests.iter().map(words::marker_request).collect();
        for request in requests {
            self.sent_markers
                .entry(request.broker)
                .or_default()
                .push_back(request);
        }
        self.expect.insert("requests".into(), list.into());
    }

    fn markers_answer(&mut self, step: &Step) {
        let broker = NodeId(number(step, "broker"));
        let request = self
            .sent_markers
            .get_mut(&broker)
            .and_then(|sent| sent.pop_front());
        let request = request.expect("an unanswered request");
        let answer = if step.bool("disconnected").unwrap_or(false) {
            MarkerAnswer::Disconnected
        } else {
            let mut errors: BTreeMap<ProducerId, BTreeMap<TopicPartition, ErrorCode>> =
                BTreeMap::new();
            for marker in &request.markers {
                for tp in &marker.partitions {
                    let named = step
                        .get("errors")
                        .get(tp.to_string())
                        .and_then(Value::as_str);
                    let error = named.map_or(ErrorCode::None, |name| {
                        ErrorCode::from_name(name).expect("Kafka's")
                    });
                    errors
                        .entry(marker.producer_id)
                        .or_default()
                        .insert(tp.clone(), error);
                }
            }
            MarkerAnswer::Errors(errors)
        };
        self.with(|c, view, ctx| c.markers_answered(request.id, &answer, view, ctx));
    }

    fn describe(&mut self, id: &Name) {
        let answer = self.coordinator.describe_transaction(id);
        let mut result = json!({"error": answer.error.name()});
        if answer.error == ErrorCode::None {
            let all = answer.topics.iter().flat_map(|topic| {
                topic
                    .partitions
                    .iter()
                    .map(|&p| TopicPartition::new(topic.name.clone(), p))
            });
            result["producer_id"] = json!(answer.producer_id);
            result["producer_epoch"] = json!(answer.producer_epoch);
            result["state"] = json!(&*answer.transaction_state);
            result["timeout_ms"] = json!(answer.transaction_timeout_ms);
            result["start_ms"] = json!(answer.transaction_start_time_ms);
            result["partitions"] = sorted_text(all.collect::<Vec<_>>().iter());
        }
        self.expect.insert("result".into(), result);
    }

    fn list(&mut self, step: &Step) {
        let names = |field: &str| -> Vec<Name> {
            let list = step.get(field).as_array().cloned().unwrap_or_default();
            list.iter()
                .map(|v| v.as_str().expect("a name").into())
                .collect()
        };
        let ids = step
            .get("producer_ids")
            .as_array()
            .cloned()
            .unwrap_or_default();
        let request = ListTransactionsRequest {
            state_filters: names("states"),
            producer_id_filters: ids
                .iter()
                .map(|v| ProducerId(v.as_i64().expect("an id")))
                .collect(),
            duration_filter: step.i64("duration_ms").unwrap_or(-1),
            transactional_id_pattern: step.str("pattern").map(Into::into),
        };
        let answer = self.coordinator.list_transactions(&request, self.now.ms());
        let mut result = json!({"error": answer.error.name()});
        if answer.error != ErrorCode::InvalidRegularExpression {
            let found: Vec<Value> = answer
                .transaction_states
                .iter()
                .map(|t| {
                    json!({
                        "transactional_id": &*t.transactional_id, "producer_id": t.producer_id,
                        "state": &*t.transaction_state
                    })
                })
                .collect();
            let unknown: Vec<&str> = answer
                .unknown_state_filters
                .iter()
                .map(|name| &**name)
                .collect();
            result["unknown_states"] = json!(unknown);
            result["transactions"] = found.into();
        }
        self.expect.insert("result".into(), result);
    }
}
