//! What a client tells its application when something fails: one of Kafka's errors, or an exception that has no code.
//!
//! Knows names and classes; refuses to carry messages.

use protocol::ErrorCode;
use serde::Serialize;
use std::fmt;

/// Which exception.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ErrorKind {
    /// An exception that `Errors` has a code for: an `ApiException`.
    Code(ErrorCode),
    /// Another exception, by its class's simple name.
    Class(&'static str),
}

/// An exception with the one that caused it, if any.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClientError {
    pub kind: ErrorKind,
    pub cause: Option<ErrorKind>,
}

impl ClientError {
    pub const fn code(code: ErrorCode) -> Self {
        Self {
            kind: ErrorKind::Code(code),
            cause: None,
        }
    }

    pub const fn class(name: &'static str) -> Self {
        Self {
            kind: ErrorKind::Class(name),
            cause: None,
        }
    }

    pub const fn kafka() -> Self {
        Self::class("KafkaException")
    }

    pub const fn illegal_state() -> Self {
        Self::class("IllegalStateException")
    }

    pub const fn illegal_argument() -> Self {
        Self::class("IllegalArgumentException")
    }

    pub const fn timeout() -> Self {
        Self::code(ErrorCode::RequestTimedOut)
    }

    pub fn caused_by(mut self, cause: &ClientError) -> Self {
        self.cause = Some(cause.kind);
        self
    }

    pub fn is(&self, code: ErrorCode) -> bool {
        self.kind == ErrorKind::Code(code)
    }

    pub fn is_class(&self, name: &str) -> bool {
        matches!(self.kind, ErrorKind::Class(class) if class == name)
    }

    /// An `ApiException`: completes a send's future instead of being thrown.
    pub fn is_api(&self) -> bool {
        match self.kind {
            ErrorKind::Code(_) => true,
            ErrorKind::Class(name) => matches!(
                name,
                "BufferExhaustedException"
                    | "TransactionAbortedException"
                    | "RetriableCommitFailedException"
            ),
        }
    }

    /// A `RetriableException`.
    pub fn is_retriable(&self) -> bool {
        match self.kind {
            ErrorKind::Code(code) => code.is_retriable(),
            ErrorKind::Class(name) => matches!(
                name,
                "BufferExhaustedException"
                    | "RetriableCommitFailedException"
                    | "DisconnectException"
                    | "NoAvailableBrokersException"
                    | "UnjoinedGroupException"
                    | "StaleMetadataException"
            ),
        }
    }

    pub fn name(&self) -> &'static str {
        self.kind.name()
    }
}

impl ErrorKind {
    pub fn name(self) -> &'static str {
        match self {
            ErrorKind::Code(code) => code.name(),
            ErrorKind::Class(name) => name,
        }
    }
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for ClientError {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(self.name())
    }
}
