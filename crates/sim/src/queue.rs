//! The queue of what is due, ordered by (time, order of arrival). It does not know what the entries mean.

use protocol::Instant;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// One entry.
#[derive(Clone, Copy, Debug)]
struct Entry<E> {
    at: Instant,
    seq: u64,
    what: E,
}

impl<E> PartialEq for Entry<E> {
    fn eq(&self, other: &Self) -> bool {
        self.seq == other.seq
    }
}

impl<E> Eq for Entry<E> {}

impl<E> PartialOrd for Entry<E> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<E> Ord for Entry<E> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.seq).cmp(&(other.at, other.seq))
    }
}

/// Entries leave by time, then in the order in which they came.
#[derive(Clone, Debug)]
pub struct Queue<E> {
    heap: BinaryHeap<Reverse<Entry<E>>>,
    next_seq: u64,
}

impl<E> Default for Queue<E> {
    fn default() -> Self {
        Self {
            heap: BinaryHeap::new(),
            next_seq: 0,
        }
    }
}

impl<E: Copy> Queue<E> {
    pub fn push(&mut self, at: Instant, what: E) {
        self.heap.push(Reverse(Entry {
            at,
            seq: self.next_seq,
            what,
        }));
        self.next_seq += 1;
    }

    pub fn next_at(&self) -> Option<Instant> {
        self.heap.peek().map(|e| e.0.at)
    }

    pub fn pop(&mut self) -> Option<(Instant, E)> {
        self.heap.pop().map(|Reverse(e)| (e.at, e.what))
    }

    pub fn len(&self) -> usize {
        self.heap.len()
    }

    pub fn is_empty(&self) -> bool {
        self.heap.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_leave_in_order_of_arrival() {
        let mut q = Queue::default();
        for (at, what) in [(2, 'a'), (1, 'b'), (2, 'c'), (1, 'd')] {
            q.push(Instant::from_ms(at), what);
        }
        let order: String = std::iter::from_fn(|| q.pop().map(|(_, e)| e)).collect();
        assert_eq!(order, "bdac");
    }
}
