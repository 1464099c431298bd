//! One replica's log and the directory it lies in, with Kafka's file names and Kafka's bytes.
//!
//! This crate knows segments, indexes, epochs, producers, retention, compaction and recovery. It refuses to know who leads a
//! partition, who may read how far, and when anything periodic runs: callers say so, and say what time it is.
//!
//! Begin at [`LogDir`] (a broker's directory) and [`UnifiedLog`] (one replica).

pub mod backend;
pub mod checkpoint;
pub mod cleaner;
pub mod config;
mod config_table;
pub mod dump;
mod epoch_cache;
mod error;
pub mod index;
mod loader;
mod log_dir;
pub mod names;
mod producer;
pub mod rules;
mod segment;
mod txn_index;
mod unified;
mod validator;

#[cfg(test)]
mod histories;
#[cfg(test)]
mod tests;

pub use cleaner::LogToClean;
pub use config::{BrokerLogConfig, LogConfig};
pub use config_table::{BROKER as BROKER_CONFIGS, TOPIC as TOPIC_CONFIGS};
pub use epoch_cache::LeaderEpochCache;
pub use error::LogError;
pub use log_dir::{CleanedLog, LogDir};
pub use producer::{
    AppendOrigin, BatchMetadata, LogOffsetMetadata, ProducerStateEntry, ProducerStateManager,
    VerificationGuard, VerificationStateEntry,
};
pub use segment::{LogSegment, PlacedBatch};
pub use txn_index::AbortedTxn;
pub use unified::{
    FetchDataInfo, FetchIsolation, LogAppendInfo, OffsetSpec, OpenLog, TimestampAndOffset,
    UnifiedLog,
};
