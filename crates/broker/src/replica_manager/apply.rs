//! Metadata arrives: replicas are deleted, become leader, become follower (`ReplicaManager.applyDelta`).

use super::ReplicaManager;
use super::requests::PartitionEvent;
use crate::fetcher::{FetchPhase, PartitionFetchState};
use crate::partition::{Marks, Partition};
use crate::rules;
use crate::view::{RegisteredPartition, TopicsDelta};
use metadata::MetadataDelta;
use protocol::{Ctx, Offset, TopicPartition};
use std::sync::Arc;

/// Names the draws that make the new name of a deleted log's directory.
const DELETED_DIRECTORY: &str = "deleted log directory";

impl ReplicaManager {
    /// Takes over what the metadata log brought: brokers' registrations first, then replicas. Topic settings are handed in
    /// before, with [`ReplicaManager::set_log_config`].
    pub fn apply_metadata_delta(&mut self, delta: &MetadataDelta, ctx: &mut Ctx) {
        self.metadata.apply_brokers(delta);
        self.apply_delta(&TopicsDelta::from(delta), ctx);
    }

    /// Takes over a delta: first deletions, then leaders, then followers. Brokers' registrations are already in
    /// [`ReplicaManager::metadata_mut`].
    pub fn apply_delta(&mut self, delta: &TopicsDelta, ctx: &mut Ctx) {
        let changes = self.metadata.local_changes(self.node_id, delta);
        self.metadata.apply(delta);
        for tp in changes.deletes {
            self.stop_partition(&tp, true, ctx);
        }
        for (tp, _) in &changes.leaders {
            self.fetchers.remove(tp);
        }
        for (tp, registered) in &changes.leaders {
            self.become_leader(tp, registered, ctx);
        }
        self.become_followers(&changes.followers, ctx);
        self.fetchers.shutdown_idle();
    }

    /// `stopPartitions`: the fetcher first, then the replica, then its log; what waits for a leader is answered.
    fn stop_partition(&mut self, tp: &TopicPartition, delete_log: bool, ctx: &mut Ctx) {
        self.fetchers.remove(tp);
        let hosted = delete_log && self.partitions.remove(tp).is_some();
        if hosted && self.listened.remove(tp) {
            self.events.push(PartitionEvent::Deleted(tp.clone()));
        }
        self.complete_when_not_leader(tp, ctx);
        if delete_log {
            let fresh_id = (u128::from(ctx.draws.next_u64(DELETED_DIRECTORY)) << 64)
                | u128::from(ctx.draws.next_u64(DELETED_DIRECTORY));
            self.logs.delete_log(tp, fresh_id, ctx.now.ms());
        }
    }

    /// Drops stale registrations, and makes sure that the partition and its log exist. Answers whether to go on.
    fn prepare(
        &mut self,
        tp: &TopicPartition,
        registered: &RegisteredPartition,
        ctx: &mut Ctx,
    ) -> bool {
        let registration = &registered.registration;
        if self
            .partitions
            .get(tp)
            .is_some_and(|p| registration.partition_epoch < p.partition_epoch())
        {
            return false;
        }
        if !self.partitions.contains_key(tp) {
            let partition = Partition::new(tp.clone(), registered.topic_id);
            self.partitions.insert(tp.clone(), Arc::new(partition));
            let config = self.log_configs.get(&tp.topic).cloned().unwrap_or_default();
            if self
                .logs
                .create_log(tp, registered.topic_id, config, ctx.now.ms())
                .is_err()
            {
                // An offline directory or a log of another topic: the replica is not hosted.
                self.partitions.remove(tp);
                return false;
            }
            self.initialise_high_watermark(tp, ctx);
        }
        true
    }

    /// A log begins with its checkpointed high watermark, or 0, within its bounds (`Partition.createLog`).
    fn initialise_high_watermark(&mut self, tp: &TopicPartition, ctx: &mut Ctx) {
        let checkpointed = self
            .logs
            .checkpointed_high_watermark(tp)
            .unwrap_or(Offset::ZERO);
        let _ = self.read_partition(tp, ctx, |partition, env| {
            let before = Marks::of(env.log);
            env.log.update_high_watermark(checkpointed);
            partition.report_marks(before, rules::HW_CHECKPOINT, env);
        });
    }

    fn become_leader(
        &mut self,
        tp: &TopicPartition,
        registered: &RegisteredPartition,
        ctx: &mut Ctx,
    ) {
        if !self.prepare(tp, registered, ctx) {
            return;
        }
        let became = self.change_partition(tp, ctx, |partition, env| {
            partition.make_leader(&registered.registration, env)
        });
        if became.is_ok_and(|became| became.hw_incremented) {
            self.complete_delayed_requests(tp, ctx);
        }
    }

    fn become_followers(
        &mut self,
        followers: &[(TopicPartition, RegisteredPartition)],
        ctx: &mut Ctx,
    ) {
        let mut to_start = Vec::new();
        let mut to_stop = Vec::new();
        for (tp, registered) in followers {
            if !self.prepare(tp, registered, ctx) {
                continue;
            }
            let registration = &registered.registration;
            let new_epoch = self.change_partition(tp, ctx, |partition, env| {
                partition.make_follower(registration, env)
            });
            let outside =
                registration.leader.is_none() || !registration.isr.contains(&self.node_id);
            if self.in_controlled_shutdown && outside {
                to_stop.push(tp);
            } else if new_epoch == Ok(true) {
                to_start.push(tp);
            }
        }
        // Fetchers stop before anything is fetched anew, so that no late answer moves the start.
        for tp in &to_start {
            self.fetchers.remove(tp);
        }
        for tp in &to_start {
            self.start_fetching(tp, ctx);
        }
        for tp in to_start {
            self.complete_when_not_leader(tp, ctx);
        }
        for tp in to_stop {
            self.stop_partition(tp, false, ctx);
        }
    }

    /// Fetches from the leader, if it is registered: from the log end, or from the high watermark when no epoch is known.
    fn start_fetching(&mut self, tp: &TopicPartition, ctx: &mut Ctx) -> Option<()> {
        let partition = self.partition(tp)?;
        let leader = partition
            .leader_replica_id()
            .filter(|&id| self.metadata.broker(id).is_some())?;
        let (topic_id, current_leader_epoch) = (partition.topic_id(), partition.leader_epoch());
        let last_fetched_epoch = self.last_fetched_epoch(tp, ctx);
        let log = self.log(tp)?;
        let knows_epoch = last_fetched_epoch.is_some();
        let state = PartitionFetchState {
            topic_id,
            fetch_offset: if knows_epoch {
                log.log_end_offset()
            } else {
                log.high_watermark()
            },
            lag: None,
            current_leader_epoch,
            delayed_until: None,
            phase: if knows_epoch {
                FetchPhase::Fetching
            } else {
                FetchPhase::Truncating
            },
            last_fetched_epoch,
        };
        self.report_fetcher_start(tp, leader, ctx);
        self.fetchers.add(leader, tp, state);
        Some(())
    }

    fn report_fetcher_start(&self, tp: &TopicPartition, leader: protocol::NodeId, ctx: &mut Ctx) {
        use protocol::trace::{Fact, FactKey, FactKind, Value};
        let key = FactKey::replica(FactKind::FetcherState, self.node_id, tp);
        let to: Value = format!("fetching from {leader}").as_str().into();
        ctx.changed(key, Value::None, to, rules::FETCHER_START, || {
            vec![Fact::new(
                FactKey::replica(FactKind::Leader, self.node_id, tp),
                i64::from(leader.0),
            )]
        });
    }
}
