//! A group of the classic protocol: its members, its state, its generation (`ClassicGroup`, `ClassicGroupMember`).
//!
//! It knows who is in, who waits and what is offered; it does not know timers, records or requests. Kafka keeps it outside
//! of its versioned state, and so do we: handlers change it, a load builds it anew.

use crate::runtime::java::JavaHashMap;
use bytes::Bytes;
use protocol::consumer_protocol::{self, Subscription};
use protocol::messages::{JoinGroupRequestProtocol, JoinGroupResponseMember};
use protocol::{ErrorCode, Ms, Name};
use std::collections::{BTreeMap, BTreeSet};

/// Names one request until it is answered. The host chooses it and gets it back with the answer.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Token(pub u64);

/// `ClassicGroupState`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ClassicGroupState {
    Empty,
    PreparingRebalance,
    CompletingRebalance,
    Stable,
    Dead,
}

impl ClassicGroupState {
    /// Kafka's name of it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Empty => "Empty",
            Self::PreparingRebalance => "PreparingRebalance",
            Self::CompletingRebalance => "CompletingRebalance",
            Self::Stable => "Stable",
            Self::Dead => "Dead",
        }
    }

    fn may_become(self, next: Self) -> bool {
        match next {
            Self::Empty => self == Self::PreparingRebalance,
            Self::PreparingRebalance => {
                matches!(self, Self::Stable | Self::CompletingRebalance | Self::Empty)
            }
            Self::CompletingRebalance => self == Self::PreparingRebalance,
            Self::Stable => self == Self::CompletingRebalance,
            Self::Dead => true,
        }
    }
}

/// One member.
#[derive(Clone, Debug, PartialEq)]
pub struct ClassicMember {
    pub member_id: Name,
    pub group_instance_id: Option<Name>,
    pub client_id: Name,
    pub client_host: Name,
    pub rebalance_timeout_ms: i32,
    pub session_timeout_ms: i32,
    pub protocol_type: Name,
    /// In the member's order of preference.
    pub supported_protocols: Vec<JoinGroupRequestProtocol>,
    pub assignment: Bytes,
    /// A JoinGroup of it is parked.
    pub awaiting_join: Option<Token>,
    /// A SyncGroup of it is parked.
    pub awaiting_sync: Option<Token>,
    /// Added since the last generation: it may wait for its join without heartbeats, but not for ever.
    pub is_new: bool,
}

impl ClassicMember {
    /// The metadata that it offered for a protocol.
    pub fn metadata(&self, protocol: &str) -> Option<&Bytes> {
        let found = self
            .supported_protocols
            .iter()
            .find(|p| &*p.name == protocol);
        found.map(|p| &p.metadata)
    }

    /// A parked request stands for a heartbeat, except for a new member.
    pub const fn has_satisfied_heartbeat(&self) -> bool {
        !self.is_new && (self.awaiting_join.is_some() || self.awaiting_sync.is_some())
    }

    /// The same protocols, in the same order, with the same metadata.
    pub fn matches(&self, protocols: &[JoinGroupRequestProtocol]) -> bool {
        self.supported_protocols == protocols
    }
}

/// A classic group.
#[derive(Clone, Debug, PartialEq)]
pub struct ClassicGroup {
    pub group_id: Name,
    state: ClassicGroupState,
    previous_state: ClassicGroupState,
    /// When the state was entered; −1 = unknown.
    pub current_state_timestamp_ms: Option<Ms>,
    pub protocol_type: Option<Name>,
    pub protocol_name: Option<Name>,
    pub generation_id: i32,
    pub leader_id: Option<Name>,
    /// By member id, the order in which Kafka's table is taken to iterate.
    members: BTreeMap<Name, ClassicMember>,
    /// Member id by instance id.
    static_members: BTreeMap<Name, Name>,
    /// Ids that were handed out and not used yet.
    pending_join_members: BTreeSet<Name>,
    /// How many members offer each protocol.
    supported_protocols: BTreeMap<Name, usize>,
    /// Told a generation, not synced yet.
    pub pending_sync_members: BTreeSet<Name>,
    /// `None` = unknown.
    pub subscribed_topics: Option<BTreeSet<Name>>,
    /// A member came while the initial delay was running.
    pub new_member_added: bool,
}

impl ClassicGroup {
    pub fn new(group_id: Name, state: ClassicGroupState, now_ms: Ms) -> Self {
        Self {
            group_id,
            state,
            previous_state: ClassicGroupState::Dead,
            current_state_timestamp_ms: Some(now_ms),
            protocol_type: None,
            protocol_name: None,
            generation_id: 0,
            leader_id: None,
            members: BTreeMap::new(),
            static_members: BTreeMap::new(),
            pending_join_members: BTreeSet::new(),
            supported_protocols: BTreeMap::new(),
            pending_sync_members: BTreeSet::new(),
            subscribed_topics: None,
            new_member_added: false,
        }
    }

    pub const fn state(&self) -> ClassicGroupState {
        self.state
    }

    pub const fn previous_state(&self) -> ClassicGroupState {
        self.previous_state
    }

    pub fn is(&self, state: ClassicGroupState) -> bool {
        self.state == state
    }

    /// Enters a state; its timestamp is now.
    pub fn transition_to(&mut self, state: ClassicGroupState, now_ms: Ms) {
        assert!(
            self.state.may_become(state),
            "group {} cannot go from {} to {}",
            self.group_id,
            self.state.name(),
            state.name()
        );
        self.previous_state = self.state;
        self.state = state;
        self.current_state_timestamp_ms = Some(now_ms);
    }

    /// A rebalance may begin from here.
    pub fn can_rebalance(&self) -> bool {
        self.state.may_become(ClassicGroupState::PreparingRebalance)
    }

    pub fn is_empty(&self) -> bool {
        self.is(ClassicGroupState::Empty)
    }

    /// Made by commits alone: nobody ever joined.
    pub fn is_simple_group(&self) -> bool {
        self.protocol_type.is_none() && self.is_empty() && self.pending_join_members.is_empty()
    }

    pub fn uses_consumer_group_protocol(&self) -> bool {
        self.protocol_type.as_deref() == Some(consumer_protocol::PROTOCOL_TYPE)
    }

    // members

    pub fn has_member(&self, member_id: &str) -> bool {
        self.members.contains_key(member_id)
    }

    pub fn member(&self, member_id: &str) -> Option<&ClassicMember> {
        self.members.get(member_id)
    }

    pub fn member_mut(&mut self, member_id: &str) -> Option<&mut ClassicMember> {
        self.members.get_mut(member_id)
    }

    /// In order of member id.
    pub fn members(&self) -> impl Iterator<Item = &ClassicMember> {
        self.members.values()
    }

    pub fn members_mut(&mut self) -> impl Iterator<Item = &mut ClassicMember> {
        self.members.values_mut()
    }

    pub fn member_ids(&self) -> Vec<Name> {
        self.members.keys().cloned().collect()
    }

    pub fn num_members(&self) -> usize {
        self.members.len()
    }

    pub fn is_leader(&self, member_id: &str) -> bool {
        self.leader_id.as_deref() == Some(member_id)
    }

    pub fn static_member_id(&self, instance_id: &str) -> Option<&Name> {
        self.static_members.get(instance_id)
    }

    pub fn pending_join_members(&self) -> &BTreeSet<Name> {
        &self.pending_join_members
    }

    pub fn is_pending_member(&self, member_id: &str) -> bool {
        self.pending_join_members.contains(member_id)
    }

    pub fn add_pending_member(&mut self, member_id: Name) {
        self.pending_join_members.insert(member_id);
    }

    pub fn num_awaiting_join(&self) -> usize {
        self.members
            .values()
            .filter(|m| m.awaiting_join.is_some())
            .count()
    }

    /// Nobody is missing: every member waits for the join phase to end and no handed-out id is unused.
    pub fn has_all_members_joined(&self) -> bool {
        self.pending_join_members.is_empty() && self.num_awaiting_join() == self.members.len()
    }

    /// The longest rebalance timeout of the members.
    pub fn rebalance_timeout_ms(&self) -> i32 {
        let longest = self.members.values().map(|m| m.rebalance_timeout_ms).max();
        longest.unwrap_or(0).max(0)
    }

    /// Adds a member; the first one of an empty group gives it its protocol type and leads it.
    pub fn add(&mut self, member: ClassicMember) {
        if let Some(instance_id) = &member.group_instance_id {
            self.static_members
                .insert(instance_id.clone(), member.member_id.clone());
        }
        if self.members.is_empty() {
            self.protocol_type = Some(member.protocol_type.clone());
        }
        if self.leader_id.is_none() {
            self.leader_id = Some(member.member_id.clone());
        }
        self.count_protocols(&member.supported_protocols, 1);
        self.pending_join_members.remove(&member.member_id);
        self.members.insert(member.member_id.clone(), member);
    }

    /// Removes a member or an id that was handed out. The first member left leads if the leader went.
    pub fn remove(&mut self, member_id: &str) {
        if let Some(member) = self.members.remove(member_id) {
            self.count_protocols(&member.supported_protocols, -1);
            if let Some(instance_id) = &member.group_instance_id {
                self.static_members.remove(instance_id);
            }
        }
        if self.is_leader(member_id) {
            self.leader_id = self.members.keys().next().cloned();
        }
        self.pending_join_members.remove(member_id);
        self.pending_sync_members.remove(member_id);
    }

    /// Makes sure that the leader is somebody who rejoined. False: nobody did, or there is no leader.
    pub fn maybe_elect_new_joined_leader(&mut self) -> bool {
        let Some(leader) = self.leader_id.as_ref().and_then(|id| self.members.get(id)) else {
            return false;
        };
        if leader.awaiting_join.is_some() {
            return true;
        }
        let joined = self.members.values().find(|m| m.awaiting_join.is_some());
        match joined.map(|m| m.member_id.clone()) {
            Some(id) => {
                self.leader_id = Some(id);
                true
            }
            None => false,
        }
    }

    /// Gives a static member's place to a new member id. The old one's parked requests are handed back to be fenced.
    pub fn replace_static_member(
        &mut self,
        instance_id: &Name,
        old_member_id: &str,
        new_member_id: Name,
    ) -> (Option<Token>, Option<Token>) {
        let mut member = self
            .members
            .remove(old_member_id)
            .expect("the instance id maps to a member");
        let parked = (member.awaiting_join.take(), member.awaiting_sync.take());
        member.member_id = new_member_id.clone();
        member.is_new = false;
        self.members.insert(new_member_id.clone(), member);
        if self.is_leader(old_member_id) {
            self.leader_id = Some(new_member_id.clone());
        }
        self.static_members
            .insert(instance_id.clone(), new_member_id);
        parked
    }

    /// Takes over what a join says. A request that was parked before is forgotten.
    pub fn update_member(
        &mut self,
        member_id: &str,
        protocols: Vec<JoinGroupRequestProtocol>,
        rebalance_timeout_ms: i32,
        session_timeout_ms: i32,
        awaiting_join: Option<Token>,
    ) {
        let Some(member) = self.members.get_mut(member_id) else {
            return;
        };
        let old = std::mem::replace(&mut member.supported_protocols, protocols.clone());
        member.rebalance_timeout_ms = rebalance_timeout_ms;
        member.session_timeout_ms = session_timeout_ms;
        member.awaiting_join = awaiting_join;
        self.count_protocols(&old, -1);
        self.count_protocols(&protocols, 1);
    }

    fn count_protocols(&mut self, protocols: &[JoinGroupRequestProtocol], change: isize) {
        for protocol in protocols {
            let count = self
                .supported_protocols
                .entry(protocol.name.clone())
                .or_default();
            *count = count.saturating_add_signed(change);
        }
    }

    /// The instance id must be this member's, and the member known (`validateMember`).
    pub fn validate_member(
        &self,
        member_id: &str,
        instance_id: Option<&Name>,
    ) -> Result<(), ErrorCode> {
        if let Some(instance_id) = instance_id {
            match self.static_members.get(instance_id) {
                None => return Err(ErrorCode::UnknownMemberId),
                Some(holder) if &**holder != member_id => return Err(ErrorCode::FencedInstanceId),
                Some(_) => {}
            }
        }
        if self.has_member(member_id) {
            Ok(())
        } else {
            Err(ErrorCode::UnknownMemberId)
        }
    }

    // protocols

    /// An empty group takes any type and protocols; another one its own type and a protocol that all members offer.
    pub fn supports_protocols<'n>(
        &self,
        protocol_type: &str,
        mut names: impl Iterator<Item = &'n Name>,
    ) -> bool {
        if self.is_empty() {
            return !protocol_type.is_empty() && names.next().is_some();
        }
        self.protocol_type.as_deref() == Some(protocol_type)
            && names.any(|name| {
                self.supported_protocols.get(name).copied().unwrap_or(0) == self.members.len()
            })
    }

    /// The vote: each member for its first candidate, most votes win, ties in the order of a Java hash map
    /// (`selectProtocol`).
    pub fn select_protocol(&self) -> Option<Name> {
        let all = self.members.len();
        let mut votes: JavaHashMap<Name, u32> = JavaHashMap::new();
        for member in self.members.values() {
            let choice = member
                .supported_protocols
                .iter()
                .find(|p| self.supported_protocols.get(&p.name) == Some(&all));
            votes.increment(choice.expect("members share a protocol").name.clone());
        }
        votes.most().cloned()
    }

    /// The next generation: its protocol is voted, or the group is empty.
    pub fn init_next_generation(&mut self, now_ms: Ms) {
        self.generation_id += 1;
        if self.members.is_empty() {
            self.protocol_name = None;
            self.subscribed_topics = self.compute_subscribed_topics();
            self.transition_to(ClassicGroupState::Empty, now_ms);
        } else {
            self.protocol_name = self.select_protocol();
            self.subscribed_topics = self.compute_subscribed_topics();
            self.transition_to(ClassicGroupState::CompletingRebalance, now_ms);
        }
        self.pending_sync_members.clear();
    }

    /// Topics that the members of a consumer group want; `None` where their bytes do not tell.
    pub fn compute_subscribed_topics(&self) -> Option<BTreeSet<Name>> {
        if !self.uses_consumer_group_protocol() {
            return None;
        }
        if self.members.is_empty() {
            return Some(BTreeSet::new());
        }
        let protocol = self.protocol_name.as_ref()?;
        let mut topics = BTreeSet::new();
        for member in self.members.values() {
            // only the topics are read, so that version 0 is enough
            let subscription = Subscription::decode_as(member.metadata(protocol)?, 0).ok()?;
            topics.extend(subscription.topics);
        }
        Some(topics)
    }

    pub fn is_subscribed_to_topic(&self, topic: &str) -> bool {
        match &self.subscribed_topics {
            Some(topics) => topics.contains(topic),
            None => self.uses_consumer_group_protocol(),
        }
    }

    /// What the leader is told of the members.
    pub fn join_response_members(&self) -> Vec<JoinGroupResponseMember> {
        let protocol = self.protocol_name.as_deref().unwrap_or_default();
        self.members
            .values()
            .map(|m| JoinGroupResponseMember {
                member_id: m.member_id.clone(),
                group_instance_id: m.group_instance_id.clone(),
                metadata: m.metadata(protocol).cloned().unwrap_or_default(),
            })
            .collect()
    }

    /// State as a load finds it.
    pub fn restore(&mut self, previous_state: ClassicGroupState, timestamp_ms: Option<Ms>) {
        self.previous_state = previous_state;
        self.current_state_timestamp_ms = timestamp_ms;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(id: &str, protocols: &[&str]) -> ClassicMember {
        ClassicMember {
            member_id: id.into(),
            group_instance_id: None,
            client_id: "app".into(),
            client_host: "/10.0.0.1".into(),
            rebalance_timeout_ms: 10_000,
            session_timeout_ms: 6_000,
            protocol_type: "consumer".into(),
            supported_protocols: protocols
                .iter()
                .map(|&name| JoinGroupRequestProtocol {
                    name: name.into(),
                    metadata: Bytes::new(),
                })
                .collect(),
            assignment: Bytes::new(),
            awaiting_join: None,
            awaiting_sync: None,
            is_new: false,
        }
    }

    /// G20: A[range,coop], B[coop,range], C[coop,range] → cooperative-sticky (2 votes).
    #[test]
    fn g20_most_votes_win() {
        let mut group = ClassicGroup::new("g".into(), ClassicGroupState::Empty, 0);
        group.add(member("A", &["range", "cooperative-sticky"]));
        group.add(member("B", &["cooperative-sticky", "range"]));
        group.add(member("C", &["cooperative-sticky", "range"]));
        assert_eq!(
            group.select_protocol().as_deref(),
            Some("cooperative-sticky")
        );
    }

    /// G14: a member that shares no protocol with all others is not supported.
    #[test]
    fn g14_a_protocol_must_be_common_to_all() {
        let mut group = ClassicGroup::new("g".into(), ClassicGroupState::Empty, 0);
        group.add(member("A", &["range"]));
        group.transition_to(ClassicGroupState::PreparingRebalance, 0);
        let roundrobin: Name = "roundrobin".into();
        let range: Name = "range".into();
        assert!(!group.supports_protocols("consumer", [&roundrobin].into_iter()));
        assert!(group.supports_protocols("consumer", [&roundrobin, &range].into_iter()));
        assert!(!group.supports_protocols("connect", [&range].into_iter()));
    }

    #[test]
    fn the_first_member_left_leads_after_the_leader() {
        let mut group = ClassicGroup::new("g".into(), ClassicGroupState::Empty, 0);
        group.add(member("B", &["range"]));
        group.add(member("C", &["range"]));
        group.add(member("A", &["range"]));
        assert!(group.is_leader("B"));
        group.remove("B");
        assert!(group.is_leader("A"));
    }
}
