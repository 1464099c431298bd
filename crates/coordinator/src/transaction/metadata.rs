//! One transactional id: what is known of it, and what a change would make of it.
//!
//! A change is prepared, written, and only then completed; until then it is *pending* and nothing else may start. This module does not
//! know the log and asks nobody for producer ids. Source: `TransactionMetadata`, `TxnTransitMetadata`.

use super::state::{TransactionState, TransactionVersion};
use protocol::{ErrorCode, Ms, Name, ProducerEpoch, ProducerId, TopicPartition};
use std::collections::BTreeSet;

/// Everything that a change replaces (`TxnTransitMetadata`).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TxnTransitMetadata {
    pub producer_id: ProducerId,
    pub prev_producer_id: ProducerId,
    pub next_producer_id: ProducerId,
    pub producer_epoch: ProducerEpoch,
    pub last_producer_epoch: ProducerEpoch,
    pub txn_timeout_ms: i32,
    pub state: TransactionState,
    pub partitions: BTreeSet<TopicPartition>,
    /// −1 = nothing open.
    pub start_ms: Ms,
    pub last_update_ms: Ms,
    pub client_version: TransactionVersion,
}

/// What the coordinator knows of a transactional id (`TransactionMetadata`).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TransactionMetadata {
    pub transactional_id: Name,
    pub now: TxnTransitMetadata,
    /// The state that a change in progress leads to.
    pub pending: Option<TransactionState>,
    /// A fence raised the epoch in memory but could not be written: the next attempt does not raise it again.
    pub has_failed_epoch_fence: bool,
}

/// Kafka would throw here: states that correct requests cannot bring about. A client is told UNKNOWN_SERVER_ERROR.
const ILLEGAL: ErrorCode = ErrorCode::UnknownServerError;

/// The last epoch that a producer may use is one below (`TransactionMetadata.isEpochExhausted`).
pub const fn is_epoch_exhausted(epoch: ProducerEpoch) -> bool {
    epoch.get() >= i16::MAX - 1
}

impl TransactionMetadata {
    /// An id that was never seen before: Empty at epoch −1, so that its first epoch is 0.
    pub fn created(
        transactional_id: Name,
        producer_id: ProducerId,
        txn_timeout_ms: i32,
        now_ms: Ms,
    ) -> Self {
        let now = TxnTransitMetadata {
            producer_id,
            prev_producer_id: ProducerId::NONE,
            next_producer_id: ProducerId::NONE,
            producer_epoch: ProducerEpoch::NONE,
            last_producer_epoch: ProducerEpoch::NONE,
            txn_timeout_ms,
            state: TransactionState::Empty,
            partitions: BTreeSet::new(),
            start_ms: -1,
            last_update_ms: now_ms,
            client_version: TransactionVersion::TV_0,
        };
        Self::loaded(transactional_id, now)
    }

    /// An id as the log holds it.
    pub fn loaded(transactional_id: Name, now: TxnTransitMetadata) -> Self {
        Self {
            transactional_id,
            now,
            pending: None,
            has_failed_epoch_fence: false,
        }
    }

    pub fn is_producer_epoch_exhausted(&self) -> bool {
        is_epoch_exhausted(self.now.producer_epoch)
    }

    /// A transaction of a two-phase commit never times out.
    pub fn is_distributed_two_phase_commit(&self) -> bool {
        self.now.txn_timeout_ms == i32::MAX
    }

    /// The values as they are, on the way to `state`.
    fn draft(&self, state: TransactionState) -> TxnTransitMetadata {
        TxnTransitMetadata {
            state,
            prev_producer_id: self.now.producer_id,
            ..self.now.clone()
        }
    }

    fn prepare(&mut self, to: TxnTransitMetadata) -> Result<TxnTransitMetadata, ErrorCode> {
        let negative_epoch =
            to.state != TransactionState::Dead && to.producer_epoch < ProducerEpoch(0);
        if self.pending.is_some() || to.producer_id < ProducerId(0) || negative_epoch {
            return Err(ILLEGAL);
        }
        if !to.state.valid_previous_states().contains(&self.now.state) {
            return Err(ILLEGAL);
        }
        self.pending = Some(to.state);
        Ok(to)
    }

    /// The open transaction of an older instance, or one out of time, is going to be aborted (`prepareFenceProducerEpoch`).
    pub fn prepare_fence_producer_epoch(&mut self) -> Result<TxnTransitMetadata, ErrorCode> {
        let mut to = self.draft(TransactionState::PrepareEpochFence);
        if !self.has_failed_epoch_fence && to.producer_epoch != ProducerEpoch(i16::MAX) {
            to.producer_epoch = to.producer_epoch.next();
        }
        self.prepare(to)
    }

    /// A new instance starts: one epoch up, unless it repeats a bump that was made already (`prepareIncrementProducerEpoch`).
    pub fn prepare_increment_producer_epoch(
        &mut self,
        txn_timeout_ms: i32,
        expected: Option<ProducerEpoch>,
        now_ms: Ms,
    ) -> Result<TxnTransitMetadata, ErrorCode> {
        if self.is_producer_epoch_exhausted() {
            return Err(ILLEGAL);
        }
        let current = self.now.producer_epoch;
        let (epoch, last) = match expected {
            None => (current.next(), ProducerEpoch::NONE),
            Some(expected) if current.is_none() || expected == current => (current.next(), current),
            Some(expected) if expected == self.now.last_producer_epoch => {
                (current, self.now.last_producer_epoch)
            }
            Some(_) => return Err(ErrorCode::ProducerFenced),
        };
        let to = TxnTransitMetadata {
            producer_epoch: epoch,
            last_producer_epoch: last,
            ..self.emptied(txn_timeout_ms, now_ms)
        };
        self.prepare(to)
    }

    /// The epochs are used up: a fresh producer id at epoch 0 (`prepareProducerIdRotation`).
    pub fn prepare_producer_id_rotation(
        &mut self,
        producer_id: ProducerId,
        txn_timeout_ms: i32,
        now_ms: Ms,
        record_last_epoch: bool,
    ) -> Result<TxnTransitMetadata, ErrorCode> {
        let last = if record_last_epoch {
            self.now.producer_epoch
        } else {
            ProducerEpoch::NONE
        };
        let to = TxnTransitMetadata {
            producer_id,
            producer_epoch: ProducerEpoch(0),
            last_producer_epoch: last,
            ..self.emptied(txn_timeout_ms, now_ms)
        };
        self.prepare(to)
    }

    fn emptied(&self, txn_timeout_ms: i32, now_ms: Ms) -> TxnTransitMetadata {
        TxnTransitMetadata {
            txn_timeout_ms,
            partitions: BTreeSet::new(),
            start_ms: -1,
            last_update_ms: now_ms,
            ..self.draft(TransactionState::Empty)
        }
    }

    /// Partitions join; the first ones start the clock (`prepareAddPartitions`).
    pub fn prepare_add_partitions(
        &mut self,
        added: &BTreeSet<TopicPartition>,
        now_ms: Ms,
        client_version: TransactionVersion,
    ) -> Result<TxnTransitMetadata, ErrorCode> {
        let mut to = self.draft(TransactionState::Ongoing);
        if self.now.state != TransactionState::Ongoing {
            to.start_ms = now_ms;
        }
        to.partitions.extend(added.iter().cloned());
        to.last_update_ms = now_ms;
        to.client_version = client_version;
        self.prepare(to)
    }

    /// The decision. With epoch bump the epoch rises with it; the markers carry the new one (`prepareAbortOrCommit`).
    pub fn prepare_abort_or_commit(
        &mut self,
        state: TransactionState,
        client_version: TransactionVersion,
        next_producer_id: ProducerId,
        now_ms: Ms,
        no_partition_added: bool,
    ) -> Result<TxnTransitMetadata, ErrorCode> {
        let mut to = self.draft(state);
        if client_version.supports_epoch_bump() {
            to.last_producer_epoch = self.now.producer_epoch;
            if to.producer_epoch != ProducerEpoch(i16::MAX) {
                to.producer_epoch = to.producer_epoch.next();
            } else if state != TransactionState::PrepareAbort {
                return Err(ILLEGAL);
            }
        }
        if no_partition_added {
            to.start_ms = now_ms;
        }
        to.next_producer_id = next_producer_id;
        to.last_update_ms = now_ms;
        to.client_version = client_version;
        self.prepare(to)
    }

    /// What is written when every partition has its marker (`prepareComplete`).
    pub fn prepare_complete(&mut self, now_ms: Ms) -> Result<TxnTransitMetadata, ErrorCode> {
        self.has_failed_epoch_fence = false;
        let state = if self.now.state == TransactionState::PrepareCommit {
            TransactionState::CompleteCommit
        } else {
            TransactionState::CompleteAbort
        };
        let mut to = self.draft(state);
        if self.now.client_version.supports_epoch_bump() && !self.now.next_producer_id.is_none() {
            to.producer_id = self.now.next_producer_id;
            to.producer_epoch = ProducerEpoch(0);
        }
        to.next_producer_id = ProducerId::NONE;
        to.partitions = BTreeSet::new();
        to.last_update_ms = now_ms;
        self.prepare(to)
    }

    /// The id is going to be forgotten (`prepareDead`).
    pub fn prepare_dead(&mut self) -> Result<TxnTransitMetadata, ErrorCode> {
        let to = TxnTransitMetadata {
            partitions: BTreeSet::new(),
            ..self.draft(TransactionState::Dead)
        };
        self.prepare(to)
    }

    /// The change is in the log: it takes effect (`completeTransitionTo`).
    pub fn complete_transition(&mut self, to: TxnTransitMetadata) {
        debug_assert_eq!(
            self.pending,
            Some(to.state),
            "a change completes that was prepared"
        );
        self.now = to;
        self.pending = None;
    }

    /// The marker of a partition is written.
    pub fn remove_partition(&mut self, partition: &TopicPartition) {
        debug_assert!(
            self.now.state.is_prepare(),
            "markers go out while the decision is prepared"
        );
        self.now.partitions.remove(partition);
    }
}
