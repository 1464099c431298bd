//! What a scenario must satisfy beyond its shape: limits, names, topology, configs, predicates.

use super::{Broker, Properties, Refusal, Scenario, VERSION};
use crate::predicate::Predicate;
use protocol::TopicPartition;
use protocol::config::{ConfigDef, nearest_name};
use std::collections::BTreeSet;

/// How much of everything a host allows. Counts are of user things; internal topics have a limit of their own.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Limits {
    pub name: &'static str,
    pub brokers: usize,
    pub controllers: usize,
    pub topics: usize,
    pub partitions: usize,
    /// Partitions of one internal topic.
    pub internal_partitions: i64,
    pub producers: usize,
    pub consumers: usize,
    pub groups: usize,
    pub script_steps: usize,
    /// Key or value of one record.
    pub record_bytes: usize,
    pub retained_records: u64,
    pub retained_bytes: u64,
    pub messages_in_flight: usize,
    pub timers: usize,
    pub events: u64,
    /// Virtual time without skipping.
    pub run_ms: i64,
    pub scenario_bytes: usize,
    /// Length of any name.
    pub name_chars: usize,
}

impl Limits {
    /// The playground: what a person can look at, and 256 MiB of memory.
    pub const APP: Limits = Limits {
        name: "app",
        brokers: 9,
        controllers: 5,
        topics: 16,
        partitions: 64,
        internal_partitions: 100,
        producers: 16,
        consumers: 32,
        groups: 8,
        script_steps: 500,
        record_bytes: 16 * 1024,
        retained_records: 200_000,
        retained_bytes: 64 << 20,
        messages_in_flight: 20_000,
        timers: 50_000,
        events: 20_000_000,
        run_ms: 24 * 3_600_000,
        scenario_bytes: 1 << 20,
        // Kafka's own limit on a topic's name (`Topic.MAX_NAME_LENGTH`).
        name_chars: 249,
    };

    /// A stranger's page: 96 MiB of memory.
    pub const EMBED: Limits = Limits {
        name: "embed",
        brokers: 5,
        controllers: 3,
        topics: 4,
        partitions: 24,
        producers: 6,
        consumers: 12,
        groups: 3,
        script_steps: 200,
        record_bytes: 4 * 1024,
        retained_records: 50_000,
        retained_bytes: 16 << 20,
        messages_in_flight: 5_000,
        timers: 10_000,
        events: 5_000_000,
        run_ms: 2 * 3_600_000,
        ..Self::APP
    };

    /// The terminal and recorded answers: as much as the machine has, but still finite.
    pub const CLI: Limits = Limits {
        name: "cli",
        brokers: 32,
        controllers: 9,
        topics: 256,
        partitions: 1_024,
        producers: 256,
        consumers: 256,
        groups: 256,
        script_steps: 100_000,
        record_bytes: 2 << 20,
        retained_records: 20_000_000,
        retained_bytes: 4 << 30,
        messages_in_flight: 1_000_000,
        timers: 1_000_000,
        events: 10_000_000_000,
        run_ms: 365 * 86_400_000,
        scenario_bytes: 16 << 20,
        ..Self::APP
    };
}

/// The config tables of the crates, by who reads them.
#[derive(Clone, Debug, Default)]
pub struct Tables {
    pub broker: Vec<&'static [ConfigDef]>,
    pub topic: Vec<&'static [ConfigDef]>,
    pub producer: Vec<&'static [ConfigDef]>,
    pub consumer: Vec<&'static [ConfigDef]>,
}

/// Refuses what could not be played.
pub fn check(s: &Scenario, limits: &Limits, tables: &Tables) -> Result<(), Refusal> {
    if s.version > VERSION {
        return Err(Refusal::at(
            "version",
            format!(
                "this scenario is of version {}, newer than what is known here ({VERSION})",
                s.version
            ),
        )
        .nearest(VERSION.to_string()));
    }
    if s.version == 0 {
        return Err(Refusal::at("version", "versions begin at 1").nearest(VERSION.to_string()));
    }
    if s.kafka != "4.3" {
        return Err(Refusal::at(
            "kafka",
            format!("the rules of Kafka {} are not here", s.kafka),
        )
        .nearest(Some("4.3".to_owned())));
    }
    cluster(s, limits, tables)?;
    topics(s, limits, tables)?;
    clients(s, limits, tables)?;
    count(
        "script",
        s.script.len(),
        limits.script_steps,
        "steps",
        limits,
    )?;
    for (i, step) in s.script.iter().enumerate() {
        if !(0.0..=limits.run_ms as f64).contains(&step.at_ms) {
            return Err(Refusal::at(
                format!("script[{i}].at_ms"),
                format!(
                    "must lie between 0 and {} ms ({} limits)",
                    limits.run_ms, limits.name
                ),
            ));
        }
    }
    predicates(s)
}

fn count(path: &str, n: usize, max: usize, what: &str, limits: &Limits) -> Result<(), Refusal> {
    if n > max {
        return Err(Refusal::at(
            path,
            format!("{n} {what}; the {} limits allow {max}", limits.name),
        )
        .nearest(max.to_string()));
    }
    Ok(())
}

fn name(path: &str, name: &str, limits: &Limits) -> Result<(), Refusal> {
    if name.is_empty() {
        return Err(Refusal::at(path, "a name must not be empty"));
    }
    count(
        path,
        name.chars().count(),
        limits.name_chars,
        "characters",
        limits,
    )
}

fn cluster(s: &Scenario, limits: &Limits, tables: &Tables) -> Result<(), Refusal> {
    let c = &s.cluster;
    count(
        "cluster.controllers",
        c.controllers.len(),
        limits.controllers,
        "controllers",
        limits,
    )?;
    count(
        "cluster.brokers",
        c.brokers.len(),
        limits.brokers,
        "brokers",
        limits,
    )?;
    if c.controllers.is_empty() {
        return Err(Refusal::at(
            "cluster.controllers",
            "a cluster needs at least one controller",
        )
        .nearest(Some("[101]".to_owned())));
    }
    if !(0.0..=10_000.0).contains(&c.latency_ms) {
        return Err(Refusal::at(
            "cluster.latency_ms",
            "must lie between 0 and 10000",
        ));
    }
    let mut seen = BTreeSet::new();
    let ids = c
        .controllers
        .iter()
        .enumerate()
        .map(|(i, &id)| (format!("cluster.controllers[{i}]"), id));
    let brokers = c
        .brokers
        .iter()
        .enumerate()
        .map(|(i, b)| (format!("cluster.brokers[{i}].id"), b.id));
    for (path, id) in ids.chain(brokers) {
        if id < 0 {
            return Err(Refusal::at(path, "a node id is 0 or more"));
        }
        if !seen.insert(id) {
            return Err(Refusal::at(
                path,
                format!("node id {id} is taken; brokers and controllers share one id space"),
            ));
        }
    }
    configs("cluster.config", &c.config, &tables.broker)?;
    for (i, Broker { config, .. }) in c.brokers.iter().enumerate() {
        configs(
            &format!("cluster.brokers[{i}].config"),
            config,
            &tables.broker,
        )?;
    }
    Ok(())
}

fn topics(s: &Scenario, limits: &Limits, tables: &Tables) -> Result<(), Refusal> {
    count("topics", s.topics.len(), limits.topics, "topics", limits)?;
    let brokers: BTreeSet<i32> = s.cluster.brokers.iter().map(|b| b.id).collect();
    let mut names = BTreeSet::new();
    let mut partitions = 0;
    for (i, t) in s.topics.iter().enumerate() {
        let path = format!("topics[{i}]");
        name(&format!("{path}.name"), &t.name, limits)?;
        let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if !t.name.chars().all(legal) || t.name == "." || t.name == ".." {
            return Err(Refusal::at(
                format!("{path}.name"),
                "a topic's name has only ASCII letters, digits, `.`, `_` and `-`, and is not `.` or `..`",
            )
            .nearest(Some(t.name.chars().map(|c| if legal(c) { c } else { '-' }).collect::<String>())));
        }
        if !names.insert(&t.name) {
            return Err(Refusal::at(
                format!("{path}.name"),
                format!("there are two topics named {}", t.name),
            ));
        }
        if t.partitions < 1 {
            return Err(Refusal::at(
                format!("{path}.partitions"),
                "a topic has at least one partition",
            )
            .nearest(Some("1".to_owned())));
        }
        if t.assignment.is_none()
            && (t.replication_factor < 1 || t.replication_factor as usize > brokers.len())
        {
            return Err(Refusal::at(
                format!("{path}.replication_factor"),
                format!(
                    "replication factor {} needs as many brokers; there are {}",
                    t.replication_factor,
                    brokers.len()
                ),
            )
            .nearest(
                (t.replication_factor as usize)
                    .clamp(1, brokers.len().max(1))
                    .to_string(),
            ));
        }
        for (p, replicas) in t.assignment.iter().flatten().enumerate() {
            let path = format!("{path}.assignment[{p}]");
            if replicas.is_empty() {
                return Err(Refusal::at(path, "a partition has at least one replica"));
            }
            let unique: BTreeSet<i32> = replicas.iter().copied().collect();
            if unique.len() != replicas.len() {
                return Err(Refusal::at(path, "a broker holds a partition once"));
            }
            if let Some(stranger) = unique.difference(&brokers).next() {
                let known = brokers.iter().map(i32::to_string).collect::<Vec<_>>();
                return Err(
                    Refusal::at(path, format!("there is no broker {stranger}")).nearest(
                        nearest_name(&stranger.to_string(), known.iter().map(String::as_str)),
                    ),
                );
            }
        }
        partitions += t
            .assignment
            .as_ref()
            .map_or(t.partitions as usize, Vec::len);
        count(
            &path,
            partitions,
            limits.partitions,
            "partitions in all",
            limits,
        )?;
        configs(&format!("{path}.config"), &t.config, &tables.topic)?;
    }
    Ok(())
}

fn clients(s: &Scenario, limits: &Limits, tables: &Tables) -> Result<(), Refusal> {
    count(
        "producers",
        s.producers.len(),
        limits.producers,
        "producers",
        limits,
    )?;
    count(
        "consumers",
        s.consumers.len(),
        limits.consumers,
        "consumers",
        limits,
    )?;
    let groups: BTreeSet<&str> = s
        .consumers
        .iter()
        .filter_map(|c| c.group.as_deref())
        .collect();
    count("consumers", groups.len(), limits.groups, "groups", limits)?;
    let mut ids = BTreeSet::new();
    let producers = s
        .producers
        .iter()
        .enumerate()
        .map(|(i, p)| (format!("producers[{i}].id"), &p.id));
    let consumers = s
        .consumers
        .iter()
        .enumerate()
        .map(|(i, c)| (format!("consumers[{i}].id"), &c.id));
    for (path, id) in producers.chain(consumers) {
        name(&path, id, limits)?;
        if !ids.insert(id) {
            return Err(Refusal::at(
                path,
                format!("two clients are named {id}; here ids are unique"),
            ));
        }
    }
    for (i, p) in s.producers.iter().enumerate() {
        configs(
            &format!("producers[{i}].config"),
            &p.config,
            &tables.producer,
        )?;
        if let Some(load) = &p.load {
            let path = format!("producers[{i}].load");
            let partitions = topic_partitions(s, &format!("{path}.topic"), &load.topic)?;
            if load.every_ms == 0 {
                return Err(Refusal::at(
                    format!("{path}.every_ms"),
                    "at least 1 ms lies between two sends",
                )
                .nearest(Some("1".to_owned())));
            }
            if let Some(p) = load.partition {
                partition_exists(&format!("{path}.partition"), &load.topic, p, partitions)?;
            }
            let texts = load.keys.iter().flatten().chain(&load.values);
            for text in texts {
                count(
                    &path,
                    text.len(),
                    limits.record_bytes,
                    "bytes in a key or value",
                    limits,
                )?;
            }
        }
    }
    for (i, c) in s.consumers.iter().enumerate() {
        let path = format!("consumers[{i}]");
        configs(&format!("{path}.config"), &c.config, &tables.consumer)?;
        match (c.subscribe.is_empty(), c.assign.is_empty()) {
            (false, false) => {
                return Err(Refusal::at(
                    path,
                    "subscribe and assign exclude each other: keep one",
                ));
            }
            (true, true) => {
                return Err(Refusal::at(
                    path,
                    "a consumer needs `subscribe` or `assign`",
                ));
            }
            (false, true) if c.group.is_none() => {
                return Err(Refusal::at(
                    format!("{path}.group"),
                    "to subscribe a consumer needs a group (`group.id`), as InvalidGroupIdException would say",
                ));
            }
            _ => {}
        }
        for (j, tp) in c.assign.iter().enumerate() {
            let path = format!("{path}.assign[{j}]");
            let tp = TopicPartition::parse(tp).ok_or_else(|| {
                Refusal::at(
                    &*path,
                    "write a partition as `topic-number`, such as `orders-0`",
                )
            })?;
            let partitions = topic_partitions(s, &path, &tp.topic)?;
            partition_exists(&path, &tp.topic, tp.partition, partitions)?;
        }
    }
    Ok(())
}

fn topic_partitions(s: &Scenario, path: &str, topic: &str) -> Result<i32, Refusal> {
    match s.topics.iter().find(|t| t.name == topic) {
        Some(t) => Ok(t
            .assignment
            .as_ref()
            .map_or(t.partitions, |a| a.len() as i32)),
        None => Err(
            Refusal::at(path, format!("there is no topic {topic}")).nearest(nearest_name(
                topic,
                s.topics.iter().map(|t| t.name.as_str()),
            )),
        ),
    }
}

fn partition_exists(
    path: &str,
    topic: &str,
    partition: i32,
    partitions: i32,
) -> Result<(), Refusal> {
    if (0..partitions).contains(&partition) {
        return Ok(());
    }
    Err(Refusal::at(
        path,
        format!(
            "{topic} has partitions 0 to {}; there is no {partition}",
            partitions - 1
        ),
    )
    .nearest(partition.clamp(0, partitions - 1).to_string()))
}

fn configs(path: &str, pairs: &Properties, tables: &[&'static [ConfigDef]]) -> Result<(), Refusal> {
    for (key, value) in pairs {
        let path = format!("{path}.{key}");
        let defs = || tables.iter().flat_map(|t| t.iter());
        let Some(def) = defs().find(|d| d.name == key) else {
            return Err(Refusal::at(path, format!("no config is named {key} here"))
                .nearest(nearest_name(key, defs().map(|d| d.name))));
        };
        def.parse(&value.text())
            .map_err(|e| Refusal::at(path, e.reason).nearest(e.nearest))?;
    }
    Ok(())
}

fn predicates(s: &Scenario) -> Result<(), Refusal> {
    let parse = |path: String, text: &str| {
        Predicate::parse(text)
            .map(|_| ())
            .map_err(|reason| Refusal::at(path, reason))
    };
    for (name, text) in &s.markers {
        parse(format!("markers.{name}"), text)?;
    }
    for (i, e) in s.expect.iter().enumerate() {
        parse(format!("expect[{i}].holds"), &e.holds)?;
        if let super::At::Marker(name) = &e.at
            && !s.markers.contains_key(name)
        {
            return Err(Refusal::at(
                format!("expect[{i}].at"),
                format!("there is no marker {name}"),
            )
            .nearest(nearest_name(name, s.markers.keys().map(String::as_str))));
        }
    }
    if let Some(p) = &s.predict {
        for (path, name) in [("predict.at", &p.at), ("predict.answered", &p.answered)] {
            if !s.markers.contains_key(name) {
                parse(path.into(), name)?;
            }
        }
        for (i, c) in p.choices.iter().enumerate() {
            parse(format!("predict.choices[{i}].holds"), &c.holds)?;
        }
    }
    Ok(())
}
