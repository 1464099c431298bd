//! The controller's state in the keys of the recorded cases.

use metadata::image::ConfigResourceType;
use metadata::{BrokerRegistration, Controller, LeaderRecoveryState, PartitionRegistration};
use protocol::NodeId;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Everything, by key.
#[derive(Default)]
pub struct State(BTreeMap<String, Value>);

impl State {
    pub fn of(controller: &Controller, with_dirs: bool) -> Self {
        let mut state = BTreeMap::new();
        let image = controller.image();
        for (id, broker) in &image.cluster.brokers {
            state.insert(
                format!("broker {id}"),
                broker_state(controller, *id, broker, with_dirs),
            );
        }
        for (topic, id, partition) in image.topics.partitions() {
            state.insert(
                format!("partition {}-{id}", topic.name),
                partition_state(partition, with_dirs),
            );
        }
        for (resource, configs) in image.configs.iter() {
            // Recorded for topics, for registered brokers and for the cluster's default.
            let registered = |name: &str| match name.parse() {
                Ok(id) => image.cluster.broker(NodeId(id)).is_some(),
                Err(_) => name.is_empty(),
            };
            let kind = match resource.kind {
                ConfigResourceType::Topic => "topic",
                ConfigResourceType::Broker if registered(&resource.name) => "broker",
                _ => continue,
            };
            let configs: Map<String, Value> = configs
                .iter()
                .map(|(k, v)| (k.to_string(), json!(v)))
                .collect();
            state.insert(
                format!("configs {kind} {}", resource.name),
                Value::Object(configs),
            );
        }
        Self(state)
    }

    pub fn since(&self, before: &State) -> Map<String, Value> {
        let changed = self
            .0
            .iter()
            .filter(|(key, value)| before.0.get(*key) != Some(value));
        let gone = before.0.keys().filter(|key| !self.0.contains_key(*key));
        changed
            .map(|(key, value)| (key.clone(), value.clone()))
            .chain(gone.map(|key| (key.clone(), Value::Null)))
            .collect()
    }
}

fn broker_state(
    controller: &Controller,
    id: NodeId,
    broker: &BrokerRegistration,
    with_dirs: bool,
) -> Value {
    let mut state = json!({
        "epoch": broker.epoch.0,
        "fenced": broker.fenced,
        "incarnation": broker.incarnation_id,
    });
    let soft = controller
        .heartbeats()
        .and_then(|h| h.broker(id))
        .expect("a registered broker has soft state");
    state["heartbeat_offset"] = json!(soft.metadata_offset.0);
    if let Some(offset) = soft.controlled_shutdown_offset {
        state["shutdown_offset"] = json!(offset.0);
    }
    if broker.in_controlled_shutdown {
        state["shutting_down"] = json!(true);
    }
    if let Some(rack) = &broker.rack {
        state["rack"] = json!(rack);
    }
    if with_dirs {
        state["dirs"] = json!(broker.directories);
        if let Some(cordoned) = &broker.cordoned_directories {
            state["cordoned"] = json!(cordoned);
        }
    }
    state
}

fn partition_state(partition: &PartitionRegistration, with_dirs: bool) -> Value {
    let mut state = json!({
        "leader": partition.leader.0,
        "leader_epoch": partition.leader_epoch.0,
        "partition_epoch": partition.partition_epoch.0,
        "isr": partition.isr,
        "replicas": partition.replicas,
    });
    let lists = [
        ("elr", &partition.elr),
        ("last_known_elr", &partition.last_known_elr),
        ("adding", &partition.adding_replicas),
        ("removing", &partition.removing_replicas),
    ];
    for (name, list) in lists {
        if !list.is_empty() {
            state[name] = json!(list);
        }
    }
    if partition.leader_recovery_state == LeaderRecoveryState::Recovering {
        state["recovery"] = json!("RECOVERING");
    }
    if with_dirs {
        state["dirs"] = json!(partition.directories);
    }
    state
}
