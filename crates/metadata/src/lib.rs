//! The control plane of a cluster: the records of the metadata log, the image they add up to, and the controller that
//! writes them.
//!
//! There is no quorum in here and no network: [`controller::Controller`] answers requests with a response and records,
//! and replays records that somebody else has put into a log. [`image::MetadataImage`] is what brokers replay too, later.

pub mod config;
pub mod controller;
pub mod directory_id;
mod hash_order;
pub mod image;
pub mod metadata_version;
pub mod node;
pub mod partition;
pub mod record;
pub mod registration;
pub mod rules;
pub mod topic_name;

pub use controller::{Controller, ControllerConfig};
pub use image::{MetadataDelta, MetadataImage};
pub use metadata_version::MetadataVersion;
pub use partition::{LeaderRecoveryState, PartitionRegistration};
pub use record::{ApiMessageAndVersion, MetadataRecord};
pub use registration::BrokerRegistration;
