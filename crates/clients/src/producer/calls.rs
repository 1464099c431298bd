//! The application's side: send, flush, close and the transaction calls, each as a state that may wait.

use super::Producer;
use super::accumulator::{AppendProgress, AppendRequest};
use super::batch::{BatchId, CallId, Thunk};
use super::events::ProducerEvent;
use super::partitioner::{Partitioner, partition_for_key};
use super::transactions::{By, GroupMetadata, OffsetToCommit, ResultId};
use crate::error::ClientError;
use bytes::Bytes;
use protocol::record::{Header, SimpleRecord, estimate_size_upper_bound};
use protocol::{Ctx, ErrorCode, Ms, Name, TopicPartition};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// A thread of the application; calls of one thread run one after another.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct ThreadId(pub u32);

/// What an application sends. Without a partition the partitioner chooses, without a timestamp it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProducerRecord {
    pub topic: Name,
    pub partition: Option<i32>,
    pub timestamp_ms: Option<Ms>,
    pub key: Option<Bytes>,
    pub value: Option<Bytes>,
    pub headers: Vec<Header>,
}

/// A call of the application.
#[derive(Clone, Debug)]
pub enum Call {
    Send(ProducerRecord),
    Flush,
    /// `None` = as long as it takes.
    Close {
        timeout_ms: Option<Ms>,
    },
    InitTransactions,
    BeginTransaction,
    CommitTransaction,
    AbortTransaction,
    SendOffsetsToTransaction {
        offsets: BTreeMap<TopicPartition, OffsetToCommit>,
        group: GroupMetadata,
    },
}

#[derive(Clone, Debug)]
enum Waiting {
    /// send: for metadata of the topic newer than `version`
    Metadata {
        record: ProducerRecord,
        version: i32,
    },
    /// send: for memory
    Memory(Box<AppendRequest>),
    Flush(BTreeSet<BatchId>),
    /// close: for the network thread to end
    Close,
    /// a transaction call: for its coordinator
    Result {
        result: ResultId,
        initializes: bool,
    },
}

#[derive(Clone, Debug)]
struct Running {
    id: CallId,
    began_ms: Ms,
    deadline_ms: Option<Ms>,
    waiting: Waiting,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Thread {
    pub queue: VecDeque<(CallId, Call)>,
    current: Option<Running>,
}

impl Thread {
    pub fn deadline_ms(&self) -> Option<Ms> {
        self.current.as_ref()?.deadline_ms
    }

    pub fn blocked(&self) -> Option<CallId> {
        self.current.as_ref().map(|running| running.id)
    }
}

/// How far a call came.
enum Progress {
    Done,
    Failed(ClientError),
    Waits(Waiting, Option<Ms>),
}

impl Producer {
    pub(super) fn can_run(&self, thread: &Thread, now: Ms) -> bool {
        let Some(running) = &thread.current else {
            return !thread.queue.is_empty();
        };
        if running.deadline_ms.is_some_and(|at| at <= now) {
            return true;
        }
        match &running.waiting {
            Waiting::Metadata { version, .. } => {
                let metadata = &self.sender.network.metadata;
                metadata.update_version() > *version || metadata.is_closed()
            }
            Waiting::Memory(append) => self.sender.accumulator.can_resume(append, now),
            Waiting::Flush(batches) => self.flushed(batches),
            Waiting::Close => self.sender.is_finished(),
            Waiting::Result { result, .. } => self
                .sender
                .txn
                .as_ref()
                .is_none_or(|txn| txn.is_result_ready(*result)),
        }
    }

    pub(super) fn run_threads(&mut self, ctx: &mut Ctx<'_>) {
        self.follow_splits();
        let now = ctx.now.ms();
        for id in self.threads.keys().copied().collect::<Vec<_>>() {
            while self.can_run(&self.threads[&id], now) {
                self.run_thread(id, ctx);
            }
        }
    }

    fn run_thread(&mut self, thread: ThreadId, ctx: &mut Ctx<'_>) {
        let now = ctx.now.ms();
        let state = self.threads.get_mut(&thread).expect("listed");
        let (id, began_ms, deadline_ms, progress) = match state.current.take() {
            Some(running) => {
                let progress = self.resume(
                    running.id,
                    running.began_ms,
                    running.waiting,
                    running.deadline_ms,
                    ctx,
                );
                (running.id, running.began_ms, running.deadline_ms, progress)
            }
            None => {
                let Some((id, call)) = state.queue.pop_front() else {
                    return;
                };
                (id, now, None, self.begin(id, call, ctx))
            }
        };
        match progress {
            Progress::Done => {
                self.sender.events.push(ProducerEvent::Returned {
                    call: id,
                    waited: now > began_ms,
                });
            }
            Progress::Failed(error) => self
                .sender
                .events
                .push(ProducerEvent::Thrown { call: id, error }),
            Progress::Waits(waiting, deadline) => {
                let deadline_ms = deadline.or(deadline_ms);
                let running = Running {
                    id,
                    began_ms,
                    deadline_ms,
                    waiting,
                };
                self.threads.get_mut(&thread).expect("listed").current = Some(running);
            }
        }
    }

    fn begin(&mut self, id: CallId, call: Call, ctx: &mut Ctx<'_>) -> Progress {
        let now = ctx.now.ms();
        match call {
            Call::Send(record) => {
                if !self.sender.is_running() {
                    return Progress::Failed(ClientError::illegal_state());
                }
                self.wait_on_metadata(id, record, now, None, ctx)
            }
            Call::Flush => {
                self.sender.accumulator.begin_flush();
                self.sender.network.wakeup();
                let batches = self.sender.accumulator.incomplete().clone();
                Progress::Waits(Waiting::Flush(batches), None)
            }
            Call::Close { timeout_ms } => {
                let forced = timeout_ms == Some(0);
                if forced {
                    self.sender.force_close();
                } else {
                    self.sender.initiate_close();
                }
                Progress::Waits(
                    Waiting::Close,
                    timeout_ms.filter(|_| !forced).map(|ms| now + ms),
                )
            }
            Call::InitTransactions => {
                self.begin_result(now, true, |p| p.txn()?.init_transactions(By::Application))
            }
            Call::BeginTransaction => match self.txn().and_then(|txn| txn.begin_transaction()) {
                Ok(()) => Progress::Done,
                Err(error) => Progress::Failed(error),
            },
            Call::CommitTransaction => self.begin_result(now, false, |p| {
                let features = p.sender.features();
                p.txn()?.begin_commit(features)
            }),
            Call::AbortTransaction => self.begin_result(now, false, |p| {
                let features = p.sender.features();
                p.txn()?.begin_abort(features, By::Application)
            }),
            Call::SendOffsetsToTransaction { offsets, group } => {
                if group.generation_id > 0 && group.member_id.is_empty() {
                    return Progress::Failed(ClientError::illegal_argument());
                }
                if offsets.is_empty() {
                    return match self.txn() {
                        Ok(_) => Progress::Done,
                        Err(error) => Progress::Failed(error),
                    };
                }
                self.begin_result(now, false, |p| p.txn()?.send_offsets(offsets, group))
            }
        }
    }

    /// The manager of an open producer, or what Kafka throws.
    fn txn(&mut self) -> Result<&mut super::TransactionManager, ClientError> {
        if !self.sender.is_running() {
            return Err(ClientError::illegal_state());
        }
        self.sender
            .txn
            .as_mut()
            .ok_or_else(ClientError::illegal_state)
    }

    fn begin_result(
        &mut self,
        now: Ms,
        initializes: bool,
        begin: impl FnOnce(&mut Self) -> Result<ResultId, ClientError>,
    ) -> Progress {
        match begin(self) {
            Ok(result) => {
                self.sender.network.wakeup();
                let deadline = now.saturating_add(self.config.max_block_ms);
                Progress::Waits(
                    Waiting::Result {
                        result,
                        initializes,
                    },
                    Some(deadline),
                )
            }
            Err(error) => Progress::Failed(error),
        }
    }

    fn resume(
        &mut self,
        id: CallId,
        began_ms: Ms,
        waiting: Waiting,
        deadline_ms: Option<Ms>,
        ctx: &mut Ctx<'_>,
    ) -> Progress {
        let now = ctx.now.ms();
        match waiting {
            Waiting::Metadata { record, version } => {
                self.wait_on_metadata(id, record, began_ms, Some(version), ctx)
            }
            Waiting::Memory(append) => self.append(*append, ctx),
            Waiting::Flush(_) => {
                self.sender.accumulator.end_flush();
                Progress::Done
            }
            Waiting::Close if self.sender.is_finished() => Progress::Done,
            Waiting::Close => {
                self.sender.force_close();
                Progress::Waits(Waiting::Close, Some(Ms::MAX))
            }
            Waiting::Result {
                result,
                initializes,
            } => {
                let features = self.sender.features();
                let Some(txn) = self.sender.txn.as_mut() else {
                    return Progress::Failed(ClientError::illegal_state());
                };
                match txn.take_result(result) {
                    Some(Ok(())) => {
                        if initializes {
                            txn.maybe_update_v2(features, true);
                        }
                        Progress::Done
                    }
                    Some(Err(error)) => Progress::Failed(error),
                    None if deadline_ms.is_some_and(|at| at <= now) => {
                        Progress::Failed(ClientError::timeout())
                    }
                    None => Progress::Waits(
                        Waiting::Result {
                            result,
                            initializes,
                        },
                        deadline_ms,
                    ),
                }
            }
        }
    }

    /// A flush waits for the pieces of a batch that was split meanwhile.
    pub(super) fn follow_splits(&mut self) {
        for (whole, pieces) in std::mem::take(&mut self.sender.splits) {
            for thread in self.threads.values_mut() {
                if let Some(Running {
                    waiting: Waiting::Flush(batches),
                    ..
                }) = &mut thread.current
                {
                    if batches.remove(&whole) {
                        batches.extend(pieces.iter().copied());
                    }
                }
            }
        }
    }

    fn flushed(&self, batches: &BTreeSet<BatchId>) -> bool {
        let undecided = |id: &BatchId| {
            self.sender
                .accumulator
                .batches
                .get(id)
                .is_some_and(|b| !b.is_done())
        };
        !batches.iter().any(undecided)
            && self
                .sender
                .splits
                .iter()
                .all(|(whole, _)| !batches.contains(whole))
    }

    // ---- send

    /// `KafkaProducer.waitOnMetadata`; `waited_for` = the version that a wait before was to exceed.
    fn wait_on_metadata(
        &mut self,
        id: CallId,
        record: ProducerRecord,
        began_ms: Ms,
        waited_for: Option<i32>,
        ctx: &mut Ctx<'_>,
    ) -> Progress {
        let now = ctx.now.ms();
        let deadline = began_ms.saturating_add(self.config.max_block_ms);
        let metadata = &mut self.sender.network.metadata;
        let topic = record.topic.clone();
        let known =
            |count: Option<i32>| count.is_some_and(|c| record.partition.is_none_or(|p| p < c));
        if let Some(version) = waited_for {
            if metadata.is_closed() {
                return Progress::Failed(ClientError::kafka());
            }
            let updated = metadata.update_version() > version;
            if !updated || now >= deadline {
                let cause = metadata
                    .topic_error(&topic)
                    .filter(|code| !updated || code.is_retriable());
                let error = ClientError {
                    cause: cause.map(crate::error::ErrorKind::Code),
                    ..ClientError::timeout()
                };
                return self.fail_send(id, &record, record.partition, error);
            }
            if let Some(error) = metadata.take_error(Some(&topic)) {
                return self.fail_send(id, &record, record.partition, error);
            }
        } else if metadata.snapshot().invalid_topics.contains(&topic) {
            let error = ClientError::code(ErrorCode::InvalidTopicException);
            return self.fail_send(id, &record, record.partition, error);
        }
        metadata.add_topic(&topic, now);
        if known(metadata.snapshot().partition_count(&topic)) {
            return self.place(id, record, deadline, ctx);
        }
        let version = metadata.request_update_for_topic(&topic);
        self.sender.network.wakeup();
        Progress::Waits(Waiting::Metadata { record, version }, Some(deadline))
    }

    /// Partition and size, then the append (`KafkaProducer.doSend`).
    fn place(
        &mut self,
        id: CallId,
        record: ProducerRecord,
        deadline_ms: Ms,
        ctx: &mut Ctx<'_>,
    ) -> Progress {
        let cluster = self.sender.network.metadata.snapshot().clone();
        let partition = match (record.partition, &mut self.partitioner, &record.key) {
            (Some(partition), _, _) => Some(partition),
            (None, Partitioner::RoundRobin(round_robin), _) => {
                Some(round_robin.partition(&record.topic, &cluster))
            }
            (None, Partitioner::BuiltIn, Some(key)) if !self.config.ignore_keys => {
                let count = cluster.partition_count(&record.topic).expect("waited for");
                Some(partition_for_key(key, count))
            }
            (None, Partitioner::BuiltIn, _) => None,
        };
        let size =
            estimate_size_upper_bound(record.key.as_ref(), record.value.as_ref(), &record.headers);
        if size > self.config.max_request_size || size as i64 > self.config.buffer_memory {
            let error = ClientError::code(ErrorCode::MessageTooLarge);
            return self.fail_send(id, &record, record.partition, error);
        }
        let timestamp = record.timestamp_ms.unwrap_or(ctx.now.ms());
        if timestamp < 0 {
            return Progress::Failed(ClientError::illegal_argument());
        }
        let simple = SimpleRecord {
            timestamp,
            key: record.key,
            value: record.value,
            headers: record.headers,
        };
        let thunk = Thunk {
            call: id,
            timestamp_ms: timestamp,
        };
        self.append(
            AppendRequest::new(record.topic, partition, simple, thunk, deadline_ms),
            ctx,
        )
    }

    fn append(&mut self, mut append: AppendRequest, ctx: &mut Ctx<'_>) -> Progress {
        let now = ctx.now.ms();
        let cluster = self.sender.network.metadata.snapshot().clone();
        let mut draw = || ctx.draws.next_int(1 << 31, "partition") as i32;
        let id = append.thunk.call;
        match self
            .sender
            .accumulator
            .append(&mut append, &cluster, now, &mut draw)
        {
            AppendProgress::Waits => {
                let deadline = append.deadline_ms;
                Progress::Waits(Waiting::Memory(Box::new(append)), Some(deadline))
            }
            AppendProgress::Failed(error) if error.is_api() => {
                let tp = TopicPartition {
                    topic: append.topic,
                    partition: append.chosen.unwrap_or(-1),
                };
                self.fail_with_callback(id, tp, error)
            }
            AppendProgress::Failed(error) => Progress::Failed(error),
            AppendProgress::Done(appended) => {
                // The record stays in its batch even if the transaction does not allow it.
                if let Some(txn) = &mut self.sender.txn {
                    match txn.maybe_add_partition(&appended.tp) {
                        Ok(()) => {}
                        Err(error) if error.is_api() => {
                            return self.fail_with_callback(id, appended.tp, error);
                        }
                        Err(error) => return Progress::Failed(error),
                    }
                }
                if appended.wake_sender {
                    self.sender.network.wakeup();
                }
                Progress::Done
            }
        }
    }

    fn fail_send(
        &mut self,
        id: CallId,
        record: &ProducerRecord,
        partition: Option<i32>,
        error: ClientError,
    ) -> Progress {
        let tp = TopicPartition {
            topic: record.topic.clone(),
            partition: partition.unwrap_or(-1),
        };
        self.fail_with_callback(id, tp, error)
    }

    /// An `ApiException` goes to the callback and the future; a transactional producer must abort then.
    fn fail_with_callback(
        &mut self,
        id: CallId,
        tp: TopicPartition,
        error: ClientError,
    ) -> Progress {
        if let Some(txn) = &mut self.sender.txn {
            // Kafka lets a change of state that is not allowed through to the caller.
            self.sender.events.push(ProducerEvent::Failed {
                call: id,
                tp,
                error: error.clone(),
            });
            return match txn.maybe_transition_to_error(&error, By::Application) {
                Ok(()) => Progress::Done,
                Err(thrown) => Progress::Failed(thrown),
            };
        }
        self.sender.events.push(ProducerEvent::Failed {
            call: id,
            tp,
            error,
        });
        Progress::Done
    }
}
