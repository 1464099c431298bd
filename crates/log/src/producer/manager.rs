//! All producers of a partition, their open transactions, and the snapshots of them (`ProducerStateManager`).

use super::AppendOrigin;
use super::append::ProducerAppendInfo;
use super::entry::{
    CompletedTxn, LogOffsetMetadata, ProducerStateEntry, VerificationGuard, VerificationStateEntry,
};
use super::snapshot::{read_snapshot, write_snapshot};
use crate::backend::{Directory, MemoryDirectory};
use crate::config::BrokerLogConfig;
use crate::error::LogError;
use crate::names::{DELETED, SNAPSHOT, file_name, offset_of};
use protocol::{ErrorCode, Ms};
use std::collections::{BTreeMap, BTreeSet};

/// How much longer than its time-out a transaction may stay open before it counts as late.
const LATE_TRANSACTION_BUFFER_MS: i64 = 5 * 60 * 1000;

#[derive(Debug, Clone, Copy)]
struct TxnMetadata {
    producer_id: i64,
    first: LogOffsetMetadata,
    last_offset: Option<i64>,
}

/// The producers of one partition, valid up to `map_end_offset`.
#[derive(Debug, Clone)]
pub struct ProducerStateManager {
    config: BrokerLogConfig,
    producers: BTreeMap<i64, ProducerStateEntry>,
    verifications: BTreeMap<i64, VerificationStateEntry>,
    /// By first offset.
    ongoing: BTreeMap<i64, TxnMetadata>,
    /// Complete here, but the high watermark has not passed the marker.
    unreplicated: BTreeMap<i64, TxnMetadata>,
    snapshots: BTreeSet<i64>,
    last_map_offset: i64,
    last_snap_offset: i64,
    next_guard: u64,
}

fn snapshot_name(offset: i64) -> String {
    file_name(offset, SNAPSHOT)
}

fn list_snapshots(dir: &MemoryDirectory) -> BTreeSet<i64> {
    dir.list()
        .iter()
        .filter(|name| name.ends_with(SNAPSHOT))
        .filter_map(|name| offset_of(name))
        .collect()
}

impl ProducerStateManager {
    /// A manager that knows which snapshots lie in `dir` and no producer yet.
    pub fn new(dir: &MemoryDirectory, config: BrokerLogConfig) -> Self {
        ProducerStateManager {
            config,
            producers: BTreeMap::new(),
            verifications: BTreeMap::new(),
            ongoing: BTreeMap::new(),
            unreplicated: BTreeMap::new(),
            snapshots: list_snapshots(dir),
            last_map_offset: 0,
            last_snap_offset: 0,
            next_guard: 1,
        }
    }

    pub fn producers(&self) -> &BTreeMap<i64, ProducerStateEntry> {
        &self.producers
    }

    pub fn verifications(&self) -> &BTreeMap<i64, VerificationStateEntry> {
        &self.verifications
    }

    pub fn map_end_offset(&self) -> i64 {
        self.last_map_offset
    }

    pub fn latest_snapshot_offset(&self) -> Option<i64> {
        self.snapshots.last().copied()
    }

    pub fn is_empty(&self) -> bool {
        self.producers.is_empty() && self.unreplicated.is_empty()
    }

    /// First offsets of transactions without an end, oldest first, with their producers.
    pub fn ongoing_transactions(&self) -> impl Iterator<Item = (i64, i64)> + '_ {
        self.ongoing
            .values()
            .map(|txn| (txn.first.offset, txn.producer_id))
    }

    /// Whether the oldest open transaction has been silent for longer than any transaction may last.
    pub fn has_late_transaction(&self, now: Ms) -> bool {
        let oldest = self
            .ongoing
            .values()
            .next()
            .and_then(|txn| self.producers.get(&txn.producer_id));
        oldest.is_some_and(|entry| {
            entry.last_timestamp > 0
                && now - entry.last_timestamp
                    > self.config.transaction_max_timeout_ms + LATE_TRANSACTION_BUFFER_MS
        })
    }

    pub fn has_ongoing_transaction(&self, producer_id: i64, epoch: i16) -> bool {
        self.producers.get(&producer_id).is_some_and(|entry| {
            entry.current_txn_first_offset.is_some() && entry.producer_epoch == epoch
        })
    }

    /// The guard under which a transaction's first append has to come; `None` if the transaction is open already.
    ///
    /// # Errors
    /// INVALID_PRODUCER_EPOCH below the producer's epoch.
    pub fn start_verification(
        &mut self,
        producer_id: i64,
        sequence: i32,
        epoch: i16,
        supports_epoch_bump: bool,
        now: Ms,
    ) -> Result<Option<VerificationGuard>, LogError> {
        if self.has_ongoing_transaction(producer_id, epoch) {
            return Ok(None);
        }
        if self
            .producers
            .get(&producer_id)
            .is_some_and(|entry| epoch < entry.producer_epoch)
        {
            return Err(LogError::Code(
                ErrorCode::InvalidProducerEpoch,
                "an epoch below the last seen",
            ));
        }
        let next_guard = &mut self.next_guard;
        let entry = self.verifications.entry(producer_id).or_insert_with(|| {
            let guard = VerificationGuard(*next_guard);
            *next_guard += 1;
            VerificationStateEntry {
                timestamp: now,
                guard,
                lowest_sequence: sequence,
                epoch,
                supports_epoch_bump,
            }
        });
        entry.update(sequence, epoch);
        Ok(Some(entry.guard))
    }

    /// Forgets a verification that an append has used, unless a marker with a bumped epoch finds the next transaction's.
    pub fn clear_verification(&mut self, producer_id: i64, by_marker: bool, epoch: i16) {
        let next_transaction = by_marker
            && self
                .verifications
                .get(&producer_id)
                .is_some_and(|entry| entry.supports_epoch_bump && entry.epoch == epoch);
        if !next_transaction {
            self.verifications.remove(&producer_id);
        }
    }

    /// The oldest offset that a committed read must not pass.
    pub fn first_unstable_offset(&self) -> Option<LogOffsetMetadata> {
        let undecided = self.ongoing.values().next().map(|txn| txn.first);
        let unreplicated = self.unreplicated.values().next().map(|txn| txn.first);
        match (undecided, unreplicated) {
            (Some(a), Some(b)) => Some(if a.offset < b.offset { a } else { b }),
            (a, b) => a.or(b),
        }
    }

    pub fn on_high_watermark_updated(&mut self, high_watermark: i64) {
        self.unreplicated
            .retain(|_, txn| txn.last_offset.is_none_or(|last| last >= high_watermark));
    }

    pub fn on_log_start_incremented(&mut self, log_start: i64) {
        self.on_high_watermark_updated(log_start);
        self.last_map_offset = self.last_map_offset.max(log_start);
        self.last_snap_offset = self.latest_snapshot_offset().unwrap_or(log_start);
    }

    fn is_expired(&self, now: Ms, entry: &ProducerStateEntry) -> bool {
        entry.current_txn_first_offset.is_none()
            && now.wrapping_sub(entry.last_timestamp) >= self.config.producer_id_expiration_ms
    }

    /// Forgets producers and verifications that were silent for too long.
    pub fn remove_expired(&mut self, now: Ms) {
        let expiration = self.config.producer_id_expiration_ms;
        self.producers.retain(|_, entry| {
            entry.current_txn_first_offset.is_some()
                || now.wrapping_sub(entry.last_timestamp) < expiration
        });
        self.verifications
            .retain(|_, entry| now - entry.timestamp < expiration);
    }

    pub fn prepare_update(&self, producer_id: i64, origin: AppendOrigin) -> ProducerAppendInfo {
        let current = self
            .producers
            .get(&producer_id)
            .cloned()
            .unwrap_or(ProducerStateEntry::empty(producer_id));
        ProducerAppendInfo::new(
            current,
            origin,
            self.verifications.get(&producer_id).cloned(),
            self.config.protections,
        )
    }

    pub fn update(&mut self, info: ProducerAppendInfo) {
        let producer_id = info.updated.producer_id;
        for first in &info.started {
            self.ongoing.insert(
                first.offset,
                TxnMetadata {
                    producer_id,
                    first: *first,
                    last_offset: None,
                },
            );
        }
        match self.producers.get_mut(&producer_id) {
            Some(entry) => entry.update(&info.updated),
            None => {
                self.producers.insert(producer_id, info.updated);
            }
        }
    }

    /// The last stable offset once this transaction is complete: the first offset of the oldest other one, else past
    /// the marker.
    pub fn last_stable_offset(&self, completed: &CompletedTxn) -> i64 {
        self.ongoing
            .values()
            .find(|txn| txn.producer_id != completed.producer_id)
            .map_or(completed.last_offset + 1, |txn| txn.first.offset)
    }

    /// # Errors
    /// `IllegalArgument` if no such transaction is open.
    pub fn complete_txn(&mut self, completed: &CompletedTxn) -> Result<(), LogError> {
        let mut txn =
            self.ongoing
                .remove(&completed.first_offset)
                .ok_or(LogError::IllegalArgument(
                    "a transaction ended that did not begin",
                ))?;
        txn.last_offset = Some(completed.last_offset);
        self.unreplicated.insert(completed.first_offset, txn);
        Ok(())
    }

    pub fn update_map_end_offset(&mut self, offset: i64) {
        self.last_map_offset = offset;
    }

    /// Writes a snapshot at the map's end, if that has moved since the last one.
    pub fn take_snapshot(&mut self, dir: &mut MemoryDirectory, now: Ms) {
        if self.last_map_offset > self.last_snap_offset {
            dir.write(
                &snapshot_name(self.last_map_offset),
                write_snapshot(self.producers.values()),
                now,
            );
            self.snapshots.insert(self.last_map_offset);
            self.last_snap_offset = self.last_map_offset;
        }
    }

    fn delete_snapshot(&mut self, dir: &mut MemoryDirectory, offset: i64) {
        if self.snapshots.remove(&offset) {
            dir.delete(&snapshot_name(offset));
        }
    }

    /// Renames the snapshot of a segment that goes; the new name, if there was one.
    pub fn mark_snapshot_for_deletion(
        &mut self,
        dir: &mut MemoryDirectory,
        offset: i64,
    ) -> Option<String> {
        if !self.snapshots.remove(&offset) {
            return None;
        }
        let doomed = snapshot_name(offset) + DELETED;
        dir.rename(&snapshot_name(offset), &doomed)
            .then_some(doomed)
    }

    fn clear(&mut self) {
        self.producers.clear();
        self.ongoing.clear();
        self.unreplicated.clear();
    }

    /// Loads the newest whole snapshot, leaving out who is expired by now; without one the map begins at the log start.
    fn load_from_snapshot(&mut self, dir: &mut MemoryDirectory, log_start: i64, now: Ms) {
        while let Some(offset) = self.latest_snapshot_offset() {
            let Some(loaded) = dir
                .read(&snapshot_name(offset))
                .and_then(|bytes| read_snapshot(&bytes))
            else {
                self.delete_snapshot(dir, offset);
                continue;
            };
            for (producer_id, entry) in loaded {
                if self.is_expired(now, &entry) {
                    continue;
                }
                if let Some(first) = entry.current_txn_first_offset {
                    let first = LogOffsetMetadata::only(first);
                    self.ongoing.insert(
                        first.offset,
                        TxnMetadata {
                            producer_id,
                            first,
                            last_offset: None,
                        },
                    );
                }
                self.producers.insert(producer_id, entry);
            }
            self.last_snap_offset = offset;
            self.last_map_offset = offset;
            return;
        }
        self.last_snap_offset = log_start;
        self.last_map_offset = log_start;
    }

    /// Goes back to the newest snapshot within `(log_start, end]`, unless the map ends at `end` already.
    pub fn truncate_and_reload(
        &mut self,
        dir: &mut MemoryDirectory,
        log_start: i64,
        end: i64,
        now: Ms,
    ) {
        let outside: Vec<i64> = self
            .snapshots
            .iter()
            .copied()
            .filter(|&at| at > end || at <= log_start)
            .collect();
        for offset in outside {
            self.delete_snapshot(dir, offset);
        }
        if end != self.last_map_offset {
            self.clear();
            self.load_from_snapshot(dir, log_start, now);
        } else {
            self.on_log_start_incremented(log_start);
        }
    }

    /// Forgets everything and every snapshot.
    pub fn truncate_fully_and_start_at(&mut self, dir: &mut MemoryDirectory, offset: i64) {
        self.clear();
        for snapshot in std::mem::take(&mut self.snapshots) {
            dir.delete(&snapshot_name(snapshot));
        }
        self.last_snap_offset = 0;
        self.last_map_offset = offset;
    }

    /// Deletes snapshots that belong to no segment, but for the newest above all of them.
    pub fn remove_stray_snapshots(
        &mut self,
        dir: &mut MemoryDirectory,
        segment_bases: &BTreeSet<i64>,
    ) {
        self.snapshots = list_snapshots(dir);
        let strays: Vec<i64> = self
            .snapshots
            .iter()
            .copied()
            .filter(|at| !segment_bases.contains(at))
            .collect();
        let newest = strays
            .last()
            .copied()
            .filter(|newest| segment_bases.last().is_none_or(|max| newest >= max));
        for stray in strays {
            if Some(stray) != newest {
                self.delete_snapshot(dir, stray);
            }
        }
    }
}
