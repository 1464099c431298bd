//! Topics get more partitions.

use protocol::ErrorCode;
use protocol::messages::{
    CreatePartitionsRequest, CreatePartitionsResponse, CreatePartitionsTopic,
    CreatePartitionsTopicResult,
};

use super::placement::{self, Chance};
use super::{Answer, ApiError, Controller, ControllerResult};
use crate::record::ApiMessageAndVersion;
use crate::rules;

impl Controller {
    /// `ReplicationControlManager.createPartitions`. Each topic has its own answer.
    pub fn create_partitions(
        &self,
        request: &CreatePartitionsRequest,
        chance: &mut dyn Chance,
    ) -> Answer<CreatePartitionsResponse> {
        self.check_active()?;
        let mut records = Vec::new();
        let mut results = Vec::new();
        for topic in &request.topics {
            // What was made before a refusal stays in the batch, as in Kafka.
            let refusal = self.grow_topic(topic, chance, &mut records).err();
            results.push(CreatePartitionsTopicResult {
                name: topic.name.clone(),
                error: refusal.as_ref().map_or(ErrorCode::None, |r| r.error),
                error_message: refusal.map(|r| r.message),
            });
        }
        let response = CreatePartitionsResponse {
            results,
            ..Default::default()
        };
        let result = ControllerResult::atomic_of(rules::PARTITIONS_ADDED, records, response);
        Ok(if request.validate_only {
            result.without_records()
        } else {
            result
        })
    }

    fn grow_topic(
        &self,
        request: &CreatePartitionsTopic,
        chance: &mut dyn Chance,
        records: &mut Vec<ApiMessageAndVersion>,
    ) -> Result<(), ApiError> {
        let Some(topic) = self.image().topics.topic_named(&request.name) else {
            return Err(ApiError::new(
                ErrorCode::UnknownTopicOrPartition,
                format!("no topic {}", request.name),
            ));
        };
        let present = topic.partitions.len();
        if request.count <= present as i32 {
            let message = format!("topic {} has {present} partition(s) already", topic.name);
            return Err(ApiError::new(ErrorCode::InvalidPartitions, message));
        }
        let additional = request.count as usize - present;
        let replication_factor = topic
            .partitions
            .values()
            .next()
            .map_or(0, |p| p.replicas.len());
        let refuse =
            |message: String| Err(ApiError::new(ErrorCode::InvalidReplicaAssignment, message));
        let lists = match &request.assignments {
            Some(assignments) if assignments.len() != additional => {
                return refuse(format!(
                    "{} assignment(s) for {additional} partition(s)",
                    assignments.len()
                ));
            }
            Some(assignments) => {
                for a in assignments {
                    self.validate_manual_partition_assignment(
                        &a.broker_ids,
                        Some(replication_factor),
                    )?;
                    if !a
                        .broker_ids
                        .iter()
                        .any(|b| self.image().cluster.is_active(*b))
                    {
                        return refuse(format!(
                            "all of {:?} are fenced or in controlled shutdown",
                            a.broker_ids
                        ));
                    }
                }
                assignments.iter().map(|a| a.broker_ids.clone()).collect()
            }
            None => placement::place(
                additional,
                replication_factor as i16,
                &self.usable_brokers(),
                chance,
            )?,
        };
        for (i, replicas) in lists.into_iter().enumerate() {
            let partition = self.new_partition(replicas, ErrorCode::InvalidReplicationFactor)?;
            records.push(self.partition_record(topic.id, (present + i) as i32, &partition));
        }
        Ok(())
    }
}
