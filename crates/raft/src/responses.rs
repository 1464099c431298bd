//! What a node makes of the answers to its own requests.
//!
//! Source: `KafkaRaftClient.handle…Response`, `maybeHandleCommonResponse`.

use crate::log::{OffsetAndEpoch, RaftLog};
use crate::message::*;
use crate::node::Node;
use crate::rules;
use crate::state::{EpochState, Timer};
use bytes::Bytes;
use protocol::{CorrelationId, Ctx, ErrorCode, Ms, NodeId, Offset};

impl<L: RaftLog> Node<L> {
    /// An answer that nobody waits for any more is dropped: roles changed meanwhile, or it came after its time and was asked again.
    pub(crate) fn handle_response(
        &mut self,
        from: NodeId,
        correlation_id: CorrelationId,
        response: Response,
        ctx: &mut Ctx<'_>,
    ) {
        if !self.connections.is_response_expected(from, correlation_id) {
            return;
        }
        let success = self.handle_expected_response(from, response, ctx);
        self.connections
            .on_response(from, correlation_id, success, ctx.now.ms());
        self.changes += 1;
    }

    /// True if the sender may be asked again at once, false if it has to be left alone for a while.
    fn handle_expected_response(
        &mut self,
        from: NodeId,
        response: Response,
        ctx: &mut Ctx<'_>,
    ) -> bool {
        if response.error != ErrorCode::None {
            let is_pre_vote = matches!(self.quorum.state(), EpochState::Prospective(_));
            if response.error == ErrorCode::UnsupportedVersion
                && is_pre_vote
                && matches!(response.body, ResponseBody::Vote { .. })
            {
                // A voter that does not know pre-votes: stand right away.
                self.transition_to_candidate(ctx);
                return true;
            }
            return false;
        }
        if let Some(handled) = self.handle_common(&response, ctx) {
            return handled;
        }
        let error = response.partition_error;
        match response.body {
            ResponseBody::Vote { granted } if error == ErrorCode::None => {
                self.handle_vote_answer(from, granted, ctx);
                true
            }
            ResponseBody::BeginQuorumEpoch if error == ErrorCode::None => {
                if let EpochState::Leader(leader) = self.quorum.state_mut() {
                    leader.acknowledge(from);
                }
                true
            }
            ResponseBody::EndQuorumEpoch if error == ErrorCode::None => {
                if let EpochState::Resigned(state) = self.quorum.state_mut() {
                    state.unacked_voters.retain(|&voter| voter != from);
                }
                true
            }
            ResponseBody::UpdateRaftVoter
                if matches!(error, ErrorCode::None | ErrorCode::UnsupportedVersion) =>
            {
                let fetch_timeout_ms = Ms::from(self.quorum.config.fetch_timeout_ms);
                if let EpochState::Follower(state) = self.quorum.state_mut() {
                    state.has_updated_leader = true;
                    state.fetch_timer = Timer::new(ctx.now.ms(), fetch_timeout_ms);
                    state.has_fetched_from_leader = true;
                }
                true
            }
            ResponseBody::Fetch(answer) if error == ErrorCode::None => {
                self.handle_fetch_answer(answer, ctx)
            }
            ResponseBody::FetchSnapshot {
                snapshot,
                size,
                position,
                content,
            } => self.handle_snapshot_answer(error, snapshot, size, position, content, ctx),
            _ => false,
        }
    }

    /// What every answer says of leader and epoch. `None`: it is for the one who asked.
    fn handle_common(&mut self, response: &Response, ctx: &mut Ctx<'_>) -> Option<bool> {
        let (error, epoch, leader) = (response.partition_error, response.epoch, response.leader);
        if epoch < self.epoch() || error == ErrorCode::UnknownLeaderEpoch {
            return Some(true);
        }
        if epoch > self.epoch()
            || matches!(
                error,
                ErrorCode::FencedLeaderEpoch | ErrorCode::NotLeaderOrFollower
            )
        {
            self.maybe_transition(leader, epoch, rules::FOUND_LEADER, ctx);
            return Some(true);
        }
        if let (Some(leader), None) = (leader, self.leader()) {
            self.transition_to_follower(epoch, leader, rules::FOUND_LEADER, ctx);
            // A good answer goes on to its handler, so that an observer finds its leader and fetches in one go.
            return if error == ErrorCode::None {
                None
            } else {
                Some(true)
            };
        }
        match error {
            ErrorCode::BrokerNotAvailable => Some(false),
            ErrorCode::InvalidVoterKey => Some(true),
            ErrorCode::InvalidRequest => {
                self.stop("a request of this node was called invalid");
                Some(false)
            }
            _ => None,
        }
    }

    fn handle_vote_answer(&mut self, from: NodeId, granted: bool, ctx: &mut Ctx<'_>) {
        let lost = match self.quorum.state_mut() {
            EpochState::Prospective(state) => {
                state.election.record_vote(from, granted);
                !granted && state.election.is_vote_rejected()
            }
            EpochState::Candidate(state) => {
                state.election.record_vote(from, granted);
                false
            }
            _ => return,
        };
        if granted {
            self.maybe_transition_to_candidate(ctx);
            self.maybe_transition_to_leader(ctx);
        } else if lost {
            self.prospective_transition_after_loss(ctx);
        }
    }

    /// Back to the leader that is still known, or to looking for one.
    pub(crate) fn prospective_transition_after_loss(&mut self, ctx: &mut Ctx<'_>) {
        let (epoch, leader) = (self.epoch(), self.leader());
        match leader.filter(|leader| self.quorum.voters().contains(leader)) {
            Some(leader) => self.transition_to_follower(epoch, leader, rules::PRE_VOTE_LOST, ctx),
            None => self.transition_to_unattached(epoch, leader, rules::PRE_VOTE_LOST, ctx),
        }
    }

    fn handle_fetch_answer(&mut self, answer: FetchAnswer, ctx: &mut Ctx<'_>) -> bool {
        let EpochState::Follower(state) = self.quorum.state() else {
            self.stop("a fetch was answered by one that does not lead");
            return false;
        };
        let known = state.high_watermark;
        if let Some(end) = answer.diverging {
            if known.is_some_and(|hw| end.offset < hw) {
                self.stop("the leader asks to truncate below the high watermark");
                return false;
            }
            self.log.truncate_to_end_offset(end);
            self.report(rules::TRUNCATION, ctx);
        } else if let Some(id) = answer.snapshot {
            if id.offset < Offset::ZERO || id.epoch.is_none() {
                return false;
            }
            let stored_already = self.log.snapshot(id).is_some();
            if let EpochState::Follower(state) = self.quorum.state_mut() {
                state.fetching_snapshot = (!stored_already).then(|| (id, Vec::new()));
            }
        } else {
            if !answer.records.is_empty() {
                self.log.append_as_follower(&answer.records, self.epoch());
                self.log.flush();
            }
            if !answer.high_watermark.is_none()
                && !self.update_follower_high_watermark(answer.high_watermark, ctx)
            {
                return false;
            }
        }
        self.note_successful_fetch(ctx.now.ms());
        true
    }

    fn note_successful_fetch(&mut self, now_ms: Ms) {
        let fetch_timeout_ms = Ms::from(self.quorum.config.fetch_timeout_ms);
        if let EpochState::Follower(state) = self.quorum.state_mut() {
            state.fetch_timer = Timer::new(now_ms, fetch_timeout_ms);
            state.has_fetched_from_leader = true;
        }
    }

    /// Takes over what the leader says is committed, as far as this log reaches. It never sinks.
    fn update_follower_high_watermark(&mut self, told: Offset, ctx: &mut Ctx<'_>) -> bool {
        let new = told.min(self.log.end_offset());
        let EpochState::Follower(state) = self.quorum.state_mut() else {
            return false;
        };
        match state.high_watermark {
            Some(known) if new < known => {
                self.stop("the high watermark of a follower would sink");
                return false;
            }
            Some(known) if new == known => return true,
            _ => state.high_watermark = Some(new),
        }
        self.changes += 1;
        self.log.update_high_watermark(new);
        self.update_listener_progress(new);
        self.report(rules::FOLLOWER_HIGH_WATERMARK, ctx);
        true
    }

    fn handle_snapshot_answer(
        &mut self,
        error: ErrorCode,
        snapshot: Option<OffsetAndEpoch>,
        size: i64,
        position: i64,
        content: Bytes,
        ctx: &mut Ctx<'_>,
    ) -> bool {
        let EpochState::Follower(state) = self.quorum.state_mut() else {
            self.stop("a snapshot was sent by one that does not lead");
            return false;
        };
        let Some(id) = snapshot.filter(|_| error != ErrorCode::SnapshotNotFound) else {
            if error != ErrorCode::None && error != ErrorCode::SnapshotNotFound {
                return false;
            }
            // The leader has a newer one by now: fetch again to be told which.
            state.fetching_snapshot = None;
            self.note_successful_fetch(ctx.now.ms());
            return true;
        };
        if error != ErrorCode::None {
            return false;
        }
        let is_next = matches!(&state.fetching_snapshot, Some((wanted, have)) if *wanted == id && have.len() as i64 == position);
        let Some((_, have)) = state.fetching_snapshot.as_mut().filter(|_| is_next) else {
            self.stop("a part of a snapshot that was not asked for");
            return false;
        };
        have.extend_from_slice(&content);
        if have.len() as i64 == size {
            let whole = Bytes::from(std::mem::take(have));
            state.fetching_snapshot = None;
            self.log.store_snapshot(id, whole);
            if self.log.truncate_to_latest_snapshot() {
                self.log.flush();
                self.changes += 1;
                if let EpochState::Follower(state) = self.quorum.state_mut()
                    && state.high_watermark.is_none_or(|hw| hw < id.offset)
                {
                    state.high_watermark = Some(id.offset);
                }
                self.log.update_high_watermark(id.offset);
                self.update_listener_progress(id.offset);
                self.report(rules::SNAPSHOT, ctx);
            } else {
                self.stop("a snapshot from the leader that is not ahead of the log");
                return false;
            }
        }
        self.note_successful_fetch(ctx.now.ms());
        true
    }
}
