//! The machinery of configs: names, types, defaults, ranges, where they apply, and refusals that help.
//!
//! Each crate keeps the table of the configs it obeys; this module only knows how a table is read.

use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;

/// What a value must look like (`ConfigDef.Type`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Type {
    Boolean,
    Int,
    Long,
    Double,
    String,
    /// Comma-separated.
    List,
    Class,
}

/// Who reads it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    Broker,
    Topic,
    Group,
    Producer,
    Consumer,
    Admin,
}

/// What values are let through.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Range {
    Any,
    AtLeast(f64),
    Between(f64, f64),
    OneOf(&'static [&'static str]),
    /// Each element of the list is one of these.
    Each(&'static [&'static str]),
    NonEmpty,
}

/// One config as Kafka defines it.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct ConfigDef {
    /// Kafka's dotted name.
    pub name: &'static str,
    pub scope: Scope,
    pub kind: Type,
    /// As it would be written in a properties file; `None` = no default: null where `required` is false.
    pub default: Option<&'static str>,
    pub required: bool,
    pub range: Range,
    /// The engine obeys it. Otherwise it is accepted, kept, and shown as not modelled.
    pub modelled: bool,
    /// A running broker or topic takes a new value (brokers: without restart).
    pub dynamic: bool,
    /// One sentence, English and Korean.
    pub en: &'static str,
    pub ko: &'static str,
}

/// A typed value.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[serde(untagged)]
pub enum ConfigValue {
    Null,
    Boolean(bool),
    Int(i64),
    Double(f64),
    Text(String),
    List(Vec<String>),
}

/// Why a config was refused: the key, the reason, and the nearest right thing (`ConfigException`).
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct ConfigError {
    pub name: String,
    pub value: Option<String>,
    pub reason: String,
    /// The nearest name or value that would be accepted.
    pub nearest: Option<String>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            Some(value) => write!(f, "{} = {value:?}: {}", self.name, self.reason)?,
            None => write!(f, "{}: {}", self.name, self.reason)?,
        }
        match &self.nearest {
            Some(nearest) => write!(f, " (nearest: {nearest})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for ConfigError {}

impl ConfigDef {
    /// Reads a value as Kafka's `ConfigDef.parseType` and its validator would.
    pub fn parse(&self, text: &str) -> Result<ConfigValue, ConfigError> {
        let text = text.trim();
        let bad = |reason: &str, nearest: Option<String>| ConfigError {
            name: self.name.into(),
            value: Some(text.into()),
            reason: reason.into(),
            nearest,
        };
        let value = match self.kind {
            Type::Boolean => match text.to_ascii_lowercase().as_str() {
                "true" => ConfigValue::Boolean(true),
                "false" => ConfigValue::Boolean(false),
                _ => return Err(bad("must be true or false", None)),
            },
            Type::Int => ConfigValue::Int(i64::from(
                text.parse::<i32>()
                    .map_err(|_| bad("must be a whole number of 32 bits", None))?,
            )),
            Type::Long => ConfigValue::Int(
                text.parse::<i64>()
                    .map_err(|_| bad("must be a whole number of 64 bits", None))?,
            ),
            Type::Double => ConfigValue::Double(
                text.parse::<f64>()
                    .map_err(|_| bad("must be a number", None))?,
            ),
            Type::String | Type::Class => ConfigValue::Text(text.into()),
            Type::List if text.is_empty() => ConfigValue::List(Vec::new()),
            Type::List => ConfigValue::List(text.split(',').map(|s| s.trim().to_owned()).collect()),
        };
        self.check(&value, &bad)?;
        Ok(value)
    }

    fn check(
        &self,
        value: &ConfigValue,
        bad: &dyn Fn(&str, Option<String>) -> ConfigError,
    ) -> Result<(), ConfigError> {
        let number = match *value {
            ConfigValue::Int(v) => Some(v as f64),
            ConfigValue::Double(v) => Some(v),
            _ => None,
        };
        match (self.range, number, value) {
            (Range::AtLeast(min), Some(v), _) if v < min => Err(bad(
                &format!("must be at least {min}"),
                Some(min.to_string()),
            )),
            (Range::Between(min, max), Some(v), _) if v < min || v > max => {
                let nearest = if v < min { min } else { max };
                Err(bad(
                    &format!("must lie between {min} and {max}"),
                    Some(nearest.to_string()),
                ))
            }
            (Range::OneOf(names), _, ConfigValue::Text(text))
                if !names.contains(&text.as_str()) =>
            {
                Err(bad(
                    &format!("must be one of {}", names.join(", ")),
                    nearest_name(text, names.iter().copied()),
                ))
            }
            (Range::Each(names), _, ConfigValue::List(items)) => {
                match items.iter().find(|item| !names.contains(&item.as_str())) {
                    Some(item) => Err(bad(
                        &format!("each must be one of {}", names.join(", ")),
                        nearest_name(item, names.iter().copied()),
                    )),
                    None => Ok(()),
                }
            }
            (Range::NonEmpty, _, ConfigValue::Text(text)) if text.is_empty() => {
                Err(bad("must not be empty", None))
            }
            (Range::NonEmpty, _, ConfigValue::List(items)) if items.is_empty() => {
                Err(bad("must not be empty", None))
            }
            _ => Ok(()),
        }
    }
}

/// Values by name over one table of definitions: what was set, else the default.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Configs {
    set: BTreeMap<String, String>,
}

impl Configs {
    /// Checks every pair against `table`. The first refusal names the key, the reason and the nearest right thing.
    pub fn new<'a>(
        table: &[&[ConfigDef]],
        pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, ConfigError> {
        let mut set = BTreeMap::new();
        for (name, value) in pairs {
            let Some(def) = table.iter().flat_map(|t| t.iter()).find(|d| d.name == name) else {
                let names = table.iter().flat_map(|t| t.iter()).map(|d| d.name);
                return Err(ConfigError {
                    name: name.into(),
                    value: None,
                    reason: "no config has this name here".into(),
                    nearest: nearest_name(name, names),
                });
            };
            def.parse(value)?;
            set.insert(name.to_owned(), value.trim().to_owned());
        }
        Ok(Self { set })
    }

    /// The text that was set for `name`, if any.
    pub fn set_text(&self, name: &str) -> Option<&str> {
        self.set.get(name).map(String::as_str)
    }

    /// The pairs that were set, in name order.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.set.iter().map(|(k, v)| (k.as_str(), v.as_str()))
    }

    /// The value of `def`: set, else its default, else null.
    pub fn value(&self, def: &ConfigDef) -> ConfigValue {
        match self.set_text(def.name).or(def.default) {
            Some(text) => def
                .parse(text)
                .expect("checked when it was set; defaults pass their own range"),
            None => ConfigValue::Null,
        }
    }
}

/// The known name with the smallest edit distance, unless it is too far to be a slip.
pub fn nearest_name<'a>(wrong: &str, names: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let limit = wrong.chars().count() / 2 + 1;
    names
        .into_iter()
        .map(|name| (edit_distance(wrong, name), name))
        .min()
        .filter(|&(distance, _)| distance <= limit)
        .map(|(_, name)| name.to_owned())
}

fn edit_distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, &cb) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(ca != cb);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINGER: ConfigDef = ConfigDef {
        name: "linger.ms",
        scope: Scope::Producer,
        kind: Type::Long,
        default: Some("5"),
        required: false,
        range: Range::AtLeast(0.0),
        modelled: true,
        dynamic: false,
        en: "",
        ko: "",
    };

    #[test]
    fn a_misspelt_name_is_refused_with_the_nearest() {
        let err = Configs::new(&[&[LINGER]], [("linger.sm", "3")]).expect_err("unknown");
        assert_eq!(err.nearest.as_deref(), Some("linger.ms"));
    }

    #[test]
    fn a_value_out_of_range_is_refused_with_the_bound() {
        let err = Configs::new(&[&[LINGER]], [("linger.ms", "-1")]).expect_err("too small");
        assert_eq!(
            (err.name.as_str(), err.nearest.as_deref()),
            ("linger.ms", Some("0"))
        );
    }

    #[test]
    fn what_is_not_set_has_its_default() {
        assert_eq!(Configs::default().value(&LINGER), ConfigValue::Int(5));
    }
}
