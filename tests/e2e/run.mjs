// Plays the built page as a person would: by mouse and by keyboard, in both languages, on three screens.

import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { clock, eventNumber, hw, open, reads, text, visit } from "./page.mjs";

const shots = "test-results";
mkdirSync(shots, { recursive: true });
const only = process.argv[2];

const tests = {
  "opens in motion and explains itself"({ page }) {
    return (async () => {
      const before = await clock(page);
      await page.waitForFunction((t) => {
        const c = document.querySelector(".clock")?.textContent ?? "";
        return c.split(":").map(Number).reduce((s, p) => s * 60 + p, 0) > t;
      }, before);
      await reads(page, ".ends .hw b", /^[1-9]/);
      await reads(page, ".narration p", /\S+ \S+ \S+/);
      await reads(page, "[data-tree]", /record 0, key dia/);
    })();
  },

  async "pauses, steps, steps back and finds the same moment"({ page }) {
    await reads(page, ".ends .hw b", /^[1-9]/);
    await page.keyboard.press("Space");
    await page.waitForSelector('.btn.play[aria-label^="Play"]');
    const here = await eventNumber(page);
    await page.keyboard.press("ArrowRight");
    await page.waitForFunction((n) => Number(document.querySelector(".count")?.textContent?.replace(/\D/g, "")) > n, here);
    const there = await eventNumber(page);
    const state = await text(page, ".block");
    await page.keyboard.press("ArrowRight");
    await page.waitForFunction((n) => Number(document.querySelector(".count")?.textContent?.replace(/\D/g, "")) > n, there);
    const beyond = await eventNumber(page);
    await page.keyboard.press("ArrowLeft");
    await page.waitForFunction((n) => Number(document.querySelector(".count")?.textContent?.replace(/\D/g, "")) < n, beyond);
    assert.equal(await text(page, ".block"), state, "the same moment reads the same");
    await page.keyboard.press("Home");
    await reads(page, ".clock", /^00:00\.000$/);
  },

  async "sends a record from the card; it is acked, counted, and answered by why"({ page }) {
    await reads(page, ".ends .hw b", /^[1-9]/);
    await page.fill('[data-compose="p1"]', "k");
    await page.keyboard.press("Tab");
    await page.keyboard.type("hello");
    await page.keyboard.press("Enter");
    await reads(page, ".log", /You sent “k”/);
    await reads(page, "[data-tree]", /key k/);
    await page.click(".ends .hw");
    await reads(page, ".inspector h2", /High watermark/);
    await reads(page, ".chain", /HW of orders-0 moved/);
  },

  async "kills the leader by key: another takes over; started again, it catches up; undo takes it back"({ page }) {
    await reads(page, ".ends .hw b", /^[1-9]/);
    await page.keyboard.press("KeyK");
    await reads(page, '[data-actor="1"]', /killed/);
    await page.keyboard.press("KeyM");
    await reads(page, '.broker:not([data-actor="1"])', /leads orders-0/);
    await page.keyboard.press("KeyS");
    await page.keyboard.press("KeyK");
    await reads(page, '[data-actor="1"]', /starting|fenced|catching|leads/);
    await page.click('[aria-label="Undo"]');
    await reads(page, '[data-actor="1"]', /killed/);
  },

  async "holds a message on its way, sees it wait, and lets it go"({ page }) {
    await page.keyboard.press("BracketLeft");
    await page.keyboard.press("BracketLeft");
    await reads(page, "[data-tree] button", /^Produce, 1 record/);
    await page.keyboard.press("Space");
    await page.evaluate(() => [...document.querySelectorAll("[data-tree] button")].find((b) => /^Produce, 1 record/.test(b.textContent))?.click());
    await reads(page, ".inspector h2", /^Message/);
    await page.click('.actions button:has-text("Hold")');
    await reads(page, ".log", /You held a message/);
    await page.click('.actions button:has-text("Let go")');
    await reads(page, ".log", /You let a message go/);
  },

  async "adds a consumer and slows one"({ page }) {
    await reads(page, ".group", /Stable/);
    await page.keyboard.press("KeyN");
    await reads(page, ".group", /c2/);
    await page.locator('.slider input[type="range"]').first().press("ArrowRight");
    await reads(page, ".slider .n", /250 ms/);
  },

  async "speaks Korean and changes its light"({ page }) {
    await page.keyboard.press("KeyL");
    await reads(page, ".caption", /프로듀서/);
    assert.equal(await page.evaluate(() => document.documentElement.lang), "ko");
    await page.keyboard.press("KeyT");
    await page.waitForFunction(() => document.documentElement.dataset.theme === "light" || document.documentElement.dataset.theme === "dark");
  },

  async "has nothing for axe to find"({ page }) {
    await reads(page, ".ends .hw b", /^[1-9]/);
    await page.keyboard.press("Space");
    await page.evaluate(readFileSync("node_modules/axe-core/axe.min.js", "utf8"));
    const found = await page.evaluate(async () => {
      const r = await globalThis.axe.run(document, { runOnly: ["wcag2a", "wcag2aa"] });
      return r.violations.map((v) => `${v.id}: ${v.nodes.slice(0, 3).map((n) => n.target.join(" ")).join("; ")}`);
    });
    assert.deepEqual(found, []);
  },
};

async function pictures(host) {
  for (const [width, height] of [[1440, 900], [1024, 700], [390, 844]]) {
    for (const theme of ["dark", "light"]) {
      for (const lang of ["en", "ko"]) {
        const v = await visit(host, { width, height, hash: `theme=${theme}&lang=${lang}` });
        await reads(v.page, ".ends .hw b", /^[2-9]/);
        await v.page.screenshot({ path: `${shots}/${width}-${theme}-${lang}.png` });
        assert.deepEqual(v.errors, [], `${width} ${theme} ${lang}`);
        await v.done();
      }
    }
  }
}

const host = await open();
let failed = 0;
let passed = 0;
try {
  for (const [name, test] of Object.entries(tests)) {
    if (only && only !== "pictures" && !name.includes(only)) continue;
    if (only === "pictures") break;
    const v = await visit(host);
    try {
      await test(v);
      assert.deepEqual(v.errors, [], "the console stays silent");
      passed++;
      console.log(`  ok  ${name}`);
    } catch (e) {
      failed++;
      console.log(`FAIL  ${name}\n      ${String(e.message ?? e).split("\n").slice(0, 6).join("\n      ")}${v.errors.length ? `\n      console: ${v.errors.join(" | ")}` : ""}`);
      await v.page.screenshot({ path: `${shots}/failed-${failed}.png` }).catch(() => {});
    }
    await v.done();
  }
  if (!only || only === "pictures") await pictures(host);
} finally {
  await host.close();
}
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
