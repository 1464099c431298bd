//! What the transaction coordinator may know of the cluster.

use super::state::TransactionVersion;
use protocol::{NodeId, TopicPartition};

/// Who leads a partition, as the broker's metadata has it (`MetadataCache.getPartitionLeaderEndpoint`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PartitionLeader {
    Node(NodeId),
    /// Known, but its node cannot be reached now: the marker waits and looks again.
    NotAvailable,
    /// No such leader is known: the partition has most likely been deleted.
    Unknown,
}

/// The metadata image, handed in with every step that looks at it.
pub trait TransactionMetadataView {
    fn leader(&self, partition: &TopicPartition) -> PartitionLeader;
    /// Whether the partition exists at all (`MetadataCache.contains`).
    fn contains(&self, partition: &TopicPartition) -> bool {
        self.leader(partition) != PartitionLeader::Unknown
    }
    /// Finalized level of `transaction.version`.
    fn transaction_version(&self) -> TransactionVersion;
}
