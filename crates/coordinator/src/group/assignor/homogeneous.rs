//! The uniform assignor where all members want the same topics (`UniformHomogeneousAssignmentBuilder`): everybody keeps
//! what fits into its quota, the rest is dealt in order.

use super::{GroupAssignment, GroupSpec};
use crate::group::record::TopicId;
use protocol::Name;

pub fn assign(spec: &GroupSpec) -> GroupAssignment {
    let Some(first) = spec.members.values().next() else {
        return GroupAssignment::new();
    };
    // Kafka too asks one member, because all are taken to want the same
    let topics = &first.subscribed;
    if topics.is_empty() {
        return GroupAssignment::new();
    }
    let mut unassigned: Vec<(TopicId, i32)> = Vec::new();
    let mut total = 0;
    for &topic in topics {
        let count = spec.partition_count(topic);
        unassigned.extend(
            (0..count)
                .map(|p| (topic, p))
                .filter(|tp| !spec.assigned.contains(tp)),
        );
        total += count as usize;
    }
    let num_members = spec.members.len();
    let minimum_quota = total / num_members;
    let mut extras = total % num_members;

    let mut target = GroupAssignment::new();
    let mut unfilled: Vec<(Name, usize)> = Vec::new();
    for (index, (member_id, member)) in spec.members.iter().enumerate() {
        let mut quota = minimum_quota;
        let mut has_extra = extras > 0;
        if has_extra {
            quota += 1;
        }
        let mut kept = (*member.assignment).clone();
        kept.retain(|topic, _| topics.contains(topic));
        for (&topic, partitions) in &mut kept {
            partitions.retain(|&partition| {
                if quota > 0 {
                    quota -= 1;
                    true
                } else {
                    unassigned.push((topic, partition));
                    false
                }
            });
        }
        kept.retain(|_, partitions| !partitions.is_empty());
        // the one more goes to a later member as long as enough of them follow
        if quota > 0 && has_extra && num_members - index > extras {
            quota -= 1;
            has_extra = false;
        }
        if quota > 0 {
            unfilled.push((member_id.clone(), quota));
        }
        if has_extra {
            extras -= 1;
        }
        target.insert(member_id.clone(), kept);
    }
    let mut rest = unassigned.into_iter();
    for (member_id, quota) in unfilled {
        let assignment = target.entry(member_id).or_default();
        for (topic, partition) in rest.by_ref().take(quota) {
            assignment.entry(topic).or_default().insert(partition);
        }
    }
    target
}
