//! ListOffsets, OffsetsForLeaderEpoch, DeleteRecords: questions about offsets, by the replica manager.

use super::Node;
use super::dispatch::Origin;
use crate::replica_manager::DeleteRecordsResult;
use log::FetchIsolation;
use protocol::messages::*;
use protocol::{ConnectionId, CorrelationId, Ctx, ErrorCode, LeaderEpoch, NodeId, TopicPartition};

/// `ListOffsetsRequest.DEBUGGING_REPLICA_ID`: any replica answers.
const DEBUGGING_REPLICA_ID: NodeId = NodeId(-2);

fn epoch(e: LeaderEpoch) -> Option<LeaderEpoch> {
    (!e.is_none()).then_some(e)
}

impl Node {
    pub(super) fn list_offsets(
        &mut self,
        request: ListOffsetsRequest,
        ctx: &mut Ctx<'_>,
    ) -> ListOffsetsResponse {
        let isolation = request
            .replica_id
            .is_none()
            .then_some(match request.isolation_level {
                1 => FetchIsolation::TxnCommitted,
                _ => FetchIsolation::HighWatermark,
            });
        let only_from_leader = request.replica_id != DEBUGGING_REPLICA_ID;
        let mut response = ListOffsetsResponse::default();
        for topic in request.topics {
            let mut answers = Vec::with_capacity(topic.partitions.len());
            for p in topic.partitions {
                let tp = TopicPartition::new(topic.name.clone(), p.partition_index);
                let found = self.replicas.fetch_offset_for_timestamp(
                    &tp,
                    p.timestamp,
                    isolation,
                    epoch(p.current_leader_epoch),
                    only_from_leader,
                    ctx,
                );
                let mut answer = ListOffsetsPartitionResponse {
                    partition_index: p.partition_index,
                    ..Default::default()
                };
                match found {
                    Ok(Some(found)) => {
                        answer.timestamp = found.timestamp_ms;
                        answer.offset = found.offset;
                        answer.leader_epoch = found.leader_epoch.unwrap_or(LeaderEpoch::NONE);
                    }
                    Ok(None) => {}
                    Err(error) => answer.error = error,
                }
                answers.push(answer);
            }
            response.topics.push(ListOffsetsTopicResponse {
                name: topic.name,
                partitions: answers,
            });
        }
        response
    }

    pub(super) fn offset_for_leader_epoch(
        &mut self,
        request: OffsetForLeaderEpochRequest,
        ctx: &mut Ctx<'_>,
    ) -> OffsetForLeaderEpochResponse {
        let mut response = OffsetForLeaderEpochResponse::default();
        for topic in request.topics {
            let mut answers = Vec::with_capacity(topic.partitions.len());
            for p in topic.partitions {
                let tp = TopicPartition::new(topic.topic.clone(), p.partition);
                let current = epoch(p.current_leader_epoch);
                let mut answer = OffsetForLeaderPartitionResult {
                    partition: p.partition,
                    ..Default::default()
                };
                match self
                    .replicas
                    .last_offset_for_leader_epoch(&tp, current, p.leader_epoch, ctx)
                {
                    Ok(end) => {
                        answer.leader_epoch = end.epoch;
                        answer.end_offset = end.end_offset;
                    }
                    Err(error) => answer.error = error,
                }
                answers.push(answer);
            }
            response.topics.push(OffsetForLeaderTopicResult {
                topic: topic.topic,
                partitions: answers,
            });
        }
        response
    }

    pub(super) fn delete_records(
        &mut self,
        conn: ConnectionId,
        correlation_id: CorrelationId,
        request: DeleteRecordsRequest,
        ctx: &mut Ctx<'_>,
    ) {
        let offsets = request.topics.into_iter().flat_map(|topic| {
            let name = topic.name;
            let partition = move |p: DeleteRecordsPartition| {
                (
                    TopicPartition::new(name.clone(), p.partition_index),
                    p.offset,
                )
            };
            topic.partitions.into_iter().map(partition)
        });
        let offsets: Vec<_> = offsets.collect();
        let token = self.token(Origin::DeleteRecords {
            conn,
            correlation_id,
        });
        self.replicas
            .delete_records(token, request.timeout_ms.into(), offsets, ctx);
    }
}

pub(super) fn delete_records_response(
    parts: Vec<(TopicPartition, DeleteRecordsResult)>,
) -> DeleteRecordsResponse {
    let mut response = DeleteRecordsResponse::default();
    for (tp, result) in parts {
        let low_watermark = result.low_watermark;
        let answer = DeleteRecordsPartitionResult {
            partition_index: tp.partition,
            low_watermark,
            error: result.error,
        };
        match response.topics.iter_mut().find(|t| t.name == tp.topic) {
            Some(topic) => topic.partitions.push(answer),
            None => response.topics.push(DeleteRecordsTopicResult {
                name: tp.topic,
                partitions: vec![answer],
            }),
        }
    }
    debug_assert!(
        response
            .topics
            .iter()
            .flat_map(|t| &t.partitions)
            .all(|p| p.error != ErrorCode::None || p.low_watermark.get() >= 0)
    );
    response
}
