//! The records of the metadata log, one type each, with the fields of Kafka's message definitions.
//!
//! They know their fields, their api keys and their bytes ([`ApiMessageAndVersion::encode`]); they do not know what
//! replaying them does (that is [`crate::image`] and [`crate::controller`]).

mod codec;
mod decode;
mod encode;
mod wire;

pub use codec::DecodeError;

use protocol::{BrokerEpoch, LeaderEpoch, Name, NodeId, Offset, PartitionEpoch, ProducerId, Uuid};
use serde::Serialize;

use crate::partition::LeaderRecoveryState;

/// A record and the version of its schema that it is written in (`ApiMessageAndVersion`).
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct ApiMessageAndVersion {
    pub message: MetadataRecord,
    pub version: i16,
}

impl ApiMessageAndVersion {
    pub fn new(message: impl Into<MetadataRecord>, version: i16) -> Self {
        Self {
            message: message.into(),
            version,
        }
    }
}

macro_rules! records {
    ($($(#[$doc:meta])* $variant:ident($record:ident) = $key:literal, versions 0..=$max:literal;)*) => {
        /// Any record of the metadata log (`MetadataRecordType`).
        #[derive(Clone, PartialEq, Debug, Serialize)]
        #[serde(tag = "type", rename_all = "snake_case")]
        pub enum MetadataRecord {
            $($(#[$doc])* $variant($record),)*
        }

        impl MetadataRecord {
            /// The api key of its message definition.
            pub fn api_key(&self) -> i16 {
                match self { $(Self::$variant(_) => $key,)* }
            }

            /// The name of its message definition, as in `PartitionChangeRecord`.
            pub fn name(&self) -> &'static str {
                match self { $(Self::$variant(_) => stringify!($record),)* }
            }

            /// The highest version that this build writes and reads.
            pub fn highest_supported_version(&self) -> i16 {
                match self { $(Self::$variant(_) => $max,)* }
            }
        }

        $(impl From<$record> for MetadataRecord {
            fn from(record: $record) -> Self { Self::$variant(record) }
        })*
    };
}

records! {
    RegisterBroker(RegisterBrokerRecord) = 0, versions 0..=4;
    UnregisterBroker(UnregisterBrokerRecord) = 1, versions 0..=0;
    Topic(TopicRecord) = 2, versions 0..=0;
    Partition(PartitionRecord) = 3, versions 0..=2;
    Config(ConfigRecord) = 4, versions 0..=0;
    PartitionChange(PartitionChangeRecord) = 5, versions 0..=2;
    FenceBroker(FenceBrokerRecord) = 7, versions 0..=0;
    UnfenceBroker(UnfenceBrokerRecord) = 8, versions 0..=0;
    RemoveTopic(RemoveTopicRecord) = 9, versions 0..=0;
    FeatureLevel(FeatureLevelRecord) = 12, versions 0..=0;
    ProducerIds(ProducerIdsRecord) = 15, versions 0..=0;
    BrokerRegistrationChange(BrokerRegistrationChangeRecord) = 17, versions 0..=3;
    NoOp(NoOpRecord) = 20, versions 0..=0;
    BeginTransaction(BeginTransactionRecord) = 23, versions 0..=0;
    EndTransaction(EndTransactionRecord) = 24, versions 0..=0;
    AbortTransaction(AbortTransactionRecord) = 25, versions 0..=0;
    RegisterController(RegisterControllerRecord) = 27, versions 0..=0;
    ClearElr(ClearElrRecord) = 28, versions 0..=0;
}

/// A listener of a broker or a controller.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct EndpointRecord {
    pub name: Name,
    pub host: Name,
    pub port: u16,
    pub security_protocol: i16,
}

/// The versions of a feature that a node supports, both ends included.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct FeatureRecord {
    pub name: Name,
    pub min_supported_version: i16,
    pub max_supported_version: i16,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct RegisterBrokerRecord {
    pub broker_id: NodeId,
    pub is_migrating_zk_broker: bool,
    pub incarnation_id: Uuid,
    pub broker_epoch: BrokerEpoch,
    pub end_points: Vec<EndpointRecord>,
    pub features: Vec<FeatureRecord>,
    pub rack: Option<Name>,
    pub fenced: bool,
    pub in_controlled_shutdown: bool,
    pub log_dirs: Vec<Uuid>,
    /// None until the broker has said which of its directories are cordoned.
    pub cordoned_log_dirs: Option<Vec<Uuid>>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct UnregisterBrokerRecord {
    pub broker_id: NodeId,
    pub broker_epoch: BrokerEpoch,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct TopicRecord {
    pub name: Name,
    pub topic_id: Uuid,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct PartitionRecord {
    pub partition_id: i32,
    pub topic_id: Uuid,
    /// In order of preference: the first is the preferred leader.
    pub replicas: Vec<NodeId>,
    pub isr: Vec<NodeId>,
    pub removing_replicas: Vec<NodeId>,
    pub adding_replicas: Vec<NodeId>,
    pub leader: NodeId,
    pub leader_recovery_state: LeaderRecoveryState,
    pub leader_epoch: LeaderEpoch,
    pub partition_epoch: PartitionEpoch,
    /// The directory of each replica, in the order of `replicas`.
    pub directories: Vec<Uuid>,
    pub eligible_leader_replicas: Option<Vec<NodeId>>,
    pub last_known_elr: Option<Vec<NodeId>>,
}

/// `value` None deletes the key.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct ConfigRecord {
    pub resource_type: i8,
    pub resource_name: Name,
    pub name: Name,
    pub value: Option<Name>,
}

/// A change of a partition: None leaves a field as it is.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct PartitionChangeRecord {
    pub partition_id: i32,
    pub topic_id: Uuid,
    pub isr: Option<Vec<NodeId>>,
    /// `NodeId::NONE`: the partition has no leader from now on. Any value, also the present leader, bumps the epoch.
    pub leader: Option<NodeId>,
    pub replicas: Option<Vec<NodeId>>,
    pub removing_replicas: Option<Vec<NodeId>>,
    pub adding_replicas: Option<Vec<NodeId>>,
    pub leader_recovery_state: Option<LeaderRecoveryState>,
    pub directories: Option<Vec<Uuid>>,
    pub eligible_leader_replicas: Option<Vec<NodeId>>,
    pub last_known_elr: Option<Vec<NodeId>>,
}

impl PartitionChangeRecord {
    /// A record that changes nothing yet.
    pub fn unchanged(topic_id: Uuid, partition_id: i32) -> Self {
        Self {
            partition_id,
            topic_id,
            isr: None,
            leader: None,
            replicas: None,
            removing_replicas: None,
            adding_replicas: None,
            leader_recovery_state: None,
            directories: None,
            eligible_leader_replicas: None,
            last_known_elr: None,
        }
    }

    /// True when it would change nothing (`PartitionChangeBuilder.changeRecordIsNoOp`).
    pub fn is_no_op(&self) -> bool {
        *self == Self::unchanged(self.topic_id, self.partition_id)
    }
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct FenceBrokerRecord {
    pub id: NodeId,
    pub epoch: BrokerEpoch,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct UnfenceBrokerRecord {
    pub id: NodeId,
    pub epoch: BrokerEpoch,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct RemoveTopicRecord {
    pub topic_id: Uuid,
}

/// Level 0 removes the feature.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct FeatureLevelRecord {
    pub name: Name,
    pub feature_level: i16,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct ProducerIdsRecord {
    pub broker_id: NodeId,
    pub broker_epoch: BrokerEpoch,
    /// The first id of the next block.
    pub next_producer_id: ProducerId,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct BrokerRegistrationChangeRecord {
    pub broker_id: NodeId,
    pub broker_epoch: BrokerEpoch,
    /// Some(true): fenced from now on; Some(false): unfenced; None: no change.
    pub fenced: Option<bool>,
    /// True: in controlled shutdown from now on. There is no way back but a new registration.
    pub in_controlled_shutdown: bool,
    /// The directories that are online; empty: no change.
    pub log_dirs: Vec<Uuid>,
    pub cordoned_log_dirs: Option<Vec<Uuid>>,
}

impl BrokerRegistrationChangeRecord {
    /// A record that changes nothing yet.
    pub fn unchanged(broker_id: NodeId, broker_epoch: BrokerEpoch) -> Self {
        Self {
            broker_id,
            broker_epoch,
            fenced: None,
            in_controlled_shutdown: false,
            log_dirs: Vec::new(),
            cordoned_log_dirs: None,
        }
    }
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct NoOpRecord {}

#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct BeginTransactionRecord {
    pub name: Option<Name>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct EndTransactionRecord {}

#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct AbortTransactionRecord {
    pub reason: Option<Name>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct RegisterControllerRecord {
    pub controller_id: NodeId,
    pub incarnation_id: Uuid,
    pub zk_migration_ready: bool,
    pub end_points: Vec<EndpointRecord>,
    pub features: Vec<FeatureRecord>,
}

/// An empty name clears the ELR of every topic.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct ClearElrRecord {
    pub topic_name: Name,
}

/// A record where it lies in the metadata log.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct MetadataLogRecord {
    pub offset: Offset,
    pub record: ApiMessageAndVersion,
}
