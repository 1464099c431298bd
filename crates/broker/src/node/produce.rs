//! Produce: records to the replica manager, its word back to the producer (`KafkaApis.handleProduceRequest`).

use super::Node;
use super::dispatch::Origin;
use crate::replica_manager::{ProduceEntry, ProducePartitionResponse};
use log::AppendOrigin;
use protocol::messages::*;
use protocol::record::{Batches, RecordBatch, RecordError};
use protocol::wire::{Outbox, Output};
use protocol::{ConnectionId, CorrelationId, Ctx, ErrorCode, Name, Offset, TopicPartition, Uuid};

/// The client of Kafka's own tools, which may write to internal topics.
const ADMIN_CLIENT_ID: &str = "__admin_client";

/// Since this version an answer names the leader to whoever does not know it (KIP-951).
const CURRENT_LEADER_VERSION: i16 = 10;

/// Who produced, and what is already known to be wrong.
#[derive(Clone, Debug)]
pub(super) struct Asker {
    conn: ConnectionId,
    correlation_id: CorrelationId,
    acks: i16,
    api_version: i16,
    /// Topics as they were asked for: name, id, and partitions with an error of their own.
    topics: Vec<(Name, Uuid)>,
    refused: Vec<(TopicPartition, ErrorCode)>,
}

impl Node {
    pub(super) fn produce(
        &mut self,
        conn: ConnectionId,
        header: &RequestHeader,
        request: ProduceRequest,
        ctx: &mut Ctx<'_>,
        out: &mut Outbox,
    ) {
        let mut asker = Asker {
            conn,
            correlation_id: header.correlation_id,
            acks: request.acks,
            api_version: header.api_version,
            topics: Vec::new(),
            refused: Vec::new(),
        };
        let mut entries = Vec::new();
        // whoever writes in a transaction has to say in whose, whatever else is in the request
        let nameless = request.transactional_id.is_none() && has_transactional(&request);
        for topic in request.topic_data {
            let (name, unknown) = self.topic_name(&topic.name, topic.topic_id);
            asker.topics.push((name.clone(), topic.topic_id));
            for p in topic.partition_data {
                let topic_partition = TopicPartition::new(name.clone(), p.index);
                if nameless {
                    let error = ErrorCode::TransactionalIdAuthorizationFailed;
                    asker.refused.push((topic_partition, error));
                } else if let Some(error) = unknown {
                    asker.refused.push((topic_partition, error));
                } else if !self.replicas.metadata().contains(&topic_partition) {
                    asker
                        .refused
                        .push((topic_partition, ErrorCode::UnknownTopicOrPartition));
                } else if !is_one_batch(&p.records) {
                    asker
                        .refused
                        .push((topic_partition, ErrorCode::InvalidRecord));
                } else {
                    out.bytes_appended += p.records.size_bytes() as u64;
                    entries.push(ProduceEntry {
                        topic_partition,
                        records: p.records,
                        guard: None,
                        transaction_version: 0,
                    });
                }
            }
        }
        if entries.is_empty() {
            return self.answer_produce(asker, Vec::new(), out);
        }
        let internal_allowed = &*header.client_id == ADMIN_CLIENT_ID;
        let token = self.token(Origin::Produce(asker));
        let timeout_ms = request.timeout_ms.into();
        self.replicas.append_records(
            token,
            timeout_ms,
            request.acks,
            internal_allowed,
            AppendOrigin::Client,
            entries,
            ctx,
        );
    }

    /// The name of a topic that a request names by id or name, and what is wrong if it is not known by id.
    pub(super) fn topic_name(&self, name: &Name, id: Uuid) -> (Name, Option<ErrorCode>) {
        if !name.is_empty() || id.is_zero() {
            return (name.clone(), None);
        }
        match self.image.topics.topic(id) {
            Some(topic) => (topic.name.clone(), None),
            None => (name.clone(), Some(ErrorCode::UnknownTopicId)),
        }
    }

    /// Who leads a partition now, where the asker seems not to know (KIP-951).
    pub(super) fn current_leader(&self, tp: &TopicPartition) -> LeaderIdAndEpoch {
        let known = self.image.topics.partition_named(tp);
        known.map_or_else(LeaderIdAndEpoch::default, |p| LeaderIdAndEpoch {
            leader_id: p.leader,
            leader_epoch: p.leader_epoch,
        })
    }

    pub(super) fn endpoint(&self, leader: &LeaderIdAndEpoch, endpoints: &mut Vec<NodeEndpoint>) {
        let id = leader.leader_id;
        if !id.is_none()
            && !endpoints.iter().any(|e| e.node_id == id)
            && self.replicas.metadata().has_alive_broker(id)
        {
            let rack = self
                .replicas
                .metadata()
                .broker(id)
                .and_then(|b| b.rack.clone());
            endpoints.push(NodeEndpoint { node_id: id, rack });
        }
    }

    pub(super) fn answer_produce(
        &mut self,
        asker: Asker,
        parts: Vec<(TopicPartition, ProducePartitionResponse)>,
        out: &mut Outbox,
    ) {
        let Asker {
            conn,
            correlation_id,
            acks,
            api_version,
            topics,
            refused,
        } = asker;
        if acks == 0 {
            let failed =
                !refused.is_empty() || parts.iter().any(|(_, p)| p.error != ErrorCode::None);
            if failed {
                // the only way to say it: nothing was asked to be answered
                self.server.close(conn);
                out.push(Output::HangUp { conn });
            } else {
                self.server.done(conn, correlation_id);
                out.more |= self.server.has_ready();
            }
            return;
        }
        let mut response = ProduceResponse::default();
        let refused = refused.into_iter().map(|(tp, error)| (tp, refusal(error)));
        let mut responses: Vec<TopicProduceResponse> = topics
            .into_iter()
            .map(|(name, topic_id)| TopicProduceResponse {
                name,
                topic_id,
                partition_responses: Vec::new(),
            })
            .collect();
        for (tp, part) in parts.into_iter().chain(refused) {
            let mut answer = PartitionProduceResponse {
                index: tp.partition,
                error: part.error,
                base_offset: part.base_offset,
                log_append_time_ms: part.log_append_time_ms,
                log_start_offset: part.log_start_offset,
                record_errors: part
                    .bad_records
                    .into_iter()
                    .map(|batch_index| BatchIndexAndErrorMessage {
                        batch_index,
                        batch_index_error_message: None,
                    })
                    .collect(),
                ..Default::default()
            };
            if part.error == ErrorCode::NotLeaderOrFollower && api_version >= CURRENT_LEADER_VERSION
            {
                answer.current_leader = self.current_leader(&tp);
                self.endpoint(&answer.current_leader, &mut response.node_endpoints);
            }
            if let Some(topic) = responses.iter_mut().find(|t| t.name == tp.topic) {
                topic.partition_responses.push(answer);
            }
        }
        response.responses = responses;
        self.server
            .answer(conn, correlation_id, response.into(), out);
    }
}

/// `RequestUtils.hasTransactionalRecords`
fn has_transactional(request: &ProduceRequest) -> bool {
    let topics = request.topic_data.iter();
    let mut partitions = topics.flat_map(|t| &t.partition_data);
    partitions.any(|p| batches(&p.records).any(|b| b.is_ok_and(|b| b.is_transactional())))
}

fn batches(records: &Records) -> impl Iterator<Item = Result<RecordBatch, RecordError>> + '_ {
    let chunks = records.chunks.iter();
    chunks.flat_map(|chunk| Batches::new(chunk.clone()))
}

/// Exactly one batch a partition (`ProduceRequest.validateRecords`). What cannot be read is for the log to refuse.
fn is_one_batch(records: &Records) -> bool {
    batches(records).take(2).count() == 1
}

fn refusal(error: ErrorCode) -> ProducePartitionResponse {
    ProducePartitionResponse {
        error,
        base_offset: Offset::NONE,
        last_offset: Offset::NONE,
        log_append_time_ms: -1,
        log_start_offset: Offset::NONE,
        bad_records: Vec::new(),
    }
}
