//! The world as a page draws it: a frame of cards and columns, events as cards, the full description of one thing.
//!
//! It reads a world and changes nothing. It knows no colour, no pixel and no language.

pub mod cards;
mod clients;
pub mod event_cards;
pub mod events;
mod flights;
pub mod frame;
mod groups;
pub mod inspect;
mod keys;
pub mod messages;
mod rows;
#[cfg(feature = "types")]
pub mod types;

pub use cards::*;
pub use event_cards::*;
pub use events::{card, instant, is_user_topic, us, visible};
pub use flights::actor_name;
pub use frame::{Window, frame, leads, topic_name};
pub use keys::Keys;
pub use rows::key_at;
