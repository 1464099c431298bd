//! Log and replication: inv/R1, R2, R6, R7, R9 (leaders), R10, R11, R14, R15, P1, P3.

use super::{BatchFacts, Checks, Evidence, Found};
use protocol::{LeaderEpoch, NodeId, Offset, Protection, Protections, TopicPartition};

impl Checks {
    /// A log grew or was cut.
    pub(super) fn log_end_moved(
        &mut self,
        node: NodeId,
        tp: &TopicPartition,
        from: Offset,
        to: Offset,
        world: &dyn Evidence,
    ) -> Found {
        if world.high_watermark(node, tp) > to {
            return Err((
                "inv/R7",
                format!(
                    "{tp} on {node}: HW {} above LEO {to}",
                    world.high_watermark(node, tp)
                ),
            ));
        }
        self.epoch_cache(node, tp, from, to, world)?;
        if to <= from {
            return Ok(());
        }
        let mut batches = Vec::new();
        world.batches(node, tp, from, to, &mut |b| batches.push(b));
        let leads = world.leads(node, tp);
        let mut expected = from;
        for batch in &batches {
            // A follower of a compacted log copies gaps; a leader never makes one.
            let gap = if leads {
                batch.base != expected
            } else {
                batch.base < expected
            };
            if gap || batch.last < batch.base {
                return Err((
                    "inv/R10",
                    format!(
                        "{tp} on {node}: batch {}–{} where {expected} was next",
                        batch.base, batch.last
                    ),
                ));
            }
            expected = batch.last + 1;
            if leads {
                self.producer_appended(tp, batch)?;
            }
        }
        if leads && expected != to {
            return Err((
                "inv/R10",
                format!("{tp} on {node}: LEO {to}, last batch ends before {expected}"),
            ));
        }
        Ok(())
    }

    /// inv/P1, inv/P3: sequences on a leader go on without gap, and old epochs never come back.
    fn producer_appended(&mut self, tp: &TopicPartition, batch: &BatchFacts) -> Found {
        if batch.producer_id.is_none() || batch.control {
            return Ok(());
        }
        let key = (tp.clone(), batch.producer_id);
        let last = batch.base_sequence.plus(batch.records - 1);
        if let Some(&(epoch, sequence)) = self.sequences.get(&key) {
            if batch.producer_epoch < epoch {
                return Err((
                    "inv/P3",
                    format!(
                        "{tp}: producer {} wrote with epoch {} after {epoch}",
                        batch.producer_id, batch.producer_epoch
                    ),
                ));
            }
            let expected = if batch.producer_epoch == epoch {
                sequence.plus(1)
            } else {
                protocol::Sequence(0)
            };
            if batch.base_sequence != expected {
                return Err((
                    "inv/P1",
                    format!(
                        "{tp}: producer {} wrote sequence {} where {expected} was next",
                        batch.producer_id, batch.base_sequence
                    ),
                ));
            }
        }
        self.sequences.insert(key, (batch.producer_epoch, last));
        Ok(())
    }

    /// inv/R11: the cache's epochs and starts increase, and agree with the batches that came.
    fn epoch_cache(
        &self,
        node: NodeId,
        tp: &TopicPartition,
        from: Offset,
        to: Offset,
        world: &dyn Evidence,
    ) -> Found {
        let epochs = world.epochs(node, tp);
        let rising = epochs
            .windows(2)
            .all(|w| w[0].0 < w[1].0 && w[0].1 < w[1].1);
        if !rising {
            return Err((
                "inv/R11",
                format!("{tp} on {node}: epoch cache {epochs:?} does not rise"),
            ));
        }
        let mut found = Ok(());
        if to > from {
            world.batches(node, tp, from, to, &mut |batch| {
                let covering = epochs.iter().rev().find(|(_, start)| *start <= batch.base);
                if found.is_ok() && covering.map(|c| c.0) != Some(batch.epoch) {
                    found = Err((
                        "inv/R11",
                        format!(
                            "{tp} on {node}: batch {} has epoch {}, the cache says {covering:?}",
                            batch.base, batch.epoch
                        ),
                    ));
                }
            });
        }
        found
    }

    /// A replica's high watermark moved.
    pub(super) fn high_watermark_moved(
        &mut self,
        node: NodeId,
        tp: &TopicPartition,
        (before, to): (Option<Offset>, Offset),
        rules: Protections,
        world: &dyn Evidence,
    ) -> Found {
        if to > world.log_end(node, tp) {
            return Err((
                "inv/R7",
                format!(
                    "{tp} on {node}: HW {to} above LEO {}",
                    world.log_end(node, tp)
                ),
            ));
        }
        let start = world.log_start(node, tp).max(Offset(0));
        if world.leads(node, tp) {
            self.leader_hw_moved(node, tp, to, rules, world)?;
        }
        // Compared once per replica and offset: what an earlier call compared lies below.
        let clean = self.clean(tp);
        let model = self.model(tp);
        let mut differing = None;
        let from = compared_from(before, to, start);
        world.records(node, tp, from, to, &mut |record| {
            if !model.agrees(&record) && differing.is_none() {
                differing = Some(record.offset);
            }
        });
        if model.high_watermark < to && world.leads(node, tp) {
            model.high_watermark = to;
        }
        match differing {
            Some(offset) if clean => Err((
                "inv/R1",
                format!(
                    "{tp}: {node} committed another record at {offset} than was committed there before"
                ),
            )),
            Some(offset) => {
                // Forfeited: from here on the new leader's word counts.
                model.cut(offset);
                world.records(node, tp, offset, to, &mut |record| {
                    model.agrees(&record);
                });
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn leader_hw_moved(
        &mut self,
        node: NodeId,
        tp: &TopicPartition,
        to: Offset,
        rules: Protections,
        world: &dyn Evidence,
    ) -> Found {
        let epoch = world.leader_epoch(node, tp);
        let before = self.leader_hw.insert((node, tp.clone()), (epoch, to));
        if let Some((e, hw)) = before
            && e == epoch
            && to < hw
        {
            return Err((
                "inv/R7",
                format!("{tp}: leader {node} took its HW back from {hw} to {to} in epoch {epoch}"),
            ));
        }
        let advanced = before.is_some_and(|(e, hw)| e == epoch && to > hw);
        let (isr, min) = (world.isr(node, tp), world.min_insync_replicas(node, tp));
        if advanced && rules.on(Protection::StrictMinIsr) && isr.len() < min {
            return Err((
                "inv/R15",
                format!(
                    "{tp}: HW moved to {to} while the ISR {isr:?} has fewer than {min} members"
                ),
            ));
        }
        Ok(())
    }

    /// A node's part changed: inv/R2, R9, R14.
    pub(super) fn role_changed(
        &mut self,
        node: NodeId,
        tp: &TopicPartition,
        world: &dyn Evidence,
    ) -> Found {
        let leads = world.leads(node, tp);
        let fetchers = world.fetchers(node, tp);
        if leads && fetchers > 0 || fetchers > 1 {
            return Err((
                "inv/R14",
                format!("{tp} on {node}: {fetchers} fetchers (leader: {leads})"),
            ));
        }
        if !leads {
            return Ok(());
        }
        let epoch: LeaderEpoch = world.leader_epoch(node, tp);
        let known = *self.leaders.entry((tp.clone(), epoch)).or_insert(node);
        if known != node {
            return Err((
                "inv/R9",
                format!("{tp}: {known} and {node} both lead in epoch {epoch}"),
            ));
        }
        let end = world.log_end(node, tp);
        let clean = self.clean(tp);
        let model = self.model(tp);
        if end < model.high_watermark {
            if clean {
                return Err((
                    "inv/R2",
                    format!(
                        "{tp}: leader {node} ends at {end}, but {} was committed",
                        model.high_watermark
                    ),
                ));
            }
            model.cut(end);
        }
        Ok(())
    }
}

/// Where a comparison begins: at what this replica's mark covered before.
fn compared_from(before: Option<Offset>, to: Offset, start: Offset) -> Offset {
    // A replica that learns all at once is compared over its newest stretch: 4 096 records bound the cost of one event.
    const MAX_COMPARED: i64 = 4_096;
    let before = before.unwrap_or(Offset(0)).min(to);
    before.max(to - MAX_COMPARED).max(start).max(Offset(0))
}
