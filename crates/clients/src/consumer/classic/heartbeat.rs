//! `HeartbeatThread`: what happens between polls. One iteration is a frame that ends when the thread waits.

use super::frames::{Frame, Membership};
use super::group::HeartbeatWait;
use super::group_frames::error_of;
use super::machine::{Call, Machine, Ret, Step, Value};
use crate::network::coordinator_key;
use protocol::messages::HeartbeatRequest;
use protocol::{GenerationId, Ms};

impl Machine {
    fn heartbeat_waits(&mut self, wait: HeartbeatWait) -> Step {
        if let Some(thread) = self.group.as_mut().and_then(|g| g.thread.as_mut()) {
            thread.wait = wait;
        }
        Step::Return(Ok(Value::Unit))
    }

    pub(super) fn heartbeat_frame(
        &mut self,
        frame: &mut Frame,
        input: Option<Ret>,
        now: Ms,
    ) -> Step {
        let Frame::Heartbeat { pc } = frame else {
            unreachable!("a heartbeat")
        };
        let mut input = input;
        loop {
            let Some(group) = self.group.as_mut() else {
                return Step::Return(Ok(Value::Unit));
            };
            let Some(thread) = group.thread.as_mut() else {
                return Step::Return(Ok(Value::Unit));
            };
            match *pc {
                0 => {
                    if !thread.enabled {
                        return self.heartbeat_waits(HeartbeatWait::Notified);
                    }
                    if group.state.has_not_joined() || thread.failure.is_some() {
                        thread.enabled = false;
                        continue;
                    }
                    *pc = 1;
                    return Step::Call(Frame::net_no_wakeup(now));
                }
                1 => {
                    if let Some(error) = error_of(input.take()) {
                        thread.failure = Some(error);
                        return self.heartbeat_waits(HeartbeatWait::Notified);
                    }
                    *pc = 0;
                    let later = HeartbeatWait::Until(now + self.config.retry_backoff_ms);
                    if self.coordinator_unknown(now) {
                        if self.group().find_future.take().is_none() {
                            self.lookup_coordinator(now);
                        }
                        return self.heartbeat_waits(later);
                    }
                    let heartbeat = &self.group().heartbeat;
                    if heartbeat.session_ms <= now {
                        self.mark_coordinator_unknown(false);
                    } else if heartbeat.poll_ms <= now {
                        return Step::Call(Frame::MaybeLeave {
                            membership: Membership::Default,
                            pc: 0,
                        });
                    } else if heartbeat.next_ms > now {
                        return self.heartbeat_waits(later);
                    } else {
                        self.send_heartbeat(now);
                    }
                }
                _ => unreachable!("an iteration has two parts"),
            }
            input = None;
        }
    }

    fn send_heartbeat(&mut self, now: Ms) {
        let instance = self.config.group_instance_id.clone();
        let group = self.group();
        group.heartbeat.sent(now);
        let sent = group.generation.clone();
        let request = HeartbeatRequest {
            group_id: group.group_id.clone(),
            generation_id: GenerationId(sent.id),
            member_id: sent.member_id.clone(),
            group_instance_id: instance,
        };
        let node = coordinator_key(group.node.expect("known, checked by the caller"));
        self.send(node, request.into(), Call::Heartbeat { sent }, now);
    }
}
