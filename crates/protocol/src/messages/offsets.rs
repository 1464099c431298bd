//! ListOffsets (2), OffsetForLeaderEpoch (23), DeleteRecords (21).

use crate::{ErrorCode, LeaderEpoch, Ms, Name, NodeId, Offset};

/// `ListOffsetsRequest.LATEST_TIMESTAMP`.
pub const LATEST_TIMESTAMP: Ms = -1;
/// `ListOffsetsRequest.EARLIEST_TIMESTAMP`.
pub const EARLIEST_TIMESTAMP: Ms = -2;
/// `ListOffsetsRequest.MAX_TIMESTAMP`.
pub const MAX_TIMESTAMP: Ms = -3;

messages! {
    ListOffsetsRequest { replica_id: NodeId = NodeId::NONE, isolation_level: i8, topics: Vec<ListOffsetsTopic>, timeout_ms: i32 }
    ListOffsetsTopic { name: Name, partitions: Vec<ListOffsetsPartition> }
    ListOffsetsPartition { partition_index: i32, current_leader_epoch: LeaderEpoch = LeaderEpoch::NONE, timestamp: Ms }
    ListOffsetsResponse { throttle_time_ms: i32, topics: Vec<ListOffsetsTopicResponse> }
    ListOffsetsTopicResponse { name: Name, partitions: Vec<ListOffsetsPartitionResponse> }
    ListOffsetsPartitionResponse {
        partition_index: i32,
        error: ErrorCode,
        timestamp: Ms = -1,
        offset: Offset = Offset::NONE,
        leader_epoch: LeaderEpoch = LeaderEpoch::NONE,
    }

    OffsetForLeaderEpochRequest { replica_id: NodeId = NodeId(-2), topics: Vec<OffsetForLeaderTopic> }
    OffsetForLeaderTopic { topic: Name, partitions: Vec<OffsetForLeaderPartition> }
    OffsetForLeaderPartition { partition: i32, current_leader_epoch: LeaderEpoch = LeaderEpoch::NONE, leader_epoch: LeaderEpoch }
    OffsetForLeaderEpochResponse { throttle_time_ms: i32, topics: Vec<OffsetForLeaderTopicResult> }
    OffsetForLeaderTopicResult { topic: Name, partitions: Vec<OffsetForLeaderPartitionResult> }
    OffsetForLeaderPartitionResult {
        partition: i32,
        error: ErrorCode,
        leader_epoch: LeaderEpoch = LeaderEpoch::NONE,
        end_offset: Offset = Offset::NONE,
    }

    DeleteRecordsRequest { topics: Vec<DeleteRecordsTopic>, timeout_ms: i32 }
    DeleteRecordsTopic { name: Name, partitions: Vec<DeleteRecordsPartition> }
    /// `offset` −1 = up to the high watermark.
    DeleteRecordsPartition { partition_index: i32, offset: Offset }
    DeleteRecordsResponse { throttle_time_ms: i32, topics: Vec<DeleteRecordsTopicResult> }
    DeleteRecordsTopicResult { name: Name, partitions: Vec<DeleteRecordsPartitionResult> }
    DeleteRecordsPartitionResult { partition_index: i32, low_watermark: Offset = Offset::NONE, error: ErrorCode }
}
