//! Elections that are asked for, and those that the clock brings.

use protocol::messages::{
    ElectLeadersRequest, ElectLeadersResponse, PartitionResult, ReplicaElectionResult,
};
use protocol::{ErrorCode, Name};

use super::{Answer, ApiError, Controller, ControllerResult};
use crate::image::TopicImage;
use crate::partition::{Election, PartitionChangeBuilder, PartitionRegistration};
use crate::record::ApiMessageAndVersion;
use crate::rules;

/// Most records of one run of a periodic election (`ReplicationControlManager.MAX_ELECTIONS_PER_IMBALANCE`).
const MAX_ELECTIONS_PER_IMBALANCE: usize = 1_000;

/// `ElectionType`, as an administrator names it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum ElectionType {
    Preferred,
    Unclean,
}

impl Controller {
    /// `ReplicationControlManager.electLeaders`. For all partitions, those that need no election are left out.
    pub fn elect_leaders(&self, request: &ElectLeadersRequest) -> Answer<ElectLeadersResponse> {
        if request.topic_partitions.as_ref().is_some_and(Vec::is_empty) {
            return Ok(ControllerResult::of(
                rules::ELECTION_PREFERRED,
                Vec::new(),
                ElectLeadersResponse::default(),
            ));
        }
        self.check_active()?;
        let election = match request.election_type {
            0 => ElectionType::Preferred,
            1 => ElectionType::Unclean,
            other => {
                let message = format!("unknown election type {other}");
                return Err(ApiError::new(ErrorCode::InvalidRequest, message));
            }
        };
        let rule = match election {
            ElectionType::Preferred => rules::ELECTION_PREFERRED,
            ElectionType::Unclean => rules::ELECTION_UNCLEAN,
        };
        let mut records = Vec::new();
        let mut results = Vec::new();
        match &request.topic_partitions {
            Some(topics) => {
                for requested in topics {
                    let elect = |&partition: &i32| {
                        result(
                            partition,
                            self.elect_leader(&requested.topic, partition, election, &mut records),
                        )
                    };
                    results.push(ReplicaElectionResult {
                        topic: requested.topic.clone(),
                        partition_result: requested.partitions.iter().map(elect).collect(),
                    });
                }
            }
            None => {
                // Records in order of topic id, as in every walk over all partitions; results in order of names.
                for topic in self.image().topics.iter() {
                    let elect = |&p: &i32| {
                        let elected = self.elect_leader(&topic.name, p, election, &mut records);
                        result(p, elected)
                    };
                    let needed = |r: &PartitionResult| r.error != ErrorCode::ElectionNotNeeded;
                    results.push(ReplicaElectionResult {
                        topic: topic.name.clone(),
                        partition_result: topic
                            .partitions
                            .keys()
                            .map(elect)
                            .filter(needed)
                            .collect(),
                    });
                }
                results.sort_by(|a, b| a.topic.cmp(&b.topic));
            }
        }
        let response = ElectLeadersResponse {
            replica_election_results: results,
            ..Default::default()
        };
        Ok(ControllerResult::of(rule, records, response))
    }

    fn elect_leader(
        &self,
        topic: &Name,
        partition_id: i32,
        election: ElectionType,
        records: &mut Vec<ApiMessageAndVersion>,
    ) -> Result<(), ErrorCode> {
        let topic = self
            .image()
            .topics
            .topic_named(topic)
            .ok_or(ErrorCode::UnknownTopicOrPartition)?;
        let partition = topic
            .partition(partition_id)
            .ok_or(ErrorCode::UnknownTopicOrPartition)?;
        let (needed, kind, refusal) = match election {
            ElectionType::Preferred => {
                let needed = !partition.has_preferred_leader();
                (
                    needed,
                    Election::Preferred,
                    ErrorCode::PreferredLeaderNotAvailable,
                )
            }
            ElectionType::Unclean => (
                !partition.has_leader(),
                Election::Unclean,
                ErrorCode::EligibleLeadersNotAvailable,
            ),
        };
        if !needed {
            return Err(ErrorCode::ElectionNotNeeded);
        }
        records.push(
            self.election_record(topic, partition_id, partition, kind)
                .ok_or(refusal)?,
        );
        Ok(())
    }

    fn election_record(
        &self,
        topic: &TopicImage,
        partition_id: i32,
        partition: &PartitionRegistration,
        election: Election,
    ) -> Option<ApiMessageAndVersion> {
        self.with_surroundings(topic, partition, |around| {
            PartitionChangeBuilder::new(partition, topic.id, partition_id, around)
                .election(election)
                .build()
        })
    }

    /// Every partition whose leader is not its first replica (`maybeBalancePartitionLeaders`); no threshold.
    /// True: there may be more.
    pub(super) fn maybe_balance_partition_leaders(&self) -> (Vec<ApiMessageAndVersion>, bool) {
        let imbalanced = self
            .image()
            .topics
            .partitions()
            .filter(|(_, _, p)| !p.has_preferred_leader());
        let records: Vec<_> = imbalanced
            .filter_map(|(topic, id, p)| self.election_record(topic, id, p, Election::Preferred))
            .take(MAX_ELECTIONS_PER_IMBALANCE)
            .collect();
        let more = records.len() >= MAX_ELECTIONS_PER_IMBALANCE;
        (records, more)
    }

    /// Every leaderless partition of a topic that allows unclean elections (`maybeElectUncleanLeaders`).
    pub(super) fn maybe_elect_unclean_leaders(&self) -> (Vec<ApiMessageAndVersion>, bool) {
        let leaderless = self
            .image()
            .topics
            .partitions()
            .filter(|(_, _, p)| !p.has_leader());
        let records: Vec<_> = leaderless
            .filter(|(topic, _, _)| self.unclean_leader_election_enabled(&topic.name))
            .filter_map(|(topic, id, p)| self.election_record(topic, id, p, Election::Unclean))
            .take(MAX_ELECTIONS_PER_IMBALANCE)
            .collect();
        let more = records.len() >= MAX_ELECTIONS_PER_IMBALANCE;
        (records, more)
    }
}

fn result(partition_id: i32, elected: Result<(), ErrorCode>) -> PartitionResult {
    PartitionResult {
        partition_id,
        error: elected.err().unwrap_or(ErrorCode::None),
        error_message: None,
    }
}
