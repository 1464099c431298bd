//! Which configs a resource may have (`ControllerConfigurationValidator`, `ConfigResourceExistenceChecker`).

use protocol::{ErrorCode, Name, NodeId};
use std::collections::BTreeMap;

use super::{ApiError, Controller};
use crate::config;
use crate::image::{ConfigResource, ConfigResourceType};
use crate::topic_name;

impl Controller {
    /// The configs that a resource would have. Values of brokers are checked by brokers, not here.
    pub(super) fn validate_resource(
        &self,
        resource: &ConfigResource,
        configs: &BTreeMap<Name, Name>,
    ) -> Result<(), ApiError> {
        let refuse = |message: String| Err(ApiError::new(ErrorCode::InvalidRequest, message));
        match resource.kind {
            ConfigResourceType::Topic => {
                if resource.name.is_empty() {
                    return refuse("there are no configs for all topics".into());
                }
                topic_name::validate(&resource.name)
                    .map_err(|reason| ApiError::new(ErrorCode::InvalidTopicException, reason))?;
                config::validate_topic_configs(configs)
                    .map_err(|error| ApiError::new(ErrorCode::InvalidConfig, error.to_string()))
            }
            ConfigResourceType::Broker => {
                if resource.name.is_empty() {
                    return Ok(());
                }
                match resource.name.parse::<i32>() {
                    Ok(id) if id >= 0 => Ok(()),
                    _ => refuse(format!("{:?} is no broker id", resource.name)),
                }
            }
            ConfigResourceType::Group if resource.name.is_empty() => {
                refuse("there are no configs for all groups".into())
            }
            // The group coordinator's own limits are checked where its configs are known.
            ConfigResourceType::Group => Ok(()),
            other => refuse(format!(
                "configs of {other:?} are not kept in the metadata log"
            )),
        }
    }

    /// A topic must exist, a node be a registered broker or a controller.
    pub(super) fn check_resource_exists(&self, resource: &ConfigResource) -> Result<(), ApiError> {
        match resource.kind {
            ConfigResourceType::Topic if self.image().topics.id(&resource.name).is_none() => {
                let message = format!("no topic {}", resource.name);
                Err(ApiError::new(ErrorCode::UnknownTopicOrPartition, message))
            }
            ConfigResourceType::Broker if !resource.name.is_empty() => {
                let id = NodeId(resource.name.parse().expect("checked before"));
                let cluster = &self.image().cluster;
                let known = cluster.brokers.contains_key(&id)
                    || cluster.controllers.contains_key(&id)
                    || self.config.quorum_node_ids.contains(&id);
                if known {
                    return Ok(());
                }
                Err(ApiError::new(
                    ErrorCode::BrokerIdNotRegistered,
                    format!("no node has id {id}"),
                ))
            }
            _ => Ok(()),
        }
    }
}
