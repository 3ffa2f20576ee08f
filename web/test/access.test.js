// Can everybody use it? The rules that a machine can check, the keyboard, and texts from right to left.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { account, call, launch, message, open, room, signIn, startSystem } from "./stage.js";

const axe = readFileSync(new URL("../node_modules/axe-core/axe.min.js", import.meta.url), "utf8");

let system, browser;
before(async () => ([system, browser] = await Promise.all([startSystem(), launch()])));
after(async () => {
  await browser?.close();
  await system?.stop();
});

async function findings(page) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => globalThis.axe.run());
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.target.join(" ")).join(", ")}`);
}

for (const colorScheme of ["light", "dark"]) {
  test(`no rule of accessibility is broken, ${colorScheme}`, async () => {
    const ada = await account(system.url, "Ada");
    const id = await room(system.url, ada.token, "Café");
    await call(system.url, "POST", `/v1/rooms/${id}/messages`, { token: ada.token, body: { text: "hello https://example.org" } });
    const page = await open(browser, system.url, { colorScheme, bypassCSP: true });
    await page.getByRole("tab", { name: "Guest" }).waitFor();
    assert.deepEqual(await findings(page), []);
    await signIn(page, ada);
    await page.locator(".room-row", { hasText: "Café" }).click();
    await message(page, "hello https://example.org").waitFor();
    await page.getByRole("button", { name: "Members" }).click();
    await page.locator(".person").waitFor();
    assert.deepEqual(await findings(page), []);
    await page.getByRole("button", { name: "More about this room" }).click();
    await page.getByRole("menuitem", { name: "Moderation" }).click();
    await page.getByText("Nothing was reported or done yet.").waitFor();
    assert.deepEqual(await findings(page), []);
    await page.getByRole("button", { name: "Close", exact: true }).click();
    await page.getByRole("button", { name: "Find a room" }).first().click();
    await page.getByRole("button", { name: "Open Café" }).waitFor();
    assert.deepEqual(await findings(page), []);
    await page.context().close();
  });
}

// Red with one id for the headings of all dialogs (ask.js).
test("a dialog that is opened from a dialog has its own name", async () => {
  const ada = await account(system.url, "Ada");
  const page = await open(browser, system.url);
  await signIn(page, ada);
  await page.getByRole("button", { name: "Find a room" }).first().click();
  await page.getByRole("button", { name: "New lounge" }).click();
  await page.getByRole("dialog", { name: "New lounge" }).waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("dialog", { name: "Find a room" }).waitFor();
  await page.context().close();
});

test("a keyboard is enough: into a room, to a message, to what may be done with it, and back", async () => {
  const ada = await account(system.url, "Ada");
  const id = await room(system.url, ada.token, "Keys");
  for (const text of ["first", "second"]) await call(system.url, "POST", `/v1/rooms/${id}/messages`, { token: ada.token, body: { text } });
  const page = await open(browser, system.url);
  await signIn(page, ada);
  await page.locator(".room-row", { hasText: "Keys" }).focus();
  await page.keyboard.press("Enter");
  await message(page, "second").waitFor();
  await page.getByRole("region", { name: "Conversation" }).focus();
  await page.keyboard.press("ArrowUp");
  await page.keyboard.press("ArrowUp");
  assert.match(await page.evaluate(() => document.activeElement?.textContent ?? ""), /first/);
  // The tab key goes to what may be done with this message; that of others is no stop on the way.
  for (const name of ["React", "Reply", "More"]) {
    await page.keyboard.press("Tab");
    assert.equal(await page.evaluate(() => document.activeElement?.getAttribute("aria-label")), name);
  }
  await page.keyboard.press("Enter");
  await page.getByRole("menuitem", { name: "Copy text" }).waitFor();
  await page.keyboard.press("Escape");
  assert.equal(await page.getByRole("menu").count(), 0);
  await page.context().close();
});

// Red without `unicode-bidi` (style.css).
test("a room is laid out as its language is written", async () => {
  const ada = await account(system.url, "Ada");
  const id = await room(system.url, ada.token, "گپ", "fa");
  await call(system.url, "POST", `/v1/rooms/${id}/messages`, { token: ada.token, body: { text: "سلام" } });
  const page = await open(browser, system.url);
  await signIn(page, ada);
  await page.locator(".room-row", { hasText: "گپ" }).click();
  const box = await message(page, "سلام").locator(".avatar").boundingBox();
  const region = await page.getByRole("region", { name: "Conversation" }).boundingBox();
  assert.ok(box.x > region.x + region.width / 2, "faces are on the right");
  // The page's own words are not: "9:41 PM", not "PM 9:41".
  const [first, last] = await message(page, "سلام").locator("time").first().evaluate((time) => {
    const at = (offset) => {
      const range = document.createRange();
      range.setStart(time.firstChild, offset);
      range.setEnd(time.firstChild, offset + 1);
      return range.getBoundingClientRect().x;
    };
    return [at(0), at(time.textContent.length - 1)];
  });
  assert.ok(first < last, "times are written as the page is");
  await page.context().close();
});

test("a narrow page shows the rooms or one of them", async () => {
  const ada = await account(system.url, "Ada");
  await room(system.url, ada.token, "Pocket");
  const page = await open(browser, system.url, { viewport: { width: 375, height: 700 } });
  await signIn(page, ada);
  await page.locator(".room-row", { hasText: "Pocket" }).click();
  assert.equal(await page.getByRole("navigation", { name: "Rooms" }).isVisible(), false);
  // The list, where it is told elsewhere, is not to be seen.
  await page.context().setOffline(true);
  await page.locator(".conversation").getByText("No connection.").waitFor();
  await page.context().setOffline(false);
  await page.locator(".conversation").getByText("No connection.").waitFor({ state: "hidden" });
  await page.getByRole("button", { name: "Back to rooms" }).click();
  await page.locator(".room-row", { hasText: "Pocket" }).waitFor();
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "nothing sticks out");
  await page.context().close();
});
