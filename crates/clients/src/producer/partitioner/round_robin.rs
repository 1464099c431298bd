//! `RoundRobinPartitioner`: one after another over the partitions that have a leader, keys ignored.

use super::to_positive;
use crate::network::snapshot::Snapshot;
use protocol::Name;
use std::collections::BTreeMap;

/// One counter a topic.
#[derive(Clone, Debug, Default)]
pub struct RoundRobin {
    counters: BTreeMap<Name, i32>,
}

impl RoundRobin {
    /// The next partition, in the order of the client's cluster view.
    pub fn partition(&mut self, topic: &Name, cluster: &Snapshot) -> i32 {
        let counter = self.counters.entry(topic.clone()).or_insert(0);
        let next = to_positive(*counter);
        *counter = counter.wrapping_add(1);
        let available = cluster.available_partitions_for_topic(topic);
        if available.is_empty() {
            next % cluster.partition_count(topic).unwrap_or(1)
        } else {
            available[next as usize % available.len()]
        }
    }
}
