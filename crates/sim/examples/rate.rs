//! How fast a world runs: 3 brokers, 6 partitions, 6 clients, checks on. Prints events and steps a second, and the cost of a clone.

use offsetscope_sim::World;
use offsetscope_sim::scenario::Scenario;
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
}
