//! `ConsumerConfig`: what was set, with Kafka's rules about what goes together.

use super::subscription::ResetStrategy;
use crate::config::{CONSUMER, Reader};
use crate::network::NetworkConfig;
use protocol::config::{ConfigError, Configs};
use protocol::{Ms, Name};

/// Unanswered requests a connection may have: consumers do not limit them, the protocol's own bound is this.
const CONSUMER_MAX_IN_FLIGHT: usize = 100;

/// `group.protocol`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum GroupProtocol {
    Classic,
    Consumer,
}

/// A consumer's configuration, checked.
#[derive(Clone, Debug)]
pub struct ConsumerConfig {
    pub client_id: Name,
    pub group_id: Option<Name>,
    pub group_instance_id: Option<Name>,
    pub group_protocol: GroupProtocol,
    pub group_remote_assignor: Option<Name>,
    pub session_timeout_ms: Ms,
    pub heartbeat_interval_ms: Ms,
    pub max_poll_interval_ms: Ms,
    pub max_poll_records: usize,
    pub assignment_strategy: Vec<String>,
    pub auto_commit: bool,
    pub auto_commit_interval_ms: Ms,
    pub auto_offset_reset: ResetStrategy,
    pub read_committed: bool,
    pub fetch_min_bytes: i32,
    pub fetch_max_bytes: i32,
    pub fetch_max_wait_ms: i32,
    pub max_partition_fetch_bytes: i32,
    pub check_crcs: bool,
    pub client_rack: Name,
    pub request_timeout_ms: Ms,
    pub default_api_timeout_ms: Ms,
    pub retry_backoff_ms: Ms,
    pub retry_backoff_max_ms: Ms,
    pub metadata_max_age_ms: Ms,
    pub allow_auto_create_topics: bool,
    pub exclude_internal_topics: bool,
    pub network: NetworkConfig,
}

impl ConsumerConfig {
    /// Checks `pairs` (Kafka's dotted names) as `ConsumerConfig` and the consumer's constructor do.
    ///
    /// # Errors
    /// A name or value that is not known, or a combination that Kafka refuses (ConfigException).
    pub fn new<'a>(
        pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, ConfigError> {
        let configs = Configs::new(&[CONSUMER], pairs)?;
        let read = Reader {
            table: CONSUMER,
            configs: &configs,
        };
        let refuse = |name: &str, reason: &str| ConfigError {
            name: name.into(),
            value: configs.set_text(name).map(Into::into),
            reason: reason.into(),
            nearest: None,
        };
        let group_id: Option<Name> = read.text("group.id").map(Into::into);
        let mut auto_commit = read.bool("enable.auto.commit");
        if group_id.is_none() {
            if auto_commit && read.is_set("enable.auto.commit") {
                return Err(refuse("enable.auto.commit", "needs a group.id"));
            }
            auto_commit = false;
        }
        let consumer = read
            .text("group.protocol")
            .is_some_and(|p| p.eq_ignore_ascii_case("consumer"));
        if consumer {
            // Better refused than played by the rules of the other protocol.
            return Err(refuse(
                "group.protocol",
                "the consumer protocol's client is not modelled",
            ));
        }
        let foreign: &[&str] = if consumer {
            &[
                "partition.assignment.strategy",
                "heartbeat.interval.ms",
                "session.timeout.ms",
            ]
        } else {
            &["group.remote.assignor"]
        };
        for name in foreign {
            if configs
                .set_text(name)
                .is_some_and(|text| !text.trim().is_empty())
            {
                return Err(refuse(name, "cannot be set with this group.protocol"));
            }
        }
        let (session, heartbeat) = (
            read.int("session.timeout.ms"),
            read.int("heartbeat.interval.ms"),
        );
        if heartbeat >= session {
            return Err(refuse(
                "heartbeat.interval.ms",
                "must be lower than session.timeout.ms",
            ));
        }
        let reset = read.text("auto.offset.reset").unwrap_or_default();
        let auto_offset_reset = ResetStrategy::parse(&reset).ok_or_else(|| {
            refuse(
                "auto.offset.reset",
                "must be earliest, latest, none or by_duration:<ISO-8601>",
            )
        })?;
        let group_instance_id: Option<Name> = read.text("group.instance.id").map(Into::into);
        let client_id = read
            .text("client.id")
            .filter(|id| !id.is_empty())
            .unwrap_or_else(|| {
                let group = group_id.as_deref().unwrap_or("null");
                format!(
                    "consumer-{group}-{}",
                    group_instance_id.as_deref().unwrap_or("1")
                )
            });
        Ok(Self {
            client_id: client_id.into(),
            group_id,
            group_instance_id,
            group_protocol: if consumer {
                GroupProtocol::Consumer
            } else {
                GroupProtocol::Classic
            },
            group_remote_assignor: read.text("group.remote.assignor").map(Into::into),
            session_timeout_ms: session,
            heartbeat_interval_ms: heartbeat,
            max_poll_interval_ms: read.int("max.poll.interval.ms"),
            max_poll_records: read.int("max.poll.records") as usize,
            assignment_strategy: read.list("partition.assignment.strategy"),
            auto_commit,
            auto_commit_interval_ms: read.int("auto.commit.interval.ms"),
            auto_offset_reset,
            read_committed: read.text("isolation.level").as_deref() == Some("read_committed"),
            fetch_min_bytes: read.int("fetch.min.bytes") as i32,
            fetch_max_bytes: read.int("fetch.max.bytes") as i32,
            fetch_max_wait_ms: read.int("fetch.max.wait.ms") as i32,
            max_partition_fetch_bytes: read.int("max.partition.fetch.bytes") as i32,
            check_crcs: read.bool("check.crcs"),
            client_rack: read.text("client.rack").unwrap_or_default().into(),
            request_timeout_ms: read.int("request.timeout.ms"),
            default_api_timeout_ms: read.int("default.api.timeout.ms"),
            retry_backoff_ms: read.int("retry.backoff.ms"),
            retry_backoff_max_ms: read.int("retry.backoff.max.ms"),
            metadata_max_age_ms: read.int("metadata.max.age.ms"),
            allow_auto_create_topics: read.bool("allow.auto.create.topics"),
            exclude_internal_topics: read.bool("exclude.internal.topics"),
            network: read.network(CONSUMER_MAX_IN_FLIGHT),
        })
    }

    /// `IsolationLevel.id`.
    pub fn isolation_level(&self) -> i8 {
        i8::from(self.read_committed)
    }
}
