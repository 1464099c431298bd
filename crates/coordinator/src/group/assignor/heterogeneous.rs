//! The uniform assignor where members want different topics (`UniformHeterogeneousAssignmentBuilder`): partitions go to
//! the least loaded subscriber, then topics are levelled until nothing moves.

use super::{GroupAssignment, GroupSpec};
use crate::group::record::TopicId;
use protocol::Name;
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// Rounds over all topics; a bound, not a hope (`MAX_ITERATION_COUNT`).
const MAX_ROUNDS: usize = 16;

struct Builder<'a> {
    spec: &'a GroupSpec,
    member_ids: Vec<&'a Name>,
    /// Members that want a topic, by index.
    subscribers: BTreeMap<TopicId, Vec<usize>>,
    /// Owner of each partition, by index.
    owners: BTreeMap<TopicId, Vec<Option<usize>>>,
    sizes: Vec<usize>,
}

pub fn assign(spec: &GroupSpec) -> GroupAssignment {
    let member_ids: Vec<&Name> = spec.members.keys().collect();
    let mut subscribers: BTreeMap<TopicId, Vec<usize>> = BTreeMap::new();
    for (index, member) in spec.members.values().enumerate() {
        for &topic in &member.subscribed {
            subscribers.entry(topic).or_default().push(index);
        }
    }
    if subscribers.is_empty() {
        return GroupAssignment::new();
    }
    let owners = subscribers
        .keys()
        .map(|&topic| (topic, vec![None; spec.partition_count(topic) as usize]))
        .collect();
    let mut builder = Builder {
        spec,
        sizes: vec![0; member_ids.len()],
        member_ids,
        subscribers,
        owners,
    };
    builder.keep_what_is_wanted();
    builder.assign_the_rest();
    builder.balance();
    builder.into_assignment()
}

impl Builder<'_> {
    fn keep_what_is_wanted(&mut self) {
        for (index, member) in self.spec.members.values().enumerate() {
            for (topic, partitions) in member.assignment.iter() {
                if !member.subscribed.contains(topic) {
                    continue;
                }
                let Some(owners) = self.owners.get_mut(topic) else {
                    continue;
                };
                for &partition in partitions {
                    if let Some(owner) = owners.get_mut(partition as usize) {
                        *owner = Some(index);
                        self.sizes[index] += 1;
                    }
                }
            }
        }
    }

    /// More partitions a subscriber first, then fewer subscribers, then the id as Kafka compares ids.
    fn topic_order(&self, a: TopicId, b: TopicId) -> Ordering {
        let load = |topic: TopicId| {
            let subscribers = self.subscribers[&topic].len();
            (
                f64::from(self.spec.partition_count(topic)) / subscribers as f64,
                subscribers,
            )
        };
        let ((load_a, subscribers_a), (load_b, subscribers_b)) = (load(a), load(b));
        // Uuid.compareTo compares two signed longs
        let signed = |topic: TopicId| ((topic.0.0 >> 64) as i64, topic.0.0 as i64);
        load_b
            .total_cmp(&load_a)
            .then(subscribers_a.cmp(&subscribers_b))
            .then(signed(a).cmp(&signed(b)))
    }

    fn sorted_topics(&self, keep: impl Fn(&Self, TopicId) -> bool) -> Vec<TopicId> {
        let topics = self.subscribers.keys().copied();
        let mut topics: Vec<TopicId> = topics.filter(|&topic| keep(self, topic)).collect();
        topics.sort_by(|&a, &b| self.topic_order(a, b));
        topics
    }

    fn give(&mut self, topic: TopicId, partition: usize, member: usize) {
        if let Some(owner) = self
            .owners
            .get_mut(&topic)
            .and_then(|o| o.get_mut(partition))
        {
            if let Some(old) = owner.replace(member) {
                self.sizes[old] -= 1;
            }
            self.sizes[member] += 1;
        }
    }

    fn assign_the_rest(&mut self) {
        let has_free = |b: &Self, topic: TopicId| b.owners[&topic].iter().any(Option::is_none);
        for topic in self.sorted_topics(has_free) {
            let mut balancer = Balancer::new(&self.sizes, &self.subscribers[&topic]);
            let free: Vec<usize> = self.owners[&topic]
                .iter()
                .enumerate()
                .filter_map(|(partition, owner)| owner.is_none().then_some(partition))
                .collect();
            for partition in free {
                let member = balancer.next_least_loaded(&self.sizes);
                self.give(topic, partition, member);
            }
        }
    }

    fn balance(&mut self) {
        let topics = self.sorted_topics(|b, topic| b.subscribers[&topic].len() >= 2);
        let mut last_moved: Option<usize> = None;
        for _ in 0..MAX_ROUNDS {
            for (index, &topic) in topics.iter().enumerate() {
                if last_moved == Some(index) {
                    return;
                }
                if self.balance_topic(topic) > 0 || last_moved.is_none() {
                    last_moved = Some(index);
                }
            }
        }
    }

    /// Moves partitions of one topic from its most to its least loaded subscribers. Answers how many moved.
    fn balance_topic(&mut self, topic: TopicId) -> usize {
        let mut balancer = Balancer::new(&self.sizes, &self.subscribers[&topic]);
        if balancer.imbalance <= 1 {
            return 0;
        }
        let mut owned: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (partition, owner) in self.owners[&topic].iter().enumerate() {
            if let Some(owner) = owner {
                owned.entry(*owner).or_default().push(partition);
            }
        }
        let mut moved = 0;
        while !balancer.is_balanced() {
            let most = loop {
                match balancer.next_most_loaded(&self.sizes) {
                    None => return moved,
                    Some(member) if owned.get(&member).is_none_or(Vec::is_empty) => {
                        balancer.exclude_most_loaded();
                    }
                    Some(member) => break member,
                }
            };
            // the highest-numbered one goes
            let Some(partition) = owned.get_mut(&most).and_then(Vec::pop) else {
                return moved;
            };
            let least = balancer.next_least_loaded(&self.sizes);
            if balancer.is_balanced() {
                break;
            }
            self.give(topic, partition, least);
            moved += 1;
        }
        moved
    }

    fn into_assignment(self) -> GroupAssignment {
        let ids = self.member_ids.iter();
        let mut target: GroupAssignment = ids.map(|&id| (id.clone(), Default::default())).collect();
        for (topic, owners) in &self.owners {
            for (partition, owner) in owners.iter().enumerate() {
                if let Some(assignment) = owner.and_then(|o| target.get_mut(self.member_ids[o])) {
                    assignment
                        .entry(*topic)
                        .or_default()
                        .insert(partition as i32);
                }
            }
        }
        target
    }
}

/// Walks a topic's subscribers from both ends of their load. Those that share the least load take one each in turn and
/// become a range of one more; the most loaded likewise give (`MemberAssignmentBalancer`).
struct Balancer {
    /// In order of (size, index) when the walk began. Sizes are read as they are now.
    sorted: Vec<usize>,
    imbalance: i64,
    least_end: usize,
    least_count: i64,
    next_least: usize,
    most_start: usize,
    most_end: usize,
    most_count: i64,
    next_most: i64,
}

impl Balancer {
    fn new(sizes: &[usize], members: &[usize]) -> Self {
        let mut sorted = members.to_vec();
        sorted.sort_by_key(|&member| (sizes[member], member));
        let len = sorted.len();
        let least = sorted.first().map_or(0, |&m| sizes[m] as i64);
        let most = sorted.last().map_or(0, |&m| sizes[m] as i64);
        Self {
            sorted,
            imbalance: most - least,
            least_end: 0,
            least_count: least - 1,
            next_least: 0,
            most_start: len,
            most_end: len,
            most_count: most + 1,
            next_most: len as i64 - 1,
        }
    }

    fn has_size(&self, index: usize, sizes: &[usize], count: i64) -> bool {
        self.sorted
            .get(index)
            .is_some_and(|&m| sizes[m] as i64 == count)
    }

    fn next_least_loaded(&mut self, sizes: &[usize]) -> usize {
        if self.next_least >= self.least_end {
            self.least_count += 1;
            while self.has_size(self.least_end, sizes, self.least_count) {
                self.least_end += 1;
            }
            self.next_least = 0;
        }
        let member = self.sorted[self.next_least];
        self.next_least += 1;
        member
    }

    fn next_most_loaded(&mut self, sizes: &[usize]) -> Option<usize> {
        if self.next_most < self.most_start as i64 {
            if self.most_end <= self.most_start && self.most_start > 0 {
                // everybody of the range was excluded: the next range begins wherever it is
                self.most_count = sizes[self.sorted[self.most_start - 1]] as i64;
            } else {
                self.most_count -= 1;
            }
            while self.most_start > 0 && self.has_size(self.most_start - 1, sizes, self.most_count)
            {
                self.most_start -= 1;
            }
            self.next_most = self.most_end as i64 - 1;
        }
        let index = usize::try_from(self.next_most).ok()?;
        self.next_most -= 1;
        Some(self.sorted[index])
    }

    /// The one that was just named has nothing to give.
    fn exclude_most_loaded(&mut self) {
        let index = (self.next_most + 1) as usize;
        self.sorted.swap(index, self.most_end - 1);
        self.most_end -= 1;
    }

    const fn is_balanced(&self) -> bool {
        self.most_count - self.least_count <= 1
    }
}
