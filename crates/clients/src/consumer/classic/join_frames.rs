//! Joining a group, until the assignment is there (`AbstractCoordinator.joinGroupIfNeeded`).

use super::frames::Frame;
use super::group::MemberState;
use super::group_frames::{bool_of, error_of};
use super::machine::{Call, FutureId, FutureValue, Machine, Ret, Step, Value};
use crate::error::ClientError;
use crate::network::coordinator_key;
use protocol::consumer_protocol::{self, Subscription};
use protocol::messages::{
    JoinGroupRequest, JoinGroupRequestProtocol, SyncGroupRequest, SyncGroupRequestAssignment,
};
use protocol::{ErrorCode, GenerationId, Ms, Name, TopicPartition};

/// How much longer than the rebalance itself a join may take, in ms (`JOIN_GROUP_TIMEOUT_LAPSE`).
const JOIN_GROUP_TIMEOUT_LAPSE_MS: Ms = 5_000;

pub(super) fn by_topic(partitions: &[TopicPartition]) -> Vec<(Name, Vec<i32>)> {
    let mut topics: Vec<(Name, Vec<i32>)> = Vec::new();
    for tp in partitions {
        match topics.iter_mut().find(|(name, _)| *name == tp.topic) {
            Some((_, list)) => list.push(tp.partition),
            None => topics.push((tp.topic.clone(), vec![tp.partition])),
        }
    }
    topics
}

impl Machine {
    pub(super) fn join_group(&mut self, frame: &mut Frame, input: Option<Ret>, now: Ms) -> Step {
        let Frame::JoinGroup { deadline_ms, pc } = frame else {
            unreachable!("a join")
        };
        let deadline_ms = *deadline_ms;
        let mut input = input;
        loop {
            match *pc {
                0 => {
                    if let Some(error) = error_of(input.take()) {
                        return Step::Return(Err(error));
                    }
                    let subscriptions = &self.subscriptions;
                    let group = self.group.as_mut().expect("only groups join");
                    if !group.rejoin_needed_or_pending(subscriptions) {
                        return Step::Return(Ok(Value::Bool(true)));
                    }
                    *pc = 1;
                    return Step::Call(Frame::ensure_coordinator(deadline_ms));
                }
                1 => {
                    match bool_of(input.take()) {
                        Ok(true) => {}
                        other => return Step::Return(other.map(Value::Bool)),
                    }
                    *pc = 3;
                    let group = self.group();
                    if std::mem::take(&mut group.needs_join_prepare) {
                        *pc = 2;
                        let generation = group.generation.clone();
                        return Step::Call(Frame::JoinPrepare {
                            deadline_ms,
                            generation,
                            error: None,
                            pc: 0,
                        });
                    }
                }
                2 => {
                    *pc = 3;
                    match bool_of(input.take()) {
                        Err(error) => return Step::Return(Err(error)),
                        Ok(true) => {}
                        Ok(false) => {
                            self.group().needs_join_prepare = true;
                            return Step::Return(Ok(Value::Bool(false)));
                        }
                    }
                }
                3 => {
                    let future = self.initiate_join(now);
                    *pc = 4;
                    return Step::Call(Frame::future(future, deadline_ms));
                }
                4 => {
                    match bool_of(input.take()) {
                        Ok(true) => {}
                        other => return Step::Return(other.map(Value::Bool)),
                    }
                    let future = self.group().join_future.expect("set before the wait");
                    *pc = 0;
                    match self.result_of(future) {
                        Some(Ok(value)) => {
                            let group = self.group();
                            if group.generation.was_reset() || group.state != MemberState::Stable {
                                group.reset_state_and_rejoin(
                                    "rebalance failed since the generation was modified",
                                    true,
                                );
                                group.join_future = None;
                                continue;
                            }
                            let FutureValue::Assignment(assignment) = value else {
                                unreachable!("of a join")
                            };
                            *pc = 5;
                            let generation = group.generation.clone();
                            return Step::Call(Frame::JoinComplete {
                                generation,
                                assignment,
                                error: None,
                                added: Vec::new(),
                                pc: 0,
                            });
                        }
                        Some(Err(error)) => {
                            if let Some(step) = self.join_failed(error, deadline_ms, now) {
                                return step;
                            }
                        }
                        None => unreachable!("the wait ended because it is done"),
                    }
                }
                _ => {
                    // A callback that throws leaves the join to be completed again by the next poll.
                    if let Some(error) = error_of(input.take()) {
                        return Step::Return(Err(error));
                    }
                    let group = self.group();
                    group.join_future = None;
                    group.needs_join_prepare = true;
                    *pc = 0;
                }
            }
        }
    }

    fn join_failed(&mut self, error: ClientError, deadline_ms: Ms, now: Ms) -> Option<Step> {
        let backoff = self.config.retry_backoff_ms;
        let group = self.group();
        group.join_future = None;
        if !error.is(ErrorCode::MemberIdRequired) {
            group.request_rejoin("rebalance failed");
        }
        let at_once = [
            ErrorCode::UnknownMemberId,
            ErrorCode::IllegalGeneration,
            ErrorCode::RebalanceInProgress,
            ErrorCode::MemberIdRequired,
        ];
        if at_once.iter().any(|code| error.is(*code)) {
            return None;
        }
        if !error.is_retriable() {
            return Some(Step::Return(Err(error)));
        }
        if now >= deadline_ms {
            return Some(Step::Return(Ok(Value::Bool(false))));
        }
        Some(Step::Call(Frame::Sleep {
            until_ms: (now + backoff).min(deadline_ms),
        }))
    }

    fn initiate_join(&mut self, now: Ms) -> FutureId {
        if let Some(future) = self.group().join_future {
            return future;
        }
        self.group().state = MemberState::PreparingRebalance;
        let future = self.send_join(now);
        self.group().join_future = Some(future);
        future
    }

    fn send_join(&mut self, now: Ms) -> FutureId {
        if self.coordinator_unknown(now) {
            return self.failed_future(ClientError::code(ErrorCode::CoordinatorNotAvailable));
        }
        let future = self.new_future();
        let config = self.config.clone();
        let topics: Vec<Name> = self.subscriptions.subscription.iter().cloned().collect();
        let owned_partitions = by_topic(&self.subscriptions.assigned_partitions());
        let joined = self.subscriptions.subscription.clone();
        let group = self.group();
        group.joined_subscription = Some(joined);
        let rack_id = Some(config.client_rack.clone()).filter(|rack| !rack.is_empty());
        let protocols = group
            .assignors
            .iter()
            .map(|assignor| {
                let subscription = Subscription {
                    topics: topics.clone(),
                    user_data: assignor.subscription_user_data(),
                    owned_partitions: owned_partitions.clone(),
                    generation_id: group.generation.id,
                    rack_id: rack_id.clone(),
                };
                let metadata = subscription.encode(consumer_protocol::HIGHEST_VERSION);
                JoinGroupRequestProtocol {
                    name: assignor.name().into(),
                    metadata,
                }
            })
            .collect();
        let request = JoinGroupRequest {
            group_id: group.group_id.clone(),
            session_timeout_ms: config.session_timeout_ms as i32,
            rebalance_timeout_ms: config.max_poll_interval_ms as i32,
            member_id: group.generation.member_id.clone(),
            group_instance_id: config.group_instance_id.clone(),
            protocol_type: consumer_protocol::PROTOCOL_TYPE.into(),
            protocols,
            reason: Some(group.rejoin_reason.into()),
        };
        let sent = group.generation.clone();
        let node = coordinator_key(group.node.expect("known, checked above"));
        let timeout = config
            .request_timeout_ms
            .max(config.max_poll_interval_ms + JOIN_GROUP_TIMEOUT_LAPSE_MS);
        self.send_with_timeout(
            node,
            request.into(),
            Call::Join { future, sent },
            timeout,
            now,
        );
        future
    }

    /// Sends SyncGroup, whose answer completes the join's future.
    pub(super) fn send_sync(
        &mut self,
        future: FutureId,
        assignments: Vec<SyncGroupRequestAssignment>,
    ) -> Option<Frame> {
        let now = self.last_now;
        if self.coordinator_unknown(now) {
            return self.complete(
                future,
                Err(ClientError::code(ErrorCode::CoordinatorNotAvailable)),
            );
        }
        let instance = self.config.group_instance_id.clone();
        let group = self.group();
        let request = SyncGroupRequest {
            group_id: group.group_id.clone(),
            generation_id: GenerationId(group.generation.id),
            member_id: group.generation.member_id.clone(),
            group_instance_id: instance,
            protocol_type: Some(consumer_protocol::PROTOCOL_TYPE.into()),
            protocol_name: group.generation.protocol.clone(),
            assignments,
        };
        let sent = group.generation.clone();
        let node = coordinator_key(group.node.expect("known, checked above"));
        self.send(node, request.into(), Call::Sync { future, sent }, now);
        None
    }
}
