//! What is drawn, as data: one card per thing on the page, and packed columns for what there is much of.
//!
//! Cards say what is, never how it looks; they know no colour, no pixel and no sentence. All times are microseconds since
//! the scenario's start, so that they fit a double exactly. Cells and messages come as columns ([`Columns`]), because
//! thousands of them cross the boundary for one picture.

use protocol::ids::Name;
use serde::Serialize;

/// Microseconds since the scenario's start; negative during the hidden pre-roll.
pub type Us = i64;

/// A partition's place in [`Frame::partitions`].
pub type Place = u32;

/// Everything but cells and messages.
#[derive(Clone, Debug, Default, Serialize)]
#[cfg_attr(feature = "types", derive(ts_rs::TS))]
pub struct Frame {
    pub now_us: Us,
    /// Events handled so far.
    pub event: u64,
    /// How far this branch has been run.
    pub run_us: Us,
    pub brokers: Vec<BrokerCard>,
    pub controllers: Vec<ControllerCard>,
    pub topics: Vec<TopicCard>,
    pub partitions: Vec<PartitionCard>,
    /// Keys seen in the window, by id; a cell's key id looks here for its name.
    pub keys: Vec<KeyCard>,
    pub producers: Vec<ProducerCard>,
    pub groups: Vec<GroupCard>,
    pub links: Vec<LinkCard>,
    pub ledger: LedgerCard,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
#[cfg_attr(feature = "types", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum NodeState {
    /// Started, not yet registered or still fenced.
    #[default]
    Starting,
    Running,
    /// Registered and running, but the controller has fenced it.
    Fenced,
    /// Controlled shutdown in progress.
    Stopping,
    /// Stopped in order.
    Stopped,
    /// Killed: the process is gone, its files and page cache stay.
    Killed,
    /// Power lost: only what was flushed stays.
    PoweredOff,
    /// Frozen by hand: alive, handles nothing.
    Paused,
}

#[derive(Clone, Debug, Default, Serialize)]
#[cfg_attr(feature = "types", derive(ts_rs::TS))]
pub struct BrokerCard {
    pub id: i32,
    pub state: NodeState,
    /// When it entered that state.
    pub since_us: Us,
    pub epoch: i64,
    /// Partitions of user topics that it leads, by its own word.
    pub leads: Vec<Place>,
    /// Its replicas of user topics that are not in their ISR.
    pub behind: u32,
    /// Groups whose coordinator it is.
    pub coordinates: Vec<Name>,
    /// Requests that wait in its queue, the one being worked on included.
    pub queue: u32,
    /// Messages of one kind each since the start, for the soft pulse: empty fetches, heartbeats.
    pub pulses: u32,
}

#[derive(Clone, Debug, Default, Serialize)]
#[cfg_attr(feature = "types", derive(ts_rs::TS))]
pub struct ControllerCard {
    pub id: i32,
    pub state: NodeState,
    pub active: bool,
    pub epoch: i32,
}

#[derive(Clone, Debug, Default, Serialize)]
#[cfg_attr(feature = "types", derive(ts_rs::TS))]
pub struct TopicCard {
    pub name: Name,
    pub partitions: u32,
    pub replication_factor: u32,
    pub min_insync_replicas: i32,
    pub cleanup_policy: Name,
}

#[derive(Clone, Debug, Default, Serialize)]
#[cfg_attr(feature = "types", derive(ts_rs::TS))]
pub struct PartitionCard {
    pub topic: Name,
    pub partition: i32,
    /// By the controller's image; −1: nobody.
    pub leader: i32,
    pub leader_epoch: i32,
    pub partition_epoch: i32,
    pub isr: Vec<i32>,
    pub elr: Vec<i32>,
    /// The leader's numbers; of the last leader while there is none.
    pub hw: i64,
    pub lso: i64,
    pub leo: i64,
    pub log_start: i64,
    pub min_insync_replicas: i32,
    /// In assignment order, the leader first.
    pub replicas: Vec<ReplicaCard>,
    pub pins: Vec<PinCard>,
    /// Key ids of the records in the window, by first appearance.
    pub keys: Vec<u32>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
#[cfg_attr(feature = "types", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Role {
    #[default]
    Follower,
    Leader,
    /// Its broker is down: what is shown is what its disk holds.
    Offline,
}

#[derive(Clone, Debug, Default, Serialize)]
#[cfg_attr(feature = "types", derive(ts_rs::TS))]
pub struct ReplicaCard {
    pub broker: i32,
    pub role: Role,
    pub in_isr: bool,
    /// Counts for the high watermark: in the ISR, or caught up and about to join.
    pub counts: bool,
    pub hw: i64,
    pub leo: i64,
    pub log_start: i64,
    pub leader_epoch: i32,
    /// LEO of this replica as the leader knows it; −1: unknown.
    pub known_leo: i64,
    /// Last time the leader saw it caught up; None on the leader itself.
    pub caught_up_us: Option<Us>,
    pub segments: Vec<SegmentCard>,
    /// (leader epoch, first offset)
    pub epochs: Vec<EpochCard>,
    /// Cells of this replica in the columns: from..to.
    pub cells_from: u32,
    pub cells_to: u32,
    /// Offsets it cut off last, while that is recent enough to be shown.
    pub truncated: Option<TruncatedCard>,
}

#[derive(Clone, Copy, Debug, Default, Serialize)]
#[cfg_attr(feature = "types", derive(ts_rs::TS))]
pub struct SegmentCard {
    pub base: i64,
    /// First offset after it.
    pub end: i64,
    pub bytes: u64,
    pub active: bool,
}

#[derive(Clone, Copy, Debug, Default, Serialize)]
#[cfg_attr(feature = "types", derive(ts_rs::TS))]
pub struct EpochCard {
    pub epoch: i32,
    pub start: i64,
}

#[derive(Clone, Copy, Debug, Default, Serialize)]
#[cfg_attr(feature = "types", derive(ts_rs::TS))]
pub struct TruncatedCard {
    pub at_us: Us,
    pub event: u64,
    /// Offsets from..to are gone.
    pub from: i64,
    pub to: i64,
    pub epoch: i32,
    /// How many of them had been acknowledged and live on no replica of the ISR.
    pub lost: u32,
}

#[derive(Clone, Debug, Default, Serialize)]
#[cfg_attr(feature = "types", derive(ts_rs::TS))]
pub struct PinCard {
    pub group: Name,
    /// Client id of the owner; empty for a committed offset nobody owns now.
    pub member: Name,
    pub kind: PinKind,
    pub offset: i64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
#[cfg_attr(feature = "types", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum PinKind {
    #[default]
    Committed,
    Position,
}

#[derive(Clone, Debug, Default, Serialize)]
#[cfg_attr(feature = "types", derive(ts_rs::TS))]
pub struct KeyCard {
    /// 0 is the null key.
    pub id: u32,
    pub text: String,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
#[cfg_attr(feature = "types", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum ClientState {
    #[default]
    Running,
    Paused,
    Frozen,
    Closing,
    Closed,
    Killed,
    /// A fatal error of its own (fenced, unauthorised).
    Failed,
}

#[derive(Clone, Debug, Default, Serialize)]
#[cfg_attr(feature = "types", derive(ts_rs::TS))]
pub struct ProducerCard {
    pub id: Name,
    pub state: ClientState,
    /// −1 is `all`.
    pub acks: i32,
    pub idempotent: bool,
    pub linger_us: i64,
    /// −1 until InitProducerId is answered.
    pub producer_id: i64,
    pub producer_epoch: i32,
    pub batches: Vec<AccumulatedCard>,
    pub in_flight: u32,
    pub max_in_flight: u32,
    /// What it sends by itself: every so often, or None.
    pub every_us: Option<i64>,
    /// Records still to come of the running stream; None: endless.
    pub left: Option<u32>,
    pub topic: Name,
    pub sent: u64,
    pub acked: u64,
    pub failed: u64,
    /// Newest error's name, in Kafka's words.
    pub error: Option<Name>,
}

/// A batch in a producer's accumulator.
#[derive(Clone, Debug, Default, Serialize)]
#[cfg_attr(feature = "types", derive(ts_rs::TS))]
pub struct AccumulatedCard {
    pub place: Option<Place>,
    pub partition: i32,
    /// One key id a record.
    pub keys: Vec<u32>,
    pub bytes: u32,
    /// When it is ready at the latest (linger or retry back-off).
    pub ready_us: Us,
    /// Waits for a retry rather than for linger.
    pub retry: bool,
}

#[derive(Clone, Debug, Default, Serialize)]
#[cfg_attr(feature = "types", derive(ts_rs::TS))]
pub struct GroupCard {
    pub id: Name,
    /// Kafka's state name: Stable, PreparingRebalance, …; empty while no coordinator is known.
    pub state: Name,
    pub generation: i32,
    /// `range`, `roundrobin`, …
    pub protocol: Name,
    pub coordinator: i32,
    /// When the running rebalance ends at the latest.
    pub rebalance_due_us: Option<Us>,
    /// Nobody owns the partitions since.
    pub unowned_since_us: Option<Us>,
    pub members: Vec<MemberCard>,
}

#[derive(Clone, Debug, Default, Serialize)]
#[cfg_attr(feature = "types", derive(ts_rs::TS))]
pub struct MemberCard {
    /// The consumer's name in the scenario, also its client id.
    pub id: Name,
    /// As the coordinator gave it; empty before the first answer, or without a group.
    pub member_id: Name,
    pub state: ClientState,
    pub leads: bool,
    pub owned: Vec<OwnedCard>,
    pub lag: i64,
    pub doing: Doing,
    pub session: Option<TimerCard>,
    pub poll: Option<TimerCard>,
    pub auto_commit: Option<TimerCard>,
    /// Processing time per record.
    pub process_us: i64,
    /// Records fetched and not yet handed out.
    pub buffered: u32,
    pub max_poll_records: u32,
    pub isolation: Name,
    pub error: Option<Name>,
}

#[derive(Clone, Debug, Default, Serialize)]
#[cfg_attr(feature = "types", derive(ts_rs::TS))]
pub struct OwnedCard {
    pub topic: Name,
    pub partition: i32,
    pub lag: i64,
}

/// What a consumer does now.
#[derive(Clone, Debug, Default, Serialize)]
#[cfg_attr(feature = "types", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Doing {
    #[default]
    Idle,
    FindingCoordinator,
    Joining {
        since_us: Us,
    },
    Syncing {
        since_us: Us,
    },
    Processing {
        topic: Name,
        partition: i32,
        offset: i64,
        until_us: Us,
    },
    /// Nothing new: its fetch is parked at the broker.
    AtEnd {
        since_us: Us,
    },
    Fetching,
    /// A member without partitions.
    Unassigned,
    Gone,
}

/// A bar that drains.
#[derive(Clone, Copy, Debug, Default, Serialize)]
#[cfg_attr(feature = "types", derive(ts_rs::TS))]
pub struct TimerCard {
    pub due_us: Us,
    pub total_us: i64,
}

/// A link between two nodes where something is unusual; healthy links have no card.
#[derive(Clone, Debug, Default, Serialize)]
#[cfg_attr(feature = "types", derive(ts_rs::TS))]
pub struct LinkCard {
    pub from: Name,
    pub to: Name,
    pub cut: bool,
    pub extra_latency_us: i64,
}

/// Where the records are that were sent.
#[derive(Clone, Debug, Default, Serialize)]
#[cfg_attr(feature = "types", derive(ts_rs::TS))]
pub struct LedgerCard {
    pub sent: u64,
    /// In a leader's log and below its high watermark.
    pub durable: u64,
    /// In a leader's log, above the high watermark.
    pub above_hw: u64,
    /// Not in any log yet: in an accumulator or on the wire.
    pub in_flight: u64,
    pub failed: u64,
    pub lost_after_ack: u64,
    pub acked: u64,
    pub processed_once: u64,
    pub processed_more: u64,
    pub processed_never: u64,
}

/// Packed columns of one frame: `cells` and `flights` hold one entry per element in each column.
#[derive(Clone, Debug, Default)]
pub struct Columns {
    pub cell_offset: Vec<f64>,
    pub cell_key: Vec<u32>,
    /// [`cell`] bits.
    pub cell_flags: Vec<u32>,
    pub cell_epoch: Vec<i32>,
    /// Numbers batches within a replica, so that borders can be drawn.
    pub cell_batch: Vec<u32>,
    /// [`FLIGHT_STRIDE`] numbers a message, in the order of [`flight`].
    pub flights: Vec<f64>,
}

impl Columns {
    pub fn clear(&mut self) {
        self.cell_offset.clear();
        self.cell_key.clear();
        self.cell_flags.clear();
        self.cell_epoch.clear();
        self.cell_batch.clear();
        self.flights.clear();
    }
}

/// Bits of [`Columns::cell_flags`].
pub mod cell {
    /// At or above the leader's high watermark.
    pub const ABOVE_HW: u32 = 1;
    /// No value: a tombstone.
    pub const TOMBSTONE: u32 = 1 << 1;
    pub const CONTROL: u32 = 1 << 2;
    /// With CONTROL: an abort marker.
    pub const ABORT: u32 = 1 << 3;
    pub const TRANSACTIONAL: u32 = 1 << 4;
    /// Its transaction is still open.
    pub const OPEN: u32 = 1 << 5;
    pub const ABORTED: u32 = 1 << 6;
    /// First record of its batch.
    pub const BATCH_START: u32 = 1 << 7;
}

/// Columns of a message in flight, by position.
pub mod flight {
    /// The message's number in the run.
    pub const ID: usize = 0;
    /// What it is: [`super::FlightKind`].
    pub const KIND: usize = 1;
    /// Index in the actor table: brokers, controllers, producers, consumers in that order.
    pub const FROM: usize = 2;
    pub const TO: usize = 3;
    pub const SENT_US: usize = 4;
    pub const ARRIVES_US: usize = 5;
    /// Place of the (first) partition it carries, −1: none.
    pub const PLACE: usize = 6;
    pub const FIRST_OFFSET: usize = 7;
    pub const RECORDS: usize = 8;
    pub const KEY: usize = 9;
    /// 0 on its way, 1 held, 2 waits behind another on its connection, 3 dropped, 4 waits in the receiver.
    pub const STATE: usize = 10;
    /// Kafka's API key.
    pub const API: usize = 11;
    /// An error code in the answer, 0: none.
    pub const ERROR: usize = 12;
    /// How a command names it: connection, direction (1: from the end that opened it), number on it.
    pub const CONNECTION: usize = 13;
    pub const FORWARD: usize = 14;
    pub const NUMBER: usize = 15;
    pub const STRIDE: usize = 16;
}

/// How a message is drawn.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum FlightKind {
    /// A soft pulse: empty fetch, heartbeat, metadata.
    Noise = 0,
    Produce = 1,
    ProduceAnswer = 2,
    FollowerFetch = 3,
    FollowerData = 4,
    ConsumerFetch = 5,
    ConsumerData = 6,
    Group = 7,
    Commit = 8,
    Control = 9,
}
