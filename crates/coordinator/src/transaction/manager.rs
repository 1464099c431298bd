//! The partitions of `__transaction_state` that this broker leads, and the transactional ids in them.
//!
//! Source: `TransactionStateManager` (what it keeps; writing is in [`super::append`]).

use super::metadata::TransactionMetadata;
use crate::runtime::java::partition_for;
use protocol::{CoordinatorEpoch, ErrorCode, Name};
use std::collections::{BTreeMap, BTreeSet};

/// One partition (`TxnMetadataCacheEntry`).
#[derive(Clone, Debug)]
pub struct TxnMetadataCacheEntry {
    pub coordinator_epoch: CoordinatorEpoch,
    pub transactions: BTreeMap<Name, TransactionMetadata>,
}

/// Which ids are known, and which are being loaded.
#[derive(Clone, Debug)]
pub struct TransactionStateManager {
    /// Partitions of `__transaction_state`.
    pub partitions: i32,
    pub loading: BTreeSet<(i32, CoordinatorEpoch)>,
    pub cache: BTreeMap<i32, TxnMetadataCacheEntry>,
}

impl TransactionStateManager {
    pub fn partition_for(&self, transactional_id: &str) -> i32 {
        partition_for(transactional_id, self.partitions)
    }

    fn entry(&mut self, transactional_id: &str) -> Result<&mut TxnMetadataCacheEntry, ErrorCode> {
        let partition = self.partition_for(transactional_id);
        if self
            .loading
            .iter()
            .any(|&(loading, _)| loading == partition)
        {
            return Err(ErrorCode::CoordinatorLoadInProgress);
        }
        self.cache
            .get_mut(&partition)
            .ok_or(ErrorCode::NotCoordinator)
    }

    /// The coordinator epoch and what is known of the id; none if it is not known.
    #[allow(clippy::type_complexity)]
    pub fn get(
        &mut self,
        transactional_id: &str,
    ) -> Result<Option<(CoordinatorEpoch, &mut TransactionMetadata)>, ErrorCode> {
        let entry = self.entry(transactional_id)?;
        let epoch = entry.coordinator_epoch;
        Ok(entry
            .transactions
            .get_mut(transactional_id)
            .map(|metadata| (epoch, metadata)))
    }

    /// The id, if it is known and the coordinator epoch is still the given one.
    pub fn get_at(
        &mut self,
        transactional_id: &str,
        epoch: CoordinatorEpoch,
    ) -> Option<&mut TransactionMetadata> {
        match self.get(transactional_id) {
            Ok(Some((current, metadata))) if current == epoch => Some(metadata),
            _ => None,
        }
    }

    pub fn put_if_absent(&mut self, metadata: TransactionMetadata) -> Result<(), ErrorCode> {
        let entry = self.entry(&metadata.transactional_id.clone())?;
        entry
            .transactions
            .entry(metadata.transactional_id.clone())
            .or_insert(metadata);
        Ok(())
    }
}
