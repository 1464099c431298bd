//! The model of a partition: what was committed at each offset, as the first replica showed it.

use crate::ledger::{Chunked, Located};
use protocol::Offset;

/// Digest + 1 of a committed record by offset; 0 = not seen.
#[derive(Clone, Debug, Default)]
pub struct Model {
    digests: Chunked<u64>,
    /// The true high watermark: the highest that any leader reached.
    pub high_watermark: Offset,
}

impl Model {
    /// Compares a committed record with what was committed there before; the first one is believed.
    pub fn agrees(&mut self, record: &Located<'_>) -> bool {
        let index = record.offset.0 as usize;
        self.digests.grow_to(index, 0);
        let slot = self.digests.get_mut(index).expect("grown");
        let digest = digest(record).max(1);
        if *slot == 0 {
            *slot = digest;
        }
        *slot == digest
    }

    /// Whether something was committed at `offset`.
    pub fn knows(&self, offset: Offset) -> bool {
        usize::try_from(offset.0).is_ok_and(|i| self.digests.get(i).is_some_and(|d| *d != 0))
    }

    /// Forgets everything from `offset` on: a forfeiting event made it legal to differ.
    pub fn cut(&mut self, offset: Offset) {
        for i in offset.0.max(0) as usize..self.digests.len() {
            *self.digests.get_mut(i).expect("within") = 0;
        }
        self.high_watermark = self.high_watermark.min(offset);
    }
}

fn digest(record: &Located<'_>) -> u64 {
    let mut h = 0xcbf2_9ce4_8422_2325_u64;
    let mut eat = |bytes: &[u8]| {
        for byte in bytes {
            h = (h ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    };
    eat(&record.epoch.0.to_le_bytes());
    eat(&record.producer_id.0.to_le_bytes());
    eat(&record.timestamp_ms.to_le_bytes());
    for part in [record.key, record.value] {
        eat(&part.map_or(u64::MAX, |b| b.len() as u64).to_le_bytes());
        eat(part.unwrap_or_default());
    }
    h
}
