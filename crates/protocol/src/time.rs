//! Virtual time: an integer number of microseconds since the Unix epoch.
//!
//! Nothing here reads a clock; instants are handed in. The network and the cost model count microseconds, Kafka's own
//! rules see whole milliseconds, rounded down ([`Instant::ms`]).

use serde::{Deserialize, Serialize};
use std::fmt;
use std::ops::{Add, Sub};

/// Milliseconds, as a point since the Unix epoch or as a length, whichever the field's name says. Kafka's `long ms`.
pub type Ms = i64;

/// The first instant of every scenario: 1 700 000 000 000 ms. Never 0, because 0 means "never caught up" inside Kafka.
pub const EPOCH_MS: Ms = 1_700_000_000_000;

/// A point of virtual time in microseconds since the Unix epoch.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Instant(i64);

impl Instant {
    /// Later than anything that a scenario can reach.
    pub const NEVER: Instant = Instant(i64::MAX);

    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    pub const fn from_ms(ms: Ms) -> Self {
        Self(ms.saturating_mul(1_000))
    }

    /// The instant at which every scenario begins.
    pub const fn start() -> Self {
        Self::from_ms(EPOCH_MS)
    }

    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Whole milliseconds, rounded down: what Kafka's `time.milliseconds()` would answer.
    pub const fn ms(self) -> Ms {
        self.0.div_euclid(1_000)
    }

    /// The instant at which a timer of `delay_ms`, armed now, is due: floor(now) + delay.
    pub const fn after_ms(self, delay_ms: Ms) -> Self {
        Self::from_ms(self.ms().saturating_add(delay_ms))
    }

    pub const fn plus_micros(self, micros: i64) -> Self {
        Self(self.0.saturating_add(micros))
    }
}

impl Add<i64> for Instant {
    type Output = Instant;
    fn add(self, micros: i64) -> Instant {
        self.plus_micros(micros)
    }
}

impl Sub for Instant {
    type Output = i64;
    /// Microseconds between two instants.
    fn sub(self, other: Instant) -> i64 {
        self.0 - other.0
    }
}

impl fmt::Debug for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:03}ms", self.ms(), self.0.rem_euclid(1_000))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kafka_sees_whole_milliseconds_rounded_down() {
        let t = Instant::from_micros(1_999);
        assert_eq!(t.ms(), 1);
        assert_eq!(
            t.after_ms(5),
            Instant::from_ms(6),
            "a timer is due at floor(now) + delay"
        );
    }
}
