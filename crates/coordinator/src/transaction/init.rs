//! InitProducerId: an id and an epoch for a new instance of a producer.
//!
//! Source: `TransactionCoordinator.handleInitProducerId`, `prepareInitProducerIdTransit`.

use super::append::init_error;
use super::coordinator::{Continuation, Coordinator, EndCause, RequestToken, Response};
use super::metadata::{TransactionMetadata, TxnTransitMetadata, is_epoch_exhausted};
use super::producer_ids::ProducerIdSource;
use super::state::{TransactionResult, TransactionState};
use super::view::TransactionMetadataView;
use protocol::{CoordinatorEpoch, Ctx, ErrorCode, Name, ProducerEpoch, ProducerId};

/// What a producer asks for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct InitProducerId {
    /// None = idempotence only: a fresh id, nothing stored.
    pub transactional_id: Option<Name>,
    pub timeout_ms: i32,
    /// The id and epoch that the producer has and wants raised (epoch-bump recovery, KIP-360).
    pub expected: Option<(ProducerId, ProducerEpoch)>,
    pub enable_2pc: bool,
    pub keep_prepared_txn: bool,
}

impl<P: ProducerIdSource> Coordinator<P> {
    pub fn init_producer_id(
        &mut self,
        token: RequestToken,
        request: InitProducerId,
        view: &dyn TransactionMetadataView,
        ctx: &mut Ctx<'_>,
    ) {
        let now_ms = ctx.now.ms();
        let Some(id) = request.transactional_id.clone() else {
            let response = match self.producer_ids.generate(now_ms) {
                Ok(producer_id) => Response::InitProducerId {
                    error: ErrorCode::None,
                    producer_id,
                    producer_epoch: ProducerEpoch(0),
                },
                Err(error) => init_error(error),
            };
            self.respond(token, response);
            return;
        };
        match self.prepare_init(&id, &request, now_ms) {
            Err(error) => self.respond(token, init_error(error)),
            Ok((_, transit)) if transit.state == TransactionState::PrepareEpochFence => {
                let (producer_id, producer_epoch) = (transit.producer_id, transit.producer_epoch);
                let cause = EndCause::InitProducerId(token);
                let asked = (
                    producer_id,
                    producer_epoch,
                    TransactionResult::Abort,
                    view.transaction_version(),
                );
                self.end_transaction(&id, cause, asked, view, ctx);
            }
            Ok((coordinator_epoch, transit)) => {
                let (producer_id, producer_epoch) = (transit.producer_id, transit.producer_epoch);
                let then = Continuation::InitProducerId {
                    token,
                    producer_id,
                    producer_epoch,
                };
                self.append_transition(id, coordinator_epoch, transit, then, view, ctx);
            }
        }
    }

    fn prepare_init(
        &mut self,
        id: &Name,
        request: &InitProducerId,
        now_ms: i64,
    ) -> Result<(CoordinatorEpoch, TxnTransitMetadata), ErrorCode> {
        if id.is_empty() {
            return Err(ErrorCode::InvalidRequest);
        }
        if request.enable_2pc && !self.config.two_phase_commit_enable {
            return Err(ErrorCode::TransactionalIdAuthorizationFailed);
        }
        if request.keep_prepared_txn {
            return Err(ErrorCode::UnsupportedVersion);
        }
        let is_valid_timeout =
            request.timeout_ms > 0 && request.timeout_ms <= self.config.max_timeout_ms;
        if !request.enable_2pc && !is_valid_timeout {
            return Err(ErrorCode::InvalidTransactionTimeout);
        }
        // A prepared transaction waits for its coordinator outside as long as it takes.
        let timeout_ms = if request.enable_2pc {
            i32::MAX
        } else {
            request.timeout_ms
        };
        if self.manager.get(id)?.is_none() {
            let producer_id = self.producer_ids.generate(now_ms)?;
            self.manager.put_if_absent(TransactionMetadata::created(
                id.clone(),
                producer_id,
                timeout_ms,
                now_ms,
            ))?;
        }
        let Some((coordinator_epoch, metadata)) = self.manager.get(id)? else {
            return Err(ErrorCode::NotCoordinator);
        };
        if metadata.pending.is_some() {
            return Err(ErrorCode::ConcurrentTransactions);
        }
        if request
            .expected
            .is_some_and(|(producer_id, epoch)| !is_own(metadata, producer_id, epoch))
        {
            return Err(ErrorCode::ProducerFenced);
        }
        let expected = request.expected.map(|(_, epoch)| epoch);
        let transit = match metadata.now.state {
            TransactionState::PrepareAbort | TransactionState::PrepareCommit => {
                return Err(ErrorCode::ConcurrentTransactions);
            }
            TransactionState::CompleteAbort
            | TransactionState::CompleteCommit
            | TransactionState::Empty => {
                let current = metadata.now.producer_epoch;
                if metadata.is_producer_epoch_exhausted()
                    && expected.is_none_or(|expected| expected == current)
                {
                    let producer_id = self.producer_ids.generate(now_ms)?;
                    metadata.prepare_producer_id_rotation(
                        producer_id,
                        timeout_ms,
                        now_ms,
                        expected.is_some(),
                    )?
                } else {
                    metadata.prepare_increment_producer_epoch(timeout_ms, expected, now_ms)?
                }
            }
            TransactionState::Ongoing => metadata.prepare_fence_producer_epoch()?,
            // Neither is ever a state of its own.
            TransactionState::Dead | TransactionState::PrepareEpochFence => {
                return Err(ErrorCode::UnknownServerError);
            }
        };
        Ok((coordinator_epoch, transit))
    }
}

/// The id that a producer claims is the one in use, or the one before it if its epochs were used up.
fn is_own(metadata: &TransactionMetadata, producer_id: ProducerId, epoch: ProducerEpoch) -> bool {
    metadata.now.producer_epoch.is_none()
        || producer_id == metadata.now.producer_id
        || (producer_id == metadata.now.prev_producer_id && is_epoch_exhausted(epoch))
}
