//! Bytes to fields of records.

use protocol::{BrokerEpoch, LeaderEpoch, PartitionEpoch, ProducerId};

use super::wire::Reader;
use super::*;

pub(super) fn read(
    api_key: u32,
    version: i16,
    r: &mut Reader<'_>,
) -> Result<MetadataRecord, DecodeError> {
    let record: MetadataRecord = match api_key {
        0 => return read_register_broker(version, r),
        3 => return read_partition(version, r),
        5 => return read_partition_change(r),
        17 => return read_registration_change(r),
        1 => UnregisterBrokerRecord {
            broker_id: r.node()?,
            broker_epoch: BrokerEpoch(r.i64()?),
        }
        .into(),
        2 => TopicRecord {
            name: r.string()?,
            topic_id: r.uuid()?,
        }
        .into(),
        4 => ConfigRecord {
            resource_type: r.i8()?,
            resource_name: r.string()?,
            name: r.string()?,
            value: r.nullable_string()?,
        }
        .into(),
        7 => FenceBrokerRecord {
            id: r.node()?,
            epoch: BrokerEpoch(r.i64()?),
        }
        .into(),
        8 => UnfenceBrokerRecord {
            id: r.node()?,
            epoch: BrokerEpoch(r.i64()?),
        }
        .into(),
        9 => RemoveTopicRecord {
            topic_id: r.uuid()?,
        }
        .into(),
        12 => FeatureLevelRecord {
            name: r.string()?,
            feature_level: r.i16()?,
        }
        .into(),
        15 => ProducerIdsRecord {
            broker_id: r.node()?,
            broker_epoch: BrokerEpoch(r.i64()?),
            next_producer_id: ProducerId(r.i64()?),
        }
        .into(),
        20 => NoOpRecord {}.into(),
        23 => {
            return Ok(BeginTransactionRecord {
                name: read_text_tag(r)?,
            }
            .into());
        }
        24 => EndTransactionRecord {}.into(),
        25 => {
            return Ok(AbortTransactionRecord {
                reason: read_text_tag(r)?,
            }
            .into());
        }
        27 => RegisterControllerRecord {
            controller_id: r.node()?,
            incarnation_id: r.uuid()?,
            zk_migration_ready: r.bool()?,
            end_points: read_end_points(r)?,
            features: read_features(r)?,
        }
        .into(),
        28 => ClearElrRecord {
            topic_name: r.string()?,
        }
        .into(),
        other => return Err(DecodeError::UnknownApiKey(other)),
    };
    r.no_tags()?;
    Ok(record)
}

fn read_text_tag(r: &mut Reader<'_>) -> Result<Option<protocol::Name>, DecodeError> {
    let mut text = None;
    r.end_of_struct(|tag, r| {
        if tag == 0 {
            text = r.nullable_string()?;
        }
        Ok(())
    })?;
    Ok(text)
}

fn read_end_points(r: &mut Reader<'_>) -> Result<Vec<EndpointRecord>, DecodeError> {
    r.vec(7, |r| {
        let end_point = EndpointRecord {
            name: r.string()?,
            host: r.string()?,
            port: r.u16()?,
            security_protocol: r.i16()?,
        };
        r.no_tags()?;
        Ok(end_point)
    })
}

fn read_features(r: &mut Reader<'_>) -> Result<Vec<FeatureRecord>, DecodeError> {
    r.vec(6, |r| {
        let feature = FeatureRecord {
            name: r.string()?,
            min_supported_version: r.i16()?,
            max_supported_version: r.i16()?,
        };
        r.no_tags()?;
        Ok(feature)
    })
}

fn read_register_broker(version: i16, r: &mut Reader<'_>) -> Result<MetadataRecord, DecodeError> {
    let mut record = RegisterBrokerRecord {
        broker_id: r.node()?,
        is_migrating_zk_broker: version >= 2 && r.bool()?,
        incarnation_id: r.uuid()?,
        broker_epoch: BrokerEpoch(r.i64()?),
        end_points: read_end_points(r)?,
        features: read_features(r)?,
        rack: r.nullable_string()?,
        fenced: r.bool()?,
        in_controlled_shutdown: version >= 1 && r.bool()?,
        log_dirs: Vec::new(),
        cordoned_log_dirs: None,
    };
    r.end_of_struct(|tag, r| {
        match tag {
            0 => record.log_dirs = r.uuids()?,
            1 => record.cordoned_log_dirs = r.nullable_uuids()?,
            _ => {}
        }
        Ok(())
    })?;
    Ok(record.into())
}

fn recovery_state(value: i8) -> Result<LeaderRecoveryState, DecodeError> {
    LeaderRecoveryState::of(value).ok_or(DecodeError::BadValue)
}

fn read_partition(version: i16, r: &mut Reader<'_>) -> Result<MetadataRecord, DecodeError> {
    let mut record = PartitionRecord {
        partition_id: r.i32()?,
        topic_id: r.uuid()?,
        replicas: r.nodes()?,
        isr: r.nodes()?,
        removing_replicas: r.nodes()?,
        adding_replicas: r.nodes()?,
        leader: r.node()?,
        leader_recovery_state: LeaderRecoveryState::Recovered,
        leader_epoch: LeaderEpoch(r.i32()?),
        partition_epoch: PartitionEpoch(r.i32()?),
        directories: if version >= 1 { r.uuids()? } else { Vec::new() },
        eligible_leader_replicas: None,
        last_known_elr: None,
    };
    r.end_of_struct(|tag, r| {
        match tag {
            0 => record.leader_recovery_state = recovery_state(r.i8()?)?,
            1 => record.eligible_leader_replicas = r.nullable_nodes()?,
            2 => record.last_known_elr = r.nullable_nodes()?,
            _ => {}
        }
        Ok(())
    })?;
    Ok(record.into())
}

fn read_partition_change(r: &mut Reader<'_>) -> Result<MetadataRecord, DecodeError> {
    let partition_id = r.i32()?;
    let mut record = PartitionChangeRecord::unchanged(r.uuid()?, partition_id);
    r.end_of_struct(|tag, r| {
        match tag {
            0 => record.isr = r.nullable_nodes()?,
            1 => record.leader = Some(r.node()?),
            2 => record.replicas = r.nullable_nodes()?,
            3 => record.removing_replicas = r.nullable_nodes()?,
            4 => record.adding_replicas = r.nullable_nodes()?,
            5 => record.leader_recovery_state = Some(recovery_state(r.i8()?)?),
            6 => record.eligible_leader_replicas = r.nullable_nodes()?,
            7 => record.last_known_elr = r.nullable_nodes()?,
            8 => record.directories = r.nullable_uuids()?,
            _ => {}
        }
        Ok(())
    })?;
    Ok(record.into())
}

fn read_registration_change(r: &mut Reader<'_>) -> Result<MetadataRecord, DecodeError> {
    let broker_id = r.node()?;
    let mut record = BrokerRegistrationChangeRecord::unchanged(broker_id, BrokerEpoch(r.i64()?));
    r.end_of_struct(|tag, r| {
        match tag {
            0 => {
                record.fenced = match r.i8()? {
                    -1 => Some(false),
                    0 => None,
                    1 => Some(true),
                    _ => return Err(DecodeError::BadValue),
                }
            }
            1 => record.in_controlled_shutdown = r.i8()? == 1,
            2 => record.log_dirs = r.uuids()?,
            3 => record.cordoned_log_dirs = r.nullable_uuids()?,
            _ => {}
        }
        Ok(())
    })?;
    Ok(record.into())
}
