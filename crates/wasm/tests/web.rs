//! The boundary in a real browser: the same scene has the same trace, bad input is refused, frames can be drawn.
#![cfg(target_arch = "wasm32")]

use offsetscope_wasm as boundary;
use sim::scenario::{Limits, Scenario};
use sim::session::{Journal, Session};
use sim::world::World;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

const FIRST_SCENE: &str = include_str!("../../../web/lessons/first-record.json");

/// What the native build found for the same run; handed in when both are built for comparison.
const NATIVE_HASH: Option<&str> = option_env!("NATIVE_TRACE_HASH");

/// As far as the native run goes, in milliseconds.
const UNTIL_MS: i64 = 5_000;

#[wasm_bindgen_test]
fn the_first_scene_has_the_same_trace_as_natively() {
    let scenario =
        Scenario::from_json(FIRST_SCENE, &Limits::APP, &sim::catalogue::tables()).expect("a scene");
    let world = World::from_scenario(&scenario).expect("comes up");
    let mut session = Session::new(world, Journal::of_script(&scenario), 16 << 20);
    let until = protocol::Instant::start().after_ms(UNTIL_MS);
    session.advance(until, 10_000_000, &mut |_| false);
    assert!(session.machine().violation().is_none());
    let hash = format!("{:016x}", session.machine().trace_hash());
    if let Some(native) = NATIVE_HASH {
        assert_eq!(hash, native, "same seed, same trace");
    }
}

#[wasm_bindgen_test]
fn a_bad_scenario_is_refused_with_where_and_why() {
    let text = r#"{"version":1,"id":"x","topcis":[]}"#;
    assert!(boundary::Engine::new(text, "").is_err());
}

#[wasm_bindgen_test]
fn a_frame_can_be_drawn() {
    let mut engine = boundary::Engine::new(FIRST_SCENE, "").expect("a scene");
    let frame = engine.frame(40, 0).expect("a frame");
    assert!(frame.is_object());
}
