//! What a controller is configured with.

use protocol::config::{ConfigError, Configs};
use protocol::{Ms, Name, NodeId};
use std::collections::BTreeMap;

use crate::config::{self, int};
use crate::image::ELR_FEATURE_NAME;
use crate::metadata_version::MetadataVersion;

/// What the log of a new cluster begins with (`BootstrapMetadata`): the work of `kafka-storage format`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BootstrapMetadata {
    pub metadata_version: MetadataVersion,
    /// Other features than `metadata.version`, in the order of their records.
    pub features: Vec<(Name, i16)>,
}

impl Default for BootstrapMetadata {
    /// A new cluster of 4.3: every production feature at its latest level (`Feature.PRODUCTION_FEATURES`).
    fn default() -> Self {
        let features = [
            (ELR_FEATURE_NAME, 1),
            ("group.version", 1),
            ("share.version", 1),
            ("streams.version", 1),
            ("transaction.version", 2),
        ];
        Self {
            metadata_version: MetadataVersion::LATEST_PRODUCTION,
            features: features
                .into_iter()
                .map(|(name, level)| (name.into(), level))
                .collect(),
        }
    }
}

/// Static configuration of a controller.
#[derive(Clone, PartialEq, Debug)]
pub struct ControllerConfig {
    pub node_id: NodeId,
    pub cluster_id: Name,
    /// Ids of the voters.
    pub quorum_node_ids: Vec<NodeId>,
    pub bootstrap: BootstrapMetadata,
    /// Level of `kraft.version`, which the quorum keeps.
    pub kraft_version: i16,
    /// `broker.session.timeout.ms`
    pub session_timeout_ms: Ms,
    /// `default.replication.factor`
    pub default_replication_factor: i16,
    /// `num.partitions`
    pub num_partitions: i32,
    /// `leader.imbalance.check.interval.seconds`; none without `auto.leader.rebalance.enable`.
    pub leader_imbalance_check_interval_ms: Option<Ms>,
    /// `unclean.leader.election.interval.ms`
    pub unclean_leader_election_interval_ms: Ms,
    /// What the properties file says, by Kafka's dotted names.
    pub static_configs: BTreeMap<String, String>,
}

impl ControllerConfig {
    /// Reads the properties that a controller obeys; others are kept for topics, whose defaults they may be.
    pub fn new(
        node_id: NodeId,
        cluster_id: impl Into<Name>,
        properties: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let static_configs: BTreeMap<String, String> = properties.into_iter().collect();
        let known = static_configs
            .iter()
            .filter(|(name, _)| config::CONTROLLER.iter().any(|d| d.name == *name));
        let configs = Configs::new(
            &[config::CONTROLLER],
            known.map(|(k, v)| (k.as_str(), v.as_str())),
        )?;
        let value = |name: &str| int(&configs, name);
        Ok(Self {
            node_id,
            cluster_id: cluster_id.into(),
            quorum_node_ids: vec![node_id],
            bootstrap: BootstrapMetadata::default(),
            kraft_version: 0,
            session_timeout_ms: value("broker.session.timeout.ms"),
            default_replication_factor: value("default.replication.factor") as i16,
            num_partitions: value("num.partitions") as i32,
            leader_imbalance_check_interval_ms: config::boolean(
                &configs,
                "auto.leader.rebalance.enable",
            )
            .then(|| value("leader.imbalance.check.interval.seconds") * 1000),
            unclean_leader_election_interval_ms: value("unclean.leader.election.interval.ms"),
            static_configs,
        })
    }
}
