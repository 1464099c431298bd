//! The coordinator of the groups of one partition of `__consumer_offsets`: requests and time in, answers and records out.
//!
//! It is Kafka's coordinator runtime and shard in one value. A request is handled at once; what it writes goes out through
//! the [`PartitionWriter`]; its answer comes when the host tells that the high watermark has passed it, or at once where
//! nothing is waited for. Nothing runs by itself: the host calls [`Coordinator::poll_one`] when something is due.

use super::classic::{ClassicGroup, Token};
use super::config::{GroupConfig, GroupCoordinatorConfig};
use super::consumer::ConsumerGroup;
use super::record::Record;
use super::request::*;
use super::state::*;
use crate::runtime::{MetadataDelta, MetadataView, PartitionWriter, Versions};
use protocol::{Ctx, ErrorCode, Ms, Name, Offset, Uuid};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What surrounds one step.
pub struct Step<'a, 'c> {
    pub ctx: &'a mut Ctx<'c>,
    pub writer: &'a mut dyn PartitionWriter<Record>,
    pub metadata: &'a dyn MetadataView,
    /// Answers that this step gives, in order.
    pub completed: &'a mut Vec<Completion>,
}

impl Step<'_, '_> {
    pub(super) fn now_ms(&self) -> Ms {
        self.ctx.now.ms()
    }

    /// A random UUID, drawn by the world.
    pub(super) fn draw_uuid(&mut self) -> Uuid {
        let high = self.ctx.draws.next_u64("uuid");
        let low = self.ctx.draws.next_u64("uuid");
        Uuid::from_draws(high, low)
    }
}

/// `CoordinatorState`, as far as requests can tell.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Status {
    /// Another broker leads the partition, or a load failed.
    Unloaded,
    Loading,
    Active,
}

/// What a handler decided: records to write, and what happens when they are written.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub records: Vec<Record>,
    /// False: the handler has done to the state already what replay would do.
    pub replay: bool,
    pub on_append: Option<OnAppend>,
}

impl Outcome {
    /// Nothing to write.
    pub fn none() -> Self {
        Self::default()
    }

    /// Records that replay applies.
    pub fn records(records: Vec<Record>) -> Self {
        Self {
            records,
            replay: true,
            on_append: None,
        }
    }

    /// Records of a classic group, whose content is not replayed but changed when they are written.
    pub fn appended(records: Vec<Record>, on_append: Option<OnAppend>) -> Self {
        Self {
            records,
            replay: false,
            on_append,
        }
    }

    pub fn is_none(&self) -> bool {
        self.records.is_empty() && self.on_append.is_none()
    }
}

/// What [`Coordinator::poll_one`] did.
#[derive(Clone, Debug, PartialEq)]
pub enum Fired {
    Timer {
        key: TimerKey,
        due_ms: Ms,
    },
    /// A background task: regular expressions of the group were resolved.
    Regex {
        group_id: Name,
    },
}

/// A group as it is now, for describing and drawing.
pub enum GroupView<'a> {
    Classic(&'a ClassicGroup),
    Consumer(&'a ConsumerGroup),
}

/// The coordinator of one partition.
#[derive(Clone, Debug)]
pub struct Coordinator {
    pub(super) config: GroupCoordinatorConfig,
    pub(super) group_configs: BTreeMap<Name, GroupConfig>,
    pub(super) status: Status,
    pub(super) versions: Versions<State>,
    pub(super) soft: Soft,
}

impl Coordinator {
    /// A coordinator that leads nothing yet.
    pub fn new(config: GroupCoordinatorConfig) -> Self {
        Self {
            config,
            group_configs: BTreeMap::new(),
            status: Status::Unloaded,
            versions: Versions::new(State::default()),
            soft: Soft::default(),
        }
    }

    // what can be seen

    pub const fn status(&self) -> Status {
        self.status
    }

    pub const fn config(&self) -> &GroupCoordinatorConfig {
        &self.config
    }

    /// The state as of the last event, replicated or not.
    pub const fn state(&self) -> &State {
        self.versions.current()
    }

    /// One past the last record written, and the high watermark as told.
    pub const fn offsets_written_and_committed(&self) -> (Offset, Offset) {
        (self.versions.last_written(), self.versions.last_committed())
    }

    /// Armed timers, keyed.
    pub fn timers(
        &self,
    ) -> impl Iterator<Item = (&TimerKey, &crate::runtime::Timer<TimerOperation>)> {
        self.soft.timers.iter()
    }

    /// Group ids, in Kafka's table order.
    pub fn group_ids(&self) -> Vec<Name> {
        self.state().groups.keys().cloned().collect()
    }

    pub fn group_view(&self, group_id: &str) -> Option<GroupView<'_>> {
        match self.state().group(group_id)? {
            Group::Classic(id) => self.soft.classic.get(id).map(GroupView::Classic),
            Group::Consumer(group) => Some(GroupView::Consumer(group)),
        }
    }

    // what the host tells

    /// Replaces the dynamic configs of a group.
    pub fn set_group_config(&mut self, group_id: Name, config: Option<GroupConfig>) {
        match config {
            Some(config) => self.group_configs.insert(group_id, config),
            None => self.group_configs.remove(&group_id),
        };
    }

    /// Handles a request. Its answer, and those that it brings about, are in `step.completed`, now or later.
    pub fn handle(
        &mut self,
        token: Token,
        context: &RequestContext,
        request: GroupRequest,
        step: &mut Step,
    ) {
        if let Some(result) = self.check_request(context, &request) {
            step.completed.push(Completion { token, result });
            return;
        }
        let active = match self.status {
            Status::Active => Ok(()),
            Status::Loading => Err(ErrorCode::CoordinatorLoadInProgress),
            Status::Unloaded => Err(ErrorCode::NotCoordinator),
        };
        if let Err(error) = active {
            let result = self.inactive_answer(&request, error);
            step.completed.push(Completion { token, result });
            return;
        }
        let parked = match &request {
            GroupRequest::JoinGroup(_) => Some(Parked::Join),
            GroupRequest::SyncGroup(_) => Some(Parked::Sync),
            _ => None,
        };
        if parked.is_some() {
            self.soft.parked.insert(token);
        }
        match request {
            GroupRequest::JoinGroup(ref r) => {
                let outcome = self.classic_group_join(context, r, token, step);
                self.write_parked(token, Parked::Join, outcome, step);
            }
            GroupRequest::SyncGroup(ref r) => {
                let outcome = self.classic_group_sync(r, token, step);
                self.write_parked(token, Parked::Sync, outcome, step);
            }
            GroupRequest::Heartbeat(ref r) => {
                let result = self.classic_group_heartbeat(r, step);
                let result = result.map(|r| (Outcome::none(), GroupResponse::Heartbeat(r)));
                self.write_reply(token, &request, None, result, step);
            }
            GroupRequest::LeaveGroup(ref r) => {
                let result = self.classic_group_leave(r, step);
                let result = result.map(|(o, r)| (o, GroupResponse::LeaveGroup(r)));
                self.write_reply(token, &request, None, result, step);
            }
            GroupRequest::ConsumerGroupHeartbeat(ref r) => {
                let result = self.consumer_group_heartbeat(context, r, step);
                let result = result.map(|(o, r)| (o, GroupResponse::ConsumerGroupHeartbeat(r)));
                self.write_reply(token, &request, None, result, step);
            }
            GroupRequest::OffsetCommit(ref r) => {
                let result = self.commit_offset(context, r, step);
                let result = result.map(|(o, r)| (o, GroupResponse::OffsetCommit(r)));
                self.write_reply(token, &request, None, result, step);
            }
            GroupRequest::TxnOffsetCommit(ref r) => {
                let result = self.commit_transactional_offset(context, r, step);
                let result = result.map(|(o, r)| (o, GroupResponse::TxnOffsetCommit(r)));
                let producer = Some((r.producer_id, r.producer_epoch));
                self.write_reply(token, &request, producer, result, step);
            }
            GroupRequest::OffsetFetch {
                ref group,
                require_stable: true,
            } => {
                let result = self.fetch_offsets(self.versions.current(), group, true);
                let result = result.map(|r| (Outcome::none(), GroupResponse::OffsetFetch(r)));
                self.write_reply(token, &request, None, result, step);
            }
            GroupRequest::OffsetFetch {
                ref group,
                require_stable: false,
            } => {
                let result = self.fetch_offsets(self.versions.committed(), group, false);
                let result = result.map(GroupResponse::OffsetFetch);
                step.completed.push(Completion { token, result });
            }
            GroupRequest::OffsetDelete(ref r) => {
                let result = self.delete_offsets(r);
                let result = result.map(|(o, r)| (o, GroupResponse::OffsetDelete(r)));
                self.write_reply(token, &request, None, result, step);
            }
            GroupRequest::DeleteGroups(ref r) => {
                let (outcome, response) = self.delete_groups(r);
                let result = Ok((outcome, GroupResponse::DeleteGroups(response)));
                self.write_reply(token, &request, None, result, step);
            }
            GroupRequest::ListGroups(ref r) => {
                let result = self.list_groups(r).map(GroupResponse::ListGroups);
                let result = result.or_else(|error| request.refused(error));
                step.completed.push(Completion { token, result });
            }
            GroupRequest::DescribeGroups(ref r) => {
                let result = Ok(GroupResponse::DescribeGroups(
                    self.describe_groups(context, r),
                ));
                step.completed.push(Completion { token, result });
            }
            GroupRequest::ConsumerGroupDescribe(ref r) => {
                let response = self.consumer_group_describe(r, step.metadata);
                let result = Ok(GroupResponse::ConsumerGroupDescribe(response));
                step.completed.push(Completion { token, result });
            }
            GroupRequest::EndTxnMarker {
                producer_id,
                producer_epoch,
                coordinator_epoch,
                commit,
            } => self.end_transaction(
                token,
                (producer_id, producer_epoch, coordinator_epoch, commit),
                step,
            ),
        }
        self.forget_unreferenced_groups();
    }

    /// When something is due, in milliseconds: work for the background at once, else the next timer.
    pub fn next_due_ms(&self, now_ms: Ms) -> Option<Ms> {
        if self.soft.tasks.is_empty() {
            self.soft.timers.next_due_ms()
        } else {
            Some(now_ms)
        }
    }

    /// Work for the background is due at once.
    pub fn has_background_work(&self) -> bool {
        !self.soft.tasks.is_empty()
    }

    /// Runs the next thing that is due, if any: a background task, else a timer. Before its due time nothing changes.
    pub fn poll_one(&mut self, step: &mut Step) -> Option<Fired> {
        if let Some(task) = self.soft.tasks.pop_front() {
            let group_id = task.group_id.clone();
            let outcome = self.handle_regular_expressions_result(task, step);
            self.write(Answer::None, None, outcome, step);
            return Some(Fired::Regex { group_id });
        }
        let (key, timer) = self.soft.timers.pop_due(step.now_ms())?;
        let due_ms = timer.due_ms;
        if let TimerOperation::FailWrite(id) = timer.operation {
            self.complete_write(id, Err(ErrorCode::RequestTimedOut), step);
        } else {
            let retry_ms = match key {
                // these are not tried again
                TimerKey::Heartbeat(..) | TimerKey::Join(_) | TimerKey::Sync(_) => None,
                TimerKey::ExpireGroupMetadata => {
                    Some(self.config.offsets_retention_check_interval_ms)
                }
                _ => Some(RETRY_BACKOFF_MS),
            };
            let outcome = self.run_timer(&timer.operation, step);
            let answer = match retry_ms {
                Some(retry_ms) => Answer::Timer {
                    key: key.clone(),
                    operation: timer.operation,
                    retry_ms,
                },
                None => Answer::None,
            };
            self.write(answer, None, outcome, step);
        }
        self.forget_unreferenced_groups();
        Some(Fired::Timer { key, due_ms })
    }

    fn run_timer(&mut self, operation: &TimerOperation, step: &mut Step) -> Outcome {
        match operation {
            TimerOperation::ExpireClassicMember {
                group_id,
                member_id,
            } => self.expire_classic_group_member_heartbeat(group_id, member_id, step),
            TimerOperation::CompleteInitialRebalance {
                group_id,
                delay_ms,
                remaining_ms,
            } => self.try_complete_initial_rebalance(group_id, *delay_ms, *remaining_ms, step),
            TimerOperation::CompleteJoin { group_id } => {
                self.complete_join_by_timer(group_id, step)
            }
            TimerOperation::ExpirePendingSync {
                group_id,
                generation_id,
            } => self.expire_pending_sync(group_id, *generation_id, step),
            TimerOperation::FenceMember {
                group_id,
                member_id,
            } => self.fence_member_by_timer(group_id, member_id, None, step),
            TimerOperation::FenceUnrevokedMember {
                group_id,
                member_id,
                member_epoch,
            } => self.fence_member_by_timer(group_id, member_id, Some(*member_epoch), step),
            TimerOperation::CleanupGroupMetadata => self.cleanup_group_metadata(step),
            TimerOperation::FailWrite(_) => Outcome::none(),
        }
    }

    /// The high watermark of the partition is at `offset`: what waited for it is answered.
    pub fn on_high_watermark(&mut self, offset: Offset, step: &mut Step) {
        if self.status != Status::Active {
            return;
        }
        self.versions.commit(offset);
        for id in self.soft.deferred.take_up_to(offset) {
            self.complete_write(id, Ok(()), step);
        }
        self.forget_unreferenced_groups();
    }

    /// A new metadata image was published; `step.metadata` shows it already. Deleted topics lose their offsets.
    pub fn on_metadata_update(&mut self, delta: &MetadataDelta, step: &mut Step) {
        if self.status != Status::Active {
            return;
        }
        self.note_image(!delta.created.is_empty(), step.metadata.version());
        let touched = delta.changed.iter().chain(&delta.created);
        let touched = touched.chain(delta.deleted.iter().map(|(name, _)| name));
        let touched: Vec<&Name> = touched.collect();
        for group in self.versions.current().groups.values() {
            if let Group::Consumer(group) = group
                && touched
                    .iter()
                    .any(|topic| group.is_subscribed_to_topic(topic))
            {
                self.soft.metadata_refresh.remove(&group.uid);
            }
        }
        if !delta.deleted.is_empty() {
            let outcome = self.on_topics_deleted(&delta.deleted);
            self.write(Answer::None, None, outcome, step);
        }
    }

    pub(super) fn note_image(&mut self, new_topics: bool, version: i64) {
        if new_topics || self.soft.last_image_with_new_topics.is_none() {
            self.soft.last_image_with_new_topics = Some(version);
        }
    }

    // timers

    pub(super) fn schedule(
        &mut self,
        key: TimerKey,
        delay_ms: Ms,
        operation: TimerOperation,
        step: &Step,
    ) {
        self.soft
            .timers
            .schedule(key, step.now_ms(), delay_ms, operation);
    }

    /// Drops the content of classic groups that no version of the state names any more.
    fn forget_unreferenced_groups(&mut self) {
        let named = |state: &State| -> Vec<ClassicRef> {
            let classic = state.groups.values().filter_map(|group| match group {
                Group::Classic(id) => Some(*id),
                Group::Consumer(_) => None,
            });
            classic.collect()
        };
        if self.soft.classic.len() <= named(self.state()).len() {
            return;
        }
        let mut keep: Vec<ClassicRef> = self.versions.held().flat_map(named).collect();
        keep.extend(
            self.soft
                .writes
                .values()
                .filter_map(|write| match &write.on_append {
                    Some(OnAppend::StoreAssignment { group, .. }) => Some(*group),
                    Some(OnAppend::StaticReplacement(r)) => Some(r.group),
                    _ => None,
                }),
        );
        self.soft.classic.retain(|id, _| keep.contains(id));
    }

    /// Takes a classic group out to work on it; it has to be put back.
    pub(super) fn take_classic(&mut self, id: ClassicRef) -> ClassicGroup {
        let group = self.soft.classic.remove(&id);
        group.expect("a classic group that the state names is kept")
    }

    pub(super) fn put_classic(&mut self, id: ClassicRef, group: ClassicGroup) {
        self.soft.classic.insert(id, group);
    }

    pub(super) fn consumer_group(&self, group_id: &str) -> Result<Arc<ConsumerGroup>, ErrorCode> {
        match self.state().group(group_id) {
            Some(Group::Consumer(group)) => Ok(group.clone()),
            _ => Err(ErrorCode::GroupIdNotFound),
        }
    }
}

/// A timer whose write failed runs again after this long (`CoordinatorTimerImpl`).
const RETRY_BACKOFF_MS: Ms = 500;
