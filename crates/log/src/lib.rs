//! offsetscope-log
