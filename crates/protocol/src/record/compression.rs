//! Codecs by name and id; the implementations come with the cargo feature `codecs`.

/// Kafka's codecs, by the id in attribute bits 0–2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum CompressionType {
    #[default]
    None,
    Gzip,
    Snappy,
    Lz4,
    Zstd,
}

impl CompressionType {
    pub const ALL: [CompressionType; 5] =
        [Self::None, Self::Gzip, Self::Snappy, Self::Lz4, Self::Zstd];

    pub fn id(self) -> u8 {
        self as u8
    }

    pub fn from_id(id: u8) -> Option<Self> {
        Self::ALL.get(usize::from(id)).copied()
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            Self::Snappy => "snappy",
            Self::Lz4 => "lz4",
            Self::Zstd => "zstd",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// Why a codec failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CodecError {
    /// The stream ends before it should.
    Truncated,
    Failed(&'static str),
}

/// Packs and unpacks the record bytes of a batch. `None` passes bytes through.
pub trait Codec: Sync {
    /// # Errors
    /// If this build cannot write the codec.
    fn compress(&self, kind: CompressionType, content: &[u8]) -> Result<Vec<u8>, CodecError>;

    /// # Errors
    /// If the bytes are not what the codec writes, or unpack to more bytes than a playground holds.
    fn decompress(&self, kind: CompressionType, packed: &[u8]) -> Result<Vec<u8>, CodecError>;
}

/// The most bytes one batch may unpack to: far above any batch that a playground holds, far below what a
/// decompression bomb would take.
#[cfg(feature = "codecs")]
pub const MAX_UNPACKED: usize = 64 << 20;

#[cfg(not(feature = "codecs"))]
struct NoCodecs;

#[cfg(not(feature = "codecs"))]
impl Codec for NoCodecs {
    fn compress(&self, kind: CompressionType, content: &[u8]) -> Result<Vec<u8>, CodecError> {
        match kind {
            CompressionType::None => Ok(content.to_vec()),
            _ => Err(CodecError::Failed("built without codecs")),
        }
    }

    fn decompress(&self, kind: CompressionType, packed: &[u8]) -> Result<Vec<u8>, CodecError> {
        self.compress(kind, packed)
    }
}

/// The codecs of this build.
pub fn codec() -> &'static dyn Codec {
    #[cfg(feature = "codecs")]
    {
        &super::codecs::BuiltIn
    }
    #[cfg(not(feature = "codecs"))]
    {
        &NoCodecs
    }
}
