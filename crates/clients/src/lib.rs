//! Kafka's clients: producer, consumer, admin, and the little applications that drive them.
//!
//! Each is a deterministic step machine: inputs and calls are handed in, `poll` takes it half a network pass further and
//! answers when it wants to be woken. A call that blocks is a state. There is no wire, no thread and no clock here.
//! Sources: `org.apache.kafka.clients` of Kafka 4.3.

pub mod assignor;
pub mod backoff;
pub mod config;
pub mod consumer;
pub mod error;
pub mod java;
pub mod network;
pub mod producer;
pub mod rules;
