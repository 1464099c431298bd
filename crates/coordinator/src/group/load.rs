//! Becoming the coordinator of a partition, and ceasing to be (`CoordinatorLoaderImpl`, `onLoaded`, `onUnloaded`).

use super::bytes_io::Malformed;
use super::classic::ClassicGroupState;
use super::coordinator::{Coordinator, Status, Step};
use super::record::{MemberState, Record};
use super::request::{join_error, sync_error};
use super::state::*;
use crate::runtime::Versions;
use bytes::Bytes;
use protocol::{ErrorCode, Ms, Name, Offset, ProducerId};

/// What a load reads from the log, in order. Offsets are those of the log.
#[derive(Clone, Debug, PartialEq)]
pub enum Loaded {
    Record {
        offset: Offset,
        /// [`ProducerId::NONE`] unless the batch is transactional.
        producer_id: ProducerId,
        key: Option<Bytes>,
        value: Option<Bytes>,
    },
    EndTransaction {
        offset: Offset,
        producer_id: ProducerId,
        commit: bool,
    },
}

impl Coordinator {
    /// This broker leads the partition now: requests are told to wait until the load is over.
    pub fn load_begin(&mut self) {
        self.status = Status::Loading;
        self.soft = Soft::default();
        self.versions = Versions::new(State::default());
    }

    /// Replays the whole log and starts to serve. `end` is one past its last record, `high_watermark` the mark there. An
    /// error leaves the coordinator unloaded.
    pub fn load_end(
        &mut self,
        log: impl IntoIterator<Item = Loaded>,
        end: Offset,
        high_watermark: Offset,
        step: &mut Step,
    ) -> Result<(), Malformed> {
        let result = self.replay_log(log, high_watermark, step);
        if result.is_err() {
            self.status = Status::Unloaded;
            return result;
        }
        self.versions.written(end);
        self.versions.commit(high_watermark);
        self.status = Status::Active;
        self.note_image(false, step.metadata.version());
        self.on_loaded(step);
        Ok(())
    }

    fn replay_log(
        &mut self,
        log: impl IntoIterator<Item = Loaded>,
        high_watermark: Offset,
        step: &mut Step,
    ) -> Result<(), Malformed> {
        for loaded in log {
            let offset = match loaded {
                Loaded::Record {
                    offset,
                    producer_id,
                    key,
                    value,
                } => {
                    if let Some(record) = Record::decode(key.ok_or(Malformed)?, value)? {
                        let replayed = self.replay(offset, producer_id, &record, step.now_ms());
                        replayed.map_err(|_| Malformed)?;
                    }
                    offset
                }
                Loaded::EndTransaction {
                    offset,
                    producer_id,
                    commit,
                } => {
                    let offsets = &mut self.versions.current_mut().offsets;
                    offsets.replay_end_transaction(producer_id.0, commit);
                    offset
                }
            };
            // beyond the mark a committed read needs each state
            if offset.next() >= high_watermark {
                self.versions.written(offset.next());
            }
        }
        Ok(())
    }

    /// Timers start anew, so that a fail-over never expires a member by itself.
    fn on_loaded(&mut self, step: &mut Step) {
        for group_id in self.group_ids() {
            match self.state().group(&group_id).cloned() {
                Some(Group::Consumer(group)) => {
                    let timeout_ms = self.consumer_session_timeout_ms(&group_id);
                    for member in group.members().values() {
                        self.schedule_session_timeout(
                            &group_id,
                            &member.member_id,
                            timeout_ms,
                            step,
                        );
                        if member.state == MemberState::UnrevokedPartitions {
                            self.schedule_rebalance_timeout(&group_id, member, step);
                        }
                    }
                }
                Some(Group::Classic(id)) => {
                    let mut group = self.take_classic(id);
                    for member_id in group.member_ids() {
                        self.reschedule_heartbeat(&group, &member_id, step);
                    }
                    if group.num_members() > self.config.classic_max_size {
                        // over the limit: a rebalance gives members the chance to commit before some are refused
                        self.prepare_rebalance(&mut group, step);
                    }
                    self.put_classic(id, group);
                }
                None => {}
            }
        }
        self.schedule_group_metadata_expiration(step);
    }

    pub(super) fn schedule_group_metadata_expiration(&mut self, step: &Step) {
        self.schedule(
            TimerKey::ExpireGroupMetadata,
            self.config.offsets_retention_check_interval_ms,
            TimerOperation::CleanupGroupMetadata,
            step,
        );
    }

    /// Another broker leads the partition: everything that waits is told so, and everything is forgotten.
    pub fn unload(&mut self, step: &mut Step) {
        self.soft.timers.clear();
        self.soft.tasks.clear();
        for id in self.soft.deferred.take_all() {
            self.complete_write(id, Err(ErrorCode::NotCoordinator), step);
        }
        for group_id in self.group_ids() {
            self.unload_classic_group(&group_id, step);
        }
        self.status = Status::Unloaded;
        self.soft = Soft::default();
        self.versions = Versions::new(State::default());
    }

    fn unload_classic_group(&mut self, group_id: &Name, step: &mut Step) {
        self.with_classic(group_id, |this, _, group| {
            group.transition_to(ClassicGroupState::Dead, step.now_ms());
            for member_id in group.member_ids() {
                let Some(member) = group.member_mut(&member_id) else {
                    continue;
                };
                let (join, sync) = (member.awaiting_join.take(), member.awaiting_sync.take());
                match group.previous_state() {
                    ClassicGroupState::PreparingRebalance => {
                        let response = join_error(member_id, ErrorCode::NotCoordinator);
                        this.complete_join(join, response, step);
                    }
                    ClassicGroupState::CompletingRebalance | ClassicGroupState::Stable => {
                        this.complete_sync(sync, sync_error(ErrorCode::NotCoordinator), step);
                    }
                    ClassicGroupState::Empty | ClassicGroupState::Dead => {}
                }
            }
        });
    }

    /// The session timeout of a consumer group's members, in milliseconds.
    pub(super) fn consumer_session_timeout_ms(&self, group_id: &str) -> Ms {
        let of_group = self.group_configs.get(group_id);
        let timeout_ms = of_group.and_then(|c| c.consumer_session_timeout_ms);
        Ms::from(timeout_ms.unwrap_or(self.config.consumer_session_timeout_ms))
    }

    pub(super) fn consumer_heartbeat_interval_ms(&self, group_id: &str) -> i32 {
        let of_group = self.group_configs.get(group_id);
        let interval_ms = of_group.and_then(|c| c.consumer_heartbeat_interval_ms);
        interval_ms.unwrap_or(self.config.consumer_heartbeat_interval_ms)
    }

    pub(super) fn consumer_assignment_interval_ms(&self, group_id: &str) -> Ms {
        let of_group = self.group_configs.get(group_id);
        let interval_ms = of_group.and_then(|c| c.consumer_assignment_interval_ms);
        Ms::from(interval_ms.unwrap_or(self.config.consumer_assignment_interval_ms))
    }
}
