//! New segments and flushes (`UnifiedLog.maybeRoll`, `LocalLog.roll`, `UnifiedLog.flush`).

use super::{UnifiedLog, active_of, doom_segment};
use crate::error::LogError;
use crate::producer::LogOffsetMetadata;
use crate::segment::LogSegment;
use protocol::{Ms, Offset};
use std::sync::Arc;

impl UnifiedLog {
    /// Begins a new segment at the log end; returns its base (`UnifiedLog.roll`).
    ///
    /// # Errors
    /// `Storage` if the active segment begins there already and is not empty.
    pub fn roll(&mut self, now: Ms) -> Result<Offset, LogError> {
        self.roll_at(0, now).map(Offset)
    }

    /// Begins a new segment at `expected_next` or the log end, whichever is greater. The old data is flushed, which moves
    /// the recovery point.
    pub(crate) fn roll_at(&mut self, expected_next: i64, now: Ms) -> Result<i64, LogError> {
        let base = expected_next.max(self.next_offset.offset);
        let active = self.active_segment();
        if self.segments.contains_key(&base) {
            if active.base != base || active.size(&self.dir) != 0 {
                return Err(LogError::Storage("a segment with this base exists already"));
            }
            // An index without a single slot is full from the start (KAFKA-6388): the empty segment is made anew.
            self.recreate_segment(base, base, now);
        } else if base < active.base {
            return Err(LogError::Storage("a segment below the active one"));
        } else {
            active_of(&mut self.segments).become_inactive();
            let segment = LogSegment::create(&mut self.dir, base, "", &self.config, now);
            self.segments.insert(base, Arc::new(segment));
        }
        self.set_log_end(self.next_offset.offset);
        self.producers.update_map_end_offset(base);
        self.producers.take_snapshot(&mut self.dir, now);
        self.refresh_high_watermark_at_log_end();
        self.flush_to(base, base);
        Ok(base)
    }

    /// Puts an empty segment at `new_base` in the place of the one at `old_base`, which is deleted.
    pub(crate) fn recreate_segment(&mut self, old_base: i64, new_base: i64, now: Ms) {
        let mut doomed = Vec::new();
        if let Some(old) = self.segments.remove(&old_base) {
            doomed = doom_segment(&mut self.dir, &old, now);
        }
        let segment = LogSegment::create(&mut self.dir, new_base, "", &self.config, now);
        self.segments.insert(new_base, Arc::new(segment));
        self.defer_delete(doomed, now);
    }

    /// The log end, placed at the end of the active segment. The recovery point never lies above it.
    pub(crate) fn set_log_end(&mut self, offset: i64) {
        let active = self.active_segment();
        self.next_offset = LogOffsetMetadata::at(offset, active.base, active.size(&self.dir));
        self.recovery_point = self.recovery_point.min(offset);
    }

    /// Flushes what lies below the log end; with `force_active` also an active segment that begins there.
    pub fn flush(&mut self, force_active: bool, _now: Ms) {
        let end = self.next_offset.offset;
        self.flush_to(if force_active { end + 1 } else { end }, end);
    }

    fn flush_to(&mut self, flush_offset: i64, recovery_point: i64) {
        if flush_offset <= self.recovery_point {
            return;
        }
        for base in self.bases_between(self.recovery_point, flush_offset) {
            self.segments[&base].flush(&mut self.dir);
        }
        self.recovery_point = self.recovery_point.max(recovery_point);
    }

    /// Messages that a loss of power could take.
    pub fn unflushed_messages(&self) -> i64 {
        self.next_offset.offset - self.recovery_point
    }
}
