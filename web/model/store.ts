/**
 * What the page shows, as signals. Panels read, actions and the player write; nothing here computes Kafka.
 */
import { batch, computed, signal } from "@preact/signals";
import type { CauseCard, EventCard, KnotCard, MarkCard } from "../engine/generated";
import type { Zoom } from "../layout/zoom";
import type { Scene } from "./scene";
import type { Target } from "./target";

export type Pace = "story" | "clock" | "max";
export type StepBy = "event" | "change" | "request";
export type ThemeChoice = "dark" | "light" | "system";

export interface Title {
  readonly id: string;
  readonly en: string;
  readonly ko: string;
}

/** A future that was left when a hand acted in the past. */
export interface BranchStrip {
  readonly id: number;
  readonly leftAtUs: number;
  readonly endUs: number;
  readonly marks: readonly MarkCard[];
}

export interface TimelineModel {
  readonly knots: readonly KnotCard[];
  readonly marks: readonly MarkCard[];
  readonly runUs: number;
  readonly branches: readonly BranchStrip[];
}

export interface WhyModel {
  readonly causes: readonly CauseCard[];
}

/** Stages of a record's life with the time of each, in the order in which the run did them. */
export interface LifeStage {
  readonly stage: string;
  readonly done: boolean;
  readonly atUs: number | null;
  readonly event: number | null;
  readonly note: string;
}

export interface Inspected {
  /** Kafka's own words and values, in order; names are keys of the dictionary's `rows`. */
  readonly rows: readonly (readonly [string, string])[];
  readonly life: readonly LifeStage[];
}

export interface RefusalModel {
  readonly what: string;
  readonly where: string;
  readonly nearest: string | null;
}

export type MenuModel =
  | { kind: "broker"; id: number; x: number; y: number }
  | { kind: "links"; end: string; x: number; y: number }
  | { kind: "link"; from: string; to: string; x: number; y: number }
  | { kind: "message"; id: number; x: number; y: number }
  | { kind: "member"; id: string; group: string; x: number; y: number }
  | { kind: "add"; x: number; y: number }
  | { kind: "break"; x: number; y: number }
  | { kind: "shortcuts"; x: number; y: number };

export const scene = signal<Scene | null>(null);
/** The virtual instant on screen; between two events it runs on while the scene stays. */
export const nowUs = signal(0);
export const title = signal<Title>({ id: "", en: "", ko: "" });
export const playing = signal(false);
export const pace = signal<Pace>("story");
export const speed = signal(1);
export const stepBy = signal<StepBy>("change");
/** Virtual µs a real second, in clock pace. */
export const clockRatio = signal(1_000_000);
export const zoom = signal<Zoom>("middle");
/** Cells scrolled away from the tail; 0 follows it. */
export const back = signal(0);
export const showNoise = signal(false);
export const selection = signal<Target | null>(null);
export const hover = signal<Target | null>(null);
export const inspectorOpen = signal(true);
export const events = signal<readonly EventCard[]>([]);
export const narration = signal<EventCard | null>(null);
export const why = signal<WhyModel | null>(null);
export const inspected = signal<Inspected | null>(null);
export const timeline = signal<TimelineModel>({ knots: [], marks: [], runUs: 0, branches: [] });
export const menu = signal<MenuModel | null>(null);
export const refusal = signal<RefusalModel | null>(null);
export const panic = signal<string | null>(null);
export const canUndo = signal(false);
/** A stretch that is being folded, or a wait with nothing visible ahead. */
export const folding = signal<{ us: number } | null>(null);
export const waiting = signal<{ deadlineUs: number } | null>(null);
export const theme = signal<ThemeChoice>("system");
export const systemDark = signal(true);
export const reducedMotion = signal(false);
export const phonePartition = signal(0);
export const narrow = signal(false);

export const effectiveTheme = computed<"dark" | "light">(() =>
  theme.value === "system" ? (systemDark.value ? "dark" : "light") : theme.value,
);

/** On a phone cells are never smaller than a finger. */
export const seenZoom = computed<Zoom>(() => (narrow.value && (zoom.value === "far" || zoom.value === "middle") ? "near" : zoom.value));

/** Selects a thing; the inspector opens with it. */
export function select(target: Target | null): void {
  batch(() => {
    selection.value = target;
    if (target) inspectorOpen.value = true;
  });
}
