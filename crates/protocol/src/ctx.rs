//! What a step is given: now, draws, the rules in force, and somebody to report changes to.
//!
//! Nothing else reaches a node from outside. Messages go in as inputs and come out in an outbox of the crate's own.

use crate::protections::Protections;
use crate::time::Instant;
use crate::trace::{Change, Fact, FactKey, RuleId, TraceSink, Value};

/// Chance, handed in: one labelled stream per purpose, so that a new draw somewhere does not shift the others.
pub trait Draws {
    /// A number in `0..bound` (`bound` ≥ 1).
    fn next_int(&mut self, bound: u32, label: &'static str) -> u32;

    /// 64 free bits, for ids.
    fn next_u64(&mut self, label: &'static str) -> u64 {
        let high = u64::from(self.next_int(1 << 31, label));
        let low = u64::from(self.next_int(1 << 31, label));
        let top = u64::from(self.next_int(4, label));
        (top << 62) | (high << 31) | low
    }

    /// A number in `[0, 1)`, where Kafka's rule is in doubles (back-off jitter).
    fn next_unit(&mut self, label: &'static str) -> f64 {
        f64::from(self.next_int(1 << 30, label)) / f64::from(1u32 << 30)
    }
}

/// Draws that always answer the middle: jitter factor 1, the first of every choice that a test does not care about.
#[derive(Default, Debug)]
pub struct NoChance;

impl Draws for NoChance {
    fn next_int(&mut self, _bound: u32, _label: &'static str) -> u32 {
        0
    }

    fn next_unit(&mut self, _label: &'static str) -> f64 {
        0.5
    }
}

/// The surroundings of one step.
pub struct Ctx<'a> {
    pub now: Instant,
    pub protections: Protections,
    pub draws: &'a mut dyn Draws,
    pub trace: &'a mut dyn TraceSink,
}

impl Ctx<'_> {
    /// Reports a change, unless nothing changed.
    pub fn changed(
        &mut self,
        key: FactKey,
        from: impl Into<Value>,
        to: impl Into<Value>,
        rule: RuleId,
        mut read: impl FnMut() -> Vec<Fact>,
    ) {
        let (from, to) = (from.into(), to.into());
        if from != to {
            self.trace.changed(
                Change {
                    key,
                    from,
                    to,
                    rule,
                },
                &mut read,
            );
        }
    }
}
