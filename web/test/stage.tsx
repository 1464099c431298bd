/** Draws the fixture with the product's own components, for layout work: `web/test/stage.html` in the dev server. */
import { render } from "preact";
import type { Hands } from "../actions/hands";
import type { EventCard, SubjectCard } from "../engine/generated";
import { MotionModel } from "../model/motion";
import * as store from "../model/store";
import { applyPreferences } from "../theme/apply";
import { App } from "../ui/app";
import { fixtureScene, NOW } from "./fixtures/scene";

applyPreferences();
const subject = (over: Partial<SubjectCard>): SubjectCard => ({ kind: "replica", node: 1, other: -1, topic: "orders", partition: 0, name: "", group: "", ...over });
const card = (id: number, us: number, what: EventCard["what"], node = "1"): EventCard => ({ id, at_us: us, node, trigger: id - 1, visible: true, noise: false, what });
const change = (fact: string, from: number, to: number, over: Partial<SubjectCard> = {}): EventCard["what"] => ({
  is: "changed",
  fact,
  subject: subject(over),
  from,
  to,
  rule: "hw.min-isr",
  facts: [{ fact: "log_end_offset", subject: subject({ kind: "remote", other: 2 }), value: 11, set_by: 3 }],
});
const list = [
  card(1, 41.397e6, { is: "commanded", command: JSON.stringify({ do: "produce", record: { key: "dia" } }) }, ""),
  card(2, 41.402e6, { is: "sent", api: "Produce", answer: false, to: "1" }, "p1"),
  card(3, 41.404e6, change("log_end_offset", 10, 11)),
  card(4, 41.406e6, change("log_end_offset", 10, 11, { node: 2 }), "2"),
  card(5, 41.408e6, change("log_end_offset", 10, 11, { kind: "remote", other: 2 })),
  card(6, 41.408e6, change("high_watermark", 10, 11)),
];
const scene = fixtureScene();
const motion = new MotionModel();
store.title.value = { id: "fixture", en: "Fixture", ko: "예시" };
store.scene.value = scene;
store.nowUs.value = NOW;
store.events.value = list;
store.narration.value = list[5];
store.why.value = { causes: [...list].reverse().map((event) => ({ event, folded: 0 })) };
store.timeline.value = {
  knots: [0, 1, 2, 3, 4, 5, 6, 7, 8].map((i) => ({ at_us: (i * NOW) / 8, screen_ms: i * 4000, folded: i === 3 })),
  marks: Array.from({ length: 60 }, (_, i) => ({ at_us: (i * NOW) / 60, event: i, lane: (["produce", "copy", "copy", "group"] as const)[i % 4], key: i % 8, tone: "plain" as const, node: -1 })).concat([
    { at_us: NOW * 0.2, event: 3, lane: "fault" as never, key: 0, tone: "killed" as never, node: 3 },
    { at_us: NOW * 0.75, event: 3, lane: "fault" as never, key: 0, tone: "back" as never, node: 3 },
    { at_us: NOW * 0.2, event: 3, lane: "you" as never, key: 0, tone: "plain" as never, node: 3 },
  ]),
  runUs: NOW,
  branches: [{ id: 0, leftAtUs: NOW * 0.75, endUs: NOW, marks: [] }],
};
const hands = new Proxy({}, { get: () => () => true }) as Hands;
render(<App hands={hands} motion={motion} />, document.getElementById("app") as HTMLElement);
