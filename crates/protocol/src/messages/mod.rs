//! Typed requests and responses, with the fields of Kafka's message schemas in snake case.
//!
//! A message here is what its newest version carries; where a rule depends on the version, the version travels beside it
//! (`RequestHeader`). There are no bytes: nodes hand each other values. Two things differ from the schemas on purpose:
//! `error_code` is an [`ErrorCode`](crate::ErrorCode) named `error`, and a topic that newer versions identify by id alone
//! carries its name too, so that every message can be read by a person.

use crate::ids::CorrelationId;
use crate::{ApiKey, Name};
use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// Declares message structs: plain data, comparable, with a default for every field.
macro_rules! messages {
    ($($(#[$doc:meta])* $name:ident { $($(#[$fdoc:meta])* $field:ident: $ty:ty $(= $default:expr)?),* $(,)? })*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, PartialEq, Debug, serde::Serialize, serde::Deserialize)]
            #[serde(default)]
            pub struct $name { $($(#[$fdoc])* pub $field: $ty,)* }

            impl Default for $name {
                fn default() -> Self {
                    Self { $($field: messages!(@default $ty $(= $default)?),)* }
                }
            }
        )*
    };
    (@default $ty:ty) => { <$ty>::default() };
    (@default $ty:ty = $default:expr) => { $default };
}

pub mod commits;
pub mod consumer_group;
pub mod controller;
pub mod fetch;
pub mod group;
pub mod hex;
pub mod lookup;
pub mod offsets;
pub mod produce;
pub mod quorum;
pub mod topics;
pub mod transaction;

pub use commits::*;
pub use consumer_group::*;
pub use controller::*;
pub use fetch::*;
pub use group::*;
pub use lookup::*;
pub use offsets::*;
pub use produce::*;
pub use quorum::*;
pub use topics::*;
pub use transaction::*;

/// Record batches as they travel: shared slices, one a batch, the last one perhaps cut off by a size limit.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Records {
    pub chunks: Vec<Bytes>,
}

impl Records {
    pub fn one(batch: Bytes) -> Self {
        Self {
            chunks: vec![batch],
        }
    }

    pub fn size_bytes(&self) -> usize {
        self.chunks.iter().map(Bytes::len).sum()
    }

    pub fn is_empty(&self) -> bool {
        self.size_bytes() == 0
    }

    /// All bytes in one piece; free where there is one chunk.
    pub fn concat(&self) -> Bytes {
        match self.chunks.as_slice() {
            [] => Bytes::new(),
            [one] => one.clone(),
            many => {
                let mut all = Vec::with_capacity(self.size_bytes());
                for chunk in many {
                    all.extend_from_slice(chunk);
                }
                all.into()
            }
        }
    }
}

impl Serialize for Records {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        hex::serialize(&self.concat(), s)
    }
}

impl<'de> Deserialize<'de> for Records {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let bytes = hex::deserialize(d)?;
        Ok(if bytes.is_empty() {
            Self::default()
        } else {
            Self::one(bytes)
        })
    }
}

/// What stands before every request on the wire.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RequestHeader {
    pub api_version: i16,
    pub correlation_id: CorrelationId,
    pub client_id: Name,
}

macro_rules! message_unions {
    ($($variant:ident($request:ident, $response:ident)),* $(,)?) => {
        /// Any request.
        #[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
        #[serde(tag = "api", rename_all = "SCREAMING_SNAKE_CASE")]
        pub enum Request { $($variant(Box<$request>),)* }

        /// Any response.
        #[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
        #[serde(tag = "api", rename_all = "SCREAMING_SNAKE_CASE")]
        pub enum Response { $($variant(Box<$response>),)* }

        impl Request {
            pub const fn api(&self) -> ApiKey {
                match self { $(Request::$variant(_) => ApiKey::$variant,)* }
            }
        }

        impl Response {
            pub const fn api(&self) -> ApiKey {
                match self { $(Response::$variant(_) => ApiKey::$variant,)* }
            }
        }

        $(
            impl From<$request> for Request {
                fn from(message: $request) -> Self {
                    Request::$variant(Box::new(message))
                }
            }

            impl From<$response> for Response {
                fn from(message: $response) -> Self {
                    Response::$variant(Box::new(message))
                }
            }
        )*
    };
}

message_unions! {
    Produce(ProduceRequest, ProduceResponse),
    Fetch(FetchRequest, FetchResponse),
    ListOffsets(ListOffsetsRequest, ListOffsetsResponse),
    Metadata(MetadataRequest, MetadataResponse),
    OffsetCommit(OffsetCommitRequest, OffsetCommitResponse),
    OffsetFetch(OffsetFetchRequest, OffsetFetchResponse),
    FindCoordinator(FindCoordinatorRequest, FindCoordinatorResponse),
    JoinGroup(JoinGroupRequest, JoinGroupResponse),
    Heartbeat(HeartbeatRequest, HeartbeatResponse),
    LeaveGroup(LeaveGroupRequest, LeaveGroupResponse),
    SyncGroup(SyncGroupRequest, SyncGroupResponse),
    DescribeGroups(DescribeGroupsRequest, DescribeGroupsResponse),
    ListGroups(ListGroupsRequest, ListGroupsResponse),
    ApiVersions(ApiVersionsRequest, ApiVersionsResponse),
    CreateTopics(CreateTopicsRequest, CreateTopicsResponse),
    DeleteTopics(DeleteTopicsRequest, DeleteTopicsResponse),
    DeleteRecords(DeleteRecordsRequest, DeleteRecordsResponse),
    InitProducerId(InitProducerIdRequest, InitProducerIdResponse),
    OffsetForLeaderEpoch(OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse),
    AddPartitionsToTxn(AddPartitionsToTxnRequest, AddPartitionsToTxnResponse),
    AddOffsetsToTxn(AddOffsetsToTxnRequest, AddOffsetsToTxnResponse),
    EndTxn(EndTxnRequest, EndTxnResponse),
    WriteTxnMarkers(WriteTxnMarkersRequest, WriteTxnMarkersResponse),
    TxnOffsetCommit(TxnOffsetCommitRequest, TxnOffsetCommitResponse),
    DescribeConfigs(DescribeConfigsRequest, DescribeConfigsResponse),
    CreatePartitions(CreatePartitionsRequest, CreatePartitionsResponse),
    DeleteGroups(DeleteGroupsRequest, DeleteGroupsResponse),
    ElectLeaders(ElectLeadersRequest, ElectLeadersResponse),
    IncrementalAlterConfigs(IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse),
    AlterPartitionReassignments(AlterPartitionReassignmentsRequest, AlterPartitionReassignmentsResponse),
    ListPartitionReassignments(ListPartitionReassignmentsRequest, ListPartitionReassignmentsResponse),
    OffsetDelete(OffsetDeleteRequest, OffsetDeleteResponse),
    Vote(VoteRequest, VoteResponse),
    BeginQuorumEpoch(BeginQuorumEpochRequest, BeginQuorumEpochResponse),
    EndQuorumEpoch(EndQuorumEpochRequest, EndQuorumEpochResponse),
    DescribeQuorum(DescribeQuorumRequest, DescribeQuorumResponse),
    AlterPartition(AlterPartitionRequest, AlterPartitionResponse),
    FetchSnapshot(FetchSnapshotRequest, FetchSnapshotResponse),
    BrokerRegistration(BrokerRegistrationRequest, BrokerRegistrationResponse),
    BrokerHeartbeat(BrokerHeartbeatRequest, BrokerHeartbeatResponse),
    UnregisterBroker(UnregisterBrokerRequest, UnregisterBrokerResponse),
    DescribeTransactions(DescribeTransactionsRequest, DescribeTransactionsResponse),
    ListTransactions(ListTransactionsRequest, ListTransactionsResponse),
    AllocateProducerIds(AllocateProducerIdsRequest, AllocateProducerIdsResponse),
    ConsumerGroupHeartbeat(ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse),
    ConsumerGroupDescribe(ConsumerGroupDescribeRequest, ConsumerGroupDescribeResponse),
    UpdateFeatures(UpdateFeaturesRequest, UpdateFeaturesResponse),
    AssignReplicasToDirs(AssignReplicasToDirsRequest, AssignReplicasToDirsResponse),
    UpdateRaftVoter(UpdateRaftVoterRequest, UpdateRaftVoterResponse),
}
