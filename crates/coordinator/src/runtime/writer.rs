//! The port through which a shard's batches reach its partition.

use protocol::{ErrorCode, Offset, ProducerEpoch, ProducerId};

/// One batch to append: the records of one event.
#[derive(Debug, Clone, PartialEq)]
pub enum Batch<'a, R> {
    Records {
        /// [`ProducerId::NONE`] unless the batch is transactional.
        producer_id: ProducerId,
        producer_epoch: ProducerEpoch,
        records: &'a [R],
    },
    /// A marker that ends a transaction on this partition.
    EndTransaction {
        producer_id: ProducerId,
        producer_epoch: ProducerEpoch,
        coordinator_epoch: i32,
        commit: bool,
    },
}

/// The log of the shard's partition (`PartitionWriter.append`). It answers at once: the offset after the batch, or why
/// nothing was appended. When the high watermark moves, the host tells the shard, after the append returned.
pub trait PartitionWriter<R> {
    fn append(&mut self, batch: Batch<'_, R>) -> Result<Offset, ErrorCode>;

    /// One past the last record of the log.
    fn end_offset(&self) -> Offset;
}
