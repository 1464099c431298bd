//! What a case begins with: configs, log directories, registrations.

use super::World;
use crate::case::Case;
use broker::ReplicaManager;
use broker::config::{BROKER_CONFIGS, ReplicationConfig};
use broker::replica_manager::ControllerChannel;
use broker::view::BrokerRegistrationView;
use log::{BrokerLogConfig, LogConfig, LogDir};
use protocol::config::Configs;
use protocol::{BrokerEpoch, Instant, NodeId, Protections, Uuid};
use serde_json::Value;
use std::sync::Arc;

/// The topic's id; the recorded answers never show it.
pub const TOPIC_ID: Uuid = Uuid(0x7001);

/// How log directories are made.
pub struct LogSetup {
    pub topic: Arc<LogConfig>,
    broker: BrokerLogConfig,
}

impl LogSetup {
    pub fn new(case: &Case) -> Self {
        let topic_keys = case.config.iter().filter(|(k, _)| !is_broker_config(k));
        let topic = Configs::new(
            &[log::TOPIC_CONFIGS],
            topic_keys.map(|(k, v)| (k.as_str(), v.as_str())),
        )
        .expect("configs of the recorded cases");
        let broker = Configs::new(
            &[log::BROKER_CONFIGS],
            [("transaction.partition.verification.enable", "false")],
        )
        .expect("a config of the log");
        Self {
            topic: Arc::new(LogConfig::resolve(&topic, &Configs::default())),
            broker: BrokerLogConfig::resolve(&broker, Protections::ALL),
        }
    }

    pub fn empty_dir(&self, now: Instant) -> LogDir {
        LogDir::new(self.broker, now.ms())
    }

    /// A start over the files of a clean shutdown.
    pub fn reopen(&self, mut logs: LogDir, now: Instant) -> LogDir {
        logs.open(now.ms())
            .expect("a directory that was closed in order");
        logs
    }
}

fn is_broker_config(name: &str) -> bool {
    BROKER_CONFIGS.iter().any(|def| def.name == name)
}

/// `replica.fetch.backoff.ms` is 0 in every recorded run.
pub fn replication_config(case: &Case) -> ReplicationConfig {
    let given = case
        .config
        .iter()
        .filter(|(k, _)| is_broker_config(k))
        .map(|(k, v)| (k.as_str(), v.as_str()));
    let configs = Configs::new(
        &[BROKER_CONFIGS],
        given.chain([("replica.fetch.backoff.ms", "0")]),
    )
    .expect("configs of the recorded cases");
    ReplicationConfig::new(&configs)
}

pub fn registration(value: &Value) -> BrokerRegistrationView {
    BrokerRegistrationView {
        id: NodeId(value["id"].as_i64().expect("an id") as i32),
        epoch: BrokerEpoch(value["epoch"].as_i64().expect("an epoch")),
        fenced: value["fenced"].as_bool().unwrap_or(false),
        in_controlled_shutdown: value["shutting_down"].as_bool().unwrap_or(false),
        rack: value["rack"].as_str().map(Into::into),
    }
}

pub fn registrations(value: &Value) -> Vec<BrokerRegistrationView> {
    value
        .as_array()
        .expect("registrations")
        .iter()
        .map(registration)
        .collect()
}

pub fn cluster(init: &Value) -> Vec<BrokerRegistrationView> {
    registrations(&init["cluster"])
}

impl World {
    /// A broker over `logs` whose metadata knows `registrations` and no partition.
    pub fn start(
        &self,
        id: NodeId,
        logs: LogDir,
        registrations: &[BrokerRegistrationView],
    ) -> ReplicaManager {
        let own = registrations
            .iter()
            .find(|r| r.id == id)
            .expect("its own registration");
        let channel = ControllerChannel::Direct(Vec::new());
        let mut replicas = ReplicaManager::new(id, own.epoch, self.config.clone(), logs, channel);
        replicas.set_log_config(&self.tp.topic, self.setup.topic.clone());
        for registration in registrations {
            replicas
                .metadata_mut()
                .register_broker(registration.clone());
        }
        replicas
    }
}
