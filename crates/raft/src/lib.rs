//! KRaft: a log that a quorum of nodes keeps alike, with one leader an epoch.
//!
//! A [`Node`] is a voter or an observer over any [`log::RaftLog`]: it takes requests, answers and time, and says what to send and
//! what has been committed. It refuses to know what the records mean, how requests travel, and where the log lives. Voters are
//! static (`kraft.version` 0).
//!
//! A host drives it: [`Node::handle`] with what arrived, then [`Node::poll`], then [`Node::take_outbox`] and [`Node::take_events`];
//! `poll` says when to come back.

pub mod accumulator;
pub mod batch;
pub mod config;
pub mod connections;
mod describe;
pub mod election;
pub mod leader;
pub mod listener;
pub mod log;
pub mod memory_log;
pub mod message;
pub mod node;
mod poll;
pub mod purgatory;
pub mod quorum;
mod report;
mod requests;
mod responses;
pub mod rules;
pub mod state;
mod unified_log;
pub mod wire;

#[cfg(test)]
mod tests;

pub use accumulator::AppendError;
pub use config::QuorumConfig;
pub use election::ElectionState;
pub use listener::Event;
pub use log::{Isolation, LogFetchInfo, OffsetAndEpoch, RaftLog, Records, ValidOffsetAndEpoch};
pub use memory_log::{MemoryLog, ReadLimit};
pub use message::{FetchAnswer, ReplicaKey, Request, RequestBody, Response, ResponseBody};
pub use node::{Identity, Input, Node, Output, RequestToken};
pub use report::CLUSTER_METADATA_TOPIC;
pub use requests::{BOOTSTRAP_SNAPSHOT_ID, empty_answer};
pub use state::Role;
pub use unified_log::UnifiedRaftLog;
