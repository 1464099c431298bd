//! The classic group protocol: JoinGroup (11), SyncGroup (14), Heartbeat (12), LeaveGroup (13); and what administrators
//! ask: DescribeGroups (15), ListGroups (16), DeleteGroups (42).

use super::hex;
use crate::{ErrorCode, GenerationId, Name};
use bytes::Bytes;

messages! {
    JoinGroupRequest {
        group_id: Name,
        session_timeout_ms: i32,
        rebalance_timeout_ms: i32 = -1,
        member_id: Name,
        group_instance_id: Option<Name>,
        protocol_type: Name,
        protocols: Vec<JoinGroupRequestProtocol>,
        reason: Option<Name>,
    }
    JoinGroupRequestProtocol { name: Name, #[serde(with = "hex")] metadata: Bytes }
    JoinGroupResponse {
        throttle_time_ms: i32,
        error: ErrorCode,
        generation_id: GenerationId = GenerationId::NONE,
        protocol_type: Option<Name>,
        protocol_name: Option<Name>,
        leader: Name,
        skip_assignment: bool,
        member_id: Name,
        members: Vec<JoinGroupResponseMember>,
    }
    JoinGroupResponseMember { member_id: Name, group_instance_id: Option<Name>, #[serde(with = "hex")] metadata: Bytes }

    SyncGroupRequest {
        group_id: Name,
        generation_id: GenerationId,
        member_id: Name,
        group_instance_id: Option<Name>,
        protocol_type: Option<Name>,
        protocol_name: Option<Name>,
        assignments: Vec<SyncGroupRequestAssignment>,
    }
    SyncGroupRequestAssignment { member_id: Name, #[serde(with = "hex")] assignment: Bytes }
    SyncGroupResponse {
        throttle_time_ms: i32,
        error: ErrorCode,
        protocol_type: Option<Name>,
        protocol_name: Option<Name>,
        #[serde(with = "hex")] assignment: Bytes,
    }

    HeartbeatRequest { group_id: Name, generation_id: GenerationId, member_id: Name, group_instance_id: Option<Name> }
    HeartbeatResponse { throttle_time_ms: i32, error: ErrorCode }

    LeaveGroupRequest { group_id: Name, members: Vec<MemberIdentity> }
    MemberIdentity { member_id: Name, group_instance_id: Option<Name>, reason: Option<Name> }
    LeaveGroupResponse { throttle_time_ms: i32, error: ErrorCode, members: Vec<MemberResponse> }
    MemberResponse { member_id: Name, group_instance_id: Option<Name>, error: ErrorCode }

    DescribeGroupsRequest { groups: Vec<Name>, include_authorized_operations: bool }
    DescribeGroupsResponse { throttle_time_ms: i32, groups: Vec<DescribedGroup> }
    DescribedGroup {
        error: ErrorCode,
        error_message: Option<String>,
        group_id: Name,
        group_state: Name,
        protocol_type: Name,
        protocol_data: Name,
        members: Vec<DescribedGroupMember>,
        authorized_operations: i32 = i32::MIN,
    }
    DescribedGroupMember {
        member_id: Name,
        group_instance_id: Option<Name>,
        client_id: Name,
        client_host: Name,
        #[serde(with = "hex")] member_metadata: Bytes,
        #[serde(with = "hex")] member_assignment: Bytes,
    }

    ListGroupsRequest { states_filter: Vec<Name>, types_filter: Vec<Name> }
    ListGroupsResponse { throttle_time_ms: i32, error: ErrorCode, groups: Vec<ListedGroup> }
    ListedGroup {
        group_id: Name,
        protocol_type: Name,
        group_state: Name,
        group_type: Name,
    }

    DeleteGroupsRequest { groups_names: Vec<Name> }
    DeleteGroupsResponse { throttle_time_ms: i32, results: Vec<DeletableGroupResult> }
    DeletableGroupResult { group_id: Name, error: ErrorCode }
}
