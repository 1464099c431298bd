//! Members that go: by leaving, by time, or fenced; and the timers of members (`consumerGroupLeave`,
//! `consumerGroupFenceMembers`).

use super::group::ConsumerGroup;
use super::heartbeat::{current_assignment_record, group_epoch_record, member_tombstones};
use super::member::{ConsumerMember, LEAVE_GROUP_STATIC_MEMBER_EPOCH};
use crate::group::coordinator::{Coordinator, Outcome, Step};
use crate::group::hash::metadata_hash;
use crate::group::record::Record;
use crate::group::state::*;
use protocol::messages::*;
use protocol::{ErrorCode, MemberEpoch, Ms, Name};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

impl Coordinator {
    pub(in crate::group) fn consumer_group_leave(
        &mut self,
        r: &ConsumerGroupHeartbeatRequest,
        step: &mut Step,
    ) -> Result<(Outcome, ConsumerGroupHeartbeatResponse), ErrorCode> {
        let group = self.consumer_group(&r.group_id)?;
        let epoch = r.member_epoch.0;
        let member = match &r.instance_id {
            None => group.member(&r.member_id)?,
            Some(_) => {
                let member = group.static_member(r.instance_id.as_ref());
                let member = member.ok_or(ErrorCode::UnknownMemberId)?;
                if member.member_id != r.member_id {
                    return Err(ErrorCode::FencedInstanceId);
                }
                member
            }
        };
        let response = ConsumerGroupHeartbeatResponse {
            member_id: Some(r.member_id.clone()),
            member_epoch: MemberEpoch(epoch),
            ..Default::default()
        };
        if r.instance_id.is_some() && epoch == LEAVE_GROUP_STATIC_MEMBER_EPOCH {
            // it means to come back: its partitions stay its own until the session ends
            let mut leaving = (**member).clone();
            leaving.member_epoch = LEAVE_GROUP_STATIC_MEMBER_EPOCH;
            leaving.pending_revocation.clear();
            for assigned_at in leaving.assigned.values_mut().flat_map(BTreeMap::values_mut) {
                *assigned_at = 0;
            }
            let record = current_assignment_record(&r.group_id, &leaving);
            return Ok((Outcome::records(vec![record]), response));
        }
        let outcome = self.fence_members(&group, &[member.clone()], step)?;
        Ok((outcome, response))
    }

    /// Removes members. Where only classic members are left the group becomes a classic one, else its epoch grows.
    pub(in crate::group) fn fence_members(
        &mut self,
        group: &ConsumerGroup,
        members: &[Arc<ConsumerMember>],
        step: &mut Step,
    ) -> Result<Outcome, ErrorCode> {
        if members.is_empty() {
            return Ok(Outcome::none());
        }
        if self.may_downgrade_without(group, members) {
            return self.convert_to_classic_group(group, members, None, true, Vec::new(), step);
        }
        let group_id = &group.group_id;
        let mut records = Vec::new();
        for member in members {
            member_tombstones(group_id, &member.member_id, &mut records);
        }
        let mut counts: BTreeMap<&Name, u32> = BTreeMap::new();
        for regex in members.iter().filter_map(|m| m.regex()) {
            *counts.entry(regex).or_default() += 1;
        }
        let mut gone = BTreeSet::new();
        for (regex, count) in counts {
            if group.num_subscribed_members(regex) == count {
                records.push(regex_tombstone(group_id, regex));
                gone.insert(regex.clone());
            }
        }
        let topics = group.compute_subscribed_topics_without(members, &gone);
        let hash = metadata_hash(step.metadata, topics.keys());
        records.push(group_epoch_record(group_id, group.group_epoch() + 1, hash));
        for member in members {
            self.cancel_member_timers(group_id, &member.member_id);
        }
        Ok(Outcome::records(records))
    }

    /// A session, a join or a sync took too long; or, with an epoch, partitions were not given up at that epoch.
    pub(in crate::group) fn fence_member_by_timer(
        &mut self,
        group_id: &Name,
        member_id: &Name,
        at_epoch: Option<i32>,
        step: &mut Step,
    ) -> Outcome {
        let Ok(group) = self.consumer_group(group_id) else {
            return Outcome::none();
        };
        let Ok(member) = group.member(member_id).cloned() else {
            return Outcome::none();
        };
        if at_epoch.is_some_and(|epoch| epoch != member.member_epoch) {
            return Outcome::none();
        }
        self.fence_members(&group, &[member], step)
            .unwrap_or_default()
    }

    // timers of members

    fn fence_operation(group_id: &Name, member_id: &Name) -> TimerOperation {
        TimerOperation::FenceMember {
            group_id: group_id.clone(),
            member_id: member_id.clone(),
        }
    }

    pub(in crate::group) fn schedule_session_timeout(
        &mut self,
        group_id: &Name,
        member_id: &Name,
        timeout_ms: Ms,
        step: &Step,
    ) {
        let key = TimerKey::SessionTimeout(group_id.clone(), member_id.clone());
        self.schedule(
            key,
            timeout_ms,
            Self::fence_operation(group_id, member_id),
            step,
        );
    }

    pub(in crate::group) fn schedule_rebalance_timeout(
        &mut self,
        group_id: &Name,
        member: &ConsumerMember,
        step: &Step,
    ) {
        let operation = TimerOperation::FenceUnrevokedMember {
            group_id: group_id.clone(),
            member_id: member.member_id.clone(),
            member_epoch: member.member_epoch,
        };
        let key = TimerKey::RebalanceTimeout(group_id.clone(), member.member_id.clone());
        self.schedule(key, Ms::from(member.rebalance_timeout_ms), operation, step);
    }

    pub(in crate::group) fn cancel_rebalance_timeout(&mut self, group_id: &Name, member_id: &Name) {
        let key = TimerKey::RebalanceTimeout(group_id.clone(), member_id.clone());
        self.soft.timers.cancel(&key);
    }

    /// A classic member has to join within its rebalance timeout; a running timer is left alone.
    pub(in crate::group) fn schedule_member_join_if_absent(
        &mut self,
        group_id: &Name,
        member: &ConsumerMember,
        step: &Step,
    ) {
        let key = TimerKey::MemberJoin(group_id.clone(), member.member_id.clone());
        if !self.soft.timers.is_scheduled(&key) {
            let operation = Self::fence_operation(group_id, &member.member_id);
            self.schedule(key, Ms::from(member.rebalance_timeout_ms), operation, step);
        }
    }

    pub(in crate::group) fn schedule_member_sync(
        &mut self,
        group_id: &Name,
        member_id: &Name,
        timeout_ms: Ms,
        step: &Step,
    ) {
        let key = TimerKey::MemberSync(group_id.clone(), member_id.clone());
        self.schedule(
            key,
            timeout_ms,
            Self::fence_operation(group_id, member_id),
            step,
        );
    }

    fn cancel_member_timers(&mut self, group_id: &Name, member_id: &Name) {
        let (g, m) = (|| group_id.clone(), || member_id.clone());
        for key in [
            TimerKey::SessionTimeout(g(), m()),
            TimerKey::RebalanceTimeout(g(), m()),
            TimerKey::MemberJoin(g(), m()),
            TimerKey::MemberSync(g(), m()),
        ] {
            self.soft.timers.cancel(&key);
        }
    }
}

/// The record that removes what an expression was resolved to.
pub(in crate::group) fn regex_tombstone(group_id: &Name, regex: &Name) -> Record {
    Record::ConsumerGroupRegularExpression {
        group_id: group_id.clone(),
        regular_expression: regex.clone(),
        value: None,
    }
}
