//! The offset index and the time index of a segment, with the memory map's habits (`AbstractIndex`, `OffsetIndex`,
//! `TimeIndex`).
//!
//! An index is mapped: entries that a truncation drops stay in the map until something overwrites or trims them, which
//! shows in the file after a crash.

use crate::error::LogError;
use bytes::{BufMut, Bytes, BytesMut};

/// The entries of a mapped index file: the first `used` of `raw` count.
#[derive(Debug, Clone)]
struct Mapped<E> {
    raw: Vec<E>,
    used: usize,
    /// How many entries fit the mapped file.
    max_entries: usize,
}

impl<E: Copy> Mapped<E> {
    fn entries(&self) -> &[E] {
        &self.raw[..self.used]
    }

    fn push(&mut self, entry: E) {
        self.raw.truncate(self.raw.len().max(self.used));
        if self.used < self.raw.len() {
            self.raw[self.used] = entry;
        } else {
            self.raw.push(entry);
        }
        self.used += 1;
    }

    fn resize(&mut self, max_entries: usize) {
        self.max_entries = max_entries;
        self.raw.truncate(max_entries);
        self.used = self.used.min(max_entries);
    }
}

fn relative(base: i64, offset: i64) -> Option<u32> {
    i32::try_from(offset.wrapping_sub(base))
        .ok()
        .and_then(|relative| u32::try_from(relative).ok())
}

/// Offset → position of a batch. Entries hold the offset relative to the base.
#[derive(Debug, Clone)]
pub struct OffsetIndex {
    base: i64,
    map: Mapped<(u32, u32)>,
}

/// Bytes an entry of the offset index takes.
pub const OFFSET_ENTRY: usize = 8;
/// Bytes an entry of the time index takes.
pub const TIME_ENTRY: usize = 12;

impl OffsetIndex {
    /// A new index, mapped at its largest.
    pub fn new(base: i64, max_bytes: usize) -> Self {
        OffsetIndex {
            base,
            map: Mapped {
                raw: Vec::new(),
                used: 0,
                max_entries: max_bytes / OFFSET_ENTRY,
            },
        }
    }

    /// The index of an existing file, mapped as long as the file is.
    pub fn from_bytes(base: i64, bytes: &[u8]) -> Self {
        let raw: Vec<(u32, u32)> = bytes
            .chunks_exact(OFFSET_ENTRY)
            .map(|entry| {
                (
                    u32::from_be_bytes([entry[0], entry[1], entry[2], entry[3]]),
                    u32::from_be_bytes([entry[4], entry[5], entry[6], entry[7]]),
                )
            })
            .collect();
        let used = raw.len();
        OffsetIndex {
            base,
            map: Mapped {
                raw,
                used,
                max_entries: used,
            },
        }
    }

    pub fn len(&self) -> usize {
        self.map.used
    }

    pub fn is_empty(&self) -> bool {
        self.map.used == 0
    }

    /// (offset, position) of every entry.
    pub fn entries(&self) -> impl DoubleEndedIterator<Item = (i64, usize)> + '_ {
        self.map
            .entries()
            .iter()
            .map(|&(relative, position)| (self.base + i64::from(relative), position as usize))
    }

    pub fn size_in_bytes(&self) -> usize {
        self.map.used * OFFSET_ENTRY
    }

    pub fn is_full(&self) -> bool {
        self.map.used >= self.map.max_entries
    }

    pub fn can_append_offset(&self, offset: i64) -> bool {
        relative(self.base, offset).is_some()
    }

    /// The offset of the last entry, else the base.
    pub fn last_offset(&self) -> i64 {
        self.entries()
            .next_back()
            .map_or(self.base, |(offset, _)| offset)
    }

    /// The largest entry at or below `offset`: its (offset, position), else (base, 0).
    pub fn lookup(&self, offset: i64) -> (i64, usize) {
        let after = self
            .map
            .entries()
            .partition_point(|&(relative, _)| self.base + i64::from(relative) <= offset);
        match after.checked_sub(1).map(|slot| self.map.raw[slot]) {
            None => (self.base, 0),
            Some((relative, position)) => (self.base + i64::from(relative), position as usize),
        }
    }

    /// The offset of the first entry at or after `position` (`fetchUpperBoundOffset`).
    pub fn upper_bound_offset(&self, position: usize) -> Option<i64> {
        let slot = self
            .map
            .entries()
            .partition_point(|&(_, at)| (at as usize) < position);
        self.entries().nth(slot).map(|(offset, _)| offset)
    }

    /// # Errors
    /// `IllegalArgument` if full, `InvalidOffset` if the offset does not rise or does not fit.
    pub fn append(&mut self, offset: i64, position: usize) -> Result<(), LogError> {
        if self.is_full() {
            return Err(LogError::IllegalArgument("the offset index is full"));
        }
        if !self.is_empty() && offset <= self.last_offset() {
            return Err(LogError::InvalidOffset);
        }
        let relative = relative(self.base, offset).ok_or(LogError::InvalidOffset)?;
        self.map.push((relative, position as u32));
        Ok(())
    }

    /// Drops entries at or above `offset`.
    pub fn truncate_to(&mut self, offset: i64) {
        self.map.used = self
            .map
            .entries()
            .partition_point(|&(relative, _)| self.base + i64::from(relative) < offset);
    }

    /// Maps the file anew at `bytes`.
    pub fn resize(&mut self, bytes: usize) {
        self.map.resize(bytes / OFFSET_ENTRY);
    }

    pub fn trim(&mut self) {
        self.map.resize(self.map.used);
    }

    pub fn reset(&mut self, max_bytes: usize) {
        self.map.used = 0;
        self.resize(max_bytes);
    }

    /// The used entries as the file has them.
    pub fn to_bytes(&self) -> Bytes {
        Self::encode(self.map.entries())
    }

    /// What the mapped file shows after the process died: stale entries included, up to the last that is not zero.
    pub fn to_mapped_bytes(&self) -> Bytes {
        let stale = self
            .map
            .raw
            .iter()
            .rposition(|&entry| entry != (0, 0))
            .map_or(0, |last| last + 1);
        Self::encode(&self.map.raw[..stale.max(self.map.used)])
    }

    fn encode(entries: &[(u32, u32)]) -> Bytes {
        let mut out = BytesMut::with_capacity(entries.len() * OFFSET_ENTRY);
        for &(relative, position) in entries {
            out.put_u32(relative);
            out.put_u32(position);
        }
        out.freeze()
    }
}

/// A timestamp (ms) and the last offset of the batch that had it first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimestampOffset {
    pub timestamp: i64,
    pub offset: i64,
}

/// Greatest timestamp so far → offset. Timestamps rise strictly.
#[derive(Debug, Clone)]
pub struct TimeIndex {
    base: i64,
    map: Mapped<(i64, u32)>,
}

impl TimeIndex {
    pub fn new(base: i64, max_bytes: usize) -> Self {
        TimeIndex {
            base,
            map: Mapped {
                raw: Vec::new(),
                used: 0,
                max_entries: max_bytes / TIME_ENTRY,
            },
        }
    }

    pub fn from_bytes(base: i64, bytes: &[u8]) -> Self {
        let raw: Vec<(i64, u32)> = bytes
            .chunks_exact(TIME_ENTRY)
            .map(|entry| {
                let mut timestamp = [0; 8];
                timestamp.copy_from_slice(&entry[..8]);
                (
                    i64::from_be_bytes(timestamp),
                    u32::from_be_bytes([entry[8], entry[9], entry[10], entry[11]]),
                )
            })
            .collect();
        let used = raw.len();
        TimeIndex {
            base,
            map: Mapped {
                raw,
                used,
                max_entries: used,
            },
        }
    }

    fn parse(&self, (timestamp, relative): (i64, u32)) -> TimestampOffset {
        TimestampOffset {
            timestamp,
            offset: self.base + i64::from(relative),
        }
    }

    pub fn len(&self) -> usize {
        self.map.used
    }

    pub fn is_empty(&self) -> bool {
        self.map.used == 0
    }

    pub fn entries(&self) -> impl DoubleEndedIterator<Item = TimestampOffset> + '_ {
        self.map.entries().iter().map(|&entry| self.parse(entry))
    }

    pub fn size_in_bytes(&self) -> usize {
        self.map.used * TIME_ENTRY
    }

    /// One slot is kept for the entry that a roll forces.
    pub fn is_full(&self) -> bool {
        self.map.used + 1 >= self.map.max_entries
    }

    /// The last entry, else (−1, base).
    pub fn last_entry(&self) -> TimestampOffset {
        self.entries().next_back().unwrap_or(TimestampOffset {
            timestamp: -1,
            offset: self.base,
        })
    }

    /// The largest entry at or below `timestamp`, else (−1, base).
    pub fn lookup(&self, timestamp: i64) -> TimestampOffset {
        let after = self
            .map
            .entries()
            .partition_point(|entry| entry.0 <= timestamp);
        after.checked_sub(1).map_or(
            TimestampOffset {
                timestamp: -1,
                offset: self.base,
            },
            |slot| self.parse(self.map.raw[slot]),
        )
    }

    /// Adds an entry if its timestamp is above the last one's.
    ///
    /// # Errors
    /// `IllegalArgument` if full and not forced, `InvalidOffset` if the offset is below the last entry's.
    pub fn maybe_append(
        &mut self,
        timestamp: i64,
        offset: i64,
        forced: bool,
    ) -> Result<(), LogError> {
        if !forced && self.is_full() {
            return Err(LogError::IllegalArgument("the time index is full"));
        }
        let last = self.last_entry();
        if !self.is_empty() && offset < last.offset {
            return Err(LogError::InvalidOffset);
        }
        if !self.is_empty() && timestamp < last.timestamp {
            return Err(LogError::IllegalArgument(
                "a timestamp below the last entry's",
            ));
        }
        if timestamp > last.timestamp {
            let relative = relative(self.base, offset).ok_or(LogError::InvalidOffset)?;
            self.map.push((timestamp, relative));
        }
        Ok(())
    }

    /// Drops entries whose offset is at or above `offset`.
    pub fn truncate_to(&mut self, offset: i64) {
        self.map.used = self
            .map
            .entries()
            .partition_point(|entry| self.base + i64::from(entry.1) < offset);
    }

    pub fn resize(&mut self, bytes: usize) {
        self.map.resize(bytes / TIME_ENTRY);
    }

    pub fn trim(&mut self) {
        self.map.resize(self.map.used);
    }

    pub fn reset(&mut self, max_bytes: usize) {
        self.map.used = 0;
        self.resize(max_bytes);
    }

    pub fn to_bytes(&self) -> Bytes {
        Self::encode(self.map.entries())
    }

    pub fn to_mapped_bytes(&self) -> Bytes {
        let stale = self
            .map
            .raw
            .iter()
            .rposition(|&entry| entry != (0, 0))
            .map_or(0, |last| last + 1);
        Self::encode(&self.map.raw[..stale.max(self.map.used)])
    }

    fn encode(entries: &[(i64, u32)]) -> Bytes {
        let mut out = BytesMut::with_capacity(entries.len() * TIME_ENTRY);
        for &(timestamp, relative) in entries {
            out.put_i64(timestamp);
            out.put_u32(relative);
        }
        out.freeze()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn l12_an_entry_is_relative_to_the_base() {
        let mut index = OffsetIndex::new(50, 16);
        index.append(55, 5000).expect("room");
        assert_eq!(&index.to_bytes()[..], [0, 0, 0, 5, 0, 0, 0x13, 0x88]);
        assert_eq!((index.lookup(54), index.lookup(60)), ((50, 0), (55, 5000)));
        assert_eq!(index.append(55, 6000), Err(LogError::InvalidOffset));
    }

    #[test]
    fn a_truncation_leaves_stale_entries_in_the_map() {
        let mut index = OffsetIndex::new(0, 80);
        for i in 1..=3 {
            index.append(i, i as usize * 100).expect("room");
        }
        index.truncate_to(2);
        assert_eq!((index.len(), index.to_mapped_bytes().len()), (1, 24));
        index.append(2, 150).expect("room");
        index.trim();
        assert_eq!(index.to_mapped_bytes().len(), 16);
    }

    #[test]
    fn l14_the_time_index_rises_strictly() {
        let mut index = TimeIndex::new(0, 120);
        index.maybe_append(100, 0, false).expect("room");
        index.maybe_append(100, 1, false).expect("ignored");
        index.maybe_append(120, 2, false).expect("room");
        assert_eq!(index.len(), 2);
        assert_eq!(index.lookup(119).offset, 0);
    }
}
