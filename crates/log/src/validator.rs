//! What a leader checks and rewrites in a batch before it appends it (`LogValidator`).

use crate::config::LogConfig;
use crate::error::LogError;
use crate::producer::AppendOrigin;
use protocol::record::{
    CompressionType, NO_TIMESTAMP, Record, RecordBatch, RecordBatchBuilder, RecordBatchMut,
    SimpleRecord, TimestampType,
};
use protocol::{ErrorCode, Ms};

/// A batch that is ready to be written.
#[derive(Debug)]
pub struct Validated {
    pub batch: RecordBatch,
    pub max_timestamp: Ms,
    pub last_offset: i64,
    /// −1 under create time.
    pub log_append_time: Ms,
    /// The batch was built anew.
    pub size_may_have_changed: bool,
}

fn invalid(why: &'static str) -> LogError {
    LogError::Code(ErrorCode::InvalidRecord, why)
}

/// Checks the one batch that a request may hold and gives it offsets from `first_offset` on.
///
/// # Errors
/// INVALID_RECORD or INVALID_TIMESTAMP, with the index of every bad record where single records are at fault.
pub fn validate_and_assign(
    batches: Vec<RecordBatch>,
    source: CompressionType,
    config: &LogConfig,
    origin: AppendOrigin,
    leader_epoch: i32,
    first_offset: i64,
    now: Ms,
) -> Result<Validated, LogError> {
    let mut batches = batches.into_iter();
    let batch = batches.next().ok_or(invalid("no batch at all"))?;
    if batches.next().is_some() {
        return Err(invalid("more than one batch"));
    }
    validate_batch(&batch, origin)?;
    let target = config.compression.unwrap_or(source);
    let records = read_records(&batch, config, now)?;
    let count = records.len() as i64;
    // An uncompressed control batch stays as it is whatever the topic's codec.
    let same_codec = source == target || (source == CompressionType::None && batch.is_control());
    let dense = records
        .iter()
        .enumerate()
        .all(|(at, record)| record.offset == batch.base_offset() + at as i64)
        && (batch.base_offset() == 0 || target == CompressionType::None);
    let uncompressed = source == CompressionType::None && target == CompressionType::None;
    let log_append = config.timestamp_type == TimestampType::LogAppendTime;
    if uncompressed || (same_codec && dense) {
        let last_offset = first_offset + count - 1;
        let max_record = records
            .iter()
            .map(|record| record.timestamp)
            .max()
            .unwrap_or(NO_TIMESTAMP);
        let max_timestamp = if log_append { now } else { max_record };
        let mut edit = RecordBatchMut::from_batch(batch);
        edit.set_last_offset(last_offset);
        edit.set_partition_leader_epoch(leader_epoch);
        edit.set_max_timestamp(config.timestamp_type, max_timestamp);
        return Ok(Validated {
            batch: edit.freeze(),
            max_timestamp,
            last_offset,
            log_append_time: if log_append { now } else { NO_TIMESTAMP },
            size_may_have_changed: false,
        });
    }
    rebuild(
        &batch,
        records,
        target,
        config,
        leader_epoch,
        first_offset,
        now,
    )
}

fn rebuild(
    batch: &RecordBatch,
    records: Vec<Record>,
    target: CompressionType,
    config: &LogConfig,
    leader_epoch: i32,
    first_offset: i64,
    now: Ms,
) -> Result<Validated, LogError> {
    let log_append = config.timestamp_type == TimestampType::LogAppendTime;
    let mut builder = RecordBatchBuilder::new(first_offset)
        .compression(target)
        .partition_leader_epoch(leader_epoch)
        .producer(
            batch.producer_id(),
            batch.producer_epoch(),
            batch.base_sequence(),
        )
        .transactional(batch.is_transactional());
    if log_append {
        builder = builder.log_append_time(now);
    }
    for Record {
        timestamp,
        key,
        value,
        headers,
        ..
    } in records
    {
        builder.append(&SimpleRecord {
            timestamp,
            key,
            value,
            headers,
        })?;
    }
    let max_timestamp = if log_append {
        now
    } else {
        builder.max_timestamp()
    };
    let last_offset = builder.next_offset() - 1;
    let batch = builder.build()?.ok_or(invalid("a batch without records"))?;
    Ok(Validated {
        batch,
        max_timestamp,
        last_offset,
        log_append_time: if log_append { now } else { NO_TIMESTAMP },
        size_may_have_changed: true,
    })
}

fn validate_batch(batch: &RecordBatch, origin: AppendOrigin) -> Result<(), LogError> {
    if origin != AppendOrigin::Client {
        return Ok(());
    }
    let span = i64::from(batch.last_offset_delta()) + 1;
    if span <= 0 {
        return Err(invalid("an offset range below one"));
    }
    if batch.record_count() <= 0 {
        return Err(invalid("a record count below one"));
    }
    if span != i64::from(batch.record_count()) {
        return Err(invalid("offset range and record count differ"));
    }
    if batch.is_control() {
        return Err(invalid("clients may not write control records"));
    }
    if batch.has_producer_id() && batch.base_sequence() < 0 {
        return Err(invalid("a producer without a sequence"));
    }
    Ok(())
}

/// Reads all records and checks each: keys on compacted topics, timestamps.
fn read_records(batch: &RecordBatch, config: &LogConfig, now: Ms) -> Result<Vec<Record>, LogError> {
    let mut records = Vec::new();
    let mut bad = Vec::new();
    let mut code = ErrorCode::InvalidRecord;
    for (index, record) in batch.records()?.enumerate() {
        let record = record?;
        if config.compact && record.key.is_none() {
            bad.push(index as i32);
        } else if !timestamp_is_valid(batch, &record, config, now) {
            code = ErrorCode::InvalidTimestamp;
            bad.push(index as i32);
        }
        records.push(record);
    }
    if bad.is_empty() {
        Ok(records)
    } else {
        Err(LogError::Records(code, bad))
    }
}

fn timestamp_is_valid(batch: &RecordBatch, record: &Record, config: &LogConfig, now: Ms) -> bool {
    if config.timestamp_type == TimestampType::CreateTime && record.timestamp != NO_TIMESTAMP {
        let age = now.wrapping_sub(record.timestamp);
        age <= config.timestamp_before_max_ms && age.wrapping_neg() <= config.timestamp_after_max_ms
    } else {
        batch.timestamp_type() != TimestampType::LogAppendTime
    }
}
