//! Plays what a whole Kafka cluster did on a whole simulated one: same commands, same waits, same observations.
//!
//! Commands are synchronous: a step ends when its call has returned, in virtual time. Nothing here knows a rule of Kafka;
//! it asks nodes, reads logs and waits.

mod admin;
mod consumers;
mod groups;
mod observe;
mod produce;
mod raw;
mod raw_any;
mod records;
mod wait;

use crate::run::Played;
use crate::{Case, Outcome, Step, compare, diff, play_steps};
use protocol::messages::{Request, Response};
use protocol::{Instant, NodeId};
use records::Names;
use serde_json::{Value, json};
use sim::World;
use sim::actor::admin::{Asked, Question};
use sim::command::Command;
use sim::ids::EventId;
use sim::scenario::{Broker, Cluster, Scalar, Scenario};
use std::collections::BTreeMap;

/// A conforming engine reaches every awaited condition within this.
const PATIENCE_MS: i64 = 60_000;
/// Steps of the world that one wait may take; a wait of 60 s with heartbeats takes some ten thousand.
const BUDGET: u64 = 20_000_000;

struct Player {
    world: World,
    names: Names,
    /// Sends that a step did not wait for, by the name it gave them.
    open: BTreeMap<String, produce::Sends>,
    producers: BTreeMap<String, produce::Calls>,
    consumers: BTreeMap<String, consumers::Heard>,
    /// Values of answers that later requests use.
    saved: BTreeMap<String, Value>,
    /// Ids of topics as they were last seen.
    topic_ids: BTreeMap<String, protocol::Uuid>,
}

pub fn play(case: &Case) -> Outcome {
    let mut player = match Player::new(case) {
        Ok(player) => player,
        Err(problem) => return Outcome::NotModelled(problem),
    };
    let subset = |ours: &Value, kafka: &Value| match kafka.as_object() {
        Some(k) if k.is_empty() && ours.get("error").is_none() => None,
        _ => compare(ours, kafka),
    };
    play_steps(case, &subset, |step| match player.step(step) {
        Ok(answer) => Played::Answer(answer),
        Err(problem) => {
            Played::Compared(Some(("step".into(), problem, diff::shorten(&step.expect))))
        }
    })
}

impl Player {
    fn new(case: &Case) -> Result<Self, String> {
        let ids = |name: &str| -> Vec<i32> {
            let list = case.init["cluster"][name].as_array();
            list.into_iter()
                .flatten()
                .filter_map(|v| v.as_i64())
                .map(|id| id as i32)
                .collect()
        };
        let brokers = ids("brokers").into_iter().map(|id| Broker {
            id,
            rack: None,
            config: BTreeMap::new(),
        });
        let text = json!({"version": 1, "id": "case"});
        let mut scenario: Scenario = serde_json::from_value(text).expect("the smallest scenario");
        scenario.cluster = Cluster {
            controllers: ids("controllers"),
            brokers: brokers.collect(),
            config: case
                .config
                .iter()
                .map(|(k, v)| (k.clone(), Scalar::Text(v.clone())))
                .collect(),
            ..Cluster::default()
        };
        let mut world = World::from_scenario(&scenario).map_err(|refusal| refusal.to_string())?;
        world.keep_told();
        let mut player = Self {
            world,
            names: Names::default(),
            open: BTreeMap::new(),
            producers: BTreeMap::new(),
            consumers: BTreeMap::new(),
            saved: BTreeMap::new(),
            topic_ids: BTreeMap::new(),
        };
        player.make_internal_topics()?;
        Ok(player)
    }

    fn step(&mut self, step: &Step) -> Result<Value, String> {
        match step.op.as_str() {
            "create_topic" | "delete_topic" | "create_partitions" | "alter_topic_config"
            | "elect_leaders" | "reassign" | "delete_records" => self.admin_step(step),
            "describe_topic" | "list_offsets" | "replicas" | "dump_log" | "describe_producers" => {
                self.observe_step(step)
            }
            "wait_until" => self.wait_step(step).map(|()| json!({})),
            "advance" => {
                let ms = step.i64("ms").unwrap_or(0);
                self.pass(ms);
                Ok(json!({}))
            }
            "start_producer" | "produce" | "await" | "close_producer" | "kill_producer" => {
                self.produce_step(step)
            }
            "start_consumer" | "subscribe" | "assign" | "poll" | "received"
            | "rebalance_events" | "commit" | "seek" | "position" | "committed"
            | "offsets_for_times" | "pause_partition" | "resume_partition" | "stop_polling"
            | "start_polling" | "close_consumer" | "kill_consumer" => self.consumer_step(step),
            "describe_group"
            | "group_offsets"
            | "alter_group_offsets"
            | "delete_group"
            | "delete_group_offsets" => self.group_step(step),
            "raw" => self.raw_any(step),
            "raw_produce" | "raw_fetch" | "raw_list_offsets" | "raw_offset_for_leader_epoch" => {
                self.raw_step(step)
            }
            "kill_broker" | "stop_broker" | "pause_broker" | "resume_broker" | "restart_broker" => {
                self.broker_step(step)
            }
            "cut_link" | "heal" => {
                for link in step.get("links").as_array().into_iter().flatten() {
                    let end = |i: usize| link[i].to_string();
                    let (from, to) = (end(0), end(1));
                    let command = match step.op.as_str() {
                        "cut_link" => Command::CutLink {
                            from,
                            to,
                            both: true,
                        },
                        _ => Command::Heal { from, to },
                    };
                    self.command(command)?;
                }
                Ok(json!({}))
            }
            other => Err(format!("op {other} is not played")),
        }
    }

    fn command(&mut self, command: Command) -> Result<EventId, String> {
        self.world
            .command(&command)
            .map_err(|refusal| refusal.to_string())
    }

    fn broker_step(&mut self, step: &Step) -> Result<Value, String> {
        let broker = step.i64("broker").ok_or("broker")? as i32;
        let id = NodeId(broker);
        match step.op.as_str() {
            "kill_broker" => self.command(Command::KillBroker { broker }).map(|_| ())?,
            "pause_broker" => self.command(Command::PauseBroker { broker }).map(|_| ())?,
            "resume_broker" => self.command(Command::ResumeBroker { broker }).map(|_| ())?,
            "stop_broker" => {
                self.command(Command::StopBroker { broker })?;
                self.wait("the broker to stop", |w| w.broker(id).is_none())?;
            }
            _ => {
                self.command(Command::RestartBroker { broker })?;
                self.wait("the broker to be unfenced", |w| {
                    let image = w.active_controller().map(|c| c.image());
                    let registered = image.and_then(|i| i.cluster.broker(id));
                    w.broker(id)
                        .is_some_and(|b| b.lifecycle().state == broker::node::BrokerState::Running)
                        && registered.is_some_and(|b| !b.fenced)
                })?;
            }
        }
        Ok(json!({}))
    }

    /// Lets `ms` pass with everything running.
    fn pass(&mut self, ms: i64) {
        let until = self.world.now().after_ms(ms);
        self.world.run_until(until, BUDGET);
    }

    /// Runs until `ready`, at most [`PATIENCE_MS`].
    fn wait(&mut self, what: &str, ready: impl Fn(&World) -> bool) -> Result<(), String> {
        let until = self.world.now().after_ms(PATIENCE_MS);
        for _ in 0..BUDGET {
            if ready(&self.world) {
                return Ok(());
            }
            if !self.world.step_until(until) {
                break;
            }
        }
        if ready(&self.world) {
            Ok(())
        } else {
            Err(format!("waited in vain for {what}"))
        }
    }

    /// Asks, and waits for the answer.
    fn ask(&mut self, nodes: Vec<NodeId>, version: i16, request: Request, retry: bool) -> Asked {
        self.ask_for(PATIENCE_MS, nodes, version, request, retry)
    }

    fn ask_for(
        &mut self,
        patience_ms: i64,
        nodes: Vec<NodeId>,
        version: i16,
        request: Request,
        retry: bool,
    ) -> Asked {
        let question = Question {
            id: 0,
            nodes,
            version,
            request,
            retry,
        };
        let id = self.world.ask(question, EventId::BEGINNING);
        let until = self.world.now().after_ms(patience_ms);
        for _ in 0..BUDGET {
            match self.world.asked(id) {
                Some(Asked::Waiting) => {}
                Some(done) => return done,
                None => return Asked::Closed,
            }
            if !self.world.step_until(until) {
                return Asked::TimedOut;
            }
        }
        Asked::TimedOut
    }

    /// The same for a question that must be answered.
    fn answer(
        &mut self,
        nodes: Vec<NodeId>,
        request: Request,
        retry: bool,
    ) -> Result<Response, String> {
        let version = request.api().latest_version();
        match self.ask(nodes, version, request, retry) {
            Asked::Answered(response) => Ok(response),
            other => Err(format!("no answer: {other:?}")),
        }
    }

    fn running(&self) -> Vec<NodeId> {
        self.world.working_brokers().map(|b| b.id()).collect()
    }

    /// A step's `broker`: an id, or who leads a partition.
    fn broker_of(&self, step: &Step) -> Result<NodeId, String> {
        match step.get("broker") {
            Value::Number(n) => Ok(NodeId(n.as_i64().unwrap_or(-1) as i32)),
            Value::Object(o) => {
                if o.contains_key("coordinator_of_group") {
                    return self.coordinator("__consumer_offsets");
                }
                if o.contains_key("coordinator_of_txn") {
                    return self.coordinator("__transaction_state");
                }
                let tp = o.get("leader_of").ok_or("broker")?;
                self.leader(
                    tp[0].as_str().unwrap_or_default(),
                    tp[1].as_i64().unwrap_or(0) as i32,
                )
            }
            _ => Err("broker".into()),
        }
    }

    fn leader(&self, topic: &str, partition: i32) -> Result<NodeId, String> {
        let brokers = self.world.working_brokers();
        let newest = brokers
            .max_by_key(|b| b.image().offset)
            .ok_or("no broker runs")?;
        let found = newest
            .image()
            .topics
            .topic_named(topic)
            .and_then(|t| t.partition(partition));
        found
            .map(|p| p.leader)
            .filter(|id| !id.is_none())
            .ok_or_else(|| format!("{topic}-{partition} has no leader"))
    }

    fn now(&self) -> Instant {
        self.world.now()
    }
}
