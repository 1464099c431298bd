//! Keys, values, partitions and errors as recorded cases write them.

use super::sha256::sha256;
use bytes::Bytes;
use protocol::{ErrorCode, TopicPartition};
use serde_json::{Value, json};

/// Text, null, `{"hex"}` or `{"fill", "length"}`.
pub fn bytes_in(value: &Value) -> Option<Bytes> {
    match value {
        Value::String(text) => Some(Bytes::copy_from_slice(text.as_bytes())),
        Value::Object(o) if o.contains_key("hex") => {
            let hex = o["hex"].as_str().expect("hex is text");
            let bytes: Vec<u8> = (0..hex.len() / 2)
                .map(|i| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).expect("hex digits"))
                .collect();
            Some(bytes.into())
        }
        Value::Object(o) => {
            let fill = o["fill"].as_str().expect("fill is text").as_bytes()[0];
            let length = o["length"].as_u64().expect("length is a number") as usize;
            Some(vec![fill; length].into())
        }
        _ => None,
    }
}

/// The form in which a case shows bytes: long ones by digest, others as text if they are.
pub fn bytes_out(bytes: Option<&Bytes>) -> Value {
    let Some(bytes) = bytes else {
        return Value::Null;
    };
    if bytes.len() > 64 {
        return json!({"length": bytes.len(), "sha256": sha256(bytes)});
    }
    match std::str::from_utf8(bytes) {
        Ok(text) if text.chars().all(|c| !c.is_control()) => json!(text),
        _ => json!({"hex": hex(bytes)}),
    }
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

pub fn tp(text: &str) -> TopicPartition {
    TopicPartition::parse(text).expect("topic-partition")
}

pub fn tps(value: &Value) -> Vec<TopicPartition> {
    value
        .as_array()
        .into_iter()
        .flatten()
        .map(|v| tp(v.as_str().expect("a partition is text")))
        .collect()
}

/// The error named by a field, NONE if absent.
pub fn error(value: &Value) -> ErrorCode {
    value.as_str().map_or(ErrorCode::None, |name| {
        ErrorCode::from_name(name).expect("an error of Kafka's")
    })
}

pub fn int(value: &Value, default: i64) -> i64 {
    value.as_i64().unwrap_or(default)
}
