/**
 * The scene area: columns of cards with two canvases over them. Measures what the page laid out, asks layout and draw
 * for a picture, and turns the pointer into targets.
 */
import { effect } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { VNode } from "preact";
import { readPalette, type Palette } from "../canvas/palette";
import { Painter } from "../canvas/painter";
import { DrawList } from "../draw/list";
import { drawFlights, type FlightLook } from "../draw/flights";
import { drawMarks } from "../draw/marks";
import { drawRows } from "../draw/rows";
import { lang, t } from "../i18n";
import { hitTest } from "../layout/hit";
import { layoutStage, type Boxes, type Rect, type StageLayout } from "../layout/stage";
import { ZOOMS } from "../layout/zoom";
import type { MotionModel } from "../model/motion";
import * as store from "../model/store";
import { tipFor } from "../model/tips";
import type { Hands } from "../actions/hands";
import { Tree } from "../a11y/tree";
import { Blocks, PartitionTabs } from "./blocks";
import { Groups } from "./groups";
import { Icon } from "./icons";
import { Producers } from "./producers";
import { Strip } from "./strip";

const LABEL_WIDTH = 102;
const LABEL_WIDTH_PHONE = 74;

export function Stage({ hands, motion }: { hands: Hands; motion: MotionModel }): VNode | null {
  const root = useRef<HTMLDivElement>(null);
  const base = useRef<HTMLCanvasElement>(null);
  const over = useRef<HTMLCanvasElement>(null);
  const tip = useRef<HTMLDivElement>(null);
  const layout = useRef<StageLayout | null>(null);

  useEffect(() => {
    const el = root.current;
    if (!el || !base.current || !over.current) return;
    const below = new Painter(base.current);
    const above = new Painter(over.current);
    let palette: Palette = readPalette(document.documentElement);
    let boxes: Boxes | null = null;
    let dirty = true;
    let queued = 0;
    let drawn: unknown = null;

    const paint = (time: number): void => {
      queued = 0;
      const scene = store.scene.peek();
      if (!scene) return;
      boxes ??= measure(el, below, above);
      motion.tick(time);
      const now = store.nowUs.peek();
      const l = layoutStage(scene, boxes, store.seenZoom.peek(), store.back.peek(), now, motion);
      layout.current = l;
      const moving = motion.moving();
      const look = lookOf(palette, motion, hands);
      if (dirty || moving || drawn !== scene) {
        const d = new DrawList();
        d.clip(l.clip.x, l.clip.y, l.clip.w, l.clip.h);
        for (const b of l.blocks) if (b.visible) drawRows(d, scene, b, look, motion);
        d.unclip();
        below.paint(d.ops, palette);
        dirty = false;
        drawn = scene;
      }
      const d = new DrawList();
      d.clip(l.clip.x, l.clip.y, l.clip.w, l.clip.h);
      for (const b of l.blocks) if (b.visible) drawMarks(d, b, look, motion);
      d.unclip();
      drawFlights(d, l, look);
      above.paint(d.ops, palette);
      if (moving) ask();
    };
    const ask = (): void => {
      if (!queued) queued = requestAnimationFrame(paint);
    };
    const remeasure = (): void => {
      boxes = null;
      dirty = true;
      ask();
    };
    const stops = [
      effect(() => {
        void store.scene.value;
        // Cards may have changed their size: measure after the page has laid them out.
        boxes = null;
        ask();
      }),
      effect(() => {
        void store.nowUs.value;
        ask();
      }),
      effect(() => {
        void store.zoom.value;
        void store.back.value;
        void store.hover.value;
        void store.selection.value;
        void store.phonePartition.value;
        void store.narrow.value;
        void lang.value;
        remeasure();
      }),
      effect(() => {
        void store.effectiveTheme.value;
        // The attribute is set by another effect of the same change; read the tokens after it.
        queueMicrotask(() => {
          palette = readPalette(document.documentElement);
          remeasure();
        });
      }),
    ];
    const resized = new ResizeObserver(remeasure);
    resized.observe(el);
    el.addEventListener("scroll", remeasure, { capture: true, passive: true });
    void document.fonts?.ready.then(remeasure);

    const at = (e: PointerEvent | MouseEvent): ReturnType<typeof hitTest> => {
      const r = el.getBoundingClientRect();
      return layout.current ? hitTest(layout.current, e.clientX - r.left, e.clientY - r.top) : null;
    };
    const onControl = (e: Event): boolean => e.target instanceof Element && e.target.closest("button,input,a,label") !== null;
    const move = (e: PointerEvent): void => {
      const hit = onControl(e) ? null : at(e);
      store.hover.value = hit;
      el.classList.toggle("pointing", hit !== null);
      const box = tip.current;
      const scene = store.scene.peek();
      if (!box) return;
      const words = hit && scene ? tipFor(hit, scene, t.peek()) : null;
      box.hidden = !words;
      if (words) {
        box.textContent = words;
        box.style.left = `${Math.min(e.clientX + 12, window.innerWidth - 290)}px`;
        box.style.top = `${e.clientY + 16}px`;
      }
    };
    const click = (e: MouseEvent): void => {
      if (onControl(e)) return;
      const hit = at(e);
      if (hit?.kind === "message") store.menu.value = { kind: "message", id: hit.id, x: e.clientX, y: e.clientY + 8 };
      if (hit) store.select(hit);
    };
    const context = (e: MouseEvent): void => {
      const hit = onControl(e) ? null : at(e);
      if (hit?.kind !== "message") return;
      e.preventDefault();
      store.menu.value = { kind: "message", id: hit.id, x: e.clientX, y: e.clientY + 8 };
    };
    const wheel = (e: WheelEvent): void => {
      const sideways = e.shiftKey ? e.deltaY : e.deltaX;
      if (Math.abs(sideways) < 1 || !(e.target instanceof Element) || !e.target.closest(".block")) return;
      e.preventDefault();
      hands.scrollRows(sideways > 0 ? -1 : 1);
    };
    const leave = (): void => {
      store.hover.value = null;
      if (tip.current) tip.current.hidden = true;
    };
    el.addEventListener("pointermove", move);
    el.addEventListener("pointerleave", leave);
    el.addEventListener("click", click);
    el.addEventListener("contextmenu", context);
    el.addEventListener("wheel", wheel, { passive: false });
    return () => {
      stops.forEach((s) => s());
      resized.disconnect();
      cancelAnimationFrame(queued);
      el.removeEventListener("scroll", remeasure, { capture: true });
      el.removeEventListener("pointermove", move);
      el.removeEventListener("pointerleave", leave);
      el.removeEventListener("click", click);
      el.removeEventListener("contextmenu", context);
      el.removeEventListener("wheel", wheel);
    };
  }, [hands, motion]);

  const scene = store.scene.value;
  if (!scene) return null;
  const { frame } = scene;
  const w = t.value;
  return (
    <div class="scene" ref={root}>
      <Strip frame={frame} />
      <div class="columns">
        <h2 class="caption">{w.strip.producers}</h2>
        <h2 class="caption mid">
          {frame.topics.slice(0, 1).map((topic) => (
            <div key={topic.name}>
              {w.strip.topic} <b>{topic.name}</b> <span>{w.topic(topic.partitions, topic.replication_factor, topic.min_insync_replicas, topic.cleanup_policy)}</span>
            </div>
          ))}
          <span class="spring" />
          <ZoomButtons />
        </h2>
        <h2 class="caption last">{w.strip.groups}</h2>
        <div class="column producers">
          <Producers frame={frame} hands={hands} />
        </div>
        <div class="column blocks">
          <PartitionTabs frame={frame} />
          <Blocks frame={frame} />
        </div>
        <div class="column groups">
          <Groups frame={frame} hands={hands} />
        </div>
      </div>
      <canvas ref={base} aria-hidden="true" />
      <canvas ref={over} aria-hidden="true" />
      <div class="tooltip" ref={tip} hidden />
      <Tree />
    </div>
  );
}

function ZoomButtons(): VNode {
  const w = t.value;
  const i = ZOOMS.indexOf(store.zoom.value);
  return (
    <div class="zoom">
      {store.back.value > 0 && (
        <button type="button" class="totail" onClick={() => (store.back.value = 0)}>
          {w.zoom.tail} →
        </button>
      )}
      <button type="button" disabled={i === 0} title={w.zoom.out} aria-label={w.zoom.out} onClick={() => (store.zoom.value = ZOOMS[i - 1])}>
        <Icon name="zoomout" />
      </button>
      <button type="button" disabled={i === ZOOMS.length - 1} title={w.zoom.in} aria-label={w.zoom.in} onClick={() => (store.zoom.value = ZOOMS[i + 1])}>
        <Icon name="zoomin" />
      </button>
    </div>
  );
}

function lookOf(palette: Palette, motion: MotionModel, _hands: Hands): FlightLook {
  const scene = store.scene.peek();
  const texts = new Map(scene?.frame.keys.map((k) => [k.id, k.text]) ?? []);
  const glow = [];
  for (const target of [store.hover.peek(), store.selection.peek()]) {
    if (target?.kind !== "record" || !scene) continue;
    const place = scene.frame.partitions.findIndex((p) => p.topic === target.topic && p.partition === target.partition);
    glow.push({ place, offset: target.offset });
  }
  const selected = store.selection.peek();
  return {
    edged: palette.edged,
    glow,
    words: t.peek().canvas,
    keyText: (id) => (id === 0 ? "∅" : (texts.get(id) ?? "")),
    fade: (place, broker) => motion.fade(place, broker),
    noise: store.showNoise.peek(),
    selected: selected?.kind === "message" ? selected.id : null,
    keyAt: (place, offset) => {
      const leader = scene?.frame.partitions[place]?.replicas[0];
      if (!leader || !scene) return undefined;
      for (let i = leader.cells_from; i < leader.cells_to; i++) if (scene.cells.offset[i] === offset) return scene.cells.key[i];
      return undefined;
    },
  };
}

function measure(el: HTMLElement, ...painters: Painter[]): Boxes {
  const o = el.getBoundingClientRect();
  const box = (r: DOMRect): Rect => ({ x: r.left - o.left, y: r.top - o.top, w: r.width, h: r.height });
  const blocks: (Rect | undefined)[] = [];
  for (const b of el.querySelectorAll<HTMLElement>(".block")) blocks[Number(b.dataset.place)] = box(b.getBoundingClientRect());
  const actors = new Map<string, Rect>();
  for (const a of el.querySelectorAll<HTMLElement>("[data-actor]")) {
    const r = a.getBoundingClientRect();
    if (r.width > 0) actors.set(a.dataset.actor ?? "", box(r));
  }
  const clip = [".column.blocks", ".columns"].flatMap((s) => el.querySelector(s) ?? []).map((e) => box(e.getBoundingClientRect()));
  for (const p of painters) p.resize(o.width, o.height, Math.min(2, window.devicePixelRatio || 1));
  return {
    width: o.width,
    height: o.height,
    // In a narrow window the columns scroll together, else each by itself.
    clip: clip.reduce(intersect, { x: 0, y: 0, w: o.width, h: o.height }),
    blocks,
    actors,
    labelWidth: o.width < 760 ? LABEL_WIDTH_PHONE : LABEL_WIDTH,
  };
}

function intersect(a: Rect, b: Rect): Rect {
  const x = Math.max(a.x, b.x);
  const y = Math.max(a.y, b.y);
  return { x, y, w: Math.min(a.x + a.w, b.x + b.w) - x, h: Math.min(a.y + a.h, b.y + b.h) - y };
}
