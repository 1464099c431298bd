//! Why bytes are refused.

use core::fmt;

/// What is wrong with a batch or a record. `Corrupt` is Kafka's `CorruptRecordException` (CORRUPT_MESSAGE), `Invalid` its
/// `InvalidRecordException` (INVALID_RECORD), `Codec` a blob that does not decompress.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordError {
    Corrupt(&'static str),
    Invalid(&'static str),
    UnsupportedMagic(i8),
    Codec(&'static str),
}

impl From<super::CodecError> for RecordError {
    fn from(error: super::CodecError) -> Self {
        match error {
            super::CodecError::Truncated => {
                RecordError::Invalid("compressed records end too early")
            }
            super::CodecError::Failed(why) => RecordError::Codec(why),
        }
    }
}

impl fmt::Display for RecordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RecordError::Corrupt(why) => write!(f, "corrupt batch: {why}"),
            RecordError::Invalid(why) => write!(f, "invalid record: {why}"),
            RecordError::UnsupportedMagic(magic) => write!(f, "unsupported magic {magic}"),
            RecordError::Codec(why) => write!(f, "compressed data: {why}"),
        }
    }
}
