//! Answers to a consumer's requests, from the bodies that cases give.

use super::bodies::{commit_errors, of_partition};
use super::cluster::Cluster;
use super::values::{bytes_in, error, int, tp, tps};
use bytes::Bytes;
use protocol::consumer_protocol::{Assignment, HIGHEST_VERSION, Subscription};
use protocol::messages::*;
use protocol::record::{
    EndTransactionMarker, RecordBatchBuilder, SimpleRecord, end_transaction_marker,
};
use protocol::{
    ErrorCode, GenerationId, LeaderEpoch, MemberEpoch, Name, NodeId, Offset, ProducerId,
    TopicPartition,
};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

type Body = Map<String, Value>;

fn field<'a>(body: &'a Body, name: &str) -> &'a Value {
    body.get(name).unwrap_or(&Value::Null)
}

fn throttle(body: &Body) -> i32 {
    int(field(body, "throttle_ms"), 0) as i32
}

fn name(value: &Value) -> Option<Name> {
    value.as_str().map(Into::into)
}

fn by_topic(partitions: &[TopicPartition]) -> Vec<(Name, Vec<i32>)> {
    let mut topics: BTreeMap<Name, Vec<i32>> = BTreeMap::new();
    for tp in partitions {
        topics
            .entry(tp.topic.clone())
            .or_default()
            .push(tp.partition);
    }
    topics.into_iter().collect()
}

pub fn response(cluster: &Cluster, request: &Request, body: &Body) -> Response {
    let whole = error(field(body, "error"));
    match request {
        Request::Fetch(r) => fetch(cluster, r, body).into(),
        Request::ListOffsets(r) => list_offsets(r, body).into(),
        Request::OffsetForLeaderEpoch(r) => epochs(r, body).into(),
        Request::OffsetFetch(r) => offset_fetch(cluster, r, body).into(),
        Request::OffsetCommit(r) => OffsetCommitResponse {
            throttle_time_ms: throttle(body),
            topics: commit_errors(&r.topics, body),
        }
        .into(),
        Request::JoinGroup(_) => join(body).into(),
        Request::SyncGroup(_) => SyncGroupResponse {
            throttle_time_ms: throttle(body),
            error: whole,
            protocol_type: whole.is_none().then(|| "consumer".into()),
            protocol_name: name(field(body, "protocol")),
            assignment: if whole.is_none() {
                assignment(field(body, "assignment"))
            } else {
                Bytes::new()
            },
        }
        .into(),
        Request::Heartbeat(_) => HeartbeatResponse {
            throttle_time_ms: throttle(body),
            error: whole,
        }
        .into(),
        Request::LeaveGroup(r) => {
            let members = r
                .members
                .iter()
                .map(|m| MemberResponse {
                    member_id: m.member_id.clone(),
                    group_instance_id: m.group_instance_id.clone(),
                    error: ErrorCode::None,
                })
                .collect();
            LeaveGroupResponse {
                throttle_time_ms: throttle(body),
                error: whole,
                members,
            }
            .into()
        }
        Request::ConsumerGroupHeartbeat(r) => {
            let assigned = body.get("assignment").map(|list| ConsumerAssignment {
                topic_partitions: by_topic(&tps(list))
                    .into_iter()
                    .map(|(topic, partitions)| TopicPartitions {
                        topic_id: cluster.topic_id(&topic),
                        topic_name: topic,
                        partitions,
                    })
                    .collect(),
            });
            ConsumerGroupHeartbeatResponse {
                throttle_time_ms: throttle(body),
                error: whole,
                error_message: field(body, "message").as_str().map(Into::into),
                member_id: Some(r.member_id.clone()),
                member_epoch: MemberEpoch(int(field(body, "epoch"), 0) as i32),
                heartbeat_interval_ms: int(field(body, "interval_ms"), 5_000) as i32,
                assignment: assigned,
            }
            .into()
        }
        other => unreachable!("{:?} is not a client's request", other.api()),
    }
}

fn assignment(list: &Value) -> Bytes {
    Assignment {
        assigned_partitions: by_topic(&tps(list)),
        user_data: None,
    }
    .encode(HIGHEST_VERSION)
}

fn join(body: &Body) -> JoinGroupResponse {
    let members = field(body, "members")
        .as_array()
        .into_iter()
        .flatten()
        .map(|m| {
            let topics = m["topics"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(name)
                .collect();
            let subscription = Subscription {
                topics,
                user_data: None,
                owned_partitions: by_topic(&tps(&m["owned"])),
                generation_id: int(&m["generation"], -1) as i32,
                rack_id: None,
            };
            JoinGroupResponseMember {
                member_id: name(&m["member"]).expect("a member has an id"),
                group_instance_id: name(&m["instance"]),
                metadata: subscription.encode(HIGHEST_VERSION),
            }
        });
    JoinGroupResponse {
        throttle_time_ms: throttle(body),
        error: error(field(body, "error")),
        generation_id: GenerationId(int(field(body, "generation"), -1) as i32),
        protocol_type: field(body, "error").is_null().then(|| "consumer".into()),
        protocol_name: name(field(body, "protocol")),
        leader: name(field(body, "leader")).unwrap_or_default(),
        skip_assignment: field(body, "skip_assignment") == true,
        member_id: name(field(body, "member")).unwrap_or_default(),
        members: members.collect(),
    }
}

fn list_offsets(request: &ListOffsetsRequest, body: &Body) -> ListOffsetsResponse {
    let topics = request.topics.iter().map(|topic| ListOffsetsTopicResponse {
        name: topic.name.clone(),
        partitions: topic
            .partitions
            .iter()
            .filter_map(|p| {
                let said = of_partition(
                    body,
                    &TopicPartition::new(topic.name.clone(), p.partition_index),
                );
                (!said.is_null()).then(|| ListOffsetsPartitionResponse {
                    partition_index: p.partition_index,
                    error: error(&said["error"]),
                    timestamp: int(&said["timestamp"], -1),
                    offset: Offset(int(&said["offset"], -1)),
                    leader_epoch: LeaderEpoch(int(&said["leader_epoch"], -1) as i32),
                })
            })
            .collect(),
    });
    ListOffsetsResponse {
        throttle_time_ms: throttle(body),
        topics: topics.collect(),
    }
}

fn epochs(request: &OffsetForLeaderEpochRequest, body: &Body) -> OffsetForLeaderEpochResponse {
    let topics = request
        .topics
        .iter()
        .map(|topic| OffsetForLeaderTopicResult {
            topic: topic.topic.clone(),
            partitions: topic
                .partitions
                .iter()
                .filter_map(|p| {
                    let said =
                        of_partition(body, &TopicPartition::new(topic.topic.clone(), p.partition));
                    (!said.is_null()).then(|| OffsetForLeaderPartitionResult {
                        partition: p.partition,
                        error: error(&said["error"]),
                        leader_epoch: LeaderEpoch(int(&said["epoch"], -1) as i32),
                        end_offset: Offset(int(&said["end_offset"], -1)),
                    })
                })
                .collect(),
        });
    OffsetForLeaderEpochResponse {
        throttle_time_ms: throttle(body),
        topics: topics.collect(),
    }
}

fn offset_fetch(
    cluster: &Cluster,
    request: &OffsetFetchRequest,
    body: &Body,
) -> OffsetFetchResponse {
    let group = &request.groups[0];
    let topics = group.topics.iter().flatten().map(|topic| {
        let by_name = if topic.name.is_empty() {
            cluster.topic_name(topic.topic_id).unwrap_or_default()
        } else {
            topic.name.clone()
        };
        OffsetFetchResponseTopic {
            name: topic.name.clone(),
            topic_id: topic.topic_id,
            partitions: topic
                .partition_indexes
                .iter()
                .map(|p| {
                    let said = &field(body, "offsets")
                        [TopicPartition::new(by_name.clone(), *p).to_string()];
                    OffsetFetchResponsePartition {
                        partition_index: *p,
                        committed_offset: Offset(int(&said["offset"], -1)),
                        committed_leader_epoch: LeaderEpoch(int(&said["leader_epoch"], -1) as i32),
                        metadata: Some(name(&said["metadata"]).unwrap_or_default()),
                        error: error(&said["error"]),
                    }
                })
                .collect(),
        }
    });
    let group = OffsetFetchResponseGroup {
        group_id: group.group_id.clone(),
        topics: topics.collect(),
        error: error(field(body, "error")),
    };
    OffsetFetchResponse {
        throttle_time_ms: throttle(body),
        groups: vec![group],
    }
}

/// One batch as `{base, leader_epoch, pid, epoch, seq, transactional, records, last, control}`.
fn batch(said: &Value) -> Bytes {
    let base = int(&said["base"], 0);
    let leader_epoch = int(&said["leader_epoch"], 0) as i32;
    let (pid, epoch) = (int(&said["pid"], -1), int(&said["epoch"], 0) as i16);
    if let Some(control) = said["control"].as_str() {
        let marker = end_transaction_marker(
            base,
            0,
            leader_epoch,
            pid,
            epoch,
            EndTransactionMarker {
                commit: control == "commit",
                coordinator_epoch: 0,
            },
        );
        return marker.into_bytes();
    }
    let mut builder = RecordBatchBuilder::new(base)
        .partition_leader_epoch(leader_epoch)
        .transactional(said["transactional"] == true);
    if pid != -1 {
        builder = builder.producer(pid, epoch, int(&said["seq"], -1) as i32);
    }
    let mut next = base;
    for record in said["records"].as_array().into_iter().flatten() {
        let offset = int(&record["offset"], next);
        let simple = SimpleRecord {
            timestamp: int(&record["timestamp_ms"], 0),
            key: bytes_in(&record["key"]),
            value: bytes_in(&record["value"]),
            headers: Vec::new(),
        };
        builder
            .append_with_offset(offset, &simple)
            .expect("offsets rise");
        next = offset + 1;
    }
    if let Some(last) = said["last"].as_i64() {
        builder.override_last_offset(last);
    }
    builder
        .build()
        .expect("no codec")
        .expect("a batch has a record")
        .into_bytes()
}

fn fetch(cluster: &Cluster, request: &FetchRequest, body: &Body) -> FetchResponse {
    let read_committed = request.isolation_level == 1;
    let mut endpoints = Vec::new();
    let mut responses: Vec<FetchableTopicResponse> = Vec::new();
    for text in &cluster.order {
        let said = &field(body, "partitions")[text.as_str()];
        let tp = tp(text);
        let hw = int(&said["hw"], -1);
        let mut leader = LeaderIdAndEpoch::default();
        if let Some(list) = said["leader"].as_array() {
            leader.leader_id = NodeId(int(&list[0], -1) as i32);
            leader.leader_epoch = LeaderEpoch(int(&list[1], -1) as i32);
            endpoints.push(NodeEndpoint {
                node_id: leader.leader_id,
                rack: None,
            });
        }
        let aborted =
            said["aborted"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|a| AbortedTransaction {
                    producer_id: ProducerId(int(&a[0], -1)),
                    first_offset: Offset(int(&a[1], -1)),
                });
        let data = FetchPartitionData {
            partition_index: tp.partition,
            error: error(&said["error"]),
            high_watermark: Offset(hw),
            last_stable_offset: Offset(int(&said["lso"], hw)),
            log_start_offset: Offset(int(&said["log_start"], if hw < 0 { -1 } else { 0 })),
            current_leader: leader,
            aborted_transactions: read_committed.then(|| aborted.collect()),
            preferred_read_replica: NodeId(int(&said["preferred"], -1) as i32),
            records: Records {
                chunks: said["batches"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .map(batch)
                    .collect(),
            },
            ..FetchPartitionData::default()
        };
        match responses.iter_mut().find(|r| r.topic == tp.topic) {
            Some(topic) => topic.partitions.push(data),
            None => responses.push(FetchableTopicResponse {
                topic_id: cluster.topic_id(&tp.topic),
                topic: tp.topic,
                partitions: vec![data],
            }),
        }
    }
    FetchResponse {
        throttle_time_ms: throttle(body),
        error: error(field(body, "error")),
        session_id: int(field(body, "session"), 0) as i32,
        responses,
        node_endpoints: endpoints,
    }
}
