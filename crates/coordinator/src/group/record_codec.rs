//! Bytes of the records of `__consumer_offsets` (`GroupCoordinatorRecordSerde` and the generated record schemas).
//!
//! A key is its type and plain fields; a value is its version and fields, plain or with tagged fields as the version says.

use super::bytes_io::{Malformed, Reader, Writer};
use super::record::*;
use bytes::Bytes;
use protocol::Uuid;
use std::collections::{BTreeMap, BTreeSet};

impl Record {
    /// The key's bytes.
    pub fn key_bytes(&self) -> Bytes {
        let mut w = Writer::default();
        w.int16(self.type_id()).string(self.group_id());
        match self {
            Self::OffsetCommit {
                topic, partition, ..
            } => {
                w.string(topic).int32(*partition);
            }
            Self::ConsumerGroupMemberMetadata { member_id, .. }
            | Self::ConsumerGroupTargetAssignmentMember { member_id, .. }
            | Self::ConsumerGroupCurrentMemberAssignment { member_id, .. } => {
                w.string(member_id);
            }
            Self::ConsumerGroupRegularExpression {
                regular_expression, ..
            } => {
                w.string(regular_expression);
            }
            _ => {}
        }
        w.finish()
    }

    /// The value's bytes; `None` for a tombstone.
    pub fn value_bytes(&self) -> Option<Bytes> {
        let mut w = Writer::default();
        w.int16(self.value_version()?);
        match self {
            Self::OffsetCommit { value, .. } => write_offset(&mut w, value.as_ref()?),
            Self::GroupMetadata { value, .. } => write_group(&mut w, value.as_ref()?),
            Self::ConsumerGroupMetadata { value, .. } => {
                let value = value.as_ref()?;
                let hash = value.metadata_hash;
                w.int32(value.epoch).tags(&tag_unless_zero(hash));
            }
            Self::ConsumerGroupPartitionMetadata { .. } => {
                w.varint(1).tags(&[]);
            }
            Self::ConsumerGroupMemberMetadata { value, .. } => {
                write_member(&mut w, value.as_ref()?)
            }
            Self::ConsumerGroupTargetAssignmentMetadata { value, .. } => {
                let value = value.as_ref()?;
                w.int32(value.assignment_epoch)
                    .tags(&tag_unless_zero(value.assignment_timestamp));
            }
            Self::ConsumerGroupTargetAssignmentMember { value, .. } => {
                let topics = value.as_ref()?;
                w.varint(topics.len() as u32 + 1);
                for (id, partitions) in topics {
                    w.uuid(id.0).varint(partitions.len() as u32 + 1);
                    for partition in partitions {
                        w.int32(*partition);
                    }
                    w.tags(&[]);
                }
                w.tags(&[]);
            }
            Self::ConsumerGroupCurrentMemberAssignment { value, .. } => {
                let value = value.as_ref()?;
                w.int32(value.member_epoch)
                    .int32(value.previous_member_epoch)
                    .int8(value.state.code());
                write_assigned(&mut w, &value.assigned_partitions);
                write_assigned(&mut w, &value.partitions_pending_revocation);
                w.tags(&[]);
            }
            Self::ConsumerGroupRegularExpression { value, .. } => {
                let value = value.as_ref()?;
                w.varint(value.topics.len() as u32 + 1);
                for topic in &value.topics {
                    w.compact_string(topic);
                }
                w.int64(value.version).int64(value.timestamp).tags(&[]);
            }
        }
        Some(w.finish())
    }

    /// Reads a record of the log. `Ok(None)`: a type of another kind of group, or of a newer broker, which is skipped.
    pub fn decode(key: Bytes, value: Option<Bytes>) -> Result<Option<Record>, Malformed> {
        let mut k = Reader::new(key);
        let record = match k.int16()? {
            // version 0 of the offset key is read like version 1
            0 | 1 => Self::OffsetCommit {
                group: k.string()?,
                topic: k.string()?,
                partition: k.int32()?,
                value: value.map(read_offset).transpose()?,
            },
            2 => Self::GroupMetadata {
                group: k.string()?,
                value: value.map(read_group).transpose()?,
            },
            3 => Self::ConsumerGroupMetadata {
                group_id: k.string()?,
                value: value.map(read_group_epoch).transpose()?,
            },
            4 => Self::ConsumerGroupPartitionMetadata {
                group_id: k.string()?,
                present: value.is_some(),
            },
            5 => Self::ConsumerGroupMemberMetadata {
                group_id: k.string()?,
                member_id: k.string()?,
                value: value.map(read_member).transpose()?,
            },
            6 => Self::ConsumerGroupTargetAssignmentMetadata {
                group_id: k.string()?,
                value: value.map(read_target_metadata).transpose()?,
            },
            7 => Self::ConsumerGroupTargetAssignmentMember {
                group_id: k.string()?,
                member_id: k.string()?,
                value: value.map(read_target).transpose()?,
            },
            8 => Self::ConsumerGroupCurrentMemberAssignment {
                group_id: k.string()?,
                member_id: k.string()?,
                value: value.map(read_current).transpose()?,
            },
            16 => Self::ConsumerGroupRegularExpression {
                group_id: k.string()?,
                regular_expression: k.string()?,
                value: value.map(read_expression).transpose()?,
            },
            _ => return Ok(None),
        };
        Ok(Some(record))
    }
}

/// Tag 0 with an int64, left out at its default.
fn tag_unless_zero(value: i64) -> Vec<(u32, Bytes)> {
    if value == 0 {
        Vec::new()
    } else {
        vec![(0, Bytes::copy_from_slice(&value.to_be_bytes()))]
    }
}

fn tag_int64(tags: &[(u32, Bytes)]) -> Result<i64, Malformed> {
    match tags.iter().find(|(tag, _)| *tag == 0) {
        Some((_, bytes)) => Reader::new(bytes.clone()).int64(),
        None => Ok(0),
    }
}

fn write_offset(w: &mut Writer, value: &OffsetCommitValue) {
    w.int64(value.offset);
    if let Some(expire) = value.expire_timestamp {
        w.string(&value.metadata)
            .int64(value.commit_timestamp)
            .int64(expire);
        return;
    }
    w.int32(value.leader_epoch)
        .compact_string(&value.metadata)
        .int64(value.commit_timestamp);
    let tags = if value.topic_id.is_zero() {
        Vec::new()
    } else {
        vec![(0, Bytes::copy_from_slice(&value.topic_id.0.to_be_bytes()))]
    };
    w.tags(&tags);
}

fn read_offset(bytes: Bytes) -> Result<OffsetCommitValue, Malformed> {
    let mut r = Reader::new(bytes);
    let version = r.int16()?;
    let offset = r.int64()?;
    let leader_epoch = if version >= 3 { r.int32()? } else { -1 };
    let metadata = if version >= 4 {
        r.compact_string()?
    } else {
        r.string()?
    };
    let commit_timestamp = r.int64()?;
    let expire_timestamp = match version {
        1 => Some(r.int64()?).filter(|&expire| expire != -1),
        _ => None,
    };
    let mut topic_id = Uuid::ZERO;
    if version >= 4 {
        for (tag, bytes) in r.tags()? {
            if tag == 0 {
                topic_id = Reader::new(bytes).uuid()?;
            }
        }
    }
    Ok(OffsetCommitValue {
        offset,
        leader_epoch,
        metadata,
        commit_timestamp,
        expire_timestamp,
        topic_id,
    })
}

fn write_group(w: &mut Writer, value: &GroupMetadataValue) {
    w.string(&value.protocol_type)
        .int32(value.generation)
        .nullable_string(value.protocol.as_deref())
        .nullable_string(value.leader.as_deref())
        .int64(value.current_state_timestamp)
        .int32(value.members.len() as i32);
    for member in &value.members {
        w.string(&member.member_id)
            .nullable_string(member.group_instance_id.as_deref())
            .string(&member.client_id)
            .string(&member.client_host)
            .int32(member.rebalance_timeout)
            .int32(member.session_timeout)
            .bytes(&member.subscription)
            .bytes(&member.assignment);
    }
}

fn read_group(bytes: Bytes) -> Result<GroupMetadataValue, Malformed> {
    let mut r = Reader::new(bytes);
    let version = r.int16()?;
    // version 4 is flexible; no broker writes it yet, and it reads like version 3 in compact form
    let compact = version >= 4;
    let text = |r: &mut Reader| {
        if compact {
            r.compact_string()
        } else {
            r.string()
        }
    };
    let nullable = |r: &mut Reader| {
        if compact {
            r.compact_nullable_string()
        } else {
            r.nullable_string()
        }
    };
    let blob = |r: &mut Reader| {
        if compact {
            r.compact_bytes()
        } else {
            r.bytes()
        }
    };
    let protocol_type = text(&mut r)?;
    let generation = r.int32()?;
    let protocol = nullable(&mut r)?;
    let leader = nullable(&mut r)?;
    let current_state_timestamp = if version >= 2 { r.int64()? } else { -1 };
    let count = if compact {
        r.compact_array(16)?
    } else {
        r.array(16)?
    };
    let mut members = Vec::with_capacity(count);
    for _ in 0..count {
        members.push(ClassicMemberValue {
            member_id: text(&mut r)?,
            group_instance_id: if version >= 3 {
                nullable(&mut r)?
            } else {
                None
            },
            client_id: text(&mut r)?,
            client_host: text(&mut r)?,
            rebalance_timeout: if version >= 1 { r.int32()? } else { -1 },
            session_timeout: r.int32()?,
            subscription: blob(&mut r)?,
            assignment: blob(&mut r)?,
        });
        if compact {
            r.tags()?;
        }
    }
    Ok(GroupMetadataValue {
        protocol_type,
        generation,
        protocol,
        leader,
        current_state_timestamp,
        members,
    })
}

fn read_group_epoch(bytes: Bytes) -> Result<ConsumerGroupMetadataValue, Malformed> {
    let mut r = Reader::new(bytes);
    r.int16()?;
    Ok(ConsumerGroupMetadataValue {
        epoch: r.int32()?,
        metadata_hash: tag_int64(&r.tags()?)?,
    })
}

fn read_target_metadata(bytes: Bytes) -> Result<TargetAssignmentMetadataValue, Malformed> {
    let mut r = Reader::new(bytes);
    r.int16()?;
    Ok(TargetAssignmentMetadataValue {
        assignment_epoch: r.int32()?,
        assignment_timestamp: tag_int64(&r.tags()?)?,
    })
}

fn write_member(w: &mut Writer, value: &MemberMetadataValue) {
    w.compact_nullable_string(value.instance_id.as_deref())
        .compact_nullable_string(value.rack_id.as_deref())
        .compact_string(&value.client_id)
        .compact_string(&value.client_host)
        .varint(value.subscribed_topic_names.len() as u32 + 1);
    for name in &value.subscribed_topic_names {
        w.compact_string(name);
    }
    w.compact_nullable_string(value.subscribed_topic_regex.as_deref())
        .int32(value.rebalance_timeout_ms)
        .compact_nullable_string(value.server_assignor.as_deref());
    // the default of tag 0 is not null, so that it is always written: 0 for null, else 1 and the struct
    let mut tag = Writer::default();
    match &value.classic_member_metadata {
        None => {
            tag.varint(0);
        }
        Some(classic) => {
            tag.varint(1)
                .int32(classic.session_timeout_ms)
                .varint(classic.supported_protocols.len() as u32 + 1);
            for (name, metadata) in &classic.supported_protocols {
                tag.compact_string(name).compact_bytes(metadata).tags(&[]);
            }
            tag.tags(&[]);
        }
    }
    w.tags(&[(0, tag.finish())]);
}

fn read_member(bytes: Bytes) -> Result<MemberMetadataValue, Malformed> {
    let mut r = Reader::new(bytes);
    r.int16()?;
    let instance_id = r.compact_nullable_string()?;
    let rack_id = r.compact_nullable_string()?;
    let client_id = r.compact_string()?;
    let client_host = r.compact_string()?;
    let count = r.compact_array(1)?;
    let mut subscribed_topic_names = Vec::with_capacity(count);
    for _ in 0..count {
        subscribed_topic_names.push(r.compact_string()?);
    }
    let subscribed_topic_regex = r.compact_nullable_string()?;
    let rebalance_timeout_ms = r.int32()?;
    let server_assignor = r.compact_nullable_string()?;
    let mut classic_member_metadata = None;
    for (tag, bytes) in r.tags()? {
        if tag == 0 {
            classic_member_metadata = read_classic_metadata(bytes)?;
        }
    }
    Ok(MemberMetadataValue {
        instance_id,
        rack_id,
        client_id,
        client_host,
        subscribed_topic_names,
        subscribed_topic_regex,
        rebalance_timeout_ms,
        server_assignor,
        classic_member_metadata,
    })
}

fn read_classic_metadata(bytes: Bytes) -> Result<Option<ClassicMemberMetadata>, Malformed> {
    let mut r = Reader::new(bytes);
    if r.varint()? == 0 {
        return Ok(None);
    }
    let session_timeout_ms = r.int32()?;
    let count = r.compact_array(3)?;
    let mut supported_protocols = Vec::with_capacity(count);
    for _ in 0..count {
        supported_protocols.push((r.compact_string()?, r.compact_bytes()?));
        r.tags()?;
    }
    Ok(Some(ClassicMemberMetadata {
        session_timeout_ms,
        supported_protocols,
    }))
}

fn read_partitions(r: &mut Reader) -> Result<Vec<i32>, Malformed> {
    let count = r.compact_array(4)?;
    (0..count).map(|_| r.int32()).collect()
}

fn read_target(bytes: Bytes) -> Result<Partitions, Malformed> {
    let mut r = Reader::new(bytes);
    r.int16()?;
    let mut target = Partitions::new();
    for _ in 0..r.compact_array(18)? {
        let id = TopicId(r.uuid()?);
        let partitions: BTreeSet<i32> = read_partitions(&mut r)?.into_iter().collect();
        target.insert(id, partitions);
        r.tags()?;
    }
    Ok(target)
}

fn write_assigned(w: &mut Writer, assigned: &AssignedPartitions) {
    w.varint(assigned.len() as u32 + 1);
    for (id, partitions) in assigned {
        w.uuid(id.0).varint(partitions.len() as u32 + 1);
        for partition in partitions.keys() {
            w.int32(*partition);
        }
        let mut epochs = Writer::default();
        epochs.varint(partitions.len() as u32 + 1);
        for epoch in partitions.values() {
            epochs.int32(*epoch);
        }
        if partitions.is_empty() {
            w.tags(&[]);
        } else {
            w.tags(&[(0, epochs.finish())]);
        }
    }
}

/// Records of brokers before 4.3 have no assignment epochs: the member's epoch stands in
/// (`Utils.assignmentFromTopicPartitions`).
fn read_assigned(r: &mut Reader, member_epoch: i32) -> Result<AssignedPartitions, Malformed> {
    let mut assigned = AssignedPartitions::new();
    for _ in 0..r.compact_array(18)? {
        let id = TopicId(r.uuid()?);
        let partitions = read_partitions(r)?;
        let mut epochs = Vec::new();
        for (tag, bytes) in r.tags()? {
            if tag == 0 {
                epochs = read_partitions(&mut Reader::new(bytes))?;
            }
        }
        let known = epochs.len() == partitions.len();
        let with_epochs: BTreeMap<i32, i32> = partitions
            .iter()
            .enumerate()
            .map(|(i, &partition)| {
                (
                    partition,
                    if known {
                        epochs[i]
                    } else {
                        member_epoch.max(0)
                    },
                )
            })
            .collect();
        assigned.insert(id, with_epochs);
    }
    Ok(assigned)
}

fn read_current(bytes: Bytes) -> Result<CurrentAssignmentValue, Malformed> {
    let mut r = Reader::new(bytes);
    r.int16()?;
    let member_epoch = r.int32()?;
    Ok(CurrentAssignmentValue {
        member_epoch,
        previous_member_epoch: r.int32()?,
        state: MemberState::from_code(r.int8()?),
        assigned_partitions: read_assigned(&mut r, member_epoch)?,
        partitions_pending_revocation: read_assigned(&mut r, member_epoch)?,
    })
}

fn read_expression(bytes: Bytes) -> Result<RegularExpressionValue, Malformed> {
    let mut r = Reader::new(bytes);
    r.int16()?;
    let count = r.compact_array(1)?;
    let mut topics = Vec::with_capacity(count);
    for _ in 0..count {
        topics.push(r.compact_string()?);
    }
    Ok(RegularExpressionValue {
        topics,
        version: r.int64()?,
        timestamp: r.int64()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|b| format!("{b:02x}")).collect()
    }

    /// G2: the record that a refused first join leaves.
    #[test]
    fn an_empty_group_is_written_as_kafka_does() {
        let record = Record::GroupMetadata {
            group: "g".into(),
            value: Some(GroupMetadataValue {
                protocol_type: "".into(),
                generation: 0,
                protocol: None,
                leader: None,
                current_state_timestamp: 1_700_000_000_000,
                members: vec![],
            }),
        };
        assert_eq!(hex(&record.key_bytes()), "0002000167");
        let value = record.value_bytes().expect("not a tombstone");
        assert_eq!(
            hex(&value),
            "0003000000000000ffffffff0000018bcfe5680000000000"
        );
        assert_eq!(
            Record::decode(record.key_bytes(), Some(value)),
            Ok(Some(record))
        );
    }

    #[test]
    fn assignments_survive_their_bytes() {
        let id = TopicId(Uuid(112));
        let record = Record::ConsumerGroupCurrentMemberAssignment {
            group_id: "g".into(),
            member_id: "m1-an".into(),
            value: Some(CurrentAssignmentValue {
                member_epoch: 3,
                previous_member_epoch: 2,
                state: MemberState::UnrevokedPartitions,
                assigned_partitions: BTreeMap::from([(id, BTreeMap::from([(0, 2), (1, 3)]))]),
                partitions_pending_revocation: BTreeMap::from([(id, BTreeMap::from([(2, 2)]))]),
            }),
        };
        let value = record.value_bytes();
        assert_eq!(Record::decode(record.key_bytes(), value), Ok(Some(record)));
    }

    #[test]
    fn a_count_larger_than_the_bytes_is_refused() {
        let value = Bytes::from_static(&[0, 0, 0xff, 0xff, 0xff, 0xff, 0x0f]);
        let key = Record::ConsumerGroupTargetAssignmentMember {
            group_id: "g".into(),
            member_id: "m".into(),
            value: None,
        };
        assert!(Record::decode(key.key_bytes(), Some(value)).is_err());
    }
}
