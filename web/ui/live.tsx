/** Small parts that follow the virtual clock without drawing their panel anew. */
import { useComputed, useSignalEffect } from "@preact/signals";
import { useRef } from "preact/hooks";
import type { VNode } from "preact";
import { duration, remaining } from "../base/format";
import type { TimerCard } from "../engine/generated";
import { nowUs } from "../model/store";
import { t } from "../i18n";

/** A bar that drains towards its due time. */
export function TimerBar({ label, timer, onClick }: { label: string; timer: TimerCard; onClick(): void }): VNode {
  const bar = useRef<HTMLElement>(null);
  const text = useRef<HTMLSpanElement>(null);
  const root = useRef<HTMLButtonElement>(null);
  const { due_us, total_us } = timer;
  const shown = useRef("");
  useSignalEffect(() => {
    const left = Math.max(0, due_us - nowUs.value);
    const share = total_us > 0 ? Math.min(1, left / total_us) : 0;
    if (bar.current) bar.current.style.transform = `scaleX(${share.toFixed(3)})`;
    const words = remaining(left);
    if (text.current && shown.current !== words) {
      shown.current = words;
      text.current.textContent = words;
    }
    root.current?.classList.toggle("low", share < 0.35 && share > 0.1);
    root.current?.classList.toggle("out", share <= 0.1);
  });
  return (
    <button type="button" class="timer" ref={root} onClick={onClick}>
      <span>{label}</span>
      <span class="bar">
        <i ref={bar} />
      </span>
      <span class="n" ref={text}>
        {remaining(Math.max(0, due_us - nowUs.peek()))}
      </span>
    </button>
  );
}

/** A duration that counts with the clock: how long since, or how long until. */
export function Since({ us, say }: { us: number; say(d: string): string }): VNode {
  const gap = t.value.lang === "ko" ? "" : " ";
  const words = useComputed(() => say(duration(Math.abs(nowUs.value - us), gap)));
  return <>{words}</>;
}
