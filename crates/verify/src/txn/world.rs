//! What surrounds the coordinator in the recorded cases: a log that answers as told, leaders, producer ids, a clock.

use super::words;
use crate::Case;
use coordinator::transaction::record;
use coordinator::transaction::*;
use protocol::ctx::NoChance;
use protocol::trace::Deaf;
use protocol::{
    CoordinatorEpoch, Ctx, ErrorCode, Instant, Ms, NodeId, ProducerEpoch, ProducerId, Protections,
    TopicPartition,
};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Partitions of `__transaction_state`.
const PARTITIONS: i32 = 50;

pub struct Ids {
    next: i64,
    pub fail: bool,
}

impl ProducerIdSource for Ids {
    fn generate(&mut self, _now_ms: Ms) -> Result<ProducerId, ErrorCode> {
        if self.fail {
            return Err(ErrorCode::CoordinatorLoadInProgress);
        }
        self.next += 1;
        Ok(ProducerId(self.next - 1))
    }
}

pub struct View {
    pub leaders: BTreeMap<TopicPartition, i32>,
    version: TransactionVersion,
}

impl TransactionMetadataView for View {
    fn leader(&self, partition: &TopicPartition) -> PartitionLeader {
        match self.leaders.get(partition) {
            None => PartitionLeader::Node(NodeId(1 + partition.partition % 3)),
            Some(-1) => PartitionLeader::NotAvailable,
            Some(-2) => PartitionLeader::Unknown,
            Some(&node) => PartitionLeader::Node(NodeId(node)),
        }
    }

    fn transaction_version(&self) -> TransactionVersion {
        self.version
    }
}

pub struct Held {
    pub token: u64,
    pub partition: i32,
    pub records: Vec<TxnLogRecord>,
}

/// `__transaction_state`, and what it does with appends.
pub struct Log {
    pub mode: String,
    written: BTreeMap<i32, Vec<TxnLogRecord>>,
    pub held: VecDeque<Held>,
}

impl Log {
    pub fn write(&mut self, partition: i32, records: &[TxnLogRecord]) {
        self.written
            .entry(partition)
            .or_default()
            .extend_from_slice(records);
    }
}

pub struct World {
    pub coordinator: Coordinator<Ids>,
    pub now: Instant,
    pub view: View,
    pub log: Log,
    pub hold_loads: bool,
    pub held_loads: Vec<(i32, CoordinatorEpoch)>,
    pub sent_markers: BTreeMap<NodeId, VecDeque<MarkerRequest>>,
    /// Names of requests by token.
    pub refs: Vec<String>,
    pub expect: Map<String, Value>,
}

impl World {
    pub fn new(case: &Case) -> Self {
        let number = |name: &str, absent: i64| -> i64 {
            case.config
                .get(name)
                .map_or(absent, |text| text.parse().expect("a number"))
        };
        let default = TransactionConfig::default();
        let config = TransactionConfig {
            max_timeout_ms: number("transaction.max.timeout.ms", default.max_timeout_ms.into())
                as i32,
            expiration_ms: number("transactional.id.expiration.ms", default.expiration_ms),
            two_phase_commit_enable: case
                .config
                .get("transaction.two.phase.commit.enable")
                .is_some_and(|text| text == "true"),
            abort_timed_out_interval_ms: number(
                "transaction.abort.timed.out.transaction.cleanup.interval.ms",
                default.abort_timed_out_interval_ms,
            ),
            remove_expired_interval_ms: number(
                "transaction.remove.expired.transaction.cleanup.interval.ms",
                default.remove_expired_interval_ms,
            ),
        };
        let ids = Ids {
            next: case
                .init
                .get("next_producer_id")
                .and_then(Value::as_i64)
                .unwrap_or(1000),
            fail: false,
        };
        let now = Instant::start();
        let version = TransactionVersion(number("transaction.version", 2) as i16);
        let mut world = Self {
            coordinator: Coordinator::start(config, PARTITIONS, ids, now),
            now,
            view: View {
                leaders: BTreeMap::new(),
                version,
            },
            log: Log {
                mode: "ok".into(),
                written: BTreeMap::new(),
                held: VecDeque::new(),
            },
            hold_loads: false,
            held_loads: Vec::new(),
            sent_markers: BTreeMap::new(),
            refs: Vec::new(),
            expect: Map::new(),
        };
        for entry in case
            .init
            .get("log")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            world.write_initial(entry);
        }
        world
    }

    fn write_initial(&mut self, entry: &Value) {
        let int = |name: &str| entry[name].as_i64().expect("a number");
        let id = entry["transactional_id"].as_str().expect("an id");
        let state = TransactionState::ALL
            .into_iter()
            .find(|state| state.constant() == entry["state"]);
        let value = TxnTransitMetadata {
            producer_id: ProducerId(int("producer_id")),
            prev_producer_id: ProducerId(int("producer_id")),
            next_producer_id: ProducerId::NONE,
            producer_epoch: ProducerEpoch(int("producer_epoch") as i16),
            last_producer_epoch: ProducerEpoch::NONE,
            txn_timeout_ms: int("timeout_ms") as i32,
            state: state.expect("a state"),
            partitions: BTreeSet::new(),
            start_ms: -1,
            last_update_ms: int("last_update_ms"),
            client_version: TransactionVersion::TV_0,
        };
        let record = TxnLogRecord {
            key: record::key_to_bytes(id),
            value: Some(record::value_to_bytes(&value, self.view.version)),
        };
        self.log
            .write(self.coordinator.partition_for(id), &[record]);
    }

    /// Calls the coordinator with its surroundings.
    pub fn with(
        &mut self,
        call: impl FnOnce(&mut Coordinator<Ids>, &dyn TransactionMetadataView, &mut Ctx<'_>),
    ) {
        let (mut draws, mut trace) = (NoChance, Deaf);
        let mut ctx = Ctx {
            now: self.now,
            protections: Protections::ALL,
            draws: &mut draws,
            trace: &mut trace,
        };
        call(&mut self.coordinator, &self.view, &mut ctx);
    }

    pub fn load(&mut self, partition: i32, epoch: CoordinatorEpoch) {
        let records = self
            .log
            .written
            .get(&partition)
            .cloned()
            .unwrap_or_default();
        self.with(|c, view, ctx| c.load(partition, epoch, records, view, ctx));
    }

    /// Carries out what the coordinator asks for, until it asks for nothing more.
    pub fn settle(&mut self) {
        loop {
            let outputs = self.coordinator.take_outbox();
            if outputs.is_empty() {
                return;
            }
            for output in outputs {
                match output {
                    Output::Respond { token, response } => {
                        let entry = words::response(&self.refs[token as usize], &response);
                        self.add("responses", entry);
                    }
                    Output::Load {
                        partition,
                        coordinator_epoch,
                    } if self.hold_loads => {
                        self.held_loads.push((partition, coordinator_epoch));
                    }
                    Output::Load {
                        partition,
                        coordinator_epoch,
                    } => self.load(partition, coordinator_epoch),
                    Output::Append {
                        token,
                        partition,
                        timestamp_ms,
                        records,
                        ..
                    } => {
                        self.append(token, partition, timestamp_ms, records);
                    }
                }
            }
        }
    }

    fn append(
        &mut self,
        token: u64,
        partition: i32,
        timestamp_ms: i64,
        records: Vec<TxnLogRecord>,
    ) {
        let mode = self.log.mode.clone();
        let result = match mode.as_str() {
            "ok" => "NONE",
            "hold" => "held",
            error => error,
        };
        for record in &records {
            self.add(
                "appended",
                words::appended(partition, result, timestamp_ms, record),
            );
        }
        if result == "held" {
            self.log.held.push_back(Held {
                token,
                partition,
                records,
            });
            return;
        }
        if matches!(
            result,
            "NONE" | "REQUEST_TIMED_OUT" | "NOT_ENOUGH_REPLICAS_AFTER_APPEND"
        ) {
            self.log.write(partition, &records);
        }
        let error = words::error(result);
        self.with(|c, view, ctx| c.append_completed(token, error, view, ctx));
    }

    fn add(&mut self, list: &str, entry: Value) {
        let list = self.expect.entry(list).or_insert_with(|| json!([]));
        list.as_array_mut().expect("a list").push(entry);
    }

    pub fn sort_appended(&mut self) {
        if let Some(list) = self
            .expect
            .get_mut("appended")
            .and_then(Value::as_array_mut)
        {
            list.sort_by(|a, b| {
                a["transactional_id"]
                    .as_str()
                    .cmp(&b["transactional_id"].as_str())
            });
        }
    }

    pub fn states(&self) -> BTreeMap<String, Value> {
        let all = self.coordinator.transactions();
        all.map(|(_, epoch, metadata)| {
            (
                metadata.transactional_id.to_string(),
                words::state(epoch, metadata),
            )
        })
        .collect()
    }
}
