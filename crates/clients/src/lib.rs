//! offsetscope-clients
