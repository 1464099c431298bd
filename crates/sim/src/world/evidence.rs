//! What ledger and checks may ask of a world's logs and leaders.

use super::World;
use crate::checks::{BatchFacts, Evidence};
use crate::ledger::{Located, Logs};
use broker::partition::Partition;
use log::UnifiedLog;
use protocol::{LeaderEpoch, NodeId, Offset, ProducerEpoch, ProducerId, Sequence, TopicPartition};

impl World {
    /// A replica's log on a running broker.
    pub fn log(&self, node: NodeId, tp: &TopicPartition) -> Option<&UnifiedLog> {
        self.broker(node)?.replicas().log(tp)
    }

    /// A replica as its running broker has it.
    pub fn partition(&self, node: NodeId, tp: &TopicPartition) -> Option<&Partition> {
        self.broker(node)?.replicas().partition(tp)
    }
}

impl Logs for World {
    fn records(
        &self,
        node: NodeId,
        tp: &TopicPartition,
        from: Offset,
        to: Offset,
        each: &mut dyn FnMut(Located<'_>),
    ) {
        let Some(log) = self.log(node, tp) else {
            return;
        };
        for batch in log.batches(from, to) {
            if batch.is_control() {
                continue;
            }
            // A batch that cannot be read (compressed, its codec not loaded) has no records to look at.
            let Ok(records) = batch.records() else {
                continue;
            };
            for record in records.flatten() {
                let offset = Offset(record.offset);
                if offset >= from && offset < to {
                    each(Located {
                        offset,
                        epoch: LeaderEpoch(batch.partition_leader_epoch()),
                        producer_id: ProducerId(batch.producer_id()),
                        key: record.key.as_deref(),
                        value: record.value.as_deref(),
                        timestamp_ms: record.timestamp,
                    });
                }
            }
        }
    }

    fn leads(&self, node: NodeId, tp: &TopicPartition) -> bool {
        self.partition(node, tp).is_some_and(|p| p.is_leader(node))
    }

    fn log_start(&self, node: NodeId, tp: &TopicPartition) -> Offset {
        self.log(node, tp)
            .map_or(Offset::NONE, UnifiedLog::log_start_offset)
    }

    fn log_end(&self, node: NodeId, tp: &TopicPartition) -> Offset {
        self.log(node, tp)
            .map_or(Offset::NONE, UnifiedLog::log_end_offset)
    }

    fn high_watermark(&self, node: NodeId, tp: &TopicPartition) -> Offset {
        self.log(node, tp)
            .map_or(Offset::NONE, UnifiedLog::high_watermark)
    }

    fn epoch_at(&self, node: NodeId, tp: &TopicPartition, offset: Offset) -> Option<LeaderEpoch> {
        let log = self.log(node, tp)?;
        (offset < log.log_end_offset()).then(|| log.epoch_for_offset(offset))?
    }
}

impl Evidence for World {
    fn batches(
        &self,
        node: NodeId,
        tp: &TopicPartition,
        from: Offset,
        to: Offset,
        each: &mut dyn FnMut(BatchFacts),
    ) {
        let Some(log) = self.log(node, tp) else {
            return;
        };
        for batch in log.batches(from, to) {
            each(BatchFacts {
                base: Offset(batch.base_offset()),
                last: Offset(batch.last_offset()),
                epoch: LeaderEpoch(batch.partition_leader_epoch()),
                producer_id: ProducerId(batch.producer_id()),
                producer_epoch: ProducerEpoch(batch.producer_epoch()),
                base_sequence: Sequence(batch.base_sequence()),
                records: batch.last_offset_delta() + 1,
                control: batch.is_control(),
            });
        }
    }

    fn epochs(&self, node: NodeId, tp: &TopicPartition) -> Vec<(LeaderEpoch, Offset)> {
        let Some(log) = self.log(node, tp) else {
            return Vec::new();
        };
        let entries = log.leader_epochs().entries().iter();
        entries
            .map(|(&epoch, &start)| (LeaderEpoch(epoch), Offset(start)))
            .collect()
    }

    fn leader_epoch(&self, node: NodeId, tp: &TopicPartition) -> LeaderEpoch {
        self.partition(node, tp)
            .map_or(LeaderEpoch::NONE, Partition::leader_epoch)
    }

    fn isr(&self, node: NodeId, tp: &TopicPartition) -> Vec<NodeId> {
        let isr = self.partition(node, tp).map(|p| p.state().isr());
        isr.into_iter().flatten().copied().collect()
    }

    fn min_insync_replicas(&self, node: NodeId, tp: &TopicPartition) -> usize {
        let configured = self
            .log(node, tp)
            .map_or(1, |l| l.config().min_insync_replicas);
        self.partition(node, tp)
            .map_or(1, |p| p.effective_min_isr(configured))
    }

    fn fetchers(&self, node: NodeId, tp: &TopicPartition) -> usize {
        let Some(broker) = self.broker(node) else {
            return 0;
        };
        let threads = broker.replicas().fetchers().threads();
        threads.filter(|t| t.get(tp).is_some()).count()
    }

    fn running(&self, node: NodeId) -> bool {
        self.broker(node).is_some()
    }
}
