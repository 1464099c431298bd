//! One broker of a partition `t-0`, everybody else spoken for by the test. Scenario ids are those of the storage and
//! replication reference (`sto/H…`).

mod explain;
mod fetcher;
mod high_watermark;
mod invariants;
mod isr;
mod protections;
mod transactional;
mod waiting;

use crate::alter_partition::{AlterPartitionItem, LeaderAndIsr};
use crate::config::ReplicationConfig;
use crate::partition::FetchIsolation;
use crate::replica_manager::{
    ClientMetadata, ControllerChannel, FetchInfo, FetchParams, FetchPartitionData, ProduceEntry,
    RequestToken, Response,
};
use crate::view::{
    BrokerRegistrationView, PartitionRegistration, RegisteredPartition, TopicsDelta,
};
use crate::{Partition, ReplicaManager};
use log::{AppendOrigin, BrokerLogConfig, LogConfig, LogDir};
use protocol::config::Configs;
use protocol::ctx::NoChance;
use protocol::messages::Records;
use protocol::record::{RecordBatchBuilder, SimpleRecord};
use protocol::trace::{Change, Fact};
use protocol::{
    BrokerEpoch, Ctx, ErrorCode, Instant, LeaderEpoch, Ms, NodeId, Offset, PartitionEpoch,
    Protections, TopicPartition, Uuid,
};
use std::sync::Arc;

const TOPIC_ID: Uuid = Uuid(77);

/// Broker 1, and what has left it.
pub(super) struct One {
    pub replicas: ReplicaManager,
    pub now: Instant,
    pub protections: Protections,
    pub trace: Vec<(Change, Vec<Fact>)>,
    tp: TopicPartition,
    next_token: u64,
    pub answers: Vec<(RequestToken, Response)>,
    pub proposed: Vec<AlterPartitionItem>,
}

impl One {
    /// Brokers 1 to 4 are registered and alive, with broker epochs 1001 to 1004; broker 1 hosts nothing yet.
    pub fn new(topic_configs: &[(&str, &str)]) -> Self {
        let configs = Configs::new(&[log::TOPIC_CONFIGS], topic_configs.iter().copied())
            .expect("topic configs");
        let topic = LogConfig::resolve(&configs, &Configs::default());
        let logs = LogDir::new(BrokerLogConfig::default(), Instant::start().ms());
        let channel = ControllerChannel::Direct(Vec::new());
        let mut replicas = ReplicaManager::new(
            NodeId(1),
            BrokerEpoch(1001),
            ReplicationConfig::default(),
            logs,
            channel,
        );
        replicas.set_log_config(&"t".into(), Arc::new(topic));
        for id in 1..=4 {
            replicas.metadata_mut().register_broker(alive(id));
        }
        Self {
            replicas,
            now: Instant::start(),
            protections: Protections::ALL,
            trace: Vec::new(),
            tp: TopicPartition::new("t", 0),
            next_token: 0,
            answers: Vec::new(),
            proposed: Vec::new(),
        }
    }

    /// Broker 1 leads in epoch 1.
    pub fn leading(topic_configs: &[(&str, &str)], replicas: &[i32], isr: &[i32]) -> Self {
        let mut one = Self::new(topic_configs);
        one.metadata(1, 1, 1, replicas, isr);
        one
    }

    /// Broker 1 follows broker 2 in epoch 1.
    pub fn following() -> Self {
        let mut one = Self::new(&[]);
        one.metadata(2, 1, 1, &[1, 2, 3], &[1, 2]);
        one
    }

    pub fn with<R>(&mut self, run: impl FnOnce(&mut ReplicaManager, &mut Ctx) -> R) -> R {
        let mut draws = NoChance;
        let mut ctx = Ctx {
            now: self.now,
            protections: self.protections,
            draws: &mut draws,
            trace: &mut self.trace,
        };
        let result = run(&mut self.replicas, &mut ctx);
        self.replicas.poll(&mut ctx);
        self.answers.extend(
            self.replicas
                .take_completed()
                .into_iter()
                .map(|c| (c.token, c.response)),
        );
        self.proposed.extend(
            self.replicas
                .poll_alter_partition(self.now)
                .unwrap_or_default(),
        );
        result
    }

    pub fn metadata(
        &mut self,
        leader: i32,
        epoch: i32,
        partition_epoch: i32,
        replicas: &[i32],
        isr: &[i32],
    ) {
        let ids = |ids: &[i32]| ids.iter().copied().map(NodeId).collect();
        let registration = PartitionRegistration {
            leader: NodeId(leader),
            leader_epoch: LeaderEpoch(epoch),
            partition_epoch: PartitionEpoch(partition_epoch),
            replicas: ids(replicas),
            isr: ids(isr),
            adding_replicas: Vec::new(),
            removing_replicas: Vec::new(),
        };
        let registered = RegisteredPartition {
            topic_id: TOPIC_ID,
            registration: Arc::new(registration),
        };
        let delta = TopicsDelta {
            deleted: Vec::new(),
            changed: vec![(self.tp.clone(), registered)],
        };
        self.with(|replicas, ctx| replicas.apply_delta(&delta, ctx));
    }

    pub fn token(&mut self) -> RequestToken {
        self.next_token += 1;
        RequestToken(self.next_token)
    }

    /// `count` batches of one record each.
    pub fn append(&mut self, count: usize, acks: i16) -> RequestToken {
        let token = self.token();
        for i in 0..count {
            let token = if i + 1 == count { token } else { self.token() };
            let entry = ProduceEntry {
                topic_partition: self.tp.clone(),
                records: records(&[0], -1),
                guard: None,
                transaction_version: 0,
            };
            self.with(|replicas, ctx| {
                replicas.append_records(
                    token,
                    30_000,
                    acks,
                    false,
                    AppendOrigin::Client,
                    vec![entry],
                    ctx,
                );
            });
        }
        token
    }

    fn info(&self, offset: i64, epoch: Option<i32>, last_fetched_epoch: Option<i32>) -> FetchInfo {
        FetchInfo {
            topic_partition: self.tp.clone(),
            topic_id: TOPIC_ID,
            fetch_offset: Offset(offset),
            log_start_offset: Offset(0),
            max_bytes: 1 << 20,
            current_leader_epoch: epoch.map(LeaderEpoch),
            last_fetched_epoch: last_fetched_epoch.map(LeaderEpoch),
        }
    }

    /// A follower's fetch in the leader's epoch, that may wait.
    pub fn fetch_waiting(&mut self, follower: i32, offset: i64, max_wait_ms: Ms) -> RequestToken {
        self.fetch_as(follower, offset, 0, max_wait_ms)
    }

    /// A follower's fetch that tells where its own log starts.
    pub fn fetch_from(&mut self, follower: i32, offset: i64, log_start: i64) {
        self.fetch_as(follower, offset, log_start, 0);
    }

    fn fetch_as(
        &mut self,
        follower: i32,
        offset: i64,
        log_start: i64,
        max_wait_ms: Ms,
    ) -> RequestToken {
        let token = self.token();
        let params = FetchParams {
            replica: Some((NodeId(follower), BrokerEpoch(1000 + i64::from(follower)))),
            max_wait_ms,
            min_bytes: 1,
            max_bytes: 10 << 20,
            isolation: FetchIsolation::LogEnd,
            client_metadata: None,
        };
        let epoch = self.partition().leader_epoch().get();
        let mut info = self.info(offset, Some(epoch), None);
        info.log_start_offset = Offset(log_start);
        self.with(|replicas, ctx| replicas.fetch_messages(token, params, vec![info], ctx));
        token
    }

    /// A clean stop and a start over the same files; it hosts nothing until metadata comes.
    pub fn restart(&mut self) {
        let mut logs = self.replicas.clone().shutdown(self.now);
        logs.open(self.now.ms()).expect("closed in order");
        let channel = ControllerChannel::Direct(Vec::new());
        let config = ReplicationConfig::default();
        self.replicas = ReplicaManager::new(NodeId(1), BrokerEpoch(1001), config, logs, channel);
        for id in 1..=4 {
            self.replicas.metadata_mut().register_broker(alive(id));
        }
    }

    /// A follower's fetch in the leader's epoch, answered at once.
    pub fn fetch(&mut self, follower: i32, offset: i64) -> FetchPartitionData {
        let token = self.fetch_waiting(follower, offset, 0);
        self.fetched(token).expect("no wait")
    }

    pub fn consume_waiting(
        &mut self,
        offset: i64,
        epoch: Option<i32>,
        max_wait_ms: Ms,
    ) -> RequestToken {
        let token = self.token();
        let params = FetchParams {
            replica: None,
            max_wait_ms,
            min_bytes: 1,
            max_bytes: 10 << 20,
            isolation: FetchIsolation::HighWatermark,
            client_metadata: Some(ClientMetadata::default()),
        };
        let info = self.info(offset, epoch, None);
        self.with(|replicas, ctx| replicas.fetch_messages(token, params, vec![info], ctx));
        token
    }

    /// The answer to a fetch, if it has left.
    pub fn fetched(&self, token: RequestToken) -> Option<FetchPartitionData> {
        self.answers
            .iter()
            .find(|(t, _)| *t == token)
            .map(|(_, response)| match response {
                Response::Fetch(parts) => parts[0].1.clone(),
                other => panic!("a fetch, not {other:?}"),
            })
    }

    /// Error and base offset of a produce, if it was answered.
    pub fn produced(&self, token: RequestToken) -> Option<(ErrorCode, i64)> {
        self.answers
            .iter()
            .find(|(t, _)| *t == token)
            .map(|(_, response)| match response {
                Response::Produce(parts) => (parts[0].1.error, parts[0].1.base_offset.get()),
                other => panic!("a produce, not {other:?}"),
            })
    }

    /// The controller's word on the oldest proposal.
    pub fn answer(&mut self, result: Result<(i32, &[i32]), ErrorCode>) {
        let item = self.proposed.remove(0);
        let result = result.map(|(partition_epoch, isr)| LeaderAndIsr {
            leader: NodeId(1),
            leader_epoch: item.leader_epoch,
            isr: isr.iter().copied().map(NodeId).collect(),
            partition_epoch: PartitionEpoch(partition_epoch),
        });
        self.with(|replicas, ctx| replicas.alter_partition_answered(item.id, result, ctx));
    }

    pub fn advance(&mut self, ms: Ms) {
        self.now = self.now.after_ms(ms);
        self.with(|_, _| ());
    }

    pub fn partition(&self) -> &Partition {
        self.replicas.partition(&self.tp).expect("hosted")
    }

    pub fn log(&self) -> &log::UnifiedLog {
        self.replicas.log(&self.tp).expect("hosted")
    }

    pub fn hw(&self) -> i64 {
        self.log().high_watermark().get()
    }

    pub fn leo(&self) -> i64 {
        self.log().log_end_offset().get()
    }

    pub fn isr(&self) -> Vec<i32> {
        self.partition()
            .state()
            .isr()
            .iter()
            .map(|id| id.get())
            .collect()
    }
}

pub(super) fn alive(id: i32) -> BrokerRegistrationView {
    BrokerRegistrationView {
        id: NodeId(id),
        epoch: BrokerEpoch(1000 + i64::from(id)),
        fenced: false,
        in_controlled_shutdown: false,
        rack: None,
    }
}

/// One batch of one record for each base offset, all of one leader epoch.
pub(super) fn records(base_offsets: &[i64], epoch: i32) -> Records {
    let batch = |base: &i64| {
        let mut builder = RecordBatchBuilder::new(*base).partition_leader_epoch(epoch);
        let record = SimpleRecord {
            timestamp: Instant::start().ms(),
            value: Some(bytes::Bytes::from_static(b"v")),
            ..SimpleRecord::default()
        };
        builder.append(&record).expect("room");
        builder
            .build()
            .expect("sound")
            .expect("one record")
            .into_bytes()
    };
    Records {
        chunks: base_offsets.iter().map(batch).collect(),
    }
}
