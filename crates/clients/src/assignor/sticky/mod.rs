//! Sticky and cooperative-sticky: balanced, and as little moved as balance allows (`AbstractStickyAssignor`).
//!
//! Equal subscriptions take the short way ([`constrained`]), others the general one ([`general`]). The cooperative one
//! then holds back what somebody still has to give up, so that it is handed out in the next rebalance (KIP-429).

mod constrained;
mod general;
mod movements;
mod racks;

use super::input::Input;
use super::{Assignor, Member, MemberAssignment};
use crate::network::snapshot::Snapshot;
use bytes::{Buf, BufMut, Bytes, BytesMut};
use protocol::{Name, TopicPartition};
use racks::RackInfo;
use std::collections::{BTreeMap, BTreeSet};

/// `AbstractStickyAssignor.DEFAULT_GENERATION`.
const DEFAULT_GENERATION: i32 = -1;

/// What a member says it had, and in which generation; `None` = it says none.
struct MemberData {
    partitions: Vec<TopicPartition>,
    generation: Option<i32>,
}

/// Partitions by member, in the order of [`Input::members`].
type Assignment = Vec<Vec<TopicPartition>>;

/// What is handed to the two ways of assigning.
struct Problem<'a> {
    input: &'a Input<'a>,
    racks: RackInfo,
    owned: Assignment,
    /// Claimed by two members of one generation: nobody keeps it.
    doubly_claimed: BTreeSet<TopicPartition>,
}

fn owned_partitions(member: &Member) -> Vec<TopicPartition> {
    let topics = member.subscription.owned_partitions.iter();
    topics
        .flat_map(|(topic, partitions)| {
            partitions
                .iter()
                .map(|&p| TopicPartition::new(topic.clone(), p))
        })
        .collect()
}

/// The generation that travels in the subscription itself.
fn subscription_generation(member: &Member) -> Option<i32> {
    Some(member.subscription.generation_id).filter(|&g| g >= 0)
}

/// Sorts out who owned what. True: all members want the same topics (`allSubscriptionsEqual`).
fn sort_out_claims(
    input: &Input,
    data: &[MemberData],
    max_generation: &mut i32,
) -> (bool, Assignment, BTreeSet<TopicPartition>) {
    let mut equal = true;
    let mut subscribed: BTreeSet<&Name> = BTreeSet::new();
    let mut owners: BTreeMap<TopicPartition, usize> = BTreeMap::new();
    let mut owned: Assignment = vec![Vec::new(); data.len()];
    let mut doubly_claimed = BTreeSet::new();
    for (consumer, member) in input.members.iter().enumerate() {
        let topics = &member.subscription.topics;
        if subscribed.is_empty() {
            subscribed.extend(topics);
        } else if topics.len() != subscribed.len() || !topics.iter().all(|t| subscribed.contains(t))
        {
            equal = false;
        }
        let generation = data[consumer].generation.unwrap_or(DEFAULT_GENERATION);
        *max_generation = generation.max(*max_generation);
        for tp in &data[consumer].partitions {
            if input.topic(&tp.topic).is_none() {
                continue;
            }
            let Some(&other) = owners.get(tp) else {
                owned[consumer].push(tp.clone());
                owners.insert(tp.clone(), consumer);
                continue;
            };
            // Kafka compares with what the other's subscription says, whatever its user data say
            let of_other = subscription_generation(input.members[other]);
            let of_other = of_other.unwrap_or(DEFAULT_GENERATION);
            if generation < of_other {
                continue;
            }
            owned[other].retain(|o| o != tp);
            owners.insert(tp.clone(), consumer);
            if generation == of_other {
                doubly_claimed.insert(tp.clone());
            } else {
                owned[consumer].push(tp.clone());
            }
        }
    }
    (equal, owned, doubly_claimed)
}

/// Assigns; the second answer names who gets a partition that somebody else may still hold, where that is known already.
fn assign(
    input: &Input,
    data: &[MemberData],
    max_generation: &mut i32,
) -> (Assignment, Option<BTreeMap<TopicPartition, usize>>) {
    let (equal, owned, doubly_claimed) = sort_out_claims(input, data, max_generation);
    let problem = Problem {
        input,
        racks: RackInfo::new(input),
        owned,
        doubly_claimed,
    };
    if equal {
        let (assignment, transferring) = constrained::assign(problem);
        (assignment, Some(transferring))
    } else {
        (general::assign(problem, data, *max_generation), None)
    }
}

fn into_answers(
    members: &[Member],
    input: &Input,
    assignment: Assignment,
) -> Vec<(Name, MemberAssignment)> {
    let ids = input.members.iter().map(|m| &m.id);
    let mut by_id: BTreeMap<&Name, Vec<TopicPartition>> = ids.zip(assignment).collect();
    super::answers(members, |m| by_id.remove(&m.id).unwrap_or_default())
}

/// `StickyAssignor`: eager; what a member had travels as its user data.
#[derive(Clone, Debug)]
pub struct StickyAssignor {
    previous: Option<Vec<TopicPartition>>,
    generation: i32,
    max_generation: i32,
}

impl Default for StickyAssignor {
    fn default() -> Self {
        Self {
            previous: None,
            generation: DEFAULT_GENERATION,
            max_generation: DEFAULT_GENERATION,
        }
    }
}

/// Reads user data of version 1, or of version 0, which has no generation.
fn read_user_data(bytes: &Bytes) -> Option<MemberData> {
    let mut rest = bytes.clone();
    let mut partitions = Vec::new();
    let need = |rest: &Bytes, n: usize| (rest.len() >= n).then_some(());
    need(&rest, 4)?;
    for _ in 0..rest.get_i32().max(0) {
        need(&rest, 2)?;
        let length = usize::try_from(rest.get_i16()).ok()?;
        need(&rest, length)?;
        let name = rest.split_to(length);
        let topic: Name = std::str::from_utf8(&name).ok()?.into();
        need(&rest, 4)?;
        let count = usize::try_from(rest.get_i32()).ok()?;
        need(&rest, count.checked_mul(4)?)?;
        for _ in 0..count {
            partitions.push(TopicPartition::new(topic.clone(), rest.get_i32()));
        }
    }
    let generation = (rest.len() >= 4).then(|| rest.get_i32());
    Some(MemberData {
        partitions,
        generation,
    })
}

impl StickyAssignor {
    fn member_data(member: &Member) -> MemberData {
        let none = |generation| MemberData {
            partitions: Vec::new(),
            generation,
        };
        match &member.subscription.user_data {
            Some(bytes) if !bytes.is_empty() => {
                read_user_data(bytes).unwrap_or_else(|| none(Some(DEFAULT_GENERATION)))
            }
            _ => none(None),
        }
    }
}

/// What a sticky member sends along: its partitions and their generation.
pub fn sticky_user_data(partitions: &[TopicPartition], generation: i32) -> Bytes {
    let mut topics: Vec<(&Name, Vec<i32>)> = Vec::new();
    for tp in partitions {
        match topics.iter_mut().find(|(topic, _)| **topic == tp.topic) {
            Some((_, list)) => list.push(tp.partition),
            None => topics.push((&tp.topic, vec![tp.partition])),
        }
    }
    let topics = crate::java::hash_map_order(topics, 16, |(t, _)| crate::java::string_hash(t));
    let mut out = BytesMut::new();
    out.put_i32(topics.len() as i32);
    for (topic, list) in topics {
        out.put_i16(topic.len() as i16);
        out.put_slice(topic.as_bytes());
        out.put_i32(list.len() as i32);
        list.into_iter().for_each(|p| out.put_i32(p));
    }
    out.put_i32(generation);
    out.freeze()
}

impl Assignor for StickyAssignor {
    fn name(&self) -> &'static str {
        "sticky"
    }

    fn subscription_user_data(&self) -> Option<Bytes> {
        let previous = self.previous.as_ref()?;
        Some(sticky_user_data(previous, self.generation))
    }

    fn assign(&mut self, cluster: &Snapshot, members: &[Member]) -> Vec<(Name, MemberAssignment)> {
        let input = Input::new(cluster, members);
        let data: Vec<_> = input.members.iter().map(|m| Self::member_data(m)).collect();
        let (assignment, _) = assign(&input, &data, &mut self.max_generation);
        into_answers(members, &input, assignment)
    }

    fn on_assignment(&mut self, partitions: &[TopicPartition], _: Option<&Bytes>, generation: i32) {
        self.previous = Some(partitions.to_vec());
        self.generation = generation;
    }

    fn clone_box(&self) -> Box<dyn Assignor> {
        Box::new(self.clone())
    }
}

/// `CooperativeStickyAssignor`: members keep their partitions during a rebalance.
#[derive(Clone, Debug)]
pub struct CooperativeStickyAssignor {
    generation: i32,
    max_generation: i32,
}

impl Default for CooperativeStickyAssignor {
    fn default() -> Self {
        Self {
            generation: DEFAULT_GENERATION,
            max_generation: DEFAULT_GENERATION,
        }
    }
}

impl CooperativeStickyAssignor {
    fn member_data(member: &Member) -> MemberData {
        let generation = subscription_generation(member).or_else(|| {
            // older members put it into their user data
            let bytes = member.subscription.user_data.as_ref()?;
            Some(if bytes.len() >= 4 {
                bytes.clone().get_i32()
            } else {
                DEFAULT_GENERATION
            })
        });
        MemberData {
            partitions: owned_partitions(member),
            generation,
        }
    }
}

impl Assignor for CooperativeStickyAssignor {
    fn name(&self) -> &'static str {
        "cooperative-sticky"
    }

    fn is_cooperative(&self) -> bool {
        true
    }

    fn subscription_user_data(&self) -> Option<Bytes> {
        Some(Bytes::copy_from_slice(&self.generation.to_be_bytes()))
    }

    fn assign(&mut self, cluster: &Snapshot, members: &[Member]) -> Vec<(Name, MemberAssignment)> {
        let input = Input::new(cluster, members);
        let data: Vec<_> = input.members.iter().map(|m| Self::member_data(m)).collect();
        let (mut assignment, transferring) = assign(&input, &data, &mut self.max_generation);
        let transferring = transferring.unwrap_or_else(|| moved(&input, &assignment));
        for (tp, consumer) in transferring {
            assignment[consumer].retain(|assigned| *assigned != tp);
        }
        into_answers(members, &input, assignment)
    }

    fn on_assignment(&mut self, _: &[TopicPartition], _: Option<&Bytes>, generation: i32) {
        self.generation = generation;
    }

    fn clone_box(&self) -> Box<dyn Assignor> {
        Box::new(self.clone())
    }
}

/// What one member gets that another gives up (`computePartitionsTransferringOwnership`).
fn moved(input: &Input, assignment: &Assignment) -> BTreeMap<TopicPartition, usize> {
    let mut added = BTreeMap::new();
    let mut revoked = BTreeSet::new();
    for (consumer, assigned) in assignment.iter().enumerate() {
        let owned = owned_partitions(input.members[consumer]);
        for tp in assigned.iter().filter(|tp| !owned.contains(tp)) {
            added.insert(tp.clone(), consumer);
        }
        revoked.extend(owned.into_iter().filter(|tp| !assigned.contains(tp)));
    }
    added.retain(|tp, _| revoked.contains(tp));
    added
}
