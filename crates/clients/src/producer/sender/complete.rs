//! How batches end: acknowledged, sent again, split, failed, expired, aborted (`Sender.completeBatch` and around it).

use super::Sender;
use crate::error::ClientError;
use crate::network::Outcome;
use crate::producer::batch::{BatchId, FinalState};
use crate::producer::events::ProducerEvent;
use protocol::messages::{LeaderIdAndEpoch, PartitionProduceResponse};
use protocol::{ErrorCode, LeaderEpoch, Ms, Name, NodeId, Offset, TopicPartition, Uuid};
use std::collections::BTreeMap;

/// Leaders that answers named beside their errors.
type NewLeaders = Vec<(TopicPartition, NodeId, LeaderEpoch)>;

impl Sender {
    pub(super) fn handle_produce_response(
        &mut self,
        batches: &BTreeMap<TopicPartition, BatchId>,
        topic_names: &BTreeMap<Uuid, Name>,
        outcome: Outcome,
        now: Ms,
    ) {
        let whole = |error: ErrorCode| PartitionProduceResponse {
            error,
            ..PartitionProduceResponse::default()
        };
        let error = match outcome {
            Outcome::Disconnected { timed_out: true } => ErrorCode::RequestTimedOut,
            Outcome::Disconnected { timed_out: false } => ErrorCode::NetworkException,
            Outcome::Written => ErrorCode::None,
            Outcome::Response(protocol::messages::Response::Produce(response)) => {
                let mut leaders = NewLeaders::new();
                for topic in &response.responses {
                    let name = topic_names.get(&topic.topic_id).unwrap_or(&topic.name);
                    for partition in &topic.partition_responses {
                        let tp = TopicPartition {
                            topic: name.clone(),
                            partition: partition.index,
                        };
                        if let Some(&batch) = batches.get(&tp) {
                            self.complete_batch(batch, partition, now, Some(&mut leaders));
                        }
                    }
                }
                if !leaders.is_empty() {
                    let endpoints: Vec<NodeId> =
                        response.node_endpoints.iter().map(|e| e.node_id).collect();
                    self.network
                        .metadata
                        .update_partition_leadership(&leaders, &endpoints);
                }
                return;
            }
            Outcome::Response(other) => unreachable!("{:?} answers no PRODUCE", other.api()),
        };
        for &batch in batches.values() {
            self.complete_batch(batch, &whole(error), now, None);
        }
    }

    fn complete_batch(
        &mut self,
        id: BatchId,
        response: &PartitionProduceResponse,
        now: Ms,
        leaders: Option<&mut NewLeaders>,
    ) {
        if !self.accumulator.batches.contains_key(&id) {
            return;
        }
        let batch = self.accumulator.batch_mut(id);
        batch.in_flight = false;
        let tp = batch.tp.clone();
        let error = response.error;
        if error == ErrorCode::MessageTooLarge && batch.record_count() > 1 && !batch.is_done() {
            self.split(id);
        } else if error.is_none() {
            self.acknowledge(id, response);
        } else {
            if self.can_retry(id, response, now) {
                self.accumulator.reenqueue(id, self.txn.as_ref(), now);
                self.remove_from_in_flight(id);
            } else if error == ErrorCode::DuplicateSequenceNumber {
                self.acknowledge(id, response);
            } else {
                let adjust =
                    (self.accumulator.batch(id).attempts() as i64) < i64::from(self.config.retries);
                self.fail_with_response(id, response, adjust);
            }
            if error.is_invalid_metadata() {
                let LeaderIdAndEpoch {
                    leader_id,
                    leader_epoch,
                } = response.current_leader;
                let named = !leader_id.is_none() && !leader_epoch.is_none();
                let moved = matches!(
                    error,
                    ErrorCode::NotLeaderOrFollower | ErrorCode::FencedLeaderEpoch
                );
                if let (true, true, Some(leaders)) = (named, moved, leaders) {
                    leaders.push((tp.clone(), leader_id, leader_epoch));
                }
                self.network.metadata.request_update(false);
            }
        }
        if self.config.guarantee_message_order {
            self.accumulator.unmute(&tp);
        }
    }

    fn can_retry(&mut self, id: BatchId, response: &PartitionProduceResponse, now: Ms) -> bool {
        let batch = self.accumulator.batch(id);
        if batch.has_reached_delivery_timeout(self.accumulator.config.delivery_timeout_ms, now)
            || i64::from(batch.attempts()) >= i64::from(self.config.retries)
            || batch.is_done()
        {
            return false;
        }
        match &mut self.txn {
            Some(txn) => txn.can_retry(response, id, &mut self.accumulator.batches),
            None => response.error.is_retriable(),
        }
    }

    fn split(&mut self, id: BatchId) {
        if let Some(txn) = &mut self.txn {
            txn.remove_in_flight_batch(self.accumulator.batch(id));
        }
        let pieces = self.accumulator.split_and_reenqueue(id, self.txn.as_mut());
        self.splits.push((id, pieces));
        self.remove_from_in_flight(id);
        self.accumulator.complete_batch(id);
        self.accumulator.deallocate(id);
        self.accumulator.forget(id);
    }

    fn acknowledge(&mut self, id: BatchId, response: &PartitionProduceResponse) {
        if let Some(txn) = &mut self.txn {
            txn.handle_completed_batch(self.accumulator.batch(id), response.base_offset);
        }
        if self.accumulator.batch(id).is_done() {
            self.accumulator.deallocate(id);
            self.accumulator.forget(id);
            return;
        }
        let batch = self.accumulator.batch_mut(id);
        batch.final_state = Some(FinalState::Succeeded);
        for (i, thunk) in batch.thunks.iter().enumerate() {
            let offset = if response.base_offset.is_none() {
                Offset::NONE
            } else {
                response.base_offset.plus(i as i64)
            };
            let appended = response.log_append_time_ms;
            self.events.push(ProducerEvent::Acked {
                call: thunk.call,
                tp: batch.tp.clone(),
                offset,
                timestamp_ms: if appended == -1 {
                    thunk.timestamp_ms
                } else {
                    appended
                },
            });
        }
        self.finish(id);
    }

    /// Removed everywhere, its memory given back.
    fn finish(&mut self, id: BatchId) {
        self.remove_from_in_flight(id);
        self.accumulator.complete_batch(id);
        self.accumulator.deallocate(id);
        self.accumulator.forget(id);
    }

    fn remove_from_in_flight(&mut self, id: BatchId) {
        let tp = self.accumulator.batch(id).tp.clone();
        if let Some(batches) = self.in_flight.get_mut(&tp) {
            batches.retain(|other| *other != id);
            if batches.is_empty() {
                self.in_flight.remove(&tp);
            }
        }
    }

    fn fail_with_response(
        &mut self,
        id: BatchId,
        response: &PartitionProduceResponse,
        adjust: bool,
    ) {
        let error = ClientError::code(response.error);
        let records = &response.record_errors;
        let of_record = |index: usize| {
            if records.is_empty() {
                return error.clone();
            }
            match records.iter().any(|r| r.batch_index == index as i32) {
                true if records.len() == 1 => error.clone(),
                true => ClientError::code(ErrorCode::InvalidRecord),
                // Kafka names only the guilty; the others learn that they shared a batch.
                false => ClientError::kafka(),
            }
        };
        self.fail_batch(id, &error, of_record, adjust, true);
    }

    /// Tells every record, then the transaction manager. `deallocate` = nothing of it is under way any more.
    fn fail_batch(
        &mut self,
        id: BatchId,
        error: &ClientError,
        of_record: impl Fn(usize) -> ClientError,
        adjust_sequences: bool,
        deallocate: bool,
    ) {
        let batch = self.accumulator.batch_mut(id);
        if batch.is_done() {
            if deallocate {
                self.accumulator.deallocate(id);
                self.accumulator.forget(id);
            }
            return;
        }
        batch.final_state = Some(FinalState::Failed);
        for (i, thunk) in batch.thunks.iter().enumerate() {
            self.events.push(ProducerEvent::Failed {
                call: thunk.call,
                tp: batch.tp.clone(),
                error: of_record(i),
            });
        }
        if let Some(txn) = &mut self.txn {
            // A change of state that is not allowed has poisoned the manager already.
            let _ =
                txn.handle_failed_batch(id, error, adjust_sequences, &mut self.accumulator.batches);
        }
        if deallocate {
            self.finish(id);
        } else {
            self.remove_from_in_flight(id);
            self.accumulator.complete_batch(id);
        }
    }

    pub(super) fn fail_expired(&mut self, expired: Vec<BatchId>, deallocate: bool) {
        for id in expired {
            let batch = self.accumulator.batch(id).clone();
            self.fail_batch(
                id,
                &ClientError::timeout(),
                |_| ClientError::timeout(),
                false,
                deallocate,
            );
            if let (Some(txn), true) = (&mut self.txn, batch.in_retry()) {
                txn.mark_unresolved(&batch);
            }
        }
    }

    /// Aborts batches that are not decided: all, or those that were never sent.
    pub(super) fn abort_batches(&mut self, only_undrained: bool, error: &ClientError) {
        for id in self.accumulator.abort(only_undrained, self.txn.is_some()) {
            let batch = self.accumulator.batch(id);
            for thunk in &batch.thunks {
                self.events.push(ProducerEvent::Failed {
                    call: thunk.call,
                    tp: batch.tp.clone(),
                    error: error.clone(),
                });
            }
            if !batch.in_flight && !self.in_flight.values().flatten().any(|other| *other == id) {
                self.accumulator.forget(id);
            }
        }
    }

    pub(super) fn abort_batches_and_forget_flights(&mut self, error: &ClientError) {
        if self.accumulator.has_incomplete() {
            self.abort_batches(false, error);
            self.in_flight.clear();
        }
    }
}
