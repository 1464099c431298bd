//! Bringing the producers up to an offset from snapshots and batches (`UnifiedLog.rebuildProducerState`).

use super::{Segments, bases_between};
use crate::backend::MemoryDirectory;
use crate::error::LogError;
use crate::producer::{AppendOrigin, CompletedTxn, ProducerAppendInfo, ProducerStateManager};
use protocol::Ms;
use protocol::record::RecordBatch;
use std::collections::BTreeMap;

/// Makes `producers` valid up to `end`: newest snapshot at or below it, then a replay of the batches from there, with
/// snapshots at the last two segment bases and at `end`. After a clean stop without any snapshot nothing is replayed.
///
/// # Errors
/// What the replay refuses: INVALID_TXN_STATE for a write outside a transaction believed open.
pub(crate) fn rebuild_producer_state(
    producers: &mut ProducerStateManager,
    dir: &mut MemoryDirectory,
    segments: &Segments,
    log_start: i64,
    end: i64,
    clean: bool,
    now: Ms,
) -> Result<(), LogError> {
    let mut snapshot_at: Vec<i64> = segments.keys().rev().take(2).copied().collect();
    snapshot_at.reverse();
    if producers.latest_snapshot_offset().is_none() && clean {
        for offset in snapshot_at.into_iter().chain([end]) {
            producers.update_map_end_offset(offset);
            producers.take_snapshot(dir, now);
        }
        return Ok(());
    }
    let was_empty = producers.is_empty() && producers.map_end_offset() >= end;
    producers.truncate_and_reload(dir, log_start, end, now);
    if end > producers.map_end_offset() && !was_empty {
        let last_segment = segments.range(..=end).next_back().map(|(base, _)| *base);
        for base in bases_between(segments, producers.map_end_offset(), end) {
            let segment = &segments[&base];
            let start = base.max(producers.map_end_offset()).max(log_start);
            producers.update_map_end_offset(start);
            if snapshot_at.contains(&base) || base == end {
                producers.take_snapshot(dir, now);
            }
            let stop = match last_segment {
                Some(last) if last == base => segment
                    .translate_offset(dir, end)?
                    .map_or(segment.size(dir), |placed| placed.position),
                _ => segment.size(dir),
            };
            let Some(first) = segment.translate_offset(dir, start)? else {
                continue;
            };
            let mut batches = Vec::new();
            for placed in segment.batches_from(dir, first.position) {
                let placed = placed?;
                if placed.position + placed.batch.size_in_bytes() > stop {
                    break;
                }
                batches.push(placed.batch);
            }
            load_producers(producers, &batches)?;
        }
    }
    producers.update_map_end_offset(end);
    producers.take_snapshot(dir, now);
    Ok(())
}

/// Takes batches that are in the log already into account (`UnifiedLog.loadProducersFromRecords`).
fn load_producers(
    producers: &mut ProducerStateManager,
    batches: &[RecordBatch],
) -> Result<(), LogError> {
    let mut loaded: BTreeMap<i64, ProducerAppendInfo> = BTreeMap::new();
    let mut completed: Vec<CompletedTxn> = Vec::new();
    for batch in batches.iter().filter(|batch| batch.has_producer_id()) {
        let info = loaded.entry(batch.producer_id()).or_insert_with(|| {
            producers.prepare_update(batch.producer_id(), AppendOrigin::Replication)
        });
        completed.extend(info.append(batch, None, 0)?);
        if batch.is_transactional() {
            producers.clear_verification(
                batch.producer_id(),
                batch.is_control(),
                batch.producer_epoch(),
            );
        }
    }
    for info in loaded.into_values() {
        producers.update(info);
    }
    completed
        .iter()
        .try_for_each(|txn| producers.complete_txn(txn))
}
