//! Where two answers differ first.

use serde_json::Value;
use std::fmt;

/// The first difference of a case.
#[derive(Clone, PartialEq, Debug)]
pub struct Difference {
    /// 1-based number of the step, and its op.
    pub step: usize,
    pub op: String,
    /// Path of the field inside `expect`, such as `state.isr[1]`.
    pub field: String,
    pub ours: String,
    pub kafka: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "step {} ({}), {}: ours {}, Kafka's {}",
            self.step, self.op, self.field, self.ours, self.kafka
        )
    }
}

/// A field, what we answered there, what Kafka did.
pub type Mismatch = (String, String, String);

/// Compares everything: the first path at which `ours` and `kafka` differ. Objects have no order, arrays do; a key that
/// only one side has is a difference.
pub fn compare(ours: &Value, kafka: &Value) -> Option<Mismatch> {
    walk(ours, kafka, &mut String::new(), &|_, _| false)
}

/// Like [`compare`], but keys that only `ours` has are not looked at where `ignored(path, key)` says so. The path is that
/// of the object that holds the key.
pub fn compare_where(
    ours: &Value,
    kafka: &Value,
    ignored: &dyn Fn(&str, &str) -> bool,
) -> Option<Mismatch> {
    walk(ours, kafka, &mut String::new(), ignored)
}

/// Compares only what Kafka's answer holds, at every depth.
pub fn compare_subset(ours: &Value, kafka: &Value) -> Option<Mismatch> {
    walk(ours, kafka, &mut String::new(), &|_, _| true)
}

fn walk(
    ours: &Value,
    kafka: &Value,
    path: &mut String,
    ignored: &dyn Fn(&str, &str) -> bool,
) -> Option<Mismatch> {
    match (ours, kafka) {
        (Value::Object(a), Value::Object(b)) => {
            for (key, kafka) in b {
                let length = path.len();
                push_key(path, key);
                let found = match a.get(key) {
                    Some(ours) => walk(ours, kafka, path, ignored),
                    None => Some((path.clone(), "nothing".into(), shorten(kafka))),
                };
                if found.is_some() {
                    return found;
                }
                path.truncate(length);
            }
            for (key, ours) in a {
                if !b.contains_key(key) && !ignored(path, key) {
                    push_key(path, key);
                    return Some((path.clone(), shorten(ours), "nothing".into()));
                }
            }
            None
        }
        (Value::Array(a), Value::Array(b)) => {
            for (i, (ours, kafka)) in a.iter().zip(b).enumerate() {
                let length = path.len();
                path.push_str(&format!("[{i}]"));
                let found = walk(ours, kafka, path, ignored);
                if found.is_some() {
                    return found;
                }
                path.truncate(length);
            }
            if a.len() == b.len() {
                return None;
            }
            let at = a.len().min(b.len());
            let item = |list: &[Value]| list.get(at).map_or("nothing".into(), shorten);
            Some((format!("{path}[{at}]"), item(a), item(b)))
        }
        (Value::Number(a), Value::Number(b))
            if a.as_f64() == b.as_f64() && a.as_i64() == b.as_i64() =>
        {
            None
        }
        _ if ours == kafka => None,
        _ => Some((
            if path.is_empty() {
                "expect".into()
            } else {
                path.clone()
            },
            shorten(ours),
            shorten(kafka),
        )),
    }
}

fn push_key(path: &mut String, key: &str) {
    if !path.is_empty() {
        path.push('.');
    }
    path.push_str(key);
}

/// A value as text, cut to what fits a report.
pub fn shorten(value: &Value) -> String {
    const MAX_CHARS: usize = 300;
    let text = value.to_string();
    match text.char_indices().nth(MAX_CHARS) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_first_difference_is_named_by_its_path() {
        let found = compare(&json!({"a": [1, {"b": 2}]}), &json!({"a": [1, {"b": 3}]}));
        assert_eq!(found, Some(("a[1].b".into(), "2".into(), "3".into())));
    }

    #[test]
    fn a_key_on_one_side_is_a_difference_unless_ignored() {
        let (ours, kafka) = (json!({"a": 1, "b": 2}), json!({"a": 1}));
        assert!(compare(&ours, &kafka).is_some());
        assert!(compare_subset(&ours, &kafka).is_none());
        assert!(
            compare_subset(&kafka, &ours).is_some(),
            "what Kafka answered is always compared"
        );
    }

    #[test]
    fn lists_of_other_lengths_differ_at_the_first_extra() {
        assert_eq!(
            compare(&json!([1]), &json!([1, 2])),
            Some(("[1]".into(), "nothing".into(), "2".into()))
        );
    }
}
