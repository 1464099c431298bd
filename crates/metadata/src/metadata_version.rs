//! `metadata.version`: which records and rules a cluster has agreed on.
//!
//! It knows levels and what each allows; who may change it is decided in [`crate::controller`].

use serde::Serialize;

/// A level of the feature `metadata.version` (`org.apache.kafka.server.common.MetadataVersion`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
#[serde(transparent)]
pub struct MetadataVersion(pub i16);

impl MetadataVersion {
    pub const FEATURE_NAME: &'static str = "metadata.version";
    /// 3.3-IV3, the oldest that 4.x runs.
    pub const MINIMUM: MetadataVersion = MetadataVersion(7);
    pub const V3_4_IV0: MetadataVersion = MetadataVersion(8);
    pub const V3_6_IV0: MetadataVersion = MetadataVersion(12);
    pub const V3_6_IV1: MetadataVersion = MetadataVersion(13);
    pub const V3_7_IV0: MetadataVersion = MetadataVersion(15);
    pub const V3_7_IV2: MetadataVersion = MetadataVersion(17);
    pub const V4_0_IV1: MetadataVersion = MetadataVersion(23);
    /// 4.3-IV0.
    pub const LATEST_PRODUCTION: MetadataVersion = MetadataVersion(30);

    /// Levels at which the format of the metadata log changed: a downgrade below one of them would lose something.
    const FORMAT_CHANGES: [i16; 9] = [7, 8, 11, 13, 14, 15, 17, 23, 30];

    /// Whether going from `self` down to `to` passes a change of format (`checkIfMetadataChanged`).
    pub fn loses_metadata_going_to(self, to: MetadataVersion) -> bool {
        Self::FORMAT_CHANGES
            .iter()
            .any(|&level| to.0 < level && level <= self.0)
    }

    pub fn is_leader_epoch_bump_required_on_isr_shrink(self) -> bool {
        self < Self::V3_6_IV0
    }

    pub fn is_metadata_transaction_supported(self) -> bool {
        self >= Self::V3_6_IV1
    }

    pub fn is_controller_registration_supported(self) -> bool {
        self >= Self::V3_7_IV0
    }

    pub fn is_directory_assignment_supported(self) -> bool {
        self >= Self::V3_7_IV2
    }

    pub fn is_elr_supported(self) -> bool {
        self >= Self::V4_0_IV1
    }

    pub fn is_cordoned_log_dirs_supported(self) -> bool {
        self >= Self::LATEST_PRODUCTION
    }

    pub fn register_broker_record_version(self) -> i16 {
        if self.is_cordoned_log_dirs_supported() {
            4
        } else if self.is_directory_assignment_supported() {
            3
        } else if self >= Self::V3_4_IV0 {
            2
        } else {
            1
        }
    }

    pub fn partition_change_record_version(self) -> i16 {
        if self.is_elr_supported() {
            2
        } else {
            i16::from(self.is_directory_assignment_supported())
        }
    }

    pub fn partition_record_version(self) -> i16 {
        self.partition_change_record_version()
    }
}
