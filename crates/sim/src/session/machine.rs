//! What a session needs of the value that it drives.

use crate::command::Command;
use crate::ids::EventId;
use crate::scenario::Refusal;
use crate::trace::TraceEvent;
use protocol::Instant;

/// A deterministic value that can be stepped, commanded and cloned. The world is one; tests use a smaller one.
pub trait Machine: Clone {
    fn now(&self) -> Instant;
    /// Steps taken within the current instant: with the instant it names a place that survives replays.
    fn handled_at_now(&self) -> u64;
    /// Steps taken since the beginning.
    fn handled(&self) -> u64;
    /// The newest event; a step brings at least one.
    fn last_event(&self) -> EventId;
    /// When the next step is due.
    fn next_at(&self) -> Option<Instant>;
    /// Takes the next step that is due by `until`; false, with the clock at `until`, if there is none.
    fn step_until(&mut self, until: Instant) -> bool;
    /// Carries out a command, or refuses it and stays as it was.
    fn command(&mut self, command: &Command) -> Result<EventId, Refusal>;
    /// Begins to keep descriptions of events.
    fn listen(&mut self);
    /// What was heard since the last call.
    fn take_trace(&mut self) -> Vec<TraceEvent>;
    /// A broken invariant: its id and what was found. The machine takes no further step.
    fn violation(&self) -> Option<&Violation>;
    /// Bytes that a clone made now would hold beyond what `earlier` holds; an estimate that errs upwards.
    fn weight_since(&self, earlier: &Self) -> usize;
}

/// A broken invariant, as data.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub struct Violation {
    /// Its id in the catalogue, such as `inv/R7`.
    pub invariant: &'static str,
    pub event: EventId,
    pub found: String,
}
