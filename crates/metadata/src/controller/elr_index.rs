//! Which partitions have a broker in their ELR.
//!
//! An index of its own instead of a look at the image, because it remembers more: a ClearElrRecord empties the ELR of a
//! partition but not this index, in 4.3.1 as here. A broker that once was in such an ELR is still counted in, so that a
//! later change on its account may touch the partition once more than its ELR would ask for.

use protocol::{NodeId, Uuid};
use serde::Serialize;
use std::collections::BTreeMap;

use crate::image::TopicIdPartition;

/// `org.apache.kafka.controller.BrokersToElrs`.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub(super) struct BrokersToElrs {
    members: BTreeMap<NodeId, BTreeMap<Uuid, Vec<i32>>>,
}

impl BrokersToElrs {
    pub fn update(&mut self, topic: Uuid, partition: i32, prev: &[NodeId], next: &[NodeId]) {
        for gone in prev.iter().filter(|b| !next.contains(b)) {
            self.remove(*gone, topic, partition);
        }
        for added in next.iter().filter(|b| !prev.contains(b)) {
            let topics = self.members.entry(*added).or_default();
            topics.entry(topic).or_default().push(partition);
        }
    }

    /// A partition that is here twice (once from before a ClearElrRecord) leaves a hole when it is taken out, and Kafka's
    /// array of numbers fills the hole with partition 0.
    fn remove(&mut self, broker: NodeId, topic: Uuid, partition: i32) {
        let Some(topics) = self.members.get_mut(&broker) else {
            return;
        };
        let Some(partitions) = topics.get_mut(&topic) else {
            return;
        };
        let left = partitions.len().saturating_sub(1);
        partitions.retain(|&p| p != partition);
        partitions.resize(left.max(partitions.len()), 0);
        if partitions.is_empty() {
            topics.remove(&topic);
        }
    }

    pub fn remove_topic(&mut self, topic: Uuid, members: impl Iterator<Item = NodeId>) {
        for member in members {
            if let Some(topics) = self.members.get_mut(&member) {
                topics.remove(&topic);
            }
        }
    }

    /// In order of topic id; a partition may come twice.
    pub fn partitions_with_broker_in_elr(&self, broker: NodeId) -> Vec<TopicIdPartition> {
        let topics = self.members.get(&broker).into_iter().flatten();
        topics
            .flat_map(|(&topic_id, partitions)| {
                partitions.iter().map(move |&partition| TopicIdPartition {
                    topic_id,
                    partition,
                })
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOPIC: Uuid = Uuid(7);

    fn partitions(index: &BrokersToElrs, broker: i32) -> Vec<i32> {
        let found = index.partitions_with_broker_in_elr(NodeId(broker));
        found.iter().map(|tp| tp.partition).collect()
    }

    #[test]
    fn it_follows_the_elr() {
        let mut index = BrokersToElrs::default();
        index.update(TOPIC, 1, &[], &[NodeId(2), NodeId(3)]);
        index.update(TOPIC, 4, &[], &[NodeId(2)]);
        assert_eq!(
            (partitions(&index, 2), partitions(&index, 3)),
            (vec![1, 4], vec![1])
        );
        index.update(TOPIC, 1, &[NodeId(2), NodeId(3)], &[NodeId(3)]);
        assert_eq!(
            (partitions(&index, 2), partitions(&index, 3)),
            (vec![4], vec![1])
        );
        index.update(TOPIC, 4, &[NodeId(2)], &[]);
        assert_eq!(partitions(&index, 2), Vec::<i32>::new());
    }

    /// After a ClearElrRecord the ELR is empty and the index is not.
    #[test]
    fn what_a_cleared_elr_leaves_behind_is_counted_twice() {
        let mut index = BrokersToElrs::default();
        index.update(TOPIC, 1, &[], &[NodeId(2)]);
        index.update(TOPIC, 1, &[], &[NodeId(2)]);
        assert_eq!(partitions(&index, 2), [1, 1]);
        index.update(TOPIC, 1, &[NodeId(2)], &[]);
        assert_eq!(partitions(&index, 2), [0], "the hole reads as partition 0");
    }
}
