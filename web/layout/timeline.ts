/** Where the timeline's marks stand: the story's own scale, so that busy stretches are wide and quiet ones fold. Pure. */
import type { KnotCard, MarkCard } from "../engine/generated";
import type { TimelineModel } from "../model/store";
import { screenAt, virtualAt } from "../model/pace";

export const LANES = ["you", "produce", "copy", "group", "fault"] as const;

export interface MarkLayout {
  readonly x: number;
  readonly y: number;
  readonly card: MarkCard;
}

export interface FoldLayout {
  readonly x0: number;
  readonly x1: number;
  readonly us: number;
}

export interface BranchLayout {
  readonly id: number;
  readonly x0: number;
  readonly x1: number;
  readonly y: number;
  readonly leftAtUs: number;
  readonly ticks: readonly number[];
}

export interface TimelineLayout {
  readonly width: number;
  readonly height: number;
  readonly left: number;
  /** Lanes are shown (they are not on a phone). */
  readonly lanes: readonly { name: (typeof LANES)[number]; y: number }[];
  readonly axis: readonly { x: number; us: number }[];
  readonly marks: readonly MarkLayout[];
  readonly folds: readonly FoldLayout[];
  readonly playX: number;
  readonly runX: number;
  readonly top: number;
  readonly bottom: number;
  readonly branchY: number;
  readonly branches: readonly BranchLayout[];
  readonly usAt: (x: number) => number;
}

const LABELS = 64;
/** A screen second is so many pixels at most; long runs shrink until they fit, then the window follows the playhead. */
const PX_PER_MS = 0.022;
const MIN_PX_PER_MS = 0.004;
/** Folded stretches get room for their words. */
const FOLD_PX = 34;
const FOLD_MIN_US = 1_000_000;

export function layoutTimeline(model: TimelineModel, nowUs: number, width: number, height: number): TimelineLayout {
  const compact = height < 60;
  const left = compact ? 0 : LABELS;
  const room = width - left - 12;
  const knots = model.knots;
  const runScreen = screenAt(knots, model.runUs);
  const playScreen = screenAt(knots, nowUs);
  // Fit what has been run into three quarters of the room, as long as marks stay apart.
  const fit = (room * 0.74) / Math.max(1, runScreen);
  const scale = Math.max(MIN_PX_PER_MS, Math.min(PX_PER_MS, fit));
  const total = runScreen * scale;
  const offset = total <= room * 0.8 ? 0 : Math.max(0, Math.min(total - room * 0.8, playScreen * scale - room * 0.6));
  const xOf = (us: number): number => left + screenAt(knots, us) * scale - offset;
  const usAt = (x: number): number => virtualAt(knots, (x - left + offset) / scale);
  const top = compact ? 4 : 18;
  const laneHeight = 13;
  const lanes = compact ? [] : LANES.map((name, i) => ({ name, y: top + 7 + i * laneHeight }));
  const laneY = new Map<string, number>(compact ? LANES.map((l) => [l, height / 2]) : lanes.map((l) => [l.name, l.y]));
  const bottom = compact ? height - 4 : top + LANES.length * laneHeight + 1;
  const branchY = compact ? bottom : bottom + 9;
  const marks: MarkLayout[] = [];
  let last = -10;
  for (const card of model.marks) {
    if (card.at_us > model.runUs) break;
    const x = xOf(card.at_us);
    if (x < left - 4 || x > width) continue;
    // A plain mark that falls on the one before it in its lane would only cost time.
    if (card.tone === "plain" && card.lane === "copy" && Math.abs(x - last) < 1) continue;
    last = x;
    marks.push({ x, y: laneY.get(card.lane) ?? top, card });
  }
  return {
    width,
    height,
    left,
    lanes,
    axis: compact ? [] : axisOf(knots, model.runUs, xOf, left, width, usAt),
    marks,
    folds: foldsOf(knots, model.runUs, xOf, left, width),
    playX: xOf(nowUs),
    runX: Math.min(width, xOf(model.runUs)),
    top,
    bottom,
    branchY,
    branches: compact ? [] : branchesOf(model, xOf, left, width, branchY),
    usAt,
  };
}

function axisOf(_knots: readonly KnotCard[], runUs: number, xOf: (us: number) => number, left: number, width: number, usAt: (x: number) => number): { x: number; us: number }[] {
  const out: { x: number; us: number }[] = [];
  const end = Math.min(width - 30, xOf(runUs));
  for (let x = left; x <= end; x += 108) out.push({ x, us: usAt(x) });
  return out;
}

function foldsOf(knots: readonly KnotCard[], runUs: number, xOf: (us: number) => number, left: number, width: number): FoldLayout[] {
  const out: FoldLayout[] = [];
  for (let i = 1; i < knots.length; i++) {
    const a = knots[i - 1];
    const b = knots[i];
    if (!b.folded || b.at_us - a.at_us < FOLD_MIN_US || a.at_us >= runUs) continue;
    const x0 = xOf(a.at_us);
    const x1 = Math.max(xOf(b.at_us), x0 + 2);
    if (x1 < left || x0 > width) continue;
    out.push({ x0: Math.max(left, x0), x1, us: b.at_us - a.at_us });
  }
  return out;
}

function branchesOf(model: TimelineModel, xOf: (us: number) => number, left: number, width: number, y0: number): BranchLayout[] {
  return model.branches.slice(-2).map((b, i) => {
    const x0 = Math.max(left, xOf(Math.min(b.leftAtUs, model.runUs)));
    return { id: b.id, x0, x1: Math.min(width - 8, x0 + 260), y: y0 + 11 + i * 13, leftAtUs: b.leftAtUs, ticks: b.marks.map((_, k) => 12 + k * 5) };
  });
}

export { FOLD_PX };
