//! Requests to the coordinators: what they say and in which order they are wanted (`TxnRequestHandler`).

use super::{By, ResultId, State, TransactionManager};
use crate::error::ClientError;
use crate::producer::batch::ProducerIdAndEpoch;
use protocol::messages::{
    AddOffsetsToTxnRequest, AddPartitionsToTxnRequest, AddPartitionsToTxnTopic,
    AddPartitionsToTxnTransaction, COORDINATOR_GROUP, COORDINATOR_TRANSACTION, EndTxnRequest,
    FindCoordinatorRequest, InitProducerIdRequest, OffsetCommitRequestPartition,
    OffsetCommitRequestTopic, Request, TxnOffsetCommitRequest,
};
use protocol::{
    ApiKey, CorrelationId, LeaderEpoch, Ms, Name, NodeId, Offset, TopicPartition, Uuid,
};
use std::collections::BTreeMap;

/// An offset that a transaction commits for a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OffsetToCommit {
    pub offset: Offset,
    pub leader_epoch: LeaderEpoch,
    pub metadata: Option<Name>,
}

/// `ConsumerGroupMetadata`: in whose name offsets are committed. Generation −1 and no member = none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupMetadata {
    pub group_id: Name,
    pub generation_id: i32,
    pub member_id: Name,
    pub group_instance_id: Option<Name>,
}

impl GroupMetadata {
    pub fn of_group(group_id: Name) -> Self {
        Self {
            group_id,
            generation_id: -1,
            member_id: "".into(),
            group_instance_id: None,
        }
    }
}

/// Retry of the first AddPartitionsToTxn of a transaction, in ms (`ADD_PARTITIONS_RETRY_BACKOFF_MS`).
const ADD_PARTITIONS_RETRY_BACKOFF_MS: Ms = 20;

#[derive(Clone, Debug)]
pub enum TxnRequestKind {
    FindCoordinator {
        key_type: i8,
        key: Name,
    },
    InitProducerId {
        request: InitProducerIdRequest,
        epoch_bump: bool,
    },
    AddPartitions {
        request: AddPartitionsToTxnRequest,
        backoff_ms: Ms,
    },
    AddOffsets {
        request: AddOffsetsToTxnRequest,
        offsets: BTreeMap<TopicPartition, OffsetToCommit>,
        group: GroupMetadata,
    },
    TxnOffsetCommit {
        request: TxnOffsetCommitRequest,
        v2: bool,
    },
    EndTxn {
        request: EndTxnRequest,
        v2: bool,
    },
}

/// A coordinator request, queued or in flight.
#[derive(Clone, Debug)]
pub struct TxnRequest {
    pub kind: TxnRequestKind,
    pub(super) result: ResultId,
    pub retry: bool,
}

impl TxnRequest {
    /// Lower leaves first.
    pub(super) fn priority(&self) -> u8 {
        match &self.kind {
            TxnRequestKind::FindCoordinator { .. } => 0,
            TxnRequestKind::InitProducerId {
                epoch_bump: false, ..
            } => 1,
            TxnRequestKind::AddPartitions { .. }
            | TxnRequestKind::AddOffsets { .. }
            | TxnRequestKind::TxnOffsetCommit { .. } => 2,
            TxnRequestKind::EndTxn { .. } => 3,
            TxnRequestKind::InitProducerId {
                epoch_bump: true, ..
            } => 4,
        }
    }

    pub fn is_end_txn(&self) -> bool {
        matches!(self.kind, TxnRequestKind::EndTxn { .. })
    }

    /// The version it is written in and its message.
    pub fn to_wire(&self) -> (i16, Request) {
        match &self.kind {
            TxnRequestKind::FindCoordinator { key_type, key } => (
                ApiKey::FindCoordinator.latest_version(),
                FindCoordinatorRequest {
                    key_type: *key_type,
                    coordinator_keys: vec![key.clone()],
                }
                .into(),
            ),
            TxnRequestKind::InitProducerId { request, .. } => (
                ApiKey::InitProducerId.latest_version(),
                request.clone().into(),
            ),
            // Clients speak at most v3; later versions are for brokers that verify.
            TxnRequestKind::AddPartitions { request, .. } => (3, request.clone().into()),
            TxnRequestKind::AddOffsets { request, .. } => (
                ApiKey::AddOffsetsToTxn.latest_version(),
                request.clone().into(),
            ),
            TxnRequestKind::TxnOffsetCommit { request, v2 } => {
                (if *v2 { 5 } else { 4 }, request.clone().into())
            }
            TxnRequestKind::EndTxn { request, v2 } => {
                (if *v2 { 5 } else { 4 }, request.clone().into())
            }
        }
    }
}

impl TransactionManager {
    pub(super) fn enqueue(&mut self, kind: TxnRequestKind, result: ResultId) {
        self.requests.add(TxnRequest {
            kind,
            result,
            retry: false,
        });
    }

    pub(super) fn enqueue_init_producer_id(
        &mut self,
        producer: ProducerIdAndEpoch,
        epoch_bump: bool,
    ) -> ResultId {
        let result = self.new_result();
        let request = InitProducerIdRequest {
            transactional_id: self.transactional_id.clone(),
            transaction_timeout_ms: if self.is_transactional() {
                self.transaction_timeout_ms
            } else {
                i32::MAX
            },
            producer_id: producer.id,
            producer_epoch: producer.epoch,
            ..InitProducerIdRequest::default()
        };
        self.enqueue(
            TxnRequestKind::InitProducerId {
                request,
                epoch_bump,
            },
            result,
        );
        result
    }

    fn add_partitions_request(&mut self) -> TxnRequestKind {
        let new = std::mem::take(&mut self.new_partitions);
        self.pending_partitions.extend(new);
        let mut topics: Vec<AddPartitionsToTxnTopic> = Vec::new();
        for tp in &self.pending_partitions {
            match topics.last_mut() {
                Some(topic) if topic.name == tp.topic => topic.partitions.push(tp.partition),
                _ => topics.push(AddPartitionsToTxnTopic {
                    name: tp.topic.clone(),
                    partitions: vec![tp.partition],
                }),
            }
        }
        let transaction = AddPartitionsToTxnTransaction {
            transactional_id: self.transactional_id.clone().unwrap_or_default(),
            producer_id: self.producer.id,
            producer_epoch: self.producer.epoch,
            verify_only: false,
            topics,
        };
        let request = AddPartitionsToTxnRequest {
            transactions: vec![transaction],
        };
        TxnRequestKind::AddPartitions {
            request,
            backoff_ms: self.retry_backoff_ms,
        }
    }

    fn enqueue_new_partitions(&mut self) {
        if !self.new_partitions.is_empty() {
            let kind = self.add_partitions_request();
            let result = self.new_result();
            self.enqueue(kind, result);
        }
    }

    pub(super) fn begin_completing(
        &mut self,
        commit: bool,
        features: Option<(i64, i16)>,
    ) -> Result<ResultId, ClientError> {
        self.enqueue_new_partitions();
        let request = EndTxnRequest {
            transactional_id: self.transactional_id.clone().unwrap_or_default(),
            producer_id: self.producer.id,
            producer_epoch: self.producer.epoch,
            committed: commit,
        };
        let v2 = self.v2;
        // Between transactions the newest version is looked at again.
        self.maybe_update_v2(features, false);
        let result = self.new_result();
        self.enqueue(TxnRequestKind::EndTxn { request, v2 }, result);
        if self.client_side_bump_required {
            self.maybe_fail_with_error()?;
            let producer = self.producer;
            return self.cached(State::Initializing, |txn| {
                Ok(txn.enqueue_init_producer_id(producer, true))
            });
        }
        Ok(result)
    }

    /// Offsets become part of the transaction (`sendOffsetsToTransaction`).
    pub fn send_offsets(
        &mut self,
        offsets: BTreeMap<TopicPartition, OffsetToCommit>,
        group: GroupMetadata,
    ) -> Result<ResultId, ClientError> {
        self.ensure_transactional()?;
        self.fail_if_pending()?;
        self.maybe_fail_with_error()?;
        if self.state != State::InTransaction {
            return Err(ClientError::illegal_state());
        }
        let result = self.new_result();
        let kind = if self.v2 {
            self.transaction_started = true;
            self.txn_offset_commit(offsets, &group)
        } else {
            let request = AddOffsetsToTxnRequest {
                transactional_id: self.transactional_id.clone().unwrap_or_default(),
                producer_id: self.producer.id,
                producer_epoch: self.producer.epoch,
                group_id: group.group_id.clone(),
            };
            TxnRequestKind::AddOffsets {
                request,
                offsets,
                group,
            }
        };
        self.enqueue(kind, result);
        Ok(result)
    }

    pub(super) fn txn_offset_commit(
        &mut self,
        offsets: BTreeMap<TopicPartition, OffsetToCommit>,
        group: &GroupMetadata,
    ) -> TxnRequestKind {
        self.pending_offset_commits.extend(offsets);
        let mut topics: Vec<OffsetCommitRequestTopic> = Vec::new();
        for (tp, offset) in &self.pending_offset_commits {
            let partition = OffsetCommitRequestPartition {
                partition_index: tp.partition,
                committed_offset: offset.offset,
                committed_leader_epoch: offset.leader_epoch,
                committed_metadata: offset.metadata.clone(),
            };
            match topics.last_mut() {
                Some(topic) if topic.name == tp.topic => topic.partitions.push(partition),
                _ => topics.push(OffsetCommitRequestTopic {
                    name: tp.topic.clone(),
                    topic_id: Uuid::ZERO,
                    partitions: vec![partition],
                }),
            }
        }
        let request = TxnOffsetCommitRequest {
            transactional_id: self.transactional_id.clone().unwrap_or_default(),
            group_id: group.group_id.clone(),
            producer_id: self.producer.id,
            producer_epoch: self.producer.epoch,
            generation_id: group.generation_id,
            member_id: group.member_id.clone(),
            group_instance_id: group.group_instance_id.clone(),
            topics,
        };
        TxnRequestKind::TxnOffsetCommit {
            request,
            v2: self.v2,
        }
    }

    /// The request that should leave now (`nextRequest`).
    pub fn next_request(&mut self, has_incomplete_batches: bool) -> Option<TxnRequest> {
        self.enqueue_new_partitions();
        let next = self.requests.peek()?;
        // Every batch of the transaction is decided before it ends.
        if next.is_end_txn() && has_incomplete_batches {
            return None;
        }
        let mut next = self.requests.poll()?;
        if self.maybe_terminate_with_error(&next) {
            return None;
        }
        if next.is_end_txn() && !self.transaction_started {
            self.done(next.result);
            if self.state != State::FatalError {
                let _ = self.reset_transaction_state();
            }
            next = self.requests.poll()?;
        }
        Some(next)
    }

    fn maybe_terminate_with_error(&mut self, request: &TxnRequest) -> bool {
        let error = self.has_abortable_error() || self.has_fatal_error();
        let finds = matches!(request.kind, TxnRequestKind::FindCoordinator { .. });
        if !error || (self.has_abortable_error() && finds) {
            return false;
        }
        let error = self.last_error.clone().unwrap_or_else(ClientError::kafka);
        self.fail(request.result, &error);
        true
    }

    pub(super) fn reset_transaction_state(&mut self) -> Result<(), ClientError> {
        let next = if self.client_side_bump_required {
            State::Initializing
        } else {
            State::Ready
        };
        self.transition(next, None, By::Sender)?;
        self.last_error = None;
        self.client_side_bump_required = false;
        self.transaction_started = false;
        self.new_partitions.clear();
        self.pending_partitions.clear();
        self.partitions_in_transaction.clear();
        Ok(())
    }

    pub fn retry(&mut self, mut request: TxnRequest) {
        request.retry = true;
        self.requests.add(request);
    }

    /// How long the sender sleeps before it sends a request again, in ms.
    pub fn backoff_of(&self, request: &TxnRequest) -> Ms {
        match &request.kind {
            TxnRequestKind::AddPartitions { backoff_ms, .. } => {
                self.retry_backoff_ms.min(*backoff_ms)
            }
            _ => self.retry_backoff_ms,
        }
    }

    pub(super) fn backoff_after_concurrent_transactions(&self) -> Ms {
        if self.partitions_in_transaction.is_empty() {
            ADD_PARTITIONS_RETRY_BACKOFF_MS
        } else {
            self.retry_backoff_ms
        }
    }

    /// Which coordinator a request goes to; `None` = any node.
    pub fn coordinator_type(&self, request: &TxnRequest) -> Option<i8> {
        match &request.kind {
            TxnRequestKind::FindCoordinator { .. } => None,
            TxnRequestKind::InitProducerId { .. } if !self.is_transactional() => None,
            TxnRequestKind::TxnOffsetCommit { .. } => Some(COORDINATOR_GROUP),
            _ => Some(COORDINATOR_TRANSACTION),
        }
    }

    pub fn coordinator(&self, coordinator_type: i8) -> Option<NodeId> {
        if coordinator_type == COORDINATOR_GROUP {
            self.group_coordinator
        } else {
            self.transaction_coordinator
        }
    }

    /// Forgets the coordinator that a request needs and asks for it.
    pub fn lookup_coordinator_for(&mut self, request: &TxnRequest) {
        match &request.kind {
            TxnRequestKind::TxnOffsetCommit { request, .. } => {
                self.lookup_coordinator(COORDINATOR_GROUP, request.group_id.clone());
            }
            _ => self.lookup_transaction_coordinator(),
        }
    }

    pub(super) fn lookup_transaction_coordinator(&mut self) {
        let key = self.transactional_id.clone().unwrap_or_default();
        self.lookup_coordinator(COORDINATOR_TRANSACTION, key);
    }

    pub(super) fn lookup_coordinator(&mut self, key_type: i8, key: Name) {
        if key_type == COORDINATOR_GROUP {
            self.group_coordinator = None;
        } else {
            self.transaction_coordinator = None;
        }
        let result = self.new_result();
        self.enqueue(TxnRequestKind::FindCoordinator { key_type, key }, result);
    }

    pub(super) fn found_coordinator(&mut self, key_type: i8, node: NodeId) {
        if key_type == COORDINATOR_GROUP {
            self.group_coordinator = Some(node);
        } else {
            self.transaction_coordinator = Some(node);
        }
    }

    /// A connection to the transaction coordinator is ready; every 4.x broker can bump epochs.
    pub fn handle_coordinator_ready(&mut self) {
        self.coordinator_supports_bumping = true;
    }

    pub fn set_in_flight(&mut self, correlation_id: Option<CorrelationId>) {
        self.in_flight = correlation_id;
    }

    pub fn has_in_flight_request(&self) -> bool {
        self.in_flight.is_some()
    }

    pub fn has_pending_requests(&self) -> bool {
        !self.requests.is_empty()
    }
}
