//! `Sender`: the producer's network thread as a step machine.
//!
//! Each turn hands over at most one coordinator request or the batches that are ready, then makes one network pass; a
//! turn that must wait for a connection, or sleeps, is a state. What answers lead to is in `complete`.

mod complete;

use super::accumulator::Accumulator;
use super::batch::BatchId;
use super::events::ProducerEvent;
use super::transactions::{By, TransactionManager, TxnRequest};
use crate::network::{Completed, Network, NodeKey};
use protocol::messages::{
    COORDINATOR_TRANSACTION, PartitionProduceData, ProduceRequest, TopicProduceData,
};
use protocol::{ApiKey, ErrorCode, Ms, Name, NodeId, TopicPartition, Uuid};
use std::collections::BTreeMap;

/// What the sender wants back with an answer.
#[derive(Clone, Debug)]
pub enum Call {
    /// The batches of a PRODUCE request, and the names of topic ids when it left.
    Produce {
        batches: BTreeMap<TopicPartition, BatchId>,
        topic_names: BTreeMap<Uuid, Name>,
    },
    Txn(Box<TxnRequest>),
}

/// What the sender reads from the configuration.
#[derive(Clone, Debug)]
pub struct SenderConfig {
    pub acks: i16,
    pub retries: i32,
    pub max_request_size: usize,
    pub request_timeout_ms: Ms,
    pub retry_backoff_ms: Ms,
    /// `max.in.flight.requests.per.connection` is 1
    pub guarantee_message_order: bool,
}

/// Waiting for the connection that a coordinator request needs (`NetworkClientUtils.awaitReady`).
#[derive(Clone, Debug)]
struct AwaitReady {
    request: TxnRequest,
    node: NodeKey,
    coordinator_type: Option<i8>,
    start_ms: Ms,
    first: bool,
}

/// Where the thread stands.
#[derive(Clone, Debug)]
enum Step {
    Top,
    /// In a network pass, after which it starts over.
    Polling,
    /// In a network pass of [`AwaitReady`].
    Awaiting(Box<AwaitReady>),
    /// `time.sleep` before a coordinator request is sent again.
    SleepThenSend {
        until_ms: Ms,
        request: Box<TxnRequest>,
        node: NodeKey,
    },
    /// `time.sleep` because no connection could be had.
    SleepThenRetry {
        until_ms: Ms,
        request: Box<TxnRequest>,
    },
    Finished,
}

/// `Sender`, with the network client, the accumulator and the transaction manager that it works on.
#[derive(Clone, Debug)]
pub struct Sender {
    pub config: SenderConfig,
    pub network: Network<Call>,
    pub accumulator: Accumulator,
    pub txn: Option<TransactionManager>,
    /// Batches sent and not answered, per partition (`inFlightBatches`).
    pub in_flight: BTreeMap<TopicPartition, Vec<BatchId>>,
    pub events: Vec<ProducerEvent>,
    /// Pieces that took the place of a batch, for those who wait for it.
    pub splits: Vec<(BatchId, Vec<BatchId>)>,
    step: Step,
    running: bool,
    force_close: bool,
}

impl Sender {
    pub fn new(
        config: SenderConfig,
        network: Network<Call>,
        accumulator: Accumulator,
        txn: Option<TransactionManager>,
    ) -> Self {
        Self {
            config,
            network,
            accumulator,
            txn,
            in_flight: BTreeMap::new(),
            events: Vec::new(),
            splits: Vec::new(),
            step: Step::Top,
            running: true,
            force_close: false,
        }
    }

    pub fn is_running(&self) -> bool {
        self.running
    }

    pub fn is_finished(&self) -> bool {
        matches!(self.step, Step::Finished)
    }

    pub fn initiate_close(&mut self) {
        self.accumulator.close();
        self.running = false;
        self.network.wakeup();
    }

    pub fn force_close(&mut self) {
        self.force_close = true;
        self.initiate_close();
    }

    /// Newest finalized `transaction.version` with the epoch of the features.
    pub fn features(&self) -> Option<(i64, i16)> {
        let (epoch, levels) = self.network.finalized_features()?;
        Some((
            *epoch,
            levels.get("transaction.version").copied().unwrap_or(0),
        ))
    }

    /// When the thread goes on by itself; `None` = it can go on at `now`. `Ms::MAX` = it has ended.
    pub fn waits_until(&self, now: Ms) -> Option<Ms> {
        match &self.step {
            Step::Top => None,
            Step::Polling | Step::Awaiting(_) => self.network.waits_until(now),
            Step::SleepThenSend { until_ms, .. } | Step::SleepThenRetry { until_ms, .. } => {
                (now < *until_ms).then_some(*until_ms)
            }
            Step::Finished => Some(Ms::MAX),
        }
    }

    /// Goes on to the next point at which the world may do something: half a network pass.
    pub fn advance(&mut self, now: Ms) {
        match std::mem::replace(&mut self.step, Step::Top) {
            Step::Top => self.run(now),
            Step::Polling => self.finish_poll(now),
            Step::Awaiting(wait) => {
                self.finish_poll(now);
                self.await_ready(*wait, now);
            }
            Step::SleepThenSend { request, node, .. } => self.send_txn_request(*request, node, now),
            Step::SleepThenRetry { request, .. } => {
                self.network.metadata.request_update(false);
                if let Some(txn) = &mut self.txn {
                    txn.retry(*request);
                }
            }
            Step::Finished => self.step = Step::Finished,
        }
    }

    fn poll(&mut self, timeout_ms: Ms, now: Ms) {
        self.network.begin_poll(timeout_ms, now);
        self.step = Step::Polling;
    }

    fn finish_poll(&mut self, now: Ms) {
        for done in self.network.finish_poll(now) {
            self.complete(done, now);
        }
    }

    fn complete(&mut self, done: Completed<Call>, now: Ms) {
        match done.call {
            Call::Produce {
                batches,
                topic_names,
            } => {
                self.handle_produce_response(&batches, &topic_names, done.outcome, now);
            }
            Call::Txn(request) => {
                if let Some(txn) = &mut self.txn {
                    txn.handle_response(*request, done.outcome);
                }
            }
        }
    }

    /// One turn of the thread's loop, or its end (`Sender.run`).
    fn run(&mut self, now: Ms) {
        if self.running {
            return self.run_once(now);
        }
        let ongoing = self
            .txn
            .as_ref()
            .is_some_and(TransactionManager::has_ongoing_transaction);
        let pending = ongoing
            && self
                .txn
                .as_ref()
                .is_some_and(TransactionManager::has_pending_requests);
        let busy =
            self.accumulator.has_undrained() || self.network.in_flight_count() > 0 || pending;
        if !self.force_close && busy {
            return self.run_once(now);
        }
        if !self.force_close && ongoing {
            let features = self.features();
            let txn = self.txn.as_mut().expect("checked above");
            if !txn.is_completing() && txn.begin_abort(features, By::Sender).is_err() {
                self.force_close = true;
            }
            return self.run_once(now);
        }
        if self.force_close {
            if let Some(txn) = &mut self.txn {
                txn.close();
            }
            self.abort_batches(false, &crate::error::ClientError::kafka());
        }
        self.network.close();
        self.step = Step::Finished;
    }

    fn run_once(&mut self, now: Ms) {
        if self.txn.is_some() && self.run_transactional(now) {
            return;
        }
        let timeout = self.send_producer_data(now);
        self.poll(timeout, now);
    }

    /// True = this turn is used up.
    fn run_transactional(&mut self, now: Ms) -> bool {
        let txn = self.txn.as_mut().expect("the caller checked");
        let _ = txn.maybe_resolve_sequences();
        if txn.has_fatal_error() {
            if let Some(error) = txn.last_error().cloned() {
                self.abort_batches_and_forget_flights(&error);
            }
            self.poll(self.config.retry_backoff_ms, now);
            return true;
        }
        if txn.has_abortable_error() {
            let error = txn.last_error().cloned();
            let unauthorized = error.as_ref().filter(|e| {
                e.is(ErrorCode::TransactionalIdAuthorizationFailed)
                    || e.is(ErrorCode::ClusterAuthorizationFailed)
            });
            if let Some(error) = unauthorized {
                self.abort_batches_and_forget_flights(error);
                let txn = self.txn.as_mut().expect("the caller checked");
                txn.transition_to_uninitialized(error);
                // The loop starts over at this instant, without a network pass.
                self.step = Step::Top;
                return true;
            }
        }
        let txn = self.txn.as_mut().expect("the caller checked");
        let _ = txn.bump_idempotent_epoch_if_needed(&mut self.accumulator.batches);
        self.maybe_send_transactional_request(now)
    }

    fn maybe_send_transactional_request(&mut self, now: Ms) -> bool {
        let backoff = self.config.retry_backoff_ms;
        let txn = self.txn.as_ref().expect("the caller checked");
        if txn.has_in_flight_request() {
            self.poll(backoff, now);
            return true;
        }
        if txn.has_abortable_error() {
            let error = txn
                .last_error()
                .cloned()
                .unwrap_or_else(crate::error::ClientError::kafka);
            self.abort_batches(true, &error);
        } else if txn.is_aborting() {
            self.abort_batches(
                true,
                &crate::error::ClientError::class("TransactionAbortedException"),
            );
        }
        let incomplete = self.accumulator.has_incomplete();
        let txn = self.txn.as_mut().expect("the caller checked");
        let Some(request) = txn.next_request(incomplete) else {
            return false;
        };
        let coordinator_type = txn.coordinator_type(&request);
        let node = match coordinator_type {
            Some(kind) => txn.coordinator(kind).map(|id| id.0),
            None => self.network.least_loaded(now).node,
        };
        match node {
            Some(node) => {
                let wait = AwaitReady {
                    request,
                    node,
                    coordinator_type,
                    start_ms: now,
                    first: true,
                };
                self.network.begin_poll(0, now);
                self.step = Step::Awaiting(Box::new(wait));
            }
            None if coordinator_type.is_some() => self.find_coordinator_and_retry(request, now),
            None => {
                txn.retry(request);
                self.poll(backoff, now);
            }
        }
        true
    }

    /// A pass of waiting for the connection is over.
    fn await_ready(&mut self, mut wait: AwaitReady, now: Ms) {
        let node = wait.node;
        if wait.first
            && (self.network.is_ready(node, wait.start_ms)
                || self.network.ready(node, wait.start_ms))
        {
            return self.connection_ready(wait, now);
        }
        wait.first = false;
        if self.network.is_ready(node, now) {
            return self.connection_ready(wait, now);
        }
        let elapsed = now - wait.start_ms;
        if elapsed >= self.config.request_timeout_ms || self.network.connection_failed(node) {
            return self.find_coordinator_and_retry(wait.request, now);
        }
        let mut timeout = self.config.request_timeout_ms - elapsed;
        let delay = self.network.poll_delay(node, wait.start_ms);
        if delay > 0 && timeout > delay {
            timeout = delay;
        }
        self.network.begin_poll(timeout, now);
        self.step = Step::Awaiting(Box::new(wait));
    }

    fn connection_ready(&mut self, wait: AwaitReady, now: Ms) {
        let txn = self.txn.as_mut().expect("only transactional requests wait");
        if wait.coordinator_type == Some(COORDINATOR_TRANSACTION) {
            txn.handle_coordinator_ready();
        }
        if wait.request.retry {
            let until_ms = now + txn.backoff_of(&wait.request);
            self.step = Step::SleepThenSend {
                until_ms,
                request: Box::new(wait.request),
                node: wait.node,
            };
        } else {
            self.send_txn_request(wait.request, wait.node, now);
        }
    }

    fn send_txn_request(&mut self, request: TxnRequest, node: NodeKey, now: Ms) {
        let (version, message) = request.to_wire();
        let timeout = self.config.request_timeout_ms;
        let id = self.network.send(
            node,
            version,
            message,
            true,
            timeout,
            Call::Txn(Box::new(request)),
            now,
        );
        self.txn
            .as_mut()
            .expect("only transactional requests come here")
            .set_in_flight(Some(id));
        self.poll(self.config.retry_backoff_ms, now);
    }

    fn find_coordinator_and_retry(&mut self, request: TxnRequest, now: Ms) {
        let txn = self
            .txn
            .as_mut()
            .expect("only transactional requests come here");
        if txn.coordinator_type(&request).is_some() {
            txn.lookup_coordinator_for(&request);
            txn.retry(request);
        } else {
            let until_ms = now + self.config.retry_backoff_ms;
            self.step = Step::SleepThenRetry {
                until_ms,
                request: Box::new(request),
            };
        }
    }

    /// Hands over what is ready; answers how long the network pass may wait (`sendProducerData`).
    fn send_producer_data(&mut self, now: Ms) -> Ms {
        let cluster = self.network.metadata.snapshot().clone();
        let completing = self
            .txn
            .as_ref()
            .is_some_and(TransactionManager::is_completing);
        let mut check = self.accumulator.ready(&cluster, completing, now);
        if !check.unknown_leader_topics.is_empty() {
            for topic in &check.unknown_leader_topics {
                self.network.metadata.add_topic(topic, now);
            }
            self.network.metadata.request_update(false);
        }
        let mut not_ready = Ms::MAX;
        for node in check.ready_nodes.clone() {
            let ready = self.network.ready(node.0, now);
            self.accumulator.update_node_latency(node, now, ready);
            if !ready {
                check.ready_nodes.remove(&node);
                not_ready = not_ready.min(self.network.poll_delay(node.0, now));
            }
        }
        let size = self.config.max_request_size;
        let drained =
            self.accumulator
                .drain(&cluster, &check.ready_nodes, size, self.txn.as_mut(), now);
        for id in drained.values().flatten() {
            let tp = self.accumulator.batch(*id).tp.clone();
            self.in_flight.entry(tp.clone()).or_default().push(*id);
            if self.config.guarantee_message_order {
                self.accumulator.mute(tp);
            }
        }
        self.accumulator.reset_next_expiry();
        let in_flight = self.take_expired_in_flight(now);
        let queued = self.accumulator.take_expired(now);
        let nothing_happened =
            drained.values().all(Vec::is_empty) && in_flight.is_empty() && queued.is_empty();
        self.fail_expired(queued, true);
        self.fail_expired(in_flight, false);
        let mut timeout = check.next_check_ms.min(not_ready);
        timeout = timeout
            .min(self.accumulator.next_expiry_ms().saturating_sub(now))
            .max(0);
        if !check.ready_nodes.is_empty() {
            // Kafka goes round without waiting while a ready node has nothing that may leave; nothing comes of it until
            // something happens, or a request runs out of time (which those rounds would notice at once).
            timeout = if nothing_happened {
                timeout.min(
                    self.network
                        .next_timeout()
                        .map_or(Ms::MAX, |at| (at - now).max(0)),
                )
            } else {
                0
            };
        }
        for (node, batches) in drained {
            self.send_produce_request(node, &batches, now);
        }
        timeout
    }

    fn take_expired_in_flight(&mut self, now: Ms) -> Vec<BatchId> {
        let timeout = self.accumulator.config.delivery_timeout_ms;
        let mut expired = Vec::new();
        for batches in self.in_flight.values_mut() {
            while let Some(&id) = batches.first() {
                if !self
                    .accumulator
                    .batch(id)
                    .has_reached_delivery_timeout(timeout, now)
                {
                    self.accumulator.maybe_update_next_expiry(id);
                    break;
                }
                batches.remove(0);
                if !self.accumulator.batch(id).is_done() {
                    expired.push(id);
                }
            }
        }
        self.in_flight.retain(|_, batches| !batches.is_empty());
        expired
    }

    fn send_produce_request(&mut self, node: NodeId, batches: &[BatchId], now: Ms) {
        if batches.is_empty() {
            return;
        }
        let cluster = self.network.metadata.snapshot().clone();
        let mut topic_data: Vec<TopicProduceData> = Vec::new();
        let mut by_partition = BTreeMap::new();
        for &id in batches {
            let batch = self.accumulator.batch_mut(id);
            batch.in_flight = true;
            let tp = batch.tp.clone();
            let data = PartitionProduceData {
                index: tp.partition,
                records: batch.records(),
            };
            match topic_data.iter_mut().find(|t| t.name == tp.topic) {
                Some(topic) => topic.partition_data.push(data),
                None => topic_data.push(TopicProduceData {
                    name: tp.topic.clone(),
                    topic_id: cluster.topic_id(&tp.topic).unwrap_or(Uuid::ZERO),
                    partition_data: vec![data],
                }),
            }
            by_partition.insert(tp, id);
        }
        let transactional_id = self
            .txn
            .as_ref()
            .and_then(|txn| txn.transactional_id.clone());
        // Before transaction version 2 a transactional produce speaks the last version that needs AddPartitionsToTxn.
        let old = transactional_id.is_some() && self.txn.as_ref().is_some_and(|txn| !txn.is_v2());
        let version = if old {
            11
        } else {
            ApiKey::Produce.latest_version()
        };
        let request = ProduceRequest {
            transactional_id,
            acks: self.config.acks,
            timeout_ms: self.config.request_timeout_ms as i32,
            topic_data,
        };
        let topic_names = cluster
            .topic_ids
            .iter()
            .map(|(name, id)| (*id, name.clone()))
            .collect();
        let call = Call::Produce {
            batches: by_partition,
            topic_names,
        };
        let expects = self.config.acks != 0;
        self.network.send(
            node.0,
            version,
            request.into(),
            expects,
            self.config.request_timeout_ms,
            call,
            now,
        );
    }
}
