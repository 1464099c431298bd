//! Leaving: close, unsubscribe, another assignment (`ClassicKafkaConsumer.close`, `AbstractCoordinator.maybeLeaveGroup`).

use super::frames::{CallbackKind, Frame, Membership};
use super::group::MemberState;
use super::group_frames::error_of;
use super::machine::{Call, Machine, Ret, Step, Value};
use crate::consumer::fetch;
use crate::error::ClientError;
use crate::network::coordinator_key;
use protocol::messages::{LeaveGroupRequest, MemberIdentity};
use protocol::{Ms, NodeId};
use std::collections::BTreeSet;

impl Machine {
    /// Tells the listener that everything goes (`onLeavePrepare`).
    pub(super) fn leave_prepare(&mut self, frame: &mut Frame, input: Option<Ret>) -> Step {
        let Frame::LeavePrepare { pc } = frame else {
            unreachable!("a leave")
        };
        if *pc == 1 {
            self.subscriptions.assign_from_subscribed(Vec::new());
            return Step::Return(match error_of(input) {
                Some(error) => Err(ClientError::kafka().caused_by(&error)),
                None => Ok(Value::Unit),
            });
        }
        let mut dropped = self.subscriptions.assigned_partitions();
        dropped.sort();
        if !self.subscriptions.has_auto_assigned_partitions() || dropped.is_empty() {
            return Step::Return(Ok(Value::Unit));
        }
        *pc = 1;
        let group = self.group();
        let lost = group.generation.id == -1
            || !group.generation.has_member_id()
            || group.rebalance_in_progress();
        let kind = if lost {
            CallbackKind::Lost
        } else {
            CallbackKind::Revoked
        };
        Step::Call(Frame::callback(kind, dropped))
    }

    pub(super) fn maybe_leave(&mut self, frame: &mut Frame, input: Option<Ret>, now: Ms) -> Step {
        let Frame::MaybeLeave { membership, pc } = frame else {
            unreachable!("a leave")
        };
        if *pc == 0 {
            *pc = 1;
            let unknown = self.coordinator_unknown(now);
            let dynamic = self.config.group_instance_id.is_none();
            let group = self.group();
            let member = !unknown
                && group.state != MemberState::Unjoined
                && group.generation.has_member_id();
            let leaves = match membership {
                Membership::LeaveGroup => true,
                Membership::Default => dynamic,
                Membership::RemainInGroup => false,
            };
            if member && leaves {
                let identity = MemberIdentity {
                    member_id: group.generation.member_id.clone(),
                    group_instance_id: None,
                    reason: Some("the consumer leaves the group".into()),
                };
                let request = LeaveGroupRequest {
                    group_id: group.group_id.clone(),
                    members: vec![identity],
                };
                let node = coordinator_key(group.node.expect("known, checked above"));
                self.send(node, request.into(), Call::Leave, now);
                return Step::Call(Frame::net_no_wakeup(now));
            }
        }
        if let Some(error) = error_of(input) {
            return Step::Return(Err(error));
        }
        self.group()
            .reset_state_and_rejoin("consumer pro-actively leaving the group", true);
        Step::Return(Ok(Value::Unit))
    }

    /// `ConsumerCoordinator.close`
    pub(super) fn coordinator_close(
        &mut self,
        frame: &mut Frame,
        input: Option<Ret>,
        now: Ms,
    ) -> Step {
        let Frame::CoordinatorClose {
            deadline_ms,
            membership,
            error,
            pc,
        } = frame
        else {
            unreachable!("a close")
        };
        let mut input = input;
        loop {
            match *pc {
                0 => {
                    self.wakeup_disabled = true;
                    *pc = 1;
                    if self.config.auto_commit {
                        let offsets = self.subscriptions.all_consumed();
                        // Its failure is only logged.
                        return Step::Call(Frame::commit_sync(offsets, *deadline_ms));
                    }
                }
                1 => {
                    input = None;
                    *pc = 4;
                    if self.group().pending_async > 0 && now < *deadline_ms {
                        *pc = 2;
                        return Step::Call(Frame::ensure_coordinator(*deadline_ms));
                    }
                }
                2 => {
                    *pc = 3;
                    if error_of(input.take()).is_none() {
                        return Step::Call(Self::pass(*deadline_ms));
                    }
                }
                3 => {
                    let failed =
                        error_of(input.take()).or(self.invoke_completed_commits(now).err());
                    *pc = if failed.is_some() { 4 } else { 1 };
                    *error = error.take().or(failed);
                }
                4 => {
                    self.group().thread = None;
                    *pc = 5;
                    return Step::Call(Frame::LeavePrepare { pc: 0 });
                }
                5 => {
                    // A listener that throws keeps the group from being told.
                    if let Some(failed) = error_of(input.take()) {
                        return Step::Return(Err(error.take().unwrap_or(failed)));
                    }
                    *pc = 6;
                    return Step::Call(Frame::MaybeLeave {
                        membership: *membership,
                        pc: 0,
                    });
                }
                _ => {
                    if let Some(failed) = error_of(input.take()) {
                        return Step::Return(Err(error.take().unwrap_or(failed)));
                    }
                    let node = (!self.coordinator_unknown(now))
                        .then(|| self.group().node)
                        .flatten();
                    let waits =
                        node.is_some_and(|n| self.has_pending_requests_to(coordinator_key(n)));
                    if waits && now < *deadline_ms {
                        *pc = 6;
                        return Step::Call(Self::pass(*deadline_ms));
                    }
                    return Step::Return(error.take().map_or(Ok(Value::Unit), Err));
                }
            }
        }
    }

    pub(super) fn close_frame(&mut self, frame: &mut Frame, input: Option<Ret>, now: Ms) -> Step {
        let Frame::Close {
            began_ms,
            timeout_ms,
            membership,
            error,
            futures,
            pc,
        } = frame
        else {
            unreachable!("a close")
        };
        let mut input = input;
        loop {
            match *pc {
                0 => {
                    *pc = 1;
                    if self.group.is_some() {
                        let deadline_ms = now + (*timeout_ms).min(self.config.request_timeout_ms);
                        let membership = *membership;
                        return Step::Call(Frame::CoordinatorClose {
                            deadline_ms,
                            membership,
                            error: None,
                            pc: 0,
                        });
                    }
                }
                1 => {
                    *error = error_of(input.take());
                    self.wakeup_disabled = true;
                    let unavailable: BTreeSet<NodeId> = self
                        .network
                        .metadata
                        .snapshot()
                        .brokers
                        .keys()
                        .copied()
                        .filter(|id| self.is_broker_unavailable(*id, now))
                        .collect();
                    let last = self
                        .fetcher
                        .prepare_close(&self.network.metadata, &|n| unavailable.contains(&n));
                    for (node, data) in last {
                        let future = self.new_future();
                        futures.push(future);
                        let request = fetch::to_wire(&data, &self.config);
                        self.send(node.0, request.into(), Call::CloseFetch(future), now);
                    }
                    *pc = 2;
                }
                2 => {
                    let elapsed = now - *began_ms;
                    let left = (*timeout_ms - elapsed)
                        .max(0)
                        .min(self.config.request_timeout_ms);
                    let deadline_ms = *self.close_deadline.get_or_insert(now + left);
                    let open = futures.iter().any(|f| !self.is_done(*f));
                    if open && now < deadline_ms {
                        return Step::Call(Frame::Net {
                            deadline_ms,
                            condition: super::frames::Condition::Always,
                            no_wakeup: true,
                            transmit: false,
                            pc: 0,
                        });
                    }
                    self.network.close();
                    self.closed = true;
                    return Step::Return(match error.take() {
                        Some(error) => Err(ClientError::kafka().caused_by(&error)),
                        None => Ok(Value::Unit),
                    });
                }
                _ => unreachable!("a close ends at 2"),
            }
        }
    }

    pub(super) fn unsubscribe_frame(&mut self, frame: &mut Frame, input: Option<Ret>) -> Step {
        let Frame::Unsubscribe { pc } = frame else {
            unreachable!("an unsubscribe")
        };
        if let Some(error) = error_of(input) {
            return Step::Return(Err(error));
        }
        match *pc {
            0 => {
                self.fetcher
                    .retain(&BTreeSet::new(), &mut self.subscriptions);
                *pc = 1;
                if self.group.is_none() {
                    *pc = 2;
                }
                if *pc == 1 {
                    Step::Call(Frame::LeavePrepare { pc: 0 })
                } else {
                    self.unsubscribe_frame(frame, None)
                }
            }
            1 => {
                *pc = 2;
                Step::Call(Frame::MaybeLeave {
                    membership: Membership::Default,
                    pc: 0,
                })
            }
            _ => {
                self.subscriptions.unsubscribe();
                self.sync_interest();
                Step::Return(Ok(Value::Unit))
            }
        }
    }

    pub(super) fn assign_frame(&mut self, frame: &mut Frame, input: Option<Ret>, now: Ms) -> Step {
        let Frame::Assign { partitions, pc } = frame else {
            unreachable!("an assignment")
        };
        if let Some(error) = error_of(input) {
            return Step::Return(Err(error));
        }
        if *pc == 0 {
            *pc = 1;
            let keep: BTreeSet<_> = partitions.iter().cloned().collect();
            self.fetcher.retain(&keep, &mut self.subscriptions);
            if self.group.is_some() {
                if let Some(commit) = self.maybe_auto_commit(now) {
                    return Step::Call(commit);
                }
            }
        }
        if !self
            .subscriptions
            .set_kind(crate::consumer::subscription::SubscriptionType::Assigned)
        {
            return Step::Return(Err(ClientError::illegal_state()));
        }
        if self
            .subscriptions
            .assign_from_user(std::mem::take(partitions))
        {
            self.sync_interest();
            self.network.metadata.request_update_for_new_topics();
        }
        Step::Return(Ok(Value::Unit))
    }
}
