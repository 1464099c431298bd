//! The group coordinator: who is in a group, who owns which partitions, what offsets were committed.

pub mod bytes_io;
pub mod record;
mod record_codec;
