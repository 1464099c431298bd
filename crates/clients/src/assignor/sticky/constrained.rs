//! Equal subscriptions: everybody keeps what fits its quota, the rest is dealt round (`ConstrainedAssignmentBuilder`).

use super::{Assignment, Problem};
use crate::assignor::input::string_order;
use protocol::TopicPartition;
use std::collections::BTreeMap;
use std::collections::BTreeSet;

struct Builder<'a> {
    problem: Problem<'a>,
    min_quota: usize,
    max_quota: usize,
    /// How many members may have one more than the least.
    expected_over_min: usize,
    over_min: usize,
    under_min: Vec<usize>,
    exactly_min: Vec<usize>,
    maybe_revoked: BTreeMap<TopicPartition, usize>,
    assignment: Assignment,
    transferring: BTreeMap<TopicPartition, usize>,
}

pub fn assign(problem: Problem) -> (Assignment, BTreeMap<TopicPartition, usize>) {
    let members = problem.input.members.len();
    if members == 0 {
        return (Vec::new(), BTreeMap::new());
    }
    let total: usize = problem
        .input
        .topics
        .iter()
        .map(|(_, racks)| racks.len())
        .sum();
    let mut builder = Builder {
        min_quota: total / members,
        max_quota: total.div_ceil(members),
        expected_over_min: total % members,
        over_min: 0,
        under_min: Vec::new(),
        exactly_min: Vec::new(),
        maybe_revoked: BTreeMap::new(),
        assignment: vec![Vec::new(); members],
        transferring: BTreeMap::new(),
        problem,
    };
    builder.keep_owned();
    let mut unassigned = builder.unassigned();
    let input = builder.problem.input;
    let by_id = |a: &usize, b: &usize| string_order(&input.members[*a].id, &input.members[*b].id);
    builder.under_min.sort_by(by_id);
    builder.exactly_min.sort_by(by_id);
    builder.problem.racks.sort_by_consumers(&mut unassigned);
    if builder.problem.racks.matters() {
        unassigned = builder.deal_near(unassigned);
    }
    builder.deal(&unassigned);
    (builder.assignment, builder.transferring)
}

impl Builder<'_> {
    fn keep_owned(&mut self) {
        for consumer in 0..self.problem.owned.len() {
            let mut owned = std::mem::take(&mut self.problem.owned[consumer]);
            owned.retain(|tp| {
                let mismatch = self.problem.racks.mismatch(consumer, tp);
                if mismatch {
                    self.maybe_revoked.insert(tp.clone(), consumer);
                }
                !mismatch
            });
            owned.sort_by(|a, b| {
                a.partition
                    .cmp(&b.partition)
                    .then(string_order(&a.topic, &b.topic))
            });
            owned.retain(|tp| !self.problem.doubly_claimed.contains(tp));
            let keep = if owned.len() < self.min_quota {
                self.under_min.push(consumer);
                owned.len()
            } else if owned.len() >= self.max_quota && self.over_min < self.expected_over_min {
                self.over_min += 1;
                if self.over_min == self.expected_over_min {
                    self.exactly_min.clear();
                }
                self.max_quota
            } else {
                if self.over_min < self.expected_over_min {
                    self.exactly_min.push(consumer);
                }
                self.min_quota
            };
            for tp in owned.split_off(keep) {
                self.maybe_revoked.insert(tp, consumer);
            }
            self.assignment[consumer] = owned;
        }
    }

    /// What nobody keeps, by topic and number.
    fn unassigned(&self) -> Vec<TopicPartition> {
        let kept: BTreeSet<&TopicPartition> = self.assignment.iter().flatten().collect();
        let mut rest = Vec::new();
        for topic in self.problem.input.sorted_topics() {
            let count = self.problem.input.topic(topic).map_or(0, Vec::len) as i32;
            let partitions = (0..count).map(|p| TopicPartition::new(topic.clone(), p));
            rest.extend(partitions.filter(|tp| !kept.contains(tp)));
        }
        rest
    }

    /// Deals to members in a rack with a replica; answers what is left.
    fn deal_near(&mut self, partitions: Vec<TopicPartition>) -> Vec<TopicPartition> {
        let mut left = Vec::new();
        let mut next = 0;
        for tp in partitions {
            let racks = &self.problem.racks;
            let consumer = if let Some(at) = racks.next_consumer(&tp, &self.under_min, next) {
                let consumer = self.under_min[at];
                let count = self.assignment[consumer].len() + 1;
                let mut following = at;
                if count >= self.min_quota {
                    self.under_min.remove(at);
                    if count < self.max_quota && self.over_min < self.expected_over_min {
                        self.exactly_min.push(consumer);
                    }
                } else {
                    following += 1;
                }
                next = following.checked_rem(self.under_min.len()).unwrap_or(0);
                Some(consumer)
            } else if let Some(at) = racks.next_consumer(&tp, &self.exactly_min, 0) {
                let consumer = self.exactly_min[at];
                if self.assignment[consumer].len() + 1 == self.max_quota {
                    self.exactly_min.remove(at);
                    self.over_min += 1;
                    if self.over_min == self.expected_over_min {
                        self.exactly_min.clear();
                    }
                }
                Some(consumer)
            } else {
                None
            };
            match consumer {
                Some(consumer) => {
                    self.give(&tp, consumer);
                }
                None => left.push(tp),
            }
        }
        left
    }

    /// Deals round those who have too few, then one more to those who have just enough.
    fn deal(&mut self, partitions: &[TopicPartition]) {
        let mut next = 0;
        for tp in partitions {
            if next >= self.under_min.len() {
                next = 0;
            }
            let consumer = match self.under_min.get(next) {
                Some(&consumer) => {
                    next += 1;
                    consumer
                }
                None if self.exactly_min.is_empty() => {
                    unreachable!("quotas add up to the number of partitions")
                }
                None => self.exactly_min.remove(0),
            };
            let count = self.give(tp, consumer);
            if count == self.min_quota {
                next -= 1;
                self.under_min.remove(next);
                self.exactly_min.push(consumer);
            } else if count == self.max_quota {
                self.over_min += 1;
            }
        }
    }

    fn give(&mut self, tp: &TopicPartition, consumer: usize) -> usize {
        self.assignment[consumer].push(tp.clone());
        let from_another = self
            .maybe_revoked
            .get(tp)
            .is_some_and(|&old| old != consumer);
        if from_another || self.problem.doubly_claimed.contains(tp) {
            self.transferring.insert(tp.clone(), consumer);
        }
        self.assignment[consumer].len()
    }
}
