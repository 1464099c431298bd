use super::*;
use protocol::trace::{FactKey, RuleId};

/// Logs by node: (epoch, value) a record.
#[derive(Default)]
struct Fake {
    logs: BTreeMap<i32, Vec<(i32, &'static str)>>,
    leader: i32,
    hw: i64,
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
        for (i, (epoch, value)) in self.logs[&node.0].iter().enumerate() {
            let offset = Offset(i as i64);
            if offset >= from && offset < to {
                each(Located {
                    offset,
                    epoch: LeaderEpoch(*epoch),
                    producer_id: ProducerId::NONE,
                    key: None,
                    value: Some(value.as_bytes()),
                    timestamp_ms: 0,
                });
            }
        }
    }

    fn leads(&self, node: NodeId, _: &TopicPartition) -> bool {
        node.0 == self.leader
    }

    fn log_start(&self, _: NodeId, _: &TopicPartition) -> Offset {
        Offset(0)
    }

    fn log_end(&self, node: NodeId, _: &TopicPartition) -> Offset {
        Offset(self.logs[&node.0].len() as i64)
    }

    fn high_watermark(&self, _: NodeId, _: &TopicPartition) -> Offset {
        Offset(self.hw)
    }

    fn epoch_at(&self, node: NodeId, _: &TopicPartition, offset: Offset) -> Option<LeaderEpoch> {
        self.logs[&node.0]
            .get(offset.0 as usize)
            .map(|r| LeaderEpoch(r.0))
    }
}

fn changed(kind: FactKind, node: i32, from: i64, to: i64) -> Change {
    Change {
        key: FactKey::replica(kind, NodeId(node), &tp()),
        from: from.into(),
        to: to.into(),
        rule: RuleId("test"),
    }
}

fn tp() -> TopicPartition {
    TopicPartition::new("t", 0)
}

fn send(ledger: &mut Ledger, n: u64, value: &str, acks_all: bool) {
    let p: Name = "p".into();
    let sent = Sent {
        send: n,
        topic: &tp().topic,
        acks_all,
        key: None,
        value: Some(value.as_bytes()),
    };
    ledger.sent(&p, sent, Instant::start(), EventId(1));
}

fn fates(ledger: &Ledger) -> Vec<Fate> {
    ledger.entries().map(Entry::fate).collect()
}

#[test]
fn a_record_goes_from_flight_to_log_to_below_the_high_watermark() {
    let mut l = Ledger::default();
    let mut logs = Fake {
        leader: 1,
        ..Fake::default()
    };
    send(&mut l, 0, "a", true);
    assert_eq!(fates(&l), [Fate::InFlight]);
    logs.logs.insert(1, vec![(0, "a")]);
    l.observe(&changed(FactKind::LogEndOffset, 1, 0, 1), EventId(2), &logs);
    assert_eq!(fates(&l), [Fate::AboveHighWatermark]);
    l.observe(
        &changed(FactKind::HighWatermark, 1, 0, 1),
        EventId(3),
        &logs,
    );
    l.acked(&"p".into(), 0, &tp(), EventId(4));
    assert_eq!(fates(&l), [Fate::Durable]);
    let t = l.totals();
    assert_eq!((t.sent, t.durable, t.acked, t.lost), (1, 1, 1, 0));
}

/// story/S2: acked by the leader alone, then a follower without it leads.
#[test]
fn an_ack_of_the_leader_alone_can_be_lost_and_says_why() {
    let mut l = Ledger::default();
    let mut logs = Fake {
        leader: 1,
        ..Fake::default()
    };
    send(&mut l, 0, "a", false);
    send(&mut l, 1, "b", false);
    logs.logs.insert(1, vec![(0, "a"), (0, "b")]);
    l.observe(&changed(FactKind::LogEndOffset, 1, 0, 2), EventId(2), &logs);
    l.observe(
        &changed(FactKind::HighWatermark, 1, 0, 1),
        EventId(3),
        &logs,
    );
    l.acked(&"p".into(), 1, &tp(), EventId(4));
    logs.logs.insert(2, vec![(0, "a")]);
    (logs.leader, logs.hw) = (2, 1);
    l.observe(&changed(FactKind::LeaderEpoch, 2, 0, 1), EventId(9), &logs);
    assert_eq!(fates(&l), [Fate::Durable, Fate::Lost]);
    let loss = &l.losses()[0];
    assert_eq!(
        (loss.event, loss.acked, loss.forfeit),
        (EventId(9), true, Forfeit::AcksBelowAll)
    );
    assert_eq!(l.totals().lost_after_ack, 1);
}

/// story/S17: a retry without idempotence writes the same record twice.
#[test]
fn the_same_record_twice_is_one_entry_with_a_duplicate() {
    let mut l = Ledger::default();
    let mut logs = Fake {
        leader: 1,
        ..Fake::default()
    };
    send(&mut l, 0, "a", true);
    logs.logs.insert(1, vec![(0, "a"), (0, "a")]);
    l.observe(&changed(FactKind::LogEndOffset, 1, 0, 1), EventId(2), &logs);
    l.observe(&changed(FactKind::LogEndOffset, 1, 1, 2), EventId(3), &logs);
    let entry = l.entry(0).expect("sent");
    assert_eq!((entry.offset, entry.duplicates), (Some(Offset(0)), 1));
}

/// story/S12: the callback fails, the record is there all the same.
#[test]
fn a_failed_send_may_be_in_the_log() {
    let mut l = Ledger::default();
    let mut logs = Fake {
        leader: 1,
        ..Fake::default()
    };
    send(&mut l, 0, "a", true);
    l.failed(&"p".into(), 0, ErrorCode::RequestTimedOut, EventId(2));
    assert_eq!(fates(&l), [Fate::Failed]);
    logs.logs.insert(1, vec![(0, "a")]);
    l.observe(&changed(FactKind::LogEndOffset, 1, 0, 1), EventId(3), &logs);
    assert_eq!(
        fates(&l),
        [Fate::AboveHighWatermark],
        "unknown turned out to be written"
    );
}

#[test]
fn readers_count_by_place() {
    let mut r = Readers::default();
    let g: Name = "g".into();
    for offset in [0, 1, 1] {
        r.delivered(&g, &tp(), Offset(offset));
        r.processed(&g, &tp(), Offset(offset));
    }
    assert_eq!(r.once_and_more(&g), (1, 1));
    assert_eq!(r.get(&g, &tp(), Offset(2)), Reading::default());
}
