//! The scenarios of transactions (T1 … T20), played as clients, brokers and the log would: through requests, markers and appends.

use super::*;
use crate::runtime::java;
use protocol::ctx::NoChance;
use protocol::messages::*;
use protocol::trace::Deaf;
use protocol::{
    CoordinatorEpoch, Ctx, ErrorCode, Instant, Ms, Name, NodeId, ProducerEpoch, ProducerId,
    Protection, Protections, TopicPartition,
};
use std::collections::BTreeMap;

struct Ids(i64);

impl ProducerIdSource for Ids {
    fn generate(&mut self, _now_ms: Ms) -> Result<ProducerId, ErrorCode> {
        self.0 += 1;
        Ok(ProducerId(self.0 - 1))
    }
}

/// Every partition is led by broker 1 and exists, unless its topic is called `gone`.
struct View(TransactionVersion);

impl TransactionMetadataView for View {
    fn leader(&self, partition: &TopicPartition) -> PartitionLeader {
        if &*partition.topic == "gone" {
            PartitionLeader::Unknown
        } else {
            PartitionLeader::Node(NodeId(1))
        }
    }

    fn transaction_version(&self) -> TransactionVersion {
        self.0
    }
}

struct World {
    service: Service<Ids>,
    view: View,
    now: Instant,
    protections: Protections,
    log: Vec<(i32, TxnLogRecord)>,
    answers: BTreeMap<u64, protocol::messages::Response>,
    next: u64,
    /// What the log answers.
    log_error: ErrorCode,
}

const ID: &str = "app";

impl World {
    fn new(version: i16) -> Self {
        let now = Instant::start();
        let coordinator =
            super::Coordinator::start(TransactionConfig::default(), 50, Ids(1000), now);
        let mut world = Self {
            service: Service::new(coordinator, 50),
            view: View(TransactionVersion(version)),
            now,
            protections: Protections::ALL,
            log: Vec::new(),
            answers: BTreeMap::new(),
            next: 0,
            log_error: ErrorCode::None,
        };
        world.elect(1);
        world
    }

    fn with(&mut self, call: impl FnOnce(&mut Service<Ids>, &View, &mut Ctx<'_>)) {
        let (mut draws, mut trace) = (NoChance, Deaf);
        let mut ctx = Ctx {
            now: self.now,
            protections: self.protections,
            draws: &mut draws,
            trace: &mut trace,
        };
        call(&mut self.service, &self.view, &mut ctx);
        loop {
            let outputs = self.service.take_outputs();
            if outputs.is_empty() {
                return;
            }
            for output in outputs {
                match output {
                    ServiceOutput::Answer { request, response } => {
                        _ = self.answers.insert(request, response)
                    }
                    ServiceOutput::Load {
                        partition,
                        coordinator_epoch,
                    } => {
                        let records: Vec<TxnLogRecord> = self
                            .log
                            .iter()
                            .filter(|(p, _)| *p == partition)
                            .map(|(_, r)| r.clone())
                            .collect();
                        self.service.coordinator.load(
                            partition,
                            coordinator_epoch,
                            records,
                            &self.view,
                            &mut ctx,
                        );
                    }
                    ServiceOutput::Append {
                        token,
                        partition,
                        timestamp_ms,
                        records,
                        ..
                    } => {
                        // Through the batch and back, as a partition would keep it.
                        let stored = wire::records_of(&wire::batch_of(&records, timestamp_ms));
                        assert_eq!(stored, records);
                        if self.log_error == ErrorCode::None {
                            self.log
                                .extend(stored.into_iter().map(|record| (partition, record)));
                        }
                        self.service.coordinator.append_completed(
                            token,
                            self.log_error,
                            &self.view,
                            &mut ctx,
                        );
                    }
                }
            }
        }
    }

    fn elect(&mut self, epoch: i32) {
        let partition = java::partition_for(ID, 50);
        self.with(|s, _, _| {
            s.coordinator
                .on_election(partition, CoordinatorEpoch(epoch))
        });
    }

    fn ask(&mut self, version: i16, request: impl Into<Request>) -> protocol::messages::Response {
        let (id, request) = (self.next, request.into());
        self.next += 1;
        self.with(|s, view, ctx| assert!(s.handle(id, version, &request, view, ctx)));
        self.answers.remove(&id).expect("an answer")
    }

    /// (error, producer id, epoch)
    fn init(&mut self, timeout_ms: i32) -> (ErrorCode, i64, i16) {
        let request = InitProducerIdRequest {
            transactional_id: Some(ID.into()),
            transaction_timeout_ms: timeout_ms,
            ..Default::default()
        };
        match self.ask(6, request) {
            protocol::messages::Response::InitProducerId(r) => {
                (r.error, r.producer_id.get(), r.producer_epoch.get())
            }
            other => panic!("{other:?}"),
        }
    }

    fn add(&mut self, version: i16, producer: (i64, i16), topics: &[&str]) -> Vec<ErrorCode> {
        let transaction = AddPartitionsToTxnTransaction {
            transactional_id: ID.into(),
            producer_id: ProducerId(producer.0),
            producer_epoch: ProducerEpoch(producer.1),
            verify_only: false,
            topics: topics
                .iter()
                .map(|&topic| AddPartitionsToTxnTopic {
                    name: topic.into(),
                    partitions: vec![0],
                })
                .collect(),
        };
        match self.ask(
            version,
            AddPartitionsToTxnRequest {
                transactions: vec![transaction],
            },
        ) {
            protocol::messages::Response::AddPartitionsToTxn(r) => r.results_by_transaction[0]
                .topic_results
                .iter()
                .flat_map(|topic| topic.results_by_partition.iter().map(|p| p.partition_error))
                .collect(),
            other => panic!("{other:?}"),
        }
    }

    fn end(
        &mut self,
        version: i16,
        producer: (i64, i16),
        committed: bool,
    ) -> (ErrorCode, i64, i16) {
        let request = EndTxnRequest {
            transactional_id: ID.into(),
            producer_id: ProducerId(producer.0),
            producer_epoch: ProducerEpoch(producer.1),
            committed,
        };
        match self.ask(version, request) {
            protocol::messages::Response::EndTxn(r) => {
                (r.error, r.producer_id.get(), r.producer_epoch.get())
            }
            other => panic!("{other:?}"),
        }
    }

    fn send_markers(&mut self) -> Vec<MarkerRequest> {
        let mut requests = Vec::new();
        self.with(|s, view, ctx| requests = s.coordinator.generate_marker_requests(view, ctx));
        requests
    }

    /// All markers are written, and the answers travel.
    fn markers_written(&mut self) {
        for request in self.send_markers() {
            let sent = wire::write_txn_markers(&request);
            let result = |marker: &WritableTxnMarker| WritableTxnMarkerResult {
                producer_id: marker.producer_id,
                topics: marker
                    .topics
                    .iter()
                    .map(|topic| WritableTxnMarkerTopicResult {
                        name: topic.name.clone(),
                        partitions: topic
                            .partition_indexes
                            .iter()
                            .map(|&partition_index| WritableTxnMarkerPartitionResult {
                                partition_index,
                                error: ErrorCode::None,
                            })
                            .collect(),
                    })
                    .collect(),
            };
            let answer = WriteTxnMarkersResponse {
                markers: sent.markers.iter().map(result).collect(),
            };
            let answer = wire::marker_answer(&answer);
            self.with(|s, view, ctx| {
                s.coordinator
                    .markers_answered(request.id, &answer, view, ctx)
            });
        }
    }

    fn state(&self) -> TransactionState {
        let (_, _, metadata) = self
            .service
            .coordinator
            .transactions()
            .next()
            .expect("the id is known");
        metadata.now.state
    }

    fn wait(&mut self, ms: Ms) {
        let until = self.now.after_ms(ms);
        loop {
            let mut next = until;
            self.with(|s, view, ctx| next = s.coordinator.poll(view, ctx));
            if next > until {
                break;
            }
            self.now = next;
        }
        self.now = until;
    }
}

const OK: ErrorCode = ErrorCode::None;

#[test]
fn t1_t2_the_first_init_gives_epoch_0_and_a_restart_the_next_one() {
    let mut world = World::new(2);
    assert_eq!(world.init(60_000), (OK, 1000, 0));
    assert_eq!(world.state(), TransactionState::Empty);
    assert_eq!(world.init(60_000), (OK, 1000, 1));
}

#[test]
fn t3_a_second_instance_waits_for_the_abort_and_gets_the_old_epoch_plus_2() {
    let mut world = World::new(2);
    world.init(60_000);
    assert_eq!(world.add(5, (1000, 0), &["x"]), [OK]);
    assert_eq!(world.init(60_000).0, ErrorCode::ConcurrentTransactions);
    assert_eq!(
        world.end(5, (1000, 0), true).0,
        ErrorCode::ConcurrentTransactions,
        "markers are out"
    );
    world.markers_written();
    assert_eq!(world.state(), TransactionState::CompleteAbort);
    assert_eq!(world.init(60_000), (OK, 1000, 2));
    assert_eq!(
        world.end(5, (1000, 0), true).0,
        ErrorCode::ProducerFenced,
        "the old instance"
    );
    assert_eq!(
        world.end(1, (1000, 0), true).0,
        ErrorCode::InvalidProducerEpoch,
        "told to an old client"
    );
}

#[test]
fn t4_a_client_of_version_1_keeps_its_epoch() {
    let mut world = World::new(1);
    world.init(60_000);
    assert_eq!(world.add(3, (1000, 0), &["x", "y"]), [OK, OK]);
    assert_eq!(world.end(4, (1000, 0), true), (OK, -1, -1));
    let requests = world.send_markers();
    let marker = &requests[0].markers[0];
    assert_eq!(
        (marker.producer_epoch, marker.partitions.len()),
        (ProducerEpoch(0), 2)
    );
}

#[test]
fn t5_t9_a_client_of_version_2_is_told_the_next_epoch_and_again_when_it_asks_again() {
    let mut world = World::new(2);
    world.init(60_000);
    world.add(5, (1000, 0), &["x"]);
    assert_eq!(world.end(5, (1000, 0), true), (OK, 1000, 1));
    let requests = world.send_markers();
    assert_eq!(
        requests[0].markers[0].producer_epoch,
        ProducerEpoch(1),
        "markers carry the new epoch"
    );
    world.with(|s, view, ctx| {
        s.coordinator
            .markers_answered(requests[0].id, &MarkerAnswer::Disconnected, view, ctx)
    });
    world.markers_written();
    assert_eq!(
        world.end(5, (1000, 0), true),
        (OK, 1000, 1),
        "the lost answer"
    );
    assert_eq!(world.end(5, (1000, 0), false).0, ErrorCode::InvalidTxnState);
}

#[test]
fn t10_a_stalled_transaction_is_aborted_at_the_first_check_after_its_timeout() {
    let mut world = World::new(2);
    world.init(60_000);
    world.add(5, (1000, 0), &["x"]);
    world.wait(60_000);
    assert_eq!(
        world.state(),
        TransactionState::Ongoing,
        "start + timeout = now is not out of time"
    );
    world.wait(10_000);
    assert_eq!(world.state(), TransactionState::PrepareAbort);
    world.markers_written();
    assert_eq!(world.end(5, (1000, 0), true).0, ErrorCode::InvalidTxnState);
    assert_eq!(
        world.end(5, (1000, 0), false),
        (OK, 1000, 1),
        "the abort that was made for it"
    );
}

#[test]
fn t11_the_next_transaction_waits_for_the_last_marker() {
    let mut world = World::new(2);
    world.init(60_000);
    world.add(5, (1000, 0), &["x"]);
    world.end(5, (1000, 0), true);
    assert_eq!(
        world.add(5, (1000, 1), &["x"]),
        [ErrorCode::ConcurrentTransactions]
    );
    world.markers_written();
    assert_eq!(world.add(5, (1000, 1), &["x"]), [OK]);
}

#[test]
fn t12_t14_a_new_coordinator_finishes_what_was_decided() {
    let mut world = World::new(2);
    world.init(60_000);
    world.add(5, (1000, 0), &["x"]);
    world.end(5, (1000, 0), true);
    let lost = world.send_markers();
    world.elect(2);
    assert_eq!(world.state(), TransactionState::PrepareCommit);
    let again = world.send_markers();
    assert_eq!(again[0].markers[0].result, TransactionResult::Commit);
    assert_eq!(again[0].markers[0].coordinator_epoch, CoordinatorEpoch(2));
    let late = MarkerAnswer::Disconnected;
    world.with(|s, view, ctx| s.coordinator.markers_answered(lost[0].id, &late, view, ctx));
    assert!(
        world.send_markers().is_empty(),
        "answers to the old coordinator change nothing"
    );
    let errors = |error| {
        let x = TopicPartition::new("x", 0);
        MarkerAnswer::Errors([(ProducerId(1000), [(x, error)].into())].into())
    };
    let (down, up) = (errors(ErrorCode::NotLeaderOrFollower), errors(OK));
    world.with(|s, view, ctx| {
        s.coordinator
            .markers_answered(again[0].id, &down, view, ctx)
    });
    assert_eq!(
        world.state(),
        TransactionState::PrepareCommit,
        "until the partition's leader is back"
    );
    let retried = world.send_markers();
    world.with(|s, view, ctx| {
        s.coordinator
            .markers_answered(retried[0].id, &up, view, ctx)
    });
    assert_eq!(world.state(), TransactionState::CompleteCommit);
}

#[test]
fn t13_a_decision_that_was_not_written_is_none() {
    let mut world = World::new(2);
    world.init(60_000);
    world.add(5, (1000, 0), &["x"]);
    world.log_error = ErrorCode::NotEnoughReplicas;
    assert_eq!(
        world.end(5, (1000, 0), true).0,
        ErrorCode::CoordinatorNotAvailable
    );
    assert_eq!(world.state(), TransactionState::Ongoing);
    world.log_error = OK;
    world.elect(2);
    assert_eq!(world.end(5, (1000, 0), true), (OK, 1000, 1));
}

#[test]
fn t19_a_timeout_above_the_brokers_limit_is_refused() {
    let mut world = World::new(2);
    assert_eq!(
        world.init(1_000_000).0,
        ErrorCode::InvalidTransactionTimeout
    );
    assert_eq!(world.init(0).0, ErrorCode::InvalidTransactionTimeout);
    assert_eq!(world.init(900_000).0, OK);
}

#[test]
fn t20_an_idle_id_is_forgotten_after_a_week() {
    let mut world = World::new(2);
    world.init(60_000);
    world.wait(604_800_000);
    assert_eq!(world.service.coordinator.transactions().count(), 0);
    assert_eq!(
        world.add(5, (1000, 0), &["x"]),
        [ErrorCode::InvalidProducerIdMapping]
    );
    assert_eq!(
        world.log.last().map(|(_, record)| record.value.clone()),
        Some(None),
        "a tombstone"
    );
}

#[test]
fn a_partition_that_is_not_there_spoils_the_request_for_all() {
    let mut world = World::new(1);
    world.init(60_000);
    let errors = world.add(3, (1000, 0), &["x", "gone"]);
    assert_eq!(
        errors,
        [
            ErrorCode::UnknownTopicOrPartition,
            ErrorCode::OperationNotAttempted
        ]
    );
    assert_eq!(world.state(), TransactionState::Empty);
}

#[test]
fn offsets_join_as_the_partition_of_their_group() {
    let mut world = World::new(1);
    world.init(60_000);
    let request = AddOffsetsToTxnRequest {
        transactional_id: ID.into(),
        producer_id: ProducerId(1000),
        producer_epoch: ProducerEpoch(0),
        group_id: "readers".into(),
    };
    let protocol::messages::Response::AddOffsetsToTxn(answer) = world.ask(4, request) else {
        panic!("of its own kind")
    };
    assert_eq!(answer.error, OK);
    let described = world
        .service
        .coordinator
        .describe_transaction(&Name::from(ID));
    assert_eq!(&*described.topics[0].name, "__consumer_offsets");
    assert_eq!(
        described.topics[0].partitions,
        [java::partition_for("readers", 50)]
    );
}

#[test]
fn without_the_protection_the_epoch_stays_after_a_commit() {
    let mut world = World::new(2);
    world.protections = Protections::ALL.without(Protection::TransactionEpochBump);
    world.init(60_000);
    world.add(5, (1000, 0), &["x"]);
    assert_eq!(world.end(5, (1000, 0), true), (OK, -1, -1));
    let requests = world.send_markers();
    assert_eq!(
        requests[0].markers[0].producer_epoch,
        ProducerEpoch(0),
        "a late write of epoch 0 would be taken"
    );
}
