//! The transaction coordinator: for the partitions of `__transaction_state` that a broker leads, it gives out producer epochs, gathers the
//! partitions of a transaction, decides, and sees to it that every partition learns the decision.
//!
//! Every change is prepared → written → completed: [`Coordinator`] puts a write into its outbox, the host says how it went
//! ([`Coordinator::append_completed`]), and only then the change takes effect and the asker is answered. It refuses to know how the log is
//! replicated, how markers travel, and anything about groups.

mod add;
mod append;
mod complete;
pub mod config;
mod coordinator;
mod describe;
mod end;
#[cfg(test)]
mod epoch_trace_tests;
mod expiry;
mod init;
mod manager;
pub mod markers;
mod metadata;
mod pattern;
mod producer_ids;
pub mod record;
pub mod rules;
mod service;
mod state;
#[cfg(test)]
mod tests;
mod view;
pub mod wire;

pub use add::{TransactionOf, offsets_partition_for};
pub use complete::MarkerAnswer;
pub use config::TransactionConfig;
pub use coordinator::{Coordinator, Output, RequestToken, Response, TxnLogRecord};
pub use init::InitProducerId;
pub use markers::{MarkerRequest, TxnMarkerEntry};
pub use metadata::{TransactionMetadata, TxnTransitMetadata};
pub use producer_ids::{ProducerIdManager, ProducerIdSource};
pub use service::{RequestId, Service, ServiceOutput, idempotent_response};
pub use state::{TransactionResult, TransactionState, TransactionVersion};
pub use view::{PartitionLeader, TransactionMetadataView};
