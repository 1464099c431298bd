//! Requests that the group coordinator answers, its answers, and how a failure looks in each of them
//! (`GroupCoordinatorService`).

use super::classic::Token;
use protocol::messages::*;
use protocol::{ErrorCode, Name, ProducerEpoch, ProducerId};

/// Who asks, and in which version of the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestContext {
    pub api_version: i16,
    pub client_id: Name,
    /// As Kafka writes it: `/10.0.0.1`.
    pub client_host: Name,
}

/// A request about groups of one partition of `__consumer_offsets`.
#[derive(Clone, Debug, PartialEq)]
pub enum GroupRequest {
    JoinGroup(JoinGroupRequest),
    SyncGroup(SyncGroupRequest),
    Heartbeat(HeartbeatRequest),
    LeaveGroup(LeaveGroupRequest),
    ConsumerGroupHeartbeat(ConsumerGroupHeartbeatRequest),
    OffsetCommit(OffsetCommitRequest),
    TxnOffsetCommit(TxnOffsetCommitRequest),
    /// One group of an OffsetFetch.
    OffsetFetch {
        group: OffsetFetchRequestGroup,
        require_stable: bool,
    },
    OffsetDelete(OffsetDeleteRequest),
    DeleteGroups(DeleteGroupsRequest),
    ListGroups(ListGroupsRequest),
    DescribeGroups(DescribeGroupsRequest),
    ConsumerGroupDescribe(ConsumerGroupDescribeRequest),
    /// A transaction coordinator's marker for this partition (of a WriteTxnMarkers).
    EndTxnMarker {
        producer_id: ProducerId,
        producer_epoch: ProducerEpoch,
        coordinator_epoch: i32,
        commit: bool,
    },
}

/// An answer, of the kind of its request.
#[derive(Clone, Debug, PartialEq)]
pub enum GroupResponse {
    JoinGroup(JoinGroupResponse),
    SyncGroup(SyncGroupResponse),
    Heartbeat(HeartbeatResponse),
    LeaveGroup(LeaveGroupResponse),
    ConsumerGroupHeartbeat(ConsumerGroupHeartbeatResponse),
    OffsetCommit(OffsetCommitResponse),
    TxnOffsetCommit(TxnOffsetCommitResponse),
    OffsetFetch(OffsetFetchResponseGroup),
    OffsetDelete(OffsetDeleteResponse),
    DeleteGroups(DeleteGroupsResponse),
    ListGroups(ListGroupsResponse),
    DescribeGroups(DescribeGroupsResponse),
    ConsumerGroupDescribe(ConsumerGroupDescribeResponse),
    EndTxnMarker(ErrorCode),
}

/// A request is answered: with a response, or, where Kafka's service refuses it with an exception, with an error that the
/// host puts into its API's response.
#[derive(Clone, Debug, PartialEq)]
pub struct Completion {
    pub token: Token,
    pub result: Result<GroupResponse, ErrorCode>,
}

/// How an error of the log or of the runtime is told to a client (`CoordinatorOperationExceptionHelper`).
pub const fn operation_error(error: ErrorCode) -> ErrorCode {
    match error {
        ErrorCode::NetworkException => ErrorCode::CoordinatorLoadInProgress,
        error => append_error(error),
    }
}

/// The same for an append that a classic group waited for (`appendGroupMetadataErrorToResponseError`).
pub const fn append_error(error: ErrorCode) -> ErrorCode {
    match error {
        ErrorCode::UnknownTopicOrPartition
        | ErrorCode::NotEnoughReplicas
        | ErrorCode::RequestTimedOut => ErrorCode::CoordinatorNotAvailable,
        ErrorCode::NotLeaderOrFollower | ErrorCode::KafkaStorageError => ErrorCode::NotCoordinator,
        ErrorCode::MessageTooLarge
        | ErrorCode::RecordListTooLarge
        | ErrorCode::InvalidFetchSize => ErrorCode::UnknownServerError,
        error => error,
    }
}

/// A JoinGroup answer that only says an error.
pub fn join_error(member_id: Name, error: ErrorCode) -> JoinGroupResponse {
    JoinGroupResponse {
        error,
        member_id,
        protocol_name: Some("".into()),
        ..Default::default()
    }
}

/// A SyncGroup answer that only says an error.
pub fn sync_error(error: ErrorCode) -> SyncGroupResponse {
    SyncGroupResponse {
        error,
        ..Default::default()
    }
}

fn commit_errors(
    topics: &[OffsetCommitRequestTopic],
    error: ErrorCode,
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
                    error,
                })
                .collect(),
        })
        .collect()
}

impl GroupRequest {
    /// The answer to a request that its handler refused with `error`, already told as clients hear it.
    pub fn refused(&self, error: ErrorCode) -> Result<GroupResponse, ErrorCode> {
        Ok(match self {
            Self::JoinGroup(_) => GroupResponse::JoinGroup(join_error("".into(), error)),
            Self::SyncGroup(_) => GroupResponse::SyncGroup(sync_error(error)),
            // a member's heartbeat during a load is answered as if all were well
            Self::Heartbeat(_) => GroupResponse::Heartbeat(HeartbeatResponse {
                error: match error {
                    ErrorCode::CoordinatorLoadInProgress => ErrorCode::None,
                    error => error,
                },
                ..Default::default()
            }),
            Self::LeaveGroup(request) => GroupResponse::LeaveGroup(match error {
                ErrorCode::UnknownMemberId => LeaveGroupResponse {
                    members: request
                        .members
                        .iter()
                        .map(|m| MemberResponse {
                            member_id: m.member_id.clone(),
                            group_instance_id: m.group_instance_id.clone(),
                            error,
                        })
                        .collect(),
                    ..Default::default()
                },
                error => LeaveGroupResponse {
                    error,
                    ..Default::default()
                },
            }),
            Self::ConsumerGroupHeartbeat(_) => {
                GroupResponse::ConsumerGroupHeartbeat(ConsumerGroupHeartbeatResponse {
                    error,
                    ..Default::default()
                })
            }
            Self::OffsetCommit(request) => GroupResponse::OffsetCommit(OffsetCommitResponse {
                topics: commit_errors(&request.topics, error),
                ..Default::default()
            }),
            Self::TxnOffsetCommit(request) => {
                GroupResponse::TxnOffsetCommit(TxnOffsetCommitResponse {
                    topics: commit_errors(&request.topics, error),
                    ..Default::default()
                })
            }
            Self::OffsetFetch {
                group,
                require_stable,
            } => {
                // without require_stable it is a read, whose exceptions the service passes on
                if !require_stable {
                    return Err(error);
                }
                GroupResponse::OffsetFetch(OffsetFetchResponseGroup {
                    group_id: group.group_id.clone(),
                    error,
                    ..Default::default()
                })
            }
            Self::OffsetDelete(_) => GroupResponse::OffsetDelete(OffsetDeleteResponse {
                error,
                ..Default::default()
            }),
            Self::DeleteGroups(request) => GroupResponse::DeleteGroups(DeleteGroupsResponse {
                results: request
                    .groups_names
                    .iter()
                    .map(|group_id| DeletableGroupResult {
                        group_id: group_id.clone(),
                        error,
                    })
                    .collect(),
                ..Default::default()
            }),
            Self::ListGroups(_) => GroupResponse::ListGroups(ListGroupsResponse {
                error,
                ..Default::default()
            }),
            Self::DescribeGroups(request) => {
                GroupResponse::DescribeGroups(DescribeGroupsResponse {
                    groups: request
                        .groups
                        .iter()
                        .map(|group_id| DescribedGroup {
                            error,
                            group_id: group_id.clone(),
                            ..Default::default()
                        })
                        .collect(),
                    ..Default::default()
                })
            }
            Self::ConsumerGroupDescribe(request) => {
                GroupResponse::ConsumerGroupDescribe(ConsumerGroupDescribeResponse {
                    groups: request
                        .group_ids
                        .iter()
                        .map(|group_id| ConsumerGroupDescribedGroup {
                            error,
                            group_id: group_id.clone(),
                            ..Default::default()
                        })
                        .collect(),
                    ..Default::default()
                })
            }
            Self::EndTxnMarker { .. } => GroupResponse::EndTxnMarker(error),
        })
    }
}

impl GroupResponse {
    /// What an answer becomes when its write fails: the error everywhere, in the same shape.
    pub fn failed(self, error: ErrorCode) -> GroupResponse {
        match self {
            Self::Heartbeat(_) => Self::Heartbeat(HeartbeatResponse {
                error,
                ..Default::default()
            }),
            Self::LeaveGroup(_) => Self::LeaveGroup(LeaveGroupResponse {
                error,
                ..Default::default()
            }),
            Self::ConsumerGroupHeartbeat(_) => {
                Self::ConsumerGroupHeartbeat(ConsumerGroupHeartbeatResponse {
                    error,
                    ..Default::default()
                })
            }
            Self::OffsetCommit(mut response) => {
                fail_partitions(&mut response.topics, error);
                Self::OffsetCommit(response)
            }
            Self::TxnOffsetCommit(mut response) => {
                fail_partitions(&mut response.topics, error);
                Self::TxnOffsetCommit(response)
            }
            Self::OffsetFetch(response) => Self::OffsetFetch(OffsetFetchResponseGroup {
                group_id: response.group_id,
                error,
                ..Default::default()
            }),
            Self::OffsetDelete(_) => Self::OffsetDelete(OffsetDeleteResponse {
                error,
                ..Default::default()
            }),
            Self::DeleteGroups(mut response) => {
                response.results.iter_mut().for_each(|r| r.error = error);
                Self::DeleteGroups(response)
            }
            Self::EndTxnMarker(_) => Self::EndTxnMarker(error),
            // reads do not wait for a write, and parked requests are answered by their group
            other => other,
        }
    }
}

fn fail_partitions(topics: &mut [OffsetCommitResponseTopic], error: ErrorCode) {
    for partition in topics.iter_mut().flat_map(|t| &mut t.partitions) {
        partition.error = error;
    }
}
