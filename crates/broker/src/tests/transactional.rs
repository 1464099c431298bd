//! Transactional appends ask the coordinator first (KIP-890).

use super::One;
use crate::replica_manager::{ProduceEntry, ProduceRequestInfo, RequestToken};
use crate::verification::TransactionSupportedOperation;
use bytes::Bytes;
use protocol::messages::{
    AddPartitionsToTxnPartitionResult, AddPartitionsToTxnRequest, AddPartitionsToTxnResponse,
    AddPartitionsToTxnResult, AddPartitionsToTxnTopicResult, Records,
};
use protocol::record::{RecordBatchBuilder, SimpleRecord};
use protocol::{ErrorCode, Instant, NodeId};

const COORDINATOR: NodeId = NodeId(3);

impl One {
    fn produce_in_transaction(&mut self, version: i16, sequence: i32) -> RequestToken {
        let mut builder = RecordBatchBuilder::new(0)
            .producer(7, 0, sequence)
            .transactional(true);
        let value = Some(Bytes::from_static(b"v"));
        let record = SimpleRecord {
            timestamp: Instant::start().ms(),
            value,
            ..SimpleRecord::default()
        };
        builder.append(&record).expect("room");
        let batch = builder
            .build()
            .expect("sound")
            .expect("one record")
            .into_bytes();
        let entry = ProduceEntry {
            topic_partition: self.tp.clone(),
            records: Records::one(batch),
            guard: None,
            transaction_version: 0,
        };
        let token = self.token();
        let info = ProduceRequestInfo {
            timeout_ms: 30_000,
            required_acks: 1,
            internal_topics_allowed: false,
            transactional_id: Some("tx".into()),
            operation: TransactionSupportedOperation::of_produce(version),
        };
        self.with(|r, ctx| r.handle_produce_append(token, info, vec![entry], ctx));
        token
    }

    fn questions(&mut self) -> Vec<(NodeId, AddPartitionsToTxnRequest)> {
        self.with(|r, ctx| r.poll_verifications(&|_| Some(COORDINATOR), ctx))
    }

    fn coordinator_says(&mut self, partition_error: ErrorCode) {
        let result = AddPartitionsToTxnPartitionResult {
            partition_index: 0,
            partition_error,
        };
        let topic = AddPartitionsToTxnTopicResult {
            name: "t".into(),
            results_by_partition: vec![result],
        };
        let response = AddPartitionsToTxnResponse {
            results_by_transaction: vec![AddPartitionsToTxnResult {
                transactional_id: "tx".into(),
                topic_results: vec![topic],
            }],
            ..AddPartitionsToTxnResponse::default()
        };
        self.with(|r, ctx| r.on_add_partitions_to_txn_response(COORDINATOR, Some(&response), ctx));
    }
}

#[test]
fn the_first_append_waits_for_the_coordinator_and_the_next_does_not() {
    for (version, verify_only) in [(11, true), (12, false)] {
        let mut one = One::leading(&[], &[1], &[1]);
        let first = one.produce_in_transaction(version, 0);
        assert_eq!(one.produced(first), None);
        let questions = one.questions();
        assert_eq!((questions.len(), questions[0].0), (1, COORDINATOR));
        assert_eq!(questions[0].1.transactions[0].verify_only, verify_only);
        one.coordinator_says(ErrorCode::None);
        assert_eq!(one.produced(first), Some((ErrorCode::None, 0)));
        let second = one.produce_in_transaction(version, 1);
        assert_eq!(
            one.produced(second),
            Some((ErrorCode::None, 1)),
            "the transaction is open here"
        );
        assert_eq!(one.log().last_stable_offset().get(), 0);
    }
}

#[test]
fn what_the_coordinator_refuses_is_not_written() {
    for (version, said, told) in [
        (
            10,
            ErrorCode::TransactionAbortable,
            ErrorCode::InvalidTxnState,
        ),
        (
            11,
            ErrorCode::TransactionAbortable,
            ErrorCode::TransactionAbortable,
        ),
        (11, ErrorCode::NotCoordinator, ErrorCode::NotEnoughReplicas),
        (
            11,
            ErrorCode::ConcurrentTransactions,
            ErrorCode::NotEnoughReplicas,
        ),
        (
            12,
            ErrorCode::ProducerFenced,
            ErrorCode::InvalidProducerEpoch,
        ),
    ] {
        let mut one = One::leading(&[], &[1], &[1]);
        let token = one.produce_in_transaction(version, 0);
        one.questions();
        one.coordinator_says(said);
        assert_eq!(
            (one.produced(token), one.leo()),
            (Some((told, -1)), 0),
            "{said:?} with v{version}"
        );
    }
    let mut one = One::leading(&[], &[1], &[1]);
    let token = one.produce_in_transaction(12, 0);
    one.with(|r, ctx| r.poll_verifications(&|_| None, ctx));
    assert_eq!(
        one.produced(token),
        Some((ErrorCode::NotEnoughReplicas, -1)),
        "nobody coordinates"
    );
}

/// With transaction version 2 the broker itself waits a little for the previous transaction to end.
#[test]
fn a_transaction_that_is_still_ending_is_asked_about_again() {
    let mut one = One::leading(&[], &[1], &[1]);
    let token = one.produce_in_transaction(12, 0);
    one.questions();
    one.coordinator_says(ErrorCode::ConcurrentTransactions);
    assert_eq!((one.produced(token), one.questions().len()), (None, 0));
    one.advance(20);
    assert_eq!(one.questions().len(), 1);
    one.coordinator_says(ErrorCode::None);
    assert_eq!(one.produced(token), Some((ErrorCode::None, 0)));
}
