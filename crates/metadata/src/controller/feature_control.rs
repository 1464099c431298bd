//! Finalized features: raised and lowered (`FeatureControlManager`, KIP-584, KIP-1022).

use protocol::ErrorCode;
use protocol::messages::UpdateFeaturesRequest;

use super::{Answer, ApiError, Controller, ControllerResult};
use crate::image::{ELR_FEATURE_NAME, KRAFT_FEATURE_NAME};
use crate::metadata_version::MetadataVersion;
use crate::record::{ApiMessageAndVersion, FeatureLevelRecord};
use crate::registration::VersionRange;
use crate::rules;

/// What a 4.3 controller supports of each feature (`QuorumFeatures.defaultSupportedFeatureMap`).
const SUPPORTED: [(&str, VersionRange); 7] = [
    (
        MetadataVersion::FEATURE_NAME,
        VersionRange {
            min: MetadataVersion::MINIMUM.0,
            max: MetadataVersion::LATEST_PRODUCTION.0,
        },
    ),
    (ELR_FEATURE_NAME, VersionRange { min: 0, max: 1 }),
    ("group.version", VersionRange { min: 0, max: 1 }),
    (KRAFT_FEATURE_NAME, VersionRange { min: 0, max: 1 }),
    ("share.version", VersionRange { min: 0, max: 1 }),
    ("streams.version", VersionRange { min: 0, max: 1 }),
    ("transaction.version", VersionRange { min: 0, max: 2 }),
];

fn supported(feature: &str) -> VersionRange {
    SUPPORTED
        .iter()
        .find(|(name, _)| *name == feature)
        .map_or(VersionRange::DISABLED, |(_, range)| *range)
}

const UPGRADE: i8 = 1;
const UNSAFE_DOWNGRADE: i8 = 3;

impl Controller {
    /// `ConfigurationControlManager.updateFeatures`, `FeatureControlManager.updateFeatures`: all or nothing.
    pub fn update_features(&self, request: &UpdateFeaturesRequest) -> Answer<()> {
        self.check_active()?;
        let mut levels = Vec::new();
        for update in &request.feature_updates {
            let level = (
                &*update.feature,
                update.max_version_level,
                update.upgrade_type,
            );
            self.check_feature_update(level, request)?;
            let record = FeatureLevelRecord {
                name: update.feature.clone(),
                feature_level: update.max_version_level,
            };
            if &*update.feature != KRAFT_FEATURE_NAME {
                levels.push(ApiMessageAndVersion::new(record, 0));
            }
        }
        if request.validate_only {
            return Ok(ControllerResult::of(rules::FEATURE_UPDATED, Vec::new(), ()));
        }
        let enables_elr = request
            .feature_updates
            .iter()
            .any(|u| &*u.feature == ELR_FEATURE_NAME && u.max_version_level > 0);
        let mut records = if enables_elr {
            self.elr_safety_records()
        } else {
            Vec::new()
        };
        records.extend(levels);
        Ok(ControllerResult::atomic_of(
            rules::FEATURE_UPDATED,
            records,
            (),
        ))
    }

    fn check_feature_update(
        &self,
        (feature, new, how): (&str, i16, i8),
        request: &UpdateFeaturesRequest,
    ) -> Result<(), ApiError> {
        let refuse = |reason: String| {
            let message = format!("{feature} cannot be set to {new}: {reason}");
            Err(ApiError::new(ErrorCode::InvalidUpdateVersion, message))
        };
        if !(UPGRADE..=UNSAFE_DOWNGRADE).contains(&how) {
            return refuse(format!("unknown upgrade type {how}"));
        }
        if !SUPPORTED.iter().any(|(name, _)| *name == feature) {
            return refuse("no feature has this name".into());
        }
        let features = &self.image().features;
        let current = if feature == KRAFT_FEATURE_NAME {
            self.config.kraft_version
        } else {
            features.level(feature)
        };
        if new < 0 {
            return refuse("a level is not negative".into());
        }
        if let Some(who) = self.who_does_not_support(feature, new) {
            return refuse(format!("{who} does not support it"));
        }
        if new < current && how == UPGRADE {
            return refuse("a downgrade must be asked for as one".into());
        }
        if new > current && how != UPGRADE {
            return refuse("a downgrade cannot lead to a higher level".into());
        }
        if feature == MetadataVersion::FEATURE_NAME {
            let (old, new) = (MetadataVersion(current), MetadataVersion(new));
            if new < old && old.loses_metadata_going_to(new) {
                return refuse("the downgrade could lose metadata".into());
            }
        } else if feature == KRAFT_FEATURE_NAME {
            if new != current {
                return refuse("the quorum keeps it, and does not change it here".into());
            }
        } else if feature == ELR_FEATURE_NAME && new >= 1 {
            // Depends on metadata.version, as it will be after this request.
            let asked = request
                .feature_updates
                .iter()
                .find(|u| &*u.feature == MetadataVersion::FEATURE_NAME);
            let version = asked.map_or(features.level(MetadataVersion::FEATURE_NAME), |u| {
                u.max_version_level
            });
            if !MetadataVersion(version).is_elr_supported() {
                return refuse("it needs metadata.version 4.0-IV1".into());
            }
        }
        Ok(())
    }

    /// A node that cannot live with this level: this controller, a registered broker, a registered controller.
    fn who_does_not_support(&self, feature: &str, level: i16) -> Option<String> {
        let cluster = &self.image().cluster;
        if !supported(feature).contains(level) {
            return Some("this controller".into());
        }
        let lacks = |features: &std::collections::BTreeMap<protocol::Name, VersionRange>| {
            !features
                .get(feature)
                .copied()
                .unwrap_or(VersionRange::DISABLED)
                .contains(level)
        };
        if let Some(broker) = cluster
            .brokers
            .values()
            .find(|b| lacks(&b.supported_features))
        {
            return Some(format!("broker {}", broker.id));
        }
        let others = cluster
            .controllers
            .values()
            .filter(|c| c.id != self.config.node_id);
        if let Some(controller) = others.into_iter().find(|c| lacks(&c.supported_features)) {
            return Some(format!("controller {}", controller.id));
        }
        let unregistered = self
            .config
            .quorum_node_ids
            .iter()
            .find(|id| **id != self.config.node_id && !cluster.controllers.contains_key(id));
        unregistered.map(|id| format!("controller {id}, which has not registered,"))
    }
}
