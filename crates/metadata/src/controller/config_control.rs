//! Dynamic configs: altered, and resolved for the controller's own use (`ConfigurationControlManager`).

use protocol::messages::{
    AlterConfigsResource, AlterConfigsResourceResponse, IncrementalAlterConfigsRequest,
    IncrementalAlterConfigsResponse,
};
use protocol::{ErrorCode, Name};
use std::collections::BTreeMap;

use super::{Answer, ApiError, Controller, ControllerResult};
use crate::config::{self, CORDONED_LOG_DIRS, MIN_INSYNC_REPLICAS};
use crate::image::{ConfigResource, ConfigResourceType};
use crate::record::{ApiMessageAndVersion, ClearElrRecord, ConfigRecord, MetadataRecord};
use crate::rules;

/// What is done to one key (`AlterConfigOp`).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum AlterConfigOp {
    Set(Name),
    /// Back to the default.
    Delete,
    /// Adds to a list what is not in it yet.
    Append(Name),
    /// Takes out of a list.
    Subtract(Name),
}

/// A resource, by type and name, and all its configs.
pub type LegacyConfigs = (i8, Name, Vec<(Name, Option<Name>)>);

/// The older AlterConfigs (33): the whole of a resource's configs. What is not named is deleted.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct LegacyAlterConfigs {
    pub resources: Vec<LegacyConfigs>,
    pub validate_only: bool,
}

/// The longest value that a record can hold.
const MAX_VALUE_LENGTH: usize = i16::MAX as usize;

impl Controller {
    /// `ConfigurationControlManager.incrementalAlterConfigs`. Each resource has its own answer; one bad key spoils its
    /// resource and no other. `forwarded`: a broker passed it on, having checked it.
    pub fn incremental_alter_configs(
        &self,
        request: &IncrementalAlterConfigsRequest,
        forwarded: bool,
    ) -> Answer<IncrementalAlterConfigsResponse> {
        self.check_active()?;
        let mut records = Vec::new();
        let mut responses = Vec::new();
        for requested in &request.resources {
            let altered = config_resource(requested.resource_type, &requested.resource_name)
                .and_then(|resource| {
                    self.alter_resource(&resource, &operations(requested)?, false, forwarded)
                });
            responses.push(answer(
                requested.resource_type,
                &requested.resource_name,
                altered,
                &mut records,
            ));
        }
        let clear_elr = self.clear_elr_records(&records);
        records.extend(clear_elr);
        let response = IncrementalAlterConfigsResponse {
            responses,
            ..Default::default()
        };
        let result = ControllerResult::atomic_of(rules::CONFIG_ALTERED, records, response);
        Ok(if request.validate_only {
            result.without_records()
        } else {
            result
        })
    }

    /// `ConfigurationControlManager.legacyAlterConfigs`.
    pub fn legacy_alter_configs(
        &self,
        request: &LegacyAlterConfigs,
        forwarded: bool,
    ) -> Answer<IncrementalAlterConfigsResponse> {
        self.check_active()?;
        let mut records = Vec::new();
        let mut responses = Vec::new();
        for (kind, name, configs) in &request.resources {
            let altered = config_resource(*kind, name)
                .and_then(|resource| self.replace_resource(&resource, configs, forwarded));
            responses.push(answer(*kind, name, altered, &mut records));
        }
        let clear_elr = self.clear_elr_records(&records);
        records.extend(clear_elr);
        let response = IncrementalAlterConfigsResponse {
            responses,
            ..Default::default()
        };
        let result = ControllerResult::atomic_of(rules::CONFIG_ALTERED, records, response);
        Ok(if request.validate_only {
            result.without_records()
        } else {
            result
        })
    }

    /// Records for the configs of a topic that is being created.
    pub(super) fn new_topic_config_records(
        &self,
        resource: &ConfigResource,
        ops: &[(Name, AlterConfigOp)],
    ) -> Result<Vec<ApiMessageAndVersion>, ApiError> {
        let mut records = self.alter_resource(resource, ops, true, true)?;
        records.extend(self.clear_elr_records(&records));
        Ok(records)
    }

    fn alter_resource(
        &self,
        resource: &ConfigResource,
        ops: &[(Name, AlterConfigOp)],
        newly_created: bool,
        forwarded: bool,
    ) -> Result<Vec<ApiMessageAndVersion>, ApiError> {
        let mut changes = Vec::new();
        for (key, op) in ops {
            let current = self.image().configs.value(resource, key);
            let new = match op {
                AlterConfigOp::Set(value) => Some(value.clone()),
                AlterConfigOp::Delete => None,
                AlterConfigOp::Append(value) => {
                    Some(change_list(resource, key, current, value, true)?)
                }
                AlterConfigOp::Subtract(value) => {
                    Some(change_list(resource, key, current, value, false)?)
                }
            };
            push_change(resource, key, current, new, &mut changes);
        }
        self.validate_alter_config(resource, &changes, &[], newly_created, forwarded)?;
        Ok(changes
            .into_iter()
            .map(|c| ApiMessageAndVersion::new(c, 0))
            .collect())
    }

    fn replace_resource(
        &self,
        resource: &ConfigResource,
        configs: &[(Name, Option<Name>)],
        forwarded: bool,
    ) -> Result<Vec<ApiMessageAndVersion>, ApiError> {
        let current = self.image().configs.of(resource);
        let mut changes = Vec::new();
        for (key, new) in configs {
            push_change(
                resource,
                key,
                current.and_then(|c| c.get(key)),
                new.clone(),
                &mut changes,
            );
        }
        let unnamed = current
            .into_iter()
            .flat_map(BTreeMap::keys)
            .filter(|k| !configs.iter().any(|(n, _)| n == *k));
        let deleted: Vec<ConfigRecord> = unnamed
            .map(|key| config_record(resource, key, None))
            .collect();
        self.validate_alter_config(resource, &changes, &deleted, false, forwarded)?;
        Ok(changes
            .into_iter()
            .chain(deleted)
            .map(|c| ApiMessageAndVersion::new(c, 0))
            .collect())
    }

    /// `ConfigurationControlManager.validateAlterConfig`.
    fn validate_alter_config(
        &self,
        resource: &ConfigResource,
        altered: &[ConfigRecord],
        implicitly_deleted: &[ConfigRecord],
        newly_created: bool,
        forwarded: bool,
    ) -> Result<(), ApiError> {
        let mut all = self
            .image()
            .configs
            .of(resource)
            .cloned()
            .unwrap_or_default();
        let invalid = |message: &str| Err(ApiError::new(ErrorCode::InvalidConfig, message));
        for record in altered.iter().chain(implicitly_deleted) {
            self.check_special_configs(resource, record, forwarded)?;
            match &record.value {
                None => all.remove(&record.name),
                Some(value) if value.len() > MAX_VALUE_LENGTH => {
                    return invalid("the value is too long");
                }
                Some(value) => all.insert(record.name.clone(), value.clone()),
            };
        }
        self.validate_resource(resource, &all)?;
        if newly_created {
            Ok(())
        } else {
            self.check_resource_exists(resource)
        }
    }

    /// Configs on which the safety of the ELR rests, and cordoned directories.
    fn check_special_configs(
        &self,
        resource: &ConfigResource,
        record: &ConfigRecord,
        forwarded: bool,
    ) -> Result<(), ApiError> {
        let invalid = |message: &str| Err(ApiError::new(ErrorCode::InvalidConfig, message));
        if resource.kind != ConfigResourceType::Broker {
            return Ok(());
        }
        if &*record.name == MIN_INSYNC_REPLICAS && self.image().features.is_elr_enabled() {
            // All brokers and the controller must mean the same minimum.
            if !resource.name.is_empty() {
                return invalid(
                    "with ELR, one broker cannot have a min.insync.replicas of its own",
                );
            }
            if record.value.is_none() {
                return invalid("with ELR, the cluster's min.insync.replicas cannot be removed");
            }
        }
        if &*record.name == CORDONED_LOG_DIRS {
            if !self.metadata_version().is_cordoned_log_dirs_supported() {
                return invalid("cordoned.log.dirs needs metadata.version 4.3-IV0");
            }
            // Only a broker knows its directories: without one, directories can be taken off the list, not added.
            let list = |value: &str| -> Vec<String> {
                value.split(',').map(|d| d.trim().to_owned()).collect()
            };
            if let Some(value) = record.value.as_deref().filter(|v| !v.trim().is_empty())
                && !forwarded
            {
                let current = self
                    .image()
                    .configs
                    .value(resource, CORDONED_LOG_DIRS)
                    .map(|v| list(v));
                let current = current.unwrap_or_default();
                if list(value).iter().any(|dir| !current.contains(dir)) {
                    return invalid("through a controller, cordoned.log.dirs can only shrink");
                }
            }
        }
        Ok(())
    }

    /// A changed `min.insync.replicas` empties the ELR, which was kept for another minimum
    /// (`createClearElrRecordsAsNeeded`).
    fn clear_elr_records(&self, records: &[ApiMessageAndVersion]) -> Vec<ApiMessageAndVersion> {
        if !self.image().features.is_elr_enabled() {
            return Vec::new();
        }
        let clear = |record: &ApiMessageAndVersion| match &record.message {
            MetadataRecord::Config(c) if &*c.name == MIN_INSYNC_REPLICAS => {
                let topic = c.resource_type == ConfigResourceType::Topic.id();
                let topic_name = if topic {
                    c.resource_name.clone()
                } else {
                    "".into()
                };
                Some(ApiMessageAndVersion::new(ClearElrRecord { topic_name }, 0))
            }
            _ => None,
        };
        records.iter().filter_map(clear).collect()
    }
}

pub(super) fn config_record(
    resource: &ConfigResource,
    key: &Name,
    value: Option<Name>,
) -> ConfigRecord {
    ConfigRecord {
        resource_type: resource.kind.id(),
        resource_name: resource.name.clone(),
        name: key.clone(),
        value,
    }
}

/// No change, no record; except for brokers, which read their configs anew at each record (KAFKA-14136).
fn push_change(
    resource: &ConfigResource,
    key: &Name,
    current: Option<&Name>,
    new: Option<Name>,
    changes: &mut Vec<ConfigRecord>,
) {
    if current != new.as_ref() || resource.kind == ConfigResourceType::Broker {
        changes.push(config_record(resource, key, new));
    }
}

fn config_resource(kind: i8, name: &Name) -> Result<ConfigResource, ApiError> {
    let kind = ConfigResourceType::for_id(kind).ok_or_else(|| {
        ApiError::new(
            ErrorCode::InvalidRequest,
            format!("unknown resource type {kind}"),
        )
    })?;
    Ok(ConfigResource {
        kind,
        name: name.clone(),
    })
}

fn operations(resource: &AlterConfigsResource) -> Result<Vec<(Name, AlterConfigOp)>, ApiError> {
    let operation = |c: &protocol::messages::AlterableConfig| {
        let value = || {
            let missing = || {
                ApiError::new(
                    ErrorCode::InvalidRequest,
                    format!("{} is given no value", c.name),
                )
            };
            c.value.clone().ok_or_else(missing)
        };
        let op = match c.config_operation {
            0 => AlterConfigOp::Set(value()?),
            1 => AlterConfigOp::Delete,
            2 => AlterConfigOp::Append(value()?),
            3 => AlterConfigOp::Subtract(value()?),
            other => {
                return Err(ApiError::new(
                    ErrorCode::InvalidRequest,
                    format!("unknown operation {other}"),
                ));
            }
        };
        Ok((c.name.clone(), op))
    };
    // A key given twice counts once, with its last operation.
    let mut operations: Vec<(Name, AlterConfigOp)> = Vec::new();
    for config in &resource.configs {
        let (key, op) = operation(config)?;
        match operations.iter_mut().find(|(k, _)| *k == key) {
            Some((_, earlier)) => *earlier = op,
            None => operations.push((key, op)),
        }
    }
    Ok(operations)
}

/// A list with elements added or taken out; it begins as the default where nothing is set.
fn change_list(
    resource: &ConfigResource,
    key: &Name,
    current: Option<&Name>,
    value: &Name,
    append: bool,
) -> Result<Name, ApiError> {
    let Some(default) = config::list_default(resource.kind, key) else {
        let message = format!("{key} is no list");
        return Err(ApiError::new(ErrorCode::InvalidConfig, message));
    };
    let text = current.map_or(default, |c| c);
    let mut list: Vec<&str> = text.split(',').filter(|e| !e.is_empty()).collect();
    for element in value.split(',') {
        match list.iter().position(|e| *e == element) {
            None if append => list.push(element),
            Some(at) if !append => {
                list.remove(at);
            }
            _ => {}
        }
    }
    Ok(list.join(",").into())
}

fn answer(
    resource_type: i8,
    resource_name: &Name,
    altered: Result<Vec<ApiMessageAndVersion>, ApiError>,
    records: &mut Vec<ApiMessageAndVersion>,
) -> AlterConfigsResourceResponse {
    let (error, error_message) = match altered {
        Ok(new) => {
            records.extend(new);
            (ErrorCode::None, None)
        }
        Err(refusal) => (refusal.error, Some(refusal.message)),
    };
    AlterConfigsResourceResponse {
        error,
        error_message,
        resource_type,
        resource_name: resource_name.clone(),
    }
}
