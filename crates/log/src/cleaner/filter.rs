//! What stays of one batch (`MemoryRecords.filterTo`, KIP-534).

use crate::error::LogError;
use protocol::Ms;
use protocol::record::{
    Attributes, BatchHeader, CompressionType, NO_TIMESTAMP, Record, RecordBatch,
    RecordBatchBuilder, SimpleRecord, TimestampType,
};

/// What becomes of a batch without a record left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BatchRetention {
    /// Gone, records unread.
    Delete,
    /// Stays as a header.
    RetainEmpty,
    /// Gone.
    DeleteEmpty,
}

/// The fate of one batch.
#[derive(Debug)]
pub struct Filtered {
    pub retained: Option<RecordBatch>,
    pub messages_read: usize,
    pub messages_retained: usize,
    /// The last offset that the output holds.
    pub max_offset: i64,
}

/// Filters one batch. `marks_empty_txn`: it is the marker of a transaction of which nothing is left. `horizon_ms`: the
/// delete horizon that a batch gets now if it needs one and has none.
///
/// # Errors
/// If the records cannot be read or written.
pub fn filter_batch(
    batch: &RecordBatch,
    retention: BatchRetention,
    marks_empty_txn: bool,
    horizon_ms: Ms,
    mut retain: impl FnMut(&Record) -> bool,
) -> Result<Filtered, LogError> {
    let mut filtered = Filtered {
        retained: None,
        messages_read: 0,
        messages_retained: 0,
        max_offset: -1,
    };
    if retention == BatchRetention::Delete {
        return Ok(filtered);
    }
    let mut kept = Vec::new();
    for record in batch.records()? {
        let record = record?;
        filtered.messages_read += 1;
        if retain(&record) {
            kept.push(record);
        }
    }
    filtered.messages_retained = kept.len();
    if kept.is_empty() {
        if retention == BatchRetention::RetainEmpty {
            filtered.retained = Some(empty_batch(batch));
            filtered.max_offset = batch.last_offset();
        }
        return Ok(filtered);
    }
    let untouched = kept.len() == filtered.messages_read;
    let tombstone = kept.iter().any(|record| record.value.is_none());
    let needs_horizon = (tombstone || marks_empty_txn) && batch.delete_horizon_ms().is_none();
    filtered.max_offset = batch.last_offset();
    if untouched && !needs_horizon {
        filtered.retained = Some(batch.clone());
        return Ok(filtered);
    }
    filtered.max_offset = kept.iter().map(|record| record.offset).max().unwrap_or(-1);
    let horizon = if needs_horizon {
        Some(horizon_ms).filter(|horizon| *horizon >= 0)
    } else {
        batch.delete_horizon_ms()
    };
    filtered.retained = Some(rewrite(batch, kept, horizon)?);
    Ok(filtered)
}

fn rewrite(
    batch: &RecordBatch,
    kept: Vec<Record>,
    horizon: Option<Ms>,
) -> Result<RecordBatch, LogError> {
    let mut builder = RecordBatchBuilder::new(batch.base_offset())
        .compression(batch.compression()?)
        .partition_leader_epoch(batch.partition_leader_epoch())
        .producer(
            batch.producer_id(),
            batch.producer_epoch(),
            batch.base_sequence(),
        )
        .transactional(batch.is_transactional())
        .control(batch.is_control())
        .delete_horizon_ms(horizon);
    if batch.timestamp_type() == TimestampType::LogAppendTime {
        builder = builder.log_append_time(batch.max_timestamp());
    }
    for Record {
        offset,
        timestamp,
        key,
        value,
        headers,
        ..
    } in kept
    {
        builder.append_with_offset(
            offset,
            &SimpleRecord {
                timestamp,
                key,
                value,
                headers,
            },
        )?;
    }
    // The last sequence of the batch has to stay known, so its last offset does.
    builder.override_last_offset(batch.last_offset());
    builder
        .build()?
        .ok_or(LogError::Storage("a batch of kept records came out empty"))
}

/// The header alone: no codec, no horizon, no base timestamp (`DefaultRecordBatch.writeEmptyHeader`).
fn empty_batch(batch: &RecordBatch) -> RecordBatch {
    BatchHeader {
        base_offset: batch.base_offset(),
        last_offset_delta: batch.last_offset_delta(),
        partition_leader_epoch: batch.partition_leader_epoch(),
        attributes: Attributes::new(
            CompressionType::None,
            batch.timestamp_type(),
            batch.is_transactional(),
            batch.is_control(),
            false,
        ),
        base_timestamp: NO_TIMESTAMP,
        max_timestamp: batch.max_timestamp(),
        producer_id: batch.producer_id(),
        producer_epoch: batch.producer_epoch(),
        base_sequence: batch.base_sequence(),
        record_count: 0,
    }
    .build(&[])
}
