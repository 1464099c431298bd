//! Parked fetches: what wakes them, and with what.

use super::One;
use protocol::ErrorCode;

/// H4: a new high watermark alone wakes no follower; it is told at the time-out.
#[test]
fn h4_a_high_watermark_does_not_wake_a_follower() {
    let mut one = One::leading(&[], &[1, 2, 3], &[1, 2, 3]);
    one.append(1, 1);
    let second = one.fetch_waiting(2, 1, 500);
    let third = one.fetch_waiting(3, 1, 500);
    assert_eq!(one.hw(), 1);
    assert!(one.fetched(second).is_none() && one.fetched(third).is_none());
    one.advance(499);
    assert!(one.fetched(second).is_none());
    one.advance(1);
    let data = one.fetched(second).expect("its time is over");
    assert_eq!(
        (data.high_watermark.get(), data.records.is_empty()),
        (1, true)
    );
}

/// H5: an append wakes both, with the records and the high watermark of now.
#[test]
fn h5_an_append_wakes_followers() {
    let mut one = One::leading(&[], &[1, 2], &[1, 2]);
    let parked = one.fetch_waiting(2, 0, 500);
    one.append(1, 1);
    let data = one.fetched(parked).expect("records came");
    assert_eq!(
        (data.records.chunks.len(), data.high_watermark.get()),
        (1, 0)
    );
}

/// H27: above the high watermark the answer is empty and immediate, at it the fetch waits, beyond the end it is refused.
#[test]
fn h27_a_consumer_between_high_watermark_and_end() {
    let mut one = One::leading(&[], &[1, 2], &[1, 2]);
    one.append(3, 1);
    one.fetch(2, 1);
    for (offset, expected) in [
        (2, Some(ErrorCode::None)),
        (1, None),
        (4, Some(ErrorCode::OffsetOutOfRange)),
    ] {
        let token = one.consume_waiting(offset, None, 500);
        assert_eq!(
            one.fetched(token).map(|d| d.error),
            expected,
            "at offset {offset}"
        );
    }
}

/// H24: a request of an older epoch is fenced, of a newer one unknown, without an epoch served.
#[test]
fn h24_leader_epochs_of_requests_are_checked() {
    let mut one = One::leading(&[], &[1, 2], &[1, 2]);
    one.metadata(1, 3, 2, &[1, 2], &[1, 2]);
    for (epoch, expected) in [
        (Some(2), ErrorCode::FencedLeaderEpoch),
        (Some(3), ErrorCode::None),
        (Some(4), ErrorCode::UnknownLeaderEpoch),
        (None, ErrorCode::None),
    ] {
        let token = one.consume_waiting(0, epoch, 0);
        assert_eq!(
            one.fetched(token).expect("no wait").error,
            expected,
            "epoch {epoch:?}"
        );
    }
}

/// A leader that steps down answers acks=all at once, and followers' fetches.
#[test]
fn losing_leadership_answers_what_waits() {
    let mut one = One::leading(&[], &[1, 2, 3], &[1, 2, 3]);
    let produced = one.append(1, -1);
    let parked = one.fetch_waiting(2, 1, 500);
    one.metadata(2, 2, 2, &[1, 2, 3], &[2, 3]);
    assert_eq!(
        one.produced(produced),
        Some((ErrorCode::NotLeaderOrFollower, 0))
    );
    assert_eq!(
        one.fetched(parked).expect("answered").error,
        ErrorCode::FencedLeaderEpoch
    );
}

/// H29: DeleteRecords is answered when every alive follower has told a log start that high.
#[test]
fn h29_delete_records_waits_for_the_followers() {
    let mut one = One::leading(&[], &[1, 2], &[1, 2]);
    one.append(3, 1);
    one.fetch(2, 3);
    let token = one.token();
    let offsets = vec![(one.tp.clone(), protocol::Offset(2))];
    one.with(|replicas, ctx| replicas.delete_records(token, 30_000, offsets, ctx));
    assert_eq!(
        one.log().log_start_offset().get(),
        2,
        "the leader's own start moves at once"
    );
    assert!(one.answers.iter().all(|(t, _)| *t != token));
    one.fetch_from(2, 3, 2);
    let answered = one
        .answers
        .iter()
        .find(|(t, _)| *t == token)
        .map(|(_, response)| format!("{response:?}"));
    let expected = "DeleteRecords([(t-0, DeleteRecordsResult { error: NONE, low_watermark: 2 })])";
    assert_eq!(answered.as_deref(), Some(expected));
}
