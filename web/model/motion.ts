/**
 * What glides: high watermarks, pins, rows, cells that arrive, cells that break off. Fed with each new scene, asked at
 * each picture. Screen time only; ease-out, no bounce. With reduced motion everything is where it belongs at once.
 */
import type { Motion } from "../layout/stage";
import type { Scene } from "./scene";

interface Glide {
  from: number;
  to: number;
  start: number;
  ms: number;
}

/** Screen time of a state change and of a cell's arrival (play.md §1). */
const GLIDE_MS = 320;
const BORN_MS = 120;
const FADE_MS = 4000;

const ease = (u: number): number => 1 - (1 - u) ** 3;

export class MotionModel implements Motion {
  private glides = new Map<string, Glide>();
  private births = new Map<string, number>();
  private fades = new Map<string, { event: number; start: number }>();
  private leos = new Map<string, number>();
  private clock = 0;
  private instant = false;

  /** Takes a new scene. `jump`: it does not follow from the last one (a seek), so nothing is animated. */
  feed(scene: Scene, screenMs: number, jump: boolean, reduced: boolean): void {
    this.clock = screenMs;
    this.instant = jump || reduced;
    if (this.instant) {
      this.glides.clear();
      this.births.clear();
    }
    scene.frame.partitions.forEach((p, place) => {
      for (const r of p.replicas) {
        const key = `${place}/${r.broker}`;
        const before = this.leos.get(key);
        if (!this.instant && before !== undefined && r.leo > before && r.leo - before < 64) {
          for (let o = before; o < r.leo; o++) this.births.set(`${key}/${o}`, screenMs);
        }
        this.leos.set(key, r.leo);
        if (r.truncated) {
          const f = this.fades.get(key);
          if (!f || f.event !== r.truncated.event) this.fades.set(key, { event: r.truncated.event, start: screenMs });
        } else this.fades.delete(key);
      }
    });
    if (this.births.size > 600) this.births.clear();
  }

  /** Moves the clock on. */
  tick(screenMs: number): void {
    this.clock = screenMs;
  }

  /** Whether another picture is needed. Asked after the layout, which is what starts a glide. */
  moving(): boolean {
    const screenMs = this.clock;
    let moving = false;
    for (const g of this.glides.values()) if (screenMs - g.start < g.ms) moving = true;
    for (const [k, start] of this.births) {
      if (screenMs - start < BORN_MS) moving = true;
      else this.births.delete(k);
    }
    for (const f of this.fades.values()) if (screenMs - f.start < 500) moving = true;
    return moving;
  }

  private glide(key: string, to: number): number {
    const g = this.glides.get(key);
    if (!g || this.instant) {
      this.glides.set(key, { from: to, to, start: this.clock - GLIDE_MS, ms: GLIDE_MS });
      return to;
    }
    const at = this.value(g);
    if (g.to !== to) {
      this.glides.set(key, { from: at, to, start: this.clock, ms: GLIDE_MS });
      return at;
    }
    return at;
  }

  private value(g: Glide): number {
    const u = Math.min(1, (this.clock - g.start) / g.ms);
    return g.from + (g.to - g.from) * ease(u);
  }

  hw(place: number, to: number): number {
    return this.glide(`hw/${place}`, to);
  }

  followerHw(place: number, broker: number, to: number): number {
    return this.glide(`fhw/${place}/${broker}`, to);
  }

  pin(key: string, to: number): number {
    return this.glide(`pin/${key}`, to);
  }

  rowShift(place: number, broker: number, row: number): number {
    return this.glide(`row/${place}/${broker}`, row);
  }

  born(place: number, broker: number, offset: number): number {
    const start = this.births.get(`${place}/${broker}/${offset}`);
    return start === undefined ? 1 : Math.min(1, (this.clock - start) / BORN_MS);
  }

  /** How visible the truncated cells of a replica still are. */
  fade(place: number, broker: number): number {
    const f = this.fades.get(`${place}/${broker}`);
    if (!f) return 1;
    const age = this.clock - f.start;
    return Math.max(0.55, 1 - Math.max(0, age - FADE_MS / 2) / FADE_MS);
  }
}
