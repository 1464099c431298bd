//! A branch: one journal and what came of it. Acting in the past makes another; the old future stays.

use super::checkpoints::Checkpoints;
use super::journal::{Journal, Place};
use crate::ids::EventId;
use serde::Serialize;

/// Number of a branch, in order of making.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize)]
#[serde(transparent)]
pub struct BranchId(pub u32);

/// Where a branch left another.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Fork {
    pub from: BranchId,
    pub place: Place,
    pub event: EventId,
}

#[derive(Clone, Debug)]
pub struct Branch<M> {
    pub fork: Option<Fork>,
    pub journal: Journal,
    /// How far it has been run.
    pub end: Place,
    pub end_event: EventId,
    pub(super) checkpoints: Checkpoints<M>,
}
