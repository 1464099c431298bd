//! The follower: appending, cutting back, backing off, giving up.

use super::{One, records};
use crate::fetcher::{FetcherRequest, LookupKind, ReplicaFetch, ReplicaFetchAnswer};
use crate::partition::OffsetAndEpoch;
use crate::replica_manager::FetchPartitionData;
use protocol::{ErrorCode, LeaderEpoch, NodeId, Offset, TopicPartition};

impl One {
    fn next_fetch(&mut self, leader: i32) -> ReplicaFetch {
        match self.with(|r, ctx| r.poll_fetcher(NodeId(leader), ctx)) {
            Some(FetcherRequest::Fetch(fetch)) => fetch,
            other => panic!("a fetch, not {other:?}"),
        }
    }

    /// One round: asks broker 2 and is given `data`. Answers what was asked: offset and last epoch.
    pub(super) fn round(&mut self, data: FetchPartitionData) -> (i64, Option<i32>) {
        let fetch = self.next_fetch(2);
        let answer = told(&self.tp, data);
        self.with(|r, ctx| r.on_replica_fetch_response(NodeId(2), fetch.id, Some(answer), ctx));
        let part = &fetch.partitions[0];
        (
            part.fetch_offset.get(),
            part.last_fetched_epoch.map(|e| e.get()),
        )
    }
}

fn told(tp: &TopicPartition, data: FetchPartitionData) -> ReplicaFetchAnswer {
    ReplicaFetchAnswer {
        partitions: vec![(tp.clone(), data)],
        ..ReplicaFetchAnswer::default()
    }
}

pub(super) fn given(base_offsets: &[i64], epoch: i32, hw: i64) -> FetchPartitionData {
    FetchPartitionData {
        high_watermark: Offset(hw),
        log_start_offset: Offset(0),
        records: records(base_offsets, epoch),
        ..FetchPartitionData::error(ErrorCode::None)
    }
}

fn diverging(epoch: i32, end: i64) -> FetchPartitionData {
    let end = OffsetAndEpoch {
        epoch: LeaderEpoch(epoch),
        end_offset: Offset(end),
    };
    FetchPartitionData {
        diverging_epoch: Some(end),
        ..given(&[], -1, 0)
    }
}

/// H28: the high watermark of the answer is taken, cut to the own end; it may fall.
#[test]
fn h28_a_follower_takes_the_leaders_high_watermark() {
    let mut one = One::following();
    assert_eq!(one.round(given(&[0, 1, 2], 1, 100)), (0, None));
    assert_eq!((one.leo(), one.hw()), (3, 3));
    assert_eq!(one.round(given(&[], 1, 1)), (3, Some(1)));
    assert_eq!(one.hw(), 1);
}

/// H21 (KIP-279): an epoch that the follower does not know makes it cut to the end of the one before, and ask again.
#[test]
fn h21_truncation_goes_epoch_by_epoch() {
    let mut one = One::following();
    one.round(given(&[0, 1, 2, 3, 4], 1, 0));
    one.metadata(3, 3, 2, &[1, 2, 3], &[1, 2, 3]);
    let fetch = one.next_fetch(3);
    let answer = told(&one.tp, given(&[5, 6, 7, 8], 3, 0));
    one.with(|r, ctx| r.on_replica_fetch_response(NodeId(3), fetch.id, Some(answer), ctx));
    one.metadata(2, 4, 3, &[1, 2, 3], &[1, 2, 3]);
    assert_eq!(one.round(diverging(2, 8)), (9, Some(3)));
    assert_eq!(one.leo(), 5);
    assert_eq!(one.round(given(&[5], 1, 0)), (5, Some(1)));
    assert_eq!(one.leo(), 6);
}

/// H23: a follower that ends before the leader's start deletes everything and starts there.
#[test]
fn h23_out_of_range_starts_at_the_leaders_start() {
    let mut one = One::following();
    one.round(given(&[0, 1, 2], 1, 3));
    one.round(FetchPartitionData::error(ErrorCode::OffsetOutOfRange));
    for (kind, offset) in [(LookupKind::Latest, 20), (LookupKind::Earliest, 10)] {
        let Some(FetcherRequest::Lookup(lookup)) =
            one.with(|r, ctx| r.poll_fetcher(NodeId(2), ctx))
        else {
            panic!("a question comes before the next fetch")
        };
        assert_eq!(lookup.kind, kind);
        one.with(|r, ctx| {
            r.on_replica_lookup_response(NodeId(2), lookup.id, Ok(Offset(offset)), ctx)
        });
    }
    assert_eq!(
        (one.log().log_start_offset().get(), one.leo(), one.hw()),
        (10, 10, 10)
    );
    assert_eq!(one.round(given(&[10], 1, 11)), (10, None));
}

/// H24: fenced in its own epoch, the follower stops until a newer one; other errors make it back off for a second.
#[test]
fn h24_fenced_it_stops_otherwise_it_backs_off() {
    let mut one = One::following();
    one.round(FetchPartitionData::error(ErrorCode::NotLeaderOrFollower));
    assert_eq!(one.with(|r, ctx| r.poll_fetcher(NodeId(2), ctx)), None);
    one.advance(1_000);
    one.round(FetchPartitionData::error(ErrorCode::FencedLeaderEpoch));
    assert!(one.replicas.fetchers().is_failed(&one.tp));
    one.metadata(2, 1, 2, &[1, 2, 3], &[2]);
    assert!(
        one.replicas.fetchers().is_failed(&one.tp),
        "a new partition epoch alone revives nothing"
    );
    one.metadata(2, 2, 3, &[1, 2, 3], &[2]);
    assert!(!one.replicas.fetchers().is_failed(&one.tp));
}

/// H35: an answer to a question of an older leader epoch is dropped.
#[test]
fn h35_an_answer_of_another_epoch_is_dropped() {
    let mut one = One::following();
    one.round(given(&[0], 1, 0));
    let fetch = one.next_fetch(2);
    one.metadata(2, 2, 2, &[1, 2, 3], &[1, 2]);
    let answer = told(&one.tp, given(&[1], 1, 0));
    one.with(|r, ctx| r.on_replica_fetch_response(NodeId(2), fetch.id, Some(answer), ctx));
    assert_eq!(one.leo(), 1);
}
