//! The frames: Kafka's blocking methods, each with the place where it stands (`pc`) and what it keeps.

use super::group::Generation;
use super::machine::{Callback, FoundOffset, FutureId, Machine, Ret, Step};
use crate::consumer::subscription::OffsetAndMetadata;
use crate::error::ClientError;
use bytes::Bytes;
use protocol::messages::JoinGroupResponse;
use protocol::{Ms, TopicPartition};
use std::collections::{BTreeMap, BTreeSet};

/// What makes a network pass worth waiting in (`PollCondition`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Condition {
    Always,
    Until(FutureId),
    NoAvailableFetches,
}

/// Which callback of the rebalance listener.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CallbackKind {
    Revoked,
    Assigned,
    Lost,
}

/// `CloseOptions.GroupMembershipOperation`
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Membership {
    #[default]
    Default,
    LeaveGroup,
    RemainInGroup,
}

pub type Offsets = BTreeMap<TopicPartition, OffsetAndMetadata>;

/// Times are absolute, in ms.
#[derive(Clone, Debug)]
pub enum Frame {
    /// `ConsumerNetworkClient.poll`; `transmit` = `transmitSends`, which runs no listeners.
    Net {
        deadline_ms: Ms,
        condition: Condition,
        no_wakeup: bool,
        transmit: bool,
        pc: u8,
    },
    /// `poll(future, timer)`: Bool = done
    Future {
        future: FutureId,
        deadline_ms: Ms,
        no_wakeup: bool,
        pc: u8,
    },
    Sleep {
        until_ms: Ms,
    },
    AwaitMetadata {
        deadline_ms: Ms,
        version: Option<i32>,
    },
    EnsureCoordinator {
        deadline_ms: Ms,
        no_wakeup: bool,
        attempts: u32,
        fatal: Option<ClientError>,
        pc: u8,
    },
    CoordinatorPoll {
        deadline_ms: Ms,
        pc: u8,
    },
    JoinGroup {
        deadline_ms: Ms,
        pc: u8,
    },
    JoinPrepare {
        deadline_ms: Ms,
        generation: Generation,
        error: Option<ClientError>,
        pc: u8,
    },
    JoinComplete {
        generation: Generation,
        assignment: Bytes,
        error: Option<ClientError>,
        added: Vec<TopicPartition>,
        pc: u8,
    },
    LeaderElected {
        response: Box<JoinGroupResponse>,
        future: FutureId,
        pc: u8,
    },
    Callback {
        kind: CallbackKind,
        partitions: Vec<TopicPartition>,
        pc: u8,
    },
    FetchCommitted {
        partitions: BTreeSet<TopicPartition>,
        deadline_ms: Ms,
        attempts: u32,
        future: Option<FutureId>,
        pc: u8,
    },
    UpdatePositions {
        deadline_ms: Ms,
        pc: u8,
    },
    Poll {
        deadline_ms: Ms,
        pc: u8,
    },
    CommitSync {
        offsets: Offsets,
        deadline_ms: Ms,
        attempts: u32,
        future: Option<FutureId>,
        pc: u8,
    },
    CommitAsync {
        offsets: Offsets,
        callback: Callback,
        future: Option<FutureId>,
        pc: u8,
    },
    PendingCommits {
        deadline_ms: Ms,
        attempts: u32,
        pc: u8,
    },
    LeavePrepare {
        pc: u8,
    },
    MaybeLeave {
        membership: Membership,
        pc: u8,
    },
    CoordinatorClose {
        deadline_ms: Ms,
        membership: Membership,
        error: Option<ClientError>,
        pc: u8,
    },
    Close {
        began_ms: Ms,
        timeout_ms: Ms,
        membership: Membership,
        error: Option<ClientError>,
        futures: Vec<FutureId>,
        pc: u8,
    },
    Unsubscribe {
        pc: u8,
    },
    Assign {
        partitions: Vec<TopicPartition>,
        pc: u8,
    },
    Position {
        tp: TopicPartition,
        deadline_ms: Ms,
        pc: u8,
    },
    ListOffsets {
        remaining: BTreeMap<TopicPartition, Ms>,
        found: BTreeMap<TopicPartition, FoundOffset>,
        deadline_ms: Ms,
        future: Option<FutureId>,
        pc: u8,
    },
    Heartbeat {
        pc: u8,
    },
}

impl Frame {
    pub fn net(deadline_ms: Ms, condition: Condition) -> Self {
        Self::Net {
            deadline_ms,
            condition,
            no_wakeup: false,
            transmit: false,
            pc: 0,
        }
    }

    /// `pollNoWakeup`
    pub fn net_no_wakeup(now: Ms) -> Self {
        Self::Net {
            deadline_ms: now,
            condition: Condition::Always,
            no_wakeup: true,
            transmit: false,
            pc: 0,
        }
    }

    pub fn future(future: FutureId, deadline_ms: Ms) -> Self {
        Self::Future {
            future,
            deadline_ms,
            no_wakeup: false,
            pc: 0,
        }
    }

    pub fn ensure_coordinator(deadline_ms: Ms) -> Self {
        Self::EnsureCoordinator {
            deadline_ms,
            no_wakeup: false,
            attempts: 0,
            fatal: None,
            pc: 0,
        }
    }

    pub fn callback(kind: CallbackKind, partitions: Vec<TopicPartition>) -> Self {
        Self::Callback {
            kind,
            partitions,
            pc: 0,
        }
    }

    pub fn commit_sync(offsets: Offsets, deadline_ms: Ms) -> Self {
        Self::CommitSync {
            offsets,
            deadline_ms,
            attempts: 0,
            future: None,
            pc: 0,
        }
    }

    pub fn commit_async(offsets: Offsets, callback: Callback) -> Self {
        Self::CommitAsync {
            offsets,
            callback,
            future: None,
            pc: 0,
        }
    }

    pub fn fetch_committed(partitions: BTreeSet<TopicPartition>, deadline_ms: Ms) -> Self {
        Self::FetchCommitted {
            partitions,
            deadline_ms,
            attempts: 0,
            future: None,
            pc: 0,
        }
    }

    pub fn list_offsets(remaining: BTreeMap<TopicPartition, Ms>, deadline_ms: Ms) -> Self {
        Self::ListOffsets {
            remaining,
            found: BTreeMap::new(),
            deadline_ms,
            future: None,
            pc: 0,
        }
    }

    /// Waits inside a network pass, holding the network client.
    pub(super) fn in_network(&self) -> bool {
        matches!(self, Self::Net { pc: 2, .. })
    }

    /// Synchronized on the coordinator while it waits.
    pub(super) fn holds_monitor(&self) -> bool {
        matches!(
            self,
            Self::EnsureCoordinator { .. } | Self::MaybeLeave { .. }
        )
    }
}

impl Machine {
    pub(super) fn step(&mut self, frame: &mut Frame, input: Option<Ret>, now: Ms) -> Step {
        match frame {
            Frame::Net { .. } => self.net(frame, now),
            Frame::Future { .. } => self.poll_future(frame, input, now),
            Frame::Sleep { until_ms } if now < *until_ms => Step::Block,
            Frame::Sleep { .. } => Step::Return(Ok(super::machine::Value::Unit)),
            Frame::AwaitMetadata { .. } => self.await_metadata(frame, input, now),
            Frame::EnsureCoordinator { .. } => self.ensure_coordinator(frame, input, now),
            Frame::CoordinatorPoll { .. } => self.coordinator_poll(frame, input, now),
            Frame::JoinGroup { .. } => self.join_group(frame, input, now),
            Frame::JoinPrepare { .. } => self.join_prepare(frame, input, now),
            Frame::JoinComplete { .. } => self.join_complete(frame, input, now),
            Frame::LeaderElected { .. } => self.leader_elected(frame, input, now),
            Frame::Callback { .. } => self.callback(frame, input, now),
            Frame::FetchCommitted { .. } => self.fetch_committed(frame, input, now),
            Frame::UpdatePositions { .. } => self.update_positions(frame, input, now),
            Frame::Poll { .. } => self.poll_frame(frame, input, now),
            Frame::CommitSync { .. } => self.commit_sync(frame, input, now),
            Frame::CommitAsync { .. } => self.commit_async(frame, input, now),
            Frame::PendingCommits { .. } => self.pending_commits(frame, input, now),
            Frame::LeavePrepare { .. } => self.leave_prepare(frame, input),
            Frame::MaybeLeave { .. } => self.maybe_leave(frame, input, now),
            Frame::CoordinatorClose { .. } => self.coordinator_close(frame, input, now),
            Frame::Close { .. } => self.close_frame(frame, input, now),
            Frame::Unsubscribe { .. } => self.unsubscribe_frame(frame, input),
            Frame::Assign { .. } => self.assign_frame(frame, input, now),
            Frame::Position { .. } => self.position_frame(frame, input, now),
            Frame::ListOffsets { .. } => self.list_offsets_frame(frame, input, now),
            Frame::Heartbeat { .. } => self.heartbeat_frame(frame, input, now),
        }
    }
}
