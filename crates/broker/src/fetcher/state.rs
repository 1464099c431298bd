//! Where each followed partition stands (`PartitionFetchState`), in the order in which it is asked for.

use super::request::{FetcherRequestId, LookupKind};
use super::session::FetchSessionHandler;
use protocol::{Instant, LeaderEpoch, NodeId, Offset, TopicPartition, Uuid};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// `ReplicaState` of a fetcher.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FetchPhase {
    /// The log must be cut before it is asked for.
    Truncating,
    Fetching,
}

/// `PartitionFetchState`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionFetchState {
    pub topic_id: Uuid,
    /// The next offset to ask for.
    pub fetch_offset: Offset,
    /// Offsets to the leader's high watermark at the last answer that told; `None` until known.
    pub lag: Option<i64>,
    pub current_leader_epoch: LeaderEpoch,
    pub delayed_until: Option<Instant>,
    pub phase: FetchPhase,
    pub last_fetched_epoch: Option<LeaderEpoch>,
}

impl PartitionFetchState {
    pub fn is_delayed(&self, now: Instant) -> bool {
        self.delayed_until.is_some_and(|until| until > now)
    }

    pub fn is_ready_for_fetch(&self, now: Instant) -> bool {
        self.phase == FetchPhase::Fetching && !self.is_delayed(now)
    }
}

/// What was asked for one partition, to recognise an answer that came too late.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SentPartition {
    pub fetch_offset: Offset,
    pub leader_epoch: LeaderEpoch,
}

/// A question after OFFSET_OUT_OF_RANGE, waiting to be sent or answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Lookup {
    pub topic_partition: TopicPartition,
    pub kind: LookupKind,
    /// Of the fetch that was out of range.
    pub asked: SentPartition,
    /// The answer to the first question, while the second is asked.
    pub leader_end: Option<Offset>,
}

/// The fetcher for one leader (`ReplicaFetcherThread`).
#[derive(Clone, Debug)]
pub struct FetcherThread {
    pub leader: NodeId,
    /// In the order in which partitions are put into a request; one that got an answer moves to the end.
    partitions: Vec<(TopicPartition, PartitionFetchState)>,
    pub(super) session: FetchSessionHandler,
    pub(super) sent: Option<(FetcherRequestId, BTreeMap<TopicPartition, SentPartition>)>,
    pub(super) lookups: VecDeque<Lookup>,
    /// The first of `lookups` is out.
    pub(super) lookup_sent: Option<FetcherRequestId>,
}

impl FetcherThread {
    fn new(leader: NodeId) -> Self {
        Self {
            leader,
            partitions: Vec::new(),
            session: FetchSessionHandler::default(),
            sent: None,
            lookups: VecDeque::new(),
            lookup_sent: None,
        }
    }

    pub fn partitions(&self) -> &[(TopicPartition, PartitionFetchState)] {
        &self.partitions
    }

    pub fn get(&self, tp: &TopicPartition) -> Option<&PartitionFetchState> {
        self.partitions
            .iter()
            .find(|(t, _)| t == tp)
            .map(|(_, state)| state)
    }

    pub(super) fn get_mut(&mut self, tp: &TopicPartition) -> Option<&mut PartitionFetchState> {
        self.partitions
            .iter_mut()
            .find(|(t, _)| t == tp)
            .map(|(_, state)| state)
    }

    pub(super) fn update_and_move_to_end(
        &mut self,
        tp: &TopicPartition,
        state: PartitionFetchState,
    ) {
        self.partitions.retain(|(t, _)| t != tp);
        self.partitions.push((tp.clone(), state));
    }

    /// A question after OFFSET_OUT_OF_RANGE is to be asked, or is out.
    pub fn has_lookup(&self) -> bool {
        !self.lookups.is_empty()
    }

    /// A request is out.
    pub fn is_busy(&self) -> bool {
        self.sent.is_some() || self.lookup_sent.is_some()
    }
}

/// All fetchers of a broker (`ReplicaFetcherManager`), and the partitions that stopped fetching.
#[derive(Clone, Debug, Default)]
pub struct FetcherManager {
    threads: BTreeMap<NodeId, FetcherThread>,
    failed: BTreeSet<TopicPartition>,
    next_request: u64,
}

impl FetcherManager {
    pub fn threads(&self) -> impl Iterator<Item = &FetcherThread> {
        self.threads.values()
    }

    pub fn thread(&self, leader: NodeId) -> Option<&FetcherThread> {
        self.threads.get(&leader)
    }

    pub(super) fn thread_mut(&mut self, leader: NodeId) -> Option<&mut FetcherThread> {
        self.threads.get_mut(&leader)
    }

    /// The leader that a partition is fetched from, and its state.
    pub fn fetch_state(&self, tp: &TopicPartition) -> Option<(NodeId, &PartitionFetchState)> {
        self.threads
            .values()
            .find_map(|t| Some((t.leader, t.get(tp)?)))
    }

    /// Stopped until a newer leader epoch.
    pub fn is_failed(&self, tp: &TopicPartition) -> bool {
        self.failed.contains(tp)
    }

    pub(super) fn next_request_id(&mut self) -> FetcherRequestId {
        self.next_request += 1;
        FetcherRequestId(self.next_request)
    }

    /// Stops fetching a partition, and forgets that it failed.
    pub(crate) fn remove(&mut self, tp: &TopicPartition) {
        for thread in self.threads.values_mut() {
            thread.partitions.retain(|(t, _)| t != tp);
        }
        self.failed.remove(tp);
    }

    pub(crate) fn add(&mut self, leader: NodeId, tp: &TopicPartition, state: PartitionFetchState) {
        self.failed.remove(tp);
        self.threads
            .entry(leader)
            .or_insert_with(|| FetcherThread::new(leader))
            .update_and_move_to_end(tp, state);
    }

    /// Fetchers without partitions end, and with them the requests they had out.
    pub(crate) fn shutdown_idle(&mut self) {
        self.threads
            .retain(|_, thread| !thread.partitions.is_empty());
    }

    pub(super) fn mark_failed(&mut self, tp: &TopicPartition) {
        self.remove(tp);
        self.failed.insert(tp.clone());
    }
}
