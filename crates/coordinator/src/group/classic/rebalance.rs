//! The rebalance of a classic group: the join phase, its end, and what cuts it short or draws it out.

use super::group::{ClassicGroup, ClassicGroupState::*};
use super::join::{generation_answer, group_record};
use crate::group::coordinator::{Coordinator, Outcome, Step};
use crate::group::request::{append_error, join_error};
use crate::group::rules;
use crate::group::state::*;
use bytes::Bytes;
use protocol::messages::SyncGroupResponse;
use protocol::trace::{Fact, FactKey, FactKind, RuleId, Subject};
use protocol::{ErrorCode, Ms, Name};

impl Coordinator {
    /// Looks up a classic group, works on it and puts it back. `None`: there is none of that id.
    pub(in crate::group) fn with_classic<T>(
        &mut self,
        group_id: &str,
        work: impl FnOnce(&mut Self, ClassicRef, &mut ClassicGroup) -> T,
    ) -> Option<T> {
        let id = self.classic_ref(group_id)?;
        let mut group = self.take_classic(id);
        let result = work(self, id, &mut group);
        self.put_classic(id, group);
        Some(result)
    }

    /// Enters a state and reports it.
    fn transition(
        &self,
        group: &mut ClassicGroup,
        state: super::ClassicGroupState,
        rule: RuleId,
        step: &mut Step,
    ) {
        let from = group.state().name();
        group.transition_to(state, step.now_ms());
        self.report(group, from, rule, step);
    }

    fn report(&self, group: &ClassicGroup, from: &str, rule: RuleId, step: &mut Step) {
        let subject = || Subject::Group(group.group_id.clone());
        let generation = i64::from(group.generation_id);
        step.ctx.changed(
            FactKey::new(FactKind::GroupState, subject()),
            from,
            group.state().name(),
            rule,
            || {
                vec![Fact::new(
                    FactKey::new(FactKind::Generation, subject()),
                    generation,
                )]
            },
        );
    }

    pub(in crate::group) fn maybe_prepare_rebalance_or_complete_join(
        &mut self,
        group: &mut ClassicGroup,
        step: &mut Step,
    ) -> Outcome {
        if group.can_rebalance() {
            self.prepare_rebalance(group, step)
        } else {
            self.maybe_complete_join_phase(group, step)
        }
    }

    /// Starts a rebalance: members are told with their next request that they have to join again.
    pub(in crate::group) fn prepare_rebalance(
        &mut self,
        group: &mut ClassicGroup,
        step: &mut Step,
    ) -> Outcome {
        if group.is(CompletingRebalance) {
            self.reset_and_propagate_assignment(group, ErrorCode::RebalanceInProgress, step);
        }
        group.pending_sync_members.clear();
        self.soft
            .timers
            .cancel(&TimerKey::Sync(group.group_id.clone()));
        let is_initial = group.is(Empty);
        if is_initial {
            let delay_ms = Ms::from(self.config.classic_initial_rebalance_delay_ms);
            let remaining_ms = (Ms::from(group.rebalance_timeout_ms()) - delay_ms).max(0);
            self.schedule_initial_rebalance(&group.group_id, delay_ms, remaining_ms, step);
        }
        let rule = if is_initial {
            rules::CLASSIC_INITIAL_DELAY
        } else {
            rules::CLASSIC_PREPARE_REBALANCE
        };
        self.transition(group, PreparingRebalance, rule, step);
        if is_initial {
            Outcome::none()
        } else if group.has_all_members_joined() {
            self.complete_join_phase(group, step)
        } else {
            self.schedule_join(group, step);
            Outcome::none()
        }
    }

    fn schedule_initial_rebalance(
        &mut self,
        group_id: &Name,
        delay_ms: Ms,
        remaining_ms: Ms,
        step: &Step,
    ) {
        let operation = TimerOperation::CompleteInitialRebalance {
            group_id: group_id.clone(),
            delay_ms,
            remaining_ms,
        };
        self.schedule(TimerKey::Join(group_id.clone()), delay_ms, operation, step);
    }

    fn schedule_join(&mut self, group: &ClassicGroup, step: &Step) {
        let operation = TimerOperation::CompleteJoin {
            group_id: group.group_id.clone(),
        };
        let key = TimerKey::Join(group.group_id.clone());
        self.schedule(key, Ms::from(group.rebalance_timeout_ms()), operation, step);
    }

    /// Ends the join phase if everybody is there. The initial delay runs to its end whoever has joined.
    pub(in crate::group) fn maybe_complete_join_phase(
        &mut self,
        group: &mut ClassicGroup,
        step: &mut Step,
    ) -> Outcome {
        if group.is(PreparingRebalance)
            && group.previous_state() != Empty
            && group.has_all_members_joined()
        {
            self.complete_join_phase(group, step)
        } else {
            Outcome::none()
        }
    }

    /// The initial delay is over: drawn out while new members keep coming, up to the rebalance timeout.
    pub(in crate::group) fn try_complete_initial_rebalance(
        &mut self,
        group_id: &Name,
        delay_ms: Ms,
        remaining_ms: Ms,
        step: &mut Step,
    ) -> Outcome {
        let outcome = self.with_classic(group_id, |this, _, group| {
            if !group.new_member_added || remaining_ms == 0 {
                return this.complete_join_phase(group, step);
            }
            group.new_member_added = false;
            let delay = Ms::from(this.config.classic_initial_rebalance_delay_ms);
            let new_delay_ms = delay.min(remaining_ms);
            let new_remaining_ms = (remaining_ms - delay_ms).max(0);
            this.schedule_initial_rebalance(group_id, new_delay_ms, new_remaining_ms, step);
            Outcome::none()
        });
        outcome.unwrap_or_default()
    }

    pub(in crate::group) fn complete_join_by_timer(
        &mut self,
        group_id: &Name,
        step: &mut Step,
    ) -> Outcome {
        let outcome = self.with_classic(group_id, |this, _, group| {
            this.complete_join_phase(group, step)
        });
        outcome.unwrap_or_default()
    }

    /// Ends the join phase (`completeClassicGroupJoin`): who did not come is out, the rest is the next generation.
    pub(in crate::group) fn complete_join_phase(
        &mut self,
        group: &mut ClassicGroup,
        step: &mut Step,
    ) -> Outcome {
        let group_id = group.group_id.clone();
        self.soft.timers.cancel(&TimerKey::Join(group_id.clone()));
        let missing: Vec<Name> = group
            .members()
            .filter(|m| m.awaiting_join.is_none() && m.group_instance_id.is_none())
            .map(|m| m.member_id.clone())
            .collect();
        for member_id in missing {
            group.remove(&member_id);
            self.soft
                .timers
                .cancel(&TimerKey::Heartbeat(group_id.clone(), member_id));
        }
        if group.is(Dead) {
            return Outcome::none();
        }
        if !group.maybe_elect_new_joined_leader() && group.num_members() > 0 {
            // only static members are left and none of them has rejoined: wait for them once more
            self.schedule_join(group, step);
            return Outcome::none();
        }
        let from = group.state().name();
        let generation = i64::from(group.generation_id);
        group.init_next_generation(step.now_ms());
        step.ctx.changed(
            FactKey::new(FactKind::Generation, Subject::Group(group_id)),
            generation,
            i64::from(group.generation_id),
            rules::CLASSIC_COMPLETE_JOIN,
            Vec::new,
        );
        self.report(group, from, rules::CLASSIC_COMPLETE_JOIN, step);
        if group.is(Empty) {
            return Outcome::appended(vec![group_record(group, |_| Bytes::new())], None);
        }
        let members = group.join_response_members();
        for member_id in group.member_ids() {
            let mut response = generation_answer(group, &member_id);
            if group.is_leader(&member_id) {
                response.members = members.clone();
            }
            let waiting = group.member_mut(&member_id).and_then(|m| {
                m.is_new = false;
                m.awaiting_join.take()
            });
            self.complete_join(waiting, response, step);
            self.reschedule_heartbeat(group, &member_id, step);
            group.pending_sync_members.insert(member_id);
        }
        let operation = TimerOperation::ExpirePendingSync {
            group_id: group.group_id.clone(),
            generation_id: group.generation_id,
        };
        let key = TimerKey::Sync(group.group_id.clone());
        self.schedule(key, Ms::from(group.rebalance_timeout_ms()), operation, step);
        Outcome::none()
    }

    /// Members that were told a generation and never synced are out (KIP-573).
    pub(in crate::group) fn expire_pending_sync(
        &mut self,
        group_id: &Name,
        generation_id: i32,
        step: &mut Step,
    ) -> Outcome {
        let outcome = self.with_classic(group_id, |this, _, group| {
            let concerned = group.generation_id == generation_id
                && matches!(group.state(), CompletingRebalance | Stable)
                && !group.pending_sync_members.is_empty();
            if !concerned {
                return Outcome::none();
            }
            for member_id in group.pending_sync_members.clone() {
                group.remove(&member_id);
                this.soft
                    .timers
                    .cancel(&TimerKey::Heartbeat(group_id.clone(), member_id));
            }
            this.prepare_rebalance(group, step)
        });
        outcome.unwrap_or_default()
    }

    /// A session, or the life of a handed-out id, is over.
    pub(in crate::group) fn expire_classic_group_member_heartbeat(
        &mut self,
        group_id: &Name,
        member_id: &Name,
        step: &mut Step,
    ) -> Outcome {
        let outcome = self.with_classic(group_id, |this, _, group| {
            if group.is(Dead) {
                return Outcome::none();
            }
            if group.is_pending_member(member_id) {
                group.remove(member_id);
                return this.complete_if_last_missing(group, step);
            }
            let expired = group
                .member(member_id)
                .is_some_and(|m| !m.has_satisfied_heartbeat());
            if !expired {
                return Outcome::none();
            }
            let waiting = group
                .member_mut(member_id)
                .and_then(|m| m.awaiting_join.take());
            let response = join_error("".into(), ErrorCode::UnknownMemberId);
            this.complete_join(waiting, response, step);
            group.remove(member_id);
            match group.state() {
                Stable | CompletingRebalance => {
                    this.maybe_prepare_rebalance_or_complete_join(group, step)
                }
                _ => this.complete_if_last_missing(group, step),
            }
        });
        outcome.unwrap_or_default()
    }

    fn complete_if_last_missing(&mut self, group: &mut ClassicGroup, step: &mut Step) -> Outcome {
        if group.is(PreparingRebalance) && group.has_all_members_joined() {
            self.complete_join_phase(group, step)
        } else {
            Outcome::none()
        }
    }

    /// The leader's assignment is written, or has failed. It counts only if the group still waits for it.
    pub(in crate::group) fn on_assignment_stored(
        &mut self,
        (id, generation_id): (ClassicRef, i32),
        assignment: &std::collections::BTreeMap<Name, Bytes>,
        result: Result<(), ErrorCode>,
        step: &mut Step,
    ) {
        let Some(mut group) = self.soft.classic.remove(&id) else {
            return;
        };
        if group.is(CompletingRebalance) && group.generation_id == generation_id {
            match result {
                Err(error) => {
                    let error = append_error(error);
                    self.reset_and_propagate_assignment(&mut group, error, step);
                    self.maybe_prepare_rebalance_or_complete_join(&mut group, step);
                }
                Ok(()) => {
                    for member in group.members_mut() {
                        let bytes = assignment.get(&member.member_id).cloned();
                        member.assignment = bytes.unwrap_or_default();
                    }
                    self.propagate_assignment(&mut group, ErrorCode::None, step);
                    self.transition(&mut group, Stable, rules::CLASSIC_SYNC_STORED, step);
                }
            }
        }
        self.put_classic(id, group);
    }

    fn reset_and_propagate_assignment(
        &mut self,
        group: &mut ClassicGroup,
        error: ErrorCode,
        step: &mut Step,
    ) {
        for member in group.members_mut() {
            member.assignment = Bytes::new();
        }
        self.propagate_assignment(group, error, step);
    }

    /// Answers every parked SyncGroup; whoever is answered starts a new session.
    fn propagate_assignment(
        &mut self,
        group: &mut ClassicGroup,
        error: ErrorCode,
        step: &mut Step,
    ) {
        let (protocol_name, protocol_type) = match error {
            ErrorCode::None => (group.protocol_name.clone(), group.protocol_type.clone()),
            _ => (None, None),
        };
        for member_id in group.member_ids() {
            let Some(member) = group.member_mut(&member_id) else {
                continue;
            };
            let waiting = member.awaiting_sync.take();
            let response = SyncGroupResponse {
                error,
                protocol_name: protocol_name.clone(),
                protocol_type: protocol_type.clone(),
                assignment: member.assignment.clone(),
                ..Default::default()
            };
            if self.complete_sync(waiting, response, step) {
                self.reschedule_heartbeat(group, &member_id, step);
            }
        }
    }
}
