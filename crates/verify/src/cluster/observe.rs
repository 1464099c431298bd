//! What is looked at: topics as a broker knows them, offsets, replicas, logs.

use super::Player;
use super::records::batch_out;
use crate::Step;
use protocol::messages::*;
use protocol::{NodeId, Offset, TopicPartition};
use serde_json::{Value, json};

/// A follower learns the high watermark up to one fetch wait late.
const SETTLE_MS: i64 = 1_200;

impl Player {
    pub(super) fn observe_step(&mut self, step: &Step) -> Result<Value, String> {
        match step.op.as_str() {
            "describe_topic" => self.describe_topic(step.str("topic").unwrap_or_default()),
            "list_offsets" => self.list_offsets(step),
            "replicas" => self.replicas(step),
            "describe_producers" => self.describe_producers(step),
            _ => self.dump_log(step),
        }
    }

    fn tp(step: &Step) -> TopicPartition {
        TopicPartition::new(
            step.str("topic").unwrap_or_default(),
            step.i64("partition").unwrap_or(0) as i32,
        )
    }

    fn describe_topic(&mut self, topic: &str) -> Result<Value, String> {
        let request = MetadataRequest {
            topics: Some(vec![MetadataRequestTopic {
                name: Some(topic.into()),
                ..Default::default()
            }]),
            allow_auto_topic_creation: false,
        };
        let newest = self
            .world
            .working_brokers()
            .max_by_key(|b| b.image().offset)
            .map(|b| b.id());
        let Response::Metadata(r) =
            self.answer(newest.into_iter().collect(), request.into(), true)?
        else {
            return Err("api".into());
        };
        let answered = r.topics.first().ok_or("no such topic in the answer")?;
        if !answered.error.is_none() {
            return Ok(json!({"error": answered.error.name()}));
        }
        let broker = newest
            .and_then(|id| self.world.broker(id))
            .ok_or("no broker runs")?;
        let image = broker
            .image()
            .topics
            .topic_named(topic)
            .ok_or("no such topic in the image")?;
        let sorted = |ids: &[NodeId]| {
            let mut ids: Vec<i32> = ids.iter().map(|id| id.0).collect();
            ids.sort_unstable();
            json!(ids)
        };
        let mut partitions = Vec::new();
        for (&index, p) in &image.partitions {
            let asked = answered
                .partitions
                .iter()
                .find(|a| a.partition_index == index);
            let offline = asked
                .map(|a| a.offline_replicas.clone())
                .unwrap_or_default();
            partitions.push(json!({
                "partition": index,
                "leader": p.leader.0,
                "leader_epoch": p.leader_epoch.0,
                "replicas": p.replicas.iter().map(|id| id.0).collect::<Vec<_>>(),
                "isr": sorted(&p.isr),
                "elr": sorted(&p.elr),
                "last_known_elr": sorted(&p.last_known_elr),
                "offline": sorted(&offline),
            }));
        }
        Ok(json!({"partitions": partitions}))
    }

    fn list_offsets(&mut self, step: &Step) -> Result<Value, String> {
        let tp = Self::tp(step);
        let timestamp = match step.get("at") {
            Value::String(word) => match word.as_str() {
                "earliest" => EARLIEST_TIMESTAMP,
                "latest" => LATEST_TIMESTAMP,
                "max_timestamp" => MAX_TIMESTAMP,
                other => return Err(format!("at {other}")),
            },
            other => other.as_i64().ok_or("at")?,
        };
        let partition = ListOffsetsPartition {
            partition_index: tp.partition,
            timestamp,
            ..Default::default()
        };
        let request = ListOffsetsRequest {
            isolation_level: i8::from(step.str("isolation") == Some("read_committed")),
            topics: vec![ListOffsetsTopic {
                name: tp.topic.clone(),
                partitions: vec![partition],
            }],
            timeout_ms: 30_000,
            ..Default::default()
        };
        let leader = self.leader(&tp.topic, tp.partition)?;
        let Response::ListOffsets(r) = self.answer(vec![leader], request.into(), false)? else {
            return Err("api".into());
        };
        let p = &r.topics[0].partitions[0];
        if !p.error.is_none() {
            return Ok(json!({"error": p.error.name()}));
        }
        Ok(
            json!({"offset": p.offset.0, "timestamp_ms": p.timestamp, "leader_epoch": p.leader_epoch.0}),
        )
    }

    /// What the leader's log remembers of producers (`DescribeProducers`).
    fn describe_producers(&mut self, step: &Step) -> Result<Value, String> {
        let tp = Self::tp(step);
        let leader = self.leader(&tp.topic, tp.partition)?;
        let log = self.world.log(leader, &tp).ok_or("the leader has no log")?;
        let entries: Vec<_> = log.producers().producers().values().cloned().collect();
        let producers = entries.into_iter().map(|entry| {
            json!({
                "producer": self.names.producer(entry.producer_id),
                "producer_epoch": entry.producer_epoch,
                "last_sequence": entry.last_seq(),
                "transaction_start": entry.current_txn_first_offset,
            })
        });
        Ok(json!({"producers": producers.collect::<Vec<_>>()}))
    }

    /// The brokers that a step names, else those that are assigned and run.
    fn holders(&self, step: &Step, tp: &TopicPartition) -> Vec<NodeId> {
        if let Some(list) = step.get("brokers").as_array() {
            return list
                .iter()
                .filter_map(Value::as_i64)
                .map(|id| NodeId(id as i32))
                .collect();
        }
        let mut ids: Vec<NodeId> = self
            .world
            .brokers()
            .filter(|b| b.replicas().log(tp).is_some())
            .map(|b| b.id())
            .collect();
        ids.sort_unstable();
        ids
    }

    /// The brokers that a step names, else all that are assigned, up or down.
    fn assigned(&self, step: &Step, tp: &TopicPartition) -> Vec<NodeId> {
        let newest = self
            .world
            .working_brokers()
            .max_by_key(|b| b.image().offset);
        let assigned = newest.and_then(|b| b.image().topics.partition_named(tp));
        let mut ids = match assigned {
            Some(p) if !step.has("brokers") => p.replicas.clone(),
            _ => self.holders(step, tp),
        };
        ids.sort_unstable();
        ids
    }

    fn replicas(&mut self, step: &Step) -> Result<Value, String> {
        self.pass(SETTLE_MS);
        let tp = Self::tp(step);
        let mut replicas = Vec::new();
        for id in self.holders(step, &tp) {
            let log = self
                .world
                .log(id, &tp)
                .ok_or_else(|| format!("{id} has no {tp}"))?;
            replicas.push(json!({
                "broker": id.0,
                "leo": log.log_end_offset().0,
                "hw": log.high_watermark().0,
                "log_start": log.log_start_offset().0,
            }));
        }
        Ok(json!({"replicas": replicas}))
    }

    fn dump_log(&mut self, step: &Step) -> Result<Value, String> {
        let tp = Self::tp(step);
        let mut logs: Vec<(Vec<i32>, Value)> = Vec::new();
        for id in self.assigned(step, &tp) {
            // of a broker that is down, what lies on its disk
            let mut disk = self.world.disk(id).map(|files| files.logs.clone());
            if let Some(disk) = disk.as_mut().filter(|disk| !disk.is_open()) {
                let now = self.world.now().ms();
                disk.open(now).map_err(|e| format!("{e:?}"))?;
            }
            let log = match &disk {
                Some(disk) => disk.log(&tp),
                None => self.world.log(id, &tp),
            };
            let log = log.ok_or_else(|| format!("{id} has no {tp}"))?;
            let segments: Vec<i64> = log.segments().map(|s| s.base).collect();
            let entries = log.leader_epochs().entries().iter();
            let epochs: Vec<Value> = entries.map(|(e, o)| json!([e, o])).collect();
            let end = log.log_end_offset();
            let from = log.segments().next().map_or(Offset(0), |s| Offset(s.base));
            let mut batches = Vec::new();
            for batch in log.batches(from, end) {
                batches.push(batch_out(&batch, &mut self.names)?);
            }
            let content = json!({"segments": segments, "epochs": epochs, "batches": batches});
            match logs.iter_mut().find(|(_, c)| *c == content) {
                Some((brokers, _)) => brokers.push(id.0),
                None => logs.push((vec![id.0], content)),
            }
        }
        let logs = logs.into_iter().map(|(brokers, mut content)| {
            content["brokers"] = json!(brokers);
            content
        });
        Ok(json!({"logs": logs.collect::<Vec<_>>()}))
    }
}
