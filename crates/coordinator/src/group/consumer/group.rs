//! A group of the consumer protocol as the log knows it (`ConsumerGroup`, `ModernGroup`).
//!
//! Replay alone changes a group that is in the coordinator's state; handlers read it. Everything that can be derived from
//! the members is kept counted, as Kafka does, so that a handler can ask "and if this member changed?".

use super::member::ConsumerMember;
use super::subscription::{
    ResolvedRegex, SubscribedTopics, SubscriptionType, decrement, increment,
};
use crate::group::record::{AssignedPartitions, Partitions, TopicId};
use crate::runtime::java::JavaHashMap;
use crate::runtime::timeline::TimelineTable;
use protocol::{ErrorCode, Ms, Name};
use std::collections::BTreeMap;
use std::sync::Arc;

/// `ConsumerGroup.ConsumerGroupState`. A group that is gone is `Dead` in answers only.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ConsumerGroupState {
    Empty,
    Assigning,
    Reconciling,
    Stable,
}

impl ConsumerGroupState {
    /// Kafka's name of it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Empty => "Empty",
            Self::Assigning => "Assigning",
            Self::Reconciling => "Reconciling",
            Self::Stable => "Stable",
        }
    }
}

#[derive(Clone, Debug)]
pub struct ConsumerGroup {
    pub group_id: Name,
    /// Tells this group from a later one of the same name.
    pub uid: u64,
    state: ConsumerGroupState,
    group_epoch: i32,
    pub metadata_hash: i64,
    /// By member id, the order in which Kafka's table is taken to iterate.
    pub(super) members: BTreeMap<Name, Arc<ConsumerMember>>,
    /// Member id by instance id.
    static_members: BTreeMap<Name, Name>,
    pub(super) subscribed_topics: SubscribedTopics,
    pub(super) subscription_type: SubscriptionType,
    assignment_epoch: i32,
    assignment_timestamp_ms: Ms,
    target_assignment: BTreeMap<Name, Arc<Partitions>>,
    /// Whose target a partition is in.
    inverted_target: BTreeMap<TopicId, BTreeMap<i32, Name>>,
    /// How many members name each assignor.
    server_assignors: TimelineTable<Name, u32>,
    num_classic_members: usize,
    classic_supported_protocols: BTreeMap<Name, usize>,
    /// The epoch of the member that holds a partition, assigned or pending revocation.
    current_partition_epoch: BTreeMap<TopicId, BTreeMap<i32, i32>>,
    /// How many members subscribe to each expression.
    pub(super) subscribed_regexes: TimelineTable<Name, u32>,
    pub(super) resolved_regexes: TimelineTable<Name, ResolvedRegex>,
    pub has_subscription_metadata_record: bool,
}

impl ConsumerGroup {
    /// A new group is at epoch 1 (KAFKA-20268), with an empty target of that epoch.
    pub fn new(group_id: Name, uid: u64) -> Self {
        Self {
            group_id,
            uid,
            state: ConsumerGroupState::Empty,
            group_epoch: 1,
            metadata_hash: 0,
            members: BTreeMap::new(),
            static_members: BTreeMap::new(),
            subscribed_topics: BTreeMap::new(),
            subscription_type: SubscriptionType::Homogeneous,
            assignment_epoch: 1,
            assignment_timestamp_ms: 0,
            target_assignment: BTreeMap::new(),
            inverted_target: BTreeMap::new(),
            server_assignors: TimelineTable::default(),
            num_classic_members: 0,
            classic_supported_protocols: BTreeMap::new(),
            current_partition_epoch: BTreeMap::new(),
            subscribed_regexes: TimelineTable::default(),
            resolved_regexes: TimelineTable::default(),
            has_subscription_metadata_record: false,
        }
    }

    pub const fn state(&self) -> ConsumerGroupState {
        self.state
    }

    pub fn is_empty(&self) -> bool {
        self.state == ConsumerGroupState::Empty
    }

    pub const fn group_epoch(&self) -> i32 {
        self.group_epoch
    }

    pub fn set_group_epoch(&mut self, epoch: i32) {
        self.group_epoch = epoch;
        self.update_state();
    }

    pub const fn assignment_epoch(&self) -> i32 {
        self.assignment_epoch
    }

    /// When the target was last computed; 0 = never.
    pub const fn assignment_timestamp_ms(&self) -> Ms {
        self.assignment_timestamp_ms
    }

    pub fn set_target_assignment_metadata(&mut self, epoch: i32, timestamp_ms: Ms) {
        self.assignment_epoch = epoch;
        self.assignment_timestamp_ms = timestamp_ms;
        self.update_state();
    }

    // members

    pub fn has_member(&self, member_id: &str) -> bool {
        self.members.contains_key(member_id)
    }

    pub fn member(&self, member_id: &str) -> Result<&Arc<ConsumerMember>, ErrorCode> {
        self.members
            .get(member_id)
            .ok_or(ErrorCode::UnknownMemberId)
    }

    /// The member, or a new one that is not in the group yet.
    pub fn member_or_new(&self, member_id: &Name) -> ConsumerMember {
        match self.members.get(member_id) {
            Some(member) => (**member).clone(),
            None => ConsumerMember::new(member_id.clone()),
        }
    }

    pub const fn members(&self) -> &BTreeMap<Name, Arc<ConsumerMember>> {
        &self.members
    }

    pub fn num_members(&self) -> usize {
        self.members.len()
    }

    pub fn static_member_id(&self, instance_id: Option<&Name>) -> Option<&Name> {
        self.static_members.get(instance_id?)
    }

    pub fn static_member(&self, instance_id: Option<&Name>) -> Option<&Arc<ConsumerMember>> {
        self.members.get(self.static_member_id(instance_id)?)
    }

    /// Puts a member in its new form (`updateMember`). Err: a partition of it is still held at that epoch or a later one,
    /// which a sound log never says.
    pub fn update_member(&mut self, member: ConsumerMember) -> Result<(), ErrorCode> {
        let member = Arc::new(member);
        let old = self
            .members
            .insert(member.member_id.clone(), member.clone());
        let old = old.as_deref();
        Self::count_topics(&mut self.subscribed_topics, old, Some(&member));
        Self::count_assignors(&mut self.server_assignors, old, Some(&member));
        if let Some(old) = old {
            self.remove_partition_epochs(old);
        }
        self.add_partition_epochs(&member.assigned, member.member_epoch)?;
        self.add_partition_epochs(&member.pending_revocation, member.member_epoch)?;
        self.count_regexes(old, Some(&member));
        if let Some(instance_id) = &member.instance_id {
            self.static_members
                .insert(instance_id.clone(), member.member_id.clone());
        }
        self.update_state();
        self.update_subscription_type();
        self.count_classic(old, Some(&member));
        Ok(())
    }

    pub fn remove_member(&mut self, member_id: &str) {
        let old = self.members.remove(member_id);
        let old = old.as_deref();
        Self::count_topics(&mut self.subscribed_topics, old, None);
        Self::count_assignors(&mut self.server_assignors, old, None);
        if let Some(old) = old {
            self.remove_partition_epochs(old);
        }
        self.count_regexes(old, None);
        if let Some(instance_id) = old.and_then(|m| m.instance_id.as_ref()) {
            self.static_members.remove(instance_id);
        }
        self.update_state();
        self.update_subscription_type();
        self.count_classic(old, None);
    }

    fn update_state(&mut self) {
        self.state = if self.members.is_empty() {
            ConsumerGroupState::Empty
        } else if self.group_epoch > self.assignment_epoch {
            ConsumerGroupState::Assigning
        } else if self
            .members
            .values()
            .any(|m| !m.is_reconciled_to(self.assignment_epoch))
        {
            ConsumerGroupState::Reconciling
        } else {
            ConsumerGroupState::Stable
        };
    }

    // targets

    /// A member's target; empty where it has none.
    pub fn target_assignment(&self, member_id: &str) -> Arc<Partitions> {
        self.target_assignment
            .get(member_id)
            .cloned()
            .unwrap_or_default()
    }

    /// By instance id for a static member, whose target may still be under its old member id.
    pub fn target_assignment_of(
        &self,
        member_id: &str,
        instance_id: Option<&Name>,
    ) -> Arc<Partitions> {
        match instance_id {
            None => self.target_assignment(member_id),
            Some(_) => self
                .static_member_id(instance_id)
                .map(|previous| self.target_assignment(previous))
                .unwrap_or_default(),
        }
    }

    pub const fn target_assignments(&self) -> &BTreeMap<Name, Arc<Partitions>> {
        &self.target_assignment
    }

    pub fn is_partition_targeted(&self, topic: TopicId, partition: i32) -> bool {
        self.inverted_target
            .get(&topic)
            .is_some_and(|partitions| partitions.contains_key(&partition))
    }

    pub fn update_target_assignment(&mut self, member_id: Name, target: Partitions) {
        let old = self.target_assignment(&member_id);
        self.invert_target(&member_id, &old, &target);
        self.target_assignment.insert(member_id, Arc::new(target));
    }

    pub fn remove_target_assignment(&mut self, member_id: &Name) {
        let old = self.target_assignment(member_id);
        self.invert_target(member_id, &old, &Partitions::new());
        self.target_assignment.remove(member_id);
    }

    fn invert_target(&mut self, member_id: &Name, old: &Partitions, new: &Partitions) {
        for (topic, partitions) in old {
            let kept = new.get(topic);
            let Some(owners) = self.inverted_target.get_mut(topic) else {
                continue;
            };
            for partition in partitions {
                let stays = kept.is_some_and(|k| k.contains(partition));
                if !stays && owners.get(partition) == Some(member_id) {
                    owners.remove(partition);
                }
            }
            if owners.is_empty() {
                self.inverted_target.remove(topic);
            }
        }
        for (topic, partitions) in new {
            let had = old.get(topic);
            for &partition in partitions {
                if had.is_none_or(|h| !h.contains(&partition)) {
                    self.inverted_target
                        .entry(*topic)
                        .or_default()
                        .insert(partition, member_id.clone());
                }
            }
        }
    }

    // partition epochs

    /// The epoch of the holder of a partition; −1 = nobody holds it.
    pub fn current_partition_epoch(&self, topic: TopicId, partition: i32) -> i32 {
        let epochs = self.current_partition_epoch.get(&topic);
        epochs
            .and_then(|e| e.get(&partition))
            .copied()
            .unwrap_or(-1)
    }

    fn remove_partition_epochs(&mut self, member: &ConsumerMember) {
        for assigned in [&member.assigned, &member.pending_revocation] {
            for (topic, partitions) in assigned {
                let Some(epochs) = self.current_partition_epoch.get_mut(topic) else {
                    continue;
                };
                for partition in partitions.keys() {
                    // a later holder's epoch stays
                    if epochs.get(partition) == Some(&member.member_epoch) {
                        epochs.remove(partition);
                    }
                }
                if epochs.is_empty() {
                    self.current_partition_epoch.remove(topic);
                }
            }
        }
    }

    fn add_partition_epochs(
        &mut self,
        assigned: &AssignedPartitions,
        epoch: i32,
    ) -> Result<(), ErrorCode> {
        for (topic, partitions) in assigned {
            for partition in partitions.keys() {
                let epochs = self.current_partition_epoch.entry(*topic).or_default();
                if epochs.get(partition).is_some_and(|&held| held >= epoch) {
                    return Err(ErrorCode::UnknownServerError);
                }
                epochs.insert(*partition, epoch);
            }
        }
        Ok(())
    }

    // assignors

    fn count_assignors(
        counts: &mut TimelineTable<Name, u32>,
        old: Option<&ConsumerMember>,
        new: Option<&ConsumerMember>,
    ) {
        if let Some(name) = old.and_then(|m| m.server_assignor.as_ref()) {
            decrement(counts, name);
        }
        if let Some(name) = new.and_then(|m| m.server_assignor.as_ref()) {
            increment(counts, name);
        }
    }

    /// The assignor that most members name, if one member changed.
    pub fn compute_preferred_server_assignor(
        &self,
        old: &ConsumerMember,
        new: &ConsumerMember,
    ) -> Option<Name> {
        let counted: Vec<_> = self
            .server_assignors
            .iter()
            .map(|(name, count)| (name.clone(), *count))
            .collect();
        let mut counts = JavaHashMap::copy_of(counted.into_iter());
        if let Some(name) = &old.server_assignor {
            counts.compute_decrement(name);
        }
        if let Some(name) = &new.server_assignor {
            counts.compute_increment(name.clone());
        }
        counts.most().cloned()
    }

    /// The assignor that most members name; the first of the table among equals.
    pub fn preferred_server_assignor(&self) -> Option<Name> {
        let mut best: Option<(&Name, u32)> = None;
        for (name, &count) in self.server_assignors.iter() {
            if best.is_none_or(|(_, most)| count > most) {
                best = Some((name, count));
            }
        }
        best.map(|(name, _)| name.clone())
    }

    // classic members

    fn count_classic(&mut self, old: Option<&ConsumerMember>, new: Option<&ConsumerMember>) {
        if let Some(classic) = old.and_then(|m| m.classic.as_ref()) {
            self.num_classic_members -= 1;
            for (name, _) in &classic.supported_protocols {
                if let Some(count) = self.classic_supported_protocols.get_mut(name) {
                    *count -= 1;
                }
            }
        }
        if let Some(classic) = new.and_then(|m| m.classic.as_ref()) {
            self.num_classic_members += 1;
            for (name, _) in &classic.supported_protocols {
                *self
                    .classic_supported_protocols
                    .entry(name.clone())
                    .or_default() += 1;
            }
        }
    }

    pub const fn num_classic_members(&self) -> usize {
        self.num_classic_members
    }

    /// Whether a classic member with these protocols may join: one of them is offered by all classic members.
    pub fn supports_classic_protocols<'n>(
        &self,
        protocol_type: &str,
        mut names: impl Iterator<Item = &'n Name>,
    ) -> bool {
        if protocol_type != protocol::consumer_protocol::PROTOCOL_TYPE {
            return false;
        }
        if self.is_empty() {
            return names.next().is_some();
        }
        names.any(|name| {
            let count = self.classic_supported_protocols.get(name);
            count.copied().unwrap_or(0) == self.num_classic_members
        })
    }

    /// Only classic members are left once `leaving` are gone.
    pub fn all_use_classic_protocol_except(&self, leaving: &[Arc<ConsumerMember>]) -> bool {
        let classic_leaving = leaving.iter().filter(|m| m.uses_classic_protocol()).count();
        self.num_classic_members + leaving.len() == self.members.len() + classic_leaving
    }

    /// The member waits for a partition that somebody still holds.
    pub fn is_waiting_on_unreleased_partition(&self, member: &ConsumerMember) -> bool {
        use crate::group::record::MemberState;
        member.state == MemberState::UnreleasedPartitions
            && self
                .target_assignment(&member.member_id)
                .iter()
                .any(|(topic, partitions)| {
                    let assigned = member.assigned.get(topic);
                    partitions.iter().any(|partition| {
                        assigned.is_none_or(|a| !a.contains_key(partition))
                            && self.current_partition_epoch(*topic, *partition) != -1
                    })
                })
    }
}
