//! Dynamic configs of topics, brokers and groups.

use protocol::{Name, NodeId};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::record::ConfigRecord;

/// What can be configured (`ConfigResource.Type`); the number is the one on the wire.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
#[repr(i8)]
pub enum ConfigResourceType {
    Topic = 2,
    Broker = 4,
    BrokerLogger = 8,
    ClientMetrics = 16,
    Group = 32,
}

impl ConfigResourceType {
    pub const fn id(self) -> i8 {
        self as i8
    }

    pub const fn for_id(id: i8) -> Option<Self> {
        match id {
            2 => Some(Self::Topic),
            4 => Some(Self::Broker),
            8 => Some(Self::BrokerLogger),
            16 => Some(Self::ClientMetrics),
            32 => Some(Self::Group),
            _ => None,
        }
    }
}

/// A topic, a broker, a group. A broker with an empty name is the default of the whole cluster.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
pub struct ConfigResource {
    pub kind: ConfigResourceType,
    pub name: Name,
}

impl ConfigResource {
    pub fn new(kind: ConfigResourceType, name: impl Into<Name>) -> Self {
        Self {
            kind,
            name: name.into(),
        }
    }

    pub fn topic(name: impl Into<Name>) -> Self {
        Self::new(ConfigResourceType::Topic, name)
    }

    pub fn node(id: NodeId) -> Self {
        Self::new(ConfigResourceType::Broker, id.to_string())
    }

    /// The cluster's default for all brokers.
    pub fn cluster() -> Self {
        Self::new(ConfigResourceType::Broker, "")
    }
}

/// Dynamic configs by resource (`org.apache.kafka.image.ConfigurationsImage`). A resource without any is not there.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ConfigurationsImage {
    resources: BTreeMap<ConfigResource, Arc<BTreeMap<Name, Name>>>,
}

impl Serialize for ConfigurationsImage {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_seq(self.resources.iter())
    }
}

impl ConfigurationsImage {
    /// All dynamic configs of a resource.
    pub fn of(&self, resource: &ConfigResource) -> Option<&BTreeMap<Name, Name>> {
        self.resources.get(resource).map(|r| &**r)
    }

    pub fn value(&self, resource: &ConfigResource, key: &str) -> Option<&Name> {
        self.of(resource)?.get(key)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&ConfigResource, &BTreeMap<Name, Name>)> {
        self.resources.iter().map(|(r, configs)| (r, &**configs))
    }

    pub(super) fn replay(&mut self, record: &ConfigRecord) -> Result<(), String> {
        let kind = ConfigResourceType::for_id(record.resource_type)
            .ok_or_else(|| format!("unknown resource type {}", record.resource_type))?;
        let resource = ConfigResource {
            kind,
            name: record.resource_name.clone(),
        };
        match &record.value {
            Some(value) => {
                let configs = self.resources.entry(resource).or_default();
                Arc::make_mut(configs).insert(record.name.clone(), value.clone());
            }
            None => {
                if let Some(configs) = self.resources.get_mut(&resource) {
                    Arc::make_mut(configs).remove(&record.name);
                    if configs.is_empty() {
                        self.resources.remove(&resource);
                    }
                }
            }
        }
        Ok(())
    }

    pub(super) fn delete_topic(&mut self, name: &Name) {
        self.resources.remove(&ConfigResource {
            kind: ConfigResourceType::Topic,
            name: name.clone(),
        });
    }
}
