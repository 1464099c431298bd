//! Leaving: which nodes have something ready, and what a request to each takes along
//! (`RecordAccumulator.ready`, `drain`).

use super::{Accumulator, BatchId, NodeLatency};
use crate::network::snapshot::Snapshot;
use crate::producer::transactions::TransactionManager;
use protocol::{Ms, Name, NodeId, TopicPartition};
use std::collections::{BTreeMap, BTreeSet};

/// `ReadyCheckResult`.
#[derive(Clone, Debug, Default)]
pub struct ReadyCheck {
    pub ready_nodes: BTreeSet<NodeId>,
    /// How long until something else becomes ready by age alone, in ms; `Ms::MAX` = never.
    pub next_check_ms: Ms,
    pub unknown_leader_topics: BTreeSet<Name>,
}

impl Accumulator {
    /// Nodes that lead a partition with a sendable batch.
    pub fn ready(&mut self, cluster: &Snapshot, completing: bool, now: Ms) -> ReadyCheck {
        let mut check = ReadyCheck {
            next_check_ms: Ms::MAX,
            ..ReadyCheck::default()
        };
        for topic in self.topics.keys().cloned().collect::<Vec<_>>() {
            self.partition_ready(&topic, cluster, completing, now, &mut check);
        }
        check
    }

    fn partition_ready(
        &mut self,
        topic: &Name,
        cluster: &Snapshot,
        completing: bool,
        now: Ms,
        check: &mut ReadyCheck,
    ) {
        let exhausted = self.pool.queued() > 0;
        let partitions: Vec<i32> = self.topics[topic].batches.keys().copied().collect();
        let count = partitions.len();
        // Weights need a queue for every partition of the topic.
        let known = cluster.partitions_for_topic(topic).count();
        let mut queues = (self.config.adaptive_partitioning && count >= known)
            .then(|| (vec![0; count], vec![0; count]));
        // Like Kafka's: a slot of a partition that is left out is used again, with what stands in it.
        let mut slots = 0usize;
        for partition in partitions {
            let tp = TopicPartition {
                topic: topic.clone(),
                partition,
            };
            let leader = cluster.leader_for(&tp);
            if let (Some(_), Some((_, ids))) = (leader, &mut queues) {
                ids[slots] = partition;
                slots += 1;
            }
            let Some(&first) = self.queue(&tp).and_then(|queue| queue.front()) else {
                continue;
            };
            let length = self.queue(&tp).map_or(0, std::collections::VecDeque::len);
            let epoch = cluster.leader_epoch_for(&tp);
            let batch = self.batch_mut(first);
            batch.maybe_update_leader_epoch(epoch);
            let (waited, attempts, full) = (
                batch.waited_ms(now),
                batch.attempts(),
                length > 1 || batch.is_full(),
            );
            let backing_off = self.should_back_off(first, now);
            let Some(leader) = leader else {
                check.unknown_leader_topics.insert(topic.clone());
                continue;
            };
            if let Some((sizes, _)) = &mut queues {
                sizes[slots - 1] = length as i32;
                let late =
                    |l: &NodeLatency| l.ready_ms - l.drain_ms > self.config.availability_timeout_ms;
                if self.config.availability_timeout_ms > 0
                    && self.node_latency.get(&leader).is_some_and(late)
                {
                    slots -= 1;
                }
            }
            if check.ready_nodes.contains(&leader) || self.is_muted(&tp) {
                continue;
            }
            let to_wait = if backing_off {
                self.config
                    .retry_backoff
                    .backoff(attempts.saturating_sub(1))
            } else {
                self.config.linger_ms
            };
            let sendable = full
                || waited >= to_wait
                || exhausted
                || self.closed
                || self.flushes > 0
                || completing;
            if sendable && !backing_off {
                check.ready_nodes.insert(leader);
            } else {
                check.next_check_ms = check.next_check_ms.min((to_wait - waited).max(0));
            }
        }
        let stats = queues.map(|(sizes, ids)| (sizes, ids, slots));
        self.topic(topic).partitioner.update_load(stats);
    }

    fn should_back_off(&self, id: BatchId, now: Ms) -> bool {
        let batch = self.batch(id);
        batch.attempts() > 0
            && batch.waited_ms(now) < self.config.retry_backoff.backoff(batch.attempts() - 1)
            && !batch.leader_changed_for_the_ongoing_retry()
    }

    /// When the batch at the head of a queue becomes sendable by age alone.
    pub fn sendable_at(&self, id: BatchId) -> Ms {
        let batch = self.batch(id);
        let wait = match batch.attempts() {
            0 => self.config.linger_ms,
            n => self.config.retry_backoff.backoff(n - 1),
        };
        batch.last_attempt_ms().saturating_add(wait)
    }

    /// `updateNodeLatencyStats`.
    pub fn update_node_latency(&mut self, node: NodeId, now: Ms, can_drain: bool) {
        if self.config.availability_timeout_ms <= 0 {
            return;
        }
        let stats = self.node_latency.entry(node).or_insert(NodeLatency {
            ready_ms: now,
            drain_ms: now,
        });
        if can_drain {
            stats.drain_ms = now;
        }
        stats.ready_ms = now;
    }

    /// Takes at most one batch of each partition that a node leads, in rotation, up to `max_size` bytes a node.
    pub fn drain(
        &mut self,
        cluster: &Snapshot,
        nodes: &BTreeSet<NodeId>,
        max_size: usize,
        mut txn: Option<&mut TransactionManager>,
        now: Ms,
    ) -> BTreeMap<NodeId, Vec<BatchId>> {
        nodes
            .iter()
            .map(|node| {
                (
                    *node,
                    self.drain_for_one_node(cluster, *node, max_size, txn.as_deref_mut(), now),
                )
            })
            .collect()
    }

    fn drain_for_one_node(
        &mut self,
        cluster: &Snapshot,
        node: NodeId,
        max_size: usize,
        mut txn: Option<&mut TransactionManager>,
        now: Ms,
    ) -> Vec<BatchId> {
        let parts = cluster.partitions_for_node(node);
        let mut ready = Vec::new();
        if parts.is_empty() {
            return ready;
        }
        let start = self.drain_index.get(&node).copied().unwrap_or(0) % parts.len();
        let mut size = 0;
        for step in 0..parts.len() {
            let index = (start + step) % parts.len();
            let tp = &parts[index];
            self.drain_index.insert(node, index);
            if self.is_muted(tp) {
                continue;
            }
            let Some(&first) = self.queue(tp).and_then(|queue| queue.front()) else {
                continue;
            };
            self.batch_mut(first)
                .maybe_update_leader_epoch(cluster.leader_epoch_for(tp));
            if self.should_back_off(first, now) {
                continue;
            }
            if size + self.batch(first).estimated_size() > max_size && !ready.is_empty() {
                break;
            }
            // A partition that idempotence holds back ends this node's turn.
            if txn
                .as_deref()
                .is_some_and(|txn| txn.should_stop_drain(self.batch(first), tp))
            {
                break;
            }
            self.deque(tp).pop_front();
            if let Some(txn) = txn.as_deref_mut() {
                let batch = self
                    .batches
                    .get_mut(&first)
                    .expect("queued batches are kept");
                if !batch.has_sequence() {
                    txn.stamp(batch);
                }
            }
            let ratio = self.batch_mut(first).close();
            self.learn_ratio(&tp.topic.clone(), ratio);
            let batch = self.batch_mut(first);
            batch.drained_ms = Some(now);
            size += batch.estimated_size();
            ready.push(first);
        }
        ready
    }
}
