//! Records inside a batch: encoding, decoding, sizes.

use super::varint::{Cursor, put_varint, put_varlong, size_of_varint, size_of_varlong};
use super::{
    BATCH_OVERHEAD, NO_SEQUENCE, RecordBatch, RecordError, TimestampType, codec, increment_sequence,
};
use bytes::{BufMut, Bytes};

/// A header of a record. The key is UTF-8 by contract, kept as the bytes that came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    pub key: Bytes,
    pub value: Option<Bytes>,
}

/// What an application gives: no offset yet. `timestamp` in ms, −1 for none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SimpleRecord {
    pub timestamp: i64,
    pub key: Option<Bytes>,
    pub value: Option<Bytes>,
    pub headers: Vec<Header>,
}

/// A decoded record: absolute offset and timestamp (ms), sequence −1 if the batch has none. Bytes are shared with the batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    pub offset: i64,
    pub timestamp: i64,
    pub sequence: i32,
    /// Bytes of the record with its length prefix (uncompressed).
    pub size_in_bytes: usize,
    pub key: Option<Bytes>,
    pub value: Option<Bytes>,
    pub headers: Vec<Header>,
}

fn size_of_optional(bytes: Option<&Bytes>) -> usize {
    bytes.map_or(1, |bytes| size_of_varint(bytes.len() as i32) + bytes.len())
}

fn body_size(
    offset_delta: i32,
    timestamp_delta: i64,
    key: Option<&Bytes>,
    value: Option<&Bytes>,
    headers: &[Header],
) -> usize {
    1 + size_of_varlong(timestamp_delta)
        + size_of_varint(offset_delta)
        + size_of_optional(key)
        + size_of_optional(value)
        + size_of_varint(headers.len() as i32)
        + headers
            .iter()
            .map(|header| {
                size_of_varint(header.key.len() as i32)
                    + header.key.len()
                    + size_of_optional(header.value.as_ref())
            })
            .sum::<usize>()
}

/// Bytes of a record with its length prefix (`DefaultRecord.sizeInBytes`).
pub fn size_of_record(
    offset_delta: i32,
    timestamp_delta: i64,
    key: Option<&Bytes>,
    value: Option<&Bytes>,
    headers: &[Header],
) -> usize {
    let body = body_size(offset_delta, timestamp_delta, key, value, headers);
    size_of_varint(body as i32) + body
}

fn put_optional(out: &mut impl BufMut, bytes: Option<&Bytes>) {
    match bytes {
        None => put_varint(out, -1),
        Some(bytes) => {
            put_varint(out, bytes.len() as i32);
            out.put_slice(bytes);
        }
    }
}

/// Writes a record and returns its size (`DefaultRecord.writeTo`).
pub(super) fn put_record(
    out: &mut impl BufMut,
    offset_delta: i32,
    timestamp_delta: i64,
    key: Option<&Bytes>,
    value: Option<&Bytes>,
    headers: &[Header],
) -> usize {
    let body = body_size(offset_delta, timestamp_delta, key, value, headers);
    put_varint(out, body as i32);
    out.put_u8(0);
    put_varlong(out, timestamp_delta);
    put_varint(out, offset_delta);
    put_optional(out, key);
    put_optional(out, value);
    put_varint(out, headers.len() as i32);
    for header in headers {
        put_varint(out, header.key.len() as i32);
        out.put_slice(&header.key);
        put_optional(out, header.value.as_ref());
    }
    size_of_varint(body as i32) + body
}

/// An iterator over the records of a batch. It ends after the first error; the declared count and the bytes must agree.
#[derive(Debug, Clone)]
pub struct Records {
    content: Bytes,
    at: usize,
    left: i32,
    done: bool,
    base_offset: i64,
    base_timestamp: i64,
    base_sequence: i32,
    log_append_time: Option<i64>,
}

impl Records {
    pub(super) fn of(batch: &RecordBatch) -> Result<Records, RecordError> {
        let count = batch.record_count();
        if count < 0 {
            return Err(RecordError::Invalid("negative record count"));
        }
        let content = if batch.is_compressed() && count > 0 {
            let kind = batch.compression()?;
            codec()
                .decompress(kind, &batch.bytes()[BATCH_OVERHEAD..])?
                .into()
        } else {
            batch.bytes().slice(BATCH_OVERHEAD..)
        };
        Ok(Records {
            content,
            at: 0,
            left: count,
            // An empty batch has nothing to disagree with.
            done: count == 0,
            base_offset: batch.base_offset(),
            base_timestamp: batch.base_timestamp(),
            base_sequence: batch.base_sequence(),
            log_append_time: (batch.timestamp_type() == TimestampType::LogAppendTime)
                .then(|| batch.max_timestamp()),
        })
    }

    /// Bytes of all records when not compressed.
    pub fn uncompressed_size(&self) -> usize {
        self.content.len()
    }

    fn optional(&self, cursor: &mut Cursor<'_>) -> Option<Option<Bytes>> {
        let size = cursor.varint()?;
        if size < 0 {
            return Some(None);
        }
        cursor
            .take(size as usize)
            .map(|range| Some(self.content.slice(range)))
    }

    fn read(&mut self) -> Result<Record, RecordError> {
        const SHORT: RecordError = RecordError::Invalid("record runs out of bytes");
        let mut cursor = Cursor::new(&self.content, self.at);
        let size = cursor
            .varint()
            .ok_or(RecordError::Invalid("batch ends before its records do"))?;
        if size < 0 || size as usize > cursor.remaining() {
            return Err(RecordError::Invalid("record size beyond the batch"));
        }
        let body = cursor.position();
        cursor.u8().ok_or(SHORT)?;
        let timestamp_delta = cursor.varlong().ok_or(SHORT)?;
        let offset_delta = cursor.varint().ok_or(SHORT)?;
        let key = self.optional(&mut cursor).ok_or(SHORT)?;
        let value = self.optional(&mut cursor).ok_or(SHORT)?;
        let count = cursor.varint().ok_or(SHORT)?;
        if count < 0 || count as usize > cursor.remaining() {
            return Err(RecordError::Invalid("impossible header count"));
        }
        let mut headers = Vec::new();
        for _ in 0..count {
            let key_size = cursor.varint().ok_or(SHORT)?;
            if key_size < 0 {
                return Err(RecordError::Invalid("header without a key"));
            }
            let key = self
                .content
                .slice(cursor.take(key_size as usize).ok_or(SHORT)?);
            headers.push(Header {
                key,
                value: self.optional(&mut cursor).ok_or(SHORT)?,
            });
        }
        if cursor.position() != body + size as usize {
            return Err(RecordError::Invalid("record size differs from its content"));
        }
        let size_in_bytes = cursor.position() - self.at;
        self.at = cursor.position();
        Ok(Record {
            offset: self.base_offset.wrapping_add(i64::from(offset_delta)),
            timestamp: self
                .log_append_time
                .unwrap_or(self.base_timestamp.wrapping_add(timestamp_delta)),
            sequence: if self.base_sequence >= 0 && offset_delta >= 0 {
                increment_sequence(self.base_sequence, offset_delta)
            } else {
                NO_SEQUENCE
            },
            size_in_bytes,
            key,
            value,
            headers,
        })
    }
}

impl Iterator for Records {
    type Item = Result<Record, RecordError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let result = self.read();
        match &result {
            Err(_) => self.done = true,
            Ok(_) => {
                self.left -= 1;
                self.done = self.left == 0;
                if self.done && self.at != self.content.len() {
                    return Some(Err(RecordError::Invalid(
                        "bytes remain after the last record",
                    )));
                }
            }
        }
        Some(result)
    }
}
