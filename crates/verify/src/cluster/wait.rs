//! `wait_until`: conditions on what brokers know and what replicas hold.

use super::{PATIENCE_MS, Player};
use crate::Step;
use protocol::{NodeId, Offset, TopicPartition};
use serde_json::Value;
use sim::World;
use std::collections::BTreeSet;

/// Every partition's leader leads by its own word.
pub fn leaders_answer(world: &World, topic: &str) -> bool {
    let Some(image) = world
        .working_brokers()
        .max_by_key(|b| b.image().offset)
        .map(|b| b.image())
    else {
        return false;
    };
    image.topics.topic_named(topic).is_some_and(|t| {
        t.partitions.iter().all(|(&index, p)| {
            let tp = TopicPartition::new(t.name.clone(), index);
            p.leader.is_none()
                || world
                    .partition(p.leader, &tp)
                    .is_some_and(|r| r.is_leader(p.leader))
        })
    })
}

fn set(value: &Value) -> BTreeSet<i64> {
    value
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_i64)
        .collect()
}

fn ids(list: &[NodeId]) -> BTreeSet<i64> {
    list.iter().map(|id| i64::from(id.0)).collect()
}

/// Conditions on one partition, as every running broker's metadata has it.
fn metadata_holds(world: &World, step: &Step, topic: &str, partition: i32) -> bool {
    world.working_brokers().all(|b| {
        let Some(p) = b
            .image()
            .topics
            .topic_named(topic)
            .and_then(|t| t.partition(partition))
        else {
            return false;
        };
        let leader = i64::from(p.leader.0);
        let replicas: Vec<i64> = p.replicas.iter().map(|id| i64::from(id.0)).collect();
        let wanted = step.get("replicas").as_array();
        let wanted: Option<Vec<i64>> = wanted.map(|l| l.iter().filter_map(Value::as_i64).collect());
        (!step.has("leader") || step.i64("leader") == Some(leader))
            && (!step.has("not_leader") || (step.i64("not_leader") != Some(leader) && leader >= 0))
            && (!step.has("isr") || set(step.get("isr")) == ids(&p.isr))
            && (!step.has("elr") || set(step.get("elr")) == ids(&p.elr))
            && wanted.is_none_or(|w| w == replicas)
    })
}

/// Conditions on replicas: of the leader, or of the brokers that the step names.
fn replicas_hold(world: &World, step: &Step, tp: &TopicPartition, leader: Option<NodeId>) -> bool {
    let marks = ["hw", "leo", "log_start"];
    if marks.iter().all(|m| !step.has(m)) {
        return true;
    }
    let brokers: Vec<NodeId> = match step.get("brokers").as_array() {
        Some(list) => list
            .iter()
            .filter_map(Value::as_i64)
            .map(|id| NodeId(id as i32))
            .collect(),
        None => leader.into_iter().collect(),
    };
    !brokers.is_empty()
        && brokers.iter().all(|&id| {
            let Some(log) = world.log(id, tp) else {
                return false;
            };
            let is = |name: &str, now: Offset| step.i64(name).is_none_or(|wanted| wanted == now.0);
            is("hw", log.high_watermark())
                && is("leo", log.log_end_offset())
                && is("log_start", log.log_start_offset())
        })
}

impl Player {
    /// Runs until `ready`, hearing what applications are told.
    fn wait_for_consumers(
        &mut self,
        step: &Step,
        ready: impl Fn(&Self) -> bool,
    ) -> Result<(), String> {
        let until = self.now().after_ms(PATIENCE_MS);
        loop {
            self.hear();
            if ready(self) {
                return Ok(());
            }
            if !self.world.step_until(until) {
                self.hear();
                return match ready(self) {
                    true => Ok(()),
                    false => Err(format!("waited in vain for {:?}", step.input)),
                };
            }
        }
    }

    pub(super) fn wait_step(&mut self, step: &Step) -> Result<(), String> {
        if let Some(name) = step.str("no_topic") {
            return self.wait("the topic to go", |w| {
                w.working_brokers()
                    .all(|b| b.image().topics.topic_named(name).is_none())
            });
        }
        if let Some(id) = step.str("consumer") {
            return self.wait_for_consumers(step, |player| player.consumer_holds(step, id));
        }
        if step.has("all_assigned") {
            let ids = step.get("all_assigned").as_array().into_iter().flatten();
            let ids: Vec<&str> = ids.filter_map(Value::as_str).collect();
            return self.wait_for_consumers(step, |player| {
                let owned: Vec<_> = ids.iter().flat_map(|id| player.owned(id)).collect();
                let different: BTreeSet<_> = owned.iter().collect();
                step.i64("partitions") == Some(owned.len() as i64) && different.len() == owned.len()
            });
        }
        if let Some(group) = step.str("group") {
            return self.wait_for_group(step, group);
        }
        let Some(topic) = step.str("topic") else {
            return Err("this condition is not played".into());
        };
        let partition = step.i64("partition").unwrap_or(0) as i32;
        let tp = TopicPartition::new(topic, partition);
        let metadata = ["leader", "not_leader", "isr", "elr", "replicas"]
            .iter()
            .any(|c| step.has(c));
        let what = format!("{:?}", step.input);
        self.wait(&what, |w| {
            let newest = w.working_brokers().max_by_key(|b| b.image().offset);
            let registered =
                newest.and_then(|b| b.image().topics.topic_named(topic)?.partition(partition));
            let leader = registered.map(|p| p.leader).filter(|id| !id.is_none());
            let answers =
                leader.is_none_or(|id| w.partition(id, &tp).is_some_and(|p| p.is_leader(id)));
            (!metadata || (metadata_holds(w, step, topic, partition) && answers))
                && replicas_hold(w, step, &tp, leader)
        })
    }
}
