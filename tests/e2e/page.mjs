// A browser with the built page in it, and what a person can see and do there. Nothing here sleeps: it waits for what is
// to be seen. Any console error or page error fails the run.

import { chromium } from "playwright-core";
import { preview } from "vite";

export const TIMEOUT_MS = 60_000;

/** Serves dist/ and opens a browser. */
export async function open() {
  const server = await preview({ preview: { port: 0, host: "127.0.0.1" }, logLevel: "silent" });
  const address = server.httpServer.address();
  const url = `http://127.0.0.1:${address.port}/`;
  const executablePath = process.env.CHROME_BIN ?? "/usr/bin/chromium";
  const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"] });
  const close = async () => {
    await browser.close();
    await new Promise((done) => server.httpServer.close(done));
  };
  return { url, browser, close };
}

/** A page that has drawn its first scene. `errors` gathers what must not be. */
export async function visit(host, { width = 1440, height = 900, hash = "theme=dark&lang=en", reducedMotion } = {}) {
  const context = await host.browser.newContext({ viewport: { width, height }, reducedMotion });
  const page = await context.newPage();
  page.setDefaultTimeout(TIMEOUT_MS);
  const errors = [];
  page.on("console", (m) => {
    if (m.type() === "error" || m.type() === "warning") errors.push(`${m.type()}: ${m.text()}`);
  });
  page.on("pageerror", (e) => errors.push(e.message));
  const began = Date.now();
  await page.goto(`${host.url}#${hash}`);
  await page.waitForSelector(".block");
  return { page, errors, firstMs: Date.now() - began, done: () => context.close() };
}

/** The virtual clock in seconds, as it reads. */
export const clock = (page) =>
  page.evaluate(() => {
    const parts = (document.querySelector(".clock")?.textContent ?? "0").split(":").map(Number);
    return parts.reduce((sum, p) => sum * 60 + p, 0);
  });

export const text = (page, selector) => page.evaluate((s) => document.querySelector(s)?.textContent ?? "", selector);

/** Waits until the words of an element satisfy a pattern. */
export const reads = (page, selector, pattern) =>
  page.waitForFunction(([s, p]) => [...document.querySelectorAll(s)].some((e) => new RegExp(p).test(e.textContent ?? "")), [selector, pattern.source ?? pattern], { timeout: TIMEOUT_MS });

export const eventNumber = async (page) => Number((await text(page, ".count")).replace(/\D/g, ""));

/** High watermark of the first partition, as its header says it. */
export const hw = async (page) => Number((await text(page, ".ends .hw b")).trim());
