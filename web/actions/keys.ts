/** Keyboard: by the key's place for letters, so that a Korean layout in force does not matter. */
import { ZOOMS } from "../layout/zoom";
import * as store from "../model/store";
import { shown } from "../ui/inspector";
import type { Hands } from "./hands";

const SPEEDS = [0.25, 0.5, 1, 2, 4];

export function listen(hands: Hands): () => void {
  const down = (e: KeyboardEvent): void => {
    if (e.isComposing || e.ctrlKey || e.metaKey || e.altKey) return;
    const el = e.target;
    const typing = el instanceof HTMLInputElement && el.type !== "range";
    if (typing) {
      if (e.key === "Escape") el.blur();
      return;
    }
    // A focused button answers Space and Enter itself.
    if ((e.code === "Space" || e.code === "Enter") && el instanceof HTMLElement && el.closest("button, [role=menu]")) return;
    if (el instanceof HTMLInputElement && /^Arrow|Home|End/.test(e.key)) return;
    if (run(e, hands)) e.preventDefault();
  };
  window.addEventListener("keydown", down);
  return () => window.removeEventListener("keydown", down);
}

function run(e: KeyboardEvent, hands: Hands): boolean {
  switch (e.code) {
    case "Space":
      if (store.playing.peek()) hands.pause();
      else hands.play();
      return true;
    case "ArrowRight":
      if (e.shiftKey) hands.scrollRows(-1);
      else hands.step();
      return true;
    case "ArrowLeft":
      if (e.shiftKey) hands.scrollRows(1);
      else hands.stepBack();
      return true;
    case "Home":
      hands.toStart();
      return true;
    case "End":
      hands.toEnd();
      return true;
    case "Digit1":
      store.stepBy.value = "event";
      return true;
    case "Digit2":
      store.stepBy.value = "change";
      return true;
    case "Digit3":
      store.stepBy.value = "request";
      return true;
    case "KeyS":
      store.pace.value = "story";
      return true;
    case "KeyC":
      store.pace.value = "clock";
      return true;
    case "KeyM":
      store.pace.value = "max";
      return true;
    case "BracketLeft":
      store.speed.value = SPEEDS[Math.max(0, SPEEDS.indexOf(store.speed.peek()) - 1)];
      return true;
    case "BracketRight":
      store.speed.value = SPEEDS[Math.min(SPEEDS.length - 1, SPEEDS.indexOf(store.speed.peek()) + 1)];
      return true;
    case "Equal":
    case "NumpadAdd":
      zoomBy(1);
      return true;
    case "Minus":
    case "NumpadSubtract":
      zoomBy(-1);
      return true;
    case "KeyK": {
      const id = store.scene.peek()?.frame.brokers[0]?.id;
      if (id !== undefined) hands.toggleBroker(id);
      return true;
    }
    case "KeyN": {
      const g = store.scene.peek()?.frame.groups.find((x) => x.id);
      if (g) hands.addConsumer(g.id);
      return true;
    }
    case "KeyP": {
      document.querySelector<HTMLInputElement>("[data-compose]")?.focus();
      return true;
    }
    case "KeyU":
      hands.undo();
      return true;
    case "KeyW": {
      const n = store.narration.peek();
      if (n) store.select({ kind: "event", id: n.id });
      else store.select(shown.peek());
      return true;
    }
    case "KeyL":
      hands.toggleLanguage();
      return true;
    case "KeyT":
      hands.toggleTheme();
      return true;
    case "KeyA":
      store.showNoise.value = !store.showNoise.peek();
      return true;
    case "Escape":
      if (store.refusal.peek()) store.refusal.value = null;
      else if (store.selection.peek()) store.selection.value = null;
      else if (window.innerWidth < 1280) store.inspectorOpen.value = false;
      return true;
    case "Slash":
      if (!e.shiftKey) return false;
      store.menu.value = { kind: "shortcuts", x: window.innerWidth / 2 - 140, y: 80 };
      return true;
    default:
      return false;
  }
}

export function zoomBy(n: number): void {
  const i = ZOOMS.indexOf(store.zoom.peek());
  store.zoom.value = ZOOMS[Math.max(0, Math.min(ZOOMS.length - 1, i + n))];
}
