//! `controller.quorum.*` and the `metadata.*` settings that the quorum itself reads.
//!
//! Values only; who may change them and when is the node's business.

use protocol::Ms;

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
