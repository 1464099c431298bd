//! What a producer tells its application.

use super::batch::CallId;
use crate::error::ClientError;
use protocol::{Ms, Offset, TopicPartition};

/// In the order in which an application would see them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProducerEvent {
    /// A send's callback: the record has `offset` (−1 = unknown).
    Acked {
        call: CallId,
        tp: TopicPartition,
        offset: Offset,
        timestamp_ms: Ms,
    },
    /// A send's callback: the record failed. Partition −1 = none was chosen yet.
    Failed {
        call: CallId,
        tp: TopicPartition,
        error: ClientError,
    },
    /// The call ended; `waited` = later than it began.
    Returned { call: CallId, waited: bool },
    /// The call threw.
    Thrown { call: CallId, error: ClientError },
}
