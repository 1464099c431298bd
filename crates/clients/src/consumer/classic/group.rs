//! Membership of a classic group, as the member sees it (`AbstractCoordinator`, `ConsumerCoordinator`, `Heartbeat`).
//!
//! State and its small rules; what takes time is in the frames.

use super::machine::{Callback, FutureId};
use crate::assignor::Assignor;
use crate::backoff::ExponentialBackoff;
use crate::consumer::config::ConsumerConfig;
use crate::consumer::subscription::{OffsetAndMetadata, SubscriptionState};
use crate::error::ClientError;
use crate::network::snapshot::Snapshot;
use protocol::{Ms, Name, NodeId, TopicPartition};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// `AbstractCoordinator.MemberState`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MemberState {
    Unjoined,
    PreparingRebalance,
    CompletingRebalance,
    Stable,
}

impl MemberState {
    /// Kafka's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unjoined => "UNJOINED",
            Self::PreparingRebalance => "PREPARING_REBALANCE",
            Self::CompletingRebalance => "COMPLETING_REBALANCE",
            Self::Stable => "STABLE",
        }
    }

    pub const fn has_not_joined(self) -> bool {
        matches!(self, Self::Unjoined | Self::PreparingRebalance)
    }
}

/// `AbstractCoordinator.Generation`; −1, no member, no protocol = none.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Generation {
    pub id: i32,
    pub member_id: Name,
    pub protocol: Option<Name>,
}

impl Generation {
    pub fn none() -> Self {
        Self {
            id: -1,
            member_id: "".into(),
            protocol: None,
        }
    }

    pub fn has_member_id(&self) -> bool {
        !self.member_id.is_empty()
    }

    /// `hasGenerationReset`
    pub fn was_reset(&self) -> bool {
        self.id == -1 && self.protocol.is_none()
    }
}

/// `Heartbeat`: three timers, by their due times.
#[derive(Clone, Debug)]
pub struct Heartbeat {
    interval_ms: Ms,
    session_timeout_ms: Ms,
    max_poll_interval_ms: Ms,
    backoff: ExponentialBackoff,
    attempts: u32,
    /// When the next heartbeat is due.
    pub next_ms: Ms,
    /// When the coordinator counts as lost without an answer.
    pub session_ms: Ms,
    /// When the application has not polled for too long.
    pub poll_ms: Ms,
    pub in_flight: bool,
    pub last_poll_ms: Ms,
}

impl Heartbeat {
    fn new(config: &ConsumerConfig, now: Ms) -> Self {
        Self {
            interval_ms: config.heartbeat_interval_ms,
            session_timeout_ms: config.session_timeout_ms,
            max_poll_interval_ms: config.max_poll_interval_ms,
            backoff: ExponentialBackoff::new(config.retry_backoff_ms, config.retry_backoff_max_ms),
            attempts: 0,
            next_ms: now + config.heartbeat_interval_ms,
            session_ms: now + config.session_timeout_ms,
            poll_ms: now + config.max_poll_interval_ms,
            in_flight: false,
            last_poll_ms: now,
        }
    }

    pub fn poll(&mut self, now: Ms) {
        self.poll_ms = now + self.max_poll_interval_ms;
        self.last_poll_ms = now;
    }

    pub fn sent(&mut self, now: Ms) {
        self.in_flight = true;
        self.next_ms = now + self.interval_ms;
    }

    pub fn failed(&mut self, now: Ms) {
        self.in_flight = false;
        self.next_ms = now + self.backoff.backoff(self.attempts);
        self.attempts += 1;
    }

    pub fn received(&mut self, now: Ms) {
        self.in_flight = false;
        self.attempts = 0;
        self.session_ms = now + self.session_timeout_ms;
    }

    pub fn reset_timeouts(&mut self, now: Ms) {
        self.session_ms = now + self.session_timeout_ms;
        self.poll_ms = now + self.max_poll_interval_ms;
        self.next_ms = now + self.interval_ms;
    }

    pub fn reset_session(&mut self, now: Ms) {
        self.session_ms = now + self.session_timeout_ms;
    }
}

/// Until when the heartbeat thread waits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HeartbeatWait {
    /// Until it is notified.
    Notified,
    Until(Ms),
    /// It may run.
    Runs,
}

/// `HeartbeatThread`.
#[derive(Clone, Debug)]
pub struct HeartbeatThread {
    pub enabled: bool,
    pub failure: Option<ClientError>,
    pub wait: HeartbeatWait,
}

/// The part of the cluster that an assignment rests on (`ConsumerCoordinator.MetadataSnapshot`).
#[derive(Clone, Debug, Default)]
pub struct GroupSnapshot {
    pub version: i32,
    /// By topic, the racks of each partition's replicas; empty sets without racks.
    partitions: BTreeMap<Name, Vec<BTreeSet<Name>>>,
}

impl GroupSnapshot {
    pub fn new(cluster: &Snapshot, topics: &BTreeSet<Name>, version: i32) -> Self {
        let racks = |replicas: &[NodeId]| {
            replicas
                .iter()
                .filter_map(|id| cluster.brokers.get(id)?.rack.clone())
                .collect::<BTreeSet<Name>>()
        };
        let mut partitions = BTreeMap::new();
        for topic in topics {
            let mut of_topic: Vec<_> = cluster.partitions_for_topic(topic).collect();
            of_topic.sort_by_key(|p| p.tp.partition);
            partitions.insert(
                topic.clone(),
                of_topic.iter().map(|p| racks(&p.replicas)).collect(),
            );
        }
        Self {
            version,
            partitions,
        }
    }

    pub fn matches(&self, other: &Self) -> bool {
        self.version == other.version || self.partitions == other.partitions
    }
}

/// A commit whose callback has not run yet.
#[derive(Clone, Debug)]
pub struct CommitCompletion {
    pub callback: Callback,
    pub offsets: BTreeMap<TopicPartition, OffsetAndMetadata>,
    pub error: Option<ClientError>,
}

/// A request for committed offsets that is kept over polls.
#[derive(Clone, Debug)]
pub struct PendingCommitted {
    pub partitions: BTreeSet<TopicPartition>,
    pub generation: Option<Generation>,
    pub future: FutureId,
}

/// `ConsumerCoordinator` with its `AbstractCoordinator`.
#[derive(Clone, Debug)]
pub struct Coordinator {
    pub group_id: Name,
    pub assignors: Vec<Box<dyn Assignor>>,
    pub cooperative: bool,
    pub node: Option<NodeId>,
    pub rejoin_needed: bool,
    pub rejoin_reason: &'static str,
    pub needs_join_prepare: bool,
    pub join_future: Option<FutureId>,
    pub find_future: Option<FutureId>,
    /// The lookup that the application waits for.
    pub auto_find: Option<FutureId>,
    pub fatal_find: Option<ClientError>,
    pub generation: Generation,
    pub state: MemberState,
    pub heartbeat: Heartbeat,
    pub thread: Option<HeartbeatThread>,
    pub is_leader: bool,
    pub joined_subscription: Option<BTreeSet<Name>>,
    pub metadata_snapshot: GroupSnapshot,
    pub assignment_snapshot: Option<GroupSnapshot>,
    /// When the next automatic commit is due.
    pub next_auto_commit_ms: Ms,
    pub auto_commit_future: Option<FutureId>,
    pub join_prepare_ms: Option<Ms>,
    pub pending_committed: Option<PendingCommitted>,
    pub in_flight_async: u32,
    pub pending_async: u32,
    pub completed_commits: VecDeque<CommitCompletion>,
    pub async_fenced: bool,
}

impl Coordinator {
    pub fn new(
        config: &ConsumerConfig,
        group_id: Name,
        assignors: Vec<Box<dyn Assignor>>,
        now: Ms,
    ) -> Self {
        Self {
            group_id,
            cooperative: !assignors.is_empty() && assignors.iter().all(|a| a.is_cooperative()),
            assignors,
            node: None,
            rejoin_needed: true,
            rejoin_reason: "",
            needs_join_prepare: true,
            join_future: None,
            find_future: None,
            auto_find: None,
            fatal_find: None,
            generation: Generation::none(),
            state: MemberState::Unjoined,
            heartbeat: Heartbeat::new(config, now),
            thread: None,
            is_leader: false,
            joined_subscription: None,
            metadata_snapshot: GroupSnapshot::default(),
            assignment_snapshot: None,
            next_auto_commit_ms: now + config.auto_commit_interval_ms,
            auto_commit_future: None,
            join_prepare_ms: None,
            pending_committed: None,
            in_flight_async: 0,
            pending_async: 0,
            completed_commits: VecDeque::new(),
            async_fenced: false,
        }
    }

    pub fn generation_if_stable(&self) -> Option<Generation> {
        (self.state == MemberState::Stable).then(|| self.generation.clone())
    }

    pub fn rebalance_in_progress(&self) -> bool {
        matches!(
            self.state,
            MemberState::PreparingRebalance | MemberState::CompletingRebalance
        )
    }

    pub fn request_rejoin(&mut self, reason: &'static str) {
        self.rejoin_reason = reason;
        self.rejoin_needed = true;
    }

    fn request_rejoin_if_necessary(&mut self, reason: &'static str) {
        if !self.rejoin_needed {
            self.request_rejoin(reason);
        }
    }

    /// `resetStateAndRejoin`
    pub fn reset_state_and_rejoin(&mut self, reason: &'static str, reset_member_id: bool) {
        self.state = MemberState::Unjoined;
        let member_id = if reset_member_id {
            "".into()
        } else {
            self.generation.member_id.clone()
        };
        self.generation = Generation {
            member_id,
            ..Generation::none()
        };
        self.request_rejoin(reason);
        self.needs_join_prepare = true;
    }

    /// Also compares what the last assignment rested on with what is known now.
    pub fn rejoin_needed_or_pending(&mut self, subscriptions: &SubscriptionState) -> bool {
        if !subscriptions.has_auto_assigned_partitions() {
            return false;
        }
        if self
            .assignment_snapshot
            .as_ref()
            .is_some_and(|s| !s.matches(&self.metadata_snapshot))
        {
            self.request_rejoin_if_necessary("cached metadata has changed");
            return true;
        }
        if self
            .joined_subscription
            .as_ref()
            .is_some_and(|joined| *joined != subscriptions.subscription)
        {
            self.request_rejoin_if_necessary("subscription has changed");
            return true;
        }
        self.rejoin_needed || self.join_future.is_some()
    }

    /// How long until a heartbeat is due, in ms; `Ms::MAX` outside of a group.
    pub fn time_to_next_heartbeat(&self, now: Ms) -> Ms {
        if self.state.has_not_joined() {
            Ms::MAX
        } else {
            (self.heartbeat.next_ms - now).max(0)
        }
    }

    /// Wakes the heartbeat thread.
    pub fn notify(&mut self) {
        if let Some(thread) = &mut self.thread {
            thread.wait = HeartbeatWait::Runs;
        }
    }
}
