//! One request at a time to each other node: which may be asked, which owes an answer, which backs off.
//!
//! It knows nothing of what the requests say (`raft.RequestManager`).

use protocol::{CorrelationId, Ms, NodeId};
use std::collections::BTreeMap;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    AwaitingResponse {
        sent_ms: Ms,
        correlation_id: CorrelationId,
    },
    BackingOff {
        failed_ms: Ms,
    },
}

/// The connections of one node to the others. A node that is not listed may be asked at once.
#[derive(Clone, Debug)]
pub struct Connections {
    states: BTreeMap<NodeId, State>,
    /// Where to look for a leader when none is known: with static voters all of them, the node itself included.
    bootstrap: Vec<NodeId>,
    retry_backoff_ms: Ms,
    request_timeout_ms: Ms,
}

impl Connections {
    pub fn new(bootstrap: Vec<NodeId>, retry_backoff_ms: i32, request_timeout_ms: i32) -> Self {
        Self {
            states: BTreeMap::new(),
            bootstrap,
            retry_backoff_ms: retry_backoff_ms.into(),
            request_timeout_ms: request_timeout_ms.into(),
        }
    }

    pub fn has_request_timed_out(&self, node: NodeId, now_ms: Ms) -> bool {
        matches!(self.states.get(&node), Some(State::AwaitingResponse { sent_ms, .. }) if now_ms >= sent_ms + self.request_timeout_ms)
    }

    pub fn is_backing_off(&self, node: NodeId, now_ms: Ms) -> bool {
        matches!(self.states.get(&node), Some(State::BackingOff { failed_ms }) if now_ms < failed_ms + self.retry_backoff_ms)
    }

    fn is_in_flight(&self, state: State, now_ms: Ms) -> bool {
        matches!(state, State::AwaitingResponse { sent_ms, .. } if now_ms < sent_ms + self.request_timeout_ms)
    }

    /// True if the node may be asked now; forgets an answer that is overdue.
    pub fn is_ready(&mut self, node: NodeId, now_ms: Ms) -> bool {
        let Some(&state) = self.states.get(&node) else {
            return true;
        };
        let busy = self.is_in_flight(state, now_ms) || self.is_backing_off(node, now_ms);
        if !busy {
            self.states.remove(&node);
        }
        !busy
    }

    /// True if any node owes an answer; forgets the overdue ones that it meets before (`hasAnyInflightRequest`).
    pub fn has_any_in_flight(&mut self, now_ms: Ms) -> bool {
        let nodes: Vec<NodeId> = self.states.keys().copied().collect();
        for node in nodes {
            if !self.is_ready(node, now_ms) && self.is_in_flight(self.states[&node], now_ms) {
                return true;
            }
        }
        false
    }

    /// The voter to ask for a leader, if nobody owes an answer: the first one that is free, from a drawn place on
    /// (`findReadyBootstrapServer`). `draw` answers an integer below its argument; it is not asked when nobody is free, so that looking
    /// twice changes nothing.
    pub fn ready_bootstrap_server(
        &mut self,
        now_ms: Ms,
        draw: &mut dyn FnMut(u32) -> u32,
    ) -> Option<NodeId> {
        if self.has_any_in_flight(now_ms) {
            return None;
        }
        let nodes = self.bootstrap.clone();
        if !nodes.iter().any(|&node| self.is_ready(node, now_ms)) {
            return None;
        }
        let start = draw(nodes.len() as u32) as usize;
        (0..nodes.len())
            .map(|i| nodes[(start + i) % nodes.len()])
            .find(|&node| self.is_ready(node, now_ms))
    }

    pub fn is_response_expected(&self, node: NodeId, correlation_id: CorrelationId) -> bool {
        matches!(self.states.get(&node), Some(State::AwaitingResponse { correlation_id: c, .. }) if *c == correlation_id)
    }

    /// What an expected answer was worth: a good one frees the node, a bad one makes it back off.
    pub fn on_response(
        &mut self,
        node: NodeId,
        correlation_id: CorrelationId,
        success: bool,
        now_ms: Ms,
    ) {
        if !self.is_response_expected(node, correlation_id) {
            return;
        }
        if success {
            self.states.remove(&node);
        } else {
            self.states
                .insert(node, State::BackingOff { failed_ms: now_ms });
        }
    }

    pub fn on_sent(&mut self, node: NodeId, correlation_id: CorrelationId, now_ms: Ms) {
        self.states.insert(
            node,
            State::AwaitingResponse {
                sent_ms: now_ms,
                correlation_id,
            },
        );
    }

    pub fn reset(&mut self, node: NodeId) {
        self.states.remove(&node);
    }

    /// Forgets everything that is owed: what arrives for it later is ignored.
    pub fn reset_all(&mut self) {
        self.states.clear();
    }

    /// The instants at which a node becomes free by itself.
    pub fn deadlines(&self) -> impl Iterator<Item = Ms> + '_ {
        self.states.values().map(|state| match *state {
            State::AwaitingResponse { sent_ms, .. } => sent_ms + self.request_timeout_ms,
            State::BackingOff { failed_ms } => failed_ms + self.retry_backoff_ms,
        })
    }
}
