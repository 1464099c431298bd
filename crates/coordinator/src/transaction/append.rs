//! Writing a change to the log, and what follows when it is written or is not.
//!
//! Source: `TransactionStateManager.appendTransactionToLog`.

use super::coordinator::{Append, Continuation, Coordinator, EndCause, Response, TxnLogRecord};
use super::metadata::TxnTransitMetadata;
use super::producer_ids::ProducerIdSource;
use super::record;
use super::rules;
use super::view::TransactionMetadataView;
use protocol::{CoordinatorEpoch, Ctx, ErrorCode, Name, ProducerEpoch, ProducerId};

impl<P: ProducerIdSource> Coordinator<P> {
    /// Writes a prepared change, unless the coordinator has changed meanwhile; `then` happens when that is decided.
    pub(super) fn append_transition(
        &mut self,
        transactional_id: Name,
        coordinator_epoch: CoordinatorEpoch,
        transit: TxnTransitMetadata,
        then: Continuation,
        view: &dyn TransactionMetadataView,
        ctx: &mut Ctx<'_>,
    ) {
        let refused = match self.manager.get(&transactional_id) {
            Err(error) => Some(error),
            Ok(Some((epoch, _))) if epoch == coordinator_epoch => None,
            Ok(_) => Some(ErrorCode::NotCoordinator),
        };
        if let Some(error) = refused {
            let append = (transactional_id, coordinator_epoch, transit);
            self.continue_after_append(error, append, then, view, ctx);
            return;
        }
        let record = TxnLogRecord {
            key: record::key_to_bytes(&transactional_id),
            value: Some(record::value_to_bytes(&transit, view.transaction_version())),
        };
        let partition = self.manager.partition_for(&transactional_id);
        let append = Append::Transition {
            transactional_id,
            coordinator_epoch,
            transit,
            then,
        };
        self.push_append(
            append,
            partition,
            coordinator_epoch,
            ctx.now.ms(),
            vec![record],
        );
    }

    /// How a write went: NONE when all in-sync replicas have it, else why not. Nothing happens for a token that is not known.
    pub fn append_completed(
        &mut self,
        token: u64,
        error: ErrorCode,
        view: &dyn TransactionMetadataView,
        ctx: &mut Ctx<'_>,
    ) {
        match self.appends.remove(&token) {
            Some(Append::Transition {
                transactional_id,
                coordinator_epoch,
                transit,
                then,
            }) => {
                let error = translate(error);
                let retry = matches!(then, Continuation::Complete { .. })
                    && error == ErrorCode::CoordinatorNotAvailable;
                let error = self.complete_transition(
                    &transactional_id,
                    coordinator_epoch,
                    &transit,
                    error,
                    retry,
                    ctx,
                );
                self.continue_after_append(
                    error,
                    (transactional_id, coordinator_epoch, transit),
                    then,
                    view,
                    ctx,
                );
            }
            Some(Append::Expiration {
                partition,
                coordinator_epoch,
                expired,
            }) => {
                self.expiration_written(partition, coordinator_epoch, &expired, error);
            }
            None => {}
        }
    }

    /// On success the change takes effect; on failure all is as before, or stays pending if it is going to be tried again.
    fn complete_transition(
        &mut self,
        transactional_id: &str,
        coordinator_epoch: CoordinatorEpoch,
        transit: &TxnTransitMetadata,
        error: ErrorCode,
        retry: bool,
        ctx: &mut Ctx<'_>,
    ) -> ErrorCode {
        let found = self.manager.get(transactional_id);
        if error != ErrorCode::None {
            if let Ok(Some((epoch, metadata))) = found
                && epoch == coordinator_epoch
                && !retry
            {
                metadata.pending = None;
            }
            return error;
        }
        match found {
            Err(error) => error,
            Ok(Some((epoch, metadata))) if epoch == coordinator_epoch => {
                let from = metadata.now.state;
                metadata.complete_transition(transit.clone());
                Self::report(ctx, metadata, from, rules::for_state(transit.state));
                ErrorCode::None
            }
            Ok(_) => ErrorCode::NotCoordinator,
        }
    }

    fn continue_after_append(
        &mut self,
        error: ErrorCode,
        (transactional_id, coordinator_epoch, transit): (
            Name,
            CoordinatorEpoch,
            TxnTransitMetadata,
        ),
        then: Continuation,
        view: &dyn TransactionMetadataView,
        ctx: &mut Ctx<'_>,
    ) {
        match then {
            Continuation::InitProducerId {
                token,
                producer_id,
                producer_epoch,
            } => {
                let response = if error == ErrorCode::None {
                    Response::InitProducerId {
                        error,
                        producer_id,
                        producer_epoch,
                    }
                } else {
                    init_error(error)
                };
                self.respond(token, response);
            }
            Continuation::AddPartitions { token } => {
                self.respond(token, Response::AddPartitions { error })
            }
            Continuation::EndTxn {
                cause,
                producer_id,
                producer_epoch,
                result,
                epoch_bump,
                is_epoch_fence,
            } => {
                if error == ErrorCode::None {
                    let asked = (producer_id, producer_epoch, result, epoch_bump);
                    self.decided(transactional_id, coordinator_epoch, cause, asked, view, ctx);
                    return;
                }
                // A version 0 fence raised the epoch in memory before it was written: remember, so as not to raise it again.
                if is_epoch_fence
                    && !epoch_bump
                    && let Some(metadata) =
                        self.manager.get_at(&transactional_id, coordinator_epoch)
                {
                    metadata.has_failed_epoch_fence = true;
                }
                self.answer_end_txn(cause, error, ProducerId::NONE, ProducerEpoch::NONE);
            }
            Continuation::Complete { number } => {
                if error == ErrorCode::CoordinatorNotAvailable {
                    let retry = super::markers::PendingCompleteTxn {
                        number,
                        transactional_id,
                        coordinator_epoch,
                        transit,
                    };
                    self.markers.log_append_retries.push(retry);
                }
            }
        }
    }

    /// Tells whoever asked for the end of a transaction how it went. A newer instance has to come back in any case.
    pub(super) fn answer_end_txn(
        &mut self,
        cause: EndCause,
        error: ErrorCode,
        producer_id: ProducerId,
        producer_epoch: ProducerEpoch,
    ) {
        match cause {
            EndCause::Client(token) => self.respond(
                token,
                Response::EndTxn {
                    error,
                    producer_id,
                    producer_epoch,
                },
            ),
            EndCause::InitProducerId(token) => {
                let error = if error == ErrorCode::None {
                    ErrorCode::ConcurrentTransactions
                } else {
                    error
                };
                self.respond(token, init_error(error));
            }
            EndCause::Timeout => {}
        }
    }
}

/// What clients are told of a write that failed.
fn translate(error: ErrorCode) -> ErrorCode {
    match error {
        ErrorCode::UnknownTopicOrPartition
        | ErrorCode::NotEnoughReplicas
        | ErrorCode::NotEnoughReplicasAfterAppend
        | ErrorCode::RequestTimedOut => ErrorCode::CoordinatorNotAvailable,
        ErrorCode::NotLeaderOrFollower | ErrorCode::KafkaStorageError => ErrorCode::NotCoordinator,
        ErrorCode::MessageTooLarge | ErrorCode::RecordListTooLarge => ErrorCode::UnknownServerError,
        other => other,
    }
}

pub(super) fn init_error(error: ErrorCode) -> Response {
    Response::InitProducerId {
        error,
        producer_id: ProducerId::NONE,
        producer_epoch: ProducerEpoch::NONE,
    }
}
