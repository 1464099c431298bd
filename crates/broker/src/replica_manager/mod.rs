//! All replicas of one broker, and everything that waits on them (`kafka.server.ReplicaManager`).
//!
//! Requests go in with a token; answers come out with it, in the order in which they leave. What has to be sent elsewhere
//! (fetches, AlterPartition) is asked for with `poll_*`. No connection, no client and no controller is known here.

mod append;
mod apply;
mod delayed;
mod delete_records;
mod fetch;
mod isr;
mod offsets;
mod requests;
mod transactional;

pub use append::AppendOptions;
pub use delayed::Delayed;
pub use isr::ControllerChannel;
pub use requests::{
    ClientMetadata, Completed, DeleteRecordsResult, FetchInfo, FetchParams, FetchPartitionData,
    PartitionEvent, ProduceEntry, ProducePartitionResponse, REQUIRED_ACKS_ALL, RequestToken,
    Response,
};

use crate::alter_partition::SubmissionId;
use crate::config::ReplicationConfig;
use crate::fetcher::FetcherManager;
use crate::partition::{Env, Marks, Partition, PendingChange};
use crate::purgatory::Purgatory;
use crate::verification::{AddPartitionsToTxnManager, Verification};
use crate::view::MetadataView;
use log::{LogConfig, LogDir, UnifiedLog};
use protocol::trace::RuleId;
use protocol::{BrokerEpoch, Ctx, ErrorCode, Instant, Name, NodeId, Offset, TopicPartition};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use transactional::Unverified;
pub use transactional::{ProduceRequestInfo, VerifiedPartition};

/// Periodic work of a running broker (`ReplicaManager.startup`, `startHighWatermarkCheckPointThread`).
#[derive(Clone, Copy, Debug)]
struct Schedule {
    isr_expiration: Instant,
    high_watermark_checkpoint: Instant,
}

/// The replicas of one broker. A clone shares what did not change.
#[derive(Clone, Debug)]
pub struct ReplicaManager {
    node_id: NodeId,
    broker_epoch: BrokerEpoch,
    config: ReplicationConfig,
    metadata: MetadataView,
    partitions: BTreeMap<TopicPartition, Arc<Partition>>,
    logs: LogDir,
    /// Settings of topics; those of others are the defaults.
    log_configs: BTreeMap<Name, Arc<LogConfig>>,
    purgatory: Purgatory<Delayed>,
    pub(crate) fetchers: FetcherManager,
    channel: ControllerChannel,
    /// Changes that the controller has not answered, obsolete ones included.
    submissions: BTreeMap<SubmissionId, (TopicPartition, PendingChange)>,
    next_submission: u64,
    completed: Vec<Completed>,
    /// Transactional appends that wait for their coordinators.
    unverified: BTreeMap<RequestToken, Unverified>,
    to_verify: Vec<Verification>,
    verifications: AddPartitionsToTxnManager,
    verified_partitions: Vec<VerifiedPartition>,
    listened: BTreeSet<TopicPartition>,
    events: Vec<PartitionEvent>,
    schedule: Option<Schedule>,
    in_controlled_shutdown: bool,
}

impl ReplicaManager {
    /// Over a loaded log directory. It hosts nothing until metadata is applied, and runs no periodic work until
    /// [`ReplicaManager::startup`].
    pub fn new(
        node_id: NodeId,
        broker_epoch: BrokerEpoch,
        config: ReplicationConfig,
        logs: LogDir,
        channel: ControllerChannel,
    ) -> Self {
        Self {
            node_id,
            broker_epoch,
            config,
            metadata: MetadataView::default(),
            partitions: BTreeMap::new(),
            logs,
            log_configs: BTreeMap::new(),
            purgatory: Purgatory::default(),
            fetchers: FetcherManager::default(),
            channel,
            submissions: BTreeMap::new(),
            next_submission: 0,
            completed: Vec::new(),
            unverified: BTreeMap::new(),
            to_verify: Vec::new(),
            verifications: AddPartitionsToTxnManager::default(),
            verified_partitions: Vec::new(),
            listened: BTreeSet::new(),
            events: Vec::new(),
            schedule: None,
            in_controlled_shutdown: false,
        }
    }

    /// Starts the ISR check and the high-watermark checkpoint; both run first now.
    pub fn startup(&mut self, ctx: &Ctx) {
        self.schedule = Some(Schedule {
            isr_expiration: ctx.now,
            high_watermark_checkpoint: ctx.now,
        });
    }

    pub fn node_id(&self) -> NodeId {
        self.node_id
    }

    pub fn broker_epoch(&self) -> BrokerEpoch {
        self.broker_epoch
    }

    pub fn set_broker_epoch(&mut self, epoch: BrokerEpoch) {
        self.broker_epoch = epoch;
    }

    pub fn config(&self) -> &ReplicationConfig {
        &self.config
    }

    pub fn metadata(&self) -> &MetadataView {
        &self.metadata
    }

    pub fn metadata_mut(&mut self) -> &mut MetadataView {
        &mut self.metadata
    }

    pub fn logs(&self) -> &LogDir {
        &self.logs
    }

    pub fn logs_mut(&mut self) -> &mut LogDir {
        &mut self.logs
    }

    pub fn fetchers(&self) -> &FetcherManager {
        &self.fetchers
    }

    pub fn purgatory(&self) -> &Purgatory<Delayed> {
        &self.purgatory
    }

    pub fn partitions(&self) -> impl Iterator<Item = &Partition> {
        self.partitions.values().map(|p| &**p)
    }

    pub fn partition(&self, tp: &TopicPartition) -> Option<&Partition> {
        self.partitions.get(tp).map(|p| &**p)
    }

    /// The log of a hosted partition.
    pub fn log(&self, tp: &TopicPartition) -> Option<&UnifiedLog> {
        self.partitions.get(tp)?;
        self.logs.log(tp)
    }

    /// Answers that left since the last call, in the order in which they left.
    pub fn take_completed(&mut self) -> Vec<Completed> {
        std::mem::take(&mut self.completed)
    }

    /// Changes of listened partitions since the last call.
    pub fn take_events(&mut self) -> Vec<PartitionEvent> {
        std::mem::take(&mut self.events)
    }

    /// Reports a hosted partition's high watermark from now on (`maybeAddListener`). Answers whether it is hosted.
    pub fn maybe_add_listener(&mut self, tp: &TopicPartition) -> bool {
        let hosted = self.partitions.contains_key(tp);
        if hosted {
            self.listened.insert(tp.clone());
        }
        hosted
    }

    pub fn remove_listener(&mut self, tp: &TopicPartition) {
        self.listened.remove(tp);
    }

    /// From now on, replicas without a leader, or outside the ISR, stop fetching (`beginControlledShutdown`).
    pub fn begin_controlled_shutdown(&mut self) {
        self.in_controlled_shutdown = true;
    }

    /// Why a partition that is not hosted is not (`getPartitionOrError`).
    fn absent(&self, tp: &TopicPartition) -> ErrorCode {
        if self.metadata.contains(tp) {
            ErrorCode::NotLeaderOrFollower
        } else {
            ErrorCode::UnknownTopicOrPartition
        }
    }

    /// A step that may change the log, not what the replica knows of its partition.
    pub(crate) fn read_partition<R>(
        &mut self,
        tp: &TopicPartition,
        ctx: &mut Ctx,
        step: impl FnOnce(&Partition, &mut Env) -> R,
    ) -> Result<R, ErrorCode> {
        self.step(tp, ctx, |partition, env| step(partition, env))
    }

    /// A step that may change both.
    pub(crate) fn change_partition<R>(
        &mut self,
        tp: &TopicPartition,
        ctx: &mut Ctx,
        step: impl FnOnce(&mut Partition, &mut Env) -> R,
    ) -> Result<R, ErrorCode> {
        self.step(tp, ctx, |partition, env| {
            step(Arc::make_mut(partition), env)
        })
    }

    fn step<R>(
        &mut self,
        tp: &TopicPartition,
        ctx: &mut Ctx,
        step: impl FnOnce(&mut Arc<Partition>, &mut Env) -> R,
    ) -> Result<R, ErrorCode> {
        let Some(partition) = self.partitions.get_mut(tp) else {
            return Err(self.absent(tp));
        };
        let log = self
            .logs
            .log_mut(tp)
            .ok_or(ErrorCode::NotLeaderOrFollower)?;
        let before = log.high_watermark();
        let mut env = Env {
            me: self.node_id,
            broker_epoch: self.broker_epoch,
            lag_max_ms: self.config.replica_lag_time_max_ms,
            metadata: &self.metadata,
            log,
            ctx,
        };
        let result = step(partition, &mut env);
        let after = env.log.high_watermark();
        if before != after && self.listened.contains(tp) {
            self.events
                .push(PartitionEvent::HighWatermarkUpdated(tp.clone(), after));
        }
        Ok(result)
    }

    /// Cuts a hosted log (`Partition.truncateTo`).
    pub fn truncate_to(
        &mut self,
        tp: &TopicPartition,
        offset: Offset,
        ctx: &mut Ctx,
    ) -> Result<(), ErrorCode> {
        self.cut(tp, offset, false, crate::rules::TRUNCATE_DIVERGENCE, ctx)
    }

    /// Cuts a hosted log, or empties it and starts it at `offset`. Recovery points are written with it.
    pub(crate) fn cut(
        &mut self,
        tp: &TopicPartition,
        offset: Offset,
        fully: bool,
        rule: RuleId,
        ctx: &mut Ctx,
    ) -> Result<(), ErrorCode> {
        let before = Marks::of(self.log(tp).ok_or_else(|| self.absent(tp))?);
        let result = if fully {
            self.logs
                .truncate_fully_and_start_at(tp, offset, None, ctx.now.ms())
        } else {
            self.logs.truncate_to(tp, offset, ctx.now.ms()).map(|_| ())
        };
        self.read_partition(tp, ctx, |partition, env| {
            partition.report_marks(before, rule, env);
        })?;
        let after = self
            .log(tp)
            .map_or(before.high_watermark, UnifiedLog::high_watermark);
        if after != before.high_watermark && self.listened.contains(tp) {
            self.events
                .push(PartitionEvent::HighWatermarkUpdated(tp.clone(), after));
        }
        result.map_err(|e| e.code())
    }

    /// Writes the high watermarks to their checkpoint file (`checkpointHighWatermarks`).
    pub fn checkpoint_high_watermarks(&mut self, now: Instant) {
        self.logs.checkpoint_high_watermarks(now.ms());
    }

    /// Settings of a topic, for its logs that are here and those to come.
    pub fn set_log_config(&mut self, topic: &Name, config: Arc<LogConfig>) {
        for tp in self.partitions.keys().filter(|tp| tp.topic == *topic) {
            self.logs.update_config(tp, config.clone());
        }
        self.log_configs.insert(topic.clone(), config);
    }

    /// Periodic work and time-outs that are due; the next wake-up. The fetchers' requests are not polled here.
    pub fn poll(&mut self, ctx: &mut Ctx) -> Option<Instant> {
        while let Some(ticket) = self.purgatory.next_expired(ctx.now) {
            self.expire(ticket, ctx);
        }
        self.logs.poll(ctx.now.ms());
        if let Some(mut schedule) = self.schedule {
            if schedule.isr_expiration <= ctx.now {
                self.maybe_shrink_isr(ctx);
                schedule.isr_expiration = ctx
                    .now
                    .after_ms((self.config.replica_lag_time_max_ms / 2).max(1));
            }
            if schedule.high_watermark_checkpoint <= ctx.now {
                self.checkpoint_high_watermarks(ctx.now);
                schedule.high_watermark_checkpoint = ctx
                    .now
                    .after_ms(self.config.high_watermark_checkpoint_interval_ms.max(1));
            }
            self.schedule = Some(schedule);
        }
        self.next_wake_up(ctx.now)
    }

    /// When something here is due next.
    pub fn next_wake_up(&self, now: Instant) -> Option<Instant> {
        let schedule = self
            .schedule
            .map(|s| s.isr_expiration.min(s.high_watermark_checkpoint));
        let logs = Some(Instant::from_ms(self.logs.next_due())).filter(|at| *at < Instant::NEVER);
        [
            self.purgatory.next_due(),
            schedule,
            logs,
            self.fetchers_wake_up(now),
            self.channel_wake_up(now),
            self.verifications_wake_up(),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// Stops in order: checkpoints are written, logs closed (`ReplicaManager.shutdown`, `LogManager.shutdown`).
    pub fn shutdown(mut self, now: Instant) -> LogDir {
        self.logs.close(self.broker_epoch, now.ms());
        self.logs
    }

    /// The log directory as it is, for a broker that does not stop in order.
    pub fn into_logs(self) -> LogDir {
        self.logs
    }
}
