//! Why not? The conditions say which one is missing.

use super::One;
use crate::rules;
use protocol::NodeId;

#[test]
fn a_stuck_high_watermark_names_the_replica_it_waits_for() {
    let mut one = One::leading(&[("min.insync.replicas", "2")], &[1, 2, 3], &[1, 2, 3]);
    one.append(1, 1);
    one.fetch(2, 1);
    one.fetch(3, 0);
    let conditions = one.replicas.why_high_watermark_waits(&one.tp, one.now);
    let missing: Vec<_> = conditions.iter().filter(|c| !c.holds).collect();
    assert_eq!(
        (conditions.len(), missing.len(), missing[0].rule),
        (3, 1, rules::HW_LEADER)
    );
    one.fetch(3, 1);
    assert!(
        one.replicas
            .why_high_watermark_waits(&one.tp, one.now)
            .is_empty(),
        "nothing waits"
    );
}

/// H32: below min ISR it is the ISR that is missing, and the follower's place that keeps it out.
#[test]
fn h32_below_min_isr_the_conditions_say_what_to_wait_for() {
    let mut one = One::leading(&[("min.insync.replicas", "2")], &[1, 2, 3], &[2, 1]);
    one.append(9, 1);
    one.fetch(2, 9);
    one.append(3, 1);
    one.metadata(1, 2, 2, &[1, 2, 3], &[1]);
    assert_eq!((one.hw(), one.leo()), (9, 12));
    one.fetch(2, 9);
    let conditions = one.replicas.why_high_watermark_waits(&one.tp, one.now);
    assert!(
        conditions
            .iter()
            .any(|c| c.rule == rules::HW_STRICT_MIN_ISR && !c.holds)
    );
    let joining = one.replicas.why_not_in_sync(&one.tp, NodeId(2));
    let missing: Vec<_> = joining.iter().filter(|c| !c.holds).collect();
    assert_eq!(
        missing.len(),
        1,
        "only the start of the epoch, 12, is not reached: {missing:?}"
    );
    one.fetch(2, 12);
    assert_eq!(one.proposed.len(), 1);
    one.answer(Ok((3, &[1, 2])));
    assert_eq!(one.hw(), 12);
}

#[test]
fn a_parked_request_says_what_it_waits_for() {
    let mut one = One::leading(&[], &[1, 2], &[1, 2]);
    let produced = one.append(1, -1);
    let waiting = one.replicas.why_request_waits(produced).expect("parked");
    assert_eq!(
        (waiting.due, waiting.conditions[0].rule),
        (one.now.after_ms(30_000), rules::PRODUCE_ACKS_ALL)
    );
    assert!(!waiting.conditions[0].holds);
    one.fetch(2, 1);
    assert_eq!(one.replicas.why_request_waits(produced), None);
}
