//! ISR changes: who is out, who may join, and what the controller's answer does.
//!
//! A change is proposed here and sent by others. Until it is answered, no other is proposed.

use super::{Env, IsrChange, Partition, PartitionState, PendingChange, SentLeaderAndIsr};
use crate::alter_partition::AlterPartitionResult;
use crate::rules;
use protocol::trace::{Fact, FactKey, FactKind, Subject, Value};
use protocol::{BrokerEpoch, ErrorCode, NodeId, Protection};
use std::collections::BTreeSet;

/// What the answer to a proposed change did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnswerOutcome {
    /// Metadata overtook the change; the answer says nothing any more.
    Obsolete,
    /// Taken or refused; `hw_incremented` tells whether waiting requests must be checked.
    Settled { hw_incremented: bool },
    /// The change stays pending until metadata arrives.
    StaysPending,
    /// The same change must be sent again.
    Retry,
}

impl Partition {
    /// Proposes to admit a follower that just fetched, if it may join (`Partition.maybeExpandIsr`).
    pub(crate) fn maybe_expand_isr(
        &mut self,
        follower: NodeId,
        env: &mut Env,
    ) -> Option<PendingChange> {
        let eligible = !self.state.is_in_flight()
            && !self.state.isr().contains(&follower)
            && self.is_replica_isr_eligible(follower, env)
            && self.is_follower_in_sync(follower, env);
        if !eligible {
            return None;
        }
        let mut isr = self.state.isr().clone();
        isr.insert(follower);
        Some(self.propose(IsrChange::Expand(follower), isr, env))
    }

    /// Proposes to remove every follower that is behind for too long (`Partition.maybeShrinkIsr`).
    pub(crate) fn maybe_shrink_isr(&mut self, env: &mut Env) -> Option<PendingChange> {
        if !self.is_leader(env.me) || self.state.is_in_flight() {
            return None;
        }
        let out = self.out_of_sync_replicas(env);
        if out.is_empty() {
            return None;
        }
        let isr = self.state.isr().difference(&out).copied().collect();
        Some(self.propose(IsrChange::Shrink(out), isr, env))
    }

    /// `Partition.getOutOfSyncReplicas`: ISR members, other than the leader, that are not caught up.
    pub(crate) fn out_of_sync_replicas(&self, env: &Env) -> BTreeSet<NodeId> {
        let (end, now_ms) = (env.log.log_end_offset(), env.now_ms());
        let behind = |id: &NodeId| {
            self.remote_replicas
                .get(id)
                .is_none_or(|r| !r.is_caught_up(end, now_ms, env.lag_max_ms))
        };
        self.state
            .isr()
            .iter()
            .copied()
            .filter(|id| *id != env.me && behind(id))
            .collect()
    }

    /// Its end reached the high watermark and the start of the leader's epoch (`Partition.isFollowerInSync`).
    fn is_follower_in_sync(&self, follower: NodeId, env: &Env) -> bool {
        let Some(end) = self.remote_replicas.get(&follower).map(|r| r.end_offset()) else {
            return false;
        };
        let past_epoch_start = !env.on(Protection::IsrEpochStart)
            || self
                .leader_epoch_start_offset
                .is_some_and(|start| end >= start);
        self.is_leader(env.me) && end >= env.log.high_watermark() && past_epoch_start
    }

    /// Not fenced, not shutting down, and fetching as the incarnation that is registered
    /// (`Partition.isReplicaIsrEligible`).
    pub(crate) fn is_replica_isr_eligible(&self, replica: NodeId, env: &Env) -> bool {
        let Some(known) = self.remote_replicas.get(&replica) else {
            return false;
        };
        let barred =
            env.metadata.is_broker_fenced(replica) || env.metadata.is_broker_shutting_down(replica);
        if barred && env.on(Protection::FencedIneligible) {
            return false;
        }
        if !env.on(Protection::BrokerEpochInFetch) {
            return true;
        }
        match (known.broker_epoch, env.metadata.alive_broker_epoch(replica)) {
            (Some(fetched), Some(registered)) => fetched.is_none() || fetched == registered,
            // A fenced broker has no alive epoch; without that protection its registration alone is compared.
            (Some(fetched), None) if !env.on(Protection::FencedIneligible) => env
                .metadata
                .broker(replica)
                .is_some_and(|b| fetched.is_none() || fetched == b.epoch),
            _ => false,
        }
    }

    fn propose(
        &mut self,
        change: IsrChange,
        isr: BTreeSet<NodeId>,
        env: &mut Env,
    ) -> PendingChange {
        let sent = SentLeaderAndIsr {
            leader_epoch: self.leader_epoch,
            partition_epoch: self.partition_epoch,
            isr: isr
                .into_iter()
                .map(|id| (id, self.epoch_to_send(id, env)))
                .collect(),
        };
        let pending = PendingChange {
            change,
            sent,
            last_committed: self.state.isr().clone(),
        };
        self.report_proposal(&pending, env);
        self.state = PartitionState::Pending(pending.clone());
        pending
    }

    /// The own epoch, or that of the member's last fetch; −1 when none was seen (`Partition.addBrokerEpochToIsr`).
    fn epoch_to_send(&self, member: NodeId, env: &Env) -> BrokerEpoch {
        if !env.on(Protection::BrokerEpochInFetch) {
            BrokerEpoch::NONE
        } else if member == env.me {
            env.broker_epoch
        } else {
            self.remote_replicas
                .get(&member)
                .and_then(|r| r.broker_epoch)
                .unwrap_or(BrokerEpoch::NONE)
        }
    }

    /// The controller's answer to `proposed` (`Partition.submitAlterPartition`, its completion).
    pub(crate) fn alter_partition_answered(
        &mut self,
        proposed: &PendingChange,
        result: AlterPartitionResult,
        env: &mut Env,
    ) -> AnswerOutcome {
        if self.state.pending() != Some(proposed) {
            return AnswerOutcome::Obsolete;
        }
        match result {
            Ok(answer)
                if answer.leader_epoch != self.leader_epoch
                    || answer.partition_epoch < self.partition_epoch =>
            {
                AnswerOutcome::StaysPending
            }
            Ok(answer) => {
                self.set_committed(
                    answer.isr.iter().copied().collect(),
                    rules::ISR_CONFIRMED,
                    env,
                );
                self.set_partition_epoch(answer.partition_epoch, rules::ISR_CONFIRMED, env);
                let hw_incremented = self.is_leader(env.me) && self.maybe_increment_leader_hw(env);
                AnswerOutcome::Settled { hw_incremented }
            }
            // The controller says that the partition epoch is right and that nothing was applied.
            Err(ErrorCode::OperationNotAttempted | ErrorCode::IneligibleReplica) => {
                self.set_committed(proposed.last_committed.clone(), rules::ISR_REVERTED, env);
                AnswerOutcome::Settled {
                    hw_incremented: false,
                }
            }
            Err(
                ErrorCode::UnknownTopicOrPartition
                | ErrorCode::UnknownTopicId
                | ErrorCode::FencedLeaderEpoch
                | ErrorCode::InvalidUpdateVersion
                | ErrorCode::InvalidRequest
                | ErrorCode::NewLeaderElected,
            ) => AnswerOutcome::StaysPending,
            Err(_) => AnswerOutcome::Retry,
        }
    }

    fn report_proposal(&self, pending: &PendingChange, env: &mut Env) {
        let (rule, ids): (_, Vec<NodeId>) = match &pending.change {
            IsrChange::Expand(id) => (rules::ISR_EXPAND, vec![*id]),
            IsrChange::Shrink(out) => (rules::ISR_SHRINK, out.iter().copied().collect()),
        };
        let to = super::report::ids(pending.sent.isr.iter().map(|(id, _)| *id));
        let key = FactKey::replica(FactKind::PendingIsr, env.me, &self.topic_partition);
        let (me, hw, end) = (env.me, env.log.high_watermark(), env.log.log_end_offset());
        env.ctx.changed(key, Value::None, to, rule, || {
            let tp = &self.topic_partition;
            let mut facts = vec![
                Fact::new(FactKey::replica(FactKind::HighWatermark, me, tp), hw.0),
                Fact::new(FactKey::replica(FactKind::LogEndOffset, me, tp), end.0),
                Fact::new(
                    FactKey::replica(FactKind::Isr, me, tp),
                    super::report::ids(self.state.isr().iter().copied()),
                ),
            ];
            if let Some(start) = self.leader_epoch_start_offset {
                facts.push(Fact::new(
                    FactKey::replica(FactKind::EpochStart, me, tp),
                    start.0,
                ));
            }
            for id in &ids {
                let about = |kind| FactKey::new(kind, Subject::Remote(me, *id, tp.clone()));
                if let Some(replica) = self.remote_replicas.get(id) {
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
        });
    }
}
