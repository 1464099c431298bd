//! What TCP promises, and what hands and cuts do to it.

use super::*;
use protocol::CorrelationId;
use protocol::messages::HeartbeatResponse;

const A: ActorId = ActorId(1);
const B: ActorId = ActorId(2);

fn ms(n: i64) -> Instant {
    Instant::from_ms(n)
}

fn answer(n: i32) -> Body {
    Body::Response {
        correlation_id: CorrelationId(n),
        response: HeartbeatResponse::default().into(),
    }
}

/// Runs the network up to `until`; lists the correlation ids that arrived, with their milliseconds.
fn run(net: &mut Network, pending: &mut Vec<Due>, until: Instant) -> Vec<(i64, i32)> {
    let mut arrived = Vec::new();
    loop {
        pending.extend(net.take_due());
        let Some(i) = (0..pending.len())
            .filter(|&i| pending[i].at <= until)
            .min_by_key(|&i| pending[i].at)
        else {
            return arrived;
        };
        let due = pending.remove(i);
        if let Some(d) = net.deliver(due)
            && let Body::Response { correlation_id, .. } = d.message.body
        {
            arrived.push((due.at.ms(), correlation_id.0));
        }
    }
}

fn connected() -> (Network, Vec<Due>, ConnectionId) {
    let mut net = Network::default();
    let conn = net.open(ms(0), A, B, EventId(0));
    let mut pending = Vec::new();
    run(&mut net, &mut pending, ms(5));
    (net, pending, conn)
}

fn name(conn: ConnectionId, nth: u32) -> MessageName {
    MessageName {
        conn,
        direction: Direction::Backward,
        nth,
    }
}

#[test]
fn messages_of_a_connection_arrive_in_order_after_the_latency() {
    let (mut net, mut pending, conn) = connected();
    for n in 1..=3 {
        net.send(ms(10), conn, Direction::Backward, answer(n), EventId(0));
    }
    assert_eq!(run(&mut net, &mut pending, ms(10)), []);
    assert_eq!(
        run(&mut net, &mut pending, ms(12)),
        [(11, 1), (11, 2), (11, 3)]
    );
}

#[test]
fn a_held_message_stalls_what_follows_on_its_connection_only() {
    let (mut net, mut pending, conn) = connected();
    let other = net.open(ms(0), A, B, EventId(0));
    for n in 1..=2 {
        net.send(ms(10), conn, Direction::Backward, answer(n), EventId(0));
    }
    net.send(ms(10), other, Direction::Backward, answer(9), EventId(0));
    net.hold(ms(10), name(conn, 0)).expect("in flight");
    assert_eq!(run(&mut net, &mut pending, ms(20)), [(11, 9)]);
    net.release(ms(20), name(conn, 0)).expect("held");
    assert_eq!(run(&mut net, &mut pending, ms(21)), [(20, 1), (20, 2)]);
    assert_eq!(
        net.hold(ms(21), name(conn, 0)),
        Err(hands::HandError::NotInFlight)
    );
}

#[test]
fn a_delayed_message_delays_what_follows() {
    let (mut net, mut pending, conn) = connected();
    for n in 1..=2 {
        net.send(ms(10), conn, Direction::Backward, answer(n), EventId(0));
    }
    net.delay(ms(10), name(conn, 0), 5_000).expect("in flight");
    assert_eq!(run(&mut net, &mut pending, ms(30)), [(16, 1), (16, 2)]);
}

#[test]
fn a_dropped_message_takes_all_behind_it_and_kills_the_direction() {
    let (mut net, mut pending, conn) = connected();
    for n in 1..=3 {
        net.send(ms(10), conn, Direction::Backward, answer(n), EventId(0));
    }
    assert_eq!(net.drop_message(name(conn, 1)).expect("in flight").len(), 2);
    assert_eq!(run(&mut net, &mut pending, ms(20)), [(11, 1)]);
    let sent = net
        .send(ms(20), conn, Direction::Backward, answer(4), EventId(0))
        .expect("the end does not know");
    assert_eq!(sent.arrives_at, None);
    assert!(
        net.send(ms(20), conn, Direction::Forward, answer(5), EventId(0))
            .expect("open")
            .arrives_at
            .is_some()
    );
}

#[test]
fn a_cut_swallows_and_healing_takes_the_connection_down() {
    let (mut net, mut pending, conn) = connected();
    let idle = net.open(ms(5), A, B, EventId(0));
    run(&mut net, &mut pending, ms(9));
    net.send(ms(10), conn, Direction::Backward, answer(1), EventId(0));
    assert_eq!(net.cut(B, A).len(), 1);
    net.send(ms(10), conn, Direction::Backward, answer(2), EventId(0));
    assert_eq!(run(&mut net, &mut pending, ms(20)), []);
    let reset: Vec<_> = net.heal(B, A).into_iter().map(|(id, _)| id).collect();
    assert_eq!(reset, [conn], "one that lost nothing lives on");
    assert!(net.connection(idle).is_some());
    assert!(
        net.send(ms(21), conn, Direction::Forward, answer(3), EventId(0))
            .is_none()
    );
}

#[test]
fn a_slow_link_takes_its_time_and_bandwidth_is_shared() {
    let (mut net, mut pending, conn) = connected();
    net.slow(B, A, Some(7_000), Some(100_000));
    for n in 1..=2 {
        net.send(ms(10), conn, Direction::Backward, answer(n), EventId(0));
    }
    // 100 bytes at 100 kB/s: a millisecond each, one after the other
    assert_eq!(run(&mut net, &mut pending, ms(30)), [(18, 1), (19, 2)]);
}
