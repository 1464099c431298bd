//! Compaction: the newest value of every key stays (`LogCleanerManager`, `Cleaner`).
//!
//! This module knows which part of a log may be cleaned and how. Which log is cleaned, when, and the checkpoint of how far,
//! is the log directory's.

mod filter;
mod offset_map;
mod pass;
mod transactions;

pub use offset_map::OffsetMap;
pub use pass::{CleanStats, clean};

use crate::backend::MemoryDirectory;
use crate::segment::LogSegment;
use crate::unified::UnifiedLog;
use protocol::Ms;

/// Slots of the offset map at default size: 128 MiB of 24-byte slots, the fewest a case or scene should need.
pub const DEFAULT_OFFSET_MAP_SLOTS: usize = 5_592_405;

/// From where a log is dirty, and up to where it may be cleaned (`OffsetsToClean`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OffsetsToClean {
    pub first_dirty: i64,
    pub first_uncleanable: i64,
    /// The checkpoint was outside the log and has to be written anew.
    pub force_update_checkpoint: bool,
}

/// A log and what cleaning it would do (`LogToClean`). Sizes in bytes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LogToClean {
    pub first_dirty: i64,
    /// The base of a segment.
    pub first_uncleanable: i64,
    pub clean_bytes: u64,
    pub cleanable_bytes: u64,
    /// Something dirty is older than `max.compaction.lag.ms`.
    pub need_compaction_now: bool,
}

impl LogToClean {
    pub fn total_bytes(&self) -> u64 {
        self.clean_bytes + self.cleanable_bytes
    }

    /// The dirty share, in doubles as Kafka has it.
    pub fn cleanable_ratio(&self) -> f64 {
        self.cleanable_bytes as f64 / self.total_bytes() as f64
    }
}

/// The dirty range of a log (`LogCleanerManager.cleanableOffsets`). `checkpoint`: how far it was cleaned.
pub fn cleanable_offsets(log: &UnifiedLog, checkpoint: Option<i64>, now: Ms) -> OffsetsToClean {
    let (log_start, log_end) = (log.log_start_offset().get(), log.log_end_offset().get());
    let checkpointed = checkpoint.unwrap_or(log_start);
    let (first_dirty, force_update_checkpoint) =
        if checkpointed < log_start || checkpointed > log_end {
            (log_start, true)
        } else {
            (checkpointed, false)
        };
    let lag = log.config().min_compaction_lag_ms.max(0);
    let mut first_uncleanable = log
        .last_stable_offset()
        .get()
        .min(log.active_segment().base);
    if lag > 0 {
        let young = non_active_from(log, first_dirty)
            .find(|(segment, dir)| segment.largest_timestamp(dir) > now - lag);
        first_uncleanable =
            first_uncleanable.min(young.map_or(i64::MAX, |(segment, _)| segment.base));
    }
    OffsetsToClean {
        first_dirty,
        first_uncleanable: first_dirty.max(first_uncleanable),
        force_update_checkpoint,
    }
}

/// Sizes up what cleaning `range` would do, and whether something in it has waited too long.
pub fn log_to_clean(log: &UnifiedLog, range: OffsetsToClean, now: Ms) -> LogToClean {
    let size = |bases: Vec<i64>| {
        bases
            .iter()
            .map(|base| log.segment(*base).size(log.directory()) as u64)
            .sum()
    };
    let first_uncleanable = non_active_from(log, range.first_uncleanable)
        .next()
        .map_or(log.active_segment().base, |(segment, _)| segment.base);
    LogToClean {
        first_dirty: range.first_dirty,
        first_uncleanable,
        clean_bytes: size(log.bases_between(-1, range.first_dirty)),
        cleanable_bytes: size(
            log.bases_between(range.first_dirty.min(first_uncleanable), first_uncleanable),
        ),
        need_compaction_now: max_compaction_delay_ms(log, range.first_dirty, now) > 0,
    }
}

/// By how much the oldest dirty segment has outstayed `max.compaction.lag.ms`, ms.
pub fn max_compaction_delay_ms(log: &UnifiedLog, first_dirty: i64, now: Ms) -> i64 {
    let clean_until = now.saturating_sub(log.config().max_compaction_lag_ms.max(0));
    non_active_from(log, first_dirty)
        .filter_map(|(segment, dir)| segment.first_batch_timestamp(dir))
        .filter(|timestamp| *timestamp > 0)
        .min()
        .filter(|earliest| *earliest < clean_until)
        .map_or(0, |earliest| clean_until.saturating_sub(earliest))
}

/// Segments from the one that holds `from` up to the active one (`LogSegments.nonActiveLogSegmentsFrom`).
fn non_active_from(
    log: &UnifiedLog,
    from: i64,
) -> impl Iterator<Item = (&LogSegment, &MemoryDirectory)> {
    let active = log.active_segment().base;
    let bases = if from > active {
        Vec::new()
    } else {
        log.bases_between(from, active)
    };
    bases
        .into_iter()
        .map(|base| (log.segment(base), log.directory()))
}
