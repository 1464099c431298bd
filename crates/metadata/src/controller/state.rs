//! What the metadata log has told a controller.

use protocol::{NodeId, Offset};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::elr_index::BrokersToElrs;
use crate::image::{MetadataImage, ReplayError};
use crate::record::MetadataRecord;

/// The image, and what a controller derives from the records beside it. Changes in replay only.
#[derive(Clone, PartialEq, Debug, Default, Serialize)]
pub struct DurableState {
    pub image: MetadataImage,
    /// Where each broker's last RegisterBrokerRecord lies: a broker may be unfenced once it has read so far.
    pub register_broker_record_offsets: Arc<BTreeMap<NodeId, Offset>>,
    pub(super) brokers_to_elrs: Arc<BrokersToElrs>,
    /// The offset of a BeginTransactionRecord without an end.
    pub transaction_start_offset: Option<Offset>,
}

impl DurableState {
    pub fn replay(&mut self, record: &MetadataRecord, offset: Offset) -> Result<(), ReplayError> {
        match record {
            MetadataRecord::Partition(r) => {
                let next = r.eligible_leader_replicas.as_deref().unwrap_or_default();
                self.update_elr_index(r.topic_id, r.partition_id, next);
            }
            MetadataRecord::PartitionChange(r) => {
                if let Some(next) = &r.eligible_leader_replicas {
                    self.update_elr_index(r.topic_id, r.partition_id, next);
                }
            }
            MetadataRecord::RemoveTopic(r) => {
                if let Some(topic) = self.image.topics.topic(r.topic_id) {
                    let members = topic
                        .partitions
                        .values()
                        .flat_map(|p| p.elr.iter().copied());
                    Arc::make_mut(&mut self.brokers_to_elrs).remove_topic(r.topic_id, members);
                }
            }
            MetadataRecord::RegisterBroker(r) => {
                Arc::make_mut(&mut self.register_broker_record_offsets).insert(r.broker_id, offset);
            }
            MetadataRecord::UnregisterBroker(r) => {
                Arc::make_mut(&mut self.register_broker_record_offsets).remove(&r.broker_id);
            }
            MetadataRecord::BeginTransaction(_) => self.transaction_start_offset = Some(offset),
            MetadataRecord::EndTransaction(_) | MetadataRecord::AbortTransaction(_) => {
                self.transaction_start_offset = None;
            }
            _ => {}
        }
        self.image.replay(record, offset)
    }

    fn update_elr_index(&mut self, topic_id: protocol::Uuid, partition: i32, next: &[NodeId]) {
        let prev = self
            .image
            .topics
            .partition(topic_id, partition)
            .map_or(&[][..], |p| &p.elr);
        if prev != next {
            Arc::make_mut(&mut self.brokers_to_elrs).update(topic_id, partition, prev, next);
        }
    }
}
