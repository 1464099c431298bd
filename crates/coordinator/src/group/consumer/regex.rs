//! Subscriptions by regular expression: who brings one, when they are resolved, what the result changes
//! (`maybeUpdateRegularExpressions`, `handleRegularExpressionsResult`, `TopicRegexResolver`).

use super::fence::regex_tombstone;
use super::group::ConsumerGroup;
use super::heartbeat::group_epoch_record;
use super::member::ConsumerMember;
use super::subscription::ResolvedRegex;
use crate::group::coordinator::{Coordinator, Outcome, Step};
use crate::group::hash::metadata_hash;
use crate::group::re2::Regex;
use crate::group::record::{Record, RegularExpressionValue};
use crate::group::state::*;
use crate::runtime::java::JavaHashMap;
use protocol::{ErrorCode, Ms, Name};
use std::collections::{BTreeMap, BTreeSet};

/// Expressions of a group are not resolved again sooner than this (`REGEX_BATCH_REFRESH_MIN_INTERVAL_MS`).
const REGEX_BATCH_REFRESH_MIN_INTERVAL_MS: Ms = 10_000;

/// What a heartbeat did to the member's expression.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::group) enum RegexStatus {
    NoChange,
    /// Changed; what it matches is not known yet.
    Updated,
    UpdatedAndResolved,
}

impl Coordinator {
    /// Follows a change of the member's expression and asks for a resolution where one is due.
    pub(in crate::group) fn maybe_update_regexes(
        &mut self,
        group: &ConsumerGroup,
        member: &ConsumerMember,
        updated: &ConsumerMember,
        records: &mut Vec<Record>,
        step: &Step,
    ) -> Result<RegexStatus, ErrorCode> {
        let (old, new) = (member.regex(), updated.regex());
        let mut status = RegexStatus::NoChange;
        let mut refresh = false;
        if member.subscribed_topic_regex != updated.subscribed_topic_regex {
            status = RegexStatus::Updated;
            if let Some(old) = old
                && group.num_subscribed_members(old) == 1
            {
                records.push(regex_tombstone(&group.group_id, old));
            }
            match new {
                Some(new) if group.num_subscribed_members(new) == 0 => {
                    // nobody else has it, so that it was not checked yet
                    Regex::new(new).map_err(|_| ErrorCode::InvalidRegularExpression)?;
                    refresh = true;
                }
                Some(new) if group.resolved_regexes().contains(new) => {
                    status = RegexStatus::UpdatedAndResolved;
                }
                None if old.is_some() => status = RegexStatus::UpdatedAndResolved,
                _ => {}
            }
        }
        if !refresh && group.subscribed_regexes().is_empty() {
            return Ok(status);
        }
        if self
            .soft
            .tasks
            .iter()
            .any(|task| task.group_id == group.group_id)
        {
            return Ok(status);
        }
        let now_ms = step.now_ms();
        let last_ms = group.last_resolved_refresh_ms();
        if last_ms.is_some_and(|last| now_ms <= last + REGEX_BATCH_REFRESH_MIN_INTERVAL_MS) {
            return Ok(status);
        }
        let subscribed = group.compute_subscribed_regexes(old, new);
        let new_topics = self.soft.last_image_with_new_topics.unwrap_or(-1);
        refresh |= subscribed.len() != group.resolved_regexes().len();
        refresh |= group.last_resolved_version() < new_topics;
        let interval_ms = self.config.consumer_regex_refresh_interval_ms;
        refresh |= last_ms.is_none_or(|last| now_ms > last + interval_ms);
        if refresh && !subscribed.is_empty() {
            self.soft.tasks.push_back(RegexTask {
                group_id: group.group_id.clone(),
                regexes: result_order(&subscribed),
            });
        }
        Ok(status)
    }

    /// Resolves the expressions against the topics there are, and writes the results.
    pub(in crate::group) fn handle_regular_expressions_result(
        &mut self,
        task: RegexTask,
        step: &mut Step,
    ) -> Outcome {
        let group_id = &task.group_id;
        let Ok(group) = self.consumer_group(group_id) else {
            return Outcome::none();
        };
        let now_ms = step.now_ms();
        let version = step.metadata.version();
        let names: Vec<Name> = step.metadata.topics().into_iter().map(|t| t.name).collect();
        // topic → how much the results change the number of expressions that match it
        let mut changes: BTreeMap<Name, i64> = BTreeMap::new();
        let mut records = Vec::new();
        let mut bump = false;
        for regex in &task.regexes {
            if group.num_subscribed_members(regex) == 0 {
                continue;
            }
            let topics: BTreeSet<Name> = match Regex::new(regex) {
                Ok(compiled) => names
                    .iter()
                    .filter(|n| compiled.matches(n))
                    .cloned()
                    .collect(),
                Err(_) => BTreeSet::new(),
            };
            let none = ResolvedRegex::default();
            let old = group.resolved_regexes().get(regex).unwrap_or(&none);
            if old.topics != topics {
                bump = true;
                old.topics
                    .iter()
                    .for_each(|t| *changes.entry(t.clone()).or_default() -= 1);
                topics
                    .iter()
                    .for_each(|t| *changes.entry(t.clone()).or_default() += 1);
            }
            records.push(Record::ConsumerGroupRegularExpression {
                group_id: group_id.clone(),
                regular_expression: regex.clone(),
                value: Some(RegularExpressionValue {
                    topics: topics.into_iter().collect(),
                    version,
                    timestamp: now_ms,
                }),
            });
        }
        let mut topics: BTreeSet<Name> = group.subscribed_topics().keys().cloned().collect();
        for (name, change) in changes {
            let count = group
                .subscribed_topics()
                .get(&name)
                .copied()
                .unwrap_or_default();
            if i64::from(count.by_regex) + change > 0 || count.by_name > 0 {
                topics.insert(name);
            } else {
                topics.remove(&name);
            }
        }
        let hash = metadata_hash(step.metadata, topics.iter());
        if bump || hash != group.metadata_hash {
            let epoch = group.group_epoch() + 1;
            records.push(group_epoch_record(group_id, epoch, hash));
            self.set_metadata_refresh(&group, epoch, now_ms);
        }
        Outcome::records(records)
    }
}

/// The order in which Kafka's resolver hands its results over: through two hash maps, each made for their number.
fn result_order(subscribed: &JavaHashMap<Name, u32>) -> Vec<Name> {
    let through = |names: Vec<Name>| -> Vec<Name> {
        let mut map = JavaHashMap::with_capacity(names.len());
        names.into_iter().for_each(|name| map.put(name, ()));
        map.iter().map(|(name, ())| name.clone()).collect()
    };
    let names = subscribed.iter().map(|(name, _)| name.clone()).collect();
    through(through(names))
}
