//! A participant's place in the world: its process or its files, what waits for it, when it wants to be woken.

use crate::actor::{Actor, Role};
use crate::ids::{ActorId, EventId};
use crate::network::MessageName;
use crate::trace::Carried;
use protocol::wire::Input;
use protocol::{ConnectionId, Instant, Name, NodeId};
use serde::Serialize;
use std::collections::VecDeque;
use std::sync::Arc;

/// Whether a participant's machine and process are up.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Liveness {
    Running,
    /// Frozen: its machine takes messages, nobody reads them.
    Paused,
    /// Asked to stop, still working.
    Stopping,
    /// The process is gone, the machine refuses connections.
    Down,
    /// The machine is gone: nothing is answered at all.
    PoweredOff,
}

impl Liveness {
    /// The process works on what comes.
    pub const fn works(self) -> bool {
        matches!(self, Liveness::Running | Liveness::Stopping)
    }

    /// In words, for refusals.
    pub const fn words(self) -> &'static str {
        match self {
            Liveness::Running => "running",
            Liveness::Paused => "paused",
            Liveness::Stopping => "stopping",
            Liveness::Down => "down",
            Liveness::PoweredOff => "without power",
        }
    }

    /// There is a process, even if it is frozen.
    pub const fn exists(self) -> bool {
        matches!(
            self,
            Liveness::Running | Liveness::Stopping | Liveness::Paused
        )
    }
}

/// Something that has arrived and waits for its node to be free.
#[derive(Clone, Debug)]
pub struct Inbound {
    pub arrived_at: Instant,
    /// Who sent it.
    pub cause: EventId,
    pub message: Option<(MessageName, Carried)>,
    pub(crate) input: Job,
}

/// What a process is made to do.
#[derive(Clone, Debug)]
pub(crate) enum Job {
    Start,
    Input(Input),
    Next,

    Command(Arc<crate::actor::Order>),
    Poll,
}

/// What a node is built from, each time that it starts.
#[derive(Clone, Debug)]
pub(crate) enum Blueprint {
    Broker(broker::node::NodeConfig),
    Controller(metadata::node::NodeConfig),
}

/// The disk of a node that has no process.
#[derive(Clone, Debug)]
pub(crate) enum Disk {
    Broker(Box<broker::node::Files>),
    Controller(metadata::node::quorum::QuorumFiles),
}

impl Disk {
    /// What a process leaves behind; clients leave nothing.
    pub fn of(process: Actor, now: Instant) -> Option<Self> {
        match process {
            Actor::Broker(node) => Some(Disk::Broker(Box::new(node.into_files(now)))),
            Actor::Controller(node) => Some(Disk::Controller(node.into_files())),
            _ => None,
        }
    }

    pub fn killed(&mut self, now: Instant) {
        if let Disk::Broker(files) = self {
            files.killed(now);
        }
    }

    pub fn lost_power(&mut self, now: Instant) {
        if let Disk::Broker(files) = self {
            files.lost_power(now);
        }
    }

    pub fn wiped(&mut self, now: Instant) {
        match self {
            Disk::Broker(files) => files.wiped(now),
            Disk::Controller(files) => *files = Default::default(),
        }
    }
}

/// What a client was started with.
#[derive(Clone, Debug)]
pub(crate) enum ClientSpec {
    Producer(crate::scenario::Producer),
    Consumer(crate::scenario::Consumer),
}

/// One participant.
#[derive(Clone, Debug)]
pub struct Slot {
    pub id: ActorId,
    pub name: Name,
    pub role: Role,
    /// Brokers and controllers have one.
    pub node: Option<NodeId>,
    pub liveness: Liveness,
    /// While it runs or is frozen.
    pub process: Option<Arc<Actor>>,
    pub(crate) blueprint: Option<Arc<Blueprint>>,
    /// Of a client.
    pub(crate) spec: Option<Arc<ClientSpec>>,
    /// What it starts as when it has closed.
    pub(crate) reborn: Option<Arc<ClientSpec>>,
    /// While it has no process.
    pub(crate) disk: Option<Disk>,
    /// Arrived, in order, not yet worked on.
    pub inbox: VecDeque<Inbound>,
    /// A node works on one thing at a time: it is free again then.
    pub busy_until: Instant,
    /// When the process wants to be woken, and who made it want that.
    pub wake_at: Option<Instant>,
    pub(crate) wake_cause: EventId,
    /// The earliest wake in the queue.
    pub(crate) wake_queued: Option<Instant>,
    pub(crate) step_queued: bool,
    /// The connections that it opened: its own number and the world's.
    pub(crate) opened: Vec<(ConnectionId, ConnectionId)>,
    /// The event that last started, stopped or froze it.
    pub(crate) life_event: EventId,
}

impl Slot {
    pub(crate) fn new(id: ActorId, name: Name, role: Role, node: Option<NodeId>) -> Self {
        Self {
            id,
            name,
            role,
            node,
            liveness: Liveness::Down,
            process: None,
            blueprint: None,
            spec: None,
            reborn: None,
            disk: None,
            inbox: VecDeque::new(),
            busy_until: Instant::default(),
            wake_at: None,
            wake_cause: EventId::BEGINNING,
            wake_queued: None,
            step_queued: false,
            opened: Vec::new(),
            life_event: EventId::BEGINNING,
        }
    }

    /// The world's number of a connection that this actor opened.
    pub fn global(&self, local: ConnectionId) -> Option<ConnectionId> {
        self.opened.iter().rev().find(|c| c.0 == local).map(|c| c.1)
    }

    /// This actor's own number of a connection that it opened.
    pub fn local(&self, global: ConnectionId) -> Option<ConnectionId> {
        self.opened
            .iter()
            .rev()
            .find(|c| c.1 == global)
            .map(|c| c.0)
    }

    pub(crate) fn forget_opened(&mut self, global: ConnectionId) {
        self.opened.retain(|c| c.1 != global);
    }
}
