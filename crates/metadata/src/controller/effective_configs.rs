//! Configs that the controller itself obeys, as they are in force.

use protocol::Name;

use super::Controller;
use super::config_control::config_record;
use crate::config::{self, MIN_INSYNC_REPLICAS, UNCLEAN_LEADER_ELECTION_ENABLE};
use crate::image::{ConfigResource, ConfigResourceType, TopicImage};
use crate::record::ApiMessageAndVersion;

impl Controller {
    /// The value of a topic's config as this controller sees it: of the topic, of its own node, of the cluster, of its
    /// properties file (`KafkaConfigSchema.resolveEffectiveTopicConfig`). None: the default.
    ///
    /// Only for keys whose broker-level name is the same.
    fn effective_topic_config(&self, topic: &Name, key: &str) -> Option<&str> {
        let configs = &self.image().configs;
        let of = |resource: ConfigResource| configs.value(&resource, key).map(|v| &**v);
        of(ConfigResource::topic(topic.clone()))
            .or_else(|| of(ConfigResource::node(self.config.node_id)))
            .or_else(|| of(ConfigResource::cluster()))
            .or_else(|| self.config.static_configs.get(key).map(String::as_str))
    }

    /// `min(min.insync.replicas, replicas of partition 0)`, for all partitions of the topic
    /// (`ReplicationControlManager.getTopicEffectiveMinIsr`).
    pub(super) fn effective_min_isr(&self, topic: &TopicImage) -> usize {
        let replicas = topic.partition(0).map_or(usize::MAX, |p| p.replicas.len());
        let configured = self.effective_topic_config(&topic.name, MIN_INSYNC_REPLICAS);
        let min_isr = configured
            .and_then(|v| v.trim().parse::<i32>().ok())
            .unwrap_or(config::DEFAULT_MIN_INSYNC_REPLICAS);
        (min_isr.max(0) as usize).min(replicas)
    }

    pub(super) fn unclean_leader_election_enabled(&self, topic: &Name) -> bool {
        let value = self.effective_topic_config(topic, UNCLEAN_LEADER_ELECTION_ENABLE);
        value.is_some_and(|v| v.eq_ignore_ascii_case("true"))
    }

    /// `min.insync.replicas` of the properties file, or its default.
    pub(super) fn static_min_insync_replicas(&self) -> i32 {
        let value = self.config.static_configs.get(MIN_INSYNC_REPLICAS);
        value
            .and_then(|v| v.trim().parse().ok())
            .unwrap_or(config::DEFAULT_MIN_INSYNC_REPLICAS)
    }

    /// Before ELR is enabled, all nodes must come to mean the same minimum: it is written for the cluster and removed
    /// from single brokers (`maybeGenerateElrSafetyRecords`).
    pub(super) fn elr_safety_records(&self) -> Vec<ApiMessageAndVersion> {
        let configs = &self.image().configs;
        let mut records = Vec::new();
        let cluster = ConfigResource::cluster();
        if configs.value(&cluster, MIN_INSYNC_REPLICAS).is_none() {
            let value = Some(self.static_min_insync_replicas().to_string().into());
            records.push(config_record(&cluster, &MIN_INSYNC_REPLICAS.into(), value));
        }
        for (resource, values) in configs.iter() {
            let single = resource.kind == ConfigResourceType::Broker && !resource.name.is_empty();
            if single && values.contains_key(MIN_INSYNC_REPLICAS) {
                records.push(config_record(resource, &MIN_INSYNC_REPLICAS.into(), None));
            }
        }
        records
            .into_iter()
            .map(|r| ApiMessageAndVersion::new(r, 0))
            .collect()
    }
}
