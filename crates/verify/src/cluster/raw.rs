//! Requests as raw as they can be: one connection a step, no ApiVersions first.

use super::Player;
use super::records::{batch_out, record_in};
use crate::Step;
use bytes::Bytes;
use protocol::messages::*;
use protocol::record::{CompressionType, RecordBatch, RecordBatchBuilder};
use protocol::{BrokerEpoch, LeaderEpoch, Name, NodeId, Offset, TopicPartition, Uuid};
use serde_json::{Map, Value, json};
use sim::actor::admin::Asked;

const MIB: i64 = 1 << 20;
/// Since these versions topics are named by their ids.
const PRODUCE_BY_ID: i16 = 13;
const FETCH_BY_ID: i16 = 13;
/// What becomes of a connection after a request without an answer is looked at for so long.
const FATE_MS: i64 = 700;
/// An id that is no topic's.
const NO_TOPIC: Uuid = Uuid(0x6e6f_2d73_7563_682d_746f_7069_632d_6964);

impl Player {
    pub(super) fn raw_step(&mut self, step: &Step) -> Result<Value, String> {
        let node = self.broker_of(step)?;
        match step.op.as_str() {
            "raw_produce" => self.raw_produce(step, node),
            "raw_fetch" => self.raw_fetch(step, node),
            "raw_list_offsets" => self.raw_list_offsets(step, node),
            _ => self.raw_offset_for_leader_epoch(step, node),
        }
    }

    fn raw_tp(step: &Step) -> TopicPartition {
        TopicPartition::new(
            step.str("topic").unwrap_or_default(),
            step.i64("partition").unwrap_or(0) as i32,
        )
    }

    /// The id of a topic: as it is now, as it was last, or one that no topic has.
    pub(super) fn topic_id(&mut self, topic: &str) -> Uuid {
        let mut brokers = self.world.brokers();
        let now = brokers.find_map(|b| b.image().topics.topic_named(topic).map(|t| t.id));
        drop(brokers);
        match now {
            Some(id) => {
                self.topic_ids.insert(topic.to_owned(), id);
                id
            }
            None => self.topic_ids.get(topic).copied().unwrap_or(NO_TOPIC),
        }
    }

    /// How a version names a topic: by its name, or by the id that it has or had last.
    fn topic_as(&mut self, topic: &str, by_id: bool) -> (Name, Uuid) {
        if by_id {
            (Name::from(""), self.topic_id(topic))
        } else {
            (topic.into(), Uuid::ZERO)
        }
    }

    fn raw_produce(&mut self, step: &Step, node: NodeId) -> Result<Value, String> {
        let several = step.get("data").as_array().cloned();
        let version = step.i64("version").unwrap_or(12) as i16;
        let acks = step.i64("acks").unwrap_or(-1) as i16;
        let one = json!({
            "topic": step.get("topic"),
            "partition": step.get("partition"),
            "batches": step.get("batches"),
        });
        let asked = several.clone().unwrap_or_else(|| vec![one]);
        let mut topic_data: Vec<(String, TopicProduceData)> = Vec::new();
        for part in &asked {
            let mut all = Vec::new();
            for batch in part["batches"].as_array().into_iter().flatten() {
                all.extend_from_slice(&encode(batch)?);
            }
            let partition = PartitionProduceData {
                index: part["partition"].as_i64().unwrap_or(0) as i32,
                records: Records::one(Bytes::from(all)),
            };
            let topic = part["topic"].as_str().unwrap_or_default();
            match topic_data.iter_mut().find(|(name, _)| name == topic) {
                Some((_, data)) => data.partition_data.push(partition),
                None => {
                    let (name, topic_id) = self.topic_as(topic, version >= PRODUCE_BY_ID);
                    let data = TopicProduceData {
                        name,
                        topic_id,
                        partition_data: vec![partition],
                    };
                    topic_data.push((topic.to_owned(), data));
                }
            }
        }
        let names: Vec<String> = topic_data.iter().map(|(name, _)| name.clone()).collect();
        let request = ProduceRequest {
            transactional_id: step.str("transactional_id").map(Into::into),
            acks,
            timeout_ms: step.i64("timeout_ms").unwrap_or(10_000) as i32,
            topic_data: topic_data.into_iter().map(|(_, data)| data).collect(),
        };
        if acks == 0 {
            let fate = match self.ask_for(FATE_MS, vec![node], version, request.into(), false) {
                Asked::Closed => "connection_closed",
                _ => "no_response",
            };
            return Ok(json!({"fate": fate}));
        }
        let Asked::Answered(Response::Produce(r)) =
            self.ask(vec![node], version, request.into(), false)
        else {
            return Err("no answer".into());
        };
        if several.is_none() {
            let answered = r.responses.first();
            let p = answered.and_then(|t| t.partition_responses.first());
            return Ok(Value::Object(p.map(produced).unwrap_or_default()));
        }
        let mut partitions = Vec::new();
        for (name, topic) in names.iter().zip(&r.responses) {
            for p in &topic.partition_responses {
                let mut out = produced(p);
                out.insert("partition".into(), json!([name, p.index]));
                partitions.push(Value::Object(out));
            }
        }
        partitions.sort_by_key(|p| p["partition"].to_string());
        Ok(json!({"partitions": partitions}))
    }

    fn raw_fetch(&mut self, step: &Step, node: NodeId) -> Result<Value, String> {
        let tp = Self::raw_tp(step);
        let number = |name: &str, default: i64| step.i64(name).unwrap_or(default);
        let session = step.get("session");
        let replica = NodeId(number("replica_id", -1) as i32);
        let partition = FetchPartition {
            partition: tp.partition,
            current_leader_epoch: LeaderEpoch(number("current_leader_epoch", -1) as i32),
            fetch_offset: Offset(number("offset", 0)),
            last_fetched_epoch: LeaderEpoch(number("last_fetched_epoch", -1) as i32),
            partition_max_bytes: number("partition_max_bytes", MIB) as i32,
            ..Default::default()
        };
        let version = number("version", 12) as i16;
        let (topic, topic_id) = self.topic_as(&tp.topic, version >= FETCH_BY_ID);
        let request = FetchRequest {
            replica_id: replica,
            replica_epoch: BrokerEpoch::NONE,
            max_wait_ms: number("max_wait_ms", 0) as i32,
            min_bytes: number("min_bytes", 0) as i32,
            max_bytes: number("max_bytes", MIB) as i32,
            isolation_level: i8::from(step.str("isolation") == Some("read_committed")),
            session_id: session[0].as_i64().unwrap_or(0) as i32,
            session_epoch: session[1].as_i64().unwrap_or(-1) as i32,
            topics: vec![FetchTopic {
                topic,
                topic_id,
                partitions: vec![partition],
            }],
            ..Default::default()
        };
        let Asked::Answered(Response::Fetch(r)) =
            self.ask(vec![node], version, request.into(), false)
        else {
            return Err("no answer".into());
        };
        let mut out = Map::new();
        if !r.error.is_none() {
            out.insert("top_error".into(), json!(r.error.name()));
        }
        let Some(p) = r.responses.first().and_then(|t| t.partitions.first()) else {
            return Ok(Value::Object(out));
        };
        out.insert("error".into(), json!(p.error.name()));
        out.insert("hw".into(), json!(p.high_watermark.0));
        out.insert("lso".into(), json!(p.last_stable_offset.0));
        out.insert("log_start".into(), json!(p.log_start_offset.0));
        if let Some(d) = &p.diverging_epoch {
            out.insert("diverging".into(), json!([d.epoch.0, d.end_offset.0]));
        }
        current_leader(&mut out, &p.current_leader);
        if let Some(aborted) = p.aborted_transactions.as_ref().filter(|a| !a.is_empty()) {
            let pairs = aborted
                .iter()
                .map(|a| json!([self.names.producer(a.producer_id.0), a.first_offset.0]));
            out.insert("aborted".into(), pairs.collect());
        }
        out.insert("bytes".into(), json!(p.records.size_bytes()));
        let mut batches = Vec::new();
        for chunk in &p.records.chunks {
            if let Ok(batch) = RecordBatch::parse(chunk.clone()) {
                batches.push(batch_out(&batch, &mut self.names)?);
            }
        }
        out.insert("batches".into(), json!(batches));
        Ok(Value::Object(out))
    }

    fn raw_list_offsets(&mut self, step: &Step, node: NodeId) -> Result<Value, String> {
        let tp = Self::raw_tp(step);
        let timestamp = step
            .i64("timestamp")
            .or(step.i64("at"))
            .unwrap_or(LATEST_TIMESTAMP);
        let partition = ListOffsetsPartition {
            partition_index: tp.partition,
            current_leader_epoch: LeaderEpoch(step.i64("current_leader_epoch").unwrap_or(-1) as i32),
            timestamp,
        };
        let request = ListOffsetsRequest {
            replica_id: NodeId(step.i64("replica_id").unwrap_or(-1) as i32),
            isolation_level: i8::from(step.str("isolation") == Some("read_committed")),
            topics: vec![ListOffsetsTopic {
                name: tp.topic.clone(),
                partitions: vec![partition],
            }],
            timeout_ms: 30_000,
        };
        let Asked::Answered(Response::ListOffsets(r)) =
            self.ask(vec![node], 9, request.into(), false)
        else {
            return Err("no answer".into());
        };
        let p = &r.topics[0].partitions[0];
        Ok(json!({
            "error": p.error.name(),
            "offset": p.offset.0,
            "timestamp_ms": p.timestamp,
            "leader_epoch": p.leader_epoch.0,
        }))
    }

    fn raw_offset_for_leader_epoch(&mut self, step: &Step, node: NodeId) -> Result<Value, String> {
        let tp = Self::raw_tp(step);
        let partition = OffsetForLeaderPartition {
            partition: tp.partition,
            current_leader_epoch: LeaderEpoch(step.i64("current_leader_epoch").unwrap_or(-1) as i32),
            leader_epoch: LeaderEpoch(step.i64("leader_epoch").unwrap_or(-1) as i32),
        };
        let request = OffsetForLeaderEpochRequest {
            replica_id: NodeId(step.i64("replica_id").unwrap_or(-1) as i32),
            topics: vec![OffsetForLeaderTopic {
                topic: tp.topic.clone(),
                partitions: vec![partition],
            }],
        };
        let Asked::Answered(Response::OffsetForLeaderEpoch(r)) =
            self.ask(vec![node], 4, request.into(), false)
        else {
            return Err("no answer".into());
        };
        let p = &r.topics[0].partitions[0];
        Ok(
            json!({"error": p.error.name(), "leader_epoch": p.leader_epoch.0, "end_offset": p.end_offset.0}),
        )
    }
}

fn produced(p: &PartitionProduceResponse) -> Map<String, Value> {
    let mut out = Map::new();
    out.insert("error".into(), json!(p.error.name()));
    out.insert("base_offset".into(), json!(p.base_offset.0));
    out.insert("log_start".into(), json!(p.log_start_offset.0));
    out.insert("log_append_time".into(), json!(p.log_append_time_ms >= 0));
    if !p.record_errors.is_empty() {
        let indexes = p.record_errors.iter().map(|e| json!(e.batch_index));
        out.insert("record_errors".into(), indexes.collect());
    }
    current_leader(&mut out, &p.current_leader);
    out
}

fn current_leader(out: &mut Map<String, Value>, leader: &LeaderIdAndEpoch) {
    if !leader.leader_id.is_none() {
        out.insert(
            "current_leader".into(),
            json!([leader.leader_id.0, leader.leader_epoch.0]),
        );
    }
}

/// One batch as the case describes it, with its bytes patched if it says so.
fn encode(batch: &Value) -> Result<Vec<u8>, String> {
    let number = |name: &str, default: i64| batch[name].as_i64().unwrap_or(default);
    let compression = batch["compression"].as_str().unwrap_or("none");
    let compression = CompressionType::from_name(compression).ok_or("compression")?;
    let mut builder = RecordBatchBuilder::new(0)
        .compression(compression)
        .producer(
            number("producer", -1),
            number("producer_epoch", -1) as i16,
            number("base_sequence", -1) as i32,
        )
        .transactional(batch["transactional"].as_bool() == Some(true));
    for record in batch["records"].as_array().into_iter().flatten() {
        builder
            .append(&record_in(record))
            .map_err(|e| format!("{e:?}"))?;
    }
    let built = builder
        .build()
        .map_err(|e| format!("{e:?}"))?
        .ok_or("a batch without records")?;
    let mut bytes = built.bytes().to_vec();
    for patch in batch["patch"].as_array().into_iter().flatten() {
        let at = patch["at"].as_u64().ok_or("patch")? as usize;
        let new = hex::decode(patch["hex"].as_str().unwrap_or_default()).ok_or("patch")?;
        bytes[at..at + new.len()].copy_from_slice(&new);
    }
    if batch["fix_crc"].as_bool() == Some(true) {
        let crc = protocol::record::crc32c(&bytes[21..]);
        bytes[17..21].copy_from_slice(&crc.to_be_bytes());
    }
    Ok(bytes)
}
