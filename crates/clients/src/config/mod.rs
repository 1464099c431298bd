//! The configs of producers and consumers, with Kafka 4.3's names, types, defaults and ranges.
//!
//! Tables only; what a value does is known where it is read. Sources: `ProducerConfig`, `ConsumerConfig`,
//! `CommonClientConfigs`.

use protocol::config::Range::{Any, AtLeast, Between, NonEmpty, OneOf};
use protocol::config::Type::{Boolean, Class, Int, List, Long, String};
use protocol::config::{ConfigDef, Range, Scope, Type};

#[allow(clippy::too_many_arguments)]
const fn def(
    scope: Scope,
    name: &'static str,
    kind: Type,
    default: Option<&'static str>,
    range: Range,
    modelled: bool,
    en: &'static str,
    ko: &'static str,
) -> ConfigDef {
    ConfigDef {
        name,
        scope,
        kind,
        default,
        required: false,
        range,
        modelled,
        dynamic: false,
        en,
        ko,
    }
}

/// Configs that producers and consumers share; only the receive buffer differs in its default.
macro_rules! table {
    ($scope:ident, $receive:literal, $($own:expr,)*) => {
        &[
            $($own,)*
            def(Scope::$scope, "bootstrap.servers", List, None, NonEmpty, true,
                "Brokers that the client asks first to learn about the cluster.",
                "클러스터를 알아내기 위해 처음에 물어보는 브로커 목록."),
            def(Scope::$scope, "client.id", String, Some(""), Any, true,
                "Name that the client gives itself in every request.",
                "클라이언트가 모든 요청에 붙이는 자기 이름."),
            def(Scope::$scope, "client.dns.lookup", String, Some("use_all_dns_ips"),
                OneOf(&["use_all_dns_ips", "resolve_canonical_bootstrap_servers_only"]), false,
                "How host names are turned into addresses; there are no addresses here.",
                "호스트 이름을 주소로 바꾸는 방법. 여기에는 주소가 없습니다."),
            def(Scope::$scope, "request.timeout.ms", Int, Some("30000"), AtLeast(0.0), true,
                "How long the client waits for an answer before it gives up the connection.",
                "응답을 기다리다가 연결을 포기하기까지의 시간."),
            def(Scope::$scope, "retry.backoff.ms", Long, Some("100"), AtLeast(0.0), true,
                "Wait before the first retry; it doubles with each failure.",
                "첫 재시도 전에 기다리는 시간. 실패할 때마다 두 배가 됩니다."),
            def(Scope::$scope, "retry.backoff.max.ms", Long, Some("1000"), AtLeast(0.0), true,
                "The longest wait between retries.",
                "재시도 사이에 기다리는 최대 시간."),
            def(Scope::$scope, "reconnect.backoff.ms", Long, Some("50"), AtLeast(0.0), true,
                "Wait before the first attempt to connect again; it doubles with each failure.",
                "다시 연결하기 전에 처음 기다리는 시간. 실패할 때마다 두 배가 됩니다."),
            def(Scope::$scope, "reconnect.backoff.max.ms", Long, Some("1000"), AtLeast(0.0), true,
                "The longest wait between attempts to connect.",
                "연결 시도 사이에 기다리는 최대 시간."),
            def(Scope::$scope, "socket.connection.setup.timeout.ms", Long, Some("10000"), Any, true,
                "How long opening a connection may take at first.",
                "연결을 여는 데 처음에 허용되는 시간."),
            def(Scope::$scope, "socket.connection.setup.timeout.max.ms", Long, Some("30000"), Any, true,
                "How long opening a connection may take after several failures.",
                "여러 번 실패한 뒤 연결을 여는 데 허용되는 최대 시간."),
            def(Scope::$scope, "connections.max.idle.ms", Long, Some("540000"), Any, false,
                "Idle connections are closed after this; here they stay open.",
                "쓰지 않는 연결을 닫기까지의 시간. 여기서는 닫지 않습니다."),
            def(Scope::$scope, "metadata.max.age.ms", Long, Some("300000"), AtLeast(0.0), true,
                "Metadata older than this is asked for again.",
                "이보다 오래된 메타데이터는 다시 물어봅니다."),
            def(Scope::$scope, "metadata.recovery.strategy", String, Some("rebootstrap"),
                OneOf(&["none", "rebootstrap", "NONE", "REBOOTSTRAP"]), true,
                "What to do when no known broker can be reached: start again from the bootstrap servers, or not.",
                "아는 브로커에 모두 닿지 않을 때 부트스트랩 서버에서 다시 시작할지 여부."),
            def(Scope::$scope, "metadata.recovery.rebootstrap.trigger.ms", Long, Some("300000"), AtLeast(0.0), true,
                "How long metadata may be unobtainable before the client starts again from the bootstrap servers.",
                "메타데이터를 얻지 못할 때 부트스트랩 서버에서 다시 시작하기까지의 시간."),
            def(Scope::$scope, "send.buffer.bytes", Int, Some("131072"), AtLeast(-1.0), false,
                "Size of the socket's send buffer; there are no sockets here.",
                "소켓 송신 버퍼 크기. 여기에는 소켓이 없습니다."),
            def(Scope::$scope, "receive.buffer.bytes", Int, Some($receive), AtLeast(-1.0), false,
                "Size of the socket's receive buffer; there are no sockets here.",
                "소켓 수신 버퍼 크기. 여기에는 소켓이 없습니다."),
            def(Scope::$scope, "enable.metrics.push", Boolean, Some("true"), Any, false,
                "Whether the client sends its metrics to the cluster; here it never does.",
                "클라이언트가 메트릭을 클러스터로 보낼지 여부. 여기서는 보내지 않습니다."),
            def(Scope::$scope, "metrics.sample.window.ms", Long, Some("30000"), AtLeast(0.0), false,
                "Window over which metrics are computed.", "메트릭을 계산하는 시간 창."),
            def(Scope::$scope, "metrics.num.samples", Int, Some("2"), AtLeast(1.0), false,
                "Number of samples kept for metrics.", "메트릭을 위해 보관하는 표본 수."),
            def(Scope::$scope, "metrics.recording.level", String, Some("INFO"), OneOf(&["INFO", "DEBUG", "TRACE"]), false,
                "Which metrics are recorded.", "어느 수준의 메트릭을 기록할지."),
            def(Scope::$scope, "metric.reporters", List, Some("org.apache.kafka.common.metrics.JmxReporter"), Any, false,
                "Classes that report metrics.", "메트릭을 보고하는 클래스 목록."),
            def(Scope::$scope, "interceptor.classes", List, Some(""), Any, false,
                "Classes that see every record on its way; none can be loaded here.",
                "지나가는 레코드를 보는 클래스 목록. 여기서는 불러올 수 없습니다."),
            def(Scope::$scope, "config.providers", List, Some(""), Any, false,
                "Classes that look up config values elsewhere.", "설정값을 다른 곳에서 찾아 오는 클래스 목록."),
            def(Scope::$scope, "security.protocol", String, Some("PLAINTEXT"), Any, false,
                "How connections are protected; here they are plain.", "연결 보호 방식. 여기서는 평문입니다."),
            def(Scope::$scope, "security.providers", String, None, Any, false,
                "Classes that provide security algorithms.", "보안 알고리즘을 제공하는 클래스 목록."),
        ]
    };
}

mod consumer;
mod producer;

pub use consumer::CONSUMER;
pub use producer::PRODUCER;

/// Reads typed values out of [`protocol::config::Configs`] by name.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    pub table: &'static [ConfigDef],
    pub configs: &'a protocol::config::Configs,
}

impl Reader<'_> {
    fn value(&self, name: &str) -> protocol::config::ConfigValue {
        let def = self
            .table
            .iter()
            .find(|d| d.name == name)
            .expect("a config of this table");
        self.configs.value(def)
    }

    pub fn is_set(&self, name: &str) -> bool {
        self.configs.set_text(name).is_some()
    }

    pub fn int(&self, name: &str) -> i64 {
        match self.value(name) {
            protocol::config::ConfigValue::Int(v) => v,
            other => unreachable!("{name} is a number, not {other:?}"),
        }
    }

    pub fn bool(&self, name: &str) -> bool {
        self.value(name) == protocol::config::ConfigValue::Boolean(true)
    }

    /// `None` = null.
    pub fn text(&self, name: &str) -> Option<std::string::String> {
        match self.value(name) {
            protocol::config::ConfigValue::Text(v) => Some(v),
            _ => None,
        }
    }

    pub fn list(&self, name: &str) -> Vec<std::string::String> {
        match self.value(name) {
            protocol::config::ConfigValue::List(v) => v,
            _ => Vec::new(),
        }
    }

    /// `reconnect.backoff.ms` and its maximum: a base set alone is its own maximum
    /// (`CommonClientConfigs.postProcessReconnectBackoffConfigs`).
    pub fn reconnect_backoff(&self) -> (i64, i64) {
        let base = self.int("reconnect.backoff.ms");
        let alone = self.is_set("reconnect.backoff.ms") && !self.is_set("reconnect.backoff.max.ms");
        (
            base,
            if alone {
                base
            } else {
                self.int("reconnect.backoff.max.ms")
            },
        )
    }

    pub fn network(&self, max_in_flight: usize) -> crate::network::NetworkConfig {
        let (reconnect_backoff_ms, reconnect_backoff_max_ms) = self.reconnect_backoff();
        crate::network::NetworkConfig {
            reconnect_backoff_ms,
            reconnect_backoff_max_ms,
            setup_timeout_ms: self.int("socket.connection.setup.timeout.ms"),
            setup_timeout_max_ms: self.int("socket.connection.setup.timeout.max.ms"),
            request_timeout_ms: self.int("request.timeout.ms"),
            max_in_flight,
            rebootstrap: self
                .text("metadata.recovery.strategy")
                .is_some_and(|s| s.eq_ignore_ascii_case("rebootstrap")),
            rebootstrap_trigger_ms: self.int("metadata.recovery.rebootstrap.trigger.ms"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_passes_its_own_range_and_is_named_once() {
        for table in [PRODUCER, CONSUMER] {
            for (i, d) in table.iter().enumerate() {
                if let Some(text) = d.default {
                    d.parse(text).unwrap_or_else(|e| panic!("{}: {e}", d.name));
                }
                assert!(
                    table[i + 1..].iter().all(|other| other.name != d.name),
                    "{} twice",
                    d.name
                );
                assert!(!d.en.is_empty() && !d.ko.is_empty());
            }
        }
    }
}
