//! A consumer and the little application that runs it: poll, process each record, commit, again.
//!
//! The client is Kafka's; the application only calls it, takes its time over records, and notes what it is told.

use super::AppEvent;
use super::wire::{input_to_client, outputs_from_client};
use crate::rules;
use crate::scenario::{App, CommitMode};
use clients::consumer::{
    CallResult, CommitOffset, Consumer, ConsumerCall, ConsumerEvent, Membership, RebalanceListener,
};
use clients::error::ClientError;
use clients::producer::CallId;
use protocol::trace::{FactKey, FactKind, Subject, Value};
use protocol::wire::{Input, Outbox, Output};
use protocol::{Ctx, Instant, Ms, Name, Offset, TopicPartition};
use std::collections::{BTreeMap, VecDeque};

/// Passes of the client within one step; far above what any state needs, so that a loop shows.
const MAX_PASSES: u32 = 100_000;

/// Passes in a row that bring nothing, after which a client is taken to be spinning: far above what any of its states takes.
const MAX_IDLE_PASSES: u32 = 50;

/// What the application is doing.
#[derive(Clone, Debug, PartialEq)]
enum Doing {
    /// Between two things.
    Ready,
    Polling(CallId),
    /// Waits for a commit of its own before it goes on.
    Committing(CallId),
    /// At work on the first of the records at hand until then.
    Processing(Instant),
    /// Its poll threw, and it gave up.
    Stopped,
}

/// What a call of a person is for.
#[derive(Clone, Debug, PartialEq)]
enum Asked {
    Plain,
    /// Its answer is where to seek to.
    SeekByTime(TopicPartition),
}

/// A consumer's process.
#[derive(Clone, Debug)]
pub struct ConsumerApp {
    client_id: Name,
    group: Option<Name>,
    consumer: Consumer,
    app: App,
    /// The application's loop runs; without it only calls that somebody asks for are made.
    looping: bool,
    frozen: bool,
    doing: Doing,
    next_call: u64,
    /// Handed over by poll, not yet finished with.
    at_hand: VecDeque<(TopicPartition, Offset, Option<protocol::LeaderEpoch>)>,
    /// A commit that the loop makes before its next poll.
    commit_due: bool,
    asked: BTreeMap<CallId, Asked>,
    last_error: Option<ClientError>,
    closing: Option<CallId>,
    delivered: u64,
    processed: u64,
    /// Positions and records at hand, as last told.
    told: BTreeMap<TopicPartition, Option<Offset>>,
    told_at_hand: i64,
    events: Vec<AppEvent>,
}

impl ConsumerApp {
    pub fn new(
        client_id: Name,
        group: Option<Name>,
        consumer: Consumer,
        app: App,
        looping: bool,
    ) -> Self {
        Self {
            client_id,
            group,
            consumer,
            app,
            looping,
            frozen: false,
            doing: Doing::Ready,
            next_call: 1,
            at_hand: VecDeque::new(),
            commit_due: false,
            asked: BTreeMap::new(),
            last_error: None,
            closing: None,
            delivered: 0,
            processed: 0,
            told: BTreeMap::new(),
            told_at_hand: 0,
            events: Vec::new(),
        }
    }

    pub fn client(&self) -> &Consumer {
        &self.consumer
    }

    pub fn group(&self) -> Option<&Name> {
        self.group.as_ref()
    }

    pub fn app(&self) -> &App {
        &self.app
    }

    pub const fn is_frozen(&self) -> bool {
        self.frozen
    }

    /// Its poll threw, and the loop ended.
    pub fn is_stopped(&self) -> bool {
        self.doing == Doing::Stopped
    }

    /// The last thing that a call of the loop threw.
    pub fn last_error(&self) -> Option<&ClientError> {
        self.last_error.as_ref()
    }

    /// Records that poll has handed over and the application has not finished with, in order; until when it works on the
    /// first.
    pub fn at_hand(
        &self,
    ) -> (
        impl Iterator<Item = (&TopicPartition, Offset)>,
        Option<Instant>,
    ) {
        let until = match self.doing {
            Doing::Processing(until) => Some(until),
            _ => None,
        };
        (
            self.at_hand.iter().map(|(tp, offset, _)| (tp, *offset)),
            until,
        )
    }

    /// How many records poll has handed over, and how many the application has finished with.
    pub const fn counts(&self) -> (u64, u64) {
        (self.delivered, self.processed)
    }

    pub fn has_events(&self) -> bool {
        !self.events.is_empty()
    }

    pub fn take_events(&mut self) -> Vec<AppEvent> {
        std::mem::take(&mut self.events)
    }

    fn call(&mut self, call: ConsumerCall) -> CallId {
        let id = CallId(self.next_call);
        self.next_call += 1;
        self.consumer.call(id, call);
        id
    }

    /// A call that somebody asks for; it runs when the one before it has ended.
    pub fn ask(&mut self, call: ConsumerCall) -> CallId {
        let id = self.call(call);
        self.asked.insert(id, Asked::Plain);
        id
    }

    pub fn subscribe(&mut self, topics: Vec<Name>) {
        self.ask(ConsumerCall::Subscribe {
            topics,
            listener: RebalanceListener::default(),
        });
    }

    /// Asks where the first record at or after a time is, and goes there; to the end if there is none.
    pub fn seek_by_time(&mut self, tp: TopicPartition, timestamp_ms: Ms) {
        let id = self.call(ConsumerCall::OffsetsForTimes(BTreeMap::from([(
            tp.clone(),
            timestamp_ms,
        )])));
        self.asked.insert(id, Asked::SeekByTime(tp));
    }

    pub fn set_app(&mut self, app: App) {
        self.app = app;
    }

    pub fn set_processing_ms(&mut self, processing_ms: u32) {
        self.app.processing_ms = processing_ms;
    }

    pub fn set_looping(&mut self, looping: bool) {
        self.looping = looping;
    }

    /// The application hangs: it finishes nothing and calls nothing. The client's own thread goes on.
    pub fn freeze(&mut self) {
        self.frozen = true;
    }

    pub fn thaw(&mut self, now: Instant) {
        self.frozen = false;
        if let Doing::Processing(until) = &mut self.doing {
            *until = (*until).max(now);
        }
    }

    pub fn close(&mut self) {
        if self.closing.is_none() {
            self.looping = false;
            self.at_hand.clear();
            self.doing = Doing::Ready;
            // a poll that waits is ended, as a shutdown hook does
            self.consumer.wakeup();
            let id = self.call(ConsumerCall::Close {
                timeout_ms: None,
                membership: Membership::Default,
            });
            self.closing = Some(id);
        }
    }

    pub fn handle(&mut self, input: Input) {
        if let Some(input) = input_to_client(input) {
            self.consumer.handle(input);
        }
    }

    pub fn poll(&mut self, ctx: &mut Ctx<'_>, out: &mut Outbox) -> Option<Instant> {
        let mut wake = None;
        let mut idle = 0;
        for pass in 0.. {
            let went_on = self.go_on(ctx.now);
            if self.consumer.is_due(ctx.now) || pass == 0 {
                wake = self.consumer.poll(ctx);
            } else if !went_on {
                break;
            }
            let sent = out.outputs.len();
            outputs_from_client(self.consumer.take_outputs(), &self.client_id, out);
            let events = self.consumer.take_events();
            let moved = went_on || out.outputs.len() > sent || !events.is_empty();
            for event in events {
                self.hear(event);
            }
            idle = if moved { 0 } else { idle + 1 };
            if idle > MAX_IDLE_PASSES {
                // Kafka's consumer polls without a wait here, until time goes on; so does time here
                wake = Some(ctx.now.after_ms(1));
                break;
            }
            assert!(pass < MAX_PASSES, "a consumer that never rests");
        }
        self.tell(ctx);
        if self.closing.is_some() && self.consumer.is_closed() {
            out.push(Output::Exit);
            return None;
        }
        let working = match self.doing {
            Doing::Processing(until) if !self.frozen => Some(until),
            _ => None,
        };
        wake.into_iter().chain(working).min()
    }

    /// Reports what can be seen of the client from outside.
    fn tell(&mut self, ctx: &mut Ctx<'_>) {
        let name = &self.client_id;
        let subject = || Subject::Client(name.clone());
        let subscriptions = self.consumer.view().subscriptions();
        let same = subscriptions.assigned().count() == self.told.len()
            && subscriptions
                .assigned()
                .all(|(tp, _)| self.told.contains_key(tp));
        if !same {
            let mut now: Vec<TopicPartition> = subscriptions.assigned_partitions();
            now.sort();
            let before: Vec<TopicPartition> = self.told.keys().cloned().collect();
            let key = FactKey::new(FactKind::Assignment, subject());
            let (from, to) = (Value::Partitions(before), Value::Partitions(now.clone()));
            ctx.changed(key, from, to, rules::ASSIGNMENT, Vec::new);
            self.told.retain(|tp, _| now.contains(tp));
            for tp in now {
                self.told.entry(tp).or_default();
            }
        }
        for (tp, told) in &mut self.told {
            let position = subscriptions
                .state(tp)
                .and_then(|s| s.position.as_ref())
                .map(|p| p.offset);
            if position != *told {
                let value = |o: Option<Offset>| o.map_or(Value::None, |o| Value::Int(o.get()));
                let key = FactKey::new(
                    FactKind::Position,
                    Subject::ClientPartition(name.clone(), tp.clone()),
                );
                ctx.changed(
                    key,
                    value(*told),
                    value(position),
                    rules::POSITION,
                    Vec::new,
                );
                *told = position;
            }
        }
        let at_hand = self.at_hand.len() as i64;
        let key = FactKey::new(FactKind::Processing, subject());
        ctx.changed(key, self.told_at_hand, at_hand, rules::PROCESS, Vec::new);
        self.told_at_hand = at_hand;
    }

    /// The application's loop, as far as it gets without waiting. True if it did anything.
    fn go_on(&mut self, now: Instant) -> bool {
        if self.frozen {
            return false;
        }
        match self.doing {
            Doing::Processing(until) if until <= now => {
                self.finish_record();
                true
            }
            Doing::Ready if !self.at_hand.is_empty() => {
                self.doing = Doing::Processing(now.after_ms(self.app.processing_ms.into()));
                true
            }
            Doing::Ready if self.commit_due => {
                self.commit_due = false;
                self.commit_by_mode();
                true
            }
            Doing::Ready if self.looping => {
                let id = self.call(ConsumerCall::Poll {
                    timeout_ms: self.app.poll_timeout_ms.into(),
                });
                self.doing = Doing::Polling(id);
                true
            }
            _ => false,
        }
    }

    fn finish_record(&mut self) {
        let Some((tp, offset, leader_epoch)) = self.at_hand.pop_front() else {
            return;
        };
        self.processed += 1;
        self.events.push(AppEvent::Processed {
            tp: tp.clone(),
            offset,
        });
        self.doing = Doing::Ready;
        if self.app.commit == CommitMode::PerRecord {
            let next = CommitOffset {
                offset: offset + 1,
                leader_epoch,
                metadata: "".into(),
            };
            let offsets = Some(BTreeMap::from([(tp, next)]));
            let id = self.call(ConsumerCall::CommitSync {
                offsets,
                timeout_ms: None,
            });
            self.doing = Doing::Committing(id);
        } else if self.at_hand.is_empty() {
            self.commit_due = matches!(
                self.app.commit,
                CommitMode::SyncAfter | CommitMode::AsyncAfter
            );
        }
    }

    fn commit_by_mode(&mut self) {
        if self.app.commit == CommitMode::AsyncAfter {
            self.ask(ConsumerCall::CommitAsync { offsets: None });
        } else {
            let id = self.call(ConsumerCall::CommitSync {
                offsets: None,
                timeout_ms: None,
            });
            self.doing = Doing::Committing(id);
        }
    }

    fn hear(&mut self, event: ConsumerEvent) {
        match event {
            ConsumerEvent::Returned { call, result } => {
                let ours = self.doing == Doing::Polling(call);
                if ours || self.doing == Doing::Committing(call) {
                    self.doing = Doing::Ready;
                }
                match (result, self.asked.remove(&call)) {
                    (CallResult::Records(fetched), _) => {
                        for (tp, records) in fetched.records {
                            for record in records {
                                let offset = Offset(record.record.offset);
                                self.delivered += 1;
                                self.events.push(AppEvent::Delivered {
                                    tp: tp.clone(),
                                    offset,
                                    key: record.record.key,
                                    value: record.record.value,
                                });
                                if ours {
                                    self.at_hand.push_back((
                                        tp.clone(),
                                        offset,
                                        record.leader_epoch,
                                    ));
                                }
                            }
                        }
                        if !ours {
                            // a poll that somebody asked for by hand
                            self.events.push(AppEvent::Called {
                                call: call.0,
                                result: Ok(CallResult::Nothing),
                            });
                        }
                        if ours && !self.at_hand.is_empty() {
                            self.commit_due = self.app.commit == CommitMode::SyncBefore;
                            if self.commit_due {
                                self.commit_due = false;
                                self.commit_by_mode();
                            }
                        }
                    }
                    (CallResult::Offsets(found), Some(Asked::SeekByTime(tp))) => {
                        match found.get(&tp) {
                            Some(at) => {
                                let (offset, leader_epoch) = (at.offset, at.leader_epoch);
                                self.ask(ConsumerCall::Seek {
                                    tp,
                                    offset,
                                    leader_epoch,
                                });
                            }
                            None => {
                                self.ask(ConsumerCall::SeekToEnd(vec![tp]));
                            }
                        }
                    }
                    (result, _) => self.events.push(AppEvent::Called {
                        call: call.0,
                        result: Ok(result),
                    }),
                }
            }
            ConsumerEvent::Thrown { call, error } => {
                self.asked.remove(&call);
                // a commit that failed is not the end of a loop; a poll that failed is
                if self.doing == Doing::Committing(call) {
                    self.doing = Doing::Ready;
                    self.last_error = Some(error.clone());
                } else if self.doing == Doing::Polling(call) {
                    self.doing = Doing::Stopped;
                    self.last_error = Some(error.clone());
                }
                self.events.push(AppEvent::Called {
                    call: call.0,
                    result: Err(error),
                });
            }
            ConsumerEvent::Rebalance { kind, partitions } => {
                self.events.push(AppEvent::Rebalanced { kind, partitions });
            }
            ConsumerEvent::Committed {
                call,
                offsets,
                error,
            } => {
                self.events.push(AppEvent::Committed {
                    call: call.0,
                    offsets,
                    error,
                });
            }
            ConsumerEvent::CommitInCallback { .. } => {}
        }
    }
}
