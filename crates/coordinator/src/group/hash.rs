//! Hashes of topics and of what a group subscribes to: how a change of a topic is noticed (KIP-848, `Utils.computeTopicHash`).

use crate::runtime::MetadataView;
use protocol::Name;
use xxhash_rust::xxh3::xxh3_64;

/// First byte of what is hashed of a topic (`Utils.TOPIC_HASH_MAGIC_BYTE`).
const TOPIC_HASH_MAGIC_BYTE: u8 = 0;

fn put_string(out: &mut Vec<u8>, text: &str) {
    let start = out.len();
    for unit in text.encode_utf16() {
        out.extend_from_slice(&unit.to_le_bytes());
    }
    let units = (out.len() - start) / 2;
    out.extend_from_slice(&(units as i32).to_le_bytes());
}

/// The hash of a topic: its id, name, partitions and the racks of their replicas. `None`: there is no such topic.
pub fn topic_hash(metadata: &dyn MetadataView, name: &str) -> Option<i64> {
    let topic = metadata.topic(name)?;
    let mut out = vec![TOPIC_HASH_MAGIC_BYTE];
    out.extend_from_slice(&((topic.id.0 >> 64) as i64).to_le_bytes());
    out.extend_from_slice(&(topic.id.0 as i64).to_le_bytes());
    put_string(&mut out, &topic.name);
    out.extend_from_slice(&topic.partitions.to_le_bytes());
    for partition in 0..topic.partitions {
        out.extend_from_slice(&partition.to_le_bytes());
        let mut racks = metadata.partition_racks(name, partition);
        racks.sort();
        for rack in racks {
            out.extend_from_slice(&(rack.encode_utf16().count() as i32).to_le_bytes());
            put_string(&mut out, &rack);
        }
    }
    Some(xxh3_64(&out) as i64)
}

/// The hash of the topics of a group that exist, in order of name; 0 where none does.
pub fn metadata_hash<'n>(
    metadata: &dyn MetadataView,
    names: impl Iterator<Item = &'n Name>,
) -> i64 {
    let mut out = Vec::new();
    for name in names {
        if let Some(hash) = topic_hash(metadata, name) {
            out.extend_from_slice(&hash.to_le_bytes());
        }
    }
    if out.is_empty() {
        0
    } else {
        xxh3_64(&out) as i64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::TopicView;
    use protocol::Uuid;

    struct One;

    impl MetadataView for One {
        fn version(&self) -> i64 {
            1
        }
        fn topic(&self, name: &str) -> Option<TopicView> {
            (name == "alerts").then(|| TopicView {
                name: "alerts".into(),
                id: Uuid(0x70),
                partitions: 6,
            })
        }
        fn topic_by_id(&self, _: Uuid) -> Option<TopicView> {
            self.topic("alerts")
        }
        fn partition_racks(&self, _: &str, _: i32) -> Vec<Name> {
            Vec::new()
        }
        fn topics(&self) -> Vec<TopicView> {
            self.topic("alerts").into_iter().collect()
        }
    }

    /// As recorded: `alerts` with 6 partitions alone.
    #[test]
    fn the_hash_is_kafka_s() {
        let names = ["alerts".into(), Name::from("gone")];
        assert_eq!(
            metadata_hash(&One, names.iter()),
            -1_896_446_941_524_504_384
        );
        assert_eq!(metadata_hash(&One, names[1..].iter()), 0);
    }
}
