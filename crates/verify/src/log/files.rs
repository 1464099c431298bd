//! Files of a directory against the forms in which the recorded cases give them.

use crate::diff::{Mismatch, shorten};
use crate::sha256::sha256_hex;
use bytes::Bytes;
use protocol::messages::hex;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

pub type Files = BTreeMap<String, Bytes>;

fn is_text(path: &str) -> bool {
    path.ends_with("-checkpoint")
        || path.ends_with("partition.metadata")
        || path.ends_with(".kafka_cleanshutdown")
}

/// Whether the bytes of a file depend on who compressed the batches.
fn depends_on_encoder(path: &str) -> bool {
    [".log", ".index", ".timeindex"]
        .iter()
        .any(|kind| path.contains(kind))
}

fn whole(path: &str, content: &[u8]) -> Value {
    match std::str::from_utf8(content) {
        Ok(text) if is_text(path) => json!(text),
        _ => json!(hex::encode(content)),
    }
}

fn digest(content: &[u8]) -> Value {
    json!({"sha256": sha256_hex(content), "length": content.len()})
}

/// Our content in the form that Kafka's answer has.
fn in_form(path: &str, old: Option<&Bytes>, new: Option<&Bytes>, kafka: &Value) -> Value {
    let Some(new) = new else {
        return Value::Null;
    };
    let grown = old.and_then(|old| new.strip_prefix(&old[..]).map(|rest| (old.len(), rest)));
    match (kafka, grown) {
        (Value::Object(form), _) if form.contains_key("sha256") => digest(new),
        (Value::Object(form), Some((from, rest))) if form.contains_key("append") => {
            let append = if form["append"].is_object() {
                digest(rest)
            } else {
                json!(hex::encode(rest))
            };
            json!({"from": from, "append": append})
        }
        (Value::Object(form), _)
            if form.contains_key("cut_to") && old.is_some_and(|old| old.starts_with(new)) =>
        {
            json!({"cut_to": new.len()})
        }
        _ => whole(path, new),
    }
}

fn differ(path: &str, ours: &Value, kafka: &Value) -> Option<Mismatch> {
    (ours != kafka).then(|| (format!("files.{path}"), shorten(ours), shorten(kafka)))
}

/// Compares the changes between `old` and `new` with those that Kafka gave; both have to name the same files.
pub fn compare_changes(
    old: &Files,
    new: &Files,
    kafka: Option<&Map<String, Value>>,
    encoder_bytes: bool,
) -> Option<Mismatch> {
    let none = Map::new();
    let kafka = kafka.unwrap_or(&none);
    for (path, form) in kafka {
        if encoder_bytes && depends_on_encoder(path) {
            continue;
        }
        let found = differ(
            path,
            &in_form(path, old.get(path), new.get(path), form),
            form,
        );
        if found.is_some() {
            return found;
        }
    }
    let paths = old.keys().chain(new.keys());
    for path in paths.filter(|path| !kafka.contains_key(*path)) {
        if encoder_bytes && depends_on_encoder(path) {
            continue;
        }
        if old.get(path) != new.get(path) {
            let ours = new
                .get(path)
                .map_or(Value::Null, |content| whole(path, content));
            return Some((format!("files.{path}"), shorten(&ours), "unchanged".into()));
        }
    }
    None
}

/// Compares every file of a directory.
pub fn compare_all(
    new: &Files,
    kafka: &Map<String, Value>,
    encoder_bytes: bool,
) -> Option<Mismatch> {
    for (path, form) in kafka {
        if encoder_bytes && depends_on_encoder(path) {
            continue;
        }
        let found = differ(path, &in_form(path, None, new.get(path), form), form);
        if found.is_some() {
            return found;
        }
    }
    let extra = new.keys().find(|path| !kafka.contains_key(*path))?;
    Some((
        format!("files.{extra}"),
        shorten(&whole(extra, &new[extra])),
        "nothing".into(),
    ))
}
