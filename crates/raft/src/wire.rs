//! Between the quorum's own words and Kafka's messages: puts the lists of topics and partitions on and takes them off.
//!
//! It decides nothing. A message about another partition, or without one, is none of the quorum's. Source: `RaftUtil`.

use crate::log::{OffsetAndEpoch, Records};
use crate::message::*;
use crate::report::CLUSTER_METADATA_TOPIC;
use bytes::Bytes;
use protocol::messages::{self as wire, LeaderIdAndEpoch, SnapshotId};
use protocol::record::RecordBatch;
use protocol::{ErrorCode, LeaderEpoch, NodeId, Offset, Uuid};

/// A request as it travels.
pub fn request_to_wire(request: &Request) -> wire::Request {
    let (cluster_id, epoch) = (request.cluster_id.clone(), request.epoch);
    match &request.body {
        RequestBody::Vote {
            candidate,
            voter,
            last_epoch,
            last_offset,
            pre_vote,
        } => wire::VoteRequest {
            cluster_id,
            voter_id: voter.map_or(NodeId::NONE, |key| key.id),
            voter_directory_id: voter.map_or(Uuid::ZERO, |key| key.directory_id),
            replica_epoch: epoch,
            replica_id: candidate.id,
            replica_directory_id: candidate.directory_id,
            last_offset_epoch: *last_epoch,
            last_offset: *last_offset,
            pre_vote: *pre_vote,
        }
        .into(),
        RequestBody::BeginQuorumEpoch { leader, voter } => wire::BeginQuorumEpochRequest {
            cluster_id,
            voter_id: voter.map_or(NodeId::NONE, |key| key.id),
            voter_directory_id: voter.map_or(Uuid::ZERO, |key| key.directory_id),
            leader_id: *leader,
            leader_epoch: epoch,
        }
        .into(),
        RequestBody::EndQuorumEpoch { leader, preferred } => wire::EndQuorumEpochRequest {
            cluster_id,
            leader_id: *leader,
            leader_epoch: epoch,
            preferred_successors: preferred.iter().map(|key| key.id).collect(),
            preferred_candidates: preferred
                .iter()
                .map(|key| wire::PreferredCandidate {
                    candidate_id: key.id,
                    candidate_directory_id: key.directory_id,
                })
                .collect(),
        }
        .into(),
        RequestBody::Fetch {
            replica,
            offset,
            last_epoch,
            max_wait_ms,
            max_bytes,
            high_watermark,
        } => {
            let partition = wire::FetchPartition {
                partition: 0,
                current_leader_epoch: epoch,
                fetch_offset: *offset,
                last_fetched_epoch: *last_epoch,
                partition_max_bytes: *max_bytes,
                replica_directory_id: replica.directory_id,
                high_watermark: *high_watermark,
                ..Default::default()
            };
            wire::FetchRequest {
                replica_id: replica.id,
                max_wait_ms: *max_wait_ms,
                max_bytes: *max_bytes,
                topics: vec![wire::FetchTopic {
                    topic: CLUSTER_METADATA_TOPIC.into(),
                    topic_id: Uuid::METADATA_TOPIC,
                    partitions: vec![partition],
                }],
                cluster_id,
                ..Default::default()
            }
            .into()
        }
        RequestBody::FetchSnapshot {
            replica,
            snapshot,
            position,
            max_bytes,
        } => wire::FetchSnapshotRequest {
            cluster_id,
            replica_id: replica.id,
            max_bytes: *max_bytes,
            topics: vec![wire::SnapshotTopic {
                name: CLUSTER_METADATA_TOPIC.into(),
                partitions: vec![wire::SnapshotPartition {
                    partition: 0,
                    current_leader_epoch: epoch,
                    snapshot_id: snapshot_id(*snapshot),
                    position: *position,
                    replica_directory_id: replica.directory_id,
                }],
            }],
        }
        .into(),
        RequestBody::UpdateRaftVoter { voter } => wire::UpdateRaftVoterRequest {
            cluster_id,
            current_leader_epoch: epoch,
            voter_id: voter.id,
            voter_directory_id: voter.directory_id,
        }
        .into(),
    }
}

/// A request of the quorum; `None` for one that is none of its business.
pub fn request_from_wire(request: &wire::Request) -> Option<Request> {
    let known =
        |id: NodeId, directory: Uuid| (!id.is_none()).then(|| ReplicaKey::new(id, directory));
    let (cluster_id, epoch, body) = match request {
        wire::Request::Vote(r) => {
            let body = RequestBody::Vote {
                candidate: ReplicaKey::new(r.replica_id, r.replica_directory_id),
                voter: known(r.voter_id, r.voter_directory_id),
                last_epoch: r.last_offset_epoch,
                last_offset: r.last_offset,
                pre_vote: r.pre_vote,
            };
            (&r.cluster_id, r.replica_epoch, body)
        }
        wire::Request::BeginQuorumEpoch(r) => {
            let voter = known(r.voter_id, r.voter_directory_id);
            (
                &r.cluster_id,
                r.leader_epoch,
                RequestBody::BeginQuorumEpoch {
                    leader: r.leader_id,
                    voter,
                },
            )
        }
        wire::Request::EndQuorumEpoch(r) => {
            let preferred = r
                .preferred_candidates
                .iter()
                .map(|c| ReplicaKey::new(c.candidate_id, c.candidate_directory_id))
                .collect();
            (
                &r.cluster_id,
                r.leader_epoch,
                RequestBody::EndQuorumEpoch {
                    leader: r.leader_id,
                    preferred,
                },
            )
        }
        wire::Request::Fetch(r) => {
            let topic = r
                .topics
                .iter()
                .find(|topic| &*topic.topic == CLUSTER_METADATA_TOPIC)?;
            let partition = topic.partitions.first()?;
            let body = RequestBody::Fetch {
                replica: ReplicaKey::new(r.replica_id, partition.replica_directory_id),
                offset: partition.fetch_offset,
                last_epoch: partition.last_fetched_epoch,
                max_wait_ms: r.max_wait_ms,
                max_bytes: r.max_bytes,
                high_watermark: partition.high_watermark,
            };
            (&r.cluster_id, partition.current_leader_epoch, body)
        }
        wire::Request::FetchSnapshot(r) => {
            let topic = r
                .topics
                .iter()
                .find(|topic| &*topic.name == CLUSTER_METADATA_TOPIC)?;
            let partition = topic.partitions.first()?;
            let body = RequestBody::FetchSnapshot {
                replica: ReplicaKey::new(r.replica_id, partition.replica_directory_id),
                snapshot: offset_and_epoch(&partition.snapshot_id),
                position: partition.position,
                max_bytes: r.max_bytes,
            };
            (&r.cluster_id, partition.current_leader_epoch, body)
        }
        wire::Request::UpdateRaftVoter(r) => {
            let voter = ReplicaKey::new(r.voter_id, r.voter_directory_id);
            (
                &r.cluster_id,
                r.current_leader_epoch,
                RequestBody::UpdateRaftVoter { voter },
            )
        }
        _ => return None,
    };
    Some(Request {
        cluster_id: cluster_id.clone(),
        epoch,
        body,
    })
}

/// An answer as it travels.
pub fn response_to_wire(response: &Response) -> wire::Response {
    let Response {
        error,
        partition_error,
        epoch,
        ..
    } = *response;
    let leader_id = response.leader.unwrap_or(NodeId::NONE);
    let current_leader = LeaderIdAndEpoch {
        leader_id,
        leader_epoch: epoch,
    };
    match &response.body {
        ResponseBody::Vote { granted } => wire::VoteResponse {
            error,
            partition_error,
            leader_id,
            leader_epoch: epoch,
            vote_granted: *granted,
            ..Default::default()
        }
        .into(),
        ResponseBody::BeginQuorumEpoch => wire::BeginQuorumEpochResponse {
            error,
            partition_error,
            leader_id,
            leader_epoch: epoch,
            ..Default::default()
        }
        .into(),
        ResponseBody::EndQuorumEpoch => wire::EndQuorumEpochResponse {
            error,
            partition_error,
            leader_id,
            leader_epoch: epoch,
            ..Default::default()
        }
        .into(),
        ResponseBody::Fetch(answer) => {
            let partition = wire::FetchPartitionData {
                partition_index: 0,
                error: partition_error,
                high_watermark: answer.high_watermark,
                log_start_offset: answer.log_start_offset,
                diverging_epoch: answer.diverging.map(|end| wire::EpochEndOffset {
                    epoch: end.epoch,
                    end_offset: end.offset,
                }),
                current_leader,
                snapshot_id: answer.snapshot.map(snapshot_id),
                records: wire::Records {
                    chunks: answer.records.iter().map(|b| b.bytes().clone()).collect(),
                },
                ..Default::default()
            };
            let topic = wire::FetchableTopicResponse {
                topic: CLUSTER_METADATA_TOPIC.into(),
                topic_id: Uuid::METADATA_TOPIC,
                partitions: vec![partition],
            };
            let responses = if error == ErrorCode::None {
                vec![topic]
            } else {
                Vec::new()
            };
            wire::FetchResponse {
                error,
                responses,
                ..Default::default()
            }
            .into()
        }
        ResponseBody::FetchSnapshot {
            snapshot,
            size,
            position,
            content,
        } => {
            let partition = wire::SnapshotPartitionResponse {
                index: 0,
                error: partition_error,
                snapshot_id: snapshot.map(snapshot_id).unwrap_or_default(),
                current_leader,
                size: *size,
                position: *position,
                unaligned_records: wire::Records::one(content.clone()),
            };
            let topic = wire::SnapshotTopicResponse {
                name: CLUSTER_METADATA_TOPIC.into(),
                partitions: vec![partition],
            };
            let topics = if error == ErrorCode::None {
                vec![topic]
            } else {
                Vec::new()
            };
            wire::FetchSnapshotResponse {
                error,
                topics,
                ..Default::default()
            }
            .into()
        }
        ResponseBody::UpdateRaftVoter => {
            // This one has a single error; both of ours go there.
            let error = if error == ErrorCode::None {
                partition_error
            } else {
                error
            };
            wire::UpdateRaftVoterResponse {
                error,
                current_leader,
                ..Default::default()
            }
            .into()
        }
    }
}

/// An answer to one of the quorum's requests; `None` if it is none. Bytes that are no whole batches end the records.
pub fn response_from_wire(response: &wire::Response) -> Option<Response> {
    let (error, partition_error, leader_id, epoch, body) = match response {
        wire::Response::Vote(r) => (
            r.error,
            r.partition_error,
            r.leader_id,
            r.leader_epoch,
            ResponseBody::Vote {
                granted: r.vote_granted,
            },
        ),
        wire::Response::BeginQuorumEpoch(r) => (
            r.error,
            r.partition_error,
            r.leader_id,
            r.leader_epoch,
            ResponseBody::BeginQuorumEpoch,
        ),
        wire::Response::EndQuorumEpoch(r) => (
            r.error,
            r.partition_error,
            r.leader_id,
            r.leader_epoch,
            ResponseBody::EndQuorumEpoch,
        ),
        wire::Response::Fetch(r) => {
            let topic = r
                .responses
                .iter()
                .find(|topic| &*topic.topic == CLUSTER_METADATA_TOPIC);
            let Some(partition) = topic.and_then(|topic| topic.partitions.first()) else {
                let answer = FetchAnswer::empty(None, Offset::ZERO);
                return (r.error != ErrorCode::None)
                    .then(|| Response::top_level(r.error, ResponseBody::Fetch(answer)));
            };
            let answer = FetchAnswer {
                high_watermark: partition.high_watermark,
                log_start_offset: partition.log_start_offset,
                records: batches(&partition.records),
                diverging: partition
                    .diverging_epoch
                    .as_ref()
                    .map(|end| OffsetAndEpoch {
                        offset: end.end_offset,
                        epoch: end.epoch,
                    }),
                snapshot: partition.snapshot_id.as_ref().map(offset_and_epoch),
            };
            let leader = &partition.current_leader;
            (
                r.error,
                partition.error,
                leader.leader_id,
                leader.leader_epoch,
                ResponseBody::Fetch(answer),
            )
        }
        wire::Response::FetchSnapshot(r) => {
            let topic = r
                .topics
                .iter()
                .find(|topic| &*topic.name == CLUSTER_METADATA_TOPIC);
            let Some(p) = topic.and_then(|topic| topic.partitions.first()) else {
                let body = ResponseBody::FetchSnapshot {
                    snapshot: None,
                    size: 0,
                    position: 0,
                    content: Bytes::new(),
                };
                return (r.error != ErrorCode::None).then(|| Response::top_level(r.error, body));
            };
            let id = offset_and_epoch(&p.snapshot_id);
            let body = ResponseBody::FetchSnapshot {
                snapshot: (id.offset >= Offset::ZERO && id.epoch >= LeaderEpoch(0)).then_some(id),
                size: p.size,
                position: p.position,
                content: p.unaligned_records.concat(),
            };
            (
                r.error,
                p.error,
                p.current_leader.leader_id,
                p.current_leader.leader_epoch,
                body,
            )
        }
        wire::Response::UpdateRaftVoter(r) => {
            let leader = &r.current_leader;
            (
                ErrorCode::None,
                r.error,
                leader.leader_id,
                leader.leader_epoch,
                ResponseBody::UpdateRaftVoter,
            )
        }
        _ => return None,
    };
    let leader = (!leader_id.is_none()).then_some(leader_id);
    Some(Response {
        error,
        partition_error,
        epoch,
        leader,
        body,
    })
}

/// What a lost connection is to the quorum: the answer BROKER_NOT_AVAILABLE (`KafkaNetworkChannel`).
pub fn connection_lost(asked: &Request) -> Response {
    Response::top_level(
        ErrorCode::BrokerNotAvailable,
        crate::requests::empty_answer(&asked.body),
    )
}

fn snapshot_id(id: OffsetAndEpoch) -> SnapshotId {
    SnapshotId {
        end_offset: id.offset,
        epoch: id.epoch,
    }
}

fn offset_and_epoch(id: &SnapshotId) -> OffsetAndEpoch {
    OffsetAndEpoch {
        offset: id.end_offset,
        epoch: id.epoch,
    }
}

fn batches(records: &wire::Records) -> Records {
    let whole = |chunk: &Bytes| {
        protocol::record::Batches::new(chunk.clone())
            .map_while(Result::ok)
            .collect::<Vec<RecordBatch>>()
    };
    records.chunks.iter().flat_map(whole).collect()
}
