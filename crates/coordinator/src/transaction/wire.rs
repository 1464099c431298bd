//! Between the coordinator's own words and what travels or is stored: marker requests and their answers, batches of `__transaction_state`.
//!
//! It decides nothing.

use super::complete::MarkerAnswer;
use super::coordinator::TxnLogRecord;
use super::markers::MarkerRequest;
use super::state::TransactionResult;
use protocol::messages::{
    WritableTxnMarker, WritableTxnMarkerTopic, WriteTxnMarkersRequest, WriteTxnMarkersResponse,
};
use protocol::record::{RecordBatch, RecordBatchBuilder, SimpleRecord};
use protocol::{ErrorCode, Ms, Name, ProducerId, TopicPartition};
use std::collections::BTreeMap;

/// A marker request as it travels.
pub fn write_txn_markers(request: &MarkerRequest) -> WriteTxnMarkersRequest {
    let markers = request
        .markers
        .iter()
        .map(|marker| {
            let mut topics: BTreeMap<Name, Vec<i32>> = BTreeMap::new();
            for tp in &marker.partitions {
                topics
                    .entry(tp.topic.clone())
                    .or_default()
                    .push(tp.partition);
            }
            let topics = topics
                .into_iter()
                .map(|(name, partition_indexes)| WritableTxnMarkerTopic {
                    name,
                    partition_indexes,
                })
                .collect();
            WritableTxnMarker {
                producer_id: marker.producer_id,
                producer_epoch: marker.producer_epoch,
                transaction_result: marker.result == TransactionResult::Commit,
                topics,
                coordinator_epoch: marker.coordinator_epoch,
                transaction_version: marker.transaction_version.0 as i8,
            }
        })
        .collect();
    WriteTxnMarkersRequest { markers }
}

/// What a broker answered to markers.
pub fn marker_answer(response: &WriteTxnMarkersResponse) -> MarkerAnswer {
    let mut errors: BTreeMap<ProducerId, BTreeMap<TopicPartition, ErrorCode>> = BTreeMap::new();
    for marker in &response.markers {
        let of_producer = errors.entry(marker.producer_id).or_default();
        for topic in &marker.topics {
            for partition in &topic.partitions {
                let tp = TopicPartition::new(topic.name.clone(), partition.partition_index);
                of_producer.insert(tp, partition.error);
            }
        }
    }
    MarkerAnswer::Errors(errors)
}

/// Records as one batch for `__transaction_state`: uncompressed, all at one time, offsets from 0 for the leader to assign.
pub fn batch_of(records: &[TxnLogRecord], timestamp_ms: Ms) -> RecordBatch {
    let mut builder = RecordBatchBuilder::new(0);
    for record in records {
        let simple = SimpleRecord {
            timestamp: timestamp_ms,
            key: Some(record.key.clone()),
            value: record.value.clone(),
            headers: Vec::new(),
        };
        builder.append(&simple).expect("offsets rise by one from 0");
    }
    builder
        .build()
        .expect("no codec is used")
        .expect("an append has records")
}

/// The records of a batch that was read back. One that cannot be read ends them, as Kafka's load does.
pub fn records_of(batch: &RecordBatch) -> Vec<TxnLogRecord> {
    let Ok(records) = batch.records() else {
        return Vec::new();
    };
    records
        .map_while(Result::ok)
        .filter_map(|record| {
            Some(TxnLogRecord {
                key: record.key?,
                value: record.value,
            })
        })
        .collect()
}
