//! Which transactions a cleaning pass has met (`CleanedTransactionMetadata`).

use crate::txn_index::AbortedTxn;
use protocol::record::{ControlRecordType, RecordBatch, RecordError};
use std::collections::{BTreeMap, BTreeSet};

#[derive(Debug)]
struct OngoingAborted {
    txn: AbortedTxn,
    /// Data of it was met in this pass.
    observed: bool,
}

/// Follows transactions through the batches of a pass, in offset order.
#[derive(Debug, Default)]
pub struct CleanedTransactions {
    committed: BTreeSet<i64>,
    aborted: BTreeMap<i64, OngoingAborted>,
    /// Not begun yet, by (first offset, order of arrival).
    pending: BTreeMap<(i64, usize), AbortedTxn>,
    arrivals: usize,
}

/// What a marker means for the pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MarkerVerdict {
    /// Nothing of its transaction is left.
    pub discardable: bool,
    /// The aborted transaction stays known: its entry goes to the cleaned segment.
    pub keep_entry: Option<AbortedTxn>,
}

impl CleanedTransactions {
    pub fn add_aborted(&mut self, aborted: impl IntoIterator<Item = AbortedTxn>) {
        for txn in aborted {
            self.pending.insert((txn.first_offset, self.arrivals), txn);
            self.arrivals += 1;
        }
    }

    fn begin_up_to(&mut self, offset: i64) {
        while let Some(entry) = self.pending.first_entry() {
            if entry.key().0 > offset {
                break;
            }
            let txn = entry.remove();
            self.aborted
                .entry(txn.producer_id)
                .or_insert(OngoingAborted {
                    txn,
                    observed: false,
                });
        }
    }

    /// # Errors
    /// If the control record cannot be read.
    pub fn on_control_batch(&mut self, batch: &RecordBatch) -> Result<MarkerVerdict, RecordError> {
        self.begin_up_to(batch.last_offset());
        let verdict = |discardable| MarkerVerdict {
            discardable,
            keep_entry: None,
        };
        let Some(record) = batch.records()?.next() else {
            return Ok(verdict(true));
        };
        Ok(match ControlRecordType::parse(record?.key.as_ref())? {
            ControlRecordType::Abort => match self.aborted.remove(&batch.producer_id()) {
                Some(ongoing) if ongoing.observed => MarkerVerdict {
                    discardable: false,
                    keep_entry: Some(ongoing.txn),
                },
                _ => verdict(true),
            },
            ControlRecordType::Commit => verdict(!self.committed.remove(&batch.producer_id())),
            _ => verdict(false),
        })
    }

    /// Whether a data batch belongs to an aborted transaction.
    pub fn on_data_batch(&mut self, batch: &RecordBatch) -> bool {
        self.begin_up_to(batch.last_offset());
        if !batch.is_transactional() {
            return false;
        }
        match self.aborted.get_mut(&batch.producer_id()) {
            Some(ongoing) => {
                ongoing.observed = true;
                true
            }
            None => {
                self.committed.insert(batch.producer_id());
                false
            }
        }
    }
}
