//! Sessions over a whole world: replays are the same, the ledger adds up, nothing breaks an invariant.

use super::World;
use super::whole_tests::{after, scenario};
use crate::command::Command;
use crate::ids::EventId;
use crate::predicate::Predicate;
use crate::scenario::Scenario;
use crate::session::{Advanced, Author, Journal, Session};

const BUDGET_BYTES: usize = 16 << 20;

fn session(scenario: &Scenario) -> Session<World> {
    let world = World::from_scenario(scenario).expect("comes up");
    Session::new(world, Journal::default(), BUDGET_BYTES)
}

fn streaming() -> Scenario {
    let mut s = scenario();
    s.producers[0].load = Some(
        serde_json::from_str(
            r#"{"topic":"orders","every_ms":50,"keys":["a","b"],"values":["v{n}"]}"#,
        )
        .expect("a load"),
    );
    s
}

fn run(s: &mut Session<World>, ms: i64) {
    let ended = s.advance(after(ms), 10_000_000, &mut |_| false);
    assert_eq!(ended, Advanced::Reached, "{:?}", s.machine().violation());
}

fn holds(s: &Session<World>, text: &str) -> bool {
    Predicate::parse(text)
        .expect(text)
        .holds(s.machine())
        .expect(text)
}

#[test]
fn a_replay_is_the_same_run() {
    let mut s = session(&streaming());
    run(&mut s, 3_000);
    let (end, hash) = (s.event(), s.machine().trace_hash());
    for event in [end.0 / 3, end.0 / 2, end.0 - 1] {
        s.seek(EventId(event));
        assert!(s.event() >= EventId(event));
    }
    s.seek(end);
    assert_eq!((s.event(), s.machine().trace_hash()), (end, hash));
}

#[test]
fn the_ledger_adds_up_and_predicates_see() {
    let mut s = session(&streaming());
    run(&mut s, 3_000);
    let t = s.machine().ledger().totals();
    assert!(t.sent >= 55, "{t:?}");
    assert_eq!(
        t.sent,
        t.in_flight + t.above_high_watermark + t.durable + t.failed + t.lost,
        "{t:?}"
    );
    assert!(t.durable + 3 >= t.sent && t.lost == 0, "{t:?}");
    assert!(holds(
        &s,
        "hw(orders-0) >= 50 and leader(orders-0) = 1 and isr(orders-0) = {1, 2, 3}"
    ));
}

#[test]
fn a_killed_leader_is_replaced_and_nothing_acked_is_lost() {
    let mut s = session(&streaming());
    run(&mut s, 1_000);
    s.act(Command::KillBroker { broker: 1 }, Author::You)
        .expect("runs");
    run(&mut s, 30_000);
    assert!(holds(
        &s,
        "leader(orders-0) = 2 and epoch(orders-0) = 1 and not alive(1)"
    ));
    let t = s.machine().ledger().totals();
    assert!(t.acked > 100 && t.lost_after_ack == 0, "{t:?}");
    s.act(Command::RestartBroker { broker: 1 }, Author::You)
        .expect("is down");
    run(&mut s, 40_000);
    assert!(holds(&s, "isr(orders-0) = {1, 2, 3}"));
}

#[test]
fn why_ends_at_a_person() {
    let mut s = session(&scenario());
    run(&mut s, 500);
    let text =
        r#"{"do":"produce","producer":"p","topic":"orders","record":{"key":"k","value":"v"}}"#;
    let you = s
        .act(Command::from_json(text).expect("a command"), Author::You)
        .expect("accepted");
    run(&mut s, 1_500);
    assert!(holds(&s, "hw(orders-0) = 1"));
    let leo = protocol::trace::FactKey::replica(
        protocol::trace::FactKind::LogEndOffset,
        protocol::NodeId(1),
        &super::whole_tests::orders(),
    );
    let appended = s.machine().set_by(&leo).expect("changed");
    let chain = s.why(appended);
    assert_eq!(chain.last().map(|c| c.event.id), Some(you), "{chain:#?}");
}
