//! Plays one case and says how it went.

use crate::case::{Case, Step};
use crate::diff::{Difference, Mismatch};
use crate::tables;
use serde_json::Value;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// How a case went.
#[derive(Clone, PartialEq, Debug)]
pub enum Outcome {
    Equal,
    Different(Difference),
    /// An operation or config that does not exist here yet; what came before it was equal.
    NotModelled(String),
    /// Different, and listed as resting on an accident of the JVM.
    Disputed(Difference, &'static str),
}

/// A kind of case and the function that plays one.
#[derive(Clone, Copy)]
pub struct Kind {
    pub name: &'static str,
    pub play: fn(&Case) -> Outcome,
}

/// What a driver says of one step.
pub enum Played {
    /// Our answer, in the shape of `expect`.
    Answer(Value),
    /// The driver compared by itself and found this.
    Compared(Option<Mismatch>),
}

/// Plays the steps of `case` in order until the first that differs or is not modelled. `step` plays one and answers in
/// the shape of its `expect`; `compare(ours, kafka)` is the kind's comparison.
pub fn play_steps(
    case: &Case,
    compare: &dyn Fn(&Value, &Value) -> Option<Mismatch>,
    mut step: impl FnMut(&Step) -> Played,
) -> Outcome {
    if let Some(what) = tables::config_not_modelled(case) {
        return Outcome::NotModelled(what);
    }
    for (i, s) in case.steps.iter().enumerate() {
        if let Some(what) = tables::step_not_modelled(&case.kind, s) {
            return Outcome::NotModelled(what);
        }
        let mismatch = match step(s) {
            Played::Answer(ours) => compare(&ours, &s.expect),
            Played::Compared(found) => found,
        };
        if let Some((field, ours, kafka)) = mismatch {
            return Outcome::Different(Difference {
                step: i + 1,
                op: s.op.clone(),
                field,
                ours,
                kafka,
            });
        }
    }
    Outcome::Equal
}

/// Plays a case with the driver of its kind. A panic is a difference; a difference of a listed case is disputed.
pub fn play(case: &Case, kinds: &[Kind]) -> Outcome {
    let Some(kind) = kinds.iter().find(|k| k.name == case.kind) else {
        return Outcome::NotModelled(format!("kind {}", case.kind));
    };
    let outcome = catch_unwind(AssertUnwindSafe(|| (kind.play)(case))).unwrap_or_else(|panic| {
        let text = panic
            .downcast_ref::<String>()
            .cloned()
            .or_else(|| panic.downcast_ref::<&str>().map(|s| (*s).to_owned()))
            .unwrap_or_default();
        Outcome::Different(Difference {
            step: 0,
            op: "panic".into(),
            field: "panic".into(),
            ours: text,
            kafka: "an answer".into(),
        })
    });
    match outcome {
        Outcome::Different(d) => match tables::disputed(&case.id) {
            Some(reason) => Outcome::Disputed(d, reason),
            None => Outcome::Different(d),
        },
        other => other,
    }
}
