/**
 * A picture as data: what to paint, in order, with colours by role. Rectangles and texts of one style are gathered into
 * one entry, so that the painter sets each style once.
 */

/** A colour by its role in the tokens; `k0`–`k7` are keys. */
export type Role = string;

export interface Rects {
  op: "rects";
  fill?: Role;
  fillAlpha: number;
  stroke?: Role;
  width: number;
  dash?: readonly number[];
  radius: number;
  hatch: boolean;
  /** x, y, w, h … */
  at: number[];
}

export interface Texts {
  op: "texts";
  fill: Role;
  alpha: number;
  size: number;
  weight: number;
  mono: boolean;
  align: "left" | "center" | "right";
  at: number[];
  text: string[];
}

export interface Line {
  op: "line";
  stroke: Role;
  width: number;
  alpha: number;
  dash?: readonly number[];
  points: readonly number[];
  close: boolean;
  fill?: Role;
  fillAlpha: number;
}

export interface Circle {
  op: "circle";
  x: number;
  y: number;
  r: number;
  fill?: Role;
  stroke?: Role;
  width: number;
  alpha: number;
}

export interface Clip {
  op: "clip";
  x: number;
  y: number;
  w: number;
  h: number;
}

export interface Unclip {
  op: "unclip";
}

export type Op = Rects | Texts | Line | Circle | Clip | Unclip;

export interface RectStyle {
  fill?: Role;
  fillAlpha?: number;
  stroke?: Role;
  width?: number;
  dash?: readonly number[];
  radius?: number;
  hatch?: boolean;
}

export interface TextStyle {
  fill: Role;
  alpha?: number;
  size: number;
  weight?: number;
  mono?: boolean;
  align?: "left" | "center" | "right";
}

/**
 * Collects operations. Styles seen since the last `barrier` are merged: within one layer things do not overlap, and its
 * words come after its shapes.
 */
export class DrawList {
  private readonly done: Op[] = [];
  private late: Texts[] = [];
  private open = new Map<string, Rects | Texts>();

  get ops(): readonly Op[] {
    this.barrier();
    return this.done;
  }

  rect(x: number, y: number, w: number, h: number, s: RectStyle): void {
    const key = `r${s.fill ?? ""}|${s.fillAlpha ?? 1}|${s.stroke ?? ""}|${s.width ?? 1}|${s.dash?.join() ?? ""}|${s.radius ?? 0}|${s.hatch ? 1 : 0}`;
    let op = this.open.get(key) as Rects | undefined;
    if (!op) {
      op = { op: "rects", fill: s.fill, fillAlpha: s.fillAlpha ?? 1, stroke: s.stroke, width: s.width ?? 1, dash: s.dash, radius: s.radius ?? 0, hatch: s.hatch ?? false, at: [] };
      this.open.set(key, op);
      this.done.push(op);
    }
    op.at.push(x, y, w, h);
  }

  text(x: number, y: number, text: string, s: TextStyle): void {
    const key = `t${s.fill}|${s.alpha ?? 1}|${s.size}|${s.weight ?? 400}|${s.mono ? 1 : 0}|${s.align ?? "left"}`;
    let op = this.open.get(key) as Texts | undefined;
    if (!op) {
      op = { op: "texts", fill: s.fill, alpha: s.alpha ?? 1, size: s.size, weight: s.weight ?? 400, mono: s.mono ?? false, align: s.align ?? "left", at: [], text: [] };
      this.open.set(key, op);
      this.late.push(op);
    }
    op.at.push(x, y);
    op.text.push(text);
  }

  line(points: readonly number[], s: { stroke: Role; width?: number; alpha?: number; dash?: readonly number[] }): void {
    this.done.push({ op: "line", stroke: s.stroke, width: s.width ?? 1, alpha: s.alpha ?? 1, dash: s.dash, points, close: false, fillAlpha: 1 });
  }

  polygon(points: readonly number[], s: { fill?: Role; fillAlpha?: number; stroke?: Role; width?: number; alpha?: number; dash?: readonly number[] }): void {
    this.done.push({ op: "line", stroke: s.stroke ?? "", width: s.width ?? 1, alpha: s.alpha ?? 1, dash: s.dash, points, close: true, fill: s.fill, fillAlpha: s.fillAlpha ?? 1 });
  }

  circle(x: number, y: number, r: number, s: { fill?: Role; stroke?: Role; width?: number; alpha?: number }): void {
    this.done.push({ op: "circle", x, y, r, fill: s.fill, stroke: s.stroke, width: s.width ?? 1, alpha: s.alpha ?? 1 });
  }

  clip(x: number, y: number, w: number, h: number): void {
    this.barrier();
    this.done.push({ op: "clip", x, y, w, h });
  }

  unclip(): void {
    this.barrier();
    this.done.push({ op: "unclip" });
  }

  /** What comes now is painted over what came before. */
  barrier(): void {
    this.done.push(...this.late);
    this.late = [];
    this.open = new Map();
  }
}
