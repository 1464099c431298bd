//! `CompletedFetch`: one partition's share of a fetch answer, read record by record.
//!
//! Filters what its isolation level hides; moves no position.

use crate::error::ClientError;
use protocol::messages::FetchPartitionData;
use protocol::record::{Batches, ControlRecordType, Record, RecordBatch};
use protocol::{LeaderEpoch, Offset, ProducerId, TopicPartition};
use std::collections::{BTreeSet, VecDeque};

/// A record as an application gets it (`ConsumerRecord`).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ConsumerRecord {
    pub leader_epoch: Option<LeaderEpoch>,
    pub record: Record,
}

/// `CompletedFetch`.
#[derive(Clone, Debug)]
pub struct CompletedFetch {
    pub tp: TopicPartition,
    pub data: FetchPartitionData,
    pub next_offset: Offset,
    pub last_epoch: Option<LeaderEpoch>,
    pub initialized: bool,
    pub consumed: bool,
    batches: VecDeque<RecordBatch>,
    current: Option<RecordBatch>,
    records: VecDeque<Record>,
    /// Sorted by first offset.
    aborted: VecDeque<(ProducerId, Offset)>,
    aborted_ids: BTreeSet<ProducerId>,
    pub bytes_read: usize,
    failed: bool,
}

impl CompletedFetch {
    pub fn new(tp: TopicPartition, data: FetchPartitionData, fetch_offset: Offset) -> Self {
        let batches = Batches::new(data.records.concat())
            .map_while(Result::ok)
            .collect();
        let mut aborted: Vec<(ProducerId, Offset)> = data
            .aborted_transactions
            .iter()
            .flatten()
            .map(|a| (a.producer_id, a.first_offset))
            .collect();
        aborted.sort_by_key(|(_, first)| *first);
        Self {
            tp,
            data,
            next_offset: fetch_offset,
            last_epoch: None,
            initialized: false,
            consumed: false,
            batches,
            current: None,
            records: VecDeque::new(),
            aborted: aborted.into(),
            aborted_ids: BTreeSet::new(),
            bytes_read: 0,
            failed: false,
        }
    }

    /// Records that can still be handed out, at most: those of whole batches that were not looked at count too.
    pub fn buffered_records(&self) -> usize {
        self.records.len()
            + self
                .batches
                .iter()
                .map(|b| b.record_count().max(0) as usize)
                .sum::<usize>()
    }

    pub fn bytes(&self) -> usize {
        self.data.records.size_bytes()
    }

    pub fn has_batches(&self) -> bool {
        !self.batches.is_empty()
    }

    fn next_record(
        &mut self,
        read_committed: bool,
        check_crcs: bool,
    ) -> Result<Option<Record>, ClientError> {
        loop {
            if let Some(record) = self.records.pop_front() {
                if record.offset < self.next_offset.0 {
                    continue;
                }
                if self.current.as_ref().is_some_and(RecordBatch::is_control) {
                    self.next_offset = Offset(record.offset + 1);
                    continue;
                }
                return Ok(Some(record));
            }
            let Some(batch) = self.batches.pop_front() else {
                // The last batch may end with offsets whose records were compacted away.
                if let Some(batch) = &self.current {
                    self.next_offset = Offset(batch.next_offset());
                }
                self.consumed = true;
                return Ok(None);
            };
            let epoch = batch.partition_leader_epoch();
            self.last_epoch = (epoch != -1).then_some(LeaderEpoch(epoch));
            self.current = Some(batch.clone());
            if check_crcs && batch.ensure_valid().is_err() {
                return Err(ClientError::kafka());
            }
            if read_committed && batch.has_producer_id() && self.hidden(&batch) {
                self.next_offset = Offset(batch.next_offset());
                continue;
            }
            let records = batch.records().map_err(|_| ClientError::kafka())?;
            self.records = records
                .collect::<Result<_, _>>()
                .map_err(|_| ClientError::kafka())?;
        }
    }

    /// Whether the batch belongs to an aborted transaction; markers end what they abort.
    fn hidden(&mut self, batch: &RecordBatch) -> bool {
        let id = ProducerId(batch.producer_id());
        while let Some((producer, _)) = self
            .aborted
            .front()
            .copied()
            .filter(|(_, first)| first.0 <= batch.last_offset())
        {
            self.aborted.pop_front();
            self.aborted_ids.insert(producer);
        }
        if batch.is_control() {
            let marker = batch.first_record().ok();
            let kind = marker.and_then(|record| ControlRecordType::parse(record.key.as_ref()).ok());
            if kind == Some(ControlRecordType::Abort) {
                self.aborted_ids.remove(&id);
            }
            return false;
        }
        batch.is_transactional() && self.aborted_ids.contains(&id)
    }

    /// Up to `max` records from where the last call ended.
    ///
    /// # Errors
    /// A KafkaException for bytes that cannot be read, once everything before them was handed out.
    pub fn fetch_records(
        &mut self,
        max: usize,
        read_committed: bool,
        check_crcs: bool,
    ) -> Result<Vec<ConsumerRecord>, ClientError> {
        if self.failed {
            return Err(ClientError::kafka().caused_by(&ClientError::kafka()));
        }
        let mut out = Vec::new();
        while !self.consumed && out.len() < max {
            match self.next_record(read_committed, check_crcs) {
                Ok(Some(record)) => {
                    self.bytes_read += record.size_in_bytes;
                    self.next_offset = Offset(record.offset + 1);
                    out.push(ConsumerRecord {
                        leader_epoch: self.last_epoch,
                        record,
                    });
                }
                Ok(None) => break,
                Err(error) => {
                    self.failed = true;
                    if out.is_empty() {
                        return Err(ClientError::kafka().caused_by(&error));
                    }
                    break;
                }
            }
        }
        Ok(out)
    }
}
