//! Fetch: of followers and consumers, by the replica manager (`KafkaApis.handleFetchRequest`).

use super::Node;
use super::dispatch::Origin;
use crate::fetch_session::FetchContext;
use crate::replica_manager::{
    ClientMetadata, FetchInfo, FetchParams, FetchPartitionData as ReplicaData,
};
use log::FetchIsolation;
use protocol::messages::*;
use protocol::wire::Outbox;
use protocol::{
    ConnectionId, CorrelationId, Ctx, ErrorCode, LeaderEpoch, Name, NodeId, Offset, TopicPartition,
    Uuid,
};

/// Since this version a follower may serve consumers (KIP-392).
const FOLLOWER_FETCH_VERSION: i16 = 11;

/// Since this version an answer names the leader to whoever does not know it (KIP-951).
const CURRENT_LEADER_VERSION: i16 = 16;

/// Who fetches, in which session, and what is already known to be wrong.
#[derive(Clone, Debug)]
pub(super) struct Asker {
    conn: ConnectionId,
    correlation_id: CorrelationId,
    api_version: i16,
    context: FetchContext,
    /// Ids under which topics were asked for.
    ids: Vec<(Name, Uuid)>,
    refused: Vec<(TopicPartition, ErrorCode)>,
}

impl Node {
    pub(super) fn fetch(
        &mut self,
        conn: ConnectionId,
        header: &RequestHeader,
        request: FetchRequest,
        ctx: &mut Ctx<'_>,
        out: &mut Outbox,
    ) {
        let mut wanted = Vec::new();
        for topic in &request.topics {
            let (name, _) = self.topic_name(&topic.topic, topic.topic_id);
            for p in &topic.partitions {
                let tp = TopicPartition::new(name.clone(), p.partition);
                wanted.push(info(tp, topic.topic_id, p));
            }
        }
        let mut to_forget = Vec::new();
        for topic in &request.forgotten_topics_data {
            let (name, _) = self.topic_name(&topic.topic, topic.topic_id);
            let tp = |&p: &i32| (TopicPartition::new(name.clone(), p), topic.topic_id);
            to_forget.extend(topic.partitions.iter().map(tp));
        }
        let follower = !request.replica_id.is_none();
        let (session_id, epoch) = (request.session_id, request.session_epoch);
        let (context, all) = self.sessions.new_context(
            session_id,
            epoch,
            follower,
            wanted,
            &to_forget,
            ctx.now.ms(),
        );
        let mut asker = Asker {
            conn,
            correlation_id: header.correlation_id,
            api_version: header.api_version,
            context,
            ids: Vec::new(),
            refused: Vec::new(),
        };
        let mut infos = Vec::with_capacity(all.len());
        for info in all {
            let tp = &info.topic_partition;
            if asker.ids.last().is_none_or(|(name, _)| *name != tp.topic) {
                asker.ids.push((tp.topic.clone(), info.topic_id));
            }
            let (_, unknown) = self.topic_name(&tp.topic, info.topic_id);
            let error = unknown.or_else(|| {
                let known = self.replicas.metadata().contains(tp);
                (!known).then_some(ErrorCode::UnknownTopicOrPartition)
            });
            match error {
                Some(error) => asker.refused.push((info.topic_partition, error)),
                None => infos.push(info),
            }
        }
        if infos.is_empty() {
            return self.answer_fetch(asker, Vec::new(), ctx, out);
        }
        let from_replica = !request.replica_id.is_none();
        let limit = if from_replica {
            i32::MAX
        } else {
            self.config.replication.fetch_max_bytes
        };
        let max_bytes = request.max_bytes.min(limit);
        let params = FetchParams {
            replica: from_replica.then_some((request.replica_id, request.replica_epoch)),
            max_wait_ms: request.max_wait_ms.into(),
            min_bytes: request.min_bytes.min(max_bytes).into(),
            max_bytes: usize::try_from(max_bytes).unwrap_or(0),
            isolation: match (from_replica, request.isolation_level) {
                (true, _) => FetchIsolation::LogEnd,
                (false, 1) => FetchIsolation::TxnCommitted,
                (false, _) => FetchIsolation::HighWatermark,
            },
            client_metadata: (!from_replica && header.api_version >= FOLLOWER_FETCH_VERSION).then(
                || ClientMetadata {
                    rack: (!request.rack_id.is_empty()).then(|| request.rack_id.clone()),
                    client_id: Some(header.client_id.clone()),
                },
            ),
        };
        let token = self.token(Origin::Fetch(asker));
        self.replicas.fetch_messages(token, params, infos, ctx);
    }

    pub(super) fn answer_fetch(
        &mut self,
        asker: Asker,
        parts: Vec<(TopicPartition, ReplicaData)>,
        ctx: &mut Ctx<'_>,
        out: &mut Outbox,
    ) {
        let Asker {
            conn,
            correlation_id,
            api_version,
            context,
            ids,
            refused,
        } = asker;
        let refused = refused
            .into_iter()
            .map(|(tp, error)| (tp, ReplicaData::error(error)));
        let told = self
            .sessions
            .answer(context, parts.into_iter().chain(refused).collect(), ctx);
        let mut response = FetchResponse {
            error: told.error,
            session_id: told.session_id,
            ..Default::default()
        };
        let mut responses: Vec<FetchableTopicResponse> = Vec::new();
        for (tp, part) in told.partitions {
            let mut answer = FetchPartitionData {
                partition_index: tp.partition,
                error: part.error,
                high_watermark: part.high_watermark,
                last_stable_offset: part.last_stable_offset.unwrap_or(Offset::NONE),
                log_start_offset: part.log_start_offset,
                diverging_epoch: part.diverging_epoch.map(|d| EpochEndOffset {
                    epoch: d.epoch,
                    end_offset: d.end_offset,
                }),
                aborted_transactions: part.aborted_transactions.map(|all| {
                    let aborted = |(producer_id, first_offset)| AbortedTransaction {
                        producer_id,
                        first_offset,
                    };
                    all.into_iter().map(aborted).collect()
                }),
                preferred_read_replica: part.preferred_read_replica.unwrap_or(NodeId::NONE),
                records: part.records,
                ..Default::default()
            };
            let elsewhere = matches!(
                part.error,
                ErrorCode::NotLeaderOrFollower | ErrorCode::FencedLeaderEpoch
            );
            if elsewhere && api_version >= CURRENT_LEADER_VERSION {
                answer.current_leader = self.current_leader(&tp);
                self.endpoint(&answer.current_leader, &mut response.node_endpoints);
            }
            match responses.last_mut().filter(|t| t.topic == tp.topic) {
                Some(topic) => topic.partitions.push(answer),
                None => {
                    let id = ids.iter().find(|(name, _)| *name == tp.topic);
                    responses.push(FetchableTopicResponse {
                        topic_id: id.map_or(Uuid::ZERO, |(_, id)| *id),
                        topic: tp.topic,
                        partitions: vec![answer],
                    });
                }
            }
        }
        response.responses = responses;
        self.server
            .answer(conn, correlation_id, response.into(), out);
    }
}

fn info(topic_partition: TopicPartition, topic_id: Uuid, p: &FetchPartition) -> FetchInfo {
    let epoch = |e: LeaderEpoch| (!e.is_none()).then_some(e);
    FetchInfo {
        topic_partition,
        topic_id,
        fetch_offset: p.fetch_offset,
        log_start_offset: p.log_start_offset,
        max_bytes: usize::try_from(p.partition_max_bytes).unwrap_or(0),
        current_leader_epoch: epoch(p.current_leader_epoch),
        last_fetched_epoch: epoch(p.last_fetched_epoch),
    }
}
