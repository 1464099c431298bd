//! `KafkaConsumer` as a step machine: calls go in, requests, records and callbacks come out.

pub mod calls;
pub mod classic;
pub mod config;
pub mod events;
pub mod fetch;
pub mod subscription;
pub mod view;

pub use calls::{CommitOffset, ConsumerCall};
pub use classic::{CallbackKind, FoundOffset, ListenerAction, Membership, RebalanceListener};
pub use config::{ConsumerConfig, GroupProtocol};
pub use events::{CallResult, ConsumerEvent};
pub use fetch::{ConsumerRecord, Fetched};
pub use subscription::OffsetAndMetadata;

use crate::assignor;
use crate::backoff::ExponentialBackoff;
use crate::network::metadata::{ConsumerTopics, Interest, Metadata};
use crate::network::{Input, Network, Output};
use crate::producer::CallId;
use classic::{Coordinator, Machine};
use protocol::config::ConfigError;
use protocol::{Ctx, Instant, Ms, NodeId};
use std::collections::VecDeque;

/// `KafkaConsumer`.
#[derive(Clone, Debug)]
pub struct Consumer {
    machine: Machine,
    queue: VecDeque<(CallId, ConsumerCall)>,
    running: Option<(CallId, calls::Kind)>,
}

impl Consumer {
    /// A consumer with Kafka's dotted configs, created at `now`, that knows the cluster by its `bootstrap` brokers.
    ///
    /// # Errors
    /// What Kafka's constructor refuses (ConfigException); an assignor that is not known here.
    pub fn new<'a>(
        pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
        bootstrap: Vec<NodeId>,
        now: Instant,
    ) -> Result<Self, ConfigError> {
        let config = ConsumerConfig::new(pairs)?;
        let retry = ExponentialBackoff::new(config.retry_backoff_ms, config.retry_backoff_max_ms);
        let interest = Interest::Consumer(ConsumerTopics {
            allow_auto_create: config.allow_auto_create_topics,
            include_internal: !config.exclude_internal_topics,
            ..ConsumerTopics::default()
        });
        let metadata = Metadata::new(retry, config.metadata_max_age_ms, interest, bootstrap.len());
        let mut network = Network::new(config.network.clone(), bootstrap, metadata);
        let group = match &config.group_id {
            None => None,
            Some(group_id) => {
                let mut assignors = Vec::new();
                for class in &config.assignment_strategy {
                    assignors.push(assignor::by_class(class).ok_or_else(|| ConfigError {
                        name: "partition.assignment.strategy".into(),
                        value: Some(class.clone()),
                        reason: "no such assignor here".into(),
                        nearest: Some("org.apache.kafka.clients.consumer.RangeAssignor".into()),
                    })?);
                }
                network.metadata.request_update(true);
                Some(Coordinator::new(
                    &config,
                    group_id.clone(),
                    assignors,
                    now.ms(),
                ))
            }
        };
        Ok(Self {
            machine: Machine::new(config, network, group),
            queue: VecDeque::new(),
            running: None,
        })
    }

    /// Takes what the wire says; [`Consumer::poll`] works on it.
    pub fn handle(&mut self, input: Input) {
        self.machine.network.handle(input);
    }

    /// Queues a call of the application.
    pub fn call(&mut self, id: CallId, call: ConsumerCall) {
        self.queue.push_back((id, call));
    }

    /// `wakeup()`: ends the running or next call that waits. May be called while another call runs.
    pub fn wakeup(&mut self) {
        self.machine.wakeup = true;
        self.machine.network.wakeup();
    }

    /// Goes on to the next point at which the world may do something. Answers when it wants to be called again: now or
    /// earlier = at once, `None` = only when something comes in.
    pub fn poll(&mut self, ctx: &mut Ctx<'_>) -> Option<Instant> {
        let now = ctx.now.ms();
        while self.running.is_none() && !self.machine.is_busy() {
            let Some((id, call)) = self.queue.pop_front() else {
                break;
            };
            self.begin(id, call, now);
        }
        if self.machine.next_wake(now) <= now {
            if let Some(ret) = self.machine.advance(now) {
                self.end(ret);
            }
        }
        let wake = self.next_wake(now);
        (wake < Ms::MAX).then(|| Instant::from_ms(wake))
    }

    fn next_wake(&self, now: Ms) -> Ms {
        if self.running.is_none() && !self.queue.is_empty() && !self.machine.is_busy() {
            return now;
        }
        self.machine.next_wake(now)
    }

    /// Whether [`Consumer::poll`] would get on at `now`.
    pub fn is_due(&self, now: Instant) -> bool {
        self.next_wake(now.ms()) <= now.ms()
    }

    /// What it asks of the wire, in order.
    pub fn take_outputs(&mut self) -> Vec<Output> {
        self.machine.network.take_outputs()
    }

    /// What the application saw, in order.
    pub fn take_events(&mut self) -> Vec<ConsumerEvent> {
        std::mem::take(&mut self.machine.events)
    }

    pub fn is_closed(&self) -> bool {
        self.machine.closed
    }
}
