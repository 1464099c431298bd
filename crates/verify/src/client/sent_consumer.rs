//! Requests of consumers in the form in which cases show them.

use super::cluster::Topic;
use super::sent::{name_of, offsets, texts};
use super::values::hex;
use protocol::consumer_protocol::{Assignment, Subscription};
use protocol::messages::{
    FetchRequest, JoinGroupRequest, Request, SyncGroupRequest, TopicPartitions,
};
use protocol::{Name, TopicPartition};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

type Topics = BTreeMap<Name, Topic>;

fn isolation(level: i8) -> &'static str {
    if level == 1 {
        "read_committed"
    } else {
        "read_uncommitted"
    }
}

fn partitions(topics: &[(Name, Vec<i32>)]) -> Vec<TopicPartition> {
    let mut all: Vec<TopicPartition> = topics
        .iter()
        .flat_map(|(t, list)| list.iter().map(|p| TopicPartition::new(t.clone(), *p)))
        .collect();
    all.sort();
    all
}

pub fn request(request: &Request, topics: &Topics) -> Value {
    match request {
        Request::Fetch(r) => fetch(r),
        Request::ListOffsets(r) => {
            let mut asked = Map::new();
            for topic in &r.topics {
                for p in &topic.partitions {
                    let line =
                        json!({"timestamp": p.timestamp, "leader_epoch": p.current_leader_epoch.0});
                    asked.insert(format!("{}-{}", topic.name, p.partition_index), line);
                }
            }
            json!({"isolation": isolation(r.isolation_level), "partitions": asked})
        }
        Request::OffsetForLeaderEpoch(r) => {
            let mut asked = Map::new();
            for topic in &r.topics {
                for p in &topic.partitions {
                    let line = json!({"epoch": p.leader_epoch.0, "current_leader_epoch": p.current_leader_epoch.0});
                    asked.insert(format!("{}-{}", topic.topic, p.partition), line);
                }
            }
            json!({"partitions": asked})
        }
        Request::OffsetFetch(r) => {
            let group = &r.groups[0];
            let asked: Vec<(Name, Vec<i32>)> = group
                .topics
                .iter()
                .flatten()
                .map(|t| {
                    let name = if t.name.is_empty() {
                        name_of(t.topic_id, topics)
                    } else {
                        t.name.clone()
                    };
                    (name, t.partition_indexes.clone())
                })
                .collect();
            json!({"group": group.group_id, "member": group.member_id, "member_epoch": group.member_epoch,
                "require_stable": r.require_stable, "partitions": texts(&partitions(&asked))})
        }
        Request::OffsetCommit(r) => {
            json!({"group": r.group_id, "generation": r.generation_id_or_member_epoch,
            "member": r.member_id, "instance": r.group_instance_id, "offsets": offsets(&r.topics, topics)})
        }
        Request::JoinGroup(r) => join(r),
        Request::SyncGroup(r) => sync(r),
        Request::Heartbeat(r) => {
            json!({"group": r.group_id, "generation": r.generation_id.0, "member": r.member_id,
            "instance": r.group_instance_id})
        }
        Request::LeaveGroup(r) => {
            let members: Vec<Value> = r
                .members
                .iter()
                .map(|m| {
                    let reason = if m.reason.as_deref().unwrap_or("").is_empty() { "" } else { "given" };
                    json!({"member": m.member_id, "instance": m.group_instance_id, "reason": reason})
                })
                .collect();
            json!({"group": r.group_id, "members": members})
        }
        Request::ConsumerGroupHeartbeat(r) => {
            let mut line =
                json!({"group": r.group_id, "member": r.member_id, "epoch": r.member_epoch.0});
            let mut put = |name: &str, value: Value| {
                if !value.is_null() {
                    line[name] = value;
                }
            };
            put("instance", json!(r.instance_id));
            put("rack", json!(r.rack_id));
            if r.rebalance_timeout_ms != -1 {
                put("rebalance_ms", json!(r.rebalance_timeout_ms));
            }
            put("topics", json!(r.subscribed_topic_names));
            put("regex", json!(r.subscribed_topic_regex));
            put("assignor", json!(r.server_assignor));
            put(
                "owned",
                r.topic_partitions
                    .as_ref()
                    .map_or(Value::Null, |owned| json!(owned_texts(owned, topics))),
            );
            line
        }
        other => unreachable!("{:?} is not a client's request", other.api()),
    }
}

fn owned_texts(owned: &[TopicPartitions], topics: &Topics) -> Vec<String> {
    let owned: Vec<(Name, Vec<i32>)> = owned
        .iter()
        .map(|t| (name_of(t.topic_id, topics), t.partitions.clone()))
        .collect();
    texts(&partitions(&owned))
}

fn fetch(r: &FetchRequest) -> Value {
    let mut asked = Vec::new();
    for topic in &r.topics {
        for p in &topic.partitions {
            asked.push(
                json!({"tp": format!("{}-{}", topic.topic, p.partition), "offset": p.fetch_offset.0,
                "leader_epoch": p.current_leader_epoch.0, "max_bytes": p.partition_max_bytes}),
            );
        }
    }
    let mut line = json!({"max_wait_ms": r.max_wait_ms, "min_bytes": r.min_bytes, "max_bytes": r.max_bytes,
        "isolation": isolation(r.isolation_level), "session": [r.session_id, r.session_epoch], "partitions": asked});
    if !r.forgotten_topics_data.is_empty() {
        let forgotten: Vec<(Name, Vec<i32>)> = r
            .forgotten_topics_data
            .iter()
            .map(|t| (t.topic.clone(), t.partitions.clone()))
            .collect();
        line["forgotten"] = json!(texts(&partitions(&forgotten)));
    }
    if !r.rack_id.is_empty() {
        line["rack"] = json!(r.rack_id);
    }
    line
}

fn join(r: &JoinGroupRequest) -> Value {
    let protocols: Vec<Value> = r
        .protocols
        .iter()
        .map(|p| {
            let s = Subscription::decode(&p.metadata).expect("a subscription");
            let mut topics = s.topics.clone();
            topics.sort();
            let mut line = json!({"name": p.name, "topics": topics, "owned": texts(&partitions(&s.owned_partitions))});
            if s.generation_id != -1 {
                line["generation"] = json!(s.generation_id);
            }
            if let Some(data) = &s.user_data {
                line["user_data"] = json!(hex(data));
            }
            if let Some(rack) = &s.rack_id {
                line["rack"] = json!(rack);
            }
            line
        })
        .collect();
    let reason = if r.reason.as_deref().unwrap_or("").is_empty() {
        ""
    } else {
        "given"
    };
    json!({"group": r.group_id, "member": r.member_id, "instance": r.group_instance_id,
        "session_ms": r.session_timeout_ms, "rebalance_ms": r.rebalance_timeout_ms, "reason": reason,
        "protocols": protocols})
}

fn sync(r: &SyncGroupRequest) -> Value {
    let mut assignments = Map::new();
    for a in &r.assignments {
        let decoded = Assignment::decode(&a.assignment).expect("an assignment");
        assignments.insert(
            a.member_id.to_string(),
            json!(texts(&partitions(&decoded.assigned_partitions))),
        );
    }
    json!({"group": r.group_id, "generation": r.generation_id.0, "member": r.member_id,
        "instance": r.group_instance_id, "protocol": r.protocol_name, "assignments": assignments})
}
