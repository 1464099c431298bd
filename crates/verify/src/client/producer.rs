//! The driver of producer cases.

use super::Numbers;
use super::cluster::Cluster;
use super::values::{bytes_in, tp};
use crate::run::Played;
use crate::{Case, Outcome, Step, compare, play_steps};
use clients::error::ClientError;
use clients::producer::{
    Call, CallId, GroupMetadata, OffsetToCommit, Producer, ProducerEvent, ProducerRecord, ThreadId,
};
use protocol::record::Header;
use protocol::trace::Deaf;
use protocol::{Ctx, Instant, LeaderEpoch, Offset, Protections};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

struct Player {
    producer: Option<Producer>,
    cluster: Cluster,
    numbers: Numbers,
    start_ms: i64,
    now: Instant,
    names: Vec<String>,
    /// Calls that are sends: they report their end only if they waited.
    sends: Vec<bool>,
    threads: Vec<String>,
    app: Vec<Value>,
    state: Value,
}

pub fn play(case: &Case) -> Outcome {
    let start_ms = case.init["now_ms"].as_i64().unwrap_or(1_700_000_000_000);
    let given = case.init["partition_random"]
        .as_array()
        .into_iter()
        .flatten();
    let mut player = Player {
        producer: None,
        cluster: Cluster::new(&case.init),
        numbers: Numbers {
            given: given
                .map(|n| n.as_u64().expect("a number") as u32)
                .collect(),
            drawn: 0,
        },
        start_ms,
        now: Instant::from_ms(start_ms),
        names: Vec::new(),
        sends: Vec::new(),
        threads: vec![String::new()],
        app: Vec::new(),
        state: Value::Null,
    };
    play_steps(case, &compare, |step| {
        Played::Answer(player.step(step, case))
    })
}

/// Runs of failures at one time with one error, by partition and send order.
fn sort_failures(app: &mut [Value]) {
    let same = |a: &Value, b: &Value| {
        a.get("failed").is_some()
            && b.get("failed").is_some()
            && a["t"] == b["t"]
            && a["error"] == b["error"]
    };
    let mut at = 0;
    while at < app.len() {
        let end = (at + 1..app.len())
            .find(|i| !same(&app[at], &app[*i]))
            .unwrap_or(app.len());
        app[at..end].sort_by_key(|line| tp(line["tp"].as_str().unwrap_or("-0")));
        at = end;
    }
}

impl Player {
    fn step(&mut self, step: &Step, case: &Case) -> Value {
        self.app.clear();
        self.cluster.sent.clear();
        match step.op.as_str() {
            "start" => self.start(case),
            "advance" => self.advance(step.i64("ms").expect("ms")),
            "answer" => self.cluster.answer(&step.input, &step.partition_order),
            "disconnect" => self
                .cluster
                .disconnect(step.i64("node").expect("a node") as i32),
            "node_down" => self
                .cluster
                .node_down(step.i64("node").expect("a node") as i32, step.str("mode")),
            "node_up" => self
                .cluster
                .node_up(step.i64("node").expect("a node") as i32),
            "cluster" => self.cluster.change(&step.input),
            "auto" => self.cluster.set_auto(&step.input),
            "send" => self.send(step),
            _ => self.call_of(step),
        }
        self.settle();
        self.answer()
    }

    fn start(&mut self, case: &Case) {
        let pairs = case.config.iter().map(|(k, v)| (k.as_str(), v.as_str()));
        match Producer::new(pairs, vec![self.cluster.bootstrap()]) {
            Ok(producer) => self.producer = Some(producer),
            Err(_) => self
                .app
                .push(json!({"t": 0, "thrown": "start", "error": "ConfigException"})),
        }
    }

    fn t(&self) -> i64 {
        self.now.ms() - self.start_ms
    }

    fn advance(&mut self, ms: i64) {
        let end = self.now.after_ms(ms);
        while let Some(wake) = self.settle().filter(|wake| *wake <= end) {
            self.now = wake;
        }
        self.now = end;
    }

    /// Polls until nothing can happen at this instant; answers when something will.
    fn settle(&mut self) -> Option<Instant> {
        loop {
            let t = self.t();
            let producer = self.producer.as_mut()?;
            for input in self.cluster.take_inputs() {
                producer.handle(input);
            }
            let mut ctx = Ctx {
                now: self.now,
                protections: Protections::default(),
                draws: &mut self.numbers,
                trace: &mut Deaf,
            };
            let wake = producer.poll(&mut ctx);
            let ended = producer.is_closed();
            for output in producer.take_outputs() {
                self.cluster.take(output, t, ended);
            }
            for event in producer.take_events() {
                self.event(event, t);
            }
            let wake = wake.filter(|at| *at > self.now);
            let due = self.producer.as_ref().is_some_and(|p| p.is_due(self.now));
            if !due && !self.cluster.has_inputs() {
                return wake;
            }
        }
    }

    fn event(&mut self, event: ProducerEvent, t: i64) {
        let name = |call: CallId| self.names[call.0 as usize].clone();
        match event {
            ProducerEvent::Acked { call, tp, offset, timestamp_ms } => self.app.push(json!({"t": t,
                "acked": name(call), "tp": tp.to_string(), "offset": offset.0, "timestamp_ms": timestamp_ms})),
            ProducerEvent::Failed { call, tp, error } => {
                let mut line = json!({"t": t, "failed": name(call), "tp": tp.to_string()});
                put_error(&mut line, &error);
                self.app.push(line);
            }
            ProducerEvent::Returned { call, waited } => {
                if waited || !self.sends[call.0 as usize] {
                    self.app.push(json!({"t": t, "returned": name(call)}));
                }
            }
            ProducerEvent::Thrown { call, error } => {
                let mut line = json!({"t": t, "thrown": name(call)});
                put_error(&mut line, &error);
                self.app.push(line);
            }
        }
    }

    fn call(&mut self, step: &Step, name: String, call: Call) {
        let id = CallId(self.names.len() as u64);
        self.names.push(name);
        self.sends.push(matches!(call, Call::Send(_)));
        let thread = step.str("thread").unwrap_or("").to_owned();
        let index = self
            .threads
            .iter()
            .position(|t| *t == thread)
            .unwrap_or_else(|| {
                self.threads.push(thread);
                self.threads.len() - 1
            });
        if let Some(producer) = &mut self.producer {
            producer.call(ThreadId(index as u32), id, call);
        }
    }

    fn send(&mut self, step: &Step) {
        let name = step.str("id").unwrap_or("send").to_owned();
        let (topic, partition) = match step.str("tp") {
            Some(text) => {
                let tp = tp(text);
                (tp.topic, Some(tp.partition))
            }
            None => (step.str("topic").expect("a topic").into(), None),
        };
        let headers = step.get("headers").as_array().into_iter().flatten();
        let record = ProducerRecord {
            topic,
            partition,
            timestamp_ms: step.i64("timestamp_ms"),
            key: bytes_in(step.get("key")),
            value: bytes_in(step.get("value")),
            headers: headers
                .map(|h| Header {
                    key: bytes_in(&h[0]).expect("a header has a key"),
                    value: bytes_in(&h[1]),
                })
                .collect(),
        };
        let Some(count) = step.i64("count") else {
            return self.call(step, name, Call::Send(record));
        };
        for i in 0..count {
            let mut record = record.clone();
            if let Some(text) = step.str("value") {
                record.value = Some(format!("{text}{i}").into());
            }
            self.call(step, format!("{name}.{i}"), Call::Send(record));
        }
    }

    fn call_of(&mut self, step: &Step) {
        let call = match step.op.as_str() {
            "flush" => Call::Flush,
            "close" => Call::Close {
                timeout_ms: step.i64("timeout_ms"),
            },
            "init_transactions" => Call::InitTransactions,
            "begin" => Call::BeginTransaction,
            "commit" => Call::CommitTransaction,
            "abort" => Call::AbortTransaction,
            "send_offsets" => send_offsets(step),
            other => panic!("no producer call is named {other}"),
        };
        let name = step.str("id").unwrap_or(&step.op).to_owned();
        self.call(step, name, call);
    }

    fn answer(&mut self) -> Value {
        let mut ours = Map::new();
        if !self.cluster.sent.is_empty() {
            ours.insert("sent".into(), json!(self.cluster.sent));
        }
        if !self.app.is_empty() {
            sort_failures(&mut self.app);
            ours.insert("app".into(), json!(self.app));
        }
        let Some(producer) = &self.producer else {
            return Value::Object(ours);
        };
        let blocked: Vec<&String> = producer
            .view()
            .blocked()
            .into_iter()
            .map(|(_, call)| &self.names[call.0 as usize])
            .collect();
        if !blocked.is_empty() {
            ours.insert("blocked".into(), json!(blocked));
        }
        let state = state(producer);
        if state != self.state {
            self.state = state.clone();
            ours.insert("state".into(), state);
        }
        Value::Object(ours)
    }
}

fn put_error(line: &mut Value, error: &ClientError) {
    line["error"] = json!(error.name());
    if let Some(cause) = error.cause {
        line["cause"] = json!(cause.name());
    }
}

fn send_offsets(step: &Step) -> Call {
    let mut offsets = BTreeMap::new();
    for (partition, value) in step.get("offsets").as_object().expect("offsets") {
        let full = value.as_object();
        let number = |name: &str| full.and_then(|o| o.get(name)).and_then(Value::as_i64);
        let offset = OffsetToCommit {
            offset: Offset(
                value
                    .as_i64()
                    .or_else(|| number("offset"))
                    .expect("an offset"),
            ),
            leader_epoch: LeaderEpoch(number("leader_epoch").unwrap_or(-1) as i32),
            metadata: Some(
                full.and_then(|o| o.get("metadata"))
                    .and_then(Value::as_str)
                    .unwrap_or("")
                    .into(),
            ),
        };
        offsets.insert(tp(partition), offset);
    }
    let mut group = GroupMetadata::of_group(step.str("group").expect("a group").into());
    if let Some(generation) = step.i64("generation") {
        group.generation_id = generation as i32;
        group.member_id = step.str("member").unwrap_or("").into();
    }
    Call::SendOffsetsToTransaction { offsets, group }
}

fn state(producer: &Producer) -> Value {
    let view = producer.view();
    let (mut queued, mut in_flight) = (Map::new(), Map::new());
    for queue in view.queues() {
        let counts = |batches: &[clients::producer::BatchView]| -> Vec<i32> {
            batches.iter().map(|b| b.records).collect()
        };
        if !queue.queued.is_empty() {
            queued.insert(queue.tp.to_string(), json!(counts(&queue.queued)));
        }
        if !queue.in_flight.is_empty() {
            in_flight.insert(queue.tp.to_string(), json!(counts(&queue.in_flight)));
        }
    }
    let mut state =
        json!({"queued": queued, "in_flight": in_flight, "free_memory": view.free_memory()});
    if let Some(txn) = view.transaction_manager() {
        let next: Map<String, Value> = txn
            .next_sequences()
            .filter(|(_, sequence)| sequence.0 != 0)
            .map(|(tp, sequence)| (tp.to_string(), json!(sequence.0)))
            .collect();
        state["txn_state"] = json!(txn.state().name());
        state["producer"] = json!([txn.producer().id.0, txn.producer().epoch.0]);
        state["next_seq"] = json!(next);
    }
    state
}
