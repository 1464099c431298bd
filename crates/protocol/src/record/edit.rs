//! Changing a batch where it lies. Base offset and leader epoch are outside the checksum; all else recomputes it.

use super::{Attributes, RecordBatch, TimestampType, crc32c};
use bytes::BytesMut;

/// A batch with bytes of its own.
#[derive(Debug)]
pub struct RecordBatchMut {
    bytes: BytesMut,
    stale_crc: bool,
}

impl RecordBatchMut {
    /// Takes over the bytes where nobody else holds them, else copies them.
    pub fn from_batch(batch: RecordBatch) -> Self {
        let bytes = match batch.into_bytes().try_into_mut() {
            Ok(own) => own,
            Err(shared) => BytesMut::from(&shared[..]),
        };
        RecordBatchMut {
            bytes,
            stale_crc: false,
        }
    }

    pub fn set_base_offset(&mut self, base_offset: i64) {
        self.bytes[0..8].copy_from_slice(&base_offset.to_be_bytes());
    }

    /// Moves the batch so that it ends at `last_offset` (`DefaultRecordBatch.setLastOffset`).
    pub fn set_last_offset(&mut self, last_offset: i64) {
        let delta = i32::from_be_bytes([
            self.bytes[23],
            self.bytes[24],
            self.bytes[25],
            self.bytes[26],
        ]);
        self.set_base_offset(last_offset - i64::from(delta));
    }

    pub fn set_partition_leader_epoch(&mut self, epoch: i32) {
        self.bytes[12..16].copy_from_slice(&epoch.to_be_bytes());
    }

    pub fn set_last_offset_delta(&mut self, delta: i32) {
        self.bytes[23..27].copy_from_slice(&delta.to_be_bytes());
        self.stale_crc = true;
    }

    /// Sets timestamp type and max timestamp; nothing is touched if both are so already
    /// (`DefaultRecordBatch.setMaxTimestamp`).
    pub fn set_max_timestamp(&mut self, timestamp_type: TimestampType, max_timestamp: i64) {
        let old = i16::from_be_bytes([self.bytes[21], self.bytes[22]]);
        let new = match timestamp_type {
            TimestampType::CreateTime => old & !Attributes::TIMESTAMP_TYPE,
            TimestampType::LogAppendTime => old | Attributes::TIMESTAMP_TYPE,
        };
        if new == old && self.bytes[35..43] == max_timestamp.to_be_bytes() {
            return;
        }
        // Kafka rewrites the attributes from its five known properties, which drops unused bits.
        let known = Attributes::CODEC
            | Attributes::TIMESTAMP_TYPE
            | Attributes::TRANSACTIONAL
            | Attributes::CONTROL
            | Attributes::DELETE_HORIZON;
        self.bytes[21..23].copy_from_slice(&(new & known).to_be_bytes());
        self.bytes[35..43].copy_from_slice(&max_timestamp.to_be_bytes());
        self.stale_crc = true;
    }

    /// The producer's fields, for a batch that is sent again under another epoch or sequence.
    pub fn set_producer(&mut self, producer_id: i64, producer_epoch: i16, base_sequence: i32) {
        self.bytes[43..51].copy_from_slice(&producer_id.to_be_bytes());
        self.bytes[51..53].copy_from_slice(&producer_epoch.to_be_bytes());
        self.bytes[53..57].copy_from_slice(&base_sequence.to_be_bytes());
        self.stale_crc = true;
    }

    /// The batch, with its checksum made right if a field under it changed.
    pub fn freeze(mut self) -> RecordBatch {
        if self.stale_crc {
            let crc = crc32c(&self.bytes[21..]);
            self.bytes[17..21].copy_from_slice(&crc.to_be_bytes());
        }
        RecordBatch::parse(self.bytes.freeze()).expect("edits keep length and magic")
    }
}
