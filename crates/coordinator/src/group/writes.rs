//! Writes: what a handler decided is replayed, appended, and waits for replication; then whoever asked is answered
//! (`CoordinatorContext.append`, `CoordinatorWriteEvent`).

use super::classic::Token;
use super::coordinator::{Coordinator, Outcome, Step};
use super::record::Record;
use super::request::*;
use super::state::*;
use crate::runtime::Batch;
use protocol::{ErrorCode, Offset, ProducerEpoch, ProducerId};

impl Coordinator {
    pub(super) fn write_parked(
        &mut self,
        token: Token,
        parked: Parked,
        outcome: Result<Outcome, ErrorCode>,
        step: &mut Step,
    ) {
        match outcome {
            Ok(outcome) => self.write(Answer::Parked(token, parked), None, outcome, step),
            Err(error) => self.answer_parked_error(token, parked, error, step),
        }
    }

    pub(super) fn write_reply(
        &mut self,
        token: Token,
        request: &GroupRequest,
        producer: Option<(ProducerId, ProducerEpoch)>,
        result: Result<(Outcome, GroupResponse), ErrorCode>,
        step: &mut Step,
    ) {
        match result {
            Ok((outcome, response)) => {
                let answer = Answer::Reply(token, Box::new(response));
                self.write(answer, producer, outcome, step);
            }
            Err(error) => {
                let result = request.refused(operation_error(error));
                step.completed.push(Completion { token, result });
            }
        }
    }

    /// Carries out what a handler decided (`CoordinatorContext.append`): replay, append, wait for replication.
    pub(super) fn write(
        &mut self,
        answer: Answer,
        producer: Option<(ProducerId, ProducerEpoch)>,
        outcome: Outcome,
        step: &mut Step,
    ) {
        let id = self.soft.next_id();
        let write = Write {
            on_append: outcome.on_append,
            answer,
        };
        self.soft.writes.insert(id, write);
        let appended = self.append(producer, &outcome.records, outcome.replay, step);
        self.finish_append(id, appended, step);
    }

    /// `Ok(offset)`: the write waits for the high watermark to reach that offset.
    fn append(
        &mut self,
        producer: Option<(ProducerId, ProducerEpoch)>,
        records: &[Record],
        replay: bool,
        step: &mut Step,
    ) -> Result<Offset, ErrorCode> {
        let before = self.versions.last_written();
        if records.is_empty() {
            return Ok(before);
        }
        let (producer_id, producer_epoch) =
            producer.unwrap_or((ProducerId::NONE, ProducerEpoch::NONE));
        let result = self.replay_all(before, producer_id, records, replay, step);
        let result = result.and_then(|()| {
            step.writer.append(Batch::Records {
                producer_id,
                producer_epoch,
                records,
            })
        });
        if result.is_ok() && replay {
            self.report_replayed(self.versions.last_snapshot(), records, step);
        }
        self.note_append(result)
    }

    fn note_append(&mut self, result: Result<Offset, ErrorCode>) -> Result<Offset, ErrorCode> {
        match result {
            Ok(offset) => self.versions.written(offset),
            Err(_) => self.versions.revert(),
        }
        result
    }

    fn replay_all(
        &mut self,
        base: Offset,
        producer_id: ProducerId,
        records: &[Record],
        replay: bool,
        step: &mut Step,
    ) -> Result<(), ErrorCode> {
        if replay {
            for (i, record) in records.iter().enumerate() {
                self.replay(base.plus(i as i64), producer_id, record, step.now_ms())?;
            }
        }
        Ok(())
    }

    fn finish_append(&mut self, id: u64, appended: Result<Offset, ErrorCode>, step: &mut Step) {
        match appended {
            Err(error) => self.complete_write(id, Err(error), step),
            Ok(offset) if offset <= self.versions.last_committed() => {
                self.complete_write(id, Ok(()), step);
            }
            Ok(offset) => {
                self.soft.deferred.add(offset, id);
                self.soft.timers.schedule(
                    TimerKey::WriteTimeout(id),
                    step.now_ms(),
                    self.config.offset_commit_timeout_ms,
                    TimerOperation::FailWrite(id),
                );
            }
        }
    }

    /// A transaction ends on this partition (`CoordinatorContext.completeTransaction`).
    pub(super) fn end_transaction(
        &mut self,
        token: Token,
        (producer_id, producer_epoch, coordinator_epoch, commit): (
            ProducerId,
            ProducerEpoch,
            i32,
            bool,
        ),
        step: &mut Step,
    ) {
        let id = self.soft.next_id();
        let answer = Answer::Reply(
            token,
            Box::new(GroupResponse::EndTxnMarker(ErrorCode::None)),
        );
        let write = Write {
            on_append: None,
            answer,
        };
        self.soft.writes.insert(id, write);
        let offsets = &mut self.versions.current_mut().offsets;
        offsets.replay_end_transaction(producer_id.0, commit);
        let appended = step.writer.append(Batch::EndTransaction {
            producer_id,
            producer_epoch,
            coordinator_epoch,
            commit,
        });
        if appended.is_ok() {
            self.report_end_of_transaction(self.versions.last_snapshot(), producer_id, step);
        }
        let appended = self.note_append(appended);
        self.finish_append(id, appended, step);
    }

    /// A write has come to its end, well or not; a second end is not heard (`CoordinatorWriteEvent.complete`).
    pub(super) fn complete_write(
        &mut self,
        id: u64,
        result: Result<(), ErrorCode>,
        step: &mut Step,
    ) {
        let Some(write) = self.soft.writes.remove(&id) else {
            return;
        };
        self.soft.timers.cancel(&TimerKey::WriteTimeout(id));
        if let Some(on_append) = write.on_append {
            self.run_on_append(on_append, result, step);
        }
        match (write.answer, result) {
            (Answer::None, _) | (Answer::Timer { .. } | Answer::Parked(..), Ok(())) => {}
            (Answer::Reply(token, response), Ok(())) => step.completed.push(Completion {
                token,
                result: Ok(*response),
            }),
            (Answer::Reply(token, response), Err(error)) => {
                let error = match &*response {
                    // a marker is answered by the log's own error
                    GroupResponse::EndTxnMarker(_) => marker_error(error),
                    GroupResponse::OffsetFetch(_)
                        if matches!(
                            error,
                            ErrorCode::UnknownTopicOrPartition
                                | ErrorCode::NotEnoughReplicas
                                | ErrorCode::RequestTimedOut
                        ) =>
                    {
                        // older consumers do not look for the coordinator again on anything else
                        ErrorCode::NotCoordinator
                    }
                    _ => operation_error(error),
                };
                step.completed.push(Completion {
                    token,
                    result: Ok(response.failed(error)),
                });
            }
            (Answer::Parked(token, parked), Err(error)) => {
                self.answer_parked_error(token, parked, error, step);
            }
            (
                Answer::Timer {
                    key,
                    operation,
                    retry_ms,
                },
                Err(error),
            ) => {
                let gone = matches!(
                    error,
                    ErrorCode::NotCoordinator | ErrorCode::CoordinatorLoadInProgress
                );
                if !gone {
                    let now_ms = step.now_ms();
                    self.soft.timers.schedule(key, now_ms, retry_ms, operation);
                }
            }
        }
    }

    fn answer_parked_error(
        &mut self,
        token: Token,
        parked: Parked,
        error: ErrorCode,
        step: &mut Step,
    ) {
        let error = operation_error(error);
        match parked {
            Parked::Join => self.complete_join(Some(token), join_error("".into(), error), step),
            Parked::Sync => self.complete_sync(Some(token), sync_error(error), step),
        };
    }

    /// Answers a JoinGroup unless it is answered already.
    pub(super) fn complete_join(
        &mut self,
        token: Option<Token>,
        response: protocol::messages::JoinGroupResponse,
        step: &mut Step,
    ) -> bool {
        self.complete_parked(token, GroupResponse::JoinGroup(response), step)
    }

    /// Answers a SyncGroup unless it is answered already.
    pub(super) fn complete_sync(
        &mut self,
        token: Option<Token>,
        response: protocol::messages::SyncGroupResponse,
        step: &mut Step,
    ) -> bool {
        self.complete_parked(token, GroupResponse::SyncGroup(response), step)
    }

    fn complete_parked(
        &mut self,
        token: Option<Token>,
        response: GroupResponse,
        step: &mut Step,
    ) -> bool {
        let Some(token) = token else {
            return false;
        };
        if self.soft.parked.remove(&token) {
            step.completed.push(Completion {
                token,
                result: Ok(response),
            });
        }
        true
    }
}

/// What a transaction coordinator is told when its marker cannot be written here (`KafkaApis.handleWriteTxnMarkersRequest`).
pub(super) const fn marker_error(error: ErrorCode) -> ErrorCode {
    match error {
        ErrorCode::CoordinatorNotAvailable
        | ErrorCode::CoordinatorLoadInProgress
        | ErrorCode::NotCoordinator => ErrorCode::NotLeaderOrFollower,
        error => error,
    }
}
