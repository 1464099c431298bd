//! Unequal subscriptions: keep, hand out, then move until nobody has two more than somebody who could have one
//! (`GeneralAssignmentBuilder`).

use super::movements::Movements;
use super::{Assignment, DEFAULT_GENERATION, MemberData, Problem};
use crate::assignor::input::string_order;
use protocol::{Name, TopicPartition};
use std::collections::{BTreeMap, BTreeSet};

struct Builder<'a> {
    problem: Problem<'a>,
    /// Members that want a topic, in the order of the members.
    potential: BTreeMap<&'a Name, Vec<usize>>,
    /// Rank of each member by its id, and back.
    rank: Vec<usize>,
    by_rank: Vec<usize>,
    owner: BTreeMap<TopicPartition, usize>,
    all: Vec<TopicPartition>,
    /// Members that take part, by load and then id: (load, rank).
    sorted: BTreeSet<(usize, usize)>,
    revocation_required: bool,
    movements: Movements,
    assignment: Assignment,
}

pub fn assign(mut problem: Problem, data: &[MemberData], max_generation: i32) -> Assignment {
    let assignment = std::mem::take(&mut problem.owned);
    let input = problem.input;
    let mut potential: BTreeMap<&Name, Vec<usize>> = input
        .topics
        .iter()
        .map(|(topic, _)| (topic, Vec::new()))
        .collect();
    for (consumer, member) in input.members.iter().enumerate() {
        for topic in &member.subscription.topics {
            if let Some(consumers) = potential.get_mut(topic) {
                consumers.push(consumer);
            }
        }
    }
    let mut by_rank: Vec<usize> = (0..assignment.len()).collect();
    by_rank.sort_by(|&a, &b| string_order(&input.members[a].id, &input.members[b].id));
    let mut rank = vec![0; by_rank.len()];
    by_rank
        .iter()
        .enumerate()
        .for_each(|(r, &consumer)| rank[consumer] = r);
    let mut builder = Builder {
        owner: BTreeMap::new(),
        all: Vec::new(),
        sorted: BTreeSet::new(),
        revocation_required: false,
        movements: Movements::default(),
        potential,
        rank,
        by_rank,
        assignment,
        problem,
    };
    builder.list_all();
    for (consumer, owned) in builder.assignment.iter().enumerate() {
        for tp in owned {
            builder.owner.insert(tp.clone(), consumer);
        }
    }
    let previous = previous_owners(data, max_generation);
    builder.keep_owned();
    let kept: BTreeSet<TopicPartition> = builder.assignment.iter().flatten().cloned().collect();
    let unassigned: Vec<TopicPartition> = builder
        .all
        .iter()
        .filter(|tp| !kept.contains(tp))
        .cloned()
        .collect();
    (0..builder.assignment.len()).for_each(|consumer| builder.enter(consumer));
    builder.balance(&previous, unassigned);
    builder.assignment
}

/// Who had a partition in an older generation, the newest of them.
fn previous_owners(data: &[MemberData], max_generation: i32) -> BTreeMap<TopicPartition, usize> {
    let mut previous: BTreeMap<TopicPartition, (usize, i32)> = BTreeMap::new();
    for (consumer, member) in data.iter().enumerate() {
        let generation = match member.generation {
            Some(generation) if generation < max_generation => generation,
            None if max_generation > DEFAULT_GENERATION => DEFAULT_GENERATION,
            _ => continue,
        };
        for tp in &member.partitions {
            let newer = previous
                .get(tp)
                .is_none_or(|&(_, other)| generation > other);
            if newer {
                previous.insert(tp.clone(), (consumer, generation));
            }
        }
    }
    previous
        .into_iter()
        .map(|(tp, (consumer, _))| (tp, consumer))
        .collect()
}

impl<'a> Builder<'a> {
    /// All partitions; topics that few can have come first.
    fn list_all(&mut self) {
        let mut topics: Vec<&Name> = self.potential.keys().copied().collect();
        topics.sort_by(|a, b| {
            let load = self.potential[*a].len().cmp(&self.potential[*b].len());
            load.then(string_order(a, b))
        });
        for topic in topics {
            let count = self.problem.input.topic(topic).map_or(0, Vec::len) as i32;
            self.all
                .extend((0..count).map(|p| TopicPartition::new(topic.clone(), p)));
        }
    }

    fn enter(&mut self, consumer: usize) {
        self.sorted
            .insert((self.assignment[consumer].len(), self.rank[consumer]));
    }

    fn withdraw(&mut self, consumer: usize) {
        self.sorted
            .remove(&(self.assignment[consumer].len(), self.rank[consumer]));
    }

    fn wants(&self, consumer: usize, topic: &Name) -> bool {
        self.potential
            .get(topic)
            .is_some_and(|c| c.contains(&consumer))
    }

    fn keep_owned(&mut self) {
        for consumer in 0..self.assignment.len() {
            let owned = std::mem::take(&mut self.assignment[consumer]);
            for tp in owned {
                if !self.potential.contains_key(&tp.topic) {
                    self.owner.remove(&tp);
                } else if !self.wants(consumer, &tp.topic)
                    || self.problem.racks.mismatch(consumer, &tp)
                {
                    self.revocation_required = true;
                } else {
                    self.assignment[consumer].push(tp);
                }
            }
        }
    }

    /// Members in order of load.
    fn least_first(&self) -> Vec<usize> {
        self.sorted
            .iter()
            .map(|&(_, rank)| self.by_rank[rank])
            .collect()
    }

    fn hand_out(&mut self, tp: &TopicPartition, near: bool) -> bool {
        let takes = |b: &Self, consumer: usize| {
            b.wants(consumer, &tp.topic) && (!near || !b.problem.racks.mismatch(consumer, tp))
        };
        let Some(consumer) = self.least_first().into_iter().find(|&c| takes(self, c)) else {
            return false;
        };
        self.withdraw(consumer);
        self.assignment[consumer].push(tp.clone());
        self.owner.insert(tp.clone(), consumer);
        self.enter(consumer);
        true
    }

    fn is_shared(&self, topic: &Name) -> bool {
        self.potential
            .get(topic)
            .is_some_and(|consumers| consumers.len() >= 2)
    }

    /// How many partitions the member could have at most.
    fn most(&self, consumer: usize) -> usize {
        let topics = self.problem.input.topics.iter();
        topics
            .filter(|(topic, _)| self.wants(consumer, topic))
            .map(|(_, racks)| racks.len())
            .sum()
    }

    fn can_take_part(&self, consumer: usize) -> bool {
        let assigned = &self.assignment[consumer];
        assigned.len() < self.most(consumer) || assigned.iter().any(|tp| self.is_shared(&tp.topic))
    }

    fn balance(
        &mut self,
        previous: &BTreeMap<TopicPartition, usize>,
        mut unassigned: Vec<TopicPartition>,
    ) {
        let initializing = self.sorted.last().is_none_or(|&(load, _)| load == 0);
        let mut to_assign = unassigned.clone();
        if self.problem.racks.matters() {
            to_assign.retain(|tp| !self.hand_out(tp, true));
        }
        for tp in &to_assign {
            self.hand_out(tp, false);
        }
        // what only one member can have, and members that can neither give nor take, stay out of it
        let mut all = std::mem::take(&mut self.all);
        all.retain(|tp| self.is_shared(&tp.topic));
        unassigned.retain(|tp| self.is_shared(&tp.topic));
        let fixed: Vec<usize> = (0..self.assignment.len())
            .filter(|&c| !self.can_take_part(c))
            .collect();
        fixed.iter().for_each(|&consumer| self.withdraw(consumer));
        let before = self.assignment.clone();
        if !self.revocation_required {
            self.reassign(&unassigned, previous);
        }
        let moved = self.reassign(&all, previous);
        let score = |assignment: &Assignment| {
            let loads = (0..assignment.len()).filter(|c| !fixed.contains(c));
            let loads: Vec<i64> = loads.map(|c| assignment[c].len() as i64).collect();
            let mut score = 0;
            for (i, a) in loads.iter().enumerate() {
                score += loads[i + 1..].iter().map(|b| (a - b).abs()).sum::<i64>();
            }
            score
        };
        // moving for nothing would only cost
        if !initializing && moved && score(&self.assignment) >= score(&before) {
            self.assignment = before;
        }
    }

    fn is_balanced(&self) -> bool {
        let (Some(&(min, _)), Some(&(max, _))) = (self.sorted.first(), self.sorted.last()) else {
            return true;
        };
        if min + 1 >= max {
            return true;
        }
        let mut owners: BTreeMap<&TopicPartition, usize> = BTreeMap::new();
        for consumer in self.least_first() {
            owners.extend(self.assignment[consumer].iter().map(|tp| (tp, consumer)));
        }
        for consumer in self.least_first() {
            let load = self.assignment[consumer].len();
            if load == self.most(consumer) {
                continue;
            }
            for (tp, &other) in &owners {
                let takes = other != consumer && self.wants(consumer, &tp.topic);
                if takes && load + 1 < self.assignment[other].len() {
                    return false;
                }
            }
        }
        true
    }

    fn reassign(
        &mut self,
        partitions: &[TopicPartition],
        previous: &BTreeMap<TopicPartition, usize>,
    ) -> bool {
        let mut any = false;
        loop {
            let mut modified = false;
            for tp in partitions {
                if self.is_balanced() {
                    break;
                }
                let Some(&consumer) = self.owner.get(tp) else {
                    continue;
                };
                let load = self.assignment[consumer].len();
                let heavier = |b: &Self, other: usize| load > b.assignment[other].len() + 1;
                // back to who had it before, if that is lighter
                if let Some(&old) = previous.get(tp)
                    && heavier(self, old)
                {
                    self.move_to(tp, old);
                    modified = true;
                    continue;
                }
                let others = self.potential.get(&tp.topic).cloned().unwrap_or_default();
                if others.into_iter().any(|other| heavier(self, other)) {
                    self.move_to_least(tp);
                    modified = true;
                }
            }
            any |= modified;
            if !modified {
                return any;
            }
        }
    }

    fn move_to_least(&mut self, tp: &TopicPartition) {
        let least = self
            .least_first()
            .into_iter()
            .find(|&c| self.wants(c, &tp.topic));
        if let Some(consumer) = least {
            self.move_to(tp, consumer);
        }
    }

    fn move_to(&mut self, tp: &TopicPartition, to: usize) {
        let Some(&from) = self.owner.get(tp) else {
            return;
        };
        let tp = self.movements.actual(tp, from, to);
        let Some(&from) = self.owner.get(&tp) else {
            return;
        };
        self.withdraw(from);
        self.withdraw(to);
        self.movements.moved(&tp, from, to);
        self.assignment[from].retain(|assigned| *assigned != tp);
        self.assignment[to].push(tp.clone());
        self.owner.insert(tp, to);
        self.enter(to);
        self.enter(from);
    }
}
