//! A client's view of the cluster, as the newest metadata told it.
//!
//! Its partitions come in the order of a Java `HashMap`, because Kafka's clients let that order be seen: in requests, in
//! rotations and in random choices. Sources: `MetadataSnapshot`, `Cluster`.

use super::NodeKey;
use crate::java;
use protocol::{ErrorCode, LeaderEpoch, Name, NodeId, TopicPartition, Uuid};
use std::collections::{BTreeMap, BTreeSet};

/// `MetadataResponse.PartitionMetadata`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionMetadata {
    pub tp: TopicPartition,
    pub error: ErrorCode,
    /// The leader that metadata names, whether or not that broker is in the answer.
    pub leader: Option<NodeId>,
    pub leader_epoch: Option<LeaderEpoch>,
    pub replicas: Vec<NodeId>,
    pub isr: Vec<NodeId>,
    pub offline: Vec<NodeId>,
}

/// A broker as metadata names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerInfo {
    pub id: NodeId,
    pub rack: Option<Name>,
}

/// `MetadataSnapshot` with its `Cluster`.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// Set until the first answer: so many bootstrap servers, whose keys are −1, −2 …
    bootstrap: usize,
    pub brokers: BTreeMap<NodeId, BrokerInfo>,
    pub controller: Option<NodeId>,
    pub unauthorized_topics: BTreeSet<Name>,
    pub invalid_topics: BTreeSet<Name>,
    pub internal_topics: BTreeSet<Name>,
    pub topic_ids: BTreeMap<Name, Uuid>,
    partitions: Vec<PartitionMetadata>,
    index: BTreeMap<TopicPartition, usize>,
}

impl Snapshot {
    /// Before the first answer: only the bootstrap servers are known.
    pub fn bootstrap(servers: usize) -> Self {
        Self {
            bootstrap: servers,
            ..Self::default()
        }
    }

    /// Puts `partitions` (distinct, in order of insertion) where a `HashMap` of that many puts them.
    pub fn set_partitions(&mut self, partitions: Vec<PartitionMetadata>) {
        let size = partitions.len();
        self.partitions =
            java::hash_map_order(partitions, size, |p| java::topic_partition_hash(&p.tp));
        self.index = self
            .partitions
            .iter()
            .enumerate()
            .map(|(i, p)| (p.tp.clone(), i))
            .collect();
    }

    pub fn partitions(&self) -> &[PartitionMetadata] {
        &self.partitions
    }

    pub fn partition(&self, tp: &TopicPartition) -> Option<&PartitionMetadata> {
        self.index.get(tp).map(|i| &self.partitions[*i])
    }

    /// Connection keys of the nodes, in the order in which they are looked through.
    pub fn node_keys(&self) -> impl Iterator<Item = NodeKey> + '_ {
        let bootstrap = (1..=self.bootstrap as i32).map(|i| -i);
        bootstrap.chain(self.brokers.keys().map(|id| id.0))
    }

    pub fn is_bootstrap(&self) -> bool {
        self.bootstrap > 0
    }

    /// The leader if it is among the known brokers (`Cluster.leaderFor`).
    pub fn leader_for(&self, tp: &TopicPartition) -> Option<NodeId> {
        self.known_leader(self.partition(tp)?)
    }

    fn known_leader(&self, partition: &PartitionMetadata) -> Option<NodeId> {
        partition.leader.filter(|id| self.brokers.contains_key(id))
    }

    pub fn leader_epoch_for(&self, tp: &TopicPartition) -> Option<LeaderEpoch> {
        self.partition(tp)?.leader_epoch
    }

    /// `Cluster.partitionCountForTopic`; `None` = the topic is not known.
    pub fn partition_count(&self, topic: &str) -> Option<i32> {
        let count = self.partitions_for_topic(topic).count() as i32;
        (count > 0).then_some(count)
    }

    pub fn partitions_for_topic<'a>(
        &'a self,
        topic: &'a str,
    ) -> impl Iterator<Item = &'a PartitionMetadata> + 'a {
        self.partitions
            .iter()
            .filter(move |p| &*p.tp.topic == topic)
    }

    /// `Cluster.availablePartitionsForTopic`: those with a leader.
    pub fn available_partitions_for_topic(&self, topic: &str) -> Vec<i32> {
        self.partitions_for_topic(topic)
            .filter(|p| self.known_leader(p).is_some())
            .map(|p| p.tp.partition)
            .collect()
    }

    /// `Cluster.partitionsForNode`: those it leads.
    pub fn partitions_for_node(&self, node: NodeId) -> Vec<TopicPartition> {
        self.partitions
            .iter()
            .filter(|p| self.known_leader(p) == Some(node))
            .map(|p| p.tp.clone())
            .collect()
    }

    /// Topics with at least one partition, sorted.
    pub fn topics(&self) -> BTreeSet<Name> {
        self.partitions.iter().map(|p| p.tp.topic.clone()).collect()
    }

    pub fn topic_id(&self, topic: &str) -> Option<Uuid> {
        self.topic_ids.get(topic).copied()
    }

    pub fn topic_name(&self, id: Uuid) -> Option<Name> {
        self.topic_ids
            .iter()
            .find(|(_, known)| **known == id)
            .map(|(name, _)| name.clone())
    }
}
