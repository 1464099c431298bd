//! Replay: records make the state (`GroupMetadataManager.replay`, `OffsetMetadataManager.replay`).
//!
//! The same code applies a record that was just decided and one that a load reads. It knows no requests, no timers.

use super::classic::{ClassicGroup, ClassicGroupState, ClassicMember};
use super::consumer::ConsumerGroup;
use super::consumer::ResolvedRegex;
use super::consumer::member::LEAVE_GROUP_MEMBER_EPOCH;
use super::coordinator::Coordinator;
use super::record::*;
use super::state::*;
use protocol::messages::JoinGroupRequestProtocol;
use protocol::{ErrorCode, Ms, Name, Offset, ProducerId};
use std::sync::Arc;

/// A record that contradicts what was replayed before; Kafka throws an IllegalStateException.
const CONTRADICTION: ErrorCode = ErrorCode::UnknownServerError;

impl Coordinator {
    /// Applies one record that is at `offset` of the log.
    pub(super) fn replay(
        &mut self,
        offset: Offset,
        producer_id: ProducerId,
        record: &Record,
        now_ms: Ms,
    ) -> Result<(), ErrorCode> {
        match record {
            Record::OffsetCommit {
                group,
                topic,
                partition,
                value,
            } => {
                if value.is_some() && self.state().group(group).is_none() {
                    // somebody outside of any group commits: the group is simple
                    self.create_classic_group(group, now_ms);
                }
                let offsets = &mut self.versions.current_mut().offsets;
                offsets.replay_commit(
                    offset,
                    producer_id.0,
                    (group, topic, *partition),
                    value.as_ref(),
                );
                Ok(())
            }
            Record::GroupMetadata { group, value } => {
                match value {
                    None => self.versions.current_mut().remove_group(group),
                    Some(value) => self.replay_classic_group(group, value, now_ms),
                }
                Ok(())
            }
            Record::ConsumerGroupMetadata { group_id, value } => match value {
                Some(value) => self.change_group(group_id, |group| {
                    group.set_group_epoch(value.epoch);
                    group.metadata_hash = value.metadata_hash;
                    Ok(())
                }),
                None => self.replay_group_tombstone(group_id),
            },
            Record::ConsumerGroupPartitionMetadata { group_id, present } => {
                self.change_group_if(*present, group_id, |group| {
                    group.has_subscription_metadata_record = *present;
                    Ok(())
                })
            }
            Record::ConsumerGroupMemberMetadata {
                group_id,
                member_id,
                value,
            } => self.change_group_if(value.is_some(), group_id, |group| match value {
                Some(value) => {
                    let mut member = group.member_or_new(member_id);
                    member.update_with_metadata(value);
                    group.update_member(member)
                }
                None => {
                    let Ok(member) = group.member(member_id) else {
                        return Ok(());
                    };
                    if member.member_epoch != LEAVE_GROUP_MEMBER_EPOCH
                        || group.target_assignments().contains_key(member_id)
                    {
                        return Err(CONTRADICTION);
                    }
                    group.remove_member(member_id);
                    Ok(())
                }
            }),
            Record::ConsumerGroupTargetAssignmentMetadata { group_id, value } => self
                .change_group_if(value.is_some(), group_id, |group| match value {
                    Some(v) => {
                        group.set_target_assignment_metadata(
                            v.assignment_epoch,
                            v.assignment_timestamp,
                        );
                        Ok(())
                    }
                    None if !group.target_assignments().is_empty() => Err(CONTRADICTION),
                    None => {
                        group.set_target_assignment_metadata(-1, 0);
                        Ok(())
                    }
                }),
            Record::ConsumerGroupTargetAssignmentMember {
                group_id,
                member_id,
                value,
            } => self.change_group_if(value.is_some(), group_id, |group| {
                match value {
                    Some(target) => {
                        group.update_target_assignment(member_id.clone(), target.clone())
                    }
                    None => group.remove_target_assignment(member_id),
                }
                Ok(())
            }),
            Record::ConsumerGroupCurrentMemberAssignment {
                group_id,
                member_id,
                value,
            } => self.change_group_if(value.is_some(), group_id, |group| match value {
                Some(value) => {
                    let mut member = group.member_or_new(member_id);
                    member.update_with_assignment(value);
                    group.update_member(member)
                }
                None => {
                    let Ok(member) = group.member(member_id) else {
                        return Ok(());
                    };
                    let mut member = (**member).clone();
                    member.member_epoch = LEAVE_GROUP_MEMBER_EPOCH;
                    member.previous_member_epoch = LEAVE_GROUP_MEMBER_EPOCH;
                    member.assigned.clear();
                    member.pending_revocation.clear();
                    group.update_member(member)
                }
            }),
            Record::ConsumerGroupRegularExpression {
                group_id,
                regular_expression,
                value,
            } => self.change_group_if(value.is_some(), group_id, |group| {
                match value {
                    Some(value) => group.update_resolved_regex(
                        regular_expression.clone(),
                        ResolvedRegex {
                            topics: value.topics.iter().cloned().collect(),
                            version: value.version,
                            timestamp_ms: value.timestamp,
                        },
                    ),
                    None => group.remove_resolved_regex(regular_expression),
                }
                Ok(())
            }),
        }
    }

    /// A group as a record has it: stable, or empty without members.
    fn replay_classic_group(&mut self, group_id: &Name, value: &GroupMetadataValue, now_ms: Ms) {
        let state = if value.members.is_empty() {
            ClassicGroupState::Empty
        } else {
            ClassicGroupState::Stable
        };
        let mut group = ClassicGroup::new(group_id.clone(), state, now_ms);
        group.generation_id = value.generation;
        group.protocol_type = Some(value.protocol_type.clone()).filter(|t| !t.is_empty());
        group.protocol_name = value.protocol.clone();
        group.leader_id = value.leader.clone();
        group.current_state_timestamp_ms =
            Some(value.current_state_timestamp).filter(|&timestamp| timestamp != -1);
        for member in &value.members {
            group.add(ClassicMember {
                member_id: member.member_id.clone(),
                group_instance_id: member.group_instance_id.clone(),
                client_id: member.client_id.clone(),
                client_host: member.client_host.clone(),
                rebalance_timeout_ms: match member.rebalance_timeout {
                    -1 => member.session_timeout,
                    timeout => timeout,
                },
                session_timeout_ms: member.session_timeout,
                protocol_type: value.protocol_type.clone(),
                // only what the group had selected was written
                supported_protocols: vec![JoinGroupRequestProtocol {
                    name: value.protocol.clone().unwrap_or_else(|| "".into()),
                    metadata: member.subscription.clone(),
                }],
                assignment: member.assignment.clone(),
                awaiting_join: None,
                awaiting_sync: None,
                is_new: false,
            });
        }
        group.subscribed_topics = group.compute_subscribed_topics();
        let id = ClassicRef(self.soft.next_id());
        self.soft.classic.insert(id, group);
        let state = self.versions.current_mut();
        state.put_group(group_id.clone(), Group::Classic(id));
    }

    fn replay_group_tombstone(&mut self, group_id: &Name) -> Result<(), ErrorCode> {
        let Ok(group) = self.consumer_group(group_id) else {
            return Ok(());
        };
        if group.num_members() > 0
            || !group.target_assignments().is_empty()
            || group.assignment_epoch() != -1
        {
            return Err(CONTRADICTION);
        }
        self.versions.current_mut().remove_group(group_id);
        Ok(())
    }

    /// Changes a consumer group; without a value only one that exists.
    fn change_group_if(
        &mut self,
        has_value: bool,
        group_id: &Name,
        change: impl FnOnce(&mut ConsumerGroup) -> Result<(), ErrorCode>,
    ) -> Result<(), ErrorCode> {
        if !has_value && self.consumer_group(group_id).is_err() {
            return Ok(());
        }
        self.change_group(group_id, change)
    }

    /// Changes a consumer group, which appears if it is not there or if there is a simple classic one
    /// (`getOrMaybeCreatePersistedConsumerGroup`).
    fn change_group(
        &mut self,
        group_id: &Name,
        change: impl FnOnce(&mut ConsumerGroup) -> Result<(), ErrorCode>,
    ) -> Result<(), ErrorCode> {
        let existing = self.state().group(group_id);
        let replaceable = match existing {
            None => true,
            Some(Group::Consumer(_)) => false,
            Some(Group::Classic(id)) => {
                let simple = self
                    .soft
                    .classic
                    .get(id)
                    .is_some_and(ClassicGroup::is_simple_group);
                if !simple {
                    return Err(CONTRADICTION);
                }
                true
            }
        };
        if replaceable {
            let uid = self.soft.next_id();
            let group = Arc::new(ConsumerGroup::new(group_id.clone(), uid));
            let state = self.versions.current_mut();
            state.put_group(group_id.clone(), Group::Consumer(group));
        }
        let groups = Arc::make_mut(&mut self.versions.current_mut().groups);
        match groups.get_mut(&**group_id) {
            Some(Group::Consumer(group)) => change(Arc::make_mut(group)),
            _ => Err(CONTRADICTION),
        }
    }
}
