//! The application's calls: those that end at once, and those that are frames of the machine.

use super::Consumer;
use super::classic::{Callback, Frame, Membership, RebalanceListener, Ret, Value};
use super::events::{CallResult, ConsumerEvent};
use super::subscription::{FetchPosition, OffsetAndMetadata, ResetStrategy, SubscriptionType};
use crate::error::ClientError;
use crate::producer::CallId;
use protocol::{ErrorCode, LeaderEpoch, Ms, Name, Offset, TopicPartition};
use std::collections::{BTreeMap, BTreeSet};

/// An offset to commit or to seek to.
pub type CommitOffset = OffsetAndMetadata;

/// How long `close()` takes at most without a timeout of its own, in ms (`DEFAULT_CLOSE_TIMEOUT_MS`).
const DEFAULT_CLOSE_TIMEOUT_MS: Ms = 30_000;

/// A call of the application.
#[derive(Clone, Debug)]
pub enum ConsumerCall {
    Subscribe {
        topics: Vec<Name>,
        listener: RebalanceListener,
    },
    /// A pattern that the broker matches; only the consumer protocol knows it.
    SubscribePattern {
        pattern: Name,
        listener: RebalanceListener,
    },
    Assign(Vec<TopicPartition>),
    Unsubscribe,
    Poll {
        timeout_ms: Ms,
    },
    /// `None` = everything that poll returned.
    CommitSync {
        offsets: Option<BTreeMap<TopicPartition, CommitOffset>>,
        timeout_ms: Option<Ms>,
    },
    CommitAsync {
        offsets: Option<BTreeMap<TopicPartition, CommitOffset>>,
    },
    Seek {
        tp: TopicPartition,
        offset: Offset,
        leader_epoch: Option<LeaderEpoch>,
    },
    SeekToBeginning(Vec<TopicPartition>),
    SeekToEnd(Vec<TopicPartition>),
    Pause(Vec<TopicPartition>),
    Resume(Vec<TopicPartition>),
    Position(TopicPartition),
    Committed(BTreeSet<TopicPartition>),
    BeginningOffsets(Vec<TopicPartition>),
    EndOffsets(Vec<TopicPartition>),
    OffsetsForTimes(BTreeMap<TopicPartition, Ms>),
    CurrentLag(TopicPartition),
    EnforceRebalance,
    Close {
        timeout_ms: Option<Ms>,
        membership: Membership,
    },
}

/// How the value of a frame becomes the result of its call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Plain,
    /// False = the time was over.
    Timed,
}

type Immediate = Result<CallResult, ClientError>;

impl Consumer {
    pub(super) fn begin(&mut self, id: CallId, call: ConsumerCall, now: Ms) {
        if self.machine.closed && !matches!(call, ConsumerCall::Close { .. }) {
            return self.ended(id, Err(ClientError::illegal_state()));
        }
        if let Err(error) = self.check_group(&call) {
            return self.ended(id, Err(error));
        }
        match self.try_at_once(&call, now) {
            Some(result) => self.ended(id, result),
            None => {
                let (frame, kind) = self.frame_of(id, call, now);
                self.running = Some((id, kind));
                self.machine.start(frame);
            }
        }
    }

    fn ended(&mut self, call: CallId, result: Immediate) {
        self.machine.events.push(match result {
            Ok(result) => ConsumerEvent::Returned { call, result },
            Err(error) => ConsumerEvent::Thrown { call, error },
        });
    }

    /// A frame's value is there.
    pub(super) fn end(&mut self, ret: Ret) {
        let Some((id, kind)) = self.running.take() else {
            return;
        };
        let result = match (kind, ret) {
            (_, Err(error)) => Err(error),
            (Kind::Timed, Ok(Value::Bool(false) | Value::Committed(None))) => {
                Err(ClientError::timeout())
            }
            (_, Ok(Value::Fetched(fetched))) => Ok(CallResult::Records(fetched)),
            (_, Ok(Value::Position(offset))) => Ok(CallResult::Position(offset)),
            (_, Ok(Value::Committed(Some(offsets)))) => Ok(CallResult::Committed(offsets)),
            (_, Ok(Value::Offsets(offsets))) => Ok(CallResult::Offsets(offsets)),
            _ => Ok(CallResult::Nothing),
        };
        if let Ok(CallResult::Committed(offsets)) = &result {
            for (tp, committed) in offsets {
                if let Some(epoch) = committed.as_ref().and_then(|c| c.leader_epoch) {
                    self.machine
                        .network
                        .metadata
                        .update_last_seen_epoch_if_newer(tp, epoch);
                }
            }
        }
        self.ended(id, result);
    }

    /// Group management and commits need a group.
    fn check_group(&self, call: &ConsumerCall) -> Result<(), ClientError> {
        use ConsumerCall::{
            CommitAsync, CommitSync, Committed, EnforceRebalance, Subscribe, SubscribePattern,
        };
        let needs = matches!(
            call,
            CommitAsync { .. }
                | CommitSync { .. }
                | Committed(_)
                | Subscribe { .. }
                | SubscribePattern { .. }
        );
        if self.machine.group.is_some() {
            return Ok(());
        }
        match call {
            EnforceRebalance => Err(ClientError::illegal_state()),
            _ if needs => Err(ClientError::code(ErrorCode::InvalidGroupId)),
            _ => Ok(()),
        }
    }

    /// Calls that never wait.
    fn try_at_once(&mut self, call: &ConsumerCall, now: Ms) -> Option<Immediate> {
        Some(match call {
            ConsumerCall::Subscribe { topics, .. } if topics.is_empty() => return None,
            ConsumerCall::Subscribe { topics, listener } => self.subscribe(topics, *listener),
            ConsumerCall::SubscribePattern { .. } => {
                Err(ClientError::class("UnsupportedOperationException"))
            }
            ConsumerCall::Seek {
                tp,
                offset,
                leader_epoch,
            } => self.seek(tp, *offset, *leader_epoch),
            ConsumerCall::SeekToBeginning(tps) => self.reset_to(tps, ResetStrategy::Earliest),
            ConsumerCall::SeekToEnd(tps) => self.reset_to(tps, ResetStrategy::Latest),
            ConsumerCall::Pause(tps) => self.set_paused(tps, true),
            ConsumerCall::Resume(tps) => self.set_paused(tps, false),
            ConsumerCall::CurrentLag(tp) => self.current_lag(tp, now),
            ConsumerCall::EnforceRebalance => {
                if let Some(group) = &mut self.machine.group {
                    group.request_rejoin("rebalance enforced by user");
                }
                Ok(CallResult::Nothing)
            }
            ConsumerCall::OffsetsForTimes(times) if times.values().any(|t| *t < 0) => {
                Err(ClientError::illegal_argument())
            }
            ConsumerCall::Close { .. } if self.machine.closed => Ok(CallResult::Nothing),
            _ => return None,
        })
    }

    fn frame_of(&mut self, id: CallId, call: ConsumerCall, now: Ms) -> (Frame, Kind) {
        let api_deadline = now.saturating_add(self.machine.config.default_api_timeout_ms);
        match call {
            ConsumerCall::Poll { timeout_ms } => (
                Frame::Poll {
                    deadline_ms: now.saturating_add(timeout_ms),
                    pc: 0,
                },
                Kind::Plain,
            ),
            ConsumerCall::Assign(partitions) if !partitions.is_empty() => {
                (Frame::Assign { partitions, pc: 0 }, Kind::Plain)
            }
            ConsumerCall::CommitSync {
                offsets,
                timeout_ms,
            } => {
                let offsets = self.offsets_to_commit(offsets);
                let deadline = timeout_ms.map_or(api_deadline, |ms| now.saturating_add(ms));
                (Frame::commit_sync(offsets, deadline), Kind::Timed)
            }
            ConsumerCall::CommitAsync { offsets } => {
                let offsets = self.offsets_to_commit(offsets);
                (
                    Frame::commit_async(offsets, Callback::User(id)),
                    Kind::Plain,
                )
            }
            ConsumerCall::Position(tp) => (
                Frame::Position {
                    tp,
                    deadline_ms: api_deadline,
                    pc: 0,
                },
                Kind::Plain,
            ),
            ConsumerCall::Committed(partitions) => (
                Frame::fetch_committed(partitions, api_deadline),
                Kind::Timed,
            ),
            ConsumerCall::BeginningOffsets(tps) => (
                self.lookup(tps.into_iter().map(|tp| (tp, -2)).collect(), api_deadline),
                Kind::Plain,
            ),
            ConsumerCall::EndOffsets(tps) => (
                self.lookup(tps.into_iter().map(|tp| (tp, -1)).collect(), api_deadline),
                Kind::Plain,
            ),
            ConsumerCall::OffsetsForTimes(times) => (self.lookup(times, api_deadline), Kind::Plain),
            ConsumerCall::Close {
                timeout_ms,
                membership,
            } => {
                let timeout_ms = timeout_ms.unwrap_or(DEFAULT_CLOSE_TIMEOUT_MS);
                (
                    Frame::Close {
                        began_ms: now,
                        timeout_ms,
                        membership,
                        error: None,
                        futures: Vec::new(),
                        pc: 0,
                    },
                    Kind::Plain,
                )
            }
            // An empty subscription or assignment is none.
            _ => (Frame::Unsubscribe { pc: 0 }, Kind::Plain),
        }
    }

    fn offsets_to_commit(
        &mut self,
        offsets: Option<BTreeMap<TopicPartition, CommitOffset>>,
    ) -> BTreeMap<TopicPartition, CommitOffset> {
        let offsets = offsets.unwrap_or_else(|| self.machine.subscriptions.all_consumed());
        for (tp, offset) in &offsets {
            if let Some(epoch) = offset.leader_epoch {
                self.machine
                    .network
                    .metadata
                    .update_last_seen_epoch_if_newer(tp, epoch);
            }
        }
        offsets
    }

    fn lookup(&mut self, times: BTreeMap<TopicPartition, Ms>, deadline_ms: Ms) -> Frame {
        let topics: BTreeSet<Name> = times.keys().map(|tp| tp.topic.clone()).collect();
        self.machine.network.metadata.add_transient_topics(topics);
        Frame::list_offsets(times, deadline_ms)
    }

    fn subscribe(&mut self, topics: &[Name], listener: RebalanceListener) -> Immediate {
        let machine = &mut self.machine;
        if topics.iter().any(|t| t.trim().is_empty()) {
            return Err(ClientError::illegal_argument());
        }
        if machine
            .group
            .as_ref()
            .is_some_and(|g| g.assignors.is_empty())
        {
            return Err(ClientError::illegal_state());
        }
        let topics: BTreeSet<Name> = topics.iter().cloned().collect();
        let keep = machine
            .subscriptions
            .assigned_partitions()
            .into_iter()
            .filter(|tp| topics.contains(&tp.topic))
            .collect();
        machine.fetcher.retain(&keep, &mut machine.subscriptions);
        machine.listener = listener;
        if !machine.subscriptions.set_kind(SubscriptionType::Topics) {
            return Err(ClientError::illegal_state());
        }
        if machine.subscriptions.change_subscription(topics) {
            machine.sync_interest();
            machine.network.metadata.request_update_for_new_topics();
        }
        Ok(CallResult::Nothing)
    }

    fn seek(
        &mut self,
        tp: &TopicPartition,
        offset: Offset,
        leader_epoch: Option<LeaderEpoch>,
    ) -> Immediate {
        if offset < Offset::ZERO {
            return Err(ClientError::illegal_argument());
        }
        let metadata = &mut self.machine.network.metadata;
        let leader = metadata.current_leader(tp);
        if let Some(epoch) = leader_epoch {
            metadata.update_last_seen_epoch_if_newer(tp, epoch);
        }
        let position = FetchPosition {
            offset,
            offset_epoch: leader_epoch,
            leader,
        };
        if self.machine.subscriptions.seek_unvalidated(tp, position) {
            Ok(CallResult::Nothing)
        } else {
            Err(ClientError::illegal_state())
        }
    }

    fn reset_to(&mut self, tps: &[TopicPartition], strategy: ResetStrategy) -> Immediate {
        let tps = if tps.is_empty() {
            self.machine.subscriptions.assigned_partitions()
        } else {
            tps.to_vec()
        };
        for tp in &tps {
            if !self
                .machine
                .subscriptions
                .request_offset_reset(tp, strategy)
            {
                return Err(ClientError::illegal_state());
            }
        }
        Ok(CallResult::Nothing)
    }

    fn set_paused(&mut self, tps: &[TopicPartition], paused: bool) -> Immediate {
        for tp in tps {
            match self.machine.subscriptions.state_mut(tp) {
                Some(state) => state.paused = paused,
                None => return Err(ClientError::illegal_state()),
            }
        }
        Ok(CallResult::Nothing)
    }

    /// From what fetches told; asks for the end offset once if none has, without waiting.
    fn current_lag(&mut self, tp: &TopicPartition, now: Ms) -> Immediate {
        let machine = &mut self.machine;
        let read_committed = machine.config.read_committed;
        let Some(state) = machine.subscriptions.state_mut(tp) else {
            return Err(ClientError::illegal_state());
        };
        let end = if read_committed {
            state.last_stable_offset
        } else {
            state.high_watermark
        };
        if let (Some(end), Some(position)) = (end, state.position) {
            return Ok(CallResult::Lag(Some(end - position.offset)));
        }
        if end.is_none() && !state.end_offset_requested {
            state.end_offset_requested = true;
            machine.ask_end_offset(tp, now);
        }
        Ok(CallResult::Lag(None))
    }
}
