/**
 * What the canvas shows, as a tree for screen readers and for the keyboard: partitions, their replicas, the records in
 * view, pins, messages. It is drawn anew at most a few times a second, so that a running scene stays cheap.
 */
import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { VNode } from "preact";
import { t } from "../i18n";
import { FLIGHT } from "../engine/generated";
import type { Scene } from "../model/scene";
import * as store from "../model/store";
import { messageTitle } from "../model/tips";

const EVERY_MS = 500;
const shown = signal<Scene | null>(null);

export function Tree(): VNode {
  useEffect(() => {
    let last: Scene | null = null;
    const timer = window.setInterval(() => {
      const s = store.scene.peek();
      if (s && s !== last) {
        last = s;
        shown.value = detach(s);
      }
    }, EVERY_MS);
    return () => window.clearInterval(timer);
  }, []);
  const s = shown.value;
  const w = t.value;
  return (
    <ul class="hidden" aria-label={w.tree.label} data-tree>
      {s?.frame.partitions.map((p) => (
        <li key={`${p.topic}/${p.partition}`}>
          <button type="button" tabIndex={-1} onClick={() => store.select({ kind: "hw", topic: p.topic, partition: p.partition })}>
            {p.topic}-{p.partition}, HW {p.hw}, LEO {p.leo}
          </button>
          <ul>
            {p.replicas.map((r) => (
              <li key={r.broker}>
                {w.block.rowLabel(r.broker, r.role === "leader" ? w.block.leader : r.in_isr ? w.block.inIsr : w.block.notInIsr, r.leo, r.hw)}
                <ul>
                  {range(r.cells_from, Math.min(r.cells_to, r.cells_from + 40)).map((i) => (
                    <li key={s.cells.offset[i]}>
                      <button
                        type="button"
                        tabIndex={-1}
                        onClick={() => store.select({ kind: "record", topic: p.topic, partition: p.partition, offset: s.cells.offset[i], broker: r.broker })}
                      >
                        {w.tree.record(s.cells.offset[i], s.cells.key[i] === 0 ? w.block.nullKey : (s.frame.keys.find((k) => k.id === s.cells.key[i])?.text ?? ""), s.cells.offset[i] >= p.hw ? w.tree.aboveHw : "")}
                      </button>
                    </li>
                  ))}
                </ul>
              </li>
            ))}
            {p.pins.map((pin) => (
              <li key={`${pin.group}/${pin.kind}`}>{pin.kind === "committed" ? w.tree.pinCommitted(pin.group, pin.offset) : w.tree.pinPosition(pin.member, pin.offset)}</li>
            ))}
          </ul>
        </li>
      ))}
      <li>
        {w.tree.messages}
        <ul>
          {s &&
            range(0, Math.min(20, s.flights.length / FLIGHT.stride))
              .filter((i) => s.flights[i * FLIGHT.stride + FLIGHT.kind] !== 0)
              .map((i) => {
                const id = s.flights[i * FLIGHT.stride + FLIGHT.id];
                return (
                  <li key={id}>
                    <button type="button" tabIndex={-1} onClick={() => store.select({ kind: "message", id })}>
                      {messageTitle(s, id, w)}
                    </button>
                  </li>
                );
              })}
        </ul>
      </li>
    </ul>
  );
}

/** A copy that survives the engine's next call. */
function detach(s: Scene): Scene {
  const c = s.cells;
  return {
    frame: s.frame,
    actors: s.actors,
    flights: s.flights.slice(),
    cells: { offset: c.offset.slice(), key: c.key.slice(), flags: c.flags.slice(), epoch: c.epoch.slice(), batch: c.batch.slice() },
  };
}

const range = (from: number, to: number): number[] => Array.from({ length: Math.max(0, to - from) }, (_, i) => from + i);
