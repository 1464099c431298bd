import { expect, test } from "vitest";
import { en } from "../i18n/en";
import { ko } from "../i18n/ko";
import { RULES } from "../i18n/rules.generated";

/** Every path of a dictionary with what stands there. */
function leaves(o: object, path = ""): Map<string, unknown> {
  const out = new Map<string, unknown>();
  for (const [k, v] of Object.entries(o)) {
    const p = path ? `${path}.${k}` : k;
    if (v !== null && typeof v === "object" && !Array.isArray(v)) for (const [q, w] of leaves(v, p)) out.set(q, w);
    else out.set(p, v);
  }
  return out;
}

test("both languages have every word, of the same kind", () => {
  const a = leaves(en);
  const b = leaves(ko);
  expect([...b.keys()].sort()).toEqual([...a.keys()].sort());
  for (const [k, v] of a) {
    const w = b.get(k);
    expect(typeof w, k).toBe(typeof v);
    if (Array.isArray(v)) expect((w as unknown[]).length, k).toBe(k.startsWith("shortcuts") ? v.length : (w as unknown[]).length);
    if (typeof v === "function") expect((w as () => void).length, k).toBeLessThanOrEqual(Math.max(v.length, 3));
  }
});

test("Korean sentences are Korean, and 압축 never stands alone", () => {
  const texts = [...leaves(ko).values()].filter((v): v is string => typeof v === "string");
  expect(texts.filter((s) => /[가-힣]/.test(s)).length).toBeGreaterThan(texts.length * 0.6);
  for (const s of [...texts, ...Object.values(RULES as Record<string, { ko: string }>).map((r) => r.ko)]) expect(s).not.toMatch(/(?<!로그 |메시지 )압축(?! 정리)(?!\()/);
});

test("every rule has a sentence in both languages and its source", () => {
  const rules = Object.entries(RULES as Record<string, { en: string; ko: string; source: string }>);
  expect(rules.length).toBeGreaterThan(50);
  for (const [id, r] of rules) {
    expect(r.en, id).toMatch(/\S/);
    expect(r.ko, id).toMatch(/[가-힣]/);
  }
});
