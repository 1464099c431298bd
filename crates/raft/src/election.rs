//! An election as one candidate counts it, and what a node remembers of elections across restarts.

use crate::message::ReplicaKey;
use protocol::{LeaderEpoch, NodeId};
use std::collections::BTreeMap;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum VoterState {
    Unrecorded,
    Granted,
    Rejected,
}

/// The votes of one round (`raft.internals.EpochElection`).
#[derive(Clone, Debug)]
pub struct EpochElection {
    voters: BTreeMap<NodeId, VoterState>,
}

impl EpochElection {
    pub fn new(voters: &[NodeId]) -> Self {
        Self {
            voters: voters
                .iter()
                .map(|&id| (id, VoterState::Unrecorded))
                .collect(),
        }
    }

    /// Counts a vote; one of a node that is no voter counts for nothing.
    pub fn record_vote(&mut self, voter: NodeId, granted: bool) {
        if let Some(state) = self.voters.get_mut(&voter) {
            *state = if granted {
                VoterState::Granted
            } else {
                VoterState::Rejected
            };
        }
    }

    fn count(&self, wanted: VoterState) -> usize {
        self.voters
            .values()
            .filter(|&&state| state == wanted)
            .count()
    }

    fn majority(&self) -> usize {
        self.voters.len() / 2 + 1
    }

    pub fn is_vote_granted(&self) -> bool {
        self.count(VoterState::Granted) >= self.majority()
    }

    /// Lost: what was granted and what is still open is no majority any more.
    pub fn is_vote_rejected(&self) -> bool {
        self.count(VoterState::Granted) + self.count(VoterState::Unrecorded) < self.majority()
    }

    pub fn unrecorded_voters(&self) -> Vec<NodeId> {
        self.with(VoterState::Unrecorded)
    }

    pub fn granting_voters(&self) -> Vec<NodeId> {
        self.with(VoterState::Granted)
    }

    fn with(&self, wanted: VoterState) -> Vec<NodeId> {
        self.voters
            .iter()
            .filter(|&(_, &state)| state == wanted)
            .map(|(&id, _)| id)
            .collect()
    }
}

/// Content of the `quorum-state` file (`raft.ElectionState`): the epoch, its leader and whom this node voted for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ElectionState {
    pub epoch: LeaderEpoch,
    pub leader: Option<NodeId>,
    pub voted: Option<ReplicaKey>,
}

impl ElectionState {
    /// The file as Kafka writes it with static voters (`FileQuorumStateStore`, data version 0).
    pub fn to_json(&self) -> String {
        format!(
            "{{\"clusterId\":\"\",\"leaderId\":{},\"leaderEpoch\":{},\"votedId\":{},\"appliedOffset\":0,\"currentVoters\":[],\"data_version\":0}}",
            self.leader.unwrap_or(NodeId::NONE),
            self.epoch,
            self.voted.map_or(NodeId::NONE, |key| key.id),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_voters_two_grants_win_two_refusals_lose() {
        let voters = [NodeId(1), NodeId(2), NodeId(3)];
        let mut election = EpochElection::new(&voters);
        election.record_vote(NodeId(1), true);
        assert!(!election.is_vote_granted() && !election.is_vote_rejected());
        election.record_vote(NodeId(2), false);
        assert!(!election.is_vote_rejected(), "the third may still grant");
        let mut won = election.clone();
        won.record_vote(NodeId(3), true);
        assert!(won.is_vote_granted());
        election.record_vote(NodeId(3), false);
        assert!(election.is_vote_rejected());
    }

    #[test]
    fn the_vote_of_a_stranger_counts_for_nothing() {
        let mut election = EpochElection::new(&[NodeId(1), NodeId(2), NodeId(3)]);
        election.record_vote(NodeId(1), true);
        election.record_vote(NodeId(9), true);
        assert!(!election.is_vote_granted());
    }
}
