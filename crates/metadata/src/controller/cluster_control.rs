//! Registration: who is in the cluster (`ClusterControlManager`).

use protocol::messages::{BrokerRegistrationRequest, RegisteredFeature};
use protocol::{BrokerEpoch, ErrorCode, Instant, Name, NodeId, Uuid};
use serde::Serialize;
use std::collections::BTreeMap;

use super::broker_events::sort_partition_changes;
use super::placement::UsableBroker;
use super::{Answer, ApiError, Controller, ControllerResult};
use crate::directory_id;
use crate::image::KRAFT_FEATURE_NAME;
use crate::metadata_version::MetadataVersion;
use crate::record::{
    ApiMessageAndVersion, EndpointRecord, FeatureRecord, RegisterBrokerRecord,
    RegisterControllerRecord,
};
use crate::registration::VersionRange;
use crate::rules;

/// What a broker is told about its heartbeat (`BrokerHeartbeatReply`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct BrokerHeartbeatReply {
    pub is_caught_up: bool,
    pub is_fenced: bool,
    pub in_controlled_shutdown: bool,
    pub should_shut_down: bool,
}

impl Controller {
    /// A broker (re)starts (`ClusterControlManager.registerBroker`). Answers the broker's epoch: the offset of the first
    /// record that this writes. The broker starts fenced, and without a session.
    pub fn register_broker(
        &mut self,
        now: Instant,
        request: &BrokerRegistrationRequest,
    ) -> Answer<BrokerEpoch> {
        self.check_active()?;
        if request.cluster_id != self.config.cluster_id {
            let message = format!(
                "this is cluster {}, not {}",
                self.config.cluster_id, request.cluster_id
            );
            return Err(ApiError::new(ErrorCode::InconsistentClusterId, message));
        }
        let id = request.broker_id;
        let existing = self.image().cluster.broker(id).cloned();
        let same_incarnation = existing
            .as_ref()
            .is_some_and(|e| e.incarnation_id == request.incarnation_id);
        if let Some(existing) = &existing
            && !same_incarnation
            && self
                .active()
                .heartbeats
                .has_valid_session(now, id, existing.epoch)
        {
            let message = format!(
                "broker {id} is registered by another incarnation whose session is not over"
            );
            return Err(ApiError::new(
                ErrorCode::DuplicateBrokerRegistration,
                message,
            ));
        }
        self.check_log_dirs(id, &request.log_dirs)?;
        let features = self.check_features(&request.features)?;
        let version = self.metadata_version();
        let mut record = RegisterBrokerRecord {
            broker_id: id,
            is_migrating_zk_broker: false,
            incarnation_id: request.incarnation_id,
            broker_epoch: BrokerEpoch(self.active().next_write_offset.0),
            end_points: request
                .listeners
                .iter()
                .map(|l| end_point(&l.name, &l.host, l.port, l.security_protocol))
                .collect(),
            features,
            rack: request.rack.clone(),
            fenced: true,
            in_controlled_shutdown: false,
            log_dirs: Vec::new(),
            cordoned_log_dirs: None,
        };
        if version.is_directory_assignment_supported() {
            record.log_dirs = request.log_dirs.clone();
        }
        let mut records = Vec::new();
        match &existing {
            Some(existing) if same_incarnation => {
                record.fenced = existing.fenced;
                record.in_controlled_shutdown = existing.in_controlled_shutdown;
                record.broker_epoch = existing.epoch;
            }
            _ => {
                let clean = existing
                    .as_ref()
                    .is_some_and(|e| e.epoch == request.previous_broker_epoch);
                self.handle_broker_shutdown(id, clean, &mut records);
                sort_partition_changes(&mut records);
                self.active_mut().heartbeats.remove(id);
            }
        }
        self.active_mut().heartbeats.register(id, record.fenced);
        let epoch = record.broker_epoch;
        // Comes last: if this controller fails half-way, the broker registers again and the rest is done then.
        records.push(ApiMessageAndVersion::new(
            record,
            version.register_broker_record_version(),
        ));
        let unclean =
            existing.is_some_and(|e| !same_incarnation && e.epoch != request.previous_broker_epoch);
        let rule = if unclean {
            rules::BROKER_UNCLEAN_SHUTDOWN
        } else {
            rules::BROKER_REGISTRATION
        };
        Ok(ControllerResult::of(rule, records, epoch))
    }

    fn check_log_dirs(&self, broker: NodeId, dirs: &[Uuid]) -> Result<(), ApiError> {
        if !self.metadata_version().is_directory_assignment_supported() {
            return Ok(());
        }
        let refuse = |message: String| Err(ApiError::new(ErrorCode::InvalidRegistration, message));
        if dirs.is_empty() {
            return refuse("no log directory".into());
        }
        if dirs.iter().any(|d| directory_id::reserved(*d)) {
            return refuse("a reserved directory id".into());
        }
        if dirs.iter().enumerate().any(|(i, d)| dirs[..i].contains(d)) {
            return refuse("a directory id given twice".into());
        }
        for other in self
            .image()
            .cluster
            .brokers
            .values()
            .filter(|b| b.id != broker)
        {
            if let Some(dir) = dirs.iter().find(|d| other.directories.contains(d)) {
                return refuse(format!("directory {dir} belongs to broker {}", other.id));
            }
        }
        Ok(())
    }

    /// Every finalized feature level must lie in the broker's range.
    fn check_features(
        &self,
        requested: &[RegisteredFeature],
    ) -> Result<Vec<FeatureRecord>, ApiError> {
        let features = &self.image().features;
        let level = |name: &str| {
            if name == KRAFT_FEATURE_NAME {
                self.config.kraft_version
            } else {
                features.level(name)
            }
        };
        let check = |name: &str, range: VersionRange| {
            let finalized = level(name);
            if range.contains(finalized) {
                return Ok(());
            }
            let message = format!(
                "{name} is at level {finalized}; the broker supports {} to {}",
                range.min, range.max
            );
            Err(ApiError::new(ErrorCode::UnsupportedVersion, message))
        };
        let mut records = Vec::new();
        for f in requested {
            check(
                &f.name,
                VersionRange {
                    min: f.min_supported_version,
                    max: f.max_supported_version,
                },
            )?;
            records.push(FeatureRecord {
                name: f.name.clone(),
                min_supported_version: f.min_supported_version,
                max_supported_version: f.max_supported_version,
            });
        }
        let named = |name: &str| requested.iter().any(|f| &*f.name == name);
        if !named(MetadataVersion::FEATURE_NAME) {
            let message = "the broker does not say which metadata.version it supports";
            return Err(ApiError::new(ErrorCode::InvalidRegistration, message));
        }
        let finalized = features
            .finalized_versions
            .keys()
            .map(|n| &**n)
            .chain([KRAFT_FEATURE_NAME]);
        for name in finalized.filter(|name| level(name) != 0 && !named(name)) {
            check(name, VersionRange::DISABLED)?;
        }
        Ok(records)
    }

    /// A controller tells its listeners and features (`ClusterControlManager.registerController`).
    pub fn register_controller(
        &self,
        id: NodeId,
        incarnation_id: Uuid,
        listeners: Vec<EndpointRecord>,
        features: &BTreeMap<Name, VersionRange>,
    ) -> Answer<()> {
        self.check_active()?;
        if !self
            .metadata_version()
            .is_controller_registration_supported()
        {
            let message = "metadata.version is too old for controllers to register";
            return Err(ApiError::new(ErrorCode::UnsupportedVersion, message));
        }
        let feature = |(name, range): (&Name, &VersionRange)| FeatureRecord {
            name: name.clone(),
            min_supported_version: range.min,
            max_supported_version: range.max,
        };
        let record = RegisterControllerRecord {
            controller_id: id,
            incarnation_id,
            zk_migration_ready: false,
            end_points: listeners,
            features: features.iter().map(feature).collect(),
        };
        Ok(ControllerResult::atomic_of(
            rules::BROKER_REGISTRATION,
            vec![ApiMessageAndVersion::new(record, 0)],
            (),
        ))
    }

    /// Takes a broker out of the cluster (`ReplicationControlManager.unregisterBroker`).
    pub fn unregister_broker(&self, id: NodeId) -> Answer<()> {
        self.check_active()?;
        let Some(registration) = self.image().cluster.broker(id) else {
            let message = format!("broker {id} is not registered");
            return Err(ApiError::new(ErrorCode::BrokerIdNotRegistered, message));
        };
        let mut records = Vec::new();
        self.handle_broker_unregistered(id, registration.epoch, &mut records);
        sort_partition_changes(&mut records);
        Ok(ControllerResult::of(
            rules::BROKER_UNREGISTERED,
            records,
            (),
        ))
    }

    /// The level that a replayed record has set.
    ///
    /// # Panics
    /// Before the bootstrap records have been replayed.
    pub(super) fn metadata_version(&self) -> MetadataVersion {
        self.image()
            .features
            .metadata_version
            .expect("the log begins with metadata.version")
    }

    /// Refuses an epoch that is not the registered one (`ClusterControlManager.checkBrokerEpoch`).
    pub(super) fn check_broker_epoch(
        &self,
        id: NodeId,
        epoch: BrokerEpoch,
    ) -> Result<(), ApiError> {
        match self.image().cluster.broker_epoch(id) {
            Some(registered) if registered == epoch => Ok(()),
            Some(registered) => {
                let message = format!("broker {id} has epoch {registered}, not {epoch}");
                Err(ApiError::new(ErrorCode::StaleBrokerEpoch, message))
            }
            None => Err(ApiError::new(
                ErrorCode::StaleBrokerEpoch,
                format!("broker {id} is not registered"),
            )),
        }
    }

    /// Brokers that the placer may use: not in controlled shutdown, and with an uncordoned directory.
    pub(super) fn usable_brokers(&self) -> Vec<UsableBroker> {
        let usable = |(id, state): (NodeId, &super::heartbeat_manager::BrokerHeartbeatState)| {
            let registration = self.image().cluster.broker(id)?;
            if state.controlled_shutdown_offset.is_some() || !registration.has_uncordoned_dirs() {
                return None;
            }
            Some(UsableBroker {
                id,
                rack: registration.rack.clone(),
                fenced: state.fenced,
            })
        };
        self.active()
            .heartbeats
            .brokers()
            .filter_map(usable)
            .collect()
    }

    /// The directory of a new replica on a broker; left open for a broker that is not registered.
    pub(super) fn default_dir(&self, broker: NodeId) -> Uuid {
        if !self.metadata_version().is_directory_assignment_supported() {
            return directory_id::MIGRATING;
        }
        self.image()
            .cluster
            .broker(broker)
            .map_or(directory_id::UNASSIGNED, |b| b.default_dir())
    }
}

fn end_point(name: &Name, host: &Name, port: u16, security_protocol: i16) -> EndpointRecord {
    EndpointRecord {
        name: name.clone(),
        host: host.clone(),
        port,
        security_protocol,
    }
}
