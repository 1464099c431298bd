//! The world as the machine of a session.

use super::World;
use crate::command::Command;
use crate::ids::EventId;
use crate::scenario::Refusal;
use crate::session::{Machine, Violation};
use crate::trace::TraceEvent;
use protocol::Instant;

/// What one event leaves behind, on average, beyond what clones share: measured on the first scene, rounded up.
const BYTES_PER_STEP: usize = 96;
/// What a clone costs by itself: the slots, queues and connections of a small cluster.
const BYTES_PER_CLONE: usize = 48 * 1024;

impl Machine for World {
    fn now(&self) -> Instant {
        World::now(self)
    }

    fn handled_at_now(&self) -> u64 {
        World::handled_at_now(self)
    }

    fn handled(&self) -> u64 {
        World::handled(self)
    }

    fn last_event(&self) -> EventId {
        World::last_event(self)
    }

    fn next_at(&self) -> Option<Instant> {
        World::next_at(self)
    }

    fn step_until(&mut self, until: Instant) -> bool {
        World::step_until(self, until)
    }

    fn command(&mut self, command: &Command) -> Result<EventId, Refusal> {
        World::command(self, command)
    }

    fn listen(&mut self) {
        World::listen(self);
    }

    fn take_trace(&mut self) -> Vec<TraceEvent> {
        World::take_trace(self)
    }

    fn violation(&self) -> Option<&Violation> {
        World::violation(self)
    }

    fn weight_since(&self, earlier: &Self) -> usize {
        let steps = World::handled(self).saturating_sub(World::handled(earlier));
        BYTES_PER_CLONE + steps as usize * BYTES_PER_STEP
    }
}
