//! One cleaning of one log: map the dirty part, copy what stays, swap (`Cleaner.doClean`).

use super::LogToClean;
use super::filter::{BatchRetention, filter_batch};
use super::offset_map::OffsetMap;
use super::transactions::CleanedTransactions;
use crate::backend::Directory;
use crate::error::LogError;
use crate::names::{CLEANED, SWAP};
use crate::segment::LogSegment;
use crate::unified::UnifiedLog;
use protocol::record::{Record, RecordBatch};
use protocol::{Ms, Offset};
use std::collections::BTreeMap;

/// What a cleaning did (`CleanerStats`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CleanStats {
    /// How far the log is clean now: the new checkpoint.
    pub end_offset: i64,
    pub messages_read: u64,
    pub messages_written: u64,
    pub bytes_read: u64,
    pub bytes_written: u64,
    pub map_messages_read: u64,
    /// Records without a key, which a compacted topic cannot keep.
    pub invalid_messages: u64,
}

/// The last record of a producer that is still active: its offset, or, without data, the producer's epoch.
#[derive(Debug, Clone, Copy)]
struct LastRecord {
    data_offset: Option<i64>,
    epoch: i16,
}

struct Pass<'a> {
    log: &'a mut UnifiedLog,
    map: OffsetMap,
    stats: CleanStats,
    now: Ms,
    upper_bound: i64,
    transactions: CleanedTransactions,
}

/// Cleans `range` of the log with a map of `slots`.
///
/// # Errors
/// If a batch cannot be read; the log is as it was then, but for groups already swapped.
pub fn clean(
    log: &mut UnifiedLog,
    range: &LogToClean,
    slots: usize,
    now: Ms,
) -> Result<CleanStats, LogError> {
    let mut pass = Pass {
        log,
        map: OffsetMap::new(slots),
        stats: CleanStats::default(),
        now,
        upper_bound: range.first_uncleanable,
        transactions: CleanedTransactions::default(),
    };
    pass.build_map(range.first_dirty, range.first_uncleanable)?;
    let end = pass.map.latest_offset() + 1;
    pass.stats.end_offset = end;
    for group in pass.groups(end) {
        pass.clean_group(&group)?;
    }
    Ok(pass.stats)
}

impl Pass<'_> {
    /// Maps keys from `start` on until `end` or until the map is full.
    fn build_map(&mut self, start: i64, end: i64) -> Result<(), LogError> {
        let dirty = self.log.bases_between(start, end);
        let mut transactions = CleanedTransactions::default();
        transactions.add_aborted(
            self.log
                .collect_aborted_transactions(Offset(start), Offset(end)),
        );
        for (at, base) in dirty.iter().enumerate() {
            let next = dirty.get(at + 1).copied().unwrap_or(end);
            if self.map_segment(*base, start, next, &mut transactions)? {
                break;
            }
        }
        Ok(())
    }

    /// True if the map is full.
    fn map_segment(
        &mut self,
        base: i64,
        start: i64,
        next_base: i64,
        transactions: &mut CleanedTransactions,
    ) -> Result<bool, LogError> {
        let segment = self.log.segment(base);
        let (_, position) = segment.offset_index.lookup(start);
        for placed in segment.batches_from(self.log.directory(), position) {
            let batch = placed?.batch;
            if batch.is_control() {
                transactions.on_control_batch(&batch)?;
                self.stats.map_messages_read += 1;
            } else if transactions.on_data_batch(&batch) {
                self.stats.map_messages_read += batch.record_count().max(0) as u64;
            } else {
                for record in batch.records()? {
                    let record = record?;
                    if let Some(key) = record.key
                        && record.offset >= start
                        && !self.map.put(key, record.offset)
                    {
                        return Ok(true);
                    }
                    self.stats.map_messages_read += 1;
                }
            }
            if batch.last_offset() >= start {
                self.map.update_latest_offset(batch.last_offset());
            }
        }
        self.map.update_latest_offset(next_base - 1);
        Ok(false)
    }

    /// Neighbours that fit one segment by their sizes before cleaning (`Cleaner.groupSegmentsBySize`).
    fn groups(&self, end: i64) -> Vec<Vec<i64>> {
        let config = self.log.config();
        let dir = self.log.directory();
        let bases = self.log.bases_between(0, end);
        let mut groups: Vec<Vec<i64>> = Vec::new();
        let (mut bytes, mut index, mut time_index) = (0i64, 0, 0);
        for (at, base) in bases.iter().enumerate() {
            let segment = self.log.segment(*base);
            let size = segment.size(dir) as i64;
            let (index_size, time_size) = (
                segment.offset_index.size_in_bytes(),
                segment.time_index.size_in_bytes(),
            );
            let last_offset = bases.get(at + 1).copied().unwrap_or(self.upper_bound) - 1;
            if let Some(group) = groups.last_mut()
                && bytes + size <= config.segment_bytes
                && index + index_size <= config.segment_index_bytes
                && time_index + time_size <= config.segment_index_bytes
                && (size == 0 || last_offset - group[0] <= i64::from(i32::MAX))
            {
                group.push(*base);
                bytes += size;
                index += index_size;
                time_index += time_size;
            } else {
                groups.push(vec![*base]);
                (bytes, index, time_index) = (size, index_size, time_size);
            }
        }
        groups
    }

    fn clean_group(&mut self, group: &[i64]) -> Result<(), LogError> {
        let active_producers: BTreeMap<i64, LastRecord> = self
            .log
            .producers()
            .producers()
            .iter()
            .map(|(id, entry)| {
                let data_offset = Some(entry.last_data_offset()).filter(|offset| *offset >= 0);
                (
                    *id,
                    LastRecord {
                        data_offset,
                        epoch: entry.producer_epoch,
                    },
                )
            })
            .collect();
        let mut dir = std::mem::take(self.log.directory_mut());
        let mut cleaned =
            LogSegment::create(&mut dir, group[0], CLEANED, self.log.config(), self.now);
        *self.log.directory_mut() = dir;
        for (at, base) in group.iter().enumerate() {
            let upper = match group.get(at + 1) {
                Some(next) => *next,
                None => self
                    .log
                    .segment(*base)
                    .read_next_offset(self.log.directory())?,
            };
            let aborted = self
                .log
                .collect_aborted_transactions(Offset(*base), Offset(upper));
            self.transactions.add_aborted(aborted);
            self.clean_into(*base, &mut cleaned, &active_producers)?;
        }
        cleaned.become_inactive();
        let last = self
            .log
            .segment(*group.last().expect("a group is not empty"))
            .log;
        let modified = self.log.directory().modified_ms(last);
        let dir = self.log.directory_mut();
        cleaned.flush(dir);
        dir.set_modified_ms(cleaned.log, modified);
        self.log.replace_segments(cleaned, group, self.now);
        Ok(())
    }

    fn clean_into(
        &mut self,
        base: i64,
        cleaned: &mut LogSegment,
        active_producers: &BTreeMap<i64, LastRecord>,
    ) -> Result<(), LogError> {
        let mut retained = Vec::new();
        let mut max_offset = -1;
        let batches: Vec<_> = self
            .log
            .segment(base)
            .batches_from(self.log.directory(), 0)
            .collect();
        for placed in batches {
            let batch = placed?.batch;
            let filtered = self.filter(&batch, cleaned, active_producers)?;
            self.stats.bytes_read += batch.size_in_bytes() as u64;
            self.stats.messages_read += filtered.messages_read as u64;
            self.stats.messages_written += filtered.messages_retained as u64;
            if let Some(batch) = filtered.retained {
                self.stats.bytes_written += batch.size_in_bytes() as u64;
                max_offset = max_offset.max(filtered.max_offset);
                retained.push(batch);
            }
        }
        if !retained.is_empty() {
            cleaned.append(self.log.directory_mut(), max_offset, &retained, self.now)?;
        }
        Ok(())
    }

    fn filter(
        &mut self,
        batch: &RecordBatch,
        cleaned: &mut LogSegment,
        active_producers: &BTreeMap<i64, LastRecord>,
    ) -> Result<super::filter::Filtered, LogError> {
        let can_discard = if batch.is_control() {
            let verdict = self.transactions.on_control_batch(batch)?;
            if let Some(entry) = verdict.keep_entry {
                cleaned.append_aborted(self.log.directory_mut(), CLEANED, entry, self.now);
            }
            verdict.discardable
        } else {
            self.transactions.on_data_batch(batch)
        };
        let past_horizon = batch
            .delete_horizon_ms()
            .is_some_and(|horizon| horizon <= self.now);
        let discard_records = can_discard && (!batch.is_control() || past_horizon);
        let last_of_producer = batch.has_producer_id()
            && active_producers
                .get(&batch.producer_id())
                .is_some_and(|last| match last.data_offset {
                    Some(offset) => batch.last_offset() == offset,
                    None => batch.is_control() && batch.producer_epoch() == last.epoch,
                });
        let retention = if last_of_producer || batch.next_offset() == self.upper_bound {
            BatchRetention::RetainEmpty
        } else if discard_records {
            BatchRetention::Delete
        } else {
            BatchRetention::DeleteEmpty
        };
        // Wraps as Kafka's sum does: a retention without end gives no horizon.
        let horizon = self.now.wrapping_add(self.log.config().delete_retention_ms);
        let (map, stats, now) = (&self.map, &mut self.stats, self.now);
        filter_batch(
            batch,
            retention,
            can_discard && batch.is_control(),
            horizon,
            |record| {
                !discard_records
                    && (batch.is_control() || should_retain(map, stats, batch, record, now))
            },
        )
    }
}

/// Newest of its key, and not a tombstone past its horizon; what the map does not reach stays.
fn should_retain(
    map: &OffsetMap,
    stats: &mut CleanStats,
    batch: &RecordBatch,
    record: &Record,
    now: Ms,
) -> bool {
    if record.offset > map.latest_offset() {
        return true;
    }
    let Some(key) = &record.key else {
        stats.invalid_messages += 1;
        return false;
    };
    let newest = map.get(key).is_none_or(|offset| record.offset >= offset);
    let tombstone_lives = batch
        .delete_horizon_ms()
        .is_none_or(|horizon| now < horizon);
    newest && (record.value.is_some() || tombstone_lives)
}

impl UnifiedLog {
    /// Puts a cleaned segment in the place of a group: `.cleaned` → `.swap`, old files → `.deleted`, `.swap` → final names
    /// (`LocalLog.replaceSegments`).
    fn replace_segments(&mut self, cleaned: LogSegment, group: &[i64], now: Ms) {
        cleaned.change_suffixes(self.directory_mut(), CLEANED, SWAP, now);
        for base in group {
            self.remove_and_delete(&[*base], now);
        }
        cleaned.change_suffixes(self.directory_mut(), SWAP, "", now);
        let base = cleaned.base;
        self.insert_segment(cleaned);
        let merged_away: Vec<i64> = group.iter().copied().filter(|old| *old != base).collect();
        self.delete_snapshots_of(&merged_away, now);
    }
}
