//! A map that iterates in the order of Kafka's timeline hash tables.
//!
//! Only the order is the table's; versions come from cloning the whole state ([`super::Versions`]).

use super::java::string_hash;
use std::borrow::Borrow;
use std::sync::Arc;

/// Java's `hashCode` of a key.
pub trait JavaHash {
    fn java_hash(&self) -> i32;
}

impl JavaHash for str {
    fn java_hash(&self) -> i32 {
        string_hash(self)
    }
}

impl JavaHash for Arc<str> {
    fn java_hash(&self) -> i32 {
        string_hash(self)
    }
}

impl JavaHash for i32 {
    fn java_hash(&self) -> i32 {
        *self
    }
}

impl JavaHash for i64 {
    fn java_hash(&self) -> i32 {
        (*self ^ ((*self as u64) >> 32) as i64) as i32
    }
}

/// `org.apache.kafka.timeline.BaseHashTable` as a map: slots by multiplicative hashing, iterated in slot order, the last
/// put of a slot first.
#[derive(Clone, Debug, PartialEq)]
pub struct TimelineTable<K, V> {
    slots: Vec<Vec<(K, V)>>,
    len: usize,
}

impl<K, V> Default for TimelineTable<K, V> {
    fn default() -> Self {
        Self {
            slots: vec_of(MIN_CAPACITY),
            len: 0,
        }
    }
}

/// `BaseHashTable.MIN_CAPACITY`.
const MIN_CAPACITY: usize = 2;

fn vec_of<T>(slots: usize) -> Vec<Vec<T>> {
    let mut table = Vec::new();
    table.resize_with(slots, Vec::new);
    table
}

/// `BaseHashTable.findSlot`: the top log2(slots) bits of hash × 0x9E3779B97F4A7C15.
fn find_slot(hash: i32, slots: usize) -> usize {
    let product = i64::from(hash).wrapping_mul(-7_046_029_254_386_353_131) as u64;
    (product >> (64 - slots.trailing_zeros())) as usize
}

impl<K: JavaHash + Eq, V> TimelineTable<K, V> {
    fn slot<Q: JavaHash + ?Sized>(&self, key: &Q) -> usize {
        find_slot(key.java_hash(), self.slots.len())
    }

    pub fn get<Q>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
        Q: JavaHash + Eq + ?Sized,
    {
        let found = self.slots[self.slot(key)]
            .iter()
            .find(|(k, _)| k.borrow() == key);
        found.map(|(_, v)| v)
    }

    pub fn get_mut<Q>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
        Q: JavaHash + Eq + ?Sized,
    {
        let slot = self.slot(key);
        let found = self.slots[slot].iter_mut().find(|(k, _)| k.borrow() == key);
        found.map(|(_, v)| v)
    }

    pub fn contains<Q>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
        Q: JavaHash + Eq + ?Sized,
    {
        self.get(key).is_some()
    }

    /// Puts a value; the value of an existing key is replaced in its place. The table grows before a put that would leave
    /// three quarters of the entries more than there are slots (`baseAddOrReplace`).
    pub fn put(&mut self, key: K, value: V) -> Option<V> {
        if (self.len + 1) * 3 > self.slots.len() * 4 {
            self.grow();
        }
        let slot = self.slot(&key);
        if let Some(entry) = self.slots[slot].iter_mut().find(|(k, _)| *k == key) {
            return Some(std::mem::replace(&mut entry.1, value));
        }
        self.slots[slot].push((key, value));
        self.len += 1;
        None
    }

    pub fn remove<Q>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
        Q: JavaHash + Eq + ?Sized,
    {
        let slot = self.slot(key);
        let at = self.slots[slot]
            .iter()
            .position(|(k, _)| k.borrow() == key)?;
        self.len -= 1;
        Some(self.slots[slot].remove(at).1)
    }

    /// The value of `key`, made first if it is not there.
    pub fn entry_or_default(&mut self, key: K) -> &mut V
    where
        K: Clone,
        V: Default,
    {
        if self.get(&key).is_none() {
            self.put(key.clone(), V::default());
        }
        self.get_mut(&key).expect("put above")
    }

    fn grow(&mut self) {
        let size = self.slots.len() * 2;
        let old = std::mem::replace(&mut self.slots, vec_of(size));
        for (key, value) in old.into_iter().flatten() {
            let slot = self.slot(&key);
            self.slots[slot].push((key, value));
        }
    }

    /// In the order in which Kafka's iterator walks.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.slots
            .iter()
            .flat_map(|slot| slot.iter().rev())
            .map(|(k, v)| (k, v))
    }

    pub fn keys(&self) -> impl Iterator<Item = &K> {
        self.iter().map(|(k, _)| k)
    }

    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.iter().map(|(_, v)| v)
    }

    pub const fn len(&self) -> usize {
        self.len
    }

    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn group_h_comes_before_g() {
        let mut table = TimelineTable::default();
        table.put(Arc::<str>::from("g"), 1);
        table.put(Arc::<str>::from("h"), 2);
        assert_eq!(table.values().copied().collect::<Vec<_>>(), [2, 1]);
    }

    #[test]
    fn partitions_0_and_2_share_a_slot_and_the_last_put_comes_first() {
        let mut table = TimelineTable::default();
        table.put(0, ());
        table.put(2, ());
        assert_eq!(table.keys().copied().collect::<Vec<_>>(), [2, 0]);
        table.put(0, ());
        assert_eq!(table.keys().copied().collect::<Vec<_>>(), [2, 0]);
        table.remove(&2);
        assert_eq!(table.len(), 1);
    }
}
