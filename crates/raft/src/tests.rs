//! Whole quorums in memory: messages travel through their wire form and arrive in order after one millisecond.

use crate::*;
use bytes::Bytes;
use protocol::trace::Deaf;
use protocol::{Ctx, Draws, Instant, LeaderEpoch, NodeId, Offset, Protection, Protections, Uuid};
use std::collections::BTreeMap;

/// Draws that differ from node to node, so that elections are decided.
struct Spread(u32);

impl Draws for Spread {
    fn next_int(&mut self, bound: u32, _label: &'static str) -> u32 {
        self.0 = self.0.wrapping_mul(1_103_515_245).wrapping_add(12_345);
        (self.0 >> 16) % bound
    }
}

type Quorum = BTreeMap<NodeId, Node<MemoryLog>>;

struct World {
    now: Instant,
    draws: Spread,
    protections: Protections,
    nodes: Quorum,
    in_flight: Vec<(Instant, NodeId, Input)>,
    /// Who is waiting for the answer with this token: (asker, asked, correlation id).
    waiting: Vec<(NodeId, NodeId, protocol::CorrelationId)>,
    committed: BTreeMap<NodeId, Vec<String>>,
    loaded: BTreeMap<NodeId, OffsetAndEpoch>,
}

fn identity(id: i32, voters: &[i32]) -> Identity {
    Identity {
        node: NodeId(id),
        directory_id: Uuid(id as u128),
        cluster_id: "test".into(),
        voters: voters.iter().copied().map(NodeId).collect(),
    }
}

impl World {
    fn new(ids: &[i32], voters: &[i32]) -> Self {
        let mut world = Self {
            now: Instant::start(),
            draws: Spread(1),
            protections: Protections::ALL,
            nodes: BTreeMap::new(),
            in_flight: Vec::new(),
            waiting: Vec::new(),
            committed: BTreeMap::new(),
            loaded: BTreeMap::new(),
        };
        for &id in ids {
            world.start(id, voters, ElectionState::default(), MemoryLog::default());
        }
        world
    }

    fn start(&mut self, id: i32, voters: &[i32], stored: ElectionState, log: MemoryLog) {
        let mut deaf = Deaf;
        let mut ctx = Ctx {
            now: self.now,
            protections: self.protections,
            draws: &mut self.draws,
            trace: &mut deaf,
        };
        let node = Node::start(
            identity(id, voters),
            QuorumConfig::default(),
            stored,
            log,
            &mut ctx,
        );
        self.nodes.insert(NodeId(id), node);
    }

    /// Polls everybody, delivers what is due, and goes on to the next instant until `ms` have passed.
    fn run(&mut self, ms: i64) {
        let until = self.now.after_ms(ms);
        loop {
            let mut next = until;
            let ids: Vec<NodeId> = self.nodes.keys().copied().collect();
            for &id in &ids {
                next = next.min(self.step(id, None));
            }
            let (due, later): (Vec<_>, Vec<_>) = self
                .in_flight
                .drain(..)
                .partition(|(at, ..)| *at <= self.now);
            self.in_flight = later;
            for (_, to, input) in due {
                if self.nodes.contains_key(&to) {
                    next = next.min(self.step(to, Some(input)));
                }
            }
            next = self
                .in_flight
                .iter()
                .map(|(at, ..)| *at)
                .fold(next, Instant::min);
            if next >= until {
                break;
            }
            self.now = next;
        }
        self.now = until;
    }

    fn step(&mut self, id: NodeId, input: Option<Input>) -> Instant {
        let mut deaf = Deaf;
        let mut ctx = Ctx {
            now: self.now,
            protections: self.protections,
            draws: &mut self.draws,
            trace: &mut deaf,
        };
        let node = self.nodes.get_mut(&id).expect("a node");
        if let Some(input) = input {
            node.handle(input, &mut ctx);
        }
        let next = node.poll(&mut ctx);
        assert_eq!(node.fatal(), None);
        let arrives = self.now.after_ms(1);
        for output in node.take_outbox() {
            match output {
                Output::Request {
                    to,
                    correlation_id,
                    request,
                } => {
                    let travelled = wire::request_from_wire(&wire::request_to_wire(&request))
                        .expect("the quorum's own");
                    assert_eq!(travelled, request);
                    let token = self.waiting.len() as u64;
                    self.waiting.push((id, to, correlation_id));
                    self.in_flight.push((
                        arrives,
                        to,
                        Input::Request {
                            token,
                            request: travelled,
                        },
                    ));
                }
                Output::Response { token, response } => {
                    let travelled = wire::response_from_wire(&wire::response_to_wire(&response))
                        .expect("the quorum's own");
                    assert_eq!(travelled, response);
                    let (asker, asked, correlation_id) = self.waiting[token as usize];
                    let input = Input::Response {
                        from: asked,
                        correlation_id,
                        response: travelled,
                    };
                    self.in_flight.push((arrives, asker, input));
                }
            }
        }
        for event in node.take_events() {
            match event {
                Event::Commit(batch) if !batch.is_control() => {
                    let values = batch
                        .records()
                        .expect("readable")
                        .map(|r| r.expect("whole").value.expect("a value"));
                    let values = values.map(|v| String::from_utf8(v.to_vec()).expect("text"));
                    self.committed.entry(id).or_default().extend(values);
                }
                Event::LoadSnapshot { id: snapshot, .. } => {
                    self.loaded.insert(id, snapshot);
                }
                _ => {}
            }
        }
        next.filter(|&next| next > self.now)
            .unwrap_or(Instant::NEVER)
    }

    fn leader(&self) -> NodeId {
        let leaders: Vec<NodeId> = self
            .nodes
            .values()
            .filter(|n| n.is_leader())
            .map(Node::id)
            .collect();
        let newest = leaders
            .iter()
            .max_by_key(|id| self.nodes[id].epoch())
            .expect("somebody leads");
        *newest
    }

    fn append(&mut self, values: &[&str]) -> Offset {
        let (leader, now) = (self.leader(), self.now);
        let node = self.nodes.get_mut(&leader).expect("the leader");
        let values = values.iter().map(|v| Bytes::from(v.to_string())).collect();
        node.append(node.epoch(), values, now).expect("it leads")
    }
}

#[test]
fn a_quorum_of_one_leads_at_once_and_commits_alone() {
    let mut world = World::new(&[1], &[1]);
    assert!(world.nodes[&NodeId(1)].is_leader());
    assert_eq!(world.append(&["a", "b"]), Offset(2));
    world.run(30);
    assert_eq!(world.committed[&NodeId(1)], ["a", "b"]);
    assert_eq!(world.nodes[&NodeId(1)].high_watermark(), Some(Offset(3)));
}

#[test]
fn observers_of_a_single_voter_see_what_it_commits() {
    let mut world = World::new(&[1, 11, 12], &[1]);
    world.append(&["a"]);
    world.run(100);
    for broker in [11, 12] {
        assert_eq!(world.committed[&NodeId(broker)], ["a"]);
        assert_eq!(world.nodes[&NodeId(broker)].leader(), Some(NodeId(1)));
        assert!(!world.nodes[&NodeId(broker)].is_voter());
    }
    let described = world
        .nodes
        .get_mut(&NodeId(1))
        .expect("the voter")
        .describe_quorum(world.now.ms());
    assert_eq!(described.observers.len(), 2);
}

#[test]
fn three_voters_elect_one_replicate_and_survive_its_loss() {
    let mut world = World::new(&[1, 2, 3], &[1, 2, 3]);
    world.run(5_000);
    let first = world.leader();
    world.append(&["a"]);
    world.run(200);
    assert!(world.committed.values().all(|seen| seen == &["a"]) && world.committed.len() == 3);
    let epoch = world.nodes[&first].epoch();
    world.nodes.remove(&first);
    world.run(10_000);
    let second = world.leader();
    assert!(second != first && world.nodes[&second].epoch() > epoch);
    world.append(&["b"]);
    world.run(200);
    assert_eq!(world.committed[&second], ["a", "b"]);
}

#[test]
fn a_leader_that_resigns_hands_over_to_a_successor() {
    let mut world = World::new(&[1, 2, 3], &[1, 2, 3]);
    world.run(5_000);
    let first = world.leader();
    let epoch = world.nodes[&first].epoch();
    world
        .nodes
        .get_mut(&first)
        .expect("the leader")
        .resign(epoch)
        .expect("it leads");
    world.run(1_000);
    assert_ne!(world.leader(), first);
    assert_eq!(world.nodes[&first].role(), Role::Follower);
}

#[test]
fn a_replica_that_comes_late_takes_the_snapshot() {
    let mut world = World::new(&[1], &[1]);
    for value in ["a", "b", "c"] {
        world.append(&[value]);
        world.run(30);
    }
    let now_ms = world.now.ms();
    let leader = world.nodes.get_mut(&NodeId(1)).expect("the voter");
    let id = OffsetAndEpoch {
        offset: Offset(3),
        epoch: leader.epoch(),
    };
    let values = [Bytes::from_static(b"state of a and b")];
    assert_eq!(
        leader.create_snapshot(id, now_ms, &values, now_ms),
        Ok(true)
    );
    assert_eq!(
        leader.create_snapshot(id, now_ms, &values, now_ms),
        Ok(false),
        "it exists"
    );
    let beyond = OffsetAndEpoch {
        offset: Offset(9),
        ..id
    };
    assert!(
        leader
            .create_snapshot(beyond, now_ms, &values, now_ms)
            .is_err()
    );
    assert!(leader.log_mut().delete_before_snapshot(id));
    assert_eq!(leader.log().start_offset(), Offset(3));
    world.start(11, &[1], ElectionState::default(), MemoryLog::default());
    world.run(200);
    assert_eq!(world.loaded[&NodeId(11)], id);
    assert_eq!(
        world.committed[&NodeId(11)],
        ["c"],
        "what the snapshot does not hold comes from the log"
    );
    assert_eq!(world.nodes[&NodeId(11)].high_watermark(), Some(Offset(4)));
}

#[test]
fn a_stored_vote_binds_after_a_restart_unless_the_protection_is_off() {
    let vote = |candidate: i32| Request {
        cluster_id: None,
        epoch: LeaderEpoch(4),
        body: RequestBody::Vote {
            candidate: ReplicaKey::of(NodeId(candidate)),
            voter: None,
            last_epoch: LeaderEpoch(0),
            last_offset: Offset(0),
            pre_vote: false,
        },
    };
    let granted_after_restart = |protections: Protections| {
        let mut draws = Spread(1);
        let mut deaf = Deaf;
        let mut ctx = Ctx {
            now: Instant::start(),
            protections,
            draws: &mut draws,
            trace: &mut deaf,
        };
        let answer = |node: &mut Node<MemoryLog>, candidate, ctx: &mut Ctx<'_>| {
            node.handle(
                Input::Request {
                    token: 0,
                    request: vote(candidate),
                },
                ctx,
            );
            let granted = |output| match output {
                Output::Response { response, .. } => {
                    Some(response.body == ResponseBody::Vote { granted: true })
                }
                Output::Request { .. } => None,
            };
            node.take_outbox()
                .into_iter()
                .find_map(granted)
                .expect("an answer")
        };
        let start = |stored, ctx: &mut Ctx<'_>| {
            Node::start(
                identity(1, &[1, 2, 3]),
                QuorumConfig::default(),
                stored,
                MemoryLog::default(),
                ctx,
            )
        };
        let mut node = start(ElectionState::default(), &mut ctx);
        assert!(answer(&mut node, 2, &mut ctx));
        let mut node = start(node.stored(), &mut ctx);
        answer(&mut node, 3, &mut ctx)
    };
    assert!(!granted_after_restart(Protections::ALL));
    assert!(
        granted_after_restart(Protections::ALL.without(Protection::VotePersistence)),
        "two votes in one epoch"
    );
}

#[test]
fn a_poll_before_its_time_changes_nothing() {
    let mut world = World::new(&[1, 2, 3], &[1, 2, 3]);
    world.run(2_500);
    let in_flight = world.in_flight.len();
    for id in world.nodes.keys().copied().collect::<Vec<_>>() {
        let before = format!("{:?}", world.nodes[&id]);
        world.step(id, None);
        assert_eq!(format!("{:?}", world.nodes[&id]), before);
    }
    assert_eq!(world.in_flight.len(), in_flight);
}

#[test]
fn a_log_of_files_survives_a_crash_and_keeps_snapshots_beside_its_segments() {
    let mut draws = Spread(1);
    let mut deaf = Deaf;
    let mut ctx = Ctx {
        now: Instant::start(),
        protections: Protections::ALL,
        draws: &mut draws,
        trace: &mut deaf,
    };
    let open = |dir, clean, ctx: &Ctx<'_>| {
        UnifiedRaftLog::open(dir, clean, ReadLimit::Bytes, ctx.now.ms()).expect("a log")
    };
    let log = open(Default::default(), true, &ctx);
    let config = QuorumConfig::default;
    let mut node = Node::start(
        identity(1, &[1]),
        config(),
        ElectionState::default(),
        log,
        &mut ctx,
    );
    for value in ["a", "b"] {
        let now = ctx.now;
        node.append(node.epoch(), vec![Bytes::from(value)], now)
            .expect("it leads");
        ctx.now = ctx.now.after_ms(25);
        node.poll(&mut ctx);
    }
    let id = OffsetAndEpoch {
        offset: Offset(2),
        epoch: node.epoch(),
    };
    let now_ms = ctx.now.ms();
    assert_eq!(
        node.create_snapshot(id, now_ms, &[Bytes::from_static(b"a")], now_ms),
        Ok(true)
    );
    let (stored, epoch) = (node.stored(), node.epoch());
    let files = node.log().unified().files();
    assert!(files.contains_key("00000000000000000002-0000000001.checkpoint"));
    assert!(files.contains_key("00000000000000000000.log"));
    let dir = node.into_log().crash();
    let log = open(dir, false, &ctx);
    assert_eq!(log.latest_snapshot_id(), Some(id));
    let mut node = Node::start(identity(1, &[1]), config(), stored, log, &mut ctx);
    assert!(
        node.is_leader() && node.epoch() > epoch,
        "it does not lead its old epoch again"
    );
    node.poll(&mut ctx);
    assert_eq!(
        node.log().end_offset(),
        Offset(4),
        "two leader changes, a and b"
    );
    let loaded = node.take_events();
    assert!(
        matches!(&loaded[0], Event::LoadSnapshot { id: found, .. } if *found == id),
        "{loaded:?}"
    );
    let went = node.log_mut().delete_before_snapshot(id);
    assert!(
        !went,
        "the one segment holds more, and there is no older snapshot"
    );
    assert_eq!(node.log().start_offset(), Offset(2));
}
