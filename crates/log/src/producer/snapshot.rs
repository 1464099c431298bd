//! The `.snapshot` file: all producers of a partition, the last batch of each (`ProducerSnapshot` schema, version 1).

use super::entry::{BatchMetadata, ProducerStateEntry};
use bytes::{BufMut, Bytes, BytesMut};
use protocol::record::crc32c;
use std::collections::BTreeMap;

const HEADER: usize = 10;
const ENTRY: usize = 46;
/// The checksum covers everything from here on.
const CRC_END: usize = 6;

/// Version, CRC-32C, count, then 46 bytes a producer.
pub fn write_snapshot<'a>(
    producers: impl ExactSizeIterator<Item = &'a ProducerStateEntry>,
) -> Bytes {
    let mut out = BytesMut::with_capacity(HEADER + ENTRY * producers.len());
    out.put_i16(1);
    out.put_u32(0);
    out.put_i32(producers.len() as i32);
    for entry in producers {
        out.put_i64(entry.producer_id);
        out.put_i16(entry.producer_epoch);
        out.put_i32(entry.last_seq());
        out.put_i64(entry.last_data_offset());
        out.put_i32(entry.last_offset_delta());
        out.put_i64(entry.last_timestamp);
        out.put_i32(entry.coordinator_epoch);
        out.put_i64(entry.current_txn_first_offset.unwrap_or(-1));
    }
    let crc = crc32c(&out[CRC_END..]);
    out[2..CRC_END].copy_from_slice(&crc.to_be_bytes());
    out.freeze()
}

/// The producers of a snapshot; `None` if it is damaged.
pub fn read_snapshot(bytes: &[u8]) -> Option<BTreeMap<i64, ProducerStateEntry>> {
    if bytes.len() < HEADER || i16::from_be_bytes([bytes[0], bytes[1]]) != 1 {
        return None;
    }
    let crc = u32::from_be_bytes([bytes[2], bytes[3], bytes[4], bytes[5]]);
    let count =
        usize::try_from(i32::from_be_bytes([bytes[6], bytes[7], bytes[8], bytes[9]])).ok()?;
    if crc != crc32c(&bytes[CRC_END..]) || count > (bytes.len() - HEADER) / ENTRY {
        return None;
    }
    let mut producers = BTreeMap::new();
    for entry in bytes[HEADER..].chunks_exact(ENTRY).take(count) {
        let long = |at: usize| {
            let mut raw = [0; 8];
            raw.copy_from_slice(&entry[at..at + 8]);
            i64::from_be_bytes(raw)
        };
        let int = |at: usize| {
            i32::from_be_bytes([entry[at], entry[at + 1], entry[at + 2], entry[at + 3]])
        };
        let timestamp = long(26);
        let batch = BatchMetadata {
            last_seq: int(10),
            last_offset: long(14),
            offset_delta: int(22),
            timestamp,
        };
        let txn_first = long(38);
        producers.insert(
            long(0),
            ProducerStateEntry {
                producer_id: long(0),
                producer_epoch: i16::from_be_bytes([entry[8], entry[9]]),
                coordinator_epoch: int(34),
                last_timestamp: timestamp,
                current_txn_first_offset: (txn_first >= 0).then_some(txn_first),
                batches: (batch.last_offset >= 0)
                    .then_some(batch)
                    .into_iter()
                    .collect(),
            },
        );
    }
    Some(producers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_keeps_the_last_batch_of_each_producer() {
        let mut entry = ProducerStateEntry::empty(7);
        for seq in 0..3 {
            entry.add_batch(
                1,
                BatchMetadata {
                    last_seq: seq,
                    last_offset: i64::from(seq) + 10,
                    offset_delta: 0,
                    timestamp: 5,
                },
            );
        }
        let bytes = write_snapshot([&entry].into_iter());
        assert_eq!(bytes.len(), 56);
        let read = read_snapshot(&bytes).expect("whole");
        assert_eq!(
            read[&7]
                .batches
                .iter()
                .map(|batch| batch.last_seq)
                .collect::<Vec<_>>(),
            [2]
        );
        let mut damaged = bytes.to_vec();
        damaged[20] ^= 1;
        assert_eq!(read_snapshot(&damaged), None);
        assert_eq!(read_snapshot(&bytes[..30]), None);
    }
}
