//! The consumer protocol (KIP-848): heartbeats, targets made by the broker, reconciliation.

mod bridge;
mod fence;
pub mod group;
pub(super) mod heartbeat;
pub mod member;
mod reconcile;
mod regex;
pub mod subscription;

pub use group::{ConsumerGroup, ConsumerGroupState};
pub use member::ConsumerMember;
pub use subscription::{ResolvedRegex, SubscriptionCount, SubscriptionType};
