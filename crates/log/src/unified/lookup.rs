//! Offsets by time, as ListOffsets asks (`UnifiedLog.fetchOffsetByTimestamp`).

use super::UnifiedLog;
use crate::error::LogError;
use protocol::{LeaderEpoch, Ms, Offset};

/// What is asked for. The numbers are ListOffsets' negative timestamps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OffsetSpec {
    /// The first record at or after this time, ms.
    Timestamp(Ms),
    /// −1: the log end.
    Latest,
    /// −2: the log start.
    Earliest,
    /// −3: the record with the greatest timestamp.
    MaxTimestamp,
    /// −4: the log start on this broker's own disk.
    EarliestLocal,
    /// −5: the last offset in tiered storage.
    LatestTiered,
    /// −6: the first offset that is to go to tiered storage.
    EarliestPendingUpload,
}

impl OffsetSpec {
    /// From the timestamp field of a request; `None` for negative numbers without a meaning.
    pub fn from_timestamp(timestamp: Ms) -> Option<Self> {
        Some(match timestamp {
            -1 => OffsetSpec::Latest,
            -2 => OffsetSpec::Earliest,
            -3 => OffsetSpec::MaxTimestamp,
            -4 => OffsetSpec::EarliestLocal,
            -5 => OffsetSpec::LatestTiered,
            -6 => OffsetSpec::EarliestPendingUpload,
            _ if timestamp >= 0 => OffsetSpec::Timestamp(timestamp),
            _ => return None,
        })
    }
}

/// An answer: timestamp (−1 where the question names none), offset, the epoch of the batch where it has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimestampAndOffset {
    pub timestamp: Ms,
    pub offset: Offset,
    pub leader_epoch: Option<LeaderEpoch>,
}

fn answer(timestamp: Ms, offset: i64, leader_epoch: Option<i32>) -> TimestampAndOffset {
    TimestampAndOffset {
        timestamp,
        offset: Offset(offset),
        leader_epoch: leader_epoch.map(LeaderEpoch),
    }
}

fn known(epoch: i32) -> Option<i32> {
    (epoch >= 0).then_some(epoch)
}

impl UnifiedLog {
    /// The log's own answer; that a client must not see beyond high watermark or last stable offset is the partition's rule.
    ///
    /// # Errors
    /// If a batch on the way cannot be read.
    pub fn fetch_offset_by_timestamp(
        &self,
        spec: OffsetSpec,
    ) -> Result<Option<TimestampAndOffset>, LogError> {
        Ok(match spec {
            OffsetSpec::Earliest | OffsetSpec::EarliestLocal => {
                let epoch = self
                    .epochs
                    .earliest()
                    .filter(|(_, start)| *start <= self.log_start_offset);
                Some(answer(
                    -1,
                    self.log_start_offset,
                    epoch.map(|(epoch, _)| epoch),
                ))
            }
            OffsetSpec::Latest => Some(answer(
                -1,
                self.next_offset.offset,
                self.epochs.latest_epoch(),
            )),
            // Nothing is tiered here.
            OffsetSpec::LatestTiered | OffsetSpec::EarliestPendingUpload => {
                Some(answer(-1, -1, Some(-1)))
            }
            OffsetSpec::MaxTimestamp => self.find_max_timestamp()?,
            OffsetSpec::Timestamp(timestamp) => self.find_timestamp(timestamp)?,
        })
    }

    /// The first segment with the greatest timestamp, the first batch there that has it, its first record that has it.
    fn find_max_timestamp(&self) -> Result<Option<TimestampAndOffset>, LogError> {
        let mut best = self.active_segment();
        for segment in self.segments().rev() {
            if segment.max_timestamp_so_far().timestamp >= best.max_timestamp_so_far().timestamp {
                best = segment;
            }
        }
        let max = best.max_timestamp_so_far();
        for placed in best.batches_from(&self.dir, best.offset_index.lookup(max.offset).1) {
            let batch = placed?.batch;
            if batch.max_timestamp() == max.timestamp {
                let offset = batch.offset_of_max_timestamp()?;
                return Ok(offset.map(|offset| {
                    answer(max.timestamp, offset, known(batch.partition_leader_epoch()))
                }));
            }
        }
        Ok(None)
    }

    fn find_timestamp(&self, timestamp: Ms) -> Result<Option<TimestampAndOffset>, LogError> {
        let Some(segment) = self
            .segments()
            .find(|segment| segment.largest_timestamp(&self.dir) >= timestamp)
        else {
            return Ok(None);
        };
        let found =
            segment.find_offset_by_timestamp(&self.dir, timestamp, self.log_start_offset)?;
        Ok(found.map(|(timestamp, offset, epoch)| answer(timestamp, offset, known(epoch))))
    }
}
