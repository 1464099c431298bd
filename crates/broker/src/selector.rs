//! Which replica a consumer should read from (KIP-392): `ReplicaSelector` and its rack-aware implementation.
//!
//! Candidates are handed in; whether a replica may be a candidate at all is the replica manager's rule.

use protocol::{Ms, Name, NodeId, Offset};

/// The class of `replica.selector.class` that makes racks count.
pub const RACK_AWARE_CLASS: &str = "org.apache.kafka.common.replica.RackAwareReplicaSelector";

/// One candidate (`ReplicaView`). Without an endpoint (not alive) it has no rack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplicaView {
    pub id: NodeId,
    pub rack: Option<Name>,
    pub log_end_offset: Offset,
    pub time_since_last_caught_up_ms: Ms,
}

/// `RackAwareReplicaSelector.select`: the leader if it is in the consumer's rack or nobody is; else the replica of that
/// rack with the greatest end offset, then the least time behind, then the greatest id.
pub fn select_rack_aware(rack: &str, leader: &ReplicaView, followers: &[ReplicaView]) -> NodeId {
    let here = |r: &ReplicaView| r.rack.as_deref() == Some(rack);
    if rack.is_empty() || here(leader) {
        return leader.id;
    }
    followers
        .iter()
        .filter(|r| here(r))
        .max_by_key(|r| {
            (
                r.log_end_offset,
                std::cmp::Reverse(r.time_since_last_caught_up_ms),
                r.id,
            )
        })
        .map_or(leader.id, |r| r.id)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(id: i32, rack: &str, leo: i64, behind_ms: Ms) -> ReplicaView {
        ReplicaView {
            id: NodeId(id),
            rack: Some(rack.into()),
            log_end_offset: Offset(leo),
            time_since_last_caught_up_ms: behind_ms,
        }
    }

    /// KIP-392.
    #[test]
    fn the_most_caught_up_replica_of_the_rack_is_chosen() {
        let leader = view(1, "a", 10, 0);
        let followers = [view(2, "b", 8, 0), view(3, "b", 9, 50), view(4, "b", 9, 20)];
        assert_eq!(select_rack_aware("b", &leader, &followers), NodeId(4));
        assert_eq!(
            select_rack_aware("a", &leader, &followers),
            NodeId(1),
            "the leader serves its own rack"
        );
        assert_eq!(select_rack_aware("c", &leader, &followers), NodeId(1));
        assert_eq!(select_rack_aware("", &leader, &followers), NodeId(1));
    }
}
