/** Producer cards: what waits in the accumulator, what is in flight, a line to write a record. */
import { useSignal } from "@preact/signals";
import type { VNode } from "preact";
import type { AccumulatedCard, Frame, ProducerCard } from "../engine/generated";
import { duration } from "../base/format";
import { t } from "../i18n";
import { keyStyle } from "../model/scene";
import { nowUs, select, selection } from "../model/store";
import { sameTarget } from "../model/target";
import type { Hands } from "../actions/hands";
import { Icon } from "./icons";

export function Swatch({ id }: { id: number }): VNode {
  const s = keyStyle(id);
  return <i class={`swatch k${s.colour}${s.hatched ? " hatch" : ""}`} />;
}

export function Producers({ frame, hands }: { frame: Frame; hands: Hands }): VNode {
  return (
    <>
      {frame.producers.map((p) => (
        <Producer key={p.id} card={p} frame={frame} hands={hands} />
      ))}
    </>
  );
}

function Producer({ card, frame, hands }: { card: ProducerCard; frame: Frame; hands: Hands }): VNode {
  const w = t.value;
  const target = { kind: "producer", id: card.id } as const;
  const automatic = card.every_us !== null;
  const alive = card.state === "running" || card.state === "paused";
  const says = !alive
    ? w.producer.state[card.state]
    : card.left !== null
      ? w.producer.left(card.left)
      : automatic
        ? rate(card.every_us ?? 0, w.producer.perSecond, w.producer.every, w.lang === "ko" ? "" : " ")
        : w.producer.paused;
  const max = Math.max(1, Math.min(10, card.max_in_flight));
  return (
    <article class={`card producer${sameTarget(selection.value, target) ? " selected" : ""}`} data-actor={card.id}>
      <h2>
        <button type="button" onClick={() => select(target)}>
          {card.id}
        </button>
        <button type="button" class="state" disabled={!alive} title={automatic ? w.producer.pause : w.producer.play} onClick={() => hands.toggleLoad(card)}>
          <Icon name={automatic ? "play" : "pause"} />
          {says}
        </button>
      </h2>
      <p class="sub">
        acks={card.acks === -1 ? "all" : card.acks}
        {card.idempotent ? `, ${w.producer.idempotent}` : ""}
      </p>
      {card.idempotent && <p class="sub">{card.producer_id < 0 ? w.producer.noPid : w.producer.pid(card.producer_id, card.producer_epoch)}</p>}
      {card.error && <p class="error">{card.error}</p>}
      <span class="label">{w.producer.accumulator}</span>
      {card.batches.length === 0 && <div class="acc">{w.producer.empty}</div>}
      {card.batches.slice(0, 3).map((b, i) => (
        <Accumulated key={`${b.partition}/${i}`} card={b} />
      ))}
      <div class="flying">
        {w.producer.inFlight}
        <span class="hidden">
          {card.in_flight} / {card.max_in_flight}
        </span>
        {Array.from({ length: max }, (_, i) => (
          <i key={i} class={i < card.in_flight ? "on" : ""} />
        ))}
        <span class="n" aria-hidden="true">
          {card.in_flight} / {card.max_in_flight}
        </span>
      </div>
      {alive && <Compose producer={card} frame={frame} hands={hands} />}
    </article>
  );
}

function rate(us: number, perSecond: (n: string) => string, every: (d: string) => string, gap: string): string {
  const n = 1e6 / Math.max(1, us);
  return n >= 0.95 && Math.abs(n - Math.round(n)) < 0.15 ? perSecond(String(Math.round(n))) : every(duration(us, gap));
}

function Accumulated({ card }: { card: AccumulatedCard }): VNode {
  const w = t.value;
  const gap = w.lang === "ko" ? "" : " ";
  const left = card.ready_us - nowUs.value;
  return (
    <div class="acc">
      <span class="p">{card.partition}</span>
      {card.keys.slice(0, 4).map((k, i) => (
        <Swatch key={i} id={k} />
      ))}
      {card.keys.length > 4 && <span>+{card.keys.length - 4}</span>}
      <span class={`left${card.retry ? " retry" : ""}`}>
        {left <= 0 ? w.producer.ready : card.retry ? w.producer.retry(duration(left, gap)) : w.producer.timeLeft(duration(left, gap))}
      </span>
    </div>
  );
}

function Compose({ producer, frame, hands }: { producer: ProducerCard; frame: Frame; hands: Hands }): VNode {
  const w = t.value;
  const key = useSignal("");
  const value = useSignal("");
  const known = frame.keys.find((k) => k.text === key.value && k.id !== 0);
  const send = (): void => {
    hands.produce(producer, key.value, value.value);
    value.value = "";
  };
  return (
    <form
      class="compose"
      onSubmit={(e) => {
        e.preventDefault();
        send();
      }}
    >
      {known && <Swatch id={known.id} />}
      <input
        class="k"
        value={key.value}
        placeholder={w.producer.key}
        aria-label={`${producer.id} ${w.producer.key}`}
        data-compose={producer.id}
        maxLength={200}
        onInput={(e) => (key.value = e.currentTarget.value)}
      />
      <span class="eq">=</span>
      <input class="v" value={value.value} placeholder={w.producer.value} aria-label={`${producer.id} ${w.producer.value}`} maxLength={4000} onInput={(e) => (value.value = e.currentTarget.value)} />
      <button type="submit" title={w.producer.send} aria-label={w.producer.send}>
        <Icon name="enter" />
      </button>
    </form>
  );
}
