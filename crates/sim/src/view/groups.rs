//! Groups and their members as cards: what the coordinator holds, what each consumer does, and the pins on the partitions.

use super::cards::*;
use super::events::us;
use crate::actor::consumer::ConsumerApp;
use crate::actor::{Actor, Role};
use crate::world::{Liveness, Slot, World};
use clients::consumer::Consumer;
use coordinator::group::coordinator::{Coordinator, GroupView};
use coordinator::group::state::TimerKey;
use protocol::{ApiKey, Instant, Ms, Name, NodeId, TopicPartition};
use std::collections::BTreeMap;

/// A group's coordinator and the broker that hosts it.
struct Host<'a> {
    broker: NodeId,
    coordinator: &'a Coordinator,
}

fn host<'a>(world: &'a World, group: &str) -> Option<Host<'a>> {
    world.brokers().find_map(|node| {
        let coordinator = node.groups().coordinator_of(group, node.image())?;
        let here = coordinator.group_view(group).is_some()
            || coordinator.state().offsets.committed.group(group).is_some();
        here.then_some(Host {
            broker: node.id(),
            coordinator,
        })
    })
}

/// Groups with their members; puts their pins on the partitions.
pub(super) fn groups(
    world: &World,
    places: &[TopicPartition],
    partitions: &mut [PartitionCard],
) -> Vec<GroupCard> {
    let mut by_group: BTreeMap<Name, Vec<&Slot>> = BTreeMap::new();
    for slot in world.slots(Role::Consumer) {
        if let Some(Actor::Consumer(app)) = slot.process.as_deref() {
            let group = app.group().cloned().unwrap_or_else(|| "".into());
            by_group.entry(group).or_default().push(slot);
        }
    }
    for node in world.brokers() {
        for (_, coordinator) in node.groups().coordinators() {
            for id in coordinator.group_ids() {
                by_group.entry(id).or_default();
            }
        }
    }
    by_group
        .into_iter()
        .map(|(id, slots)| group(world, id, &slots, places, partitions))
        .collect()
}

fn timer(due_ms: Ms, total_ms: Ms) -> TimerCard {
    TimerCard {
        due_us: us(Instant::from_ms(due_ms)),
        total_us: total_ms * 1_000,
    }
}

fn group(
    world: &World,
    id: Name,
    slots: &[&Slot],
    places: &[TopicPartition],
    partitions: &mut [PartitionCard],
) -> GroupCard {
    let host = if id.is_empty() {
        None
    } else {
        host(world, &id)
    };
    let mut card = GroupCard {
        id: id.clone(),
        generation: -1,
        coordinator: host.as_ref().map_or(-1, |h| h.broker.get()),
        ..GroupCard::default()
    };
    let classic = host.as_ref().and_then(|h| h.coordinator.group_view(&id));
    let classic = match classic {
        Some(GroupView::Classic(g)) => Some(g),
        _ => None,
    };
    if let Some(g) = classic {
        card.state = g.state().name().into();
        card.generation = g.generation_id;
        card.protocol = g.protocol_name.clone().unwrap_or_else(|| "".into());
    }
    let due = |key: &TimerKey| {
        let mut timers = host.as_ref()?.coordinator.timers();
        timers.find(|(k, _)| *k == key).map(|(_, t)| t.due_ms)
    };
    card.rebalance_due_us = due(&TimerKey::Join(id.clone())).map(|ms| us(Instant::from_ms(ms)));
    for slot in slots {
        let Some(Actor::Consumer(app)) = slot.process.as_deref() else {
            continue;
        };
        let mut m = member(slot, app, partitions);
        let session = due(&TimerKey::Heartbeat(id.clone(), m.member_id.clone()));
        if let Some(due_ms) = session {
            m.session = Some(timer(
                due_ms,
                app.client().view().config().session_timeout_ms,
            ));
        }
        card.members.push(m);
    }
    // Members that the coordinator still counts, though nobody is there any more.
    for g in classic.iter().flat_map(|g| g.members()) {
        if card.members.iter().any(|m| m.id == g.client_id) {
            continue;
        }
        let session = due(&TimerKey::Heartbeat(id.clone(), g.member_id.clone()));
        card.members.push(MemberCard {
            id: g.client_id.clone(),
            member_id: g.member_id.clone(),
            state: ClientState::Killed,
            doing: Doing::Gone,
            session: session.map(|due| timer(due, i64::from(g.session_timeout_ms))),
            ..MemberCard::default()
        });
    }
    pins(&card, host.as_ref(), places, slots, partitions);
    card
}

fn member(slot: &Slot, app: &ConsumerApp, partitions: &[PartitionCard]) -> MemberCard {
    let client = app.client();
    let view = client.view();
    let config = view.config();
    let mut m = MemberCard {
        id: slot.name.clone(),
        state: state(slot, app),
        process_us: i64::from(app.app().processing_ms) * 1_000,
        max_poll_records: config.max_poll_records as u32,
        isolation: if config.read_committed {
            "read_committed".into()
        } else {
            "read_uncommitted".into()
        },
        buffered: view.fetch_buffer().iter().map(|f| f.records as u32).sum(),
        error: app.last_error().map(|e| e.name().into()),
        ..MemberCard::default()
    };
    for (tp, _) in view.subscriptions().assigned() {
        let position = view.subscriptions().position(tp).map(|p| p.offset.get());
        let end = partitions
            .iter()
            .find(|p| p.topic == tp.topic && p.partition == tp.partition)
            .map_or(0, |p| p.hw);
        let lag = position.map_or(0, |p| (end - p).max(0));
        m.lag += lag;
        m.owned.push(OwnedCard {
            topic: tp.topic.clone(),
            partition: tp.partition,
            lag,
        });
    }
    m.owned
        .sort_by(|a, b| (&a.topic, a.partition).cmp(&(&b.topic, b.partition)));
    if let Some(group) = view.group() {
        m.member_id = group.generation.member_id.clone();
        m.leads = group.is_leader;
        if group.thread.as_ref().is_some_and(|t| t.enabled) {
            m.session = Some(timer(group.heartbeat.session_ms, config.session_timeout_ms));
            m.poll = Some(timer(group.heartbeat.poll_ms, config.max_poll_interval_ms));
        }
        if config.auto_commit {
            m.auto_commit = Some(timer(
                group.next_auto_commit_ms,
                config.auto_commit_interval_ms,
            ));
        }
    }
    m.doing = doing(app, client, &m);
    m
}

fn state(slot: &Slot, app: &ConsumerApp) -> ClientState {
    match slot.liveness {
        Liveness::Paused => ClientState::Frozen,
        Liveness::Stopping => ClientState::Closing,
        Liveness::Down | Liveness::PoweredOff => ClientState::Killed,
        Liveness::Running if app.is_frozen() => ClientState::Frozen,
        Liveness::Running if app.is_stopped() => ClientState::Failed,
        Liveness::Running => ClientState::Running,
    }
}

fn doing(app: &ConsumerApp, client: &Consumer, m: &MemberCard) -> Doing {
    let (mut at_hand, until) = app.at_hand();
    if let (Some((tp, offset)), Some(until)) = (at_hand.next(), until) {
        return Doing::Processing {
            topic: tp.topic.clone(),
            partition: tp.partition,
            offset: offset.get(),
            until_us: us(until),
        };
    }
    let view = client.view();
    let sent = |api: ApiKey| {
        let found = view.in_flight().into_iter().find(|r| r.api == api)?;
        Some(us(Instant::from_ms(found.sent_ms)))
    };
    if let Some(since_us) = sent(ApiKey::JoinGroup) {
        return Doing::Joining { since_us };
    }
    if let Some(since_us) = sent(ApiKey::SyncGroup) {
        return Doing::Syncing { since_us };
    }
    if sent(ApiKey::FindCoordinator).is_some() {
        return Doing::FindingCoordinator;
    }
    let joined = view.group().is_none_or(|g| g.generation.id >= 0);
    match sent(ApiKey::Fetch) {
        Some(since_us) if m.lag == 0 => Doing::AtEnd { since_us },
        Some(_) => Doing::Fetching,
        None if joined && m.owned.is_empty() => Doing::Unassigned,
        None => Doing::Idle,
    }
}

fn pins(
    card: &GroupCard,
    host: Option<&Host<'_>>,
    places: &[TopicPartition],
    slots: &[&Slot],
    partitions: &mut [PartitionCard],
) {
    for (place, tp) in places.iter().enumerate() {
        let owner = card.members.iter().find(|m| {
            let mut owned = m.owned.iter();
            owned.any(|o| o.topic == tp.topic && o.partition == tp.partition)
        });
        let owner_id = owner.map_or_else(|| Name::from(""), |m| m.id.clone());
        let stored = host.map(|h| &h.coordinator.state().offsets.committed);
        let committed = stored.and_then(|s| s.get(&card.id, &tp.topic, tp.partition));
        if let Some(c) = committed {
            partitions[place].pins.push(PinCard {
                group: card.id.clone(),
                member: owner_id.clone(),
                kind: PinKind::Committed,
                offset: c.value.offset,
            });
        }
        let app = slots.iter().find(|s| s.name == owner_id);
        let app = app.and_then(|s| match s.process.as_deref() {
            Some(Actor::Consumer(app)) => Some(app),
            _ => None,
        });
        let position = app.and_then(|a| a.client().view().subscriptions().position(tp));
        if let Some(p) = position {
            partitions[place].pins.push(PinCard {
                group: card.id.clone(),
                member: owner_id,
                kind: PinKind::Position,
                offset: p.offset.get(),
            });
        }
    }
}
