//! The records of `__consumer_offsets`: what each type's key and value say.
//!
//! Nothing here knows when a record is written; `record_codec` knows its bytes. A record whose value is `None` is a
//! tombstone.

use bytes::Bytes;
use protocol::{Ms, Name, Uuid};
use std::collections::BTreeMap;

/// A topic id that sorts by its text, the order in which Kafka's lists of topics are kept here.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TopicId(pub Uuid);

impl TopicId {
    fn text_rank(self) -> [u8; 22] {
        let mut rank = [0u8; 22];
        for (i, slot) in rank.iter_mut().enumerate() {
            let digit = if i == 21 {
                (self.0.0 << 4) & 63
            } else {
                (self.0.0 >> (122 - 6 * i)) & 63
            } as u8;
            // by character: '-' < digits < upper case < '_' < lower case
            *slot = match digit {
                62 => 0,
                52..=61 => digit - 51,
                0..=25 => digit + 11,
                63 => 37,
                _ => digit + 12,
            };
        }
        rank
    }
}

impl Ord for TopicId {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.text_rank().cmp(&other.text_rank())
    }
}

impl PartialOrd for TopicId {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl std::fmt::Debug for TopicId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(&self.0, f)
    }
}

/// Partitions by topic id: a target.
pub type Partitions = BTreeMap<TopicId, std::collections::BTreeSet<i32>>;

/// Partitions by topic id, each with the epoch at which it was assigned.
pub type AssignedPartitions = BTreeMap<TopicId, BTreeMap<i32, i32>>;

/// One record of the group coordinator (`CoordinatorRecord`, `CoordinatorRecordType`).
#[derive(Clone, Debug, PartialEq)]
pub enum Record {
    OffsetCommit {
        group: Name,
        topic: Name,
        partition: i32,
        value: Option<OffsetCommitValue>,
    },
    GroupMetadata {
        group: Name,
        value: Option<GroupMetadataValue>,
    },
    ConsumerGroupMetadata {
        group_id: Name,
        value: Option<ConsumerGroupMetadataValue>,
    },
    /// Obsolete since 4.1: only its tombstones are written, and it says nothing that is still read.
    ConsumerGroupPartitionMetadata {
        group_id: Name,
        /// A value of an older broker is in the log.
        present: bool,
    },
    ConsumerGroupMemberMetadata {
        group_id: Name,
        member_id: Name,
        value: Option<MemberMetadataValue>,
    },
    ConsumerGroupTargetAssignmentMetadata {
        group_id: Name,
        value: Option<TargetAssignmentMetadataValue>,
    },
    ConsumerGroupTargetAssignmentMember {
        group_id: Name,
        member_id: Name,
        value: Option<Partitions>,
    },
    ConsumerGroupCurrentMemberAssignment {
        group_id: Name,
        member_id: Name,
        value: Option<CurrentAssignmentValue>,
    },
    ConsumerGroupRegularExpression {
        group_id: Name,
        regular_expression: Name,
        value: Option<RegularExpressionValue>,
    },
}

/// A committed offset as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OffsetCommitValue {
    pub offset: i64,
    /// −1 = none.
    pub leader_epoch: i32,
    pub metadata: Name,
    pub commit_timestamp: Ms,
    /// Set where the request named a retention time; the record is then of version 1 and holds no leader epoch or topic id.
    pub expire_timestamp: Option<Ms>,
    /// Zero = none.
    pub topic_id: Uuid,
}

/// A classic group as it is written, either stable or empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupMetadataValue {
    /// "" = none.
    pub protocol_type: Name,
    pub generation: i32,
    pub protocol: Option<Name>,
    pub leader: Option<Name>,
    /// −1 = none.
    pub current_state_timestamp: Ms,
    pub members: Vec<ClassicMemberValue>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClassicMemberValue {
    pub member_id: Name,
    pub group_instance_id: Option<Name>,
    pub client_id: Name,
    pub client_host: Name,
    /// Milliseconds; −1 (written by old brokers) means the session timeout.
    pub rebalance_timeout: i32,
    /// Milliseconds.
    pub session_timeout: i32,
    pub subscription: Bytes,
    pub assignment: Bytes,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConsumerGroupMetadataValue {
    pub epoch: i32,
    pub metadata_hash: i64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberMetadataValue {
    pub instance_id: Option<Name>,
    pub rack_id: Option<Name>,
    pub client_id: Name,
    pub client_host: Name,
    /// Sorted.
    pub subscribed_topic_names: Vec<Name>,
    pub subscribed_topic_regex: Option<Name>,
    pub rebalance_timeout_ms: i32,
    pub server_assignor: Option<Name>,
    pub classic_member_metadata: Option<ClassicMemberMetadata>,
}

/// What a member that speaks the classic protocol offered when it joined a consumer group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClassicMemberMetadata {
    pub session_timeout_ms: i32,
    /// In the member's order of preference.
    pub supported_protocols: Vec<(Name, Bytes)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TargetAssignmentMetadataValue {
    pub assignment_epoch: i32,
    /// 0 = never computed.
    pub assignment_timestamp: Ms,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CurrentAssignmentValue {
    pub member_epoch: i32,
    pub previous_member_epoch: i32,
    pub state: MemberState,
    pub assigned_partitions: AssignedPartitions,
    pub partitions_pending_revocation: AssignedPartitions,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegularExpressionValue {
    /// Sorted.
    pub topics: Vec<Name>,
    /// Of the metadata image that it was matched against.
    pub version: i64,
    pub timestamp: Ms,
}

/// Where a member stands between its assignment and its target (`MemberState`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum MemberState {
    #[default]
    Stable,
    /// It has to give up partitions first.
    UnrevokedPartitions,
    /// It waits for partitions that others still hold.
    UnreleasedPartitions,
    /// Written by a broker that knows more states.
    Unknown,
}

impl MemberState {
    pub const fn code(self) -> i8 {
        match self {
            Self::Stable => 0,
            Self::UnrevokedPartitions => 1,
            Self::UnreleasedPartitions => 2,
            Self::Unknown => 127,
        }
    }

    pub const fn from_code(code: i8) -> Self {
        match code {
            0 => Self::Stable,
            1 => Self::UnrevokedPartitions,
            2 => Self::UnreleasedPartitions,
            _ => Self::Unknown,
        }
    }

    /// Kafka's name of it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Stable => "STABLE",
            Self::UnrevokedPartitions => "UNREVOKED_PARTITIONS",
            Self::UnreleasedPartitions => "UNRELEASED_PARTITIONS",
            Self::Unknown => "UNKNOWN",
        }
    }
}

impl Record {
    /// `CoordinatorRecordType`, by name.
    pub const fn type_name(&self) -> &'static str {
        match self {
            Self::OffsetCommit { .. } => "OFFSET_COMMIT",
            Self::GroupMetadata { .. } => "GROUP_METADATA",
            Self::ConsumerGroupMetadata { .. } => "CONSUMER_GROUP_METADATA",
            Self::ConsumerGroupPartitionMetadata { .. } => "CONSUMER_GROUP_PARTITION_METADATA",
            Self::ConsumerGroupMemberMetadata { .. } => "CONSUMER_GROUP_MEMBER_METADATA",
            Self::ConsumerGroupTargetAssignmentMetadata { .. } => {
                "CONSUMER_GROUP_TARGET_ASSIGNMENT_METADATA"
            }
            Self::ConsumerGroupTargetAssignmentMember { .. } => {
                "CONSUMER_GROUP_TARGET_ASSIGNMENT_MEMBER"
            }
            Self::ConsumerGroupCurrentMemberAssignment { .. } => {
                "CONSUMER_GROUP_CURRENT_MEMBER_ASSIGNMENT"
            }
            Self::ConsumerGroupRegularExpression { .. } => "CONSUMER_GROUP_REGULAR_EXPRESSION",
        }
    }

    /// `CoordinatorRecordType.id`: the number that the key begins with.
    pub const fn type_id(&self) -> i16 {
        match self {
            Self::OffsetCommit { .. } => 1,
            Self::GroupMetadata { .. } => 2,
            Self::ConsumerGroupMetadata { .. } => 3,
            Self::ConsumerGroupPartitionMetadata { .. } => 4,
            Self::ConsumerGroupMemberMetadata { .. } => 5,
            Self::ConsumerGroupTargetAssignmentMetadata { .. } => 6,
            Self::ConsumerGroupTargetAssignmentMember { .. } => 7,
            Self::ConsumerGroupCurrentMemberAssignment { .. } => 8,
            Self::ConsumerGroupRegularExpression { .. } => 16,
        }
    }

    /// The group that the record is about.
    pub const fn group_id(&self) -> &Name {
        match self {
            Self::OffsetCommit { group, .. } | Self::GroupMetadata { group, .. } => group,
            Self::ConsumerGroupMetadata { group_id, .. }
            | Self::ConsumerGroupPartitionMetadata { group_id, .. }
            | Self::ConsumerGroupMemberMetadata { group_id, .. }
            | Self::ConsumerGroupTargetAssignmentMetadata { group_id, .. }
            | Self::ConsumerGroupTargetAssignmentMember { group_id, .. }
            | Self::ConsumerGroupCurrentMemberAssignment { group_id, .. }
            | Self::ConsumerGroupRegularExpression { group_id, .. } => group_id,
        }
    }

    /// Version of the value; `None` for a tombstone.
    pub const fn value_version(&self) -> Option<i16> {
        match self {
            Self::OffsetCommit { value: Some(v), .. } => {
                Some(if v.expire_timestamp.is_some() { 1 } else { 4 })
            }
            Self::GroupMetadata { value: Some(_), .. } => Some(3),
            Self::ConsumerGroupMetadata { value: Some(_), .. }
            | Self::ConsumerGroupPartitionMetadata { present: true, .. }
            | Self::ConsumerGroupMemberMetadata { value: Some(_), .. }
            | Self::ConsumerGroupTargetAssignmentMetadata { value: Some(_), .. }
            | Self::ConsumerGroupTargetAssignmentMember { value: Some(_), .. }
            | Self::ConsumerGroupCurrentMemberAssignment { value: Some(_), .. }
            | Self::ConsumerGroupRegularExpression { value: Some(_), .. } => Some(0),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topic_ids_sort_by_their_text() {
        let ids = [
            0u128,
            1,
            208,
            112,
            177,
            u128::MAX,
            62 << 122,
            1 << 100,
            63 << 122,
        ];
        let mut by_rank: Vec<_> = ids.map(|n| TopicId(Uuid(n))).into();
        let mut by_text = by_rank.clone();
        by_rank.sort();
        by_text.sort_by_key(|id| id.0.to_string());
        assert_eq!(by_rank, by_text);
    }
}
