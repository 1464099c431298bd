//! What things cost: latency, bandwidth, and a node's time for requests, bytes and flushes.
//!
//! One table of defaults, listed in the catalogue as *simplified*. It prices work; it does not know who does it.

use serde::{Deserialize, Serialize};

/// Prices, all in whole microseconds or bytes a second.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct CostTable {
    /// One way, between any two nodes.
    pub latency_us: i64,
    pub bandwidth_bytes_s: i64,
    /// A broker's or controller's time for one request.
    pub request_us: i64,
    /// For writing, the same rate as the wire: 10 ns a byte.
    pub append_bytes_s: i64,
    pub flush_us: i64,
}

impl Default for CostTable {
    fn default() -> Self {
        Self {
            latency_us: 1_000,
            bandwidth_bytes_s: 100_000_000,
            request_us: 50,
            append_bytes_s: 100_000_000,
            flush_us: 5_000,
        }
    }
}

/// What one step of a node did that takes time.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Work {
    pub requests: u32,
    pub bytes_appended: u64,
    pub flushes: u32,
}

impl CostTable {
    /// How long a node works on a step.
    pub fn work_us(&self, work: Work) -> i64 {
        i64::from(work.requests) * self.request_us
            + transfer_us(work.bytes_appended, self.append_bytes_s)
            + i64::from(work.flushes) * self.flush_us
    }
}

/// Microseconds for `bytes` at a rate, rounded up: nothing that has bytes is free.
pub fn transfer_us(bytes: u64, bytes_s: i64) -> i64 {
    let bytes = i64::try_from(bytes).unwrap_or(i64::MAX / 1_000_000);
    bytes
        .saturating_mul(1_000_000)
        .div_ceil_positive(bytes_s.max(1))
}

trait DivCeil {
    fn div_ceil_positive(self, by: i64) -> i64;
}

impl DivCeil for i64 {
    fn div_ceil_positive(self, by: i64) -> i64 {
        self / by + i64::from(self % by != 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_megabyte_takes_ten_milliseconds_on_the_wire() {
        let table = CostTable::default();
        assert_eq!(transfer_us(1_000_000, table.bandwidth_bytes_s), 10_000);
        assert_eq!(transfer_us(1, table.bandwidth_bytes_s), 1);
        assert_eq!(transfer_us(0, table.bandwidth_bytes_s), 0);
    }

    #[test]
    fn work_adds_up() {
        let work = Work {
            requests: 2,
            bytes_appended: 100,
            flushes: 1,
        };
        assert_eq!(CostTable::default().work_us(work), 2 * 50 + 1 + 5_000);
    }
}
