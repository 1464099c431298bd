//! The thinnest whole: a controller, three brokers, a topic, a producer; and the joints between them.

use super::World;
use crate::actor::AppEvent;
use crate::command::Command;
use crate::scenario::Scenario;
use protocol::{Instant, NodeId, Offset, TopicPartition};

pub(crate) fn scenario() -> Scenario {
    let text = r#"{"version":1,"id":"t","seed":7,
        "topics":[{"name":"orders","replication_factor":3,"assignment":[[1,2,3]],"config":{"min.insync.replicas":2}}],
        "producers":[{"id":"p"}]}"#;
    serde_json::from_str(text).expect("valid")
}

pub(crate) fn orders() -> TopicPartition {
    TopicPartition::new("orders", 0)
}

pub(crate) fn after(ms: i64) -> Instant {
    Instant::start().after_ms(ms)
}

pub(crate) fn run(world: &mut World, ms: i64) {
    let until = world.now().after_ms(ms);
    assert!(world.run_until(until, 5_000_000), "within the budget");
}

pub(crate) fn command(world: &mut World, json: &str) {
    let command: Command = serde_json::from_str(json).expect("a command");
    world
        .command(&command)
        .unwrap_or_else(|refusal| panic!("{json}: {refusal}"));
}

fn offsets(world: &World, node: i32) -> (Offset, Offset) {
    let log = world
        .broker(NodeId(node))
        .expect("runs")
        .replicas()
        .log(&orders())
        .expect("hosted");
    (log.log_end_offset(), log.high_watermark())
}

#[test]
fn a_cluster_comes_up_in_the_hidden_preroll() {
    let world = World::from_scenario(&scenario()).expect("comes up");
    assert_eq!(world.now(), after(0));
    assert!(world.topic_ready("orders"));
    let leader = world
        .broker(NodeId(1))
        .expect("runs")
        .replicas()
        .partition(&orders())
        .expect("hosted");
    assert_eq!(leader.state().isr().len(), 3);
}

#[test]
fn a_record_is_appended_copied_committed_and_acked() {
    let mut world = World::from_scenario(&scenario()).expect("comes up");
    world.listen();
    run(&mut world, 1_000);
    command(
        &mut world,
        r#"{"do":"produce","producer":"p","topic":"orders","record":{"key":"k","value":"v"}}"#,
    );
    run(&mut world, 1_000);
    for node in 1..=3 {
        assert_eq!(
            offsets(&world, node),
            (Offset(1), Offset(1)),
            "broker {node}"
        );
    }
}

/// The outcomes of a producer's sends: (call, offset), −1 for a failure, in the order in which they came.
fn outcomes(world: &mut World) -> Vec<(u64, i64)> {
    let events = world.take_app_log();
    let outcome = |event: &crate::actor::AppEvent| match event {
        AppEvent::Acked { call, offset, .. } => Some((*call, offset.get())),
        AppEvent::SendFailed { call, .. } => Some((*call, -1)),
        _ => None,
    };
    events.iter().filter_map(|(_, e)| outcome(e)).collect()
}

fn send(world: &mut World, value: &str) {
    let json = format!(
        r#"{{"do":"produce","producer":"p","topic":"orders","record":{{"key":"k","value":"{value}"}}}}"#
    );
    command(world, &json);
}

/// Values in the order of their offsets, on one broker.
fn values(world: &World, node: i32) -> Vec<String> {
    let broker = world.broker(NodeId(node)).expect("runs");
    let mut log = broker.replicas().log(&orders()).expect("hosted").clone();
    let (start, end) = (log.log_start_offset(), log.log_end_offset());
    let mut values = Vec::new();
    if start == end {
        return values;
    }
    let read = log
        .read(start, 1 << 20, log::FetchIsolation::LogEnd, true)
        .expect("readable");
    for chunk in read.records.chunks {
        for batch in protocol::record::Batches::new(chunk) {
            for record in batch.expect("whole").records().expect("whole") {
                let value = record.expect("whole").value.expect("has one");
                values.push(String::from_utf8(value.to_vec()).expect("text"));
            }
        }
    }
    values
}

/// A cluster whose producer has connected and sent one record; linger 0, so that each send is a request.
fn warm() -> World {
    let mut scenario = scenario();
    scenario.producers[0].config = serde_json::from_str(
        r#"{"linger.ms":0,"request.timeout.ms":5000,"delivery.timeout.ms":60000}"#,
    )
    .expect("properties");
    let mut world = World::from_scenario(&scenario).expect("comes up");
    world.listen();
    send(&mut world, "0");
    run(&mut world, 2_000);
    assert_eq!(outcomes(&mut world), [(1, 0)]);
    world
}

fn cut_followers(world: &mut World) {
    command(world, r#"{"do":"cut_link","from":"1","to":"2"}"#);
    command(world, r#"{"do":"cut_link","from":"1","to":"3"}"#);
}

fn heal_followers(world: &mut World) {
    command(world, r#"{"do":"heal","from":"1","to":"2"}"#);
    command(world, r#"{"do":"heal","from":"1","to":"3"}"#);
}

/// Joint: pipelined acks=all, one request at a time on a connection.
#[test]
fn pipelined_produces_wait_behind_the_one_that_is_not_answered() {
    let mut world = warm();
    cut_followers(&mut world);
    for value in ["a", "b", "c"] {
        send(&mut world, value);
        run(&mut world, 10);
    }
    let leader = world.broker(NodeId(1)).expect("runs");
    let waiting: Vec<usize> = leader
        .server()
        .connections()
        .map(|(_, c)| c.waiting.len())
        .collect();
    assert_eq!(
        waiting.iter().max(),
        Some(&2),
        "one is in progress, two wait on its connection"
    );
    assert_eq!(
        offsets(&world, 1).0,
        Offset(2),
        "only the first was taken up"
    );
    heal_followers(&mut world);
    run(&mut world, 5_000);
    assert_eq!(outcomes(&mut world), [(2, 1), (3, 2), (4, 3)]);
    assert_eq!(values(&world, 2), ["0", "a", "b", "c"]);
}

/// Joint: kill with a request queued.
#[test]
fn a_killed_leader_takes_queued_requests_with_it_and_nothing_is_lost_or_doubled() {
    let mut world = warm();
    cut_followers(&mut world);
    for value in ["a", "b", "c"] {
        send(&mut world, value);
        run(&mut world, 10);
    }
    command(&mut world, r#"{"do":"kill_broker","broker":1}"#);
    heal_followers(&mut world);
    run(&mut world, 30_000);
    assert_eq!(outcomes(&mut world), [(2, 1), (3, 2), (4, 3)]);
    assert_eq!(values(&world, 2), ["0", "a", "b", "c"]);
    command(&mut world, r#"{"do":"restart_broker","broker":1}"#);
    run(&mut world, 30_000);
    assert_eq!(
        values(&world, 1),
        ["0", "a", "b", "c"],
        "its unacknowledged tail was cut and copied anew"
    );
    assert_eq!(offsets(&world, 1), (Offset(4), Offset(4)));
}

/// Joint: cut and heal in the middle of a produce.
#[test]
fn a_cut_in_the_middle_of_a_produce_ends_in_one_copy() {
    let mut world = warm();
    send(&mut world, "a");
    let until = world.now().plus_micros(500);
    world.run_until(until, 1_000);
    command(&mut world, r#"{"do":"cut_link","from":"p","to":"1"}"#);
    run(&mut world, 1_000);
    assert!(outcomes(&mut world).is_empty());
    command(&mut world, r#"{"do":"heal","from":"p","to":"1"}"#);
    run(&mut world, 10_000);
    assert_eq!(outcomes(&mut world), [(2, 1)]);
    assert_eq!(values(&world, 1), ["0", "a"]);
}

/// Joint: drop kills the connection; both ends learn it by time-out.
#[test]
fn a_dropped_answer_is_learnt_by_time_out_and_the_retry_is_recognised() {
    let mut world = warm();
    send(&mut world, "a");
    let dropped = loop {
        assert!(world.step_until(after(60_000)));
        let produce = |m: &crate::network::Message| m.body.api() == Some(protocol::ApiKey::Produce);
        let answer = world.network().connections().find_map(|(conn, c)| {
            let m = c
                .lane(crate::Direction::Backward)
                .queue
                .iter()
                .find(|m| produce(m))?;
            Some((conn, m.nth))
        });
        if let Some(found) = answer {
            break found;
        }
    };
    let json = format!(
        r#"{{"do":"drop_message","message":{{"connection":{},"forward":false,"number":{}}}}}"#,
        dropped.0, dropped.1
    );
    command(&mut world, &json);
    run(&mut world, 4_000);
    assert!(outcomes(&mut world).is_empty(), "nobody knows yet");
    run(&mut world, 10_000);
    assert_eq!(
        outcomes(&mut world),
        [(2, 1)],
        "the duplicate is answered with the first offset"
    );
    assert_eq!(values(&world, 1), ["0", "a"]);
}

/// Joint: a broker cut off from the controller goes on serving its old epoch.
#[test]
fn a_broker_that_the_controller_cannot_reach_serves_its_old_epoch() {
    use crate::actor::admin::{Asked, Question};
    use protocol::messages::*;
    let mut world = warm();
    command(&mut world, r#"{"do":"cut_link","from":"1","to":"101"}"#);
    run(&mut world, 20_000);
    let registered = world
        .active_controller()
        .expect("leads")
        .image()
        .topics
        .partition_named(&orders())
        .expect("there");
    assert_eq!(registered.leader, NodeId(2), "fenced, and another leads");
    let old = world
        .broker(NodeId(1))
        .expect("runs")
        .replicas()
        .partition(&orders())
        .expect("hosted");
    assert!(old.is_leader(NodeId(1)), "it has not heard");
    let partition = FetchPartition {
        partition: 0,
        fetch_offset: Offset(0),
        current_leader_epoch: old.leader_epoch(),
        partition_max_bytes: 1 << 20,
        ..Default::default()
    };
    let request = FetchRequest {
        max_wait_ms: 0,
        topics: vec![FetchTopic {
            topic: "orders".into(),
            partitions: vec![partition],
            ..Default::default()
        }],
        ..Default::default()
    };
    let question = Question {
        id: 0,
        nodes: vec![NodeId(1)],
        version: 12,
        request: request.into(),
        retry: false,
    };
    let id = world.ask(question, crate::EventId::BEGINNING);
    run(&mut world, 100);
    let Some(Asked::Answered(Response::Fetch(answer))) = world.asked(id) else {
        panic!("{:?}", world.asked(id))
    };
    let part = &answer.responses[0].partitions[0];
    assert_eq!(
        (part.error, part.records.is_empty()),
        (protocol::ErrorCode::None, false)
    );
}

#[test]
fn a_stopped_broker_hands_over_first_and_comes_back() {
    let mut world = warm();
    command(&mut world, r#"{"do":"stop_broker","broker":1}"#);
    run(&mut world, 5_000);
    assert!(world.broker(NodeId(1)).is_none(), "it went by itself");
    assert!(world.disk(NodeId(1)).is_some());
    let leader = |w: &World| {
        w.active_controller()
            .expect("leads")
            .image()
            .topics
            .partition_named(&orders())
            .expect("there")
            .leader
    };
    assert_eq!(leader(&world), NodeId(2));
    send(&mut world, "a");
    run(&mut world, 5_000);
    command(&mut world, r#"{"do":"restart_broker","broker":1}"#);
    run(&mut world, 30_000);
    assert_eq!(values(&world, 1), ["0", "a"]);
    assert!(world.topic_ready("orders"), "back in the ISR");
}

#[test]
fn the_same_scenario_gives_the_same_trace() {
    let play = || {
        let mut world = warm();
        send(&mut world, "a");
        run(&mut world, 5_000);
        (world.trace_hash(), world.last_event(), world.handled())
    };
    assert_eq!(play(), play());
}

/// The offsets topic is created when it is first needed, and a commit is readable once it is replicated.
#[test]
fn a_commit_lands_in_the_offsets_topic_and_survives_its_coordinator() {
    use crate::actor::admin::{Asked, Question};
    use protocol::messages::*;
    let mut world = warm();
    let ask = |world: &mut World, node: i32, request: Request| {
        let version = request.api().latest_version();
        let question = Question {
            id: 0,
            nodes: vec![NodeId(node)],
            version,
            request,
            retry: false,
        };
        let id = world.ask(question, crate::EventId::BEGINNING);
        run(world, 1_000);
        match world.asked(id) {
            Some(Asked::Answered(response)) => response,
            other => panic!("{other:?}"),
        }
    };
    let find = || {
        Request::from(FindCoordinatorRequest {
            key_type: COORDINATOR_GROUP,
            coordinator_keys: vec!["g".into()],
        })
    };
    ask(&mut world, 3, find());
    run(&mut world, 2_000);
    let Response::FindCoordinator(found) = ask(&mut world, 3, find()) else {
        panic!()
    };
    let coordinator = found.coordinators[0].node_id;
    assert!(!coordinator.is_none(), "{found:?}");
    let partition = OffsetCommitRequestPartition {
        partition_index: 0,
        committed_offset: Offset(1),
        ..Default::default()
    };
    let commit = OffsetCommitRequest {
        group_id: "g".into(),
        topics: vec![OffsetCommitRequestTopic {
            name: "orders".into(),
            partitions: vec![partition],
            ..Default::default()
        }],
        ..Default::default()
    };
    let Response::OffsetCommit(done) = ask(&mut world, coordinator.get(), commit.into()) else {
        panic!()
    };
    assert_eq!(
        done.topics[0].partitions[0].error,
        protocol::ErrorCode::None
    );
    command(
        &mut world,
        &format!(r#"{{"do":"kill_broker","broker":{coordinator}}}"#),
    );
    run(&mut world, 20_000);
    let other = (1..=3)
        .find(|&n| NodeId(n) != coordinator)
        .expect("three brokers");
    let Response::FindCoordinator(found) = ask(&mut world, other, find()) else {
        panic!()
    };
    let group = OffsetFetchRequestGroup {
        group_id: "g".into(),
        topics: Some(vec![OffsetFetchRequestTopic {
            name: "orders".into(),
            partition_indexes: vec![0],
            ..Default::default()
        }]),
        ..Default::default()
    };
    let fetch = OffsetFetchRequest {
        groups: vec![group],
        require_stable: false,
    };
    let Response::OffsetFetch(fetched) = ask(
        &mut world,
        found.coordinators[0].node_id.get(),
        fetch.into(),
    ) else {
        panic!()
    };
    assert_eq!(
        fetched.groups[0].topics[0].partitions[0].committed_offset,
        Offset(1)
    );
}
