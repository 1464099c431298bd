//! One replica's log: segments, offsets, epochs, producers (`UnifiedLog`, `LocalLog`).
//!
//! It knows Kafka's rules for one partition's records on one broker. It refuses to know who leads, who follows, and when
//! anything periodic runs: it is told. Time comes in as `now` (ms) with every call that may need it.

mod append;
mod lookup;
mod offsets;
mod read;
mod rebuild;
mod retention;
mod roll;
mod truncate;

pub use append::LogAppendInfo;
pub use lookup::{OffsetSpec, TimestampAndOffset};
pub use read::{FetchDataInfo, FetchIsolation};
pub(crate) use rebuild::rebuild_producer_state;

use crate::backend::{Directory, MemoryDirectory};
use crate::checkpoint::{write_epochs, write_partition_metadata};
use crate::config::{BrokerLogConfig, LogConfig};
use crate::epoch_cache::LeaderEpochCache;
use crate::error::LogError;
use crate::loader;
use crate::names::{
    DELETED, LEADER_EPOCH_CHECKPOINT, PARTITION_METADATA, SEGMENT_SUFFIXES, file_name,
};
use crate::producer::{LogOffsetMetadata, ProducerStateManager};
use crate::segment::LogSegment;
use bytes::Bytes;
use protocol::{LeaderEpoch, Ms, Offset, TopicPartition, Uuid};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Segments by base offset, shared with every clone of the log.
pub(crate) type Segments = BTreeMap<i64, Arc<LogSegment>>;

/// Files that go once their delay is over.
#[derive(Debug, Clone)]
struct DeferredDelete {
    due: Ms,
    names: Vec<String>,
}

/// One replica's log. A clone shares all bytes with the original.
#[derive(Debug, Clone)]
pub struct UnifiedLog {
    partition: TopicPartition,
    topic_id: Uuid,
    config: Arc<LogConfig>,
    broker: BrokerLogConfig,
    dir: MemoryDirectory,
    segments: Segments,
    recovery_point: i64,
    log_start_offset: i64,
    next_offset: LogOffsetMetadata,
    high_watermark: LogOffsetMetadata,
    first_unstable: Option<LogOffsetMetadata>,
    epochs: LeaderEpochCache,
    producers: ProducerStateManager,
    deferred: Vec<DeferredDelete>,
    next_producer_expiry_check: Ms,
}

/// What a log is opened with.
#[derive(Debug, Clone)]
pub struct OpenLog {
    pub partition: TopicPartition,
    pub topic_id: Uuid,
    pub config: Arc<LogConfig>,
    pub broker: BrokerLogConfig,
    /// From `recovery-point-offset-checkpoint`, 0 where it has none.
    pub recovery_point: i64,
    /// From `log-start-offset-checkpoint`, 0 where it has none.
    pub log_start_offset: i64,
    pub clean_shutdown: bool,
}

impl UnifiedLog {
    /// Opens the log in `dir`, recovering what an unclean stop may have left; an empty directory becomes an empty log.
    /// The high watermark is at the log start until it is told otherwise. After an error `dir` holds the files as they
    /// are then.
    ///
    /// # Errors
    /// INCONSISTENT_TOPIC_ID if the directory belongs to another topic; what recovery refuses.
    pub fn open(dir: &mut MemoryDirectory, open: OpenLog, now: Ms) -> Result<Self, LogError> {
        let loaded = loader::load(dir, &open, now)?;
        loader::check_topic_id(dir, open.topic_id)?;
        if dir.find(PARTITION_METADATA).is_none() && !open.topic_id.is_zero() {
            dir.write(
                PARTITION_METADATA,
                write_partition_metadata(open.topic_id),
                now,
            );
        }
        let mut log = UnifiedLog {
            partition: open.partition,
            topic_id: open.topic_id,
            next_producer_expiry_check: now
                .saturating_add(open.broker.producer_id_expiration_check_interval_ms),
            config: open.config,
            broker: open.broker,
            dir: std::mem::take(dir),
            segments: loaded.segments,
            recovery_point: loaded.recovery_point,
            log_start_offset: loaded.log_start_offset,
            next_offset: loaded.next_offset,
            high_watermark: LogOffsetMetadata::only(loaded.log_start_offset),
            first_unstable: None,
            epochs: loaded.epochs,
            producers: loaded.producers,
            deferred: Vec::new(),
        };
        for names in loaded.doomed {
            log.defer_delete(names, now);
        }
        log.set_log_start_offset(log.log_start_offset);
        log.update_first_unstable();
        Ok(log)
    }

    pub fn topic_partition(&self) -> &TopicPartition {
        &self.partition
    }

    pub fn topic_id(&self) -> Uuid {
        self.topic_id
    }

    pub fn config(&self) -> &LogConfig {
        &self.config
    }

    /// New settings count from the next operation on.
    pub fn update_config(&mut self, config: Arc<LogConfig>) {
        self.config = config;
    }

    pub fn log_end_offset(&self) -> Offset {
        Offset(self.next_offset.offset)
    }

    /// The log end with its place.
    pub fn log_end_offset_metadata(&self) -> LogOffsetMetadata {
        self.next_offset
    }

    pub fn log_start_offset(&self) -> Offset {
        Offset(self.log_start_offset)
    }

    /// Up to where everything is known to be on disk.
    pub fn recovery_point(&self) -> Offset {
        Offset(self.recovery_point)
    }

    pub fn leader_epochs(&self) -> &LeaderEpochCache {
        &self.epochs
    }

    pub fn latest_epoch(&self) -> Option<LeaderEpoch> {
        self.epochs.latest_epoch().map(LeaderEpoch)
    }

    /// The largest epoch at or below `epoch` and where it ended; `None` if not known (`UnifiedLog.endOffsetForEpoch`).
    pub fn end_offset_for_epoch(&self, epoch: LeaderEpoch) -> Option<(LeaderEpoch, Offset)> {
        self.epochs
            .end_offset_for(epoch.get(), self.next_offset.offset)
            .map(|(epoch, end)| (LeaderEpoch(epoch), Offset(end)))
    }

    /// The epoch that wrote `offset`.
    pub fn epoch_for_offset(&self, offset: Offset) -> Option<LeaderEpoch> {
        self.epochs.epoch_for_offset(offset.get()).map(LeaderEpoch)
    }

    /// A leader begins its epoch here (`UnifiedLog.assignEpochStartOffset`).
    ///
    /// # Errors
    /// `IllegalArgument` for a negative epoch or offset.
    pub fn assign_epoch_start_offset(
        &mut self,
        epoch: LeaderEpoch,
        start: Offset,
        now: Ms,
    ) -> Result<(), LogError> {
        if self.epochs.assign(epoch.get(), start.get())? {
            self.write_epochs(now);
        }
        Ok(())
    }

    pub fn producers(&self) -> &ProducerStateManager {
        &self.producers
    }

    pub(crate) fn producers_mut(&mut self) -> &mut ProducerStateManager {
        &mut self.producers
    }

    /// Whether an open transaction has outlasted every time-out (`UnifiedLog.hasLateTransaction`).
    pub fn has_late_transaction(&self, now: Ms) -> bool {
        self.producers.has_late_transaction(now)
    }

    pub fn remove_expired_producers(&mut self, now: Ms) {
        self.producers.remove_expired(now);
    }

    /// Segments, oldest first.
    pub fn segments(&self) -> impl DoubleEndedIterator<Item = &LogSegment> + '_ {
        self.segments.values().map(Arc::as_ref)
    }

    pub fn active_segment(&self) -> &LogSegment {
        self.segments
            .values()
            .next_back()
            .expect("a log has at least one segment")
    }

    /// Bases of the segments from the one that holds `from` up to below `to`.
    pub(crate) fn bases_between(&self, from: i64, to: i64) -> Vec<i64> {
        bases_between(&self.segments, from, to)
    }

    pub(crate) fn segment(&self, base: i64) -> &LogSegment {
        &self.segments[&base]
    }

    /// Bytes of all segments.
    pub fn size(&self) -> usize {
        self.segments().map(|segment| segment.size(&self.dir)).sum()
    }

    pub fn directory(&self) -> &MemoryDirectory {
        &self.dir
    }

    /// For files that others keep beside the log, such as the snapshots of the metadata log.
    pub fn directory_mut(&mut self) -> &mut MemoryDirectory {
        &mut self.dir
    }

    pub(crate) fn write_epochs(&mut self, now: Ms) {
        self.dir.write(
            LEADER_EPOCH_CHECKPOINT,
            write_epochs(self.epochs.entries()),
            now,
        );
    }

    /// Deletes files after `file.delete.delay.ms`; at once where that is 0.
    pub(crate) fn defer_delete(&mut self, names: Vec<String>, now: Ms) {
        if names.is_empty() {
            return;
        }
        if self.config.file_delete_delay_ms == 0 {
            for name in names {
                self.dir.delete(&name);
            }
        } else {
            let due = now.saturating_add(self.config.file_delete_delay_ms);
            self.deferred.push(DeferredDelete { due, names });
        }
    }

    /// Takes segments out of the log: files get `.deleted` and go after the delay.
    pub(crate) fn remove_and_delete(&mut self, bases: &[i64], now: Ms) {
        let mut names = Vec::new();
        for base in bases {
            if let Some(segment) = self.segments.remove(base) {
                names.extend(doom_segment(&mut self.dir, &segment, now));
            }
        }
        self.defer_delete(names, now);
    }

    pub(crate) fn insert_segment(&mut self, segment: LogSegment) {
        self.segments.insert(segment.base, Arc::new(segment));
    }

    pub(crate) fn delete_snapshots_of(&mut self, bases: &[i64], now: Ms) {
        let names: Vec<String> = bases
            .iter()
            .filter_map(|base| {
                self.producers
                    .mark_snapshot_for_deletion(&mut self.dir, *base)
            })
            .collect();
        self.defer_delete(names, now);
    }

    /// When the next delayed task of this log is due, ms.
    pub fn next_due(&self) -> Ms {
        self.deferred
            .iter()
            .map(|task| task.due)
            .min()
            .unwrap_or(Ms::MAX)
            .min(self.next_producer_expiry_check)
    }

    /// Runs what is due, each at its own time, in the order of due times and submission.
    pub fn poll(&mut self, now: Ms) {
        while self.next_due() <= now {
            let due = self.next_due();
            let (ready, later) = std::mem::take(&mut self.deferred)
                .into_iter()
                .partition(|task| task.due == due);
            self.deferred = later;
            for task in Vec::from_iter::<Vec<DeferredDelete>>(ready) {
                for name in task.names {
                    self.dir.delete(&name);
                }
            }
            if self.next_producer_expiry_check == due {
                self.producers.remove_expired(due);
                self.next_producer_expiry_check =
                    due.saturating_add(self.broker.producer_id_expiration_check_interval_ms.max(1));
            }
        }
    }

    /// Closes the log cleanly: last index entries, trimmed indexes, a producer snapshot at the end. What remains is the
    /// directory.
    pub fn close(mut self, now: Ms) -> MemoryDirectory {
        self.flush(true, now);
        self.producers.take_snapshot(&mut self.dir, now);
        for segment in self.segments.values_mut() {
            Arc::make_mut(segment).become_inactive();
        }
        self.write_out_indexes(false, now);
        self.dir
    }

    /// The directory as the death of the process leaves it.
    pub fn crash(mut self, now: Ms) -> MemoryDirectory {
        self.write_out_indexes(true, now);
        self.dir
    }

    fn write_out_indexes(&mut self, after_crash: bool, now: Ms) {
        for segment in self.segments.values() {
            for (name, content) in segment.index_files(after_crash) {
                self.dir.write(&name, content, now);
            }
        }
    }

    /// Every file with its bytes; of a mapped index the entries in use.
    pub fn files(&self) -> BTreeMap<String, Bytes> {
        let mut files: BTreeMap<String, Bytes> = self
            .dir
            .list()
            .into_iter()
            .map(|name| (name.to_string(), self.dir.read(&name).unwrap_or_default()))
            .collect();
        for segment in self.segments.values() {
            files.extend(segment.index_files(false));
        }
        files
    }
}

/// The last segment, to write to.
fn active_of(segments: &mut Segments) -> &mut LogSegment {
    Arc::make_mut(
        segments
            .values_mut()
            .next_back()
            .expect("a log has at least one segment"),
    )
}

/// Renames a segment's files to `.deleted` and returns the new names.
pub(crate) fn doom_segment(
    dir: &mut MemoryDirectory,
    segment: &LogSegment,
    now: Ms,
) -> Vec<String> {
    segment.change_suffixes(dir, "", DELETED, now);
    SEGMENT_SUFFIXES
        .iter()
        .map(|kind| file_name(segment.base, kind) + DELETED)
        .collect()
}

/// Bases of the segments from the one that holds `from` up to below `to` (`LogSegments.values`).
pub(crate) fn bases_between(segments: &Segments, from: i64, to: i64) -> Vec<i64> {
    let first = segments
        .range(..=from)
        .next_back()
        .map_or(i64::MIN, |(base, _)| *base);
    if from >= to || first >= to {
        return Vec::new();
    }
    segments.range(first..to).map(|(base, _)| *base).collect()
}
