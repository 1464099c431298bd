//! Deleting old segments: by log start, by size, by time (`UnifiedLog.deleteOldSegments`).

use super::UnifiedLog;
use crate::error::LogError;
use crate::segment::LogSegment;
use protocol::{Ms, Offset};

impl UnifiedLog {
    /// One pass: segments below the log start, then, with policy `delete`, those over `retention.bytes`, then those past
    /// `retention.ms`. Returns how many segments went.
    ///
    /// # Errors
    /// As a roll.
    pub fn delete_old_segments(&mut self, now: Ms) -> Result<usize, LogError> {
        let log_start = self.log_start_offset;
        let mut deleted =
            self.delete_while(now, |_, _, next| next.is_some_and(|next| next <= log_start))?;
        if self.config.delete {
            deleted += self.delete_over_size(now)?;
            deleted += self.delete_over_time(now)?;
        }
        Ok(deleted)
    }

    fn delete_over_size(&mut self, now: Ms) -> Result<usize, LogError> {
        let (size, limit) = (self.size() as i64, self.config.retention_bytes);
        if limit < 0 || size < limit {
            return Ok(0);
        }
        let mut surplus = size - limit;
        self.delete_while(now, |log, segment, _| {
            let bytes = segment.size(&log.dir) as i64;
            let delete = surplus - bytes >= 0;
            if delete {
                surplus -= bytes;
            }
            delete
        })
    }

    fn delete_over_time(&mut self, now: Ms) -> Result<usize, LogError> {
        let limit = self.config.retention_ms;
        if limit < 0 {
            return Ok(0);
        }
        self.delete_while(now, |log, segment, _| {
            now - segment.largest_timestamp(&log.dir) > limit
        })
    }

    /// Walks from the oldest segment and stops at the first that must stay: above the high watermark, not `doomed`, or
    /// last and empty. `doomed` gets the segment and the base of the next one.
    fn delete_while(
        &mut self,
        now: Ms,
        mut doomed: impl FnMut(&Self, &LogSegment, Option<i64>) -> bool,
    ) -> Result<usize, LogError> {
        let bases: Vec<i64> = self.segments.keys().copied().collect();
        let mut deletable = Vec::new();
        for (at, base) in bases.iter().enumerate() {
            let segment = self.segment(*base);
            let next = bases.get(at + 1).copied();
            let upper_bound = next.unwrap_or(self.next_offset.offset);
            let last_and_empty = next.is_none() && segment.size(&self.dir) == 0;
            if self.high_watermark.offset < upper_bound
                || !doomed(self, segment, next)
                || last_and_empty
            {
                break;
            }
            deletable.push(*base);
        }
        self.delete_segments(&deletable, now)
    }

    fn delete_segments(&mut self, deletable: &[i64], now: Ms) -> Result<usize, LogError> {
        let Some(last) = deletable.last().copied() else {
            return Ok(0);
        };
        let mut going = deletable;
        if deletable.len() == self.segments.len() {
            // The active segment may go too, but a log is never without one.
            let new_base = self.roll_at(0, now)?;
            if new_base == last {
                going = &deletable[..deletable.len() - 1];
            }
        }
        if let Some(last_going) = going.last() {
            let survivor = self
                .segments
                .range(last_going + 1..)
                .next()
                .map_or(self.next_offset.offset, |(base, _)| *base);
            self.maybe_increment_log_start_offset(Offset(survivor), now)?;
            self.remove_and_delete(going, now);
        }
        self.delete_snapshots_of(deletable, now);
        Ok(deletable.len())
    }
}
