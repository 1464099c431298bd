//! The ledger: what became of every record that an application sent.
//!
//! It watches from outside: sends and their callbacks, changes of log ends, high watermarks and leaders, what consumers
//! were handed and what they finished. It changes nothing and decides nothing; Kafka does not know that it exists. An
//! outcome has three values, as in life: acked, failed, or unknown, and a failed record may still be in the log.

mod chunked;
mod readers;
#[cfg(test)]
mod tests;

pub use chunked::Chunked;
pub use readers::{Readers, Reading};

use crate::ids::EventId;
use protocol::trace::{Change, FactKind, Subject, Value};
use protocol::{ErrorCode, Instant, LeaderEpoch, Name, NodeId, Offset, ProducerId, TopicPartition};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What the ledger may ask of the world's logs.
pub trait Logs {
    /// Calls `each` for every data record of this replica in `from..to`, in offset order.
    fn records(
        &self,
        node: NodeId,
        tp: &TopicPartition,
        from: Offset,
        to: Offset,
        each: &mut dyn FnMut(Located<'_>),
    );
    /// The node leads the partition, by its own word.
    fn leads(&self, node: NodeId, tp: &TopicPartition) -> bool;
    fn log_start(&self, node: NodeId, tp: &TopicPartition) -> Offset;
    fn log_end(&self, node: NodeId, tp: &TopicPartition) -> Offset;
    fn high_watermark(&self, node: NodeId, tp: &TopicPartition) -> Offset;
    /// The leader epoch of the batch at `offset` in this replica, if it has one there.
    fn epoch_at(&self, node: NodeId, tp: &TopicPartition, offset: Offset) -> Option<LeaderEpoch>;
}

/// A record as it stands in a log.
#[derive(Clone, Copy, Debug)]
pub struct Located<'a> {
    pub offset: Offset,
    pub epoch: LeaderEpoch,
    pub producer_id: ProducerId,
    pub key: Option<&'a [u8]>,
    pub value: Option<&'a [u8]>,
    pub timestamp_ms: i64,
}

/// A call of `send()`.
#[derive(Clone, Copy, Debug)]
pub struct Sent<'a> {
    /// The producer's number of it.
    pub send: u64,
    pub topic: &'a Name,
    pub acks_all: bool,
    pub key: Option<&'a [u8]>,
    pub value: Option<&'a [u8]>,
}

/// What the producer told its application.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Outcome {
    /// No callback yet: it may or may not be written.
    #[default]
    Unknown,
    Acked,
    Failed(ErrorCode),
}

/// Where a record is, as one of five: their counts add up to what was sent.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Fate {
    /// In no log: in an accumulator or on the wire.
    InFlight,
    /// In the leader's log, not yet below the high watermark.
    AboveHighWatermark,
    /// Was below the high watermark, and is still where it was.
    Durable,
    /// Failed and in no log.
    Failed,
    /// Was in a leader's log; a leader without it took over.
    Lost,
}

const FATES: usize = 5;

/// One record that an application sent.
#[derive(Clone, Debug)]
pub struct Entry {
    pub producer: Name,
    /// The producer's number of the send.
    pub send: u64,
    pub sent_at: Instant,
    pub sent_by: EventId,
    pub tp: Option<TopicPartition>,
    pub acks_all: bool,
    pub outcome: Outcome,
    pub outcome_by: EventId,
    /// Where it was appended first.
    pub offset: Option<Offset>,
    pub epoch: LeaderEpoch,
    /// How often it stands in the log beyond the first time.
    pub duplicates: u16,
    durable: bool,
    lost_by: Option<EventId>,
    content: u64,
}

impl Entry {
    pub fn fate(&self) -> Fate {
        match (self.lost_by, self.offset, self.outcome) {
            (Some(_), ..) => Fate::Lost,
            (None, Some(_), _) if self.durable => Fate::Durable,
            (None, Some(_), _) => Fate::AboveHighWatermark,
            (None, None, Outcome::Failed(_)) => Fate::Failed,
            (None, None, _) => Fate::InFlight,
        }
    }

    /// The event by which it was lost.
    pub const fn lost_by(&self) -> Option<EventId> {
        self.lost_by
    }
}

/// Why Kafka no longer promises to keep a record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Forfeit {
    /// The producer did not wait for the ISR.
    AcksBelowAll,
    /// A replica outside the ISR was made leader.
    UncleanElection,
    /// Unflushed bytes were lost with the power.
    PowerLoss,
    /// A directory was wiped.
    WipedDisk,
    /// Nothing that forfeits anything happened: a violation.
    Nothing,
}

/// A record that was lost, when, and what forfeited it.
#[derive(Clone, Debug)]
pub struct Loss {
    pub entry: u32,
    pub event: EventId,
    pub acked: bool,
    pub forfeit: Forfeit,
}

/// One partition's records by offset, and sends that are in no log yet.
#[derive(Clone, Debug, Default)]
struct Place {
    /// Entry number + 1 by offset; 0 = not one of ours.
    at: Chunked<u32>,
    /// Entries without an offset, oldest first.
    pending: Vec<u32>,
    high_watermark: i64,
}

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    entries: Chunked<Entry>,
    /// Entry number by producer and send.
    by_send: BTreeMap<Name, Arc<Chunked<u32>>>,
    places: BTreeMap<TopicPartition, Arc<Place>>,
    /// Entries in no log whose partition is not known yet, oldest first, by topic.
    unplaced: BTreeMap<Name, Arc<Vec<u32>>>,
    counts: [u64; FATES],
    acked: u64,
    losses: Vec<Loss>,
    /// Events after which a replica may miss what it had: (node, event, why).
    forfeits: Vec<(Option<NodeId>, EventId, Forfeit)>,
    pub readers: Readers,
}

/// Counts for a bar: the five fates add up to `sent`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Totals {
    pub sent: u64,
    pub in_flight: u64,
    pub above_high_watermark: u64,
    pub durable: u64,
    pub failed: u64,
    pub lost: u64,
    pub acked: u64,
    pub lost_after_ack: u64,
}

impl Ledger {
    /// `send()` was called, at an instant, by an event.
    pub fn sent(&mut self, producer: &Name, sent: Sent<'_>, at: Instant, by: EventId) {
        let Sent {
            send,
            topic,
            acks_all,
            key,
            value,
        } = sent;
        let number = self.entries.len() as u32;
        self.entries.push(Entry {
            producer: producer.clone(),
            send,
            sent_at: at,
            sent_by: by,
            tp: None,
            acks_all,
            outcome: Outcome::Unknown,
            outcome_by: EventId::BEGINNING,
            offset: None,
            epoch: LeaderEpoch::NONE,
            duplicates: 0,
            durable: false,
            lost_by: None,
            content: content_of(key, value),
        });
        self.counts[Fate::InFlight as usize] += 1;
        let sends = Arc::make_mut(self.by_send.entry(producer.clone()).or_default());
        sends.grow_to(send as usize, u32::MAX);
        *sends.get_mut(send as usize).expect("grown") = number;
        Arc::make_mut(self.unplaced.entry(topic.clone()).or_default()).push(number);
    }

    /// The partitioner has chosen.
    pub fn partitioned(&mut self, producer: &Name, send: u64, tp: &TopicPartition) {
        let Some(number) = self.number_of(producer, send) else {
            return;
        };
        let entry = self.entries.get_mut(number as usize).expect("numbered");
        if entry.tp.is_none() {
            entry.tp = Some(tp.clone());
            if let Some(unplaced) = self.unplaced.get_mut(&tp.topic) {
                Arc::make_mut(unplaced).retain(|n| *n != number);
            }
            self.place(tp).pending.push(number);
        }
    }

    /// A callback said that it is written. `offset` −1: the producer does not know where (acks=0).
    pub fn acked(&mut self, producer: &Name, send: u64, tp: &TopicPartition, by: EventId) {
        self.partitioned(producer, send, tp);
        self.outcome(producer, send, Outcome::Acked, by);
    }

    /// A callback said that it failed. It may be in the log all the same.
    pub fn failed(&mut self, producer: &Name, send: u64, error: ErrorCode, by: EventId) {
        self.outcome(producer, send, Outcome::Failed(error), by);
    }

    fn outcome(&mut self, producer: &Name, send: u64, outcome: Outcome, by: EventId) {
        let Some(number) = self.number_of(producer, send) else {
            return;
        };
        let mut newly_acked = false;
        self.change(number, |e| {
            newly_acked = outcome == Outcome::Acked && e.outcome != Outcome::Acked;
            e.outcome = outcome;
            e.outcome_by = by;
        });
        self.acked += u64::from(newly_acked);
        // acknowledged after it was lost: the loss is one after an ack
        if outcome == Outcome::Acked
            && let Some(loss) = self.losses.iter_mut().find(|l| l.entry == number)
        {
            loss.acked = true;
        }
    }

    /// Something happened after which Kafka promises less. `node`: whose disk; `None`: the whole partition.
    pub fn forfeited(&mut self, node: Option<NodeId>, by: EventId, why: Forfeit) {
        self.forfeits.push((node, by, why));
    }

    /// Follows a change of a log end, a high watermark or a leadership.
    pub fn observe(&mut self, change: &Change, by: EventId, logs: &dyn Logs) {
        let Subject::Replica(node, tp) = &change.key.subject else {
            return;
        };
        match (change.key.kind, &change.from, &change.to) {
            (FactKind::LogEndOffset, Value::Int(from), Value::Int(to))
                if to > from && logs.leads(*node, tp) =>
            {
                self.appended(*node, tp, Offset(*from), Offset(*to), logs);
            }
            (FactKind::HighWatermark, _, Value::Int(to)) if logs.leads(*node, tp) => {
                self.committed(tp, Offset(*to));
            }
            (FactKind::Role | FactKind::LeaderEpoch, ..) if logs.leads(*node, tp) => {
                self.leader_is(*node, tp, by, logs);
            }
            _ => {}
        }
    }

    fn appended(
        &mut self,
        node: NodeId,
        tp: &TopicPartition,
        from: Offset,
        to: Offset,
        logs: &dyn Logs,
    ) {
        let mut found = Vec::new();
        logs.records(node, tp, from, to, &mut |record| {
            found.push((
                record.offset,
                record.epoch,
                content_of(record.key, record.value),
            ));
        });
        for (offset, epoch, content) in found {
            self.locate(tp, offset, epoch, content);
        }
    }

    /// Finds whose record this is: the oldest send of the partition with that content which is in no log yet; if there is
    /// none, it is one of a located record once more.
    fn locate(&mut self, tp: &TopicPartition, offset: Offset, epoch: LeaderEpoch, content: u64) {
        let entries = &self.entries;
        let same = |number: &u32| {
            entries
                .get(*number as usize)
                .is_some_and(|e| e.content == content)
        };
        let place = Arc::make_mut(self.places.entry(tp.clone()).or_default());
        place.at.grow_to(offset.0 as usize, 0);
        let unplaced = self.unplaced.get_mut(&tp.topic);
        let pending = place
            .pending
            .iter()
            .position(|n| same(n))
            .map(|i| place.pending.remove(i));
        let number = pending.or_else(|| {
            let unplaced = Arc::make_mut(unplaced?);
            unplaced.iter().position(same).map(|i| unplaced.remove(i))
        });
        let number = match number {
            Some(number) => number,
            None => {
                let earlier = place.at.iter().filter(|&&n| n != 0).map(|n| n - 1);
                let Some(number) = earlier.filter(|n| same(n)).last() else {
                    return;
                };
                *place.at.get_mut(offset.0 as usize).expect("grown") = number + 1;
                let entry = self.entries.get_mut(number as usize).expect("numbered");
                // lost, and written again by a retry: it is back
                if entry.lost_by.is_some() {
                    self.change(number, |e| {
                        (e.lost_by, e.durable, e.offset, e.epoch) =
                            (None, false, Some(offset), epoch);
                    });
                    self.losses.retain(|l| l.entry != number);
                } else {
                    entry.duplicates += 1;
                }
                return;
            }
        };
        *place.at.get_mut(offset.0 as usize).expect("grown") = number + 1;
        self.change(number, |e| {
            (e.offset, e.epoch) = (Some(offset), epoch);
            e.tp.get_or_insert_with(|| tp.clone());
        });
    }

    fn committed(&mut self, tp: &TopicPartition, high_watermark: Offset) {
        let place = self.place(tp);
        let from = place.high_watermark;
        place.high_watermark = high_watermark.0;
        for offset in from.max(0)..high_watermark.0 {
            let number = self.places[tp]
                .at
                .get(offset as usize)
                .copied()
                .unwrap_or(0);
            if number != 0 {
                self.change(number - 1, |e| {
                    e.durable |= e.offset == Some(Offset(offset))
                });
            }
        }
    }

    /// A leader took over: what stood in the log and does not stand in its log is lost.
    fn leader_is(&mut self, node: NodeId, tp: &TopicPartition, by: EventId, logs: &dyn Logs) {
        let Some(place) = self.places.get(tp) else {
            return;
        };
        let start = logs.log_start(node, tp).0.max(0) as usize;
        let mut lost = Vec::new();
        for (offset, &number) in place.at.iter().enumerate().skip(start) {
            if number == 0 {
                continue;
            }
            let entry = self.entries.get(number as usize - 1).expect("numbered");
            let offset = Offset(offset as i64);
            let here = offset < logs.log_end(node, tp)
                && logs.epoch_at(node, tp, offset) == Some(entry.epoch);
            if entry.offset == Some(offset) && entry.lost_by.is_none() && !here {
                lost.push(number - 1);
            }
        }
        let end = logs.log_end(node, tp).0;
        let place = self.place(tp);
        place.high_watermark = logs.high_watermark(node, tp).0;
        for offset in end.max(0)..place.at.len() as i64 {
            *place.at.get_mut(offset as usize).expect("within") = 0;
        }
        for number in lost {
            let mut acked = false;
            let mut acks_all = true;
            self.change(number, |e| {
                e.lost_by = Some(by);
                acked = e.outcome == Outcome::Acked;
                acks_all = e.acks_all;
            });
            let forfeit = match self.forfeits.last() {
                _ if !acks_all => Forfeit::AcksBelowAll,
                Some(&(_, _, why)) => why,
                None => Forfeit::Nothing,
            };
            self.losses.push(Loss {
                entry: number,
                event: by,
                acked,
                forfeit,
            });
        }
    }

    fn place(&mut self, tp: &TopicPartition) -> &mut Place {
        Arc::make_mut(self.places.entry(tp.clone()).or_default())
    }

    fn number_of(&self, producer: &Name, send: u64) -> Option<u32> {
        let number = *self.by_send.get(producer)?.get(send as usize)?;
        (number != u32::MAX).then_some(number)
    }

    fn change(&mut self, number: u32, f: impl FnOnce(&mut Entry)) {
        let entry = self.entries.get_mut(number as usize).expect("numbered");
        let before = entry.fate();
        f(entry);
        let after = entry.fate();
        self.counts[before as usize] -= 1;
        self.counts[after as usize] += 1;
    }

    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter()
    }

    pub fn entry(&self, number: u32) -> Option<&Entry> {
        self.entries.get(number as usize)
    }

    /// The record that one of ours is at, if any.
    pub fn at(&self, tp: &TopicPartition, offset: Offset) -> Option<&Entry> {
        let number = *self
            .places
            .get(tp)?
            .at
            .get(usize::try_from(offset.0).ok()?)?;
        self.entry(number.checked_sub(1)?)
    }

    pub fn losses(&self) -> &[Loss] {
        &self.losses
    }

    pub fn totals(&self) -> Totals {
        let of = |fate: Fate| self.counts[fate as usize];
        Totals {
            sent: self.entries.len() as u64,
            in_flight: of(Fate::InFlight),
            above_high_watermark: of(Fate::AboveHighWatermark),
            durable: of(Fate::Durable),
            failed: of(Fate::Failed),
            lost: of(Fate::Lost),
            acked: self.acked,
            lost_after_ack: self.losses.iter().filter(|l| l.acked).count() as u64,
        }
    }
}

/// A digest of key and value; equal contents are interchangeable, so a digest is enough.
fn content_of(key: Option<&[u8]>, value: Option<&[u8]>) -> u64 {
    let mut h = 0xcbf2_9ce4_8422_2325_u64;
    for part in [key, value] {
        let bytes = part.unwrap_or_default();
        let length = part.map_or(u64::MAX, |b| b.len() as u64);
        for byte in length.to_le_bytes().iter().chain(bytes) {
            h = (h ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
    h
}
