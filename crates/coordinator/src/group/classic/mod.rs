//! The classic protocol: JoinGroup, SyncGroup, Heartbeat, LeaveGroup.

pub mod group;
pub(super) mod join;
mod rebalance;
mod sync;

pub use group::{ClassicGroup, ClassicGroupState, ClassicMember, Token};
