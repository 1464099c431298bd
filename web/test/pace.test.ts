import { expect, test } from "vitest";
import { foldAt, screenAt, virtualAt } from "../model/pace";
import { folded, line, say } from "../model/words";
import { en } from "../i18n/en";
import { ko } from "../i18n/ko";
import { plain } from "../base/rich";
import type { EventCard } from "../engine/generated";
import { fixtureScene } from "./fixtures/scene";

const knots = [
  { at_us: 0, screen_ms: 0, folded: false },
  { at_us: 1000, screen_ms: 450, folded: false },
  { at_us: 1000, screen_ms: 1050, folded: false },
  { at_us: 45_000_000, screen_ms: 1350, folded: true },
];

test("both directions of the map agree, and a plateau holds virtual time", () => {
  expect(virtualAt(knots, 225)).toBe(500);
  expect(virtualAt(knots, 700)).toBe(1000);
  expect(screenAt(knots, 500)).toBe(225);
  expect(screenAt(knots, 1000)).toBe(1050);
  expect(virtualAt(knots, 99_999)).toBe(45_000_000);
  expect(virtualAt([], 5)).toBe(0);
});

test("a fold is named while one is in it", () => {
  expect(foldAt(knots, 1200)).toBe(44_999_000);
  expect(foldAt(knots, 200)).toBeNull();
});

const event = (id: number, what: EventCard["what"], visible = false): EventCard => ({ id, at_us: 0, node: "1", trigger: null, visible, noise: !visible, what });
const subject = { kind: "replica", node: 1, other: -1, topic: "orders", partition: 0, name: "", group: "" };

test("small events are folded into one line that says what they were", () => {
  const fetch = (id: number): EventCard => event(id, { is: "sent", api: "Fetch", answer: false, to: "1" });
  const hw = event(9, { is: "changed", fact: "high_watermark", subject, from: 3, to: 4, rule: "r", facts: [] }, true);
  const entries = folded([fetch(1), fetch(2), fetch(3), hw], false);
  expect(entries).toMatchObject([{ kind: "line" }, { kind: "fold", n: 3, noise: "fetch" }]);
  expect(folded([fetch(1), hw], true)).toHaveLength(2);
});

test("the narration names who asked, in both languages", () => {
  const frame = fixtureScene().frame;
  const asked = { fact: "log_end_offset", subject: { ...subject, kind: "remote", other: 2 }, value: 11, set_by: 5 };
  const hw = event(9, { is: "changed", fact: "high_watermark", subject, from: 10, to: 11, rule: "r", facts: [asked] }, true);
  expect(plain(say(hw, en, frame) ?? [])).toBe("Broker 2 asks for offset 11 of orders-0, so it has all before it. The high watermark moves 10 → 11: offset 10 is readable.");
  expect(plain(say(hw, ko, frame) ?? [])).toContain("브로커 2가");
});

test("what a person did is said as such, whatever the command", () => {
  const did = (c: object): string => plain(line(event(1, { is: "commanded", command: JSON.stringify(c) }), en).title);
  expect(did({ do: "produce", record: { key: "dia" } })).toBe("You sent “dia”");
  expect(did({ do: "unheard_of" })).toBe("You: unheard_of");
  expect(plain(line(event(1, { is: "fault", text: '{"do":"kill_broker","broker":3}' }), en).title)).toBe("You killed broker 3");
});
