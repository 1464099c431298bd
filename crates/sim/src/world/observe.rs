//! The names that predicates may use, and what they stand for in a world.
//!
//! Offsets and epochs are those of the partition's leader by the controller's word, or of the node that is named.

use super::World;
use crate::actor::Role;
use crate::predicate::{Observe, Val};
use coordinator::group::coordinator::{Coordinator, GroupView};
use metadata::PartitionRegistration;
use protocol::config::nearest_name;
use protocol::{NodeId, Offset, TopicPartition};

/// Every name with its arguments, for refusals and for the documentation.
pub const NAMES: &[(&str, &str)] = &[
    ("hw", "partition[, broker]: high watermark"),
    ("leo", "partition[, broker]: log end offset"),
    ("lso", "partition[, broker]: last stable offset"),
    ("log_start", "partition[, broker]: log start offset"),
    ("leader", "partition: broker that leads, −1 none"),
    ("epoch", "partition: leader epoch"),
    ("isr", "partition: set of brokers"),
    ("elr", "partition: set of brokers"),
    ("replicas", "partition: set of brokers"),
    ("alive", "node: its process runs"),
    ("fenced", "broker: by the controller's word"),
    ("sent", "records that applications sent"),
    ("acked", "records whose callback said written"),
    (
        "failed",
        "records whose callback said failed and that are in no log",
    ),
    ("durable", "records below the high watermark"),
    ("lost", "records lost after their ack"),
    ("processed", "reader: offsets processed at least once"),
    (
        "processed_twice",
        "reader: offsets processed more than once",
    ),
    ("position", "consumer, partition"),
    ("committed", "group, partition"),
    ("owner", "group, partition: client id"),
    ("state", "group: Stable, PreparingRebalance, …"),
    ("members", "group: how many"),
    ("generation", "group"),
    ("exists", "topic, group or client"),
    ("time_ms", "since the beginning"),
];

impl Observe for World {
    fn observe(&self, name: &str, args: &[String]) -> Result<Val, String> {
        let arg = |i: usize| args.get(i).map(String::as_str);
        let totals = || self.ledger().totals();
        let count = |n: u64| Ok(Val::Int(n as i64));
        match (name, args.len()) {
            ("hw" | "leo" | "lso" | "log_start", 1 | 2) => {
                self.mark(name, &partition(arg(0))?, arg(1))
            }
            ("leader" | "epoch" | "isr" | "elr" | "replicas", 1) => {
                self.registered(name, &partition(arg(0))?)
            }
            ("alive", 1) => {
                let slot = self.actor_of(node(arg(0))?).map(|a| self.actor(a));
                Ok(slot.map_or(Val::Nothing, |s| Val::Bool(s.liveness.works())))
            }
            ("fenced", 1) => {
                let id = node(arg(0))?;
                let image = self.active_controller().map(|c| c.image());
                let broker = image.and_then(|i| i.cluster.broker(id));
                Ok(broker.map_or(Val::Nothing, |b| Val::Bool(b.fenced)))
            }
            ("sent", 0) => count(totals().sent),
            ("acked", 0) => count(totals().acked),
            ("failed", 0) => count(totals().failed),
            ("durable", 0) => count(totals().durable),
            ("lost", 0) => count(totals().lost_after_ack),
            ("processed" | "processed_twice", 1) => {
                let reader = arg(0).unwrap_or_default().into();
                let (once, more) = self.ledger().readers.once_and_more(&reader);
                count(if name == "processed" {
                    once + more
                } else {
                    more
                })
            }
            ("position", 2) => {
                let tp = partition(arg(1))?;
                let app = self.consumer(arg(0).unwrap_or_default());
                let position = app.and_then(|a| a.client().view().subscriptions().position(&tp));
                Ok(position.map_or(Val::Nothing, |p| int(p.offset)))
            }
            ("committed" | "owner", 2) => {
                self.of_group_partition(name, arg(0).unwrap_or_default(), &partition(arg(1))?)
            }
            ("state" | "members" | "generation", 1) => {
                Ok(self.of_group(name, arg(0).unwrap_or_default()))
            }
            ("exists", 1) => Ok(Val::Bool(self.is_there(arg(0).unwrap_or_default()))),
            ("time_ms", 0) => Ok(Val::Int(self.now().ms() - protocol::time::EPOCH_MS)),
            _ => Err(unknown(name, args.len())),
        }
    }
}

impl World {
    fn mark(&self, name: &str, tp: &TopicPartition, broker: Option<&str>) -> Result<Val, String> {
        let id = match broker {
            Some(_) => Some(node(broker)?),
            None => self.registration_of(tp).map(|r| r.leader),
        };
        let Some(log) = id.and_then(|id| self.log(id, tp)) else {
            return Ok(Val::Nothing);
        };
        let offset = match name {
            "hw" => log.high_watermark(),
            "leo" => log.log_end_offset(),
            "lso" => log.last_stable_offset(),
            _ => log.log_start_offset(),
        };
        Ok(int(offset))
    }

    fn registered(&self, name: &str, tp: &TopicPartition) -> Result<Val, String> {
        let Some(r) = self.registration_of(tp) else {
            return Ok(Val::Nothing);
        };
        let set = |ids: &[NodeId]| {
            let mut ids: Vec<i64> = ids.iter().map(|id| i64::from(id.0)).collect();
            ids.sort_unstable();
            Val::Set(ids)
        };
        Ok(match name {
            "leader" => Val::Int(i64::from(r.leader.0)),
            "epoch" => Val::Int(i64::from(r.leader_epoch.0)),
            "isr" => set(&r.isr),
            "elr" => set(&r.elr),
            _ => set(&r.replicas),
        })
    }

    /// The coordinator of a group on the broker that hosts it now.
    fn coordinator_of(&self, group: &str) -> Option<&Coordinator> {
        self.brokers()
            .find_map(|node| node.groups().coordinator_of(group, node.image()))
    }

    fn of_group(&self, name: &str, group: &str) -> Val {
        let view = self.coordinator_of(group).and_then(|c| c.group_view(group));
        let Some(GroupView::Classic(g)) = view else {
            return Val::Nothing;
        };
        match name {
            "state" => Val::Text(g.state().name().to_owned()),
            "members" => Val::Int(g.members().count() as i64),
            _ => Val::Int(i64::from(g.generation_id)),
        }
    }

    fn of_group_partition(
        &self,
        name: &str,
        group: &str,
        tp: &TopicPartition,
    ) -> Result<Val, String> {
        if name == "committed" {
            let stored = self
                .coordinator_of(group)
                .map(|c| &c.state().offsets.committed);
            let found = stored.and_then(|s| s.get(group, &tp.topic, tp.partition));
            return Ok(found.map_or(Val::Nothing, |c| Val::Int(c.value.offset)));
        }
        let owner = self.slots(Role::Consumer).find(|s| {
            let app = self
                .consumer(&s.name)
                .filter(|a| a.group().is_some_and(|g| &**g == group));
            app.is_some_and(|a| a.client().view().subscriptions().position(tp).is_some())
        });
        Ok(owner.map_or(Val::Nothing, |s| Val::Text(s.name.to_string())))
    }

    /// A partition as the active controller registered it.
    pub fn registration_of(&self, tp: &TopicPartition) -> Option<&PartitionRegistration> {
        let topics = &self.active_controller()?.image().topics;
        topics.topic_named(&tp.topic)?.partition(tp.partition)
    }

    fn is_there(&self, name: &str) -> bool {
        let topic = self
            .active_controller()
            .is_some_and(|c| c.image().topics.topic_named(name).is_some());
        let client = |role| {
            self.slots(role)
                .any(|s| &*s.name == name && s.liveness.exists())
        };
        topic || client(Role::Producer) || client(Role::Consumer)
    }
}

fn int(offset: Offset) -> Val {
    Val::Int(offset.0)
}

fn partition(text: Option<&str>) -> Result<TopicPartition, String> {
    let text = text.unwrap_or_default();
    TopicPartition::parse(text)
        .ok_or_else(|| format!("`{text}` is no partition; write topic-number, such as orders-0"))
}

fn node(text: Option<&str>) -> Result<NodeId, String> {
    let text = text.unwrap_or_default();
    text.parse()
        .map(NodeId)
        .map_err(|_| format!("`{text}` is no node id"))
}

fn unknown(name: &str, given: usize) -> String {
    if let Some((_, args)) = NAMES.iter().find(|(n, _)| *n == name) {
        return format!("`{name}` takes {args}; it was given {given}");
    }
    let nearest = nearest_name(name, NAMES.iter().map(|(n, _)| *n));
    let hint = nearest
        .map(|n| format!(" (nearest: {n})"))
        .unwrap_or_default();
    format!("predicates know no `{name}`{hint}")
}
