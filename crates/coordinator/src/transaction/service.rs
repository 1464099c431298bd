//! The coordinator behind Kafka's requests: takes them as they travel, answers them as they travel.
//!
//! It knows which version of a request means what, and nothing more; authorization is not modelled. Source: `KafkaApis.handleInitProducerId…`,
//! `…AddPartitionsToTxn…`, `…AddOffsetsToTxn…`, `…EndTxn…`, `…DescribeTransactions…`, `…ListTransactions…`.

use super::add::{TransactionOf, offsets_partition_for};
use super::coordinator::{Coordinator, Output, Response, TxnLogRecord};
use super::init::InitProducerId;
use super::producer_ids::ProducerIdSource;
use super::state::{TransactionResult, TransactionVersion};
use super::view::TransactionMetadataView;
use protocol::messages::*;
use protocol::{
    CoordinatorEpoch, Ctx, ErrorCode, Ms, Name, ProducerEpoch, ProducerId, TopicPartition,
};
use std::collections::{BTreeMap, BTreeSet};

/// Names a request of the host's, so that its answer finds back.
pub type RequestId = u64;

/// What a request that is being worked on needs for its answer.
#[derive(Clone, Debug)]
enum Asked {
    Init {
        request: RequestId,
        version: i16,
    },
    /// One transaction of an AddPartitionsToTxn.
    Add {
        request: RequestId,
        transactional_id: Name,
        partitions: BTreeSet<TopicPartition>,
        version: i16,
    },
    AddOffsets {
        request: RequestId,
        version: i16,
    },
    EndTxn {
        request: RequestId,
        version: i16,
    },
}

/// An AddPartitionsToTxn of which some transactions are still being worked on.
#[derive(Clone, Debug)]
struct Several {
    left: usize,
    results: Vec<AddPartitionsToTxnResult>,
}

/// What leaves the service.
#[derive(Clone, PartialEq, Debug)]
pub enum ServiceOutput {
    Answer {
        request: RequestId,
        response: protocol::messages::Response,
    },
    /// As [`Output::Append`].
    Append {
        token: u64,
        partition: i32,
        coordinator_epoch: CoordinatorEpoch,
        timestamp_ms: Ms,
        records: Vec<TxnLogRecord>,
    },
    /// As [`Output::Load`].
    Load {
        partition: i32,
        coordinator_epoch: CoordinatorEpoch,
    },
}

/// A coordinator and the requests that wait in it.
#[derive(Clone, Debug)]
pub struct Service<P> {
    pub coordinator: Coordinator<P>,
    /// How many partitions `__consumer_offsets` has.
    pub offsets_partitions: i32,
    asked: BTreeMap<u64, Asked>,
    several: BTreeMap<RequestId, Several>,
    next_token: u64,
    answers: Vec<(RequestId, protocol::messages::Response)>,
}

impl<P: ProducerIdSource> Service<P> {
    pub fn new(coordinator: Coordinator<P>, offsets_partitions: i32) -> Self {
        Self {
            coordinator,
            offsets_partitions,
            asked: BTreeMap::new(),
            several: BTreeMap::new(),
            next_token: 0,
            answers: Vec::new(),
        }
    }

    /// Takes a request of the given version; false if it is not one of the transaction coordinator's. The answer comes out of
    /// [`Service::take_outputs`], now or later.
    pub fn handle(
        &mut self,
        id: RequestId,
        version: i16,
        request: &Request,
        view: &dyn TransactionMetadataView,
        ctx: &mut Ctx<'_>,
    ) -> bool {
        match request {
            Request::InitProducerId(r) => self.init_producer_id(id, version, r, view, ctx),
            Request::AddPartitionsToTxn(r) => self.add_partitions(id, version, r, view, ctx),
            Request::AddOffsetsToTxn(r) => {
                let token = self.token(Asked::AddOffsets {
                    request: id,
                    version,
                });
                let of = TransactionOf {
                    transactional_id: r.transactional_id.clone(),
                    producer_id: r.producer_id,
                    producer_epoch: r.producer_epoch,
                };
                let partition =
                    [offsets_partition_for(&r.group_id, self.offsets_partitions)].into();
                // Clients that know of version 2 never send it.
                let client = TransactionVersion::TV_0;
                self.coordinator
                    .add_partitions_to_txn(token, &of, &partition, client, view, ctx);
            }
            Request::EndTxn(r) => {
                let token = self.token(Asked::EndTxn {
                    request: id,
                    version,
                });
                let of = TransactionOf {
                    transactional_id: r.transactional_id.clone(),
                    producer_id: r.producer_id,
                    producer_epoch: r.producer_epoch,
                };
                let result = if r.committed {
                    TransactionResult::Commit
                } else {
                    TransactionResult::Abort
                };
                let client = if version > 4 {
                    TransactionVersion::TV_2
                } else {
                    TransactionVersion::TV_0
                };
                self.coordinator
                    .end_txn(token, &of, result, client, view, ctx);
            }
            Request::DescribeTransactions(r) => {
                let transaction_states = r
                    .transactional_ids
                    .iter()
                    .map(|id| self.coordinator.describe_transaction(id))
                    .collect();
                self.answer(
                    id,
                    DescribeTransactionsResponse {
                        transaction_states,
                        ..Default::default()
                    }
                    .into(),
                );
            }
            Request::ListTransactions(r) => {
                let response = self.coordinator.list_transactions(r, ctx.now.ms());
                self.answer(id, response.into());
            }
            _ => return false,
        }
        true
    }

    fn token(&mut self, asked: Asked) -> u64 {
        let token = self.next_token;
        self.next_token += 1;
        self.asked.insert(token, asked);
        token
    }

    fn answer(&mut self, id: RequestId, response: protocol::messages::Response) {
        self.answers.push((id, response));
    }

    fn init_producer_id(
        &mut self,
        id: RequestId,
        version: i16,
        r: &InitProducerIdRequest,
        view: &dyn TransactionMetadataView,
        ctx: &mut Ctx<'_>,
    ) {
        if r.producer_id.is_none() != r.producer_epoch.is_none() {
            let response = InitProducerIdResponse {
                error: ErrorCode::InvalidRequest,
                producer_epoch: ProducerEpoch::NONE,
                ..Default::default()
            };
            self.answer(id, response.into());
            return;
        }
        let request = InitProducerId {
            transactional_id: r.transactional_id.clone(),
            timeout_ms: r.transaction_timeout_ms,
            expected: (!r.producer_id.is_none()).then_some((r.producer_id, r.producer_epoch)),
            enable_2pc: r.enable_2pc,
            keep_prepared_txn: r.keep_prepared_txn,
        };
        let token = self.token(Asked::Init {
            request: id,
            version,
        });
        self.coordinator.init_producer_id(token, request, view, ctx);
    }

    fn add_partitions(
        &mut self,
        id: RequestId,
        version: i16,
        r: &AddPartitionsToTxnRequest,
        view: &dyn TransactionMetadataView,
        ctx: &mut Ctx<'_>,
    ) {
        if r.transactions.is_empty() {
            self.answer(id, AddPartitionsToTxnResponse::default().into());
            return;
        }
        self.several.insert(
            id,
            Several {
                left: r.transactions.len(),
                results: Vec::new(),
            },
        );
        for transaction in &r.transactions {
            let partitions: BTreeSet<TopicPartition> = transaction
                .topics
                .iter()
                .flat_map(|topic| {
                    topic
                        .partitions
                        .iter()
                        .map(|&p| TopicPartition::new(topic.name.clone(), p))
                })
                .collect();
            if partitions.iter().any(|tp| !view.contains(tp)) {
                // One that is not there spoils it for all.
                let errors = partitions
                    .into_iter()
                    .map(|tp| {
                        let is_known = view.contains(&tp);
                        let error = if is_known {
                            ErrorCode::OperationNotAttempted
                        } else {
                            ErrorCode::UnknownTopicOrPartition
                        };
                        (tp, error)
                    })
                    .collect::<Vec<_>>();
                self.add_result(id, &transaction.transactional_id, &errors);
                continue;
            }
            let of = TransactionOf {
                transactional_id: transaction.transactional_id.clone(),
                producer_id: transaction.producer_id,
                producer_epoch: transaction.producer_epoch,
            };
            let token = self.token(Asked::Add {
                request: id,
                transactional_id: transaction.transactional_id.clone(),
                partitions: partitions.clone(),
                version,
            });
            if transaction.verify_only {
                self.coordinator
                    .verify_partitions_in_txn(token, &of, &partitions);
            } else {
                let client = if version > 3 {
                    TransactionVersion::TV_2
                } else {
                    TransactionVersion::TV_0
                };
                self.coordinator
                    .add_partitions_to_txn(token, &of, &partitions, client, view, ctx);
            }
        }
    }

    /// One more transaction of an AddPartitionsToTxn is done; with the last one the answer leaves.
    fn add_result(
        &mut self,
        id: RequestId,
        transactional_id: &Name,
        errors: &[(TopicPartition, ErrorCode)],
    ) {
        let mut topics: BTreeMap<Name, Vec<AddPartitionsToTxnPartitionResult>> = BTreeMap::new();
        for (tp, error) in errors {
            let result = AddPartitionsToTxnPartitionResult {
                partition_index: tp.partition,
                partition_error: *error,
            };
            topics.entry(tp.topic.clone()).or_default().push(result);
        }
        let topic_results = topics
            .into_iter()
            .map(
                |(name, results_by_partition)| AddPartitionsToTxnTopicResult {
                    name,
                    results_by_partition,
                },
            )
            .collect();
        let Some(several) = self.several.get_mut(&id) else {
            return;
        };
        several.left -= 1;
        several.results.push(AddPartitionsToTxnResult {
            transactional_id: transactional_id.clone(),
            topic_results,
        });
        if several.left == 0 {
            let results_by_transaction = self
                .several
                .remove(&id)
                .map(|s| s.results)
                .unwrap_or_default();
            self.answer(
                id,
                AddPartitionsToTxnResponse {
                    results_by_transaction,
                    ..Default::default()
                }
                .into(),
            );
        }
    }

    /// Everything that leaves, in order: what the coordinator said, each answer in the form of its request.
    pub fn take_outputs(&mut self) -> Vec<ServiceOutput> {
        let mut outputs = Vec::new();
        for output in self.coordinator.take_outbox() {
            match output {
                Output::Respond { token, response } => {
                    if let Some(asked) = self.asked.remove(&token) {
                        self.answered(asked, response);
                    }
                    self.move_answers(&mut outputs);
                }
                Output::Append {
                    token,
                    partition,
                    coordinator_epoch,
                    timestamp_ms,
                    records,
                } => {
                    outputs.push(ServiceOutput::Append {
                        token,
                        partition,
                        coordinator_epoch,
                        timestamp_ms,
                        records,
                    });
                }
                Output::Load {
                    partition,
                    coordinator_epoch,
                } => {
                    outputs.push(ServiceOutput::Load {
                        partition,
                        coordinator_epoch,
                    });
                }
            }
        }
        self.move_answers(&mut outputs);
        outputs
    }

    fn move_answers(&mut self, outputs: &mut Vec<ServiceOutput>) {
        let answers = self.answers.drain(..);
        outputs
            .extend(answers.map(|(request, response)| ServiceOutput::Answer { request, response }));
    }

    fn answered(&mut self, asked: Asked, response: Response) {
        match (asked, response) {
            (
                Asked::Init { request, version },
                Response::InitProducerId {
                    error,
                    producer_id,
                    producer_epoch,
                },
            ) => {
                let error = for_version(error, version, 4);
                let response = InitProducerIdResponse {
                    error,
                    producer_id,
                    producer_epoch,
                    ..Default::default()
                };
                self.answer(request, response.into());
            }
            (
                Asked::Add {
                    request,
                    transactional_id,
                    partitions,
                    version,
                },
                Response::AddPartitions { error },
            ) => {
                let error = for_version(error, version, 2);
                let errors: Vec<_> = partitions.into_iter().map(|tp| (tp, error)).collect();
                self.add_result(request, &transactional_id, &errors);
            }
            (
                Asked::Add {
                    request,
                    transactional_id,
                    ..
                },
                Response::VerifyPartitions { errors },
            ) => {
                self.add_result(request, &transactional_id, &errors);
            }
            (Asked::AddOffsets { request, version }, Response::AddPartitions { error }) => {
                let error = for_version(error, version, 2);
                self.answer(
                    request,
                    AddOffsetsToTxnResponse {
                        error,
                        ..Default::default()
                    }
                    .into(),
                );
            }
            (
                Asked::EndTxn { request, version },
                Response::EndTxn {
                    error,
                    producer_id,
                    producer_epoch,
                },
            ) => {
                let error = for_version(error, version, 2);
                let response = EndTxnResponse {
                    error,
                    producer_id,
                    producer_epoch,
                    ..Default::default()
                };
                self.answer(request, response.into());
            }
            (asked, response) => unreachable!("{asked:?} is answered with {response:?}"),
        }
    }
}

/// Clients before `since` do not know PRODUCER_FENCED.
fn for_version(error: ErrorCode, version: i16, since: i16) -> ErrorCode {
    if version < since && error == ErrorCode::ProducerFenced {
        ErrorCode::InvalidProducerEpoch
    } else {
        error
    }
}

/// The answer to an InitProducerId without a transactional id, for hosts that need no coordinator for it.
pub fn idempotent_response(generated: Result<ProducerId, ErrorCode>) -> InitProducerIdResponse {
    match generated {
        Ok(producer_id) => InitProducerIdResponse {
            producer_id,
            producer_epoch: ProducerEpoch(0),
            ..Default::default()
        },
        Err(error) => InitProducerIdResponse {
            error,
            producer_epoch: ProducerEpoch::NONE,
            ..Default::default()
        },
    }
}
