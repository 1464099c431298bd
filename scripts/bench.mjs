// npm run bench: how fast the engine runs and seeks natively, with the first-class scenario's checks on. Sizes are part of
// npm test. Numbers of one run are for comparing with another run on the same machine.

import { needNode, needRust, run } from "./need.mjs";

needNode();
needRust();
run("cargo", ["run", "--quiet", "--locked", "--profile", "native", "-p", "offsetscope-sim", "--example", "rate", "--", ...process.argv.slice(2)]);
