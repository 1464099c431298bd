//! A partition's card and the cells of its rows.

use super::cards::*;
use super::events::us;
use super::frame::{Drawn, Window, log_of};
use super::keys::Keys;
use crate::world::World;
use log::UnifiedLog;
use protocol::record::RecordBatch;
use protocol::{Instant, NodeId, TopicPartition};

pub(super) fn partition(
    world: &World,
    drawn: &Drawn<'_>,
    window: Window,
    keys: &mut Keys,
    columns: &mut Columns,
) -> PartitionCard {
    let r = drawn.registration;
    let tp = &drawn.tp;
    let leader = r.leader;
    // Without a leader the last one's numbers stay on screen: the replica with the furthest log.
    let end = |id: NodeId| log_of(world, id, tp).map_or(0, |l| l.log_end_offset().get());
    let front = if leader.get() >= 0 {
        Some(leader)
    } else {
        r.replicas.iter().copied().max_by_key(|&id| end(id))
    };
    let front_log = front.and_then(|id| log_of(world, id, tp));
    let hw = front_log.map_or(0, |l| l.high_watermark().get());
    let longest = r.replicas.iter().map(|&id| end(id)).max().unwrap_or(0);
    let span = i64::from(window.slots) + i64::from(window.back);
    let from = (longest + 2 - span).max(0);
    let mut order = r.replicas.clone();
    // The leader's row is on top, followers stay in assignment order.
    order.sort_by_key(|&id| id != leader);
    let leading = world
        .broker(leader)
        .and_then(|b| b.replicas().partition(tp))
        .filter(|p| p.is_leader(leader));
    let mut seen = Vec::new();
    let replicas = order
        .iter()
        .map(|&id| {
            let mut card = replica(world, id, tp, from, hw, keys, columns, &mut seen);
            card.in_isr = r.isr.contains(&id);
            card.role = if id == leader && world.broker(id).is_some() {
                Role::Leader
            } else if world.broker(id).is_none() {
                Role::Offline
            } else {
                Role::Follower
            };
            card.counts = card.in_isr;
            if let Some(p) = leading {
                card.counts = id == leader || p.state().in_maximal_isr(id);
                if let Some(remote) = p.remote_replicas().get(&id) {
                    card.known_leo = remote.end_offset().get();
                    let at = remote.last_caught_up_time_ms;
                    card.caught_up_us = (at > 0).then(|| us(Instant::from_ms(at)));
                }
            }
            card
        })
        .collect();
    PartitionCard {
        topic: tp.topic.clone(),
        partition: tp.partition,
        leader: leader.get(),
        leader_epoch: r.leader_epoch.get(),
        partition_epoch: r.partition_epoch.get(),
        isr: r.isr.iter().map(|n| n.get()).collect(),
        elr: r.elr.iter().map(|n| n.get()).collect(),
        hw,
        lso: front_log.map_or(0, |l| l.last_stable_offset().get()),
        leo: front_log.map_or(0, |l| l.log_end_offset().get()),
        log_start: front_log.map_or(0, |l| l.log_start_offset().get()),
        min_insync_replicas: front_log.map_or(1, |l| l.config().min_insync_replicas),
        replicas,
        pins: Vec::new(),
        keys: seen,
    }
}

#[allow(clippy::too_many_arguments)]
fn replica(
    world: &World,
    id: NodeId,
    tp: &TopicPartition,
    from: i64,
    hw: i64,
    keys: &mut Keys,
    columns: &mut Columns,
    seen: &mut Vec<u32>,
) -> ReplicaCard {
    let cells_from = columns.cell_offset.len() as u32;
    let mut card = ReplicaCard {
        broker: id.get(),
        known_leo: -1,
        cells_from,
        cells_to: cells_from,
        ..ReplicaCard::default()
    };
    let Some(log) = log_of(world, id, tp) else {
        return card;
    };
    card.hw = log.high_watermark().get();
    card.leo = log.log_end_offset().get();
    card.log_start = log.log_start_offset().get();
    card.leader_epoch = log.latest_epoch().map_or(-1, |e| e.get());
    card.segments = segments(log);
    let epochs = log.leader_epochs().entries().iter();
    card.epochs = epochs
        .map(|(&epoch, &start)| EpochCard { epoch, start })
        .collect();
    cells(log, tp, from.max(card.log_start), hw, keys, columns, seen);
    card.cells_to = columns.cell_offset.len() as u32;
    card
}

fn segments(log: &UnifiedLog) -> Vec<SegmentCard> {
    let all: Vec<_> = log.segments().collect();
    let active = log.active_segment().base;
    all.iter()
        .enumerate()
        .map(|(i, s)| SegmentCard {
            base: s.base,
            end: all
                .get(i + 1)
                .map_or(log.log_end_offset().get(), |n| n.base),
            bytes: s.size(log.directory()) as u64,
            active: s.base == active,
        })
        .collect()
}

/// Calls `each` for every batch that reaches to or beyond `from`.
pub(super) fn batches_from(log: &UnifiedLog, from: i64, mut each: impl FnMut(RecordBatch)) {
    let all: Vec<_> = log.segments().collect();
    for (i, segment) in all.iter().enumerate() {
        if all.get(i + 1).is_some_and(|next| next.base <= from) {
            continue;
        }
        let start = segment.translate_offset(log.directory(), from);
        let position = match start {
            Ok(Some(placed)) => placed.position,
            Ok(None) | Err(_) => continue,
        };
        for placed in segment
            .batches_from(log.directory(), position)
            .map_while(Result::ok)
        {
            each(placed.batch);
        }
    }
}

fn cells(
    log: &UnifiedLog,
    tp: &TopicPartition,
    from: i64,
    hw: i64,
    keys: &mut Keys,
    columns: &mut Columns,
    seen: &mut Vec<u32>,
) {
    let mut number = 0;
    batches_from(log, from, |batch| {
        number += 1;
        let mut flags = 0;
        if batch.is_control() {
            flags |= cell::CONTROL;
        } else if batch.is_transactional() {
            flags |= cell::TRANSACTIONAL;
        }
        let epoch = batch.partition_leader_epoch();
        let Ok(records) = batch.records() else { return };
        let mut first = true;
        for record in records.map_while(Result::ok) {
            let start = if first { cell::BATCH_START } else { 0 };
            first = false;
            if record.offset < from {
                continue;
            }
            let key = if batch.is_control() {
                0
            } else {
                keys.number(&tp.topic, record.key.as_ref())
            };
            if !batch.is_control() && !seen.contains(&key) {
                seen.push(key);
            }
            let tombstone = !batch.is_control() && record.value.is_none() && record.key.is_some();
            let above = if record.offset >= hw {
                cell::ABOVE_HW
            } else {
                0
            };
            columns.cell_offset.push(record.offset as f64);
            columns.cell_key.push(key);
            columns
                .cell_flags
                .push(flags | start | above | if tombstone { cell::TOMBSTONE } else { 0 });
            columns.cell_epoch.push(epoch);
            columns.cell_batch.push(number);
        }
    });
}

/// The key number of the record at an offset; 0 if it has no key or is not there.
pub fn key_at(
    world: &World,
    node: NodeId,
    tp: &TopicPartition,
    offset: i64,
    keys: &mut Keys,
) -> u32 {
    let Some(log) = log_of(world, node, tp) else {
        return 0;
    };
    let mut found = 0;
    let mut done = false;
    batches_from(log, offset, |batch| {
        if done || batch.base_offset() > offset {
            return;
        }
        if let Ok(records) = batch.records() {
            for record in records.map_while(Result::ok).filter(|r| r.offset == offset) {
                found = keys.number(&tp.topic, record.key.as_ref());
                done = true;
            }
        }
    });
    found
}
