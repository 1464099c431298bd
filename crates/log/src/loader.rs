//! Opening a partition's directory: left-over files, segments, recovery, producers (`LogLoader`).

mod split;

use crate::backend::{Directory, MemoryDirectory};
use crate::checkpoint::{read_epochs, read_partition_metadata, write_epochs};
use crate::epoch_cache::LeaderEpochCache;
use crate::error::LogError;
use crate::names::{
    CLEANED, DELETED, INDEX, LEADER_EPOCH_CHECKPOINT, LOG, PARTITION_METADATA, SWAP, TIME_INDEX,
    TXN_INDEX, file_name, offset_of,
};
use crate::producer::{AppendOrigin, LogOffsetMetadata, ProducerStateManager};
use crate::segment::{LogSegment, PlacedBatch};
use crate::txn_index::AbortedTxn;
use crate::unified::{OpenLog, Segments, doom_segment, rebuild_producer_state};
use protocol::{ErrorCode, Ms, Protection, Uuid};
use std::collections::BTreeSet;
use std::sync::Arc;

/// What loading found out (`LoadedLogOffsets`).
pub(crate) struct Loaded {
    pub segments: Segments,
    pub recovery_point: i64,
    pub log_start_offset: i64,
    pub next_offset: LogOffsetMetadata,
    pub epochs: LeaderEpochCache,
    pub producers: ProducerStateManager,
    /// Files that go after the delay.
    pub doomed: Vec<Vec<String>>,
}

struct Loader<'a> {
    dir: &'a mut MemoryDirectory,
    open: &'a OpenLog,
    now: Ms,
    segments: Segments,
    epochs: LeaderEpochCache,
    producers: ProducerStateManager,
    doomed: Vec<Vec<String>>,
}

/// # Errors
/// CORRUPT_MESSAGE or INVALID_TXN_STATE where recovery cannot go on, `Storage` for files that Kafka does not read.
pub(crate) fn load(dir: &mut MemoryDirectory, open: &OpenLog, now: Ms) -> Result<Loaded, LogError> {
    let epochs = match dir.read(LEADER_EPOCH_CHECKPOINT) {
        Some(content) => read_epochs(&content)
            .ok_or(LogError::Storage("the leader epoch checkpoint is damaged"))?,
        None => {
            dir.open(LEADER_EPOCH_CHECKPOINT, now);
            Default::default()
        }
    };
    let producers = ProducerStateManager::new(dir, open.broker);
    let mut loader = Loader {
        dir,
        open,
        now,
        segments: Segments::new(),
        epochs: LeaderEpochCache::new(epochs),
        producers,
        doomed: Vec::new(),
    };
    loader.finish_swaps()?;
    loader.retry_on_overflow(|loader| {
        loader.segments.clear();
        loader.load_segment_files()
    })?;
    let (recovery_point, next_offset) = loader.retry_on_overflow(Loader::recover_log)?;
    loader.finish(recovery_point, next_offset)
}

/// # Errors
/// INCONSISTENT_TOPIC_ID if `partition.metadata` names another topic.
pub(crate) fn check_topic_id(dir: &MemoryDirectory, topic_id: Uuid) -> Result<(), LogError> {
    let Some(content) = dir.read(PARTITION_METADATA) else {
        return Ok(());
    };
    let id = read_partition_metadata(&content)
        .ok_or(LogError::Storage("partition.metadata is damaged"))?;
    if !topic_id.is_zero() && id != topic_id {
        return Err(LogError::Code(
            ErrorCode::InconsistentTopicId,
            "the directory belongs to another topic",
        ));
    }
    Ok(())
}

impl Loader<'_> {
    /// Removes temporary files and completes an interrupted swap of cleaned segments.
    fn finish_swaps(&mut self) -> Result<(), LogError> {
        let mut min_cleaned = i64::MAX;
        let mut swaps = Vec::new();
        let mut cleaned = Vec::new();
        for name in self.dir.list() {
            if name.ends_with(DELETED) && !name.ends_with(".checkpoint.deleted") {
                self.dir.delete(&name);
            } else if name.ends_with(CLEANED) {
                min_cleaned = min_cleaned.min(offset_of(&name).unwrap_or(i64::MAX));
                cleaned.push(name);
            } else if name.ends_with(SWAP) {
                swaps.push(name);
            }
        }
        // Swaps at or above a cleaned file belong to a replacement that was not complete.
        let (invalid, valid): (Vec<_>, Vec<_>) = swaps
            .into_iter()
            .partition(|name| offset_of(name).is_some_and(|base| base >= min_cleaned));
        for name in invalid.iter().chain(&cleaned) {
            self.dir.delete(name);
        }
        let mut covered: Option<(i64, i64)> = None;
        for name in valid.iter().filter(|name| name.ends_with(".log.swap")) {
            let Some(base) = offset_of(name) else {
                continue;
            };
            let segment = LogSegment::load(self.dir, base, SWAP, &self.open.config, self.now)?;
            let next = segment.read_next_offset(self.dir)?;
            covered =
                Some(covered.map_or((base, next), |(low, high)| (low.min(base), high.max(next))));
        }
        if let Some((low, high)) = covered {
            for name in self.dir.list() {
                if !name.ends_with(SWAP)
                    && offset_of(&name).is_some_and(|base| (low..high).contains(&base))
                {
                    self.dir.delete(&name);
                }
            }
        }
        for name in self.dir.list() {
            if let Some(target) = name.strip_suffix(SWAP) {
                self.dir.rename(&name, target);
            }
        }
        Ok(())
    }

    fn load_segment_files(&mut self) -> Result<(), LogError> {
        for name in self.dir.list() {
            let Some(base) = offset_of(&name) else {
                continue;
            };
            if [INDEX, TIME_INDEX, TXN_INDEX]
                .iter()
                .any(|kind| name.ends_with(kind))
            {
                if self.dir.find(&file_name(base, LOG)).is_none() {
                    self.dir.delete(&name);
                }
            } else if name.ends_with(LOG) {
                self.load_segment(base)?;
            }
        }
        Ok(())
    }

    fn load_segment(&mut self, base: i64) -> Result<(), LogError> {
        let has_index = self.dir.find(&file_name(base, INDEX)).is_some();
        let has_time_index = self.dir.find(&file_name(base, TIME_INDEX)).is_some();
        let mut segment = LogSegment::load(self.dir, base, "", &self.open.config, self.now)?;
        if !has_time_index {
            segment.time_index.resize(0);
        }
        if !has_index || !segment.txn_index.is_sane(base) {
            self.recover_segment(&mut segment)?;
        }
        self.segments.insert(base, Arc::new(segment));
        Ok(())
    }

    /// Reads a segment batch by batch, building indexes, epochs and producers anew; returns the bytes cut from its end.
    fn recover_segment(&mut self, segment: &mut LogSegment) -> Result<usize, LogError> {
        let mut producers = ProducerStateManager::new(self.dir, self.open.broker);
        let (log_start, base, now) = (self.open.log_start_offset, segment.base, self.now);
        rebuild_producer_state(
            &mut producers,
            self.dir,
            &self.segments,
            log_start,
            base,
            false,
            now,
        )?;
        segment.reset_for_recovery(self.dir, now);
        let mut valid_bytes = 0;
        let mut last_index_position = 0;
        loop {
            let next = segment.batches_from(self.dir, valid_bytes).next();
            let Some(Ok(placed)) = next else { break };
            if !placed.batch.is_valid() {
                break;
            }
            segment.recover_batch(&placed, &mut last_index_position)?;
            valid_bytes += placed.batch.size_in_bytes();
            match self.recover_producers(segment, &mut producers, &placed) {
                Ok(()) => {}
                Err(LogError::Code(ErrorCode::CorruptMessage | ErrorCode::InvalidRecord, _)) => {
                    break;
                }
                Err(error) => return Err(error),
            }
        }
        let truncated = segment.finish_recovery(self.dir, valid_bytes, now)?;
        producers.take_snapshot(self.dir, now);
        Ok(truncated)
    }

    fn recover_producers(
        &mut self,
        segment: &mut LogSegment,
        producers: &mut ProducerStateManager,
        placed: &PlacedBatch,
    ) -> Result<(), LogError> {
        let batch = &placed.batch;
        let epoch = batch.partition_leader_epoch();
        if epoch >= 0
            && self
                .epochs
                .latest_epoch()
                .is_none_or(|latest| epoch > latest)
        {
            self.epochs.assign(epoch, batch.base_offset())?;
            self.write_epochs();
        }
        if batch.has_producer_id() {
            let mut info = producers.prepare_update(batch.producer_id(), AppendOrigin::Replication);
            let completed = info.append(batch, None, 0)?;
            producers.update(info);
            if let Some(txn) = completed {
                let last_stable_offset = producers.last_stable_offset(&txn);
                if txn.aborted {
                    let aborted = AbortedTxn {
                        producer_id: txn.producer_id,
                        first_offset: txn.first_offset,
                        last_offset: txn.last_offset,
                        last_stable_offset,
                    };
                    segment.append_aborted(self.dir, "", aborted, self.now);
                }
                producers.complete_txn(&txn)?;
            }
        }
        producers.update_map_end_offset(batch.next_offset());
        Ok(())
    }

    fn write_epochs(&mut self) {
        self.dir.write(
            LEADER_EPOCH_CHECKPOINT,
            write_epochs(self.epochs.entries()),
            self.now,
        );
    }

    /// Takes segments out: their files go after the delay, and so do their snapshots.
    fn remove_segments(&mut self, bases: &[i64]) {
        let mut files = Vec::new();
        let mut snapshots = Vec::new();
        for base in bases {
            if let Some(segment) = self.segments.remove(base) {
                files.extend(doom_segment(self.dir, &segment, self.now));
                snapshots.extend(self.producers.mark_snapshot_for_deletion(self.dir, *base));
            }
        }
        self.doomed.push(files);
        self.doomed.push(snapshots);
    }

    /// After an unclean stop, reads everything from the recovery point on. Returns recovery point and log end.
    fn recover_log(&mut self) -> Result<(i64, i64), LogError> {
        let checkpoint = self.open.recovery_point;
        if !self.open.clean_shutdown && self.open.broker.protections.on(Protection::LogRecovery) {
            let first = self
                .segments
                .range(..=checkpoint)
                .next_back()
                .map_or(i64::MIN, |(base, _)| *base);
            let unflushed: Vec<i64> = self
                .segments
                .range(first..)
                .map(|(base, _)| *base)
                .collect();
            for (at, base) in unflushed.iter().enumerate() {
                let mut segment = LogSegment::clone(&self.segments[base]);
                let truncated = match self.recover_segment(&mut segment) {
                    Err(LogError::InvalidOffset) => {
                        segment.truncate_to(self.dir, *base, self.now)?
                    }
                    other => other?,
                };
                self.segments.insert(*base, Arc::new(segment));
                if truncated > 0 {
                    self.remove_segments(&unflushed[at + 1..]);
                    break;
                }
            }
        }
        let mut log_end = None;
        if let Some(last) = self.segments.values().next_back() {
            let end = last.read_next_offset(self.dir)?;
            if end >= self.open.log_start_offset {
                log_end = Some(end);
            } else {
                // Files are missing: nothing of what is left belongs to the log any more.
                let all: Vec<i64> = self.segments.keys().copied().collect();
                self.remove_segments(&all);
                self.epochs.clear();
                self.write_epochs();
                self.producers
                    .truncate_fully_and_start_at(self.dir, self.open.log_start_offset);
            }
        }
        if self.segments.is_empty() {
            let base = self.open.log_start_offset;
            let segment = LogSegment::create(self.dir, base, "", &self.open.config, self.now);
            self.segments.insert(base, Arc::new(segment));
        }
        Ok(match log_end {
            Some(end) if self.open.clean_shutdown => (end, end),
            Some(end) => (checkpoint.min(end), end),
            None => (
                checkpoint.min(self.open.log_start_offset),
                self.open.log_start_offset,
            ),
        })
    }

    fn finish(mut self, recovery_point: i64, next_offset: i64) -> Result<Loaded, LogError> {
        let first_base = self.segments.keys().next().copied().unwrap_or(0);
        if let Some(active) = self.segments.values_mut().next_back() {
            Arc::make_mut(active).resize_indexes(self.open.config.segment_index_bytes);
        }
        let log_start = self.open.log_start_offset.max(first_base);
        let cut = self.epochs.truncate_from_end(next_offset);
        if self.epochs.truncate_from_start(self.open.log_start_offset) || cut {
            self.write_epochs();
        }
        let bases: BTreeSet<i64> = self.segments.keys().copied().collect();
        self.producers.remove_stray_snapshots(self.dir, &bases);
        let clean = self.open.clean_shutdown;
        rebuild_producer_state(
            &mut self.producers,
            self.dir,
            &self.segments,
            log_start,
            next_offset,
            clean,
            self.now,
        )?;
        let (active_base, active) = self
            .segments
            .iter()
            .next_back()
            .expect("a segment was made if there was none");
        let next_offset = LogOffsetMetadata::at(next_offset, *active_base, active.size(self.dir));
        Ok(Loaded {
            recovery_point,
            log_start_offset: log_start,
            next_offset,
            epochs: self.epochs,
            producers: self.producers,
            doomed: self.doomed,
            segments: self.segments,
        })
    }
}
