//! offsetscope-raft
