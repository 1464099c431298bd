//! Clones of the machine along a branch, dense near the cursor, sparse away from it, under a budget of bytes.

use super::machine::Machine;
use crate::ids::EventId;
use protocol::Instant;
use std::sync::Arc;

/// Steps between two checkpoints while a branch grows. Replaying so many takes a few milliseconds.
pub const SPACING: u64 = 2_048;

/// One clone, and how many journal entries had been carried out in it.
#[derive(Clone, Debug)]
pub struct Checkpoint<M> {
    pub machine: Arc<M>,
    pub commands: usize,
    /// Bytes beyond the checkpoint before it.
    pub weight: usize,
}

impl<M: Machine> Checkpoint<M> {
    pub fn event(&self) -> EventId {
        self.machine.last_event()
    }
}

/// Checkpoints in the order of their events; the first is the beginning and stays.
#[derive(Clone, Debug)]
pub struct Checkpoints<M> {
    list: Vec<Checkpoint<M>>,
    budget_bytes: usize,
}

impl<M: Machine> Checkpoints<M> {
    pub fn new(beginning: M, budget_bytes: usize) -> Self {
        Self {
            list: vec![Checkpoint {
                machine: Arc::new(beginning),
                commands: 0,
                weight: 0,
            }],
            budget_bytes,
        }
    }

    /// The newest checkpoint whose last event is at or before `event`.
    pub fn before(&self, event: EventId) -> &Checkpoint<M> {
        let after = self.list.partition_point(|c| c.event() <= event);
        &self.list[after.saturating_sub(1)]
    }

    /// The newest checkpoint at or before an instant.
    pub fn before_instant(&self, at: Instant) -> &Checkpoint<M> {
        // Strictly before: at an equal instant a command may still have to be carried out.
        let after = self.list.partition_point(|c| c.machine.now() < at);
        &self.list[after.saturating_sub(1)]
    }

    /// The first checkpoint after `event`.
    pub fn after(&self, event: EventId) -> Option<&Checkpoint<M>> {
        self.list
            .get(self.list.partition_point(|c| c.event() <= event))
    }

    /// Keeps a clone of `machine` if the last one before it is far enough away, and thins out far from `cursor`.
    pub fn offer(&mut self, machine: &M, commands: usize, cursor: u64) {
        let event = machine.last_event();
        let at = self.list.partition_point(|c| c.event() <= event);
        let before = &self.list[at.saturating_sub(1)];
        if machine.handled() < before.machine.handled() + SPACING {
            return;
        }
        if let Some(next) = self.list.get(at)
            && next.machine.handled() < machine.handled() + SPACING
        {
            return;
        }
        let weight = machine.weight_since(&before.machine);
        self.list.insert(
            at,
            Checkpoint {
                machine: Arc::new(machine.clone()),
                commands,
                weight,
            },
        );
        while self.list.len() > 2 && self.weight() > self.budget_bytes {
            self.thin(cursor);
        }
    }

    /// Removes the checkpoint whose absence costs least: the gap it would leave, seen from the cursor's distance.
    fn thin(&mut self, cursor: u64) {
        let handled = |i: usize| self.list[i].machine.handled();
        let cost = |i: usize| {
            let gap = handled(i + 1) - handled(i - 1);
            let distance = handled(i).abs_diff(cursor) + SPACING;
            // gap ÷ distance, compared without fractions by scaling
            u128::from(gap) * 1_000_000 / u128::from(distance)
        };
        let victim = (1..self.list.len() - 1).min_by_key(|&i| cost(i));
        let victim = victim.unwrap_or(self.list.len() - 1);
        self.list.remove(victim);
    }

    /// Drops what lies after `event`.
    pub fn cut_after(&mut self, event: EventId) {
        let keep = self.list.partition_point(|c| c.event() <= event).max(1);
        self.list.truncate(keep);
    }

    pub fn weight(&self) -> usize {
        self.list.iter().map(|c| c.weight).sum()
    }

    pub fn len(&self) -> usize {
        self.list.len()
    }

    pub fn beginning(&self) -> &Checkpoint<M> {
        &self.list[0]
    }
}
