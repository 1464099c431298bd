import { expect, test } from "vitest";
import { DrawList } from "../draw/list";
import { drawMarks } from "../draw/marks";
import { drawRows, type Look } from "../draw/rows";
import { en } from "../i18n/en";
import { hitTest } from "../layout/hit";
import { along, blockHeight, firstOffset, layoutStage, slotsOf, STILL, type Boxes } from "../layout/stage";
import { keyStyle } from "../model/scene";
import { fixtureScene, NOW } from "./fixtures/scene";

const scene = fixtureScene();

function boxes(): Boxes {
  let y = 100;
  const blocks = scene.frame.partitions.map((p) => {
    const b = { x: 200, y, w: 590, h: blockHeight(p, "middle") };
    y += b.h + 10;
    return b;
  });
  const card = (i: number) => ({ x: 14, y: 100 + i * 150, w: 160, h: 140 });
  return { width: 1088, height: 700, clip: { x: 200, y: 100, w: 590, h: 600 }, blocks, labelWidth: 102, actors: new Map(scene.actors.map((a, i) => [a, card(i)])) };
}

const look: Look = { edged: false, glow: [], words: en.canvas, keyText: (id) => String(id), fade: () => 1 };

test("the line of the high watermark stands before the first offset that is not covered", () => {
  const l = layoutStage(scene, boxes(), "middle", 0, NOW, STILL);
  const b = l.blocks[0];
  const cell = b.cellX + (b.card.hw - b.first) * b.grid.pitch;
  expect(b.hwX).toBeLessThan(cell);
  expect(b.hwX).toBeGreaterThan(cell - b.grid.pitch + b.grid.cw - 1);
});

test("the line crosses only rows that count", () => {
  const b = layoutStage(scene, boxes(), "middle", 0, NOW, STILL).blocks[0];
  const third = b.rows[2];
  expect(third.card.counts).toBe(false);
  expect(b.hwBottom).toBeLessThanOrEqual(third.y);
});

test("rows follow their tail with room ahead, unless the reader scrolled away", () => {
  const p = scene.frame.partitions[0];
  expect(firstOffset(p, 10, 0)).toBe(p.leo + 2 - 10);
  expect(firstOffset(p, 10, 3)).toBe(p.leo + 2 - 10 - 3);
  expect(firstOffset(p, 10, 99)).toBe(0);
  expect(slotsOf(590, 102, "middle")).toBe(14);
});

test("what is under a point is what was drawn there", () => {
  const l = layoutStage(scene, boxes(), "middle", 0, NOW, STILL);
  const b = l.blocks[1];
  const x = b.cellX + 4 * b.grid.pitch + 8;
  expect(hitTest(l, x, b.rows[1].y + 8)).toMatchObject({ kind: "record", partition: 1, offset: b.first + 4, broker: b.rows[1].card.broker });
  expect(hitTest(l, b.hwX, b.hwTop + 6)).toMatchObject({ kind: "hw", partition: 1 });
  const flight = l.flights.find((f) => f.kind === 1);
  expect(flight && hitTest(l, flight.x, flight.y)).toEqual({ kind: "message", id: flight?.id });
});

test("a message is at its true place between send and arrival", () => {
  expect(along([0, 0, 10, 0, 10, 10], 0.75)).toEqual([10, 5]);
  const u = layoutStage(scene, boxes(), "middle", 0, NOW, STILL).flights.map((f) => f.u);
  expect(u.every((x) => x >= 0 && x <= 1)).toBe(true);
  expect(layoutStage(scene, boxes(), "middle", 0, NOW + 10_000, STILL).flights.every((f) => f.u === 1)).toBe(true);
});

test("cells are gathered by style, and words come after shapes", () => {
  const d = new DrawList();
  const l = layoutStage(scene, boxes(), "middle", 0, NOW, STILL);
  for (const b of l.blocks) {
    drawRows(d, scene, b, look, STILL);
    drawMarks(d, b, look, STILL);
  }
  expect(d.ops.filter((o) => o.op === "rects").length).toBeLessThan(120);
  const texts = d.ops.flatMap((o) => (o.op === "texts" ? o.text : []));
  expect(texts).toContain("HW 11");
  expect(texts.some((t) => t.includes("cut off: acked, then lost"))).toBe(true);
});

test("seven keys have a colour each, the eighth is hatched, no key is grey", () => {
  expect([1, 7, 8, 0].map(keyStyle)).toEqual([
    { colour: 1, hatched: false },
    { colour: 7, hatched: false },
    { colour: 1, hatched: true },
    { colour: 0, hatched: false },
  ]);
});
