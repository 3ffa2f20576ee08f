// Do two people in two browsers see the same? A conversation, an edit, a deletion, a cut line, and back.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { account, asGuest, joins, launch, line, message, open, room, says, signIn, startSystem } from "./stage.js";

// Of this run: on a system that stays there are those of earlier ones.
const [SALON, CUT, KEPT, COURT, LINKED, HERE, THERE] = ["Salon", "Cut", "Kept", "Court", "Linked", "Here", "Yonder"].map((name) => `${name} ${Date.now()}`);

let system, browser;
before(async () => ([system, browser] = await Promise.all([startSystem(), launch()])));
after(async () => {
  await browser?.close();
  await system?.stop();
});

const texts = (page) => page.locator("li.message:not(.is-waiting) .text").allTextContents();

test("a conversation, an edit, a deletion and a reaction arrive at the other", async () => {
  const ada = await account(system.url, "Ada");
  await room(system.url, ada.token, SALON);
  const [one, other] = [await open(browser, system.url), await open(browser, system.url)];
  await signIn(one, ada);
  await one.locator(".room-row", { hasText: SALON }).click();
  await asGuest(other, "Bob");
  await joins(other, SALON);
  await says(one, "hello");
  await message(other, "hello").waitFor();
  await says(other, "good evening");
  await message(one, "good evening").waitFor();

  await message(one, "hello").hover();
  await message(one, "hello").getByRole("button", { name: "More" }).click();
  await one.getByRole("menuitem", { name: "Edit" }).click();
  await one.getByRole("textbox", { name: /^Message / }).fill("hello there");
  await one.keyboard.press("Enter");
  await message(other, "hello there").getByText("(edited)").waitFor();

  await message(other, "hello there").hover();
  await message(other, "hello there").getByRole("button", { name: "React" }).click();
  await other.getByRole("menuitem", { name: "React with 👍" }).click();
  await message(one, "hello there").getByRole("button", { name: "👍, 1 person" }).waitFor();

  await message(other, "good evening").hover();
  await message(other, "good evening").getByRole("button", { name: "More" }).click();
  await other.getByRole("menuitem", { name: "Delete" }).click();
  await one.getByText("This message was deleted.").waitFor();
  assert.deepEqual(await texts(one), await texts(other));
  assert.deepEqual([...one.troubles, ...other.troubles], []);
  await one.context().close();
  await other.context().close();
});

test("a network that was cut and is back has lost nothing, whoever wrote meanwhile", async () => {
  const ada = await account(system.url, "Ada");
  await room(system.url, ada.token, CUT);
  const wire = await line(system.url);
  const [one, other] = [await open(browser, system.url), await open(browser, wire.url)];
  await signIn(one, ada);
  await one.locator(".room-row", { hasText: CUT }).click();
  await asGuest(other, "Bob");
  await joins(other, CUT);
  for (const text of ["a", "b", "c"]) await says(one, text);
  await message(other, "c").waitFor();

  wire.cut();
  await other.locator(".side").getByText("No connection.").waitFor();
  await message(one, "c").hover();
  await message(one, "c").getByRole("button", { name: "More" }).click();
  await one.getByRole("menuitem", { name: "Edit" }).click();
  await one.getByRole("textbox", { name: /^Message / }).fill("sea");
  await one.keyboard.press("Enter");
  await message(one, "sea").waitFor();
  for (let n = 0; n < 60; n += 1) await says(one, `meanwhile ${n}`);
  await message(one, "b").hover();
  await message(one, "b").getByRole("button", { name: "More" }).click();
  await one.getByRole("menuitem", { name: "Delete" }).click();
  await one.getByText("This message was deleted.").waitFor();
  await says(other, "written offline");
  await other.locator("li.is-waiting").waitFor();

  wire.mend();
  await other.locator(".side").getByRole("button", { name: "Try now" }).click();
  await message(other, "meanwhile 59").waitFor();
  await message(one, "written offline").waitFor();
  for (const page of [one, other]) await page.locator("li.is-waiting").waitFor({ state: "detached" });
  const meanwhile = Array.from({ length: 60 }, (_, n) => `meanwhile ${n}`);
  const expected = ["a", "This message was deleted.", "sea (edited)", ...meanwhile, "written offline"];
  assert.deepEqual(await texts(other), expected);
  assert.deepEqual(await texts(one), expected);
  await one.context().close();
  await other.context().close();
  wire.end();
});

test("a page that is opened again shows what it had, and whoever left the room says so", async () => {
  const ada = await account(system.url, "Ada");
  const id = await room(system.url, ada.token, KEPT);
  const page = await open(browser, system.url);
  await signIn(page, ada);
  await page.locator(".room-row", { hasText: KEPT }).click();
  await says(page, "remember me");
  await message(page, "remember me").waitFor();
  // A closing page writes down what it has; its own word for it is awaited.
  await page.evaluate(() => globalThis.chat.keep());
  await page.reload();
  await message(page, "remember me").waitFor();
  assert.ok(page.url().endsWith(id));
  await page.context().close();
});

// Red with `chat.forget` before `chat.stop` and without its own (main.js): what is written down at the end stays.
test("who signs out leaves nothing in the browser", async () => {
  const ada = await account(system.url, "Ada");
  await room(system.url, ada.token, `${KEPT} not`);
  const page = await open(browser, system.url);
  await signIn(page, ada);
  await page.locator(".room-row", { hasText: `${KEPT} not` }).click();
  await says(page, "between us");
  await page.locator("li.message:not(.is-waiting)", { hasText: "between us" }).waitFor();
  await page.evaluate(() => globalThis.chat.keep());
  const kept = () => page.evaluate((name) => new Promise((done, failed) => {
    const opening = indexedDB.open(name);
    opening.onerror = () => failed(opening.error);
    opening.onsuccess = () => {
      const asking = opening.result.transaction("rooms").objectStore("rooms").getAll();
      asking.onsuccess = () => (opening.result.close(), done(JSON.stringify(asking.result)));
    };
  }), `chatroom.${ada.id}`);
  assert.match(await kept(), /between us/);
  await page.getByRole("button", { name: /^Your account/ }).click();
  await page.getByRole("menuitem", { name: "Sign out" }).click();
  await page.getByText("You were signed out.").waitFor();
  assert.equal(await kept(), "[]");
  assert.equal(await page.evaluate(() => localStorage.length), 0);
  await page.context().close();
});

test("a link to a room leads in whoever is not in it, and says so where there is none", async () => {
  const ada = await account(system.url, "Ada");
  const id = await room(system.url, ada.token, LINKED);
  const page = await open(browser, `${system.url}/#${id}`);
  await asGuest(page, "Bob");
  await page.getByRole("heading", { name: LINKED }).waitFor();
  await page.getByRole("button", { name: "Join this room" }).click();
  await says(page, "found you");
  await message(page, "found you").waitFor();
  await page.goto(`${system.url}/#${id.slice(0, -4)}0000`);
  await page.getByText("There is no such room").waitFor();
  await page.context().close();
});

test("what was begun in one room is there when one comes back from another", async () => {
  const ada = await account(system.url, "Ada");
  for (const name of [HERE, THERE]) await room(system.url, ada.token, name);
  const page = await open(browser, system.url);
  await signIn(page, ada);
  await page.locator(".room-row", { hasText: HERE }).click();
  await page.getByRole("textbox", { name: `Message ${HERE}` }).fill("half a thou");
  await page.locator(".room-row", { hasText: THERE }).click();
  assert.equal(await page.getByRole("textbox", { name: `Message ${THERE}` }).inputValue(), "");
  await page.locator(".room-row", { hasText: HERE }).click();
  assert.equal(await page.getByRole("textbox", { name: `Message ${HERE}` }).inputValue(), "half a thou");
  await page.context().close();
});

test("a moderator hides a message, mutes, bans and unbans; the banned is told, out, and back", async () => {
  const ada = await account(system.url, "Ada");
  await room(system.url, ada.token, COURT);
  const [one, other] = [await open(browser, system.url), await open(browser, system.url)];
  await signIn(one, ada);
  await one.locator(".room-row", { hasText: COURT }).click();
  await asGuest(other, "Mallory");
  await joins(other, COURT);
  await says(other, "spam");
  await message(one, "spam").hover();
  await message(one, "spam").getByRole("button", { name: "More" }).click();
  await one.getByRole("menuitem", { name: "Hide from others" }).click();
  await one.getByText("Hidden from others").waitFor();
  await one.getByRole("button", { name: "Members" }).click();
  for (const what of ["Mute", "Ban"]) {
    await one.getByRole("button", { name: "Actions for Mallory" }).click();
    await one.getByRole("menuitem", { name: `${what}…` }).click();
    await one.getByRole("dialog").getByRole("button", { name: what, exact: true }).click();
    if (what === "Mute") await other.getByRole("textbox", { name: "You are muted here." }).waitFor();
    await one.getByRole("dialog").waitFor({ state: "detached" });
  }
  await other.getByText(`You were banned from ${COURT}.`).waitFor();

  await one.getByRole("button", { name: "More about this room" }).click();
  await one.getByRole("menuitem", { name: "Moderation" }).click();
  const court = one.getByRole("dialog", { name: "Moderation" });
  await court.getByText("hid a message of Mallory").waitFor();
  await court.getByRole("button", { name: "Unban Mallory" }).click();
  await court.getByText("Nobody.").waitFor();
  await court.getByText("lifted the ban of Mallory").waitFor();
  await court.getByRole("button", { name: "Close" }).click();
  await joins(other, COURT);
  await one.context().close();
  await other.context().close();
});
