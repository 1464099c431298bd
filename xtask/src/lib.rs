//! Checks of the source tree that no compiler makes: layering, purity, file sizes, words that do not belong here.

pub mod tidy;
