/** What can be selected, hovered, asked about. A target names a thing by Kafka's own identity, never by a place on the screen. */

export type Target =
  | { kind: "hw"; topic: string; partition: number }
  | { kind: "lso"; topic: string; partition: number }
  | { kind: "partition"; topic: string; partition: number }
  | { kind: "replica"; topic: string; partition: number; broker: number }
  | { kind: "record"; topic: string; partition: number; offset: number; broker: number }
  | { kind: "segment"; topic: string; partition: number; broker: number; base: number }
  | { kind: "pin"; topic: string; partition: number; group: string; member: string; pin: "committed" | "position" }
  | { kind: "broker"; id: number }
  | { kind: "controller"; id: number }
  | { kind: "producer"; id: string }
  | { kind: "group"; id: string }
  | { kind: "member"; group: string; id: string }
  | { kind: "timer"; group: string; id: string; timer: "session" | "poll" | "auto_commit" }
  | { kind: "message"; id: number }
  | { kind: "link"; from: string; to: string }
  | { kind: "event"; id: number };

export function sameTarget(a: Target | null, b: Target | null): boolean {
  if (a === b) return true;
  if (!a || !b || a.kind !== b.kind) return false;
  const x = a as unknown as Record<string, unknown>;
  const y = b as unknown as Record<string, unknown>;
  return Object.keys(x).every((k) => x[k] === y[k]);
}

export const place = (topic: string, partition: number): string => `${topic}-${partition}`;
