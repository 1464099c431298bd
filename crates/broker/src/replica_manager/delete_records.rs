//! DeleteRecords: raise the log start, then wait for the followers (`ReplicaManager.deleteRecords`).

use super::ReplicaManager;
use super::append::is_internal;
use super::delayed::{Delayed, DelayedDeleteRecords, DeleteRecordsStatus};
use super::requests::{Completed, DeleteRecordsResult, RequestToken, Response};
use crate::purgatory::Kind;
use protocol::{Ctx, ErrorCode, Ms, Offset, TopicPartition};

impl ReplicaManager {
    /// `offset` −1 stands for the high watermark. Answers when the low watermark of each partition has reached its offset.
    pub fn delete_records(
        &mut self,
        token: RequestToken,
        timeout_ms: Ms,
        offsets: Vec<(TopicPartition, Offset)>,
        ctx: &mut Ctx,
    ) {
        let mut must_wait = false;
        let mut statuses = Vec::with_capacity(offsets.len());
        for (tp, offset) in offsets {
            let deleted = if is_internal(&tp.topic) {
                Err(ErrorCode::InvalidTopicException)
            } else {
                self.read_partition(&tp, ctx, |partition, env| {
                    partition.delete_records_on_leader(offset, env)
                })
                .and_then(|deleted| deleted)
            };
            statuses.push(match deleted {
                Ok(deleted) => {
                    must_wait |= deleted.low_watermark < deleted.requested;
                    DeleteRecordsStatus {
                        topic_partition: tp,
                        required_offset: deleted.requested,
                        result: DeleteRecordsResult {
                            error: ErrorCode::None,
                            low_watermark: deleted.low_watermark,
                        },
                        acks_pending: false,
                    }
                }
                Err(error) => DeleteRecordsStatus {
                    topic_partition: tp,
                    required_offset: Offset::NONE,
                    result: DeleteRecordsResult {
                        error,
                        low_watermark: Offset::NONE,
                    },
                    acks_pending: false,
                },
            });
        }
        if !must_wait {
            let response = Response::DeleteRecords(
                statuses
                    .into_iter()
                    .map(|s| (s.topic_partition, s.result))
                    .collect(),
            );
            self.completed.push(Completed { token, response });
            return;
        }
        for status in &mut statuses {
            status.acks_pending = status.result.error == ErrorCode::None;
            if status.acks_pending {
                status.result.error = ErrorCode::RequestTimedOut;
            }
        }
        let keys = statuses.iter().map(|s| s.topic_partition.clone()).collect();
        let operation = Delayed::DeleteRecords(DelayedDeleteRecords { token, statuses });
        self.try_else_park(Kind::DeleteRecords, keys, timeout_ms, operation, ctx);
    }
}
