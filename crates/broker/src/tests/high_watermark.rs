//! When the high watermark moves, and what each reader is told of it.

use super::One;
use crate::rules;
use protocol::ErrorCode;
use protocol::trace::{FactKind, Value};

/// H1 to H3: only what followers ask for next tells where they are; the last one commits, and acks=all is answered first.
#[test]
fn h3_the_last_follower_commits() {
    let mut one = One::leading(&[], &[1, 2, 3], &[1, 2, 3]);
    let produced = one.append(5, -1);
    for follower in [2, 3] {
        let data = one.fetch(follower, 0);
        assert_eq!(
            (data.high_watermark.get(), data.records.chunks.len()),
            (0, 5)
        );
    }
    assert_eq!((one.leo(), one.hw()), (5, 0));
    one.fetch(2, 5);
    assert_eq!(one.hw(), 0);
    let last = one.fetch(3, 5);
    assert_eq!(
        (one.hw(), last.high_watermark.get()),
        (5, 0),
        "sampled before this fetch counted"
    );
    assert_eq!(one.produced(produced), Some((ErrorCode::None, 4)));
}

/// H6: the answer that moves the high watermark still names the old one.
#[test]
fn h6_the_high_watermark_in_an_answer_is_late() {
    let mut one = One::leading(&[], &[1, 2, 3], &[1, 2, 3]);
    one.append(10, 1);
    one.fetch(2, 4);
    one.fetch(3, 10);
    assert_eq!(one.hw(), 4);
    let data = one.fetch(2, 8);
    assert_eq!(
        (
            one.hw(),
            data.high_watermark.get(),
            data.records.chunks.len()
        ),
        (8, 4, 2)
    );
}

/// H7 and H8: alone, every append commits at once, even with min.insync.replicas=2, which counts as 1.
#[test]
fn h7_h8_a_single_replica_commits_alone() {
    for configs in [&[][..], &[("min.insync.replicas", "2")][..]] {
        let mut one = One::leading(configs, &[1], &[1]);
        let produced = one.append(1, -1);
        assert_eq!(
            (one.hw(), one.produced(produced)),
            (1, Some((ErrorCode::None, 0)))
        );
    }
}

/// H9 to H11: below min ISR acks=all is refused unwritten, acks=1 is written but stays invisible until the ISR grows.
#[test]
fn h9_h10_h11_below_min_isr_nothing_commits() {
    let mut one = One::leading(&[("min.insync.replicas", "2")], &[1, 2, 3], &[1]);
    let refused = one.append(1, -1);
    assert_eq!(
        (one.produced(refused), one.leo()),
        (Some((ErrorCode::NotEnoughReplicas, -1)), 0)
    );
    let written = one.append(2, 1);
    assert_eq!(
        (one.produced(written), one.leo(), one.hw()),
        (Some((ErrorCode::None, 1)), 2, 0)
    );
    one.fetch(2, 1);
    assert_eq!(one.proposed.len(), 1, "at the high watermark it may join");
    assert_eq!(one.hw(), 0);
    one.answer(Ok((2, &[1, 2])));
    assert_eq!((one.isr(), one.hw()), (vec![1, 2], 1));
}

/// H12: what is not committed in time fails, and stays in the log.
#[test]
fn h12_acks_all_times_out_and_its_record_stays() {
    let mut one = One::leading(&[], &[1, 2], &[1, 2]);
    let produced = one.append(1, -1);
    one.advance(29_999);
    assert_eq!(one.produced(produced), None);
    one.advance(1);
    assert_eq!(
        (one.produced(produced), one.leo()),
        (Some((ErrorCode::RequestTimedOut, 0)), 1)
    );
}

/// H19: a new leader begins its epoch at its end, keeps its local high watermark, and does not tell the latest offset
/// until it has passed the epoch's start.
#[test]
fn h19_a_new_leader_knows_less_than_was_committed() {
    let mut one = One::leading(&[], &[1, 2, 3], &[1, 2, 3]);
    one.append(8, 1);
    one.metadata(1, 2, 2, &[1, 2, 3], &[1, 3]);
    assert_eq!(
        (
            one.hw(),
            one.partition().leader_epoch_start_offset().map(|o| o.get())
        ),
        (0, Some(8))
    );
    let tp = one.tp.clone();
    let latest = |one: &mut One, asks| {
        one.with(|r, ctx| r.fetch_offset_for_timestamp(&tp, -1, asks, None, true, ctx))
            .map(|f| f.map(|f| f.offset.get()))
    };
    let consumer = Some(crate::partition::FetchIsolation::HighWatermark);
    assert_eq!(
        latest(&mut one, consumer),
        Err(ErrorCode::OffsetNotAvailable)
    );
    assert_eq!(latest(&mut one, None), Ok(Some(8)), "a replica is told");
    one.fetch(3, 8);
    assert_eq!(latest(&mut one, consumer), Ok(Some(8)));
}

/// Every change names its rule and the facts the rule read.
#[test]
fn a_high_watermark_names_what_it_waited_for() {
    let mut one = One::leading(&[], &[1, 2], &[1, 2]);
    one.append(1, 1);
    one.trace.clear();
    one.fetch(2, 1);
    let (change, facts) = one
        .trace
        .iter()
        .find(|(change, _)| change.key.kind == FactKind::HighWatermark)
        .expect("the high watermark moved");
    assert_eq!(
        (&change.from, &change.to, change.rule),
        (&Value::Int(0), &Value::Int(1), rules::HW_LEADER)
    );
    assert!(
        facts
            .iter()
            .any(|f| f.key.kind == FactKind::Isr && f.value == Value::Ids(vec![1, 2]))
    );
    assert!(
        facts
            .iter()
            .any(|f| f.key.kind == FactKind::LogEndOffset && f.value == Value::Int(1))
    );
}

/// H17: a follower outside the ISR that is caught up and may join holds the high watermark back, until it is silent for
/// too long.
#[test]
fn h17_a_caught_up_outsider_is_waited_for() {
    let mut one = One::leading(&[], &[1, 2], &[1]);
    one.append(100, 1);
    assert_eq!(one.hw(), 100);
    one.advance(1_000);
    one.fetch(2, 90);
    one.append(20, 1);
    assert_eq!(one.hw(), 120, "it was never caught up");
    one.advance(500);
    one.fetch(2, 100);
    one.append(20, 1);
    assert_eq!(one.hw(), 120, "caught up 500 ms ago");
    one.advance(30_000);
    one.append(1, 1);
    assert_eq!(one.hw(), 141, "silent for more than 30 s");
}

/// H30: after a restart the high watermark is the checkpointed one, and the follower asks from its end with its last
/// epoch: nothing is cut on suspicion.
#[test]
fn h30_a_restarted_follower_trusts_its_epochs() {
    let mut one = One::following();
    one.round(super::fetcher::given(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9], 1, 7));
    one.restart();
    one.metadata(2, 1, 1, &[1, 2, 3], &[1, 2]);
    assert_eq!((one.hw(), one.leo()), (7, 10));
    assert_eq!(one.round(super::fetcher::given(&[], 1, 7)), (10, Some(1)));
}
