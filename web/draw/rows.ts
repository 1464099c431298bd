/** Rows of a partition: slots, cells, epoch ticks, segment bars, truncated offsets. Pure: layout in, operations out. */
import { CELL } from "../engine/generated";
import { segmentName } from "../base/format";
import { keyStyle, type Scene } from "../model/scene";
import type { BlockLayout, RowLayout } from "../layout/stage";
import type { Motion } from "../layout/stage";
import type { DrawList, RectStyle } from "./list";

/** What the pointer or the selection lights up. */
export interface Glow {
  readonly place: number;
  readonly offset: number;
}

export interface Look {
  /** Key cells have an edge (light theme). */
  readonly edged: boolean;
  readonly glow: readonly Glow[];
  /** Words drawn on the canvas, in the page's language. */
  readonly words: {
    hw(n: number): string;
    lso(n: number): string;
    epoch(n: number): string;
    active: string;
    inFlight: string;
    committed(member: string, offset: number): string;
    position(offset: number): string;
    both(member: string, offset: number): string;
    cutOff(from: number, to: number, epoch: number, lost: number): string;
  };
  readonly keyText: (id: number) => string;
  /** Share of the fade of truncated cells, 0 … 1, by place and broker. */
  readonly fade: (place: number, broker: number) => number;
}

export function drawRows(d: DrawList, scene: Scene, b: BlockLayout, look: Look, motion: Motion): void {
  for (const row of b.rows) drawSlots(d, scene, b, row);
  d.barrier();
  for (const row of b.rows) drawCells(d, scene, b, row, look, motion);
  d.barrier();
  for (const row of b.rows) {
    drawEpochTicks(d, b, row);
    drawTruncated(d, b, row, look);
  }
  drawEpochNames(d, b, look);
  drawSegments(d, b, look);
  d.barrier();
}

function slotBox(b: BlockLayout, row: RowLayout, slot: number): [number, number, number, number] {
  return [b.cellX + slot * b.grid.pitch, row.y, b.grid.cw, b.grid.ch];
}

function drawSlots(d: DrawList, scene: Scene, b: BlockLayout, row: RowLayout): void {
  if (!b.grid.offsets) {
    d.rect(b.cellX, row.y, b.slots * b.grid.pitch, b.grid.ch, { fill: "grid", fillAlpha: 0.5, radius: 2 });
    return;
  }
  const filled = new Set<number>();
  for (let i = row.card.cells_from; i < row.card.cells_to; i++) filled.add(scene.cells.offset[i]);
  for (let s = 0; s < b.slots; s++) {
    const offset = b.first + s;
    if (filled.has(offset)) continue;
    const [x, y, w, h] = slotBox(b, row, s);
    if (offset >= row.card.log_start && offset < row.card.leo) {
      // Written once, gone since: an offset that compaction or retention took.
      d.rect(x + w / 2 - 5, y + h / 2 - 0.75, 10, 1.5, { fill: "line2" });
    } else {
      d.rect(x + 0.5, y + 0.5, w - 1, h - 1, { stroke: "grid", radius: b.grid.radius });
    }
  }
}

function drawCells(d: DrawList, scene: Scene, b: BlockLayout, row: RowLayout, look: Look, motion: Motion): void {
  const { offset, key, flags, epoch, batch } = scene.cells;
  const offline = row.card.role === "offline";
  const g = b.grid;
  const leaderRow = row.card.role === "leader";
  for (let i = row.card.cells_from; i < row.card.cells_to; i++) {
    const slot = offset[i] - b.first;
    if (slot < 0 || slot >= b.slots) continue;
    let [x, y, w, h] = slotBox(b, row, slot);
    const f = flags[i];
    const born = motion.born(b.place, row.card.broker, offset[i]);
    if (born < 1) {
      const grow = (1 - born) * 4;
      x += grow;
      y += grow;
      w -= grow * 2;
      h -= grow * 2;
    }
    const style = keyStyle(key[i]);
    const role = `k${style.colour}`;
    const edge = look.edged ? `e${style.colour}` : role;
    const faded = leaderRow && (f & CELL.aboveHw) !== 0;
    if (!g.offsets) {
      d.rect(x, y, w, h, { fill: role, fillAlpha: faded || offline ? 0.35 : 1 });
      continue;
    }
    if (f & CELL.control) {
      diamond(d, x + w / 2, y + h / 2, h / 2, f & CELL.abort ? "bad" : "lso");
      d.text(x + w / 2, y + h / 2 + 0.5, f & CELL.abort ? "A" : "C", { fill: f & CELL.abort ? "bad" : "lso", size: 9, weight: 700, align: "center" });
      continue;
    }
    let look_: RectStyle;
    let ink = "kt";
    if (offline) {
      look_ = { fill: role, fillAlpha: 0.35, radius: g.radius, hatch: style.hatched };
      ink = "t2";
    } else if (f & CELL.tombstone) {
      look_ = { stroke: edge, width: 1.5, dash: [1.5, 2.5], radius: g.radius };
      ink = "t1";
    } else if (f & (CELL.open | CELL.aborted)) {
      look_ = { fill: role, fillAlpha: 0.16, stroke: edge, width: 2, radius: g.radius };
      ink = "t1";
    } else if (faded) {
      look_ = { fill: role, fillAlpha: 0.3, stroke: edge, width: 1, dash: [3, 2.5], radius: g.radius, hatch: style.hatched };
      ink = "t1";
    } else {
      look_ = { fill: role, stroke: look.edged ? edge : undefined, radius: g.radius, hatch: style.hatched };
    }
    const inset = look_.stroke ? (look_.width ?? 1) / 2 : 0;
    d.rect(x + inset, y + inset, w - inset * 2, h - inset * 2, look_);
    if (f & CELL.aborted) d.line([x + 4, y + h - 4, x + w - 4, y + 4], { stroke: edge, width: 1.5 });
    const name = f & CELL.tombstone ? "∅" : g.keys ? look.keyText(key[i]) : "";
    if (born > 0.5) {
      const mid = y + h / 2 + 0.5;
      if (!name || g.keys === false) {
        d.text(x + w / 2, f & CELL.tombstone ? mid - 3 : mid, String(offset[i]), { fill: ink, size: String(offset[i]).length > 4 ? 9 : 11.5, weight: 600, align: "center" });
        if (f & CELL.tombstone) d.text(x + w / 2, mid + 7, "∅", { fill: "t2", size: 8, align: "center" });
      } else if (g.batches) {
        d.text(x + 6, y + 12, String(offset[i]), { fill: ink, size: 12, weight: 650 });
        d.text(x + 6, y + 28, clip(name, 9), { fill: ink, size: 10.5, weight: 500 });
        d.text(x + 6, y + 43, look.words.epoch(epoch[i]), { fill: ink, size: 9 });
      } else {
        d.text(x + w / 2, mid - 6, String(offset[i]), { fill: ink, size: 11.5, weight: 650, align: "center" });
        d.text(x + w / 2, mid + 8, clip(name, 6), { fill: ink, size: 9.5, weight: 450, align: "center" });
      }
    }
    if (g.batches && f & CELL.batchStart) {
      let last = i;
      while (last + 1 < row.card.cells_to && batch[last + 1] === batch[i]) last++;
      const x1 = b.cellX + (Math.min(offset[last], b.first + b.slots - 1) - b.first) * g.pitch + g.cw;
      d.rect(x - 2.5, y - 3.5, x1 - x + 5, g.ch + 7, { stroke: "line2", radius: g.radius + 2 });
    }
    if (look.glow.some((t) => t.place === b.place && t.offset === offset[i])) {
      d.rect(x - 1.5, y - 1.5, w + 3, h + 3, { stroke: "accent", width: 2, radius: g.radius + 1 });
    }
  }
}

function diamond(d: DrawList, x: number, y: number, r: number, role: string): void {
  d.polygon([x, y - r, x + r, y, x, y + r, x - r, y], { fill: role, fillAlpha: 0.2, stroke: role, width: 1.5 });
}

function drawEpochTicks(d: DrawList, b: BlockLayout, row: RowLayout): void {
  for (const e of row.card.epochs) {
    const slot = e.start - b.first;
    if (e.start <= row.card.log_start || slot <= 0 || slot > b.slots) continue;
    const x = b.cellX + slot * b.grid.pitch - (b.grid.pitch - b.grid.cw) / 2;
    d.line([x, row.y - 2, x, row.y + b.grid.ch + 2], { stroke: "t2", width: 1, dash: [2, 2] });
  }
}

/** The newest epoch boundary in view is named above the leader's row. */
function drawEpochNames(d: DrawList, b: BlockLayout, look: Look): void {
  const row = b.rows[0];
  if (!row || !b.grid.offsets) return;
  const e = [...row.card.epochs].reverse().find((x) => x.start > row.card.log_start && x.start > b.first && x.start <= b.first + b.slots);
  if (!e) return;
  const i = row.card.epochs.indexOf(e);
  const before = row.card.epochs[i - 1];
  const x = b.cellX + (e.start - b.first) * b.grid.pitch - (b.grid.pitch - b.grid.cw) / 2;
  // Leave the place to the flag of the high watermark.
  if (Math.abs(x - b.hwX) < 40) return;
  d.line([x, row.y - 14, x, row.y - 3], { stroke: "t3", width: 1 });
  if (before) d.text(x - 5, row.y - 9, look.words.epoch(before.epoch), { fill: "t3", size: 10, align: "right" });
  d.text(x + 5, row.y - 9, look.words.epoch(e.epoch), { fill: "t2", size: 10 });
}

function drawTruncated(d: DrawList, b: BlockLayout, row: RowLayout, look: Look): void {
  const t = row.card.truncated;
  if (!t || !b.grid.offsets) return;
  const fade = look.fade(b.place, row.card.broker);
  let x = 0;
  for (let o = t.from; o < t.to; o++) {
    const slot = o - b.first;
    if (slot < 0 || slot >= b.slots) continue;
    x = b.cellX + slot * b.grid.pitch + (1 - fade) * 14;
    const y = row.y + (1 - fade) * 6;
    const w = b.grid.cw;
    const h = b.grid.ch;
    const tilt = 2.5;
    d.polygon([x + tilt, y - 1, x + w + tilt * 0.5, y + 2, x + w - tilt, y + h + 1, x - tilt * 0.5, y + h - 2], { fill: "bad", fillAlpha: 0.1, stroke: "bad", width: 1.3, dash: [3, 2.5], alpha: fade });
    d.line([x + w / 2 - 5, y + h / 2 - 5, x + w / 2 + 5, y + h / 2 + 5], { stroke: "bad", width: 1.5, alpha: fade });
    d.line([x + w / 2 + 5, y + h / 2 - 5, x + w / 2 - 5, y + h / 2 + 5], { stroke: "bad", width: 1.5, alpha: fade });
  }
  if (x > 0) d.text(x + b.grid.pitch + 6, row.y + b.grid.ch / 2 + 0.5, look.words.cutOff(t.from, t.to, t.epoch, t.lost), { fill: "bad", size: 11, alpha: fade });
}

function drawSegments(d: DrawList, b: BlockLayout, look: Look): void {
  const row = b.rows[0];
  if (!row) return;
  const y = b.segmentY;
  for (const s of row.card.segments) {
    const from = Math.max(s.base, b.first);
    const end = s.active ? Math.max(s.end, s.base + 1) : s.end;
    const to = Math.min(s.active ? Math.max(end, b.first + b.slots - 1) : end, b.first + b.slots);
    if (to <= from) continue;
    const x0 = b.cellX + (from - b.first) * b.grid.pitch;
    const x1 = b.cellX + (to - b.first) * b.grid.pitch - (b.grid.pitch - b.grid.cw);
    d.rect(x0 + 0.5, y + 0.5, x1 - x0 - 1, 14, { fill: s.active ? "raised" : undefined, stroke: "line2", radius: 3 });
    const name = s.active ? `${segmentName(s.base)} ${look.words.active}` : segmentName(s.base);
    if (x1 - x0 > 104) d.text(x0 + 7, y + 8, name, { fill: "t2", size: 10.5, mono: true });
    else if (x1 - x0 > 44) d.text(x0 + 6, y + 8, `…${s.base}`, { fill: "t2", size: 10, mono: true });
  }
}

const clip = (s: string, n: number): string => (s.length > n ? `${s.slice(0, n - 1)}…` : s);
