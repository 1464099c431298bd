//! The configs of a topic as the controller checks them: those that a log knows, and those that nothing here obeys.

use log::TOPIC_CONFIGS;
use protocol::Name;
use protocol::config::{ConfigDef, ConfigError, ConfigValue, Range, Scope, Type, nearest_name};
use std::collections::BTreeMap;

const fn other(
    name: &'static str,
    kind: Type,
    range: Range,
    default: &'static str,
    en: &'static str,
    ko: &'static str,
) -> ConfigDef {
    ConfigDef {
        name,
        scope: Scope::Topic,
        kind,
        default: Some(default),
        required: false,
        range,
        modelled: false,
        dynamic: true,
        en,
        ko,
    }
}

/// Configs of a topic that are accepted and kept, and that nothing obeys.
pub static TOPIC_NOT_MODELLED: &[ConfigDef] = &[
    other(
        "compression.gzip.level",
        Type::Int,
        Range::Any,
        "-1",
        "The level at which a broker recompresses with gzip.",
        "브로커가 gzip으로 다시 압축할 때의 수준입니다.",
    ),
    other(
        "compression.lz4.level",
        Type::Int,
        Range::Between(1.0, 17.0),
        "9",
        "The level at which a broker recompresses with lz4.",
        "브로커가 lz4로 다시 압축할 때의 수준입니다.",
    ),
    other(
        "compression.zstd.level",
        Type::Int,
        Range::Between(-131_072.0, 22.0),
        "3",
        "The level at which a broker recompresses with zstd.",
        "브로커가 zstd로 다시 압축할 때의 수준입니다.",
    ),
    other(
        "follower.replication.throttled.replicas",
        Type::List,
        Range::Any,
        "",
        "Replicas whose fetching is throttled.",
        "복제 속도를 제한할 팔로워 레플리카입니다.",
    ),
    other(
        "leader.replication.throttled.replicas",
        Type::List,
        Range::Any,
        "",
        "Replicas for which the leader's sending is throttled.",
        "리더가 보내는 속도를 제한할 레플리카입니다.",
    ),
    other(
        "local.retention.bytes",
        Type::Long,
        Range::AtLeast(-2.0),
        "-2",
        "With tiered storage, the size kept on the broker.",
        "계층형 저장소를 쓸 때 브로커에 남겨 두는 크기입니다.",
    ),
    other(
        "local.retention.ms",
        Type::Long,
        Range::AtLeast(-2.0),
        "-2",
        "With tiered storage, the time kept on the broker.",
        "계층형 저장소를 쓸 때 브로커에 남겨 두는 시간입니다.",
    ),
    other(
        "remote.log.copy.disable",
        Type::Boolean,
        Range::Any,
        "false",
        "Stops copying segments to tiered storage.",
        "세그먼트를 계층형 저장소로 복사하지 않게 합니다.",
    ),
    other(
        "remote.log.delete.on.disable",
        Type::Boolean,
        Range::Any,
        "false",
        "Deletes the remote copies when tiered storage is turned off.",
        "계층형 저장소를 끌 때 원격 복사본을 지웁니다.",
    ),
    other(
        "remote.storage.enable",
        Type::Boolean,
        Range::Any,
        "false",
        "Moves old segments to tiered storage.",
        "오래된 세그먼트를 계층형 저장소로 옮깁니다.",
    ),
];

fn definitions() -> impl Iterator<Item = &'static ConfigDef> {
    TOPIC_CONFIGS.iter().chain(TOPIC_NOT_MODELLED)
}

fn refusal(name: &str, value: &str, reason: &str) -> ConfigError {
    ConfigError {
        name: name.into(),
        value: Some(value.into()),
        reason: reason.into(),
        nearest: None,
    }
}

/// Checks the dynamic configs of a topic (`LogConfig.validate`).
pub(crate) fn validate(configs: &BTreeMap<Name, Name>) -> Result<(), ConfigError> {
    let mut values = BTreeMap::new();
    for (name, text) in configs {
        let Some(def) = definitions().find(|d| d.name == &**name) else {
            return Err(ConfigError {
                name: name.to_string(),
                value: None,
                reason: "a topic has no such config".into(),
                nearest: nearest_name(name, definitions().map(|d| d.name)),
            });
        };
        let value = def.parse(text)?;
        check_more(def, text, &value)?;
        values.insert(def.name, value);
    }
    let long = |name: &str| match values.get(name) {
        Some(ConfigValue::Int(v)) => *v,
        _ => definitions()
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
        let good = [
            ("retention.ms", "-1"),
            ("cleanup.policy", "compact,delete"),
            ("internal.segment.bytes", "1024"),
        ];
        assert!(check(&good));
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
