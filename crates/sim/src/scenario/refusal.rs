//! Refusals: where, why, and the nearest right thing.

use protocol::config::nearest_name;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Something that was asked for cannot be. Nothing was changed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Refusal {
    /// Where: a path such as `topics[0].config.retention.ms`; empty = the whole.
    pub path: String,
    pub reason: String,
    /// The nearest thing that would be accepted.
    pub nearest: Option<String>,
}

impl Refusal {
    pub fn at(path: impl Into<String>, reason: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            reason: reason.into(),
            nearest: None,
        }
    }

    #[must_use]
    pub fn nearest(mut self, nearest: impl Into<Option<String>>) -> Self {
        self.nearest = nearest.into();
        self
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.reason)?;
        match &self.nearest {
            Some(nearest) => write!(f, " (nearest: {nearest})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Refusal {}

/// Reads JSON; a refusal carries the path of the field, and for an unknown name the nearest known one.
pub fn read<T: DeserializeOwned>(text: &str) -> Result<T, Refusal> {
    let json = &mut serde_json::Deserializer::from_str(text);
    let value = serde_path_to_error::deserialize(&mut *json).map_err(|e| {
        let path = e.path().to_string();
        explain(
            if path == "." { String::new() } else { path },
            &e.into_inner().to_string(),
        )
    })?;
    json.end()
        .map_err(|e| Refusal::at("", format!("something follows the end of the JSON: {e}")))?;
    Ok(value)
}

/// serde names what it expected between back-quotes after "expected"; the first quoted name is the wrong one.
fn explain(path: String, message: &str) -> Refusal {
    let quoted: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    let unknown = message.starts_with("unknown field") || message.starts_with("unknown variant");
    let nearest = match quoted.split_first() {
        Some((wrong, known)) if unknown => nearest_name(wrong, known.iter().copied()),
        _ => None,
    };
    let reason = if let (true, Some(wrong)) = (unknown, quoted.first()) {
        format!("there is no `{wrong}` here")
    } else {
        message.to_owned()
    };
    Refusal {
        path,
        reason,
        nearest,
    }
}
