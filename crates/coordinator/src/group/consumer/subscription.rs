//! What a consumer group subscribes to: topics by name, topics by regular expression, and who wants them.

use super::group::ConsumerGroup;
use super::member::ConsumerMember;
use crate::runtime::java::JavaHashMap;
use crate::runtime::timeline::TimelineTable;
use protocol::{Ms, Name};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Whether all members want the same topics (`SubscriptionType`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SubscriptionType {
    Homogeneous,
    Heterogeneous,
}

/// How many members want a topic by name, and how many expressions match it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SubscriptionCount {
    pub by_name: u32,
    pub by_regex: u32,
}

pub type SubscribedTopics = BTreeMap<Name, SubscriptionCount>;

/// What a regular expression matched (`ResolvedRegularExpression`).
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct ResolvedRegex {
    pub topics: BTreeSet<Name>,
    /// Of the metadata image.
    pub version: i64,
    pub timestamp_ms: Ms,
}

impl ConsumerGroup {
    pub const fn subscribed_topics(&self) -> &SubscribedTopics {
        &self.subscribed_topics
    }

    pub fn is_subscribed_to_topic(&self, topic: &str) -> bool {
        self.subscribed_topics.contains_key(topic)
    }

    pub const fn subscription_type(&self) -> SubscriptionType {
        self.subscription_type
    }

    pub(super) fn count_topics(
        counts: &mut SubscribedTopics,
        old: Option<&ConsumerMember>,
        new: Option<&ConsumerMember>,
    ) {
        for topic in old.iter().flat_map(|m| &m.subscribed_topic_names) {
            change_count(counts, topic, |c| c.by_name = c.by_name.saturating_sub(1));
        }
        for topic in new.iter().flat_map(|m| &m.subscribed_topic_names) {
            change_count(counts, topic, |c| c.by_name += 1);
        }
    }

    /// The group's topics if one member changed. An expression that only the old form held takes its topics with it.
    pub fn compute_subscribed_topics(
        &self,
        old: Option<&ConsumerMember>,
        new: Option<&ConsumerMember>,
    ) -> SubscribedTopics {
        let mut counts = self.subscribed_topics.clone();
        Self::count_topics(&mut counts, old, new);
        if let Some(regex) = old.and_then(ConsumerMember::regex)
            && new.and_then(ConsumerMember::regex) != Some(regex)
            && self.num_subscribed_members(regex) == 1
        {
            self.drop_regex_topics(&mut counts, regex);
        }
        counts
    }

    /// The group's topics without some members and without the expressions that go with them.
    pub fn compute_subscribed_topics_without(
        &self,
        removed: &[Arc<ConsumerMember>],
        removed_regexes: &BTreeSet<Name>,
    ) -> SubscribedTopics {
        let mut counts = self.subscribed_topics.clone();
        for member in removed {
            Self::count_topics(&mut counts, Some(member), None);
        }
        for regex in removed_regexes {
            self.drop_regex_topics(&mut counts, regex);
        }
        counts
    }

    fn drop_regex_topics(&self, counts: &mut SubscribedTopics, regex: &Name) {
        for topic in self
            .resolved_regexes
            .get(regex)
            .iter()
            .flat_map(|r| &r.topics)
        {
            change_count(counts, topic, |c| c.by_regex = c.by_regex.saturating_sub(1));
        }
    }

    /// Equal subscriptions: every topic is wanted by all members by name, or the members share one expression and name no
    /// topic (`ConsumerGroup.subscriptionType`).
    pub fn subscription_type_of(
        regexes: &[(Name, u32)],
        topics: &SubscribedTopics,
        num_members: usize,
    ) -> SubscriptionType {
        let equal = match regexes.first() {
            None => topics.values().all(|c| c.by_name as usize == num_members),
            Some((_, count)) => {
                *count as usize == num_members
                    && topics.values().all(|c| c.by_regex == 1 && c.by_name == 0)
            }
        };
        if equal {
            SubscriptionType::Homogeneous
        } else {
            SubscriptionType::Heterogeneous
        }
    }

    pub(super) fn update_subscription_type(&mut self) {
        let regexes = self.subscribed_regexes();
        self.subscription_type =
            Self::subscription_type_of(&regexes, &self.subscribed_topics, self.members.len());
    }

    // regular expressions

    pub(super) fn count_regexes(
        &mut self,
        old: Option<&ConsumerMember>,
        new: Option<&ConsumerMember>,
    ) {
        if let Some(regex) = old.and_then(ConsumerMember::regex) {
            decrement(&mut self.subscribed_regexes, regex);
        }
        if let Some(regex) = new.and_then(ConsumerMember::regex) {
            increment(&mut self.subscribed_regexes, regex);
        }
    }

    pub fn num_subscribed_members(&self, regex: &Name) -> u32 {
        self.subscribed_regexes.get(regex).copied().unwrap_or(0)
    }

    /// Expressions and how many members hold each, in table order.
    pub fn subscribed_regexes(&self) -> Vec<(Name, u32)> {
        self.subscribed_regexes
            .iter()
            .map(|(regex, count)| (regex.clone(), *count))
            .collect()
    }

    /// The same as a Java hash map, if one member changed (`computeSubscribedRegularExpressions`).
    pub fn compute_subscribed_regexes(
        &self,
        old: Option<&Name>,
        new: Option<&Name>,
    ) -> JavaHashMap<Name, u32> {
        let mut counts = JavaHashMap::copy_of(self.subscribed_regexes().into_iter());
        if let Some(regex) = old {
            counts.compute_decrement(regex);
        }
        if let Some(regex) = new {
            counts.compute_increment(regex.clone());
        }
        counts
    }

    pub const fn resolved_regexes(&self) -> &TimelineTable<Name, ResolvedRegex> {
        &self.resolved_regexes
    }

    /// When the expressions were last resolved; they always are together.
    pub fn last_resolved_refresh_ms(&self) -> Option<Ms> {
        self.resolved_regexes
            .values()
            .next()
            .map(|r| r.timestamp_ms)
    }

    /// Version of the image that they were last resolved against; 0 = never.
    pub fn last_resolved_version(&self) -> i64 {
        self.resolved_regexes
            .values()
            .next()
            .map_or(0, |r| r.version)
    }

    pub fn update_resolved_regex(&mut self, regex: Name, resolved: ResolvedRegex) {
        self.remove_resolved_regex(&regex);
        for topic in &resolved.topics {
            change_count(&mut self.subscribed_topics, topic, |c| c.by_regex += 1);
        }
        self.resolved_regexes.put(regex, resolved);
    }

    pub fn remove_resolved_regex(&mut self, regex: &Name) {
        if let Some(old) = self.resolved_regexes.remove(regex) {
            for topic in &old.topics {
                change_count(&mut self.subscribed_topics, topic, |c| {
                    c.by_regex = c.by_regex.saturating_sub(1);
                });
            }
        }
    }
}

/// Changes a count that disappears at zero.
fn change_count(
    counts: &mut SubscribedTopics,
    topic: &Name,
    change: impl FnOnce(&mut SubscriptionCount),
) {
    let mut count = counts.get(topic).copied().unwrap_or_default();
    change(&mut count);
    if count == SubscriptionCount::default() {
        counts.remove(topic);
    } else {
        counts.insert(topic.clone(), count);
    }
}

pub(super) fn increment(counts: &mut TimelineTable<Name, u32>, key: &Name) {
    let count = counts.get(key).copied().unwrap_or(0);
    counts.put(key.clone(), count + 1);
}

pub(super) fn decrement(counts: &mut TimelineTable<Name, u32>, key: &Name) {
    match counts.get(key).copied() {
        None => {}
        Some(1) => {
            counts.remove(key);
        }
        Some(count) => {
            counts.put(key.clone(), count - 1);
        }
    }
}
