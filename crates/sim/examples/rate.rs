//! How fast a world runs and how fast a session goes anywhere in it: 3 brokers, 6 partitions, 6 clients, checks on.
//! Prints events and steps a second, the cost of a clone, and of seeks across the run. `rate EVENTS`, 1 000 000 by default.

use offsetscope_sim::World;
use offsetscope_sim::ids::EventId;
use offsetscope_sim::scenario::Scenario;
use offsetscope_sim::session::{Journal, Session};
use protocol::Instant;

const SCENARIO: &str = r#"{"version":1,"id":"rate","seed":1,
  "topics":[{"name":"orders","partitions":6,"replication_factor":3,"config":{"min.insync.replicas":2}}],
  "producers":[
    {"id":"p1","load":{"topic":"orders","every_ms":10,"keys":["a","b","c","d","e"]}},
    {"id":"p2","load":{"topic":"orders","every_ms":10,"keys":["f","g","h","i","j"]}},
    {"id":"p3","load":{"topic":"orders","every_ms":10}}],
  "consumers":[
    {"id":"c1","group":"g","subscribe":["orders"]},
    {"id":"c2","group":"g","subscribe":["orders"]},
    {"id":"c3","group":"g","subscribe":["orders"]}]}"#;

fn main() {
    let scenario: Scenario = serde_json::from_str(SCENARIO).expect("valid");
    let wanted: u64 = std::env::args()
        .nth(1)
        .and_then(|n| n.parse().ok())
        .unwrap_or(1_000_000);
    let began = std::time::Instant::now();
    let mut world = World::from_scenario(&scenario).expect("comes up");
    println!(
        "pre-roll     {:>10} events in {:?}",
        world.last_event().0,
        began.elapsed()
    );
    let before = (world.last_event().0, world.handled());
    let began = std::time::Instant::now();
    while world.last_event().0 - before.0 < wanted {
        let until = world.now().after_ms(1_000);
        world.run_until(until, u64::MAX);
        assert!(
            world.now() < Instant::start().after_ms(100_000_000),
            "it runs"
        );
        if let Some(v) = world.violation() {
            println!("violation    {v:?}");
            break;
        }
    }
    let took = began.elapsed();
    let events = world.last_event().0 - before.0;
    let steps = world.handled() - before.1;
    println!(
        "events       {events:>10} in {took:?}: {:.0} a second",
        events as f64 / took.as_secs_f64()
    );
    println!(
        "steps        {steps:>10}: {:.0} a second",
        steps as f64 / took.as_secs_f64()
    );
    println!(
        "virtual time {:>10} ms",
        world.now().ms() - Instant::start().ms()
    );
    let began = std::time::Instant::now();
    let copies: Vec<World> = (0..100).map(|_| world.clone()).collect();
    println!("a clone      {:?}", began.elapsed() / copies.len() as u32);
    seeks(&scenario, wanted);
}

/// Checkpoints of the playground's budget, then seeks to events spread over the whole run.
fn seeks(scenario: &Scenario, wanted: u64) {
    const BUDGET_BYTES: usize = 64 << 20;
    const SEEKS: u64 = 100;
    let world = World::from_scenario(scenario).expect("comes up");
    let first = world.last_event().0;
    let mut session = Session::new(world, Journal::default(), BUDGET_BYTES);
    while session.event().0 - first < wanted && session.machine().violation().is_none() {
        let until = session.machine().now().after_ms(1_000);
        session.advance(until, u64::MAX, &mut |_| false);
        session.take_heard();
    }
    let (bytes, count) = session.checkpoint_bytes();
    println!(
        "checkpoints  {count:>10}, about {} bytes each",
        bytes / count.max(1)
    );
    let mut took: Vec<std::time::Duration> = (0..SEEKS)
        .map(|i| {
            // a stride that is prime to the number of seeks visits all of them, far from one another
            let target = first + (i * 37 % SEEKS) * wanted / SEEKS;
            let began = std::time::Instant::now();
            session.seek(EventId(target));
            began.elapsed()
        })
        .collect();
    took.sort();
    let at = |percent: usize| took[(took.len() * percent / 100).min(took.len() - 1)];
    println!(
        "seek         median {:?}, p99 {:?}, longest {:?}",
        at(50),
        at(99),
        at(100)
    );
}
