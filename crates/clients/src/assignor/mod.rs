//! Client-side assignors: how the leader of a classic group shares out partitions (`ConsumerPartitionAssignor`).
//!
//! Pure: the cluster and the members' subscriptions in, everybody's partitions out.

mod input;
pub mod range;
pub mod round_robin;
pub mod sticky;

pub use range::RangeAssignor;
pub use round_robin::RoundRobinAssignor;
pub use sticky::{CooperativeStickyAssignor, StickyAssignor};

use crate::network::snapshot::Snapshot;
use bytes::Bytes;
use protocol::consumer_protocol::Subscription;
use protocol::{Name, TopicPartition};
use std::fmt::Debug;

/// One member as the leader learns of it from JoinGroup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    pub id: Name,
    pub instance_id: Option<Name>,
    pub subscription: Subscription,
}

/// What the leader gives one member.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct MemberAssignment {
    pub partitions: Vec<TopicPartition>,
    pub user_data: Option<Bytes>,
}

/// `ConsumerPartitionAssignor`.
pub trait Assignor: Debug + Send + Sync {
    /// The name in JoinGroup, such as `range`.
    fn name(&self) -> &'static str;

    /// Whether members keep their partitions during a rebalance if all assignors of the list can (KIP-429).
    fn is_cooperative(&self) -> bool {
        false
    }

    /// User data that goes with the subscription.
    fn subscription_user_data(&self) -> Option<Bytes> {
        None
    }

    /// Shares out; `members` in the order of the JoinGroup response. Every member appears in the answer once.
    fn assign(&mut self, cluster: &Snapshot, members: &[Member]) -> Vec<(Name, MemberAssignment)>;

    /// The member was assigned `partitions` in `generation` by this assignor.
    fn on_assignment(
        &mut self,
        _partitions: &[TopicPartition],
        _user_data: Option<&Bytes>,
        _generation: i32,
    ) {
    }

    fn clone_box(&self) -> Box<dyn Assignor>;
}

impl Clone for Box<dyn Assignor> {
    fn clone(&self) -> Self {
        self.clone_box()
    }
}

/// The assignor of a class named in `partition.assignment.strategy`, by full or simple class name.
pub fn by_class(class: &str) -> Option<Box<dyn Assignor>> {
    let simple = class.rsplit('.').next().unwrap_or(class);
    Some(match simple {
        "RangeAssignor" => Box::new(RangeAssignor),
        "RoundRobinAssignor" => Box::new(RoundRobinAssignor),
        "StickyAssignor" => Box::new(StickyAssignor::default()),
        "CooperativeStickyAssignor" => Box::new(CooperativeStickyAssignor::default()),
        _ => return None,
    })
}

/// One answer a member, in the members' order.
fn answers(
    members: &[Member],
    mut partitions: impl FnMut(&Member) -> Vec<TopicPartition>,
) -> Vec<(Name, MemberAssignment)> {
    members
        .iter()
        .map(|m| {
            let assignment = MemberAssignment {
                partitions: partitions(m),
                user_data: None,
            };
            (m.id.clone(), assignment)
        })
        .collect()
}
