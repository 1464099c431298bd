//! Why: from an effect back to a person, a fault or the beginning.
//!
//! The trace is not hoarded. An interval between two checkpoints is run again with somebody listening, and a few such
//! intervals are kept.

use super::replay::Driver;
use super::{BranchId, Machine, Session, TRACE_CACHE};
use crate::ids::EventId;
use crate::trace::{EventKind, TraceEvent};
use protocol::Instant;
use std::sync::Arc;

/// One link of a chain.
#[derive(Clone, Debug)]
pub struct Cause {
    pub event: TraceEvent,
    /// Further turns of a periodic timer that are folded into this link.
    pub folded: u32,
}

/// Longer chains are cut; what is cut is older than what anybody reads.
const MAX_LINKS: usize = 400;

impl<M: Machine> Session<M> {
    /// The description of an event of the current branch.
    pub fn describe(&mut self, id: EventId) -> Option<TraceEvent> {
        let interval = self.interval(id)?;
        let at = interval.binary_search_by_key(&id, |e| e.id).ok()?;
        Some(interval[at].clone())
    }

    /// All events of `from..=to` on the current branch, at most `most` of them, oldest first.
    pub fn events(&mut self, from: EventId, to: EventId, most: usize) -> Vec<TraceEvent> {
        let mut out = Vec::new();
        let mut next = EventId(from.0.max(1));
        let to = to.min(self.event().max(self.branch().end_event));
        while next <= to && out.len() < most {
            let Some(interval) = self.interval(next) else {
                break;
            };
            let begin = interval.partition_point(|e| e.id < next);
            let room = most - out.len();
            let part = interval[begin..].iter().take_while(|e| e.id <= to);
            out.extend(part.take(room).cloned());
            match interval.last() {
                Some(last) if last.id >= next => next = EventId(last.id.0 + 1),
                _ => break,
            }
        }
        out
    }

    /// From an event to its beginning, effect first. Turns of one node's timer that only led to its next turn are folded.
    pub fn why(&mut self, effect: EventId) -> Vec<Cause> {
        let mut chain: Vec<Cause> = Vec::new();
        let mut next = Some(effect);
        while let Some(id) = next.filter(|id| *id != EventId::BEGINNING) {
            let Some(event) = self.describe(id) else {
                break;
            };
            next = event.trigger.filter(|t| *t < id);
            let woke = matches!(event.kind, EventKind::Woke);
            match chain.last_mut() {
                Some(last)
                    if woke
                        && matches!(last.event.kind, EventKind::Woke)
                        && last.event.node == event.node =>
                {
                    last.folded += 1;
                }
                _ => chain.push(Cause { event, folded: 0 }),
            }
            if chain.len() > MAX_LINKS {
                break;
            }
        }
        chain
    }

    /// The described interval between two checkpoints that holds `id`.
    fn interval(&mut self, id: EventId) -> Option<Arc<Vec<TraceEvent>>> {
        let branch = self.branch();
        let from = branch.checkpoints.before(EventId(id.0.saturating_sub(1)));
        let begins = from.event();
        let key: (BranchId, EventId) = (self.current, begins);
        let until = branch
            .checkpoints
            .after(begins)
            .map_or(branch.end_event.max(self.event()), |c| c.event());
        let cached = self
            .trace_cache
            .iter()
            .find(|(b, e, events)| (*b, *e) == key && events.last().is_some_and(|l| l.id >= id));
        if let Some((.., events)) = cached {
            return Some(events.clone());
        }
        let mut driver = Driver::from_checkpoint(from);
        driver.machine.listen();
        driver.machine.take_trace();
        let mut events = Vec::new();
        while driver.machine.last_event() < until {
            if !driver.step(&branch.journal, Instant::NEVER) {
                break;
            }
            events.extend(driver.machine.take_trace());
        }
        if events.last().is_none_or(|last| last.id < id) {
            return None;
        }
        let events = Arc::new(events);
        self.trace_cache.retain(|(b, e, _)| (*b, *e) != key);
        self.trace_cache.push_front((key.0, key.1, events.clone()));
        self.trace_cache.truncate(TRACE_CACHE);
        Some(events)
    }
}
