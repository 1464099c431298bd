//! Invariants, checked after every event that can break them. The ids are those of the catalogue (`inv/R1` …).
//!
//! A check looks and says; it changes nothing in the world. What a forfeiting event made legal is forgiven, and only that:
//! a violation without such an event is our bug. The list of things that look wrong and are legal Kafka (a follower's high
//! watermark going down, divergence above the high watermark, an error for a record that is there) is never flagged.

mod clients;
mod control;
mod model;
mod replication;
#[cfg(test)]
mod tests;

pub use clients::Delivery;
pub use control::Registration;

use crate::ids::EventId;
use crate::ledger::Logs;
use crate::session::Violation;
use model::Model;
use protocol::trace::{Change, FactKind, Subject, Value};
use protocol::{
    LeaderEpoch, Name, NodeId, Offset, PartitionEpoch, ProducerEpoch, ProducerId, Protections,
    Sequence, TopicPartition,
};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The header of a batch in a log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BatchFacts {
    pub base: Offset,
    pub last: Offset,
    pub epoch: LeaderEpoch,
    pub producer_id: ProducerId,
    pub producer_epoch: ProducerEpoch,
    pub base_sequence: Sequence,
    pub records: i32,
    pub control: bool,
}

/// What the checks may ask of the world.
pub trait Evidence: Logs {
    fn batches(
        &self,
        node: NodeId,
        tp: &TopicPartition,
        from: Offset,
        to: Offset,
        each: &mut dyn FnMut(BatchFacts),
    );
    /// The leader-epoch cache: (epoch, start offset).
    fn epochs(&self, node: NodeId, tp: &TopicPartition) -> Vec<(LeaderEpoch, Offset)>;
    /// Epoch of the leader or follower state that this node is in.
    fn leader_epoch(&self, node: NodeId, tp: &TopicPartition) -> LeaderEpoch;
    /// The ISR that this leader knows as committed.
    fn isr(&self, node: NodeId, tp: &TopicPartition) -> Vec<NodeId>;
    fn min_insync_replicas(&self, node: NodeId, tp: &TopicPartition) -> usize;
    /// How many fetchers this node runs for the partition.
    fn fetchers(&self, node: NodeId, tp: &TopicPartition) -> usize;
    fn running(&self, node: NodeId) -> bool;
}

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct Checks {
    models: BTreeMap<TopicPartition, Arc<Model>>,
    registrations: BTreeMap<TopicPartition, Registration>,
    /// The high watermark of a leader in its epoch.
    leader_hw: BTreeMap<(NodeId, TopicPartition), (LeaderEpoch, Offset)>,
    /// The one leader of an epoch.
    leaders: BTreeMap<(TopicPartition, LeaderEpoch), NodeId>,
    /// The newest sequence of a producer in a partition's log, as the leaders wrote it.
    sequences: BTreeMap<(TopicPartition, ProducerId), (ProducerEpoch, Sequence)>,
    /// Newest acknowledged offset by producer and partition.
    acked: BTreeMap<(Name, TopicPartition), (u64, Offset)>,
    /// Owner by group, generation and partition.
    owners: BTreeMap<(Name, TopicPartition), (i32, Name)>,
    /// Partitions for which something happened after which Kafka promises less.
    forfeited: BTreeMap<TopicPartition, EventId>,
}

/// What a check found.
pub(crate) type Found = Result<(), (&'static str, String)>;

impl Checks {
    /// Follows a change; answers the first invariant that it breaks.
    pub fn observe(
        &mut self,
        change: &Change,
        by: EventId,
        rules: Protections,
        world: &dyn Evidence,
    ) -> Option<Violation> {
        let found = match &change.key.subject {
            Subject::Replica(node, tp) => self.replica(*node, tp, change, rules, world),
            _ => Ok(()),
        };
        violation(found, by)
    }

    fn replica(
        &mut self,
        node: NodeId,
        tp: &TopicPartition,
        change: &Change,
        rules: Protections,
        world: &dyn Evidence,
    ) -> Found {
        let number = |v: &Value| match v {
            Value::Int(i) => Some(Offset(*i)),
            _ => None,
        };
        match change.key.kind {
            FactKind::LogEndOffset => {
                let (Some(from), Some(to)) = (number(&change.from), number(&change.to)) else {
                    return Ok(());
                };
                self.log_end_moved(node, tp, from, to, world)
            }
            FactKind::HighWatermark => {
                let Some(to) = number(&change.to) else {
                    return Ok(());
                };
                self.high_watermark_moved(node, tp, (number(&change.from), to), rules, world)
            }
            FactKind::Role | FactKind::Leader | FactKind::LeaderEpoch | FactKind::FetcherState => {
                self.role_changed(node, tp, world)
            }
            _ => Ok(()),
        }
    }

    /// Kafka no longer promises to keep what this partition holds above what every replica has.
    pub fn forfeited(&mut self, tp: &TopicPartition, by: EventId) {
        self.forfeited.insert(tp.clone(), by);
    }

    /// The partition's topic is gone, or was made anew.
    pub fn forget(&mut self, tp: &TopicPartition) {
        self.models.remove(tp);
        self.registrations.remove(tp);
        self.leader_hw.retain(|(_, p), _| p != tp);
        self.leaders.retain(|(p, _), _| p != tp);
        self.sequences.retain(|(p, _), _| p != tp);
        self.acked.retain(|(_, p), _| p != tp);
    }

    fn clean(&self, tp: &TopicPartition) -> bool {
        !self.forfeited.contains_key(tp)
    }

    pub(crate) fn model(&mut self, tp: &TopicPartition) -> &mut Model {
        Arc::make_mut(self.models.entry(tp.clone()).or_default())
    }
}

pub(crate) fn violation(found: Found, event: EventId) -> Option<Violation> {
    found.err().map(|(invariant, found)| Violation {
        invariant,
        event,
        found,
    })
}

/// A registration that was newer than another is named so in reports.
pub(crate) fn epochs_text(leader: LeaderEpoch, partition: PartitionEpoch) -> String {
    format!("leader epoch {leader}, partition epoch {partition}")
}
