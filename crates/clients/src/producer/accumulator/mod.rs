//! `RecordAccumulator`: a queue of batches per partition, and who may leave when.
//!
//! Knows queues, sizes and ages; nothing of connections. Appending is in `append`, leaving in `drain`.

mod append;
mod drain;

pub use append::{AppendProgress, AppendRequest, Appended};
pub use drain::ReadyCheck;

use super::batch::{BatchId, FinalState, ProducerBatch};
use super::buffer_pool::BufferPool;
use super::partitioner::BuiltInPartitioner;
use super::transactions::TransactionManager;
use crate::backoff::ExponentialBackoff;
use protocol::record::CompressionType;
use protocol::{Ms, Name, NodeId, TopicPartition};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Every batch that is not forgotten yet.
pub type Batches = BTreeMap<BatchId, ProducerBatch>;

/// What the accumulator reads from the configuration.
#[derive(Clone, Debug)]
pub struct AccumulatorConfig {
    /// `batch.size`, at least 1
    pub batch_size: usize,
    pub compression: CompressionType,
    pub linger_ms: Ms,
    pub retry_backoff: ExponentialBackoff,
    pub delivery_timeout_ms: Ms,
    pub adaptive_partitioning: bool,
    /// 0 = off
    pub availability_timeout_ms: Ms,
    pub buffer_memory: i64,
}

#[derive(Clone, Debug)]
pub(super) struct TopicInfo {
    pub batches: BTreeMap<i32, VecDeque<BatchId>>,
    pub partitioner: BuiltInPartitioner,
}

/// When a node last had data ready, and when it last could take some.
#[derive(Clone, Copy, Debug)]
struct NodeLatency {
    ready_ms: Ms,
    drain_ms: Ms,
}

/// `RecordAccumulator`.
#[derive(Clone, Debug)]
pub struct Accumulator {
    pub config: AccumulatorConfig,
    pub pool: BufferPool,
    pub(super) topics: BTreeMap<Name, TopicInfo>,
    pub batches: Batches,
    /// Neither acknowledged nor failed.
    incomplete: BTreeSet<BatchId>,
    muted: BTreeSet<TopicPartition>,
    node_latency: BTreeMap<NodeId, NodeLatency>,
    drain_index: BTreeMap<NodeId, usize>,
    next_expiry_ms: Ms,
    flushes: u32,
    closed: bool,
    next_batch: u64,
    /// Compression ratio learned per topic (`CompressionRatioEstimator`).
    ratios: BTreeMap<Name, f32>,
}

impl Accumulator {
    pub fn new(config: AccumulatorConfig) -> Self {
        Self {
            pool: BufferPool::new(config.buffer_memory, config.batch_size as i64),
            config,
            topics: BTreeMap::new(),
            batches: BTreeMap::new(),
            incomplete: BTreeSet::new(),
            muted: BTreeSet::new(),
            node_latency: BTreeMap::new(),
            drain_index: BTreeMap::new(),
            next_expiry_ms: Ms::MAX,
            flushes: 0,
            closed: false,
            next_batch: 0,
            ratios: BTreeMap::new(),
        }
    }

    pub fn batch(&self, id: BatchId) -> &ProducerBatch {
        &self.batches[&id]
    }

    pub fn batch_mut(&mut self, id: BatchId) -> &mut ProducerBatch {
        self.batches
            .get_mut(&id)
            .expect("a batch that is referred to is kept")
    }

    fn topic(&mut self, topic: &Name) -> &mut TopicInfo {
        let sticky = self.config.batch_size as i64;
        self.topics
            .entry(topic.clone())
            .or_insert_with(|| TopicInfo {
                batches: BTreeMap::new(),
                partitioner: BuiltInPartitioner::new(topic.clone(), sticky),
            })
    }

    fn deque(&mut self, tp: &TopicPartition) -> &mut VecDeque<BatchId> {
        self.topic(&tp.topic)
            .batches
            .entry(tp.partition)
            .or_default()
    }

    fn queue(&self, tp: &TopicPartition) -> Option<&VecDeque<BatchId>> {
        self.topics.get(&tp.topic)?.batches.get(&tp.partition)
    }

    fn ratio(&self, topic: &Name) -> f32 {
        self.ratios.get(topic).copied().unwrap_or(1.0)
    }

    /// `CompressionRatioEstimator.updateEstimation`: worse at once and by at least 0.05, better by 0.005 a batch.
    fn learn_ratio(&mut self, topic: &Name, observed: f32) {
        let current = self.ratio(topic);
        let next = if observed > current {
            (current + 0.05).max(observed)
        } else if observed < current {
            (current - 0.005).max(observed)
        } else {
            return;
        };
        self.ratios.insert(topic.clone(), next);
    }

    /// Partitions with queued batches, sorted, each with its batches from the head.
    pub fn queued(&self) -> impl Iterator<Item = (TopicPartition, &VecDeque<BatchId>)> {
        self.topics.iter().flat_map(|(topic, info)| {
            info.batches
                .iter()
                .filter(|(_, queue)| !queue.is_empty())
                .map(|(partition, queue)| {
                    (
                        TopicPartition {
                            topic: topic.clone(),
                            partition: *partition,
                        },
                        queue,
                    )
                })
        })
    }

    pub fn partitioner(&self, topic: &Name) -> Option<&BuiltInPartitioner> {
        self.topics.get(topic).map(|info| &info.partitioner)
    }

    pub fn has_undrained(&self) -> bool {
        self.queued().next().is_some()
    }

    pub fn has_incomplete(&self) -> bool {
        !self.incomplete.is_empty()
    }

    /// Batches that a flush begun now waits for.
    pub fn incomplete(&self) -> &BTreeSet<BatchId> {
        &self.incomplete
    }

    pub fn begin_flush(&mut self) {
        self.flushes += 1;
    }

    pub fn end_flush(&mut self) {
        self.flushes -= 1;
    }

    pub fn mute(&mut self, tp: TopicPartition) {
        self.muted.insert(tp);
    }

    pub fn unmute(&mut self, tp: &TopicPartition) {
        self.muted.remove(tp);
    }

    pub fn is_muted(&self, tp: &TopicPartition) -> bool {
        self.muted.contains(tp)
    }

    pub fn close(&mut self) {
        self.closed = true;
        self.pool.close();
    }

    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// Puts a batch back that will be sent again: in front, or where its sequence belongs.
    pub fn reenqueue(&mut self, id: BatchId, txn: Option<&TransactionManager>, now: Ms) {
        self.batch_mut(id).reenqueued(now);
        self.enqueue_again(id, txn);
    }

    fn enqueue_again(&mut self, id: BatchId, txn: Option<&TransactionManager>) {
        let tp = self.batch(id).tp.clone();
        let Some(txn) = txn else {
            self.deque(&tp).push_front(id);
            return;
        };
        let batch = self.batch(id);
        assert!(
            batch.has_sequence(),
            "an idempotent batch that was drained has a sequence"
        );
        assert!(
            txn.has_in_flight_batches(&tp),
            "a batch that comes back is tracked as in flight"
        );
        let sequence = batch.base_sequence;
        let at = self.queue(&tp).map_or(0, |queue| {
            queue
                .iter()
                .take_while(|other| {
                    let other = &self.batches[other];
                    other.has_sequence() && other.base_sequence < sequence
                })
                .count()
        });
        self.deque(&tp).insert(at, id);
    }

    /// Cuts a batch that the broker found too large, and queues the pieces. Answers them in order.
    pub fn split_and_reenqueue(
        &mut self,
        id: BatchId,
        mut txn: Option<&mut TransactionManager>,
    ) -> Vec<BatchId> {
        let big = self.batch(id);
        let tp = big.tp.clone();
        let observed = big.compression_ratio().max(1.0);
        let size = if big.split {
            big.max_record_size.max(big.estimated_size() / 2)
        } else {
            self.config.batch_size
        };
        self.ratios.insert(tp.topic.clone(), observed);
        let mut next = self.next_batch;
        let pieces = self.batches[&id].split_into(size, observed, || {
            next += 1;
            BatchId(next)
        });
        self.next_batch = next;
        let ids: Vec<BatchId> = pieces.iter().map(|piece| piece.id).collect();
        for piece in pieces.into_iter().rev() {
            let piece_id = piece.id;
            self.incomplete.insert(piece_id);
            if let Some(txn) = txn.as_deref_mut() {
                txn.add_in_flight_batch(&piece);
            }
            self.batches.insert(piece_id, piece);
            self.enqueue_again(piece_id, txn.as_deref());
        }
        ids
    }

    /// Takes queued batches that are too old off their queues (`expiredBatches`): only from the head, older ones first.
    pub fn take_expired(&mut self, now: Ms) -> Vec<BatchId> {
        let mut expired = Vec::new();
        let timeout = self.config.delivery_timeout_ms;
        let mut next_expiry = self.next_expiry_ms;
        for info in self.topics.values_mut() {
            for queue in info.batches.values_mut() {
                while let Some(&id) = queue.front() {
                    let batch = self.batches.get_mut(&id).expect("queued batches are kept");
                    if batch.has_reached_delivery_timeout(timeout, now) {
                        queue.pop_front();
                        batch.close_for_appends();
                        expired.push(id);
                    } else {
                        next_expiry = next_expiry.min(batch.created_ms.saturating_add(timeout));
                        break;
                    }
                }
            }
        }
        self.next_expiry_ms = next_expiry;
        expired
    }

    pub fn reset_next_expiry(&mut self) {
        self.next_expiry_ms = Ms::MAX;
    }

    pub fn maybe_update_next_expiry(&mut self, id: BatchId) {
        let at = self
            .batch(id)
            .created_ms
            .saturating_add(self.config.delivery_timeout_ms);
        self.next_expiry_ms = self.next_expiry_ms.min(at);
    }

    pub fn next_expiry_ms(&self) -> Ms {
        self.next_expiry_ms
    }

    pub fn complete_batch(&mut self, id: BatchId) {
        self.incomplete.remove(&id);
    }

    /// Gives the batch's memory back, once; pieces of a split batch hold none.
    pub fn deallocate(&mut self, id: BatchId) {
        let batch = self.batch_mut(id);
        if !batch.split && !batch.buffer_deallocated {
            batch.buffer_deallocated = true;
            let capacity = batch.capacity;
            self.pool.deallocate(capacity);
        }
    }

    /// Drops a batch that nobody refers to any more.
    pub fn forget(&mut self, id: BatchId) {
        self.batches.remove(&id);
    }

    /// Aborts incomplete batches and answers them, by partition and age: all, or only those without a sequence.
    pub fn abort(&mut self, only_undrained: bool, idempotent: bool) -> Vec<BatchId> {
        let mut aborted: Vec<BatchId> = self
            .incomplete
            .iter()
            .copied()
            .filter(|id| {
                let batch = &self.batches[id];
                let undrained = if idempotent {
                    !batch.has_sequence()
                } else {
                    !batch.is_closed()
                };
                !only_undrained || undrained
            })
            .collect();
        aborted.sort_by(|a, b| (&self.batches[a].tp, a).cmp(&(&self.batches[b].tp, b)));
        for &id in &aborted {
            let tp = self.batch(id).tp.clone();
            self.deque(&tp).retain(|other| *other != id);
            let batch = self.batch_mut(id);
            batch.close_for_appends();
            batch.final_state = Some(FinalState::Aborted);
            let in_flight = batch.in_flight;
            self.complete_batch(id);
            if !in_flight {
                self.deallocate(id);
            }
        }
        aborted
    }
}
