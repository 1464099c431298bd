//! JoinGroup of the classic protocol (`GroupMetadataManager.classicGroupJoin*`).

use super::group::{ClassicGroup, ClassicGroupState::*, ClassicMember, Token};
use crate::group::coordinator::{Coordinator, Outcome, Step};
use crate::group::record::{GroupMetadataValue, Record};
use crate::group::request::{RequestContext, append_error, join_error};
use crate::group::state::*;
use bytes::Bytes;
use protocol::messages::{JoinGroupRequest, JoinGroupResponse};
use protocol::{ErrorCode, GenerationId, Ms, Name};

/// From this version on a new dynamic member has to join again with the id that it is given (KIP-394).
const KNOWN_MEMBER_ID_REQUIRED_VERSION: i16 = 4;
/// From this version on a returning static leader is told not to assign again (KIP-814).
const SKIP_ASSIGNMENT_VERSION: i16 = 9;

/// Whether a join without an id has to come again with one.
pub fn requires_known_member_id(request: &JoinGroupRequest, api_version: i16) -> bool {
    request.group_instance_id.is_none()
        && request.member_id.is_empty()
        && api_version >= KNOWN_MEMBER_ID_REQUIRED_VERSION
}

impl Coordinator {
    /// Handles a JoinGroup. Refusals answer `token` at once; otherwise it is parked until the join phase ends.
    pub(in crate::group) fn classic_group_join(
        &mut self,
        context: &RequestContext,
        request: &JoinGroupRequest,
        token: Token,
        step: &mut Step,
    ) -> Result<Outcome, ErrorCode> {
        if let Some(Group::Consumer(group)) = self.state().group(&request.group_id)
            && !group.is_empty()
        {
            let group = group.clone();
            return self
                .classic_group_join_to_consumer_group(&group, context, request, token, step);
        }
        self.classic_group_join_to_classic_group(context, request, token, step)
    }

    fn classic_group_join_to_classic_group(
        &mut self,
        context: &RequestContext,
        request: &JoinGroupRequest,
        token: Token,
        step: &mut Step,
    ) -> Result<Outcome, ErrorCode> {
        let group_id = &request.group_id;
        let is_unknown_member = request.member_id.is_empty();
        let mut records = Vec::new();
        // an empty consumer group gives way; this is done before the member is looked at
        if let Some(Group::Consumer(empty)) = self.state().group(group_id).cloned() {
            self.create_group_tombstone_records(&empty, &mut records);
            self.versions.current_mut().remove_group(group_id);
        }
        let is_new_group = self.state().group(group_id).is_none();
        let id = match self.classic_ref(group_id) {
            Some(id) => id,
            None if is_unknown_member => self.create_classic_group(group_id, step.now_ms()),
            None => {
                let response = join_error(request.member_id.clone(), ErrorCode::UnknownMemberId);
                self.complete_join(Some(token), response, step);
                return Ok(Outcome::none());
            }
        };
        let mut group = self.take_classic(id);
        let outcome = if !self.accept_joining_member(&group, &request.member_id) {
            group.remove(&request.member_id);
            let response = join_error("".into(), ErrorCode::GroupMaxSizeReached);
            self.complete_join(Some(token), response, step);
            Outcome::none()
        } else if is_unknown_member {
            self.join_new_member(context, request, id, &mut group, token, step)
        } else {
            self.join_existing_member(context, request, &mut group, token, step)
        };
        let outcome = if is_new_group && outcome.is_none() {
            records.push(empty_group_record(&group));
            Outcome::appended(records, Some(OnAppend::AnswerJoinOnFailure { token }))
        } else {
            outcome
        };
        self.put_classic(id, group);
        Ok(outcome)
    }

    /// The classic group of that id, if the group is one.
    pub(in crate::group) fn classic_ref(&self, group_id: &str) -> Option<ClassicRef> {
        match self.state().group(group_id)? {
            Group::Classic(id) => Some(*id),
            Group::Consumer(_) => None,
        }
    }

    /// Puts a new, empty classic group into the state.
    pub(in crate::group) fn create_classic_group(
        &mut self,
        group_id: &Name,
        now_ms: Ms,
    ) -> ClassicRef {
        let id = ClassicRef(self.soft.next_id());
        let group = ClassicGroup::new(group_id.clone(), Empty, now_ms);
        self.soft.classic.insert(id, group);
        self.versions
            .current_mut()
            .put_group(group_id.clone(), Group::Classic(id));
        id
    }

    /// Whether the group has room (`acceptJoiningMember`): while a join phase runs those who wait count, else the members.
    fn accept_joining_member(&self, group: &ClassicGroup, member_id: &str) -> bool {
        let max = self.config.classic_max_size;
        match group.state() {
            Empty | Dead => true,
            PreparingRebalance => {
                let waits = group
                    .member(member_id)
                    .is_some_and(|m| m.awaiting_join.is_some());
                waits || group.num_awaiting_join() < max
            }
            CompletingRebalance | Stable => {
                group.has_member(member_id) || group.num_members() < max
            }
        }
    }

    fn join_new_member(
        &mut self,
        context: &RequestContext,
        request: &JoinGroupRequest,
        id: ClassicRef,
        group: &mut ClassicGroup,
        token: Token,
        step: &mut Step,
    ) -> Outcome {
        if group.is(Dead) {
            let response = join_error("".into(), ErrorCode::CoordinatorNotAvailable);
            self.complete_join(Some(token), response, step);
            return Outcome::none();
        }
        if !self.supports(group, request) {
            let response = join_error("".into(), ErrorCode::InconsistentGroupProtocol);
            self.complete_join(Some(token), response, step);
            return Outcome::none();
        }
        let uuid = step.draw_uuid().hyphenated();
        let prefix = request
            .group_instance_id
            .as_ref()
            .unwrap_or(&context.client_id);
        let new_member_id: Name = format!("{prefix}-{uuid}").into();
        match &request.group_instance_id {
            Some(instance_id) => match group.static_member_id(instance_id).cloned() {
                Some(old) => self.update_static_member(
                    context,
                    request,
                    (id, group),
                    (old, new_member_id),
                    token,
                    step,
                ),
                None => self.add_member(context, request, group, new_member_id, token, step),
            },
            None if context.api_version >= KNOWN_MEMBER_ID_REQUIRED_VERSION => {
                // the member has to come again with its id, so that lost answers leave no ghosts
                group.add_pending_member(new_member_id.clone());
                self.schedule_heartbeat(
                    group,
                    &new_member_id,
                    Ms::from(request.session_timeout_ms),
                    step,
                );
                let response = join_error(new_member_id, ErrorCode::MemberIdRequired);
                self.complete_join(Some(token), response, step);
                Outcome::none()
            }
            None => self.add_member(context, request, group, new_member_id, token, step),
        }
    }

    fn supports(&self, group: &ClassicGroup, request: &JoinGroupRequest) -> bool {
        let names = request.protocols.iter().map(|p| &p.name);
        group.supports_protocols(&request.protocol_type, names)
    }

    fn join_existing_member(
        &mut self,
        context: &RequestContext,
        request: &JoinGroupRequest,
        group: &mut ClassicGroup,
        token: Token,
        step: &mut Step,
    ) -> Outcome {
        let member_id = &request.member_id;
        let refuse = |error| join_error(member_id.clone(), error);
        let response = if group.is(Dead) {
            refuse(ErrorCode::CoordinatorNotAvailable)
        } else if !self.supports(group, request) {
            refuse(ErrorCode::InconsistentGroupProtocol)
        } else if group.is_pending_member(member_id) && request.group_instance_id.is_some() {
            // ids are handed out to dynamic members only
            join_error("".into(), ErrorCode::UnknownServerError)
        } else if group.is_pending_member(member_id) {
            return self.add_member(context, request, group, member_id.clone(), token, step);
        } else if let Err(error) =
            group.validate_member(member_id, request.group_instance_id.as_ref())
        {
            JoinGroupResponse {
                protocol_name: None,
                ..refuse(error)
            }
        } else {
            let unchanged = group
                .member(member_id)
                .is_some_and(|m| m.matches(&request.protocols));
            let is_leader = group.is_leader(member_id);
            match group.state() {
                CompletingRebalance if unchanged => JoinGroupResponse {
                    members: if is_leader {
                        group.join_response_members()
                    } else {
                        Vec::new()
                    },
                    ..generation_answer(group, member_id)
                },
                Stable if unchanged && !is_leader => generation_answer(group, member_id),
                PreparingRebalance | CompletingRebalance | Stable => {
                    group.update_member(
                        member_id,
                        request.protocols.clone(),
                        request.rebalance_timeout_ms,
                        request.session_timeout_ms,
                        Some(token),
                    );
                    return self.maybe_prepare_rebalance_or_complete_join(group, step);
                }
                Empty | Dead => refuse(ErrorCode::UnknownMemberId),
            }
        };
        self.complete_join(Some(token), response, step);
        Outcome::none()
    }

    fn add_member(
        &mut self,
        context: &RequestContext,
        request: &JoinGroupRequest,
        group: &mut ClassicGroup,
        member_id: Name,
        token: Token,
        step: &mut Step,
    ) -> Outcome {
        if group.is(PreparingRebalance) && group.previous_state() == Empty {
            group.new_member_added = true;
        }
        group.add(ClassicMember {
            member_id: member_id.clone(),
            group_instance_id: request.group_instance_id.clone(),
            client_id: context.client_id.clone(),
            client_host: context.client_host.clone(),
            rebalance_timeout_ms: request.rebalance_timeout_ms,
            session_timeout_ms: request.session_timeout_ms,
            protocol_type: request.protocol_type.clone(),
            supported_protocols: request.protocols.clone(),
            assignment: Bytes::new(),
            awaiting_join: Some(token),
            awaiting_sync: None,
            is_new: true,
        });
        // it may wait long for the join phase to end, but a client that hung up must not be waited for for ever
        let timeout_ms = Ms::from(self.config.classic_new_member_join_timeout_ms);
        self.schedule_heartbeat(group, &member_id, timeout_ms, step);
        self.maybe_prepare_rebalance_or_complete_join(group, step)
    }

    /// A static member comes back under a new id (`updateStaticMemberThenRebalanceOrCompleteJoin`). Where nothing changes
    /// for the others, the group's record is rewritten and there is no rebalance.
    fn update_static_member(
        &mut self,
        context: &RequestContext,
        request: &JoinGroupRequest,
        (id, group): (ClassicRef, &mut ClassicGroup),
        (old_member_id, new_member_id): (Name, Name),
        token: Token,
        step: &mut Step,
    ) -> Outcome {
        let Some(instance_id) = &request.group_instance_id else {
            return Outcome::none();
        };
        let leader_before = group.leader_id.clone();
        self.replace_static_member(group, instance_id, &old_member_id, &new_member_id, step);
        let Some(member) = group.member(&new_member_id) else {
            return Outcome::none();
        };
        let session_timeout_ms = Ms::from(member.session_timeout_ms);
        let replacement = StaticReplacement {
            token,
            group: id,
            group_id: group.group_id.clone(),
            instance_id: instance_id.clone(),
            old_member_id,
            new_member_id: new_member_id.clone(),
            old_protocols: member.supported_protocols.clone(),
            old_rebalance_timeout_ms: member.rebalance_timeout_ms,
            old_session_timeout_ms: member.session_timeout_ms,
            leader_before,
            api_version: context.api_version,
        };
        self.schedule_heartbeat(group, &new_member_id, session_timeout_ms, step);
        group.update_member(
            &new_member_id,
            request.protocols.clone(),
            request.rebalance_timeout_ms,
            request.session_timeout_ms,
            Some(token),
        );
        match group.state() {
            Stable if group.protocol_name == group.select_protocol() => Outcome::appended(
                vec![group_record(group, |m| m.assignment.clone())],
                Some(OnAppend::StaticReplacement(Box::new(replacement))),
            ),
            Stable => self.maybe_prepare_rebalance_or_complete_join(group, step),
            CompletingRebalance => self.prepare_rebalance(group, step),
            _ => self.maybe_complete_join_phase(group, step),
        }
    }

    /// The old id's parked requests are fenced.
    fn replace_static_member(
        &mut self,
        group: &mut ClassicGroup,
        instance_id: &Name,
        old_member_id: &Name,
        new_member_id: &Name,
        step: &mut Step,
    ) {
        let (join, sync) =
            group.replace_static_member(instance_id, old_member_id, new_member_id.clone());
        let fenced = JoinGroupResponse {
            protocol_name: None,
            ..join_error(old_member_id.clone(), ErrorCode::FencedInstanceId)
        };
        self.complete_join(join, fenced, step);
        let fenced = crate::group::request::sync_error(ErrorCode::FencedInstanceId);
        self.complete_sync(sync, fenced, step);
    }

    /// The record of a static replacement is written, or has failed.
    pub(in crate::group) fn on_static_replacement(
        &mut self,
        r: StaticReplacement,
        result: Result<(), ErrorCode>,
        step: &mut Step,
    ) {
        let Some(mut group) = self.soft.classic.remove(&r.group) else {
            return;
        };
        match result {
            Err(error) => {
                group.update_member(
                    &r.new_member_id,
                    r.old_protocols,
                    r.old_rebalance_timeout_ms,
                    r.old_session_timeout_ms,
                    None,
                );
                if group.has_member(&r.new_member_id) {
                    let (new, old) = (&r.new_member_id, &r.old_member_id);
                    self.replace_static_member(&mut group, &r.instance_id, new, old, step);
                    let timeout_ms = Ms::from(r.old_session_timeout_ms);
                    self.schedule_heartbeat(&group, old, timeout_ms, step);
                }
                let response = JoinGroupResponse {
                    error: append_error(error),
                    leader: r.leader_before.unwrap_or_default_name(),
                    ..generation_answer(&group, &"".into())
                };
                self.complete_join(Some(r.token), response, step);
            }
            Ok(()) => {
                let is_leader = group.is_leader(&r.new_member_id);
                let mut response = generation_answer(&group, &r.new_member_id);
                if r.api_version >= SKIP_ASSIGNMENT_VERSION {
                    response.skip_assignment = is_leader;
                    if is_leader {
                        response.members = group.join_response_members();
                    }
                } else {
                    // an old leader must not find itself leading, or it would assign again
                    response.leader = r.leader_before.unwrap_or_default_name();
                }
                let member = group.member_mut(&r.new_member_id);
                let waiting = member.and_then(|m| m.awaiting_join.take());
                self.complete_join(waiting, response, step);
            }
        }
        self.put_classic(r.group, group);
    }

    /// Restarts the session of a member, or the life of a handed-out id.
    pub(in crate::group) fn schedule_heartbeat(
        &mut self,
        group: &ClassicGroup,
        member_id: &Name,
        timeout_ms: Ms,
        step: &Step,
    ) {
        let key = TimerKey::Heartbeat(group.group_id.clone(), member_id.clone());
        let operation = TimerOperation::ExpireClassicMember {
            group_id: group.group_id.clone(),
            member_id: member_id.clone(),
        };
        self.schedule(key, timeout_ms, operation, step);
    }

    /// Restarts a member's session with its own session timeout.
    pub(in crate::group) fn reschedule_heartbeat(
        &mut self,
        group: &ClassicGroup,
        member_id: &str,
        step: &Step,
    ) {
        if let Some(member) = group.member(member_id) {
            let timeout_ms = Ms::from(member.session_timeout_ms);
            self.schedule_heartbeat(group, &member.member_id, timeout_ms, step);
        }
    }
}

/// An answer that tells the current generation.
pub(super) fn generation_answer(group: &ClassicGroup, member_id: &Name) -> JoinGroupResponse {
    JoinGroupResponse {
        member_id: member_id.clone(),
        generation_id: GenerationId(group.generation_id),
        protocol_name: group.protocol_name.clone(),
        protocol_type: group.protocol_type.clone(),
        leader: group.leader_id.clone().unwrap_or_default_name(),
        ..Default::default()
    }
}

/// `None` as the empty name.
trait OrEmpty {
    fn unwrap_or_default_name(self) -> Name;
}

impl OrEmpty for Option<Name> {
    fn unwrap_or_default_name(self) -> Name {
        self.unwrap_or_else(|| "".into())
    }
}

/// The record of a group that nobody has joined yet (`newEmptyGroupMetadataRecord`).
fn empty_group_record(group: &ClassicGroup) -> Record {
    Record::GroupMetadata {
        group: group.group_id.clone(),
        value: Some(GroupMetadataValue {
            protocol_type: "".into(),
            generation: 0,
            protocol: None,
            leader: None,
            current_state_timestamp: group.current_state_timestamp_ms.unwrap_or(-1),
            members: Vec::new(),
        }),
    }
}

/// The record of a group with these assignments (`newGroupMetadataRecord`).
pub(in crate::group) fn group_record(
    group: &ClassicGroup,
    assignment: impl Fn(&ClassicMember) -> Bytes,
) -> Record {
    use crate::group::record::ClassicMemberValue;
    let protocol = group.protocol_name.as_deref().unwrap_or_default();
    let members = group
        .members()
        .map(|m| ClassicMemberValue {
            member_id: m.member_id.clone(),
            group_instance_id: m.group_instance_id.clone(),
            client_id: m.client_id.clone(),
            client_host: m.client_host.clone(),
            rebalance_timeout: m.rebalance_timeout_ms,
            session_timeout: m.session_timeout_ms,
            subscription: m.metadata(protocol).cloned().unwrap_or_default(),
            assignment: assignment(m),
        })
        .collect();
    Record::GroupMetadata {
        group: group.group_id.clone(),
        value: Some(GroupMetadataValue {
            protocol_type: group.protocol_type.clone().unwrap_or_default_name(),
            generation: group.generation_id,
            protocol: group.protocol_name.clone(),
            leader: group.leader_id.clone(),
            current_state_timestamp: group.current_state_timestamp_ms.unwrap_or(-1),
            members,
        }),
    }
}
