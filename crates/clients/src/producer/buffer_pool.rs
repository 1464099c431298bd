//! `BufferPool`: how much memory records may wait in, and who waits for it.
//!
//! Counts bytes; holds none. A waiter takes memory piece by piece as it is freed, first come, first served.

use std::collections::VecDeque;

#[derive(Clone, Debug)]
struct Waiter {
    id: u64,
    size: i64,
    accumulated: i64,
    signalled: bool,
}

/// `BufferPool`. Sizes in bytes.
#[derive(Clone, Debug)]
pub struct BufferPool {
    total: i64,
    poolable: i64,
    /// Buffers of exactly `poolable` bytes that were given back.
    free: i64,
    non_pooled: i64,
    waiters: VecDeque<Waiter>,
    next_waiter: u64,
    closed: bool,
}

/// What asking for memory led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Allocation {
    Granted,
    /// Joins the queue under this id.
    Waits(u64),
    /// More than the whole pool.
    Impossible,
    Closed,
}

impl BufferPool {
    /// `total`: `buffer.memory`; `poolable`: `batch.size` (at least 1).
    pub fn new(total: i64, poolable: i64) -> Self {
        Self {
            total,
            poolable,
            free: 0,
            non_pooled: total,
            waiters: VecDeque::new(),
            next_waiter: 0,
            closed: false,
        }
    }

    /// What nobody uses, in bytes (`availableMemory`).
    pub fn available(&self) -> i64 {
        self.non_pooled + self.free * self.poolable
    }

    pub fn total(&self) -> i64 {
        self.total
    }

    /// Callers that wait for memory.
    pub fn queued(&self) -> usize {
        self.waiters.len()
    }

    fn free_up(&mut self, size: i64) {
        while self.free > 0 && self.non_pooled < size {
            self.free -= 1;
            self.non_pooled += self.poolable;
        }
    }

    pub fn allocate(&mut self, size: i64) -> Allocation {
        if size > self.total {
            return Allocation::Impossible;
        }
        if self.closed {
            return Allocation::Closed;
        }
        let answer = if size == self.poolable && self.free > 0 {
            self.free -= 1;
            Allocation::Granted
        } else if self.available() >= size {
            self.free_up(size);
            self.non_pooled -= size;
            Allocation::Granted
        } else {
            self.next_waiter += 1;
            let id = self.next_waiter;
            self.waiters.push_back(Waiter {
                id,
                size,
                accumulated: 0,
                signalled: false,
            });
            return Allocation::Waits(id);
        };
        self.signal_next_if_any_memory();
        answer
    }

    fn signal_next_if_any_memory(&mut self) {
        if self.non_pooled != 0 || self.free > 0 {
            self.signal_first();
        }
    }

    fn signal_first(&mut self) {
        if let Some(first) = self.waiters.front_mut() {
            first.signalled = true;
        }
    }

    /// Whether a waiter has something to look at.
    pub fn is_signalled(&self, id: u64) -> bool {
        self.closed || self.waiters.iter().any(|w| w.id == id && w.signalled)
    }

    /// A waiter that was signalled takes what there is; true = it has all it asked for and left the queue.
    pub fn resume(&mut self, id: u64) -> bool {
        let Some(at) = self.waiters.iter().position(|w| w.id == id) else {
            return false;
        };
        let Waiter {
            size,
            mut accumulated,
            ..
        } = self.waiters[at];
        if accumulated == 0 && size == self.poolable && self.free > 0 {
            self.free -= 1;
            accumulated = size;
        } else {
            self.free_up(size - accumulated);
            let got = (size - accumulated).min(self.non_pooled);
            self.non_pooled -= got;
            accumulated += got;
        }
        if accumulated >= size {
            self.waiters.remove(at);
            self.signal_next_if_any_memory();
            return true;
        }
        self.waiters[at].accumulated = accumulated;
        self.waiters[at].signalled = false;
        false
    }

    /// A waiter gives up; what it had gathered goes back.
    pub fn abandon(&mut self, id: u64) {
        if let Some(at) = self.waiters.iter().position(|w| w.id == id) {
            let waiter = self.waiters.remove(at).expect("found");
            self.non_pooled += waiter.accumulated;
            self.signal_next_if_any_memory();
        }
    }

    /// Memory comes back.
    pub fn deallocate(&mut self, size: i64) {
        if size == self.poolable {
            self.free += 1;
        } else {
            self.non_pooled += size;
        }
        self.signal_first();
    }

    pub fn close(&mut self) {
        self.closed = true;
    }

    pub fn is_closed(&self) -> bool {
        self.closed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_waiter_gathers_freed_memory_and_gives_it_back_when_it_gives_up() {
        let mut pool = BufferPool::new(2000, 1000);
        assert_eq!(pool.allocate(1000), Allocation::Granted);
        assert_eq!(pool.allocate(700), Allocation::Granted);
        let Allocation::Waits(id) = pool.allocate(1500) else {
            panic!("P12: no memory left")
        };
        assert!(!pool.is_signalled(id));
        pool.deallocate(700);
        assert!(pool.is_signalled(id) && !pool.resume(id));
        assert_eq!(pool.available(), 0, "the waiter holds what it gathered");
        pool.abandon(id);
        assert_eq!(pool.available(), 1000);
        assert_eq!(pool.allocate(2001), Allocation::Impossible);
    }
}
