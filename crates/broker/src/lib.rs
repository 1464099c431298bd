//! A broker: the replicas it hosts, the requests that wait there, and the fetchers that keep it a follower.
//!
//! The entry point is [`ReplicaManager`]. It appends, serves and replicates; it keeps no records itself (that is the
//! log), takes no decision of the controller, and knows no network: requests come in as values and answers leave as values.

pub mod alter_partition;
pub mod config;
pub mod explain;
pub mod fetch_session;
pub mod fetcher;
pub mod node;
pub mod partition;
pub mod purgatory;
pub mod replica_manager;
pub mod rules;
pub mod selector;
pub mod verification;
pub mod view;

pub use config::ReplicationConfig;
pub use partition::Partition;
pub use replica_manager::ReplicaManager;
pub use view::{
    BrokerRegistrationView, MetadataView, PartitionRegistration, RegisteredPartition, TopicsDelta,
};

#[cfg(test)]
mod tests;
