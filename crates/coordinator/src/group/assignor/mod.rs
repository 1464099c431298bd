//! The broker's assignors: uniform and range (`UniformAssignor`, `RangeAssignor` of the group coordinator).
//!
//! They see members, their subscriptions and what each had, and say what each is to have. They know nothing of epochs.

pub mod heterogeneous;
pub mod homogeneous;
pub mod range;

use super::consumer::SubscriptionType;
use super::record::{Partitions, TopicId};
use protocol::Name;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// One member as an assignor sees it.
#[derive(Clone, Debug, Default)]
pub struct MemberSpec {
    pub instance_id: Option<Name>,
    /// Topics that exist.
    pub subscribed: BTreeSet<TopicId>,
    /// What it had.
    pub assignment: Arc<Partitions>,
}

/// A group as an assignor sees it. Members and topics are walked in the order of their ids.
#[derive(Clone, Debug)]
pub struct GroupSpec {
    pub members: BTreeMap<Name, MemberSpec>,
    pub subscription_type: SubscriptionType,
    /// Partitions of each topic that a member subscribes to.
    pub partition_counts: BTreeMap<TopicId, i32>,
    /// What somebody's target holds now, of members that leave too.
    pub assigned: BTreeSet<(TopicId, i32)>,
}

impl GroupSpec {
    fn partition_count(&self, topic: TopicId) -> i32 {
        self.partition_counts.get(&topic).copied().unwrap_or(0)
    }
}

/// Targets by member; a member that is left out gets nothing.
pub type GroupAssignment = BTreeMap<Name, Partitions>;

/// Runs the assignor of that name; anything but `range` is the uniform one.
pub fn assign(assignor: &str, spec: &GroupSpec) -> GroupAssignment {
    if spec.members.is_empty() {
        return GroupAssignment::new();
    }
    match (assignor, spec.subscription_type) {
        ("range", _) => range::assign(spec),
        (_, SubscriptionType::Homogeneous) => homogeneous::assign(spec),
        (_, SubscriptionType::Heterogeneous) => heterogeneous::assign(spec),
    }
}
