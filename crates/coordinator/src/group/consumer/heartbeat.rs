//! ConsumerGroupHeartbeat (`GroupMetadataManager.consumerGroupHeartbeat`): a member joins, acknowledges, changes its
//! subscription, or just lives; the group's epoch, target and its own assignment follow.

use super::group::ConsumerGroup;
use super::member::{ConsumerMember, LEAVE_GROUP_MEMBER_EPOCH, LEAVE_GROUP_STATIC_MEMBER_EPOCH};
use super::regex::RegexStatus;
use super::subscription::SubscriptionType;
use crate::group::admin::classic_tombstone;
use crate::group::coordinator::{Coordinator, Outcome, Step};
use crate::group::hash::metadata_hash;
use crate::group::record::{
    AssignedPartitions, ConsumerGroupMetadataValue, Partitions, Record, TopicId,
};
use crate::group::request::RequestContext;
use crate::group::state::*;
use protocol::messages::*;
use protocol::{ErrorCode, MemberEpoch, Ms, Name};
use std::sync::Arc;

/// How long a group's hash of its topics is trusted without a change of the metadata (`METADATA_REFRESH_INTERVAL_MS`).
const METADATA_REFRESH_INTERVAL_MS: Ms = i32::MAX as Ms;

/// Partitions that a member says it owns; `None` = not said.
pub(in crate::group) type Owned<'a> = Option<&'a [TopicPartitions]>;

impl Coordinator {
    pub(in crate::group) fn consumer_group_heartbeat(
        &mut self,
        context: &RequestContext,
        r: &ConsumerGroupHeartbeatRequest,
        step: &mut Step,
    ) -> Result<(Outcome, ConsumerGroupHeartbeatResponse), ErrorCode> {
        let epoch = r.member_epoch.0;
        if epoch == LEAVE_GROUP_MEMBER_EPOCH || epoch == LEAVE_GROUP_STATIC_MEMBER_EPOCH {
            return self.consumer_group_leave(r, step);
        }
        let mut records = Vec::new();
        let group_id = &r.group_id;
        let joins = epoch == 0;
        let group = self.consumer_group_or_create(group_id, joins, &mut records, step)?;
        self.check_consumer_group_size(&group, &r.member_id, r.instance_id.as_ref())?;
        let member_id = if r.member_id.is_empty() {
            step.draw_uuid().to_string().into()
        } else {
            r.member_id.clone()
        };
        let owned: Owned = r.topic_partitions.as_deref();
        let member = match &r.instance_id {
            None => {
                let member = if joins {
                    group.member_or_new(&member_id)
                } else {
                    (**group.member(&member_id)?).clone()
                };
                check_member_epoch(&member, epoch, owned)?;
                member
            }
            Some(instance_id) => self.static_consumer_member(
                &group,
                (&member_id, instance_id),
                joins,
                Some((epoch, owned)),
                &mut records,
            )?,
        };
        let mut updated = member.clone();
        updated.instance_id = r.instance_id.clone().or(updated.instance_id);
        updated.rack_id = r.rack_id.clone().or(updated.rack_id);
        if r.rebalance_timeout_ms != -1 {
            updated.rebalance_timeout_ms = r.rebalance_timeout_ms;
        }
        updated.server_assignor = r.server_assignor.clone().or(updated.server_assignor);
        if let Some(names) = &r.subscribed_topic_names {
            updated.subscribed_topic_names = names.iter().cloned().collect();
        }
        if let Some(regex) = &r.subscribed_topic_regex {
            updated.subscribed_topic_regex = Some(regex.clone());
        }
        updated.client_id = context.client_id.clone();
        updated.client_host = context.client_host.clone();
        updated.classic = None;

        let names_changed = write_member_if_changed(group_id, &member, &updated, &mut records);
        let regex_status =
            self.maybe_update_regexes(&group, &member, &updated, &mut records, step)?;
        let subscription_changed = names_changed || regex_status != RegexStatus::NoChange;
        let bump = names_changed || regex_status == RegexStatus::UpdatedAndResolved;
        let (group_epoch, subscription_type) =
            self.maybe_bump_group_epoch(&group, bump, &member, &updated, &mut records, step);
        let (target_epoch, target) = self.maybe_update_target_assignment(
            &group,
            (group_epoch, subscription_type),
            &member,
            &updated,
            &mut records,
            step,
        );
        let updated = self.maybe_reconcile(
            &group,
            updated,
            (target_epoch, &target),
            subscription_changed,
            owned,
            &mut records,
            step,
        )?;
        let timeout_ms = self.consumer_session_timeout_ms(group_id);
        self.schedule_session_timeout(group_id, &member_id, timeout_ms, step);

        // the assignment travels where the member cannot know it: when it joins, tells everything, or it changed
        let subscribes = r.subscribed_topic_names.is_some() || r.subscribed_topic_regex.is_some();
        let is_full = r.rebalance_timeout_ms != -1 && subscribes && owned.is_some();
        let tells = joins || is_full || member.assigned != updated.assigned;
        let response = ConsumerGroupHeartbeatResponse {
            member_id: Some(updated.member_id.clone()),
            member_epoch: MemberEpoch(updated.member_epoch),
            heartbeat_interval_ms: self.consumer_heartbeat_interval_ms(group_id),
            assignment: tells.then(|| assignment_of(&updated.assigned, step)),
            ..Default::default()
        };
        Ok((Outcome::records(records), response))
    }

    /// The group as a heartbeat finds it. A joining member makes it, or turns a classic group into one; nothing of that
    /// is in the state before the records are replayed.
    fn consumer_group_or_create(
        &mut self,
        group_id: &Name,
        create: bool,
        records: &mut Vec<Record>,
        step: &mut Step,
    ) -> Result<Arc<ConsumerGroup>, ErrorCode> {
        match self.state().group(group_id).cloned() {
            Some(Group::Consumer(group)) => Ok(group),
            _ if !create => Err(ErrorCode::GroupIdNotFound),
            None => Ok(self.new_consumer_group(group_id)),
            Some(Group::Classic(id)) => {
                let mut classic = self.take_classic(id);
                let result = if classic.is_empty() {
                    records.push(classic_tombstone(group_id));
                    Ok(self.new_consumer_group(group_id))
                } else {
                    self.convert_to_consumer_group(&mut classic, records, step)
                };
                self.put_classic(id, classic);
                result
            }
        }
    }

    fn new_consumer_group(&mut self, group_id: &Name) -> Arc<ConsumerGroup> {
        Arc::new(ConsumerGroup::new(group_id.clone(), self.soft.next_id()))
    }

    /// Refuses a member that would be one too many.
    pub(in crate::group) fn check_consumer_group_size(
        &self,
        group: &ConsumerGroup,
        member_id: &str,
        instance_id: Option<&Name>,
    ) -> Result<(), ErrorCode> {
        let takes_a_place = group.static_member_id(instance_id).is_none()
            && (member_id.is_empty() || !group.has_member(member_id));
        if takes_a_place && group.num_members() >= self.config.consumer_max_size {
            return Err(ErrorCode::GroupMaxSizeReached);
        }
        Ok(())
    }

    /// The static member of an instance id: known, new, or in the place of one that left for a while or speaks the other
    /// protocol (`getOrMaybeSubscribeStaticConsumerGroupMember`). `heartbeat`: epoch and owned partitions of a member of
    /// the consumer protocol.
    pub(in crate::group) fn static_consumer_member(
        &self,
        group: &ConsumerGroup,
        (member_id, instance_id): (&Name, &Name),
        create: bool,
        heartbeat: Option<(i32, Owned)>,
        records: &mut Vec<Record>,
    ) -> Result<ConsumerMember, ErrorCode> {
        let existing = group.static_member(Some(instance_id));
        if !create {
            let existing = existing.ok_or(ErrorCode::UnknownMemberId)?;
            if existing.member_id != *member_id {
                return Err(ErrorCode::FencedInstanceId);
            }
            if let Some((epoch, owned)) = heartbeat {
                check_member_epoch(existing, epoch, owned)?;
            }
            return Ok((**existing).clone());
        }
        let Some(existing) = existing else {
            return Ok(group.member_or_new(member_id));
        };
        let same_protocol = heartbeat.is_some() && !existing.uses_classic_protocol();
        if same_protocol && existing.member_epoch != LEAVE_GROUP_STATIC_MEMBER_EPOCH {
            return Err(ErrorCode::UnreleasedInstanceId);
        }
        let replacing = ConsumerMember {
            member_id: member_id.clone(),
            member_epoch: 0,
            previous_member_epoch: 0,
            ..(**existing).clone()
        };
        let group_id = &group.group_id;
        member_tombstones(group_id, &existing.member_id, records);
        records.push(member_record(group_id, &replacing));
        records.push(Record::ConsumerGroupTargetAssignmentMember {
            group_id: group_id.clone(),
            member_id: member_id.clone(),
            value: Some((*group.target_assignment(&existing.member_id)).clone()),
        });
        records.push(current_assignment_record(group_id, &replacing));
        Ok(replacing)
    }

    /// Bumps the group epoch if the subscription changed or the topics did (`updateSubscriptionMetadata`). The type of the
    /// subscription is worked out anew only then.
    pub(in crate::group) fn maybe_bump_group_epoch(
        &mut self,
        group: &ConsumerGroup,
        bump: bool,
        member: &ConsumerMember,
        updated: &ConsumerMember,
        records: &mut Vec<Record>,
        step: &mut Step,
    ) -> (i32, SubscriptionType) {
        let now_ms = step.now_ms();
        let refresh = self
            .soft
            .metadata_refresh
            .get(&group.uid)
            .copied()
            .unwrap_or_default();
        let expired = now_ms >= refresh.deadline_ms || group.group_epoch() < refresh.epoch;
        if !bump && !expired {
            return (group.group_epoch(), group.subscription_type());
        }
        let topics = group.compute_subscribed_topics(Some(member), Some(updated));
        let regexes = if member.regex() == updated.regex() {
            group.subscribed_regexes()
        } else {
            let counts = group.compute_subscribed_regexes(member.regex(), updated.regex());
            counts
                .iter()
                .map(|(regex, count)| (regex.clone(), *count))
                .collect()
        };
        let hash = metadata_hash(step.metadata, topics.keys());
        let is_new = !group.has_member(&updated.member_id)
            && group
                .static_member_id(updated.instance_id.as_ref())
                .is_none();
        let num_members = group.num_members() + usize::from(is_new);
        let subscription_type = ConsumerGroup::subscription_type_of(&regexes, &topics, num_members);
        let mut epoch = group.group_epoch();
        if bump || hash != group.metadata_hash {
            epoch += 1;
            records.push(group_epoch_record(&group.group_id, epoch, hash));
        }
        self.set_metadata_refresh(group, epoch, now_ms);
        if group.has_subscription_metadata_record {
            records.push(Record::ConsumerGroupPartitionMetadata {
                group_id: group.group_id.clone(),
                present: false,
            });
        }
        (epoch, subscription_type)
    }

    pub(in crate::group) fn set_metadata_refresh(
        &mut self,
        group: &ConsumerGroup,
        epoch: i32,
        now_ms: Ms,
    ) {
        let refresh = DeadlineAndEpoch {
            deadline_ms: now_ms + METADATA_REFRESH_INTERVAL_MS,
            epoch,
        };
        self.soft.metadata_refresh.insert(group.uid, refresh);
        // groups that are gone are forgotten
        if self.soft.metadata_refresh.len() > 2 * (self.state().groups.len() + 8) {
            let live: Vec<u64> = self
                .state()
                .groups
                .values()
                .filter_map(|g| match g {
                    Group::Consumer(group) => Some(group.uid),
                    Group::Classic(_) => None,
                })
                .chain([group.uid])
                .collect();
            self.soft
                .metadata_refresh
                .retain(|uid, _| live.contains(uid));
        }
    }
}

/// Whether a member may go on with the epoch that it names (`throwIfConsumerGroupMemberEpochIsInvalid`). The epoch before
/// its own is let through where the answer that moved it may have been lost.
fn check_member_epoch(member: &ConsumerMember, epoch: i32, owned: Owned) -> Result<(), ErrorCode> {
    let retries = || epoch == member.previous_member_epoch && is_subset(owned, &member.assigned);
    if epoch == 0 || epoch == member.member_epoch || epoch < member.member_epoch && retries() {
        Ok(())
    } else {
        Err(ErrorCode::FencedMemberEpoch)
    }
}

fn is_subset(owned: Owned, assigned: &AssignedPartitions) -> bool {
    let Some(owned) = owned else {
        return false;
    };
    owned.iter().all(|topic| {
        let partitions = assigned.get(&TopicId(topic.topic_id));
        partitions.is_some_and(|a| topic.partitions.iter().all(|p| a.contains_key(p)))
    })
}

/// Writes the member's record if anything in it changed. True: it names other topics.
pub(in crate::group) fn write_member_if_changed(
    group_id: &Name,
    member: &ConsumerMember,
    updated: &ConsumerMember,
    records: &mut Vec<Record>,
) -> bool {
    if member == updated {
        return false;
    }
    records.push(member_record(group_id, updated));
    member.subscribed_topic_names != updated.subscribed_topic_names
}

fn assignment_of(assigned: &AssignedPartitions, step: &Step) -> ConsumerAssignment {
    let topics = assigned.iter().map(|(id, partitions)| TopicPartitions {
        topic_id: id.0,
        topic_name: step
            .metadata
            .topic_by_id(id.0)
            .map_or_else(|| "".into(), |topic| topic.name),
        partitions: partitions.keys().copied().collect(),
    });
    ConsumerAssignment {
        topic_partitions: topics.collect(),
    }
}

pub(in crate::group) fn member_record(group_id: &Name, member: &ConsumerMember) -> Record {
    Record::ConsumerGroupMemberMetadata {
        group_id: group_id.clone(),
        member_id: member.member_id.clone(),
        value: Some(member.metadata_value()),
    }
}

pub(in crate::group) fn group_epoch_record(
    group_id: &Name,
    epoch: i32,
    metadata_hash: i64,
) -> Record {
    Record::ConsumerGroupMetadata {
        group_id: group_id.clone(),
        value: Some(ConsumerGroupMetadataValue {
            epoch,
            metadata_hash,
        }),
    }
}

pub(in crate::group) fn target_record(
    group_id: &Name,
    member_id: &Name,
    target: &Partitions,
) -> Record {
    Record::ConsumerGroupTargetAssignmentMember {
        group_id: group_id.clone(),
        member_id: member_id.clone(),
        value: Some(target.clone()),
    }
}

pub(in crate::group) fn current_assignment_record(
    group_id: &Name,
    member: &ConsumerMember,
) -> Record {
    Record::ConsumerGroupCurrentMemberAssignment {
        group_id: group_id.clone(),
        member_id: member.member_id.clone(),
        value: Some(member.assignment_value()),
    }
}

/// Tombstones of everything that is written of a member.
pub(in crate::group) fn member_tombstones(
    group_id: &Name,
    member_id: &Name,
    records: &mut Vec<Record>,
) {
    let (group_id, member_id) = (|| group_id.clone(), || member_id.clone());
    records.push(Record::ConsumerGroupCurrentMemberAssignment {
        group_id: group_id(),
        member_id: member_id(),
        value: None,
    });
    records.push(Record::ConsumerGroupTargetAssignmentMember {
        group_id: group_id(),
        member_id: member_id(),
        value: None,
    });
    records.push(Record::ConsumerGroupMemberMetadata {
        group_id: group_id(),
        member_id: member_id(),
        value: None,
    });
}
