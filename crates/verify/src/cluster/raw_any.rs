//! Any request in Kafka's own message JSON, and its response in the same form.

use super::Player;
use crate::Step;
use protocol::ApiKey;
use protocol::messages::{Request, hex};
use serde_json::{Map, Value, json};
use sim::actor::admin::Asked;

/// Not recorded: clock times, addresses, texts.
const DROPPED: [&str; 5] = [
    "throttle_time_ms",
    "host",
    "port",
    "error_message",
    "topic_name",
];
/// Fields that hold bytes, by API.
const BYTES: [(&str, &str); 3] = [
    ("JOIN_GROUP", "metadata"),
    ("SYNC_GROUP", "assignment"),
    ("DESCRIBE_GROUPS", "member_assignment"),
];
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

fn snake(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars() {
        if c.is_ascii_uppercase() {
            out.push('_');
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}

fn camel(name: &str) -> String {
    let mut out = String::new();
    let mut upper = false;
    for c in name.chars() {
        if c == '_' {
            upper = true;
        } else if std::mem::take(&mut upper) {
            out.push(c.to_ascii_uppercase());
        } else {
            out.push(c);
        }
    }
    // Kafka calls its codes codes
    if out == "error" || out.ends_with("Error") {
        out.push_str("Code");
    }
    out
}

fn from_base64(text: &str) -> Vec<u8> {
    let mut bits = 0u32;
    let (mut have, mut out) = (0, Vec::new());
    for c in text.bytes().filter(|c| *c != b'=') {
        let at = ALPHABET.iter().position(|a| *a == c).unwrap_or(0) as u32;
        bits = bits << 6 | at;
        have += 6;
        if have >= 8 {
            have -= 8;
            out.push((bits >> have) as u8);
        }
    }
    out
}

fn to_base64(bytes: &[u8]) -> String {
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let group =
            chunk.iter().fold(0u32, |all, b| all << 8 | u32::from(*b)) << (8 * (3 - chunk.len()));
        for i in 0..4 {
            if i <= chunk.len() {
                out.push(ALPHABET[(group >> (18 - 6 * i)) as usize & 63] as char);
            } else {
                out.push('=');
            }
        }
    }
    out
}

fn is_bytes(api: &str, field: &str) -> bool {
    BYTES.contains(&(api, field))
}

impl Player {
    pub(super) fn raw_any(&mut self, step: &Step) -> Result<Value, String> {
        let node = self.broker_of(step)?;
        let api = step.str("api").ok_or("api")?.to_owned();
        ApiKey::from_name(&api).ok_or_else(|| format!("no api {api}"))?;
        let mut body = self.body_in(&api, "", step.get("body"));
        body["api"] = json!(api);
        let request: Request =
            serde_json::from_value(body).map_err(|e| format!("body of {api}: {e}"))?;
        let version = step.i64("version").unwrap_or(0) as i16;
        let Asked::Answered(response) = self.ask(vec![node], version, request, false) else {
            return Err("no answer".into());
        };
        let response = serde_json::to_value(&response).map_err(|e| e.to_string())?;
        let plain = self.answer_out(&api, "", &response);
        for (name, pointer) in step.get("save").as_object().into_iter().flatten() {
            let found = plain.pointer(pointer.as_str().unwrap_or_default());
            let found = found.cloned().unwrap_or(Value::Null);
            self.saved.insert(name.clone(), found);
        }
        let named = self.named("", plain);
        let Some(keep) = step.get("keep").as_array() else {
            return Ok(named);
        };
        let kept = keep.iter().filter_map(Value::as_str).map(|pointer| {
            let found = named.pointer(pointer).cloned().unwrap_or(Value::Null);
            (pointer.to_owned(), found)
        });
        Ok(Value::Object(kept.collect()))
    }

    /// A request's body in our words.
    fn body_in(&mut self, api: &str, field: &str, value: &Value) -> Value {
        match value {
            Value::Object(fields) => {
                let mut out = Map::new();
                for (name, value) in fields {
                    let name = snake(name);
                    let value = self.body_in(api, &name, value);
                    out.insert(name, value);
                }
                Value::Object(out)
            }
            Value::Array(list) => list.iter().map(|v| self.body_in(api, field, v)).collect(),
            Value::String(text) => {
                if let Some(saved) = text.strip_prefix('$').and_then(|n| self.saved.get(n)) {
                    saved.clone()
                } else if let Some(topic) = text.strip_prefix("id:") {
                    json!(self.topic_id(topic).to_string())
                } else if is_bytes(api, field) {
                    json!(hex::encode(&from_base64(text)))
                } else {
                    value.clone()
                }
            }
            other => other.clone(),
        }
    }

    /// A response in Kafka's words, without what is not recorded.
    fn answer_out(&self, api: &str, field: &str, value: &Value) -> Value {
        match value {
            Value::Object(fields) => {
                let mut out = Map::new();
                for (name, value) in fields {
                    let nothing = protocol::Uuid::ZERO.to_string();
                    let no_id = name == "topic_id" && value.as_str() == Some(&nothing);
                    let tag = field.is_empty() && name == "api";
                    if tag || no_id || DROPPED.contains(&name.as_str()) {
                        continue;
                    }
                    out.insert(camel(name), self.answer_out(api, name, value));
                }
                Value::Object(out)
            }
            Value::Array(list) => list
                .iter()
                .map(|v| self.answer_out(api, field, v))
                .collect(),
            Value::String(text) if is_bytes(api, field) => {
                json!(to_base64(&hex::decode(text).unwrap_or_default()))
            }
            other => other.clone(),
        }
    }

    /// The same with drawn values by their names.
    fn named(&mut self, field: &str, value: Value) -> Value {
        match value {
            Value::Object(fields) => fields
                .into_iter()
                .map(|(name, value)| {
                    let value = self.named(&name, value);
                    (name, value)
                })
                .collect(),
            Value::Array(list) => list.into_iter().map(|v| self.named(field, v)).collect(),
            Value::Number(n) if field == "producerId" => {
                self.names.producer(n.as_i64().unwrap_or(-1))
            }
            Value::String(text) if field == "topicId" => {
                let mut brokers = self.world.brokers();
                let topic = brokers.find_map(|b| {
                    let mut topics = b.image().topics.iter();
                    let found = topics.find(|t| t.id.to_string() == text);
                    found.map(|t| t.name.clone())
                });
                json!(topic.map_or(text, |t| format!("id:{t}")))
            }
            Value::String(text) if field == "memberId" || field == "leader" => {
                self.names.member(&text)
            }
            other => other,
        }
    }
}
