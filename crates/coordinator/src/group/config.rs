//! Broker and group configs that the group coordinator obeys (`GroupCoordinatorConfig`, `GroupConfig`).

use protocol::config::{ConfigDef, ConfigError, ConfigValue, Configs, Range, Scope, Type};
use protocol::{Ms, Name};

const fn broker(
    name: &'static str,
    kind: Type,
    default: &'static str,
    range: Range,
    en: &'static str,
    ko: &'static str,
) -> ConfigDef {
    ConfigDef {
        name,
        scope: Scope::Broker,
        kind,
        default: Some(default),
        required: false,
        range,
        modelled: true,
        dynamic: false,
        en,
        ko,
    }
}

const fn group(
    name: &'static str,
    default: &'static str,
    en: &'static str,
    ko: &'static str,
) -> ConfigDef {
    ConfigDef {
        name,
        scope: Scope::Group,
        kind: Type::Int,
        default: Some(default),
        required: false,
        range: Range::AtLeast(0.0),
        modelled: true,
        dynamic: true,
        en,
        ko,
    }
}

const fn not_modelled(def: ConfigDef) -> ConfigDef {
    ConfigDef {
        modelled: false,
        ..def
    }
}

macro_rules! defs {
    ($($name:ident = $def:expr;)*) => {
        $(pub const $name: ConfigDef = $def;)*
        /// Every config of this module.
        pub static TABLE: &[ConfigDef] = &[$($name),*];
    };
}

defs! {
    GROUP_MIN_SESSION_TIMEOUT_MS = broker("group.min.session.timeout.ms", Type::Int, "6000", Range::Any,
        "The shortest session timeout that a member of a classic group may ask for.",
        "클래식 그룹의 멤버가 요청할 수 있는 가장 짧은 세션 타임아웃입니다.");
    GROUP_MAX_SESSION_TIMEOUT_MS = broker("group.max.session.timeout.ms", Type::Int, "1800000", Range::Any,
        "The longest session timeout that a member of a classic group may ask for.",
        "클래식 그룹의 멤버가 요청할 수 있는 가장 긴 세션 타임아웃입니다.");
    GROUP_INITIAL_REBALANCE_DELAY_MS = broker("group.initial.rebalance.delay.ms", Type::Int, "3000", Range::Any,
        "How long an empty classic group waits for more members before its first rebalance.",
        "비어 있던 클래식 그룹이 첫 리밸런스 전에 멤버를 더 기다리는 시간입니다.");
    GROUP_MAX_SIZE = broker("group.max.size", Type::Int, "2147483647", Range::AtLeast(1.0),
        "How many members a classic group takes.",
        "클래식 그룹이 받을 수 있는 멤버 수입니다.");
    GROUP_CONSUMER_SESSION_TIMEOUT_MS = broker("group.consumer.session.timeout.ms", Type::Int, "45000", Range::AtLeast(1.0),
        "Without a heartbeat for this long a member of a consumer group is removed.",
        "이 시간 동안 하트비트가 없으면 컨슈머 그룹의 멤버를 제거합니다.");
    GROUP_CONSUMER_MIN_SESSION_TIMEOUT_MS = broker("group.consumer.min.session.timeout.ms", Type::Int, "45000", Range::AtLeast(1.0),
        "The shortest session timeout that a group may be given.",
        "그룹에 줄 수 있는 가장 짧은 세션 타임아웃입니다.");
    GROUP_CONSUMER_MAX_SESSION_TIMEOUT_MS = broker("group.consumer.max.session.timeout.ms", Type::Int, "60000", Range::AtLeast(1.0),
        "The longest session timeout that a group may be given.",
        "그룹에 줄 수 있는 가장 긴 세션 타임아웃입니다.");
    GROUP_CONSUMER_HEARTBEAT_INTERVAL_MS = broker("group.consumer.heartbeat.interval.ms", Type::Int, "5000", Range::AtLeast(1.0),
        "How often the members of a consumer group are told to send heartbeats.",
        "컨슈머 그룹의 멤버에게 알려 주는 하트비트 주기입니다.");
    GROUP_CONSUMER_MIN_HEARTBEAT_INTERVAL_MS = broker("group.consumer.min.heartbeat.interval.ms", Type::Int, "5000", Range::AtLeast(1.0),
        "The shortest heartbeat interval that a group may be given.",
        "그룹에 줄 수 있는 가장 짧은 하트비트 주기입니다.");
    GROUP_CONSUMER_MAX_HEARTBEAT_INTERVAL_MS = broker("group.consumer.max.heartbeat.interval.ms", Type::Int, "15000", Range::AtLeast(1.0),
        "The longest heartbeat interval that a group may be given.",
        "그룹에 줄 수 있는 가장 긴 하트비트 주기입니다.");
    GROUP_CONSUMER_MAX_SIZE = broker("group.consumer.max.size", Type::Int, "2147483647", Range::AtLeast(1.0),
        "How many members a consumer group takes.",
        "컨슈머 그룹이 받을 수 있는 멤버 수입니다.");
    GROUP_CONSUMER_ASSIGNORS = broker("group.consumer.assignors", Type::List, "uniform,range", Range::Each(&["uniform", "range"]),
        "The assignors of the broker; the first one is the default.",
        "브로커가 가진 할당자들이며, 첫 번째가 기본값입니다.");
    GROUP_CONSUMER_MIGRATION_POLICY = broker("group.consumer.migration.policy", Type::String, "bidirectional",
        Range::OneOf(&["bidirectional", "upgrade", "downgrade", "disabled", "BIDIRECTIONAL", "UPGRADE", "DOWNGRADE", "DISABLED"]),
        "Which way a group with members may change between the classic and the consumer protocol.",
        "멤버가 있는 그룹이 클래식 프로토콜과 컨슈머 프로토콜 사이를 어느 방향으로 바꿀 수 있는지 정합니다.");
    GROUP_CONSUMER_ASSIGNMENT_INTERVAL_MS = broker("group.consumer.assignment.interval.ms", Type::Int, "1000", Range::AtLeast(0.0),
        "The least time between two assignments of a consumer group.",
        "컨슈머 그룹에서 두 할당 사이의 최소 간격입니다.");
    GROUP_CONSUMER_MIN_ASSIGNMENT_INTERVAL_MS = broker("group.consumer.min.assignment.interval.ms", Type::Int, "0", Range::AtLeast(0.0),
        "The shortest assignment interval that a group may be given.",
        "그룹에 줄 수 있는 가장 짧은 할당 간격입니다.");
    GROUP_CONSUMER_MAX_ASSIGNMENT_INTERVAL_MS = broker("group.consumer.max.assignment.interval.ms", Type::Int, "15000", Range::AtLeast(0.0),
        "The longest assignment interval that a group may be given.",
        "그룹에 줄 수 있는 가장 긴 할당 간격입니다.");
    GROUP_CONSUMER_REGEX_REFRESH_INTERVAL_MS = broker("group.consumer.regex.refresh.interval.ms", Type::Int, "600000", Range::AtLeast(10_000.0),
        "How often a group's regular expressions are resolved again.",
        "그룹의 정규식을 다시 해석하는 주기입니다.");
    OFFSETS_RETENTION_MINUTES = broker("offsets.retention.minutes", Type::Int, "10080", Range::AtLeast(1.0),
        "How long committed offsets outlive their group's last member, or the last commit.",
        "마지막 멤버가 떠난 뒤(또는 마지막 커밋 뒤) 커밋된 오프셋을 보관하는 시간입니다.");
    OFFSETS_RETENTION_CHECK_INTERVAL_MS = broker("offsets.retention.check.interval.ms", Type::Long, "600000", Range::AtLeast(1.0),
        "How often the coordinator looks for offsets and groups that have expired.",
        "만료된 오프셋과 그룹을 찾는 주기입니다.");
    OFFSET_METADATA_MAX_BYTES = broker("offset.metadata.max.bytes", Type::Int, "4096", Range::Any,
        "How long the metadata of a commit may be, in UTF-16 units.",
        "커밋에 붙는 메타데이터의 최대 길이(UTF-16 단위)입니다.");
    OFFSETS_COMMIT_TIMEOUT_MS = broker("offsets.commit.timeout.ms", Type::Int, "5000", Range::AtLeast(1.0),
        "How long a write of the coordinator waits for replication.",
        "코디네이터의 쓰기가 복제를 기다리는 최대 시간입니다.");
    OFFSETS_TOPIC_NUM_PARTITIONS = broker("offsets.topic.num.partitions", Type::Int, "50", Range::AtLeast(1.0),
        "Partitions of __consumer_offsets, over which groups are spread.",
        "그룹이 나뉘어 저장되는 __consumer_offsets의 파티션 수입니다.");
    OFFSETS_TOPIC_REPLICATION_FACTOR = broker("offsets.topic.replication.factor", Type::Int, "3", Range::AtLeast(1.0),
        "Replicas of each partition of __consumer_offsets.",
        "__consumer_offsets 각 파티션의 복제본 수입니다.");
    OFFSETS_TOPIC_SEGMENT_BYTES = broker("offsets.topic.segment.bytes", Type::Int, "104857600", Range::AtLeast(1.0),
        "Segment size of __consumer_offsets, kept small so that compaction and loading are quick.",
        "__consumer_offsets의 세그먼트 크기이며, 압축과 로딩이 빠르도록 작게 둡니다.");
    GROUP_COORDINATOR_APPEND_LINGER_MS = not_modelled(broker("group.coordinator.append.linger.ms", Type::Int, "-1", Range::AtLeast(-1.0),
        "How long the coordinator gathers writes into one batch; here each event is one append.",
        "코디네이터가 쓰기를 한 배치로 모으는 시간입니다. 여기서는 이벤트마다 한 번씩 추가합니다."));
    GROUP_COORDINATOR_REBALANCE_PROTOCOLS = not_modelled(broker("group.coordinator.rebalance.protocols", Type::List, "classic,consumer,streams",
        Range::Each(&["classic", "consumer", "share", "streams"]),
        "Group protocols that the broker speaks.",
        "브로커가 지원하는 그룹 프로토콜입니다."));
    CONSUMER_SESSION_TIMEOUT_MS = group("consumer.session.timeout.ms", "45000",
        "The session timeout of this consumer group.",
        "이 컨슈머 그룹의 세션 타임아웃입니다.");
    CONSUMER_HEARTBEAT_INTERVAL_MS = group("consumer.heartbeat.interval.ms", "5000",
        "The heartbeat interval of this consumer group.",
        "이 컨슈머 그룹의 하트비트 주기입니다.");
    CONSUMER_ASSIGNMENT_INTERVAL_MS = group("consumer.assignment.interval.ms", "1000",
        "The least time between two assignments of this group.",
        "이 그룹에서 두 할당 사이의 최소 간격입니다.");
}

/// `ConsumerGroupMigrationPolicy`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MigrationPolicy {
    Bidirectional,
    Upgrade,
    Downgrade,
    Disabled,
}

impl MigrationPolicy {
    pub const fn is_upgrade_enabled(self) -> bool {
        matches!(self, Self::Bidirectional | Self::Upgrade)
    }

    pub const fn is_downgrade_enabled(self) -> bool {
        matches!(self, Self::Bidirectional | Self::Downgrade)
    }
}

/// A broker's group configs, read once.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupCoordinatorConfig {
    pub classic_min_session_timeout_ms: i32,
    pub classic_max_session_timeout_ms: i32,
    pub classic_initial_rebalance_delay_ms: i32,
    pub classic_max_size: usize,
    /// Not configurable in Kafka either.
    pub classic_new_member_join_timeout_ms: i32,
    pub consumer_session_timeout_ms: i32,
    pub consumer_session_timeout_range_ms: (i32, i32),
    pub consumer_heartbeat_interval_ms: i32,
    pub consumer_heartbeat_interval_range_ms: (i32, i32),
    pub consumer_max_size: usize,
    /// Names; the first is the default.
    pub consumer_assignors: Vec<Name>,
    pub consumer_migration_policy: MigrationPolicy,
    pub consumer_assignment_interval_ms: i32,
    pub consumer_assignment_interval_range_ms: (i32, i32),
    pub consumer_regex_refresh_interval_ms: Ms,
    pub offsets_retention_ms: Ms,
    pub offsets_retention_check_interval_ms: Ms,
    pub offset_metadata_max_size: usize,
    pub offset_commit_timeout_ms: Ms,
    pub offsets_topic_partitions: i32,
}

fn int(configs: &Configs, def: &ConfigDef) -> i64 {
    match configs.value(def) {
        ConfigValue::Int(v) => v,
        other => unreachable!("{} is a number, not {other:?}", def.name),
    }
}

fn int32(configs: &Configs, def: &ConfigDef) -> i32 {
    int(configs, def) as i32
}

impl GroupCoordinatorConfig {
    /// Reads what was set and the defaults of the rest.
    pub fn new(configs: &Configs) -> Self {
        let policy = match configs.value(&GROUP_CONSUMER_MIGRATION_POLICY) {
            ConfigValue::Text(text) => match text.to_ascii_lowercase().as_str() {
                "upgrade" => MigrationPolicy::Upgrade,
                "downgrade" => MigrationPolicy::Downgrade,
                "disabled" => MigrationPolicy::Disabled,
                _ => MigrationPolicy::Bidirectional,
            },
            _ => MigrationPolicy::Bidirectional,
        };
        let assignors = match configs.value(&GROUP_CONSUMER_ASSIGNORS) {
            ConfigValue::List(names) => names.iter().map(|n| n.as_str().into()).collect(),
            _ => Vec::new(),
        };
        Self {
            classic_min_session_timeout_ms: int32(configs, &GROUP_MIN_SESSION_TIMEOUT_MS),
            classic_max_session_timeout_ms: int32(configs, &GROUP_MAX_SESSION_TIMEOUT_MS),
            classic_initial_rebalance_delay_ms: int32(configs, &GROUP_INITIAL_REBALANCE_DELAY_MS),
            classic_max_size: int(configs, &GROUP_MAX_SIZE) as usize,
            classic_new_member_join_timeout_ms: 300_000,
            consumer_session_timeout_ms: int32(configs, &GROUP_CONSUMER_SESSION_TIMEOUT_MS),
            consumer_session_timeout_range_ms: (
                int32(configs, &GROUP_CONSUMER_MIN_SESSION_TIMEOUT_MS),
                int32(configs, &GROUP_CONSUMER_MAX_SESSION_TIMEOUT_MS),
            ),
            consumer_heartbeat_interval_ms: int32(configs, &GROUP_CONSUMER_HEARTBEAT_INTERVAL_MS),
            consumer_heartbeat_interval_range_ms: (
                int32(configs, &GROUP_CONSUMER_MIN_HEARTBEAT_INTERVAL_MS),
                int32(configs, &GROUP_CONSUMER_MAX_HEARTBEAT_INTERVAL_MS),
            ),
            consumer_max_size: int(configs, &GROUP_CONSUMER_MAX_SIZE) as usize,
            consumer_assignors: assignors,
            consumer_migration_policy: policy,
            consumer_assignment_interval_ms: int32(configs, &GROUP_CONSUMER_ASSIGNMENT_INTERVAL_MS),
            consumer_assignment_interval_range_ms: (
                int32(configs, &GROUP_CONSUMER_MIN_ASSIGNMENT_INTERVAL_MS),
                int32(configs, &GROUP_CONSUMER_MAX_ASSIGNMENT_INTERVAL_MS),
            ),
            consumer_regex_refresh_interval_ms: int(
                configs,
                &GROUP_CONSUMER_REGEX_REFRESH_INTERVAL_MS,
            ),
            offsets_retention_ms: int(configs, &OFFSETS_RETENTION_MINUTES) * 60_000,
            offsets_retention_check_interval_ms: int(configs, &OFFSETS_RETENTION_CHECK_INTERVAL_MS),
            offset_metadata_max_size: int(configs, &OFFSET_METADATA_MAX_BYTES).max(0) as usize,
            offset_commit_timeout_ms: int(configs, &OFFSETS_COMMIT_TIMEOUT_MS),
            offsets_topic_partitions: int32(configs, &OFFSETS_TOPIC_NUM_PARTITIONS),
        }
    }

    /// The assignor of a group whose members name none.
    pub fn default_assignor(&self) -> Name {
        let first = self.consumer_assignors.first().cloned();
        first.unwrap_or_else(|| "uniform".into())
    }
}

impl Default for GroupCoordinatorConfig {
    fn default() -> Self {
        Self::new(&Configs::default())
    }
}

/// What is set for one group; the rest is the broker's (`GroupConfig`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GroupConfig {
    pub consumer_session_timeout_ms: Option<i32>,
    pub consumer_heartbeat_interval_ms: Option<i32>,
    pub consumer_assignment_interval_ms: Option<i32>,
}

impl GroupConfig {
    /// Reads a group's dynamic configs. Values outside of the broker's range are taken at its nearest end, as
    /// `GroupConfig.evaluate` does for configs that were set before the range was.
    pub fn new<'a>(
        pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
        broker: &GroupCoordinatorConfig,
    ) -> Result<Self, ConfigError> {
        let configs = Configs::new(&[TABLE], pairs)?;
        let read = |def: &ConfigDef, (min, max): (i32, i32)| {
            configs
                .set_text(def.name)
                .map(|_| int32(&configs, def).min(max).max(min))
        };
        Ok(Self {
            consumer_session_timeout_ms: read(
                &CONSUMER_SESSION_TIMEOUT_MS,
                broker.consumer_session_timeout_range_ms,
            ),
            consumer_heartbeat_interval_ms: read(
                &CONSUMER_HEARTBEAT_INTERVAL_MS,
                broker.consumer_heartbeat_interval_range_ms,
            ),
            consumer_assignment_interval_ms: read(
                &CONSUMER_ASSIGNMENT_INTERVAL_MS,
                broker.consumer_assignment_interval_range_ms,
            ),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_passes_its_own_range() {
        let config = GroupCoordinatorConfig::default();
        assert_eq!(
            config.consumer_assignors,
            ["uniform".into(), Name::from("range")]
        );
        assert_eq!(config.offsets_retention_ms, 7 * 24 * 3_600_000);
        for def in TABLE {
            assert!(
                def.parse(def.default.expect("has one")).is_ok(),
                "{}",
                def.name
            );
        }
    }

    #[test]
    fn a_group_s_value_stays_inside_the_broker_s_range() {
        let broker = GroupCoordinatorConfig::default();
        let group = GroupConfig::new([("consumer.session.timeout.ms", "70000")], &broker);
        let session = group.expect("known name").consumer_session_timeout_ms;
        assert_eq!(session, Some(60_000));
    }
}
