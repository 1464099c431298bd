//! The administrator: asks brokers for things, each question over a connection of its own.
//!
//! It tries one node after the other until somebody answers, as an admin client with several bootstrap servers does. What
//! the answer means is for the asker. Simplified against Kafka's AdminClient: no ApiVersions, no metadata of its own.

use protocol::messages::{Request, RequestHeader, Response};
use protocol::wire::{Input, Outbox, Output};
use protocol::{ConnectionId, CorrelationId, Ctx, Instant, Ms, Name, NodeId};
use std::collections::BTreeMap;

/// `retry.backoff.ms` of an admin client.
const RETRY_BACKOFF_MS: Ms = 100;
/// `request.timeout.ms` of an admin client.
const REQUEST_TIMEOUT_MS: Ms = 30_000;
/// Answers that are kept to be looked at; older ones are forgotten.
const MAX_KEPT: usize = 1_000;

/// One thing to ask.
#[derive(Clone, PartialEq, Debug)]
pub struct Question {
    pub id: u64,
    /// Asked in turn until one answers; a raw question names one and is asked once.
    pub nodes: Vec<NodeId>,
    pub version: i16,
    pub request: Request,
    /// Ask again after a lost connection or a refusal that another try may cure.
    pub retry: bool,
}

/// How a question stands.
#[derive(Clone, PartialEq, Debug)]
pub enum Asked {
    Waiting,
    Answered(Response),
    /// The connection was closed or refused without an answer.
    Closed,
    TimedOut,
}

#[derive(Clone, Debug)]
struct Pending {
    question: Question,
    tries: u32,
    conn: ConnectionId,
    /// When the running try is given up, or the next one begins.
    due: Instant,
    backing_off: bool,
}

/// The process of an administrator.
#[derive(Clone, Debug)]
pub struct Admin {
    client_id: Name,
    next_conn: u32,
    pending: BTreeMap<u64, Pending>,
    done: BTreeMap<u64, Asked>,
}

impl Admin {
    pub fn new(client_id: Name) -> Self {
        Self {
            client_id,
            next_conn: 0,
            pending: BTreeMap::new(),
            done: BTreeMap::new(),
        }
    }

    /// How a question stands; `None` = never asked, or forgotten.
    pub fn asked(&self, id: u64) -> Option<Asked> {
        if self.pending.contains_key(&id) {
            Some(Asked::Waiting)
        } else {
            self.done.get(&id).cloned()
        }
    }

    pub fn waiting(&self) -> usize {
        self.pending.len()
    }

    pub fn ask(&mut self, question: Question, ctx: &Ctx<'_>, out: &mut Outbox) {
        let id = question.id;
        let conn = ConnectionId(0);
        self.pending.insert(
            id,
            Pending {
                question,
                tries: 0,
                conn,
                due: ctx.now,
                backing_off: false,
            },
        );
        self.connect(id, ctx.now, out);
    }

    fn connect(&mut self, id: u64, now: Instant, out: &mut Outbox) {
        let Some(pending) = self.pending.get_mut(&id) else {
            return;
        };
        let nodes = &pending.question.nodes;
        if nodes.is_empty() {
            self.finish(id, Asked::Closed);
            return;
        }
        self.next_conn += 1;
        pending.conn = ConnectionId(self.next_conn);
        let node = nodes[pending.tries as usize % nodes.len()];
        pending.tries += 1;
        pending.backing_off = false;
        pending.due = now.after_ms(REQUEST_TIMEOUT_MS);
        out.push(Output::Connect {
            conn: pending.conn,
            node,
        });
    }

    fn by_conn(&self, conn: ConnectionId) -> Option<u64> {
        self.pending
            .iter()
            .find(|(_, p)| p.conn == conn && !p.backing_off)
            .map(|(&id, _)| id)
    }

    pub fn handle(&mut self, input: Input, ctx: &Ctx<'_>, out: &mut Outbox) {
        match input {
            Input::Connected { conn } => {
                let Some(id) = self.by_conn(conn) else { return };
                let question = &self.pending[&id].question;
                let header = RequestHeader {
                    api_version: question.version,
                    correlation_id: CorrelationId(0),
                    client_id: self.client_id.clone(),
                };
                let request = question.request.clone();
                let answerless = matches!(&request, Request::Produce(p) if p.acks == 0);
                out.push(Output::Send {
                    conn,
                    header,
                    request,
                });
                if answerless {
                    // whoever asks decides how long to look whether the connection is closed
                    self.pending.get_mut(&id).expect("found").due = Instant::NEVER;
                }
            }
            Input::Response { conn, response, .. } => {
                let Some(id) = self.by_conn(conn) else { return };
                out.push(Output::Close { conn });
                if self.pending[&id].question.retry && another_try_may_help(&response) {
                    self.back_off(id, ctx.now);
                } else {
                    self.finish(id, Asked::Answered(response));
                }
            }
            Input::Disconnected { conn } => {
                if let Some(id) = self.by_conn(conn) {
                    self.failed(id, Asked::Closed, ctx.now);
                }
            }
            Input::Accepted { .. } | Input::Closed { .. } | Input::Request { .. } => {}
        }
    }

    fn failed(&mut self, id: u64, how: Asked, now: Instant) {
        if self.pending.get(&id).is_some_and(|p| p.question.retry) {
            self.back_off(id, now);
        } else {
            self.finish(id, how);
        }
    }

    fn back_off(&mut self, id: u64, now: Instant) {
        if let Some(pending) = self.pending.get_mut(&id) {
            pending.backing_off = true;
            pending.due = now.after_ms(RETRY_BACKOFF_MS);
        }
    }

    fn finish(&mut self, id: u64, how: Asked) {
        self.pending.remove(&id);
        self.done.insert(id, how);
        if self.done.len() > MAX_KEPT {
            self.done.pop_first();
        }
    }

    pub fn poll(&mut self, ctx: &Ctx<'_>, out: &mut Outbox) -> Option<Instant> {
        let due: Vec<u64> = self
            .pending
            .iter()
            .filter(|(_, p)| p.due <= ctx.now)
            .map(|(&id, _)| id)
            .collect();
        for id in due {
            let pending = &self.pending[&id];
            if pending.backing_off {
                self.connect(id, ctx.now, out);
            } else {
                out.push(Output::Close { conn: pending.conn });
                self.failed(id, Asked::TimedOut, ctx.now);
            }
        }
        self.pending
            .values()
            .map(|p| p.due)
            .filter(|&due| due != Instant::NEVER)
            .min()
    }
}

/// Top-level refusals that say "not me" or "not now".
fn another_try_may_help(response: &Response) -> bool {
    use protocol::ErrorCode;
    let error = match response {
        Response::CreateTopics(r) => r.topics.first().map(|t| t.error),
        Response::DeleteTopics(r) => r.responses.first().map(|t| t.error),
        Response::CreatePartitions(r) => r.results.first().map(|t| t.error),
        Response::IncrementalAlterConfigs(r) => r.responses.first().map(|t| t.error),
        Response::ElectLeaders(r) => Some(r.error),
        Response::AlterPartitionReassignments(r) => Some(r.error),
        _ => None,
    };
    matches!(
        error,
        Some(ErrorCode::NotController | ErrorCode::RequestTimedOut | ErrorCode::BrokerNotAvailable)
    )
}
