//! What an administrator asks about groups, and changes in them.

use super::consumers::tps_in;
use super::{PATIENCE_MS, Player};
use crate::Step;
use protocol::consumer_protocol::Assignment;
use protocol::messages::*;
use protocol::{ErrorCode, NodeId, Offset};
use serde_json::{Map, Value, json};
use sim::actor::admin::Asked;

/// Between two looks at a group.
const LOOK_MS: i64 = 50;
/// The last version in which offsets are committed and fetched by the names of topics.
const BY_NAME: i16 = 9;

fn errors(error: ErrorCode) -> Value {
    if error.is_none() {
        json!({})
    } else {
        json!({"error": error.name()})
    }
}

fn classic_assignment(member: &DescribedGroupMember) -> Value {
    let decoded = Assignment::decode(&member.member_assignment).unwrap_or_default();
    let mut tps: Vec<(String, i32)> = Vec::new();
    for (topic, partitions) in &decoded.assigned_partitions {
        tps.extend(partitions.iter().map(|p| (topic.to_string(), *p)));
    }
    tps.sort();
    json!(tps)
}

fn consumer_assignment(assignment: &ConsumerAssignment) -> Value {
    let mut tps: Vec<(String, i32)> = Vec::new();
    for topic in &assignment.topic_partitions {
        tps.extend(
            topic
                .partitions
                .iter()
                .map(|p| (topic.topic_name.to_string(), *p)),
        );
    }
    tps.sort();
    json!(tps)
}

impl Player {
    /// The internal topics of every case have one partition, so that its leader coordinates everything.
    pub(super) fn coordinator(&self, topic: &str) -> Result<NodeId, String> {
        self.leader(topic, 0)
    }

    /// Asks the coordinator, again while it moves or loads.
    fn ask_group(&mut self, request: &Request, version: i16) -> Result<Response, String> {
        let until = self.now().after_ms(PATIENCE_MS);
        loop {
            if let Ok(node) = self.coordinator("__consumer_offsets")
                && let Asked::Answered(response) =
                    self.ask(vec![node], version, request.clone(), false)
            {
                let text = serde_json::to_string(&response).map_err(|e| e.to_string())?;
                let passing = [
                    ErrorCode::NotCoordinator,
                    ErrorCode::CoordinatorLoadInProgress,
                    ErrorCode::CoordinatorNotAvailable,
                ];
                let again = passing
                    .iter()
                    .any(|e| text.contains(&format!("\"{}\"", e.name())));
                if !again {
                    return Ok(response);
                }
            }
            if self.now() >= until {
                return Err("no coordinator answers".into());
            }
            self.pass(LOOK_MS);
        }
    }

    pub(super) fn group_step(&mut self, step: &Step) -> Result<Value, String> {
        let group = step.str("group").unwrap_or_default().to_owned();
        match step.op.as_str() {
            "describe_group" => {
                let mut described = self.describe_group(&group)?;
                if let (Some(fields), Some(all)) =
                    (step.get("fields").as_array(), described.as_object_mut())
                {
                    all.retain(|name, _| name == "error" || fields.contains(&json!(name)));
                }
                Ok(described)
            }
            "group_offsets" => self.group_offsets(step, &group),
            "alter_group_offsets" => self.alter_group_offsets(step, &group),
            "delete_group_offsets" => {
                let partition = OffsetDeleteRequestPartition {
                    partition_index: step.i64("partition").unwrap_or(0) as i32,
                };
                let request = OffsetDeleteRequest {
                    group_id: group.as_str().into(),
                    topics: vec![OffsetDeleteRequestTopic {
                        name: step.str("topic").unwrap_or_default().into(),
                        partitions: vec![partition],
                    }],
                };
                let Response::OffsetDelete(r) = self.ask_group(&request.into(), 0)? else {
                    return Err("api".into());
                };
                let inner = r.topics.first().and_then(|t| t.partitions.first());
                let inner = inner.map_or(ErrorCode::None, |p| p.error);
                Ok(errors(if r.error.is_none() { inner } else { r.error }))
            }
            _ => {
                let request = DeleteGroupsRequest {
                    groups_names: vec![group.as_str().into()],
                };
                let Response::DeleteGroups(r) = self.ask_group(&request.into(), 2)? else {
                    return Err("api".into());
                };
                Ok(errors(r.results.first().ok_or("no result")?.error))
            }
        }
    }

    /// By the consumer protocol, else by the classic one, as an admin client asks.
    pub(super) fn describe_group(&mut self, group: &str) -> Result<Value, String> {
        let request = ConsumerGroupDescribeRequest {
            group_ids: vec![group.into()],
            ..Default::default()
        };
        let Response::ConsumerGroupDescribe(r) = self.ask_group(&request.into(), 1)? else {
            return Err("api".into());
        };
        let described = r.groups.first().ok_or("no group in the answer")?;
        if described.error == ErrorCode::GroupIdNotFound {
            return self.describe_classic(group);
        }
        if !described.error.is_none() {
            return Ok(errors(described.error));
        }
        let mut members: Vec<_> = described.members.iter().collect();
        members.sort_by_key(|m| (m.client_id.clone(), m.member_id.clone()));
        let members = members.into_iter().map(|m| {
            let mut out = Map::new();
            out.insert("client_id".into(), json!(&*m.client_id));
            if let Some(instance) = &m.instance_id {
                out.insert("instance_id".into(), json!(&**instance));
            }
            out.insert("assignment".into(), consumer_assignment(&m.assignment));
            out.insert("member_epoch".into(), json!(m.member_epoch.0));
            out.insert("target".into(), consumer_assignment(&m.target_assignment));
            Value::Object(out)
        });
        Ok(json!({
            "type": "Consumer",
            "state": &*described.group_state,
            "assignor": &*described.assignor_name,
            "group_epoch": described.group_epoch,
            "target_epoch": described.assignment_epoch,
            "members": members.collect::<Vec<_>>(),
        }))
    }

    fn describe_classic(&mut self, group: &str) -> Result<Value, String> {
        let request = DescribeGroupsRequest {
            groups: vec![group.into()],
            ..Default::default()
        };
        let Response::DescribeGroups(r) = self.ask_group(&request.into(), 6)? else {
            return Err("api".into());
        };
        let described = r.groups.first().ok_or("no group in the answer")?;
        if !described.error.is_none() {
            return Ok(errors(described.error));
        }
        let mut members: Vec<_> = described.members.iter().collect();
        members.sort_by_key(|m| (m.client_id.clone(), m.member_id.clone()));
        let members = members.into_iter().map(|m| {
            let mut out = Map::new();
            out.insert("client_id".into(), json!(&*m.client_id));
            if let Some(instance) = &m.group_instance_id {
                out.insert("instance_id".into(), json!(&**instance));
            }
            out.insert("assignment".into(), classic_assignment(m));
            Value::Object(out)
        });
        Ok(json!({
            "type": "Classic",
            "state": &*described.group_state,
            "assignor": &*described.protocol_data,
            "members": members.collect::<Vec<_>>(),
        }))
    }

    fn group_offsets(&mut self, step: &Step, group: &str) -> Result<Value, String> {
        let request = OffsetFetchRequest {
            groups: vec![OffsetFetchRequestGroup {
                group_id: group.into(),
                ..Default::default()
            }],
            require_stable: step.bool("require_stable") == Some(true),
        };
        let until = self
            .now()
            .after_ms(step.i64("timeout_ms").unwrap_or(PATIENCE_MS));
        loop {
            let Response::OffsetFetch(r) = self.ask_group(&request.clone().into(), BY_NAME)? else {
                return Err("api".into());
            };
            let answered = r.groups.first().ok_or("no group in the answer")?;
            if !answered.error.is_none() {
                return Ok(errors(answered.error));
            }
            let mut offsets: Vec<(String, i32, Value)> = Vec::new();
            let mut unstable = false;
            for topic in &answered.topics {
                for p in &topic.partitions {
                    unstable |= p.error == ErrorCode::UnstableOffsetCommit;
                    if p.error.is_none() && p.committed_offset.0 >= 0 {
                        let (name, index) = (&*topic.name, p.partition_index);
                        let mut one = vec![json!(name), json!(index), json!(p.committed_offset.0)];
                        if let Some(text) = p.metadata.as_ref().filter(|m| !m.is_empty()) {
                            one.push(json!(&**text));
                        }
                        offsets.push((name.to_owned(), index, Value::Array(one)));
                    }
                }
            }
            if unstable && self.now() < until {
                self.pass(LOOK_MS);
                continue;
            }
            if unstable {
                return Ok(errors(ErrorCode::RequestTimedOut));
            }
            offsets.sort_by(|a, b| (&a.0, a.1).cmp(&(&b.0, b.1)));
            let offsets: Vec<Value> = offsets.into_iter().map(|(_, _, one)| one).collect();
            return Ok(json!({"offsets": offsets}));
        }
    }

    fn alter_group_offsets(&mut self, step: &Step, group: &str) -> Result<Value, String> {
        let mut topics: Vec<OffsetCommitRequestTopic> = Vec::new();
        let tps = tps_in(step.get("offsets"));
        let list = step.get("offsets").as_array().into_iter().flatten();
        for (tp, given) in tps.into_iter().zip(list) {
            let partition = OffsetCommitRequestPartition {
                partition_index: tp.partition,
                committed_offset: Offset(given[2].as_i64().unwrap_or(-1)),
                committed_metadata: Some(given[3].as_str().unwrap_or_default().into()),
                ..Default::default()
            };
            match topics.iter_mut().find(|t| t.name == tp.topic) {
                Some(topic) => topic.partitions.push(partition),
                None => topics.push(OffsetCommitRequestTopic {
                    name: tp.topic,
                    partitions: vec![partition],
                    ..Default::default()
                }),
            }
        }
        let request = OffsetCommitRequest {
            group_id: group.into(),
            topics,
            ..Default::default()
        };
        let Response::OffsetCommit(r) = self.ask_group(&request.into(), BY_NAME)? else {
            return Err("api".into());
        };
        let mut partitions = r.topics.iter().flat_map(|t| &t.partitions);
        let failed = partitions.find(|p| !p.error.is_none());
        Ok(errors(failed.map_or(ErrorCode::None, |p| p.error)))
    }

    /// Waits until a group is as a step says.
    pub(super) fn wait_for_group(&mut self, step: &Step, group: &str) -> Result<(), String> {
        let until = self.now().after_ms(PATIENCE_MS);
        loop {
            let described = self.describe_group(group)?;
            let members = described["members"].as_array().map_or(0, Vec::len);
            if (!step.has("state") || described["state"] == *step.get("state"))
                && step.i64("members").is_none_or(|n| members as i64 == n)
            {
                return Ok(());
            }
            if self.now() >= until {
                return Err(format!("waited in vain for the group: {described}"));
            }
            self.pass(LOOK_MS);
        }
    }
}
