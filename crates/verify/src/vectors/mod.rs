//! Plays the small tables of Kafka's answers: client and broker assignors, coordinator partitions, murmur2.
//!
//! A table is one JSON file; each of its vectors is a case with one step.

mod assignors;

use crate::run::Played;
use crate::{Case, Outcome, Step, compare, play_steps};
use clients::producer::partitioner::{murmur2, partition_for_key, to_positive};
use coordinator::group::partition_for;
use coordinator::runtime::java::string_hash;
use protocol::messages::hex;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Fields of a vector that say what was answered; the rest are inputs.
const ANSWERS: &[&str] = &[
    "assignment",
    "rounds",
    "java_hash_code",
    "murmur2",
    "to_positive",
    "partition",
];

/// The cases of a table. `table` is the file's name without its ending.
pub fn cases(text: &str, table: &str) -> Result<Vec<Case>, String> {
    let file: Value = serde_json::from_str(text).map_err(|e| e.to_string())?;
    let vectors = file["vectors"].as_array().ok_or("a table has vectors")?;
    let case = |(number, vector): (usize, &Value)| {
        let mut input = vector.as_object().cloned().unwrap_or_default();
        let mut expect = Map::new();
        for (name, value) in vector.as_object().into_iter().flatten() {
            if ANSWERS.contains(&name.as_str()) || name.starts_with("partition_of_") {
                input.remove(name);
                expect.insert(name.clone(), value.clone());
            }
        }
        let id = match vector["id"].as_str() {
            Some(id) if table == "assignors" => id.to_owned(),
            _ => format!("{:03}", number + 1),
        };
        Case {
            kind: "vectors".into(),
            family: table.into(),
            id: format!("vectors/{table}/{id}"),
            title: vector["note"].as_str().unwrap_or_default().into(),
            config: BTreeMap::new(),
            init: Value::Null,
            steps: vec![Step {
                partition_order: Vec::new(),
                op: table.into(),
                input,
                expect: Value::Object(expect),
            }],
        }
    };
    Ok(vectors.iter().enumerate().map(case).collect())
}

pub fn play(case: &Case) -> Outcome {
    play_steps(case, &compare, |step| {
        Played::Answer(match step.op.as_str() {
            "assignors" => assignors::answer(step),
            "coordinator_partition" => coordinator_partition(step),
            "murmur2" => hash_of_key(step),
            other => panic!("a table of the vectors, not {other}"),
        })
    })
}

fn coordinator_partition(step: &Step) -> Value {
    let id = step.str("id").expect("an id");
    let mut ours = Map::new();
    ours.insert("java_hash_code".into(), json!(string_hash(id)));
    let asked = step.expect.as_object().into_iter().flat_map(|e| e.keys());
    for name in asked {
        if let Some(count) = name.strip_prefix("partition_of_") {
            let count = count.parse().expect("a number of partitions");
            ours.insert(name.clone(), json!(partition_for(id, count)));
        }
    }
    Value::Object(ours)
}

fn hash_of_key(step: &Step) -> Value {
    let key = hex::decode(step.str("key_hex").expect("key_hex")).expect("hex");
    let hash = murmur2(&key);
    let counts = step.expect["partition"].as_object();
    let partitions: Map<String, Value> = counts
        .into_iter()
        .flat_map(|counts| counts.keys())
        .map(|count| {
            let partitions = count.parse().expect("a number of partitions");
            let found = partition_for_key(&key, partitions);
            (count.clone(), json!(found))
        })
        .collect();
    json!({"murmur2": hash, "to_positive": to_positive(hash), "partition": partitions})
}
