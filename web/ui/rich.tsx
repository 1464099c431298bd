/** Marked text as text nodes in spans. */
import type { VNode } from "preact";
import type { Rich } from "../base/rich";

export function RichText({ of }: { of: Rich }): VNode {
  return (
    <>
      {of.map((s, i) => (typeof s === "string" ? s : <span key={i} class={`r-${s.tone}`}>{s.text}</span>))}
    </>
  );
}
