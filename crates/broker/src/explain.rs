//! Why something does *not* happen: the conditions of a rule, each with the facts it reads and whether it holds now.
//!
//! Read-only: it asks the same state as the rules do, changes nothing, and makes no sentences.

use crate::partition::{IsrChange, Partition, Replica};
use crate::purgatory::Kind;
use crate::replica_manager::{Delayed, ReplicaManager, RequestToken};
use crate::rules;
use log::UnifiedLog;
use protocol::trace::{Fact, FactKey, FactKind, RuleId, Subject, Value};
use protocol::{Instant, NodeId, Offset, TopicPartition};

/// One condition: the rule that asks it, whether it holds, and what it reads.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    pub rule: RuleId,
    pub holds: bool,
    pub facts: Vec<Fact>,
}

/// A request that waits: until when, and what it waits for.
#[derive(Clone, Debug, PartialEq)]
pub struct Waiting {
    pub kind: Kind,
    pub due: Instant,
    pub conditions: Vec<Condition>,
}

struct Asked<'a> {
    me: NodeId,
    tp: &'a TopicPartition,
    partition: &'a Partition,
    log: &'a UnifiedLog,
}

impl Asked<'_> {
    fn own(&self, kind: FactKind, value: impl Into<Value>) -> Fact {
        Fact::new(FactKey::replica(kind, self.me, self.tp), value)
    }

    fn remote(&self, id: NodeId, kind: FactKind, value: impl Into<Value>) -> Fact {
        Fact::new(
            FactKey::new(kind, Subject::Remote(self.me, id, self.tp.clone())),
            value,
        )
    }

    fn isr(&self) -> Fact {
        let ids = self
            .partition
            .state()
            .isr()
            .iter()
            .map(|id| id.get())
            .collect();
        self.own(FactKind::Isr, Value::Ids(ids))
    }

    fn min_isr(&self) -> (usize, Fact) {
        let configured = self.log.config().min_insync_replicas;
        let key = FactKey::partition(FactKind::MinInsyncReplicas, self.tp);
        (
            self.partition.effective_min_isr(configured),
            Fact::new(key, i64::from(configured)),
        )
    }

    fn enough_in_sync(&self, rule: RuleId) -> Condition {
        let (min, fact) = self.min_isr();
        Condition {
            rule,
            holds: self.partition.state().isr().len() >= min,
            facts: vec![self.isr(), fact],
        }
    }

    fn marks(&self) -> Vec<Fact> {
        vec![
            self.own(FactKind::HighWatermark, self.log.high_watermark().get()),
            self.own(FactKind::LogEndOffset, self.log.log_end_offset().get()),
        ]
    }
}

impl ReplicaManager {
    fn asked<'a>(&'a self, tp: &'a TopicPartition) -> Option<Asked<'a>> {
        let (partition, log) = (self.partition(tp)?, self.log(tp)?);
        partition.is_leader(self.node_id()).then_some(Asked {
            me: self.node_id(),
            tp,
            partition,
            log,
        })
    }

    /// What a leader's high watermark needs to pass where it is: enough replicas in sync, and each replica that it waits
    /// for beyond it. Empty when this broker does not lead or there is nothing above the high watermark.
    pub fn why_high_watermark_waits(&self, tp: &TopicPartition, now: Instant) -> Vec<Condition> {
        let Some(asked) = self.asked(tp) else {
            return Vec::new();
        };
        let hw = asked.log.high_watermark();
        if hw == asked.log.log_end_offset() {
            return Vec::new();
        }
        let mut conditions = vec![asked.enough_in_sync(rules::HW_STRICT_MIN_ISR)];
        for (&id, replica) in asked.partition.remote_replicas() {
            let member = asked.partition.state().in_maximal_isr(id);
            if member || self.is_about_to_join(&asked, id, replica, now) {
                let mut facts = asked.marks();
                facts.push(asked.remote(id, FactKind::LogEndOffset, replica.end_offset().get()));
                facts.push(asked.remote(
                    id,
                    FactKind::LastCaughtUp,
                    replica.last_caught_up_time_ms,
                ));
                let pending = asked.partition.state().pending().map(|p| &p.change);
                let joining = matches!(pending, Some(IsrChange::Expand(joining)) if *joining == id);
                let rule = if joining {
                    rules::HW_MAXIMAL_ISR
                } else {
                    rules::HW_LEADER
                };
                conditions.push(Condition {
                    rule,
                    holds: replica.end_offset() > hw,
                    facts,
                });
            }
        }
        conditions
    }

    fn is_about_to_join(&self, asked: &Asked, id: NodeId, replica: &Replica, now: Instant) -> bool {
        let lag_max_ms = self.config().replica_lag_time_max_ms;
        replica.is_caught_up(asked.log.log_end_offset(), now.ms(), lag_max_ms)
            && self
                .metadata()
                .broker(id)
                .is_some_and(|b| !b.fenced && !b.in_controlled_shutdown)
    }

    /// What a follower outside the ISR needs to be admitted. Empty when it is a member, or this broker does not lead.
    pub fn why_not_in_sync(&self, tp: &TopicPartition, follower: NodeId) -> Vec<Condition> {
        let Some(asked) = self.asked(tp) else {
            return Vec::new();
        };
        let Some(replica) = asked.partition.remote_replicas().get(&follower) else {
            return Vec::new();
        };
        if asked.partition.state().isr().contains(&follower) {
            return Vec::new();
        }
        let end = replica.end_offset();
        let told = asked.remote(follower, FactKind::LogEndOffset, end.get());
        let condition = |holds, facts| Condition {
            rule: rules::ISR_EXPAND,
            holds,
            facts,
        };
        let broker = self.metadata().broker(follower);
        let peer = |kind, value: bool| {
            Fact::new(FactKey::new(kind, Subject::Peer(asked.me, follower)), value)
        };
        let fenced = broker.is_none_or(|b| b.fenced);
        let stopping = broker.is_some_and(|b| b.in_controlled_shutdown);
        let epoch = replica.broker_epoch.filter(|e| !e.is_none());
        let current = epoch.is_none_or(|e| broker.is_some_and(|b| b.epoch == e));
        let mut conditions = vec![
            condition(
                !asked.partition.state().is_in_flight(),
                vec![asked.own(FactKind::PendingIsr, asked.partition.state().is_in_flight())],
            ),
            condition(!fenced, vec![peer(FactKind::Fenced, fenced)]),
            condition(!stopping, vec![peer(FactKind::ShuttingDown, stopping)]),
            condition(
                replica.broker_epoch.is_some() && current,
                vec![asked.remote(
                    follower,
                    FactKind::BrokerEpoch,
                    epoch.map_or(-1, |e| e.get()),
                )],
            ),
            condition(
                end >= asked.log.high_watermark(),
                [vec![told.clone()], asked.marks()].concat(),
            ),
        ];
        if let Some(start) = asked.partition.leader_epoch_start_offset() {
            conditions.push(condition(
                end >= start,
                vec![told, asked.own(FactKind::EpochStart, start.get())],
            ));
        }
        conditions
    }

    /// What a parked request waits for; `None` when it is not parked here.
    pub fn why_request_waits(&self, token: RequestToken) -> Option<Waiting> {
        let (due, kind, _, operation) = self
            .purgatory()
            .iter()
            .find(|(_, _, _, op)| op.token() == token)?;
        let conditions = match operation {
            Delayed::Produce(op) => op
                .statuses
                .iter()
                .filter_map(|s| Some((self.asked(&s.topic_partition)?, s.required_offset)))
                .map(|(asked, required)| Condition {
                    rule: rules::PRODUCE_ACKS_ALL,
                    holds: asked.log.high_watermark() >= required,
                    facts: asked.marks(),
                })
                .collect(),
            Delayed::Fetch(op) => op
                .partitions
                .iter()
                .filter_map(|(info, _)| {
                    let log = self.log(&info.topic_partition)?;
                    let key = |kind| FactKey::replica(kind, self.node_id(), &info.topic_partition);
                    let (bound, kind): (Offset, _) = match op.params.isolation {
                        log::FetchIsolation::LogEnd => {
                            (log.log_end_offset(), FactKind::LogEndOffset)
                        }
                        log::FetchIsolation::HighWatermark => {
                            (log.high_watermark(), FactKind::HighWatermark)
                        }
                        log::FetchIsolation::TxnCommitted => {
                            (log.last_stable_offset(), FactKind::LastStableOffset)
                        }
                    };
                    let facts = vec![Fact::new(key(kind), bound.get())];
                    Some(Condition {
                        rule: rules::FETCH_PARKED,
                        holds: bound > info.fetch_offset,
                        facts,
                    })
                })
                .collect(),
            Delayed::DeleteRecords(op) => op
                .statuses
                .iter()
                .filter_map(|s| Some((self.asked(&s.topic_partition)?, s.required_offset)))
                .flat_map(|(asked, required)| {
                    let followers = asked.partition.remote_replicas().iter();
                    let alive = followers.filter(|&(id, _)| self.metadata().has_alive_broker(*id));
                    let condition = |(&id, replica): (&NodeId, &Replica)| Condition {
                        rule: rules::DELETE_RECORDS,
                        holds: replica.log_start_offset >= required,
                        facts: vec![asked.remote(
                            id,
                            FactKind::LogStartOffset,
                            replica.log_start_offset.get(),
                        )],
                    };
                    alive.map(condition).collect::<Vec<_>>()
                })
                .collect(),
        };
        Some(Waiting {
            kind,
            due,
            conditions,
        })
    }
}
