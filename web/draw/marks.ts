/** What stands over and under the rows: high watermark, last stable offset, pins. Pure. */
import type { BlockLayout, Motion, PinLayout } from "../layout/stage";
import { PIN_LANE } from "../layout/stage";
import type { DrawList } from "./list";
import type { Look } from "./rows";

/** Width of a flag's words at 10.5 px, near enough for a box around them. */
const flagWidth = (text: string): number => 12 + text.length * 6.1;

export function drawMarks(d: DrawList, b: BlockLayout, look: Look, motion: Motion): void {
  const hw = b.card.hw;
  if (b.card.leader >= 0 || hw > 0) {
    d.line([b.hwX, b.hwTop + 8, b.hwX, b.hwBottom], { stroke: "hw", width: 2 });
    flag(d, b.hwX, b.hwTop, look.words.hw(hw), "hw", "on-hw");
  }
  if (b.lsoX !== null) {
    d.line([b.lsoX, b.hwTop + 8, b.lsoX, b.hwBottom], { stroke: "lso", width: 1.6, dash: [4, 3] });
    const shift = Math.abs(b.lsoX - b.hwX) < 52 ? -30 : 0;
    flag(d, b.lsoX + shift, b.hwTop, look.words.lso(b.card.lso), "lso", "on-lso");
  }
  for (const row of b.rows) {
    if (row.card.role !== "follower" || row.card.hw <= 0 || row.card.hw === hw) continue;
    const at = motion.followerHw(b.place, row.card.broker, row.card.hw) - b.first;
    if (at < 0 || at > b.slots) continue;
    const x = b.cellX + at * b.grid.pitch - (b.grid.pitch - b.grid.cw) / 2;
    d.line([x, row.y - 1, x, row.y + b.grid.ch + 1], { stroke: "hw", width: 1.2, dash: [2.5, 2], alpha: 0.85 });
  }
  for (const p of b.pins) pin(d, b, p, look);
}

function flag(d: DrawList, x: number, y: number, text: string, ground: string, ink: string): void {
  const w = flagWidth(text);
  d.rect(x - w / 2, y, w, 15, { fill: ground, radius: 3.5 });
  d.barrier();
  d.text(x, y + 8, text, { fill: ink, size: 10.5, weight: 650, align: "center" });
}

function pin(d: DrawList, b: BlockLayout, p: PinLayout, look: Look): void {
  const y = b.pinY + p.lane * PIN_LANE;
  const triangle = [p.x, y + 1, p.x + 5.5, y + 11, p.x - 5.5, y + 11];
  d.polygon(triangle, p.kind === "position" ? { stroke: "accent-t", width: 1.5 } : { fill: "accent", stroke: "accent", width: 1 });
  const text =
    p.kind === "both"
      ? look.words.both(p.member, p.offset)
      : p.kind === "committed"
        ? look.words.committed(p.member || p.group, p.offset)
        : look.words.position(p.offset);
  const left = p.side === "left";
  d.text(left ? p.x - 9 : p.x + 9, y + 7, text, { fill: "accent-t", size: 10.5, align: left ? "right" : "left" });
}
