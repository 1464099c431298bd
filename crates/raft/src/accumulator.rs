//! Where a leader gathers records into batches before they go to its log.
//!
//! Offsets are given out at once, the log is written later; it does not know whether anything was replicated.

use crate::batch;
use crate::config::{MAX_BATCH_SIZE_BYTES, MAX_NUMBER_OF_BATCHES};
use crate::state::Timer;
use bytes::Bytes;
use protocol::record::RecordBatch;
use protocol::{LeaderEpoch, Ms, Offset};
use std::fmt;

/// Why an append was refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AppendError {
    /// Not the leader, or not of that epoch any more (`NotLeaderException`).
    NotLeader,
    /// An epoch that has not been yet, or no records (`IllegalArgumentException`).
    IllegalArgument,
    /// More than fits into one batch (`RecordBatchTooLargeException`).
    RecordBatchTooLarge,
    /// Ten batches wait already (`IllegalStateException`).
    TooManyBatches,
}

impl AppendError {
    /// Simple name of Kafka's exception.
    pub const fn exception(self) -> &'static str {
        match self {
            AppendError::NotLeader => "NotLeaderException",
            AppendError::IllegalArgument => "IllegalArgumentException",
            AppendError::RecordBatchTooLarge => "RecordBatchTooLargeException",
            AppendError::TooManyBatches => "IllegalStateException",
        }
    }
}

impl fmt::Display for AppendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.exception())
    }
}

impl std::error::Error for AppendError {}

#[derive(Clone, Debug)]
struct OpenBatch {
    base: Offset,
    first_ms: Ms,
    records: Vec<Bytes>,
    size: usize,
}

/// `raft.internals.BatchAccumulator`: an append waits up to `linger_ms` for others and then shares their batch.
#[derive(Clone, Debug)]
pub struct BatchAccumulator {
    epoch: LeaderEpoch,
    next_offset: Offset,
    linger_ms: Ms,
    linger: Timer,
    open: Option<OpenBatch>,
    completed: Vec<RecordBatch>,
}

impl BatchAccumulator {
    pub fn new(epoch: LeaderEpoch, base_offset: Offset, linger_ms: i32) -> Self {
        Self {
            epoch,
            next_offset: base_offset,
            linger_ms: linger_ms.into(),
            linger: Timer::NEVER,
            open: None,
            completed: Vec::new(),
        }
    }

    /// Takes records that must stay together in one batch. Answers the offset of the last one.
    pub fn append(
        &mut self,
        epoch: LeaderEpoch,
        records: Vec<Bytes>,
        now_ms: Ms,
    ) -> Result<Offset, AppendError> {
        if epoch < self.epoch {
            return Err(AppendError::NotLeader);
        }
        if epoch > self.epoch || records.is_empty() {
            return Err(AppendError::IllegalArgument);
        }
        if self.completed.len() >= MAX_NUMBER_OF_BATCHES {
            return Err(AppendError::TooManyBatches);
        }
        let size: usize = records.iter().map(batch::record_size).sum();
        if batch::OVERHEAD + size > MAX_BATCH_SIZE_BYTES {
            return Err(AppendError::RecordBatchTooLarge);
        }
        if self
            .open
            .as_ref()
            .is_some_and(|open| open.size + size > MAX_BATCH_SIZE_BYTES)
        {
            self.complete_open();
        }
        let base = self.next_offset;
        let open = self.open.get_or_insert_with(|| OpenBatch {
            base,
            first_ms: now_ms,
            records: Vec::new(),
            size: batch::OVERHEAD,
        });
        self.next_offset = self.next_offset.plus(records.len() as i64);
        open.size += size;
        open.records.extend(records);
        if self.linger == Timer::NEVER {
            self.linger = Timer::new(now_ms, self.linger_ms);
        }
        Ok(self.next_offset.minus(1))
    }

    /// Takes a control batch, made by `build` from its base offset and epoch, that goes to the log with the next step.
    pub fn append_control(
        &mut self,
        records: i64,
        build: impl FnOnce(Offset, LeaderEpoch) -> RecordBatch,
    ) {
        self.complete_open();
        self.linger = Timer::NEVER;
        self.completed.push(build(self.next_offset, self.epoch));
        self.next_offset = self.next_offset.plus(records);
    }

    fn complete_open(&mut self) {
        if let Some(open) = self.open.take() {
            self.completed.push(batch::data(
                open.base,
                self.epoch,
                open.first_ms,
                &open.records,
            ));
        }
    }

    pub fn is_drain_due(&self, now_ms: Ms) -> bool {
        !self.completed.is_empty() || self.linger.is_expired(now_ms)
    }

    /// Everything that was gathered, in offset order.
    pub fn drain(&mut self) -> Vec<RecordBatch> {
        self.complete_open();
        self.linger = Timer::NEVER;
        std::mem::take(&mut self.completed)
    }

    pub fn deadline_ms(&self) -> Ms {
        self.linger.deadline_ms
    }
}
