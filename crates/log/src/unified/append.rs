//! Appending, as a leader and as a follower, in Kafka's order of checks and effects (`UnifiedLog.append`).

use super::{UnifiedLog, active_of};
use crate::error::LogError;
use crate::producer::{
    AppendOrigin, CompletedTxn, LogOffsetMetadata, ProducerAppendInfo, VerificationGuard,
};
use crate::txn_index::AbortedTxn;
use crate::validator::{Validated, validate_and_assign};
use protocol::messages::Records;
use protocol::record::{Batches, CompressionType, RecordBatch};
use protocol::{
    ErrorCode, LeaderEpoch, Ms, Offset, ProducerEpoch, ProducerId, Protection, Sequence,
};
use std::collections::BTreeMap;

/// What became of an append (`LogAppendInfo`). Offsets −1: nothing valid arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogAppendInfo {
    pub first_offset: Offset,
    pub last_offset: Offset,
    pub max_timestamp: Ms,
    /// −1 under create time; for a duplicate the remembered batch's timestamp.
    pub log_append_time: Ms,
    pub log_start_offset: Offset,
    /// Bytes of the batches as they arrived.
    pub valid_bytes: usize,
    /// Something was written; false for a duplicate.
    pub appended: bool,
    /// The batch was in the log already; the offsets are the first copy's.
    pub duplicate: bool,
}

struct Analyzed {
    batches: Vec<RecordBatch>,
    info: LogAppendInfo,
    source_compression: CompressionType,
}

struct ProducerOutcome {
    updated: BTreeMap<i64, ProducerAppendInfo>,
    completed: Vec<CompletedTxn>,
}

/// How an append is to be treated.
struct Mode {
    origin: AppendOrigin,
    assign_offsets: bool,
    leader_epoch: i32,
    guard: Option<VerificationGuard>,
    transaction_version: i16,
}

impl UnifiedLog {
    /// Appends what a producer or coordinator sent: offsets from the log end, epoch stamped, rules of the topic applied.
    /// `guard`: the proof that [`UnifiedLog::maybe_start_transaction_verification`] gave; `transaction_version`: of the
    /// marker, if it is one.
    ///
    /// # Errors
    /// Kafka's refusals. Even then the epoch cache may have moved and a segment may have been rolled.
    pub fn append_as_leader(
        &mut self,
        records: &Records,
        leader_epoch: LeaderEpoch,
        origin: AppendOrigin,
        guard: Option<VerificationGuard>,
        transaction_version: i16,
        now: Ms,
    ) -> Result<LogAppendInfo, LogError> {
        let assign_offsets = origin != AppendOrigin::RaftLeader;
        let mode = Mode {
            origin,
            assign_offsets,
            leader_epoch: leader_epoch.get(),
            guard,
            transaction_version,
        };
        self.append(records, &mode, now)
    }

    /// Appends what the leader sent. `leader_epoch` is the epoch of the follower's fetch: batches of a later one, and all
    /// after them, are dropped (KAFKA-18723).
    ///
    /// # Errors
    /// Offsets out of order or below the log end, corrupt batches, more than a segment holds.
    pub fn append_as_follower(
        &mut self,
        records: &Records,
        leader_epoch: LeaderEpoch,
        now: Ms,
    ) -> Result<LogAppendInfo, LogError> {
        let mode = Mode {
            origin: AppendOrigin::Replication,
            assign_offsets: false,
            leader_epoch: leader_epoch.get(),
            guard: None,
            transaction_version: 0,
        };
        self.append(records, &mode, now)
    }

    /// Prepares the first append of a transaction (KIP-890); `None` if the transaction is open here already, so that no
    /// proof is needed (`UnifiedLog.maybeStartTransactionVerification`).
    ///
    /// # Errors
    /// INVALID_PRODUCER_EPOCH below the producer's epoch.
    pub fn maybe_start_transaction_verification(
        &mut self,
        producer_id: ProducerId,
        sequence: Sequence,
        epoch: ProducerEpoch,
        supports_epoch_bump: bool,
        now: Ms,
    ) -> Result<Option<VerificationGuard>, LogError> {
        self.producers_mut().start_verification(
            producer_id.get(),
            sequence.get(),
            epoch.get(),
            supports_epoch_bump,
            now,
        )
    }

    fn append(
        &mut self,
        records: &Records,
        mode: &Mode,
        now: Ms,
    ) -> Result<LogAppendInfo, LogError> {
        let Analyzed {
            batches,
            mut info,
            source_compression,
        } = self.analyze(records, mode)?;
        if info.valid_bytes == 0 {
            return Ok(info);
        }
        let batches = if mode.assign_offsets {
            self.assign(batches, source_compression, mode, &mut info, now)?
        } else {
            if info.first_offset.get() < self.next_offset.offset {
                return Err(LogError::UnexpectedAppendOffset {
                    first_offset: info.first_offset.get(),
                    last_offset: info.last_offset.get(),
                });
            }
            batches
        };
        for batch in &batches {
            if self
                .epochs
                .assign(batch.partition_leader_epoch(), batch.base_offset())?
            {
                self.write_epochs(now);
            }
        }
        let bytes: usize = batches.iter().map(RecordBatch::size_in_bytes).sum();
        if bytes as i64 > self.config.segment_bytes {
            return Err(LogError::Code(
                ErrorCode::RecordListTooLarge,
                "more than a segment holds",
            ));
        }
        self.maybe_roll(bytes, &info, now)?;
        let active = self.active_segment();
        let start =
            LogOffsetMetadata::at(info.first_offset.get(), active.base, active.size(&self.dir));
        match self.check_producers(start, &batches, mode)? {
            Err(duplicate) => {
                info.first_offset = Offset(duplicate.first_offset());
                info.last_offset = Offset(duplicate.last_offset);
                info.log_append_time = duplicate.timestamp;
                info.duplicate = true;
                Ok(info)
            }
            Ok(outcome) => {
                self.write(&batches, outcome, &info, now)?;
                info.appended = true;
                Ok(info)
            }
        }
    }

    /// Checks batches as they arrived: base offsets, sizes, checksums (`UnifiedLog.analyzeAndValidateRecords`).
    fn analyze(&self, records: &Records, mode: &Mode) -> Result<Analyzed, LogError> {
        let mut analyzed = Analyzed {
            batches: Vec::new(),
            info: LogAppendInfo {
                first_offset: Offset::NONE,
                last_offset: Offset::NONE,
                max_timestamp: -1,
                log_append_time: -1,
                log_start_offset: self.log_start_offset(),
                valid_bytes: 0,
                appended: false,
                duplicate: false,
            },
            source_compression: CompressionType::None,
        };
        let info = &mut analyzed.info;
        let mut monotonic = true;
        let replica = mode.origin == AppendOrigin::Replication;
        for batch in Batches::new(records.concat()) {
            let batch = batch?;
            if mode.origin == AppendOrigin::RaftLeader
                && batch.partition_leader_epoch() != mode.leader_epoch
            {
                return Err(LogError::Code(
                    ErrorCode::InvalidRecord,
                    "the quorum leader stamps its own epoch",
                ));
            }
            if mode.origin == AppendOrigin::Client && batch.base_offset() != 0 {
                return Err(LogError::Code(
                    ErrorCode::InvalidRecord,
                    "producers count from 0",
                ));
            }
            if replica && batch.partition_leader_epoch() > mode.leader_epoch {
                break;
            }
            if info.first_offset.is_none() && analyzed.batches.is_empty() {
                info.first_offset = Offset(batch.base_offset());
            }
            monotonic &= info.last_offset.get() < batch.last_offset();
            info.last_offset = Offset(batch.last_offset());
            if !replica && batch.size_in_bytes() > self.config.max_message_bytes {
                return Err(LogError::Code(
                    ErrorCode::MessageTooLarge,
                    "a batch above max.message.bytes",
                ));
            }
            batch.ensure_valid()?;
            info.max_timestamp = info.max_timestamp.max(batch.max_timestamp());
            info.valid_bytes += batch.size_in_bytes();
            let codec = batch
                .compression()
                .map_err(|_| LogError::IllegalArgument("an unknown codec"))?;
            if codec != CompressionType::None {
                analyzed.source_compression = codec;
            }
            analyzed.batches.push(batch);
        }
        if !mode.assign_offsets && !monotonic {
            return Err(LogError::OffsetsOutOfOrder);
        }
        Ok(analyzed)
    }

    fn assign(
        &mut self,
        batches: Vec<RecordBatch>,
        source: CompressionType,
        mode: &Mode,
        info: &mut LogAppendInfo,
        now: Ms,
    ) -> Result<Vec<RecordBatch>, LogError> {
        info.first_offset = self.log_end_offset();
        let Validated {
            batch,
            max_timestamp,
            last_offset,
            log_append_time,
            size_may_have_changed,
        } = validate_and_assign(
            batches,
            source,
            &self.config,
            mode.origin,
            mode.leader_epoch,
            self.next_offset.offset,
            now,
        )?;
        info.max_timestamp = max_timestamp;
        info.last_offset = Offset(last_offset);
        info.log_append_time = log_append_time;
        if size_may_have_changed && batch.size_in_bytes() > self.config.max_message_bytes {
            return Err(LogError::Code(
                ErrorCode::MessageTooLarge,
                "a recompressed batch above max.message.bytes",
            ));
        }
        Ok(vec![batch])
    }

    fn maybe_roll(&mut self, bytes: usize, info: &LogAppendInfo, now: Ms) -> Result<(), LogError> {
        let (max_timestamp, last_offset) = (info.max_timestamp, info.last_offset.get());
        if self.active_segment().should_roll(
            &self.dir,
            &self.config,
            bytes,
            max_timestamp,
            last_offset,
            now,
        ) {
            self.roll_at(info.first_offset.get(), now)?;
        }
        Ok(())
    }

    /// Sequences, epochs and transactions of every batch; the inner error is the batch that this one repeats
    /// (`UnifiedLog.analyzeAndValidateProducerState`).
    fn check_producers(
        &mut self,
        start: LogOffsetMetadata,
        batches: &[RecordBatch],
        mode: &Mode,
    ) -> Result<Result<ProducerOutcome, crate::producer::BatchMetadata>, LogError> {
        let mut outcome = ProducerOutcome {
            updated: BTreeMap::new(),
            completed: Vec::new(),
        };
        let (segment_base, mut position) = start.place.unwrap_or_default();
        for batch in batches {
            if batch.has_producer_id() {
                let producer_id = batch.producer_id();
                if mode.origin == AppendOrigin::Client
                    && self.broker.protections.on(Protection::SequenceCheck)
                    && let Some(duplicate) = self
                        .producers
                        .producers()
                        .get(&producer_id)
                        .and_then(|entry| entry.find_duplicate(batch))
                {
                    return Ok(Err(duplicate));
                }
                if matches!(
                    mode.origin,
                    AppendOrigin::Client | AppendOrigin::Coordinator
                ) {
                    self.check_verified(batch, mode.guard)?;
                }
                let first = batch
                    .is_transactional()
                    .then(|| LogOffsetMetadata::at(batch.base_offset(), segment_base, position));
                let producers = &self.producers;
                let info = outcome
                    .updated
                    .entry(producer_id)
                    .or_insert_with(|| producers.prepare_update(producer_id, mode.origin));
                outcome
                    .completed
                    .extend(info.append(batch, first, mode.transaction_version)?);
                if batch.is_transactional() {
                    self.producers.clear_verification(
                        producer_id,
                        batch.is_control(),
                        batch.producer_epoch(),
                    );
                }
            }
            position += batch.size_in_bytes();
        }
        Ok(Ok(outcome))
    }

    /// A transactional batch has to belong to an open transaction, or come with the proof of verification.
    fn check_verified(
        &self,
        batch: &RecordBatch,
        guard: Option<VerificationGuard>,
    ) -> Result<(), LogError> {
        let producer_id = batch.producer_id();
        if !batch.is_transactional()
            || self
                .producers
                .has_ongoing_transaction(producer_id, batch.producer_epoch())
        {
            return Ok(());
        }
        let protections = self.broker.protections;
        if let Some(entry) = self.producers.producers().get(&producer_id)
            && batch.producer_epoch() < entry.producer_epoch
            && protections.on(Protection::ProducerEpochCheck)
        {
            return Err(LogError::Code(
                ErrorCode::InvalidProducerEpoch,
                "an epoch below the last seen",
            ));
        }
        let needed = self.broker.transaction_partition_verification
            && protections.on(Protection::TransactionVerification)
            && !batch.is_control();
        let expected = self
            .producers
            .verifications()
            .get(&producer_id)
            .map(|entry| entry.guard);
        if needed && (expected.is_none() || expected != guard) {
            return Err(LogError::Code(
                ErrorCode::InvalidTxnState,
                "not part of a transaction that is open or verified here",
            ));
        }
        Ok(())
    }

    fn write(
        &mut self,
        batches: &[RecordBatch],
        outcome: ProducerOutcome,
        info: &LogAppendInfo,
        now: Ms,
    ) -> Result<(), LogError> {
        let last_offset = info.last_offset.get();
        let active = active_of(&mut self.segments);
        active.append(&mut self.dir, last_offset, batches, now)?;
        self.set_log_end(last_offset + 1);
        self.refresh_high_watermark_at_log_end();
        for info in outcome.updated.into_values() {
            self.producers.update(info);
        }
        for txn in outcome.completed {
            let last_stable_offset = self.producers.last_stable_offset(&txn);
            if txn.aborted {
                let aborted = AbortedTxn {
                    producer_id: txn.producer_id,
                    first_offset: txn.first_offset,
                    last_offset: txn.last_offset,
                    last_stable_offset,
                };
                active_of(&mut self.segments).append_aborted(&mut self.dir, "", aborted, now);
            }
            self.producers.complete_txn(&txn)?;
        }
        self.producers.update_map_end_offset(last_offset + 1);
        self.update_first_unstable();
        if self.unflushed_messages() >= self.config.flush_messages {
            self.flush(false, now);
        }
        Ok(())
    }
}
