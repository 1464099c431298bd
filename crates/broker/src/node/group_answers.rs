//! Requests about groups, each to the coordinator that it concerns, and their answers put together again.

use super::Node;
use super::groups::partition_of;
use coordinator::group::{Completion, GroupRequest, GroupResponse};
use protocol::messages::*;
use protocol::trace::{FactKey, FactKind, Subject, Value};
use protocol::wire::Outbox;
use protocol::{ConnectionId, CorrelationId, Ctx, ErrorCode, Name, Offset, TopicPartition};
use std::collections::BTreeMap;

/// One request of a client that coordinators are working on.
#[derive(Clone, Debug)]
pub struct Gathering {
    conn: ConnectionId,
    correlation_id: CorrelationId,
    /// Answers by the place of their question.
    parts: Vec<Option<Result<GroupResponse, ErrorCode>>>,
    /// What a failed question asked for, to put its error in place.
    groups: Vec<Name>,
    /// Of an OffsetCommit: partitions that no coordinator was asked about.
    refused: Vec<OffsetCommitResponseTopic>,
    /// Of an OffsetCommit: what it commits, to be told when it is done.
    commits: Vec<(TopicPartition, Offset)>,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    One,
    OffsetFetch,
    DescribeGroups,
    DeleteGroups,
    ListGroups,
    ConsumerGroupDescribe,
}

impl Node {
    /// Takes up a request if it is about groups; gives it back otherwise.
    pub(super) fn group_request(
        &mut self,
        conn: ConnectionId,
        header: &RequestHeader,
        request: Request,
        ctx: &mut Ctx<'_>,
        out: &mut Outbox,
    ) -> Result<(), Request> {
        let mut refused = Vec::new();
        let mut commits = Vec::new();
        let mut kind = Kind::One;
        let asks: Vec<(Name, GroupRequest)> = match request {
            Request::JoinGroup(r) => vec![(r.group_id.clone(), GroupRequest::JoinGroup(*r))],
            Request::SyncGroup(r) => vec![(r.group_id.clone(), GroupRequest::SyncGroup(*r))],
            Request::Heartbeat(r) => vec![(r.group_id.clone(), GroupRequest::Heartbeat(*r))],
            Request::LeaveGroup(r) => vec![(r.group_id.clone(), GroupRequest::LeaveGroup(*r))],
            Request::ConsumerGroupHeartbeat(r) => {
                vec![(r.group_id.clone(), GroupRequest::ConsumerGroupHeartbeat(*r))]
            }
            Request::OffsetDelete(r) => vec![(r.group_id.clone(), GroupRequest::OffsetDelete(*r))],
            Request::OffsetCommit(mut r) => {
                refused = self.refuse_unknown_topics(&mut r.topics);
                if r.topics.is_empty() {
                    let response = OffsetCommitResponse {
                        topics: refused,
                        ..Default::default()
                    };
                    self.server
                        .answer(conn, header.correlation_id, response.into(), out);
                    return Ok(());
                }
                for topic in &r.topics {
                    commits.extend(topic.partitions.iter().map(|p| {
                        let tp = TopicPartition::new(topic.name.clone(), p.partition_index);
                        (tp, p.committed_offset)
                    }));
                }
                vec![(r.group_id.clone(), GroupRequest::OffsetCommit(*r))]
            }
            Request::OffsetFetch(r) => {
                kind = Kind::OffsetFetch;
                let require_stable = r.require_stable;
                let ask = |group: OffsetFetchRequestGroup| {
                    (
                        group.group_id.clone(),
                        GroupRequest::OffsetFetch {
                            group,
                            require_stable,
                        },
                    )
                };
                r.groups.into_iter().map(ask).collect()
            }
            Request::DescribeGroups(r) => {
                kind = Kind::DescribeGroups;
                let one = |id: Name| DescribeGroupsRequest {
                    groups: vec![id],
                    ..*r
                };
                let ask = |id: &Name| (id.clone(), GroupRequest::DescribeGroups(one(id.clone())));
                r.groups.iter().map(ask).collect()
            }
            Request::ConsumerGroupDescribe(r) => {
                kind = Kind::ConsumerGroupDescribe;
                let ask = |id: &Name| {
                    let mut one = (*r).clone();
                    one.group_ids = vec![id.clone()];
                    (id.clone(), GroupRequest::ConsumerGroupDescribe(one))
                };
                r.group_ids.iter().map(ask).collect()
            }
            Request::DeleteGroups(r) => {
                kind = Kind::DeleteGroups;
                let ask = |id: Name| {
                    let one = DeleteGroupsRequest {
                        groups_names: vec![id.clone()],
                    };
                    (id, GroupRequest::DeleteGroups(one))
                };
                r.groups_names.into_iter().map(ask).collect()
            }
            Request::ListGroups(r) => {
                self.list_groups(conn, header, &r, ctx, out);
                return Ok(());
            }
            other => return Err(other),
        };
        let gathering = Gathering {
            conn,
            correlation_id: header.correlation_id,
            parts: vec![None; asks.len()],
            groups: asks.iter().map(|(id, _)| id.clone()).collect(),
            refused,
            commits,
            kind,
        };
        let id = self.begin_gathering(gathering);
        let context = Self::request_context(header.api_version, &header.client_id);
        for (place, (group, request)) in asks.into_iter().enumerate() {
            let partition = partition_of(&group, &self.image, &self.config.group);
            self.ask_coordinator(partition, &context, request, (id, place), ctx, out);
        }
        self.finish_gathering(id, ctx, out);
        Ok(())
    }

    /// Asks every coordinator here.
    fn list_groups(
        &mut self,
        conn: ConnectionId,
        header: &RequestHeader,
        request: &ListGroupsRequest,
        ctx: &mut Ctx<'_>,
        out: &mut Outbox,
    ) {
        let here: Vec<i32> = self.groups.coordinators().map(|(p, _)| p).collect();
        let gathering = Gathering {
            conn,
            correlation_id: header.correlation_id,
            parts: vec![None; here.len()],
            groups: vec!["".into(); here.len()],
            refused: Vec::new(),
            commits: Vec::new(),
            kind: Kind::ListGroups,
        };
        let id = self.begin_gathering(gathering);
        let context = Self::request_context(header.api_version, &header.client_id);
        for (place, partition) in here.into_iter().enumerate() {
            let request = GroupRequest::ListGroups(request.clone());
            self.ask_coordinator(partition, &context, request, (id, place), ctx, out);
        }
        self.finish_gathering(id, ctx, out);
    }

    /// Takes out of a commit what is about topics that this broker does not know (`KafkaApis.handleOffsetCommitRequest`).
    fn refuse_unknown_topics(
        &self,
        topics: &mut Vec<OffsetCommitRequestTopic>,
    ) -> Vec<OffsetCommitResponseTopic> {
        let mut refused: Vec<OffsetCommitResponseTopic> = Vec::new();
        for topic in topics.iter_mut() {
            let name = topic.name.clone();
            let known = |p: &OffsetCommitRequestPartition| {
                self.replicas
                    .metadata()
                    .contains(&TopicPartition::new(name.clone(), p.partition_index))
            };
            let unknown: Vec<_> = topic
                .partitions
                .iter()
                .filter(|p| !known(p))
                .map(|p| OffsetCommitResponsePartition {
                    partition_index: p.partition_index,
                    error: ErrorCode::UnknownTopicOrPartition,
                })
                .collect();
            if !unknown.is_empty() {
                topic.partitions.retain(known);
                refused.push(OffsetCommitResponseTopic {
                    name: topic.name.clone(),
                    topic_id: topic.topic_id,
                    partitions: unknown,
                });
            }
        }
        topics.retain(|t| !t.partitions.is_empty());
        refused
    }

    /// Answers of coordinators find their place; a request whose last answer came is answered.
    pub(super) fn group_completed(
        &mut self,
        completed: Vec<Completion>,
        ctx: &mut Ctx<'_>,
        out: &mut Outbox,
    ) {
        for completion in completed {
            let Some((id, place)) = self.groups.askers.remove(&completion.token) else {
                continue;
            };
            if let Some(gathering) = self.groups.gatherings.get_mut(&id) {
                gathering.parts[place] = Some(completion.result);
                // a request that is still being handed out is finished by the one who hands it out
                if gathering.parts.len() == 1 || gathering.parts.iter().all(Option::is_some) {
                    self.finish_gathering(id, ctx, out);
                }
            }
        }
    }

    fn finish_gathering(&mut self, id: u64, ctx: &mut Ctx<'_>, out: &mut Outbox) {
        let complete = |g: &Gathering| g.parts.iter().all(Option::is_some);
        if !self.groups.gatherings.get(&id).is_some_and(complete) {
            return;
        }
        let gathering = self.groups.gatherings.remove(&id).expect("just seen");
        let (conn, correlation_id) = (gathering.conn, gathering.correlation_id);
        self.tell_commits(&gathering, ctx);
        match gathering.put_together() {
            Some(response) => {
                self.server.answer(conn, correlation_id, response, out);
            }
            None => {
                // a refusal for which the api has no place: the connection is closed
                self.server.close(conn);
                out.push(protocol::wire::Output::HangUp { conn });
            }
        }
    }
}

impl Node {
    /// A commit that is answered is replicated: whoever takes over starts there.
    fn tell_commits(&mut self, gathering: &Gathering, ctx: &mut Ctx<'_>) {
        let Some(Some(Ok(GroupResponse::OffsetCommit(response)))) = gathering.parts.first() else {
            return;
        };
        let group = &gathering.groups[0];
        for (tp, offset) in &gathering.commits {
            let done = response.topics.iter().any(|t| {
                let ok = |p: &OffsetCommitResponsePartition| {
                    p.partition_index == tp.partition && p.error == ErrorCode::None
                };
                t.name == tp.topic && t.partitions.iter().any(ok)
            });
            if !done {
                continue;
            }
            let before = self
                .groups
                .told
                .insert((group.clone(), tp.clone()), *offset);
            let key = FactKey::new(
                FactKind::Committed,
                Subject::GroupPartition(group.clone(), tp.clone()),
            );
            let from = before.map_or(Value::None, |o| Value::Int(o.get()));
            ctx.changed(key, from, offset.get(), super::rules::COMMITTED, Vec::new);
        }
    }
}

impl Gathering {
    fn put_together(self) -> Option<Response> {
        let parts = self.parts.into_iter().flatten().zip(self.groups);
        match self.kind {
            Kind::One => {
                let mut parts = parts;
                match parts.next()?.0.ok()? {
                    GroupResponse::OffsetCommit(r) => Some(merge(self.refused, r).into()),
                    other => one(other),
                }
            }
            Kind::OffsetFetch => {
                let groups = parts.map(|(part, group_id)| match part {
                    Ok(GroupResponse::OffsetFetch(group)) => group,
                    Err(error) => OffsetFetchResponseGroup {
                        group_id,
                        error,
                        ..Default::default()
                    },
                    Ok(other) => unreachable!("an OffsetFetch is answered with {other:?}"),
                });
                Some(
                    OffsetFetchResponse {
                        groups: groups.collect(),
                        ..Default::default()
                    }
                    .into(),
                )
            }
            Kind::DescribeGroups => {
                let mut response = DescribeGroupsResponse::default();
                for (part, group_id) in parts {
                    match part {
                        Ok(GroupResponse::DescribeGroups(r)) => response.groups.extend(r.groups),
                        Err(error) => response.groups.push(DescribedGroup {
                            error,
                            group_id,
                            ..Default::default()
                        }),
                        Ok(other) => unreachable!("a DescribeGroups is answered with {other:?}"),
                    }
                }
                Some(response.into())
            }
            Kind::ConsumerGroupDescribe => {
                let mut response = ConsumerGroupDescribeResponse::default();
                for (part, group_id) in parts {
                    match part {
                        Ok(GroupResponse::ConsumerGroupDescribe(r)) => {
                            response.groups.extend(r.groups)
                        }
                        Err(error) => {
                            let group = ConsumerGroupDescribedGroup {
                                error,
                                group_id,
                                ..Default::default()
                            };
                            response.groups.push(group);
                        }
                        Ok(other) => {
                            unreachable!("a ConsumerGroupDescribe is answered with {other:?}")
                        }
                    }
                }
                Some(response.into())
            }
            Kind::DeleteGroups => {
                let mut response = DeleteGroupsResponse::default();
                for (part, group_id) in parts {
                    match part {
                        Ok(GroupResponse::DeleteGroups(r)) => response.results.extend(r.results),
                        Err(error) => response
                            .results
                            .push(DeletableGroupResult { group_id, error }),
                        Ok(other) => unreachable!("a DeleteGroups is answered with {other:?}"),
                    }
                }
                Some(response.into())
            }
            Kind::ListGroups => {
                let mut response = ListGroupsResponse::default();
                let mut groups = BTreeMap::new();
                for (part, _) in parts {
                    match part {
                        Ok(GroupResponse::ListGroups(r)) => {
                            if r.error != ErrorCode::None {
                                response.error = r.error;
                            }
                            groups.extend(r.groups.into_iter().map(|g| (g.group_id.clone(), g)));
                        }
                        Err(error) => response.error = error,
                        Ok(other) => unreachable!("a ListGroups is answered with {other:?}"),
                    }
                }
                response.groups = groups.into_values().collect();
                Some(response.into())
            }
        }
    }
}

fn one(response: GroupResponse) -> Option<Response> {
    Some(match response {
        GroupResponse::JoinGroup(r) => r.into(),
        GroupResponse::SyncGroup(r) => r.into(),
        GroupResponse::Heartbeat(r) => r.into(),
        GroupResponse::LeaveGroup(r) => r.into(),
        GroupResponse::ConsumerGroupHeartbeat(r) => r.into(),
        GroupResponse::OffsetCommit(r) => r.into(),
        GroupResponse::OffsetDelete(r) => r.into(),
        _ => return None,
    })
}

/// Refused partitions first, as Kafka's builder has them.
fn merge(
    refused: Vec<OffsetCommitResponseTopic>,
    mut response: OffsetCommitResponse,
) -> OffsetCommitResponse {
    let mut topics = refused;
    for topic in response.topics {
        match topics.iter_mut().find(|t| t.name == topic.name) {
            Some(known) => known.partitions.extend(topic.partitions),
            None => topics.push(topic),
        }
    }
    response.topics = topics;
    response
}
