//! A broker as a process: what it hosts, who is connected to it, and what it asks of the controller and of leaders.
//!
//! It takes requests off connections, hands them to those who know the rules, and puts answers back on; it follows the
//! metadata log and applies it late; it registers, sends heartbeats, carries ISR changes and fetches. It decides none of
//! it: rules are in the replica manager, the coordinators, the controller and the quorum.

mod apply;
mod asks;
pub mod config;
mod dispatch;
mod fetch;
mod group_answers;
mod groups;
pub mod lifecycle;
mod lookup;
mod offsets;
mod produce;
mod producer_ids;
mod replication;
pub mod rules;

pub use config::NodeConfig;
pub use groups::Groups;
pub use lifecycle::{BrokerState, Lifecycle};

use crate::alter_partition::AlterPartitionManager;
use crate::fetch_session::FetchManager;
use crate::replica_manager::{ControllerChannel, ReplicaManager, RequestToken};
use asks::{Asked, Forward, Purpose};
use dispatch::Origin;
use log::LogDir;
use metadata::MetadataImage;
use metadata::node::channel::{Channels, ConnectionIds};
use metadata::node::quorum::{Quorum, QuorumFiles};
use metadata::node::server::Server;
use producer_ids::ProducerIds;
use protocol::wire::{Input, Outbox, Output};
use protocol::{BrokerEpoch, CorrelationId, Ctx, Instant, Name, NodeId, Uuid};
use raft::{Event, Identity, QuorumConfig};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

/// What a broker's disk holds while no process runs on it.
#[derive(Clone, Debug)]
pub struct Files {
    pub logs: LogDir,
    pub quorum: QuorumFiles,
}

impl Files {
    /// A new, empty disk.
    pub fn new(config: &NodeConfig, now: Instant) -> Self {
        let broker = config.broker_log(protocol::Protections::ALL);
        Self {
            logs: LogDir::new(broker, now.ms()),
            quorum: QuorumFiles::default(),
        }
    }

    /// The process died; what it had written is still in the page cache.
    pub fn killed(&mut self, now: Instant) {
        self.logs.crash(now.ms());
    }

    /// The machine lost its power: only what was flushed is left.
    pub fn lost_power(&mut self, now: Instant) {
        self.logs.power_loss(now.ms());
    }

    /// Everything is gone.
    pub fn wiped(&mut self, now: Instant) {
        self.logs.wipe(now.ms());
        self.quorum = QuorumFiles::default();
    }
}

/// Between two log tasks.
#[derive(Clone, Copy, Debug)]
struct LogTasks {
    retention_at: Instant,
    cleaner_at: Instant,
    recovery_points_at: Instant,
}

/// A running broker.
#[derive(Clone, Debug)]
pub struct Node {
    config: Arc<NodeConfig>,
    server: Server,
    ids: ConnectionIds,
    quorum: Option<Quorum>,
    quorum_files: QuorumFiles,
    channels: Channels<Purpose>,
    next_correlation: i32,
    asked: BTreeMap<CorrelationId, Asked>,
    forwards: VecDeque<Forward>,
    /// Topics whose creation was asked for and not yet answered.
    creating: BTreeSet<Name>,
    lifecycle: Lifecycle,
    previous_broker_epoch: BrokerEpoch,
    /// Metadata as last applied.
    image: MetadataImage,
    replicas: ReplicaManager,
    serving: bool,
    sessions: FetchManager,
    tokens: BTreeMap<RequestToken, Origin>,
    next_token: u64,
    producer_ids: ProducerIds,
    groups: Groups,
    tasks: Option<LogTasks>,
    exiting: bool,
}

impl Node {
    /// A process that will begin with what the disk holds.
    pub fn new(config: NodeConfig, files: Files) -> Self {
        let Files { logs, quorum } = files;
        let queue = ControllerChannel::Queue(AlterPartitionManager::default());
        let client_id: Name = format!("broker-{}", config.node_id).into();
        Self {
            server: Server::default(),
            ids: ConnectionIds::default(),
            quorum: None,
            quorum_files: quorum,
            channels: Channels::new(client_id),
            next_correlation: 0,
            asked: BTreeMap::new(),
            forwards: VecDeque::new(),
            creating: BTreeSet::new(),
            lifecycle: Lifecycle::new(Uuid::ZERO, config.heartbeat_interval_ms, Instant::NEVER),
            previous_broker_epoch: BrokerEpoch::NONE,
            image: MetadataImage::default(),
            replicas: ReplicaManager::new(
                config.node_id,
                BrokerEpoch::NONE,
                config.replication.clone(),
                logs,
                queue,
            ),
            serving: false,
            sessions: FetchManager::new(
                usize::try_from(config.replication.fetch_session_cache_slots).unwrap_or(0),
            ),
            tokens: BTreeMap::new(),
            next_token: 0,
            producer_ids: ProducerIds::default(),
            groups: Groups::new(&config),
            tasks: None,
            exiting: false,
            config: Arc::new(config),
        }
    }

    pub fn id(&self) -> NodeId {
        self.config.node_id
    }

    pub fn config(&self) -> &NodeConfig {
        &self.config
    }

    pub fn replicas(&self) -> &ReplicaManager {
        &self.replicas
    }

    /// Metadata as this broker has applied it.
    pub fn image(&self) -> &MetadataImage {
        &self.image
    }

    pub fn lifecycle(&self) -> &Lifecycle {
        &self.lifecycle
    }

    pub fn server(&self) -> &Server {
        &self.server
    }

    pub fn channels(&self) -> &Channels<Purpose> {
        &self.channels
    }

    /// `None` before it has begun.
    pub fn quorum(&self) -> Option<&Quorum> {
        self.quorum.as_ref()
    }

    /// The disk as it is when the process is gone. After a controlled shutdown it says so.
    pub fn into_files(self, now: Instant) -> Files {
        let quorum = match self.quorum {
            Some(quorum) => quorum.into_files(),
            None => self.quorum_files,
        };
        let logs = if self.exiting {
            self.replicas.shutdown(now)
        } else {
            self.replicas.into_logs()
        };
        Files { logs, quorum }
    }

    pub fn start(&mut self, ctx: &mut Ctx<'_>) {
        let broker_log = self.config.broker_log(ctx.protections);
        let logs = self.replicas.logs_mut();
        logs.update_broker_config(broker_log);
        self.previous_broker_epoch = logs.clean_shutdown_epoch().unwrap_or(BrokerEpoch::NONE);
        if !logs.is_open() {
            logs.open(ctx.now.ms())
                .expect("the directory was written by a broker like this one");
        }
        let incarnation = Uuid::from_draws(
            ctx.draws.next_u64("incarnation"),
            ctx.draws.next_u64("incarnation"),
        );
        self.lifecycle = Lifecycle::new(incarnation, self.config.heartbeat_interval_ms, ctx.now);
        let identity = Identity {
            node: self.config.node_id,
            directory_id: self.config.directory_id,
            cluster_id: self.config.cluster_id.clone(),
            voters: self.config.controllers.clone(),
        };
        let files = std::mem::take(&mut self.quorum_files);
        self.quorum = Some(Quorum::start(identity, QuorumConfig::default(), files, ctx));
    }

    /// Asked to stop: leaderships are handed over first, if the config says so.
    pub fn stop(&mut self, ctx: &mut Ctx<'_>, out: &mut Outbox) {
        if self.config.controlled_shutdown && self.lifecycle.state == BrokerState::Running {
            self.replicas.begin_controlled_shutdown();
            self.lifecycle.begin_controlled_shutdown(ctx.now);
        } else {
            self.exit(out);
        }
    }

    fn exit(&mut self, out: &mut Outbox) {
        if !self.exiting {
            self.exiting = true;
            self.lifecycle.state = BrokerState::ShuttingDown;
            out.push(Output::Exit);
        }
    }

    pub fn handle(&mut self, input: Input, ctx: &mut Ctx<'_>, out: &mut Outbox) {
        match input {
            Input::Accepted { conn } => self.server.accept(conn),
            Input::Closed { conn } => {
                // what is in progress goes on; its answer finds nobody
                self.server.close(conn);
            }
            Input::Request {
                conn,
                header,
                request,
            } => {
                if let Some((header, request)) = self.server.arrive(conn, header, request) {
                    self.dispatch(conn, header, request, ctx, out);
                }
            }
            other => {
                let other = match self.channels.handle(other, ctx.now, out) {
                    Ok(ended) => return self.ended(ended, ctx, out),
                    Err(other) => other,
                };
                if let Some(quorum) = &mut self.quorum {
                    // a connection that was given up meanwhile is nobody's
                    let _ = quorum.handle_channel(other, ctx, out);
                }
            }
        }
    }

    /// Takes up a request that waited behind another on its connection.
    pub fn next(&mut self, ctx: &mut Ctx<'_>, out: &mut Outbox) {
        if let Some((conn, header, request)) = self.server.next() {
            self.dispatch(conn, header, request, ctx, out);
        }
        out.more |= self.server.has_ready();
    }

    /// Does what is due; answers when it wants to be woken next.
    pub fn poll(&mut self, ctx: &mut Ctx<'_>, out: &mut Outbox) -> Option<Instant> {
        if self.exiting {
            return None;
        }
        let mut wake;
        loop {
            let quorum = self.quorum.as_mut()?;
            let (events, quorum_wake) = quorum.poll(&mut self.server, &mut self.ids, ctx, out);
            let mut progress = !events.is_empty();
            self.follow_metadata(events, ctx, out);
            let overdue = self.channels.poll(ctx.now, &mut self.ids, out);
            progress |= !overdue.is_empty();
            self.ended(overdue, ctx, out);
            progress |= self.talk_to_controller(ctx, out);
            let replicas_wake = self.replicas.poll(ctx);
            self.run_log_tasks(ctx.now);
            progress |= self.replicate(ctx, out);
            progress |= self.run_groups(ctx, out);
            progress |= self.answer_completed(ctx, out);
            wake = [
                quorum_wake,
                replicas_wake,
                self.channels.next_wake_up(),
                self.own_wake_up(),
                self.groups_wake_up(ctx.now),
            ];
            if !progress || self.exiting {
                break;
            }
        }
        wake.into_iter().flatten().min().filter(|_| !self.exiting)
    }

    fn own_wake_up(&self) -> Option<Instant> {
        let tasks = self
            .tasks
            .map(|t| t.retention_at.min(t.cleaner_at).min(t.recovery_points_at));
        let mut wakes = vec![tasks];
        // without a controller to talk to, there is nothing to wake up for
        if self.controller().is_some() {
            wakes.push(self.lifecycle.next_at());
            wakes.push(self.producer_ids.next_wake_up());
            wakes.extend(self.forwards.iter().map(|f| Some(f.due)));
        }
        wakes.into_iter().flatten().min()
    }

    /// The active controller, as far as this broker knows.
    pub fn controller(&self) -> Option<NodeId> {
        self.quorum.as_ref()?.raft().leader()
    }

    fn follow_metadata(&mut self, events: Vec<Event>, ctx: &mut Ctx<'_>, out: &mut Outbox) {
        let batches = events.into_iter().filter_map(|event| match event {
            Event::Commit(batch) => Some(batch),
            Event::LeaderChange { .. } => None,
            Event::LoadSnapshot { .. } => unreachable!("no controller here writes snapshots"),
        });
        self.apply_batches(batches.collect(), ctx, out);
        self.maybe_become_ready(ctx);
    }

    /// Caught up and its metadata applied: it may serve, and asks to be unfenced.
    fn maybe_become_ready(&mut self, ctx: &mut Ctx<'_>) {
        if self.serving || self.lifecycle.state == BrokerState::Starting {
            return;
        }
        self.serving = true;
        self.replicas.startup(ctx);
        let first = ctx.now.after_ms(self.config.initial_task_delay_ms);
        self.tasks = Some(LogTasks {
            retention_at: first,
            cleaner_at: first,
            recovery_points_at: first,
        });
        self.lifecycle.set_ready_to_unfence(ctx.now);
    }

    /// Retention, compaction and recovery points, each when its time has come.
    fn run_log_tasks(&mut self, now: Instant) {
        let Some(mut tasks) = self.tasks else { return };
        let logs = self.replicas.logs_mut();
        if tasks.retention_at <= now {
            for tp in logs.partitions().cloned().collect::<Vec<_>>() {
                if let Some(log) = logs.log_mut(&tp).filter(|log| !log.config().compact) {
                    // a roll that fails leaves its segments for the next time
                    let _ = log.delete_old_segments(now.ms());
                }
            }
            tasks.retention_at = now.after_ms(self.config.retention_check_interval_ms);
        }
        if tasks.cleaner_at <= now {
            if self.config.cleaner_enabled {
                // one log a turn until nothing is due; a turn that fails marks its log and goes on
                while logs
                    .cleaner_pass(log::cleaner::DEFAULT_OFFSET_MAP_SLOTS, now.ms())
                    .is_ok_and(|(cleaned, _)| cleaned.is_some())
                {}
            }
            tasks.cleaner_at = now.after_ms(self.config.cleaner_backoff_ms.max(1));
        }
        if tasks.recovery_points_at <= now {
            logs.checkpoint_recovery_points(now.ms());
            logs.checkpoint_log_start_offsets(now.ms());
            tasks.recovery_points_at =
                now.after_ms(self.config.recovery_point_checkpoint_interval_ms.max(1));
        }
        self.tasks = Some(tasks);
    }

    /// Runs retention and the cleaner now, as a person asks.
    pub fn run_log_tasks_now(&mut self, now: Instant) {
        if let Some(tasks) = &mut self.tasks {
            tasks.retention_at = now;
            tasks.cleaner_at = now;
        }
    }

    fn token(&mut self, origin: Origin) -> RequestToken {
        let token = RequestToken(self.next_token);
        self.next_token += 1;
        self.tokens.insert(token, origin);
        token
    }
}
