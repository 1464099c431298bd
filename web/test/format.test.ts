import { expect, test } from "vitest";
import { axis, bytes, clock, count, duration, remaining, segmentName, stamp } from "../base/format";
import { josa } from "../base/josa";
import { plain, rich, num } from "../base/rich";

test("virtual times read the same everywhere", () => {
  expect(clock(41_409_000)).toBe("00:41.409");
  expect(clock(3_661_001_000)).toBe("1:01:01.001");
  expect(stamp(41_408_999)).toBe("41.408");
  expect(stamp(62_408_000)).toBe("1:02.408");
  expect(axis(4_200_000)).toBe("0:04.20");
});

test("a length of time keeps to three digits and its unit", () => {
  expect([duration(50), duration(2_900), duration(38_000), duration(5_100_000), duration(299_900_000)]).toEqual(["50 µs", "2.9 ms", "38 ms", "5.1 s", "4:59.9"]);
  expect(duration(38_000, "")).toBe("38ms");
  expect(remaining(44_100_000)).toBe("44.1 s");
  expect(remaining(-5)).toBe("0.0 s");
});

test("counts, bytes and segment names", () => {
  expect(count(1_284)).toBe("1,284");
  expect(count(1_000_000)).toBe("1,000,000");
  expect(bytes(1536)).toBe("1.5 KiB");
  expect(segmentName(6)).toBe("0000…0006.log");
  expect(segmentName(6, true)).toBe("00000000000000000006.log");
});

test("particles follow how a name is read aloud", () => {
  expect([0, 1, 2, 3, 6, 7, 9].map((n) => josa(n, "이/가"))).toEqual(["이", "이", "가", "이", "이", "이", "가"]);
  expect([1, 2, 6, 8].map((n) => josa(n, "으로/로"))).toEqual(["로", "로", "으로", "로"]);
  expect(josa("브로커", "은/는")).toBe("는");
  expect(josa("orders", "을/를")).toBe("를");
});

test("marked text is text: nothing in it is ever markup", () => {
  const r = rich`a ${num("<b>7</b>")} ${"& c"}`;
  expect(r).toEqual(["a ", { text: "<b>7</b>", tone: "num" }, " & c"]);
  expect(plain(r)).toBe("a <b>7</b> & c");
});
