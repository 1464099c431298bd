// Made from crates/sim/src/view by its `types` test; do not edit.
// All *_us are microseconds since the scenario's start.

export type Frame = { now_us: number, 
/**
 * Events handled so far.
 */
event: number, 
/**
 * How far this branch has been run.
 */
run_us: number, brokers: Array<BrokerCard>, controllers: Array<ControllerCard>, topics: Array<TopicCard>, partitions: Array<PartitionCard>, 
/**
 * Keys seen in the window, by id; a cell's key id looks here for its name.
 */
keys: Array<KeyCard>, producers: Array<ProducerCard>, groups: Array<GroupCard>, links: Array<LinkCard>, ledger: LedgerCard, };

export type NodeState = "starting" | "running" | "fenced" | "stopping" | "stopped" | "killed" | "powered_off" | "paused";

export type BrokerCard = { id: number, state: NodeState, 
/**
 * When it entered that state.
 */
since_us: number, epoch: number, 
/**
 * Partitions of user topics that it leads, by its own word.
 */
leads: Array<number>, 
/**
 * Its replicas of user topics that are not in their ISR.
 */
behind: number, 
/**
 * Groups whose coordinator it is.
 */
coordinates: Array<string>, 
/**
 * Requests that wait in its queue, the one being worked on included.
 */
queue: number, 
/**
 * Messages of one kind each since the start, for the soft pulse: empty fetches, heartbeats.
 */
pulses: number, };

export type ControllerCard = { id: number, state: NodeState, active: boolean, epoch: number, };

export type TopicCard = { name: string, partitions: number, replication_factor: number, min_insync_replicas: number, cleanup_policy: string, };

export type PartitionCard = { topic: string, partition: number, 
/**
 * By the controller's image; −1: nobody.
 */
leader: number, leader_epoch: number, partition_epoch: number, isr: Array<number>, elr: Array<number>, 
/**
 * The leader's numbers; of the last leader while there is none.
 */
hw: number, lso: number, leo: number, log_start: number, min_insync_replicas: number, 
/**
 * In assignment order, the leader first.
 */
replicas: Array<ReplicaCard>, pins: Array<PinCard>, 
/**
 * Key ids of the records in the window, by first appearance.
 */
keys: Array<number>, };

export type Role = "follower" | "leader" | "offline";

export type ReplicaCard = { broker: number, role: Role, in_isr: boolean, 
/**
 * Counts for the high watermark: in the ISR, or caught up and about to join.
 */
counts: boolean, hw: number, leo: number, log_start: number, leader_epoch: number, 
/**
 * LEO of this replica as the leader knows it; −1: unknown.
 */
known_leo: number, 
/**
 * Last time the leader saw it caught up; None on the leader itself.
 */
caught_up_us: number | null, segments: Array<SegmentCard>, 
/**
 * (leader epoch, first offset)
 */
epochs: Array<EpochCard>, 
/**
 * Cells of this replica in the columns: from..to.
 */
cells_from: number, cells_to: number, 
/**
 * Offsets it cut off last, while that is recent enough to be shown.
 */
truncated: TruncatedCard | null, };

export type SegmentCard = { base: number, 
/**
 * First offset after it.
 */
end: number, bytes: number, active: boolean, };

export type EpochCard = { epoch: number, start: number, };

export type TruncatedCard = { at_us: number, event: number, 
/**
 * Offsets from..to are gone.
 */
from: number, to: number, epoch: number, 
/**
 * How many of them had been acknowledged and live on no replica of the ISR.
 */
lost: number, };

export type PinCard = { group: string, 
/**
 * Client id of the owner; empty for a committed offset nobody owns now.
 */
member: string, kind: PinKind, offset: number, };

export type PinKind = "committed" | "position";

export type KeyCard = { 
/**
 * 0 is the null key.
 */
id: number, text: string, };

export type ClientState = "running" | "paused" | "frozen" | "closing" | "closed" | "killed" | "failed";

export type ProducerCard = { id: string, state: ClientState, 
/**
 * −1 is `all`.
 */
acks: number, idempotent: boolean, linger_us: number, 
/**
 * −1 until InitProducerId is answered.
 */
producer_id: number, producer_epoch: number, batches: Array<AccumulatedCard>, in_flight: number, max_in_flight: number, 
/**
 * What it sends by itself: every so often, or None.
 */
every_us: number | null, 
/**
 * Records still to come of the running stream; None: endless.
 */
left: number | null, topic: string, sent: number, acked: number, failed: number, 
/**
 * Newest error's name, in Kafka's words.
 */
error: string | null, };

export type AccumulatedCard = { place: number | null, partition: number, 
/**
 * One key id a record.
 */
keys: Array<number>, bytes: number, 
/**
 * When it is ready at the latest (linger or retry back-off).
 */
ready_us: number, 
/**
 * Waits for a retry rather than for linger.
 */
retry: boolean, };

export type GroupCard = { id: string, 
/**
 * Kafka's state name: Stable, PreparingRebalance, …; empty while no coordinator is known.
 */
state: string, generation: number, 
/**
 * `range`, `roundrobin`, …
 */
protocol: string, coordinator: number, 
/**
 * When the running rebalance ends at the latest.
 */
rebalance_due_us: number | null, 
/**
 * Nobody owns the partitions since.
 */
unowned_since_us: number | null, members: Array<MemberCard>, };

export type MemberCard = { 
/**
 * The consumer's name in the scenario, also its client id.
 */
id: string, 
/**
 * As the coordinator gave it; empty before the first answer, or without a group.
 */
member_id: string, state: ClientState, leads: boolean, owned: Array<OwnedCard>, lag: number, doing: Doing, session: TimerCard | null, poll: TimerCard | null, auto_commit: TimerCard | null, 
/**
 * Processing time per record.
 */
process_us: number, 
/**
 * Records fetched and not yet handed out.
 */
buffered: number, max_poll_records: number, isolation: string, error: string | null, };

export type OwnedCard = { topic: string, partition: number, lag: number, };

export type Doing = { "kind": "idle" } | { "kind": "finding_coordinator" } | { "kind": "joining", since_us: number, } | { "kind": "syncing", since_us: number, } | { "kind": "processing", topic: string, partition: number, offset: number, until_us: number, } | { "kind": "at_end", since_us: number, } | { "kind": "fetching" } | { "kind": "unassigned" } | { "kind": "gone" };

export type TimerCard = { due_us: number, total_us: number, };

export type LinkCard = { from: string, to: string, cut: boolean, extra_latency_us: number, };

export type LedgerCard = { sent: number, 
/**
 * In a leader's log and below its high watermark.
 */
durable: number, 
/**
 * In a leader's log, above the high watermark.
 */
above_hw: number, 
/**
 * Not in any log yet: in an accumulator or on the wire.
 */
in_flight: number, failed: number, lost_after_ack: number, acked: number, processed_once: number, processed_more: number, processed_never: number, };

export type EventCard = { id: number, at_us: number, 
/**
 * Node id or client id; empty: nowhere in particular.
 */
node: string, trigger: number | null, 
/**
 * Alters something that is drawn: where "step by change" stops.
 */
visible: boolean, 
/**
 * One of Kafka's many: an empty fetch, a heartbeat.
 */
noise: boolean, what: What, };

export type What = { "is": "began" } | { "is": "commanded", command: string, } | { "is": "fault", text: string, } | { "is": "handled", api: string, answer: boolean, } | { "is": "took", input: string, } | { "is": "woke" } | { "is": "sent", api: string, answer: boolean, to: string, } | { "is": "lost", api: string, answer: boolean, } | { "is": "changed", fact: string, subject: SubjectCard, from: FactValue, to: FactValue, rule: string, facts: Array<FactCard>, };

export type SubjectCard = { 
/**
 * `node`, `partition`, `replica`, `remote`, `peer`, `client`, `client_partition`, `group`, `member`, `group_partition`, `transaction`
 */
kind: string, 
/**
 * Node that has it or knows it; −1: none.
 */
node: number, 
/**
 * Node it is about, where another one knows it.
 */
other: number, topic: string, partition: number, 
/**
 * Client id, member id or transactional id.
 */
name: string, group: string, };

export type FactValue = null | number | boolean | string | Array<number> | Array<string>;

export type FactCard = { fact: string, subject: SubjectCard, value: FactValue, set_by: number | null, };

export type CauseCard = { event: EventCard, 
/**
 * How many further turns of a periodic timer are folded into this link.
 */
folded: number, };

export type MarkCard = { at_us: number, event: number, lane: Lane, 
/**
 * Key id on the produce lane.
 */
key: number, tone: MarkTone, 
/**
 * Node it is about; −1: none.
 */
node: number, };

export type Lane = "you" | "produce" | "copy" | "group" | "fault";

export type MarkTone = "plain" | "killed" | "fenced" | "back" | "cut" | "lost";

export type KnotCard = { at_us: number, screen_ms: number, 
/**
 * The stretch before this knot was folded.
 */
folded: boolean, };

export type BranchCard = { id: number, current: boolean, 
/**
 * Where it left its parent; None for the first.
 */
left_at_us: number | null, 
/**
 * The branch that it left.
 */
from: number | null, end_us: number, 
/**
 * Events of its own.
 */
events: number, 
/**
 * A person's commands in it.
 */
commands: number, };

export type InspectCard = { 
/**
 * (name of the row, value); names are the page's, values Kafka's.
 */
rows: Array<[string, string]>, 
/**
 * A record's life, in the order of the run.
 */
life: Array<StageCard>, 
/**
 * The event that set what is shown last.
 */
set_by: number | null, };

export type StageCard = { 
/**
 * `sent`, `batched`, `left`, `appended`, `replicated`, `durable`, `acked`, `fetched`, `processed`, `committed`, `failed`, `lost`
 */
stage: string, done: boolean, 
/**
 * None: not yet, or over since a time that nobody noted.
 */
at_us: number | null, event: number | null, note: string, };

export type RefusalCard = { what: string, at: string, nearest: string | null, };

export type Command = { "do": "add_broker", broker: number, rack: string | null, config: { [key in string]: Scalar }, } | { "do": "create_topic" } & Topic | { "do": "delete_topic", topic: string, } | { "do": "create_partitions", topic: string, count: number, } | { "do": "alter_topic_config", topic: string, config: { [key in string]: Scalar | null }, } | { "do": "reassign_partitions", topic: string, partition: number, replicas: Array<number> | null, } | { "do": "elect_leaders", topic: string, partition: number, election: Election, } | { "do": "delete_records", topic: string, partition: number, before: number, } | { "do": "start_producer" } & Producer | { "do": "produce", producer: string, topic: string, record: NewRecord, 
/**
 * So many, `every_ms` apart (0 = at once).
 */
count: number, every_ms: number, } | { "do": "flush", producer: string, } | { "do": "set_load", producer: string, load: Load | null, } | { "do": "close_producer", producer: string, } | { "do": "kill_producer", producer: string, } | { "do": "start_consumer" } & Consumer | { "do": "commit", consumer: string, sync: boolean, } | { "do": "seek", consumer: string, partition: string, to: SeekTo, } | { "do": "pause_partition", consumer: string, partition: string, } | { "do": "resume_partition", consumer: string, partition: string, } | { "do": "set_processing_time", consumer: string, processing_ms: number, } | { "do": "set_app", consumer: string, app: App, } | { "do": "close_consumer", consumer: string, } | { "do": "kill_consumer", consumer: string, } | { "do": "freeze_consumer", consumer: string, } | { "do": "thaw_consumer", consumer: string, } | { "do": "alter_client_config", client: string, config: { [key in string]: Scalar }, } | { "do": "stop_broker", broker: number, } | { "do": "kill_broker", broker: number, } | { "do": "power_off_broker", broker: number, } | { "do": "restart_broker", broker: number, } | { "do": "pause_broker", broker: number, } | { "do": "resume_broker", broker: number, } | { "do": "wipe_disk", broker: number, } | { "do": "cut_link", from: string, to: string, both: boolean, } | { "do": "heal", from: string, to: string, } | { "do": "slow_link", from: string, to: string, latency_ms: number, both: boolean, } | { "do": "hold_message", message: MessageRef, } | { "do": "release_message", message: MessageRef, } | { "do": "delay_message", message: MessageRef, by_ms: number, } | { "do": "drop_message", message: MessageRef, } | { "do": "run_retention", };

export type Payload = string | Typed;

export type Typed = { "int32": number } | { "int64": number } | { "hex": string };

export type NewRecord = { key: Payload | null, value: Payload | null, headers: Array<[string, Payload]>, partition: number | null, timestamp_ms: number | null, };

export type MessageRef = { connection: number, 
/**
 * True: from the end that opened the connection (requests).
 */
forward: boolean, number: number, };

export type Election = "preferred" | "unclean";

export type SeekTo = "earliest" | "latest" | { "offset": number } | { "timestamp_ms": number };

export type Scalar = boolean | number | number | string;

export type Topic = { name: string, partitions: number, replication_factor: number, 
/**
 * Replicas of each partition; replaces `partitions` and `replication_factor`.
 */
assignment?: Array<Array<number>> | null, config?: { [key in string]: Scalar }, };

export type Producer = { 
/**
 * Also its `client.id`.
 */
id: string, config?: { [key in string]: Scalar }, load?: Load | null, };

export type Load = { topic: string, 
/**
 * Milliseconds between two sends.
 */
every_ms: number, 
/**
 * Used in turn; null = no key. Empty = no keys at all.
 */
keys: Array<string | null>, 
/**
 * Used in turn; `{n}` is the number of the send.
 */
values: Array<string>, partition?: number | null, 
/**
 * Stops after so many; absent = goes on.
 */
count?: number | null, 
/**
 * Milliseconds after the start of the scenario.
 */
from_ms: number, };

export type Consumer = { 
/**
 * Also its `client.id`.
 */
id: string, group?: string | null, subscribe?: Array<string>, 
/**
 * `topic-partition`, instead of `subscribe`.
 */
assign?: Array<string>, config?: { [key in string]: Scalar }, app: App, 
/**
 * Milliseconds after the start of the scenario.
 */
from_ms: number, };

export type App = { 
/**
 * Time spent on one record.
 */
processing_ms: number, 
/**
 * The timeout given to `poll`.
 */
poll_timeout_ms: number, commit: CommitMode, };

export type CommitMode = "auto" | "sync_after" | "async_after" | "sync_before" | "per_record" | "never";

/** Bits of a cell's flags. */
export const CELL = {
  aboveHw: 1,
  tombstone: 2,
  control: 4,
  abort: 8,
  transactional: 16,
  open: 32,
  aborted: 64,
  batchStart: 128,
} as const;

/** Columns of a message in flight. */
export const FLIGHT = {
  id: 0,
  kind: 1,
  from: 2,
  to: 3,
  sentUs: 4,
  arrivesUs: 5,
  place: 6,
  firstOffset: 7,
  records: 8,
  key: 9,
  state: 10,
  api: 11,
  error: 12,
  connection: 13,
  forward: 14,
  number: 15,
  stride: 16,
} as const;

/** How a message is drawn. */
export const FLIGHT_KIND = {
  noise: 0,
  produce: 1,
  produceAnswer: 2,
  followerFetch: 3,
  followerData: 4,
  consumerFetch: 5,
  consumerData: 6,
  group: 7,
  commit: 8,
  control: 9,
} as const;
