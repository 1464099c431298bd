//! Produce (api 0).

use super::Records;
use crate::{ErrorCode, LeaderEpoch, Ms, Name, NodeId, Offset, Uuid};

messages! {
    /// `acks`: 0, 1 or −1 (all).
    ProduceRequest { transactional_id: Option<Name>, acks: i16, timeout_ms: i32, topic_data: Vec<TopicProduceData> }
    TopicProduceData { name: Name, topic_id: Uuid, partition_data: Vec<PartitionProduceData> }
    PartitionProduceData { index: i32, records: Records }

    ProduceResponse { responses: Vec<TopicProduceResponse>, throttle_time_ms: i32, node_endpoints: Vec<NodeEndpoint> }
    TopicProduceResponse { name: Name, topic_id: Uuid, partition_responses: Vec<PartitionProduceResponse> }
    /// `base_offset`, `log_append_time_ms`, `log_start_offset`: −1 where unknown.
    PartitionProduceResponse {
        index: i32,
        error: ErrorCode,
        base_offset: Offset = Offset::NONE,
        log_append_time_ms: Ms = -1,
        log_start_offset: Offset = Offset::NONE,
        record_errors: Vec<BatchIndexAndErrorMessage>,
        error_message: Option<String>,
        /// Who leads now, where the error says that it is somebody else (KIP-951).
        current_leader: LeaderIdAndEpoch,
    }
    BatchIndexAndErrorMessage { batch_index: i32, batch_index_error_message: Option<String> }
    /// −1/−1 = not told.
    LeaderIdAndEpoch { leader_id: NodeId = NodeId::NONE, leader_epoch: LeaderEpoch = LeaderEpoch::NONE }
    /// Where a leader that was named in the same response can be reached.
    NodeEndpoint { node_id: NodeId, rack: Option<Name> }
}
