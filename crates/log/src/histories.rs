//! Random histories: whatever is done to a directory, it keeps its own promises and never panics.

use crate::config::{BrokerLogConfig, LogConfig};
use crate::{AppendOrigin, FetchIsolation, LogDir, UnifiedLog};
use bytes::Bytes;
use protocol::messages::Records;
use protocol::record::{
    EndTransactionMarker, RecordBatchBuilder, SimpleRecord, end_transaction_marker,
};
use protocol::time::EPOCH_MS;
use protocol::{BrokerEpoch, LeaderEpoch, Offset, TopicPartition, Uuid};
use std::sync::Arc;

struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        // A linear congruential generator: the high bits are good enough to choose operations.
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

struct History {
    dir: LogDir,
    chance: Chance,
    now: i64,
    sequences: [i32; 3],
    /// Cut inside a batch: the log end lies above the last batch, which a restart forgets.
    ragged: bool,
}

fn partition() -> TopicPartition {
    TopicPartition::new("t", 0)
}

impl History {
    fn new(seed: u64) -> Self {
        let mut chance = Chance(seed);
        let config = LogConfig {
            segment_bytes: 200 + chance.below(600) as i64,
            index_interval_bytes: chance.below(200) as usize,
            // Recovery makes entries by another rule than appends do; a tiny index may not take them, in Kafka neither.
            segment_index_bytes: 600 + chance.below(200) as usize,
            retention_bytes: 2_000,
            compact: chance.below(2) == 0,
            delete: chance.below(2) == 0,
            min_cleanable_dirty_ratio: 0.1,
            ..LogConfig::default()
        };
        let broker = BrokerLogConfig {
            transaction_partition_verification: false,
            ..BrokerLogConfig::default()
        };
        let mut dir = LogDir::new(broker, EPOCH_MS);
        dir.create_log(&partition(), Uuid(1), Arc::new(config), EPOCH_MS)
            .expect("a new log");
        History {
            dir,
            chance,
            now: EPOCH_MS,
            sequences: [0; 3],
            ragged: false,
        }
    }

    fn log(&mut self) -> &mut UnifiedLog {
        self.dir.log_mut(&partition()).expect("open")
    }

    fn offset(&mut self) -> Offset {
        let end = self.log().log_end_offset().get() as u64 + 2;
        Offset(self.chance.below(end) as i64)
    }

    fn append(&mut self) {
        let who = self.chance.below(4) as usize;
        let transactional = self.chance.below(2) == 0;
        let mut builder = RecordBatchBuilder::new(0);
        let count = 1 + self.chance.below(3);
        if let Some(sequence) = self.sequences.get_mut(who) {
            builder = builder
                .producer(who as i64, 0, *sequence)
                .transactional(transactional);
            *sequence += count as i32;
        }
        for _ in 0..count {
            let key = ["a", "b", "c", "d"][self.chance.below(4) as usize];
            let value = (self.chance.below(5) > 0)
                .then(|| Bytes::from(vec![7; self.chance.below(40) as usize]));
            let timestamp = self.now - self.chance.below(5_000) as i64;
            let record = SimpleRecord {
                timestamp,
                key: Some(Bytes::from(key)),
                value,
                headers: Vec::new(),
            };
            builder.append(&record).expect("offsets rise");
        }
        let batch = builder.build().expect("plain").expect("records");
        self.send(Records::one(batch.into_bytes()), AppendOrigin::Client);
    }

    fn end_transaction(&mut self) {
        let (who, commit) = (self.chance.below(3) as i64, self.chance.below(2) == 0);
        let marker = EndTransactionMarker {
            commit,
            coordinator_epoch: 0,
        };
        let batch = end_transaction_marker(0, self.now, -1, who, 0, marker);
        self.send(Records::one(batch.into_bytes()), AppendOrigin::Coordinator);
    }

    fn send(&mut self, records: Records, origin: AppendOrigin) {
        let epoch = LeaderEpoch((self.now - EPOCH_MS) as i32 / 20_000);
        let now = self.now;
        // Refusals are part of a history.
        if self
            .log()
            .append_as_leader(&records, epoch, origin, None, 0, now)
            .is_ok_and(|info| info.appended)
        {
            self.ragged = false;
        }
    }

    fn reopen(&mut self, clean: bool, damage: bool) {
        let end = self.log().log_end_offset();
        if clean {
            self.dir.close(BrokerEpoch(1), self.now);
        } else {
            self.dir.crash(self.now);
        }
        if damage {
            let logs: Vec<String> = self
                .dir
                .files()
                .into_keys()
                .filter(|path| path.ends_with(".log"))
                .collect();
            let path = &logs[self.chance.below(logs.len() as u64) as usize];
            let at = self.chance.below(400) as usize;
            let flip = |bytes: Option<Bytes>| {
                let mut bytes = bytes?.to_vec();
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 0x11;
                }
                Some(bytes.into())
            };
            self.dir.edit_file(path, flip, self.now);
        }
        let opened = self.dir.open(self.now);
        if !damage {
            assert_eq!(opened, Ok(clean));
            let loaded = self.log().log_end_offset();
            assert!(loaded == end || (self.ragged && loaded < end));
            self.ragged = false;
        }
    }

    fn step(&mut self) {
        let now = self.now;
        match self.chance.below(24) {
            0..=9 => self.append(),
            10..=12 => self.end_transaction(),
            13 | 14 => {
                let offset = self.offset();
                self.log().update_high_watermark(offset);
            }
            15 => {
                let end = self.log().log_end_offset();
                self.log().update_high_watermark(end);
            }
            16 => {
                let offset = self.offset();
                self.ragged = true;
                self.dir
                    .truncate_to(&partition(), offset, now)
                    .expect("no producer contradicts its own log");
            }
            17 => {
                let offset = self.offset();
                let _ = self.log().maybe_increment_log_start_offset(offset, now);
            }
            18 => {
                let _ = self.log().roll(now);
            }
            19 => {
                self.log().delete_old_segments(now).expect("retention");
            }
            20 => {
                self.dir.cleaner_pass(100, now).expect("cleaning");
            }
            21 => {
                self.now += self.chance.below(70_000) as i64;
                self.dir.poll(self.now);
            }
            22 => self.reopen(true, false),
            _ => {
                self.dir.checkpoint_log_start_offsets(now);
                self.reopen(false, false);
            }
        }
    }

    fn check(&mut self) {
        let log = self.log();
        let (start, end) = (log.log_start_offset(), log.log_end_offset());
        assert!(start <= log.high_watermark() && log.high_watermark() <= end);
        assert!(log.last_stable_offset() <= log.high_watermark());
        assert!(log.recovery_point() <= end);
        let mut at = start;
        while at < end {
            let found = log
                .read(at, 500, FetchIsolation::LogEnd, true)
                .expect("inside the log");
            let Some(last) = found.batches().last() else {
                break;
            };
            for batch in found.batches() {
                assert!(
                    batch.is_valid() && batch.last_offset() >= at.get(),
                    "{batch:?} at {at}"
                );
                at = Offset(batch.next_offset());
            }
            assert!(last.next_offset() <= end.get());
        }
    }
}

#[test]
fn whole_logs_keep_their_promises() {
    for seed in 0..60 {
        let mut history = History::new(seed);
        for _ in 0..120 {
            history.step();
            history.check();
        }
    }
}

#[test]
fn damaged_logs_never_panic() {
    for seed in 0..60 {
        let mut history = History::new(seed);
        for _ in 0..40 {
            history.step();
        }
        let clean = seed % 2 == 0;
        history.reopen(clean, true);
        if !history.dir.is_open() {
            continue;
        }
        for _ in 0..20 {
            let now = history.now;
            let offset = history.offset();
            let log = history.log();
            let _ = log
                .read(offset, 300, FetchIsolation::TxnCommitted, true)
                .map(|found| found.batches().count());
            let _ = log.delete_old_segments(now);
            let _ = history.dir.cleaner_pass(50, now);
            history.append();
            history.dir.poll(now);
        }
    }
}
