//! The world: virtual time, network, faults, chance, and what people say to it.
//!
//! Everything that Kafka does lives in the crates below; this one gives them time and each other. It knows no browser.

pub mod command;
pub mod predicate;
pub mod scenario;
pub mod view;
