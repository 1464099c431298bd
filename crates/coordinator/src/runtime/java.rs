//! The few traits of the JVM that reach Kafka's answers: string hashes, string order, and the order of `java.util.HashMap`.
//!
//! Kafka draws ties and list orders from hash tables in some places; where that shows, it is done here the same way.

use std::cmp::Ordering;

/// `String.hashCode`: over UTF-16 units, h = 31·h + unit, wrapping at 32 bits.
pub fn string_hash(text: &str) -> i32 {
    text.encode_utf16().fold(0i32, |h, unit| {
        h.wrapping_mul(31).wrapping_add(i32::from(unit))
    })
}

/// `String.compareTo`: by UTF-16 units.
pub fn string_order(a: &str, b: &str) -> Ordering {
    a.encode_utf16().cmp(b.encode_utf16())
}

/// The partition of an internal topic that keeps `id`: `abs(hashCode) % partitions`, abs(−2³¹) = 0
/// (`GroupCoordinatorService.partitionFor`, `TransactionStateManager.partitionFor`).
pub fn partition_for(id: &str, partitions: i32) -> i32 {
    let hash = string_hash(id);
    let abs = if hash == i32::MIN { 0 } else { hash.abs() };
    abs % partitions.max(1)
}

/// A map of strings that iterates as `java.util.HashMap` does: by bucket, inside a bucket in order of insertion.
///
/// Buckets of more than eight entries, which Java turns into trees, keep their list order there too.
#[derive(Clone, Debug)]
pub struct JavaHashMap<K, V> {
    buckets: Vec<Vec<(K, V)>>,
    threshold: usize,
    len: usize,
}

impl<K: AsRef<str>, V> JavaHashMap<K, V> {
    /// `new HashMap<>()`.
    pub fn new() -> Self {
        Self::with_table(16)
    }

    /// `new HashMap<>(initialCapacity)`.
    pub fn with_capacity(capacity: usize) -> Self {
        Self::with_table(capacity.max(1).next_power_of_two())
    }

    /// `new HashMap<>(map)`: sized for the entries of the other map, which come in its order.
    pub fn copy_of(entries: impl ExactSizeIterator<Item = (K, V)>) -> Self {
        let size = entries.len();
        let mut copy = if size == 0 {
            Self::new()
        } else {
            // (int) (size / 0.75 + 1), rounded up to a power of two
            Self::with_table((size * 4 / 3 + 1).next_power_of_two())
        };
        for (key, value) in entries {
            copy.put(key, value);
        }
        copy
    }

    fn with_table(slots: usize) -> Self {
        let mut buckets = Vec::new();
        buckets.resize_with(slots, Vec::new);
        Self {
            buckets,
            threshold: slots * 3 / 4,
            len: 0,
        }
    }

    fn slot(&self, key: &str) -> usize {
        let hash = string_hash(key) as u32;
        (hash ^ (hash >> 16)) as usize & (self.buckets.len() - 1)
    }

    pub fn get(&self, key: &str) -> Option<&V> {
        let found = self.buckets[self.slot(key)]
            .iter()
            .find(|(k, _)| k.as_ref() == key);
        found.map(|(_, v)| v)
    }

    /// Puts a value; an existing key keeps its place.
    pub fn put(&mut self, key: K, value: V) {
        let slot = self.slot(key.as_ref());
        if let Some(entry) = self.buckets[slot]
            .iter_mut()
            .find(|(k, _)| k.as_ref() == key.as_ref())
        {
            entry.1 = value;
            return;
        }
        self.buckets[slot].push((key, value));
        self.len += 1;
        if self.len > self.threshold {
            self.grow();
        }
    }

    pub fn remove(&mut self, key: &str) -> Option<V> {
        let slot = self.slot(key);
        let at = self.buckets[slot]
            .iter()
            .position(|(k, _)| k.as_ref() == key)?;
        self.len -= 1;
        Some(self.buckets[slot].remove(at).1)
    }

    fn grow(&mut self) {
        let slots = self.buckets.len() * 2;
        let old = std::mem::replace(&mut self.buckets, Self::with_table(slots).buckets);
        self.threshold = slots * 3 / 4;
        for (key, value) in old.into_iter().flatten() {
            let slot = self.slot(key.as_ref());
            self.buckets[slot].push((key, value));
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.buckets.iter().flatten().map(|(k, v)| (k, v))
    }

    pub const fn len(&self) -> usize {
        self.len
    }

    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }
}

impl<K: AsRef<str>> JavaHashMap<K, u32> {
    /// Counts one more with `getOrDefault` and `put`.
    pub fn increment(&mut self, key: K) {
        let count = self.get(key.as_ref()).copied().unwrap_or(0);
        self.put(key, count + 1);
    }

    /// Counts one more with `compute` (`Utils.incValue`): a new key comes first in its bucket, and the table grows with the
    /// next one rather than with this.
    pub fn compute_increment(&mut self, key: K) {
        if self.len > self.threshold {
            self.grow();
        }
        let slot = self.slot(key.as_ref());
        let bucket = &mut self.buckets[slot];
        match bucket.iter_mut().find(|(k, _)| k.as_ref() == key.as_ref()) {
            Some((_, count)) => *count += 1,
            None => {
                bucket.insert(0, (key, 1));
                self.len += 1;
            }
        }
    }

    /// Counts one less with `compute` (`Utils.decValue`): a count of zero disappears.
    pub fn compute_decrement(&mut self, key: &str) {
        if self.len > self.threshold {
            self.grow();
        }
        match self.get(key).copied() {
            None => {}
            Some(1) => {
                self.remove(key);
            }
            Some(count) => {
                let slot = self.slot(key);
                let found = self.buckets[slot]
                    .iter_mut()
                    .find(|(k, _)| k.as_ref() == key);
                found.expect("counted above").1 = count - 1;
            }
        }
    }

    /// The key with the largest count; the first in iteration order among equals (`Stream.max`).
    pub fn most(&self) -> Option<&K> {
        let mut best: Option<(&K, u32)> = None;
        for (key, &count) in self.iter() {
            if best.is_none_or(|(_, most)| count > most) {
                best = Some((key, count));
            }
        }
        best.map(|(key, _)| key)
    }
}

impl<K: AsRef<str>, V> Default for JavaHashMap<K, V> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_and_partitions_are_java_s() {
        for (id, hash, partition) in [
            ("my-group", -1_906_497_762, 12),
            ("grüppe", -1_233_264_812, 12),
            ("🚀-group", 732_881_429, 29),
            ("polygenelubricants", i32::MIN, 0),
        ] {
            assert_eq!(string_hash(id), hash, "{id}");
            assert_eq!(partition_for(id, 50), partition, "{id}");
        }
    }

    /// The ties of the classic vote, as executed on Kafka.
    #[test]
    fn ties_go_to_the_first_bucket() {
        for (names, winner) in [
            (["range", "cooperative-sticky"], "range"),
            (["range", "roundrobin"], "range"),
            (["range", "sticky"], "sticky"),
            (["sticky", "cooperative-sticky"], "sticky"),
            (["roundrobin", "cooperative-sticky"], "roundrobin"),
            (["roundrobin", "sticky"], "sticky"),
        ] {
            for order in [names, [names[1], names[0]]] {
                let mut votes = JavaHashMap::new();
                order.iter().for_each(|name| votes.increment(*name));
                assert_eq!(votes.most(), Some(&winner));
            }
        }
    }

    /// As recorded: one member asks for range, another then for uniform.
    #[test]
    fn a_computed_key_comes_first_in_its_bucket() {
        let mut counts = JavaHashMap::copy_of([("range", 1)].into_iter());
        counts.compute_increment("uniform");
        assert_eq!(counts.most(), Some(&"uniform"));
    }

    #[test]
    fn a_table_for_two_grows_to_four() {
        let mut map = JavaHashMap::with_capacity(2);
        map.put("a", 1);
        map.put("b", 2);
        assert_eq!(map.buckets.len(), 4);
    }
}
