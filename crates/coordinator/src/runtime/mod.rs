//! The coordinator runtime: what every coordinator shard of a broker rests on, whatever it coordinates.
//!
//! Versions of the durable state by offset, answers that wait for the high watermark, keyed timers, and the port through
//! which batches reach the log. It refuses to know what the records mean and which requests exist.

pub mod deferred;
pub mod java;
pub mod metadata;
pub mod timeline;
pub mod timers;
pub mod versions;
pub mod writer;

pub use deferred::DeferredQueue;
pub use metadata::{MetadataDelta, MetadataView, TopicView};
pub use timers::{Timer, Timers};
pub use versions::Versions;
pub use writer::{Batch, PartitionWriter};
