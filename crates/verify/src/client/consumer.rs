//! The driver of consumer cases.

use super::cluster::Cluster;
use super::values::{bytes_out, tp, tps};
use crate::run::Played;
use crate::{Case, Outcome, Step, compare, play_steps};
use clients::consumer::{
    CallResult, CallbackKind, CommitOffset, Consumer, ConsumerCall, ConsumerEvent, Fetched,
    ListenerAction, Membership, OffsetAndMetadata, RebalanceListener,
};
use clients::error::ClientError;
use clients::producer::CallId;
use protocol::ctx::NoChance;
use protocol::trace::Deaf;
use protocol::{Ctx, Instant, LeaderEpoch, Offset, Protections, TopicPartition};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

struct Player {
    consumer: Option<Consumer>,
    cluster: Cluster,
    start_ms: i64,
    now: Instant,
    names: Vec<String>,
    ops: Vec<String>,
    app: Vec<Value>,
    state: Value,
}

pub fn play(case: &Case) -> Outcome {
    let start_ms = case.init["now_ms"].as_i64().unwrap_or(1_700_000_000_000);
    let mut player = Player {
        consumer: None,
        cluster: Cluster::new(&case.init),
        start_ms,
        now: Instant::from_ms(start_ms),
        names: Vec::new(),
        ops: Vec::new(),
        app: Vec::new(),
        state: Value::Null,
    };
    play_steps(case, &compare, |step| {
        Played::Answer(player.step(step, case))
    })
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
            "wakeup" => {
                if let Some(consumer) = &mut self.consumer {
                    consumer.wakeup();
                }
                // It runs beside the call that it ends.
                let t = self.now.ms() - self.start_ms;
                let name = step.str("id").unwrap_or("wakeup");
                self.app.push(json!({"t": t, "returned": name}));
            }
            _ => self.call(step),
        }
        self.settle();
        self.answer()
    }

    fn start(&mut self, case: &Case) {
        let pairs = case.config.iter().map(|(k, v)| (k.as_str(), v.as_str()));
        match Consumer::new(pairs, vec![self.cluster.bootstrap()], self.now) {
            Ok(consumer) => self.consumer = Some(consumer),
            Err(_) => self
                .app
                .push(json!({"t": 0, "thrown": "start", "error": "ConfigException"})),
        }
    }

    fn advance(&mut self, ms: i64) {
        let end = self.now.after_ms(ms);
        while let Some(wake) = self.settle().filter(|wake| *wake <= end) {
            self.now = wake;
        }
        self.now = end;
    }

    fn settle(&mut self) -> Option<Instant> {
        loop {
            let t = self.now.ms() - self.start_ms;
            let consumer = self.consumer.as_mut()?;
            for input in self.cluster.take_inputs() {
                consumer.handle(input);
            }
            let mut ctx = Ctx {
                now: self.now,
                protections: Protections::default(),
                draws: &mut NoChance,
                trace: &mut Deaf,
            };
            let wake = consumer.poll(&mut ctx);
            let ended = consumer.is_closed();
            for output in consumer.take_outputs() {
                self.cluster.take(output, t, ended);
            }
            let events = consumer.take_events();
            let due = consumer.is_due(self.now);
            for event in events {
                self.event(event, t);
            }
            if !due && !self.cluster.has_inputs() {
                return wake.filter(|at| *at > self.now);
            }
        }
    }

    fn event(&mut self, event: ConsumerEvent, t: i64) {
        let name = |call: CallId| self.names[call.0 as usize].clone();
        let line = match event {
            ConsumerEvent::Returned { call, result } => {
                let mut line = json!({"t": t, "returned": name(call)});
                put_result(&mut line, &result, &self.ops[call.0 as usize]);
                line
            }
            ConsumerEvent::Thrown { call, error } => {
                with_error(json!({"t": t, "thrown": name(call)}), Some(&error))
            }
            ConsumerEvent::Rebalance { kind, partitions } => {
                let texts: Vec<String> = partitions.iter().map(ToString::to_string).collect();
                json!({"t": t, "callback": callback_name(kind), "partitions": texts})
            }
            ConsumerEvent::Committed {
                call,
                offsets,
                error,
            } => {
                let offsets: Map<String, Value> = offsets
                    .iter()
                    .map(|(tp, o)| (tp.to_string(), json!(o.offset.0)))
                    .collect();
                with_error(
                    json!({"t": t, "committed": name(call), "offsets": offsets}),
                    error.as_ref(),
                )
            }
            ConsumerEvent::CommitInCallback { kind, error } => with_error(
                json!({"t": t, "commit_in_callback": callback_name(kind)}),
                error.as_ref(),
            ),
        };
        self.app.push(line);
    }

    fn call(&mut self, step: &Step) {
        let partitions = || tps(step.get("partitions"));
        let call = match step.op.as_str() {
            "subscribe" => subscribe(step),
            "assign" => ConsumerCall::Assign(partitions()),
            "unsubscribe" => ConsumerCall::Unsubscribe,
            "poll" => ConsumerCall::Poll {
                timeout_ms: step.i64("timeout_ms").expect("a timeout"),
            },
            "commit_sync" => ConsumerCall::CommitSync {
                offsets: offsets(step),
                timeout_ms: step.i64("timeout_ms"),
            },
            "commit_async" => ConsumerCall::CommitAsync {
                offsets: offsets(step),
            },
            "seek" => ConsumerCall::Seek {
                tp: tp(step.str("tp").expect("a partition")),
                offset: Offset(step.i64("offset").expect("an offset")),
                leader_epoch: step.i64("leader_epoch").map(|e| LeaderEpoch(e as i32)),
            },
            "seek_to_beginning" => ConsumerCall::SeekToBeginning(partitions()),
            "seek_to_end" => ConsumerCall::SeekToEnd(partitions()),
            "pause" => ConsumerCall::Pause(partitions()),
            "resume" => ConsumerCall::Resume(partitions()),
            "position" => ConsumerCall::Position(tp(step.str("tp").expect("a partition"))),
            "committed" => ConsumerCall::Committed(partitions().into_iter().collect()),
            "end_offsets" => ConsumerCall::EndOffsets(partitions()),
            "beginning_offsets" => ConsumerCall::BeginningOffsets(partitions()),
            "offsets_for_times" => ConsumerCall::OffsetsForTimes(
                step.get("times")
                    .as_object()
                    .expect("times")
                    .iter()
                    .map(|(text, ms)| (tp(text), ms.as_i64().expect("a time")))
                    .collect(),
            ),
            "current_lag" => ConsumerCall::CurrentLag(tp(step.str("tp").expect("a partition"))),
            "enforce_rebalance" => ConsumerCall::EnforceRebalance,
            "close" => ConsumerCall::Close {
                timeout_ms: step.i64("timeout_ms"),
                membership: match step.str("membership") {
                    Some("LEAVE_GROUP") => Membership::LeaveGroup,
                    Some("REMAIN_IN_GROUP") => Membership::RemainInGroup,
                    _ => Membership::Default,
                },
            },
            other => panic!("no consumer call is named {other}"),
        };
        let id = CallId(self.names.len() as u64);
        self.names
            .push(step.str("id").unwrap_or(&step.op).to_owned());
        let mut op = step.op.clone();
        if let Some(times) = step.get("times").as_object() {
            op = format!(
                "{op} {}",
                times.keys().cloned().collect::<Vec<_>>().join(" ")
            );
        }
        self.ops.push(op);
        if let Some(consumer) = &mut self.consumer {
            consumer.call(id, call);
        }
    }

    fn answer(&mut self) -> Value {
        let mut ours = Map::new();
        if !self.cluster.sent.is_empty() {
            ours.insert("sent".into(), json!(self.cluster.sent));
        }
        if !self.app.is_empty() {
            ours.insert("app".into(), json!(self.app));
        }
        let Some(consumer) = &self.consumer else {
            return Value::Object(ours);
        };
        if let Some(call) = consumer.view().blocked() {
            ours.insert("blocked".into(), json!([self.names[call.0 as usize]]));
        }
        let state = state(consumer);
        if state != self.state {
            self.state = state.clone();
            ours.insert("state".into(), state);
        }
        Value::Object(ours)
    }
}

fn callback_name(kind: CallbackKind) -> &'static str {
    match kind {
        CallbackKind::Revoked => "revoked",
        CallbackKind::Assigned => "assigned",
        CallbackKind::Lost => "lost",
    }
}

fn with_error(mut line: Value, error: Option<&ClientError>) -> Value {
    if let Some(error) = error {
        line["error"] = json!(error.name());
        if let Some(cause) = error.cause {
            line["cause"] = json!(cause.name());
        }
    }
    line
}

fn subscribe(step: &Step) -> ConsumerCall {
    let action = |name: &str| match step.get("listener")[name].as_str() {
        Some("throw") => ListenerAction::Throw,
        Some("commit_sync") => ListenerAction::CommitSync,
        _ => ListenerAction::Nothing,
    };
    let listener = RebalanceListener {
        revoked: action("revoked"),
        assigned: action("assigned"),
        lost: action("lost"),
    };
    if let Some(pattern) = step.str("regex") {
        return ConsumerCall::SubscribePattern {
            pattern: pattern.into(),
            listener,
        };
    }
    let topics = step.get("topics").as_array().into_iter().flatten();
    ConsumerCall::Subscribe {
        topics: topics
            .map(|t| t.as_str().expect("a topic").into())
            .collect(),
        listener,
    }
}

fn offsets(step: &Step) -> Option<BTreeMap<TopicPartition, CommitOffset>> {
    let given = step.get("offsets").as_object()?;
    let offset = |value: &Value| OffsetAndMetadata {
        offset: Offset(
            value
                .as_i64()
                .or_else(|| value["offset"].as_i64())
                .expect("an offset"),
        ),
        leader_epoch: value["leader_epoch"]
            .as_i64()
            .map(|e| LeaderEpoch(e as i32)),
        metadata: value["metadata"].as_str().unwrap_or("").into(),
    };
    Some(
        given
            .iter()
            .map(|(text, value)| (tp(text), offset(value)))
            .collect(),
    )
}

fn put_records(line: &mut Value, fetched: &Fetched) {
    let mut records = Map::new();
    for (tp, list) in &fetched.records {
        let rows: Vec<Value> = list
            .iter()
            .map(|r| {
                json!([
                    r.record.offset,
                    bytes_out(r.record.key.as_ref()),
                    bytes_out(r.record.value.as_ref()),
                    r.leader_epoch.map(|e| e.0)
                ])
            })
            .collect();
        let shown = if rows.len() > 12 {
            json!({"count": rows.len(), "first": rows[0], "last": rows[rows.len() - 1]})
        } else {
            json!(rows)
        };
        records.insert(tp.to_string(), shown);
    }
    let next: Map<String, Value> = fetched
        .next_offsets
        .iter()
        .map(|(tp, o)| (tp.to_string(), json!(o.offset.0)))
        .collect();
    line["count"] = json!(fetched.count());
    line["records"] = json!(records);
    line["next_offsets"] = json!(next);
}

fn put_result(line: &mut Value, result: &CallResult, op: &str) {
    match result {
        CallResult::Nothing => {}
        CallResult::Records(fetched) => put_records(line, fetched),
        CallResult::Position(offset) => line["position"] = json!(offset.0),
        CallResult::Lag(lag) => line["lag"] = json!(lag),
        CallResult::Committed(offsets) => {
            let shown = |o: &Option<OffsetAndMetadata>| match o {
                None => Value::Null,
                Some(o) if o.leader_epoch.is_none() && o.metadata.is_empty() => json!(o.offset.0),
                Some(o) => {
                    json!({"offset": o.offset.0, "leader_epoch": o.leader_epoch.map_or(-1, |e| e.0), "metadata": o.metadata})
                }
            };
            let offsets: Map<String, Value> = offsets
                .iter()
                .map(|(tp, o)| (tp.to_string(), shown(o)))
                .collect();
            line["offsets"] = json!(offsets);
        }
        CallResult::Offsets(found) => {
            let mut offsets = Map::new();
            let mut words = op.split(' ');
            let times = words.next() == Some("offsets_for_times");
            // Partitions without an answer are shown as null.
            for text in words {
                offsets.insert(text.to_owned(), Value::Null);
            }
            for (tp, f) in found {
                let shown = if times {
                    json!([f.offset.0, f.timestamp])
                } else {
                    json!(f.offset.0)
                };
                offsets.insert(tp.to_string(), shown);
            }
            line["offsets"] = json!(offsets);
        }
    }
}

fn state(consumer: &Consumer) -> Value {
    let view = consumer.view();
    let mut assignment = Map::new();
    for (tp, s) in view.subscriptions().assigned() {
        let mut line = json!({"fetch_state": s.fetch_state.name()});
        if let Some(p) = s.position {
            line["position"] = json!(p.offset.0);
            if let Some(epoch) = p.offset_epoch {
                line["offset_epoch"] = json!(epoch.0);
            }
            if let Some(leader) = p.leader.leader {
                line["leader"] = json!(leader.0);
            }
            if let Some(epoch) = p.leader.epoch {
                line["leader_epoch"] = json!(epoch.0);
            }
        }
        for (name, on) in [
            ("paused", s.paused),
            ("pending_revocation", s.pending_revocation),
            ("pending_assigned_callback", s.pending_assigned_callback),
        ] {
            if on {
                line[name] = json!(true);
            }
        }
        assignment.insert(tp.to_string(), line);
    }
    let mut state = json!({"assignment": assignment});
    if let Some(group) = view.group() {
        state["group"] = json!({"state": group.state.name(), "generation": group.generation.id,
            "member": group.generation.member_id, "rejoin_needed": group.rejoin_needed,
            "coordinator": group.node.map(|n| n.0)});
    }
    state
}
