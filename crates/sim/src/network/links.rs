//! Links: what lies between two actors, each direction by itself. Cut, slow, heal.

use super::{Connection, Message, Network};
use crate::ids::{ActorId, Direction};
use protocol::{ConnectionId, Instant};
use serde::Serialize;
use std::sync::Arc;

/// One direction between two actors.
#[derive(Clone, Copy, Debug, Default)]
pub struct Link {
    /// Swallows everything.
    pub cut: bool,
    /// Instead of the table's value.
    pub latency_us: Option<i64>,
    pub bandwidth_bytes_s: Option<i64>,
    /// The wire is taken until then: messages leave one after the other.
    pub(super) busy_until: Instant,
}

/// How a link is, for those who look at it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct LinkState {
    pub from: ActorId,
    pub to: ActorId,
    pub cut: bool,
    pub latency_us: i64,
    pub bandwidth_bytes_s: i64,
}

impl Network {
    /// Swallows what is on its way and everything that will be sent from one to the other. Answers what was lost.
    pub fn cut(
        &mut self,
        from: ActorId,
        to: ActorId,
    ) -> Vec<(ConnectionId, Direction, Arc<Message>)> {
        self.links.entry((from, to)).or_default().cut = true;
        let mut lost = Vec::new();
        for (&id, c) in &mut self.connections {
            for direction in [Direction::Forward, Direction::Backward] {
                if c.ends(direction) != (from, to) || c.lanes[direction.index()].queue.is_empty() {
                    continue;
                }
                let lane = &mut c.lanes[direction.index()];
                lane.dead = true;
                lost.extend(lane.queue.drain(..).map(|m| (id, direction, m)));
                c.lost_bytes = true;
            }
        }
        lost
    }

    /// Undoes a cut and a slowing of one direction. Takes out every connection of the two that lost something: the world
    /// tells the ends that still hold it.
    pub fn heal(&mut self, from: ActorId, to: ActorId) -> Vec<(ConnectionId, Connection)> {
        let Some(link) = self.links.get_mut(&(from, to)) else {
            return Vec::new();
        };
        let was_cut = link.cut;
        link.cut = false;
        link.latency_us = None;
        link.bandwidth_bytes_s = None;
        if !was_cut {
            return Vec::new();
        }
        let between = |c: &Connection| [(from, to), (to, from)].contains(&(c.opener, c.acceptor));
        let broken: Vec<_> = self
            .connections
            .iter()
            .filter(|(_, c)| c.lost_bytes && between(c))
            .map(|(&id, _)| id)
            .collect();
        broken
            .into_iter()
            .filter_map(|id| Some((id, self.connections.remove(&id)?)))
            .collect()
    }

    /// Gives a direction another latency or bandwidth; `None` = as in the table. What is on its way is not touched.
    pub fn slow(
        &mut self,
        from: ActorId,
        to: ActorId,
        latency_us: Option<i64>,
        bandwidth_bytes_s: Option<i64>,
    ) {
        let link = self.links.entry((from, to)).or_default();
        link.latency_us = latency_us.map(|l| l.max(0));
        link.bandwidth_bytes_s = bandwidth_bytes_s.map(|b| b.max(1));
    }

    pub fn is_cut(&self, from: ActorId, to: ActorId) -> bool {
        self.links.get(&(from, to)).is_some_and(|l| l.cut)
    }

    /// Every direction that ever carried something.
    pub fn links(&self) -> impl Iterator<Item = LinkState> + '_ {
        self.links.iter().map(|(&(from, to), l)| LinkState {
            from,
            to,
            cut: l.cut,
            latency_us: l.latency_us.unwrap_or(self.cost.latency_us),
            bandwidth_bytes_s: l.bandwidth_bytes_s.unwrap_or(self.cost.bandwidth_bytes_s),
        })
    }
}
