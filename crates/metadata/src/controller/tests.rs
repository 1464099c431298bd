//! A controller with a log in the test's hands; K numbers are those of the storage and replication reference.

use super::*;
use crate::partition::PartitionRegistration;
use crate::rules;
use protocol::ctx::NoChance;
use protocol::messages::*;
use protocol::trace::{Change, Fact, FactKind, Subject};
use protocol::{BrokerEpoch, Ctx, ErrorCode, Name, Uuid};

struct Cluster {
    controller: Controller,
    now: Instant,
    log: Vec<(Offset, ApiMessageAndVersion)>,
    next: Offset,
    trace: Vec<(Change, Vec<Fact>)>,
}

struct Ids(u128);

impl Chance for Ids {
    fn next_int(&mut self, _: usize) -> usize {
        0
    }

    fn topic_id(&mut self, _: &str) -> Uuid {
        self.0 += 1 << 64;
        Uuid(self.0)
    }
}

impl Cluster {
    fn new(properties: &[(&str, &str)]) -> Self {
        let properties = properties
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
        let mut config = ControllerConfig::new(NodeId(100), "c", properties).expect("valid");
        config
            .bootstrap
            .features
            .retain(|(name, _)| &**name == ELR_FEATURE_NAME);
        let mut cluster = Self {
            controller: Controller::new(config),
            now: Instant::start(),
            log: Vec::new(),
            next: Offset(1),
            trace: Vec::new(),
        };
        cluster.controller.claim(cluster.now, cluster.next);
        let activation = cluster.controller.complete_activation();
        cluster.append(activation);
        cluster
    }

    fn append<T>(&mut self, result: ControllerResult<T>) -> T {
        let base = self.next;
        for record in &result.records {
            self.log.push((self.next, record.clone()));
            self.next = self.next.next();
        }
        let mut ctx = Ctx {
            now: self.now,
            protections: Default::default(),
            draws: &mut NoChance,
            trace: &mut self.trace,
        };
        self.controller.appended_in(&mut ctx, &result, base);
        result.response
    }

    fn register(&mut self, id: i32, incarnation: u128, previous: i64) -> Result<i64, ErrorCode> {
        let feature = |name: &str, min, max| RegisteredFeature {
            name: name.into(),
            min_supported_version: min,
            max_supported_version: max,
        };
        let request = BrokerRegistrationRequest {
            broker_id: NodeId(id),
            cluster_id: "c".into(),
            incarnation_id: Uuid((incarnation << 96) | ((id as u128) << 64)),
            features: vec![
                feature("metadata.version", 7, 30),
                feature(ELR_FEATURE_NAME, 0, 1),
            ],
            log_dirs: vec![Uuid((id as u128) << 80)],
            previous_broker_epoch: BrokerEpoch(previous),
            ..Default::default()
        };
        let result = self
            .controller
            .register_broker(self.now, &request)
            .map_err(|e| e.error)?;
        Ok(self.append(result).0)
    }

    fn heartbeat(
        &mut self,
        id: i32,
        want_fence: bool,
        want_shut_down: bool,
    ) -> BrokerHeartbeatReply {
        let request = BrokerHeartbeatRequest {
            broker_id: NodeId(id),
            broker_epoch: self
                .controller
                .image()
                .cluster
                .broker_epoch(NodeId(id))
                .expect("registered"),
            current_metadata_offset: self.next - 1,
            want_fence,
            want_shut_down,
            ..Default::default()
        };
        let result = self
            .controller
            .process_broker_heartbeat(self.now, &request)
            .expect("known");
        self.append(result)
    }

    fn start(&mut self, ids: &[i32]) {
        for id in ids {
            self.register(*id, 1, -1).expect("registers");
            self.heartbeat(*id, false, false);
        }
    }

    fn create(&mut self, name: &str, replicas: &[i32]) {
        let assignment = CreatableReplicaAssignment {
            partition_index: 0,
            broker_ids: replicas.iter().copied().map(NodeId).collect(),
        };
        let topic = CreatableTopic {
            name: name.into(),
            num_partitions: -1,
            replication_factor: -1,
            assignments: vec![assignment],
            ..Default::default()
        };
        let request = CreateTopicsRequest {
            topics: vec![topic],
            ..Default::default()
        };
        let result = self
            .controller
            .create_topics(&request, &mut Ids(0))
            .expect("active");
        assert_eq!(self.append(result).topics[0].error, ErrorCode::None);
    }

    fn partition(&self, name: &str) -> PartitionRegistration {
        let topic = self
            .controller
            .image()
            .topics
            .topic_named(name)
            .expect("created");
        topic.partition(0).expect("partition 0").clone()
    }

    fn advance(&mut self, ms: Ms) {
        let until = self.now.after_ms(ms);
        while let Some(at) = self.controller.next_wake_up().filter(|at| *at <= until) {
            self.now = at;
            let result = self.controller.poll(at).expect("due");
            self.append(result);
        }
        self.now = until;
    }

    fn rule_of(&self, kind: FactKind) -> protocol::trace::RuleId {
        let found = self.trace.iter().rev().find(|(c, _)| c.key.kind == kind);
        found.expect("it changed").0.rule
    }
}

fn leader(p: &PartitionRegistration) -> i32 {
    p.leader.0
}

#[test]
fn k5_a_silent_broker_is_fenced_after_its_session_timeout() {
    let mut c = Cluster::new(&[]);
    c.start(&[1, 2]);
    c.create("a", &[1, 2]);
    c.advance(8_000);
    c.heartbeat(2, false, false);
    c.advance(1_000);
    assert_eq!(leader(&c.partition("a")), 1);
    c.advance(1_200);
    assert_eq!(leader(&c.partition("a")), 2);
    assert_eq!(c.rule_of(FactKind::Leader), rules::ELECTION_CLEAN);
    let fenced = c
        .trace
        .iter()
        .rev()
        .find(|(change, _)| change.key.kind == FactKind::Fenced)
        .expect("fenced");
    assert_eq!(
        (fenced.0.rule, &fenced.0.key.subject),
        (rules::BROKER_SESSION_TIMEOUT, &Subject::Node(NodeId(1)))
    );
    assert!(
        fenced
            .1
            .iter()
            .any(|f| f.key.kind == FactKind::SessionDeadline),
        "it says when the session ended"
    );
}

#[test]
fn poll_before_it_is_due_changes_nothing() {
    let mut c = Cluster::new(&[]);
    let due = c.controller.next_wake_up().expect("scheduled");
    assert!(c.controller.poll(due.plus_micros(-1)).is_none());
    assert_eq!(c.controller.next_wake_up(), Some(due));
    assert!(c.controller.poll(due).is_some());
}

#[test]
fn k10_k11_a_leaderless_partition_is_led_by_a_member_of_its_elr() {
    let mut c = Cluster::new(&[("min.insync.replicas", "2")]);
    c.start(&[1, 2, 3]);
    c.create("a", &[1, 2, 3]);
    for id in [3, 2, 1] {
        c.heartbeat(id, true, false);
    }
    let p = c.partition("a");
    assert_eq!(
        (leader(&p), p.isr.len(), p.elr, p.last_known_elr),
        (-1, 0, vec![NodeId(1), NodeId(2)], vec![NodeId(1)])
    );
    assert_eq!(c.rule_of(FactKind::Leader), rules::ELECTION_NOBODY);
    c.heartbeat(2, false, false);
    assert_eq!(leader(&c.partition("a")), 2);
    assert_eq!(c.rule_of(FactKind::Leader), rules::ELECTION_ELR);
}

#[test]
fn k16_a_broker_that_stops_hands_its_partitions_over_first() {
    let mut c = Cluster::new(&[]);
    c.start(&[1, 2, 3]);
    c.create("a", &[1, 2, 3]);
    let reply = c.heartbeat(1, false, true);
    assert!(reply.in_controlled_shutdown && !reply.should_shut_down);
    assert_eq!(leader(&c.partition("a")), 2);
    c.heartbeat(2, false, false);
    assert!(
        !c.heartbeat(1, false, true).should_shut_down,
        "3 has not read of it"
    );
    c.heartbeat(3, false, false);
    assert!(c.heartbeat(1, false, true).should_shut_down);
}

#[test]
fn k29_another_incarnation_waits_for_the_end_of_the_session() {
    let mut c = Cluster::new(&[]);
    c.start(&[1]);
    assert_eq!(
        c.register(1, 2, -1),
        Err(ErrorCode::DuplicateBrokerRegistration)
    );
    c.advance(9_001);
    let epoch = c.next.0;
    assert_eq!(
        c.register(1, 2, -1),
        Ok(epoch),
        "the epoch is the offset of the first record"
    );
}

#[test]
fn replaying_the_log_gives_the_same_state_to_another_controller() {
    let mut c = Cluster::new(&[("min.insync.replicas", "2")]);
    c.start(&[1, 2, 3]);
    c.create("a", &[1, 2, 3]);
    c.heartbeat(1, true, false);
    let mut other = Controller::new(c.controller.config().clone());
    for (offset, record) in &c.log {
        let read =
            ApiMessageAndVersion::decode(&record.encode()).expect("what was written can be read");
        other.replay(&read.message, *offset);
    }
    assert_eq!(other.state(), c.controller.state());
    let mut snapshot = MetadataImage::default();
    for record in c.controller.image().write() {
        let offset = c.controller.image().offset;
        snapshot
            .replay(&record.message, offset)
            .expect("a snapshot can be loaded");
    }
    assert_eq!(snapshot, *c.controller.image());
    other.claim(c.now, c.next);
    assert!(other.complete_activation().records.is_empty());
    let session = |id| {
        other
            .heartbeats()
            .is_some_and(|h| h.last_contact_ms(NodeId(id), BrokerEpoch(0)).is_some())
    };
    assert!(!session(1), "a fenced broker has no session");
}

#[test]
fn who_is_no_longer_active_forgets_what_was_not_committed() {
    let mut c = Cluster::new(&[]);
    c.start(&[1]);
    c.controller.handle_commit(c.next);
    let committed = c.controller.state().clone();
    c.create("a", &[1]);
    assert_ne!(*c.controller.state(), committed);
    c.controller.renounce();
    assert_eq!(*c.controller.state(), committed);
    let request = ElectLeadersRequest::default();
    assert_eq!(
        c.controller.elect_leaders(&request).map_err(|e| e.error),
        Err(ErrorCode::NotController)
    );
}

#[test]
fn a_legacy_alter_deletes_what_it_does_not_name() {
    let mut c = Cluster::new(&[]);
    c.start(&[1]);
    c.create("a", &[1]);
    let alter = |pairs: &[(&str, &str)]| LegacyAlterConfigs {
        resources: vec![(
            2,
            "a".into(),
            pairs
                .iter()
                .map(|(k, v)| (Name::from(*k), Some(Name::from(*v))))
                .collect(),
        )],
        validate_only: false,
    };
    for (pairs, left) in [
        (
            &[("retention.ms", "5"), ("cleanup.policy", "compact")][..],
            2,
        ),
        (&[("retention.ms", "6")], 1),
        (&[("retention.ms", "-5")], 1),
    ] {
        let result = c
            .controller
            .legacy_alter_configs(&alter(pairs), true)
            .expect("active");
        c.append(result);
        let configs = &c.controller.image().configs;
        assert_eq!(
            configs
                .of(&crate::image::ConfigResource::topic("a"))
                .map(|c| c.len()),
            Some(left)
        );
    }
}

#[test]
fn requests_are_answered_by_api() {
    let mut c = Cluster::new(&[]);
    c.start(&[1]);
    c.create("a", &[1]);
    let delete = DeleteTopicsRequest {
        topics: ["a", "b"]
            .iter()
            .map(|n| DeleteTopicState {
                name: Some((*n).into()),
                topic_id: Uuid::ZERO,
            })
            .collect(),
        timeout_ms: 0,
    };
    let result = c
        .controller
        .handle(c.now, &delete.into(), &mut Ids(0))
        .expect("a controller's api");
    let Response::DeleteTopics(response) = c.append(result) else {
        panic!("another response")
    };
    let errors: Vec<_> = response
        .responses
        .iter()
        .map(|r| (r.name.as_deref(), r.error))
        .collect();
    assert_eq!(
        errors,
        [
            (Some("a"), ErrorCode::None),
            (Some("b"), ErrorCode::UnknownTopicOrPartition)
        ]
    );
    assert!(c.controller.image().topics.is_empty());
    let fetch = Request::from(FetchRequest::default());
    assert!(c.controller.handle(c.now, &fetch, &mut Ids(0)).is_none());
}

#[test]
fn producer_ids_come_in_blocks() {
    let mut c = Cluster::new(&[]);
    c.start(&[1]);
    let broker_epoch = c
        .controller
        .image()
        .cluster
        .broker_epoch(NodeId(1))
        .expect("registered");
    let request = AllocateProducerIdsRequest {
        broker_id: NodeId(1),
        broker_epoch,
    };
    for start in [0, 1000] {
        let result = c.controller.allocate_producer_ids(&request).expect("known");
        let response = c.append(result);
        assert_eq!(
            (response.producer_id_start.0, response.producer_id_len),
            (start, 1000)
        );
    }
}
