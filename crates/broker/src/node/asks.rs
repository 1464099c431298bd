//! What a broker asks of others, and what becomes of the answers: registration, heartbeats, ISR changes, producer ids,
//! requests of clients that only the controller can answer.

use super::lifecycle::{self, Say};
use super::replication::AskedLeader;
use super::{Node, lookup};
use crate::alter_partition::{AlterPartitionItem, LeaderAndIsr};
use metadata::node::channel::Ended;
use protocol::messages::*;
use protocol::wire::Outbox;
use protocol::{
    ConnectionId, CorrelationId, Ctx, ErrorCode, Instant, Ms, Name, NodeId, TopicPartition,
};
use std::collections::BTreeMap;

/// A connection of its own for each, as `NodeToControllerChannelManager`s and fetcher threads have.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Purpose {
    Heartbeat,
    AlterPartition,
    Forwarding,
    Fetcher(NodeId),
}

/// `request.timeout.ms` of a broker's own clients; a heartbeat waits at most a session.
const REQUEST_TIMEOUT_MS: Ms = 30_000;
const HEARTBEAT_TIMEOUT_MS: Ms = 9_000;
/// How long a request that has to be forwarded is kept, and how long it rests after a refusal.
const FORWARD_TIMEOUT_MS: Ms = 60_000;
const FORWARD_BACKOFF_MS: Ms = 50;
/// Clients' requests that wait for a controller.
const MAX_FORWARDS: usize = 1_000;

/// An outstanding question.
#[derive(Clone, Debug)]
pub(super) enum Asked {
    Registration,
    Heartbeat,
    AlterPartition,
    ProducerIds,
    Creation(Vec<Name>),
    Forward(Forward),
    Leader(AskedLeader),
}

/// A client's request on its way to the controller (`ForwardingManager`).
#[derive(Clone, Debug)]
pub(super) struct Forward {
    pub conn: ConnectionId,
    pub correlation_id: CorrelationId,
    pub request: Request,
    pub deadline: Instant,
    /// When it may be sent (again).
    pub due: Instant,
}

impl Node {
    pub(super) fn ask(
        &mut self,
        purpose: Purpose,
        node: NodeId,
        request: Request,
        asked: Asked,
        timeout_ms: Ms,
        ctx: &mut Ctx<'_>,
        out: &mut Outbox,
    ) {
        let correlation_id = CorrelationId(self.next_correlation);
        self.next_correlation = self.next_correlation.wrapping_add(1).max(0);
        self.asked.insert(correlation_id, asked);
        let failed = self.channels.send(
            purpose,
            node,
            correlation_id,
            request,
            timeout_ms,
            ctx.now,
            &mut self.ids,
            out,
        );
        self.ended(failed, ctx, out);
    }

    /// Says what is due to the controller. True if anything was said.
    pub(super) fn talk_to_controller(&mut self, ctx: &mut Ctx<'_>, out: &mut Outbox) -> bool {
        let Some(controller) = self.controller() else {
            return false;
        };
        let mut said = false;
        if let Some(say) = self.lifecycle.poll(ctx.now) {
            said = true;
            let (request, asked) = match say {
                Say::Register => {
                    let request = lifecycle::registration(
                        &self.config,
                        self.lifecycle.incarnation_id,
                        self.previous_broker_epoch,
                    );
                    (request.into(), Asked::Registration)
                }
                Say::Heartbeat {
                    want_fence,
                    want_shut_down,
                } => {
                    let epoch = self.lifecycle.epoch;
                    let request = lifecycle::heartbeat(
                        &self.config,
                        epoch,
                        self.image.offset,
                        want_fence,
                        want_shut_down,
                    );
                    (request.into(), Asked::Heartbeat)
                }
            };
            self.ask(
                Purpose::Heartbeat,
                controller,
                request,
                asked,
                HEARTBEAT_TIMEOUT_MS,
                ctx,
                out,
            );
        }
        if self.lifecycle.is_registered() {
            if let Some(items) = self.replicas.poll_alter_partition(ctx.now) {
                said = true;
                let request = self.alter_partition_request(&items);
                self.ask(
                    Purpose::AlterPartition,
                    controller,
                    request.into(),
                    Asked::AlterPartition,
                    REQUEST_TIMEOUT_MS,
                    ctx,
                    out,
                );
            }
            if self.producer_ids.poll(ctx.now) {
                said = true;
                let request = AllocateProducerIdsRequest {
                    broker_id: self.id(),
                    broker_epoch: self.lifecycle.epoch,
                };
                let asked = Asked::ProducerIds;
                self.ask(
                    Purpose::Forwarding,
                    controller,
                    request.into(),
                    asked,
                    REQUEST_TIMEOUT_MS,
                    ctx,
                    out,
                );
            }
        }
        said | self.send_forwards(controller, ctx, out)
    }

    fn alter_partition_request(&self, items: &[AlterPartitionItem]) -> AlterPartitionRequest {
        let mut topics: Vec<AlterPartitionTopic> = Vec::new();
        for item in items {
            let data = AlterPartitionData {
                partition_index: item.topic_partition.partition,
                leader_epoch: item.leader_epoch,
                new_isr_with_epochs: item
                    .new_isr
                    .iter()
                    .map(|&(broker_id, broker_epoch)| BrokerState {
                        broker_id,
                        broker_epoch,
                    })
                    .collect(),
                leader_recovery_state: 0,
                partition_epoch: item.partition_epoch,
            };
            match topics.iter_mut().find(|t| t.topic_id == item.topic_id) {
                Some(topic) => topic.partitions.push(data),
                None => topics.push(AlterPartitionTopic {
                    topic_name: item.topic_partition.topic.clone(),
                    topic_id: item.topic_id,
                    partitions: vec![data],
                }),
            }
        }
        AlterPartitionRequest {
            broker_id: self.id(),
            broker_epoch: self.lifecycle.epoch,
            topics,
        }
    }

    /// Keeps a client's request for the controller.
    pub(super) fn forward(
        &mut self,
        conn: ConnectionId,
        correlation_id: CorrelationId,
        request: Request,
        now: Instant,
    ) {
        if self.forwards.len() < MAX_FORWARDS {
            let deadline = now.after_ms(FORWARD_TIMEOUT_MS);
            self.forwards.push_back(Forward {
                conn,
                correlation_id,
                request,
                deadline,
                due: now,
            });
        }
    }

    fn send_forwards(&mut self, controller: NodeId, ctx: &mut Ctx<'_>, out: &mut Outbox) -> bool {
        let mut sent = false;
        for _ in 0..self.forwards.len() {
            let Some(forward) = self.forwards.pop_front() else {
                break;
            };
            if forward.due > ctx.now {
                self.forwards.push_back(forward);
                continue;
            }
            sent = true;
            let request = forward.request.clone();
            let asked = Asked::Forward(forward);
            self.ask(
                Purpose::Forwarding,
                controller,
                request,
                asked,
                REQUEST_TIMEOUT_MS,
                ctx,
                out,
            );
        }
        sent
    }

    /// Asks the controller to create topics that somebody needs (`AutoTopicCreationManager.createTopics`).
    pub(super) fn create_topics(&mut self, names: Vec<Name>, ctx: &mut Ctx<'_>, out: &mut Outbox) {
        let Some(controller) = self.controller() else {
            return;
        };
        let names: Vec<Name> = names
            .into_iter()
            .filter(|name| self.creating.insert(name.clone()))
            .collect();
        if names.is_empty() {
            return;
        }
        let topics = names
            .iter()
            .map(|name| lookup::creatable(&self.config, name))
            .collect();
        let request = CreateTopicsRequest {
            topics,
            timeout_ms: REQUEST_TIMEOUT_MS as i32,
            ..Default::default()
        };
        let asked = Asked::Creation(names);
        self.ask(
            Purpose::Forwarding,
            controller,
            request.into(),
            asked,
            REQUEST_TIMEOUT_MS,
            ctx,
            out,
        );
    }

    pub(super) fn ended(
        &mut self,
        ended: Vec<Ended<Purpose>>,
        ctx: &mut Ctx<'_>,
        out: &mut Outbox,
    ) {
        for end in ended {
            let (correlation_id, response) = match end {
                Ended::Answered {
                    correlation_id,
                    response,
                    ..
                } => (correlation_id, Some(response)),
                Ended::Failed { correlation_id, .. } => (correlation_id, None),
            };
            if let Some(asked) = self.asked.remove(&correlation_id) {
                self.answered(asked, response, ctx, out);
            }
        }
    }

    fn answered(
        &mut self,
        asked: Asked,
        response: Option<Response>,
        ctx: &mut Ctx<'_>,
        out: &mut Outbox,
    ) {
        match (asked, response) {
            (Asked::Registration, response) => {
                let answer = match &response {
                    Some(Response::BrokerRegistration(answer)) => Some(&**answer),
                    _ => None,
                };
                self.lifecycle.on_registration(answer, ctx.now);
                self.replicas.set_broker_epoch(self.lifecycle.epoch);
            }
            (Asked::Heartbeat, response) => {
                let answer = match &response {
                    Some(Response::BrokerHeartbeat(answer)) => Some(&**answer),
                    _ => None,
                };
                if self.lifecycle.on_heartbeat(answer, ctx.now) {
                    self.exit(out);
                }
                self.maybe_become_ready(ctx);
            }
            (Asked::AlterPartition, Some(Response::AlterPartition(answer))) => {
                let answer = alter_partition_results(*answer);
                self.replicas.on_alter_partition_response(answer, ctx);
            }
            (Asked::AlterPartition, _) => self.replicas.on_alter_partition_disconnect(),
            (Asked::ProducerIds, response) => {
                let answer = match &response {
                    Some(Response::AllocateProducerIds(answer)) => Some(&**answer),
                    _ => None,
                };
                self.producer_ids.on_response(answer, ctx.now);
            }
            (Asked::Creation(names), _) => {
                for name in names {
                    self.creating.remove(&name);
                }
            }
            (Asked::Forward(mut forward), response) => match response {
                Some(response) if !says_not_controller(&response) => {
                    self.server
                        .answer(forward.conn, forward.correlation_id, response, out);
                }
                _ if forward.deadline > ctx.now => {
                    forward.due = ctx.now.after_ms(FORWARD_BACKOFF_MS);
                    self.forwards.push_back(forward);
                }
                // too late for an answer: the client's own time-out has passed as well
                _ => {
                    self.server.close(forward.conn);
                    out.push(protocol::wire::Output::HangUp { conn: forward.conn });
                }
            },
            (Asked::Leader(asked), response) => self.leader_answered(asked, response, ctx, out),
        }
    }
}

fn says_not_controller(response: &Response) -> bool {
    let error = match response {
        Response::CreateTopics(r) => r.topics.first().map(|t| t.error),
        Response::DeleteTopics(r) => r.responses.first().map(|t| t.error),
        Response::CreatePartitions(r) => r.results.first().map(|t| t.error),
        Response::IncrementalAlterConfigs(r) => r.responses.first().map(|t| t.error),
        Response::ElectLeaders(r) => Some(r.error),
        Response::AlterPartitionReassignments(r) => Some(r.error),
        Response::ListPartitionReassignments(r) => Some(r.error),
        _ => None,
    };
    error == Some(ErrorCode::NotController)
}

type AlterPartitionResults = BTreeMap<TopicPartition, Result<LeaderAndIsr, ErrorCode>>;

fn alter_partition_results(
    answer: AlterPartitionResponse,
) -> Result<AlterPartitionResults, ErrorCode> {
    if answer.error != ErrorCode::None {
        return Err(answer.error);
    }
    let mut results = BTreeMap::new();
    for topic in answer.topics {
        for p in topic.partitions {
            let result = if p.error == ErrorCode::None {
                Ok(LeaderAndIsr {
                    leader: p.leader_id,
                    leader_epoch: p.leader_epoch,
                    isr: p.isr,
                    partition_epoch: p.partition_epoch,
                })
            } else {
                Err(p.error)
            };
            results.insert(
                TopicPartition::new(topic.topic_name.clone(), p.partition_index),
                result,
            );
        }
    }
    Ok(results)
}
