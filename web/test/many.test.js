// Does a room of a hundred thousand messages scroll? It is read to its beginning by pages, with few rows, without a hole.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { account, call, launch, open, room, signIn, startSystem } from "./stage.js";

/** `MESSAGES=100000 node --test test/many.test.js` for all of them: they take minutes to be posted and read. */
const MESSAGES = Number(process.env["MESSAGES"] ?? 2_000);
const AT_ONCE = 32;
const ROWS_MAX = 400;
const STEP_PX = 600;
/** So long nothing may come while the beginning is not reached. */
const STUCK_MS = 20_000;

let system, browser;
before(async () => ([system, browser] = await Promise.all([startSystem(), launch()])));
after(async () => {
  await browser?.close();
  await system?.stop();
});

async function fill(url, id, token) {
  let next = 0;
  const worker = async () => {
    while (next < MESSAGES) {
      const n = (next += 1);
      await call(url, "POST", `/v1/rooms/${id}/messages`, { token, body: { text: `${n} ${"lorem ipsum dolor sit amet ".repeat(1 + (n % 7))}` } });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

/**
 * Scrolls a step a frame until an end is reached: how long each frame took, the most rows, how far what is read moved
 * against its place, and which messages were rows.
 */
const scrolled = (page, direction) => page.evaluate(async ([sign, step, stuckMs]) => {
  const history = document.querySelector(".history");
  const timeline = globalThis.chat.timeline(location.hash.slice(1));
  const took = [], seen = new Set();
  let rows = 0, jump = 0, twice = 0, newest = performance.now();
  const inView = () => {
    const top = history.getBoundingClientRect().top;
    const row = [...history.querySelectorAll("li.message")].find((one) => one.getBoundingClientRect().bottom > top + 200);
    return row && { id: row.dataset.id, top: row.getBoundingClientRect().top };
  };
  // What was read is a row a frame later.
  const isDrawn = () => [...history.querySelectorAll("li.message")].at(sign < 0 ? 0 : -1)?.dataset.id === timeline.state.messages.at(sign < 0 ? 0 : -1)?.id;
  const isOver = () => isDrawn() && (sign < 0 ? timeline.state.at_start && history.scrollTop === 0
    : timeline.state.at_end && history.scrollHeight - history.scrollTop - history.clientHeight < 2);
  let last = performance.now();
  while (!isOver()) {
    const before = inView(), from = history.scrollTop, height = history.scrollHeight;
    history.scrollTop += sign * step;
    const moved = history.scrollTop - from;
    const row = before && history.querySelector(`[data-id="${before.id}"]`);
    if (row && height === history.scrollHeight) jump = Math.max(jump, Math.abs(row.getBoundingClientRect().top + moved - before.top));
    await new Promise(requestAnimationFrame);
    const now = performance.now();
    took.push(now - last);
    last = now;
    const ids = [...history.querySelectorAll("li.message")].map((one) => one.dataset.id);
    rows = Math.max(rows, history.querySelectorAll("li.message, li.day, li.beginning").length);
    twice = Math.max(twice, ids.length - new Set(ids).size);
    const known = seen.size;
    for (const id of ids) seen.add(id);
    if (seen.size > known || moved !== 0) newest = now;
    if (now - newest > stuckMs) throw new Error(`stuck at ${seen.size} messages`);
  }
  took.sort((one, other) => one - other);
  const at = (part) => Math.round(took[Math.floor(part * (took.length - 1))] * 10) / 10;
  return { messages: seen.size, frames: took.length, p50: at(0.5), p95: at(0.95), p99: at(0.99), max: at(1), rows, twice, jump };
}, [direction, STEP_PX, STUCK_MS]);

async function memory(page) {
  const devtools = await page.context().newCDPSession(page);
  await devtools.send("HeapProfiler.collectGarbage");
  await devtools.send("Performance.enable");
  const { metrics } = await devtools.send("Performance.getMetrics");
  await devtools.detach();
  const of = (name) => metrics.find((metric) => metric.name === name).value;
  return `${(of("JSHeapUsedSize") / 2 ** 20).toFixed(1)} MiB of heap, ${of("Nodes")} nodes`;
}

// Red with `trimmed` returning what it is given (window.ts): rows are not bounded. With the page's first message left out
// of what is joined (window.ts): messages are missing.
test(`${MESSAGES} messages are read from the end to the beginning and back, each once, with few rows`, async (t) => {
  const ada = await account(system.url, "Ada");
  const id = await room(system.url, ada.token, "Many");
  const from = Date.now();
  await fill(system.url, id, ada.token);
  t.diagnostic(`${Math.round(MESSAGES / (Date.now() - from) * 1_000)} messages a second were posted`);
  const page = await open(browser, system.url);
  await signIn(page, ada);
  await page.locator(".room-row", { hasText: "Many" }).click();
  await page.locator("li.message").first().waitFor();
  t.diagnostic(`at the end: ${await memory(page)}`);
  for (const [way, direction] of [["up", -1], ["down", 1]]) {
    const told = await scrolled(page, direction);
    t.diagnostic(`${way}: ${JSON.stringify(told)} (ms a frame); ${await memory(page)}`);
    assert.equal(told.messages, MESSAGES, "every message was a row");
    assert.equal(told.twice, 0, "no message is there twice");
    assert.ok(told.rows <= ROWS_MAX, "rows are bounded");
    assert.ok(told.jump <= 2, "what is read stays where it is");
  }

  // By its day to its beginning, and back in one step.
  await page.getByRole("button", { name: "Go to a day" }).click();
  await page.getByLabel("Day", { exact: true }).fill(await page.evaluate(() => new Intl.DateTimeFormat("sv").format(new Date())));
  await page.getByRole("button", { name: "Go", exact: true }).click();
  await page.getByText("This is where the room began.").waitFor();
  await page.getByRole("button", { name: "Latest" }).click();
  await page.locator(".text", { hasText: new RegExp(`^${MESSAGES} lorem`) }).waitFor();
  await page.context().close();
});
