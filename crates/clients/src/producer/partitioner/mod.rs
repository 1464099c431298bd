//! How a record without an explicit partition finds one.

pub mod built_in;
pub mod murmur2;
mod round_robin;

pub use built_in::{BuiltInPartitioner, LoadStats, StickyPartition};
pub use murmur2::{murmur2, partition_for_key, to_positive};
pub use round_robin::RoundRobin;

/// `partitioner.class`.
#[derive(Clone, Debug)]
pub enum Partitioner {
    /// None: keys are hashed, the rest sticks (KIP-794).
    BuiltIn,
    RoundRobin(RoundRobin),
}

impl Partitioner {
    /// Reads the class name; `Err` names what is not known here.
    pub fn from_class(class: Option<&str>) -> Result<Self, String> {
        match class {
            None | Some("") => Ok(Partitioner::BuiltIn),
            Some(name) if name.rsplit('.').next() == Some("RoundRobinPartitioner") => {
                Ok(Partitioner::RoundRobin(RoundRobin::default()))
            }
            Some(other) => Err(other.to_owned()),
        }
    }
}
