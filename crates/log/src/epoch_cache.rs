//! Which leader wrote from which offset on (`LeaderEpochFileCache`, KIP-101, KIP-279).
//!
//! Every change answers whether it changed anything; the log then writes `leader-epoch-checkpoint`.

use crate::error::LogError;
use std::collections::BTreeMap;

/// Epoch → its first offset.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LeaderEpochCache {
    epochs: BTreeMap<i32, i64>,
}

impl LeaderEpochCache {
    pub fn new(epochs: BTreeMap<i32, i64>) -> Self {
        LeaderEpochCache { epochs }
    }

    pub fn entries(&self) -> &BTreeMap<i32, i64> {
        &self.epochs
    }

    pub fn earliest(&self) -> Option<(i32, i64)> {
        self.epochs
            .first_key_value()
            .map(|(epoch, start)| (*epoch, *start))
    }

    pub fn latest(&self) -> Option<(i32, i64)> {
        self.epochs
            .last_key_value()
            .map(|(epoch, start)| (*epoch, *start))
    }

    pub fn latest_epoch(&self) -> Option<i32> {
        self.latest().map(|(epoch, _)| epoch)
    }

    /// The epoch before the latest.
    pub fn previous_epoch(&self) -> Option<i32> {
        self.epochs.keys().rev().nth(1).copied()
    }

    /// Begins `epoch` at `start`, removing from the tail what contradicts it. Ignored if it is the latest epoch already
    /// and does not begin earlier.
    ///
    /// # Errors
    /// `IllegalArgument` for a negative epoch or offset.
    pub fn assign(&mut self, epoch: i32, start: i64) -> Result<bool, LogError> {
        if epoch < 0 || start < 0 {
            return Err(LogError::IllegalArgument("an epoch entry below zero"));
        }
        if self
            .latest()
            .is_some_and(|(latest, from)| latest == epoch && start >= from)
        {
            return Ok(false);
        }
        self.remove_from_end(|last, from| last >= epoch || from >= start);
        self.epochs.insert(epoch, start);
        Ok(true)
    }

    fn remove_from_end(&mut self, matches: impl Fn(i32, i64) -> bool) -> bool {
        let mut changed = false;
        while let Some((epoch, start)) = self.latest() {
            if !matches(epoch, start) {
                break;
            }
            self.epochs.remove(&epoch);
            changed = true;
        }
        changed
    }

    /// Forgets epochs that begin at or above `end`.
    pub fn truncate_from_end(&mut self, end: i64) -> bool {
        end >= 0 && self.remove_from_end(|_, start| start >= end)
    }

    /// Forgets what ended at or below `start`; the epoch that covers it begins there now.
    pub fn truncate_from_start(&mut self, start: i64) -> bool {
        let mut last_removed = None;
        while let Some((epoch, from)) = self.earliest() {
            if from > start {
                break;
            }
            self.epochs.remove(&epoch);
            last_removed = Some(epoch);
        }
        if let Some(epoch) = last_removed {
            self.epochs.insert(epoch, start);
        }
        last_removed.is_some()
    }

    pub fn clear(&mut self) {
        self.epochs.clear();
    }

    /// The largest epoch at or below `requested` and where it ended: (epoch, end offset), `None` if not known.
    pub fn end_offset_for(&self, requested: i32, log_end: i64) -> Option<(i32, i64)> {
        if requested == -1 {
            return None;
        }
        if self.latest_epoch() == Some(requested) {
            return Some((requested, log_end));
        }
        let (_, &end) = self.epochs.range(requested.checked_add(1)?..).next()?;
        let epoch = self
            .epochs
            .range(..=requested)
            .next_back()
            .map_or(requested, |(epoch, _)| *epoch);
        Some((epoch, end))
    }

    /// The epoch that wrote `offset`.
    pub fn epoch_for_offset(&self, offset: i64) -> Option<i32> {
        self.epochs
            .iter()
            .take_while(|(_, start)| **start <= offset)
            .last()
            .map(|(epoch, _)| *epoch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache(entries: &[(i32, i64)]) -> LeaderEpochCache {
        LeaderEpochCache::new(entries.iter().copied().collect())
    }

    #[test]
    fn l24_truncations() {
        let full = cache(&[(0, 0), (1, 10), (2, 20)]);
        let mut end = full.clone();
        assert!(end.truncate_from_end(15));
        assert_eq!(end, cache(&[(0, 0), (1, 10)]));
        assert!(end.truncate_from_end(10));
        assert_eq!(end, cache(&[(0, 0)]));
        let mut start = full;
        assert!(start.truncate_from_start(12));
        assert_eq!(start, cache(&[(1, 12), (2, 20)]));
    }

    #[test]
    fn l25_end_offsets() {
        let epochs = cache(&[(0, 0), (1, 10), (3, 20)]);
        let found: Vec<_> = (-1..=4)
            .map(|epoch| epochs.end_offset_for(epoch, 30))
            .collect();
        assert_eq!(
            found,
            [
                None,
                Some((0, 10)),
                Some((1, 20)),
                Some((1, 20)),
                Some((3, 30)),
                None
            ]
        );
        assert_eq!(
            cache(&[(1, 10), (3, 20)]).end_offset_for(0, 30),
            Some((0, 10))
        );
    }
}
