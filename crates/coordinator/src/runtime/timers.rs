//! Timers as plain keyed data: what is due when, so that it can be drawn, and nothing that runs by itself.

use protocol::Ms;
use std::collections::BTreeMap;

/// One armed timer.
#[derive(Clone, Debug, PartialEq)]
pub struct Timer<O> {
    /// Milliseconds since the Unix epoch.
    pub due_ms: Ms,
    /// When it was armed, for a bar that drains.
    pub armed_ms: Ms,
    /// Order of registration: ties of `due_ms` fire in it.
    pub sequence: u64,
    /// What happens then.
    pub operation: O,
}

/// Timers by key; arming a key again replaces its timer (`CoordinatorTimerImpl`).
#[derive(Clone, Debug)]
pub struct Timers<K, O> {
    timers: BTreeMap<K, Timer<O>>,
    next_sequence: u64,
}

impl<K, O> Default for Timers<K, O> {
    fn default() -> Self {
        Self {
            timers: BTreeMap::new(),
            next_sequence: 0,
        }
    }
}

impl<K: Ord + Clone, O> Timers<K, O> {
    /// Arms `key` to fire `delay_ms` from now.
    pub fn schedule(&mut self, key: K, now_ms: Ms, delay_ms: Ms, operation: O) {
        let timer = Timer {
            due_ms: now_ms.saturating_add(delay_ms),
            armed_ms: now_ms,
            sequence: self.next_sequence,
            operation,
        };
        self.next_sequence += 1;
        self.timers.insert(key, timer);
    }

    pub fn cancel(&mut self, key: &K) {
        self.timers.remove(key);
    }

    pub fn is_scheduled(&self, key: &K) -> bool {
        self.timers.contains_key(key)
    }

    pub fn clear(&mut self) {
        self.timers.clear();
    }

    /// When the next timer is due.
    pub fn next_due_ms(&self) -> Option<Ms> {
        self.timers.values().map(|timer| timer.due_ms).min()
    }

    /// Takes out the timer that fires next, if one is due at `now_ms`.
    pub fn pop_due(&mut self, now_ms: Ms) -> Option<(K, Timer<O>)> {
        let (key, _) = self
            .timers
            .iter()
            .filter(|(_, timer)| timer.due_ms <= now_ms)
            .min_by_key(|(_, timer)| (timer.due_ms, timer.sequence))?;
        let key = key.clone();
        let timer = self.timers.remove(&key)?;
        Some((key, timer))
    }

    pub fn iter(&self) -> impl Iterator<Item = (&K, &Timer<O>)> {
        self.timers.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_fire_in_order_of_registration_and_rearming_moves_back() {
        let mut timers = Timers::default();
        timers.schedule("b", 0, 5, ());
        timers.schedule("a", 0, 5, ());
        timers.schedule("b", 0, 5, ());
        assert_eq!(timers.pop_due(4), None);
        let order: Vec<_> = std::iter::from_fn(|| timers.pop_due(5).map(|(k, _)| k)).collect();
        assert_eq!(order, ["a", "b"]);
    }
}
