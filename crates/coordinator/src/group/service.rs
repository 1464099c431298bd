//! What is said before a group is looked at: checks of the request alone, and answers while nothing is led
//! (`GroupCoordinatorService`).

use super::consumer::member::{LEAVE_GROUP_MEMBER_EPOCH, LEAVE_GROUP_STATIC_MEMBER_EPOCH};
use super::coordinator::Coordinator;
use super::request::*;
use super::writes::marker_error;
use protocol::ErrorCode;
use protocol::messages::*;

/// From this version on a consumer makes its member id itself (KIP-1082).
const CONSUMER_GENERATED_MEMBER_ID_REQUIRED_VERSION: i16 = 1;

impl Coordinator {
    /// Checks that need no group. `Some`: the answer.
    pub(super) fn check_request(
        &self,
        context: &RequestContext,
        request: &GroupRequest,
    ) -> Option<Result<GroupResponse, ErrorCode>> {
        let error = match request {
            GroupRequest::JoinGroup(r) => {
                let timeout_ms = r.session_timeout_ms;
                let error = if r.group_id.is_empty() {
                    ErrorCode::InvalidGroupId
                } else if timeout_ms < self.config.classic_min_session_timeout_ms
                    || timeout_ms > self.config.classic_max_session_timeout_ms
                {
                    ErrorCode::InvalidSessionTimeout
                } else {
                    return None;
                };
                let response = join_error(r.member_id.clone(), error);
                return Some(Ok(GroupResponse::JoinGroup(response)));
            }
            GroupRequest::SyncGroup(SyncGroupRequest { group_id, .. })
            | GroupRequest::Heartbeat(HeartbeatRequest { group_id, .. })
            | GroupRequest::LeaveGroup(LeaveGroupRequest { group_id, .. })
            | GroupRequest::TxnOffsetCommit(TxnOffsetCommitRequest { group_id, .. })
            | GroupRequest::OffsetDelete(OffsetDeleteRequest { group_id, .. }) => {
                if !group_id.is_empty() {
                    return None;
                }
                ErrorCode::InvalidGroupId
            }
            GroupRequest::ConsumerGroupHeartbeat(r) => {
                self.check_consumer_group_heartbeat(context, r).err()?
            }
            _ => return None,
        };
        Some(request.refused(error))
    }

    /// `throwIfConsumerGroupHeartbeatRequestIsInvalid`.
    fn check_consumer_group_heartbeat(
        &self,
        context: &RequestContext,
        r: &ConsumerGroupHeartbeatRequest,
    ) -> Result<(), ErrorCode> {
        let epoch = r.member_epoch.0;
        let blank = |text: &str| text.trim().is_empty();
        let needs_id = context.api_version >= CONSUMER_GENERATED_MEMBER_ID_REQUIRED_VERSION
            || epoch > 0
            || epoch == LEAVE_GROUP_MEMBER_EPOCH;
        if needs_id && blank(&r.member_id)
            || blank(&r.group_id)
            || r.instance_id.as_deref().is_some_and(blank)
            || r.rack_id.as_deref().is_some_and(blank)
        {
            return Err(ErrorCode::InvalidRequest);
        }
        let joining = epoch == 0;
        let empty_list = r.topic_partitions.as_ref().is_some_and(Vec::is_empty);
        let subscribes = r.subscribed_topic_names.is_some() || r.subscribed_topic_regex.is_some();
        if joining && (r.rebalance_timeout_ms == -1 || !empty_list || !subscribes)
            || epoch == LEAVE_GROUP_STATIC_MEMBER_EPOCH && r.instance_id.is_none()
            || epoch < LEAVE_GROUP_STATIC_MEMBER_EPOCH
        {
            return Err(ErrorCode::InvalidRequest);
        }
        match &r.server_assignor {
            Some(name) if !self.config.consumer_assignors.contains(name) => {
                Err(ErrorCode::UnsupportedAssignor)
            }
            _ => Ok(()),
        }
    }

    /// The answer while this broker does not lead the partition, or is still loading it.
    pub(super) fn inactive_answer(
        &self,
        request: &GroupRequest,
        error: ErrorCode,
    ) -> Result<GroupResponse, ErrorCode> {
        match request {
            // a broker lists the groups that it coordinates: none of this partition
            GroupRequest::ListGroups(_) if error == ErrorCode::NotCoordinator => {
                Ok(GroupResponse::ListGroups(ListGroupsResponse::default()))
            }
            GroupRequest::EndTxnMarker { .. } => request.refused(marker_error(error)),
            _ => request.refused(operation_error(error)),
        }
    }
}
