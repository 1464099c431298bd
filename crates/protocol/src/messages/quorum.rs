//! KRaft: Vote (52), BeginQuorumEpoch (53), EndQuorumEpoch (54), DescribeQuorum (55), UpdateRaftVoter (82).
//!
//! Each names the metadata topic and its partition 0, as Kafka's do; that never varies, so it is left out here.

use super::{LeaderIdAndEpoch, NodeEndpoint};
use crate::{ErrorCode, LeaderEpoch, Ms, Name, NodeId, Offset, Uuid};

messages! {
    VoteRequest {
        cluster_id: Option<Name>,
        voter_id: NodeId = NodeId::NONE,
        replica_epoch: LeaderEpoch,
        replica_id: NodeId,
        replica_directory_id: Uuid,
        voter_directory_id: Uuid,
        last_offset_epoch: LeaderEpoch,
        last_offset: Offset,
        pre_vote: bool,
    }
    VoteResponse {
        error: ErrorCode,
        partition_error: ErrorCode,
        leader_id: NodeId = NodeId::NONE,
        leader_epoch: LeaderEpoch,
        vote_granted: bool,
        node_endpoints: Vec<NodeEndpoint>,
    }

    BeginQuorumEpochRequest {
        cluster_id: Option<Name>,
        voter_id: NodeId = NodeId::NONE,
        voter_directory_id: Uuid,
        leader_id: NodeId,
        leader_epoch: LeaderEpoch,
    }
    BeginQuorumEpochResponse {
        error: ErrorCode,
        partition_error: ErrorCode,
        leader_id: NodeId = NodeId::NONE,
        leader_epoch: LeaderEpoch,
        node_endpoints: Vec<NodeEndpoint>,
    }

    EndQuorumEpochRequest {
        cluster_id: Option<Name>,
        leader_id: NodeId,
        leader_epoch: LeaderEpoch,
        preferred_successors: Vec<NodeId>,
        preferred_candidates: Vec<PreferredCandidate>,
    }
    PreferredCandidate { candidate_id: NodeId, candidate_directory_id: Uuid }
    EndQuorumEpochResponse {
        error: ErrorCode,
        partition_error: ErrorCode,
        leader_id: NodeId = NodeId::NONE,
        leader_epoch: LeaderEpoch,
        node_endpoints: Vec<NodeEndpoint>,
    }

    DescribeQuorumRequest {}
    DescribeQuorumResponse {
        error: ErrorCode,
        partition_error: ErrorCode,
        leader_id: NodeId = NodeId::NONE,
        leader_epoch: LeaderEpoch,
        high_watermark: Offset = Offset::NONE,
        current_voters: Vec<QuorumReplicaState>,
        observers: Vec<QuorumReplicaState>,
    }
    QuorumReplicaState {
        replica_id: NodeId,
        replica_directory_id: Uuid,
        log_end_offset: Offset = Offset::NONE,
        last_fetch_timestamp: Ms = -1,
        last_caught_up_timestamp: Ms = -1,
    }

    UpdateRaftVoterRequest {
        cluster_id: Option<Name>,
        current_leader_epoch: LeaderEpoch,
        voter_id: NodeId,
        voter_directory_id: Uuid,
    }
    UpdateRaftVoterResponse { throttle_time_ms: i32, error: ErrorCode, current_leader: LeaderIdAndEpoch }
}
