//! Telling the trace what changed, and which facts the rule had before it.

use super::{Env, Partition, PartitionState};
use log::UnifiedLog;
use protocol::trace::{Fact, FactKey, FactKind, RuleId, Subject, Value};
use protocol::{NodeId, Offset};
use std::collections::BTreeSet;

use crate::rules;

/// The marks of a log that everybody sees move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Marks {
    pub log_start: Offset,
    pub last_stable: Offset,
    pub high_watermark: Offset,
    pub log_end: Offset,
}

impl Marks {
    pub fn of(log: &UnifiedLog) -> Self {
        Self {
            log_start: log.log_start_offset(),
            last_stable: log.last_stable_offset(),
            high_watermark: log.high_watermark(),
            log_end: log.log_end_offset(),
        }
    }
}

pub(super) fn ids(ids: impl IntoIterator<Item = NodeId>) -> Value {
    Value::Ids(ids.into_iter().map(|id| id.0).collect())
}

/// Reports whatever moved since `before`, all by `rule`; LSO has its own rule, which reads HW.
pub(super) fn marks(partition: &Partition, before: Marks, rule: RuleId, env: &mut Env) {
    let after = Marks::of(env.log);
    if before == after {
        return;
    }
    let min_isr = i64::from(env.log.config().min_insync_replicas);
    let me = env.me;
    let tp = &partition.topic_partition;
    let own = |kind| FactKey::replica(kind, me, tp);
    let mut read = || {
        let mut facts = vec![
            Fact::new(own(FactKind::LogEndOffset), before.log_end.0),
            Fact::new(own(FactKind::HighWatermark), before.high_watermark.0),
            Fact::new(
                own(FactKind::LeaderEpoch),
                i64::from(partition.leader_epoch.0),
            ),
        ];
        if partition.is_leader(me) {
            facts.push(Fact::new(
                own(FactKind::Isr),
                ids(partition.state.isr().iter().copied()),
            ));
            facts.push(Fact::new(
                FactKey::partition(FactKind::MinInsyncReplicas, tp),
                min_isr,
            ));
            if let Some(pending) = partition.state.pending() {
                let sent = pending.sent.isr.iter().map(|(id, _)| *id);
                facts.push(Fact::new(own(FactKind::PendingIsr), ids(sent)));
            }
            for (&id, replica) in &partition.remote_replicas {
                let about = |kind| FactKey::new(kind, Subject::Remote(me, id, tp.clone()));
                facts.push(Fact::new(
                    about(FactKind::LogEndOffset),
                    replica.end_offset().0,
                ));
                facts.push(Fact::new(
                    about(FactKind::LastCaughtUp),
                    replica.last_caught_up_time_ms,
                ));
            }
        }
        facts
    };
    let ctx = &mut *env.ctx;
    ctx.changed(
        own(FactKind::LogStartOffset),
        before.log_start.0,
        after.log_start.0,
        rule,
        &mut read,
    );
    ctx.changed(
        own(FactKind::LogEndOffset),
        before.log_end.0,
        after.log_end.0,
        rule,
        &mut read,
    );
    ctx.changed(
        own(FactKind::HighWatermark),
        before.high_watermark.0,
        after.high_watermark.0,
        rule,
        &mut read,
    );
    ctx.changed(
        own(FactKind::LastStableOffset),
        before.last_stable.0,
        after.last_stable.0,
        rules::LSO,
        || {
            vec![Fact::new(
                own(FactKind::HighWatermark),
                after.high_watermark.0,
            )]
        },
    );
}

impl Partition {
    /// Reports a new committed ISR; a pending change, if any, ends with it.
    pub(super) fn report_isr(&self, isr: &BTreeSet<NodeId>, rule: RuleId, env: &mut Env) {
        let tp = &self.topic_partition;
        let own = |kind| FactKey::replica(kind, env.me, tp);
        let (isr_key, pending_key) = (own(FactKind::Isr), own(FactKind::PendingIsr));
        let sent = self
            .state
            .pending()
            .map(|p| ids(p.sent.isr.iter().map(|(id, _)| *id)));
        let pending_fact = sent
            .clone()
            .map(|sent| Fact::new(pending_key.clone(), sent));
        let registered = Fact::new(
            FactKey::partition(FactKind::Isr, tp),
            ids(isr.iter().copied()),
        );
        let from = ids(self.state.isr().iter().copied());
        env.ctx
            .changed(isr_key, from, ids(isr.iter().copied()), rule, || {
                let mut facts = vec![registered.clone()];
                facts.extend(pending_fact.clone());
                facts
            });
        env.ctx.changed(
            pending_key,
            sent.unwrap_or(Value::None),
            Value::None,
            rule,
            Vec::new,
        );
    }

    pub(super) fn set_committed(&mut self, isr: BTreeSet<NodeId>, rule: RuleId, env: &mut Env) {
        self.report_isr(&isr, rule, env);
        self.state = PartitionState::Committed(isr);
    }
}
