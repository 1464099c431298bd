//! The order in which Java walks a hash set, where Kafka lets it show.
//!
//! It knows buckets; it does not know what is in them. Sets of more than a few thousand elements, whose buckets become
//! trees, do not occur here.

/// Sorts distinct elements, given in order of insertion, as a `java.util.HashSet` of them would be walked: by bucket,
/// and within one by insertion. `hash` is Java's `hashCode`.
pub(crate) fn sort<T>(items: &mut [T], hash: impl Fn(&T) -> i32) {
    let mut buckets = 16usize;
    while items.len() * 4 > buckets * 3 {
        buckets *= 2;
    }
    items.sort_by_key(|item| {
        let h = hash(item) as u32;
        (h ^ (h >> 16)) as usize & (buckets - 1)
    });
}

/// `Uuid.hashCode`.
pub(crate) fn uuid_hash(id: protocol::Uuid) -> i32 {
    let xor = ((id.0 >> 64) as u64) ^ (id.0 as u64);
    ((xor >> 32) as u32 ^ xor as u32) as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_numbers_are_walked_in_ascending_order_modulo_the_buckets() {
        let mut ids = [18, 3, 17, 1, 16];
        sort(&mut ids, |id| *id);
        assert_eq!(ids, [16, 17, 1, 18, 3], "17 and 1 share a bucket");
        let mut many: Vec<i32> = (0..20).rev().collect();
        sort(&mut many, |id| *id);
        assert_eq!(many, (0..20).collect::<Vec<_>>(), "32 buckets");
    }
}
