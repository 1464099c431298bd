//! One member of a quorum: takes requests, answers and time, and says what to send and what has been committed.
//!
//! It refuses to know what the records mean, how requests travel and where the log is kept. Source: `KafkaRaftClient`.

use crate::accumulator::AppendError;
use crate::config::QuorumConfig;
use crate::connections::Connections;
use crate::election::ElectionState;
use crate::listener::{Event, ListenerContext};
use crate::log::RaftLog;
use crate::message::{ReplicaKey, Request, Response};
use crate::purgatory::FetchPurgatory;
use crate::quorum::QuorumState;
use crate::report::Seen;
use crate::rules;
use crate::state::{EpochState, Role};
use bytes::Bytes;
use protocol::trace::RuleId;
use protocol::{CorrelationId, Ctx, Instant, LeaderEpoch, Ms, Name, NodeId, Offset, Uuid};

/// Names an inbound request, so that its answer can be told from others. The host chooses it.
pub type RequestToken = u64;

/// What arrives.
#[derive(Clone, Debug)]
pub enum Input {
    Request {
        token: RequestToken,
        request: Request,
    },
    /// An answer to a request that this node sent. A lost connection is an answer with BROKER_NOT_AVAILABLE on top.
    Response {
        from: NodeId,
        correlation_id: CorrelationId,
        response: Response,
    },
}

/// What leaves.
#[derive(Clone, Debug)]
pub enum Output {
    /// `to` may be the node itself: with static voters a node that looks for a leader asks itself, too.
    Request {
        to: NodeId,
        correlation_id: CorrelationId,
        request: Request,
    },
    Response {
        token: RequestToken,
        response: Response,
    },
}

/// Who this node is.
#[derive(Clone, Debug)]
pub struct Identity {
    pub node: NodeId,
    pub directory_id: Uuid,
    pub cluster_id: Name,
    /// The static voters (`controller.quorum.voters`). A node that is not among them is an observer.
    pub voters: Vec<NodeId>,
}

/// Why a resignation was refused (`IllegalArgumentException`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct IllegalResignation;

/// A member of the quorum over a log.
#[derive(Clone, Debug)]
pub struct Node<L> {
    pub(crate) cluster_id: Name,
    pub(crate) quorum: QuorumState,
    pub(crate) log: L,
    pub(crate) connections: Connections,
    pub(crate) parked: FetchPurgatory,
    pub(crate) listener: ListenerContext,
    pub(crate) outbox: Vec<Output>,
    pub(crate) events: Vec<Event>,
    next_correlation_id: CorrelationId,
    /// Counts everything that happens, so that a poll knows when nothing does any more.
    pub(crate) changes: u64,
    pub(crate) fatal: Option<&'static str>,
    pub(crate) seen: Seen,
}

impl<L: RaftLog> Node<L> {
    /// Starts with what the `quorum-state` file and the log hold (`KafkaRaftClient.initialize`). A quorum of one leads before this returns.
    pub fn start(
        identity: Identity,
        config: QuorumConfig,
        stored: ElectionState,
        mut log: L,
        ctx: &mut Ctx<'_>,
    ) -> Self {
        log.at(ctx.now.ms());
        let local = ReplicaKey::new(identity.node, identity.directory_id);
        let (now_ms, end) = (ctx.now.ms(), log.end_offset_and_epoch());
        let connections = Connections::new(
            identity.voters.clone(),
            config.retry_backoff_ms,
            config.request_timeout_ms,
        );
        let draw = &mut |bound| ctx.draws.next_int(bound, ELECTION_TIMEOUT);
        let quorum =
            QuorumState::initialize(local, identity.voters, config, stored, end, now_ms, draw);
        let mut node = Self {
            cluster_id: identity.cluster_id,
            quorum,
            log,
            connections,
            parked: FetchPurgatory::default(),
            listener: ListenerContext::default(),
            outbox: Vec::new(),
            events: Vec::new(),
            next_correlation_id: CorrelationId(0),
            changes: 0,
            fatal: None,
            seen: Seen::default(),
        };
        if node.quorum.is_only_voter()
            && matches!(
                node.role(),
                Role::Unattached | Role::Follower | Role::Resigned
            )
        {
            node.transition_to_prospective(rules::ELECTION_TIMEOUT, ctx);
        } else if node.role() == Role::Candidate {
            node.maybe_transition_to_leader(ctx);
        }
        node.report(rules::START, ctx);
        // The state machine is told of nothing before the node has found its role.
        node.listener.register();
        node
    }

    /// Takes one message, after whatever is due (`KafkaRaftClient.poll`). Poll afterwards.
    pub fn handle(&mut self, input: Input, ctx: &mut Ctx<'_>) {
        self.step(Some(input), ctx);
    }

    /// Does what is due, until nothing more happens. Answers the next instant at which something can.
    pub fn poll(&mut self, ctx: &mut Ctx<'_>) -> Option<Instant> {
        loop {
            let before = self.changes;
            self.step(None, ctx);
            if self.changes == before || self.fatal.is_some() {
                break;
            }
        }
        self.next_wake_up(ctx.now.ms())
    }

    fn step(&mut self, input: Option<Input>, ctx: &mut Ctx<'_>) {
        if self.fatal.is_some() {
            return;
        }
        self.log.at(ctx.now.ms());
        self.expire_parked_fetches(ctx.now.ms());
        self.poll_current_state(ctx);
        match input {
            Some(Input::Request { token, request }) => self.handle_request(token, request, ctx),
            Some(Input::Response {
                from,
                correlation_id,
                response,
            }) => {
                self.handle_response(from, correlation_id, response, ctx);
            }
            None => {}
        }
        self.poll_listeners();
        self.report(rules::REPLICATION, ctx);
    }

    fn next_wake_up(&self, now_ms: Ms) -> Option<Instant> {
        if self.fatal.is_some() {
            return None;
        }
        self.quorum
            .state()
            .deadlines()
            .into_iter()
            .chain(self.connections.deadlines())
            .chain(self.parked.deadlines())
            .filter(|&due_ms| due_ms > now_ms && due_ms != Ms::MAX)
            .min()
            .map(Instant::from_ms)
    }

    /// Takes records for the log, to stay together in one batch; they are written within `append.linger.ms` and count once they are
    /// committed. Answers the offset that the last one will have. Poll afterwards (`prepareAppend` and `schedulePreparedAppend`).
    pub fn append(
        &mut self,
        epoch: LeaderEpoch,
        values: Vec<Bytes>,
        now: Instant,
    ) -> Result<Offset, AppendError> {
        match self.quorum.state_mut() {
            EpochState::Leader(leader) if self.fatal.is_none() => {
                leader.accumulator.append(epoch, values, now.ms())
            }
            _ => Err(AppendError::NotLeader),
        }
    }

    /// Asks to give up the leadership of `epoch`; nothing happens if it is over already. Poll afterwards (`KafkaRaftClient.resign`).
    pub fn resign(&mut self, epoch: LeaderEpoch) -> Result<(), IllegalResignation> {
        let current = self.quorum.epoch();
        if epoch < LeaderEpoch(0) || epoch > current {
            return Err(IllegalResignation);
        }
        if epoch < current {
            return Ok(());
        }
        if self.quorum.leader() != Some(self.id()) {
            return Err(IllegalResignation);
        }
        if let EpochState::Leader(leader) = self.quorum.state_mut() {
            leader.resign_requested = true;
        }
        Ok(())
    }

    pub fn take_outbox(&mut self) -> Vec<Output> {
        std::mem::take(&mut self.outbox)
    }

    /// What the state machine has to see, in order.
    pub fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    pub fn id(&self) -> NodeId {
        self.quorum.local.id
    }

    pub fn role(&self) -> Role {
        self.quorum.role()
    }

    pub fn epoch(&self) -> LeaderEpoch {
        self.quorum.epoch()
    }

    /// The leader of the epoch, as far as this node knows.
    pub fn leader(&self) -> Option<NodeId> {
        self.quorum.leader()
    }

    pub fn is_leader(&self) -> bool {
        self.role() == Role::Leader
    }

    pub fn is_voter(&self) -> bool {
        self.quorum.is_voter()
    }

    pub fn high_watermark(&self) -> Option<Offset> {
        self.quorum.high_watermark()
    }

    pub fn voted(&self) -> Option<ReplicaKey> {
        self.quorum.state().election().voted
    }

    /// Content of the `quorum-state` file: what the next start has to be given.
    pub fn stored(&self) -> ElectionState {
        self.quorum.stored()
    }

    pub fn state(&self) -> &EpochState {
        self.quorum.state()
    }

    pub fn voters(&self) -> &[NodeId] {
        self.quorum.voters()
    }

    pub fn log(&self) -> &L {
        &self.log
    }

    pub fn log_mut(&mut self) -> &mut L {
        &mut self.log
    }

    pub fn into_log(self) -> L {
        self.log
    }

    /// Set when Kafka would have stopped the process: something that correct nodes cannot bring about. The node does nothing any more.
    pub fn fatal(&self) -> Option<&'static str> {
        self.fatal
    }

    pub(crate) fn stop(&mut self, reason: &'static str) {
        self.changes += 1;
        self.fatal = Some(reason);
    }

    /// Sends unless the node owes an answer or backs off. True if it went (`maybeSendRequest`).
    pub(crate) fn maybe_send(
        &mut self,
        to: NodeId,
        request: impl FnOnce(&Self) -> Request,
        now_ms: Ms,
    ) -> bool {
        if !self.connections.is_ready(to, now_ms) {
            return false;
        }
        let correlation_id = self.next_correlation_id;
        self.next_correlation_id = correlation_id.next();
        let request = request(self);
        self.connections.on_sent(to, correlation_id, now_ms);
        self.outbox.push(Output::Request {
            to,
            correlation_id,
            request,
        });
        self.changes += 1;
        true
    }

    pub(crate) fn respond(&mut self, token: RequestToken, response: Response) {
        self.outbox.push(Output::Response { token, response });
        self.changes += 1;
    }

    // The changes of role, each with what goes with it. All of them forget the outstanding requests.

    pub(crate) fn transition_to_unattached(
        &mut self,
        epoch: LeaderEpoch,
        leader: Option<NodeId>,
        rule: RuleId,
        ctx: &mut Ctx<'_>,
    ) {
        let draw = &mut |bound| ctx.draws.next_int(bound, ELECTION_TIMEOUT);
        self.quorum
            .transition_to_unattached(epoch, leader, ctx.now.ms(), ctx.protections, draw);
        self.after_transition(rule, ctx);
        self.maybe_fire_leader_change();
    }

    pub(crate) fn transition_to_follower(
        &mut self,
        epoch: LeaderEpoch,
        leader: NodeId,
        rule: RuleId,
        ctx: &mut Ctx<'_>,
    ) {
        if leader == self.id()
            || (epoch == self.epoch() && matches!(self.role(), Role::Leader | Role::Follower))
        {
            self.stop("told to follow itself or a second leader of its epoch");
            return;
        }
        self.quorum
            .transition_to_follower(epoch, leader, ctx.now.ms(), ctx.protections);
        self.after_transition(rule, ctx);
        self.maybe_fire_leader_change();
        self.fail_parked_fetches();
    }

    pub(crate) fn transition_to_prospective(&mut self, rule: RuleId, ctx: &mut Ctx<'_>) {
        let draw = &mut |bound| ctx.draws.next_int(bound, ELECTION_TIMEOUT);
        self.quorum.transition_to_prospective(ctx.now.ms(), draw);
        self.after_transition(rule, ctx);
        self.maybe_transition_to_candidate(ctx);
    }

    /// A prospective node that a majority would vote for stands.
    pub(crate) fn maybe_transition_to_candidate(&mut self, ctx: &mut Ctx<'_>) {
        if matches!(self.quorum.state(), EpochState::Prospective(state) if state.election.is_vote_granted())
        {
            self.transition_to_candidate(ctx);
        }
    }

    pub(crate) fn transition_to_candidate(&mut self, ctx: &mut Ctx<'_>) {
        let draw = &mut |bound| ctx.draws.next_int(bound, ELECTION_TIMEOUT);
        self.quorum
            .transition_to_candidate(ctx.now.ms(), ctx.protections, draw);
        self.after_transition(rules::PRE_VOTE, ctx);
        self.maybe_fire_leader_change();
        self.maybe_transition_to_leader(ctx);
    }

    /// A candidate that a majority voted for leads: from now on it appends, first of all that it leads.
    pub(crate) fn maybe_transition_to_leader(&mut self, ctx: &mut Ctx<'_>) {
        if !matches!(self.quorum.state(), EpochState::Candidate(state) if state.election.is_vote_granted())
        {
            return;
        }
        let now_ms = ctx.now.ms();
        self.quorum
            .transition_to_leader(self.log.end_offset(), now_ms, ctx.protections);
        self.log.initialize_leader_epoch(self.quorum.epoch());
        let voters = self.quorum.voters().to_vec();
        if let EpochState::Leader(leader) = self.quorum.state_mut() {
            let (local, granting) = (leader.local_id(), leader.granting_voters().to_vec());
            leader.accumulator.append_control(1, |base, epoch| {
                crate::batch::leader_change(
                    base,
                    epoch,
                    now_ms,
                    local,
                    voters.iter().copied(),
                    &granting,
                )
            });
        }
        self.after_transition(rules::VOTE_MAJORITY, ctx);
    }

    pub(crate) fn transition_to_resigned(&mut self, rule: RuleId, ctx: &mut Ctx<'_>) {
        let EpochState::Leader(leader) = self.quorum.state() else {
            return;
        };
        let successors = leader.successors();
        self.fail_parked_fetches();
        let draw = &mut |bound| ctx.draws.next_int(bound, ELECTION_TIMEOUT);
        self.quorum
            .transition_to_resigned(successors, ctx.now.ms(), draw);
        self.after_transition(rule, ctx);
    }

    fn after_transition(&mut self, rule: RuleId, ctx: &mut Ctx<'_>) {
        self.changes += 1;
        self.connections.reset_all();
        self.report(rule, ctx);
    }
}

/// Label of the stream that election time-outs are drawn from.
pub(crate) const ELECTION_TIMEOUT: &str = "raft.election-timeout";
/// Label of the stream that decides whom a node without a leader asks first.
pub(crate) const BOOTSTRAP: &str = "raft.bootstrap";
