//! What a message on its way is about, in short: its kind, its partition, its first record.
//!
//! It reads the message itself, so that nothing has to be remembered. Fetches are incremental, as Kafka's: one that names
//! no partition says nothing new, and neither does an answer without records; those are noise.

use super::cards::FlightKind;
use crate::actor::Role;
use crate::network::Body;
use bytes::Bytes;
use protocol::messages::{Request, Response};
use protocol::record::{Batches, RecordBatch};
use protocol::{ApiKey, ErrorCode, Name, Uuid};

/// A message in short.
#[derive(Clone, Debug)]
pub struct Gist {
    pub kind: FlightKind,
    pub api: i16,
    /// Topic (by name or, where a fetch knows it by id only, by id) and partition of the first partition it carries.
    pub topic: TopicRef,
    pub partition: i32,
    /// −1: not known yet.
    pub first_offset: i64,
    pub records: u32,
    /// Key of the first record; `None` also where there is no record.
    pub key: Option<Bytes>,
    pub error: i16,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TopicRef {
    None,
    Named(Name),
    Id(Uuid),
}

impl Gist {
    fn of(kind: FlightKind, api: Option<ApiKey>) -> Self {
        Self {
            kind,
            api: api.map_or(-1, |a| a as i16),
            topic: TopicRef::None,
            partition: -1,
            first_offset: -1,
            records: 0,
            key: None,
            error: 0,
        }
    }
}

/// Describes `body`, which goes to a process of role `to` from one of role `from`.
pub fn gist(body: &Body, from: Role, to: Role) -> Gist {
    let api = body.api();
    match body {
        Body::Request { request, .. } => of_request(request, api, to),
        Body::Response { response, .. } => of_response(response, api, from, to),
        Body::Open | Body::Accepted | Body::Refused | Body::Close | Body::Reset => {
            Gist::of(FlightKind::Noise, api)
        }
    }
}

fn topic_ref(name: &Name, id: Uuid) -> TopicRef {
    if !name.is_empty() {
        TopicRef::Named(name.clone())
    } else if id.is_zero() {
        TopicRef::None
    } else {
        TopicRef::Id(id)
    }
}

fn of_request(request: &Request, api: Option<ApiKey>, to: Role) -> Gist {
    match request {
        Request::Produce(p) => {
            let mut g = Gist::of(FlightKind::Produce, api);
            if let Some((t, d)) = p
                .topic_data
                .iter()
                .find_map(|t| Some((t, t.partition_data.first()?)))
            {
                g.topic = topic_ref(&t.name, t.topic_id);
                g.partition = d.index;
                (_, g.records, g.key) = first_record(&d.records.chunks);
            }
            g
        }
        Request::Fetch(f) => {
            let follower = f.replica_id.get() >= 0;
            let named = f
                .topics
                .iter()
                .find_map(|t| Some((t, t.partitions.first()?)));
            let (Some((t, p)), Role::Broker) = (named, to) else {
                return Gist::of(FlightKind::Noise, api);
            };
            let kind = if follower {
                FlightKind::FollowerFetch
            } else {
                FlightKind::ConsumerFetch
            };
            let mut g = Gist::of(kind, api);
            g.topic = topic_ref(&t.topic, t.topic_id);
            g.partition = p.partition;
            g.first_offset = p.fetch_offset.get();
            g
        }
        Request::OffsetCommit(_) => Gist::of(FlightKind::Commit, api),
        Request::JoinGroup(_)
        | Request::SyncGroup(_)
        | Request::LeaveGroup(_)
        | Request::OffsetFetch(_)
        | Request::FindCoordinator(_) => Gist::of(FlightKind::Group, api),
        Request::AlterPartition(_)
        | Request::BrokerRegistration(_)
        | Request::InitProducerId(_)
        | Request::CreateTopics(_)
        | Request::OffsetForLeaderEpoch(_) => Gist::of(FlightKind::Control, api),
        _ => Gist::of(FlightKind::Noise, api),
    }
}

fn of_response(response: &Response, api: Option<ApiKey>, from: Role, to: Role) -> Gist {
    match response {
        Response::Produce(p) => {
            let mut g = Gist::of(FlightKind::ProduceAnswer, api);
            if let Some((t, d)) = p
                .responses
                .iter()
                .find_map(|t| Some((t, t.partition_responses.first()?)))
            {
                g.topic = topic_ref(&t.name, t.topic_id);
                g.partition = d.index;
                g.first_offset = d.base_offset.get();
                g.error = d.error.code();
            }
            g
        }
        Response::Fetch(f) => {
            let with_records = f.responses.iter().find_map(|t| {
                let p = t.partitions.iter().find(|p| !p.records.is_empty())?;
                Some((t, p))
            });
            let (Some((t, p)), Role::Broker) = (with_records, from) else {
                return Gist::of(FlightKind::Noise, api);
            };
            let kind = if to == Role::Broker {
                FlightKind::FollowerData
            } else {
                FlightKind::ConsumerData
            };
            let mut g = Gist::of(kind, api);
            g.topic = topic_ref(&t.topic, t.topic_id);
            g.partition = p.partition_index;
            (g.first_offset, g.records, g.key) = first_record(&p.records.chunks);
            g
        }
        Response::OffsetCommit(c) => {
            let mut g = Gist::of(FlightKind::Commit, api);
            g.error = c
                .topics
                .iter()
                .flat_map(|t| &t.partitions)
                .map(|p| p.error)
                .find(|e| *e != ErrorCode::None)
                .map_or(0, ErrorCode::code);
            g
        }
        Response::JoinGroup(r) => with_error(FlightKind::Group, api, r.error),
        Response::SyncGroup(r) => with_error(FlightKind::Group, api, r.error),
        Response::Heartbeat(r) if r.error != ErrorCode::None => {
            with_error(FlightKind::Group, api, r.error)
        }
        Response::LeaveGroup(_) | Response::OffsetFetch(_) | Response::FindCoordinator(_) => {
            Gist::of(FlightKind::Group, api)
        }
        Response::AlterPartition(_)
        | Response::BrokerRegistration(_)
        | Response::InitProducerId(_)
        | Response::CreateTopics(_)
        | Response::OffsetForLeaderEpoch(_) => Gist::of(FlightKind::Control, api),
        _ => Gist::of(FlightKind::Noise, api),
    }
}

fn with_error(kind: FlightKind, api: Option<ApiKey>, error: ErrorCode) -> Gist {
    let mut g = Gist::of(kind, api);
    g.error = error.code();
    g
}

/// First offset, number of records in all batches, key of the first record.
fn first_record(chunks: &[Bytes]) -> (i64, u32, Option<Bytes>) {
    let batches = chunks
        .iter()
        .flat_map(|c| Batches::new(c.clone()).map_while(Result::ok));
    let mut first: Option<RecordBatch> = None;
    let mut records = 0;
    for batch in batches {
        records += u32::try_from(batch.record_count()).unwrap_or(0);
        first.get_or_insert(batch);
    }
    let Some(batch) = first else {
        return (-1, 0, None);
    };
    let key = batch.first_record().ok().and_then(|r| r.key);
    (batch.base_offset(), records, key)
}
