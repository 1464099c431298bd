//! A directory as its users drive it. The recorded answers of Kafka say far more; these show the shape of the calls.

use crate::config::{BrokerLogConfig, LogConfig};
use crate::{
    AppendOrigin, FetchIsolation, LogDir, LogError, LogOffsetMetadata, OffsetSpec, UnifiedLog,
};
use bytes::Bytes;
use protocol::messages::Records;
use protocol::record::{RecordBatch, RecordBatchBuilder, SimpleRecord};
use protocol::time::EPOCH_MS;
use protocol::{
    BrokerEpoch, ErrorCode, LeaderEpoch, Offset, Protection, Protections, TopicPartition, Uuid,
};
use std::sync::Arc;

const NOW: i64 = EPOCH_MS;

fn partition() -> TopicPartition {
    TopicPartition::new("t", 0)
}

fn dir_with(change: impl FnOnce(&mut LogConfig), broker: BrokerLogConfig) -> LogDir {
    let mut config = LogConfig::default();
    change(&mut config);
    let mut dir = LogDir::new(broker, NOW);
    dir.create_log(&partition(), Uuid(7), Arc::new(config), NOW)
        .expect("a new log");
    dir
}

fn batch(key: &'static str, producer: Option<(i64, i32)>) -> RecordBatch {
    let (id, sequence) = producer.unwrap_or((-1, -1));
    let mut builder =
        RecordBatchBuilder::new(0).producer(id, if id < 0 { -1 } else { 0 }, sequence);
    let record = SimpleRecord {
        timestamp: NOW,
        key: Some(Bytes::from(key)),
        value: Some(Bytes::from("v")),
        headers: Vec::new(),
    };
    builder.append(&record).expect("fits");
    builder.build().expect("plain").expect("one record")
}

fn append(log: &mut UnifiedLog, batch: RecordBatch) -> Result<(Offset, bool), LogError> {
    let records = Records::one(batch.into_bytes());
    let info =
        log.append_as_leader(&records, LeaderEpoch(0), AppendOrigin::Client, None, 0, NOW)?;
    Ok((info.first_offset, info.appended))
}

#[test]
fn p1_five_batches_are_remembered_and_older_ones_refused() {
    let mut dir = dir_with(|_| {}, BrokerLogConfig::default());
    let log = dir.log_mut(&partition()).expect("open");
    for sequence in 0..6 {
        assert_eq!(
            append(log, batch("k", Some((1, sequence)))),
            Ok((Offset(sequence.into()), true))
        );
    }
    assert_eq!(
        append(log, batch("k", Some((1, 1)))),
        Ok((Offset(1), false))
    );
    let refused = append(log, batch("k", Some((1, 0)))).expect_err("forgotten");
    assert_eq!(refused.code(), ErrorCode::OutOfOrderSequenceNumber);
}

#[test]
fn without_the_sequence_check_a_retry_is_written_twice() {
    let protections = Protections::ALL.without(Protection::SequenceCheck);
    let mut dir = dir_with(
        |_| {},
        BrokerLogConfig {
            protections,
            ..BrokerLogConfig::default()
        },
    );
    let log = dir.log_mut(&partition()).expect("open");
    assert_eq!(append(log, batch("k", Some((1, 0)))), Ok((Offset(0), true)));
    assert_eq!(append(log, batch("k", Some((1, 0)))), Ok((Offset(1), true)));
}

#[test]
fn a_clone_shares_bytes_and_goes_its_own_way() {
    let mut dir = dir_with(|_| {}, BrokerLogConfig::default());
    append(dir.log_mut(&partition()).expect("open"), batch("a", None)).expect("written");
    let mut other = dir.clone();
    append(other.log_mut(&partition()).expect("open"), batch("b", None)).expect("written");
    let read = |dir: &mut LogDir| {
        let log = dir.log_mut(&partition()).expect("open");
        log.read(Offset(0), usize::MAX, FetchIsolation::LogEnd, true)
            .expect("readable")
            .records
    };
    let (one, two) = (read(&mut dir), read(&mut other));
    assert_eq!((one.chunks.len(), two.chunks.len()), (1, 2));
    assert_eq!(
        one.chunks[0].as_ptr(),
        two.chunks[0].as_ptr(),
        "the first batch is held once"
    );
}

#[test]
fn a_follower_holds_the_leaders_bytes() {
    let mut leader = dir_with(|_| {}, BrokerLogConfig::default());
    let mut follower = leader.clone();
    let log = leader.log_mut(&partition()).expect("open");
    append(log, batch("a", None)).expect("written");
    let found = log
        .read(Offset(0), usize::MAX, FetchIsolation::LogEnd, true)
        .expect("readable");
    let copy = follower.log_mut(&partition()).expect("open");
    copy.append_as_follower(&found.records, LeaderEpoch(0), NOW)
        .expect("taken");
    let again = copy
        .read(Offset(0), usize::MAX, FetchIsolation::LogEnd, true)
        .expect("readable");
    assert_eq!(
        again.records.chunks[0].as_ptr(),
        found.records.chunks[0].as_ptr()
    );
    assert_eq!(copy.latest_epoch(), Some(LeaderEpoch(0)));
}

#[test]
fn a_power_loss_takes_what_was_not_flushed_and_a_crash_nothing() {
    for (power, left) in [(false, 3), (true, 2)] {
        let mut dir = dir_with(|_| {}, BrokerLogConfig::default());
        let log = dir.log_mut(&partition()).expect("open");
        append(log, batch("a", None)).expect("written");
        append(log, batch("b", None)).expect("written");
        log.flush(false, NOW);
        append(log, batch("c", None)).expect("written");
        if power {
            assert_eq!(dir.power_loss(NOW).len(), 1);
        } else {
            dir.crash(NOW);
        }
        assert_eq!(dir.open(NOW), Ok(false));
        assert_eq!(
            dir.log(&partition()).expect("open").log_end_offset(),
            Offset(left)
        );
    }
}

#[test]
fn a_damaged_base_offset_splits_the_segment() {
    let mut dir = dir_with(|_| {}, BrokerLogConfig::default());
    let log = dir.log_mut(&partition()).expect("open");
    append(log, batch("a", None)).expect("written");
    append(log, batch("b", None)).expect("written");
    dir.crash(NOW);
    let path = "t-0/00000000000000000000.log";
    let damage = |bytes: Option<Bytes>| {
        let mut bytes = bytes?.to_vec();
        bytes[72] ^= 1;
        Some(bytes.into())
    };
    assert!(dir.edit_file(path, damage, NOW));
    assert_eq!(dir.open(NOW), Ok(false));
    let log = dir.log(&partition()).expect("open");
    let bases: Vec<i64> = log.segments().map(|segment| segment.base).collect();
    assert_eq!(bases, [0, (1 << 40) + 1]);
    assert_eq!(log.log_end_offset(), Offset((1 << 40) + 2));
}

#[test]
fn offsets_by_time_and_the_high_watermark() {
    let mut dir = dir_with(|_| {}, BrokerLogConfig::default());
    let log = dir.log_mut(&partition()).expect("open");
    append(log, batch("a", None)).expect("written");
    let end = log.log_end_offset_metadata();
    assert_eq!(log.maybe_increment_high_watermark(end), Ok(Some(Offset(0))));
    assert!(
        log.maybe_increment_high_watermark(LogOffsetMetadata::only(9))
            .is_err()
    );
    let found = log
        .fetch_offset_by_timestamp(OffsetSpec::Timestamp(NOW))
        .expect("readable")
        .expect("there");
    assert_eq!(
        (found.offset, found.leader_epoch),
        (Offset(0), Some(LeaderEpoch(0)))
    );
    assert_eq!(
        log.fetch_offset_by_timestamp(OffsetSpec::Timestamp(NOW + 1)),
        Ok(None)
    );
}

#[test]
fn c1_compaction_keeps_the_newest_of_each_key() {
    let mut dir = dir_with(|config| config.compact = true, BrokerLogConfig::default());
    let log = dir.log_mut(&partition()).expect("open");
    for key in ["a", "b", "a"] {
        append(log, batch(key, None)).expect("written");
    }
    log.roll(NOW).expect("rolled");
    log.update_high_watermark(log.log_end_offset());
    let (cleaned, _) = dir.cleaner_pass(100, NOW).expect("cleaned");
    let stats = cleaned.expect("dirty").stats;
    assert_eq!(
        (
            stats.messages_read,
            stats.messages_written,
            stats.end_offset
        ),
        (3, 2, 3)
    );
    let log = dir.log_mut(&partition()).expect("open");
    let found = log
        .read(Offset(0), usize::MAX, FetchIsolation::LogEnd, true)
        .expect("readable");
    assert_eq!(
        found
            .batches()
            .map(|batch| batch.base_offset())
            .collect::<Vec<_>>(),
        [1, 2]
    );
    dir.close(BrokerEpoch(1), NOW);
    assert_eq!(dir.open(NOW), Ok(true));
}
