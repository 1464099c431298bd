//! One picture of a world: cards and columns, for a window of so many cells at the tail of each row.

use super::cards::*;
use super::events::{is_user_topic, us};
use super::keys::Keys;
use super::{clients, flights, groups, rows};
use crate::actor::{Actor, Role};
use crate::ledger::Ledger;
use crate::world::{Liveness, Slot, World};
use ::broker::node::{BrokerState, Node};
use log::UnifiedLog;
use metadata::{MetadataImage, PartitionRegistration};
use protocol::{Name, NodeId, TopicPartition};

/// Partitions of user topics in a picture; more are not drawn.
pub const MAX_PARTITIONS: usize = 64;

/// What part of the rows is wanted: so many cells, so far away from the tail.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    pub slots: u32,
    pub back: u32,
}

/// A partition in the picture: what the controller says of it.
pub(super) struct Drawn<'a> {
    pub tp: TopicPartition,
    pub registration: &'a PartitionRegistration,
}

/// Fills `columns` and answers the cards.
pub fn frame(
    world: &World,
    run_us: Us,
    window: Window,
    keys: &mut Keys,
    columns: &mut Columns,
) -> Frame {
    columns.clear();
    let image = image(world);
    let drawn: Vec<Drawn<'_>> = image.map(drawn_partitions).unwrap_or_default();
    let places: Vec<TopicPartition> = drawn.iter().map(|d| d.tp.clone()).collect();
    let mut partitions: Vec<PartitionCard> = drawn
        .iter()
        .map(|d| rows::partition(world, d, window, keys, columns))
        .collect();
    let groups = groups::groups(world, &places, &mut partitions);
    let producers = clients::producers(world, &places, keys);
    flights::flights(world, &places, keys, columns);
    Frame {
        now_us: us(world.now()),
        event: world.last_event().0,
        run_us,
        brokers: brokers(world, image, &drawn),
        controllers: controllers(world),
        topics: image.map(|i| topics(world, i)).unwrap_or_default(),
        keys: key_cards(&partitions, &producers, columns, keys),
        partitions,
        producers,
        groups,
        links: flights::links(world),
        ledger: ledger_card(world.ledger()),
    }
}

/// The metadata that the active controller has committed; without one, of the broker that knows most.
pub fn image(world: &World) -> Option<&MetadataImage> {
    let active = world.active_controller().map(|c| c.image());
    active.or_else(|| world.brokers().map(Node::image).max_by_key(|i| i.offset))
}

fn drawn_partitions(image: &MetadataImage) -> Vec<Drawn<'_>> {
    let topics = image.topics.by_name().filter(|t| is_user_topic(&t.name));
    let all = topics.flat_map(|t| {
        t.partitions.iter().map(|(&p, registration)| Drawn {
            tp: TopicPartition::new(t.name.clone(), p),
            registration,
        })
    });
    all.take(MAX_PARTITIONS).collect()
}

fn topics(world: &World, image: &MetadataImage) -> Vec<TopicCard> {
    let user = image.topics.by_name().filter(|t| is_user_topic(&t.name));
    user.map(|t| {
        let first = t.partitions.iter().next();
        let log = first.and_then(|(&p, r)| {
            let tp = TopicPartition::new(t.name.clone(), p);
            r.replicas.iter().find_map(|&id| log_of(world, id, &tp))
        });
        TopicCard {
            name: t.name.clone(),
            partitions: t.partitions.len() as u32,
            replication_factor: first.map_or(0, |(_, r)| r.replicas.len() as u32),
            min_insync_replicas: log.map_or(1, |l| l.config().min_insync_replicas),
            cleanup_policy: log.map_or("delete", |l| policy(l)).into(),
        }
    })
    .collect()
}

fn policy(log: &UnifiedLog) -> &'static str {
    match (log.config().compact, log.config().delete) {
        (true, true) => "compact,delete",
        (true, false) => "compact",
        _ => "delete",
    }
}

/// One broker's log of a partition, from its process or, where there is none, from its disk.
pub fn log_of<'a>(world: &'a World, node: NodeId, tp: &TopicPartition) -> Option<&'a UnifiedLog> {
    match world.broker(node) {
        Some(broker) => broker
            .replicas()
            .log(tp)
            .or_else(|| broker.replicas().logs().log(tp)),
        None => world.disk(node)?.logs.log(tp),
    }
}

/// The node leads the partition, by its own word.
pub fn leads(world: &World, node: NodeId, tp: &TopicPartition) -> bool {
    let partition = world.broker(node).and_then(|b| b.replicas().partition(tp));
    partition.is_some_and(|p| p.is_leader(node))
}

/// A broker that went in order says so on its disk.
fn stopped_in_order(world: &World, id: NodeId) -> bool {
    world
        .disk(id)
        .is_some_and(|d| d.logs.clean_shutdown_epoch().is_some())
}

fn node_state(slot: &Slot) -> NodeState {
    match slot.liveness {
        Liveness::Paused => NodeState::Paused,
        Liveness::Stopping => NodeState::Stopping,
        Liveness::PoweredOff => NodeState::PoweredOff,
        Liveness::Down => NodeState::Killed,
        Liveness::Running => match slot.process.as_deref() {
            Some(Actor::Broker(node)) => match node.lifecycle().state {
                BrokerState::Starting | BrokerState::Recovery => NodeState::Starting,
                BrokerState::Running if node.lifecycle().fenced => NodeState::Fenced,
                BrokerState::Running => NodeState::Running,
                BrokerState::PendingControlledShutdown | BrokerState::ShuttingDown => {
                    NodeState::Stopping
                }
            },
            _ => NodeState::Running,
        },
    }
}

fn brokers(world: &World, image: Option<&MetadataImage>, drawn: &[Drawn<'_>]) -> Vec<BrokerCard> {
    let mut cards: Vec<BrokerCard> = world
        .slots(Role::Broker)
        .filter_map(|slot| {
            let id = slot.node?;
            let node = world.broker(id);
            let led = drawn
                .iter()
                .enumerate()
                .filter(|(_, d)| leads(world, id, &d.tp));
            let behind = drawn.iter().filter(|d| {
                d.registration.replicas.contains(&id) && !d.registration.isr.contains(&id)
            });
            let fenced = image
                .and_then(|i| i.cluster.broker(id))
                .is_some_and(|b| b.fenced);
            let state = match node_state(slot) {
                // The controller's word counts: the broker itself learns it late.
                NodeState::Running if fenced => NodeState::Fenced,
                other => other,
            };
            Some(BrokerCard {
                id: id.get(),
                state: if state == NodeState::Killed && stopped_in_order(world, id) {
                    NodeState::Stopped
                } else {
                    state
                },
                since_us: 0,
                epoch: node.map_or(-1, |n| n.lifecycle().epoch.get()),
                leads: led.map(|(i, _)| i as Place).collect(),
                behind: behind.count() as u32,
                coordinates: Vec::new(),
                queue: slot.inbox.len() as u32,
                pulses: 0,
            })
        })
        .collect();
    cards.sort_by_key(|c| c.id);
    cards
}

fn controllers(world: &World) -> Vec<ControllerCard> {
    let mut cards: Vec<ControllerCard> = world
        .slots(Role::Controller)
        .filter_map(|slot| {
            let id = slot.node?;
            let node = world.controllers().find(|c| c.id() == id);
            Some(ControllerCard {
                id: id.get(),
                state: node_state(slot),
                active: node.is_some_and(|c| c.controller().is_active()),
                epoch: node
                    .and_then(|c| c.quorum())
                    .map_or(-1, |q| q.raft().epoch().get()),
            })
        })
        .collect();
    cards.sort_by_key(|c| c.id);
    cards
}

/// Names of the keys that this picture speaks of.
fn key_cards(
    partitions: &[PartitionCard],
    producers: &[ProducerCard],
    columns: &Columns,
    keys: &Keys,
) -> Vec<KeyCard> {
    let mut wanted: Vec<u32> = partitions
        .iter()
        .flat_map(|p| p.keys.iter().copied())
        .collect();
    let queued = producers.iter().flat_map(|p| &p.batches);
    wanted.extend(queued.flat_map(|b| b.keys.iter().copied()));
    let flying = columns.flights.chunks_exact(flight::STRIDE);
    wanted.extend(flying.map(|f| f[flight::KEY] as u32));
    wanted.sort_unstable();
    wanted.dedup();
    // One topic is the rule; where there are more, a number stands for the first topic's key.
    let text = |id: u32| {
        keys.topics()
            .find_map(|t| keys.text(t, id))
            .map(str::to_owned)
    };
    wanted
        .into_iter()
        .filter(|id| *id != 0)
        .filter_map(|id| {
            Some(KeyCard {
                id,
                text: text(id)?,
            })
        })
        .collect()
}

fn ledger_card(ledger: &Ledger) -> LedgerCard {
    let t = ledger.totals();
    let readers = ledger.readers.names();
    let (once, more) = readers.fold((0, 0), |(once, more), reader| {
        let (o, m) = ledger.readers.once_and_more(reader);
        (once + o, more + m)
    });
    LedgerCard {
        sent: t.sent,
        durable: t.durable,
        above_hw: t.above_high_watermark,
        in_flight: t.in_flight,
        failed: t.failed,
        lost_after_ack: t.lost_after_ack,
        acked: t.acked,
        processed_once: once,
        processed_more: more,
        processed_never: t.sent.saturating_sub(once + more),
    }
}

/// A topic's name by its id, as the controller knows it.
pub fn topic_name(world: &World, id: protocol::Uuid) -> Option<Name> {
    Some(image(world)?.topics.topic(id)?.name.clone())
}
