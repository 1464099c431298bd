//! Both protocols in one group: classic members of consumer groups, and groups that change from one protocol to the other
//! while members are in them (KIP-848, `convertToConsumerGroup`, `convertToClassicGroup`, `classicGroup*ToConsumerGroup`).

use super::group::ConsumerGroup;
use super::heartbeat::{
    current_assignment_record, group_epoch_record, member_record, target_record,
    write_member_if_changed,
};
use super::member::ConsumerMember;
use super::regex::RegexStatus;
use crate::group::admin::{classic_tombstone, group_tombstones};
use crate::group::classic::group::{ClassicGroup, ClassicGroupState, ClassicMember, Token};
use crate::group::classic::join::{group_record, requires_known_member_id};
use crate::group::coordinator::{Coordinator, Outcome, Step};
use crate::group::hash::metadata_hash;
use crate::group::record::*;
use crate::group::request::{RequestContext, join_error, sync_error};
use crate::group::state::*;
use crate::runtime::MetadataView;
use bytes::Bytes;
use protocol::consumer_protocol::{self, Assignment, PROTOCOL_TYPE, Subscription};
use protocol::messages::*;
use protocol::{ErrorCode, GenerationId, Ms, Name};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Partitions as a classic consumer reads them. Topics that are gone are left out.
fn to_consumer_assignment(partitions: &Partitions, metadata: &dyn MetadataView) -> Assignment {
    let topics = partitions.iter().filter_map(|(id, partitions)| {
        let topic = metadata.topic_by_id(id.0)?;
        Some((topic.name, partitions.iter().copied().collect()))
    });
    Assignment {
        assigned_partitions: topics.collect(),
        user_data: None,
    }
}

fn without_epochs(assigned: &AssignedPartitions) -> Partitions {
    let topics = assigned.iter();
    topics
        .map(|(id, p)| (*id, p.keys().copied().collect()))
        .collect()
}

impl Coordinator {
    // upgrade

    /// Turns a classic group with members into a consumer group at the same epoch. Parked requests are told to come again.
    pub(in crate::group) fn convert_to_consumer_group(
        &mut self,
        classic: &mut ClassicGroup,
        records: &mut Vec<Record>,
        step: &mut Step,
    ) -> Result<Arc<ConsumerGroup>, ErrorCode> {
        let allowed = self.config.consumer_migration_policy.is_upgrade_enabled()
            && classic.uses_consumer_group_protocol()
            && classic.num_members() <= self.config.consumer_max_size;
        if !allowed {
            return Err(ErrorCode::GroupIdNotFound);
        }
        for member_id in classic.member_ids() {
            let waiting = classic
                .member_mut(&member_id)
                .and_then(|m| m.awaiting_join.take());
            let response = join_error(member_id, ErrorCode::RebalanceInProgress);
            self.complete_join(waiting, response, step);
        }
        for member_id in classic.member_ids() {
            let waiting = classic
                .member_mut(&member_id)
                .and_then(|m| m.awaiting_sync.take());
            self.complete_sync(waiting, sync_error(ErrorCode::RebalanceInProgress), step);
        }
        records.push(classic_tombstone(&classic.group_id));
        let uid = self.soft.next_id();
        let group = from_classic_group(classic, uid, step.metadata);
        let group = group.map_err(|_| ErrorCode::GroupIdNotFound)?;
        let group_id = &group.group_id;
        let members = group.members();
        records.extend(members.values().map(|m| member_record(group_id, m)));
        records.push(group_epoch_record(
            group_id,
            group.group_epoch(),
            group.metadata_hash,
        ));
        records.extend(
            members
                .keys()
                .map(|id| target_record(group_id, id, &group.target_assignment(id))),
        );
        records.push(Record::ConsumerGroupTargetAssignmentMetadata {
            group_id: group_id.clone(),
            value: Some(TargetAssignmentMetadataValue {
                assignment_epoch: group.assignment_epoch(),
                assignment_timestamp: group.assignment_timestamp_ms(),
            }),
        });
        records.extend(
            members
                .values()
                .map(|m| current_assignment_record(group_id, m)),
        );
        for member in members.values() {
            let timeout_ms = member.classic.as_ref().map_or(0, |c| c.session_timeout_ms);
            self.schedule_session_timeout(group_id, &member.member_id, Ms::from(timeout_ms), step);
        }
        Ok(Arc::new(group))
    }

    // downgrade

    /// Only classic members would be left, and they may go back to the classic protocol.
    pub(in crate::group) fn may_downgrade_without(
        &self,
        group: &ConsumerGroup,
        leaving: &[Arc<ConsumerMember>],
    ) -> bool {
        let left = group.num_members().saturating_sub(leaving.len());
        group.all_use_classic_protocol_except(leaving)
            && left > 0
            && self.config.consumer_migration_policy.is_downgrade_enabled()
            && left <= self.config.classic_max_size
    }

    /// Turns a consumer group into a classic one, without `leaving`, or with `joining` in the place of the static member
    /// whose instance id it has. The state changes here, as it does for every classic group.
    pub(in crate::group) fn convert_to_classic_group(
        &mut self,
        group: &ConsumerGroup,
        leaving: &[Arc<ConsumerMember>],
        joining: Option<&ConsumerMember>,
        rebalance: bool,
        mut records: Vec<Record>,
        step: &mut Step,
    ) -> Result<Outcome, ErrorCode> {
        let replaced = joining.and_then(|m| group.static_member_id(m.instance_id.as_ref()));
        let ids = group.members().keys();
        let written_ids: Vec<Name> = ids
            .map(|id| match joining {
                Some(joining) if Some(id) == replaced => joining.member_id.clone(),
                _ => id.clone(),
            })
            .collect();
        group_tombstones(group, &written_ids, &mut records);
        let classic = to_classic_group(group, leaving, joining, step);
        let mut classic = classic.map_err(|_| ErrorCode::GroupIdNotFound)?;
        records.push(group_record(&classic, |m| m.assignment.clone()));
        let id = ClassicRef(self.soft.next_id());
        let state = self.versions.current_mut();
        state.remove_group(&group.group_id);
        state.put_group(group.group_id.clone(), Group::Classic(id));
        for member_id in classic.member_ids() {
            self.reschedule_heartbeat(&classic, &member_id, step);
        }
        if rebalance {
            self.prepare_rebalance(&mut classic, step);
        }
        self.put_classic(id, classic);
        Ok(Outcome::appended(records, None))
    }

    // classic requests to a consumer group

    pub(in crate::group) fn classic_group_join_to_consumer_group(
        &mut self,
        group: &ConsumerGroup,
        context: &RequestContext,
        request: &JoinGroupRequest,
        token: Token,
        step: &mut Step,
    ) -> Result<Outcome, ErrorCode> {
        use crate::group::config::MigrationPolicy;
        if self.config.consumer_migration_policy == MigrationPolicy::Disabled {
            return Err(ErrorCode::InconsistentGroupProtocol);
        }
        let group_id = &request.group_id;
        let instance_id = request.group_instance_id.as_ref();
        let is_unknown_member = request.member_id.is_empty();
        let member_id: Name = if is_unknown_member {
            step.draw_uuid().to_string().into()
        } else {
            request.member_id.clone()
        };
        self.check_consumer_group_size(group, &member_id, instance_id)?;
        let names = request.protocols.iter().map(|p| &p.name);
        if !group.supports_classic_protocols(&request.protocol_type, names) {
            return Err(ErrorCode::InconsistentGroupProtocol);
        }
        if requires_known_member_id(request, context.api_version) {
            let response = join_error(member_id, ErrorCode::MemberIdRequired);
            self.complete_join(Some(token), response, step);
            return Ok(Outcome::none());
        }
        let mut records = Vec::new();
        let member = match instance_id {
            None => group.member_or_new(&member_id),
            Some(instance_id) => self.static_consumer_member(
                group,
                (&member_id, instance_id),
                is_unknown_member,
                None,
                &mut records,
            )?,
        };
        let replaced = group.static_member(instance_id);
        let downgrade = replaced.is_some_and(|m| self.may_downgrade_replacing(group, m));
        let first = request
            .protocols
            .first()
            .ok_or(ErrorCode::InconsistentGroupProtocol)?;
        let subscription = Subscription::decode(&first.metadata);
        let subscription = subscription.map_err(|_| ErrorCode::InconsistentGroupProtocol)?;
        let mut updated = member.clone();
        updated.instance_id = instance_id.cloned().or(updated.instance_id);
        let rack_id = subscription.rack_id.filter(|rack| !rack.is_empty());
        updated.rack_id = rack_id.or(updated.rack_id);
        if request.rebalance_timeout_ms != -1 {
            updated.rebalance_timeout_ms = request.rebalance_timeout_ms;
        }
        updated.subscribed_topic_names = subscription.topics.into_iter().collect();
        updated.subscribed_topic_regex = Some("".into());
        updated.client_id = context.client_id.clone();
        updated.client_host = context.client_host.clone();
        updated.classic = Some(ClassicMemberMetadata {
            session_timeout_ms: request.session_timeout_ms,
            supported_protocols: protocols_of(&request.protocols),
        });

        let names_changed = write_member_if_changed(group_id, &member, &updated, &mut records);
        let regex_status =
            self.maybe_update_regexes(group, &member, &updated, &mut records, step)?;
        let bump = names_changed || regex_status != RegexStatus::NoChange;
        let (group_epoch, subscription_type) =
            self.maybe_bump_group_epoch(group, bump, &member, &updated, &mut records, step);
        let owned = owned_partitions(&subscription.owned_partitions, step.metadata);
        let owned = Some(&*owned);

        let protocol_name = Some(first.name.clone());
        let outcome;
        if downgrade {
            let rebalance = group.assignment_epoch() < group_epoch;
            if !rebalance {
                let epoch = group.assignment_epoch();
                let target =
                    group.target_assignment_of(&updated.member_id, updated.instance_id.as_ref());
                let target = (epoch, &*target);
                updated =
                    self.maybe_reconcile(group, updated, target, bump, owned, &mut records, step)?;
            }
            outcome = self.convert_to_classic_group(
                group,
                &[],
                Some(&updated),
                rebalance,
                records,
                step,
            )?;
        } else {
            let (epoch, target) = self.maybe_update_target_assignment(
                group,
                (group_epoch, subscription_type),
                &member,
                &updated,
                &mut records,
                step,
            );
            let target = (epoch, &*target);
            updated =
                self.maybe_reconcile(group, updated, target, bump, owned, &mut records, step)?;
            outcome = Outcome::records(records);
        }
        let response = JoinGroupResponse {
            member_id: updated.member_id.clone(),
            generation_id: GenerationId(updated.member_epoch),
            protocol_type: Some(PROTOCOL_TYPE.into()),
            protocol_name,
            ..Default::default()
        };
        Ok(Outcome {
            on_append: Some(OnAppend::ConsumerGroupJoin {
                token,
                group_id: group_id.clone(),
                response: Box::new(response),
                downgrade,
                session_timeout_ms: request.session_timeout_ms,
                rebalance_timeout_ms: request.rebalance_timeout_ms,
            }),
            ..outcome
        })
    }

    /// `validateOnlineDowngradeWithReplacedMember`.
    fn may_downgrade_replacing(&self, group: &ConsumerGroup, replaced: &ConsumerMember) -> bool {
        !replaced.uses_classic_protocol()
            && group.num_classic_members() + 1 == group.num_members()
            && self.config.consumer_migration_policy.is_downgrade_enabled()
            && group.num_members() <= self.config.classic_max_size
    }

    /// The classic member that a request names, if the request is its own.
    fn validate_classic_member(
        &self,
        group: &ConsumerGroup,
        (member_id, instance_id): (&Name, Option<&Name>),
        generation: GenerationId,
    ) -> Result<Arc<ConsumerMember>, ErrorCode> {
        let member = match instance_id {
            None => group.member(member_id)?,
            Some(_) => {
                let member = group
                    .static_member(instance_id)
                    .ok_or(ErrorCode::UnknownMemberId)?;
                if member.member_id != *member_id {
                    return Err(ErrorCode::FencedInstanceId);
                }
                member
            }
        };
        if !member.uses_classic_protocol() {
            return Err(ErrorCode::UnknownMemberId);
        }
        if member.member_epoch != generation.0 {
            return Err(ErrorCode::IllegalGeneration);
        }
        Ok(member.clone())
    }

    pub(in crate::group) fn classic_group_sync_to_consumer_group(
        &mut self,
        group: &ConsumerGroup,
        request: &SyncGroupRequest,
        token: Token,
        step: &mut Step,
    ) -> Result<Outcome, ErrorCode> {
        let names = (&request.member_id, request.group_instance_id.as_ref());
        let member = self.validate_classic_member(group, names, request.generation_id)?;
        let (Some(classic), Some((name, metadata))) =
            (&member.classic, member.first_classic_protocol())
        else {
            return Err(ErrorCode::UnknownMemberId);
        };
        let type_differs = request
            .protocol_type
            .as_deref()
            .is_some_and(|t| t != PROTOCOL_TYPE);
        let name_differs = request.protocol_name.as_ref().is_some_and(|n| n != name);
        if type_differs || name_differs {
            return Err(ErrorCode::InconsistentGroupProtocol);
        }
        if group.assignment_epoch() > member.member_epoch
            && member.state != MemberState::UnrevokedPartitions
        {
            self.schedule_member_join_if_absent(&group.group_id, &member, step);
            return Err(ErrorCode::RebalanceInProgress);
        }
        let version =
            consumer_protocol::version(metadata).map_err(|_| ErrorCode::UnknownServerError)?;
        let assigned = without_epochs(&member.assigned);
        let response = SyncGroupResponse {
            protocol_type: request.protocol_type.clone(),
            protocol_name: request.protocol_name.clone(),
            assignment: to_consumer_assignment(&assigned, step.metadata).encode(version),
            ..Default::default()
        };
        Ok(Outcome {
            on_append: Some(OnAppend::ConsumerGroupSync {
                token,
                group_id: group.group_id.clone(),
                member_id: member.member_id.clone(),
                session_timeout_ms: classic.session_timeout_ms,
                response: Box::new(response),
            }),
            ..Outcome::none()
        })
    }

    pub(in crate::group) fn classic_group_heartbeat_to_consumer_group(
        &mut self,
        group: &ConsumerGroup,
        request: &HeartbeatRequest,
        step: &mut Step,
    ) -> Result<HeartbeatResponse, ErrorCode> {
        let names = (&request.member_id, request.group_instance_id.as_ref());
        let member = self.validate_classic_member(group, names, request.generation_id)?;
        let timeout_ms = member.classic.as_ref().map_or(0, |c| c.session_timeout_ms);
        let group_id = &group.group_id;
        self.schedule_session_timeout(group_id, &member.member_id, Ms::from(timeout_ms), step);
        let has_to_join = member.member_epoch < group.assignment_epoch()
            || member.state == MemberState::UnrevokedPartitions
            || member.state == MemberState::UnreleasedPartitions
                && !group.is_waiting_on_unreleased_partition(&member);
        let error = if has_to_join {
            self.schedule_member_join_if_absent(group_id, &member, step);
            ErrorCode::RebalanceInProgress
        } else {
            ErrorCode::None
        };
        Ok(HeartbeatResponse {
            error,
            ..Default::default()
        })
    }

    pub(in crate::group) fn classic_group_leave_to_consumer_group(
        &mut self,
        group: &ConsumerGroup,
        request: &LeaveGroupRequest,
        step: &mut Step,
    ) -> Result<(Outcome, LeaveGroupResponse), ErrorCode> {
        let mut leaving = BTreeMap::new();
        let mut members = Vec::with_capacity(request.members.len());
        for identity in &request.members {
            let instance_id = identity.group_instance_id.as_ref();
            let found = match instance_id {
                None => group.member(&identity.member_id),
                Some(_) => match group.static_member(instance_id) {
                    None => Err(ErrorCode::UnknownMemberId),
                    Some(m)
                        if !identity.member_id.is_empty() && m.member_id != identity.member_id =>
                    {
                        Err(ErrorCode::FencedInstanceId)
                    }
                    Some(member) => Ok(member),
                },
            };
            let error = match found {
                Ok(member) => {
                    leaving.insert(member.member_id.clone(), member.clone());
                    ErrorCode::None
                }
                Err(error) => error,
            };
            members.push(MemberResponse {
                member_id: identity.member_id.clone(),
                group_instance_id: identity.group_instance_id.clone(),
                error,
            });
        }
        let leaving: Vec<_> = leaving.into_values().collect();
        let outcome = self.fence_members(group, &leaving, step)?;
        let response = LeaveGroupResponse {
            members,
            ..Default::default()
        };
        Ok((outcome, response))
    }
}

fn protocols_of(protocols: &[JoinGroupRequestProtocol]) -> Vec<(Name, Bytes)> {
    let pairs = protocols.iter();
    pairs
        .map(|p| (p.name.clone(), p.metadata.clone()))
        .collect()
}

/// Owned partitions of a subscription by topic id; topics that are gone are left out.
fn owned_partitions(
    owned: &[(Name, Vec<i32>)],
    metadata: &dyn MetadataView,
) -> Vec<TopicPartitions> {
    let known = owned.iter().filter_map(|(name, partitions)| {
        let topic = metadata.topic(name)?;
        Some(TopicPartitions {
            topic_id: topic.id,
            topic_name: topic.name,
            partitions: partitions.clone(),
        })
    });
    known.collect()
}

/// `ConsumerGroup.fromClassicGroup`. Err: bytes that cannot be read, or that a custom assignor put something into.
fn from_classic_group(
    classic: &ClassicGroup,
    uid: u64,
    metadata: &dyn MetadataView,
) -> Result<ConsumerGroup, ErrorCode> {
    const REFUSED: ErrorCode = ErrorCode::GroupIdNotFound;
    let mut group = ConsumerGroup::new(classic.group_id.clone(), uid);
    let generation = classic.generation_id;
    group.set_group_epoch(generation);
    group.set_target_assignment_metadata(generation, 0);
    let protocol = classic.protocol_name.as_deref().unwrap_or_default();
    for m in classic.members() {
        let mut target = Partitions::new();
        if !m.assignment.is_empty() {
            let assignment = Assignment::decode(&m.assignment).map_err(|_| REFUSED)?;
            if assignment.user_data.is_some_and(|data| !data.is_empty()) {
                return Err(REFUSED);
            }
            for (name, partitions) in assignment.assigned_partitions {
                if let Some(topic) = metadata.topic(&name) {
                    target.insert(TopicId(topic.id), partitions.into_iter().collect());
                }
            }
        }
        let bytes = m.metadata(protocol).ok_or(REFUSED)?;
        let subscription = Subscription::decode(bytes).map_err(|_| REFUSED)?;
        let mut member = ConsumerMember::new(m.member_id.clone());
        member.member_epoch = generation;
        member.previous_member_epoch = generation;
        member.instance_id = m.group_instance_id.clone();
        member.rack_id = subscription.rack_id.filter(|rack| !rack.is_empty());
        member.rebalance_timeout_ms = m.rebalance_timeout_ms;
        member.client_id = m.client_id.clone();
        member.client_host = m.client_host.clone();
        member.subscribed_topic_names = subscription.topics.into_iter().collect();
        member.assigned = target
            .iter()
            .map(|(id, p)| {
                (
                    *id,
                    p.iter().map(|&partition| (partition, generation)).collect(),
                )
            })
            .collect();
        member.classic = Some(ClassicMemberMetadata {
            session_timeout_ms: m.session_timeout_ms,
            supported_protocols: protocols_of(&m.supported_protocols),
        });
        group.update_target_assignment(m.member_id.clone(), target);
        group.update_member(member)?;
    }
    group.metadata_hash = metadata_hash(metadata, group.subscribed_topics().keys());
    Ok(group)
}

/// `ClassicGroup.fromConsumerGroup`: stable, at the group's epoch, with each member's target as its assignment.
fn to_classic_group(
    group: &ConsumerGroup,
    leaving: &[Arc<ConsumerMember>],
    joining: Option<&ConsumerMember>,
    step: &Step,
) -> Result<ClassicGroup, ErrorCode> {
    let mut classic = ClassicGroup::new(
        group.group_id.clone(),
        ClassicGroupState::Stable,
        step.now_ms(),
    );
    classic.generation_id = group.group_epoch();
    let replaced = joining.and_then(|m| m.instance_id.as_ref());
    for member in group.members().values() {
        let leaves = leaving.iter().any(|m| m.member_id == member.member_id);
        let is_replaced = replaced.is_some() && member.instance_id.as_ref() == replaced;
        if !leaves && !is_replaced {
            classic.add(classic_member(member));
        }
    }
    if let Some(joining) = joining {
        classic.add(classic_member(joining));
    }
    classic.protocol_name = classic.select_protocol();
    classic.subscribed_topics = classic.compute_subscribed_topics();
    let protocol = classic.protocol_name.clone().unwrap_or_else(|| "".into());
    for m in classic.members_mut() {
        let target_id = match joining {
            Some(joining) if joining.member_id == m.member_id => group
                .static_member_id(joining.instance_id.as_ref())
                .ok_or(ErrorCode::UnknownServerError)?
                .clone(),
            _ => m.member_id.clone(),
        };
        let bytes = m.metadata(&protocol).ok_or(ErrorCode::GroupIdNotFound)?;
        let version = consumer_protocol::version(bytes).map_err(|_| ErrorCode::GroupIdNotFound)?;
        let target = group.target_assignment(&target_id);
        m.assignment = to_consumer_assignment(&target, step.metadata).encode(version);
    }
    Ok(classic)
}

fn classic_member(member: &ConsumerMember) -> ClassicMember {
    let classic = member.classic.as_ref();
    let protocols = classic
        .map(|c| c.supported_protocols.as_slice())
        .unwrap_or_default();
    ClassicMember {
        member_id: member.member_id.clone(),
        group_instance_id: member.instance_id.clone(),
        client_id: member.client_id.clone(),
        client_host: member.client_host.clone(),
        rebalance_timeout_ms: member.rebalance_timeout_ms,
        session_timeout_ms: classic.map_or(0, |c| c.session_timeout_ms),
        protocol_type: PROTOCOL_TYPE.into(),
        supported_protocols: protocols
            .iter()
            .map(|(name, metadata)| JoinGroupRequestProtocol {
                name: name.clone(),
                metadata: metadata.clone(),
            })
            .collect(),
        assignment: Bytes::new(),
        awaiting_join: None,
        awaiting_sync: None,
        is_new: false,
    }
}
