//! What a rebalance does to the assignment (`ConsumerCoordinator.onJoinPrepare`, `onLeaderElected`, `onJoinComplete`) and
//! what the listener is told.

use super::frames::{CallbackKind, Condition, Frame};
use super::group::Generation;
use super::group_frames::error_of;
use super::join_frames::by_topic;
use super::machine::{Callback, ListenerAction, Machine, Ret, Step, Value};
use crate::assignor::Member;
use crate::consumer::events::ConsumerEvent;
use crate::error::ClientError;
use protocol::consumer_protocol::{self, Assignment, Subscription};
use protocol::messages::SyncGroupRequestAssignment;
use protocol::{Ms, TopicPartition};
use std::collections::BTreeSet;

impl Machine {
    pub(super) fn leader_elected(
        &mut self,
        frame: &mut Frame,
        input: Option<Ret>,
        now: Ms,
    ) -> Step {
        let Frame::LeaderElected {
            response,
            future,
            pc,
        } = frame
        else {
            unreachable!("a leader")
        };
        let future = *future;
        if *pc == 1 {
            let outcome = match error_of(input) {
                Some(error) => Err(error),
                None => self.assign_as_leader(response),
            };
            let child = match outcome {
                Ok(assignments) => self.send_sync(future, assignments),
                Err(error) => self.complete(future, Err(error)),
            };
            *pc = 2;
            return child.map_or(Step::Return(Ok(Value::Unit)), Step::Call);
        }
        if *pc == 2 {
            return Step::Return(Ok(Value::Unit));
        }
        let mut topics = BTreeSet::new();
        for member in &response.members {
            match Subscription::decode(&member.metadata) {
                Ok(subscription) => topics.extend(subscription.topics),
                Err(_) => {
                    self.complete(future, Err(ClientError::class("SchemaException")));
                    return Step::Return(Ok(Value::Unit));
                }
            }
        }
        *pc = 1;
        let more = !topics.is_subset(&self.subscriptions.subscription);
        self.subscriptions.group_subscription = topics;
        self.sync_interest();
        let metadata = &mut self.network.metadata;
        if more {
            metadata.request_update_for_new_topics();
        }
        // The leader assigns from metadata that is not older than this.
        if metadata.update_requested() || metadata.time_to_next_update(now) == 0 {
            return Step::Call(Frame::AwaitMetadata {
                deadline_ms: Ms::MAX,
                version: None,
            });
        }
        self.leader_elected(frame, None, now)
    }

    fn assign_as_leader(
        &mut self,
        response: &protocol::messages::JoinGroupResponse,
    ) -> Result<Vec<SyncGroupRequestAssignment>, ClientError> {
        self.maybe_update_subscription_metadata();
        let cluster = self.network.metadata.snapshot().clone();
        let group = self.group();
        group.is_leader = true;
        let chosen = response.protocol_name.clone();
        let snapshot = group.metadata_snapshot.clone();
        let Some(assignor) = group
            .assignors
            .iter_mut()
            .find(|a| Some(a.name()) == chosen.as_deref())
        else {
            return Err(ClientError::illegal_state());
        };
        if response.skip_assignment {
            group.assignment_snapshot = Some(snapshot);
            return Ok(Vec::new());
        }
        let members: Vec<Member> = response
            .members
            .iter()
            .map(|m| Member {
                id: m.member_id.clone(),
                instance_id: m.group_instance_id.clone(),
                subscription: Subscription::decode(&m.metadata).expect("read before"),
            })
            .collect();
        let assignments = assignor.assign(&cluster, &members);
        group.assignment_snapshot = Some(snapshot);
        Ok(assignments
            .into_iter()
            .map(|(member_id, assigned)| SyncGroupRequestAssignment {
                member_id,
                assignment: Assignment {
                    assigned_partitions: by_topic(&assigned.partitions),
                    user_data: assigned.user_data,
                }
                .encode(consumer_protocol::HIGHEST_VERSION),
            })
            .collect())
    }

    pub(super) fn join_prepare(&mut self, frame: &mut Frame, input: Option<Ret>, now: Ms) -> Step {
        let Frame::JoinPrepare {
            deadline_ms,
            generation,
            error,
            pc,
        } = frame
        else {
            unreachable!("a preparation")
        };
        let deadline_ms = *deadline_ms;
        let mut input = input;
        loop {
            match *pc {
                0 => {
                    let rebalance_timeout = self.config.max_poll_interval_ms;
                    let auto_commit = self.config.auto_commit;
                    let group = self.group();
                    group.join_prepare_ms.get_or_insert(now + rebalance_timeout);
                    *pc = 2;
                    if auto_commit && group.auto_commit_future.is_none() {
                        if !group.cooperative {
                            for tp in self.subscriptions.assigned_partitions() {
                                if let Some(state) = self.subscriptions.state_mut(&tp) {
                                    state.pending_revocation = true;
                                }
                            }
                        }
                        *pc = 1;
                        let offsets = self.subscriptions.all_consumed();
                        return Step::Call(Frame::commit_async(offsets, Callback::Auto));
                    }
                }
                1 => {
                    match input.take() {
                        Some(Ok(Value::Future(future))) => self.group().auto_commit_future = future,
                        Some(Err(error)) => return Step::Return(Err(error)),
                        _ => {}
                    }
                    *pc = 2;
                }
                2 => {
                    let group = self.group();
                    let limit = group
                        .join_prepare_ms
                        .expect("set at the beginning")
                        .min(deadline_ms);
                    *pc = 4;
                    if let Some(future) = group.auto_commit_future {
                        *pc = 3;
                        return Step::Call(Frame::future(future, limit));
                    }
                }
                3 => {
                    if let Some(error) = error_of(input.take()) {
                        return Step::Return(Err(error));
                    }
                    let future = self.group().auto_commit_future.expect("waited for");
                    let result = self.result_of(future);
                    let group = self.group();
                    let limit = group.join_prepare_ms.expect("set at the beginning");
                    let complete = now >= limit
                        || result
                            .as_ref()
                            .is_some_and(|r| !r.as_ref().is_err_and(ClientError::is_retriable));
                    if result.is_some() {
                        group.auto_commit_future = None;
                    }
                    *pc = 4;
                    if !complete {
                        *pc = 9;
                        let until_ms = (now + self.config.retry_backoff_ms)
                            .min(limit.min(deadline_ms).max(now));
                        return Step::Call(Frame::Sleep { until_ms });
                    }
                }
                9 => return Step::Return(Ok(Value::Bool(false))),
                4 => {
                    *pc = 5;
                    let mut owned = self.subscriptions.assigned_partitions();
                    owned.sort();
                    let lost = generation.id == -1 || generation.member_id.is_empty();
                    if lost {
                        if !owned.is_empty() {
                            return Step::Call(Frame::callback(CallbackKind::Lost, owned));
                        }
                    } else if !self.group().cooperative {
                        return Step::Call(Frame::callback(CallbackKind::Revoked, owned));
                    } else {
                        owned.retain(|tp| !self.subscriptions.subscription.contains(&tp.topic));
                        if !owned.is_empty() {
                            return Step::Call(Frame::callback(CallbackKind::Revoked, owned));
                        }
                    }
                }
                _ => {
                    *error = error_of(input.take());
                    let lost = generation.id == -1 || generation.member_id.is_empty();
                    let keep: Vec<TopicPartition> = if lost || !self.group().cooperative {
                        Vec::new()
                    } else {
                        let subscription = self.subscriptions.subscription.clone();
                        let mut kept = self.subscriptions.assigned_partitions();
                        kept.retain(|tp| subscription.contains(&tp.topic));
                        kept
                    };
                    if keep.len() != self.subscriptions.assigned_partitions().len() {
                        self.subscriptions.assign_from_subscribed(keep);
                    }
                    self.subscriptions.group_subscription.clear();
                    let group = self.group();
                    group.is_leader = false;
                    group.join_prepare_ms = None;
                    group.auto_commit_future = None;
                    return Step::Return(match error.take() {
                        Some(error) => Err(ClientError::kafka().caused_by(&error)),
                        None => Ok(Value::Bool(true)),
                    });
                }
            }
        }
    }

    pub(super) fn join_complete(&mut self, frame: &mut Frame, input: Option<Ret>, now: Ms) -> Step {
        let Frame::JoinComplete {
            generation,
            assignment,
            error,
            added,
            pc,
        } = frame
        else {
            unreachable!("a completion")
        };
        let mut input = input;
        let Ok(decoded) = Assignment::decode(assignment) else {
            return Step::Return(Err(ClientError::illegal_state()));
        };
        let mut assigned: Vec<TopicPartition> = decoded
            .assigned_partitions
            .iter()
            .flat_map(|(topic, list)| {
                list.iter().map(|p| TopicPartition {
                    topic: topic.clone(),
                    partition: *p,
                })
            })
            .collect();
        assigned.sort();
        assigned.dedup();
        loop {
            match *pc {
                0 => {
                    let group = self.group();
                    if !group.is_leader {
                        group.assignment_snapshot = None;
                    }
                    if assigned
                        .iter()
                        .any(|tp| !self.subscriptions.subscription.contains(&tp.topic))
                    {
                        self.group().request_rejoin(
                            "received assignment does not match the current subscription",
                        );
                        return Step::Return(Ok(Value::Unit));
                    }
                    let owned: BTreeSet<TopicPartition> = self
                        .subscriptions
                        .assigned_partitions()
                        .into_iter()
                        .collect();
                    *added = assigned
                        .iter()
                        .filter(|tp| !owned.contains(tp))
                        .cloned()
                        .collect();
                    *pc = 1;
                    if self.group().cooperative {
                        let revoked: Vec<TopicPartition> = owned
                            .into_iter()
                            .filter(|tp| !assigned.contains(tp))
                            .collect();
                        if !revoked.is_empty() {
                            self.group()
                                .request_rejoin("need to revoke partitions and re-join");
                            return Step::Call(Frame::callback(CallbackKind::Revoked, revoked));
                        }
                    }
                }
                1 => {
                    *error = error_of(input.take());
                    let interval = self.config.auto_commit_interval_ms;
                    let group = self.group();
                    let chosen = generation.protocol.clone();
                    if let Some(assignor) = group
                        .assignors
                        .iter_mut()
                        .find(|a| Some(a.name()) == chosen.as_deref())
                    {
                        assignor.on_assignment(
                            &assigned,
                            decoded.user_data.as_ref(),
                            generation.id,
                        );
                    }
                    group.next_auto_commit_ms = now + interval;
                    self.subscriptions
                        .assign_from_subscribed(assigned.iter().cloned());
                    *pc = 2;
                    return Step::Call(Frame::callback(
                        CallbackKind::Assigned,
                        std::mem::take(added),
                    ));
                }
                _ => {
                    let error = error.take().or(error_of(input.take()));
                    return Step::Return(match error {
                        Some(error) => Err(ClientError::kafka().caused_by(&error)),
                        None => Ok(Value::Unit),
                    });
                }
            }
        }
    }

    /// Tells the application's listener, which may do something of its own.
    pub(super) fn callback(&mut self, frame: &mut Frame, input: Option<Ret>, now: Ms) -> Step {
        let Frame::Callback {
            kind,
            partitions,
            pc,
        } = frame
        else {
            unreachable!("a callback")
        };
        if *pc == 1 {
            let error = error_of(input);
            self.events.push(ConsumerEvent::CommitInCallback {
                kind: *kind,
                error: error.clone(),
            });
            return Step::Return(error.map_or(Ok(Value::Unit), Err));
        }
        self.events.push(ConsumerEvent::Rebalance {
            kind: *kind,
            partitions: partitions.clone(),
        });
        let action = match kind {
            CallbackKind::Revoked => self.listener.revoked,
            CallbackKind::Assigned => self.listener.assigned,
            CallbackKind::Lost => self.listener.lost,
        };
        match action {
            ListenerAction::Nothing => Step::Return(Ok(Value::Unit)),
            ListenerAction::Throw => Step::Return(Err(ClientError::illegal_state())),
            ListenerAction::CommitSync => {
                *pc = 1;
                let offsets = self.subscriptions.all_consumed();
                Step::Call(Frame::commit_sync(
                    offsets,
                    now + self.config.default_api_timeout_ms,
                ))
            }
        }
    }

    /// A pass that waits for nothing in particular.
    pub(super) fn pass(deadline_ms: Ms) -> Frame {
        Frame::net(deadline_ms, Condition::Always)
    }

    pub(super) fn no_generation() -> Generation {
        Generation::none()
    }
}
