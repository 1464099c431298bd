//! A broker's life as the controller sees it: register, heartbeat, be unfenced, ask to stop (`BrokerLifecycleManager`).
//!
//! It decides what to say next and when. Who the controller is and how a request gets there is the node's.

use protocol::messages::{
    BrokerHeartbeatRequest, BrokerHeartbeatResponse, BrokerRegistrationRequest,
    BrokerRegistrationResponse,
};
use protocol::{BrokerEpoch, ErrorCode, Instant, Ms, Offset, Uuid};

/// First wait after a failure; doubled up to the session time-out (`resendExponentialBackoff`).
const RESEND_BACKOFF_MS: Ms = 100;
const RESEND_BACKOFF_MAX_MS: Ms = 9_000;
/// While starting, the next heartbeat follows after 10 ms, so that nobody waits a whole interval to be told.
const CATCH_UP_INTERVAL_MS: Ms = 10;

/// `BrokerState`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BrokerState {
    /// Not yet caught up with the metadata.
    Starting,
    /// Caught up; still fenced.
    Recovery,
    Running,
    PendingControlledShutdown,
    ShuttingDown,
}

/// What the lifecycle wants to say.
#[derive(Clone, PartialEq, Debug)]
pub enum Say {
    Register,
    Heartbeat {
        want_fence: bool,
        want_shut_down: bool,
    },
}

/// One broker's life.
#[derive(Clone, Debug)]
pub struct Lifecycle {
    pub state: BrokerState,
    /// Drawn anew at each start.
    pub incarnation_id: Uuid,
    pub epoch: BrokerEpoch,
    /// As the last answer said; a broker starts fenced.
    pub fenced: bool,
    /// Its logs are loaded and its first metadata is applied.
    ready_to_unfence: bool,
    heartbeat_interval_ms: Ms,
    next_at: Instant,
    waiting: bool,
    failures: u32,
    got_shutdown_answer: bool,
}

impl Lifecycle {
    pub fn new(incarnation_id: Uuid, heartbeat_interval_ms: Ms, now: Instant) -> Self {
        Self {
            state: BrokerState::Starting,
            incarnation_id,
            epoch: BrokerEpoch::NONE,
            fenced: true,
            ready_to_unfence: false,
            heartbeat_interval_ms,
            next_at: now,
            waiting: false,
            failures: 0,
            got_shutdown_answer: false,
        }
    }

    pub fn is_registered(&self) -> bool {
        !self.epoch.is_none()
    }

    /// When it wants to say something; none while an answer is outstanding.
    pub fn next_at(&self) -> Option<Instant> {
        (!self.waiting && self.state != BrokerState::ShuttingDown).then_some(self.next_at)
    }

    /// What to say now, if it is time.
    pub fn poll(&mut self, now: Instant) -> Option<Say> {
        if self.next_at()? > now {
            return None;
        }
        self.waiting = true;
        Some(if self.is_registered() {
            Say::Heartbeat {
                want_fence: !self.ready_to_unfence,
                want_shut_down: self.state == BrokerState::PendingControlledShutdown,
            }
        } else {
            Say::Register
        })
    }

    /// Caught up and loaded: asks to be unfenced at once.
    pub fn set_ready_to_unfence(&mut self, now: Instant) {
        if !self.ready_to_unfence {
            self.ready_to_unfence = true;
            self.next_at = now;
        }
    }

    /// Asks to stop; the answer comes with a heartbeat (`beginControlledShutdown`).
    pub fn begin_controlled_shutdown(&mut self, now: Instant) {
        match self.state {
            BrokerState::Running => {
                self.state = BrokerState::PendingControlledShutdown;
                self.next_at = now;
            }
            BrokerState::PendingControlledShutdown => {}
            _ => self.state = BrokerState::ShuttingDown,
        }
    }

    pub fn on_registration(&mut self, answer: Option<&BrokerRegistrationResponse>, now: Instant) {
        self.waiting = false;
        match answer {
            Some(answer) if answer.error == ErrorCode::None => {
                self.failures = 0;
                self.epoch = answer.broker_epoch;
                self.next_at = now;
            }
            _ => self.after_failure(now),
        }
    }

    /// True when it may stop now.
    pub fn on_heartbeat(&mut self, answer: Option<&BrokerHeartbeatResponse>, now: Instant) -> bool {
        self.waiting = false;
        let Some(answer) = answer.filter(|a| a.error == ErrorCode::None) else {
            self.after_failure(now);
            return false;
        };
        self.failures = 0;
        self.fenced = answer.is_fenced;
        match self.state {
            BrokerState::Starting => {
                if answer.is_caught_up {
                    self.state = BrokerState::Recovery;
                }
                self.next_at = now.after_ms(CATCH_UP_INTERVAL_MS);
            }
            BrokerState::Recovery => {
                if !answer.is_fenced {
                    self.state = BrokerState::Running;
                }
                self.next_at = now.after_ms(self.heartbeat_interval_ms);
            }
            BrokerState::Running => self.next_at = now.after_ms(self.heartbeat_interval_ms),
            BrokerState::PendingControlledShutdown => {
                if answer.should_shut_down {
                    self.state = BrokerState::ShuttingDown;
                    return true;
                }
                if self.got_shutdown_answer {
                    self.next_at = now.after_ms(self.heartbeat_interval_ms);
                } else {
                    self.got_shutdown_answer = true;
                    self.next_at = now;
                }
            }
            BrokerState::ShuttingDown => {}
        }
        false
    }

    fn after_failure(&mut self, now: Instant) {
        let backoff = (RESEND_BACKOFF_MS << self.failures.min(7)).min(RESEND_BACKOFF_MAX_MS);
        self.failures += 1;
        self.next_at = now.after_ms(backoff);
    }
}

/// The heartbeat of a broker that has applied metadata up to `applied`.
pub(super) fn heartbeat(
    config: &super::NodeConfig,
    epoch: BrokerEpoch,
    applied: Offset,
    want_fence: bool,
    want_shut_down: bool,
) -> BrokerHeartbeatRequest {
    BrokerHeartbeatRequest {
        broker_id: config.node_id,
        broker_epoch: epoch,
        current_metadata_offset: applied,
        want_fence,
        want_shut_down,
        ..Default::default()
    }
}

pub(super) fn registration(
    config: &super::NodeConfig,
    incarnation_id: Uuid,
    previous_broker_epoch: BrokerEpoch,
) -> BrokerRegistrationRequest {
    BrokerRegistrationRequest {
        broker_id: config.node_id,
        cluster_id: config.cluster_id.clone(),
        incarnation_id,
        features: metadata::node::supported_features(),
        rack: config.rack.clone(),
        log_dirs: vec![config.directory_id],
        previous_broker_epoch,
        ..Default::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(n: i64) -> Instant {
        Instant::from_ms(n)
    }

    #[test]
    fn a_broker_registers_catches_up_is_unfenced_and_stops_when_told() {
        let mut life = Lifecycle::new(Uuid(1), 2_000, ms(0));
        assert_eq!(life.poll(ms(0)), Some(Say::Register));
        assert_eq!(life.poll(ms(5)), None, "one thing at a time");
        let answer = BrokerRegistrationResponse {
            broker_epoch: BrokerEpoch(7),
            ..Default::default()
        };
        life.on_registration(Some(&answer), ms(5));
        assert_eq!(
            life.poll(ms(5)),
            Some(Say::Heartbeat {
                want_fence: true,
                want_shut_down: false
            })
        );
        let mut answer = BrokerHeartbeatResponse {
            is_caught_up: true,
            ..Default::default()
        };
        life.on_heartbeat(Some(&answer), ms(8));
        assert_eq!(
            (life.state, life.next_at()),
            (BrokerState::Recovery, Some(ms(18)))
        );
        life.set_ready_to_unfence(ms(9));
        assert_eq!(
            life.poll(ms(9)),
            Some(Say::Heartbeat {
                want_fence: false,
                want_shut_down: false
            })
        );
        answer.is_fenced = false;
        life.on_heartbeat(Some(&answer), ms(12));
        assert_eq!(
            (life.state, life.next_at()),
            (BrokerState::Running, Some(ms(2_012)))
        );
        life.begin_controlled_shutdown(ms(100));
        assert_eq!(
            life.poll(ms(100)),
            Some(Say::Heartbeat {
                want_fence: false,
                want_shut_down: true
            })
        );
        assert!(!life.on_heartbeat(Some(&answer), ms(103)));
        assert!(
            life.poll(ms(103)).is_some(),
            "the first answer is followed by another question at once"
        );
        answer.should_shut_down = true;
        assert!(life.on_heartbeat(Some(&answer), ms(106)));
    }

    #[test]
    fn a_failure_backs_off_longer_each_time() {
        let mut life = Lifecycle::new(Uuid(1), 2_000, ms(0));
        for (at, next) in [(0, 100), (100, 300), (300, 700)] {
            life.poll(ms(at)).expect("due");
            life.on_registration(None, ms(at));
            assert_eq!(life.next_at(), Some(ms(next)));
        }
    }
}
