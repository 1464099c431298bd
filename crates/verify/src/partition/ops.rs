//! The operations of the cases, each as calls of the replica managers.

use super::{World, setup, words};
use crate::case::Step;
use broker::alter_partition::LeaderAndIsr;
use broker::fetcher::{
    FetcherRequest, LookupKind, ReplicaFetch, ReplicaFetchAnswer, ReplicaLookup,
};
use broker::partition::{FetchIsolation, OffsetAndEpoch};
use broker::replica_manager::{
    ClientMetadata, FetchInfo, FetchParams, FetchPartitionData, ProduceEntry, Response,
};
use broker::view::{PartitionRegistration, RegisteredPartition, TopicsDelta};
use bytes::Bytes;
use log::AppendOrigin;
use protocol::messages::Records;
use protocol::record::{EndTransactionMarker, end_transaction_marker};
use protocol::{BrokerEpoch, ErrorCode, Instant, LeaderEpoch, NodeId, Offset, PartitionEpoch};
use serde_json::{Value, json};
use std::sync::Arc;

fn node(value: &Value) -> NodeId {
    NodeId(value.as_i64().expect("an id") as i32)
}

fn nodes(value: &Value) -> Vec<NodeId> {
    value
        .as_array()
        .map(|ids| ids.iter().map(node).collect())
        .unwrap_or_default()
}

fn epoch(value: &Value) -> Option<LeaderEpoch> {
    value.as_i64().map(|epoch| LeaderEpoch(epoch as i32))
}

fn isolation(value: &Value) -> Option<FetchIsolation> {
    match value.as_str()? {
        "read_uncommitted" => Some(FetchIsolation::HighWatermark),
        "read_committed" => Some(FetchIsolation::TxnCommitted),
        other => panic!("an isolation of the recorded cases, not {other}"),
    }
}

impl World {
    pub(super) fn run(&mut self, step: &Step) {
        match step.op.as_str() {
            "metadata" => self.metadata(step),
            "cluster" => self.cluster(step),
            "produce" => self.produce(step),
            "marker" => self.marker(step),
            "fetch" => self.fetch(step),
            "maybe_shrink_isr" => {
                self.with(broker(step), |replicas, ctx| replicas.maybe_shrink_isr(ctx))
            }
            "alter_partition_answer" => self.alter_partition_answer(step),
            "replicate" => self.replicate(step),
            "delete_records" => self.delete_records(step),
            "offset_for_leader_epoch" => self.offset_for_leader_epoch(step),
            "list_offsets" => self.list_offsets(step),
            "truncate" => {
                let (tp, offset) = (
                    self.tp.clone(),
                    Offset(step.i64("offset").expect("an offset")),
                );
                self.with(broker(step), |replicas, ctx| {
                    replicas.truncate_to(&tp, offset, ctx)
                })
                .expect("a hosted log");
            }
            "checkpoint_hw" => {
                let now = self.now;
                self.with(broker(step), |replicas, _| {
                    replicas.checkpoint_high_watermarks(now)
                });
            }
            "restart" => self.restart(step),
            "advance" => self.advance(step.i64("ms").expect("a length")),
            other => panic!("an operation of the recorded cases, not {other}"),
        }
    }

    fn targets(&self, step: &Step) -> Vec<NodeId> {
        if step.has("brokers") {
            nodes(step.get("brokers"))
        } else {
            self.brokers.keys().copied().collect()
        }
    }

    fn metadata(&mut self, step: &Step) {
        let registration = PartitionRegistration {
            leader: node(step.get("leader")),
            leader_epoch: epoch(step.get("leader_epoch")).expect("an epoch"),
            partition_epoch: PartitionEpoch(step.i64("partition_epoch").expect("an epoch") as i32),
            replicas: nodes(step.get("replicas")),
            isr: nodes(step.get("isr")),
            adding_replicas: nodes(step.get("adding")),
            removing_replicas: nodes(step.get("removing")),
        };
        let registered = RegisteredPartition {
            topic_id: setup::TOPIC_ID,
            registration: Arc::new(registration),
        };
        let delta = TopicsDelta {
            deleted: Vec::new(),
            changed: vec![(self.tp.clone(), registered)],
        };
        for id in self.targets(step) {
            self.with(id, |replicas, ctx| replicas.apply_delta(&delta, ctx));
        }
    }

    fn cluster(&mut self, step: &Step) {
        for id in self.targets(step) {
            let replicas = &mut self.brokers.get_mut(&id).expect("a live broker").replicas;
            for mut registration in setup::registrations(step.get("registrations")) {
                if registration.id == id {
                    replicas.set_broker_epoch(registration.epoch);
                }
                // A rack is told once, at the start.
                registration.rack = replicas
                    .metadata()
                    .broker(registration.id)
                    .and_then(|b| b.rack.clone());
                replicas.metadata_mut().register_broker(registration);
            }
        }
    }

    fn produce(&mut self, step: &Step) {
        let records = words::batch(step.get("records"), 0, |builder| {
            match step.i64("producer_id") {
                None => builder,
                Some(id) => {
                    let epoch = step.i64("producer_epoch").expect("an epoch") as i16;
                    let sequence = step.i64("base_sequence").expect("a sequence") as i32;
                    builder
                        .producer(id, epoch, sequence)
                        .transactional(step.bool("transactional").unwrap_or(false))
                }
            }
        });
        self.append(step, records, AppendOrigin::Client);
    }

    fn marker(&mut self, step: &Step) {
        let marker = EndTransactionMarker {
            commit: step.str("result") == Some("COMMIT"),
            coordinator_epoch: step.i64("coordinator_epoch").expect("an epoch") as i32,
        };
        let producer_id = step.i64("producer_id").expect("an id");
        let producer_epoch = step.i64("producer_epoch").expect("an epoch") as i16;
        let batch =
            end_transaction_marker(0, self.now.ms(), -1, producer_id, producer_epoch, marker);
        self.append(step, batch.into_bytes(), AppendOrigin::Coordinator);
    }

    fn append(&mut self, step: &Step, records: Bytes, origin: AppendOrigin) {
        let token = self.named_token(step);
        let acks = step.i64("acks").expect("acks") as i16;
        let timeout_ms = step.i64("timeout_ms").expect("a time-out");
        let entries = vec![ProduceEntry {
            topic_partition: self.tp.clone(),
            records: Records::one(records),
            guard: None,
            // The recorded markers are of transaction version 1.
            transaction_version: 1,
        }];
        self.with(broker(step), |replicas, ctx| {
            replicas.append_records(token, timeout_ms, acks, false, origin, entries, ctx);
        });
    }

    fn fetch(&mut self, step: &Step) {
        let token = self.named_token(step);
        let replica = node(step.get("replica"));
        let follower = !replica.is_none();
        let size = |name: &str, absent: i64| step.i64(name).unwrap_or(absent) as usize;
        let params = FetchParams {
            replica: follower
                .then(|| (replica, BrokerEpoch(step.i64("broker_epoch").unwrap_or(-1)))),
            max_wait_ms: step.i64("max_wait_ms").expect("a wait"),
            min_bytes: step.i64("min_bytes").expect("a minimum"),
            max_bytes: size("max_bytes", 10_485_760),
            isolation: isolation(step.get("isolation")).unwrap_or(FetchIsolation::LogEnd),
            client_metadata: (!follower).then(|| ClientMetadata {
                rack: step.str("rack").map(Into::into),
                client_id: None,
            }),
        };
        let info = FetchInfo {
            topic_partition: self.tp.clone(),
            topic_id: setup::TOPIC_ID,
            fetch_offset: Offset(step.i64("offset").expect("an offset")),
            log_start_offset: Offset(step.i64("log_start").unwrap_or(-1)),
            max_bytes: size("partition_max_bytes", 1_048_576),
            current_leader_epoch: epoch(step.get("leader_epoch")),
            last_fetched_epoch: epoch(step.get("last_fetched_epoch")),
        };
        self.with(broker(step), |replicas, ctx| {
            replicas.fetch_messages(token, params, vec![info], ctx)
        });
    }

    fn alter_partition_answer(&mut self, step: &Step) {
        let id = broker(step);
        let Some(item) = self
            .brokers
            .get_mut(&id)
            .expect("a live broker")
            .unanswered
            .pop_front()
        else {
            return;
        };
        let result = match words::error(step.get("error")) {
            Some(error) => Err(error),
            None => Ok(LeaderAndIsr {
                leader: if step.has("leader") {
                    node(step.get("leader"))
                } else {
                    id
                },
                leader_epoch: epoch(step.get("leader_epoch")).unwrap_or(item.leader_epoch),
                isr: nodes(step.get("isr")),
                partition_epoch: PartitionEpoch(
                    step.i64("partition_epoch").expect("an epoch") as i32
                ),
            }),
        };
        self.with(id, |replicas, ctx| {
            replicas.alter_partition_answered(item.id, result, ctx)
        });
    }

    fn delete_records(&mut self, step: &Step) {
        let token = self.named_token(step);
        let offset = Offset(step.i64("offset").expect("an offset"));
        let timeout_ms = step.i64("timeout_ms").expect("a time-out");
        let offsets = vec![(self.tp.clone(), offset)];
        self.with(broker(step), |replicas, ctx| {
            replicas.delete_records(token, timeout_ms, offsets, ctx)
        });
    }

    fn offset_for_leader_epoch(&mut self, step: &Step) {
        let (tp, current) = (self.tp.clone(), epoch(step.get("current_leader_epoch")));
        let asked = epoch(step.get("leader_epoch")).expect("an epoch");
        let answer = self.with(broker(step), |replicas, ctx| {
            replicas.last_offset_for_leader_epoch(&tp, current, asked, ctx)
        });
        let (error, end) = match answer {
            Ok(end) => (ErrorCode::None, end),
            Err(error) => (error, OffsetAndEpoch::UNDEFINED),
        };
        let result =
            json!({"error": error.name(), "epoch": end.epoch, "end_offset": end.end_offset});
        self.out.other.insert("result".into(), result);
    }

    fn list_offsets(&mut self, step: &Step) {
        let (tp, current) = (self.tp.clone(), epoch(step.get("current_leader_epoch")));
        let timestamp_ms = step.i64("timestamp").expect("a timestamp");
        let only_from_leader = step.bool("from_leader").expect("who is asked");
        let asks = isolation(step.get("isolation"));
        let answer = self.with(broker(step), |replicas, ctx| {
            replicas.fetch_offset_for_timestamp(
                &tp,
                timestamp_ms,
                asks,
                current,
                only_from_leader,
                ctx,
            )
        });
        let result = match answer {
            Err(error) => json!({"error": error.name()}),
            Ok(None) => {
                json!({"error": "NONE", "offset": -1, "timestamp_ms": -1, "leader_epoch": null})
            }
            Ok(Some(found)) => {
                json!({"error": "NONE", "offset": found.offset, "timestamp_ms": found.timestamp_ms,
                "leader_epoch": found.leader_epoch})
            }
        };
        self.out.other.insert("result".into(), result);
    }

    fn restart(&mut self, step: &Step) {
        let id = broker(step);
        let registrations = setup::registrations(step.get("registrations"));
        let mut broker = self.brokers.remove(&id).expect("a live broker");
        let logs = self
            .setup
            .reopen(broker.replicas.shutdown(self.now), self.now);
        broker.replicas = self.start(id, logs, &registrations);
        broker.unanswered.clear();
        self.brokers.insert(id, broker);
    }

    /// Every timer fires at its own instant.
    fn advance(&mut self, ms: i64) {
        let target = self.now.after_ms(ms);
        let due = |world: &Self| {
            world
                .brokers
                .values()
                .filter_map(|b| b.replicas.purgatory().next_due())
                .min()
        };
        while let Some(at) = due(self).filter(|at| *at <= target) {
            self.now = at.max(self.now);
            for id in self.brokers.keys().copied().collect::<Vec<_>>() {
                self.with(id, |_, _| ());
            }
        }
        self.now = Instant::from_ms(target.ms());
    }

    fn replicate(&mut self, step: &Step) {
        let id = broker(step);
        let Some((leader, _)) = self.brokers[&id].replicas.fetchers().fetch_state(&self.tp) else {
            self.out.other.insert("idle".into(), true.into());
            return;
        };
        let request = self.with(id, |replicas, ctx| replicas.poll_fetcher(leader, ctx));
        let Some(FetcherRequest::Fetch(fetch)) = request else {
            panic!("a fetcher that is ready fetches")
        };
        self.out
            .other
            .insert("request".into(), words::replica_fetch(&fetch));
        let answer = self.answer_fetch(step, &fetch);
        for before in step.get("before_response").as_array().into_iter().flatten() {
            self.run(&nested(before));
        }
        // Every recorded fetch is full and without a session.
        let answer = answer.map(|data| ReplicaFetchAnswer {
            partitions: vec![(self.tp.clone(), data)],
            ..ReplicaFetchAnswer::default()
        });
        self.with(id, |replicas, ctx| {
            replicas.on_replica_fetch_response(leader, fetch.id, answer, ctx)
        });
        let mut lookups = Vec::new();
        while self.brokers[&id]
            .replicas
            .fetchers()
            .thread(leader)
            .is_some_and(|t| t.has_lookup())
        {
            let request = self.with(id, |replicas, ctx| replicas.poll_fetcher(leader, ctx));
            let Some(FetcherRequest::Lookup(lookup)) = request else {
                panic!("a question is asked first")
            };
            let answer = self.answer_lookup(step, &lookup);
            lookups.push(words::lookup(lookup.kind, answer));
            self.with(id, |replicas, ctx| {
                replicas.on_replica_lookup_response(leader, lookup.id, answer, ctx)
            });
        }
        if !lookups.is_empty() {
            self.out.other.insert("lookups".into(), lookups.into());
        }
    }

    /// The scripted answer, or that of the live leader; nothing when it does not run.
    fn answer_fetch(&mut self, step: &Step, fetch: &ReplicaFetch) -> Option<FetchPartitionData> {
        if step.has("response") {
            return Some(scripted(step.get("response")));
        }
        if !self.brokers.contains_key(&fetch.leader) {
            self.out.other.insert("disconnected".into(), true.into());
            return None;
        }
        let token = self.token();
        let part = &fetch.partitions[0];
        let params = FetchParams {
            replica: Some((fetch.replica, fetch.replica_epoch)),
            max_wait_ms: 0,
            min_bytes: i64::from(fetch.min_bytes),
            max_bytes: fetch.max_bytes as usize,
            isolation: FetchIsolation::LogEnd,
            client_metadata: None,
        };
        let info = FetchInfo {
            topic_partition: part.topic_partition.clone(),
            topic_id: part.topic_id,
            fetch_offset: part.fetch_offset,
            log_start_offset: part.log_start_offset,
            max_bytes: part.max_bytes as usize,
            current_leader_epoch: Some(part.current_leader_epoch),
            last_fetched_epoch: part.last_fetched_epoch,
        };
        self.with(fetch.leader, |replicas, ctx| {
            replicas.fetch_messages(token, params, vec![info], ctx)
        });
        let Some(Response::Fetch(mut parts)) = self.replica_answers.remove(&token) else {
            panic!("a fetch that does not wait is answered")
        };
        let data = parts.remove(0).1;
        self.out
            .other
            .insert("response".into(), words::fetched(&data).into());
        Some(data)
    }

    fn answer_lookup(&mut self, step: &Step, lookup: &ReplicaLookup) -> Result<Offset, ErrorCode> {
        let (name, timestamp_ms) = match lookup.kind {
            LookupKind::Latest => ("latest", -1),
            LookupKind::Earliest => ("earliest", -2),
        };
        if step.has("response") {
            let answer = &step.get("list_offsets")[name];
            return match words::error(&answer["error"]) {
                Some(error) => Err(error),
                None => Ok(Offset(answer["offset"].as_i64().expect("an offset"))),
            };
        }
        let (tp, epoch) = (self.tp.clone(), Some(lookup.current_leader_epoch));
        let found = self.with(lookup.leader, |replicas, ctx| {
            replicas.fetch_offset_for_timestamp(&tp, timestamp_ms, None, epoch, true, ctx)
        })?;
        Ok(found.expect("a log has a start and an end").offset)
    }
}

fn broker(step: &Step) -> NodeId {
    node(step.get("broker"))
}

fn nested(value: &Value) -> Step {
    let mut input = value.as_object().expect("a step").clone();
    let op = input
        .remove("op")
        .and_then(|op| op.as_str().map(str::to_owned))
        .expect("an op");
    Step {
        partition_order: Vec::new(),
        op,
        input,
        expect: Value::Null,
    }
}

fn scripted(response: &Value) -> FetchPartitionData {
    if let Some(error) = words::error(&response["error"]).filter(|e| *e != ErrorCode::None) {
        return FetchPartitionData::error(error);
    }
    let offset = |name: &str| Offset(response[name].as_i64().unwrap_or(-1));
    let mut records = Records::default();
    for batch in response["batches"].as_array().into_iter().flatten() {
        let base_offset = batch["base_offset"].as_i64().expect("a base offset");
        let epoch = batch["leader_epoch"].as_i64().expect("an epoch") as i32;
        let bytes = words::batch(&batch["records"], base_offset, |builder| {
            let builder = builder.partition_leader_epoch(epoch);
            match batch["producer_id"].as_i64() {
                None => builder,
                Some(id) => builder
                    .producer(
                        id,
                        batch["producer_epoch"].as_i64().expect("an epoch") as i16,
                        batch["base_sequence"].as_i64().expect("a sequence") as i32,
                    )
                    .transactional(batch["transactional"].as_bool().unwrap_or(false)),
            }
        });
        records.chunks.push(bytes);
    }
    let diverging = &response["diverging_epoch"];
    FetchPartitionData {
        high_watermark: offset("hw"),
        log_start_offset: offset("log_start"),
        records,
        diverging_epoch: diverging.is_object().then(|| OffsetAndEpoch {
            epoch: epoch(&diverging["epoch"]).expect("an epoch"),
            end_offset: Offset(diverging["end_offset"].as_i64().expect("an offset")),
        }),
        ..FetchPartitionData::error(ErrorCode::None)
    }
}
