//! What is not modelled and what is disputed: the only two tables that excuse a case, each by a reason.

use crate::case::{Case, Step};

/// One thing that does not exist here yet.
#[derive(Clone, Copy, Debug)]
pub enum Absent {
    /// (kind, op)
    Op(&'static str, &'static str),
    /// (kind, op, field, value as JSON text): that op with that input.
    OpWith(&'static str, &'static str, &'static str, &'static str),
    /// (kind, op, field): that op with that input, whatever its value.
    OpHas(&'static str, &'static str, &'static str),
    /// (kind, op, name, value): that op with that setting in its `config`.
    OpConfig(&'static str, &'static str, &'static str, &'static str),
    /// (kind, config name)
    Config(&'static str, &'static str),
    /// (kind, config name, value)
    ConfigValue(&'static str, &'static str, &'static str),
}

/// Decided by operation, config name, or name = value; never by case.
pub const NOT_MODELLED: &[Absent] = &[
    // transactions have no coordinator in the whole cluster yet
    Absent::Op("cluster", "abort_transaction"),
    Absent::Op("cluster", "begin_transaction"),
    Absent::Op("cluster", "commit_transaction"),
    Absent::Op("cluster", "init_transactions"),
    Absent::Op("cluster", "list_transactions"),
    Absent::Op("cluster", "send_offsets"),
    Absent::OpWith("cluster", "raw", "api", "\"ADD_PARTITIONS_TO_TXN\""),
    Absent::OpWith("cluster", "raw", "api", "\"END_TXN\""),
    // the consumer's side of KIP-848 does not exist yet
    Absent::OpConfig("cluster", "start_consumer", "group.protocol", "consumer"),
    // what a group wrote to its log is not read back record by record yet
    Absent::OpHas("cluster", "dump_log", "of"),
    // share groups do not exist yet
    Absent::OpWith("vectors", "assignors", "assignor", "\"simple-share\""),
];

/// A case that rests on an accident of the JVM (hash order, thread timing).
#[derive(Clone, Copy, Debug)]
pub struct Dispute {
    pub case: &'static str,
    /// What the accident is, and Kafka's class and method.
    pub reason: &'static str,
}

/// At most 2 % of a kind.
pub const DISPUTED: &[Dispute] = &[];

pub fn disputed(case_id: &str) -> Option<&'static str> {
    DISPUTED
        .iter()
        .find(|d| d.case == case_id)
        .map(|d| d.reason)
}

/// The config of a case that is not modelled. All `cluster` cases share one base config, so it never counts.
pub fn config_not_modelled(case: &Case) -> Option<String> {
    if case.kind == "cluster" {
        return None;
    }
    NOT_MODELLED.iter().find_map(|absent| match *absent {
        Absent::Config(kind, name) if kind == case.kind && case.config.contains_key(name) => {
            Some(format!("config {name}"))
        }
        Absent::ConfigValue(kind, name, value)
            if kind == case.kind && case.config.get(name).is_some_and(|v| v == value) =>
        {
            Some(format!("config {name}={value}"))
        }
        _ => None,
    })
}

pub fn step_not_modelled(kind: &str, step: &Step) -> Option<String> {
    NOT_MODELLED.iter().find_map(|absent| match *absent {
        Absent::Op(k, op) if k == kind && op == step.op => Some(format!("op {op}")),
        Absent::OpWith(k, op, field, value)
            if k == kind
                && op == step.op
                && step.has(field)
                && step.get(field).to_string() == value =>
        {
            Some(format!("op {op} with {field}={value}"))
        }
        Absent::OpHas(k, op, field) if k == kind && op == step.op && step.has(field) => {
            Some(format!("op {op} with {field}"))
        }
        Absent::OpConfig(k, op, name, value)
            if k == kind && op == step.op && step.get("config")[name].as_str() == Some(value) =>
        {
            Some(format!("op {op} with {name}={value}"))
        }
        _ => None,
    })
}
