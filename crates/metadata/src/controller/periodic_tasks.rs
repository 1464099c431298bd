//! What the active controller does by the clock.

use protocol::{Instant, Ms};
use serde::Serialize;

use super::{Controller, ControllerConfig, ControllerResult};
use crate::rules;

/// `PeriodicTask`s, by Kafka's names.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub enum PeriodicTask {
    /// Fences one broker whose session is over.
    MaybeFenceStaleBroker,
    /// Gives partitions back to their preferred leader.
    ElectPreferred,
    /// Looks for a leader of leaderless partitions, unclean where that is allowed.
    ElectUnclean,
}

/// A run that may have left work is repeated after this, not after the whole period (`PeriodicTask.immediatePeriodNs`).
const IMMEDIATE_MS: Ms = 10;

impl PeriodicTask {
    pub const ALL: [PeriodicTask; 3] = [
        Self::MaybeFenceStaleBroker,
        Self::ElectPreferred,
        Self::ElectUnclean,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::MaybeFenceStaleBroker => "maybeFenceStaleBroker",
            Self::ElectPreferred => "electPreferred",
            Self::ElectUnclean => "electUnclean",
        }
    }

    /// None: not run with this config. The fencing period is an eighth of the session timeout.
    fn period_micros(self, config: &ControllerConfig) -> Option<i64> {
        match self {
            Self::MaybeFenceStaleBroker => Some((config.session_timeout_ms * 1000 / 8).max(1000)),
            Self::ElectPreferred => config
                .leader_imbalance_check_interval_ms
                .map(|ms| ms * 1000),
            Self::ElectUnclean => Some(config.unclean_leader_election_interval_ms * 1000),
        }
    }
}

/// When each task is due, and in which order among equals (`PeriodicTaskControlManager`).
#[derive(Clone, Debug, Default)]
pub(super) struct PeriodicTasks {
    due: Vec<(Instant, u64, PeriodicTask)>,
    submitted: u64,
}

impl PeriodicTasks {
    pub fn schedule_all(&mut self, now: Instant, config: &ControllerConfig) {
        self.due.clear();
        for task in PeriodicTask::ALL {
            if let Some(period) = task.period_micros(config) {
                self.schedule(now, task, period);
            }
        }
    }

    fn schedule(&mut self, now: Instant, task: PeriodicTask, delay_micros: i64) {
        self.submitted += 1;
        self.due
            .push((now.after_ms(0) + delay_micros, self.submitted, task));
    }

    fn next(&self) -> Option<(Instant, u64, PeriodicTask)> {
        self.due
            .iter()
            .copied()
            .min_by_key(|(at, order, _)| (*at, *order))
    }

    fn take_due(&mut self, now: Instant) -> Option<PeriodicTask> {
        let (at, order, task) = self.next()?;
        if at > now {
            return None;
        }
        self.due.retain(|(_, o, _)| *o != order);
        Some(task)
    }
}

impl Controller {
    /// When [`Controller::poll`] has something to do next; none while standing by.
    pub fn next_wake_up(&self) -> Option<Instant> {
        self.active.as_ref()?.tasks.next().map(|(at, _, _)| at)
    }

    /// Runs the next task that is due, and schedules its next run. The result is to be appended like any other before
    /// polling again; nothing happens before [`Controller::next_wake_up`].
    pub fn poll(&mut self, now: Instant) -> Option<ControllerResult<PeriodicTask>> {
        let task = self.active.as_mut()?.tasks.take_due(now)?;
        let (records, again) = match task {
            PeriodicTask::MaybeFenceStaleBroker => self.maybe_fence_one_stale_broker(now),
            PeriodicTask::ElectPreferred => self.maybe_balance_partition_leaders(),
            PeriodicTask::ElectUnclean => self.maybe_elect_unclean_leaders(),
        };
        let rule = match task {
            PeriodicTask::MaybeFenceStaleBroker => rules::BROKER_SESSION_TIMEOUT,
            PeriodicTask::ElectPreferred => rules::ELECTION_PREFERRED,
            PeriodicTask::ElectUnclean => rules::ELECTION_UNCLEAN,
        };
        let period = task
            .period_micros(&self.config)
            .expect("a scheduled task has a period");
        let delay = if again { IMMEDIATE_MS * 1000 } else { period };
        self.active_mut().tasks.schedule(now, task, delay);
        Some(ControllerResult::of(rule, records, task))
    }
}
