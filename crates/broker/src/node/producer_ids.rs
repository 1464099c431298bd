//! Producer ids, taken from blocks that the controller gives out (`RPCProducerIdManager`).

use protocol::messages::AllocateProducerIdsResponse;
use protocol::{ErrorCode, Instant, Ms, ProducerId};

/// The next block is asked for when nine tenths of one are used.
const PREFETCH_PERCENT: i64 = 90;
/// Wait after a refusal.
const RETRY_BACKOFF_MS: Ms = 50;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Block {
    next: i64,
    first: i64,
    len: i64,
}

/// The blocks of one broker.
#[derive(Clone, Debug, Default)]
pub struct ProducerIds {
    current: Option<Block>,
    following: Option<Block>,
    asking: bool,
    retry_at: Option<Instant>,
    wanted: bool,
}

impl ProducerIds {
    /// The next id, if there is one here. Otherwise a block is wanted, and the asker has to try again.
    pub fn generate(&mut self) -> Result<ProducerId, ErrorCode> {
        let used_up = self.current.is_none_or(|b| b.next >= b.first + b.len);
        if used_up {
            self.current = self.following.take();
        }
        let Some(block) = &mut self.current else {
            self.wanted = true;
            return Err(ErrorCode::CoordinatorLoadInProgress);
        };
        let id = ProducerId(block.next);
        block.next += 1;
        if block.next >= block.first + block.len * PREFETCH_PERCENT / 100
            && self.following.is_none()
        {
            self.wanted = true;
        }
        Ok(id)
    }

    /// Whether to ask the controller for a block now.
    pub fn poll(&mut self, now: Instant) -> bool {
        let asks = self.wanted && !self.asking && self.retry_at.is_none_or(|at| at <= now);
        self.asking |= asks;
        asks
    }

    pub fn next_wake_up(&self) -> Option<Instant> {
        self.retry_at.filter(|_| self.wanted && !self.asking)
    }

    pub fn on_response(&mut self, answer: Option<&AllocateProducerIdsResponse>, now: Instant) {
        self.asking = false;
        match answer {
            Some(answer) if answer.error == ErrorCode::None => {
                let first = answer.producer_id_start.get();
                self.following = Some(Block {
                    next: first,
                    first,
                    len: answer.producer_id_len.into(),
                });
                self.wanted = false;
                self.retry_at = None;
            }
            _ => self.retry_at = Some(now.after_ms(RETRY_BACKOFF_MS)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_come_from_blocks_and_the_next_block_is_fetched_ahead() {
        let now = Instant::from_ms(0);
        let mut ids = ProducerIds::default();
        assert_eq!(ids.generate(), Err(ErrorCode::CoordinatorLoadInProgress));
        assert!(ids.poll(now) && !ids.poll(now));
        let block = |start| AllocateProducerIdsResponse {
            producer_id_start: ProducerId(start),
            producer_id_len: 10,
            ..Default::default()
        };
        ids.on_response(Some(&block(0)), now);
        for n in 0..8 {
            assert_eq!(ids.generate(), Ok(ProducerId(n)));
        }
        assert!(!ids.poll(now));
        assert_eq!(ids.generate(), Ok(ProducerId(8)));
        assert!(ids.poll(now), "nine of ten are used");
        ids.on_response(Some(&block(100)), now);
        assert_eq!(
            (ids.generate(), ids.generate()),
            (Ok(ProducerId(9)), Ok(ProducerId(100)))
        );
    }
}
