//! Requests, answers and records between our types and the form of the recorded cases.

use crate::Step as CaseStep;
use crate::client::sha256::sha256;
use coordinator::group::record::{AssignedPartitions, TopicId};
use coordinator::group::{GroupRequest, GroupResponse, Record};
use protocol::messages::hex;
use protocol::{ErrorCode, ProducerEpoch, ProducerId};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

fn body<T: DeserializeOwned>(step: &CaseStep) -> T {
    let body = step.get("body").clone();
    serde_json::from_value(body).unwrap_or_else(|e| panic!("body of a {}: {e}", step.op))
}

pub fn request(step: &CaseStep) -> GroupRequest {
    match step.op.as_str() {
        "join_group" => GroupRequest::JoinGroup(body(step)),
        "sync_group" => GroupRequest::SyncGroup(body(step)),
        "heartbeat" => GroupRequest::Heartbeat(body(step)),
        "leave_group" => GroupRequest::LeaveGroup(body(step)),
        "consumer_group_heartbeat" => GroupRequest::ConsumerGroupHeartbeat(body(step)),
        "offset_commit" => GroupRequest::OffsetCommit(body(step)),
        "txn_offset_commit" => GroupRequest::TxnOffsetCommit(body(step)),
        "offset_fetch" => GroupRequest::OffsetFetch {
            group: body(step),
            require_stable: step.get("body")["require_stable"]
                .as_bool()
                .unwrap_or(false),
        },
        "offset_delete" => GroupRequest::OffsetDelete(body(step)),
        "delete_groups" => GroupRequest::DeleteGroups(body(step)),
        "list_groups" => GroupRequest::ListGroups(body(step)),
        "describe_groups" => GroupRequest::DescribeGroups(body(step)),
        "consumer_group_describe" => GroupRequest::ConsumerGroupDescribe(body(step)),
        "end_txn_marker" => GroupRequest::EndTxnMarker {
            producer_id: ProducerId(step.i64("producer_id").expect("producer_id")),
            producer_epoch: ProducerEpoch(
                step.i64("producer_epoch").expect("producer_epoch") as i16
            ),
            coordinator_epoch: step.i64("coordinator_epoch").unwrap_or(0) as i32,
            commit: step.str("result") == Some("COMMIT"),
        },
        other => panic!("an op of the recorded cases, not {other}"),
    }
}

fn plain<T: Serialize>(message: &T) -> Value {
    serde_json::to_value(message).expect("a message is JSON")
}

pub fn response(result: &Result<GroupResponse, ErrorCode>) -> Value {
    let mut shown = match result {
        Err(error) => json!({"error": error.name()}),
        Ok(GroupResponse::JoinGroup(r)) => plain(r),
        Ok(GroupResponse::SyncGroup(r)) => plain(r),
        Ok(GroupResponse::Heartbeat(r)) => plain(r),
        Ok(GroupResponse::LeaveGroup(r)) => plain(r),
        Ok(GroupResponse::ConsumerGroupHeartbeat(r)) => plain(r),
        Ok(GroupResponse::OffsetCommit(r)) => plain(r),
        Ok(GroupResponse::TxnOffsetCommit(r)) => plain(r),
        Ok(GroupResponse::OffsetFetch(r)) => plain(r),
        Ok(GroupResponse::OffsetDelete(r)) => plain(r),
        Ok(GroupResponse::DeleteGroups(r)) => plain(r),
        Ok(GroupResponse::ListGroups(r)) => plain(r),
        Ok(GroupResponse::DescribeGroups(r)) => plain(r),
        Ok(GroupResponse::ConsumerGroupDescribe(r)) => plain(r),
        Ok(GroupResponse::EndTxnMarker(error)) => json!({"error": error.name()}),
    };
    if let Some(fields) = shown.as_object_mut() {
        fields.remove("throttle_time_ms");
    }
    shown
}

/// Hex up to 4096 bytes, else digest and length.
pub fn blob(bytes: &[u8]) -> Value {
    const MAX_BYTES: usize = 4096;
    if bytes.len() <= MAX_BYTES {
        return json!(hex::encode(bytes));
    }
    json!({"sha256": sha256(bytes), "length": bytes.len()})
}

fn assigned(partitions: &AssignedPartitions) -> Value {
    let topics = partitions.iter().map(|(TopicId(id), partitions)| {
        let epochs: Vec<i32> = partitions.values().copied().collect();
        let partitions: Vec<i32> = partitions.keys().copied().collect();
        json!({"topic_id": id, "partitions": partitions, "assignment_epochs": epochs})
    });
    Value::Array(topics.collect())
}

pub fn record(record: &Record) -> Value {
    let (key, value) = key_and_value(record);
    let mut shown = json!({
        "type": record.type_name(),
        "key": key,
        "value": value,
        "key_hex": blob(&record.key_bytes()),
        "value_hex": record.value_bytes().map_or(Value::Null, |bytes| blob(&bytes)),
    });
    if let Some(version) = record.value_version() {
        shown["value_version"] = json!(version);
    }
    shown
}

fn key_and_value(record: &Record) -> (Value, Value) {
    match record {
        Record::OffsetCommit {
            group,
            topic,
            partition,
            value,
        } => {
            let key = json!({"group": group, "topic": topic, "partition": partition});
            let value = value.as_ref().map(|v| {
                let mut shown = json!({
                    "offset": v.offset,
                    "metadata": v.metadata,
                    "commit_timestamp": v.commit_timestamp,
                });
                match v.expire_timestamp {
                    Some(expire) => shown["expire_timestamp"] = json!(expire),
                    None => {
                        shown["leader_epoch"] = json!(v.leader_epoch);
                        if !v.topic_id.is_zero() {
                            shown["topic_id"] = json!(v.topic_id);
                        }
                    }
                }
                shown
            });
            (key, json!(value))
        }
        Record::GroupMetadata { group, value } => {
            let value = value.as_ref().map(|v| {
                let members: Vec<Value> = v
                    .members
                    .iter()
                    .map(|m| {
                        json!({
                            "member_id": m.member_id,
                            "group_instance_id": m.group_instance_id,
                            "client_id": m.client_id,
                            "client_host": m.client_host,
                            "rebalance_timeout": m.rebalance_timeout,
                            "session_timeout": m.session_timeout,
                            "subscription": hex::encode(&m.subscription),
                            "assignment": hex::encode(&m.assignment),
                        })
                    })
                    .collect();
                json!({
                    "protocol_type": v.protocol_type,
                    "generation": v.generation,
                    "protocol": v.protocol,
                    "leader": v.leader,
                    "current_state_timestamp": v.current_state_timestamp,
                    "members": members,
                })
            });
            (json!({"group": group}), json!(value))
        }
        Record::ConsumerGroupMetadata { group_id, value } => {
            let value = value.map(|v| {
                let mut shown = json!({"epoch": v.epoch});
                put_unless_zero(&mut shown, "metadata_hash", v.metadata_hash);
                shown
            });
            (json!({"group_id": group_id}), json!(value))
        }
        Record::ConsumerGroupPartitionMetadata { group_id, .. } => {
            (json!({"group_id": group_id}), Value::Null)
        }
        Record::ConsumerGroupMemberMetadata {
            group_id,
            member_id,
            value,
        } => {
            let value = value.as_ref().map(|v| {
                let classic = v.classic_member_metadata.as_ref().map(|c| {
                    let protocols: Vec<Value> = c
                        .supported_protocols
                        .iter()
                        .map(|(name, metadata)| json!({"name": name, "metadata": hex::encode(metadata)}))
                        .collect();
                    json!({"session_timeout_ms": c.session_timeout_ms, "supported_protocols": protocols})
                });
                json!({
                    "instance_id": v.instance_id,
                    "rack_id": v.rack_id,
                    "client_id": v.client_id,
                    "client_host": v.client_host,
                    "subscribed_topic_names": v.subscribed_topic_names,
                    "subscribed_topic_regex": v.subscribed_topic_regex,
                    "rebalance_timeout_ms": v.rebalance_timeout_ms,
                    "server_assignor": v.server_assignor,
                    "classic_member_metadata": classic,
                })
            });
            (member_key(group_id, member_id), json!(value))
        }
        Record::ConsumerGroupTargetAssignmentMetadata { group_id, value } => {
            let value = value.map(|v| {
                let mut shown = json!({"assignment_epoch": v.assignment_epoch});
                put_unless_zero(&mut shown, "assignment_timestamp", v.assignment_timestamp);
                shown
            });
            (json!({"group_id": group_id}), json!(value))
        }
        Record::ConsumerGroupTargetAssignmentMember {
            group_id,
            member_id,
            value,
        } => {
            let value = value.as_ref().map(|target| {
                let topics: Vec<Value> = target
                    .iter()
                    .map(|(id, partitions)| json!({"topic_id": id.0, "partitions": partitions}))
                    .collect();
                json!({"topic_partitions": topics})
            });
            (member_key(group_id, member_id), json!(value))
        }
        Record::ConsumerGroupCurrentMemberAssignment {
            group_id,
            member_id,
            value,
        } => {
            let value = value.as_ref().map(|v| {
                json!({
                    "member_epoch": v.member_epoch,
                    "previous_member_epoch": v.previous_member_epoch,
                    "state": v.state.code(),
                    "assigned_partitions": assigned(&v.assigned_partitions),
                    "partitions_pending_revocation": assigned(&v.partitions_pending_revocation),
                })
            });
            (member_key(group_id, member_id), json!(value))
        }
        Record::ConsumerGroupRegularExpression {
            group_id,
            regular_expression,
            value,
        } => {
            let value = value.as_ref().map(
                |v| json!({"topics": v.topics, "version": v.version, "timestamp": v.timestamp}),
            );
            let key = json!({"group_id": group_id, "regular_expression": regular_expression});
            (key, json!(value))
        }
    }
}

fn member_key(group_id: &str, member_id: &str) -> Value {
    json!({"group_id": group_id, "member_id": member_id})
}

fn put_unless_zero(shown: &mut Value, name: &str, value: i64) {
    if value != 0 {
        shown[name] = json!(value);
    }
}

/// A field that is shown only where it is set.
pub fn put<T: Serialize>(into: &mut Map<String, Value>, name: &str, value: Option<T>) {
    if let Some(value) = value {
        into.insert(name.into(), json!(value));
    }
}
