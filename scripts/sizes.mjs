// Sizes of what a visitor downloads, gzipped: beside the budget of the design, and against a ceiling that may only fall.

import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { root, stop } from "./need.mjs";

const KB = 1024;
const assets = join(root, "dist", "assets");
const gz = (file) => gzipSync(readFileSync(file), { level: 9 }).length;
const files = readdirSync(assets).map((name) => ({ name, bytes: gz(join(assets, name)) }));
const sum = (test) => files.filter(({ name }) => test(name)).reduce((total, { bytes }) => total + bytes, 0);

// What index.html names is loaded first; the rest is lazy. Fonts come after the first picture.
const html = readFileSync(join(root, "dist", "index.html"), "utf8");
const first = (name) => html.includes(name) || name.endsWith(".wasm");
const wasm = sum((name) => name.endsWith(".wasm"));
const playground = sum((name) => first(name) && !/\.woff2?$/.test(name)) + gzipSync(html).length;

// [what, bytes, ceiling, budget] in KB. The engine holds every rule of the log, the control plane, groups and transactions;
// it is over its budget, and the ceiling is where it stands: lower it with every cut.
const rows = [
  ["core.wasm", wasm, 1100, 300],
  ["script and style", playground - wasm, 120, 200],
  ["playground first load (without fonts)", playground, 1200, 500],
];
let over = false;
for (const [what, bytes, ceiling, budget] of rows) {
  const kb = bytes / KB;
  over ||= kb > ceiling;
  const note = kb > budget ? "over budget" : "within budget";
  console.log(`${what.padEnd(40)} ${kb.toFixed(1).padStart(7)} KB gz   ceiling ${ceiling}   budget ${budget}   ${note}`);
}
if (over) stop("Something is larger than its ceiling allows.");
