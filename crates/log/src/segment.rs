//! One segment: a log file and its indexes (`LogSegment`, `FileRecords`).

use crate::backend::{Directory, FileId, MemoryDirectory};
use crate::config::LogConfig;
use crate::error::LogError;
use crate::index::{OffsetIndex, TimeIndex, TimestampOffset};
use crate::names::{INDEX, LOG, TIME_INDEX, TXN_INDEX, file_name};
use crate::txn_index::{AbortedTxn, TransactionIndex};
use bytes::Bytes;
use protocol::Ms;
use protocol::record::{HEADER_UP_TO_MAGIC, LOG_OVERHEAD, RecordBatch, RecordError};

/// The least length that a batch of any magic may declare.
const MIN_DECLARED: i32 = 14;

/// A batch of a log file and where it begins.
#[derive(Debug, Clone)]
pub struct PlacedBatch {
    pub position: usize,
    pub batch: RecordBatch,
}

/// Walks over the batches of a file from a position that is the start of one. Ends quietly at a torn batch.
#[derive(Debug)]
pub struct FileBatches<'a> {
    dir: &'a MemoryDirectory,
    file: FileId,
    position: usize,
    end: usize,
}

impl Iterator for FileBatches<'_> {
    type Item = Result<PlacedBatch, RecordError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.position + HEADER_UP_TO_MAGIC >= self.end {
            return None;
        }
        // A batch lies in one piece unless somebody edited the file.
        let piece = self
            .dir
            .chunk_at(self.file, self.position)
            .filter(|piece| piece.len() >= LOG_OVERHEAD);
        let header = match &piece {
            Some(piece) => piece.slice(..LOG_OVERHEAD),
            None => self.dir.read_at(self.file, self.position, LOG_OVERHEAD),
        };
        let declared = i32::from_be_bytes([header[8], header[9], header[10], header[11]]);
        if declared < MIN_DECLARED {
            self.end = 0;
            return Some(Err(RecordError::Corrupt(
                "declared length below the least possible",
            )));
        }
        let size = LOG_OVERHEAD + declared as usize;
        if self.position + size > self.end {
            return None;
        }
        let position = self.position;
        self.position += size;
        let bytes = match piece {
            Some(piece) if piece.len() == size => piece,
            _ => self.dir.read_at(self.file, position, size),
        };
        match RecordBatch::parse(bytes) {
            Ok(batch) => Some(Ok(PlacedBatch { position, batch })),
            Err(error) => {
                self.end = 0;
                Some(Err(error))
            }
        }
    }
}

/// A log file, its indexes, and what is known of it while it is open.
#[derive(Debug, Clone)]
pub struct LogSegment {
    pub base: i64,
    pub log: FileId,
    pub offset_index: OffsetIndex,
    pub time_index: TimeIndex,
    pub txn_index: TransactionIndex,
    max_index_bytes: usize,
    index_interval_bytes: usize,
    roll_jitter_ms: i64,
    /// Greatest timestamp so far and the last offset of the batch that brought it.
    max_so_far: TimestampOffset,
    created_ms: Ms,
    bytes_since_last_index_entry: usize,
}

impl LogSegment {
    /// A new segment with empty files; files of these names that are there already are gone.
    pub fn create(
        dir: &mut MemoryDirectory,
        base: i64,
        suffix: &str,
        config: &LogConfig,
        now: Ms,
    ) -> Self {
        for kind in [LOG, INDEX, TIME_INDEX, TXN_INDEX] {
            dir.delete(&(file_name(base, kind) + suffix));
        }
        let log = dir.open(&(file_name(base, LOG) + suffix), now);
        dir.open(&(file_name(base, INDEX) + suffix), now);
        dir.open(&(file_name(base, TIME_INDEX) + suffix), now);
        LogSegment {
            base,
            log,
            offset_index: OffsetIndex::new(base, config.segment_index_bytes),
            time_index: TimeIndex::new(base, config.segment_index_bytes),
            txn_index: TransactionIndex::default(),
            max_index_bytes: config.segment_index_bytes,
            index_interval_bytes: config.index_interval_bytes,
            roll_jitter_ms: 0,
            max_so_far: TimestampOffset {
                timestamp: -1,
                offset: base,
            },
            created_ms: now,
            bytes_since_last_index_entry: 0,
        }
    }

    /// A segment whose log file is there already. Missing indexes are created, mapped at their largest.
    ///
    /// # Errors
    /// `Storage` for a transaction index of an unknown version.
    pub fn load(
        dir: &mut MemoryDirectory,
        base: i64,
        suffix: &str,
        config: &LogConfig,
        now: Ms,
    ) -> Result<Self, LogError> {
        let max = config.segment_index_bytes;
        let read = |dir: &MemoryDirectory, kind: &str| dir.read(&(file_name(base, kind) + suffix));
        let offset_index = read(dir, INDEX).map_or(OffsetIndex::new(base, max), |bytes| {
            OffsetIndex::from_bytes(base, &bytes)
        });
        let time_index = read(dir, TIME_INDEX).map_or(TimeIndex::new(base, max), |bytes| {
            TimeIndex::from_bytes(base, &bytes)
        });
        let txn_index = TransactionIndex::load(dir, &(file_name(base, TXN_INDEX) + suffix))?;
        let max_so_far = time_index.last_entry();
        Ok(LogSegment {
            base,
            log: dir.open(&(file_name(base, LOG) + suffix), now),
            offset_index,
            time_index,
            txn_index,
            max_index_bytes: max,
            index_interval_bytes: config.index_interval_bytes,
            roll_jitter_ms: 0,
            max_so_far,
            created_ms: now,
            bytes_since_last_index_entry: 0,
        })
    }

    pub fn set_roll_jitter_ms(&mut self, jitter: i64) {
        self.roll_jitter_ms = jitter;
    }

    pub fn size(&self, dir: &MemoryDirectory) -> usize {
        dir.len(self.log)
    }

    pub fn max_timestamp_so_far(&self) -> TimestampOffset {
        self.max_so_far
    }

    /// The greatest record timestamp, or the file's modification time where there is none, ms.
    pub fn largest_timestamp(&self, dir: &MemoryDirectory) -> Ms {
        if self.max_so_far.timestamp >= 0 {
            self.max_so_far.timestamp
        } else {
            dir.modified_ms(self.log)
        }
    }

    pub fn batches_from<'a>(&self, dir: &'a MemoryDirectory, position: usize) -> FileBatches<'a> {
        FileBatches {
            dir,
            file: self.log,
            position,
            end: dir.len(self.log),
        }
    }

    /// The greatest timestamp of the first batch, if there is a batch and it has one.
    pub fn first_batch_timestamp(&self, dir: &MemoryDirectory) -> Option<Ms> {
        let first = self.batches_from(dir, 0).next()?.ok()?;
        Some(first.batch.max_timestamp()).filter(|&timestamp| timestamp >= 0)
    }

    /// How long this segment has been filling, by record time where records have time.
    pub fn time_waited_for_roll(
        &self,
        dir: &MemoryDirectory,
        now: Ms,
        message_timestamp: Ms,
    ) -> i64 {
        match self.first_batch_timestamp(dir) {
            Some(first) => message_timestamp.wrapping_sub(first),
            None => now - self.created_ms,
        }
    }

    /// Whether an append of `bytes` has to go to a new segment.
    pub fn should_roll(
        &self,
        dir: &MemoryDirectory,
        config: &LogConfig,
        bytes: usize,
        max_timestamp: Ms,
        last_offset: i64,
        now: Ms,
    ) -> bool {
        let size = self.size(dir);
        size as i64 > config.segment_bytes - bytes as i64
            || (size > 0
                && self.time_waited_for_roll(dir, now, max_timestamp)
                    > config.max_segment_ms() - self.roll_jitter_ms)
            || self.offset_index.is_full()
            || self.time_index.is_full()
            || !self.offset_index.can_append_offset(last_offset)
    }

    /// Appends batches; index entries are decided batch by batch.
    ///
    /// # Errors
    /// If `last_offset` is too far from the base, or an index cannot take an entry.
    pub fn append(
        &mut self,
        dir: &mut MemoryDirectory,
        last_offset: i64,
        batches: &[RecordBatch],
        now: Ms,
    ) -> Result<(), LogError> {
        if !self.offset_index.can_append_offset(last_offset) {
            return Err(LogError::SegmentOverflow { base: self.base });
        }
        let mut position = self.size(dir);
        for batch in batches {
            dir.append(self.log, batch.bytes().clone(), now);
        }
        for batch in batches {
            self.observe(batch);
            if self.bytes_since_last_index_entry > self.index_interval_bytes {
                self.add_index_entry(batch.last_offset(), position)?;
                self.bytes_since_last_index_entry = 0;
            }
            position += batch.size_in_bytes();
            self.bytes_since_last_index_entry += batch.size_in_bytes();
        }
        Ok(())
    }

    fn observe(&mut self, batch: &RecordBatch) {
        if batch.max_timestamp() > self.max_so_far.timestamp {
            self.max_so_far = TimestampOffset {
                timestamp: batch.max_timestamp(),
                offset: batch.last_offset(),
            };
        }
    }

    fn add_index_entry(&mut self, last_offset: i64, position: usize) -> Result<(), LogError> {
        self.offset_index.append(last_offset, position)?;
        self.time_index
            .maybe_append(self.max_so_far.timestamp, self.max_so_far.offset, false)
    }

    pub fn append_aborted(
        &mut self,
        dir: &mut MemoryDirectory,
        suffix: &str,
        txn: AbortedTxn,
        now: Ms,
    ) {
        self.txn_index
            .append(dir, &(file_name(self.base, TXN_INDEX) + suffix), txn, now);
    }

    /// The first batch that ends at or above `offset`: the one that holds it, or the next after a gap.
    ///
    /// # Errors
    /// `CORRUPT_MESSAGE` if the file cannot be walked.
    pub fn translate_offset(
        &self,
        dir: &MemoryDirectory,
        offset: i64,
    ) -> Result<Option<PlacedBatch>, LogError> {
        let (_, position) = self.offset_index.lookup(offset);
        for placed in self.batches_from(dir, position) {
            let placed = placed?;
            if placed.batch.last_offset() >= offset {
                return Ok(Some(placed));
            }
        }
        Ok(None)
    }

    /// The offset after the last whole batch; the base where there is none.
    ///
    /// # Errors
    /// As [`LogSegment::translate_offset`].
    pub fn read_next_offset(&self, dir: &MemoryDirectory) -> Result<i64, LogError> {
        let Some(start) = self.translate_offset(dir, self.offset_index.last_offset())? else {
            return Ok(self.base);
        };
        let mut next = self.base;
        for placed in self.batches_from(dir, start.position) {
            next = placed?.batch.next_offset();
        }
        Ok(next)
    }

    /// The first record at or after `timestamp` and `starting_offset`: (timestamp, offset, leader epoch).
    ///
    /// # Errors
    /// If a batch cannot be read.
    pub fn find_offset_by_timestamp(
        &self,
        dir: &MemoryDirectory,
        timestamp: Ms,
        starting_offset: i64,
    ) -> Result<Option<(Ms, i64, i32)>, LogError> {
        let entry = self.time_index.lookup(timestamp);
        let (_, position) = self.offset_index.lookup(entry.offset.max(starting_offset));
        for placed in self.batches_from(dir, position) {
            let batch = placed?.batch;
            if batch.max_timestamp() < timestamp {
                continue;
            }
            for record in batch.records()? {
                let record = record?;
                if record.timestamp >= timestamp && record.offset >= starting_offset {
                    return Ok(Some((
                        record.timestamp,
                        record.offset,
                        batch.partition_leader_epoch(),
                    )));
                }
            }
        }
        Ok(None)
    }

    /// Cuts the segment at the start of the batch that holds `offset`; returns the bytes cut.
    ///
    /// # Errors
    /// As [`LogSegment::translate_offset`].
    pub fn truncate_to(
        &mut self,
        dir: &mut MemoryDirectory,
        offset: i64,
        now: Ms,
    ) -> Result<usize, LogError> {
        let mapping = self.translate_offset(dir, offset)?;
        self.offset_index.truncate_to(offset);
        self.time_index.truncate_to(offset);
        self.txn_index.truncate_to(dir, offset, now);
        self.offset_index.resize(self.max_index_bytes);
        self.time_index.resize(self.max_index_bytes);
        let before = self.size(dir);
        if let Some(placed) = mapping {
            dir.truncate(self.log, placed.position, now);
        }
        if self.size(dir) == 0 {
            self.created_ms = now;
        }
        self.bytes_since_last_index_entry = 0;
        if self.max_so_far.timestamp >= 0 {
            self.max_so_far = self.read_largest_timestamp(dir)?;
        }
        Ok(before - self.size(dir))
    }

    fn read_largest_timestamp(&self, dir: &MemoryDirectory) -> Result<TimestampOffset, LogError> {
        let last = self.time_index.last_entry();
        let mut largest = last;
        for placed in self.batches_from(dir, self.offset_index.lookup(last.offset).1) {
            let batch = placed?.batch;
            if batch.max_timestamp() > largest.timestamp {
                largest = TimestampOffset {
                    timestamp: batch.max_timestamp(),
                    offset: batch.last_offset(),
                };
            }
        }
        Ok(largest)
    }

    /// Begins a recovery: indexes emptied, greatest timestamp forgotten.
    pub fn reset_for_recovery(&mut self, dir: &mut MemoryDirectory, now: Ms) {
        self.offset_index.reset(self.max_index_bytes);
        self.time_index.reset(self.max_index_bytes);
        self.txn_index.reset(dir, now);
        self.max_so_far = TimestampOffset {
            timestamp: -1,
            offset: self.base,
        };
    }

    /// Takes one checked batch into the indexes; `last_index_position` is where the last entry was made.
    ///
    /// # Errors
    /// If an index cannot take the entry.
    pub fn recover_batch(
        &mut self,
        placed: &PlacedBatch,
        last_index_position: &mut usize,
    ) -> Result<(), LogError> {
        if !self
            .offset_index
            .can_append_offset(placed.batch.last_offset())
        {
            return Err(LogError::SegmentOverflow { base: self.base });
        }
        self.observe(&placed.batch);
        if placed.position - *last_index_position > self.index_interval_bytes {
            self.add_index_entry(placed.batch.last_offset(), placed.position)?;
            *last_index_position = placed.position;
        }
        Ok(())
    }

    /// Ends a recovery: cuts what is not valid, trims the indexes; returns the bytes cut.
    ///
    /// # Errors
    /// If the last time index entry is refused.
    pub fn finish_recovery(
        &mut self,
        dir: &mut MemoryDirectory,
        valid_bytes: usize,
        now: Ms,
    ) -> Result<usize, LogError> {
        let truncated = self.size(dir) - valid_bytes;
        dir.truncate(self.log, valid_bytes, now);
        self.offset_index.trim();
        self.time_index
            .maybe_append(self.max_so_far.timestamp, self.max_so_far.offset, true)?;
        self.time_index.trim();
        Ok(truncated)
    }

    /// Maps the indexes at their largest again, as the active segment has them.
    pub fn resize_indexes(&mut self, bytes: usize) {
        self.offset_index.resize(bytes);
        self.time_index.resize(bytes);
    }

    /// What a roll or close does: a last time index entry, indexes trimmed to what they hold.
    pub fn become_inactive(&mut self) {
        // A refused entry is only logged by Kafka too.
        let _ =
            self.time_index
                .maybe_append(self.max_so_far.timestamp, self.max_so_far.offset, true);
        self.offset_index.trim();
        self.time_index.trim();
    }

    /// Everything written so far survives a loss of power.
    pub fn flush(&self, dir: &mut MemoryDirectory) {
        dir.flush(self.log);
    }

    /// Index files as (name, content): used entries, or what a crash leaves.
    pub fn index_files(&self, after_crash: bool) -> [(String, Bytes); 2] {
        let (offsets, times) = if after_crash {
            (
                self.offset_index.to_mapped_bytes(),
                self.time_index.to_mapped_bytes(),
            )
        } else {
            (self.offset_index.to_bytes(), self.time_index.to_bytes())
        };
        [
            (file_name(self.base, INDEX), offsets),
            (file_name(self.base, TIME_INDEX), times),
        ]
    }

    /// Renames the four files; index files are written out first, for a file that leaves the map has its used entries.
    pub fn change_suffixes(&self, dir: &mut MemoryDirectory, old: &str, new: &str, now: Ms) {
        for (name, content) in self.index_files(false) {
            dir.write(&(name + old), content, now);
        }
        for kind in [LOG, INDEX, TIME_INDEX, TXN_INDEX] {
            dir.rename(
                &(file_name(self.base, kind) + old),
                &(file_name(self.base, kind) + new),
            );
        }
    }
}
