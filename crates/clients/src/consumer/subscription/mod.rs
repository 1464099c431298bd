//! `SubscriptionState`: what a consumer reads, and how far it is in each partition.
//!
//! Pure state; it asks nobody for anything.

mod partition;

pub use partition::{FetchPosition, FetchState, OffsetAndMetadata, PartitionState, ResetStrategy};

use crate::java;
use crate::network::metadata::LeaderAndEpoch;
use protocol::{LeaderEpoch, Ms, Name, NodeId, Offset, TopicPartition};
use std::collections::{BTreeMap, BTreeSet};

/// How partitions come to a consumer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SubscriptionType {
    None,
    Topics,
    /// A pattern that the broker matches (KIP-848), as text.
    Pattern(Name),
    Assigned,
}

/// A partition whose log was cut below the consumer's position.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LogTruncation(pub TopicPartition);

/// `SubscriptionState`.
#[derive(Clone, Debug)]
pub struct SubscriptionState {
    pub kind: SubscriptionType,
    pub subscription: BTreeSet<Name>,
    pub group_subscription: BTreeSet<Name>,
    /// In the order in which partitions are asked for; the front is the one that waited longest.
    assignment: Vec<(TopicPartition, PartitionState)>,
    pub default_reset: ResetStrategy,
}

impl SubscriptionState {
    pub fn new(default_reset: ResetStrategy) -> Self {
        Self {
            kind: SubscriptionType::None,
            subscription: BTreeSet::new(),
            group_subscription: BTreeSet::new(),
            assignment: Vec::new(),
            default_reset,
        }
    }

    pub fn has_auto_assigned_partitions(&self) -> bool {
        matches!(
            self.kind,
            SubscriptionType::Topics | SubscriptionType::Pattern(_)
        )
    }

    /// False = another kind of subscription is in use.
    pub fn set_kind(&mut self, kind: SubscriptionType) -> bool {
        let same = std::mem::discriminant(&self.kind) == std::mem::discriminant(&kind);
        if self.kind != SubscriptionType::None && !same {
            return false;
        }
        self.kind = kind;
        true
    }

    /// True = the set changed.
    pub fn change_subscription(&mut self, topics: BTreeSet<Name>) -> bool {
        let changed = self.subscription != topics;
        self.subscription = topics;
        changed
    }

    /// `assignFromUser`; true = the set of topics changed.
    pub fn assign_from_user(&mut self, partitions: Vec<TopicPartition>) -> bool {
        let wanted: BTreeSet<&TopicPartition> = partitions.iter().collect();
        if wanted == self.assignment.iter().map(|(tp, _)| tp).collect() {
            return false;
        }
        let mut distinct = Vec::new();
        for tp in partitions {
            if !distinct.contains(&tp) {
                distinct.push(tp);
            }
        }
        let capacity = java::hash_set_capacity(distinct.len());
        let set = java::partition_order(distinct, capacity);
        let topics = set.iter().map(|tp| tp.topic.clone()).collect();
        self.set_assignment(java::partition_order(set, 16));
        self.change_subscription(topics)
    }

    /// `assignFromSubscribed`, in the order given.
    pub fn assign_from_subscribed(&mut self, partitions: impl IntoIterator<Item = TopicPartition>) {
        self.set_assignment(partitions.into_iter().collect());
    }

    /// Keeps what is known of partitions that stay; topics stay together (`PartitionStates.set`).
    fn set_assignment(&mut self, partitions: Vec<TopicPartition>) {
        let mut known: BTreeMap<TopicPartition, PartitionState> =
            std::mem::take(&mut self.assignment).into_iter().collect();
        let mut topics: Vec<Name> = Vec::new();
        for tp in &partitions {
            if !topics.contains(&tp.topic) {
                topics.push(tp.topic.clone());
            }
        }
        for topic in topics {
            for tp in partitions.iter().filter(|tp| tp.topic == topic) {
                let state = known.remove(tp).unwrap_or_else(PartitionState::new);
                self.assignment.push((tp.clone(), state));
            }
        }
    }

    pub fn unsubscribe(&mut self) {
        self.subscription.clear();
        self.group_subscription.clear();
        self.assignment.clear();
        self.kind = SubscriptionType::None;
    }

    /// `metadataTopics`.
    pub fn metadata_topics(&self) -> BTreeSet<Name> {
        self.group_subscription
            .union(&self.subscription)
            .cloned()
            .collect()
    }

    /// In rotation order.
    pub fn assigned(&self) -> impl Iterator<Item = (&TopicPartition, &PartitionState)> {
        self.assignment.iter().map(|(tp, state)| (tp, state))
    }

    /// In rotation order.
    pub fn assigned_partitions(&self) -> Vec<TopicPartition> {
        self.assignment.iter().map(|(tp, _)| tp.clone()).collect()
    }

    pub fn is_assigned(&self, tp: &TopicPartition) -> bool {
        self.state(tp).is_some()
    }

    pub fn state(&self, tp: &TopicPartition) -> Option<&PartitionState> {
        self.assignment
            .iter()
            .find(|(other, _)| other == tp)
            .map(|(_, state)| state)
    }

    pub fn state_mut(&mut self, tp: &TopicPartition) -> Option<&mut PartitionState> {
        self.assignment
            .iter_mut()
            .find(|(other, _)| other == tp)
            .map(|(_, state)| state)
    }

    fn subscribed(&self, tp: &TopicPartition) -> bool {
        self.kind != SubscriptionType::Topics || self.subscription.contains(&tp.topic)
    }

    pub fn is_fetchable(&self, tp: &TopicPartition) -> bool {
        self.subscribed(tp) && self.state(tp).is_some_and(PartitionState::is_fetchable)
    }

    pub fn fetchable_partitions(&self) -> Vec<TopicPartition> {
        self.assignment
            .iter()
            .filter(|(tp, state)| self.subscribed(tp) && state.is_fetchable())
            .map(|(tp, _)| tp.clone())
            .collect()
    }

    pub fn is_paused(&self, tp: &TopicPartition) -> bool {
        self.state(tp).is_some_and(|state| state.paused)
    }

    pub fn has_valid_position(&self, tp: &TopicPartition) -> bool {
        self.state(tp)
            .is_some_and(PartitionState::has_valid_position)
    }

    pub fn position(&self, tp: &TopicPartition) -> Option<FetchPosition> {
        self.state(tp)?.position
    }

    pub fn set_position(&mut self, tp: &TopicPartition, position: FetchPosition) {
        if let Some(state) = self.state_mut(tp) {
            state.position = Some(position);
        }
    }

    pub fn seek_unvalidated(&mut self, tp: &TopicPartition, position: FetchPosition) -> bool {
        self.state_mut(tp)
            .map(|state| state.seek_unvalidated(position))
            .is_some()
    }

    /// `maybeSeekUnvalidated`: only where a reset with this strategy is still awaited.
    pub fn maybe_seek_unvalidated(
        &mut self,
        tp: &TopicPartition,
        position: FetchPosition,
        requested: Option<ResetStrategy>,
    ) {
        if let Some(state) = self.state_mut(tp) {
            let stale = requested.is_some() && requested != state.reset_strategy;
            if state.fetch_state == FetchState::AwaitReset && !stale {
                state.seek_unvalidated(position);
            }
        }
    }

    pub fn request_offset_reset(&mut self, tp: &TopicPartition, strategy: ResetStrategy) -> bool {
        self.state_mut(tp)
            .map(|state| state.reset(strategy))
            .is_some()
    }

    pub fn move_to_end(&mut self, tp: &TopicPartition) {
        if let Some(at) = self.assignment.iter().position(|(other, _)| other == tp) {
            let moved = self.assignment.remove(at);
            self.assignment.push(moved);
        }
    }

    pub fn has_all_fetch_positions(&self) -> bool {
        self.assignment
            .iter()
            .all(|(_, state)| state.has_valid_position())
    }

    /// Partitions that still need a committed offset.
    pub fn initializing_partitions(&self) -> BTreeSet<TopicPartition> {
        let wants =
            |s: &PartitionState| s.fetch_state == FetchState::Initializing && !s.pending_revocation;
        self.assignment
            .iter()
            .filter(|(_, s)| wants(s))
            .map(|(tp, _)| tp.clone())
            .collect()
    }

    /// Those without a committed offset are reset; false = there is no policy (NoOffsetForPartitionException).
    pub fn reset_initializing_positions(&mut self) -> bool {
        let strategy = self.default_reset;
        let wanting = self.initializing_partitions();
        if strategy == ResetStrategy::None {
            return wanting.is_empty();
        }
        for tp in &wanting {
            self.request_offset_reset(tp, strategy);
        }
        true
    }

    /// In the order of the set that Kafka collects them in.
    pub fn partitions_needing_reset(&self, now: Ms) -> Vec<TopicPartition> {
        let wants =
            |s: &PartitionState| s.fetch_state == FetchState::AwaitReset && !s.backs_off(now);
        let found = self
            .assignment
            .iter()
            .filter(|(_, s)| wants(s))
            .map(|(tp, _)| tp.clone())
            .collect();
        java::partition_order(found, 16)
    }

    pub fn partitions_needing_validation(&self, now: Ms) -> Vec<(TopicPartition, FetchPosition)> {
        let wants =
            |s: &PartitionState| s.fetch_state == FetchState::AwaitValidation && !s.backs_off(now);
        let found: Vec<TopicPartition> = self
            .assignment
            .iter()
            .filter(|(_, s)| wants(s))
            .map(|(tp, _)| tp.clone())
            .collect();
        java::partition_order(found, 16)
            .into_iter()
            .filter_map(|tp| self.position(&tp).map(|position| (tp, position)))
            .collect()
    }

    pub fn set_next_allowed_retry<'a>(
        &mut self,
        tps: impl IntoIterator<Item = &'a TopicPartition>,
        at: Ms,
    ) {
        for tp in tps {
            if let Some(state) = self.state_mut(tp) {
                state.next_retry_ms = Some(at);
            }
        }
    }

    /// A changed leader makes a position that has an epoch wait for validation (`maybeValidatePosition`).
    pub fn maybe_validate_position(&mut self, tp: &TopicPartition, leader: LeaderAndEpoch) {
        let Some(state) = self.state_mut(tp) else {
            return;
        };
        if state.fetch_state == FetchState::AwaitReset || leader.leader.is_none() {
            return;
        }
        if let Some(position) = state.position.filter(|p| p.leader != leader) {
            state.validate(FetchPosition { leader, ..position });
            state.preferred_replica = None;
        }
    }

    /// The answer to a validation: epoch and end offset, −1/−1 = undefined (`maybeCompleteValidation`).
    pub fn maybe_complete_validation(
        &mut self,
        tp: &TopicPartition,
        asked: FetchPosition,
        epoch: LeaderEpoch,
        end_offset: Offset,
    ) -> Option<LogTruncation> {
        let default_reset = self.default_reset;
        let state = self.state_mut(tp)?;
        if state.fetch_state != FetchState::AwaitValidation || state.position != Some(asked) {
            return None;
        }
        let has_policy = default_reset != ResetStrategy::None;
        if epoch.is_none() || end_offset.is_none() {
            if !has_policy {
                return Some(LogTruncation(tp.clone()));
            }
            state.reset(default_reset);
        } else if end_offset < asked.offset {
            if !has_policy {
                return Some(LogTruncation(tp.clone()));
            }
            state.seek_validated(FetchPosition {
                offset: end_offset,
                offset_epoch: Some(epoch),
                leader: asked.leader,
            });
        } else {
            state.transition(FetchState::Fetching);
            state.next_retry_ms = None;
        }
        None
    }

    /// Positions of everything that was returned so far (`allConsumed`).
    pub fn all_consumed(&self) -> BTreeMap<TopicPartition, OffsetAndMetadata> {
        self.assignment
            .iter()
            .filter(|(_, state)| state.has_valid_position())
            .filter_map(|(tp, state)| {
                let position = state.position?;
                let committed = OffsetAndMetadata {
                    offset: position.offset,
                    leader_epoch: position.offset_epoch,
                    metadata: "".into(),
                };
                Some((tp.clone(), committed))
            })
            .collect()
    }

    pub fn preferred_replica(&mut self, tp: &TopicPartition, now: Ms) -> Option<NodeId> {
        let state = self.state_mut(tp)?;
        let (replica, expires) = state.preferred_replica?;
        if now > expires {
            state.preferred_replica = None;
            return None;
        }
        Some(replica)
    }

    pub fn update_preferred_replica(
        &mut self,
        tp: &TopicPartition,
        replica: NodeId,
        expires_ms: Ms,
    ) {
        if let Some(state) = self.state_mut(tp) {
            if state
                .preferred_replica
                .is_none_or(|(known, _)| known != replica)
            {
                state.preferred_replica = Some((replica, expires_ms));
            }
        }
    }

    pub fn clear_preferred_replica(&mut self, tp: &TopicPartition) -> Option<NodeId> {
        self.state_mut(tp)?
            .preferred_replica
            .take()
            .map(|(replica, _)| replica)
    }

    /// The end that a consumer may read to, as fetches told it.
    pub fn end_offset(&self, tp: &TopicPartition, read_committed: bool) -> Option<Offset> {
        let state = self.state(tp)?;
        if read_committed {
            state.last_stable_offset
        } else {
            state.high_watermark
        }
    }

    pub fn update_end_offset(&mut self, tp: &TopicPartition, read_committed: bool, offset: Offset) {
        if let Some(state) = self.state_mut(tp) {
            if read_committed {
                state.last_stable_offset = Some(offset);
            } else {
                state.high_watermark = Some(offset);
            }
            state.end_offset_requested = false;
        }
    }
}
