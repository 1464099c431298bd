//! Plays cases of the kind `partition`: live brokers' replica managers, fed by hand, on one clock.
//!
//! What the recorded runs stubbed is stubbed here: the network (a fetcher's request is handed to the leader's replica
//! manager) and the controller (its answers are steps). Nothing runs by itself.

mod ops;
mod setup;
mod state;
mod words;

use crate::case::{Case, Step};
use crate::diff::compare;
use crate::run::{Outcome, Played, play_steps};
use broker::ReplicaManager;
use broker::alter_partition::AlterPartitionItem;
use broker::config::ReplicationConfig;
use broker::replica_manager::{RequestToken, Response};
use protocol::ctx::NoChance;
use protocol::trace::Deaf;
use protocol::{Ctx, Instant, NodeId, Protections, TopicPartition};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, VecDeque};

pub fn play(case: &Case) -> Outcome {
    let mut world = World::new(case);
    play_steps(case, &compare, |step| Played::Answer(world.step(step)))
}

/// One live broker, and what the recorder kept about it.
struct Broker {
    replicas: ReplicaManager,
    unanswered: VecDeque<AlterPartitionItem>,
    /// As last reported.
    state: Value,
}

/// What left during a step.
#[derive(Default)]
struct Output {
    responses: Vec<Value>,
    alter_partition: Vec<Value>,
    /// `result`, or the fields of a round of replication.
    other: Map<String, Value>,
}

struct World {
    now: Instant,
    brokers: BTreeMap<NodeId, Broker>,
    config: ReplicationConfig,
    setup: setup::LogSetup,
    tp: TopicPartition,
    /// What a token stands for in the answers: the `ref` of its step.
    refs: BTreeMap<RequestToken, String>,
    /// Answers to a fetcher's own requests, by token.
    replica_answers: BTreeMap<RequestToken, Response>,
    next_token: u64,
    out: Output,
}

impl World {
    fn new(case: &Case) -> Self {
        let setup = setup::LogSetup::new(case);
        let config = setup::replication_config(case);
        let mut world = Self {
            now: Instant::start(),
            brokers: BTreeMap::new(),
            config,
            setup,
            tp: TopicPartition::new("t", 0),
            refs: BTreeMap::new(),
            replica_answers: BTreeMap::new(),
            next_token: 0,
            out: Output::default(),
        };
        let cluster = setup::cluster(&case.init);
        for id in case.init["live"].as_array().expect("live brokers") {
            let id = NodeId(id.as_i64().expect("an id") as i32);
            let logs = world.setup.empty_dir(world.now);
            let replicas = world.start(id, logs, &cluster);
            let state = json!({"role": "none"});
            world.brokers.insert(
                id,
                Broker {
                    replicas,
                    unanswered: VecDeque::new(),
                    state,
                },
            );
        }
        world
    }

    /// Runs a step inside a context at the present instant.
    fn with<R>(
        &mut self,
        broker: NodeId,
        run: impl FnOnce(&mut ReplicaManager, &mut Ctx) -> R,
    ) -> R {
        let (mut draws, mut trace) = (NoChance, Deaf);
        let mut ctx = Ctx {
            now: self.now,
            protections: Protections::ALL,
            draws: &mut draws,
            trace: &mut trace,
        };
        let replicas = &mut self
            .brokers
            .get_mut(&broker)
            .expect("a live broker")
            .replicas;
        let result = run(replicas, &mut ctx);
        // A wait of 0 ms is over at once.
        replicas.poll(&mut ctx);
        self.collect(broker);
        result
    }

    /// Takes what left a broker: answers, and changes put to the controller.
    fn collect(&mut self, id: NodeId) {
        let broker = self.brokers.get_mut(&id).expect("a live broker");
        for completed in broker.replicas.take_completed() {
            match self.refs.get(&completed.token) {
                Some(name) => self
                    .out
                    .responses
                    .push(words::response(name, &completed.response)),
                None => {
                    self.replica_answers
                        .insert(completed.token, completed.response);
                }
            }
        }
        for item in broker
            .replicas
            .poll_alter_partition(self.now)
            .unwrap_or_default()
        {
            self.out
                .alter_partition
                .push(words::alter_partition(id, &item));
            broker.unanswered.push_back(item);
        }
    }

    fn token(&mut self) -> RequestToken {
        self.next_token += 1;
        RequestToken(self.next_token)
    }

    fn named_token(&mut self, step: &Step) -> RequestToken {
        let token = self.token();
        self.refs
            .insert(token, step.str("ref").expect("a ref").into());
        token
    }

    fn step(&mut self, step: &Step) -> Value {
        self.run(step);
        let out = std::mem::take(&mut self.out);
        let mut answer = out.other;
        if !out.responses.is_empty() {
            answer.insert("responses".into(), out.responses.into());
        }
        if !out.alter_partition.is_empty() {
            answer.insert("alter_partition".into(), out.alter_partition.into());
        }
        let mut states = Map::new();
        for (id, broker) in &mut self.brokers {
            let state = state::of(&broker.replicas, &self.tp, broker.unanswered.len());
            if state != broker.state {
                states.insert(id.to_string(), state.clone());
                broker.state = state;
            }
        }
        if !states.is_empty() {
            answer.insert("state".into(), states.into());
        }
        answer.into()
    }
}
