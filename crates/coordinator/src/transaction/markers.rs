//! The markers that wait to be sent, by broker, and the transactions that wait for theirs.
//!
//! It keeps queues; what an answer means is decided elsewhere. Source: `TransactionMarkerChannelManager`, `TxnMarkerQueue`.

use super::metadata::TxnTransitMetadata;
use super::state::{TransactionResult, TransactionVersion};
use protocol::{CoordinatorEpoch, Name, NodeId, ProducerEpoch, ProducerId, TopicPartition};
use std::collections::{BTreeMap, BTreeSet};

/// A transaction whose markers are on their way and whose completion is prepared (`PendingCompleteTxn`).
#[derive(Clone, PartialEq, Debug)]
pub struct PendingCompleteTxn {
    /// Tells two completions of one id apart.
    pub number: u64,
    pub transactional_id: Name,
    pub coordinator_epoch: CoordinatorEpoch,
    pub transit: TxnTransitMetadata,
}

/// One marker for the partitions of one broker (`TxnIdAndMarkerEntry`).
#[derive(Clone, PartialEq, Debug)]
pub struct TxnMarkerEntry {
    pub producer_id: ProducerId,
    pub producer_epoch: ProducerEpoch,
    pub coordinator_epoch: CoordinatorEpoch,
    pub result: TransactionResult,
    pub partitions: BTreeSet<TopicPartition>,
    pub transaction_version: TransactionVersion,
}

/// A marker and whom it is for.
#[derive(Clone, PartialEq, Debug)]
pub struct MarkerEntry {
    pub transactional_id: Name,
    pub pending: u64,
    pub marker: TxnMarkerEntry,
}

/// Markers for one destination, by the partition of `__transaction_state` that they belong to.
#[derive(Clone, Debug, Default)]
pub struct TxnMarkerQueue {
    /// In the order in which the partitions first had a marker: ties of the hash table below are drawn from it.
    queues: Vec<(i32, Vec<MarkerEntry>)>,
}

impl TxnMarkerQueue {
    pub fn add(&mut self, txn_partition: i32, entry: MarkerEntry) {
        match self
            .queues
            .iter_mut()
            .find(|(partition, _)| *partition == txn_partition)
        {
            Some((_, queue)) => queue.push(entry),
            None => self.queues.push((txn_partition, vec![entry])),
        }
    }

    pub fn remove_partition(&mut self, txn_partition: i32) -> Vec<MarkerEntry> {
        match self
            .queues
            .iter()
            .position(|(partition, _)| *partition == txn_partition)
        {
            Some(at) => self.queues.remove(at).1,
            None => Vec::new(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.queues.iter().all(|(_, queue)| queue.is_empty())
    }

    pub fn len(&self) -> usize {
        self.queues.iter().map(|(_, queue)| queue.len()).sum()
    }

    /// Everything that waits, in the order in which Kafka walks its hash table of partitions: by bucket of a table that starts with 16 and
    /// doubles when three quarters are used.
    pub fn drain(&mut self) -> Vec<MarkerEntry> {
        let mut table = 16;
        while self.queues.len() >= table * 3 / 4 {
            table *= 2;
        }
        let mut order: Vec<usize> = (0..self.queues.len()).collect();
        order.sort_by_key(|&i| self.queues[i].0 as usize % table);
        order
            .into_iter()
            .flat_map(|i| std::mem::take(&mut self.queues[i].1))
            .collect()
    }
}

/// One request to one broker.
#[derive(Clone, PartialEq, Debug)]
pub struct MarkerRequest {
    /// Names the request in its answer.
    pub id: u64,
    pub broker: NodeId,
    pub markers: Vec<TxnMarkerEntry>,
}

/// All markers of a coordinator.
#[derive(Clone, Debug, Default)]
pub struct MarkerChannelManager {
    pub per_broker: BTreeMap<NodeId, TxnMarkerQueue>,
    pub unknown_broker: TxnMarkerQueue,
    pub log_append_retries: Vec<PendingCompleteTxn>,
    pub pending: BTreeMap<Name, PendingCompleteTxn>,
    /// Requests that were sent and not answered.
    pub in_flight: BTreeMap<u64, Vec<MarkerEntry>>,
    pub next_number: u64,
}

impl MarkerChannelManager {
    pub fn number(&mut self) -> u64 {
        self.next_number += 1;
        self.next_number
    }

    /// True if a round of the sender would do something.
    pub fn has_work(&self) -> bool {
        !self.log_append_retries.is_empty()
            || !self.unknown_broker.is_empty()
            || self.per_broker.values().any(|queue| !queue.is_empty())
    }

    /// One request for each broker that has markers waiting.
    pub fn drain_requests(&mut self) -> Vec<MarkerRequest> {
        let mut requests = Vec::new();
        let brokers: Vec<NodeId> = self.per_broker.keys().copied().collect();
        for broker in brokers {
            let entries = self
                .per_broker
                .get_mut(&broker)
                .map(TxnMarkerQueue::drain)
                .unwrap_or_default();
            if entries.is_empty() {
                continue;
            }
            let id = self.number();
            requests.push(MarkerRequest {
                id,
                broker,
                markers: entries.iter().map(|e| e.marker.clone()).collect(),
            });
            self.in_flight.insert(id, entries);
        }
        requests
    }

    /// Nobody waits for this completion any more, unless a newer one took its place.
    pub fn remove_pending(
        &mut self,
        transactional_id: &Name,
        number: u64,
    ) -> Option<PendingCompleteTxn> {
        if self.pending.get(transactional_id)?.number != number {
            return None;
        }
        self.pending.remove(transactional_id)
    }

    /// The partition is led by another, or anew: what waits for its transactions is dropped.
    pub fn remove_txn_partition(&mut self, txn_partition: i32) {
        let mut dropped = self.unknown_broker.remove_partition(txn_partition);
        for queue in self.per_broker.values_mut() {
            dropped.extend(queue.remove_partition(txn_partition));
        }
        for entry in dropped {
            self.remove_pending(&entry.transactional_id, entry.pending);
        }
    }
}
