//! Requests, answers, batches and events of a quorum in the words of the recorded cases.

use protocol::record::{ControlRecordType, LeaderChangeMessage, RecordBatch};
use protocol::time::EPOCH_MS;
use protocol::{ErrorCode, LeaderEpoch, NodeId, Offset, Uuid};
use raft::{
    FetchAnswer, OffsetAndEpoch, ReplicaKey, Request, RequestBody, Response, ResponseBody, batch,
};
use serde_json::{Map, Value, json};

/// Answers an object's fields with defaults where they are absent.
pub struct Fields<'a>(pub &'a Map<String, Value>);

impl Fields<'_> {
    pub fn int(&self, name: &str, absent: i64) -> i64 {
        self.0.get(name).and_then(Value::as_i64).unwrap_or(absent)
    }

    fn i32(&self, name: &str, absent: i64) -> i32 {
        i32::try_from(self.int(name, absent)).expect("fits into 32 bits")
    }

    pub fn node(&self, name: &str) -> Option<NodeId> {
        Some(NodeId(self.i32(name, -1))).filter(|id| !id.is_none())
    }

    fn error(&self, name: &str) -> ErrorCode {
        let text = self.0.get(name).and_then(Value::as_str).unwrap_or("NONE");
        ErrorCode::from_name(text).expect("one of Kafka's errors")
    }

    fn pair(&self, name: &str) -> Option<(i64, i64)> {
        let pair = self.0.get(name)?.as_array()?;
        Some((pair[0].as_i64()?, pair[1].as_i64()?))
    }

    fn bool(&self, name: &str) -> bool {
        self.0.get(name).and_then(Value::as_bool).unwrap_or(false)
    }

    pub fn epoch(&self) -> LeaderEpoch {
        LeaderEpoch(self.i32("epoch", 0))
    }
}

/// A node's key as the recorded runs gave it.
pub fn key(id: NodeId) -> ReplicaKey {
    ReplicaKey::new(id, Uuid((0x3000 << 64) | id.get() as u128))
}

pub const CLUSTER_ID: &str = "offsetscope-cluster";

pub fn request(f: &Fields<'_>) -> Request {
    let from = f.node("from").unwrap_or(NodeId::NONE);
    let body = match f.0["api"].as_str().expect("an api") {
        "vote" => RequestBody::Vote {
            candidate: key(from),
            voter: None,
            last_epoch: LeaderEpoch(f.i32("last_epoch", 0)),
            last_offset: Offset(f.int("last_offset", 0)),
            pre_vote: f.bool("pre_vote"),
        },
        "begin_quorum_epoch" => RequestBody::BeginQuorumEpoch {
            leader: from,
            voter: None,
        },
        "end_quorum_epoch" => RequestBody::EndQuorumEpoch {
            leader: from,
            preferred: f.0["preferred"]
                .as_array()
                .expect("successors")
                .iter()
                .map(|id| key(NodeId(id.as_i64().expect("an id") as i32)))
                .collect(),
        },
        "fetch" => RequestBody::Fetch {
            replica: key(from),
            offset: Offset(f.int("offset", 0)),
            last_epoch: LeaderEpoch(f.i32("last_epoch", 0)),
            max_wait_ms: f.i32("max_wait_ms", 0),
            max_bytes: i32::MAX,
            high_watermark: Offset(f.int("high_watermark", -1)),
        },
        other => panic!("an api of the recorded cases, not {other}"),
    };
    let cluster_id =
        f.0.get("cluster_id")
            .and_then(Value::as_str)
            .unwrap_or(CLUSTER_ID);
    Request {
        cluster_id: Some(cluster_id.into()),
        epoch: f.epoch(),
        body,
    }
}

pub fn request_json(request: &Request) -> Value {
    let epoch = request.epoch;
    match &request.body {
        RequestBody::Vote {
            candidate,
            last_epoch,
            last_offset,
            pre_vote,
            ..
        } => json!({
            "api": "vote", "candidate": candidate.id, "epoch": epoch, "last_epoch": last_epoch, "last_offset": last_offset, "pre_vote": pre_vote
        }),
        RequestBody::BeginQuorumEpoch { leader, .. } => {
            json!({"api": "begin_quorum_epoch", "leader": leader, "epoch": epoch})
        }
        RequestBody::EndQuorumEpoch { leader, preferred } => {
            let preferred: Vec<NodeId> = preferred.iter().map(|key| key.id).collect();
            json!({"api": "end_quorum_epoch", "leader": leader, "epoch": epoch, "preferred": preferred})
        }
        RequestBody::Fetch {
            replica,
            offset,
            last_epoch,
            max_wait_ms,
            high_watermark,
            ..
        } => json!({
            "api": "fetch", "replica": replica.id, "epoch": epoch, "offset": offset, "last_epoch": last_epoch,
            "high_watermark": high_watermark, "max_wait_ms": max_wait_ms
        }),
        RequestBody::FetchSnapshot {
            snapshot, position, ..
        } => json!({
            "api": "fetch_snapshot", "epoch": epoch, "position": position, "snapshot_offset": snapshot.offset,
            "snapshot_epoch": snapshot.epoch
        }),
        RequestBody::UpdateRaftVoter { voter } => {
            json!({"api": "update_raft_voter", "voter": voter.id, "epoch": epoch})
        }
    }
}

/// An answer to `asked` from its recorded fields.
pub fn response(asked: &RequestBody, f: &Fields<'_>) -> Response {
    let body = match asked {
        RequestBody::Vote { .. } => ResponseBody::Vote {
            granted: f.bool("granted"),
        },
        RequestBody::BeginQuorumEpoch { .. } => ResponseBody::BeginQuorumEpoch,
        RequestBody::EndQuorumEpoch { .. } => ResponseBody::EndQuorumEpoch,
        RequestBody::UpdateRaftVoter { .. } => ResponseBody::UpdateRaftVoter,
        RequestBody::Fetch { .. } => ResponseBody::Fetch(FetchAnswer {
            high_watermark: Offset(f.int("high_watermark", -1)),
            log_start_offset: Offset::ZERO,
            records: f.0.get("records").map(batches).unwrap_or_default(),
            diverging: f
                .pair("diverging")
                .map(|(epoch, end)| OffsetAndEpoch::new(end, epoch as i32)),
            snapshot: f
                .pair("snapshot")
                .map(|(end, epoch)| OffsetAndEpoch::new(end, epoch as i32)),
        }),
        RequestBody::FetchSnapshot { .. } => panic!("not answered in the recorded cases"),
    };
    Response {
        error: f.error("error"),
        partition_error: f.error("partition_error"),
        epoch: f.epoch(),
        leader: f.node("leader"),
        body,
    }
}

pub fn response_json(response: &Response) -> Map<String, Value> {
    let mut out = Map::new();
    out.insert("error".into(), json!(response.error.name()));
    if response.error != ErrorCode::None {
        return out;
    }
    out.insert(
        "partition_error".into(),
        json!(response.partition_error.name()),
    );
    out.insert("epoch".into(), json!(response.epoch));
    out.insert(
        "leader".into(),
        json!(response.leader.unwrap_or(NodeId::NONE)),
    );
    match &response.body {
        ResponseBody::Vote { granted } => {
            out.insert("granted".into(), json!(granted));
        }
        ResponseBody::Fetch(answer) => {
            out.insert("high_watermark".into(), json!(answer.high_watermark));
            out.insert("records".into(), batches_json(&answer.records));
            if let Some(end) = answer.diverging {
                out.insert("diverging".into(), json!([end.epoch, end.offset]));
            }
            if let Some(id) = answer.snapshot {
                out.insert("snapshot".into(), json!([id.offset, id.epoch]));
            }
        }
        _ => {}
    }
    out
}

/// Batches `{base, epoch, values}` as bytes, all of the time at which a case begins.
pub fn batches(list: &Value) -> Vec<RecordBatch> {
    let list = list.as_array().expect("a list of batches");
    list.iter()
        .map(|entry| {
            let f = Fields(entry.as_object().expect("a batch"));
            let base = Offset(f.int("base", 0));
            match f.0.get("leader_change").and_then(Value::as_object) {
                Some(change) => {
                    let ids = |name: &str| -> Vec<NodeId> {
                        let ids = change[name].as_array().expect("ids");
                        ids.iter()
                            .map(|id| NodeId(id.as_i64().expect("an id") as i32))
                            .collect()
                    };
                    let leader = Fields(change).node("leader").expect("a leader");
                    batch::leader_change(
                        base,
                        f.epoch(),
                        EPOCH_MS,
                        leader,
                        ids("voters").into_iter(),
                        &ids("granting"),
                    )
                }
                None => {
                    let values = f.0["values"].as_array().expect("values");
                    let values: Vec<bytes::Bytes> = values
                        .iter()
                        .map(|v| v.as_str().expect("a string").to_owned().into())
                        .collect();
                    batch::data(base, f.epoch(), EPOCH_MS, &values)
                }
            }
        })
        .collect()
}

pub fn batches_json(batches: &[RecordBatch]) -> Value {
    batches.iter().map(batch_json).collect()
}

pub fn batch_json(batch: &RecordBatch) -> Value {
    let (base, epoch) = (batch.base_offset(), batch.partition_leader_epoch());
    let mut records = batch.records().expect("a batch that we made or were given");
    if batch.is_control() {
        let record = records.next().expect("one record").expect("well formed");
        let kind = ControlRecordType::parse(record.key.as_ref()).expect("a control record");
        assert_eq!(
            kind,
            ControlRecordType::LeaderChange,
            "the only control record of these cases"
        );
        let change =
            LeaderChangeMessage::decode(&record.value.expect("a value")).expect("well formed");
        let ids =
            |list: Vec<(i32, u128)>| -> Vec<i32> { list.into_iter().map(|(id, _)| id).collect() };
        return json!({"base": base, "epoch": epoch, "leader_change": {
            "leader": change.leader_id, "voters": ids(change.voters), "granting": ids(change.granting_voters)
        }});
    }
    let values: Vec<String> = records
        .map(|record| {
            let value = record.expect("well formed").value.expect("a value");
            String::from_utf8(value.to_vec()).expect("UTF-8")
        })
        .collect();
    json!({"base": base, "epoch": epoch, "values": values})
}
