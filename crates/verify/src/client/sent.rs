//! Requests in the form in which cases show them.

use super::cluster::Topic;
use super::sha256::sha256;
use super::values::{bytes_out, hex};
use protocol::messages::{
    COORDINATOR_GROUP, OffsetCommitRequestTopic, ProduceRequest, Request, TxnOffsetCommitRequest,
};
use protocol::record::RecordBatch;
use protocol::{Name, TopicPartition, Uuid};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

type Topics = BTreeMap<Name, Topic>;

/// The fields of a line of `sent` besides the time; `None` = not shown.
pub fn request(
    request: &Request,
    version: i16,
    node: i32,
    topics: &Topics,
) -> Option<Map<String, Value>> {
    let mut node = json!(node);
    let fields = match request {
        Request::ApiVersions(_) => return None,
        Request::Metadata(r) => {
            node = json!("any");
            let names = r.topics.as_ref().map(|list| {
                let mut names: Vec<Name> = list
                    .iter()
                    .map(|t| {
                        t.name
                            .clone()
                            .unwrap_or_else(|| name_of(t.topic_id, topics))
                    })
                    .collect();
                names.sort();
                names
            });
            json!({"topics": names})
        }
        Request::FindCoordinator(r) => {
            node = json!("any");
            let kind = if r.key_type == COORDINATOR_GROUP {
                "group"
            } else {
                "transaction"
            };
            json!({"type": kind, "key": r.coordinator_keys[0]})
        }
        Request::InitProducerId(r) => {
            if r.transactional_id.is_none() {
                node = json!("any");
            }
            json!({"txn_id": r.transactional_id, "timeout_ms": r.transaction_timeout_ms,
                "pid": r.producer_id.0, "epoch": r.producer_epoch.0})
        }
        Request::Produce(r) => produce(r, version),
        Request::AddPartitionsToTxn(r) => {
            let t = &r.transactions[0];
            let mut partitions: Vec<TopicPartition> = t
                .topics
                .iter()
                .flat_map(|topic| {
                    topic
                        .partitions
                        .iter()
                        .map(|p| TopicPartition::new(topic.name.clone(), *p))
                })
                .collect();
            partitions.sort();
            json!({"v": version, "txn_id": t.transactional_id, "pid": t.producer_id.0, "epoch": t.producer_epoch.0,
                "partitions": texts(&partitions)})
        }
        Request::AddOffsetsToTxn(r) => json!({"txn_id": r.transactional_id, "pid": r.producer_id.0,
            "epoch": r.producer_epoch.0, "group": r.group_id}),
        Request::TxnOffsetCommit(r) => txn_offset_commit(r, version),
        Request::EndTxn(r) => {
            json!({"v": version, "txn_id": r.transactional_id, "pid": r.producer_id.0,
            "epoch": r.producer_epoch.0, "commit": r.committed})
        }
        other => super::sent_consumer::request(other, topics),
    };
    let Value::Object(fields) = fields else {
        unreachable!("json! made an object")
    };
    let mut line = Map::new();
    line.insert("api".into(), json!(request.api().name()));
    line.insert("node".into(), node);
    line.extend(fields);
    Some(line)
}

pub fn texts(partitions: &[TopicPartition]) -> Vec<String> {
    partitions.iter().map(ToString::to_string).collect()
}

pub fn name_of(id: Uuid, topics: &Topics) -> Name {
    topics
        .iter()
        .find(|(_, t)| t.id == id)
        .map_or_else(|| id.to_string().into(), |(name, _)| name.clone())
}

fn produce(r: &ProduceRequest, version: i16) -> Value {
    let mut batches = Vec::new();
    for topic in &r.topic_data {
        for partition in &topic.partition_data {
            let batch = RecordBatch::parse(partition.records.concat()).expect("one whole batch");
            batches.push(produce_batch(
                &TopicPartition::new(topic.name.clone(), partition.index),
                &batch,
            ));
        }
    }
    let mut line =
        json!({"v": version, "acks": r.acks, "timeout_ms": r.timeout_ms, "batches": batches});
    if let Some(id) = &r.transactional_id {
        line["txn_id"] = json!(id);
    }
    line
}

fn produce_batch(tp: &TopicPartition, batch: &RecordBatch) -> Value {
    let mut line = json!({"tp": tp.to_string(), "count": batch.record_count()});
    if batch.has_producer_id() {
        line["pid"] = json!(batch.producer_id());
        line["epoch"] = json!(batch.producer_epoch());
        line["seq"] = json!(batch.base_sequence());
    }
    if batch.is_transactional() {
        line["transactional"] = json!(true);
    }
    let records: Vec<Value> = batch
        .records()
        .expect("readable")
        .take(12)
        .map(|record| {
            let record = record.expect("readable");
            let mut line = json!({"key": bytes_out(record.key.as_ref()), "value": bytes_out(record.value.as_ref()),
                "timestamp_ms": record.timestamp});
            if !record.headers.is_empty() {
                let headers: Vec<Value> = record
                    .headers
                    .iter()
                    .map(|h| json!([bytes_out(Some(&h.key)), bytes_out(h.value.as_ref())]))
                    .collect();
                line["headers"] = json!(headers);
            }
            line
        })
        .collect();
    line["records"] = json!(records);
    if !batch.is_compressed() {
        let bytes = batch.bytes();
        line["bytes"] = json!(bytes.len());
        if bytes.len() <= 1024 {
            line["hex"] = json!(hex(bytes));
        } else {
            line["sha256"] = json!(sha256(bytes));
        }
    }
    line
}

/// Offsets by partition, as commits show them.
pub fn offsets(topics: &[OffsetCommitRequestTopic], known: &Topics) -> Value {
    let mut all = Map::new();
    for topic in topics {
        let name = if topic.name.is_empty() {
            name_of(topic.topic_id, known)
        } else {
            topic.name.clone()
        };
        for p in &topic.partitions {
            all.insert(
                format!("{name}-{}", p.partition_index),
                json!({"offset": p.committed_offset.0, "leader_epoch": p.committed_leader_epoch.0,
                    "metadata": p.committed_metadata}),
            );
        }
    }
    Value::Object(all)
}

fn txn_offset_commit(r: &TxnOffsetCommitRequest, version: i16) -> Value {
    json!({"v": version, "txn_id": r.transactional_id, "group": r.group_id, "pid": r.producer_id.0,
        "epoch": r.producer_epoch.0, "generation": r.generation_id, "member": r.member_id,
        "instance": r.group_instance_id, "offsets": offsets(&r.topics, &BTreeMap::new())})
}
