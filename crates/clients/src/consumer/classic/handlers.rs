//! Answers and what they change: the response handlers of coordinator, fetcher and offset fetcher.

use super::frames::Frame;
use super::group::{CommitCompletion, Generation, MemberState};
use super::machine::{Call, Callback, Completion, FutureId, FutureValue, Machine};
use super::net::DISCONNECT;
use super::offsets::list_offsets;
use crate::consumer::subscription::OffsetAndMetadata;
use crate::error::ClientError;
use crate::network::coordinator_key;
use protocol::messages::{
    FindCoordinatorResponse, JoinGroupResponse, OffsetCommitResponse, OffsetFetchResponse,
    Response, SyncGroupResponse,
};
use protocol::{ErrorCode, Ms, Offset, TopicPartition};
use std::collections::BTreeMap;

type Done = Result<FutureValue, ClientError>;

fn code(error: ErrorCode) -> ClientError {
    ClientError::code(error)
}

const fn coordinator_moved(error: ErrorCode) -> bool {
    matches!(
        error,
        ErrorCode::CoordinatorNotAvailable | ErrorCode::NotCoordinator
    )
}

impl Machine {
    /// A request ended. A frame = something that must wait before the next listener runs.
    pub(super) fn handle_completion(&mut self, completion: Completion, now: Ms) -> Option<Frame> {
        let Completion { node, call, result } = completion;
        if matches!(
            call,
            Call::Join { .. }
                | Call::Sync { .. }
                | Call::Heartbeat { .. }
                | Call::Commit { .. }
                | Call::Committed(_)
                | Call::Leave
        ) && result.as_ref().is_err_and(|e| e.is_class(DISCONNECT))
        {
            self.mark_coordinator_unknown(true);
        }
        match call {
            Call::FindCoordinator(future) => {
                let done = result.and_then(|r| match r {
                    Response::FindCoordinator(r) => self.found_coordinator(&r, now),
                    other => unreachable!("{:?} answers no FIND_COORDINATOR", other.api()),
                });
                if let (Err(error), Some(group)) = (&done, &mut self.group) {
                    if !error.is_retriable() {
                        group.fatal_find = Some(error.clone());
                    }
                }
                self.complete(future, done)
            }
            Call::Join { future, sent } => match result {
                Ok(Response::JoinGroup(r)) => self.joined(future, &sent, *r),
                Ok(other) => unreachable!("{:?} answers no JOIN_GROUP", other.api()),
                Err(error) => self.complete(future, Err(error)),
            },
            Call::Sync { future, sent } => {
                let done = result.and_then(|r| match r {
                    Response::SyncGroup(r) => self.synced(&sent, &r),
                    other => unreachable!("{:?} answers no SYNC_GROUP", other.api()),
                });
                self.complete(future, done)
            }
            Call::Heartbeat { sent } => {
                let done = result.and_then(|r| match r {
                    Response::Heartbeat(r) => self.heartbeat_answered(&sent, r.error),
                    other => unreachable!("{:?} answers no HEARTBEAT", other.api()),
                });
                self.heartbeat_done(done, now);
                None
            }
            Call::Leave => None,
            Call::Commit {
                future,
                offsets,
                sent,
            } => {
                let done = result.and_then(|r| match r {
                    Response::OffsetCommit(r) => self.committed(&r, &offsets, &sent),
                    other => unreachable!("{:?} answers no OFFSET_COMMIT", other.api()),
                });
                self.complete(future, done)
            }
            Call::Committed(future) => {
                let done = result.and_then(|r| match r {
                    Response::OffsetFetch(r) => self.offsets_fetched(&r),
                    other => unreachable!("{:?} answers no OFFSET_FETCH", other.api()),
                });
                self.complete(future, done)
            }
            Call::Reset {
                strategies,
                partitions,
            } => {
                let found = result.and_then(|r| list_offsets(&r));
                self.reset_answered(&strategies, &partitions, found, now);
                None
            }
            Call::Lookup { future } => {
                let found = result.and_then(|r| list_offsets(&r));
                self.lookup_answered(future, found)
            }
            Call::Validate(asked) => {
                self.validated(&asked, result, now);
                None
            }
            Call::Fetch { data } => {
                match result {
                    Ok(Response::Fetch(r)) => self.fetcher.handle_response(
                        node,
                        &data,
                        &r,
                        &mut self.subscriptions,
                        &mut self.network.metadata,
                    ),
                    _ => self.fetcher.handle_failure(node, &mut self.subscriptions),
                }
                None
            }
            Call::CloseFetch(future) => {
                self.fetcher.pending.remove(&node);
                self.complete(future, Ok(FutureValue::Unit))
            }
        }
    }

    /// What else hears of a future that is done.
    pub(super) fn future_listeners(
        &mut self,
        future: FutureId,
        failed: Option<ClientError>,
    ) -> Option<Frame> {
        if let Some((offsets, callback)) = self.commit_listeners.remove(&future) {
            self.commit_done(offsets, callback, failed.clone());
        }
        let finds = self
            .group
            .as_ref()
            .is_some_and(|g| g.find_future == Some(future));
        if !finds || self.waiting_commits.is_empty() {
            return None;
        }
        for (offsets, callback) in std::mem::take(&mut self.waiting_commits) {
            let group = self.group.as_mut().expect("commits wait for a coordinator");
            group.pending_async -= 1;
            match &failed {
                None => {
                    self.do_commit_async(offsets, callback);
                }
                Some(error) => {
                    let error =
                        ClientError::class("RetriableCommitFailedException").caused_by(error);
                    group.completed_commits.push_back(CommitCompletion {
                        callback,
                        offsets,
                        error: Some(error),
                    });
                }
            }
        }
        failed
            .is_none()
            .then(|| Frame::net_no_wakeup(self.last_now))
    }

    fn commit_done(
        &mut self,
        offsets: BTreeMap<TopicPartition, OffsetAndMetadata>,
        callback: Callback,
        failed: Option<ClientError>,
    ) {
        let Some(group) = &mut self.group else { return };
        group.in_flight_async -= 1;
        let error = failed.map(|error| {
            if error.is_retriable() {
                ClientError::class("RetriableCommitFailedException").caused_by(&error)
            } else {
                error
            }
        });
        group.async_fenced |= error
            .as_ref()
            .is_some_and(|e| e.is(ErrorCode::FencedInstanceId));
        group.completed_commits.push_back(CommitCompletion {
            callback,
            offsets,
            error,
        });
    }

    fn found_coordinator(&mut self, response: &FindCoordinatorResponse, now: Ms) -> Done {
        let [found] = response.coordinators.as_slice() else {
            return Err(ClientError::illegal_state());
        };
        if !found.error.is_none() {
            return Err(code(found.error));
        }
        self.network.ready(coordinator_key(found.node_id), now);
        let group = self
            .group
            .as_mut()
            .expect("only groups look for a coordinator");
        group.node = Some(found.node_id);
        group.heartbeat.reset_session(now);
        Ok(FutureValue::Unit)
    }

    /// `markCoordinatorUnknown`; a connection that is not lost yet is given up.
    pub(super) fn mark_coordinator_unknown(&mut self, disconnected: bool) {
        let Some(node) = self.group.as_mut().and_then(|g| g.node.take()) else {
            return;
        };
        if !disconnected {
            self.disconnects.push(coordinator_key(node));
            self.network.wakeup();
        }
    }

    fn joined(
        &mut self,
        future: FutureId,
        sent: &Generation,
        response: JoinGroupResponse,
    ) -> Option<Frame> {
        let now = self.last_now;
        let group = self.group.as_mut().expect("only groups join");
        let unchanged = group.generation == *sent;
        let error = match response.error {
            ErrorCode::None => {
                let foreign = response
                    .protocol_type
                    .as_deref()
                    .is_some_and(|t| t != protocol::consumer_protocol::PROTOCOL_TYPE);
                if foreign {
                    code(ErrorCode::InconsistentGroupProtocol)
                } else if group.state != MemberState::PreparingRebalance {
                    ClientError::class("UnjoinedGroupException")
                } else {
                    group.state = MemberState::CompletingRebalance;
                    if let Some(thread) = &mut group.thread {
                        thread.enabled = true;
                        thread.wait = super::group::HeartbeatWait::Runs;
                        group.heartbeat.reset_timeouts(now);
                    }
                    group.generation = Generation {
                        id: response.generation_id.0,
                        member_id: response.member_id.clone(),
                        protocol: response.protocol_name.clone(),
                    };
                    if response.leader == response.member_id {
                        return Some(Frame::LeaderElected {
                            response: Box::new(response),
                            future,
                            pc: 0,
                        });
                    }
                    return self.send_sync(future, Vec::new());
                }
            }
            error @ ErrorCode::UnknownMemberId => {
                if unchanged {
                    group.reset_state_and_rejoin(
                        "encountered UNKNOWN_MEMBER_ID from JOIN_GROUP response",
                        true,
                    );
                }
                code(error)
            }
            error if coordinator_moved(error) => {
                self.mark_coordinator_unknown(false);
                code(error)
            }
            error @ ErrorCode::MemberIdRequired => {
                group.generation = Generation {
                    member_id: response.member_id.clone(),
                    ..Generation::none()
                };
                group.request_rejoin("need to re-join with the given member-id");
                code(error)
            }
            error @ (ErrorCode::CoordinatorLoadInProgress
            | ErrorCode::FencedInstanceId
            | ErrorCode::InconsistentGroupProtocol
            | ErrorCode::InvalidSessionTimeout
            | ErrorCode::InvalidGroupId
            | ErrorCode::GroupAuthorizationFailed
            | ErrorCode::GroupMaxSizeReached
            | ErrorCode::UnsupportedVersion
            | ErrorCode::RebalanceInProgress) => code(error),
            _ => ClientError::kafka(),
        };
        self.complete(future, Err(error))
    }

    fn synced(&mut self, sent: &Generation, response: &SyncGroupResponse) -> Done {
        let group = self.group.as_mut().expect("only groups sync");
        let unchanged = group.generation == *sent;
        match response.error {
            ErrorCode::None => {
                if response
                    .protocol_type
                    .as_deref()
                    .is_some_and(|t| t != protocol::consumer_protocol::PROTOCOL_TYPE)
                {
                    return Err(code(ErrorCode::InconsistentGroupProtocol));
                }
                if group.generation.was_reset() || group.state != MemberState::CompletingRebalance {
                    return Err(code(ErrorCode::IllegalGeneration));
                }
                if response.protocol_name.is_some()
                    && response.protocol_name != group.generation.protocol
                {
                    return Err(code(ErrorCode::InconsistentGroupProtocol));
                }
                group.state = MemberState::Stable;
                group.rejoin_reason = "";
                group.rejoin_needed = false;
                Ok(FutureValue::Assignment(response.assignment.clone()))
            }
            error @ (ErrorCode::UnknownMemberId | ErrorCode::IllegalGeneration) => {
                if unchanged {
                    let forget = error != ErrorCode::IllegalGeneration;
                    group.reset_state_and_rejoin(
                        "encountered an error from SYNC_GROUP response",
                        forget,
                    );
                }
                Err(code(error))
            }
            error if coordinator_moved(error) => {
                self.mark_coordinator_unknown(false);
                Err(code(error))
            }
            error @ (ErrorCode::GroupAuthorizationFailed
            | ErrorCode::RebalanceInProgress
            | ErrorCode::FencedInstanceId) => Err(code(error)),
            _ => Err(ClientError::kafka()),
        }
    }

    fn heartbeat_answered(&mut self, sent: &Generation, error: ErrorCode) -> Done {
        let group = self.group.as_mut().expect("only groups have heartbeats");
        match error {
            ErrorCode::None => Ok(FutureValue::Unit),
            error if coordinator_moved(error) => {
                self.mark_coordinator_unknown(false);
                Err(code(error))
            }
            ErrorCode::RebalanceInProgress if group.state == MemberState::Stable => {
                group.request_rejoin("group is already rebalancing");
                Err(code(error))
            }
            ErrorCode::RebalanceInProgress => Ok(FutureValue::Unit),
            ErrorCode::IllegalGeneration
            | ErrorCode::UnknownMemberId
            | ErrorCode::FencedInstanceId => {
                if group.generation != *sent {
                    return Ok(FutureValue::Unit);
                }
                let forget = error != ErrorCode::IllegalGeneration;
                group
                    .reset_state_and_rejoin("encountered an error from HEARTBEAT response", forget);
                Err(code(error))
            }
            ErrorCode::GroupAuthorizationFailed => Err(code(error)),
            _ => Err(ClientError::kafka()),
        }
    }

    fn heartbeat_done(&mut self, done: Done, now: Ms) {
        let Some(group) = &mut self.group else { return };
        match done {
            Ok(_) => group.heartbeat.received(now),
            Err(error) if error.is(ErrorCode::RebalanceInProgress) => group.heartbeat.received(now),
            Err(error) if error.is(ErrorCode::FencedInstanceId) => {
                if let Some(thread) = &mut group.thread {
                    thread.failure = Some(error);
                }
            }
            Err(_) => {
                group.heartbeat.failed(now);
                group.notify();
            }
        }
    }

    fn committed(
        &mut self,
        response: &OffsetCommitResponse,
        offsets: &BTreeMap<TopicPartition, OffsetAndMetadata>,
        sent: &Generation,
    ) -> Done {
        let mut unauthorized = false;
        for topic in &response.topics {
            for partition in &topic.partitions {
                let tp = TopicPartition {
                    topic: topic.name.clone(),
                    partition: partition.partition_index,
                };
                debug_assert!(
                    offsets.contains_key(&tp),
                    "an answer names what was committed"
                );
                match partition.error {
                    ErrorCode::None => {}
                    ErrorCode::TopicAuthorizationFailed => unauthorized = true,
                    error => return Err(self.commit_error(error, sent)),
                }
            }
        }
        if unauthorized {
            Err(code(ErrorCode::TopicAuthorizationFailed))
        } else {
            Ok(FutureValue::Unit)
        }
    }

    fn commit_error(&mut self, error: ErrorCode, sent: &Generation) -> ClientError {
        let group = self.group.as_mut().expect("only groups commit");
        let unchanged = group.generation == *sent;
        let preparing = group.state == MemberState::PreparingRebalance;
        match error {
            ErrorCode::GroupAuthorizationFailed
            | ErrorCode::OffsetMetadataTooLarge
            | ErrorCode::InvalidCommitOffsetSize
            | ErrorCode::CoordinatorLoadInProgress
            | ErrorCode::UnknownTopicOrPartition => code(error),
            ErrorCode::CoordinatorNotAvailable
            | ErrorCode::NotCoordinator
            | ErrorCode::RequestTimedOut => {
                self.mark_coordinator_unknown(false);
                code(error)
            }
            ErrorCode::FencedInstanceId if unchanged => code(error),
            ErrorCode::FencedInstanceId if preparing => code(ErrorCode::RebalanceInProgress),
            ErrorCode::FencedInstanceId => ClientError::class("CommitFailedException"),
            ErrorCode::RebalanceInProgress => {
                group.request_rejoin("offset commit failed since group is already rebalancing");
                code(error)
            }
            ErrorCode::UnknownMemberId | ErrorCode::IllegalGeneration => {
                if !unchanged && preparing {
                    return code(ErrorCode::RebalanceInProgress);
                }
                let forget = error != ErrorCode::IllegalGeneration;
                group.reset_state_and_rejoin(
                    "encountered an error from OFFSET_COMMIT response",
                    forget,
                );
                ClientError::class("CommitFailedException")
            }
            _ => ClientError::kafka(),
        }
    }

    fn offsets_fetched(&mut self, response: &OffsetFetchResponse) -> Done {
        let Some(group) = response.groups.first() else {
            return Err(ClientError::kafka());
        };
        match group.error {
            ErrorCode::None => {}
            error if coordinator_moved(error) => {
                self.mark_coordinator_unknown(false);
                return Err(code(error));
            }
            error @ ErrorCode::GroupAuthorizationFailed => return Err(code(error)),
            error if error.is_retriable() => return Err(code(error)),
            _ => return Err(ClientError::kafka()),
        }
        let mut offsets = BTreeMap::new();
        let (mut unstable, mut unauthorized) = (false, false);
        for topic in &group.topics {
            for p in &topic.partitions {
                let tp = TopicPartition {
                    topic: topic.name.clone(),
                    partition: p.partition_index,
                };
                match p.error {
                    ErrorCode::None if p.committed_offset >= Offset::ZERO => {
                        let committed = OffsetAndMetadata {
                            offset: p.committed_offset,
                            leader_epoch: (!p.committed_leader_epoch.is_none())
                                .then_some(p.committed_leader_epoch),
                            metadata: p.metadata.clone().unwrap_or_default(),
                        };
                        offsets.insert(tp, Some(committed));
                    }
                    ErrorCode::None => drop(offsets.insert(tp, None)),
                    ErrorCode::TopicAuthorizationFailed => unauthorized = true,
                    ErrorCode::UnstableOffsetCommit => unstable = true,
                    _ => return Err(ClientError::kafka()),
                }
            }
        }
        if unauthorized {
            Err(code(ErrorCode::TopicAuthorizationFailed))
        } else if unstable {
            Err(code(ErrorCode::UnstableOffsetCommit))
        } else {
            Ok(FutureValue::Offsets(offsets))
        }
    }
}
