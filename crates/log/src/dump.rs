//! What lies in a directory, in words: batches, records, index entries, snapshots.
//!
//! It prints what is there and judges only checksums. Sizes in bytes, times in ms.

use crate::index::{OffsetIndex, TimeIndex};
use crate::names::{INDEX, LOG, SNAPSHOT, TIME_INDEX, TXN_INDEX, offset_of};
use crate::producer::read_snapshot;
use crate::txn_index::{AbortedTxn, ENTRY};
use bytes::Bytes;
use protocol::record::{Batches, ControlRecordType, EndTransactionMarker, Record, RecordBatch};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Bytes of a key or value that are printed.
const MAX_SHOWN: usize = 64;

fn shown(bytes: Option<&Bytes>) -> String {
    let Some(bytes) = bytes else {
        return "null".into();
    };
    let cut = &bytes[..bytes.len().min(MAX_SHOWN)];
    let dots = if bytes.len() > MAX_SHOWN { "…" } else { "" };
    match std::str::from_utf8(cut) {
        Ok(text) if !text.chars().any(char::is_control) => format!("{text:?}{dots}"),
        _ => format!("0x{}{dots}", protocol::messages::hex::encode(cut)),
    }
}

/// One line for the header of a batch at `position` in its file.
pub fn batch_line(position: usize, batch: &RecordBatch) -> String {
    let mut line = format!(
        "at {position}: offsets {}–{}, {} records, {} bytes, epoch {}, max timestamp {}",
        batch.base_offset(),
        batch.last_offset(),
        batch.record_count(),
        batch.size_in_bytes(),
        batch.partition_leader_epoch(),
        batch.max_timestamp(),
    );
    if batch.has_producer_id() {
        let _ = write!(
            line,
            ", producer {} epoch {} sequences {}–{}",
            batch.producer_id(),
            batch.producer_epoch(),
            batch.base_sequence(),
            batch.last_sequence()
        );
    }
    let codec = batch
        .compression()
        .map_or("an unknown codec", |kind| kind.name());
    for (holds, what) in [
        (batch.is_transactional(), "transactional"),
        (batch.is_control(), "control"),
        (batch.is_compressed(), codec),
        (!batch.is_valid(), "CHECKSUM WRONG"),
    ] {
        if holds {
            let _ = write!(line, ", {what}");
        }
    }
    if let Some(horizon) = batch.delete_horizon_ms() {
        let _ = write!(line, ", delete horizon {horizon}");
    }
    line
}

/// One line for a record; a control record says what it is.
pub fn record_line(batch: &RecordBatch, record: &Record) -> String {
    let start = format!("  {} at {}", record.offset, record.timestamp);
    if batch.is_control() {
        let kind = ControlRecordType::parse(record.key.as_ref())
            .map_or("unreadable", ControlRecordType::name);
        return match EndTransactionMarker::parse(record.key.as_ref(), record.value.as_ref()) {
            Ok(marker) => format!(
                "{start}: {kind}, coordinator epoch {}",
                marker.coordinator_epoch
            ),
            Err(_) => format!("{start}: {kind}"),
        };
    }
    let mut line = format!(
        "{start}: {} = {}",
        shown(record.key.as_ref()),
        shown(record.value.as_ref())
    );
    for header in &record.headers {
        let _ = write!(
            line,
            ", header {} = {}",
            shown(Some(&header.key)),
            shown(header.value.as_ref())
        );
    }
    line
}

/// All batches of a log file with their records; says where the bytes stop making sense.
pub fn dump_log(content: &Bytes) -> Vec<String> {
    let mut lines = Vec::new();
    let mut batches = Batches::new(content.clone());
    let mut position = 0;
    while let Some(next) = batches.next() {
        let batch = match next {
            Ok(batch) => batch,
            Err(error) => {
                lines.push(format!("at {position}: {error}"));
                return lines;
            }
        };
        lines.push(batch_line(position, &batch));
        match batch.records() {
            Err(error) => lines.push(format!("  {error}")),
            Ok(records) => lines.extend(records.map(|record| match record {
                Ok(record) => record_line(&batch, &record),
                Err(error) => format!("  {error}"),
            })),
        }
        position = batches.consumed();
    }
    if position < content.len() {
        lines.push(format!(
            "at {position}: {} bytes that are no whole batch",
            content.len() - position
        ));
    }
    lines
}

fn dump_producers(content: &[u8]) -> Vec<String> {
    let Some(producers) = read_snapshot(content) else {
        return vec!["damaged snapshot".into()];
    };
    producers
        .values()
        .map(|entry| {
            let open = entry.current_txn_first_offset.map_or(String::new(), |first| format!(", transaction open since {first}"));
            format!(
                "producer {} epoch {}: last sequence {} at offset {}, coordinator epoch {}, last timestamp {}{open}",
                entry.producer_id,
                entry.producer_epoch,
                entry.last_seq(),
                entry.last_data_offset(),
                entry.coordinator_epoch,
                entry.last_timestamp
            )
        })
        .collect()
}

/// A file of a log directory in lines, by the ending of its name; text files line by line.
pub fn dump_file(path: &str, content: &Bytes) -> Vec<String> {
    let name = path.rsplit_once('/').map_or(path, |(_, name)| name);
    let base = offset_of(name).unwrap_or(0);
    if name.ends_with(LOG) {
        dump_log(content)
    } else if name.ends_with(TIME_INDEX) {
        let index = TimeIndex::from_bytes(base, content);
        index
            .entries()
            .map(|entry| format!("timestamp {} → offset {}", entry.timestamp, entry.offset))
            .collect()
    } else if name.ends_with(TXN_INDEX) {
        let entries = content.chunks_exact(ENTRY).map(AbortedTxn::decode);
        entries
            .map(|txn| {
                format!(
                    "producer {} aborted {}–{}, last stable offset {}",
                    txn.producer_id, txn.first_offset, txn.last_offset, txn.last_stable_offset
                )
            })
            .collect()
    } else if name.ends_with(INDEX) {
        let index = OffsetIndex::from_bytes(base, content);
        index
            .entries()
            .map(|(offset, position)| format!("offset {offset} → position {position}"))
            .collect()
    } else if name.ends_with(SNAPSHOT) {
        dump_producers(content)
    } else {
        String::from_utf8_lossy(content)
            .lines()
            .map(str::to_owned)
            .collect()
    }
}

/// Every file of a directory ([`crate::LogDir::files`]) in lines.
pub fn dump_directory(files: &BTreeMap<String, Bytes>) -> Vec<String> {
    let mut lines = Vec::new();
    for (path, content) in files {
        lines.push(format!("{path} ({} bytes)", content.len()));
        lines.extend(
            dump_file(path, content)
                .into_iter()
                .map(|line| format!("  {line}")),
        );
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::record::{RecordBatchBuilder, SimpleRecord, end_transaction_marker};

    #[test]
    fn a_log_reads_as_batches_and_records() {
        let mut builder = RecordBatchBuilder::new(3)
            .producer(7, 0, 5)
            .transactional(true);
        let record = SimpleRecord {
            timestamp: 9,
            key: Some(Bytes::from("k")),
            value: None,
            headers: Vec::new(),
        };
        builder.append(&record).expect("fits");
        let data = builder.build().expect("plain").expect("one record");
        let marker = EndTransactionMarker {
            commit: false,
            coordinator_epoch: 2,
        };
        let end = end_transaction_marker(4, 10, 0, 7, 0, marker);
        let mut content = [&data.bytes()[..], &end.bytes()[..], &[1, 2, 3]].concat();
        let lines = dump_log(&content.clone().into());
        assert_eq!(lines.len(), 5, "{lines:?}");
        assert!(
            lines[0].contains("offsets 3–3") && lines[0].contains("sequences 5–5, transactional")
        );
        assert_eq!(lines[1], "  3 at 9: \"k\" = null");
        assert_eq!(lines[3], "  4 at 10: ABORT, coordinator epoch 2");
        assert!(lines[4].contains("3 bytes that are no whole batch"));
        content[30] ^= 1;
        assert!(dump_log(&content.into())[0].contains("CHECKSUM WRONG"));
    }
}
