//! What a leader knows of one follower: how far it has fetched, and when it last had everything.
//!
//! It is filled by fetches alone; it does not know what the ISR or the high watermark make of it.

use log::LogOffsetMetadata;
use protocol::{BrokerEpoch, Ms, Offset};

/// `ReplicaState`. Times are whole milliseconds since the Unix epoch; 0 means "never".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replica {
    /// −1 unknown.
    pub log_start_offset: Offset,
    /// Offset −1 unknown.
    pub log_end_offset: LogOffsetMetadata,
    pub last_fetch_leader_log_end_offset: Offset,
    pub last_fetch_time_ms: Ms,
    pub last_caught_up_time_ms: Ms,
    /// Of its last fetch; `None` before the first one.
    pub broker_epoch: Option<BrokerEpoch>,
}

impl Default for Replica {
    /// `ReplicaState.Empty`: a replica that was just assigned.
    fn default() -> Self {
        Self {
            log_start_offset: Offset::NONE,
            log_end_offset: LogOffsetMetadata::only(-1),
            last_fetch_leader_log_end_offset: Offset::ZERO,
            last_fetch_time_ms: 0,
            last_caught_up_time_ms: 0,
            broker_epoch: None,
        }
    }
}

impl Replica {
    pub fn end_offset(&self) -> Offset {
        Offset(self.log_end_offset.offset)
    }

    /// At the leader's end, or behind for no longer than `lag_max_ms` (`ReplicaState.isCaughtUp`).
    pub fn is_caught_up(&self, leader_end_offset: Offset, now_ms: Ms, lag_max_ms: Ms) -> bool {
        leader_end_offset == self.end_offset() || now_ms - self.last_caught_up_time_ms <= lag_max_ms
    }

    /// A fetch was read for this replica (`Replica.updateFetchStateOrThrow`, past its epoch check). `leader_end_offset` is
    /// the leader's end before that read.
    pub fn fetched(
        &mut self,
        end: LogOffsetMetadata,
        start: Offset,
        fetch_time_ms: Ms,
        leader_end_offset: Offset,
        broker_epoch: BrokerEpoch,
    ) {
        let end_offset = Offset(end.offset);
        if end_offset >= leader_end_offset {
            self.last_caught_up_time_ms = self.last_caught_up_time_ms.max(fetch_time_ms);
        } else if end_offset >= self.last_fetch_leader_log_end_offset {
            self.last_caught_up_time_ms = self.last_caught_up_time_ms.max(self.last_fetch_time_ms);
        }
        self.log_start_offset = start;
        self.log_end_offset = end;
        self.last_fetch_leader_log_end_offset =
            leader_end_offset.max(self.last_fetch_leader_log_end_offset);
        self.last_fetch_time_ms = fetch_time_ms;
        self.broker_epoch = Some(broker_epoch);
    }

    /// A new leader epoch began (`Replica.resetReplicaState`). A leader that stays keeps what it knew of the log.
    pub fn reset(
        &mut self,
        now_ms: Ms,
        leader_end_offset: Offset,
        is_new_leader: bool,
        in_isr: bool,
    ) {
        let time_ms = if in_isr { now_ms } else { 0 };
        if is_new_leader {
            *self = Self {
                last_fetch_leader_log_end_offset: Offset::NONE,
                ..Self::default()
            };
        } else {
            self.last_fetch_leader_log_end_offset = leader_end_offset;
            self.last_fetch_time_ms = time_ms;
        }
        self.last_caught_up_time_ms = time_ms;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(offset: i64) -> LogOffsetMetadata {
        LogOffsetMetadata::only(offset)
    }

    /// H15: a fetch that reaches the end the leader had at the previous fetch was caught up at that previous fetch.
    #[test]
    fn h15_caught_up_time_is_that_of_the_previous_fetch() {
        let mut r = Replica::default();
        r.fetched(end(90), Offset(0), 1_000, Offset(100), BrokerEpoch(1));
        r.fetched(end(100), Offset(0), 1_500, Offset(120), BrokerEpoch(1));
        assert_eq!(r.last_caught_up_time_ms, 1_000);
        assert!(
            r.is_caught_up(Offset(120), 31_000, 30_000)
                && !r.is_caught_up(Offset(120), 31_001, 30_000)
        );
    }
}
