//! Placements; K numbers are those of the storage and replication reference.

use super::*;

/// The same answer to every draw.
struct Always(usize);

impl Chance for Always {
    fn next_int(&mut self, bound: usize) -> usize {
        self.0.min(bound - 1)
    }

    fn topic_id(&mut self, _: &str) -> Uuid {
        Uuid(1 << 64)
    }
}

fn brokers(list: &[(i32, &str, bool)]) -> Vec<UsableBroker> {
    let broker = |&(id, rack, fenced): &(i32, &str, bool)| UsableBroker {
        id: NodeId(id),
        rack: (!rack.is_empty()).then(|| rack.into()),
        fenced,
    };
    list.iter().map(broker).collect()
}

fn unfenced(ids: &[i32]) -> Vec<UsableBroker> {
    brokers(&ids.iter().map(|id| (*id, "", false)).collect::<Vec<_>>())
}

fn placed(partitions: usize, rf: i16, brokers: &[UsableBroker], draw: usize) -> Vec<Vec<i32>> {
    let lists = place(partitions, rf, brokers, &mut Always(draw)).expect("enough brokers");
    lists
        .into_iter()
        .map(|l| l.into_iter().map(|id| id.0).collect())
        .collect()
}

#[test]
fn k18_to_k20_partitions_are_striped_over_brokers() {
    assert_eq!(
        placed(3, 3, &unfenced(&[0, 1, 2]), 0),
        [[0, 1, 2], [1, 2, 0], [2, 0, 1]]
    );
    let five = [[2, 3, 4], [3, 4, 0], [4, 0, 1], [0, 1, 2], [1, 2, 3]];
    assert_eq!(placed(5, 3, &unfenced(&[0, 1, 2, 3, 4]), 2), five);
    assert_eq!(
        placed(4, 2, &unfenced(&[0, 1, 2, 3]), 0),
        [[0, 1], [1, 2], [2, 3], [3, 0]]
    );
}

#[test]
fn k21_replicas_of_a_partition_lie_in_different_racks() {
    let racks = brokers(&[
        (0, "A", false),
        (3, "A", false),
        (1, "B", false),
        (4, "B", false),
        (2, "C", false),
        (5, "C", false),
    ]);
    let expected = [
        [0, 1, 2],
        [4, 5, 3],
        [2, 0, 1],
        [3, 4, 5],
        [1, 2, 0],
        [5, 3, 4],
    ];
    assert_eq!(placed(6, 3, &racks, 0), expected);
}

#[test]
fn k22_a_fenced_broker_follows_but_does_not_lead() {
    let three = brokers(&[(0, "", false), (1, "", true), (2, "", false)]);
    assert_eq!(placed(2, 3, &three, 0), [[0, 2, 1], [2, 0, 1]]);
}

#[test]
fn k23_too_few_brokers_are_refused() {
    let refused = |rf, brokers: &[UsableBroker]| {
        place(1, rf, brokers, &mut Always(0))
            .expect_err("refused")
            .error
    };
    assert_eq!(
        refused(4, &unfenced(&[0, 1, 2])),
        ErrorCode::InvalidReplicationFactor
    );
    assert_eq!(
        refused(1, &brokers(&[(0, "", true)])),
        ErrorCode::InvalidReplicationFactor
    );
    assert_eq!(
        refused(0, &unfenced(&[0])),
        ErrorCode::InvalidReplicationFactor
    );
}
