//! Reading and writing Kafka's primitive types, plain and compact. Readers distrust every length.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use protocol::{Name, Uuid};

/// The bytes are not what the schema says (`SchemaException`, `BufferUnderflowException`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

/// Reads from a slice that it cannot leave.
pub struct Reader {
    rest: Bytes,
}

macro_rules! fixed {
    ($name:ident, $type:ty, $get:ident) => {
        pub fn $name(&mut self) -> Result<$type, Malformed> {
            if self.rest.len() < size_of::<$type>() {
                return Err(Malformed);
            }
            Ok(self.rest.$get())
        }
    };
}

impl Reader {
    pub const fn new(bytes: Bytes) -> Self {
        Self { rest: bytes }
    }

    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    fixed!(int8, i8, get_i8);
    fixed!(int16, i16, get_i16);
    fixed!(int32, i32, get_i32);
    fixed!(int64, i64, get_i64);

    pub fn uuid(&mut self) -> Result<Uuid, Malformed> {
        if self.rest.len() < 16 {
            return Err(Malformed);
        }
        Ok(Uuid(self.rest.get_u128()))
    }

    pub fn varint(&mut self) -> Result<u32, Malformed> {
        let mut value = 0u32;
        for shift in (0..35).step_by(7) {
            let byte = self.int8()? as u8;
            value |= u32::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(Malformed)
    }

    pub fn take(&mut self, len: usize) -> Result<Bytes, Malformed> {
        if self.rest.len() < len {
            return Err(Malformed);
        }
        Ok(self.rest.split_to(len))
    }

    /// A count of things that are at least `min_bytes` long each.
    fn checked(&self, count: usize, min_bytes: usize) -> Result<usize, Malformed> {
        (count <= self.rest.len() / min_bytes.max(1))
            .then_some(count)
            .ok_or(Malformed)
    }

    /// Plain array length; −1 counts as none.
    pub fn array(&mut self, min_bytes: usize) -> Result<usize, Malformed> {
        let count = self.int32()?;
        self.checked(
            usize::try_from(count.max(0)).map_err(|_| Malformed)?,
            min_bytes,
        )
    }

    /// Compact array length; null counts as none.
    pub fn compact_array(&mut self, min_bytes: usize) -> Result<usize, Malformed> {
        let count = self.varint()?.saturating_sub(1);
        self.checked(count as usize, min_bytes)
    }

    fn text(&mut self, len: usize) -> Result<Name, Malformed> {
        let bytes = self.take(len)?;
        Ok(std::str::from_utf8(&bytes).map_err(|_| Malformed)?.into())
    }

    pub fn nullable_string(&mut self) -> Result<Option<Name>, Malformed> {
        match self.int16()? {
            ..0 => Ok(None),
            len => self.text(len as usize).map(Some),
        }
    }

    pub fn string(&mut self) -> Result<Name, Malformed> {
        self.nullable_string()?.ok_or(Malformed)
    }

    pub fn compact_nullable_string(&mut self) -> Result<Option<Name>, Malformed> {
        match self.varint()? {
            0 => Ok(None),
            len => self.text(len as usize - 1).map(Some),
        }
    }

    pub fn compact_string(&mut self) -> Result<Name, Malformed> {
        self.compact_nullable_string()?.ok_or(Malformed)
    }

    pub fn nullable_bytes(&mut self) -> Result<Option<Bytes>, Malformed> {
        match self.int32()? {
            ..0 => Ok(None),
            len => self.take(len as usize).map(Some),
        }
    }

    pub fn bytes(&mut self) -> Result<Bytes, Malformed> {
        self.nullable_bytes()?.ok_or(Malformed)
    }

    pub fn compact_bytes(&mut self) -> Result<Bytes, Malformed> {
        let len = (self.varint()? as usize).checked_sub(1).ok_or(Malformed)?;
        self.take(len)
    }

    /// The tagged fields that end a struct, as (tag, bytes).
    pub fn tags(&mut self) -> Result<Vec<(u32, Bytes)>, Malformed> {
        let count = self.varint()? as usize;
        let count = self.checked(count, 2)?;
        let mut tags = Vec::with_capacity(count);
        for _ in 0..count {
            let tag = self.varint()?;
            let size = self.varint()? as usize;
            tags.push((tag, self.take(size)?));
        }
        Ok(tags)
    }
}

/// Writes Kafka's primitive types.
#[derive(Default)]
pub struct Writer {
    pub out: BytesMut,
}

impl Writer {
    pub fn int8(&mut self, v: i8) -> &mut Self {
        self.out.put_i8(v);
        self
    }

    pub fn int16(&mut self, v: i16) -> &mut Self {
        self.out.put_i16(v);
        self
    }

    pub fn int32(&mut self, v: i32) -> &mut Self {
        self.out.put_i32(v);
        self
    }

    pub fn int64(&mut self, v: i64) -> &mut Self {
        self.out.put_i64(v);
        self
    }

    pub fn uuid(&mut self, v: Uuid) -> &mut Self {
        self.out.put_u128(v.0);
        self
    }

    pub fn varint(&mut self, mut v: u32) -> &mut Self {
        while v >= 0x80 {
            self.out.put_u8((v as u8) | 0x80);
            v >>= 7;
        }
        self.out.put_u8(v as u8);
        self
    }

    pub fn string(&mut self, v: &str) -> &mut Self {
        self.int16(v.len() as i16);
        self.out.put_slice(v.as_bytes());
        self
    }

    pub fn nullable_string(&mut self, v: Option<&str>) -> &mut Self {
        match v {
            Some(v) => self.string(v),
            None => self.int16(-1),
        }
    }

    pub fn compact_string(&mut self, v: &str) -> &mut Self {
        self.varint(v.len() as u32 + 1);
        self.out.put_slice(v.as_bytes());
        self
    }

    pub fn compact_nullable_string(&mut self, v: Option<&str>) -> &mut Self {
        match v {
            Some(v) => self.compact_string(v),
            None => self.varint(0),
        }
    }

    pub fn bytes(&mut self, v: &[u8]) -> &mut Self {
        self.int32(v.len() as i32);
        self.out.put_slice(v);
        self
    }

    pub fn compact_bytes(&mut self, v: &[u8]) -> &mut Self {
        self.varint(v.len() as u32 + 1);
        self.out.put_slice(v);
        self
    }

    /// Tagged fields: (tag, bytes), in order of tag.
    pub fn tags(&mut self, tags: &[(u32, Bytes)]) -> &mut Self {
        self.varint(tags.len() as u32);
        for (tag, bytes) in tags {
            self.varint(*tag).varint(bytes.len() as u32);
            self.out.put_slice(bytes);
        }
        self
    }

    pub fn finish(self) -> Bytes {
        self.out.freeze()
    }
}
