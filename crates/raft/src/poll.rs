//! What a node does by itself, role by role, when its time has come: send, append, stand, resign.
//!
//! Source: `KafkaRaftClient.poll…`.

use crate::config::MAX_FETCH_WAIT_MS;
use crate::log::RaftLog;
use crate::message::*;
use crate::node::{BOOTSTRAP, Node};
use crate::rules;
use crate::state::EpochState;
use protocol::{Ctx, Ms, NodeId, Offset};

impl<L: RaftLog> Node<L> {
    pub(crate) fn poll_current_state(&mut self, ctx: &mut Ctx<'_>) {
        let now_ms = ctx.now.ms();
        match self.quorum.state() {
            EpochState::Leader(_) => self.poll_leader(ctx),
            EpochState::Candidate(state) => {
                if state.election_timer.is_expired(now_ms) {
                    self.transition_to_prospective(rules::ELECTION_TIMEOUT, ctx);
                } else {
                    self.maybe_send_votes(now_ms);
                }
            }
            EpochState::Prospective(state) => {
                if state.election_timer.is_expired(now_ms) {
                    self.prospective_transition_after_loss(ctx);
                } else {
                    self.maybe_send_votes(now_ms);
                }
            }
            EpochState::Follower(_) => self.poll_follower(ctx),
            EpochState::Unattached(state) => {
                if self.quorum.is_voter() && state.election_timer.is_expired(now_ms) {
                    self.transition_to_prospective(rules::ELECTION_TIMEOUT, ctx);
                } else {
                    self.maybe_fetch_from_any(ctx);
                }
            }
            EpochState::Resigned(state) => {
                let timed_out = state.election_timer.is_expired(now_ms);
                for voter in state.unacked_voters.clone() {
                    self.maybe_send(voter, Self::end_quorum_epoch, now_ms);
                }
                if timed_out {
                    let next = self.epoch().next();
                    self.transition_to_unattached(next, None, rules::RESIGNED_MOVES_ON, ctx);
                }
            }
        }
    }

    fn poll_leader(&mut self, ctx: &mut Ctx<'_>) {
        let now_ms = ctx.now.ms();
        self.maybe_fire_leader_change();
        let EpochState::Leader(state) = self.quorum.state() else {
            return;
        };
        let lost_majority = state.has_lost_majority(now_ms);
        if state.resign_requested || lost_majority {
            let rule = if lost_majority {
                rules::CHECK_QUORUM
            } else {
                rules::RESIGN
            };
            self.transition_to_resigned(rule, ctx);
            return;
        }
        self.maybe_append_batches(ctx);
        self.maybe_send_begin_quorum_epoch(now_ms);
    }

    /// Writes what was gathered. The end is counted before the flush, so that waiting followers get it the sooner.
    fn maybe_append_batches(&mut self, ctx: &mut Ctx<'_>) {
        let now_ms = ctx.now.ms();
        let EpochState::Leader(state) = self.quorum.state_mut() else {
            return;
        };
        if !state.accumulator.is_drain_due(now_ms) {
            return;
        }
        let epoch = state.epoch();
        for batch in state.accumulator.drain() {
            self.log.append_as_leader(batch, epoch);
            self.changes += 1;
        }
        let end = self.log.end_offset();
        if let EpochState::Leader(state) = self.quorum.state_mut()
            && state.update_local(end)
        {
            self.on_update_leader_high_watermark(now_ms);
        }
        let waiting = self.parked.up_to(end);
        self.complete_parked(waiting, now_ms);
        self.log.flush();
        self.report(rules::LINGER, ctx);
    }

    fn maybe_send_begin_quorum_epoch(&mut self, now_ms: Ms) {
        let EpochState::Leader(state) = self.quorum.state_mut() else {
            return;
        };
        if !state.is_begin_quorum_epoch_due(now_ms) {
            return;
        }
        state.reset_begin_quorum_epoch_timer(now_ms);
        for voter in state.need_begin_quorum_epoch(now_ms) {
            self.maybe_send(voter, |node| node.begin_quorum_epoch(voter), now_ms);
        }
    }

    /// Asks those voters that have not said yet, as long as there is a chance to win.
    fn maybe_send_votes(&mut self, now_ms: Ms) {
        let (election, pre_vote) = match self.quorum.state() {
            EpochState::Prospective(state) => (&state.election, true),
            EpochState::Candidate(state) => (&state.election, false),
            _ => return,
        };
        if election.is_vote_rejected() {
            return;
        }
        for voter in election.unrecorded_voters() {
            self.maybe_send(voter, |node| node.vote(voter, pre_vote), now_ms);
        }
    }

    fn poll_follower(&mut self, ctx: &mut Ctx<'_>) {
        let now_ms = ctx.now.ms();
        let EpochState::Follower(state) = self.quorum.state() else {
            return;
        };
        if !self.quorum.is_voter() {
            self.fetch_from_best(ctx);
        } else if state.fetch_timer.is_expired(now_ms) {
            self.transition_to_prospective(rules::FETCH_TIMEOUT, ctx);
        } else if state.update_voter_timer.is_expired(now_ms) {
            let (leader, is_known) = (state.leader, state.has_updated_leader);
            let reset = if is_known {
                self.fetch_from_best(ctx);
                true
            } else {
                self.maybe_send(leader, Self::update_voter, now_ms)
            };
            let period_ms = Ms::from(self.quorum.config.fetch_timeout_ms);
            if let (true, EpochState::Follower(state)) = (reset, self.quorum.state_mut()) {
                state.update_voter_timer = crate::state::Timer::new(now_ms, period_ms);
            }
        } else {
            self.fetch_from_best(ctx);
        }
    }

    /// From the leader; from anybody if the leader does not answer, to learn whether there is a new one.
    fn fetch_from_best(&mut self, ctx: &mut Ctx<'_>) {
        let now_ms = ctx.now.ms();
        let EpochState::Follower(state) = self.quorum.state() else {
            return;
        };
        let leader = state.leader;
        let fetching_snapshot = state.fetching_snapshot.is_some();
        if self.connections.has_request_timed_out(leader, now_ms) {
            self.connections.reset(leader);
            self.maybe_fetch_from_any(ctx);
        } else if self.connections.is_backing_off(leader, now_ms) {
            self.maybe_fetch_from_any(ctx);
        } else if !self.connections.has_any_in_flight(now_ms) {
            let request = if fetching_snapshot {
                Self::fetch_snapshot
            } else {
                Self::fetch
            };
            self.maybe_send(leader, request, now_ms);
        }
    }

    fn maybe_fetch_from_any(&mut self, ctx: &mut Ctx<'_>) {
        let now_ms = ctx.now.ms();
        let draw = &mut |bound| ctx.draws.next_int(bound, BOOTSTRAP);
        if let Some(node) = self.connections.ready_bootstrap_server(now_ms, draw) {
            self.maybe_send(node, Self::fetch, now_ms);
        }
    }

    fn request(&self, body: RequestBody) -> Request {
        Request {
            cluster_id: Some(self.cluster_id.clone()),
            epoch: self.epoch(),
            body,
        }
    }

    fn vote(&self, voter: NodeId, pre_vote: bool) -> Request {
        let end = self.log.end_offset_and_epoch();
        self.request(RequestBody::Vote {
            candidate: self.quorum.local,
            voter: Some(ReplicaKey::of(voter)),
            last_epoch: end.epoch,
            last_offset: end.offset,
            pre_vote,
        })
    }

    fn begin_quorum_epoch(&self, voter: NodeId) -> Request {
        self.request(RequestBody::BeginQuorumEpoch {
            leader: self.id(),
            voter: Some(ReplicaKey::of(voter)),
        })
    }

    fn end_quorum_epoch(&self) -> Request {
        let preferred = match self.quorum.state() {
            EpochState::Resigned(state) => state.preferred_successors.clone(),
            _ => Vec::new(),
        };
        self.request(RequestBody::EndQuorumEpoch {
            leader: self.id(),
            preferred,
        })
    }

    fn fetch(&self) -> Request {
        self.request(RequestBody::Fetch {
            replica: self.quorum.local,
            offset: self.log.end_offset(),
            last_epoch: self.log.last_fetched_epoch(),
            max_wait_ms: MAX_FETCH_WAIT_MS,
            max_bytes: self.quorum.config.fetch_max_bytes,
            high_watermark: self.high_watermark().unwrap_or(Offset::NONE),
        })
    }

    fn fetch_snapshot(&self) -> Request {
        let EpochState::Follower(state) = self.quorum.state() else {
            unreachable!("a follower fetches snapshots")
        };
        let (id, have) = state
            .fetching_snapshot
            .as_ref()
            .expect("asked for only while one is being fetched");
        self.request(RequestBody::FetchSnapshot {
            replica: self.quorum.local,
            snapshot: *id,
            position: have.len() as i64,
            max_bytes: self.quorum.config.fetch_snapshot_max_bytes,
        })
    }

    fn update_voter(&self) -> Request {
        self.request(RequestBody::UpdateRaftVoter {
            voter: self.quorum.local,
        })
    }
}
