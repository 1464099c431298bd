//! The codecs in pure Rust: gzip, snappy in xerial framing, lz4 frames, zstd.

use super::compression::{Codec, CodecError, CompressionType, MAX_UNPACKED};
use std::io::{Read, Write};

/// All of Kafka's codecs.
pub(super) struct BuiltIn;

/// Xerial's stream header: magic, version, compatible version.
const XERIAL: [u8; 16] = [
    0x82, b'S', b'N', b'A', b'P', b'P', b'Y', 0, 0, 0, 0, 1, 0, 0, 0, 1,
];
/// Bytes a block, as Kafka's `SnappyCompression` writes them.
const XERIAL_BLOCK: usize = 32 * 1024;

/// `cut`: what a stream that ends too early is.
fn bounded(reader: impl Read, cut: CodecError) -> Result<Vec<u8>, CodecError> {
    let mut out = Vec::new();
    let read = reader.take(MAX_UNPACKED as u64 + 1).read_to_end(&mut out);
    match read {
        Ok(length) if length <= MAX_UNPACKED => Ok(out),
        Ok(_) => Err(CodecError::Failed("unpacks to too many bytes")),
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Err(cut),
        Err(_) => Err(CodecError::Failed("not a stream of this codec")),
    }
}

fn snappy_pack(content: &[u8]) -> Result<Vec<u8>, CodecError> {
    let mut out = XERIAL.to_vec();
    let mut encoder = snap::raw::Encoder::new();
    for block in content.chunks(XERIAL_BLOCK) {
        let packed = encoder
            .compress_vec(block)
            .map_err(|_| CodecError::Failed("snappy block too large"))?;
        out.extend_from_slice(&(packed.len() as u32).to_be_bytes());
        out.extend_from_slice(&packed);
    }
    Ok(out)
}

fn snappy_block(packed: &[u8], out: &mut Vec<u8>) -> Result<(), CodecError> {
    const BAD: CodecError = CodecError::Failed("not a snappy block");
    let length = snap::raw::decompress_len(packed).map_err(|_| BAD)?;
    if out.len() + length > MAX_UNPACKED {
        return Err(CodecError::Failed("unpacks to too many bytes"));
    }
    out.extend_from_slice(
        &snap::raw::Decoder::new()
            .decompress_vec(packed)
            .map_err(|_| BAD)?,
    );
    Ok(())
}

fn snappy_unpack(packed: &[u8]) -> Result<Vec<u8>, CodecError> {
    let mut out = Vec::new();
    if packed.len() < XERIAL.len() || packed[..8] != XERIAL[..8] {
        // Without the stream header the whole blob is one raw block.
        snappy_block(packed, &mut out)?;
        return Ok(out);
    }
    let mut rest = &packed[XERIAL.len()..];
    while !rest.is_empty() {
        let (head, tail) = rest
            .split_at_checked(4)
            .ok_or(CodecError::Failed("snappy block size cut off"))?;
        let size = u32::from_be_bytes([head[0], head[1], head[2], head[3]]) as usize;
        let (block, tail) = tail
            .split_at_checked(size)
            .ok_or(CodecError::Failed("snappy block cut off"))?;
        snappy_block(block, &mut out)?;
        rest = tail;
    }
    Ok(out)
}

impl Codec for BuiltIn {
    fn compress(&self, kind: CompressionType, content: &[u8]) -> Result<Vec<u8>, CodecError> {
        const FAILED: CodecError = CodecError::Failed("writing to memory failed");
        match kind {
            CompressionType::None => Ok(content.to_vec()),
            CompressionType::Gzip => {
                let mut encoder =
                    flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
                encoder.write_all(content).map_err(|_| FAILED)?;
                encoder.finish().map_err(|_| FAILED)
            }
            CompressionType::Snappy => snappy_pack(content),
            CompressionType::Lz4 => {
                let info = lz4_flex::frame::FrameInfo::new()
                    .block_size(lz4_flex::frame::BlockSize::Max64KB);
                let mut encoder = lz4_flex::frame::FrameEncoder::with_frame_info(info, Vec::new());
                encoder.write_all(content).map_err(|_| FAILED)?;
                encoder.finish().map_err(|_| FAILED)
            }
            CompressionType::Zstd => Ok(ruzstd::encoding::compress_to_vec(
                content,
                ruzstd::encoding::CompressionLevel::Fastest,
            )),
        }
    }

    fn decompress(&self, kind: CompressionType, packed: &[u8]) -> Result<Vec<u8>, CodecError> {
        // Of Kafka's readers only gzip's reports the end of its input as such.
        const CUT: CodecError = CodecError::Failed("the stream ends too early");
        match kind {
            CompressionType::None => Ok(packed.to_vec()),
            CompressionType::Gzip => bounded(
                flate2::read::MultiGzDecoder::new(packed),
                CodecError::Truncated,
            ),
            CompressionType::Snappy => snappy_unpack(packed),
            CompressionType::Lz4 => bounded(lz4_flex::frame::FrameDecoder::new(packed), CUT),
            CompressionType::Zstd => bounded(
                ruzstd::decoding::StreamingDecoder::new(packed)
                    .map_err(|_| CodecError::Failed("not a zstd frame"))?,
                CUT,
            ),
        }
    }
}
