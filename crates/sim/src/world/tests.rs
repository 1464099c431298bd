//! The machinery with the smallest processes there are: one that asks, one that answers.

use super::*;
use crate::actor::{Actor, Order, Role};
use crate::ids::Direction;
use crate::network::MessageName;
use protocol::messages::{HeartbeatRequest, HeartbeatResponse, RequestHeader};
use protocol::wire::{Input, Output};
use protocol::{CorrelationId, Ctx};
use std::sync::Arc;

/// Answers every request; when ordered, opens a connection and asks so many times at once.
#[derive(Clone, Debug, Default)]
pub struct Echo {
    asks: u32,
    pub answers: Vec<(i64, i32)>,
    pub lost: Vec<i64>,
    pub served: u32,
    next_conn: u32,
    alarm: Option<Instant>,
    pub woken: Vec<i64>,
}

impl Echo {
    pub fn start(&mut self, ctx: &mut Ctx<'_>, _: &mut Outbox) {
        self.alarm = Some(ctx.now.after_ms(1_000));
    }

    pub fn order(&mut self, order: &Order, _: &mut Ctx<'_>, out: &mut Outbox) {
        if let Order::Echo { node, count } = order {
            self.asks = *count;
            self.next_conn += 1;
            out.push(Output::Connect {
                conn: ConnectionId(self.next_conn),
                node: *node,
            });
        }
    }

    pub fn handle(&mut self, input: Input, ctx: &mut Ctx<'_>, out: &mut Outbox) {
        match input {
            Input::Connected { conn } => {
                for n in 0..self.asks {
                    let header = RequestHeader {
                        api_version: 0,
                        correlation_id: CorrelationId(n as i32),
                        client_id: "e".into(),
                    };
                    out.push(Output::Send {
                        conn,
                        header,
                        request: HeartbeatRequest::default().into(),
                    });
                }
            }
            Input::Request { conn, header, .. } => {
                out.requests += 1;
                self.served += 1;
                let response = HeartbeatResponse::default().into();
                out.push(Output::Respond {
                    conn,
                    correlation_id: header.correlation_id,
                    response,
                });
            }
            Input::Response { correlation_id, .. } => {
                self.answers.push((ctx.now.micros(), correlation_id.0))
            }
            Input::Disconnected { .. } | Input::Closed { .. } => self.lost.push(ctx.now.ms()),
            Input::Accepted { .. } => {}
        }
    }

    pub fn poll(&mut self, ctx: &mut Ctx<'_>, _: &mut Outbox) -> Option<Instant> {
        if self.alarm.is_some_and(|at| at <= ctx.now) {
            self.alarm = None;
            self.woken.push(ctx.now.ms());
        }
        self.alarm
    }
}

const BOB: NodeId = NodeId(1);

fn pair() -> (World, ActorId, ActorId) {
    let mut world = World::new(
        1,
        CostTable::default(),
        Protections::ALL,
        Instant::from_ms(0),
    );
    let ann = world.add("ann".into(), Role::Admin, None);
    let bob = world.add("bob".into(), Role::Broker, Some(BOB));
    for actor in [ann, bob] {
        world.start(actor, Actor::Echo(Box::default()), EventId::BEGINNING);
    }
    (world, ann, bob)
}

fn echo(world: &World, id: ActorId) -> &Echo {
    match &**world.actor(id).process.as_ref().expect("runs") {
        Actor::Echo(echo) => echo,
        #[allow(unreachable_patterns)]
        _ => unreachable!("only echoes here"),
    }
}

fn ask(world: &mut World, ann: ActorId, count: u32) {
    world.order(
        ann,
        Arc::new(Order::Echo { node: BOB, count }),
        EventId::BEGINNING,
    );
}

fn ms(n: i64) -> Instant {
    Instant::from_ms(n)
}

#[test]
fn a_question_takes_a_handshake_and_a_round_trip_and_a_node_works_on_one_thing_at_a_time() {
    let (mut world, ann, bob) = pair();
    ask(&mut world, ann, 2);
    assert!(world.run_until(ms(10), 1_000));
    // SYN 1 ms + 1 µs, back the same, request 1 ms + 1 µs, 50 µs of work, answer 1 ms + 1 µs
    let at: Vec<_> = echo(&world, ann).answers.clone();
    assert_eq!(at.iter().map(|a| a.1).collect::<Vec<_>>(), [0, 1]);
    assert_eq!(at[0].0, 4_054);
    assert_eq!(
        at[1].0 - at[0].0,
        50,
        "the second waited until the first was done"
    );
    assert_eq!(echo(&world, bob).served, 2);
}

#[test]
fn a_timer_wakes_a_process_once() {
    let (mut world, ann, _) = pair();
    assert!(world.run_until(ms(5_000), 1_000));
    assert_eq!(echo(&world, ann).woken, [1_000]);
    assert_eq!(world.now(), ms(5_000));
}

#[test]
fn a_killed_process_resets_its_connections_and_refuses_new_ones() {
    let (mut world, ann, bob) = pair();
    ask(&mut world, ann, 1);
    world.run_until(ms(10), 1_000);
    world.kill(bob, EventId::BEGINNING).expect("ran");
    world.run_until(ms(20), 1_000);
    assert_eq!(echo(&world, ann).lost, [11]);
    ask(&mut world, ann, 1);
    world.run_until(ms(30), 1_000);
    assert_eq!(
        echo(&world, ann).lost,
        [11, 22],
        "refused after a round trip"
    );
}

#[test]
fn a_killed_process_takes_the_requests_with_it_that_waited() {
    let (mut world, ann, bob) = pair();
    ask(&mut world, ann, 50);
    // at 3.1 ms the first requests have arrived and queue behind each other
    world.run_until(Instant::from_micros(3_110), 1_000);
    assert!(world.actor(bob).inbox.len() > 10);
    world.kill(bob, EventId::BEGINNING);
    world.run_until(ms(20), 10_000);
    let answered = echo(&world, ann).answers.len();
    assert!(
        (1..5).contains(&answered),
        "{answered} were on the wire when it died"
    );
    assert_eq!(echo(&world, ann).lost, [4]);
}

#[test]
fn a_machine_without_power_says_nothing_and_resets_what_it_does_not_know_when_it_is_back() {
    let (mut world, ann, bob) = pair();
    ask(&mut world, ann, 1);
    world.run_until(ms(10), 1_000);
    world.power_off(bob, EventId::BEGINNING);
    world.run_until(ms(100), 1_000);
    assert!(echo(&world, ann).lost.is_empty());
    world.start(bob, Actor::Echo(Box::default()), EventId::BEGINNING);
    // the old connection: ask again on it
    let conn = world.actor(ann).opened[0].1;
    let header = RequestHeader {
        api_version: 0,
        correlation_id: CorrelationId(9),
        client_id: "e".into(),
    };
    let body = crate::network::Body::Request {
        header,
        expects_response: true,
        request: HeartbeatRequest::default().into(),
    };
    world
        .network
        .send(ms(100), conn, Direction::Forward, body, EventId::BEGINNING);
    world.schedule_network();
    world.run_until(ms(110), 1_000);
    assert_eq!(echo(&world, ann).lost, [102]);
}

#[test]
fn a_frozen_process_answers_when_it_thaws() {
    let (mut world, ann, bob) = pair();
    world.pause(bob, EventId::BEGINNING);
    ask(&mut world, ann, 1);
    world.run_until(ms(50), 1_000);
    assert!(echo(&world, ann).answers.is_empty());
    assert_eq!(world.actor(bob).inbox.len(), 2, "accepted, request");
    world.resume(bob, EventId::BEGINNING);
    world.run_until(ms(60), 1_000);
    assert_eq!(echo(&world, ann).answers.len(), 1);
}

#[test]
fn a_cut_in_the_middle_of_a_request_ends_in_a_reset_at_both_ends_when_it_heals() {
    let (mut world, ann, bob) = pair();
    ask(&mut world, ann, 1);
    world.run_until(Instant::from_micros(2_500), 1_000); // the request is on its way
    world.cut_link(ann, bob, EventId::BEGINNING);
    world.run_until(ms(50), 1_000);
    assert!(echo(&world, ann).lost.is_empty() && echo(&world, bob).served == 0);
    world.heal_link(ann, bob, EventId::BEGINNING);
    world.run_until(ms(50), 1_000);
    assert_eq!(
        (&echo(&world, ann).lost[..], &echo(&world, bob).lost[..]),
        (&[50][..], &[50][..])
    );
    assert_eq!(world.network().connections().count(), 0);
}

#[test]
fn a_dropped_answer_is_learnt_by_nobody_until_the_connection_idles_out() {
    let (mut world, ann, bob) = pair();
    ask(&mut world, ann, 1);
    world.run_until(Instant::from_micros(3_500), 1_000); // the answer is on its way
    let conn = world.actor(ann).opened[0].1;
    let name = MessageName {
        conn,
        direction: Direction::Backward,
        nth: 1,
    };
    world
        .drop_message(name, EventId::BEGINNING)
        .expect("in flight");
    world.run_until(ms(590_000), 1_000);
    assert!(echo(&world, ann).answers.is_empty() && echo(&world, bob).lost.is_empty());
    world.run_until(ms(700_000), 1_000);
    assert_eq!(echo(&world, bob).lost.len(), 1);
}

#[test]
fn the_same_seed_gives_the_same_trace_and_a_clone_goes_its_own_way() {
    let (mut world, ann, _) = pair();
    ask(&mut world, ann, 5);
    world.run_until(ms(2), 1_000);
    let mut copy = world.clone();
    world.run_until(ms(2_000), 1_000);
    let (mut again, ann2, _) = pair();
    ask(&mut again, ann2, 5);
    again.run_until(ms(2_000), 1_000);
    assert_eq!(
        (world.trace_hash(), world.last_event()),
        (again.trace_hash(), again.last_event())
    );
    copy.pause(ann, EventId::BEGINNING);
    copy.run_until(ms(2_000), 1_000);
    assert_ne!(copy.trace_hash(), world.trace_hash());
}

#[test]
fn every_event_names_what_triggered_it() {
    let (mut world, ann, _) = pair();
    world.listen();
    ask(&mut world, ann, 1);
    world.run_until(ms(10), 1_000);
    let trace = world.take_trace();
    for event in &trace {
        assert!(event.trigger.expect("only the beginning has none") < event.id);
    }
    let answered = trace.last().expect("something happened");
    let mut chain = vec![answered.id];
    while let Some(cause) = trace
        .iter()
        .find(|e| Some(e.id) == chain.last().copied())
        .and_then(|e| e.trigger)
    {
        chain.push(cause);
    }
    assert_eq!(chain.last(), Some(&EventId::BEGINNING), "{chain:?}");
    assert!(chain.len() > 4, "handshake, request, answer: {chain:?}");
}
