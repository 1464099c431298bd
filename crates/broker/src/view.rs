//! What replication reads of the cluster's metadata: broker registrations and partition registrations, as last applied.
//!
//! Plain values in `Arc`s, so that a clone shares everything. This module knows nothing of how metadata is replicated
//! and decides nothing; it only answers the questions that Kafka's `KRaftMetadataCache` answers to `Partition`.

use metadata::MetadataDelta;
use protocol::{BrokerEpoch, LeaderEpoch, Name, NodeId, PartitionEpoch, TopicPartition, Uuid};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A broker as the metadata knows it (`BrokerRegistration`, the part that replication reads).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerRegistrationView {
    pub id: NodeId,
    pub epoch: BrokerEpoch,
    pub fenced: bool,
    pub in_controlled_shutdown: bool,
    pub rack: Option<Name>,
}

/// A partition as the controller registered it (`PartitionRegistration`, the part that replication reads).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionRegistration {
    /// `NodeId::NONE` when the partition has no leader.
    pub leader: NodeId,
    pub leader_epoch: LeaderEpoch,
    pub partition_epoch: PartitionEpoch,
    pub replicas: Vec<NodeId>,
    pub isr: Vec<NodeId>,
    pub adding_replicas: Vec<NodeId>,
    pub removing_replicas: Vec<NodeId>,
}

impl From<&metadata::BrokerRegistration> for BrokerRegistrationView {
    fn from(registration: &metadata::BrokerRegistration) -> Self {
        Self {
            id: registration.id,
            epoch: registration.epoch,
            fenced: registration.fenced,
            in_controlled_shutdown: registration.in_controlled_shutdown,
            rack: registration.rack.clone(),
        }
    }
}

impl From<&metadata::PartitionRegistration> for PartitionRegistration {
    fn from(registration: &metadata::PartitionRegistration) -> Self {
        Self {
            leader: registration.leader,
            leader_epoch: registration.leader_epoch,
            partition_epoch: registration.partition_epoch,
            replicas: registration.replicas.clone(),
            isr: registration.isr.clone(),
            adding_replicas: registration.adding_replicas.clone(),
            removing_replicas: registration.removing_replicas.clone(),
        }
    }
}

/// A registration with the id of its topic. Compared with the previous one when metadata arrives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegisteredPartition {
    pub topic_id: Uuid,
    pub registration: Arc<PartitionRegistration>,
}

/// What one step of metadata changes for partitions (`TopicsDelta`).
#[derive(Clone, Debug, Default)]
pub struct TopicsDelta {
    /// Partitions of deleted topics.
    pub deleted: Vec<TopicPartition>,
    pub changed: Vec<(TopicPartition, RegisteredPartition)>,
}

impl From<&MetadataDelta> for TopicsDelta {
    fn from(delta: &MetadataDelta) -> Self {
        let mut topics = Self::default();
        for topic in delta
            .deleted_topics
            .iter()
            .filter_map(|id| delta.base().topics.topic(*id))
        {
            let partitions = topic.partitions.keys();
            topics
                .deleted
                .extend(partitions.map(|p| TopicPartition::new(topic.name.clone(), *p)));
        }
        for (id, changed) in &delta.changed_topics {
            let Some(topic) = delta.image().topics.topic(*id) else {
                continue;
            };
            for &partition in &changed.partitions {
                let Some(registration) = topic.partition(partition) else {
                    continue;
                };
                let registration = Arc::new(PartitionRegistration::from(registration));
                let tp = TopicPartition::new(topic.name.clone(), partition);
                topics.changed.push((
                    tp,
                    RegisteredPartition {
                        topic_id: *id,
                        registration,
                    },
                ));
            }
        }
        topics
    }
}

/// What a delta means for one broker (`LocalReplicaChanges`).
#[derive(Clone, Debug, Default)]
pub struct LocalReplicaChanges {
    pub deletes: Vec<TopicPartition>,
    pub leaders: Vec<(TopicPartition, RegisteredPartition)>,
    pub followers: Vec<(TopicPartition, RegisteredPartition)>,
}

/// The applied metadata of one broker.
#[derive(Clone, Debug, Default)]
pub struct MetadataView {
    brokers: Arc<BTreeMap<NodeId, BrokerRegistrationView>>,
    partitions: Arc<BTreeMap<TopicPartition, RegisteredPartition>>,
}

impl MetadataView {
    pub fn broker(&self, id: NodeId) -> Option<&BrokerRegistrationView> {
        self.brokers.get(&id)
    }

    pub fn partition(&self, tp: &TopicPartition) -> Option<&RegisteredPartition> {
        self.partitions.get(tp)
    }

    /// `KRaftMetadataCache.contains`.
    pub fn contains(&self, tp: &TopicPartition) -> bool {
        self.partitions.contains_key(tp)
    }

    /// `KRaftMetadataCache.contains(topicId)`, by a walk over the partitions.
    pub fn contains_topic_id(&self, id: Uuid) -> bool {
        self.partitions.values().any(|p| p.topic_id == id)
    }

    /// The epoch of a broker that is registered and not fenced (`getAliveBrokerEpoch`).
    pub fn alive_broker_epoch(&self, id: NodeId) -> Option<BrokerEpoch> {
        self.broker(id).filter(|b| !b.fenced).map(|b| b.epoch)
    }

    /// `hasAliveBroker`: registered and not fenced.
    pub fn has_alive_broker(&self, id: NodeId) -> bool {
        self.broker(id).is_some_and(|b| !b.fenced)
    }

    /// `isBrokerFenced`: an unregistered broker is not fenced, it is only unknown.
    pub fn is_broker_fenced(&self, id: NodeId) -> bool {
        self.broker(id).is_some_and(|b| b.fenced)
    }

    pub fn is_broker_shutting_down(&self, id: NodeId) -> bool {
        self.broker(id).is_some_and(|b| b.in_controlled_shutdown)
    }

    /// Adds or replaces one broker's registration.
    pub fn register_broker(&mut self, broker: BrokerRegistrationView) {
        Arc::make_mut(&mut self.brokers).insert(broker.id, broker);
    }

    pub fn unregister_broker(&mut self, id: NodeId) {
        Arc::make_mut(&mut self.brokers).remove(&id);
    }

    /// Takes over the brokers that a delta changes.
    pub fn apply_brokers(&mut self, delta: &MetadataDelta) {
        for &id in &delta.changed_brokers {
            match delta.image().cluster.broker(id) {
                Some(registration) => self.register_broker(registration.into()),
                None => self.unregister_broker(id),
            }
        }
    }

    pub(crate) fn apply(&mut self, delta: &TopicsDelta) {
        let partitions = Arc::make_mut(&mut self.partitions);
        for tp in &delta.deleted {
            partitions.remove(tp);
        }
        for (tp, registered) in &delta.changed {
            partitions.insert(tp.clone(), registered.clone());
        }
    }

    /// What `delta` changes for broker `me`, compared with the registrations applied so far (`TopicDelta.localChanges`).
    /// A registration whose partition epoch did not move is no change.
    pub fn local_changes(&self, me: NodeId, delta: &TopicsDelta) -> LocalReplicaChanges {
        let mut changes = LocalReplicaChanges::default();
        let hosted = |p: &RegisteredPartition| p.registration.replicas.contains(&me);
        for tp in &delta.deleted {
            if self.partition(tp).is_some_and(hosted) {
                changes.deletes.push(tp.clone());
            }
        }
        for (tp, new) in &delta.changed {
            let deleted = delta.deleted.contains(tp);
            let previous = self
                .partition(tp)
                .filter(|p| !deleted && p.topic_id == new.topic_id);
            let moved = previous
                .is_none_or(|p| p.registration.partition_epoch != new.registration.partition_epoch);
            if !hosted(new) {
                if previous.is_some_and(hosted) {
                    changes.deletes.push(tp.clone());
                }
            } else if moved {
                let group = if new.registration.leader == me {
                    &mut changes.leaders
                } else {
                    &mut changes.followers
                };
                group.push((tp.clone(), new.clone()));
            }
        }
        changes
    }
}
