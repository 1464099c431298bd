//! Key → its newest offset, as many keys as the slots allow (`SkimpyOffsetMap`).

use bytes::Bytes;
use std::collections::BTreeMap;

/// Kafka hashes keys with MD5 into 24-byte slots; here the keys themselves are kept, the capacity is Kafka's.
#[derive(Debug)]
pub struct OffsetMap {
    offsets: BTreeMap<Bytes, i64>,
    capacity: usize,
    latest_offset: i64,
}

/// How much of the slots may be used (`log.cleaner.io.buffer.load.factor`).
const LOAD_FACTOR: f64 = 0.9;

impl OffsetMap {
    pub fn new(slots: usize) -> Self {
        OffsetMap {
            offsets: BTreeMap::new(),
            capacity: (slots as f64 * LOAD_FACTOR) as usize,
            latest_offset: -1,
        }
    }

    /// False if the map is full, even of a key it knows.
    pub fn put(&mut self, key: Bytes, offset: i64) -> bool {
        if self.offsets.len() >= self.capacity {
            return false;
        }
        self.offsets.insert(key, offset);
        self.latest_offset = offset;
        true
    }

    pub fn get(&self, key: &[u8]) -> Option<i64> {
        self.offsets.get(key).copied()
    }

    /// Up to where the map knows the log.
    pub fn latest_offset(&self) -> i64 {
        self.latest_offset
    }

    pub fn update_latest_offset(&mut self, offset: i64) {
        self.latest_offset = offset;
    }
}
