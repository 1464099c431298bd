//! A node's part in the quorum: a voter or an observer, with its connections to the others.
//!
//! It puts the quorum's words on the wire and takes them off; what is committed is handed on. It knows no record.

use super::channel::{Channels, ConnectionIds, Ended};
use super::server::Server;
use protocol::messages::{Request, RequestHeader};
use protocol::wire::{Input, Outbox};
use protocol::{ConnectionId, CorrelationId, Ctx, ErrorCode, Instant, Ms, Name, NodeId};
use raft::memory_log::MemoryLog;
use raft::wire::{request_from_wire, request_to_wire, response_from_wire, response_to_wire};
use raft::{ElectionState, Event, Identity, QuorumConfig, RequestToken};
use std::collections::BTreeMap;

/// Fetches may be parked for half a second; a little more than the quorum's own patience, so that its time-out rules.
const CHANNEL_TIMEOUT_MS: Ms = 10_000;

/// What a node keeps of the quorum when its process is gone: the log, and the `quorum-state` file.
#[derive(Clone, Debug, Default)]
pub struct QuorumFiles {
    pub log: MemoryLog,
    pub state: ElectionState,
}

/// One member.
#[derive(Clone, Debug)]
pub struct Quorum {
    raft: raft::Node<MemoryLog>,
    channels: Channels<NodeId>,
    next_token: RequestToken,
    /// Who asked, by token; none for a question to itself.
    askers: BTreeMap<RequestToken, Option<(ConnectionId, CorrelationId)>>,
    /// The api of an outstanding request, to say what failed.
    outstanding: BTreeMap<(NodeId, CorrelationId), raft::RequestBody>,
}

impl Quorum {
    /// Joins with what the files hold.
    pub fn start(
        identity: Identity,
        config: QuorumConfig,
        files: QuorumFiles,
        ctx: &mut Ctx<'_>,
    ) -> Self {
        let client_id: Name = format!("raft-client-{}", identity.node).into();
        Self {
            raft: raft::Node::start(identity, config, files.state, files.log, ctx),
            channels: Channels::new(client_id),
            next_token: 0,
            askers: BTreeMap::new(),
            outstanding: BTreeMap::new(),
        }
    }

    pub fn raft(&self) -> &raft::Node<MemoryLog> {
        &self.raft
    }

    pub fn raft_mut(&mut self) -> &mut raft::Node<MemoryLog> {
        &mut self.raft
    }

    pub fn channels(&self) -> &Channels<NodeId> {
        &self.channels
    }

    pub fn into_files(self) -> QuorumFiles {
        let state = self.raft.stored();
        QuorumFiles {
            log: self.raft.into_log(),
            state,
        }
    }

    /// Takes a request if it is the quorum's; it is answered through the server, perhaps later.
    pub fn handle_request(
        &mut self,
        conn: ConnectionId,
        header: &RequestHeader,
        request: &Request,
        ctx: &mut Ctx<'_>,
    ) -> bool {
        let Some(request) = request_from_wire(request) else {
            return false;
        };
        let token = self.next_token;
        self.next_token += 1;
        self.askers
            .insert(token, Some((conn, header.correlation_id)));
        self.raft
            .handle(raft::Input::Request { token, request }, ctx);
        true
    }

    /// Takes what concerns its connections; gives everything else back.
    pub fn handle_channel(
        &mut self,
        input: Input,
        ctx: &mut Ctx<'_>,
        out: &mut Outbox,
    ) -> Result<(), Input> {
        let ended = self.channels.handle(input, ctx.now, out)?;
        self.ended(ended, ctx);
        Ok(())
    }

    fn ended(&mut self, ended: Vec<Ended<NodeId>>, ctx: &mut Ctx<'_>) {
        for end in ended {
            let (from, correlation_id, response) = match end {
                Ended::Answered {
                    key,
                    correlation_id,
                    response,
                } => (key, correlation_id, response_from_wire(&response)),
                Ended::Failed {
                    key,
                    correlation_id,
                } => (key, correlation_id, None),
            };
            let Some(asked) = self.outstanding.remove(&(from, correlation_id)) else {
                continue;
            };
            let response = response.unwrap_or_else(|| {
                raft::Response::top_level(ErrorCode::BrokerNotAvailable, raft::empty_answer(&asked))
            });
            self.raft.handle(
                raft::Input::Response {
                    from,
                    correlation_id,
                    response,
                },
                ctx,
            );
        }
    }

    /// Does what is due and sends what has to be sent. Answers what the state machine has to see.
    pub fn poll(
        &mut self,
        server: &mut Server,
        ids: &mut ConnectionIds,
        ctx: &mut Ctx<'_>,
        out: &mut Outbox,
    ) -> (Vec<Event>, Option<Instant>) {
        let overdue = self.channels.poll(ctx.now, ids, out);
        self.ended(overdue, ctx);
        let wake = loop {
            let wake = self.raft.poll(ctx);
            let outputs = self.raft.take_outbox();
            if outputs.is_empty() {
                break wake;
            }
            for output in outputs {
                self.carry_out(output, server, ids, ctx, out);
            }
        };
        let events = self.raft.take_events();
        let wake = [wake, self.channels.next_wake_up()]
            .into_iter()
            .flatten()
            .min();
        (events, wake)
    }

    fn carry_out(
        &mut self,
        output: raft::Output,
        server: &mut Server,
        ids: &mut ConnectionIds,
        ctx: &mut Ctx<'_>,
        out: &mut Outbox,
    ) {
        match output {
            raft::Output::Request {
                to,
                correlation_id,
                request,
            } if to == self.raft.id() => {
                // a question to itself does not leave the node
                let token = self.next_token;
                self.next_token += 1;
                self.askers.insert(token, None);
                self.outstanding
                    .insert((to, correlation_id), request.body.clone());
                self.raft
                    .handle(raft::Input::Request { token, request }, ctx);
            }
            raft::Output::Request {
                to,
                correlation_id,
                request,
            } => {
                self.outstanding
                    .insert((to, correlation_id), request.body.clone());
                let message = request_to_wire(&request);
                let failed = self.channels.send(
                    to,
                    to,
                    correlation_id,
                    message,
                    CHANNEL_TIMEOUT_MS,
                    ctx.now,
                    ids,
                    out,
                );
                self.ended(failed, ctx);
            }
            raft::Output::Response { token, response } => match self.askers.remove(&token) {
                Some(Some((conn, correlation_id))) => {
                    server.answer(conn, correlation_id, response_to_wire(&response), out);
                }
                Some(None) => {
                    let from = self.raft.id();
                    let own = self.outstanding.keys().find(|k| k.0 == from).copied();
                    if let Some((_, correlation_id)) = own {
                        self.outstanding.remove(&(from, correlation_id));
                        self.raft.handle(
                            raft::Input::Response {
                                from,
                                correlation_id,
                                response,
                            },
                            ctx,
                        );
                    }
                }
                None => {}
            },
        }
    }
}
