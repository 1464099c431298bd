//! Brokers and controllers as the metadata log knows them.

use protocol::{BrokerEpoch, Name, NodeId, Uuid};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

use crate::directory_id;
use crate::record::{
    BrokerRegistrationChangeRecord, EndpointRecord, FeatureRecord, RegisterBrokerRecord,
    RegisterControllerRecord,
};

/// Versions of a feature that are supported, both ends included.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct VersionRange {
    pub min: i16,
    pub max: i16,
}

impl VersionRange {
    /// What a node that never heard of a feature supports of it.
    pub const DISABLED: VersionRange = VersionRange { min: 0, max: 0 };

    pub fn contains(self, version: i16) -> bool {
        (self.min..=self.max).contains(&version)
    }
}

fn ranges(features: &[FeatureRecord]) -> BTreeMap<Name, VersionRange> {
    let range = |f: &FeatureRecord| VersionRange {
        min: f.min_supported_version,
        max: f.max_supported_version,
    };
    features
        .iter()
        .map(|f| (f.name.clone(), range(f)))
        .collect()
}

/// A broker (`org.apache.kafka.metadata.BrokerRegistration`).
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct BrokerRegistration {
    pub id: NodeId,
    pub epoch: BrokerEpoch,
    pub incarnation_id: Uuid,
    pub listeners: Vec<EndpointRecord>,
    pub supported_features: BTreeMap<Name, VersionRange>,
    pub rack: Option<Name>,
    pub fenced: bool,
    pub in_controlled_shutdown: bool,
    /// The directories that are online, in Kafka's order of ids. Empty: unknown.
    pub directories: Vec<Uuid>,
    /// None until the broker has said.
    pub cordoned_directories: Option<Vec<Uuid>>,
}

fn in_kafka_order(mut dirs: Vec<Uuid>) -> Vec<Uuid> {
    dirs.sort_by_key(directory_id::kafka_order);
    dirs
}

impl BrokerRegistration {
    pub fn from_record(record: &RegisterBrokerRecord) -> Self {
        Self {
            id: record.broker_id,
            epoch: record.broker_epoch,
            incarnation_id: record.incarnation_id,
            listeners: record.end_points.clone(),
            supported_features: ranges(&record.features),
            rack: record.rack.clone(),
            fenced: record.fenced,
            in_controlled_shutdown: record.in_controlled_shutdown,
            directories: in_kafka_order(record.log_dirs.clone()),
            cordoned_directories: record.cordoned_log_dirs.clone(),
        }
    }

    /// The registration after a change (`BrokerRegistration.cloneWith`). A change to no directory at all is no change.
    #[must_use]
    pub fn changed_by(&self, change: &BrokerRegistrationChangeRecord) -> Self {
        let mut next = self.clone();
        next.fenced = change.fenced.unwrap_or(self.fenced);
        next.in_controlled_shutdown |= change.in_controlled_shutdown;
        if !change.log_dirs.is_empty() {
            next.directories = in_kafka_order(change.log_dirs.clone());
        }
        if change.cordoned_log_dirs.is_some() {
            next.cordoned_directories = change.cordoned_log_dirs.clone();
        }
        next
    }

    /// Neither fenced nor shutting down: may lead and be in an ISR (`ClusterControlManager.isActive`).
    pub fn is_active(&self) -> bool {
        !self.fenced && !self.in_controlled_shutdown
    }

    pub fn has_online_dir(&self, dir: Uuid) -> bool {
        directory_id::is_online(dir, &self.directories)
    }

    /// New replicas have somewhere to go.
    pub fn has_uncordoned_dirs(&self) -> bool {
        match &self.cordoned_directories {
            Some(cordoned) if !self.directories.is_empty() => {
                self.directories.iter().any(|d| !cordoned.contains(d))
            }
            _ => true,
        }
    }

    /// `other` cordons other directories than these (as sets); anything differs from "never said".
    pub fn cordoned_dirs_differ(&self, other: &[Uuid]) -> bool {
        let set = |dirs: &[Uuid]| dirs.iter().copied().collect::<BTreeSet<_>>();
        self.cordoned_directories
            .as_ref()
            .is_none_or(|mine| set(mine) != set(other))
    }

    /// The directory of a new replica: the only one, or left to the broker (`ClusterControlManager.defaultDir`).
    pub fn default_dir(&self) -> Uuid {
        match self.directories[..] {
            [] => directory_id::MIGRATING,
            [only] => only,
            _ => directory_id::UNASSIGNED,
        }
    }
}

/// A controller that has registered itself (KIP-919).
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct ControllerRegistration {
    pub id: NodeId,
    pub incarnation_id: Uuid,
    pub listeners: Vec<EndpointRecord>,
    pub supported_features: BTreeMap<Name, VersionRange>,
}

impl ControllerRegistration {
    pub fn from_record(record: &RegisterControllerRecord) -> Self {
        Self {
            id: record.controller_id,
            incarnation_id: record.incarnation_id,
            listeners: record.end_points.clone(),
            supported_features: ranges(&record.features),
        }
    }
}
