//! A request is taken up: who answers it (`KafkaApis.handle`).

use super::{Node, fetch, produce};
use crate::replica_manager::{Completed, Response as ReplicaResponse};
use protocol::messages::*;
use protocol::wire::{Outbox, Output};
use protocol::{ConnectionId, CorrelationId, Ctx, ErrorCode, ProducerEpoch};

/// Whose request a token of the replica manager stands for, and what is needed to answer it.
#[derive(Clone, Debug)]
pub(super) enum Origin {
    Produce(produce::Asker),
    Fetch(fetch::Asker),
    DeleteRecords {
        conn: ConnectionId,
        correlation_id: CorrelationId,
    },
}

impl Node {
    pub(super) fn dispatch(
        &mut self,
        conn: ConnectionId,
        header: RequestHeader,
        request: Request,
        ctx: &mut Ctx<'_>,
        out: &mut Outbox,
    ) {
        out.requests += 1;
        let correlation_id = header.correlation_id;
        let response = match request {
            Request::Produce(r) => return self.produce(conn, &header, *r, ctx, out),
            Request::Fetch(r) => return self.fetch(conn, &header, *r, ctx, out),
            Request::DeleteRecords(r) => return self.delete_records(conn, correlation_id, *r, ctx),
            Request::ListOffsets(r) => self.list_offsets(*r, ctx).into(),
            Request::OffsetForLeaderEpoch(r) => self.offset_for_leader_epoch(*r, ctx).into(),
            Request::Metadata(r) => self.metadata(*r, ctx, out).into(),
            Request::FindCoordinator(r) => self.find_coordinator(*r, ctx, out).into(),
            Request::ApiVersions(_) => self.api_versions().into(),
            Request::InitProducerId(r) => self.init_producer_id(&r).into(),
            request @ (Request::CreateTopics(_)
            | Request::DeleteTopics(_)
            | Request::CreatePartitions(_)
            | Request::IncrementalAlterConfigs(_)
            | Request::ElectLeaders(_)
            | Request::AlterPartitionReassignments(_)
            | Request::ListPartitionReassignments(_)
            | Request::UnregisterBroker(_)) => {
                return self.forward(conn, correlation_id, request, ctx.now);
            }
            other => {
                if self.group_request(conn, &header, other, ctx, out).is_err() {
                    // an api that no broker has, or not yet: the connection is closed, as for any invalid request
                    self.server.close(conn);
                    out.push(Output::HangUp { conn });
                }
                return;
            }
        };
        self.server.answer(conn, correlation_id, response, out);
    }

    /// A producer id for an idempotent producer. Transactional ones have no coordinator here.
    fn init_producer_id(&mut self, request: &InitProducerIdRequest) -> InitProducerIdResponse {
        let refused = |error| InitProducerIdResponse {
            error,
            producer_epoch: ProducerEpoch::NONE,
            ..Default::default()
        };
        if request.transactional_id.is_some() {
            return refused(ErrorCode::CoordinatorNotAvailable);
        }
        match self.producer_ids.generate() {
            Ok(producer_id) => InitProducerIdResponse {
                producer_id,
                producer_epoch: ProducerEpoch(0),
                ..Default::default()
            },
            Err(error) => refused(error),
        }
    }

    /// Answers that the replica manager has let go leave in its order. True if there were any.
    pub(super) fn answer_completed(&mut self, ctx: &mut Ctx<'_>, out: &mut Outbox) -> bool {
        let completed = self.replicas.take_completed();
        let any = !completed.is_empty();
        for Completed { token, response } in completed {
            let Some(origin) = self.tokens.remove(&token) else {
                continue;
            };
            match (origin, response) {
                (Origin::Produce(asker), ReplicaResponse::Produce(parts)) => {
                    self.answer_produce(asker, parts, out)
                }
                (Origin::Fetch(asker), ReplicaResponse::Fetch(parts)) => {
                    self.answer_fetch(asker, parts, ctx, out)
                }
                (
                    Origin::DeleteRecords {
                        conn,
                        correlation_id,
                    },
                    ReplicaResponse::DeleteRecords(parts),
                ) => {
                    let response = super::offsets::delete_records_response(parts);
                    self.server
                        .answer(conn, correlation_id, response.into(), out);
                }
                (origin, response) => unreachable!("{origin:?} is answered with {response:?}"),
            }
        }
        any
    }
}
