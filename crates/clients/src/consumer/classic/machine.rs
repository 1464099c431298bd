//! The machine that runs a classic consumer: its calls are stacks of frames, one stack for the application and one for
//! the heartbeat thread, that take turns at the network client (`ConsumerNetworkClient`).
//!
//! A frame is one of Kafka's blocking methods with the place where it stands. The machine knows how frames call each
//! other and wait; what they do is in their own files.

use super::frames::Frame;
use super::group::{Coordinator, Generation};
use crate::consumer::config::ConsumerConfig;
use crate::consumer::events::ConsumerEvent;
use crate::consumer::fetch::{FetchRequestData, Fetched, Fetcher};
use crate::consumer::subscription::{
    FetchPosition, OffsetAndMetadata, ResetStrategy, SubscriptionState,
};
use crate::error::ClientError;
use crate::network::{Network, NodeKey};
use crate::producer::CallId;
use bytes::Bytes;
use protocol::messages::{Request, Response};
use protocol::{LeaderEpoch, Ms, Offset, TopicPartition};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Names a `RequestFuture`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct FutureId(pub u64);

/// What a future holds when it is done.
#[derive(Clone, Debug)]
pub enum FutureValue {
    Unit,
    Assignment(Bytes),
    Offsets(CommittedOffsets),
    ListOffsets(ListOffsetsResult),
}

/// Committed offsets by partition; `None` = nothing committed.
pub type CommittedOffsets = BTreeMap<TopicPartition, Option<OffsetAndMetadata>>;

/// Offset and timestamp found for a partition (`ListOffsetData`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FoundOffset {
    pub offset: Offset,
    pub timestamp: Ms,
    pub leader_epoch: Option<LeaderEpoch>,
}

/// `ListOffsetResult`
#[derive(Clone, Debug, Default)]
pub struct ListOffsetsResult {
    pub found: BTreeMap<TopicPartition, FoundOffset>,
    pub retry: BTreeSet<TopicPartition>,
}

/// A lookup over several brokers, until all have answered.
#[derive(Clone, Debug)]
pub struct Lookup {
    pub waiting: usize,
    pub result: ListOffsetsResult,
    /// Nobody waits: the answer only updates the known end offsets (`currentLag`).
    pub for_lag: Option<BTreeSet<TopicPartition>>,
}

/// Who hears of an asynchronous commit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Callback {
    User(CallId),
    Auto,
}

/// What the consumer wants back with an answer.
#[derive(Clone, Debug)]
pub enum Call {
    FindCoordinator(FutureId),
    Join {
        future: FutureId,
        sent: Generation,
    },
    Sync {
        future: FutureId,
        sent: Generation,
    },
    Heartbeat {
        sent: Generation,
    },
    Leave,
    Commit {
        future: FutureId,
        offsets: BTreeMap<TopicPartition, OffsetAndMetadata>,
        sent: Generation,
    },
    Committed(FutureId),
    Reset {
        strategies: BTreeMap<TopicPartition, ResetStrategy>,
        partitions: Vec<TopicPartition>,
    },
    Lookup {
        future: FutureId,
    },
    Validate(BTreeMap<TopicPartition, FetchPosition>),
    Fetch {
        data: FetchRequestData,
    },
    CloseFetch(FutureId),
}

/// A request that waits for its connection.
#[derive(Clone, Debug)]
pub(super) struct Unsent {
    pub call: Call,
    pub version: i16,
    pub request: Request,
    pub created_ms: Ms,
    pub timeout_ms: Ms,
}

/// A request that ended and whose listeners have not run yet.
#[derive(Clone, Debug)]
pub(super) struct Completion {
    pub node: NodeKey,
    pub call: Call,
    pub result: Result<Response, ClientError>,
}

/// What a frame hands to the one that called it.
#[derive(Clone, Debug)]
pub enum Value {
    Unit,
    Bool(bool),
    Fetched(Fetched),
    Committed(Option<CommittedOffsets>),
    Offsets(BTreeMap<TopicPartition, FoundOffset>),
    Future(Option<FutureId>),
    Position(Offset),
}

pub type Ret = Result<Value, ClientError>;

/// What a frame does next.
#[derive(Debug)]
pub enum Step {
    Call(Frame),
    Return(Ret),
    Block,
}

/// Which stack runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Owner {
    Application,
    Heartbeat,
}

/// What a listener of the application does besides being told.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum ListenerAction {
    #[default]
    Nothing,
    /// Throws an IllegalStateException.
    Throw,
    CommitSync,
}

/// `ConsumerRebalanceListener`
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct RebalanceListener {
    pub revoked: ListenerAction,
    pub assigned: ListenerAction,
    pub lost: ListenerAction,
}

/// `ClassicKafkaConsumer` with everything it works on.
#[derive(Clone, Debug)]
pub struct Machine {
    pub config: ConsumerConfig,
    pub network: Network<Call>,
    pub(super) unsent: Vec<(NodeKey, VecDeque<Unsent>)>,
    pub(super) completions: VecDeque<Completion>,
    pub(super) disconnects: Vec<NodeKey>,
    pub wakeup: bool,
    pub wakeup_disabled: bool,
    pub subscriptions: SubscriptionState,
    pub listener: RebalanceListener,
    pub fetcher: Fetcher,
    pub group: Option<Coordinator>,
    /// `None` = not done.
    pub(super) futures: BTreeMap<FutureId, Option<Result<FutureValue, ClientError>>>,
    next_future: u64,
    pub(super) lookups: BTreeMap<FutureId, Lookup>,
    /// Commits whose completion is counted and reported.
    pub(super) commit_listeners:
        BTreeMap<FutureId, (BTreeMap<TopicPartition, OffsetAndMetadata>, Callback)>,
    /// Commits that wait for the coordinator to be found.
    pub(super) waiting_commits: Vec<(BTreeMap<TopicPartition, OffsetAndMetadata>, Callback)>,
    pub(super) cached_reset_error: Option<ClientError>,
    pub(super) cached_validation_error: Option<ClientError>,
    pub(super) validated_version: i32,
    pub(super) has_all_positions: bool,
    /// Collected, and returned once the next fetches were handed over.
    pub(super) collected: Option<Fetched>,
    pub(super) close_deadline: Option<Ms>,
    pub events: Vec<ConsumerEvent>,
    pub(super) application: Vec<Frame>,
    pub(super) heartbeat: Vec<Frame>,
    pub(super) owner: Owner,
    /// The application let the heartbeat thread go first.
    pub(super) yielding: bool,
    /// The instant of the step under way.
    pub(super) last_now: Ms,
    pub closed: bool,
}

impl Machine {
    pub fn new(config: ConsumerConfig, network: Network<Call>, group: Option<Coordinator>) -> Self {
        Self {
            subscriptions: SubscriptionState::new(config.auto_offset_reset),
            config,
            network,
            unsent: Vec::new(),
            completions: VecDeque::new(),
            disconnects: Vec::new(),
            wakeup: false,
            wakeup_disabled: false,
            listener: RebalanceListener::default(),
            fetcher: Fetcher::default(),
            group,
            futures: BTreeMap::new(),
            next_future: 0,
            lookups: BTreeMap::new(),
            commit_listeners: BTreeMap::new(),
            waiting_commits: Vec::new(),
            cached_reset_error: None,
            cached_validation_error: None,
            validated_version: -1,
            has_all_positions: false,
            collected: None,
            close_deadline: None,
            events: Vec::new(),
            application: Vec::new(),
            heartbeat: Vec::new(),
            owner: Owner::Application,
            yielding: false,
            last_now: 0,
            closed: false,
        }
    }

    // ---- futures

    pub(super) fn new_future(&mut self) -> FutureId {
        self.next_future += 1;
        let id = FutureId(self.next_future);
        self.futures.insert(id, None);
        id
    }

    pub(super) fn is_done(&self, id: FutureId) -> bool {
        self.futures.get(&id).is_none_or(Option::is_some)
    }

    pub(super) fn failed_future(&mut self, error: ClientError) -> FutureId {
        let id = self.new_future();
        self.futures.insert(id, Some(Err(error)));
        id
    }

    /// The result of a future that is done.
    pub(super) fn result_of(&self, id: FutureId) -> Option<Result<FutureValue, ClientError>> {
        self.futures.get(&id).cloned().flatten()
    }

    // ---- stacks

    /// Begins a call of the application.
    pub fn start(&mut self, frame: Frame) {
        self.application.push(frame);
    }

    /// Runs a stack until it waits or ends; the value with which it ended.
    pub(super) fn run(&mut self, owner: Owner, now: Ms) -> Option<Ret> {
        self.owner = owner;
        let mut input = None;
        loop {
            let stack = self.stack_mut(owner);
            let mut frame = stack.pop()?;
            match self.step(&mut frame, input.take(), now) {
                Step::Call(child) => {
                    let stack = self.stack_mut(owner);
                    stack.push(frame);
                    stack.push(child);
                }
                Step::Block => {
                    self.stack_mut(owner).push(frame);
                    return None;
                }
                Step::Return(ret) => {
                    if self.stack_mut(owner).is_empty() {
                        return Some(ret);
                    }
                    input = Some(ret);
                }
            }
        }
    }

    fn stack_mut(&mut self, owner: Owner) -> &mut Vec<Frame> {
        match owner {
            Owner::Application => &mut self.application,
            Owner::Heartbeat => &mut self.heartbeat,
        }
    }

    // ---- who may run

    /// The coordinator's monitor: methods that hold it while they wait keep the heartbeat thread out.
    fn application_holds_monitor(&self) -> bool {
        self.application.iter().any(Frame::holds_monitor)
    }

    /// The heartbeat thread has something to do at `now`, whoever holds what it needs.
    pub(super) fn heartbeat_due(&self, now: Ms) -> bool {
        let thread = self.group.as_ref().and_then(|g| g.thread.as_ref());
        thread.is_some_and(|t| match t.wait {
            super::group::HeartbeatWait::Notified => false,
            super::group::HeartbeatWait::Until(at) => at <= now,
            super::group::HeartbeatWait::Runs => true,
        })
    }

    /// Whether the application must let the heartbeat thread go first here.
    pub(super) fn must_yield(&mut self, now: Ms) -> bool {
        let yields = self.owner == Owner::Application
            && self.heartbeat_due(now)
            && !self.application_holds_monitor();
        self.yielding = yields;
        yields
    }

    /// When the application's stack goes on; `None` = now. `Ms::MAX` without one.
    fn application_waits_until(&self, now: Ms) -> Option<Ms> {
        match self.application.last() {
            None => Some(Ms::MAX),
            Some(_) if self.yielding => Some(Ms::MAX),
            Some(frame) if frame.in_network() => self.network.waits_until(now),
            Some(Frame::Sleep { until_ms }) => (now < *until_ms).then_some(*until_ms),
            Some(_) => None,
        }
    }

    fn application_in_network(&self) -> bool {
        self.application.last().is_some_and(Frame::in_network)
    }

    /// When the heartbeat thread goes on; `None` = now.
    fn heartbeat_waits_until(&self, now: Ms) -> Option<Ms> {
        if !self.heartbeat.is_empty() {
            return None; // its passes never wait
        }
        if self.application_in_network() || self.application_holds_monitor() {
            return Some(Ms::MAX);
        }
        let Some(thread) = self.group.as_ref().and_then(|g| g.thread.as_ref()) else {
            return Some(Ms::MAX);
        };
        match thread.wait {
            super::group::HeartbeatWait::Notified => Some(Ms::MAX),
            super::group::HeartbeatWait::Until(at) => (now < at).then_some(at),
            super::group::HeartbeatWait::Runs => None,
        }
    }

    /// When something goes on by itself; at or before `now` = at once.
    pub fn next_wake(&self, now: Ms) -> Ms {
        match (
            self.application_waits_until(now),
            self.heartbeat_waits_until(now),
        ) {
            (Some(a), Some(b)) => a.min(b),
            _ => now,
        }
    }

    /// Goes on to the next point at which the world may do something; the value with which the application's call ended.
    pub fn advance(&mut self, now: Ms) -> Option<Ret> {
        self.last_now = now;
        if self.heartbeat.is_empty() && self.application_waits_until(now).is_none() {
            return self.run(Owner::Application, now);
        }
        if self.heartbeat_waits_until(now).is_none() {
            if self.heartbeat.is_empty() {
                self.heartbeat.push(Frame::Heartbeat { pc: 0 });
            }
            self.run(Owner::Heartbeat, now);
            if self.heartbeat.is_empty() {
                self.yielding = false;
            }
        }
        None
    }
}

impl Machine {
    /// The heartbeat thread is in the middle of a network pass, or a call runs.
    pub fn is_busy(&self) -> bool {
        !self.application.is_empty() || !self.heartbeat.is_empty()
    }

    /// Asks for the end of a partition without waiting; the answer comes with a later call.
    pub fn ask_end_offset(&mut self, tp: &TopicPartition, now: Ms) {
        self.network
            .metadata
            .add_transient_topics([tp.topic.clone()]);
        let latest = BTreeMap::from([(tp.clone(), protocol::messages::LATEST_TIMESTAMP)]);
        self.send_lookup(&latest, true, now);
        self.network.metadata.clear_transient_topics();
    }
}
