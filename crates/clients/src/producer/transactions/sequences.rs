//! Sequence numbers per partition, and what becomes of them when batches fail (`TxnPartitionMap`, `TxnPartitionEntry`).

use super::{By, State, TransactionManager};
use crate::error::ClientError;
use crate::producer::accumulator::Batches;
use crate::producer::batch::{BatchId, ProducerBatch, ProducerIdAndEpoch};
use protocol::messages::PartitionProduceResponse;
use protocol::{ErrorCode, Offset, ProducerEpoch, ProducerId, Sequence, TopicPartition};
use std::collections::BTreeMap;

type InFlightKey = (ProducerId, ProducerEpoch, Sequence);

fn key_of(batch: &ProducerBatch) -> InFlightKey {
    (batch.producer.id, batch.producer.epoch, batch.base_sequence)
}

/// `TxnPartitionEntry`.
#[derive(Clone, Debug)]
pub(super) struct PartitionEntry {
    pub producer: ProducerIdAndEpoch,
    pub next_sequence: Sequence,
    /// −1 = none
    last_acked_sequence: i32,
    last_acked_offset: Offset,
    in_flight: BTreeMap<InFlightKey, BatchId>,
}

impl Default for PartitionEntry {
    fn default() -> Self {
        Self {
            producer: ProducerIdAndEpoch::NONE,
            next_sequence: Sequence(0),
            last_acked_sequence: -1,
            last_acked_offset: Offset::NONE,
            in_flight: BTreeMap::new(),
        }
    }
}

impl PartitionEntry {
    fn rewrite(&mut self, batches: &mut Batches, mut rewrite: impl FnMut(&mut ProducerBatch)) {
        let ids: Vec<BatchId> = self.in_flight.values().copied().collect();
        self.in_flight.clear();
        for id in ids {
            let batch = batches.get_mut(&id).expect("batches in flight are kept");
            rewrite(batch);
            self.in_flight.insert(key_of(batch), id);
        }
    }

    fn start_at_beginning(&mut self, producer: ProducerIdAndEpoch, batches: &mut Batches) {
        let mut sequence = Sequence(0);
        self.rewrite(batches, |batch| {
            batch.reset_producer_state(producer, sequence);
            sequence = Sequence(sequence.0 + batch.record_count());
        });
        self.producer = producer;
        self.next_sequence = sequence;
        self.last_acked_sequence = -1;
    }
}

impl TransactionManager {
    /// The next sequence of each partition.
    pub fn next_sequences(&self) -> impl Iterator<Item = (&TopicPartition, Sequence)> {
        self.partitions
            .iter()
            .map(|(tp, entry)| (tp, entry.next_sequence))
    }

    pub fn unresolved(&self) -> impl Iterator<Item = &TopicPartition> {
        self.unresolved.keys()
    }

    pub fn has_in_flight_batches(&self, tp: &TopicPartition) -> bool {
        self.partitions
            .get(tp)
            .is_some_and(|entry| !entry.in_flight.is_empty())
    }

    pub(super) fn has_stale_producer(&self, tp: &TopicPartition) -> bool {
        self.partitions
            .get(tp)
            .map_or(ProducerIdAndEpoch::NONE, |entry| entry.producer)
            != self.producer
    }

    pub(super) fn first_in_flight_sequence(&self, tp: &TopicPartition) -> Option<Sequence> {
        self.partitions
            .get(tp)?
            .in_flight
            .keys()
            .next()
            .map(|key| key.2)
    }

    /// Gives a batch that leaves for the first time its id, epoch and sequence.
    pub fn stamp(&mut self, batch: &mut ProducerBatch) {
        let tp = batch.tp.clone();
        let (producer, fatal, transactional) = (
            self.producer,
            self.has_fatal_error(),
            self.is_transactional(),
        );
        let stale = self.has_stale_producer(&tp);
        let entry = self.partitions.entry(tp).or_default();
        if !fatal && stale && entry.in_flight.is_empty() {
            entry.producer = producer;
            entry.next_sequence = Sequence(0);
            entry.last_acked_sequence = -1;
        }
        batch.set_producer_state(producer, entry.next_sequence, transactional);
        entry.next_sequence = entry.next_sequence.plus(batch.record_count());
        entry.in_flight.insert(key_of(batch), batch.id);
    }

    pub fn add_in_flight_batch(&mut self, batch: &ProducerBatch) {
        self.partitions
            .entry(batch.tp.clone())
            .or_default()
            .in_flight
            .insert(key_of(batch), batch.id);
    }

    pub fn remove_in_flight_batch(&mut self, batch: &ProducerBatch) {
        if let Some(entry) = self.partitions.get_mut(&batch.tp) {
            entry.in_flight.remove(&key_of(batch));
        }
    }

    pub fn handle_completed_batch(&mut self, batch: &ProducerBatch, base_offset: Offset) {
        let transactional = self.is_transactional();
        if let Some(entry) = self.partitions.get_mut(&batch.tp) {
            entry.last_acked_sequence = entry.last_acked_sequence.max(batch.last_sequence());
        }
        if !base_offset.is_none() {
            let last = base_offset.plus(i64::from(batch.record_count()) - 1);
            let known = self.partitions.contains_key(&batch.tp);
            if known || !transactional {
                let entry = self.partitions.entry(batch.tp.clone()).or_default();
                entry.last_acked_offset = entry.last_acked_offset.max(last);
            }
        }
        self.remove_in_flight_batch(batch);
    }

    /// `handleFailedBatch`. `adjust_sequences` = the broker did not take the batch and it was not retried to the end.
    pub fn handle_failed_batch(
        &mut self,
        id: BatchId,
        error: &ClientError,
        adjust_sequences: bool,
        batches: &mut Batches,
    ) -> Result<(), ClientError> {
        self.maybe_transition_to_error(error, By::Sender)?;
        let batch = batches[&id].clone();
        self.remove_in_flight_batch(&batch);
        if self.has_fatal_error() {
            return Ok(());
        }
        if error.is(ErrorCode::OutOfOrderSequenceNumber) && !self.is_transactional() {
            self.request_bump(&batch.tp);
        } else if error.is(ErrorCode::UnknownProducerId) {
            self.partitions.remove(&batch.tp);
            self.unresolved.remove(&batch.tp);
        } else if adjust_sequences {
            if self.is_transactional() {
                self.adjust_sequences(&batch, batches);
            } else {
                self.request_bump(&batch.tp);
            }
        }
        Ok(())
    }

    fn adjust_sequences(&mut self, failed: &ProducerBatch, batches: &mut Batches) {
        let Some(entry) = self.partitions.get_mut(&failed.tp) else {
            return;
        };
        let count = failed.record_count();
        // Kafka treats a sequence that would become negative as an internal error and leaves it.
        if entry.next_sequence.0 < count {
            return;
        }
        entry.next_sequence = Sequence(entry.next_sequence.0 - count);
        let base = failed.base_sequence;
        entry.rewrite(batches, |batch| {
            if batch.base_sequence >= base {
                let producer = batch.producer;
                batch.reset_producer_state(producer, Sequence(batch.base_sequence.0 - count));
            }
        });
    }

    fn request_bump(&mut self, tp: &TopicPartition) {
        self.client_side_bump_required = true;
        self.to_rewrite.insert(tp.clone());
    }

    /// A retried batch expired: nobody knows whether the broker has it.
    pub fn mark_unresolved(&mut self, batch: &ProducerBatch) {
        let next = batch.last_sequence().wrapping_add(1);
        let known = self.unresolved.entry(batch.tp.clone()).or_insert(next);
        *known = (*known).max(next);
    }

    fn is_next_sequence(&self, tp: &TopicPartition, sequence: i32) -> bool {
        let acked = self
            .partitions
            .get(tp)
            .map_or(-1, |entry| entry.last_acked_sequence);
        sequence.wrapping_sub(acked) == 1
    }

    /// Unresolved partitions without batches in flight are decided (`maybeResolveSequences`).
    pub fn maybe_resolve_sequences(&mut self) -> Result<(), ClientError> {
        for tp in self.unresolved.keys().cloned().collect::<Vec<_>>() {
            if self.has_in_flight_batches(&tp) {
                continue;
            }
            let next = self.partitions.entry(tp.clone()).or_default().next_sequence;
            if !self.is_next_sequence(&tp, next.0) {
                if self.is_transactional() {
                    let error = ClientError::kafka();
                    if self.can_handle_abortable_error() {
                        if self.needs_bump_from_client() {
                            self.client_side_bump_required = true;
                        }
                        self.transition_to_abortable(error, By::Sender)?;
                    } else {
                        self.transition_to_fatal(error, By::Sender)?;
                    }
                } else {
                    self.request_bump(&tp);
                }
            }
            self.unresolved.remove(&tp);
        }
        Ok(())
    }

    /// Whether an idempotent batch that failed may be sent again (`TransactionManager.canRetry`).
    pub fn can_retry(
        &mut self,
        response: &PartitionProduceResponse,
        batch: BatchId,
        batches: &mut Batches,
    ) -> bool {
        let (tp, reset, base) = {
            let batch = &batches[&batch];
            (
                batch.tp.clone(),
                batch.sequence_was_reset(),
                batch.base_sequence,
            )
        };
        let unresolved = self.unresolved.get(&tp).copied();
        match response.error {
            ErrorCode::UnknownProducerId => {
                if response.log_start_offset.is_none() || reset {
                    return true;
                }
                let acked = self
                    .partitions
                    .get(&tp)
                    .map_or(Offset::NONE, |entry| entry.last_acked_offset);
                if acked < response.log_start_offset {
                    if self.is_transactional() {
                        let producer = self.producer;
                        if let Some(entry) = self.partitions.get_mut(&tp) {
                            entry.start_at_beginning(producer, batches);
                        }
                    } else {
                        self.request_bump(&tp);
                    }
                    return true;
                }
                if !self.is_transactional() {
                    self.request_bump(&tp);
                    return true;
                }
            }
            ErrorCode::OutOfOrderSequenceNumber => {
                if unresolved.is_none() && (reset || !self.is_next_sequence(&tp, base.0)) {
                    return true;
                }
                if !self.is_transactional() {
                    if unresolved.is_none_or(|next| next == base.0) {
                        self.request_bump(&tp);
                    }
                    return true;
                }
            }
            _ => {}
        }
        response.error.is_retriable()
    }

    /// An idempotent producer bumps its epoch by itself and asks for an id when it has none
    /// (`bumpIdempotentEpochAndResetIdIfNeeded`).
    pub fn bump_idempotent_epoch_if_needed(
        &mut self,
        batches: &mut Batches,
    ) -> Result<(), ClientError> {
        if self.is_transactional() {
            return Ok(());
        }
        if self.client_side_bump_required {
            if self.producer.epoch.0 == i16::MAX {
                self.producer = ProducerIdAndEpoch::NONE;
                self.transition(State::Uninitialized, None, By::Sender)?;
            } else {
                self.producer.epoch = self.producer.epoch.next();
            }
            let producer = self.producer;
            for tp in std::mem::take(&mut self.to_rewrite) {
                if let Some(entry) = self.partitions.get_mut(&tp) {
                    entry.start_at_beginning(producer, batches);
                }
                self.unresolved.remove(&tp);
            }
            self.client_side_bump_required = false;
        }
        if self.state != State::Initializing && !self.producer.is_valid() {
            self.transition(State::Initializing, None, By::Sender)?;
            self.enqueue_init_producer_id(ProducerIdAndEpoch::NONE, false);
        }
        Ok(())
    }

    pub(super) fn reset_sequence_numbers(&mut self) {
        self.partitions.clear();
        self.unresolved.clear();
    }
}
