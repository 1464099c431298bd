use super::*;
use crate::trace::EventKind;
use protocol::Instant;

/// Ticks every millisecond; every tenth tick is a fault. Commands add to its log; broker 99 is refused.
#[derive(Clone, Debug, Default)]
struct Toy {
    now_us: i64,
    ticks: u64,
    at_now: u64,
    event: u64,
    log: Vec<(u64, i32)>,
    listening: Option<Vec<TraceEvent>>,
    broken: Option<Violation>,
}

impl Toy {
    fn record(&mut self, kind: EventKind, trigger: Option<u64>) -> EventId {
        self.event += 1;
        let event = TraceEvent {
            id: EventId(self.event),
            at: Instant::from_micros(self.now_us),
            node: None,
            trigger: trigger.map(EventId),
            kind,
        };
        if let Some(events) = &mut self.listening {
            events.push(event);
        }
        EventId(self.event)
    }
}

impl Machine for Toy {
    fn now(&self) -> Instant {
        Instant::from_micros(self.now_us)
    }

    fn handled_at_now(&self) -> u64 {
        self.at_now
    }

    fn handled(&self) -> u64 {
        self.ticks
    }

    fn last_event(&self) -> EventId {
        EventId(self.event)
    }

    fn next_at(&self) -> Option<Instant> {
        Some(Instant::from_ms(self.ticks as i64 + 1))
    }

    fn step_until(&mut self, until: Instant) -> bool {
        let next = self.next_at().expect("ticks for ever");
        if next > until {
            if until > self.now() {
                (self.now_us, self.at_now) = (until.micros(), 0);
            }
            return false;
        }
        (self.now_us, self.at_now) = (next.micros(), 1);
        self.ticks += 1;
        let before = self.event;
        if self.ticks.is_multiple_of(10) {
            self.record(EventKind::Fault { what: "ten".into() }, Some(before));
        } else {
            self.record(EventKind::Woke, Some(before));
        }
        if self.ticks == 5_555 {
            let event = self.last_event();
            self.broken = Some(Violation {
                invariant: "toy",
                event,
                found: "5555".into(),
            });
        }
        true
    }

    fn command(&mut self, command: &Command) -> Result<EventId, Refusal> {
        match command {
            Command::KillBroker { broker: 99 } => Err(Refusal::at("broker", "no broker 99")),
            Command::KillBroker { broker } => {
                self.log.push((self.ticks, *broker));
                Ok(self.record(
                    EventKind::Commanded {
                        what: "kill".into(),
                    },
                    None,
                ))
            }
            _ => unreachable!("not said here"),
        }
    }

    fn listen(&mut self) {
        self.listening.get_or_insert_default();
    }

    fn take_trace(&mut self) -> Vec<TraceEvent> {
        self.listening
            .as_mut()
            .map(std::mem::take)
            .unwrap_or_default()
    }

    fn violation(&self) -> Option<&Violation> {
        self.broken.as_ref()
    }

    fn weight_since(&self, _: &Self) -> usize {
        100
    }
}

fn ms(ms: i64) -> Instant {
    Instant::from_ms(ms)
}

fn session() -> Session<Toy> {
    Session::new(Toy::default(), Journal::default(), 1_000)
}

fn kill(broker: i32) -> Command {
    Command::KillBroker { broker }
}

fn fault(e: &TraceEvent) -> bool {
    matches!(e.kind, EventKind::Fault { .. })
}

fn run(s: &mut Session<Toy>, until: i64) -> Advanced {
    s.advance(ms(until), u64::MAX, &mut |_| false)
}

#[test]
fn every_event_can_be_sought_and_is_the_same_again() {
    let mut s = session();
    run(&mut s, 3_000);
    s.act(kill(1), Author::You).expect("accepted");
    run(&mut s, 5_000);
    assert_eq!(
        (s.machine().log.as_slice(), s.event()),
        ([(3_000, 1)].as_slice(), EventId(5_001))
    );
    for event in [1, 2_999, 3_000, 3_001, 3_002, 4_000] {
        s.seek(EventId(event));
        assert_eq!(s.event(), EventId(event));
        assert_eq!(
            s.machine().log.len(),
            usize::from(event > 3_000),
            "at event {event}"
        );
    }
}

#[test]
fn acting_in_the_past_makes_a_branch_and_keeps_the_old_future() {
    let mut s = session();
    run(&mut s, 100);
    s.act(kill(1), Author::You).expect("accepted");
    run(&mut s, 200);
    s.seek(EventId(50));
    s.act(kill(2), Author::You).expect("accepted");
    run(&mut s, 60);
    assert_eq!(s.machine().log, [(50, 2)]);
    assert_eq!(s.branches().count(), 2);
    assert_eq!(s.branch().fork.map(|f| f.event), Some(EventId(50)));
    assert!(s.switch(BranchId(0)));
    assert_eq!(s.machine().log, [(100, 1)], "the old future is as it was");
    assert_eq!(s.event(), EventId(201));
}

#[test]
fn acting_at_the_end_goes_on_in_the_same_branch() {
    let mut s = session();
    run(&mut s, 10);
    s.act(kill(1), Author::You).expect("accepted");
    s.act(kill(2), Author::You).expect("accepted");
    run(&mut s, 20);
    assert_eq!(
        (s.branches().count(), s.machine().log.as_slice()),
        (1, [(10, 1), (10, 2)].as_slice())
    );
}

#[test]
fn a_refused_command_changes_nothing() {
    let mut s = session();
    run(&mut s, 10);
    let before = (s.event(), s.branch().journal.clone());
    assert!(s.act(kill(99), Author::You).is_err());
    assert_eq!((s.event(), s.branch().journal.clone()), before);
}

#[test]
fn undo_takes_the_last_command_back_as_a_branch() {
    let mut s = session();
    run(&mut s, 10);
    s.act(kill(1), Author::You).expect("accepted");
    run(&mut s, 20);
    s.act(kill(2), Author::You).expect("accepted");
    run(&mut s, 30);
    assert_eq!(s.undo(), Some(kill(2)));
    assert_eq!(
        (s.machine().now(), s.machine().log.as_slice()),
        (ms(20), [(10, 1)].as_slice())
    );
    run(&mut s, 30);
    assert_eq!(s.machine().log, [(10, 1)], "it is not carried out again");
    assert_eq!(s.undo(), Some(kill(1)));
    assert_eq!(s.undo(), None);
}

#[test]
fn a_script_goes_on_in_every_branch() {
    let place = Place {
        at: ms(80),
        steps: 0,
    };
    let journal = Journal(vec![Entry {
        place,
        by: Author::Script,
        command: kill(7),
    }]);
    let mut s = Session::new(Toy::default(), journal, 1_000);
    run(&mut s, 100);
    assert_eq!(
        s.machine().log,
        [(80, 7)],
        "behind the first step of its instant"
    );
    s.seek(EventId(40));
    s.act(kill(1), Author::You).expect("accepted");
    run(&mut s, 100);
    assert_eq!(s.machine().log, [(40, 1), (80, 7)]);
}

#[test]
fn steps_go_both_ways_and_meet() {
    let mut s = session();
    run(&mut s, 35);
    assert!(s.step(Stride::Change, &fault));
    assert_eq!(s.event(), EventId(40));
    assert!(s.step_back(Stride::Change, &fault));
    assert_eq!(s.event(), EventId(39));
    assert!(s.step_back(Stride::Change, &fault));
    assert_eq!(s.event(), EventId(29));
    assert!(s.step_back(Stride::Event, &fault));
    assert_eq!(s.event(), EventId(28));
    s.seek(EventId(3));
    assert!(s.step_back(Stride::Change, &fault));
    assert_eq!(s.event(), EventId(0), "the beginning");
    assert!(!s.step_back(Stride::Event, &fault));
}

#[test]
fn steps_back_cross_checkpoints() {
    let mut s = session();
    run(&mut s, 5_000);
    for expected in [4_999, 4_989, 4_979] {
        assert!(s.step_back(Stride::Change, &fault));
        assert_eq!(s.event(), EventId(expected));
    }
    s.seek(EventId(2_050));
    for expected in [2_049, 2_039] {
        assert!(s.step_back(Stride::Change, &fault));
        assert_eq!(s.event(), EventId(expected));
    }
}

#[test]
fn why_leads_to_the_beginning_with_timers_folded() {
    let mut s = session();
    run(&mut s, 25);
    let chain = s.why(EventId(25));
    let shape: Vec<(u64, u32)> = chain.iter().map(|c| (c.event.id.0, c.folded)).collect();
    assert_eq!(shape, [(25, 4), (20, 0), (19, 8), (10, 0), (9, 8)]);
}

#[test]
fn checkpoints_keep_to_their_budget_and_a_violation_stops() {
    let mut s = Session::new(Toy::default(), Journal::default(), 150);
    assert_eq!(run(&mut s, 9_000), Advanced::InvariantViolated);
    assert_eq!(s.machine().violation().map(|v| v.invariant), Some("toy"));
    let (bytes, count) = s.checkpoint_bytes();
    assert!(bytes <= 150 + 100 && count >= 2, "{bytes} bytes in {count}");
}

#[test]
fn a_budget_is_kept() {
    let mut s = session();
    assert_eq!(s.advance(ms(100), 7, &mut |_| false), Advanced::BudgetSpent);
    assert_eq!(s.event(), EventId(7));
    assert_eq!(
        s.advance(ms(100), 99, &mut |m| m.ticks == 9),
        Advanced::Breakpoint
    );
}
