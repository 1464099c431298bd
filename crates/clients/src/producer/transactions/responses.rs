//! What the coordinators' answers lead to (`TxnRequestHandler.handleResponse` of each kind).

use super::{By, TransactionManager, TxnRequest, TxnRequestKind};
use crate::error::ClientError;
use crate::network::Outcome;
use crate::producer::batch::ProducerIdAndEpoch;
use protocol::messages::{
    AddPartitionsToTxnResponse, COORDINATOR_GROUP, FindCoordinatorResponse, InitProducerIdResponse,
    OffsetCommitResponseTopic, Response, TxnOffsetCommitResponse,
};
use protocol::{ErrorCode, TopicPartition};

/// Kafka answers both with "find the coordinator again".
const fn coordinator_moved(error: ErrorCode) -> bool {
    matches!(
        error,
        ErrorCode::CoordinatorNotAvailable | ErrorCode::NotCoordinator
    )
}

/// The epoch is not ours any more.
const fn fenced(error: ErrorCode) -> bool {
    matches!(
        error,
        ErrorCode::InvalidProducerEpoch | ErrorCode::ProducerFenced
    )
}

type Handled = Result<(), ClientError>;

impl TransactionManager {
    /// An answer, or the loss of the connection, for the request in flight.
    pub fn handle_response(&mut self, request: TxnRequest, outcome: Outcome) {
        self.in_flight = None;
        // What goes wrong inside has already put the manager into its error state.
        let _ = match outcome {
            Outcome::Disconnected { .. } => {
                if self.coordinator_type(&request).is_some() {
                    self.lookup_coordinator_for(&request);
                }
                self.retry(request);
                Ok(())
            }
            Outcome::Response(response) => self.handle_answer(request, response),
            Outcome::Written => self.fatal(&request, ClientError::kafka()),
        };
    }

    fn handle_answer(&mut self, request: TxnRequest, response: Response) -> Handled {
        match response {
            Response::FindCoordinator(r) => self.handle_find_coordinator(request, &r),
            Response::InitProducerId(r) => self.handle_init_producer_id(request, &r),
            Response::AddPartitionsToTxn(r) => self.handle_add_partitions(request, &r),
            Response::AddOffsetsToTxn(r) => self.handle_add_offsets(request, r.error),
            Response::TxnOffsetCommit(r) => self.handle_txn_offset_commit(request, &r),
            Response::EndTxn(r) => {
                let next = ProducerIdAndEpoch {
                    id: r.producer_id,
                    epoch: r.producer_epoch,
                };
                self.handle_end_txn(request, r.error, next)
            }
            other => unreachable!("{:?} answers no coordinator request", other.api()),
        }
    }

    fn fatal(&mut self, request: &TxnRequest, error: ClientError) -> Handled {
        self.fail(request.result, &error);
        self.transition_to_fatal(error, By::Sender)
    }

    fn fatal_code(&mut self, request: &TxnRequest, code: ErrorCode) -> Handled {
        self.fatal(request, ClientError::code(code))
    }

    fn abortable(&mut self, request: &TxnRequest, error: ClientError) -> Handled {
        self.fail(request.result, &error);
        self.transition_to_abortable(error, By::Sender)
    }

    fn abortable_if_possible(&mut self, request: &TxnRequest, code: ErrorCode) -> Handled {
        if !self.can_handle_abortable_error() {
            return self.fatal_code(request, code);
        }
        if self.needs_bump_from_client() {
            self.client_side_bump_required = true;
        }
        self.abortable(request, ClientError::code(code))
    }

    fn find_again_and_retry(&mut self, request: TxnRequest) -> Handled {
        self.lookup_transaction_coordinator();
        self.retry(request);
        Ok(())
    }

    fn handle_find_coordinator(
        &mut self,
        request: TxnRequest,
        response: &FindCoordinatorResponse,
    ) -> Handled {
        let TxnRequestKind::FindCoordinator { key_type, .. } = &request.kind else {
            return Ok(());
        };
        let [coordinator] = response.coordinators.as_slice() else {
            return self.fatal(&request, ClientError::illegal_state());
        };
        match coordinator.error {
            ErrorCode::None => {
                self.found_coordinator(*key_type, coordinator.node_id);
                self.done(request.result);
                Ok(())
            }
            error if error.is_retriable() => {
                self.retry(request);
                Ok(())
            }
            error @ ErrorCode::TransactionalIdAuthorizationFailed => {
                self.fatal_code(&request, error)
            }
            error @ (ErrorCode::GroupAuthorizationFailed | ErrorCode::TransactionAbortable) => {
                self.abortable(&request, ClientError::code(error))
            }
            _ => self.fatal(&request, ClientError::kafka()),
        }
    }

    fn handle_init_producer_id(
        &mut self,
        request: TxnRequest,
        response: &InitProducerIdResponse,
    ) -> Handled {
        let TxnRequestKind::InitProducerId { epoch_bump, .. } = request.kind else {
            return Ok(());
        };
        match response.error {
            ErrorCode::None => {
                self.producer = ProducerIdAndEpoch {
                    id: response.producer_id,
                    epoch: response.producer_epoch,
                };
                self.transition(super::State::Ready, None, By::Sender)?;
                self.last_error = None;
                if epoch_bump {
                    self.reset_sequence_numbers();
                }
                self.done(request.result);
                Ok(())
            }
            error if coordinator_moved(error) => self.find_again_and_retry(request),
            error if error.is_retriable() => {
                self.retry(request);
                Ok(())
            }
            error @ (ErrorCode::TransactionalIdAuthorizationFailed
            | ErrorCode::ClusterAuthorizationFailed) => {
                self.last_error = Some(ClientError::code(error));
                self.abortable(&request, ClientError::code(error))
            }
            error if fenced(error) => self.fatal_code(&request, ErrorCode::ProducerFenced),
            error @ ErrorCode::TransactionAbortable => {
                self.abortable(&request, ClientError::code(error))
            }
            _ => self.fatal(&request, ClientError::kafka()),
        }
    }

    fn handle_add_partitions(
        &mut self,
        mut request: TxnRequest,
        response: &AddPartitionsToTxnResponse,
    ) -> Handled {
        let normal = self.retry_backoff_ms;
        if let TxnRequestKind::AddPartitions { backoff_ms, .. } = &mut request.kind {
            *backoff_ms = normal;
        }
        let results: Vec<(TopicPartition, ErrorCode)> = response
            .results_by_transaction
            .iter()
            .flat_map(|t| &t.topic_results)
            .flat_map(|t| {
                t.results_by_partition.iter().map(|p| {
                    (
                        TopicPartition::new(t.name.clone(), p.partition_index),
                        p.partition_error,
                    )
                })
            })
            .collect();
        let (mut other_errors, mut unauthorized) = (false, false);
        for (_, error) in &results {
            match *error {
                ErrorCode::None => {}
                error if coordinator_moved(error) => return self.find_again_and_retry(request),
                ErrorCode::ConcurrentTransactions => {
                    let soon = self.backoff_after_concurrent_transactions();
                    if let TxnRequestKind::AddPartitions { backoff_ms, .. } = &mut request.kind {
                        *backoff_ms = soon;
                    }
                    self.retry(request);
                    return Ok(());
                }
                error if error.is_retriable() => {
                    self.retry(request);
                    return Ok(());
                }
                error if fenced(error) => {
                    return self.fatal_code(&request, ErrorCode::ProducerFenced);
                }
                error @ (ErrorCode::TransactionalIdAuthorizationFailed
                | ErrorCode::InvalidTxnState
                | ErrorCode::InvalidProducerIdMapping) => return self.fatal_code(&request, error),
                ErrorCode::TopicAuthorizationFailed => unauthorized = true,
                error @ ErrorCode::UnknownProducerId => {
                    return self.abortable_if_possible(&request, error);
                }
                error @ ErrorCode::TransactionAbortable => {
                    return self.abortable(&request, ClientError::code(error));
                }
                _ => other_errors = true,
            }
        }
        for (tp, _) in &results {
            self.pending_partitions.remove(tp);
        }
        if unauthorized {
            self.abortable(
                &request,
                ClientError::code(ErrorCode::TopicAuthorizationFailed),
            )
        } else if other_errors {
            self.abortable(&request, ClientError::kafka())
        } else {
            self.partitions_in_transaction
                .extend(results.into_iter().map(|(tp, _)| tp));
            self.transaction_started = true;
            self.done(request.result);
            Ok(())
        }
    }

    fn handle_end_txn(
        &mut self,
        request: TxnRequest,
        error: ErrorCode,
        next: ProducerIdAndEpoch,
    ) -> Handled {
        let TxnRequestKind::EndTxn { request: sent, .. } = &request.kind else {
            return Ok(());
        };
        let abort = !sent.committed;
        match error {
            ErrorCode::None => {
                // Version 5 gives the id and epoch of the next transaction (KIP-890).
                if next.is_valid() {
                    self.producer = next;
                    self.reset_sequence_numbers();
                }
                self.reset_transaction_state()?;
                self.done(request.result);
                Ok(())
            }
            error if coordinator_moved(error) => self.find_again_and_retry(request),
            error if error.is_retriable() => {
                self.retry(request);
                Ok(())
            }
            error if fenced(error) => self.fatal_code(&request, ErrorCode::ProducerFenced),
            error @ (ErrorCode::TransactionalIdAuthorizationFailed
            | ErrorCode::InvalidTxnState
            | ErrorCode::InvalidProducerIdMapping) => self.fatal_code(&request, error),
            error @ ErrorCode::UnknownProducerId => self.abortable_if_possible(&request, error),
            error @ ErrorCode::TransactionAbortable if abort => self.fatal(
                &request,
                ClientError::kafka().caused_by(&ClientError::code(error)),
            ),
            error @ ErrorCode::TransactionAbortable => {
                self.abortable(&request, ClientError::code(error))
            }
            _ => self.fatal(&request, ClientError::kafka()),
        }
    }

    fn handle_add_offsets(&mut self, request: TxnRequest, error: ErrorCode) -> Handled {
        let TxnRequestKind::AddOffsets { offsets, group, .. } = &request.kind else {
            return Ok(());
        };
        match error {
            ErrorCode::None => {
                let (offsets, group) = (offsets.clone(), group.clone());
                let commit = self.txn_offset_commit(offsets, &group);
                self.enqueue(commit, request.result);
                self.transaction_started = true;
                Ok(())
            }
            error if coordinator_moved(error) => self.find_again_and_retry(request),
            error if error.is_retriable() => {
                self.retry(request);
                Ok(())
            }
            error @ ErrorCode::UnknownProducerId => self.abortable_if_possible(&request, error),
            error if fenced(error) => self.fatal_code(&request, ErrorCode::ProducerFenced),
            error @ (ErrorCode::TransactionalIdAuthorizationFailed
            | ErrorCode::InvalidTxnState
            | ErrorCode::InvalidProducerIdMapping) => self.fatal_code(&request, error),
            error @ (ErrorCode::GroupAuthorizationFailed | ErrorCode::TransactionAbortable) => {
                self.abortable(&request, ClientError::code(error))
            }
            _ => self.fatal(&request, ClientError::kafka()),
        }
    }

    fn handle_txn_offset_commit(
        &mut self,
        request: TxnRequest,
        response: &TxnOffsetCommitResponse,
    ) -> Handled {
        let TxnRequestKind::TxnOffsetCommit { request: sent, .. } = &request.kind else {
            return Ok(());
        };
        let group = sent.group_id.clone();
        let mut looked_up = false;
        let mut outcome = Ok(());
        for (tp, error) in errors_of(&response.topics) {
            match error {
                ErrorCode::None => {
                    self.pending_offset_commits.remove(&tp);
                    continue;
                }
                error if coordinator_moved(error) || error == ErrorCode::RequestTimedOut => {
                    if !std::mem::replace(&mut looked_up, true) {
                        self.lookup_coordinator(COORDINATOR_GROUP, group.clone());
                    }
                    continue;
                }
                error if error.is_retriable() => continue,
                error @ (ErrorCode::GroupAuthorizationFailed
                | ErrorCode::FencedInstanceId
                | ErrorCode::TransactionAbortable) => {
                    outcome = self.abortable(&request, ClientError::code(error));
                }
                ErrorCode::UnknownMemberId | ErrorCode::IllegalGeneration => {
                    outcome = self.abortable(&request, ClientError::class("CommitFailedException"));
                }
                error if fenced(error) => {
                    outcome = self.fatal_code(&request, ErrorCode::ProducerFenced)
                }
                error @ (ErrorCode::TransactionalIdAuthorizationFailed
                | ErrorCode::UnsupportedForMessageFormat) => {
                    outcome = self.fatal_code(&request, error)
                }
                _ => outcome = self.fatal(&request, ClientError::kafka()),
            }
            break;
        }
        outcome?;
        if self.is_completed(request.result) {
            self.pending_offset_commits.clear();
        } else if self.pending_offset_commits.is_empty() {
            self.done(request.result);
        } else {
            self.retry(request);
        }
        Ok(())
    }
}

fn errors_of(topics: &[OffsetCommitResponseTopic]) -> Vec<(TopicPartition, ErrorCode)> {
    topics
        .iter()
        .flat_map(|t| {
            t.partitions.iter().map(|p| {
                (
                    TopicPartition::new(t.name.clone(), p.partition_index),
                    p.error,
                )
            })
        })
        .collect()
}
