//! Racks of members and partitions, where they matter (`AbstractStickyAssignor.RackInfo`).

use crate::assignor::input::{Input, rack_of, use_racks};
use protocol::{Name, TopicPartition};
use std::collections::{BTreeMap, BTreeSet};

#[derive(Default)]
pub struct RackInfo {
    /// By member; empty where racks do not matter.
    member_racks: Vec<Option<Name>>,
    partition_racks: BTreeMap<TopicPartition, BTreeSet<Name>>,
    /// How many members share a rack with a partition.
    num_consumers: BTreeMap<TopicPartition, usize>,
}

impl RackInfo {
    pub fn new(input: &Input) -> Self {
        let racks: Vec<Option<Name>> = input.members.iter().map(|m| rack_of(m).cloned()).collect();
        let member_racks: BTreeSet<&Name> = racks.iter().flatten().collect();
        if member_racks.is_empty() {
            return Self::default();
        }
        let partitions = input.topics.iter().flat_map(|(topic, racks)| {
            racks.iter().enumerate().map(|(partition, racks)| {
                (
                    TopicPartition::new(topic.clone(), partition as i32),
                    racks.clone(),
                )
            })
        });
        let partition_racks: BTreeMap<_, BTreeSet<Name>> = partitions.collect();
        let members_in = |rack: &Name| racks.iter().flatten().filter(|r| *r == rack).count();
        let num_consumers = partition_racks
            .iter()
            .map(|(tp, racks)| (tp.clone(), racks.iter().map(members_in).sum()))
            .collect();
        if use_racks(&member_racks, &mut partition_racks.values()) {
            Self {
                member_racks: racks,
                partition_racks,
                num_consumers,
            }
        } else {
            Self {
                num_consumers,
                ..Self::default()
            }
        }
    }

    pub fn matters(&self) -> bool {
        !self.member_racks.is_empty()
    }

    fn rack(&self, consumer: usize) -> Option<&Name> {
        self.member_racks.get(consumer)?.as_ref()
    }

    /// The member is in a rack that has no replica of the partition.
    pub fn mismatch(&self, consumer: usize, tp: &TopicPartition) -> bool {
        self.rack(consumer).is_some() && !self.matches(consumer, tp)
    }

    /// The member is in a rack that has one.
    pub fn matches(&self, consumer: usize, tp: &TopicPartition) -> bool {
        let racks = self.partition_racks.get(tp);
        self.rack(consumer)
            .is_some_and(|rack| racks.is_some_and(|r| r.contains(rack)))
    }

    /// Partitions that few can have near come first.
    pub fn sort_by_consumers(&self, partitions: &mut [TopicPartition]) {
        partitions.sort_by_key(|tp| self.num_consumers.get(tp).copied().unwrap_or(0));
    }

    /// The position in `consumers` of the next member from `first` on that is near.
    pub fn next_consumer(
        &self,
        tp: &TopicPartition,
        consumers: &[usize],
        first: usize,
    ) -> Option<usize> {
        let count = consumers.len();
        (0..count)
            .map(|i| (first + i) % count)
            .find(|&at| self.matches(consumers[at], tp))
    }
}
