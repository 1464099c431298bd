//! Tells the trace what the records of a result change, by which rule, and what the rule read.
//!
//! Only the active controller tells, at the moment it writes: brokers and other controllers learn of the same change
//! later, and that is another event.

use protocol::trace::{Fact, FactKey, FactKind, RuleId, Subject, Value};
use protocol::{Ctx, NodeId, Offset, TopicPartition, Uuid};

use super::{Controller, ControllerResult, DurableState};
use crate::partition::PartitionRegistration;
use crate::record::MetadataRecord;
use crate::rules;

fn ids(list: &[NodeId]) -> Value {
    Value::Ids(list.iter().map(|id| id.0).collect())
}

fn node(kind: FactKind, id: NodeId) -> FactKey {
    FactKey::new(kind, Subject::Node(id))
}

/// A property of a partition as the trace keeps it.
type Property<'a> = &'a dyn Fn(&PartitionRegistration) -> Value;

impl Controller {
    /// [`Controller::appended`], with every change told to the trace.
    pub fn appended_in<T>(
        &mut self,
        ctx: &mut Ctx<'_>,
        result: &ControllerResult<T>,
        base_offset: Offset,
    ) -> Offset {
        let before = self.state.clone();
        let end = self.appended(ctx.now, result, base_offset);
        if let Some((broker, from_ms, to_ms)) = result.contact {
            let key = FactKey::new(
                FactKind::SessionDeadline,
                Subject::Peer(self.config.node_id, broker),
            );
            ctx.changed(key, from_ms, to_ms, rules::BROKER_SESSION_TIMEOUT, Vec::new);
        }
        let read_to = node(FactKind::MetadataOffset, self.config.node_id);
        let offsets = (before.image.offset.0, self.state.image.offset.0);
        ctx.changed(
            read_to,
            offsets.0,
            offsets.1,
            crate::node::rules::NODE_APPEND,
            Vec::new,
        );
        let mut told: Vec<(Uuid, i32)> = Vec::new();
        for record in &result.records {
            match &record.message {
                MetadataRecord::RegisterBroker(r) => {
                    self.tell_broker(&before, r.broker_id, result.rule, ctx)
                }
                MetadataRecord::UnregisterBroker(r) => {
                    self.tell_broker(&before, r.broker_id, result.rule, ctx)
                }
                MetadataRecord::BrokerRegistrationChange(r) => {
                    self.tell_broker(&before, r.broker_id, result.rule, ctx);
                }
                MetadataRecord::Partition(r) => told.push((r.topic_id, r.partition_id)),
                MetadataRecord::PartitionChange(r) => told.push((r.topic_id, r.partition_id)),
                MetadataRecord::ClearElr(r) => {
                    let touched = before.image.topics.partitions().filter(|(topic, _, p)| {
                        let named = r.topic_name.is_empty() || topic.name == r.topic_name;
                        named && !(p.elr.is_empty() && p.last_known_elr.is_empty())
                    });
                    told.extend(touched.map(|(topic, partition, _)| (topic.id, partition)));
                }
                MetadataRecord::RemoveTopic(r) => {
                    let partitions = before
                        .image
                        .topics
                        .topic(r.topic_id)
                        .into_iter()
                        .flat_map(|t| t.partitions.keys());
                    told.extend(partitions.map(|p| (r.topic_id, *p)));
                }
                _ => {}
            }
        }
        told.sort();
        told.dedup();
        for (topic_id, partition) in told {
            self.tell_partition(&before, topic_id, partition, result.rule, ctx);
        }
        end
    }

    fn tell_broker(&self, before: &DurableState, id: NodeId, rule: RuleId, ctx: &mut Ctx<'_>) {
        let (old, new) = (
            before.image.cluster.broker(id),
            self.image().cluster.broker(id),
        );
        let session = FactKey::new(
            FactKind::SessionDeadline,
            Subject::Peer(self.config.node_id, id),
        );
        let epoch = new.or(old).map(|b| b.epoch);
        let deadline = || {
            let contact = self
                .heartbeats()
                .and_then(|h| h.last_contact_ms(id, epoch?));
            contact.map_or(Value::None, |ms| {
                Value::Int(ms + self.config.session_timeout_ms)
            })
        };
        let read = || {
            let mut facts = vec![Fact::new(session.clone(), deadline())];
            if let Some(old) = old {
                facts.push(Fact::new(node(FactKind::BrokerEpoch, id), old.epoch.0));
            }
            facts
        };
        let epoch_of = |b: Option<&crate::BrokerRegistration>| {
            b.map_or(Value::None, |b| Value::Int(b.epoch.0))
        };
        let fenced = |b: Option<&crate::BrokerRegistration>| {
            b.map_or(Value::None, |b| Value::Bool(b.fenced))
        };
        let stopping = |b: Option<&crate::BrokerRegistration>| {
            Value::Bool(b.is_some_and(|b| b.in_controlled_shutdown))
        };
        ctx.changed(
            node(FactKind::BrokerEpoch, id),
            epoch_of(old),
            epoch_of(new),
            rules::BROKER_EPOCH,
            read,
        );
        ctx.changed(
            node(FactKind::Fenced, id),
            fenced(old),
            fenced(new),
            rule,
            read,
        );
        ctx.changed(
            node(FactKind::ShuttingDown, id),
            stopping(old),
            stopping(new),
            rule,
            read,
        );
    }

    fn tell_partition(
        &self,
        before: &DurableState,
        topic_id: Uuid,
        partition: i32,
        rule: RuleId,
        ctx: &mut Ctx<'_>,
    ) {
        let old = before.image.topics.partition(topic_id, partition);
        let new = self.image().topics.partition(topic_id, partition);
        let topic = self
            .image()
            .topics
            .topic(topic_id)
            .or_else(|| before.image.topics.topic(topic_id));
        let Some(topic) = topic else { return };
        let tp = TopicPartition::new(topic.name.clone(), partition);
        let key = |kind| FactKey::partition(kind, &tp);
        let read = || {
            let Some(p) = old else { return Vec::new() };
            let mut facts = vec![
                Fact::new(key(FactKind::Leader), i64::from(p.leader.0)),
                Fact::new(key(FactKind::Replicas), ids(&p.replicas)),
                Fact::new(key(FactKind::Isr), ids(&p.isr)),
                Fact::new(key(FactKind::Elr), ids(&p.elr)),
                Fact::new(key(FactKind::LastKnownElr), ids(&p.last_known_elr)),
            ];
            if new.is_some() {
                let min_isr = self.effective_min_isr(topic) as i64;
                facts.push(Fact::new(key(FactKind::MinInsyncReplicas), min_isr));
            }
            for broker in p
                .replicas
                .iter()
                .filter_map(|r| self.image().cluster.broker(*r))
            {
                facts.push(Fact::new(node(FactKind::Fenced, broker.id), broker.fenced));
            }
            facts
        };
        let election = election_rule(old, new, rule);
        let of = |p: Option<&PartitionRegistration>,
                  f: &dyn Fn(&PartitionRegistration) -> Value| {
            p.map_or(Value::None, f)
        };
        let facts: [(FactKind, RuleId, Property<'_>); 8] = [
            (FactKind::Existence, rule, &|_| Value::Bool(true)),
            (FactKind::Replicas, assignment_rule(old, new, rule), &|p| {
                ids(&p.replicas)
            }),
            (FactKind::Leader, election, &|p| {
                Value::Int(p.leader.0.into())
            }),
            (FactKind::Isr, isr_rule(new, election, rule), &|p| {
                ids(&p.isr)
            }),
            (FactKind::Elr, elr_rule(election, rule), &|p| ids(&p.elr)),
            (
                FactKind::LastKnownElr,
                elr_rule(rules::ELR_LAST_KNOWN, rule),
                &|p| ids(&p.last_known_elr),
            ),
            (FactKind::LeaderEpoch, rules::PARTITION_EPOCHS, &|p| {
                Value::Int(p.leader_epoch.0.into())
            }),
            (FactKind::PartitionEpoch, rules::PARTITION_EPOCHS, &|p| {
                Value::Int(p.partition_epoch.0.into())
            }),
        ];
        for (kind, rule, value) in facts {
            let (from, to) = (of(old, value), of(new, value));
            // A partition that comes with an empty ELR does not change it.
            if !(from == Value::None && to == Value::Ids(Vec::new())) {
                ctx.changed(key(kind), from, to, rule, read);
            }
        }
    }
}

/// How the leader came to lead: from what the partition was and what it is.
fn election_rule(
    old: Option<&PartitionRegistration>,
    new: Option<&PartitionRegistration>,
    rule: RuleId,
) -> RuleId {
    let (Some(old), Some(new)) = (old, new) else {
        return rule;
    };
    let leader = new.leader;
    if leader.is_none() {
        rules::ELECTION_NOBODY
    } else if old.isr.contains(&leader) || new.isr[..] != [leader] {
        if rule == rules::ELECTION_PREFERRED {
            rule
        } else {
            rules::ELECTION_CLEAN
        }
    } else if old.elr.contains(&leader) {
        rules::ELECTION_ELR
    } else if old.last_known_elr[..] == [leader] && !new.is_reassigning() {
        rules::ELECTION_LAST_KNOWN
    } else {
        rules::ELECTION_UNCLEAN
    }
}

fn isr_rule(new: Option<&PartitionRegistration>, election: RuleId, rule: RuleId) -> RuleId {
    let unsafe_election = [
        rules::ELECTION_ELR,
        rules::ELECTION_LAST_KNOWN,
        rules::ELECTION_UNCLEAN,
    ];
    if new.is_some() && unsafe_election.contains(&election) {
        election
    } else {
        rule
    }
}

fn elr_rule(kept: RuleId, rule: RuleId) -> RuleId {
    match rule {
        rules::CONFIG_ALTERED => rules::ELR_CLEAR,
        rules::BROKER_UNCLEAN_SHUTDOWN | rules::TOPIC_DELETED => rule,
        _ if kept == rules::ELR_LAST_KNOWN => kept,
        _ => rules::ELR_MAINTENANCE,
    }
}

fn assignment_rule(
    old: Option<&PartitionRegistration>,
    new: Option<&PartitionRegistration>,
    rule: RuleId,
) -> RuleId {
    match (old, new) {
        (Some(old), Some(new)) if old.is_reassigning() && !new.is_reassigning() => {
            let dropped_added = old
                .adding_replicas
                .iter()
                .any(|r| !new.replicas.contains(r));
            if dropped_added {
                rules::REASSIGNMENT_CANCELLED
            } else {
                rules::REASSIGNMENT_COMPLETED
            }
        }
        _ => rule,
    }
}
