//! What is asked of a replica manager, and what it answers. Plain values; versions of the wire are not known here.

use crate::partition::{FetchIsolation, OffsetAndEpoch};
use log::VerificationGuard;
use protocol::messages::Records;
use protocol::{
    BrokerEpoch, ErrorCode, LeaderEpoch, Ms, Name, NodeId, Offset, ProducerId, TopicPartition, Uuid,
};

/// acks=all.
pub const REQUIRED_ACKS_ALL: i16 = -1;

/// Names a request until its answer leaves. The caller chooses it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestToken(pub u64);

/// Records for one partition, as a producer or coordinator sent them.
#[derive(Clone, Debug)]
pub struct ProduceEntry {
    pub topic_partition: TopicPartition,
    pub records: Records,
    /// The proof that the records' transaction was verified (KIP-890).
    pub guard: Option<VerificationGuard>,
    /// Of a marker; 0 for anything else.
    pub transaction_version: i16,
}

/// `PartitionResponse` of a produce. Offsets are −1 and times −1 where nothing is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProducePartitionResponse {
    pub error: ErrorCode,
    pub base_offset: Offset,
    pub last_offset: Offset,
    pub log_append_time_ms: Ms,
    pub log_start_offset: Offset,
    /// Indexes of the records that the batch was refused for.
    pub bad_records: Vec<i32>,
}

/// What a consumer says of itself (`ClientMetadata`, the part that is read).
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct ClientMetadata {
    /// `client.rack`, if set.
    pub rack: Option<Name>,
    pub client_id: Option<Name>,
}

/// `FetchParams`.
#[derive(Clone, Debug)]
pub struct FetchParams {
    /// The fetching broker and its epoch (−1 unknown); `None` for a consumer.
    pub replica: Option<(NodeId, BrokerEpoch)>,
    pub max_wait_ms: Ms,
    pub min_bytes: i64,
    pub max_bytes: usize,
    pub isolation: FetchIsolation,
    /// Sent by consumers since Fetch v11; with it a follower may serve them.
    pub client_metadata: Option<ClientMetadata>,
}

impl FetchParams {
    pub fn only_from_leader(&self) -> bool {
        self.replica.is_some() || self.client_metadata.is_none()
    }
}

/// One partition of a fetch (`FetchRequest.PartitionData` with its `TopicIdPartition`).
#[derive(Clone, Debug)]
pub struct FetchInfo {
    pub topic_partition: TopicPartition,
    /// Zero when the request names none.
    pub topic_id: Uuid,
    pub fetch_offset: Offset,
    /// −1 for consumers.
    pub log_start_offset: Offset,
    pub max_bytes: usize,
    pub current_leader_epoch: Option<LeaderEpoch>,
    pub last_fetched_epoch: Option<LeaderEpoch>,
}

/// `FetchPartitionData`: the answer for one partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchPartitionData {
    pub error: ErrorCode,
    pub high_watermark: Offset,
    pub log_start_offset: Offset,
    pub records: Records,
    pub diverging_epoch: Option<OffsetAndEpoch>,
    pub last_stable_offset: Option<Offset>,
    /// (producer, first offset); for read_committed, possibly empty.
    pub aborted_transactions: Option<Vec<(ProducerId, Offset)>>,
    pub preferred_read_replica: Option<NodeId>,
}

impl FetchPartitionData {
    pub fn error(error: ErrorCode) -> Self {
        Self {
            error,
            high_watermark: Offset::NONE,
            log_start_offset: Offset::NONE,
            records: Records::default(),
            diverging_epoch: None,
            last_stable_offset: None,
            aborted_transactions: None,
            preferred_read_replica: None,
        }
    }
}

/// `DeleteRecordsPartitionResult`. The low watermark is −1 when refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeleteRecordsResult {
    pub error: ErrorCode,
    pub low_watermark: Offset,
}

/// An answer that left. Partitions are in the order of the request.
#[derive(Clone, Debug)]
pub struct Completed {
    pub token: RequestToken,
    pub response: Response,
}

#[derive(Clone, Debug)]
pub enum Response {
    Produce(Vec<(TopicPartition, ProducePartitionResponse)>),
    Fetch(Vec<(TopicPartition, FetchPartitionData)>),
    DeleteRecords(Vec<(TopicPartition, DeleteRecordsResult)>),
}

/// What a listener hears (`PartitionListener`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PartitionEvent {
    HighWatermarkUpdated(TopicPartition, Offset),
    Deleted(TopicPartition),
}
