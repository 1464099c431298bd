//! A leader changes its ISR: AlterPartition (KIP-497, KIP-841, KIP-903).

use protocol::messages::{
    AlterPartitionData, AlterPartitionDataResponse, AlterPartitionRequest, AlterPartitionResponse,
    AlterPartitionTopicResponse, BrokerState,
};
use protocol::{ErrorCode, NodeId, Protection};

use super::{Answer, Controller, ControllerResult};
use crate::image::TopicImage;
use crate::partition::{LeaderRecoveryState, PartitionChangeBuilder, PartitionRegistration};
use crate::record::{ApiMessageAndVersion, MetadataRecord};
use crate::rules;

impl Controller {
    /// `ReplicationControlManager.alterPartition`.
    pub fn alter_partition(
        &self,
        request: &AlterPartitionRequest,
    ) -> Answer<AlterPartitionResponse> {
        if request.topics.is_empty() {
            return Ok(ControllerResult::of(
                rules::ISR_ALTER_PARTITION,
                Vec::new(),
                AlterPartitionResponse::default(),
            ));
        }
        self.check_active()?;
        self.check_broker_epoch(request.broker_id, request.broker_epoch)?;
        let mut records = Vec::new();
        let mut topics = Vec::new();
        for requested in &request.topics {
            let topic = self.image().topics.topic(requested.topic_id);
            let answer = |data: &AlterPartitionData| match topic {
                Some(topic) => {
                    self.alter_one_partition(request.broker_id, topic, data, &mut records)
                }
                None => refused(data, ErrorCode::UnknownTopicId),
            };
            topics.push(AlterPartitionTopicResponse {
                topic_name: requested.topic_name.clone(),
                topic_id: requested.topic_id,
                partitions: requested.partitions.iter().map(answer).collect(),
            });
        }
        let response = AlterPartitionResponse {
            topics,
            ..Default::default()
        };
        Ok(ControllerResult::of(
            rules::ISR_ALTER_PARTITION,
            records,
            response,
        ))
    }

    fn alter_one_partition(
        &self,
        leader: NodeId,
        topic: &TopicImage,
        data: &AlterPartitionData,
        records: &mut Vec<ApiMessageAndVersion>,
    ) -> AlterPartitionDataResponse {
        let Some(partition) = topic.partition(data.partition_index) else {
            return refused(data, ErrorCode::UnknownTopicOrPartition);
        };
        let recovery_state = match self.validate_alter_partition(leader, partition, data) {
            Ok(recovery_state) => recovery_state,
            Err(error) => return refused(data, error),
        };
        let record = self.with_surroundings(topic, partition, |around| {
            PartitionChangeBuilder::new(partition, topic.id, data.partition_index, around)
                .election(self.default_election(topic))
                .target_isr(
                    data.new_isr_with_epochs
                        .iter()
                        .map(|b| b.broker_id)
                        .collect(),
                )
                .target_recovery_state(recovery_state)
                .build()
        });
        let mut after = partition.clone();
        if let Some(record) = record {
            let MetadataRecord::PartitionChange(change) = &record.message else {
                unreachable!("the builder makes nothing else")
            };
            after = partition.merge(change);
            let elected = change.leader;
            records.push(record);
            // The ISR completed a reassignment that takes the leadership away: the change stands, and the old leader
            // learns from the error that it has to look at the metadata.
            if elected.is_some_and(|elected| elected != leader) {
                return refused(data, ErrorCode::NewLeaderElected);
            }
        }
        AlterPartitionDataResponse {
            partition_index: data.partition_index,
            error: ErrorCode::None,
            leader_id: after.leader,
            leader_epoch: after.leader_epoch,
            isr: after.isr,
            leader_recovery_state: after.leader_recovery_state.value(),
            partition_epoch: after.partition_epoch,
        }
    }

    /// `ReplicationControlManager.validateAlterPartitionData`; the order of the checks is part of the answer.
    fn validate_alter_partition(
        &self,
        sender: NodeId,
        partition: &PartitionRegistration,
        data: &AlterPartitionData,
    ) -> Result<LeaderRecoveryState, ErrorCode> {
        // A leader that knows more than this controller shows that another controller is active by now.
        if data.leader_epoch > partition.leader_epoch
            || data.partition_epoch > partition.partition_epoch
        {
            return Err(ErrorCode::NotController);
        }
        if data.leader_epoch < partition.leader_epoch {
            return Err(ErrorCode::FencedLeaderEpoch);
        }
        if sender != partition.leader {
            return Err(ErrorCode::InvalidRequest);
        }
        let fenced = self.protections.on(Protection::PartitionEpochFencing);
        if fenced && data.partition_epoch < partition.partition_epoch {
            return Err(ErrorCode::InvalidUpdateVersion);
        }
        let isr: Vec<NodeId> = data
            .new_isr_with_epochs
            .iter()
            .map(|b| b.broker_id)
            .collect();
        let twice = isr.iter().enumerate().any(|(i, r)| isr[..i].contains(r));
        let stranger = isr.iter().any(|r| !partition.replicas.contains(r));
        if twice || stranger || !isr.contains(&partition.leader) {
            return Err(ErrorCode::InvalidRequest);
        }
        let Some(recovery_state) = LeaderRecoveryState::of(data.leader_recovery_state) else {
            return Err(ErrorCode::InvalidRequest);
        };
        if recovery_state == LeaderRecoveryState::Recovering
            && (isr.len() > 1 || partition.leader_recovery_state == LeaderRecoveryState::Recovered)
        {
            return Err(ErrorCode::InvalidRequest);
        }
        if data
            .new_isr_with_epochs
            .iter()
            .any(|b| !self.is_eligible_for_isr(b))
        {
            return Err(ErrorCode::IneligibleReplica);
        }
        Ok(recovery_state)
    }

    /// Registered, neither fenced nor shutting down, and the same incarnation as the leader knows (epoch −1 = any).
    fn is_eligible_for_isr(&self, broker: &BrokerState) -> bool {
        let Some(registration) = self.image().cluster.broker(broker.broker_id) else {
            return false;
        };
        let active = registration.is_active() || !self.protections.on(Protection::FencedIneligible);
        let same_epoch = broker.broker_epoch.is_none() || registration.epoch == broker.broker_epoch;
        active && (same_epoch || !self.protections.on(Protection::BrokerEpochInFetch))
    }
}

fn refused(data: &AlterPartitionData, error: ErrorCode) -> AlterPartitionDataResponse {
    AlterPartitionDataResponse {
        partition_index: data.partition_index,
        error,
        ..Default::default()
    }
}
