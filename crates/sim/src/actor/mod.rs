//! Who takes part: the processes that the world runs, behind one narrow door.
//!
//! The world knows a process only as something that takes inputs, wants to be woken, and leaves messages in an outbox.

pub mod admin;
pub mod consumer;
pub mod producer;
mod wire;

use crate::scenario::{App, Load};
use admin::{Admin, Question};
use bytes::Bytes;
use clients::consumer::{CallResult, CallbackKind, CommitOffset, ConsumerCall};
use clients::error::ClientError;
use clients::producer::ProducerRecord;
use consumer::ConsumerApp;
use producer::ProducerApp;
use protocol::wire::{Input, Outbox};
use protocol::{Ctx, Instant, Name, Offset, TopicPartition};
use std::collections::BTreeMap;

/// What a process is, for those who look.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    Broker,
    Controller,
    Producer,
    Consumer,
    Admin,
}

/// What a person or a program asks of the process that it runs.
#[derive(Clone, Debug)]
pub enum Order {
    Ask(Question),
    Produce {
        record: ProducerRecord,
        count: u32,
        every_ms: u32,
    },
    Flush,
    SetLoad(Option<Load>),
    /// A call of a consumer's application.
    Call(ConsumerCall),
    SeekByTime {
        tp: TopicPartition,
        timestamp_ms: protocol::Ms,
    },
    SetApp(App),
    SetProcessing(u32),
    /// The application's loop goes on, or ends after its running poll.
    SetLooping(bool),
    Freeze,
    Thaw,
    /// Ends the process in order.
    Close,
    /// Retention and cleaner, now.
    RunLogTasks,
    #[cfg(test)]
    Echo {
        node: protocol::NodeId,
        count: u32,
    },
}

/// What an application did or was told: not Kafka's state, but what people care about.
#[derive(Clone, PartialEq, Debug)]
pub enum AppEvent {
    /// `send` was called.
    Sent {
        call: u64,
        topic: Name,
        partition: Option<i32>,
        key: Option<Bytes>,
        value: Option<Bytes>,
        acks_all: bool,
    },
    /// Its callback: the record has this offset (−1 = unknown).
    Acked {
        call: u64,
        tp: TopicPartition,
        offset: Offset,
    },
    /// Its callback: an error. Partition −1 = none was chosen.
    SendFailed {
        call: u64,
        tp: TopicPartition,
        error: ClientError,
    },
    /// A call ended.
    Returned { call: u64 },
    /// A call threw.
    Thrown { call: u64, error: ClientError },
    /// `poll` handed a record over.
    Delivered {
        tp: TopicPartition,
        offset: Offset,
        key: Option<Bytes>,
        value: Option<Bytes>,
    },
    /// Another call of a consumer's application ended.
    Called {
        call: u64,
        result: Result<CallResult, ClientError>,
    },
    /// A rebalance listener was called.
    Rebalanced {
        kind: CallbackKind,
        partitions: Vec<TopicPartition>,
    },
    /// The callback of an asynchronous commit.
    Committed {
        call: u64,
        offsets: BTreeMap<TopicPartition, CommitOffset>,
        error: Option<ClientError>,
    },
    /// The application has finished with a record.
    Processed { tp: TopicPartition, offset: Offset },
}

/// A running process.
#[derive(Clone, Debug)]
pub enum Actor {
    Broker(Box<broker::node::Node>),
    Controller(Box<metadata::node::Node>),
    Producer(Box<ProducerApp>),
    Consumer(Box<ConsumerApp>),
    Admin(Box<Admin>),
    #[cfg(test)]
    Echo(Box<crate::world::tests::Echo>),
}

impl Actor {
    /// Begins: opens what it needs, sets its timers.
    pub fn start(&mut self, ctx: &mut Ctx<'_>, _out: &mut Outbox) {
        match self {
            Actor::Broker(node) => node.start(ctx),
            Actor::Controller(node) => node.start(ctx),
            Actor::Producer(_) | Actor::Consumer(_) | Actor::Admin(_) => {}
            #[cfg(test)]
            Actor::Echo(echo) => echo.start(ctx, _out),
        }
    }

    pub fn handle(&mut self, input: Input, ctx: &mut Ctx<'_>, out: &mut Outbox) {
        match self {
            Actor::Broker(node) => node.handle(input, ctx, out),
            Actor::Controller(node) => node.handle(input, ctx, out),
            Actor::Producer(app) => app.handle(input),
            Actor::Consumer(app) => app.handle(input),
            Actor::Admin(admin) => admin.handle(input, ctx, out),
            #[cfg(test)]
            Actor::Echo(echo) => echo.handle(input, ctx, out),
        }
    }

    /// Takes up a request that waited behind another on its connection.
    pub fn next(&mut self, ctx: &mut Ctx<'_>, out: &mut Outbox) {
        match self {
            Actor::Broker(node) => node.next(ctx, out),
            Actor::Controller(node) => node.next(ctx, out),
            // nobody connects to these
            Actor::Producer(_) | Actor::Consumer(_) | Actor::Admin(_) => {}
            #[cfg(test)]
            Actor::Echo(_) => {}
        }
    }

    /// Carries out an order; one that is for another kind of process is ignored.
    pub fn order(&mut self, order: &Order, ctx: &mut Ctx<'_>, out: &mut Outbox) {
        match (self, order) {
            (Actor::Broker(node), Order::Close) => node.stop(ctx, out),
            (Actor::Broker(node), Order::RunLogTasks) => node.run_log_tasks_now(ctx.now),
            (Actor::Controller(_), Order::Close) => out.push(protocol::wire::Output::Exit),
            (
                Actor::Producer(app),
                Order::Produce {
                    record,
                    count,
                    every_ms,
                },
            ) => {
                app.produce(record.clone(), *count, *every_ms, ctx.now);
            }
            (Actor::Producer(app), Order::Flush) => {
                app.flush();
            }
            (Actor::Producer(app), Order::SetLoad(load)) => app.set_load(load.clone(), ctx.now),
            (Actor::Producer(app), Order::Close) => app.close(),
            (Actor::Consumer(app), order) => consumer_order(app, order, ctx.now),
            (Actor::Admin(admin), Order::Ask(question)) => admin.ask(question.clone(), ctx, out),
            #[cfg(test)]
            (Actor::Echo(echo), order) => echo.order(order, ctx, out),
            _ => {}
        }
    }

    /// Does what is due at `ctx.now`; answers when it wants to be woken next.
    pub fn poll(&mut self, ctx: &mut Ctx<'_>, out: &mut Outbox) -> Option<Instant> {
        match self {
            Actor::Broker(node) => node.poll(ctx, out),
            Actor::Controller(node) => node.poll(ctx, out),
            Actor::Producer(app) => app.poll(ctx, out),
            Actor::Consumer(app) => app.poll(ctx, out),
            Actor::Admin(admin) => admin.poll(ctx, out),
            #[cfg(test)]
            Actor::Echo(echo) => echo.poll(ctx, out),
        }
    }

    /// Whether [`Self::take_app_events`] would bring something.
    pub fn has_app_events(&self) -> bool {
        match self {
            Actor::Producer(app) => app.has_events(),
            Actor::Consumer(app) => app.has_events(),
            _ => false,
        }
    }

    /// Under whose name the records that this process reads are counted: its group, if it has one.
    pub fn reader(&self) -> Option<Name> {
        match self {
            Actor::Consumer(app) => app.group().cloned(),
            _ => None,
        }
    }

    /// What the application did or was told in this step.
    pub fn take_app_events(&mut self) -> Vec<AppEvent> {
        match self {
            Actor::Producer(app) => app.take_events(),
            Actor::Consumer(app) => app.take_events(),
            _ => Vec::new(),
        }
    }
}

fn consumer_order(app: &mut ConsumerApp, order: &Order, now: Instant) {
    match order {
        Order::Call(call) => {
            app.ask(call.clone());
        }
        Order::SeekByTime { tp, timestamp_ms } => app.seek_by_time(tp.clone(), *timestamp_ms),
        Order::SetApp(new) => app.set_app(new.clone()),
        Order::SetProcessing(ms) => app.set_processing_ms(*ms),
        Order::SetLooping(on) => app.set_looping(*on),
        Order::Freeze => app.freeze(),
        Order::Thaw => app.thaw(now),
        Order::Close => app.close(),
        _ => {}
    }
}
