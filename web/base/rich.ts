/**
 * Text with marked parts: what sentences of the page are made of. A part is drawn as a text node, never as markup, so
 * that a record's key may hold anything.
 */

/** What a marked part is about; decides its colour and what a click on it selects. */
export type Tone = "num" | "code" | "hw" | "lso" | "bad" | "warn" | "strong" | "dim";

export interface Mark {
  readonly text: string;
  readonly tone: Tone;
}

export type Segment = string | Mark;
export type Rich = readonly Segment[];

export const num = (v: number | string): Mark => ({ text: String(v), tone: "num" });
export const code = (v: string): Mark => ({ text: v, tone: "code" });
export const strong = (v: string): Mark => ({ text: v, tone: "strong" });

/** `` rich`Broker ${b} asks for offset ${num(11)}` `` */
export function rich(parts: TemplateStringsArray, ...values: (Segment | number | Rich)[]): Rich {
  const out: Segment[] = [];
  const push = (s: Segment): void => {
    if (s === "") return;
    const last = out.length - 1;
    if (typeof s === "string" && typeof out[last] === "string") out[last] = (out[last] as string) + s;
    else out.push(s);
  };
  parts.forEach((part, i) => {
    push(part);
    if (i >= values.length) return;
    const v = values[i];
    if (typeof v === "number") push(String(v));
    else if (Array.isArray(v)) v.forEach(push);
    else push(v as Segment);
  });
  return out;
}

/** The same text without its marks, for screen readers and tests. */
export const plain = (r: Rich): string => r.map((s) => (typeof s === "string" ? s : s.text)).join("");
