//! offsetscope-broker
