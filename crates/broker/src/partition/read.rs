//! Reading for followers and consumers: epochs first, then divergence, then records; and looking up offsets.
//!
//! Everything that an answer says of the log is sampled before the read, so that an answer never knows of what the
//! very fetch it answers has brought about.

use super::leader::FetchedBy;
use super::{Env, Partition};
use log::{FetchDataInfo, LogOffsetMetadata, OffsetSpec};
use protocol::{BrokerEpoch, ErrorCode, LeaderEpoch, Ms, NodeId, Offset};

pub use log::FetchIsolation;

/// `OffsetAndEpoch`: where an epoch ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OffsetAndEpoch {
    pub epoch: LeaderEpoch,
    pub end_offset: Offset,
}

impl OffsetAndEpoch {
    /// Undefined: −1, −1.
    pub const UNDEFINED: Self = Self {
        epoch: LeaderEpoch::NONE,
        end_offset: Offset::NONE,
    };

    pub fn is_undefined(&self) -> bool {
        self.epoch.is_none() || self.end_offset.is_none()
    }
}

/// One partition of a fetch, as `Partition.fetchRecords` reads it.
#[derive(Clone, Debug)]
pub struct ReadRequest {
    pub fetch_offset: Offset,
    pub current_leader_epoch: Option<LeaderEpoch>,
    pub last_fetched_epoch: Option<LeaderEpoch>,
    /// The sender's own log start; only a follower's counts.
    pub log_start_offset: Offset,
    pub max_bytes: usize,
    pub min_one_message: bool,
    pub isolation: FetchIsolation,
    pub only_from_leader: bool,
    /// The fetching broker and its epoch; `None` for a consumer.
    pub follower: Option<(NodeId, BrokerEpoch)>,
}

/// `LogReadInfo`: what was read, and the offsets as they were before.
#[derive(Clone, Debug)]
pub struct LogReadInfo {
    /// `None` with a diverging epoch.
    pub fetched: Option<FetchDataInfo>,
    pub diverging_epoch: Option<OffsetAndEpoch>,
    pub high_watermark: Offset,
    pub log_start_offset: Offset,
    pub log_end_offset: Offset,
    pub last_stable_offset: Offset,
}

/// `LogOffsetSnapshot`: the offsets that bound a fetch, with their places.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OffsetSnapshot {
    pub log_start_offset: Offset,
    pub log_end_offset: LogOffsetMetadata,
    pub high_watermark: LogOffsetMetadata,
    pub last_stable_offset: LogOffsetMetadata,
}

/// A ListOffsets lookup that found something, with the epoch that the answer names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FoundOffset {
    pub timestamp_ms: Ms,
    pub offset: Offset,
    pub leader_epoch: Option<LeaderEpoch>,
}

impl Partition {
    /// Checks and reads (`Partition.fetchRecords`, without its update of the follower's state).
    pub(crate) fn fetch_records(
        &self,
        request: &ReadRequest,
        env: &mut Env,
    ) -> Result<LogReadInfo, ErrorCode> {
        self.check_local(request.current_leader_epoch, request.only_from_leader, env)?;
        if let Some((follower, _)) = request.follower
            && !self.remote_replicas.contains_key(&follower)
        {
            // Named with an epoch, the sender knows an assignment that this leader has not seen yet: it shall retry.
            return Err(match request.current_leader_epoch {
                Some(_) => ErrorCode::UnknownLeaderEpoch,
                None => ErrorCode::NotLeaderOrFollower,
            });
        }
        self.read_records(request, env)
    }

    /// `Partition.readRecords`.
    fn read_records(&self, request: &ReadRequest, env: &mut Env) -> Result<LogReadInfo, ErrorCode> {
        let mut info = LogReadInfo {
            fetched: None,
            diverging_epoch: None,
            high_watermark: env.log.high_watermark(),
            log_start_offset: env.log.log_start_offset(),
            log_end_offset: env.log.log_end_offset(),
            last_stable_offset: env.log.last_stable_offset(),
        };
        if let Some(last_fetched) = request.last_fetched_epoch {
            let end = self.last_offset_for_leader_epoch(
                request.current_leader_epoch,
                last_fetched,
                false,
                env,
            )?;
            if end.is_undefined() || request.fetch_offset < info.log_start_offset {
                return Err(ErrorCode::OffsetOutOfRange);
            }
            if end.epoch < last_fetched || end.end_offset < request.fetch_offset {
                info.diverging_epoch = Some(end);
                return Ok(info);
            }
        }
        let before = super::Marks::of(env.log);
        let read = env.log.read(
            request.fetch_offset,
            request.max_bytes,
            request.isolation,
            request.min_one_message,
        );
        self.report_marks(before, crate::rules::HW_ROUNDED, env);
        info.fetched = Some(read.map_err(|e| e.code())?);
        Ok(info)
    }

    /// What a fetch of `follower` tells, if it is to be recorded: not with a diverging epoch.
    pub(crate) fn fetched_by(
        request: &ReadRequest,
        info: &LogReadInfo,
        time_ms: Ms,
    ) -> Option<(NodeId, FetchedBy)> {
        let (follower, broker_epoch) = request.follower?;
        let fetched = info.fetched.as_ref()?;
        Some((
            follower,
            FetchedBy {
                end: fetched.fetch_offset,
                log_start_offset: request.log_start_offset,
                time_ms,
                leader_end_offset: info.log_end_offset,
                broker_epoch,
            },
        ))
    }

    /// The offsets that bound a fetch, with their positions (`Partition.fetchOffsetSnapshot`). Resolving the high
    /// watermark may round it to a batch.
    pub(crate) fn fetch_offset_snapshot(
        &self,
        current_leader_epoch: Option<LeaderEpoch>,
        only_from_leader: bool,
        env: &mut Env,
    ) -> Result<OffsetSnapshot, ErrorCode> {
        self.check_local(current_leader_epoch, only_from_leader, env)?;
        let before = super::Marks::of(env.log);
        let last_stable_offset = env.log.last_stable_offset_metadata();
        let snapshot = OffsetSnapshot {
            log_start_offset: env.log.log_start_offset(),
            log_end_offset: env.log.log_end_offset_metadata(),
            high_watermark: env.log.high_watermark_metadata(),
            last_stable_offset,
        };
        self.report_marks(before, crate::rules::HW_ROUNDED, env);
        Ok(snapshot)
    }

    /// Where the greatest epoch not above `epoch` ends (`Partition.lastOffsetForLeaderEpoch`).
    pub(crate) fn last_offset_for_leader_epoch(
        &self,
        current_leader_epoch: Option<LeaderEpoch>,
        epoch: LeaderEpoch,
        only_from_leader: bool,
        env: &Env,
    ) -> Result<OffsetAndEpoch, ErrorCode> {
        self.check_local(current_leader_epoch, only_from_leader, env)?;
        Ok(env
            .log
            .end_offset_for_epoch(epoch)
            .map_or(OffsetAndEpoch::UNDEFINED, |(epoch, end_offset)| {
                OffsetAndEpoch { epoch, end_offset }
            }))
    }

    /// ListOffsets for one timestamp (`Partition.fetchOffsetForTimestamp` with the reading of its result in
    /// `ReplicaManager.fetchOffset`). `isolation` is `None` when a replica asks. `Ok(None)`: nothing found.
    pub(crate) fn fetch_offset_for_timestamp(
        &self,
        timestamp_ms: Ms,
        isolation: Option<FetchIsolation>,
        current_leader_epoch: Option<LeaderEpoch>,
        only_from_leader: bool,
        env: &Env,
    ) -> Result<Option<FoundOffset>, ErrorCode> {
        self.check_local(current_leader_epoch, only_from_leader, env)?;
        let last_fetchable = match isolation {
            Some(FetchIsolation::TxnCommitted) => env.log.last_stable_offset(),
            Some(_) => env.log.high_watermark(),
            None => env.log.log_end_offset(),
        };
        // After an election, until the high watermark has passed the start of the epoch, it may be behind what was
        // already committed.
        let lagging = isolation.is_some()
            && self
                .leader_epoch_start_offset
                .is_some_and(|start| start > env.log.high_watermark());
        let unavailable = if lagging {
            Err(ErrorCode::OffsetNotAvailable)
        } else {
            Ok(None)
        };
        let Some(spec) = OffsetSpec::from_timestamp(timestamp_ms) else {
            return unavailable;
        };
        if spec == OffsetSpec::Latest {
            unavailable?;
            return Ok(Some(FoundOffset {
                timestamp_ms: -1,
                offset: last_fetchable,
                leader_epoch: Some(self.leader_epoch),
            }));
        }
        let found = env
            .log
            .fetch_offset_by_timestamp(spec)
            .map_err(|e| e.code())?
            .map(|found| FoundOffset {
                timestamp_ms: found.timestamp,
                offset: found.offset,
                leader_epoch: found.leader_epoch,
            });
        match found {
            Some(found) if matches!(spec, OffsetSpec::Earliest | OffsetSpec::EarliestLocal) => {
                Ok(Some(found))
            }
            Some(found) if found.offset < last_fetchable => Ok(Some(found)),
            _ => unavailable,
        }
    }
}
