//! offsetscope-coordinator
