//! offsetscope-metadata
