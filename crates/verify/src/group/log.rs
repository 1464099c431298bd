//! The log of the case's partition: it keeps bytes, as a log does, and shows them as the recorded answers write them.

use super::json as shown;
use coordinator::group::{Loaded, Record};
use coordinator::runtime::{Batch, PartitionWriter};
use protocol::{ErrorCode, Offset, ProducerId};
use serde_json::{Value, json};

#[derive(Default)]
pub struct Log {
    entries: Vec<(Value, Loaded)>,
    /// The next append is refused with this.
    pub fail_next: Option<ErrorCode>,
}

impl Log {
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn end(&self) -> Offset {
        Offset(self.entries.len() as i64)
    }

    pub fn json_from(&self, from: usize) -> Vec<Value> {
        self.entries[from..]
            .iter()
            .map(|(value, _)| value.clone())
            .collect()
    }

    pub fn loaded(&self) -> Vec<Loaded> {
        self.entries
            .iter()
            .map(|(_, loaded)| loaded.clone())
            .collect()
    }
}

impl PartitionWriter<Record> for Log {
    fn append(&mut self, batch: Batch<'_, Record>) -> Result<Offset, ErrorCode> {
        if let Some(error) = self.fail_next.take() {
            return Err(error);
        }
        match batch {
            Batch::Records {
                producer_id,
                producer_epoch,
                records,
            } => {
                for record in records {
                    let offset = self.end();
                    let mut line = shown::record(record);
                    line["offset"] = json!(offset);
                    if producer_id != ProducerId::NONE {
                        line["producer_id"] = json!(producer_id);
                        line["producer_epoch"] = json!(producer_epoch);
                    }
                    let loaded = Loaded::Record {
                        offset,
                        producer_id,
                        key: Some(record.key_bytes()),
                        value: record.value_bytes(),
                    };
                    self.entries.push((line, loaded));
                }
            }
            Batch::EndTransaction {
                producer_id,
                producer_epoch,
                coordinator_epoch,
                commit,
            } => {
                let offset = self.end();
                let shown = json!({
                    "offset": offset,
                    "type": "END_TXN_MARKER",
                    "producer_id": producer_id,
                    "producer_epoch": producer_epoch,
                    "result": if commit { "COMMIT" } else { "ABORT" },
                    "key_hex": format!("0000{:04x}", i16::from(commit)),
                    "value_hex": format!("0000{coordinator_epoch:08x}"),
                });
                let loaded = Loaded::EndTransaction {
                    offset,
                    producer_id,
                    commit,
                };
                self.entries.push((shown, loaded));
            }
        }
        Ok(self.end())
    }

    fn end_offset(&self) -> Offset {
        self.end()
    }
}
