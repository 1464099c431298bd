//! Clients: how they start, start anew with other settings, and the commands about consumers.

use super::World;
use super::command::client_pairs;
use super::slot::ClientSpec;
use crate::actor::consumer::ConsumerApp;
use crate::actor::producer::ProducerApp;
use crate::actor::{Actor, Order, Role};
use crate::command::{Command, SeekTo};
use crate::ids::{ActorId, EventId};
use crate::scenario::{Properties, Refusal, Scenario};
use clients::consumer::{Consumer, ConsumerCall};
use clients::producer::Producer;
use protocol::config::ConfigError;
use protocol::{Instant, Name, Offset, TopicPartition};
use std::sync::Arc;

type Done = Result<EventId, Refusal>;

fn refused(e: ConfigError) -> Refusal {
    Refusal::at(format!("config.{}", e.name), e.reason).nearest(e.nearest)
}

fn partition(text: &str) -> Result<TopicPartition, Refusal> {
    TopicPartition::parse(text).ok_or_else(|| {
        Refusal::at(
            "partition",
            format!("`{text}` is not a topic, a dash and a number"),
        )
    })
}

/// So many milliseconds after the scenario's first instant.
fn from(ms: u64) -> Instant {
    Instant::start().after_ms(i64::try_from(ms).unwrap_or(i64::MAX / 2_000))
}

impl World {
    /// Starts the scenario's consumers, each when its time comes.
    pub(super) fn start_consumers(&mut self, scenario: &Scenario) -> Result<(), Refusal> {
        for consumer in &scenario.consumers {
            let command = Command::StartConsumer(consumer.clone());
            if consumer.from_ms == 0 {
                self.command(&command)?;
            } else {
                let at = from(consumer.from_ms);
                let index = self.later.len() as u32;
                Arc::make_mut(&mut self.later).push(command);
                self.queue.push(at, super::What::Later(index));
            }
        }
        Ok(())
    }

    pub(super) fn start_client(&mut self, command: &Command, id: &str, spec: ClientSpec) -> Done {
        self.check_free(id)?;
        // refused before anything has happened
        let role = match &spec {
            ClientSpec::Producer(_) => Role::Producer,
            ClientSpec::Consumer(_) => Role::Consumer,
        };
        self.client_process(&spec)?;
        let event = self.commanded(command);
        let actor = self.add(id.into(), role, None);
        self.spawn_client(actor, Arc::new(spec), event);
        Ok(event)
    }

    /// Starts a client's process in its place.
    pub(super) fn spawn_client(&mut self, actor: ActorId, spec: Arc<ClientSpec>, cause: EventId) {
        let process = self
            .client_process(&spec)
            .expect("checked when it was asked for");
        self.slot(actor).spec = Some(spec);
        self.start(actor, process, cause);
    }

    fn client_process(&self, spec: &ClientSpec) -> Result<Actor, Refusal> {
        let bootstrap = self.bootstrap();
        Ok(match spec {
            ClientSpec::Producer(spec) => {
                let pairs = client_pairs(&spec.config, &spec.id);
                let pairs = pairs.iter().map(|(k, v)| (k.as_str(), v.as_str()));
                let client = Producer::new(pairs, bootstrap).map_err(refused)?;
                let from = from(spec.load.as_ref().map_or(0, |l| l.from_ms)).max(self.now());
                let app =
                    ProducerApp::new(spec.id.as_str().into(), client, spec.load.clone(), from);
                Actor::Producer(Box::new(app))
            }
            ClientSpec::Consumer(spec) => {
                let mut pairs = client_pairs(&spec.config, &spec.id);
                if let Some(group) = &spec.group {
                    pairs.retain(|(name, _)| name != "group.id");
                    pairs.push(("group.id".into(), group.clone()));
                }
                let pairs = pairs.iter().map(|(k, v)| (k.as_str(), v.as_str()));
                let client = Consumer::new(pairs, bootstrap, self.now()).map_err(refused)?;
                let group = spec.group.as_deref().map(Name::from);
                // somebody who assigns and subscribes nothing is driven by hand
                let looping = !(spec.subscribe.is_empty() && spec.assign.is_empty());
                let mut app = ConsumerApp::new(
                    spec.id.as_str().into(),
                    group,
                    client,
                    spec.app.clone(),
                    looping,
                );
                if !spec.subscribe.is_empty() {
                    app.subscribe(spec.subscribe.iter().map(|t| t.as_str().into()).collect());
                } else if !spec.assign.is_empty() {
                    let assigned: Result<Vec<_>, _> =
                        spec.assign.iter().map(|tp| partition(tp)).collect();
                    app.ask(ConsumerCall::Assign(assigned?));
                }
                Actor::Consumer(Box::new(app))
            }
        })
    }

    pub(super) fn consumer_command(&mut self, command: &Command) -> Done {
        let ask = |world: &mut World, consumer: &str, order| {
            world.order_client(command, consumer, Role::Consumer, order)
        };
        match command {
            Command::StartConsumer(consumer) => self.start_client(
                command,
                &consumer.id,
                ClientSpec::Consumer(consumer.clone()),
            ),
            Command::Commit { consumer, sync } => {
                let call = match sync {
                    true => ConsumerCall::CommitSync {
                        offsets: None,
                        timeout_ms: None,
                    },
                    false => ConsumerCall::CommitAsync { offsets: None },
                };
                ask(self, consumer, Order::Call(call))
            }
            Command::Seek {
                consumer,
                partition: tp,
                to,
            } => {
                let tp = partition(tp)?;
                let order = match to {
                    SeekTo::Earliest => Order::Call(ConsumerCall::SeekToBeginning(vec![tp])),
                    SeekTo::Latest => Order::Call(ConsumerCall::SeekToEnd(vec![tp])),
                    SeekTo::Offset(offset) => Order::Call(ConsumerCall::Seek {
                        tp,
                        offset: Offset(*offset),
                        leader_epoch: None,
                    }),
                    SeekTo::TimestampMs(timestamp_ms) => Order::SeekByTime {
                        tp,
                        timestamp_ms: *timestamp_ms,
                    },
                };
                ask(self, consumer, order)
            }
            Command::PausePartition {
                consumer,
                partition: tp,
            } => ask(
                self,
                consumer,
                Order::Call(ConsumerCall::Pause(vec![partition(tp)?])),
            ),
            Command::ResumePartition {
                consumer,
                partition: tp,
            } => ask(
                self,
                consumer,
                Order::Call(ConsumerCall::Resume(vec![partition(tp)?])),
            ),
            Command::SetProcessingTime {
                consumer,
                processing_ms,
            } => ask(self, consumer, Order::SetProcessing(*processing_ms)),
            Command::SetApp { consumer, app } => ask(self, consumer, Order::SetApp(app.clone())),
            Command::CloseConsumer { consumer } => ask(self, consumer, Order::Close),
            Command::FreezeConsumer { consumer } => ask(self, consumer, Order::Freeze),
            Command::ThawConsumer { consumer } => ask(self, consumer, Order::Thaw),
            Command::KillConsumer { consumer } => {
                self.kill_client(command, consumer, Role::Consumer)
            }
            Command::AlterClientConfig { client, config } => {
                self.alter_client(command, client, config)
            }
            other => unreachable!("{other:?} is carried out elsewhere"),
        }
    }

    /// Closes a client; when it has gone, it starts again with these settings on top.
    fn alter_client(&mut self, command: &Command, client: &str, config: &Properties) -> Done {
        let actor = self
            .client(client, Role::Producer)
            .or_else(|_| self.client(client, Role::Consumer))?;
        let mut spec = ClientSpec::clone(
            self.actor(actor)
                .spec
                .as_ref()
                .expect("every client has one"),
        );
        let settings = match &mut spec {
            ClientSpec::Producer(spec) => &mut spec.config,
            ClientSpec::Consumer(spec) => &mut spec.config,
        };
        settings.extend(config.clone());
        self.client_process(&spec)?;
        let event = self.commanded(command);
        self.slot(actor).reborn = Some(Arc::new(spec));
        self.order(actor, Arc::new(Order::Close), event);
        Ok(event)
    }
}
