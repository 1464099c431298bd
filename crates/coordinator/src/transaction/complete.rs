//! Markers: to whom they go, what their answers mean, and the record that closes a transaction.
//!
//! Source: `TransactionMarkerChannelManager`, `TransactionMarkerRequestCompletionHandler`.

use super::coordinator::{Continuation, Coordinator};
use super::markers::{MarkerEntry, MarkerRequest, PendingCompleteTxn, TxnMarkerEntry};
use super::metadata::TxnTransitMetadata;
use super::producer_ids::ProducerIdSource;
use super::state::{TransactionResult, TransactionVersion};
use super::view::{PartitionLeader, TransactionMetadataView};
use protocol::{CoordinatorEpoch, Ctx, ErrorCode, Name, ProducerEpoch, ProducerId, TopicPartition};
use std::collections::{BTreeMap, BTreeSet};

/// What became of a marker request.
#[derive(Clone, PartialEq, Debug)]
pub enum MarkerAnswer {
    /// The connection was lost: nothing is known.
    Disconnected,
    /// By producer id and partition.
    Errors(BTreeMap<ProducerId, BTreeMap<TopicPartition, ErrorCode>>),
}

/// What all markers of one decision share.
struct Decided {
    producer_id: ProducerId,
    producer_epoch: ProducerEpoch,
    result: TransactionResult,
    version: TransactionVersion,
}

impl<P: ProducerIdSource> Coordinator<P> {
    /// One round of the marker sender: completions that could not be written are tried again, markers without a reachable leader look for one,
    /// and each broker that has markers waiting gets one request (`generateRequests`).
    pub fn generate_marker_requests(
        &mut self,
        view: &dyn TransactionMetadataView,
        ctx: &mut Ctx<'_>,
    ) -> Vec<MarkerRequest> {
        for retry in std::mem::take(&mut self.markers.log_append_retries) {
            self.try_append_completion(retry, view, ctx);
        }
        for entry in self.markers.unknown_broker.drain() {
            self.queue_again(&entry, entry.marker.partitions.clone(), view, ctx);
        }
        self.markers.drain_requests()
    }

    /// True if a round of the marker sender has something to do.
    pub fn has_marker_work(&self) -> bool {
        self.markers.has_work()
    }

    /// Sends the markers of a decision; without partitions it is complete at once (`addTxnMarkersToSend`).
    pub(super) fn add_markers_to_send(
        &mut self,
        coordinator_epoch: CoordinatorEpoch,
        result: TransactionResult,
        id: &Name,
        transit: TxnTransitMetadata,
        view: &dyn TransactionMetadataView,
        ctx: &mut Ctx<'_>,
    ) {
        let Some(metadata) = self.manager.get_at(id, coordinator_epoch) else {
            return;
        };
        let now = &metadata.now;
        let decided = Decided {
            producer_id: now.producer_id,
            producer_epoch: now.producer_epoch,
            result,
            version: now.client_version,
        };
        let partitions = now.partitions.clone();
        let number = self.markers.number();
        let pending = PendingCompleteTxn {
            number,
            transactional_id: id.clone(),
            coordinator_epoch,
            transit,
        };
        self.markers.pending.insert(id.clone(), pending);
        self.queue(
            id,
            number,
            coordinator_epoch,
            decided,
            partitions,
            view,
            ctx,
        );
        self.maybe_write_completion(id, view, ctx);
    }

    /// Sorts partitions by their leaders and queues a marker for each (`addTxnMarkersToBrokerQueue`).
    #[allow(clippy::too_many_arguments)]
    fn queue(
        &mut self,
        id: &Name,
        pending: u64,
        coordinator_epoch: CoordinatorEpoch,
        decided: Decided,
        partitions: BTreeSet<TopicPartition>,
        view: &dyn TransactionMetadataView,
        ctx: &mut Ctx<'_>,
    ) {
        let txn_partition = self.manager.partition_for(id);
        let mut by_broker: BTreeMap<Option<protocol::NodeId>, BTreeSet<TopicPartition>> =
            BTreeMap::new();
        let mut gone = Vec::new();
        for partition in partitions {
            match view.leader(&partition) {
                PartitionLeader::Node(node) => {
                    _ = by_broker.entry(Some(node)).or_default().insert(partition)
                }
                PartitionLeader::NotAvailable => {
                    _ = by_broker.entry(None).or_default().insert(partition)
                }
                PartitionLeader::Unknown => gone.push(partition),
            }
        }
        for (broker, partitions) in by_broker {
            let marker = TxnMarkerEntry {
                producer_id: decided.producer_id,
                producer_epoch: decided.producer_epoch,
                coordinator_epoch,
                result: decided.result,
                partitions,
                transaction_version: decided.version,
            };
            let entry = MarkerEntry {
                transactional_id: id.clone(),
                pending,
                marker,
            };
            match broker {
                Some(node) => self
                    .markers
                    .per_broker
                    .entry(node)
                    .or_default()
                    .add(txn_partition, entry),
                None => self.markers.unknown_broker.add(txn_partition, entry),
            }
        }
        if gone.is_empty() {
            return;
        }
        // Nobody leads them and nobody knows who did: most likely they were deleted.
        match self.manager.get_at(id, coordinator_epoch) {
            None => _ = self.markers.remove_pending(id, pending),
            Some(metadata) => {
                for partition in &gone {
                    metadata.remove_partition(partition);
                }
                self.maybe_write_completion(id, view, ctx);
            }
        }
    }

    fn queue_again(
        &mut self,
        entry: &MarkerEntry,
        partitions: BTreeSet<TopicPartition>,
        view: &dyn TransactionMetadataView,
        ctx: &mut Ctx<'_>,
    ) {
        let marker = &entry.marker;
        let decided = Decided {
            producer_id: marker.producer_id,
            producer_epoch: marker.producer_epoch,
            result: marker.result,
            version: marker.transaction_version,
        };
        let epoch = marker.coordinator_epoch;
        self.queue(
            &entry.transactional_id,
            entry.pending,
            epoch,
            decided,
            partitions,
            view,
            ctx,
        );
    }

    /// The answer to a marker request. An answer to one that is not known changes nothing.
    pub fn markers_answered(
        &mut self,
        request: u64,
        answer: &MarkerAnswer,
        view: &dyn TransactionMetadataView,
        ctx: &mut Ctx<'_>,
    ) {
        for entry in self.markers.in_flight.remove(&request).unwrap_or_default() {
            let (id, epoch) = (&entry.transactional_id, entry.marker.coordinator_epoch);
            if self.manager.get_at(id, epoch).is_none() {
                // Another coordinator, or this one anew, finishes it.
                self.markers.remove_pending(id, entry.pending);
                continue;
            }
            match answer {
                MarkerAnswer::Disconnected => {
                    self.queue_again(&entry, entry.marker.partitions.clone(), view, ctx)
                }
                MarkerAnswer::Errors(errors) => match errors.get(&entry.marker.producer_id) {
                    Some(errors) => self.marker_answered(&entry, errors, view, ctx),
                    // An answer that leaves a marker out says nothing about it.
                    None => self.queue_again(&entry, entry.marker.partitions.clone(), view, ctx),
                },
            }
        }
    }

    fn marker_answered(
        &mut self,
        entry: &MarkerEntry,
        errors: &BTreeMap<TopicPartition, ErrorCode>,
        view: &dyn TransactionMetadataView,
        ctx: &mut Ctx<'_>,
    ) {
        let id = &entry.transactional_id;
        let mut retry = BTreeSet::new();
        let mut given_up = false;
        for (partition, &error) in errors {
            match error {
                ErrorCode::None
                | ErrorCode::UnsupportedForMessageFormat
                | ErrorCode::UnsupportedVersion => {
                    if let Some(metadata) = self.manager.get_at(id, entry.marker.coordinator_epoch)
                    {
                        metadata.remove_partition(partition);
                    }
                }
                ErrorCode::InvalidProducerEpoch | ErrorCode::TransactionCoordinatorFenced => {
                    // Somebody newer decided: this decision is not ours to finish.
                    self.markers.remove_pending(id, entry.pending);
                    given_up = true;
                }
                // Kafka knows of no others that a partition's leader could answer; trying again is safe for all.
                _ => _ = retry.insert(partition.clone()),
            }
        }
        if given_up {
            return;
        }
        if retry.is_empty() {
            self.maybe_write_completion(id, view, ctx);
        } else {
            self.queue_again(entry, retry, view, ctx);
        }
    }

    /// Writes the completion once no partition waits for its marker (`maybeWriteTxnCompletion`).
    fn maybe_write_completion(
        &mut self,
        id: &Name,
        view: &dyn TransactionMetadataView,
        ctx: &mut Ctx<'_>,
    ) {
        let Some(pending) = self.markers.pending.get(id) else {
            return;
        };
        let number = pending.number;
        let Some(metadata) = self.manager.get_at(id, pending.coordinator_epoch) else {
            return;
        };
        if !metadata.now.partitions.is_empty() {
            return;
        }
        if let Some(pending) = self.markers.remove_pending(id, number) {
            self.try_append_completion(pending, view, ctx);
        }
    }

    fn try_append_completion(
        &mut self,
        pending: PendingCompleteTxn,
        view: &dyn TransactionMetadataView,
        ctx: &mut Ctx<'_>,
    ) {
        let PendingCompleteTxn {
            number,
            transactional_id,
            coordinator_epoch,
            transit,
        } = pending;
        let then = Continuation::Complete { number };
        self.append_transition(
            transactional_id,
            coordinator_epoch,
            transit,
            then,
            view,
            ctx,
        );
    }
}
