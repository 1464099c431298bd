//! The queue of coordinator requests: Java's `PriorityQueue`, whose order among equals its heap decides.

use super::requests::TxnRequest;

/// `java.util.PriorityQueue` over request priorities.
#[derive(Clone, Debug, Default)]
pub(super) struct RequestQueue {
    heap: Vec<TxnRequest>,
}

impl RequestQueue {
    pub fn add(&mut self, request: TxnRequest) {
        self.heap.push(request);
        let mut at = self.heap.len() - 1;
        while at > 0 {
            let parent = (at - 1) / 2;
            if self.heap[at].priority() >= self.heap[parent].priority() {
                break;
            }
            self.heap.swap(at, parent);
            at = parent;
        }
    }

    pub fn peek(&self) -> Option<&TxnRequest> {
        self.heap.first()
    }

    pub fn poll(&mut self) -> Option<TxnRequest> {
        if self.heap.is_empty() {
            return None;
        }
        let first = self.heap.swap_remove(0);
        let (mut at, len) = (0, self.heap.len());
        while 2 * at + 1 < len {
            let (left, right) = (2 * at + 1, 2 * at + 2);
            let smaller = if right < len && self.heap[left].priority() > self.heap[right].priority()
            {
                right
            } else {
                left
            };
            if self.heap[at].priority() <= self.heap[smaller].priority() {
                break;
            }
            self.heap.swap(at, smaller);
            at = smaller;
        }
        Some(first)
    }

    pub fn is_empty(&self) -> bool {
        self.heap.is_empty()
    }

    /// All of them, in the heap's order.
    pub fn all(&self) -> Vec<TxnRequest> {
        self.heap.clone()
    }

    pub fn drain(&mut self) -> Vec<TxnRequest> {
        std::mem::take(&mut self.heap)
    }
}
