//! Each invariant with a world that keeps it and one that breaks it.

use super::*;
use crate::ledger::Located;
use protocol::trace::{FactKey, RuleId};

/// One record a batch.
#[derive(Clone, Debug)]
struct Rec {
    epoch: i32,
    value: &'static str,
    pid: i64,
    producer_epoch: i16,
    seq: i32,
    base: i64,
}

fn rec(base: i64, epoch: i32, value: &'static str) -> Rec {
    Rec {
        epoch,
        value,
        pid: -1,
        producer_epoch: -1,
        seq: -1,
        base,
    }
}

#[derive(Clone, Debug, Default)]
struct Fake {
    logs: BTreeMap<i32, Vec<Rec>>,
    hw: BTreeMap<i32, i64>,
    cache: Vec<(i32, i64)>,
    leaders: Vec<i32>,
    epoch: i32,
    isr: Vec<i32>,
    fetchers: usize,
    min: usize,
}

impl Logs for Fake {
    fn records(
        &self,
        node: NodeId,
        _: &TopicPartition,
        from: Offset,
        to: Offset,
        each: &mut dyn FnMut(Located<'_>),
    ) {
        for r in self.logs[&node.0]
            .iter()
            .filter(|r| r.base >= from.0 && r.base < to.0)
        {
            each(Located {
                offset: Offset(r.base),
                epoch: LeaderEpoch(r.epoch),
                producer_id: ProducerId(r.pid),
                key: None,
                value: Some(r.value.as_bytes()),
                timestamp_ms: 0,
            });
        }
    }

    fn leads(&self, node: NodeId, _: &TopicPartition) -> bool {
        self.leaders.contains(&node.0)
    }

    fn log_start(&self, _: NodeId, _: &TopicPartition) -> Offset {
        Offset(0)
    }

    fn log_end(&self, node: NodeId, _: &TopicPartition) -> Offset {
        Offset(self.logs[&node.0].last().map_or(0, |r| r.base + 1))
    }

    fn high_watermark(&self, node: NodeId, _: &TopicPartition) -> Offset {
        Offset(self.hw.get(&node.0).copied().unwrap_or(0))
    }

    fn epoch_at(&self, _: NodeId, _: &TopicPartition, _: Offset) -> Option<LeaderEpoch> {
        None
    }
}

impl Evidence for Fake {
    fn batches(
        &self,
        node: NodeId,
        _: &TopicPartition,
        from: Offset,
        to: Offset,
        each: &mut dyn FnMut(BatchFacts),
    ) {
        for r in self.logs[&node.0]
            .iter()
            .filter(|r| r.base >= from.0 && r.base < to.0)
        {
            each(BatchFacts {
                base: Offset(r.base),
                last: Offset(r.base),
                epoch: LeaderEpoch(r.epoch),
                producer_id: ProducerId(r.pid),
                producer_epoch: ProducerEpoch(r.producer_epoch),
                base_sequence: Sequence(r.seq),
                records: 1,
                control: false,
            });
        }
    }

    fn epochs(&self, _: NodeId, _: &TopicPartition) -> Vec<(LeaderEpoch, Offset)> {
        self.cache
            .iter()
            .map(|&(e, o)| (LeaderEpoch(e), Offset(o)))
            .collect()
    }

    fn leader_epoch(&self, _: NodeId, _: &TopicPartition) -> LeaderEpoch {
        LeaderEpoch(self.epoch)
    }

    fn isr(&self, _: NodeId, _: &TopicPartition) -> Vec<NodeId> {
        self.isr.iter().map(|&id| NodeId(id)).collect()
    }

    fn min_insync_replicas(&self, _: NodeId, _: &TopicPartition) -> usize {
        self.min
    }

    fn fetchers(&self, _: NodeId, _: &TopicPartition) -> usize {
        self.fetchers
    }

    fn running(&self, _: NodeId) -> bool {
        true
    }
}

/// Leader 1 and follower 2 hold a, b; both in the ISR.
fn healthy() -> Fake {
    let log = vec![rec(0, 0, "a"), rec(1, 0, "b")];
    Fake {
        logs: [(1, log.clone()), (2, log)].into(),
        hw: BTreeMap::new(),
        cache: vec![(0, 0)],
        leaders: vec![1],
        epoch: 0,
        isr: vec![1, 2],
        fetchers: 0,
        min: 2,
    }
}

fn tp() -> TopicPartition {
    TopicPartition::new("t", 0)
}

fn change(kind: FactKind, node: i32, from: i64, to: i64) -> Change {
    Change {
        key: FactKey::replica(kind, NodeId(node), &tp()),
        from: from.into(),
        to: to.into(),
        rule: RuleId("test"),
    }
}

fn see(checks: &mut Checks, world: &Fake, c: Change) -> Option<&'static str> {
    checks
        .observe(&c, EventId(1), Protections::ALL, world)
        .map(|v| v.invariant)
}

use FactKind::{HighWatermark as Hw, LogEndOffset as Leo, Role};

#[test]
fn a_healthy_run_breaks_nothing() {
    let (mut c, w) = (Checks::default(), healthy());
    for ch in [
        change(Leo, 1, 0, 2),
        change(Leo, 2, 0, 2),
        change(Hw, 1, 0, 0),
        change(Hw, 1, 0, 2),
        change(Hw, 2, 0, 2),
    ] {
        assert_eq!(see(&mut c, &w, ch), None);
    }
}

#[test]
fn r1_two_replicas_with_different_committed_records() {
    let (mut c, mut w) = (Checks::default(), healthy());
    assert_eq!(see(&mut c, &w, change(Hw, 1, 0, 2)), None);
    w.logs.insert(2, vec![rec(0, 0, "a"), rec(1, 0, "x")]);
    assert_eq!(see(&mut c, &w, change(Hw, 2, 0, 2)), Some("inv/R1"));
}

#[test]
fn r1_is_forgiven_after_a_forfeit() {
    let (mut c, mut w) = (Checks::default(), healthy());
    assert_eq!(see(&mut c, &w, change(Hw, 1, 0, 2)), None);
    w.logs.insert(2, vec![rec(0, 0, "a"), rec(1, 0, "x")]);
    c.forfeited(&tp(), EventId(1));
    assert_eq!(see(&mut c, &w, change(Hw, 2, 0, 2)), None);
}

#[test]
fn r2_a_leader_without_what_was_committed() {
    let (mut c, mut w) = (Checks::default(), healthy());
    see(&mut c, &w, change(Hw, 1, 0, 2));
    w.logs.insert(2, vec![rec(0, 0, "a")]);
    (w.leaders, w.epoch) = (vec![2], 1);
    assert_eq!(see(&mut c, &w, change(Role, 2, 0, 1)), Some("inv/R2"));
}

#[test]
fn r7_a_high_watermark_above_the_end_or_going_back() {
    let (mut c, w) = (Checks::default(), healthy());
    assert_eq!(see(&mut c, &w, change(Hw, 1, 0, 3)), Some("inv/R7"));
    see(&mut c, &w, change(Hw, 1, 0, 2));
    assert_eq!(see(&mut c, &w, change(Hw, 1, 2, 1)), Some("inv/R7"));
    assert_eq!(
        see(&mut c, &w, change(Hw, 2, 2, 1)),
        None,
        "a follower's may go back"
    );
}

#[test]
fn r9_two_leaders_of_one_epoch() {
    let (mut c, mut w) = (Checks::default(), healthy());
    assert_eq!(see(&mut c, &w, change(Role, 1, 0, 1)), None);
    w.leaders = vec![1, 2];
    assert_eq!(see(&mut c, &w, change(Role, 2, 0, 1)), Some("inv/R9"));
}

#[test]
fn r10_a_gap_on_the_leader() {
    let (mut c, mut w) = (Checks::default(), healthy());
    w.logs.insert(1, vec![rec(0, 0, "a"), rec(2, 0, "b")]);
    assert_eq!(see(&mut c, &w, change(Leo, 1, 0, 3)), Some("inv/R10"));
}

#[test]
fn r11_a_cache_that_disagrees_with_the_log() {
    let (mut c, mut w) = (Checks::default(), healthy());
    w.cache = vec![(1, 0)];
    assert_eq!(see(&mut c, &w, change(Leo, 1, 0, 2)), Some("inv/R11"));
    w.cache = vec![(0, 0), (2, 2), (1, 3)];
    assert_eq!(see(&mut c, &w, change(Leo, 1, 0, 2)), Some("inv/R11"));
}

#[test]
fn r14_a_leader_that_fetches() {
    let (mut c, mut w) = (Checks::default(), healthy());
    w.fetchers = 1;
    assert_eq!(see(&mut c, &w, change(Role, 1, 0, 1)), Some("inv/R14"));
}

#[test]
fn r15_a_high_watermark_that_moves_below_min_isr() {
    let (mut c, mut w) = (Checks::default(), healthy());
    see(&mut c, &w, change(Hw, 1, 0, 1));
    w.isr = vec![1];
    assert_eq!(see(&mut c, &w, change(Hw, 1, 1, 2)), Some("inv/R15"));
    let mut c = Checks::default();
    w.isr = vec![1];
    c.observe(&change(Hw, 1, 0, 1), EventId(1), Protections::ALL, &w);
    let off = Protections::ALL.without(protocol::Protection::StrictMinIsr);
    assert!(
        c.observe(&change(Hw, 1, 1, 2), EventId(1), off, &w)
            .is_none(),
        "Kafka's former rule"
    );
}

#[test]
fn p1_a_gap_and_p3_an_old_epoch() {
    let with = |seqs: [(i16, i32); 2]| {
        let (mut c, mut w) = (Checks::default(), healthy());
        let log = seqs.iter().enumerate();
        let log = log.map(|(i, &(producer_epoch, seq))| Rec {
            pid: 7,
            producer_epoch,
            seq,
            ..rec(i as i64, 0, "a")
        });
        w.logs.insert(1, log.collect());
        see(&mut c, &w, change(Leo, 1, 0, 2))
    };
    assert_eq!(with([(0, 0), (0, 1)]), None);
    assert_eq!(with([(0, 0), (0, 0)]), Some("inv/P1"), "a duplicate");
    assert_eq!(with([(0, 0), (0, 2)]), Some("inv/P1"), "a gap");
    assert_eq!(with([(0, 5), (1, 0)]), None, "a new epoch begins at 0");
    assert_eq!(with([(1, 0), (0, 1)]), Some("inv/P3"));
}

#[test]
fn p5_c6_g1_g5_what_clients_saw() {
    let (mut c, w) = (Checks::default(), healthy());
    let (p, g): (Name, Name) = ("p".into(), "g".into());
    see(&mut c, &w, change(Hw, 1, 0, 2));
    let id = |v: Option<Violation>| v.map(|v| v.invariant);
    assert_eq!(id(c.acked(&p, 0, &tp(), Offset(1), EventId(1))), None);
    assert_eq!(
        id(c.acked(&p, 1, &tp(), Offset(0), EventId(1))),
        Some("inv/P5")
    );
    let d = |offset| Delivery {
        consumer: &p,
        tp: &TP,
        offset: Offset(offset),
    };
    static TP: std::sync::LazyLock<TopicPartition> = std::sync::LazyLock::new(tp);
    assert_eq!(id(c.delivered(d(1), EventId(1))), None);
    assert_eq!(id(c.delivered(d(2), EventId(1))), Some("inv/C6"));
    assert_eq!(id(c.owns(&g, 1, &"a".into(), &tp(), EventId(1))), None);
    assert_eq!(id(c.owns(&g, 2, &"b".into(), &tp(), EventId(1))), None);
    assert_eq!(
        id(c.owns(&g, 2, &"a".into(), &tp(), EventId(1))),
        Some("inv/G1")
    );
    assert_eq!(
        id(c.position(&p, &tp(), Some(Offset(1)), Offset(2), EventId(1))),
        None
    );
    assert_eq!(
        id(c.position(&p, &tp(), Some(Offset(2)), Offset(1), EventId(1))),
        Some("inv/G5")
    );
    assert_eq!(
        id(c.position(&p, &tp(), None, Offset(3), EventId(1))),
        Some("inv/G5")
    );
}

#[test]
fn r8_and_r9_of_registrations() {
    let good = Registration {
        leader: NodeId(1),
        leader_epoch: LeaderEpoch(0),
        partition_epoch: PartitionEpoch(0),
        replicas: vec![NodeId(1), NodeId(2)],
        isr: vec![NodeId(1), NodeId(2)],
        elr: Vec::new(),
        fenced: Vec::new(),
        min_insync_replicas: 2,
    };
    let check = |r: Registration| {
        let mut c = Checks::default();
        assert!(c.registered(&tp(), good.clone(), EventId(1)).is_none());
        c.registered(&tp(), r, EventId(2)).map(|v| v.invariant)
    };
    let newer = Registration {
        partition_epoch: PartitionEpoch(1),
        ..good.clone()
    };
    assert_eq!(check(newer.clone()), None);
    assert_eq!(check(good.clone()), Some("inv/R9"), "the same epoch again");
    for bad in [
        Registration {
            isr: vec![NodeId(1), NodeId(3)],
            ..newer.clone()
        },
        Registration {
            elr: vec![NodeId(2)],
            ..newer.clone()
        },
        Registration {
            isr: vec![NodeId(2)],
            ..newer.clone()
        },
        Registration {
            fenced: vec![NodeId(2)],
            ..newer.clone()
        },
    ] {
        assert_eq!(check(bad), Some("inv/R8"));
    }
    let moved = Registration {
        leader: NodeId(2),
        ..newer
    };
    assert_eq!(
        check(moved),
        Some("inv/R9"),
        "another leader in the same epoch"
    );
}
