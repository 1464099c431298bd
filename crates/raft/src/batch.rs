//! The batches that the quorum itself writes: data, leader change, and the frame of a snapshot.
//!
//! It knows their form, not when they are written. Source: `BatchBuilder`, `MemoryRecords.with…`, `RecordsSnapshotWriter`.

use bytes::Bytes;
use protocol::record::{
    BATCH_OVERHEAD, ControlRecordType, LeaderChangeMessage, RecordBatch, RecordBatchBuilder,
    SimpleRecord, SnapshotFooterRecord, SnapshotHeaderRecord, size_of_record,
};
use protocol::{LeaderEpoch, Ms, NodeId, Offset};

/// Bytes of a batch without its records.
pub const OVERHEAD: usize = BATCH_OVERHEAD;

/// Upper bound of the bytes that a value without a key takes in a batch.
pub fn record_size(value: &Bytes) -> usize {
    size_of_record(i32::MAX, 0, None, Some(value), &[])
}

/// One batch of values without keys, all at one time.
pub fn data(base: Offset, epoch: LeaderEpoch, timestamp_ms: Ms, values: &[Bytes]) -> RecordBatch {
    let records = values.iter().map(|value| SimpleRecord {
        timestamp: timestamp_ms,
        key: None,
        value: Some(value.clone()),
        headers: Vec::new(),
    });
    build(
        RecordBatchBuilder::new(base.get()).partition_leader_epoch(epoch.get()),
        records,
    )
}

fn control(
    base: Offset,
    epoch: LeaderEpoch,
    timestamp_ms: Ms,
    kind: ControlRecordType,
    value: Bytes,
) -> RecordBatch {
    let record = SimpleRecord {
        timestamp: timestamp_ms,
        key: Some(kind.key()),
        value: Some(value),
        headers: Vec::new(),
    };
    let builder = RecordBatchBuilder::new(base.get())
        .partition_leader_epoch(epoch.get())
        .control(true);
    build(builder, std::iter::once(record))
}

fn build(
    mut builder: RecordBatchBuilder,
    records: impl Iterator<Item = SimpleRecord>,
) -> RecordBatch {
    for record in records {
        builder
            .append(&record)
            .expect("offsets rise by one from the base");
    }
    builder
        .build()
        .expect("no codec is used")
        .expect("a batch has a record")
}

/// What a new leader writes first: who leads, who the voters are and who voted for it.
pub fn leader_change(
    base: Offset,
    epoch: LeaderEpoch,
    timestamp_ms: Ms,
    leader: NodeId,
    voters: impl Iterator<Item = NodeId>,
    granting: &[NodeId],
) -> RecordBatch {
    let message = LeaderChangeMessage {
        version: 0,
        leader_id: leader.get(),
        voters: voters.map(|id| (id.get(), 0)).collect(),
        granting_voters: granting.iter().map(|id| (id.get(), 0)).collect(),
    };
    control(
        base,
        epoch,
        timestamp_ms,
        ControlRecordType::LeaderChange,
        message.encode(),
    )
}

/// A whole snapshot: header, the values in one or more batches of up to `max_bytes`, footer. Offsets count from 0 inside it.
pub fn snapshot(
    epoch: LeaderEpoch,
    now_ms: Ms,
    last_contained_log_timestamp_ms: Ms,
    values: &[Bytes],
    max_bytes: usize,
) -> Bytes {
    let header = SnapshotHeaderRecord {
        version: 0,
        last_contained_log_timestamp: last_contained_log_timestamp_ms,
    };
    let mut out = control(
        Offset(0),
        epoch,
        now_ms,
        ControlRecordType::SnapshotHeader,
        header.encode(),
    )
    .bytes()
    .to_vec();
    let mut base = Offset(1);
    let mut rest = values;
    while !rest.is_empty() {
        let mut size = OVERHEAD;
        let fit = rest
            .iter()
            .take_while(|value| {
                size += record_size(value);
                size <= max_bytes
            })
            .count()
            .max(1);
        out.extend_from_slice(
            data(base, epoch, last_contained_log_timestamp_ms, &rest[..fit]).bytes(),
        );
        base = base.plus(fit as i64);
        rest = &rest[fit..];
    }
    let footer = SnapshotFooterRecord { version: 0 };
    out.extend_from_slice(
        control(
            base,
            epoch,
            now_ms,
            ControlRecordType::SnapshotFooter,
            footer.encode(),
        )
        .bytes(),
    );
    out.into()
}
