//! Producers as cards.

use super::cards::*;
use super::events::us;
use super::keys::Keys;
use crate::actor::{Actor, Role};
use crate::world::{Liveness, Slot, World};
use protocol::{Instant, TopicPartition};

fn client_state(slot: &Slot) -> ClientState {
    match slot.liveness {
        Liveness::Running => ClientState::Running,
        Liveness::Paused => ClientState::Frozen,
        Liveness::Stopping => ClientState::Closing,
        Liveness::Down | Liveness::PoweredOff => ClientState::Killed,
    }
}

pub(super) fn producers(
    world: &World,
    places: &[TopicPartition],
    keys: &mut Keys,
) -> Vec<ProducerCard> {
    world
        .slots(Role::Producer)
        .map(|slot| {
            let mut card = ProducerCard {
                id: slot.name.clone(),
                state: client_state(slot),
                ..ProducerCard::default()
            };
            let Some(Actor::Producer(app)) = slot.process.as_deref() else {
                return card;
            };
            let client = app.client();
            let config = &client.config;
            card.acks = i32::from(config.acks);
            card.idempotent = config.idempotent;
            card.linger_us = config.linger_ms * 1_000;
            card.max_in_flight = config.max_in_flight as u32;
            card.producer_id = -1;
            card.producer_epoch = -1;
            let view = client.view();
            if let Some(manager) = view.transaction_manager() {
                let p = manager.producer();
                card.producer_id = p.id.get();
                card.producer_epoch = i32::from(p.epoch.get());
            }
            for queue in view.queues() {
                let place = places.iter().position(|p| *p == queue.tp);
                for batch in queue.queued {
                    let key_ids = batch
                        .keys
                        .iter()
                        .map(|k| keys.number(&queue.tp.topic, k.as_ref()));
                    card.batches.push(AccumulatedCard {
                        place: place.map(|p| p as Place),
                        partition: queue.tp.partition,
                        keys: key_ids.collect(),
                        bytes: batch.bytes as u32,
                        ready_us: us(Instant::from_ms(batch.sendable_ms)),
                        retry: batch.attempts > 0,
                    });
                }
            }
            let produces = view
                .in_flight()
                .iter()
                .filter(|r| r.api == protocol::ApiKey::Produce)
                .count();
            card.in_flight = produces as u32;
            if let Some(load) = app.load() {
                card.every_us = Some(i64::from(load.every_ms) * 1_000);
                card.topic = load.topic.as_str().into();
            } else if let Some(first) = places.first() {
                card.topic = first.topic.clone();
            }
            card
        })
        .collect()
}
