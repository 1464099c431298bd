/** One sentence for what the pointer is on. */
import type { Words } from "../i18n";
import type { Scene } from "./scene";
import { FLIGHT } from "../engine/generated";
import { partitionOf } from "./scene";
import { actorName } from "./words";
import { place, type Target } from "./target";

export function tipFor(target: Target, scene: Scene, w: Words): string | null {
  const f = scene.frame;
  switch (target.kind) {
    case "hw": {
      const p = partitionOf(f, target.topic, target.partition);
      return p ? `${w.inspector.hw} ${p.hw}: ${w.inspector.hwSentence}` : null;
    }
    case "lso":
      return w.inspector.lso;
    case "record": {
      const p = partitionOf(f, target.topic, target.partition);
      const r = p?.replicas.find((x) => x.broker === target.broker);
      if (!p || !r) return null;
      for (let i = r.cells_from; i < r.cells_to; i++) {
        if (scene.cells.offset[i] !== target.offset) continue;
        const key = scene.cells.key[i] === 0 ? w.block.nullKey : (f.keys.find((k) => k.id === scene.cells.key[i])?.text ?? "");
        return `${place(p.topic, p.partition)} @${target.offset}, ${w.inspector.rows.key} ${key}${target.offset >= p.hw ? w.tree.aboveHw : ""}`;
      }
      return null;
    }
    case "pin": {
      const p = partitionOf(f, target.topic, target.partition);
      const pin = p?.pins.find((x) => x.group === target.group && x.kind === target.pin);
      if (!pin) return null;
      return target.pin === "committed" ? w.tree.pinCommitted(pin.group, pin.offset) : w.tree.pinPosition(pin.member, pin.offset);
    }
    case "segment":
      return `${w.inspector.segment} ${target.base}`;
    case "message":
      return messageTitle(scene, target.id, w);
    default:
      return null;
  }
}

/** Where a message's columns begin; −1 when it is gone. */
export function flightIndex(scene: Scene, id: number): number {
  for (let i = 0; i + FLIGHT.stride <= scene.flights.length; i += FLIGHT.stride) if (scene.flights[i + FLIGHT.id] === id) return i;
  return -1;
}

export function messageTitle(scene: Scene, id: number, w: Words): string | null {
  const i = flightIndex(scene, id);
  if (i < 0) return null;
  const name = (at: number): string => actorName(scene.actors[scene.flights[i + at]] ?? "?");
  const n = scene.flights[i + FLIGHT.records];
  const what = w.message.kind[scene.flights[i + FLIGHT.kind]] + (n > 0 ? `, ${w.message.records(n)}` : "");
  return w.message.title(what, name(FLIGHT.from), name(FLIGHT.to));
}
