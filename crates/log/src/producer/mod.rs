//! What a partition knows of its producers: sequences, epochs, open transactions (`ProducerStateManager`).

mod append;
mod entry;
mod manager;
mod snapshot;

pub use append::ProducerAppendInfo;
pub use entry::{
    BatchMetadata, CompletedTxn, LogOffsetMetadata, ProducerStateEntry, VerificationGuard,
    VerificationStateEntry,
};
pub use manager::ProducerStateManager;
pub(crate) use snapshot::read_snapshot;

/// Who appends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AppendOrigin {
    /// A leader's log that other replicas copy.
    Replication,
    /// A coordinator's own write: markers, offsets.
    Coordinator,
    /// A producer.
    Client,
    /// The leader of the quorum, which assigned the offsets itself.
    RaftLeader,
}
