//! One method a group of operations: from a step's inputs to the crate's entry points and back.

use super::{Ended, Failed, Player, input, state, unexpected};
use crate::Step;
use bytes::Bytes;
use log::{
    AppendOrigin, FetchIsolation, LogAppendInfo, LogError, LogOffsetMetadata, OffsetSpec,
    TimestampAndOffset, UnifiedLog, VerificationGuard,
};
use protocol::messages::{Records, hex};
use protocol::record::{EndTransactionMarker, end_transaction_marker};
use protocol::{BrokerEpoch, LeaderEpoch, Ms, Offset, ProducerEpoch, ProducerId, Sequence};
use serde_json::{Value, json};
use std::sync::Arc;

fn append_answer(info: &LogAppendInfo) -> Value {
    json!({
        "first_offset": info.first_offset,
        "last_offset": info.last_offset,
        "max_timestamp": info.max_timestamp,
        "log_append_time": info.log_append_time,
        "log_start": info.log_start_offset,
        "valid_bytes": info.valid_bytes,
        "appended": info.appended,
    })
}

fn found_answer(found: Option<TimestampAndOffset>) -> Value {
    json!({"found": found.map(|at| json!([at.timestamp, at.offset, at.leader_epoch]))})
}

fn int(step: &Step, name: &'static str) -> Result<i64, Failed> {
    step.i64(name).ok_or(Failed(name))
}

fn offset(step: &Step, name: &'static str) -> Result<Offset, Failed> {
    int(step, name).map(Offset)
}

impl Player {
    fn log(&mut self, step: &Step) -> Result<(&mut UnifiedLog, Ms), Failed> {
        let (_, partition) = self.partition(step);
        let now = self.now;
        self.dir
            .log_mut(&partition)
            .map(|log| (log, now))
            .ok_or(Failed("no such log"))
    }

    pub(super) fn run(&mut self, step: &Step) -> Result<Value, Ended> {
        match step.op.as_str() {
            "create" => self.create(),
            "append" | "append_as_follower" | "end_txn_marker" | "start_verification" => {
                self.append(step)
            }
            "read"
            | "offset_for_timestamp"
            | "end_offset_for_epoch"
            | "aborted_transactions"
            | "late_transaction" => self.query(step),
            "cleanable" | "clean" | "cleaner_pass" => self.clean(step),
            "advance" | "alter_config" | "checkpoint" | "close" | "crash" | "power_loss"
            | "edit_file" | "open" | "files" => self.directory(step),
            _ => self.change(step),
        }
    }

    fn create(&mut self) -> Result<Value, Ended> {
        for number in 0..self.partitions {
            let partition = protocol::TopicPartition::new(self.topic.as_str(), number);
            let config = Arc::new(self.configs[number as usize].topic()?);
            self.dir
                .create_log(&partition, self.topic_id, config, self.now)?;
        }
        Ok(Value::Null)
    }

    fn guard(&self, step: &Step) -> Option<VerificationGuard> {
        let number = step
            .str("guard")?
            .strip_prefix('g')?
            .parse::<usize>()
            .ok()?;
        self.guards
            .get(number.checked_sub(1)?)
            .map(|(_, guard)| *guard)
    }

    fn append(&mut self, step: &Step) -> Result<Value, Ended> {
        let epoch = LeaderEpoch(step.i64("leader_epoch").unwrap_or(0) as i32);
        let guard = self.guard(step);
        match step.op.as_str() {
            "append" => {
                let records = input::batches(step.get("batches"))?;
                let origin = match step.str("origin") {
                    Some("coordinator") => AppendOrigin::Coordinator,
                    _ => AppendOrigin::Client,
                };
                let (log, now) = self.log(step)?;
                Ok(append_answer(&log.append_as_leader(
                    &records, epoch, origin, guard, 0, now,
                )?))
            }
            "append_as_follower" => {
                let records = input::batches(step.get("batches"))?;
                let (log, now) = self.log(step)?;
                Ok(append_answer(
                    &log.append_as_follower(&records, epoch, now)?,
                ))
            }
            "end_txn_marker" => {
                let marker = EndTransactionMarker {
                    commit: step.bool("commit").unwrap_or(false),
                    coordinator_epoch: int(step, "coordinator_epoch")? as i32,
                };
                let (id, producer_epoch) = (
                    int(step, "producer_id")?,
                    int(step, "producer_epoch")? as i16,
                );
                let batch = end_transaction_marker(
                    0,
                    int(step, "timestamp_ms")?,
                    -1,
                    id,
                    producer_epoch,
                    marker,
                );
                let version = step.i64("transaction_version").unwrap_or(0) as i16;
                let (log, now) = self.log(step)?;
                let records = Records::one(batch.into_bytes());
                Ok(append_answer(&log.append_as_leader(
                    &records,
                    epoch,
                    AppendOrigin::Coordinator,
                    None,
                    version,
                    now,
                )?))
            }
            _ => {
                let (number, _) = self.partition(step);
                let (log, now) = self.log(step)?;
                let guard = log.maybe_start_transaction_verification(
                    ProducerId(int(step, "producer_id")?),
                    Sequence(int(step, "base_sequence")? as i32),
                    ProducerEpoch(int(step, "producer_epoch")? as i16),
                    step.bool("supports_epoch_bump").unwrap_or(false),
                    now,
                )?;
                let name = guard.map(|guard| {
                    let known = self.guards.iter().position(|seen| *seen == (number, guard));
                    let at = known.unwrap_or_else(|| {
                        self.guards.push((number, guard));
                        self.guards.len() - 1
                    });
                    format!("g{}", at + 1)
                });
                Ok(json!({"guard": name}))
            }
        }
    }

    fn query(&mut self, step: &Step) -> Result<Value, Ended> {
        let (log, now) = self.log(step)?;
        match step.op.as_str() {
            "read" => {
                let isolation = match step.str("isolation") {
                    Some("log_end") => FetchIsolation::LogEnd,
                    Some("high_watermark") => FetchIsolation::HighWatermark,
                    Some("txn_committed") => FetchIsolation::TxnCommitted,
                    _ => return Err(unexpected(step.get("isolation")).into()),
                };
                let max_bytes = step.i64("max_bytes").unwrap_or(1_048_576) as usize;
                let found = log.read(
                    offset(step, "offset")?,
                    max_bytes,
                    isolation,
                    step.bool("min_one_message").unwrap_or(true),
                )?;
                let records = step.bool("records").unwrap_or(false);
                Ok(state::read_answer(&found, records).map_err(LogError::from)?)
            }
            "offset_for_timestamp" => {
                let spec = match step.get("timestamp") {
                    Value::String(name) => match name.as_str() {
                        "earliest" => OffsetSpec::Earliest,
                        "latest" => OffsetSpec::Latest,
                        "max_timestamp" => OffsetSpec::MaxTimestamp,
                        "earliest_local" => OffsetSpec::EarliestLocal,
                        "latest_tiered" => OffsetSpec::LatestTiered,
                        "earliest_pending_upload" => OffsetSpec::EarliestPendingUpload,
                        _ => return Err(unexpected(step.get("timestamp")).into()),
                    },
                    _ => OffsetSpec::Timestamp(int(step, "timestamp")?),
                };
                Ok(found_answer(log.fetch_offset_by_timestamp(spec)?))
            }
            "end_offset_for_epoch" => {
                let found = log.end_offset_for_epoch(LeaderEpoch(int(step, "epoch")? as i32));
                Ok(json!({"found": found}))
            }
            "aborted_transactions" => {
                let aborted: Vec<Value> = log
                    .collect_aborted_transactions(offset(step, "from")?, offset(step, "to")?)
                    .iter()
                    .map(|txn| {
                        json!([
                            txn.producer_id,
                            txn.first_offset,
                            txn.last_offset,
                            txn.last_stable_offset
                        ])
                    })
                    .collect();
                Ok(json!({"aborted": aborted}))
            }
            _ => Ok(json!({"late": log.has_late_transaction(now)})),
        }
    }

    fn change(&mut self, step: &Step) -> Result<Value, Ended> {
        let (_, partition) = self.partition(step);
        let now = self.now;
        match step.op.as_str() {
            "truncate_to" => Ok(
                json!({"truncated": self.dir.truncate_to(&partition, offset(step, "offset")?, now)?}),
            ),
            "truncate_fully_and_start_at" => {
                let log_start = step.i64("log_start").map(Offset);
                self.dir.truncate_fully_and_start_at(
                    &partition,
                    offset(step, "offset")?,
                    log_start,
                    now,
                )?;
                Ok(Value::Null)
            }
            "update_hw" => self.update_hw(step),
            "roll" => Ok(json!({"base_offset": self.log(step)?.0.roll(now)?})),
            "flush" => {
                self.log(step)?.0.flush(false, now);
                Ok(Value::Null)
            }
            "delete_records" => {
                let advanced = self
                    .log(step)?
                    .0
                    .maybe_increment_log_start_offset(offset(step, "offset")?, now)?;
                Ok(json!({"advanced": advanced}))
            }
            "run_retention" => {
                Ok(json!({"deleted_segments": self.log(step)?.0.delete_old_segments(now)?}))
            }
            "assign_epoch" => {
                let epoch = LeaderEpoch(int(step, "epoch")? as i32);
                self.log(step)?.0.assign_epoch_start_offset(
                    epoch,
                    offset(step, "start_offset")?,
                    now,
                )?;
                Ok(Value::Null)
            }
            "producer_expiry" => {
                self.log(step)?.0.remove_expired_producers(now);
                Ok(Value::Null)
            }
            _ => Err(Failed("an operation that is not known").into()),
        }
    }

    fn update_hw(&mut self, step: &Step) -> Result<Value, Ended> {
        let offset = offset(step, "offset")?;
        let (log, _) = self.log(step)?;
        Ok(match step.str("how") {
            Some("leader") => {
                json!({"previous": log.maybe_increment_high_watermark(LogOffsetMetadata::only(offset.get()))?})
            }
            Some("follower") => json!({"updated": log.maybe_update_high_watermark(offset)}),
            _ => json!({"hw": log.update_high_watermark(offset)}),
        })
    }

    fn clean(&mut self, step: &Step) -> Result<Value, Ended> {
        let (number, partition) = self.partition(step);
        let slots = step.i64("offset_map_slots").unwrap_or(55924) as usize;
        let stats = |stats: log::cleaner::CleanStats| {
            json!({
                "end_offset": stats.end_offset,
                "messages_read": stats.messages_read,
                "messages_written": stats.messages_written,
                "bytes_read": stats.bytes_read,
                "bytes_written": stats.bytes_written,
                "map_messages_read": stats.map_messages_read,
                "invalid_messages": stats.invalid_messages,
            })
        };
        let merge = |mut range: serde_json::Map<String, Value>, more: Value| {
            range.extend(more.as_object().cloned().unwrap_or_default());
            range
        };
        match step.op.as_str() {
            "cleanable" => {
                let range = self
                    .dir
                    .cleanable(&partition, self.now)
                    .ok_or(Failed("no such log"))?;
                Ok(Value::Object(state::range(number, &range)))
            }
            "clean" => {
                let (range, done) = self.dir.clean_log(&partition, slots, self.now)?;
                let mut answer = state::range(number, &range);
                answer.insert("cleaned".into(), json!(done.is_some()));
                Ok(Value::Object(
                    done.map_or(answer.clone(), |done| merge(answer, stats(done))),
                ))
            }
            _ => {
                let (cleaned, deleted) = self.dir.cleaner_pass(slots, self.now)?;
                let cleaned = cleaned.map(|done| {
                    merge(
                        state::range(done.partition.partition, &done.range),
                        stats(done.stats),
                    )
                });
                let deleted: Vec<Value> = deleted
                    .iter()
                    .map(|(at, count)| json!([at.partition, count]))
                    .collect();
                Ok(json!({"cleaned": cleaned, "deleted_segments": deleted}))
            }
        }
    }

    fn directory(&mut self, step: &Step) -> Result<Value, Ended> {
        match step.op.as_str() {
            "advance" => {
                self.now += int(step, "ms")?;
                self.dir.poll(self.now);
            }
            "alter_config" => self.alter_config(step)?,
            "checkpoint" => {
                self.dir.checkpoint_recovery_points(self.now);
                self.dir.checkpoint_log_start_offsets(self.now);
                self.dir.checkpoint_high_watermarks(self.now);
            }
            "close" => self.dir.close(BrokerEpoch(1), self.now),
            "crash" => self.dir.crash(self.now),
            "power_loss" => return Ok(json!({"cut": self.dir.power_loss(self.now)})),
            "edit_file" => self.edit_file(step)?,
            "open" => {
                self.guards.clear();
                return Ok(json!({"clean": self.dir.open(self.now)?}));
            }
            _ => {}
        }
        Ok(Value::Null)
    }

    fn alter_config(&mut self, step: &Step) -> Result<(), Failed> {
        let only = step.i64("partition");
        for number in
            (0..self.partitions).filter(|number| only.is_none_or(|only| only == i64::from(*number)))
        {
            let config = &mut self.configs[number as usize];
            config.alter(step.get("config"));
            let resolved = Arc::new(config.topic()?);
            let partition = protocol::TopicPartition::new(self.topic.as_str(), number);
            self.dir.update_config(&partition, resolved);
        }
        Ok(())
    }

    fn edit_file(&mut self, step: &Step) -> Result<(), Failed> {
        let path = step.str("file").ok_or(Failed("an edit without a file"))?;
        if let Some(to) = step.str("rename") {
            self.dir.rename_file(path, to);
            return Ok(());
        }
        let target = step.str("copy").unwrap_or(path);
        let source = self.dir.files().get(path).cloned();
        let appended = if step.has("append") {
            input::bytes(step.get("append"))?
        } else {
            None
        };
        let content = if step.has("content") {
            input::bytes(step.get("content"))?
        } else {
            None
        };
        let mask = step
            .str("xor")
            .and_then(hex::decode)
            .and_then(|mask| mask.first().copied());
        let (cut, at) = (step.i64("length"), step.i64("at"));
        let delete = step.bool("delete").unwrap_or(false);
        let edit = move |_: Option<Bytes>| -> Option<Bytes> {
            if delete {
                return None;
            }
            let mut bytes = content.or(source)?.to_vec();
            bytes.extend_from_slice(&appended.unwrap_or_default());
            if let Some(length) = cut {
                bytes.resize(length as usize, 0);
            }
            if let (Some(at), Some(mask)) = (at, mask) {
                bytes[at as usize] ^= mask;
            }
            Some(bytes.into())
        };
        if self.dir.edit_file(target, edit, self.now) {
            Ok(())
        } else {
            Err(Failed("no place for the file"))
        }
    }
}
