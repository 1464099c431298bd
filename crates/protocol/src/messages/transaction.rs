//! Producer ids and transactions: InitProducerId (22), AddPartitionsToTxn (24), AddOffsetsToTxn (25), EndTxn (26),
//! WriteTxnMarkers (27), DescribeTransactions (65), ListTransactions (66), AllocateProducerIds (67).

use crate::{BrokerEpoch, CoordinatorEpoch, ErrorCode, Name, NodeId, ProducerEpoch, ProducerId};

messages! {
    InitProducerIdRequest {
        transactional_id: Option<Name>,
        transaction_timeout_ms: i32,
        producer_id: ProducerId = ProducerId::NONE,
        producer_epoch: ProducerEpoch = ProducerEpoch::NONE,
        /// KIP-939; false in everything that a 4.3 client sends by itself.
        enable_2pc: bool,
        keep_prepared_txn: bool,
    }
    InitProducerIdResponse {
        throttle_time_ms: i32,
        error: ErrorCode,
        producer_id: ProducerId = ProducerId::NONE,
        producer_epoch: ProducerEpoch,
        ongoing_txn_producer_id: ProducerId = ProducerId::NONE,
        ongoing_txn_producer_epoch: ProducerEpoch = ProducerEpoch::NONE,
    }

    /// Clients send one transaction, brokers (to verify) several.
    AddPartitionsToTxnRequest { transactions: Vec<AddPartitionsToTxnTransaction> }
    AddPartitionsToTxnTransaction {
        transactional_id: Name,
        producer_id: ProducerId,
        producer_epoch: ProducerEpoch,
        verify_only: bool,
        topics: Vec<AddPartitionsToTxnTopic>,
    }
    AddPartitionsToTxnTopic { name: Name, partitions: Vec<i32> }
    AddPartitionsToTxnResponse { throttle_time_ms: i32, error: ErrorCode, results_by_transaction: Vec<AddPartitionsToTxnResult> }
    AddPartitionsToTxnResult { transactional_id: Name, topic_results: Vec<AddPartitionsToTxnTopicResult> }
    AddPartitionsToTxnTopicResult { name: Name, results_by_partition: Vec<AddPartitionsToTxnPartitionResult> }
    AddPartitionsToTxnPartitionResult { partition_index: i32, partition_error: ErrorCode }

    AddOffsetsToTxnRequest {
        transactional_id: Name,
        producer_id: ProducerId,
        producer_epoch: ProducerEpoch,
        group_id: Name,
    }
    AddOffsetsToTxnResponse { throttle_time_ms: i32, error: ErrorCode }

    EndTxnRequest {
        transactional_id: Name,
        producer_id: ProducerId,
        producer_epoch: ProducerEpoch,
        committed: bool,
    }
    /// v5 (transaction version 2) answers the id and epoch for the next transaction.
    EndTxnResponse {
        throttle_time_ms: i32,
        error: ErrorCode,
        producer_id: ProducerId = ProducerId::NONE,
        producer_epoch: ProducerEpoch = ProducerEpoch::NONE,
    }

    WriteTxnMarkersRequest { markers: Vec<WritableTxnMarker> }
    WritableTxnMarker {
        producer_id: ProducerId,
        producer_epoch: ProducerEpoch,
        transaction_result: bool,
        topics: Vec<WritableTxnMarkerTopic>,
        coordinator_epoch: CoordinatorEpoch,
        /// Since v2: the transaction version of the marker.
        transaction_version: i8,
    }
    WritableTxnMarkerTopic { name: Name, partition_indexes: Vec<i32> }
    WriteTxnMarkersResponse { markers: Vec<WritableTxnMarkerResult> }
    WritableTxnMarkerResult { producer_id: ProducerId, topics: Vec<WritableTxnMarkerTopicResult> }
    WritableTxnMarkerTopicResult { name: Name, partitions: Vec<WritableTxnMarkerPartitionResult> }
    WritableTxnMarkerPartitionResult { partition_index: i32, error: ErrorCode }

    DescribeTransactionsRequest { transactional_ids: Vec<Name> }
    DescribeTransactionsResponse { throttle_time_ms: i32, transaction_states: Vec<TransactionDescription> }
    TransactionDescription {
        error: ErrorCode,
        transactional_id: Name,
        transaction_state: Name,
        transaction_timeout_ms: i32,
        transaction_start_time_ms: i64,
        producer_id: ProducerId,
        producer_epoch: ProducerEpoch,
        topics: Vec<AddPartitionsToTxnTopic>,
    }

    ListTransactionsRequest {
        state_filters: Vec<Name>,
        producer_id_filters: Vec<ProducerId>,
        duration_filter: i64 = -1,
        transactional_id_pattern: Option<Name>,
    }
    ListTransactionsResponse {
        throttle_time_ms: i32,
        error: ErrorCode,
        unknown_state_filters: Vec<Name>,
        transaction_states: Vec<ListedTransaction>,
    }
    ListedTransaction { transactional_id: Name, producer_id: ProducerId, transaction_state: Name }

    AllocateProducerIdsRequest { broker_id: NodeId, broker_epoch: BrokerEpoch = BrokerEpoch::NONE }
    AllocateProducerIdsResponse { throttle_time_ms: i32, error: ErrorCode, producer_id_start: ProducerId, producer_id_len: i32 }
}
