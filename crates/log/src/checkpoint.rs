//! The small text files: offset checkpoints, leader epochs, partition metadata, the mark of a clean shutdown.
//!
//! Source: `CheckpointFile`, `OffsetCheckpointFile`, `LeaderEpochCheckpointFile`, `PartitionMetadataFile`,
//! `CleanShutdownFileHandler`.

use bytes::Bytes;
use protocol::{TopicPartition, Uuid};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Offsets by partition.
pub type Offsets = BTreeMap<TopicPartition, i64>;

/// Version, number of entries, then `topic partition offset` a line.
pub fn write_offsets(offsets: &Offsets) -> Bytes {
    let mut out = format!("0\n{}\n", offsets.len());
    for (partition, offset) in offsets {
        let _ = writeln!(out, "{} {} {offset}", partition.topic, partition.partition);
    }
    out.into()
}

/// The lines of a checkpoint, `None` if version, count or number of lines are wrong. An empty file has no entries.
fn lines(content: &[u8]) -> Option<Vec<&str>> {
    let text = std::str::from_utf8(content).ok()?;
    let mut lines = text.lines();
    let Some(version) = lines.next() else {
        return Some(Vec::new());
    };
    if version.trim().parse::<i32>().ok()? != 0 {
        return None;
    }
    let Some(count) = lines.next() else {
        return Some(Vec::new());
    };
    let count: usize = count.trim().parse().ok()?;
    let entries: Vec<&str> = lines.collect();
    (entries.len() == count).then_some(entries)
}

/// Reads an offset checkpoint; `None` if it is damaged, which Kafka takes for "nothing known".
pub fn read_offsets(content: &[u8]) -> Option<Offsets> {
    lines(content)?
        .into_iter()
        .map(|line| {
            let mut words = line.split_whitespace();
            let entry = (words.next()?, words.next()?, words.next()?);
            let partition = TopicPartition::new(entry.0, entry.1.parse().ok()?);
            words
                .next()
                .is_none()
                .then_some((partition, entry.2.parse().ok()?))
        })
        .collect()
}

/// Version, number of entries, then `epoch startOffset` a line.
pub fn write_epochs(epochs: &BTreeMap<i32, i64>) -> Bytes {
    let mut out = format!("0\n{}\n", epochs.len());
    for (epoch, start) in epochs {
        let _ = writeln!(out, "{epoch} {start}");
    }
    out.into()
}

/// Reads leader epochs; `None` if the file is damaged.
pub fn read_epochs(content: &[u8]) -> Option<BTreeMap<i32, i64>> {
    lines(content)?
        .into_iter()
        .map(|line| {
            let (epoch, start) = line.split_once(' ')?;
            Some((epoch.parse().ok()?, start.trim().parse().ok()?))
        })
        .collect()
}

pub fn write_partition_metadata(topic_id: Uuid) -> Bytes {
    format!("version: 0\ntopic_id: {topic_id}").into()
}

/// The topic id that a partition directory belongs to; `None` if the file is damaged.
pub fn read_partition_metadata(content: &[u8]) -> Option<Uuid> {
    let text = std::str::from_utf8(content).ok()?;
    let mut lines = text.lines();
    let version = lines.next()?.strip_prefix("version: ")?;
    if version.trim() != "0" {
        return None;
    }
    Uuid::parse(lines.next()?.strip_prefix("topic_id: ")?.trim()).filter(|id| !id.is_zero())
}

/// What a clean shutdown leaves behind.
pub fn write_clean_shutdown(broker_epoch: i64) -> Bytes {
    format!("{{\"version\":0,\"brokerEpoch\":{broker_epoch}}}").into()
}

/// The broker epoch in `.kafka_cleanshutdown`.
pub fn read_clean_shutdown(content: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(content).ok()?;
    let (_, after) = text.split_once("\"brokerEpoch\":")?;
    after.trim().trim_end_matches('}').trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_and_epochs_as_text() {
        let offsets: Offsets = [(TopicPartition::new("t", 0), 5)].into();
        assert_eq!(&write_offsets(&offsets)[..], b"0\n1\nt 0 5\n");
        assert_eq!(read_offsets(b"0\n1\nt 0 5\n"), Some(offsets));
        assert_eq!(read_offsets(b""), Some(Offsets::new()));
        assert_eq!(read_offsets(b"0\n2\nt 0 5\n"), None);
        assert_eq!(read_offsets(b"1\n0\n"), None);
        let epochs: BTreeMap<i32, i64> = [(0, 0), (1, 10)].into();
        assert_eq!(&write_epochs(&epochs)[..], b"0\n2\n0 0\n1 10\n");
        assert_eq!(read_epochs(b"0\n2\n0 0\n1 10\n"), Some(epochs));
    }

    #[test]
    fn a_clean_shutdown_remembers_the_broker_epoch() {
        assert_eq!(read_clean_shutdown(&write_clean_shutdown(42)), Some(42));
        assert_eq!(read_clean_shutdown(b"{}"), None);
    }

    #[test]
    fn partition_metadata_as_text() {
        let id = Uuid::parse("AQIDBAUGBwgREhMUFRYXGA").expect("22 characters");
        assert_eq!(
            read_partition_metadata(&write_partition_metadata(id)),
            Some(id)
        );
        assert_eq!(
            read_partition_metadata(b"version: 1\ntopic_id: AQIDBAUGBwgREhMUFRYXGA"),
            None
        );
    }
}
