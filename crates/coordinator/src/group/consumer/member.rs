//! A member of a consumer group as the log knows it (`ConsumerGroupMember`).

use crate::group::record::{
    AssignedPartitions, ClassicMemberMetadata, CurrentAssignmentValue, MemberMetadataValue,
    MemberState,
};
use protocol::Name;
use std::collections::BTreeSet;

/// Epoch with which a member leaves.
pub const LEAVE_GROUP_MEMBER_EPOCH: i32 = -1;
/// Epoch with which a static member leaves for a while.
pub const LEAVE_GROUP_STATIC_MEMBER_EPOCH: i32 = -2;

#[derive(Clone, Debug, PartialEq)]
pub struct ConsumerMember {
    pub member_id: Name,
    pub member_epoch: i32,
    pub previous_member_epoch: i32,
    pub state: MemberState,
    pub instance_id: Option<Name>,
    pub rack_id: Option<Name>,
    pub rebalance_timeout_ms: i32,
    pub client_id: Name,
    pub client_host: Name,
    pub subscribed_topic_names: BTreeSet<Name>,
    /// `None` or "" = none.
    pub subscribed_topic_regex: Option<Name>,
    pub server_assignor: Option<Name>,
    pub assigned: AssignedPartitions,
    pub pending_revocation: AssignedPartitions,
    /// Set while the member speaks the classic protocol.
    pub classic: Option<ClassicMemberMetadata>,
}

impl ConsumerMember {
    pub fn new(member_id: Name) -> Self {
        Self {
            member_id,
            member_epoch: 0,
            previous_member_epoch: -1,
            state: MemberState::Stable,
            instance_id: None,
            rack_id: None,
            rebalance_timeout_ms: -1,
            client_id: "".into(),
            client_host: "".into(),
            subscribed_topic_names: BTreeSet::new(),
            subscribed_topic_regex: Some("".into()),
            server_assignor: None,
            assigned: AssignedPartitions::new(),
            pending_revocation: AssignedPartitions::new(),
            classic: None,
        }
    }

    pub const fn uses_classic_protocol(&self) -> bool {
        self.classic.is_some()
    }

    /// The regular expression that it subscribes to, if any.
    pub fn regex(&self) -> Option<&Name> {
        self.subscribed_topic_regex
            .as_ref()
            .filter(|r| !r.is_empty())
    }

    /// It has what the target of that epoch gives it.
    pub fn is_reconciled_to(&self, target_assignment_epoch: i32) -> bool {
        self.state == MemberState::Stable && self.member_epoch == target_assignment_epoch
    }

    /// Moves to an epoch and remembers the one before, even where they are equal.
    pub fn update_member_epoch(&mut self, epoch: i32) {
        self.previous_member_epoch = self.member_epoch;
        self.member_epoch = epoch;
    }

    /// The first protocol that it offered as a classic member, and its metadata.
    pub fn first_classic_protocol(&self) -> Option<&(Name, bytes::Bytes)> {
        self.classic.as_ref()?.supported_protocols.first()
    }

    /// Takes over the metadata of a record.
    pub fn update_with_metadata(&mut self, value: &MemberMetadataValue) {
        self.instance_id = value.instance_id.clone();
        self.rack_id = value.rack_id.clone();
        self.client_id = value.client_id.clone();
        self.client_host = value.client_host.clone();
        self.subscribed_topic_names = value.subscribed_topic_names.iter().cloned().collect();
        self.subscribed_topic_regex = value.subscribed_topic_regex.clone();
        self.rebalance_timeout_ms = value.rebalance_timeout_ms;
        self.server_assignor = value.server_assignor.clone();
        self.classic = value.classic_member_metadata.clone();
    }

    /// Takes over the assignment of a record.
    pub fn update_with_assignment(&mut self, value: &CurrentAssignmentValue) {
        self.member_epoch = value.member_epoch;
        self.previous_member_epoch = value.previous_member_epoch;
        self.state = value.state;
        self.assigned = value.assigned_partitions.clone();
        self.pending_revocation = value.partitions_pending_revocation.clone();
    }

    pub fn metadata_value(&self) -> MemberMetadataValue {
        MemberMetadataValue {
            instance_id: self.instance_id.clone(),
            rack_id: self.rack_id.clone(),
            client_id: self.client_id.clone(),
            client_host: self.client_host.clone(),
            subscribed_topic_names: self.subscribed_topic_names.iter().cloned().collect(),
            subscribed_topic_regex: self.subscribed_topic_regex.clone(),
            rebalance_timeout_ms: self.rebalance_timeout_ms,
            server_assignor: self.server_assignor.clone(),
            classic_member_metadata: self.classic.clone(),
        }
    }

    pub fn assignment_value(&self) -> CurrentAssignmentValue {
        CurrentAssignmentValue {
            member_epoch: self.member_epoch,
            previous_member_epoch: self.previous_member_epoch,
            state: self.state,
            assigned_partitions: self.assigned.clone(),
            partitions_pending_revocation: self.pending_revocation.clone(),
        }
    }
}
