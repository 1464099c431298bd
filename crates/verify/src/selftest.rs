//! Does `verify` see? Changes leaves of Kafka's answers, one at a time, and demands that each change is reported.

use crate::case::Case;
use crate::run::{Kind, Outcome, play};
use serde_json::Value;

/// A leaf was changed and nobody noticed.
#[derive(Debug)]
pub struct Unseen {
    pub case: String,
    pub step: usize,
    pub leaf: String,
}

/// Plays `count` changed cases, chosen from those that are equal as they stand. `seed` decides which.
pub fn selftest(
    cases: &[Case],
    kinds: &[Kind],
    count: usize,
    seed: u64,
) -> Result<usize, Vec<Unseen>> {
    let mut random = SplitMix(seed);
    let mut unseen = Vec::new();
    let mut tried = 0;
    // A case that cannot be changed (no leaf) or is not equal does not count; the bound keeps a bad corpus from looping.
    for _ in 0..count * 20 {
        if tried == count || cases.is_empty() {
            break;
        }
        let case = &cases[random.below(cases.len())];
        let step = random.below(case.steps.len().max(1));
        let mut leaves = Vec::new();
        if let Some(s) = case.steps.get(step) {
            collect_leaves(&s.expect, &mut Vec::new(), &mut leaves);
        }
        if leaves.is_empty() || play(case, kinds) != Outcome::Equal {
            continue;
        }
        let path = &leaves[random.below(leaves.len())];
        let mut changed = case.clone();
        change(&mut changed.steps[step].expect, path);
        tried += 1;
        if play(&changed, kinds) == Outcome::Equal {
            unseen.push(Unseen {
                case: case.id.clone(),
                step: step + 1,
                leaf: path.join("."),
            });
        }
    }
    if unseen.is_empty() {
        Ok(tried)
    } else {
        Err(unseen)
    }
}

fn collect_leaves(value: &Value, path: &mut Vec<String>, out: &mut Vec<Vec<String>>) {
    let mut child = |key: String, value: &Value, path: &mut Vec<String>| {
        path.push(key);
        collect_leaves(value, path, out);
        path.pop();
    };
    match value {
        Value::Object(map) => map.iter().for_each(|(k, v)| child(k.clone(), v, path)),
        Value::Array(list) => list
            .iter()
            .enumerate()
            .for_each(|(i, v)| child(i.to_string(), v, path)),
        _ => out.push(path.clone()),
    }
}

fn change(value: &mut Value, path: &[String]) {
    match (path, value) {
        ([], leaf) => {
            *leaf = match leaf {
                Value::Bool(b) => Value::Bool(!*b),
                Value::Number(n) => Value::from(n.as_i64().unwrap_or(0) + 1),
                Value::String(text) => Value::from(format!("{text}~")),
                _ => Value::from(424_242),
            }
        }
        ([key, rest @ ..], Value::Object(map)) => {
            change(map.get_mut(key).expect("collected from here"), rest)
        }
        ([key, rest @ ..], Value::Array(list)) => {
            change(
                &mut list[key.parse::<usize>().expect("collected from here")],
                rest,
            );
        }
        _ => unreachable!("collected from here"),
    }
}

struct SplitMix(u64);

impl SplitMix {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % bound.max(1) as u64) as usize
    }
}
