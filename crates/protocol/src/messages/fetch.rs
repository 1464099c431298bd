//! Fetch (api 1) and FetchSnapshot (api 59).

use super::{LeaderIdAndEpoch, NodeEndpoint, Records};
use crate::{BrokerEpoch, ErrorCode, LeaderEpoch, Name, NodeId, Offset, ProducerId, Uuid};

messages! {
    /// A consumer's has `replica_id` −1. `isolation_level`: 0 read_uncommitted, 1 read_committed. A full fetch without
    /// session has `session_id` 0 and `session_epoch` −1.
    FetchRequest {
        replica_id: NodeId = NodeId::NONE,
        replica_epoch: BrokerEpoch = BrokerEpoch::NONE,
        max_wait_ms: i32,
        min_bytes: i32,
        max_bytes: i32 = i32::MAX,
        isolation_level: i8,
        session_id: i32,
        session_epoch: i32 = -1,
        topics: Vec<FetchTopic>,
        forgotten_topics_data: Vec<ForgottenTopic>,
        rack_id: Name,
        cluster_id: Option<Name>,
    }
    FetchTopic { topic: Name, topic_id: Uuid, partitions: Vec<FetchPartition> }
    /// `current_leader_epoch`, `last_fetched_epoch`, `log_start_offset` (of the follower): −1 = absent.
    FetchPartition {
        partition: i32,
        current_leader_epoch: LeaderEpoch = LeaderEpoch::NONE,
        fetch_offset: Offset,
        last_fetched_epoch: LeaderEpoch = LeaderEpoch::NONE,
        log_start_offset: Offset = Offset::NONE,
        partition_max_bytes: i32,
        replica_directory_id: Uuid,
        /// What the replica knows of the high watermark (v18); `i64::MAX` = not told.
        high_watermark: Offset = Offset(i64::MAX),
    }
    ForgottenTopic { topic: Name, topic_id: Uuid, partitions: Vec<i32> }

    FetchResponse {
        throttle_time_ms: i32,
        error: ErrorCode,
        session_id: i32,
        responses: Vec<FetchableTopicResponse>,
        node_endpoints: Vec<NodeEndpoint>,
    }
    FetchableTopicResponse { topic: Name, topic_id: Uuid, partitions: Vec<FetchPartitionData> }
    FetchPartitionData {
        partition_index: i32,
        error: ErrorCode,
        high_watermark: Offset = Offset::NONE,
        last_stable_offset: Offset = Offset::NONE,
        log_start_offset: Offset = Offset::NONE,
        diverging_epoch: Option<EpochEndOffset>,
        current_leader: LeaderIdAndEpoch,
        snapshot_id: Option<SnapshotId>,
        /// `None` unless the reader asked for committed records only.
        aborted_transactions: Option<Vec<AbortedTransaction>>,
        /// −1 = read here.
        preferred_read_replica: NodeId = NodeId::NONE,
        records: Records,
    }
    EpochEndOffset { epoch: LeaderEpoch = LeaderEpoch::NONE, end_offset: Offset = Offset::NONE }
    SnapshotId { end_offset: Offset = Offset::NONE, epoch: LeaderEpoch = LeaderEpoch::NONE }
    AbortedTransaction { producer_id: ProducerId, first_offset: Offset }

    FetchSnapshotRequest { cluster_id: Option<Name>, replica_id: NodeId = NodeId::NONE, max_bytes: i32 = i32::MAX, topics: Vec<SnapshotTopic> }
    SnapshotTopic { name: Name, partitions: Vec<SnapshotPartition> }
    SnapshotPartition { partition: i32, current_leader_epoch: LeaderEpoch, snapshot_id: SnapshotId, position: i64, replica_directory_id: Uuid }
    FetchSnapshotResponse { throttle_time_ms: i32, error: ErrorCode, topics: Vec<SnapshotTopicResponse>, node_endpoints: Vec<NodeEndpoint> }
    SnapshotTopicResponse { name: Name, partitions: Vec<SnapshotPartitionResponse> }
    SnapshotPartitionResponse {
        index: i32,
        error: ErrorCode,
        snapshot_id: SnapshotId,
        current_leader: LeaderIdAndEpoch,
        size: i64,
        position: i64,
        unaligned_records: Records,
    }
}
