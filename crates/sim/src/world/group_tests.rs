//! Consumers in a whole cluster: assigned, in a group, slow, killed.

use super::World;
use super::whole_tests::{command, orders, run, scenario};
use crate::actor::AppEvent;
use crate::scenario::Scenario;
use coordinator::group::GroupView;
use protocol::{NodeId, Offset};

fn with_consumers(json: &str) -> Scenario {
    let mut scenario = scenario();
    scenario.topics[0].assignment = Some(vec![vec![1, 2, 3], vec![2, 3, 1]]);
    scenario.consumers = serde_json::from_str(json).expect("consumers");
    scenario
}

fn produce(world: &mut World, partition: i32, count: u32) {
    let json = format!(
        r#"{{"do":"produce","producer":"p","topic":"orders","record":{{"key":"k","value":"v","partition":{partition}}},"count":{count}}}"#
    );
    command(world, &json);
}

fn delivered(world: &World, consumer: &str) -> u64 {
    world.consumer(consumer).expect("runs").counts().0
}

fn assignment(world: &World, consumer: &str) -> Vec<i32> {
    let view = world.consumer(consumer).expect("runs").client().view();
    let mut all: Vec<i32> = view
        .subscriptions()
        .assigned_partitions()
        .iter()
        .map(|tp| tp.partition)
        .collect();
    all.sort_unstable();
    all
}

#[test]
fn an_assigned_consumer_gets_what_is_committed_and_nothing_else() {
    let text = r#"[{"id":"c","assign":["orders-0"],"config":{"auto.offset.reset":"earliest"}}]"#;
    let mut world = World::from_scenario(&with_consumers(text)).expect("comes up");
    run(&mut world, 2_000);
    produce(&mut world, 0, 3);
    run(&mut world, 1_000);
    assert_eq!(delivered(&world, "c"), 3);
    command(&mut world, r#"{"do":"cut_link","from":"1","to":"2"}"#);
    command(&mut world, r#"{"do":"cut_link","from":"1","to":"3"}"#);
    produce(&mut world, 0, 1);
    run(&mut world, 1_000);
    let leader = world
        .broker(NodeId(1))
        .expect("runs")
        .replicas()
        .log(&orders())
        .expect("hosted");
    assert_eq!(
        (leader.log_end_offset(), leader.high_watermark()),
        (Offset(4), Offset(3))
    );
    assert_eq!(delivered(&world, "c"), 3, "not yet replicated");
}

/// Joint: heartbeats travel beside a parked fetch, on two connections.
#[test]
fn a_group_shares_partitions_commits_and_rebalances_when_a_member_dies() {
    let text = r#"[{"id":"a","group":"g","subscribe":["orders"],"config":{"auto.offset.reset":"earliest","session.timeout.ms":6000,"heartbeat.interval.ms":1000,"auto.commit.interval.ms":1000}},
        {"id":"b","group":"g","subscribe":["orders"],"config":{"auto.offset.reset":"earliest","session.timeout.ms":6000,"heartbeat.interval.ms":1000,"auto.commit.interval.ms":1000}}]"#;
    let mut world = World::from_scenario(&with_consumers(text)).expect("comes up");
    run(&mut world, 10_000);
    let (a, b) = (assignment(&world, "a"), assignment(&world, "b"));
    let mut both = [a, b].concat();
    both.sort_unstable();
    assert_eq!(both, [0, 1], "each has one");
    produce(&mut world, 0, 5);
    produce(&mut world, 1, 5);
    run(&mut world, 5_000);
    assert_eq!(delivered(&world, "a") + delivered(&world, "b"), 10);

    let a_fetches_and_beats = world
        .network()
        .connections()
        .filter(|(_, c)| c.opener == world.actor_named("a").expect("a"))
        .count();
    assert!(
        a_fetches_and_beats >= 2,
        "the coordinator has a connection of its own"
    );
    let generation = |world: &World| {
        let coordinator = world
            .brokers()
            .find_map(|b| b.groups().coordinator_of("g", b.image()))
            .expect("hosted");
        match coordinator.group_view("g") {
            Some(GroupView::Classic(group)) => group.generation_id,
            _ => panic!("a classic group"),
        }
    };
    let before = generation(&world);
    run(&mut world, 30_000);
    assert_eq!(
        generation(&world),
        before,
        "nobody was thrown out while fetches were parked"
    );

    command(&mut world, r#"{"do":"kill_consumer","consumer":"b"}"#);
    run(&mut world, 20_000);
    assert_eq!(assignment(&world, "a"), [0, 1]);
    assert!(
        delivered(&world, "a") <= 10,
        "what b had committed is not read again"
    );
    assert!(generation(&world) > before);
}

#[test]
fn a_slow_application_is_thrown_out_and_a_closed_one_leaves_at_once() {
    let text = r#"[{"id":"a","group":"g","subscribe":["orders"],"config":{"auto.offset.reset":"earliest","max.poll.interval.ms":5000,"max.poll.records":1}}]"#;
    let mut world = World::from_scenario(&with_consumers(text)).expect("comes up");
    run(&mut world, 10_000);
    assert_eq!(assignment(&world, "a"), [0, 1]);
    world.listen();
    command(
        &mut world,
        r#"{"do":"set_processing_time","consumer":"a","processing_ms":20000}"#,
    );
    produce(&mut world, 0, 3);
    run(&mut world, 15_000);
    let members = |world: &World| {
        let coordinator = world
            .brokers()
            .find_map(|b| b.groups().coordinator_of("g", b.image()))
            .expect("hosted");
        match coordinator.group_view("g") {
            Some(GroupView::Classic(group)) => group.member_ids().len(),
            _ => 0,
        }
    };
    assert_eq!(members(&world), 0, "it did not poll in time and left");
    command(
        &mut world,
        r#"{"do":"set_processing_time","consumer":"a","processing_ms":0}"#,
    );
    run(&mut world, 30_000);
    assert_eq!(members(&world), 1, "its next poll joined again");
    let log = world.take_app_log();
    let lost = |e: &AppEvent| matches!(e, AppEvent::Rebalanced { .. });
    assert!(log.iter().any(|(_, e)| lost(e)));
    command(&mut world, r#"{"do":"close_consumer","consumer":"a"}"#);
    run(&mut world, 1_000);
    assert!(world.consumer("a").is_none());
    assert_eq!(members(&world), 0);
}

#[test]
fn a_client_starts_anew_with_other_settings() {
    let text = r#"[{"id":"c","assign":["orders-0"]}]"#;
    let mut world = World::from_scenario(&with_consumers(text)).expect("comes up");
    run(&mut world, 2_000);
    command(
        &mut world,
        r#"{"do":"alter_client_config","client":"c","config":{"auto.offset.reset":"earliest"}}"#,
    );
    produce(&mut world, 0, 2);
    run(&mut world, 2_000);
    assert_eq!(delivered(&world, "c"), 2);
}
