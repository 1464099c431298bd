/** The selected thing: its number, its formula, its rows, why it is so; under it the ledger and the event log. */
import { computed, signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { ComponentChildren, VNode } from "preact";
import { duration, stamp } from "../base/format";
import { FLIGHT, type CauseCard, type Frame, type LedgerCard, type PartitionCard } from "../engine/generated";
import { lang, t } from "../i18n";
import { rule } from "../i18n/rules";
import { partitionOf } from "../model/scene";
import * as store from "../model/store";
import { place, type Target } from "../model/target";
import { flightIndex, messageTitle } from "../model/tips";
import { actorName, causeTitle, folded, line } from "../model/words";
import type { Hands } from "../actions/hands";
import { Icon } from "./icons";
import { Since } from "./live";
import { RichText } from "./rich";

const allEvents = signal(false);

export function Inspector({ hands }: { hands: Hands }): VNode | null {
  const s = store.scene.value;
  if (!s) return null;
  return (
    <aside class="inspector" aria-label={t.value.inspector.open}>
      <div class="head-scroll" tabIndex={0} role="region" aria-label={t.value.inspector.why}>
        <Selected frame={s.frame} hands={hands} />
        <Why hands={hands} />
      </div>
      <Ledger ledger={s.frame.ledger} />
      <Log hands={hands} />
    </aside>
  );
}

/** What is shown: the selection, or the high watermark of the first partition. */
export const shown = computed<Target | null>(() => {
  if (store.selection.value) return store.selection.value;
  const p = store.scene.value?.frame.partitions[0];
  return p ? { kind: "hw", topic: p.topic, partition: p.partition } : null;
});

export function Selected({ frame, hands }: { frame: Frame; hands?: Hands }): VNode | null {
  const w = t.value;
  const target = shown.value;
  if (!target) return null;
  switch (target.kind) {
    case "hw": {
      const p = partitionOf(frame, target.topic, target.partition);
      return p ? <HighWatermark card={p} /> : null;
    }
    case "event":
      return <Head title={w.inspector.event} sub={String(target.id)} />;
    case "message":
      return (
        <Head title={w.inspector.message} sub={(store.scene.value && messageTitle(store.scene.value, target.id, w)) ?? w.message.state[3]}>
          <Rows />
          {hands && <MessageActions id={target.id} hands={hands} />}
        </Head>
      );
    default: {
      const [title, sub] = names(target);
      return (
        <Head title={title} sub={sub}>
          <Rows />
          <Life />
        </Head>
      );
    }
  }
}

/** What a hand may do to a message on its way. */
function MessageActions({ id, hands }: { id: number; hands: Hands }): VNode | null {
  const w = t.value.message;
  const s = store.scene.value;
  const i = s ? flightIndex(s, id) : -1;
  if (!s || i < 0) return null;
  const held = s.flights[i + FLIGHT.state] === 1;
  return (
    <div class="actions">
      <button type="button" class="btn small" onClick={() => hands.messageCommand(id, held ? "release" : "hold")}>
        <Icon name={held ? "release" : "hand"} />
        {held ? w.release : w.hold}
      </button>
      <button type="button" class="btn small" onClick={() => hands.messageCommand(id, "delay")}>
        <Icon name="slow" />
        {w.delay}
      </button>
      <button type="button" class="btn small" onClick={() => hands.messageCommand(id, "drop")}>
        <Icon name="drop" />
        {w.drop}
      </button>
    </div>
  );
}

function names(target: Target): [string, string] {
  const i = t.value.inspector;
  switch (target.kind) {
    case "lso":
      return [i.lso, place(target.topic, target.partition)];
    case "partition":
      return [i.partition, place(target.topic, target.partition)];
    case "replica":
      return [i.replica, `${place(target.topic, target.partition)}, b${target.broker}`];
    case "record":
      return [i.record(target.offset), `${place(target.topic, target.partition)}, b${target.broker}`];
    case "segment":
      return [i.segment, `${place(target.topic, target.partition)}, b${target.broker}, ${target.base}`];
    case "pin":
      return [target.pin === "committed" ? i.committed : i.position, `${place(target.topic, target.partition)}, ${target.group}`];
    case "broker":
      return [i.broker, String(target.id)];
    case "controller":
      return [i.controller, String(target.id)];
    case "producer":
      return [i.producer, target.id];
    case "group":
      return [i.group, target.id];
    case "member":
      return [i.member, `${target.id}, ${target.group}`];
    case "timer":
      return [i.timer, `${target.id}, ${t.value.group.timers[target.timer]}`];
    case "link":
      return [i.link, `${actorName(target.from)} – ${actorName(target.to)}`];
    default:
      return ["", ""];
  }
}

function Head({ title, sub, children }: { title: string; sub: string; children?: ComponentChildren }): VNode {
  return (
    <section>
      <h2>
        {title}
        <span class="sub">{sub}</span>
        <button
          type="button"
          class="x"
          aria-label={t.value.inspector.close}
          title={t.value.inspector.close}
          onClick={() => {
            if (store.selection.value) store.selection.value = null;
            else store.inspectorOpen.value = false;
          }}
        >
          <Icon name="x" />
        </button>
      </h2>
      {children}
    </section>
  );
}

function Rows(): VNode | null {
  const rows = store.inspected.value?.rows ?? [];
  if (rows.length === 0) return null;
  const words = t.value.inspector.rows as Record<string, string>;
  return (
    <dl class="rows">
      {rows.map(([k, v]) => (
        <>
          <dt key={`${k}-t`}>{words[k] ?? k}</dt>
          <dd key={k} class="code">
            {v}
          </dd>
        </>
      ))}
    </dl>
  );
}

function Life(): VNode | null {
  const life = store.inspected.value?.life ?? [];
  if (life.length === 0) return null;
  const w = t.value.inspector;
  const words = w.stage as Record<string, string>;
  return (
    <ol class="lifeline" aria-label={w.follow}>
      {life.map((s) => (
        <li key={s.stage + s.note} class={!s.done ? "todo" : s.stage === "lost" || s.stage === "failed" ? "bad" : ""}>
          <i class="mk" />
          <span>
            {words[s.stage] ?? s.stage} {s.note && <span class="r-dim">{s.note}</span>}
          </span>
          <time>{s.atUs === null ? "" : stamp(s.atUs)}</time>
        </li>
      ))}
    </ol>
  );
}

function HighWatermark({ card }: { card: PartitionCard }): VNode {
  const w = t.value.inspector;
  const gap = lang.value === "ko" ? "" : " ";
  const first = store.why.value?.causes[0]?.event;
  const moved = first?.what.is === "changed" && first.what.fact === "high_watermark" ? first : null;
  const top = Math.max(card.leo, ...card.replicas.map((r) => known(r, card)), 1);
  const low = Math.max(0, Math.min(card.hw, ...card.replicas.map((r) => known(r, card))) - 8);
  const share = (o: number): number => Math.max(0, Math.min(1, (o - low) / Math.max(1, top - low)));
  const counting = card.replicas.filter((r) => r.counts || r.role === "leader");
  const smallest = Math.min(...counting.map((r) => known(r, card)));
  const out = card.replicas.filter((r) => !counting.includes(r));
  const enough = card.isr.length >= card.min_insync_replicas;
  return (
    <Head title={w.hw} sub={`${place(card.topic, card.partition)}${card.leader >= 0 ? `, b${card.leader}` : ""}`}>
      <p class="big">
        <b class="hw">{card.hw}</b>
        {moved?.what.is === "changed" && <Since us={moved.at_us} say={(ago) => w.movedFrom(String(moved.what.is === "changed" ? (moved.what.from ?? "—") : ""), ago)} />}
      </p>
      <p class="sentence">{w.hwSentence}</p>
      <div class="formula">
        {card.replicas.map((r) => {
          const counts = counting.includes(r);
          const leo = known(r, card);
          return (
            <div key={r.broker} class={`f${counts ? "" : " out"}`}>
              <b>b{r.broker}</b>
              <span class="track">
                <i style={{ width: `${(share(leo) * 100).toFixed(1)}%` }} />
                {counts && <u style={{ left: `${(share(card.hw) * 100).toFixed(1)}%` }} />}
              </span>
              <span class="leo">
                LEO {leo}
                <em>{!counts ? w.notCounted : leo === smallest ? w.smallest : ""}</em>
              </span>
            </div>
          );
        })}
      </div>
      {out.map((r) => (
        <p key={r.broker} class="cond r-dim">
          <RichText of={w.outOfIsr(`b${r.broker}`, r.caught_up_us === null ? "" : duration(Math.max(0, store.nowUs.peek() - r.caught_up_us), gap))} />
        </p>
      ))}
      <p class={`cond${enough ? "" : " fails"}`}>
        <Icon name={enough ? "check" : "x"} />
        <span>
          <RichText of={enough ? w.minIsrHolds(card.isr.length, card.min_insync_replicas) : w.minIsrFails(card.isr.length, card.min_insync_replicas)} />
        </span>
      </p>
    </Head>
  );
}

/** A replica's end as the leader knows it: that, not the truth, is what the rule reads. */
const known = (r: PartitionCard["replicas"][number], card: PartitionCard): number => (r.role === "leader" || r.known_leo < 0 || card.leader < 0 ? r.leo : r.known_leo);

export function Why({ hands }: { hands: Hands }): VNode {
  const w = t.value;
  const causes = store.why.value?.causes ?? [];
  const last = causes[causes.length - 1]?.event;
  const you = last?.what.is === "commanded" || last?.what.is === "fault";
  return (
    <section>
      <h2>
        {w.inspector.why}
        <span class="end">{causes.length === 0 ? "" : you ? w.inspector.causesYou(causes.length - 1) : w.inspector.causes(causes.length - 1)}</span>
      </h2>
      {causes.length === 0 ? (
        <p class="sentence">{w.inspector.noWhy}</p>
      ) : (
        <ol class="chain">
          {shorten(causes).map((c) => (
            <Cause key={c.event.id} cause={c} hands={hands} />
          ))}
        </ol>
      )}
    </section>
  );
}

/** Wake-ups in the middle of a chain add nothing for a reader; messages that were worked on tell the way. */
function shorten(causes: readonly CauseCard[]): readonly CauseCard[] {
  const carried = (c: CauseCard): boolean => ["took", "woke"].includes(c.event.what.is);
  const kept = causes.filter((c, i) => i === 0 || i === causes.length - 1 || !carried(c));
  return kept.slice(0, 40);
}

function Cause({ cause, hands }: { cause: CauseCard; hands: Hands }): VNode {
  const w = t.value;
  const e = cause.event;
  const r = e.what.is === "changed" ? rule(e.what.rule) : null;
  const you = e.what.is === "commanded" || e.what.is === "fault";
  const detail = you ? w.inspector.goThere : r ? (lang.value === "ko" ? r.ko : r.en) : cause.folded > 0 ? w.inspector.fold(cause.folded, w.inspector.noise.other) : line(e, w).where;
  return (
    <li class={you ? "you" : ""}>
      <span class="node" />
      <button type="button" onClick={() => hands.goTo(e.id)}>
        <span class="t">
          <b>
            <RichText of={causeTitle(e, w)} />
          </b>
          <time>{stamp(e.at_us)}</time>
        </span>
        <span class="d">
          <span>{detail}</span>
          {r?.kip && <span class="kip">{r.kip}</span>}
        </span>
      </button>
    </li>
  );
}

export function Ledger({ ledger }: { ledger: LedgerCard }): VNode {
  const w = t.value.inspector;
  const parts = [
    ["durable", ledger.durable, w.durable],
    ["above", ledger.above_hw, w.aboveHw],
    ["inflight", ledger.in_flight, w.inFlight],
    ["failed", ledger.failed, w.failed],
    ["bad", ledger.lost_after_ack, w.lost],
  ] as const;
  const shownParts = parts.filter(([k, n]) => n > 0 || k === "durable");
  return (
    <section>
      <h2>
        {w.ledger}
        <span class="sub">{ledger.sent === 0 ? w.ledgerNone : w.ledgerSub(ledger.sent)}</span>
      </h2>
      {ledger.sent > 0 && (
        <div class="ledger">
          {shownParts.map(([k, n, name]) => (
            <div key={k} class={k} style={{ flexGrow: String(Math.max(1, (n / ledger.sent) * 6)) }}>
              <i />
              <b>{n}</b>
              <span>{name}</span>
            </div>
          ))}
        </div>
      )}
      {ledger.processed_once + ledger.processed_more > 0 && <p class="cond r-dim">{w.processed(ledger.processed_once, ledger.processed_more)}</p>}
    </section>
  );
}

export function Log({ hands }: { hands: Hands }): VNode {
  const w = t.value;
  const list = useRef<HTMLDivElement>(null);
  const entries = folded(store.events.value, allEvents.value).slice(0, 120);
  const now = store.scene.value?.frame.event ?? 0;
  useEffect(() => {
    if (list.current && list.current.scrollTop < 40) list.current.scrollTop = 0;
  });
  const newest = entries.find((e) => e.kind === "line" && e.event.id <= now);
  return (
    <section class="logpanel">
      <h2>
        {w.inspector.log}
        <button type="button" class="end" aria-pressed={allEvents.value} onClick={() => (allEvents.value = !allEvents.value)}>
          <Icon name="filter" />
          {allEvents.value ? w.inspector.noiseShown : w.inspector.noiseFolded}
        </button>
      </h2>
      <div class="log" ref={list} role="log" aria-live="off" tabIndex={0} aria-label={w.inspector.log}>
      <ol>
        {entries.map((e) => {
          if (e.kind === "fold") return <li key={`f${e.last}`} class="fold">{w.inspector.fold(e.n, w.inspector.noise[e.noise])}</li>;
          const l = line(e.event, w);
          return (
            <li key={e.event.id} class={`${l.tone}${e === newest ? " now" : ""}`}>
              <button
                type="button"
                onClick={() => {
                  hands.goTo(e.event.id);
                  store.select({ kind: "event", id: e.event.id });
                }}
              >
                <time>{stamp(e.event.at_us)}</time>
                <i class="sq" />
                <span class="what">
                  <RichText of={l.title} />
                </span>
                <span class="where">{l.where}</span>
              </button>
            </li>
          );
        })}
      </ol>
      </div>
    </section>
  );
}
