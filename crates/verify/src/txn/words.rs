//! Transactions in the words of the recorded cases.

use coordinator::transaction::record::{self, ReadResult};
use coordinator::transaction::{
    MarkerRequest, Response, TransactionMetadata, TransactionState, TxnLogRecord,
};
use protocol::{CoordinatorEpoch, ErrorCode, TopicPartition};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

pub fn partition(text: &str) -> TopicPartition {
    TopicPartition::parse(text).expect("topic-number")
}

pub fn partitions(list: &Value) -> BTreeSet<TopicPartition> {
    let list = list.as_array().expect("partitions");
    list.iter()
        .map(|v| partition(v.as_str().expect("a text")))
        .collect()
}

/// Sorted as text: `x-12` before `x-3`.
pub fn sorted_text<'a>(partitions: impl Iterator<Item = &'a TopicPartition>) -> Value {
    let mut names: Vec<String> = partitions.map(ToString::to_string).collect();
    names.sort();
    json!(names)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

pub fn response(reference: &str, response: &Response) -> Value {
    match response {
        Response::InitProducerId {
            error,
            producer_id,
            producer_epoch,
        }
        | Response::EndTxn {
            error,
            producer_id,
            producer_epoch,
        } => json!({
            "ref": reference, "error": error.name(), "producer_id": producer_id, "producer_epoch": producer_epoch
        }),
        Response::AddPartitions { error } => json!({"ref": reference, "error": error.name()}),
        Response::VerifyPartitions { errors } => {
            let errors: Map<String, Value> = errors
                .iter()
                .map(|(tp, error)| (tp.to_string(), json!(error.name())))
                .collect();
            json!({"ref": reference, "partition_errors": errors})
        }
    }
}

pub fn marker_request(request: &MarkerRequest) -> Value {
    let mut markers: Vec<_> = request.markers.iter().collect();
    markers.sort_by_key(|marker| marker.producer_id);
    let markers: Vec<Value> = markers
        .into_iter()
        .map(|m| {
            json!({
                "producer_id": m.producer_id, "producer_epoch": m.producer_epoch, "coordinator_epoch": m.coordinator_epoch,
                "result": m.result.name(), "transaction_version": m.transaction_version.0,
                "partitions": sorted_text(m.partitions.iter())
            })
        })
        .collect();
    json!({"broker": request.broker, "markers": markers})
}

/// One record as it was handed to the log.
pub fn appended(partition: i32, result: &str, timestamp_ms: i64, record: &TxnLogRecord) -> Value {
    let read = record::read(&record.key, record.value.as_ref()).expect("a record of ours");
    let mut entry = json!({
        "partition": partition, "result": result, "timestamp_ms": timestamp_ms, "key_hex": hex(&record.key),
        "value_hex": record.value.as_ref().map(|value| hex(value))
    });
    match read {
        ReadResult::Tombstone(id) => entry["transactional_id"] = json!(&*id),
        ReadResult::Unknown => panic!("we write versions that we know"),
        ReadResult::Record(metadata) => {
            let now = &metadata.now;
            let value = record.value.as_ref().expect("a record has a value");
            entry["transactional_id"] = json!(&*metadata.transactional_id);
            entry["value_version"] = json!(i16::from_be_bytes([value[0], value[1]]));
            entry["producer_id"] = json!(now.producer_id);
            entry["previous_producer_id"] = json!(now.prev_producer_id);
            entry["next_producer_id"] = json!(now.next_producer_id);
            entry["producer_epoch"] = json!(now.producer_epoch);
            entry["next_producer_epoch"] = json!(-1);
            entry["timeout_ms"] = json!(now.txn_timeout_ms);
            entry["state"] = json!(now.state.constant());
            let names: Vec<String> = now.partitions.iter().map(ToString::to_string).collect();
            entry["partitions"] = if now.state == TransactionState::Empty {
                Value::Null
            } else {
                json!(names)
            };
            entry["start_ms"] = json!(now.start_ms);
            entry["last_update_ms"] = json!(now.last_update_ms);
            entry["client_transaction_version"] = json!(now.client_version.0);
        }
    }
    entry
}

pub fn state(epoch: CoordinatorEpoch, metadata: &TransactionMetadata) -> Value {
    let now = &metadata.now;
    let mut state = json!({
        "coordinator_epoch": epoch, "state": now.state.constant(),
        "pending": metadata.pending.map(TransactionState::constant), "producer_id": now.producer_id,
        "previous_producer_id": now.prev_producer_id, "next_producer_id": now.next_producer_id,
        "producer_epoch": now.producer_epoch, "last_producer_epoch": now.last_producer_epoch,
        "timeout_ms": now.txn_timeout_ms, "partitions": sorted_text(now.partitions.iter()), "start_ms": now.start_ms,
        "last_update_ms": now.last_update_ms, "client_transaction_version": now.client_version.0
    });
    if metadata.has_failed_epoch_fence {
        state["failed_epoch_fence"] = json!(true);
    }
    state
}

pub fn error(name: &str) -> ErrorCode {
    ErrorCode::from_name(name).expect("one of Kafka's errors")
}
