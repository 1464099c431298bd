//! `TransactionManager`: producer id and epoch, sequences, and the states of a transaction on the client's side.
//!
//! Knows which coordinator requests are wanted; when and over which connection they leave is the sender's. Sequences are
//! in `sequences`, requests in `requests`, their answers in `responses`.

mod queue;
mod requests;
mod responses;
mod sequences;

pub use requests::{GroupMetadata, OffsetToCommit, TxnRequest, TxnRequestKind};

use super::batch::{ProducerBatch, ProducerIdAndEpoch};
use crate::error::ClientError;
use protocol::{CorrelationId, ErrorCode, Ms, Name, NodeId, TopicPartition};
use queue::RequestQueue;
use sequences::PartitionEntry;
use std::collections::{BTreeMap, BTreeSet};

/// `TransactionManager.State`; without a transactional id only the first three and FATAL_ERROR occur.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    Uninitialized,
    Initializing,
    Ready,
    InTransaction,
    PreparedTransaction,
    CommittingTransaction,
    AbortingTransaction,
    AbortableError,
    FatalError,
}

impl State {
    /// Kafka's name.
    pub const fn name(self) -> &'static str {
        match self {
            State::Uninitialized => "UNINITIALIZED",
            State::Initializing => "INITIALIZING",
            State::Ready => "READY",
            State::InTransaction => "IN_TRANSACTION",
            State::PreparedTransaction => "PREPARED_TRANSACTION",
            State::CommittingTransaction => "COMMITTING_TRANSACTION",
            State::AbortingTransaction => "ABORTING_TRANSACTION",
            State::AbortableError => "ABORTABLE_ERROR",
            State::FatalError => "FATAL_ERROR",
        }
    }

    const fn may_follow(self, source: State) -> bool {
        use State::*;
        match self {
            Uninitialized => matches!(source, Ready | AbortableError),
            Initializing => matches!(
                source,
                Uninitialized | CommittingTransaction | AbortingTransaction
            ),
            Ready => matches!(
                source,
                Initializing | CommittingTransaction | AbortingTransaction
            ),
            InTransaction => matches!(source, Ready),
            PreparedTransaction => matches!(source, InTransaction | Initializing),
            CommittingTransaction => matches!(source, InTransaction | PreparedTransaction),
            AbortingTransaction => {
                matches!(source, InTransaction | PreparedTransaction | AbortableError)
            }
            AbortableError => matches!(
                source,
                InTransaction | CommittingTransaction | AbortableError | Initializing
            ),
            FatalError => true,
        }
    }
}

/// Names the result of a call that waits for the coordinator.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct ResultId(u64);

/// `TransactionalRequestResult`.
#[derive(Clone, Debug, Default)]
struct TxnResult {
    completed: bool,
    error: Option<ClientError>,
    /// The application has seen it.
    acked: bool,
}

#[derive(Clone, Debug)]
struct PendingTransition {
    result: ResultId,
    state: State,
}

/// Whose doing a change of state is: a wrong one made by the sender poisons the producer, one made by the application is
/// thrown at it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum By {
    Application,
    Sender,
}

/// `TransactionManager`.
#[derive(Clone, Debug)]
pub struct TransactionManager {
    pub transactional_id: Option<Name>,
    transaction_timeout_ms: i32,
    retry_backoff_ms: Ms,
    state: State,
    last_error: Option<ClientError>,
    producer: ProducerIdAndEpoch,
    partitions: BTreeMap<TopicPartition, PartitionEntry>,
    unresolved: BTreeMap<TopicPartition, i32>,
    to_rewrite: BTreeSet<TopicPartition>,
    new_partitions: BTreeSet<TopicPartition>,
    pending_partitions: BTreeSet<TopicPartition>,
    partitions_in_transaction: BTreeSet<TopicPartition>,
    pending_offset_commits: BTreeMap<TopicPartition, OffsetToCommit>,
    requests: RequestQueue,
    in_flight: Option<CorrelationId>,
    results: BTreeMap<ResultId, TxnResult>,
    next_result: u64,
    pending_transition: Option<PendingTransition>,
    transaction_coordinator: Option<NodeId>,
    group_coordinator: Option<NodeId>,
    coordinator_supports_bumping: bool,
    transaction_started: bool,
    client_side_bump_required: bool,
    v2: bool,
    features_epoch: i64,
}

impl TransactionManager {
    pub fn new(
        transactional_id: Option<Name>,
        transaction_timeout_ms: i32,
        retry_backoff_ms: Ms,
    ) -> Self {
        Self {
            transactional_id,
            transaction_timeout_ms,
            retry_backoff_ms,
            state: State::Uninitialized,
            last_error: None,
            producer: ProducerIdAndEpoch::NONE,
            partitions: BTreeMap::new(),
            unresolved: BTreeMap::new(),
            to_rewrite: BTreeSet::new(),
            new_partitions: BTreeSet::new(),
            pending_partitions: BTreeSet::new(),
            partitions_in_transaction: BTreeSet::new(),
            pending_offset_commits: BTreeMap::new(),
            requests: RequestQueue::default(),
            in_flight: None,
            results: BTreeMap::new(),
            next_result: 0,
            pending_transition: None,
            transaction_coordinator: None,
            group_coordinator: None,
            coordinator_supports_bumping: false,
            transaction_started: false,
            client_side_bump_required: false,
            v2: false,
            features_epoch: -1,
        }
    }

    pub fn state(&self) -> State {
        self.state
    }

    pub fn producer(&self) -> ProducerIdAndEpoch {
        self.producer
    }

    pub fn is_transactional(&self) -> bool {
        self.transactional_id.is_some()
    }

    pub fn last_error(&self) -> Option<&ClientError> {
        self.last_error.as_ref()
    }

    pub fn has_fatal_error(&self) -> bool {
        self.state == State::FatalError
    }

    pub fn has_abortable_error(&self) -> bool {
        self.state == State::AbortableError
    }

    pub fn is_aborting(&self) -> bool {
        self.state == State::AbortingTransaction
    }

    pub fn is_completing(&self) -> bool {
        matches!(
            self.state,
            State::CommittingTransaction | State::AbortingTransaction
        )
    }

    pub fn has_ongoing_transaction(&self) -> bool {
        self.state == State::InTransaction || self.is_completing() || self.has_abortable_error()
    }

    pub fn is_v2(&self) -> bool {
        self.v2
    }

    pub fn partitions_in_transaction(&self) -> &BTreeSet<TopicPartition> {
        &self.partitions_in_transaction
    }

    fn transition(
        &mut self,
        target: State,
        error: Option<ClientError>,
        by: By,
    ) -> Result<(), ClientError> {
        if !target.may_follow(self.state) {
            let error = ClientError::illegal_state();
            if by == By::Sender {
                self.state = State::FatalError;
                self.last_error = Some(error.clone());
            }
            return Err(error);
        }
        self.last_error = match target {
            State::FatalError | State::AbortableError => error,
            _ => None,
        };
        self.state = target;
        Ok(())
    }

    // ---- results of calls

    fn new_result(&mut self) -> ResultId {
        self.next_result += 1;
        let id = ResultId(self.next_result);
        self.results.insert(id, TxnResult::default());
        id
    }

    fn done(&mut self, id: ResultId) {
        self.results.entry(id).or_default().completed = true;
    }

    fn fail(&mut self, id: ResultId, error: &ClientError) {
        let result = self.results.entry(id).or_default();
        result.completed = true;
        result.error = Some(error.clone());
    }

    fn is_completed(&self, id: ResultId) -> bool {
        self.results.get(&id).is_none_or(|r| r.completed)
    }

    pub fn is_result_ready(&self, id: ResultId) -> bool {
        self.is_completed(id)
    }

    /// What a waiting call finds: `None` = not there yet.
    pub fn take_result(&mut self, id: ResultId) -> Option<Result<(), ClientError>> {
        let result = self.results.get_mut(&id)?;
        if !result.completed {
            return None;
        }
        result.acked = true;
        Some(result.error.clone().map_or(Ok(()), Err))
    }

    // ---- what the application calls

    /// Kafka refuses every transactional method while an error stands (`maybeFailWithError`).
    fn maybe_fail_with_error(&self) -> Result<(), ClientError> {
        if !self.has_abortable_error() && !self.has_fatal_error() {
            return Ok(());
        }
        let cause = self.last_error.clone().unwrap_or_else(ClientError::kafka);
        Err(
            if cause.is(ErrorCode::ProducerFenced) || cause.is(ErrorCode::InvalidProducerEpoch) {
                ClientError {
                    kind: cause.kind,
                    cause: None,
                }
            } else if cause.is_class("IllegalStateException") {
                ClientError::illegal_state().caused_by(&cause)
            } else {
                ClientError::kafka().caused_by(&cause)
            },
        )
    }

    fn ensure_transactional(&self) -> Result<(), ClientError> {
        if self.is_transactional() {
            Ok(())
        } else {
            Err(ClientError::illegal_state())
        }
    }

    /// A call that timed out must be repeated before another kind is allowed.
    fn fail_if_pending(&mut self) -> Result<(), ClientError> {
        let Some(pending) = &self.pending_transition else {
            return Ok(());
        };
        if self.results.get(&pending.result).is_none_or(|r| r.acked) {
            self.pending_transition = None;
            return Ok(());
        }
        Err(ClientError::illegal_state())
    }

    /// The result that an earlier, timed-out call of the same kind still waits for, else a new one
    /// (`handleCachedTransactionRequestResult`).
    fn cached(
        &mut self,
        next: State,
        begin: impl FnOnce(&mut Self) -> Result<ResultId, ClientError>,
    ) -> Result<ResultId, ClientError> {
        self.ensure_transactional()?;
        if let Some(pending) = self.pending_transition.clone() {
            if self.results.get(&pending.result).is_none_or(|r| r.acked) {
                self.pending_transition = None;
            } else if next != pending.state {
                return Err(ClientError::illegal_state());
            } else {
                return Ok(pending.result);
            }
        }
        let result = begin(self)?;
        self.pending_transition = Some(PendingTransition {
            result,
            state: next,
        });
        Ok(result)
    }

    pub fn init_transactions(&mut self, by: By) -> Result<ResultId, ClientError> {
        self.maybe_fail_with_error()?;
        self.cached(State::Initializing, |txn| {
            txn.transition(State::Initializing, None, by)?;
            Ok(txn.enqueue_init_producer_id(ProducerIdAndEpoch::NONE, false))
        })
    }

    pub fn begin_transaction(&mut self) -> Result<(), ClientError> {
        self.ensure_transactional()?;
        self.fail_if_pending()?;
        self.maybe_fail_with_error()?;
        self.transition(State::InTransaction, None, By::Application)
    }

    pub fn begin_commit(&mut self, features: Option<(i64, i16)>) -> Result<ResultId, ClientError> {
        self.cached(State::CommittingTransaction, |txn| {
            txn.maybe_fail_with_error()?;
            txn.transition(State::CommittingTransaction, None, By::Application)?;
            txn.begin_completing(true, features)
        })
    }

    pub fn begin_abort(
        &mut self,
        features: Option<(i64, i16)>,
        by: By,
    ) -> Result<ResultId, ClientError> {
        self.cached(State::AbortingTransaction, |txn| {
            if txn.state != State::AbortableError {
                txn.maybe_fail_with_error()?;
            }
            txn.transition(State::AbortingTransaction, None, by)?;
            txn.new_partitions.clear();
            txn.begin_completing(false, features)
        })
    }

    /// Before a record of a new partition may leave, its partition belongs to the transaction; checked after the append.
    pub fn maybe_add_partition(&mut self, tp: &TopicPartition) -> Result<(), ClientError> {
        self.maybe_fail_with_error()?;
        self.fail_if_pending()?;
        if !self.is_transactional() {
            return Ok(());
        }
        if !self.producer.is_valid() || self.state != State::InTransaction {
            return Err(ClientError::illegal_state());
        }
        if self.v2 {
            self.partitions.entry(tp.clone()).or_default();
            self.partitions_in_transaction.insert(tp.clone());
            self.transaction_started = true;
        } else if !self.partitions_in_transaction.contains(tp)
            && !self.new_partitions.contains(tp)
            && !self.pending_partitions.contains(tp)
        {
            self.partitions.entry(tp.clone()).or_default();
            self.new_partitions.insert(tp.clone());
        }
        Ok(())
    }

    /// Takes the newest `transaction.version` (`maybeUpdateTransactionV2Enabled`): (epoch of the features, level).
    pub fn maybe_update_v2(&mut self, features: Option<(i64, i16)>, on_initialization: bool) {
        let Some((epoch, version)) = features else {
            return;
        };
        if self.features_epoch >= epoch {
            return;
        }
        self.features_epoch = epoch;
        let was = self.v2;
        self.v2 = version >= 2;
        if !on_initialization && !was && self.v2 {
            self.client_side_bump_required = true;
        }
    }

    // ---- errors

    fn needs_bump_from_client(&self) -> bool {
        self.coordinator_supports_bumping && !self.v2
    }

    fn can_handle_abortable_error(&self) -> bool {
        self.coordinator_supports_bumping || self.v2
    }

    pub fn transition_to_fatal(&mut self, error: ClientError, by: By) -> Result<(), ClientError> {
        self.transition(State::FatalError, Some(error.clone()), by)?;
        if let Some(pending) = self.pending_transition.clone() {
            self.fail(pending.result, &error);
        }
        Ok(())
    }

    fn transition_to_abortable(&mut self, error: ClientError, by: By) -> Result<(), ClientError> {
        if self.state == State::AbortingTransaction {
            return Ok(());
        }
        self.transition(State::AbortableError, Some(error), by)
    }

    /// A batch or a send failed (`maybeTransitionToErrorState`).
    pub fn maybe_transition_to_error(
        &mut self,
        error: &ClientError,
        by: By,
    ) -> Result<(), ClientError> {
        const FATAL: [ErrorCode; 5] = [
            ErrorCode::ClusterAuthorizationFailed,
            ErrorCode::TransactionalIdAuthorizationFailed,
            ErrorCode::ProducerFenced,
            ErrorCode::UnsupportedVersion,
            ErrorCode::InvalidProducerIdMapping,
        ];
        if FATAL.iter().any(|code| error.is(*code)) {
            return self.transition_to_fatal(error.clone(), by);
        }
        if !self.is_transactional() {
            return Ok(());
        }
        let shown = if error.is_retriable() || error.is(ErrorCode::InvalidTxnState) {
            ClientError::code(ErrorCode::TransactionAbortable).caused_by(error)
        } else {
            error.clone()
        };
        if self.needs_bump_from_client() && !self.is_completing() {
            self.client_side_bump_required = true;
        }
        self.transition_to_abortable(shown, by)
    }

    /// The producer was closed by force.
    pub fn close(&mut self) {
        let error = ClientError::kafka();
        for request in self.requests.drain() {
            self.fail(request.result, &error);
            let _ = self.transition_to_fatal(error.clone(), By::Sender);
        }
        if let Some(pending) = self.pending_transition.clone() {
            self.fail(pending.result, &error);
        }
    }

    /// Authorization failed: everything pending fails and the producer may be initialized again.
    pub fn transition_to_uninitialized(&mut self, error: &ClientError) {
        for request in self.requests.all() {
            self.fail(request.result, error);
            let _ = self.transition_to_abortable(error.clone(), By::Sender);
        }
        let _ = self.transition(State::Uninitialized, None, By::Sender);
        if let Some(pending) = self.pending_transition.clone() {
            self.fail(pending.result, error);
        }
        self.last_error = None;
    }

    /// A drained batch goes on only where idempotence and the transaction let it
    /// (`RecordAccumulator.shouldStopDrainBatchesForPartition`).
    pub fn should_stop_drain(&self, first: &ProducerBatch, tp: &TopicPartition) -> bool {
        let allowed = !self.has_fatal_error()
            && (!self.is_transactional() || self.partitions_in_transaction.contains(tp));
        if !allowed || !self.producer.is_valid() {
            return true;
        }
        if !first.has_sequence()
            && ((self.has_in_flight_batches(tp) && self.has_stale_producer(tp))
                || self.unresolved.contains_key(tp))
        {
            return true;
        }
        let first_in_flight = self.first_in_flight_sequence(tp);
        first.has_sequence()
            && first_in_flight.is_some_and(|sequence| first.base_sequence != sequence)
    }
}
