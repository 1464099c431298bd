//! The broker's range assignor: per topic consecutive partitions, the first members get one more.

use super::{GroupAssignment, GroupSpec, MemberSpec};
use crate::group::record::{Partitions, TopicId};
use crate::runtime::java::string_order;
use protocol::Name;
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// Static members first, by instance id, then the others by member id.
fn member_order(a: &(&Name, &MemberSpec), b: &(&Name, &MemberSpec)) -> Ordering {
    match (&a.1.instance_id, &b.1.instance_id) {
        (Some(x), Some(y)) => string_order(x, y),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => string_order(a.0, b.0),
    }
}

struct Topic {
    partitions: i32,
    quota: i32,
    extras: i32,
    next: i32,
}

pub fn assign(spec: &GroupSpec) -> GroupAssignment {
    let mut members: Vec<_> = spec.members.iter().collect();
    members.sort_by(member_order);
    let mut subscribers: BTreeMap<TopicId, i32> = BTreeMap::new();
    let homogeneous = spec.subscription_type == super::SubscriptionType::Homogeneous;
    let shared = members.first().map(|(_, first)| &first.subscribed);
    let wanted = |member: &MemberSpec| match shared {
        // all are taken to want what the first one wants
        Some(shared) if homogeneous => shared.clone(),
        _ => member.subscribed.clone(),
    };
    for (_, member) in &members {
        for topic in wanted(member) {
            *subscribers.entry(topic).or_default() += 1;
        }
    }
    let mut topics: BTreeMap<TopicId, Topic> = subscribers
        .into_iter()
        .map(|(id, count)| {
            let partitions = spec.partition_count(id);
            let topic = Topic {
                partitions,
                quota: partitions / count,
                extras: partitions % count,
                next: 0,
            };
            (id, topic)
        })
        .collect();
    let mut target = GroupAssignment::new();
    for (member_id, member) in members {
        let mut assignment = Partitions::new();
        for id in wanted(member) {
            let Some(topic) = topics.get_mut(&id) else {
                continue;
            };
            let mut quota = topic.quota;
            if topic.extras > 0 {
                quota += 1;
                topic.extras -= 1;
            }
            let end = (topic.next + quota).min(topic.partitions);
            if topic.next < end {
                assignment.insert(id, (topic.next..end).collect());
            }
            topic.next = end;
        }
        target.insert(member_id.clone(), assignment);
    }
    target
}
