//! Who leads a partition.

use protocol::NodeId;

/// How far an election may go (`PartitionChangeBuilder.Election`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Election {
    /// The first replica, if it may lead; else like `Online`.
    Preferred,
    /// The present leader if it may stay, else the first replica of the ISR (or of the ELR) that may lead.
    Online,
    /// Like `Online`, and rather any live replica than none.
    Unclean,
}

/// How the leader was found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Elected {
    /// From the ISR, or from the ELR while the ISR is empty.
    Clean(NodeId),
    /// The last leader before the partition lost its leader, ISR and ELR being empty.
    LastKnown(NodeId),
    /// A live replica that may lack committed records.
    Unclean(NodeId),
    Nobody,
}

impl Elected {
    pub fn node(self) -> NodeId {
        match self {
            Elected::Clean(node) | Elected::LastKnown(node) | Elected::Unclean(node) => node,
            Elected::Nobody => NodeId::NONE,
        }
    }

    /// Committed records may be lost: the ISR becomes the leader alone, and the leader has to recover.
    pub fn is_unclean(self) -> bool {
        matches!(self, Elected::LastKnown(_) | Elected::Unclean(_))
    }
}

/// What an election looks at.
pub(super) struct Candidates<'a> {
    pub leader: NodeId,
    pub replicas: &'a [NodeId],
    pub isr: &'a [NodeId],
    pub elr: &'a [NodeId],
    /// The last known leader, if it may be elected at all.
    pub last_known: Option<NodeId>,
    /// Registered, unfenced, not shutting down, and its directory online.
    pub acceptable: &'a dyn Fn(NodeId) -> bool,
}

impl Candidates<'_> {
    /// In the ISR, or in the ELR while the ISR is empty, and acceptable (`isValidNewLeader`).
    fn valid(&self, replica: NodeId) -> bool {
        (self.isr.contains(&replica) || (self.isr.is_empty() && self.elr.contains(&replica)))
            && (self.acceptable)(replica)
    }

    /// `PartitionChangeBuilder.electLeader`.
    pub fn elect(&self, election: Election) -> Elected {
        if election == Election::Preferred
            && let Some(&preferred) = self.replicas.first()
            && self.valid(preferred)
        {
            return Elected::Clean(preferred);
        }
        if self.valid(self.leader) {
            return Elected::Clean(self.leader);
        }
        if let Some(&replica) = self.replicas.iter().find(|&&r| self.valid(r)) {
            return Elected::Clean(replica);
        }
        if let Some(last) = self.last_known
            && (self.acceptable)(last)
        {
            return Elected::LastKnown(last);
        }
        if election == Election::Unclean
            && let Some(&replica) = self.replicas.iter().find(|&&r| (self.acceptable)(r))
        {
            return Elected::Unclean(replica);
        }
        Elected::Nobody
    }
}
