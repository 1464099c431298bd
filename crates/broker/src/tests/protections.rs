//! With a protection off, Kafka's history comes back; with it on, the same steps are safe.

use super::One;
use super::fetcher::given;
use protocol::{ErrorCode, Protection, Protections};

/// KIP-966.
#[test]
fn without_strict_min_isr_a_lonely_leader_commits() {
    for (off, expected) in [(false, 0), (true, 1)] {
        let mut one = One::new(&[("min.insync.replicas", "2")]);
        if off {
            one.protections = Protections::ALL.without(Protection::StrictMinIsr);
        }
        one.metadata(1, 1, 1, &[1, 2], &[1]);
        one.append(1, 1);
        assert_eq!(one.hw(), expected, "off: {off}");
    }
}

/// KIP-497.
#[test]
fn without_the_maximal_isr_a_joining_replica_is_not_waited_for() {
    for (off, expected) in [(false, 0), (true, 1)] {
        let mut one = One::new(&[]);
        if off {
            one.protections = Protections::ALL.without(Protection::MaximalIsr);
        }
        one.metadata(1, 1, 1, &[1, 2], &[1]);
        one.fetch(2, 0);
        assert_eq!(one.proposed.len(), 1);
        one.append(1, 1);
        assert_eq!(one.hw(), expected, "off: {off}");
    }
}

#[test]
fn without_the_epoch_start_a_replica_joins_too_early() {
    for (off, expected) in [(false, 0), (true, 1)] {
        let mut one = One::new(&[("min.insync.replicas", "2")]);
        if off {
            one.protections = Protections::ALL.without(Protection::IsrEpochStart);
        }
        one.metadata(1, 1, 1, &[1, 2], &[1]);
        one.append(3, 1);
        one.metadata(1, 2, 2, &[1, 2], &[1]);
        one.fetch(2, 0);
        assert_eq!(one.proposed.len(), expected, "off: {off}");
    }
}

/// KIP-320.
#[test]
fn without_fencing_an_old_epoch_is_served() {
    for (off, expected) in [
        (false, ErrorCode::FencedLeaderEpoch),
        (true, ErrorCode::None),
    ] {
        let mut one = One::leading(&[], &[1, 2], &[1, 2]);
        one.metadata(1, 2, 2, &[1, 2], &[1, 2]);
        if off {
            one.protections = Protections::ALL.without(Protection::FetchEpochFencing);
        }
        let token = one.consume_waiting(0, Some(1), 0);
        assert_eq!(
            one.fetched(token).expect("no wait").error,
            expected,
            "off: {off}"
        );
    }
}

/// KIP-101: before leader epochs, a follower cut its log to its own high watermark and could lose committed records.
#[test]
fn without_epochs_a_follower_cuts_to_its_high_watermark() {
    for (off, expected) in [(false, 2), (true, 1)] {
        let mut one = One::following();
        one.round(given(&[0, 1], 1, 1));
        if off {
            one.protections = Protections::ALL.without(Protection::LeaderEpochTruncation);
        }
        one.metadata(2, 2, 2, &[1, 2, 3], &[1, 2]);
        one.round(given(&[], 1, 1));
        assert_eq!(one.leo(), expected, "off: {off}");
    }
}
