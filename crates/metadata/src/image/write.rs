//! An image as records: what a snapshot of the metadata log holds.

use super::{KRAFT_FEATURE_NAME, MetadataImage};
use crate::metadata_version::MetadataVersion;
use crate::record::{
    ApiMessageAndVersion, ConfigRecord, FeatureLevelRecord, FeatureRecord, MetadataRecord,
    ProducerIdsRecord, RegisterBrokerRecord, RegisterControllerRecord, TopicRecord,
};
use crate::registration::VersionRange;
use protocol::{BrokerEpoch, Name, NodeId, ProducerId};
use std::collections::BTreeMap;

fn features(ranges: &BTreeMap<Name, VersionRange>) -> Vec<FeatureRecord> {
    let feature = |(name, range): (&Name, &VersionRange)| FeatureRecord {
        name: name.clone(),
        min_supported_version: range.min,
        max_supported_version: range.max,
    };
    ranges.iter().map(feature).collect()
}

impl MetadataImage {
    /// Records that lead from the empty image to this one, in the order of Kafka's snapshots (`MetadataImage.write`):
    /// features, brokers, controllers, topics with their partitions, configs, producer ids.
    pub fn write(&self) -> Vec<ApiMessageAndVersion> {
        let Some(version) = self.features.metadata_version else {
            return Vec::new();
        };
        let mut out = Vec::new();
        let mut put = |message: MetadataRecord, version: i16| {
            out.push(ApiMessageAndVersion { message, version })
        };
        let level = |name: &str, feature_level| {
            FeatureLevelRecord {
                name: name.into(),
                feature_level,
            }
            .into()
        };
        put(level(MetadataVersion::FEATURE_NAME, version.0), 0);
        for (name, feature_level) in &self.features.finalized_versions {
            debug_assert_ne!(&**name, KRAFT_FEATURE_NAME, "the quorum keeps it");
            put(level(name, *feature_level), 0);
        }
        for b in self.cluster.brokers.values() {
            let record = RegisterBrokerRecord {
                broker_id: b.id,
                is_migrating_zk_broker: false,
                incarnation_id: b.incarnation_id,
                broker_epoch: b.epoch,
                end_points: b.listeners.clone(),
                features: features(&b.supported_features),
                rack: b.rack.clone(),
                fenced: b.fenced,
                in_controlled_shutdown: b.in_controlled_shutdown,
                log_dirs: b.directories.clone(),
                cordoned_log_dirs: b.cordoned_directories.clone(),
            };
            put(record.into(), version.register_broker_record_version());
        }
        for c in self.cluster.controllers.values() {
            let record = RegisterControllerRecord {
                controller_id: c.id,
                incarnation_id: c.incarnation_id,
                zk_migration_ready: false,
                end_points: c.listeners.clone(),
                features: features(&c.supported_features),
            };
            put(record.into(), 0);
        }
        for topic in self.topics.iter() {
            put(
                TopicRecord {
                    name: topic.name.clone(),
                    topic_id: topic.id,
                }
                .into(),
                0,
            );
            for (&id, partition) in &topic.partitions {
                let record = partition.to_record(topic.id, id, self.features.is_elr_enabled());
                put(record.into(), version.partition_record_version());
            }
        }
        for (resource, configs) in self.configs.iter() {
            for (name, value) in configs {
                let record = ConfigRecord {
                    resource_type: resource.kind.id(),
                    resource_name: resource.name.clone(),
                    name: name.clone(),
                    value: Some(value.clone()),
                };
                put(record.into(), 0);
            }
        }
        if self.next_producer_id != ProducerId(0) {
            let record = ProducerIdsRecord {
                broker_id: NodeId::NONE,
                broker_epoch: BrokerEpoch::NONE,
                next_producer_id: self.next_producer_id,
            };
            put(record.into(), 0);
        }
        out
    }
}
