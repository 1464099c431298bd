//! OffsetCommit, TxnOffsetCommit and OffsetDelete (`OffsetMetadataManager`).

use crate::group::classic::{ClassicGroup, ClassicGroupState};
use crate::group::consumer::{ConsumerGroup, ConsumerMember};
use crate::group::coordinator::{Coordinator, Outcome, Step};
use crate::group::record::{OffsetCommitValue, Record, TopicId};
use crate::group::request::RequestContext;
use crate::group::state::Group;
use protocol::messages::*;
use protocol::{ErrorCode, Name, Uuid};
use std::sync::Arc;

/// From this version on consumers of the new protocol may commit, and an unknown group has its own error.
const CONSUMER_PROTOCOL_COMMIT_VERSION: i16 = 9;

/// Whose commit it is, as far as the check needs it.
struct Committer<'a> {
    group_id: &'a Name,
    member_id: &'a str,
    instance_id: Option<&'a Name>,
    /// Generation or member epoch; negative = none.
    epoch: i32,
    is_transactional: bool,
    api_version: i16,
}

/// What has to hold of each partition: nothing, or that this member had it at this epoch (KIP-1251).
enum Validator {
    Any,
    Assigned(Arc<ConsumerMember>, i32),
}

impl Validator {
    fn check(&self, topic: Uuid, partition: i32) -> Result<(), ErrorCode> {
        let Self::Assigned(member, epoch) = self else {
            return Ok(());
        };
        let holds = |assigned: &crate::group::record::AssignedPartitions| {
            assigned
                .get(&TopicId(topic))
                .and_then(|p| p.get(&partition))
                .copied()
        };
        let assigned_at = holds(&member.assigned).or_else(|| holds(&member.pending_revocation));
        match assigned_at {
            Some(assigned_at) if *epoch >= assigned_at => Ok(()),
            _ if member.uses_classic_protocol() => Err(ErrorCode::IllegalGeneration),
            _ => Err(ErrorCode::StaleMemberEpoch),
        }
    }
}

/// `ClassicGroup.validateOffsetCommit`.
fn validate_classic(group: &ClassicGroup, c: &Committer) -> Result<(), ErrorCode> {
    if group.is(ClassicGroupState::Dead) {
        return Err(ErrorCode::CoordinatorNotAvailable);
    }
    if c.epoch < 0 && group.is_empty() {
        return Ok(());
    }
    if c.epoch >= 0 || !c.member_id.is_empty() || c.instance_id.is_some() {
        group.validate_member(c.member_id, c.instance_id)?;
        if c.epoch != group.generation_id {
            return Err(ErrorCode::IllegalGeneration);
        }
    } else if !c.is_transactional && !group.is_empty() {
        return Err(ErrorCode::UnknownMemberId);
    }
    if !c.is_transactional && group.is(ClassicGroupState::CompletingRebalance) {
        // the member has to learn its new assignment before it commits again
        return Err(ErrorCode::RebalanceInProgress);
    }
    Ok(())
}

/// `ConsumerGroup.validateOffsetCommit`.
fn validate_consumer(group: &ConsumerGroup, c: &Committer) -> Result<Validator, ErrorCode> {
    if c.epoch < 0 && group.num_members() == 0 {
        return Ok(Validator::Any);
    }
    if c.is_transactional && c.epoch == -1 && c.member_id.is_empty() && c.instance_id.is_none() {
        return Ok(Validator::Any);
    }
    let member = group.member(c.member_id)?;
    let classic = member.uses_classic_protocol();
    if !c.is_transactional && !classic && c.api_version < CONSUMER_PROTOCOL_COMMIT_VERSION {
        return Err(ErrorCode::UnsupportedVersion);
    }
    match c.epoch.cmp(&member.member_epoch) {
        std::cmp::Ordering::Equal => Ok(Validator::Any),
        std::cmp::Ordering::Greater if classic => Err(ErrorCode::IllegalGeneration),
        std::cmp::Ordering::Greater => Err(ErrorCode::StaleMemberEpoch),
        std::cmp::Ordering::Less => Ok(Validator::Assigned(member.clone(), c.epoch)),
    }
}

impl Coordinator {
    fn validate_commit(&mut self, c: &Committer, step: &mut Step) -> Result<Validator, ErrorCode> {
        if self.state().group(c.group_id).is_none() {
            if c.epoch >= 0 {
                let known =
                    !c.is_transactional && c.api_version >= CONSUMER_PROTOCOL_COMMIT_VERSION;
                return Err(if known {
                    ErrorCode::GroupIdNotFound
                } else {
                    ErrorCode::IllegalGeneration
                });
            }
            // somebody without a group: it becomes a simple one
            self.create_classic_group(c.group_id, step.now_ms());
        }
        let checked = match self.state().group(c.group_id) {
            Some(Group::Consumer(group)) => validate_consumer(group, c),
            _ => self
                .with_classic(c.group_id, |this, _, group| {
                    validate_classic(group, c)?;
                    let renews = matches!(
                        group.state(),
                        ClassicGroupState::Stable | ClassicGroupState::PreparingRebalance
                    );
                    if !c.is_transactional && renews {
                        this.reschedule_heartbeat(group, c.member_id, step);
                    }
                    Ok(Validator::Any)
                })
                .unwrap_or(Err(ErrorCode::GroupIdNotFound)),
        };
        match checked {
            // transactional producers do not know epochs of members
            Err(ErrorCode::StaleMemberEpoch) if c.is_transactional => {
                Err(ErrorCode::IllegalGeneration)
            }
            checked => checked,
        }
    }

    fn is_metadata_too_large(&self, metadata: Option<&Name>) -> bool {
        metadata.is_some_and(|m| m.encode_utf16().count() > self.config.offset_metadata_max_size)
    }

    pub(in crate::group) fn commit_offset(
        &mut self,
        context: &RequestContext,
        request: &OffsetCommitRequest,
        step: &mut Step,
    ) -> Result<(Outcome, OffsetCommitResponse), ErrorCode> {
        let committer = Committer {
            group_id: &request.group_id,
            member_id: &request.member_id,
            instance_id: request.group_instance_id.as_ref(),
            epoch: request.generation_id_or_member_epoch,
            is_transactional: false,
            api_version: context.api_version,
        };
        let validator = self.validate_commit(&committer, step)?;
        let now_ms = step.now_ms();
        let expire_timestamp = match request.retention_time_ms {
            -1 => None,
            retention_ms => Some(now_ms + retention_ms),
        };
        let value = |topic: &OffsetCommitRequestTopic| (expire_timestamp, topic.topic_id);
        let (records, topics) = self.commit_topics(
            &request.group_id,
            &request.topics,
            &validator,
            now_ms,
            |t| Ok((value(t), t.topic_id)),
        )?;
        let response = OffsetCommitResponse {
            topics,
            ..Default::default()
        };
        Ok((Outcome::records(records), response))
    }

    pub(in crate::group) fn commit_transactional_offset(
        &mut self,
        context: &RequestContext,
        request: &TxnOffsetCommitRequest,
        step: &mut Step,
    ) -> Result<(Outcome, TxnOffsetCommitResponse), ErrorCode> {
        let committer = Committer {
            group_id: &request.group_id,
            member_id: &request.member_id,
            instance_id: request.group_instance_id.as_ref(),
            epoch: request.generation_id,
            is_transactional: true,
            api_version: context.api_version,
        };
        let validator = self.validate_commit(&committer, step)?;
        let metadata = step.metadata;
        let committed = self.commit_topics(
            &request.group_id,
            &request.topics,
            &validator,
            step.now_ms(),
            |t| {
                // the request names topics only: the id is looked up, and nothing of it is written
                let id = metadata.topic(&t.name).map_or(Uuid::ZERO, |topic| topic.id);
                if id.is_zero() && matches!(validator, Validator::Assigned(..)) {
                    return Err(ErrorCode::IllegalGeneration);
                }
                Ok(((None, Uuid::ZERO), id))
            },
        );
        let (records, topics) = committed.map_err(|error| match error {
            ErrorCode::StaleMemberEpoch => ErrorCode::IllegalGeneration,
            error => error,
        })?;
        let response = TxnOffsetCommitResponse {
            topics,
            ..Default::default()
        };
        Ok((Outcome::records(records), response))
    }

    /// Records and answers of a commit. `ids` gives, for a topic, what is written (expire timestamp, topic id) and the id
    /// under which the member's assignment is looked up.
    #[allow(clippy::type_complexity)]
    fn commit_topics(
        &self,
        group_id: &Name,
        topics: &[OffsetCommitRequestTopic],
        validator: &Validator,
        now_ms: protocol::Ms,
        ids: impl Fn(&OffsetCommitRequestTopic) -> Result<((Option<i64>, Uuid), Uuid), ErrorCode>,
    ) -> Result<(Vec<Record>, Vec<OffsetCommitResponseTopic>), ErrorCode> {
        let mut records = Vec::new();
        let mut answered = Vec::with_capacity(topics.len());
        for topic in topics {
            let ((expire_timestamp, topic_id), assigned_id) = ids(topic)?;
            let mut partitions = Vec::with_capacity(topic.partitions.len());
            for p in &topic.partitions {
                let too_large = self.is_metadata_too_large(p.committed_metadata.as_ref());
                if !too_large {
                    validator.check(assigned_id, p.partition_index)?;
                    records.push(Record::OffsetCommit {
                        group: group_id.clone(),
                        topic: topic.name.clone(),
                        partition: p.partition_index,
                        value: Some(OffsetCommitValue {
                            offset: p.committed_offset.0,
                            leader_epoch: p.committed_leader_epoch.0,
                            metadata: p.committed_metadata.clone().unwrap_or_else(|| "".into()),
                            commit_timestamp: now_ms,
                            expire_timestamp,
                            topic_id,
                        }),
                    });
                }
                partitions.push(OffsetCommitResponsePartition {
                    partition_index: p.partition_index,
                    error: if too_large {
                        ErrorCode::OffsetMetadataTooLarge
                    } else {
                        ErrorCode::None
                    },
                });
            }
            answered.push(OffsetCommitResponseTopic {
                name: topic.name.clone(),
                topic_id: topic.topic_id,
                partitions,
            });
        }
        Ok((records, answered))
    }

    /// Whether a group wants a topic: its offsets neither expire nor can be deleted.
    pub(in crate::group) fn is_subscribed_to_topic(&self, group: &Group, topic: &str) -> bool {
        match group {
            Group::Consumer(group) => group.is_subscribed_to_topic(topic),
            Group::Classic(id) => self
                .soft
                .classic
                .get(id)
                .is_some_and(|group| group.is_subscribed_to_topic(topic)),
        }
    }

    /// Deletes offsets of topics that the group does not want any more (KIP-496).
    pub(in crate::group) fn delete_offsets(
        &self,
        request: &OffsetDeleteRequest,
    ) -> Result<(Outcome, OffsetDeleteResponse), ErrorCode> {
        let group_id = &request.group_id;
        let group = self
            .state()
            .group(group_id)
            .ok_or(ErrorCode::GroupIdNotFound)?;
        if let Group::Classic(id) = group
            && let Some(classic) = self.soft.classic.get(id)
        {
            match classic.state() {
                ClassicGroupState::Dead => return Err(ErrorCode::GroupIdNotFound),
                ClassicGroupState::Empty => {}
                _ if classic.uses_consumer_group_protocol() => {}
                _ => return Err(ErrorCode::NonEmptyGroup),
            }
        }
        let offsets = &self.state().offsets;
        let mut records = Vec::new();
        let mut topics = Vec::with_capacity(request.topics.len());
        for topic in &request.topics {
            let error = if self.is_subscribed_to_topic(group, &topic.name) {
                ErrorCode::GroupSubscribedToTopic
            } else {
                ErrorCode::None
            };
            for p in &topic.partitions {
                let index = p.partition_index;
                let exists = offsets
                    .committed
                    .get(group_id, &topic.name, index)
                    .is_some()
                    || offsets.open.contains(group_id, &topic.name, index);
                if error == ErrorCode::None && exists {
                    records.push(offset_tombstone(group_id, &topic.name, index));
                }
            }
            topics.push(OffsetDeleteResponseTopic {
                name: topic.name.clone(),
                partitions: topic
                    .partitions
                    .iter()
                    .map(|p| OffsetDeleteResponsePartition {
                        partition_index: p.partition_index,
                        error,
                    })
                    .collect(),
            });
        }
        let response = OffsetDeleteResponse {
            topics,
            ..Default::default()
        };
        Ok((Outcome::records(records), response))
    }
}

/// The record that removes an offset.
pub(in crate::group) fn offset_tombstone(group: &Name, topic: &Name, partition: i32) -> Record {
    Record::OffsetCommit {
        group: group.clone(),
        topic: topic.clone(),
        partition,
        value: None,
    }
}
