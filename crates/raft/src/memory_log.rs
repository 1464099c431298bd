//! The quorum's log as a list of batches in memory: for tests, recorded cases, and hosts that keep no files.
//!
//! Nothing here is ever unflushed; a host that models power losses keeps its log elsewhere.

use crate::log::{Isolation, LogFetchInfo, OffsetAndEpoch, RaftLog, Records};
use bytes::Bytes;
use protocol::record::RecordBatch;
use protocol::{LeaderEpoch, Offset};
use std::collections::BTreeMap;

/// How much one read brings.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum ReadLimit {
    /// What the reader asks for, in bytes, at least one batch.
    #[default]
    Bytes,
    /// So many batches: the habit of the log that Kafka tests its quorum on.
    Batches(usize),
}

#[derive(Clone, Debug, Default)]
pub struct MemoryLog {
    batches: Vec<RecordBatch>,
    /// Where each epoch begins, ascending.
    epoch_starts: Vec<(LeaderEpoch, Offset)>,
    snapshots: BTreeMap<OffsetAndEpoch, Bytes>,
    high_watermark: Offset,
    limit: ReadLimit,
}

impl MemoryLog {
    pub fn new(batches: Vec<RecordBatch>, limit: ReadLimit) -> Self {
        let mut log = Self {
            limit,
            ..Self::default()
        };
        for batch in batches {
            log.push(batch);
        }
        log
    }

    pub fn batches(&self) -> &[RecordBatch] {
        &self.batches
    }

    fn push(&mut self, batch: RecordBatch) {
        let epoch = LeaderEpoch(batch.partition_leader_epoch());
        if self
            .epoch_starts
            .last()
            .is_none_or(|&(last, _)| epoch > last)
        {
            self.epoch_starts.push((epoch, Offset(batch.base_offset())));
        }
        self.batches.push(batch);
    }

    /// Index of the first batch that ends at or after `offset`.
    fn position(&self, offset: Offset) -> usize {
        self.batches
            .partition_point(|batch| batch.last_offset() < offset.get())
    }
}

impl RaftLog for MemoryLog {
    fn start_offset(&self) -> Offset {
        match self.batches.first() {
            Some(batch) => Offset(batch.base_offset()),
            None => self
                .earliest_snapshot_id()
                .map_or(Offset::ZERO, |id| id.offset),
        }
    }

    fn end_offset(&self) -> Offset {
        match self.batches.last() {
            Some(batch) => Offset(batch.next_offset()),
            None => self
                .latest_snapshot_id()
                .map_or(Offset::ZERO, |id| id.offset),
        }
    }

    fn last_fetched_epoch(&self) -> LeaderEpoch {
        match self.epoch_starts.last() {
            Some(&(epoch, _)) => epoch,
            None => self
                .latest_snapshot_id()
                .map_or(LeaderEpoch(0), |id| id.epoch),
        }
    }

    fn end_offset_for_epoch(&self, epoch: LeaderEpoch) -> OffsetAndEpoch {
        let lowest = self
            .earliest_snapshot_id()
            .map_or(LeaderEpoch(0), |id| id.epoch);
        let known = self
            .epoch_starts
            .iter()
            .take_while(|&&(start, _)| start <= epoch)
            .count();
        let below = known
            .checked_sub(1)
            .map_or(lowest, |i| self.epoch_starts[i].0);
        match self.epoch_starts.get(known) {
            Some(&(_, start)) => OffsetAndEpoch {
                offset: start,
                epoch: below,
            },
            None => self.end_offset_and_epoch(),
        }
    }

    fn append_as_leader(&mut self, batch: RecordBatch, epoch: LeaderEpoch) {
        assert_eq!(
            batch.base_offset(),
            self.end_offset().get(),
            "a leader appends at its end"
        );
        assert_eq!(
            batch.partition_leader_epoch(),
            epoch.get(),
            "a leader appends in its epoch"
        );
        self.push(batch);
    }

    fn append_as_follower(&mut self, records: &Records, epoch: LeaderEpoch) {
        for batch in records {
            if batch.base_offset() != self.end_offset().get()
                || batch.partition_leader_epoch() > epoch.get()
            {
                break;
            }
            self.push(batch.clone());
        }
    }

    fn read(&mut self, offset: Offset, isolation: Isolation, max_bytes: i32) -> LogFetchInfo {
        let end = match isolation {
            Isolation::Committed => self.high_watermark,
            Isolation::Uncommitted => self.end_offset(),
        };
        let readable = self.batches[self.position(offset)..]
            .iter()
            .take_while(|batch| batch.last_offset() < end.get());
        let mut size = 0;
        let max = usize::try_from(max_bytes).unwrap_or(0);
        let records: Records = match self.limit {
            ReadLimit::Batches(count) => readable.take(count).cloned().collect(),
            ReadLimit::Bytes => readable
                .take_while(|batch| {
                    let is_first = size == 0;
                    size += batch.size_in_bytes();
                    is_first || size <= max
                })
                .cloned()
                .collect(),
        };
        let start_offset = records
            .first()
            .map_or(offset, |first| Offset(first.base_offset()));
        LogFetchInfo {
            start_offset,
            records,
        }
    }

    fn initialize_leader_epoch(&mut self, epoch: LeaderEpoch) {
        let end = self.end_offset();
        self.epoch_starts
            .retain(|&(known, start)| start < end && known < epoch);
        self.epoch_starts.push((epoch, end));
    }

    fn truncate_to(&mut self, offset: Offset) {
        assert!(
            offset >= self.high_watermark,
            "never below the high watermark"
        );
        self.batches.truncate(self.position(offset));
        self.epoch_starts.retain(|&(_, start)| start < offset);
    }

    fn update_high_watermark(&mut self, offset: Offset) {
        assert!(
            offset >= self.high_watermark && offset <= self.end_offset(),
            "a high watermark rises within the log"
        );
        self.high_watermark = offset;
    }

    fn flush(&mut self) {}

    fn latest_snapshot_id(&self) -> Option<OffsetAndEpoch> {
        self.snapshots.keys().next_back().copied()
    }

    fn earliest_snapshot_id(&self) -> Option<OffsetAndEpoch> {
        self.snapshots.keys().next().copied()
    }

    fn snapshot(&self, id: OffsetAndEpoch) -> Option<Bytes> {
        self.snapshots.get(&id).cloned()
    }

    fn store_snapshot(&mut self, id: OffsetAndEpoch, content: Bytes) {
        self.snapshots.insert(id, content);
    }

    fn truncate_to_latest_snapshot(&mut self) -> bool {
        let Some(id) = self.latest_snapshot_id() else {
            return false;
        };
        if id <= self.log_end_and_epoch() {
            return false;
        }
        self.batches.clear();
        self.epoch_starts.clear();
        self.snapshots.retain(|&known, _| known >= id);
        self.high_watermark = id.offset;
        true
    }

    fn delete_before_snapshot(&mut self, id: OffsetAndEpoch) -> bool {
        if !self.snapshots.contains_key(&id)
            || id.offset > self.high_watermark
            || id.offset <= self.start_offset()
        {
            return false;
        }
        self.batches.drain(..self.position(id.offset));
        // The epoch that the snapshot ends in goes on behind it.
        let gone = self
            .epoch_starts
            .iter()
            .filter(|&&(_, start)| start < id.offset)
            .count();
        if gone > 0 {
            let (epoch, _) = self.epoch_starts[gone - 1];
            self.epoch_starts.drain(..gone);
            if !self.batches.is_empty()
                && self
                    .epoch_starts
                    .first()
                    .is_none_or(|&(_, start)| start > id.offset)
            {
                self.epoch_starts.insert(0, (epoch, id.offset));
            }
        }
        self.snapshots.retain(|&known, _| known >= id);
        true
    }
}

impl MemoryLog {
    /// Where the batches end, whatever snapshots there are beyond.
    fn log_end_and_epoch(&self) -> OffsetAndEpoch {
        let end = self.batches.last().map_or(0, RecordBatch::next_offset);
        let epoch = self
            .epoch_starts
            .last()
            .map_or(0, |&(epoch, _)| epoch.get());
        OffsetAndEpoch::new(end, epoch)
    }
}
