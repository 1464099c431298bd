//! One producer in one partition (`ProducerStateEntry`, `BatchMetadata`, `VerificationStateEntry`).

use protocol::Ms;
use protocol::record::{NO_SEQUENCE, RecordBatch};
use std::collections::VecDeque;

/// An offset with its place, where known: the base of its segment and the position in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogOffsetMetadata {
    pub offset: i64,
    /// (segment base, position in the segment)
    pub place: Option<(i64, usize)>,
}

impl LogOffsetMetadata {
    pub const fn only(offset: i64) -> Self {
        LogOffsetMetadata {
            offset,
            place: None,
        }
    }

    pub const fn at(offset: i64, segment_base: i64, position: usize) -> Self {
        LogOffsetMetadata {
            offset,
            place: Some((segment_base, position)),
        }
    }

    pub const fn is_offset_only(&self) -> bool {
        self.place.is_none()
    }

    /// Whether this one lies on a segment before the other's; a place that is not known lies before all
    /// (`LogOffsetMetadata.onOlderSegment`).
    pub fn on_older_segment(&self, other: &Self) -> bool {
        self.segment_base() < other.segment_base()
    }

    pub fn segment_base(&self) -> i64 {
        self.place.map_or(-1, |(base, _)| base)
    }
}

/// How many batches are remembered for recognising duplicates (`ProducerStateEntry.NUM_BATCHES_TO_RETAIN`): as many as
/// an idempotent producer may have in flight.
pub const BATCHES_TO_RETAIN: usize = 5;

/// What is kept of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchMetadata {
    pub last_seq: i32,
    pub last_offset: i64,
    pub offset_delta: i32,
    pub timestamp: Ms,
}

impl BatchMetadata {
    pub fn first_seq(&self) -> i32 {
        protocol::Sequence(self.last_seq)
            .minus(self.offset_delta)
            .get()
    }

    pub fn first_offset(&self) -> i64 {
        self.last_offset - i64::from(self.offset_delta)
    }
}

/// A transaction that ended in this partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CompletedTxn {
    pub producer_id: i64,
    pub first_offset: i64,
    /// The marker's offset.
    pub last_offset: i64,
    pub aborted: bool,
}

/// The last known of a producer id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProducerStateEntry {
    pub producer_id: i64,
    pub producer_epoch: i16,
    pub coordinator_epoch: i32,
    /// The greatest timestamp of the last batch, or the last marker's, ms.
    pub last_timestamp: Ms,
    pub current_txn_first_offset: Option<i64>,
    /// Oldest first.
    pub batches: VecDeque<BatchMetadata>,
}

impl ProducerStateEntry {
    pub fn empty(producer_id: i64) -> Self {
        ProducerStateEntry {
            producer_id,
            producer_epoch: -1,
            coordinator_epoch: -1,
            last_timestamp: -1,
            current_txn_first_offset: None,
            batches: VecDeque::new(),
        }
    }

    /// The same without remembered batches.
    pub fn without_batches(&self) -> Self {
        ProducerStateEntry {
            batches: VecDeque::new(),
            ..self.clone()
        }
    }

    pub fn last_seq(&self) -> i32 {
        self.batches
            .back()
            .map_or(NO_SEQUENCE, |batch| batch.last_seq)
    }

    pub fn last_data_offset(&self) -> i64 {
        self.batches.back().map_or(-1, |batch| batch.last_offset)
    }

    pub fn last_offset_delta(&self) -> i32 {
        self.batches.back().map_or(0, |batch| batch.offset_delta)
    }

    fn adopt_epoch(&mut self, epoch: i16) {
        if self.producer_epoch != epoch {
            self.batches.clear();
            self.producer_epoch = epoch;
        }
    }

    fn remember(&mut self, batch: BatchMetadata) {
        if self.batches.len() == BATCHES_TO_RETAIN {
            self.batches.pop_front();
        }
        self.batches.push_back(batch);
    }

    pub fn add_batch(&mut self, epoch: i16, batch: BatchMetadata) {
        self.adopt_epoch(epoch);
        self.remember(batch);
        self.last_timestamp = batch.timestamp;
    }

    /// Takes over what an append found out.
    pub fn update(&mut self, next: &ProducerStateEntry) {
        self.adopt_epoch(next.producer_epoch);
        for batch in &next.batches {
            self.remember(*batch);
        }
        self.coordinator_epoch = next.coordinator_epoch;
        self.current_txn_first_offset = next.current_txn_first_offset;
        self.last_timestamp = next.last_timestamp;
    }

    /// The end of a transaction: epoch and coordinator epoch of the marker, no open transaction.
    pub fn end_transaction(&mut self, epoch: i16, coordinator_epoch: i32, timestamp: Ms) {
        self.adopt_epoch(epoch);
        self.coordinator_epoch = coordinator_epoch;
        self.current_txn_first_offset = None;
        self.last_timestamp = timestamp;
    }

    /// The remembered batch with exactly this batch's epoch and sequences.
    pub fn find_duplicate(&self, batch: &RecordBatch) -> Option<BatchMetadata> {
        if batch.producer_epoch() != self.producer_epoch {
            return None;
        }
        let (first, last) = (batch.base_sequence(), batch.last_sequence());
        self.batches
            .iter()
            .find(|seen| seen.first_seq() == first && seen.last_seq == last)
            .copied()
    }
}

/// Proof that a transaction's partition was verified before its first append (KIP-890). Unique in a log since it was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VerificationGuard(pub u64);

/// A verification under way or done, waiting for the first append.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerificationStateEntry {
    /// When it was created, ms.
    pub timestamp: Ms,
    pub guard: VerificationGuard,
    pub lowest_sequence: i32,
    pub epoch: i16,
    /// The transaction bumps the epoch at its end (transaction.version 2).
    pub supports_epoch_bump: bool,
}

impl VerificationStateEntry {
    /// A retry may lower the lowest sequence, a higher epoch replaces both.
    pub fn update(&mut self, sequence: i32, epoch: i16) {
        if epoch == self.epoch && sequence < self.lowest_sequence {
            self.lowest_sequence = sequence;
        }
        if epoch > self.epoch {
            self.epoch = epoch;
            self.lowest_sequence = sequence;
        }
    }
}
