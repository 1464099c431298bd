//! What a fetcher sends: one fetch over all its ready partitions, or one question after OFFSET_OUT_OF_RANGE.

use super::session::SessionFetch;
use crate::replica_manager::FetchPartitionData;
use protocol::{BrokerEpoch, ErrorCode, LeaderEpoch, NodeId, Offset, TopicPartition, Uuid};

/// Names a request of a broker's fetchers; never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FetcherRequestId(pub u64);

/// One partition of a replica's fetch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplicaFetchPartition {
    pub topic_partition: TopicPartition,
    pub topic_id: Uuid,
    pub fetch_offset: Offset,
    pub log_start_offset: Offset,
    pub current_leader_epoch: LeaderEpoch,
    pub last_fetched_epoch: Option<LeaderEpoch>,
    pub max_bytes: i32,
}

/// A replica's fetch (`RemoteLeaderEndPoint.buildFetch`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplicaFetch {
    pub id: FetcherRequestId,
    pub leader: NodeId,
    pub replica: NodeId,
    pub replica_epoch: BrokerEpoch,
    pub max_wait_ms: i32,
    pub min_bytes: i32,
    pub max_bytes: i32,
    /// Every partition that is asked about.
    pub partitions: Vec<ReplicaFetchPartition>,
    /// What of it travels.
    pub session: SessionFetch,
}

/// The answer to a replica's fetch: a top-level error, the session, and the partitions that are told about.
#[derive(Clone, Debug, Default)]
pub struct ReplicaFetchAnswer {
    pub error: ErrorCode,
    pub session_id: i32,
    pub partitions: Vec<(TopicPartition, FetchPartitionData)>,
}

/// Which end of the leader's log is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LookupKind {
    Latest,
    Earliest,
}

/// A ListOffsets question of a replica about one partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplicaLookup {
    pub id: FetcherRequestId,
    pub leader: NodeId,
    pub topic_partition: TopicPartition,
    pub kind: LookupKind,
    pub current_leader_epoch: LeaderEpoch,
}

/// A request that a fetcher sends to its leader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FetcherRequest {
    Fetch(ReplicaFetch),
    Lookup(ReplicaLookup),
}
