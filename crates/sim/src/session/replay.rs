//! Drives a machine along a journal: steps, and commands at their places.

use super::checkpoints::Checkpoint;
use super::journal::{Journal, Place};
use super::machine::Machine;
use crate::ids::EventId;
use protocol::Instant;

/// A machine and how many journal entries have been carried out in it.
#[derive(Clone, Debug)]
pub struct Driver<M> {
    pub machine: M,
    pub commands: usize,
}

impl<M: Machine> Driver<M> {
    pub const fn new(machine: M, commands: usize) -> Self {
        Self { machine, commands }
    }

    pub fn from_checkpoint(checkpoint: &Checkpoint<M>) -> Self {
        Self::new((*checkpoint.machine).clone(), checkpoint.commands)
    }

    /// The next thing due by `until`: a journal entry at its place, else a step. False, with the clock at `until`, if there
    /// is neither.
    pub fn step(&mut self, journal: &Journal, until: Instant) -> bool {
        let Some(entry) = journal.0.get(self.commands) else {
            return self.machine.step_until(until);
        };
        let Place { at, steps } = entry.place;
        if at > until {
            return self.machine.step_until(until);
        }
        let now = self.machine.now();
        let here = now == at && self.machine.handled_at_now() >= steps;
        if now < at || (now == at && !here) {
            if self.machine.step_until(at) {
                return true;
            }
            // Nothing more is due by then: the clock stands at the entry's instant.
        }
        self.commands += 1;
        // A command that was accepted once is accepted again in the same state. In a journal from elsewhere it may be
        // refused; then nothing happens at this place, and the run goes on.
        let _ = self.machine.command(&entry.command);
        true
    }

    /// Runs until the machine has `event`.
    pub fn run_to_event(&mut self, journal: &Journal, event: EventId) {
        while self.machine.last_event() < event {
            if !self.step(journal, Instant::NEVER) {
                break;
            }
        }
    }

    /// Runs everything that is due by `at`.
    pub fn run_to_instant(&mut self, journal: &Journal, at: Instant) {
        while self.step(journal, at) {}
    }

    /// Runs to the place of journal entry `number`, just before it is carried out.
    pub fn run_to_command(&mut self, journal: &Journal, number: usize) {
        let Some(entry) = journal.0.get(number) else {
            return;
        };
        let place = entry.place;
        while self.commands < number {
            if !self.step(journal, place.at) {
                return;
            }
        }
        while self.machine.now() < place.at || self.machine.handled_at_now() < place.steps {
            if !self.machine.step_until(place.at) {
                return;
            }
        }
    }
}
