//! What administrators ask: list, describe and delete groups.

use super::classic::ClassicGroupState;
use super::consumer::{ConsumerGroup, ConsumerMember};
use super::coordinator::{Coordinator, Outcome};
use super::record::{Partitions, Record};
use super::request::RequestContext;
use super::state::Group;
use crate::runtime::MetadataView;
use crate::runtime::java::JavaHashMap;
use protocol::messages::*;
use protocol::{ErrorCode, MemberEpoch, Name};
use std::collections::{BTreeMap, BTreeSet};

/// From this version on DescribeGroups tells that a group does not exist (KIP-1043).
const DESCRIBE_NOT_FOUND_VERSION: i16 = 6;

impl Coordinator {
    /// Groups of the replicated state, in order of id. Filters ignore case.
    pub(super) fn list_groups(
        &self,
        request: &ListGroupsRequest,
    ) -> Result<ListGroupsResponse, ErrorCode> {
        let lower = |names: &[Name]| -> BTreeSet<String> {
            names.iter().map(|n| n.trim().to_lowercase()).collect()
        };
        let states = lower(&request.states_filter);
        let types = lower(&request.types_filter);
        let committed = self.versions.committed();
        let mut groups = Vec::new();
        for (group_id, group) in committed.groups.iter() {
            let (state, protocol_type, group_type): (&str, Name, &str) = match group {
                Group::Consumer(group) => (group.state().name(), "consumer".into(), "consumer"),
                Group::Classic(id) => {
                    let Some(group) = self.soft.classic.get(id) else {
                        continue;
                    };
                    let protocol_type = group.protocol_type.clone();
                    (
                        group.state().name(),
                        protocol_type.unwrap_or_else(|| "".into()),
                        "classic",
                    )
                }
            };
            let state_fits = states.is_empty() || states.contains(&state.to_lowercase());
            let type_fits = types.is_empty() || types.contains(group_type);
            if state_fits && type_fits {
                groups.push(ListedGroup {
                    group_id: group_id.clone(),
                    protocol_type,
                    group_state: state.into(),
                    group_type: group_type.into(),
                });
            }
        }
        groups.sort_by(|a, b| a.group_id.cmp(&b.group_id));
        Ok(ListGroupsResponse {
            groups,
            ..Default::default()
        })
    }

    /// Classic groups. Protocol and metadata of the members are shown while the group is stable only.
    pub(super) fn describe_groups(
        &self,
        context: &RequestContext,
        request: &DescribeGroupsRequest,
    ) -> DescribeGroupsResponse {
        let committed = self.versions.committed();
        let describe = |group_id: &Name| {
            let Some(Group::Classic(id)) = committed.group(group_id) else {
                return None;
            };
            let group = self.soft.classic.get(id)?;
            let protocol = match group.state() {
                ClassicGroupState::Stable => group.protocol_name.clone(),
                _ => None,
            };
            let members = group.members().map(|m| DescribedGroupMember {
                member_id: m.member_id.clone(),
                group_instance_id: m.group_instance_id.clone(),
                client_id: m.client_id.clone(),
                client_host: m.client_host.clone(),
                member_metadata: protocol
                    .as_ref()
                    .and_then(|p| m.metadata(p))
                    .cloned()
                    .unwrap_or_default(),
                member_assignment: m.assignment.clone(),
            });
            Some(DescribedGroup {
                group_id: group_id.clone(),
                group_state: group.state().name().into(),
                protocol_type: group.protocol_type.clone().unwrap_or_else(|| "".into()),
                members: members.collect(),
                protocol_data: protocol.clone().unwrap_or_else(|| "".into()),
                ..Default::default()
            })
        };
        let not_found = |group_id: &Name| DescribedGroup {
            error: if context.api_version >= DESCRIBE_NOT_FOUND_VERSION {
                ErrorCode::GroupIdNotFound
            } else {
                ErrorCode::None
            },
            group_id: group_id.clone(),
            group_state: ClassicGroupState::Dead.name().into(),
            ..Default::default()
        };
        DescribeGroupsResponse {
            groups: request
                .groups
                .iter()
                .map(|id| describe(id).unwrap_or_else(|| not_found(id)))
                .collect(),
            ..Default::default()
        }
    }

    /// Consumer groups. Requests without a group id are answered first.
    pub(super) fn consumer_group_describe(
        &self,
        request: &ConsumerGroupDescribeRequest,
        metadata: &dyn MetadataView,
    ) -> ConsumerGroupDescribeResponse {
        let committed = self.versions.committed();
        let (unnamed, named): (Vec<&Name>, Vec<&Name>) =
            request.group_ids.iter().partition(|id| id.is_empty());
        let refuse = |group_id: &Name, error| ConsumerGroupDescribedGroup {
            error,
            group_id: group_id.clone(),
            ..Default::default()
        };
        let unnamed = unnamed
            .into_iter()
            .map(|id| refuse(id, ErrorCode::InvalidGroupId));
        let named = named.into_iter().map(|id| match committed.group(id) {
            Some(Group::Consumer(group)) => self.describe_consumer_group(group, metadata),
            _ => refuse(id, ErrorCode::GroupIdNotFound),
        });
        ConsumerGroupDescribeResponse {
            groups: unnamed.chain(named).collect(),
            ..Default::default()
        }
    }

    fn describe_consumer_group(
        &self,
        group: &ConsumerGroup,
        metadata: &dyn MetadataView,
    ) -> ConsumerGroupDescribedGroup {
        let members = group.members().values();
        let assignor = group.preferred_server_assignor();
        ConsumerGroupDescribedGroup {
            group_id: group.group_id.clone(),
            group_state: group.state().name().into(),
            group_epoch: group.group_epoch(),
            assignment_epoch: group.assignment_epoch(),
            assignor_name: assignor.unwrap_or_else(|| self.config.default_assignor()),
            members: members
                .map(|m| describe_member(group, m, metadata))
                .collect(),
            ..Default::default()
        }
    }

    /// Deletes empty groups with their offsets.
    pub(super) fn delete_groups(
        &mut self,
        request: &DeleteGroupsRequest,
    ) -> (Outcome, DeleteGroupsResponse) {
        let mut records = Vec::new();
        let mut results = Vec::with_capacity(request.groups_names.len());
        // a name that is asked for twice counts once, and Kafka takes the names in the order of its hash set
        let mut names: JavaHashMap<&Name, ()> =
            JavaHashMap::with_capacity((request.groups_names.len() * 4 / 3 + 1).max(16));
        request
            .groups_names
            .iter()
            .for_each(|name| names.put(name, ()));
        for (&group_id, ()) in names.iter() {
            let error = self.validate_delete_group(group_id).err();
            if error.is_none() {
                self.delete_all_offsets(group_id, &mut records);
                self.create_tombstones_of(group_id, &mut records);
            }
            results.push(DeletableGroupResult {
                group_id: group_id.clone(),
                error: error.unwrap_or(ErrorCode::None),
            });
        }
        let response = DeleteGroupsResponse {
            results,
            ..Default::default()
        };
        (Outcome::records(records), response)
    }

    fn validate_delete_group(&self, group_id: &str) -> Result<(), ErrorCode> {
        let empty = match self.state().group(group_id) {
            None => return Err(ErrorCode::GroupIdNotFound),
            Some(Group::Consumer(group)) => group.is_empty(),
            Some(Group::Classic(id)) => {
                let group = self.soft.classic.get(id);
                match group.map(super::classic::ClassicGroup::state) {
                    None | Some(ClassicGroupState::Dead) => return Err(ErrorCode::GroupIdNotFound),
                    Some(state) => state == ClassicGroupState::Empty,
                }
            }
        };
        if empty {
            Ok(())
        } else {
            Err(ErrorCode::NonEmptyGroup)
        }
    }

    /// The periodic check found no offset left: an empty group goes.
    pub(super) fn maybe_delete_group(&mut self, group_id: &Name, records: &mut Vec<Record>) {
        if self.validate_delete_group(group_id).is_ok() {
            self.create_tombstones_of(group_id, records);
        }
    }

    fn create_tombstones_of(&mut self, group_id: &Name, records: &mut Vec<Record>) {
        match self.state().group(group_id).cloned() {
            Some(Group::Consumer(group)) => self.create_group_tombstone_records(&group, records),
            Some(Group::Classic(_)) => records.push(classic_tombstone(group_id)),
            None => {}
        }
    }

    /// Tombstones of everything that is written of a consumer group, in the order in which replay wants them.
    pub(super) fn create_group_tombstone_records(
        &self,
        group: &ConsumerGroup,
        records: &mut Vec<Record>,
    ) {
        let member_ids: Vec<Name> = group.members().keys().cloned().collect();
        group_tombstones(group, &member_ids, records);
    }
}

/// The record that removes a classic group.
pub(super) fn classic_tombstone(group_id: &Name) -> Record {
    Record::GroupMetadata {
        group: group_id.clone(),
        value: None,
    }
}

/// Tombstones of a consumer group whose records are under these member ids.
pub(super) fn group_tombstones(
    group: &ConsumerGroup,
    member_ids: &[Name],
    records: &mut Vec<Record>,
) {
    let group_id = || group.group_id.clone();
    records.extend(
        member_ids
            .iter()
            .map(|m| Record::ConsumerGroupCurrentMemberAssignment {
                group_id: group_id(),
                member_id: m.clone(),
                value: None,
            }),
    );
    records.extend(
        member_ids
            .iter()
            .map(|m| Record::ConsumerGroupTargetAssignmentMember {
                group_id: group_id(),
                member_id: m.clone(),
                value: None,
            }),
    );
    records.push(Record::ConsumerGroupTargetAssignmentMetadata {
        group_id: group_id(),
        value: None,
    });
    records.extend(
        member_ids
            .iter()
            .map(|m| Record::ConsumerGroupMemberMetadata {
                group_id: group_id(),
                member_id: m.clone(),
                value: None,
            }),
    );
    let regexes = group.resolved_regexes().keys();
    records.extend(regexes.map(|regex| Record::ConsumerGroupRegularExpression {
        group_id: group_id(),
        regular_expression: regex.clone(),
        value: None,
    }));
    records.push(Record::ConsumerGroupPartitionMetadata {
        group_id: group_id(),
        present: false,
    });
    records.push(Record::ConsumerGroupMetadata {
        group_id: group_id(),
        value: None,
    });
}

/// A topic-partition list of an answer; topics that are gone are left out.
fn topic_partitions(partitions: &Partitions, metadata: &dyn MetadataView) -> ConsumerAssignment {
    let named = partitions.iter().filter_map(|(id, partitions)| {
        let topic = metadata.topic_by_id(id.0)?;
        Some(TopicPartitions {
            topic_id: id.0,
            topic_name: topic.name,
            partitions: partitions.iter().copied().collect(),
        })
    });
    ConsumerAssignment {
        topic_partitions: named.collect(),
    }
}

fn describe_member(
    group: &ConsumerGroup,
    member: &ConsumerMember,
    metadata: &dyn MetadataView,
) -> ConsumerGroupDescribedMember {
    // what it still has to give up counts as assigned
    let mut held: BTreeMap<_, BTreeSet<i32>> = BTreeMap::new();
    for (id, partitions) in member.assigned.iter().chain(&member.pending_revocation) {
        held.entry(*id).or_default().extend(partitions.keys());
    }
    ConsumerGroupDescribedMember {
        member_id: member.member_id.clone(),
        instance_id: member.instance_id.clone(),
        rack_id: member.rack_id.clone(),
        member_epoch: MemberEpoch(member.member_epoch),
        client_id: member.client_id.clone(),
        client_host: member.client_host.clone(),
        subscribed_topic_names: member.subscribed_topic_names.iter().cloned().collect(),
        subscribed_topic_regex: member.subscribed_topic_regex.clone(),
        assignment: topic_partitions(&held, metadata),
        target_assignment: topic_partitions(&group.target_assignment(&member.member_id), metadata),
        member_type: if member.uses_classic_protocol() { 0 } else { 1 },
    }
}
