//! What an administrator asks of the cluster.

use super::Player;
use crate::Step;
use protocol::messages::*;
use protocol::{ErrorCode, NodeId, Offset};
use serde_json::{Value, json};

/// How long a topic's new config takes to be everywhere, by the format's word.
const ALTER_CONFIG_MS: i64 = 150;

fn errors(error: ErrorCode) -> Value {
    if error.is_none() {
        json!({})
    } else {
        json!({"error": error.name()})
    }
}

fn nodes(list: &Value) -> Vec<NodeId> {
    let list = list.as_array().into_iter().flatten();
    list.filter_map(Value::as_i64)
        .map(|id| NodeId(id as i32))
        .collect()
}

fn plain(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

impl Player {
    pub(super) fn make_internal_topics(&mut self) -> Result<(), String> {
        let offsets = [
            ("cleanup.policy", "compact"),
            ("compression.type", "producer"),
            ("segment.bytes", "104857600"),
        ];
        let transactions = [
            ("cleanup.policy", "compact"),
            ("compression.type", "uncompressed"),
            ("min.insync.replicas", "2"),
            ("segment.bytes", "104857600"),
            ("unclean.leader.election.enable", "false"),
        ];
        for (name, configs) in [
            ("__consumer_offsets", &offsets[..]),
            ("__transaction_state", &transactions[..]),
        ] {
            let all = self.running();
            let topic = CreatableTopic {
                name: name.into(),
                num_partitions: -1,
                replication_factor: -1,
                assignments: vec![CreatableReplicaAssignment {
                    partition_index: 0,
                    broker_ids: all,
                }],
                configs: configs
                    .iter()
                    .map(|(k, v)| CreatableTopicConfig {
                        name: (*k).into(),
                        value: Some((*v).into()),
                    })
                    .collect(),
            };
            let request = CreateTopicsRequest {
                topics: vec![topic],
                ..Default::default()
            };
            let to = self.running();
            self.answer(to, request.into(), true)?;
            self.wait("an internal topic", |w| w.topic_ready(name))?;
        }
        Ok(())
    }

    pub(super) fn admin_step(&mut self, step: &Step) -> Result<Value, String> {
        let topic = step.str("topic").unwrap_or_default().to_owned();
        match step.op.as_str() {
            "create_topic" => self.create_topic(step, &topic),
            "delete_topic" => {
                let state = DeleteTopicState {
                    name: Some(topic.as_str().into()),
                    ..Default::default()
                };
                let request = DeleteTopicsRequest {
                    topics: vec![state],
                    timeout_ms: 60_000,
                };
                let Response::DeleteTopics(r) = self.admin(request.into())? else {
                    return Err("api".into());
                };
                Ok(errors(r.responses[0].error))
            }
            "create_partitions" => self.create_partitions(step, &topic),
            "alter_topic_config" => self.alter_config(step, &topic),
            "elect_leaders" => self.elect_leaders(step),
            "reassign" => self.reassign(step, &topic),
            _ => self.delete_records(step, &topic),
        }
    }

    fn admin(&mut self, request: Request) -> Result<Response, String> {
        let to = self.running();
        self.answer(to, request, true)
    }

    fn create_topic(&mut self, step: &Step, name: &str) -> Result<Value, String> {
        let assignment = step.get("assignment").as_array();
        let assignments: Vec<_> = assignment
            .into_iter()
            .flatten()
            .enumerate()
            .map(|(i, list)| CreatableReplicaAssignment {
                partition_index: i as i32,
                broker_ids: nodes(list),
            })
            .collect();
        let by_hand = !assignments.is_empty();
        let config = step.get("config").as_object();
        let topic = CreatableTopic {
            name: name.into(),
            num_partitions: if by_hand {
                -1
            } else {
                step.i64("partitions").unwrap_or(-1) as i32
            },
            replication_factor: if by_hand {
                -1
            } else {
                step.i64("replication_factor").unwrap_or(-1) as i16
            },
            assignments,
            configs: config
                .into_iter()
                .flatten()
                .map(|(k, v)| CreatableTopicConfig {
                    name: k.as_str().into(),
                    value: Some(plain(v).into()),
                })
                .collect(),
        };
        let request = CreateTopicsRequest {
            topics: vec![topic],
            ..Default::default()
        };
        let Response::CreateTopics(response) = self.admin(request.into())? else {
            return Err("api".into());
        };
        let result = &response.topics[0];
        if !result.error.is_none() {
            return Ok(errors(result.error));
        }
        let partitions = result.num_partitions;
        self.topic_ids.insert(name.to_owned(), result.topic_id);
        self.wait("the new topic", |w| {
            w.working_brokers().all(|b| {
                b.image()
                    .topics
                    .topic_named(name)
                    .is_some_and(|t| t.partitions.len() == partitions as usize)
            }) && super::wait::leaders_answer(w, name)
        })?;
        Ok(json!({"partitions": partitions, "replication_factor": result.replication_factor}))
    }

    fn create_partitions(&mut self, step: &Step, name: &str) -> Result<Value, String> {
        let assignments = step.get("assignment").as_array().map(|lists| {
            lists
                .iter()
                .map(|list| CreatePartitionsAssignment {
                    broker_ids: nodes(list),
                })
                .collect()
        });
        let count = step.i64("count").unwrap_or(0) as i32;
        let topic = CreatePartitionsTopic {
            name: name.into(),
            count,
            assignments,
        };
        let request = CreatePartitionsRequest {
            topics: vec![topic],
            timeout_ms: 60_000,
            validate_only: false,
        };
        let Response::CreatePartitions(r) = self.admin(request.into())? else {
            return Err("api".into());
        };
        Ok(errors(r.results[0].error))
    }

    fn alter_config(&mut self, step: &Step, name: &str) -> Result<Value, String> {
        let config = step.get("config").as_object().into_iter().flatten();
        let configs = config.map(|(k, v)| AlterableConfig {
            name: k.as_str().into(),
            config_operation: i8::from(v.is_null()),
            value: (!v.is_null()).then(|| plain(v).into()),
        });
        let resource = AlterConfigsResource {
            resource_type: 2,
            resource_name: name.into(),
            configs: configs.collect(),
        };
        let request = IncrementalAlterConfigsRequest {
            resources: vec![resource],
            validate_only: false,
        };
        let Response::IncrementalAlterConfigs(r) = self.admin(request.into())? else {
            return Err("api".into());
        };
        self.pass(ALTER_CONFIG_MS);
        Ok(errors(r.responses[0].error))
    }

    fn elect_leaders(&mut self, step: &Step) -> Result<Value, String> {
        let mut topics: Vec<ElectLeadersTopic> = Vec::new();
        let asked = step
            .get("partitions")
            .as_array()
            .cloned()
            .unwrap_or_default();
        for tp in &asked {
            let (topic, partition) = (
                tp[0].as_str().unwrap_or_default(),
                tp[1].as_i64().unwrap_or(0) as i32,
            );
            match topics.iter_mut().find(|t| &*t.topic == topic) {
                Some(t) => t.partitions.push(partition),
                None => topics.push(ElectLeadersTopic {
                    topic: topic.into(),
                    partitions: vec![partition],
                }),
            }
        }
        let request = ElectLeadersRequest {
            election_type: i8::from(step.str("type") == Some("unclean")),
            topic_partitions: Some(topics),
            timeout_ms: 60_000,
        };
        let Response::ElectLeaders(r) = self.admin(request.into())? else {
            return Err("api".into());
        };
        let mut results: Vec<Value> = Vec::new();
        for topic in &r.replica_election_results {
            for p in &topic.partition_result {
                results.push(json!([&*topic.topic, p.partition_id, p.error.name()]));
            }
        }
        results.sort_by_key(Value::to_string);
        Ok(json!({"partitions": results}))
    }

    fn reassign(&mut self, step: &Step, name: &str) -> Result<Value, String> {
        let replicas = step.get("replicas");
        let partition = ReassignablePartition {
            partition_index: step.i64("partition").unwrap_or(0) as i32,
            replicas: (!replicas.is_null()).then(|| nodes(replicas)),
        };
        let topic = ReassignableTopic {
            name: name.into(),
            partitions: vec![partition],
        };
        let request = AlterPartitionReassignmentsRequest {
            topics: vec![topic],
            ..Default::default()
        };
        let Response::AlterPartitionReassignments(r) = self.admin(request.into())? else {
            return Err("api".into());
        };
        let inner = r
            .responses
            .first()
            .and_then(|t| t.partitions.first())
            .map_or(r.error, |p| p.error);
        Ok(errors(if r.error.is_none() { inner } else { r.error }))
    }

    fn delete_records(&mut self, step: &Step, name: &str) -> Result<Value, String> {
        let index = step.i64("partition").unwrap_or(0) as i32;
        let before = Offset(step.i64("before").unwrap_or(-1));
        let partition = DeleteRecordsPartition {
            partition_index: index,
            offset: before,
        };
        let topic = DeleteRecordsTopic {
            name: name.into(),
            partitions: vec![partition],
        };
        let request = DeleteRecordsRequest {
            topics: vec![topic],
            timeout_ms: 30_000,
        };
        let leader = self.leader(name, index)?;
        let Response::DeleteRecords(r) = self.answer(vec![leader], request.into(), false)? else {
            return Err("api".into());
        };
        let result = &r.topics[0].partitions[0];
        Ok(if result.error.is_none() {
            json!({"low_watermark": result.low_watermark.0})
        } else {
            errors(result.error)
        })
    }
}
