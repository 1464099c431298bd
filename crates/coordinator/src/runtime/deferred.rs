//! What waits for the high watermark (`DeferredEventQueue`).

use protocol::Offset;
use std::collections::BTreeMap;

/// Events by the offset that has to be replicated before they complete; those of one offset in order.
#[derive(Clone, Debug)]
pub struct DeferredQueue<E> {
    waiting: BTreeMap<Offset, Vec<E>>,
}

impl<E> Default for DeferredQueue<E> {
    fn default() -> Self {
        Self {
            waiting: BTreeMap::new(),
        }
    }
}

impl<E> DeferredQueue<E> {
    pub fn add(&mut self, offset: Offset, event: E) {
        self.waiting.entry(offset).or_default().push(event);
    }

    /// Takes out what waited for offsets up to and including `high_watermark`, in order.
    pub fn take_up_to(&mut self, high_watermark: Offset) -> Vec<E> {
        let later = self.waiting.split_off(&high_watermark.next());
        std::mem::replace(&mut self.waiting, later)
            .into_values()
            .flatten()
            .collect()
    }

    /// Takes out everything, in order.
    pub fn take_all(&mut self) -> Vec<E> {
        std::mem::take(&mut self.waiting)
            .into_values()
            .flatten()
            .collect()
    }

    /// Offset and number of events, for a picture of what waits.
    pub fn waiting(&self) -> impl Iterator<Item = (Offset, usize)> {
        self.waiting
            .iter()
            .map(|(&offset, events)| (offset, events.len()))
    }
}
