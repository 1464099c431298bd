//! The bytes of a metadata record: the value of a record in `__cluster_metadata`.
//!
//! Frame version 1, api key and version as unsigned varints, then the message (`AbstractApiMessageSerde`).

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
        encode::write(&self.message, self.version, &mut w);
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
        let message = decode::read(api_key, version16, &mut r)?;
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
