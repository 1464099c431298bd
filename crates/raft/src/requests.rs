//! What a node answers when another asks: votes, news of leaders, fetches, snapshots.
//!
//! Source: `KafkaRaftClient.handle…Request`.

use crate::log::{Isolation, OffsetAndEpoch, RaftLog, ValidOffsetAndEpoch};
use crate::message::*;
use crate::node::{Node, RequestToken};
use crate::purgatory::ParkedFetch;
use crate::rules;
use crate::state::{EpochState, Role, Timer};
use bytes::Bytes;
use protocol::{Ctx, ErrorCode, LeaderEpoch, Ms, NodeId, Offset, Protection};

impl<L: RaftLog> Node<L> {
    pub(crate) fn handle_request(
        &mut self,
        token: RequestToken,
        request: Request,
        ctx: &mut Ctx<'_>,
    ) {
        if request
            .cluster_id
            .as_ref()
            .is_some_and(|id| *id != self.cluster_id)
        {
            let body = empty_answer(&request.body);
            self.respond(
                token,
                Response::top_level(ErrorCode::InconsistentClusterId, body),
            );
            return;
        }
        match &request.body {
            RequestBody::Fetch { .. } => self.handle_fetch(token, request, ctx),
            RequestBody::FetchSnapshot {
                replica,
                snapshot,
                position,
                max_bytes,
            } => {
                let (replica, snapshot, position, max_bytes) =
                    (*replica, *snapshot, *position, *max_bytes);
                let response = self.handle_fetch_snapshot(
                    request.epoch,
                    replica,
                    snapshot,
                    position,
                    max_bytes,
                    ctx.now.ms(),
                );
                self.respond(token, response);
            }
            RequestBody::Vote { .. } => {
                let (error, granted) = self.handle_vote(&request, ctx);
                let response = self.answer(error, ResponseBody::Vote { granted });
                self.respond(token, response);
            }
            RequestBody::BeginQuorumEpoch { leader, voter } => {
                let error = self.handle_begin_quorum_epoch(request.epoch, *leader, *voter, ctx);
                let response = self.answer(error, ResponseBody::BeginQuorumEpoch);
                self.respond(token, response);
            }
            RequestBody::EndQuorumEpoch { leader, preferred } => {
                let error = self.handle_end_quorum_epoch(request.epoch, *leader, preferred, ctx);
                let response = self.answer(error, ResponseBody::EndQuorumEpoch);
                self.respond(token, response);
            }
            RequestBody::UpdateRaftVoter { .. } => {
                // With static voters there is nothing to update: the leader takes note and says so.
                let error = self
                    .validate_leader_only(request.epoch)
                    .unwrap_or(ErrorCode::None);
                let response = self.answer(error, ResponseBody::UpdateRaftVoter);
                self.respond(token, response);
            }
        }
    }

    fn answer(&self, partition_error: ErrorCode, body: ResponseBody) -> Response {
        Response {
            error: ErrorCode::None,
            partition_error,
            epoch: self.epoch(),
            leader: self.leader(),
            body,
        }
    }

    fn validate_voter_only(&self, from: NodeId, epoch: LeaderEpoch) -> Option<ErrorCode> {
        if epoch < self.epoch() {
            Some(ErrorCode::FencedLeaderEpoch)
        } else if from < NodeId(0) {
            Some(ErrorCode::InvalidRequest)
        } else {
            None
        }
    }

    fn validate_leader_only(&self, epoch: LeaderEpoch) -> Option<ErrorCode> {
        if epoch < self.epoch() {
            Some(ErrorCode::FencedLeaderEpoch)
        } else if epoch > self.epoch() {
            Some(ErrorCode::UnknownLeaderEpoch)
        } else if !self.is_leader() {
            Some(ErrorCode::NotLeaderOrFollower)
        } else {
            None
        }
    }

    fn is_meant_for_another(&self, voter: Option<ReplicaKey>) -> bool {
        let local = self.quorum.local;
        voter.is_some_and(|key| {
            key.id != local.id
                || (!key.directory_id.is_zero() && key.directory_id != local.directory_id)
        })
    }

    fn handle_vote(&mut self, request: &Request, ctx: &mut Ctx<'_>) -> (ErrorCode, bool) {
        let RequestBody::Vote {
            candidate,
            voter,
            last_epoch,
            last_offset,
            pre_vote,
        } = request.body
        else {
            unreachable!("called for votes only");
        };
        // A candidate stands one epoch above all that it has; a pre-vote is asked in the epoch it is in.
        let is_illegal_epoch = if pre_vote {
            last_epoch > request.epoch
        } else {
            last_epoch >= request.epoch
        };
        if last_offset < Offset::ZERO || last_epoch < LeaderEpoch(0) || is_illegal_epoch {
            return (ErrorCode::InvalidRequest, false);
        }
        if let Some(error) = self.validate_voter_only(candidate.id, request.epoch) {
            return (error, false);
        }
        if request.epoch > self.epoch() {
            self.transition_to_unattached(request.epoch, None, rules::HIGHER_EPOCH, ctx);
        }
        if self.is_meant_for_another(voter) {
            return (ErrorCode::InvalidVoterKey, false);
        }
        let theirs = OffsetAndEpoch {
            offset: last_offset,
            epoch: last_epoch,
        };
        let is_up_to_date = theirs >= self.log.end_offset_and_epoch()
            || !ctx.protections.on(Protection::VoteUpToDate);
        let granted = self
            .quorum
            .state()
            .can_grant_vote(candidate, is_up_to_date, pre_vote);
        if granted && !pre_vote && self.voted().is_none() {
            let draw = &mut |bound| ctx.draws.next_int(bound, crate::node::ELECTION_TIMEOUT);
            self.quorum
                .add_voted(candidate, ctx.now.ms(), ctx.protections, draw);
            self.changes += 1;
            self.report(rules::VOTE_UP_TO_DATE, ctx);
        }
        (ErrorCode::None, granted)
    }

    fn handle_begin_quorum_epoch(
        &mut self,
        epoch: LeaderEpoch,
        leader: NodeId,
        voter: Option<ReplicaKey>,
        ctx: &mut Ctx<'_>,
    ) -> ErrorCode {
        if let Some(error) = self.validate_voter_only(leader, epoch) {
            return error;
        }
        self.maybe_transition(Some(leader), epoch, rules::BEGIN_QUORUM_EPOCH, ctx);
        if self.is_meant_for_another(voter) {
            ErrorCode::InvalidVoterKey
        } else {
            ErrorCode::None
        }
    }

    fn handle_end_quorum_epoch(
        &mut self,
        epoch: LeaderEpoch,
        leader: NodeId,
        preferred: &[ReplicaKey],
        ctx: &mut Ctx<'_>,
    ) -> ErrorCode {
        if let Some(error) = self.validate_voter_only(leader, epoch) {
            return error;
        }
        self.maybe_transition(Some(leader), epoch, rules::END_QUORUM_EPOCH, ctx);
        let backoff_ms = self.end_epoch_election_backoff_ms(preferred);
        if let EpochState::Follower(state) = self.quorum.state_mut()
            && state.leader == leader
        {
            state.fetch_timer = Timer::new(ctx.now.ms(), backoff_ms);
            self.changes += 1;
        }
        ErrorCode::None
    }

    /// The further down among the preferred successors, the longer the wait, so that the longest log has the best chance
    /// (`strictExponentialElectionBackoffMs`).
    fn end_epoch_election_backoff_ms(&self, preferred: &[ReplicaKey]) -> Ms {
        let local = self.quorum.local;
        let max_ms = Ms::from(self.quorum.config.election_backoff_max_ms);
        let position = preferred.iter().position(|key| {
            key.id == local.id
                && (key.directory_id.is_zero() || key.directory_id == local.directory_id)
        });
        match position {
            Some(0) => 0,
            // An absent one waits longest, as does one that shifts would take beyond the number's bits.
            None => {
                if preferred.is_empty() {
                    0
                } else {
                    max_ms
                }
            }
            Some(position) => {
                let shift_down = (preferred.len() - 1).min(31) as u32;
                let shift_up = (position - 1).min(31) as u32;
                max_ms.min((max_ms >> shift_down) << shift_up)
            }
        }
    }

    fn handle_fetch(&mut self, token: RequestToken, request: Request, ctx: &mut Ctx<'_>) {
        let RequestBody::Fetch {
            offset,
            last_epoch,
            max_wait_ms,
            high_watermark,
            ..
        } = request.body
        else {
            unreachable!("called for fetches only");
        };
        if max_wait_ms < 0
            || offset < Offset::ZERO
            || last_epoch < LeaderEpoch(0)
            || last_epoch > request.epoch
        {
            let response = self.fetch_error(ErrorCode::InvalidRequest);
            self.respond(token, response);
            return;
        }
        let response = self.try_complete_fetch(&request, ctx.now.ms());
        let ResponseBody::Fetch(answer) = &response.body else {
            unreachable!("a fetch is answered with a fetch")
        };
        let answer_now = response.partition_error != ErrorCode::None
            || !answer.records.is_empty()
            || max_wait_ms == 0
            || answer.diverging.is_some()
            || answer.snapshot.is_some()
            || high_watermark < answer.high_watermark;
        if answer_now {
            self.respond(token, response);
        } else {
            let deadline_ms = ctx.now.ms() + Ms::from(max_wait_ms);
            self.parked.park(
                offset,
                ParkedFetch {
                    token,
                    request,
                    response,
                    deadline_ms,
                },
            );
        }
    }

    fn fetch_error(&self, error: ErrorCode) -> Response {
        self.answer(
            error,
            ResponseBody::Fetch(FetchAnswer::empty(None, self.log.start_offset())),
        )
    }

    fn try_complete_fetch(&mut self, request: &Request, now_ms: Ms) -> Response {
        let RequestBody::Fetch {
            replica,
            offset,
            last_epoch,
            max_bytes,
            ..
        } = request.body
        else {
            unreachable!("called for fetches only");
        };
        if let Some(error) = self.validate_leader_only(request.epoch) {
            return self.fetch_error(error);
        }
        // To a replica that has nothing, a snapshot brings more than the log does.
        let validity = match self.log.latest_snapshot_id() {
            Some(id) if offset == Offset::ZERO && id != BOOTSTRAP_SNAPSHOT_ID => {
                ValidOffsetAndEpoch::Snapshot(id)
            }
            _ => self.log.validate_offset_and_epoch(offset, last_epoch),
        };
        let mut answer = FetchAnswer::default();
        match validity {
            ValidOffsetAndEpoch::Valid => {
                let info = self.log.read(offset, Isolation::Uncommitted, max_bytes);
                if let EpochState::Leader(leader) = self.quorum.state_mut()
                    && leader.update_replica(replica, now_ms, info.start_offset)
                {
                    self.on_update_leader_high_watermark(now_ms);
                }
                answer.records = info.records;
            }
            ValidOffsetAndEpoch::Diverging(end) => answer.diverging = Some(end),
            ValidOffsetAndEpoch::Snapshot(id) => answer.snapshot = Some(id),
        }
        answer.high_watermark = self.high_watermark().unwrap_or(Offset::NONE);
        answer.log_start_offset = self.log.start_offset();
        self.answer(ErrorCode::None, ResponseBody::Fetch(answer))
    }

    /// The leader's high watermark moved: who waits for a fetch gets its answer, then the state machine its records.
    pub(crate) fn on_update_leader_high_watermark(&mut self, now_ms: Ms) {
        let Some(high_watermark) = self.high_watermark() else {
            return;
        };
        self.changes += 1;
        self.log.update_high_watermark(high_watermark);
        let waiting = self.parked.all();
        self.complete_parked(waiting, now_ms);
        self.update_listener_progress(high_watermark);
    }

    /// Answers parked fetches as if they came now. One that moves the high watermark completes the others first.
    pub(crate) fn complete_parked(&mut self, keys: Vec<(Offset, u64)>, now_ms: Ms) {
        for key in keys {
            if let Some(fetch) = self.parked.take(key) {
                let response = self.try_complete_fetch(&fetch.request, now_ms);
                self.respond(fetch.token, response);
            }
        }
    }

    /// Whoever waits learns at once that this node leads no more.
    pub(crate) fn fail_parked_fetches(&mut self) {
        for key in self.parked.all() {
            if let Some(fetch) = self.parked.take(key) {
                let response = self.fetch_error(ErrorCode::NotLeaderOrFollower);
                self.respond(fetch.token, response);
            }
        }
    }

    pub(crate) fn expire_parked_fetches(&mut self, now_ms: Ms) {
        for key in self.parked.expired(now_ms) {
            if let Some(fetch) = self.parked.take(key) {
                self.respond(fetch.token, fetch.response);
            }
        }
    }

    fn handle_fetch_snapshot(
        &mut self,
        epoch: LeaderEpoch,
        replica: ReplicaKey,
        id: OffsetAndEpoch,
        position: i64,
        max_bytes: i32,
        now_ms: Ms,
    ) -> Response {
        let nothing = ResponseBody::FetchSnapshot {
            snapshot: None,
            size: 0,
            position: 0,
            content: Bytes::new(),
        };
        if let Some(error) = self.validate_leader_only(epoch) {
            return self.answer(error, nothing);
        }
        let Some(content) = self
            .log
            .snapshot(id)
            .filter(|_| id != BOOTSTRAP_SNAPSHOT_ID)
        else {
            return self.answer(ErrorCode::SnapshotNotFound, nothing);
        };
        let Some(from) = usize::try_from(position)
            .ok()
            .filter(|&from| from < content.len())
        else {
            return self.answer(ErrorCode::PositionOutOfRange, nothing);
        };
        let to = content
            .len()
            .min(from.saturating_add(usize::try_from(max_bytes).unwrap_or(0)));
        if let EpochState::Leader(leader) = self.quorum.state_mut() {
            leader.update_check_quorum(replica.id, now_ms);
            self.changes += 1;
        }
        let (size, content) = (content.len() as i64, content.slice(from..to));
        self.answer(
            ErrorCode::None,
            ResponseBody::FetchSnapshot {
                snapshot: Some(id),
                size,
                position,
                content,
            },
        )
    }

    /// What a message says of leader and epoch, applied. A second leader of one epoch cannot be (`maybeTransition`).
    pub(crate) fn maybe_transition(
        &mut self,
        leader: Option<NodeId>,
        epoch: LeaderEpoch,
        rule: protocol::trace::RuleId,
        ctx: &mut Ctx<'_>,
    ) {
        if !self.has_consistent_leader(epoch, leader) {
            self.stop("two leaders of one epoch");
        } else if epoch > self.epoch() {
            match leader {
                Some(leader) => self.transition_to_follower(epoch, leader, rule, ctx),
                None => self.transition_to_unattached(epoch, None, rules::HIGHER_EPOCH, ctx),
            }
        } else if let (Some(leader), None) = (leader, self.leader()) {
            self.transition_to_follower(epoch, leader, rule, ctx);
        }
    }

    fn has_consistent_leader(&self, epoch: LeaderEpoch, leader: Option<NodeId>) -> bool {
        match leader {
            Some(leader) if leader == self.id() => self.role() == Role::Leader,
            Some(leader) => {
                epoch != self.epoch() || self.leader().is_none_or(|known| known == leader)
            }
            None => true,
        }
    }
}

/// The snapshot that a cluster is born with (`Snapshots.BOOTSTRAP_SNAPSHOT_ID`). It is never replicated.
pub const BOOTSTRAP_SNAPSHOT_ID: OffsetAndEpoch = OffsetAndEpoch::new(0, 0);

/// The answer without content that goes with a request.
pub fn empty_answer(body: &RequestBody) -> ResponseBody {
    match body {
        RequestBody::Vote { .. } => ResponseBody::Vote { granted: false },
        RequestBody::BeginQuorumEpoch { .. } => ResponseBody::BeginQuorumEpoch,
        RequestBody::EndQuorumEpoch { .. } => ResponseBody::EndQuorumEpoch,
        RequestBody::Fetch { .. } => ResponseBody::Fetch(FetchAnswer::empty(None, Offset::ZERO)),
        RequestBody::FetchSnapshot { .. } => ResponseBody::FetchSnapshot {
            snapshot: None,
            size: 0,
            position: 0,
            content: Bytes::new(),
        },
        RequestBody::UpdateRaftVoter { .. } => ResponseBody::UpdateRaftVoter,
    }
}
