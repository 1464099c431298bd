//! Building batches, with the size estimates a producer fills its batches by.

use super::records::{put_record, size_of_record};
use super::{
    Attributes, BATCH_OVERHEAD, CompressionType, Header, LOG_OVERHEAD, MAGIC, MAX_RECORD_OVERHEAD,
    NO_PARTITION_LEADER_EPOCH, NO_PRODUCER_EPOCH, NO_PRODUCER_ID, NO_SEQUENCE, NO_TIMESTAMP,
    RecordBatch, RecordError, SimpleRecord, TimestampType, codec, crc32c,
    size_of_record as record_size,
};
use bytes::{BufMut, Bytes, BytesMut};

/// The fields of a header that the writer of a batch decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchHeader {
    pub base_offset: i64,
    pub last_offset_delta: i32,
    pub partition_leader_epoch: i32,
    pub attributes: Attributes,
    pub base_timestamp: i64,
    pub max_timestamp: i64,
    pub producer_id: i64,
    pub producer_epoch: i16,
    pub base_sequence: i32,
    pub record_count: i32,
}

impl BatchHeader {
    /// The batch of this header and these (compressed, where the attributes say so) record bytes.
    pub fn build(&self, content: &[u8]) -> RecordBatch {
        let mut out = BytesMut::with_capacity(BATCH_OVERHEAD + content.len());
        out.put_i64(self.base_offset);
        out.put_i32((BATCH_OVERHEAD - LOG_OVERHEAD + content.len()) as i32);
        out.put_i32(self.partition_leader_epoch);
        out.put_i8(MAGIC);
        out.put_u32(0);
        out.put_i16(self.attributes.0);
        out.put_i32(self.last_offset_delta);
        out.put_i64(self.base_timestamp);
        out.put_i64(self.max_timestamp);
        out.put_i64(self.producer_id);
        out.put_i16(self.producer_epoch);
        out.put_i32(self.base_sequence);
        out.put_i32(self.record_count);
        out.put_slice(content);
        let crc = crc32c(&out[21..]);
        out[17..21].copy_from_slice(&crc.to_be_bytes());
        RecordBatch::parse(out.freeze()).expect("a header just written")
    }
}

/// The most a batch with this one record can take (`AbstractRecords.estimateSizeInBytesUpperBound`).
pub fn estimate_size_upper_bound(
    key: Option<&Bytes>,
    value: Option<&Bytes>,
    headers: &[Header],
) -> usize {
    let one = |bytes: Option<&Bytes>| {
        bytes.map_or(1, |b| {
            super::varint::size_of_varint(b.len() as i32) + b.len()
        })
    };
    let content = one(key)
        + one(value)
        + super::varint::size_of_varint(headers.len() as i32)
        + headers
            .iter()
            .map(|h| {
                super::varint::size_of_varint(h.key.len() as i32)
                    + h.key.len()
                    + one(h.value.as_ref())
            })
            .sum::<usize>();
    BATCH_OVERHEAD + MAX_RECORD_OVERHEAD + content
}

/// How much worse than estimated a codec may do before the batch overflows
/// (`MemoryRecordsBuilder.COMPRESSION_RATE_ESTIMATION_FACTOR`; Kafka computes this in single precision).
const COMPRESSION_RATE_ESTIMATION_FACTOR: f32 = 1.05;

/// Appends records to one batch (`MemoryRecordsBuilder`). Sizes in bytes, timestamps in ms.
#[derive(Debug, Clone)]
pub struct RecordBatchBuilder {
    base_offset: i64,
    partition_leader_epoch: i32,
    compression: CompressionType,
    timestamp_type: TimestampType,
    log_append_time: i64,
    producer_id: i64,
    producer_epoch: i16,
    base_sequence: i32,
    transactional: bool,
    control: bool,
    delete_horizon_ms: Option<i64>,
    write_limit: usize,
    estimated_compression_ratio: f32,
    content: BytesMut,
    record_count: i32,
    base_timestamp: Option<i64>,
    max_timestamp: i64,
    offset_of_max_timestamp: i64,
    last_offset: Option<i64>,
}

impl RecordBatchBuilder {
    /// A builder for an uncompressed batch under create time that starts at `base_offset` and has no size limit.
    pub fn new(base_offset: i64) -> Self {
        RecordBatchBuilder {
            base_offset,
            partition_leader_epoch: NO_PARTITION_LEADER_EPOCH,
            compression: CompressionType::None,
            timestamp_type: TimestampType::CreateTime,
            log_append_time: NO_TIMESTAMP,
            producer_id: NO_PRODUCER_ID,
            producer_epoch: NO_PRODUCER_EPOCH,
            base_sequence: NO_SEQUENCE,
            transactional: false,
            control: false,
            delete_horizon_ms: None,
            write_limit: usize::MAX,
            estimated_compression_ratio: 1.0,
            content: BytesMut::new(),
            record_count: 0,
            base_timestamp: None,
            max_timestamp: NO_TIMESTAMP,
            offset_of_max_timestamp: -1,
            last_offset: None,
        }
    }

    pub fn compression(mut self, compression: CompressionType) -> Self {
        self.compression = compression;
        self
    }

    pub fn partition_leader_epoch(mut self, epoch: i32) -> Self {
        self.partition_leader_epoch = epoch;
        self
    }

    /// Log append time `now` (ms) instead of the records' own time.
    pub fn log_append_time(mut self, now: i64) -> Self {
        self.timestamp_type = TimestampType::LogAppendTime;
        self.log_append_time = now;
        self
    }

    pub fn producer(mut self, producer_id: i64, producer_epoch: i16, base_sequence: i32) -> Self {
        self.set_producer_state(
            producer_id,
            producer_epoch,
            base_sequence,
            self.transactional,
        );
        self
    }

    pub fn transactional(mut self, transactional: bool) -> Self {
        self.transactional = transactional;
        self
    }

    pub fn control(mut self, control: bool) -> Self {
        self.control = control;
        self
    }

    pub fn delete_horizon_ms(mut self, horizon: Option<i64>) -> Self {
        self.delete_horizon_ms = horizon;
        self
    }

    pub fn write_limit(mut self, bytes: usize) -> Self {
        self.write_limit = bytes;
        self
    }

    pub fn estimated_compression_ratio(mut self, ratio: f32) -> Self {
        self.estimated_compression_ratio = ratio;
        self
    }

    /// As the producer's sender does when a batch leaves (`MemoryRecordsBuilder.setProducerState`).
    pub fn set_producer_state(
        &mut self,
        producer_id: i64,
        producer_epoch: i16,
        base_sequence: i32,
        transactional: bool,
    ) {
        self.producer_id = producer_id;
        self.producer_epoch = producer_epoch;
        self.base_sequence = base_sequence;
        self.transactional = transactional;
    }

    pub fn record_count(&self) -> i32 {
        self.record_count
    }

    pub fn is_empty(&self) -> bool {
        self.record_count == 0
    }

    pub fn max_timestamp(&self) -> i64 {
        self.max_timestamp
    }

    pub fn offset_of_max_timestamp(&self) -> i64 {
        self.offset_of_max_timestamp
    }

    pub fn uncompressed_size(&self) -> usize {
        self.content.len()
    }

    /// The offset that the next appended record gets.
    pub fn next_offset(&self) -> i64 {
        self.last_offset.map_or(self.base_offset, |last| last + 1)
    }

    /// What the batch is thought to take by now.
    pub fn estimated_bytes_written(&self) -> usize {
        let content = if self.compression == CompressionType::None {
            self.content.len()
        } else {
            (self.content.len() as f32
                * self.estimated_compression_ratio
                * COMPRESSION_RATE_ESTIMATION_FACTOR) as usize
        };
        BATCH_OVERHEAD + content
    }

    /// At least one record is in it and the limit is reached.
    pub fn is_full(&self) -> bool {
        self.record_count > 0 && self.write_limit <= self.estimated_bytes_written()
    }

    /// Whether one more record fits; the first always does (`MemoryRecordsBuilder.hasRoomFor`).
    pub fn has_room_for(&self, record: &SimpleRecord) -> bool {
        if self.is_full() {
            return false;
        }
        if self.record_count == 0 {
            return true;
        }
        let offset_delta = (self.next_offset() - self.base_offset) as i32;
        let timestamp_delta = record
            .timestamp
            .wrapping_sub(self.base_timestamp.unwrap_or(record.timestamp));
        let size = size_of_record(
            offset_delta,
            timestamp_delta,
            record.key.as_ref(),
            record.value.as_ref(),
            &record.headers,
        );
        self.write_limit >= self.estimated_bytes_written() + size
    }

    /// Appends at the next offset and returns the record's size.
    ///
    /// # Errors
    /// As [`RecordBatchBuilder::append_with_offset`].
    pub fn append(&mut self, record: &SimpleRecord) -> Result<usize, RecordError> {
        self.append_with_offset(self.next_offset(), record)
    }

    /// Appends at an offset of the caller's and returns the record's size.
    ///
    /// # Errors
    /// `Invalid` for an offset that does not rise or lies further than 2^31 − 1 from the base, a timestamp below −1.
    pub fn append_with_offset(
        &mut self,
        offset: i64,
        record: &SimpleRecord,
    ) -> Result<usize, RecordError> {
        if self.last_offset.is_some_and(|last| offset <= last) {
            return Err(RecordError::Invalid("offsets must rise"));
        }
        if record.timestamp < 0 && record.timestamp != NO_TIMESTAMP {
            return Err(RecordError::Invalid("negative timestamp"));
        }
        let offset_delta = i32::try_from(offset - self.base_offset)
            .map_err(|_| RecordError::Invalid("offset too far from the base"))?;
        if offset_delta < 0 {
            return Err(RecordError::Invalid("offset below the base"));
        }
        let base_timestamp = *self
            .base_timestamp
            .get_or_insert(self.delete_horizon_ms.unwrap_or(record.timestamp));
        let size = put_record(
            &mut self.content,
            offset_delta,
            record.timestamp.wrapping_sub(base_timestamp),
            record.key.as_ref(),
            record.value.as_ref(),
            &record.headers,
        );
        debug_assert_eq!(
            size,
            record_size(
                offset_delta,
                record.timestamp.wrapping_sub(base_timestamp),
                record.key.as_ref(),
                record.value.as_ref(),
                &record.headers
            )
        );
        self.record_count += 1;
        if record.timestamp > self.max_timestamp {
            self.max_timestamp = record.timestamp;
            self.offset_of_max_timestamp = offset;
        }
        self.last_offset = Some(offset);
        Ok(size)
    }

    /// Makes the batch end at `last_offset` although its last record may lie below
    /// (`MemoryRecordsBuilder.overrideLastOffset`).
    pub fn override_last_offset(&mut self, last_offset: i64) {
        self.last_offset = Some(last_offset);
    }

    /// The batch, or `None` if no record was appended.
    ///
    /// # Errors
    /// `Codec` if this build cannot write the codec.
    pub fn build(&self) -> Result<Option<RecordBatch>, RecordError> {
        let (Some(last_offset), Some(base_timestamp)) = (self.last_offset, self.base_timestamp)
        else {
            return Ok(None);
        };
        let header = BatchHeader {
            base_offset: self.base_offset,
            last_offset_delta: (last_offset - self.base_offset) as i32,
            partition_leader_epoch: self.partition_leader_epoch,
            attributes: Attributes::new(
                self.compression,
                self.timestamp_type,
                self.transactional,
                self.control,
                self.delete_horizon_ms.is_some(),
            ),
            base_timestamp,
            max_timestamp: match self.timestamp_type {
                TimestampType::CreateTime => self.max_timestamp,
                TimestampType::LogAppendTime => self.log_append_time,
            },
            producer_id: self.producer_id,
            producer_epoch: self.producer_epoch,
            base_sequence: self.base_sequence,
            record_count: self.record_count,
        };
        Ok(Some(if self.compression == CompressionType::None {
            header.build(&self.content)
        } else {
            let packed = codec().compress(self.compression, &self.content)?;
            header.build(&packed)
        }))
    }
}
