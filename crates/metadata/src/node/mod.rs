//! A controller as a process: its part in the quorum, the controller above it, and the connections of those who ask.
//!
//! A request is worked on at once; its answer leaves when the records that it led to are committed. It decides nothing:
//! rules live in [`crate::Controller`] and in `raft`.

pub mod channel;
pub mod quorum;
pub mod rules;
pub mod server;
#[cfg(test)]
mod tests;

use crate::controller::{
    BootstrapMetadata, Controller, ControllerConfig, ControllerResult, FromDraws,
};
use crate::image::MetadataImage;
use crate::metadata_version::MetadataVersion;
use crate::record::ApiMessageAndVersion;
use bytes::Bytes;
use channel::ConnectionIds;
use protocol::messages::{
    ApiVersion, ApiVersionsResponse, FinalizedFeature, RegisteredFeature, Request, RequestHeader,
    Response,
};
use protocol::wire::{Input, Outbox, Output};
use protocol::{
    ApiKey, ConnectionId, CorrelationId, Ctx, Instant, LeaderEpoch, NodeId, Offset, Uuid,
};
use quorum::{Quorum, QuorumFiles};
use raft::{Event, Identity, QuorumConfig, RaftLog};
use server::Server;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The features that a node of 4.3 supports, as it tells them when it registers.
pub fn supported_features() -> Vec<RegisteredFeature> {
    let mut features = vec![RegisteredFeature {
        name: MetadataVersion::FEATURE_NAME.into(),
        min_supported_version: MetadataVersion::MINIMUM.0,
        max_supported_version: MetadataVersion::LATEST_PRODUCTION.0,
    }];
    let levels = BootstrapMetadata::default().features;
    features.extend(levels.into_iter().map(|(name, max)| RegisteredFeature {
        name,
        min_supported_version: 0,
        max_supported_version: max,
    }));
    features
}

/// What a controller is started with.
#[derive(Clone, PartialEq, Debug)]
pub struct NodeConfig {
    pub controller: ControllerConfig,
    pub quorum: QuorumConfig,
    pub directory_id: Uuid,
}

/// An answer that waits until everything up to an offset is committed.
#[derive(Clone, Debug)]
struct Waiting {
    conn: ConnectionId,
    correlation_id: CorrelationId,
    response: Response,
}

/// A running controller.
#[derive(Clone, Debug)]
pub struct Node {
    config: Arc<NodeConfig>,
    server: Server,
    ids: ConnectionIds,
    quorum: Option<Quorum>,
    /// Until the process has begun to work.
    files: QuorumFiles,
    controller: Controller,
    /// By the offset whose commit releases them.
    waiting: BTreeMap<Offset, Vec<Waiting>>,
    committed: Offset,
}

impl Node {
    /// A process that will begin with what its files hold.
    pub fn new(config: NodeConfig, files: QuorumFiles) -> Self {
        let controller = Controller::new(config.controller.clone());
        Self {
            config: Arc::new(config),
            server: Server::default(),
            ids: ConnectionIds::default(),
            quorum: None,
            files,
            controller,
            waiting: BTreeMap::new(),
            committed: Offset::ZERO,
        }
    }

    pub fn id(&self) -> NodeId {
        self.config.controller.node_id
    }

    pub fn config(&self) -> &NodeConfig {
        &self.config
    }

    /// `None` before it has begun.
    pub fn quorum(&self) -> Option<&Quorum> {
        self.quorum.as_ref()
    }

    pub fn controller(&self) -> &Controller {
        &self.controller
    }

    pub fn image(&self) -> &MetadataImage {
        self.controller.image()
    }

    pub fn server(&self) -> &Server {
        &self.server
    }

    /// One past the last committed record that it knows of.
    pub fn committed(&self) -> Offset {
        self.committed
    }

    /// What stays when the process is gone.
    pub fn into_files(self) -> QuorumFiles {
        match self.quorum {
            Some(quorum) => quorum.into_files(),
            None => self.files,
        }
    }

    pub fn start(&mut self, ctx: &mut Ctx<'_>) {
        let config = &self.config;
        let identity = Identity {
            node: config.controller.node_id,
            directory_id: config.directory_id,
            cluster_id: config.controller.cluster_id.clone(),
            voters: config.controller.quorum_node_ids.clone(),
        };
        let files = std::mem::take(&mut self.files);
        self.controller.protections = ctx.protections;
        self.quorum = Some(Quorum::start(identity, config.quorum.clone(), files, ctx));
    }

    pub fn handle(&mut self, input: Input, ctx: &mut Ctx<'_>, out: &mut Outbox) {
        match input {
            Input::Accepted { conn } => self.server.accept(conn),
            Input::Closed { conn } => {
                self.server.close(conn);
            }
            Input::Request {
                conn,
                header,
                request,
            } => {
                if let Some((header, request)) = self.server.arrive(conn, header, request) {
                    self.dispatch(conn, &header, &request, ctx, out);
                }
            }
            other => {
                if let Some(quorum) = &mut self.quorum {
                    // nothing else opens connections here
                    let _ = quorum.handle_channel(other, ctx, out);
                }
            }
        }
    }

    /// Takes up a request that waited behind another on its connection.
    pub fn next(&mut self, ctx: &mut Ctx<'_>, out: &mut Outbox) {
        if let Some((conn, header, request)) = self.server.next() {
            self.dispatch(conn, &header, &request, ctx, out);
        }
        out.more |= self.server.has_ready();
    }

    fn dispatch(
        &mut self,
        conn: ConnectionId,
        header: &RequestHeader,
        request: &Request,
        ctx: &mut Ctx<'_>,
        out: &mut Outbox,
    ) {
        out.requests += 1;
        let Some(quorum) = &mut self.quorum else {
            return;
        };
        if quorum.handle_request(conn, header, request, ctx) {
            return;
        }
        match request {
            Request::ApiVersions(_) => {
                let response = self.api_versions();
                self.server
                    .answer(conn, header.correlation_id, response, out);
            }
            Request::DescribeQuorum(_) => {
                let response = quorum.raft_mut().describe_quorum(ctx.now.ms());
                self.server
                    .answer(conn, header.correlation_id, response.into(), out);
            }
            _ => {
                let mut chance = FromDraws(ctx.draws);
                let Some(result) = self.controller.handle(ctx.now, request, &mut chance) else {
                    // an api that no controller has: the connection is closed, as for any invalid request
                    self.server.close(conn);
                    out.push(Output::HangUp { conn });
                    return;
                };
                let offset = self.append(&result, ctx, out);
                let answer = Waiting {
                    conn,
                    correlation_id: header.correlation_id,
                    response: result.response,
                };
                match offset {
                    Some(offset) if offset >= self.committed => {
                        self.waiting.entry(offset).or_default().push(answer);
                    }
                    _ => {
                        self.server
                            .answer(conn, answer.correlation_id, answer.response, out);
                    }
                }
            }
        }
    }

    fn api_versions(&self) -> Response {
        let features = &self.image().features;
        let level = |(name, &max): (&protocol::Name, &i16)| FinalizedFeature {
            name: name.clone(),
            max_version_level: max,
            min_version_level: max,
        };
        ApiVersionsResponse {
            api_keys: ApiKey::ALL
                .iter()
                .map(|api| ApiVersion {
                    api_key: *api as i16,
                    min_version: 0,
                    max_version: api.latest_version(),
                })
                .collect(),
            finalized_features_epoch: self.image().offset.get(),
            finalized_features: features.finalized_versions.iter().map(level).collect(),
            ..Default::default()
        }
        .into()
    }

    /// Puts the records of a result into the log. Answers the offset whose commit releases the answer; none if this
    /// controller is not the active one.
    fn append<T>(
        &mut self,
        result: &ControllerResult<T>,
        ctx: &mut Ctx<'_>,
        out: &mut Outbox,
    ) -> Option<Offset> {
        if !self.controller.is_active() {
            return None;
        }
        let mut base = Offset::ZERO;
        if !result.records.is_empty() {
            let values: Vec<Bytes> = result.records.iter().map(|r| r.encode().into()).collect();
            out.bytes_appended += values.iter().map(|v| v.len() as u64).sum::<u64>();
            let raft = self.quorum.as_mut()?.raft_mut();
            let epoch = raft.epoch();
            let last = raft.append(epoch, values, ctx.now).ok()?;
            base = last - (result.records.len() as i64 - 1);
        }
        let offset = self.controller.appended_in(ctx, result, base);
        Some(offset)
    }

    /// Does what is due; answers when it wants to be woken next.
    pub fn poll(&mut self, ctx: &mut Ctx<'_>, out: &mut Outbox) -> Option<Instant> {
        loop {
            let quorum = self.quorum.as_mut()?;
            let (events, wake) = quorum.poll(&mut self.server, &mut self.ids, ctx, out);
            let mut again = !events.is_empty();
            for event in events {
                self.see(event, ctx, out);
            }
            while let Some(result) = self.controller.poll(ctx.now) {
                again |= self.append(&result, ctx, out).is_some();
            }
            if !again {
                return [wake, self.controller.next_wake_up()]
                    .into_iter()
                    .flatten()
                    .min();
            }
        }
    }

    fn see(&mut self, event: Event, ctx: &mut Ctx<'_>, out: &mut Outbox) {
        match event {
            Event::Commit(batch) => {
                if self.controller.is_active() {
                    self.controller.handle_commit(Offset(batch.next_offset()));
                } else if !batch.is_control() {
                    self.replay(&batch);
                }
                self.committed = Offset(batch.next_offset());
                self.release(out);
            }
            Event::LoadSnapshot { .. } => {
                // no controller here writes snapshots, so that none can arrive
                unreachable!("a metadata snapshot");
            }
            Event::LeaderChange { leader, epoch } => self.leader_changed(leader, epoch, ctx, out),
        }
    }

    fn replay(&mut self, batch: &protocol::record::RecordBatch) {
        let records = batch.records().expect("the quorum's own batches are whole");
        for record in records {
            let record = record.expect("the quorum's own records are whole");
            let value = record.value.expect("a metadata record has a value");
            let message = ApiMessageAndVersion::decode(&value)
                .expect("written by a controller like this one");
            self.controller
                .replay(&message.message, Offset(record.offset));
        }
    }

    fn leader_changed(
        &mut self,
        leader: Option<NodeId>,
        _: LeaderEpoch,
        ctx: &mut Ctx<'_>,
        out: &mut Outbox,
    ) {
        if leader == Some(self.id()) {
            let next = self
                .quorum
                .as_ref()
                .expect("it spoke")
                .raft()
                .log()
                .end_offset();
            self.controller.claim(ctx.now, next);
            let result = self.controller.complete_activation();
            self.append(&result, ctx, out);
        } else if self.controller.is_active() {
            self.controller.renounce();
            // what was not committed may never be: the askers have to ask the next one
            for answer in std::mem::take(&mut self.waiting).into_values().flatten() {
                self.server.close(answer.conn);
                out.push(Output::HangUp { conn: answer.conn });
            }
        }
    }

    /// Answers leave whose records are committed.
    fn release(&mut self, out: &mut Outbox) {
        let later = self.waiting.split_off(&self.committed);
        for answer in std::mem::replace(&mut self.waiting, later)
            .into_values()
            .flatten()
        {
            self.server
                .answer(answer.conn, answer.correlation_id, answer.response, out);
        }
    }
}
