//! The operations of a case: inputs to requests, responses to the recorded shape.

use metadata::LeaderRecoveryState;
use metadata::controller::{Answer, ApiError};
use protocol::messages::*;
use protocol::{BrokerEpoch, ErrorCode, LeaderEpoch, Name, NodeId, Offset, PartitionEpoch, Uuid};
use serde_json::{Map, Value, json};

use super::{CLUSTER_ID, Driver, Recorded, complete};
use crate::case::Step;

fn i64(value: &Value) -> i64 {
    value.as_i64().expect("a whole number")
}

fn i32(value: &Value) -> i32 {
    i64(value) as i32
}

fn name(value: &Value) -> Name {
    value.as_str().expect("a text").into()
}

fn uuid(value: &Value) -> Uuid {
    Uuid::parse(value.as_str().expect("a text")).expect("an id")
}

fn node(value: &Value) -> NodeId {
    NodeId(i32(value))
}

fn list<'a>(value: &'a Value) -> impl Iterator<Item = &'a Value> + use<'a> {
    value.as_array().into_iter().flatten()
}

fn nodes(value: &Value) -> Vec<NodeId> {
    list(value).map(node).collect()
}

fn uuids(value: &Value) -> Vec<Uuid> {
    list(value).map(uuid).collect()
}

fn optional(value: &Value) -> Option<&Value> {
    (!value.is_null()).then_some(value)
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        other => panic!("{other} is no object"),
    }
}

/// An item of a result: its error, and the rest only without one.
fn item(mut head: Value, error: ErrorCode, rest: Value) -> Value {
    head["error"] = json!(error.name());
    if error == ErrorCode::None {
        for (key, value) in object(rest) {
            head[key] = value;
        }
    }
    head
}

impl Driver {
    pub(super) fn play(&mut self, step: &Step) -> Value {
        let mut answer = match step.op.as_str() {
            "advance" => object(self.advance(step.i64("ms").expect("ms"))),
            "new_controller" => {
                self.new_controller();
                object(json!({"error": "NONE", "next_offset": self.next_offset.0}))
            }
            _ => self.operate(step),
        };
        if let Some(delta) = self.state_delta() {
            answer.insert("state".into(), delta);
        }
        Value::Object(answer)
    }

    fn operate(&mut self, step: &Step) -> Map<String, Value> {
        match step.op.as_str() {
            "register_broker" => self.register_broker(step),
            "heartbeat" => self.heartbeat(step),
            "unregister_broker" => {
                let answer = self.controller.unregister_broker(node(step.get("broker")));
                self.answer(answer, true, |()| json!({}))
            }
            "create_topics" => self.create_topics(step),
            "delete_topics" => {
                let answer = self.controller.delete_topics(&uuids(step.get("ids")));
                self.answer(answer, false, |r: &DeleteTopicsResponse| {
                    let one = |t: &DeletableTopicResult| json!({"id": t.topic_id, "error": t.error.name()});
                    json!({"topics": r.responses.iter().map(one).collect::<Vec<_>>()})
                })
            }
            "create_partitions" => self.create_partitions(step),
            "alter_configs" => self.alter_configs(step),
            "alter_partition" => self.alter_partition(step),
            "elect_leaders" => self.elect_leaders(step),
            "alter_reassignments" => self.alter_reassignments(step),
            "list_reassignments" => self.list_reassignments(step),
            "assign_dirs" => self.assign_dirs(step),
            "update_features" => self.update_features(step),
            other => panic!("operation {other} has no driver"),
        }
    }

    /// Appends what was written and shapes the response. `error_field`: `error` is there also when it is NONE.
    fn answer<T>(
        &mut self,
        answer: Answer<T>,
        error_field: bool,
        shape: impl Fn(&T) -> Value,
    ) -> Map<String, Value> {
        match answer {
            Ok(result) => {
                let records = self.append(&result);
                let mut shaped = object(shape(&result.response));
                if error_field {
                    shaped.insert("error".into(), json!("NONE"));
                }
                complete(shaped, &records, self.next_offset)
            }
            Err(ApiError { error, .. }) => object(json!({"error": error.name()})),
        }
    }

    fn register_broker(&mut self, step: &Step) -> Map<String, Value> {
        let id = node(step.get("broker"));
        let feature = |name: &str, min: i64, max: i64| RegisteredFeature {
            name: name.into(),
            min_supported_version: min as i16,
            max_supported_version: max as i16,
        };
        let features = match step.get("features").as_object() {
            // Recorded with metadata.version first; the keys of an object have no order.
            Some(given) => {
                let mut given: Vec<_> = given
                    .iter()
                    .map(|(name, r)| feature(name, i64(&r[0]), i64(&r[1])))
                    .collect();
                given.sort_by_key(|f| &*f.name != "metadata.version");
                given
            }
            None => vec![
                feature("metadata.version", 7, 30),
                feature("eligible.leader.replicas.version", 0, 1),
            ],
        };
        let request = BrokerRegistrationRequest {
            broker_id: id,
            cluster_id: step.str("cluster_id").unwrap_or(CLUSTER_ID).into(),
            incarnation_id: uuid(step.get("incarnation")),
            listeners: vec![RegisteredListener {
                name: "PLAINTEXT".into(),
                host: format!("b{id}").into(),
                port: 9092,
                security_protocol: 0,
            }],
            features,
            rack: step.str("rack").map(Name::from),
            log_dirs: uuids(step.get("log_dirs")),
            previous_broker_epoch: BrokerEpoch(step.i64("previous_epoch").expect("previous_epoch")),
        };
        let answer = self.controller.register_broker(self.now, &request);
        self.answer(answer, true, |epoch| json!({"epoch": epoch.0}))
    }

    fn heartbeat(&mut self, step: &Step) -> Map<String, Value> {
        let request = BrokerHeartbeatRequest {
            broker_id: node(step.get("broker")),
            broker_epoch: BrokerEpoch(i64(step.get("epoch"))),
            current_metadata_offset: Offset(i64(step.get("offset"))),
            want_fence: step.bool("want_fence").unwrap_or(false),
            want_shut_down: step.bool("want_shutdown").unwrap_or(false),
            offline_log_dirs: uuids(step.get("offline_dirs")),
            cordoned_log_dirs: optional(step.get("cordoned_dirs")).map(uuids),
        };
        let answer = self.controller.process_broker_heartbeat(self.now, &request);
        self.answer(answer, true, |reply| {
            json!({
                "caught_up": reply.is_caught_up,
                "fenced": reply.is_fenced,
                "in_controlled_shutdown": reply.in_controlled_shutdown,
                "should_shut_down": reply.should_shut_down,
            })
        })
    }

    fn recorded(step: &Step) -> Recorded {
        let draw = |d: &Value| (i64(&d[0]) as usize, i64(&d[1]) as usize);
        let ids = list(step.get("topics"))
            .filter_map(|t| {
                Some((
                    t["name"].as_str()?.to_owned(),
                    Uuid::parse(t["id"].as_str()?)?,
                ))
            })
            .collect();
        Recorded {
            draws: list(step.get("draws"))
                .map(draw)
                .collect::<Vec<_>>()
                .into_iter(),
            ids,
        }
    }

    fn create_topics(&mut self, step: &Step) -> Map<String, Value> {
        let topic = |t: &Value| CreatableTopic {
            name: name(&t["name"]),
            num_partitions: t["partitions"].as_i64().unwrap_or(-1) as i32,
            replication_factor: t["replication_factor"].as_i64().unwrap_or(-1) as i16,
            assignments: list(&t["assignments"])
                .map(|a| CreatableReplicaAssignment {
                    partition_index: i32(&a[0]),
                    broker_ids: nodes(&a[1]),
                })
                .collect(),
            configs: t["configs"]
                .as_object()
                .into_iter()
                .flatten()
                .map(|(k, v)| CreatableTopicConfig {
                    name: k.as_str().into(),
                    value: optional(v).map(name),
                })
                .collect(),
        };
        let request = CreateTopicsRequest {
            topics: list(step.get("topics")).map(topic).collect(),
            validate_only: step.bool("validate_only").unwrap_or(false),
            ..Default::default()
        };
        let answer = self
            .controller
            .create_topics(&request, &mut Self::recorded(step));
        self.answer(answer, false, |r: &CreateTopicsResponse| {
            let one = |t: &CreatableTopicResult| {
                let rest = json!({
                    "id": t.topic_id, "partitions": t.num_partitions, "replication_factor": t.replication_factor,
                });
                item(json!({"name": t.name}), t.error, rest)
            };
            json!({"topics": r.topics.iter().map(one).collect::<Vec<_>>()})
        })
    }

    fn create_partitions(&mut self, step: &Step) -> Map<String, Value> {
        let topic = |t: &Value| CreatePartitionsTopic {
            name: name(&t["name"]),
            count: i32(&t["count"]),
            assignments: optional(&t["assignments"]).map(|a| {
                list(a)
                    .map(|b| CreatePartitionsAssignment {
                        broker_ids: nodes(b),
                    })
                    .collect()
            }),
        };
        let request = CreatePartitionsRequest {
            topics: list(step.get("topics")).map(topic).collect(),
            validate_only: step.bool("validate_only").unwrap_or(false),
            ..Default::default()
        };
        let answer = self
            .controller
            .create_partitions(&request, &mut Self::recorded(step));
        self.answer(answer, false, |r: &CreatePartitionsResponse| {
            let one =
                |t: &CreatePartitionsTopicResult| json!({"name": t.name, "error": t.error.name()});
            json!({"topics": r.results.iter().map(one).collect::<Vec<_>>()})
        })
    }

    fn alter_configs(&mut self, step: &Step) -> Map<String, Value> {
        const KINDS: [(&str, i8); 3] = [("topic", 2), ("broker", 4), ("group", 32)];
        const OPERATIONS: [&str; 4] = ["set", "delete", "append", "subtract"];
        let resource = |r: &Value| AlterConfigsResource {
            resource_type: KINDS
                .iter()
                .find(|(kind, _)| r["type"] == *kind)
                .expect("a known kind")
                .1,
            resource_name: name(&r["name"]),
            configs: list(&r["ops"])
                .map(|op| AlterableConfig {
                    name: name(&op["key"]),
                    config_operation: OPERATIONS
                        .iter()
                        .position(|o| op["do"] == *o)
                        .expect("an operation") as i8,
                    value: optional(&op["value"]).map(name),
                })
                .collect(),
        };
        let request = IncrementalAlterConfigsRequest {
            resources: list(step.get("resources")).map(resource).collect(),
            validate_only: step.bool("validate_only").unwrap_or(false),
        };
        let answer = self.controller.incremental_alter_configs(&request, true);
        self.answer(answer, false, |r: &IncrementalAlterConfigsResponse| {
            let one = |r: &AlterConfigsResourceResponse| {
                let kind = KINDS
                    .iter()
                    .find(|(_, id)| *id == r.resource_type)
                    .expect("a known kind")
                    .0;
                json!({"type": kind, "name": r.resource_name, "error": r.error.name()})
            };
            json!({"resources": r.responses.iter().map(one).collect::<Vec<_>>()})
        })
    }

    fn alter_partition(&mut self, step: &Step) -> Map<String, Value> {
        let member = |b: &Value| BrokerState {
            broker_id: node(&b[0]),
            broker_epoch: BrokerEpoch(i64(&b[1])),
        };
        let partition = |p: &Value| AlterPartitionData {
            partition_index: i32(&p["partition"]),
            leader_epoch: LeaderEpoch(i32(&p["leader_epoch"])),
            partition_epoch: PartitionEpoch(i32(&p["partition_epoch"])),
            new_isr_with_epochs: list(&p["isr"]).map(member).collect(),
            leader_recovery_state: i8::from(p["recovery"] == "RECOVERING"),
        };
        let request = AlterPartitionRequest {
            broker_id: node(step.get("broker")),
            broker_epoch: BrokerEpoch(i64(step.get("broker_epoch"))),
            topics: list(step.get("topics"))
                .map(|t| AlterPartitionTopic {
                    topic_name: "".into(),
                    topic_id: uuid(&t["id"]),
                    partitions: list(&t["partitions"]).map(partition).collect(),
                })
                .collect(),
        };
        let answer = self.controller.alter_partition(&request);
        self.answer(answer, true, |r: &AlterPartitionResponse| {
            let mut partitions = Vec::new();
            for t in &r.topics {
                for p in &t.partitions {
                    let recovery = LeaderRecoveryState::of(p.leader_recovery_state).map(LeaderRecoveryState::name);
                    let rest = json!({
                        "leader": p.leader_id, "leader_epoch": p.leader_epoch, "partition_epoch": p.partition_epoch,
                        "isr": p.isr, "recovery": recovery,
                    });
                    partitions.push(item(json!({"id": t.topic_id, "partition": p.partition_index}), p.error, rest));
                }
            }
            json!({"partitions": partitions})
        })
    }

    fn elect_leaders(&mut self, step: &Step) -> Map<String, Value> {
        let topic = |t: &Value| ElectLeadersTopic {
            topic: name(&t[0]),
            partitions: list(&t[1]).map(i32).collect(),
        };
        let request = ElectLeadersRequest {
            election_type: i64(step.get("type")) as i8,
            topic_partitions: optional(step.get("partitions"))
                .map(|p| list(p).map(topic).collect()),
            ..Default::default()
        };
        let answer = self.controller.elect_leaders(&request);
        self.answer(answer, true, |r: &ElectLeadersResponse| {
            let mut partitions = Vec::new();
            for t in &r.replica_election_results {
                for p in &t.partition_result {
                    partitions.push(json!({"topic": t.topic, "partition": p.partition_id, "error": p.error.name()}));
                }
            }
            json!({"partitions": partitions})
        })
    }

    fn alter_reassignments(&mut self, step: &Step) -> Map<String, Value> {
        let mut topics: Vec<ReassignableTopic> = Vec::new();
        for p in list(step.get("partitions")) {
            let topic = name(&p["topic"]);
            let target = ReassignablePartition {
                partition_index: i32(&p["partition"]),
                replicas: optional(&p["replicas"]).map(nodes),
            };
            match topics.iter_mut().find(|t| t.name == topic) {
                Some(t) => t.partitions.push(target),
                None => topics.push(ReassignableTopic {
                    name: topic,
                    partitions: vec![target],
                }),
            }
        }
        let request = AlterPartitionReassignmentsRequest {
            allow_replication_factor_change: step.bool("allow_rf_change").unwrap_or(true),
            topics,
            ..Default::default()
        };
        let answer = self.controller.alter_partition_reassignments(&request);
        self.answer(answer, true, |r: &AlterPartitionReassignmentsResponse| {
            let mut partitions = Vec::new();
            for t in &r.responses {
                for p in &t.partitions {
                    partitions.push(json!({"topic": t.name, "partition": p.partition_index, "error": p.error.name()}));
                }
            }
            json!({"partitions": partitions})
        })
    }

    fn list_reassignments(&mut self, step: &Step) -> Map<String, Value> {
        let topic = |t: &Value| ListPartitionReassignmentsTopic {
            name: name(&t[0]),
            partition_indexes: list(&t[1]).map(i32).collect(),
        };
        let request = ListPartitionReassignmentsRequest {
            topics: optional(step.get("partitions")).map(|p| list(p).map(topic).collect()),
            ..Default::default()
        };
        let response = self.controller.list_partition_reassignments(&request);
        let mut partitions = Vec::new();
        for t in &response.topics {
            for p in &t.partitions {
                partitions.push(json!({
                    "topic": t.name, "partition": p.partition_index, "replicas": p.replicas,
                    "adding": p.adding_replicas, "removing": p.removing_replicas,
                }));
            }
        }
        object(json!({"error": "NONE", "partitions": partitions}))
    }

    fn assign_dirs(&mut self, step: &Step) -> Map<String, Value> {
        let partition = |p: &Value| DirectoryPartition {
            partition_index: i32(p),
            error: ErrorCode::None,
        };
        let topic = |t: &Value| DirectoryTopic {
            topic_id: uuid(&t["id"]),
            partitions: list(&t["partitions"]).map(partition).collect(),
        };
        let request = AssignReplicasToDirsRequest {
            broker_id: node(step.get("broker")),
            broker_epoch: BrokerEpoch(i64(step.get("broker_epoch"))),
            directories: list(step.get("dirs"))
                .map(|d| DirectoryData {
                    id: uuid(&d["dir"]),
                    topics: list(&d["topics"]).map(topic).collect(),
                })
                .collect(),
        };
        let answer = self.controller.assign_replicas_to_dirs(&request);
        self.answer(answer, true, |r: &AssignReplicasToDirsResponse| {
            let mut partitions = Vec::new();
            for d in &r.directories {
                for t in &d.topics {
                    for p in &t.partitions {
                        partitions.push(json!({
                            "dir": d.id, "id": t.topic_id, "partition": p.partition_index, "error": p.error.name(),
                        }));
                    }
                }
            }
            json!({"partitions": partitions})
        })
    }

    fn update_features(&mut self, step: &Step) -> Map<String, Value> {
        let upgrade_type = match step.str("how") {
            None | Some("upgrade") => 1,
            Some("safe_downgrade") => 2,
            Some("unsafe_downgrade") => 3,
            Some(other) => panic!("unknown way {other}"),
        };
        let request = UpdateFeaturesRequest {
            feature_updates: step
                .get("features")
                .as_object()
                .into_iter()
                .flatten()
                .map(|(feature, level)| FeatureUpdateKey {
                    feature: feature.as_str().into(),
                    max_version_level: i64(level) as i16,
                    upgrade_type,
                })
                .collect(),
            validate_only: step.bool("validate_only").unwrap_or(false),
            ..Default::default()
        };
        let answer = self.controller.update_features(&request);
        self.answer(answer, true, |()| json!({}))
    }
}
