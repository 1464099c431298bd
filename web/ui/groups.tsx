/** Group cards: state, generation, members with what they own and do, and their timers as draining bars. */
import type { VNode } from "preact";
import type { Doing, Frame, GroupCard, MemberCard } from "../engine/generated";
import { t, type Words } from "../i18n";
import { menu, select, selection } from "../model/store";
import { sameTarget } from "../model/target";
import type { Hands } from "../actions/hands";
import { duration } from "../base/format";
import { Icon } from "./icons";
import { Since, TimerBar } from "./live";

export function Groups({ frame, hands }: { frame: Frame; hands: Hands }): VNode {
  return (
    <>
      {frame.groups.map((g) => (
        <Group key={g.id} card={g} hands={hands} />
      ))}
    </>
  );
}

function Group({ card, hands }: { card: GroupCard; hands: Hands }): VNode {
  const w = t.value;
  const state = card.state === "Stable" ? "stable" : /Rebalance/.test(card.state) ? "busy" : "";
  const target = { kind: "group", id: card.id } as const;
  return (
    <article class={`card group${sameTarget(selection.value, target) ? " selected" : ""}`}>
      <header>
        <h2>
          <button type="button" onClick={() => select(target)}>
            {card.id || w.group.assign}
          </button>
          {card.state && <span class={`tag ${state}`}>{card.state}</span>}
          {card.generation >= 0 && card.id && <span class="gen">{w.group.generation(card.generation)}</span>}
        </h2>
        <p class="sub">
          {card.rebalance_due_us !== null ? (
            <Since us={card.rebalance_due_us} say={w.group.waits} />
          ) : (
            w.group.sub(card.protocol, card.coordinator >= 0 ? w.group.coordinator(card.coordinator) : "", card.members[0]?.isolation === "read_committed" ? "read_committed" : "")
          )}
        </p>
        {card.unowned_since_us !== null && (
          <p class="sub r-warn">
            <Since us={card.unowned_since_us} say={w.group.unowned} />
          </p>
        )}
      </header>
      {card.members.length === 0 && <p class="member doing">{w.group.noMembers}</p>}
      {card.members.map((m) => (
        <Member key={m.id} card={m} group={card} hands={hands} />
      ))}
      {card.id && (
        <button type="button" class="add-member" onClick={() => hands.addConsumer(card.id)}>
          <Icon name="plus" />
          {w.add.consumer(card.id)}
        </button>
      )}
    </article>
  );
}

function Member({ card, group, hands }: { card: MemberCard; group: GroupCard; hands: Hands }): VNode {
  const w = t.value;
  const target = { kind: "member", group: group.id, id: card.id } as const;
  const gone = card.state === "killed" || card.state === "closed";
  const shape = gone || card.state === "failed" ? "ring bad" : card.state === "frozen" ? "half" : card.owned.length > 0 ? "dot" : "ring wait";
  const timers = [
    ["session", card.session],
    ["poll", card.poll],
  ] as const;
  return (
    <div class={`member${sameTarget(selection.value, target) ? " selected" : ""}`} data-actor={card.id}>
      <div class="head">
        <button type="button" class="head" onClick={() => select(target)}>
          <i class={`shape ${shape}`} />
          <b>{card.id}</b>
          <span class="owned">
            {card.owned.length > 2
              ? card.owned.map((o) => (
                  <span key={`${o.topic}/${o.partition}`} class="owns" title={`${o.topic}-${o.partition}`}>
                    {o.partition}
                  </span>
                ))
              : card.owned.map((o) => (
                  <span key={`${o.topic}/${o.partition}`} class="owns">
                    {o.topic}-{o.partition}
                  </span>
                ))}
          </span>
          <span class="lag">{w.group.lag(card.lag)}</span>
        </button>
        <button
          type="button"
          class="mini"
          aria-haspopup="menu"
          aria-label={w.group.menu(card.id)}
          title={w.group.menu(card.id)}
          onClick={(e) => {
            const r = e.currentTarget.getBoundingClientRect();
            menu.value = { kind: "member", id: card.id, group: group.id, x: r.right - 250, y: r.bottom + 4 };
          }}
        >
          <Icon name="dots" />
        </button>
      </div>
      <p class="doing">
        <DoingText doing={card.doing} card={card} w={w} />
      </p>
      {card.error && <p class="error">{card.error}</p>}
      {timers.map(([name, timer]) =>
        timer && !gone ? (
          <TimerBar key={name} label={w.group.timers[name]} timer={timer} onClick={() => select({ kind: "timer", group: group.id, id: card.id, timer: name })} />
        ) : null,
      )}
      {!gone && <Slider card={card} hands={hands} w={w} />}
    </div>
  );
}

function DoingText({ doing, card, w }: { doing: Doing; card: MemberCard; w: Words }): VNode | string {
  if (card.state !== "running") return w.doing.gone[card.state];
  switch (doing.kind) {
    case "joining":
      return <Since us={doing.since_us} say={w.doing.joining} />;
    case "syncing":
      return <Since us={doing.since_us} say={w.doing.syncing} />;
    case "processing":
      return <Since us={doing.until_us} say={(d) => w.doing.processing(doing.offset, d)} />;
    case "at_end":
      return <Since us={doing.since_us} say={w.doing.at_end} />;
    case "gone":
      return "";
    default:
      return w.doing[doing.kind];
  }
}

/** Slider positions: nothing, 10 ms … 10 min, so that max.poll.interval.ms is within reach. */
const STEPS = [0, 10, 50, 120, 250, 500, 1000, 2000, 5000, 10_000, 30_000, 60_000, 120_000, 300_000, 600_000];

function Slider({ card, hands, w }: { card: MemberCard; hands: Hands; w: Words }): VNode {
  const ms = card.process_us / 1000;
  let at = STEPS.findIndex((s) => s >= ms);
  if (at < 0) at = STEPS.length - 1;
  return (
    <label class="slider" title={w.group.slider}>
      <Icon name="slow" />
      <input type="range" min={0} max={STEPS.length - 1} step={1} value={at} aria-label={`${card.id}: ${w.group.slider}`} onChange={(e) => hands.setProcessing(card.id, STEPS[Number(e.currentTarget.value)])} />
      <span class="n">{duration(card.process_us, w.lang === "ko" ? "" : " ")}</span>
    </label>
  );
}
