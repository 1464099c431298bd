//! Which partitions moved from whom to whom, so that moves are taken back rather than added to (`PartitionMovements`).

use crate::java;
use protocol::{Name, TopicPartition};
use std::collections::BTreeMap;

/// From one member to another.
type Pair = (usize, usize);

#[derive(Default)]
pub struct Movements {
    by_topic: BTreeMap<Name, BTreeMap<Pair, Vec<TopicPartition>>>,
    pairs: BTreeMap<TopicPartition, Pair>,
}

impl Movements {
    fn forget(&mut self, tp: &TopicPartition) -> Option<Pair> {
        let pair = self.pairs.remove(tp)?;
        if let Some(of_topic) = self.by_topic.get_mut(&tp.topic) {
            if let Some(moved) = of_topic.get_mut(&pair) {
                moved.retain(|m| m != tp);
                if moved.is_empty() {
                    of_topic.remove(&pair);
                }
            }
            if of_topic.is_empty() {
                self.by_topic.remove(&tp.topic);
            }
        }
        Some(pair)
    }

    fn note(&mut self, tp: &TopicPartition, pair: Pair) {
        self.pairs.insert(tp.clone(), pair);
        let of_topic = self.by_topic.entry(tp.topic.clone()).or_default();
        of_topic.entry(pair).or_default().push(tp.clone());
    }

    /// A partition moves on; coming home it leaves no trace.
    pub fn moved(&mut self, tp: &TopicPartition, from: usize, to: usize) {
        match self.forget(tp) {
            Some((source, _)) if source == to => {}
            Some((source, _)) => self.note(tp, (source, to)),
            None => self.note(tp, (from, to)),
        }
    }

    /// The partition to move instead: one of the topic that went the other way, if any did.
    pub fn actual(&self, tp: &TopicPartition, from: usize, to: usize) -> TopicPartition {
        let from = self.pairs.get(tp).map_or(from, |&(source, _)| source);
        let back = self
            .by_topic
            .get(&tp.topic)
            .and_then(|pairs| pairs.get(&(to, from)));
        let first = back.and_then(|moved| {
            // the first of a hash set
            java::partition_order(moved.clone(), 16).into_iter().next()
        });
        first.unwrap_or_else(|| tp.clone())
    }
}
