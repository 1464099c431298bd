//! The six roles that a node of a quorum can have, each with what it knows and how it votes.
//!
//! A role is data: it sends nothing and decides on no change of role. The edges between roles are in [`crate::quorum`].

use crate::election::{ElectionState, EpochElection};
use crate::leader::LeaderState;
use crate::log::OffsetAndEpoch;
use crate::message::ReplicaKey;
use protocol::{LeaderEpoch, Ms, NodeId, Offset};

/// When something is due. `NEVER` = it is not.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Timer {
    pub deadline_ms: Ms,
}

impl Timer {
    pub const NEVER: Timer = Timer {
        deadline_ms: Ms::MAX,
    };

    pub fn new(now_ms: Ms, timeout_ms: Ms) -> Self {
        Self {
            deadline_ms: now_ms.saturating_add(timeout_ms),
        }
    }

    pub fn is_expired(&self, now_ms: Ms) -> bool {
        now_ms >= self.deadline_ms
    }

    pub fn remaining_ms(&self, now_ms: Ms) -> Ms {
        if self.deadline_ms == Ms::MAX {
            Ms::MAX
        } else {
            (self.deadline_ms - now_ms).max(0)
        }
    }
}

/// A role's name, as Kafka's metrics print it in lower case.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Role {
    Unattached,
    Prospective,
    Candidate,
    Leader,
    Follower,
    Resigned,
}

impl Role {
    pub const fn name(self) -> &'static str {
        match self {
            Role::Unattached => "unattached",
            Role::Prospective => "prospective",
            Role::Candidate => "candidate",
            Role::Leader => "leader",
            Role::Follower => "follower",
            Role::Resigned => "resigned",
        }
    }
}

/// Knows of no leader to fetch from (`UnattachedState`).
#[derive(Clone, Debug)]
pub struct UnattachedState {
    pub epoch: LeaderEpoch,
    /// A leader that is known by name only.
    pub leader: Option<NodeId>,
    pub voted: Option<ReplicaKey>,
    pub high_watermark: Option<Offset>,
    pub election_timer: Timer,
}

/// Asks whether it could win, without raising the epoch (`ProspectiveState`, KIP-996).
#[derive(Clone, Debug)]
pub struct ProspectiveState {
    pub epoch: LeaderEpoch,
    pub leader: Option<NodeId>,
    pub voted: Option<ReplicaKey>,
    pub high_watermark: Option<Offset>,
    pub election: EpochElection,
    pub election_timer: Timer,
}

/// Voted for itself in a new epoch and asks the others to (`CandidateState`).
#[derive(Clone, Debug)]
pub struct CandidateState {
    pub epoch: LeaderEpoch,
    pub voted: ReplicaKey,
    pub high_watermark: Option<Offset>,
    pub election: EpochElection,
    pub election_timer: Timer,
}

/// Fetches from a leader (`FollowerState`). Voters and observers alike.
#[derive(Clone, Debug)]
pub struct FollowerState {
    pub epoch: LeaderEpoch,
    pub leader: NodeId,
    pub voted: Option<ReplicaKey>,
    pub high_watermark: Option<Offset>,
    pub fetch_timer: Timer,
    pub update_voter_timer: Timer,
    /// The leader answered a fetch in this epoch: from then on pre-votes of others are refused.
    pub has_fetched_from_leader: bool,
    pub has_updated_leader: bool,
    /// The snapshot that is being taken from the leader, as far as it has come.
    pub fetching_snapshot: Option<(OffsetAndEpoch, Vec<u8>)>,
}

/// Led, and gave it up; waits for another to lead (`ResignedState`).
#[derive(Clone, Debug)]
pub struct ResignedState {
    pub epoch: LeaderEpoch,
    pub leader: NodeId,
    pub unacked_voters: Vec<NodeId>,
    pub preferred_successors: Vec<ReplicaKey>,
    pub election_timer: Timer,
}

/// What a node is at the moment (`raft.EpochState`).
#[derive(Clone, Debug)]
pub enum EpochState {
    Unattached(UnattachedState),
    Prospective(ProspectiveState),
    Candidate(CandidateState),
    Leader(LeaderState),
    Follower(FollowerState),
    Resigned(ResignedState),
}

impl EpochState {
    pub fn role(&self) -> Role {
        match self {
            EpochState::Unattached(_) => Role::Unattached,
            EpochState::Prospective(_) => Role::Prospective,
            EpochState::Candidate(_) => Role::Candidate,
            EpochState::Leader(_) => Role::Leader,
            EpochState::Follower(_) => Role::Follower,
            EpochState::Resigned(_) => Role::Resigned,
        }
    }

    /// What goes into the `quorum-state` file for this role.
    pub fn election(&self) -> ElectionState {
        let (epoch, leader, voted) = match self {
            EpochState::Unattached(s) => (s.epoch, s.leader, s.voted),
            EpochState::Prospective(s) => (s.epoch, s.leader, s.voted),
            EpochState::Candidate(s) => (s.epoch, None, Some(s.voted)),
            EpochState::Leader(s) => (s.epoch(), Some(s.local_id()), None),
            EpochState::Follower(s) => (s.epoch, Some(s.leader), s.voted),
            EpochState::Resigned(s) => (s.epoch, Some(s.leader), None),
        };
        ElectionState {
            epoch,
            leader,
            voted,
        }
    }

    /// The leader as the state machine is told: a resigned node has none to name, a leader of the epoch names itself.
    pub fn leader_and_epoch(&self) -> (Option<NodeId>, LeaderEpoch) {
        let election = self.election();
        (election.leader, election.epoch)
    }

    /// Unknown to a new leader until its own epoch is committed, and to one that resigned.
    pub fn high_watermark(&self) -> Option<Offset> {
        match self {
            EpochState::Unattached(s) => s.high_watermark,
            EpochState::Prospective(s) => s.high_watermark,
            EpochState::Candidate(s) => s.high_watermark,
            EpochState::Leader(s) => s.high_watermark(),
            EpochState::Follower(s) => s.high_watermark,
            EpochState::Resigned(_) => None,
        }
    }

    /// Whether this node votes for `candidate` (`EpochState.canGrantVote`). A pre-vote is no promise: it may go to several.
    pub fn can_grant_vote(
        &self,
        candidate: ReplicaKey,
        is_log_up_to_date: bool,
        pre_vote: bool,
    ) -> bool {
        match self {
            EpochState::Unattached(s) => {
                can_grant(s.leader, s.voted, candidate, is_log_up_to_date, pre_vote)
            }
            EpochState::Prospective(s) => {
                can_grant(s.leader, s.voted, candidate, is_log_up_to_date, pre_vote)
            }
            EpochState::Candidate(_) | EpochState::Resigned(_) => pre_vote && is_log_up_to_date,
            EpochState::Follower(s) => pre_vote && !s.has_fetched_from_leader && is_log_up_to_date,
            EpochState::Leader(_) => false,
        }
    }

    /// The instants at which this role has to do something by itself.
    pub fn deadlines(&self) -> Vec<Ms> {
        match self {
            EpochState::Unattached(s) => vec![s.election_timer.deadline_ms],
            EpochState::Prospective(s) => vec![s.election_timer.deadline_ms],
            EpochState::Candidate(s) => vec![s.election_timer.deadline_ms],
            EpochState::Leader(s) => s.deadlines(),
            EpochState::Follower(s) => {
                vec![s.fetch_timer.deadline_ms, s.update_voter_timer.deadline_ms]
            }
            EpochState::Resigned(s) => vec![s.election_timer.deadline_ms],
        }
    }
}

/// `QuorumState.unattachedOrProspectiveCanGrantVote`
fn can_grant(
    leader: Option<NodeId>,
    voted: Option<ReplicaKey>,
    candidate: ReplicaKey,
    is_log_up_to_date: bool,
    pre_vote: bool,
) -> bool {
    if pre_vote {
        return is_log_up_to_date;
    }
    match voted {
        Some(voted) => {
            voted.id == candidate.id
                && (voted.directory_id.is_zero() || voted.directory_id == candidate.directory_id)
        }
        None => leader.is_none() && is_log_up_to_date,
    }
}
