//! Record batch v2 (magic 2), byte for byte: what producers send, logs store and consumers read.
//!
//! This module knows bytes: the 61-byte header, variable-length integers, records with headers, CRC-32C,
//! compression, control records. It refuses to know what a broker makes of them (offsets to assign, timestamps to
//! accept, producers to fence): that is the log's. Fields are the wire's own integers; offsets are absolute.
//!
//! Source: `DefaultRecordBatch`, `DefaultRecord`, `MemoryRecordsBuilder`, `ControlRecordType`.

mod batch;
mod batches;
mod builder;
#[cfg(feature = "codecs")]
mod codecs;
mod compression;
mod control;
mod crc32c;
mod edit;
mod error;
mod kraft;
mod records;
pub mod varint;

pub use batch::{Attributes, RecordBatch, TimestampType, increment_sequence};
pub use batches::{Batches, batch_size_at};
pub use builder::{BatchHeader, RecordBatchBuilder, estimate_size_upper_bound};
pub use compression::{Codec, CodecError, CompressionType, codec};
pub use control::{ControlRecordType, EndTransactionMarker, end_transaction_marker};
pub use crc32c::{crc32c, crc32c_parts};
pub use edit::RecordBatchMut;
pub use error::RecordError;
pub use kraft::{
    KRaftVersionRecord, LeaderChangeMessage, SnapshotFooterRecord, SnapshotHeaderRecord, Voter,
    VoterEndpoint, VotersRecord,
};
pub use records::{Header, Record, Records, SimpleRecord, size_of_record};

/// Bytes before the batch length counts: base offset and length.
pub const LOG_OVERHEAD: usize = 12;
/// Bytes of the header of a batch.
pub const BATCH_OVERHEAD: usize = 61;
/// Bytes needed to learn the magic of a batch.
pub const HEADER_UP_TO_MAGIC: usize = 17;
/// The only magic that Kafka 4 writes.
pub const MAGIC: i8 = 2;
/// The largest possible overhead of one record: length, timestamp delta, offset delta, attributes.
pub const MAX_RECORD_OVERHEAD: usize = 21;
pub const NO_TIMESTAMP: i64 = -1;
pub const NO_PRODUCER_ID: i64 = -1;
pub const NO_PRODUCER_EPOCH: i16 = -1;
pub const NO_SEQUENCE: i32 = -1;
pub const NO_PARTITION_LEADER_EPOCH: i32 = -1;

#[cfg(test)]
mod tests;
