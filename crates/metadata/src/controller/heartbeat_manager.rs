//! Brokers' sessions and heartbeats: soft state of the active controller, lost at fail-over.

use protocol::{BrokerEpoch, Instant, Ms, NodeId, Offset};
use serde::Serialize;
use std::collections::BTreeMap;

use crate::image::{ClusterImage, MetadataImage};
use crate::record::MetadataRecord;

/// Where a broker is in its life (`BrokerControlState`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum BrokerControlState {
    Fenced,
    Unfenced,
    ControlledShutdown,
    ShutdownNow,
}

/// What is known of one registered broker (`BrokerHeartbeatState`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct BrokerHeartbeatState {
    pub fenced: bool,
    /// The metadata offset that its last heartbeat named; none since its registration last changed.
    pub metadata_offset: Offset,
    /// While in controlled shutdown: the offset that every other active broker must have read before it may go.
    pub controlled_shutdown_offset: Option<Offset>,
}

impl BrokerHeartbeatState {
    pub fn state(&self) -> BrokerControlState {
        if self.controlled_shutdown_offset.is_some() {
            BrokerControlState::ControlledShutdown
        } else if self.fenced {
            BrokerControlState::Fenced
        } else {
            BrokerControlState::Unfenced
        }
    }
}

/// `BrokerHeartbeatManager` and `BrokerHeartbeatTracker`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct BrokerHeartbeatManager {
    session_timeout_ms: Ms,
    brokers: BTreeMap<NodeId, BrokerHeartbeatState>,
    /// When a heartbeat last came under this id and epoch, whether it was right or not.
    contacts: BTreeMap<(NodeId, BrokerEpoch), Ms>,
}

impl BrokerHeartbeatManager {
    /// As a new active controller starts: brokers that are unfenced get a session from now.
    pub(super) fn activate(now: Instant, session_timeout_ms: Ms, cluster: &ClusterImage) -> Self {
        let mut manager = Self {
            session_timeout_ms,
            brokers: BTreeMap::new(),
            contacts: BTreeMap::new(),
        };
        for broker in cluster.brokers.values() {
            manager.register(broker.id, broker.fenced);
            if !broker.fenced {
                manager.track(now, broker.id, broker.epoch);
            }
        }
        manager
    }

    pub fn broker(&self, id: NodeId) -> Option<&BrokerHeartbeatState> {
        self.brokers.get(&id)
    }

    pub fn brokers(&self) -> impl Iterator<Item = (NodeId, &BrokerHeartbeatState)> {
        self.brokers.iter().map(|(id, state)| (*id, state))
    }

    /// A heartbeat came (`BrokerHeartbeatTracker.updateContactTime`).
    pub(super) fn track(&mut self, now: Instant, id: NodeId, epoch: BrokerEpoch) {
        self.contacts.insert((id, epoch), now.ms());
    }

    /// The millisecond of the last contact under this id and epoch.
    pub fn last_contact_ms(&self, id: NodeId, epoch: BrokerEpoch) -> Option<Ms> {
        self.contacts.get(&(id, epoch)).copied()
    }

    fn is_expired(&self, contact_ms: Ms, now: Instant) -> bool {
        contact_ms + self.session_timeout_ms < now.ms()
    }

    /// The broker has been heard of within the session timeout.
    pub fn has_valid_session(&self, now: Instant, id: NodeId, epoch: BrokerEpoch) -> bool {
        self.last_contact_ms(id, epoch)
            .is_some_and(|contact| !self.is_expired(contact, now))
    }

    /// Takes one expired session out, the lowest id first (Kafka takes any).
    pub(super) fn maybe_remove_expired(&mut self, now: Instant) -> Option<(NodeId, BrokerEpoch)> {
        let expired = self
            .contacts
            .iter()
            .find(|(_, contact)| self.is_expired(**contact, now));
        let key = *expired?.0;
        self.contacts.remove(&key);
        Some(key)
    }

    /// Follows a record about a registration.
    pub(super) fn replay(&mut self, record: &MetadataRecord, image: &MetadataImage) {
        let id = match record {
            MetadataRecord::RegisterBroker(r) => {
                self.remove(r.broker_id);
                r.broker_id
            }
            MetadataRecord::UnregisterBroker(r) => return self.remove(r.broker_id),
            MetadataRecord::BrokerRegistrationChange(r) => r.broker_id,
            MetadataRecord::FenceBroker(r) => r.id,
            MetadataRecord::UnfenceBroker(r) => r.id,
            _ => return,
        };
        if let Some(broker) = image.cluster.broker(id) {
            self.register(id, broker.fenced);
        }
    }

    /// Takes note of a registration. The metadata offset is kept only if the fencing differs from what was known here.
    pub(super) fn register(&mut self, id: NodeId, fenced: bool) {
        let kept = self
            .brokers
            .get(&id)
            .filter(|b| b.fenced != fenced)
            .map(|b| b.metadata_offset);
        self.touch(id, fenced, kept.unwrap_or(Offset::NONE));
    }

    /// Takes note of a heartbeat. A fenced broker is no longer in controlled shutdown: it may go at once.
    pub(super) fn touch(&mut self, id: NodeId, fenced: bool, metadata_offset: Offset) {
        let state = self.brokers.entry(id).or_insert(BrokerHeartbeatState {
            fenced,
            metadata_offset,
            controlled_shutdown_offset: None,
        });
        state.fenced = fenced;
        state.metadata_offset = metadata_offset;
        if fenced {
            state.controlled_shutdown_offset = None;
        }
    }

    pub(super) fn fence(&mut self, id: NodeId) {
        if let Some(state) = self.brokers.get_mut(&id) {
            state.fenced = true;
        }
    }

    pub(super) fn remove(&mut self, id: NodeId) {
        self.brokers.remove(&id);
    }

    /// The least offset that an active broker has read; none if no broker is active.
    pub fn lowest_active_offset(&self) -> Option<Offset> {
        let active = self
            .brokers
            .values()
            .filter(|b| b.state() == BrokerControlState::Unfenced);
        active.map(|b| b.metadata_offset).min()
    }

    /// The shutdown of this broker ends when the others have read `offset`; the first such offset stays.
    pub(super) fn maybe_update_controlled_shutdown_offset(&mut self, id: NodeId, offset: Offset) {
        if let Some(state) = self.brokers.get_mut(&id) {
            debug_assert!(
                !state.fenced,
                "a fenced broker is in no controlled shutdown"
            );
            state.controlled_shutdown_offset.get_or_insert(offset);
        }
    }
}
