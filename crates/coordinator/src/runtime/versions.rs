//! The durable state of a shard, versioned by offset in its log.
//!
//! A version is a clone taken right after a write; shards keep their state in shared pieces, so that a clone costs what the
//! next write changes. Only versions that a committed read or a failed append can still ask for are kept.

use protocol::Offset;
use std::collections::BTreeMap;

/// The current state, and the states right after each write that is not replicated yet
/// (`SnapshottableCoordinator`, `SnapshotRegistry`).
#[derive(Clone, Debug)]
pub struct Versions<S> {
    current: S,
    /// State right after the write that ended at the key. Holds `last_written` always.
    snapshots: BTreeMap<Offset, S>,
    last_written: Offset,
    last_committed: Offset,
}

impl<S: Clone> Versions<S> {
    /// The state before the first record.
    pub fn new(state: S) -> Self {
        Self {
            snapshots: BTreeMap::from([(Offset::ZERO, state.clone())]),
            current: state,
            last_written: Offset::ZERO,
            last_committed: Offset::ZERO,
        }
    }

    pub const fn current(&self) -> &S {
        &self.current
    }

    pub const fn current_mut(&mut self) -> &mut S {
        &mut self.current
    }

    /// The state that is replicated: as of the last write at or below the high watermark. Changes that wrote no record are
    /// in it only once a later write is.
    pub fn committed(&self) -> &S {
        let newest = self.snapshots.range(..=self.last_committed).next_back();
        newest.map_or(&self.current, |(_, state)| state)
    }

    /// The state right after the last write.
    pub fn last_snapshot(&self) -> &S {
        self.snapshots
            .get(&self.last_written)
            .unwrap_or(&self.current)
    }

    /// One past the last record written.
    pub const fn last_written(&self) -> Offset {
        self.last_written
    }

    pub const fn last_committed(&self) -> Offset {
        self.last_committed
    }

    /// A write ended at `offset`.
    pub fn written(&mut self, offset: Offset) {
        self.last_written = offset;
        self.snapshots.insert(offset, self.current.clone());
    }

    /// The high watermark is at `offset`. It never moves back and never past what was written.
    pub fn commit(&mut self, offset: Offset) {
        self.last_committed = self.last_committed.max(offset.min(self.last_written));
        // the newest version at or below the mark is what committed reads see; older ones are done
        let newest = self.snapshots.range(..=self.last_committed).next_back();
        if let Some((&keep, _)) = newest {
            self.snapshots = self.snapshots.split_off(&keep);
        }
    }

    /// The append of the batch that was being made failed: everything since the last write is undone.
    pub fn revert(&mut self) {
        if let Some(state) = self.snapshots.get(&self.last_written) {
            self.current = state.clone();
        }
    }

    /// Every state that is still held: versions and the current one.
    pub fn held(&self) -> impl Iterator<Item = &S> {
        self.snapshots
            .values()
            .chain(std::iter::once(&self.current))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_read_sees_the_last_replicated_write_and_nothing_newer() {
        let mut v = Versions::new(0);
        *v.current_mut() = 1;
        v.written(Offset(10));
        *v.current_mut() = 2;
        v.written(Offset(20));
        assert_eq!(*v.committed(), 0);
        v.commit(Offset(15));
        assert_eq!(*v.committed(), 1);
        *v.current_mut() = 3;
        v.commit(Offset(20));
        assert_eq!(
            *v.committed(),
            2,
            "a change without a record waits for the next write"
        );
    }

    #[test]
    fn a_failed_append_undoes_what_was_not_written() {
        let mut v = Versions::new(0);
        *v.current_mut() = 1;
        v.written(Offset(1));
        *v.current_mut() = 2;
        v.revert();
        assert_eq!(*v.current(), 1);
    }
}
