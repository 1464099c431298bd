//! The waiting room for requests that cannot be answered yet (`DelayedOperationPurgatory`).
//!
//! It holds operations, finds those that watch a partition, and knows when each gives up. It does not know what any
//! operation waits for: that is asked by the replica manager, which takes an operation out to try it.

use protocol::{Instant, TopicPartition};
use std::collections::{BTreeMap, BTreeSet};

/// Which of Kafka's purgatories an operation is in; each is checked on its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Produce,
    Fetch,
    DeleteRecords,
}

/// Order of parking; breaks ties between operations that are due at the same millisecond.
pub type Ticket = u64;

#[derive(Clone, Debug)]
struct Parked<O> {
    due: Instant,
    kind: Kind,
    keys: Vec<TopicPartition>,
    /// Empty while somebody tries it.
    operation: Option<O>,
}

/// All purgatories of a broker. Operations in order of parking, watchers by partition, timers by due time.
#[derive(Clone, Debug)]
pub struct Purgatory<O> {
    next: Ticket,
    parked: BTreeMap<Ticket, Parked<O>>,
    watchers: BTreeMap<(Kind, TopicPartition), BTreeSet<Ticket>>,
    timers: BTreeSet<(Instant, Ticket)>,
}

impl<O> Default for Purgatory<O> {
    fn default() -> Self {
        Self {
            next: 0,
            parked: BTreeMap::new(),
            watchers: BTreeMap::new(),
            timers: BTreeSet::new(),
        }
    }
}

impl<O> Purgatory<O> {
    /// Parks an operation until it completes or `due`.
    pub fn park(
        &mut self,
        kind: Kind,
        keys: Vec<TopicPartition>,
        due: Instant,
        operation: O,
    ) -> Ticket {
        let ticket = self.next;
        self.next += 1;
        for key in &keys {
            self.watchers
                .entry((kind, key.clone()))
                .or_default()
                .insert(ticket);
        }
        self.timers.insert((due, ticket));
        self.parked.insert(
            ticket,
            Parked {
                due,
                kind,
                keys,
                operation: Some(operation),
            },
        );
        ticket
    }

    /// The operations of one kind that watch a partition, in order of parking.
    pub fn watching(&self, kind: Kind, key: &TopicPartition) -> Vec<Ticket> {
        self.watchers
            .get(&(kind, key.clone()))
            .map(|t| t.iter().copied().collect())
            .unwrap_or_default()
    }

    /// Lends an operation to somebody who tries it; it is given back or removed.
    pub fn lend(&mut self, ticket: Ticket) -> Option<O> {
        self.parked.get_mut(&ticket)?.operation.take()
    }

    pub fn give_back(&mut self, ticket: Ticket, operation: O) {
        if let Some(parked) = self.parked.get_mut(&ticket) {
            parked.operation = Some(operation);
        }
    }

    /// Takes an operation out for good.
    pub fn remove(&mut self, ticket: Ticket) -> Option<O> {
        let parked = self.parked.remove(&ticket)?;
        self.timers.remove(&(parked.due, ticket));
        for key in parked.keys {
            let key = (parked.kind, key);
            if let Some(tickets) = self.watchers.get_mut(&key) {
                tickets.remove(&ticket);
                if tickets.is_empty() {
                    self.watchers.remove(&key);
                }
            }
        }
        parked.operation
    }

    /// The next operation that gives up at or before `now`, by due time and then order of parking.
    pub fn next_expired(&self, now: Instant) -> Option<Ticket> {
        self.timers
            .first()
            .filter(|(due, _)| *due <= now)
            .map(|&(_, ticket)| ticket)
    }

    pub fn next_due(&self) -> Option<Instant> {
        self.timers.first().map(|&(due, _)| due)
    }

    pub fn is_empty(&self) -> bool {
        self.parked.is_empty()
    }

    /// Number of operations of a kind that wait for a partition (`numDelayedDelete` and its like).
    pub fn count(&self, kind: Kind, key: &TopicPartition) -> usize {
        self.watchers
            .get(&(kind, key.clone()))
            .map_or(0, BTreeSet::len)
    }

    /// Every parked operation: due time, kind, partitions, operation; in order of parking. For views.
    pub fn iter(&self) -> impl Iterator<Item = (Instant, Kind, &[TopicPartition], &O)> {
        self.parked
            .values()
            .filter_map(|p| Some((p.due, p.kind, p.keys.as_slice(), p.operation.as_ref()?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_expire_by_due_time_then_by_order_of_parking() {
        let tp = TopicPartition::new("t", 0);
        let at = Instant::from_ms;
        let mut p = Purgatory::default();
        let late = p.park(Kind::Fetch, vec![tp.clone()], at(20), "late");
        let first = p.park(Kind::Produce, vec![tp.clone()], at(10), "first");
        let second = p.park(Kind::Fetch, vec![tp.clone()], at(10), "second");
        assert_eq!(p.watching(Kind::Fetch, &tp), [late, second]);
        assert_eq!(p.next_expired(at(9)), None);
        assert_eq!(p.next_expired(at(10)), Some(first));
        assert_eq!(p.remove(first), Some("first"));
        assert_eq!(p.next_expired(at(10)), Some(second));
        p.remove(second);
        assert_eq!(
            (p.next_due(), p.watching(Kind::Fetch, &tp)),
            (Some(at(20)), vec![late])
        );
        p.remove(late);
        assert!(p.is_empty() && p.count(Kind::Fetch, &tp) == 0);
    }
}
