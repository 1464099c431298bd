//! `ClassicKafkaConsumer`: assignments by hand and the classic group protocol.

mod close_frames;
mod commit_frames;
mod frames;
pub mod group;
mod group_frames;
mod handlers;
mod heartbeat;
pub(super) mod machine;
mod net;
mod poll_frames;

pub use frames::{CallbackKind, Frame, Membership};
pub use group::{Coordinator, MemberState};
pub use machine::{Callback, FoundOffset, ListenerAction, Machine, RebalanceListener, Ret, Value};
