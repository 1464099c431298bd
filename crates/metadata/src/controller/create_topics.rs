//! Topics: created and deleted.

use protocol::messages::{
    CreatableReplicaAssignment, CreatableTopic, CreatableTopicResult, CreateTopicsRequest,
    CreateTopicsResponse, DeletableTopicResult, DeleteTopicsResponse,
};
use protocol::{ErrorCode, Name, NodeId, Uuid};
use std::collections::BTreeMap;

use super::config_control::AlterConfigOp;
use super::placement::{self, Chance};
use super::{Answer, ApiError, Controller, ControllerResult};
use crate::image::ConfigResource;
use crate::partition::PartitionRegistration;
use crate::record::{ApiMessageAndVersion, RemoveTopicRecord, TopicRecord};
use crate::rules;
use crate::topic_name;

/// Most partitions that one request may create (`ReplicationControlManager.MAX_PARTITIONS_PER_BATCH`).
const MAX_PARTITIONS_PER_BATCH: usize = 10_000;

impl Controller {
    /// `ReplicationControlManager.createTopics`. Each topic has its own answer; `chance` gives ids and placements.
    pub fn create_topics(
        &self,
        request: &CreateTopicsRequest,
        chance: &mut dyn Chance,
    ) -> Answer<CreateTopicsResponse> {
        self.check_active()?;
        self.validate_total_number_of_partitions(request)?;
        let mut errors: BTreeMap<&Name, ApiError> = BTreeMap::new();
        for topic in &request.topics {
            if let Err(error) = self.validate_new_topic(topic) {
                errors.insert(&topic.name, error);
            }
        }
        let mut records = Vec::new();
        let mut created: BTreeMap<&Name, CreatableTopicResult> = BTreeMap::new();
        for topic in request.topics.iter() {
            if errors.contains_key(&topic.name) {
                continue;
            }
            match self.create_topic(topic, chance, &mut records) {
                Ok(result) => {
                    created.insert(&topic.name, result);
                }
                Err(error) => {
                    errors.insert(&topic.name, error);
                }
            }
        }
        let answer = |topic: &CreatableTopic| match errors.get(&topic.name) {
            Some(error) => CreatableTopicResult {
                name: topic.name.clone(),
                error: error.error,
                error_message: Some(error.message.clone()),
                ..Default::default()
            },
            None => created[&topic.name].clone(),
        };
        let topics = request.topics.iter().map(answer).collect();
        let response = CreateTopicsResponse {
            topics,
            ..Default::default()
        };
        let result = ControllerResult::atomic_of(rules::TOPIC_CREATED, records, response);
        Ok(if request.validate_only {
            result.without_records()
        } else {
            result
        })
    }

    fn validate_total_number_of_partitions(
        &self,
        request: &CreateTopicsRequest,
    ) -> Result<(), ApiError> {
        let partitions =
            |topic: &CreatableTopic| match (topic.assignments.len(), topic.num_partitions) {
                (0, -1) => self.config.num_partitions as usize,
                (0, n) => n.max(0) as usize,
                (n, _) => n,
            };
        let total: usize = request.topics.iter().map(partitions).sum();
        if total > MAX_PARTITIONS_PER_BATCH {
            let message =
                format!("{total} partitions in one request; at most {MAX_PARTITIONS_PER_BATCH}");
            return Err(ApiError::new(ErrorCode::PolicyViolation, message));
        }
        Ok(())
    }

    /// The name, and null configs (`validateNewTopicNames`, `computeConfigChanges`).
    fn validate_new_topic(&self, topic: &CreatableTopic) -> Result<(), ApiError> {
        let topics = &self.image().topics;
        if topics.id(&topic.name).is_some() {
            let message = format!("topic {} exists", topic.name);
            return Err(ApiError::new(ErrorCode::TopicAlreadyExists, message));
        }
        topic_name::validate(&topic.name)
            .map_err(|reason| ApiError::new(ErrorCode::InvalidTopicException, reason))?;
        // Metric names write `.` as `_`: two topics that differ in nothing else could not be told apart there.
        if topic_name::has_collision_chars(&topic.name)
            && let Some(other) = topics
                .by_name()
                .find(|t| topic_name::collide(&t.name, &topic.name))
        {
            let message = format!("topic {} collides with {}", topic.name, other.name);
            return Err(ApiError::new(ErrorCode::InvalidTopicException, message));
        }
        if let Some(config) = topic.configs.iter().find(|c| c.value.is_none()) {
            let message = format!("config {} has no value", config.name);
            return Err(ApiError::new(ErrorCode::InvalidConfig, message));
        }
        Ok(())
    }

    fn create_topic(
        &self,
        topic: &CreatableTopic,
        chance: &mut dyn Chance,
        records: &mut Vec<ApiMessageAndVersion>,
    ) -> Result<CreatableTopicResult, ApiError> {
        let configs: BTreeMap<Name, AlterConfigOp> = topic
            .configs
            .iter()
            .filter_map(|c| Some((c.name.clone(), AlterConfigOp::Set(c.value.clone()?))))
            .collect();
        let config_records = if configs.is_empty() {
            Vec::new()
        } else {
            let ops: Vec<_> = configs.into_iter().collect();
            self.new_topic_config_records(&ConfigResource::topic(topic.name.clone()), &ops)?
        };
        let partitions = if topic.assignments.is_empty() {
            self.place_new_topic(topic, chance)?
        } else {
            self.assign_new_topic(topic)?
        };
        let id = chance.topic_id(&topic.name);
        let result = CreatableTopicResult {
            name: topic.name.clone(),
            topic_id: id,
            num_partitions: partitions.len() as i32,
            replication_factor: partitions.first().map_or(0, |p| p.replicas.len()) as i16,
            ..Default::default()
        };
        records.push(ApiMessageAndVersion::new(
            TopicRecord {
                name: topic.name.clone(),
                topic_id: id,
            },
            0,
        ));
        records.extend(config_records);
        records.extend(
            partitions
                .iter()
                .enumerate()
                .map(|(i, p)| self.partition_record(id, i as i32, p)),
        );
        Ok(result)
    }

    pub(super) fn partition_record(
        &self,
        id: Uuid,
        index: i32,
        p: &PartitionRegistration,
    ) -> ApiMessageAndVersion {
        let record = p.to_record(id, index, self.image().features.is_elr_enabled());
        ApiMessageAndVersion::new(record, self.metadata_version().partition_record_version())
    }

    fn place_new_topic(
        &self,
        topic: &CreatableTopic,
        chance: &mut dyn Chance,
    ) -> Result<Vec<PartitionRegistration>, ApiError> {
        if topic.replication_factor < -1 || topic.replication_factor == 0 {
            let message = "the replication factor must be above 0, or -1 for the default";
            return Err(ApiError::new(ErrorCode::InvalidReplicationFactor, message));
        }
        if topic.num_partitions < -1 || topic.num_partitions == 0 {
            let message = "the number of partitions must be above 0, or -1 for the default";
            return Err(ApiError::new(ErrorCode::InvalidPartitions, message));
        }
        let or_default = |value: i32, default: i32| if value == -1 { default } else { value };
        let partitions = or_default(topic.num_partitions, self.config.num_partitions);
        let rf = or_default(
            topic.replication_factor.into(),
            self.config.default_replication_factor.into(),
        ) as i16;
        let placed = placement::place(partitions as usize, rf, &self.usable_brokers(), chance)?;
        placed
            .into_iter()
            .map(|replicas| self.new_partition(replicas, ErrorCode::InvalidReplicationFactor))
            .collect()
    }

    fn assign_new_topic(
        &self,
        topic: &CreatableTopic,
    ) -> Result<Vec<PartitionRegistration>, ApiError> {
        if topic.replication_factor != -1 || topic.num_partitions != -1 {
            let message =
                "with a manual assignment, replication factor and number of partitions must be -1";
            return Err(ApiError::new(ErrorCode::InvalidRequest, message));
        }
        let refuse =
            |message: String| Err(ApiError::new(ErrorCode::InvalidReplicaAssignment, message));
        let mut partitions = BTreeMap::new();
        let mut replication_factor = None;
        for CreatableReplicaAssignment {
            partition_index,
            broker_ids,
        } in &topic.assignments
        {
            if partitions.contains_key(partition_index) {
                return refuse(format!("partition {partition_index} is assigned twice"));
            }
            self.validate_manual_partition_assignment(broker_ids, replication_factor)?;
            replication_factor = Some(broker_ids.len());
            let partition =
                self.new_partition(broker_ids.clone(), ErrorCode::InvalidReplicaAssignment)?;
            partitions.insert(*partition_index, partition);
        }
        if !partitions.keys().copied().eq(0..partitions.len() as i32) {
            return refuse("partitions must be numbered from 0 without a gap".into());
        }
        Ok(partitions.into_values().collect())
    }

    /// A new partition: its ISR are the active ones of its replicas. `refusal` if there is none.
    pub(super) fn new_partition(
        &self,
        replicas: Vec<NodeId>,
        refusal: ErrorCode,
    ) -> Result<PartitionRegistration, ApiError> {
        let isr: Vec<NodeId> = replicas
            .iter()
            .copied()
            .filter(|r| self.image().cluster.is_active(*r))
            .collect();
        if isr.is_empty() {
            let message = format!("all of {replicas:?} are fenced or in controlled shutdown");
            return Err(ApiError::new(refusal, message));
        }
        let directories = replicas.iter().map(|r| self.default_dir(*r)).collect();
        Ok(PartitionRegistration::new(replicas, directories, isr))
    }

    /// `ReplicationControlManager.deleteTopics`.
    pub fn delete_topics(&self, ids: &[Uuid]) -> Answer<DeleteTopicsResponse> {
        self.check_active()?;
        let mut records = Vec::new();
        let mut responses = Vec::new();
        for &topic_id in ids {
            let topic = self.image().topics.topic(topic_id);
            if topic.is_some() {
                records.push(ApiMessageAndVersion::new(RemoveTopicRecord { topic_id }, 0));
            }
            responses.push(DeletableTopicResult {
                name: topic.map(|t| t.name.clone()),
                topic_id,
                error: if topic.is_some() {
                    ErrorCode::None
                } else {
                    ErrorCode::UnknownTopicId
                },
                error_message: None,
            });
        }
        let response = DeleteTopicsResponse {
            responses,
            ..Default::default()
        };
        Ok(ControllerResult::atomic_of(
            rules::TOPIC_DELETED,
            records,
            response,
        ))
    }
}
