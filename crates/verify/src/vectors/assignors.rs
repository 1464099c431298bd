//! Members and topics in, everybody's partitions out: the clients' assignors, and the broker's.

use crate::Step;
use clients::assignor::sticky::sticky_user_data;
use clients::assignor::{Assignor, Member, by_class};
use clients::network::snapshot::{BrokerInfo, PartitionMetadata, Snapshot};
use coordinator::group::assignor::{GroupSpec, MemberSpec, assign};
use coordinator::group::consumer::SubscriptionType;
use coordinator::group::record::{Partitions, TopicId};
use protocol::consumer_protocol::Subscription;
use protocol::{ErrorCode, Name, NodeId, TopicPartition, Uuid};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Partitions by topic, by member.
type Shared = BTreeMap<Name, BTreeMap<Name, BTreeSet<i32>>>;

pub fn answer(step: &Step) -> Value {
    let assignor = step.str("assignor").expect("assignor");
    let members = step.get("members").as_array().expect("members");
    let class = match assignor {
        "range" => "RangeAssignor",
        "roundrobin" => "RoundRobinAssignor",
        "sticky" => "StickyAssignor",
        "cooperative-sticky" => "CooperativeStickyAssignor",
        _ => return json!({"assignment": shown(&by_broker(assignor, step, members))}),
    };
    let mut assignor = by_class(class).expect("a class of Kafka");
    let cluster = cluster(step);
    let mut owned: Vec<(BTreeMap<Name, BTreeSet<i32>>, i32)> = members
        .iter()
        .map(|m| {
            (
                partitions(&m["owned"]),
                m["generation"].as_i64().unwrap_or(-1) as i32,
            )
        })
        .collect();
    let rounds = step.expect["rounds"].as_array().map_or(1, Vec::len);
    let mut all = Vec::new();
    for round in 1..=rounds {
        let result = one_round(&mut *assignor, &cluster, members, &owned);
        let generation = owned.iter().map(|(_, g)| *g).max().unwrap_or(-1) + 1;
        for (member, (owned, owned_in)) in members.iter().zip(&mut owned) {
            let id = member["id"].as_str().expect("an id");
            *owned = result.get(id).cloned().unwrap_or_default();
            *owned_in = generation;
        }
        all.push((round, result));
    }
    let mut ours = Map::new();
    let last = all.last().map(|(_, result)| shown(result));
    ours.insert("assignment".into(), json!(last));
    if step.expect.get("rounds").is_some() {
        let rounds = all.iter();
        let rounds = rounds.map(|(n, result)| json!({"round": n, "assignment": shown(result)}));
        ours.insert("rounds".into(), rounds.collect());
    }
    Value::Object(ours)
}

fn partitions(json: &Value) -> BTreeMap<Name, BTreeSet<i32>> {
    let topics = json.as_object().into_iter().flatten();
    topics
        .map(|(topic, list)| {
            let numbers = list.as_array().into_iter().flatten();
            let numbers = numbers.filter_map(Value::as_i64).map(|p| p as i32);
            (topic.as_str().into(), numbers.collect())
        })
        .collect()
}

fn names(json: &Value) -> Vec<Name> {
    let list = json.as_array().into_iter().flatten();
    list.filter_map(Value::as_str).map(Name::from).collect()
}

fn shown(shared: &Shared) -> Value {
    let members = shared.iter().map(|(id, topics)| {
        let topics: Map<String, Value> = topics
            .iter()
            .filter(|(_, partitions)| !partitions.is_empty())
            .map(|(topic, partitions)| (topic.to_string(), json!(partitions)))
            .collect();
        (id.to_string(), Value::Object(topics))
    });
    Value::Object(members.collect())
}

/// One broker a rack; replicas are in the racks that the vector names.
fn cluster(step: &Step) -> Snapshot {
    let mut cluster = Snapshot::default();
    let mut ids: BTreeMap<Name, NodeId> = BTreeMap::new();
    let mut all = Vec::new();
    for (topic, count) in step.get("topics").as_object().expect("topics") {
        let racks = &step.get("partition_racks")[topic];
        for partition in 0..count.as_i64().expect("a count") {
            let replicas = names(&racks[partition as usize]);
            let replicas = replicas.into_iter().map(|rack| {
                let next = NodeId(ids.len() as i32);
                *ids.entry(rack).or_insert(next)
            });
            all.push(PartitionMetadata {
                tp: TopicPartition::new(topic.as_str(), partition as i32),
                error: ErrorCode::None,
                leader: None,
                leader_epoch: None,
                replicas: replicas.collect(),
                isr: Vec::new(),
                offline: Vec::new(),
            });
        }
    }
    for (rack, id) in ids {
        let rack = Some(rack);
        cluster.brokers.insert(id, BrokerInfo { id, rack });
    }
    cluster.set_partitions(all);
    cluster
}

fn one_round(
    assignor: &mut dyn Assignor,
    cluster: &Snapshot,
    members: &[Value],
    owned: &[(BTreeMap<Name, BTreeSet<i32>>, i32)],
) -> Shared {
    let members: Vec<Member> = members
        .iter()
        .zip(owned)
        .map(|(member, (owned, generation))| {
            let tps = owned.iter().flat_map(|(topic, partitions)| {
                partitions
                    .iter()
                    .map(|&p| TopicPartition::new(topic.clone(), p))
            });
            let tps: Vec<TopicPartition> = tps.collect();
            let sticky = assignor.name() == "sticky" && !tps.is_empty();
            Member {
                id: member["id"].as_str().expect("an id").into(),
                instance_id: member["instance"].as_str().map(Name::from),
                subscription: Subscription {
                    topics: names(&member["topics"]),
                    user_data: sticky.then(|| sticky_user_data(&tps, *generation)),
                    owned_partitions: owned
                        .iter()
                        .map(|(topic, partitions)| {
                            (topic.clone(), partitions.iter().copied().collect())
                        })
                        .collect(),
                    generation_id: *generation,
                    rack_id: member["rack"].as_str().map(Name::from),
                },
            }
        })
        .collect();
    let mut shared = Shared::new();
    for (id, assignment) in assignor.assign(cluster, &members) {
        let topics = shared.entry(id).or_default();
        for tp in assignment.partitions {
            let fresh = topics.entry(tp.topic).or_default().insert(tp.partition);
            assert!(fresh, "a partition is given once");
        }
    }
    shared
}

/// The broker's assignors see topic ids; the vectors' order of names is taken for theirs.
fn by_broker(assignor: &str, step: &Step, members: &[Value]) -> Shared {
    let counts = step.get("topics").as_object().expect("topics");
    let sorted: Vec<Name> = {
        let names: BTreeSet<&String> = counts.keys().collect();
        names.into_iter().map(|n| n.as_str().into()).collect()
    };
    let id = |name: &str| {
        let at = sorted
            .iter()
            .position(|n| &**n == name)
            .expect("a topic of the vector");
        TopicId(Uuid(at as u128 + 1))
    };
    let targets = |topics: &BTreeMap<Name, BTreeSet<i32>>| -> Partitions {
        topics
            .iter()
            .map(|(topic, p)| (id(topic), p.clone()))
            .collect()
    };
    let wanted: Vec<BTreeSet<Name>> = members
        .iter()
        .map(|m| names(&m["topics"]).into_iter().collect())
        .collect();
    let equal = wanted.windows(2).all(|pair| pair[0] == pair[1]);
    let owned: Vec<_> = members.iter().map(|m| partitions(&m["owned"])).collect();
    let spec = GroupSpec {
        members: members
            .iter()
            .zip(&wanted)
            .zip(&owned)
            .map(|((member, wanted), owned)| {
                let spec = MemberSpec {
                    instance_id: member["instance"].as_str().map(Name::from),
                    subscribed: wanted.iter().map(|topic| id(topic)).collect(),
                    assignment: Arc::new(targets(owned)),
                };
                (member["id"].as_str().expect("an id").into(), spec)
            })
            .collect(),
        subscription_type: if equal {
            SubscriptionType::Homogeneous
        } else {
            SubscriptionType::Heterogeneous
        },
        partition_counts: counts
            .iter()
            .map(|(topic, count)| (id(topic), count.as_i64().expect("a count") as i32))
            .collect(),
        assigned: owned
            .iter()
            .flat_map(&targets)
            .flat_map(|(topic, partitions)| partitions.into_iter().map(move |p| (topic, p)))
            .collect(),
    };
    let assignor = match assignor {
        "range-server" => "range",
        name => name,
    };
    let assignment = assign(assignor, &spec);
    spec.members
        .keys()
        .map(|member| {
            let partitions = assignment.get(member).cloned().unwrap_or_default();
            let topics = partitions
                .into_iter()
                .map(|(topic, partitions)| (sorted[topic.0.0 as usize - 1].clone(), partitions));
            (member.clone(), topics.collect())
        })
        .collect()
}
