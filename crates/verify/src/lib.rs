//! offsetscope-verify
