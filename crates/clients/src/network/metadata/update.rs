//! Answers to METADATA, and leaders learned beside errors: how the client's view of the cluster changes.

use super::{ConsumerTopics, Interest, Metadata};
use crate::network::snapshot::{BrokerInfo, PartitionMetadata, Snapshot};
use protocol::messages::MetadataResponse;
use protocol::{ErrorCode, LeaderEpoch, Ms, Name, NodeId, TopicPartition, Uuid};
use std::collections::BTreeSet;
use std::sync::Arc;

impl Metadata {
    /// Takes an answer (`Metadata.update`, `handleMetadataResponse`).
    pub fn update(
        &mut self,
        request_version: i32,
        response: &MetadataResponse,
        partial: bool,
        now: Ms,
    ) {
        self.need_partial_update = request_version < self.request_version;
        self.last_refresh_ms = now;
        self.attempts = 0;
        self.update_version += 1;
        if !partial {
            self.need_full_update = false;
            self.last_successful_refresh_ms = now;
        }
        self.equivalent_responses += 1;
        self.take_snapshot(response, partial, now);
        self.invalid_topics = self.snapshot.invalid_topics.clone();
        self.unauthorized_topics = self.snapshot.unauthorized_topics.clone();
        let forgotten: BTreeSet<Name> = {
            let topics: BTreeSet<Name> = self
                .last_seen_epochs
                .keys()
                .map(|tp| tp.topic.clone())
                .collect();
            topics
                .into_iter()
                .filter(|t| !self.retain_topic(t, false, now))
                .collect()
        };
        self.last_seen_epochs
            .retain(|tp, _| !forgotten.contains(&tp.topic));
        if let Interest::Producer(p) = &mut self.interest {
            p.errors.clear();
            for topic in &response.topics {
                let Some(name) = &topic.name else { continue };
                if !topic.error.is_none() {
                    p.errors.insert(name.clone(), topic.error);
                }
                p.new_topics.remove(name);
            }
        }
    }

    fn take_snapshot(&mut self, response: &MetadataResponse, partial: bool, now: Ms) {
        let old = self.snapshot.clone();
        let mut new = Snapshot::default();
        let mut seen = BTreeSet::new();
        let mut partitions: Vec<PartitionMetadata> = Vec::new();
        for topic in &response.topics {
            let Some(name) = topic
                .name
                .clone()
                .or_else(|| old.topic_name(topic.topic_id))
            else {
                continue;
            };
            seen.insert(name.clone());
            let topic_id = (!topic.topic_id.is_zero()).then_some(topic.topic_id);
            let old_id = topic_id.and(old.topic_id(&name));
            if let Some(id) = topic_id {
                new.topic_ids.insert(name.clone(), id);
            }
            let wanted_by_id = matches!(&self.interest, Interest::Consumer(ConsumerTopics { ids: Some(ids), .. })
                if topic_id.is_some_and(|id| ids.contains(&id)));
            if !self.retain_topic(&name, topic.is_internal, now) && !wanted_by_id {
                continue;
            }
            if topic.is_internal {
                new.internal_topics.insert(name.clone());
            }
            if !topic.error.is_none() {
                if topic.error.is_invalid_metadata() {
                    self.request_update(false);
                }
                match topic.error {
                    ErrorCode::InvalidTopicException => {
                        new.invalid_topics.insert(name);
                    }
                    ErrorCode::TopicAuthorizationFailed => {
                        new.unauthorized_topics.insert(name);
                    }
                    _ => {}
                }
                continue;
            }
            for p in &topic.partitions {
                let told = PartitionMetadata {
                    tp: TopicPartition {
                        topic: name.clone(),
                        partition: p.partition_index,
                    },
                    error: p.error,
                    leader: (!p.leader_id.is_none()).then_some(p.leader_id),
                    leader_epoch: (!p.leader_epoch.is_none()).then_some(p.leader_epoch),
                    replicas: p.replica_nodes.clone(),
                    isr: p.isr_nodes.clone(),
                    offline: p.offline_replicas.clone(),
                };
                if let Some(kept) = self.newer_of(told, topic_id, old_id, &old) {
                    partitions.push(kept);
                }
                if p.error.is_invalid_metadata() {
                    self.request_update(false);
                }
            }
        }
        for broker in &response.brokers {
            new.brokers.insert(
                broker.node_id,
                BrokerInfo {
                    id: broker.node_id,
                    rack: broker.rack.clone(),
                },
            );
        }
        new.controller = (!response.controller_id.is_none()).then_some(response.controller_id);
        if partial {
            let mut keep = |topic: &Name| {
                !seen.contains(topic)
                    && self.retain_topic(topic, old.internal_topics.contains(topic), now)
            };
            let known: BTreeSet<TopicPartition> = partitions.iter().map(|p| p.tp.clone()).collect();
            // A merged view is a table of its own, whose order of insertion the final table then follows.
            let added = partitions.len();
            for p in old.partitions() {
                if !known.contains(&p.tp) && keep(&p.tp.topic) {
                    partitions.push(p.clone());
                }
            }
            partitions = crate::java::hash_map_order(partitions, added, |p| {
                crate::java::topic_partition_hash(&p.tp)
            });
            for (name, id) in &old.topic_ids {
                if keep(name) {
                    new.topic_ids.insert(name.clone(), *id);
                }
            }
            for (from, to) in [
                (&old.invalid_topics, &mut new.invalid_topics),
                (&old.unauthorized_topics, &mut new.unauthorized_topics),
                (&old.internal_topics, &mut new.internal_topics),
            ] {
                to.extend(from.iter().filter(|t| keep(t)).cloned());
            }
        }
        new.set_partitions(partitions);
        self.snapshot = Arc::new(new);
    }

    /// What is told of a partition, unless a newer leader epoch was seen (`Metadata.updateLatestMetadata`).
    fn newer_of(
        &mut self,
        told: PartitionMetadata,
        topic_id: Option<Uuid>,
        old_id: Option<Uuid>,
        old: &Snapshot,
    ) -> Option<PartitionMetadata> {
        let Some(epoch) = told.leader_epoch else {
            self.last_seen_epochs.remove(&told.tp);
            self.equivalent_responses = 0;
            return Some(told);
        };
        let known = self.last_seen_epochs.get(&told.tp).copied();
        let created_again = topic_id.is_some() && topic_id != old_id;
        match known {
            Some(known) if !created_again && epoch < known => old.partition(&told.tp).cloned(),
            _ => {
                if created_again || known.is_none_or(|known| epoch > known) {
                    self.equivalent_responses = 0;
                }
                self.last_seen_epochs.insert(told.tp.clone(), epoch);
                Some(told)
            }
        }
    }

    /// Takes leaders that an answer named beside an error (KIP-951). Answers the partitions that changed
    /// (`Metadata.updatePartitionLeadership`).
    pub fn update_partition_leadership(
        &mut self,
        leaders: &[(TopicPartition, NodeId, LeaderEpoch)],
        endpoints: &[NodeId],
    ) -> BTreeSet<TopicPartition> {
        let old = self.snapshot.clone();
        let mut new = (*old).clone();
        let mut updated: Vec<PartitionMetadata> = Vec::new();
        for (tp, leader, epoch) in leaders {
            let current = self.current_leader(tp);
            let known_node = endpoints.contains(leader) || old.brokers.contains_key(leader);
            if leader.is_none()
                || epoch.is_none()
                || current.epoch.is_some_and(|known| *epoch <= known)
                || !known_node
            {
                continue;
            }
            let Some(existing) = old.partition(tp) else {
                continue;
            };
            updated.push(PartitionMetadata {
                leader: Some(*leader),
                leader_epoch: Some(*epoch),
                ..existing.clone()
            });
            self.last_seen_epochs.insert(tp.clone(), *epoch);
        }
        if updated.is_empty() {
            return BTreeSet::new();
        }
        for id in endpoints {
            new.brokers.entry(*id).or_insert(BrokerInfo {
                id: *id,
                rack: None,
            });
        }
        let changed: BTreeSet<TopicPartition> = updated.iter().map(|p| p.tp.clone()).collect();
        let added = updated.len();
        updated.extend(
            old.partitions()
                .iter()
                .filter(|p| !changed.contains(&p.tp))
                .cloned(),
        );
        let merged = crate::java::hash_map_order(updated, added, |p| {
            crate::java::topic_partition_hash(&p.tp)
        });
        new.set_partitions(merged);
        self.snapshot = Arc::new(new);
        changed
    }
}
