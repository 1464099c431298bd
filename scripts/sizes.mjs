// Sizes of what a visitor downloads, gzipped, against the budgets.

import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { root, stop } from "./need.mjs";

const KB = 1024;
const assets = join(root, "dist", "assets");
const gz = (file) => gzipSync(readFileSync(file), { level: 9 }).length;
const files = readdirSync(assets).map((name) => ({ name, bytes: gz(join(assets, name)) }));
const sum = (test) => files.filter(({ name }) => test(name)).reduce((total, { bytes }) => total + bytes, 0);

// What index.html names is loaded first; the rest is lazy.
const html = readFileSync(join(root, "dist", "index.html"), "utf8");
const first = (name) => html.includes(name) || name.endsWith(".wasm");
const rows = [
  ["core.wasm", sum((name) => name.endsWith(".wasm")), 300, 150],
  ["playground first load (without fonts)", sum((name) => first(name) && !/\.woff2?$/.test(name)) + gzipSync(html).length, 500, 350],
];
let over = false;
for (const [what, bytes, limit, aim] of rows) {
  const kb = bytes / KB;
  over ||= kb > limit;
  console.log(`${what.padEnd(40)} ${kb.toFixed(1).padStart(7)} KB gz   limit ${limit}   aim ${aim}`);
}
if (over) stop("Something is larger than its budget allows.");
