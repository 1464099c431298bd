//! Ids, offsets and epochs, each a type of its own so that they cannot be mixed up.
//!
//! They compare and count; they do not know what they identify.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::sync::Arc;

/// A name that is shared rather than copied: topic, group, client id, transactional id.
pub type Name = Arc<str>;

macro_rules! number {
    ($(#[$doc:meta])* $name:ident($inner:ty) $(, none = $none:expr)?) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub $inner);

        impl $name {
            $(
                /// Kafka's way of saying "none".
                pub const NONE: $name = $name($none);

                pub const fn is_none(self) -> bool {
                    self.0 == $none
                }
            )?

            pub const fn get(self) -> $inner {
                self.0
            }

            /// The next one up.
            pub const fn next(self) -> Self {
                Self(self.0 + 1)
            }
        }

        impl From<$inner> for $name {
            fn from(value: $inner) -> Self {
                Self(value)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }
    };
}

number!(
    /// A broker or controller id (`node.id`). Brokers and controllers share one id space; −1 = none.
    NodeId(i32), none = -1
);
number!(
    /// Position of a record in a partition's log. −1 = none.
    Offset(i64), none = -1
);
number!(
    /// `leader.epoch` of a partition, or the quorum's epoch. −1 = none.
    LeaderEpoch(i32), none = -1
);
number!(
    /// Counts the changes of a partition's registration.
    PartitionEpoch(i32), none = -1
);
number!(
    /// Given at registration: the offset of the broker's registration record. −1 = unknown.
    BrokerEpoch(i64), none = -1
);
number!(
    /// Id of an idempotent or transactional producer. −1 = none.
    ProducerId(i64), none = -1
);
number!(
    /// Epoch of a producer id. −1 = none.
    ProducerEpoch(i16), none = -1
);
number!(
    /// Sequence number of a record of a producer on a partition; wraps at 2³¹. −1 = none.
    Sequence(i32), none = -1
);
number!(
    /// Epoch of a transaction coordinator, carried by its markers.
    CoordinatorEpoch(i32), none = -1
);
number!(
    /// Generation of a classic group. −1 = none.
    GenerationId(i32), none = -1
);
number!(
    /// Epoch of a member (or of a group) in the consumer protocol.
    MemberEpoch(i32)
);
number!(
    /// A connection between two ends, unique in a world. Ids are never used again.
    ConnectionId(u32)
);
number!(
    /// Correlation id of a request, unique on its connection.
    CorrelationId(i32)
);

/// Brokers and controllers share one id space.
pub type BrokerId = NodeId;

impl Offset {
    pub const ZERO: Offset = Offset(0);

    /// The offset `count` records later.
    pub const fn plus(self, count: i64) -> Self {
        Self(self.0 + count)
    }

    pub const fn minus(self, count: i64) -> Self {
        Self(self.0 - count)
    }
}

impl std::ops::Add<i64> for Offset {
    type Output = Offset;
    fn add(self, count: i64) -> Offset {
        Offset(self.0 + count)
    }
}

impl std::ops::Sub<i64> for Offset {
    type Output = Offset;
    fn sub(self, count: i64) -> Offset {
        Offset(self.0 - count)
    }
}

impl std::ops::Sub for Offset {
    type Output = i64;
    /// The number of offsets between two.
    fn sub(self, other: Offset) -> i64 {
        self.0 - other.0
    }
}

impl Sequence {
    /// The sequence `count` records later, wrapping from 2³¹ − 1 to 0 (`DefaultRecordBatch.incrementSequence`).
    pub const fn plus(self, count: i32) -> Self {
        if self.0 > i32::MAX - count {
            Self(count - (i32::MAX - self.0) - 1)
        } else {
            Self(self.0 + count)
        }
    }

    /// The sequence `count` records earlier, wrapping from 0 to 2³¹ − 1 (`DefaultRecordBatch.decrementSequence`).
    pub const fn minus(self, count: i32) -> Self {
        if self.0 < count {
            Self(i32::MAX - (count - self.0) + 1)
        } else {
            Self(self.0 - count)
        }
    }
}

/// Topic name and partition number.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TopicPartition {
    pub topic: Name,
    pub partition: i32,
}

impl TopicPartition {
    pub fn new(topic: impl Into<Name>, partition: i32) -> Self {
        Self {
            topic: topic.into(),
            partition,
        }
    }

    /// Reads `topic-partition`, the form in which Kafka prints them (the last dash divides).
    pub fn parse(text: &str) -> Option<Self> {
        let (topic, partition) = text.rsplit_once('-')?;
        Some(Self::new(topic, partition.parse().ok()?))
    }
}

impl fmt::Display for TopicPartition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.topic, self.partition)
    }
}

impl fmt::Debug for TopicPartition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// 128-bit id of a topic, a directory, an incarnation. Printed as Kafka does: URL-safe base64 without padding.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Uuid(pub u128);

const BASE64_URL: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

impl Uuid {
    pub const ZERO: Uuid = Uuid(0);
    /// The topic id of `__cluster_metadata` (`Uuid.METADATA_TOPIC_ID`).
    pub const METADATA_TOPIC: Uuid = Uuid(1);

    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// Reads 22 base64 characters (`Uuid.fromString`).
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() != 22 {
            return None;
        }
        // 22 characters hold 132 bits; the last four must be zero padding.
        let mut high: u128 = 0;
        for (i, c) in text.bytes().enumerate() {
            let digit = BASE64_URL.iter().position(|&b| b == c)? as u128;
            if i == 21 {
                high = (high << 2) | (digit >> 4);
            } else {
                high = (high << 6) | digit;
            }
        }
        Some(Self(high))
    }

    /// The form of `java.util.UUID.toString`: hyphenated hex.
    pub fn hyphenated(self) -> String {
        let h = format!("{:032x}", self.0);
        format!(
            "{}-{}-{}-{}-{}",
            &h[0..8],
            &h[8..12],
            &h[12..16],
            &h[16..20],
            &h[20..32]
        )
    }

    /// A version-4 UUID (variant 2) from two drawn words, as `java.util.UUID.randomUUID` shapes its bits.
    pub const fn from_draws(high: u64, low: u64) -> Self {
        let high = (high & 0xffff_ffff_ffff_0fff) | 0x4000;
        let low = (low & 0x3fff_ffff_ffff_ffff) | 0x8000_0000_0000_0000;
        Self(((high as u128) << 64) | low as u128)
    }
}

impl fmt::Display for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = [0u8; 22];
        for (i, slot) in out.iter_mut().enumerate() {
            let digit = if i == 21 {
                (self.0 << 4) & 63
            } else {
                (self.0 >> (122 - 6 * i)) & 63
            };
            *slot = BASE64_URL[digit as usize];
        }
        f.write_str(std::str::from_utf8(&out).expect("base64 is ASCII"))
    }
}

impl fmt::Debug for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Uuid {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Uuid {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(d)?;
        Uuid::parse(&text)
            .ok_or_else(|| serde::de::Error::custom("a UUID is 22 characters of URL-safe base64"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sequence_wraps_to_zero() {
        assert_eq!(Sequence(i32::MAX).plus(1), Sequence(0));
        assert_eq!(Sequence(i32::MAX - 1).plus(3), Sequence(1));
        assert_eq!(Sequence(0).minus(1), Sequence(i32::MAX));
    }

    #[test]
    fn a_uuid_survives_its_text() {
        for id in [
            Uuid(0),
            Uuid(1),
            Uuid(u128::MAX),
            Uuid(0x0123_4567_89ab_cdef_fedc_ba98_7654_3210),
        ] {
            assert_eq!(Uuid::parse(&id.to_string()), Some(id));
        }
        assert_eq!(Uuid::METADATA_TOPIC.to_string(), "AAAAAAAAAAAAAAAAAAAAAQ");
    }

    #[test]
    fn the_last_dash_divides_topic_and_partition() {
        let tp = TopicPartition::parse("a-b-3").expect("valid");
        assert_eq!((&*tp.topic, tp.partition), ("a-b", 3));
    }
}
