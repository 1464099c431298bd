//! A broker's log directory: its logs, its checkpoints, the cleaner's book-keeping (`LogManager`, `LogCleanerManager`).
//!
//! It knows what is in the directory and does what it is told. It refuses to know when: retention, cleaning and checkpoints
//! have their timers in the broker; only delayed deletes and producer expiry run here, by `poll`.

mod cleaning;
mod files;
mod stop;

pub use cleaning::CleanedLog;

use crate::backend::{Directory, MemoryDirectory};
use crate::checkpoint::{Offsets, read_clean_shutdown, read_offsets, write_offsets};
use crate::config::{BrokerLogConfig, LogConfig};
use crate::error::LogError;
use crate::names::{
    CLEAN_SHUTDOWN, CLEANER_CHECKPOINT, HIGH_WATERMARK_CHECKPOINT, LOG_START_CHECKPOINT,
    RECOVERY_POINT_CHECKPOINT,
};
use crate::unified::{OpenLog, UnifiedLog};
use protocol::{BrokerEpoch, ErrorCode, Ms, Offset, TopicPartition, Uuid};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A partition's place in the directory.
#[derive(Debug, Clone)]
struct Slot {
    topic_id: Uuid,
    config: Arc<LogConfig>,
    state: SlotState,
}

#[derive(Debug, Clone)]
enum SlotState {
    Open(Arc<UnifiedLog>),
    Closed(MemoryDirectory),
}

/// A directory that is on its way out.
#[derive(Debug, Clone)]
struct DoomedDirectory {
    due: Ms,
    name: String,
    dir: MemoryDirectory,
}

/// One broker's log directory. A clone shares all logs until one side writes.
#[derive(Debug, Clone)]
pub struct LogDir {
    broker: BrokerLogConfig,
    root: MemoryDirectory,
    slots: BTreeMap<TopicPartition, Slot>,
    doomed: Vec<DoomedDirectory>,
    uncleanable: BTreeSet<TopicPartition>,
    open: bool,
}

const CHECKPOINTS: [&str; 4] = [
    CLEANER_CHECKPOINT,
    LOG_START_CHECKPOINT,
    RECOVERY_POINT_CHECKPOINT,
    HIGH_WATERMARK_CHECKPOINT,
];

impl LogDir {
    /// An empty directory, open, with its four empty checkpoint files.
    pub fn new(broker: BrokerLogConfig, now: Ms) -> Self {
        let mut root = MemoryDirectory::default();
        for name in CHECKPOINTS {
            root.open(name, now);
        }
        LogDir {
            broker,
            root,
            slots: BTreeMap::new(),
            doomed: Vec::new(),
            uncleanable: BTreeSet::new(),
            open: true,
        }
    }

    pub fn is_open(&self) -> bool {
        self.open
    }

    /// Partitions with a log here.
    pub fn partitions(&self) -> impl Iterator<Item = &TopicPartition> + '_ {
        self.slots.keys()
    }

    /// The log of a partition, while the directory is open.
    pub fn log(&self, partition: &TopicPartition) -> Option<&UnifiedLog> {
        match &self.slots.get(partition)?.state {
            SlotState::Open(log) => Some(log),
            SlotState::Closed(_) => None,
        }
    }

    pub fn log_mut(&mut self, partition: &TopicPartition) -> Option<&mut UnifiedLog> {
        match &mut self.slots.get_mut(partition)?.state {
            SlotState::Open(log) => Some(Arc::make_mut(log)),
            SlotState::Closed(_) => None,
        }
    }

    /// Open logs by partition.
    pub fn logs(&self) -> impl Iterator<Item = (&TopicPartition, &UnifiedLog)> + '_ {
        self.slots
            .iter()
            .filter_map(|(partition, slot)| match &slot.state {
                SlotState::Open(log) => Some((partition, log.as_ref())),
                SlotState::Closed(_) => None,
            })
    }

    /// Creates an empty log; one that is there stays as it is (`LogManager.getOrCreateLog`).
    ///
    /// # Errors
    /// INCONSISTENT_TOPIC_ID if it is there for another topic; KAFKA_STORAGE_ERROR while the directory is closed.
    pub fn create_log(
        &mut self,
        partition: &TopicPartition,
        topic_id: Uuid,
        config: Arc<LogConfig>,
        now: Ms,
    ) -> Result<&mut UnifiedLog, LogError> {
        if !self.open {
            return Err(LogError::Code(
                ErrorCode::KafkaStorageError,
                "the log directory is closed",
            ));
        }
        match self.slots.get(partition) {
            Some(slot) if slot.topic_id != topic_id => {
                return Err(LogError::Code(
                    ErrorCode::InconsistentTopicId,
                    "the directory belongs to another topic",
                ));
            }
            Some(_) => {}
            None => {
                let open = OpenLog {
                    partition: partition.clone(),
                    topic_id,
                    config: config.clone(),
                    broker: self.broker,
                    recovery_point: 0,
                    log_start_offset: 0,
                    clean_shutdown: true,
                };
                let log = UnifiedLog::open(&mut MemoryDirectory::default(), open, now)?;
                let state = SlotState::Open(Arc::new(log));
                self.slots.insert(
                    partition.clone(),
                    Slot {
                        topic_id,
                        config,
                        state,
                    },
                );
            }
        }
        self.log_mut(partition).ok_or(LogError::Code(
            ErrorCode::KafkaStorageError,
            "the log is closed",
        ))
    }

    /// New topic settings for one log.
    pub fn update_config(&mut self, partition: &TopicPartition, config: Arc<LogConfig>) {
        if let Some(slot) = self.slots.get_mut(partition) {
            slot.config = config.clone();
            if let SlotState::Open(log) = &mut slot.state {
                Arc::make_mut(log).update_config(config);
            }
        }
    }

    /// What all logs of this broker share.
    pub fn broker_config(&self) -> &BrokerLogConfig {
        &self.broker
    }

    /// New broker settings, for logs opened from now on.
    pub fn update_broker_config(&mut self, broker: BrokerLogConfig) {
        self.broker = broker;
    }

    fn checkpoint(&self, name: &str) -> Offsets {
        // A damaged checkpoint counts as an empty one: recovery then starts from 0.
        self.root
            .read(name)
            .and_then(|content| read_offsets(&content))
            .unwrap_or_default()
    }

    fn write_checkpoint(&mut self, name: &str, offsets: &Offsets, now: Ms) {
        self.root.write(name, write_offsets(offsets), now);
    }

    /// The broker epoch that a clean shutdown left behind; none after an unclean one, or once opened again.
    pub fn clean_shutdown_epoch(&self) -> Option<BrokerEpoch> {
        read_clean_shutdown(&self.root.read(CLEAN_SHUTDOWN)?).map(BrokerEpoch)
    }

    /// Writes `recovery-point-offset-checkpoint` for all logs.
    pub fn checkpoint_recovery_points(&mut self, now: Ms) {
        let offsets = self
            .logs()
            .map(|(partition, log)| (partition.clone(), log.recovery_point().get()))
            .collect();
        self.write_checkpoint(RECOVERY_POINT_CHECKPOINT, &offsets, now);
    }

    /// Writes `log-start-offset-checkpoint`: only logs whose start lies above their first segment's base.
    pub fn checkpoint_log_start_offsets(&mut self, now: Ms) {
        let above = |log: &UnifiedLog| {
            log.segments()
                .next()
                .is_some_and(|first| log.log_start_offset().get() > first.base)
        };
        let offsets = self
            .logs()
            .filter(|(_, log)| above(log))
            .map(|(partition, log)| (partition.clone(), log.log_start_offset().get()))
            .collect();
        self.write_checkpoint(LOG_START_CHECKPOINT, &offsets, now);
    }

    /// Writes `replication-offset-checkpoint`: every log's high watermark.
    pub fn checkpoint_high_watermarks(&mut self, now: Ms) {
        let offsets = self
            .logs()
            .map(|(partition, log)| (partition.clone(), log.high_watermark().get()))
            .collect();
        self.write_checkpoint(HIGH_WATERMARK_CHECKPOINT, &offsets, now);
    }

    /// The high watermark that the checkpoint remembers for a partition.
    pub fn checkpointed_high_watermark(&self, partition: &TopicPartition) -> Option<Offset> {
        self.checkpoint(HIGH_WATERMARK_CHECKPOINT)
            .get(partition)
            .copied()
            .map(Offset)
    }

    /// Truncates a log. Below the active segment the cleaner's checkpoint goes down with it; recovery points are written
    /// at once (`LogManager.truncateTo`).
    ///
    /// # Errors
    /// As [`UnifiedLog::truncate_to`]; KAFKA_STORAGE_ERROR without such a log.
    pub fn truncate_to(
        &mut self,
        partition: &TopicPartition,
        offset: Offset,
        now: Ms,
    ) -> Result<bool, LogError> {
        let log = self.log_mut(partition).ok_or(LogError::Code(
            ErrorCode::KafkaStorageError,
            "no such log here",
        ))?;
        let stops_cleaner = offset.get() < log.active_segment().base;
        let truncated = log.truncate_to(offset, now)?;
        if stops_cleaner {
            self.lower_cleaner_checkpoint(partition, now);
        }
        if truncated {
            self.checkpoint_recovery_points(now);
        }
        Ok(truncated)
    }

    /// Empties a log and starts it at `offset` (`LogManager.truncateFullyAndStartAt`).
    ///
    /// # Errors
    /// As [`UnifiedLog::truncate_fully_and_start_at`]; KAFKA_STORAGE_ERROR without such a log.
    pub fn truncate_fully_and_start_at(
        &mut self,
        partition: &TopicPartition,
        offset: Offset,
        log_start: Option<Offset>,
        now: Ms,
    ) -> Result<(), LogError> {
        let log = self.log_mut(partition).ok_or(LogError::Code(
            ErrorCode::KafkaStorageError,
            "no such log here",
        ))?;
        log.truncate_fully_and_start_at(offset, log_start, now)?;
        self.lower_cleaner_checkpoint(partition, now);
        self.checkpoint_recovery_points(now);
        Ok(())
    }

    /// Deletes a log: its directory gets another name at once and goes after `file.delete.delay.ms`
    /// (`LogManager.asyncDelete`). `fresh_id` makes the new name.
    pub fn delete_log(&mut self, partition: &TopicPartition, fresh_id: u128, now: Ms) -> bool {
        let Some(slot) = self.slots.remove(partition) else {
            return false;
        };
        let dir = match slot.state {
            SlotState::Open(log) => Arc::unwrap_or_clone(log).close(now),
            SlotState::Closed(dir) => dir,
        };
        let name = crate::names::deleted_directory_name(partition, fresh_id);
        self.doomed.push(DoomedDirectory {
            due: now.saturating_add(slot.config.file_delete_delay_ms),
            name,
            dir,
        });
        self.uncleanable.remove(partition);
        self.remove_from_cleaner_checkpoint(partition, now);
        self.checkpoint_recovery_points(now);
        self.checkpoint_log_start_offsets(now);
        true
    }

    /// When the next delayed task is due, ms.
    pub fn next_due(&self) -> Ms {
        let logs = self
            .logs()
            .map(|(_, log)| log.next_due())
            .min()
            .unwrap_or(Ms::MAX);
        self.doomed
            .iter()
            .map(|doomed| doomed.due)
            .min()
            .unwrap_or(Ms::MAX)
            .min(logs)
    }

    /// Runs delayed deletes and producer expiry that are due. Before its due time it changes nothing.
    pub fn poll(&mut self, now: Ms) {
        self.doomed.retain(|doomed| doomed.due > now);
        for slot in self.slots.values_mut() {
            if let SlotState::Open(log) = &mut slot.state
                && log.next_due() <= now
            {
                Arc::make_mut(log).poll(now);
            }
        }
    }

    /// Opens every log again (`LogManager.loadLogs`). True after a clean stop. High watermarks come from their checkpoint.
    ///
    /// # Errors
    /// The first log that does not load; the directory stays closed then.
    pub fn open(&mut self, now: Ms) -> Result<bool, LogError> {
        let clean = self.root.delete(CLEAN_SHUTDOWN);
        for name in CHECKPOINTS {
            self.root.open(name, now);
        }
        let recovery_points = self.checkpoint(RECOVERY_POINT_CHECKPOINT);
        let log_starts = self.checkpoint(LOG_START_CHECKPOINT);
        let high_watermarks = self.checkpoint(HIGH_WATERMARK_CHECKPOINT);
        for (partition, slot) in &mut self.slots {
            let SlotState::Closed(dir) = &mut slot.state else {
                continue;
            };
            let open = OpenLog {
                partition: partition.clone(),
                topic_id: slot.topic_id,
                config: slot.config.clone(),
                broker: self.broker,
                recovery_point: recovery_points.get(partition).copied().unwrap_or(0),
                log_start_offset: log_starts.get(partition).copied().unwrap_or(0),
                clean_shutdown: clean,
            };
            match UnifiedLog::open(dir, open, now) {
                Ok(mut log) => {
                    let checkpointed = high_watermarks.get(partition).copied().unwrap_or(0);
                    log.update_high_watermark(Offset(checkpointed));
                    slot.state = SlotState::Open(Arc::new(log));
                }
                Err(error) => {
                    // What was loaded before stays as its files are now.
                    self.crash(now);
                    return Err(error);
                }
            }
        }
        self.open = true;
        Ok(clean)
    }
}
