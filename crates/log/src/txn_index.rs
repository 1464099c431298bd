//! The index of aborted transactions of a segment (`TransactionIndex`, `AbortedTxn`).

use crate::backend::{Directory, FileId, MemoryDirectory};
use crate::error::LogError;
use bytes::{BufMut, Bytes, BytesMut};
use protocol::Ms;

/// Bytes of an entry: version, producer id, first offset, last offset, last stable offset.
pub const ENTRY: usize = 34;

/// A transaction that was aborted: its offsets in this partition, and the last stable offset once it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AbortedTxn {
    pub producer_id: i64,
    pub first_offset: i64,
    pub last_offset: i64,
    pub last_stable_offset: i64,
}

impl AbortedTxn {
    pub fn encode(&self) -> Bytes {
        let mut out = BytesMut::with_capacity(ENTRY);
        out.put_i16(0);
        out.put_i64(self.producer_id);
        out.put_i64(self.first_offset);
        out.put_i64(self.last_offset);
        out.put_i64(self.last_stable_offset);
        out.freeze()
    }

    pub(crate) fn decode(entry: &[u8]) -> AbortedTxn {
        let field = |at: usize| {
            let mut raw = [0; 8];
            raw.copy_from_slice(&entry[at..at + 8]);
            i64::from_be_bytes(raw)
        };
        AbortedTxn {
            producer_id: field(2),
            first_offset: field(10),
            last_offset: field(18),
            last_stable_offset: field(26),
        }
    }
}

/// The file, which exists once a transaction was aborted, and its entries.
#[derive(Debug, Clone, Default)]
pub struct TransactionIndex {
    file: Option<FileId>,
    entries: Vec<AbortedTxn>,
}

impl TransactionIndex {
    /// Reads an existing file. Bytes after the last whole entry are not seen, though appends go behind them.
    ///
    /// # Errors
    /// `Storage` for an entry of a version from the future. Kafka looks at the first byte of the version alone.
    pub fn load(dir: &MemoryDirectory, name: &str) -> Result<Self, LogError> {
        let Some(file) = dir.find(name) else {
            return Ok(Self::default());
        };
        let content = dir.read_at(file, 0, dir.len(file));
        let mut entries = Vec::new();
        for entry in content.chunks_exact(ENTRY) {
            if entry[0] as i8 > 0 {
                return Err(LogError::Storage(
                    "an aborted transaction of an unknown version",
                ));
            }
            entries.push(AbortedTxn::decode(entry));
        }
        Ok(TransactionIndex {
            file: Some(file),
            entries,
        })
    }

    pub fn entries(&self) -> &[AbortedTxn] {
        &self.entries
    }

    /// Whether every entry ends at or above the segment's base (`sanityCheck`).
    pub fn is_sane(&self, base: i64) -> bool {
        self.entries.iter().all(|entry| entry.last_offset >= base)
    }

    pub fn append(&mut self, dir: &mut MemoryDirectory, name: &str, txn: AbortedTxn, now: Ms) {
        let file = *self.file.get_or_insert_with(|| dir.open(name, now));
        // A torn entry at the end shifts everything behind it: then only the file tells what a reader sees.
        let torn = !dir.len(file).is_multiple_of(ENTRY);
        dir.append(file, txn.encode(), now);
        if torn {
            let content = dir.read_at(file, 0, dir.len(file));
            self.entries = content
                .chunks_exact(ENTRY)
                .map(AbortedTxn::decode)
                .collect();
        } else {
            self.entries.push(txn);
        }
    }

    /// Drops the first entry that ends at or above `offset` and all after it.
    pub fn truncate_to(&mut self, dir: &mut MemoryDirectory, offset: i64, now: Ms) {
        if let Some(at) = self
            .entries
            .iter()
            .position(|entry| entry.last_offset >= offset)
            && let Some(file) = self.file
        {
            dir.truncate(file, at * ENTRY, now);
            self.entries.truncate(at);
        }
    }

    /// Empties the file; it stays.
    pub fn reset(&mut self, dir: &mut MemoryDirectory, now: Ms) {
        if let Some(file) = self.file {
            dir.truncate(file, 0, now);
        }
        self.entries.clear();
    }

    /// Entries that overlap `[fetch_offset, upper_bound)`, and whether no later segment can add one.
    pub fn collect(&self, fetch_offset: i64, upper_bound: i64, out: &mut Vec<AbortedTxn>) -> bool {
        for entry in &self.entries {
            if entry.last_offset >= fetch_offset && entry.first_offset < upper_bound {
                out.push(*entry);
            }
            if entry.last_stable_offset >= upper_bound {
                return true;
            }
        }
        false
    }
}
