//! The journal: what was commanded, and when exactly.
//!
//! A place is (instant, steps taken at that instant), which means the same in every replay of the same version. Event ids
//! do not survive a branch, so they are not kept.

use crate::command::Command;
use crate::scenario::Scenario;
use protocol::Instant;
use serde::{Deserialize, Serialize};

/// A place between two steps.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
pub struct Place {
    pub at: Instant,
    /// Steps already taken at that instant.
    pub steps: u64,
}

/// Who commanded.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Author {
    /// The scenario's own script.
    Script,
    You,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Entry {
    #[serde(flatten)]
    pub place: Place,
    pub by: Author,
    pub command: Command,
}

/// Commands in the order in which they are carried out.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Journal(pub Vec<Entry>);

/// A journal longer than this is refused: every entry is replayed on every seek from the start.
pub const MAX_ENTRIES: usize = 10_000;

impl Journal {
    /// The scenario's own script.
    pub fn of_script(scenario: &Scenario) -> Self {
        let mut journal = Self::default();
        for step in &scenario.script {
            let at = Instant::start().plus_micros((step.at_ms * 1_000.0) as i64);
            journal.insert(Entry {
                place: Place { at, steps: 0 },
                by: Author::Script,
                command: step.command.clone(),
            });
        }
        journal
    }

    /// Adds an entry behind all that are not later than it; answers its number.
    pub fn insert(&mut self, entry: Entry) -> usize {
        let at = self.0.partition_point(|e| e.place <= entry.place);
        self.0.insert(at, entry);
        at
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
