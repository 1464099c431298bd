//! What can be seen of a producer: read-only, cheap, in Kafka's words.

use super::batch::{BatchId, CallId};
use super::transactions::TransactionManager;
use super::{Producer, ThreadId};
use crate::network::metadata::Metadata;
use crate::network::{ConnectionView, InFlightView};
use protocol::{Instant, Ms, Sequence, TopicPartition};

/// A batch in a queue or in flight.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchView {
    pub id: BatchId,
    pub records: i32,
    pub bytes: usize,
    pub full: bool,
    pub attempts: u32,
    pub created_ms: Ms,
    /// When linger or back-off ends.
    pub sendable_ms: Ms,
    /// When `delivery.timeout.ms` ends it.
    pub expires_ms: Ms,
    /// −1 = not drained yet.
    pub base_sequence: Sequence,
    /// One a record.
    pub keys: Vec<Option<bytes::Bytes>>,
}

/// One partition's batches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueView {
    pub tp: TopicPartition,
    pub muted: bool,
    pub queued: Vec<BatchView>,
    pub in_flight: Vec<BatchView>,
}

/// Reads a producer.
#[derive(Clone, Copy)]
pub struct ProducerView<'a>(&'a Producer);

impl Producer {
    pub fn view(&self) -> ProducerView<'_> {
        ProducerView(self)
    }
}

impl<'a> ProducerView<'a> {
    fn batch(&self, id: BatchId) -> BatchView {
        let accumulator = &self.0.sender.accumulator;
        let batch = accumulator.batch(id);
        BatchView {
            id,
            records: batch.record_count(),
            bytes: batch.estimated_size(),
            full: batch.is_full(),
            attempts: batch.attempts(),
            created_ms: batch.created_ms,
            sendable_ms: accumulator.sendable_at(id),
            expires_ms: batch
                .created_ms
                .saturating_add(accumulator.config.delivery_timeout_ms),
            base_sequence: batch.base_sequence,
            keys: batch.keys(),
        }
    }

    /// Partitions with batches, sorted.
    pub fn queues(&self) -> Vec<QueueView> {
        let sender = &self.0.sender;
        let mut queues: Vec<QueueView> = Vec::new();
        for (tp, ids) in sender.accumulator.queued() {
            let queued = ids.iter().map(|id| self.batch(*id)).collect();
            queues.push(QueueView {
                muted: sender.accumulator.is_muted(&tp),
                tp,
                queued,
                in_flight: Vec::new(),
            });
        }
        for (tp, ids) in &sender.in_flight {
            let in_flight = ids.iter().map(|id| self.batch(*id)).collect();
            match queues.iter_mut().find(|queue| queue.tp == *tp) {
                Some(queue) => queue.in_flight = in_flight,
                None => queues.push(QueueView {
                    tp: tp.clone(),
                    muted: sender.accumulator.is_muted(tp),
                    queued: Vec::new(),
                    in_flight,
                }),
            }
        }
        queues.sort_by(|a, b| a.tp.cmp(&b.tp));
        queues
    }

    /// Bytes of `buffer.memory` that nobody uses.
    pub fn free_memory(&self) -> i64 {
        self.0.sender.accumulator.pool.available()
    }

    /// Calls that wait for memory.
    pub fn waiting_for_memory(&self) -> usize {
        self.0.sender.accumulator.pool.queued()
    }

    /// Id, epoch, sequences and transaction; `None` without idempotence.
    pub fn transaction_manager(&self) -> Option<&'a TransactionManager> {
        self.0.sender.txn.as_ref()
    }

    pub fn metadata(&self) -> &'a Metadata {
        &self.0.sender.network.metadata
    }

    pub fn in_flight(&self) -> Vec<InFlightView> {
        self.0.sender.network.in_flight().collect()
    }

    pub fn connections(&self, now: Instant) -> Vec<ConnectionView> {
        self.0.sender.network.connections(now.ms()).collect()
    }

    /// The call that each thread is blocked in.
    pub fn blocked(&self) -> Vec<(ThreadId, CallId)> {
        self.0
            .threads
            .iter()
            .filter_map(|(id, thread)| Some((*id, thread.blocked()?)))
            .collect()
    }

    /// Calls queued behind the running one.
    pub fn queued_calls(&self) -> usize {
        self.0
            .threads
            .values()
            .map(|thread| thread.queue.len())
            .sum()
    }
}
