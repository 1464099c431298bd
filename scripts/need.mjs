// What a machine needs, checked one by one: present, installed by us where that is ours to do, or named with the command
// that gets it. No dependency, so that it runs before node_modules exists.

import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, linkSync, mkdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
export const toolsDir = join(root, ".tools");

/** Says what is wrong and what to do, without a stack trace, and stops. */
export function stop(message) {
  console.error(`\n✗ ${message}\n`);
  process.exit(1);
}

export function say(message) {
  console.log(`· ${message}`);
}

/** Runs a command in the project's folder with its output shown; stops at a failure. */
export function run(command, args, options = {}) {
  const started = Date.now();
  const result = spawnSync(command, args, { cwd: root, stdio: "inherit", ...options });
  if (result.error) stop(`${command} could not be started: ${result.error.message}`);
  if (result.status !== 0) stop(`${command} ${args.join(" ")} failed (exit ${result.status ?? result.signal}).`);
  return (Date.now() - started) / 1000;
}

/** The trimmed output of a command, or null where it cannot be run. */
export function output(command, args) {
  const result = spawnSync(command, args, { cwd: root, encoding: "utf8" });
  return result.status === 0 ? result.stdout.trim() : null;
}

function onPath(name) {
  return (process.env.PATH ?? "").split(delimiter).map((dir) => join(dir, name)).find(existsSync) ?? null;
}

function newerThan(file, than) {
  return existsSync(file) && existsSync(than) && statSync(file).mtimeMs >= statSync(than).mtimeMs;
}

export function needNode() {
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major < 20 || (major === 20 && minor < 19)) {
    stop(`Node ${process.version} is too old: this project needs Node 20.19 or newer.`);
  }
}

export function needRust() {
  const cargoHome = process.env.CARGO_HOME ?? join(homedir(), ".cargo");
  if (!onPath("cargo") && existsSync(join(cargoHome, "bin", "cargo"))) {
    process.env.PATH = `${join(cargoHome, "bin")}${delimiter}${process.env.PATH}`;
  }
  if (!onPath("cargo")) {
    stop(
      "Rust was not found (no cargo on PATH). Install it from https://rustup.rs, open a new shell, and run the same command again.",
    );
  }
  if (!onPath("cc") && !onPath("gcc") && !onPath("clang")) {
    stop("No C compiler was found; Rust links with it. On Debian or Ubuntu: apt-get install gcc libc6-dev");
  }
  const target = "wasm32-unknown-unknown";
  const libdir = () => output("rustc", ["--print", "target-libdir", "--target", target]);
  if (!existsSync(libdir() ?? "")) {
    if (!onPath("rustup")) {
      stop(`Rust is here without its ${target} target, and without rustup. Install rustup from https://rustup.rs, or your distribution's package of that target.`);
    }
    say(`adding Rust's ${target} target`);
    run("rustup", ["target", "add", target]);
    if (!existsSync(libdir() ?? "")) stop(`rustup added ${target}, but rustc does not find it.`);
  }
}

export function needNodeModules() {
  if (newerThan(join(root, "node_modules", ".package-lock.json"), join(root, "package-lock.json"))) return;
  say("installing node packages");
  run(process.platform === "win32" ? "npm.cmd" : "npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund"]);
}

/** The version of a crate in a Cargo.lock. */
function locked(file, crate) {
  const text = readFileSync(join(root, file), "utf8");
  return text.match(new RegExp(`name = "${crate}"\\nversion = "([^"]+)"`))?.[1] ?? null;
}

/** Compiles wasm-bindgen (and for tests wasm-pack) from tools/ and links them into .tools/. */
export function needTools({ tests }) {
  const [ours, theirs] = [locked("Cargo.lock", "wasm-bindgen"), locked("tools/Cargo.lock", "wasm-bindgen-cli")];
  if (ours !== theirs) {
    stop(`Cargo.lock has wasm-bindgen ${ours}, tools/Cargo.lock has wasm-bindgen-cli ${theirs}. They must be equal: change one of the two Cargo.toml files.`);
  }
  process.env.PATH = `${toolsDir}${delimiter}${process.env.PATH}`;
  const names = ["wasm-bindgen", "wasm-bindgen-test-runner", ...(tests ? ["wasm-pack"] : [])];
  if (names.every((name) => newerThan(join(toolsDir, name), join(root, "tools", "Cargo.lock")))) return;
  say("compiling the build tools (once; about a minute)");
  const features = tests ? ["--features", "tests"] : [];
  run("cargo", ["build", "--quiet", "--locked", "--manifest-path", "tools/Cargo.toml", "--target-dir", "tools/target", ...features]);
  mkdirSync(toolsDir, { recursive: true });
  for (const name of names) {
    const link = join(toolsDir, name);
    const binary = join(root, "tools", "target", "debug", "build-tools");
    rmSync(link, { force: true });
    try {
      linkSync(binary, link);
    } catch {
      copyFileSync(binary, link);
    }
  }
}

const browsers = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/** Finds Chromium and its driver, installs Debian's packages where that is possible, else names the command. */
export function needChromium() {
  const find = () => ({
    browser: process.env.CHROME_BIN ?? browsers.map(onPath).find(Boolean) ?? null,
    driver: process.env.CHROMEDRIVER ?? onPath("chromedriver"),
  });
  let { browser, driver } = find();
  if (!browser || !driver) {
    const line = "apt-get install -y --no-install-recommends chromium chromium-driver fonts-noto-cjk";
    const isRoot = process.getuid?.() === 0;
    const sudo = !isRoot && spawnSync("sudo", ["-n", "true"]).status === 0;
    if (!onPath("apt-get") || !(isRoot || sudo)) {
      stop(`The browser tests need Chromium and its driver (CHROME_BIN and CHROMEDRIVER name others). On Debian: sudo ${line}`);
    }
    say("installing Chromium, its driver and a Korean font");
    const prefix = sudo ? "sudo " : "";
    run("sh", ["-c", `${prefix}apt-get update -qq && ${prefix}${line} -qq >/dev/null`], {
      env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
    });
    ({ browser, driver } = find());
    if (!browser || !driver) stop("Chromium was installed, but is not on PATH.");
  }
  const major = (program) => output(program, ["--version"])?.match(/(\d+)\.\d+\.\d+/)?.[1];
  const [b, d] = [major(browser), major(driver)];
  if (b && d && b !== d) stop(`Chromium ${b} and ChromeDriver ${d} do not belong together. Install both from the same source.`);
  process.env.CHROME_BIN = browser;
  process.env.CHROMEDRIVER = driver;
}
