//! Transactional appends: first the coordinator is asked, then the records are written
//! (`ReplicaManager.handleProduceAppend`, `maybeStartTransactionVerificationForPartition`).

use super::ReplicaManager;
use super::append::AppendOptions;
use super::requests::{ProduceEntry, RequestToken};
use crate::verification::{TransactionSupportedOperation, Verification, Verified, produce_error};
use log::{AppendOrigin, VerificationGuard};
use protocol::messages::{AddPartitionsToTxnRequest, AddPartitionsToTxnResponse, Records};
use protocol::record::{Batches, RecordBatch};
use protocol::{
    Ctx, ErrorCode, Instant, Ms, Name, NodeId, ProducerEpoch, ProducerId, Protection, Sequence,
    TopicPartition,
};
use std::collections::BTreeMap;

/// `add.partitions.to.txn.retry.backoff.ms`
const RETRY_BACKOFF_MS: Ms = 20;
/// `add.partitions.to.txn.retry.backoff.max.ms`: how long a broker itself repeats a question that meets the end of the
/// previous transaction.
const RETRY_BACKOFF_MAX_MS: Ms = 100;

/// A produce, or one partition of an offset commit, that waits for its coordinator.
#[derive(Clone, Debug)]
pub(super) struct Unverified {
    verification: Verification,
    errors: BTreeMap<TopicPartition, ErrorCode>,
    guards: BTreeMap<TopicPartition, VerificationGuard>,
    /// Records to append once it is verified; none for whoever only asked.
    append: Option<(AppendOptions, Vec<ProduceEntry>)>,
    give_up_at: Instant,
    /// Asked again then.
    retry_at: Option<Instant>,
}

/// The outcome for whoever only asked: the proof, if one is needed, or what is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedPartition {
    pub token: RequestToken,
    pub result: Result<Option<VerificationGuard>, ErrorCode>,
}

/// Who produces, as a Produce request says it.
#[derive(Clone, Debug)]
pub struct ProduceRequestInfo {
    pub timeout_ms: Ms,
    pub required_acks: i16,
    pub internal_topics_allowed: bool,
    pub transactional_id: Option<Name>,
    pub operation: TransactionSupportedOperation,
}

impl ReplicaManager {
    /// A client's Produce (`handleProduceAppend`): what belongs to a transaction that is not open here is verified with its
    /// coordinator first; ask [`ReplicaManager::poll_verifications`] for the request.
    pub fn handle_produce_append(
        &mut self,
        token: RequestToken,
        produce: ProduceRequestInfo,
        entries: Vec<ProduceEntry>,
        ctx: &mut Ctx,
    ) {
        let options = AppendOptions {
            timeout_ms: produce.timeout_ms,
            required_acks: produce.required_acks,
            internal_topics_allowed: produce.internal_topics_allowed,
            origin: AppendOrigin::Client,
        };
        let transactional: Vec<_> = entries
            .iter()
            .filter_map(|e| Some((e.topic_partition.clone(), first_transactional(&e.records)?)))
            .collect();
        let (Some(transactional_id), Some((_, first))) =
            (produce.transactional_id, transactional.first())
        else {
            return self.append_with(token, options, entries, &BTreeMap::new(), ctx);
        };
        let (id, epoch) = (
            ProducerId(first.producer_id()),
            ProducerEpoch(first.producer_epoch()),
        );
        let sequences = transactional
            .iter()
            .map(|(tp, b)| (tp.clone(), Sequence(b.base_sequence())))
            .collect();
        let verification = Verification {
            token,
            transactional_id,
            producer_id: id,
            producer_epoch: epoch,
            partitions: Vec::new(),
            operation: produce.operation,
        };
        self.verify(verification, sequences, Some((options, entries)), ctx);
    }

    /// Asks whether one partition belongs to a transaction, for coordinators that append to it themselves; the outcome
    /// comes with [`ReplicaManager::take_verified`] (`maybeStartTransactionVerificationForPartition`).
    pub fn verify_transaction_for_partition(
        &mut self,
        verification: Verification,
        tp: &TopicPartition,
        base_sequence: Sequence,
        ctx: &mut Ctx,
    ) {
        self.verify(verification, vec![(tp.clone(), base_sequence)], None, ctx);
    }

    fn verify(
        &mut self,
        mut verification: Verification,
        sequences: Vec<(TopicPartition, Sequence)>,
        append: Option<(AppendOptions, Vec<ProduceEntry>)>,
        ctx: &mut Ctx,
    ) {
        let bump = verification.operation.supports_epoch_bump();
        let wanted = (self.logs.broker_config().transaction_partition_verification || bump)
            && ctx.protections.on(Protection::TransactionVerification);
        let mut waiting = Unverified {
            give_up_at: ctx.now.after_ms(RETRY_BACKOFF_MAX_MS),
            retry_at: None,
            errors: BTreeMap::new(),
            guards: BTreeMap::new(),
            append,
            verification: verification.clone(),
        };
        for (tp, sequence) in sequences.into_iter().filter(|_| wanted) {
            let (id, epoch) = (verification.producer_id, verification.producer_epoch);
            let started = self.read_partition(&tp, ctx, |partition, env| {
                if !partition.is_leader(env.me) {
                    return Err(ErrorCode::NotLeaderOrFollower);
                }
                let now_ms = env.now_ms();
                env.log
                    .maybe_start_transaction_verification(id, sequence, epoch, bump, now_ms)
                    .map_err(|e| e.code())
            });
            match started.and_then(|started| started) {
                Ok(Some(guard)) => {
                    waiting.guards.insert(tp, guard);
                }
                Ok(None) => {}
                Err(error) => {
                    waiting.errors.insert(tp, error);
                }
            }
        }
        if waiting.guards.is_empty() {
            return self.verified(waiting, ctx);
        }
        verification.partitions = waiting.guards.keys().cloned().collect();
        waiting.verification = verification.clone();
        self.unverified.insert(verification.token, waiting);
        self.to_verify.push(verification);
    }

    /// AddPartitionsToTxn requests that leave now. `coordinator_of` finds the alive broker that coordinates a transactional
    /// id, if there is one.
    pub fn poll_verifications(
        &mut self,
        coordinator_of: &dyn Fn(&str) -> Option<NodeId>,
        ctx: &mut Ctx,
    ) -> Vec<(NodeId, AddPartitionsToTxnRequest)> {
        for waiting in self.unverified.values_mut() {
            if waiting.retry_at.take_if(|at| *at <= ctx.now).is_some() {
                self.to_verify.push(waiting.verification.clone());
            }
        }
        for verification in std::mem::take(&mut self.to_verify) {
            let decided = match coordinator_of(&verification.transactional_id) {
                None => Some(verification.all(ErrorCode::CoordinatorNotAvailable)),
                Some(node) => self.verifications.add(node, verification),
            };
            if let Some(decided) = decided {
                self.decide(decided, ctx);
            }
        }
        self.verifications.next_requests()
    }

    /// A coordinator's answer; `None` when it was lost.
    pub fn on_add_partitions_to_txn_response(
        &mut self,
        node: NodeId,
        response: Option<&AddPartitionsToTxnResponse>,
        ctx: &mut Ctx,
    ) {
        for verified in self.verifications.on_response(node, response) {
            self.decide(verified, ctx);
        }
    }

    /// Outcomes for whoever only asked, since the last call.
    pub fn take_verified(&mut self) -> Vec<VerifiedPartition> {
        std::mem::take(&mut self.verified_partitions)
    }

    fn decide(&mut self, verified: Verified, ctx: &mut Ctx) {
        let Some(mut waiting) = self.unverified.remove(&verified.token) else {
            return;
        };
        // The previous transaction of this id is still being ended: with transaction version 2 the client does not know
        // that it has to wait, so the broker repeats the question for a while.
        let busy = verified
            .errors
            .values()
            .any(|e| *e == ErrorCode::ConcurrentTransactions);
        let retry_at = ctx.now.after_ms(RETRY_BACKOFF_MS);
        if busy
            && waiting.verification.operation.supports_epoch_bump()
            && retry_at < waiting.give_up_at
        {
            waiting.retry_at = Some(retry_at);
            self.unverified.insert(verified.token, waiting);
            return;
        }
        waiting.errors.extend(verified.errors);
        self.verified(waiting, ctx);
    }

    fn verified(&mut self, waiting: Unverified, ctx: &mut Ctx) {
        let Unverified {
            verification,
            errors,
            guards,
            append,
            ..
        } = waiting;
        let token = verification.token;
        match append {
            Some((options, mut entries)) => {
                for entry in &mut entries {
                    entry.guard = guards.get(&entry.topic_partition).copied();
                }
                let refused = errors
                    .into_iter()
                    .map(|(tp, error)| (tp, produce_error(error, verification.operation)))
                    .collect();
                self.append_with(token, options, entries, &refused, ctx);
            }
            None => {
                let result = match errors.into_values().next() {
                    Some(error) => Err(error),
                    None => Ok(guards.into_values().next()),
                };
                self.verified_partitions
                    .push(VerifiedPartition { token, result });
            }
        }
    }

    pub(super) fn verifications_wake_up(&self) -> Option<Instant> {
        self.unverified
            .values()
            .filter_map(|waiting| waiting.retry_at)
            .min()
    }
}

/// The first transactional batch of what a producer sent.
fn first_transactional(records: &Records) -> Option<RecordBatch> {
    Batches::new(records.concat())
        .filter_map(Result::ok)
        .find(|batch| batch.has_producer_id() && batch.is_transactional())
}
