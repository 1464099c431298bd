//! Messages on their way as columns, and links that are not as they should be.

use super::cards::*;
use super::events::{is_user_topic, us};
use super::frame::topic_name;
use super::keys::Keys;
use super::messages::{Gist, TopicRef};
use crate::ids::{ActorId, Direction};
use crate::network::{Body, MessageState};
use crate::story::{gist_between, is_drawn};
use crate::world::World;
use protocol::{Name, TopicPartition};

/// Messages in one picture; noise beyond it is left out first.
const MAX_FLIGHTS: usize = 400;

/// The name under which commands and the page speak of an actor: a node's id, else a client's.
pub fn actor_name(world: &World, id: ActorId) -> Name {
    let slot = world.actor(id);
    match slot.node {
        Some(node) => node.get().to_string().into(),
        None => slot.name.clone(),
    }
}

pub(super) fn flights(
    world: &World,
    places: &[TopicPartition],
    keys: &mut Keys,
    columns: &mut Columns,
) {
    let now = us(world.now());
    let mut rows = 0;
    for (id, c) in world.network().connections() {
        for direction in [Direction::Forward, Direction::Backward] {
            let lane = c.lane(direction);
            let (from, to) = c.ends(direction);
            let mut held = false;
            for m in &lane.queue {
                if !matches!(m.body, Body::Request { .. } | Body::Response { .. }) {
                    continue;
                }
                let g = gist_between(world, &m.body, from, to);
                let drawn = is_drawn(world, &g);
                if rows >= MAX_FLIGHTS && !drawn {
                    continue;
                }
                rows += 1;
                let topic = topic_of(world, &g);
                let place = topic.as_ref().and_then(|t| {
                    places
                        .iter()
                        .position(|p| p.topic == *t && p.partition == g.partition)
                });
                let user = topic.filter(|t| is_user_topic(t));
                let key = user.map_or(0, |t| keys.number(&t, g.key.as_ref()));
                let state = match m.state {
                    MessageState::Held => 1,
                    MessageState::Moving if held => 2,
                    MessageState::Moving => 0,
                };
                held |= m.state == MessageState::Held;
                let mut row = [0.0; flight::STRIDE];
                row[flight::ID] = f64::from(id.0) * 2_097_152.0
                    + f64::from(m.nth) * 2.0
                    + direction.index() as f64;
                let kind = if drawn { g.kind } else { FlightKind::Noise };
                row[flight::KIND] = f64::from(kind as u8);
                row[flight::FROM] = f64::from(from.0);
                row[flight::TO] = f64::from(to.0);
                row[flight::SENT_US] = us(m.sent_at) as f64;
                row[flight::ARRIVES_US] = us(m.arrives_at).max(now) as f64;
                row[flight::PLACE] = place.map_or(-1.0, |p| p as f64);
                row[flight::FIRST_OFFSET] = g.first_offset as f64;
                row[flight::RECORDS] = f64::from(g.records);
                row[flight::KEY] = f64::from(key);
                row[flight::STATE] = f64::from(state);
                row[flight::API] = f64::from(g.api);
                row[flight::ERROR] = f64::from(g.error);
                row[flight::CONNECTION] = f64::from(id.0);
                row[flight::FORWARD] = if direction == Direction::Forward {
                    1.0
                } else {
                    0.0
                };
                row[flight::NUMBER] = f64::from(m.nth);
                columns.flights.extend_from_slice(&row);
            }
        }
    }
}

fn topic_of(world: &World, g: &Gist) -> Option<Name> {
    match &g.topic {
        TopicRef::None => None,
        TopicRef::Named(name) => Some(name.clone()),
        TopicRef::Id(id) => topic_name(world, *id),
    }
}

/// Links that are cut or slowed, each direction by itself.
pub(super) fn links(world: &World) -> Vec<LinkCard> {
    let usual = world.network().cost.latency_us;
    world
        .network()
        .links()
        .filter(|l| l.cut || l.latency_us != usual)
        .map(|l| LinkCard {
            from: actor_name(world, l.from),
            to: actor_name(world, l.to),
            cut: l.cut,
            extra_latency_us: l.latency_us - usual,
        })
        .collect()
}
