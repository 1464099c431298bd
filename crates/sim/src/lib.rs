//! offsetscope-sim
