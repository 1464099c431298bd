//! Primitive types of Kafka's flexible message encoding, as the metadata log uses them.
//!
//! They distrust every count: nothing is allocated for more elements than the bytes left can hold.

use protocol::{Name, NodeId, Uuid};

use super::DecodeError;

/// Appends values to a message.
#[derive(Default)]
pub(super) struct Writer {
    pub out: Vec<u8>,
    tags: Vec<(u32, Vec<u8>)>,
}

impl Writer {
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    pub fn i8(&mut self, v: i8) {
        self.out.push(v as u8);
    }

    pub fn bool(&mut self, v: bool) {
        self.out.push(u8::from(v));
    }

    pub fn i16(&mut self, v: i16) {
        self.bytes(&v.to_be_bytes());
    }

    pub fn u16(&mut self, v: u16) {
        self.bytes(&v.to_be_bytes());
    }

    pub fn i32(&mut self, v: i32) {
        self.bytes(&v.to_be_bytes());
    }

    pub fn i64(&mut self, v: i64) {
        self.bytes(&v.to_be_bytes());
    }

    pub fn uuid(&mut self, v: Uuid) {
        self.bytes(&v.0.to_be_bytes());
    }

    pub fn unsigned_varint(&mut self, mut v: u32) {
        while v >= 0x80 {
            self.out.push((v as u8) | 0x80);
            v >>= 7;
        }
        self.out.push(v as u8);
    }

    /// Count of an array or a string: stored plus one, 0 is null.
    pub fn count(&mut self, n: usize) {
        self.unsigned_varint(n as u32 + 1);
    }

    pub fn string(&mut self, v: &str) {
        self.count(v.len());
        self.bytes(v.as_bytes());
    }

    pub fn nullable_string(&mut self, v: Option<&str>) {
        match v {
            Some(v) => self.string(v),
            None => self.unsigned_varint(0),
        }
    }

    pub fn nodes(&mut self, v: &[NodeId]) {
        self.count(v.len());
        v.iter().for_each(|id| self.i32(id.0));
    }

    pub fn uuids(&mut self, v: &[Uuid]) {
        self.count(v.len());
        v.iter().for_each(|id| self.uuid(*id));
    }

    /// Keeps a tagged field for [`Writer::end_of_struct`]; fields are written in order of their tags.
    pub fn tag(&mut self, tag: u32, write: impl FnOnce(&mut Writer)) {
        let mut field = Writer::default();
        write(&mut field);
        self.tags.push((tag, field.out));
    }

    /// Writes the tagged fields kept so far and ends the struct.
    pub fn end_of_struct(&mut self) {
        let mut tags = std::mem::take(&mut self.tags);
        tags.sort_by_key(|(tag, _)| *tag);
        self.unsigned_varint(tags.len() as u32);
        for (tag, field) in tags {
            self.unsigned_varint(tag);
            self.unsigned_varint(field.len() as u32);
            self.bytes(&field);
        }
    }
}

/// Takes values from a message.
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub fn take(&mut self, n: usize) -> Result<&'a [u8], DecodeError> {
        if n > self.rest.len() {
            return Err(DecodeError::Truncated);
        }
        let (head, rest) = self.rest.split_at(n);
        self.rest = rest;
        Ok(head)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        Ok(self.take(N)?.try_into().expect("take gave N bytes"))
    }

    pub fn i8(&mut self) -> Result<i8, DecodeError> {
        Ok(self.array::<1>()?[0] as i8)
    }

    pub fn bool(&mut self) -> Result<bool, DecodeError> {
        Ok(self.i8()? != 0)
    }

    pub fn i16(&mut self) -> Result<i16, DecodeError> {
        Ok(i16::from_be_bytes(self.array()?))
    }

    pub fn u16(&mut self) -> Result<u16, DecodeError> {
        Ok(u16::from_be_bytes(self.array()?))
    }

    pub fn i32(&mut self) -> Result<i32, DecodeError> {
        Ok(i32::from_be_bytes(self.array()?))
    }

    pub fn i64(&mut self) -> Result<i64, DecodeError> {
        Ok(i64::from_be_bytes(self.array()?))
    }

    pub fn uuid(&mut self) -> Result<Uuid, DecodeError> {
        Ok(Uuid(u128::from_be_bytes(self.array()?)))
    }

    pub fn node(&mut self) -> Result<NodeId, DecodeError> {
        Ok(NodeId(self.i32()?))
    }

    pub fn unsigned_varint(&mut self) -> Result<u32, DecodeError> {
        let mut value = 0u32;
        for shift in [0, 7, 14, 21, 28] {
            let byte = self.array::<1>()?[0];
            value |= u32::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(DecodeError::BadVarint)
    }

    /// Count of a compact array or string, None for null. Refuses counts that the bytes left cannot hold.
    pub fn count(&mut self, bytes_each: usize) -> Result<Option<usize>, DecodeError> {
        let stored = self.unsigned_varint()? as usize;
        if stored == 0 {
            return Ok(None);
        }
        let n = stored - 1;
        if n.saturating_mul(bytes_each) > self.rest.len() {
            return Err(DecodeError::Truncated);
        }
        Ok(Some(n))
    }

    pub fn nullable_string(&mut self) -> Result<Option<Name>, DecodeError> {
        let Some(n) = self.count(1)? else {
            return Ok(None);
        };
        let text = std::str::from_utf8(self.take(n)?).map_err(|_| DecodeError::BadText)?;
        Ok(Some(text.into()))
    }

    pub fn string(&mut self) -> Result<Name, DecodeError> {
        self.nullable_string()?.ok_or(DecodeError::UnexpectedNull)
    }

    /// An array; `bytes_each` is the least that one element takes.
    pub fn nullable_vec<T>(
        &mut self,
        bytes_each: usize,
        read: impl Fn(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<Option<Vec<T>>, DecodeError> {
        let Some(n) = self.count(bytes_each)? else {
            return Ok(None);
        };
        (0..n)
            .map(|_| read(self))
            .collect::<Result<_, _>>()
            .map(Some)
    }

    pub fn vec<T>(
        &mut self,
        bytes_each: usize,
        read: impl Fn(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<Vec<T>, DecodeError> {
        self.nullable_vec(bytes_each, read)?
            .ok_or(DecodeError::UnexpectedNull)
    }

    pub fn nodes(&mut self) -> Result<Vec<NodeId>, DecodeError> {
        self.vec(4, Self::node)
    }

    pub fn nullable_nodes(&mut self) -> Result<Option<Vec<NodeId>>, DecodeError> {
        self.nullable_vec(4, Self::node)
    }

    pub fn uuids(&mut self) -> Result<Vec<Uuid>, DecodeError> {
        self.vec(16, Self::uuid)
    }

    pub fn nullable_uuids(&mut self) -> Result<Option<Vec<Uuid>>, DecodeError> {
        self.nullable_vec(16, Self::uuid)
    }

    /// Reads the tagged fields at the end of a struct. `read` gets each field with a reader of its own; tags that it
    /// does not know are passed over, as Kafka does.
    pub fn end_of_struct(
        &mut self,
        mut read: impl FnMut(u32, &mut Reader<'a>) -> Result<(), DecodeError>,
    ) -> Result<(), DecodeError> {
        let n = self.unsigned_varint()?;
        for _ in 0..n {
            let tag = self.unsigned_varint()?;
            let size = self.unsigned_varint()? as usize;
            read(tag, &mut Reader::new(self.take(size)?))?;
        }
        Ok(())
    }

    pub fn no_tags(&mut self) -> Result<(), DecodeError> {
        self.end_of_struct(|_, _| Ok(()))
    }
}
