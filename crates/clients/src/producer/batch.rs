//! `ProducerBatch`: records of one partition that will be sent, acknowledged or failed together.
//!
//! Knows its bytes and its past attempts; not where it is queued.

use protocol::messages::Records;
use protocol::record::{
    CompressionType, NO_PRODUCER_EPOCH, NO_PRODUCER_ID, NO_SEQUENCE, RecordBatch,
    RecordBatchBuilder, SimpleRecord, estimate_size_upper_bound,
};
use protocol::{LeaderEpoch, Ms, ProducerEpoch, ProducerId, Sequence, TopicPartition};

/// Names a batch for as long as the producer lives; later batches have larger ids.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct BatchId(pub u64);

/// Names an application's call, chosen by the application.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct CallId(pub u64);

/// Producer id and epoch, −1/−1 = none.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct ProducerIdAndEpoch {
    pub id: ProducerId,
    pub epoch: ProducerEpoch,
}

impl ProducerIdAndEpoch {
    pub const NONE: Self = Self {
        id: ProducerId::NONE,
        epoch: ProducerEpoch::NONE,
    };

    pub fn is_valid(self) -> bool {
        self.id > ProducerId::NONE
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FinalState {
    Aborted,
    Failed,
    Succeeded,
}

/// Whom to tell about a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thunk {
    pub call: CallId,
    /// The record's own time, in ms.
    pub timestamp_ms: Ms,
}

/// `ProducerBatch`.
#[derive(Clone, Debug)]
pub struct ProducerBatch {
    pub id: BatchId,
    pub tp: TopicPartition,
    pub created_ms: Ms,
    last_attempt_ms: Ms,
    last_append_ms: Ms,
    pub drained_ms: Option<Ms>,
    attempts: u32,
    retry: bool,
    /// Its sequence was rewritten since it was last closed.
    reopened: bool,
    pub split: bool,
    pub in_flight: bool,
    pub buffer_deallocated: bool,
    builder: RecordBatchBuilder,
    compression: CompressionType,
    closed_for_appends: bool,
    built: Option<RecordBatch>,
    pub thunks: Vec<Thunk>,
    pub max_record_size: usize,
    /// Bytes of buffer memory that it holds.
    pub capacity: i64,
    pub producer: ProducerIdAndEpoch,
    pub base_sequence: Sequence,
    pub transactional: bool,
    pub final_state: Option<FinalState>,
    leader_epoch: Option<LeaderEpoch>,
    attempts_when_leader_changed: u32,
}

impl ProducerBatch {
    /// An empty batch with `capacity` bytes of room. `ratio` is the codec's estimated ratio for the topic.
    pub fn new(
        id: BatchId,
        tp: TopicPartition,
        capacity: usize,
        compression: CompressionType,
        ratio: f32,
        now: Ms,
        split: bool,
    ) -> Self {
        Self {
            id,
            tp,
            created_ms: now,
            last_attempt_ms: now,
            last_append_ms: now,
            drained_ms: None,
            attempts: 0,
            retry: false,
            reopened: false,
            split,
            in_flight: false,
            buffer_deallocated: false,
            builder: RecordBatchBuilder::new(0)
                .compression(compression)
                .estimated_compression_ratio(ratio)
                .write_limit(capacity),
            compression,
            closed_for_appends: false,
            built: None,
            thunks: Vec::new(),
            max_record_size: 0,
            capacity: capacity as i64,
            producer: ProducerIdAndEpoch::NONE,
            base_sequence: Sequence::NONE,
            transactional: false,
            final_state: None,
            leader_epoch: None,
            attempts_when_leader_changed: 0,
        }
    }

    /// False = no room; the batch is unchanged.
    pub fn try_append(&mut self, record: &SimpleRecord, thunk: Thunk, now: Ms) -> bool {
        if self.is_full() || !self.builder.has_room_for(record) {
            return false;
        }
        self.builder
            .append(record)
            .expect("offsets rise from 0, and send() refused negative timestamps");
        let size =
            estimate_size_upper_bound(record.key.as_ref(), record.value.as_ref(), &record.headers);
        self.max_record_size = self.max_record_size.max(size);
        self.last_append_ms = now;
        self.thunks.push(thunk);
        true
    }

    pub fn record_count(&self) -> i32 {
        self.thunks.len() as i32
    }

    pub fn close_for_appends(&mut self) {
        self.closed_for_appends = true;
    }

    /// `MemoryRecordsBuilder.isFull`.
    pub fn is_full(&self) -> bool {
        self.closed_for_appends || self.built.is_some() || self.builder.is_full()
    }

    pub fn is_closed(&self) -> bool {
        self.built.is_some()
    }

    pub fn is_done(&self) -> bool {
        self.final_state.is_some()
    }

    pub fn estimated_size(&self) -> usize {
        self.built.as_ref().map_or_else(
            || self.builder.estimated_bytes_written(),
            RecordBatch::size_in_bytes,
        )
    }

    /// Makes the bytes (`MemoryRecordsBuilder.close`). Answers compressed by uncompressed size, 1 without a codec.
    pub fn close(&mut self) -> f32 {
        self.closed_for_appends = true;
        self.reopened = false;
        if self.built.is_none() {
            let producer = self.producer;
            self.builder.set_producer_state(
                producer.id.0,
                producer.epoch.0,
                self.base_sequence.0,
                self.transactional,
            );
            let batch = self
                .builder
                .build()
                .expect("the configuration refused codecs that this build lacks");
            self.built = Some(batch.expect("a batch is created with its first record"));
        }
        let size = self.built.as_ref().map_or(0, RecordBatch::size_in_bytes);
        if self.compression == CompressionType::None {
            1.0
        } else {
            (size - protocol::record::BATCH_OVERHEAD) as f32
                / self.builder.uncompressed_size() as f32
        }
    }

    pub fn built(&self) -> Option<&RecordBatch> {
        self.built.as_ref()
    }

    /// Keys of its records, in order; for those who look.
    pub fn keys(&self) -> Vec<Option<bytes::Bytes>> {
        let batch = match &self.built {
            Some(built) => Some(built.clone()),
            None => self.builder.build().ok().flatten(),
        };
        let records = batch.and_then(|b| b.records().ok());
        let records = records.into_iter().flatten();
        records.map_while(Result::ok).map(|r| r.key).collect()
    }

    pub fn records(&self) -> Records {
        Records::one(
            self.built
                .as_ref()
                .expect("drained batches are closed")
                .bytes()
                .clone(),
        )
    }

    pub fn set_producer_state(
        &mut self,
        producer: ProducerIdAndEpoch,
        base_sequence: Sequence,
        transactional: bool,
    ) {
        self.producer = producer;
        self.base_sequence = base_sequence;
        self.transactional = transactional;
    }

    /// Gives the batch another id, epoch or sequence although it was sent already.
    pub fn reset_producer_state(&mut self, producer: ProducerIdAndEpoch, base_sequence: Sequence) {
        self.reopened = true;
        self.built = None;
        self.set_producer_state(producer, base_sequence, self.transactional);
    }

    pub fn has_sequence(&self) -> bool {
        !self.base_sequence.is_none()
    }

    /// Kafka adds without wrapping here.
    pub fn last_sequence(&self) -> i32 {
        self.base_sequence
            .0
            .wrapping_add(self.record_count())
            .wrapping_sub(1)
    }

    pub fn sequence_was_reset(&self) -> bool {
        self.reopened
    }

    pub fn attempts(&self) -> u32 {
        self.attempts
    }

    pub fn in_retry(&self) -> bool {
        self.retry
    }

    pub fn reenqueued(&mut self, now: Ms) {
        self.attempts += 1;
        self.last_attempt_ms = self.last_append_ms.max(now);
        self.last_append_ms = self.last_append_ms.max(now);
        self.retry = true;
    }

    pub fn waited_ms(&self, now: Ms) -> Ms {
        (now - self.last_attempt_ms).max(0)
    }

    pub fn last_attempt_ms(&self) -> Ms {
        self.last_attempt_ms
    }

    pub fn has_reached_delivery_timeout(&self, delivery_timeout_ms: Ms, now: Ms) -> bool {
        delivery_timeout_ms <= now - self.created_ms
    }

    pub fn maybe_update_leader_epoch(&mut self, latest: Option<LeaderEpoch>) {
        if latest > self.leader_epoch {
            self.attempts_when_leader_changed = self.attempts;
            self.leader_epoch = latest;
        }
    }

    /// A leader change was seen since the last attempt, so that its back-off does not count (KIP-951).
    pub fn leader_changed_for_the_ongoing_retry(&self) -> bool {
        self.attempts >= 1 && self.attempts == self.attempts_when_leader_changed
    }

    /// Cuts the batch into pieces of `size` bytes, in order, each with its share of the sequence.
    pub fn split_into(
        &self,
        size: usize,
        ratio: f32,
        mut next_id: impl FnMut() -> BatchId,
    ) -> Vec<ProducerBatch> {
        let batch = self
            .built
            .as_ref()
            .expect("only a batch that was sent is split");
        let mut pieces: Vec<ProducerBatch> = Vec::new();
        for (record, thunk) in batch.records().expect("our own bytes").zip(&self.thunks) {
            let record = record.expect("our own bytes");
            let record = SimpleRecord {
                timestamp: record.timestamp,
                key: record.key,
                value: record.value,
                headers: record.headers,
            };
            let appended = pieces
                .last_mut()
                .is_some_and(|piece| piece.try_append(&record, thunk.clone(), self.created_ms));
            if !appended {
                let bound = estimate_size_upper_bound(
                    record.key.as_ref(),
                    record.value.as_ref(),
                    &record.headers,
                );
                let capacity = bound.max(size);
                let mut piece = ProducerBatch::new(
                    next_id(),
                    self.tp.clone(),
                    capacity,
                    self.compression,
                    ratio,
                    self.created_ms,
                    true,
                );
                let first = piece.try_append(&record, thunk.clone(), self.created_ms);
                assert!(first, "the first record always fits");
                pieces.push(piece);
            }
        }
        let mut sequence = self.base_sequence;
        for piece in &mut pieces {
            piece.close_for_appends();
            if self.has_sequence() {
                piece.set_producer_state(self.producer, sequence, self.transactional);
                sequence = Sequence(sequence.0.wrapping_add(piece.record_count()));
            }
        }
        pieces
    }

    /// Compressed by uncompressed size of the built batch.
    pub fn compression_ratio(&self) -> f32 {
        if self.compression == CompressionType::None {
            return 1.0;
        }
        let size = self.built.as_ref().map_or(0, RecordBatch::size_in_bytes);
        size.saturating_sub(protocol::record::BATCH_OVERHEAD) as f32
            / self.builder.uncompressed_size().max(1) as f32
    }
}

const _: () = assert!(NO_PRODUCER_ID == -1 && NO_PRODUCER_EPOCH == -1 && NO_SEQUENCE == -1);
