//! The embedded consumer protocol: what the opaque bytes of JoinGroup and SyncGroup mean to consumers.
//!
//! Subscriptions travel to the leader as protocol metadata, assignments travel back; brokers only carry them, except where
//! a group changes between the protocols. Source: `ConsumerProtocol`, `ConsumerProtocolSubscription.json`,
//! `ConsumerProtocolAssignment.json`. Nothing here decides who gets what.

use crate::Name;
use bytes::{Buf, BufMut, Bytes, BytesMut};

/// The protocol type of consumers in a classic group (`ConsumerProtocol.PROTOCOL_TYPE`).
pub const PROTOCOL_TYPE: &str = "consumer";
/// The newest version, which is also what clients write.
pub const HIGHEST_VERSION: i16 = 3;

/// The bytes are not a subscription or assignment (`SchemaException`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SchemaError;

/// What one member wants and holds.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Subscription {
    pub topics: Vec<Name>,
    pub user_data: Option<Bytes>,
    /// Since version 1: partitions by topic.
    pub owned_partitions: Vec<(Name, Vec<i32>)>,
    /// Since version 2; −1 = none.
    pub generation_id: i32,
    /// Since version 3.
    pub rack_id: Option<Name>,
}

/// What one member is to have.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Assignment {
    /// Partitions by topic.
    pub assigned_partitions: Vec<(Name, Vec<i32>)>,
    pub user_data: Option<Bytes>,
}

/// The version that the bytes begin with (`ConsumerProtocol.deserializeVersion`).
pub fn version(bytes: &Bytes) -> Result<i16, SchemaError> {
    Reader(bytes.clone()).int16()
}

impl Subscription {
    /// Reads a subscription; versions above the newest known are read as that (`deserializeConsumerProtocolSubscription`).
    pub fn decode(bytes: &Bytes) -> Result<Self, SchemaError> {
        Self::decode_as(bytes, HIGHEST_VERSION)
    }

    /// Reads no more than the fields of `newest`: brokers read the topics alone with 0.
    pub fn decode_as(bytes: &Bytes, newest: i16) -> Result<Self, SchemaError> {
        let mut r = Reader(bytes.clone());
        let version = r.int16()?.min(newest);
        if version < 0 {
            return Err(SchemaError);
        }
        let count = r.count(2)?;
        let topics = (0..count).map(|_| r.string()).collect::<Result<_, _>>()?;
        let user_data = r.nullable_bytes()?;
        let owned_partitions = if version >= 1 {
            r.topic_partitions()?
        } else {
            Vec::new()
        };
        let generation_id = if version >= 2 { r.int32()? } else { -1 };
        let rack_id = if version >= 3 {
            r.nullable_string()?
        } else {
            None
        };
        Ok(Self {
            topics,
            user_data,
            owned_partitions,
            generation_id,
            rack_id,
        })
    }

    /// Writes a subscription of `version` (0–3).
    pub fn encode(&self, version: i16) -> Bytes {
        let mut w = Writer(BytesMut::new());
        w.0.put_i16(version);
        w.0.put_i32(self.topics.len() as i32);
        for topic in &self.topics {
            w.string(topic);
        }
        w.nullable_bytes(self.user_data.as_deref());
        if version >= 1 {
            w.topic_partitions(&self.owned_partitions);
        }
        if version >= 2 {
            w.0.put_i32(self.generation_id);
        }
        if version >= 3 {
            match &self.rack_id {
                Some(rack) => w.string(rack),
                None => w.0.put_i16(-1),
            }
        }
        w.0.freeze()
    }
}

impl Assignment {
    /// Reads an assignment of any version; all have the same fields.
    pub fn decode(bytes: &Bytes) -> Result<Self, SchemaError> {
        let mut r = Reader(bytes.clone());
        if r.int16()? < 0 {
            return Err(SchemaError);
        }
        Ok(Self {
            assigned_partitions: r.topic_partitions()?,
            user_data: r.nullable_bytes()?,
        })
    }

    /// Writes an assignment; versions above the newest known are written as that.
    pub fn encode(&self, version: i16) -> Bytes {
        let mut w = Writer(BytesMut::new());
        w.0.put_i16(version.min(HIGHEST_VERSION));
        w.topic_partitions(&self.assigned_partitions);
        w.nullable_bytes(self.user_data.as_deref());
        w.0.freeze()
    }
}

struct Reader(Bytes);

impl Reader {
    fn need(&self, bytes: usize) -> Result<(), SchemaError> {
        if self.0.len() < bytes {
            return Err(SchemaError);
        }
        Ok(())
    }

    fn int16(&mut self) -> Result<i16, SchemaError> {
        self.need(2)?;
        Ok(self.0.get_i16())
    }

    fn int32(&mut self) -> Result<i32, SchemaError> {
        self.need(4)?;
        Ok(self.0.get_i32())
    }

    /// A count of things of at least `min_bytes` each, checked against the bytes left.
    fn count(&mut self, min_bytes: usize) -> Result<usize, SchemaError> {
        let count = usize::try_from(self.int32()?).map_err(|_| SchemaError)?;
        if count > self.0.len() / min_bytes {
            return Err(SchemaError);
        }
        Ok(count)
    }

    fn nullable_string(&mut self) -> Result<Option<Name>, SchemaError> {
        let len = self.int16()?;
        let Ok(len) = usize::try_from(len) else {
            return Ok(None);
        };
        self.need(len)?;
        let bytes = self.0.split_to(len);
        let text = std::str::from_utf8(&bytes).map_err(|_| SchemaError)?;
        Ok(Some(text.into()))
    }

    fn string(&mut self) -> Result<Name, SchemaError> {
        self.nullable_string()?.ok_or(SchemaError)
    }

    fn nullable_bytes(&mut self) -> Result<Option<Bytes>, SchemaError> {
        let Ok(len) = usize::try_from(self.int32()?) else {
            return Ok(None);
        };
        self.need(len)?;
        Ok(Some(self.0.split_to(len)))
    }

    fn topic_partitions(&mut self) -> Result<Vec<(Name, Vec<i32>)>, SchemaError> {
        let topics = self.count(6)?;
        (0..topics)
            .map(|_| {
                let topic = self.string()?;
                let count = self.count(4)?;
                let partitions = (0..count).map(|_| self.int32()).collect::<Result<_, _>>()?;
                Ok((topic, partitions))
            })
            .collect()
    }
}

struct Writer(BytesMut);

impl Writer {
    fn string(&mut self, text: &str) {
        self.0.put_i16(text.len() as i16);
        self.0.put_slice(text.as_bytes());
    }

    fn nullable_bytes(&mut self, bytes: Option<&[u8]>) {
        match bytes {
            Some(bytes) => {
                self.0.put_i32(bytes.len() as i32);
                self.0.put_slice(bytes);
            }
            None => self.0.put_i32(-1),
        }
    }

    fn topic_partitions(&mut self, topics: &[(Name, Vec<i32>)]) {
        self.0.put_i32(topics.len() as i32);
        for (topic, partitions) in topics {
            self.string(topic);
            self.0.put_i32(partitions.len() as i32);
            for &partition in partitions {
                self.0.put_i32(partition);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::messages::hex;

    #[test]
    fn a_subscription_has_kafka_s_bytes() {
        let subscription = Subscription {
            topics: vec!["alerts".into()],
            generation_id: -1,
            ..Default::default()
        };
        let bytes = subscription.encode(3);
        assert_eq!(
            hex::encode(&bytes),
            "0003000000010006616c65727473ffffffff00000000ffffffffffff"
        );
        assert_eq!(Subscription::decode(&bytes), Ok(subscription));
    }

    #[test]
    fn an_assignment_survives_its_bytes() {
        let assignment = Assignment {
            assigned_partitions: vec![("alerts".into(), vec![0, 2])],
            user_data: None,
        };
        let bytes = assignment.encode(3);
        assert_eq!(
            hex::encode(&bytes),
            "0003000000010006616c65727473000000020000000000000002ffffffff"
        );
        assert_eq!(Assignment::decode(&bytes), Ok(assignment));
    }

    #[test]
    fn what_is_cut_off_is_refused() {
        let whole = Subscription::default().encode(3);
        for len in 0..whole.len() {
            assert_eq!(Subscription::decode(&whole.slice(..len)), Err(SchemaError));
        }
    }
}
