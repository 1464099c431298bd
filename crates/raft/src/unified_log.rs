//! The quorum's log on Kafka's own log: segments, epoch checkpoint and snapshots as files of one directory.
//!
//! Snapshots lie beside the segments as `<end offset>-<epoch>.checkpoint`. It does not know who leads. Source: `KafkaRaftLog`, `Snapshots`.

use crate::config::MAX_BATCH_SIZE_BYTES;
use crate::log::{Isolation, LogFetchInfo, OffsetAndEpoch, RaftLog, Records};
use crate::memory_log::ReadLimit;
use crate::report::CLUSTER_METADATA_TOPIC;
use ::log::backend::{Directory, MemoryDirectory};
use ::log::{
    AppendOrigin, BrokerLogConfig, FetchIsolation, LogConfig, LogError, OpenLog, UnifiedLog,
};
use bytes::Bytes;
use protocol::record::RecordBatch;
use protocol::{LeaderEpoch, Ms, Offset, TopicPartition, Uuid, messages};
use std::collections::BTreeMap;
use std::sync::Arc;

const CHECKPOINT: &str = ".checkpoint";
const DELETED: &str = ".deleted";
/// Files of a forgotten snapshot stay for so long (`MetadataLogConfig.internalDeleteDelayMillis`).
const DELETE_DELAY_MS: Ms = 60_000;

/// A metadata log in a directory.
#[derive(Clone, Debug)]
pub struct UnifiedRaftLog {
    log: UnifiedLog,
    snapshots: BTreeMap<OffsetAndEpoch, Bytes>,
    limit: ReadLimit,
    now_ms: Ms,
    /// Files of forgotten snapshots and when they go.
    doomed: Vec<(Ms, String)>,
}

fn checkpoint_name(id: OffsetAndEpoch) -> String {
    format!("{:020}-{:010}{CHECKPOINT}", id.offset.get(), id.epoch.get())
}

fn checkpoint_id(name: &str) -> Option<OffsetAndEpoch> {
    let (offset, epoch) = name.strip_suffix(CHECKPOINT)?.split_once('-')?;
    Some(OffsetAndEpoch::new(
        offset.parse().ok()?,
        epoch.parse().ok()?,
    ))
}

/// The settings of the metadata log: a week or a gigabyte a segment, nothing deleted by age or size.
fn log_config() -> LogConfig {
    LogConfig {
        segment_bytes: 1 << 30,
        segment_ms: 7 * 24 * 3_600_000,
        retention_ms: -1,
        retention_bytes: -1,
        max_message_bytes: MAX_BATCH_SIZE_BYTES,
        file_delete_delay_ms: DELETE_DELAY_MS,
        ..LogConfig::default()
    }
}

impl UnifiedRaftLog {
    /// Opens the log in a directory, empty or as an earlier run left it (`KafkaRaftLog.createLog`). A snapshot that is ahead of the log takes
    /// its place.
    ///
    /// # Errors
    /// What Kafka's recovery refuses.
    pub fn open(
        mut dir: MemoryDirectory,
        clean_shutdown: bool,
        limit: ReadLimit,
        now_ms: Ms,
    ) -> Result<Self, LogError> {
        let open = OpenLog {
            partition: TopicPartition::new(CLUSTER_METADATA_TOPIC, 0),
            topic_id: Uuid::METADATA_TOPIC,
            config: Arc::new(log_config()),
            broker: BrokerLogConfig::default(),
            recovery_point: 0,
            log_start_offset: 0,
            clean_shutdown,
        };
        let mut snapshots = BTreeMap::new();
        for name in dir.list() {
            if name.ends_with(DELETED) && name.contains(CHECKPOINT) {
                dir.delete(&name);
            } else if let (Some(id), Some(content)) = (checkpoint_id(&name), dir.read(&name)) {
                snapshots.insert(id, content);
            }
        }
        let log = UnifiedLog::open(&mut dir, open, now_ms)?;
        let mut log = Self {
            log,
            snapshots,
            limit,
            now_ms,
            doomed: Vec::new(),
        };
        // What the log's start says is older than the first segment: snapshots below it are left over.
        let start = log.log.log_start_offset();
        let old: Vec<OffsetAndEpoch> = log
            .snapshots
            .keys()
            .copied()
            .filter(|id| id.offset < start)
            .collect();
        log.forget(&old);
        log.truncate_to_latest_snapshot();
        Ok(log)
    }

    /// Kafka's log underneath, for those who draw or export it.
    pub fn unified(&self) -> &UnifiedLog {
        &self.log
    }

    /// The directory after a clean stop.
    pub fn close(self) -> MemoryDirectory {
        self.log.close(self.now_ms)
    }

    /// The directory as the death of the process leaves it.
    pub fn crash(self) -> MemoryDirectory {
        self.log.crash(self.now_ms)
    }

    fn forget(&mut self, ids: &[OffsetAndEpoch]) {
        for &id in ids {
            self.snapshots.remove(&id);
            let (name, doomed) = (checkpoint_name(id), checkpoint_name(id) + DELETED);
            if self.log.directory_mut().rename(&name, &doomed) {
                self.doomed.push((self.now_ms + DELETE_DELAY_MS, doomed));
            }
        }
    }

    fn forget_before(&mut self, id: OffsetAndEpoch) -> bool {
        let old: Vec<OffsetAndEpoch> = self.snapshots.range(..id).map(|(&id, _)| id).collect();
        self.forget(&old);
        !old.is_empty()
    }

    fn append(
        &mut self,
        batch: &RecordBatch,
        epoch: LeaderEpoch,
        as_leader: bool,
    ) -> Result<(), LogError> {
        let records = messages::Records::one(batch.bytes().clone());
        if as_leader {
            self.log.append_as_leader(
                &records,
                epoch,
                AppendOrigin::RaftLeader,
                None,
                0,
                self.now_ms,
            )?;
        } else {
            self.log.append_as_follower(&records, epoch, self.now_ms)?;
        }
        Ok(())
    }
}

impl RaftLog for UnifiedRaftLog {
    fn at(&mut self, now_ms: Ms) {
        self.now_ms = now_ms;
        self.log.poll(now_ms);
        let (due, later): (Vec<_>, Vec<_>) = std::mem::take(&mut self.doomed)
            .into_iter()
            .partition(|(at, _)| *at <= now_ms);
        self.doomed = later;
        for (_, name) in due {
            self.log.directory_mut().delete(&name);
        }
    }

    fn start_offset(&self) -> Offset {
        self.log.log_start_offset()
    }

    fn end_offset(&self) -> Offset {
        self.log.log_end_offset()
    }

    fn last_fetched_epoch(&self) -> LeaderEpoch {
        let of_snapshot = || {
            self.latest_snapshot_id()
                .map_or(LeaderEpoch(0), |id| id.epoch)
        };
        self.log.latest_epoch().unwrap_or_else(of_snapshot)
    }

    fn end_offset_for_epoch(&self, epoch: LeaderEpoch) -> OffsetAndEpoch {
        let Some((found, offset)) = self.log.end_offset_for_epoch(epoch) else {
            return self.end_offset_and_epoch();
        };
        match self.earliest_snapshot_id() {
            // The smallest epoch of the log: what was before it is the snapshot's.
            Some(earliest) if offset == earliest.offset && found == epoch => earliest,
            _ => OffsetAndEpoch {
                offset,
                epoch: found,
            },
        }
    }

    fn append_as_leader(&mut self, batch: RecordBatch, epoch: LeaderEpoch) {
        self.append(&batch, epoch, true)
            .expect("a leader's own batch continues its log");
    }

    fn append_as_follower(&mut self, records: &Records, epoch: LeaderEpoch) {
        for batch in records {
            let is_next = Offset(batch.base_offset()) == self.end_offset();
            let is_of_a_later_epoch = LeaderEpoch(batch.partition_leader_epoch()) > epoch;
            if !is_next || is_of_a_later_epoch || self.append(batch, epoch, false).is_err() {
                break;
            }
        }
    }

    fn read(&mut self, offset: Offset, isolation: Isolation, max_bytes: i32) -> LogFetchInfo {
        let isolation = match isolation {
            Isolation::Committed => FetchIsolation::HighWatermark,
            Isolation::Uncommitted => FetchIsolation::LogEnd,
        };
        let max_bytes = usize::try_from(max_bytes).unwrap_or(0);
        match self.log.read(offset, max_bytes, isolation, true) {
            Ok(info) => {
                let limit = match self.limit {
                    ReadLimit::Bytes => usize::MAX,
                    ReadLimit::Batches(count) => count,
                };
                let records = info.batches().take(limit).collect();
                LogFetchInfo {
                    start_offset: Offset(info.fetch_offset.offset),
                    records,
                }
            }
            // Outside the log: nothing is there to read.
            Err(_) => LogFetchInfo {
                start_offset: offset,
                records: Records::new(),
            },
        }
    }

    fn initialize_leader_epoch(&mut self, epoch: LeaderEpoch) {
        let end = self.log.log_end_offset();
        self.log
            .assign_epoch_start_offset(epoch, end, self.now_ms)
            .expect("an epoch and an end are not negative");
    }

    fn truncate_to(&mut self, offset: Offset) {
        assert!(
            offset >= self.log.high_watermark(),
            "never below the high watermark"
        );
        self.log
            .truncate_to(offset, self.now_ms)
            .expect("an offset of the log");
    }

    fn update_high_watermark(&mut self, offset: Offset) {
        self.log.update_high_watermark(offset);
    }

    fn flush(&mut self) {
        self.log.flush(false, self.now_ms);
    }

    fn latest_snapshot_id(&self) -> Option<OffsetAndEpoch> {
        self.snapshots.keys().next_back().copied()
    }

    fn earliest_snapshot_id(&self) -> Option<OffsetAndEpoch> {
        self.snapshots.keys().next().copied()
    }

    fn snapshot(&self, id: OffsetAndEpoch) -> Option<Bytes> {
        self.snapshots.get(&id).cloned()
    }

    fn store_snapshot(&mut self, id: OffsetAndEpoch, content: Bytes) {
        self.log
            .directory_mut()
            .write(&checkpoint_name(id), content.clone(), self.now_ms);
        self.snapshots.insert(id, content);
    }

    fn truncate_to_latest_snapshot(&mut self) -> bool {
        let latest_epoch = self.log.latest_epoch().unwrap_or(LeaderEpoch(0));
        let log_end = OffsetAndEpoch {
            offset: self.end_offset(),
            epoch: latest_epoch,
        };
        let Some(id) = self.latest_snapshot_id().filter(|&id| id > log_end) else {
            return false;
        };
        self.log
            .truncate_fully_and_start_at(id.offset, None, self.now_ms)
            .expect("a snapshot ends at an offset");
        self.forget_before(id);
        true
    }

    fn delete_before_snapshot(&mut self, id: OffsetAndEpoch) -> bool {
        let may_go = self.snapshots.contains_key(&id) && self.start_offset() < id.offset;
        if !may_go
            || !self
                .log
                .maybe_increment_log_start_offset(id.offset, self.now_ms)
                .unwrap_or(false)
        {
            return false;
        }
        let deleted = self.log.delete_old_segments(self.now_ms).unwrap_or(0);
        self.forget_before(id) || deleted > 0
    }
}
