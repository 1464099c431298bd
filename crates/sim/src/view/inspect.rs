//! The full description of one thing: rows of Kafka's names and values, a record's life, and the event that set it last.

use super::cards::Us;
use super::event_cards::{InspectCard, StageCard};
use super::events::us;
use super::frame::{image, log_of};
use super::keys::text;
use super::rows::batches_from;
use crate::ids::EventId;
use crate::world::World;
use protocol::trace::{FactKey, FactKind, Subject};
use protocol::{Instant, Name, NodeId, TopicPartition};
use serde::Deserialize;

/// What can be asked about, as the page names it.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Target {
    Hw {
        topic: Name,
        partition: i32,
    },
    Lso {
        topic: Name,
        partition: i32,
    },
    Partition {
        topic: Name,
        partition: i32,
    },
    Replica {
        topic: Name,
        partition: i32,
        broker: i32,
    },
    Record {
        topic: Name,
        partition: i32,
        offset: i64,
        broker: i32,
    },
    Segment {
        topic: Name,
        partition: i32,
        broker: i32,
        base: i64,
    },
    Pin {
        topic: Name,
        partition: i32,
        group: Name,
        member: Name,
        pin: Pin,
    },
    Broker {
        id: i32,
    },
    Controller {
        id: i32,
    },
    Producer {
        id: Name,
    },
    Group {
        id: Name,
    },
    Member {
        group: Name,
        id: Name,
    },
    Timer {
        group: Name,
        id: Name,
        timer: Name,
    },
    Message {
        id: f64,
    },
    Link {
        from: Name,
        to: Name,
    },
    Event {
        id: u64,
    },
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pin {
    Committed,
    Position,
}

struct Rows(Vec<(String, String)>);

impl Rows {
    fn add(&mut self, name: &str, value: impl ToString) {
        self.0.push((name.to_owned(), value.to_string()));
    }
}

/// Describes `target`; `None` if there is no such thing now.
pub fn inspect(world: &World, target: &Target) -> Option<InspectCard> {
    let mut rows = Rows(Vec::new());
    let mut life = Vec::new();
    let set_by = match target {
        Target::Hw { topic, partition } | Target::Lso { topic, partition } => {
            let tp = TopicPartition::new(topic.clone(), *partition);
            let leader = leader_of(world, &tp)?;
            let kind = if matches!(target, Target::Hw { .. }) {
                FactKind::HighWatermark
            } else {
                FactKind::LastStableOffset
            };
            world.set_by(&FactKey::replica(kind, leader, &tp))
        }
        Target::Partition { topic, partition } => {
            let tp = TopicPartition::new(topic.clone(), *partition);
            let r = image(world)?.topics.partition_named(&tp)?;
            rows.add("leaderEpoch", r.leader_epoch.get());
            rows.add("isr", ids(&r.isr));
            rows.add("copies", ids(&r.replicas));
            newest(
                world,
                &[
                    FactKey::partition(FactKind::Leader, &tp),
                    FactKey::partition(FactKind::Isr, &tp),
                ],
            )
        }
        Target::Replica {
            topic,
            partition,
            broker,
        } => {
            let tp = TopicPartition::new(topic.clone(), *partition);
            replica(world, NodeId(*broker), &tp, &mut rows)?
        }
        Target::Record {
            topic,
            partition,
            offset,
            broker,
        } => {
            let tp = TopicPartition::new(topic.clone(), *partition);
            record(world, NodeId(*broker), &tp, *offset, &mut rows, &mut life)?
        }
        Target::Segment {
            topic,
            partition,
            broker,
            base,
        } => {
            let tp = TopicPartition::new(topic.clone(), *partition);
            let log = log_of(world, NodeId(*broker), &tp)?;
            let segment = log.segments().find(|s| s.base == *base)?;
            rows.add("base", segment.base);
            rows.add("bytes", segment.size(log.directory()));
            world.set_by(&FactKey::replica(
                FactKind::ActiveSegment,
                NodeId(*broker),
                &tp,
            ))
        }
        Target::Pin {
            topic,
            partition,
            group,
            member,
            pin,
        } => {
            let tp = TopicPartition::new(topic.clone(), *partition);
            match pin {
                Pin::Committed => world.set_by(&FactKey::new(
                    FactKind::Committed,
                    Subject::GroupPartition(group.clone(), tp),
                )),
                Pin::Position => world.set_by(&FactKey::new(
                    FactKind::Position,
                    Subject::ClientPartition(member.clone(), tp),
                )),
            }
        }
        Target::Broker { id } | Target::Controller { id } => {
            let node = NodeId(*id);
            if let Some(b) = world.broker(node) {
                rows.add("epoch", b.lifecycle().epoch.get());
                rows.add("state", format!("{:?}", b.lifecycle().state));
            }
            let slot = world.actors().iter().find(|s| s.node == Some(node))?;
            rows.add("queue", slot.inbox.len());
            newest(
                world,
                &[
                    FactKey::new(FactKind::Liveness, Subject::Node(node)),
                    FactKey::new(FactKind::Fenced, Subject::Node(node)),
                ],
            )
        }
        Target::Producer { id } => {
            let app = world.producer(id)?;
            let c = &app.client().config;
            rows.add(
                "acks",
                if c.acks == -1 {
                    "all".into()
                } else {
                    c.acks.to_string()
                },
            );
            rows.add("linger", c.linger_ms);
            newest(world, &client_facts(id))
        }
        Target::Group { id } => newest(
            world,
            &[
                FactKey::new(FactKind::GroupState, Subject::Group(id.clone())),
                FactKey::new(FactKind::Generation, Subject::Group(id.clone())),
            ],
        ),
        Target::Member { id, .. } | Target::Timer { id, .. } => newest(world, &client_facts(id)),
        Target::Message { id } => {
            let (m, from, to) = message(world, *id)?;
            rows.add("from", super::actor_name(world, from));
            rows.add("to", super::actor_name(world, to));
            rows.add("sentAt", clock(us(m.sent_at)));
            rows.add("arrivesAt", clock(us(m.arrives_at)));
            rows.add("bytes", m.bytes);
            Some(m.cause)
        }
        Target::Link { .. } | Target::Event { .. } => None,
    };
    Some(InspectCard {
        rows: rows.0,
        life,
        set_by: set_by.map(|e| e.0),
    })
}

fn ids(nodes: &[NodeId]) -> String {
    let all: Vec<String> = nodes.iter().map(|n| n.get().to_string()).collect();
    all.join(", ")
}

/// Seconds with six digits: the network counts microseconds.
fn clock(us: Us) -> String {
    format!(
        "{}.{:06} s",
        us.div_euclid(1_000_000),
        us.rem_euclid(1_000_000)
    )
}

fn leader_of(world: &World, tp: &TopicPartition) -> Option<NodeId> {
    let r = image(world)?.topics.partition_named(tp)?;
    if r.leader.get() >= 0 {
        return Some(r.leader);
    }
    let end = |id: NodeId| log_of(world, id, tp).map_or(-1, |l| l.log_end_offset().get());
    r.replicas.iter().copied().max_by_key(|&id| end(id))
}

/// The event that set the last of these facts.
fn newest(world: &World, keys: &[FactKey]) -> Option<EventId> {
    keys.iter().filter_map(|k| world.set_by(k)).max()
}

fn client_facts(id: &Name) -> Vec<FactKey> {
    [
        FactKind::ClientState,
        FactKind::InFlight,
        FactKind::Accumulator,
        FactKind::ProducerIdAndEpoch,
        FactKind::Assignment,
        FactKind::Processing,
        FactKind::LastPoll,
        FactKind::SessionDeadline,
    ]
    .into_iter()
    .map(|kind| FactKey::new(kind, Subject::Client(id.clone())))
    .collect()
}

fn replica(
    world: &World,
    node: NodeId,
    tp: &TopicPartition,
    rows: &mut Rows,
) -> Option<Option<EventId>> {
    let log = log_of(world, node, tp)?;
    rows.add("leo", log.log_end_offset().get());
    rows.add("hw", log.high_watermark().get());
    rows.add("logStart", log.log_start_offset().get());
    rows.add("leaderEpoch", log.latest_epoch().map_or(-1, |e| e.get()));
    rows.add("segments", log.segments().count());
    rows.add("bytes", log.size());
    let leader = leader_of(world, tp)?;
    let leading = world
        .broker(leader)
        .and_then(|b| b.replicas().partition(tp));
    if let Some(remote) = leading.and_then(|p| p.remote_replicas().get(&node)) {
        rows.add("knownLeo", remote.end_offset().get());
    }
    Some(newest(
        world,
        &[
            FactKey::replica(FactKind::LogEndOffset, node, tp),
            FactKey::replica(FactKind::HighWatermark, node, tp),
            FactKey::replica(FactKind::Role, node, tp),
        ],
    ))
}

fn record(
    world: &World,
    node: NodeId,
    tp: &TopicPartition,
    offset: i64,
    rows: &mut Rows,
    life: &mut Vec<StageCard>,
) -> Option<Option<EventId>> {
    let log = log_of(world, node, tp)?;
    let mut found = None;
    batches_from(log, offset, |batch| {
        if found.is_none()
            && batch.base_offset() <= offset
            && let Ok(records) = batch.records()
        {
            let record = records.map_while(Result::ok).find(|r| r.offset == offset);
            found = record.map(|r| (r, batch));
        }
    });
    let (record, batch) = found?;
    rows.add("key", record.key.as_deref().map_or("null".to_owned(), text));
    rows.add(
        "value",
        record.value.as_deref().map_or("null".to_owned(), text),
    );
    rows.add("timestamp", clock(us(Instant::from_ms(record.timestamp))));
    rows.add(
        "batch",
        format!("{}–{}", batch.base_offset(), batch.last_offset()),
    );
    rows.add("leaderEpoch", batch.partition_leader_epoch());
    if batch.has_producer_id() {
        rows.add("producerId", batch.producer_id());
        rows.add(
            "sequence",
            i64::from(batch.base_sequence()) + offset - batch.base_offset(),
        );
    }
    rows.add("size", batch.size_in_bytes());
    let r = image(world)?.topics.partition_named(tp)?;
    let holders = r
        .replicas
        .iter()
        .filter(|&&id| log_of(world, id, tp).is_some_and(|l| l.log_end_offset().get() > offset));
    rows.add(
        "copies",
        holders
            .map(|n| n.get().to_string())
            .collect::<Vec<_>>()
            .join(", "),
    );
    stages(world, tp, offset, life);
    Some(world.set_by(&FactKey::replica(FactKind::LogEndOffset, node, tp)))
}

/// A record's life as far as the ledger, the logs and the readers know it; what is still to come has no time.
fn stages(world: &World, tp: &TopicPartition, offset: i64, life: &mut Vec<StageCard>) {
    use crate::ledger::{Fate, Outcome};
    let mut add = |stage: &str, done: bool, at_us: Option<Us>, event: Option<u64>, note: String| {
        life.push(StageCard {
            stage: stage.to_owned(),
            done,
            at_us,
            event,
            note,
        });
    };
    let ledger = world.ledger();
    let Some(entry) = ledger.at(tp, protocol::Offset(offset)) else {
        return;
    };
    add(
        "sent",
        true,
        Some(us(entry.sent_at)),
        Some(entry.sent_by.0),
        entry.producer.to_string(),
    );
    add("appended", true, None, None, String::new());
    let durable = entry.fate() == Fate::Durable;
    add("durable", durable, None, None, String::new());
    match entry.outcome {
        Outcome::Acked => add("acked", true, None, Some(entry.outcome_by.0), String::new()),
        Outcome::Unknown => add("acked", false, None, None, String::new()),
        Outcome::Failed(e) => {
            add(
                "failed",
                true,
                None,
                Some(entry.outcome_by.0),
                e.name().to_owned(),
            );
        }
    }
    if let Some(by) = entry.lost_by() {
        add("lost", true, None, Some(by.0), String::new());
    }
    for reader in ledger.readers.names() {
        let r = ledger.readers.get(reader, tp, protocol::Offset(offset));
        if r.delivered > 0 {
            add("fetched", true, None, None, reader.to_string());
        }
        add(
            "processed",
            r.processed > 0,
            None,
            None,
            times(reader, r.processed),
        );
    }
}

fn times(reader: &Name, n: u8) -> String {
    if n > 1 {
        format!("{reader} ×{n}")
    } else {
        reader.to_string()
    }
}

type Found<'a> = (
    &'a crate::network::Message,
    crate::ids::ActorId,
    crate::ids::ActorId,
);

/// A message by the number that its flight has.
fn message(world: &World, id: f64) -> Option<Found<'_>> {
    use crate::ids::Direction;
    let id = id as u64;
    let conn = protocol::ConnectionId(u32::try_from(id / 2_097_152).ok()?);
    let rest = id % 2_097_152;
    let direction = if rest % 2 == 0 {
        Direction::Forward
    } else {
        Direction::Backward
    };
    let c = world.network().connection(conn)?;
    let m = c
        .lane(direction)
        .queue
        .iter()
        .find(|m| u64::from(m.nth) == rest / 2)?;
    let (from, to) = c.ends(direction);
    Some((m, from, to))
}
