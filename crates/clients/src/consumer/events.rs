//! What a consumer tells its application.

use super::classic::{CallbackKind, FoundOffset};
use super::fetch::Fetched;
use super::subscription::OffsetAndMetadata;
use crate::error::ClientError;
use crate::producer::CallId;
use protocol::{Offset, TopicPartition};
use std::collections::BTreeMap;

/// What a call returned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallResult {
    Nothing,
    Records(Fetched),
    Position(Offset),
    /// `None` = nothing committed.
    Committed(BTreeMap<TopicPartition, Option<OffsetAndMetadata>>),
    /// What a lookup found; partitions without an answer are absent.
    Offsets(BTreeMap<TopicPartition, FoundOffset>),
    /// `None` = not known.
    Lag(Option<i64>),
}

/// In the order in which an application would see them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConsumerEvent {
    Returned {
        call: CallId,
        result: CallResult,
    },
    Thrown {
        call: CallId,
        error: ClientError,
    },
    /// A callback of the rebalance listener.
    Rebalance {
        kind: CallbackKind,
        partitions: Vec<TopicPartition>,
    },
    /// The callback of an asynchronous commit.
    Committed {
        call: CallId,
        offsets: BTreeMap<TopicPartition, OffsetAndMetadata>,
        error: Option<ClientError>,
    },
    /// A listener committed inside its callback.
    CommitInCallback {
        kind: CallbackKind,
        error: Option<ClientError>,
    },
}
