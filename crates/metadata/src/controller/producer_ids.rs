//! Blocks of producer ids (`ProducerIdControlManager`, KIP-730).

use protocol::messages::{AllocateProducerIdsRequest, AllocateProducerIdsResponse};
use protocol::{ErrorCode, ProducerId};

use super::{Answer, ApiError, Controller, ControllerResult};
use crate::record::{ApiMessageAndVersion, ProducerIdsRecord};
use crate::rules;

/// Ids in a block (`ProducerIdsBlock.PRODUCER_ID_BLOCK_SIZE`).
const BLOCK_SIZE: i64 = 1000;

impl Controller {
    /// Gives a broker the next block (`ProducerIdControlManager.generateNextProducerId`).
    pub fn allocate_producer_ids(
        &self,
        request: &AllocateProducerIdsRequest,
    ) -> Answer<AllocateProducerIdsResponse> {
        self.check_active()?;
        self.check_broker_epoch(request.broker_id, request.broker_epoch)?;
        let first = self.image().next_producer_id;
        if first.0 > i64::MAX - BLOCK_SIZE {
            let message = "all producer ids have been given out";
            return Err(ApiError::new(ErrorCode::UnknownServerError, message));
        }
        let record = ProducerIdsRecord {
            broker_id: request.broker_id,
            broker_epoch: request.broker_epoch,
            next_producer_id: ProducerId(first.0 + BLOCK_SIZE),
        };
        let response = AllocateProducerIdsResponse {
            producer_id_start: first,
            producer_id_len: BLOCK_SIZE as i32,
            ..Default::default()
        };
        Ok(ControllerResult::of(
            rules::PRODUCER_IDS,
            vec![ApiMessageAndVersion::new(record, 0)],
            response,
        ))
    }
}
