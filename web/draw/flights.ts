/** Messages on their way: each at its true place between send and arrival. Pure. */
import { FLIGHT_KIND } from "../engine/generated";
import type { BlockLayout, FlightLayout, StageLayout } from "../layout/stage";
import { along } from "../layout/stage";
import { keyStyle } from "../model/scene";
import type { DrawList } from "./list";
import type { Look } from "./rows";

export interface FlightLook extends Look {
  /** Show empty fetches and heartbeats as flights too. */
  readonly noise: boolean;
  readonly selected: number | null;
  /** Key of a record that the leader holds, for the copies on their way. */
  readonly keyAt: (place: number, offset: number) => number | undefined;
}

const HELD = 1;
const BEHIND = 2;
const DROPPED = 3;

export function drawFlights(d: DrawList, layout: StageLayout, look: FlightLook): void {
  const blocks: (BlockLayout | undefined)[] = [];
  for (const b of layout.blocks) blocks[b.place] = b;
  for (const f of layout.flights) drawFlight(d, f, blocks[f.place], look);
}

function drawFlight(d: DrawList, f: FlightLayout, b: BlockLayout | undefined, look: FlightLook): void {
  const dropped = f.state === DROPPED;
  const y = dropped ? f.y + 10 : f.y;
  const alpha = dropped ? 0.5 : 1;
  switch (f.kind) {
    case FLIGHT_KIND.noise:
      d.circle(f.x, y, look.noise ? 3 : 1.6, { fill: "t3", alpha: look.noise ? 0.9 : 0.45 });
      break;
    case FLIGHT_KIND.produce: {
      path(d, f, "k1", 0.75);
      tail(d, f, keyRole(f));
      chip(d, f.x, y, f.records > 1 ? `${clip(look.keyText(f.key), 5)} +${f.records - 1}` : clip(look.keyText(f.key), 8), keyRole(f), look.edged, alpha);
      break;
    }
    case FLIGHT_KIND.produceAnswer: {
      const role = f.error ? "bad" : "hw";
      path(d, f, role, 0.8);
      d.circle(f.x, y, 8, { fill: "card", stroke: role, width: 1.6, alpha });
      if (f.error) {
        d.line([f.x - 3, y - 3, f.x + 3, y + 3], { stroke: role, width: 1.6, alpha });
        d.line([f.x + 3, y - 3, f.x - 3, y + 3], { stroke: role, width: 1.6, alpha });
      } else d.line([f.x - 3.5, y + 0.2, f.x - 1, y + 3, f.x + 3.6, y - 2.8], { stroke: role, width: 1.6, alpha });
      break;
    }
    case FLIGHT_KIND.followerFetch: {
      // The follower asks: a small arrow up its own column.
      const x = f.x;
      d.line([x, y + 7, x, y - 3], { stroke: "t2", width: 1.3, alpha: 0.9 * alpha });
      d.line([x - 3, y, x, y - 3.5, x + 3, y], { stroke: "t2", width: 1.3, alpha: 0.9 * alpha });
      break;
    }
    case FLIGHT_KIND.followerData: {
      if (!b) break;
      const n = Math.min(f.records, b.slots);
      const w = Math.min(b.grid.cw, 24);
      const h = Math.min(b.grid.ch, 15);
      for (let i = 0; i < n; i++) {
        const slot = f.firstOffset + i - b.first;
        if (slot < 0 || slot >= b.slots) continue;
        const x = b.cellX + slot * b.grid.pitch + b.grid.cw / 2;
        const s = keyStyle(look.keyAt(b.place, f.firstOffset + i) ?? f.key);
        d.rect(x - w / 2, y - h / 2, w, h, { fill: `k${s.colour}`, stroke: look.edged ? `e${s.colour}` : "bg", width: 1, radius: 3, hatch: s.hatched });
        d.barrier();
        if (b.grid.offsets) d.text(x, y + 0.5, String(f.firstOffset + i), { fill: "kt", size: 9, weight: 600, align: "center" });
      }
      if (f.state === HELD) d.text(b.cellX + (f.firstOffset + n - b.first) * b.grid.pitch + 6, y, look.words.inFlight, { fill: "t2", size: 10.5 });
      break;
    }
    case FLIGHT_KIND.consumerFetch:
      d.circle(f.x, y, 2.4, { fill: "accent", alpha: 0.8 * alpha });
      break;
    case FLIGHT_KIND.consumerData: {
      path(d, f, "k1", 0.6);
      const last = f.firstOffset + f.records - 1;
      chip(d, f.x, y, f.records > 1 ? `${f.firstOffset}–${last}` : String(f.firstOffset), keyRole(f), look.edged, alpha);
      break;
    }
    case FLIGHT_KIND.commit:
      d.polygon([f.x, y - 5, f.x + 5, y + 4, f.x - 5, y + 4], { fill: "accent", alpha });
      break;
    case FLIGHT_KIND.group:
      path(d, f, "accent", 0.35);
      d.circle(f.x, y, 4, { fill: f.error ? "warn" : "accent", alpha });
      break;
    default:
      d.circle(f.x, y, 3, { fill: "t2", alpha: 0.9 * alpha });
  }
  if (f.state === HELD) {
    // A held message hangs on a handle.
    d.line([f.x, y - 9, f.x, y - 17], { stroke: "warn", width: 1.4 });
    d.circle(f.x, y - 20, 3, { stroke: "warn", width: 1.4 });
  }
  if (f.state === BEHIND) d.circle(f.x, y, 10.5, { stroke: "warn", width: 1, alpha: 0.8 });
  if (look.selected === f.id) d.circle(f.x, y, 14, { stroke: "accent", width: 2 });
  d.barrier();
}

const keyRole = (f: FlightLayout): number => keyStyle(f.key).colour;

function path(d: DrawList, f: FlightLayout, role: string, alpha: number): void {
  d.line(f.path, { stroke: role, width: 1.3, dash: [2, 3.5], alpha: alpha * 0.8 });
}

/** A fading stroke behind the message. */
function tail(d: DrawList, f: FlightLayout, colour: number): void {
  const from = Math.max(0, f.u - 0.12);
  if (f.u - from < 0.01) return;
  const pts: number[] = [];
  for (let i = 0; i <= 6; i++) pts.push(...along(f.path, from + ((f.u - from) * i) / 6));
  d.line(pts, { stroke: `k${colour}`, width: 5, alpha: 0.28 });
}

function chip(d: DrawList, x: number, y: number, text: string, colour: number, edged: boolean, alpha: number): void {
  const w = Math.max(24, 12 + text.length * 6.4);
  d.rect(x - w / 2, y - 9, w, 18, { fill: `k${colour}`, fillAlpha: alpha, stroke: edged ? `e${colour}` : undefined, radius: 4 });
  d.barrier();
  d.text(x, y + 0.5, text, { fill: "kt", size: 10.5, weight: 600, align: "center", alpha });
}

const clip = (s: string, n: number): string => (s.length > n ? `${s.slice(0, n - 1)}…` : s);
