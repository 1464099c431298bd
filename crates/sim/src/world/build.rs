//! From a scenario to a world that has already come alive: a hidden pre-roll plays registrations, topics and first ISRs.
//!
//! The pre-roll is played by the same machinery and ends at the scenario's first instant; what it did counts as the beginning.

use super::slot::{Blueprint, Disk};
use super::{Liveness, World};
use crate::actor::admin::{Admin, Question};
use crate::actor::{Actor, Order, Role};
use crate::command::Command;
use crate::cost::CostTable;
use crate::ids::{ActorId, EventId};
use crate::scenario::{Broker, Properties, Refusal, Scenario, Topic};
use crate::trace::EventKind;
use broker::node::{BrokerState, NodeConfig};
use metadata::ControllerConfig;
use metadata::node::quorum::QuorumFiles;
use protocol::messages::*;
use protocol::time::EPOCH_MS;
use protocol::{Draws, Instant, Name, NodeId, Protections, Uuid};
use raft::QuorumConfig;
use std::collections::BTreeMap;
use std::sync::Arc;

/// How long before the scenario's first instant the world begins.
const PREROLL_MS: i64 = 60_000;
/// A pre-roll takes some ten thousand events; one that takes so many will never be ready.
const PREROLL_BUDGET: u64 = 3_000_000;
/// The client id of the administrator that every world has.
pub const ADMIN: &str = "admin";
const CLUSTER_ID: &str = "offsetscope-0000000000";

/// Partitions of the offsets topic in a scene, unless the scenario says otherwise: few enough to be looked at.
const SCENE_OFFSETS_PARTITIONS: &str = "10";

/// Properties as they would stand in a file.
pub(super) fn text(properties: &Properties) -> BTreeMap<String, String> {
    properties
        .iter()
        .map(|(k, v)| (k.clone(), v.text()))
        .collect()
}

impl World {
    /// A world at the scenario's first instant, everything running. The script is not in it: that is the journal's.
    pub fn from_scenario(scenario: &Scenario) -> Result<World, Refusal> {
        let cost = CostTable {
            latency_us: (scenario.cluster.latency_ms * 1_000.0) as i64,
            ..CostTable::default()
        };
        let off = scenario.cluster.protections_off.iter();
        let protections = off.fold(Protections::ALL, |p, &off| p.without(off));
        let start = Instant::from_ms(EPOCH_MS - PREROLL_MS);
        let mut world = World::new(scenario.seed, cost, protections, start);
        let mut properties = text(&scenario.cluster.config);
        properties
            .entry("offsets.topic.num.partitions".into())
            .or_insert(SCENE_OFFSETS_PARTITIONS.into());
        world.cluster = Arc::new(properties);
        world.controllers = scenario
            .cluster
            .controllers
            .iter()
            .map(|&id| NodeId(id))
            .collect();
        let admin = world.add(ADMIN.into(), Role::Admin, None);
        world.start(
            admin,
            Actor::Admin(Box::new(Admin::new(ADMIN.into()))),
            EventId::BEGINNING,
        );
        for &id in &scenario.cluster.controllers {
            world.add_controller(NodeId(id))?;
        }
        for broker in &scenario.cluster.brokers {
            world.add_broker(broker, EventId::BEGINNING)?;
        }
        world.preroll(scenario)?;
        world.begin_scene();
        for producer in &scenario.producers {
            world.command(&Command::StartProducer(producer.clone()))?;
        }
        world.start_consumers(scenario)?;
        Ok(world)
    }

    pub(super) fn draw_uuid(&mut self, owner: u32, label: &'static str) -> Uuid {
        let mut draws = self.chance.of(owner);
        let high = draws.next_u64(label);
        Uuid::from_draws(high, draws.next_u64(label))
    }

    fn add_controller(&mut self, id: NodeId) -> Result<ActorId, Refusal> {
        let name: Name = format!("controller-{id}").into();
        let mut config =
            ControllerConfig::new(id, CLUSTER_ID, (*self.cluster).clone()).map_err(|e| {
                Refusal::at(format!("cluster.config.{}", e.name), e.reason.clone())
                    .nearest(e.nearest)
            })?;
        config.quorum_node_ids = self.controllers.clone();
        let actor = self.add(name, Role::Controller, Some(id));
        let directory_id = self.draw_uuid(actor.0, "directory");
        let config = metadata::node::NodeConfig {
            controller: config,
            quorum: QuorumConfig::default(),
            directory_id,
        };
        let slot = self.slot(actor);
        slot.blueprint = Some(Arc::new(Blueprint::Controller(config)));
        slot.disk = Some(Disk::Controller(QuorumFiles::default()));
        self.boot(actor, EventId::BEGINNING);
        Ok(actor)
    }

    /// Adds a broker with an empty disk and starts it.
    pub(super) fn add_broker(
        &mut self,
        broker: &Broker,
        cause: EventId,
    ) -> Result<ActorId, Refusal> {
        let id = NodeId(broker.id);
        let mut properties = (*self.cluster).clone();
        properties.extend(text(&broker.config));
        let owner = self.actors.len() as u32;
        let directory_id = self.draw_uuid(owner, "directory");
        let rack = broker.rack.as_deref().map(Name::from);
        let config = NodeConfig::new(
            id,
            CLUSTER_ID.into(),
            rack,
            self.controllers.clone(),
            directory_id,
            properties,
        )
        .map_err(|e| {
            Refusal::at(format!("config.{}", e.name), e.reason.clone()).nearest(e.nearest)
        })?;
        let actor = self.add(format!("broker-{id}").into(), Role::Broker, Some(id));
        let files = broker::node::Files::new(&config, self.now());
        let slot = self.slot(actor);
        slot.blueprint = Some(Arc::new(Blueprint::Broker(config)));
        slot.disk = Some(Disk::Broker(Box::new(files)));
        self.boot(actor, cause);
        Ok(actor)
    }

    /// Starts the process of a node that does not run, from its disk.
    pub(super) fn boot(&mut self, actor: ActorId, cause: EventId) -> bool {
        let slot = self.slot(actor);
        let (Some(blueprint), Some(disk)) = (slot.blueprint.clone(), slot.disk.take()) else {
            return false;
        };
        let process = match (&*blueprint, disk) {
            (Blueprint::Broker(config), Disk::Broker(files)) => {
                Actor::Broker(Box::new(broker::node::Node::new(config.clone(), *files)))
            }
            (Blueprint::Controller(config), Disk::Controller(files)) => {
                Actor::Controller(Box::new(metadata::node::Node::new(config.clone(), files)))
            }
            _ => unreachable!("a disk belongs to its node"),
        };
        self.start(actor, process, cause);
        true
    }

    fn preroll(&mut self, scenario: &Scenario) -> Result<(), Refusal> {
        self.run_until_ready("brokers", World::brokers_run)?;
        for topic in &scenario.topics {
            self.ask_admin(create_topic(topic).into(), EventId::BEGINNING);
        }
        let groups: Vec<Name> = scenario
            .consumers
            .iter()
            .filter_map(|c| c.group.as_deref().map(Name::from))
            .collect();
        if !groups.is_empty() {
            let request = FindCoordinatorRequest {
                key_type: COORDINATOR_GROUP,
                coordinator_keys: groups.clone(),
            };
            self.ask_admin(request.into(), EventId::BEGINNING);
        }
        let names: Vec<Name> = scenario
            .topics
            .iter()
            .map(|t| t.name.as_str().into())
            .collect();
        self.run_until_ready("topics", |world| {
            names.iter().all(|name| world.topic_ready(name))
                && (groups.is_empty() || world.topic_ready("__consumer_offsets"))
        })
    }

    fn run_until_ready(
        &mut self,
        what: &str,
        ready: impl Fn(&World) -> bool,
    ) -> Result<(), Refusal> {
        let end = Instant::start();
        for _ in 0..PREROLL_BUDGET {
            if ready(self) {
                return Ok(());
            }
            if !self.step_until(end) {
                break;
            }
        }
        if ready(self) {
            Ok(())
        } else {
            Err(Refusal::at(
                what,
                "did not come up before the scenario's beginning",
            ))
        }
    }

    fn brokers_run(&self) -> bool {
        self.brokers()
            .all(|node| node.lifecycle().state == BrokerState::Running)
    }

    /// Every running broker knows the topic, and its leaders have all replicas in their ISR.
    pub fn topic_ready(&self, name: &str) -> bool {
        self.brokers().all(|node| {
            node.image().topics.topic_named(name).is_some_and(|topic| {
                topic.partitions.iter().all(|(&index, p)| {
                    let tp = protocol::TopicPartition::new(topic.name.clone(), index);
                    let leads = |id| {
                        self.broker(id)
                            .and_then(|leader| leader.replicas().partition(&tp))
                            .is_some_and(|p| p.is_leader(id))
                    };
                    p.isr.len() == p.replicas.len() && leads(p.leader)
                })
            })
        })
    }

    /// Everything so far was the beginning.
    fn begin_scene(&mut self) {
        let start = Instant::start();
        while self.step_until(start) {}
        let began = self.record(None, None, 0, || EventKind::Began);
        self.facts.forget_setters();
        self.begins = began;
        self.handled_at_now = 0;
    }

    /// Puts a question to whichever broker runs; answers its number.
    pub(super) fn ask_admin(&mut self, request: Request, cause: EventId) -> u64 {
        let nodes: Vec<NodeId> = self
            .actors
            .iter()
            .filter(|s| s.role == Role::Broker && s.liveness == Liveness::Running)
            .filter_map(|s| s.node)
            .collect();
        let version = request.api().latest_version();
        self.ask(
            Question {
                id: 0,
                nodes,
                version,
                request,
                retry: true,
            },
            cause,
        )
    }

    /// Puts a question as it is; its number is given here.
    pub fn ask(&mut self, mut question: Question, cause: EventId) -> u64 {
        self.next_question += 1;
        question.id = self.next_question;
        let id = question.id;
        let admin = self.actor_named(ADMIN).expect("every world has one");
        self.order(admin, Arc::new(Order::Ask(question)), cause);
        id
    }

    /// How a question stands.
    pub fn asked(&self, id: u64) -> Option<crate::actor::admin::Asked> {
        let admin = self.actor_named(ADMIN)?;
        match self.actor(admin).process.as_deref() {
            Some(Actor::Admin(admin)) => admin.asked(id),
            _ => None,
        }
    }
}

pub(super) fn create_topic(topic: &Topic) -> CreateTopicsRequest {
    let assigned = topic.assignment.iter().flatten().enumerate();
    let assignments: Vec<_> = assigned
        .map(|(index, replicas)| CreatableReplicaAssignment {
            partition_index: index as i32,
            broker_ids: replicas.iter().map(|&id| NodeId(id)).collect(),
        })
        .collect();
    let by_hand = !assignments.is_empty();
    let configs = text(&topic.config).into_iter();
    CreateTopicsRequest {
        topics: vec![CreatableTopic {
            name: topic.name.as_str().into(),
            num_partitions: if by_hand { -1 } else { topic.partitions },
            replication_factor: if by_hand {
                -1
            } else {
                topic.replication_factor
            },
            assignments,
            configs: configs
                .map(|(name, value)| CreatableTopicConfig {
                    name: name.into(),
                    value: Some(value.into()),
                })
                .collect(),
        }],
        ..Default::default()
    }
}
