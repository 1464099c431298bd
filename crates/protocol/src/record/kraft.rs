//! The values of the quorum's control records, in their flexible message encoding (version 0 of each).
//!
//! Source: schemas `LeaderChangeMessage`, `SnapshotHeaderRecord`, `SnapshotFooterRecord`, `KRaftVersionRecord`,
//! `VotersRecord`.

use super::RecordError;
use super::varint::{Cursor, put_uvarint};
use bytes::{BufMut, Bytes, BytesMut};

const SHORT: RecordError = RecordError::Invalid("control record value cut off");

fn i16_of(cursor: &mut Cursor<'_>) -> Result<i16, RecordError> {
    cursor.array().map(i16::from_be_bytes).ok_or(SHORT)
}

fn i32_of(cursor: &mut Cursor<'_>) -> Result<i32, RecordError> {
    cursor.array().map(i32::from_be_bytes).ok_or(SHORT)
}

/// The length of a compact array or string; null and counts beyond the bytes left are refused.
fn length_of(cursor: &mut Cursor<'_>) -> Result<usize, RecordError> {
    let length = cursor
        .uvarint()
        .and_then(|raw| raw.checked_sub(1))
        .ok_or(SHORT)? as usize;
    if length > cursor.remaining() {
        Err(SHORT)
    } else {
        Ok(length)
    }
}

fn string_of(cursor: &mut Cursor<'_>, bytes: &[u8]) -> Result<String, RecordError> {
    let length = length_of(cursor)?;
    let range = cursor.take(length).ok_or(SHORT)?;
    String::from_utf8(bytes[range].to_vec()).map_err(|_| RecordError::Invalid("text is not UTF-8"))
}

fn put_string(out: &mut BytesMut, text: &str) {
    put_uvarint(out, text.len() as u32 + 1);
    out.put_slice(text.as_bytes());
}

/// Skips tagged fields: none is known in version 0.
fn skip_tags(cursor: &mut Cursor<'_>) -> Result<(), RecordError> {
    let count = cursor.uvarint().ok_or(SHORT)?;
    if count as usize > cursor.remaining() {
        return Err(SHORT);
    }
    for _ in 0..count {
        cursor.uvarint().ok_or(SHORT)?;
        let size = cursor.uvarint().ok_or(SHORT)?;
        cursor.take(size as usize).ok_or(SHORT)?;
    }
    Ok(())
}

/// Written by a new leader of the quorum at the start of its epoch.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LeaderChangeMessage {
    pub version: i16,
    pub leader_id: i32,
    /// Voters as (id, directory id); the directory id is written from version 1 on.
    pub voters: Vec<(i32, u128)>,
    pub granting_voters: Vec<(i32, u128)>,
}

impl LeaderChangeMessage {
    pub fn encode(&self) -> Bytes {
        let mut out = BytesMut::new();
        out.put_i16(self.version);
        out.put_i32(self.leader_id);
        for list in [&self.voters, &self.granting_voters] {
            put_uvarint(&mut out, list.len() as u32 + 1);
            for (id, directory) in list {
                out.put_i32(*id);
                if self.version >= 1 {
                    out.put_u128(*directory);
                }
                out.put_u8(0);
            }
        }
        out.put_u8(0);
        out.freeze()
    }

    /// # Errors
    /// `Invalid` if bytes are missing or a count exceeds them.
    pub fn decode(bytes: &[u8]) -> Result<Self, RecordError> {
        let mut cursor = Cursor::new(bytes, 0);
        let version = i16_of(&mut cursor)?;
        let leader_id = i32_of(&mut cursor)?;
        let mut lists = [Vec::new(), Vec::new()];
        for list in &mut lists {
            for _ in 0..length_of(&mut cursor)? {
                let id = i32_of(&mut cursor)?;
                let directory = if version >= 1 {
                    cursor.array().map(u128::from_be_bytes).ok_or(SHORT)?
                } else {
                    0
                };
                skip_tags(&mut cursor)?;
                list.push((id, directory));
            }
        }
        skip_tags(&mut cursor)?;
        let [voters, granting_voters] = lists;
        Ok(LeaderChangeMessage {
            version,
            leader_id,
            voters,
            granting_voters,
        })
    }
}

/// The first record of a snapshot; the timestamp (ms) of the last record that it covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SnapshotHeaderRecord {
    pub version: i16,
    pub last_contained_log_timestamp: i64,
}

impl SnapshotHeaderRecord {
    pub fn encode(&self) -> Bytes {
        let mut out = BytesMut::new();
        out.put_i16(self.version);
        out.put_i64(self.last_contained_log_timestamp);
        out.put_u8(0);
        out.freeze()
    }

    /// # Errors
    /// `Invalid` if bytes are missing.
    pub fn decode(bytes: &[u8]) -> Result<Self, RecordError> {
        let mut cursor = Cursor::new(bytes, 0);
        let version = i16_of(&mut cursor)?;
        let last_contained_log_timestamp = cursor.array().map(i64::from_be_bytes).ok_or(SHORT)?;
        skip_tags(&mut cursor)?;
        Ok(SnapshotHeaderRecord {
            version,
            last_contained_log_timestamp,
        })
    }
}

/// The last record of a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SnapshotFooterRecord {
    pub version: i16,
}

impl SnapshotFooterRecord {
    pub fn encode(&self) -> Bytes {
        let mut out = BytesMut::new();
        out.put_i16(self.version);
        out.put_u8(0);
        out.freeze()
    }

    /// # Errors
    /// `Invalid` if bytes are missing.
    pub fn decode(bytes: &[u8]) -> Result<Self, RecordError> {
        let mut cursor = Cursor::new(bytes, 0);
        let version = i16_of(&mut cursor)?;
        skip_tags(&mut cursor)?;
        Ok(SnapshotFooterRecord { version })
    }
}

/// The quorum's protocol version from here on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct KRaftVersionRecord {
    pub version: i16,
    pub kraft_version: i16,
}

impl KRaftVersionRecord {
    pub fn encode(&self) -> Bytes {
        let mut out = BytesMut::new();
        out.put_i16(self.version);
        out.put_i16(self.kraft_version);
        out.put_u8(0);
        out.freeze()
    }

    /// # Errors
    /// `Invalid` if bytes are missing.
    pub fn decode(bytes: &[u8]) -> Result<Self, RecordError> {
        let mut cursor = Cursor::new(bytes, 0);
        let version = i16_of(&mut cursor)?;
        let kraft_version = i16_of(&mut cursor)?;
        skip_tags(&mut cursor)?;
        Ok(KRaftVersionRecord {
            version,
            kraft_version,
        })
    }
}

/// Where a voter listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VoterEndpoint {
    pub name: String,
    pub host: String,
    pub port: u16,
}

/// One voter of the quorum and the protocol versions it can speak.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Voter {
    pub voter_id: i32,
    pub voter_directory_id: u128,
    pub endpoints: Vec<VoterEndpoint>,
    pub min_supported_version: i16,
    pub max_supported_version: i16,
}

/// The voters of the quorum from here on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct VotersRecord {
    pub version: i16,
    pub voters: Vec<Voter>,
}

impl VotersRecord {
    pub fn encode(&self) -> Bytes {
        let mut out = BytesMut::new();
        out.put_i16(self.version);
        put_uvarint(&mut out, self.voters.len() as u32 + 1);
        for voter in &self.voters {
            out.put_i32(voter.voter_id);
            out.put_u128(voter.voter_directory_id);
            put_uvarint(&mut out, voter.endpoints.len() as u32 + 1);
            for endpoint in &voter.endpoints {
                put_string(&mut out, &endpoint.name);
                put_string(&mut out, &endpoint.host);
                out.put_u16(endpoint.port);
                out.put_u8(0);
            }
            out.put_i16(voter.min_supported_version);
            out.put_i16(voter.max_supported_version);
            out.put_u8(0);
            out.put_u8(0);
        }
        out.put_u8(0);
        out.freeze()
    }

    /// # Errors
    /// `Invalid` if bytes are missing, a count exceeds them, or text is not UTF-8.
    pub fn decode(bytes: &[u8]) -> Result<Self, RecordError> {
        let mut cursor = Cursor::new(bytes, 0);
        let version = i16_of(&mut cursor)?;
        let mut voters = Vec::new();
        for _ in 0..length_of(&mut cursor)? {
            let voter_id = i32_of(&mut cursor)?;
            let voter_directory_id = cursor.array().map(u128::from_be_bytes).ok_or(SHORT)?;
            let mut endpoints = Vec::new();
            for _ in 0..length_of(&mut cursor)? {
                let name = string_of(&mut cursor, bytes)?;
                let host = string_of(&mut cursor, bytes)?;
                let port = cursor.array().map(u16::from_be_bytes).ok_or(SHORT)?;
                skip_tags(&mut cursor)?;
                endpoints.push(VoterEndpoint { name, host, port });
            }
            let min_supported_version = i16_of(&mut cursor)?;
            let max_supported_version = i16_of(&mut cursor)?;
            skip_tags(&mut cursor)?;
            skip_tags(&mut cursor)?;
            voters.push(Voter {
                voter_id,
                voter_directory_id,
                endpoints,
                min_supported_version,
                max_supported_version,
            });
        }
        skip_tags(&mut cursor)?;
        Ok(VotersRecord { version, voters })
    }
}
