// Does one user's second tab, or another device, change what a page has? Two tabs of one browser, and a page that is told nothing.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { account, call, launch, line, open, room, says, signIn, startSystem } from "./stage.js";

const [TWICE, ADDED] = ["Twice", "Added"].map((name) => `${name} ${Date.now()}`);

let system, browser;
before(async () => ([system, browser] = await Promise.all([startSystem(), launch()])));
after(async () => {
  await browser?.close();
  await system?.stop();
});

// Red with `kept` left out of `withOthers` (clients/ts/src/outbox.ts): the tab that writes last undoes the other's.
test("what waited in two tabs that were closed is sent by the next one, each once", async () => {
  const ada = await account(system.url, "Ada");
  const id = await room(system.url, ada.token, TWICE);
  const wire = await line(system.url);
  const first = await open(browser, wire.url);
  await signIn(first, ada);
  const tab = async () => {
    const page = await first.context().newPage();
    await page.goto(`${wire.url}/#${id}`);
    await page.getByRole("heading", { name: TWICE, level: 2 }).waitFor();
    await page.getByRole("textbox", { name: `Message ${TWICE}` }).waitFor();
    return page;
  };
  const tabs = [await tab(), await tab()];
  await first.close();
  wire.cut();
  for (const [n, page] of tabs.entries()) {
    await page.locator(".side").getByText("No connection.").waitFor();
    await says(page, `from tab ${n}`);
    await page.locator("li.is-waiting").waitFor();
    await page.evaluate(() => globalThis.chat.keep());
  }
  for (const page of tabs) await page.close();

  wire.mend();
  const next = await tab();
  const sent = next.locator("li.message:not(.is-waiting) .text");
  for (const n of [0, 1]) await sent.getByText(`from tab ${n}`, { exact: true }).waitFor();
  await next.locator("li.is-waiting").waitFor({ state: "detached" });
  const page = await call(system.url, "GET", `/v1/rooms/${id}/messages`, { token: ada.token });
  assert.deepEqual(page.items.map(({ text }) => text).sort(), ["from tab 0", "from tab 1"]);
  await next.context().close();
  wire.end();
});

// Red with `chat.look` left out where the page is seen again (main.js).
test("a private room that one was added to is there when the page is looked at again", async () => {
  const [ada, bob] = [await account(system.url, "Ada"), await account(system.url, "Bob")];
  const page = await open(browser, system.url);
  await signIn(page, bob);
  const { lounge } = await call(system.url, "POST", "/v1/lounges", { token: ada.token, body: { name: `Lounge of ${ADDED}` } });
  const body = { name: ADDED, language: "en", visibility: "private", guests: false };
  const { room } = await call(system.url, "POST", `/v1/lounges/${lounge.id}/rooms`, { token: ada.token, body });
  const { position } = await call(system.url, "PUT", `/v1/rooms/${room.id}/members/${bob.id}`, { token: ada.token });
  // From here on his list has it.
  await call(system.url, "GET", "/v1/users/me/rooms", { token: bob.token, after: position });
  await page.evaluate(() => document.dispatchEvent(new Event("visibilitychange")));
  await page.locator(".room-row", { hasText: ADDED }).click();
  await page.getByRole("heading", { name: ADDED, level: 2 }).waitFor();
  await call(system.url, "POST", `/v1/rooms/${room.id}/messages`, { token: ada.token, body: { text: "welcome" } });
  await page.locator("li.message .text", { hasText: "welcome" }).waitFor();
  await page.context().close();
});
