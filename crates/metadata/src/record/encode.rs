//! Fields of records to bytes.

use super::wire::Writer;
use super::*;

pub(super) fn write(record: &MetadataRecord, version: i16, w: &mut Writer) {
    match record {
        MetadataRecord::RegisterBroker(r) => write_register_broker(r, version, w),
        MetadataRecord::UnregisterBroker(r) => {
            w.i32(r.broker_id.0);
            w.i64(r.broker_epoch.0);
        }
        MetadataRecord::Topic(r) => {
            w.string(&r.name);
            w.uuid(r.topic_id);
        }
        MetadataRecord::Partition(r) => write_partition(r, version, w),
        MetadataRecord::Config(r) => {
            w.i8(r.resource_type);
            w.string(&r.resource_name);
            w.string(&r.name);
            w.nullable_string(r.value.as_deref());
        }
        MetadataRecord::PartitionChange(r) => write_partition_change(r, version, w),
        MetadataRecord::FenceBroker(FenceBrokerRecord { id, epoch })
        | MetadataRecord::UnfenceBroker(UnfenceBrokerRecord { id, epoch }) => {
            w.i32(id.0);
            w.i64(epoch.0);
        }
        MetadataRecord::RemoveTopic(r) => w.uuid(r.topic_id),
        MetadataRecord::FeatureLevel(r) => {
            w.string(&r.name);
            w.i16(r.feature_level);
        }
        MetadataRecord::ProducerIds(r) => {
            w.i32(r.broker_id.0);
            w.i64(r.broker_epoch.0);
            w.i64(r.next_producer_id.0);
        }
        MetadataRecord::BrokerRegistrationChange(r) => write_registration_change(r, version, w),
        MetadataRecord::NoOp(_) | MetadataRecord::EndTransaction(_) => {}
        MetadataRecord::BeginTransaction(BeginTransactionRecord { name: text })
        | MetadataRecord::AbortTransaction(AbortTransactionRecord { reason: text }) => {
            if let Some(text) = text {
                w.tag(0, |w| w.string(text));
            }
        }
        MetadataRecord::RegisterController(r) => {
            w.i32(r.controller_id.0);
            w.uuid(r.incarnation_id);
            w.bool(r.zk_migration_ready);
            write_end_points(&r.end_points, w);
            write_features(&r.features, w);
        }
        MetadataRecord::ClearElr(r) => w.string(&r.topic_name),
    }
    w.end_of_struct();
}

fn write_end_points(end_points: &[EndpointRecord], w: &mut Writer) {
    w.count(end_points.len());
    for e in end_points {
        w.string(&e.name);
        w.string(&e.host);
        w.u16(e.port);
        w.i16(e.security_protocol);
        w.end_of_struct();
    }
}

fn write_features(features: &[FeatureRecord], w: &mut Writer) {
    w.count(features.len());
    for f in features {
        w.string(&f.name);
        w.i16(f.min_supported_version);
        w.i16(f.max_supported_version);
        w.end_of_struct();
    }
}

fn write_register_broker(r: &RegisterBrokerRecord, version: i16, w: &mut Writer) {
    w.i32(r.broker_id.0);
    if version >= 2 {
        w.bool(r.is_migrating_zk_broker);
    }
    w.uuid(r.incarnation_id);
    w.i64(r.broker_epoch.0);
    write_end_points(&r.end_points, w);
    write_features(&r.features, w);
    w.nullable_string(r.rack.as_deref());
    w.bool(r.fenced);
    if version >= 1 {
        w.bool(r.in_controlled_shutdown);
    }
    if version >= 3 && !r.log_dirs.is_empty() {
        w.tag(0, |w| w.uuids(&r.log_dirs));
    }
    if version >= 4
        && let Some(dirs) = &r.cordoned_log_dirs
    {
        w.tag(1, |w| w.uuids(dirs));
    }
}

fn write_partition(r: &PartitionRecord, version: i16, w: &mut Writer) {
    w.i32(r.partition_id);
    w.uuid(r.topic_id);
    w.nodes(&r.replicas);
    w.nodes(&r.isr);
    w.nodes(&r.removing_replicas);
    w.nodes(&r.adding_replicas);
    w.i32(r.leader.0);
    w.i32(r.leader_epoch.0);
    w.i32(r.partition_epoch.0);
    if version >= 1 {
        w.uuids(&r.directories);
    }
    if r.leader_recovery_state != LeaderRecoveryState::Recovered {
        w.tag(0, |w| w.i8(r.leader_recovery_state.value()));
    }
    if version >= 2 {
        if let Some(elr) = &r.eligible_leader_replicas {
            w.tag(1, |w| w.nodes(elr));
        }
        if let Some(elr) = &r.last_known_elr {
            w.tag(2, |w| w.nodes(elr));
        }
    }
}

fn write_partition_change(r: &PartitionChangeRecord, version: i16, w: &mut Writer) {
    w.i32(r.partition_id);
    w.uuid(r.topic_id);
    let lists = [
        (0, &r.isr),
        (2, &r.replicas),
        (3, &r.removing_replicas),
        (4, &r.adding_replicas),
    ];
    for (tag, list) in lists {
        if let Some(list) = list {
            w.tag(tag, |w| w.nodes(list));
        }
    }
    if let Some(leader) = r.leader {
        w.tag(1, |w| w.i32(leader.0));
    }
    if let Some(state) = r.leader_recovery_state {
        w.tag(5, |w| w.i8(state.value()));
    }
    if version >= 2 {
        for (tag, list) in [(6, &r.eligible_leader_replicas), (7, &r.last_known_elr)] {
            if let Some(list) = list {
                w.tag(tag, |w| w.nodes(list));
            }
        }
    }
    if version >= 1
        && let Some(dirs) = &r.directories
    {
        w.tag(8, |w| w.uuids(dirs));
    }
}

fn write_registration_change(r: &BrokerRegistrationChangeRecord, version: i16, w: &mut Writer) {
    w.i32(r.broker_id.0);
    w.i64(r.broker_epoch.0);
    if let Some(fenced) = r.fenced {
        w.tag(0, |w| w.i8(if fenced { 1 } else { -1 }));
    }
    if version >= 1 && r.in_controlled_shutdown {
        w.tag(1, |w| w.i8(1));
    }
    if version >= 2 && !r.log_dirs.is_empty() {
        w.tag(2, |w| w.uuids(&r.log_dirs));
    }
    if version >= 3
        && let Some(dirs) = &r.cordoned_log_dirs
    {
        w.tag(3, |w| w.uuids(dirs));
    }
}
