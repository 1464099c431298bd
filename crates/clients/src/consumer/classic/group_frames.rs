//! Finding the coordinator, joining, and what a rebalance does to the assignment
//! (`AbstractCoordinator.ensureCoordinatorReady`, `joinGroupIfNeeded`, `ConsumerCoordinator.onJoinPrepare`, `onJoinComplete`,
//! `onLeaderElected`).

use super::frames::{CallbackKind, Condition, Frame};
use super::group::{Generation, GroupSnapshot, HeartbeatThread, HeartbeatWait, MemberState};
use super::machine::{Call, Callback, FutureId, FutureValue, ListenerAction, Machine, Ret, Step, Value};
use crate::assignor::Member;
use crate::consumer::events::ConsumerEvent;
use crate::error::ClientError;
use crate::network::coordinator_key;
use protocol::consumer_protocol::{self, Assignment, Subscription};
use protocol::messages::{
    COORDINATOR_GROUP, FindCoordinatorRequest, JoinGroupRequest, JoinGroupRequestProtocol, SyncGroupRequest,
    SyncGroupRequestAssignment,
};
use protocol::{ErrorCode, GenerationId, Ms, Name, TopicPartition};
use std::collections::BTreeSet;

/// How much longer than the rebalance itself a join may take, in ms (`JOIN_GROUP_TIMEOUT_LAPSE`).
const JOIN_GROUP_TIMEOUT_LAPSE_MS: Ms = 5_000;

pub(super) fn bool_of(input: Option<Ret>) -> Result<bool, ClientError> {
    match input {
        Some(Ok(Value::Bool(value))) => Ok(value),
        Some(Err(error)) => Err(error),
        _ => Ok(true),
    }
}

pub(super) fn error_of(input: Option<Ret>) -> Option<ClientError> {
    input.and_then(Result::err)
}

fn by_topic(partitions: &[TopicPartition]) -> Vec<(Name, Vec<i32>)> {
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
    pub(super) fn group(&mut self) -> &mut super::group::Coordinator {
        self.group.as_mut().expect("only consumers with a group come here")
    }

    /// `coordinatorUnknown`: a coordinator that cannot be reached is forgotten.
    pub(super) fn coordinator_unknown(&mut self, now: Ms) -> bool {
        let Some(node) = self.group.as_ref().and_then(|g| g.node) else { return true };
        if self.is_unavailable(coordinator_key(node), now) {
            self.mark_coordinator_unknown(true);
            return true;
        }
        false
    }

    /// `lookupCoordinator`
    pub(super) fn lookup_coordinator(&mut self, now: Ms) -> FutureId {
        if let Some(future) = self.group().find_future {
            return future;
        }
        let Some(node) = self.least_loaded_node(now) else {
            return self.failed_future(ClientError::class("NoAvailableBrokersException"));
        };
        let future = self.new_future();
        let key = self.group().group_id.clone();
        let request = FindCoordinatorRequest { key_type: COORDINATOR_GROUP, coordinator_keys: vec![key] };
        self.group().find_future = Some(future);
        self.send(node, request.into(), Call::FindCoordinator(future), now);
        future
    }

    pub(super) fn ensure_coordinator(&mut self, frame: &mut Frame, input: Option<Ret>, now: Ms) -> Step {
        let mut input = input;
        loop {
            let Frame::EnsureCoordinator { deadline_ms, no_wakeup, attempts, fatal, pc } = frame else {
                unreachable!("a lookup")
            };
            match *pc {
                0 => {
                    if !self.coordinator_unknown(now) {
                        return Step::Return(Ok(Value::Bool(true)));
                    }
                    *pc = 1;
                }
                1 => {
                    if let Some(error) = self.group().fatal_find.take() {
                        return Step::Return(Err(error));
                    }
                    let future = self.lookup_coordinator(now);
                    *pc = 2;
                    let (deadline_ms, no_wakeup) = (*deadline_ms, *no_wakeup);
                    self.group().auto_find = Some(future);
                    return Step::Call(Frame::Future { future, deadline_ms, no_wakeup, pc: 0 });
                }
                2 => {
                    let future = self.group().auto_find.expect("set before the wait");
                    match bool_of(input.take()) {
                        Err(error) => return Step::Return(Err(error)),
                        Ok(false) => {
                            let known = !self.coordinator_unknown(now);
                            return Step::Return(Ok(Value::Bool(known)));
                        }
                        Ok(true) => {}
                    }
                    *pc = 4;
                    let backoff = self.backoff(*attempts);
                    let until_ms = (now + backoff).min((*deadline_ms).max(now));
                    match self.result_of(future) {
                        Some(Err(error)) if error.is_retriable() => {
                            *attempts += 1;
                            *pc = 3;
                            return Step::Call(Frame::Sleep { until_ms });
                        }
                        Some(Err(error)) => *fatal = Some(error),
                        _ => {
                            let node = self.group().node;
                            if node.is_some_and(|n| self.is_unavailable(coordinator_key(n), now)) {
                                self.mark_coordinator_unknown(false);
                                *attempts += 1;
                                return Step::Call(Frame::Sleep { until_ms });
                            }
                        }
                    }
                }
                3 => {
                    *pc = 4;
                    return Step::Call(Frame::AwaitMetadata { deadline_ms: *deadline_ms, version: None });
                }
                _ => {
                    if let Some(error) = error_of(input.take()) {
                        return Step::Return(Err(error));
                    }
                    self.group().find_future = None;
                    if let Some(error) = fatal.take() {
                        self.group().fatal_find = None;
                        return Step::Return(Err(error));
                    }
                    let unknown = self.coordinator_unknown(now);
                    if !unknown || now >= *deadline_ms {
                        return Step::Return(Ok(Value::Bool(!unknown)));
                    }
                    *pc = 1;
                }
            }
        }
    }

    pub(super) fn backoff(&self, attempts: u32) -> Ms {
        let config = &self.config;
        crate::backoff::ExponentialBackoff::new(config.retry_backoff_ms, config.retry_backoff_max_ms).backoff(attempts)
    }

    /// `maybeUpdateSubscriptionMetadata`
    pub(super) fn maybe_update_subscription_metadata(&mut self) {
        let version = self.network.metadata.update_version();
        let cluster = self.network.metadata.snapshot().clone();
        let topics = self.subscriptions.metadata_topics();
        let group = self.group();
        if version > group.metadata_snapshot.version {
            group.metadata_snapshot = GroupSnapshot::new(&cluster, &topics, version);
        }
    }

    pub(super) fn coordinator_poll(&mut self, frame: &mut Frame, input: Option<Ret>, now: Ms) -> Step {
        let Frame::CoordinatorPoll { deadline_ms, pc } = frame else { unreachable!("a coordinator's poll") };
        let mut input = input;
        loop {
            match *pc {
                0 => {
                    if self.must_yield(now) {
                        return Step::Block;
                    }
                    self.maybe_update_subscription_metadata();
                    if let Err(error) = self.invoke_completed_commits(now) {
                        return Step::Return(Err(error));
                    }
                    if !self.subscriptions.has_auto_assigned_partitions() {
                        *pc = 5;
                        if self.network.metadata.update_requested() && !self.network.has_ready_nodes(now) {
                            return Step::Call(Frame::AwaitMetadata { deadline_ms: *deadline_ms, version: None });
                        }
                        continue;
                    }
                    if let Err(error) = self.poll_heartbeat(now) {
                        return Step::Return(Err(error));
                    }
                    *pc = 1;
                    if self.coordinator_unknown(now) {
                        return Step::Call(Frame::ensure_coordinator(*deadline_ms));
                    }
                }
                1 => {
                    match bool_of(input.take()) {
                        Ok(true) => {}
                        other => return Step::Return(other.map(Value::Bool)),
                    }
                    *pc = 7;
                    let subscriptions = &self.subscriptions;
                    let group = self.group.as_mut().expect("checked by the caller");
                    if group.rejoin_needed_or_pending(subscriptions) {
                        // The join itself never waits here: it goes on over polls.
                        *pc = 2;
                        return Step::Call(Frame::ensure_coordinator(now));
                    }
                }
                2 => {
                    match bool_of(input.take()) {
                        Ok(true) => {}
                        other => return Step::Return(other.map(Value::Bool)),
                    }
                    let group = self.group();
                    group.thread.get_or_insert(HeartbeatThread {
                        enabled: false,
                        failure: None,
                        wait: HeartbeatWait::Notified,
                    });
                    *pc = 3;
                    return Step::Call(Frame::JoinGroup { deadline_ms: now, pc: 0 });
                }
                3 => {
                    match bool_of(input.take()) {
                        Ok(true) => *pc = 7,
                        other => return Step::Return(other.map(Value::Bool)),
                    }
                }
                5 => {
                    if let Some(error) = error_of(input.take()) {
                        return Step::Return(Err(error));
                    }
                    *pc = 7;
                    return Step::Call(Frame::net_no_wakeup(now));
                }
                7 => {
                    if let Some(error) = error_of(input.take()) {
                        return Step::Return(Err(error));
                    }
                    *pc = 8;
                    if let Some(commit) = self.maybe_auto_commit(now) {
                        return Step::Call(commit);
                    }
                }
                _ => {
                    if let Some(error) = error_of(input.take()) {
                        return Step::Return(Err(error));
                    }
                    return Step::Return(Ok(Value::Bool(true)));
                }
            }
        }
    }

    /// `pollHeartbeat`: notes that the application polls, and lets a due heartbeat go.
    fn poll_heartbeat(&mut self, now: Ms) -> Result<(), ClientError> {
        let group = self.group();
        let Some(thread) = &group.thread else { return Ok(()) };
        if let Some(error) = thread.failure.clone() {
            group.thread = None;
            return Err(error);
        }
        if group.heartbeat.next_ms <= now {
            group.notify();
        }
        group.heartbeat.poll(now);
        Ok(())
    }

    pub(super) fn join_group(&mut self, frame: &mut Frame, input: Option<Ret>, now: Ms) -> Step {
        let Frame::JoinGroup { deadline_ms, pc } = frame else { unreachable!("a join") };
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
                        return Step::Call(Frame::JoinPrepare { deadline_ms, generation, error: None, pc: 0 });
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
                                group.reset_state_and_rejoin("rebalance failed since the generation was modified", true);
                                group.join_future = None;
                                continue;
                            }
                            let FutureValue::Assignment(assignment) = value else { unreachable!("of a join") };
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
        Some(Step::Call(Frame::Sleep { until_ms: (now + backoff).min(deadline_ms) }))
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
                JoinGroupRequestProtocol { name: assignor.name().into(), metadata }
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
        let timeout = config.request_timeout_ms.max(config.max_poll_interval_ms + JOIN_GROUP_TIMEOUT_LAPSE_MS);
        self.send_with_timeout(node, request.into(), Call::Join { future, sent }, timeout, now);
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
            return self.complete(future, Err(ClientError::code(ErrorCode::CoordinatorNotAvailable)));
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

    pub(super) fn leader_elected(&mut self, frame: &mut Frame, input: Option<Ret>, now: Ms) -> Step {
        let Frame::LeaderElected { response, future, pc } = frame else { unreachable!("a leader") };
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
            return Step::Call(Frame::AwaitMetadata { deadline_ms: Ms::MAX, version: None });
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
        let Some(assignor) = group.assignors.iter_mut().find(|a| Some(a.name()) == chosen.as_deref()) else {
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
        let Frame::JoinPrepare { deadline_ms, generation, error, pc } = frame else { unreachable!("a preparation") };
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
                    let limit = group.join_prepare_ms.expect("set at the beginning").min(deadline_ms);
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
                    let complete = now >= limit || result.as_ref().is_some_and(|r| !r.as_ref().is_err_and(ClientError::is_retriable));
                    if result.is_some() {
                        group.auto_commit_future = None;
                    }
                    *pc = 4;
                    if !complete {
                        *pc = 9;
                        let until_ms = (now + self.config.retry_backoff_ms).min(limit.min(deadline_ms).max(now));
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
        let Frame::JoinComplete { generation, assignment, error, added, pc } = frame else {
            unreachable!("a completion")
        };
        let mut input = input;
        let Ok(decoded) = Assignment::decode(assignment) else {
            return Step::Return(Err(ClientError::illegal_state()));
        };
        let mut assigned: Vec<TopicPartition> = decoded
            .assigned_partitions
            .iter()
            .flat_map(|(topic, list)| list.iter().map(|p| TopicPartition { topic: topic.clone(), partition: *p }))
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
                    if assigned.iter().any(|tp| !self.subscriptions.subscription.contains(&tp.topic)) {
                        self.group().request_rejoin("received assignment does not match the current subscription");
                        return Step::Return(Ok(Value::Unit));
                    }
                    let owned: BTreeSet<TopicPartition> = self.subscriptions.assigned_partitions().into_iter().collect();
                    *added = assigned.iter().filter(|tp| !owned.contains(tp)).cloned().collect();
                    *pc = 1;
                    if self.group().cooperative {
                        let revoked: Vec<TopicPartition> =
                            owned.into_iter().filter(|tp| !assigned.contains(tp)).collect();
                        if !revoked.is_empty() {
                            self.group().request_rejoin("need to revoke partitions and re-join");
                            return Step::Call(Frame::callback(CallbackKind::Revoked, revoked));
                        }
                    }
                }
                1 => {
                    *error = error_of(input.take());
                    let interval = self.config.auto_commit_interval_ms;
                    let group = self.group();
                    let chosen = generation.protocol.clone();
                    if let Some(assignor) = group.assignors.iter_mut().find(|a| Some(a.name()) == chosen.as_deref()) {
                        assignor.on_assignment(&assigned, decoded.user_data.as_ref(), generation.id);
                    }
                    group.next_auto_commit_ms = now + interval;
                    self.subscriptions.assign_from_subscribed(assigned.iter().cloned());
                    *pc = 2;
                    return Step::Call(Frame::callback(CallbackKind::Assigned, std::mem::take(added)));
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
        let Frame::Callback { kind, partitions, pc } = frame else { unreachable!("a callback") };
        if *pc == 1 {
            let error = error_of(input);
            self.events.push(ConsumerEvent::CommitInCallback { kind: *kind, error: error.clone() });
            return Step::Return(error.map_or(Ok(Value::Unit), Err));
        }
        self.events.push(ConsumerEvent::Rebalance { kind: *kind, partitions: partitions.clone() });
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
                Step::Call(Frame::commit_sync(offsets, now + self.config.default_api_timeout_ms))
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
