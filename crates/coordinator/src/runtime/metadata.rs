//! What a coordinator may know of the cluster: topics, their ids and partitions, as the broker's image has them.

use protocol::{Name, Uuid};

/// One topic of the image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicView {
    pub name: Name,
    pub id: Uuid,
    pub partitions: i32,
}

/// The metadata image, handed in with every step (`CoordinatorMetadataImage`).
pub trait MetadataView {
    /// Counts images: it grows with each one that is published.
    fn version(&self) -> i64;
    fn topic(&self, name: &str) -> Option<TopicView>;
    fn topic_by_id(&self, id: Uuid) -> Option<TopicView>;
    /// Racks of the replicas of a partition; empty where none is known.
    fn partition_racks(&self, topic: &str, partition: i32) -> Vec<Name>;
    /// All topics, in order of name.
    fn topics(&self) -> Vec<TopicView>;
}

/// What changed between two images (`CoordinatorMetadataDelta`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MetadataDelta {
    /// Names of topics that are new.
    pub created: Vec<Name>,
    /// Names of topics that are new or have changed (partitions, racks).
    pub changed: Vec<Name>,
    pub deleted: Vec<(Name, Uuid)>,
}
