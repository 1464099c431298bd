/** The timeline as a draw list. Pure. */
import { axis, duration, stamp } from "../base/format";
import type { Frame } from "../engine/generated";
import type { Words } from "../i18n";
import type { TimelineLayout } from "../layout/timeline";
import { keyStyle } from "../model/scene";
import { DrawList, type Op } from "./list";

export function drawTimeline(l: TimelineLayout, w: Words, _frame: Frame | null): readonly Op[] {
  const d = new DrawList();
  if (l.lanes.length === 0) return compact(d, l);
  for (const a of l.axis) {
    d.text(a.x, 7, axis(a.us), { fill: "t3", size: 10 });
    d.line([a.x + 0.5, l.top - 3, a.x + 0.5, l.bottom], { stroke: "line", width: 1 });
  }
  for (const lane of l.lanes) {
    d.text(l.left - 8, lane.y, w.play.lanes[lane.name], { fill: "t3", size: 10, align: "right" });
    d.rect(l.left, lane.y + 6, l.width - l.left, 1, { fill: "line", fillAlpha: 0.6 });
  }
  d.rect(l.left, l.top - 3, Math.max(0, l.playX - l.left), l.bottom - l.top + 3, { fill: "accent", fillAlpha: 0.05 });
  d.barrier();
  for (const f of l.folds) {
    d.rect(f.x0, l.top - 2, f.x1 - f.x0, l.bottom - l.top + 1, { fill: "raised", radius: 3 });
  }
  d.barrier();
  for (const f of l.folds) {
    if (f.x1 - f.x0 < 30) continue;
    const x = (f.x0 + f.x1) / 2;
    const y = (l.top + l.bottom) / 2;
    d.polygon([x - 6, y - 10, x, y - 6, x - 6, y - 2], { fill: "t3" });
    d.polygon([x, y - 10, x + 6, y - 6, x, y - 2], { fill: "t3" });
    d.text(x, y + 7, duration(f.us), { fill: "t2", size: 10, weight: 600, align: "center" });
  }
  d.clip(l.left - 6, 0, l.width - l.left + 6, l.height);
  for (const m of l.marks) mark(d, m.x, m.y, m.card.lane, m.card.tone, m.card.key, m.card.node, w);
  d.unclip();
  // Branch line: what was run, then the playhead.
  d.text(l.left - 8, l.branchY, w.play.branches, { fill: "t3", size: 10, align: "right" });
  d.line([l.left, l.branchY, Math.max(l.left, l.playX), l.branchY], { stroke: "accent", width: 2 });
  if (l.runX > l.playX + 1) d.line([l.playX, l.branchY, l.runX, l.branchY], { stroke: "line2", width: 2 });
  d.line([l.runX, l.branchY, l.width, l.branchY], { stroke: "line", width: 1 });
  for (const b of l.branches) {
    d.line([b.x0, l.branchY, b.x0 + 12, b.y, b.x1, b.y], { stroke: "t3", width: 1, dash: [2, 3] });
    d.circle(b.x0, l.branchY, 3.2, { fill: "panel", stroke: "t2", width: 1.5 });
    for (const t of b.ticks.slice(0, 24)) d.rect(b.x0 + 8 + t, b.y - 3, 1, 6, { fill: "t3" });
    d.barrier();
    const words = w.play.branch(b.id + 1, stamp(b.leftAtUs));
    const wide = words.length * (w.lang === "ko" ? 8 : 5.6) + 18;
    d.rect(b.x1 - wide, b.y - 8, wide, 16, { fill: "panel", stroke: "line2", radius: 8 });
    d.barrier();
    d.text(b.x1 - wide + 9, b.y + 0.5, words, { fill: "t2", size: 10 });
  }
  if (l.width - l.runX > 90) d.text(l.runX + 9, (l.top + l.bottom) / 2 + 2, w.play.notRun, { fill: "t3", size: 10.5 });
  d.barrier();
  d.line([l.playX, 6, l.playX, l.branchY], { stroke: "accent", width: 2 });
  d.polygon([l.playX - 6, 0, l.playX + 6, 0, l.playX + 6, 8, l.playX, 13, l.playX - 6, 8], { fill: "accent" });
  d.circle(l.playX, l.branchY, 3.4, { fill: "accent" });
  return d.ops;
}

function mark(d: DrawList, x: number, y: number, lane: string, tone: string, key: number, node: number, w: Words): void {
  if (tone === "killed" || tone === "fenced" || tone === "cut") {
    d.line([x - 3.5, y - 3.5, x + 3.5, y + 3.5], { stroke: "bad", width: 1.6 });
    d.line([x + 3.5, y - 3.5, x - 3.5, y + 3.5], { stroke: "bad", width: 1.6 });
    d.text(x + 8, y + 0.5, tone === "killed" ? w.play.marks.killed(node) : tone === "fenced" ? w.play.marks.fenced : w.play.marks.cut, { fill: "t2", size: 10 });
    return;
  }
  if (tone === "back") {
    d.circle(x, y, 3.4, { stroke: "hw", width: 1.6 });
    d.text(x + 8, y + 0.5, w.play.marks.back(node), { fill: "t2", size: 10 });
    return;
  }
  if (tone === "lost") {
    d.polygon([x, y - 4, x + 4.5, y + 4, x - 4.5, y + 4], { fill: "bad" });
    d.text(x + 8, y + 0.5, w.play.marks.lost, { fill: "bad", size: 10 });
    return;
  }
  if (lane === "you") {
    d.polygon([x - 3.6, y - 5, x + 3.6, y - 5, x + 3.6, y + 1.5, x, y + 5, x - 3.6, y + 1.5], { fill: "t1" });
    return;
  }
  if (lane === "produce") d.rect(x - 1, y - 4, 2, 8, { fill: `k${keyStyle(key).colour}`, radius: 0.5 });
  else if (lane === "copy") d.rect(x - 0.75, y - 3, 1.5, 6, { fill: "t3" });
  else d.rect(x - 1, y - 4, 2, 8, { fill: lane === "group" ? "accent" : "bad", radius: 0.5 });
}

function compact(d: DrawList, l: TimelineLayout): readonly Op[] {
  const y = l.height / 2;
  d.rect(0, y - 6, l.width, 12, { fill: "raised", radius: 4 });
  d.barrier();
  d.rect(0, y - 6, Math.max(0, l.playX), 12, { fill: "accent", fillAlpha: 0.25, radius: 4 });
  d.barrier();
  for (const m of l.marks) {
    if (m.card.tone === "plain" && m.card.lane !== "you") d.rect(m.x - 0.75, y - 3.5, 1.5, 7, { fill: m.card.lane === "produce" ? `k${keyStyle(m.card.key).colour}` : "t3" });
    else d.circle(m.x, y - 10, 2.4, { fill: m.card.lane === "you" ? "accent" : m.card.tone === "back" ? "hw" : "bad" });
  }
  d.barrier();
  d.rect(l.playX - 1, y - 10, 2, 20, { fill: "accent" });
  d.circle(l.playX, y, 6, { fill: "accent" });
  return d.ops;
}
