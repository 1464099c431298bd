//! Fetches that wait at the leader for records, or for a higher high watermark.
//!
//! It keeps them in the order in which Kafka completes them: by offset, then by age. What they are answered it does not know.

use crate::message::{Request, Response};
use crate::node::RequestToken;
use protocol::{Ms, Offset};
use std::collections::BTreeMap;

/// A fetch that waits.
#[derive(Clone, Debug)]
pub struct ParkedFetch {
    pub token: RequestToken,
    pub request: Request,
    /// What it is answered if nothing happens in time.
    pub response: Response,
    pub deadline_ms: Ms,
}

/// `raft.internals.ThresholdPurgatory`
#[derive(Clone, Debug, Default)]
pub struct FetchPurgatory {
    parked: BTreeMap<(Offset, u64), ParkedFetch>,
    next_id: u64,
}

pub type ParkedKey = (Offset, u64);

impl FetchPurgatory {
    pub fn park(&mut self, threshold: Offset, fetch: ParkedFetch) {
        self.next_id += 1;
        self.parked.insert((threshold, self.next_id), fetch);
    }

    pub fn take(&mut self, key: ParkedKey) -> Option<ParkedFetch> {
        self.parked.remove(&key)
    }

    /// All that wait at or below an offset.
    pub fn up_to(&self, offset: Offset) -> Vec<ParkedKey> {
        self.parked
            .range(..=(offset, u64::MAX))
            .map(|(&key, _)| key)
            .collect()
    }

    pub fn all(&self) -> Vec<ParkedKey> {
        self.parked.keys().copied().collect()
    }

    /// Those whose time is over, the earliest due first.
    pub fn expired(&self, now_ms: Ms) -> Vec<ParkedKey> {
        let mut due: Vec<(Ms, u64, ParkedKey)> = self
            .parked
            .iter()
            .filter(|(_, fetch)| fetch.deadline_ms <= now_ms)
            .map(|(&key, fetch)| (fetch.deadline_ms, key.1, key))
            .collect();
        due.sort_unstable();
        due.into_iter().map(|(_, _, key)| key).collect()
    }

    pub fn deadlines(&self) -> impl Iterator<Item = Ms> + '_ {
        self.parked.values().map(|fetch| fetch.deadline_ms)
    }

    pub fn len(&self) -> usize {
        self.parked.len()
    }

    pub fn is_empty(&self) -> bool {
        self.parked.is_empty()
    }
}
