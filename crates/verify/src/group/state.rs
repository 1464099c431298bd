//! The coordinator's state in the form of the recorded cases, and Kafka's state put together from its patches.

use super::image::Image;
use super::json::put;
use coordinator::group::classic::ClassicGroup;
use coordinator::group::consumer::{ConsumerGroup, ConsumerMember};
use coordinator::group::offsets::{OffsetAndMetadata, Offsets};
use coordinator::group::record::{AssignedPartitions, TopicId};
use coordinator::group::{Coordinator, GroupView};
use coordinator::runtime::MetadataView;
use protocol::messages::hex;
use serde_json::{Map, Value, json};

/// Everything: groups, offsets, pending transactional offsets, timers. What is empty is left out.
pub fn whole(coordinator: &Coordinator, image: &Image) -> Value {
    let offsets = &coordinator.state().offsets;
    let pending: Map<String, Value> = offsets
        .pending
        .iter()
        .map(|(producer_id, offsets)| (producer_id.to_string(), offsets_json(offsets)))
        .filter(|(_, offsets)| offsets != &json!({}))
        .collect();
    let timers: Map<String, Value> = super::shard_timers(coordinator)
        .map(|(key, due_ms)| (key.to_string(), json!(due_ms)))
        .collect();
    let mut state = json!({
        "groups": groups(coordinator, image),
        "offsets": offsets_json(&offsets.committed),
        "pending_txn_offsets": pending,
        "timers": timers,
    });
    drop_empty(&mut state);
    state
}

pub fn groups(coordinator: &Coordinator, image: &Image) -> Value {
    let mut groups = Map::new();
    for group_id in coordinator.group_ids() {
        let shown = match coordinator.group_view(&group_id) {
            Some(GroupView::Classic(group)) => classic(group),
            Some(GroupView::Consumer(group)) => consumer(group, image),
            None => continue,
        };
        groups.insert(group_id.to_string(), shown);
    }
    Value::Object(groups)
}

fn classic(group: &ClassicGroup) -> Value {
    let members: Vec<Value> = group
        .members()
        .map(|m| {
            let mut shown = Map::new();
            let protocols: Vec<_> = m.supported_protocols.iter().map(|p| &p.name).collect();
            put(&mut shown, "member_id", Some(&m.member_id));
            put(
                &mut shown,
                "group_instance_id",
                m.group_instance_id.as_ref(),
            );
            put(&mut shown, "client_id", Some(&m.client_id));
            put(&mut shown, "client_host", Some(&m.client_host));
            put(&mut shown, "session_timeout_ms", Some(m.session_timeout_ms));
            put(
                &mut shown,
                "rebalance_timeout_ms",
                Some(m.rebalance_timeout_ms),
            );
            put(&mut shown, "protocols", Some(protocols));
            put(
                &mut shown,
                "assignment_hex",
                Some(hex::encode(&m.assignment)),
            );
            put(&mut shown, "awaiting_join", m.awaiting_join.map(|_| true));
            put(&mut shown, "awaiting_sync", m.awaiting_sync.map(|_| true));
            put(&mut shown, "is_new", m.is_new.then_some(true));
            Value::Object(shown)
        })
        .collect();
    let mut shown = Map::new();
    put(&mut shown, "type", Some("classic"));
    put(&mut shown, "state", Some(group.state().name()));
    put(&mut shown, "generation", Some(group.generation_id));
    put(&mut shown, "protocol_type", Some(&group.protocol_type));
    put(&mut shown, "protocol", Some(&group.protocol_name));
    put(&mut shown, "leader", Some(&group.leader_id));
    let since_ms = group.current_state_timestamp_ms.unwrap_or(-1);
    put(&mut shown, "state_since_ms", Some(since_ms));
    put(
        &mut shown,
        "subscribed_topics",
        group.subscribed_topics.as_ref(),
    );
    put(&mut shown, "members", Some(members));
    let pending = group.pending_join_members();
    put(
        &mut shown,
        "pending_members",
        (!pending.is_empty()).then_some(pending),
    );
    let sync = &group.pending_sync_members;
    put(
        &mut shown,
        "pending_sync",
        (!sync.is_empty()).then_some(sync),
    );
    Value::Object(shown)
}

/// A topic's name; one that is gone is named by its id.
fn topic_name(image: &Image, id: TopicId) -> String {
    let topic = image.topic_by_id(id.0);
    topic.map_or_else(|| id.0.to_string(), |topic| topic.name.to_string())
}

fn consumer(group: &ConsumerGroup, image: &Image) -> Value {
    let members: Vec<Value> = group
        .members()
        .values()
        .map(|m| consumer_member(group, m, image))
        .collect();
    let regexes: Map<String, Value> = group
        .resolved_regexes()
        .iter()
        .map(|(regex, r)| {
            let shown =
                json!({"topics": r.topics, "image_version": r.version, "timestamp_ms": r.timestamp_ms});
            (regex.to_string(), shown)
        })
        .collect();
    let topics: Vec<_> = group.subscribed_topics().keys().collect();
    let mut shown = Map::new();
    put(&mut shown, "type", Some("consumer"));
    put(&mut shown, "state", Some(group.state().name()));
    put(&mut shown, "group_epoch", Some(group.group_epoch()));
    put(&mut shown, "target_epoch", Some(group.assignment_epoch()));
    put(
        &mut shown,
        "target_timestamp_ms",
        Some(group.assignment_timestamp_ms()),
    );
    put(&mut shown, "metadata_hash", Some(group.metadata_hash));
    put(
        &mut shown,
        "preferred_assignor",
        group.preferred_server_assignor(),
    );
    put(&mut shown, "subscribed_topics", Some(topics));
    put(
        &mut shown,
        "resolved_regexes",
        (!regexes.is_empty()).then_some(regexes),
    );
    put(&mut shown, "members", Some(members));
    Value::Object(shown)
}

fn consumer_member(group: &ConsumerGroup, m: &ConsumerMember, image: &Image) -> Value {
    let with_epochs = |assigned: &AssignedPartitions| -> Map<String, Value> {
        assigned
            .iter()
            .map(|(&id, partitions)| {
                let epochs: Map<String, Value> = partitions
                    .iter()
                    .map(|(p, e)| (p.to_string(), json!(e)))
                    .collect();
                (topic_name(image, id), Value::Object(epochs))
            })
            .collect()
    };
    let target = group.target_assignment(&m.member_id);
    let target: Map<String, Value> = target
        .iter()
        .map(|(&id, partitions)| (topic_name(image, id), json!(partitions)))
        .collect();
    let classic = m.classic.as_ref().map(|c| {
        let protocols: Vec<_> = c.supported_protocols.iter().map(|(name, _)| name).collect();
        json!({"session_timeout_ms": c.session_timeout_ms, "protocols": protocols})
    });
    let mut shown = Map::new();
    put(&mut shown, "member_id", Some(&m.member_id));
    put(&mut shown, "instance_id", m.instance_id.as_ref());
    put(&mut shown, "rack_id", m.rack_id.as_ref());
    put(&mut shown, "client_id", Some(&m.client_id));
    put(&mut shown, "client_host", Some(&m.client_host));
    put(&mut shown, "member_epoch", Some(m.member_epoch));
    put(
        &mut shown,
        "previous_member_epoch",
        Some(m.previous_member_epoch),
    );
    put(&mut shown, "state", Some(m.state.name()));
    put(
        &mut shown,
        "rebalance_timeout_ms",
        Some(m.rebalance_timeout_ms),
    );
    put(
        &mut shown,
        "subscribed_topic_names",
        Some(&m.subscribed_topic_names),
    );
    put(
        &mut shown,
        "subscribed_topic_regex",
        m.subscribed_topic_regex.as_ref(),
    );
    put(&mut shown, "server_assignor", m.server_assignor.as_ref());
    put(&mut shown, "assigned", Some(with_epochs(&m.assigned)));
    put(
        &mut shown,
        "pending_revocation",
        Some(with_epochs(&m.pending_revocation)),
    );
    put(&mut shown, "target", Some(target));
    put(&mut shown, "classic", classic);
    Value::Object(shown)
}

fn offsets_json(offsets: &Offsets) -> Value {
    let mut groups = Map::new();
    for (group_id, topics) in offsets.groups() {
        let mut entries = Map::new();
        for (topic, partitions) in topics.iter() {
            for (partition, offset) in partitions.iter() {
                entries.insert(format!("{topic}-{partition}"), offset_json(offset));
            }
        }
        groups.insert(group_id.to_string(), Value::Object(entries));
    }
    Value::Object(groups)
}

fn offset_json(offset: &OffsetAndMetadata) -> Value {
    /// Longer metadata is told by its length.
    const SHOWN_CHARS: usize = 64;
    let value = &offset.value;
    let length = value.metadata.encode_utf16().count();
    let mut shown = Map::new();
    put(&mut shown, "offset", Some(value.offset));
    put(&mut shown, "leader_epoch", Some(value.leader_epoch));
    let metadata = if length > SHOWN_CHARS {
        format!("{length} chars")
    } else {
        value.metadata.to_string()
    };
    put(&mut shown, "metadata", Some(metadata));
    put(
        &mut shown,
        "commit_timestamp_ms",
        Some(value.commit_timestamp),
    );
    put(&mut shown, "expire_timestamp_ms", value.expire_timestamp);
    put(
        &mut shown,
        "topic_id",
        (!value.topic_id.is_zero()).then_some(value.topic_id),
    );
    put(&mut shown, "log_offset", Some(offset.record_offset));
    Value::Object(shown)
}

/// Applies a patch of the recorded form: at the depth of its entries a value replaces, null removes anywhere.
pub fn patch(state: &mut Value, patch: &Value) {
    if patch == "unchanged" {
        return;
    }
    let Some(parts) = patch.as_object() else {
        *state = Value::Null;
        return;
    };
    if state.is_null() {
        *state = json!({});
    }
    for (part, change) in parts {
        let depth = match part.as_str() {
            "offsets" => 2,
            "pending_txn_offsets" => 3,
            _ => 1,
        };
        merge(state, part, change, depth);
    }
    drop_empty(state);
}

fn merge(into: &mut Value, key: &str, change: &Value, depth: usize) {
    let Some(object) = into.as_object_mut() else {
        return;
    };
    match change {
        Value::Null => {
            object.remove(key);
        }
        Value::Object(changes) if depth > 0 => {
            let part = object.entry(key).or_insert_with(|| json!({}));
            for (key, change) in changes {
                merge(part, key, change, depth - 1);
            }
        }
        change => {
            object.insert(key.into(), change.clone());
        }
    }
}

/// Removes parts, groups and producers without entries.
fn drop_empty(state: &mut Value) {
    let Some(parts) = state.as_object_mut() else {
        return;
    };
    for part in ["offsets", "pending_txn_offsets"] {
        for entry in parts
            .get_mut(part)
            .and_then(Value::as_object_mut)
            .into_iter()
            .flat_map(|p| p.values_mut())
        {
            if let (Some(groups), "pending_txn_offsets") = (entry.as_object_mut(), part) {
                groups.retain(|_, offsets| offsets != &json!({}));
            }
        }
        if let Some(entries) = parts.get_mut(part).and_then(Value::as_object_mut) {
            entries.retain(|_, entry| entry != &json!({}));
        }
    }
    parts.retain(|_, part| part != &json!({}));
}
