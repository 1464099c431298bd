//! The states of a transaction and the edges between them.

/// `transaction.TransactionState`. The number is the id in the log.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(i8)]
pub enum TransactionState {
    /// Has an id and an epoch, no transaction.
    Empty = 0,
    /// Has partitions.
    Ongoing = 1,
    /// Decided: commit. Markers are on their way.
    PrepareCommit = 2,
    /// Decided: abort. Markers are on their way.
    PrepareAbort = 3,
    /// Every partition has its commit marker.
    CompleteCommit = 4,
    /// Every partition has its abort marker.
    CompleteAbort = 5,
    /// About to be forgotten.
    Dead = 6,
    /// About to be aborted for a newer instance or a time-out; only ever pending, never logged.
    PrepareEpochFence = 7,
}

use TransactionState::*;

impl TransactionState {
    pub const ALL: [TransactionState; 8] = [
        Empty,
        Ongoing,
        PrepareCommit,
        PrepareAbort,
        CompleteCommit,
        CompleteAbort,
        Dead,
        PrepareEpochFence,
    ];

    pub const fn id(self) -> i8 {
        self as i8
    }

    pub fn from_id(id: i8) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.id() == id)
    }

    /// The name that DescribeTransactions and ListTransactions show.
    pub const fn name(self) -> &'static str {
        match self {
            Empty => "Empty",
            Ongoing => "Ongoing",
            PrepareCommit => "PrepareCommit",
            PrepareAbort => "PrepareAbort",
            CompleteCommit => "CompleteCommit",
            CompleteAbort => "CompleteAbort",
            Dead => "Dead",
            PrepareEpochFence => "PrepareEpochFence",
        }
    }

    /// The name of the constant in Kafka's source.
    pub const fn constant(self) -> &'static str {
        match self {
            Empty => "EMPTY",
            Ongoing => "ONGOING",
            PrepareCommit => "PREPARE_COMMIT",
            PrepareAbort => "PREPARE_ABORT",
            CompleteCommit => "COMPLETE_COMMIT",
            CompleteAbort => "COMPLETE_ABORT",
            Dead => "DEAD",
            PrepareEpochFence => "PREPARE_EPOCH_FENCE",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    /// The states that this one may follow.
    pub const fn valid_previous_states(self) -> &'static [TransactionState] {
        match self {
            Empty => &[Empty, CompleteCommit, CompleteAbort],
            Ongoing => &[Ongoing, Empty, CompleteCommit, CompleteAbort],
            PrepareCommit => &[Ongoing],
            PrepareAbort => &[
                Ongoing,
                PrepareEpochFence,
                Empty,
                CompleteCommit,
                CompleteAbort,
            ],
            CompleteCommit => &[PrepareCommit],
            CompleteAbort => &[PrepareAbort],
            Dead => &[Empty, CompleteAbort, CompleteCommit],
            PrepareEpochFence => &[Ongoing],
        }
    }

    pub const fn is_prepare(self) -> bool {
        matches!(self, PrepareCommit | PrepareAbort)
    }

    /// Nothing is open: the id may be forgotten after `transactional.id.expiration.ms`.
    pub const fn is_expiration_allowed(self) -> bool {
        matches!(self, Empty | CompleteCommit | CompleteAbort)
    }
}

/// Commit or abort (`TransactionResult`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TransactionResult {
    Commit,
    Abort,
}

impl TransactionResult {
    pub const fn name(self) -> &'static str {
        match self {
            TransactionResult::Commit => "COMMIT",
            TransactionResult::Abort => "ABORT",
        }
    }

    pub const fn prepare_state(self) -> TransactionState {
        match self {
            TransactionResult::Commit => PrepareCommit,
            TransactionResult::Abort => PrepareAbort,
        }
    }
}

/// Level of the feature `transaction.version`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct TransactionVersion(pub i16);

impl TransactionVersion {
    pub const TV_0: TransactionVersion = TransactionVersion(0);
    pub const TV_1: TransactionVersion = TransactionVersion(1);
    pub const TV_2: TransactionVersion = TransactionVersion(2);

    /// The epoch is raised at the end of every transaction (KIP-890 part 2).
    pub const fn supports_epoch_bump(self) -> bool {
        self.0 >= 2
    }

    /// Version of the values in `__transaction_state`.
    pub const fn log_value_version(self) -> i16 {
        if self.0 >= 1 { 1 } else { 0 }
    }
}
