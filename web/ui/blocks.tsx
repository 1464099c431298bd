/** Partition blocks: header and row labels. The cells between them are painted on the canvas. */
import type { VNode } from "preact";
import type { Frame, PartitionCard, ReplicaCard } from "../engine/generated";
import { t } from "../i18n";
import { blockHeight, FLAG_LANE, HEADER } from "../layout/stage";
import { gridOf } from "../layout/zoom";
import { narrow, phonePartition, seenZoom, select, selection } from "../model/store";
import { Icon } from "./icons";
import { Swatch } from "./producers";

export function Blocks({ frame }: { frame: Frame }): VNode {
  const only = narrow.value ? Math.min(phonePartition.value, frame.partitions.length - 1) : -1;
  return (
    <>
      {frame.partitions.map((p, place) => (only >= 0 && place !== only ? null : <Block key={`${p.topic}/${p.partition}`} card={p} place={place} frame={frame} />))}
    </>
  );
}

export function PartitionTabs({ frame }: { frame: Frame }): VNode | null {
  if (frame.partitions.length < 2) return null;
  return (
    <div class="ptabs" role="tablist">
      {frame.partitions.map((p, i) => (
        <button type="button" role="tab" key={i} aria-selected={i === phonePartition.value} onClick={() => (phonePartition.value = i)}>
          {p.topic}-{p.partition}
        </button>
      ))}
    </div>
  );
}

function Block({ card, place, frame }: { card: PartitionCard; place: number; frame: Frame }): VNode {
  const w = t.value;
  const g = gridOf(seenZoom.value);
  const height = blockHeight(card, seenZoom.value);
  const s = selection.value;
  const mine = s !== null && "topic" in s && s.topic === card.topic && s.partition === card.partition;
  const id = { topic: card.topic, partition: card.partition };
  const texts = new Map(frame.keys.map((k) => [k.id, k.text]));
  const shown = card.keys.slice(0, 5);
  return (
    <article class={`block${mine && s?.kind === "partition" ? " selected" : ""}`} data-place={place} style={{ height: `${height}px` }} aria-label={`${card.topic}-${card.partition}`}>
      <header>
        <h2>
          <button type="button" onClick={() => select({ kind: "partition", ...id })}>
            {card.topic}-{card.partition}
          </button>
        </h2>
        <span class="sub">{w.block.epoch(card.leader_epoch)}</span>
        <span class="isr">
          {w.block.isr}
          {[...card.replicas]
            .sort((a, b) => order(card, a.broker) - order(card, b.broker))
            .map((r) => (
              <button type="button" key={r.broker} class={card.isr.includes(r.broker) ? "" : "out"} onClick={() => select({ kind: "replica", ...id, broker: r.broker })}>
                b{r.broker}
              </button>
            ))}
        </span>
        <span class="legend" aria-hidden="true">
          {shown.map((k) => (
            <span key={k}>
              <Swatch id={k} />
              {k === 0 ? w.block.nullKey : clip(texts.get(k) ?? "")}
            </span>
          ))}
          {card.keys.length > shown.length && <span>{w.block.moreKeys(card.keys.length - shown.length)}</span>}
        </span>
        <span class="ends">
          <button type="button" class="hw" onClick={() => select({ kind: "hw", ...id })}>
            {w.block.hw} <b>{card.hw}</b>
          </button>
          {card.lso !== card.hw && (
            <button type="button" class="lso" onClick={() => select({ kind: "lso", ...id })}>
              {w.block.lso} <b>{card.lso}</b>
            </button>
          )}
          <span>
            {w.block.leo} <b>{card.leo}</b>
          </span>
        </span>
      </header>
      {card.replicas.map((r, i) => (
        <RowLabel key={r.broker} row={r} card={card} top={HEADER + FLAG_LANE + i * g.row} height={g.ch} />
      ))}
    </article>
  );
}

/** ISR members in the ISR's own order, then the rest. */
function order(card: PartitionCard, broker: number): number {
  const i = card.isr.indexOf(broker);
  return i < 0 ? 100 + card.replicas.findIndex((r) => r.broker === broker) : i;
}

function RowLabel({ row, card, top, height }: { row: ReplicaCard; card: PartitionCard; top: number; height: number }): VNode {
  const w = t.value;
  const behind = Math.max(0, card.leo - row.leo);
  const offline = row.role === "offline";
  const lead = row.role === "leader";
  const words = lead ? w.block.leader : offline ? w.block.offline : row.in_isr ? w.block.inIsr : behind > 0 ? w.block.behind(behind) : w.block.notInIsr;
  const late = !lead && !offline && !row.in_isr;
  return (
    <button
      type="button"
      class={`rowlabel${late ? " behind" : ""}${offline ? " offline" : ""}`}
      style={{ top: `${top}px`, height: `${height}px` }}
      aria-label={w.block.rowLabel(row.broker, words, row.leo, row.hw)}
      onClick={() => select({ kind: "replica", topic: card.topic, partition: card.partition, broker: row.broker })}
    >
      <b>b{row.broker}</b>
      {lead ? <Icon name="crown" /> : <i class={`shape ${offline ? "ring" : row.in_isr ? "dot" : "half"}`} />}
      <span>{words}</span>
    </button>
  );
}

const clip = (s: string): string => (s.length > 10 ? `${s.slice(0, 9)}…` : s);
