//! Names, types and ranges of the configs of a topic (`LogConfig`), as the controller checks them.

use protocol::Name;
use protocol::config::{ConfigDef, ConfigError, ConfigValue, Range, Scope, Type};
use std::collections::BTreeMap;

use super::nearest_name;

const fn key(name: &'static str, kind: Type, range: Range, default: &'static str) -> ConfigDef {
    ConfigDef {
        name,
        scope: Scope::Topic,
        kind,
        default: Some(default),
        required: false,
        range,
        modelled: true,
        dynamic: true,
        en: "",
        ko: "",
    }
}

const fn int(name: &'static str, min: f64, default: &'static str) -> ConfigDef {
    key(name, Type::Int, Range::AtLeast(min), default)
}

const fn long(name: &'static str, min: f64, default: &'static str) -> ConfigDef {
    key(name, Type::Long, Range::AtLeast(min), default)
}

const fn boolean(name: &'static str) -> ConfigDef {
    key(name, Type::Boolean, Range::Any, "false")
}

const MAX: &str = "9223372036854775807";
const COMPRESSION_TYPES: &[&str] = &["uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"];

static TOPIC: &[ConfigDef] = &[
    key(
        "cleanup.policy",
        Type::List,
        Range::Each(&["compact", "delete"]),
        "delete",
    ),
    key("compression.gzip.level", Type::Int, Range::Any, "-1"),
    key(
        "compression.lz4.level",
        Type::Int,
        Range::Between(1.0, 17.0),
        "9",
    ),
    key(
        "compression.type",
        Type::String,
        Range::OneOf(COMPRESSION_TYPES),
        "producer",
    ),
    key(
        "compression.zstd.level",
        Type::Int,
        Range::Between(-131_072.0, 22.0),
        "3",
    ),
    long("delete.retention.ms", 0.0, "86400000"),
    long("file.delete.delay.ms", 0.0, "60000"),
    long("flush.messages", 1.0, MAX),
    long("flush.ms", 0.0, MAX),
    key(
        "follower.replication.throttled.replicas",
        Type::List,
        Range::Any,
        "",
    ),
    int("index.interval.bytes", 0.0, "4096"),
    // Below the minimum of segment.bytes: for tests in Kafka, for small scenes here.
    key("internal.segment.bytes", Type::Int, Range::Any, "1048576"),
    key(
        "leader.replication.throttled.replicas",
        Type::List,
        Range::Any,
        "",
    ),
    long("local.retention.bytes", -2.0, "-2"),
    long("local.retention.ms", -2.0, "-2"),
    long("max.compaction.lag.ms", 1.0, MAX),
    int("max.message.bytes", 0.0, "1048588"),
    long("message.timestamp.after.max.ms", 0.0, "3600000"),
    long("message.timestamp.before.max.ms", 0.0, MAX),
    key(
        "message.timestamp.type",
        Type::String,
        Range::OneOf(&["CreateTime", "LogAppendTime"]),
        "CreateTime",
    ),
    key(
        "min.cleanable.dirty.ratio",
        Type::Double,
        Range::Between(0.0, 1.0),
        "0.5",
    ),
    long("min.compaction.lag.ms", 0.0, "0"),
    int("min.insync.replicas", 1.0, "1"),
    boolean("preallocate"),
    boolean("remote.log.copy.disable"),
    boolean("remote.log.delete.on.disable"),
    boolean("remote.storage.enable"),
    key("retention.bytes", Type::Long, Range::Any, "-1"),
    long("retention.ms", -1.0, "604800000"),
    int("segment.bytes", 1_048_576.0, "1073741824"),
    int("segment.index.bytes", 4.0, "10485760"),
    long("segment.jitter.ms", 0.0, "0"),
    long("segment.ms", 1.0, "604800000"),
    boolean("unclean.leader.election.enable"),
];

fn refusal(name: &str, value: &str, reason: &str) -> ConfigError {
    ConfigError {
        name: name.into(),
        value: Some(value.into()),
        reason: reason.into(),
        nearest: None,
    }
}

pub(super) fn validate(configs: &BTreeMap<Name, Name>) -> Result<(), ConfigError> {
    let mut values = BTreeMap::new();
    for (name, text) in configs {
        let Some(def) = TOPIC.iter().find(|d| d.name == &**name) else {
            return Err(ConfigError {
                name: name.to_string(),
                value: None,
                reason: "a topic has no such config".into(),
                nearest: nearest_name(name, TOPIC.iter().map(|d| d.name)),
            });
        };
        let value = def.parse(text)?;
        check_more(def, text, &value)?;
        values.insert(def.name, value);
    }
    let long = |name: &str| match values.get(name) {
        Some(ConfigValue::Int(v)) => *v,
        _ => TOPIC
            .iter()
            .find(|d| d.name == name)
            .and_then(|d| d.default?.parse().ok())
            .expect("a number"),
    };
    let (min, max) = (long("min.compaction.lag.ms"), long("max.compaction.lag.ms"));
    if min > max {
        return Err(refusal(
            "min.compaction.lag.ms",
            &min.to_string(),
            "is above max.compaction.lag.ms",
        ));
    }
    // Tiered storage is off on every broker here.
    if values.get("remote.storage.enable") == Some(&ConfigValue::Boolean(true)) {
        return Err(refusal(
            "remote.storage.enable",
            "true",
            "tiered storage is not enabled on the brokers",
        ));
    }
    Ok(())
}

/// What a range cannot say.
fn check_more(def: &ConfigDef, text: &str, value: &ConfigValue) -> Result<(), ConfigError> {
    match (def.name, value) {
        ("compression.gzip.level", ConfigValue::Int(level))
            if *level != -1 && !(1..=9).contains(level) =>
        {
            Err(refusal(def.name, text, "must be -1 or lie between 1 and 9"))
        }
        ("cleanup.policy", ConfigValue::List(items)) => {
            if items
                .iter()
                .enumerate()
                .any(|(i, item)| items[..i].contains(item))
            {
                return Err(refusal(def.name, text, "names a policy twice"));
            }
            Ok(())
        }
        (name, ConfigValue::List(items)) if name.ends_with(".throttled.replicas") => {
            let pair = |item: &String| {
                item.split_once(':')
                    .is_some_and(|(p, b)| p.parse::<i32>().is_ok() && b.parse::<i32>().is_ok())
            };
            let valid = items.is_empty()
                || items[..] == ["*"]
                || items[..] == ["none"]
                || items.iter().all(pair);
            if valid {
                Ok(())
            } else {
                Err(refusal(name, text, "is '*', or a list of partition:broker"))
            }
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pairs: &[(&str, &str)]) -> bool {
        validate(
            &pairs
                .iter()
                .map(|(k, v)| (Name::from(*k), Name::from(*v)))
                .collect(),
        )
        .is_ok()
    }

    #[test]
    fn values_are_checked_as_log_config_does() {
        assert!(check(&[
            ("retention.ms", "-1"),
            ("cleanup.policy", "compact,delete"),
            ("internal.segment.bytes", "14")
        ]));
        assert!(check(&[("cleanup.policy", "")]), "keep for ever (KIP-1161)");
        for bad in [
            ("retention.ms", "-2"),
            ("retention.ms", "soon"),
            ("segment.bytes", "1048575"),
            ("cleanup.policy", "shred"),
            ("cleanup.policy", "delete,delete"),
            ("min.insync.replicas", "0"),
            ("compression.gzip.level", "0"),
            ("leader.replication.throttled.replicas", "1-2"),
            ("remote.storage.enable", "true"),
            ("no.such.key", "1"),
        ] {
            assert!(!check(&[bad]), "{bad:?}");
        }
        assert!(!check(&[
            ("min.compaction.lag.ms", "2"),
            ("max.compaction.lag.ms", "1")
        ]));
    }
}
