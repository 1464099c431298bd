//! The group coordinators that a broker hosts: one for each partition of `__consumer_offsets` that it leads.
//!
//! It finds the coordinator of a request, lets it write to the partition's log, tells it what is committed, and puts its
//! answers together where one request concerns several of them. What a group is, is the coordinators' business
//! (`GroupCoordinatorService`, `CoordinatorRuntime`, `CoordinatorPartitionWriter`).

use super::group_answers::Gathering;
use super::lookup::GROUP_METADATA_TOPIC;
use super::{Node, NodeConfig};
use crate::partition::LeaderAppend;
use crate::replica_manager::{PartitionEvent, ReplicaManager};
use coordinator::group::{
    Completion, Coordinator, GroupConfig, GroupCoordinatorConfig, GroupRequest, Loaded, Record,
    RequestContext, Status, Step, Token, partition_for,
};
use coordinator::runtime::{self, Batch, PartitionWriter, TopicView};
use log::{AppendOrigin, FetchIsolation};
use metadata::image::{ConfigResource, ConfigResourceType};
use metadata::{MetadataDelta, MetadataImage};
use protocol::messages::Records;
use protocol::record::{
    Batches, ControlRecordType, EndTransactionMarker, RecordBatchBuilder, SimpleRecord,
    end_transaction_marker,
};
use protocol::trace::{Change, Fact};
use protocol::wire::Outbox;
use protocol::{Ctx, ErrorCode, Instant, Name, Offset, ProducerId, TopicPartition, Uuid};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Clients have no addresses here; Kafka would write one.
const CLIENT_HOST: &str = "/127.0.0.1";

/// The coordinators of one broker.
#[derive(Clone, Debug)]
pub struct Groups {
    config: GroupCoordinatorConfig,
    coordinators: BTreeMap<i32, Arc<Coordinator>>,
    /// Answers for partitions that are led elsewhere.
    nobody: Coordinator,
    next_token: u64,
    pub(super) askers: BTreeMap<Token, (u64, usize)>,
    pub(super) gatherings: BTreeMap<u64, Gathering>,
    next_gathering: u64,
    /// Commits as last told, so that only changes are.
    pub(super) told: BTreeMap<(Name, TopicPartition), Offset>,
    /// When the next timer of any coordinator is due; none = not known.
    due: Option<Option<Instant>>,
}

impl Groups {
    pub fn new(config: &NodeConfig) -> Self {
        let config = config.group.clone();
        Self {
            nobody: Coordinator::new(config.clone()),
            config,
            coordinators: BTreeMap::new(),
            next_token: 0,
            askers: BTreeMap::new(),
            gatherings: BTreeMap::new(),
            next_gathering: 0,
            told: BTreeMap::new(),
            due: None,
        }
    }

    /// The coordinators here, by partition of the offsets topic.
    pub fn coordinators(&self) -> impl Iterator<Item = (i32, &Coordinator)> {
        self.coordinators.iter().map(|(&p, c)| (p, &**c))
    }

    /// The coordinator of a group, if it is here.
    pub fn coordinator_of(&self, group_id: &str, image: &MetadataImage) -> Option<&Coordinator> {
        let partition = partition_of(group_id, image, &self.config);
        self.coordinators.get(&partition).map(|c| &**c)
    }

    fn next_due(&mut self, now: Instant) -> Option<Instant> {
        *self.due.get_or_insert_with(|| {
            let due = self
                .coordinators
                .values()
                .filter_map(|c| c.next_due_ms(now.ms()));
            due.min().map(Instant::from_ms)
        })
    }
}

pub(super) fn partition_of(
    group_id: &str,
    image: &MetadataImage,
    config: &GroupCoordinatorConfig,
) -> i32 {
    let topic = image.topics.topic_named(GROUP_METADATA_TOPIC);
    let count = topic.map_or(config.offsets_topic_partitions, |t| {
        t.partitions.len() as i32
    });
    partition_for(group_id, count)
}

/// The broker's image as a coordinator sees it.
struct View<'a>(&'a MetadataImage);

impl View<'_> {
    fn view(topic: &metadata::image::TopicImage) -> TopicView {
        TopicView {
            name: topic.name.clone(),
            id: topic.id,
            partitions: topic.partitions.len() as i32,
        }
    }
}

impl runtime::MetadataView for View<'_> {
    fn version(&self) -> i64 {
        self.0.offset.get()
    }

    fn topic(&self, name: &str) -> Option<TopicView> {
        self.0.topics.topic_named(name).map(Self::view)
    }

    fn topic_by_id(&self, id: Uuid) -> Option<TopicView> {
        self.0.topics.topic(id).map(Self::view)
    }

    fn partition_racks(&self, topic: &str, partition: i32) -> Vec<Name> {
        let Some(p) = self
            .0
            .topics
            .topic_named(topic)
            .and_then(|t| t.partition(partition))
        else {
            return Vec::new();
        };
        p.replicas
            .iter()
            .filter_map(|id| self.0.cluster.broker(*id)?.rack.clone())
            .collect()
    }

    fn topics(&self) -> Vec<TopicView> {
        self.0.topics.by_name().map(Self::view).collect()
    }
}

/// Writes a coordinator's batches to its partition (`CoordinatorPartitionWriter`). Changes of the log are reported when
/// the step is over, because the coordinator reports in the meantime.
struct LogWriter<'a> {
    replicas: &'a mut ReplicaManager,
    tp: TopicPartition,
    now: Instant,
    protections: protocol::Protections,
    changes: Vec<(Change, Vec<Fact>)>,
    bytes: u64,
}

impl LogWriter<'_> {
    fn encode(&self, batch: Batch<'_, Record>) -> Result<bytes::Bytes, ErrorCode> {
        let timestamp = self.now.ms();
        match batch {
            Batch::Records {
                producer_id,
                producer_epoch,
                records,
            } => {
                let mut builder = RecordBatchBuilder::new(0);
                if !producer_id.is_none() {
                    builder = builder
                        .producer(producer_id.get(), producer_epoch.get(), -1)
                        .transactional(true);
                }
                for record in records {
                    let record = SimpleRecord {
                        timestamp,
                        key: Some(record.key_bytes()),
                        value: record.value_bytes(),
                        headers: Vec::new(),
                    };
                    builder
                        .append(&record)
                        .map_err(|_| ErrorCode::UnknownServerError)?;
                }
                let batch = builder.build().map_err(|_| ErrorCode::UnknownServerError)?;
                batch
                    .map(|b| b.into_bytes())
                    .ok_or(ErrorCode::UnknownServerError)
            }
            Batch::EndTransaction {
                producer_id,
                producer_epoch,
                coordinator_epoch,
                commit,
            } => {
                let marker = EndTransactionMarker {
                    commit,
                    coordinator_epoch,
                };
                let (id, epoch) = (producer_id.get(), producer_epoch.get());
                Ok(end_transaction_marker(0, timestamp, 0, id, epoch, marker).into_bytes())
            }
        }
    }
}

impl PartitionWriter<Record> for LogWriter<'_> {
    fn append(&mut self, batch: Batch<'_, Record>) -> Result<Offset, ErrorCode> {
        let records = Records::one(self.encode(batch)?);
        self.bytes += records.size_bytes() as u64;
        let append = LeaderAppend {
            records,
            origin: AppendOrigin::Coordinator,
            guard: None,
            transaction_version: 0,
        };
        // an append draws nothing
        let mut ctx = Ctx {
            now: self.now,
            protections: self.protections,
            draws: &mut protocol::ctx::NoChance,
            trace: &mut self.changes,
        };
        let info = self
            .replicas
            .append_records_to_leader(&self.tp, &append, &mut ctx)?;
        Ok(info.last_offset + 1)
    }

    fn end_offset(&self) -> Offset {
        self.replicas
            .log(&self.tp)
            .map_or(Offset::ZERO, |log| log.log_end_offset())
    }
}

impl Node {
    pub fn groups(&self) -> &Groups {
        &self.groups
    }

    /// Lets one coordinator work; answers what it has answered.
    fn coordinate<R>(
        &mut self,
        partition: Option<i32>,
        ctx: &mut Ctx<'_>,
        out: &mut Outbox,
        work: impl FnOnce(&mut Coordinator, &mut Step<'_, '_>) -> R,
    ) -> (R, Vec<Completion>) {
        let tp = TopicPartition::new(GROUP_METADATA_TOPIC, partition.unwrap_or(-1));
        let mut writer = LogWriter {
            replicas: &mut self.replicas,
            tp,
            now: ctx.now,
            protections: ctx.protections,
            changes: Vec::new(),
            bytes: 0,
        };
        let view = View(&self.image);
        let mut completed = Vec::new();
        let mut step = Step {
            ctx: &mut *ctx,
            writer: &mut writer,
            metadata: &view,
            completed: &mut completed,
        };
        let hosted = partition.and_then(|p| self.groups.coordinators.get_mut(&p));
        let coordinator = match hosted {
            Some(hosted) => Arc::make_mut(hosted),
            None => &mut self.groups.nobody,
        };
        let result = work(coordinator, &mut step);
        self.groups.due = None;
        out.bytes_appended += writer.bytes;
        for (change, facts) in std::mem::take(&mut writer.changes) {
            ctx.trace.changed(change, &mut || facts.clone());
        }
        (result, completed)
    }

    /// Hands a request to the coordinator of `partition`, as one part of a gathering.
    pub(super) fn ask_coordinator(
        &mut self,
        partition: i32,
        context: &RequestContext,
        request: GroupRequest,
        part: (u64, usize),
        ctx: &mut Ctx<'_>,
        out: &mut Outbox,
    ) {
        let token = Token(self.groups.next_token);
        self.groups.next_token += 1;
        self.groups.askers.insert(token, part);
        let (_, completed) = self.coordinate(Some(partition), ctx, out, |coordinator, step| {
            coordinator.handle(token, context, request, step);
        });
        self.group_completed(completed, ctx, out);
    }

    pub(super) fn begin_gathering(&mut self, gathering: Gathering) -> u64 {
        let id = self.groups.next_gathering;
        self.groups.next_gathering += 1;
        self.groups.gatherings.insert(id, gathering);
        id
    }

    pub(super) fn request_context(api_version: i16, client_id: &Name) -> RequestContext {
        RequestContext {
            api_version,
            client_id: client_id.clone(),
            client_host: CLIENT_HOST.into(),
        }
    }

    /// Timers of the coordinators, and what the log says is replicated. True if anything happened.
    pub(super) fn run_groups(&mut self, ctx: &mut Ctx<'_>, out: &mut Outbox) -> bool {
        let mut any = self.hear_high_watermarks(ctx, out);
        while self
            .groups
            .next_due(ctx.now)
            .is_some_and(|at| at <= ctx.now)
        {
            let due = self.groups.coordinators.iter().find(|(_, c)| {
                c.next_due_ms(ctx.now.ms())
                    .is_some_and(|d| d <= ctx.now.ms())
            });
            let Some(&partition) = due.map(|(p, _)| p) else {
                break;
            };
            let (_, completed) = self.coordinate(Some(partition), ctx, out, |c, step| {
                c.poll_one(step);
            });
            self.group_completed(completed, ctx, out);
            self.hear_high_watermarks(ctx, out);
            any = true;
        }
        any
    }

    pub(super) fn groups_wake_up(&mut self, now: Instant) -> Option<Instant> {
        self.groups.next_due(now)
    }

    fn hear_high_watermarks(&mut self, ctx: &mut Ctx<'_>, out: &mut Outbox) -> bool {
        let events = self.replicas.take_events();
        let any = !events.is_empty();
        for event in events {
            if let PartitionEvent::HighWatermarkUpdated(tp, offset) = event
                && self.groups.coordinators.contains_key(&tp.partition)
            {
                let (_, completed) =
                    self.coordinate(Some(tp.partition), ctx, out, |coordinator, step| {
                        coordinator.on_high_watermark(offset, step);
                    });
                self.group_completed(completed, ctx, out);
            }
        }
        any
    }

    /// New metadata: coordinators come and go with the leadership of their partitions, and hear of topics.
    pub(super) fn groups_follow_metadata(
        &mut self,
        delta: &MetadataDelta,
        ctx: &mut Ctx<'_>,
        out: &mut Outbox,
    ) {
        self.elect_coordinators(delta, ctx, out);
        let news = news(delta);
        if news == runtime::MetadataDelta::default() {
            return;
        }
        let here: Vec<i32> = self.groups.coordinators.keys().copied().collect();
        for partition in here {
            let (_, completed) = self.coordinate(Some(partition), ctx, out, |coordinator, step| {
                coordinator.on_metadata_update(&news, step);
            });
            self.group_completed(completed, ctx, out);
        }
    }

    pub(super) fn set_group_configs(&mut self, delta: &MetadataDelta) {
        for resource in delta
            .changed_configs
            .iter()
            .filter(|r| r.kind == ConfigResourceType::Group)
        {
            let pairs = delta.image().configs.of(&ConfigResource {
                kind: resource.kind,
                name: resource.name.clone(),
            });
            let config = pairs.and_then(|pairs| {
                let pairs = pairs.iter().map(|(k, v)| (&**k, &**v));
                GroupConfig::new(pairs, &self.groups.config).ok()
            });
            for coordinator in self.groups.coordinators.values_mut() {
                Arc::make_mut(coordinator).set_group_config(resource.name.clone(), config);
            }
        }
    }

    fn elect_coordinators(&mut self, delta: &MetadataDelta, ctx: &mut Ctx<'_>, out: &mut Outbox) {
        let Some(topic) = delta.image().topics.topic_named(GROUP_METADATA_TOPIC) else {
            return;
        };
        let Some(changed) = delta.changed_topics.get(&topic.id) else {
            return;
        };
        for &index in &changed.partitions {
            let leads = topic
                .partition(index)
                .is_some_and(|p| p.leader == self.id());
            let here = self.groups.coordinators.contains_key(&index);
            if leads && !here {
                self.load_coordinator(index, ctx, out);
            } else if !leads && here {
                let (_, completed) = self.coordinate(Some(index), ctx, out, |coordinator, step| {
                    coordinator.unload(step)
                });
                self.groups.coordinators.remove(&index);
                self.groups.due = None;
                self.replicas
                    .remove_listener(&TopicPartition::new(GROUP_METADATA_TOPIC, index));
                self.group_completed(completed, ctx, out);
            }
        }
    }

    /// Replays the partition (`CoordinatorLoaderImpl`). Simplified: it takes no time.
    fn load_coordinator(&mut self, index: i32, ctx: &mut Ctx<'_>, out: &mut Outbox) {
        let tp = TopicPartition::new(GROUP_METADATA_TOPIC, index);
        let Some((records, end, high_watermark)) = self.read_all(&tp) else {
            return;
        };
        self.replicas.maybe_add_listener(&tp);
        let mut coordinator = Coordinator::new(self.groups.config.clone());
        coordinator.load_begin();
        self.groups
            .coordinators
            .insert(index, Arc::new(coordinator));
        let (loaded, completed) = self.coordinate(Some(index), ctx, out, |coordinator, step| {
            coordinator.load_end(records, end, high_watermark, step)
        });
        if loaded.is_err() {
            // the coordinator stays unloaded and says so to everyone
            debug_assert!(self.groups.coordinators[&index].status() == Status::Unloaded);
        }
        self.group_completed(completed, ctx, out);
    }

    fn read_all(&mut self, tp: &TopicPartition) -> Option<(Vec<Loaded>, Offset, Offset)> {
        let log = self.replicas.logs_mut().log_mut(tp)?;
        let (mut at, end, high_watermark) = (
            log.log_start_offset(),
            log.log_end_offset(),
            log.high_watermark(),
        );
        let mut loaded = Vec::new();
        while at < end {
            let read = log
                .read(at, usize::MAX >> 1, FetchIsolation::LogEnd, true)
                .ok()?;
            let before = at;
            for chunk in read.records.chunks {
                for batch in Batches::new(chunk) {
                    let batch = batch.ok()?;
                    at = Offset(batch.next_offset());
                    let transactional = batch.is_transactional();
                    let producer_id = if transactional {
                        ProducerId(batch.producer_id())
                    } else {
                        ProducerId::NONE
                    };
                    for record in batch.records().ok()? {
                        let record = record.ok()?;
                        let offset = Offset(record.offset);
                        if !batch.is_control() {
                            loaded.push(Loaded::Record {
                                offset,
                                producer_id,
                                key: record.key,
                                value: record.value,
                            });
                            continue;
                        }
                        let commit = match ControlRecordType::parse(record.key.as_ref()) {
                            Ok(ControlRecordType::Commit) => true,
                            Ok(ControlRecordType::Abort) => false,
                            _ => continue,
                        };
                        loaded.push(Loaded::EndTransaction {
                            offset,
                            producer_id: ProducerId(batch.producer_id()),
                            commit,
                        });
                    }
                }
            }
            if at == before {
                break;
            }
        }
        Some((loaded, end, high_watermark))
    }
}

fn news(delta: &MetadataDelta) -> runtime::MetadataDelta {
    let mut news = runtime::MetadataDelta::default();
    for (id, changed) in &delta.changed_topics {
        let Some(topic) = delta.image().topics.topic(*id) else {
            continue;
        };
        if delta.base().topics.topic(*id).is_none() {
            news.created.push(topic.name.clone());
        } else if changed
            .partitions
            .iter()
            .any(|p| delta.base().topics.partition(*id, *p).is_none())
        {
            news.changed.push(topic.name.clone());
        }
    }
    for id in &delta.deleted_topics {
        if let Some(topic) = delta.base().topics.topic(*id) {
            news.deleted.push((topic.name.clone(), *id));
        }
    }
    news
}
