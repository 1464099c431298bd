//! Producers as a test program drives them: send everything, then flush.

use super::Player;
use super::records::record_in;
use crate::Step;
use clients::error::{ClientError, ErrorKind};
use clients::producer::ProducerRecord;
use protocol::Name;
use serde_json::{Value, json};
use sim::actor::{AppEvent, Order};
use sim::command::Command;
use sim::ids::EventId;
use sim::scenario::{Producer, Refusal, Scalar};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What every producer is given unless the step says otherwise.
const BASE: [(&str, &str); 5] = [
    ("linger.ms", "20000"),
    ("request.timeout.ms", "5000"),
    ("delivery.timeout.ms", "40000"),
    ("max.block.ms", "30000"),
    ("metadata.max.age.ms", "3000"),
];
/// A flush waits for the delivery timeout at the longest.
const FLUSH_MS: i64 = 120_000;

/// What became of a producer's calls, by number.
#[derive(Debug, Default)]
pub struct Calls {
    results: BTreeMap<u64, Value>,
    returned: BTreeMap<u64, Option<ClientError>>,
}

/// Sends that somebody will ask about.
#[derive(Clone, Debug)]
pub struct Sends {
    producer: String,
    calls: Vec<u64>,
    flush: u64,
}

pub(super) fn error_name(error: &ClientError) -> Value {
    let name = |kind: &ErrorKind| match kind {
        ErrorKind::Code(code) => code.name().to_owned(),
        ErrorKind::Class(class) => (*class).to_owned(),
    };
    match (&error.kind, &error.cause) {
        (ErrorKind::Class("KafkaException"), Some(cause)) => {
            json!(format!("KafkaException({})", name(cause)))
        }
        (kind, _) => json!(name(kind)),
    }
}

/// A constructor's refusal. The delivery timeout alone is looked at while the client is being built, where every exception
/// is wrapped (`KafkaProducer.configureDeliveryTimeout`).
pub(super) fn refused(refusal: &Refusal) -> Value {
    let error = match refusal.path.as_str() {
        "config.delivery.timeout.ms" => "KafkaException(ConfigException)",
        _ => "ConfigException",
    };
    json!({"error": error})
}

impl Player {
    pub(super) fn produce_step(&mut self, step: &Step) -> Result<Value, String> {
        let id = step.str("producer").unwrap_or_default().to_owned();
        match step.op.as_str() {
            "start_producer" => {
                let mut config: BTreeMap<String, Scalar> = BASE
                    .iter()
                    .map(|(k, v)| ((*k).to_owned(), Scalar::Text((*v).to_owned())))
                    .collect();
                for (k, v) in step.get("config").as_object().into_iter().flatten() {
                    let text = v.as_str().map_or_else(|| v.to_string(), str::to_owned);
                    config.insert(k.clone(), Scalar::Text(text));
                }
                self.producers.insert(id.clone(), Calls::default());
                self.consumers.remove(&id);
                let producer = Producer {
                    id,
                    config,
                    load: None,
                };
                match self.world.command(&Command::StartProducer(producer)) {
                    Ok(_) => Ok(json!({})),
                    Err(refusal) => Ok(refused(&refusal)),
                }
            }
            "produce" => self.produce(step, &id),
            "await" => {
                let name = step.str("sends").unwrap_or_default();
                let sends = self.open.get(name).cloned().ok_or("no such sends")?;
                if step.has("expect_done") {
                    self.hear();
                    let calls = &self.producers[&sends.producer];
                    let done = sends.calls.iter().all(|c| calls.results.contains_key(c));
                    return Ok(json!({"done": done}));
                }
                self.finish(&sends)
            }
            "close_producer" => {
                self.command(Command::CloseProducer {
                    producer: id.clone(),
                })?;
                self.wait("the producer to close", |w| w.producer(&id).is_none())?;
                Ok(json!({}))
            }
            _ => self
                .command(Command::KillProducer { producer: id })
                .map(|_| json!({})),
        }
    }

    fn produce(&mut self, step: &Step, id: &str) -> Result<Value, String> {
        let records = step.get("records").as_array().cloned().unwrap_or_default();
        let one_by_one = step.bool("one_by_one") == Some(true);
        let mut results = Vec::new();
        let groups: Vec<&[Value]> = if one_by_one {
            records.chunks(1).collect()
        } else {
            vec![records.as_slice()]
        };
        for group in groups {
            let sends = self.send(step, id, group)?;
            if let Some(name) = step.str("as") {
                self.open.insert(name.to_owned(), sends);
                return Ok(json!({}));
            }
            let Value::Array(part) = self.finish(&sends)?["results"].take() else {
                return Err("results".into());
            };
            results.extend(part);
        }
        Ok(json!({"results": results}))
    }

    fn send(&mut self, step: &Step, id: &str, records: &[Value]) -> Result<Sends, String> {
        let actor = self.world.actor_named(id).ok_or("no such producer")?;
        let first = self
            .world
            .producer(id)
            .ok_or("this producer does not run")?
            .next_call();
        for value in records {
            let record = record_in(value);
            let topic: Name = value["topic"]
                .as_str()
                .or(step.str("topic"))
                .unwrap_or_default()
                .into();
            let partition = value["partition"]
                .as_i64()
                .or(step.i64("partition"))
                .map(|p| p as i32);
            let record = ProducerRecord {
                topic,
                partition,
                timestamp_ms: (record.timestamp >= 0).then_some(record.timestamp),
                key: record.key,
                value: record.value,
                headers: record.headers,
            };
            let order = Order::Produce {
                record,
                count: 1,
                every_ms: 0,
            };
            self.world.order(actor, Arc::new(order), EventId::BEGINNING);
        }
        self.world
            .order(actor, Arc::new(Order::Flush), EventId::BEGINNING);
        let flush = first + records.len() as u64;
        Ok(Sends {
            producer: id.to_owned(),
            calls: (first..flush).collect(),
            flush,
        })
    }

    /// Waits for the flush, then says what became of each record.
    fn finish(&mut self, sends: &Sends) -> Result<Value, String> {
        let until = self.now().after_ms(FLUSH_MS);
        loop {
            self.hear();
            if self.producers[&sends.producer]
                .returned
                .contains_key(&sends.flush)
            {
                break;
            }
            if !self.world.step_until(until) {
                return Err("the flush did not return".into());
            }
        }
        let calls = &self.producers[&sends.producer];
        let results = sends
            .calls
            .iter()
            .map(|c| calls.results.get(c).cloned().unwrap_or(Value::Null));
        Ok(json!({"results": results.collect::<Vec<_>>()}))
    }

    /// Notes what the applications were told since the last time.
    pub(super) fn hear(&mut self) {
        for (client, event) in self.world.take_told() {
            if let Some(heard) = self.consumers.get_mut(&*client) {
                heard.hear(event);
                continue;
            }
            let Some(calls) = self.producers.get_mut(&*client) else {
                continue;
            };
            match event {
                AppEvent::Acked { call, tp, offset } => {
                    calls.results.insert(call, json!([tp.partition, offset.0]));
                }
                AppEvent::SendFailed { call, error, .. } => {
                    calls.results.insert(call, error_name(&error));
                }
                AppEvent::Returned { call } => {
                    calls.returned.insert(call, None);
                }
                AppEvent::Thrown { call, error } => {
                    calls
                        .results
                        .entry(call)
                        .or_insert_with(|| error_name(&error));
                    calls.returned.insert(call, Some(error));
                }
                _ => {}
            }
        }
    }
}
