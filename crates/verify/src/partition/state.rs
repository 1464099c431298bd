//! A broker's state of the partition, as the recorder wrote it down.

use broker::ReplicaManager;
use broker::fetcher::FetchPhase;
use broker::partition::{IsrChange, Partition, PartitionState};
use protocol::TopicPartition;
use serde_json::{Map, Value, json};

pub fn of(replicas: &ReplicaManager, tp: &TopicPartition, in_flight: usize) -> Value {
    let me = replicas.node_id();
    let (Some(partition), Some(log)) = (replicas.partition(tp), replicas.log(tp)) else {
        return json!({"role": "none"});
    };
    let leads = partition.is_leader(me);
    let assignment = partition.assignment();
    let Value::Object(mut state) = json!({
        "role": if leads { "leader" } else { "follower" },
        "leader": partition.leader_replica_id(),
        "leader_epoch": partition.leader_epoch(),
        "partition_epoch": partition.partition_epoch(),
        "epoch_start": partition.leader_epoch_start_offset(),
        "log_start": log.log_start_offset(),
        "leo": log.log_end_offset(),
        "hw": log.high_watermark(),
        "lso": log.last_stable_offset(),
        "epochs": log.leader_epochs().entries().iter().collect::<Vec<_>>(),
        "replicas": assignment.replicas,
    }) else {
        unreachable!("an object was written")
    };
    if assignment.is_reassigning() {
        state.insert("adding".into(), json!(assignment.adding));
        state.insert("removing".into(), json!(assignment.removing));
    }
    if leads {
        leader(partition, in_flight, &mut state);
    } else {
        follower(replicas, tp, &mut state);
    }
    state.into()
}

fn leader(partition: &Partition, in_flight: usize, state: &mut Map<String, Value>) {
    let pending = match partition.state() {
        PartitionState::Committed(_) => Value::Null,
        PartitionState::Pending(pending) => match &pending.change {
            IsrChange::Expand(id) => json!({"expand": id}),
            IsrChange::Shrink(ids) => json!({"shrink": ids}),
        },
    };
    let remote: Map<String, Value> = partition
        .remote_replicas()
        .iter()
        .map(|(id, r)| {
            let replica = json!({
                "leo": r.end_offset(),
                "log_start": r.log_start_offset,
                "last_fetch_leader_leo": r.last_fetch_leader_log_end_offset,
                "last_fetch_ms": r.last_fetch_time_ms,
                "last_caught_up_ms": r.last_caught_up_time_ms,
                "broker_epoch": r.broker_epoch,
            });
            (id.to_string(), replica)
        })
        .collect();
    state.insert("isr".into(), json!(partition.state().isr()));
    state.insert("maximal_isr".into(), json!(partition.state().maximal_isr()));
    state.insert("pending".into(), pending);
    state.insert("in_flight".into(), json!(in_flight));
    state.insert("remote".into(), remote.into());
}

fn follower(replicas: &ReplicaManager, tp: &TopicPartition, state: &mut Map<String, Value>) {
    let fetcher = replicas.fetchers().fetch_state(tp).map(|(leader, f)| {
        let phase = match f.phase {
            FetchPhase::Truncating => "TRUNCATING",
            FetchPhase::Fetching => "FETCHING",
        };
        json!({"leader": leader, "offset": f.fetch_offset, "leader_epoch": f.current_leader_epoch,
            "last_fetched_epoch": f.last_fetched_epoch, "state": phase, "lag": f.lag})
    });
    state.insert("fetcher".into(), json!(fetcher));
    state.insert(
        "fetch_failed".into(),
        json!(replicas.fetchers().is_failed(tp)),
    );
}
