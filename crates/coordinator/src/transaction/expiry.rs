//! Ids that nobody has used for long are forgotten: a tombstone is written, then they leave memory.
//!
//! Source: `TransactionStateManager.removeExpiredTransactionalIds`, `writeTombstonesForExpiredTransactionalIds`.

use super::coordinator::{Append, Coordinator, TxnLogRecord};
use super::producer_ids::ProducerIdSource;
use super::record::key_to_bytes;
use super::state::TransactionState;
use protocol::record::{BATCH_OVERHEAD, size_of_record};
use protocol::{CoordinatorEpoch, Ctx, ErrorCode, Name, ProducerEpoch};

/// Most bytes of one batch of tombstones (`max.message.bytes` of `__transaction_state`).
const MAX_BATCH_BYTES: usize = 1_048_588;

impl<P: ProducerIdSource> Coordinator<P> {
    pub(super) fn remove_expired_transactional_ids(&mut self, ctx: &mut Ctx<'_>) {
        let now_ms = ctx.now.ms();
        let oldest_ms = now_ms - self.config.expiration_ms;
        let partitions: Vec<i32> = self.manager.cache.keys().copied().collect();
        for partition in partitions {
            let Some(entry) = self.manager.cache.get_mut(&partition) else {
                continue;
            };
            let coordinator_epoch = entry.coordinator_epoch;
            let mut batches: Vec<(Vec<TxnLogRecord>, Vec<(Name, ProducerEpoch)>)> = Vec::new();
            let mut size = MAX_BATCH_BYTES;
            for metadata in entry.transactions.values_mut() {
                let is_due = metadata.pending.is_none()
                    && metadata.now.state.is_expiration_allowed()
                    && metadata.now.last_update_ms <= oldest_ms;
                if !is_due {
                    continue;
                }
                let key = key_to_bytes(&metadata.transactional_id);
                let record_size = size_of_record(i32::MAX, 0, Some(&key), None, &[]);
                let Ok(dead) = metadata.prepare_dead() else {
                    continue;
                };
                if size + record_size > MAX_BATCH_BYTES {
                    batches.push(Default::default());
                    size = BATCH_OVERHEAD;
                }
                size += record_size;
                let (records, expired) = batches.last_mut().expect("one was opened");
                records.push(TxnLogRecord { key, value: None });
                expired.push((metadata.transactional_id.clone(), dead.producer_epoch));
            }
            for (records, expired) in batches {
                let append = Append::Expiration {
                    partition,
                    coordinator_epoch,
                    expired,
                };
                self.push_append(append, partition, coordinator_epoch, now_ms, records);
            }
        }
    }

    /// The tombstones are written: the ids leave memory. Otherwise they stay and go at the next check.
    pub(super) fn expiration_written(
        &mut self,
        partition: i32,
        coordinator_epoch: CoordinatorEpoch,
        expired: &[(Name, ProducerEpoch)],
        error: ErrorCode,
    ) {
        let Some(entry) = self.manager.cache.get_mut(&partition) else {
            return;
        };
        let is_current = entry.coordinator_epoch == coordinator_epoch;
        for (id, epoch) in expired {
            let Some(metadata) = entry.transactions.get_mut(id) else {
                continue;
            };
            let is_dead = metadata.pending == Some(TransactionState::Dead)
                && metadata.now.producer_epoch == *epoch;
            if is_current && is_dead && error == ErrorCode::None {
                entry.transactions.remove(id);
            } else {
                metadata.pending = None;
            }
        }
    }
}
