//! What a write changed, told to whoever asks "why?": groups, members and offsets before and after.
//!
//! It only compares; which rule a change belongs to follows from what changed.

use super::consumer::{ConsumerGroup, ConsumerMember};
use super::coordinator::{Coordinator, Step};
use super::record::{AssignedPartitions, Record};
use super::rules;
use super::state::{Group, State};
use crate::runtime::MetadataView;
use protocol::trace::{Fact, FactKey, FactKind, RuleId, Subject, Value};
use protocol::{Name, ProducerId, TopicPartition};
use std::collections::BTreeSet;
use std::sync::Arc;

fn partitions(assigned: &AssignedPartitions, metadata: &dyn MetadataView) -> Value {
    let named = assigned.iter().filter_map(|(id, partitions)| {
        let topic = metadata.topic_by_id(id.0)?.name;
        Some(
            partitions
                .keys()
                .map(move |&p| TopicPartition::new(topic.clone(), p)),
        )
    });
    Value::Partitions(named.flatten().collect())
}

impl Coordinator {
    /// Reports what replaying `records` changed, compared with `before`.
    pub(super) fn report_replayed(&self, before: &State, records: &[Record], step: &mut Step) {
        let mut seen: BTreeSet<&Name> = BTreeSet::new();
        for record in records {
            if let Record::OffsetCommit {
                group,
                topic,
                partition,
                ..
            } = record
            {
                let place = (group, topic, *partition);
                self.report_offset(before, place, rules::OFFSET_COMMITTED, step);
            } else if seen.insert(record.group_id()) {
                let group_id = record.group_id();
                let (old, new) = (consumer(before, group_id), consumer(self.state(), group_id));
                if let (old, Some(new)) = (old, new) {
                    report_group(old, new, step);
                }
            }
        }
    }

    /// Reports what the end of a producer's transaction made visible.
    pub(super) fn report_end_of_transaction(
        &self,
        before: &State,
        producer_id: ProducerId,
        step: &mut Step,
    ) {
        let Some(pending) = before.offsets.pending.get(&producer_id.0) else {
            return;
        };
        for (group, topics) in pending.groups() {
            for (topic, partitions) in topics.iter() {
                for &partition in partitions.keys() {
                    let place = (group, topic, partition);
                    self.report_offset(before, place, rules::OFFSET_TRANSACTIONAL, step);
                }
            }
        }
    }

    fn report_offset(
        &self,
        before: &State,
        (group, topic, partition): (&Name, &Name, i32),
        rule: RuleId,
        step: &mut Step,
    ) {
        let offset = |state: &State| {
            let found = state.offsets.committed.get(group, topic, partition);
            found.map_or(Value::None, |o| Value::Int(o.value.offset))
        };
        let (from, to) = (offset(before), offset(self.state()));
        let rule = match to {
            Value::None => rules::OFFSET_REMOVED,
            _ => rule,
        };
        let tp = TopicPartition::new(topic.clone(), partition);
        let subject = Subject::GroupPartition(group.clone(), tp);
        let key = FactKey::new(FactKind::Committed, subject);
        step.ctx.changed(key, from, to, rule, Vec::new);
    }
}

fn consumer<'s>(state: &'s State, group_id: &str) -> Option<&'s Arc<ConsumerGroup>> {
    match state.group(group_id)? {
        Group::Consumer(group) => Some(group),
        Group::Classic(_) => None,
    }
}

fn report_group(old: Option<&Arc<ConsumerGroup>>, new: &Arc<ConsumerGroup>, step: &mut Step) {
    let group_id = &new.group_id;
    let key = |kind| FactKey::new(kind, Subject::Group(group_id.clone()));
    let epochs = || {
        vec![
            Fact::new(key(FactKind::GroupEpoch), i64::from(new.group_epoch())),
            Fact::new(
                key(FactKind::TargetAssignment),
                i64::from(new.assignment_epoch()),
            ),
        ]
    };
    let state = old.map_or(Value::None, |g| g.state().name().into());
    step.ctx.changed(
        key(FactKind::GroupState),
        state,
        new.state().name(),
        rules::CONSUMER_STATE,
        epochs,
    );
    let epoch = old.map_or(Value::None, |g| i64::from(g.group_epoch()).into());
    let to = i64::from(new.group_epoch());
    step.ctx.changed(
        key(FactKind::GroupEpoch),
        epoch,
        to,
        rules::CONSUMER_EPOCH,
        Vec::new,
    );
    let target = old.map_or(Value::None, |g| i64::from(g.assignment_epoch()).into());
    let to = i64::from(new.assignment_epoch());
    step.ctx.changed(
        key(FactKind::TargetAssignment),
        target,
        to,
        rules::CONSUMER_TARGET,
        epochs,
    );
    for (id, member) in new.members() {
        let before = old.and_then(|g| g.members().get(id));
        // members are shared between versions: what is the same piece has not changed
        if before.is_none_or(|b| !Arc::ptr_eq(b, member)) {
            report_member(group_id, before.map(|b| &**b), member, epochs, step);
        }
    }
    for id in old.iter().flat_map(|g| g.members().keys()) {
        if !new.has_member(id) {
            let subject = Subject::Member(group_id.clone(), id.clone());
            let key = FactKey::new(FactKind::Existence, subject);
            step.ctx
                .changed(key, true, false, rules::CONSUMER_REMOVED, Vec::new);
        }
    }
}

fn report_member(
    group_id: &Name,
    old: Option<&ConsumerMember>,
    new: &ConsumerMember,
    read: impl FnMut() -> Vec<Fact> + Copy,
    step: &mut Step,
) {
    let metadata = step.metadata;
    let mut tell = |kind, from: Option<Value>, to: Value, rule: RuleId| {
        let subject = Subject::Member(group_id.clone(), new.member_id.clone());
        let from = from.unwrap_or(Value::None);
        step.ctx
            .changed(FactKey::new(kind, subject), from, to, rule, read);
    };
    let rule = rules::CONSUMER_RECONCILE;
    let epoch = |m: &ConsumerMember| Value::Int(i64::from(m.member_epoch));
    tell(FactKind::MemberEpoch, old.map(epoch), epoch(new), rule);
    let state = |m: &ConsumerMember| Value::from(m.state.name());
    tell(FactKind::MemberState, old.map(state), state(new), rule);
    let assigned = |m: &ConsumerMember| partitions(&m.assigned, metadata);
    tell(FactKind::Assignment, old.map(assigned), assigned(new), rule);
}
