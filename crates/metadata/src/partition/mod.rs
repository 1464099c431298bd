//! A partition as the control plane knows it, and the rules by which it changes.
//!
//! [`PartitionRegistration`] is what the metadata log says of a partition; [`PartitionChangeBuilder`] decides what the
//! next record about it is. Neither knows requests, brokers' heartbeats or time: which replica may lead is asked through
//! a function.

mod change_builder;
mod election;
mod reassignment;
mod registration;

pub use change_builder::{PartitionChangeBuilder, Surroundings};
pub use election::{Elected, Election};
pub use reassignment::{PartitionReassignmentReplicas, PartitionReassignmentRevert};
pub use registration::{LeaderRecoveryState, PartitionRegistration};

#[cfg(test)]
mod tests;
