//! Scenarios of elections, ISR, ELR and reassignments; K numbers are those of the storage and replication reference.

use super::*;
use crate::metadata_version::MetadataVersion;
use crate::record::{MetadataRecord, PartitionChangeRecord};
use protocol::{LeaderEpoch, NodeId, PartitionEpoch, Uuid};

fn ids(list: &[i32]) -> Vec<NodeId> {
    list.iter().copied().map(NodeId).collect()
}

fn partition(replicas: &[i32], isr: &[i32]) -> PartitionRegistration {
    let directories = replicas
        .iter()
        .map(|r| Uuid((1000 + *r as u128) << 64))
        .collect();
    PartitionRegistration::new(ids(replicas), directories, ids(isr))
}

/// What surrounds a partition in a test.
struct Around {
    alive: Vec<i32>,
    min_isr: usize,
    elr: bool,
    version: MetadataVersion,
}

const MODERN: Around = Around {
    alive: Vec::new(),
    min_isr: 1,
    elr: false,
    version: MetadataVersion::LATEST_PRODUCTION,
};

impl Around {
    fn alive(alive: &[i32]) -> Self {
        Self {
            alive: alive.to_vec(),
            ..MODERN
        }
    }

    fn elr(self, min_isr: usize) -> Self {
        Self {
            elr: true,
            min_isr,
            ..self
        }
    }

    /// Builds a change and applies it; None if there is none.
    fn change(
        &self,
        partition: &mut PartitionRegistration,
        want: impl FnOnce(PartitionChangeBuilder<'_>) -> PartitionChangeBuilder<'_>,
    ) -> Option<PartitionChangeRecord> {
        let acceptable = |r: NodeId| self.alive.contains(&r.0);
        let default_dir = |r: NodeId| Uuid((1000 + r.0 as u128) << 64);
        let around = Surroundings {
            metadata_version: self.version,
            min_isr: self.min_isr,
            elr_enabled: self.elr,
            acceptable: &acceptable,
            default_dir: &default_dir,
        };
        let before = partition.clone();
        let record = want(PartitionChangeBuilder::new(&before, Uuid(5), 0, around)).build()?;
        let MetadataRecord::PartitionChange(change) = record.message else {
            panic!("another record")
        };
        *partition = before.merge(&change);
        Some(change)
    }

    /// A broker is fenced: it leaves the ISR.
    fn fence(&self, partition: &mut PartitionRegistration, broker: i32) {
        let isr = partition
            .isr
            .iter()
            .copied()
            .filter(|r| r.0 != broker)
            .collect();
        self.change(partition, |b| b.target_isr(isr));
    }
}

fn epochs(p: &PartitionRegistration) -> (i32, i32) {
    (p.leader_epoch.0, p.partition_epoch.0)
}

#[test]
fn k1_a_new_partition_is_led_by_the_first_of_its_isr() {
    let p = partition(&[1, 2, 3], &[1, 2, 3]);
    assert_eq!(
        (p.leader, p.leader_epoch, p.partition_epoch),
        (NodeId(1), LeaderEpoch(0), PartitionEpoch(0))
    );
}

#[test]
fn k2_a_shrink_of_the_isr_raises_the_partition_epoch_only() {
    let mut p = partition(&[1, 2, 3], &[1, 2, 3]);
    Around::alive(&[1, 2, 3]).change(&mut p, |b| b.target_isr(ids(&[1, 2])));
    assert_eq!(epochs(&p), (0, 1));
    let before_3_6 = Around {
        version: MetadataVersion(11),
        ..Around::alive(&[1, 2, 3])
    };
    before_3_6.change(&mut p, |b| b.target_isr(ids(&[1])));
    assert_eq!(
        epochs(&p),
        (1, 2),
        "before metadata version 3.6 a shrink started a new leader epoch"
    );
}

#[test]
fn k3_k4_fencing_a_leader_elects_another_fencing_a_follower_does_not() {
    let mut p = partition(&[1, 2, 3], &[1, 2, 3]);
    Around::alive(&[2, 3]).fence(&mut p, 1);
    assert_eq!(
        (p.leader, p.isr.clone(), epochs(&p)),
        (NodeId(2), ids(&[2, 3]), (1, 1))
    );
    let mut p = partition(&[1, 2, 3], &[1, 2, 3]);
    Around::alive(&[1, 2]).fence(&mut p, 3);
    assert_eq!(
        (p.leader, p.isr.clone(), epochs(&p)),
        (NodeId(1), ids(&[1, 2]), (0, 1))
    );
}

#[test]
fn k6_without_elr_the_last_member_of_the_isr_stays_in_it() {
    let mut p = partition(&[1, 2, 3], &[1]);
    Around::alive(&[]).fence(&mut p, 1);
    assert_eq!(
        (p.leader, p.isr.clone(), epochs(&p)),
        (NodeId::NONE, ids(&[1]), (1, 1))
    );
    assert!(
        Around::alive(&[2]).change(&mut p, |b| b).is_none(),
        "2 was not in the ISR"
    );
    Around::alive(&[1, 2]).change(&mut p, |b| b);
    assert_eq!(
        (p.leader, p.isr.clone(), epochs(&p)),
        (NodeId(1), ids(&[1]), (2, 2))
    );
}

#[test]
fn k7_an_unclean_election_takes_the_first_live_replica_and_lets_it_recover() {
    let mut p = partition(&[1, 2, 3], &[1]);
    Around::alive(&[2, 3]).change(&mut p, |b| {
        b.target_isr(Vec::new()).election(Election::Unclean)
    });
    assert_eq!((p.leader, p.isr.clone()), (NodeId(2), ids(&[2])));
    assert_eq!(p.leader_recovery_state, LeaderRecoveryState::Recovering);
    Around::alive(&[2, 3]).change(&mut p, |b| {
        b.target_recovery_state(LeaderRecoveryState::Recovered)
    });
    assert_eq!(
        (p.leader_recovery_state, epochs(&p)),
        (LeaderRecoveryState::Recovered, (1, 2))
    );
}

#[test]
fn k8_to_k13_below_the_minimum_who_leaves_the_isr_stays_eligible() {
    let mut p = partition(&[1, 2, 3], &[1, 2, 3]);
    Around::alive(&[1, 2]).elr(2).fence(&mut p, 3);
    assert_eq!(
        (p.isr.clone(), p.elr.clone()),
        (ids(&[1, 2]), ids(&[])),
        "K8"
    );
    Around::alive(&[1]).elr(2).fence(&mut p, 2);
    assert_eq!((p.isr.clone(), p.elr.clone()), (ids(&[1]), ids(&[2])), "K9");
    Around::alive(&[]).elr(2).fence(&mut p, 1);
    assert_eq!(
        (p.isr.clone(), p.elr.clone(), p.last_known_elr.clone()),
        (ids(&[]), ids(&[1, 2]), ids(&[1])),
        "K10"
    );
    assert!(!p.has_leader());
    let leaderless = p.clone();

    Around::alive(&[2]).elr(2).change(&mut p, |b| b);
    assert_eq!(
        (p.leader, p.isr.clone(), p.elr.clone()),
        (NodeId(2), ids(&[2]), ids(&[1])),
        "K11"
    );
    assert_eq!(
        p.leader_recovery_state,
        LeaderRecoveryState::Recovered,
        "an election from the ELR is clean"
    );
    assert!(p.last_known_elr.is_empty());
    Around::alive(&[1, 2])
        .elr(2)
        .change(&mut p, |b| b.target_isr(ids(&[2, 1])));
    assert!(p.elr.is_empty(), "K13");

    let mut p = leaderless;
    for broker in [2, 1] {
        Around::alive(&[]).elr(2).change(&mut p, |b| {
            b.target_isr(Vec::new()).unclean_shutdown(NodeId(broker))
        });
    }
    assert_eq!(
        (p.elr.clone(), p.last_known_elr.clone()),
        (ids(&[]), ids(&[1]))
    );
    assert!(
        Around::alive(&[2]).elr(2).change(&mut p, |b| b).is_none(),
        "2 was not the last leader"
    );
    Around::alive(&[1, 2]).elr(2).change(&mut p, |b| b);
    assert_eq!((p.leader, p.isr.clone()), (NodeId(1), ids(&[1])), "K12");
    assert_eq!(p.leader_recovery_state, LeaderRecoveryState::Recovering);
}

#[test]
fn k14_k15_the_preferred_leader_leads_again_only_from_the_isr() {
    let mut p = partition(&[1, 2, 3], &[1, 2, 3]);
    Around::alive(&[2, 3]).fence(&mut p, 1);
    let all = Around::alive(&[1, 2, 3]);
    assert!(
        all.change(&mut p, |b| b.election(Election::Preferred))
            .is_none(),
        "K15: 1 is not in the ISR"
    );
    all.change(&mut p, |b| b.target_isr(ids(&[2, 3, 1])));
    assert_eq!(p.leader, NodeId(2));
    all.change(&mut p, |b| b.election(Election::Preferred));
    assert_eq!(
        (p.leader, p.leader_epoch),
        (NodeId(1), LeaderEpoch(2)),
        "K14"
    );
}

fn reassign(around: &Around, p: &mut PartitionRegistration, target: &[i32]) {
    let plan = PartitionReassignmentReplicas::plan(&p.replicas, &ids(target));
    around.change(p, |b| {
        let b = b.target_replicas(plan.replicas);
        let b = if plan.removing.is_empty() {
            b
        } else {
            b.target_removing(plan.removing)
        };
        if plan.adding.is_empty() {
            b
        } else {
            b.target_adding(plan.adding)
        }
    });
}

#[test]
fn k24_a_reassignment_completes_when_all_added_replicas_are_in_sync() {
    let all = Around::alive(&[1, 2, 3, 4, 5, 6]);
    let mut p = partition(&[1, 2, 3], &[1, 2, 3]);
    reassign(&all, &mut p, &[4, 5, 6]);
    assert_eq!(
        (p.replicas.clone(), epochs(&p)),
        (ids(&[4, 5, 6, 1, 2, 3]), (0, 1))
    );
    all.change(&mut p, |b| b.target_isr(ids(&[1, 2, 3, 4])));
    all.change(&mut p, |b| b.target_isr(ids(&[1, 2, 3, 4, 5])));
    assert!(p.is_reassigning());
    all.change(&mut p, |b| b.target_isr(ids(&[1, 2, 3, 4, 5, 6])));
    assert_eq!(
        (p.replicas.clone(), p.isr.clone()),
        (ids(&[4, 5, 6]), ids(&[4, 5, 6]))
    );
    assert_eq!((p.leader, epochs(&p)), (NodeId(4), (1, 4)));
}

#[test]
fn k25_a_new_order_of_the_same_replicas_is_taken_at_once() {
    let mut p = partition(&[1, 2, 3], &[1, 2, 3]);
    reassign(&Around::alive(&[1, 2, 3]), &mut p, &[3, 2, 1]);
    assert_eq!(
        (p.replicas.clone(), p.leader, epochs(&p)),
        (ids(&[3, 2, 1]), NodeId(1), (0, 1))
    );
    assert_eq!(p.preferred_replica(), NodeId(3));
}

#[test]
fn k26_since_4_3_only_the_added_replicas_have_to_be_in_sync() {
    let all = Around::alive(&[1, 2, 3, 4]);
    let mut p = partition(&[1, 2, 3], &[1, 3]);
    reassign(&all, &mut p, &[1, 2, 4]);
    all.change(&mut p, |b| b.target_isr(ids(&[1, 3, 4])));
    assert_eq!(
        (p.replicas.clone(), p.isr.clone()),
        (ids(&[1, 2, 4]), ids(&[1, 4]))
    );
    assert_eq!(
        (p.leader, p.leader_epoch),
        (NodeId(1), LeaderEpoch(1)),
        "3 is dropped: a new epoch of the same leader"
    );
}

#[test]
fn fewer_replicas_wait_for_the_whole_target() {
    let plan = PartitionReassignmentReplicas::plan(&ids(&[0, 1, 2, 3, 4]), &ids(&[2, 3, 4, 5]));
    assert_eq!(
        (plan.removing.clone(), plan.adding.clone()),
        (ids(&[0, 1]), ids(&[5]))
    );
    assert_eq!(plan.maybe_complete(&ids(&[0, 1, 5])), None);
    let target = ids(&[2, 3, 4, 5]);
    assert_eq!(
        plan.maybe_complete(&ids(&[0, 2, 3, 4, 5])),
        Some((target.clone(), target))
    );
}

#[test]
fn a_cancelled_reassignment_keeps_the_merged_order() {
    let all = Around::alive(&[1, 2, 3]);
    let mut p = partition(&[1, 2], &[1, 2]);
    reassign(&all, &mut p, &[2, 3]);
    let revert = PartitionReassignmentRevert::new(&p).expect("2 and 1 are left");
    assert_eq!(
        (revert.replicas, revert.isr, revert.unclean),
        (ids(&[2, 1]), ids(&[1, 2]), false)
    );
    let mut only_added = p.clone();
    only_added.isr = ids(&[3]);
    let revert = PartitionReassignmentRevert::new(&only_added).expect("2 and 1 are left");
    assert_eq!(
        (revert.isr, revert.unclean),
        (ids(&[2]), true),
        "alive or not"
    );
}

#[test]
fn the_elr_is_written_in_the_order_of_kafkas_hash_set() {
    let mut p = partition(&[1, 16, 2], &[1, 16, 2]);
    Around::alive(&[])
        .elr(2)
        .change(&mut p, |b| b.target_isr(Vec::new()));
    assert_eq!(p.elr, ids(&[16, 1, 2]));
}
