//! What a broker is started with.

use crate::config::{BROKER_CONFIGS, ReplicationConfig};
use coordinator::group::GroupCoordinatorConfig;
use log::{BrokerLogConfig, LogConfig};
use protocol::config::{ConfigDef, ConfigError, ConfigValue, Configs, Range, Scope, Type};
use protocol::{Ms, Name, NodeId, Protections, Uuid};
use std::collections::BTreeMap;

macro_rules! node_config {
    ($name:ident, $text:literal, $kind:ident, $default:expr, $range:expr, $modelled:literal, $en:literal, $ko:literal) => {
        pub const $name: ConfigDef = ConfigDef {
            name: $text,
            scope: Scope::Broker,
            kind: Type::$kind,
            default: $default,
            required: false,
            range: $range,
            modelled: $modelled,
            dynamic: false,
            en: $en,
            ko: $ko,
        };
    };
}

node_config!(
    BROKER_HEARTBEAT_INTERVAL_MS,
    "broker.heartbeat.interval.ms",
    Int,
    Some("2000"),
    Range::AtLeast(1.0),
    true,
    "How often a broker tells the controller that it is alive.",
    "브로커가 컨트롤러에 살아 있음을 알리는 주기입니다."
);
node_config!(
    AUTO_CREATE_TOPICS_ENABLE,
    "auto.create.topics.enable",
    Boolean,
    Some("true"),
    Range::Any,
    true,
    "A topic that a client asks for is created if it does not exist.",
    "클라이언트가 요청한 토픽이 없으면 만들어 줍니다."
);
node_config!(
    CONTROLLED_SHUTDOWN_ENABLE,
    "controlled.shutdown.enable",
    Boolean,
    Some("true"),
    Range::Any,
    true,
    "A broker that is stopped hands its leaderships over first.",
    "브로커를 멈출 때 먼저 리더십을 넘깁니다."
);
node_config!(
    OFFSETS_TOPIC_REPLICATION_FACTOR,
    "offsets.topic.replication.factor",
    Int,
    Some("3"),
    Range::AtLeast(1.0),
    true,
    "Replicas of each partition of __consumer_offsets.",
    "__consumer_offsets 파티션마다 두는 레플리카 수입니다."
);
node_config!(
    OFFSETS_TOPIC_SEGMENT_BYTES,
    "offsets.topic.segment.bytes",
    Int,
    Some("104857600"),
    Range::AtLeast(1.0),
    true,
    "Segment size of __consumer_offsets.",
    "__consumer_offsets의 세그먼트 크기입니다."
);
node_config!(
    LOG_RETENTION_CHECK_INTERVAL_MS,
    "log.retention.check.interval.ms",
    Long,
    Some("300000"),
    Range::AtLeast(1.0),
    true,
    "How often a broker looks for segments that retention lets go.",
    "보존 기간이 지난 세그먼트를 브로커가 찾는 주기입니다."
);
node_config!(
    LOG_INITIAL_TASK_DELAY_MS,
    "log.initial.task.delay.ms",
    Long,
    Some("30000"),
    Range::AtLeast(0.0),
    true,
    "How long a started broker waits before the first of its log tasks.",
    "브로커가 시작한 뒤 로그 작업을 처음 실행하기까지 기다리는 시간입니다."
);
node_config!(
    LOG_CLEANER_ENABLE,
    "log.cleaner.enable",
    Boolean,
    Some("true"),
    Range::Any,
    true,
    "Whether compacted topics are cleaned.",
    "압축 토픽을 정리할지 정합니다."
);
node_config!(
    LOG_CLEANER_BACKOFF_MS,
    "log.cleaner.backoff.ms",
    Long,
    Some("15000"),
    Range::AtLeast(0.0),
    true,
    "How long the cleaner sleeps when there was nothing to clean.",
    "정리할 로그가 없을 때 클리너가 쉬는 시간입니다."
);
node_config!(
    LOG_FLUSH_OFFSET_CHECKPOINT_INTERVAL_MS,
    "log.flush.offset.checkpoint.interval.ms",
    Int,
    Some("60000"),
    Range::AtLeast(0.0),
    true,
    "How often recovery points are written.",
    "복구 지점을 기록하는 주기입니다."
);

/// The configs of the process itself; replication, log and coordinators have tables of their own.
pub static NODE_CONFIGS: &[ConfigDef] = &[
    BROKER_HEARTBEAT_INTERVAL_MS,
    AUTO_CREATE_TOPICS_ENABLE,
    CONTROLLED_SHUTDOWN_ENABLE,
    OFFSETS_TOPIC_REPLICATION_FACTOR,
    OFFSETS_TOPIC_SEGMENT_BYTES,
    LOG_RETENTION_CHECK_INTERVAL_MS,
    LOG_INITIAL_TASK_DELAY_MS,
    LOG_CLEANER_ENABLE,
    LOG_CLEANER_BACKOFF_MS,
    LOG_FLUSH_OFFSET_CHECKPOINT_INTERVAL_MS,
];

/// Static settings of one broker.
#[derive(Clone, PartialEq, Debug)]
pub struct NodeConfig {
    pub node_id: NodeId,
    pub cluster_id: Name,
    pub rack: Option<Name>,
    /// Ids of the quorum's voters.
    pub controllers: Vec<NodeId>,
    /// The id of its log directory; it stays over restarts, a wiped disk has a new one.
    pub directory_id: Uuid,
    /// Everything that was set for this broker, by Kafka's dotted names.
    pub properties: BTreeMap<String, String>,
    pub replication: ReplicationConfig,
    pub heartbeat_interval_ms: Ms,
    pub auto_create_topics: bool,
    pub controlled_shutdown: bool,
    pub group: GroupCoordinatorConfig,
    pub offsets_topic_replication_factor: i16,
    pub offsets_topic_segment_bytes: i64,
    pub retention_check_interval_ms: Ms,
    pub initial_task_delay_ms: Ms,
    pub cleaner_enabled: bool,
    pub cleaner_backoff_ms: Ms,
    pub recovery_point_checkpoint_interval_ms: Ms,
}

/// The pairs of `properties` that `table` knows, over its defaults.
pub(super) fn known(
    table: &'static [ConfigDef],
    properties: &BTreeMap<String, String>,
) -> Result<Configs, ConfigError> {
    let pairs = properties
        .iter()
        .filter(|(name, _)| table.iter().any(|d| d.name == *name));
    Configs::new(&[table], pairs.map(|(k, v)| (k.as_str(), v.as_str())))
}

fn int(configs: &Configs, def: &ConfigDef) -> i64 {
    match configs.value(def) {
        ConfigValue::Int(value) => value,
        other => unreachable!("{} is a number, not {other:?}", def.name),
    }
}

fn is_on(configs: &Configs, def: &ConfigDef) -> bool {
    configs.value(def) == ConfigValue::Boolean(true)
}

impl NodeConfig {
    /// Reads the properties that a broker obeys. Those that nobody here knows are kept and do nothing.
    pub fn new(
        node_id: NodeId,
        cluster_id: Name,
        rack: Option<Name>,
        controllers: Vec<NodeId>,
        directory_id: Uuid,
        properties: BTreeMap<String, String>,
    ) -> Result<Self, ConfigError> {
        let own = known(NODE_CONFIGS, &properties)?;
        let replication = ReplicationConfig::new(&known(BROKER_CONFIGS, &properties)?);
        known(log::BROKER_CONFIGS, &properties)?;
        let group =
            GroupCoordinatorConfig::new(&known(coordinator::group::config::TABLE, &properties)?);
        Ok(Self {
            node_id,
            cluster_id,
            rack,
            controllers,
            directory_id,
            properties,
            replication,
            group,
            heartbeat_interval_ms: int(&own, &BROKER_HEARTBEAT_INTERVAL_MS),
            auto_create_topics: is_on(&own, &AUTO_CREATE_TOPICS_ENABLE),
            controlled_shutdown: is_on(&own, &CONTROLLED_SHUTDOWN_ENABLE),
            offsets_topic_replication_factor: int(&own, &OFFSETS_TOPIC_REPLICATION_FACTOR) as i16,
            offsets_topic_segment_bytes: int(&own, &OFFSETS_TOPIC_SEGMENT_BYTES),
            retention_check_interval_ms: int(&own, &LOG_RETENTION_CHECK_INTERVAL_MS),
            initial_task_delay_ms: int(&own, &LOG_INITIAL_TASK_DELAY_MS),
            cleaner_enabled: is_on(&own, &LOG_CLEANER_ENABLE),
            cleaner_backoff_ms: int(&own, &LOG_CLEANER_BACKOFF_MS),
            recovery_point_checkpoint_interval_ms: int(
                &own,
                &LOG_FLUSH_OFFSET_CHECKPOINT_INTERVAL_MS,
            ),
        })
    }

    /// What the log directory obeys.
    pub fn broker_log(&self, protections: Protections) -> BrokerLogConfig {
        let configs = known(log::BROKER_CONFIGS, &self.properties).expect("checked at the start");
        BrokerLogConfig::resolve(&configs, protections)
    }

    /// The settings of a topic's logs: the topic's own over the broker's. A topic value that does not parse is left out.
    pub fn topic_log(&self, topic: &BTreeMap<Name, Name>) -> LogConfig {
        let broker = known(log::BROKER_CONFIGS, &self.properties).expect("checked at the start");
        let pairs: Vec<(&str, &str)> = topic
            .iter()
            .map(|(k, v)| (&**k, &**v))
            .filter(|(k, v)| {
                log::TOPIC_CONFIGS
                    .iter()
                    .any(|d| d.name == *k && d.parse(v).is_ok())
            })
            .collect();
        let topic =
            Configs::new(&[log::TOPIC_CONFIGS], pairs).expect("only what the table takes is left");
        LogConfig::resolve(&topic, &broker)
    }
}
