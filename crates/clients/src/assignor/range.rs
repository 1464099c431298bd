//! Range: per topic, consecutive partitions to the members in order, the first ones get one more (`RangeAssignor`).
//!
//! Where racks matter (KIP-881), members first take partitions that have a replica in their rack, topics of equal
//! subscribers and sizes together, and the rest is plain range.

use super::input::{Input, member_order, partition_order, rack_of, use_racks};
use super::{Assignor, Member, MemberAssignment};
use crate::network::snapshot::Snapshot;
use protocol::{Name, TopicPartition};
use std::collections::{BTreeMap, BTreeSet};

#[derive(Clone, Debug, Default)]
pub struct RangeAssignor;

impl Assignor for RangeAssignor {
    fn name(&self) -> &'static str {
        "range"
    }

    fn assign(&mut self, cluster: &Snapshot, members: &[Member]) -> Vec<(Name, MemberAssignment)> {
        let input = Input::new(cluster, members);
        let mut assignment: BTreeMap<&Name, Vec<TopicPartition>> =
            members.iter().map(|m| (&m.id, Vec::new())).collect();
        let mut topics: Vec<Topic> = input
            .topics
            .iter()
            .map(|(name, racks)| Topic::new(name, racks, &input.members))
            .collect();
        let use_racks = topics.iter().any(|t| t.needs_racks);
        if use_racks {
            match_racks(&mut topics, &mut assignment);
        }
        for topic in &mut topics {
            topic.assign_ranges(false, &mut assignment);
        }
        if use_racks {
            for partitions in assignment.values_mut() {
                partitions.sort_by(partition_order);
            }
        }
        super::answers(members, |m| assignment.remove(&m.id).unwrap_or_default())
    }

    fn clone_box(&self) -> Box<dyn Assignor> {
        Box::new(self.clone())
    }
}

/// One topic while it is shared out (`TopicAssignmentState`).
struct Topic<'a> {
    name: &'a Name,
    racks: &'a [BTreeSet<Name>],
    /// Subscribers in order.
    consumers: Vec<&'a Member>,
    needs_racks: bool,
    unassigned: BTreeSet<i32>,
    num_assigned: BTreeMap<&'a Name, usize>,
    quota: usize,
    extras: usize,
}

type Assignment<'a> = BTreeMap<&'a Name, Vec<TopicPartition>>;

impl<'a> Topic<'a> {
    fn new(name: &'a Name, racks: &'a [BTreeSet<Name>], members: &[&'a Member]) -> Self {
        let wants = |m: &&&Member| m.subscription.topics.contains(name);
        let mut consumers: Vec<&Member> = members.iter().filter(wants).copied().collect();
        consumers.sort_by(|a, b| member_order(a, b));
        let member_racks: BTreeSet<&Name> = consumers.iter().filter_map(|m| rack_of(m)).collect();
        let count = consumers.len().max(1);
        Self {
            name,
            racks,
            needs_racks: use_racks(&member_racks, &mut racks.iter()),
            unassigned: (0..racks.len() as i32).collect(),
            num_assigned: BTreeMap::new(),
            quota: racks.len() / count,
            extras: racks.len() % count,
            consumers,
        }
    }

    fn max_assignable(&self, member: &Member) -> usize {
        let assigned = self.num_assigned.get(&member.id).copied().unwrap_or(0);
        (self.quota + usize::from(self.extras > 0)).saturating_sub(assigned)
    }

    /// A member without a rack matches everywhere.
    fn racks_match(&self, member: &Member, partition: i32) -> bool {
        rack_of(member).is_none_or(|rack| {
            let racks = self.racks.get(partition as usize);
            racks.is_some_and(|racks| racks.contains(rack))
        })
    }

    fn give(&mut self, member: &'a Member, partitions: &[i32], assignment: &mut Assignment<'a>) {
        let list = assignment.entry(&member.id).or_default();
        for &partition in partitions {
            list.push(TopicPartition::new(self.name.clone(), partition));
            self.unassigned.remove(&partition);
        }
        let assigned = self.num_assigned.entry(&member.id).or_default();
        *assigned += partitions.len();
        if *assigned > self.quota {
            self.extras -= 1;
        }
    }

    fn assign_ranges(&mut self, in_rack: bool, assignment: &mut Assignment<'a>) {
        for member in self.consumers.clone() {
            let fits = |p: &&i32| !in_rack || self.racks_match(member, **p);
            let max = self.max_assignable(member);
            let partitions: Vec<i32> = self
                .unassigned
                .iter()
                .filter(fits)
                .take(max)
                .copied()
                .collect();
            if !partitions.is_empty() {
                self.give(member, &partitions, assignment);
            }
        }
    }
}

/// Topics with the same subscribers and as many partitions are matched together, so that partitions of one number stay
/// together; the others each alone.
fn match_racks<'a>(topics: &mut [Topic<'a>], assignment: &mut Assignment<'a>) {
    let mut groups: BTreeMap<(Vec<&Name>, usize), Vec<usize>> = BTreeMap::new();
    for (index, topic) in topics.iter().enumerate() {
        let consumers: Vec<&Name> = topic.consumers.iter().map(|m| &m.id).collect();
        let has_racks = topic.consumers.iter().any(|m| rack_of(m).is_some());
        let partitions = if has_racks { topic.racks.len() } else { 0 };
        groups
            .entry((consumers, partitions))
            .or_default()
            .push(index);
    }
    for ((_, partitions), indices) in groups {
        match indices.as_slice() {
            [alone] if topics[*alone].needs_racks => topics[*alone].assign_ranges(true, assignment),
            [_] => {}
            together => match_together(topics, together, partitions, assignment),
        }
    }
}

fn match_together<'a>(
    topics: &mut [Topic<'a>],
    together: &[usize],
    partitions: usize,
    assignment: &mut Assignment<'a>,
) {
    let mut remaining: Vec<&Member> = topics[together[0]].consumers.clone();
    for partition in 0..partitions as i32 {
        let takes_all = |member: &&Member| {
            together.iter().all(|&t| {
                topics[t].racks_match(member, partition) && topics[t].max_assignable(member) > 0
            })
        };
        let Some(at) = remaining.iter().position(|m| takes_all(m)) else {
            continue;
        };
        let member = remaining[at];
        for &t in together {
            topics[t].give(member, &[partition], assignment);
        }
        if together
            .iter()
            .all(|&t| topics[t].max_assignable(member) == 0)
        {
            remaining.remove(at);
            if remaining.is_empty() {
                break;
            }
        }
    }
}
