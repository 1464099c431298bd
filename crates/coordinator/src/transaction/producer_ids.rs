//! Where producer ids come from: blocks of a thousand, asked of the controller, handed out one by one.
//!
//! An id is given once and never again, whatever becomes of it. How the request travels is the host's business. Source: `RPCProducerIdManager`.

use protocol::messages::{AllocateProducerIdsRequest, AllocateProducerIdsResponse};
use protocol::{BrokerEpoch, ErrorCode, Ms, NodeId, ProducerId};

/// Gives producer ids to the coordinator.
pub trait ProducerIdSource {
    /// A fresh id, or why there is none now.
    fn generate(&mut self, now_ms: Ms) -> Result<ProducerId, ErrorCode>;
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Block {
    first: i64,
    size: i32,
    used: i32,
}

impl Block {
    fn claim(&mut self) -> Option<i64> {
        (self.used < self.size).then(|| {
            self.used += 1;
            self.first + i64::from(self.used) - 1
        })
    }

    fn last(&self) -> i64 {
        self.first + i64::from(self.size) - 1
    }

    /// The id at which the next block is asked for: after nine tenths.
    fn prefetch_at(&self) -> i64 {
        self.first + i64::from(self.size) * 9 / 10
    }
}

/// After a refusal the controller is left alone for so long (`RPCProducerIdManager.RETRY_BACKOFF_MS`).
const RETRY_BACKOFF_MS: Ms = 50;
/// Empty blocks that one call may work through (`RPCProducerIdManager.ITERATION_LIMIT`).
const ITERATION_LIMIT: usize = 3;

/// A broker's supply of producer ids.
#[derive(Clone, Debug, Default)]
pub struct ProducerIdManager {
    current: Option<Block>,
    next: Option<Block>,
    /// A request is on its way, or its block has not been touched yet.
    request_in_flight: bool,
    backoff_until_ms: Option<Ms>,
    wants_request: bool,
}

impl ProducerIdManager {
    /// The request to send to the controller, once, if a block is needed.
    pub fn take_request(
        &mut self,
        broker_id: NodeId,
        broker_epoch: BrokerEpoch,
    ) -> Option<AllocateProducerIdsRequest> {
        std::mem::take(&mut self.wants_request).then_some(AllocateProducerIdsRequest {
            broker_id,
            broker_epoch,
        })
    }

    fn maybe_request_next_block(&mut self, now_ms: Ms) {
        let backed_off = self.backoff_until_ms.is_none_or(|until| now_ms >= until);
        if backed_off && self.next.is_none() && !self.request_in_flight {
            self.request_in_flight = true;
            self.wants_request = true;
        }
    }

    /// The controller's answer.
    pub fn handle_response(&mut self, response: &AllocateProducerIdsResponse, now_ms: Ms) {
        let (first, size) = (response.producer_id_start.get(), response.producer_id_len);
        let rises = self.current.is_none_or(|block| first > block.last());
        let is_sane = first >= 0 && size >= 0 && first <= i64::MAX - i64::from(size);
        if response.error == ErrorCode::None && rises && is_sane {
            self.next = Some(Block {
                first,
                size,
                used: 0,
            });
            self.backoff_until_ms = None;
        } else {
            self.request_in_flight = false;
            self.backoff_until_ms = Some(now_ms + RETRY_BACKOFF_MS);
        }
    }

    /// No answer came: the next need asks again at once.
    pub fn handle_timeout(&mut self) {
        self.request_in_flight = false;
        self.backoff_until_ms = None;
    }
}

impl ProducerIdSource for ProducerIdManager {
    fn generate(&mut self, now_ms: Ms) -> Result<ProducerId, ErrorCode> {
        for _ in 0..=ITERATION_LIMIT {
            if let Some(block) = &mut self.current
                && let Some(id) = block.claim()
            {
                if id == block.prefetch_at() {
                    self.maybe_request_next_block(now_ms);
                }
                return Ok(ProducerId(id));
            }
            let Some(block) = self.next.take() else {
                self.maybe_request_next_block(now_ms);
                return Err(ErrorCode::CoordinatorLoadInProgress);
            };
            self.current = Some(block);
            self.request_in_flight = false;
        }
        Err(ErrorCode::CoordinatorLoadInProgress)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(first: i64, len: i32) -> AllocateProducerIdsResponse {
        AllocateProducerIdsResponse {
            producer_id_start: ProducerId(first),
            producer_id_len: len,
            ..Default::default()
        }
    }

    #[test]
    fn the_first_id_waits_for_a_block_and_the_next_block_is_asked_for_early() {
        let mut ids = ProducerIdManager::default();
        assert_eq!(ids.generate(0), Err(ErrorCode::CoordinatorLoadInProgress));
        let request =
            |ids: &mut ProducerIdManager| ids.take_request(NodeId(1), BrokerEpoch(7)).is_some();
        assert!(request(&mut ids));
        assert!(!request(&mut ids), "asked once");
        ids.handle_response(&block(1000, 10), 0);
        for expected in 1000..1009 {
            assert!(!request(&mut ids));
            assert_eq!(ids.generate(0), Ok(ProducerId(expected)));
        }
        assert_eq!(ids.generate(0), Ok(ProducerId(1009)));
        assert!(request(&mut ids), "nine tenths are used");
        assert_eq!(ids.generate(0), Err(ErrorCode::CoordinatorLoadInProgress));
        ids.handle_response(&block(2000, 10), 0);
        assert_eq!(ids.generate(0), Ok(ProducerId(2000)));
    }

    #[test]
    fn a_refusal_is_followed_by_a_pause() {
        let mut ids = ProducerIdManager::default();
        assert!(ids.generate(0).is_err() && ids.take_request(NodeId(1), BrokerEpoch(7)).is_some());
        let refusal = AllocateProducerIdsResponse {
            error: ErrorCode::StaleBrokerEpoch,
            ..Default::default()
        };
        ids.handle_response(&refusal, 0);
        assert!(ids.generate(49).is_err() && ids.take_request(NodeId(1), BrokerEpoch(7)).is_none());
        assert!(ids.generate(50).is_err() && ids.take_request(NodeId(1), BrokerEpoch(7)).is_some());
    }
}
