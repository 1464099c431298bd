//! The world: virtual time, network, faults, chance, trace, and what people say to it.
//!
//! Everything that Kafka does lives in the crates below; this one gives them time, chance, a wire and each other. It knows no
//! browser, no file and no clock.

pub mod actor;
pub mod catalogue;
pub mod chance;
pub mod checks;
pub mod command;
pub mod cost;
pub mod ids;
pub mod ledger;
pub mod network;
pub mod pace;
pub mod predicate;
pub mod queue;
pub mod rules;
pub mod scenario;
pub mod session;
pub mod story;
pub mod trace;
pub mod view;
pub mod world;

pub use ids::{ActorId, Direction, EventId};
pub use world::World;
