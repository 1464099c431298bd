//! Those who watch a world without being in it: the ledger and the checks.
//!
//! They see every change and everything that applications did or were told, after the step that brought it.

use super::World;
use crate::actor::AppEvent;
use crate::checks::{Checks, Delivery, Registration};
use crate::ids::EventId;
use crate::ledger::{Forfeit, Ledger, Sent};
use crate::session::Violation;
use clients::error::{ClientError, ErrorKind};
use protocol::trace::{Change, FactKind, Subject};
use protocol::{ErrorCode, Name, NodeId, TopicPartition};
use std::sync::Arc;

/// See the module. A clone shares until it changes.
#[derive(Clone, Debug)]
pub struct Watch {
    pub(crate) ledger: Arc<Ledger>,
    checks: Arc<Checks>,
    checking: bool,
    pub(crate) violation: Option<Violation>,
    /// What applications did and were told, for somebody who asks for it.
    told: Option<Vec<(Name, AppEvent)>>,
}

impl Default for Watch {
    fn default() -> Self {
        Self {
            ledger: Arc::default(),
            checks: Arc::default(),
            checking: true,
            violation: None,
            told: None,
        }
    }
}

impl World {
    pub fn ledger(&self) -> &Ledger {
        &self.watch.ledger
    }

    /// A broken invariant; the first one stays.
    pub fn violation(&self) -> Option<&Violation> {
        self.watch.violation.as_ref()
    }

    /// Begins to keep what applications do and are told.
    pub fn keep_told(&mut self) {
        self.watch.told.get_or_insert_with(Vec::new);
    }

    /// What was kept since the last call: client and event, in order.
    pub fn take_told(&mut self) -> Vec<(Name, AppEvent)> {
        self.watch
            .told
            .as_mut()
            .map(std::mem::take)
            .unwrap_or_default()
    }

    /// Switches the checks off or on (for measuring what they cost).
    pub fn set_checking(&mut self, on: bool) {
        self.watch.checking = on;
    }

    /// A fact changed.
    pub(super) fn watch_change(&mut self, change: &Change, by: EventId) {
        let relevant = matches!(
            change.key.subject,
            Subject::Replica(..) | Subject::Partition(_)
        );
        if !relevant || self.begins == EventId::BEGINNING {
            return;
        }
        let mut watch = std::mem::take(&mut self.watch);
        match &change.key.subject {
            Subject::Replica(_, tp) if is_user(tp) => {
                Arc::make_mut(&mut watch.ledger).observe(change, by, self);
                if watch.checking {
                    let checks = Arc::make_mut(&mut watch.checks);
                    let found = checks.observe(change, by, self.protections(), self);
                    watch.found(found);
                }
            }
            Subject::Partition(tp) if change.key.kind == FactKind::PartitionEpoch => {
                watch.registered(tp, by, self);
            }
            _ => {}
        }
        self.watch = watch;
    }

    /// What an application did or was told.
    pub(super) fn watch_app(
        &mut self,
        client: &Name,
        reader: &Name,
        events: Vec<AppEvent>,
        by: EventId,
    ) {
        if events.is_empty() {
            return;
        }
        let now = self.now();
        let mut watch = std::mem::take(&mut self.watch);
        if let Some(told) = &mut watch.told {
            told.extend(events.iter().map(|e| (client.clone(), e.clone())));
        }
        let ledger = Arc::make_mut(&mut watch.ledger);
        let checks = Arc::make_mut(&mut watch.checks);
        let mut found = None;
        for event in events {
            match event {
                AppEvent::Sent {
                    call,
                    topic,
                    key,
                    value,
                    acks_all,
                    ..
                } => {
                    let (key, value) = (key.as_deref(), value.as_deref());
                    let sent = Sent {
                        send: call,
                        topic: &topic,
                        acks_all,
                        key,
                        value,
                    };
                    ledger.sent(client, sent, now, by);
                }
                AppEvent::Acked { call, tp, offset } => {
                    ledger.acked(client, call, &tp, by);
                    if watch.checking {
                        found = found.or(checks.acked(client, call, &tp, offset, by));
                    }
                }
                AppEvent::SendFailed { call, tp, error } => {
                    if tp.partition >= 0 {
                        ledger.partitioned(client, call, &tp);
                    }
                    ledger.failed(client, call, code_of(&error), by);
                }
                AppEvent::Delivered { tp, offset, .. } => {
                    ledger.readers.delivered(reader, &tp, offset);
                    if watch.checking {
                        let delivery = Delivery {
                            consumer: client,
                            tp: &tp,
                            offset,
                        };
                        found = found.or(checks.delivered(delivery, by));
                    }
                }
                AppEvent::Processed { tp, offset } => ledger.readers.processed(reader, &tp, offset),
                _ => {}
            }
        }
        watch.found(found);
        self.watch = watch;
    }

    /// A node's disk lost what was on it, all of it or what was not flushed.
    pub(super) fn watch_forfeit(&mut self, node: NodeId, by: EventId, why: Forfeit) {
        let tps: Vec<TopicPartition> = match self.broker(node) {
            Some(broker) => broker
                .replicas()
                .partitions()
                .map(|p| p.topic_partition().clone())
                .collect(),
            None => self.known_partitions(),
        };
        Arc::make_mut(&mut self.watch.ledger).forfeited(Some(node), by, why);
        let checks = Arc::make_mut(&mut self.watch.checks);
        for tp in tps {
            checks.forfeited(&tp, by);
        }
    }

    fn known_partitions(&self) -> Vec<TopicPartition> {
        let Some(controller) = self.active_controller() else {
            return Vec::new();
        };
        let topics = controller.image().topics.iter();
        topics
            .flat_map(|t| {
                t.partitions
                    .keys()
                    .map(|&p| TopicPartition::new(t.name.clone(), p))
            })
            .collect()
    }

    fn registration(&self, tp: &TopicPartition) -> Option<Registration> {
        let image = self.active_controller()?.image();
        let p = image
            .topics
            .topic_named(&tp.topic)?
            .partition(tp.partition)?;
        let fenced = image
            .cluster
            .brokers
            .values()
            .filter(|b| b.fenced)
            .map(|b| b.id);
        let leader_log = self.log(p.leader, tp);
        Some(Registration {
            leader: p.leader,
            leader_epoch: p.leader_epoch,
            partition_epoch: p.partition_epoch,
            replicas: p.replicas.clone(),
            isr: p.isr.clone(),
            elr: p.elr.clone(),
            fenced: fenced.collect(),
            min_insync_replicas: leader_log.map_or(1, |l| l.config().min_insync_replicas) as usize,
        })
    }
}

impl Watch {
    fn found(&mut self, found: Option<Violation>) {
        if self.violation.is_none() {
            self.violation = found;
        }
    }

    fn registered(&mut self, tp: &TopicPartition, by: EventId, world: &World) {
        let Some(now) = world.registration(tp) else {
            return;
        };
        let checks = Arc::make_mut(&mut self.checks);
        if checks.elects_uncleanly(tp, &now) {
            checks.forfeited(tp, by);
            Arc::make_mut(&mut self.ledger).forfeited(None, by, Forfeit::UncleanElection);
        }
        let found = checks.registered(tp, now, by);
        if self.checking {
            self.found(found);
        }
    }
}

/// Internal topics are Kafka's own; nobody sent their records.
fn is_user(tp: &TopicPartition) -> bool {
    !tp.topic.starts_with("__")
}

/// Kafka's code of an exception; one without a code is the cause's, or unknown.
fn code_of(error: &ClientError) -> ErrorCode {
    let kinds = [Some(error.kind), error.cause];
    let code = kinds.into_iter().flatten().find_map(|kind| match kind {
        ErrorKind::Code(code) => Some(code),
        ErrorKind::Class(_) => None,
    });
    code.unwrap_or(ErrorCode::UnknownServerError)
}
