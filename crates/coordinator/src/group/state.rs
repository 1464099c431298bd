//! What the coordinator of one partition keeps: the durable state that replay makes, and the soft state that a load loses.

use super::classic::{ClassicGroup, Token};
use super::consumer::ConsumerGroup;
use super::offsets::OffsetState;
use super::request::GroupResponse;
use crate::runtime::timeline::TimelineTable;
use crate::runtime::{DeferredQueue, Timers};
use bytes::Bytes;
use protocol::{Ms, Name};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::sync::Arc;

/// Names a classic group apart from a later one of the same id. Its content is soft: Kafka too keeps it outside of the
/// versioned state, so that a failed append takes back that a group appeared or went, but not what happened inside it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct ClassicRef(pub u64);

/// A group by what it is.
#[derive(Clone, Debug)]
pub enum Group {
    Classic(ClassicRef),
    Consumer(Arc<ConsumerGroup>),
}

/// What the log says, versioned by offset.
#[derive(Clone, Debug, Default)]
pub struct State {
    pub groups: Arc<TimelineTable<Name, Group>>,
    pub offsets: OffsetState,
}

impl State {
    pub fn group(&self, group_id: &str) -> Option<&Group> {
        self.groups.get(group_id)
    }

    pub fn put_group(&mut self, group_id: Name, group: Group) {
        Arc::make_mut(&mut self.groups).put(group_id, group);
    }

    pub fn remove_group(&mut self, group_id: &str) {
        Arc::make_mut(&mut self.groups).remove(group_id);
    }
}

/// A timer of the coordinator. Its text is Kafka's key.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum TimerKey {
    /// Session of a classic member, or life of an id that was handed out: (group, member).
    Heartbeat(Name, Name),
    /// End of the join phase of a classic group.
    Join(Name),
    /// Members of a classic group that have not synced are removed.
    Sync(Name),
    SessionTimeout(Name, Name),
    RebalanceTimeout(Name, Name),
    /// A classic member of a consumer group has to join.
    MemberJoin(Name, Name),
    /// A classic member of a consumer group has to sync.
    MemberSync(Name, Name),
    ExpireGroupMetadata,
    /// The runtime's limit on one write, by the write's number.
    WriteTimeout(u64),
}

impl TimerKey {
    /// A timer of the shard, rather than of the runtime.
    pub const fn is_of_shard(&self) -> bool {
        !matches!(self, Self::WriteTimeout(_))
    }

    /// The group that it is about.
    pub const fn group_id(&self) -> Option<&Name> {
        match self {
            Self::Heartbeat(group, _)
            | Self::Join(group)
            | Self::Sync(group)
            | Self::SessionTimeout(group, _)
            | Self::RebalanceTimeout(group, _)
            | Self::MemberJoin(group, _)
            | Self::MemberSync(group, _) => Some(group),
            Self::ExpireGroupMetadata | Self::WriteTimeout(_) => None,
        }
    }

    /// The member that it is about.
    pub const fn member_id(&self) -> Option<&Name> {
        match self {
            Self::Heartbeat(_, member)
            | Self::SessionTimeout(_, member)
            | Self::RebalanceTimeout(_, member)
            | Self::MemberJoin(_, member)
            | Self::MemberSync(_, member) => Some(member),
            _ => None,
        }
    }
}

impl fmt::Display for TimerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Heartbeat(g, m) => write!(f, "heartbeat-{g}-{m}"),
            Self::Join(g) => write!(f, "join-{g}"),
            Self::Sync(g) => write!(f, "sync-{g}"),
            Self::SessionTimeout(g, m) => write!(f, "session-timeout-{g}-{m}"),
            Self::RebalanceTimeout(g, m) => write!(f, "rebalance-timeout-{g}-{m}"),
            Self::MemberJoin(g, m) => write!(f, "join-{g}-{m}"),
            Self::MemberSync(g, m) => write!(f, "sync-{g}-{m}"),
            Self::ExpireGroupMetadata => f.write_str("expire-group-metadata"),
            Self::WriteTimeout(_) => f.write_str("write-timeout"),
        }
    }
}

/// What a timer does when it fires.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TimerOperation {
    ExpireClassicMember {
        group_id: Name,
        member_id: Name,
    },
    /// The initial delay of a group that was empty.
    CompleteInitialRebalance {
        group_id: Name,
        delay_ms: Ms,
        remaining_ms: Ms,
    },
    CompleteJoin {
        group_id: Name,
    },
    ExpirePendingSync {
        group_id: Name,
        generation_id: i32,
    },
    /// Session, join or sync of a member of a consumer group.
    FenceMember {
        group_id: Name,
        member_id: Name,
    },
    /// It has not given up its partitions while at that epoch.
    FenceUnrevokedMember {
        group_id: Name,
        member_id: Name,
        member_epoch: i32,
    },
    CleanupGroupMetadata,
    FailWrite(u64),
}

/// What a write does when it is replicated, or has failed, before its answer goes out (the append future).
#[derive(Clone, Debug, PartialEq)]
pub enum OnAppend {
    /// A new group's record: only a failure says something.
    AnswerJoinOnFailure { token: Token },
    /// A static member took the place of another.
    StaticReplacement(Box<StaticReplacement>),
    /// The leader's assignment.
    StoreAssignment {
        group: ClassicRef,
        group_id: Name,
        generation_id: i32,
        assignment: BTreeMap<Name, Bytes>,
    },
    /// A classic member joined a consumer group.
    ConsumerGroupJoin {
        token: Token,
        group_id: Name,
        response: Box<protocol::messages::JoinGroupResponse>,
        downgrade: bool,
        session_timeout_ms: i32,
        rebalance_timeout_ms: i32,
    },
    /// A classic member of a consumer group synced.
    ConsumerGroupSync {
        token: Token,
        group_id: Name,
        member_id: Name,
        session_timeout_ms: i32,
        response: Box<protocol::messages::SyncGroupResponse>,
    },
}

#[derive(Clone, Debug, PartialEq)]
pub struct StaticReplacement {
    pub token: Token,
    pub group: ClassicRef,
    pub group_id: Name,
    pub instance_id: Name,
    pub old_member_id: Name,
    pub new_member_id: Name,
    pub old_protocols: Vec<protocol::messages::JoinGroupRequestProtocol>,
    pub old_rebalance_timeout_ms: i32,
    pub old_session_timeout_ms: i32,
    pub leader_before: Option<Name>,
    pub api_version: i16,
}

/// Who hears of a write's end.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// Nobody.
    None,
    /// The request, with this.
    Reply(Token, Box<GroupResponse>),
    /// A JoinGroup or SyncGroup, which is answered by the group; a failed write answers it if nothing else has.
    Parked(Token, Parked),
    /// A timer, which tries again after a failure.
    Timer {
        key: TimerKey,
        operation: TimerOperation,
        retry_ms: Ms,
    },
}

/// A request that waits for the group rather than for a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parked {
    Join,
    Sync,
}

/// A write that has not come to its end.
#[derive(Clone, Debug, PartialEq)]
pub struct Write {
    pub on_append: Option<OnAppend>,
    pub answer: Answer,
}

/// Work that Kafka hands to a background thread: here it is the next event.
#[derive(Clone, Debug, PartialEq)]
pub struct RegexTask {
    pub group_id: Name,
    /// In the order in which the results are written.
    pub regexes: Vec<Name>,
}

/// Until when a group's hash of its topics is taken to be right, and at which group epoch that was found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DeadlineAndEpoch {
    pub deadline_ms: Ms,
    pub epoch: i32,
}

/// What handlers may change, what is never replayed, and what a load loses.
#[derive(Clone, Debug, Default)]
pub struct Soft {
    pub classic: BTreeMap<ClassicRef, ClassicGroup>,
    pub timers: Timers<TimerKey, TimerOperation>,
    pub deferred: DeferredQueue<u64>,
    pub writes: BTreeMap<u64, Write>,
    /// JoinGroup and SyncGroup requests that are not answered.
    pub parked: BTreeSet<Token>,
    pub tasks: VecDeque<RegexTask>,
    /// By [`ConsumerGroup::uid`].
    pub metadata_refresh: BTreeMap<u64, DeadlineAndEpoch>,
    /// Version of the last image that brought a topic; `None` before the first image.
    pub last_image_with_new_topics: Option<i64>,
    next_id: u64,
}

impl Soft {
    /// A number that was never given before.
    pub const fn next_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }
}
