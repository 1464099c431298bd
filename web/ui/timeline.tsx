/** Transport and tracks. Tracks are painted from a draw list; the playhead follows the virtual clock. */
import { effect, useComputed } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { VNode } from "preact";
import { clock, count, duration } from "../base/format";
import { readPalette } from "../canvas/palette";
import { Painter } from "../canvas/painter";
import { drawTimeline } from "../draw/timeline";
import { t, lang } from "../i18n";
import { layoutTimeline, type TimelineLayout } from "../layout/timeline";
import * as store from "../model/store";
import type { Hands } from "../actions/hands";
import { Icon } from "./icons";

const SPEEDS = [0.25, 0.5, 1, 2, 4];
const NAMES = ["¼×", "½×", "1×", "2×", "4×"];
/** 1 ms … 1 day of virtual time a real second. */
const RATIOS = [1e3, 5e3, 2e4, 1e5, 1e6, 1e7, 6e7, 6e8, 3.6e9, 8.64e10];

export function Timeline({ hands }: { hands: Hands }): VNode {
  const w = t.value;
  const playing = store.playing.value;
  const step = store.stepBy.value;
  const pace = store.pace.value;
  const time = useComputed(() => clock(store.nowUs.value));
  const folding = store.folding.value;
  const waits = store.waiting.value;
  const gap = w.lang === "ko" ? "" : " ";
  return (
    <section class="timeline" aria-label={w.play.timeline}>
      <div class="transport">
        <Button name="start" label={w.play.start} onClick={() => hands.toStart()} class="edge" />
        <Button name="back" label={w.play.back} onClick={() => hands.stepBack()} />
        <button type="button" class="btn play" aria-label={playing ? w.play.pause : w.play.play} title={playing ? w.play.pause : w.play.play} onClick={() => (playing ? hands.pause() : hands.play())}>
          <Icon name={playing ? "pause" : "play"} />
        </button>
        <Button name="step" label={w.play.step} onClick={() => hands.step()} />
        <Button name="end" label={w.play.end} onClick={() => hands.toEnd()} class="edge" />
        <span class="clock" role="timer" aria-live="off">
          {time}
        </span>
        <span class="count">{w.play.event(count(store.scene.value?.frame.event ?? 0))}</span>
        <span class="fold-note" aria-live="off">
          {waits ? (
            <>
              {w.play.waiting}{" "}
              <button type="button" onClick={() => hands.skip()}>
                {w.play.skip} {clock(waits.deadlineUs)}
              </button>
            </>
          ) : folding ? (
            `⏩ ${w.play.folded(duration(folding.us, gap))}`
          ) : (
            ""
          )}
        </span>
        <span class="spring" />
        <span class="seg-label">{w.play.stepBy}</span>
        <Segments
          label={w.play.stepBy}
          names={[w.play.by.event, w.play.by.change, w.play.by.request]}
          at={["event", "change", "request"].indexOf(step)}
          onPick={(i) => (store.stepBy.value = (["event", "change", "request"] as const)[i])}
        />
        <span class="seg-label">{w.play.pace}</span>
        <Segments
          label={w.play.pace}
          names={[w.play.paces.story, w.play.paces.clock, w.play.paces.max]}
          titles={[w.play.paceHints.story, w.play.paceHints.clock, w.play.paceHints.max]}
          at={["story", "clock", "max"].indexOf(pace)}
          onPick={(i) => (store.pace.value = (["story", "clock", "max"] as const)[i])}
        />
        {pace === "clock" && (
          <input
            type="range"
            class="ratio"
            min={0}
            max={RATIOS.length - 1}
            value={nearest(store.clockRatio.value)}
            aria-label={w.play.perSecond(duration(store.clockRatio.value, gap))}
            title={w.play.perSecond(duration(store.clockRatio.value, gap))}
            onInput={(e) => (store.clockRatio.value = RATIOS[Number(e.currentTarget.value)])}
          />
        )}
        <Segments label={w.play.speed} names={NAMES} at={SPEEDS.indexOf(store.speed.value)} onPick={(i) => (store.speed.value = SPEEDS[i])} class="speeds" />
      </div>
      <Tracks hands={hands} />
    </section>
  );
}

const nearest = (us: number): number => RATIOS.reduce((best, r, i) => (Math.abs(Math.log(r / us)) < Math.abs(Math.log(RATIOS[best] / us)) ? i : best), 0);

function Button({ name, label, onClick, class: extra }: { name: string; label: string; onClick(): void; class?: string }): VNode {
  return (
    <button type="button" class={`btn icon${extra ? ` ${extra}` : ""}`} aria-label={label} title={label} onClick={onClick}>
      <Icon name={name} />
    </button>
  );
}

function Segments(p: { label: string; names: readonly string[]; titles?: readonly string[]; at: number; onPick(i: number): void; class?: string }): VNode {
  return (
    <span class={`seg${p.class ? ` ${p.class}` : ""}`} role="group" aria-label={p.label}>
      {p.names.map((n, i) => (
        <button type="button" key={n} aria-pressed={i === p.at} title={p.titles?.[i]} onClick={() => p.onPick(i)}>
          {n}
        </button>
      ))}
    </span>
  );
}

function Tracks({ hands }: { hands: Hands }): VNode {
  const root = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const el = root.current;
    if (!el || !canvas.current) return;
    const painter = new Painter(canvas.current);
    let queued = 0;
    let layout: TimelineLayout | null = null;
    const paint = (): void => {
      queued = 0;
      const w = el.clientWidth;
      const h = el.clientHeight;
      if (w < 10 || h < 10) return;
      painter.resize(w, h, Math.min(2, window.devicePixelRatio || 1));
      layout = layoutTimeline(store.timeline.peek(), store.nowUs.peek(), w, h);
      painter.paint(drawTimeline(layout, t.peek(), store.scene.peek()?.frame ?? null), readPalette(document.documentElement));
    };
    const ask = (): void => {
      if (!queued) queued = requestAnimationFrame(paint);
    };
    const stop = effect(() => {
      void store.timeline.value;
      void store.nowUs.value;
      void lang.value;
      void store.effectiveTheme.value;
      ask();
    });
    const resized = new ResizeObserver(ask);
    resized.observe(el);
    let dragging = false;
    const at = (e: PointerEvent): void => {
      if (!layout) return;
      const r = el.getBoundingClientRect();
      const x = e.clientX - r.left;
      const strip = layout.branches.find((b) => Math.abs(e.clientY - r.top - b.y) < 9 && x >= b.x0 && x <= b.x1);
      if (e.type === "pointerdown" && strip) {
        hands.switchBranch(strip.id);
        return;
      }
      dragging = true;
      hands.scrub(layout.usAt(x));
    };
    const down = (e: PointerEvent): void => {
      el.setPointerCapture(e.pointerId);
      at(e);
    };
    const move = (e: PointerEvent): void => {
      if (dragging) at(e);
    };
    const up = (): void => {
      dragging = false;
    };
    el.addEventListener("pointerdown", down);
    el.addEventListener("pointermove", move);
    el.addEventListener("pointerup", up);
    el.addEventListener("pointercancel", up);
    return () => {
      stop();
      resized.disconnect();
      cancelAnimationFrame(queued);
      el.removeEventListener("pointerdown", down);
      el.removeEventListener("pointermove", move);
      el.removeEventListener("pointerup", up);
      el.removeEventListener("pointercancel", up);
    };
  }, [hands]);
  const w = t.value;
  return (
    <div
      class="tracks"
      ref={root}
      role="slider"
      tabIndex={0}
      aria-label={w.play.timeline}
      aria-valuemin={0}
      aria-valuemax={Math.round(store.timeline.value.runUs / 1000)}
      aria-valuenow={Math.round((store.scene.value?.frame.now_us ?? 0) / 1000)}
      aria-valuetext={clock(store.scene.value?.frame.now_us ?? 0)}
      onKeyDown={(e) => {
        if (e.key === "ArrowRight" || e.key === "ArrowUp") hands.step();
        else if (e.key === "ArrowLeft" || e.key === "ArrowDown") hands.stepBack();
        else return;
        e.preventDefault();
        e.stopPropagation();
      }}
    >
      <canvas ref={canvas} aria-hidden="true" />
    </div>
  );
}
