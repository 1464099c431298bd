//! The world as a page draws it: a frame of cards and columns, marks for the timeline, the full description of one thing.
//!
//! It reads a world and changes nothing. It knows no colour, no pixel and no language.

pub mod cards;
pub mod event_cards;
#[cfg(feature = "types")]
pub mod types;

pub use cards::*;
pub use event_cards::*;
