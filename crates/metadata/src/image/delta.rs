//! What a run of records changes.

use protocol::{Name, NodeId, Offset, TopicPartition, Uuid};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{ConfigResource, ConfigResourceType, MetadataImage, ReplayError, TopicImage};
use crate::partition::PartitionRegistration;
use crate::record::MetadataRecord;

/// Changes of one topic: the partitions that a record touched.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct TopicDelta {
    pub partitions: BTreeSet<i32>,
}

/// An image and what leads to the next one (`org.apache.kafka.image.MetadataDelta`).
#[derive(Clone, PartialEq, Debug)]
pub struct MetadataDelta {
    base: MetadataImage,
    image: MetadataImage,
    /// Topics that were created or changed, and are still there.
    pub changed_topics: BTreeMap<Uuid, TopicDelta>,
    /// Topics of the base image that are gone.
    pub deleted_topics: BTreeSet<Uuid>,
    pub changed_brokers: BTreeSet<NodeId>,
    pub changed_configs: BTreeSet<ConfigResource>,
    pub changed_features: BTreeSet<Name>,
}

/// A partition with its topic's id, as one broker is told of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PartitionInfo {
    pub topic_id: Uuid,
    pub partition: Arc<PartitionRegistration>,
}

/// What one broker has to do (`org.apache.kafka.image.LocalReplicaChanges`).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct LocalReplicaChanges {
    /// It has no replica of these any more.
    pub deletes: BTreeSet<TopicPartition>,
    /// Those of `leaders` with a new leader epoch.
    pub elected_leaders: BTreeMap<TopicPartition, PartitionInfo>,
    /// It leads these, and their partition epoch changed.
    pub leaders: BTreeMap<TopicPartition, PartitionInfo>,
    /// It follows these (or they have no leader), and their partition epoch changed.
    pub followers: BTreeMap<TopicPartition, PartitionInfo>,
    /// The directory of its replica changed, or the replica is new here.
    pub directory_ids: BTreeMap<TopicPartition, Uuid>,
}

impl MetadataDelta {
    pub fn new(base: MetadataImage) -> Self {
        Self {
            image: base.clone(),
            base,
            changed_topics: BTreeMap::new(),
            deleted_topics: BTreeSet::new(),
            changed_brokers: BTreeSet::new(),
            changed_configs: BTreeSet::new(),
            changed_features: BTreeSet::new(),
        }
    }

    /// The image before.
    pub fn base(&self) -> &MetadataImage {
        &self.base
    }

    /// The image so far.
    pub fn image(&self) -> &MetadataImage {
        &self.image
    }

    /// The image after all records.
    pub fn apply(self) -> MetadataImage {
        self.image
    }

    pub fn replay(&mut self, record: &MetadataRecord, offset: Offset) -> Result<(), ReplayError> {
        if let MetadataRecord::ClearElr(r) = record {
            self.note_clear_elr(&r.topic_name);
        }
        if let MetadataRecord::RemoveTopic(r) = record
            && let Some(topic) = self.image.topics.topic(r.topic_id)
        {
            let resource = ConfigResource::topic(topic.name.clone());
            if self.image.configs.of(&resource).is_some() {
                self.changed_configs.insert(resource);
            }
        }
        self.image.replay(record, offset)?;
        match record {
            MetadataRecord::RegisterBroker(r) => self.note_broker(r.broker_id),
            MetadataRecord::UnregisterBroker(r) => self.note_broker(r.broker_id),
            MetadataRecord::BrokerRegistrationChange(r) => self.note_broker(r.broker_id),
            MetadataRecord::FenceBroker(r) => self.note_broker(r.id),
            MetadataRecord::UnfenceBroker(r) => self.note_broker(r.id),
            MetadataRecord::Topic(r) => {
                self.changed_topics.entry(r.topic_id).or_default();
            }
            MetadataRecord::Partition(r) => self.note_partition(r.topic_id, r.partition_id),
            MetadataRecord::PartitionChange(r) => self.note_partition(r.topic_id, r.partition_id),
            MetadataRecord::RemoveTopic(r) => {
                self.changed_topics.remove(&r.topic_id);
                if self.base.topics.topic(r.topic_id).is_some() {
                    self.deleted_topics.insert(r.topic_id);
                }
            }
            MetadataRecord::Config(r) => {
                let kind = ConfigResourceType::for_id(r.resource_type).expect("the image took it");
                self.changed_configs.insert(ConfigResource {
                    kind,
                    name: r.resource_name.clone(),
                });
            }
            MetadataRecord::FeatureLevel(r) => {
                self.changed_features.insert(r.name.clone());
            }
            _ => {}
        }
        Ok(())
    }

    fn note_broker(&mut self, id: NodeId) {
        self.changed_brokers.insert(id);
    }

    fn note_partition(&mut self, topic_id: Uuid, partition: i32) {
        self.changed_topics
            .entry(topic_id)
            .or_default()
            .partitions
            .insert(partition);
    }

    fn note_clear_elr(&mut self, name: &str) {
        let mut touched = Vec::new();
        for (topic, partition, p) in self.image.topics.partitions() {
            if (name.is_empty() || *topic.name == *name)
                && !(p.elr.is_empty() && p.last_known_elr.is_empty())
            {
                touched.push((topic.id, partition));
            }
        }
        for (topic_id, partition) in touched {
            self.note_partition(topic_id, partition);
        }
    }

    /// What `broker` has to do about its replicas (`TopicsDelta.localChanges`).
    pub fn local_changes(&self, broker: NodeId) -> LocalReplicaChanges {
        let mut changes = LocalReplicaChanges::default();
        for (id, delta) in &self.changed_topics {
            let Some(topic) = self.image.topics.topic(*id) else {
                continue;
            };
            for &partition in &delta.partitions {
                self.local_change(broker, topic, partition, &mut changes);
            }
        }
        for id in &self.deleted_topics {
            let Some(topic) = self.base.topics.topic(*id) else {
                continue;
            };
            for (&partition, p) in &topic.partitions {
                if p.replicas.contains(&broker) {
                    changes
                        .deletes
                        .insert(TopicPartition::new(topic.name.clone(), partition));
                }
            }
        }
        changes
    }

    fn local_change(
        &self,
        broker: NodeId,
        topic: &TopicImage,
        partition: i32,
        changes: &mut LocalReplicaChanges,
    ) {
        let Some(new) = topic.partitions.get(&partition) else {
            return;
        };
        let old = self.base.topics.partition(topic.id, partition);
        let tp = TopicPartition::new(topic.name.clone(), partition);
        if !new.replicas.contains(&broker) {
            if old.is_some_and(|p| p.replicas.contains(&broker)) {
                changes.deletes.insert(tp);
            }
            return;
        }
        if old.is_none_or(|p| p.partition_epoch != new.partition_epoch) {
            let info = PartitionInfo {
                topic_id: topic.id,
                partition: new.clone(),
            };
            if new.leader == broker {
                if old.is_none_or(|p| p.leader_epoch != new.leader_epoch) {
                    changes.elected_leaders.insert(tp.clone(), info.clone());
                }
                changes.leaders.insert(tp.clone(), info);
            } else {
                changes.followers.insert(tp.clone(), info);
            }
        }
        let dir = new.directory(broker);
        if let Some(dir) = dir
            && old.and_then(|p| p.directory(broker)) != Some(dir)
        {
            changes.directory_ids.insert(tp, dir);
        }
    }
}
