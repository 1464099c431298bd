//! Appending: from a record to a place in a batch, perhaps waiting for memory (`RecordAccumulator.append`).

use super::{Accumulator, BatchId, ProducerBatch};
use crate::error::ClientError;
use crate::network::snapshot::Snapshot;
use crate::producer::batch::Thunk;
use crate::producer::buffer_pool::Allocation;
use crate::producer::partitioner::StickyPartition;
use protocol::record::{SimpleRecord, estimate_size_upper_bound};
use protocol::{Ms, Name, TopicPartition};

/// A record on its way into a batch; kept while it waits for memory.
#[derive(Clone, Debug)]
pub struct AppendRequest {
    pub topic: Name,
    /// `None` = the built-in partitioner chooses.
    pub partition: Option<i32>,
    pub record: SimpleRecord,
    pub thunk: Thunk,
    /// Where it goes, as far as known.
    pub chosen: Option<i32>,
    /// When waiting for memory ends.
    pub deadline_ms: Ms,
    waiter: Option<u64>,
    buffer: Option<i64>,
}

impl AppendRequest {
    pub fn new(
        topic: Name,
        partition: Option<i32>,
        record: SimpleRecord,
        thunk: Thunk,
        deadline_ms: Ms,
    ) -> Self {
        Self {
            topic,
            partition,
            record,
            thunk,
            chosen: None,
            deadline_ms,
            waiter: None,
            buffer: None,
        }
    }

    pub fn waits_for_memory(&self) -> bool {
        self.waiter.is_some()
    }
}

/// Where the record went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Appended {
    pub tp: TopicPartition,
    /// The sender has a reason to look: a batch is full, or new.
    pub wake_sender: bool,
}

#[derive(Clone, Debug)]
pub enum AppendProgress {
    Done(Appended),
    Waits,
    Failed(ClientError),
}

impl Accumulator {
    /// Takes the append as far as it goes at `now`. `draw` answers numbers for the partitioner, 0 ..= 2^31 − 1.
    pub fn append(
        &mut self,
        request: &mut AppendRequest,
        cluster: &Snapshot,
        now: Ms,
        draw: &mut dyn FnMut() -> i32,
    ) -> AppendProgress {
        let mut resumed = false;
        if let Some(waiter) = request.waiter {
            match self.resume_waiter(request, waiter, now) {
                Some(progress) => return progress,
                None => request.waiter = None,
            }
            resumed = true;
        }
        loop {
            let topic = request.topic.clone();
            let info = self.topic(&topic);
            let sticky = match request.partition {
                None => Some(info.partitioner.peek(cluster, draw)),
                Some(_) => None,
            };
            let partition = sticky.map_or_else(|| request.partition.unwrap_or(0), |s| s.partition);
            request.chosen = Some(partition);
            let tp = TopicPartition { topic, partition };
            self.deque(&tp);
            if self.partition_changed(&tp, sticky, cluster, draw) {
                resumed = false;
                continue;
            }
            if self.closed {
                self.return_buffer(request);
                return AppendProgress::Failed(ClientError::kafka());
            }
            if let Some(bytes) = self.try_append(&tp, request, now) {
                self.return_buffer(request);
                return AppendProgress::Done(
                    self.appended(tp, sticky, bytes, false, cluster, draw),
                );
            }
            if request.buffer.is_none() {
                let record = &request.record;
                let bound = estimate_size_upper_bound(
                    record.key.as_ref(),
                    record.value.as_ref(),
                    &record.headers,
                );
                let size = self.config.batch_size.max(bound) as i64;
                match self.pool.allocate(size) {
                    Allocation::Granted => request.buffer = Some(size),
                    Allocation::Waits(waiter) if request.deadline_ms <= now => {
                        self.pool.abandon(waiter);
                        return AppendProgress::Failed(ClientError::class(
                            "BufferExhaustedException",
                        ));
                    }
                    Allocation::Waits(waiter) => {
                        request.waiter = Some(waiter);
                        return AppendProgress::Waits;
                    }
                    Allocation::Impossible => {
                        return AppendProgress::Failed(ClientError::illegal_argument());
                    }
                    Allocation::Closed => return AppendProgress::Failed(ClientError::kafka()),
                }
            }
            // The last batch may have been closed just now, so that a switch of partition is allowed. After a wait this
            // was looked at above.
            if !std::mem::take(&mut resumed) && self.partition_changed(&tp, sticky, cluster, draw) {
                continue;
            }
            let capacity = request.buffer.take().expect("granted above");
            let bytes = self.append_new_batch(&tp, request, capacity, now);
            return AppendProgress::Done(self.appended(tp, sticky, bytes, true, cluster, draw));
        }
    }

    /// `None` = the memory is there.
    fn resume_waiter(
        &mut self,
        request: &mut AppendRequest,
        waiter: u64,
        now: Ms,
    ) -> Option<AppendProgress> {
        if self.pool.is_closed() {
            self.pool.abandon(waiter);
            return Some(AppendProgress::Failed(ClientError::kafka()));
        }
        if self.pool.is_signalled(waiter) && self.pool.resume(waiter) {
            let record = &request.record;
            let bound = estimate_size_upper_bound(
                record.key.as_ref(),
                record.value.as_ref(),
                &record.headers,
            );
            request.buffer = Some(self.config.batch_size.max(bound) as i64);
            return None;
        }
        if request.deadline_ms <= now {
            self.pool.abandon(waiter);
            return Some(AppendProgress::Failed(ClientError::class(
                "BufferExhaustedException",
            )));
        }
        Some(AppendProgress::Waits)
    }

    /// Whether a waiting append could go on at `now`.
    pub fn can_resume(&self, request: &AppendRequest, now: Ms) -> bool {
        request
            .waiter
            .is_none_or(|w| self.pool.is_signalled(w) || request.deadline_ms <= now)
    }

    fn return_buffer(&mut self, request: &mut AppendRequest) {
        if let Some(size) = request.buffer.take() {
            self.pool.deallocate(size);
        }
    }

    fn all_batches_full(&self, tp: &TopicPartition) -> bool {
        let last = self.queue(tp).and_then(|queue| queue.back());
        last.is_none_or(|id| self.batches[id].is_full())
    }

    /// `RecordAccumulator.partitionChanged`: also makes a switch that was due but not allowed before.
    fn partition_changed(
        &mut self,
        tp: &TopicPartition,
        sticky: Option<StickyPartition>,
        cluster: &Snapshot,
        draw: &mut dyn FnMut() -> i32,
    ) -> bool {
        let Some(sticky) = sticky else { return false };
        if self.topic(&tp.topic).partitioner.is_changed(sticky) {
            return true;
        }
        if self.all_batches_full(tp) {
            let partitioner = &mut self.topic(&tp.topic).partitioner;
            partitioner.update(0, cluster, true, draw);
            return partitioner.is_changed(sticky);
        }
        false
    }

    /// Bytes by which the last batch grew; `None` = it takes no more (and is closed for appends) or there is none.
    fn try_append(&mut self, tp: &TopicPartition, request: &AppendRequest, now: Ms) -> Option<i64> {
        let last = *self.queue(tp)?.back()?;
        let batch = self.batch_mut(last);
        let before = batch.estimated_size();
        if batch.try_append(&request.record, request.thunk.clone(), now) {
            Some((batch.estimated_size() - before) as i64)
        } else {
            batch.close_for_appends();
            None
        }
    }

    fn append_new_batch(
        &mut self,
        tp: &TopicPartition,
        request: &AppendRequest,
        capacity: i64,
        now: Ms,
    ) -> i64 {
        self.next_batch += 1;
        let id = BatchId(self.next_batch);
        let ratio = self.ratio(&tp.topic);
        let compression = self.config.compression;
        let mut batch = ProducerBatch::new(
            id,
            tp.clone(),
            capacity as usize,
            compression,
            ratio,
            now,
            false,
        );
        let fits = batch.try_append(&request.record, request.thunk.clone(), now);
        assert!(fits, "the first record always fits");
        let bytes = batch.estimated_size() as i64;
        self.batches.insert(id, batch);
        self.deque(tp).push_back(id);
        self.incomplete.insert(id);
        bytes
    }

    fn appended(
        &mut self,
        tp: TopicPartition,
        sticky: Option<StickyPartition>,
        bytes: i64,
        new_batch: bool,
        cluster: &Snapshot,
        draw: &mut dyn FnMut() -> i32,
    ) -> Appended {
        let full = self.all_batches_full(&tp);
        let several = self.queue(&tp).is_some_and(|queue| queue.len() > 1);
        if sticky.is_some() {
            self.topic(&tp.topic)
                .partitioner
                .update(bytes, cluster, full, draw);
        }
        Appended {
            tp,
            wake_sender: new_batch || several || full,
        }
    }
}
