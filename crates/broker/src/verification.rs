//! Questions of partition leaders to transaction coordinators: does this partition belong to that transaction (KIP-890)?
//! (`AddPartitionsToTxnManager`)
//!
//! One request in flight per coordinator, what comes meanwhile waits for the next. It keeps questions and reads answers; what
//! is asked for, and what an answer lets happen, is the replica manager's.

use crate::replica_manager::RequestToken;
use protocol::messages::{
    AddPartitionsToTxnRequest, AddPartitionsToTxnResponse, AddPartitionsToTxnTopic,
    AddPartitionsToTxnTransaction,
};
use protocol::{ErrorCode, Name, NodeId, ProducerEpoch, ProducerId, TopicPartition};
use std::collections::BTreeMap;

/// What the asking client's request version allows (`TransactionSupportedOperation`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransactionSupportedOperation {
    /// Verify; old clients know INVALID_TXN_STATE alone.
    DefaultError,
    /// Verify; the client knows TRANSACTION_ABORTABLE.
    GenericErrorSupported,
    /// Add the partition, so that the client need not (transaction version 2).
    AddPartition,
}

impl TransactionSupportedOperation {
    /// Of a Produce request: adding since v12, the generic error since v11.
    pub fn of_produce(version: i16) -> Self {
        match version {
            ..=10 => Self::DefaultError,
            11 => Self::GenericErrorSupported,
            _ => Self::AddPartition,
        }
    }

    /// Of a TxnOffsetCommit request: adding since v5, the generic error since v4.
    pub fn of_txn_offset_commit(version: i16) -> Self {
        match version {
            ..=3 => Self::DefaultError,
            4 => Self::GenericErrorSupported,
            _ => Self::AddPartition,
        }
    }

    pub fn supports_epoch_bump(self) -> bool {
        self == Self::AddPartition
    }
}

/// One question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verification {
    pub token: RequestToken,
    pub transactional_id: Name,
    pub producer_id: ProducerId,
    pub producer_epoch: ProducerEpoch,
    pub partitions: Vec<TopicPartition>,
    pub operation: TransactionSupportedOperation,
}

/// A question that is decided: the partitions that are refused, each with its error. Empty: all belong to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    pub token: RequestToken,
    pub errors: BTreeMap<TopicPartition, ErrorCode>,
}

impl Verification {
    /// Decided for all its partitions alike.
    pub fn all(&self, error: ErrorCode) -> Verified {
        let errors = self
            .partitions
            .iter()
            .map(|tp| (tp.clone(), error))
            .collect();
        Verified {
            token: self.token,
            errors,
        }
    }

    fn transaction(&self) -> AddPartitionsToTxnTransaction {
        let mut topics: Vec<AddPartitionsToTxnTopic> = Vec::new();
        for tp in &self.partitions {
            match topics.iter_mut().find(|t| t.name == tp.topic) {
                Some(topic) => topic.partitions.push(tp.partition),
                None => topics.push(AddPartitionsToTxnTopic {
                    name: tp.topic.clone(),
                    partitions: vec![tp.partition],
                }),
            }
        }
        AddPartitionsToTxnTransaction {
            transactional_id: self.transactional_id.clone(),
            producer_id: self.producer_id,
            producer_epoch: self.producer_epoch,
            verify_only: !self.operation.supports_epoch_bump(),
            topics,
        }
    }
}

/// Queued and unanswered questions by coordinator.
#[derive(Clone, Debug, Default)]
pub struct AddPartitionsToTxnManager {
    queued: BTreeMap<NodeId, Vec<Verification>>,
    in_flight: BTreeMap<NodeId, Vec<Verification>>,
}

impl AddPartitionsToTxnManager {
    /// Queues a question. One of the same transaction that waits already gives way to an epoch at least as new, and is
    /// decided at once; against a newer one the new question is refused (`addTxnData`).
    pub fn add(&mut self, coordinator: NodeId, verification: Verification) -> Option<Verified> {
        let queue = self.queued.entry(coordinator).or_default();
        let waiting = queue
            .iter()
            .position(|v| v.transactional_id == verification.transactional_id);
        let mut decided = None;
        if let Some(at) = waiting {
            let old = &queue[at];
            if old.producer_epoch > verification.producer_epoch {
                return Some(verification.all(ErrorCode::InvalidProducerEpoch));
            }
            let error = if old.producer_epoch < verification.producer_epoch {
                ErrorCode::InvalidProducerEpoch
            } else {
                ErrorCode::NetworkException
            };
            decided = Some(old.all(error));
            queue.remove(at);
        }
        queue.push(verification);
        decided
    }

    /// Requests that may leave now: all that waits for each coordinator without one in flight (`generateRequests`).
    pub fn next_requests(&mut self) -> Vec<(NodeId, AddPartitionsToTxnRequest)> {
        let ready: Vec<_> = self
            .queued
            .keys()
            .copied()
            .filter(|n| !self.in_flight.contains_key(n))
            .collect();
        let mut requests = Vec::with_capacity(ready.len());
        for node in ready {
            let questions = self.queued.remove(&node).unwrap_or_default();
            let transactions = questions.iter().map(Verification::transaction).collect();
            requests.push((node, AddPartitionsToTxnRequest { transactions }));
            self.in_flight.insert(node, questions);
        }
        requests
    }

    /// A coordinator's answer; `None` when it was lost (`AddPartitionsToTxnHandler.onComplete`).
    pub fn on_response(
        &mut self,
        node: NodeId,
        response: Option<&AddPartitionsToTxnResponse>,
    ) -> Vec<Verified> {
        let questions = self.in_flight.remove(&node).unwrap_or_default();
        let whole = match response {
            None => Some(ErrorCode::NetworkException),
            Some(r) if r.error == ErrorCode::ClusterAuthorizationFailed => {
                Some(ErrorCode::InvalidTxnState)
            }
            Some(r) => Some(r.error).filter(|e| *e != ErrorCode::None),
        };
        questions
            .iter()
            .filter_map(|question| match (whole, response) {
                (Some(error), _) => Some(question.all(error)),
                (None, Some(response)) => read(question, response),
                (None, None) => None,
            })
            .collect()
    }
}

fn read(question: &Verification, response: &AddPartitionsToTxnResponse) -> Option<Verified> {
    let results = &response.results_by_transaction;
    let result = results
        .iter()
        .find(|r| r.transactional_id == question.transactional_id)?;
    let mut errors = BTreeMap::new();
    for topic in &result.topic_results {
        for partition in &topic.results_by_partition {
            let error = match partition.partition_error {
                ErrorCode::None => continue,
                ErrorCode::ProducerFenced => ErrorCode::InvalidProducerEpoch,
                // Clients that know no better.
                ErrorCode::TransactionAbortable
                    if question.operation == TransactionSupportedOperation::DefaultError =>
                {
                    ErrorCode::InvalidTxnState
                }
                other => other,
            };
            errors.insert(
                TopicPartition::new(topic.name.clone(), partition.partition_index),
                error,
            );
        }
    }
    Some(Verified {
        token: question.token,
        errors,
    })
}

/// What a producer is told for a coordinator's error (`ReplicaManager.handleProduceAppend`): errors that old clients would
/// not retry become one that they do.
pub fn produce_error(error: ErrorCode, operation: TransactionSupportedOperation) -> ErrorCode {
    match error {
        ErrorCode::NetworkException
        | ErrorCode::CoordinatorLoadInProgress
        | ErrorCode::CoordinatorNotAvailable
        | ErrorCode::NotCoordinator => ErrorCode::NotEnoughReplicas,
        ErrorCode::ConcurrentTransactions if !operation.supports_epoch_bump() => {
            ErrorCode::NotEnoughReplicas
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::messages::{
        AddPartitionsToTxnPartitionResult, AddPartitionsToTxnResult, AddPartitionsToTxnTopicResult,
    };

    fn question(token: u64, epoch: i16) -> Verification {
        Verification {
            token: RequestToken(token),
            transactional_id: "tx".into(),
            producer_id: ProducerId(7),
            producer_epoch: ProducerEpoch(epoch),
            partitions: vec![TopicPartition::new("t", 0), TopicPartition::new("t", 1)],
            operation: TransactionSupportedOperation::DefaultError,
        }
    }

    /// KIP-890.
    #[test]
    fn a_newer_epoch_displaces_what_waits() {
        let mut manager = AddPartitionsToTxnManager::default();
        let node = NodeId(3);
        assert_eq!(manager.add(node, question(1, 0)), None);
        let displaced = manager.add(node, question(2, 1)).expect("an answer");
        assert_eq!(
            (displaced.token, displaced.errors.len()),
            (RequestToken(1), 2)
        );
        assert!(
            displaced
                .errors
                .values()
                .all(|e| *e == ErrorCode::InvalidProducerEpoch)
        );
        let repeated = manager.add(node, question(3, 1)).expect("an answer");
        assert!(
            repeated
                .errors
                .values()
                .all(|e| *e == ErrorCode::NetworkException)
        );
        let late = manager.add(node, question(4, 0)).expect("an answer");
        assert_eq!(
            (late.token, manager.next_requests().len()),
            (RequestToken(4), 1)
        );
        manager.add(node, question(5, 1));
        assert!(manager.next_requests().is_empty(), "one in flight");
        assert_eq!(manager.on_response(node, None)[0].token, RequestToken(3));
        assert_eq!(manager.next_requests().len(), 1);
    }

    #[test]
    fn old_clients_are_told_what_they_know() {
        let mut manager = AddPartitionsToTxnManager::default();
        manager.add(NodeId(3), question(1, 0));
        manager.next_requests();
        let part = |partition_index, partition_error| AddPartitionsToTxnPartitionResult {
            partition_index,
            partition_error,
        };
        let response = AddPartitionsToTxnResponse {
            results_by_transaction: vec![AddPartitionsToTxnResult {
                transactional_id: "tx".into(),
                topic_results: vec![AddPartitionsToTxnTopicResult {
                    name: "t".into(),
                    results_by_partition: vec![
                        part(0, ErrorCode::TransactionAbortable),
                        part(1, ErrorCode::None),
                    ],
                }],
            }],
            ..AddPartitionsToTxnResponse::default()
        };
        let verified = manager.on_response(NodeId(3), Some(&response));
        let expected = BTreeMap::from([(TopicPartition::new("t", 0), ErrorCode::InvalidTxnState)]);
        assert_eq!(verified[0].errors, expected);
    }
}
