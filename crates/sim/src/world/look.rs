//! What can be seen of a world: its nodes, clients, connections. Nothing here changes anything.

use super::{Slot, World};
use crate::actor::producer::ProducerApp;
use crate::actor::{Actor, Role};
use crate::ids::EventId;
use protocol::NodeId;

impl World {
    /// The running (or frozen) brokers, in order of appearance.
    pub fn brokers(&self) -> impl Iterator<Item = &broker::node::Node> {
        self.actors()
            .iter()
            .filter_map(|slot| match slot.process.as_deref() {
                Some(Actor::Broker(node)) => Some(&**node),
                _ => None,
            })
    }

    /// The brokers that work: running, not frozen.
    pub fn working_brokers(&self) -> impl Iterator<Item = &broker::node::Node> {
        let works = self.actors().iter().filter(|slot| slot.liveness.works());
        works.filter_map(|slot| match slot.process.as_deref() {
            Some(Actor::Broker(node)) => Some(&**node),
            _ => None,
        })
    }

    /// A broker that has a process.
    pub fn broker(&self, id: NodeId) -> Option<&broker::node::Node> {
        self.brokers().find(|node| node.id() == id)
    }

    pub fn controllers(&self) -> impl Iterator<Item = &metadata::node::Node> {
        self.actors()
            .iter()
            .filter_map(|slot| match slot.process.as_deref() {
                Some(Actor::Controller(node)) => Some(&**node),
                _ => None,
            })
    }

    /// The controller that leads the quorum, by its own word.
    pub fn active_controller(&self) -> Option<&metadata::node::Node> {
        self.controllers()
            .find(|node| node.controller().is_active())
    }

    /// Places of one kind, running or not, in order of appearance.
    pub fn slots(&self, role: Role) -> impl Iterator<Item = &Slot> {
        self.actors().iter().filter(move |slot| slot.role == role)
    }

    /// A producer that has a process.
    pub fn producer(&self, client_id: &str) -> Option<&ProducerApp> {
        let actor = self.actor_named(client_id)?;
        match self.actor(actor).process.as_deref() {
            Some(Actor::Producer(app)) => Some(app),
            _ => None,
        }
    }

    /// The event at which the scenario begins; everything up to it is the hidden pre-roll.
    pub const fn beginning(&self) -> EventId {
        self.begins
    }

    /// The files of a broker that has no process.
    pub fn disk(&self, id: NodeId) -> Option<&broker::node::Files> {
        let slot = self.actors().iter().find(|slot| slot.node == Some(id))?;
        match slot.disk.as_ref()? {
            super::slot::Disk::Broker(files) => Some(files),
            super::slot::Disk::Controller(_) => None,
        }
    }
}

impl World {
    /// A consumer that has a process.
    pub fn consumer(&self, client_id: &str) -> Option<&crate::actor::consumer::ConsumerApp> {
        let actor = self.actor_named(client_id)?;
        match self.actor(actor).process.as_deref() {
            Some(Actor::Consumer(app)) => Some(app),
            _ => None,
        }
    }
}
