//! The 32-bit murmur2 hash that places keyed records (`Utils.murmur2`).

const SEED: u32 = 0x9747_b28c;
const M: u32 = 0x5bd1_e995;
const R: u32 = 24;

/// Hash of the serialized key, as Java's signed int.
pub fn murmur2(data: &[u8]) -> i32 {
    let mut h = SEED ^ data.len() as u32;
    let mut words = data.chunks_exact(4);
    for word in &mut words {
        let mut k = u32::from_le_bytes([word[0], word[1], word[2], word[3]]);
        k = k.wrapping_mul(M);
        k ^= k >> R;
        k = k.wrapping_mul(M);
        h = h.wrapping_mul(M) ^ k;
    }
    let tail = words.remainder();
    if !tail.is_empty() {
        for (i, byte) in tail.iter().enumerate() {
            h ^= u32::from(*byte) << (8 * i);
        }
        h = h.wrapping_mul(M);
    }
    h ^= h >> 13;
    h = h.wrapping_mul(M);
    h ^= h >> 15;
    h as i32
}

/// `Utils.toPositive`: masks the sign bit (not the absolute value).
pub const fn to_positive(number: i32) -> i32 {
    number & 0x7fff_ffff
}

/// Partition of a keyed record over all `partitions`, leaderless ones included (`BuiltInPartitioner.partitionForKey`).
pub fn partition_for_key(key: &[u8], partitions: i32) -> i32 {
    to_positive(murmur2(key)) % partitions
}

#[cfg(test)]
mod tests {
    use super::*;

    /// P1, P2: keys with Kafka's hash and its partition of 2, 3, 4, 5, 6, 10, 12 and 50.
    #[test]
    fn keys_go_where_kafka_puts_them() {
        let table: [(&str, i32, [i32; 8]); 8] = [
            ("", 275_646_681, [1, 0, 1, 1, 3, 1, 9, 31]),
            ("a", -1_563_381_124, [0, 1, 0, 4, 4, 4, 4, 24]),
            ("abc", 479_470_107, [1, 0, 3, 2, 3, 7, 3, 7]),
            ("abcd", -1_323_649_548, [0, 2, 0, 0, 2, 0, 8, 0]),
            ("user-42", 1_459_644_460, [0, 1, 0, 0, 4, 0, 4, 10]),
            ("héllo", 614_509_002, [0, 0, 2, 2, 0, 2, 6, 2]),
            ("日本語", 1_431_860_170, [0, 1, 2, 0, 4, 0, 10, 20]),
            ("🚀", 761_778_625, [1, 1, 1, 0, 1, 5, 1, 25]),
        ];
        for (key, hash, places) in table {
            assert_eq!(murmur2(key.as_bytes()), hash, "{key}");
            for (n, place) in [2, 3, 4, 5, 6, 10, 12, 50].into_iter().zip(places) {
                assert_eq!(partition_for_key(key.as_bytes(), n), place, "{key} of {n}");
            }
        }
    }
}
