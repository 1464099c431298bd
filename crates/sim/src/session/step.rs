//! Steps and steps back: by event, by change, by request.

use super::replay::Driver;
use super::{Machine, Session};
use crate::ids::{Direction, EventId};
use crate::trace::{Carried, EventKind, Handled, TraceEvent};
use protocol::Instant;

/// How far one step goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stride {
    /// One thing that a node does.
    Event,
    /// To the next event that alters something drawn.
    Change,
    /// From a request's send to its answer handled.
    Request,
}

/// A step forwards looks at so many machine steps at most, so that a quiet world does not hold the page.
const MAX_AHEAD: u64 = 200_000;

impl<M: Machine> Session<M> {
    /// Goes one stride on. `visible` says which events alter something drawn (for requests: which sends count). False if
    /// nothing of the kind is found.
    pub fn step(&mut self, stride: Stride, visible: &dyn Fn(&TraceEvent) -> bool) -> bool {
        let start = self.event();
        let mut answer_to: Option<(protocol::ConnectionId, u32)> = None;
        for _ in 0..MAX_AHEAD {
            let heard = self.heard.len();
            let advanced = self.advance(Instant::NEVER, 1, &mut |_| false);
            if !matches!(advanced, super::Advanced::BudgetSpent) {
                return self.event() > start;
            }
            let events = &self.heard[heard.min(self.heard.len())..];
            match stride {
                Stride::Event => return true,
                Stride::Change if events.iter().any(visible) => return true,
                Stride::Request => {
                    if answer_to.is_none() {
                        answer_to = events.iter().find_map(|e| request_sent(e, visible));
                    } else if events.iter().any(|e| answer_handled(e, answer_to)) {
                        return true;
                    }
                }
                Stride::Change => {}
            }
        }
        self.event() > start
    }

    /// Goes one stride back: to the state before the last step that a stride forwards would have stopped at. False at the
    /// beginning.
    pub fn step_back(&mut self, stride: Stride, visible: &dyn Fn(&TraceEvent) -> bool) -> bool {
        let here = self.event();
        let mut before = here;
        // One interval between checkpoints at a time, backwards.
        loop {
            let branch = self.branch();
            let from = branch
                .checkpoints
                .before(EventId(before.0.saturating_sub(1)));
            let begins = from.event();
            let mut driver = Driver::from_checkpoint(from);
            driver.machine.listen();
            driver.machine.take_trace();
            let mut target = None;
            loop {
                let previous = driver.machine.last_event();
                if previous >= before || !driver.step(&branch.journal, Instant::NEVER) {
                    break;
                }
                let reached = driver.machine.last_event();
                let events = driver.machine.take_trace();
                if reached > here || (reached == here && previous == here) {
                    break;
                }
                let stops = match stride {
                    Stride::Event => true,
                    Stride::Change => events.iter().any(visible),
                    Stride::Request => events.iter().any(|e| request_sent(e, visible).is_some()),
                };
                if stops && previous < here {
                    target = Some(previous);
                }
            }
            if let Some(target) = target {
                self.seek(target);
                return true;
            }
            if begins == branch.checkpoints.beginning().event() {
                self.seek(begins);
                return begins < here;
            }
            before = begins;
        }
    }
}

fn request_sent(
    event: &TraceEvent,
    counts: &dyn Fn(&TraceEvent) -> bool,
) -> Option<(protocol::ConnectionId, u32)> {
    match &event.kind {
        EventKind::Sent {
            message,
            what: Carried::Request(_),
            ..
        } if counts(event) => Some((message.conn, message.nth)),
        _ => None,
    }
}

/// Requests of a connection are answered in order, so the answer has the request's number among the answers. An `acks=0`
/// produce has no answer; its being handled ends the step.
fn answer_handled(event: &TraceEvent, request: Option<(protocol::ConnectionId, u32)>) -> bool {
    match &event.kind {
        EventKind::Handled {
            input: Handled::Message { message, what },
        } => {
            let same = request == Some((message.conn, message.nth));
            same && message.direction == Direction::Backward && matches!(what, Carried::Response(_))
        }
        _ => false,
    }
}
