//! The bytes of a metadata record: the value of a record in `__cluster_metadata`.
//!
//! Frame version 1, api key and version as unsigned varints, then the message (`AbstractApiMessageSerde`).

use protocol::{BrokerEpoch, LeaderEpoch, PartitionEpoch, ProducerId};
use std::fmt;

use super::wire::{Reader, Writer};
use super::*;

/// Why bytes are no metadata record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DecodeError {
    Truncated,
    BadVarint,
    BadText,
    UnexpectedNull,
    BadFrame(u32),
    UnknownApiKey(u32),
    UnknownVersion(i16, u32),
    BadValue,
    TrailingBytes,
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no metadata record: {self:?}")
    }
}

impl std::error::Error for DecodeError {}

const FRAME_VERSION: u32 = 1;

impl ApiMessageAndVersion {
    /// The value bytes in `__cluster_metadata` (`MetadataRecordSerde.write`).
    pub fn encode(&self) -> Vec<u8> {
        let mut w = Writer::default();
        w.unsigned_varint(FRAME_VERSION);
        w.unsigned_varint(self.message.api_key() as u32);
        w.unsigned_varint(self.version as u32);
        write(&self.message, self.version, &mut w);
        w.out
    }

    /// Reads value bytes of `__cluster_metadata` (`MetadataRecordSerde.read`).
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut r = Reader::new(bytes);
        let frame = r.unsigned_varint()?;
        if frame != FRAME_VERSION {
            return Err(DecodeError::BadFrame(frame));
        }
        let api_key = r.unsigned_varint()?;
        let version = r.unsigned_varint()?;
        let version16 = i16::try_from(version).map_err(|_| DecodeError::BadValue)?;
        let message = read(api_key, version16, &mut r)?;
        if version16 > message.highest_supported_version() {
            return Err(DecodeError::UnknownVersion(message.api_key(), version));
        }
        if !r.is_empty() {
            return Err(DecodeError::TrailingBytes);
        }
        Ok(Self {
            message,
            version: version16,
        })
    }
}

fn write(record: &MetadataRecord, version: i16, w: &mut Writer) {
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

fn read(api_key: u32, version: i16, r: &mut Reader<'_>) -> Result<MetadataRecord, DecodeError> {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(hex: &str) -> Vec<u8> {
        (0..hex.len() / 2)
            .map(|i| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).expect("hex"))
            .collect()
    }

    /// Values of `__cluster_metadata` that Kafka wrote: decoding and encoding again gives the same bytes.
    #[test]
    fn kafkas_bytes_survive_decoding_and_encoding() {
        for hex in [
            "01170001001212426f6f747374726170207265636f726473",
            "010c00116d657461646174612e76657273696f6e001e00",
            "0104000401146d696e2e696e73796e632e7265706c69636173023100",
            "01180000",
            "011100000000010000000000000007010001ff",
            "0100040000000100000000000000100100000000000000010000000000000006020a504c41494e54455854036231238400000003116d657461646174612e76657273696f6e0007001e0021656c696769626c652e6c65616465722e7265706c696361732e76657273696f6e00000001000001000100110200000000000020010000000000000001",
            "01010000000002000000000000000800",
            "0103020000000000000000000000000000000000000001040000000100000002000000030400000001000000020000000301010000000100000000000000000400000000000020010000000000000001000000000000200200000000000000010000000000002003000000000000000100",
            "010502000000000000000000000000000000000000000108000502000000010104ffffffff02090300000001000000020301010401010609030000000200000003070502000000030821030000000000002001000000000000000100000000000020020000000000000001",
            "010502000000000000000000000000000000000000000201050100",
            "011c000100",
            "01110300000003000000000000000a0103110200000000000020030000000000000001",
        ] {
            let wire = bytes(hex);
            let record = ApiMessageAndVersion::decode(&wire).expect(hex);
            assert_eq!(record.encode(), wire, "{hex}");
        }
    }

    #[test]
    fn damaged_bytes_are_refused_not_trusted() {
        // An array that claims 2^28 elements.
        let huge = bytes("01050200000000000000000000000000000000000000010100058fffffff7f");
        assert_eq!(
            ApiMessageAndVersion::decode(&huge),
            Err(DecodeError::Truncated)
        );
        assert_eq!(
            ApiMessageAndVersion::decode(&bytes("0201")),
            Err(DecodeError::BadFrame(2))
        );
        assert_eq!(
            ApiMessageAndVersion::decode(&bytes("016300")),
            Err(DecodeError::UnknownApiKey(99))
        );
        assert_eq!(
            ApiMessageAndVersion::decode(&bytes("0118000000")),
            Err(DecodeError::TrailingBytes)
        );
        for cut in 0..22 {
            let whole = bytes("010c00116d657461646174612e76657273696f6e001e00");
            assert!(
                ApiMessageAndVersion::decode(&whole[..cut]).is_err(),
                "cut at {cut}"
            );
        }
    }
}
