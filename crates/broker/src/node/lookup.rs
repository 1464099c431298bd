//! How clients find things: ApiVersions, Metadata, FindCoordinator, out of the metadata that this broker has applied
//! (`KRaftMetadataCache`, `AutoTopicCreationManager`).

use super::{Node, NodeConfig};
use coordinator::runtime::java::partition_for;
use metadata::PartitionRegistration;
use metadata::image::TopicImage;
use protocol::messages::*;
use protocol::wire::Outbox;
use protocol::{ApiKey, Ctx, ErrorCode, Name, NodeId, Uuid};

pub(super) const GROUP_METADATA_TOPIC: &str = "__consumer_offsets";
const TRANSACTION_STATE_TOPIC: &str = "__transaction_state";

/// `Topic.isInternal`, as far as such topics exist here.
fn is_internal(name: &str) -> bool {
    matches!(name, GROUP_METADATA_TOPIC | TRANSACTION_STATE_TOPIC)
}

/// A topic as it is created because somebody needs it.
pub(super) fn creatable(config: &NodeConfig, name: &Name) -> CreatableTopic {
    let mut topic = CreatableTopic {
        name: name.clone(),
        num_partitions: -1,
        replication_factor: -1,
        ..Default::default()
    };
    if &**name == GROUP_METADATA_TOPIC {
        let pair = |name: &str, value: String| CreatableTopicConfig {
            name: name.into(),
            value: Some(value.into()),
        };
        topic.num_partitions = config.group.offsets_topic_partitions;
        topic.replication_factor = config.offsets_topic_replication_factor;
        topic.configs = vec![
            pair("cleanup.policy", "compact".into()),
            pair("compression.type", "producer".into()),
            pair(
                "segment.bytes",
                config.offsets_topic_segment_bytes.to_string(),
            ),
        ];
    }
    topic
}

impl Node {
    pub(super) fn api_versions(&self) -> ApiVersionsResponse {
        let level = |(name, &max): (&Name, &i16)| FinalizedFeature {
            name: name.clone(),
            max_version_level: max,
            min_version_level: max,
        };
        let api = |api: &ApiKey| ApiVersion {
            api_key: *api as i16,
            min_version: 0,
            max_version: api.latest_version(),
        };
        ApiVersionsResponse {
            api_keys: ApiKey::ALL.iter().map(api).collect(),
            finalized_features_epoch: self.image.offset.get(),
            finalized_features: self
                .image
                .features
                .finalized_versions
                .iter()
                .map(level)
                .collect(),
            ..Default::default()
        }
    }

    pub(super) fn metadata(
        &mut self,
        request: MetadataRequest,
        ctx: &mut Ctx<'_>,
        out: &mut Outbox,
    ) -> MetadataResponse {
        let mut topics = Vec::new();
        let mut missing = Vec::new();
        match request.topics {
            None => topics.extend(self.image.topics.by_name().map(|t| self.describe(t))),
            Some(asked) => {
                for topic in asked {
                    let found = match &topic.name {
                        Some(name) => self.image.topics.topic_named(name),
                        None => self.image.topics.topic(topic.topic_id),
                    };
                    topics.push(match (found, topic.name) {
                        (Some(topic), _) => self.describe(topic),
                        (None, Some(name)) => {
                            let error = if metadata::topic_name::validate(&name).is_ok() {
                                missing.push(name.clone());
                                ErrorCode::UnknownTopicOrPartition
                            } else {
                                ErrorCode::InvalidTopicException
                            };
                            unknown(Some(name), Uuid::ZERO, error)
                        }
                        (None, None) => unknown(None, topic.topic_id, ErrorCode::UnknownTopicId),
                    });
                }
            }
        }
        if request.allow_auto_topic_creation && self.config.auto_create_topics {
            self.create_topics(missing, ctx, out);
        }
        let alive: Vec<_> = self
            .image
            .cluster
            .brokers
            .values()
            .filter(|b| !b.fenced)
            .collect();
        let brokers = alive
            .iter()
            .map(|b| MetadataResponseBroker {
                node_id: b.id,
                rack: b.rack.clone(),
            })
            .collect::<Vec<_>>();
        // brokers speak for the controller, so that any of them is named as it
        let controller = match alive.len() {
            0 => NodeId::NONE,
            n => alive[ctx.draws.next_int(n as u32, "metadata.controller") as usize].id,
        };
        MetadataResponse {
            brokers,
            cluster_id: Some(self.config.cluster_id.clone()),
            controller_id: controller,
            topics,
            ..Default::default()
        }
    }

    fn describe(&self, topic: &TopicImage) -> MetadataResponseTopic {
        MetadataResponseTopic {
            error: ErrorCode::None,
            name: Some(topic.name.clone()),
            topic_id: topic.id,
            is_internal: is_internal(&topic.name),
            partitions: topic
                .partitions
                .iter()
                .map(|(&index, p)| self.describe_partition(index, p))
                .collect(),
        }
    }

    /// A leader that is not alive is not told, but its epoch is (`KRaftMetadataCache.partitionMetadata`).
    fn describe_partition(
        &self,
        index: i32,
        p: &PartitionRegistration,
    ) -> MetadataResponsePartition {
        let alive = |id: NodeId| self.image.cluster.broker(id).is_some_and(|b| !b.fenced);
        let led = alive(p.leader);
        MetadataResponsePartition {
            error: if led {
                ErrorCode::None
            } else {
                ErrorCode::LeaderNotAvailable
            },
            partition_index: index,
            leader_id: if led { p.leader } else { NodeId::NONE },
            leader_epoch: p.leader_epoch,
            replica_nodes: p.replicas.clone(),
            isr_nodes: p.isr.clone(),
            offline_replicas: p.replicas.iter().copied().filter(|&r| !alive(r)).collect(),
        }
    }

    pub(super) fn find_coordinator(
        &mut self,
        request: FindCoordinatorRequest,
        ctx: &mut Ctx<'_>,
        out: &mut Outbox,
    ) -> FindCoordinatorResponse {
        let topic: Option<Name> = match request.key_type {
            COORDINATOR_GROUP => Some(GROUP_METADATA_TOPIC.into()),
            COORDINATOR_TRANSACTION => Some(TRANSACTION_STATE_TOPIC.into()),
            _ => None,
        };
        let mut coordinators = Vec::new();
        for key in request.coordinator_keys {
            let found = topic
                .as_ref()
                .ok_or(ErrorCode::InvalidRequest)
                .and_then(|t| self.coordinator_of(t, &key));
            let (node_id, error) = match found {
                Ok(node) => (node, ErrorCode::None),
                Err(error) => (NodeId::NONE, error),
            };
            coordinators.push(Coordinator {
                key,
                node_id,
                error,
                error_message: None,
            });
        }
        // the topic of the groups is created when it is first needed
        if let Some(topic) = topic
            && &*topic == GROUP_METADATA_TOPIC
            && self.image.topics.topic_named(&topic).is_none()
        {
            self.create_topics(vec![topic], ctx, out);
        }
        FindCoordinatorResponse {
            coordinators,
            ..Default::default()
        }
    }

    fn coordinator_of(&self, topic: &str, key: &str) -> Result<NodeId, ErrorCode> {
        let topic = self
            .image
            .topics
            .topic_named(topic)
            .ok_or(ErrorCode::CoordinatorNotAvailable)?;
        let index = partition_for(key, topic.partitions.len() as i32);
        let leader = topic
            .partition(index)
            .map(|p| p.leader)
            .filter(|&id| self.image.cluster.broker(id).is_some_and(|b| !b.fenced));
        leader.ok_or(ErrorCode::CoordinatorNotAvailable)
    }
}

fn unknown(name: Option<Name>, topic_id: Uuid, error: ErrorCode) -> MetadataResponseTopic {
    MetadataResponseTopic {
        error,
        is_internal: name.as_deref().is_some_and(is_internal),
        name,
        topic_id,
        partitions: Vec::new(),
    }
}
