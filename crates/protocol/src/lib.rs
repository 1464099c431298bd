//! Kafka's nouns: ids, offsets, epochs, errors, record batches, typed requests and responses, time, rules.
//!
//! This crate knows what Kafka's words *are*. It refuses to know what anybody does with them: it holds no log, no state
//! machine, no clock and no chance. Everything above it speaks in these types.

pub mod api;
pub mod config;
pub mod consumer_protocol;
pub mod ctx;
pub mod error;
pub mod ids;
pub mod record;

pub mod messages;
pub mod protections;
pub mod time;
pub mod trace;
pub mod wire;

pub use api::ApiKey;
pub use ctx::{Ctx, Draws};
pub use error::ErrorCode;
pub use ids::*;
pub use protections::{Protection, Protections};
pub use time::{Instant, Ms};
