//! DescribeQuorum: what a leader knows of its voters and observers.

use crate::leader::ReplicaState;
use crate::log::RaftLog;
use crate::node::Node;
use crate::state::EpochState;
use protocol::messages::{DescribeQuorumResponse, QuorumReplicaState};
use protocol::{ErrorCode, Ms, Offset};

impl<L: RaftLog> Node<L> {
    /// Answers DescribeQuorum (`KafkaRaftClient.handleDescribeQuorumRequest`); only a leader can. The leader's own times are now.
    pub fn describe_quorum(&mut self, now_ms: Ms) -> DescribeQuorumResponse {
        let (local, high_watermark) = (self.id(), self.high_watermark());
        let EpochState::Leader(leader) = self.quorum.state_mut() else {
            return DescribeQuorumResponse {
                partition_error: ErrorCode::NotLeaderOrFollower,
                ..Default::default()
            };
        };
        let replica = |state: &ReplicaState| {
            let is_local = state.key.id == local;
            QuorumReplicaState {
                replica_id: state.key.id,
                replica_directory_id: state.key.directory_id,
                log_end_offset: state.end_offset.unwrap_or(Offset::NONE),
                last_fetch_timestamp: if is_local {
                    now_ms
                } else {
                    state.last_fetch_ms
                },
                last_caught_up_timestamp: if is_local {
                    now_ms
                } else {
                    state.last_caught_up_ms
                },
            }
        };
        DescribeQuorumResponse {
            leader_id: local,
            leader_epoch: leader.epoch(),
            high_watermark: high_watermark.unwrap_or(Offset::NONE),
            current_voters: leader.voter_states().map(replica).collect(),
            observers: leader.observer_states(now_ms).map(replica).collect(),
            ..Default::default()
        }
    }
}
