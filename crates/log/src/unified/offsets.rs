//! High watermark, last stable offset, log start offset.

use super::UnifiedLog;
use crate::error::LogError;
use crate::producer::LogOffsetMetadata;
use protocol::{ErrorCode, Ms, Offset};

impl UnifiedLog {
    pub fn high_watermark(&self) -> Offset {
        Offset(self.high_watermark.offset)
    }

    /// Below this, every transaction is decided and every record replicated.
    pub fn last_stable_offset(&self) -> Offset {
        match self.first_unstable {
            Some(first) if first.offset < self.high_watermark.offset => Offset(first.offset),
            _ => self.high_watermark(),
        }
    }

    /// The oldest offset of a transaction that is open, or whose marker the high watermark has not passed.
    pub fn first_unstable_offset(&self) -> Option<Offset> {
        self.first_unstable.map(|first| Offset(first.offset))
    }

    /// Sets the high watermark, clamped between log start and log end; returns what it became
    /// (`UnifiedLog.updateHighWatermark`).
    pub fn update_high_watermark(&mut self, offset: Offset) -> Offset {
        self.update_high_watermark_to(LogOffsetMetadata::only(offset.get()))
    }

    pub(crate) fn update_high_watermark_to(&mut self, wanted: LogOffsetMetadata) -> Offset {
        let new = if wanted.offset < self.log_start_offset {
            LogOffsetMetadata::only(self.log_start_offset)
        } else if wanted.offset >= self.next_offset.offset {
            self.next_offset
        } else {
            wanted
        };
        self.set_high_watermark(new);
        Offset(new.offset)
    }

    /// The leader's rule: only upwards, or to a known place on a newer segment. Returns the old one if it moved
    /// (`UnifiedLog.maybeIncrementHighWatermark`).
    ///
    /// # Errors
    /// `IllegalArgument` above the log end.
    pub fn maybe_increment_high_watermark(
        &mut self,
        new: LogOffsetMetadata,
    ) -> Result<Option<Offset>, LogError> {
        if new.offset > self.next_offset.offset {
            return Err(LogError::IllegalArgument(
                "a high watermark above the log end",
            ));
        }
        let old = self.high_watermark_metadata();
        if old.offset < new.offset || (old.offset == new.offset && old.on_older_segment(&new)) {
            self.set_high_watermark(new);
            Ok(Some(Offset(old.offset)))
        } else {
            Ok(None)
        }
    }

    /// The follower's rule: clamped, may fall; returns the new one if it changed (`UnifiedLog.maybeUpdateHighWatermark`).
    pub fn maybe_update_high_watermark(&mut self, offset: Offset) -> Option<Offset> {
        let old = self.high_watermark();
        Some(self.update_high_watermark(offset)).filter(|new| *new != old)
    }

    /// The high watermark with its place, looking the place up if it is not known. A high watermark inside a batch
    /// becomes that batch's base offset, one in a gap the next batch's.
    pub fn high_watermark_metadata(&mut self) -> LogOffsetMetadata {
        if self.high_watermark.is_offset_only() {
            let full = self.to_offset_metadata(self.high_watermark.offset);
            self.set_high_watermark(full);
        }
        self.high_watermark
    }

    /// The last stable offset with its place.
    pub fn last_stable_offset_metadata(&mut self) -> LogOffsetMetadata {
        let high_watermark = self.high_watermark_metadata();
        match self.first_unstable {
            Some(first) if first.offset < high_watermark.offset => {
                if !first.is_offset_only() {
                    return first;
                }
                let full = self.to_offset_metadata(first.offset);
                self.first_unstable = Some(full);
                full
            }
            _ => high_watermark,
        }
    }

    fn set_high_watermark(&mut self, new: LogOffsetMetadata) {
        self.high_watermark = new;
        self.producers.on_high_watermark_updated(new.offset);
        self.update_first_unstable();
    }

    /// A high watermark at or above the log end takes the log end's place.
    pub(crate) fn refresh_high_watermark_at_log_end(&mut self) {
        if self.high_watermark.offset >= self.next_offset.offset {
            self.set_high_watermark(self.next_offset);
        }
    }

    pub(crate) fn update_first_unstable(&mut self) {
        self.first_unstable = match self.producers.first_unstable_offset() {
            Some(first) if first.is_offset_only() || first.offset < self.log_start_offset => {
                Some(self.to_offset_metadata(first.offset.max(self.log_start_offset)))
            }
            other => other,
        };
    }

    pub(crate) fn set_log_start_offset(&mut self, offset: i64) {
        self.log_start_offset = offset;
        if self.high_watermark.offset < offset {
            self.update_high_watermark(Offset(offset));
        }
        self.recovery_point = self.recovery_point.max(offset);
    }

    /// Raises the log start; false if it is there already or beyond (`UnifiedLog.maybeIncrementLogStartOffset`). This is
    /// also the log's part of DeleteRecords.
    ///
    /// # Errors
    /// OFFSET_OUT_OF_RANGE above the high watermark.
    pub fn maybe_increment_log_start_offset(
        &mut self,
        offset: Offset,
        now: Ms,
    ) -> Result<bool, LogError> {
        let offset = offset.get();
        if offset > self.high_watermark.offset {
            return Err(LogError::Code(
                ErrorCode::OffsetOutOfRange,
                "the log start cannot pass the high watermark",
            ));
        }
        if offset <= self.log_start_offset {
            return Ok(false);
        }
        self.set_log_start_offset(offset);
        if self.epochs.truncate_from_start(offset) {
            self.write_epochs(now);
        }
        self.producers.on_log_start_incremented(offset);
        self.update_first_unstable();
        Ok(true)
    }
}
