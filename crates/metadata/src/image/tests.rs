//! What an image holds and what a delta says changed.

use super::*;
use crate::partition::PartitionRegistration;
use protocol::{TopicPartition, Uuid};

const TOPIC: Uuid = Uuid(9 << 64);

fn ids(list: &[i32]) -> Vec<NodeId> {
    list.iter().copied().map(NodeId).collect()
}

fn with_topic() -> MetadataImage {
    let mut image = MetadataImage::default();
    let partition = PartitionRegistration::new(ids(&[1, 2, 3]), vec![Uuid(1); 3], ids(&[1, 2, 3]));
    let topic = TopicRecord {
        name: "a".into(),
        topic_id: TOPIC,
    };
    image.replay(&topic.into(), Offset(1)).expect("new");
    image
        .replay(&partition.to_record(TOPIC, 0, true).into(), Offset(2))
        .expect("new");
    image
}

fn change(f: impl FnOnce(&mut PartitionChangeRecord)) -> MetadataRecord {
    let mut record = PartitionChangeRecord::unchanged(TOPIC, 0);
    f(&mut record);
    record.into()
}

#[test]
fn a_delta_says_what_each_broker_has_to_do() {
    let tp = TopicPartition::new("a", 0);
    let mut delta = MetadataDelta::new(with_topic());
    let record = change(|r| {
        r.leader = Some(NodeId(2));
        r.replicas = Some(ids(&[2, 3]));
        r.isr = Some(ids(&[2, 3]));
        r.directories = Some(vec![Uuid(1 << 70), Uuid(1)]);
    });
    delta.replay(&record, Offset(3)).expect("fits");
    let one = delta.local_changes(NodeId(1));
    assert!(one.deletes.contains(&tp) && one.leaders.is_empty() && one.followers.is_empty());
    let two = delta.local_changes(NodeId(2));
    assert!(two.elected_leaders.contains_key(&tp) && two.leaders.contains_key(&tp));
    assert_eq!(two.directory_ids.get(&tp), Some(&Uuid(1 << 70)));
    let three = delta.local_changes(NodeId(3));
    assert!(three.followers.contains_key(&tp) && three.directory_ids.is_empty());
    assert!(delta.local_changes(NodeId(4)) == LocalReplicaChanges::default());
    assert_eq!(delta.apply().offset, Offset(3));
}

#[test]
fn the_image_before_is_untouched_and_shares_what_did_not_change() {
    let base = with_topic();
    let mut next = base.clone();
    next.replay(&change(|r| r.isr = Some(ids(&[1]))), Offset(3))
        .expect("fits");
    assert_eq!(
        base.topics.partition(TOPIC, 0).expect("there").isr,
        ids(&[1, 2, 3])
    );
    assert_eq!(
        next.topics.partition(TOPIC, 0).expect("there").isr,
        ids(&[1])
    );
    assert!(Arc::ptr_eq(&base.cluster, &next.cluster) && !Arc::ptr_eq(&base.topics, &next.topics));
}

#[test]
fn a_deleted_topic_takes_its_configs_along() {
    let mut delta = MetadataDelta::new(with_topic());
    let config = ConfigRecord {
        resource_type: 2,
        resource_name: "a".into(),
        name: "retention.ms".into(),
        value: Some("1".into()),
    };
    delta.replay(&config.into(), Offset(3)).expect("fits");
    delta
        .replay(&RemoveTopicRecord { topic_id: TOPIC }.into(), Offset(4))
        .expect("fits");
    assert!(delta.deleted_topics.contains(&TOPIC) && delta.changed_topics.is_empty());
    assert_eq!(delta.local_changes(NodeId(3)).deletes.len(), 1);
    let image = delta.apply();
    assert!(image.topics.is_empty() && image.configs.iter().next().is_none());
}

#[test]
fn a_record_that_does_not_fit_is_refused_and_changes_nothing() {
    let mut image = with_topic();
    let before = image.clone();
    let mut strange = PartitionChangeRecord::unchanged(TOPIC, 7);
    strange.isr = Some(ids(&[1]));
    assert!(image.replay(&strange.into(), Offset(3)).is_err());
    let unknown = UnregisterBrokerRecord {
        broker_id: NodeId(1),
        broker_epoch: BrokerEpoch(1),
    };
    assert!(image.replay(&unknown.into(), Offset(3)).is_err());
    assert!(
        image
            .replay(
                &TopicRecord {
                    name: "a".into(),
                    topic_id: Uuid(3)
                }
                .into(),
                Offset(3)
            )
            .is_err()
    );
    assert_eq!(image, before);
}

#[test]
fn clearing_the_elr_changes_the_partitions_that_had_one() {
    let mut image = with_topic();
    image
        .replay(
            &ClearElrRecord {
                topic_name: "a".into(),
            }
            .into(),
            Offset(3),
        )
        .expect("fits");
    assert_eq!(
        image
            .topics
            .partition(TOPIC, 0)
            .expect("there")
            .partition_epoch
            .0,
        0
    );
    image
        .replay(
            &change(|r| r.eligible_leader_replicas = Some(ids(&[2]))),
            Offset(4),
        )
        .expect("fits");
    image
        .replay(
            &ClearElrRecord {
                topic_name: "".into(),
            }
            .into(),
            Offset(5),
        )
        .expect("fits");
    let partition = image.topics.partition(TOPIC, 0).expect("there");
    assert_eq!((partition.partition_epoch.0, partition.elr.len()), (2, 0));
}
