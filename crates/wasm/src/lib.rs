//! The only crate that knows JavaScript: one engine, four lanes.
//!
//! Commands go in as JSON of the tagged union; events, cards and marks come out as plain objects; cells and messages are
//! columns in buffers that are used again, of which the page makes views anew after each call; one thing is described in
//! full when it is asked for. A refusal is thrown as an object of its own, so that it is told from a broken engine.

mod engine;

use wasm_bindgen::prelude::wasm_bindgen;

pub use engine::Engine;

/// A panic says where and why on the console before the trap.
#[wasm_bindgen(start)]
pub fn start() {
    console_error_panic_hook::set_once();
}
