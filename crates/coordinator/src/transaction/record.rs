//! The records of `__transaction_state`, byte for byte.
//!
//! Key: the transactional id. Value: what is known of it, in version 0 (no tags) or 1 (flexible, producer ids before and after as tags);
//! none is a tombstone. Topics and partitions are written in order, where Kafka writes them as its hash tables have them. Source: `TransactionLog`.

use super::metadata::{TransactionMetadata, TxnTransitMetadata};
use super::state::{TransactionState, TransactionVersion};
use bytes::{BufMut, Bytes, BytesMut};
use protocol::record::varint::{Cursor, put_uvarint};
use protocol::{Name, ProducerEpoch, ProducerId, TopicPartition};
use std::collections::{BTreeMap, BTreeSet};

/// Key of `transactional_id` (`TransactionLog.keyToBytes`).
pub fn key_to_bytes(transactional_id: &str) -> Bytes {
    let mut out = BytesMut::with_capacity(4 + transactional_id.len());
    out.put_i16(0);
    // Ids come from requests, whose strings are no longer than this.
    out.put_i16(i16::try_from(transactional_id.len()).expect("a string of the protocol"));
    out.put_slice(transactional_id.as_bytes());
    out.freeze()
}

/// Value of a change, at a server's `transaction.version` (`TransactionLog.valueToBytes`).
pub fn value_to_bytes(value: &TxnTransitMetadata, server: TransactionVersion) -> Bytes {
    let version = server.log_value_version();
    let flexible = version >= 1;
    let mut out = BytesMut::new();
    out.put_i16(version);
    out.put_i64(value.producer_id.get());
    out.put_i16(value.producer_epoch.get());
    out.put_i32(value.txn_timeout_ms);
    out.put_i8(value.state.id());
    let put_count = |out: &mut BytesMut, count: usize| {
        if flexible {
            put_uvarint(out, count as u32 + 1)
        } else {
            out.put_i32(count as i32)
        }
    };
    if value.state == TransactionState::Empty {
        if flexible {
            put_uvarint(&mut out, 0)
        } else {
            out.put_i32(-1)
        }
    } else {
        let mut topics: BTreeMap<&str, Vec<i32>> = BTreeMap::new();
        for tp in &value.partitions {
            topics.entry(&tp.topic).or_default().push(tp.partition);
        }
        put_count(&mut out, topics.len());
        for (topic, partitions) in topics {
            if flexible {
                put_uvarint(&mut out, topic.len() as u32 + 1)
            } else {
                out.put_i16(topic.len() as i16)
            }
            out.put_slice(topic.as_bytes());
            put_count(&mut out, partitions.len());
            for partition in partitions {
                out.put_i32(partition);
            }
            if flexible {
                put_uvarint(&mut out, 0);
            }
        }
    }
    out.put_i64(value.last_update_ms);
    out.put_i64(value.start_ms);
    if flexible {
        put_tags(&mut out, value);
    }
    out.freeze()
}

/// Tagged fields in ascending order, those at their default left out.
fn put_tags(out: &mut BytesMut, value: &TxnTransitMetadata) {
    let ids = [(0, value.prev_producer_id), (1, value.next_producer_id)];
    let ids: Vec<(u32, ProducerId)> = ids.into_iter().filter(|(_, id)| !id.is_none()).collect();
    let has_version = value.client_version != TransactionVersion::TV_0;
    put_uvarint(out, ids.len() as u32 + u32::from(has_version));
    for (tag, id) in ids {
        put_uvarint(out, tag);
        put_uvarint(out, 8);
        out.put_i64(id.get());
    }
    if has_version {
        put_uvarint(out, 2);
        put_uvarint(out, 2);
        out.put_i16(value.client_version.0);
    }
}

/// What a record says.
#[derive(Clone, PartialEq, Debug)]
pub enum ReadResult {
    Record(TransactionMetadata),
    Tombstone(Name),
    /// Of a version that is not known, perhaps left over from an aborted upgrade. It is passed over.
    Unknown,
}

/// Reads one record (`TransactionLog.read`). `None` if its bytes are no such record.
pub fn read(key: &Bytes, value: Option<&Bytes>) -> Option<ReadResult> {
    let mut cursor = Cursor::new(key, 0);
    if i16_of(&mut cursor)? != 0 {
        return Some(ReadResult::Unknown);
    }
    let length = usize::try_from(i16_of(&mut cursor)?).ok()?;
    let id: Name = std::str::from_utf8(&key[cursor.take(length)?]).ok()?.into();
    let Some(value) = value else {
        return Some(ReadResult::Tombstone(id));
    };
    let mut cursor = Cursor::new(value, 0);
    let version = i16_of(&mut cursor)?;
    if !(0..=1).contains(&version) {
        return Some(ReadResult::Unknown);
    }
    let now = read_value(&mut cursor, value, version >= 1)?;
    Some(ReadResult::Record(TransactionMetadata::loaded(id, now)))
}

fn read_value(
    cursor: &mut Cursor<'_>,
    bytes: &Bytes,
    flexible: bool,
) -> Option<TxnTransitMetadata> {
    let producer_id = ProducerId(i64_of(cursor)?);
    let producer_epoch = ProducerEpoch(i16_of(cursor)?);
    let txn_timeout_ms = i32_of(cursor)?;
    let state = TransactionState::from_id(cursor.u8()? as i8)?;
    let mut partitions = BTreeSet::new();
    for _ in 0..count_of(cursor, flexible)? {
        let length = if flexible {
            cursor.uvarint()?.checked_sub(1)? as usize
        } else {
            usize::try_from(i16_of(cursor)?).ok()?
        };
        let topic: Name = std::str::from_utf8(&bytes[cursor.take(length)?])
            .ok()?
            .into();
        for _ in 0..count_of(cursor, flexible)? {
            partitions.insert(TopicPartition {
                topic: topic.clone(),
                partition: i32_of(cursor)?,
            });
        }
        if flexible {
            skip_tags(cursor)?;
        }
    }
    let (last_update_ms, start_ms) = (i64_of(cursor)?, i64_of(cursor)?);
    let mut now = TxnTransitMetadata {
        producer_id,
        prev_producer_id: ProducerId::NONE,
        next_producer_id: ProducerId::NONE,
        producer_epoch,
        // Only in memory: not known after a load.
        last_producer_epoch: ProducerEpoch::NONE,
        txn_timeout_ms,
        state,
        partitions,
        start_ms,
        last_update_ms,
        client_version: TransactionVersion::TV_0,
    };
    if flexible {
        for _ in 0..cursor.uvarint()? {
            let (tag, size) = (cursor.uvarint()?, cursor.uvarint()? as usize);
            match tag {
                0 => now.prev_producer_id = ProducerId(i64_of(cursor)?),
                1 => now.next_producer_id = ProducerId(i64_of(cursor)?),
                2 => now.client_version = TransactionVersion(i16_of(cursor)?),
                _ => drop(cursor.take(size)?),
            }
        }
    }
    Some(now)
}

/// How many entries follow; no more than there are bytes for.
fn count_of(cursor: &mut Cursor<'_>, flexible: bool) -> Option<usize> {
    let count = if flexible {
        i64::from(cursor.uvarint()?) - 1
    } else {
        i64::from(i32_of(cursor)?)
    };
    let count = usize::try_from(count.max(0)).ok()?;
    (count <= cursor.remaining()).then_some(count)
}

fn skip_tags(cursor: &mut Cursor<'_>) -> Option<()> {
    for _ in 0..cursor.uvarint()? {
        cursor.uvarint()?;
        let size = cursor.uvarint()? as usize;
        cursor.take(size)?;
    }
    Some(())
}

fn i16_of(cursor: &mut Cursor<'_>) -> Option<i16> {
    cursor.array().map(i16::from_be_bytes)
}

fn i32_of(cursor: &mut Cursor<'_>) -> Option<i32> {
    cursor.array().map(i32::from_be_bytes)
}

fn i64_of(cursor: &mut Cursor<'_>) -> Option<i64> {
    cursor.array().map(i64::from_be_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value() -> TxnTransitMetadata {
        TxnTransitMetadata {
            producer_id: ProducerId(1000),
            prev_producer_id: ProducerId(1000),
            next_producer_id: ProducerId::NONE,
            producer_epoch: ProducerEpoch(0),
            last_producer_epoch: ProducerEpoch::NONE,
            txn_timeout_ms: 60_000,
            state: TransactionState::Ongoing,
            partitions: ["x-0", "x-12", "a-3"]
                .iter()
                .filter_map(|tp| TopicPartition::parse(tp))
                .collect(),
            start_ms: 1_700_000_000_000,
            last_update_ms: 1_700_000_000_000,
            client_version: TransactionVersion::TV_2,
        }
    }

    #[test]
    fn a_value_survives_its_bytes_in_both_versions() {
        let key = key_to_bytes("a");
        let expected = TransactionMetadata::loaded("a".into(), value());
        let written = value_to_bytes(&value(), TransactionVersion::TV_2);
        assert_eq!(
            read(&key, Some(&written)),
            Some(ReadResult::Record(expected.clone()))
        );
        let written = value_to_bytes(&value(), TransactionVersion::TV_0);
        let mut plain = expected;
        plain.now.prev_producer_id = ProducerId::NONE;
        plain.now.client_version = TransactionVersion::TV_0;
        assert_eq!(
            read(&key, Some(&written)),
            Some(ReadResult::Record(plain)),
            "version 0 has no tags"
        );
        assert_eq!(read(&key, None), Some(ReadResult::Tombstone("a".into())));
    }

    #[test]
    fn a_short_or_greedy_value_is_refused() {
        let key = key_to_bytes("a");
        let whole = value_to_bytes(&value(), TransactionVersion::TV_2);
        for length in 2..whole.len() {
            assert_eq!(
                read(&key, Some(&whole.slice(..length))),
                None,
                "cut after {length} bytes"
            );
        }
        let mut greedy = value_to_bytes(&value(), TransactionVersion::TV_0).to_vec();
        greedy[17..21].copy_from_slice(&i32::MAX.to_be_bytes());
        assert_eq!(
            read(&key, Some(&greedy.into())),
            None,
            "more topics than bytes"
        );
    }
}
