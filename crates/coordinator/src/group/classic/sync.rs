//! SyncGroup, Heartbeat and LeaveGroup of the classic protocol.

use super::group::{ClassicGroup, ClassicGroupState::*, Token};
use super::join::group_record;
use crate::group::coordinator::{Coordinator, Outcome, Step};
use crate::group::request::{join_error, sync_error};
use crate::group::state::*;
use bytes::Bytes;
use protocol::messages::*;
use protocol::{ErrorCode, Name};
use std::collections::BTreeMap;

/// A name that the request gives has to be the group's, where both have one.
fn is_inconsistent(requested: Option<&Name>, of_group: Option<&Name>) -> bool {
    matches!((requested, of_group), (Some(a), Some(b)) if a != b)
}

impl Coordinator {
    pub(in crate::group) fn classic_group_sync(
        &mut self,
        request: &SyncGroupRequest,
        token: Token,
        step: &mut Step,
    ) -> Result<Outcome, ErrorCode> {
        match self.state().group(&request.group_id).cloned() {
            Some(Group::Consumer(group)) if !group.is_empty() => {
                self.classic_group_sync_to_consumer_group(&group, request, token, step)
            }
            Some(Group::Classic(id)) => {
                let mut group = self.take_classic(id);
                let outcome = self.sync_to_classic_group(id, &mut group, request, token, step);
                self.put_classic(id, group);
                Ok(outcome)
            }
            _ => {
                let response = sync_error(ErrorCode::UnknownMemberId);
                self.complete_sync(Some(token), response, step);
                Ok(Outcome::none())
            }
        }
    }

    fn validate_sync(
        &self,
        group: &ClassicGroup,
        request: &SyncGroupRequest,
    ) -> Result<(), ErrorCode> {
        if group.is(Dead) {
            return Err(ErrorCode::CoordinatorNotAvailable);
        }
        if group.is(Empty) {
            return Err(ErrorCode::UnknownMemberId);
        }
        group.validate_member(&request.member_id, request.group_instance_id.as_ref())?;
        if request.generation_id.0 != group.generation_id {
            return Err(ErrorCode::IllegalGeneration);
        }
        let types = (request.protocol_type.as_ref(), group.protocol_type.as_ref());
        let names = (request.protocol_name.as_ref(), group.protocol_name.as_ref());
        if is_inconsistent(types.0, types.1) || is_inconsistent(names.0, names.1) {
            return Err(ErrorCode::InconsistentGroupProtocol);
        }
        if group.is(PreparingRebalance) {
            return Err(ErrorCode::RebalanceInProgress);
        }
        Ok(())
    }

    fn sync_to_classic_group(
        &mut self,
        id: ClassicRef,
        group: &mut ClassicGroup,
        request: &SyncGroupRequest,
        token: Token,
        step: &mut Step,
    ) -> Outcome {
        if let Err(error) = self.validate_sync(group, request) {
            self.complete_sync(Some(token), sync_error(error), step);
            return Outcome::none();
        }
        let member_id = &request.member_id;
        group.pending_sync_members.remove(member_id);
        if group.pending_sync_members.is_empty() {
            self.soft
                .timers
                .cancel(&TimerKey::Sync(group.group_id.clone()));
        }
        if group.is(Stable) {
            let member = group.member(member_id);
            let response = SyncGroupResponse {
                protocol_type: group.protocol_type.clone(),
                protocol_name: group.protocol_name.clone(),
                assignment: member.map(|m| m.assignment.clone()).unwrap_or_default(),
                ..Default::default()
            };
            self.complete_sync(Some(token), response, step);
            return Outcome::none();
        }
        if let Some(member) = group.member_mut(member_id) {
            member.awaiting_sync = Some(token);
        }
        if !group.is_leader(member_id) {
            return Outcome::none();
        }
        // members that the leader left out get nothing, without an error
        let mut assignment: BTreeMap<Name, Bytes> = request
            .assignments
            .iter()
            .map(|a| (a.member_id.clone(), a.assignment.clone()))
            .collect();
        for member in group.members() {
            assignment.entry(member.member_id.clone()).or_default();
        }
        let record = group_record(group, |m| {
            assignment.get(&m.member_id).cloned().unwrap_or_default()
        });
        Outcome::appended(
            vec![record],
            Some(OnAppend::StoreAssignment {
                group: id,
                group_id: group.group_id.clone(),
                generation_id: request.generation_id.0,
                assignment,
            }),
        )
    }

    pub(in crate::group) fn classic_group_heartbeat(
        &mut self,
        request: &HeartbeatRequest,
        step: &mut Step,
    ) -> Result<HeartbeatResponse, ErrorCode> {
        if let Some(Group::Consumer(group)) = self.state().group(&request.group_id) {
            let group = group.clone();
            return self.classic_group_heartbeat_to_consumer_group(&group, request, step);
        }
        let answered = self.with_classic(&request.group_id, |this, _, group| {
            if group.is(Dead) {
                return Err(ErrorCode::CoordinatorNotAvailable);
            }
            group.validate_member(&request.member_id, request.group_instance_id.as_ref())?;
            if request.generation_id.0 != group.generation_id {
                return Err(ErrorCode::IllegalGeneration);
            }
            let error = match group.state() {
                Empty => return Err(ErrorCode::UnknownMemberId),
                PreparingRebalance => ErrorCode::RebalanceInProgress,
                _ => ErrorCode::None,
            };
            this.reschedule_heartbeat(group, &request.member_id, step);
            Ok(HeartbeatResponse {
                error,
                ..Default::default()
            })
        });
        answered.unwrap_or(Err(ErrorCode::UnknownMemberId))
    }

    pub(in crate::group) fn classic_group_leave(
        &mut self,
        request: &LeaveGroupRequest,
        step: &mut Step,
    ) -> Result<(Outcome, LeaveGroupResponse), ErrorCode> {
        if let Some(Group::Consumer(group)) = self.state().group(&request.group_id) {
            let group = group.clone();
            return self.classic_group_leave_to_consumer_group(&group, request, step);
        }
        let answered = self.with_classic(&request.group_id, |this, _, group| {
            if group.is(Dead) {
                let response = LeaveGroupResponse {
                    error: ErrorCode::CoordinatorNotAvailable,
                    ..Default::default()
                };
                return (Outcome::none(), response);
            }
            let mut members = Vec::with_capacity(request.members.len());
            for identity in &request.members {
                let result = this.leave_one(group, identity, step);
                members.push(MemberResponse {
                    member_id: identity.member_id.clone(),
                    group_instance_id: identity.group_instance_id.clone(),
                    error: result.err().unwrap_or(ErrorCode::None),
                });
            }
            let outcome = if members.iter().all(|m| m.error != ErrorCode::None) {
                Outcome::none()
            } else {
                match group.state() {
                    Stable | CompletingRebalance => {
                        this.maybe_prepare_rebalance_or_complete_join(group, step)
                    }
                    PreparingRebalance => this.maybe_complete_join_phase(group, step),
                    Empty | Dead => Outcome::none(),
                }
            };
            let response = LeaveGroupResponse {
                members,
                ..Default::default()
            };
            (outcome, response)
        });
        answered.ok_or(ErrorCode::UnknownMemberId)
    }

    fn leave_one(
        &mut self,
        group: &mut ClassicGroup,
        identity: &MemberIdentity,
        step: &mut Step,
    ) -> Result<(), ErrorCode> {
        let member_id = if identity.member_id.is_empty() {
            // a static member may be named by its instance id alone
            let instance_id = identity.group_instance_id.as_ref();
            let holder = instance_id.and_then(|i| group.static_member_id(i));
            holder.cloned().ok_or(ErrorCode::UnknownMemberId)?
        } else {
            let member_id = identity.member_id.clone();
            if !group.is_pending_member(&member_id) {
                group.validate_member(&member_id, identity.group_instance_id.as_ref())?;
            }
            member_id
        };
        let key = TimerKey::Heartbeat(group.group_id.clone(), member_id.clone());
        self.soft.timers.cancel(&key);
        let waiting = group
            .member_mut(&member_id)
            .and_then(|m| m.awaiting_join.take());
        let response = join_error("".into(), ErrorCode::UnknownMemberId);
        self.complete_join(waiting, response, step);
        group.remove(&member_id);
        Ok(())
    }
}
