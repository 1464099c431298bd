//! What can be seen of a consumer: read-only, cheap, in Kafka's words.

use super::Consumer;
use super::classic::Coordinator;
use super::config::ConsumerConfig;
use super::subscription::SubscriptionState;
use crate::network::metadata::Metadata;
use crate::network::{ConnectionView, InFlightView};
use crate::producer::CallId;
use protocol::{Instant, Ms, Offset, TopicPartition};

/// Fetched data of one partition that `poll` has not returned yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BufferedFetch {
    pub tp: TopicPartition,
    pub next_offset: Offset,
    /// At most so many records.
    pub records: usize,
    pub bytes: usize,
    /// `poll` is in the middle of it.
    pub in_line: bool,
}

/// A timer and when it is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimerView {
    pub name: &'static str,
    pub due_ms: Ms,
}

/// Reads a consumer.
#[derive(Clone, Copy)]
pub struct ConsumerView<'a>(&'a Consumer);

impl Consumer {
    pub fn view(&self) -> ConsumerView<'_> {
        ConsumerView(self)
    }
}

impl<'a> ConsumerView<'a> {
    pub fn config(&self) -> &'a ConsumerConfig {
        &self.0.machine.config
    }

    /// Assignment, positions and fetch states, in rotation order.
    pub fn subscriptions(&self) -> &'a SubscriptionState {
        &self.0.machine.subscriptions
    }

    /// Membership of a classic group; `None` without a group.
    pub fn group(&self) -> Option<&'a Coordinator> {
        self.0.machine.group.as_ref()
    }

    /// In the order in which `poll` will return it.
    pub fn fetch_buffer(&self) -> Vec<BufferedFetch> {
        let fetcher = &self.0.machine.fetcher;
        let line = fetcher
            .next_in_line
            .iter()
            .filter(|f| !f.consumed)
            .map(|f| (f, true));
        line.chain(fetcher.completed.iter().map(|f| (f, false)))
            .map(|(f, in_line)| BufferedFetch {
                tp: f.tp.clone(),
                next_offset: f.next_offset,
                records: f.buffered_records(),
                bytes: f.bytes(),
                in_line,
            })
            .collect()
    }

    /// Timers that run, earliest first.
    pub fn timers(&self) -> Vec<TimerView> {
        let mut timers = Vec::new();
        if let Some(group) = self.group() {
            if self.config().auto_commit {
                timers.push(TimerView {
                    name: "auto.commit",
                    due_ms: group.next_auto_commit_ms,
                });
            }
            if group.thread.as_ref().is_some_and(|t| t.enabled) {
                timers.push(TimerView {
                    name: "heartbeat",
                    due_ms: group.heartbeat.next_ms,
                });
                timers.push(TimerView {
                    name: "session",
                    due_ms: group.heartbeat.session_ms,
                });
                timers.push(TimerView {
                    name: "max.poll.interval",
                    due_ms: group.heartbeat.poll_ms,
                });
            }
        }
        timers.sort_by_key(|t| t.due_ms);
        timers
    }

    pub fn metadata(&self) -> &'a Metadata {
        &self.0.machine.network.metadata
    }

    pub fn in_flight(&self) -> Vec<InFlightView> {
        self.0.machine.network.in_flight().collect()
    }

    pub fn connections(&self, now: Instant) -> Vec<ConnectionView> {
        self.0.machine.network.connections(now.ms()).collect()
    }

    /// The call that is still running.
    pub fn blocked(&self) -> Option<CallId> {
        self.0.running.as_ref().map(|(id, _)| *id)
    }

    pub fn queued_calls(&self) -> usize {
        self.0.queue.len()
    }
}
