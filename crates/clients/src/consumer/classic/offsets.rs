//! Answers to lookups: resets, validation, end offsets (`OffsetFetcherUtils`).

use super::frames::Frame;
use super::machine::{FoundOffset, FutureId, FutureValue, ListOffsetsResult, Machine};
use crate::consumer::subscription::FetchPosition;
use crate::error::ClientError;
use protocol::messages::{ListOffsetsResponse, OffsetForLeaderEpochResponse, Response};
use protocol::{ErrorCode, LeaderEpoch, Ms, Offset, TopicPartition};
use std::collections::{BTreeMap, BTreeSet};

impl Machine {
    pub(super) fn reset_answered(
        &mut self,
        strategies: &BTreeMap<TopicPartition, crate::consumer::subscription::ResetStrategy>,
        partitions: &[TopicPartition],
        found: Result<ListOffsetsResult, ClientError>,
        now: Ms,
    ) {
        let retry_at = now + self.config.retry_backoff_ms;
        match found {
            Ok(result) => {
                if !result.retry.is_empty() {
                    self.subscriptions
                        .set_next_allowed_retry(&result.retry, retry_at);
                    self.network.metadata.request_update(false);
                }
                for (tp, data) in result.found {
                    let leader = self.network.metadata.current_leader(&tp);
                    let position = FetchPosition {
                        offset: data.offset,
                        offset_epoch: None,
                        leader,
                    };
                    if let Some(epoch) = data.leader_epoch {
                        self.network
                            .metadata
                            .update_last_seen_epoch_if_newer(&tp, epoch);
                    }
                    self.subscriptions.maybe_seek_unvalidated(
                        &tp,
                        position,
                        strategies.get(&tp).copied(),
                    );
                }
            }
            Err(error) => {
                self.subscriptions
                    .set_next_allowed_retry(partitions, retry_at);
                self.network.metadata.request_update(false);
                if !error.is_retriable() && self.cached_reset_error.is_none() {
                    self.cached_reset_error = Some(error);
                }
            }
        }
    }

    pub(super) fn lookup_answered(
        &mut self,
        future: FutureId,
        found: Result<ListOffsetsResult, ClientError>,
    ) -> Option<Frame> {
        let lookup = self.lookups.get_mut(&future)?;
        match found {
            Ok(part) => {
                lookup.result.found.extend(part.found);
                lookup.result.retry.extend(part.retry);
                lookup.waiting -= 1;
                if lookup.waiting > 0 {
                    return None;
                }
                let lookup = self.lookups.remove(&future)?;
                self.update_end_offsets(&lookup.result.found);
                if let Some(asked) = &lookup.for_lag {
                    self.clear_end_offset_requests(
                        asked.iter().filter(|tp| lookup.result.retry.contains(tp)),
                    );
                }
                self.complete(future, Ok(FutureValue::ListOffsets(lookup.result)))
            }
            Err(error) => {
                let lookup = self.lookups.remove(&future)?;
                if let Some(asked) = &lookup.for_lag {
                    self.clear_end_offset_requests(asked.iter());
                }
                self.complete(future, Err(error))
            }
        }
    }

    pub(super) fn update_end_offsets(&mut self, found: &BTreeMap<TopicPartition, FoundOffset>) {
        for (tp, data) in found {
            self.subscriptions
                .update_end_offset(tp, self.config.read_committed, data.offset);
        }
    }

    pub(super) fn clear_end_offset_requests<'a>(
        &mut self,
        tps: impl Iterator<Item = &'a TopicPartition>,
    ) {
        for tp in tps {
            if let Some(state) = self.subscriptions.state_mut(tp) {
                state.end_offset_requested = false;
            }
        }
    }

    pub(super) fn validated(
        &mut self,
        asked: &BTreeMap<TopicPartition, FetchPosition>,
        result: Result<Response, ClientError>,
        now: Ms,
    ) {
        let retry_at = now + self.config.retry_backoff_ms;
        let answer = result.and_then(|r| match r {
            Response::OffsetForLeaderEpoch(r) => end_offsets(&r, asked),
            other => unreachable!("{:?} answers no OFFSET_FOR_LEADER_EPOCH", other.api()),
        });
        match answer {
            Ok((found, retry)) => {
                if !retry.is_empty() {
                    self.subscriptions.set_next_allowed_retry(&retry, retry_at);
                    self.network.metadata.request_update(false);
                }
                for (tp, (epoch, end)) in found {
                    if self
                        .subscriptions
                        .maybe_complete_validation(&tp, asked[&tp], epoch, end)
                        .is_some()
                    {
                        self.cached_validation_error
                            .get_or_insert(ClientError::class("LogTruncationException"));
                    }
                }
            }
            Err(error) => {
                self.subscriptions
                    .set_next_allowed_retry(asked.keys(), retry_at);
                self.network.metadata.request_update(false);
                if !error.is_retriable() {
                    self.cached_validation_error.get_or_insert(error);
                }
            }
        }
    }
}

type EndOffsets = BTreeMap<TopicPartition, (LeaderEpoch, Offset)>;

fn end_offsets(
    response: &OffsetForLeaderEpochResponse,
    asked: &BTreeMap<TopicPartition, FetchPosition>,
) -> Result<(EndOffsets, BTreeSet<TopicPartition>), ClientError> {
    let mut retry: BTreeSet<TopicPartition> = asked.keys().cloned().collect();
    let mut found = BTreeMap::new();
    let mut unauthorized = false;
    for topic in &response.topics {
        for p in &topic.partitions {
            let tp = TopicPartition {
                topic: topic.topic.clone(),
                partition: p.partition,
            };
            match p.error {
                _ if !asked.contains_key(&tp) => {}
                ErrorCode::None => {
                    retry.remove(&tp);
                    found.insert(tp, (p.leader_epoch, p.end_offset));
                }
                ErrorCode::TopicAuthorizationFailed => {
                    unauthorized = true;
                    retry.remove(&tp);
                }
                _ => {}
            }
        }
    }
    if unauthorized {
        Err(ClientError::code(ErrorCode::TopicAuthorizationFailed))
    } else {
        Ok((found, retry))
    }
}

pub(super) fn list_offsets(response: &Response) -> Result<ListOffsetsResult, ClientError> {
    let Response::ListOffsets(response) = response else {
        unreachable!("{:?} answers no LIST_OFFSETS", response.api())
    };
    let response: &ListOffsetsResponse = response;
    let mut result = ListOffsetsResult::default();
    let mut unauthorized = false;
    for topic in &response.topics {
        for p in &topic.partitions {
            let tp = TopicPartition {
                topic: topic.name.clone(),
                partition: p.partition_index,
            };
            match p.error {
                ErrorCode::None if !p.offset.is_none() => {
                    let leader_epoch = (!p.leader_epoch.is_none()).then_some(p.leader_epoch);
                    let found = FoundOffset {
                        offset: p.offset,
                        timestamp: p.timestamp,
                        leader_epoch,
                    };
                    result.found.insert(tp, found);
                }
                ErrorCode::None | ErrorCode::UnsupportedForMessageFormat => {}
                ErrorCode::TopicAuthorizationFailed => unauthorized = true,
                _ => drop(result.retry.insert(tp)),
            }
        }
    }
    if unauthorized {
        Err(ClientError::code(ErrorCode::TopicAuthorizationFailed))
    } else {
        Ok(result)
    }
}
