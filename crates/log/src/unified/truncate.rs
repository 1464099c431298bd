//! Going back: truncation to an offset, and starting anew (`UnifiedLog.truncateTo`, `truncateFullyAndStartAt`).

use super::{UnifiedLog, active_of, rebuild_producer_state};
use crate::error::LogError;
use protocol::{Ms, Offset};

impl UnifiedLog {
    /// Forgets everything at and above `offset`; the log end is exactly `offset` then. False if there was nothing.
    ///
    /// # Errors
    /// `IllegalArgument` for a negative offset; what a replay of producers refuses.
    pub fn truncate_to(&mut self, offset: Offset, now: Ms) -> Result<bool, LogError> {
        let target = offset.get();
        if target < 0 {
            return Err(LogError::IllegalArgument(
                "a truncation to a negative offset",
            ));
        }
        if target >= self.next_offset.offset {
            if self.epochs.truncate_from_end(self.next_offset.offset) {
                self.write_epochs(now);
            }
            return Ok(false);
        }
        if self
            .segments
            .keys()
            .next()
            .is_some_and(|first| *first > target)
        {
            self.truncate_fully_and_start_at(offset, None, now)?;
            return Ok(true);
        }
        let above: Vec<i64> = self
            .segments
            .range(target + 1..)
            .map(|(base, _)| *base)
            .collect();
        self.remove_and_delete(&above, now);
        let active = active_of(&mut self.segments);
        active.truncate_to(&mut self.dir, target, now)?;
        self.set_log_end(target);
        self.delete_snapshots_of(&above, now);
        if self.epochs.truncate_from_end(target) {
            self.write_epochs(now);
        }
        self.log_start_offset = self.log_start_offset.min(target);
        self.rebuild_producers(target, now)?;
        if self.high_watermark.offset >= self.next_offset.offset {
            self.update_high_watermark_to(self.next_offset);
        }
        Ok(true)
    }

    /// Deletes everything and starts with one empty segment at `offset`; the log start goes there too unless given.
    ///
    /// # Errors
    /// What a replay of producers refuses.
    pub fn truncate_fully_and_start_at(
        &mut self,
        offset: Offset,
        log_start: Option<Offset>,
        now: Ms,
    ) -> Result<(), LogError> {
        let bases: Vec<i64> = self.segments.keys().copied().collect();
        if let Some((last, others)) = bases.split_last() {
            self.remove_and_delete(others, now);
            self.recreate_segment(*last, offset.get(), now);
        }
        self.set_log_end(offset.get());
        self.epochs.clear();
        self.write_epochs(now);
        self.producers
            .truncate_fully_and_start_at(&mut self.dir, offset.get());
        self.log_start_offset = log_start.unwrap_or(offset).get();
        self.rebuild_producers(offset.get(), now)?;
        self.update_high_watermark_to(self.next_offset);
        Ok(())
    }

    fn rebuild_producers(&mut self, end: i64, now: Ms) -> Result<(), LogError> {
        rebuild_producer_state(
            &mut self.producers,
            &mut self.dir,
            &self.segments,
            self.log_start_offset,
            end,
            false,
            now,
        )
    }
}
