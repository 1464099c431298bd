//! Answers of the scripted cluster, from the bodies that cases give.

use super::cluster::Cluster;
use super::values::{error, int};
use protocol::messages::*;
use protocol::{
    ErrorCode, LeaderEpoch, Name, NodeId, Offset, ProducerEpoch, ProducerId, TopicPartition, Uuid,
};
use serde_json::{Map, Value};

type Body = Map<String, Value>;

fn field<'a>(body: &'a Body, name: &str) -> &'a Value {
    body.get(name).unwrap_or(&Value::Null)
}

fn throttle(body: &Body) -> i32 {
    int(field(body, "throttle_ms"), 0) as i32
}

/// The body of one partition: its own, `all`, or nothing said.
pub fn of_partition<'a>(body: &'a Body, tp: &TopicPartition) -> &'a Value {
    let named = field(body, "partitions").get(tp.to_string());
    named.unwrap_or(field(body, "all"))
}

pub fn response(cluster: &Cluster, request: &Request, body: &Body) -> Response {
    match request {
        Request::ApiVersions(_) => api_versions(cluster).into(),
        Request::Metadata(r) => metadata(cluster, r).into(),
        Request::FindCoordinator(r) => find_coordinator(cluster, r, body).into(),
        Request::InitProducerId(_) => InitProducerIdResponse {
            throttle_time_ms: throttle(body),
            error: error(field(body, "error")),
            producer_id: ProducerId(int(field(body, "pid"), -1)),
            producer_epoch: ProducerEpoch(int(field(body, "epoch"), -1) as i16),
            ..InitProducerIdResponse::default()
        }
        .into(),
        Request::Produce(r) => produce(r, body).into(),
        Request::AddPartitionsToTxn(r) => add_partitions(r, body).into(),
        Request::AddOffsetsToTxn(_) => AddOffsetsToTxnResponse {
            throttle_time_ms: throttle(body),
            error: error(field(body, "error")),
        }
        .into(),
        Request::TxnOffsetCommit(r) => TxnOffsetCommitResponse {
            throttle_time_ms: throttle(body),
            topics: commit_errors(&r.topics, body),
        }
        .into(),
        Request::EndTxn(_) => EndTxnResponse {
            throttle_time_ms: throttle(body),
            error: error(field(body, "error")),
            producer_id: ProducerId(int(field(body, "pid"), -1)),
            producer_epoch: ProducerEpoch(int(field(body, "epoch"), -1) as i16),
        }
        .into(),
        other => super::bodies_consumer::response(cluster, other, body),
    }
}

fn api_versions(cluster: &Cluster) -> ApiVersionsResponse {
    let (finalized_features_epoch, level) = cluster.transaction_version();
    ApiVersionsResponse {
        finalized_features_epoch,
        finalized_features: vec![FinalizedFeature {
            name: "transaction.version".into(),
            max_version_level: level,
            min_version_level: level,
        }],
        ..ApiVersionsResponse::default()
    }
}

fn metadata(cluster: &Cluster, request: &MetadataRequest) -> MetadataResponse {
    let wanted: Vec<(Option<Name>, Uuid)> = match &request.topics {
        None => cluster
            .topics
            .iter()
            .map(|(name, t)| (Some(name.clone()), t.id))
            .collect(),
        Some(list) => list.iter().map(|t| (t.name.clone(), t.topic_id)).collect(),
    };
    let replicas: Vec<NodeId> = cluster.brokers.iter().map(|id| NodeId(*id)).collect();
    let topics = wanted
        .into_iter()
        .map(|(name, id)| {
            let name = name.or_else(|| cluster.topic_name(id));
            let known = name.as_ref().and_then(|name| cluster.topics.get(name));
            let Some(topic) = known else {
                let by_name = name.is_some();
                let error = if by_name {
                    ErrorCode::UnknownTopicOrPartition
                } else {
                    ErrorCode::UnknownTopicId
                };
                return MetadataResponseTopic {
                    error,
                    name,
                    topic_id: id,
                    ..MetadataResponseTopic::default()
                };
            };
            let partitions = topic
                .partitions
                .iter()
                .enumerate()
                .map(|(i, (leader, epoch))| MetadataResponsePartition {
                    error: if *leader < 0 {
                        ErrorCode::LeaderNotAvailable
                    } else {
                        ErrorCode::None
                    },
                    partition_index: i as i32,
                    leader_id: NodeId(*leader),
                    leader_epoch: LeaderEpoch(*epoch),
                    replica_nodes: replicas.clone(),
                    isr_nodes: replicas.clone(),
                    offline_replicas: Vec::new(),
                })
                .collect();
            MetadataResponseTopic {
                name,
                topic_id: topic.id,
                partitions,
                ..MetadataResponseTopic::default()
            }
        })
        .collect();
    MetadataResponse {
        brokers: replicas
            .iter()
            .map(|id| MetadataResponseBroker {
                node_id: *id,
                rack: None,
            })
            .collect(),
        controller_id: cluster.bootstrap(),
        topics,
        ..MetadataResponse::default()
    }
}

fn find_coordinator(
    cluster: &Cluster,
    request: &FindCoordinatorRequest,
    body: &Body,
) -> FindCoordinatorResponse {
    let own = if request.key_type == COORDINATOR_GROUP {
        cluster.group_coordinator
    } else {
        cluster.txn_coordinator
    };
    let error = error(field(body, "error"));
    let node = if error.is_none() {
        int(field(body, "coordinator"), i64::from(own)) as i32
    } else {
        -1
    };
    let coordinator = Coordinator {
        key: request.coordinator_keys[0].clone(),
        node_id: NodeId(node),
        error,
        error_message: None,
    };
    FindCoordinatorResponse {
        throttle_time_ms: throttle(body),
        coordinators: vec![coordinator],
    }
}

fn produce(request: &ProduceRequest, body: &Body) -> ProduceResponse {
    let mut endpoints = Vec::new();
    let mut responses = Vec::new();
    for topic in &request.topic_data {
        let mut partitions = Vec::new();
        for data in &topic.partition_data {
            let said = of_partition(body, &TopicPartition::new(topic.name.clone(), data.index));
            if said.is_null() {
                continue;
            }
            let mut leader = LeaderIdAndEpoch::default();
            if let Some(list) = said["leader"].as_array() {
                leader.leader_id = NodeId(int(&list[0], -1) as i32);
                leader.leader_epoch = LeaderEpoch(int(&list[1], -1) as i32);
                endpoints.push(NodeEndpoint {
                    node_id: leader.leader_id,
                    rack: None,
                });
            }
            let record_errors = said["record_errors"].as_array().into_iter().flatten();
            partitions.push(PartitionProduceResponse {
                index: data.index,
                error: error(&said["error"]),
                base_offset: Offset(int(&said["offset"], -1)),
                log_append_time_ms: int(&said["log_append_ms"], -1),
                log_start_offset: Offset(int(&said["log_start"], -1)),
                record_errors: record_errors
                    .map(|e| BatchIndexAndErrorMessage {
                        batch_index: int(&e[0], 0) as i32,
                        batch_index_error_message: e[1].as_str().map(String::from),
                    })
                    .collect(),
                error_message: said["message"].as_str().map(String::from),
                current_leader: leader,
            });
        }
        responses.push(TopicProduceResponse {
            name: topic.name.clone(),
            topic_id: topic.topic_id,
            partition_responses: partitions,
        });
    }
    ProduceResponse {
        responses,
        throttle_time_ms: throttle(body),
        node_endpoints: endpoints,
    }
}

/// The error of a partition: its own, or that of the whole answer.
pub fn partition_error(body: &Body, tp: &TopicPartition) -> ErrorCode {
    let named = field(body, "partitions").get(tp.to_string());
    error(named.unwrap_or(field(body, "error")))
}

fn add_partitions(request: &AddPartitionsToTxnRequest, body: &Body) -> AddPartitionsToTxnResponse {
    let transaction = &request.transactions[0];
    let topic_results = transaction
        .topics
        .iter()
        .map(|topic| AddPartitionsToTxnTopicResult {
            name: topic.name.clone(),
            results_by_partition: topic
                .partitions
                .iter()
                .map(|p| AddPartitionsToTxnPartitionResult {
                    partition_index: *p,
                    partition_error: partition_error(
                        body,
                        &TopicPartition::new(topic.name.clone(), *p),
                    ),
                })
                .collect(),
        })
        .collect();
    AddPartitionsToTxnResponse {
        throttle_time_ms: throttle(body),
        error: ErrorCode::None,
        results_by_transaction: vec![AddPartitionsToTxnResult {
            transactional_id: transaction.transactional_id.clone(),
            topic_results,
        }],
    }
}

pub fn commit_errors(
    topics: &[OffsetCommitRequestTopic],
    body: &Body,
) -> Vec<OffsetCommitResponseTopic> {
    topics
        .iter()
        .map(|topic| OffsetCommitResponseTopic {
            name: topic.name.clone(),
            topic_id: topic.topic_id,
            partitions: topic
                .partitions
                .iter()
                .map(|p| OffsetCommitResponsePartition {
                    partition_index: p.partition_index,
                    error: partition_error(
                        body,
                        &TopicPartition::new(topic.name.clone(), p.partition_index),
                    ),
                })
                .collect(),
        })
        .collect()
}
