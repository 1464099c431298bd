//! Which log the cleaner takes, and the checkpoint of how far each is clean (`LogCleanerManager`).

use super::LogDir;
use crate::checkpoint::Offsets;
use crate::cleaner::{self, CleanStats, LogToClean, cleanable_offsets, log_to_clean};
use crate::error::LogError;
use crate::names::CLEANER_CHECKPOINT;
use protocol::{ErrorCode, Ms, TopicPartition};

/// What the cleaner did with a log.
#[derive(Debug, Clone, PartialEq)]
pub struct CleanedLog {
    pub partition: TopicPartition,
    pub range: LogToClean,
    pub stats: CleanStats,
}

impl LogDir {
    fn cleaner_checkpoint(&self, partition: &TopicPartition) -> Option<i64> {
        self.checkpoint(CLEANER_CHECKPOINT).get(partition).copied()
    }

    fn update_cleaner_checkpoint(&mut self, partition: &TopicPartition, offset: i64, now: Ms) {
        let mut offsets = self.checkpoint(CLEANER_CHECKPOINT);
        offsets.retain(|partition, _| self.slots.contains_key(partition));
        offsets.insert(partition.clone(), offset);
        self.write_checkpoint(CLEANER_CHECKPOINT, &offsets, now);
    }

    pub(super) fn remove_from_cleaner_checkpoint(&mut self, partition: &TopicPartition, now: Ms) {
        let mut offsets: Offsets = self.checkpoint(CLEANER_CHECKPOINT);
        if offsets.remove(partition).is_some() {
            self.write_checkpoint(CLEANER_CHECKPOINT, &offsets, now);
        }
    }

    /// A compacted log that was truncated is not clean above its active segment's base
    /// (`LogCleanerManager.maybeTruncateCheckpoint`).
    pub(super) fn lower_cleaner_checkpoint(&mut self, partition: &TopicPartition, now: Ms) {
        let Some(log) = self.log(partition).filter(|log| log.config().compact) else {
            return;
        };
        let base = log.active_segment().base;
        let mut offsets = self.checkpoint(CLEANER_CHECKPOINT);
        if offsets.get(partition).copied().unwrap_or(0) > base {
            offsets.insert(partition.clone(), base);
            self.write_checkpoint(CLEANER_CHECKPOINT, &offsets, now);
        }
    }

    /// What a cleaner would do with a log now, whatever its policy.
    pub fn cleanable(&self, partition: &TopicPartition, now: Ms) -> Option<LogToClean> {
        let log = self.log(partition)?;
        Some(log_to_clean(
            log,
            cleanable_offsets(log, self.cleaner_checkpoint(partition), now),
            now,
        ))
    }

    /// Cleans one log whatever its dirty ratio; `None` and nothing done if it has nothing cleanable.
    ///
    /// # Errors
    /// As [`cleaner::clean`]; KAFKA_STORAGE_ERROR without such a log.
    pub fn clean_log(
        &mut self,
        partition: &TopicPartition,
        offset_map_slots: usize,
        now: Ms,
    ) -> Result<(LogToClean, Option<CleanStats>), LogError> {
        const MISSING: LogError = LogError::Code(ErrorCode::KafkaStorageError, "no such log here");
        let range = self.cleanable(partition, now).ok_or(MISSING)?;
        if range.cleanable_bytes == 0 {
            return Ok((range, None));
        }
        let log = self.log_mut(partition).ok_or(MISSING)?;
        let stats = cleaner::clean(log, &range, offset_map_slots, now)?;
        self.update_cleaner_checkpoint(partition, stats.end_offset, now);
        Ok((range, Some(stats)))
    }

    /// The log with the greatest dirty ratio among those that may be cleaned (`grabFilthiestCompactedLog`).
    fn filthiest(&mut self, now: Ms) -> Option<(TopicPartition, LogToClean)> {
        let candidates: Vec<TopicPartition> = self
            .logs()
            .filter(|(partition, log)| {
                log.config().compact && !self.uncleanable.contains(*partition)
            })
            .map(|(partition, _)| partition.clone())
            .collect();
        let mut best: Option<(TopicPartition, LogToClean)> = None;
        for partition in candidates {
            let Some(log) = self.log(&partition) else {
                continue;
            };
            let range = cleanable_offsets(log, self.cleaner_checkpoint(&partition), now);
            let dirty = log_to_clean(log, range, now);
            let min_ratio = log.config().min_cleanable_dirty_ratio;
            if range.force_update_checkpoint {
                self.update_cleaner_checkpoint(&partition, range.first_dirty, now);
            }
            let due = (dirty.need_compaction_now && dirty.cleanable_bytes > 0)
                || dirty.cleanable_ratio() > min_ratio;
            let filthier = best
                .as_ref()
                .is_none_or(|(_, other)| dirty.cleanable_ratio() > other.cleanable_ratio());
            if dirty.total_bytes() > 0 && due && filthier {
                best = Some((partition, dirty));
            }
        }
        best
    }

    /// One turn of the cleaner's thread: clean the filthiest log, then run retention on every compacted one. A log that
    /// cannot be cleaned is left alone until the directory is opened again. Returns what was cleaned and how many segments
    /// each compacted log lost.
    ///
    /// # Errors
    /// As retention.
    #[allow(clippy::type_complexity)]
    pub fn cleaner_pass(
        &mut self,
        offset_map_slots: usize,
        now: Ms,
    ) -> Result<(Option<CleanedLog>, Vec<(TopicPartition, usize)>), LogError> {
        let mut cleaned = None;
        if let Some((partition, range)) = self.filthiest(now)
            && let Some(log) = self.log_mut(&partition)
        {
            match cleaner::clean(log, &range, offset_map_slots, now) {
                Ok(stats) => {
                    self.update_cleaner_checkpoint(&partition, stats.end_offset, now);
                    cleaned = Some(CleanedLog {
                        partition,
                        range,
                        stats,
                    });
                }
                Err(_) => {
                    self.uncleanable.insert(partition);
                }
            }
        }
        let compacted: Vec<TopicPartition> = self
            .logs()
            .filter(|(partition, log)| {
                log.config().compact && !self.uncleanable.contains(*partition)
            })
            .map(|(partition, _)| partition.clone())
            .collect();
        let mut deleted = Vec::new();
        for partition in compacted {
            if let Some(log) = self.log_mut(&partition) {
                deleted.push((partition, log.delete_old_segments(now)?));
            }
        }
        Ok((cleaned, deleted))
    }
}
