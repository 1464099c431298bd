//! `ExponentialBackoff`: how long a client waits before it tries again.
//!
//! Refuses to draw: Kafka multiplies by a jitter of 0.8 to 1.2, here the factor is 1.

use protocol::Ms;

/// base · 2^attempts, at most `max_ms` (`org.apache.kafka.common.utils.ExponentialBackoff`, multiplier 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExponentialBackoff {
    initial_ms: Ms,
    max_ms: Ms,
}

impl ExponentialBackoff {
    pub fn new(initial_ms: Ms, max_ms: Ms) -> Self {
        Self {
            initial_ms: initial_ms.min(max_ms),
            max_ms,
        }
    }

    /// The wait after `attempts` earlier failures, in ms.
    pub fn backoff(&self, attempts: u32) -> Ms {
        if self.max_ms <= self.initial_ms {
            return self.initial_ms;
        }
        // 2^62 is beyond every configurable maximum, so the shift may stop there.
        let factor = 1i64 << attempts.min(62);
        self.initial_ms
            .max(0)
            .saturating_mul(factor)
            .min(self.max_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_doubles_up_to_its_maximum() {
        let b = ExponentialBackoff::new(100, 1000);
        assert_eq!(
            (0..6).map(|n| b.backoff(n)).collect::<Vec<_>>(),
            [100, 200, 400, 800, 1000, 1000]
        );
        assert_eq!(
            ExponentialBackoff::new(1000, 100).backoff(3),
            100,
            "the maximum wins over the base"
        );
    }
}
