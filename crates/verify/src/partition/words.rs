//! Answers and requests in the words of the recorded cases.

use broker::alter_partition::AlterPartitionItem;
use broker::fetcher::{LookupKind, ReplicaFetch};
use broker::replica_manager::{FetchPartitionData, Response};
use bytes::Bytes;
use protocol::record::{Batches, RecordBatchBuilder, SimpleRecord};
use protocol::{ErrorCode, NodeId, Offset};
use serde_json::{Map, Value, json};

/// Records of a step as one batch that starts at `base_offset`.
pub fn batch(
    records: &Value,
    base_offset: i64,
    shape: impl FnOnce(RecordBatchBuilder) -> RecordBatchBuilder,
) -> Bytes {
    let mut builder = shape(RecordBatchBuilder::new(base_offset));
    let bytes = |v: &Value| {
        v.as_str()
            .map(|text| Bytes::copy_from_slice(text.as_bytes()))
    };
    for record in records.as_array().expect("records") {
        let record = SimpleRecord {
            timestamp: record["timestamp_ms"].as_i64().expect("a timestamp"),
            key: bytes(&record["key"]),
            value: bytes(&record["value"]),
            headers: Vec::new(),
        };
        builder.append(&record).expect("a record that fits");
    }
    builder
        .build()
        .expect("a sound batch")
        .expect("at least one record")
        .into_bytes()
}

pub fn response(name: &str, response: &Response) -> Value {
    match response {
        Response::Produce(parts) => {
            let (_, part) = &parts[0];
            json!({"ref": name, "error": part.error.name(), "base_offset": part.base_offset,
                "log_append_time_ms": part.log_append_time_ms, "log_start": part.log_start_offset})
        }
        Response::Fetch(parts) => {
            let mut answer = fetched(&parts[0].1);
            answer.insert("ref".into(), name.into());
            answer.into()
        }
        Response::DeleteRecords(parts) => {
            let (_, part) = &parts[0];
            json!({"ref": name, "error": part.error.name(), "low_watermark": part.low_watermark})
        }
    }
}

pub fn fetched(data: &FetchPartitionData) -> Map<String, Value> {
    let batches: Vec<Value> = Batches::new(data.records.concat())
        .map(|batch| {
            let batch = batch.expect("a sound batch");
            json!([
                batch.base_offset(),
                batch.last_offset(),
                batch.partition_leader_epoch()
            ])
        })
        .collect();
    let Value::Object(mut answer) = json!({"error": data.error.name(), "hw": data.high_watermark,
        "log_start": data.log_start_offset, "lso": data.last_stable_offset, "bytes": data.records.size_bytes(), "batches": batches})
    else {
        unreachable!("an object was written")
    };
    if let Some(end) = data.diverging_epoch {
        answer.insert(
            "diverging_epoch".into(),
            json!({"epoch": end.epoch, "end_offset": end.end_offset}),
        );
    }
    if let Some(replica) = data.preferred_read_replica {
        answer.insert("preferred_read_replica".into(), json!(replica));
    }
    if let Some(aborted) = &data.aborted_transactions {
        let aborted: Vec<Value> = aborted
            .iter()
            .map(|(producer_id, first_offset)| json!({"producer_id": producer_id, "first_offset": first_offset}))
            .collect();
        answer.insert("aborted".into(), aborted.into());
    }
    answer
}

pub fn alter_partition(broker: NodeId, item: &AlterPartitionItem) -> Value {
    let isr: Vec<Value> = item
        .new_isr
        .iter()
        .map(|(id, epoch)| json!({"id": id, "epoch": epoch}))
        .collect();
    json!({"broker": broker, "leader_epoch": item.leader_epoch, "partition_epoch": item.partition_epoch, "isr": isr})
}

pub fn replica_fetch(fetch: &ReplicaFetch) -> Value {
    let part = &fetch.partitions[0];
    json!({"leader": fetch.leader, "replica": fetch.replica, "broker_epoch": fetch.replica_epoch,
        "offset": part.fetch_offset, "leader_epoch": part.current_leader_epoch,
        "last_fetched_epoch": part.last_fetched_epoch, "log_start": part.log_start_offset})
}

pub fn lookup(kind: LookupKind, answer: Result<Offset, ErrorCode>) -> Value {
    let name = match kind {
        LookupKind::Latest => "latest",
        LookupKind::Earliest => "earliest",
    };
    match answer {
        Ok(offset) => json!({"list_offsets": name, "offset": offset}),
        Err(error) => json!({"list_offsets": name, "error": error.name()}),
    }
}

pub fn error(value: &Value) -> Option<ErrorCode> {
    value
        .as_str()
        .map(|name| ErrorCode::from_name(name).expect("one of Kafka's errors"))
}
