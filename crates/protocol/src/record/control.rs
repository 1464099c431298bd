//! Control records: transaction markers and the quorum's own records.

use super::{NO_SEQUENCE, RecordBatch, RecordBatchBuilder, RecordError, SimpleRecord};
use bytes::{BufMut, Bytes, BytesMut};

/// What a control record says (`ControlRecordType`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ControlRecordType {
    Abort,
    Commit,
    LeaderChange,
    SnapshotHeader,
    SnapshotFooter,
    KRaftVersion,
    KRaftVoters,
    Unknown,
}

impl ControlRecordType {
    pub fn id(self) -> i16 {
        match self {
            Self::Unknown => -1,
            known => known as i16,
        }
    }

    pub fn from_id(id: i16) -> Self {
        match id {
            0 => Self::Abort,
            1 => Self::Commit,
            2 => Self::LeaderChange,
            3 => Self::SnapshotHeader,
            4 => Self::SnapshotFooter,
            5 => Self::KRaftVersion,
            6 => Self::KRaftVoters,
            _ => Self::Unknown,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Abort => "ABORT",
            Self::Commit => "COMMIT",
            Self::LeaderChange => "LEADER_CHANGE",
            Self::SnapshotHeader => "SNAPSHOT_HEADER",
            Self::SnapshotFooter => "SNAPSHOT_FOOTER",
            Self::KRaftVersion => "KRAFT_VERSION",
            Self::KRaftVoters => "KRAFT_VOTERS",
            Self::Unknown => "UNKNOWN",
        }
    }

    /// Reads the key of a control record (version, type).
    ///
    /// # Errors
    /// `Invalid` if the key is missing, shorter than four bytes, or of a negative version.
    pub fn parse(key: Option<&Bytes>) -> Result<Self, RecordError> {
        let key = key
            .filter(|key| key.len() >= 4)
            .ok_or(RecordError::Invalid("control record without a key"))?;
        if i16::from_be_bytes([key[0], key[1]]) < 0 {
            return Err(RecordError::Invalid("control record of a negative version"));
        }
        Ok(Self::from_id(i16::from_be_bytes([key[2], key[3]])))
    }

    /// The key of such a record: version 0 and the type.
    pub fn key(self) -> Bytes {
        let mut key = BytesMut::with_capacity(4);
        key.put_i16(0);
        key.put_i16(self.id());
        key.freeze()
    }
}

/// The end of a transaction in a partition (`EndTransactionMarker`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EndTransactionMarker {
    pub commit: bool,
    pub coordinator_epoch: i32,
}

impl EndTransactionMarker {
    pub fn kind(self) -> ControlRecordType {
        if self.commit {
            ControlRecordType::Commit
        } else {
            ControlRecordType::Abort
        }
    }

    /// Reads a marker from the key and value of a control record.
    ///
    /// # Errors
    /// `Invalid` if it is another kind of control record or its value is too short or of a negative version.
    pub fn parse(key: Option<&Bytes>, value: Option<&Bytes>) -> Result<Self, RecordError> {
        let commit = match ControlRecordType::parse(key)? {
            ControlRecordType::Commit => true,
            ControlRecordType::Abort => false,
            _ => return Err(RecordError::Invalid("not an end of a transaction")),
        };
        let value = value
            .filter(|value| value.len() >= 6)
            .ok_or(RecordError::Invalid("marker without a value"))?;
        if i16::from_be_bytes([value[0], value[1]]) < 0 {
            return Err(RecordError::Invalid("marker of a negative version"));
        }
        Ok(EndTransactionMarker {
            commit,
            coordinator_epoch: i32::from_be_bytes([value[2], value[3], value[4], value[5]]),
        })
    }

    /// Key and value of the record.
    pub fn record(self, timestamp: i64) -> SimpleRecord {
        let mut value = BytesMut::with_capacity(6);
        value.put_i16(0);
        value.put_i32(self.coordinator_epoch);
        SimpleRecord {
            timestamp,
            key: Some(self.kind().key()),
            value: Some(value.freeze()),
            headers: Vec::new(),
        }
    }
}

/// A marker batch (`MemoryRecords.withEndTransactionMarker`); `timestamp` in ms.
pub fn end_transaction_marker(
    base_offset: i64,
    timestamp: i64,
    partition_leader_epoch: i32,
    producer_id: i64,
    producer_epoch: i16,
    marker: EndTransactionMarker,
) -> RecordBatch {
    let mut builder = RecordBatchBuilder::new(base_offset)
        .partition_leader_epoch(partition_leader_epoch)
        .producer(producer_id, producer_epoch, NO_SEQUENCE)
        .transactional(true)
        .control(true);
    builder
        .append(&marker.record(timestamp))
        .ok()
        .and_then(|_| builder.build().ok().flatten())
        .expect("one uncompressed record at the base offset")
}
