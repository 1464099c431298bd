//! Log directories: assigned, failed, cordoned (KIP-858, KIP-1066).

use protocol::messages::{
    AssignReplicasToDirsRequest, AssignReplicasToDirsResponse, DirectoryData, DirectoryPartition,
    DirectoryTopic,
};
use protocol::{BrokerEpoch, ErrorCode, NodeId, Uuid};

use super::broker_events::BrokerEvent;
use super::{Answer, ApiError, Controller, ControllerResult};
use crate::hash_order;
use crate::image::TopicIdPartition;
use crate::partition::PartitionChangeBuilder;
use crate::record::{ApiMessageAndVersion, BrokerRegistrationChangeRecord};
use crate::rules;

impl Controller {
    /// Directories of a broker failed: their replicas leave ISR and leadership, the broker's others stay
    /// (`handleDirectoriesOffline`).
    pub(super) fn handle_directories_offline(
        &self,
        broker: NodeId,
        epoch: BrokerEpoch,
        offline: &[Uuid],
        records: &mut Vec<ApiMessageAndVersion>,
    ) {
        let Some(registration) = self.image().cluster.broker(broker) else {
            return;
        };
        let (failed, online): (Vec<Uuid>, Vec<Uuid>) = registration
            .directories
            .iter()
            .partition(|dir| offline.contains(dir));
        if failed.is_empty() {
            return;
        }
        for dir in failed {
            let partitions = self
                .image()
                .topics
                .partitions_where(|p| p.directories.contains(&dir));
            self.generate_leader_and_isr_updates(
                BrokerEvent::Removed(broker),
                &partitions,
                records,
            );
        }
        let mut change = BrokerRegistrationChangeRecord::unchanged(broker, epoch);
        change.log_dirs = online;
        records.push(ApiMessageAndVersion::new(change, 2));
    }

    /// Cordoned directories take no new replicas (`handleDirectoriesCordoned`).
    pub(super) fn handle_directories_cordoned(
        &self,
        broker: NodeId,
        epoch: BrokerEpoch,
        cordoned: &[Uuid],
        records: &mut Vec<ApiMessageAndVersion>,
    ) {
        let registration = self.image().cluster.broker(broker);
        if registration.is_some_and(|r| r.cordoned_dirs_differ(cordoned)) {
            let mut change = BrokerRegistrationChangeRecord::unchanged(broker, epoch);
            change.cordoned_log_dirs = Some(cordoned.to_vec());
            records.push(ApiMessageAndVersion::new(change, 3));
        }
    }

    /// A broker says in which directories its replicas lie (`handleAssignReplicasToDirs`). Replicas in a directory that is
    /// not online leave the ISR at once.
    pub fn assign_replicas_to_dirs(
        &self,
        request: &AssignReplicasToDirsRequest,
    ) -> Answer<AssignReplicasToDirsResponse> {
        self.check_active()?;
        if !self.metadata_version().is_directory_assignment_supported() {
            let message = "metadata.version is too old for directory assignment";
            return Err(ApiError::new(ErrorCode::UnsupportedVersion, message));
        }
        let broker = request.broker_id;
        self.check_broker_epoch(broker, request.broker_epoch)?;
        let registration = self
            .image()
            .cluster
            .broker(broker)
            .expect("its epoch was checked");
        let mut records = Vec::new();
        let mut offline: Vec<TopicIdPartition> = Vec::new();
        let mut directories = Vec::new();
        for dir in &request.directories {
            let online = registration.has_online_dir(dir.id);
            let mut topics = Vec::new();
            for topic in &dir.topics {
                let mut partitions = Vec::new();
                for p in &topic.partitions {
                    let tp = TopicIdPartition {
                        topic_id: topic.topic_id,
                        partition: p.partition_index,
                    };
                    let error = self.assign_replica(broker, dir.id, tp, &mut records);
                    if error == ErrorCode::None && !online && !offline.contains(&tp) {
                        offline.push(tp);
                    }
                    partitions.push(DirectoryPartition {
                        partition_index: p.partition_index,
                        error,
                    });
                }
                topics.push(DirectoryTopic {
                    topic_id: topic.topic_id,
                    partitions,
                });
            }
            directories.push(DirectoryData { id: dir.id, topics });
        }
        hash_order::sort(&mut offline, |tp| {
            hash_order::uuid_hash(tp.topic_id)
                .wrapping_mul(31)
                .wrapping_add(tp.partition)
        });
        self.generate_leader_and_isr_updates(BrokerEvent::Removed(broker), &offline, &mut records);
        let response = AssignReplicasToDirsResponse {
            directories,
            ..Default::default()
        };
        Ok(ControllerResult::of(
            rules::DIRECTORY_ASSIGNED,
            records,
            response,
        ))
    }

    fn assign_replica(
        &self,
        broker: NodeId,
        dir: Uuid,
        tp: TopicIdPartition,
        records: &mut Vec<ApiMessageAndVersion>,
    ) -> ErrorCode {
        let Some(topic) = self.image().topics.topic(tp.topic_id) else {
            return ErrorCode::UnknownTopicId;
        };
        let Some(partition) = topic.partition(tp.partition) else {
            return ErrorCode::UnknownTopicOrPartition;
        };
        if !partition.replicas.contains(&broker) {
            return ErrorCode::NotLeaderOrFollower;
        }
        let record = self.with_surroundings(topic, partition, |around| {
            PartitionChangeBuilder::new(partition, topic.id, tp.partition, around)
                .directory(broker, dir)
                .build()
        });
        records.extend(record);
        ErrorCode::None
    }
}
