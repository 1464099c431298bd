//! A segment whose offsets do not fit its base, split into several that do (`LocalLog.splitOverflowedSegment`).

use super::Loader;
use crate::backend::Directory;
use crate::error::LogError;
use crate::names::{CLEANED, SWAP};
use crate::segment::LogSegment;
use protocol::record::RecordBatch;
use std::sync::Arc;

impl Loader<'_> {
    /// Does `step`, splitting the segment that overflows and trying again until none does.
    pub(super) fn retry_on_overflow<T>(
        &mut self,
        step: impl Fn(&mut Self) -> Result<T, LogError>,
    ) -> Result<T, LogError> {
        loop {
            match step(self) {
                Err(LogError::SegmentOverflow { base }) => self.split_segment(base)?,
                other => return other,
            }
        }
    }

    /// # Errors
    /// `IllegalArgument` if the segment ends within its range after all; `Storage` if a batch fits no segment.
    fn split_segment(&mut self, base: i64) -> Result<(), LogError> {
        let config = &self.open.config;
        let old = match self.segments.get(&base) {
            Some(segment) => LogSegment::clone(segment),
            None => LogSegment::load(self.dir, base, "", config, self.now)?,
        };
        let next = old.read_next_offset(self.dir)?;
        if next <= base || old.offset_index.can_append_offset(next - 1) {
            return Err(LogError::IllegalArgument(
                "only a segment that overflows is split",
            ));
        }
        let mut parts: Vec<(LogSegment, Vec<RecordBatch>)> = Vec::new();
        let batches: Vec<RecordBatch> = old
            .batches_from(self.dir, 0)
            .map(|placed| placed.map(|placed| placed.batch))
            .collect::<Result<_, _>>()?;
        for batch in batches {
            let fits = parts
                .last()
                .is_some_and(|(part, _)| part.offset_index.can_append_offset(batch.last_offset()));
            if !fits {
                let part =
                    LogSegment::create(self.dir, batch.base_offset(), CLEANED, config, self.now);
                parts.push((part, Vec::new()));
            }
            if let Some((_, held)) = parts.last_mut() {
                held.push(batch);
            }
        }
        let modified = self.dir.modified_ms(old.log);
        for (part, held) in &mut parts {
            let last_offset = held.last().map_or(part.base, RecordBatch::last_offset);
            if !part.offset_index.can_append_offset(last_offset) {
                return Err(LogError::Storage("a batch that fits no segment"));
            }
            part.append(self.dir, last_offset, held, self.now)?;
            part.become_inactive();
            part.flush(self.dir);
            self.dir.set_modified_ms(part.log, modified);
            part.change_suffixes(self.dir, CLEANED, SWAP, self.now);
        }
        self.remove_segments_but_snapshot(&old);
        for (part, _) in parts {
            part.change_suffixes(self.dir, SWAP, "", self.now);
            self.segments.insert(part.base, Arc::new(part));
        }
        Ok(())
    }

    /// The first part keeps the old base, so its snapshot stays.
    fn remove_segments_but_snapshot(&mut self, old: &LogSegment) {
        self.segments.remove(&old.base);
        let names = crate::unified::doom_segment(self.dir, old, self.now);
        self.doomed.push(names);
    }
}
