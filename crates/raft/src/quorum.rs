//! Who leads, in which epoch, and whom this node voted for: the state machine of elections.
//!
//! It holds the role and writes what must survive a restart. It sends no request and reads no log; whether the log of a candidate is
//! good enough is told to it.
//!
//! Edges (`raft.QuorumState`):
//! * unattached → unattached: a higher epoch, or a vote given · → prospective: election time-out · → follower: a leader was found
//! * prospective → candidate: a majority would vote for it · → unattached / follower: it would not, or nobody said in time
//! * candidate → leader: a majority voted for it · → prospective: election time-out
//! * follower → prospective: fetch time-out · → follower / unattached: a higher epoch
//! * leader → resigned: no majority fetches, or asked to · → follower / unattached: a higher epoch
//! * resigned → unattached: election time-out, one epoch up · → follower: a higher epoch

use crate::config::QuorumConfig;
use crate::election::{ElectionState, EpochElection};
use crate::leader::LeaderState;
use crate::log::OffsetAndEpoch;
use crate::message::ReplicaKey;
use crate::state::*;
use protocol::{LeaderEpoch, Ms, NodeId, Offset, Protection, Protections};

/// Draws an integer below its argument.
pub type Draw<'a> = &'a mut dyn FnMut(u32) -> u32;

/// The quorum as one node sees it.
#[derive(Clone, Debug)]
pub struct QuorumState {
    pub local: ReplicaKey,
    voters: Vec<NodeId>,
    pub config: QuorumConfig,
    state: EpochState,
    /// Content of the `quorum-state` file.
    stored: ElectionState,
}

impl QuorumState {
    /// Resumes with what the file and the log hold (`QuorumState.initialize`). A node that led does not lead that epoch again; one that
    /// voted for itself goes on asking.
    pub fn initialize(
        local: ReplicaKey,
        mut voters: Vec<NodeId>,
        config: QuorumConfig,
        stored: ElectionState,
        log_end: OffsetAndEpoch,
        now_ms: Ms,
        draw: Draw<'_>,
    ) -> Self {
        voters.sort_unstable();
        voters.dedup();
        let fetch_timeout_ms = Ms::from(config.fetch_timeout_ms);
        let mut timeout = || Timer::new(now_ms, random_election_timeout_ms(&config, draw));
        let unattached = |epoch, voted, timer| {
            EpochState::Unattached(UnattachedState {
                epoch,
                leader: None,
                voted,
                high_watermark: None,
                election_timer: timer,
            })
        };
        let voted_for_self = stored.voted.is_some_and(|key| {
            key.id == local.id
                && (key.directory_id.is_zero() || key.directory_id == local.directory_id)
        });
        let state = if stored.epoch < log_end.epoch {
            unattached(log_end.epoch, None, timeout())
        } else if stored.leader == Some(local.id) {
            EpochState::Resigned(ResignedState {
                epoch: stored.epoch,
                leader: local.id,
                unacked_voters: others(&voters, local.id),
                preferred_successors: Vec::new(),
                election_timer: timeout(),
            })
        } else if voted_for_self && voters.contains(&local.id) {
            EpochState::Candidate(CandidateState {
                epoch: stored.epoch,
                voted: local,
                high_watermark: None,
                election: own_vote(&voters, local.id),
                election_timer: timeout(),
            })
        } else if let Some(leader) = stored.leader {
            if voters.contains(&leader) {
                EpochState::Follower(follower(
                    stored.epoch,
                    leader,
                    stored.voted,
                    None,
                    fetch_timeout_ms,
                    now_ms,
                ))
            } else {
                let mut state = unattached(stored.epoch, stored.voted, timeout());
                if let EpochState::Unattached(unattached) = &mut state {
                    unattached.leader = Some(leader);
                }
                state
            }
        } else {
            unattached(stored.epoch, stored.voted, timeout())
        };
        let stored = state.election();
        Self {
            local,
            voters,
            config,
            state,
            stored,
        }
    }

    pub fn state(&self) -> &EpochState {
        &self.state
    }

    pub fn state_mut(&mut self) -> &mut EpochState {
        &mut self.state
    }

    pub fn stored(&self) -> ElectionState {
        self.stored
    }

    pub fn voters(&self) -> &[NodeId] {
        &self.voters
    }

    pub fn epoch(&self) -> LeaderEpoch {
        self.state.election().epoch
    }

    pub fn leader(&self) -> Option<NodeId> {
        self.state.election().leader
    }

    pub fn high_watermark(&self) -> Option<Offset> {
        self.state.high_watermark()
    }

    pub fn is_voter(&self) -> bool {
        self.voters.binary_search(&self.local.id).is_ok()
    }

    pub fn is_only_voter(&self) -> bool {
        self.voters == [self.local.id]
    }

    pub fn role(&self) -> Role {
        self.state.role()
    }

    pub fn other_voters(&self) -> Vec<NodeId> {
        others(&self.voters, self.local.id)
    }

    fn durable(&mut self, state: EpochState, protections: Protections) {
        let election = state.election();
        self.stored = if protections.on(Protection::VotePersistence) {
            election
        } else {
            // Without the protection the vote lives in memory alone and is forgotten by a restart.
            ElectionState {
                voted: None,
                ..election
            }
        };
        self.state = state;
    }

    /// A higher epoch was heard of, a pre-vote was lost, or a resigned node moves on (`transitionToUnattached`).
    pub fn transition_to_unattached(
        &mut self,
        epoch: LeaderEpoch,
        leader: Option<NodeId>,
        now_ms: Ms,
        protections: Protections,
        draw: Draw<'_>,
    ) {
        let current = self.epoch();
        debug_assert!(epoch > current || (epoch == current && self.role() == Role::Prospective));
        let election_timer = match &self.state {
            _ if !self.is_voter() => Timer::NEVER,
            EpochState::Candidate(s) => s.election_timer,
            EpochState::Unattached(s) => s.election_timer,
            EpochState::Prospective(s) if !s.election.is_vote_rejected() => s.election_timer,
            EpochState::Resigned(s) => s.election_timer,
            _ => Timer::new(now_ms, random_election_timeout_ms(&self.config, draw)),
        };
        let voted = if epoch == current {
            self.state.election().voted
        } else {
            None
        };
        let state = UnattachedState {
            epoch,
            leader,
            voted,
            high_watermark: self.high_watermark(),
            election_timer,
        };
        self.durable(EpochState::Unattached(state), protections);
    }

    /// Remembers a vote that was given. Only unattached and prospective nodes without a vote get here; both wait a whole election time-out
    /// anew, because the candidate has as good a chance as they have.
    pub fn add_voted(
        &mut self,
        candidate: ReplicaKey,
        now_ms: Ms,
        protections: Protections,
        draw: Draw<'_>,
    ) {
        let timer = Timer::new(now_ms, random_election_timeout_ms(&self.config, draw));
        let state = match &self.state {
            EpochState::Unattached(s) => EpochState::Unattached(UnattachedState {
                voted: Some(candidate),
                election_timer: timer,
                ..s.clone()
            }),
            EpochState::Prospective(s) => EpochState::Prospective(ProspectiveState {
                voted: Some(candidate),
                election: own_vote(&self.voters, self.local.id),
                election_timer: timer,
                ..s.clone()
            }),
            _ => return,
        };
        self.durable(state, protections);
    }

    /// A leader of this or a higher epoch was found (`transitionToFollower`).
    pub fn transition_to_follower(
        &mut self,
        epoch: LeaderEpoch,
        leader: NodeId,
        now_ms: Ms,
        protections: Protections,
    ) {
        let voted = if epoch == self.epoch() {
            self.state.election().voted
        } else {
            None
        };
        let fetch_timeout_ms = Ms::from(self.config.fetch_timeout_ms);
        let state = follower(
            epoch,
            leader,
            voted,
            self.high_watermark(),
            fetch_timeout_ms,
            now_ms,
        );
        self.durable(EpochState::Follower(state), protections);
    }

    /// Begins to ask whether it could win. Nothing that must survive a restart changes (`transitionToProspective`).
    pub fn transition_to_prospective(&mut self, now_ms: Ms, draw: Draw<'_>) {
        let election = self.state.election();
        self.state = EpochState::Prospective(ProspectiveState {
            epoch: election.epoch,
            leader: election.leader,
            voted: election.voted,
            high_watermark: self.high_watermark(),
            election: own_vote(&self.voters, self.local.id),
            election_timer: Timer::new(now_ms, random_election_timeout_ms(&self.config, draw)),
        });
    }

    /// One epoch up, with its own vote (`transitionToCandidate`).
    pub fn transition_to_candidate(
        &mut self,
        now_ms: Ms,
        protections: Protections,
        draw: Draw<'_>,
    ) {
        let state = CandidateState {
            epoch: self.epoch().next(),
            voted: self.local,
            high_watermark: self.high_watermark(),
            election: own_vote(&self.voters, self.local.id),
            election_timer: Timer::new(now_ms, random_election_timeout_ms(&self.config, draw)),
        };
        self.durable(EpochState::Candidate(state), protections);
    }

    /// Won. The high watermark is forgotten: only once this epoch has committed something is it sure that it does not sink.
    pub fn transition_to_leader(
        &mut self,
        epoch_start_offset: Offset,
        now_ms: Ms,
        protections: Protections,
    ) {
        let EpochState::Candidate(candidate) = &self.state else {
            unreachable!("only a candidate becomes leader");
        };
        let state = LeaderState::new(
            self.local.id,
            candidate.epoch,
            epoch_start_offset,
            &self.voters,
            candidate.election.granting_voters(),
            &self.config,
            now_ms,
        );
        self.durable(EpochState::Leader(state), protections);
    }

    /// Gives the leadership up within its epoch; the file still names this node, so that it cannot lead the epoch again.
    pub fn transition_to_resigned(
        &mut self,
        preferred_successors: Vec<ReplicaKey>,
        now_ms: Ms,
        draw: Draw<'_>,
    ) {
        self.state = EpochState::Resigned(ResignedState {
            epoch: self.epoch(),
            leader: self.local.id,
            unacked_voters: self.other_voters(),
            preferred_successors,
            election_timer: Timer::new(now_ms, random_election_timeout_ms(&self.config, draw)),
        });
    }
}

fn others(voters: &[NodeId], local: NodeId) -> Vec<NodeId> {
    voters.iter().copied().filter(|&id| id != local).collect()
}

fn own_vote(voters: &[NodeId], local: NodeId) -> EpochElection {
    let mut election = EpochElection::new(voters);
    election.record_vote(local, true);
    election
}

fn follower(
    epoch: LeaderEpoch,
    leader: NodeId,
    voted: Option<ReplicaKey>,
    high_watermark: Option<Offset>,
    fetch_timeout_ms: Ms,
    now_ms: Ms,
) -> FollowerState {
    FollowerState {
        epoch,
        leader,
        voted,
        high_watermark,
        fetch_timer: Timer::new(now_ms, fetch_timeout_ms),
        update_voter_timer: Timer::new(now_ms, fetch_timeout_ms),
        has_fetched_from_leader: false,
        has_updated_leader: false,
        fetching_snapshot: None,
    }
}

/// The configured time plus a draw below it (`QuorumState.randomElectionTimeoutMs`).
fn random_election_timeout_ms(config: &QuorumConfig, draw: Draw<'_>) -> Ms {
    let base = u32::try_from(config.election_timeout_ms).unwrap_or(0);
    if base == 0 {
        0
    } else {
        Ms::from(base) + Ms::from(draw(base))
    }
}
