//! Topics and configs: CreateTopics (19), DeleteTopics (20), CreatePartitions (37), DescribeConfigs (32),
//! IncrementalAlterConfigs (44).

use crate::{ErrorCode, Name, NodeId, Uuid};

messages! {
    CreateTopicsRequest { topics: Vec<CreatableTopic>, timeout_ms: i32 = 60_000, validate_only: bool }
    /// `num_partitions`, `replication_factor` −1 = the cluster's default, or given by `assignments`.
    CreatableTopic {
        name: Name,
        num_partitions: i32,
        replication_factor: i16,
        assignments: Vec<CreatableReplicaAssignment>,
        configs: Vec<CreatableTopicConfig>,
    }
    CreatableReplicaAssignment { partition_index: i32, broker_ids: Vec<NodeId> }
    CreatableTopicConfig { name: Name, value: Option<Name> }
    CreateTopicsResponse { throttle_time_ms: i32, topics: Vec<CreatableTopicResult> }
    CreatableTopicResult {
        name: Name,
        topic_id: Uuid,
        error: ErrorCode,
        error_message: Option<String>,
        num_partitions: i32 = -1,
        replication_factor: i16 = -1,
    }

    DeleteTopicsRequest { topics: Vec<DeleteTopicState>, timeout_ms: i32 }
    DeleteTopicState { name: Option<Name>, topic_id: Uuid }
    DeleteTopicsResponse { throttle_time_ms: i32, responses: Vec<DeletableTopicResult> }
    DeletableTopicResult { name: Option<Name>, topic_id: Uuid, error: ErrorCode, error_message: Option<String> }

    CreatePartitionsRequest { topics: Vec<CreatePartitionsTopic>, timeout_ms: i32, validate_only: bool }
    CreatePartitionsTopic { name: Name, count: i32, assignments: Option<Vec<CreatePartitionsAssignment>> }
    CreatePartitionsAssignment { broker_ids: Vec<NodeId> }
    CreatePartitionsResponse { throttle_time_ms: i32, results: Vec<CreatePartitionsTopicResult> }
    CreatePartitionsTopicResult { name: Name, error: ErrorCode, error_message: Option<String> }

    /// `resource_type`: 2 topic, 4 broker, 32 group.
    DescribeConfigsRequest { resources: Vec<DescribeConfigsResource> }
    DescribeConfigsResource { resource_type: i8, resource_name: Name, configuration_keys: Option<Vec<Name>> }
    DescribeConfigsResponse { throttle_time_ms: i32, results: Vec<DescribeConfigsResult> }
    DescribeConfigsResult {
        error: ErrorCode,
        error_message: Option<String>,
        resource_type: i8,
        resource_name: Name,
        configs: Vec<DescribeConfigsEntry>,
    }
    DescribeConfigsEntry { name: Name, value: Option<Name>, read_only: bool, config_source: i8 = -1 }

    IncrementalAlterConfigsRequest { resources: Vec<AlterConfigsResource>, validate_only: bool }
    AlterConfigsResource { resource_type: i8, resource_name: Name, configs: Vec<AlterableConfig> }
    /// `config_operation`: 0 set, 1 delete, 2 append, 3 subtract.
    AlterableConfig { name: Name, config_operation: i8, value: Option<Name> }
    IncrementalAlterConfigsResponse { throttle_time_ms: i32, responses: Vec<AlterConfigsResourceResponse> }
    AlterConfigsResourceResponse { error: ErrorCode, error_message: Option<String>, resource_type: i8, resource_name: Name }
}
