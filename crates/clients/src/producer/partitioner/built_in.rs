//! `BuiltInPartitioner` (KIP-794): one topic's sticky partition, switched by bytes, chosen by queue length.
//!
//! Draws are handed in.

use crate::network::snapshot::Snapshot;
use protocol::Name;

/// The partition that records stick to, for the moment. A new choice has a new id, even of the same partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StickyPartition {
    pub id: u64,
    pub partition: i32,
    pub produced_bytes: i64,
}

/// Cumulative weights and their partitions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadStats {
    pub cumulative: Vec<i32>,
    pub partitions: Vec<i32>,
}

/// `BuiltInPartitioner`.
#[derive(Clone, Debug)]
pub struct BuiltInPartitioner {
    topic: Name,
    /// Bytes after which to switch (`batch.size`).
    sticky_batch_size: i64,
    load: Option<LoadStats>,
    sticky: Option<StickyPartition>,
    next_id: u64,
}

impl BuiltInPartitioner {
    pub fn new(topic: Name, sticky_batch_size: i64) -> Self {
        Self {
            topic,
            sticky_batch_size,
            load: None,
            sticky: None,
            next_id: 0,
        }
    }

    pub fn sticky(&self) -> Option<StickyPartition> {
        self.sticky
    }

    pub fn load(&self) -> Option<&LoadStats> {
        self.load.as_ref()
    }

    /// `draw` answers a number in 0 ..= 2^31 − 1.
    fn choose(&mut self, cluster: &Snapshot, draw: &mut dyn FnMut() -> i32) -> StickyPartition {
        let random = draw();
        let partition = match &self.load {
            Some(load) => {
                let total = *load.cumulative.last().expect("load stats are never empty");
                let at = random % total;
                let index = load
                    .cumulative
                    .iter()
                    .position(|c| *c > at)
                    .expect("at < total");
                load.partitions[index]
            }
            None => {
                let available = cluster.available_partitions_for_topic(&self.topic);
                if available.is_empty() {
                    random % cluster.partition_count(&self.topic).unwrap_or(1)
                } else {
                    available[random as usize % available.len()]
                }
            }
        };
        self.next_id += 1;
        StickyPartition {
            id: self.next_id,
            partition,
            produced_bytes: 0,
        }
    }

    /// `peekCurrentPartitionInfo`: chooses if nothing was chosen yet.
    pub fn peek(&mut self, cluster: &Snapshot, draw: &mut dyn FnMut() -> i32) -> StickyPartition {
        if let Some(sticky) = self.sticky {
            return sticky;
        }
        let chosen = self.choose(cluster, draw);
        self.sticky = Some(chosen);
        chosen
    }

    pub fn is_changed(&self, seen: StickyPartition) -> bool {
        self.sticky.is_none_or(|s| s.id != seen.id)
    }

    /// Counts bytes and switches when enough went to this partition; `enable_switch` = its last batch is full.
    pub fn update(
        &mut self,
        appended_bytes: i64,
        cluster: &Snapshot,
        enable_switch: bool,
        draw: &mut dyn FnMut() -> i32,
    ) {
        let Some(sticky) = &mut self.sticky else {
            return;
        };
        sticky.produced_bytes += appended_bytes;
        let produced = sticky.produced_bytes;
        if (produced >= self.sticky_batch_size && enable_switch)
            || produced >= self.sticky_batch_size * 2
        {
            let chosen = self.choose(cluster, draw);
            self.sticky = Some(chosen);
        }
    }

    /// Takes queue lengths (the first `length` count) and their partitions; equal queues need no weights.
    pub fn update_load(&mut self, queues: Option<(Vec<i32>, Vec<i32>, usize)>) {
        self.load = None;
        let Some((mut queues, mut partitions, length)) = queues else {
            return;
        };
        if length < 1 || queues.len() < 2 {
            return;
        }
        let longest = *queues[..length].iter().max().expect("length ≥ 1");
        let all_equal = queues[..length].iter().all(|q| *q == queues[0]);
        if all_equal && length == queues.len() {
            return;
        }
        queues.truncate(length);
        partitions.truncate(length);
        let mut total = 0;
        for queue in &mut queues {
            total += longest + 1 - *queue;
            *queue = total;
        }
        self.load = Some(LoadStats {
            cumulative: queues,
            partitions,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shorter_queues_weigh_more() {
        let mut p = BuiltInPartitioner::new("t".into(), 100);
        p.update_load(Some((vec![0, 3, 1], vec![0, 1, 2], 3)));
        assert_eq!(p.load().map(|l| l.cumulative.clone()), Some(vec![4, 5, 8]));
        let mut places = Vec::new();
        for r in 0..8 {
            let cluster = Snapshot::default();
            p.sticky = None;
            places.push(p.peek(&cluster, &mut || r).partition);
        }
        assert_eq!(places, [0, 0, 0, 0, 1, 2, 2, 2]);
    }

    #[test]
    fn equal_queues_have_no_weights_unless_one_is_left_out() {
        let mut p = BuiltInPartitioner::new("t".into(), 100);
        p.update_load(Some((vec![2, 2], vec![0, 1], 2)));
        assert_eq!(p.load(), None);
        p.update_load(Some((vec![2, 2], vec![1, 0], 1)));
        assert_eq!(
            p.load(),
            Some(&LoadStats {
                cumulative: vec![1],
                partitions: vec![1]
            })
        );
    }
}
