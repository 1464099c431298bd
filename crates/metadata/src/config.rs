//! The configs that the control plane obeys, and which configs a topic may have.

use protocol::Ms;
use protocol::config::{ConfigDef, ConfigValue, Configs, Range, Scope, Type};

use crate::image::ConfigResourceType;

pub const MIN_INSYNC_REPLICAS: &str = "min.insync.replicas";
pub const UNCLEAN_LEADER_ELECTION_ENABLE: &str = "unclean.leader.election.enable";
pub const CORDONED_LOG_DIRS: &str = "cordoned.log.dirs";
pub const DEFAULT_MIN_INSYNC_REPLICAS: i32 = 1;

const fn def(
    name: &'static str,
    kind: Type,
    default: &'static str,
    min: f64,
    en: &'static str,
    ko: &'static str,
) -> ConfigDef {
    ConfigDef {
        name,
        scope: Scope::Broker,
        kind,
        default: Some(default),
        required: false,
        range: Range::AtLeast(min),
        modelled: true,
        dynamic: false,
        en,
        ko,
    }
}

/// Broker-scope configs that a controller reads from its properties file.
pub static CONTROLLER: &[ConfigDef] = &[
    def(
        "broker.session.timeout.ms",
        Type::Int,
        "9000",
        f64::MIN,
        "Without a heartbeat for longer than this, the controller fences a broker.",
        "이 시간보다 오래 하트비트가 없으면 컨트롤러가 브로커를 펜싱합니다.",
    ),
    def(
        "default.replication.factor",
        Type::Int,
        "1",
        f64::MIN,
        "The replication factor of topics created without one.",
        "복제 계수를 정하지 않고 만든 토픽의 복제 계수입니다.",
    ),
    def(
        "num.partitions",
        Type::Int,
        "1",
        1.0,
        "The number of partitions of topics created without one.",
        "파티션 수를 정하지 않고 만든 토픽의 파티션 수입니다.",
    ),
    ConfigDef {
        range: Range::Any,
        ..def(
            "auto.leader.rebalance.enable",
            Type::Boolean,
            "true",
            0.0,
            "The controller gives partitions back to their preferred leader from time to time.",
            "컨트롤러가 주기적으로 파티션의 리더를 선호 리더로 되돌립니다.",
        )
    },
    def(
        "leader.imbalance.check.interval.seconds",
        Type::Long,
        "300",
        1.0,
        "How often the controller looks for partitions that their preferred leader does not lead.",
        "선호 리더가 아닌 브로커가 이끄는 파티션을 컨트롤러가 찾는 주기입니다.",
    ),
    def(
        "unclean.leader.election.interval.ms",
        Type::Long,
        "300000",
        1.0,
        "How often the controller tries an unclean election for leaderless partitions that allow it.",
        "리더가 없고 언클린 리더 선출이 허용된 파티션에 컨트롤러가 선출을 시도하는 주기입니다.",
    ),
];

/// The whole number that a CONTROLLER config has.
pub(crate) fn int(configs: &Configs, name: &str) -> Ms {
    match configs.value(controller_def(name)) {
        ConfigValue::Int(value) => value,
        other => unreachable!("{name} is a whole number, not {other:?}"),
    }
}

pub(crate) fn boolean(configs: &Configs, name: &str) -> bool {
    configs.value(controller_def(name)) == ConfigValue::Boolean(true)
}

fn controller_def(name: &str) -> &'static ConfigDef {
    CONTROLLER
        .iter()
        .find(|d| d.name == name)
        .expect("a name of the table")
}

/// The default of a list-typed config; None if the key is no list (`KafkaConfigSchema.isSplittable`).
pub(crate) fn list_default(kind: ConfigResourceType, key: &str) -> Option<&'static str> {
    let lists: &[(&str, &str)] = match kind {
        ConfigResourceType::Topic => &[
            ("cleanup.policy", "delete"),
            ("leader.replication.throttled.replicas", ""),
            ("follower.replication.throttled.replicas", ""),
        ],
        ConfigResourceType::Broker => &[
            ("advertised.listeners", ""),
            ("cordoned.log.dirs", ""),
            ("early.start.listeners", ""),
            ("listeners", "PLAINTEXT://:9092"),
            ("log.cleanup.policy", "delete"),
            ("log.dir", "/tmp/kafka-logs"),
            ("log.dirs", ""),
            (
                "metric.reporters",
                "org.apache.kafka.common.metrics.JmxReporter",
            ),
            ("process.roles", ""),
            ("sasl.enabled.mechanisms", "GSSAPI"),
            ("sasl.kerberos.principal.to.local.rules", "DEFAULT"),
            ("ssl.cipher.suites", ""),
            ("ssl.enabled.protocols", "TLSv1.2,TLSv1.3"),
        ],
        _ => &[],
    };
    lists
        .iter()
        .find(|(name, _)| *name == key)
        .map(|(_, default)| *default)
}

mod topic;

pub use topic::TOPIC_NOT_MODELLED;
pub(crate) use topic::validate as validate_topic_configs;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_those_of_kafka_4_3() {
        let configs = Configs::default();
        for (name, value) in [
            ("broker.session.timeout.ms", 9_000),
            ("default.replication.factor", 1),
            ("num.partitions", 1),
            ("leader.imbalance.check.interval.seconds", 300),
            ("unclean.leader.election.interval.ms", 300_000),
        ] {
            assert_eq!(int(&configs, name), value, "{name}");
        }
        assert!(boolean(&configs, "auto.leader.rebalance.enable"));
    }
}
