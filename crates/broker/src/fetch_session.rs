//! Fetch sessions on the broker that answers (KIP-227): what each fetcher asked for and was told last
//! (`FetchManager`, `FetchSessionCache`).
//!
//! It turns a request into the full list of partitions to read, and a full answer into what has to be said. It reads no
//! log and decides nothing about records.

use crate::fetcher::session::{FINAL_EPOCH, INITIAL_EPOCH, INVALID_SESSION_ID, next_epoch};
use crate::replica_manager::{FetchInfo, FetchPartitionData};
use protocol::{Ctx, ErrorCode, Ms, Offset, TopicPartition, Uuid};
use std::collections::BTreeMap;

/// A session that was not used for this long gives way to any other
/// (`FetchSession.MIN_INCREMENTAL_FETCH_SESSION_EVICTION_MS`).
pub const MIN_EVICTION_MS: Ms = 120_000;

/// One partition of a session (`CachedPartition`).
#[derive(Clone, Debug)]
struct CachedPartition {
    info: FetchInfo,
    /// As last told; −1 after an error.
    high_watermark: Offset,
    log_start_offset: Offset,
}

#[derive(Clone, Debug)]
struct FetchSession {
    privileged: bool,
    /// In the order in which partitions are read: one that had data goes to the end.
    partitions: Vec<CachedPartition>,
    created_ms: Ms,
    last_used_ms: Ms,
    /// Of the next request.
    epoch: i32,
    /// Partitions when it was last used.
    size: usize,
}

/// How a request is answered.
#[derive(Clone, Debug)]
pub enum FetchContext {
    /// The session or its epoch is not right; nothing is read.
    Error(ErrorCode),
    Sessionless,
    /// Everything is told, and a session is opened if there is room.
    Full {
        follower: bool,
        infos: Vec<FetchInfo>,
    },
    /// Only what changed is told.
    Incremental {
        session_id: i32,
        request_epoch: i32,
    },
}

/// What is told after a fetch.
#[derive(Clone, Debug)]
pub struct SessionAnswer {
    pub error: ErrorCode,
    pub session_id: i32,
    pub partitions: Vec<(TopicPartition, FetchPartitionData)>,
}

/// The sessions of one broker. Bounded by `max.incremental.fetch.session.cache.slots`.
#[derive(Clone, Debug)]
pub struct FetchManager {
    slots: usize,
    sessions: BTreeMap<i32, FetchSession>,
}

impl FetchManager {
    pub fn new(slots: usize) -> Self {
        Self {
            slots,
            sessions: BTreeMap::new(),
        }
    }

    pub fn len(&self) -> usize {
        self.sessions.len()
    }

    pub fn is_empty(&self) -> bool {
        self.sessions.is_empty()
    }

    /// Reads a request's session part (`FetchManager.newContext`). Answers the context and the partitions to read.
    pub fn new_context(
        &mut self,
        session_id: i32,
        epoch: i32,
        follower: bool,
        infos: Vec<FetchInfo>,
        to_forget: &[(TopicPartition, Uuid)],
        now_ms: Ms,
    ) -> (FetchContext, Vec<FetchInfo>) {
        if matches!(epoch, INITIAL_EPOCH | FINAL_EPOCH) {
            self.sessions.remove(&session_id);
            if epoch == FINAL_EPOCH {
                return (FetchContext::Sessionless, infos);
            }
            return (
                FetchContext::Full {
                    follower,
                    infos: infos.clone(),
                },
                infos,
            );
        }
        let Some(session) = self.sessions.get_mut(&session_id) else {
            return (
                FetchContext::Error(ErrorCode::FetchSessionIdNotFound),
                Vec::new(),
            );
        };
        if session.epoch != epoch {
            return (
                FetchContext::Error(ErrorCode::InvalidFetchSessionEpoch),
                Vec::new(),
            );
        }
        session.update(&infos, to_forget);
        if session.partitions.is_empty() {
            self.sessions.remove(&session_id);
            return (FetchContext::Sessionless, infos);
        }
        session.touch(now_ms);
        session.epoch = next_epoch(epoch);
        let all = session.partitions.iter().map(|p| p.info.clone()).collect();
        (
            FetchContext::Incremental {
                session_id,
                request_epoch: epoch,
            },
            all,
        )
    }

    /// What to say after everything was read (`FetchContext.updateAndGenerateResponseData`).
    pub fn answer(
        &mut self,
        context: FetchContext,
        read: Vec<(TopicPartition, FetchPartitionData)>,
        ctx: &mut Ctx,
    ) -> SessionAnswer {
        let none = |error, session_id| SessionAnswer {
            error,
            session_id,
            partitions: Vec::new(),
        };
        match context {
            FetchContext::Error(error) => none(error, INVALID_SESSION_ID),
            FetchContext::Sessionless => SessionAnswer {
                partitions: read,
                ..none(ErrorCode::None, INVALID_SESSION_ID)
            },
            FetchContext::Full { follower, infos } => {
                let session_id = self.maybe_create_session(follower, &infos, &read, ctx);
                SessionAnswer {
                    partitions: read,
                    ..none(ErrorCode::None, session_id)
                }
            }
            FetchContext::Incremental {
                session_id,
                request_epoch,
            } => match self.sessions.get_mut(&session_id) {
                Some(session) if session.epoch != next_epoch(request_epoch) => {
                    none(ErrorCode::InvalidFetchSessionEpoch, session_id)
                }
                Some(session) => {
                    let partitions = session.tell(read);
                    SessionAnswer {
                        partitions,
                        ..none(ErrorCode::None, session_id)
                    }
                }
                // Evicted while it was read: Kafka's context still holds the session and answers with it.
                None => SessionAnswer {
                    partitions: read,
                    ..none(ErrorCode::None, session_id)
                },
            },
        }
    }

    fn maybe_create_session(
        &mut self,
        privileged: bool,
        infos: &[FetchInfo],
        read: &[(TopicPartition, FetchPartitionData)],
        ctx: &mut Ctx,
    ) -> i32 {
        let now_ms = ctx.now.ms();
        if self.sessions.len() >= self.slots && !self.try_evict(privileged, read.len(), now_ms) {
            return INVALID_SESSION_ID;
        }
        let told = |tp: &TopicPartition| read.iter().find(|(t, _)| t == tp).map(|(_, data)| data);
        let partitions: Vec<_> = infos
            .iter()
            .filter_map(|info| {
                let data = told(&info.topic_partition)?;
                Some(CachedPartition {
                    info: info.clone(),
                    high_watermark: data.high_watermark,
                    log_start_offset: data.log_start_offset,
                })
            })
            .collect();
        let id = loop {
            let id = ctx.draws.next_int(i32::MAX as u32, "fetch session id") as i32;
            // Without chance the draw repeats; the next free id is as good.
            let id = (id.max(1)..i32::MAX).find(|id| !self.sessions.contains_key(id));
            if let Some(id) = id {
                break id;
            }
        };
        let size = partitions.len();
        let session = FetchSession {
            privileged,
            partitions,
            created_ms: now_ms,
            last_used_ms: now_ms,
            epoch: next_epoch(INITIAL_EPOCH),
            size,
        };
        self.sessions.insert(id, session);
        id
    }

    /// Makes room: the session unused for longest if it is stale, else one that is old enough and no greater
    /// (`FetchSessionCacheShard.tryEvict`).
    fn try_evict(&mut self, privileged: bool, size: usize, now_ms: Ms) -> bool {
        let Some((&oldest, session)) = self
            .sessions
            .iter()
            .min_by_key(|(id, s)| (s.last_used_ms, **id))
        else {
            return false;
        };
        let victim = if now_ms - session.last_used_ms > MIN_EVICTION_MS {
            Some(oldest)
        } else {
            let settled = |s: &FetchSession| s.last_used_ms - s.created_ms > MIN_EVICTION_MS;
            let key = |id: i32, s: &FetchSession| (s.privileged, s.size, id);
            self.sessions
                .iter()
                .filter(|(_, s)| settled(s) || (privileged && !s.privileged))
                .min_by_key(|(id, s)| key(**id, s))
                .filter(|(id, s)| (privileged, size, 0) >= key(**id, s))
                .map(|(id, _)| *id)
        };
        victim.is_some_and(|id| self.sessions.remove(&id).is_some())
    }
}

impl FetchSession {
    fn touch(&mut self, now_ms: Ms) {
        self.last_used_ms = now_ms;
        self.size = self.partitions.len();
    }

    fn position(&self, tp: &TopicPartition, topic_id: Uuid) -> Option<usize> {
        self.partitions
            .iter()
            .position(|p| p.info.topic_partition == *tp && p.info.topic_id == topic_id)
    }

    /// `FetchSession.update`: changed partitions keep their place, new ones come last.
    fn update(&mut self, infos: &[FetchInfo], to_forget: &[(TopicPartition, Uuid)]) {
        for info in infos {
            match self.position(&info.topic_partition, info.topic_id) {
                Some(at) => self.partitions[at].info = info.clone(),
                None => self.partitions.push(CachedPartition {
                    info: info.clone(),
                    high_watermark: Offset::NONE,
                    log_start_offset: Offset::NONE,
                }),
            }
        }
        for (tp, topic_id) in to_forget {
            if let Some(at) = self.position(tp, *topic_id) {
                self.partitions.remove(at);
            }
        }
    }

    /// Leaves out what the fetcher knows already (`CachedPartition.maybeUpdateResponseData`).
    fn tell(
        &mut self,
        read: Vec<(TopicPartition, FetchPartitionData)>,
    ) -> Vec<(TopicPartition, FetchPartitionData)> {
        let mut told = Vec::new();
        for (tp, data) in read {
            let Some(at) = self
                .partitions
                .iter()
                .position(|p| p.info.topic_partition == tp)
            else {
                continue;
            };
            let cached = &mut self.partitions[at];
            let has_records = !data.records.is_empty();
            let must = has_records
                || cached.high_watermark != data.high_watermark
                || cached.log_start_offset != data.log_start_offset
                || data.preferred_read_replica.is_some()
                || data.error != ErrorCode::None
                || data.diverging_epoch.is_some();
            cached.high_watermark = if data.error == ErrorCode::None {
                data.high_watermark
            } else {
                Offset::NONE
            };
            cached.log_start_offset = data.log_start_offset;
            if has_records {
                let moved = self.partitions.remove(at);
                self.partitions.push(moved);
            }
            if must {
                told.push((tp, data));
            }
        }
        told
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::ctx::NoChance;
    use protocol::trace::Deaf;
    use protocol::{Instant, Protections};

    fn info(partition: i32, offset: i64) -> FetchInfo {
        FetchInfo {
            topic_partition: TopicPartition::new("t", partition),
            topic_id: Uuid(5),
            fetch_offset: Offset(offset),
            log_start_offset: Offset(0),
            max_bytes: 100,
            current_leader_epoch: None,
            last_fetched_epoch: None,
        }
    }

    fn data(partition: i32, hw: i64) -> (TopicPartition, FetchPartitionData) {
        let data = FetchPartitionData {
            high_watermark: Offset(hw),
            ..FetchPartitionData::error(ErrorCode::None)
        };
        (TopicPartition::new("t", partition), data)
    }

    fn with_ctx<R>(now_ms: Ms, run: impl FnOnce(&mut Ctx) -> R) -> R {
        let (mut draws, mut trace) = (NoChance, Deaf);
        run(&mut Ctx {
            now: Instant::from_ms(now_ms),
            protections: Protections::ALL,
            draws: &mut draws,
            trace: &mut trace,
        })
    }

    /// KIP-227: what did not change is not told again; a wrong epoch closes nothing and reads nothing.
    #[test]
    fn an_incremental_answer_tells_changes_alone() {
        let mut manager = FetchManager::new(10);
        let (context, all) =
            manager.new_context(0, INITIAL_EPOCH, true, vec![info(0, 0), info(1, 0)], &[], 0);
        assert_eq!(all.len(), 2);
        let first = with_ctx(0, |ctx| {
            manager.answer(context, vec![data(0, 5), data(1, 7)], ctx)
        });
        assert_ne!(first.session_id, INVALID_SESSION_ID);
        let (context, all) =
            manager.new_context(first.session_id, 1, true, vec![info(0, 3)], &[], 10);
        assert_eq!(
            all.iter().map(|i| i.fetch_offset.get()).collect::<Vec<_>>(),
            [3, 0]
        );
        let second = with_ctx(10, |ctx| {
            manager.answer(context, vec![data(0, 6), data(1, 7)], ctx)
        });
        assert_eq!(
            second
                .partitions
                .iter()
                .map(|(tp, _)| tp.partition)
                .collect::<Vec<_>>(),
            [0]
        );
        let (context, all) = manager.new_context(first.session_id, 7, true, Vec::new(), &[], 20);
        assert!(
            all.is_empty()
                && matches!(
                    context,
                    FetchContext::Error(ErrorCode::InvalidFetchSessionEpoch)
                )
        );
        let (context, _) = manager.new_context(4_711, 1, true, Vec::new(), &[], 20);
        assert!(matches!(
            context,
            FetchContext::Error(ErrorCode::FetchSessionIdNotFound)
        ));
    }

    /// A full cache gives a slot to a follower at a consumer's cost, and to anybody after two minutes of silence.
    #[test]
    fn a_full_cache_prefers_followers_and_drops_the_silent() {
        let mut manager = FetchManager::new(1);
        let mut open = |follower, now_ms| {
            let (context, _) =
                manager.new_context(0, INITIAL_EPOCH, follower, vec![info(0, 0)], &[], now_ms);
            with_ctx(now_ms, |ctx| manager.answer(context, vec![data(0, 0)], ctx)).session_id
        };
        assert_ne!(open(false, 0), INVALID_SESSION_ID);
        assert_eq!(open(false, 1), INVALID_SESSION_ID);
        assert_ne!(open(true, 2), INVALID_SESSION_ID);
        assert_eq!(open(true, 3), INVALID_SESSION_ID);
        assert_ne!(open(false, 3 + MIN_EVICTION_MS), INVALID_SESSION_ID);
    }
}
