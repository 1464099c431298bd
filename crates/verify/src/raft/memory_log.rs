//! A list of batches behind the port of the quorum's log. One read brings at most two batches, as in the recorded runs.

use bytes::Bytes;
use protocol::record::RecordBatch;
use protocol::{LeaderEpoch, Offset};
use raft::{Isolation, LogFetchInfo, OffsetAndEpoch, RaftLog, Records};
use std::collections::BTreeMap;

#[derive(Clone, Debug, Default)]
pub struct MemoryLog {
    pub batches: Vec<RecordBatch>,
    epoch_starts: Vec<(LeaderEpoch, Offset)>,
    snapshots: BTreeMap<OffsetAndEpoch, Bytes>,
    high_watermark: Offset,
}

/// Most batches that one read brings.
const READ_LIMIT: usize = 2;

impl MemoryLog {
    pub fn push(&mut self, batch: RecordBatch) {
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

    fn read(&self, offset: Offset, isolation: Isolation, _max_bytes: i32) -> LogFetchInfo {
        let end = match isolation {
            Isolation::Committed => self.high_watermark,
            Isolation::Uncommitted => self.end_offset(),
        };
        let records: Records = self
            .batches
            .iter()
            .filter(|batch| batch.last_offset() >= offset.get() && batch.last_offset() < end.get())
            .take(READ_LIMIT)
            .cloned()
            .collect();
        let start_offset = records
            .first()
            .map_or(offset, |batch| Offset(batch.base_offset()));
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
        self.batches
            .retain(|batch| batch.last_offset() < offset.get());
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
        let Some(id) = self
            .latest_snapshot_id()
            .filter(|&id| id > self.end_offset_and_epoch())
        else {
            return false;
        };
        self.batches.clear();
        self.epoch_starts.clear();
        self.snapshots.retain(|&known, _| known >= id);
        self.high_watermark = id.offset;
        true
    }

    fn delete_before_snapshot(&mut self, id: OffsetAndEpoch) -> bool {
        let before = (self.batches.len(), self.snapshots.len());
        self.batches
            .retain(|batch| batch.last_offset() >= id.offset.get());
        self.snapshots.retain(|&known, _| known >= id);
        before != (self.batches.len(), self.snapshots.len())
    }
}
