//! Heartbeats: fencing, unfencing, controlled shutdown.

use protocol::messages::BrokerHeartbeatRequest;
use protocol::{ErrorCode, Instant, Ms, Offset};

use super::broker_events::sort_partition_changes;
use super::heartbeat_manager::{BrokerControlState, BrokerHeartbeatState};
use super::{AfterAppend, Answer, ApiError, BrokerHeartbeatReply, Controller, ControllerResult};
use crate::record::ApiMessageAndVersion;
use crate::rules;

impl Controller {
    /// A broker is alive (`QuorumController.processBrokerHeartbeat`). It counts as a contact before anything is checked,
    /// under the epoch that the request names.
    pub fn process_broker_heartbeat(
        &mut self,
        now: Instant,
        request: &BrokerHeartbeatRequest,
    ) -> Answer<BrokerHeartbeatReply> {
        self.check_active()?;
        let (id, epoch) = (request.broker_id, request.broker_epoch);
        let previous = self.active().heartbeats.last_contact_ms(id, epoch);
        self.active_mut().heartbeats.track(now, id, epoch);
        let Some(&registered_at) = self.state.register_broker_record_offsets.get(&id) else {
            return Err(ApiError::new(
                ErrorCode::StaleBrokerEpoch,
                format!("broker {id} is not registered"),
            ));
        };
        self.check_broker_epoch(id, epoch)?;
        let broker = self
            .active()
            .heartbeats
            .broker(id)
            .expect("every registered broker is known here");
        let current = broker.state();
        let next = self.next_broker_state(broker, request, registered_at);
        let mut records = Vec::new();
        if current != next {
            match next {
                BrokerControlState::Fenced | BrokerControlState::ShutdownNow => {
                    self.handle_broker_fenced(id, &mut records);
                }
                BrokerControlState::Unfenced => {
                    self.handle_broker_unfenced(id, epoch, &mut records)
                }
                BrokerControlState::ControlledShutdown => {
                    self.handle_broker_in_controlled_shutdown(id, epoch, &mut records);
                }
            }
        }
        let fenced = matches!(
            next,
            BrokerControlState::Fenced | BrokerControlState::ShutdownNow
        );
        let offset = request.current_metadata_offset;
        self.active_mut().heartbeats.touch(id, fenced, offset);
        let version = self.metadata_version();
        if version.is_directory_assignment_supported() {
            self.handle_directories_offline(id, epoch, &request.offline_log_dirs, &mut records);
        }
        if version.is_cordoned_log_dirs_supported()
            && let Some(cordoned) = &request.cordoned_log_dirs
        {
            self.handle_directories_cordoned(id, epoch, cordoned, &mut records);
        }
        sort_partition_changes(&mut records);
        let reply = BrokerHeartbeatReply {
            is_caught_up: offset >= registered_at,
            is_fenced: fenced,
            in_controlled_shutdown: next == BrokerControlState::ControlledShutdown,
            should_shut_down: next == BrokerControlState::ShutdownNow,
        };
        let rule = match next {
            BrokerControlState::Unfenced if current == next => rules::DIRECTORY_OFFLINE,
            BrokerControlState::Unfenced => rules::BROKER_UNFENCED,
            BrokerControlState::ControlledShutdown => rules::BROKER_CONTROLLED_SHUTDOWN,
            BrokerControlState::Fenced | BrokerControlState::ShutdownNow => rules::BROKER_FENCED,
        };
        let mut result = ControllerResult::of(rule, records, reply);
        let deadline = |contact: Ms| contact + self.config.session_timeout_ms;
        result.contact = Some((id, previous.map_or(-1, deadline), deadline(now.ms())));
        if reply.in_controlled_shutdown {
            result.after = AfterAppend::ControlledShutdown(id);
        }
        Ok(result)
    }

    /// `BrokerHeartbeatManager.calculateNextBrokerState`.
    fn next_broker_state(
        &self,
        broker: &BrokerHeartbeatState,
        request: &BrokerHeartbeatRequest,
        registered_at: Offset,
    ) -> BrokerControlState {
        use BrokerControlState::*;
        let leads = || self.image().topics.has_leaderships(request.broker_id);
        match broker.state() {
            Fenced if request.want_shut_down => ShutdownNow,
            Fenced if request.want_fence => Fenced,
            Fenced if request.current_metadata_offset >= registered_at => Unfenced,
            Fenced => Fenced,
            Unfenced if request.want_fence && request.want_shut_down => ShutdownNow,
            Unfenced if request.want_fence => Fenced,
            Unfenced if request.want_shut_down && leads() => ControlledShutdown,
            Unfenced if request.want_shut_down => ShutdownNow,
            Unfenced => Unfenced,
            ControlledShutdown if leads() => ControlledShutdown,
            ControlledShutdown => {
                // The others must know that it leads no more before it may go.
                let lowest = self.active().heartbeats.lowest_active_offset();
                let everyone_knows =
                    lowest.is_none_or(|lowest| broker.controlled_shutdown_offset <= Some(lowest));
                if everyone_knows {
                    ShutdownNow
                } else {
                    ControlledShutdown
                }
            }
            ShutdownNow => ShutdownNow,
        }
    }

    /// Fences one broker whose session is over, so that the effect of each shows before the next
    /// (`ReplicationControlManager.maybeFenceOneStaleBroker`). True: there may be more.
    pub(super) fn maybe_fence_one_stale_broker(
        &mut self,
        now: Instant,
    ) -> (Vec<ApiMessageAndVersion>, bool) {
        let Some((id, epoch)) = self.active_mut().heartbeats.maybe_remove_expired(now) else {
            return (Vec::new(), false);
        };
        let mut records = Vec::new();
        match self.image().cluster.broker_epoch(id) {
            None => self.active_mut().heartbeats.remove(id),
            Some(current) if current != epoch => {}
            Some(_) => {
                self.handle_broker_fenced(id, &mut records);
                self.active_mut().heartbeats.fence(id);
            }
        }
        (records, true)
    }
}
