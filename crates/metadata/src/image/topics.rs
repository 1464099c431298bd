//! Topics and their partitions.

use protocol::{Name, NodeId, TopicPartition, Uuid};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::partition::PartitionRegistration;
use crate::record::{PartitionChangeRecord, PartitionRecord, TopicRecord};

/// A partition by its topic's id.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
pub struct TopicIdPartition {
    pub topic_id: Uuid,
    pub partition: i32,
}

/// A topic (`org.apache.kafka.image.TopicImage`).
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct TopicImage {
    pub name: Name,
    pub id: Uuid,
    pub partitions: BTreeMap<i32, Arc<PartitionRegistration>>,
}

impl TopicImage {
    pub fn partition(&self, partition: i32) -> Option<&PartitionRegistration> {
        self.partitions.get(&partition).map(|p| &**p)
    }
}

/// All topics, by id and by name (`org.apache.kafka.image.TopicsImage`).
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct TopicsImage {
    by_id: BTreeMap<Uuid, Arc<TopicImage>>,
    by_name: BTreeMap<Name, Uuid>,
}

impl TopicsImage {
    pub fn topic(&self, id: Uuid) -> Option<&TopicImage> {
        self.by_id.get(&id).map(|t| &**t)
    }

    pub fn topic_named(&self, name: &str) -> Option<&TopicImage> {
        self.topic(self.id(name)?)
    }

    pub fn id(&self, name: &str) -> Option<Uuid> {
        self.by_name.get(name).copied()
    }

    pub fn partition(&self, topic_id: Uuid, partition: i32) -> Option<&PartitionRegistration> {
        self.topic(topic_id)?.partition(partition)
    }

    pub fn partition_named(&self, tp: &TopicPartition) -> Option<&PartitionRegistration> {
        self.topic_named(&tp.topic)?.partition(tp.partition)
    }

    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    /// Topics in order of their ids.
    pub fn iter(&self) -> impl Iterator<Item = &TopicImage> {
        self.by_id.values().map(|t| &**t)
    }

    /// Topics in order of their names.
    pub fn by_name(&self) -> impl Iterator<Item = &TopicImage> {
        self.by_name.values().filter_map(|id| self.topic(*id))
    }

    /// Every partition, in order of topic id and partition.
    pub fn partitions(&self) -> impl Iterator<Item = (&TopicImage, i32, &PartitionRegistration)> {
        self.iter()
            .flat_map(|t| t.partitions.iter().map(move |(&id, p)| (t, id, &**p)))
    }

    /// Partitions of which `wanted` is true, in order of topic id and partition.
    pub fn partitions_where(
        &self,
        wanted: impl Fn(&PartitionRegistration) -> bool,
    ) -> Vec<TopicIdPartition> {
        self.partitions()
            .filter(|(_, _, p)| wanted(p))
            .map(|(topic, partition, _)| TopicIdPartition {
                topic_id: topic.id,
                partition,
            })
            .collect()
    }

    /// Leads at least one partition.
    pub fn has_leaderships(&self, broker: NodeId) -> bool {
        self.partitions()
            .any(|(_, _, p)| p.leader == broker && p.isr.contains(&broker))
    }

    pub(super) fn create(&mut self, record: &TopicRecord) -> Result<(), String> {
        if let Some(id) = self.by_name.get(&record.name) {
            return Err(format!("topic {} exists with id {id}", record.name));
        }
        let topic = TopicImage {
            name: record.name.clone(),
            id: record.topic_id,
            partitions: BTreeMap::new(),
        };
        self.by_name.insert(record.name.clone(), record.topic_id);
        self.by_id.insert(record.topic_id, Arc::new(topic));
        Ok(())
    }

    fn topic_mut(&mut self, id: Uuid) -> Result<&mut TopicImage, String> {
        self.by_id
            .get_mut(&id)
            .map(Arc::make_mut)
            .ok_or_else(|| format!("no topic with id {id}"))
    }

    pub(super) fn put_partition(&mut self, record: &PartitionRecord) -> Result<(), String> {
        let partition = Arc::new(PartitionRegistration::from_record(record));
        self.topic_mut(record.topic_id)?
            .partitions
            .insert(record.partition_id, partition);
        Ok(())
    }

    pub(super) fn change_partition(
        &mut self,
        record: &PartitionChangeRecord,
    ) -> Result<(), String> {
        let topic = self.topic_mut(record.topic_id)?;
        let partition = topic
            .partitions
            .get_mut(&record.partition_id)
            .ok_or_else(|| format!("no partition {} of {}", record.partition_id, topic.name))?;
        *partition = Arc::new(partition.merge(record));
        Ok(())
    }

    pub(super) fn remove(&mut self, id: Uuid) -> Result<Name, String> {
        let topic = self
            .by_id
            .remove(&id)
            .ok_or_else(|| format!("no topic with id {id}"))?;
        self.by_name.remove(&topic.name);
        Ok(topic.name.clone())
    }

    /// Empties ELR and last known leader of a topic (all for an empty name). Each partition that had one changes, and
    /// so does its epoch.
    pub(super) fn clear_elr(&mut self, name: &str) -> Result<(), String> {
        let ids: Vec<Uuid> = if name.is_empty() {
            self.by_id.keys().copied().collect()
        } else {
            vec![
                self.id(name)
                    .ok_or_else(|| format!("no topic named {name}"))?,
            ]
        };
        for id in ids {
            let has_elr =
                |p: &PartitionRegistration| !p.elr.is_empty() || !p.last_known_elr.is_empty();
            if !self.by_id[&id].partitions.values().any(|p| has_elr(p)) {
                continue;
            }
            for (&partition_id, partition) in &mut self.topic_mut(id)?.partitions {
                if has_elr(partition) {
                    let mut change = PartitionChangeRecord::unchanged(id, partition_id);
                    change.eligible_leader_replicas = Some(Vec::new());
                    change.last_known_elr = Some(Vec::new());
                    *partition = Arc::new(partition.merge(&change));
                }
            }
        }
        Ok(())
    }
}
