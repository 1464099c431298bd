//! The table that `verify` prints: for each family how many cases were equal, different, not modelled, disputed.

use crate::case::Case;
use crate::run::{Kind, Outcome, play};
use std::collections::BTreeMap;
use std::fmt::Write;

/// Counts of one family.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Tally {
    pub equal: usize,
    pub different: usize,
    pub not_modelled: usize,
    pub disputed: usize,
}

/// The whole result: counts by `kind/family`, and each case that was not equal.
#[derive(Default, Debug)]
pub struct Report {
    pub families: BTreeMap<String, Tally>,
    pub findings: Vec<(String, Outcome)>,
}

impl Report {
    /// Plays every case. Panics inside a crate are findings, so their messages are kept off the terminal meanwhile.
    pub fn of(cases: &[Case], kinds: &[Kind]) -> Self {
        let hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(|_| {}));
        let mut report = Self::default();
        for case in cases {
            report.add(case, play(case, kinds));
        }
        std::panic::set_hook(hook);
        report
    }

    fn add(&mut self, case: &Case, outcome: Outcome) {
        let tally = self
            .families
            .entry(format!("{}/{}", case.kind, case.family))
            .or_default();
        match &outcome {
            Outcome::Equal => tally.equal += 1,
            Outcome::Different(_) => tally.different += 1,
            Outcome::NotModelled(_) => tally.not_modelled += 1,
            Outcome::Disputed(..) => tally.disputed += 1,
        }
        if outcome != Outcome::Equal {
            self.findings.push((case.id.clone(), outcome));
        }
    }

    pub fn total(&self) -> Tally {
        self.families.values().fold(Tally::default(), |a, t| Tally {
            equal: a.equal + t.equal,
            different: a.different + t.different,
            not_modelled: a.not_modelled + t.not_modelled,
            disputed: a.disputed + t.disputed,
        })
    }

    /// The findings, the table, and the closing line `N passed, M failed`.
    pub fn text(&self) -> String {
        let mut out = String::new();
        for (id, outcome) in &self.findings {
            let _ = match outcome {
                Outcome::Different(d) => writeln!(out, "different     {id}: {d}"),
                Outcome::NotModelled(what) => writeln!(out, "not modelled  {id}: {what}"),
                Outcome::Disputed(d, reason) => writeln!(out, "disputed      {id}: {d} ({reason})"),
                Outcome::Equal => Ok(()),
            };
        }
        let _ = writeln!(
            out,
            "{:<36} {:>6} {:>9} {:>12} {:>8}",
            "family", "equal", "different", "not modelled", "disputed"
        );
        for (family, t) in &self.families {
            let _ = writeln!(
                out,
                "{family:<36} {:>6} {:>9} {:>12} {:>8}",
                t.equal, t.different, t.not_modelled, t.disputed
            );
        }
        let t = self.total();
        let _ = writeln!(out, "{} passed, {} failed", t.equal, t.different);
        let _ = writeln!(
            out,
            "({} not modelled and {} disputed are neither)",
            t.not_modelled, t.disputed
        );
        out
    }
}
