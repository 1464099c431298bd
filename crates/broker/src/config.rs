//! The broker configs that replication obeys (`ServerLogConfigs`, `ReplicationConfigs`), and their typed values.
//!
//! Topic and log configs belong to the log; group and transaction configs to the coordinators.

use protocol::Ms;
use protocol::config::{ConfigDef, ConfigValue, Configs, Range, Scope, Type};

use crate::selector::RACK_AWARE_CLASS;

macro_rules! broker_config {
    ($name:ident, $text:literal, $kind:ident, $default:expr, $range:expr, $modelled:literal, $dynamic:literal, $en:literal, $ko:literal) => {
        pub const $name: ConfigDef = ConfigDef {
            name: $text,
            scope: Scope::Broker,
            kind: Type::$kind,
            default: $default,
            required: false,
            range: $range,
            modelled: $modelled,
            dynamic: $dynamic,
            en: $en,
            ko: $ko,
        };
    };
}

broker_config!(
    REPLICA_LAG_TIME_MAX_MS,
    "replica.lag.time.max.ms",
    Long,
    Some("30000"),
    Range::Any,
    true,
    false,
    "A follower that did not reach the leader's log end for longer than this is removed from the ISR.",
    "이 시간보다 오래 리더의 로그 끝에 도달하지 못한 팔로워는 ISR에서 제외됩니다."
);
broker_config!(
    REPLICA_FETCH_WAIT_MAX_MS,
    "replica.fetch.wait.max.ms",
    Int,
    Some("500"),
    Range::Any,
    true,
    false,
    "How long a leader may hold a follower's fetch that has nothing to return.",
    "보낼 레코드가 없는 팔로워의 fetch를 리더가 붙잡아 둘 수 있는 시간입니다."
);
broker_config!(
    REPLICA_FETCH_MIN_BYTES,
    "replica.fetch.min.bytes",
    Int,
    Some("1"),
    Range::Any,
    true,
    false,
    "A follower's fetch is answered at once when at least this many bytes are there.",
    "이만큼의 바이트가 있으면 팔로워의 fetch에 바로 응답합니다."
);
broker_config!(
    REPLICA_FETCH_MAX_BYTES,
    "replica.fetch.max.bytes",
    Int,
    Some("1048576"),
    Range::AtLeast(0.0),
    true,
    false,
    "Bytes of one partition that a follower asks for; the first batch is sent even if it is larger.",
    "팔로워가 파티션 하나에서 요청하는 바이트 수입니다. 첫 배치는 더 커도 전송됩니다."
);
broker_config!(
    REPLICA_FETCH_RESPONSE_MAX_BYTES,
    "replica.fetch.response.max.bytes",
    Int,
    Some("10485760"),
    Range::AtLeast(0.0),
    true,
    false,
    "Bytes that a follower asks for in one fetch over all partitions.",
    "팔로워가 fetch 하나에서 모든 파티션을 합쳐 요청하는 바이트 수입니다."
);
broker_config!(
    REPLICA_FETCH_BACKOFF_MS,
    "replica.fetch.backoff.ms",
    Int,
    Some("1000"),
    Range::AtLeast(0.0),
    true,
    false,
    "How long a follower leaves a partition alone after an error.",
    "오류가 난 파티션을 팔로워가 다시 fetch하기까지 기다리는 시간입니다."
);
broker_config!(
    REPLICA_SELECTOR_CLASS,
    "replica.selector.class",
    Class,
    None,
    Range::OneOf(&[RACK_AWARE_CLASS]),
    true,
    false,
    "Chooses the replica that a consumer is sent to; without one every consumer reads from the leader.",
    "컨슈머가 읽을 레플리카를 고르는 클래스입니다. 없으면 모두 리더에서 읽습니다."
);
broker_config!(
    REPLICA_HIGH_WATERMARK_CHECKPOINT_INTERVAL_MS,
    "replica.high.watermark.checkpoint.interval.ms",
    Long,
    Some("5000"),
    Range::Any,
    true,
    false,
    "How often the high watermarks of a broker are written to disk.",
    "브로커의 하이 워터마크를 디스크에 기록하는 주기입니다."
);
broker_config!(
    FETCH_MAX_BYTES,
    "fetch.max.bytes",
    Int,
    Some("57671680"),
    Range::AtLeast(1024.0),
    true,
    false,
    "The most bytes that a broker returns for one fetch, whatever the client asks for.",
    "클라이언트의 요청과 상관없이 브로커가 fetch 하나에 돌려주는 최대 바이트 수입니다."
);
broker_config!(
    NUM_REPLICA_FETCHERS,
    "num.replica.fetchers",
    Int,
    Some("1"),
    Range::Any,
    false,
    true,
    "Fetcher threads for each leader broker; here always one.",
    "리더 브로커마다 두는 fetcher 스레드 수입니다. 여기서는 항상 하나입니다."
);
broker_config!(
    BROKER_RACK,
    "broker.rack",
    String,
    None,
    Range::Any,
    true,
    false,
    "The rack that a broker is in, for placement and for reading nearby.",
    "브로커가 속한 랙입니다. 레플리카 배치와 가까운 곳에서 읽기에 쓰입니다."
);

broker_config!(
    FETCH_SESSION_CACHE_SLOTS,
    "max.incremental.fetch.session.cache.slots",
    Int,
    Some("1000"),
    Range::AtLeast(0.0),
    true,
    false,
    "The most fetch sessions that a broker keeps.",
    "브로커가 유지하는 fetch 세션의 최대 개수입니다."
);

/// Every broker config of this crate.
pub static BROKER_CONFIGS: &[ConfigDef] = &[
    REPLICA_LAG_TIME_MAX_MS,
    REPLICA_FETCH_WAIT_MAX_MS,
    REPLICA_FETCH_MIN_BYTES,
    REPLICA_FETCH_MAX_BYTES,
    REPLICA_FETCH_RESPONSE_MAX_BYTES,
    REPLICA_FETCH_BACKOFF_MS,
    REPLICA_SELECTOR_CLASS,
    REPLICA_HIGH_WATERMARK_CHECKPOINT_INTERVAL_MS,
    FETCH_MAX_BYTES,
    NUM_REPLICA_FETCHERS,
    FETCH_SESSION_CACHE_SLOTS,
    BROKER_RACK,
];

/// The values of [`BROKER_CONFIGS`] that a replica manager reads on every step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplicationConfig {
    pub replica_lag_time_max_ms: Ms,
    pub replica_fetch_wait_max_ms: i32,
    pub replica_fetch_min_bytes: i32,
    pub replica_fetch_max_bytes: i32,
    pub replica_fetch_response_max_bytes: i32,
    pub replica_fetch_backoff_ms: Ms,
    pub rack_aware_selector: bool,
    pub high_watermark_checkpoint_interval_ms: Ms,
    pub fetch_max_bytes: i32,
    pub fetch_session_cache_slots: i32,
}

impl Default for ReplicationConfig {
    fn default() -> Self {
        Self::new(&Configs::default())
    }
}

impl ReplicationConfig {
    /// Reads what was set, else the defaults.
    pub fn new(configs: &Configs) -> Self {
        let long = |def: &ConfigDef| match configs.value(def) {
            ConfigValue::Int(value) => value,
            other => unreachable!("{} is a number, not {other:?}", def.name),
        };
        // The table parses these as 32-bit numbers.
        let int = |def: &ConfigDef| long(def) as i32;
        Self {
            replica_lag_time_max_ms: long(&REPLICA_LAG_TIME_MAX_MS),
            replica_fetch_wait_max_ms: int(&REPLICA_FETCH_WAIT_MAX_MS),
            replica_fetch_min_bytes: int(&REPLICA_FETCH_MIN_BYTES),
            replica_fetch_max_bytes: int(&REPLICA_FETCH_MAX_BYTES),
            replica_fetch_response_max_bytes: int(&REPLICA_FETCH_RESPONSE_MAX_BYTES),
            replica_fetch_backoff_ms: long(&REPLICA_FETCH_BACKOFF_MS),
            rack_aware_selector: configs.value(&REPLICA_SELECTOR_CLASS)
                == ConfigValue::Text(RACK_AWARE_CLASS.into()),
            high_watermark_checkpoint_interval_ms: long(
                &REPLICA_HIGH_WATERMARK_CHECKPOINT_INTERVAL_MS,
            ),
            fetch_max_bytes: int(&FETCH_MAX_BYTES),
            fetch_session_cache_slots: int(&FETCH_SESSION_CACHE_SLOTS),
        }
    }
}
