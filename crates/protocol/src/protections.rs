//! Kafka's safety rules as named switches, all on by default.
//!
//! Off, each gives the behaviour that Kafka had before the rule existed: history for the learner, and a mutant that
//! proves that the checks see. This module names them; the code that obeys is beside each rule.

use serde::{Deserialize, Serialize};

macro_rules! protections {
    ($($(#[$doc:meta])* $name:ident = $text:literal),* $(,)?) => {
        /// One safety rule of Kafka that can be switched off.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
        pub enum Protection {
            $($(#[$doc])* #[serde(rename = $text)] $name,)*
        }

        impl Protection {
            pub const ALL: &'static [Protection] = &[$(Protection::$name),*];

            /// The name under which a scenario switches it off.
            pub const fn name(self) -> &'static str {
                match self { $(Protection::$name => $text,)* }
            }
        }
    };
}

protections! {
    /// Followers cut their log by leader epoch (KIP-101/279); off: by their own high watermark.
    LeaderEpochTruncation = "leader-epoch-truncation",
    /// A Fetch with an old or unknown leader epoch is refused (KIP-320); off: it is served.
    FetchEpochFencing = "fetch-epoch-fencing",
    /// HW does not move while the ISR is below min.insync.replicas (KIP-966); off: it does.
    StrictMinIsr = "strict-min-isr",
    /// HW waits for replicas that an unanswered AlterPartition would add (KIP-497); off: for the committed ISR alone.
    MaximalIsr = "maximal-isr",
    /// A leader admits a follower to the ISR only when it passed the start of the leader's epoch; off: HW is enough.
    IsrEpochStart = "isr-epoch-start",
    /// AlterPartition carries broker epochs so that a restarted broker is not re-admitted unseen (KIP-903); off: ids only.
    BrokerEpochInFetch = "broker-epoch-in-fetch",
    /// The controller refuses AlterPartition for another partition epoch; off: it applies it.
    PartitionEpochFencing = "partition-epoch-fencing",
    /// Fenced or shutting-down brokers cannot join an ISR (KIP-841); off: they can.
    FencedIneligible = "fenced-ineligible",
    /// After the last ISR member fell, only it or an ELR member may lead (KIP-966); off: any live replica.
    EligibleLeaderReplicas = "eligible-leader-replicas",
    /// A leader checks sequences of idempotent producers; off: it appends whatever comes.
    SequenceCheck = "sequence-check",
    /// A producer with an older epoch is fenced by the leader; off: it is served.
    ProducerEpochCheck = "producer-epoch-check",
    /// Markers with an older producer or coordinator epoch are refused; off: they are written.
    MarkerEpochCheck = "marker-epoch-check",
    /// A transaction's partition is verified with its coordinator before the first append (KIP-890); off: it is not.
    TransactionVerification = "transaction-verification",
    /// The epoch is bumped at the end of every transaction (KIP-890 part 2); off: only by InitProducerId.
    TransactionEpochBump = "transaction-epoch-bump",
    /// Commits with another generation or member epoch are refused; off: they are stored.
    CommitFencing = "commit-fencing",
    /// A voter compares log ends before it grants a vote; off: it votes for anyone.
    VoteUpToDate = "vote-up-to-date",
    /// A vote is on disk before it is answered; off: a restart forgets it.
    VotePersistence = "vote-persistence",
    /// Recovery after an unclean stop checks every batch from the recovery point on; off: the tail is taken as it is.
    LogRecovery = "log-recovery",
    /// Consumers validate their position after a leader change (KIP-320); off: they read on.
    PositionValidation = "position-validation",
}

/// The set of protections in force: a scenario's *rules*.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Protections(u32);

impl Protections {
    pub const ALL: Protections = Protections(u32::MAX);

    pub const fn on(self, p: Protection) -> bool {
        self.0 & (1 << p as u32) != 0
    }

    #[must_use]
    pub const fn without(self, p: Protection) -> Self {
        Self(self.0 & !(1 << p as u32))
    }

    /// The switched-off ones, in the order of their declaration.
    pub fn switched_off(self) -> impl Iterator<Item = Protection> {
        Protection::ALL
            .iter()
            .copied()
            .filter(move |&p| !self.on(p))
    }
}

impl Default for Protections {
    fn default() -> Self {
        Self::ALL
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_switch_turns_one_rule_off() {
        let p = Protections::default().without(Protection::SequenceCheck);
        assert!(!p.on(Protection::SequenceCheck));
        assert_eq!(
            p.switched_off().collect::<Vec<_>>(),
            [Protection::SequenceCheck]
        );
        assert!(Protection::ALL.len() <= 32, "one bit each");
    }
}
