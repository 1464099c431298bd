//! Committed offsets: OffsetCommit (8), OffsetFetch (9), OffsetDelete (47), TxnOffsetCommit (28).

use crate::{ErrorCode, LeaderEpoch, Name, Offset, ProducerEpoch, ProducerId, Uuid};

messages! {
    /// `generation_id_or_member_epoch` −1 and an empty `member_id`: a commit from outside of a group.
    OffsetCommitRequest {
        group_id: Name,
        generation_id_or_member_epoch: i32 = -1,
        member_id: Name,
        group_instance_id: Option<Name>,
        retention_time_ms: i64 = -1,
        topics: Vec<OffsetCommitRequestTopic>,
    }
    OffsetCommitRequestTopic { name: Name, topic_id: Uuid, partitions: Vec<OffsetCommitRequestPartition> }
    OffsetCommitRequestPartition {
        partition_index: i32,
        committed_offset: Offset,
        committed_leader_epoch: LeaderEpoch = LeaderEpoch::NONE,
        committed_metadata: Option<Name>,
    }
    OffsetCommitResponse { throttle_time_ms: i32, topics: Vec<OffsetCommitResponseTopic> }
    OffsetCommitResponseTopic { name: Name, topic_id: Uuid, partitions: Vec<OffsetCommitResponsePartition> }
    OffsetCommitResponsePartition { partition_index: i32, error: ErrorCode }

    OffsetFetchRequest { groups: Vec<OffsetFetchRequestGroup>, require_stable: bool }
    /// `topics` `None` = all.
    OffsetFetchRequestGroup {
        group_id: Name,
        member_id: Option<Name>,
        member_epoch: i32 = -1,
        topics: Option<Vec<OffsetFetchRequestTopic>>,
    }
    OffsetFetchRequestTopic { name: Name, topic_id: Uuid, partition_indexes: Vec<i32> }
    OffsetFetchResponse { throttle_time_ms: i32, groups: Vec<OffsetFetchResponseGroup> }
    OffsetFetchResponseGroup { group_id: Name, topics: Vec<OffsetFetchResponseTopic>, error: ErrorCode }
    OffsetFetchResponseTopic { name: Name, topic_id: Uuid, partitions: Vec<OffsetFetchResponsePartition> }
    OffsetFetchResponsePartition {
        partition_index: i32,
        committed_offset: Offset = Offset::NONE,
        committed_leader_epoch: LeaderEpoch = LeaderEpoch::NONE,
        metadata: Option<Name>,
        error: ErrorCode,
    }

    OffsetDeleteRequest { group_id: Name, topics: Vec<OffsetDeleteRequestTopic> }
    OffsetDeleteRequestTopic { name: Name, partitions: Vec<OffsetDeleteRequestPartition> }
    OffsetDeleteRequestPartition { partition_index: i32 }
    OffsetDeleteResponse { error: ErrorCode, throttle_time_ms: i32, topics: Vec<OffsetDeleteResponseTopic> }
    OffsetDeleteResponseTopic { name: Name, partitions: Vec<OffsetDeleteResponsePartition> }
    OffsetDeleteResponsePartition { partition_index: i32, error: ErrorCode }

    TxnOffsetCommitRequest {
        transactional_id: Name,
        group_id: Name,
        producer_id: ProducerId,
        producer_epoch: ProducerEpoch,
        generation_id: i32 = -1,
        member_id: Name,
        group_instance_id: Option<Name>,
        topics: Vec<OffsetCommitRequestTopic>,
    }
    TxnOffsetCommitResponse { throttle_time_ms: i32, topics: Vec<OffsetCommitResponseTopic> }
}
