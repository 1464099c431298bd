//! The follower's side of replication: what to ask each leader for, and what to do with the answers.
//!
//! One fetcher per leader broker, with a state per partition. Requests leave as values with an id; an answer with
//! another id is of a fetcher that is gone. The logs and partitions that answers change are the replica manager's.

mod process;
mod request;
pub mod session;
mod state;

pub use request::{
    FetcherRequest, FetcherRequestId, LookupKind, ReplicaFetch, ReplicaFetchAnswer,
    ReplicaFetchPartition, ReplicaLookup,
};
pub use state::{FetchPhase, FetcherManager, FetcherThread, PartitionFetchState};
