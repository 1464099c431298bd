//! When a leader's high watermark moves, and what waits for it.

use super::{Env, Marks, Partition};
use crate::rules;
use protocol::trace::RuleId;
use protocol::{ErrorCode, NodeId, Offset, Protection};

impl Partition {
    /// Moves the high watermark to the smallest log end of those it must wait for, if that is higher
    /// (`Partition.maybeIncrementLeaderHW`). Nothing moves while the committed ISR is below the effective min ISR.
    /// Answers whether it moved.
    pub(crate) fn maybe_increment_leader_hw(&self, env: &mut Env) -> bool {
        if env.on(Protection::StrictMinIsr) && self.is_under_min_isr(env) {
            return false;
        }
        let leader_end = env.log.log_end_offset_metadata();
        let mut new = leader_end;
        for (&id, replica) in &self.remote_replicas {
            if replica.end_offset().get() < new.offset
                && self.holds_hw_back(id, Offset(leader_end.offset), env)
            {
                new = replica.log_end_offset;
            }
        }
        let before = Marks::of(env.log);
        let moved = env
            .log
            .maybe_increment_high_watermark(new)
            .is_ok_and(|moved| moved.is_some());
        self.report_marks(before, rules::HW_LEADER, env);
        moved
    }

    /// The high watermark waits for the maximal ISR, and for a follower that is caught up and may join.
    fn holds_hw_back(&self, replica: NodeId, leader_end: Offset, env: &Env) -> bool {
        if !env.on(Protection::MaximalIsr) {
            return self.state.isr().contains(&replica);
        }
        self.state.in_maximal_isr(replica)
            || (self.remote_replicas[&replica].is_caught_up(
                leader_end,
                env.now_ms(),
                env.lag_max_ms,
            ) && self.is_replica_isr_eligible(replica, env))
    }

    /// Whether acks=all for records that end at `required` is decided: `None` not yet, else the outcome
    /// (`Partition.checkEnoughReplicasReachOffset`).
    pub(crate) fn check_enough_replicas_reach_offset(
        &self,
        required: Offset,
        env: &Env,
    ) -> Option<ErrorCode> {
        if !self.is_leader(env.me) {
            return Some(ErrorCode::NotLeaderOrFollower);
        }
        if env.log.high_watermark() < required {
            return None;
        }
        let min_isr = self.effective_min_isr(env.log.config().min_insync_replicas);
        let enough = min_isr <= self.state.maximal_isr_len();
        Some(if enough {
            ErrorCode::None
        } else {
            ErrorCode::NotEnoughReplicasAfterAppend
        })
    }

    /// Smallest log start over the leader and its alive followers; −1 while one of them is unknown
    /// (`Partition.lowWatermarkIfLeader`).
    pub(crate) fn low_watermark(&self, env: &Env) -> Offset {
        self.remote_replicas
            .iter()
            .filter(|&(&id, _)| env.metadata.has_alive_broker(id))
            .map(|(_, replica)| replica.log_start_offset)
            .fold(env.log.log_start_offset(), Offset::min)
    }

    pub(crate) fn report_marks(&self, before: Marks, rule: RuleId, env: &mut Env) {
        super::report::marks(self, before, rule, env);
    }
}
