//! What clients saw: inv/P5, C6, G1, G5.

use super::{Checks, violation};
use crate::ids::EventId;
use crate::session::Violation;
use protocol::{Name, Offset, TopicPartition};

/// A record that `poll` handed to an application.
#[derive(Clone, Copy, Debug)]
pub struct Delivery<'a> {
    pub consumer: &'a Name,
    pub tp: &'a TopicPartition,
    pub offset: Offset,
}

impl Checks {
    /// inv/P5: of one producer and partition, a later send has a later offset. Holds for idempotent producers and for
    /// those with one request in flight; ask only for these.
    pub fn acked(
        &mut self,
        producer: &Name,
        send: u64,
        tp: &TopicPartition,
        offset: Offset,
        by: EventId,
    ) -> Option<Violation> {
        if offset.is_none() {
            return None;
        }
        let newest = self
            .acked
            .entry((producer.clone(), tp.clone()))
            .or_insert((send, offset));
        let found = if send > newest.0 && offset <= newest.1 {
            Err((
                "inv/P5",
                format!(
                    "{tp}: {producer}'s send {send} got {offset}, its earlier send {} got {}",
                    newest.0, newest.1
                ),
            ))
        } else {
            if send > newest.0 {
                *newest = (send, offset);
            }
            Ok(())
        };
        violation(found, by)
    }

    /// inv/C6: nothing at or above the high watermark is ever handed out.
    pub fn delivered(&mut self, d: Delivery<'_>, by: EventId) -> Option<Violation> {
        let clean = self.clean(d.tp);
        let committed = self
            .models
            .get(d.tp)
            .is_some_and(|m| d.offset < m.high_watermark || m.knows(d.offset));
        let found = if committed || !clean {
            Ok(())
        } else {
            Err((
                "inv/C6",
                format!(
                    "{}: {} got {}, which no leader had committed",
                    d.tp, d.consumer, d.offset
                ),
            ))
        };
        violation(found, by)
    }

    /// inv/G1: within one generation a partition has one owner. Called when a member takes an assignment.
    pub fn owns(
        &mut self,
        group: &Name,
        generation: i32,
        member: &Name,
        tp: &TopicPartition,
        by: EventId,
    ) -> Option<Violation> {
        let key = (group.clone(), tp.clone());
        let found = match self.owners.get(&key) {
            Some((g, owner)) if *g == generation && owner != member => Err((
                "inv/G1",
                format!("{group}: {owner} and {member} both own {tp} in generation {generation}"),
            )),
            Some((g, _)) if *g > generation => Ok(()), // a late member of an old generation, not current any more
            _ => {
                self.owners.insert(key, (generation, member.clone()));
                Ok(())
            }
        };
        violation(found, by)
    }

    /// inv/G5: a consumer that behaves commits at most its position, and its position is at most the high watermark.
    pub fn position(
        &mut self,
        consumer: &Name,
        tp: &TopicPartition,
        committed: Option<Offset>,
        position: Offset,
        by: EventId,
    ) -> Option<Violation> {
        let clean = self.clean(tp);
        let high_watermark = self.models.get(tp).map(|m| m.high_watermark);
        let found = if committed.is_some_and(|c| c > position) {
            Err((
                "inv/G5",
                format!("{tp}: {consumer} committed {committed:?} at position {position}"),
            ))
        } else if clean && high_watermark.is_some_and(|hw| position > hw) {
            Err((
                "inv/G5",
                format!("{tp}: {consumer} stands at {position}, HW {high_watermark:?}"),
            ))
        } else {
            Ok(())
        };
        violation(found, by)
    }
}
