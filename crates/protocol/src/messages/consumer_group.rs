//! The consumer group protocol (KIP-848): ConsumerGroupHeartbeat (68), ConsumerGroupDescribe (69).

use crate::{ErrorCode, MemberEpoch, Name, Uuid};

messages! {
    /// `None` = unchanged since the last heartbeat; `rebalance_timeout_ms` −1 likewise.
    ConsumerGroupHeartbeatRequest {
        group_id: Name,
        member_id: Name,
        member_epoch: MemberEpoch,
        instance_id: Option<Name>,
        rack_id: Option<Name>,
        rebalance_timeout_ms: i32 = -1,
        subscribed_topic_names: Option<Vec<Name>>,
        subscribed_topic_regex: Option<Name>,
        server_assignor: Option<Name>,
        topic_partitions: Option<Vec<TopicPartitions>>,
    }
    TopicPartitions { topic_id: Uuid, topic_name: Name, partitions: Vec<i32> }
    ConsumerGroupHeartbeatResponse {
        throttle_time_ms: i32,
        error: ErrorCode,
        error_message: Option<String>,
        member_id: Option<Name>,
        member_epoch: MemberEpoch,
        heartbeat_interval_ms: i32,
        assignment: Option<ConsumerAssignment>,
    }
    ConsumerAssignment { topic_partitions: Vec<TopicPartitions> }

    ConsumerGroupDescribeRequest { group_ids: Vec<Name>, include_authorized_operations: bool }
    ConsumerGroupDescribeResponse { throttle_time_ms: i32, groups: Vec<ConsumerGroupDescribedGroup> }
    ConsumerGroupDescribedGroup {
        error: ErrorCode,
        error_message: Option<String>,
        group_id: Name,
        group_state: Name,
        group_epoch: i32,
        assignment_epoch: i32,
        assignor_name: Name,
        members: Vec<ConsumerGroupDescribedMember>,
        authorized_operations: i32 = i32::MIN,
    }
    ConsumerGroupDescribedMember {
        member_id: Name,
        instance_id: Option<Name>,
        rack_id: Option<Name>,
        member_epoch: MemberEpoch,
        client_id: Name,
        client_host: Name,
        subscribed_topic_names: Vec<Name>,
        subscribed_topic_regex: Option<Name>,
        assignment: ConsumerAssignment,
        target_assignment: ConsumerAssignment,
        member_type: i8 = -1,
    }
}
