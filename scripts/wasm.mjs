// Builds the engine for the browser: cargo, then wasm-bindgen, into crates/wasm/pkg.

import { join } from "node:path";
import { root, run, say } from "./need.mjs";

/** `profile`: `playground` compiles fast and runs fast, `release` is small. Returns the folder. */
export function buildWasm(profile) {
  say(`building the engine (${profile})`);
  run("cargo", ["build", "--quiet", "--locked", "-p", "offsetscope-wasm", "--target", "wasm32-unknown-unknown", "--profile", profile]);
  const out = join(root, "crates", "wasm", "pkg");
  run("wasm-bindgen", [
    join(root, "target", "wasm32-unknown-unknown", profile, "offsetscope_wasm.wasm"),
    "--target",
    "web",
    "--out-dir",
    out,
    ...(profile === "release" ? ["--remove-name-section", "--remove-producers-section"] : []),
  ]);
  return out;
}

if (process.argv[1] === import.meta.filename) {
  const { needRust, needTools } = await import("./need.mjs");
  needRust();
  needTools({ tests: false });
  buildWasm(process.argv[2] ?? "playground");
}
