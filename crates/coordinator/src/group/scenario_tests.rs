//! Scenarios of the reference, by id: times from t = 0, one partition of `__consumer_offsets`, replication at once.

use super::config::TABLE;
use super::{
    Completion, Coordinator, GroupCoordinatorConfig, GroupRequest, GroupResponse, GroupView,
    Record, RequestContext, Step, Token, rules,
};
use crate::runtime::{Batch, MetadataDelta, MetadataView, PartitionWriter, TopicView};
use bytes::Bytes;
use protocol::consumer_protocol::Subscription;
use protocol::messages::*;
use protocol::time::EPOCH_MS;
use protocol::trace::{Change, Fact};
use protocol::{
    Ctx, Draws, ErrorCode, GenerationId, Instant, MemberEpoch, Name, Offset, Protections, Uuid,
};

#[derive(Default)]
struct Log {
    end: i64,
    records: Vec<Record>,
}

impl PartitionWriter<Record> for Log {
    fn append(&mut self, batch: Batch<'_, Record>) -> Result<Offset, ErrorCode> {
        match batch {
            Batch::Records { records, .. } => {
                self.end += records.len() as i64;
                self.records.extend_from_slice(records);
            }
            Batch::EndTransaction { .. } => self.end += 1,
        }
        Ok(Offset(self.end))
    }

    fn end_offset(&self) -> Offset {
        Offset(self.end)
    }
}

struct Topics(i32);

impl MetadataView for Topics {
    fn version(&self) -> i64 {
        1
    }
    fn topic(&self, name: &str) -> Option<TopicView> {
        (name == "t").then(|| TopicView {
            name: "t".into(),
            id: Uuid(7),
            partitions: self.0,
        })
    }
    fn topic_by_id(&self, id: Uuid) -> Option<TopicView> {
        if id == Uuid(7) { self.topic("t") } else { None }
    }
    fn partition_racks(&self, _: &str, _: i32) -> Vec<Name> {
        Vec::new()
    }
    fn topics(&self) -> Vec<TopicView> {
        self.topic("t").into_iter().collect()
    }
}

struct Counter(u64);

impl Draws for Counter {
    fn next_int(&mut self, bound: u32, _: &'static str) -> u32 {
        self.0 += 1;
        (self.0 % u64::from(bound)) as u32
    }
}

struct Scene {
    coordinator: Coordinator,
    log: Log,
    topics: Topics,
    draws: Counter,
    now_ms: i64,
    changes: Vec<(Change, Vec<Fact>)>,
    next: u64,
}

impl Scene {
    fn new(pairs: &[(&str, &str)]) -> Self {
        let configs = protocol::config::Configs::new(&[TABLE], pairs.iter().copied());
        let config = GroupCoordinatorConfig::new(&configs.expect("known configs"));
        let mut scene = Self {
            coordinator: Coordinator::new(config),
            log: Log::default(),
            topics: Topics(6),
            draws: Counter(0),
            now_ms: EPOCH_MS,
            changes: Vec::new(),
            next: 0,
        };
        scene.coordinator.load_begin();
        scene.step(|c, s| {
            c.load_end([], Offset(0), Offset(0), s)
                .expect("an empty log")
        });
        scene
    }

    fn step(&mut self, work: impl FnOnce(&mut Coordinator, &mut Step)) -> Vec<Completion> {
        let mut completed = Vec::new();
        let mut ctx = Ctx {
            now: Instant::from_ms(self.now_ms),
            protections: Protections::default(),
            draws: &mut self.draws,
            trace: &mut self.changes,
        };
        let mut step = Step {
            ctx: &mut ctx,
            writer: &mut self.log,
            metadata: &self.topics,
            completed: &mut completed,
        };
        work(&mut self.coordinator, &mut step);
        let end = step.writer.end_offset();
        self.coordinator.on_high_watermark(end, &mut step);
        completed
    }

    fn ask(&mut self, request: GroupRequest) -> (Token, Vec<Completion>) {
        self.next += 1;
        let token = Token(self.next);
        let context = RequestContext {
            api_version: 9,
            client_id: "app".into(),
            client_host: "/10.0.0.1".into(),
        };
        (
            token,
            self.step(|c, s| c.handle(token, &context, request, s)),
        )
    }

    /// Lets time pass until `ms` after the beginning.
    fn until(&mut self, ms: i64) -> Vec<Completion> {
        let ms = EPOCH_MS + ms;
        let mut all = Vec::new();
        while let Some(due) = self.coordinator.next_due_ms(self.now_ms) {
            if due > ms {
                break;
            }
            self.now_ms = due;
            all.extend(self.step(|c, s| {
                c.poll_one(s);
            }));
        }
        self.now_ms = ms;
        all
    }

    fn join(&mut self, member_id: &str) -> (Token, Vec<Completion>) {
        let subscription = Subscription {
            topics: vec!["t".into()],
            generation_id: -1,
            ..Default::default()
        };
        self.ask(GroupRequest::JoinGroup(JoinGroupRequest {
            group_id: "g".into(),
            session_timeout_ms: 45_000,
            rebalance_timeout_ms: 300_000,
            member_id: member_id.into(),
            protocol_type: "consumer".into(),
            protocols: vec![JoinGroupRequestProtocol {
                name: "range".into(),
                metadata: subscription.encode(3),
            }],
            ..Default::default()
        }))
    }

    /// Joins in two steps; the id, and the token of the join that waits.
    fn join_twice(&mut self) -> (Name, Token) {
        let (_, answers) = self.join("");
        let Ok(GroupResponse::JoinGroup(response)) = &answers[0].result else {
            panic!("a join is answered by a join");
        };
        assert_eq!(response.error, ErrorCode::MemberIdRequired);
        let id = response.member_id.clone();
        let (token, answers) = self.join(&id);
        assert!(answers.is_empty(), "parked");
        (id, token)
    }

    fn beat(
        &mut self,
        member: &str,
        epoch: i32,
        owned: Option<Vec<i32>>,
    ) -> ConsumerGroupHeartbeatResponse {
        let joins = epoch == 0;
        let topic = |partitions| TopicPartitions {
            topic_id: Uuid(7),
            partitions,
            ..Default::default()
        };
        let owned = owned.map(|p| if p.is_empty() { vec![] } else { vec![topic(p)] });
        let (_, mut answers) = self.ask(GroupRequest::ConsumerGroupHeartbeat(
            ConsumerGroupHeartbeatRequest {
                group_id: "g".into(),
                member_id: member.into(),
                member_epoch: MemberEpoch(epoch),
                rebalance_timeout_ms: if joins { 10_000 } else { -1 },
                subscribed_topic_names: joins.then(|| vec!["t".into()]),
                topic_partitions: if joins { Some(vec![]) } else { owned },
                ..Default::default()
            },
        ));
        match answers.remove(0).result {
            Ok(GroupResponse::ConsumerGroupHeartbeat(response)) => response,
            other => panic!("a heartbeat is answered by a heartbeat, not {other:?}"),
        }
    }
}

fn assigned(response: &ConsumerGroupHeartbeatResponse) -> Option<Vec<i32>> {
    let assignment = response.assignment.as_ref()?;
    let topics = assignment.topic_partitions.iter();
    Some(topics.flat_map(|t| t.partitions.clone()).collect())
}

#[test]
fn g1_the_initial_delay_is_drawn_out_by_a_new_member() {
    let mut scene = Scene::new(&[]);
    let (a, first) = scene.join_twice();
    scene.until(2_000);
    let (_, second) = scene.join_twice();
    assert!(scene.until(5_999).is_empty(), "drawn out at 3 s");
    let answers = scene.until(6_000);
    let tokens: Vec<Token> = answers.iter().map(|c| c.token).collect();
    assert!(tokens.contains(&first) && tokens.contains(&second));
    for answer in answers {
        let Ok(GroupResponse::JoinGroup(response)) = answer.result else {
            panic!("a join is answered by a join");
        };
        assert_eq!(
            (response.generation_id, &response.leader),
            (GenerationId(1), &a)
        );
        let listed = if answer.token == first { 2 } else { 0 };
        assert_eq!(
            response.members.len(),
            listed,
            "only the leader sees the members"
        );
    }
}

#[test]
fn g2_a_refused_first_join_leaves_an_empty_group_and_its_record() {
    let mut scene = Scene::new(&[]);
    scene.join("");
    assert_eq!(scene.log.records.len(), 1);
    let Some(GroupView::Classic(group)) = scene.coordinator.group_view("g") else {
        panic!("the group is classic");
    };
    assert!(group.is_empty() && group.generation_id == 0);
}

#[test]
fn g6_a_member_that_the_leader_leaves_out_gets_nothing_and_no_error() {
    let mut scene = Scene::new(&[("group.initial.rebalance.delay.ms", "0")]);
    let (a, _) = scene.join_twice();
    scene.until(0);
    let (_, answers) = scene.ask(GroupRequest::SyncGroup(SyncGroupRequest {
        group_id: "g".into(),
        generation_id: GenerationId(1),
        member_id: a,
        ..Default::default()
    }));
    let Ok(GroupResponse::SyncGroup(response)) = &answers[0].result else {
        panic!("a sync is answered by a sync");
    };
    assert_eq!(
        (response.error, &response.assignment),
        (ErrorCode::None, &Bytes::new())
    );
    let stable = scene
        .changes
        .iter()
        .any(|(change, _)| change.rule == rules::CLASSIC_SYNC_STORED);
    assert!(stable, "the change of state is told with its rule");
}

#[test]
fn n1_to_n5_partitions_move_only_when_their_holder_has_let_go() {
    let mut scene = Scene::new(&[]);
    let first = scene.beat("m1", 0, None);
    assert_eq!(
        (first.member_epoch.0, assigned(&first)),
        (2, Some(vec![0, 1, 2, 3, 4, 5])),
        "N1"
    );
    scene.until(200);
    let second = scene.beat("m2", 0, None);
    assert_eq!(
        (second.member_epoch.0, assigned(&second)),
        (2, Some(vec![])),
        "N2"
    );
    scene.until(1_200);
    let told = scene.beat("m1", 2, None);
    assert_eq!(
        (told.member_epoch.0, assigned(&told)),
        (2, Some(vec![0, 1, 2])),
        "N3"
    );
    let waits = scene.beat("m2", 2, None);
    assert_eq!((waits.member_epoch.0, assigned(&waits)), (3, None), "N4");
    let let_go = scene.beat("m1", 2, Some(vec![0, 1, 2]));
    assert_eq!(let_go.member_epoch.0, 3, "N5");
    let gets = scene.beat("m2", 3, None);
    assert_eq!(
        (gets.member_epoch.0, assigned(&gets)),
        (3, Some(vec![3, 4, 5])),
        "N5"
    );
    let reconciled = scene.changes.iter();
    let told = reconciled.filter(|(change, _)| change.rule == rules::CONSUMER_RECONCILE);
    assert!(told.count() >= 4, "each step of a member is told");
}

#[test]
fn n7_a_member_that_does_not_let_go_is_fenced() {
    let mut scene = Scene::new(&[("group.consumer.assignment.interval.ms", "0")]);
    scene.beat("m1", 0, None);
    scene.beat("m2", 0, None);
    scene.beat("m1", 2, None);
    scene.until(10_000);
    assert_eq!(scene.beat("m1", 2, None).error, ErrorCode::UnknownMemberId);
    let all = scene.beat("m2", 3, Some(vec![]));
    assert_eq!(assigned(&all), Some(vec![0, 1, 2, 3, 4, 5]));
}

#[test]
fn n8_epochs_that_are_not_the_members_are_fenced() {
    let mut scene = Scene::new(&[]);
    scene.beat("m1", 0, None);
    assert_eq!(
        scene.beat("m1", 5, None).error,
        ErrorCode::FencedMemberEpoch
    );
    assert_eq!(
        scene.beat("m1", 1, None).error,
        ErrorCode::FencedMemberEpoch
    );
    assert_eq!(scene.beat("m9", 2, None).error, ErrorCode::UnknownMemberId);
}

#[test]
fn n10_a_silent_member_goes_after_its_session() {
    let mut scene = Scene::new(&[]);
    scene.beat("m1", 0, None);
    scene.until(45_000);
    let Some(GroupView::Consumer(group)) = scene.coordinator.group_view("g") else {
        panic!("the group is a consumer group");
    };
    assert_eq!((group.state().name(), group.group_epoch()), ("Empty", 3));
}

#[test]
fn a_deleted_topic_takes_its_offsets_with_it() {
    let mut scene = Scene::new(&[]);
    let (_, answers) = scene.ask(GroupRequest::OffsetCommit(OffsetCommitRequest {
        group_id: "g".into(),
        topics: vec![OffsetCommitRequestTopic {
            name: "t".into(),
            topic_id: Uuid(7),
            partitions: vec![OffsetCommitRequestPartition {
                committed_offset: Offset(5),
                ..Default::default()
            }],
        }],
        ..Default::default()
    }));
    assert_eq!(answers.len(), 1);
    let delta = MetadataDelta {
        deleted: vec![("t".into(), Uuid(7))],
        ..Default::default()
    };
    scene.step(|c, s| c.on_metadata_update(&delta, s));
    assert!(
        scene
            .coordinator
            .state()
            .offsets
            .committed
            .get("g", "t", 0)
            .is_none()
    );
}
