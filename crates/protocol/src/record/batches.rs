//! Walking over concatenated batches, as they lie in a request or in a log file.

use super::{HEADER_UP_TO_MAGIC, LOG_OVERHEAD, MAGIC, RecordBatch, RecordError};
use bytes::Bytes;

/// The least length that a batch of any magic may declare (`LegacyRecord.RECORD_OVERHEAD_V0`).
const MIN_DECLARED: i32 = 14;

/// The size of the batch at the beginning of `bytes`, `None` if not even its header to the magic is there.
///
/// # Errors
/// `Corrupt` for a declared length below the least possible or an impossible magic
/// (`ByteBufferLogInputStream.nextBatchSize`).
pub fn batch_size_at(bytes: &[u8]) -> Result<Option<usize>, RecordError> {
    if bytes.len() < LOG_OVERHEAD {
        return Ok(None);
    }
    let declared = i32::from_be_bytes([bytes[8], bytes[9], bytes[10], bytes[11]]);
    if declared < MIN_DECLARED {
        return Err(RecordError::Corrupt(
            "declared length below the least possible",
        ));
    }
    if bytes.len() < HEADER_UP_TO_MAGIC {
        return Ok(None);
    }
    let magic = bytes[16] as i8;
    if !(0..=MAGIC).contains(&magic) {
        return Err(RecordError::Corrupt("impossible magic"));
    }
    Ok(Some(declared as usize + LOG_OVERHEAD))
}

/// An iterator over whole batches. It ends quietly at a partial one and after the first error.
#[derive(Debug, Clone)]
pub struct Batches {
    rest: Bytes,
    consumed: usize,
    failed: bool,
}

impl Batches {
    pub fn new(bytes: Bytes) -> Self {
        Batches {
            rest: bytes,
            consumed: 0,
            failed: false,
        }
    }

    /// How many bytes the batches returned so far take.
    pub fn consumed(&self) -> usize {
        self.consumed
    }

    /// All whole batches.
    ///
    /// # Errors
    /// The first error met.
    pub fn collect_all(bytes: Bytes) -> Result<Vec<RecordBatch>, RecordError> {
        Batches::new(bytes).collect()
    }
}

impl Iterator for Batches {
    type Item = Result<RecordBatch, RecordError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let size = match batch_size_at(&self.rest) {
            Ok(None) => return None,
            Ok(Some(size)) if size > self.rest.len() => return None,
            Ok(Some(size)) => size,
            Err(error) => {
                self.failed = true;
                return Some(Err(error));
            }
        };
        let parsed = RecordBatch::parse(self.rest.split_to(size));
        self.consumed += size;
        self.failed = parsed.is_err();
        Some(parsed)
    }
}
