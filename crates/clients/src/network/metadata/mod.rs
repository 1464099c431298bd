//! What a client knows of the cluster, and when it asks again.
//!
//! Knows nothing of connections; the network client asks it for requests and hands it the answers. Sources: `Metadata`,
//! `ProducerMetadata`, `ConsumerMetadata`.

mod update;

use crate::backoff::ExponentialBackoff;
use crate::error::ClientError;
use crate::network::snapshot::{PartitionMetadata, Snapshot};
use protocol::messages::{MetadataRequest, MetadataRequestTopic};
use protocol::{ErrorCode, LeaderEpoch, Ms, Name, NodeId, TopicPartition, Uuid};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Which topics a client wants to know about.
#[derive(Clone, Debug)]
pub enum Interest {
    Producer(ProducerTopics),
    Consumer(ConsumerTopics),
    /// Admin clients keep what they are told and ask for no topics.
    Admin,
}

/// `ProducerMetadata`: topics that were produced to, until they are idle too long.
#[derive(Clone, Debug, Default)]
pub struct ProducerTopics {
    pub idle_ms: Ms,
    /// Topic → when it is forgotten.
    pub topics: BTreeMap<Name, Ms>,
    pub new_topics: BTreeSet<Name>,
    pub errors: BTreeMap<Name, ErrorCode>,
}

/// `ConsumerMetadata`: what the subscription needs (handed in) and topics asked for in passing.
#[derive(Clone, Debug, Default)]
pub struct ConsumerTopics {
    pub topics: BTreeSet<Name>,
    pub transient: BTreeSet<Name>,
    /// All topics are asked for, and those that match are kept (client-side pattern).
    pub pattern: bool,
    /// Asked for by id (server-side pattern).
    pub ids: Option<Vec<Uuid>>,
    pub allow_auto_create: bool,
    pub include_internal: bool,
}

/// A partition's leader as a client should use it (`Metadata.LeaderAndEpoch`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LeaderAndEpoch {
    pub leader: Option<NodeId>,
    pub epoch: Option<LeaderEpoch>,
}

/// `Metadata`.
#[derive(Clone, Debug)]
pub struct Metadata {
    backoff: ExponentialBackoff,
    expire_ms: Ms,
    /// Counts answers.
    update_version: i32,
    /// Counts additions of topics.
    request_version: i32,
    last_refresh_ms: Ms,
    last_successful_refresh_ms: Ms,
    attempts: u32,
    equivalent_responses: u32,
    need_full_update: bool,
    need_partial_update: bool,
    closed: bool,
    last_seen_epochs: BTreeMap<TopicPartition, LeaderEpoch>,
    invalid_topics: BTreeSet<Name>,
    unauthorized_topics: BTreeSet<Name>,
    snapshot: Arc<Snapshot>,
    pub interest: Interest,
}

impl Metadata {
    /// `refresh_backoff`: `retry.backoff.ms` and `.max.ms`; `expire_ms`: `metadata.max.age.ms`.
    pub fn new(
        backoff: ExponentialBackoff,
        expire_ms: Ms,
        interest: Interest,
        bootstrap_servers: usize,
    ) -> Self {
        let mut metadata = Self {
            backoff,
            expire_ms,
            update_version: 0,
            request_version: 0,
            last_refresh_ms: 0,
            last_successful_refresh_ms: 0,
            attempts: 0,
            equivalent_responses: 0,
            need_full_update: false,
            need_partial_update: false,
            closed: false,
            last_seen_epochs: BTreeMap::new(),
            invalid_topics: BTreeSet::new(),
            unauthorized_topics: BTreeSet::new(),
            snapshot: Arc::default(),
            interest,
        };
        metadata.bootstrap(bootstrap_servers);
        metadata
    }

    pub fn snapshot(&self) -> &Arc<Snapshot> {
        &self.snapshot
    }

    /// `metadata.max.age.ms`.
    pub fn expire_ms(&self) -> Ms {
        self.expire_ms
    }

    pub fn update_version(&self) -> i32 {
        self.update_version
    }

    /// Starts again from the bootstrap servers (`Metadata.bootstrap`).
    pub fn bootstrap(&mut self, servers: usize) {
        self.need_full_update = true;
        self.update_version += 1;
        self.snapshot = Arc::new(Snapshot::bootstrap(servers));
    }

    pub fn close(&mut self) {
        self.closed = true;
    }

    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// How long until a request would be allowed, in ms.
    pub fn time_to_allow_update(&mut self, now: Ms) -> Ms {
        let for_attempts =
            (self.last_refresh_ms + self.backoff.backoff(self.attempts.saturating_sub(1)) - now)
                .max(0);
        if self
            .last_successful_refresh_ms
            .saturating_add(self.expire_ms)
            <= now
        {
            self.equivalent_responses = 0;
        }
        let equivalent = match self.equivalent_responses {
            0 => 0,
            n => self.backoff.backoff(n - 1),
        };
        for_attempts.max((self.last_refresh_ms + equivalent - now).max(0))
    }

    /// How long until the next request may and should go out, in ms (`Metadata.timeToNextUpdate`).
    pub fn time_to_next_update(&mut self, now: Ms) -> Ms {
        let to_expire = if self.update_requested() {
            0
        } else {
            (self
                .last_successful_refresh_ms
                .saturating_add(self.expire_ms)
                - now)
                .max(0)
        };
        to_expire.max(self.time_to_allow_update(now))
    }

    pub fn update_requested(&self) -> bool {
        self.need_full_update || self.need_partial_update
    }

    /// Asks for an update; answers the version that a later one will exceed.
    pub fn request_update(&mut self, reset_equivalent_backoff: bool) -> i32 {
        self.need_full_update = true;
        if reset_equivalent_backoff {
            self.equivalent_responses = 0;
        }
        self.update_version
    }

    /// Asks for topics that were never asked for; no back-off holds it up.
    pub fn request_update_for_new_topics(&mut self) -> i32 {
        self.last_refresh_ms = 0;
        self.need_partial_update = true;
        self.equivalent_responses = 0;
        self.request_version += 1;
        self.update_version
    }

    /// `ProducerMetadata.add`.
    pub fn add_topic(&mut self, topic: &Name, now: Ms) {
        let Interest::Producer(producer) = &mut self.interest else {
            return;
        };
        if producer
            .topics
            .insert(topic.clone(), now.saturating_add(producer.idle_ms))
            .is_none()
        {
            producer.new_topics.insert(topic.clone());
            self.request_update_for_new_topics();
        }
    }

    /// `ProducerMetadata.requestUpdateForTopic`.
    pub fn request_update_for_topic(&mut self, topic: &str) -> i32 {
        let is_new =
            matches!(&self.interest, Interest::Producer(p) if p.new_topics.contains(topic));
        if is_new {
            self.request_update_for_new_topics()
        } else {
            self.request_update(false)
        }
    }

    /// Error of the topic in the newest answer (`ProducerMetadata.getError`).
    pub fn topic_error(&self, topic: &str) -> Option<ErrorCode> {
        match &self.interest {
            Interest::Producer(p) => p.errors.get(topic).copied(),
            _ => None,
        }
    }

    /// `ConsumerMetadata.addTransientTopics`.
    pub fn add_transient_topics(&mut self, topics: impl IntoIterator<Item = Name>) {
        let known = self.snapshot.topics();
        let Interest::Consumer(consumer) = &mut self.interest else {
            return;
        };
        let mut missing = false;
        for topic in topics {
            missing |= !known.contains(&topic);
            consumer.transient.insert(topic);
        }
        if missing {
            self.request_update_for_new_topics();
        }
    }

    pub fn clear_transient_topics(&mut self) {
        if let Interest::Consumer(consumer) = &mut self.interest {
            consumer.transient.clear();
        }
    }

    fn retain_topic(&mut self, topic: &Name, is_internal: bool, now: Ms) -> bool {
        match &mut self.interest {
            Interest::Admin => true,
            Interest::Producer(p) => match p.topics.get(topic) {
                None => false,
                Some(_) if p.new_topics.contains(topic) => true,
                Some(expires) if *expires <= now => {
                    p.topics.remove(topic);
                    false
                }
                Some(_) => true,
            },
            Interest::Consumer(c) => {
                c.transient.contains(topic)
                    || c.topics.contains(topic)
                    || (c.pattern && (!is_internal || c.include_internal))
                    || c.ids.as_ref().is_some_and(|ids| {
                        self.snapshot
                            .topic_id(topic)
                            .is_some_and(|id| ids.contains(&id))
                    })
            }
        }
    }

    /// The next METADATA request, the version it answers, and whether it names only new topics
    /// (`Metadata.newMetadataRequestAndVersion`).
    pub fn new_request(&mut self, now: Ms) -> (MetadataRequest, i32, bool) {
        let may_be_partial = !self.need_full_update
            && self
                .last_successful_refresh_ms
                .saturating_add(self.expire_ms)
                > now;
        let named = |names: Vec<Name>, auto_create: bool| MetadataRequest {
            topics: Some(
                names
                    .into_iter()
                    .map(|name| MetadataRequestTopic {
                        topic_id: Uuid::ZERO,
                        name: Some(name),
                    })
                    .collect(),
            ),
            allow_auto_topic_creation: auto_create,
            ..MetadataRequest::default()
        };
        let (request, partial) = match &self.interest {
            Interest::Producer(p) if may_be_partial => {
                (named(p.new_topics.iter().cloned().collect(), true), true)
            }
            Interest::Producer(p) => (named(p.topics.keys().cloned().collect(), true), false),
            Interest::Consumer(c) if c.pattern => (
                MetadataRequest {
                    topics: None,
                    ..MetadataRequest::default()
                },
                false,
            ),
            Interest::Consumer(ConsumerTopics {
                ids: Some(ids),
                transient,
                ..
            }) if transient.is_empty() => {
                let by_id = |id: &Uuid| MetadataRequestTopic {
                    topic_id: *id,
                    name: None,
                };
                (
                    MetadataRequest {
                        topics: Some(ids.iter().map(by_id).collect()),
                        ..MetadataRequest::default()
                    },
                    false,
                )
            }
            Interest::Consumer(c) => (
                named(
                    c.topics.union(&c.transient).cloned().collect(),
                    c.allow_auto_create,
                ),
                false,
            ),
            Interest::Admin => (named(Vec::new(), false), false),
        };
        (request, self.request_version, partial)
    }

    /// `Metadata.failedUpdate`.
    pub fn failed_update(&mut self, now: Ms) {
        self.last_refresh_ms = now;
        self.attempts += 1;
        self.equivalent_responses = 0;
    }

    /// `Metadata.updateLastSeenEpochIfNewer`: a newer epoch seen elsewhere asks for metadata.
    pub fn update_last_seen_epoch_if_newer(
        &mut self,
        tp: &TopicPartition,
        epoch: LeaderEpoch,
    ) -> bool {
        let newer = self
            .last_seen_epochs
            .get(tp)
            .is_some_and(|known| epoch > *known);
        if newer {
            self.last_seen_epochs.insert(tp.clone(), epoch);
            self.need_full_update = true;
        }
        newer
    }

    pub fn last_seen_epoch(&self, tp: &TopicPartition) -> Option<LeaderEpoch> {
        self.last_seen_epochs.get(tp).copied()
    }

    /// `Metadata.partitionMetadataIfCurrent`.
    pub fn partition_if_current(&self, tp: &TopicPartition) -> Option<&PartitionMetadata> {
        let partition = self.snapshot.partition(tp)?;
        match self.last_seen_epochs.get(tp) {
            None => Some(partition),
            Some(seen) => {
                (partition.leader_epoch.unwrap_or(LeaderEpoch::NONE) == *seen).then_some(partition)
            }
        }
    }

    /// `Metadata.currentLeader`.
    pub fn current_leader(&self, tp: &TopicPartition) -> LeaderAndEpoch {
        match self.partition_if_current(tp) {
            None => LeaderAndEpoch {
                leader: None,
                epoch: self.last_seen_epoch(tp),
            },
            Some(p) => LeaderAndEpoch {
                leader: p.leader.filter(|id| self.snapshot.brokers.contains_key(id)),
                epoch: p.leader_epoch,
            },
        }
    }

    /// Takes the error that metadata reported for any topic, or for `topic` (`Metadata.maybeThrowAnyException`,
    /// `maybeThrowExceptionForTopic`).
    pub fn take_error(&mut self, topic: Option<&str>) -> Option<ClientError> {
        let hits = |set: &BTreeSet<Name>| topic.map_or(!set.is_empty(), |t| set.contains(t));
        let code = if hits(&self.unauthorized_topics) {
            Some(ErrorCode::TopicAuthorizationFailed)
        } else if hits(&self.invalid_topics) {
            Some(ErrorCode::InvalidTopicException)
        } else {
            None
        };
        self.invalid_topics.clear();
        self.unauthorized_topics.clear();
        code.map(ClientError::code)
    }
}
