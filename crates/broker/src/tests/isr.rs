//! Who leaves the ISR, who joins, and what the controller's answers do.

use super::{One, alive};
use protocol::{ErrorCode, NodeId};

/// H13: behind for longer than 30 s at a check, so the effective window is 30 to 45 s.
#[test]
fn h13_a_silent_follower_is_removed_at_the_first_check_past_the_limit() {
    let mut one = One::leading(&[], &[1, 2, 3], &[1, 2, 3]);
    one.advance(900);
    one.fetch(3, 0);
    one.advance(100);
    one.append(1, 1);
    for (until_ms, proposals) in [(15_000, 0), (30_000, 0), (45_000, 1)] {
        let now_ms = one.now.ms() - protocol::time::EPOCH_MS;
        one.advance(until_ms - now_ms);
        one.fetch(2, 1);
        one.with(|replicas, ctx| replicas.maybe_shrink_isr(ctx));
        assert_eq!(one.proposed.len(), proposals, "at {until_ms} ms");
    }
    let sent: Vec<_> = one.proposed[0]
        .new_isr
        .iter()
        .map(|(id, epoch)| (id.get(), epoch.get()))
        .collect();
    assert_eq!(sent, [(1, 1001), (2, 1002)]);
}

/// H14: a follower with the leader's end is never removed by the leader, however silent.
#[test]
fn h14_an_idle_leader_removes_nobody() {
    let mut one = One::leading(&[], &[1, 2], &[1, 2]);
    one.fetch(2, 0);
    one.advance(600_000);
    one.with(|replicas, ctx| replicas.maybe_shrink_isr(ctx));
    assert!(one.proposed.is_empty());
}

/// H16: at the high watermark and past the epoch's start a follower may join; it holds the high watermark from then on.
#[test]
fn h16_a_joining_replica_holds_the_high_watermark() {
    let mut one = One::leading(&[], &[1, 2, 3], &[1, 2]);
    one.append(20, 1);
    one.fetch(2, 20);
    one.append(5, 1);
    one.fetch(3, 19);
    assert!(one.proposed.is_empty());
    one.fetch(3, 20);
    assert_eq!(one.proposed.len(), 1);
    one.fetch(2, 25);
    assert_eq!(one.hw(), 20, "until replica 3 moves");
    one.fetch(3, 25);
    assert_eq!(one.hw(), 25);
}

/// H18: a removal that is not confirmed changes nothing for the high watermark.
#[test]
fn h18_a_replica_that_leaves_is_waited_for_until_confirmed() {
    let mut one = One::leading(&[], &[1, 2], &[1, 2]);
    one.append(1, 1);
    one.advance(31_000);
    one.with(|replicas, ctx| replicas.maybe_shrink_isr(ctx));
    assert_eq!((one.proposed.len(), one.hw()), (1, 0));
    one.append(1, 1);
    assert_eq!(one.hw(), 0);
    one.answer(Ok((2, &[1])));
    assert_eq!((one.hw(), one.isr()), (2, vec![1]));
}

/// H33: refused for certain, the leader returns to the committed ISR; uncertain answers leave the change pending.
#[test]
fn h33_answers_revert_wait_or_retry() {
    let joining = || {
        let mut one = One::leading(&[], &[1, 2], &[1]);
        one.fetch(2, 0);
        assert_eq!(one.proposed.len(), 1);
        one
    };
    for error in [
        ErrorCode::IneligibleReplica,
        ErrorCode::OperationNotAttempted,
    ] {
        let mut one = joining();
        one.answer(Err(error));
        assert!(!one.partition().state().is_in_flight() && one.proposed.is_empty());
    }
    for error in [
        ErrorCode::FencedLeaderEpoch,
        ErrorCode::InvalidUpdateVersion,
        ErrorCode::NewLeaderElected,
    ] {
        let mut one = joining();
        one.answer(Err(error));
        assert!(one.partition().state().is_in_flight() && one.proposed.is_empty());
    }
    let mut one = joining();
    one.answer(Err(ErrorCode::UnknownServerError));
    assert!(
        one.partition().state().is_in_flight() && one.proposed.len() == 1,
        "the same change again"
    );
}

/// KIP-841: a fenced broker may not join, nor an older incarnation (KIP-903).
#[test]
fn fenced_and_stale_brokers_do_not_join() {
    let mut one = One::leading(&[], &[1, 2], &[1]);
    let mut fenced = alive(2);
    fenced.fenced = true;
    one.replicas.metadata_mut().register_broker(fenced);
    one.fetch(2, 0);
    assert!(one.proposed.is_empty());
    let mut newer = alive(2);
    newer.epoch = protocol::BrokerEpoch(2002);
    one.replicas.metadata_mut().register_broker(newer);
    assert_eq!(
        one.fetch(2, 0).error,
        ErrorCode::NotLeaderOrFollower,
        "epoch 1002 is of a former life"
    );
    assert!(one.proposed.is_empty());
    assert!(!one.partition().state().isr().contains(&NodeId(2)));
}
