//! What is generated for the page is fresh: `UPDATE_TYPES=1` writes it anew.
#![cfg(feature = "types")]

use sim::view::types;

use offsetscope_sim as sim;

fn fresh(path: &str, fresh: &str) {
    let path = format!("{}/../../{path}", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("UPDATE_TYPES").is_some() {
        std::fs::write(&path, fresh).expect("the file can be written");
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == fresh,
        "{path} is stale: run UPDATE_TYPES=1 cargo test -p offsetscope-sim --features types --test types"
    );
}

#[test]
fn rules_in_web_are_fresh() {
    fresh("web/i18n/rules.generated.ts", &types::rules_typescript());
}

#[test]
fn types_in_web_are_fresh() {
    fresh("web/engine/generated.ts", &types::typescript());
}
