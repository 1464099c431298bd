//! The ratchet: how many cases of a family are known to be not modelled or different. The numbers may only fall.

use crate::report::Report;
use std::collections::BTreeMap;

/// What is known of one family.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Known {
    pub not_modelled: usize,
    pub different: usize,
}

/// Lines of `kind/family`, not modelled, different, divided by tabs; `#` begins a comment. A family that is not named has
/// neither.
pub fn read(text: &str) -> Result<BTreeMap<String, Known>, String> {
    let mut known = BTreeMap::new();
    for (i, line) in text
        .lines()
        .enumerate()
        .filter(|(_, l)| !l.trim().is_empty() && !l.starts_with('#'))
    {
        let fields: Vec<&str> = line.split('\t').collect();
        let [family, not_modelled, different] = fields[..] else {
            return Err(format!(
                "line {}: family, not modelled and different, divided by tabs",
                i + 1
            ));
        };
        let number = |text: &str| {
            text.trim()
                .parse()
                .map_err(|_| format!("line {}: `{text}` is no count", i + 1))
        };
        known.insert(
            family.to_owned(),
            Known {
                not_modelled: number(not_modelled)?,
                different: number(different)?,
            },
        );
    }
    Ok(known)
}

/// The families that got worse, or better without the file saying so: either way the file is wrong.
pub fn stale(report: &Report, known: &BTreeMap<String, Known>) -> Vec<String> {
    report
        .families
        .iter()
        .filter_map(|(family, tally)| {
            let now = Known {
                not_modelled: tally.not_modelled,
                different: tally.different,
            };
            let was = known.get(family).copied().unwrap_or_default();
            let direction = if now.not_modelled > was.not_modelled || now.different > was.different
            {
                "worse than"
            } else {
                "better than"
            };
            (now != was).then(|| {
                format!(
                    "{family}: {} not modelled, {} different: {direction} the committed {}, {}",
                    now.not_modelled, now.different, was.not_modelled, was.different
                )
            })
        })
        .collect()
}

/// The file's lines for what `report` found.
pub fn write(report: &Report) -> String {
    let mut out = String::from("# family\tnot modelled\tdifferent: these counts may only fall\n");
    for (family, t) in report
        .families
        .iter()
        .filter(|(_, t)| t.not_modelled + t.different > 0)
    {
        out.push_str(&format!("{family}\t{}\t{}\n", t.not_modelled, t.different));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Tally;

    #[test]
    fn a_family_that_gets_worse_is_named() {
        let mut report = Report::default();
        report.families.insert(
            "log/rolls".into(),
            Tally {
                equal: 3,
                different: 1,
                ..Tally::default()
            },
        );
        assert_eq!(stale(&report, &BTreeMap::new()).len(), 1);
        assert!(stale(&report, &read(&write(&report)).expect("own text")).is_empty());
    }
}
