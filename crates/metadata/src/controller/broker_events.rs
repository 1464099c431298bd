//! What becomes of partitions when brokers come and go (`ReplicationControlManager.handleBroker…`).

use protocol::{BrokerEpoch, NodeId, Protection};

use super::Controller;
use crate::image::{TopicIdPartition, TopicImage};
use crate::partition::{Election, PartitionChangeBuilder, PartitionRegistration, Surroundings};
use crate::record::{
    ApiMessageAndVersion, BrokerRegistrationChangeRecord, MetadataRecord, UnregisterBrokerRecord,
};

/// The broker on whose account partitions change, and how.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum BrokerEvent {
    /// Leaves the ISR, and may not lead.
    Removed(NodeId),
    /// May lead, although the registration still says that it is fenced.
    Added(NodeId),
    /// Leaves ISR and ELR, and may not lead: it may have lost records.
    UncleanShutdown(NodeId),
}

impl Controller {
    /// May this broker lead this partition: active, and the directory of its replica online (`LeaderAcceptor`).
    pub(super) fn is_acceptable_leader(
        &self,
        partition: &PartitionRegistration,
        broker: NodeId,
    ) -> bool {
        self.image().cluster.is_active(broker) && self.replica_is_online(partition, broker)
    }

    fn replica_is_online(&self, partition: &PartitionRegistration, broker: NodeId) -> bool {
        match (
            self.image().cluster.broker(broker),
            partition.directory(broker),
        ) {
            (Some(registration), Some(dir)) => registration.has_online_dir(dir),
            _ => false,
        }
    }

    /// Calls `f` with what a change of a partition of `topic` has to be told, active brokers being acceptable leaders.
    pub(super) fn with_surroundings<R>(
        &self,
        topic: &TopicImage,
        partition: &PartitionRegistration,
        f: impl FnOnce(Surroundings<'_>) -> R,
    ) -> R {
        self.with_acceptor(
            topic,
            &|broker| self.is_acceptable_leader(partition, broker),
            f,
        )
    }

    fn with_acceptor<R>(
        &self,
        topic: &TopicImage,
        acceptable: &dyn Fn(NodeId) -> bool,
        f: impl FnOnce(Surroundings<'_>) -> R,
    ) -> R {
        f(Surroundings {
            metadata_version: self.metadata_version(),
            min_isr: self.effective_min_isr(topic),
            elr_enabled: self.image().features.is_elr_enabled(),
            acceptable,
            default_dir: &|broker| self.default_dir(broker),
        })
    }

    /// How far elections of a topic go by themselves.
    pub(super) fn default_election(&self, topic: &TopicImage) -> Election {
        // Without the protection any live replica may follow the last leader, whatever it lacks.
        let unprotected = !self.protections.on(Protection::EligibleLeaderReplicas);
        if unprotected || self.unclean_leader_election_enabled(&topic.name) {
            Election::Unclean
        } else {
            Election::Online
        }
    }

    /// Records about each of `partitions` that changes with the event (`generateLeaderAndIsrUpdates`).
    pub(super) fn generate_leader_and_isr_updates(
        &self,
        event: BrokerEvent,
        partitions: &[TopicIdPartition],
        records: &mut Vec<ApiMessageAndVersion>,
    ) {
        let gone = match event {
            BrokerEvent::Removed(broker) | BrokerEvent::UncleanShutdown(broker) => Some(broker),
            BrokerEvent::Added(_) => None,
        };
        for tp in partitions {
            let Some(topic) = self.image().topics.topic(tp.topic_id) else {
                continue;
            };
            let Some(partition) = topic.partition(tp.partition) else {
                continue;
            };
            let acceptable = |broker: NodeId| {
                Some(broker) != gone
                    && (event == BrokerEvent::Added(broker)
                        || self.image().cluster.is_active(broker))
                    && self.replica_is_online(partition, broker)
            };
            let isr = partition
                .isr
                .iter()
                .copied()
                .filter(|r| Some(*r) != gone)
                .collect();
            let record = self.with_acceptor(topic, &acceptable, |around| {
                let mut builder =
                    PartitionChangeBuilder::new(partition, topic.id, tp.partition, around)
                        .election(self.default_election(topic))
                        .target_isr(isr);
                if let BrokerEvent::UncleanShutdown(broker) = event {
                    builder = builder.unclean_shutdown(broker);
                }
                builder.build()
            });
            records.extend(record);
        }
    }

    fn partitions_with_broker_in_isr(&self, broker: NodeId) -> Vec<TopicIdPartition> {
        self.image()
            .topics
            .partitions_where(|p| p.isr.contains(&broker))
    }

    fn isr_then_elr_updates(
        &self,
        event: BrokerEvent,
        broker: NodeId,
        records: &mut Vec<ApiMessageAndVersion>,
    ) {
        self.generate_leader_and_isr_updates(
            event,
            &self.partitions_with_broker_in_isr(broker),
            records,
        );
        let in_elr = self
            .state
            .brokers_to_elrs
            .partitions_with_broker_in_elr(broker);
        self.generate_leader_and_isr_updates(event, &in_elr, records);
    }

    /// Leaves every ISR, and is fenced.
    pub(super) fn handle_broker_fenced(
        &self,
        broker: NodeId,
        records: &mut Vec<ApiMessageAndVersion>,
    ) {
        let epoch = self
            .image()
            .cluster
            .broker_epoch(broker)
            .expect("only a registered broker is fenced");
        let partitions = self.partitions_with_broker_in_isr(broker);
        self.generate_leader_and_isr_updates(BrokerEvent::Removed(broker), &partitions, records);
        let mut change = BrokerRegistrationChangeRecord::unchanged(broker, epoch);
        change.fenced = Some(true);
        records.push(ApiMessageAndVersion::new(change, 0));
    }

    /// Leaves every ISR, and the cluster. It may stay in an ELR.
    pub(super) fn handle_broker_unregistered(
        &self,
        broker: NodeId,
        epoch: BrokerEpoch,
        records: &mut Vec<ApiMessageAndVersion>,
    ) {
        self.isr_then_elr_updates(BrokerEvent::Removed(broker), broker, records);
        let record = UnregisterBrokerRecord {
            broker_id: broker,
            broker_epoch: epoch,
        };
        records.push(ApiMessageAndVersion::new(record, 0));
    }

    /// Is unfenced, and may lead what has no leader.
    pub(super) fn handle_broker_unfenced(
        &self,
        broker: NodeId,
        epoch: BrokerEpoch,
        records: &mut Vec<ApiMessageAndVersion>,
    ) {
        let mut change = BrokerRegistrationChangeRecord::unchanged(broker, epoch);
        change.fenced = Some(false);
        records.push(ApiMessageAndVersion::new(change, 0));
        let leaderless = self.image().topics.partitions_where(|p| !p.has_leader());
        self.generate_leader_and_isr_updates(BrokerEvent::Added(broker), &leaderless, records);
    }

    /// Leaves every ISR, so that others lead before it goes.
    pub(super) fn handle_broker_in_controlled_shutdown(
        &self,
        broker: NodeId,
        epoch: BrokerEpoch,
        records: &mut Vec<ApiMessageAndVersion>,
    ) {
        if !self
            .image()
            .cluster
            .broker(broker)
            .is_some_and(|b| b.in_controlled_shutdown)
        {
            let mut change = BrokerRegistrationChangeRecord::unchanged(broker, epoch);
            change.in_controlled_shutdown = true;
            records.push(ApiMessageAndVersion::new(change, 1));
        }
        let partitions = self.partitions_with_broker_in_isr(broker);
        self.generate_leader_and_isr_updates(BrokerEvent::Removed(broker), &partitions, records);
    }

    /// A new incarnation registers: what the old one left behind. Without proof of a clean shutdown its log may lack
    /// records, so that with ELR it is no candidate any more (KIP-966).
    pub(super) fn handle_broker_shutdown(
        &self,
        broker: NodeId,
        clean: bool,
        records: &mut Vec<ApiMessageAndVersion>,
    ) {
        if self.image().features.is_elr_enabled() && !clean {
            self.isr_then_elr_updates(BrokerEvent::UncleanShutdown(broker), broker, records);
        } else {
            let partitions = self.partitions_with_broker_in_isr(broker);
            self.generate_leader_and_isr_updates(
                BrokerEvent::Removed(broker),
                &partitions,
                records,
            );
        }
    }
}

/// Puts each run of partition changes in order of topic id and partition. Several walks may have made one run, each in
/// the order of a hash map in Kafka: no order is better than another, and one is needed.
pub(super) fn sort_partition_changes(records: &mut [ApiMessageAndVersion]) {
    let key = |r: &ApiMessageAndVersion| match &r.message {
        MetadataRecord::PartitionChange(r) => Some((r.topic_id, r.partition_id)),
        _ => None,
    };
    for run in records.chunk_by_mut(|a, b| key(a).is_some() == key(b).is_some()) {
        run.sort_by_key(key);
    }
}
