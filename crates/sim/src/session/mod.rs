//! A session: one machine, its journal, its checkpoints, its branches, and a cursor that goes anywhere in them.
//!
//! It restores the nearest checkpoint and replays; nothing is ever run backwards. It does not know what the machine is,
//! and it never blocks its caller longer than the caller's budget.

mod branch;
mod checkpoints;
mod journal;
mod machine;
mod replay;
mod step;
#[cfg(test)]
mod tests;
mod why;

pub use branch::{Branch, BranchId, Fork};
pub use checkpoints::SPACING;
pub use journal::{Author, Entry, Journal, MAX_ENTRIES, Place};
pub use machine::{Machine, Violation};
pub use replay::Driver;
pub use step::Stride;
pub use why::Cause;

use crate::command::Command;
use crate::ids::EventId;
use crate::scenario::Refusal;
use crate::trace::TraceEvent;
use checkpoints::Checkpoints;
use protocol::Instant;
use std::collections::VecDeque;
use std::sync::Arc;

/// How an advance ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Advanced {
    Reached,
    BudgetSpent,
    Breakpoint,
    InvariantViolated,
}

/// Old futures beyond this are forgotten, the oldest first, because each keeps checkpoints.
const MAX_BRANCHES: usize = 24;

/// Intervals of regenerated trace that are kept.
const TRACE_CACHE: usize = 4;

/// Events of the cursor's own advance that are kept until somebody takes them.
const MAX_HEARD: usize = 50_000;

/// See the module.
pub struct Session<M> {
    branches: Vec<(BranchId, Branch<M>)>,
    next_branch: u32,
    current: BranchId,
    cursor: Driver<M>,
    budget_bytes: usize,
    heard: Vec<TraceEvent>,
    heard_dropped: bool,
    trace_cache: VecDeque<(BranchId, EventId, Arc<Vec<TraceEvent>>)>,
}

impl<M: Machine> Session<M> {
    /// Begins at `machine`, with `journal` still to come. Checkpoints may hold `budget_bytes`.
    pub fn new(machine: M, journal: Journal, budget_bytes: usize) -> Self {
        let place = place_of(&machine);
        let end_event = machine.last_event();
        let mut cursor = Driver::new(machine.clone(), 0);
        cursor.machine.listen();
        Self {
            branches: vec![(
                BranchId(0),
                Branch {
                    fork: None,
                    journal,
                    end: place,
                    end_event,
                    checkpoints: Checkpoints::new(machine, budget_bytes),
                },
            )],
            next_branch: 1,
            current: BranchId(0),
            cursor,
            budget_bytes,
            heard: Vec::new(),
            heard_dropped: false,
            trace_cache: VecDeque::new(),
        }
    }

    /// The machine at the cursor.
    pub fn machine(&self) -> &M {
        &self.cursor.machine
    }

    pub fn place(&self) -> Place {
        place_of(&self.cursor.machine)
    }

    pub fn event(&self) -> EventId {
        self.cursor.machine.last_event()
    }

    pub const fn current(&self) -> BranchId {
        self.current
    }

    pub fn branches(&self) -> impl Iterator<Item = (BranchId, &Branch<M>)> {
        self.branches.iter().map(|(id, b)| (*id, b))
    }

    /// A second reader of the current branch, where the cursor stands.
    pub fn scout(&self) -> Driver<M> {
        self.cursor.clone()
    }

    /// A second reader of the current branch, at its beginning.
    pub fn scout_from_the_beginning(&self) -> Driver<M> {
        Driver::from_checkpoint(self.branch().checkpoints.beginning())
    }

    pub fn branch(&self) -> &Branch<M> {
        self.find(self.current).expect("the current branch exists")
    }

    fn find(&self, id: BranchId) -> Option<&Branch<M>> {
        self.branches.iter().find(|(b, _)| *b == id).map(|(_, b)| b)
    }

    fn branch_mut(&mut self) -> &mut Branch<M> {
        let current = self.current;
        let found = self.branches.iter_mut().find(|(b, _)| *b == current);
        &mut found.expect("the current branch exists").1
    }

    /// Bytes that all checkpoints of the current branch hold, by their own estimate, and how many there are.
    pub fn checkpoint_bytes(&self) -> (usize, usize) {
        let c = &self.branch().checkpoints;
        (c.weight(), c.len())
    }

    /// The events of the cursor's way since the last call, oldest first. `None` in front says that some were dropped.
    pub fn take_heard(&mut self) -> (bool, Vec<TraceEvent>) {
        let dropped = std::mem::take(&mut self.heard_dropped);
        (dropped, std::mem::take(&mut self.heard))
    }

    fn hear(&mut self) {
        let events = self.cursor.machine.take_trace();
        self.heard.extend(events);
        if self.heard.len() > MAX_HEARD {
            let excess = self.heard.len() - MAX_HEARD;
            self.heard.drain(..excess);
            self.heard_dropped = true;
        }
    }

    /// Runs on until `until`, at most `budget` steps. `stop` is asked after every step.
    pub fn advance(
        &mut self,
        until: Instant,
        budget: u64,
        stop: &mut dyn FnMut(&M) -> bool,
    ) -> Advanced {
        let current = self.current;
        let found = self.branches.iter_mut().find(|(b, _)| *b == current);
        let branch = &mut found.expect("the current branch exists").1;
        let mut ended = Advanced::BudgetSpent;
        for _ in 0..budget {
            if self.cursor.machine.violation().is_some() {
                ended = Advanced::InvariantViolated;
                break;
            }
            if !self.cursor.step(&branch.journal, until) {
                ended = Advanced::Reached;
                break;
            }
            let handled = self.cursor.machine.handled();
            branch
                .checkpoints
                .offer(&self.cursor.machine, self.cursor.commands, handled);
            if stop(&self.cursor.machine) {
                ended = Advanced::Breakpoint;
                break;
            }
        }
        let place = place_of(&self.cursor.machine);
        if place >= branch.end {
            branch.end = place;
            branch.end_event = self.cursor.machine.last_event();
        }
        self.hear();
        ended
    }

    /// Goes to the first state that has `event`; the end of the branch if it has no such event yet.
    pub fn seek(&mut self, event: EventId) {
        let branch = self.branch();
        let event = event.min(branch.end_event);
        let from = branch.checkpoints.before(event);
        let mut driver = Driver::from_checkpoint(from);
        driver.run_to_event(&branch.journal, event);
        self.put(driver);
    }

    /// Goes to an instant of the current branch, as far as it has been run.
    pub fn seek_instant(&mut self, at: Instant) {
        let branch = self.branch();
        let at = at.min(branch.end.at);
        let from = branch.checkpoints.before_instant(at);
        let mut driver = Driver::from_checkpoint(from);
        driver.run_to_instant(&branch.journal, at);
        self.put(driver);
    }

    fn put(&mut self, mut driver: Driver<M>) {
        driver.machine.listen();
        self.cursor = driver;
        self.heard.clear();
        self.heard_dropped = true;
    }

    /// Goes to the end of another branch.
    pub fn switch(&mut self, to: BranchId) -> bool {
        if self.find(to).is_none() {
            return false;
        }
        self.current = to;
        self.seek(EventId(u64::MAX));
        true
    }

    /// Carries out a command at the cursor. With a future behind the cursor this makes a branch. A refused command changes
    /// nothing, not even the journal.
    pub fn act(&mut self, command: Command, by: Author) -> Result<EventId, Refusal> {
        if self.cursor.commands >= MAX_ENTRIES {
            return Err(Refusal::at(
                "journal",
                format!("a session takes {MAX_ENTRIES} commands; export it and begin a new one"),
            ));
        }
        let mut tried = self.cursor.machine.clone();
        tried.listen();
        let event = tried.command(&command)?;
        let place = self.place();
        if self.has_future() {
            self.fork(place);
        }
        let commands = self.cursor.commands;
        let branch = self.branch_mut();
        branch
            .journal
            .0
            .insert(commands, Entry { place, by, command });
        branch.end = place;
        branch.end_event = tried.last_event();
        self.cursor = Driver::new(tried, commands + 1);
        self.hear();
        Ok(event)
    }

    /// Whether something was run beyond the cursor, or a person's command still lies there.
    fn has_future(&self) -> bool {
        let branch = self.branch();
        let later = branch.journal.0[self.cursor.commands..]
            .iter()
            .any(|e| e.by == Author::You);
        later || branch.end_event > self.event()
    }

    /// Leaves the current branch at the cursor: the new one shares the past and the script that is still to come.
    fn fork(&mut self, place: Place) {
        let event = self.event();
        let from = self.current;
        let commands = self.cursor.commands;
        let branch = self.branch();
        let mut checkpoints = branch.checkpoints.clone();
        checkpoints.cut_after(event);
        let mut journal = branch.journal.clone();
        let mut number = 0;
        journal.0.retain(|e| {
            number += 1;
            number <= commands || e.by == Author::Script
        });
        let id = BranchId(self.next_branch);
        self.next_branch += 1;
        let fork = Some(Fork { from, place, event });
        let branch = Branch {
            fork,
            journal,
            end: place,
            end_event: event,
            checkpoints,
        };
        self.branches.push((id, branch));
        self.current = id;
        if self.branches.len() > MAX_BRANCHES {
            let oldest = self.branches.iter().position(|(b, _)| *b != self.current);
            self.branches.remove(oldest.expect("more than one"));
        }
    }

    /// Takes the last command of a person back: a branch that goes on as if it had not been given, from just before it.
    /// Answers the command; `None` if there is none before the cursor.
    pub fn undo(&mut self) -> Option<Command> {
        let given = self.cursor.commands;
        let journal = &self.branch().journal.0;
        let last = journal[..given].iter().rposition(|e| e.by == Author::You)?;
        let Entry { place, command, .. } = journal[last].clone();
        let branch = self.branch();
        let from = branch.checkpoints.before_instant(place.at);
        let mut driver = Driver::from_checkpoint(from);
        driver.run_to_command(&branch.journal, last);
        self.put(driver);
        self.fork(place);
        Some(command)
    }

    /// Checkpoint budget of this session.
    pub const fn budget_bytes(&self) -> usize {
        self.budget_bytes
    }
}

fn place_of<M: Machine>(machine: &M) -> Place {
    Place {
        at: machine.now(),
        steps: machine.handled_at_now(),
    }
}
