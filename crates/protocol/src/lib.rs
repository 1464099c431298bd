//! offsetscope-protocol
