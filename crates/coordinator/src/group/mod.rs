//! The group coordinator: who is in a group, who owns which partitions, what offsets were committed.
//!
//! [`Coordinator`] is the whole of it for one partition of `__consumer_offsets`: the classic protocol, the consumer protocol
//! (KIP-848), groups that change between them, offsets. It refuses to know how the partition is replicated, who connects,
//! and what time it is: those are handed in. It knows nothing of transactions but the markers that reach its partition.

pub mod assignor;
pub mod bytes_io;
pub mod classic;
pub mod config;
pub mod consumer;
pub mod coordinator;
pub mod hash;
pub mod load;
pub mod offsets;
pub mod re2;
pub mod record;
pub mod request;
pub mod rules;
pub mod state;

mod admin;
mod on_append;
mod record_codec;
mod replay;
mod report;
#[cfg(test)]
mod scenario_tests;
mod service;
mod writes;

pub use classic::Token;
pub use config::{GroupConfig, GroupCoordinatorConfig};
pub use coordinator::{Coordinator, Fired, GroupView, Status, Step};
pub use load::Loaded;
pub use record::Record;
pub use request::{Completion, GroupRequest, GroupResponse, RequestContext};
pub use state::TimerKey;

/// The partition of `__consumer_offsets` that keeps a group; its leader is the group's coordinator.
pub use crate::runtime::java::partition_for;
