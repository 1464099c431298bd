//! Target and reconciliation: what the assignor gives each member, and how a member gets there step by step
//! (`TargetAssignmentBuilder`, `CurrentAssignmentBuilder`).

use super::group::ConsumerGroup;
use super::heartbeat::{Owned, current_assignment_record, target_record};
use super::member::ConsumerMember;
use super::subscription::SubscriptionType;
use crate::group::assignor::{self, GroupSpec, MemberSpec};
use crate::group::coordinator::{Coordinator, Step};
use crate::group::record::{
    AssignedPartitions, MemberState, Partitions, Record, TargetAssignmentMetadataValue, TopicId,
};
use crate::runtime::MetadataView;
use protocol::{ErrorCode, Ms, Name};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Topics that a member wants by name or by an expression that is resolved.
fn subscribed_names(group: &ConsumerGroup, member: &ConsumerMember) -> BTreeSet<Name> {
    let mut names = member.subscribed_topic_names.clone();
    if let Some(resolved) = member.regex().and_then(|r| group.resolved_regexes().get(r)) {
        names.extend(resolved.topics.iter().cloned());
    }
    names
}

fn topic_ids(names: &BTreeSet<Name>, metadata: &dyn MetadataView) -> BTreeSet<TopicId> {
    let known = names.iter().filter_map(|name| metadata.topic(name));
    known.map(|topic| TopicId(topic.id)).collect()
}

impl Coordinator {
    /// Computes a new target if the group epoch is ahead of it and the last one is old enough; else the last one stands.
    /// Answers the target's epoch and the member's part.
    pub(in crate::group) fn maybe_update_target_assignment(
        &self,
        group: &ConsumerGroup,
        (group_epoch, subscription_type): (i32, SubscriptionType),
        member: &ConsumerMember,
        updated: &ConsumerMember,
        records: &mut Vec<Record>,
        step: &Step,
    ) -> (i32, Arc<Partitions>) {
        let now_ms = step.now_ms();
        let last_ms = group.assignment_timestamp_ms();
        let interval_ms: Ms = self.consumer_assignment_interval_ms(&group.group_id);
        let may_compute = last_ms == 0 || interval_ms == 0 || now_ms >= last_ms + interval_ms;
        if group.assignment_epoch() >= group_epoch || !may_compute {
            let instance_id = updated.instance_id.as_ref();
            let target = group.target_assignment_of(&updated.member_id, instance_id);
            return (group.assignment_epoch(), target);
        }
        let preferred = group.compute_preferred_server_assignor(member, updated);
        let assignor = preferred.unwrap_or_else(|| self.config.default_assignor());
        let spec = group_spec(group, updated, subscription_type, step.metadata);
        let mut target = assignor::assign(&assignor, &spec);
        let group_id = &group.group_id;
        for member_id in spec.members.keys() {
            let new = target.entry(member_id.clone()).or_default();
            let old = group.target_assignments().get(member_id);
            if old.is_none_or(|old| **old != *new) {
                records.push(target_record(group_id, member_id, new));
            }
        }
        records.push(Record::ConsumerGroupTargetAssignmentMetadata {
            group_id: group_id.clone(),
            value: Some(TargetAssignmentMetadataValue {
                assignment_epoch: group_epoch,
                assignment_timestamp: now_ms,
            }),
        });
        let own = target.remove(&updated.member_id).unwrap_or_default();
        (group_epoch, Arc::new(own))
    }

    /// Moves a member towards its target and writes what changed (`maybeReconcile`).
    #[allow(clippy::too_many_arguments)]
    pub(in crate::group) fn maybe_reconcile(
        &mut self,
        group: &ConsumerGroup,
        member: ConsumerMember,
        (target_epoch, target): (i32, &Partitions),
        subscription_changed: bool,
        owned: Owned,
        records: &mut Vec<Record>,
        step: &mut Step,
    ) -> Result<ConsumerMember, ErrorCode> {
        if !subscription_changed && member.is_reconciled_to(target_epoch) {
            return Ok(member);
        }
        let builder = CurrentAssignment {
            group,
            member: &member,
            target_epoch,
            target,
            subscription_changed,
            owned,
            metadata: step.metadata,
        };
        let updated = builder.build()?;
        if updated == member {
            return Ok(member);
        }
        let group_id = &group.group_id;
        records.push(current_assignment_record(group_id, &updated));
        if !updated.uses_classic_protocol() {
            if updated.state == MemberState::UnrevokedPartitions {
                self.schedule_rebalance_timeout(group_id, &updated, step);
            } else {
                self.cancel_rebalance_timeout(group_id, &updated.member_id);
            }
        }
        Ok(updated)
    }
}

/// The group as the assignor is to see it: with the member in its new form, in the place of the one that it replaces.
fn group_spec(
    group: &ConsumerGroup,
    updated: &ConsumerMember,
    subscription_type: SubscriptionType,
    metadata: &dyn MetadataView,
) -> GroupSpec {
    let mut partition_counts = BTreeMap::new();
    let mut spec_of = |member: &ConsumerMember, assignment: Arc<Partitions>| {
        let names = subscribed_names(group, member);
        for topic in names.iter().filter_map(|name| metadata.topic(name)) {
            partition_counts.insert(TopicId(topic.id), topic.partitions);
        }
        MemberSpec {
            instance_id: member.instance_id.clone(),
            subscribed: topic_ids(&names, metadata),
            assignment,
        }
    };
    let mut members: BTreeMap<Name, MemberSpec> = group
        .members()
        .iter()
        .map(|(id, member)| (id.clone(), spec_of(member, group.target_assignment(id))))
        .collect();
    let mut assignment = group.target_assignment(&updated.member_id);
    let previous = group.static_member_id(updated.instance_id.as_ref());
    if let Some(previous) = previous.filter(|&id| *id != updated.member_id) {
        assignment = group.target_assignment(previous);
        members.remove(previous);
    }
    members.insert(updated.member_id.clone(), spec_of(updated, assignment));
    let assigned = partition_counts
        .iter()
        .flat_map(|(&topic, &count)| (0..count).map(move |p| (topic, p)))
        .filter(|&(topic, partition)| group.is_partition_targeted(topic, partition))
        .collect();
    GroupSpec {
        members,
        subscription_type,
        partition_counts,
        assigned,
    }
}

/// The next step of one member.
struct CurrentAssignment<'a> {
    group: &'a ConsumerGroup,
    member: &'a ConsumerMember,
    target_epoch: i32,
    target: &'a Partitions,
    subscription_changed: bool,
    owned: Owned<'a>,
    metadata: &'a dyn MetadataView,
}

impl CurrentAssignment<'_> {
    fn build(&self) -> Result<ConsumerMember, ErrorCode> {
        let member = self.member;
        let epoch = member.member_epoch;
        Ok(match member.state {
            MemberState::Stable if epoch != self.target_epoch => self.compute_next(epoch),
            MemberState::Stable if self.subscription_changed => self.drop_unsubscribed(epoch),
            MemberState::Stable => member.clone(),
            MemberState::UnrevokedPartitions if self.owns_any(&member.pending_revocation) => {
                if self.subscription_changed {
                    self.drop_unsubscribed(epoch)
                } else {
                    member.clone()
                }
            }
            MemberState::UnrevokedPartitions | MemberState::UnreleasedPartitions => {
                self.compute_next(epoch)
            }
            MemberState::Unknown => {
                // only a member that owns nothing can be led on from a state that is not known
                if self.owned.is_none_or(|owned| !owned.is_empty()) {
                    return Err(ErrorCode::FencedMemberEpoch);
                }
                self.compute_next(self.target_epoch)
            }
        })
    }

    /// Whether the member says, or does not deny, that it still owns one of these partitions.
    fn owns_any(&self, partitions: &AssignedPartitions) -> bool {
        let Some(owned) = self.owned else {
            return true;
        };
        owned.iter().any(|topic| {
            let pending = partitions.get(&TopicId(topic.topic_id));
            pending.is_some_and(|pending| topic.partitions.iter().any(|p| pending.contains_key(p)))
        })
    }

    /// The member's epoch stands, but it has to give up what it does not want any more (`updateCurrentAssignment`).
    fn drop_unsubscribed(&self, epoch: i32) -> ConsumerMember {
        let member = self.member;
        let names = subscribed_names(self.group, member);
        let wanted = topic_ids(&names, self.metadata);
        let mut assigned = member.assigned.clone();
        let mut pending = member.pending_revocation.clone();
        let unwanted: Vec<TopicId> = assigned
            .keys()
            .filter(|id| !wanted.contains(id))
            .copied()
            .collect();
        // Kafka takes a member without any topic as changed even where it had nothing, unless it is brand-new
        let cleared = names.is_empty() && pending.is_empty() && member.previous_member_epoch != -1;
        if unwanted.is_empty() && !cleared {
            return member.clone();
        }
        for id in unwanted {
            if let Some(partitions) = assigned.remove(&id) {
                pending.entry(id).or_default().extend(partitions);
            }
        }
        let mut updated = member.clone();
        updated.update_member_epoch(epoch);
        updated.assigned = assigned;
        if !pending.is_empty() && self.owns_any(&pending) {
            updated.state = MemberState::UnrevokedPartitions;
            updated.pending_revocation = pending;
        }
        updated
    }

    /// Keep, revoke, add: first revoke and wait, then take what is free, and wait for the rest (`computeNextAssignment`).
    fn compute_next(&self, epoch: i32) -> ConsumerMember {
        let member = self.member;
        let wanted = topic_ids(&subscribed_names(self.group, member), self.metadata);
        let mut kept = AssignedPartitions::new();
        let mut revoked = AssignedPartitions::new();
        let mut added: Vec<(TopicId, i32)> = Vec::new();
        let mut has_unreleased = false;
        let all: BTreeSet<TopicId> = self
            .target
            .keys()
            .chain(member.assigned.keys())
            .copied()
            .collect();
        for topic in all {
            let target = self.target.get(&topic).filter(|_| wanted.contains(&topic));
            let current = member.assigned.get(&topic);
            for (&partition, &assigned_at) in current.into_iter().flatten() {
                let list = match target {
                    Some(target) if target.contains(&partition) => &mut kept,
                    _ => &mut revoked,
                };
                list.entry(topic)
                    .or_default()
                    .insert(partition, assigned_at);
            }
            let own_pending = member.pending_revocation.get(&topic);
            for &partition in target.into_iter().flatten() {
                if current.is_some_and(|c| c.contains_key(&partition)) {
                    continue;
                }
                let held = self.group.current_partition_epoch(topic, partition) != -1;
                let own = own_pending.is_some_and(|p| p.contains_key(&partition));
                if held && !own {
                    has_unreleased = true;
                } else {
                    added.push((topic, partition));
                }
            }
        }
        let mut updated = member.clone();
        if !revoked.is_empty() && self.owns_any(&revoked) {
            updated.state = MemberState::UnrevokedPartitions;
            updated.update_member_epoch(epoch);
            updated.assigned = kept;
            updated.pending_revocation = revoked;
            return updated;
        }
        for (topic, partition) in added {
            kept.entry(topic)
                .or_default()
                .insert(partition, self.target_epoch);
        }
        updated.state = if has_unreleased {
            MemberState::UnreleasedPartitions
        } else {
            MemberState::Stable
        };
        updated.update_member_epoch(self.target_epoch);
        updated.assigned = kept;
        updated.pending_revocation = AssignedPartitions::new();
        updated
    }
}
