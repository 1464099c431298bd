//! AddPartitionsToTxn and AddOffsetsToTxn: partitions join the transaction, or a broker asks whether they have.
//!
//! Source: `TransactionCoordinator.handleAddPartitionsToTransaction`, `handleVerifyPartitionsInTransaction`.

use super::coordinator::{Continuation, Coordinator, RequestToken, Response};
use super::metadata::TxnTransitMetadata;
use super::producer_ids::ProducerIdSource;
use super::state::{TransactionState, TransactionVersion};
use super::view::TransactionMetadataView;
use crate::runtime::java;
use protocol::{CoordinatorEpoch, Ctx, ErrorCode, Name, ProducerEpoch, ProducerId, TopicPartition};
use std::collections::BTreeSet;

/// Which transaction is meant: id, producer id, producer epoch.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TransactionOf {
    pub transactional_id: Name,
    pub producer_id: ProducerId,
    pub producer_epoch: ProducerEpoch,
}

/// The partition of `__consumer_offsets` that keeps a group's offsets (`GroupCoordinator.partitionFor`).
pub fn offsets_partition_for(group: &str, offsets_partitions: i32) -> TopicPartition {
    TopicPartition::new(
        "__consumer_offsets",
        java::partition_for(group, offsets_partitions),
    )
}

impl<P: ProducerIdSource> Coordinator<P> {
    /// Adds partitions. Those of AddOffsetsToTxn are one: that of the group ([`offsets_partition_for`]).
    pub fn add_partitions_to_txn(
        &mut self,
        token: RequestToken,
        of: &TransactionOf,
        partitions: &BTreeSet<TopicPartition>,
        client_version: TransactionVersion,
        view: &dyn TransactionMetadataView,
        ctx: &mut Ctx<'_>,
    ) {
        match self.prepare_add(of, partitions, client_version, ctx.now.ms()) {
            Err(error) => self.respond(token, Response::AddPartitions { error }),
            Ok((coordinator_epoch, transit)) => {
                let then = Continuation::AddPartitions { token };
                self.append_transition(
                    of.transactional_id.clone(),
                    coordinator_epoch,
                    transit,
                    then,
                    view,
                    ctx,
                );
            }
        }
    }

    /// `Err(NONE)`: all of them are in the transaction already, nothing has to be written.
    fn prepare_add(
        &mut self,
        of: &TransactionOf,
        partitions: &BTreeSet<TopicPartition>,
        client_version: TransactionVersion,
        now_ms: i64,
    ) -> Result<(CoordinatorEpoch, TxnTransitMetadata), ErrorCode> {
        if of.transactional_id.is_empty() {
            return Err(ErrorCode::InvalidRequest);
        }
        let (coordinator_epoch, metadata) = self
            .manager
            .get(&of.transactional_id)?
            .ok_or(ErrorCode::InvalidProducerIdMapping)?;
        let now = &metadata.now;
        if metadata.pending.is_some() {
            return Err(ErrorCode::ConcurrentTransactions);
        }
        if now.producer_id != of.producer_id {
            return Err(ErrorCode::InvalidProducerIdMapping);
        }
        if now.producer_epoch != of.producer_epoch {
            return Err(ErrorCode::ProducerFenced);
        }
        if now.state.is_prepare() {
            return Err(ErrorCode::ConcurrentTransactions);
        }
        if now.state == TransactionState::Ongoing && partitions.is_subset(&now.partitions) {
            return Err(ErrorCode::None);
        }
        Ok((
            coordinator_epoch,
            metadata.prepare_add_partitions(partitions, now_ms, client_version)?,
        ))
    }

    /// Tells a broker which partitions are in the transaction; changes nothing. The answer has them in order.
    pub fn verify_partitions_in_txn(
        &mut self,
        token: RequestToken,
        of: &TransactionOf,
        partitions: &BTreeSet<TopicPartition>,
    ) {
        let errors = match self.verify(of) {
            Err(error) => partitions.iter().map(|tp| (tp.clone(), error)).collect(),
            Ok(known) => partitions
                .iter()
                .map(|tp| {
                    let is_in = known.contains(tp);
                    (
                        tp.clone(),
                        if is_in {
                            ErrorCode::None
                        } else {
                            ErrorCode::TransactionAbortable
                        },
                    )
                })
                .collect(),
        };
        self.respond(token, Response::VerifyPartitions { errors });
    }

    fn verify(&mut self, of: &TransactionOf) -> Result<&BTreeSet<TopicPartition>, ErrorCode> {
        if of.transactional_id.is_empty() {
            return Err(ErrorCode::InvalidRequest);
        }
        let (_, metadata) = self
            .manager
            .get(&of.transactional_id)?
            .ok_or(ErrorCode::InvalidProducerIdMapping)?;
        let now = &metadata.now;
        if now.producer_id != of.producer_id {
            Err(ErrorCode::InvalidProducerIdMapping)
        } else if now.producer_epoch != of.producer_epoch {
            Err(ErrorCode::ProducerFenced)
        } else if now.state.is_prepare() {
            Err(ErrorCode::ConcurrentTransactions)
        } else {
            Ok(&now.partitions)
        }
    }
}
