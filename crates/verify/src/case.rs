//! A recorded case as it stands in its file: config, init, steps with what Kafka answered.
//!
//! The kinds give the fields their meaning; this module only reads them.

use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// One line of a `.jsonl` file.
#[derive(Clone, Debug)]
pub struct Case {
    pub kind: String,
    /// The file's name without its ending.
    pub family: String,
    pub id: String,
    pub title: String,
    /// Kafka's dotted names, only where they differ from the defaults of 4.3.
    pub config: BTreeMap<String, String>,
    pub init: Value,
    pub steps: Vec<Step>,
}

/// One operation, its inputs, and what Kafka answered.
#[derive(Clone, Debug)]
pub struct Step {
    pub op: String,
    /// Everything of the step but `op` and `expect`.
    pub input: Map<String, Value>,
    /// Keys of the input `partitions` as they stand in the file, where it is an object: an answer names partitions in
    /// this order.
    pub partition_order: Vec<String>,
    pub expect: Value,
}

impl Step {
    fn from_json(value: Value) -> Result<Self, String> {
        let Value::Object(mut input) = value else {
            return Err("a step is an object".into());
        };
        let op = match input.remove("op") {
            Some(Value::String(op)) => op,
            _ => return Err("a step names its op".into()),
        };
        let expect = input.remove("expect").unwrap_or(Value::Object(Map::new()));
        Ok(Self {
            op,
            input,
            partition_order: Vec::new(),
            expect,
        })
    }

    /// An input field; `Null` where it is absent.
    pub fn get(&self, name: &str) -> &Value {
        self.input.get(name).unwrap_or(&Value::Null)
    }

    pub fn has(&self, name: &str) -> bool {
        self.input.contains_key(name)
    }

    pub fn i64(&self, name: &str) -> Option<i64> {
        self.get(name).as_i64()
    }

    pub fn str(&self, name: &str) -> Option<&str> {
        self.get(name).as_str()
    }

    pub fn bool(&self, name: &str) -> Option<bool> {
        self.get(name).as_bool()
    }
}

impl Case {
    /// Reads one line. `family` is the name of its file.
    pub fn from_line(line: &str, family: &str) -> Result<Self, String> {
        let value: Value = serde_json::from_str(line).map_err(|e| e.to_string())?;
        let Value::Object(mut case) = value else {
            return Err("a case is an object".into());
        };
        if case.get("format").and_then(Value::as_i64) != Some(1) {
            return Err("only format 1 is known".into());
        }
        let mut text = |name: &str| match case.remove(name) {
            Some(Value::String(text)) => Ok(text),
            _ => Err(format!("a case has a text `{name}`")),
        };
        let (kind, id, title) = (text("kind")?, text("id")?, text("title")?);
        let config = match case.remove("config") {
            Some(Value::Object(pairs)) => pairs.into_iter().map(|(k, v)| (k, plain(&v))).collect(),
            _ => BTreeMap::new(),
        };
        let steps = match case.remove("steps") {
            Some(Value::Array(steps)) => steps
                .into_iter()
                .map(Step::from_json)
                .collect::<Result<_, _>>()?,
            _ => return Err("a case has steps".into()),
        };
        let mut steps: Vec<Step> = steps;
        let written: Written = serde_json::from_str(line).map_err(|e| e.to_string())?;
        for (step, order) in steps.iter_mut().zip(written.steps) {
            step.partition_order = order.partitions.0;
        }
        let init = case.remove("init").unwrap_or(Value::Null);
        Ok(Self {
            kind,
            family: family.into(),
            id,
            title,
            config,
            init,
            steps,
        })
    }
}

/// The part of a line whose order counts.
#[derive(serde::Deserialize)]
struct Written {
    steps: Vec<WrittenStep>,
}

#[derive(serde::Deserialize)]
struct WrittenStep {
    #[serde(default)]
    partitions: Keys,
}

/// Keys of an object in the order of the file; nothing for any other value.
#[derive(Default)]
struct Keys(Vec<String>);

impl<'de> serde::Deserialize<'de> for Keys {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> serde::de::Visitor<'de> for Reader {
            type Value = Keys;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("any value")
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Keys, A::Error> {
                let mut keys = Vec::new();
                while let Some((key, serde::de::IgnoredAny)) = map.next_entry::<String, _>()? {
                    keys.push(key);
                }
                Ok(Keys(keys))
            }

            fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut seq: A) -> Result<Keys, A::Error> {
                while let Some(serde::de::IgnoredAny) = seq.next_element()? {}
                Ok(Keys::default())
            }

            fn visit_str<E>(self, _: &str) -> Result<Keys, E> {
                Ok(Keys::default())
            }

            fn visit_u64<E>(self, _: u64) -> Result<Keys, E> {
                Ok(Keys::default())
            }

            fn visit_i64<E>(self, _: i64) -> Result<Keys, E> {
                Ok(Keys::default())
            }

            fn visit_bool<E>(self, _: bool) -> Result<Keys, E> {
                Ok(Keys::default())
            }

            fn visit_unit<E>(self) -> Result<Keys, E> {
                Ok(Keys::default())
            }
        }
        d.deserialize_any(Reader)
    }
}

/// A config value as it would stand in a properties file.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// All cases below `paths` (files or folders), files in name order. A `.json` file is a table of vectors.
pub fn load(paths: &[PathBuf]) -> Result<Vec<Case>, String> {
    let mut files = Vec::new();
    for path in paths {
        collect(path, &mut files)?;
    }
    let mut cases = Vec::new();
    for file in &files {
        let ending = file.extension().and_then(|e| e.to_str());
        if !matches!(ending, Some("jsonl" | "json")) {
            continue;
        }
        let family = file
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let text = std::fs::read_to_string(file).map_err(|e| format!("{}: {e}", file.display()))?;
        if ending == Some("json") {
            let table = crate::vectors::cases(&text, &family);
            cases.extend(table.map_err(|e| format!("{}: {e}", file.display()))?);
            continue;
        }
        for (number, line) in text
            .lines()
            .enumerate()
            .filter(|(_, line)| !line.trim().is_empty())
        {
            let case = Case::from_line(line, &family);
            cases.push(case.map_err(|e| format!("{}:{}: {e}", file.display(), number + 1))?);
        }
    }
    Ok(cases)
}

/// Every file below `path`, in name order, so that a report is the same on every machine.
pub fn collect(path: &Path, files: &mut Vec<PathBuf>) -> Result<(), String> {
    let problem = |e: std::io::Error| format!("{}: {e}", path.display());
    if path.is_file() {
        files.push(path.to_owned());
        return Ok(());
    }
    let mut entries: Vec<PathBuf> = std::fs::read_dir(path)
        .map_err(problem)?
        .map(|e| e.map(|e| e.path()))
        .collect::<Result<_, _>>()
        .map_err(problem)?;
    entries.sort();
    for entry in entries {
        collect(&entry, files)?;
    }
    Ok(())
}
