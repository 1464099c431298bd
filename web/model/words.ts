/**
 * Events in words: what a line of the log, a link of the chain and the narration say. Pure; the dictionary decides the
 * language, the rule catalogue gives the rule's sentence.
 */
import { plain, type Rich } from "../base/rich";
import type { EventCard, FactValue, Frame, SubjectCard } from "../engine/generated";
import type { Words } from "../i18n";

export type Tone = "plain" | "good" | "bad" | "warn" | "you";

export interface Line {
  readonly title: Rich;
  readonly where: string;
  readonly tone: Tone;
}

const text = (v: FactValue): string => {
  if (v === null || v === undefined) return "—";
  if (Array.isArray(v)) return v.join(", ");
  return String(v);
};

const n = (v: FactValue): number => (typeof v === "number" ? v : Number(v ?? 0));

const tp = (s: SubjectCard): string => (s.topic ? `${s.topic}-${s.partition}` : "");

/** `1` is broker 1 on the page: b1. */
export const actorName = (name: string): string => (/^\d+$/.test(name) && Number(name) < 100 ? `b${name}` : name);

export function line(e: EventCard, w: Words): Line {
  const what = e.what;
  const at = actorName(e.node);
  switch (what.is) {
    case "began":
      return { title: w.event.began, where: "", tone: "plain" };
    case "commanded":
      return { title: commanded(what.command, w), where: "", tone: "you" };
    case "fault":
      return { title: commanded(what.text, w), where: "", tone: "you" };
    case "handled":
      return { title: what.answer ? w.event.handledAnswer(what.api) : w.event.handled(what.api), where: at, tone: "plain" };
    case "took": {
      const known = w.event.took as Record<string, Rich>;
      return { title: known[what.input] ?? [what.input], where: at, tone: "plain" };
    }
    case "woke":
      return { title: w.event.woke, where: at, tone: "plain" };
    case "sent":
      return { title: what.answer ? w.event.answered(what.api, actorName(what.to)) : w.event.sent(what.api, actorName(what.to)), where: at, tone: "plain" };
    case "lost":
      return { title: w.event.lost(what.api), where: at, tone: "bad" };
    case "changed":
      return changed(what, w);
  }
}

function commanded(json: string, w: Words): Rich {
  let c: Record<string, unknown>;
  try {
    c = JSON.parse(json) as Record<string, unknown>;
  } catch {
    return w.event.you.other(json);
  }
  const verb = String(c.do ?? "");
  const y = w.event.you;
  const s = (k: string): string => String(c[k] ?? "");
  switch (verb) {
    case "produce": {
      const record = (c.record ?? {}) as Record<string, unknown>;
      const key = record.key;
      return y.produce(key === null || key === undefined ? w.block.nullKey : typeof key === "string" ? `“${key}”` : JSON.stringify(key));
    }
    case "kill_broker":
    case "stop_broker":
    case "power_off_broker":
    case "restart_broker":
    case "pause_broker":
    case "resume_broker":
    case "wipe_disk":
      return y[verb](Number(c.broker));
    case "cut_link":
    case "heal":
    case "slow_link":
      return y[verb](actorName(s("from")), actorName(s("to")));
    case "hold_message":
    case "release_message":
    case "delay_message":
    case "drop_message":
      return y[verb];
    case "start_consumer":
      return y.start_consumer(s("id"));
    case "close_consumer":
    case "kill_consumer":
    case "freeze_consumer":
    case "thaw_consumer":
    case "commit":
    case "seek":
      return y[verb](s("consumer"));
    case "set_processing_time":
      return y.set_processing_time(s("consumer"), Number(c.processing_ms));
    case "set_load":
      return y.set_load(s("producer"));
    case "start_producer":
      return y.start_producer(s("id"));
    default:
      return y.other(verb);
  }
}

type Changed = Extract<EventCard["what"], { is: "changed" }>;

function changed(c: Changed, w: Words): Line {
  const s = c.subject;
  const where = tp(s) || s.group || s.name || (s.node >= 0 ? actorName(String(s.node)) : "");
  const from = text(c.from);
  const to = text(c.to);
  const node = actorName(String(s.node));
  const on = s.kind === "replica" ? `${tp(s)}, ${node}` : where;
  switch (c.fact) {
    case "high_watermark":
      return { title: w.event.hwShort(from, to), where: on, tone: "good" };
    case "last_stable_offset":
      return { title: w.event.lsoMoved(from, to), where: on, tone: "plain" };
    case "log_end_offset":
      if (s.kind === "remote") return { title: w.event.remoteLeo(actorName(String(s.other)), to), where: tp(s), tone: "plain" };
      if (n(c.to) < n(c.from)) return { title: w.event.truncated(from, to), where: on, tone: "bad" };
      return { title: w.event.appended(node, String(n(c.from)), String(n(c.to) - 1)), where: on, tone: "plain" };
    case "log_start_offset":
      return { title: w.event.logStart(from, to), where: on, tone: "plain" };
    case "isr": {
      const shrinks = Array.isArray(c.from) && Array.isArray(c.to) && c.to.length < c.from.length;
      return { title: shrinks ? w.event.isrShrinks(to) : w.event.isrGrows(to), where: tp(s), tone: shrinks ? "warn" : "good" };
    }
    case "leader":
      return { title: n(c.to) < 0 || c.to === null ? w.event.noLeader : w.event.leader(actorName(to)), where: tp(s), tone: n(c.to) < 0 ? "bad" : "plain" };
    case "leader_epoch":
      return { title: w.event.epoch(to), where: on, tone: "plain" };
    case "active_segment":
      return { title: w.event.rolled(to), where: on, tone: "plain" };
    case "fenced":
      return { title: c.to === true ? w.event.fenced(node) : w.event.unfenced(node), where: "", tone: c.to === true ? "bad" : "good" };
    case "liveness": {
      const states = w.broker.state as Record<string, string>;
      const bad = ["killed", "powered_off", "stopped", "paused"].includes(to);
      return { title: w.event.liveness(s.name || node, states[to] ?? to), where: "", tone: bad ? "bad" : "good" };
    }
    case "broker_epoch":
      return { title: w.event.registered(node, to), where: "", tone: "plain" };
    case "group_state":
      return { title: w.event.groupState(s.group || s.name, to), where: "", tone: to === "Stable" ? "good" : "warn" };
    case "generation":
      return { title: w.event.generation(s.group || s.name, to), where: "", tone: "plain" };
    case "member_state":
      return { title: w.event.memberState(s.name, to), where: s.group, tone: "plain" };
    case "assignment":
      return { title: w.event.assigned(s.name, Array.isArray(c.to) ? to : ""), where: s.group, tone: "plain" };
    case "committed":
      return { title: w.event.committed(tp(s), to), where: s.group || s.name, tone: "plain" };
    case "position":
      return { title: w.event.position(s.name, tp(s), to), where: "", tone: "plain" };
    case "processing":
      return { title: w.event.processing(s.name, to), where: tp(s), tone: "plain" };
    case "accumulator":
      return { title: w.event.accumulator(s.name), where: tp(s), tone: "plain" };
    case "in_flight":
      return { title: w.event.inFlight(s.name), where: "", tone: "plain" };
    case "producer_id_and_epoch":
      return { title: w.event.producerId(s.name, to), where: "", tone: "plain" };
    default:
      return { title: w.event.changed(w.event.fact(c.fact), from, to), where: on, tone: "plain" };
  }
}

/** The chain's first link says more than the log's line: which partition's HW. */
export function causeTitle(e: EventCard, w: Words): Rich {
  const c = e.what;
  if (c.is === "changed" && c.fact === "high_watermark") return w.event.hwMoved(tp(c.subject), text(c.from), text(c.to));
  return line(e, w).title;
}

/** One plain sentence or two on what has just happened; null where a sentence would only repeat the log. */
export function say(e: EventCard, w: Words, frame: Frame): Rich | null {
  const c = e.what;
  const s = w.say;
  if (c.is === "began") return w.narration.began;
  if (c.is === "commanded") return [...line(e, w).title, s.dot];
  if (c.is === "fault") return fault(c.text, s) ?? [...line(e, w).title, s.dot];
  if (c.is === "lost") return s.lost(c.api);
  if (c.is !== "changed") return null;
  const sub = c.subject;
  const part = frame.partitions.find((p) => p.topic === sub.topic && p.partition === sub.partition);
  const node = String(sub.node);
  switch (c.fact) {
    case "high_watermark": {
      if (part && part.leader !== sub.node) return s.followerHw(node, tp(sub), text(c.to));
      if (n(c.to) <= n(c.from)) return s.generic(causeTitle(e, w));
      const asked = c.facts.find((f) => f.fact === "log_end_offset" && f.subject.kind === "remote" && f.value === c.to);
      const who = asked ? String(asked.subject.other) : "";
      return s.hwMoved(who, asked ? text(asked.value) : "", tp(sub), text(c.from), text(c.to), s.readable(n(c.from), n(c.to)));
    }
    case "log_end_offset": {
      if (sub.kind !== "replica") return null;
      if (n(c.to) < n(c.from)) return s.truncated(node, tp(sub), text(c.from), text(c.to));
      const last = n(c.to) - 1;
      const what = last === n(c.from) ? String(last) : `${n(c.from)}–${last}`;
      return s.appended(node, tp(sub), what, part?.leader === sub.node);
    }
    case "isr": {
      const before = Array.isArray(c.from) ? (c.from as number[]) : [];
      const after = Array.isArray(c.to) ? (c.to as number[]) : [];
      if (after.length < before.length) return s.isrShrinks(tp(sub), after.join(", "), before.filter((b) => !after.includes(b)).join(", "));
      return s.isrGrows(tp(sub), after.join(", "), after.filter((b) => !before.includes(b)).join(", "));
    }
    case "leader":
      if (sub.kind !== "partition") return null;
      return n(c.to) < 0 ? s.noLeader(tp(sub)) : s.leader(tp(sub), text(c.to));
    case "active_segment":
      return s.rolled(node, tp(sub), text(c.to));
    case "fenced":
      return c.to === true ? s.fenced(node) : s.unfenced(node);
    case "liveness": {
      if (sub.kind !== "node") return s.generic(line(e, w).title);
      const f = (s.liveness as Record<string, (b: string) => Rich>)[text(c.to)];
      return f ? f(node) : null;
    }
    case "group_state": {
      const f = (s.groupState as Record<string, (g: string) => Rich>)[text(c.to)];
      return f ? f(sub.group || sub.name) : null;
    }
    case "assignment":
      return s.assigned(sub.name, Array.isArray(c.to) ? c.to.join(", ") : "");
    case "committed":
      return s.committed(sub.group || sub.name, tp(sub), text(c.to));
    case "position":
      return c.from === null ? null : s.position(sub.name, tp(sub), text(c.to));
    case "processing":
      return c.to === null ? null : s.processing(sub.name, text(c.to));
    default:
      return null;
  }
}

/** What a fault means for the others, where there is more to say than who did it. */
function fault(json: string, s: Words["say"]): Rich | null {
  const c = JSON.parse(json) as { do?: string; broker?: number };
  const state = ({ kill_broker: "killed", power_off_broker: "powered_off", restart_broker: "starting", pause_broker: "paused" } as Record<string, string>)[c.do ?? ""];
  const f = (s.liveness as Record<string, (b: string) => Rich>)[state];
  return f ? f(String(c.broker)) : null;
}

/** The same sentence for screen readers. */
export const sayPlain = (e: EventCard, w: Words, frame: Frame): string => plain(say(e, w, frame) ?? line(e, w).title);

/** Log lines with runs of small events folded into one. */
export type Entry = { kind: "line"; event: EventCard } | { kind: "fold"; n: number; noise: "fetch" | "heartbeat" | "other"; last: number };

/** Fewer small events than this are left out without a word. */
const FOLD_FROM = 3;

export function folded(events: readonly EventCard[], all: boolean): Entry[] {
  const out: Entry[] = [];
  let n = 0;
  let fetches = 0;
  let beats = 0;
  let last = 0;
  const flush = (): void => {
    // Small folds would be longer than what they fold.
    if (n < FOLD_FROM) {
      n = fetches = beats = 0;
      return;
    }
    out.push({ kind: "fold", n, noise: fetches === n ? "fetch" : beats === n ? "heartbeat" : "other", last });
    n = fetches = beats = 0;
  };
  for (const e of events) {
    if (all || e.visible || e.what.is === "commanded" || e.what.is === "fault" || e.what.is === "lost") {
      flush();
      out.push({ kind: "line", event: e });
      continue;
    }
    n++;
    last = e.id;
    const w = e.what;
    if ("api" in w && w.api === "Fetch") fetches++;
    if ("api" in w && (w.api === "Heartbeat" || w.api === "BrokerHeartbeat")) beats++;
  }
  flush();
  return out.reverse();
}
