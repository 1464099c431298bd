/** Menus that open where they were asked for: power, link, message, consumer, add, break, keyboard. */
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import type { ComponentChildren, VNode } from "preact";
import { FLIGHT } from "../engine/generated";
import { t } from "../i18n";
import * as store from "../model/store";
import { flightIndex, messageTitle } from "../model/tips";
import { actorName } from "../model/words";
import type { Hands } from "../actions/hands";
import { Icon } from "./icons";

const close = (): void => {
  store.menu.value = null;
};

export function Menus({ hands }: { hands: Hands }): VNode | null {
  const m = store.menu.value;
  if (!m) return null;
  return <Popup key={`${m.kind}/${m.x}/${m.y}`}>{content(hands)}</Popup>;
}

function content(hands: Hands): ComponentChildren {
  const m = store.menu.value;
  const s = store.scene.value;
  const w = t.value;
  if (!m || !s) return null;
  const f = s.frame;
  switch (m.kind) {
    case "broker": {
      const b = f.brokers.find((x) => x.id === m.id);
      if (!b) return null;
      const off = b.state === "stopped" || b.state === "killed" || b.state === "powered_off";
      const broker = m.id;
      return (
        <>
          <h3>{w.broker.name(m.id)}</h3>
          {off ? (
            <>
              <Item icon="restart" title={w.power.restart} hint={w.power.restartHint} run={() => hands.act({ do: "restart_broker", broker })} />
              <Item icon="wipe" title={w.power.wipe} hint={w.power.wipeHint} danger run={() => hands.act({ do: "wipe_disk", broker })} />
            </>
          ) : (
            <>
              <Item icon="stop" title={w.power.stop} hint={w.power.stopHint} run={() => hands.act({ do: "stop_broker", broker })} />
              <Item icon="kill" title={w.power.kill} hint={w.power.killHint} danger run={() => hands.act({ do: "kill_broker", broker })} />
              <Item icon="plug" title={w.power.powerOff} hint={w.power.powerOffHint} danger run={() => hands.act({ do: "power_off_broker", broker })} />
              {b.state === "paused" ? (
                <Item icon="play" title={w.power.resume} hint={w.power.resumeHint} run={() => hands.act({ do: "resume_broker", broker })} />
              ) : (
                <Item icon="pause" title={w.power.pause} hint={w.power.pauseHint} run={() => hands.act({ do: "pause_broker", broker })} />
              )}
            </>
          )}
          <hr />
          <Item icon="link" title={w.broker.linkTo} hint="" keep run={() => (store.menu.value = { kind: "links", end: String(m.id), x: m.x, y: m.y })} />
        </>
      );
    }
    case "links": {
      const ends = s.actors.filter((a) => a !== m.end);
      return (
        <>
          <h3>{w.link.pick}</h3>
          {ends.map((other) => {
            const card = f.links.find((l) => (l.from === m.end && l.to === other) || (l.from === other && l.to === m.end));
            const note = card ? (card.cut ? w.link.isCut : w.link.isSlow(`${card.extra_latency_us / 1000} ms`)) : "";
            return <Item key={other} icon="link" title={w.link.title(actorName(m.end), actorName(other))} hint={note} keep run={() => (store.menu.value = { kind: "link", from: m.end, to: other, x: m.x, y: m.y })} />;
          })}
        </>
      );
    }
    case "link": {
      const { from, to } = m;
      const bad = f.links.some((l) => (l.from === from && l.to === to) || (l.from === to && l.to === from));
      return (
        <>
          <h3>{w.link.title(actorName(from), actorName(to))}</h3>
          <Item icon="cut" title={w.link.cut} hint={w.link.cutHint} danger run={() => hands.act({ do: "cut_link", from, to, both: true })} />
          <Item icon="slow" title={w.link.slow} hint={w.link.slowHint} run={() => hands.act({ do: "slow_link", from, to, latency_ms: 200, both: true })} />
          <Item icon="heal" title={w.link.heal} hint={w.link.healHint} disabled={!bad} run={() => hands.act({ do: "heal", from, to })} />
        </>
      );
    }
    case "message": {
      const i = flightIndex(s, m.id);
      if (i < 0) return <h3>{w.message.state[3]}</h3>;
      const held = s.flights[i + FLIGHT.state] === 1;
      return (
        <>
          <h3>{messageTitle(s, m.id, w)}</h3>
          {held ? (
            <Item icon="release" title={w.message.release} hint={w.message.releaseHint} run={() => hands.messageCommand(m.id, "release")} />
          ) : (
            <Item icon="hand" title={w.message.hold} hint={w.message.holdHint} run={() => hands.messageCommand(m.id, "hold")} />
          )}
          <Item icon="slow" title={w.message.delay} hint={w.message.delayHint} run={() => hands.messageCommand(m.id, "delay")} />
          <Item icon="drop" title={w.message.drop} hint={w.message.dropHint} danger run={() => hands.messageCommand(m.id, "drop")} />
        </>
      );
    }
    case "member": {
      const card = f.groups.flatMap((g) => g.members).find((x) => x.id === m.id);
      if (!card) return null;
      const consumer = m.id;
      const gone = card.state === "killed" || card.state === "closed";
      const first = card.owned[0];
      return (
        <>
          <h3>{m.id}</h3>
          {card.state === "frozen" ? (
            <Item icon="play" title={w.consumer.thaw} hint={w.consumer.thawHint} run={() => hands.act({ do: "thaw_consumer", consumer })} />
          ) : (
            <Item icon="snow" title={w.consumer.freeze} hint={w.consumer.freezeHint} disabled={gone} run={() => hands.act({ do: "freeze_consumer", consumer })} />
          )}
          <Item icon="check" title={w.consumer.commit} hint={w.consumer.commitHint} disabled={gone} run={() => hands.act({ do: "commit", consumer, sync: false })} />
          <Item
            icon="undo"
            title={w.consumer.rewind}
            hint={w.consumer.rewindHint}
            disabled={gone || !first}
            run={() => first && hands.act({ do: "seek", consumer, partition: `${first.topic}-${first.partition}`, to: "earliest" })}
          />
          <hr />
          <Item icon="x" title={w.consumer.close} hint={w.consumer.closeHint} disabled={gone} run={() => hands.act({ do: "close_consumer", consumer })} />
          <Item icon="kill" title={w.consumer.kill} hint={w.consumer.killHint} danger disabled={gone} run={() => hands.act({ do: "kill_consumer", consumer })} />
        </>
      );
    }
    case "add":
      return (
        <>
          {f.groups
            .filter((g) => g.id)
            .map((g) => (
              <Item key={g.id} icon="plus" title={w.add.consumer(g.id)} hint="" run={() => hands.addConsumer(g.id)} />
            ))}
          <Item icon="plus" title={w.add.producer} hint="" run={() => hands.addProducer()} />
        </>
      );
    case "break":
      return (
        <>
          {f.brokers.map((b) => {
            const off = b.state === "stopped" || b.state === "killed" || b.state === "powered_off";
            return (
              <Item
                key={b.id}
                icon={off ? "restart" : "kill"}
                danger={!off}
                title={`${w.broker.name(b.id)}: ${off ? w.power.restart : w.power.kill}`}
                hint=""
                run={() => hands.act(off ? { do: "restart_broker", broker: b.id } : { do: "kill_broker", broker: b.id })}
              />
            );
          })}
          <hr />
          {f.brokers.map((b) => (
            <Item key={b.id} icon="link" title={`${w.broker.name(b.id)}: ${w.broker.linkTo}`} hint="" keep run={() => (store.menu.value = { kind: "links", end: String(b.id), x: m.x, y: m.y })} />
          ))}
        </>
      );
    case "shortcuts":
      return (
        <>
          <h3>{w.shortcuts.title}</h3>
          <dl class="sheet-keys">
            {w.shortcuts.rows.map(([k, v]) => (
              <>
                <dt key={k}>
                  {k.split(" ").map((x) => (
                    <kbd key={x}>{x}</kbd>
                  ))}
                </dt>
                <dd key={`${k}-d`}>{v}</dd>
              </>
            ))}
          </dl>
        </>
      );
  }
}

function Item(p: { icon: string; title: string; hint: string; danger?: boolean; disabled?: boolean; keep?: boolean; run(): void }): VNode {
  return (
    <button
      type="button"
      role="menuitem"
      class={p.danger ? "danger" : ""}
      disabled={p.disabled}
      onClick={(e) => {
        e.stopPropagation();
        if (!p.keep) close();
        p.run();
      }}
    >
      <Icon name={p.icon} />
      <b>{p.title}</b>
      {p.hint && <small>{p.hint}</small>}
    </button>
  );
}

function Popup({ children }: { children: ComponentChildren }): VNode {
  const ref = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const el = ref.current;
    const m = store.menu.peek();
    if (!el || !m) return;
    const r = el.getBoundingClientRect();
    el.style.left = `${Math.max(8, Math.min(m.x, window.innerWidth - r.width - 8))}px`;
    el.style.top = `${Math.max(8, Math.min(m.y, window.innerHeight - r.height - 8))}px`;
    el.querySelector<HTMLElement>("button:not(:disabled)")?.focus({ preventScroll: true });
  }, []);
  useEffect(() => {
    const before = document.activeElement as HTMLElement | null;
    const outside = (e: PointerEvent): void => {
      if (e.target instanceof Node && !ref.current?.contains(e.target)) close();
    };
    const keys = (e: KeyboardEvent): void => {
      const el = ref.current;
      if (!el) return;
      if (e.key === "Escape") {
        close();
        before?.focus?.();
      } else if (e.key === "ArrowDown" || e.key === "ArrowUp") {
        const all = [...el.querySelectorAll<HTMLElement>("button:not(:disabled)")];
        const i = all.indexOf(document.activeElement as HTMLElement);
        all[(i + (e.key === "ArrowDown" ? 1 : all.length - 1)) % all.length]?.focus();
      } else return;
      e.preventDefault();
      e.stopPropagation();
    };
    // The click that opened the menu is still on its way.
    const timer = window.setTimeout(() => window.addEventListener("pointerdown", outside), 0);
    window.addEventListener("keydown", keys, true);
    return () => {
      window.clearTimeout(timer);
      window.removeEventListener("pointerdown", outside);
      window.removeEventListener("keydown", keys, true);
    };
  }, []);
  return (
    <div class="menu" role="menu" ref={ref}>
      {children}
    </div>
  );
}

export function Toasts({ hands }: { hands: Hands }): VNode | null {
  const w = t.value;
  const p = store.panic.value;
  if (p !== null)
    return (
      <div class="toasts">
        <div class="toast" role="alertdialog" aria-label={w.panic.title}>
          <h3>{w.panic.title}</h3>
          <p>{w.panic.body}</p>
          <div class="row">
            <button type="button" class="btn" onClick={() => hands.rebuild()}>
              <Icon name="restart" />
              {w.panic.rebuild}
            </button>
            <button type="button" class="btn" onClick={() => void navigator.clipboard?.writeText(p)}>
              {w.panic.copy}
            </button>
          </div>
        </div>
      </div>
    );
  const r = store.refusal.value;
  if (!r) return null;
  return (
    <div class="toasts">
      <div class="toast" role="alert">
        <h3>{w.refusal.title}</h3>
        <p>{r.what}</p>
        {r.where && (
          <p>
            {w.refusal.where}: <code>{r.where}</code>
          </p>
        )}
        {r.nearest && (
          <p>
            {w.refusal.nearest}: <code>{r.nearest}</code>
          </p>
        )}
        <div class="row">
          <button type="button" class="btn small" onClick={() => (store.refusal.value = null)}>
            {w.refusal.dismiss}
          </button>
        </div>
      </div>
    </div>
  );
}
