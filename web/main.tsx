/** Entry of the playground: loads the engine, opens the first scene in motion. */
import { effect } from "@preact/signals";
import { render } from "preact";
import { Session } from "./actions/session";
import { listen } from "./actions/keys";
import { Engine, loadEngine } from "./engine/engine";
import type { Load } from "./engine/generated";
import first from "./lessons/first-record.json?raw";
import { MotionModel } from "./model/motion";
import * as store from "./model/store";
import { applyPreferences } from "./theme/apply";
import { App } from "./ui/app";
import { shown } from "./ui/inspector";

applyPreferences();

/** Causes are asked for anew at most so often while the scene runs. */
const INSPECT_EVERY_MS = 250;

async function start(): Promise<void> {
  await loadEngine();
  const scenario = JSON.parse(first) as { id: string; title: { en: string; ko: string }; producers?: { id: string; load?: Load }[] };
  store.title.value = { id: scenario.id, ...scenario.title };
  const motion = new MotionModel();
  const loads = new Map((scenario.producers ?? []).flatMap((p) => (p.load ? [[p.id, p.load] as const] : [])));
  const session = new Session(new Engine(first), motion, loads);
  const parts = store.scene.peek()?.frame.partitions.length ?? 0;
  store.zoom.value = parts <= 1 ? "near" : "middle";
  const root = document.getElementById("app");
  if (!root) return;
  render(<App hands={session} motion={motion} />, root);
  listen(session);
  effect(() => {
    void store.zoom.value;
    session.zoomChanged();
  });
  let last = 0;
  let timer = 0;
  effect(() => {
    const target = shown.value;
    void store.scene.value;
    window.clearTimeout(timer);
    const wait = Math.max(0, last + INSPECT_EVERY_MS - performance.now());
    timer = window.setTimeout(() => {
      last = performance.now();
      session.inspect(target);
    }, wait);
  });
  session.play();
}

start().catch((e: unknown) => {
  store.panic.value = e instanceof Error ? `${e.message}\n${e.stack ?? ""}` : String(e);
  const root = document.getElementById("app");
  if (root) root.textContent = store.panic.value;
});
