//! Commands: the one way in. Each is carried out, or refused with everything as it was.

use super::build::{create_topic, text};
use super::slot::{Blueprint, ClientSpec, Disk};
use super::{Liveness, World};
use crate::actor::{Actor, Order, Role};
use crate::command::{Command, Election, MessageRef, NewRecord};
use crate::ids::{ActorId, Direction, EventId};
use crate::ledger::Forfeit;
use crate::network::{HandError, MessageName};
use crate::scenario::{Properties, Refusal, Scalar};
use crate::trace::EventKind;
use clients::producer::ProducerRecord;
use protocol::messages::*;
use protocol::record::Header;
use protocol::{ConnectionId, Instant, Name, NodeId, Offset};
use std::sync::Arc;

type Done = Result<EventId, Refusal>;

impl World {
    /// Carries out a command. The event is what a person did: chains of causes end there.
    pub fn command(&mut self, command: &Command) -> Done {
        match command {
            Command::AddBroker {
                broker,
                rack,
                config,
            } => {
                if self.actor_of(NodeId(*broker)).is_some() {
                    return Err(Refusal::at(
                        "broker",
                        format!("there is a node {broker} already"),
                    ));
                }
                let event = self.commanded(command);
                let broker = crate::scenario::Broker {
                    id: *broker,
                    rack: rack.clone(),
                    config: config.clone(),
                };
                self.add_broker(&broker, event).map(|_| event)
            }
            Command::CreateTopic(topic) => self.admin(command, create_topic(topic).into()),
            Command::DeleteTopic { topic } => {
                let state = DeleteTopicState {
                    name: Some(topic.as_str().into()),
                    ..Default::default()
                };
                let request = DeleteTopicsRequest {
                    topics: vec![state],
                    timeout_ms: 60_000,
                };
                self.admin(command, request.into())
            }
            Command::CreatePartitions { topic, count } => {
                let topic = CreatePartitionsTopic {
                    name: topic.as_str().into(),
                    count: *count,
                    assignments: None,
                };
                let request = CreatePartitionsRequest {
                    topics: vec![topic],
                    timeout_ms: 60_000,
                    validate_only: false,
                };
                self.admin(command, request.into())
            }
            Command::AlterTopicConfig { topic, config } => {
                self.admin(command, alter_topic_config(topic, config).into())
            }
            Command::ReassignPartitions {
                topic,
                partition,
                replicas,
            } => {
                let nodes = |r: &Vec<i32>| r.iter().map(|&id| NodeId(id)).collect();
                let partition = ReassignablePartition {
                    partition_index: *partition,
                    replicas: replicas.as_ref().map(nodes),
                };
                let topic = ReassignableTopic {
                    name: topic.as_str().into(),
                    partitions: vec![partition],
                };
                let request = AlterPartitionReassignmentsRequest {
                    topics: vec![topic],
                    ..Default::default()
                };
                self.admin(command, request.into())
            }
            Command::ElectLeaders {
                topic,
                partition,
                election,
            } => {
                let topic = ElectLeadersTopic {
                    topic: topic.as_str().into(),
                    partitions: vec![*partition],
                };
                let request = ElectLeadersRequest {
                    election_type: i8::from(*election == Election::Unclean),
                    topic_partitions: Some(vec![topic]),
                    ..Default::default()
                };
                self.admin(command, request.into())
            }
            Command::DeleteRecords {
                topic,
                partition,
                before,
            } => self.delete_records(command, topic, *partition, *before),
            Command::StartProducer(producer) => self.start_client(
                command,
                &producer.id,
                ClientSpec::Producer(producer.clone()),
            ),
            Command::Produce {
                producer,
                topic,
                record,
                count,
                every_ms,
            } => {
                let record = producer_record(topic, record)?;
                let order = Order::Produce {
                    record,
                    count: *count,
                    every_ms: *every_ms,
                };
                self.order_client(command, producer, Role::Producer, order)
            }
            Command::Flush { producer } => {
                self.order_client(command, producer, Role::Producer, Order::Flush)
            }
            Command::SetLoad { producer, load } => self.order_client(
                command,
                producer,
                Role::Producer,
                Order::SetLoad(load.clone()),
            ),
            Command::CloseProducer { producer } => {
                self.order_client(command, producer, Role::Producer, Order::Close)
            }
            Command::KillProducer { producer } => {
                self.kill_client(command, producer, Role::Producer)
            }
            Command::StopBroker { broker } => {
                let actor = self.node(*broker, Liveness::works)?;
                let event = self.commanded(command);
                self.slot(actor).liveness = Liveness::Stopping;
                self.order(actor, Arc::new(Order::Close), event);
                Ok(event)
            }
            Command::KillBroker { broker } => {
                let actor = self.node(*broker, Liveness::exists)?;
                let event = self.fault(command);
                let process = self.kill(actor, event);
                self.keep_disk(actor, process, Disk::killed);
                Ok(event)
            }
            Command::PowerOffBroker { broker } => {
                let actor = self.node(*broker, Liveness::exists)?;
                let event = self.fault(command);
                self.watch_forfeit(NodeId(*broker), event, Forfeit::PowerLoss);
                let process = self.power_off(actor, event);
                self.keep_disk(actor, process, Disk::lost_power);
                Ok(event)
            }
            Command::RestartBroker { broker } => {
                let actor = self.node(*broker, |l| !l.exists())?;
                let event = self.fault(command);
                self.boot(actor, event);
                Ok(event)
            }
            Command::PauseBroker { broker } => {
                let actor = self.node(*broker, Liveness::works)?;
                let event = self.fault(command);
                self.pause(actor, event);
                Ok(event)
            }
            Command::ResumeBroker { broker } => {
                let actor = self.node(*broker, |l| l == Liveness::Paused)?;
                let event = self.fault(command);
                self.resume(actor, event);
                Ok(event)
            }
            Command::WipeDisk { broker } => self.wipe_disk(command, *broker),
            Command::CutLink { from, to, both } => {
                let (a, b) = (self.end("from", from)?, self.end("to", to)?);
                let event = self.fault(command);
                self.cut_direction(a, b, event);
                if *both {
                    self.cut_direction(b, a, event);
                }
                Ok(event)
            }
            Command::Heal { from, to } => {
                let (a, b) = (self.end("from", from)?, self.end("to", to)?);
                let event = self.fault(command);
                self.heal_link(a, b, event);
                Ok(event)
            }
            Command::SlowLink {
                from,
                to,
                latency_ms,
                both,
            } => {
                let (a, b) = (self.end("from", from)?, self.end("to", to)?);
                let event = self.fault(command);
                let latency_us = Some((latency_ms * 1_000.0) as i64);
                self.slow_direction(a, b, latency_us);
                if *both {
                    self.slow_direction(b, a, latency_us);
                }
                Ok(event)
            }
            Command::HoldMessage { message } => {
                let name = message_name(message);
                self.hand(command, |world, _| world.hold_message(name))
            }
            Command::ReleaseMessage { message } => {
                let name = message_name(message);
                self.hand(command, |world, _| world.release_message(name))
            }
            Command::DelayMessage { message, by_ms } => {
                let (name, by_us) = (message_name(message), (by_ms * 1_000.0) as i64);
                self.hand(command, |world, _| world.delay_message(name, by_us))
            }
            Command::DropMessage { message } => {
                let name = message_name(message);
                self.hand(command, |world, event| world.drop_message(name, event))
            }
            Command::RunRetention {} => {
                let event = self.commanded(command);
                let brokers: Vec<ActorId> = self.slots(Role::Broker).map(|s| s.id).collect();
                for actor in brokers {
                    self.order(actor, Arc::new(Order::RunLogTasks), event);
                }
                Ok(event)
            }
            other => self.consumer_command(other),
        }
    }

    /// What a person or the script asked for, as an event.
    pub(super) fn commanded(&mut self, command: &Command) -> EventId {
        let text = || serde_json::to_string(command).unwrap_or_default();
        self.record(None, None, 31, || EventKind::Commanded { what: text() })
    }

    fn fault(&mut self, command: &Command) -> EventId {
        let text = || serde_json::to_string(command).unwrap_or_default();
        self.record(None, None, 37, || EventKind::Fault { what: text() })
    }

    fn admin(&mut self, command: &Command, request: Request) -> Done {
        let event = self.commanded(command);
        self.ask_admin(request, event);
        Ok(event)
    }

    fn delete_records(
        &mut self,
        command: &Command,
        topic: &str,
        partition: i32,
        before: i64,
    ) -> Done {
        let name: Name = topic.into();
        let leader = self
            .brokers()
            .find_map(|b| {
                b.image()
                    .topics
                    .topic_named(topic)?
                    .partition(partition)
                    .map(|p| p.leader)
            })
            .filter(|id| !id.is_none())
            .ok_or_else(|| {
                Refusal::at("partition", format!("{topic}-{partition} has no leader"))
            })?;
        let partition = DeleteRecordsPartition {
            partition_index: partition,
            offset: Offset(before),
        };
        let request = DeleteRecordsRequest {
            topics: vec![DeleteRecordsTopic {
                name,
                partitions: vec![partition],
            }],
            timeout_ms: 30_000,
        };
        let event = self.commanded(command);
        let request: Request = request.into();
        let version = request.api().latest_version();
        let question = crate::actor::admin::Question {
            id: 0,
            nodes: vec![leader],
            version,
            request,
            retry: false,
        };
        self.ask(question, event);
        Ok(event)
    }

    /// The brokers that a client is told of: all that there are, up or not.
    pub(super) fn bootstrap(&self) -> Vec<NodeId> {
        self.slots(Role::Broker).filter_map(|s| s.node).collect()
    }

    /// Refuses a client id that a living client has.
    pub(super) fn check_free(&self, client_id: &str) -> Result<(), Refusal> {
        match self.actor_named(client_id) {
            Some(actor) if self.actor(actor).liveness.exists() => Err(Refusal::at(
                "id",
                format!("there is a client `{client_id}` already"),
            )),
            _ => Ok(()),
        }
    }

    pub(super) fn client(&self, client_id: &str, role: Role) -> Result<ActorId, Refusal> {
        let known = self
            .slots(role)
            .filter(|s| s.liveness.exists())
            .map(|s| &*s.name);
        let nearest = protocol::config::nearest_name(client_id, known);
        match self.actor_named(client_id).map(|a| self.actor(a)) {
            Some(slot) if slot.role == role && slot.liveness.exists() => Ok(slot.id),
            _ => Err(
                Refusal::at("client", format!("no such client runs: `{client_id}`"))
                    .nearest(nearest),
            ),
        }
    }

    pub(super) fn order_client(
        &mut self,
        command: &Command,
        client_id: &str,
        role: Role,
        order: Order,
    ) -> Done {
        let actor = self.client(client_id, role)?;
        let event = self.commanded(command);
        self.order(actor, Arc::new(order), event);
        Ok(event)
    }

    pub(super) fn kill_client(&mut self, command: &Command, client_id: &str, role: Role) -> Done {
        let actor = self.client(client_id, role)?;
        let event = self.fault(command);
        self.kill(actor, event);
        Ok(event)
    }

    fn node(&self, id: i32, fits: impl Fn(Liveness) -> bool) -> Result<ActorId, Refusal> {
        let Some(actor) = self.actor_of(NodeId(id)) else {
            let known = self
                .actors()
                .iter()
                .filter_map(|s| s.node)
                .map(|n| n.to_string())
                .collect::<Vec<_>>();
            let nearest =
                protocol::config::nearest_name(&id.to_string(), known.iter().map(String::as_str));
            return Err(Refusal::at("broker", format!("there is no node {id}")).nearest(nearest));
        };
        let liveness = self.actor(actor).liveness;
        if fits(liveness) {
            Ok(actor)
        } else {
            Err(Refusal::at(
                "broker",
                format!("node {id} is {}", liveness.words()),
            ))
        }
    }

    /// One end of a link: a node id or a client id.
    fn end(&self, path: &str, text: &str) -> Result<ActorId, Refusal> {
        let node = text.parse().ok().and_then(|id| self.actor_of(NodeId(id)));
        node.or_else(|| self.actor_named(text)).ok_or_else(|| {
            let names = self.actors().iter().map(|s| &*s.name);
            Refusal::at(path, format!("nothing here is called `{text}`"))
                .nearest(protocol::config::nearest_name(text, names))
        })
    }

    fn wipe_disk(&mut self, command: &Command, broker: i32) -> Done {
        let actor = self.node(broker, |l| !l.exists())?;
        let event = self.fault(command);
        self.watch_forfeit(NodeId(broker), event, Forfeit::WipedDisk);
        let now = self.now();
        // a new disk has a new id
        let directory_id = self.draw_uuid(actor.0, "directory");
        let slot = self.slot(actor);
        if let Some(disk) = &mut slot.disk {
            disk.wiped(now);
        }
        if let Some(blueprint) = &mut slot.blueprint {
            match Arc::make_mut(blueprint) {
                Blueprint::Broker(config) => config.directory_id = directory_id,
                Blueprint::Controller(config) => config.directory_id = directory_id,
            }
        }
        Ok(event)
    }

    fn keep_disk(
        &mut self,
        actor: ActorId,
        process: Option<Arc<Actor>>,
        harm: impl FnOnce(&mut Disk, Instant),
    ) {
        let now = self.now();
        if let Some(process) = process
            && let Some(mut disk) = Disk::of(Arc::unwrap_or_clone(process), now)
        {
            harm(&mut disk, now);
            self.slot(actor).disk = Some(disk);
        }
    }

    fn hand(
        &mut self,
        command: &Command,
        act: impl FnOnce(&mut World, EventId) -> Result<(), HandError>,
    ) -> Done {
        let event = EventId(self.last_event.0 + 1);
        // refused before it is an event: nothing has happened then
        let mut trial = self.clone();
        act(&mut trial, event).map_err(|error| {
            Refusal::at(
                "message",
                match error {
                    HandError::NotInFlight => "this message is not on its way (any more)",
                    HandError::NotHeld => "this message is not held",
                },
            )
        })?;
        trial.recorder.0 = self.recorder.0.take();
        *self = trial;
        Ok(self.fault(command))
    }
}

fn message_name(message: &MessageRef) -> MessageName {
    MessageName {
        conn: ConnectionId(message.connection),
        direction: if message.forward {
            Direction::Forward
        } else {
            Direction::Backward
        },
        nth: message.number,
    }
}

/// A client's properties; `client.id` is its name.
pub(super) fn client_pairs(config: &Properties, client_id: &str) -> Vec<(String, String)> {
    let mut pairs = text(config);
    pairs.insert("client.id".into(), client_id.into());
    pairs.into_iter().collect()
}

fn producer_record(topic: &str, record: &NewRecord) -> Result<ProducerRecord, Refusal> {
    let bytes = |path: &str, payload: &Option<crate::command::Payload>| {
        let read = payload.as_ref().map(|p| p.bytes()).transpose();
        read.map(|b| b.map(Into::into))
            .map_err(|reason| Refusal::at(format!("record.{path}"), reason))
    };
    let mut headers = Vec::new();
    for (key, value) in &record.headers {
        let value = value
            .bytes()
            .map_err(|reason| Refusal::at("record.headers", reason))?;
        headers.push(Header {
            key: key.clone().into_bytes().into(),
            value: Some(value.into()),
        });
    }
    Ok(ProducerRecord {
        topic: topic.into(),
        partition: record.partition,
        timestamp_ms: record.timestamp_ms,
        key: bytes("key", &record.key)?,
        value: bytes("value", &record.value)?,
        headers,
    })
}

fn alter_topic_config(
    topic: &str,
    config: &std::collections::BTreeMap<String, Option<Scalar>>,
) -> IncrementalAlterConfigsRequest {
    let configs = config.iter().map(|(name, value)| AlterableConfig {
        name: name.as_str().into(),
        config_operation: i8::from(value.is_none()),
        value: value.as_ref().map(|v| v.text().into()),
    });
    let resource = AlterConfigsResource {
        resource_type: 2,
        resource_name: topic.into(),
        configs: configs.collect(),
    };
    IncrementalAlterConfigsRequest {
        resources: vec![resource],
        validate_only: false,
    }
}
