//! Plays what Apache Kafka 4.3.1 answered (`tests/oracle`, `tests/vectors`) against our crates and reports every difference.
//!
//! It feeds inputs to a crate's public entry points and compares what comes back. It refuses to know any rule of Kafka:
//! a driver that had to compute an answer itself would prove nothing.

pub mod baseline;
pub mod case;
pub mod client;
pub mod cluster;
pub mod controller;
pub mod diff;
pub mod group;
pub mod log;
pub mod partition;
pub mod raft;
pub mod report;
pub mod run;
pub mod selftest;
mod sha256;
pub mod tables;
pub mod txn;
pub mod vectors;

pub use case::{Case, Step};
pub use diff::{Difference, compare};
pub use run::{Kind, Outcome, play_steps};

/// Every kind of recorded case that has a driver.
pub fn kinds() -> &'static [Kind] {
    &[
        Kind {
            name: "client",
            play: client::play,
        },
        Kind {
            name: "cluster",
            play: cluster::play,
        },
        Kind {
            name: "controller",
            play: controller::play,
        },
        Kind {
            name: "log",
            play: log::play,
        },
        Kind {
            name: "group",
            play: group::play,
        },
        Kind {
            name: "partition",
            play: partition::play,
        },
        Kind {
            name: "raft",
            play: raft::play,
        },
        Kind {
            name: "txn",
            play: txn::play,
        },
        Kind {
            name: "vectors",
            play: vectors::play,
        },
    ]
}
