/**
 * Moves the cursor: plays at one of the three paces, steps, scrubs. The engine is asked for little: a look ahead, an
 * advance, and a frame when something happened. Nothing here blocks longer than its slice.
 */
import { batch } from "@preact/signals";
import type { Engine } from "../engine/engine";
import type { EventCard, Frame, KnotCard, MarkCard } from "../engine/generated";
import { slotsOf } from "../layout/stage";
import type { MotionModel } from "../model/motion";
import { foldAt, screenAt, virtualAt } from "../model/pace";
import * as store from "../model/store";

/** Main thread per picture that the engine may take. */
const SLICE_MS = 8;
/** Steps of the world in one call: small enough to stay well inside a slice. */
const STEPS = 2_000;
/** The scout keeps so much screen time in hand. */
const AHEAD_MS = 1_500;
/** And gives up after so many steps without a visible change (play.md §1). */
const SCOUT_STEPS = 200_000;
/** Events kept for the log. */
const LOG = 1_200;

export class Player {
  private screenMs = 0;
  private lastFrame = 0;
  private queued = 0;
  private version = 0;
  private knots: KnotCard[] = [];
  private marks: MarkCard[] = [];
  private scouted = 0;
  private dry = false;
  private shownEvent = -1;
  private logged = 0;
  private virtual = 0;
  private log: EventCard[] = [];

  constructor(
    private engine: Engine,
    private readonly motion: MotionModel,
    private readonly broken: (e: unknown) => void,
  ) {}

  /** Takes another engine (after a rebuild). */
  use(engine: Engine): void {
    this.engine = engine;
    this.reset(true);
  }

  /** The world changed under the cursor: read everything anew. `jump`: nothing is animated. */
  reset(jump: boolean): void {
    this.dry = false;
    this.scouted = 0;
    this.readStory();
    this.virtual = this.engine.now();
    this.screenMs = screenAt(this.knots, this.virtual);
    this.pull(jump, true);
    store.canUndo.value = this.engine.canUndo();
  }

  play(): void {
    store.playing.value = true;
    this.lastFrame = performance.now();
    this.ask();
  }

  pause(): void {
    batch(() => {
      store.playing.value = false;
      store.folding.value = null;
      store.waiting.value = null;
    });
  }

  step(): void {
    this.pause();
    this.tryIt(() => {
      this.engine.step(store.stepBy.peek());
      this.arrived(false);
    });
  }

  stepBack(): void {
    this.pause();
    this.tryIt(() => {
      this.engine.stepBack(store.stepBy.peek());
      this.arrived(false);
    });
  }

  seekUs(us: number): void {
    this.tryIt(() => {
      const run = this.engine.runUs();
      if (us > run) {
        // Beyond what was run: on, in slices, as far as this picture's time goes.
        this.engine.seekUs(run);
        this.advance(us, SLICE_MS * 2);
      } else this.engine.seekUs(us);
      this.arrived(true, us);
    });
  }

  seekEvent(event: number): void {
    this.pause();
    this.tryIt(() => {
      this.engine.seekEvent(event);
      this.arrived(true);
    });
  }

  /** Skips to the next thing that is due, when nothing visible lies ahead. */
  skip(): void {
    const w = store.waiting.peek();
    if (!w) return;
    store.waiting.value = null;
    this.seekUs(w.deadlineUs);
    this.dry = false;
    this.scouted = 0;
  }

  private arrived(jump: boolean, us?: number): void {
    this.readStory();
    this.virtual = us !== undefined ? Math.min(us, Math.max(this.engine.runUs(), us)) : this.engine.now();
    this.screenMs = screenAt(this.knots, this.virtual);
    this.pull(jump, true);
  }

  private ask(): void {
    if (!this.queued) this.queued = requestAnimationFrame((time) => this.tick(time));
  }

  private tick(time: number): void {
    this.queued = 0;
    if (!store.playing.peek()) return;
    const dt = Math.min(100, Math.max(0, time - this.lastFrame)) * store.speed.peek();
    this.lastFrame = time;
    this.tryIt(() => {
      switch (store.pace.peek()) {
        case "story":
          this.story(dt);
          break;
        case "clock":
          this.virtual += (dt / 1000) * store.clockRatio.peek();
          this.advance(this.virtual, SLICE_MS);
          this.screenMs = screenAt(this.knots, this.virtual);
          break;
        case "max":
          this.advance(Number.MAX_SAFE_INTEGER / 2, SLICE_MS);
          this.virtual = this.engine.now();
          this.screenMs = screenAt(this.knots, this.virtual);
          break;
      }
      this.pull(false, false);
    });
    if (store.panic.peek() === null && store.playing.peek()) this.ask();
  }

  private story(dt: number): void {
    const until = performance.now() + SLICE_MS;
    const end = (): number => this.knots[this.knots.length - 1]?.screen_ms ?? 0;
    while (!this.dry && end() < this.screenMs + AHEAD_MS && performance.now() < until) {
      const found = this.engine.lookAhead(STEPS);
      this.scouted += STEPS;
      this.readStory();
      if (found) this.scouted = 0;
      else if (this.scouted >= SCOUT_STEPS) this.dry = true;
    }
    const limit = end();
    if (this.screenMs + dt > limit && this.dry) {
      // Nothing visible ahead: time runs one to one and the page says so.
      this.screenMs = limit;
      this.virtual += dt * 1000;
      if (store.waiting.peek() === null) store.waiting.value = { deadlineUs: this.virtual + 60_000_000 };
    } else {
      this.screenMs = Math.min(this.screenMs + dt, limit);
      this.virtual = Math.max(this.virtual, virtualAt(this.knots, this.screenMs));
      if (store.waiting.peek() !== null) store.waiting.value = null;
    }
    const fold = foldAt(this.knots, this.screenMs);
    const before = store.folding.peek();
    if (fold !== null && fold > 1_000_000) {
      if (before?.us !== fold) store.folding.value = { us: fold };
    } else if (before !== null) store.folding.value = null;
    this.advance(this.virtual, SLICE_MS);
  }

  /** Brings the engine to an instant, as far as the slice allows. */
  private advance(us: number, sliceMs: number): void {
    const until = performance.now() + sliceMs;
    for (;;) {
      const ended = this.engine.advance(us, STEPS);
      if (ended !== "budget_spent") {
        if (ended === "invariant_violated" || ended === "breakpoint") this.pause();
        return;
      }
      if (performance.now() > until) {
        this.virtual = Math.min(this.virtual, this.engine.now());
        return;
      }
    }
  }

  private readStory(): void {
    const part = this.engine.story(this.version, this.knots.length, this.marks.length);
    if (part.version !== this.version) {
      this.version = part.version;
      this.dry = false;
      this.scouted = 0;
    }
    if (part.knots.length === 0 && part.marks.length === 0 && part.from >= this.knots.length && part.marks_from >= this.marks.length) return;
    this.knots.length = part.from;
    this.knots.push(...part.knots);
    this.marks.length = part.marks_from;
    this.marks.push(...part.marks);
  }

  /** Reads what is drawn, if something happened since, and tells the page. */
  pull(jump: boolean, always: boolean): void {
    const event = this.engine.event();
    const changed = event !== this.shownEvent || always;
    batch(() => {
      if (changed) {
        const slots = slotsOf(Math.max(420, window.innerWidth - 480), 100, store.zoom.peek()) + 4;
        const scene = this.engine.frame(slots, store.back.peek());
        this.motion.feed(scene, performance.now(), jump, store.reducedMotion.peek());
        store.scene.value = scene;
        this.readLog(event, jump);
        this.shownEvent = event;
      }
      store.nowUs.value = this.virtual;
      const runUs = Math.max(this.engine.runUs(), this.virtual);
      const before = store.timeline.peek();
      if (changed || runUs !== before.runUs) {
        store.timeline.value = { knots: this.knots, marks: this.marks, runUs, branches: this.branches(changed && always, before.branches) };
      }
    });
  }

  private branches(anew: boolean, before: readonly store.BranchStrip[]): readonly store.BranchStrip[] {
    if (!anew) return before;
    const all = this.engine.branches();
    const now = all.find((b) => b.current);
    return all
      .filter((b) => !b.current)
      .map((b) => ({ id: b.id, leftAtUs: now?.from === b.id ? (now.left_at_us ?? 0) : (b.left_at_us ?? 0), endUs: b.end_us, marks: [] }));
  }

  /** The log follows the cursor: new events are appended, a jump reads the stretch before it. */
  private readLog(event: number, jump: boolean): void {
    if (jump || event < this.logged || event - this.logged > LOG) {
      this.log = this.engine.events(Math.max(1, event - LOG), event, LOG);
    } else if (event > this.logged) {
      this.log = [...this.log, ...this.engine.events(this.logged + 1, event, LOG)].slice(-LOG);
    }
    this.logged = event;
    store.events.value = this.log;
    const playing = store.playing.peek();
    const scene = store.scene.peek();
    for (let i = this.log.length - 1; i >= 0; i--) {
      const e = this.log[i];
      // While it plays, what a follower learns late would always have the last word.
      if (playing && scene && learntLate(e, scene.frame)) continue;
      if (e.visible || e.what.is === "commanded") {
        if (store.narration.peek()?.id !== e.id) store.narration.value = e;
        return;
      }
    }
    store.narration.value = null;
  }

  private tryIt(f: () => void): void {
    try {
      f();
    } catch (e) {
      this.pause();
      this.broken(e);
    }
  }
}

/** A follower hears of a high watermark that the leader has moved before. */
function learntLate(e: EventCard, frame: Frame): boolean {
  const c = e.what;
  if (c.is !== "changed" || c.fact !== "high_watermark") return false;
  const p = frame.partitions.find((x) => x.topic === c.subject.topic && x.partition === c.subject.partition);
  return p !== undefined && p.leader !== c.subject.node;
}
