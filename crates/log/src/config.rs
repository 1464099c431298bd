//! The configs that one log obeys, typed, and how a topic's value, the broker's and the default give way to one another.

use crate::config_table::{BROKER, TOPIC};
use protocol::Protections;
use protocol::config::{ConfigDef, ConfigValue, Configs};
use protocol::record::{CompressionType, TimestampType};

/// What a log reads (`LogConfig`). Sizes in bytes, times in ms.
#[derive(Debug, Clone, PartialEq)]
pub struct LogConfig {
    pub segment_bytes: i64,
    pub segment_ms: i64,
    /// Drawn anew for every segment by whoever hands in draws; 0 without jitter.
    pub segment_jitter_ms: i64,
    pub segment_index_bytes: usize,
    pub index_interval_bytes: usize,
    pub retention_ms: i64,
    pub retention_bytes: i64,
    pub max_message_bytes: usize,
    pub compact: bool,
    pub delete: bool,
    pub delete_retention_ms: i64,
    pub min_compaction_lag_ms: i64,
    pub max_compaction_lag_ms: i64,
    pub min_cleanable_dirty_ratio: f64,
    pub file_delete_delay_ms: i64,
    pub flush_messages: i64,
    pub flush_ms: i64,
    /// `None` keeps the producer's codec.
    pub compression: Option<CompressionType>,
    pub timestamp_type: TimestampType,
    pub timestamp_before_max_ms: i64,
    pub timestamp_after_max_ms: i64,
    pub min_insync_replicas: i32,
    pub unclean_leader_election: bool,
}

/// Topic key → the broker keys that give its default, the strongest first, each with the factor to ms.
const SYNONYMS: &[(&str, &[(&str, i64)])] = &[
    ("segment.bytes", &[("log.segment.bytes", 1)]),
    (
        "segment.ms",
        &[("log.roll.ms", 1), ("log.roll.hours", 3_600_000)],
    ),
    (
        "segment.jitter.ms",
        &[
            ("log.roll.jitter.ms", 1),
            ("log.roll.jitter.hours", 3_600_000),
        ],
    ),
    ("segment.index.bytes", &[("log.index.size.max.bytes", 1)]),
    ("index.interval.bytes", &[("log.index.interval.bytes", 1)]),
    (
        "retention.ms",
        &[
            ("log.retention.ms", 1),
            ("log.retention.minutes", 60_000),
            ("log.retention.hours", 3_600_000),
        ],
    ),
    ("retention.bytes", &[("log.retention.bytes", 1)]),
    ("max.message.bytes", &[("message.max.bytes", 1)]),
    ("cleanup.policy", &[("log.cleanup.policy", 1)]),
    (
        "delete.retention.ms",
        &[("log.cleaner.delete.retention.ms", 1)],
    ),
    (
        "min.compaction.lag.ms",
        &[("log.cleaner.min.compaction.lag.ms", 1)],
    ),
    (
        "max.compaction.lag.ms",
        &[("log.cleaner.max.compaction.lag.ms", 1)],
    ),
    (
        "min.cleanable.dirty.ratio",
        &[("log.cleaner.min.cleanable.ratio", 1)],
    ),
    (
        "file.delete.delay.ms",
        &[("log.segment.delete.delay.ms", 1)],
    ),
    ("flush.messages", &[("log.flush.interval.messages", 1)]),
    ("flush.ms", &[("log.flush.interval.ms", 1)]),
    ("compression.type", &[("compression.type", 1)]),
    (
        "message.timestamp.type",
        &[("log.message.timestamp.type", 1)],
    ),
    (
        "message.timestamp.before.max.ms",
        &[("log.message.timestamp.before.max.ms", 1)],
    ),
    (
        "message.timestamp.after.max.ms",
        &[("log.message.timestamp.after.max.ms", 1)],
    ),
    ("min.insync.replicas", &[("min.insync.replicas", 1)]),
    (
        "unclean.leader.election.enable",
        &[("unclean.leader.election.enable", 1)],
    ),
];

/// The broker keys behind a topic key, the strongest first.
pub fn broker_synonyms(topic_key: &str) -> impl Iterator<Item = &'static str> {
    SYNONYMS
        .iter()
        .filter(move |(key, _)| *key == topic_key)
        .flat_map(|(_, keys)| keys.iter().map(|(key, _)| *key))
}

fn definition(table: &'static [ConfigDef], name: &str) -> &'static ConfigDef {
    table
        .iter()
        .find(|def| def.name == name)
        .expect("a key of this crate's own table")
}

fn scaled(value: ConfigValue, factor: i64) -> ConfigValue {
    match value {
        // A negative retention means "no limit" in every unit.
        ConfigValue::Int(number) if number >= 0 => ConfigValue::Int(number.saturating_mul(factor)),
        ConfigValue::Int(_) => ConfigValue::Int(-1),
        other => other,
    }
}

/// The value of a topic key: the topic's own, else the broker's strongest synonym that is set, else the default.
pub fn effective(key: &str, topic: &Configs, broker: &Configs) -> ConfigValue {
    let def = definition(TOPIC, key);
    if topic.set_text(key).is_some() {
        return topic.value(def);
    }
    let synonyms = SYNONYMS
        .iter()
        .find(|(name, _)| *name == key)
        .map_or(&[][..], |(_, keys)| keys);
    for (name, factor) in synonyms {
        if broker.set_text(name).is_some() {
            let value = broker.value(definition(BROKER, name));
            return if *factor == 1 {
                value
            } else {
                scaled(value, *factor)
            };
        }
    }
    topic.value(def)
}

struct Reader<'a> {
    topic: &'a Configs,
    broker: &'a Configs,
}

impl Reader<'_> {
    fn long(&self, key: &str) -> i64 {
        match effective(key, self.topic, self.broker) {
            ConfigValue::Int(value) => value,
            _ => 0,
        }
    }

    fn size(&self, key: &str) -> usize {
        usize::try_from(self.long(key)).unwrap_or(0)
    }

    fn text(&self, key: &str) -> String {
        match effective(key, self.topic, self.broker) {
            ConfigValue::Text(text) => text,
            _ => String::new(),
        }
    }

    fn list(&self, key: &str) -> Vec<String> {
        match effective(key, self.topic, self.broker) {
            ConfigValue::List(items) => items,
            _ => Vec::new(),
        }
    }
}

impl LogConfig {
    /// What a topic with these settings obeys on a broker with those.
    pub fn resolve(topic: &Configs, broker: &Configs) -> Self {
        let read = Reader { topic, broker };
        let policy = read.list("cleanup.policy");
        let segment_bytes = match topic.set_text("internal.segment.bytes") {
            Some(_) => read.long("internal.segment.bytes"),
            None => read.long("segment.bytes"),
        };
        LogConfig {
            segment_bytes,
            segment_ms: read.long("segment.ms"),
            segment_jitter_ms: read.long("segment.jitter.ms"),
            segment_index_bytes: read.size("segment.index.bytes"),
            index_interval_bytes: read.size("index.interval.bytes"),
            retention_ms: read.long("retention.ms"),
            retention_bytes: read.long("retention.bytes"),
            max_message_bytes: read.size("max.message.bytes"),
            compact: policy.iter().any(|item| item == "compact"),
            delete: policy.iter().any(|item| item == "delete"),
            delete_retention_ms: read.long("delete.retention.ms"),
            min_compaction_lag_ms: read.long("min.compaction.lag.ms"),
            max_compaction_lag_ms: read.long("max.compaction.lag.ms"),
            min_cleanable_dirty_ratio: match effective("min.cleanable.dirty.ratio", topic, broker) {
                ConfigValue::Double(value) => value,
                _ => 0.0,
            },
            file_delete_delay_ms: read.long("file.delete.delay.ms"),
            flush_messages: read.long("flush.messages"),
            flush_ms: read.long("flush.ms"),
            compression: match read.text("compression.type").as_str() {
                "uncompressed" => Some(CompressionType::None),
                other => {
                    CompressionType::from_name(other).filter(|kind| *kind != CompressionType::None)
                }
            },
            timestamp_type: if read.text("message.timestamp.type") == "LogAppendTime" {
                TimestampType::LogAppendTime
            } else {
                TimestampType::CreateTime
            },
            timestamp_before_max_ms: read.long("message.timestamp.before.max.ms"),
            timestamp_after_max_ms: read.long("message.timestamp.after.max.ms"),
            min_insync_replicas: read.long("min.insync.replicas") as i32,
            unclean_leader_election: effective("unclean.leader.election.enable", topic, broker)
                == ConfigValue::Boolean(true),
        }
    }

    /// After how long a segment rolls: `segment.ms`, on compacted topics at most `max.compaction.lag.ms`
    /// (`LogConfig.maxSegmentMs`).
    pub fn max_segment_ms(&self) -> i64 {
        if self.compact && self.max_compaction_lag_ms > 0 {
            self.segment_ms.min(self.max_compaction_lag_ms)
        } else {
            self.segment_ms
        }
    }
}

impl Default for LogConfig {
    fn default() -> Self {
        LogConfig::resolve(&Configs::default(), &Configs::default())
    }
}

/// What all logs of a broker share. Times in ms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BrokerLogConfig {
    pub producer_id_expiration_ms: i64,
    pub producer_id_expiration_check_interval_ms: i64,
    pub transaction_max_timeout_ms: i64,
    pub transaction_partition_verification: bool,
    /// Kafka's safety rules in force.
    pub protections: Protections,
}

impl BrokerLogConfig {
    pub fn resolve(broker: &Configs, protections: Protections) -> Self {
        let long = |name: &str| match broker.value(definition(BROKER, name)) {
            ConfigValue::Int(value) => value,
            _ => 0,
        };
        BrokerLogConfig {
            producer_id_expiration_ms: long("producer.id.expiration.ms"),
            producer_id_expiration_check_interval_ms: long(
                "producer.id.expiration.check.interval.ms",
            ),
            transaction_max_timeout_ms: long("transaction.max.timeout.ms"),
            transaction_partition_verification: broker.value(definition(
                BROKER,
                "transaction.partition.verification.enable",
            )) == ConfigValue::Boolean(true),
            protections,
        }
    }
}

impl Default for BrokerLogConfig {
    fn default() -> Self {
        BrokerLogConfig::resolve(&Configs::default(), Protections::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_goes_before_the_broker_and_ms_before_hours() {
        let broker = Configs::new(
            &[BROKER],
            [("log.retention.hours", "1"), ("log.retention.minutes", "5")],
        )
        .expect("known");
        let topic = Configs::default();
        assert_eq!(LogConfig::resolve(&topic, &broker).retention_ms, 300_000);
        let topic = Configs::new(
            &[TOPIC],
            [("retention.ms", "7"), ("internal.segment.bytes", "140")],
        )
        .expect("known");
        let config = LogConfig::resolve(&topic, &broker);
        assert_eq!((config.retention_ms, config.segment_bytes), (7, 140));
        assert_eq!(LogConfig::default().retention_ms, 604_800_000);
        assert!(Configs::new(&[TOPIC], [("segment.bytes", "1000")]).is_err());
    }

    #[test]
    fn every_default_passes_its_own_range() {
        for def in TOPIC.iter().chain(BROKER) {
            if let Some(text) = def.default {
                assert!(def.parse(text).is_ok(), "{}", def.name);
            }
        }
    }
}
