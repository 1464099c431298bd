//! What ends by time or with a topic: offsets, and groups that have none left (`cleanupExpiredOffsets`,
//! `GroupCoordinatorShard.cleanupGroupMetadata`, `onTopicsDeleted`).

use super::commit::offset_tombstone;
use super::table::{OffsetAndMetadata, Offsets};
use crate::group::classic::ClassicGroupState;
use crate::group::coordinator::{Coordinator, Outcome, Step};
use crate::group::record::Record;
use crate::group::state::Group;
use protocol::{Ms, Name, Uuid};

/// From when on an offset's retention counts.
enum Base {
    /// Since the group became empty; −1 = unknown, then the commit.
    Since(Option<Ms>),
    Commit,
}

impl Coordinator {
    /// The periodic check of all groups of the partition.
    pub(in crate::group) fn cleanup_group_metadata(&mut self, step: &mut Step) -> Outcome {
        let mut records = Vec::new();
        for group_id in self.group_ids() {
            if self.cleanup_expired_offsets(&group_id, step.now_ms(), &mut records) {
                self.maybe_delete_group(&group_id, &mut records);
            }
        }
        self.schedule_group_metadata_expiration(step);
        Outcome::records(records)
    }

    /// Writes tombstones of a group's expired offsets. True: none is left, committed or pending.
    fn cleanup_expired_offsets(
        &self,
        group_id: &Name,
        now_ms: Ms,
        records: &mut Vec<Record>,
    ) -> bool {
        let offsets = &self.state().offsets;
        let Some(topics) = offsets.committed.group(group_id) else {
            return !offsets.open.contains_group(group_id);
        };
        let Some(group) = self.state().group(group_id) else {
            return false;
        };
        let Some(base) = self.offset_expiration_base(group) else {
            return false;
        };
        let retention_ms = self.config.offsets_retention_ms;
        let mut all_expired = true;
        for (topic, partitions) in topics.iter() {
            if self.is_subscribed_to_topic(group, topic) {
                all_expired = false;
                continue;
            }
            for (&partition, offset) in partitions.iter() {
                if is_expired(offset, &base, now_ms, retention_ms)
                    && !offsets.open.contains(group_id, topic, partition)
                {
                    records.push(offset_tombstone(group_id, topic, partition));
                } else {
                    all_expired = false;
                }
            }
        }
        all_expired && !offsets.open.contains_group(group_id)
    }

    /// `offsetExpirationCondition`; `None`: nothing of the group expires now.
    fn offset_expiration_base(&self, group: &Group) -> Option<Base> {
        let Group::Classic(id) = group else {
            return Some(Base::Commit);
        };
        let group = self.soft.classic.get(id)?;
        if group.protocol_type.is_none() {
            return Some(Base::Commit);
        }
        if group.is_empty() {
            return Some(Base::Since(group.current_state_timestamp_ms));
        }
        let consumers = group.uses_consumer_group_protocol() && group.subscribed_topics.is_some();
        (consumers && group.is(ClassicGroupState::Stable)).then_some(Base::Commit)
    }

    /// Topics are gone: so are their offsets, the pending transactional ones too.
    pub(in crate::group) fn on_topics_deleted(&self, deleted: &[(Name, Uuid)]) -> Outcome {
        let offsets = &self.state().offsets;
        let mut records = Vec::new();
        delete_topics(&offsets.committed, deleted, &mut records);
        for pending in offsets.pending.values() {
            delete_topics(pending, deleted, &mut records);
        }
        Outcome::records(records)
    }

    /// Tombstones of all offsets of a group (`deleteAllOffsets`).
    pub(in crate::group) fn delete_all_offsets(&self, group_id: &Name, records: &mut Vec<Record>) {
        let offsets = &self.state().offsets;
        for (topic, partitions) in offsets
            .committed
            .group(group_id)
            .iter()
            .flat_map(|t| t.iter())
        {
            for &partition in partitions.keys() {
                records.push(offset_tombstone(group_id, topic, partition));
            }
        }
        for (topic, partition) in offsets.open.partitions_of(group_id) {
            if offsets.committed.get(group_id, &topic, partition).is_none() {
                records.push(offset_tombstone(group_id, &topic, partition));
            }
        }
    }
}

fn delete_topics(offsets: &Offsets, deleted: &[(Name, Uuid)], records: &mut Vec<Record>) {
    for (group_id, topics) in offsets.groups() {
        for (name, id) in deleted {
            for (&partition, offset) in topics.get(&**name).iter().flat_map(|p| p.iter()) {
                let written = offset.value.topic_id;
                if written.is_zero() || written == *id {
                    records.push(offset_tombstone(group_id, name, partition));
                }
            }
        }
    }
}

fn is_expired(offset: &OffsetAndMetadata, base: &Base, now_ms: Ms, retention_ms: Ms) -> bool {
    if let Some(expire_ms) = offset.value.expire_timestamp {
        // an old client named its own retention time
        return now_ms >= expire_ms;
    }
    let commit_ms = offset.value.commit_timestamp;
    let since_ms = match base {
        Base::Since(since_ms) => since_ms.unwrap_or(commit_ms),
        Base::Commit => commit_ms,
    };
    now_ms - since_ms >= retention_ms
}
