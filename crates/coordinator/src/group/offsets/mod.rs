//! Committed offsets: commit, fetch, delete, expire, and those of transactions.

mod commit;
mod expire;
mod fetch;
pub mod table;

pub use table::{OffsetAndMetadata, OffsetState, Offsets, OpenTransactions};
