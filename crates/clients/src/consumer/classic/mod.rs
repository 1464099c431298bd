//! `ClassicKafkaConsumer`: assignments by hand and the classic group protocol.

mod close_frames;
mod commit_frames;
mod frames;
pub mod group;
mod group_frames;
mod handlers;
mod heartbeat;
mod join_frames;
pub(super) mod machine;
mod net;
mod offsets;
mod poll_frames;
mod rebalance_frames;

pub use frames::{CallbackKind, Frame, Membership};
pub use group::{Coordinator, MemberState};
pub use machine::{Callback, FoundOffset, ListenerAction, Machine, RebalanceListener, Ret, Value};
