//! The orders of Java's hash collections, where Kafka's clients let them be seen.
//!
//! Knows how `HashMap` places keys; refuses to know what the keys mean to a client.

use protocol::TopicPartition;

/// `String.hashCode`: over UTF-16 units, 32-bit wrap-around.
pub fn string_hash(text: &str) -> i32 {
    text.encode_utf16().fold(0i32, |h, unit| {
        h.wrapping_mul(31).wrapping_add(i32::from(unit))
    })
}

/// `TopicPartition.hashCode`.
pub fn topic_partition_hash(tp: &TopicPartition) -> i32 {
    31i32
        .wrapping_mul(31i32.wrapping_add(tp.partition))
        .wrapping_add(string_hash(&tp.topic))
}

/// Table size that `new HashMap<>(wanted)` allocates (`HashMap.tableSizeFor`).
fn table_size(wanted: usize) -> usize {
    wanted.max(1).next_power_of_two()
}

/// The order in which a `HashMap` created for `initial_capacity` entries iterates over distinct `keys` that were
/// inserted in the order given. A table that grows keeps the insertion order inside a bucket, so only its last size counts.
pub fn hash_map_order<K>(
    keys: Vec<K>,
    initial_capacity: usize,
    hash: impl Fn(&K) -> i32,
) -> Vec<K> {
    let mut capacity = table_size(initial_capacity);
    while keys.len() * 4 > capacity * 3 {
        capacity *= 2;
    }
    let mut placed: Vec<(usize, K)> = keys
        .into_iter()
        .map(|key| {
            let h = hash(&key);
            let spread = (h ^ ((h as u32) >> 16) as i32) as u32;
            (spread as usize & (capacity - 1), key)
        })
        .collect();
    placed.sort_by_key(|(bucket, _)| *bucket);
    placed.into_iter().map(|(_, key)| key).collect()
}

/// Capacity that `new HashSet<>(collection)` asks for.
pub fn hash_set_capacity(len: usize) -> usize {
    (len * 4 / 3 + 1).max(16)
}

/// Topic partitions in the order of a `HashMap` created for `initial_capacity` entries.
pub fn partition_order(
    partitions: Vec<TopicPartition>,
    initial_capacity: usize,
) -> Vec<TopicPartition> {
    hash_map_order(partitions, initial_capacity, topic_partition_hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(count: i32, capacity: usize) -> Vec<i32> {
        let keys = (0..count).map(|p| TopicPartition::new("t", p)).collect();
        partition_order(keys, capacity)
            .into_iter()
            .map(|tp| tp.partition)
            .collect()
    }

    #[test]
    fn topic_t_has_the_orders_that_kafka_shows() {
        assert_eq!(
            order(3, 3),
            [1, 0, 2],
            "P5: the cluster view of three partitions"
        );
        assert_eq!(order(4, 4), [3, 2, 1, 0]);
        assert_eq!(order(2, 2), [1, 0]);
        assert_eq!(order(3, hash_set_capacity(3)), [2, 1, 0], "an assigned set");
    }
}
