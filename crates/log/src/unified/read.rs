//! Reading a range of the log up to a bound (`UnifiedLog.read`, `LocalLog.read`, `LogSegment.read`).

use super::UnifiedLog;
use crate::backend::Directory;
use crate::error::LogError;
use crate::producer::LogOffsetMetadata;
use crate::segment::LogSegment;
use crate::txn_index::AbortedTxn;
use bytes::Bytes;
use protocol::messages::Records;
use protocol::record::RecordBatch;
use protocol::{ErrorCode, Offset, ProducerId};

/// How far a reader may see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FetchIsolation {
    /// Followers: everything.
    LogEnd,
    /// Consumers: what is replicated.
    HighWatermark,
    /// Consumers that read committed: what is also decided.
    TxnCommitted,
}

/// What a read found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchDataInfo {
    /// The base offset of the first batch with its place; at the bound, the bound itself.
    pub fetch_offset: LogOffsetMetadata,
    /// One chunk a batch, the last one perhaps cut off by the size limit.
    pub records: Records,
    /// The first batch is cut off.
    pub first_entry_incomplete: bool,
    /// Aborted transactions as (producer, first offset); `None` unless the reader asked for committed records.
    pub aborted: Option<Vec<(ProducerId, Offset)>>,
}

impl FetchDataInfo {
    fn empty(fetch_offset: LogOffsetMetadata, isolation: FetchIsolation) -> Self {
        FetchDataInfo {
            fetch_offset,
            records: Records::default(),
            first_entry_incomplete: false,
            aborted: (isolation == FetchIsolation::TxnCommitted).then(Vec::new),
        }
    }

    pub fn size_bytes(&self) -> usize {
        self.records.size_bytes()
    }

    /// The whole batches among the chunks.
    pub fn batches(&self) -> impl Iterator<Item = RecordBatch> + '_ {
        self.records
            .chunks
            .iter()
            .filter_map(|chunk| RecordBatch::parse(chunk.clone()).ok())
    }
}

impl UnifiedLog {
    /// Reads from `start` up to the bound of `isolation`, at most `max_bytes`, but at least one whole batch if
    /// `min_one_message`. Resolves the bound's place, which may move a high watermark that lies inside a batch.
    ///
    /// # Errors
    /// OFFSET_OUT_OF_RANGE below the log start or above the log end; CORRUPT_MESSAGE if the file cannot be walked.
    pub fn read(
        &mut self,
        start: Offset,
        max_bytes: usize,
        isolation: FetchIsolation,
        min_one_message: bool,
    ) -> Result<FetchDataInfo, LogError> {
        let start = start.get();
        if start < self.log_start_offset {
            return Err(LogError::Code(
                ErrorCode::OffsetOutOfRange,
                "below the log start",
            ));
        }
        let bound = match isolation {
            FetchIsolation::LogEnd => self.next_offset,
            FetchIsolation::HighWatermark => self.high_watermark_metadata(),
            FetchIsolation::TxnCommitted => self.last_stable_offset_metadata(),
        };
        self.read_to(start, max_bytes, min_one_message, bound, isolation)
    }

    /// The batches that hold offsets of `from..to`, whatever a reader may see, without resolving anything: for those who
    /// only look. Empty where the range lies outside of the log.
    pub fn batches(&self, from: Offset, to: Offset) -> Vec<RecordBatch> {
        /// One read; a longer range takes several.
        const PIECE_BYTES: usize = 1 << 20;
        let mut found: Vec<RecordBatch> = Vec::new();
        // a segment keeps what lies below the log start until the whole of it goes
        let first = self.segments.keys().next().copied();
        let mut next = from.get().max(first.unwrap_or(self.log_start_offset));
        while next < to.get().min(self.next_offset.offset) {
            let bound = self.next_offset;
            let Ok(data) = self.read_to(next, PIECE_BYTES, true, bound, FetchIsolation::LogEnd)
            else {
                break;
            };
            let before = found.len();
            found.extend(data.batches().take_while(|b| b.base_offset() < to.get()));
            match found.last() {
                Some(last) if found.len() > before => next = last.next_offset(),
                _ => break,
            }
        }
        found
    }

    fn read_to(
        &self,
        start: i64,
        max_bytes: usize,
        min_one_message: bool,
        bound: LogOffsetMetadata,
        isolation: FetchIsolation,
    ) -> Result<FetchDataInfo, LogError> {
        if start > self.next_offset.offset || self.segments.range(..=start).next_back().is_none() {
            return Err(LogError::Code(
                ErrorCode::OffsetOutOfRange,
                "outside the log",
            ));
        }
        if start == bound.offset {
            return Ok(FetchDataInfo::empty(bound, isolation));
        }
        if start > bound.offset {
            return Ok(FetchDataInfo::empty(self.find_place(start)?, isolation));
        }
        let first = self
            .segments
            .range(..=start)
            .next_back()
            .map_or(0, |(base, _)| *base);
        for segment in self
            .segments
            .range(first..)
            .map(|(_, segment)| segment.as_ref())
        {
            let max_position = match bound.place {
                Some((base, _)) if segment.base < base => Some(segment.size(&self.dir)),
                Some((base, position)) if segment.base == base => Some(position),
                _ => None,
            };
            if let Some(mut found) =
                self.read_segment(segment, start, max_bytes, max_position, min_one_message)?
            {
                if isolation == FetchIsolation::TxnCommitted {
                    found.aborted = Some(self.aborted_for(segment, start, &found));
                }
                return Ok(found);
            }
        }
        Ok(FetchDataInfo {
            aborted: None,
            ..FetchDataInfo::empty(self.next_offset, isolation)
        })
    }

    fn read_segment(
        &self,
        segment: &LogSegment,
        start: i64,
        max_bytes: usize,
        max_position: Option<usize>,
        min_one_message: bool,
    ) -> Result<Option<FetchDataInfo>, LogError> {
        let Some(first) = segment.translate_offset(&self.dir, start)? else {
            return Ok(None);
        };
        let first_size = first.batch.size_in_bytes();
        let fetch_offset =
            LogOffsetMetadata::at(first.batch.base_offset(), segment.base, first.position);
        let limit = if min_one_message {
            max_bytes.max(first_size)
        } else {
            max_bytes
        };
        let Some(max_position) = max_position.filter(|_| limit > 0) else {
            return Ok(Some(FetchDataInfo::empty(
                fetch_offset,
                FetchIsolation::LogEnd,
            )));
        };
        let end = max_position
            .min(segment.size(&self.dir))
            .min(first.position.saturating_add(limit));
        Ok(Some(FetchDataInfo {
            fetch_offset,
            records: Records {
                chunks: self.chunks(segment, first.position, end)?,
            },
            first_entry_incomplete: limit < first_size,
            aborted: None,
        }))
    }

    /// The bytes `[position, end)`, one chunk a batch.
    fn chunks(
        &self,
        segment: &LogSegment,
        position: usize,
        end: usize,
    ) -> Result<Vec<Bytes>, LogError> {
        let mut chunks = Vec::new();
        let mut at = position;
        for placed in segment.batches_from(&self.dir, position) {
            let batch = placed?.batch;
            if at + batch.size_in_bytes() > end {
                break;
            }
            at += batch.size_in_bytes();
            chunks.push(batch.into_bytes());
        }
        if at < end {
            chunks.push(self.dir.read_at(segment.log, at, end - at));
        }
        Ok(chunks)
    }

    /// The batch that holds an offset, or the next one: its base offset and place.
    pub(crate) fn find_place(&self, offset: i64) -> Result<LogOffsetMetadata, LogError> {
        self.read_to(offset, 1, false, self.next_offset, FetchIsolation::LogEnd)
            .map(|found| found.fetch_offset)
    }

    /// As `find_place`; the bare offset where it cannot be found.
    pub(crate) fn to_offset_metadata(&self, offset: i64) -> LogOffsetMetadata {
        self.find_place(offset)
            .unwrap_or(LogOffsetMetadata::only(offset))
    }

    fn aborted_for(
        &self,
        segment: &LogSegment,
        start: i64,
        found: &FetchDataInfo,
    ) -> Vec<(ProducerId, Offset)> {
        let position = found.fetch_offset.place.map_or(0, |(_, position)| position);
        let upper_bound = segment
            .offset_index
            .upper_bound_offset(position + found.size_bytes())
            .or_else(|| {
                self.segments
                    .range(segment.base + 1..)
                    .next()
                    .map(|(base, _)| *base)
            })
            .unwrap_or(self.next_offset.offset);
        self.collect_aborted(start, upper_bound, segment.base)
            .into_iter()
            .map(|txn| (ProducerId(txn.producer_id), Offset(txn.first_offset)))
            .collect()
    }

    /// Aborted transactions that overlap `[from, upper_bound)`, searching from a segment on.
    pub(crate) fn collect_aborted(
        &self,
        from: i64,
        upper_bound: i64,
        first_segment: i64,
    ) -> Vec<AbortedTxn> {
        let mut aborted = Vec::new();
        for (_, segment) in self.segments.range(first_segment..) {
            if segment.txn_index.collect(from, upper_bound, &mut aborted) {
                break;
            }
        }
        aborted
    }

    /// The cleaner's search: from the segment that holds `from`, what ends at or above the log start and begins below
    /// `upper_bound` (`UnifiedLog.collectAbortedTransactions`).
    pub fn collect_aborted_transactions(
        &self,
        from: Offset,
        upper_bound: Offset,
    ) -> Vec<AbortedTxn> {
        match self.segments.range(..=from.get()).next_back() {
            None => Vec::new(),
            Some((base, _)) => {
                self.collect_aborted(self.log_start_offset, upper_bound.get(), *base)
            }
        }
    }
}
