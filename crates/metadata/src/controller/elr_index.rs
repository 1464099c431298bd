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
            if let Some(partitions) = self.members.get_mut(gone).and_then(|t| t.get_mut(&topic)) {
                partitions.retain(|&p| p != partition);
            }
        }
        for added in next.iter().filter(|b| !prev.contains(b)) {
            self.members
                .entry(*added)
                .or_default()
                .entry(topic)
                .or_default()
                .push(partition);
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
