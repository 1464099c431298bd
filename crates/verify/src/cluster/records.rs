//! Records and batches, to and from the words of a case.

use crate::sha256::sha256_hex;
use bytes::Bytes;
use protocol::record::{
    CompressionType, EndTransactionMarker, Header, RecordBatch, SimpleRecord, TimestampType,
};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// A text longer than this is given by its digest.
const MAX_TEXT_CHARS: usize = 200;
/// Producer ids from here on are handed in and stay as they are.
const HANDED_IN: i64 = 1_000_000;

/// A drawn id ends with one, of this length in characters.
const DRAWN_ID: usize = 22;

/// Values that Kafka draws, by order of first appearance.
#[derive(Clone, Debug, Default)]
pub struct Names {
    producers: BTreeMap<i64, String>,
    members: BTreeMap<String, String>,
}

impl Names {
    pub fn producer(&mut self, id: i64) -> Value {
        if !(0..HANDED_IN).contains(&id) {
            return json!(id);
        }
        let next = format!("P{}", self.producers.len() + 1);
        json!(self.producers.entry(id).or_insert(next))
    }

    /// A member id; drawn ones are told by their length.
    pub fn member(&mut self, id: &str) -> Value {
        if id.len() < DRAWN_ID {
            return json!(id);
        }
        let next = format!("m{}", self.members.len() + 1);
        json!(self.members.entry(id.to_owned()).or_insert(next))
    }
}

/// `null`, text, `{"hex"}` or `{"repeat","times"}`.
pub fn payload(value: &Value) -> Option<Bytes> {
    match value {
        Value::String(text) => Some(text.clone().into_bytes().into()),
        Value::Object(form) => {
            if let Some(Value::String(digits)) = form.get("hex") {
                return protocol::messages::hex::decode(digits).map(Bytes::from);
            }
            let text = form.get("repeat")?.as_str()?;
            let times = form.get("times")?.as_u64()? as usize;
            Some(text.repeat(times).into_bytes().into())
        }
        _ => None,
    }
}

pub fn headers(value: &Value) -> Vec<Header> {
    let list = value.as_array().into_iter().flatten();
    list.map(|pair| Header {
        key: pair[0]
            .as_str()
            .unwrap_or_default()
            .to_owned()
            .into_bytes()
            .into(),
        value: payload(&pair[1]),
    })
    .collect()
}

pub fn record_in(value: &Value) -> SimpleRecord {
    SimpleRecord {
        timestamp: value["timestamp_ms"].as_i64().unwrap_or(-1),
        key: payload(&value["key"]),
        value: payload(&value["value"]),
        headers: headers(&value["headers"]),
    }
}

pub fn payload_out(bytes: Option<&Bytes>) -> Value {
    let Some(bytes) = bytes else {
        return Value::Null;
    };
    match std::str::from_utf8(bytes) {
        Ok(text) if text.chars().all(|c| !c.is_control()) => {
            if text.chars().count() <= MAX_TEXT_CHARS {
                json!(text)
            } else {
                json!({"length": bytes.len(), "sha256": sha256_hex(bytes)})
            }
        }
        _ => json!({"hex": protocol::messages::hex::encode(bytes)}),
    }
}

/// A batch as `dump_log` and `raw_fetch` show it.
pub fn batch_out(batch: &RecordBatch, names: &mut Names) -> Result<Value, String> {
    let mut out = Map::new();
    out.insert("base".into(), json!(batch.base_offset()));
    out.insert("last".into(), json!(batch.last_offset()));
    out.insert("epoch".into(), json!(batch.partition_leader_epoch()));
    let compression = batch.compression().map_err(|e| format!("{e:?}"))?;
    if compression != CompressionType::None {
        out.insert("compression".into(), json!(compression.name()));
    }
    let append_time = batch.timestamp_type() == TimestampType::LogAppendTime;
    if append_time {
        out.insert("log_append_time".into(), json!(true));
    }
    if batch.has_producer_id() {
        out.insert("producer".into(), names.producer(batch.producer_id()));
        out.insert("producer_epoch".into(), json!(batch.producer_epoch()));
        out.insert("base_sequence".into(), json!(batch.base_sequence()));
    }
    if batch.is_transactional() {
        out.insert("transactional".into(), json!(true));
    }
    let mut records = Vec::new();
    for record in batch.records().map_err(|e| format!("{e:?}"))? {
        let record = record.map_err(|e| format!("{e:?}"))?;
        if batch.is_control() {
            let marker = EndTransactionMarker::parse(record.key.as_ref(), record.value.as_ref());
            let name = marker.map_err(|e| format!("{e:?}"))?.kind().name();
            out.insert("control".into(), json!(name));
            break;
        }
        let mut one = Map::new();
        one.insert("offset".into(), json!(record.offset));
        one.insert("key".into(), payload_out(record.key.as_ref()));
        one.insert("value".into(), payload_out(record.value.as_ref()));
        if !append_time {
            one.insert("timestamp_ms".into(), json!(record.timestamp));
        }
        if !record.headers.is_empty() {
            let pairs = record
                .headers
                .iter()
                .map(|h| json!([payload_out(Some(&h.key)), payload_out(h.value.as_ref())]));
            one.insert("headers".into(), pairs.collect());
        }
        records.push(Value::Object(one));
    }
    if !batch.is_control() {
        out.insert("records".into(), Value::Array(records));
    }
    Ok(Value::Object(out))
}
