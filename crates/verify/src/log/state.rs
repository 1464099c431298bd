//! The state of a log in the words of the recorded cases.

use crate::sha256::sha256_hex;
use log::{FetchDataInfo, LogToClean, ProducerStateEntry, UnifiedLog};
use protocol::messages::hex;
use protocol::record::{ControlRecordType, Record, RecordBatch, RecordError};
use serde_json::{Map, Value, json};

fn producer(entry: &ProducerStateEntry) -> Value {
    let batches: Vec<Value> = entry
        .batches
        .iter()
        .map(|batch| {
            json!([
                batch.first_seq(),
                batch.last_seq,
                batch.first_offset(),
                batch.last_offset,
                batch.timestamp
            ])
        })
        .collect();
    json!({
        "id": entry.producer_id,
        "epoch": entry.producer_epoch,
        "coordinator_epoch": entry.coordinator_epoch,
        "last_ts": entry.last_timestamp,
        "txn_first": entry.current_txn_first_offset,
        "batches": batches,
    })
}

pub fn log_state(log: &UnifiedLog) -> Map<String, Value> {
    let segments: Vec<Value> = log
        .segments()
        .map(|segment| {
            let max = segment.max_timestamp_so_far();
            json!([
                segment.base,
                segment.size(log.directory()),
                max.timestamp,
                max.offset
            ])
        })
        .collect();
    let verifications: Vec<Value> = log
        .producers()
        .verifications()
        .iter()
        .map(|(id, entry)| {
            json!([
                id,
                entry.epoch,
                entry.lowest_sequence,
                entry.supports_epoch_bump
            ])
        })
        .collect();
    let state = json!({
        "log_start": log.log_start_offset(),
        "leo": log.log_end_offset(),
        "hw": log.high_watermark(),
        "lso": log.last_stable_offset(),
        "first_unstable": log.first_unstable_offset(),
        "recovery_point": log.recovery_point(),
        "segments": segments,
        "epochs": log.leader_epochs().entries().iter().map(|(epoch, start)| json!([epoch, start])).collect::<Vec<_>>(),
        "producers": log.producers().producers().values().map(producer).collect::<Vec<_>>(),
        "verifications": verifications,
    });
    match state {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

/// Members of `new` that `old` does not have like this.
pub fn changed(old: &Map<String, Value>, new: &Map<String, Value>) -> Map<String, Value> {
    new.iter()
        .filter(|(name, value)| old.get(*name) != Some(value))
        .map(|(k, v)| (k.clone(), v.clone()))
        .collect()
}

fn bytes(bytes: Option<&bytes::Bytes>) -> Value {
    /// Longer byte strings are given as digests.
    const WHOLE: usize = 256;
    match bytes {
        None => Value::Null,
        Some(long) if long.len() > WHOLE => {
            json!({"sha256": sha256_hex(long), "length": long.len()})
        }
        Some(short) => match std::str::from_utf8(short) {
            Ok(text) => json!(text),
            Err(_) => json!({"hex": hex::encode(short)}),
        },
    }
}

fn record(batch: &RecordBatch, record: &Record) -> Value {
    if batch.is_control() {
        let kind =
            ControlRecordType::parse(record.key.as_ref()).unwrap_or(ControlRecordType::Unknown);
        return json!([record.offset, record.timestamp, "control", kind.name()]);
    }
    let mut fields = vec![
        json!(record.offset),
        json!(record.timestamp),
        bytes(record.key.as_ref()),
        bytes(record.value.as_ref()),
    ];
    if !record.headers.is_empty() {
        let headers: Vec<Value> = record
            .headers
            .iter()
            .map(|header| json!([bytes(Some(&header.key)), bytes(header.value.as_ref())]))
            .collect();
        fields.push(json!(headers));
    }
    Value::Array(fields)
}

pub fn read_answer(found: &FetchDataInfo, with_records: bool) -> Result<Value, RecordError> {
    let (segment, position) = found
        .fetch_offset
        .place
        .map_or((-1, -1), |(base, at)| (base, at as i64));
    let mut batches = Vec::new();
    let mut records = Vec::new();
    for batch in found.batches() {
        batches.push(json!([
            batch.base_offset(),
            batch.last_offset(),
            batch.record_count(),
            batch.size_in_bytes()
        ]));
        if with_records {
            for each in batch.records()? {
                records.push(record(&batch, &each?));
            }
        }
    }
    let mut answer = json!({
        "fetch_offset": [found.fetch_offset.offset, segment, position],
        "bytes": found.size_bytes(),
        "first_entry_incomplete": found.first_entry_incomplete,
        "batches": batches,
        "aborted": found.aborted,
    });
    if with_records {
        answer["records"] = Value::Array(records);
    }
    Ok(answer)
}

pub fn range(partition: i32, range: &LogToClean) -> Map<String, Value> {
    let value = json!({
        "partition": partition,
        "first_dirty": range.first_dirty,
        "first_uncleanable": range.first_uncleanable,
        "clean_bytes": range.clean_bytes,
        "cleanable_bytes": range.cleanable_bytes,
    });
    value.as_object().cloned().unwrap_or_default()
}
