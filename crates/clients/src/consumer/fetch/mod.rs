//! Fetching: which partitions are asked of which broker, what came back, and what is handed out
//! (`AbstractFetch`, `FetchBuffer`, `FetchCollector`).

pub mod completed;
pub mod session;

pub use completed::{CompletedFetch, ConsumerRecord};
pub use session::{FetchRequestData, FetchSession};

use super::config::ConsumerConfig;
use super::subscription::{FetchPosition, OffsetAndMetadata, SubscriptionState};
use crate::error::ClientError;
use crate::network::NodeKey;
use crate::network::metadata::Metadata;
use protocol::messages::{FetchPartition, FetchRequest, FetchResponse, FetchTopic, ForgottenTopic};
use protocol::{ErrorCode, LeaderEpoch, Ms, Name, NodeId, Offset, TopicPartition, Uuid};
use session::{PartitionRequest, named_leader};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// What one `poll` hands out (`Fetch`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fetched {
    /// By partition, in the order of collection.
    pub records: Vec<(TopicPartition, Vec<ConsumerRecord>)>,
    /// The position of every partition whose data was looked at.
    pub next_offsets: BTreeMap<TopicPartition, OffsetAndMetadata>,
    pub position_advanced: bool,
}

impl Fetched {
    pub fn count(&self) -> usize {
        self.records.iter().map(|(_, records)| records.len()).sum()
    }

    pub fn is_empty(&self) -> bool {
        self.count() == 0 && !self.position_advanced
    }
}

/// Everything between the fetch requests and `poll`.
#[derive(Clone, Debug, Default)]
pub struct Fetcher {
    pub sessions: BTreeMap<NodeKey, FetchSession>,
    /// Brokers that a fetch is under way to.
    pub pending: BTreeSet<NodeKey>,
    pub completed: VecDeque<CompletedFetch>,
    pub next_in_line: Option<CompletedFetch>,
}

/// Items by the node of each, nodes in reverse order of their first item: the keys of a client's nodes share a bucket
/// of Kafka's map, which puts new keys in front.
pub fn group_by_node<T>(items: impl IntoIterator<Item = (NodeId, T)>) -> Vec<(NodeId, Vec<T>)> {
    let mut groups: Vec<(NodeId, Vec<T>)> = Vec::new();
    for (node, item) in items {
        match groups.iter_mut().find(|(known, _)| *known == node) {
            Some((_, list)) => list.push(item),
            None => groups.insert(0, (node, vec![item])),
        }
    }
    groups
}

impl Fetcher {
    /// Data that `poll` could return now.
    pub fn has_available(&self, subscriptions: &SubscriptionState) -> bool {
        self.next_in_line
            .iter()
            .filter(|f| !f.consumed)
            .chain(&self.completed)
            .any(|f| subscriptions.is_fetchable(&f.tp))
    }

    pub fn buffered_partitions(&self) -> BTreeSet<TopicPartition> {
        let line = self.next_in_line.iter().filter(|f| !f.consumed);
        line.chain(&self.completed).map(|f| f.tp.clone()).collect()
    }

    /// Throws away what belongs to other partitions.
    pub fn retain(
        &mut self,
        partitions: &BTreeSet<TopicPartition>,
        subscriptions: &mut SubscriptionState,
    ) {
        self.completed.retain(|f| partitions.contains(&f.tp));
        if self
            .next_in_line
            .as_ref()
            .is_some_and(|f| !partitions.contains(&f.tp))
        {
            if let Some(mut dropped) = self.next_in_line.take() {
                drain(&mut dropped, subscriptions);
            }
        }
    }

    /// The fetches that may go out now, in the order of their nodes.
    pub fn prepare(
        &mut self,
        subscriptions: &mut SubscriptionState,
        metadata: &mut Metadata,
        config: &ConsumerConfig,
        unavailable: &dyn Fn(NodeId) -> bool,
        now: Ms,
    ) -> Vec<(NodeId, FetchRequestData)> {
        let buffered = self.buffered_partitions();
        let unbuffered: Vec<TopicPartition> = subscriptions
            .fetchable_partitions()
            .into_iter()
            .filter(|tp| !buffered.contains(tp))
            .collect();
        if unbuffered.is_empty() {
            return Vec::new();
        }
        let mut buffered_nodes = BTreeSet::new();
        for tp in buffered
            .iter()
            .filter(|tp| subscriptions.is_fetchable(tp))
            .cloned()
            .collect::<Vec<_>>()
        {
            buffered_nodes.extend(node_for(&tp, subscriptions, metadata, now));
        }
        let mut wanted = Vec::new();
        for tp in unbuffered {
            let Some(position) = subscriptions.position(&tp) else {
                continue;
            };
            let Some(node) = node_for(&tp, subscriptions, metadata, now) else {
                continue;
            };
            if unavailable(node) || self.pending.contains(&node.0) || buffered_nodes.contains(&node)
            {
                continue;
            }
            let request = PartitionRequest {
                topic_id: metadata
                    .snapshot()
                    .topic_id(&tp.topic)
                    .unwrap_or(Uuid::ZERO),
                offset: position.offset,
                max_bytes: config.max_partition_fetch_bytes,
                leader_epoch: position.leader.epoch.unwrap_or(LeaderEpoch::NONE),
            };
            wanted.push((node, (tp, request)));
        }
        group_by_node(wanted)
            .into_iter()
            .map(|(node, next)| (node, self.sessions.entry(node.0).or_default().build(next)))
            .collect()
    }

    /// The last fetch of every session.
    pub fn prepare_close(
        &mut self,
        metadata: &Metadata,
        unavailable: &dyn Fn(NodeId) -> bool,
    ) -> Vec<(NodeId, FetchRequestData)> {
        let mut requests = Vec::new();
        for (node, session) in &mut self.sessions {
            session.notify_close();
            let node = NodeId(*node);
            if metadata.snapshot().brokers.contains_key(&node) && !unavailable(node) {
                requests.push((node, session.build(Vec::new())));
            }
        }
        requests
    }

    /// An answer to a fetch (`handleFetchSuccess`).
    pub fn handle_response(
        &mut self,
        node: NodeKey,
        asked: &FetchRequestData,
        response: &FetchResponse,
        subscriptions: &mut SubscriptionState,
        metadata: &mut Metadata,
    ) {
        self.pending.remove(&node);
        let Some(session) = self.sessions.get_mut(&node) else {
            return;
        };
        let mut answered = Vec::new();
        for topic in &response.responses {
            // Newer versions name topics by id; the session knows their names.
            let name = session
                .topic_name(topic.topic_id)
                .unwrap_or_else(|| topic.topic.clone());
            for data in &topic.partitions {
                answered.push((
                    TopicPartition {
                        topic: name.clone(),
                        partition: data.partition_index,
                    },
                    data,
                ));
            }
        }
        let names: Vec<TopicPartition> = answered.iter().map(|(tp, _)| tp.clone()).collect();
        if !session.handle_response(response, &names) {
            if response.error == ErrorCode::FetchSessionTopicIdError {
                metadata.request_update(false);
            }
            return;
        }
        let mut leaders = Vec::new();
        for (tp, data) in answered {
            let Some((_, request)) = asked.partitions.iter().find(|(other, _)| *other == tp) else {
                continue;
            };
            let moved = matches!(
                data.error,
                ErrorCode::NotLeaderOrFollower | ErrorCode::FencedLeaderEpoch
            );
            if moved && named_leader(&data.current_leader) {
                leaders.push((
                    tp.clone(),
                    data.current_leader.leader_id,
                    data.current_leader.leader_epoch,
                ));
            }
            self.completed
                .push_back(CompletedFetch::new(tp, data.clone(), request.offset));
        }
        if !leaders.is_empty() {
            let endpoints: Vec<NodeId> =
                response.node_endpoints.iter().map(|e| e.node_id).collect();
            for tp in metadata.update_partition_leadership(&leaders, &endpoints) {
                subscriptions.maybe_validate_position(&tp, metadata.current_leader(&tp));
            }
        }
    }

    pub fn handle_failure(&mut self, node: NodeKey, subscriptions: &mut SubscriptionState) {
        self.pending.remove(&node);
        if let Some(session) = self.sessions.get_mut(&node) {
            session.handle_error();
            for tp in session.partitions() {
                subscriptions.clear_preferred_replica(tp);
            }
        }
    }

    /// Hands out up to `max.poll.records` (`FetchCollector.collectFetch`).
    ///
    /// # Errors
    /// What Kafka throws from `poll`, unless something was collected before it.
    pub fn collect(
        &mut self,
        subscriptions: &mut SubscriptionState,
        metadata: &mut Metadata,
        config: &ConsumerConfig,
        now: Ms,
    ) -> Result<Fetched, ClientError> {
        let mut fetched = Fetched::default();
        let mut paused = VecDeque::new();
        let mut remaining = config.max_poll_records;
        let mut failure = None;
        while remaining > 0 {
            match self.next_in_line.take() {
                Some(line) if !line.consumed && subscriptions.is_paused(&line.tp) => {
                    paused.push_back(line)
                }
                Some(mut line) if !line.consumed => {
                    match take_records(&mut line, remaining, subscriptions, config, &mut fetched) {
                        Ok(count) => remaining -= count,
                        Err(error) => {
                            failure = Some(error);
                            self.next_in_line = Some(line);
                            break;
                        }
                    }
                    self.next_in_line = Some(line);
                }
                _ => {
                    let Some(mut next) = self.completed.pop_front() else {
                        break;
                    };
                    if next.initialized {
                        self.next_in_line = Some(next);
                        continue;
                    }
                    let keep = next.clone();
                    match initialize(&mut next, subscriptions, metadata, now) {
                        Ok(true) => self.next_in_line = Some(next),
                        Ok(false) => {}
                        Err(error) => {
                            // Kept for the next poll if this one already has something, or if it holds data.
                            if !(fetched.is_empty() && keep.data.records.is_empty()) {
                                self.completed.push_front(keep);
                            }
                            failure = Some(error);
                            break;
                        }
                    }
                }
            }
        }
        self.completed.extend(paused);
        match failure {
            Some(error) if fetched.is_empty() => Err(error),
            _ => Ok(fetched),
        }
    }
}

/// A partition whose data was used up or thrown away moves to the end if it returned something.
fn drain(fetch: &mut CompletedFetch, subscriptions: &mut SubscriptionState) {
    if !fetch.consumed {
        fetch.consumed = true;
        if fetch.bytes_read > 0 {
            subscriptions.move_to_end(&fetch.tp);
        }
    }
}

fn take_records(
    line: &mut CompletedFetch,
    max: usize,
    subscriptions: &mut SubscriptionState,
    config: &ConsumerConfig,
    fetched: &mut Fetched,
) -> Result<usize, ClientError> {
    let tp = line.tp.clone();
    let position = subscriptions
        .position(&tp)
        .filter(|_| subscriptions.is_fetchable(&tp));
    let Some(position) = position.filter(|p| p.offset == line.next_offset) else {
        drain(line, subscriptions);
        return Ok(0);
    };
    let records = line.fetch_records(max, config.read_committed, config.check_crcs)?;
    if line.consumed && line.bytes_read > 0 {
        subscriptions.move_to_end(&tp);
    }
    if line.next_offset > position.offset {
        let next = FetchPosition {
            offset: line.next_offset,
            offset_epoch: line.last_epoch,
            leader: position.leader,
        };
        subscriptions.set_position(&tp, next);
        fetched.position_advanced = true;
    }
    let next = OffsetAndMetadata {
        offset: line.next_offset,
        leader_epoch: line.last_epoch,
        metadata: "".into(),
    };
    fetched.next_offsets.insert(tp.clone(), next);
    let count = records.len();
    if count > 0 {
        match fetched.records.iter_mut().find(|(other, _)| *other == tp) {
            Some((_, list)) => list.extend(records),
            None => fetched.records.push((tp, records)),
        }
    }
    Ok(count)
}

/// Looks at an answer for the first time; false = it is of no use (`FetchCollector.initialize`).
fn initialize(
    fetch: &mut CompletedFetch,
    subscriptions: &mut SubscriptionState,
    metadata: &mut Metadata,
    now: Ms,
) -> Result<bool, ClientError> {
    let tp = fetch.tp.clone();
    let error = fetch.data.error;
    if !subscriptions.has_valid_position(&tp) {
        if !error.is_none() {
            subscriptions.move_to_end(&tp);
        }
        return Ok(false);
    }
    if error.is_none() {
        return initialize_success(fetch, subscriptions, metadata, now);
    }
    let outcome = initialize_error(fetch, error, subscriptions, metadata);
    subscriptions.move_to_end(&tp);
    outcome.map(|()| false)
}

fn initialize_success(
    fetch: &mut CompletedFetch,
    subscriptions: &mut SubscriptionState,
    metadata: &Metadata,
    now: Ms,
) -> Result<bool, ClientError> {
    let tp = fetch.tp.clone();
    if subscriptions
        .position(&tp)
        .is_none_or(|p| p.offset != fetch.next_offset)
    {
        return Ok(false);
    }
    if !fetch.has_batches() && !fetch.data.records.is_empty() {
        return Err(ClientError::kafka());
    }
    let data = &fetch.data;
    if let Some(state) = subscriptions.state_mut(&tp) {
        let known = |offset: Offset| (offset >= Offset::ZERO).then_some(offset);
        if let Some(offset) = known(data.high_watermark) {
            state.high_watermark = Some(offset);
            state.end_offset_requested = false;
        }
        if let Some(offset) = known(data.log_start_offset) {
            state.log_start_offset = Some(offset);
        }
        if let Some(offset) = known(data.last_stable_offset) {
            state.last_stable_offset = Some(offset);
            state.end_offset_requested = false;
        }
    }
    if !data.preferred_read_replica.is_none() {
        let expires = now + metadata.expire_ms();
        subscriptions.update_preferred_replica(&tp, data.preferred_read_replica, expires);
    }
    fetch.initialized = true;
    Ok(true)
}

fn initialize_error(
    fetch: &CompletedFetch,
    error: ErrorCode,
    subscriptions: &mut SubscriptionState,
    metadata: &mut Metadata,
) -> Result<(), ClientError> {
    let tp = &fetch.tp;
    match error {
        ErrorCode::NotLeaderOrFollower
        | ErrorCode::ReplicaNotAvailable
        | ErrorCode::KafkaStorageError
        | ErrorCode::FencedLeaderEpoch
        | ErrorCode::OffsetNotAvailable
        | ErrorCode::UnknownTopicOrPartition
        | ErrorCode::UnknownTopicId
        | ErrorCode::InconsistentTopicId => {
            metadata.request_update(false);
            subscriptions.clear_preferred_replica(tp);
            Ok(())
        }
        ErrorCode::OffsetOutOfRange => {
            // A follower that does not have it yet: go back to the leader.
            if subscriptions.clear_preferred_replica(tp).is_some() {
                return Ok(());
            }
            if subscriptions
                .position(tp)
                .is_none_or(|p| p.offset != fetch.next_offset)
            {
                return Ok(());
            }
            let strategy = subscriptions.default_reset;
            if strategy == super::subscription::ResetStrategy::None {
                return Err(ClientError::class("OffsetOutOfRangeException"));
            }
            subscriptions.request_offset_reset(tp, strategy);
            Ok(())
        }
        ErrorCode::TopicAuthorizationFailed => Err(ClientError::code(error)),
        ErrorCode::UnknownLeaderEpoch | ErrorCode::UnknownServerError => Ok(()),
        ErrorCode::CorruptMessage => Err(ClientError::kafka()),
        _ => Err(ClientError::illegal_state()),
    }
}

/// The broker to read from: the preferred replica if it is online, else the leader; asks for metadata if there is none.
fn node_for(
    tp: &TopicPartition,
    subscriptions: &mut SubscriptionState,
    metadata: &mut Metadata,
    now: Ms,
) -> Option<NodeId> {
    let Some(leader) = subscriptions.position(tp)?.leader.leader else {
        metadata.request_update(false);
        return None;
    };
    let Some(replica) = subscriptions.preferred_replica(tp, now) else {
        return Some(leader);
    };
    let snapshot = metadata.snapshot().clone();
    let online = snapshot
        .partition(tp)
        .is_some_and(|p| p.replicas.contains(&replica) && !p.offline.contains(&replica));
    if online && snapshot.brokers.contains_key(&replica) {
        return Some(replica);
    }
    metadata.request_update(false);
    subscriptions.clear_preferred_replica(tp);
    Some(leader)
}

/// A fetch as it travels.
pub fn to_wire(data: &FetchRequestData, config: &ConsumerConfig) -> FetchRequest {
    let mut topics: Vec<FetchTopic> = Vec::new();
    for (tp, p) in &data.to_send {
        let partition = FetchPartition {
            partition: tp.partition,
            current_leader_epoch: p.leader_epoch,
            fetch_offset: p.offset,
            partition_max_bytes: p.max_bytes,
            ..FetchPartition::default()
        };
        // Partitions of a topic stay in one entry only while they follow each other, so that their order is kept.
        match topics.last_mut() {
            Some(topic) if topic.topic == tp.topic => topic.partitions.push(partition),
            _ => topics.push(FetchTopic {
                topic: tp.topic.clone(),
                topic_id: p.topic_id,
                partitions: vec![partition],
            }),
        }
    }
    let mut forgotten: Vec<ForgottenTopic> = Vec::new();
    for (tp, topic_id) in &data.to_forget {
        match forgotten
            .iter_mut()
            .find(|t| t.topic == tp.topic && t.topic_id == *topic_id)
        {
            Some(topic) => topic.partitions.push(tp.partition),
            None => forgotten.push(ForgottenTopic {
                topic: Name::clone(&tp.topic),
                topic_id: *topic_id,
                partitions: vec![tp.partition],
            }),
        }
    }
    FetchRequest {
        max_wait_ms: config.fetch_max_wait_ms,
        min_bytes: config.fetch_min_bytes,
        max_bytes: config.fetch_max_bytes,
        isolation_level: config.isolation_level(),
        session_id: data.session_id,
        session_epoch: data.session_epoch,
        topics,
        forgotten_topics_data: forgotten,
        rack_id: config.client_rack.clone(),
        ..FetchRequest::default()
    }
}
