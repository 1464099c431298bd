//! The control plane's word about a partition: inv/R8, R9.

use super::{Checks, Found, epochs_text, violation};
use crate::ids::EventId;
use crate::session::Violation;
use protocol::{LeaderEpoch, NodeId, PartitionEpoch, TopicPartition};

/// A partition's registration in the controller's image.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Registration {
    pub leader: NodeId,
    pub leader_epoch: LeaderEpoch,
    pub partition_epoch: PartitionEpoch,
    pub replicas: Vec<NodeId>,
    pub isr: Vec<NodeId>,
    pub elr: Vec<NodeId>,
    /// Registered brokers that are fenced.
    pub fenced: Vec<NodeId>,
    pub min_insync_replicas: usize,
}

impl Checks {
    /// A registration was written.
    pub fn registered(
        &mut self,
        tp: &TopicPartition,
        now: Registration,
        by: EventId,
    ) -> Option<Violation> {
        let found = self.registration(tp, &now);
        self.registrations.insert(tp.clone(), now);
        violation(found, by)
    }

    /// The new leader was neither in the ISR nor eligible before: what only others had is given up.
    pub fn elects_uncleanly(&self, tp: &TopicPartition, now: &Registration) -> bool {
        let Some(before) = self.registrations.get(tp) else {
            return false;
        };
        let leader = now.leader;
        !leader.is_none()
            && leader != before.leader
            && !before.isr.contains(&leader)
            && !before.elr.contains(&leader)
    }

    fn registration(&self, tp: &TopicPartition, now: &Registration) -> Found {
        let r8 = |what: String| Err(("inv/R8", format!("{tp}: {what}")));
        if let Some(stranger) = now.isr.iter().find(|id| !now.replicas.contains(id)) {
            return r8(format!("{stranger} is in the ISR and no replica"));
        }
        if let Some(stranger) = now.elr.iter().find(|id| !now.replicas.contains(id)) {
            return r8(format!("{stranger} is in the ELR and no replica"));
        }
        if let Some(both) = now.elr.iter().find(|id| now.isr.contains(id)) {
            return r8(format!("{both} is in ISR and ELR"));
        }
        if now.isr.len() >= now.min_insync_replicas && !now.elr.is_empty() {
            return r8(format!(
                "the ISR is large enough, but the ELR is {:?}",
                now.elr
            ));
        }
        if !now.leader.is_none() && !now.isr.contains(&now.leader) {
            return r8(format!(
                "leader {} is not in the ISR {:?}",
                now.leader, now.isr
            ));
        }
        // The last member of an ISR stays in it when it is fenced; there is no leader then.
        if let Some(fenced) = now.isr.iter().find(|id| now.fenced.contains(id))
            && now.isr.len() > 1
        {
            return r8(format!("{fenced} is fenced and in the ISR {:?}", now.isr));
        }
        let Some(before) = self.registrations.get(tp) else {
            return Ok(());
        };
        let older =
            now.partition_epoch <= before.partition_epoch || now.leader_epoch < before.leader_epoch;
        let moved = now.leader != before.leader && now.leader_epoch <= before.leader_epoch;
        if older || moved {
            return Err((
                "inv/R9",
                format!(
                    "{tp}: {} after {}",
                    epochs_text(now.leader_epoch, now.partition_epoch),
                    epochs_text(before.leader_epoch, before.partition_epoch)
                ),
            ));
        }
        Ok(())
    }
}
