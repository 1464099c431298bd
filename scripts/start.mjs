// npm start: sets up what is missing, builds the engine, serves the playground, and builds again when the engine changes.

import { spawn } from "node:child_process";
import { watch } from "node:fs";
import { join } from "node:path";
import { needNode, needNodeModules, needRust, needTools, root, say } from "./need.mjs";

needNode();
needRust();
needNodeModules();
needTools({ tests: false });
const { buildWasm } = await import("./wasm.mjs");
buildWasm("playground");

const vite = spawn(process.execPath, [join(root, "node_modules", "vite", "bin", "vite.js"), ...process.argv.slice(2)], {
  cwd: root,
  stdio: "inherit",
});
vite.on("exit", (code) => process.exit(code ?? 0));
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => vite.kill(signal));

let waiting = null;
let building = false;
let again = false;

function rebuild() {
  if (building) {
    again = true;
    return;
  }
  building = true;
  const child = spawn(process.execPath, [join(root, "scripts", "wasm.mjs"), "playground"], { cwd: root, stdio: "inherit" });
  child.on("exit", (code) => {
    building = false;
    say(code === 0 ? "the engine is new; the page reloads" : "the engine does not build; the page keeps the last one");
    if (again) {
      again = false;
      rebuild();
    }
  });
}

watch(join(root, "crates"), { recursive: true }, (_event, file) => {
  if (!file?.endsWith(".rs") && !file?.endsWith("Cargo.toml")) return;
  clearTimeout(waiting);
  waiting = setTimeout(rebuild, 200);
});
