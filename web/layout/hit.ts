/** What lies under a point of the stage: the inverse of the layout. */
import { CELL } from "../engine/generated";
import type { Target } from "../model/target";
import { PIN_LANE, type BlockLayout, type StageLayout } from "./stage";

const NEAR = 12;

export function hitTest(layout: StageLayout, x: number, y: number): Target | null {
  for (let i = layout.flights.length - 1; i >= 0; i--) {
    const f = layout.flights[i];
    if (f.kind !== 0 && Math.abs(f.x - x) < NEAR && Math.abs(f.y - y) < NEAR) return { kind: "message", id: f.id };
  }
  for (const b of layout.blocks) {
    if (!b.visible || x < b.x || x > b.x + b.w || y < b.y || y > b.y + b.h) continue;
    return hitBlock(b, x, y);
  }
  return null;
}

function hitBlock(b: BlockLayout, x: number, y: number): Target | null {
  const id = { topic: b.card.topic, partition: b.card.partition };
  if (y < b.rowsTop && Math.abs(x - b.hwX) < 26 && y >= b.hwTop - 2 && y < b.hwTop + 18) return { kind: "hw", ...id };
  if (b.lsoX !== null && y < b.rowsTop && Math.abs(x - b.lsoX) < 26) return { kind: "lso", ...id };
  for (const row of b.rows) {
    if (y < row.y || y > row.y + b.grid.ch) continue;
    const slot = Math.floor((x - b.cellX) / b.grid.pitch);
    if (slot < 0 || slot >= b.slots) continue;
    const offset = b.first + slot;
    if (offset < row.card.log_start || offset >= row.card.leo) return null;
    return { kind: "record", ...id, offset, broker: row.card.broker };
  }
  for (const p of b.pins) {
    const top = b.pinY + p.lane * PIN_LANE;
    if (y < top || y > top + 14 || Math.abs(x - p.x) > 70) continue;
    if (p.side === "left" ? x > p.x + 8 : x < p.x - 8) continue;
    return { kind: "pin", ...id, group: p.group, member: p.member, pin: p.kind === "position" ? "position" : "committed" };
  }
  if (y >= b.segmentY && y <= b.segmentY + 16) {
    const offset = b.first + Math.floor((x - b.cellX) / b.grid.pitch);
    const lead = b.rows[0]?.card;
    const s = lead?.segments.find((g) => offset >= g.base && (offset < g.end || g.active));
    if (lead && s && x >= b.cellX) return { kind: "segment", ...id, broker: lead.broker, base: s.base };
  }
  return null;
}

/** What a cell's flags say, for the parallel tree and tooltips. */
export const isAboveHw = (flags: number): boolean => (flags & CELL.aboveHw) !== 0;
