/**
 * The four lanes to the engine: commands in, events out, frame out, inspect. Everything that the page knows of Kafka comes
 * through here; the class behind it is made by wasm-bindgen from `crates/wasm`.
 */
import init, { Engine as Wasm } from "../../crates/wasm/pkg/offsetscope_wasm.js";
import type { BranchCard, CauseCard, Command, EventCard, Frame, InspectCard, KnotCard, MarkCard, RefusalCard } from "./generated";
import type { Scene } from "../model/scene";
import type { Target } from "../model/target";

export type Stride = "event" | "change" | "request";
export type Ended = "reached" | "budget_spent" | "breakpoint" | "invariant_violated";

export interface StoryPart {
  /** Goes up when knots were taken back; then the part begins at 0. */
  version: number;
  from: number;
  knots: KnotCard[];
  marks_from: number;
  marks: MarkCard[];
}

/** What the engine says no to: what, where, the nearest right thing. */
export class Refused extends Error {
  constructor(readonly card: RefusalCard) {
    super(card.what);
  }
}

/** The engine broke: the instance must not be used again. */
export class Broken extends Error {}

interface Memory {
  readonly buffer: ArrayBuffer;
}

let memory: Memory | null = null;

export async function loadEngine(): Promise<void> {
  const exports = await init();
  memory = exports.memory as unknown as Memory;
}

export class Engine {
  private readonly wasm: Wasm;
  private readonly scenario: string;

  constructor(scenario: string, journal = "") {
    this.scenario = scenario;
    this.wasm = guard(() => new Wasm(scenario, journal));
  }

  get source(): string {
    return this.scenario;
  }

  /** Frees the instance's memory. After a panic it must not be called. */
  dispose(): void {
    this.wasm.free();
  }

  /** What is drawn, for a window of `slots` cells, `back` cells away from the tail. Columns are views: read them at once. */
  frame(slots: number, back: number): Scene {
    return guard(() => {
      const frame = this.wasm.frame(slots, back) as Frame;
      const actors = this.wasm.actors() as string[];
      const at = this.wasm.columns();
      const b = (memory as Memory).buffer;
      const cells = {
        offset: new Float64Array(b, at[0], at[1]).slice(),
        key: new Uint32Array(b, at[2], at[3]).slice(),
        flags: new Uint32Array(b, at[4], at[5]).slice(),
        epoch: new Int32Array(b, at[6], at[7]).slice(),
        batch: new Uint32Array(b, at[8], at[9]).slice(),
      };
      return { frame, actors, cells, flights: new Float64Array(b, at[10], at[11]).slice() };
    });
  }

  now(): number {
    return guard(() => this.wasm.now_us());
  }

  event(): number {
    return guard(() => this.wasm.event());
  }

  runUs(): number {
    return guard(() => this.wasm.run_us());
  }

  advance(untilUs: number, budget: number): Ended {
    return guard(() => this.wasm.advance(untilUs, budget) as Ended);
  }

  seekUs(us: number): void {
    guard(() => this.wasm.seek_us(us));
  }

  seekEvent(event: number): void {
    guard(() => this.wasm.seek_event(event));
  }

  step(stride: Stride): boolean {
    return guard(() => this.wasm.step(stride));
  }

  stepBack(stride: Stride): boolean {
    return guard(() => this.wasm.step_back(stride));
  }

  /** Lets the scout run ahead by at most `budget` steps; false when nothing more was found. */
  lookAhead(budget: number): boolean {
    return guard(() => this.wasm.look_ahead(budget));
  }

  story(version: number, knots: number, marks: number): StoryPart {
    return guard(() => this.wasm.story(version, knots, marks) as StoryPart);
  }

  act(command: Command): number {
    return guard(() => this.wasm.act(JSON.stringify(command)));
  }

  undo(): boolean {
    return guard(() => this.wasm.undo());
  }

  canUndo(): boolean {
    return guard(() => this.wasm.can_undo());
  }

  events(from: number, to: number, most: number): EventCard[] {
    return guard(() => this.wasm.events(from, to, most) as EventCard[]);
  }

  why(event: number): CauseCard[] {
    return guard(() => this.wasm.why(event) as CauseCard[]);
  }

  inspect(target: Target): InspectCard | null {
    return guard(() => (this.wasm.inspect(JSON.stringify(target)) as InspectCard | undefined) ?? null);
  }

  branches(): BranchCard[] {
    return guard(() => this.wasm.branches() as BranchCard[]);
  }

  switchTo(branch: number): boolean {
    return guard(() => this.wasm.switch_to(branch));
  }

  /** The journal as JSON: with the scenario it replays this very run. */
  journal(): string {
    return guard(() => this.wasm.journal());
  }
}

/** Tells a refusal from a broken engine: the first is an object of ours, the second anything else. */
function guard<T>(call: () => T): T {
  try {
    return call();
  } catch (e) {
    if (e !== null && typeof e === "object" && "what" in e && "at" in e) throw new Refused(e as RefusalCard);
    throw new Broken(e instanceof Error ? `${e.message}\n${e.stack ?? ""}` : String(e));
  }
}
