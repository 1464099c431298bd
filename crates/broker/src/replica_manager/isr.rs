//! ISR changes on their way to the controller and back, and the periodic check.

use super::ReplicaManager;
use crate::alter_partition::{
    AlterPartitionItem, AlterPartitionManager, AlterPartitionResult, SubmissionId,
};
use crate::partition::{AnswerOutcome, Env, FetchedBy, Partition, PendingChange};
use crate::purgatory::Kind;
use protocol::{Ctx, ErrorCode, Instant, NodeId, TopicPartition};
use std::collections::BTreeMap;

/// How ISR changes reach the controller.
#[derive(Clone, Debug)]
pub enum ControllerChannel {
    /// Kafka's queue: one request in flight per broker, one change per partition.
    Queue(AlterPartitionManager),
    /// Every change leaves at once and alone; for those who speak as the controller.
    Direct(Vec<AlterPartitionItem>),
}

impl ReplicaManager {
    /// Proposes to shrink each ISR that has members out of sync (`ReplicaManager.maybeShrinkIsr`).
    pub fn maybe_shrink_isr(&mut self, ctx: &mut Ctx) {
        let all: Vec<_> = self.partitions.keys().cloned().collect();
        for tp in all {
            let lags = |partition: &Partition, env: &mut Env| {
                !partition.out_of_sync_replicas(env).is_empty()
            };
            if self.read_partition(&tp, ctx, lags) != Ok(true) {
                continue;
            }
            let proposed =
                self.change_partition(&tp, ctx, |partition, env| partition.maybe_shrink_isr(env));
            if let Ok(Some(pending)) = proposed {
                self.submit(&tp, pending, ctx);
            }
        }
    }

    /// What a follower's fetch brings about, in Kafka's order (`Partition.updateFollowerFetchState`).
    pub(super) fn update_follower_fetch_state(
        &mut self,
        tp: &TopicPartition,
        follower: NodeId,
        fetched: FetchedBy,
        ctx: &mut Ctx,
    ) -> Result<(), ErrorCode> {
        let deleting = self.purgatory.count(Kind::DeleteRecords, tp) > 0;
        let (previous_end, lw_incremented, proposed) =
            self.change_partition(tp, ctx, |partition, env| {
                let old_lw = partition.low_watermark(env);
                let previous_end = partition.update_follower_fetch_state(follower, fetched, env)?;
                let lw_incremented = deleting && partition.low_watermark(env) > old_lw;
                let proposed = partition.maybe_expand_isr(follower, env);
                Ok::<_, ErrorCode>((previous_end, lw_incremented, proposed))
            })??;
        if let Some(pending) = proposed {
            self.submit(tp, pending, ctx);
        }
        let hw_incremented = self.read_partition(tp, ctx, |partition, env| {
            let moved = partition
                .remote_replicas()
                .get(&follower)
                .is_some_and(|r| r.end_offset() != previous_end);
            moved && partition.is_leader(env.me) && partition.maybe_increment_leader_hw(env)
        })?;
        if lw_incremented || hw_incremented {
            self.complete_delayed_requests(tp, ctx);
        }
        Ok(())
    }

    fn submit(&mut self, tp: &TopicPartition, pending: PendingChange, ctx: &mut Ctx) {
        let Some(partition) = self.partitions.get(tp) else {
            return;
        };
        let id = SubmissionId(self.next_submission);
        self.next_submission += 1;
        let item = AlterPartitionItem {
            id,
            topic_partition: tp.clone(),
            topic_id: partition.topic_id(),
            leader_epoch: pending.sent.leader_epoch,
            partition_epoch: pending.sent.partition_epoch,
            new_isr: pending.sent.isr.clone(),
        };
        self.submissions.insert(id, (tp.clone(), pending));
        match &mut self.channel {
            ControllerChannel::Direct(items) => items.push(item),
            ControllerChannel::Queue(queue) => {
                if let Err(error) = queue.submit(item) {
                    self.alter_partition_answered(id, Err(error), ctx);
                }
            }
        }
    }

    /// The controller's answer to one change (`Partition.submitAlterPartition`).
    pub fn alter_partition_answered(
        &mut self,
        id: SubmissionId,
        result: AlterPartitionResult,
        ctx: &mut Ctx,
    ) {
        let Some((tp, pending)) = self.submissions.remove(&id) else {
            return;
        };
        let outcome = self.change_partition(&tp, ctx, |partition, env| {
            partition.alter_partition_answered(&pending, result, env)
        });
        match outcome {
            Ok(AnswerOutcome::Settled {
                hw_incremented: true,
            }) => self.complete_delayed_requests(&tp, ctx),
            Ok(AnswerOutcome::Retry) => self.submit(&tp, pending, ctx),
            _ => {}
        }
    }

    /// Changes for an AlterPartition request that may leave now. With a direct channel, every new change.
    pub fn poll_alter_partition(&mut self, now: Instant) -> Option<Vec<AlterPartitionItem>> {
        match &mut self.channel {
            ControllerChannel::Direct(items) => {
                Some(std::mem::take(items)).filter(|items| !items.is_empty())
            }
            ControllerChannel::Queue(queue) => queue.next_request(now),
        }
    }

    /// The answer to the AlterPartition request in flight: a top-level error, or a result for each partition.
    pub fn on_alter_partition_response(
        &mut self,
        answer: Result<BTreeMap<TopicPartition, AlterPartitionResult>, ErrorCode>,
        ctx: &mut Ctx,
    ) {
        let ControllerChannel::Queue(queue) = &mut self.channel else {
            return;
        };
        for (id, result) in queue.on_response(ctx.now, answer) {
            self.alter_partition_answered(id, result, ctx);
        }
    }

    /// The AlterPartition request in flight is lost; it is sent again.
    pub fn on_alter_partition_disconnect(&mut self) {
        if let ControllerChannel::Queue(queue) = &mut self.channel {
            queue.on_disconnect();
        }
    }

    /// Changes that the controller has not answered, obsolete ones included.
    pub fn unanswered_alter_partitions(&self) -> usize {
        self.submissions.len()
    }

    /// The end of a back-off. What may leave now is asked for in the step that made it; waking up for it again would not
    /// help while no controller is known.
    pub(super) fn channel_wake_up(&self, now: Instant) -> Option<Instant> {
        match &self.channel {
            ControllerChannel::Direct(_) => None,
            ControllerChannel::Queue(queue) => queue.next_wake_up().filter(|at| *at > now),
        }
    }
}
