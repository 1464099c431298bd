//! Metadata records as Kafka's JSON converters print them: camel case, tagged fields left out at their default.

use metadata::record::*;
use serde_json::{Map, Value, json};

pub fn records(records: &[ApiMessageAndVersion]) -> Value {
    records.iter().map(record).collect()
}

fn record(record: &ApiMessageAndVersion) -> Value {
    let hex: String = record.encode().iter().map(|b| format!("{b:02x}")).collect();
    json!({"type": record.message.name(), "version": record.version, "fields": fields(&record.message), "hex": hex})
}

fn tagged(fields: &mut Value, name: &str, value: Option<Value>) {
    if let Some(value) = value {
        fields[name] = value;
    }
}

fn end_points(list: &[EndpointRecord]) -> Value {
    let one = |e: &EndpointRecord| json!({"name": e.name, "host": e.host, "port": e.port, "securityProtocol": e.security_protocol});
    list.iter().map(one).collect()
}

fn features(list: &[FeatureRecord]) -> Value {
    let one = |f: &FeatureRecord| {
        json!({
            "name": f.name,
            "minSupportedVersion": f.min_supported_version,
            "maxSupportedVersion": f.max_supported_version,
        })
    };
    list.iter().map(one).collect()
}

fn fields(record: &MetadataRecord) -> Value {
    match record {
        MetadataRecord::RegisterBroker(r) => {
            let mut fields = json!({
                "brokerId": r.broker_id, "isMigratingZkBroker": r.is_migrating_zk_broker,
                "incarnationId": r.incarnation_id, "brokerEpoch": r.broker_epoch,
                "endPoints": end_points(&r.end_points), "features": features(&r.features), "rack": r.rack,
                "fenced": r.fenced, "inControlledShutdown": r.in_controlled_shutdown,
            });
            tagged(
                &mut fields,
                "logDirs",
                (!r.log_dirs.is_empty()).then(|| json!(r.log_dirs)),
            );
            tagged(
                &mut fields,
                "cordonedLogDirs",
                r.cordoned_log_dirs.as_ref().map(|d| json!(d)),
            );
            fields
        }
        MetadataRecord::UnregisterBroker(r) => {
            json!({"brokerId": r.broker_id, "brokerEpoch": r.broker_epoch})
        }
        MetadataRecord::Topic(r) => json!({"name": r.name, "topicId": r.topic_id}),
        MetadataRecord::Partition(r) => {
            let mut fields = json!({
                "partitionId": r.partition_id, "topicId": r.topic_id, "replicas": r.replicas, "isr": r.isr,
                "removingReplicas": r.removing_replicas, "addingReplicas": r.adding_replicas, "leader": r.leader,
                "leaderEpoch": r.leader_epoch, "partitionEpoch": r.partition_epoch, "directories": r.directories,
            });
            let state = r.leader_recovery_state.value();
            tagged(
                &mut fields,
                "leaderRecoveryState",
                (state != 0).then(|| json!(state)),
            );
            tagged(
                &mut fields,
                "eligibleLeaderReplicas",
                r.eligible_leader_replicas.as_ref().map(|l| json!(l)),
            );
            tagged(
                &mut fields,
                "lastKnownElr",
                r.last_known_elr.as_ref().map(|l| json!(l)),
            );
            fields
        }
        MetadataRecord::Config(r) => json!({
            "resourceType": r.resource_type, "resourceName": r.resource_name, "name": r.name, "value": r.value,
        }),
        MetadataRecord::PartitionChange(r) => {
            let mut fields = json!({"partitionId": r.partition_id, "topicId": r.topic_id});
            let list = |l: &Option<Vec<protocol::NodeId>>| l.as_ref().map(|l| json!(l));
            tagged(&mut fields, "isr", list(&r.isr));
            tagged(&mut fields, "leader", r.leader.map(|l| json!(l)));
            tagged(&mut fields, "replicas", list(&r.replicas));
            tagged(&mut fields, "removingReplicas", list(&r.removing_replicas));
            tagged(&mut fields, "addingReplicas", list(&r.adding_replicas));
            tagged(
                &mut fields,
                "leaderRecoveryState",
                r.leader_recovery_state.map(|s| json!(s.value())),
            );
            tagged(
                &mut fields,
                "directories",
                r.directories.as_ref().map(|d| json!(d)),
            );
            tagged(
                &mut fields,
                "eligibleLeaderReplicas",
                list(&r.eligible_leader_replicas),
            );
            tagged(&mut fields, "lastKnownElr", list(&r.last_known_elr));
            fields
        }
        MetadataRecord::FenceBroker(r) => json!({"id": r.id, "epoch": r.epoch}),
        MetadataRecord::UnfenceBroker(r) => json!({"id": r.id, "epoch": r.epoch}),
        MetadataRecord::RemoveTopic(r) => json!({"topicId": r.topic_id}),
        MetadataRecord::FeatureLevel(r) => json!({"name": r.name, "featureLevel": r.feature_level}),
        MetadataRecord::ProducerIds(r) => json!({
            "brokerId": r.broker_id, "brokerEpoch": r.broker_epoch, "nextProducerId": r.next_producer_id,
        }),
        MetadataRecord::BrokerRegistrationChange(r) => {
            let mut fields = json!({"brokerId": r.broker_id, "brokerEpoch": r.broker_epoch});
            tagged(
                &mut fields,
                "fenced",
                r.fenced.map(|f| json!(if f { 1 } else { -1 })),
            );
            tagged(
                &mut fields,
                "inControlledShutdown",
                r.in_controlled_shutdown.then(|| json!(1)),
            );
            tagged(
                &mut fields,
                "logDirs",
                (!r.log_dirs.is_empty()).then(|| json!(r.log_dirs)),
            );
            tagged(
                &mut fields,
                "cordonedLogDirs",
                r.cordoned_log_dirs.as_ref().map(|d| json!(d)),
            );
            fields
        }
        MetadataRecord::NoOp(_) | MetadataRecord::EndTransaction(_) => Value::Object(Map::new()),
        MetadataRecord::BeginTransaction(r) => text_tag("name", &r.name),
        MetadataRecord::AbortTransaction(r) => text_tag("reason", &r.reason),
        MetadataRecord::RegisterController(r) => json!({
            "controllerId": r.controller_id, "incarnationId": r.incarnation_id,
            "zkMigrationReady": r.zk_migration_ready, "endPoints": end_points(&r.end_points),
            "features": features(&r.features),
        }),
        MetadataRecord::ClearElr(r) => json!({"topicName": r.topic_name}),
    }
}

fn text_tag(name: &str, text: &Option<protocol::Name>) -> Value {
    let mut fields = Value::Object(Map::new());
    tagged(&mut fields, name, text.as_ref().map(|t| json!(t)));
    fields
}
