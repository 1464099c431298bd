//! Committed offsets and those that wait for their transaction, as the log knows them (`OffsetMetadataManager`).
//!
//! Replay alone changes them. The tables iterate as Kafka's do, because expiry and deletion write in that order.

use crate::group::record::OffsetCommitValue;
use crate::runtime::timeline::TimelineTable;
use protocol::{Name, Offset};
use std::collections::BTreeSet;
use std::sync::Arc;

/// One committed offset and where in `__consumer_offsets` it was written (`OffsetAndMetadata`).
#[derive(Clone, Debug, PartialEq)]
pub struct OffsetAndMetadata {
    /// Of the record: it decides between plain and transactional commits.
    pub record_offset: Offset,
    pub value: OffsetCommitValue,
}

pub type PartitionOffsets = TimelineTable<i32, OffsetAndMetadata>;
pub type TopicOffsets = TimelineTable<Name, PartitionOffsets>;

/// Offsets by group, topic and partition.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Offsets {
    by_group: TimelineTable<Name, Arc<TopicOffsets>>,
}

impl Offsets {
    pub fn get(&self, group: &str, topic: &str, partition: i32) -> Option<&OffsetAndMetadata> {
        self.by_group.get(group)?.get(topic)?.get(&partition)
    }

    pub fn group(&self, group: &str) -> Option<&TopicOffsets> {
        self.by_group.get(group).map(|topics| &**topics)
    }

    /// In table order.
    pub fn groups(&self) -> impl Iterator<Item = (&Name, &TopicOffsets)> {
        self.by_group
            .iter()
            .map(|(group, topics)| (group, &**topics))
    }

    pub fn put(&mut self, group: &Name, topic: &Name, partition: i32, offset: OffsetAndMetadata) {
        let topics = self.by_group.entry_or_default(group.clone());
        Arc::make_mut(topics)
            .entry_or_default(topic.clone())
            .put(partition, offset);
    }

    /// Removes an offset, and the tables that become empty.
    pub fn remove(&mut self, group: &str, topic: &str, partition: i32) {
        let Some(topics) = self.by_group.get_mut(group) else {
            return;
        };
        let topics = Arc::make_mut(topics);
        if let Some(partitions) = topics.get_mut(topic) {
            partitions.remove(&partition);
            if partitions.is_empty() {
                topics.remove(topic);
            }
        }
        if topics.is_empty() {
            self.by_group.remove(group);
        }
    }
}

type OpenPartitions = TimelineTable<i32, BTreeSet<i64>>;
type OpenTopics = TimelineTable<Name, OpenPartitions>;

/// Which producers have an open transaction with an offset of a partition (`OpenTransactions`).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OpenTransactions {
    by_group: TimelineTable<Name, OpenTopics>,
}

impl OpenTransactions {
    pub fn contains_group(&self, group: &str) -> bool {
        self.by_group.contains(group)
    }

    pub fn contains(&self, group: &str, topic: &str, partition: i32) -> bool {
        self.producers(group, topic, partition).is_some()
    }

    pub fn producers(&self, group: &str, topic: &str, partition: i32) -> Option<&BTreeSet<i64>> {
        self.by_group.get(group)?.get(topic)?.get(&partition)
    }

    /// Topics and partitions of a group, in table order.
    pub fn partitions_of(&self, group: &str) -> Vec<(Name, i32)> {
        let topics = self.by_group.get(group);
        topics
            .iter()
            .flat_map(|topics| topics.iter())
            .flat_map(|(topic, partitions)| partitions.keys().map(|&p| (topic.clone(), p)))
            .collect()
    }

    fn add(&mut self, group: &Name, topic: &Name, partition: i32, producer_id: i64) {
        self.by_group
            .entry_or_default(group.clone())
            .entry_or_default(topic.clone())
            .entry_or_default(partition)
            .insert(producer_id);
    }

    fn remove(&mut self, group: &str, topic: &str, partition: i32, producer_id: i64) {
        let Some(topics) = self.by_group.get_mut(group) else {
            return;
        };
        let producers = topics.get_mut(topic).and_then(|p| p.get_mut(&partition));
        if let Some(producers) = producers {
            producers.remove(&producer_id);
            if producers.is_empty() {
                self.clear(group, topic, partition);
            }
        }
    }

    fn clear(&mut self, group: &str, topic: &str, partition: i32) {
        let Some(topics) = self.by_group.get_mut(group) else {
            return;
        };
        if let Some(partitions) = topics.get_mut(topic) {
            partitions.remove(&partition);
            if partitions.is_empty() {
                topics.remove(topic);
            }
        }
        if topics.is_empty() {
            self.by_group.remove(group);
        }
    }
}

/// Everything about offsets.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OffsetState {
    pub committed: Arc<Offsets>,
    /// By producer id, until its marker comes.
    pub pending: Arc<TimelineTable<i64, Offsets>>,
    pub open: Arc<OpenTransactions>,
}

impl OffsetState {
    /// Replays an offset commit at `offset` of the log. `producer_id` −1: not transactional.
    pub fn replay_commit(
        &mut self,
        offset: Offset,
        producer_id: i64,
        (group, topic, partition): (&Name, &Name, i32),
        value: Option<&OffsetCommitValue>,
    ) {
        let Some(value) = value else {
            Arc::make_mut(&mut self.committed).remove(group, topic, partition);
            if let Some(producers) = self.open.producers(group, topic, partition).cloned() {
                let pending = Arc::make_mut(&mut self.pending);
                for producer in producers {
                    if let Some(offsets) = pending.get_mut(&producer) {
                        offsets.remove(group, topic, partition);
                    }
                }
                Arc::make_mut(&mut self.open).clear(group, topic, partition);
            }
            return;
        };
        let entry = OffsetAndMetadata {
            record_offset: offset,
            value: value.clone(),
        };
        if producer_id == -1 {
            Arc::make_mut(&mut self.committed).put(group, topic, partition, entry);
        } else {
            Arc::make_mut(&mut self.pending)
                .entry_or_default(producer_id)
                .put(group, topic, partition, entry);
            Arc::make_mut(&mut self.open).add(group, topic, partition, producer_id);
        }
    }

    /// Replays the end of a producer's transaction: its offsets become visible where no later record has replaced them,
    /// or are dropped (`replayEndTransactionMarker`).
    pub fn replay_end_transaction(&mut self, producer_id: i64, commit: bool) {
        if !self.pending.contains(&producer_id) {
            return;
        }
        let Some(ended) = Arc::make_mut(&mut self.pending).remove(&producer_id) else {
            return;
        };
        let open = Arc::make_mut(&mut self.open);
        for (group, topics) in ended.groups() {
            for (topic, partitions) in topics.iter() {
                for &partition in partitions.keys() {
                    open.remove(group, topic, partition, producer_id);
                }
            }
        }
        if !commit {
            return;
        }
        let committed = Arc::make_mut(&mut self.committed);
        for (group, topics) in ended.groups() {
            for (topic, partitions) in topics.iter() {
                for (&partition, offset) in partitions.iter() {
                    let existing = committed.get(group, topic, partition);
                    if existing.is_none_or(|e| offset.record_offset > e.record_offset) {
                        committed.put(group, topic, partition, offset.clone());
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::Uuid;

    fn value(offset: i64) -> OffsetCommitValue {
        OffsetCommitValue {
            offset,
            leader_epoch: -1,
            metadata: "".into(),
            commit_timestamp: 0,
            expire_timestamp: None,
            topic_id: Uuid::ZERO,
        }
    }

    fn names() -> (Name, Name) {
        ("g".into(), "t".into())
    }

    /// G15: a transactional offset shows after COMMIT; ABORT leaves the previous value.
    #[test]
    fn g15_the_marker_decides() {
        let (g, t) = names();
        for (commit, visible) in [(true, 7), (false, 3)] {
            let mut state = OffsetState::default();
            state.replay_commit(Offset(0), -1, (&g, &t, 0), Some(&value(3)));
            state.replay_commit(Offset(1), 100, (&g, &t, 0), Some(&value(7)));
            assert!(state.open.contains("g", "t", 0));
            state.replay_end_transaction(100, commit);
            assert!(!state.open.contains_group("g"));
            let offset = state.committed.get("g", "t", 0).map(|o| o.value.offset);
            assert_eq!(offset, Some(visible));
        }
    }

    /// G16: a plain commit written after the transactional one wins over a later marker.
    #[test]
    fn g16_the_later_record_wins() {
        let (g, t) = names();
        let mut state = OffsetState::default();
        state.replay_commit(Offset(0), 300, (&g, &t, 0), Some(&value(60)));
        state.replay_commit(Offset(1), -1, (&g, &t, 0), Some(&value(55)));
        state.replay_end_transaction(300, true);
        let offset = state.committed.get("g", "t", 0).map(|o| o.value.offset);
        assert_eq!(offset, Some(55));
    }

    #[test]
    fn a_tombstone_drops_pending_offsets_too() {
        let (g, t) = names();
        let mut state = OffsetState::default();
        state.replay_commit(Offset(0), 5, (&g, &t, 0), Some(&value(1)));
        state.replay_commit(Offset(1), -1, (&g, &t, 0), None);
        state.replay_end_transaction(5, true);
        assert_eq!(state.committed.get("g", "t", 0), None);
    }
}
