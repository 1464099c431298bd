//! EndTxn, a fence and a time-out: the decision is written, the asker answered, and the markers set off.
//!
//! With version 2 the epoch rises with the decision; with versions 0 and 1 it stays, and only a fence raises it. Source:
//! `TransactionCoordinator.endTransaction`, `endTransactionWithTV1`, `abortTimedOutTransactions`.

use super::add::TransactionOf;
use super::coordinator::{Continuation, Coordinator, EndCause, RequestToken};
use super::metadata::{TransactionMetadata, TxnTransitMetadata, is_epoch_exhausted};
use super::producer_ids::ProducerIdSource;
use super::state::{TransactionResult, TransactionState, TransactionVersion};
use super::view::TransactionMetadataView;
use protocol::{CoordinatorEpoch, Ctx, ErrorCode, Ms, Name, ProducerEpoch, ProducerId, Protection};

/// What is to end, how, and by whose rules.
pub(super) type Asked = (
    ProducerId,
    ProducerEpoch,
    TransactionResult,
    TransactionVersion,
);

/// A decision that is ready to be written, or why there is none. `Done`: it was made before; the id and epoch to go on with.
enum Decision {
    Write {
        coordinator_epoch: CoordinatorEpoch,
        transit: TxnTransitMetadata,
        is_epoch_fence: bool,
    },
    Done {
        producer_id: ProducerId,
        producer_epoch: ProducerEpoch,
    },
}

impl<P: ProducerIdSource> Coordinator<P> {
    /// `client_version`: what the version of the request stands for.
    pub fn end_txn(
        &mut self,
        token: RequestToken,
        of: &TransactionOf,
        result: TransactionResult,
        client_version: TransactionVersion,
        view: &dyn TransactionMetadataView,
        ctx: &mut Ctx<'_>,
    ) {
        let asked = (of.producer_id, of.producer_epoch, result, client_version);
        self.end_transaction(
            &of.transactional_id,
            EndCause::Client(token),
            asked,
            view,
            ctx,
        );
    }

    pub(super) fn end_transaction(
        &mut self,
        id: &Name,
        cause: EndCause,
        asked: Asked,
        view: &dyn TransactionMetadataView,
        ctx: &mut Ctx<'_>,
    ) {
        let (producer_id, producer_epoch, result, mut version) = asked;
        if !ctx.protections.on(Protection::TransactionEpochBump) {
            // Before KIP-890 only InitProducerId and fences raised the epoch.
            version = version.min(TransactionVersion::TV_1);
        }
        let epoch_bump = version.supports_epoch_bump();
        let is_from_client = matches!(cause, EndCause::Client(_));
        let decision = if id.is_empty() {
            Err(ErrorCode::InvalidRequest)
        } else if epoch_bump {
            self.decide(id, is_from_client, asked, ctx.now.ms())
        } else {
            self.decide_without_epoch_bump(id, is_from_client, asked, ctx.now.ms())
        };
        match decision {
            Err(error) => self.answer_end_txn(cause, error, ProducerId::NONE, ProducerEpoch::NONE),
            Ok(Decision::Done {
                producer_id,
                producer_epoch,
            }) => {
                self.answer_end_txn(cause, ErrorCode::None, producer_id, producer_epoch);
            }
            Ok(Decision::Write {
                coordinator_epoch,
                transit,
                is_epoch_fence,
            }) => {
                let then = Continuation::EndTxn {
                    cause,
                    producer_id,
                    producer_epoch,
                    result,
                    epoch_bump,
                    is_epoch_fence,
                };
                self.append_transition(id.clone(), coordinator_epoch, transit, then, view, ctx);
            }
        }
    }

    /// Versions 0 and 1: the epoch has to match exactly.
    fn decide_without_epoch_bump(
        &mut self,
        id: &Name,
        is_from_client: bool,
        (producer_id, producer_epoch, result, _): Asked,
        now_ms: Ms,
    ) -> Result<Decision, ErrorCode> {
        let (coordinator_epoch, metadata) = self
            .manager
            .get(id)?
            .ok_or(ErrorCode::InvalidProducerIdMapping)?;
        let current = metadata.now.producer_epoch;
        if metadata.now.producer_id != producer_id {
            return Err(ErrorCode::InvalidProducerIdMapping);
        }
        if (is_from_client && producer_epoch != current) || producer_epoch < current {
            return Err(ErrorCode::ProducerFenced);
        }
        let is_fence_pending = metadata.pending == Some(TransactionState::PrepareEpochFence);
        if metadata.pending.is_some() && !is_fence_pending {
            return Err(ErrorCode::ConcurrentTransactions);
        }
        if metadata.now.state == TransactionState::Ongoing {
            let next_state = result.prepare_state();
            let is_epoch_fence = next_state == TransactionState::PrepareAbort && is_fence_pending;
            if is_epoch_fence {
                // The raised epoch fences the older instance whether or not the abort gets written.
                metadata.pending = None;
                metadata.now.producer_epoch = producer_epoch;
                metadata.now.last_producer_epoch = ProducerEpoch::NONE;
            }
            let version = TransactionVersion::TV_0;
            let transit = metadata.prepare_abort_or_commit(
                next_state,
                version,
                ProducerId::NONE,
                now_ms,
                false,
            )?;
            return Ok(Decision::Write {
                coordinator_epoch,
                transit,
                is_epoch_fence,
            });
        }
        let (same_complete, same_prepare) = match result {
            TransactionResult::Commit => (
                TransactionState::CompleteCommit,
                TransactionState::PrepareCommit,
            ),
            TransactionResult::Abort => (
                TransactionState::CompleteAbort,
                TransactionState::PrepareAbort,
            ),
        };
        if metadata.now.state == same_complete {
            // Asked again: these versions are told no id and epoch.
            Ok(Decision::Done {
                producer_id: ProducerId::NONE,
                producer_epoch: ProducerEpoch::NONE,
            })
        } else if metadata.now.state == same_prepare {
            Err(ErrorCode::ConcurrentTransactions)
        } else {
            Err(ErrorCode::InvalidTxnState)
        }
    }

    /// Version 2: the epoch rises with the decision, so a request one epoch behind is the last one asked again.
    fn decide(
        &mut self,
        id: &Name,
        is_from_client: bool,
        (producer_id, producer_epoch, result, version): Asked,
        now_ms: Ms,
    ) -> Result<Decision, ErrorCode> {
        use TransactionState::*;
        let (coordinator_epoch, metadata) = self
            .manager
            .get(id)?
            .ok_or(ErrorCode::InvalidProducerIdMapping)?;
        let is_epoch_fence = metadata.pending == Some(PrepareEpochFence);
        let retry = if is_epoch_fence {
            Retry::No
        } else {
            Retry::of(metadata, producer_id, producer_epoch)
        };
        if metadata.pending.is_some() && !is_epoch_fence {
            return Err(ErrorCode::ConcurrentTransactions);
        }
        if metadata.now.producer_id != producer_id && retry != Retry::Overflow {
            return Err(ErrorCode::InvalidProducerIdMapping);
        }
        let current = metadata.now.producer_epoch;
        let is_valid_epoch = if is_epoch_fence {
            (!is_from_client || producer_epoch == current) && producer_epoch >= current
        } else {
            match metadata.now.state {
                Ongoing | Empty | Dead | PrepareEpochFence => producer_epoch == current,
                PrepareCommit | PrepareAbort => retry == Retry::EpochBump,
                CompleteCommit | CompleteAbort => retry != Retry::No || producer_epoch == current,
            }
        };
        if !is_valid_epoch {
            return Err(ErrorCode::ProducerFenced);
        }
        let is_retry = retry != Retry::No;
        let done = Decision::Done {
            producer_id: metadata.now.producer_id,
            producer_epoch: current,
        };
        let (next_state, no_partition_added) = match (metadata.now.state, result) {
            (Ongoing, _) => (result.prepare_state(), false),
            (CompleteCommit, TransactionResult::Commit) if is_retry => return Ok(done),
            (CompleteAbort, TransactionResult::Abort) if is_retry => return Ok(done),
            // An abort without anything open raises the epoch all the same: the producer may have written something that failed.
            (CompleteCommit, TransactionResult::Abort) if !is_retry => (PrepareAbort, true),
            (CompleteAbort | Empty, TransactionResult::Abort) => (PrepareAbort, true),
            (PrepareCommit, TransactionResult::Commit)
            | (PrepareAbort, TransactionResult::Abort) => {
                return Err(ErrorCode::ConcurrentTransactions);
            }
            _ => return Err(ErrorCode::InvalidTxnState),
        };
        let next_producer_id = if is_epoch_exhausted(current) {
            self.producer_ids.generate(now_ms)
        } else {
            Ok(ProducerId::NONE)
        };
        if next_state == PrepareAbort && is_epoch_fence {
            metadata.pending = None;
        }
        let transit = metadata.prepare_abort_or_commit(
            next_state,
            version,
            next_producer_id?,
            now_ms,
            no_partition_added,
        )?;
        Ok(Decision::Write {
            coordinator_epoch,
            transit,
            is_epoch_fence,
        })
    }

    /// The decision is in the log: answer, and send the markers.
    pub(super) fn decided(
        &mut self,
        id: Name,
        coordinator_epoch: CoordinatorEpoch,
        cause: EndCause,
        (producer_id, producer_epoch, result, epoch_bump): (
            ProducerId,
            ProducerEpoch,
            TransactionResult,
            bool,
        ),
        view: &dyn TransactionMetadataView,
        ctx: &mut Ctx<'_>,
    ) {
        let now_ms = ctx.now.ms();
        let prepared = match self.manager.get(&id) {
            Err(error) => Err(error),
            Ok(Some((epoch, metadata))) if epoch == coordinator_epoch => {
                let current = metadata.now.producer_epoch;
                let is_own_epoch = current == producer_epoch
                    || (epoch_bump
                        && i32::from(current.get()) == i32::from(producer_epoch.get()) + 1);
                if metadata.now.producer_id != producer_id {
                    Err(ErrorCode::InvalidProducerIdMapping)
                } else if !is_own_epoch {
                    Err(ErrorCode::ProducerFenced)
                } else if metadata.pending.is_some() {
                    Err(ErrorCode::ConcurrentTransactions)
                } else if metadata.now.state != result.prepare_state() {
                    Err(ErrorCode::InvalidTxnState)
                } else {
                    metadata.prepare_complete(now_ms)
                }
            }
            Ok(_) => Err(ErrorCode::NotCoordinator),
        };
        match prepared {
            Err(error) => self.answer_end_txn(cause, error, ProducerId::NONE, ProducerEpoch::NONE),
            Ok(transit) => {
                let (producer_id, producer_epoch) = if epoch_bump {
                    (transit.producer_id, transit.producer_epoch)
                } else {
                    (ProducerId::NONE, ProducerEpoch::NONE)
                };
                self.answer_end_txn(cause, ErrorCode::None, producer_id, producer_epoch);
                self.add_markers_to_send(coordinator_epoch, result, &id, transit, view, ctx);
            }
        }
    }

    /// Aborts what has been open for longer than its time-out, by the rules of the cluster's version.
    pub(super) fn abort_timed_out_transactions(
        &mut self,
        view: &dyn TransactionMetadataView,
        ctx: &mut Ctx<'_>,
    ) {
        let now_ms = ctx.now.ms();
        let timed_out: Vec<Name> = self
            .transactions()
            .filter(|(_, _, metadata)| {
                metadata.pending.is_none()
                    && metadata.now.state == TransactionState::Ongoing
                    && !metadata.is_distributed_two_phase_commit()
                    && metadata.now.start_ms + Ms::from(metadata.now.txn_timeout_ms) < now_ms
            })
            .map(|(_, _, metadata)| metadata.transactional_id.clone())
            .collect();
        for id in timed_out {
            let fenced = match self.manager.get(&id) {
                Ok(Some((_, metadata))) if metadata.pending.is_none() => {
                    metadata.prepare_fence_producer_epoch()
                }
                _ => continue,
            };
            if let Ok(transit) = fenced {
                let version = view.transaction_version();
                let asked = (
                    transit.producer_id,
                    transit.producer_epoch,
                    TransactionResult::Abort,
                    version,
                );
                self.end_transaction(&id, EndCause::Timeout, asked, view, ctx);
            }
        }
    }
}

/// Whether a request repeats one that was decided.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Retry {
    No,
    /// One epoch behind.
    EpochBump,
    /// The last epoch of the producer id before.
    Overflow,
}

impl Retry {
    fn of(
        metadata: &TransactionMetadata,
        producer_id: ProducerId,
        producer_epoch: ProducerEpoch,
    ) -> Self {
        let current = metadata.now.producer_epoch;
        if i32::from(current.get()) == i32::from(producer_epoch.get()) + 1 {
            Retry::EpochBump
        } else if metadata.now.prev_producer_id == producer_id
            && producer_epoch == ProducerEpoch(i16::MAX - 1)
            && current == ProducerEpoch(0)
        {
            Retry::Overflow
        } else {
            Retry::No
        }
    }
}
