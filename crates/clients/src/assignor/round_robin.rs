//! Round-robin: all partitions in order, each to the next member that wants its topic (`RoundRobinAssignor`).

use super::input::{Input, member_order};
use super::{Assignor, Member, MemberAssignment};
use crate::network::snapshot::Snapshot;
use protocol::{Name, TopicPartition};
use std::collections::BTreeMap;

#[derive(Clone, Debug, Default)]
pub struct RoundRobinAssignor;

impl Assignor for RoundRobinAssignor {
    fn name(&self) -> &'static str {
        "roundrobin"
    }

    fn assign(&mut self, cluster: &Snapshot, members: &[Member]) -> Vec<(Name, MemberAssignment)> {
        let input = Input::new(cluster, members);
        let mut circle = input.members.clone();
        circle.sort_by(|a, b| member_order(a, b));
        let mut assignment: BTreeMap<&Name, Vec<TopicPartition>> = BTreeMap::new();
        let mut next = 0;
        for topic in input.sorted_topics() {
            let count = input.topic(topic).map_or(0, Vec::len) as i32;
            for partition in 0..count {
                // somebody wants the topic, or it would not be among them
                while !circle[next].subscription.topics.contains(topic) {
                    next = (next + 1) % circle.len();
                }
                let tp = TopicPartition::new(topic.clone(), partition);
                assignment.entry(&circle[next].id).or_default().push(tp);
                next = (next + 1) % circle.len();
            }
        }
        super::answers(members, |m| assignment.remove(&m.id).unwrap_or_default())
    }

    fn clone_box(&self) -> Box<dyn Assignor> {
        Box::new(self.clone())
    }
}
