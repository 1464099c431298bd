//! What happens when a write is replicated, or has failed, before its own answer goes out.

use super::coordinator::{Coordinator, Step};
use super::request::{append_error, join_error};
use super::state::*;
use protocol::{ErrorCode, Ms};

impl Coordinator {
    pub(super) fn run_on_append(
        &mut self,
        on_append: OnAppend,
        result: Result<(), ErrorCode>,
        step: &mut Step,
    ) {
        match on_append {
            OnAppend::AnswerJoinOnFailure { token } => {
                if let Err(error) = result {
                    let response = join_error("".into(), append_error(error));
                    self.complete_join(Some(token), response, step);
                }
            }
            OnAppend::StaticReplacement(replacement) => {
                self.on_static_replacement(*replacement, result, step);
            }
            OnAppend::StoreAssignment {
                group,
                generation_id,
                assignment,
                ..
            } => self.on_assignment_stored((group, generation_id), &assignment, result, step),
            OnAppend::ConsumerGroupJoin {
                token,
                group_id,
                response,
                downgrade,
                session_timeout_ms,
                rebalance_timeout_ms,
            } => {
                if result.is_ok() {
                    let member_id = response.member_id.clone();
                    let join = TimerKey::MemberJoin(group_id.clone(), member_id.clone());
                    self.soft.timers.cancel(&join);
                    if !downgrade {
                        let timeout_ms = Ms::from(session_timeout_ms);
                        self.schedule_session_timeout(&group_id, &member_id, timeout_ms, step);
                        let timeout_ms = Ms::from(rebalance_timeout_ms);
                        self.schedule_member_sync(&group_id, &member_id, timeout_ms, step);
                    }
                    self.complete_join(Some(token), *response, step);
                }
            }
            OnAppend::ConsumerGroupSync {
                token,
                group_id,
                member_id,
                session_timeout_ms,
                response,
            } => {
                if result.is_ok() {
                    let sync = TimerKey::MemberSync(group_id.clone(), member_id.clone());
                    self.soft.timers.cancel(&sync);
                    let timeout_ms = Ms::from(session_timeout_ms);
                    self.schedule_session_timeout(&group_id, &member_id, timeout_ms, step);
                    self.complete_sync(Some(token), *response, step);
                }
            }
        }
    }
}
