//! Coordinators: the runtime they share, the group coordinator, the transaction coordinator.
//!
//! A coordinator is the leader of one partition of an internal topic and keeps its state there. This crate refuses to know
//! how that partition is replicated: batches leave through a port, the high watermark is told.
//! `group` and `transaction` do not know each other.

pub mod group;
pub mod runtime;
pub mod transaction;
