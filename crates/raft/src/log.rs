//! What the quorum asks of its log: append, read, cut, where an epoch ended, snapshots.
//!
//! The protocol sees records as whole encoded batches and never looks inside a data record. How they are stored, how much one
//! read may bring and what a flush costs is the implementation's business: a node hosts Kafka's own log, a test a list.

use bytes::Bytes;
use protocol::record::RecordBatch;
use protocol::{LeaderEpoch, Ms, Offset};
use std::fmt;

/// Whole batches in offset order. Cloning shares their bytes.
pub type Records = Vec<RecordBatch>;

/// An end offset and the epoch of the record before it (`server.common.OffsetAndEpoch`). Ordered by epoch, then offset: of two logs the
/// greater one is the more up to date.
#[derive(Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct OffsetAndEpoch {
    pub offset: Offset,
    pub epoch: LeaderEpoch,
}

impl OffsetAndEpoch {
    pub const fn new(offset: i64, epoch: i32) -> Self {
        Self {
            offset: Offset(offset),
            epoch: LeaderEpoch(epoch),
        }
    }
}

impl PartialOrd for OffsetAndEpoch {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for OffsetAndEpoch {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.epoch, self.offset).cmp(&(other.epoch, other.offset))
    }
}

impl fmt::Debug for OffsetAndEpoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.offset, self.epoch)
    }
}

/// Which records a read may bring (`raft.Isolation`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Isolation {
    /// Below the high watermark only.
    Committed,
    /// Everything up to the end.
    Uncommitted,
}

/// What a read brought (`raft.LogFetchInfo`).
#[derive(Clone, Debug, Default)]
pub struct LogFetchInfo {
    /// The offset that counts as replicated when a replica fetches from here: the start of the batch that holds the one asked for.
    pub start_offset: Offset,
    pub records: Records,
}

/// How the log of a replica that fetches relates to ours (`raft.ValidOffsetAndEpoch`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ValidOffsetAndEpoch {
    Valid,
    /// The logs part: the replica's last epoch ended at this offset here, or the epoch below it did.
    Diverging(OffsetAndEpoch),
    /// What it asks for is gone: it has to take this snapshot.
    Snapshot(OffsetAndEpoch),
}

/// The replicated log of one node (`raft.RaftLog`).
pub trait RaftLog {
    /// Told before anything else happens at an instant: segments roll and deleted files go by it.
    fn at(&mut self, _now_ms: Ms) {}

    /// First offset still in the log; 0 unless a snapshot stands for what was before.
    fn start_offset(&self) -> Offset;

    fn end_offset(&self) -> Offset;

    /// Epoch of the last record, or of the snapshot if the log is empty; 0 if there is nothing at all.
    fn last_fetched_epoch(&self) -> LeaderEpoch;

    /// The highest epoch ≤ `epoch` that the log knows, and where it ended.
    fn end_offset_for_epoch(&self, epoch: LeaderEpoch) -> OffsetAndEpoch;

    /// Appends one batch whose base offset is the end of the log.
    fn append_as_leader(&mut self, batch: RecordBatch, epoch: LeaderEpoch);

    /// Appends what a leader sent, as far as it continues the log; what does not is left out, as Kafka leaves out what it cannot append.
    fn append_as_follower(&mut self, records: &Records, epoch: LeaderEpoch);

    /// Whole batches from the one that holds `offset` on: at least one if there is any, else up to `max_bytes` or the implementation's own limit.
    fn read(&mut self, offset: Offset, isolation: Isolation, max_bytes: i32) -> LogFetchInfo;

    /// Remembers that `epoch` starts at the end of the log.
    fn initialize_leader_epoch(&mut self, epoch: LeaderEpoch);

    /// Cuts everything from `offset` on. Never below the high watermark.
    fn truncate_to(&mut self, offset: Offset);

    fn update_high_watermark(&mut self, offset: Offset);

    /// Makes what was appended survive a power loss. The protocol asks for it before anything is promised.
    fn flush(&mut self);

    fn latest_snapshot_id(&self) -> Option<OffsetAndEpoch>;

    fn earliest_snapshot_id(&self) -> Option<OffsetAndEpoch>;

    /// The bytes of a finished snapshot.
    fn snapshot(&self, id: OffsetAndEpoch) -> Option<Bytes>;

    /// Keeps a finished snapshot under its id (`onSnapshotFrozen`).
    fn store_snapshot(&mut self, id: OffsetAndEpoch, content: Bytes);

    /// If the latest snapshot is ahead of the log, empties the log and starts it there. True if it did.
    fn truncate_to_latest_snapshot(&mut self) -> bool;

    /// Moves the start of the log up to a snapshot and forgets older ones. True if anything went.
    fn delete_before_snapshot(&mut self, id: OffsetAndEpoch) -> bool;

    /// Where log and end stand together (`KafkaRaftClient.endOffset`).
    fn end_offset_and_epoch(&self) -> OffsetAndEpoch {
        OffsetAndEpoch {
            offset: self.end_offset(),
            epoch: self.last_fetched_epoch(),
        }
    }

    /// Compares a fetch position with this log (`RaftLog.validateOffsetAndEpoch`).
    fn validate_offset_and_epoch(&self, offset: Offset, epoch: LeaderEpoch) -> ValidOffsetAndEpoch {
        if self.start_offset() == Offset::ZERO && offset == Offset::ZERO {
            return ValidOffsetAndEpoch::Valid;
        }
        if let Some(earliest) = self.earliest_snapshot_id() {
            let start = self.start_offset();
            if offset < start
                || (offset == start && epoch != earliest.epoch)
                || epoch < earliest.epoch
            {
                let latest = self.latest_snapshot_id().unwrap_or(earliest);
                return ValidOffsetAndEpoch::Snapshot(latest);
            }
        }
        let end = self.end_offset_for_epoch(epoch);
        if end.epoch != epoch || end.offset < offset {
            ValidOffsetAndEpoch::Diverging(end)
        } else {
            ValidOffsetAndEpoch::Valid
        }
    }

    /// Cuts to where the leader says that an epoch ended, or lower if ours ended earlier (`RaftLog.truncateToEndOffset`).
    fn truncate_to_end_offset(&mut self, end: OffsetAndEpoch) -> Offset {
        let to = if end.epoch == LeaderEpoch(0) {
            end.offset.min(self.end_offset())
        } else {
            let local = self.end_offset_for_epoch(end.epoch);
            if local.epoch == end.epoch {
                local.offset.min(end.offset)
            } else {
                local.offset
            }
        };
        self.truncate_to(to);
        to
    }
}
