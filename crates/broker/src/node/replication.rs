//! Fetchers' requests on their way to leaders and back (`ReplicaFetcherThread`, `RemoteLeaderEndPoint`).

use super::Node;
use super::asks::{Asked, Purpose};
use crate::fetcher::{
    FetcherRequest, FetcherRequestId, LookupKind, ReplicaFetch, ReplicaFetchAnswer, ReplicaLookup,
};
use crate::partition::OffsetAndEpoch;
use crate::replica_manager::FetchPartitionData;
use protocol::messages::*;
use protocol::wire::Outbox;
use protocol::{Ctx, ErrorCode, LeaderEpoch, Ms, NodeId, Offset, TopicPartition, Uuid};

/// `replica.socket.timeout.ms`
const REPLICA_SOCKET_TIMEOUT_MS: Ms = 30_000;

/// What a fetcher asked of its leader.
#[derive(Clone, Copy, Debug)]
pub(super) enum AskedLeader {
    Fetch {
        leader: NodeId,
        id: FetcherRequestId,
    },
    Lookup {
        leader: NodeId,
        id: FetcherRequestId,
    },
}

impl Node {
    /// Sends what the fetchers want to send. True if anything was.
    pub(super) fn replicate(&mut self, ctx: &mut Ctx<'_>, out: &mut Outbox) -> bool {
        let requests = self.replicas.poll_fetchers(ctx);
        let sent = !requests.is_empty();
        for request in requests {
            let (leader, asked, request): (_, _, Request) = match request {
                FetcherRequest::Fetch(fetch) => {
                    let asked = AskedLeader::Fetch {
                        leader: fetch.leader,
                        id: fetch.id,
                    };
                    (fetch.leader, asked, fetch_request(fetch).into())
                }
                FetcherRequest::Lookup(lookup) => {
                    let asked = AskedLeader::Lookup {
                        leader: lookup.leader,
                        id: lookup.id,
                    };
                    (
                        lookup.leader,
                        asked,
                        lookup_request(self.id(), lookup).into(),
                    )
                }
            };
            let purpose = Purpose::Fetcher(leader);
            self.ask(
                purpose,
                leader,
                request,
                Asked::Leader(asked),
                REPLICA_SOCKET_TIMEOUT_MS,
                ctx,
                out,
            );
        }
        sent
    }

    pub(super) fn leader_answered(
        &mut self,
        asked: AskedLeader,
        response: Option<Response>,
        ctx: &mut Ctx<'_>,
        out: &mut Outbox,
    ) {
        match (asked, response) {
            (AskedLeader::Fetch { leader, id }, Some(Response::Fetch(response))) => {
                let (error, session_id) = (response.error, response.session_id);
                let parts = response.responses.into_iter().flat_map(|topic| {
                    let name = topic.topic;
                    topic.partitions.into_iter().map(move |p| {
                        (
                            TopicPartition::new(name.clone(), p.partition_index),
                            fetched(p),
                        )
                    })
                });
                let partitions: Vec<_> = parts.collect();
                let bytes = partitions
                    .iter()
                    .map(|(_, p)| p.records.size_bytes() as u64);
                out.bytes_appended += bytes.sum::<u64>();
                let answer = ReplicaFetchAnswer {
                    error,
                    session_id,
                    partitions,
                };
                self.replicas
                    .on_replica_fetch_response(leader, id, Some(answer), ctx);
            }
            (AskedLeader::Fetch { leader, id }, _) => {
                self.replicas
                    .on_replica_fetch_response(leader, id, None, ctx);
            }
            (AskedLeader::Lookup { leader, id }, response) => {
                let answer = match response {
                    Some(Response::ListOffsets(response)) => {
                        match response.topics.first().and_then(|t| t.partitions.first()) {
                            Some(p) if p.error == ErrorCode::None => Ok(p.offset),
                            Some(p) => Err(p.error),
                            None => Err(ErrorCode::UnknownServerError),
                        }
                    }
                    _ => Err(ErrorCode::NetworkException),
                };
                self.replicas
                    .on_replica_lookup_response(leader, id, answer, ctx);
            }
        }
    }
}

fn fetch_request(fetch: ReplicaFetch) -> FetchRequest {
    let mut topics: Vec<FetchTopic> = Vec::new();
    for p in fetch.session.to_send {
        let partition = FetchPartition {
            partition: p.topic_partition.partition,
            current_leader_epoch: p.current_leader_epoch,
            fetch_offset: p.fetch_offset,
            last_fetched_epoch: p.last_fetched_epoch.unwrap_or(LeaderEpoch::NONE),
            log_start_offset: p.log_start_offset,
            partition_max_bytes: p.max_bytes,
            ..Default::default()
        };
        match topics.last_mut().filter(|t| t.topic_id == p.topic_id) {
            Some(topic) => topic.partitions.push(partition),
            None => topics.push(FetchTopic {
                topic: p.topic_partition.topic,
                topic_id: p.topic_id,
                partitions: vec![partition],
            }),
        }
    }
    FetchRequest {
        replica_id: fetch.replica,
        replica_epoch: fetch.replica_epoch,
        max_wait_ms: fetch.max_wait_ms,
        min_bytes: fetch.min_bytes,
        max_bytes: fetch.max_bytes,
        topics,
        session_id: fetch.session.session_id,
        session_epoch: fetch.session.session_epoch,
        forgotten_topics_data: forgotten(fetch.session.to_forget),
        ..Default::default()
    }
}

fn forgotten(to_forget: Vec<(TopicPartition, Uuid)>) -> Vec<ForgottenTopic> {
    let mut topics: Vec<ForgottenTopic> = Vec::new();
    for (tp, topic_id) in to_forget {
        match topics.last_mut().filter(|t| t.topic_id == topic_id) {
            Some(topic) => topic.partitions.push(tp.partition),
            None => topics.push(ForgottenTopic {
                topic: tp.topic,
                topic_id,
                partitions: vec![tp.partition],
            }),
        }
    }
    topics
}

fn lookup_request(replica: NodeId, lookup: ReplicaLookup) -> ListOffsetsRequest {
    let timestamp = match lookup.kind {
        LookupKind::Latest => LATEST_TIMESTAMP,
        LookupKind::Earliest => EARLIEST_TIMESTAMP,
    };
    ListOffsetsRequest {
        replica_id: replica,
        topics: vec![ListOffsetsTopic {
            name: lookup.topic_partition.topic,
            partitions: vec![ListOffsetsPartition {
                partition_index: lookup.topic_partition.partition,
                current_leader_epoch: lookup.current_leader_epoch,
                timestamp,
            }],
        }],
        ..Default::default()
    }
}

fn fetched(p: protocol::messages::FetchPartitionData) -> FetchPartitionData {
    FetchPartitionData {
        error: p.error,
        high_watermark: p.high_watermark,
        log_start_offset: p.log_start_offset,
        records: p.records,
        diverging_epoch: p.diverging_epoch.map(|d| OffsetAndEpoch {
            epoch: d.epoch,
            end_offset: d.end_offset,
        }),
        last_stable_offset: (p.last_stable_offset != Offset::NONE).then_some(p.last_stable_offset),
        aborted_transactions: p.aborted_transactions.map(|all| {
            all.into_iter()
                .map(|a| (a.producer_id, a.first_offset))
                .collect()
        }),
        preferred_read_replica: (!p.preferred_read_replica.is_none())
            .then_some(p.preferred_read_replica),
    }
}
