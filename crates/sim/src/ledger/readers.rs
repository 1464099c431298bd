//! What readers did with each record: handed to the application, processed, how often.
//!
//! A reader is a group, or a consumer without one. It is counted by place, because a record that was never sent here can
//! be read too.

use super::Chunked;
use protocol::{Name, Offset, TopicPartition};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Counts of one offset for one reader; both stop at 255.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Reading {
    pub delivered: u8,
    pub processed: u8,
}

#[derive(Clone, Debug, Default)]
pub struct Readers {
    by_reader: BTreeMap<Name, BTreeMap<TopicPartition, Arc<Chunked<Reading>>>>,
}

impl Readers {
    /// `poll` handed it to the application.
    pub fn delivered(&mut self, reader: &Name, tp: &TopicPartition, offset: Offset) {
        let reading = self.reading(reader, tp, offset);
        reading.delivered = reading.delivered.saturating_add(1);
    }

    /// The application is done with it.
    pub fn processed(&mut self, reader: &Name, tp: &TopicPartition, offset: Offset) {
        let reading = self.reading(reader, tp, offset);
        reading.processed = reading.processed.saturating_add(1);
    }

    fn reading(&mut self, reader: &Name, tp: &TopicPartition, offset: Offset) -> &mut Reading {
        let places = self.by_reader.entry(reader.clone()).or_default();
        let place = Arc::make_mut(places.entry(tp.clone()).or_default());
        let index = usize::try_from(offset.0).expect("a delivered record has an offset");
        place.grow_to(index, Reading::default());
        place.get_mut(index).expect("grown")
    }

    pub fn get(&self, reader: &Name, tp: &TopicPartition, offset: Offset) -> Reading {
        let index = usize::try_from(offset.0).unwrap_or(usize::MAX);
        let place = self.by_reader.get(reader).and_then(|p| p.get(tp));
        place
            .and_then(|p| p.get(index))
            .copied()
            .unwrap_or_default()
    }

    pub fn names(&self) -> impl Iterator<Item = &Name> {
        self.by_reader.keys()
    }

    /// How many offsets a reader has processed once, and how many more than once.
    pub fn once_and_more(&self, reader: &Name) -> (u64, u64) {
        let places = self
            .by_reader
            .get(reader)
            .into_iter()
            .flat_map(|p| p.values());
        places
            .flat_map(|p| p.iter())
            .fold((0, 0), |(once, more), r| match r.processed {
                0 => (once, more),
                1 => (once + 1, more),
                _ => (once, more + 1),
            })
    }
}
