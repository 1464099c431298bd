/** One line that says what has just happened, with one hint for what to try next. */
import { computed } from "@preact/signals";
import type { VNode } from "preact";
import { t } from "../i18n";
import { narration, scene, select } from "../model/store";
import { say } from "../model/words";
import { RichText } from "./rich";

const sentence = computed(() => {
  const e = narration.value;
  const s = scene.value;
  if (!s) return null;
  return (e && say(e, t.value, s.frame)) ?? t.value.narration.began;
});

const hint = computed(() => {
  const s = scene.value;
  const w = t.value.narration;
  if (!s || s.frame.brokers.length === 0) return null;
  const b1 = s.frame.brokers[0];
  const down = b1.state === "killed" || b1.state === "stopped" || b1.state === "powered_off";
  return w.try("K", down ? w.tryRestart(b1.id) : w.tryKill(b1.id));
});

export function Narration(): VNode {
  const w = t.value;
  const e = narration.value;
  return (
    <div class="narration" role="status" aria-live="polite" aria-atomic="true">
      <i class="dot" />
      <p>{sentence.value && <RichText of={sentence.value} />}</p>
      {e && (
        <button type="button" class="why" onClick={() => select({ kind: "event", id: e.id })}>
          {w.narration.why}
        </button>
      )}
      <span class="hint">
        {hint.value?.map((s, i) => (typeof s === "string" ? s : s.tone === "code" ? <kbd key={i}>{s.text}</kbd> : s.text))}
      </span>
    </div>
  );
}
