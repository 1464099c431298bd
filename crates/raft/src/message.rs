//! What the members of a quorum say to each other, about the one partition that they share.
//!
//! These are the requests of Kafka's protocol with the lists of topics and partitions taken off, as `RaftUtil` puts them on. They
//! do not know the wire.

use crate::log::{OffsetAndEpoch, Records};
use bytes::Bytes;
use protocol::{ErrorCode, LeaderEpoch, Name, NodeId, Offset, Uuid};

/// A node and the directory that its log lives in (`raft.ReplicaKey`). A zero directory id is unknown and matches every one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct ReplicaKey {
    pub id: NodeId,
    pub directory_id: Uuid,
}

impl ReplicaKey {
    pub const fn new(id: NodeId, directory_id: Uuid) -> Self {
        Self { id, directory_id }
    }

    /// A node of which no directory is known.
    pub const fn of(id: NodeId) -> Self {
        Self {
            id,
            directory_id: Uuid::ZERO,
        }
    }
}

/// One request. `cluster_id` absent = not checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    pub cluster_id: Option<Name>,
    /// Epoch of the sender.
    pub epoch: LeaderEpoch,
    pub body: RequestBody,
}

#[derive(Clone, Debug, PartialEq)]
pub enum RequestBody {
    Vote {
        candidate: ReplicaKey,
        /// Whom it was meant for, if the sender says.
        voter: Option<ReplicaKey>,
        last_epoch: LeaderEpoch,
        last_offset: Offset,
        pre_vote: bool,
    },
    BeginQuorumEpoch {
        leader: NodeId,
        voter: Option<ReplicaKey>,
    },
    EndQuorumEpoch {
        leader: NodeId,
        /// Whom the leader would like to see in its place, best first.
        preferred: Vec<ReplicaKey>,
    },
    Fetch {
        replica: ReplicaKey,
        offset: Offset,
        last_epoch: LeaderEpoch,
        max_wait_ms: i32,
        max_bytes: i32,
        /// What the sender knows; NONE = nothing.
        high_watermark: Offset,
    },
    FetchSnapshot {
        replica: ReplicaKey,
        snapshot: OffsetAndEpoch,
        position: i64,
        max_bytes: i32,
    },
    UpdateRaftVoter {
        voter: ReplicaKey,
    },
}

/// One answer. If `error` (top level) is set, nothing else counts.
#[derive(Clone, Debug, PartialEq)]
pub struct Response {
    pub error: ErrorCode,
    pub partition_error: ErrorCode,
    /// Epoch of the answerer.
    pub epoch: LeaderEpoch,
    /// The leader of that epoch, as far as the answerer knows.
    pub leader: Option<NodeId>,
    pub body: ResponseBody,
}

impl Response {
    /// An answer that only says why there is none.
    pub fn top_level(error: ErrorCode, body: ResponseBody) -> Self {
        Self {
            error,
            partition_error: ErrorCode::None,
            epoch: LeaderEpoch(0),
            leader: None,
            body,
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub enum ResponseBody {
    Vote {
        granted: bool,
    },
    BeginQuorumEpoch,
    EndQuorumEpoch,
    Fetch(FetchAnswer),
    FetchSnapshot {
        snapshot: Option<OffsetAndEpoch>,
        /// Size of the whole snapshot in bytes.
        size: i64,
        position: i64,
        content: Bytes,
    },
    UpdateRaftVoter,
}

/// What a fetch brought.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct FetchAnswer {
    /// NONE = unknown, or an error.
    pub high_watermark: Offset,
    pub log_start_offset: Offset,
    pub records: Records,
    /// Cut your log: this epoch ended here.
    pub diverging: Option<OffsetAndEpoch>,
    /// Take this snapshot first.
    pub snapshot: Option<OffsetAndEpoch>,
}

impl FetchAnswer {
    pub fn empty(high_watermark: Option<Offset>, log_start_offset: Offset) -> Self {
        Self {
            high_watermark: high_watermark.unwrap_or(Offset::NONE),
            log_start_offset,
            ..Self::default()
        }
    }
}
