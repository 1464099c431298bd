//! `KafkaProducer` as a step machine: calls go in, requests and callbacks come out.
//!
//! An application's threads are queues of calls; a call that blocks is a state and holds up what is behind it. The
//! network thread is the [`sender`]. One step is half a network pass.

pub mod accumulator;
pub mod batch;
pub mod buffer_pool;
mod calls;
pub mod config;
pub mod events;
pub mod partitioner;
pub mod sender;
pub mod transactions;
mod view;

pub use batch::{BatchId, CallId, ProducerIdAndEpoch};
pub use calls::{Call, ProducerRecord, ThreadId};
pub use config::ProducerConfig;
pub use events::ProducerEvent;
pub use transactions::{GroupMetadata, OffsetToCommit};
pub use view::{BatchView, ProducerView, QueueView};

use crate::backoff::ExponentialBackoff;
use crate::network::metadata::{Interest, Metadata, ProducerTopics};
use crate::network::{Input, Network, Output};
use accumulator::{Accumulator, AccumulatorConfig};
use calls::Thread;
use partitioner::Partitioner;
use protocol::config::ConfigError;
use protocol::{Ctx, Instant, Ms, NodeId};
use sender::{Sender, SenderConfig};
use std::collections::BTreeMap;
use transactions::TransactionManager;

/// `KafkaProducer`.
#[derive(Clone, Debug)]
pub struct Producer {
    pub config: ProducerConfig,
    sender: Sender,
    partitioner: Partitioner,
    threads: BTreeMap<ThreadId, Thread>,
}

impl Producer {
    /// A producer with Kafka's dotted configs that knows the cluster by its `bootstrap` brokers.
    ///
    /// # Errors
    /// What Kafka's constructor refuses (ConfigException).
    pub fn new<'a>(
        pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
        bootstrap: Vec<NodeId>,
    ) -> Result<Self, ConfigError> {
        let config = ProducerConfig::new(pairs)?;
        let retry = ExponentialBackoff::new(config.retry_backoff_ms, config.retry_backoff_max_ms);
        let interest = Interest::Producer(ProducerTopics {
            idle_ms: config.metadata_max_idle_ms,
            ..ProducerTopics::default()
        });
        let metadata = Metadata::new(retry, config.metadata_max_age_ms, interest, bootstrap.len());
        let network = Network::new(config.network.clone(), bootstrap, metadata);
        let accumulator = Accumulator::new(AccumulatorConfig {
            batch_size: config.batch_size,
            compression: config.compression,
            linger_ms: config.linger_ms,
            retry_backoff: retry,
            delivery_timeout_ms: config.delivery_timeout_ms,
            adaptive_partitioning: config.adaptive_partitioning,
            availability_timeout_ms: config.availability_timeout_ms,
            buffer_memory: config.buffer_memory,
        });
        let txn = config.idempotent.then(|| {
            TransactionManager::new(
                config.transactional_id.clone(),
                config.transaction_timeout_ms,
                config.retry_backoff_ms,
            )
        });
        let sender_config = SenderConfig {
            acks: config.acks,
            retries: config.retries,
            max_request_size: config.max_request_size,
            request_timeout_ms: config.request_timeout_ms,
            retry_backoff_ms: config.retry_backoff_ms,
            guarantee_message_order: config.max_in_flight == 1,
        };
        Ok(Self {
            sender: Sender::new(sender_config, network, accumulator, txn),
            partitioner: config.partitioner.clone(),
            config,
            threads: BTreeMap::new(),
        })
    }

    /// Takes what the wire says; [`Producer::poll`] works on it.
    pub fn handle(&mut self, input: Input) {
        self.sender.network.handle(input);
    }

    /// Queues a call on a thread of the application.
    pub fn call(&mut self, thread: ThreadId, id: CallId, call: Call) {
        self.threads
            .entry(thread)
            .or_default()
            .queue
            .push_back((id, call));
    }

    /// Goes on to the next point at which the world may do something. Answers when it wants to be called again: now or
    /// earlier = at once, `None` = only when something comes in.
    pub fn poll(&mut self, ctx: &mut Ctx<'_>) -> Option<Instant> {
        let now = ctx.now.ms();
        // One thread runs at a time; the application goes first whenever the network thread waits.
        if self.sender.waits_until(now).is_some() {
            self.run_threads(ctx);
        }
        if self.sender.waits_until(now).is_none() {
            self.sender.advance(now);
            // A flush that waits for a batch goes on to wait for its pieces, or nobody would wake it when they are done.
            self.follow_splits();
        }
        let wake = self.next_wake(now);
        (wake < Ms::MAX).then(|| Instant::from_ms(wake))
    }

    /// Whether [`Producer::poll`] would get on at `now`.
    pub fn is_due(&self, now: Instant) -> bool {
        self.next_wake(now.ms()) <= now.ms()
    }

    fn next_wake(&self, now: Ms) -> Ms {
        let Some(sender) = self.sender.waits_until(now) else {
            return now;
        };
        if self
            .threads
            .values()
            .any(|thread| self.can_run(thread, now))
        {
            return now;
        }
        self.threads
            .values()
            .filter_map(Thread::deadline_ms)
            .chain([sender])
            .min()
            .unwrap_or(Ms::MAX)
    }

    /// What it asks of the wire, in order.
    pub fn take_outputs(&mut self) -> Vec<Output> {
        self.sender.network.take_outputs()
    }

    /// What the application saw, in order.
    pub fn take_events(&mut self) -> Vec<ProducerEvent> {
        std::mem::take(&mut self.sender.events)
    }

    /// The network thread has ended; nothing will come any more.
    pub fn is_closed(&self) -> bool {
        self.sender.is_finished()
    }
}
