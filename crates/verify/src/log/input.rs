//! Inputs of the recorded cases as values of ours: bytes, batches, configs.

use super::Failed;
use bytes::Bytes;
use log::{BROKER_CONFIGS, BrokerLogConfig, LogConfig, TOPIC_CONFIGS};
use protocol::Protections;
use protocol::config::Configs;
use protocol::messages::{Records, hex};
use protocol::record::{
    Attributes, BatchHeader, CompressionType, Header, RecordBatchBuilder, SimpleRecord,
    TimestampType,
};
use serde_json::Value;
use std::collections::BTreeMap;

/// A string, null, or `{hex, repeat}`.
pub fn bytes(value: &Value) -> Result<Option<Bytes>, Failed> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(Bytes::from(text.clone()))),
        Value::Object(parts) => {
            let digits = parts
                .get("hex")
                .and_then(Value::as_str)
                .ok_or(Failed("bytes without hex"))?;
            let repeat = parts.get("repeat").and_then(Value::as_u64).unwrap_or(1) as usize;
            Ok(Some(
                hex::decode(digits)
                    .ok_or(Failed("not hex"))?
                    .repeat(repeat)
                    .into(),
            ))
        }
        _ => Err(Failed("not bytes")),
    }
}

fn int(value: &Value, name: &str, absent: i64) -> i64 {
    value.get(name).and_then(Value::as_i64).unwrap_or(absent)
}

fn flag(value: &Value, name: &str) -> bool {
    value.get(name).and_then(Value::as_bool).unwrap_or(false)
}

fn simple_record(record: &Value) -> Result<SimpleRecord, Failed> {
    let mut headers = Vec::new();
    for header in record
        .get("headers")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        headers.push(Header {
            key: bytes(&header[0])?.ok_or(Failed("a header without a key"))?,
            value: bytes(&header[1])?,
        });
    }
    Ok(SimpleRecord {
        timestamp: int(record, "timestamp_ms", -1),
        key: bytes(&record["key"])?,
        value: bytes(&record["value"])?,
        headers,
    })
}

/// One batch of a step: its bytes, or built from its parts.
fn batch(spec: &Value) -> Result<Bytes, Failed> {
    if let Some(digits) = spec.get("hex").and_then(Value::as_str) {
        return hex::decode(digits)
            .map(Bytes::from)
            .ok_or(Failed("not hex"));
    }
    let base = int(spec, "base_offset", 0);
    let producer = (
        int(spec, "producer_id", -1),
        int(spec, "producer_epoch", -1) as i16,
        int(spec, "base_sequence", -1) as i32,
    );
    let mut builder = RecordBatchBuilder::new(base)
        .partition_leader_epoch(int(spec, "partition_leader_epoch", -1) as i32)
        .producer(producer.0, producer.1, producer.2)
        .transactional(flag(spec, "transactional"));
    if spec.get("timestamp_type").and_then(Value::as_str) == Some("LogAppendTime") {
        builder = builder.log_append_time(int(spec, "log_append_time", -1));
    }
    let records = spec
        .get("records")
        .and_then(Value::as_array)
        .ok_or(Failed("a batch without records"))?;
    for record in records {
        let offset = int(record, "offset", builder.next_offset());
        builder
            .append_with_offset(offset, &simple_record(record)?)
            .map_err(|_| Failed("a record that no batch takes"))?;
    }
    let last_offset = spec.get("last_offset").and_then(Value::as_i64);
    if let Some(last) = last_offset {
        builder.override_last_offset(last);
    }
    match builder
        .build()
        .map_err(|_| Failed("a batch that cannot be built"))?
    {
        Some(batch) => Ok(batch.into_bytes()),
        None => Ok(BatchHeader {
            base_offset: base,
            last_offset_delta: (last_offset.unwrap_or(base - 1) - base) as i32,
            partition_leader_epoch: int(spec, "partition_leader_epoch", -1) as i32,
            attributes: Attributes::new(
                CompressionType::None,
                TimestampType::CreateTime,
                flag(spec, "transactional"),
                false,
                false,
            ),
            base_timestamp: -1,
            max_timestamp: -1,
            producer_id: producer.0,
            producer_epoch: producer.1,
            base_sequence: producer.2,
            record_count: 0,
        }
        .build(&[])
        .into_bytes()),
    }
}

pub fn batches(specs: &Value) -> Result<Records, Failed> {
    let chunks = specs
        .as_array()
        .into_iter()
        .flatten()
        .map(batch)
        .collect::<Result<_, _>>()?;
    Ok(Records { chunks })
}

/// The configs of a case, divided between topic and broker by the tables of the crate.
#[derive(Clone, Default)]
pub struct CaseConfig(pub BTreeMap<String, String>);

impl CaseConfig {
    fn part(&self, topic: bool) -> Result<Configs, Failed> {
        let of_topic = |name: &str| TOPIC_CONFIGS.iter().any(|def| def.name == name);
        let pairs = self
            .0
            .iter()
            .filter(|(name, _)| of_topic(name) == topic)
            .map(|(k, v)| (k.as_str(), v.as_str()));
        Configs::new(&[if topic { TOPIC_CONFIGS } else { BROKER_CONFIGS }], pairs)
            .map_err(|_| Failed("a config is refused"))
    }

    pub fn topic(&self) -> Result<LogConfig, Failed> {
        Ok(LogConfig::resolve(&self.part(true)?, &self.part(false)?))
    }

    pub fn broker(&self) -> Result<BrokerLogConfig, Failed> {
        Ok(BrokerLogConfig::resolve(
            &self.part(false)?,
            Protections::default(),
        ))
    }

    /// Sets what has a value, removes what is null.
    pub fn alter(&mut self, changes: &Value) {
        for (name, value) in changes.as_object().into_iter().flatten() {
            match value {
                Value::Null => self.0.remove(name),
                Value::String(text) => self.0.insert(name.clone(), text.clone()),
                other => self.0.insert(name.clone(), other.to_string()),
            };
        }
    }
}
