//! What every assignor starts from: the topics that are known and wanted, and the members, in the orders that Kafka's
//! clients see them in (`AbstractPartitionAssignor`).

use super::Member;
use crate::java;
use crate::network::snapshot::Snapshot;
use protocol::{Name, TopicPartition};
use std::cmp::Ordering;
use std::collections::BTreeSet;

/// Racks of the replicas of each partition of a topic; empty where none is known.
pub type PartitionRacks = Vec<BTreeSet<Name>>;

pub struct Input<'a> {
    /// Topics that somebody wants and that exist, in hash-table order.
    pub topics: Vec<(Name, PartitionRacks)>,
    /// In hash-table order.
    pub members: Vec<&'a Member>,
}

/// Java's `String.compareTo`: by UTF-16 units.
pub fn string_order(a: &str, b: &str) -> Ordering {
    a.encode_utf16().cmp(b.encode_utf16())
}

/// Static members first, by instance id, then the others by member id (`MemberInfo.compareTo`).
pub fn member_order(a: &Member, b: &Member) -> Ordering {
    match (&a.instance_id, &b.instance_id) {
        (Some(x), Some(y)) => string_order(x, y),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => string_order(&a.id, &b.id),
    }
}

/// Names in the order of a `HashMap` that was not sized.
fn hashed(names: BTreeSet<Name>) -> Vec<Name> {
    java::hash_map_order(names.into_iter().collect(), 16, |name| {
        java::string_hash(name)
    })
}

fn in_hash_order(members: &[Member]) -> Vec<&Member> {
    java::hash_map_order(members.iter().collect(), 16, |member| {
        java::string_hash(&member.id)
    })
}

impl<'a> Input<'a> {
    pub fn new(cluster: &Snapshot, members: &'a [Member]) -> Self {
        let wanted = members
            .iter()
            .flat_map(|m| m.subscription.topics.iter().cloned());
        let topics = hashed(wanted.collect()).into_iter().filter_map(|topic| {
            let mut partitions: Vec<_> = cluster.partitions_for_topic(&topic).collect();
            partitions.sort_by_key(|p| p.tp.partition);
            let rack = |id| cluster.brokers.get(id).and_then(|b| b.rack.clone());
            let racks: PartitionRacks = partitions
                .iter()
                .map(|p| p.replicas.iter().filter_map(rack).collect())
                .collect();
            (!racks.is_empty()).then_some((topic, racks))
        });
        Self {
            topics: topics.collect(),
            members: in_hash_order(members),
        }
    }

    /// The racks of a topic's partitions; `None`: it is not known.
    pub fn topic(&self, name: &str) -> Option<&PartitionRacks> {
        let found = self.topics.iter().find(|(topic, _)| &**topic == name);
        found.map(|(_, racks)| racks)
    }

    /// Known topics in order of name.
    pub fn sorted_topics(&self) -> Vec<&Name> {
        let mut names: Vec<&Name> = self.topics.iter().map(|(name, _)| name).collect();
        names.sort_by(|a, b| string_order(a, b));
        names
    }
}

/// A rack that counts: one that is named.
pub fn rack_of(member: &Member) -> Option<&Name> {
    member
        .subscription
        .rack_id
        .as_ref()
        .filter(|rack| !rack.is_empty())
}

/// Racks are looked at only where a member is in one that holds replicas, and where it makes a difference
/// (`useRackAwareAssignment`).
pub fn use_racks(
    member_racks: &BTreeSet<&Name>,
    partitions: &mut dyn Iterator<Item = &BTreeSet<Name>>,
) -> bool {
    let per_partition: Vec<&BTreeSet<Name>> = partitions.collect();
    let all: BTreeSet<&Name> = per_partition
        .iter()
        .flat_map(|racks| racks.iter())
        .collect();
    !member_racks.is_disjoint(&all) && !per_partition.iter().all(|racks| racks.len() == all.len())
}

/// Topic, then number.
pub fn partition_order(a: &TopicPartition, b: &TopicPartition) -> Ordering {
    string_order(&a.topic, &b.topic).then(a.partition.cmp(&b.partition))
}
