//! Requests as they arrive: which handler answers, and what a refusal looks like in each api (`ControllerApis`).

use protocol::messages::*;
use protocol::{BrokerEpoch, ErrorCode, Instant, Name, Uuid};
use std::collections::{BTreeMap, BTreeSet};

use super::placement::Chance;
use super::{Answer, ApiError, Controller, ControllerResult};
use crate::image::TopicsImage;
use crate::rules;

impl Controller {
    /// Answers a request that only the controller can answer. None: another api. The records must be appended, and
    /// [`Controller::appended`] be called, before the next request; the response waits until they are committed.
    pub fn handle(
        &mut self,
        now: Instant,
        request: &Request,
        chance: &mut dyn Chance,
    ) -> Option<ControllerResult<Response>> {
        Some(match request {
            Request::BrokerRegistration(r) => respond(self.register_broker(now, r), |answer| {
                let (error, _) = split(&answer);
                let broker_epoch = answer.unwrap_or(BrokerEpoch::NONE);
                BrokerRegistrationResponse {
                    error,
                    broker_epoch,
                    ..Default::default()
                }
            }),
            Request::BrokerHeartbeat(r) => respond(
                self.process_broker_heartbeat(now, r),
                |answer| match answer {
                    Ok(reply) => BrokerHeartbeatResponse {
                        is_caught_up: reply.is_caught_up,
                        is_fenced: reply.is_fenced,
                        should_shut_down: reply.should_shut_down,
                        ..Default::default()
                    },
                    Err(refusal) => BrokerHeartbeatResponse {
                        error: refusal.error,
                        ..Default::default()
                    },
                },
            ),
            Request::UnregisterBroker(r) => {
                respond(self.unregister_broker(r.broker_id), |answer| {
                    let (error, error_message) = split(&answer);
                    UnregisterBrokerResponse {
                        error,
                        error_message,
                        ..Default::default()
                    }
                })
            }
            Request::AlterPartition(r) => respond(self.alter_partition(r), |answer| {
                answer.unwrap_or_else(|e| AlterPartitionResponse {
                    error: e.error,
                    ..Default::default()
                })
            }),
            Request::ElectLeaders(r) => respond(self.elect_leaders(r), |answer| {
                answer.unwrap_or_else(|e| ElectLeadersResponse {
                    error: e.error,
                    ..Default::default()
                })
            }),
            Request::AlterPartitionReassignments(r) => {
                respond(self.alter_partition_reassignments(r), |answer| {
                    answer.unwrap_or_else(|e| AlterPartitionReassignmentsResponse {
                        error: e.error,
                        error_message: Some(e.message),
                        ..Default::default()
                    })
                })
            }
            Request::ListPartitionReassignments(r) => {
                let answer = self.check_active().map(|()| {
                    ControllerResult::of(
                        rules::CONTROLLER_ACTIVATION,
                        vec![],
                        self.list_partition_reassignments(r),
                    )
                });
                respond(answer, |answer| {
                    answer.unwrap_or_else(|e| ListPartitionReassignmentsResponse {
                        error: e.error,
                        error_message: Some(e.message),
                        ..Default::default()
                    })
                })
            }
            Request::AssignReplicasToDirs(r) => {
                respond(self.assign_replicas_to_dirs(r), |answer| {
                    answer.unwrap_or_else(|e| AssignReplicasToDirsResponse {
                        error: e.error,
                        ..Default::default()
                    })
                })
            }
            Request::AllocateProducerIds(r) => respond(self.allocate_producer_ids(r), |answer| {
                answer.unwrap_or_else(|e| AllocateProducerIdsResponse {
                    error: e.error,
                    ..Default::default()
                })
            }),
            Request::UpdateFeatures(r) => respond(self.update_features(r), |answer| {
                let (error, error_message) = split(&answer);
                UpdateFeaturesResponse {
                    error,
                    error_message,
                    ..Default::default()
                }
            }),
            Request::CreateTopics(r) => self.handle_create_topics(r, chance).map(Response::from),
            Request::DeleteTopics(r) => self.handle_delete_topics(r).map(Response::from),
            Request::CreatePartitions(r) => {
                self.handle_create_partitions(r, chance).map(Response::from)
            }
            Request::IncrementalAlterConfigs(r) => {
                respond(self.incremental_alter_configs(r, true), |answer| {
                    answer.unwrap_or_else(|e| IncrementalAlterConfigsResponse {
                        responses: r
                            .resources
                            .iter()
                            .map(|resource| AlterConfigsResourceResponse {
                                error: e.error,
                                error_message: Some(e.message.clone()),
                                resource_type: resource.resource_type,
                                resource_name: resource.resource_name.clone(),
                            })
                            .collect(),
                        ..Default::default()
                    })
                })
            }
            _ => return None,
        })
    }

    /// A name given twice, and the topic of the metadata log, are refused before the controller proper sees them.
    fn handle_create_topics(
        &mut self,
        request: &CreateTopicsRequest,
        chance: &mut dyn Chance,
    ) -> ControllerResult<CreateTopicsResponse> {
        let twice = duplicates(request.topics.iter().map(|t| t.name.clone()));
        let refused = |name: &Name| twice.contains(name) || &**name == CLUSTER_METADATA_TOPIC;
        let mut passed = request.clone();
        passed.topics.retain(|t| !refused(&t.name));
        let failed = |name: Name, error: ErrorCode, message: &str| CreatableTopicResult {
            name,
            error,
            error_message: Some(message.into()),
            ..Default::default()
        };
        let mut result = self.create_topics(&passed, chance).unwrap_or_else(|e| {
            let all = passed
                .topics
                .iter()
                .map(|t| failed(t.name.clone(), e.error, &e.message))
                .collect();
            ControllerResult::of(
                rules::CONTROLLER_ACTIVATION,
                vec![],
                CreateTopicsResponse {
                    topics: all,
                    ..Default::default()
                },
            )
        });
        for name in twice {
            result.response.topics.push(failed(
                name,
                ErrorCode::InvalidRequest,
                "the request names the topic twice",
            ));
        }
        if request
            .topics
            .iter()
            .any(|t| &*t.name == CLUSTER_METADATA_TOPIC)
        {
            let message = "the metadata log is nobody's to create";
            result.response.topics.push(failed(
                CLUSTER_METADATA_TOPIC.into(),
                ErrorCode::InvalidRequest,
                message,
            ));
        }
        result
    }

    /// Topics come by name or by id; one that is named twice, either way, is refused.
    fn handle_delete_topics(
        &mut self,
        request: &DeleteTopicsRequest,
    ) -> ControllerResult<DeleteTopicsResponse> {
        let failed = |t: &DeleteTopicState, error: ErrorCode| DeletableTopicResult {
            name: t.name.clone(),
            topic_id: t.topic_id,
            error,
            error_message: None,
        };
        if let Err(e) = self.check_active() {
            let responses = request.topics.iter().map(|t| failed(t, e.error)).collect();
            return ControllerResult::of(
                rules::CONTROLLER_ACTIVATION,
                vec![],
                DeleteTopicsResponse {
                    responses,
                    ..Default::default()
                },
            );
        }
        let topics = &self.image().topics;
        let mut found: BTreeMap<Uuid, usize> = BTreeMap::new();
        let mut responses = Vec::new();
        for t in &request.topics {
            match resolve(topics, t) {
                Ok(id) => *found.entry(id).or_default() += 1,
                Err(error) => responses.push(failed(t, error)),
            }
        }
        for (id, _) in found.iter().filter(|(_, times)| **times > 1) {
            let topic = topics.topic(*id);
            responses.push(DeletableTopicResult {
                name: topic.map(|t| t.name.clone()),
                topic_id: *id,
                error: ErrorCode::InvalidRequest,
                error_message: Some("the request names the topic twice".into()),
            });
        }
        let once: Vec<Uuid> = found
            .into_iter()
            .filter(|(_, times)| *times == 1)
            .map(|(id, _)| id)
            .collect();
        let mut result = self.delete_topics(&once).expect("active");
        result.response.responses.extend(responses);
        result
    }

    fn handle_create_partitions(
        &mut self,
        request: &CreatePartitionsRequest,
        chance: &mut dyn Chance,
    ) -> ControllerResult<CreatePartitionsResponse> {
        let twice = duplicates(request.topics.iter().map(|t| t.name.clone()));
        let mut passed = request.clone();
        passed.topics.retain(|t| !twice.contains(&t.name));
        let failed = |name: Name, error: ErrorCode, message: &str| CreatePartitionsTopicResult {
            name,
            error,
            error_message: Some(message.into()),
        };
        let mut result = self.create_partitions(&passed, chance).unwrap_or_else(|e| {
            let all = passed
                .topics
                .iter()
                .map(|t| failed(t.name.clone(), e.error, &e.message))
                .collect();
            ControllerResult::of(
                rules::CONTROLLER_ACTIVATION,
                vec![],
                CreatePartitionsResponse {
                    results: all,
                    ..Default::default()
                },
            )
        });
        for name in twice {
            result.response.results.push(failed(
                name,
                ErrorCode::InvalidRequest,
                "the request names the topic twice",
            ));
        }
        result
    }
}

const CLUSTER_METADATA_TOPIC: &str = "__cluster_metadata";

fn resolve(topics: &TopicsImage, t: &DeleteTopicState) -> Result<Uuid, ErrorCode> {
    match &t.name {
        Some(_) if !t.topic_id.is_zero() => Err(ErrorCode::InvalidRequest),
        Some(name) => topics.id(name).ok_or(ErrorCode::UnknownTopicOrPartition),
        None if t.topic_id.is_zero() => Err(ErrorCode::InvalidRequest),
        None if topics.topic(t.topic_id).is_none() => Err(ErrorCode::UnknownTopicId),
        None => Ok(t.topic_id),
    }
}

fn duplicates(names: impl Iterator<Item = Name>) -> BTreeSet<Name> {
    let mut seen = BTreeSet::new();
    names.filter(|name| !seen.insert(name.clone())).collect()
}

fn split<T>(answer: &Result<T, ApiError>) -> (ErrorCode, Option<String>) {
    match answer {
        Ok(_) => (ErrorCode::None, None),
        Err(refusal) => (refusal.error, Some(refusal.message.clone())),
    }
}

/// A result, or a refusal without records, as a response.
fn respond<T, R: Into<Response>>(
    answer: Answer<T>,
    f: impl FnOnce(Result<T, ApiError>) -> R,
) -> ControllerResult<Response> {
    match answer {
        Ok(result) => result.map(|response| f(Ok(response)).into()),
        Err(refusal) => ControllerResult::of(
            rules::CONTROLLER_ACTIVATION,
            Vec::new(),
            f(Err(refusal)).into(),
        ),
    }
}
