//! Reassignments: begun, changed, cancelled, listed (KIP-455).

use protocol::messages::{
    AlterPartitionReassignmentsRequest, AlterPartitionReassignmentsResponse,
    ListPartitionReassignmentsRequest, ListPartitionReassignmentsResponse,
    OngoingPartitionReassignment, OngoingTopicReassignment, ReassignablePartition,
    ReassignablePartitionResponse, ReassignableTopicResponse,
};
use protocol::{ErrorCode, Name, NodeId};

use super::{Answer, ApiError, Controller, ControllerResult};
use crate::image::TopicImage;
use crate::partition::{
    PartitionChangeBuilder, PartitionReassignmentReplicas, PartitionReassignmentRevert,
    PartitionRegistration,
};
use crate::record::ApiMessageAndVersion;
use crate::rules;

type MaybeRecord = Result<Option<ApiMessageAndVersion>, ApiError>;

impl Controller {
    /// `ReplicationControlManager.alterPartitionReassignments`. Each partition has its own answer.
    pub fn alter_partition_reassignments(
        &self,
        request: &AlterPartitionReassignmentsRequest,
    ) -> Answer<AlterPartitionReassignmentsResponse> {
        self.check_active()?;
        let mut records = Vec::new();
        let mut responses = Vec::new();
        for topic in &request.topics {
            let mut partitions = Vec::new();
            for target in &topic.partitions {
                let change = self.alter_reassignment(
                    &topic.name,
                    target,
                    request.allow_replication_factor_change,
                );
                let (record, refusal) = match change {
                    Ok(record) => (record, None),
                    Err(refusal) => (None, Some(refusal)),
                };
                records.extend(record);
                partitions.push(ReassignablePartitionResponse {
                    partition_index: target.partition_index,
                    error: refusal.as_ref().map_or(ErrorCode::None, |r| r.error),
                    error_message: refusal.map(|r| r.message),
                });
            }
            responses.push(ReassignableTopicResponse {
                name: topic.name.clone(),
                partitions,
            });
        }
        let response = AlterPartitionReassignmentsResponse {
            responses,
            ..Default::default()
        };
        Ok(ControllerResult::atomic_of(
            rules::REASSIGNMENT_BEGUN,
            records,
            response,
        ))
    }

    fn alter_reassignment(
        &self,
        name: &Name,
        target: &ReassignablePartition,
        allow_rf_change: bool,
    ) -> MaybeRecord {
        let unknown = || {
            let message = format!("no partition {}-{}", name, target.partition_index);
            ApiError::new(ErrorCode::UnknownTopicOrPartition, message)
        };
        let topic = self.image().topics.topic_named(name).ok_or_else(unknown)?;
        let partition = topic
            .partition(target.partition_index)
            .ok_or_else(unknown)?;
        match &target.replicas {
            Some(replicas) => self.change_reassignment(
                topic,
                target.partition_index,
                partition,
                replicas,
                allow_rf_change,
            ),
            None => self.cancel_reassignment(topic, target.partition_index, partition),
        }
    }

    /// Back to the replicas without the added ones, in the order that the merged list has (`cancelPartitionReassignment`).
    fn cancel_reassignment(
        &self,
        topic: &TopicImage,
        id: i32,
        partition: &PartitionRegistration,
    ) -> MaybeRecord {
        if !partition.is_reassigning() {
            let message = "no reassignment is in progress";
            return Err(ApiError::new(ErrorCode::NoReassignmentInProgress, message));
        }
        let refuse =
            |message: &str| Err(ApiError::new(ErrorCode::InvalidReplicaAssignment, message));
        let Some(revert) = PartitionReassignmentRevert::new(partition) else {
            return refuse("every replica is one that the reassignment adds");
        };
        if revert.unclean && !self.unclean_leader_election_enabled(&topic.name) {
            return refuse("undoing the reassignment would take an unclean leader election");
        }
        Ok(self.with_surroundings(topic, partition, |around| {
            PartitionChangeBuilder::new(partition, topic.id, id, around)
                .election(self.default_election(topic))
                .target_isr(revert.isr)
                .target_replicas(revert.replicas)
                .target_removing(Vec::new())
                .target_adding(Vec::new())
                .build()
        }))
    }

    /// `changePartitionReassignment`. A target that neither adds nor removes keeps what a running reassignment adds or
    /// removes, as in Kafka.
    fn change_reassignment(
        &self,
        topic: &TopicImage,
        id: i32,
        partition: &PartitionRegistration,
        target: &[NodeId],
        allow_rf_change: bool,
    ) -> MaybeRecord {
        self.validate_manual_partition_assignment(target, None)?;
        if !allow_rf_change {
            validate_replication_factor_unchanged(partition, target)?;
        }
        let plan = PartitionReassignmentReplicas::plan(&partition.replicas, target);
        Ok(self.with_surroundings(topic, partition, |around| {
            let mut builder = PartitionChangeBuilder::new(partition, topic.id, id, around)
                .target_replicas(plan.replicas);
            if !plan.removing.is_empty() {
                builder = builder.target_removing(plan.removing);
            }
            if !plan.adding.is_empty() {
                builder = builder.target_adding(plan.adding);
            }
            builder.build()
        }))
    }

    /// A list of brokers that somebody wrote: known, each once, and as many as the other partitions have
    /// (`validateManualPartitionAssignment`).
    pub(super) fn validate_manual_partition_assignment(
        &self,
        replicas: &[NodeId],
        replication_factor: Option<usize>,
    ) -> Result<(), ApiError> {
        let refuse =
            |message: String| Err(ApiError::new(ErrorCode::InvalidReplicaAssignment, message));
        if replicas.is_empty() {
            return refuse("an assignment without replicas".into());
        }
        for (i, broker) in replicas.iter().enumerate() {
            if self.image().cluster.broker(*broker).is_none() {
                return refuse(format!("broker {broker} is not registered"));
            }
            if replicas[..i].contains(broker) {
                return refuse(format!("broker {broker} is given twice"));
            }
        }
        match replication_factor {
            Some(rf) if rf != replicas.len() => refuse(format!(
                "{} replica(s), where other partitions have {rf}",
                replicas.len()
            )),
            _ => Ok(()),
        }
    }

    /// `ReplicationControlManager.listPartitionReassignments`. Topics in order of their names when all are asked for.
    pub fn list_partition_reassignments(
        &self,
        request: &ListPartitionReassignmentsRequest,
    ) -> ListPartitionReassignmentsResponse {
        let topics = &self.image().topics;
        let listed = match &request.topics {
            Some(wanted) => wanted
                .iter()
                .filter_map(|w| {
                    topics
                        .topic_named(&w.name)
                        .map(|t| ongoing(t, w.partition_indexes.iter().copied()))
                })
                .collect(),
            None => topics
                .by_name()
                .map(|t| ongoing(t, t.partitions.keys().copied()))
                .collect::<Vec<_>>(),
        };
        ListPartitionReassignmentsResponse {
            topics: listed
                .into_iter()
                .filter(|t| !t.partitions.is_empty())
                .collect(),
            ..Default::default()
        }
    }
}

fn ongoing(topic: &TopicImage, partitions: impl Iterator<Item = i32>) -> OngoingTopicReassignment {
    let partition = |partition_index: i32| {
        let p = topic
            .partition(partition_index)
            .filter(|p| p.is_reassigning())?;
        Some(OngoingPartitionReassignment {
            partition_index,
            replicas: p.replicas.clone(),
            adding_replicas: p.adding_replicas.clone(),
            removing_replicas: p.removing_replicas.clone(),
        })
    };
    OngoingTopicReassignment {
        name: topic.name.clone(),
        partitions: partitions.filter_map(partition).collect(),
    }
}

/// The replication factor is that of the target while a reassignment runs.
fn validate_replication_factor_unchanged(
    partition: &PartitionRegistration,
    target: &[NodeId],
) -> Result<(), ApiError> {
    let staying = partition
        .replicas
        .iter()
        .filter(|r| !partition.removing_replicas.contains(r))
        .count();
    if staying == target.len() {
        return Ok(());
    }
    let message = format!(
        "the replication factor would change from {staying} to {}",
        target.len()
    );
    Err(ApiError::new(ErrorCode::InvalidReplicationFactor, message))
}
