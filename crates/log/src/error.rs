//! What the log refuses, and how Kafka names it.

use protocol::ErrorCode;
use protocol::record::RecordError;
use std::fmt;

/// A refusal. Most have a code of Kafka's; a few are exceptions that never leave the broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogError {
    /// A code and the reason.
    Code(ErrorCode, &'static str),
    /// Some records of a batch are bad: the code for all, and the index of every bad one.
    Records(ErrorCode, Vec<i32>),
    /// A follower was sent batches whose offsets do not rise.
    OffsetsOutOfOrder,
    /// A follower was sent batches that begin below its log end.
    UnexpectedAppendOffset { first_offset: i64, last_offset: i64 },
    /// The caller asked for what can never be right.
    IllegalArgument(&'static str),
    /// An offset that does not fit its index (`InvalidOffsetException`).
    InvalidOffset,
    /// An offset more than 2^31 − 1 above the base of its segment (`LogSegmentOffsetOverflowException`).
    SegmentOverflow { base: i64 },
    /// The files are in a state that Kafka does not open.
    Storage(&'static str),
}

impl LogError {
    /// Kafka's code; what has none reaches a client as UNKNOWN_SERVER_ERROR.
    pub fn code(&self) -> ErrorCode {
        match self {
            LogError::Code(code, _) | LogError::Records(code, _) => *code,
            _ => ErrorCode::UnknownServerError,
        }
    }

    /// The code's name, or the exception's where it has none.
    pub fn name(&self) -> &'static str {
        match self {
            LogError::Code(code, _) | LogError::Records(code, _) => code.name(),
            LogError::OffsetsOutOfOrder => "OffsetsOutOfOrderException",
            LogError::UnexpectedAppendOffset { .. } => "UnexpectedAppendOffsetException",
            LogError::IllegalArgument(_) => "IllegalArgumentException",
            LogError::InvalidOffset => "InvalidOffsetException",
            LogError::SegmentOverflow { .. } => "LogSegmentOffsetOverflowException",
            LogError::Storage(_) => "KafkaException",
        }
    }
}

impl fmt::Display for LogError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LogError::Code(_, why) | LogError::IllegalArgument(why) | LogError::Storage(why) => {
                write!(f, "{}: {why}", self.name())
            }
            LogError::Records(_, indexes) => write!(f, "{}: records {indexes:?}", self.name()),
            LogError::UnexpectedAppendOffset {
                first_offset,
                last_offset,
            } => {
                write!(f, "{}: {first_offset} to {last_offset}", self.name())
            }
            _ => f.write_str(self.name()),
        }
    }
}

impl std::error::Error for LogError {}

impl From<RecordError> for LogError {
    fn from(error: RecordError) -> Self {
        match error {
            RecordError::Corrupt(why) => LogError::Code(ErrorCode::CorruptMessage, why),
            RecordError::Invalid(why) => LogError::Code(ErrorCode::InvalidRecord, why),
            RecordError::UnsupportedMagic(_) => LogError::Code(
                ErrorCode::UnsupportedForMessageFormat,
                "batches of magic 0 and 1 are no longer written",
            ),
            // The broker's stream reader fails with a plain KafkaException here.
            RecordError::Codec(why) => LogError::Storage(why),
        }
    }
}
