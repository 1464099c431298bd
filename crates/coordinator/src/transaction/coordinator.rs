//! The coordinator itself: what it holds, what it is told of its partitions, its clocks, and what leaves it.
//!
//! Source: `TransactionCoordinator`.

use super::config::TransactionConfig;
use super::manager::{TransactionStateManager, TxnMetadataCacheEntry};
use super::markers::MarkerChannelManager;
use super::metadata::{TransactionMetadata, TxnTransitMetadata};
use super::producer_ids::ProducerIdSource;
use super::record::{self, ReadResult};
use super::state::{TransactionResult, TransactionState};
use super::view::TransactionMetadataView;
use bytes::Bytes;
use protocol::trace::{Fact, FactKey, FactKind, RuleId, Subject};
use protocol::{
    CoordinatorEpoch, Ctx, ErrorCode, Instant, Ms, Name, ProducerEpoch, ProducerId, TopicPartition,
};
use std::collections::BTreeMap;

/// Names a request, so that its answer finds back. The host chooses it.
pub type RequestToken = u64;

/// An answer.
#[derive(Clone, PartialEq, Debug)]
pub enum Response {
    InitProducerId {
        error: ErrorCode,
        producer_id: ProducerId,
        producer_epoch: ProducerEpoch,
    },
    /// To AddPartitionsToTxn and AddOffsetsToTxn: one error for all partitions.
    AddPartitions { error: ErrorCode },
    /// To AddPartitionsToTxn that only verifies, by partition.
    VerifyPartitions {
        errors: Vec<(TopicPartition, ErrorCode)>,
    },
    EndTxn {
        error: ErrorCode,
        producer_id: ProducerId,
        producer_epoch: ProducerEpoch,
    },
}

/// One record for `__transaction_state`; no value = tombstone.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TxnLogRecord {
    pub key: Bytes,
    pub value: Option<Bytes>,
}

/// What leaves the coordinator, in order.
#[derive(Clone, PartialEq, Debug)]
pub enum Output {
    Respond {
        token: RequestToken,
        response: Response,
    },
    /// Append these records as one batch to that partition of `__transaction_state`, with acks = all, and say how it went
    /// ([`Coordinator::append_completed`]).
    Append {
        token: u64,
        partition: i32,
        coordinator_epoch: CoordinatorEpoch,
        timestamp_ms: Ms,
        records: Vec<TxnLogRecord>,
    },
    /// Read that partition from its start and hand its records in ([`Coordinator::load`]).
    Load {
        partition: i32,
        coordinator_epoch: CoordinatorEpoch,
    },
}

/// Who asked for a transaction to end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum EndCause {
    Client(RequestToken),
    /// A newer instance: it is told to come back.
    InitProducerId(RequestToken),
    Timeout,
}

/// What follows when a write is answered.
#[derive(Clone, Debug)]
pub(super) enum Continuation {
    InitProducerId {
        token: RequestToken,
        producer_id: ProducerId,
        producer_epoch: ProducerEpoch,
    },
    AddPartitions {
        token: RequestToken,
    },
    EndTxn {
        cause: EndCause,
        producer_id: ProducerId,
        producer_epoch: ProducerEpoch,
        result: TransactionResult,
        epoch_bump: bool,
        is_epoch_fence: bool,
    },
    Complete {
        number: u64,
    },
}

/// A write on its way.
#[derive(Clone, Debug)]
pub(super) enum Append {
    Transition {
        transactional_id: Name,
        coordinator_epoch: CoordinatorEpoch,
        transit: TxnTransitMetadata,
        then: Continuation,
    },
    /// Tombstones: (id, epoch of the producer).
    Expiration {
        partition: i32,
        coordinator_epoch: CoordinatorEpoch,
        expired: Vec<(Name, ProducerEpoch)>,
    },
}

/// The transaction coordinator of a broker, over a source of producer ids.
#[derive(Clone, Debug)]
pub struct Coordinator<P> {
    pub(super) config: TransactionConfig,
    pub(super) manager: TransactionStateManager,
    pub(super) markers: MarkerChannelManager,
    pub(super) producer_ids: P,
    pub(super) appends: BTreeMap<u64, Append>,
    next_append: u64,
    pub(super) outbox: Vec<Output>,
    next_abort_ms: Ms,
    next_expiration_ms: Ms,
}

impl<P: ProducerIdSource> Coordinator<P> {
    /// Starts; it leads no partition yet. `partitions`: how many `__transaction_state` has.
    pub fn start(
        config: TransactionConfig,
        partitions: i32,
        producer_ids: P,
        now: Instant,
    ) -> Self {
        let now_ms = now.ms();
        Self {
            next_abort_ms: now_ms + config.abort_timed_out_interval_ms,
            next_expiration_ms: now_ms + config.remove_expired_interval_ms,
            config,
            manager: TransactionStateManager {
                partitions,
                loading: Default::default(),
                cache: BTreeMap::new(),
            },
            markers: MarkerChannelManager::default(),
            producer_ids,
            appends: BTreeMap::new(),
            next_append: 0,
            outbox: Vec::new(),
        }
    }

    pub fn producer_ids_mut(&mut self) -> &mut P {
        &mut self.producer_ids
    }

    pub fn take_outbox(&mut self) -> Vec<Output> {
        std::mem::take(&mut self.outbox)
    }

    pub fn partition_for(&self, transactional_id: &str) -> i32 {
        self.manager.partition_for(transactional_id)
    }

    /// Everything that is in memory: partition, coordinator epoch, id.
    pub fn transactions(
        &self,
    ) -> impl Iterator<Item = (i32, CoordinatorEpoch, &TransactionMetadata)> {
        self.manager.cache.iter().flat_map(|(&partition, entry)| {
            entry
                .transactions
                .values()
                .map(move |metadata| (partition, entry.coordinator_epoch, metadata))
        })
    }

    /// This broker became leader of a partition (`onElection`): its transactions are loaded. Nothing of an earlier leadership goes on.
    pub fn on_election(&mut self, partition: i32, coordinator_epoch: CoordinatorEpoch) {
        self.markers.remove_txn_partition(partition);
        self.manager.loading.insert((partition, coordinator_epoch));
        self.outbox.push(Output::Load {
            partition,
            coordinator_epoch,
        });
    }

    /// It leads no more (`onResignation`). `coordinator_epoch` is absent when the replica itself was taken away.
    pub fn on_resignation(&mut self, partition: i32, coordinator_epoch: Option<CoordinatorEpoch>) {
        self.manager.loading.retain(|&(loading, epoch)| {
            loading != partition || coordinator_epoch.is_some_and(|resigned| epoch >= resigned)
        });
        self.manager.cache.remove(&partition);
        self.markers.remove_txn_partition(partition);
    }

    /// The records of a partition, from its start. The last one of an id counts; decided transactions are finished. A load that was
    /// overtaken by a resignation is thrown away (`loadTransactionsForTxnTopicPartition`).
    pub fn load(
        &mut self,
        partition: i32,
        coordinator_epoch: CoordinatorEpoch,
        records: impl IntoIterator<Item = TxnLogRecord>,
        view: &dyn TransactionMetadataView,
        ctx: &mut Ctx<'_>,
    ) {
        let mut transactions = BTreeMap::new();
        for record in records {
            match record::read(&record.key, record.value.as_ref()) {
                Some(ReadResult::Record(metadata)) => {
                    transactions.insert(metadata.transactional_id.clone(), metadata);
                }
                Some(ReadResult::Tombstone(id)) => {
                    transactions.remove(&id);
                }
                // Of a version from the future, or no record of ours: passed over, as Kafka does.
                Some(ReadResult::Unknown) | None => {}
            }
        }
        if !self
            .manager
            .loading
            .contains(&(partition, coordinator_epoch))
        {
            return;
        }
        let mut decided = Vec::new();
        for metadata in transactions.values_mut() {
            let result = match metadata.now.state {
                TransactionState::PrepareAbort => TransactionResult::Abort,
                TransactionState::PrepareCommit => TransactionResult::Commit,
                _ => continue,
            };
            if let Ok(transit) = metadata.prepare_complete(ctx.now.ms()) {
                decided.push((metadata.transactional_id.clone(), result, transit));
            }
        }
        self.manager.cache.insert(
            partition,
            TxnMetadataCacheEntry {
                coordinator_epoch,
                transactions,
            },
        );
        self.manager.loading.remove(&(partition, coordinator_epoch));
        for (id, result, transit) in decided {
            self.add_markers_to_send(coordinator_epoch, result, &id, transit, view, ctx);
        }
    }

    /// Runs the periodic tasks that are due. Answers when the next one is.
    pub fn poll(&mut self, view: &dyn TransactionMetadataView, ctx: &mut Ctx<'_>) -> Instant {
        let now_ms = ctx.now.ms();
        while self.next_abort_ms <= now_ms {
            self.next_abort_ms += self.config.abort_timed_out_interval_ms;
            self.abort_timed_out_transactions(view, ctx);
        }
        while self.next_expiration_ms <= now_ms {
            self.next_expiration_ms += self.config.remove_expired_interval_ms;
            self.remove_expired_transactional_ids(ctx);
        }
        Instant::from_ms(self.next_abort_ms.min(self.next_expiration_ms))
    }

    pub(super) fn respond(&mut self, token: RequestToken, response: Response) {
        self.outbox.push(Output::Respond { token, response });
    }

    pub(super) fn push_append(
        &mut self,
        append: Append,
        partition: i32,
        coordinator_epoch: CoordinatorEpoch,
        timestamp_ms: Ms,
        records: Vec<TxnLogRecord>,
    ) {
        let token = self.next_append;
        self.next_append += 1;
        self.appends.insert(token, append);
        self.outbox.push(Output::Append {
            token,
            partition,
            coordinator_epoch,
            timestamp_ms,
            records,
        });
    }

    /// Tells the trace of a change of a transaction's state, with what the rule read.
    pub(super) fn report(
        ctx: &mut Ctx<'_>,
        metadata: &TransactionMetadata,
        from: TransactionState,
        rule: RuleId,
    ) {
        let subject = || Subject::Transaction(metadata.transactional_id.clone());
        let now = &metadata.now;
        ctx.changed(
            FactKey::new(FactKind::TransactionState, subject()),
            from.name(),
            now.state.name(),
            rule,
            || {
                vec![
                    Fact::new(
                        FactKey::new(FactKind::ProducerIdAndEpoch, subject()),
                        i64::from(now.producer_epoch.get()),
                    ),
                    Fact::new(
                        FactKey::new(FactKind::TransactionPartitions, subject()),
                        now.partitions.len() as i64,
                    ),
                    Fact::new(
                        FactKey::new(FactKind::TransactionDeadline, subject()),
                        if now.start_ms < 0 {
                            -1
                        } else {
                            now.start_ms + i64::from(now.txn_timeout_ms)
                        },
                    ),
                ]
            },
        );
    }
}
