//! The thinnest whole: a controller, three brokers, a topic, a producer; and the joints between them.

use super::World;
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
