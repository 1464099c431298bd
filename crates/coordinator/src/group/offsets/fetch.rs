//! OffsetFetch of one group (`OffsetMetadataManager.fetchOffsets`, `fetchAllOffsets`).

use super::table::{OffsetAndMetadata, PartitionOffsets};
use crate::group::coordinator::Coordinator;
use crate::group::state::{Group, State};
use protocol::messages::*;
use protocol::{ErrorCode, LeaderEpoch, Offset, Uuid};

impl Coordinator {
    /// Reads offsets of a group from a version of the state: the replicated one, or the newest where pending transactional
    /// offsets count too (`require_stable`).
    pub(in crate::group) fn fetch_offsets(
        &self,
        state: &State,
        request: &OffsetFetchRequestGroup,
        require_stable: bool,
    ) -> Result<OffsetFetchResponseGroup, ErrorCode> {
        let group_id = &request.group_id;
        let known = match state.group(group_id) {
            None => false,
            Some(Group::Classic(_)) => true,
            Some(Group::Consumer(group)) => {
                // administrators name no member
                if request.member_id.is_some() || request.member_epoch >= 0 {
                    let member_id = request.member_id.as_deref().unwrap_or_default();
                    let member = group.member(member_id)?;
                    if request.member_epoch != member.member_epoch {
                        return Err(if member.uses_classic_protocol() {
                            ErrorCode::IllegalGeneration
                        } else {
                            ErrorCode::StaleMemberEpoch
                        });
                    }
                }
                true
            }
        };
        let committed = known
            .then(|| state.offsets.committed.group(group_id))
            .flatten();
        let unstable = |topic: &str, partition: i32| {
            require_stable && state.offsets.open.contains(group_id, topic, partition)
        };
        let topics = match &request.topics {
            Some(topics) => topics
                .iter()
                .map(|topic| {
                    let offsets = committed.and_then(|topics| topics.get(&*topic.name));
                    let partitions = topic.partition_indexes.iter().map(|&index| {
                        let offset = offsets.and_then(|o| o.get(&index));
                        let offset = offset.filter(|o| is_of_topic(o, topic.topic_id));
                        answer(index, offset, known && unstable(&topic.name, index))
                    });
                    OffsetFetchResponseTopic {
                        name: topic.name.clone(),
                        topic_id: topic.topic_id,
                        partitions: partitions.collect(),
                    }
                })
                .collect(),
            None => {
                // Kafka's order is that of its hash tables; by name and number is as good
                let offsets = committed.iter().flat_map(|topics| topics.iter());
                let mut all: Vec<(_, &PartitionOffsets)> = offsets.collect();
                all.sort_by_key(|(name, _)| (*name).clone());
                all.into_iter()
                    .map(|(name, offsets)| {
                        let mut partitions: Vec<_> = offsets
                            .iter()
                            .map(|(&index, offset)| {
                                answer(index, Some(offset), unstable(name, index))
                            })
                            .collect();
                        partitions.sort_by_key(|p| p.partition_index);
                        OffsetFetchResponseTopic {
                            name: name.clone(),
                            topic_id: Uuid::ZERO,
                            partitions,
                        }
                    })
                    .collect()
            }
        };
        Ok(OffsetFetchResponseGroup {
            group_id: group_id.clone(),
            topics,
            error: ErrorCode::None,
        })
    }
}

/// An offset of an earlier topic of the same name does not count, where both ids are known.
fn is_of_topic(offset: &OffsetAndMetadata, expected: Uuid) -> bool {
    let written = offset.value.topic_id;
    written.is_zero() || expected.is_zero() || written == expected
}

fn answer(
    partition_index: i32,
    offset: Option<&OffsetAndMetadata>,
    unstable: bool,
) -> OffsetFetchResponsePartition {
    let none = OffsetFetchResponsePartition {
        partition_index,
        metadata: Some("".into()),
        ..Default::default()
    };
    match offset {
        _ if unstable => OffsetFetchResponsePartition {
            error: ErrorCode::UnstableOffsetCommit,
            ..none
        },
        None => none,
        Some(offset) => OffsetFetchResponsePartition {
            committed_offset: Offset(offset.value.offset),
            committed_leader_epoch: LeaderEpoch(offset.value.leader_epoch),
            metadata: Some(offset.value.metadata.clone()),
            ..none
        },
    }
}
