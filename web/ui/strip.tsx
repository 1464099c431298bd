/** Brokers with their power switch, controllers. */
import type { VNode } from "preact";
import type { BrokerCard, Frame } from "../engine/generated";
import { t } from "../i18n";
import { menu, select, selection } from "../model/store";
import { sameTarget } from "../model/target";
import { Icon } from "./icons";
import { Since } from "./live";

const OFF = new Set(["stopped", "killed", "powered_off"]);

export function Strip({ frame }: { frame: Frame }): VNode {
  const w = t.value;
  return (
    <div class="strip">
      <h2 class="caption">{w.strip.brokers}</h2>
      {frame.brokers.map((b) => (
        <Broker key={b.id} card={b} frame={frame} />
      ))}
      {frame.controllers.length > 0 && (
        <div class="controllers">
          <span class="caption">{w.strip.controllers}</span>
          {frame.controllers.map((c) => (
            <button type="button" key={c.id} data-actor={String(c.id)} class={`pill${c.active ? " on" : ""}`} onClick={() => select({ kind: "controller", id: c.id })}>
              {c.active && <Icon name="crown" />}
              {c.id}
            </button>
          ))}
        </div>
      )}
    </div>
  );
}

function Broker({ card, frame }: { card: BrokerCard; frame: Frame }): VNode {
  const w = t.value;
  const off = OFF.has(card.state);
  const warn = !off && (card.state !== "running" || card.behind > 0);
  const names = card.leads.map((i) => frame.partitions[i]).map((p) => `${p.topic}-${p.partition}`);
  const target = { kind: "broker", id: card.id } as const;
  const shape = off ? "ring bad" : card.state !== "running" ? "ring" : card.behind > 0 ? "half" : "dot";
  return (
    <div class={`broker${off ? " off" : ""}${warn ? " warn" : ""}${sameTarget(selection.value, target) ? " selected" : ""}`} data-actor={String(card.id)}>
      <button type="button" class="name" onClick={() => select(target)}>
        <b>{w.broker.name(card.id)}</b>
        <i class={`shape ${shape}`} />
        <span class="leads">
          {card.state !== "running" ? (
            <span>{w.broker.state[card.state]}</span>
          ) : card.behind > 0 ? (
            <span>
              {w.broker.behind}, <Since us={card.since_us} say={w.broker.back} />
            </span>
          ) : names.length > 0 ? (
            <>
              <Icon name="crown" />
              <span>{names.length > 3 ? w.broker.leadsMany(names.length) : w.broker.leads(names.join(", "))}</span>
            </>
          ) : (
            <span class="r-dim">{w.broker.leadsNone}</span>
          )}
        </span>
      </button>
      <button
        type="button"
        class="power"
        aria-haspopup="menu"
        aria-label={w.broker.power(card.id)}
        title={w.broker.power(card.id)}
        onClick={(e) => {
          const r = e.currentTarget.getBoundingClientRect();
          menu.value = { kind: "broker", id: card.id, x: r.right - 240, y: r.bottom + 6 };
        }}
      >
        <Icon name="power" />
      </button>
    </div>
  );
}
