//! Tells the trace what changed in a node, by which rule, and what the rule read.

use crate::log::RaftLog;
use crate::node::Node;
use crate::rules;
use crate::state::{EpochState, Role};
use protocol::trace::{Fact, FactKey, FactKind, RuleId, Subject};
use protocol::{Ctx, LeaderEpoch, NodeId, Offset, TopicPartition};

/// The one partition that a quorum replicates (`Topic.CLUSTER_METADATA_TOPIC_NAME`).
pub const CLUSTER_METADATA_TOPIC: &str = "__cluster_metadata";

/// What was last told.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Seen {
    role: Option<Role>,
    epoch: LeaderEpoch,
    leader: Option<NodeId>,
    voted: Option<NodeId>,
    high_watermark: Option<Offset>,
    log_end: Offset,
}

impl<L: RaftLog> Node<L> {
    pub(crate) fn report(&mut self, rule: RuleId, ctx: &mut Ctx<'_>) {
        let election = self.quorum.state().election();
        let now = Seen {
            role: Some(self.role()),
            epoch: election.epoch,
            leader: election.leader,
            voted: election.voted.map(|key| key.id),
            high_watermark: self.high_watermark(),
            log_end: self.log.end_offset(),
        };
        if now == self.seen {
            return;
        }
        let before = std::mem::replace(&mut self.seen, now);
        let now = &self.seen;
        let local = self.quorum.local.id;
        let metadata = TopicPartition::new(CLUSTER_METADATA_TOPIC, 0);
        let node = |kind| FactKey::new(kind, Subject::Node(local));
        let replica = |kind| FactKey::replica(kind, local, &metadata);
        let id = |node: Option<NodeId>| i64::from(node.unwrap_or(NodeId::NONE).get());
        let offset = |offset: Option<Offset>| offset.unwrap_or(Offset::NONE).get();
        let role = |role: Option<Role>| role.map_or("", Role::name);
        let state = self.quorum.state();
        let read = || {
            let mut facts = vec![
                Fact::new(node(FactKind::QuorumEpoch), i64::from(before.epoch.get())),
                Fact::new(replica(FactKind::LogEndOffset), before.log_end.get()),
            ];
            if let EpochState::Leader(leader) = state {
                facts.push(Fact::new(
                    replica(FactKind::EpochStart),
                    leader.epoch_start_offset().get(),
                ));
                for voter in leader.voter_states().filter(|voter| voter.key.id != local) {
                    let key = FactKey::new(
                        FactKind::LogEndOffset,
                        Subject::Remote(local, voter.key.id, metadata.clone()),
                    );
                    facts.push(Fact::new(key, offset(voter.end_offset)));
                }
            }
            facts
        };
        let epoch = |epoch: LeaderEpoch| i64::from(epoch.get());
        ctx.changed(
            node(FactKind::QuorumEpoch),
            epoch(before.epoch),
            epoch(now.epoch),
            rule,
            read,
        );
        ctx.changed(
            node(FactKind::QuorumLeader),
            id(before.leader),
            id(now.leader),
            rule,
            read,
        );
        ctx.changed(
            node(FactKind::QuorumVote),
            id(before.voted),
            id(now.voted),
            rule,
            read,
        );
        ctx.changed(
            node(FactKind::Role),
            role(before.role),
            role(now.role),
            rule,
            read,
        );
        ctx.changed(
            replica(FactKind::LogEndOffset),
            before.log_end.get(),
            now.log_end.get(),
            rule,
            read,
        );
        let (from, to) = (offset(before.high_watermark), offset(now.high_watermark));
        let hw_rule = match now.role {
            Some(Role::Leader) => rules::HIGH_WATERMARK,
            Some(Role::Follower) => rules::FOLLOWER_HIGH_WATERMARK,
            _ => rule,
        };
        ctx.changed(replica(FactKind::HighWatermark), from, to, hw_rule, read);
    }
}
