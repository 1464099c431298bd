//! What a leader knows of the others, and what follows from it: the high watermark, and whether it still has a majority.
//!
//! It sends nothing; the node asks it whom to speak to.

use crate::accumulator::BatchAccumulator;
use crate::config::{OBSERVER_SESSION_TIMEOUT_MS, QuorumConfig};
use crate::message::ReplicaKey;
use crate::state::Timer;
use protocol::{LeaderEpoch, Ms, NodeId, Offset};
use std::collections::{BTreeMap, BTreeSet};

/// Another node's log as the leader knows it from its fetches (`LeaderState.ReplicaState`).
#[derive(Clone, Debug)]
pub struct ReplicaState {
    pub key: ReplicaKey,
    pub end_offset: Option<Offset>,
    /// −1 = never.
    pub last_fetch_ms: Ms,
    pub last_fetch_leader_end: Offset,
    /// −1 = never.
    pub last_caught_up_ms: Ms,
    pub has_acknowledged_leader: bool,
}

impl ReplicaState {
    fn new(key: ReplicaKey, has_acknowledged_leader: bool) -> Self {
        Self {
            key,
            end_offset: None,
            last_fetch_ms: -1,
            last_fetch_leader_end: Offset::NONE,
            last_caught_up_ms: -1,
            has_acknowledged_leader,
        }
    }

    fn update_follower(&mut self, now_ms: Ms, offset: Offset, leader_end: Option<Offset>) {
        // Before the time of this fetch is noted: a follower that reached what the end was at its last fetch was caught up then.
        if let Some(leader_end) = leader_end {
            if offset >= leader_end {
                self.last_caught_up_ms = self.last_caught_up_ms.max(now_ms);
            } else if self.last_fetch_leader_end > Offset::ZERO
                && offset >= self.last_fetch_leader_end
            {
                self.last_caught_up_ms = self.last_caught_up_ms.max(self.last_fetch_ms);
            }
            self.last_fetch_leader_end = leader_end;
        }
        self.last_fetch_ms = self.last_fetch_ms.max(now_ms);
        self.end_offset = Some(offset);
        self.has_acknowledged_leader = true;
    }
}

/// The role of the leader of an epoch (`raft.LeaderState`).
#[derive(Clone, Debug)]
pub struct LeaderState {
    local: NodeId,
    epoch: LeaderEpoch,
    epoch_start_offset: Offset,
    granting_voters: Vec<NodeId>,
    high_watermark: Option<Offset>,
    voters: BTreeMap<NodeId, ReplicaState>,
    observers: BTreeMap<ReplicaKey, ReplicaState>,
    pub accumulator: BatchAccumulator,
    /// Voters that fetched since the check-quorum timer last started anew.
    fetched_voters: BTreeSet<NodeId>,
    check_quorum_timer: Timer,
    check_quorum_timeout_ms: Ms,
    begin_quorum_epoch_timer: Timer,
    begin_quorum_epoch_timeout_ms: Ms,
    pub resign_requested: bool,
}

impl LeaderState {
    pub fn new(
        local: NodeId,
        epoch: LeaderEpoch,
        epoch_start_offset: Offset,
        voters: &[NodeId],
        granting_voters: Vec<NodeId>,
        config: &QuorumConfig,
        now_ms: Ms,
    ) -> Self {
        let check_quorum_timeout_ms = config.check_quorum_timeout_ms();
        Self {
            local,
            epoch,
            epoch_start_offset,
            granting_voters,
            high_watermark: None,
            voters: voters
                .iter()
                .map(|&id| (id, ReplicaState::new(ReplicaKey::of(id), id == local)))
                .collect(),
            observers: BTreeMap::new(),
            accumulator: BatchAccumulator::new(epoch, epoch_start_offset, config.append_linger_ms),
            fetched_voters: BTreeSet::new(),
            check_quorum_timer: Timer::new(now_ms, check_quorum_timeout_ms),
            check_quorum_timeout_ms,
            begin_quorum_epoch_timer: Timer::new(now_ms, 0),
            begin_quorum_epoch_timeout_ms: config.begin_quorum_epoch_timeout_ms(),
            resign_requested: false,
        }
    }

    pub fn local_id(&self) -> NodeId {
        self.local
    }

    pub fn epoch(&self) -> LeaderEpoch {
        self.epoch
    }

    pub fn epoch_start_offset(&self) -> Offset {
        self.epoch_start_offset
    }

    pub fn granting_voters(&self) -> &[NodeId] {
        &self.granting_voters
    }

    pub fn high_watermark(&self) -> Option<Offset> {
        self.high_watermark
    }

    /// The voters in order of id, the leader among them.
    pub fn voter_states(&self) -> impl Iterator<Item = &ReplicaState> {
        self.voters.values()
    }

    /// Observers that fetched within the last five minutes.
    pub fn observer_states(&mut self, now_ms: Ms) -> impl Iterator<Item = &ReplicaState> {
        self.observers
            .retain(|_, state| now_ms - state.last_fetch_ms < OBSERVER_SESSION_TIMEOUT_MS);
        self.observers.values()
    }

    fn is_voter(&self, id: NodeId) -> bool {
        self.voters.contains_key(&id)
    }

    /// The leader's own log grew. True if the high watermark moved.
    pub fn update_local(&mut self, end_offset: Offset) -> bool {
        let local = self
            .voters
            .get_mut(&self.local)
            .expect("a leader is one of its voters");
        debug_assert!(
            local.end_offset.is_none_or(|end| end <= end_offset),
            "the leader's own log never shrinks"
        );
        local.end_offset = Some(end_offset);
        self.maybe_update_high_watermark()
    }

    /// A replica fetched from `offset`: so it has everything before. True if the high watermark moved.
    pub fn update_replica(&mut self, replica: ReplicaKey, now_ms: Ms, offset: Offset) -> bool {
        // A fetch of the leader by itself or by a consumer says nothing about replication.
        if replica.id < NodeId(0) || replica.id == self.local {
            return false;
        }
        let leader_end = self.voters[&self.local].end_offset;
        if let Some(state) = self.voters.get_mut(&replica.id) {
            state.update_follower(now_ms, offset, leader_end);
        } else {
            let state = self
                .observers
                .entry(replica)
                .or_insert_with(|| ReplicaState::new(replica, false));
            state.update_follower(now_ms, offset, leader_end);
        }
        self.update_check_quorum(replica.id, now_ms);
        self.is_voter(replica.id) && self.maybe_update_high_watermark()
    }

    /// The end that a majority has reached, once it lies beyond the start of this epoch: what earlier epochs wrote is only safe
    /// together with something of this one.
    fn maybe_update_high_watermark(&mut self) -> bool {
        let mut ends: Vec<Option<Offset>> =
            self.voters.values().map(|state| state.end_offset).collect();
        ends.sort_unstable_by(|a, b| b.cmp(a));
        let Some(candidate) = ends[ends.len() / 2] else {
            return false;
        };
        if candidate <= self.epoch_start_offset
            || self.high_watermark.is_some_and(|hw| candidate <= hw)
        {
            return false;
        }
        self.high_watermark = Some(candidate);
        true
    }

    /// Starts the check-quorum time anew when enough different voters fetched to make a majority with the leader.
    pub fn update_check_quorum(&mut self, replica: NodeId, now_ms: Ms) {
        if self.is_voter(replica) {
            self.fetched_voters.insert(replica);
        }
        // The leader itself is the missing one of the majority.
        let others_of_a_majority = self.voters.len() / 2;
        if self.fetched_voters.len() >= others_of_a_majority {
            self.fetched_voters.clear();
            self.check_quorum_timer = Timer::new(now_ms, self.check_quorum_timeout_ms);
        }
    }

    pub fn has_lost_majority(&self, now_ms: Ms) -> bool {
        self.voters.len() > 1 && self.check_quorum_timer.is_expired(now_ms)
    }

    pub fn is_begin_quorum_epoch_due(&self, now_ms: Ms) -> bool {
        self.begin_quorum_epoch_timer.is_expired(now_ms)
    }

    pub fn reset_begin_quorum_epoch_timer(&mut self, now_ms: Ms) {
        self.begin_quorum_epoch_timer = Timer::new(now_ms, self.begin_quorum_epoch_timeout_ms);
    }

    /// Voters that have to be told who leads, because they do not fetch.
    pub fn need_begin_quorum_epoch(&self, now_ms: Ms) -> Vec<NodeId> {
        self.voters
            .values()
            .filter(|state| {
                state.key.id != self.local
                    && now_ms - state.last_fetch_ms >= self.begin_quorum_epoch_timeout_ms
            })
            .map(|state| state.key.id)
            .collect()
    }

    pub fn acknowledge(&mut self, voter: NodeId) {
        if let Some(state) = self.voters.get_mut(&voter) {
            state.has_acknowledged_leader = true;
        }
    }

    /// The other voters, the longest log first, ties by id.
    pub fn successors(&self) -> Vec<ReplicaKey> {
        let mut others: Vec<&ReplicaState> = self
            .voters
            .values()
            .filter(|state| state.key.id != self.local)
            .collect();
        others.sort_by(|a, b| b.end_offset.cmp(&a.end_offset).then(a.key.cmp(&b.key)));
        others.into_iter().map(|state| state.key).collect()
    }

    pub fn deadlines(&self) -> Vec<Ms> {
        let mut due = vec![self.accumulator.deadline_ms()];
        if self.voters.len() > 1 {
            due.push(self.check_quorum_timer.deadline_ms);
            due.push(self.begin_quorum_epoch_timer.deadline_ms);
        }
        due
    }
}
