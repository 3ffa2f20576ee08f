// Does a room of a hundred thousand messages scroll? The history is read in both directions with a bounded number of rows.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { account, call, launch, open, room, signIn, startSystem } from "./stage.js";

/** All of them take minutes to be posted: fewer unless it is asked for. */
const MESSAGES = Number(process.env["MESSAGES"] ?? 2_000);
const AT_ONCE = 24;
const ROWS_MAX = 400;
const STEP_PX = 600;

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

/** Scrolls so many pages, a step a frame; how long each frame took, and how far what is read moved against its place. */
const scrolled = (page, direction, frames) => page.evaluate(async ([sign, count, step]) => {
  const history = document.querySelector(".history");
  const took = [];
  let rows = 0, jump = 0;
  const inView = () => {
    const top = history.getBoundingClientRect().top;
    const row = [...history.querySelectorAll("li.message")].find((one) => one.getBoundingClientRect().bottom > top + 200);
    return row && { id: row.dataset.id, top: row.getBoundingClientRect().top };
  };
  let last = performance.now();
  for (let n = 0; n < count; n += 1) {
    const before = inView(), from = history.scrollTop, height = history.scrollHeight;
    history.scrollTop += sign * step;
    const moved = history.scrollTop - from;
    const row = before && history.querySelector(`[data-id="${before.id}"]`);
    if (row && height === history.scrollHeight) jump = Math.max(jump, Math.abs(row.getBoundingClientRect().top + moved - before.top));
    await new Promise(requestAnimationFrame);
    const now = performance.now();
    took.push(now - last);
    last = now;
    rows = Math.max(rows, history.querySelectorAll("li").length);
  }
  took.sort((one, other) => one - other);
  const at = (part) => Math.round(took[Math.floor(part * (took.length - 1))] * 10) / 10;
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99), max: at(1), rows, jump };
}, [direction, frames, STEP_PX]);

test(`${MESSAGES} messages are read from the end to far up and back, with few rows`, async (t) => {
  const ada = await account(system.url, "Ada");
  const id = await room(system.url, ada.token, "Many");
  await fill(system.url, id, ada.token);
  const page = await open(browser, system.url);
  await signIn(page, ada);
  await page.locator(".room-row", { hasText: "Many" }).click();
  await page.locator("li.message").first().waitFor();
  const up = await scrolled(page, -1, Math.min(2_000, MESSAGES / 5));
  t.diagnostic(`up:   ${JSON.stringify(up)} (ms a frame)`);
  const down = await scrolled(page, 1, 200);
  t.diagnostic(`down: ${JSON.stringify(down)} (ms a frame)`);
  assert.ok(up.rows <= ROWS_MAX && down.rows <= ROWS_MAX, "rows are bounded");
  assert.ok(up.jump <= 2 && down.jump <= 2, "what is read stays where it is");

  // To its beginning and back in one step each.
  await page.evaluate(async (room) => globalThis.chat.timeline(room).at("2000-01-01T00:00:00Z"), id);
  await page.getByText("This is where the room began.").waitFor();
  await page.getByRole("button", { name: "Latest" }).click();
  await page.waitForFunction((room) => globalThis.chat.timeline(room).state.at_end, id);
  const ids = await page.evaluate((room) => globalThis.chat.timeline(room).state.messages.map((message) => message.seq), id);
  assert.deepEqual(ids, ids.toSorted((one, other) => one - other));
  await page.context().close();
});
