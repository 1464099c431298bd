//! `poll` itself, and what brings positions about: committed offsets, resets, validation, lookups
//! (`ClassicKafkaConsumer.poll`, `OffsetFetcher`).

use super::frames::{Condition, Frame};
use super::group_frames::{bool_of, error_of};
use super::machine::{Call, FutureId, FutureValue, Lookup, Machine, Ret, Step, Value};
use crate::consumer::fetch::{self, Fetched, group_by_node};
use crate::consumer::subscription::{FetchPosition, ResetStrategy, SubscriptionType};
use crate::error::ClientError;
use protocol::messages::{
    ListOffsetsPartition, ListOffsetsRequest, ListOffsetsTopic, OffsetForLeaderEpochRequest,
    OffsetForLeaderPartition, OffsetForLeaderTopic,
};
use protocol::{LeaderEpoch, Ms, NodeId, TopicPartition};
use std::collections::{BTreeMap, BTreeSet};

impl Machine {
    pub(super) fn poll_frame(&mut self, frame: &mut Frame, input: Option<Ret>, now: Ms) -> Step {
        let Frame::Poll { deadline_ms, pc } = frame else {
            unreachable!("a poll")
        };
        let deadline_ms = *deadline_ms;
        let mut input = input;
        loop {
            match *pc {
                0 => {
                    if self.subscriptions.kind == SubscriptionType::None {
                        return Step::Return(Err(ClientError::illegal_state()));
                    }
                    *pc = 1;
                }
                1 => {
                    if self.take_wakeup() {
                        return Step::Return(Err(ClientError::class("WakeupException")));
                    }
                    *pc = 2;
                    if self.group.is_some() {
                        return Step::Call(Frame::CoordinatorPoll { deadline_ms, pc: 0 });
                    }
                }
                2 => match bool_of(input.take()) {
                    Err(error) => return Step::Return(Err(error)),
                    Ok(false) => *pc = 3,
                    Ok(true) => {
                        *pc = 3;
                        return Step::Call(Frame::UpdatePositions { deadline_ms, pc: 0 });
                    }
                },
                3 => {
                    if let Some(error) = error_of(input.take()) {
                        return Step::Return(Err(error));
                    }
                    let mut timeout = (deadline_ms - now).max(0);
                    if let Some(group) = &self.group {
                        let thread_failure = group.thread.as_ref().and_then(|t| t.failure.clone());
                        if let (Some(error), false) = (thread_failure, group.state.has_not_joined())
                        {
                            return Step::Return(Err(error));
                        }
                        timeout = timeout.min(group.time_to_next_heartbeat(now));
                        if self.config.auto_commit {
                            timeout = timeout.min((group.next_auto_commit_ms - now).max(0));
                        }
                    }
                    match self.collect(now) {
                        Err(error) => return Step::Return(Err(error)),
                        Ok(fetched) if !fetched.is_empty() => {
                            return self.fetched(frame, fetched, now);
                        }
                        Ok(_) => {}
                    }
                    self.send_fetches(now);
                    if !self.has_all_positions && timeout > self.config.retry_backoff_ms {
                        timeout = self.config.retry_backoff_ms;
                    }
                    let Frame::Poll { pc, .. } = frame else {
                        unreachable!("a poll")
                    };
                    *pc = 4;
                    return Step::Call(Frame::net(now + timeout, Condition::NoAvailableFetches));
                }
                4 => {
                    if let Some(error) = error_of(input.take()) {
                        return Step::Return(Err(error));
                    }
                    match self.collect(now) {
                        Err(error) => return Step::Return(Err(error)),
                        Ok(fetched) if !fetched.is_empty() => {
                            return self.fetched(frame, fetched, now);
                        }
                        Ok(_) if now >= deadline_ms => {
                            return Step::Return(Ok(Value::Fetched(Fetched::default())));
                        }
                        Ok(_) => *pc = 1,
                    }
                }
                _ => {
                    // The next fetches were handed over; what was collected is returned.
                    let fetched = self.collected.take().unwrap_or_default();
                    return Step::Return(Ok(Value::Fetched(fetched)));
                }
            }
        }
    }

    fn collect(&mut self, now: Ms) -> Result<Fetched, ClientError> {
        self.fetcher.collect(
            &mut self.subscriptions,
            &mut self.network.metadata,
            &self.config,
            now,
        )
    }

    /// Something was collected: the next fetches leave before it is returned.
    fn fetched(&mut self, frame: &mut Frame, fetched: Fetched, now: Ms) -> Step {
        if self.send_fetches(now) > 0 || self.has_pending_requests() {
            let Frame::Poll { pc, .. } = frame else {
                unreachable!("a poll")
            };
            *pc = 5;
            self.collected = Some(fetched);
            return Step::Call(Frame::Net {
                deadline_ms: now,
                condition: Condition::Always,
                no_wakeup: true,
                transmit: true,
                pc: 0,
            });
        }
        Step::Return(Ok(Value::Fetched(fetched)))
    }

    fn send_fetches(&mut self, now: Ms) -> usize {
        self.validate_positions_on_metadata_change();
        let unavailable: BTreeSet<NodeId> = self
            .network
            .metadata
            .snapshot()
            .brokers
            .keys()
            .copied()
            .filter(|id| self.is_broker_unavailable(*id, now))
            .collect();
        let requests = self.fetcher.prepare(
            &mut self.subscriptions,
            &mut self.network.metadata,
            &self.config,
            &|node| unavailable.contains(&node),
            now,
        );
        let count = requests.len();
        for (node, data) in requests {
            self.fetcher.pending.insert(node.0);
            let request = fetch::to_wire(&data, &self.config);
            self.send(node.0, request.into(), Call::Fetch { data }, now);
        }
        count
    }

    /// New metadata may name new leaders, whose logs must be compared first.
    fn validate_positions_on_metadata_change(&mut self) {
        let version = self.network.metadata.update_version();
        if std::mem::replace(&mut self.validated_version, version) != version {
            for tp in self.subscriptions.assigned_partitions() {
                let leader = self.network.metadata.current_leader(&tp);
                self.subscriptions.maybe_validate_position(&tp, leader);
            }
        }
    }

    pub(super) fn update_positions(
        &mut self,
        frame: &mut Frame,
        input: Option<Ret>,
        now: Ms,
    ) -> Step {
        let Frame::UpdatePositions { deadline_ms, pc } = frame else {
            unreachable!("positions")
        };
        if *pc == 0 {
            if let Err(error) = self.validate_positions_if_needed(now) {
                return Step::Return(Err(error));
            }
            self.has_all_positions = self.subscriptions.has_all_fetch_positions();
            if self.has_all_positions {
                return Step::Return(Ok(Value::Bool(true)));
            }
            *pc = 1;
            if self.group.is_some() {
                let wanting = self.subscriptions.initializing_partitions();
                return Step::Call(Frame::fetch_committed(wanting, *deadline_ms));
            }
        }
        match input {
            Some(Err(error)) => return Step::Return(Err(error)),
            Some(Ok(Value::Committed(None))) => return Step::Return(Ok(Value::Bool(false))),
            Some(Ok(Value::Committed(Some(offsets)))) => {
                for (tp, committed) in offsets {
                    let Some(committed) = committed else { continue };
                    if let Some(epoch) = committed.leader_epoch {
                        self.network
                            .metadata
                            .update_last_seen_epoch_if_newer(&tp, epoch);
                    }
                    let position = FetchPosition {
                        offset: committed.offset,
                        offset_epoch: committed.leader_epoch,
                        leader: self.network.metadata.current_leader(&tp),
                    };
                    self.subscriptions.seek_unvalidated(&tp, position);
                }
            }
            _ => {}
        }
        if !self.subscriptions.reset_initializing_positions() {
            return Step::Return(Err(ClientError::class("NoOffsetForPartitionException")));
        }
        Step::Return(
            self.reset_positions_if_needed(now)
                .map(|()| Value::Bool(true)),
        )
    }

    fn reset_positions_if_needed(&mut self, now: Ms) -> Result<(), ClientError> {
        if let Some(error) = self.cached_reset_error.take() {
            return Err(error);
        }
        let mut strategies = BTreeMap::new();
        let mut timestamps = Vec::new();
        for tp in self.subscriptions.partitions_needing_reset(now) {
            let strategy = self
                .subscriptions
                .state(&tp)
                .and_then(|s| s.reset_strategy)
                .unwrap_or(ResetStrategy::None);
            let Some(timestamp) = strategy.timestamp(now) else {
                return Err(ClientError::class("NoOffsetForPartitionException"));
            };
            strategies.insert(tp.clone(), strategy);
            timestamps.push((tp, timestamp));
        }
        let (groups, _) = self.group_list_offsets(timestamps, now);
        let retry_at = now + self.config.request_timeout_ms;
        for (node, asked) in groups {
            let partitions: Vec<TopicPartition> = asked.iter().map(|(tp, _)| tp.clone()).collect();
            self.subscriptions
                .set_next_allowed_retry(&partitions, retry_at);
            let call = Call::Reset {
                strategies: strategies.clone(),
                partitions,
            };
            self.send_list_offsets(node, asked, call, now);
        }
        Ok(())
    }

    /// By leader; those without a reachable one are to be asked later.
    #[allow(clippy::type_complexity)]
    fn group_list_offsets(
        &mut self,
        timestamps: Vec<(TopicPartition, Ms)>,
        now: Ms,
    ) -> (
        Vec<(NodeId, Vec<(TopicPartition, ListOffsetsPartition)>)>,
        BTreeSet<TopicPartition>,
    ) {
        let mut retry = BTreeSet::new();
        let mut asked = Vec::new();
        for (tp, timestamp) in timestamps {
            let current = self.network.metadata.current_leader(&tp);
            let Some(leader) = current.leader else {
                self.network.metadata.request_update(true);
                retry.insert(tp);
                continue;
            };
            if self.is_broker_unavailable(leader, now) {
                retry.insert(tp);
                continue;
            }
            let partition = ListOffsetsPartition {
                partition_index: tp.partition,
                current_leader_epoch: current.epoch.unwrap_or(LeaderEpoch::NONE),
                timestamp,
            };
            asked.push((leader, (tp, partition)));
        }
        (group_by_node(asked), retry)
    }

    fn send_list_offsets(
        &mut self,
        node: NodeId,
        asked: Vec<(TopicPartition, ListOffsetsPartition)>,
        call: Call,
        now: Ms,
    ) {
        let mut topics: Vec<ListOffsetsTopic> = Vec::new();
        for (tp, partition) in asked {
            match topics.iter_mut().find(|t| t.name == tp.topic) {
                Some(topic) => topic.partitions.push(partition),
                None => topics.push(ListOffsetsTopic {
                    name: tp.topic,
                    partitions: vec![partition],
                }),
            }
        }
        let request = ListOffsetsRequest {
            isolation_level: self.config.isolation_level(),
            topics,
            timeout_ms: self.config.request_timeout_ms as i32,
            ..ListOffsetsRequest::default()
        };
        self.send(node.0, request.into(), call, now);
    }

    fn validate_positions_if_needed(&mut self, now: Ms) -> Result<(), ClientError> {
        if let Some(error) = self.cached_validation_error.take() {
            return Err(error);
        }
        self.validate_positions_on_metadata_change();
        let wanting = self.subscriptions.partitions_needing_validation(now);
        let by_leader = wanting
            .into_iter()
            .filter_map(|(tp, p)| p.leader.leader.map(|node| (node, (tp, p))));
        let retry_at = now + self.config.request_timeout_ms;
        for (node, positions) in group_by_node(by_leader) {
            if !self.network.has_api_versions(node.0) {
                self.network.ready(node.0, now);
                continue;
            }
            let asked: BTreeMap<TopicPartition, FetchPosition> = positions.into_iter().collect();
            self.subscriptions
                .set_next_allowed_retry(asked.keys(), retry_at);
            let mut topics: Vec<OffsetForLeaderTopic> = Vec::new();
            for (tp, position) in &asked {
                let partition = OffsetForLeaderPartition {
                    partition: tp.partition,
                    current_leader_epoch: position.leader.epoch.unwrap_or(LeaderEpoch::NONE),
                    leader_epoch: position.offset_epoch.unwrap_or(LeaderEpoch::NONE),
                };
                match topics.last_mut() {
                    Some(topic) if topic.topic == tp.topic => topic.partitions.push(partition),
                    _ => topics.push(OffsetForLeaderTopic {
                        topic: tp.topic.clone(),
                        partitions: vec![partition],
                    }),
                }
            }
            // A consumer asks as replica −1.
            let request = OffsetForLeaderEpochRequest {
                replica_id: NodeId::NONE,
                topics,
            };
            self.send(node.0, request.into(), Call::Validate(asked), now);
        }
        Ok(())
    }

    pub(super) fn position_frame(
        &mut self,
        frame: &mut Frame,
        input: Option<Ret>,
        now: Ms,
    ) -> Step {
        let Frame::Position {
            tp,
            deadline_ms,
            pc,
        } = frame
        else {
            unreachable!("a position")
        };
        if let Some(error) = error_of(input) {
            return Step::Return(Err(error));
        }
        match *pc {
            0 | 2 => {
                if *pc == 2 && now >= *deadline_ms {
                    return Step::Return(Err(ClientError::timeout()));
                }
                let Some(state) = self.subscriptions.state(tp) else {
                    return Step::Return(Err(ClientError::illegal_state()));
                };
                if let Some(position) = state.position.filter(|_| state.has_valid_position()) {
                    return Step::Return(Ok(Value::Position(position.offset)));
                }
                *pc = 1;
                Step::Call(Frame::UpdatePositions {
                    deadline_ms: *deadline_ms,
                    pc: 0,
                })
            }
            _ => {
                *pc = 2;
                Step::Call(Self::pass(*deadline_ms))
            }
        }
    }

    /// Sends lookups to every leader; the future completes when all have answered (`sendListOffsetsRequests`).
    pub(super) fn send_lookup(
        &mut self,
        timestamps: &BTreeMap<TopicPartition, Ms>,
        for_lag: bool,
        now: Ms,
    ) -> FutureId {
        let keys: Vec<TopicPartition> = timestamps.keys().cloned().collect();
        let ordered = crate::java::partition_order(keys, 16);
        let wanted = ordered
            .into_iter()
            .map(|tp| (tp.clone(), timestamps[&tp]))
            .collect();
        let (groups, retry) = self.group_list_offsets(wanted, now);
        if groups.is_empty() {
            if for_lag {
                for tp in timestamps.keys() {
                    if let Some(state) = self.subscriptions.state_mut(tp) {
                        state.end_offset_requested = false;
                    }
                }
            }
            return self.failed_future(ClientError::class("StaleMetadataException"));
        }
        let future = self.new_future();
        let mut lookup = Lookup {
            waiting: groups.len(),
            result: super::machine::ListOffsetsResult::default(),
            for_lag: for_lag.then(|| timestamps.keys().cloned().collect()),
        };
        lookup.result.retry = retry;
        self.lookups.insert(future, lookup);
        for (node, asked) in groups {
            self.send_list_offsets(node, asked, Call::Lookup { future }, now);
        }
        future
    }

    pub(super) fn list_offsets_frame(
        &mut self,
        frame: &mut Frame,
        input: Option<Ret>,
        now: Ms,
    ) -> Step {
        let Frame::ListOffsets {
            remaining,
            found,
            deadline_ms,
            future,
            pc,
        } = frame
        else {
            unreachable!("a lookup")
        };
        let mut input = input;
        loop {
            match *pc {
                0 => {
                    if remaining.is_empty() {
                        self.network.metadata.clear_transient_topics();
                        return Step::Return(Ok(Value::Offsets(std::mem::take(found))));
                    }
                    let asked = self.send_lookup(remaining, false, now);
                    *future = Some(asked);
                    *pc = 1;
                    return Step::Call(Frame::future(asked, *deadline_ms));
                }
                1 => {
                    let outcome = match bool_of(input.take()) {
                        Err(error) => Err(error),
                        Ok(false) => Err(ClientError::timeout()),
                        Ok(true) => match future.and_then(|f| self.result_of(f)) {
                            Some(Ok(FutureValue::ListOffsets(result))) => {
                                found.extend(result.found);
                                remaining.retain(|tp, _| result.retry.contains(tp));
                                Ok(())
                            }
                            Some(Err(error)) if !error.is_retriable() => Err(error),
                            _ => Ok(()),
                        },
                    };
                    if let Err(error) = outcome {
                        self.network.metadata.clear_transient_topics();
                        return Step::Return(Err(error));
                    }
                    *pc = 2;
                    if remaining.is_empty() {
                        *pc = 0;
                        continue;
                    }
                    return Step::Call(Frame::AwaitMetadata {
                        deadline_ms: *deadline_ms,
                        version: None,
                    });
                }
                _ => {
                    let error =
                        error_of(input.take()).or((now >= *deadline_ms).then(ClientError::timeout));
                    if let Some(error) = error {
                        self.network.metadata.clear_transient_topics();
                        return Step::Return(Err(error));
                    }
                    *pc = 0;
                }
            }
        }
    }
}
