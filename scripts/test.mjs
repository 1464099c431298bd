// npm test: sets up what is missing and passes all tests, stopping at the first suite that fails. A suite's name as
// argument runs that one alone: rust, oracle, wasm, web, e2e.

import { join } from "node:path";
import { needChromium, needNode, needNodeModules, needRust, needTools, output, root, run, say, stop } from "./need.mjs";
import { buildWasm } from "./wasm.mjs";

const only = process.argv[2] ?? null;
const node = process.execPath;
const bin = (...parts) => join(root, "node_modules", ...parts);

const suites = {
  rust() {
    run("cargo", ["fmt", "--all", "--check"]);
    // with `types`, so that what is generated for the page is compared with what is committed
    run("cargo", ["test", "--quiet", "--locked", "--workspace", "--features", "offsetscope-sim/types"]);
  },
  oracle() {
    const verify = ["run", "--quiet", "--locked", "--profile", "checked", "-p", "offsetscope-cli", "--", "verify"];
    run("cargo", [...verify, "--baseline", "tests/oracle/known.tsv", "tests/oracle", "tests/vectors"]);
    run("cargo", [...verify, "--selftest", "tests/oracle"]);
    const check = verify.with(verify.length - 1, "check");
    run("cargo", [...check, "web/lessons/first-record.json"]);
  },
  wasm() {
    // Same seed, same trace: the native run's hash is handed to the browser's build.
    const scene = ["run", "--quiet", "--locked", "--profile", "checked", "-p", "offsetscope-cli", "--", "run", "web/lessons/first-record.json"];
    const state = JSON.parse(output("cargo", [...scene, "--until", "5s", "--state"]) ?? "null");
    if (!state) stop("the first scene does not run natively");
    run("wasm-pack", ["test", "--headless", "--chrome", "--mode", "no-install", "crates/wasm"], {
      // The runner's defaults (20 s a file, 5 s a driver request) are short for a busy machine.
      env: { ...process.env, NATIVE_TRACE_HASH: state.trace_hash, WASM_BINDGEN_TEST_TIMEOUT: "120", WASM_BINDGEN_TEST_DRIVER_TIMEOUT: "30" },
    });
  },
  web() {
    run(node, [bin("typescript", "bin", "tsc"), "-p", "."]);
    run(node, [bin("vitest", "vitest.mjs"), "run"]);
  },
  e2e() {
    buildWasm("release");
    run(node, [bin("vite", "bin", "vite.js"), "build", "--logLevel", "warn"]);
    run(node, ["scripts/sizes.mjs"]);
    run(node, ["tests/e2e/run.mjs"]);
  },
};

if (only && !(only in suites)) {
  console.error(`There is no suite "${only}"; there are ${Object.keys(suites).join(", ")}.`);
  process.exit(1);
}
needNode();
needRust();
needNodeModules();
if (!only || ["wasm", "e2e"].includes(only)) {
  needChromium();
  needTools({ tests: true });
}
for (const [name, suite] of Object.entries(suites)) {
  if (only && only !== name) continue;
  const started = Date.now();
  say(`${name} …`);
  suite();
  say(`${name} passed in ${Math.round((Date.now() - started) / 1000)} s`);
}
