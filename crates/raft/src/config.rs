//! `controller.quorum.*` and the `metadata.*` settings that the quorum itself reads.
//!
//! Values only; who may change them and when is the node's business.

use protocol::Ms;
use protocol::config::{ConfigDef, Range, Scope, Type};

/// Timings and limits of the quorum (`raft.QuorumConfig`), with Kafka's defaults.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct QuorumConfig {
    /// `controller.quorum.election.timeout.ms`: an election time-out is this plus a draw below it.
    pub election_timeout_ms: i32,
    /// `controller.quorum.fetch.timeout.ms`: a voter that got no answer for so long seeks the leadership.
    pub fetch_timeout_ms: i32,
    /// `controller.quorum.election.backoff.max.ms`: bounds how long a less preferred successor waits.
    pub election_backoff_max_ms: i32,
    /// `controller.quorum.append.linger.ms`
    pub append_linger_ms: i32,
    /// `controller.quorum.request.timeout.ms`
    pub request_timeout_ms: i32,
    /// `controller.quorum.retry.backoff.ms`
    pub retry_backoff_ms: i32,
    /// `controller.quorum.fetch.max.bytes`
    pub fetch_max_bytes: i32,
    /// `controller.quorum.fetch.snapshot.max.bytes`
    pub fetch_snapshot_max_bytes: i32,
}

impl Default for QuorumConfig {
    fn default() -> Self {
        Self {
            election_timeout_ms: 1_000,
            fetch_timeout_ms: 2_000,
            election_backoff_max_ms: 1_000,
            append_linger_ms: 25,
            request_timeout_ms: 2_000,
            retry_backoff_ms: 20,
            fetch_max_bytes: 1 << 20,
            fetch_snapshot_max_bytes: 1 << 20,
        }
    }
}

impl QuorumConfig {
    /// A leader that a majority has not fetched from for so long resigns: one and a half fetch time-outs (`LeaderState.CHECK_QUORUM_TIMEOUT_FACTOR`).
    pub fn check_quorum_timeout_ms(&self) -> Ms {
        Ms::from(self.fetch_timeout_ms) * 3 / 2
    }

    /// How often a leader speaks to voters that do not fetch (`LeaderState.beginQuorumEpochTimeoutMs`).
    pub fn begin_quorum_epoch_timeout_ms(&self) -> Ms {
        Ms::from(self.fetch_timeout_ms) / 2
    }
}

/// How long a fetch may wait at the leader (`KafkaRaftClient.MAX_FETCH_WAIT_MS`).
pub const MAX_FETCH_WAIT_MS: i32 = 500;

/// Largest batch that a leader builds (`KafkaRaftClient.MAX_BATCH_SIZE_BYTES`).
pub const MAX_BATCH_SIZE_BYTES: usize = 8 << 20;

/// Finished batches that may wait for the leader's next step (`KafkaRaftClient.MAX_NUMBER_OF_BATCHES`).
pub const MAX_NUMBER_OF_BATCHES: usize = 10;

/// An observer that did not fetch for so long is forgotten (`LeaderState.OBSERVER_SESSION_TIMEOUT_MS`).
pub const OBSERVER_SESSION_TIMEOUT_MS: Ms = 300_000;

/// The configs of the quorum (`raft.QuorumConfig`). All are read at start.
pub static CONFIGS: &[ConfigDef] = &[
    ConfigDef {
        name: "controller.quorum.voters",
        scope: Scope::Broker,
        kind: Type::List,
        default: Some(""),
        required: false,
        range: Range::Any,
        modelled: true,
        dynamic: false,
        en: "Ids of the static voters.",
        ko: "고정된 투표자의 id 목록입니다.",
    },
    ConfigDef {
        name: "controller.quorum.election.timeout.ms",
        scope: Scope::Broker,
        kind: Type::Int,
        default: Some("1000"),
        required: false,
        range: Range::AtLeast(0.0),
        modelled: true,
        dynamic: false,
        en: "How long a voter waits for a leader before it seeks the leadership; a draw of up to as much is added.",
        ko: "투표자가 리더를 기다리는 시간입니다. 여기에 최대 같은 크기의 무작위 값이 더해집니다.",
    },
    ConfigDef {
        name: "controller.quorum.fetch.timeout.ms",
        scope: Scope::Broker,
        kind: Type::Int,
        default: Some("2000"),
        required: false,
        range: Range::AtLeast(0.0),
        modelled: true,
        dynamic: false,
        en: "How long a voter goes without a successful fetch before it seeks the leadership, and a leader without fetches (times 1.5) before it resigns.",
        ko: "투표자가 성공한 fetch 없이 버티는 시간입니다. 리더는 이 값의 1.5배 동안 fetch를 받지 못하면 물러납니다.",
    },
    ConfigDef {
        name: "controller.quorum.election.backoff.max.ms",
        scope: Scope::Broker,
        kind: Type::Int,
        default: Some("1000"),
        required: false,
        range: Range::AtLeast(0.0),
        modelled: true,
        dynamic: false,
        en: "Longest wait of a less preferred successor.",
        ko: "우선순위가 낮은 후임이 기다리는 최대 시간입니다.",
    },
    ConfigDef {
        name: "controller.quorum.append.linger.ms",
        scope: Scope::Broker,
        kind: Type::Int,
        default: Some("25"),
        required: false,
        range: Range::AtLeast(0.0),
        modelled: true,
        dynamic: false,
        en: "How long a leader gathers appends before it writes them.",
        ko: "리더가 추가 요청을 모았다가 쓰기까지 기다리는 시간입니다.",
    },
    ConfigDef {
        name: "controller.quorum.request.timeout.ms",
        scope: Scope::Broker,
        kind: Type::Int,
        default: Some("2000"),
        required: false,
        range: Range::AtLeast(0.0),
        modelled: true,
        dynamic: false,
        en: "After so long a node that owes an answer is asked again.",
        ko: "응답이 없는 노드에 다시 요청하기까지의 시간입니다.",
    },
    ConfigDef {
        name: "controller.quorum.retry.backoff.ms",
        scope: Scope::Broker,
        kind: Type::Int,
        default: Some("20"),
        required: false,
        range: Range::AtLeast(0.0),
        modelled: true,
        dynamic: false,
        en: "How long a node is left alone after a failed request.",
        ko: "요청이 실패한 노드를 쉬게 두는 시간입니다.",
    },
    ConfigDef {
        name: "controller.quorum.fetch.max.bytes",
        scope: Scope::Broker,
        kind: Type::Int,
        default: Some("1048576"),
        required: false,
        range: Range::AtLeast(1.0),
        modelled: true,
        dynamic: false,
        en: "Most bytes of one fetch; at least one batch comes anyway.",
        ko: "한 번의 fetch로 가져오는 최대 크기입니다. 배치 하나는 항상 가져옵니다.",
    },
    ConfigDef {
        name: "controller.quorum.fetch.snapshot.max.bytes",
        scope: Scope::Broker,
        kind: Type::Int,
        default: Some("1048576"),
        required: false,
        range: Range::AtLeast(1.0),
        modelled: true,
        dynamic: false,
        en: "Most bytes of one part of a snapshot.",
        ko: "한 번에 가져오는 스냅샷 조각의 최대 크기입니다.",
    },
    ConfigDef {
        name: "controller.quorum.auto.join.enable",
        scope: Scope::Broker,
        kind: Type::Boolean,
        default: Some("false"),
        required: false,
        range: Range::Any,
        modelled: false,
        dynamic: false,
        en: "An observer asks to become a voter by itself.",
        ko: "옵저버가 스스로 투표자가 되기를 요청합니다.",
    },
];
