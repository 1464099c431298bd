//! Golden bytes (scenarios R1–R5, R8) and refusals.

use super::*;
use bytes::Bytes;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Bytes {
    (0..text.len() / 2)
        .map(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap())
        .collect::<Vec<_>>()
        .into()
}

fn record(timestamp: i64, key: Option<&'static str>, value: Option<&'static str>) -> SimpleRecord {
    SimpleRecord {
        timestamp,
        key: key.map(Bytes::from),
        value: value.map(Bytes::from),
        headers: Vec::new(),
    }
}

const R1: &str = "00000000000000000000003affffffff02716a618900000000000000000000000003e800000000000003e8ffffffffffffffffffffffffffff0000000110000000026b027600";
const R2: &str = "000000000000000000000055ffffffff02b4ad67700000000000020000018bcfe568000000018bcfe5692cffffffffffffffffffffffffffff000000031a000000046b310a68656c6c6f0010000a02046b3201001800d804040102780202680231";
const R3: &str = "000000000000000000000042ffffffff02ad320ccb0030000000000000018bcfe568000000018bcfe5680000000000000003e80003ffffffff000000012000000008000000010c00000000000700";
const R4: &str = "0000000000000005000000310000000202d57cbd66000000000002ffffffffffffffff0000018bcfe5692c00000000000003e800000000000a00000000";

fn r1() -> RecordBatch {
    let mut builder = RecordBatchBuilder::new(0);
    assert_eq!(builder.append(&record(1000, Some("k"), Some("v"))), Ok(9));
    builder.build().unwrap().unwrap()
}

#[test]
fn r1_one_record() {
    assert_eq!(hex(r1().bytes()), R1);
    assert_eq!(r1().crc(), 0x716A_6189);
}

#[test]
fn r2_three_records_with_a_header() {
    let mut builder = RecordBatchBuilder::new(0);
    let start = 1_700_000_000_000;
    assert_eq!(
        builder.append(&record(start, Some("k1"), Some("hello"))),
        Ok(14)
    );
    assert_eq!(builder.append(&record(start + 5, Some("k2"), None)), Ok(9));
    let mut third = record(start + 300, None, Some("x"));
    third.headers.push(Header {
        key: Bytes::from("h"),
        value: Some(Bytes::from("1")),
    });
    assert_eq!(builder.append(&third), Ok(13));
    let batch = builder.build().unwrap().unwrap();
    assert_eq!(hex(batch.bytes()), R2);
    let read: Vec<Record> = batch.records().unwrap().map(Result::unwrap).collect();
    assert_eq!(read.iter().map(|r| r.offset).collect::<Vec<_>>(), [0, 1, 2]);
    assert_eq!(read[2].headers, third.headers);
    assert_eq!(
        (read[1].value.clone(), read[2].timestamp),
        (None, start + 300)
    );
    assert_eq!(batch.offset_of_max_timestamp(), Ok(Some(2)));
}

#[test]
fn r3_commit_marker() {
    let marker = EndTransactionMarker {
        commit: true,
        coordinator_epoch: 7,
    };
    let batch = end_transaction_marker(0, 1_700_000_000_000, -1, 1000, 3, marker);
    assert_eq!(hex(batch.bytes()), R3);
    let first = batch.first_record().unwrap();
    assert_eq!(
        EndTransactionMarker::parse(first.key.as_ref(), first.value.as_ref()),
        Ok(marker)
    );
    assert!(batch.is_control() && batch.is_transactional());
}

#[test]
fn r4_emptied_batch() {
    let batch = BatchHeader {
        base_offset: 5,
        last_offset_delta: 2,
        partition_leader_epoch: 2,
        attributes: Attributes(0),
        base_timestamp: -1,
        max_timestamp: 1_700_000_000_300,
        producer_id: 1000,
        producer_epoch: 0,
        base_sequence: 10,
        record_count: 0,
    }
    .build(&[]);
    assert_eq!(hex(batch.bytes()), R4);
    assert_eq!((batch.last_offset(), batch.last_sequence()), (7, 12));
    assert_eq!(batch.records().unwrap().count(), 0);
}

#[test]
fn r5_base_offset_and_epoch_lie_outside_the_checksum() {
    let mut edit = RecordBatchMut::from_batch(r1());
    edit.set_base_offset(42);
    edit.set_partition_leader_epoch(9);
    let moved = edit.freeze();
    assert!(moved.is_valid());
    assert_eq!(
        (
            moved.crc(),
            moved.base_offset(),
            moved.partition_leader_epoch()
        ),
        (r1().crc(), 42, 9)
    );
    let mut edit = RecordBatchMut::from_batch(r1());
    edit.set_max_timestamp(TimestampType::LogAppendTime, 5000);
    let stamped = edit.freeze();
    assert!(stamped.is_valid() && stamped.crc() != r1().crc());
    assert_eq!(stamped.first_record().unwrap().timestamp, 5000);
}

#[test]
fn r8_sequences_wrap() {
    assert_eq!(increment_sequence(2_147_483_646, 3), 1);
}

#[test]
fn r10_a_producer_fills_a_batch_to_its_size() {
    let sample = SimpleRecord {
        timestamp: 1,
        key: None,
        value: Some(Bytes::from(vec![7; 100])),
        headers: Vec::new(),
    };
    let limit = estimate_size_upper_bound(None, sample.value.as_ref(), &[]).max(16384);
    let mut builder = RecordBatchBuilder::new(0).write_limit(limit);
    while builder.has_room_for(&sample) {
        builder.append(&sample).unwrap();
    }
    assert_eq!(
        (
            builder.record_count(),
            builder.build().unwrap().unwrap().size_in_bytes()
        ),
        (148, 16277)
    );
}

#[test]
fn damaged_bytes_are_refused_and_never_panic() {
    let whole = unhex(R2);
    for length in 0..whole.len() {
        assert_eq!(Batches::new(whole.slice(..length)).count(), 0, "{length}");
    }
    for at in 0..whole.len() {
        let mut bytes = whole.to_vec();
        bytes[at] ^= 0x55;
        for batch in Batches::new(bytes.into()).flatten() {
            assert!(
                at < 16 || !batch.is_valid(),
                "byte {at} is under the checksum"
            );
            if let Ok(records) = batch.records() {
                records.count();
            }
        }
    }
}

#[test]
fn varints_as_zig_zag() {
    for (value, bytes) in [
        (0, "00"),
        (-1, "01"),
        (63, "7e"),
        (64, "8001"),
        (-65, "8101"),
        (300, "d804"),
        (i32::MAX, "feffffff0f"),
        (i32::MIN, "ffffffff0f"),
    ] {
        let mut out = Vec::new();
        varint::put_varint(&mut out, value);
        assert_eq!(hex(&out), bytes);
        assert_eq!(varint::size_of_varint(value), out.len());
        assert_eq!(varint::Cursor::new(&out, 0).varint(), Some(value));
    }
}

#[test]
fn crc_self_test() {
    assert_eq!(crc32c(b"123456789"), 0xE306_9283);
    assert_eq!(crc32c_parts(&[b"1234", b"56789"]), 0xE306_9283);
}

#[test]
fn quorum_records_round_trip() {
    let change = LeaderChangeMessage {
        version: 1,
        leader_id: 3,
        voters: vec![(1, 9), (3, 8)],
        granting_voters: vec![(3, 8)],
    };
    assert_eq!(LeaderChangeMessage::decode(&change.encode()), Ok(change));
    let voters = VotersRecord {
        version: 0,
        voters: vec![Voter {
            voter_id: 1,
            voter_directory_id: 5,
            endpoints: vec![VoterEndpoint {
                name: "CONTROLLER".into(),
                host: "localhost".into(),
                port: 9093,
            }],
            min_supported_version: 0,
            max_supported_version: 1,
        }],
    };
    assert_eq!(VotersRecord::decode(&voters.encode()), Ok(voters));
    assert!(VotersRecord::decode(&[0, 0, 255, 255, 255, 255, 15]).is_err());
}

#[cfg(feature = "codecs")]
#[test]
fn every_codec_reads_what_it_writes() {
    for kind in CompressionType::ALL {
        let mut builder = RecordBatchBuilder::new(0).compression(kind);
        for value in ["aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "b"] {
            builder.append(&record(5, Some("k"), Some(value))).unwrap();
        }
        let batch = builder.build().unwrap().unwrap();
        let read: Vec<Record> = batch.records().unwrap().map(Result::unwrap).collect();
        assert_eq!(read.len(), 2, "{}", kind.name());
        assert_eq!(read[1].value, Some(Bytes::from("b")));
        assert_eq!(batch.compression(), Ok(kind));
    }
}
