//! The cluster at one offset of the metadata log.
//!
//! An image is a value: brokers and controllers replay the same records into it, the ones at once, the others when they
//! have fetched them. It is cheap to clone (a topic and a partition are shared until they change). It refuses to know
//! who asks and what follows from a change; [`MetadataDelta`] says what changed.

mod configs;
mod delta;
#[cfg(test)]
mod tests;
mod topics;
mod write;

pub use configs::{ConfigResource, ConfigResourceType, ConfigurationsImage};
pub use delta::{LocalReplicaChanges, MetadataDelta, PartitionInfo, TopicDelta};
pub use topics::{TopicIdPartition, TopicImage, TopicsImage};

use protocol::{BrokerEpoch, Name, NodeId, Offset, ProducerId};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::metadata_version::MetadataVersion;
use crate::record::*;
use crate::registration::{BrokerRegistration, ControllerRegistration};

/// `eligible.leader.replicas.version`: from level 1 on the ELR is kept (KIP-966).
pub const ELR_FEATURE_NAME: &str = "eligible.leader.replicas.version";
/// `kraft.version` is kept by the quorum itself, never by a record of the metadata log.
pub const KRAFT_FEATURE_NAME: &str = "kraft.version";

/// Everything that the metadata log says (`org.apache.kafka.image.MetadataImage`).
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct MetadataImage {
    /// The last offset that was replayed; none for the empty image.
    pub offset: Offset,
    pub features: Arc<FeaturesImage>,
    pub cluster: Arc<ClusterImage>,
    pub topics: Arc<TopicsImage>,
    pub configs: Arc<ConfigurationsImage>,
    /// The first producer id that no block covers yet.
    pub next_producer_id: ProducerId,
}

impl Default for MetadataImage {
    fn default() -> Self {
        Self {
            offset: Offset::NONE,
            features: Arc::default(),
            cluster: Arc::default(),
            topics: Arc::default(),
            configs: Arc::default(),
            next_producer_id: ProducerId(0),
        }
    }
}

/// Finalized feature levels. A feature that is not there has level 0.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct FeaturesImage {
    /// None before the first record of a new log.
    pub metadata_version: Option<MetadataVersion>,
    pub finalized_versions: BTreeMap<Name, i16>,
}

impl FeaturesImage {
    /// The finalized level of a feature, `metadata.version` included.
    pub fn level(&self, name: &str) -> i16 {
        if name == MetadataVersion::FEATURE_NAME {
            return self.metadata_version.map_or(0, |v| v.0);
        }
        self.finalized_versions.get(name).copied().unwrap_or(0)
    }

    pub fn is_elr_enabled(&self) -> bool {
        self.level(ELR_FEATURE_NAME) >= 1
    }
}

/// Who is registered (`org.apache.kafka.image.ClusterImage`).
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct ClusterImage {
    pub brokers: BTreeMap<NodeId, Arc<BrokerRegistration>>,
    pub controllers: BTreeMap<NodeId, Arc<ControllerRegistration>>,
}

impl ClusterImage {
    pub fn broker(&self, id: NodeId) -> Option<&BrokerRegistration> {
        self.brokers.get(&id).map(|b| &**b)
    }

    /// The epoch of a registered broker.
    pub fn broker_epoch(&self, id: NodeId) -> Option<BrokerEpoch> {
        self.broker(id).map(|b| b.epoch)
    }

    /// Registered, unfenced and not shutting down.
    pub fn is_active(&self, id: NodeId) -> bool {
        self.broker(id).is_some_and(BrokerRegistration::is_active)
    }
}

/// A record that does not fit what came before it: the log is damaged, or we replay it wrongly.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReplayError {
    pub record: &'static str,
    pub reason: String,
}

impl fmt::Display for ReplayError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unable to replay a {}: {}", self.record, self.reason)
    }
}

impl std::error::Error for ReplayError {}

impl MetadataImage {
    /// Applies the record at `offset`. After an error the image is as it was.
    pub fn replay(&mut self, record: &MetadataRecord, offset: Offset) -> Result<(), ReplayError> {
        self.apply(record).map_err(|reason| ReplayError {
            record: record.name(),
            reason,
        })?;
        self.offset = offset;
        Ok(())
    }

    fn apply(&mut self, record: &MetadataRecord) -> Result<(), String> {
        match record {
            MetadataRecord::RegisterBroker(r) => {
                let registration = BrokerRegistration::from_record(r);
                Arc::make_mut(&mut self.cluster)
                    .brokers
                    .insert(r.broker_id, Arc::new(registration));
            }
            MetadataRecord::UnregisterBroker(r) => {
                self.registered(r.broker_id, r.broker_epoch)?;
                Arc::make_mut(&mut self.cluster)
                    .brokers
                    .remove(&r.broker_id);
            }
            MetadataRecord::FenceBroker(r) => self.change_fencing(r.id, r.epoch, true)?,
            MetadataRecord::UnfenceBroker(r) => self.change_fencing(r.id, r.epoch, false)?,
            MetadataRecord::BrokerRegistrationChange(r) => self.change_registration(r)?,
            MetadataRecord::RegisterController(r) => {
                let registration = ControllerRegistration::from_record(r);
                Arc::make_mut(&mut self.cluster)
                    .controllers
                    .insert(r.controller_id, Arc::new(registration));
            }
            MetadataRecord::Topic(r) => Arc::make_mut(&mut self.topics).create(r)?,
            MetadataRecord::Partition(r) => Arc::make_mut(&mut self.topics).put_partition(r)?,
            MetadataRecord::PartitionChange(r) => {
                Arc::make_mut(&mut self.topics).change_partition(r)?
            }
            MetadataRecord::RemoveTopic(r) => {
                let name = Arc::make_mut(&mut self.topics).remove(r.topic_id)?;
                Arc::make_mut(&mut self.configs).delete_topic(&name);
            }
            MetadataRecord::ClearElr(r) => {
                Arc::make_mut(&mut self.topics).clear_elr(&r.topic_name)?
            }
            MetadataRecord::Config(r) => Arc::make_mut(&mut self.configs).replay(r)?,
            MetadataRecord::FeatureLevel(r) => self.set_feature(r),
            MetadataRecord::ProducerIds(r) => self.next_producer_id = r.next_producer_id,
            MetadataRecord::NoOp(_)
            | MetadataRecord::BeginTransaction(_)
            | MetadataRecord::EndTransaction(_)
            | MetadataRecord::AbortTransaction(_) => {}
        }
        Ok(())
    }

    fn registered(&self, id: NodeId, epoch: BrokerEpoch) -> Result<&BrokerRegistration, String> {
        let registration = self
            .cluster
            .broker(id)
            .ok_or_else(|| format!("broker {id} is not registered"))?;
        if registration.epoch != epoch {
            return Err(format!(
                "broker {id} has epoch {}, not {epoch}",
                registration.epoch
            ));
        }
        Ok(registration)
    }

    fn change_fencing(
        &mut self,
        id: NodeId,
        epoch: BrokerEpoch,
        fenced: bool,
    ) -> Result<(), String> {
        let mut change = BrokerRegistrationChangeRecord::unchanged(id, epoch);
        change.fenced = Some(fenced);
        self.change_registration(&change)
    }

    fn change_registration(
        &mut self,
        change: &BrokerRegistrationChangeRecord,
    ) -> Result<(), String> {
        let current = self.registered(change.broker_id, change.broker_epoch)?;
        let next = current.changed_by(change);
        if next != *current {
            Arc::make_mut(&mut self.cluster)
                .brokers
                .insert(change.broker_id, Arc::new(next));
        }
        Ok(())
    }

    fn set_feature(&mut self, record: &FeatureLevelRecord) {
        let features = Arc::make_mut(&mut self.features);
        match (&*record.name, record.feature_level) {
            (MetadataVersion::FEATURE_NAME, level) => {
                features.metadata_version = Some(MetadataVersion(level))
            }
            (KRAFT_FEATURE_NAME, _) => {}
            (name, 0) => {
                features.finalized_versions.remove(name);
            }
            (_, level) => {
                features
                    .finalized_versions
                    .insert(record.name.clone(), level);
            }
        }
    }
}
