//! A producer and the little application that runs it: sends that a person asks for, bursts, a stream.
//!
//! The client is Kafka's; the application only calls it and notes what it is told.

use super::AppEvent;
use super::wire::{input_to_client, outputs_from_client};
use crate::rules;
use crate::scenario::Load;
use clients::producer::{Call, CallId, Producer, ProducerEvent, ProducerRecord, ThreadId};
use protocol::trace::{Fact, FactKey, FactKind, Subject};
use protocol::wire::{Input, Outbox, Output};
use protocol::{Ctx, Instant, Name};
use std::collections::VecDeque;

/// Passes of the client within one step; far above what any state needs, so that a loop shows.
const MAX_PASSES: u32 = 10_000;

/// The thread of the application on which sends and flushes run; a close has its own, as a shutdown hook would.
const APPLICATION: ThreadId = ThreadId(0);
const SHUTDOWN: ThreadId = ThreadId(1);

/// So many of one record, some time apart.
#[derive(Clone, Debug)]
struct Burst {
    record: ProducerRecord,
    left: u32,
    every_ms: u32,
    next_at: Instant,
}

/// The application's stream.
#[derive(Clone, Debug)]
struct Stream {
    load: Load,
    sent: u64,
    next_at: Instant,
}

/// A producer's process.
#[derive(Clone, Debug)]
pub struct ProducerApp {
    client_id: Name,
    producer: Producer,
    next_call: u64,
    bursts: VecDeque<Burst>,
    stream: Option<Stream>,
    closing: bool,
    /// Sends without an outcome, and unanswered requests, as last told.
    undecided: i64,
    told: (i64, i64),
    /// Who the sends are; drained after every step.
    events: Vec<AppEvent>,
}

impl ProducerApp {
    /// `load_from`: when the stream begins.
    pub fn new(
        client_id: Name,
        producer: Producer,
        load: Option<Load>,
        load_from: Instant,
    ) -> Self {
        Self {
            client_id,
            producer,
            next_call: 1,
            bursts: VecDeque::new(),
            stream: load.map(|load| Stream {
                load,
                sent: 0,
                next_at: load_from,
            }),
            closing: false,
            undecided: 0,
            told: (0, 0),
            events: Vec::new(),
        }
    }

    pub fn client(&self) -> &Producer {
        &self.producer
    }

    pub fn load(&self) -> Option<&Load> {
        self.stream.as_ref().map(|s| &s.load)
    }

    /// Calls made so far: the next one's number.
    pub const fn next_call(&self) -> u64 {
        self.next_call
    }

    pub fn has_events(&self) -> bool {
        !self.events.is_empty()
    }

    pub fn take_events(&mut self) -> Vec<AppEvent> {
        std::mem::take(&mut self.events)
    }

    fn call(&mut self, thread: ThreadId, call: Call) -> u64 {
        let id = self.next_call;
        self.next_call += 1;
        self.producer.call(thread, CallId(id), call);
        id
    }

    pub fn send(&mut self, record: ProducerRecord) -> u64 {
        let (topic, partition) = (record.topic.clone(), record.partition);
        let (key, value) = (record.key.clone(), record.value.clone());
        let call = self.call(APPLICATION, Call::Send(record));
        let acks_all = self.producer.config.acks == -1;
        self.undecided += 1;
        self.events.push(AppEvent::Sent {
            call,
            topic,
            partition,
            key,
            value,
            acks_all,
        });
        call
    }

    pub fn produce(&mut self, record: ProducerRecord, count: u32, every_ms: u32, now: Instant) {
        if every_ms == 0 {
            for _ in 0..count {
                self.send(record.clone());
            }
        } else if count > 0 {
            self.bursts.push_back(Burst {
                record,
                left: count,
                every_ms,
                next_at: now,
            });
        }
    }

    pub fn flush(&mut self) -> u64 {
        self.call(APPLICATION, Call::Flush)
    }

    pub fn close(&mut self) {
        if !self.closing {
            self.closing = true;
            self.stream = None;
            self.bursts.clear();
            self.call(SHUTDOWN, Call::Close { timeout_ms: None });
        }
    }

    pub fn set_load(&mut self, load: Option<Load>, now: Instant) {
        self.stream = load.map(|load| Stream {
            load,
            sent: 0,
            next_at: now,
        });
    }

    pub fn handle(&mut self, input: Input) {
        if let Some(input) = input_to_client(input) {
            self.producer.handle(input);
        }
    }

    pub fn poll(&mut self, ctx: &mut Ctx<'_>, out: &mut Outbox) -> Option<Instant> {
        self.run_application(ctx.now);
        let mut wake = None;
        for pass in 0.. {
            wake = self.producer.poll(ctx);
            outputs_from_client(self.producer.take_outputs(), &self.client_id, out);
            if !self.producer.is_due(ctx.now) {
                break;
            }
            assert!(pass < MAX_PASSES, "a producer that never rests");
        }
        for event in self.producer.take_events() {
            if matches!(
                event,
                ProducerEvent::Acked { .. } | ProducerEvent::Failed { .. }
            ) {
                self.undecided -= 1;
            }
            match event {
                ProducerEvent::Acked {
                    call, tp, offset, ..
                } => {
                    self.events.push(AppEvent::Acked {
                        call: call.0,
                        tp,
                        offset,
                    });
                }
                ProducerEvent::Failed { call, tp, error } => {
                    self.events.push(AppEvent::SendFailed {
                        call: call.0,
                        tp,
                        error,
                    });
                }
                ProducerEvent::Returned { call, .. } => {
                    self.events.push(AppEvent::Returned { call: call.0 })
                }
                ProducerEvent::Thrown { call, error } => self.events.push(AppEvent::Thrown {
                    call: call.0,
                    error,
                }),
            }
        }
        self.tell(ctx);
        if self.closing && self.producer.is_closed() {
            out.push(Output::Exit);
            return None;
        }
        let bursts = self.bursts.iter().map(|b| b.next_at);
        let stream = self.stream.iter().map(|s| s.next_at);
        wake.into_iter().chain(bursts).chain(stream).min()
    }

    /// Reports what can be seen of the client from outside.
    fn tell(&mut self, ctx: &mut Ctx<'_>) {
        let in_flight = self.producer.view().in_flight().len() as i64;
        let key = |kind| FactKey::new(kind, Subject::Client(self.client_id.clone()));
        let (undecided, told) = (self.undecided, self.told);
        ctx.changed(
            key(FactKind::Accumulator),
            told.0,
            undecided,
            rules::ACCUMULATE,
            Vec::new,
        );
        ctx.changed(
            key(FactKind::InFlight),
            told.1,
            in_flight,
            rules::SEND,
            || vec![Fact::new(key(FactKind::Accumulator), undecided)],
        );
        self.told = (undecided, in_flight);
    }

    fn run_application(&mut self, now: Instant) {
        for i in 0..self.bursts.len() {
            while self.bursts[i].left > 0 && self.bursts[i].next_at <= now {
                let burst = &mut self.bursts[i];
                burst.left -= 1;
                burst.next_at = burst.next_at.after_ms(burst.every_ms.into());
                let record = burst.record.clone();
                self.send(record);
            }
        }
        self.bursts.retain(|b| b.left > 0);
        while let Some(stream) = self.stream.as_mut().filter(|s| s.next_at <= now) {
            if stream.load.count.is_some_and(|count| stream.sent >= count) {
                self.stream = None;
                break;
            }
            let record = stream_record(&stream.load, stream.sent);
            stream.sent += 1;
            stream.next_at = stream.next_at.after_ms(stream.load.every_ms.max(1).into());
            self.send(record);
        }
    }
}

/// The `n`-th record of a stream, counted from 0.
fn stream_record(load: &Load, n: u64) -> ProducerRecord {
    let turn = |len: usize| (n % len as u64) as usize;
    let key = (!load.keys.is_empty())
        .then(|| load.keys[turn(load.keys.len())].clone())
        .flatten();
    let value = if load.values.is_empty() {
        n.to_string()
    } else {
        load.values[turn(load.values.len())].replace("{n}", &n.to_string())
    };
    ProducerRecord {
        topic: load.topic.as_str().into(),
        partition: load.partition,
        timestamp_ms: None,
        key: key.map(|k| k.into_bytes().into()),
        value: Some(value.into_bytes().into()),
        headers: Vec::new(),
    }
}
