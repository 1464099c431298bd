//! What one append does to one producer, checked before anything is written (`ProducerAppendInfo`).

use super::AppendOrigin;
use super::entry::{
    BatchMetadata, CompletedTxn, LogOffsetMetadata, ProducerStateEntry, VerificationStateEntry,
};
use crate::error::LogError;
use protocol::record::{EndTransactionMarker, NO_PRODUCER_EPOCH, NO_SEQUENCE, RecordBatch};
use protocol::{ErrorCode, Protection, Protections};

/// The changes that an append will make to a producer's entry once it is written.
#[derive(Debug, Clone)]
pub struct ProducerAppendInfo {
    current: ProducerStateEntry,
    pub updated: ProducerStateEntry,
    origin: AppendOrigin,
    verification: Option<VerificationStateEntry>,
    protections: Protections,
    /// First offsets of transactions that this append begins.
    pub started: Vec<LogOffsetMetadata>,
}

fn in_sequence(last: i32, next: i32) -> bool {
    i64::from(next) == i64::from(last) + 1 || (next == 0 && last == i32::MAX)
}

impl ProducerAppendInfo {
    pub fn new(
        current: ProducerStateEntry,
        origin: AppendOrigin,
        verification: Option<VerificationStateEntry>,
        protections: Protections,
    ) -> Self {
        let updated = current.without_batches();
        ProducerAppendInfo {
            current,
            updated,
            origin,
            verification,
            protections,
            started: Vec::new(),
        }
    }

    /// Takes one batch into account; a marker may complete a transaction.
    ///
    /// # Errors
    /// INVALID_PRODUCER_EPOCH, OUT_OF_ORDER_SEQUENCE_NUMBER, INVALID_TXN_STATE, TRANSACTION_COORDINATOR_FENCED; replicated
    /// batches are never refused but for the third.
    pub fn append(
        &mut self,
        batch: &RecordBatch,
        first_offset: Option<LogOffsetMetadata>,
        transaction_version: i16,
    ) -> Result<Option<CompletedTxn>, LogError> {
        if batch.is_control() {
            let Some(record) = batch.records()?.next() else {
                return Ok(None);
            };
            let record = record?;
            let marker = EndTransactionMarker::parse(record.key.as_ref(), record.value.as_ref())?;
            return self.append_marker(
                marker,
                batch.producer_epoch(),
                batch.base_offset(),
                record.timestamp,
                transaction_version,
            );
        }
        let first = first_offset.unwrap_or(LogOffsetMetadata::only(batch.base_offset()));
        self.append_data(batch, first)?;
        Ok(None)
    }

    fn append_data(
        &mut self,
        batch: &RecordBatch,
        first: LogOffsetMetadata,
    ) -> Result<(), LogError> {
        let epoch = batch.producer_epoch();
        self.check_producer_epoch(epoch)?;
        if self.origin == AppendOrigin::Client && self.protections.on(Protection::SequenceCheck) {
            self.check_sequence(epoch, batch.base_sequence())?;
        }
        self.updated.add_batch(
            epoch,
            BatchMetadata {
                last_seq: batch.last_sequence(),
                last_offset: batch.last_offset(),
                offset_delta: batch.last_offset().wrapping_sub(first.offset) as i32,
                timestamp: batch.max_timestamp(),
            },
        );
        match (
            self.updated.current_txn_first_offset,
            batch.is_transactional(),
        ) {
            (Some(_), false) => Err(LogError::Code(
                ErrorCode::InvalidTxnState,
                "a write outside the transaction that is open here",
            )),
            (None, true) => {
                self.updated.current_txn_first_offset = Some(first.offset);
                self.started.push(first);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn check_producer_epoch(&self, epoch: i16) -> Result<(), LogError> {
        let refused = epoch < self.updated.producer_epoch
            && self.origin != AppendOrigin::Replication
            && self.protections.on(Protection::ProducerEpochCheck);
        if refused {
            Err(LogError::Code(
                ErrorCode::InvalidProducerEpoch,
                "an epoch below the last seen",
            ))
        } else {
            Ok(())
        }
    }

    fn check_sequence(&self, epoch: i16, first_seq: i32) -> Result<(), LogError> {
        let out_of_order = |why| Err(LogError::Code(ErrorCode::OutOfOrderSequenceNumber, why));
        if let Some(verification) = &self.verification {
            if verification.supports_epoch_bump && first_seq != 0 && self.current.batches.is_empty()
            {
                return out_of_order(
                    "the first batch of a producer without state has to begin at 0",
                );
            }
            if first_seq > verification.lowest_sequence {
                return out_of_order("above the earliest sequence that asked for verification");
            }
        }
        if epoch != self.updated.producer_epoch {
            if first_seq != 0 && self.updated.producer_epoch != NO_PRODUCER_EPOCH {
                return out_of_order("a new epoch has to begin at 0");
            }
            return Ok(());
        }
        let last_seq = if !self.updated.batches.is_empty() {
            self.updated.last_seq()
        } else if epoch == self.current.producer_epoch {
            self.current.last_seq()
        } else {
            NO_SEQUENCE
        };
        if self.current.producer_epoch == NO_PRODUCER_EPOCH || in_sequence(last_seq, first_seq) {
            Ok(())
        } else {
            out_of_order("not the next sequence")
        }
    }

    fn append_marker(
        &mut self,
        marker: EndTransactionMarker,
        epoch: i16,
        offset: i64,
        timestamp: i64,
        transaction_version: i16,
    ) -> Result<Option<CompletedTxn>, LogError> {
        self.check_marker_epoch(epoch, transaction_version)?;
        let fenced = self.updated.coordinator_epoch > marker.coordinator_epoch
            && self.origin != AppendOrigin::Replication
            && self.protections.on(Protection::MarkerEpochCheck);
        if fenced {
            return Err(LogError::Code(
                ErrorCode::TransactionCoordinatorFenced,
                "a coordinator epoch below the last seen",
            ));
        }
        let completed = self
            .updated
            .current_txn_first_offset
            .map(|first_offset| CompletedTxn {
                producer_id: self.updated.producer_id,
                first_offset,
                last_offset: offset,
                aborted: !marker.commit,
            });
        self.updated
            .end_transaction(epoch, marker.coordinator_epoch, timestamp);
        Ok(completed)
    }

    /// A marker of transaction.version 2 carries the bumped epoch, which must be new; the same epoch again without an open
    /// transaction is a retry (KIP-1228, KAFKA-19999).
    fn check_marker_epoch(&self, epoch: i16, transaction_version: i16) -> Result<(), LogError> {
        let current = self.updated.producer_epoch;
        let invalid = if transaction_version >= 2 {
            let retry = epoch == current && self.updated.current_txn_first_offset.is_none();
            epoch <= current && !retry
        } else {
            epoch < current
        };
        if invalid
            && self.origin != AppendOrigin::Replication
            && self.protections.on(Protection::MarkerEpochCheck)
        {
            return Err(LogError::Code(
                ErrorCode::InvalidProducerEpoch,
                "a marker of an epoch that is over",
            ));
        }
        Ok(())
    }
}
