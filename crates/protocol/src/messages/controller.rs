//! What brokers and administrators ask of the controller: BrokerRegistration (62), BrokerHeartbeat (63),
//! UnregisterBroker (64), AlterPartition (56), ElectLeaders (43), AlterPartitionReassignments (45),
//! ListPartitionReassignments (46), UpdateFeatures (57), AssignReplicasToDirs (73).

use crate::{BrokerEpoch, ErrorCode, LeaderEpoch, Name, NodeId, Offset, PartitionEpoch, Uuid};

messages! {
    BrokerRegistrationRequest {
        broker_id: NodeId,
        cluster_id: Name,
        incarnation_id: Uuid,
        listeners: Vec<RegisteredListener>,
        features: Vec<RegisteredFeature>,
        rack: Option<Name>,
        log_dirs: Vec<Uuid>,
        /// The broker epoch that this directory ended with, after a clean shutdown; −1 = unclean or first start.
        previous_broker_epoch: BrokerEpoch = BrokerEpoch::NONE,
    }
    RegisteredListener { name: Name, host: Name, port: u16, security_protocol: i16 }
    RegisteredFeature { name: Name, min_supported_version: i16, max_supported_version: i16 }
    BrokerRegistrationResponse { throttle_time_ms: i32, error: ErrorCode, broker_epoch: BrokerEpoch = BrokerEpoch::NONE }

    BrokerHeartbeatRequest {
        broker_id: NodeId,
        broker_epoch: BrokerEpoch = BrokerEpoch::NONE,
        /// The last metadata offset that the broker has applied.
        current_metadata_offset: Offset,
        want_fence: bool,
        want_shut_down: bool,
        offline_log_dirs: Vec<Uuid>,
        /// `None` until the broker has caught up with the metadata for the first time.
        cordoned_log_dirs: Option<Vec<Uuid>>,
    }
    BrokerHeartbeatResponse { throttle_time_ms: i32, error: ErrorCode, is_caught_up: bool, is_fenced: bool = true, should_shut_down: bool }

    UnregisterBrokerRequest { broker_id: NodeId }
    UnregisterBrokerResponse { throttle_time_ms: i32, error: ErrorCode, error_message: Option<String> }

    AlterPartitionRequest { broker_id: NodeId, broker_epoch: BrokerEpoch = BrokerEpoch::NONE, topics: Vec<AlterPartitionTopic> }
    AlterPartitionTopic { topic_name: Name, topic_id: Uuid, partitions: Vec<AlterPartitionData> }
    AlterPartitionData {
        partition_index: i32,
        leader_epoch: LeaderEpoch,
        new_isr_with_epochs: Vec<BrokerState>,
        /// 0 recovered, 1 recovering.
        leader_recovery_state: i8,
        partition_epoch: PartitionEpoch,
    }
    BrokerState { broker_id: NodeId, broker_epoch: BrokerEpoch = BrokerEpoch::NONE }
    AlterPartitionResponse { throttle_time_ms: i32, error: ErrorCode, topics: Vec<AlterPartitionTopicResponse> }
    AlterPartitionTopicResponse { topic_name: Name, topic_id: Uuid, partitions: Vec<AlterPartitionDataResponse> }
    AlterPartitionDataResponse {
        partition_index: i32,
        error: ErrorCode,
        leader_id: NodeId,
        leader_epoch: LeaderEpoch,
        isr: Vec<NodeId>,
        leader_recovery_state: i8,
        partition_epoch: PartitionEpoch,
    }

    /// `election_type`: 0 preferred, 1 unclean. `topic_partitions` `None` = all.
    ElectLeadersRequest { election_type: i8, topic_partitions: Option<Vec<ElectLeadersTopic>>, timeout_ms: i32 = 60_000 }
    ElectLeadersTopic { topic: Name, partitions: Vec<i32> }
    ElectLeadersResponse { throttle_time_ms: i32, error: ErrorCode, replica_election_results: Vec<ReplicaElectionResult> }
    ReplicaElectionResult { topic: Name, partition_result: Vec<PartitionResult> }
    PartitionResult { partition_id: i32, error: ErrorCode, error_message: Option<String> }

    AlterPartitionReassignmentsRequest { timeout_ms: i32 = 60_000, allow_replication_factor_change: bool = true, topics: Vec<ReassignableTopic> }
    ReassignableTopic { name: Name, partitions: Vec<ReassignablePartition> }
    /// `replicas` `None` = cancel.
    ReassignablePartition { partition_index: i32, replicas: Option<Vec<NodeId>> }
    AlterPartitionReassignmentsResponse {
        throttle_time_ms: i32,
        error: ErrorCode,
        error_message: Option<String>,
        responses: Vec<ReassignableTopicResponse>,
    }
    ReassignableTopicResponse { name: Name, partitions: Vec<ReassignablePartitionResponse> }
    ReassignablePartitionResponse { partition_index: i32, error: ErrorCode, error_message: Option<String> }

    ListPartitionReassignmentsRequest { timeout_ms: i32 = 60_000, topics: Option<Vec<ListPartitionReassignmentsTopic>> }
    ListPartitionReassignmentsTopic { name: Name, partition_indexes: Vec<i32> }
    ListPartitionReassignmentsResponse {
        throttle_time_ms: i32,
        error: ErrorCode,
        error_message: Option<String>,
        topics: Vec<OngoingTopicReassignment>,
    }
    OngoingTopicReassignment { name: Name, partitions: Vec<OngoingPartitionReassignment> }
    OngoingPartitionReassignment { partition_index: i32, replicas: Vec<NodeId>, adding_replicas: Vec<NodeId>, removing_replicas: Vec<NodeId> }

    AssignReplicasToDirsRequest { broker_id: NodeId, broker_epoch: BrokerEpoch = BrokerEpoch::NONE, directories: Vec<DirectoryData> }
    DirectoryData { id: Uuid, topics: Vec<DirectoryTopic> }
    DirectoryTopic { topic_id: Uuid, partitions: Vec<DirectoryPartition> }
    DirectoryPartition { partition_index: i32, error: ErrorCode }
    AssignReplicasToDirsResponse { throttle_time_ms: i32, error: ErrorCode, directories: Vec<DirectoryData> }

    UpdateFeaturesRequest { timeout_ms: i32 = 60_000, feature_updates: Vec<FeatureUpdateKey>, validate_only: bool }
    /// `upgrade_type`: 1 upgrade, 2 safe downgrade, 3 unsafe downgrade.
    FeatureUpdateKey { feature: Name, max_version_level: i16, upgrade_type: i8 = 1 }
    UpdateFeaturesResponse { throttle_time_ms: i32, error: ErrorCode, error_message: Option<String> }
}
