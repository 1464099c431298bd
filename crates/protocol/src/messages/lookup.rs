//! How clients find things: ApiVersions (18), Metadata (3), FindCoordinator (10).

use crate::{ErrorCode, LeaderEpoch, Name, NodeId, Uuid};

/// What kind of coordinator a FindCoordinator asks for.
pub const COORDINATOR_GROUP: i8 = 0;
pub const COORDINATOR_TRANSACTION: i8 = 1;
pub const COORDINATOR_SHARE: i8 = 2;

messages! {
    ApiVersionsRequest { client_software_name: Name, client_software_version: Name }
    ApiVersionsResponse {
        error: ErrorCode,
        api_keys: Vec<ApiVersion>,
        throttle_time_ms: i32,
        finalized_features_epoch: i64 = -1,
        finalized_features: Vec<FinalizedFeature>,
    }
    ApiVersion { api_key: i16, min_version: i16, max_version: i16 }
    FinalizedFeature { name: Name, max_version_level: i16, min_version_level: i16 }

    /// `topics` `None` = all.
    MetadataRequest { topics: Option<Vec<MetadataRequestTopic>>, allow_auto_topic_creation: bool = true }
    MetadataRequestTopic { topic_id: Uuid, name: Option<Name> }
    MetadataResponse {
        throttle_time_ms: i32,
        error: ErrorCode,
        brokers: Vec<MetadataResponseBroker>,
        cluster_id: Option<Name>,
        controller_id: NodeId = NodeId::NONE,
        topics: Vec<MetadataResponseTopic>,
    }
    MetadataResponseBroker { node_id: NodeId, rack: Option<Name> }
    MetadataResponseTopic {
        error: ErrorCode,
        name: Option<Name>,
        topic_id: Uuid,
        is_internal: bool,
        partitions: Vec<MetadataResponsePartition>,
    }
    MetadataResponsePartition {
        error: ErrorCode,
        partition_index: i32,
        leader_id: NodeId = NodeId::NONE,
        leader_epoch: LeaderEpoch = LeaderEpoch::NONE,
        replica_nodes: Vec<NodeId>,
        isr_nodes: Vec<NodeId>,
        offline_replicas: Vec<NodeId>,
    }

    FindCoordinatorRequest { key_type: i8, coordinator_keys: Vec<Name> }
    FindCoordinatorResponse { throttle_time_ms: i32, coordinators: Vec<Coordinator> }
    Coordinator { key: Name, node_id: NodeId = NodeId::NONE, error: ErrorCode, error_message: Option<String> }
}
