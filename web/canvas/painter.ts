/** Puts a draw list on a canvas. Knows nothing of Kafka. */
import type { Op } from "../draw/list";
import type { Palette } from "./palette";

export class Painter {
  private readonly ctx: CanvasRenderingContext2D;
  private dpr = 1;

  constructor(readonly canvas: HTMLCanvasElement) {
    const ctx = canvas.getContext("2d");
    if (!ctx) throw new Error("this browser has no 2D canvas");
    this.ctx = ctx;
  }

  resize(width: number, height: number, dpr: number): void {
    const w = Math.round(width * dpr);
    const h = Math.round(height * dpr);
    if (this.canvas.width !== w) this.canvas.width = w;
    if (this.canvas.height !== h) this.canvas.height = h;
    this.canvas.style.width = `${width}px`;
    this.canvas.style.height = `${height}px`;
    this.dpr = dpr;
  }

  paint(ops: readonly Op[], palette: Palette): void {
    const c = this.ctx;
    c.setTransform(this.dpr, 0, 0, this.dpr, 0, 0);
    c.clearRect(0, 0, this.canvas.width / this.dpr, this.canvas.height / this.dpr);
    for (const op of ops) {
      switch (op.op) {
        case "rects":
          this.rects(op, palette);
          break;
        case "texts": {
          c.fillStyle = palette.of(op.fill);
          c.globalAlpha = op.alpha;
          c.font = `${op.weight} ${op.size}px ${op.mono ? palette.mono : palette.sans}`;
          c.textAlign = op.align;
          c.textBaseline = "middle";
          for (let i = 0; i < op.text.length; i++) c.fillText(op.text[i], op.at[i * 2], op.at[i * 2 + 1]);
          c.globalAlpha = 1;
          break;
        }
        case "line": {
          const p = op.points;
          c.beginPath();
          c.moveTo(p[0], p[1]);
          for (let i = 2; i < p.length; i += 2) c.lineTo(p[i], p[i + 1]);
          if (op.close) c.closePath();
          if (op.fill) {
            c.globalAlpha = op.alpha * op.fillAlpha;
            c.fillStyle = palette.of(op.fill);
            c.fill();
          }
          if (op.stroke) {
            c.globalAlpha = op.alpha;
            c.strokeStyle = palette.of(op.stroke);
            c.lineWidth = op.width;
            c.lineJoin = "round";
            c.setLineDash(op.dash ? (op.dash as number[]) : []);
            c.stroke();
          }
          c.globalAlpha = 1;
          break;
        }
        case "circle": {
          c.beginPath();
          c.arc(op.x, op.y, op.r, 0, Math.PI * 2);
          c.globalAlpha = op.alpha;
          if (op.fill) {
            c.fillStyle = palette.of(op.fill);
            c.fill();
          }
          if (op.stroke) {
            c.setLineDash([]);
            c.strokeStyle = palette.of(op.stroke);
            c.lineWidth = op.width;
            c.stroke();
          }
          c.globalAlpha = 1;
          break;
        }
        case "clip":
          c.save();
          c.beginPath();
          c.rect(op.x, op.y, op.w, op.h);
          c.clip();
          break;
        case "unclip":
          c.restore();
          break;
      }
    }
  }

  private rects(op: Extract<Op, { op: "rects" }>, palette: Palette): void {
    const c = this.ctx;
    const { at } = op;
    c.beginPath();
    for (let i = 0; i < at.length; i += 4) {
      if (op.radius > 0) c.roundRect(at[i], at[i + 1], at[i + 2], at[i + 3], op.radius);
      else c.rect(at[i], at[i + 1], at[i + 2], at[i + 3]);
    }
    if (op.fill) {
      c.fillStyle = palette.of(op.fill);
      c.globalAlpha = op.fillAlpha;
      c.fill();
      c.globalAlpha = 1;
    }
    if (op.hatch) {
      c.save();
      c.clip();
      c.beginPath();
      for (let i = 0; i < at.length; i += 4) {
        for (let d = -at[i + 3]; d < at[i + 2]; d += 6) {
          c.moveTo(at[i] + d, at[i + 1] + at[i + 3]);
          c.lineTo(at[i] + d + at[i + 3], at[i + 1]);
        }
      }
      c.setLineDash([]);
      c.lineWidth = 2;
      c.strokeStyle = palette.of("kt");
      c.globalAlpha = 0.38;
      c.stroke();
      c.restore();
    }
    if (op.stroke) {
      if (op.hatch) {
        c.beginPath();
        for (let i = 0; i < at.length; i += 4) c.roundRect(at[i], at[i + 1], at[i + 2], at[i + 3], op.radius);
      }
      c.strokeStyle = palette.of(op.stroke);
      c.lineWidth = op.width;
      c.setLineDash(op.dash ? (op.dash as number[]) : []);
      c.stroke();
    }
  }
}
