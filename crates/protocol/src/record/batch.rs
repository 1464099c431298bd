//! A batch as a checked view over shared bytes.

use super::records::Records;
use super::{
    BATCH_OVERHEAD, CompressionType, LOG_OVERHEAD, MAGIC, NO_PRODUCER_ID, NO_SEQUENCE, RecordError,
    crc32c,
};
use bytes::Bytes;

/// Whose clock stamped the records (attribute bit 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TimestampType {
    CreateTime,
    LogAppendTime,
}

/// The 16 attribute bits of a batch: 0–2 codec, 3 timestamp type, 4 transactional, 5 control, 6 delete horizon set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attributes(pub i16);

impl Attributes {
    pub const TIMESTAMP_TYPE: i16 = 0x08;
    pub const TRANSACTIONAL: i16 = 0x10;
    pub const CONTROL: i16 = 0x20;
    pub const DELETE_HORIZON: i16 = 0x40;
    pub const CODEC: i16 = 0x07;

    pub fn new(
        codec: CompressionType,
        timestamp_type: TimestampType,
        transactional: bool,
        control: bool,
        horizon: bool,
    ) -> Self {
        let mut bits = codec.id() as i16;
        if timestamp_type == TimestampType::LogAppendTime {
            bits |= Self::TIMESTAMP_TYPE;
        }
        if transactional {
            bits |= Self::TRANSACTIONAL;
        }
        if control {
            bits |= Self::CONTROL;
        }
        if horizon {
            bits |= Self::DELETE_HORIZON;
        }
        Attributes(bits)
    }
}

/// A sequence number `increment` after `sequence`, wrapping after 2^31 − 1 to 0 (`DefaultRecordBatch.incrementSequence`).
pub fn increment_sequence(sequence: i32, increment: i32) -> i32 {
    if sequence > i32::MAX - increment {
        increment - (i32::MAX - sequence) - 1
    } else {
        sequence + increment
    }
}

/// One batch: exactly its bytes, shared. The header is known to be there; the content is checked only by
/// [`RecordBatch::ensure_valid`] and by reading the records.
#[derive(Clone, PartialEq, Eq)]
pub struct RecordBatch {
    bytes: Bytes,
}

impl RecordBatch {
    /// Takes bytes that hold exactly one batch of magic 2.
    ///
    /// # Errors
    /// `Corrupt` if they are shorter than a header or than the length they declare, or longer; `UnsupportedMagic`.
    pub fn parse(bytes: Bytes) -> Result<Self, RecordError> {
        if bytes.len() < BATCH_OVERHEAD {
            return Err(RecordError::Corrupt("shorter than a batch header"));
        }
        if bytes[16] as i8 != MAGIC {
            return Err(RecordError::UnsupportedMagic(bytes[16] as i8));
        }
        let batch = RecordBatch { bytes };
        if batch.declared_size() != Some(batch.bytes.len()) {
            return Err(RecordError::Corrupt("length differs from the declared one"));
        }
        Ok(batch)
    }

    fn declared_size(&self) -> Option<usize> {
        usize::try_from(self.i32_at(8))
            .ok()
            .map(|length| length + LOG_OVERHEAD)
    }

    fn i16_at(&self, at: usize) -> i16 {
        i16::from_be_bytes([self.bytes[at], self.bytes[at + 1]])
    }

    fn i32_at(&self, at: usize) -> i32 {
        let mut raw = [0; 4];
        raw.copy_from_slice(&self.bytes[at..at + 4]);
        i32::from_be_bytes(raw)
    }

    fn i64_at(&self, at: usize) -> i64 {
        let mut raw = [0; 8];
        raw.copy_from_slice(&self.bytes[at..at + 8]);
        i64::from_be_bytes(raw)
    }

    /// The bytes of the batch.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    pub fn into_bytes(self) -> Bytes {
        self.bytes
    }

    pub fn size_in_bytes(&self) -> usize {
        self.bytes.len()
    }

    pub fn base_offset(&self) -> i64 {
        self.i64_at(0)
    }

    pub fn partition_leader_epoch(&self) -> i32 {
        self.i32_at(12)
    }

    pub fn magic(&self) -> i8 {
        self.bytes[16] as i8
    }

    pub fn crc(&self) -> u32 {
        self.i32_at(17) as u32
    }

    /// The checksum that the bytes from the attributes on have.
    pub fn compute_crc(&self) -> u32 {
        crc32c(&self.bytes[21..])
    }

    pub fn attributes(&self) -> Attributes {
        Attributes(self.i16_at(21))
    }

    pub fn last_offset_delta(&self) -> i32 {
        self.i32_at(23)
    }

    pub fn last_offset(&self) -> i64 {
        self.base_offset()
            .wrapping_add(i64::from(self.last_offset_delta()))
    }

    pub fn next_offset(&self) -> i64 {
        self.last_offset().wrapping_add(1)
    }

    /// The field at byte 27 as it is: the base timestamp, or the delete horizon if bit 6 is set.
    pub fn base_timestamp(&self) -> i64 {
        self.i64_at(27)
    }

    pub fn max_timestamp(&self) -> i64 {
        self.i64_at(35)
    }

    pub fn producer_id(&self) -> i64 {
        self.i64_at(43)
    }

    pub fn has_producer_id(&self) -> bool {
        self.producer_id() > NO_PRODUCER_ID
    }

    pub fn producer_epoch(&self) -> i16 {
        self.i16_at(51)
    }

    pub fn base_sequence(&self) -> i32 {
        self.i32_at(53)
    }

    pub fn last_sequence(&self) -> i32 {
        if self.base_sequence() == NO_SEQUENCE {
            return NO_SEQUENCE;
        }
        let delta = self.last_offset_delta();
        if delta < 0 {
            self.base_sequence()
        } else {
            increment_sequence(self.base_sequence(), delta)
        }
    }

    pub fn record_count(&self) -> i32 {
        self.i32_at(57)
    }

    /// The codec of the batch.
    ///
    /// # Errors
    /// `Invalid` for ids 5, 6 and 7.
    pub fn compression(&self) -> Result<CompressionType, RecordError> {
        CompressionType::from_id((self.attributes().0 & Attributes::CODEC) as u8)
            .ok_or(RecordError::Invalid("unknown codec"))
    }

    pub fn is_compressed(&self) -> bool {
        self.attributes().0 & Attributes::CODEC != 0
    }

    pub fn timestamp_type(&self) -> TimestampType {
        if self.attributes().0 & Attributes::TIMESTAMP_TYPE != 0 {
            TimestampType::LogAppendTime
        } else {
            TimestampType::CreateTime
        }
    }

    pub fn is_transactional(&self) -> bool {
        self.attributes().0 & Attributes::TRANSACTIONAL != 0
    }

    pub fn is_control(&self) -> bool {
        self.attributes().0 & Attributes::CONTROL != 0
    }

    /// When tombstones and markers of this batch may go (KIP-534), ms.
    pub fn delete_horizon_ms(&self) -> Option<i64> {
        (self.attributes().0 & Attributes::DELETE_HORIZON != 0).then(|| self.base_timestamp())
    }

    pub fn is_valid(&self) -> bool {
        self.crc() == self.compute_crc()
    }

    /// # Errors
    /// `Corrupt` if the checksum is wrong (`DefaultRecordBatch.ensureValid`).
    pub fn ensure_valid(&self) -> Result<(), RecordError> {
        if self.is_valid() {
            Ok(())
        } else {
            Err(RecordError::Corrupt("checksum mismatch"))
        }
    }

    /// The records, decoded one after another; compressed ones are decompressed here, once.
    ///
    /// # Errors
    /// `Invalid` for a negative count or an unknown codec, `Codec` if the blob does not decompress.
    pub fn records(&self) -> Result<Records, RecordError> {
        Records::of(self)
    }

    /// The first record's key bytes of a control batch.
    ///
    /// # Errors
    /// As [`RecordBatch::records`], and `Invalid` if the batch holds no record.
    pub fn first_record(&self) -> Result<super::Record, RecordError> {
        self.records()?
            .next()
            .unwrap_or(Err(RecordError::Invalid("no record in the batch")))
    }

    /// The first record that has this batch's greatest timestamp (`RecordBatch.offsetOfMaxTimestamp`).
    ///
    /// # Errors
    /// As reading the records.
    pub fn offset_of_max_timestamp(&self) -> Result<Option<i64>, RecordError> {
        let max = self.max_timestamp();
        for record in self.records()? {
            let record = record?;
            if record.timestamp == max {
                return Ok(Some(record.offset));
            }
        }
        Ok(None)
    }
}

impl core::fmt::Debug for RecordBatch {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(
            f,
            "RecordBatch({}..={}, {} records, {} bytes)",
            self.base_offset(),
            self.last_offset(),
            self.record_count(),
            self.size_in_bytes()
        )
    }
}
