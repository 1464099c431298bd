//! Questions about offsets: ListOffsets and OffsetsForLeaderEpoch.

use super::ReplicaManager;
use crate::partition::{FetchIsolation, FoundOffset, OffsetAndEpoch};
use protocol::{Ctx, ErrorCode, LeaderEpoch, Ms, TopicPartition};

impl ReplicaManager {
    /// ListOffsets of one partition. `isolation` is `None` when a replica asks. `Ok(None)`: nothing found.
    pub fn fetch_offset_for_timestamp(
        &mut self,
        tp: &TopicPartition,
        timestamp_ms: Ms,
        isolation: Option<FetchIsolation>,
        current_leader_epoch: Option<LeaderEpoch>,
        only_from_leader: bool,
        ctx: &mut Ctx,
    ) -> Result<Option<FoundOffset>, ErrorCode> {
        self.read_partition(tp, ctx, |partition, env| {
            partition.fetch_offset_for_timestamp(
                timestamp_ms,
                isolation,
                current_leader_epoch,
                only_from_leader,
                env,
            )
        })?
    }

    /// OffsetsForLeaderEpoch of one partition (`lastOffsetForLeaderEpoch`); only the leader answers.
    pub fn last_offset_for_leader_epoch(
        &mut self,
        tp: &TopicPartition,
        current_leader_epoch: Option<LeaderEpoch>,
        epoch: LeaderEpoch,
        ctx: &mut Ctx,
    ) -> Result<OffsetAndEpoch, ErrorCode> {
        self.read_partition(tp, ctx, |partition, env| {
            partition.last_offset_for_leader_epoch(current_leader_epoch, epoch, true, env)
        })?
    }
}
