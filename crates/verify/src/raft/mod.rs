//! Plays the recorded cases of a quorum's member against [`raft::Node`].
//!
//! Feeds requests, answers and time; compares what was sent, answered, committed, and the state after each step.

mod json;

use crate::run::Played;
use crate::{Case, Outcome, Step, compare, play_steps};
use json::Fields;
use protocol::record::RecordBatch;
use protocol::trace::Deaf;
use protocol::{CorrelationId, Ctx, Draws, Instant, LeaderEpoch, NodeId, Offset, Protections};
use raft::{
    ElectionState, Event, Identity, Input, Isolation, MemoryLog, Node, Output, QuorumConfig,
    RaftLog, ReadLimit, RequestBody,
};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Every draw is the same number, or the highest that the bound lets through.
struct Fixed(u32);

impl Draws for Fixed {
    fn next_int(&mut self, bound: u32, _label: &'static str) -> u32 {
        self.0.min(bound - 1)
    }
}

struct Player<L> {
    open: fn(Vec<RecordBatch>) -> L,
    node: Option<Node<L>>,
    now: Instant,
    draws: Fixed,
    /// Requests that went out, by name.
    sent: BTreeMap<String, (NodeId, CorrelationId, RequestBody)>,
    /// Names of inbound requests by token.
    asked: Vec<String>,
    state: Value,
    log: Value,
    expect: Map<String, Value>,
}

/// Plays a case on a log that brings at most two batches a read: so does the one of the recorded runs.
pub fn play(case: &Case) -> Outcome {
    play_on(case, |batches| {
        MemoryLog::new(batches, ReadLimit::Batches(2))
    })
}

fn play_on<L: RaftLog>(case: &Case, open: fn(Vec<RecordBatch>) -> L) -> Outcome {
    let init = case.init.as_object().expect("init is an object");
    let f = Fields(init);
    let mut player = Player {
        open,
        node: None,
        now: Instant::from_ms(f.int("now_ms", 0)),
        draws: Fixed(f.int("random", 0) as u32),
        sent: BTreeMap::new(),
        asked: Vec::new(),
        state: Value::Null,
        log: Value::Null,
        expect: Map::new(),
    };
    play_steps(case, &compare, |step| Played::Answer(player.step(step, &f)))
}

impl<L: RaftLog> Player<L> {
    fn step(&mut self, step: &Step, init: &Fields<'_>) -> Value {
        self.expect = Map::new();
        match step.op.as_str() {
            "start" => self.start(init),
            "advance" => self.advance(step.i64("ms").expect("ms")),
            "request" => {
                let token = self.asked.len() as u64;
                self.asked.push(step.str("id").expect("an id").into());
                self.handle(Input::Request {
                    token,
                    request: json::request(&Fields(&step.input)),
                });
            }
            "response" => {
                let (from, correlation_id, asked) =
                    self.sent[step.str("id").expect("an id")].clone();
                let response = json::response(&asked, &Fields(&step.input));
                self.handle(Input::Response {
                    from,
                    correlation_id,
                    response,
                });
            }
            "append" => {
                let values = step.get("values").as_array().expect("values");
                let values = values
                    .iter()
                    .map(|v| v.as_str().expect("a string").to_owned().into())
                    .collect();
                let (epoch, now) = (Fields(&step.input).epoch(), self.now);
                let answer = match self.node().append(epoch, values, now) {
                    Ok(last) => ("last_offset", json!(last)),
                    Err(error) => ("error", json!(error.exception())),
                };
                self.expect.insert(answer.0.into(), answer.1);
            }
            "resign" => {
                let epoch: LeaderEpoch = Fields(&step.input).epoch();
                if self.node().resign(epoch).is_err() {
                    self.expect
                        .insert("error".into(), json!("IllegalArgumentException"));
                }
            }
            other => panic!("an op of the recorded cases, not {other}"),
        }
        self.poll();
        self.note_state();
        Value::Object(std::mem::take(&mut self.expect))
    }

    fn node(&mut self) -> &mut Node<L> {
        self.node.as_mut().expect("started")
    }

    fn start(&mut self, init: &Fields<'_>) {
        let log = (self.open)(json::batches(&init.0["log"]));
        let stored = Fields(init.0["stored"].as_object().expect("stored"));
        let stored = ElectionState {
            epoch: stored.epoch(),
            leader: stored.node("leader"),
            voted: stored.node("voted").map(raft::ReplicaKey::of),
        };
        let voters = init.0["voters"].as_array().expect("voters");
        let id = init.node("node").expect("an id");
        let identity = Identity {
            node: id,
            directory_id: json::key(id).directory_id,
            cluster_id: json::CLUSTER_ID.into(),
            voters: voters
                .iter()
                .map(|id| NodeId(id.as_i64().expect("an id") as i32))
                .collect(),
        };
        let mut deaf = Deaf;
        let mut ctx = Ctx {
            now: self.now,
            protections: Protections::ALL,
            draws: &mut self.draws,
            trace: &mut deaf,
        };
        self.node = Some(Node::start(
            identity,
            QuorumConfig::default(),
            stored,
            log,
            &mut ctx,
        ));
    }

    fn handle(&mut self, input: Input) {
        let mut deaf = Deaf;
        let node = self.node.as_mut().expect("started");
        let mut ctx = Ctx {
            now: self.now,
            protections: Protections::ALL,
            draws: &mut self.draws,
            trace: &mut deaf,
        };
        node.handle(input, &mut ctx);
        self.collect();
    }

    fn poll(&mut self) -> Option<Instant> {
        let mut deaf = Deaf;
        let node = self.node.as_mut().expect("started");
        let mut ctx = Ctx {
            now: self.now,
            protections: Protections::ALL,
            draws: &mut self.draws,
            trace: &mut deaf,
        };
        let next = node.poll(&mut ctx);
        self.collect();
        next
    }

    fn advance(&mut self, ms: i64) {
        let until = Instant::from_ms(self.now.ms() + ms);
        while let Some(next) = self.poll().filter(|&next| next <= until) {
            self.now = next;
        }
        self.now = until;
    }

    /// Moves what the node said into the answer of the step.
    fn collect(&mut self) {
        let at_ms = self.now.ms();
        let node = self.node.as_mut().expect("started");
        let (outputs, events) = (node.take_outbox(), node.take_events());
        let mut requests = Vec::new();
        for output in outputs {
            match output {
                Output::Request {
                    to,
                    correlation_id,
                    request,
                } => requests.push((to, correlation_id, request)),
                Output::Response { token, response } => {
                    let mut entry = json::response_json(&response);
                    entry.insert("id".into(), json!(self.asked[token as usize]));
                    entry.insert("at_ms".into(), json!(at_ms));
                    self.add("responses", Value::Object(entry));
                }
            }
        }
        requests.sort_by_key(|(to, ..)| *to);
        for (to, correlation_id, request) in requests {
            let id = format!("r{}", self.sent.len() + 1);
            let mut entry = json::request_json(&request);
            entry["id"] = json!(id);
            entry["at_ms"] = json!(at_ms);
            entry["to"] = json!(to);
            self.sent.insert(id, (to, correlation_id, request.body));
            self.add("sent", entry);
        }
        for event in events {
            match event {
                Event::Commit(batch) if batch.is_control() => {}
                Event::Commit(batch) => {
                    let mut entry = json::batch_json(&batch);
                    entry["event"] = json!("commit");
                    entry["at_ms"] = json!(at_ms);
                    self.add("events", entry);
                }
                Event::LeaderChange { leader, epoch } => {
                    let leader = leader.unwrap_or(NodeId::NONE);
                    let entry = json!({"event": "leader", "at_ms": at_ms, "leader": leader, "epoch": epoch});
                    self.add("events", entry);
                }
                Event::LoadSnapshot { .. } => {
                    self.add("events", json!({"event": "snapshot", "at_ms": at_ms}))
                }
            }
        }
    }

    fn add(&mut self, list: &str, entry: Value) {
        let list = self.expect.entry(list).or_insert_with(|| json!([]));
        list.as_array_mut().expect("a list").push(entry);
    }

    fn note_state(&mut self) {
        let log = json::batches_json(&whole_log(self.node().log_mut()));
        let node = self.node.as_ref().expect("started");
        let id = |id: Option<NodeId>| id.unwrap_or(NodeId::NONE);
        let stored = node.stored();
        let state = json!({
            "role": node.role().name(), "epoch": node.epoch(), "leader": id(node.leader()),
            "voted": id(node.voted().map(|key| key.id)),
            "log_end": node.log().end_offset(), "last_epoch": node.log().last_fetched_epoch(),
            "high_watermark": node.high_watermark().unwrap_or(protocol::Offset::NONE),
            "stored": {"epoch": stored.epoch, "leader": id(stored.leader), "voted": id(stored.voted.map(|key| key.id))}
        });
        if let Some(reason) = node.fatal() {
            self.expect.insert("fatal".into(), json!(reason));
        }
        if state != self.state {
            self.expect.insert("state".into(), state.clone());
            self.state = state;
        }
        if log != self.log {
            self.expect.insert("log".into(), log.clone());
            self.log = log;
        }
    }
}

/// Every batch of the log, read as a replica would.
fn whole_log(log: &mut impl RaftLog) -> Vec<RecordBatch> {
    let (mut at, mut all) = (log.start_offset(), Vec::new());
    while at < log.end_offset() {
        let records = log.read(at, Isolation::Uncommitted, i32::MAX).records;
        at = Offset(records.last().expect("a log without holes").next_offset());
        all.extend(records);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use raft::UnifiedRaftLog;
    use std::path::PathBuf;

    /// The same answers on the log that a node hosts.
    #[test]
    fn the_recorded_answers_hold_on_kafkas_own_log() {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/oracle/raft");
        let cases = crate::case::load(&[folder]).expect("the recorded cases");
        assert!(cases.len() >= 88);
        for case in cases {
            let outcome = play_on(&case, |batches| {
                let limit = ReadLimit::Batches(2);
                let mut log =
                    UnifiedRaftLog::open(Default::default(), true, limit, protocol::time::EPOCH_MS)
                        .expect("an empty log");
                log.append_as_follower(&batches, LeaderEpoch(i32::MAX));
                log
            });
            assert_eq!(outcome, Outcome::Equal, "{}", case.id);
        }
    }
}
